//! A limit of memory in a program whose allocator keeps it.
#![cfg(target_os = "linux")]

use std::alloc::System;
use std::sync::{Mutex, PoisonError};

use cdm_core::plan::LinkType;
use cdm_core::write::GoldenWriters;
use cdm_core::{Decisions, Input, Plan, Run, Spilling, infer_schema, read};

#[global_allocator]
static ALLOCATOR: Spilling<System> = Spilling::over(System);

/// Limits are of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// The sample's customers, so many times over, each time under other ids and with other numbers.
fn inputs(times: usize) -> Vec<Input> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sample/crm.csv");
    let text = std::fs::read_to_string(sample).unwrap();
    let (heading, records) = text.split_once('\n').unwrap();
    let mut all = format!("{heading}\n");
    for time in 0..times {
        for line in records.lines() {
            all += &format!("{time}-{line}\n");
        }
    }
    vec![Input::bytes("crm", "crm.csv", all.into_bytes())]
}

/// Everything that comes of some records: the model, and all files.
fn outcome(inputs: &[Input], run: &Run) -> cdm_core::Result<Vec<Vec<u8>>> {
    let schema = infer_schema(inputs, run)?;
    let (table, _) = read(inputs, &schema, run)?;
    let mut plan = Plan::builder("customers").link_type(LinkType::LinkAndDedupe);
    for field in schema.fields() {
        plan = plan.field(field.clone());
    }
    let none = Decisions::new();
    let resolution = Plan::infer_and_resolve(&table, &plan.build()?, &none, &none, run)?;
    let mut files = vec![Vec::new(); 5];
    let [entities, csv, json_lines, lineage, links] = &mut files[..] else { unreachable!() };
    resolution.write_entities(entities, run)?;
    let to = GoldenWriters { csv: Some(csv), json_lines: Some(json_lines), lineage: Some(lineage) };
    resolution.write_golden(to, run)?;
    resolution.write_links_json_lines(links, run)?;
    files.push(resolution.model().to_json().into_bytes());
    Ok(files)
}

#[test]
fn what_lies_in_a_file_comes_to_the_same() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let inputs = inputs(6);
    let whole = outcome(&inputs, &Run::new()).unwrap();
    assert!(whole.iter().all(|file| file.len() > 10_000));
    for limit_bytes in [210_000_000, 4_000_000_000] {
        let run = Run::new().with_memory_limit(limit_bytes);
        assert!(cdm_memory::is_limited());
        assert!(outcome(&inputs, &run).unwrap() == whole, "with {limit_bytes} bytes");
        drop(run);
        assert!(!cdm_memory::is_limited(), "a limit ends with its run");
    }
}

#[test]
fn less_than_what_must_be_in_memory_is_an_error() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let inputs = inputs(1);
    for limit_bytes in [0, 1_000_000, 20_000_000] {
        let error = outcome(&inputs, &Run::new().with_memory_limit(limit_bytes)).unwrap_err();
        assert_eq!(error.code(), "MEMORY_LIMIT", "{error}");
        assert!(!error.to_string().contains("it all lies in memory"), "{error}");
    }
}
