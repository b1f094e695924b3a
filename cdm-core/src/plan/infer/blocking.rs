use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::BlockingEstimate;
use super::damage::{Damage, Element, Fate};
use super::keys::KeyCandidate;
use super::probe::{Lists, ProbedKeys};
use super::sample::Sample;
use crate::block::BlockingRule;
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Features, Keys};
use crate::table::Column;

/// The most candidate pairs for each record.
const PAIRS_A_RECORD: u64 = 10;

/// So many pairs are cheap, however few the records.
const CHEAP_PAIRS: u64 = 50_000;

/// True pairs that are made up to estimate recall.
const TRUE_PAIRS: usize = 16_384;

/// A rule that adds less to the recall is not worth its line.
const LEAST_GAIN: usize = TRUE_PAIRS / 8_000;

/// What a rule costs, whatever it finds: a share of the pairs that may be compared. The more it is,
/// the fewer rules, which find more pairs each.
const COST_OF_RULE: f64 = 0.002;

/// What it costs to make, keep and look up a key, in pairs that could be compared instead.
const COST_OF_KEY: f64 = 0.1;

/// What finds so few pairs for each record needs no second key.
const FEW_PAIRS: f64 = 0.2;

/// So many records tell whether a rule finds anything at all.
const ENOUGH_PROBES: usize = 1_000;

/// The most rules that are chosen.
const MOST_RULES: usize = 40;

/// The most keys that a record has by one rule, on average.
const MOST_KEYS: f64 = 24.0;

/// How many pairs may be compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    records: u64,
    /// In the whole table.
    pairs: u64,
    /// Keys that more records share find nobody.
    most_records_per_key: u32,
}

impl Budget {
    pub(super) fn of(records: usize, most_records_per_key: u32) -> Self {
        let records = records as u64;
        let pairs = CHEAP_PAIRS.max(PAIRS_A_RECORD.saturating_mul(records));
        Self { records, pairs, most_records_per_key }
    }

    /// What a rule costs that makes so many keys a record, in pairs of the whole table.
    fn cost_of_rule(self, keys_a_record: f64) -> f64 {
        COST_OF_RULE * self.pairs as f64 + COST_OF_KEY * keys_a_record * self.records as f64
    }
}

/// The rules that find the most true pairs within the budget, the one that finds most for its cost
/// first.
pub(super) fn choose(
    sample: &Sample,
    candidates: &[KeyCandidate],
    features: &Features,
    budget: Budget,
    run: &Run,
) -> Result<Vec<BlockingEstimate>> {
    let columns: Vec<&Column> = candidates
        .iter()
        .map(|key| features.keys(&key.expression).map(|column| &**column))
        .collect::<Result<_>>()?;
    let found = found_by_each(sample, candidates, &columns);
    let probed: Vec<ProbedKeys<'_>> =
        columns.par_iter().map(|column| ProbedKeys::new(column, &sample.probes)).collect();
    let mut conjunctions: Vec<Vec<usize>> = Vec::new();
    for one in 0..candidates.len() {
        conjunctions.push(vec![one]);
        let others = one + 1..candidates.len();
        conjunctions.extend(
            others
                .filter(|other| candidates[one].joins(&candidates[*other]))
                .map(|other| vec![one, other]),
        );
    }
    let keys_a_record: Vec<f64> = candidates
        .iter()
        .map(|key| features.keys_of(&key.expression).map(keys_a_record))
        .collect::<Result<_>>()?;
    conjunctions.retain(|keys| {
        product(keys, &keys_a_record) <= MOST_KEYS && all_of(keys, &found).count() >= LEAST_GAIN
    });
    let total = conjunctions.len() as u64;
    let mut rules: Vec<MeasuredRule> = Vec::new();
    let mut cheap = vec![false; candidates.len()];
    let (alone, joint): (Vec<_>, Vec<_>) = conjunctions.into_iter().partition(|k| k.len() == 1);
    for conjunctions in [alone, joint] {
        // What finds few pairs by itself needs no help: with another key it finds less.
        let wanted = |keys: &&Vec<usize>| keys.len() == 1 || !keys.iter().any(|key| cheap[*key]);
        let wanted: Vec<&Vec<usize>> = conjunctions.iter().filter(wanted).collect();
        for keys in wanted.chunks(64) {
            run.report("infer blocking", rules.len() as u64, total)?;
            let seen = || Seen::new(sample.table.len());
            let measured = keys
                .par_iter()
                .map_init(seen, |seen, k| measure(k, &probed, &found, sample, budget, seen));
            rules.extend(measured.collect::<Vec<_>>().into_iter().flatten());
        }
        for rule in rules.iter().filter(|rule| rule.keys.len() == 1) {
            let key = rule.keys[0];
            cheap[key] = rule.found.count() == found[key].count()
                && rule.pairs <= FEW_PAIRS * budget.records as f64;
        }
    }
    run.report("infer blocking", total, total)?;
    let name = |keys: &[usize]| -> BlockingRule {
        BlockingRule::new(keys.iter().map(|key| candidates[*key].expression.clone()).collect())
    };
    // Ties go by name, so that the order of fields or of rows decides nothing.
    rules.sort_by_cached_key(|rule| name(&rule.keys).to_string());
    let chosen = needed_only(greedy(rules, &keys_a_record, sample, budget, run)?);
    let mut so_far = Bits::none(TRUE_PAIRS);
    let estimate = |rule: MeasuredRule| {
        so_far.add(&rule.found);
        BlockingEstimate {
            rule: name(&rule.keys),
            pairs: rule.pairs.round() as u64,
            new_pairs: rule.new_pairs.round() as u64,
            recall: so_far.count() as f64 / TRUE_PAIRS as f64,
        }
    };
    Ok(chosen.into_iter().map(estimate).collect())
}

/// For each key, the made-up true pairs that share it.
///
/// One record of such a pair is a real one, and so is that which says what its partner has a value
/// of; the partner's values are the record's, damaged.
fn found_by_each(sample: &Sample, keys: &[KeyCandidate], columns: &[&Column]) -> Vec<Bits> {
    let probes = &sample.probes;
    let pairs: Vec<(u32, u32, Damage)> = (0..TRUE_PAIRS)
        .filter_map(|pair| {
            let record = *probes.get(pair % probes.len().max(1))?;
            let number = sample.hash(record).wrapping_add((pair / probes.len()) as u64);
            let damage = Damage::new(number);
            let start = damage.choice(probes.len());
            let others = probes[start..].iter().chain(&probes[..start]).take(64);
            let like = others
                .copied()
                .find(|other| sample.scope.contains(record as usize, *other as usize));
            Some((record, like.unwrap_or(record), damage))
        })
        .collect();
    let elements: BTreeSet<(usize, Element)> =
        keys.iter().flat_map(KeyCandidate::elements).collect();
    let fates: BTreeMap<(usize, Element), Vec<Fate>> = elements
        .into_par_iter()
        .map(|(field, element)| {
            let fates = pairs.iter().map(|(.., damage)| damage.fate(field, element));
            ((field, element), fates.collect())
        })
        .collect();
    let has = |column: &Column, row: u32| !column.codes(row as usize).is_empty();
    let of_key = |(key, column): (&KeyCandidate, &&Column)| {
        let fates: Vec<&[Fate]> = key.elements().map(|element| &fates[&element][..]).collect();
        let mut found = Bits::none(TRUE_PAIRS);
        for (at, (record, like, _)) in pairs.iter().enumerate() {
            if has(column, *record)
                && has(column, *like)
                && key.survives(fates.iter().map(|fates| fates[at]))
            {
                found.set(at);
            }
        }
        found
    };
    keys.par_iter().zip(columns).map(of_key).collect()
}

/// The mean, with keys that no other record of the sample has: in the whole table some will.
fn keys_a_record(keys: &Keys) -> f64 {
    let rows = keys.by_row.len();
    let count: usize = match &keys.made {
        Some(made) => made.iter().map(|made| usize::from(*made)).sum(),
        None => (0..rows).map(|row| keys.by_row.codes(row).len()).sum(),
    };
    count as f64 / rows.max(1) as f64
}

/// How many keys a record has by the rule of these, if it has as many of one whatever it has of the
/// other.
fn product(keys: &[usize], keys_a_record: &[f64]) -> f64 {
    keys.iter().map(|key| keys_a_record[*key]).product()
}

/// A rule, and what it finds and costs.
struct MeasuredRule {
    /// Its expressions, by position among the candidates.
    keys: Vec<usize>,
    /// The made-up true pairs that it finds.
    found: Bits,
    /// The pairs of a probe and another row that it finds, numbered as in [`Sample::pair`].
    partners: Vec<u32>,
    /// In the whole table.
    pairs: f64,
    /// How many pairs of a probe and another row were known when those were left out.
    known: usize,
    /// In the whole table, those that no rule chosen before finds.
    new_pairs: f64,
}

/// What the rule of these keys finds; `None` where it finds too much for the budget or too little
/// for its line.
fn measure(
    keys: &[usize],
    columns: &[ProbedKeys<'_>],
    found: &[Bits],
    sample: &Sample,
    budget: Budget,
    seen: &mut Seen,
) -> Option<MeasuredRule> {
    let most = (f64::from(budget.most_records_per_key) / sample.scale).floor().max(1.0) as usize;
    let lists = match keys {
        [one] => Lists::of_one(&columns[*one], most),
        _ => Lists::of_two(&columns[keys[0]], &columns[keys[1]], most),
    };
    let mut found = all_of(keys, found);
    for at in 0..sample.probes.len() {
        if !lists.has_key(at) {
            (at..TRUE_PAIRS).step_by(sample.probes.len()).for_each(|pair| found.clear(pair));
        }
    }
    if found.count() < LEAST_GAIN {
        return None;
    }
    let mut partners = Vec::new();
    for (at, probe) in sample.probes.iter().copied().enumerate() {
        seen.forget();
        seen.is_new(probe);
        for list in lists.of_probe(at) {
            for row in lists.rows(list) {
                if seen.is_new(*row) && sample.scope.contains(probe as usize, *row as usize) {
                    partners.push(sample.pair(at, *row));
                }
            }
        }
        if sample.pairs_a_partner(partners.len()) > budget.pairs as f64 {
            return None;
        }
    }
    let pairs = sample.pairs_a_partner(partners.len());
    Some(MeasuredRule { keys: keys.to_vec(), found, partners, pairs, known: 0, new_pairs: pairs })
}

/// The rows that were met since the last [`forget`](Self::forget).
struct Seen {
    /// By row, in which round it was met last.
    rounds: Vec<u32>,
    round: u32,
}

impl Seen {
    fn new(rows: usize) -> Self {
        Self { rounds: vec![0; rows], round: 0 }
    }

    fn forget(&mut self) {
        self.round = self.round.checked_add(1).unwrap_or_else(|| {
            self.rounds.fill(0);
            1
        });
    }

    fn is_new(&mut self, row: u32) -> bool {
        std::mem::replace(&mut self.rounds[row as usize], self.round) != self.round
    }
}

/// One rule after the other: the one that finds the most new true pairs for what it costs.
fn greedy(
    mut rules: Vec<MeasuredRule>,
    keys_a_record: &[f64],
    sample: &Sample,
    budget: Budget,
    run: &Run,
) -> Result<Vec<MeasuredRule>> {
    let mut chosen: Vec<MeasuredRule> = Vec::new();
    let mut found = Bits::none(TRUE_PAIRS);
    let mut known = Bits::none(sample.probes.len() * sample.table.len());
    let mut known_count = 0;
    let mut spent = 0.0;
    while chosen.len() < MOST_RULES {
        run.check()?;
        let left = budget.pairs as f64 - spent;
        // Where there was much to find and nothing new was found, there is nothing.
        let finds =
            |rule: &MeasuredRule| !rule.partners.is_empty() || sample.probes.len() < ENOUGH_PROBES;
        rules.retain(|rule| finds(rule) && rule.found.count_without(&found) >= LEAST_GAIN);
        let worth = |rule: &MeasuredRule, new_pairs: f64| {
            let cost = new_pairs + budget.cost_of_rule(product(&rule.keys, keys_a_record));
            rule.found.count_without(&found) as f64 / cost
        };
        // What a rule is worth at best: if all pairs that came to be known since are its own.
        let at_best = |rule: &MeasuredRule| {
            let new = rule.partners.len().saturating_sub(known_count - rule.known);
            worth(rule, sample.pairs_a_partner(new))
        };
        let mut order: Vec<(f64, usize)> =
            rules.iter().map(at_best).enumerate().map(|(at, worth)| (worth, at)).collect();
        order.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut best: Option<(f64, usize)> = None;
        for (at_best, at) in order {
            if best.is_some_and(|(worth, _)| at_best < worth) {
                break;
            }
            let rule = &mut rules[at];
            rule.partners.retain(|pair| !known.has(*pair as usize));
            rule.known = known_count;
            rule.new_pairs = sample.pairs_a_partner(rule.partners.len());
            if finds(rule) && rule.new_pairs <= left {
                let worth = worth(rule, rule.new_pairs);
                // The first of equals.
                let is_better = |(best, of): (f64, usize)| worth > best || worth == best && at < of;
                best = if best.is_none_or(is_better) { Some((worth, at)) } else { best };
            }
        }
        let Some((_, best)) = best else { break };
        let rule = rules.remove(best);
        spent += rule.new_pairs;
        found.add(&rule.found);
        rule.partners.iter().for_each(|pair| known.set(*pair as usize));
        known_count += rule.partners.len();
        chosen.push(rule);
    }
    Ok(chosen)
}

/// Without the rules that later ones have made superfluous.
fn needed_only(mut rules: Vec<MeasuredRule>) -> Vec<MeasuredRule> {
    for at in (0..rules.len()).rev() {
        let mut others = Bits::none(TRUE_PAIRS);
        let rest = rules.iter().enumerate().filter(|(other, _)| *other != at);
        rest.for_each(|(_, rule)| others.add(&rule.found));
        if rules[at].found.count_without(&others) < LEAST_GAIN {
            rules.remove(at);
        }
    }
    rules
}

fn all_of(keys: &[usize], found: &[Bits]) -> Bits {
    let mut all = found[keys[0]].clone();
    keys[1..].iter().for_each(|key| all.keep(&found[*key]));
    all
}

/// A set of small numbers.
#[derive(Clone)]
struct Bits(Vec<u64>);

impl Bits {
    fn none(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn clear(&mut self, at: usize) {
        self.0[at / 64] &= !(1 << (at % 64));
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 == 1
    }

    fn add(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn count_without(&self, other: &Bits) -> usize {
        self.0.iter().zip(&other.0).map(|(word, other)| (word & !other).count_ones() as usize).sum()
    }
}
