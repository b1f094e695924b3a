//! The live store under load: bulk load, upserts, searches, opening; each with a histogram.
//!
//! ```text
//! cargo run --release -p cdm-benches --bin store -- --model FOLDER --customers FOLDER
//! ```
//! FOLDERs hold generated customers (`cargo run --release -p cdm-examples --bin generate`). The model is
//! inferred from and fitted to the first; the records of the second are loaded.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cdm_core::store::{Durability, Options, Store};
use cdm_core::{Decisions, Input, Plan, Record, RecordKey, Run, Schema, Table, infer_schema, read};
use clap::Parser;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

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
    /// How often as many new records are upserted right after the load, by several threads.
    #[arg(long, default_value_t = 0)]
    rounds: usize,
    /// So many threads at once.
    #[arg(long, default_value_t = 2)]
    writers: usize,
    /// Records that are kept in memory at least.
    #[arg(long, default_value_t = 1_000_000)]
    cached: usize,
    /// Threads that read at once.
    #[arg(long, default_value_t = 8)]
    readers: usize,
    /// So many more records come with one phone number.
    #[arg(long, default_value_t = 0)]
    hot: usize,
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

/// Processor seconds of this process so far, all threads together; 0 where the system does not say.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let of_name = stat.rfind(')').map_or(0, |end| end + 2);
    let fields: Vec<&str> = stat[of_name..].split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// How long the calling thread was ready to run and had to wait for a core, so far; nothing where the system
/// does not say.
struct Waited(Option<File>);

impl Waited {
    fn new() -> Self {
        Self(File::open("/proc/thread-self/schedstat").ok())
    }

    /// On the stack: who asks for memory may wait for others.
    fn so_far(&mut self) -> Duration {
        let mut text = [0; 64];
        let read = self.0.as_mut().and_then(|file| {
            file.rewind().ok()?;
            file.read(&mut text).ok()
        });
        let text = read.and_then(|length| std::str::from_utf8(&text[..length]).ok());
        let nanoseconds = text.and_then(|text| text.split(' ').nth(1)?.parse().ok());
        Duration::from_nanos(nanoseconds.unwrap_or_default())
    }
}

/// How many processes want a processor.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!(
        "ms: p50 {:.3}, p90 {:.3}, p99 {:.3}, p99.9 {:.3}, most {:.3}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}

/// How many calls took at most so long, by doublings of time: a line each.
fn histogram(times: &[Duration]) -> String {
    let bin = |time: &Duration| (time.as_micros() as u64).next_power_of_two().max(32);
    let mut bins = BTreeMap::<u64, usize>::new();
    for time in times {
        *bins.entry(bin(time)).or_default() += 1;
    }
    let line = |(most, calls): (u64, usize)| {
        let share = calls as f64 / times.len() as f64 * 100.0;
        let bar = "#".repeat(share.round() as usize);
        format!("  up to {:>7.3} ms {share:>7.3} % {bar}\n", most as f64 / 1e3)
    };
    bins.into_iter().map(line).collect()
}

/// Do something so many times, and say how long each took.
fn each(
    what: &str,
    calls: usize,
    mut call: impl FnMut(usize) -> Result<Duration, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (start, before) = (Instant::now(), processor());
    let mut times = (0..calls).map(&mut call).collect::<Result<Vec<_>, _>>()?;
    let (wall, processor) = (start.elapsed().as_secs_f64(), processor() - before);
    println!(
        "{what}: {calls} calls, {:.0} a second, {:.0} µs of processor each; {}; load {}",
        calls as f64 / wall,
        processor / calls as f64 * 1e6,
        percentiles(&mut times),
        load(),
    );
    print!("{}", histogram(&times));
    Ok(())
}

fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (start, before) = (Instant::now(), processor());
    let out = work();
    println!(
        "{what}: {:.2} s, processor {:.2} s; load {}",
        start.elapsed().as_secs_f64(),
        processor() - before,
        load()
    );
    out
}

/// Have so many threads upsert new records as long as each goes on after so many, say how long the calls took, and
/// return it.
fn upserts(
    store: &Store,
    records: &[Record],
    (writers, source): (usize, &str),
    goes_on: impl Fn(usize) -> bool + Sync,
) -> Vec<Duration> {
    let (all, before, start) = (Mutex::new(Vec::new()), processor(), Instant::now());
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (all, goes_on) = (&all, &goes_on);
            scope.spawn(move || {
                let seed = source.bytes().map(u64::from).sum::<u64>() * 77;
                let (mut random, mut times) = (Random(seed + writer as u64), Vec::new());
                while goes_on(times.len()) {
                    let record = &records[random.below(records.len())];
                    let id = format!("{writers}-{writer}-{}", times.len());
                    let record = damaged(record, &mut random, RecordKey::new(source, id));
                    let start = Instant::now();
                    if store.upsert(&record).is_err() {
                        break;
                    }
                    times.push(start.elapsed());
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).extend(times);
            });
        }
    });
    let wall = start.elapsed().as_secs_f64();
    let mut times = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{writers} threads upsert {}: {:.0} a second, {:.0} µs of processor each; {}; load {}",
        times.len(),
        times.len() as f64 / wall,
        (processor() - before) / times.len().max(1) as f64 * 1e6,
        percentiles(&mut times),
        load()
    );
    times
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
    timed("load", || store.upsert_many(&records, &run).and_then(|_| store.flush()))?;
    let sizes = || -> String {
        let file = |name: &str| fs::metadata(path.join(name)).map_or(0, |file| file.len());
        let of_record = |bytes: u64| bytes / records.len() as u64;
        let files = ["index", "log", "keys", "cells"]
            .map(|name| format!("{name} {}", of_record(file(name))));
        format!("  {} bytes a record: {}", of_record(size(&path)), files.join(", "))
    };
    println!("{}", sizes());
    let mut times = Vec::new();
    for round in 0..arguments.rounds {
        let source = format!("round {round}");
        let of_each = arguments.calls / arguments.writers.max(1);
        let writers = (arguments.writers, source.as_str());
        times.extend(upserts(&store, &records, writers, |done| done < of_each));
    }
    print!("{}", histogram(&times));
    let one = |number: usize, random: &mut Random| {
        let record = &records[random.below(records.len())];
        damaged(record, random, RecordKey::new("later", number.to_string()))
    };
    let more: Vec<Record> = (0..arguments.calls).map(|n| one(n, &mut random)).collect();
    println!("upsert_many, {} more:", more.len());
    timed("  all", || store.upsert_many(&more, &run).and_then(|_| store.flush()))?;
    println!("  {:?}", store.stats()?);
    println!("{}", sizes());

    each("search", arguments.calls, |_| {
        let record = &records[random.below(records.len())];
        let probe = damaged(record, &mut random, RecordKey::new("a form", ""));
        let start = Instant::now();
        std::hint::black_box(store.search(&probe, 5)?);
        Ok(start.elapsed())
    })?;
    each("upsert", arguments.calls, |number| {
        let record = &records[random.below(records.len())];
        let key = match number % 2 {
            0 => RecordKey::new("desk", number.to_string()),
            _ => record.key.clone(),
        };
        let record = damaged(record, &mut random, key);
        let start = Instant::now();
        store.upsert(&record)?;
        Ok(start.elapsed())
    })?;
    println!("{}", sizes());

    // Threads that only look at the clock wait for a core as long as those that read.
    for (readers, reads) in
        [(1, true), (1, false), (arguments.readers, true), (arguments.readers, false)]
    {
        let what = if reads { "readers" } else { "threads that look at the clock" };
        let (done, all) = (AtomicBool::new(false), Mutex::new((Vec::new(), Vec::new())));
        let before = processor();
        std::thread::scope(|scope| -> cdm_core::Result<()> {
            for reader in 0..readers {
                let (store, records, done, all) = (&store, &records, &done, &all);
                scope.spawn(move || {
                    let (mut random, mut waited) = (Random(reader as u64 + 1), Waited::new());
                    let (mut times, mut on_core) = (Vec::new(), Vec::new());
                    while !done.load(Ordering::Relaxed) {
                        let key = &records[random.below(records.len())].key;
                        let (waiting, start) = (waited.so_far(), Instant::now());
                        std::hint::black_box(!reads || store.entity_of(key).is_ok());
                        let time = start.elapsed();
                        times.push(time);
                        on_core.push(time.saturating_sub(waited.so_far() - waiting));
                    }
                    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                    all.0.extend(times);
                    all.1.extend(on_core);
                });
            }
            let start = Instant::now();
            let mut written = 0_u64;
            while start.elapsed() < Duration::from_secs(5) {
                let record = &records[random.below(records.len())];
                let key = RecordKey::new("busy", format!("{readers}-{reads}-{written}"));
                store.upsert(&damaged(record, &mut random, key))?;
                written += 1;
            }
            done.store(true, Ordering::Relaxed);
            print!("{readers} {what} beside a writer: {} writes a second, ", written / 5);
            Ok(())
        })?;
        let (mut times, mut on_core) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        println!(
            "{} reads a second; processor {:.1} s of 5; {}; load {}\n  but for waiting for a core, {}",
            times.len() / 5,
            processor() - before,
            percentiles(&mut times),
            load(),
            percentiles(&mut on_core),
        );
    }
    for readers in [1, 2, arguments.readers] {
        let (searches, before) = (AtomicU64::new(0), processor());
        let start = Instant::now();
        std::thread::scope(|scope| {
            for reader in 0..readers {
                let (store, records, searches) = (&store, &records, &searches);
                scope.spawn(move || {
                    let mut random = Random(reader as u64 + 1);
                    while start.elapsed() < Duration::from_secs(3) {
                        let record = &records[random.below(records.len())];
                        let probe = damaged(record, &mut random, RecordKey::new("a form", ""));
                        std::hint::black_box(store.search(&probe, 5).is_ok());
                        searches.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let searches = searches.load(Ordering::Relaxed);
        println!(
            "{readers} threads search: {} a second, {:.0} µs of processor each; load {}",
            searches / 3,
            (processor() - before) / searches.max(1) as f64 * 1e6,
            load()
        );
    }
    for writers in [1, 2, 4, arguments.readers] {
        let start = Instant::now();
        upserts(&store, &records, (writers, "counter"), |_| {
            start.elapsed() < Duration::from_secs(3)
        });
    }
    if arguments.hot > 0 {
        let mut tenths = Vec::new();
        for number in 0..arguments.hot {
            let record = &records[random.below(records.len())];
            let key = RecordKey::new("hot", number.to_string());
            let mut record = damaged(record, &mut random, key);
            record.fields.insert("phone".to_owned(), vec!["+1 702 919 1300".to_owned()]);
            let start = Instant::now();
            store.upsert(&record)?;
            tenths.push(start.elapsed());
        }
        for tenth in tenths.chunks_mut(arguments.hot.div_ceil(10)) {
            println!("a key of {} records, a tenth: {}", arguments.hot, percentiles(tenth));
        }
        let stats = store.stats()?;
        println!("  {} revisions, {} hot keys", stats.revision, stats.hot_keys);
    }
    drop(store);
    let store = timed("open", || Store::open(&path, &model, &options))?;
    println!("  {} records", store.stats()?.records);
    Ok(())
}
