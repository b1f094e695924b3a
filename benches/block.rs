//! Blocking over the sample: keys of each rule, counting, binding, and meeting every pair.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

use cdm_core::block::{Blocking, BlockingRule, PairScope, hot_keys, pair_counts};
use cdm_core::features::{Features, Needs, Settings};
use cdm_core::read::{Input, read};
use cdm_core::{Plan, Run, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A key that more records share makes no pair.
const MOST: u32 = 100;

fn rules() -> Vec<BlockingRule> {
    [
        "email",
        "phone.last(7)",
        "family_name & given_name.nickname",
        "date_of_birth & family_name.phonetic",
        "postcode & family_name.prefix(3)",
        "date_of_birth.year & family_name.deletions",
    ]
    .map(|rule| {
        let expressions = rule.split(" & ").map(|expression| expression.parse());
        BlockingRule::new(expressions.collect::<Result<_, _>>().expect("the expressions are right"))
    })
    .to_vec()
}

fn stages(criterion: &mut Criterion) {
    let (table, rules, run, none) = (table(), rules(), Run::new(), BTreeMap::new());
    let needs = Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
    let features = Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run)
        .expect("nobody cancels");
    let scope = PairScope::any;
    let mut rank_of_row = vec![0; table.len()];
    for (rank, row) in (0..).zip(table.rows_by_key()) {
        rank_of_row[row as usize] = rank;
    }

    let mut group = criterion.benchmark_group("block");
    group.throughput(Throughput::Elements(table.len() as u64));
    group.sample_size(20);
    for rule in &rules {
        let rule = std::slice::from_ref(rule);
        group.bench_function(format!("count {}", rule[0]), |bencher| {
            bencher.iter(|| {
                black_box(pair_counts(rule, &features, &scope(), table.len(), MOST, &run).is_ok())
            });
        });
    }
    let stop_keys = || {
        let named = rules.iter().map(|rule| (rule.to_string(), &rule.same[..]));
        hot_keys(named, &features, table.len(), MOST, &run).expect("nobody cancels")
    };
    group.bench_function("stop keys", |bencher| bencher.iter(|| black_box(stop_keys())));
    let stop_keys = stop_keys();
    let bind = |stop_keys| {
        Blocking::new(&rules, &features, stop_keys, scope(), table.len(), &run)
            .expect("all were computed")
    };
    group.bench_function("bind", |bencher| bencher.iter(|| black_box(bind(&none)).rules().len()));
    let blocking = bind(&stop_keys);
    let meet = || {
        let visit = |pairs: &mut u64, _, _, _| *pairs += 1;
        let chunks = blocking.fold(&rank_of_row, &run, || 0, visit).expect("nobody cancels");
        chunks.iter().sum::<u64>()
    };
    group.throughput(Throughput::Elements(meet()));
    group.bench_function("meet every pair", |bencher| bencher.iter(|| black_box(meet())));
    group.finish();
}

fn table() -> Table {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let text = std::fs::read_to_string(examples.join("plans/sample.json"));
    let plan =
        Plan::from_json(&text.expect("the plan ships with the examples")).expect("it is ours");
    let files = [
        ("crm", "crm.csv"),
        ("shop", "shop.jsonl"),
        ("support", "support.csv"),
        ("loyalty", "loyalty.csv"),
    ];
    let inputs = files.map(|(source, file)| {
        let known = plan.sources().iter().find(|known| known.name == source);
        let mapping = known.and_then(|known| known.mapping.clone());
        Input { mapping, ..Input::file(source, examples.join("sample").join(file)) }
    });
    read(&inputs, plan.schema(), &Run::new()).expect("the sample is ours").0
}

criterion_group!(benches, stages);
criterion_main!(benches);
