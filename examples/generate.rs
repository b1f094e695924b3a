//! Writes labelled customer data of four sources, for trying out and measuring identity resolution.
//!
//! `cargo run -p cdm-examples --bin generate -- --records 6000 --seed 1 --out examples/sample`
//!
//! The same options give the same bytes on every platform. All people are made up. See
//! `examples/README.md` for the files and for what goes wrong in them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser};

#[path = "generate/mod.rs"]
mod generator;

use generator::{DirtyRows, Layout, Options, Stats, rates_table, run};

/// Write labelled multi-source customer data.
#[derive(Parser)]
struct Arguments {
    /// Records over all sources
    #[arg(long, default_value_t = 6_000)]
    records: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The folder to write to
    #[arg(long, required_unless_present = "rates")]
    out: Option<PathBuf>,
    /// Add a few rows that a reader must reject: ragged ones and repeated ids
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    dirty_rows: bool,
    /// So many records share one phone number and one e-mail domain
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    hot_key: u64,
    /// Write one file of unified columns, customers.csv, instead of the four sources
    #[arg(long)]
    single_file: bool,
    /// Print figures about the data; memory then grows with the number of people
    #[arg(long)]
    stats: bool,
    /// Print the table of corruptions and stop
    #[arg(long)]
    rates: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.rates {
        print!("{}", rates_table());
        return ExitCode::SUCCESS;
    }
    let options = Options {
        records: arguments.records,
        seed: arguments.seed,
        layout: if arguments.single_file { Layout::SingleFile } else { Layout::Sources },
        dirty_rows: if arguments.dirty_rows { DirtyRows::Added } else { DirtyRows::None },
        hot_key: arguments.hot_key,
    };
    let out = arguments.out.unwrap_or_default();
    let mut stats = arguments.stats.then(Stats::default);
    match run(&options, &out, stats.as_mut()) {
        Ok(written) => {
            let [crm, shop, support, loyalty] = written.records;
            println!("crm {crm}, shop {shop}, support {support}, loyalty {loyalty} records");
            println!(
                "to be rejected: {} ragged rows, {} repeated ids",
                written.ragged, written.duplicate_ids
            );
            if let Some(stats) = stats {
                println!("{stats}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write to {out:?}: {error}");
            ExitCode::FAILURE
        }
    }
}
