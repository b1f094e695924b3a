//! Matching by evidence over the sample: comparing pairs, weighing patterns, inferring and fitting.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

use cdm_core::block::{Blocking, PairScope};
use cdm_core::compare::Comparison;
use cdm_core::features::{Features, Needs, Settings};
use cdm_core::model::{Comparer, Pattern};
use cdm_core::read::{Input, infer_schema, read};
use cdm_core::score::Scorer;
use cdm_core::{Decisions, Kind, Plan, Run, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Of how many pairs a bench is made.
const PAIRS: usize = 100_000;

fn stages(criterion: &mut Criterion) {
    let (bare, table, run) = sample();
    let plan = Plan::infer_with(&table, &bare, &run).expect("nobody cancels").plan;
    let model = plan.fit(&table, &run).expect("nobody cancels");

    let mut group = criterion.benchmark_group("model");
    group.sample_size(10);
    group.throughput(Throughput::Elements(table.len() as u64));
    group.bench_function("infer", |bencher| {
        bencher.iter(|| black_box(Plan::infer_with(&table, &bare, &run).is_ok()));
    });
    group.bench_function("fit", |bencher| {
        bencher.iter(|| black_box(plan.fit(&table, &run).is_ok()));
    });
    let decisions = Decisions::new();
    group.bench_function("infer, fit and resolve", |bencher| {
        bencher.iter(|| {
            black_box(Plan::infer_and_resolve(&table, &bare, &decisions, &decisions, &run).is_ok());
        });
    });
    group.finish();

    let seven = seven_comparisons();
    let expressions = plan.blocking().iter().flat_map(|rule| rule.same.clone());
    let needs = Needs::new()
        .with_expressions(expressions)
        .with_comparisons(plan.comparisons())
        .with_comparisons(&seven);
    let features = Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run)
        .expect("nobody cancels");
    let candidates = candidates(&plan, &table, &features, &run);
    let random: Vec<(u32, u32)> = (0..PAIRS as u64)
        .map(|pair| {
            // Knuth (1997), The Art of Computer Programming, volume 2: any two rows.
            let draw = |seed: u64| {
                let mixed = (pair * 2 + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                ((u128::from(mixed) * table.len() as u128) >> 64) as u32
            };
            (draw(1), draw(2))
        })
        .filter(|(left, right)| left != right)
        .collect();
    let schema = table.schema();
    let of_seven =
        Comparer::new(&seven, schema, &features, table.len()).expect("the fields are there");
    let parameters = model.parameters().expect("the plan compares");
    let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
    let scorer = Scorer::new(parameters, comparisons, coincidences, schema, &features, table.len())
        .expect("the fields are there");

    // One thread: the figure is that of a core.
    let mut group = criterion.benchmark_group("pairs");
    group.sample_size(20);
    for (name, pairs) in [("candidates", &candidates), ("random pairs", &random)] {
        group.throughput(Throughput::Elements(pairs.len() as u64));
        group.bench_function(format!("seven comparisons, {name}"), |bencher| {
            bencher.iter(|| black_box(of_seven.patterns(pairs)).len());
        });
        group.bench_function(format!("seven comparisons one by one, {name}"), |bencher| {
            bencher.iter(|| {
                let of =
                    |(left, right): &(u32, u32)| of_seven.pattern(*left as usize, *right as usize);
                pairs.iter().map(of).fold(Pattern::default(), |_, pattern| black_box(pattern))
            });
        });
        group.bench_function(
            format!("compare and weigh by the inferred plan, {name}"),
            |bencher| {
                bencher.iter(|| {
                    let of =
                        |(left, right): &(u32, u32)| scorer.weight(*left as usize, *right as usize);
                    pairs.iter().map(|pair| of(pair).bits()).fold(0.0, f64::max)
                });
            },
        );
    }
    let likelihoods = parameters.likelihoods();
    let patterns: Vec<Pattern> = candidates
        .iter()
        .map(|(left, right)| scorer.pattern(*left as usize, *right as usize))
        .collect();
    group.throughput(Throughput::Elements(patterns.len() as u64));
    group.bench_function("weigh a pattern", |bencher| {
        bencher.iter(|| patterns.iter().map(|p| likelihoods.weight(*p).bits()).fold(0.0, f64::max));
    });
    group.finish();
}

/// Names, a date, an address and two contacts: what is usual for people.
fn seven_comparisons() -> Vec<Comparison> {
    let mut comparisons = Comparison::person_names("given_name", "family_name").to_vec();
    comparisons.extend([
        Comparison::template(Kind::Date, "date_of_birth"),
        Comparison::template(Kind::Email, "email"),
        Comparison::template(Kind::Phone, "phone"),
        Comparison::template(Kind::Address, "address"),
        Comparison::template(Kind::Postcode, "postcode"),
    ]);
    comparisons
}

/// Some of the pairs that the rules of the plan find.
fn candidates(plan: &Plan, table: &Table, features: &Features, run: &Run) -> Vec<(u32, u32)> {
    let none = BTreeMap::new();
    let blocking =
        Blocking::new(plan.blocking(), features, &none, PairScope::any(), table.len(), run)
            .expect("all were computed");
    let mut rank_of_row = vec![0; table.len()];
    for (rank, row) in (0..).zip(table.rows_by_key()) {
        rank_of_row[row as usize] = rank;
    }
    let visit = |pairs: &mut Vec<(u32, u32)>, left, right, _| pairs.push((left, right));
    let chunks = blocking.fold(&rank_of_row, run, Vec::new, visit).expect("nobody cancels");
    let mut pairs = chunks.concat();
    pairs.truncate(PAIRS);
    pairs
}

/// The sample that ships with the examples, and the plan that says no more than what its fields are.
fn sample() -> (Plan, Table, Run) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample");
    let files = ["crm.csv", "loyalty.csv", "shop.jsonl", "support.csv"];
    let inputs = files.map(|file| {
        let source = file.split('.').next().unwrap_or_default();
        Input::file(source, folder.join(file))
    });
    let run = Run::new();
    let schema = infer_schema(&inputs, &run).expect("the sample is ours");
    let mut plan = Plan::builder("sample");
    for field in schema.fields() {
        plan = plan.field(field.clone());
    }
    let plan = plan.build().expect("it was inferred");
    let (table, _) = read(&inputs, plan.schema(), &run).expect("the sample is ours");
    (plan, table, run)
}

criterion_group!(benches, stages);
criterion_main!(benches);
