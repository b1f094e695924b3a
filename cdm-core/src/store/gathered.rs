//! What changed in tables of the index lately: it is in memory, so that many changes go to the index as
//! one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeBounds;
use std::sync::{Arc, PoisonError, RwLock};

use redb::StorageError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A key of a table.
pub(super) trait Named:
    redb::Key + for<'k> redb::Value<SelfType<'k> = Self> + Ord + Copy + 'static
{
}

impl<K: redb::Key + for<'k> redb::Value<SelfType<'k> = K> + Ord + Copy + 'static> Named for K {}

/// What lies under a key, in memory.
pub(super) trait Held: Clone {
    /// How the index calls it.
    type As: redb::Value + 'static;
    fn held(value: <Self::As as redb::Value>::SelfType<'_>) -> Self;
    fn lent(&self) -> <Self::As as redb::Value>::SelfType<'_>;
    /// How many bytes it has elsewhere.
    fn bytes(&self) -> usize {
        0
    }
}

/// Bytes that many share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes(Arc<[u8]>);

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'d> Deserialize<'d> for Bytes {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Self::from)
    }
}

impl Held for Bytes {
    type As = &'static [u8];

    fn held(value: &[u8]) -> Self {
        value.into()
    }

    fn lent(&self) -> &[u8] {
        self
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

macro_rules! held {
    ($($number:ty),*) => {$(
        impl Held for $number {
            type As = $number;

            fn held(value: $number) -> Self {
                value
            }

            fn lent(&self) -> $number {
                *self
            }
        }
    )*};
}

held!(u8, u32, f64);

/// What a change does to a table: `None` where it removes something.
pub(super) type Own<K, V> = BTreeMap<K, Option<V>>;

/// How many bytes of memory it takes to gather it, about.
pub(super) fn bytes_of<K, V: Held>(own: &Own<K, V>) -> usize {
    own.values().map(|value| ENTRY + value.as_ref().map_or(0, Held::bytes)).sum()
}

/// What a key takes, with all that holds it.
pub(super) const ENTRY: usize = 100;

/// What a change put under a key; `None` where it removed that.
type Put<V> = (u64, Option<V>);

/// What was put under a key, change by change; most often once.
struct Said<V> {
    last: Put<V>,
    before: Vec<Put<V>>,
}

impl<V> Said<V> {
    /// What holds after all changes up to that one, of those that say something.
    fn until(&self, until: u64) -> Option<&Option<V>> {
        let all = std::iter::once(&self.last).chain(self.before.iter().rev());
        all.into_iter().find(|(change, _)| *change <= until).map(|(_, value)| value)
    }
}

/// What changed in a table lately, by key and by change. Readers and a writer use it at once: what was
/// put there after a snapshot does not count in it.
pub(super) struct Lately<K, V>(RwLock<BTreeMap<K, Said<V>>>);

impl<K: Named, V: Held> Lately<K, V> {
    pub(super) fn new() -> Self {
        Self(RwLock::default())
    }

    pub(super) fn get(&self, key: K, until: u64) -> Option<Option<V>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&key)?.until(until).cloned()
    }

    pub(super) fn range(&self, range: impl RangeBounds<K>, until: u64) -> Own<K, V> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let said = all.range(range);
        said.filter_map(|(key, said)| Some((*key, said.until(until)?.clone()))).collect()
    }

    pub(super) fn add(&self, own: Own<K, V>, change: u64) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in own {
            match all.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Said { last: (change, value), before: Vec::new() });
                }
                Entry::Occupied(occupied) => {
                    let Said { last, before } = occupied.into_mut();
                    before.push(std::mem::replace(last, (change, value)));
                }
            }
        }
    }
}

/// Put what changes said into a table, in order.
pub(super) fn put_into<K: Named, V: Held>(
    table: &mut redb::Table<'_, K, V::As>,
    own: Own<K, V>,
) -> Result<(), StorageError> {
    for (key, value) in own {
        match value {
            Some(value) => drop(table.insert(key, value.lent())?),
            None => drop(table.remove(key)?),
        }
    }
    Ok(())
}

/// At most so many of what lies in a table, in order, where `own` is put over it.
pub(super) fn merged<K: Named, V: Held>(
    own: Own<K, V>,
    below: impl Iterator<Item = Result<(K, V), StorageError>>,
    most: usize,
) -> Result<Vec<(K, V)>, StorageError> {
    let (mut all, mut own, mut below) = (Vec::new(), own.into_iter().peekable(), below.peekable());
    while all.len() < most {
        // Errors are met first.
        let next = below.next_if(|entry| match (entry, own.peek()) {
            (Ok((key, _)), Some((newer, _))) => key < newer,
            _ => true,
        });
        if let Some(entry) = next {
            all.push(entry?);
            continue;
        }
        let Some((key, value)) = own.next() else { break };
        below.next_if(|entry| entry.as_ref().is_ok_and(|(older, _)| *older == key));
        all.extend(value.map(|value| (key, value)));
    }
    Ok(all)
}
