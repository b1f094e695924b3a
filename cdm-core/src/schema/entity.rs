use std::fmt;

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{Error, Result};

/// Crockford's base 32: no letter that could be taken for another or for a digit.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The name of an entity: 16 letters and digits, made from the lowest key of its records.
///
/// The same records give the same id on every machine and in every run, and an entity keeps its
/// id while it keeps its lowest record. Two of ten million entities share one with a chance below
/// 1 in 10^10 (80 bits of XXH3, in Crockford's base 32).
///
/// # Examples
/// ```
/// use cdm_core::{EntityId, RecordKey};
/// let id = EntityId::of_lowest("crm", "17");
/// assert_eq!(id.to_string().len(), 16);
/// assert_eq!(id, EntityId::of_lowest("crm", "17"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId([u8; 16]);

impl EntityId {
    /// The id of the entity whose lowest record key is of that source and id.
    #[must_use]
    pub fn of_lowest(source: &str, id: &str) -> Self {
        // The length keeps ("a", "bc") and ("ab", "c") apart.
        let mut key = Vec::with_capacity(8 + source.len() + id.len());
        key.extend_from_slice(&(source.len() as u64).to_le_bytes());
        key.extend_from_slice(source.as_bytes());
        key.extend_from_slice(id.as_bytes());
        Self::from_bits(xxh3_128(&key) >> 48)
    }

    /// The id that the lowest 80 of these bits make.
    pub(crate) fn from_bits(mut bits: u128) -> Self {
        let mut text = [0; 16];
        for letter in text.iter_mut().rev() {
            *letter = LETTERS[(bits & 31) as usize];
            bits >>= 5;
        }
        Self(text)
    }

    /// The 80 bits that the id spells.
    pub(crate) fn bits(&self) -> u128 {
        self.0.iter().fold(0, |bits, letter| {
            let value = LETTERS.iter().position(|known| known == letter).unwrap_or_default();
            bits << 5 | value as u128
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits and letters of ASCII alone, so there is no default to fall back to.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EntityId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let letters: Option<[u8; 16]> = text.as_bytes().try_into().ok();
        letters
            .filter(|text| text.iter().all(|letter| LETTERS.contains(letter)))
            .map(Self)
            .ok_or_else(|| Error::UnknownChoice {
                what: "entity id",
                value: text.to_owned(),
                suggestion: None,
                wanted: "16 small letters and digits, without i, l, o and u".to_owned(),
            })
    }
}

impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
