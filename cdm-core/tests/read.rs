//! Reading files into tables, by the public API only.

use std::path::PathBuf;

use cdm_core::normalize::Form;
use cdm_core::read::{
    FieldMapping, Format, Input, Mapping, ReadOptions, ReadReport, RejectReason, infer_schema, read,
};
use cdm_core::{CancelToken, Error, Field, Kind, Run, Schema, Table};
use proptest::prelude::*;

fn schema(fields: &[(&str, Kind)]) -> Schema {
    Schema::new("s", fields.iter().map(|(name, kind)| Field::new(*name, *kind)).collect()).unwrap()
}

/// A schema of fields named after single letters, of free text.
fn letters(names: &str) -> Schema {
    let names: Vec<String> = names.chars().map(String::from).collect();
    Schema::new("s", names.into_iter().map(|name| Field::new(name, Kind::Text)).collect()).unwrap()
}

fn mapping(json: &str) -> Mapping {
    serde_json::from_str(json).unwrap()
}

fn direct(names: &str) -> Mapping {
    let fields = names.chars().map(|name| FieldMapping::new(name, name)).collect();
    Mapping { fields, ..Mapping::default() }
}

fn csv(bytes: impl AsRef<[u8]>) -> Input {
    Input::bytes("s", "s.csv", bytes.as_ref().to_vec()).with_format(Format::Csv)
}

fn json(bytes: impl AsRef<[u8]>) -> Input {
    Input::bytes("s", "s.jsonl", bytes.as_ref().to_vec()).with_format(Format::JsonLines)
}

fn one(input: Input, schema: &Schema) -> Result<(Table, ReadReport), Error> {
    let (table, mut reports) = read(&[input], schema, &Run::new())?;
    let report = reports.remove(0);
    assert_eq!(report.rows_read, report.rows_accepted + report.rows_rejected);
    assert_eq!(report.rows_accepted as usize, table.len());
    Ok((table, report))
}

fn values(table: &Table, field: usize) -> Vec<Vec<&str>> {
    (0..table.len()).map(|row| table.column(field).values(row).collect()).collect()
}

/// The rows of a CSV of columns a and b, and the lines and reasons of those turned away.
fn rows_ab(bytes: impl AsRef<[u8]>) -> (Vec<Vec<String>>, Vec<(u64, RejectReason)>) {
    let (table, report) = one(csv(bytes).with_mapping(direct("ab")), &letters("ab")).unwrap();
    let cell = |row, field| table.column(field).values(row).next().unwrap_or("").to_owned();
    let rows = (0..table.len()).map(|row| vec![cell(row, 0), cell(row, 1)]).collect();
    (rows, report.rejections.into_iter().map(|r| (r.line, r.reason)).collect())
}

fn code(result: Result<(Table, ReadReport), Error>) -> &'static str {
    result.map(|_| ()).unwrap_err().code()
}

#[test]
fn quotes_line_breaks_and_padding_are_read_as_written() {
    let (rows, rejected) =
        rows_ab("\u{feff}a, b\r\n\r\n 1 ,\"x \"\"y\"\", z\"\r\n2, \"l1\nl2\"\r\r3,5\" pipe\r\n");
    assert_eq!(rows, [["1", "x \"y\", z"], ["2", "l1\nl2"], ["3", "5\" pipe"]]);
    assert!(rejected.is_empty());
}

#[test]
fn ragged_rows_are_rejected_by_their_true_line() {
    let (rows, rejected) = rows_ab("a,b\n1,2\n\n3\n\"4\n4\",5\n6,7,8\n9,10,,\n11,12");
    assert_eq!(rows, [["1", "2"], ["4\n4", "5"], ["9", "10"], ["11", "12"]]);
    let wrong = |found| RejectReason::WrongCellCount { expected: 2, found };
    assert_eq!(rejected, [(4, wrong(1)), (7, wrong(3))]);
}

#[test]
fn an_open_quote_costs_its_line_and_not_the_file() {
    let (rows, rejected) = rows_ab("a,b\n1,2\n3,\"open\n5,6\n7,8\n");
    assert_eq!(rows, [["1", "2"], ["5", "6"], ["7", "8"]]);
    assert_eq!(rejected, [(3, RejectReason::UnclosedQuote)]);
    // The same where a later quote closes it by chance, in the middle of a row.
    let (rows, rejected) = rows_ab("a,b\n\"1,2\n5,6\n7,8\n9,\"10\"\n11,12\n");
    assert_eq!(rows, [["5", "6"], ["7", "8"], ["9", "10"], ["11", "12"]]);
    assert_eq!(rejected, [(2, RejectReason::WrongCellCount { expected: 2, found: 1 })]);
}

#[test]
fn the_delimiter_is_told_from_the_first_records() {
    for (text, delimiter) in [
        ("a,b\n1,\"x;y\"\n", ','),
        ("a;b\n1,5;2,5\n", ';'),
        ("a\tb\n1,2\t3\n", '\t'),
        ("a|b\n1|2\n", '|'),
        ("a\n1\n", ','),
    ] {
        let (_, report) = one(csv(text), &letters("a")).unwrap();
        assert_eq!(report.delimiter, Some(delimiter), "{text}");
    }
    let options = ReadOptions { delimiter: Some('~'), ..ReadOptions::default() };
    let (_, report) = one(csv("a~b\n1~2\n").with_options(options), &letters("b")).unwrap();
    assert_eq!(report.columns, ["a", "b"]);
}

#[test]
fn encodings_are_told_and_a_stray_row_is_read_as_windows_1252() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let units = text
            .encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        units.collect()
    };
    let text = "a,b\nMüller,Łódź €\n";
    let mark = |text: &str| format!("\u{feff}{text}");
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), "UTF-8"),
        (mark(text).into_bytes(), "UTF-8"),
        (utf16(&mark(text), false), "UTF-16LE"),
        (utf16(&mark(text), true), "UTF-16BE"),
        (utf16(text, false), "UTF-16LE"),
    ] {
        let (table, report) = one(csv(bytes).with_mapping(direct("ab")), &letters("ab")).unwrap();
        assert_eq!(report.encoding, Some(encoding));
        assert_eq!(
            (values(&table, 0), values(&table, 1)),
            (vec![vec!["Müller"]], vec![vec!["Łódź €"]])
        );
    }
    let (table, report) = one(csv(b"a,b\nM\xfcller,\x80\n"), &letters("ab")).unwrap();
    assert_eq!((report.encoding, report.rows_recoded), (Some("windows-1252"), 0));
    assert_eq!((values(&table, 0), values(&table, 1)), (vec![vec!["Müller"]], vec![vec!["€"]]));
    // UTF-8 for longer than any sample, then one row that is not.
    let mut long = b"a,b\n".to_vec();
    (0..60_000).for_each(|n| long.extend_from_slice(format!("Jürgen,{n}\n").as_bytes()));
    long.extend_from_slice(b"M\xfcller,x\n");
    let (table, report) = one(csv(long), &letters("ab")).unwrap();
    assert_eq!((report.encoding, report.rows_recoded), (Some("UTF-8"), 1));
    assert_eq!(table.column(0).values(0).next(), Some("Jürgen"));
    assert_eq!(table.column(0).values(60_000).next(), Some("Müller"));
}

#[test]
fn what_is_no_table_is_a_typed_error() {
    let schema = letters("a");
    for empty in ["", "\n\n \n", "\u{feff}"] {
        assert_eq!(code(one(csv(empty), &schema)), "EMPTY_INPUT", "{empty:?}");
        assert_eq!(code(one(json(empty), &schema)), "EMPTY_INPUT", "{empty:?}");
    }
    assert_eq!(one(csv("a,b\n"), &schema).unwrap().0.len(), 0);
    let noise: Vec<u8> = (0..4000_u32).map(|n| ((n * n) >> 3) as u8).collect();
    for bytes in [b"PK\x03\x04 and so on".to_vec(), b"\x1f\x8b\x08".to_vec(), noise] {
        assert_eq!(code(one(csv(bytes.clone()), &schema)), "MALFORMED_INPUT");
        assert_eq!(code(one(json(bytes), &schema)), "MALFORMED_INPUT");
    }
    let no_header = csv("ann@example.org,1\nbob@example.org,2\n");
    assert_eq!(code(one(no_header, &schema)), "MALFORMED_INPUT");
    assert_eq!(code(one(Input::file("s", "no/such/file.csv"), &schema)), "READ_FILE");
    let options = ReadOptions { encoding: Some("klingon".into()), ..ReadOptions::default() };
    assert_eq!(code(one(csv("a\n1\n").with_options(options), &schema)), "UNKNOWN_CHOICE");
    let options = ReadOptions { delimiter: Some('ü'), ..ReadOptions::default() };
    assert_eq!(code(one(csv("a\n1\n").with_options(options), &schema)), "INVALID_DOCUMENT");
}

#[test]
fn a_record_longer_than_the_limit_is_an_error_that_names_its_line() {
    let options = ReadOptions { max_record_bytes: 1000, ..ReadOptions::default() };
    let long = "x".repeat(2_000_000);
    for (input, line) in [
        (csv(format!("a,b\n1,2\n3,{long}\n")), 3),
        (csv(format!("a,b\n1,2\n3,\"{}\n", "y\n".repeat(2000))), 3),
        (json(format!("{{\"a\":1}}\n{{\"a\":\"{long}\"}}\n")), 2),
        (json(format!("[{{\"a\":1}},\n{{\"a\":\"{long}\"}}]")), 2),
    ] {
        match one(input.with_options(options.clone()), &letters("a")) {
            Err(Error::RecordTooLong { line: found, limit_bytes: 1000, .. }) => {
                assert_eq!(found, line);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn header_names_are_made_unique_and_nuls_do_no_harm() {
    let (_, report) = one(csv("a,a,,a_2\n1,2,3,4\n"), &letters("z")).unwrap();
    assert_eq!(report.columns, ["a", "a_3", "column_3", "a_2"]);
    let filler = "x".repeat(100);
    let (rows, _) = rows_ab(format!("a,b\n1\0,{filler}\n"));
    assert_eq!(rows, [["1\0", &filler]]);
}

#[test]
fn rows_without_an_id_or_with_one_that_is_taken_are_rejected() {
    let map = mapping(r#"{"id": "n", "fields": [{"field": "a", "columns": ["a"]}]}"#);
    let input = csv("n,a\n1,x\n,y\n1,z\n,,\n2,w\n").with_mapping(map);
    let (table, report) = one(input, &letters("a")).unwrap();
    assert_eq!(values(&table, 0), [["x"], ["w"]]);
    assert_eq!(report.rows_blank, 1);
    assert_eq!(
        serde_json::to_string(&report.rejections).unwrap(),
        r#"[{"line":3,"reason":"missing_id"},{"line":4,"reason":"duplicate_key","id":"1"}]"#
    );
    let many = (0..50).map(|_| "1,x\n").collect::<String>();
    let options = ReadOptions { max_rejected_kept: 7, ..ReadOptions::default() };
    let map = Mapping { id: Some("n".into()), ..Mapping::default() };
    let input = csv(format!("n,a\n{many}")).with_mapping(map).with_options(options);
    let (_, report) = one(input, &letters("a")).unwrap();
    assert_eq!((report.rows_rejected, report.rejections.len()), (49, 7));
}

#[test]
fn the_order_of_inputs_decides_the_order_of_rows_and_nothing_else() {
    let map = mapping(r#"{"id": "n", "fields": [{"field": "a", "columns": ["a"]}]}"#);
    let input = |name: &str, text: &str| {
        Input::bytes("crm", name, text.as_bytes().to_vec()).with_mapping(map.clone())
    };
    let (one, two) = (input("1.csv", "n,a\n1,x\n2,y\n"), input("2.csv", "n,a\n2,z\n3,w\n"));
    let three = input("3.csv", "n,a\n2,q\n3,r\n4,s\n");
    let records = |inputs: &[Input]| {
        let (table, reports) = read(inputs, &letters("a"), &Run::new()).unwrap();
        let rows = table.rows_by_key();
        let records: Vec<_> = rows.iter().map(|row| table.record(*row as usize)).collect();
        let mut rejected: Vec<_> =
            reports.iter().map(|r| (r.input.clone(), r.rows_rejected)).collect();
        rejected.sort();
        (records, rejected)
    };
    let sorted = records(&[one.clone(), two.clone(), three.clone()]);
    assert_eq!(sorted.1[2], ("3.csv".into(), 2));
    assert_eq!(sorted, records(&[three.clone(), two.clone(), one.clone()]));
    assert_eq!(sorted, records(&[two, one, three]));
}

#[test]
fn row_numbers_are_ids_and_do_not_collide_between_files_of_one_source() {
    let input = |name: &str| Input::bytes("crm", name, b"a\nx\ny\n".to_vec());
    let (table, _) = read(&[input("p.csv")], &letters("a"), &Run::new()).unwrap();
    assert_eq!((table.id(0), table.id(1)), ("1", "2"));
    let (table, _) = read(&[input("p.csv"), input("q.csv")], &letters("a"), &Run::new()).unwrap();
    assert_eq!((table.id(0), table.id(3)), ("p.csv:1", "q.csv:2"));
    let twice = read(&[input("p.csv"), input("p.csv")], &letters("a"), &Run::new());
    assert_eq!(twice.unwrap_err().code(), "INVALID_DOCUMENT");
}

#[test]
fn json_is_flattened_and_scalars_are_kept_as_written() {
    let text = concat!(
        "{\"n\": 1, \"a\": {\"b\": [{\"c\": \"x\"}, {\"c\": \"y\", \"d\": \"z\"}]}, \"e\": null}\r\n",
        "\n",
        "{\"n\": 12345678901234567890123, \"e\": 1.50, \"f\": true, \"g\": [\"p\", 2, null]}\n",
        "not json\n[1]\n{\"n\": 3\n{\"n\": \"\\ud800\"}\n{}\n",
        "{\"n\": 9, \"late\": \"found\"}"
    );
    let map = mapping(
        r#"{"id": "n", "fields": [{"field": "c", "columns": ["a.b.c"]},
            {"field": "e", "columns": ["e"]}, {"field": "f", "columns": ["f"]},
            {"field": "g", "columns": ["g"]}, {"field": "l", "columns": ["late"]},
            {"field": "m", "columns": ["a.b.c", "a.b.d"]}, {"field": "x", "columns": ["never"]}]}"#,
    );
    let (table, report) = one(json(text).with_mapping(map), &letters("cefglmx")).unwrap();
    assert_eq!((table.id(0), table.id(1)), ("1", "12345678901234567890123"));
    assert_eq!(values(&table, 0)[0], ["x", "y"]);
    assert_eq!(values(&table, 1)[1], ["1.50"]);
    assert_eq!(values(&table, 2)[1], ["true"]);
    assert_eq!(values(&table, 3)[1], ["p", "2"]);
    assert_eq!(values(&table, 4)[2], ["found"]);
    assert_eq!(values(&table, 5)[0], ["x", "y z"]);
    assert_eq!((report.absent_columns, report.rows_rejected), (vec!["never".into()], 4));
    let rejected: Vec<_> = report.rejections.iter().map(|r| (r.line, &r.reason)).collect();
    assert_eq!(rejected[0], (4, &RejectReason::InvalidJson { column: 2 }));
    assert_eq!(rejected[1], (5, &RejectReason::NotAnObject));
    assert!(matches!(rejected[2], (6, RejectReason::InvalidJson { .. })));
    assert!(matches!(rejected[3], (7, RejectReason::InvalidJson { .. })));
    let deep = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let (_, report) = one(json(deep), &letters("a")).unwrap();
    assert!(matches!(report.rejections[0].reason, RejectReason::TooDeep { .. }));
}

#[test]
fn a_json_array_is_read_like_lines() {
    let text = "\n[\n {\"a\": \"x]\\\"\"},\n {\"a\": [\"y\",\n \"z\"]} , 5,\n{\"a\": \"w\"}\n]\n";
    let (table, report) = one(json(text), &letters("a")).unwrap();
    assert_eq!(values(&table, 0), [vec!["x]\""], vec!["y", "z"], vec!["w"]]);
    assert_eq!((report.rejections[0].line, report.rows_rejected), (5, 1));
    let (table, report) = one(json("[{\"a\": 1}, {\"a\":"), &letters("a")).unwrap();
    assert_eq!((table.len(), report.rows_rejected), (1, 1));
}

#[test]
fn columns_are_joined_split_and_read_for_their_time() {
    let map = mapping(
        r#"{"id": "n", "source": "sys", "time": "changed", "fields": [
            {"field": "address", "columns": ["no", "street", "zip", "city"]},
            {"field": "email", "columns": ["mails"], "separator": ";"},
            {"field": "name", "columns": ["first", "last"]}]}"#,
    );
    let schema =
        schema(&[("address", Kind::Address), ("email", Kind::Email), ("name", Kind::FullName)]);
    let text = "n,sys,changed,house number,street,zip,city,mails,first,last\n\
        1,shop,2024-05-01T12:00:00Z,7,High St,,Hull,a@x.org; b@x.org ;,Ann,\n\
        2,,1714564800,,Low St,HU1,,,,Li\n3,shop,soon,,,,,,A,B\n";
    let map = serde_json::to_string(&map).unwrap().replace("\"no\"", "\"house number\"");
    let (table, report) = one(csv(text).with_mapping(mapping(&map)), &schema).unwrap();
    assert_eq!(values(&table, 0), [vec!["7 High St, Hull"], vec!["Low St, HU1"], vec![]]);
    assert_eq!(values(&table, 1)[0], ["a@x.org", "b@x.org"]);
    assert_eq!(values(&table, 2), [["Ann"], ["Li"], ["A B"]]);
    assert_eq!((table.source(0), table.source(1)), ("shop", "s"));
    assert_eq!(table.time(0), table.time(1));
    assert!(table.time(0).is_some() && table.time(2).is_none());
    assert_eq!(report.times_unreadable, 1);
}

#[test]
fn a_mapping_that_does_not_fit_is_an_error_that_helps() {
    let schema = letters("a");
    let given = |json: &str| one(csv("nam,a\n1,2\n").with_mapping(mapping(json)), &schema);
    let error = given(r#"{"fields": [{"field": "a", "columns": ["name"]}]}"#).unwrap_err();
    assert!(error.to_string().contains("did you mean \"nam\""), "{error}");
    assert_eq!(code(given(r#"{"id": "zzz", "fields": []}"#)), "UNKNOWN_COLUMN");
    assert_eq!(code(given(r#"{"fields": [{"field": "b", "columns": ["a"]}]}"#)), "UNKNOWN_FIELD");
    for bad in [
        r#"{"fields": [{"field": "a", "columns": []}]}"#,
        r#"{"fields": [{"field": "a", "columns": ["a"], "separator": ""}]}"#,
        r#"{"fields": [{"field": "a", "columns": ["a"], "part": "type"}]}"#,
    ] {
        assert_eq!(code(given(bad)), "INVALID_DOCUMENT", "{bad}");
    }
    assert!(serde_json::from_str::<Mapping>(r#"{"feilds": []}"#).is_err());
    assert!(
        serde_json::from_str::<Mapping>(
            r#"{"fields": [{"field": "a", "columns": [], "part": "x"}]}"#
        )
        .is_err()
    );
}

#[test]
fn whole_and_split_names_and_addresses_are_fitted_to_the_schema() {
    let infer = |text: &str, schema: &Schema| one(csv(text), schema).unwrap().1.mapping;
    let joined = |field: &str, columns: &[&str]| FieldMapping::joined(field, columns.to_vec());
    let whole = schema(&[("name", Kind::FullName), ("address", Kind::Address)]);
    let found = infer("Vorname;Nachname;PLZ;Ort;Strasse;Hausnr.;Land\nA;B;C;D;E;1;F\n", &whole);
    assert_eq!(
        found.fields,
        [
            joined("name", &["Vorname", "Nachname"]),
            joined("address", &["Strasse", "Hausnr.", "Ort", "PLZ", "Land"])
        ]
    );
    let split = schema(&[
        ("given_name", Kind::GivenName),
        ("family_name", Kind::FamilyName),
        ("street", Kind::Street),
        ("city", Kind::City),
        ("postcode", Kind::Postcode),
    ]);
    let found = infer("full name,address\nAnn Li,\"1 High St, Hull\"\n", &split);
    let part = |field: &str, column: &str, part| FieldMapping::new(field, column).part(part);
    assert_eq!(
        found.fields,
        [
            part("given_name", "full name", Form::Given),
            part("family_name", "full name", Form::Family),
            part("street", "address", Form::Street),
            part("city", "address", Form::City),
            part("postcode", "address", Form::Postcode)
        ]
    );
    // German: a name beside a first name is a surname.
    let found = infer("Name,Vorname\nLi,Ann\n", &split);
    assert_eq!(found.fields[1], FieldMapping::new("family_name", "Name"));
    // Two addresses are two values.
    let two = infer(
        "billing_street,billing_city,shipping_street,shipping_city\n1 A St,B,2 C St,D\n",
        &whole,
    );
    assert_eq!(
        two.fields,
        [
            joined("address", &["billing_street", "billing_city"]),
            joined("address", &["shipping_street", "shipping_city"])
        ]
    );
}

#[test]
fn keys_are_inferred_and_columns_that_say_nothing_stay_unused() {
    let people = schema(&[("email", Kind::Email), ("phone", Kind::Phone)]);
    let text = "customer_id,email1,E-Mail 2,mobile,notes,updated_at,cluster_id\n\
        a,x@a.org,y@a.org,+49 30 1234567,hm,2024-01-01,1\nb,z@a.org,,,hm,2024-01-02,1\n";
    let (table, report) = one(csv(text), &people).unwrap();
    assert_eq!(report.mapping.id.as_deref(), Some("customer_id"));
    assert_eq!(report.mapping.time.as_deref(), Some("updated_at"));
    assert_eq!(values(&table, 0)[0], ["x@a.org", "y@a.org"]);
    assert_eq!(report.unused_columns, ["notes", "cluster_id"]);
    assert!(report.to_string().contains("unused: notes, cluster_id"));
    // An id that repeats is not the record's.
    let (_, report) = one(csv("id,email\n1,x@a.org\n1,y@a.org\n"), &people).unwrap();
    assert_eq!(report.mapping.id, None);
}

#[test]
fn progress_rises_to_the_end_and_cancelling_stops() {
    let text = "a\n".to_owned() + &"x\n".repeat(20_000);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let watch = seen.clone();
    let run = Run::new().with_progress(move |p| watch.lock().unwrap().push((p.done, p.total)));
    read(&[csv(&text)], &letters("a"), &run).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 4 && seen.is_sorted());
    assert_eq!(seen.last(), Some(&(text.len() as u64, text.len() as u64)));
    let cancel = CancelToken::new();
    cancel.cancel();
    let run = Run::new().with_cancel(cancel);
    assert_eq!(read(&[csv(&text)], &letters("a"), &run).unwrap_err().code(), "CANCELLED");
}

#[test]
fn hostile_shapes_are_read_in_time_and_bounded_memory() {
    // Every line leaves a quote open to the end of the file, for a scanner that starts there.
    let stray = "a,b\n".to_owned() + &"\",x\"y,\"\n".repeat(40_000);
    one(csv(stray), &letters("ab")).unwrap();
    // As many columns as are told apart, and one more.
    let header = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let wide = header(16_384);
    let inputs = [csv(format!("{wide}\n{wide}\n"))];
    let schema = infer_schema(&inputs, &Run::new()).unwrap();
    read(&inputs, &schema, &Run::new()).unwrap();
    assert_eq!(code(one(csv(header(16_385)), &letters("a"))), "MALFORMED_INPUT");
    // More values in one field than a table accepts.
    let many = (0..60_000).map(|n| format!("{{\"a\":{n},\"b\":1}}")).collect::<Vec<_>>().join(",");
    let map = mapping(r#"{"fields": [{"field": "a", "columns": ["x.a", "x.b"]}]}"#);
    let input = json(format!("{{\"x\":[{many}]}}\n")).with_mapping(map);
    let (_, report) = one(input, &letters("a")).unwrap();
    let reason = RejectReason::TooManyValues { field: "a".into(), limit: 256 };
    assert_eq!(report.rejections[0].reason, reason);
}

fn shared(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CDM_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent; CDM_DATA can name its folder", path.display());
    None
}

#[test]
fn the_shared_data_is_read_to_the_last_row() {
    for (files, rows) in [
        (&["febrl/dataset3.csv"][..], &[5000][..]),
        (&["febrl/dataset4a.csv", "febrl/dataset4b.csv"], &[5000, 5000]),
        (&["fake_1000.csv"], &[1000]),
        (&["chicago_childcare.csv"], &[3337]),
        (&["restaurants/fodors.csv", "restaurants/zagats.csv"], &[533, 331]),
        (
            &["senzing/customers.jsonl", "senzing/reference.jsonl", "senzing/watchlist.jsonl"],
            &[120, 22, 17],
        ),
    ] {
        let Some(paths) = files.iter().map(|f| shared(f)).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let inputs: Vec<Input> = paths
            .iter()
            .map(|p| Input::file(p.file_stem().unwrap().to_string_lossy(), p))
            .collect();
        let schema = infer_schema(&inputs, &Run::new()).unwrap();
        let (table, reports) = read(&inputs, &schema, &Run::new()).unwrap();
        let accepted: Vec<u64> = reports.iter().map(|r| r.rows_accepted).collect();
        assert_eq!(accepted, rows, "{files:?}");
        assert_eq!(table.len() as u64, rows.iter().sum::<u64>());
        assert!(
            reports.iter().all(|r| r.rows_rejected == 0 && r.mapping.id.is_some()),
            "{files:?}"
        );
        let fields: Vec<String> =
            schema.fields().iter().map(|f| format!("{}:{}", f.name, f.kind)).collect();
        let expected = match files[0] {
            "febrl/dataset3.csv" => {
                "given_name:given_name family_name:family_name street:street \
                address_2:text city:city postcode:postcode region:region date_of_birth:date \
                ssn:identifier"
            }
            "fake_1000.csv" => {
                "given_name:given_name family_name:family_name date_of_birth:date \
                city:city email:email"
            }
            "restaurants/fodors.csv" => {
                "organisation:organisation street:street city:city \
                phone:phone type:category"
            }
            _ => continue,
        };
        assert_eq!(fields.join(" "), expected);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        format in prop::sample::select(vec![None, Some(Format::Csv), Some(Format::JsonLines)]),
        encoding in prop::sample::select(vec![None, Some("utf-16le"), Some("shift_jis"), Some("gb18030")]),
        limit in prop::sample::select(vec![0_usize, 1, 20, 1 << 24, usize::MAX]),
    ) {
        let options = ReadOptions { encoding: encoding.map(str::to_owned), max_record_bytes: limit, ..ReadOptions::default() };
        let mut input = Input::bytes("s", "s", bytes).with_options(options);
        input.format = format;
        if let Ok(schema) = infer_schema(std::slice::from_ref(&input), &Run::new()) {
            let _ = one(input, &schema);
        }
    }

    #[test]
    fn no_text_of_the_format_makes_a_reader_panic(
        body in r#"([,;\t|"\r\n ab@.\[\]{}:é1\\\-]|null|"a":|\{"a"){0,80}"#,
        format in prop::sample::select(vec![Format::Csv, Format::JsonLines]),
    ) {
        let input = Input::bytes("s", "s", format!("a,b\n{body}").into_bytes()).with_format(format);
        let _ = one(input, &letters("ab"));
        let input = Input::bytes("s", "s", body.into_bytes()).with_format(format);
        if let Ok(schema) = infer_schema(std::slice::from_ref(&input), &Run::new()) {
            let _ = one(input, &schema);
        }
    }

    /// An oracle: whatever the `csv` crate writes, in any style, comes back.
    #[test]
    fn what_a_csv_writer_writes_is_read_back(
        rows in prop::collection::vec((r#"[ab,;"\n\r\té ]{0,6}x"#, r#"x[ab,;"\n\r\té]{0,6}y"#), 1..20),
        always in any::<bool>(),
        crlf in any::<bool>(),
        delimiter in prop::sample::select(vec![b',', b';', b'\t']),
    ) {
        let mut writer = ::csv::WriterBuilder::new()
            .quote_style(if always { ::csv::QuoteStyle::Always } else { ::csv::QuoteStyle::Necessary })
            .terminator(if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') })
            .delimiter(delimiter)
            .from_writer(Vec::new());
        writer.write_record(["a", "b"]).unwrap();
        for (a, b) in &rows {
            writer.write_record([a, b]).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let options = ReadOptions { delimiter: Some(delimiter as char), ..ReadOptions::default() };
        let input = csv(bytes).with_options(options).with_mapping(direct("ab"));
        let (table, report) = one(input, &letters("ab")).unwrap();
        prop_assert_eq!(report.rows_rejected, 0);
        prop_assert_eq!(table.len(), rows.len());
        for (row, (a, b)) in rows.iter().enumerate() {
            prop_assert_eq!(table.column(0).values(row).next(), Some(a.trim()));
            prop_assert_eq!(table.column(1).values(row).next(), Some(b.trim()));
        }
    }
}
