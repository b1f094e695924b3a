//! Reading Arrow batches and Parquet files into tables.
#![cfg(feature = "arrow")]

use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, ListBuilder, PrimitiveDictionaryBuilder, StringBuilder,
    StringDictionaryBuilder, StringRunBuilder, StringViewBuilder,
};
use arrow_array::types::{Float64Type, Int8Type, Int16Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Float32Array, Float64Array, Int64Array, LargeBinaryArray, LargeStringArray, ListArray,
    NullArray, RecordBatch, StringArray, StructArray, Time32SecondArray, TimestampMillisecondArray,
    TimestampSecondArray, UInt8Array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
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

#[test]
fn structs_in_lists_are_read_as_the_same_objects_in_json_are() {
    let json = r#"{"id": "1", "homes": [{"street": "1 Mill Lane", "city": "York"}, {"city": "Bath"}, null], "tags": [{"n": 5.0}]}
{"id": "2", "homes": []}
{"id": "3", "homes": null}
"#;
    let street = StringArray::from(vec![Some("1 Mill Lane"), None, Some("hidden")]);
    let city = StringArray::from(vec![Some("York"), Some("Bath"), None]);
    let members = vec![
        ArrowField::new("street", DataType::Utf8, true),
        ArrowField::new("city", DataType::Utf8, true),
    ];
    let homes = StructArray::new(
        members.into(),
        vec![Arc::new(street), Arc::new(city)],
        Some(NullBuffer::from(vec![true, true, false])),
    );
    let list = |items: StructArray, lengths: &[usize], present: Vec<bool>| -> ArrayRef {
        let item = Arc::new(ArrowField::new("item", items.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
        Arc::new(ListArray::new(item, offsets, Arc::new(items), Some(present.into())))
    };
    let number = ArrowField::new("n", DataType::Float64, true);
    let tags =
        StructArray::new(vec![number].into(), vec![Arc::new(Float64Array::from(vec![5.0]))], None);
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(StringArray::from(vec!["1", "2", "3"])) as ArrayRef),
        ("homes", list(homes, &[3, 0, 0], vec![true, true, false])),
        ("tags", list(tags, &[1, 0, 0], vec![true, true, true])),
    ])
    .unwrap();
    let fields = vec![Field::new("address", Kind::Address), Field::new("tag", Kind::Text)];
    let schema = Schema::new("people", fields).unwrap();
    let mapping = Mapping {
        id: Some("id".into()),
        fields: vec![
            FieldMapping::joined("address", ["homes.street", "homes.city"]),
            FieldMapping::new("tag", "tags.n"),
        ],
        ..Mapping::default()
    };
    let of_arrow = Input::batches("crm", "crm", batch.schema(), [Ok(batch.slice(0, 3))]).unwrap();
    let of_json = Input::bytes("crm", "crm.jsonl", json.as_bytes());
    let read = |input: Input| {
        let (table, _) =
            read(&[input.with_mapping(mapping.clone())], &schema, &Run::new()).unwrap();
        (0..table.len()).map(|row| table.record(row)).collect::<Vec<_>>()
    };
    let (of_arrow, of_json) = (read(of_arrow), read(of_json));
    assert_eq!(of_arrow[0].fields["address"], ["1 Mill Lane, York", "Bath"]);
    assert_eq!(of_arrow[0].fields["tag"], ["5"]);
    assert_eq!(of_arrow[1..], of_json[1..]);
    assert_eq!(of_arrow[0].fields["address"], of_json[0].fields["address"]);
}

#[test]
fn moments_are_read_in_their_zone_and_never_stop_the_reading() {
    let schema = Schema::new("people", vec![Field::new("born", Kind::Text)]).unwrap();
    let moments = |zone: Option<&str>, millis: i64| {
        let column = TimestampMillisecondArray::from(vec![Some(millis), None]);
        let column = column.with_timezone_opt(zone);
        let ids = Int64Array::from(vec![1, 2]);
        let columns: [(_, ArrayRef); 2] = [("id", Arc::new(ids)), ("born", Arc::new(column))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let input = Input::batches("crm", "crm", batch.schema(), [Ok(batch)]).unwrap();
        let mapping = Mapping {
            id: Some("id".into()),
            fields: vec![FieldMapping::new("born", "born")],
            ..Mapping::default()
        };
        let (table, _) = read(&[input.with_mapping(mapping)], &schema, &Run::new()).unwrap();
        assert_eq!((table.len(), table.column(0).values(1).count()), (2, 0));
        table.column(0).values(0).next().map(str::to_owned)
    };
    // Midnight of 3 February 1980 in Berlin.
    let midnight = 318_380_400_000;
    assert_eq!(
        moments(Some("Europe/Berlin"), midnight).as_deref(),
        Some("1980-02-03T00:00:00+01:00")
    );
    assert_eq!(moments(Some("+01:00"), midnight).as_deref(), Some("1980-02-03T00:00:00+01:00"));
    assert_eq!(moments(None, midnight).as_deref(), Some("1980-02-02T23:00:00"));
    assert_eq!(moments(Some("Mars/Olympus"), midnight).as_deref(), Some("1980-02-02T23:00:00Z"));
    assert_eq!(moments(None, i64::MAX).as_deref(), Some("9223372036854775807"));
    assert_eq!(moments(Some("Europe/Berlin"), i64::MIN).as_deref(), Some("-9223372036854775808"));
}

#[test]
fn the_rows_that_a_table_leaves_out_are_told_by_their_places() {
    let schema = Schema::new("people", vec![Field::new("email", Kind::Email)]).unwrap();
    let lines =
        "{\"id\": 1, \"email\": \"a@b.example\"}\n{}\n{\"id\": 1}\n{\"id\": 2}\n5\n{\"id\": 3}\n";
    let csv = "id,email\n1,a@b.example\n\n1,x\n2,\n,y\n3,z\n";
    for (name, text, left_out) in
        [("a.jsonl", lines, [1, 2, 4].as_slice()), ("a.csv", csv, &[1, 3])]
    {
        let mapping = Mapping {
            id: Some("id".into()),
            fields: vec![FieldMapping::new("email", "email")],
            ..Mapping::default()
        };
        let input = Input::bytes("crm", name, text.as_bytes()).with_mapping(mapping);
        let (table, reports) = read(&[input], &schema, &Run::new()).unwrap();
        assert_eq!(table.len(), 3, "{name}");
        assert_eq!(reports[0].rows_left_out, left_out, "{name}");
    }
}

/// The texts of a column's values, of several in one row joined by `|`, and `-` where there is none.
fn texts(column: ArrayRef) -> Vec<String> {
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..column.len() as i64));
    let columns = [("id", id, false), ("x", column, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let schema = Schema::new("s", vec![Field::new("x", Kind::Text)]).unwrap();
    let mapping = Mapping {
        id: Some("id".into()),
        fields: vec![FieldMapping::new("x", "x")],
        ..Mapping::default()
    };
    let input = Input::batches("s", "frame", batch.schema(), [Ok(batch)]).unwrap();
    let (table, _) = read(&[input.with_mapping(mapping)], &schema, &Run::new()).unwrap();
    (0..table.len())
        .map(|row| {
            let values: Vec<&str> = table.column(0).values(row).collect();
            if values.is_empty() { "-".to_owned() } else { values.join("|") }
        })
        .collect()
}

#[test]
fn values_of_rarer_types_have_their_text() {
    let far = [Some(0), None, Some(i64::MAX)];
    let zone = |zone: &str| TimestampSecondArray::from(far.to_vec()).with_timezone(zone);
    let mut floats = PrimitiveDictionaryBuilder::<Int8Type, Float64Type>::new();
    floats.append_option(Some(7.0));
    floats.append_option(None);
    floats.append_option(Some(0.5));
    let nothing = PrimitiveDictionaryBuilder::<Int8Type, Float64Type>::new().finish();
    let nothing = nothing.with_values(Arc::new(Float64Array::new_null(0)));
    let mut runs = StringRunBuilder::<Int16Type>::new();
    runs.extend([Some("a"), Some("a"), None, Some("b")]);
    let runs: ArrayRef = Arc::new(runs.finish());
    let mut fixed = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    fixed.values().append_slice(&[0.1, 2.0]);
    fixed.append(true);
    fixed.values().append_nulls(2);
    fixed.append(false);
    fixed.values().append_option(None);
    fixed.values().append_value(f32::NAN);
    fixed.append(true);
    let decimals = Decimal128Array::from(vec![Some(150), Some(-5)]).with_precision_and_scale(9, 2);
    let binaries = vec![Some("ö".as_bytes()), Some(b"\xff".as_slice()), None];
    let cases: Vec<(ArrayRef, &[&str])> = vec![
        (Arc::new(NullArray::new(2)), &["-", "-"]),
        (Arc::new(UInt8Array::from(vec![0, 255])), &["0", "255"]),
        (
            Arc::new(Float32Array::from(vec![0.1, 1e9, f32::INFINITY])),
            &["0.1", "1000000000", "inf"],
        ),
        (Arc::new(decimals.unwrap()), &["1.50", "-0.05"]),
        (Arc::new(BinaryArray::from(binaries.clone())), &["ö", "-", "-"]),
        (Arc::new(LargeBinaryArray::from(binaries.clone())), &["ö", "-", "-"]),
        (Arc::new(BinaryViewArray::from(binaries)), &["ö", "-", "-"]),
        (Arc::new(floats.finish()), &["7", "-", "0.5"]),
        (Arc::new(nothing), &[]),
        (runs.slice(1, 3), &["a", "-", "b"]),
        (runs, &["a", "a", "-", "b"]),
        (Arc::new(fixed.finish()), &["0.1|2", "-", "-"]),
        (Arc::new(Date32Array::from(vec![-1, i32::MAX])), &["1969-12-31", "2147483647"]),
        (Arc::new(Time32SecondArray::from(vec![3661])), &["01:01:01"]),
        (Arc::new(zone("UTC")), &["1970-01-01T00:00:00Z", "-", "9223372036854775807"]),
        (Arc::new(zone("Asia/Tokyo")), &["1970-01-01T09:00:00+09:00", "-", "9223372036854775807"]),
        (Arc::new(zone("Middle/Earth")), &["1970-01-01T00:00:00Z", "-", "9223372036854775807"]),
    ];
    for (column, expected) in cases {
        assert_eq!(texts(Arc::clone(&column)), expected, "{}", column.data_type());
    }
}
