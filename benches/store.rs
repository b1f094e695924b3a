//! The live store under load: bulk load, upserts, searches, opening; each with a histogram.
//!
//! ```text
//! cargo run --release -p cdm-benches --bin store -- --model FOLDER --customers FOLDER
//! ```
//! FOLDERs hold generated customers (`cargo run --release -p cdm-examples --bin generate`). The model is
//! inferred from and fitted to the first; the records of the second are loaded.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cdm_core::store::{Durability, Options, Store};
use cdm_core::{Decisions, Input, Plan, Record, RecordKey, Run, Schema, Table, infer_schema, read};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Customers from which the model is learned.
    #[arg(long)]
    model: PathBuf,
    /// Customers that are loaded.
    #[arg(long)]
    customers: PathBuf,
    /// Where the store is put; a temporary folder otherwise.
    #[arg(long)]
    path: Option<PathBuf>,
    /// At most so many of the records.
    #[arg(long, default_value_t = usize::MAX)]
    records: usize,
    /// How many records are upserted one by one afterwards, and how many are searched for.
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
    /// Records that are kept in memory.
    #[arg(long, default_value_t = 100_000)]
    cached: usize,
    /// Threads that read at once.
    #[arg(long, default_value_t = 8)]
    readers: usize,
    /// Resolve the records in batch, too, for comparison.
    #[arg(long)]
    batch: bool,
}

fn inputs(folder: &Path) -> [Input; 4] {
    [
        ("crm", "crm.csv"),
        ("loyalty", "loyalty.csv"),
        ("shop", "shop.jsonl"),
        ("support", "support.csv"),
    ]
    .map(|(source, file)| Input::file(source, folder.join(file)))
}

/// A generator of numbers that anybody can repeat.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

/// A record as somebody might type it anew: a field missing, a letter gone.
fn damaged(record: &Record, random: &mut Random, key: RecordKey) -> Record {
    let mut record = Record { key, ..record.clone() };
    let fields: Vec<String> = record.fields.keys().cloned().collect();
    if fields.len() > 3 {
        record.fields.remove(&fields[random.below(fields.len())]);
    }
    let field = &fields[random.below(fields.len())];
    if let Some(value) = record.fields.get_mut(field).and_then(|values| values.first_mut())
        && let Some((place, _)) = value.char_indices().nth(random.below(value.chars().count()))
    {
        value.remove(place);
    }
    record
}

fn histogram(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {} calls, {:.0} a second; ms: p50 {:.3}, p90 {:.3}, p99 {:.3}, p99.9 {:.3}, most {:.3}",
        times.len(),
        times.len() as f64 / total.as_secs_f64(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0),
    );
}

fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = work();
    println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    out
}

fn main() -> Result<(), Box<dyn Error>> {
    let (arguments, run) = (Arguments::parse(), Run::new());
    let learned = inputs(&arguments.model);
    let schema: Schema = infer_schema(&learned, &run)?;
    let (table, _) = read(&learned, &schema, &run)?;
    let plan = timed("infer", || Plan::infer(&table, &run))?;
    let model = timed("fit", || plan.fit(&table, &run))?;
    for rule in plan.blocking() {
        println!("  blocks on {rule}");
    }
    let (table, _) = read(&inputs(&arguments.customers), model.plan().schema(), &run)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut rows: Vec<usize> = (0..table.len()).collect();
    for place in (1..rows.len()).rev() {
        rows.swap(place, random.below(place + 1));
    }
    rows.truncate(arguments.records);
    let records: Vec<Record> = rows.iter().map(|row| table.record(*row)).collect();
    if arguments.batch {
        let table = Table::from_records(model.plan().schema().clone(), &records)?;
        let resolution = timed("batch", || model.resolve(&table, &Decisions::new(), &run))?;
        println!("  {} entities", resolution.len());
    }
    drop(table);

    let temporary = tempfile::tempdir()?;
    let path = arguments.path.unwrap_or_else(|| temporary.path().join("store"));
    let durability = Durability::Grouped { at_most: Duration::from_millis(50) };
    let options = Options { durability, cached_records: arguments.cached, ..Options::new() };
    let store = Store::open(&path, &model, &options)?;
    let start = Instant::now();
    store.upsert_many(&records, &run)?;
    store.flush()?;
    println!("load: {:.2} s", start.elapsed().as_secs_f64());
    let more: Vec<Record> = (0..arguments.calls)
        .map(|number| {
            let record = &records[random.below(records.len())];
            damaged(record, &mut random, RecordKey::new("later", number.to_string()))
        })
        .collect();
    let start = Instant::now();
    store.upsert_many(&more, &run)?;
    store.flush()?;
    let seconds = start.elapsed().as_secs_f64();
    println!("upsert_many: {} more, {:.0} a second", more.len(), more.len() as f64 / seconds);
    let stats = store.stats()?;
    println!("  {stats:?}");
    println!("  {:.0} bytes a record", size(&path) as f64 / records.len() as f64);

    let mut searches = Vec::new();
    for _ in 0..arguments.calls {
        let record = &records[random.below(records.len())];
        let probe = damaged(record, &mut random, RecordKey::new("a form", ""));
        let start = Instant::now();
        std::hint::black_box(store.search(&probe, 5)?);
        searches.push(start.elapsed());
    }
    histogram("search", searches);

    let mut upserts = Vec::new();
    for number in 0..arguments.calls {
        let record = &records[random.below(records.len())];
        let key = match number % 2 {
            0 => RecordKey::new("desk", number.to_string()),
            _ => record.key.clone(),
        };
        let record = damaged(record, &mut random, key);
        let start = Instant::now();
        store.upsert(&record)?;
        upserts.push(start.elapsed());
    }
    histogram("upsert", upserts);

    for readers in [1, arguments.readers] {
        let (done, reads, longest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| -> cdm_core::Result<()> {
            for reader in 0..readers {
                let (store, records) = (&store, &records);
                let (done, reads, longest) = (&done, &reads, &longest);
                scope.spawn(move || {
                    let mut random = Random(reader as u64 + 1);
                    while !done.load(Ordering::Relaxed) {
                        let start = Instant::now();
                        let key = &records[random.below(records.len())].key;
                        std::hint::black_box(store.entity_of(key).is_ok());
                        longest.fetch_max(start.elapsed().as_micros() as u64, Ordering::Relaxed);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let start = Instant::now();
            let mut written = 0_u64;
            while start.elapsed() < Duration::from_secs(5) {
                let record = &records[random.below(records.len())];
                let key = RecordKey::new("busy", written.to_string());
                store.upsert(&damaged(record, &mut random, key))?;
                written += 1;
            }
            done.store(true, Ordering::Relaxed);
            println!(
                "{readers} readers beside a writer: {} reads a second, the longest {:.1} ms; {} writes a second",
                reads.load(Ordering::Relaxed) / 5,
                longest.load(Ordering::Relaxed) as f64 / 1e3,
                written / 5,
            );
            Ok(())
        })?;
    }
    drop(store);
    let store = timed("open", || Store::open(&path, &model, &options))?;
    println!("  {} records", store.stats()?.records);
    Ok(())
}
