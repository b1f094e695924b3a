use std::fmt;

use serde::{Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_128;

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
        let mut bits = xxh3_128(&key) >> 48;
        let mut text = [0; 16];
        for letter in text.iter_mut().rev() {
            *letter = b"0123456789abcdefghjkmnpqrstvwxyz"[(bits & 31) as usize];
            bits >>= 5;
        }
        Self(text)
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

impl Serialize for EntityId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
