//! A record as bytes.

use serde::{Deserialize, Serialize};

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
struct Read {
    source: String,
    id: String,
    time: Option<i64>,
    fields: Vec<(u32, Vec<String>)>,
}

/// The record as bytes; the same record gives the same ones.
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

/// The record of these bytes; `None` where they are not one's.
pub(super) fn decode(bytes: &[u8], names: &Names) -> Option<Record> {
    let read: Read = postcard::from_bytes(bytes).ok()?;
    let mut record = Record::new(RecordKey::new(read.source, read.id));
    if let Some(time) = read.time {
        record.time = Some(Timestamp::from_millis(time)?);
    }
    for (number, values) in read.fields {
        record.fields.insert(names.0.get(number as usize)?.clone(), values);
    }
    Some(record)
}
