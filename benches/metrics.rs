//! Nanoseconds a pair of names takes: ours, plain and prepared, beside strsim.

use std::hint::black_box;

use cdm_core::compare::metric::{self, GramSize, Grams, Pattern, Text, Tokens};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Pairs as blocking finds them: some equal, some a typo apart, most of another person.
const NAMES: &[(&str, &str)] = &[
    ("robert", "robret"),
    ("katherine", "catherine"),
    ("smith", "smyth"),
    ("johnson", "johnston"),
    ("martinez", "martins"),
    ("elizabeth", "alexander"),
    ("obrien", "obrian"),
    ("hernandez", "fernandez"),
    ("williams", "williams"),
    ("maria", "robert"),
    ("zhang", "zhao"),
    ("christopher", "christian"),
];

const FOREIGN: &[(&str, &str)] = &[
    ("müller", "mueller"),
    ("garcía", "garcia"),
    ("анна", "ганна"),
    ("łukasz", "lukas"),
    ("nguyễn", "nguyen"),
    ("jürgen", "jörgen"),
];

const WHOLE: &[(&str, &str)] = &[
    ("maria fernanda hernandez gonzalez", "maria f hernandez gonzales"),
    ("123 north main street las vegas", "123 n main street las vegas nv"),
    ("baker and mckenzie international", "mckenzie and baker intl"),
];

fn metrics(criterion: &mut Criterion) {
    type Similarity = fn(&str, &str) -> f64;
    let plain: &[(&str, Similarity, Similarity)] = &[
        ("jaro", metric::jaro, strsim::jaro),
        ("jaro_winkler", metric::jaro_winkler, strsim::jaro_winkler),
        (
            "levenshtein",
            |l, r| metric::levenshtein(l, r) as f64,
            |l, r| strsim::levenshtein(l, r) as f64,
        ),
        (
            "osa_distance",
            |l, r| metric::osa_distance(l, r) as f64,
            |l, r| strsim::osa_distance(l, r) as f64,
        ),
    ];
    for (list, pairs) in [("names", NAMES), ("foreign", FOREIGN), ("whole", WHOLE)] {
        let mut group = criterion.benchmark_group(list);
        group.throughput(Throughput::Elements(pairs.len() as u64));
        for (name, ours, theirs) in plain {
            for (whose, metric) in [("cdm", ours), ("strsim", theirs)] {
                group.bench_function(format!("{name}/{whose}"), |bencher| {
                    bencher.iter(|| {
                        for (left, right) in pairs {
                            black_box(metric(black_box(left), black_box(right)));
                        }
                    });
                });
            }
        }
        macro_rules! prepared {
            ($name:literal, $prepare:expr, $other:expr, |$left:ident, $right:ident| $metric:expr) => {
                let prepared: Vec<_> =
                    pairs.iter().map(|(left, right)| ($prepare(*left), $other(*right))).collect();
                group.bench_function($name, |bencher| {
                    bencher.iter(|| {
                        for ($left, $right) in &prepared {
                            black_box($metric);
                        }
                    });
                });
            };
        }
        prepared!("jaro_winkler/text", Text::new, Text::new, |l, r| l.jaro_winkler(r));
        prepared!("jaro_winkler/pattern", Pattern::new, |r| r, |l, r| l.jaro_winkler(r));
        prepared!("osa_distance/text", Text::new, Text::new, |l, r| l.osa_distance(r));
        prepared!("osa_distance/pattern", Pattern::new, |r| r, |l, r| l.osa_distance(r));
        prepared!("osa_within_1/text", Text::new, Text::new, |l, r| l.osa_within(r, 1));
        let grams = |text| Grams::new(text, GramSize::Two);
        prepared!("gram_dice/prepared", grams, grams, |l, r| l.dice(r));
        prepared!("token_jaccard/prepared", Tokens::new, Tokens::new, |l, r| l.jaccard(r));
        prepared!("monge_elkan/prepared", Tokens::new, Tokens::new, |l, r| l.monge_elkan(r));
        group.finish();
    }
}

criterion_group!(benches, metrics);
criterion_main!(benches);
