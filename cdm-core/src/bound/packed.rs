//! A record in a few hundred bytes: all that is ever asked of it when it is told from others, so that
//! nothing of it is normalised twice.
//!
//! Packs are of the process that made them, and of its model; they are never written anywhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::compared::ComparedField;
use super::{BoundModel, BoundRecord};
use crate::compare::{Kept, Prepared};
use crate::features::LooseKeys;
use crate::schema::RecordKey;

/// A packed record: where each field begins, then its key with the keys of rules, then the fields.
#[derive(Clone)]
pub(crate) struct Packed(Arc<[u8]>);

/// What is asked of every record.
#[derive(Serialize, Deserialize)]
struct Head<'p> {
    source: &'p str,
    id: &'p str,
    /// Of the expressions that rules look at: the keys, and how many were made.
    #[serde(borrow)]
    keys: Vec<(Vec<&'p str>, Option<usize>)>,
}

#[derive(Serialize, Deserialize)]
struct Field<'p> {
    #[serde(borrow)]
    canonical: Vec<&'p str>,
    #[serde(borrow)]
    prepared: Vec<Kept<'p>>,
    numbers: Vec<[u8; 8]>,
}

/// Where something begins is said in so many bytes.
const OFFSET: usize = 4;

/// Few packs are of more bytes.
const LIKELY: usize = 1024;

/// Add what is asked for by that number.
fn with_part(mut bytes: Vec<u8>, number: usize, part: &impl Serialize) -> Vec<u8> {
    let start = bytes.len() as u32;
    if let Some(place) = bytes.get_mut(number * OFFSET..(number + 1) * OFFSET) {
        place.copy_from_slice(&start.to_le_bytes());
    }
    // Texts and numbers alone, for which there is no error.
    postcard::to_extend(part, bytes).unwrap_or_default()
}

impl Packed {
    /// What begins at the place of that number; nothing where it has none.
    fn part<'p, T: Deserialize<'p>>(&'p self, number: usize) -> Option<T> {
        let offset = self.0.get(number * OFFSET..)?.first_chunk()?;
        postcard::from_bytes(self.0.get(u32::from_le_bytes(*offset) as usize..)?).ok()
    }
}

impl BoundModel {
    /// Pack what two records are told apart by, and what groups of them are; nothing of blocking rules.
    pub(crate) fn pack(&self, record: &BoundRecord) -> Packed {
        let mut bytes = Vec::with_capacity(LIKELY);
        bytes.resize((1 + self.packed.len()) * OFFSET, 0);
        let keys = self.expressions_of_rules().map(|number| {
            let LooseKeys { texts, made } = self.features.keys(&record.features, number);
            (texts.iter().map(String::as_str).collect(), *made)
        });
        let RecordKey { source, id } = record.key();
        bytes = with_part(bytes, 0, &Head { source, id, keys: keys.collect() });
        for (number, position) in self.packed.iter().enumerate() {
            let ComparedField { canonical, prepared, numbers } = self.field(record, *position);
            let field = Field {
                canonical: canonical.iter().map(String::as_str).collect(),
                prepared: prepared.iter().map(Prepared::kept).collect(),
                numbers: numbers.iter().map(|number| number.to_le_bytes()).collect(),
            };
            bytes = with_part(bytes, 1 + number, &field);
        }
        Packed(bytes.into())
    }

    /// A record as it was packed, of which the fields are made ready as they are asked for.
    pub(crate) fn unpack(&self, packed: Packed) -> Option<BoundRecord> {
        let Head { source, id, keys } = packed.part(0)?;
        let keys = keys.into_iter().map(|(texts, made)| LooseKeys {
            texts: texts.into_iter().map(str::to_owned).collect(),
            made,
        });
        let keys = self.expressions_of_rules().zip(keys).collect();
        let features = self.features.known(RecordKey::new(source, id), keys);
        Some(BoundRecord { packed: Some(packed), ..self.empty(features) })
    }

    /// A field of a record that was packed.
    pub(super) fn unpacked(&self, record: &BoundRecord, position: usize) -> Option<ComparedField> {
        let packed = record.packed.as_ref()?;
        let number = self.packed.binary_search(&position).ok()?;
        let Field { canonical, prepared, numbers } = packed.part(1 + number)?;
        Some(ComparedField {
            canonical: canonical.into_iter().map(str::to_owned).collect(),
            prepared: prepared.into_iter().map(Prepared::of_kept).collect::<Option<_>>()?,
            numbers: numbers.into_iter().map(u64::from_le_bytes).collect(),
        })
    }

    fn expressions_of_rules(&self) -> impl Iterator<Item = usize> {
        let numbers = self.of_rules.iter().enumerate();
        numbers.filter(|(_, is_of_rule)| **is_of_rule).map(|(number, _)| number)
    }
}
