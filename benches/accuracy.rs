//! How right cdm is: every labelled data set resolved and measured against its truth, as a table.
//!
//! ```text
//! cargo run --release -p cdm-benches --bin accuracy -- --data ../shared/data
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cdm_core::evaluate::Evaluation;
use cdm_core::{Decisions, Error, Plan, RecordKey, Resolution, Run, read};
use clap::Parser;

#[path = "accuracy/blocking.rs"]
mod blocking;
#[path = "accuracy/errors.rs"]
mod errors;
#[path = "accuracy/model.rs"]
mod model;
#[path = "accuracy/review.rs"]
mod review;
#[path = "accuracy/sets.rs"]
mod sets;

use sets::DataSet;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

/// Resolve every labelled data set and print, as a Markdown table, how right the outcome is.
///
/// A set whose files are not there is left out, with a note.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The folder with the labelled data sets.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data"))]
    data: PathBuf,

    /// A folder whose subfolders hold generated customers; may be given several times.
    #[arg(long)]
    generated: Vec<PathBuf>,

    /// A folder of tables with a column `entity` that says what is true; may be given several times.
    /// `x_a.csv` and `x_b.csv` are two lists to link, any other is one list with repeats.
    #[arg(long)]
    labelled: Vec<PathBuf>,

    /// The folder with the plans.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/plans"))]
    plans: PathBuf,

    /// Only the data set of this name; may be given several times.
    #[arg(long)]
    only: Vec<String>,

    /// Only this way: `rules` or `zero-config`; may be given several times.
    #[arg(long)]
    how: Vec<String>,

    /// After the table, what was learned of each set.
    #[arg(long)]
    models: bool,

    /// Instead of resolving, infer the plan of each set and measure its blocking rules.
    #[arg(long)]
    blocking: bool,

    /// Instead, what 50 decisions of the review queue bring, and 50 random ones.
    #[arg(long)]
    review: bool,

    /// Instead, write the report of each set into this folder.
    #[arg(long)]
    report: Option<PathBuf>,

    /// Instead, so many pairs of each set that are apart, with the cause that `why_not` names.
    #[arg(long, default_value_t = 0)]
    why_not: usize,

    /// Instead, whether `why_not` names the cause that a person found, for the pairs of
    /// `accuracy/why_not.tsv`.
    #[arg(long)]
    why_not_checked: bool,

    /// With `--blocking`: what was inferred, rule by rule, and some of the true pairs that no rule
    /// finds.
    #[arg(long)]
    verbose: bool,

    /// After the table, list so many of the false positive and of the false negative pairs of each
    /// set, with their normalised values side by side, and what each rule linked.
    #[arg(long, default_value_t = 0)]
    errors: usize,
}

/// How the records of a set are resolved; each way gives a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By the rules of the set's plan in the folder of plans.
    Rules,
    /// By what is inferred from the records and learned from them without labels.
    ZeroConfig,
}

impl How {
    const ALL: [How; 2] = [How::Rules, How::ZeroConfig];

    fn name(self) -> &'static str {
        match self {
            How::Rules => "rules",
            How::ZeroConfig => "zero-config",
        }
    }

    /// The plan by which the set is read; `None` where there is none.
    fn plan(self, set: &DataSet, plans: &Path, run: &Run) -> Option<Result<Plan, Error>> {
        match self {
            How::Rules => set.plan(plans),
            How::ZeroConfig => Some(set.bare_plan(run)),
        }
    }

    fn resolve(self, set: &DataSet, plan: &Plan, run: &Run) -> Result<Outcome, Error> {
        let started = Instant::now();
        let inputs = set.inputs(plan, run)?;
        let (table, reports) = read(&inputs, plan.schema(), run)?;
        let resolution = match self {
            How::Rules => plan.resolve(&table, &Decisions::new(), run)?,
            How::ZeroConfig => {
                let none = Decisions::new();
                Plan::infer_and_resolve(&table, plan, &none, &none, run)?
            }
        };
        let took = started.elapsed();
        let truth = set.truth.read(&inputs, &reports, &table, run)?;
        let plan = resolution.model().plan();
        let blocking_recall = match plan.blocking().is_empty() {
            true => None,
            false => Some(blocking::recall(plan, &table, &truth, run)?),
        };
        let entities = resolution.entities().iter().copied();
        let score = Evaluation::new(entities.zip(truth.iter().copied()));
        let calibration = calibration(&resolution, &truth);
        Ok(Outcome { how: self, resolution, truth, score, blocking_recall, calibration, took })
    }
}

/// What came of a data set.
struct Outcome {
    how: How,
    resolution: Resolution,
    /// The true entity of each row of the table, where it is known.
    truth: Vec<Option<u32>>,
    score: Evaluation,
    /// Share of the true pairs that some blocking rule finds, where there are any.
    blocking_recall: Option<f64>,
    /// Of the links by match weight: the share that should be right by their probabilities, and the
    /// share that is.
    calibration: Option<(f64, f64)>,
    took: Duration,
}

/// Of the links by match weight whose truth is known, the share that should be right by their
/// probabilities, and the share that is.
fn calibration(resolution: &Resolution, truth: &[Option<u32>]) -> Option<(f64, f64)> {
    let entity = |key: &RecordKey| resolution.table().row(key).and_then(|row| truth[row]);
    let (mut links, mut expected, mut right) = (0_u64, 0.0, 0_u64);
    for link in resolution.links() {
        let known = entity(&link.left).zip(entity(&link.right));
        if let (Some(probability), Some((left, other))) = (link.match_probability(), known) {
            links += 1;
            expected += probability;
            right += u64::from(left == other);
        }
    }
    (links > 0).then(|| (expected / links as f64, right as f64 / links as f64))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let sets: Vec<DataSet> = sets::public(&options.data)
        .into_iter()
        .chain(sets::generated(&options.generated))
        .chain(sets::labelled(&options.labelled))
        .filter(|set| options.only.is_empty() || options.only.contains(&set.name))
        .collect();
    if sets.is_empty() {
        eprintln!("error: no data set is called {}", options.only.join(" or "));
        return ExitCode::FAILURE;
    }
    if options.blocking {
        return print_blocking(&sets, options.verbose);
    }
    let explained = options.why_not > 0 || options.why_not_checked;
    if options.review || explained || options.report.is_some() {
        return print_review(&sets, &options);
    }
    println!(
        "| data set | how | records | true pairs | precision | recall | F1 | B-cubed F1 \
         | largest entity (true) | blocking recall | links right, expected / actual | seconds |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut notes = String::new();
    for folder in options.generated.iter().filter(|folder| !folder.is_dir()) {
        notes += &format!("Left out what {} holds: there is no such folder.\n", folder.display());
    }
    for set in &sets {
        if let Some(missing) = set.missing() {
            notes += &format!("Left out {}: there is no {}.\n", set.name, missing.display());
            continue;
        }
        for how in How::ALL {
            if !options.how.is_empty() && !options.how.iter().any(|name| name == how.name()) {
                continue;
            }
            let run = Run::new();
            let Some(plan) = how.plan(set, &options.plans, &run) else { continue };
            match plan.and_then(|plan| how.resolve(set, &plan, &run)) {
                Ok(outcome) => {
                    println!("{}", row(set, &outcome));
                    if options.models {
                        let model = model::describe(outcome.resolution.model());
                        notes += &format!("## {}, {}\n\n{model}\n", set.name, how.name());
                    }
                    if options.errors > 0 {
                        match errors::list(&outcome, options.errors) {
                            Ok(text) => notes += &format!("## {}\n\n{text}", set.name),
                            Err(error) => return failed(set, &error),
                        }
                    }
                }
                Err(error) => return failed(set, &error),
            }
        }
    }
    if !notes.is_empty() {
        println!("\n{}", notes.trim_end());
    }
    ExitCode::SUCCESS
}

fn print_review(sets: &[DataSet], options: &Options) -> ExitCode {
    if options.review {
        println!("{}", review::HEADING);
    }
    for set in sets.iter().filter(|set| set.missing().is_none()) {
        let run = Run::new();
        let text = match (&options.report, options.review) {
            (Some(folder), _) => review::report(set, folder, &run),
            (None, true) => review::row(set, &run),
            (None, false) if options.why_not_checked => review::checked(set, &run),
            (None, false) => review::causes(set, options.why_not, &run)
                .map(|text| format!("## {}\n\n{text}", set.name)),
        };
        match text {
            Ok(text) => println!("{text}"),
            Err(error) => return failed(set, &error),
        }
    }
    ExitCode::SUCCESS
}

fn print_blocking(sets: &[DataSet], verbose: bool) -> ExitCode {
    println!("{}", blocking::HEADING);
    let mut all_notes = String::new();
    for set in sets.iter().filter(|set| set.missing().is_none()) {
        match blocking::row(set, verbose, &Run::new()) {
            Ok((row, notes)) => {
                println!("{row}");
                if !notes.is_empty() {
                    all_notes += &format!("\n## {}\n\n{notes}", set.name);
                }
            }
            Err(error) => return failed(set, &error),
        }
    }
    print!("{all_notes}");
    ExitCode::SUCCESS
}

fn failed(set: &DataSet, error: &Error) -> ExitCode {
    eprintln!("error [{}] in {}: {error}", error.code(), set.name);
    ExitCode::FAILURE
}

fn row(set: &DataSet, outcome: &Outcome) -> String {
    let score = &outcome.score;
    format!(
        "| {} | {} | {} | {} | {:.4} | {:.4} | {:.4} | {:.4} | {} ({}) | {} | {} | {:.2} |",
        set.name,
        outcome.how.name(),
        count(score.records),
        count(score.true_pairs),
        score.precision,
        score.recall,
        score.f1,
        score.b_cubed_f1,
        score.largest_found,
        score.largest_true,
        outcome.blocking_recall.map_or_else(String::new, |recall| format!("{recall:.4}")),
        outcome
            .calibration
            .map_or_else(String::new, |(expected, actual)| format!("{expected:.4} / {actual:.4}")),
        outcome.took.as_secs_f64(),
    )
}

/// A number with its thousands apart.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
