//! Where the time and the memory of a resolution go, stage by stage, and how soon a cancel is obeyed.
//!
//! ```text
//! cargo run --release -p cdm-benches --bin stages -- crm=crm.csv shop=shop.jsonl
//! ```

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cdm_core::plan::LinkType;
use cdm_core::write::GoldenWriters;
use cdm_core::{CancelToken, Decisions, Input, Plan, Run, Table, infer_schema, read};
use clap::Parser;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

/// Resolve files with no settings, as `resolve` does, and print what each stage took.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Source and file.
    #[arg(required = true, value_parser = input)]
    inputs: Vec<(String, PathBuf)>,
    /// How many threads work; one a core where it is not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Estimate beforehand what it takes, which is a stage of its own.
    #[arg(long)]
    estimate: bool,
    /// Take no more memory than so many MiB.
    #[arg(long)]
    memory_limit: Option<u64>,
    /// Resolve so many times, and print the mean of all times but the first: what a process that
    /// lives on sees.
    #[arg(long, default_value_t = 1)]
    times: u32,
    /// Afterwards, do it so many times again and cancel each run at another moment, evenly spread.
    #[arg(long, default_value_t = 0)]
    cancels: u32,
}

fn input(text: &str) -> Result<(String, PathBuf), String> {
    let (source, path) = text.split_once('=').ok_or("wanted SOURCE=FILE")?;
    Ok((source.to_owned(), path.into()))
}

/// What a process has used up; zero where the system does not say it as Linux does.
#[derive(Clone, Copy)]
struct Used {
    at: Instant,
    processor: Duration,
    peak_kib: u64,
    resident_kib: u64,
}

impl Used {
    fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // What stands before the parenthesis may hold blanks.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let ticks = after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok());
        let processor = Duration::from_millis(ticks.sum::<u64>() * 10);
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let (peak_kib, resident_kib) = (kib("VmHWM:"), kib("VmRSS:"));
        Self { at: Instant::now(), processor, peak_kib, resident_kib }
    }
}

/// The stages so far, each with what was used up when it began.
type Stages = Arc<Mutex<Vec<(&'static str, Used)>>>;

fn lock(stages: &Stages) -> MutexGuard<'_, Vec<(&'static str, Used)>> {
    stages.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The records, and the plan that says no more than what their fields are.
fn read_all(inputs: &[(String, PathBuf)], run: &Run) -> Result<(Table, Plan), cdm_core::Error> {
    let inputs: Vec<Input> =
        inputs.iter().map(|(source, path)| Input::file(source, path)).collect();
    run.report("infer schema", 0, 0)?;
    let schema = infer_schema(&inputs, run)?;
    let (table, _) = read(&inputs, &schema, run)?;
    let mut plan = Plan::builder("customers").link_type(LinkType::LinkAndDedupe);
    for field in schema.fields() {
        plan = plan.field(field.clone());
    }
    Ok((table, plan.build()?))
}

fn resolve(
    inputs: &[(String, PathBuf)],
    estimate: bool,
    run: &Run,
) -> Result<usize, cdm_core::Error> {
    let ((table, given), none) = (read_all(inputs, run)?, Decisions::new());
    if estimate {
        let plan = Plan::infer_with(&table, &given, run)?.plan;
        run.report("estimate", 0, 0)?;
        let told = plan.estimate(&table, &run.clone().with_progress(|_| ()))?;
        println!(
            "estimated: {} candidate pairs, {} MiB, {:.1} s",
            told.candidate_pairs,
            told.peak_memory_bytes >> 20,
            told.seconds
        );
        for rule in &told.new_pairs_by_rule {
            println!(
                "  {:>12} pairs by {}, {} keys stopped",
                rule.pairs, rule.rule, rule.stopped_keys
            );
        }
    }
    let resolution = Plan::infer_and_resolve(&table, &given, &none, &none, run)?;
    resolution.write_entities(std::io::sink(), run)?;
    run.report("write golden", 0, 0)?;
    let (mut csv, mut lines) = (std::io::sink(), std::io::sink());
    let to = GoldenWriters { csv: Some(&mut csv), json_lines: Some(&mut lines), lineage: None };
    resolution.write_golden(to, run)?;
    run.report("write links", 0, 0)?;
    resolution.write_links_json_lines(std::io::sink(), run)?;
    run.report("quality", 0, 0)?;
    drop(resolution.quality());
    run.report("tidy up", 0, 0)?;
    Ok(resolution.len())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(threads) = arguments.threads {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    let stages = Stages::default();
    let seen = Arc::clone(&stages);
    let run = Run::new().with_progress(move |progress| {
        let mut seen = lock(&seen);
        if seen.last().is_none_or(|(stage, _)| *stage != progress.stage) {
            seen.push((progress.stage, Used::now()));
        }
    });
    let run = run.with_memory_limit(arguments.memory_limit.map(|mib| mib << 20));
    let mut entities = resolve(&arguments.inputs, arguments.estimate, &run)?;
    if arguments.times > 1 {
        lock(&stages).clear();
    }
    for _ in 1..arguments.times {
        entities = resolve(&arguments.inputs, arguments.estimate, &run)?;
    }
    let end = Used::now();
    let stages = lock(&stages).clone();
    println!(
        "| stage | seconds | processor, s | peak memory so far, MiB | memory in the end, MiB |"
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    let times = arguments.times.saturating_sub(1).max(1);
    let row = |name: &str, spent: (Duration, Duration), to: Used| {
        let of_one = |spent: Duration| spent.as_secs_f64() / f64::from(times);
        let (wall, processor) = (of_one(spent.0), of_one(spent.1));
        let (peak, now) = (to.peak_kib / 1024, to.resident_kib / 1024);
        println!("| {name} | {wall:.3} | {processor:.3} | {peak} | {now} |");
    };
    let spent =
        |from: Used, to: Used| (to.at - from.at, to.processor.saturating_sub(from.processor));
    // A stage is named where it came first; of several times, its memory is that of the last.
    let mut by_name: Vec<(&str, (Duration, Duration), Used)> = Vec::new();
    for (number, (stage, from)) in stages.iter().enumerate() {
        let to = stages.get(number + 1).map_or(end, |(_, next)| *next);
        let (wall, processor) = spent(*from, to);
        match by_name.iter_mut().find(|(name, ..)| name == stage) {
            Some((_, sum, last)) => (sum.0, sum.1, *last) = (sum.0 + wall, sum.1 + processor, to),
            None => by_name.push((stage, (wall, processor), to)),
        }
    }
    by_name.into_iter().for_each(|(name, sum, to)| row(name, sum, to));
    let all = stages.first().map_or_else(Default::default, |(_, from)| spent(*from, end));
    row("all", all, end);
    println!("{entities} entities");
    if arguments.times > 1 {
        fit_and_resolve(&arguments)?;
    }
    cancels(&arguments, all.0.div_f64(f64::from(times)))
}

/// What fitting and resolving takes of a table that is in memory, by a plan that was inferred: twice, as
/// the one call that does both and as one after the other.
fn fit_and_resolve(arguments: &Arguments) -> Result<(), cdm_core::Error> {
    let (run, none) = (Run::new(), Decisions::new());
    let (table, given) = read_all(&arguments.inputs, &run)?;
    let plan = Plan::infer_with(&table, &given, &run)?.plan;
    let print = |what: &str, work: &dyn Fn() -> Result<usize, cdm_core::Error>| {
        let mut took = Vec::new();
        for _ in 0..arguments.times {
            let from = Instant::now();
            work()?;
            took.push(from.elapsed());
        }
        took.sort_unstable();
        let median = took[took.len() / 2];
        println!("{what}: {:.1} ms in the median, {:.1} at least", ms(median), ms(took[0]));
        Ok(())
    };
    print("fit and resolve", &|| Ok(plan.resolve(&table, &none, &run)?.len()))?;
    print("fit, then resolve", &|| Ok(plan.fit(&table, &run)?.resolve(&table, &none, &run)?.len()))
}

/// How long runs go on that are told to stop, each at another moment of the `whole` time.
fn cancels(arguments: &Arguments, whole: Duration) -> Result<(), Box<dyn Error>> {
    let mut late = Vec::new();
    for number in 0..arguments.cancels {
        let cancel = CancelToken::new();
        let stage = Arc::new(Mutex::new(""));
        let (seen, token) = (Arc::clone(&stage), cancel.clone());
        let run = Run::new().with_cancel(cancel).with_progress(move |progress| {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = progress.stage;
        });
        let after = whole.mul_f64((f64::from(number) + 0.5) / f64::from(arguments.cancels));
        let stopper = thread::spawn(move || {
            thread::sleep(after);
            token.cancel();
            Instant::now()
        });
        let outcome = resolve(&arguments.inputs, false, &run);
        let ended = Instant::now();
        let asked = stopper.join().map_err(|_| "the thread that cancels ended in a panic")?;
        if outcome.is_err() {
            let stage = *stage.lock().unwrap_or_else(PoisonError::into_inner);
            late.push((ended.saturating_duration_since(asked), stage, after));
        }
    }
    late.sort_by_key(|(late, ..)| *late);
    if let Some((median, ..)) = late.get(late.len() / 2) {
        println!("cancels obeyed after {:.1} ms in the median; the slowest:", ms(*median));
        for (late, stage, after) in late.iter().rev().take(12) {
            println!(
                "  {:8.1} ms, in {stage}, cancelled after {:.2} s",
                ms(*late),
                after.as_secs_f64()
            );
        }
    }
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
