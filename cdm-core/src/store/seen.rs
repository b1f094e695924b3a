//! Tables of the index, as a snapshot sees them and as a change does: with what was gathered over them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata};
use redb::{StorageError, TableError, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::gathered::{Bytes, ENTRY, Held, Lately, Named, Own, bytes_of, merged, put_into};
use super::lock;
use super::tables::{
    DECIDED, ENTITIES, EVENTS, HEIRS, LINKS, META, NAMES, ROWS, RUNS, SCRUBS, STOPS,
};

/// A table as a snapshot sees it.
pub(super) struct Seen<'s, K: Named, V: Held> {
    base: &'s ReadOnlyTable<K, V::As>,
    frozen: Option<&'s Lately<K, V>>,
    lately: &'s Lately<K, V>,
    until: u64,
}

fn entry<K: Named, V: Held>(
    entry: Result<(redb::AccessGuard<'_, K>, redb::AccessGuard<'_, V::As>), StorageError>,
) -> Result<(K, V), StorageError> {
    let (key, value) = entry?;
    Ok((key.value(), V::held(value.value())))
}

impl<K: Named, V: Held> Seen<'_, K, V> {
    pub(super) fn get(&self, key: K) -> Result<Option<V>, StorageError> {
        let frozen = || self.frozen.and_then(|frozen| frozen.get(key, self.until));
        match self.lately.get(key, self.until).or_else(frozen) {
            Some(value) => Ok(value),
            None => Ok(ReadableTable::get(self.base, key)?.map(|value| V::held(value.value()))),
        }
    }

    /// What was gathered over the index.
    fn own(&self, range: impl RangeBounds<K> + Clone) -> Own<K, V> {
        let Some(frozen) = self.frozen else { return self.lately.range(range, self.until) };
        let mut own = frozen.range(range.clone(), self.until);
        own.extend(self.lately.range(range, self.until));
        own
    }

    /// At most so many, in order.
    pub(super) fn range(
        &self,
        range: impl RangeBounds<K> + Clone,
        most: usize,
    ) -> Result<Vec<(K, V)>, StorageError> {
        let own = self.own(range.clone());
        merged(own, ReadableTable::range::<K>(self.base, range)?.map(entry::<K, V>), most)
    }

    pub(super) fn all(&self) -> Result<Vec<(K, V)>, StorageError> {
        self.range(.., usize::MAX)
    }

    pub(super) fn len(&self) -> Result<u64, StorageError> {
        let mut length = self.base.len()?;
        for (key, value) in self.own(..) {
            let was = u64::from(ReadableTable::get(self.base, key)?.is_some());
            length = (length + u64::from(value.is_some())).saturating_sub(was);
        }
        Ok(length)
    }
}

/// A table as a change sees it.
pub(super) struct Changing<'t, K: Named, V: Held> {
    own: Own<K, V>,
    below: Below<'t, K, V>,
}

enum Below<'t, K: Named, V: Held> {
    /// What the change does is gathered.
    Snapshot(Seen<'t, K, V>),
    /// It goes to the index at once.
    Index(redb::Table<'t, K, V::As>),
}

impl<K: Named, V: Held> Changing<'_, K, V> {
    pub(super) fn get(&self, key: K) -> Result<Option<V>, StorageError> {
        match (self.said(key)?, &self.below) {
            (Some(value), _) => Ok(value),
            (None, Below::Snapshot(seen)) => seen.get(key),
            (None, Below::Index(_)) => Ok(None),
        }
    }

    /// What the change says of a key, or the index that it goes to; nothing where what was before holds.
    fn said(&self, key: K) -> Result<Option<Option<V>>, StorageError> {
        match &self.below {
            Below::Snapshot(_) => Ok(self.own.get(&key).cloned()),
            Below::Index(table) => Ok(Some(table.get(key)?.map(|value| V::held(value.value())))),
        }
    }

    pub(super) fn range(
        &self,
        range: impl RangeBounds<K> + Clone,
    ) -> Result<Vec<(K, V)>, StorageError> {
        match &self.below {
            Below::Snapshot(seen) => {
                let mut own = seen.own(range.clone());
                let newer = self.own.range(range.clone());
                own.extend(newer.map(|(key, value)| (*key, value.clone())));
                let base = ReadableTable::range::<K>(seen.base, range)?;
                merged(own, base.map(entry::<K, V>), usize::MAX)
            }
            Below::Index(table) => table.range::<K>(range)?.map(entry::<K, V>).collect(),
        }
    }

    pub(super) fn insert(&mut self, key: K, value: impl Into<V>) -> Result<(), StorageError> {
        let value = value.into();
        match &mut self.below {
            Below::Snapshot(_) => drop(self.own.insert(key, Some(value))),
            Below::Index(table) => drop(table.insert(key, value.lent())?),
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: K) -> Result<(), StorageError> {
        match &mut self.below {
            Below::Snapshot(_) => drop(self.own.insert(key, None)),
            Below::Index(table) => drop(table.remove(key)?),
        }
        Ok(())
    }

    /// Remove all that there is.
    pub(super) fn clear(&mut self) -> Result<(), StorageError> {
        if let Below::Index(table) = &mut self.below {
            return table.retain(|_, _| false);
        }
        self.range(..)?.into_iter().try_for_each(|(key, _)| self.remove(key))
    }
}

/// Facts about the store, by name.
type Facts = BTreeMap<Cow<'static, str>, Vec<u8>>;

/// Facts about the store, as a change sees them.
pub(super) struct Meta<'t> {
    own: Facts,
    below: BelowMeta<'t>,
}

enum BelowMeta<'t> {
    Snapshot(&'t Reading),
    Index(redb::Table<'t, &'static str, &'static [u8]>),
}

impl Meta<'_> {
    pub(super) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        match (&self.below, self.own.get(name)) {
            (BelowMeta::Snapshot(_), Some(value)) => Ok(Some(value.clone())),
            (BelowMeta::Snapshot(seen), None) => seen.meta(name),
            (BelowMeta::Index(table), _) => Ok(table.get(name)?.map(|fact| fact.value().to_vec())),
        }
    }

    pub(super) fn insert(&mut self, name: &'static str, value: &[u8]) -> Result<(), StorageError> {
        match &mut self.below {
            BelowMeta::Snapshot(_) => drop(self.own.insert(name.into(), value.to_vec())),
            BelowMeta::Index(table) => drop(table.insert(name, value)?),
        }
        Ok(())
    }
}

macro_rules! tables {
    ($($name:ident $table:ident: $key:ty => $value:ty,)*) => {
        /// All tables as the index has them, open for reading.
        struct Base {
            meta: ReadOnlyTable<&'static str, &'static [u8]>,
            $($name: ReadOnlyTable<$key, <$value as Held>::As>,)*
        }

        /// What changed in all tables since the index was written.
        struct Gathered {
            /// Of facts the latest alone: those that change are asked for by whoever opens the store, and no reader.
            meta: Mutex<Facts>,
            $($name: Lately<$key, $value>,)*
            /// How many bytes it is.
            bytes: AtomicUsize,
        }

        /// All tables as a snapshot sees them.
        #[derive(Clone)]
        pub(super) struct Reading {
            base: Arc<Base>,
            /// What is on its way to the index, and changes no more.
            frozen: Option<Arc<Gathered>>,
            /// What changed since.
            gathered: Arc<Gathered>,
            /// The last change that counts.
            until: u64,
        }

        /// All tables of the index itself, open for writing.
        pub(super) struct Index<'t> {
            pub(super) meta: redb::Table<'t, &'static str, &'static [u8]>,
            $(pub(super) $name: redb::Table<'t, $key, <$value as Held>::As>,)*
        }

        /// All tables as a change sees them.
        pub(super) struct Tables<'t> {
            pub(super) meta: Meta<'t>,
            $(pub(super) $name: Changing<'t, $key, $value>,)*
        }

        /// What a change does to all tables.
        #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
        pub(super) struct Changes {
            meta: Facts,
            $($name: Own<$key, $value>,)*
        }

        impl Reading {
            /// What the index has.
            pub(super) fn open(txn: &ReadTransaction, until: u64) -> Result<Self, TableError> {
                let base = Base {
                    meta: txn.open_table(META)?,
                    $($name: txn.open_table($table)?,)*
                };
                let (frozen, gathered) = (None, Arc::new(Gathered::new()));
                Ok(Self { base: Arc::new(base), frozen, gathered, until })
            }

            $(pub(super) fn $name(&self) -> Seen<'_, $key, $value> {
                let (base, lately) = (&self.base.$name, &self.gathered.$name);
                let frozen = self.frozen.as_ref().map(|frozen| &frozen.$name);
                Seen { base, frozen, lately, until: self.until }
            })*

            /// The same after one more change.
            pub(super) fn after(&self, changes: Changes, until: u64) -> Self {
                self.gathered.bytes.fetch_add(changes.weight(), Ordering::Relaxed);
                lock(&self.gathered.meta).extend(changes.meta);
                $(self.gathered.$name.add(changes.$name, until);)*
                Self { until, ..self.clone() }
            }

            /// Give the index what was gathered.
            pub(super) fn put_into(&self, index: &mut Index<'_>) -> Result<(), StorageError> {
                for gathered in self.frozen.iter().chain([&self.gathered]) {
                    for (name, value) in lock(&gathered.meta).iter() {
                        index.meta.insert(&**name, &value[..])?;
                    }
                    $(put_into(&mut index.$name, gathered.$name.range(.., self.until))?;)*
                }
                Ok(())
            }
        }

        impl Gathered {
            fn new() -> Self {
                Self {
                    meta: Mutex::default(),
                    $($name: Lately::new(),)*
                    bytes: AtomicUsize::new(0),
                }
            }
        }

        impl<'t> Index<'t> {
            pub(super) fn open(txn: &'t WriteTransaction) -> Result<Self, TableError> {
                Ok(Self { meta: txn.open_table(META)?, $($name: txn.open_table($table)?,)* })
            }
        }

        impl<'t> Tables<'t> {
            /// What a change does is gathered.
            pub(super) fn gathering(seen: &'t Reading) -> Self {
                Self {
                    meta: Meta { own: Facts::new(), below: BelowMeta::Snapshot(seen) },
                    $($name: Changing {
                        own: BTreeMap::new(),
                        below: Below::Snapshot(seen.$name()),
                    },)*
                }
            }

            /// It goes to the index, which has all that was gathered.
            pub(super) fn direct(index: Index<'t>) -> Self {
                Self {
                    meta: Meta { own: Facts::new(), below: BelowMeta::Index(index.meta) },
                    $($name: Changing {
                        own: BTreeMap::new(),
                        below: Below::Index(index.$name),
                    },)*
                }
            }

            /// What the change did, where it was gathered.
            pub(super) fn changes(self) -> Changes {
                Changes { meta: self.meta.own, $($name: self.$name.own,)* }
            }
        }

        impl Changes {
            /// The same, and then what another one does.
            pub(super) fn followed_by(&mut self, next: Self) {
                self.meta.extend(next.meta);
                $(self.$name.extend(next.$name);)*
            }

            /// How many bytes it takes to gather them.
            fn weight(&self) -> usize {
                let facts: usize = self.meta.values().map(|fact| ENTRY + fact.len()).sum();
                facts $(+ bytes_of(&self.$name))*
            }

        }
    };
}

tables! {
    names NAMES: [u8; 16] => u32,
    rows ROWS: u32 => Bytes,
    runs RUNS: u64 => Bytes,
    links LINKS: (u32, u32) => f64,
    decided DECIDED: (u32, u32) => u8,
    entities ENTITIES: u32 => Bytes,
    heirs HEIRS: u32 => Bytes,
    events EVENTS: u64 => Bytes,
    stops STOPS: u64 => Bytes,
    scrubs SCRUBS: u64 => u32,
}

impl Changes {
    /// A fact about the store.
    pub(super) fn fact(name: &'static str, value: Vec<u8>) -> Self {
        Self { meta: Facts::from([(name.into(), value)]), ..Self::default() }
    }

    /// As the log has them.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// What a batch of the log does in all.
    pub(super) fn logged(mut batch: &[u8]) -> Result<Self, postcard::Error> {
        let mut all = Self::default();
        while !batch.is_empty() {
            let (next, rest) = postcard::take_from_bytes(batch)?;
            all.followed_by(next);
            batch = rest;
        }
        Ok(all)
    }
}

impl Reading {
    /// A fact about the store, as it is now.
    pub(super) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        for gathered in [&self.gathered].into_iter().chain(&self.frozen) {
            if let Some(fact) = lock(&gathered.meta).get(name) {
                return Ok(Some(fact.clone()));
            }
        }
        Ok(ReadableTable::get(&self.base.meta, name)?.map(|fact| fact.value().to_vec()))
    }

    /// Whether more bytes were gathered than may wait for the index.
    pub(super) fn is_too_much(&self, most: usize) -> bool {
        self.gathered() > most
    }

    /// Whether half as much was, none of which is on its way to the index: of more at once less is written in
    /// all, as changes have pages in common.
    pub(super) fn is_half_full(&self, most: usize) -> bool {
        self.gathered.bytes.load(Ordering::Relaxed) > most / 2
    }

    /// Whether nobody else has what changed since the index was written.
    pub(super) fn is_only_one(&self) -> bool {
        Arc::strong_count(&self.gathered) == 1
    }

    /// Whether the index has all there is.
    pub(super) fn is_in_index(&self) -> bool {
        self.gathered() == 0
    }

    fn gathered(&self) -> usize {
        let layers = self.frozen.iter().chain([&self.gathered]);
        layers.map(|gathered| gathered.bytes.load(Ordering::Relaxed)).sum()
    }

    /// The same, where what was gathered so far is on its way to the index, and what comes is put over
    /// it. There is nothing else on its way.
    pub(super) fn frozen(&self) -> Self {
        let (frozen, gathered) = (Some(Arc::clone(&self.gathered)), Arc::new(Gathered::new()));
        Self { base: Arc::clone(&self.base), frozen, gathered, until: self.until }
    }

    /// The same, where the index, as it was read anew, has what was on its way there.
    pub(super) fn arrived(&self, index: &Self) -> Self {
        Self { base: Arc::clone(&index.base), frozen: None, ..self.clone() }
    }
}

/// The records on the other side of a record's links, with their weights; or of its decisions.
pub(super) fn others<V: Held>(
    table: &Changing<'_, (u32, u32), V>,
    record: u32,
) -> Result<Vec<(u32, V)>, StorageError> {
    let range = table.range((record, 0)..=(record, u32::MAX))?;
    Ok(range.into_iter().map(|((_, other), value)| (other, value)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase};

    use super::*;

    /// What becomes of a change.
    #[derive(Debug, Clone, Copy)]
    enum End {
        Gathered,
        Failed,
        /// What was gathered before is on its way to the index afterwards.
        Frozen,
        /// It is there.
        Arrived,
        /// It goes to the index with all that was gathered.
        Committed,
        /// It went to the index from the beginning.
        Direct,
    }

    fn step() -> impl Strategy<Value = (End, Vec<(u64, Option<u32>)>)> {
        let end = prop::sample::select(vec![
            End::Gathered,
            End::Gathered,
            End::Gathered,
            End::Failed,
            End::Frozen,
            End::Frozen,
            End::Arrived,
            End::Arrived,
            End::Committed,
            End::Direct,
        ]);
        (end, prop::collection::vec((0..8_u64, prop::option::of(any::<u32>())), 0..5))
    }

    fn read(db: &Database, until: u64) -> Reading {
        Reading::open(&db.begin_read().unwrap(), until).unwrap()
    }

    fn change(tables: &mut Tables<'_>, puts: &[(u64, Option<u32>)], all: &mut BTreeMap<u64, u32>) {
        for (key, value) in puts {
            match value {
                Some(value) => {
                    tables.scrubs.insert(*key, *value).unwrap();
                    all.insert(*key, *value);
                }
                None => {
                    tables.scrubs.remove(*key).unwrap();
                    all.remove(key);
                }
            }
            assert_eq!(tables.scrubs.get(*key).unwrap(), *value);
            let wanted: Vec<(u64, u32)> = all.range(2..).map(|(k, v)| (*k, *v)).collect();
            assert_eq!(tables.scrubs.range(2..).unwrap(), wanted);
        }
        tables.meta.insert("facts", &[all.len() as u8]).unwrap();
    }

    #[test]
    fn few_large_values_are_as_much_as_many_small_ones() {
        let db = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = db.begin_write().unwrap();
        drop(Index::open(&txn).unwrap());
        txn.commit().unwrap();
        let now = read(&db, 0);
        let with_entity = |seen: &Reading, number: u32, bytes: usize| {
            let mut tables = Tables::gathering(seen);
            tables.entities.insert(number, vec![7; bytes]).unwrap();
            tables.changes()
        };
        const MOST: usize = 1 << 20;
        assert!(now.is_in_index());
        let small = now.after(with_entity(&now, 1, 8), 1);
        assert!(!small.is_in_index() && !small.is_half_full(MOST));
        let half = small.after(with_entity(&small, 2, MOST / 2), 2);
        assert!(half.is_half_full(MOST) && !half.is_too_much(MOST));
        let frozen = half.frozen();
        assert!(!frozen.is_half_full(MOST) && !frozen.is_in_index());
        let again = frozen.after(with_entity(&frozen, 2, MOST / 2), 3);
        assert!(again.is_too_much(MOST), "older snapshots keep both");
    }

    proptest! {
        #[test]
        fn every_snapshot_has_what_was_there_and_nothing_of_later_changes(
            steps in prop::collection::vec(step(), 1..20),
        ) {
            let db = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            let txn = db.begin_write().unwrap();
            drop(Index::open(&txn).unwrap());
            txn.commit().unwrap();
            let (mut now, mut all) = (read(&db, 0), BTreeMap::new());
            // As it was when it was frozen, and not in the index yet.
            let mut on_its_way: Option<Reading> = None;
            let mut snapshots = vec![(now.clone(), all.clone())];
            for (until, (end, puts)) in (1..).zip(steps) {
                let before = all.clone();
                match (end, on_its_way.take()) {
                    (End::Frozen, None) => {
                        on_its_way = Some(now.clone());
                        now = now.frozen();
                    }
                    (End::Arrived, Some(frozen)) => {
                        let txn = db.begin_write().unwrap();
                        let mut index = Index::open(&txn).unwrap();
                        frozen.put_into(&mut index).unwrap();
                        drop(index);
                        txn.commit().unwrap();
                        now = now.arrived(&read(&db, 0));
                    }
                    (End::Committed | End::Direct, _) => {}
                    (_, still) => on_its_way = still,
                }
                if let End::Direct = end {
                    let txn = db.begin_write().unwrap();
                    let mut index = Index::open(&txn).unwrap();
                    now.put_into(&mut index).unwrap();
                    let mut tables = Tables::direct(index);
                    change(&mut tables, &puts, &mut all);
                    prop_assert_eq!(tables.changes().weight(), 0);
                    txn.commit().unwrap();
                    now = read(&db, until);
                } else {
                    let mut tables = Tables::gathering(&now);
                    change(&mut tables, &puts, &mut all);
                    let changes = tables.changes();
                    match end {
                        End::Gathered | End::Frozen | End::Arrived => {
                            now = now.after(changes, until);
                            let facts = now.meta("facts").unwrap();
                            prop_assert_eq!(facts, Some(vec![all.len() as u8]));
                        }
                        End::Failed => all = before,
                        End::Committed | End::Direct => {
                            let txn = db.begin_write().unwrap();
                            let mut index = Index::open(&txn).unwrap();
                            now.after(changes, until).put_into(&mut index).unwrap();
                            drop(index);
                            txn.commit().unwrap();
                            now = read(&db, until);
                            let facts = now.meta("facts").unwrap();
                            prop_assert_eq!(facts, Some(vec![all.len() as u8]));
                        }
                    }
                }
                snapshots.push((now.clone(), all.clone()));
            }
            for (snapshot, wanted) in snapshots {
                let table = snapshot.scrubs();
                let sorted: Vec<(u64, u32)> = wanted.iter().map(|(k, v)| (*k, *v)).collect();
                prop_assert_eq!(table.len().unwrap(), wanted.len() as u64);
                prop_assert_eq!(&table.range(.., 3).unwrap()[..], &sorted[..sorted.len().min(3)]);
                prop_assert_eq!(table.all().unwrap(), sorted);
                for key in 0..8 {
                    prop_assert_eq!(table.get(key).unwrap(), wanted.get(&key).copied());
                }
            }
        }
    }
}
