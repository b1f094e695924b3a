//! Any bytes as a file: an error or a table that the report accounts for, never a panic.
//!
//! The first byte picks the format and the limits (`a` is CSV with the defaults), the rest is the
//! file.

#![no_main]

use cdm_core::read::{Format, ReadOptions};
use cdm_core::{Input, Run, infer_schema, read};
use libfuzzer_sys::{Corpus, fuzz_target};

fn options(pick: u8) -> (Option<Format>, ReadOptions) {
    let format = match pick % 4 {
        0 | 1 => Some(Format::Csv),
        2 => Some(Format::JsonLines),
        _ => None,
    };
    let mut options = ReadOptions::default();
    if pick & 4 != 0 {
        options.max_record_bytes = 64;
    }
    if pick & 8 != 0 {
        options.max_rejected_kept = 2;
    }
    if pick & 16 != 0 {
        options.encoding = Some("utf-16le".into());
    }
    (format, options)
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let [pick, file @ ..] = data else { return Corpus::Reject };
    let (format, options) = options(pick.wrapping_sub(b'a'));
    let mut input = Input::bytes("fuzz", "file", file).with_options(options);
    input.format = format;
    let inputs = [input];
    let run = Run::new();

    let Ok(schema) = infer_schema(&inputs, &run) else { return Corpus::Keep };
    let Ok((table, reports)) = read(&inputs, &schema, &run) else { return Corpus::Keep };
    let [report] = reports.as_slice() else { panic!("wanted one report an input") };
    assert_eq!(report.rows_read, report.rows_accepted + report.rows_rejected);
    assert_eq!(table.len() as u64, report.rows_accepted);
    let kept = inputs[0].options.max_rejected_kept as u64;
    assert_eq!(report.rejections.len() as u64, report.rows_rejected.min(kept));
    assert!(report.rejections.is_sorted_by_key(|rejection| rejection.line));
    assert!((0..table.len()).all(|row| !table.id(row).is_empty()));
    assert!(serde_json::to_string(report).is_ok());
    let _ = report.to_string();

    // What was found out, said outright, gives the same.
    let [input] = inputs;
    let told = [input.with_format(report.format).with_mapping(report.mapping.clone())];
    let (again, reports) = read(&told, &schema, &run).expect("a reported mapping can be given");
    assert_eq!(reports[0].rows_accepted, report.rows_accepted);
    assert!((0..table.len()).all(|row| again.key(row) == table.key(row)));
    for field in 0..schema.fields().len() {
        let (one, two) = (table.column(field), again.column(field));
        assert!((0..table.len()).all(|row| one.values(row).eq(two.values(row))));
    }
    Corpus::Keep
});
