//! Customer files in; entities, golden records and a quality report out.
//!
//! ```text
//! resolve --plan plan.json --out out crm=crm.csv shop=shop.jsonl --truth truth.csv
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use cdm_core::evaluate::Evaluation;
use cdm_core::plan::Source;
use cdm_core::read::{FieldMapping, Input, Mapping, ReadReport, read};
use cdm_core::write::{GoldenWriters, OutputFolder};
use cdm_core::{
    CancelToken, Decisions, Error, Field, Kind, Plan, RecordKey, Resolution, Run, Schema, Table,
};
use clap::Parser;

#[path = "resolve/progress.rs"]
mod progress;
#[path = "resolve/summary.rs"]
mod summary;

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

    /// The plan: fields, rules, survivorship, as JSON.
    #[arg(long)]
    plan: PathBuf,

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
    #[arg(long)]
    threads: Option<usize>,

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
    match resolve(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error [{}]: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn resolve(options: &Options) -> Result<(), Error> {
    let started = Instant::now();
    if let Some(threads) = options.threads {
        // Fails only where the pool exists already, which nothing before this line makes.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    let cancel = CancelToken::new();
    let on_interrupt = cancel.clone();
    // Without a handler Ctrl-C still ends the process; only less tidily.
    let _ = ctrlc::set_handler(move || on_interrupt.cancel());
    let mut run = Run::new().with_cancel(cancel);
    if !options.quiet && std::io::stderr().is_terminal() {
        run = run.with_progress(progress::watcher());
    }

    let plan = Plan::from_json(&text(&options.plan)?)?;
    let decisions = match &options.decisions {
        Some(path) => Decisions::from_json(&text(path)?)?,
        None => Decisions::new(),
    };
    let inputs: Vec<Input> = options.inputs.iter().map(|input| input_of(&plan, input)).collect();
    let (table, reports) = read(&inputs, plan.schema(), &run)?;
    let resolution = plan.resolve(&table, &decisions, &run)?;
    write(options, &resolution, &reports, &run)?;
    if !options.quiet {
        let truth = truth(options, &inputs, &reports, &run)?;
        let score = truth.map(|truth| score(&resolution, &truth));
        let text =
            summary::of(&resolution, &reports, score.as_ref(), &options.out, started.elapsed());
        std::io::stdout().write_all(text.as_bytes()).map_err(Error::WriteStream)?;
    }
    Ok(())
}

fn text(path: &PathBuf) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::ReadFile { path: path.clone(), source })
}

/// An input as the plan says that its source is read.
fn input_of(plan: &Plan, (source, path): &(String, PathBuf)) -> Input {
    let known = plan.sources().iter().find(|known| known.name == *source);
    let Source { mapping, reading, .. } = known.cloned().unwrap_or_default();
    Input { mapping, options: reading, ..Input::file(source, path) }
}

fn write(
    options: &Options,
    resolution: &Resolution,
    reports: &[ReadReport],
    run: &Run,
) -> Result<(), Error> {
    let folder = OutputFolder::create(&options.out)?;
    folder.write("entities.csv", |file| resolution.write_entities(file, run))?;
    if options.no_lineage {
        folder.write_together(["golden.csv", "golden.jsonl"], |[csv, lines]| {
            let to = GoldenWriters { csv: Some(csv), json_lines: Some(lines), lineage: None };
            resolution.write_golden(to, run)
        })?;
    } else {
        let names = ["golden.csv", "golden.jsonl", "lineage.jsonl"];
        folder.write_together(names, |[csv, lines, lineage]| {
            let lineage = Some(lineage as &mut dyn Write);
            let to = GoldenWriters { csv: Some(csv), json_lines: Some(lines), lineage };
            resolution.write_golden(to, run)
        })?;
    }
    folder.write("links.jsonl", |file| resolution.write_links_json_lines(file, run))?;
    folder.write("quality.json", |file| write_json(file, &resolution.quality()))?;
    folder.write("read.json", |file| write_json(file, &reports))?;
    folder.write("plan.json", |file| write_text(file, &resolution.model().plan().to_json()))?;
    folder.write("model.json", |file| write_text(file, &resolution.model().to_json()))?;
    folder.commit()
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
