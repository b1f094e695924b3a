//! What holds of every contraction, by a slow one written straight from its definition, and by
//! hand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cancel::{CancelToken, Run};
use crate::error::Error;

fn bits(bits: f64) -> Weight {
    Weight::from_bits(bits)
}

fn link(left: u32, right: u32, weight: f64) -> ScoredLink {
    ScoredLink { left, right, weight: bits(weight) }
}

fn clusters(records: u32, links: &[ScoredLink], others: f64) -> Partition {
    let score = move |_, _| bits(others);
    cluster_links(records, links, &Contraction::default(), &score, &Run::new()).unwrap()
}

/// A weight between any two records, as if by chance, in half bits from -8 to +7.5.
fn chance(seed: u32) -> impl Fn(u32, u32) -> Weight + Sync {
    move |left, right| {
        let mixed = (left * 31 + right).wrapping_add(seed).wrapping_mul(0x9E37_79B1) >> 20;
        bits(f64::from(mixed % 32) / 2.0 - 8.0)
    }
}

fn guards<'a>(records: usize, bars: &[(u32, u32)], one_per_source: bool) -> Guards<'a> {
    let mut guards = Guards::none(records);
    for (left, right) in bars {
        guards.cannot_link.entry(*left).or_default().insert(*right);
        guards.cannot_link.entry(*right).or_default().insert(*left);
    }
    guards.one_per_source = vec![false, one_per_source];
    guards.source_of = (0..records as u32).map(|record| u32::from(record % 3 == 0)).collect();
    guards
}

/// Contraction as its definition says it, at a cost that no large component could bear.
fn by_definition(
    records: u32,
    links: &[ScoredLink],
    score: &dyn Fn(u32, u32) -> Weight,
    groups: &[u32],
    guards: &Guards<'_>,
) -> Vec<BTreeSet<u32>> {
    let known: BTreeMap<(u32, u32), Weight> =
        links.iter().map(|link| ((link.left, link.right), link.weight)).collect();
    let mut by_group: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    (0..records).for_each(|record| {
        by_group.entry(groups[record as usize]).or_default().insert(record);
    });
    let mut sets: Vec<BTreeSet<u32>> = by_group.into_values().collect();
    loop {
        type Rank = (Weight, Reverse<(u32, u32)>);
        let mut best: Option<(Rank, usize, usize)> = None;
        for (position, one) in sets.iter().enumerate() {
            for (other, two) in sets.iter().enumerate().skip(position + 1) {
                let pairs = one.iter().flat_map(|left| two.iter().map(|right| (*left, *right)));
                let pairs: Vec<(u32, u32)> =
                    pairs.map(|(one, two)| (one.min(two), one.max(two))).collect();
                let forbidden = pairs.iter().any(|(left, right)| {
                    let barred = guards.cannot_link.get(left);
                    let of_source = |record: &u32| guards.source_of[*record as usize] == 1;
                    barred.is_some_and(|barred| barred.contains(right))
                        || (guards.one_per_source[1] && of_source(left) && of_source(right))
                });
                if forbidden || !pairs.iter().any(|pair| known.contains_key(pair)) {
                    continue;
                }
                let weight = |pair: &(u32, u32)| {
                    known.get(pair).copied().unwrap_or_else(|| score(pair.0, pair.1))
                };
                let weights: Vec<f64> = pairs.iter().map(|pair| weight(pair).bits()).collect();
                let said = weights.iter().filter(|weight| **weight != 0.0).count().max(1);
                let mean = weights.iter().sum::<f64>() / said as f64;
                let ends = (*one.first().unwrap(), *two.first().unwrap());
                let key = (bits(mean), Reverse((ends.0.min(ends.1), ends.0.max(ends.1))));
                if mean > 0.0 && best.as_ref().is_none_or(|(most, ..)| key > *most) {
                    best = Some((key, position, other));
                }
            }
        }
        let Some((_, position, other)) = best else { break };
        let joined = sets.remove(other);
        sets[position].extend(joined);
    }
    sets.sort();
    sets
}

fn sets(partition: &Partition) -> Vec<BTreeSet<u32>> {
    let mut sets = vec![BTreeSet::new(); partition.groups];
    for (record, group) in (0..).zip(&partition.group_of) {
        sets[*group as usize].insert(record);
    }
    sets
}

fn links_among(records: u32, most: usize) -> impl Strategy<Value = Vec<ScoredLink>> {
    vec((0..records, 0..records, 1..24_u32), 0..most).prop_map(|links| {
        let mut links: Vec<ScoredLink> = links
            .into_iter()
            .filter(|(one, two, _)| one != two)
            .map(|(one, two, half)| link(one.min(two), one.max(two), f64::from(half) / 2.0))
            .collect();
        links.sort_by_key(|link| (link.left, link.right));
        links.dedup_by_key(|link| (link.left, link.right));
        links
    })
}

proptest! {
    /// Guards included, which are monotone: what they refuse once they would refuse for ever.
    #[test]
    fn groups_are_those_of_the_definition(
        links in links_among(12, 40), seed: u32, blocks in vec(vec(0..12_u32, 2), 0..3),
        bars in vec((0..12_u32, 0..12_u32), 0..4), one_per_source: bool,
    ) {
        let bars: Vec<(u32, u32)> = bars.into_iter().filter(|(one, two)| one != two).collect();
        let mut clusterer = Clusterer::new(12, guards(12, &bars, one_per_source));
        for block in &blocks {
            let mut block = block.clone();
            block.sort_unstable();
            clusterer.block(Cause::Rule(0), &block, false);
        }
        let before: Vec<u32> = (0..12).map(|record| clusterer.find(record)).collect();
        let score = chance(seed);
        clusterer.contract(&links, &Contraction::default(), &score, &Run::new()).unwrap();
        let guards = guards(12, &bars, one_per_source);
        let expected = by_definition(12, &links, &score, &before, &guards);
        prop_assert_eq!(sets(&clusterer.finish()), expected);
    }

    #[test]
    fn neither_the_order_of_links_nor_threads_matter(
        links in links_among(60, 900), seed: u32, by in 1..50_usize, one_per_source: bool,
        correlation: bool,
    ) {
        let clustering =
            if correlation { Clustering::Correlation } else { Clustering::ConnectedComponents };
        let options = Contraction { clustering, ..Contraction::default() };
        let outcome = |links: &[ScoredLink], threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut clusterer = Clusterer::new(60, guards(60, &[(3, 7)], one_per_source));
            let contract = || clusterer.contract(links, &options, &chance(seed), &Run::new());
            pool.install(contract).unwrap();
            clusterer.finish()
        };
        let mut turned: Vec<ScoredLink> = links.iter().rev().copied().collect();
        turned.rotate_left(by % links.len().max(1));
        turned.iter_mut().for_each(|link| std::mem::swap(&mut link.left, &mut link.right));
        turned.extend(links.first().map(|first| ScoredLink { weight: bits(0.25), ..*first }));
        prop_assert_eq!(outcome(&links, 1), outcome(&turned, 3));
    }

    #[test]
    fn two_unconnected_inputs_together_are_each_alone(
        one in links_among(20, 60), two in links_among(20, 60), seed: u32,
    ) {
        // The records of the two take turns, so that all numbers change.
        let even = |link: &ScoredLink| {
            ScoredLink { left: link.left * 2, right: link.right * 2, weight: link.weight }
        };
        let odd = |link: &ScoredLink| {
            ScoredLink { left: link.left * 2 + 1, right: link.right * 2 + 1, weight: link.weight }
        };
        let both: Vec<ScoredLink> = one.iter().map(even).chain(two.iter().map(odd)).collect();
        let score = chance(seed);
        let of = |records, links: &[ScoredLink], score: &(dyn Fn(u32, u32) -> Weight + Sync)| {
            cluster_links(records, links, &Contraction::default(), score, &Run::new()).unwrap()
        };
        let both = of(40, &both, &|left, right| score(left / 2, right / 2));
        for (start, alone) in [(0, of(20, &one, &score)), (1, of(20, &two, &score))] {
            let groups: Vec<u32> = both.group_of.iter().skip(start).step_by(2).copied().collect();
            let same = |groups: &[u32], one: usize, two: usize| groups[one] == groups[two];
            for record in 0..20 {
                for other in 0..record {
                    let expected = same(&alone.group_of, record, other);
                    prop_assert_eq!(same(&groups, record, other), expected);
                }
            }
            let mine = |link: &&Link| link.left % 2 == start as u32;
            let mine = both.links.iter().filter(mine);
            let mine: Vec<(u32, u32)> =
                mine.map(|link| (link.left / 2, link.right / 2)).collect();
            let expected: Vec<(u32, u32)> =
                alone.links.iter().map(|link| (link.left, link.right)).collect();
            prop_assert_eq!(mine, expected);
        }
    }

    #[test]
    fn links_span_the_groups_and_every_other_is_told_of_once(
        links in links_among(60, 300), seed: u32,
    ) {
        let score = chance(seed);
        let options = Contraction::default();
        let partition = cluster_links(60, &links, &options, &score, &Run::new()).unwrap();
        prop_assert_eq!(partition.links.len() + partition.groups, 60);
        let known: BTreeSet<(u32, u32)> = links.iter().map(|link| (link.left, link.right)).collect();
        let of_pair = |link: &Link| {
            let of = |record: u32| partition.group_of[record as usize];
            (of(link.left).min(of(link.right)), of(link.left).max(of(link.right)))
        };
        for link in &partition.links {
            prop_assert!(known.contains(&(link.left, link.right)));
            let (left, right) = of_pair(link);
            prop_assert_eq!(left, right);
        }
        let told: Vec<(u32, u32)> =
            partition.refusals.iter().map(|refusal| of_pair(&refusal.link)).collect();
        let apart: BTreeSet<(u32, u32)> = links
            .iter()
            .map(|link| of_pair(&Link { left: link.left, right: link.right, cause: Cause::Steward }))
            .filter(|(left, right)| left != right)
            .collect();
        prop_assert_eq!(told.len(), apart.len());
        prop_assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), apart);
    }

    #[test]
    fn connected_components_are_those_of_the_links(links in links_among(40, 60)) {
        let options = Contraction {
            clustering: Clustering::ConnectedComponents,
            ..Contraction::default()
        };
        let none = |_, _| unreachable!("no pair without a link is scored");
        let partition = cluster_links(40, &links, &options, &none, &Run::new()).unwrap();
        let mut lowest: Vec<u32> = (0..40).collect();
        for _ in 0..40 {
            for link in &links {
                let both = lowest[link.left as usize].min(lowest[link.right as usize]);
                lowest[link.left as usize] = both;
                lowest[link.right as usize] = both;
            }
        }
        for one in 0..40 {
            for two in 0..one {
                let together = partition.group_of[one] == partition.group_of[two];
                prop_assert_eq!(together, lowest[one] == lowest[two]);
            }
        }
    }
}

#[test]
fn a_chain_whose_ends_disagree_breaks_at_its_weaker_link() {
    let chain = [link(0, 1, 4.0), link(1, 2, 9.0)];
    let partition = clusters(3, &chain, -12.0);
    assert_eq!(partition.group_of, [0, 1, 1]);
    let cause = Cause::Score(bits(9.0));
    assert_eq!(partition.links, [Link { left: 1, right: 2, cause }]);
    let weaker = Link { left: 0, right: 1, cause: Cause::Score(bits(4.0)) };
    let reason = Reason::Outweighed { sum: bits(-8.0) };
    assert_eq!(partition.refusals, [Refusal { link: weaker, reason }]);
    // Ends of which nothing is known do not disagree.
    assert_eq!(clusters(3, &chain, 0.0).groups, 1);
}

#[test]
fn twins_stay_two_though_each_record_of_one_is_a_little_like_the_other() {
    let mut links = vec![link(0, 1, 20.0), link(0, 2, 18.0), link(3, 4, 21.0), link(3, 5, 17.0)];
    links.extend([link(1, 2, 19.0), link(4, 5, 16.0), link(2, 3, 6.0), link(1, 4, 2.0)]);
    assert_eq!(clusters(6, &links, -7.0).group_of, [0, 0, 0, 1, 1, 1]);
}

#[test]
fn ties_go_to_the_lowest_records() {
    let links = [link(2, 3, 5.0), link(1, 2, 5.0), link(0, 3, 5.0), link(0, 1, 5.0)];
    let partition = clusters(4, &links, -11.0);
    assert_eq!(partition.group_of, [0, 0, 1, 1]);
    assert_eq!((partition.links[0].left, partition.links[0].right), (0, 1));
}

#[test]
fn the_cut_holds_for_links_and_for_groups() {
    let links = [link(0, 1, 9.0), link(1, 2, 6.0), link(0, 2, 2.0), link(3, 4, 5.0)];
    let at = |cut| {
        let options = Contraction { cut: bits(cut), ..Contraction::default() };
        let score = |_, _| bits(2.0);
        cluster_links(5, &links, &options, &score, &Run::new()).unwrap().group_of
    };
    assert_eq!(at(3.9), [0, 0, 0, 1, 1]);
    assert_eq!(at(4.0), [0, 0, 1, 2, 2]);
    assert_eq!(at(5.0), [0, 0, 1, 2, 3]);
}

#[test]
fn what_a_rule_joined_stays_and_speaks_for_its_group() {
    let mut clusterer = Clusterer::new(4, Guards::none(4));
    clusterer.block(Cause::Rule(0), &[0, 1, 2], false);
    let against = |left: u32, _| if left == 0 { bits(-20.0) } else { bits(3.0) };
    let links = [link(1, 3, 8.0), link(0, 1, 1.0)];
    clusterer.contract(&links, &Contraction::default(), &against, &Run::new()).unwrap();
    let partition = clusterer.finish();
    assert_eq!(partition.group_of, [0, 0, 0, 1]);
    assert_eq!(partition.refusals[0].reason, Reason::Outweighed { sum: bits(-9.0) });
}

#[test]
fn a_guard_refuses_once_and_for_what_the_groups_grow_into() {
    let mut clusterer = Clusterer::new(4, guards(4, &[(0, 2)], false));
    let links = [link(1, 2, 9.0), link(0, 1, 8.0), link(0, 3, 7.0), link(2, 3, 6.0)];
    let score = |_, _| bits(5.0);
    clusterer.contract(&links, &Contraction::default(), &score, &Run::new()).unwrap();
    let partition = clusterer.finish();
    assert_eq!(partition.group_of, [0, 1, 1, 0]);
    let reasons: Vec<&Reason> = partition.refusals.iter().map(|refusal| &refusal.reason).collect();
    assert_eq!(reasons, [&Reason::CannotLink { left: 0, right: 2 }]);
    assert_eq!((partition.refusals[0].link.left, partition.refusals[0].link.right), (0, 1));
}

#[test]
fn the_last_record_of_a_group_speaks_as_well() {
    // Five records and six agree a little, until one more joins the five that the six speak against.
    let group = |record: u32| if record == 5 { 2 } else { u32::from(record > 5) };
    let score = |left: u32, right: u32| match (group(left), group(right)) {
        (0, 1) => bits(0.25),
        (0, 2) => bits(10.0),
        (2, 1) => bits(-10.0),
        _ => bits(30.0),
    };
    let pairs = (0..12).flat_map(|left| (left + 1..12).map(move |right| (left, right)));
    let linked = pairs.filter(|pair| score(pair.0, pair.1) > bits(1.0) || *pair == (0, 6));
    let links: Vec<ScoredLink> = linked
        .map(|(left, right)| ScoredLink { left, right, weight: score(left, right) })
        .collect();
    let partition =
        cluster_links(12, &links, &Contraction::default(), &score, &Run::new()).unwrap();
    assert_eq!(partition.group_of, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(partition.refusals[0].reason, Reason::Outweighed { sum: bits(-52.5) });
}

/// One record linked with all others, of which some are of one customer.
#[test]
fn a_hub_of_many_links_costs_in_the_order_of_its_links() {
    const LEAVES: u32 = 20_000;
    let asked = AtomicU64::new(0);
    for (others, largest) in [(-6.0, 101), (0.0, LEAVES + 1), (1.0, LEAVES + 1), (-0.01, 2)] {
        asked.store(0, Ordering::Relaxed);
        // A hundred leaves are alike; each of the others is a customer of its own.
        let score = |left: u32, right: u32| {
            asked.fetch_add(1, Ordering::Relaxed);
            bits(if left <= 100 && right <= 100 { 8.0 } else { others })
        };
        let links: Vec<ScoredLink> =
            (1..=LEAVES).map(|leaf| link(0, leaf, 3.0 + f64::from(leaf % 64) / 64.0)).collect();
        let options = Contraction::default();
        let partition = cluster_links(LEAVES + 1, &links, &options, &score, &Run::new()).unwrap();
        let of_hub = partition.group_of.iter().filter(|group| **group == 0).count();
        assert!(of_hub as u32 >= largest, "{of_hub} records with {others}");
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked < 200 * u64::from(LEAVES), "{asked} scores with {others}");
    }
}

#[test]
fn a_long_chain_is_cut_into_what_agrees() {
    const RECORDS: u32 = 20_000;
    let links: Vec<ScoredLink> =
        (1..RECORDS).map(|record| link(record - 1, record, f64::from(record % 7 + 1))).collect();
    let asked = AtomicU64::new(0);
    let score = |left: u32, right: u32| {
        asked.fetch_add(1, Ordering::Relaxed);
        bits(if left / 7 == right / 7 { 4.0 } else { -5.0 })
    };
    let options = Contraction::default();
    let partition = cluster_links(RECORDS, &links, &options, &score, &Run::new()).unwrap();
    let together = |one: usize, two: usize| partition.group_of[one] == partition.group_of[two];
    assert!(
        (7..6_993).all(|record| together(record, record / 7 * 7) && !together(record, record - 7))
    );
    assert!(asked.into_inner() < 20 * u64::from(RECORDS));
}

#[test]
fn some_records_speak_for_a_large_group() {
    const EACH: u32 = 400;
    let records: Vec<u32> = (0..3 * EACH).collect();
    let mut clusterer = Clusterer::new(records.len(), Guards::none(records.len()));
    for group in records.chunks(EACH as usize) {
        clusterer.block(Cause::Rule(0), group, false);
    }
    let asked = AtomicU64::new(0);
    // In the first two groups, six in ten pairs agree; with the third, four in ten.
    let score = |left: u32, right: u32| {
        asked.fetch_add(1, Ordering::Relaxed);
        let agreeing = if right < 2 * EACH { 6 } else { 4 };
        bits(if (left + 3 * right) % 10 < agreeing { 9.0 } else { -9.0 })
    };
    let links = [link(5, EACH + 5, 9.0), link(EACH + 7, 2 * EACH, 9.0)];
    clusterer.contract(&links, &Contraction::default(), &score, &Run::new()).unwrap();
    let partition = clusterer.finish();
    assert_eq!((partition.groups, partition.group_of[EACH as usize]), (2, 0));
    let Reason::Outweighed { sum } = partition.refusals[0].reason else { panic!() };
    let expected = -0.2 * 9.0 * f64::from(2 * EACH * EACH);
    assert!((sum.bits() / expected - 1.0).abs() < 1.5, "{} for {expected}", sum.bits());
    assert!(asked.into_inner() < 200);
}

#[test]
fn nothing_to_do_and_numbers_out_of_range() {
    let none = |_, _| unreachable!();
    let run = Run::new();
    let options = Contraction::default();
    let partition = cluster_links(0, &[], &options, &none, &run).unwrap();
    assert_eq!(partition.groups, 0);
    let own = [link(1, 1, 5.0), link(0, 1, 0.0), link(0, 1, -3.0)];
    assert_eq!(cluster_links(2, &own, &options, &none, &run).unwrap().groups, 2);
    let error = cluster_links(2, &[link(0, 2, 1.0)], &options, &none, &run).unwrap_err();
    assert!(matches!(error, Error::UnknownRecord { .. }));
    let cancel = CancelToken::new();
    cancel.cancel();
    let cancelled = Run::new().with_cancel(cancel);
    let error = cluster_links(2, &[link(0, 1, 1.0)], &options, &none, &cancelled).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
}

#[test]
fn the_largest_of_weights_do_not_overflow() {
    let huge = (0..40).fold(Weight::ZERO, |sum, _| sum + sum + bits(1000.0));
    let links: Vec<ScoredLink> =
        (1..40).map(|right| ScoredLink { left: 0, right, weight: huge }).collect();
    let score = |_, _| huge;
    let partition =
        cluster_links(40, &links, &Contraction::default(), &score, &Run::new()).unwrap();
    assert_eq!(partition.groups, 1);
}
