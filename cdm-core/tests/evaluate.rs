//! Measures, by another way of counting; expectations, samples and differences.

mod sample;

use std::collections::{BTreeMap, BTreeSet};

use cdm_core::cluster::Weight;
use cdm_core::evaluate::{
    Evaluation, SampledPair, SamplingPlan, Stratum, Truth, compare, estimate,
};
use cdm_core::{Decisions, RecordKey, Run};
use proptest::prelude::*;

/// The same measures, pair by pair and record by record.
fn counted(records: &[(u32, Option<u32>)]) -> [f64; 9] {
    let known: Vec<(u32, u32)> = records.iter().filter_map(|(f, t)| Some((*f, (*t)?))).collect();
    let (mut found, mut truth, mut common) = (0.0, 0.0, 0.0);
    for (place, one) in known.iter().enumerate() {
        for two in &known[place + 1..] {
            found += f64::from(u8::from(one.0 == two.0));
            truth += f64::from(u8::from(one.1 == two.1));
            common += f64::from(u8::from(one == two));
        }
    }
    let share = |part: f64, whole: f64| if whole == 0.0 { 1.0 } else { part / whole };
    let mean = |of: &dyn Fn(&(u32, u32)) -> f64| match known.len() {
        0 => 1.0,
        count => known.iter().map(of).sum::<f64>() / count as f64,
    };
    let size = |is: &dyn Fn(&(u32, u32)) -> bool| known.iter().filter(|r| is(r)).count() as f64;
    let b_precision = mean(&|r| size(&|o| o == r) / size(&|o| o.0 == r.0));
    let b_recall = mean(&|r| size(&|o| o == r) / size(&|o| o.1 == r.1));
    let entities = |of: &dyn Fn(&(u32, u32)) -> u32| -> BTreeSet<Vec<usize>> {
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        known.iter().enumerate().for_each(|(n, r)| groups.entry(of(r)).or_default().push(n));
        groups.into_values().collect()
    };
    let (all_found, all_true) = (entities(&|r| r.0), entities(&|r| r.1));
    let exact = all_found.intersection(&all_true).count() as f64;
    let (p, r) = (share(common, found), share(common, truth));
    let f = |p: f64, r: f64| if p + r == 0.0 { 0.0 } else { 2.0 * p * r / (p + r) };
    let rate = share(exact, all_true.len() as f64);
    [p, r, f(p, r), b_precision, b_recall, f(b_precision, b_recall), exact, rate, found]
}

proptest! {
    #[test]
    fn measures_are_those_of_counting_one_by_one(
        records in prop::collection::vec((0..9_u32, prop::option::weighted(0.9, 0..9_u32)), 0..60),
    ) {
        let measured = Evaluation::new(records.iter().copied());
        let measured = [
            measured.precision, measured.recall, measured.f1, measured.b_cubed_precision,
            measured.b_cubed_recall, measured.b_cubed_f1, measured.exact_entities as f64,
            measured.exact_rate, measured.found_pairs as f64,
        ];
        for (one, two) in measured.iter().zip(counted(&records)) {
            prop_assert!((one - two).abs() < 1e-12, "{one} {two}");
        }
    }
}

#[test]
fn the_sample_is_measured_as_a_whole_by_segments_and_along_the_curve() {
    let resolution = sample::resolved();
    let truth = Truth::entities(sample::truth());
    let report = resolution.evaluate(&truth, &Run::new()).unwrap();
    assert!(report.whole.f1 > 0.94 && report.unknown_records == 0);
    // With all links the curve comes to the whole, without those by weight to less.
    let (first, last) = (report.curve[0], report.curve.last().unwrap());
    assert_eq!((last.precision, last.recall), (report.whole.precision, report.whole.recall));
    assert!(first.least_weight.is_none() && first.recall < last.recall);
    assert!(report.curve.windows(2).all(|two| two[0].found_pairs <= two[1].found_pairs));
    assert!(report.blocking_recall.unwrap() >= report.whole.recall);
    let of = |by: &str| {
        let segments = report.segments.iter().filter(|segment| segment.by == by);
        segments.map(|segment| segment.evaluation.records).sum::<u64>()
    };
    assert_eq!((of("source"), of("completeness")), (report.whole.records, report.whole.records));
    let lost: u64 = report.worst_over_split.iter().map(|entity| entity.wrong_pairs).sum();
    assert!(report.over_split >= report.worst_over_split.len() as u64 && lost > 0);
    for entity in report.worst_over_merged.iter().chain(&report.worst_over_split) {
        assert!(entity.parts.len() > 1);
        assert_eq!(entity.parts.iter().map(|part| part.records).sum::<usize>(), entity.records);
    }

    // All pairs tell the same as the entities that they make.
    let mut entities: BTreeMap<String, Vec<RecordKey>> = BTreeMap::new();
    for (key, entity) in sample::truth() {
        entities.entry(entity).or_default().push(key);
    }
    let pairs = entities.values().flat_map(|keys| keys.windows(2));
    let pairs = Truth::all_pairs(pairs.map(|two| (two[0].clone(), two[1].clone())));
    let by_pairs = resolution.evaluate(&pairs, &Run::new()).unwrap();
    assert_eq!(by_pairs.whole, report.whole);

    // Of some pairs, these alone count.
    let links: Vec<_> = resolution.links().take(10).collect();
    let labels = links.iter().enumerate();
    let labels = labels.map(|(n, link)| (link.right.clone(), link.left.clone(), n % 2 == 0));
    let nobody = (RecordKey::new("no", "1"), RecordKey::new("no", "2"), true);
    let labelled = Truth::labelled_pairs(labels.chain([nobody]));
    let report = resolution.evaluate(&labelled, &Run::new()).unwrap();
    let pairs = report.labelled_pairs.unwrap();
    assert_eq!((pairs.pairs, pairs.found_pairs, pairs.common_pairs), (10, 10, 5));
    assert_eq!((pairs.precision, pairs.recall), (0.5, 1.0));
    assert_eq!((report.whole.records, report.unknown_records), (0, 2));
}

#[test]
fn the_model_expects_what_is_the_case() {
    let resolution = sample::resolved();
    let expected = resolution.expect(&Run::new()).unwrap().unwrap();
    assert_eq!(expected.one_in, 1);
    let bins = &expected.weights;
    assert_eq!(bins.iter().map(|bin| bin.pairs).sum::<u64>(), expected.candidate_pairs);
    assert_eq!(bins.iter().map(|bin| bin.together).sum::<u64>(), expected.together);
    let truth = Truth::entities(sample::truth());
    let found = resolution.evaluate(&truth, &Run::new()).unwrap().whole;
    assert!((expected.expected_precision - found.precision).abs() < 0.1, "{expected:?}");
    assert!((expected.expected_recall - found.recall).abs() < 0.15, "{expected:?}");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| resolution.expect(&Run::new()).unwrap().unwrap());
    assert_eq!(again, expected);
}

#[test]
fn a_sample_is_drawn_alike_each_time_and_says_what_is_true() {
    let resolution = sample::resolved();
    let plan = resolution.sampling_plan(150, 1, &Run::new()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| resolution.sampling_plan(150, 1, &Run::new()).unwrap());
    assert_eq!(again, plan);
    assert_ne!(resolution.sampling_plan(150, 2, &Run::new()).unwrap().sample, plan.sample);
    let entity = |key: &RecordKey| resolution.entities()[resolution.table().row(key).unwrap()];
    for SampledPair { left, right, .. } in &plan.sample {
        assert!(left < right && entity(left) == entity(right));
    }
    assert!((100..=200).contains(&plan.sample.len()), "{}", plan.sample.len());
    let truth = sample::truth();
    let labels: Vec<_> = (plan.sample.iter())
        .map(|pair| {
            (pair.left.clone(), pair.right.clone(), truth[&pair.left] == truth[&pair.right])
        })
        .collect();
    let json = serde_json::to_string(&plan).unwrap();
    let plan = SamplingPlan::from_json(&json).unwrap();
    let found = estimate(&plan, labels.clone());
    let real = resolution.evaluate(&Truth::entities(truth), &Run::new()).unwrap().whole.precision;
    // One sample in twenty may miss it, so that twenty are drawn.
    let held = (1..=20).filter(|seed| {
        let plan = resolution.sampling_plan(150, *seed, &Run::new()).unwrap();
        let truth = sample::truth();
        let is_one = |pair: &SampledPair| truth[&pair.left] == truth[&pair.right];
        let label = |pair: &SampledPair| (pair.left.clone(), pair.right.clone(), is_one(pair));
        let found = estimate(&plan, plan.sample.iter().map(label));
        found.low <= real && real <= found.high
    });
    assert!(held.count() >= 16);
    assert_eq!((found.reviewed as usize, found.missing), (plan.sample.len(), 0));
    let half = estimate(&plan, labels.into_iter().step_by(2));
    assert!(half.missing > 0 && half.high - half.low > found.high - found.low);
    let broken = json.replacen("\"stratum\":0", "\"stratum\":99", 1);
    assert_eq!(SamplingPlan::from_json(&broken).unwrap_err().code(), "INVALID_DOCUMENT");
    let nothing = estimate(&plan, []);
    assert_eq!((nothing.low, nothing.high), (0.0, 1.0));
}

/// Draws without repetition, as far as counts go.
struct Urn(u64);

impl Urn {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((u128::from(self.0 >> 11) * u128::from(limit)) >> 53) as u64
    }

    fn right_ones(&mut self, pairs: u64, right: u64, draws: u64) -> u64 {
        let (mut pairs, mut right, mut drawn) = (pairs, right, 0);
        for _ in 0..draws {
            if self.below(pairs) < right {
                right -= 1;
                drawn += 1;
            }
            pairs -= 1;
        }
        drawn
    }
}

#[test]
fn of_500_samplings_the_interval_holds_the_truth_in_92_to_98_percent() {
    // By stratum: pairs, what the model believes and what is true; one model is right, one is too
    // sure, one knows nothing.
    let populations: [&[(u64, f64, f64)]; 4] = [
        &[(900, 0.93, 0.93), (3000, 0.99, 0.985), (9000, 0.9995, 0.998)],
        &[
            (200, 0.55, 0.4),
            (400, 0.8, 0.6),
            (900, 0.93, 0.8),
            (3000, 0.99, 0.95),
            (9000, 0.9995, 0.99),
        ],
        &[
            (3000, 0.3, 0.5),
            (2000, 0.6, 0.6),
            (2000, 0.9, 0.7),
            (1000, 0.98, 0.9),
            (500, 0.999, 0.95),
        ],
        &[(100_000, 0.9, 0.97)],
    ];
    let (mut all, mut urn) = (0, Urn(7));
    for strata in populations {
        let pairs: u64 = strata.iter().map(|stratum| stratum.0).sum();
        let needs: Vec<f64> = strata
            .iter()
            .map(|(pairs, belief, _)| *pairs as f64 * (belief * (1.0 - belief)).max(0.02).sqrt())
            .collect();
        let total: f64 = needs.iter().sum();
        let right: Vec<u64> =
            strata.iter().map(|(n, _, p)| (*n as f64 * p).round() as u64).collect();
        let truth = right.iter().sum::<u64>() as f64 / pairs as f64;
        let mut plan = SamplingPlan { pairs, seed: 0, strata: Vec::new(), sample: Vec::new() };
        let key = |stratum: usize, n: u64| RecordKey::new(format!("s{stratum}"), format!("{n:05}"));
        for (stratum, ((pairs, belief, _), needs)) in strata.iter().zip(&needs).enumerate() {
            let sample = ((200.0 * needs / total) as u64).max(6);
            plan.sample.extend((0..sample).map(|n| SampledPair {
                stratum,
                left: key(stratum, 2 * n),
                right: key(stratum, 2 * n + 1),
            }));
            let name = stratum.to_string();
            plan.strata.push(Stratum { name, pairs: *pairs, sample, expected_precision: *belief });
        }
        let mut held = 0;
        for _ in 0..500 {
            let mut labels = Vec::new();
            for (stratum, planned) in plan.strata.iter().enumerate() {
                let found = urn.right_ones(planned.pairs, right[stratum], planned.sample);
                labels.extend(
                    (0..planned.sample)
                        .map(|n| (key(stratum, 2 * n), key(stratum, 2 * n + 1), n < found)),
                );
            }
            let estimate = estimate(&plan, labels);
            held += u32::from(estimate.low <= truth && truth <= estimate.high);
        }
        assert!((460..=490).contains(&held), "{held} of 500 in {strata:?}");
        all += held;
    }
    assert!((1840..=1960).contains(&all), "{all} of 2000");
}

#[test]
fn a_decision_shows_in_the_difference_and_nothing_else_does() {
    let before = sample::resolved();
    let same = compare(before, before);
    assert_eq!(
        (same.unchanged, same.merged, same.split, same.mixed),
        (before.len() as u64, 0, 0, 0)
    );
    assert!(same.examples.is_empty() && same.joined_pairs == 0 && same.parted_pairs == 0);
    let weakest = before
        .links()
        .filter(|link| link.match_weight.is_some_and(|weight| weight > Weight::ZERO))
        .find(|link| {
            before.rows(before.entities()[before.table().row(&link.left).unwrap()]).len() == 2
        })
        .unwrap();
    let mut decisions = Decisions::new();
    decisions.cannot_link.push((weakest.left.clone(), weakest.right.clone()));
    let after = before.model().resolve(before.table(), &decisions, &Run::new()).unwrap();
    let difference = compare(before, &after);
    assert_eq!((difference.split, difference.parted_pairs), (2, 1), "{difference:?}");
    assert_eq!((difference.merged, difference.joined_pairs), (0, 0));
    assert_eq!(difference.examples[0].change, "split");
    let back = compare(&after, before);
    assert_eq!((back.merged, back.joined_pairs, back.parted_pairs), (1, 1, 0));
}
