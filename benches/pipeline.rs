//! How long each stage of the deterministic path takes, over the sample that ships with the
//! examples.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io;
use std::path::Path;

use cdm_core::features::{Features, Needs, Settings};
use cdm_core::read::{Input, read};
use cdm_core::rule::{BoundRules, Decision, expressions};
use cdm_core::write::GoldenWriters;
use cdm_core::{Decisions, Plan, Run, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn stages(criterion: &mut Criterion) {
    let (plan, inputs, run) = (plan(), inputs(), Run::new());
    let load = || read(&with_mappings(&plan, &inputs), plan.schema(), &run).expect("it is ours").0;
    let table = load();
    let none = (Settings::default(), BTreeMap::new());
    let features = |needs: &Needs| {
        Features::new(&table, &none.0, needs, &none.1, &run).expect("nobody cancels")
    };

    let mut group = criterion.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(table.len() as u64));
    group.sample_size(20);
    group.bench_function("read", |bencher| bencher.iter(|| black_box(load())));
    for (position, field) in plan.schema().fields().iter().enumerate() {
        let column = alone(&table, position);
        let no_keys = Needs::new();
        group.bench_function(format!("normalize {}", field.name), |bencher| {
            bencher.iter(|| {
                black_box(Features::new(&column, &none.0, &no_keys, &none.1, &run).is_ok())
            });
        });
    }
    let wanted = Needs::new().with_expressions(expressions(plan.rules()));
    group.bench_function("normalize and keys", |bencher| {
        bencher.iter(|| black_box(features(&wanted)));
    });
    let features = features(&wanted);
    group.bench_function("keys of every rule, and blocks", |bencher| {
        bencher.iter(|| {
            let rules = BoundRules::new(plan.rules(), &features).expect("all were computed");
            for (position, rule) in plan.rules().iter().enumerate() {
                if rule.decision == Decision::Match {
                    let keys = rules.keys(position, table.len(), &run).expect("nobody cancels");
                    black_box(keys.shared().count());
                }
            }
        });
    });
    let model = plan.fit(&table, &run).expect("nobody cancels");
    let decisions = Decisions::new();
    group.bench_function("normalize, keys, blocks, clusters", |bencher| {
        bencher.iter(|| black_box(model.resolve(&table, &decisions, &run).expect("it resolves")));
    });
    let resolution = model.resolve(&table, &decisions, &run).expect("it resolves");
    group.bench_function("merge and write", |bencher| {
        bencher.iter(|| {
            let (mut csv, mut json_lines, mut lineage) = (io::sink(), io::sink(), io::sink());
            let to = GoldenWriters {
                csv: Some(&mut csv),
                json_lines: Some(&mut json_lines),
                lineage: Some(&mut lineage),
            };
            resolution.write_golden(to, &run).expect("a sink takes everything");
        });
    });
    group.bench_function("quality", |bencher| bencher.iter(|| black_box(resolution.quality())));
    group.finish();
}

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn plan() -> Plan {
    let text = std::fs::read_to_string(examples().join("plans/sample.json"));
    Plan::from_json(&text.expect("the plan ships with the examples")).expect("the plan is right")
}

fn inputs() -> Vec<Input> {
    [
        ("crm", "crm.csv"),
        ("shop", "shop.jsonl"),
        ("support", "support.csv"),
        ("loyalty", "loyalty.csv"),
    ]
    .into_iter()
    .map(|(source, file)| Input::file(source, examples().join("sample").join(file)))
    .collect()
}

fn with_mappings(plan: &Plan, inputs: &[Input]) -> Vec<Input> {
    let mapping = |input: &Input| {
        let source = plan.sources().iter().find(|source| source.name == input.source)?;
        source.mapping.clone()
    };
    inputs.iter().map(|input| Input { mapping: mapping(input), ..input.clone() }).collect()
}

/// One field of a table, as a table of its own.
fn alone(table: &Table, field: usize) -> Table {
    let mut definition = table.schema().fields()[field].clone();
    definition.region_from = None;
    let schema = cdm_core::Schema::new("one", vec![definition]).expect("one field is a schema");
    let mut builder = Table::builder(schema);
    for row in 0..table.len() {
        let values = table.column(field).values(row).map(|value| (0, value));
        builder.push_values(table.source(row), table.id(row), None, values).expect("keys differ");
    }
    builder.finish()
}

criterion_group!(benches, stages);
criterion_main!(benches);
