//! Files as cdm reads and normalises them, in one CSV: what other programs get that match the same records.
//!
//! ```text
//! cargo run --release -p cdm-benches --bin cleaned -- --out cleaned.csv \
//!   --column family=family_name --column sound=family_name.phonetic crm=crm.csv shop=shop.jsonl
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use cdm_core::features::{Expression, Features, Needs, Settings, date_order_evidence};
use cdm_core::{Input, Run, infer_schema, read};
use clap::Parser;

/// Write the source and the id of every record, and the columns that are asked for.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Source and file.
    #[arg(required = true, value_parser = named::<PathBuf>)]
    inputs: Vec<(String, PathBuf)>,
    /// A column and the expression, as in blocking rules, that makes it; the first where it makes several.
    #[arg(long, value_parser = named::<Expression>)]
    column: Vec<(String, Expression)>,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

fn named<T: std::str::FromStr>(text: &str) -> Result<(String, T), String>
where
    T::Err: std::fmt::Display,
{
    let (name, what) = text.split_once('=').ok_or("wanted NAME=WHAT")?;
    Ok((name.to_owned(), what.parse().map_err(|error: T::Err| error.to_string())?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (arguments, run) = (Arguments::parse(), Run::new());
    let inputs: Vec<Input> =
        arguments.inputs.iter().map(|(source, path)| Input::file(source, path)).collect();
    let (table, _) = read(&inputs, &infer_schema(&inputs, &run)?, &run)?;
    let decided = date_order_evidence(&table).into_iter().map(|(source, fields)| {
        (source, fields.into_iter().filter_map(|(field, e)| Some((field, e.order?))).collect())
    });
    let settings = Settings { date_orders: decided.collect(), ..Settings::default() };
    let expressions = || arguments.column.iter().map(|(_, expression)| expression);
    let needs = Needs::new().with_expressions(expressions().cloned());
    let features = Features::new(&table, &settings, &needs, &BTreeMap::new(), &run)?;
    let columns = expressions()
        .map(|expression| features.keys(expression))
        .collect::<Result<Vec<_>, cdm_core::Error>>()?;

    let mut out = csv::Writer::from_path(&arguments.out)?;
    let names = arguments.column.iter().map(|(name, _)| name.as_str());
    out.write_record(["source", "id"].into_iter().chain(names))?;
    for row in 0..table.len() {
        let values = columns.iter().map(|column| column.values(row).next().unwrap_or_default());
        out.write_record([table.source(row), table.id(row)].into_iter().chain(values))?;
    }
    out.flush()?;
    Ok(())
}
