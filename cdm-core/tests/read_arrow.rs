//! Reading Arrow batches and Parquet files into tables.
#![cfg(feature = "arrow")]

use std::sync::Arc;

use arrow_array::builder::{
    ListBuilder, StringBuilder, StringDictionaryBuilder, StringViewBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, LargeStringArray, RecordBatch,
    StringArray, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field as ArrowField};
use cdm_core::read::{FieldMapping, Format, Input, Mapping, infer_schema, read};
use cdm_core::{Field, Kind, Run, Schema};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("x"), None, Some("y")]);
    lists.append_null();
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.append_value("d");
    dictionary.append_null();
    let mut views = StringViewBuilder::new();
    views.append_value("a text that is longer than a view holds by itself");
    views.append_value("v");
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("Hull"), None]));
    let field = Arc::new(ArrowField::new("city", DataType::Utf8, true));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("utf8", Arc::new(StringArray::from(vec![Some(" u "), None]))),
        ("large", Arc::new(LargeStringArray::from(vec!["l", "m"]))),
        ("view", Arc::new(views.finish())),
        ("dictionary", Arc::new(dictionary.finish())),
        ("int", Arc::new(Int64Array::from(vec![Some(7), Some(8)]))),
        ("zip", Arc::new(Float64Array::from(vec![Some(2119.0), None]))),
        ("float", Arc::new(Float64Array::from(vec![0.1, f64::NAN]))),
        ("bool", Arc::new(BooleanArray::from(vec![true, false]))),
        ("date", Arc::new(Date32Array::from(vec![0, 1]))),
        ("time", Arc::new(TimestampMillisecondArray::from(vec![0, 1000]))),
        ("list", Arc::new(lists.finish())),
        ("address", Arc::new(StructArray::from(vec![(field, inner)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

const NAMES: [&str; 11] = [
    "utf8",
    "large",
    "view",
    "dictionary",
    "int",
    "zip",
    "float",
    "bool",
    "date",
    "list",
    "address.city",
];

fn check(input: Input) {
    let names = NAMES.map(|name| name.replace('.', "_"));
    let fields = names.iter().map(|name| Field::new(name, Kind::Text)).collect();
    let schema = Schema::new("s", fields).unwrap();
    let mapping = Mapping {
        time: Some("time".into()),
        fields: NAMES.iter().zip(&names).map(|(c, f)| FieldMapping::new(f, *c)).collect(),
        ..Mapping::default()
    };
    let (table, reports) = read(&[input.with_mapping(mapping)], &schema, &Run::new()).unwrap();
    let row = |row| -> Vec<Vec<String>> {
        (0..NAMES.len()).map(|f| table.column(f).values(row).map(str::to_owned).collect()).collect()
    };
    let long = "a text that is longer than a view holds by itself";
    let first: [&[&str]; 11] = [
        &["u"],
        &["l"],
        &[long],
        &["d"],
        &["7"],
        &["2119"],
        &["0.1"],
        &["true"],
        &["1970-01-01"],
        &["x", "y"],
        &["Hull"],
    ];
    assert_eq!(row(0), first);
    let second: [&[&str]; 11] =
        [&[], &["m"], &["v"], &[], &["8"], &[], &[], &["false"], &["1970-01-02"], &[], &[]];
    assert_eq!(row(1), second);
    assert_eq!(table.time(1).unwrap().as_millis(), 1000);
    assert_eq!((reports[0].rows_accepted, reports[0].times_unreadable), (2, 0));
}

fn parquet_of(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn batches_of_every_type_become_text() {
    let batch = batch();
    check(Input::batches("s", "frame", batch.schema(), [Ok(batch)]).unwrap());
}

#[test]
fn parquet_is_read_from_memory_and_from_files() {
    let bytes = parquet_of(&batch());
    check(Input::bytes("s", "s", bytes.clone()));
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    check(Input::file("s", file.path()));
}

#[test]
fn a_batch_of_another_schema_is_refused() {
    let one = batch();
    let other = one.project(&[0]).unwrap();
    let error = Input::batches("s", "frame", one.schema(), [Ok(one), Ok(other)]).unwrap_err();
    assert_eq!(error.code(), "MALFORMED_INPUT");
}

proptest! {
    #[test]
    fn damaged_parquet_is_an_error_and_no_panic(
        at in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = parquet_of(&batch());
        for (index, byte) in at {
            let place = index.index(bytes.len());
            bytes[place] = byte;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let input = Input::bytes("s", "s", bytes).with_format(Format::Parquet);
        if let Ok(schema) = infer_schema(std::slice::from_ref(&input), &Run::new()) {
            let _ = read(&[input], &schema, &Run::new());
        }
    }
}
