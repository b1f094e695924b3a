//! The model that a store is resolved by, with the keys that it has stopped since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::cache::Cache;
use super::outlines::Outlines;
use super::record::{Names, add_pack, decode, encode, pack_of, without_pack};
use super::seal::Seals;
use super::tables::Cell;
use super::weights::Weights;
use crate::bound::{BoundModel, BoundRecord, EDITION, Hint, Keying, Likeness, Packed};
use crate::cluster::Weight;
use crate::error::Result;
use crate::plan::Model;
use crate::probability::MatchWeight;
use crate::schema::Record;

/// One revision of the model of a store.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) bound: Arc<BoundModel>,
    /// Outlines of records as that model sees them.
    pub(super) outlines: Arc<Outlines>,
    /// Records as that model sees them: whoever still reads by an older one has those of its own.
    cache: Arc<Cache>,
    /// What pairs of them weigh.
    pub(super) weights: Arc<Weights>,
    /// What tells packs of that model from others.
    edition: Edition,
    /// The names of the keys that grew hot since the model was adopted.
    pub(super) stopped: BTreeSet<u64>,
    pub(super) revision: u64,
}

/// Which model, and which release of this library, made a pack: no other may read it, as a record would be
/// seen otherwise than its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edition(pub(super) [u8; 8]);

impl Edition {
    /// Of the model of that [print](Seals::print).
    fn of(print: &[u8]) -> Self {
        let release = env!("CARGO_PKG_VERSION").as_bytes();
        Self(xxh3_64(&[print, &EDITION.to_le_bytes(), release].concat()).to_le_bytes())
    }
}

/// A key that grew hot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) keying: Keying,
    pub(super) texts: Vec<String>,
}

/// What is kept of a record to tell others from it.
pub(super) struct Ready {
    packed: Packed,
    outline: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    is_blocking: bool,
    rule: u32,
    texts: Vec<String>,
}

/// More than rounding changes the odds by.
const ROUNDING: f64 = 1e-6;

/// The highest odds against with which two records may weigh so many bits; those that are reckoned from
/// [outlines](Outlines) are exact but for rounding.
pub(super) fn most_odds_against(bits: f64) -> f64 {
    // Weights are cut off there: whatever weighs less weighs the same.
    if bits <= -MatchWeight::MOST + 1.0 {
        return f64::INFINITY;
    }
    libm::exp2(-bits) * (1.0 + ROUNDING)
}

impl Stop {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (is_blocking, rule) = match self.keying {
            Keying::Rule(rule) => (false, rule),
            Keying::Blocking(rule) => (true, rule),
        };
        let written = Written { is_blocking, rule, texts: self.texts.clone() };
        postcard::to_allocvec(&written).unwrap_or_default()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let Written { is_blocking, rule, texts } = postcard::from_bytes(bytes).ok()?;
        let keying = if is_blocking { Keying::Blocking(rule) } else { Keying::Rule(rule) };
        Some(Self { keying, texts })
    }
}

impl Current {
    /// A model of that print as it was adopted, with so many records at least kept ready for it.
    pub(super) fn new(
        (bound, print): (BoundModel, &[u8]),
        revision: u64,
        cached_records: usize,
    ) -> Self {
        Self {
            edition: Edition::of(print),
            outlines: Outlines::new(&bound, cached_records.saturating_mul(2)),
            cache: Arc::new(Cache::new(cached_records)),
            weights: Arc::new(Weights::new(cached_records / 2)),
            bound: Arc::new(bound),
            stopped: BTreeSet::new(),
            revision,
        }
    }

    /// The record of that number, as that cell holds it, where it is kept ready.
    pub(super) fn ready(&self, number: u32, cell: Cell) -> Result<Option<Arc<BoundRecord>>> {
        let packed = self.cache.get(number, cell);
        packed.map(|packed| self.bound.unpack(packed).map(Arc::new)).transpose()
    }

    /// The record of that number, of which that cell holds these bytes, which is kept ready from now on; `None` where
    /// they are not a record's.
    pub(super) fn read(
        &self,
        (number, cell): (u32, Cell),
        bytes: &[u8],
        names: &Names,
    ) -> Result<Option<Arc<BoundRecord>>> {
        let (record, packed) = match pack_of(bytes, self.edition) {
            Some(packed) => (self.bound.unpack(packed.clone())?, packed),
            None => {
                let Some(record) = decode(bytes, names) else { return Ok(None) };
                let record = self.bound.prepare_owned(record)?;
                let packed = self.bound.pack(&record)?;
                (record, packed)
            }
        };
        let ready = self.ready_as(&record, packed);
        record.readable()?;
        self.keep(number, cell, &ready);
        Ok(Some(Arc::new(record)))
    }

    /// What there is to keep of a record.
    pub(super) fn make_ready(&self, record: &BoundRecord) -> Result<Ready> {
        Ok(self.ready_as(record, self.bound.pack(record)?))
    }

    fn ready_as(&self, record: &BoundRecord, packed: Packed) -> Ready {
        let mut outline = vec![0; self.bound.outline_width()];
        self.bound.outline(record, &mut outline);
        Ready { packed, outline }
    }

    /// Keep it, of the record that the cell holds.
    pub(super) fn keep(&self, number: u32, cell: Cell, ready: &Ready) {
        self.outlines.put(number, cell.place, &ready.outline);
        self.cache.put(number, cell, ready.packed.clone());
    }

    /// What a cell is to hold of a record.
    pub(super) fn encode(&self, record: &Record, ready: &Ready, names: &mut Names) -> Vec<u8> {
        let mut bytes = encode(record, names);
        add_pack(&mut bytes, self.edition, &ready.packed);
        bytes
    }

    /// The same of bytes that were another cell's, maybe of another edition.
    pub(super) fn renewed(&self, bytes: Vec<u8>, names: &Names) -> Result<Vec<u8>> {
        if pack_of(&bytes, self.edition).is_some() {
            return Ok(bytes);
        }
        let mut bytes = without_pack(bytes);
        if let Some(record) = decode(&bytes, names) {
            let packed = self.bound.pack(&self.bound.prepare_owned(record)?)?;
            add_pack(&mut bytes, self.edition, &packed);
        }
        Ok(bytes)
    }

    /// Whether the pack that is there in these bytes, if one is, is that of the record.
    pub(super) fn is_pack_of(&self, bytes: &[u8], record: &BoundRecord) -> Result<bool> {
        let Some(kept) = pack_of(bytes, self.edition) else { return Ok(true) };
        Ok(kept.bytes() == self.bound.pack(record)?.bytes())
    }

    /// Nothing of a record is to be left.
    pub(super) fn let_go(&self, number: u32) {
        self.outlines.remove(number);
        self.cache.remove(number);
    }

    /// Nothing is known any more of what lies from that place on, as other records may come to lie there.
    pub(super) fn let_go_from(&self, end: u64) {
        // Whatever has an outline, or was weighed, was kept ready first.
        if self.cache.let_go_from(end) {
            self.outlines.let_go_from(end);
            self.weights.let_go_from(end);
        }
    }

    /// From the next revision on, that key links nobody.
    pub(super) fn stop(&mut self, name: u64) {
        self.stopped.insert(name);
        self.revision += 1;
    }

    /// Whether a blocking rule makes two records a candidate pair, by their keys themselves: that they
    /// have a name in common says so but for one in 2^64, and no pair's fate is to hang on that. The rule
    /// that is `likely` to is asked first.
    pub(super) fn shares_key(
        &self,
        seals: &Seals,
        likely: Option<Keying>,
        one: &BoundRecord,
        other: &BoundRecord,
    ) -> bool {
        let blocking = self.bound.keyings().filter(|keying| matches!(keying, Keying::Blocking(_)));
        likely.into_iter().chain(blocking).any(|keying| {
            let of_one: BTreeSet<Vec<&str>> = self.bound.keys(keying, one).into_iter().collect();
            self.bound
                .keys(keying, other)
                .iter()
                .any(|key| of_one.contains(key) && !self.stopped.contains(&seals.key(keying, key)))
        })
    }

    /// The bits that two records weigh, where that is more than nothing: if they are a candidate pair,
    /// they are linked by as much. `likeness` is that of `one`, of which a hint may be known.
    pub(super) fn weighs(
        &self,
        (likeness, hint): (Option<&Likeness<'_>>, Hint),
        one: &BoundRecord,
        other: &BoundRecord,
    ) -> Result<Option<f64>> {
        if !self.bound.may_pair(one, other) {
            return Ok(None);
        }
        let (left, right) = if one.key() <= other.key() { (one, other) } else { (other, one) };
        let weight = match likeness {
            Some(likeness) => likeness.weight_within(hint, (left, right), most_odds_against(0.0)),
            None => self.bound.weight(left, right),
        };
        one.readable().and_then(|()| other.readable())?;
        let weight = weight.map(|weight| Weight::from_bits(weight.bits()));
        Ok(weight.filter(|weight| *weight > Weight::ZERO).map(|weight| weight.bits()))
    }

    /// The model with all keys that were stopped.
    pub(super) fn model(&self, stops: &[Stop]) -> Result<Model> {
        let mut rules: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
        let mut blocking = rules.clone();
        for stop in stops {
            let of_kind = match stop.keying {
                Keying::Rule(_) => &mut rules,
                Keying::Blocking(_) => &mut blocking,
            };
            let name = self.bound.name(stop.keying).to_owned();
            of_kind.entry(name).or_default().insert(stop.texts.clone());
        }
        Ok(self.bound.model().clone().stopping(rules, blocking))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cancel::Run;
    use crate::schema::RecordKey;
    use crate::store::tables::META;
    use crate::store::testing::one_per_email;
    use crate::store::{Options, Store};

    fn record(number: usize) -> Record {
        let key = RecordKey::new("shop", format!("{number:03}"));
        Record::new(key).with("email", format!("{:03}@kestrel.example", number / 2))
    }

    fn open(path: &Path) -> Store {
        Store::open_existing(path, &Options::new()).unwrap()
    }

    /// Of how many records the cell has a pack that is read, and of how many it has not.
    fn kept(store: &Store) -> (usize, usize) {
        let now = store.inner.snapshot();
        let rows = now.tables.rows().all().unwrap();
        let packs: Vec<bool> = rows
            .iter()
            .map(|(number, _)| {
                let cell = now.rows.get(*number).unwrap().cell;
                let plain = store.inner.shared.plain(cell).unwrap();
                pack_of(&plain, now.current.edition).is_some()
            })
            .collect();
        let count = packs.iter().filter(|kept| **kept).count();
        (count, packs.len() - count)
    }

    fn problems(store: &Store) -> Vec<String> {
        store.verify(&Run::new()).unwrap().problems
    }

    #[test]
    fn packs_are_in_the_file_and_read_by_the_model_that_made_them_alone() {
        let (folder, run) = (tempfile::tempdir().unwrap(), Run::new());
        let path = folder.path().join("store");
        let store = Store::open(&path, &one_per_email("one"), &Options::new()).unwrap();
        store.upsert_many(&(0..200).map(record).collect::<Vec<_>>(), &run).unwrap();
        assert_eq!(kept(&store), (200, 0));
        store.upsert(&record(200)).unwrap();
        store.upsert_many(&(201..204).map(record).collect::<Vec<_>>(), &run).unwrap();
        let changed = Record { fields: record(90).fields, ..record(7) };
        store.upsert(&changed).unwrap();
        store.delete(&record(9).key).unwrap();
        assert_eq!(kept(&store), (203, 1));
        drop(store);
        let store = open(&path);
        // They are the same as before.
        assert_eq!(store.upsert_many(&[record(3), changed, record(202)], &run).unwrap(), 0);
        store.upsert(&Record { fields: record(200).fields, ..record(400) }).unwrap();
        let found = store.entity_of(&record(400).key).unwrap();
        assert_eq!(found, store.entity_of(&record(201).key).unwrap());
        assert_eq!(kept(&store), (204, 1));
        store.adopt(&one_per_email("two"), &run).unwrap();
        assert_eq!(kept(&store), (0, 205));
        drop(store);
        let store = open(&path);
        store.upsert(&Record { fields: record(2).fields, ..record(401) }).unwrap();
        let found = store.entity_of(&record(401).key).unwrap();
        assert_eq!(found, store.entity_of(&record(3).key).unwrap());
        assert_eq!(kept(&store), (1, 205));
        assert_eq!(problems(&store), [""; 0]);
        let store = store.compact(&Options::new(), &run).unwrap();
        assert_eq!(kept(&store), (205, 1));
        assert_eq!(problems(&store), [""; 0]);
    }

    #[test]
    fn a_pack_that_is_not_its_record_s_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = Store::open(&path, &one_per_email("one"), &Options::new()).unwrap();
        for number in 10..14 {
            store.upsert(&record(number)).unwrap();
        }
        assert_eq!(problems(&store), [""; 0]);
        let now = store.inner.snapshot();
        let [one, other] = [0, 2].map(|number| now.rows.get(number).unwrap().cell);
        let [plain, wrong] = [one, other].map(|cell| store.inner.shared.plain(cell).unwrap());
        let wrong = pack_of(&wrong, now.current.edition).unwrap();
        let mut plain = without_pack(plain);
        add_pack(&mut plain, now.current.edition, &wrong);
        assert_eq!(store.inner.shared.cells.write(one.place, &plain).unwrap(), one);
        let wanted = "record shop:010 is kept ready as another one";
        assert_eq!(problems(&store), [wanted]);
    }

    #[test]
    fn a_store_that_was_resolved_by_another_edition_is_not_opened() {
        let (folder, run) = (tempfile::tempdir().unwrap(), Run::new());
        let (path, copy) = (folder.path().join("store"), folder.path().join("copy"));
        let store = Store::open(&path, &one_per_email("one"), &Options::new()).unwrap();
        store.upsert_many(&(0..9).map(record).collect::<Vec<_>>(), &run).unwrap();
        store.backup(&copy, &run).unwrap();
        drop(store);
        for path in [path, copy] {
            let say = |edition: Option<u32>| {
                let index = redb::Database::open(path.join("index")).unwrap();
                let txn = index.begin_write().unwrap();
                let mut meta = txn.open_table(META).unwrap();
                let before = meta.remove("edition").unwrap().map(|value| value.value().to_vec());
                if let Some(edition) = edition {
                    meta.insert("edition", &edition.to_le_bytes()[..]).unwrap();
                }
                drop(meta);
                txn.commit().unwrap();
                before
            };
            assert_eq!(say(Some(EDITION + 1)), Some(EDITION.to_le_bytes().to_vec()));
            let error = Store::open_existing(&path, &Options::new()).unwrap_err();
            assert_eq!(error.code(), "STORE_FORMAT");
            let wanted = format!("edition {}, this one has {EDITION}", EDITION + 1);
            assert!(error.to_string().contains(&wanted), "{error}");
            // Those that do not say are of the first.
            say(None);
            assert_eq!(kept(&open(&path)), (9, 0));
        }
    }
}
