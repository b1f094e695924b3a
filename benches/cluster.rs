//! Nanoseconds a scored link takes to become part of a group, where a score costs next to nothing.

use std::hint::black_box;

use cdm_core::Run;
use cdm_core::cluster::{Contraction, ScoredLink, Weight, cluster_links};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// As if by chance, from 0 to 1.
fn chance(left: u32, right: u32) -> f64 {
    let both = (u64::from(left) << 32 | u64::from(right)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (both ^ (both >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

fn link(left: u32, right: u32, bits: f64) -> ScoredLink {
    ScoredLink { left, right, weight: Weight::from_bits(bits) }
}

fn below(records: u32, chance: f64) -> u32 {
    (chance * f64::from(records)) as u32
}

/// Three records a customer, and one false link in six.
fn customers(records: u32) -> Vec<ScoredLink> {
    let of_record =
        |record: u32| (record + 1..record / 3 * 3 + 3).map(move |other| link(record, other, 12.0));
    let mut links: Vec<ScoredLink> = (0..records).flat_map(of_record).collect();
    links.extend((0..records / 5).map(|number| {
        link(below(records, chance(number, 1)), below(records, chance(number, 2)), 3.0)
    }));
    links
}

/// All records linked with one.
fn star(records: u32) -> Vec<ScoredLink> {
    (1..records).map(|leaf| link(0, leaf, 1.0 + 10.0 * chance(0, leaf))).collect()
}

/// Records linked at random, ten times each.
fn tangle(records: u32) -> Vec<ScoredLink> {
    let of_number = |number: u32| {
        let (left, right) = (chance(number, 1), chance(number, 2));
        link(below(records, left), below(records, right), 0.5 + 10.0 * chance(number, 3))
    };
    (0..records * 5).map(of_number).collect()
}

fn cluster(criterion: &mut Criterion) {
    type Links = (&'static str, u32, fn(u32) -> Vec<ScoredLink>);
    let links: &[Links] =
        &[("customers", 300_000, customers), ("star", 200_000, star), ("tangle", 50_000, tangle)];
    for (name, records, links) in links {
        let links = links(*records);
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Elements(links.len() as u64)).sample_size(10);
        for (others, bits, spread) in
            [("against", -5.0, 0.0), ("mixed", -10.0, 20.0), ("for", 4.0, 0.0)]
        {
            let score = move |left, right| Weight::from_bits(bits + spread * chance(left, right));
            group.bench_function(others, |bencher| {
                let options = Contraction::default();
                let contract =
                    || cluster_links(*records, black_box(&links), &options, &score, &Run::new());
                bencher.iter(|| contract().unwrap());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, cluster);
criterion_main!(benches);
