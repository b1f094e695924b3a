//! Customer files in; entities, golden records and a quality report out.
//!
//! ```text
//! resolve --out out crm=crm.csv shop=shop.jsonl --truth truth.csv
//! resolve --plan plan.json --out out crm=crm.csv shop=shop.jsonl
//! ```
//!
//! Without a plan one is inferred from the records, and learned from them without labels.
//!
//! Where it fails it writes nothing, says why in one line on stderr, and exits with 1; with 130
//! where it was interrupted, and with 2 where its arguments make no sense.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use cdm_core::evaluate::Evaluation;
use cdm_core::plan::{LinkType, Source};
use cdm_core::read::{FieldMapping, Format, Input, Mapping, ReadReport, RejectReason, read};
use cdm_core::write::{GoldenWriters, OutputFolder};
use cdm_core::{
    CancelToken, Decisions, Error, Field, Kind, Plan, RecordKey, Resolution, Run, Schema, Table,
    infer_schema,
};
use clap::Parser;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

#[path = "resolve/progress.rs"]
mod progress;
#[path = "resolve/summary.rs"]
mod summary;

/// What is written; an input of that name in the output folder would be lost.
const FILES: [&str; 9] = [
    "entities.csv",
    "golden.csv",
    "golden.jsonl",
    LINEAGE,
    "links.jsonl",
    "quality.json",
    "read.json",
    "plan.json",
    "model.json",
];
const LINEAGE: &str = "lineage.jsonl";

/// Resolve customer records from several files into entities and golden records.
///
/// Writes into the output folder: entities.csv (which record is which entity), golden.csv and
/// golden.jsonl (one merged record for each entity), lineage.jsonl (where every value came from),
/// links.jsonl (what joined records, and what was refused), quality.json, read.json (what was read
/// from each file, and which rows were not), plan.json and model.json.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The files to read, each with the name of its source: `crm=path/to/crm.csv`.
    #[arg(required = true, value_parser = source_and_path)]
    inputs: Vec<(String, PathBuf)>,

    /// The plan: fields, rules, comparisons, survivorship, as JSON. Without one, it is inferred from
    /// the records; plan.json in the output folder is what came of it, to be changed and used again.
    #[arg(long)]
    plan: Option<PathBuf>,

    /// A source that holds each customer once; may be given several times. Only without a plan, which
    /// says so itself.
    #[arg(long, value_name = "SOURCE", conflicts_with = "plan")]
    duplicate_free: Vec<String>,

    /// Link records of different sources only. Only without a plan, which says so itself.
    #[arg(long, conflicts_with = "plan")]
    link: bool,

    /// The folder to write to; it appears whole or not at all.
    #[arg(long, default_value = "out")]
    out: PathBuf,

    /// Stewards' decisions (must-link, cannot-link), as JSON.
    #[arg(long)]
    decisions: Option<PathBuf>,

    /// A file that says which records are truly one, to measure against.
    #[arg(long)]
    truth: Option<PathBuf>,

    /// The truth file's columns for source, record id and true entity.
    #[arg(long, default_value = "source,id,entity_id", value_delimiter = ',')]
    truth_columns: Vec<String>,

    /// A column of the inputs themselves that says which records are truly one.
    #[arg(long, conflicts_with = "truth")]
    truth_column: Option<String>,

    /// Of the true entity, only the first number counts: `rec-17-org` and `rec-17-dup-0` are one.
    #[arg(long)]
    truth_number: bool,

    /// Leave out lineage.jsonl, which is larger than the input.
    #[arg(long)]
    no_lineage: bool,

    /// How many threads to use; all cores where absent.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// The most memory that this may take, in MiB: what is large lies in a temporary file then, in TMPDIR or
    /// else in /var/tmp. Takes longer and gives the same; fails where it is less than is needed.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    memory_limit: Option<u64>,

    /// Print neither progress nor summary.
    #[arg(long, short)]
    quiet: bool,
}

fn source_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((source, path)) if !source.is_empty() && !path.is_empty() => {
            Ok((source.to_owned(), path.into()))
        }
        _ => Err("wanted SOURCE=FILE, such as crm=crm.csv".into()),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let Err(error) = resolve(&options) else { return ExitCode::SUCCESS };
    // One line, whatever names the message quotes; and a terminal obeys control characters.
    let message = error.to_string().replace(char::is_control, " ");
    // Nobody is left to tell where stderr is gone.
    let _ = writeln!(io::stderr(), "error [{}]: {message}", error.code());
    match error {
        Error::Cancelled => ExitCode::from(INTERRUPTED),
        _ => ExitCode::FAILURE,
    }
}

/// What shells expect of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn resolve(options: &Options) -> Result<(), Error> {
    let started = Instant::now();
    if let Some(threads) = options.threads {
        // Fails only where the pool exists already, which nothing before this line makes.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.into()).build_global();
    }
    let bar = (!options.quiet && io::stderr().is_terminal()).then(progress::Bar::new);
    let mut run = Run::new()
        .with_cancel(cancelled_by_signals())
        .with_memory_limit(options.memory_limit.map(|mib| mib << 20));
    if let Some(bar) = &bar {
        run = run.with_progress(bar.watcher());
    }

    let plan = match &options.plan {
        Some(path) => Plan::from_json(&text("plan", path)?)?,
        None => bare_plan(options, &run)?,
    };
    let decisions = match &options.decisions {
        Some(path) => Decisions::from_json(&text("decisions", path)?)?,
        None => Decisions::new(),
    };
    spare_inputs(options, &plan)?;
    let mut folder = OutputFolder::create(&options.out)?;
    let inputs: Vec<Input> = options.inputs.iter().map(|input| input_of(&plan, input)).collect();
    let (table, reports) = read(&inputs, plan.schema(), &run)?;
    reports.iter().try_for_each(usable)?;
    let truth = truth(options, &inputs, &reports, &run)?;
    let resolution = match &options.plan {
        Some(_) => plan.resolve(&table, &decisions, &run)?,
        None => Plan::infer_and_resolve(&table, &plan, &Decisions::new(), &decisions, &run)?,
    };
    write(&mut folder, options, &resolution, &reports, &run)?;
    let summary = (!options.quiet).then(|| {
        let score = truth.map(|truth| score(&resolution, &truth));
        summary::of(&resolution, &reports, score.as_ref(), &options.out, started.elapsed())
    });
    run.check()?;
    folder.commit()?;
    drop(bar);
    match io::stdout().write_all(summary.unwrap_or_default().as_bytes()) {
        // Who reads only the first lines, as `head` does, has no need to be told.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::WriteStream(error)),
        _ => Ok(()),
    }
}

/// What there is of a plan before the records are looked at: fields by the names and values of
/// columns, and what the options say of the sources.
fn bare_plan(options: &Options, run: &Run) -> Result<Plan, Error> {
    let inputs: Vec<Input> =
        options.inputs.iter().map(|(source, path)| Input::file(source, path)).collect();
    let names: BTreeSet<&str> = options.inputs.iter().map(|(source, _)| source.as_str()).collect();
    if let Some(unknown) = options.duplicate_free.iter().find(|name| !names.contains(name.as_str()))
    {
        return Err(Error::InvalidDocument {
            document: "options",
            path: "--duplicate-free".into(),
            reason: format!("no input is of source {unknown:?}"),
            suggestion: None,
        });
    }
    let schema = infer_schema(&inputs, run)?;
    let link_type = match (options.link, names.len()) {
        (true, _) => LinkType::Link,
        (false, 1) => LinkType::Dedupe,
        (false, _) => LinkType::LinkAndDedupe,
    };
    let mut plan = Plan::builder("customers").link_type(link_type);
    // The column that says what is true must not help.
    let bare = |name: &str| name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
    let is_truth =
        |name: &str| options.truth_column.as_ref().is_some_and(|truth| bare(truth) == bare(name));
    for field in schema.fields().iter().filter(|field| !is_truth(&field.name)) {
        plan = plan.field(field.clone());
    }
    for name in names {
        let duplicate_free = options.duplicate_free.iter().any(|free| free == name);
        plan = plan.source(Source { name: name.into(), duplicate_free, ..Source::default() });
    }
    plan.build()
}

/// A token that Ctrl-C and requests to terminate cancel; asked twice, the process ends at once.
fn cancelled_by_signals() -> CancelToken {
    let cancel = CancelToken::new();
    let on_signal = cancel.clone();
    // Without a handler Ctrl-C still ends the process; only less tidily.
    let _ = ctrlc::set_handler(move || {
        if on_signal.is_cancelled() {
            std::process::exit(INTERRUPTED.into());
        }
        on_signal.cancel();
    });
    cancel
}

fn text(document: &'static str, path: &PathBuf) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|source| Error::ReadFile { path: path.clone(), source })?;
    // UTF-16 without a mark passes for UTF-8, but for its zeros.
    let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| Error::InvalidDocument {
        document,
        path: format!("{path:?}"),
        reason: "it is not UTF-8 text; save it as UTF-8".into(),
        suggestion: None,
    })
}

/// Whether every input is safe from being replaced by a result.
fn spare_inputs(options: &Options, plan: &Plan) -> Result<(), Error> {
    let Ok(out) = options.out.canonicalize() else { return Ok(()) };
    let inputs = options.inputs.iter().map(|(_, path)| path);
    let documents = [&options.decisions, &options.truth].into_iter().flatten();
    let is_result = |path: &Path| {
        let path = path.canonicalize().unwrap_or_default();
        path.parent() == Some(&out) && FILES.iter().any(|name| path.ends_with(name))
    };
    // The plan that an earlier run wrote is written again as it is.
    let rewritten =
        |path: &&PathBuf| fs::read(path).is_ok_and(|text| text == plan.to_json().as_bytes());
    let plan = options.plan.as_ref().filter(|path| !rewritten(path));
    match inputs.chain(documents).chain(plan).find(|path| is_result(path)) {
        None => Ok(()),
        Some(path) => Err(Error::WriteFile {
            path: path.clone(),
            source: io::Error::other("it is read by this run, so choose another --out"),
        }),
    }
}

/// Whether some row of an input could be used, where it has any: results without a whole source
/// must not replace those with it.
fn usable(report: &ReadReport) -> Result<(), Error> {
    let is_repeated = |reason: &RejectReason| *reason == RejectReason::DuplicateKey;
    let Some(first) = report.rejections.iter().find(|rejection| !is_repeated(&rejection.reason))
    else {
        return Ok(());
    };
    if report.rows_accepted > 0 {
        return Ok(());
    }
    Err(Error::MalformedInput {
        name: report.input.clone(),
        format: match report.format {
            Format::Csv => "CSV",
            Format::JsonLines => "JSON lines",
            Format::Parquet => "Parquet",
            _ => "a table",
        },
        reason: format!(
            "it has no row that can be used, but rows {} (first on line {})",
            summary::reason(&first.reason),
            first.line
        ),
    })
}

/// An input as the plan says that its source is read.
fn input_of(plan: &Plan, (source, path): &(String, PathBuf)) -> Input {
    let known = plan.sources().iter().find(|known| known.name == *source);
    let Source { mapping, reading, .. } = known.cloned().unwrap_or_default();
    Input { mapping, options: reading, ..Input::file(source, path) }
}

fn write(
    folder: &mut OutputFolder,
    options: &Options,
    resolution: &Resolution,
    reports: &[ReadReport],
    run: &Run,
) -> Result<(), Error> {
    folder.write("entities.csv", |file| resolution.write_entities(file, run))?;
    if options.no_lineage {
        folder.leave_out(LINEAGE);
        folder.write_together(["golden.csv", "golden.jsonl"], |[csv, lines]| {
            let to = GoldenWriters { csv: Some(csv), json_lines: Some(lines), lineage: None };
            resolution.write_golden(to, run)
        })?;
    } else {
        folder.write_together(
            ["golden.csv", "golden.jsonl", LINEAGE],
            |[csv, lines, lineage]| {
                let lineage = Some(lineage as &mut dyn Write);
                let to = GoldenWriters { csv: Some(csv), json_lines: Some(lines), lineage };
                resolution.write_golden(to, run)
            },
        )?;
    }
    folder.write("links.jsonl", |file| resolution.write_links_json_lines(file, run))?;
    folder.write("quality.json", |file| write_json(file, &resolution.quality()))?;
    folder.write("read.json", |file| write_json(file, &reports))?;
    folder.write("plan.json", |file| write_text(file, &resolution.model().plan().to_json()))?;
    folder.write("model.json", |file| write_text(file, &resolution.model().to_json()))?;
    Ok(())
}

fn write_json(mut to: impl Write, value: &impl serde::Serialize) -> Result<(), Error> {
    serde_json::to_writer_pretty(&mut to, value).map_err(|e| Error::WriteStream(e.into()))
}

fn write_text(mut to: impl Write, text: &str) -> Result<(), Error> {
    to.write_all(text.as_bytes()).map_err(Error::WriteStream)
}

/// The true entity of each record for which it is known.
fn truth(
    options: &Options,
    inputs: &[Input],
    reports: &[ReadReport],
    run: &Run,
) -> Result<Option<BTreeMap<RecordKey, String>>, Error> {
    if options.quiet {
        return Ok(None);
    }
    let schema = Schema::new("truth", vec![Field::new("entity", Kind::Text)])?;
    let inputs: Vec<Input> = match (&options.truth, &options.truth_column) {
        (Some(path), _) => {
            let [source, id, entity] = options.truth_columns.as_slice() else {
                return Err(Error::InvalidDocument {
                    document: "options",
                    path: "--truth-columns".into(),
                    reason: "wanted three columns: source, record id, true entity".into(),
                    suggestion: None,
                });
            };
            let fields = vec![FieldMapping::new("entity", entity)];
            let (source, id) = (Some(source.clone()), Some(id.clone()));
            let mapping = Mapping { id, source, time: None, fields };
            vec![Input::file("truth", path).with_mapping(mapping)]
        }
        (None, Some(column)) => inputs
            .iter()
            .zip(reports)
            .map(|(input, report)| {
                let fields = vec![FieldMapping::new("entity", column)];
                let known = report.mapping.clone();
                input.clone().with_mapping(Mapping { time: None, fields, ..known })
            })
            .collect(),
        (None, None) => return Ok(None),
    };
    let (table, _) = read(&inputs, &schema, run)?;
    let entity = |row: usize| {
        let value = table.column(0).values(row).next()?;
        let number = |text: &str| -> String {
            text.chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect()
        };
        Some(if options.truth_number { number(value) } else { value.to_owned() })
    };
    Ok(Some(rows(&table).filter_map(|row| Some((table.key(row), entity(row)?))).collect()))
}

fn rows(table: &Table) -> std::ops::Range<usize> {
    0..table.len()
}

fn score(resolution: &Resolution, truth: &BTreeMap<RecordKey, String>) -> Evaluation {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let table = resolution.table();
    Evaluation::new(rows(table).map(|row| {
        let next = numbers.len() as u32;
        let entity = truth.get(&table.key(row)).map(|e| *numbers.entry(e).or_insert(next));
        (resolution.entities()[row], entity)
    }))
}
