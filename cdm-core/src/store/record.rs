//! What a cell says of a record: the record as it was given, and a pack of it, so that it need not be
//! normalised when the store is opened again.

use serde::{Deserialize, Serialize};

use super::current::Edition;
use crate::bound::Packed;
use crate::schema::{Record, RecordKey, Timestamp};

/// The names of fields, by the numbers by which cells call them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Names(Vec<String>);

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        let known = self.0.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        });
        number as u32
    }
}

#[derive(Serialize)]
struct Written<'r> {
    source: &'r str,
    id: &'r str,
    time: Option<i64>,
    fields: Vec<(u32, &'r [String])>,
}

#[derive(Deserialize)]
struct Read<'r> {
    source: &'r str,
    id: &'r str,
    time: Option<i64>,
    #[serde(borrow)]
    fields: Vec<(u32, Vec<&'r str>)>,
}

/// The record as bytes; the same record gives the same ones, and no other one's begin with them.
pub(super) fn encode(record: &Record, names: &mut Names) -> Vec<u8> {
    let fields = record.fields.iter().filter(|(_, values)| !values.is_empty());
    let written = Written {
        source: &record.key.source,
        id: &record.key.id,
        time: record.time.map(Timestamp::as_millis),
        fields: fields.map(|(name, values)| (names.number(name), &values[..])).collect(),
    };
    // Texts and numbers alone, for which there is no error.
    postcard::to_allocvec(&written).unwrap_or_default()
}

/// The record that these bytes begin with; `None` where they are not one's.
pub(super) fn decode(bytes: &[u8], names: &Names) -> Option<Record> {
    let (read, _) = postcard::take_from_bytes::<Read<'_>>(bytes).ok()?;
    let mut record = Record::new(RecordKey::new(read.source, read.id));
    if let Some(time) = read.time {
        record.time = Some(Timestamp::from_millis(time)?);
    }
    for (number, values) in read.fields {
        let values = values.into_iter().map(str::to_owned).collect();
        record.fields.insert(names.0.get(number as usize)?.clone(), values);
    }
    Some(record)
}

/// Add a pack of that edition to the bytes of its record.
pub(super) fn add_pack(bytes: &mut Vec<u8>, edition: Edition, pack: &Packed) {
    bytes.reserve_exact(size_of::<Edition>() + pack.bytes().len());
    bytes.extend(edition.0);
    bytes.extend(pack.bytes());
}

/// What comes after the record that some bytes begin with: its pack, where it is one of that edition.
pub(super) fn pack_of(bytes: &[u8], edition: Edition) -> Option<Packed> {
    let (_, rest) = postcard::take_from_bytes::<Read<'_>>(bytes).ok()?;
    let (made_by, pack) = rest.split_first_chunk()?;
    (*made_by == edition.0).then(|| Packed::of(pack))
}

/// The same without a pack of whatever edition.
pub(super) fn without_pack(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Ok((_, rest)) = postcard::take_from_bytes::<Read<'_>>(&bytes) {
        let length = bytes.len() - rest.len();
        bytes.truncate(length);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cancel::Run;
    use crate::plan::Plan;
    use crate::table::Table;

    fn record() -> impl Strategy<Value = Record> {
        let text = || prop_oneof![Just(String::new()), Just("\u{1}".to_owned()), ".{0,9}"];
        let fields =
            prop::collection::btree_map("[a-c]", prop::collection::vec(text(), 0..3), 0..4);
        let time = prop::option::of(0..1_000_i64);
        (text(), text(), time, fields).prop_map(|(source, id, time, fields)| {
            let time = time.and_then(Timestamp::from_millis);
            Record { time, fields, ..Record::new(RecordKey::new(source, id)) }
        })
    }

    proptest! {
        #[test]
        fn a_record_comes_back_with_its_pack_or_without(
            (one, other) in (record(), record()),
            (edition, later) in (any::<[u8; 8]>(), any::<[u8; 8]>()),
        ) {
            let mut names = Names::default();
            let plain = encode(&one, &mut names);
            let mut one = one;
            one.fields.retain(|_, values| !values.is_empty());
            prop_assert_eq!(decode(&plain, &names), Some(one.clone()));
            prop_assert!(pack_of(&plain, Edition(edition)).is_none());
            let plan = r#"{"version": 1, "name": "mail", "fields": [{"name": "a", "kind": "email"}],
                "rules": [{"name": "e-mail", "decision": "match", "same": ["a"]}]}"#;
            let plan = Plan::from_json(plan).unwrap();
            let nobody = Table::from_records(plan.schema().clone(), []).unwrap();
            let bound = plan.fit(&nobody, &Run::new()).unwrap().bind().unwrap();
            let pack = Record::new(one.key.clone()).with("a", "ann@kestrel.example");
            let pack = bound.pack(&bound.prepare(&pack).unwrap()).unwrap();
            let mut bytes = plain.clone();
            add_pack(&mut bytes, Edition(edition), &pack);
            prop_assert_eq!(decode(&bytes, &names), Some(one.clone()));
            let found = pack_of(&bytes, Edition(edition));
            prop_assert_eq!(found.as_ref().map(Packed::bytes), Some(pack.bytes()));
            prop_assert_eq!(pack_of(&bytes, Edition(later)).is_some(), later == edition);
            prop_assert_eq!(without_pack(bytes.clone()), plain.clone());
            prop_assert_eq!(without_pack(plain.clone()), plain.clone());
            let second = encode(&other, &mut names);
            prop_assert_eq!(bytes.starts_with(&second), second == plain);
        }
    }
}
