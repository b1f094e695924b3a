//! From a seed to files: the population, its records, what goes wrong in them, and the formats.
//!
//! Households are drawn one after another, each from random numbers of its own; the records of
//! their people go to the files at once, so memory does not grow with the number of records.

mod calendar;
mod contact;
mod corrupt;
mod country;
mod letters;
mod locale;
mod national_id;
mod people;
mod record;
mod rng;
mod sources;
mod stats;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use country::COUNTRIES;
use people::World;
use record::{Record, WrittenPhone, records_of};
pub(crate) use sources::{DirtyRows, Layout, Written};
use sources::{Open, Sink};
pub(crate) use stats::Stats;

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Records over all sources, without dirty rows.
    pub(super) records: u64,
    pub(super) seed: u64,
    pub(super) layout: Layout,
    pub(super) dirty_rows: DirtyRows,
    /// Records that share one phone number and one e-mail domain.
    pub(super) hot_key: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            records: 6_000,
            seed: 1,
            layout: Layout::Sources,
            dirty_rows: DirtyRows::Added,
            hot_key: 0,
        }
    }
}

/// Write the files of `options` into the folder `out`, which is made if it is missing.
///
/// # Errors
/// When the folder or a file cannot be written.
pub(super) fn run(options: &Options, out: &Path, stats: Option<&mut Stats>) -> io::Result<Written> {
    fs::create_dir_all(out)?;
    let mut open = |name: &str| -> io::Result<Box<dyn Write>> {
        Ok(Box::new(BufWriter::with_capacity(1 << 16, File::create(out.join(name))?)))
    };
    write(options, &mut open, stats)
}

fn write(
    options: &Options,
    open: &mut Open<'_>,
    mut stats: Option<&mut Stats>,
) -> io::Result<Written> {
    let mut sink = Sink::open(open, options.layout, options.dirty_rows, options.seed)?;
    let mut outcome = Ok(());
    for_each_person(options, |records| {
        if let Some(stats) = stats.as_deref_mut() {
            stats.add(&records);
        }
        outcome = records.into_iter().try_for_each(|record| sink.push(record));
        outcome.is_ok()
    });
    outcome?;
    sink.finish()
}

/// Give the records of each person to `take` until there are enough or it answers false.
fn for_each_person(options: &Options, mut take: impl FnMut(Vec<Record>) -> bool) {
    let mut world = World::new(options.records, options.seed);
    let mut made = 0;
    while made < options.records {
        let (people, mut rng) = world.household();
        for person in &people {
            let mut records = records_of(person, &world.locales[person.locale], &mut rng);
            records.truncate((options.records - made).try_into().unwrap_or(usize::MAX));
            for record in &mut records {
                if is_hot(made, options) {
                    heat(record, made);
                }
                made += 1;
            }
            if records.is_empty() || !take(records) {
                break;
            }
        }
    }
}

/// Whether record `number` is one of the `hot_key` ones, which are spread evenly.
fn is_hot(number: u64, options: &Options) -> bool {
    let hot = u128::from(options.hot_key.min(options.records));
    let before = |number: u64| u128::from(number) * hot / u128::from(options.records);
    before(number + 1) > before(number)
}

/// Give a record the phone number and the e-mail domain that all hot records share.
fn heat(record: &mut Record, number: u64) {
    let shared = contact::Phone::shared(&COUNTRIES[1], 99);
    record.mobile = WrittenPhone { text: shared.e164(), e164: Some(shared.e164()) };
    record.email = format!("guest{number}@marketplace.example.com");
}

/// The table of corruptions, in Markdown.
pub(super) fn rates_table() -> String {
    let mut table = "| corruption | in 1000 | what happens |\n| --- | ---: | --- |\n".to_owned();
    for (name, rate, meaning) in corrupt::TABLE {
        table.push_str(&format!("| `{name}` | {rate} | {} |\n", meaning.trim()));
    }
    table
}
