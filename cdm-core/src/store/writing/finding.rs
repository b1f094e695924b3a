//! What there is to find of a record beforehand, and whom its keys lead to.

use std::sync::{Arc, OnceLock};

use super::Writing;
use super::weighing::{Candidates, Unweighed, Weighed};
use crate::bound::{BoundRecord, Keying};
use crate::error::Result;
use crate::store::Shared;
use crate::store::current::{Current, Ready};
use crate::store::holders::{Holders, Since};
use crate::store::keys::{Keys, apply};
use crate::store::reading::Snapshot;
use crate::store::record::{Names, decode, encode};
use crate::store::tables::{Cell, MUST};

/// The names of a record's keys with their rules, those that are stopped among them.
type Named = Vec<(Keying, u64)>;

/// A record that is to be put in, with what is known of it beforehand. All of that follows from the record,
/// the model, and how things stood at some time, so that many threads find it for many records at once;
/// where things stand otherwise by then, it is not gone by.
pub(in crate::store) struct Found {
    pub(in crate::store) record: Arc<BoundRecord>,
    former: Option<Former>,
    names: OnceLock<Named>,
    ready: OnceLock<Ready>,
    holders: Option<Holders>,
    weighed: Option<Arc<Weighed>>,
}

/// What was in its place.
struct Former {
    cell: Cell,
    /// The names of its keys; `None` where it is the same record.
    names: Option<Named>,
}

impl Found {
    /// What is known of a record as things stand, but for who has its keys.
    pub(in crate::store) fn new(
        shared: &Shared,
        before: &Snapshot,
        record: Arc<BoundRecord>,
    ) -> Result<Self> {
        let (seals, bound) = (&shared.cells.seals, &before.current.bound);
        let number = before.number(seals.record(record.key()));
        let row = number.and_then(|number| before.rows.get(number));
        let cell = row.filter(|row| row.entity.is_some()).map(|row| row.cell);
        // Whoever writes meanwhile may be overwriting it. What is wrong with it is told where it is changed.
        let plain = cell.and_then(|cell| shared.cells.read(cell).ok().flatten());
        let found = |former| Self {
            record: Arc::clone(&record),
            former,
            names: OnceLock::new(),
            ready: OnceLock::new(),
            holders: None,
            weighed: None,
        };
        let Some((cell, plain)) = cell.zip(plain) else {
            let found = found(None);
            found.names(shared, &before.current);
            return Ok(found);
        };
        if plain.starts_with(&encode(record.record(), &mut Names::clone(&before.names))) {
            return Ok(found(Some(Former { cell, names: None })));
        }
        let found = found(None);
        let names = found.names(shared, &before.current);
        let Some(old) = decode(&plain, &before.names) else { return Ok(found) };
        let old = bound.prepare(&old)?;
        // Most values of a record that changes stay.
        bound.learn(&old, &record);
        let names = Some(seals.keys_beside(bound, &old, (&record, names)));
        Ok(Self { former: Some(Former { cell, names }), ..found })
    }

    /// With whoever had its keys; nothing where it seems to be there already.
    pub(super) fn with_holders(self, keys: &Keys) -> Result<Self> {
        let Some(names) = self.names.get() else { return Ok(self) };
        let holders = Some(Holders::new(keys, names.iter().map(|(_, name)| *name))?);
        Ok(Self { holders, ..self })
    }

    /// With what is kept of it, so that nobody waits for that; nothing where it seems to be there already.
    pub(in crate::store) fn made_ready(self, current: &Current) -> Result<Self> {
        if self.names.get().is_some() {
            self.ready(current)?;
        }
        Ok(self)
    }

    /// With whom it weighs what as things stand, so that nobody waits for that.
    pub(in crate::store) fn weighed(self, shared: &Shared, before: &Snapshot) -> Result<Self> {
        let current = &before.current;
        let found = self.with_holders(&before.keys)?;
        let (Some(names), Some(holders)) = (found.names.get(), &found.holders) else {
            return Ok(found);
        };
        let most = current.bound.model().plan().guards().max_records_per_key as usize;
        let mut candidates = Candidates::with_capacity(holders.all().len());
        for (place, (keying, name)) in names.iter().enumerate() {
            let holders = holders.of(place);
            if let Keying::Blocking(rule) = keying
                && holders.len() < most
                && !current.stopped.contains(name)
            {
                candidates.add(holders, *rule, current.bound.is_slow(*keying));
            }
        }
        let number = before.number(shared.cells.seals.record(found.record.key()));
        let weighed = Weighed::new(shared, before, (number, &found.record), candidates);
        Ok(Self { weighed: weighed.map(Arc::new), ..found })
    }

    /// Whether it is what that cell holds; `None` where that is not known.
    pub(super) fn is_as_in(&self, cell: Cell) -> Option<bool> {
        let former = self.former.as_ref().filter(|former| former.cell == cell)?;
        Some(former.names.is_none())
    }

    fn names(&self, shared: &Shared, current: &Current) -> &Named {
        self.names.get_or_init(|| shared.cells.seals.keys(&current.bound, &self.record, |_| true))
    }

    fn ready(&self, current: &Current) -> Result<&Ready> {
        if let Some(ready) = self.ready.get() {
            return Ok(ready);
        }
        let ready = current.make_ready(&self.record)?;
        Ok(self.ready.get_or_init(|| ready))
    }

    /// Keep it ready, as that record in that cell.
    pub(super) fn keep(&self, current: &Current, number: u32, cell: Cell) -> Result<()> {
        current.keep(number, cell, self.ready(current)?);
        Ok(())
    }

    /// What a cell is to hold of it.
    pub(super) fn encode(&self, current: &Current, names: &mut Names) -> Result<Vec<u8>> {
        Ok(current.encode(self.record.record(), self.ready(current)?, names))
    }
}

impl Writing<'_> {
    /// The names of the keys of a record that is there, in that cell, before it is changed.
    pub(super) fn former_keys(&self, number: u32, cell: Cell, found: &Found) -> Result<Named> {
        let former = found.former.as_ref().filter(|former| former.cell == cell);
        let mut names = match former.and_then(|former| former.names.clone()) {
            Some(names) => names,
            None => {
                let old = self.bound_whole(number, cell)?;
                self.current.bound.learn(&old, &found.record);
                self.shared.cells.seals.keys(&self.current.bound, &old, |_| true)
            }
        };
        names.retain(|(_, name)| !self.current.stopped.contains(name));
        Ok(names)
    }

    /// Let others find a record, and find those that it is like.
    pub(super) fn index(&mut self, number: u32, found: &Found) -> Result<()> {
        let most = self.current.bound.model().plan().guards().max_records_per_key as usize;
        let bound = Arc::clone(&self.current.bound);
        let names = found.names(self.shared, &self.current);
        let looked_up;
        // As long as segments are the same, what changed since is in memory.
        let holders = match &found.holders {
            Some(holders) if self.keys.layered <= holders.change => holders,
            _ => {
                looked_up = Holders::new(&self.keys, names.iter().map(|(_, name)| *name))?;
                &looked_up
            }
        };
        let (mut candidates, mut now) =
            (Candidates::with_capacity(holders.all().len()), Vec::new());
        let since = Since::new(&self.keys, names.iter().map(|(_, name)| *name), holders.change);
        let mut slow: Option<(Keying, bool)> = None;
        self.overlay.reserve(names.len());
        for (place, (keying, name)) in names.iter().enumerate() {
            if self.current.stopped.contains(name) {
                continue;
            }
            let mut holders = holders.of(place);
            let mut later = since.of(place).peekable();
            if later.peek().is_some() || self.overlay.speaks_of(*name) {
                now.clear();
                now.extend_from_slice(holders);
                later.for_each(|posting| apply(&mut now, 0, posting));
                self.overlay.apply(*name, &mut now);
                holders = &now;
            }
            if holders.len() >= most {
                let texts = self.texts_of(*keying, *name, &found.record)?;
                self.stop(*keying, texts, *name, holders, holders.len() + 1)?;
                continue;
            }
            if let Keying::Blocking(rule) = keying {
                // Keys of one rule come one after the other.
                let known = slow.filter(|(known, _)| known == keying);
                let (_, is_slow) = known.unwrap_or_else(|| (*keying, bound.is_slow(*keying)));
                slow = Some((*keying, is_slow));
                candidates.add(holders, *rule, is_slow);
            }
            self.overlay.set(*name, number, true);
        }
        self.seeds.insert(number);
        let (record, weighed) = (Arc::clone(&found.record), found.weighed.clone());
        self.waiting.add(Unweighed { number, record, weighed, candidates });
        Ok(())
    }

    /// The texts of the key of that name.
    fn texts_of(&self, keying: Keying, name: u64, record: &BoundRecord) -> Result<Vec<String>> {
        let (seals, mut texts) = (&self.shared.cells.seals, None);
        self.current.bound.each_key(keying, record, |key| {
            if texts.is_none() && seals.key(keying, key) == name {
                texts = Some(key.iter().map(|text| (*text).to_owned()).collect());
            }
        });
        texts.ok_or_else(|| self.shared.cells.place.damaged("a key is not of its record"))
    }

    /// Undo [`index`](Self::index) of a record with these keys, and remember whom it was tied to.
    pub(super) fn unindex(&mut self, number: u32, names: &[(Keying, u64)]) -> Result<()> {
        self.waiting.change(number);
        let mut holders = Vec::new();
        self.overlay.reserve(names.len());
        for (keying, name) in names {
            self.overlay.set(*name, number, false);
            if let Keying::Rule(_) = keying {
                self.holders(*name, &mut holders)?;
                self.seeds.extend(&holders);
            }
        }
        for (other, _) in self.linking.of(number) {
            self.unlink(number, other)?;
            self.seeds.insert(other);
        }
        for (other, decision) in self.decided_of(number)? {
            if decision & MUST != 0 && self.alive(other).is_some() {
                self.seeds.insert(other);
            }
        }
        self.seeds.remove(&number);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use redb::ReadableTable;

    use super::*;
    use crate::cancel::Run;
    use crate::plan::{Model, Plan};
    use crate::read::{Input, infer_schema, read};
    use crate::schema::{Record, RecordKey};
    use crate::store::seal::Seals;
    use crate::store::tables::{LINKS, META, NAMES, ROWS, Row};
    use crate::store::{Options, Store, When};
    use crate::table::Table;

    /// The links of a store, by the keys of records.
    fn links(store: &Store) -> BTreeSet<(RecordKey, RecordKey, u64)> {
        let now = store.inner.snapshot();
        let key = |number: u32| {
            let cell = now.rows.get(number).unwrap().cell;
            store.inner.shared.record(&now.names, number, cell).unwrap().key
        };
        let all = now.tables.links().all().unwrap();
        assert_eq!(store.inner.writer.lock().unwrap().links.all(), all);
        let linked = |((one, other), bits): ((u32, u32), f64)| {
            let (one, other) = (key(one), key(other));
            (one.clone().min(other.clone()), one.max(other), bits.to_bits())
        };
        all.into_iter().map(linked).collect()
    }

    /// Numbers below a given one, from a seed: xorshift by Marsaglia (2003), Xorshift RNGs, J. Stat. Softw. 8(14).
    fn draws(mut random: u64) -> impl FnMut(usize) -> usize {
        move |most| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 20) as usize % most
        }
    }

    /// The sample, and a model of it.
    fn sample() -> (Table, Model) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sample");
        let inputs = [("crm", "crm.csv"), ("shop", "shop.jsonl"), ("support", "support.csv")]
            .map(|(source, file)| Input::file(source, folder.join(file)));
        let schema = infer_schema(&inputs, &Run::new()).unwrap();
        let (table, _) = read(&inputs, &schema, &Run::new()).unwrap();
        let plan = Plan::infer(&table, &Run::new()).unwrap();
        let model = plan.fit(&table, &Run::new()).unwrap();
        (table, model)
    }

    #[test]
    fn names_of_keys_beside_another_record_are_those_without_it() {
        let (table, model) = sample();
        let (bound, seals) = (model.bind().unwrap(), Seals::new(&[1; 32], None));
        let (mut same, mut different) = (0, 0);
        for row in 0..table.len().min(60) {
            for other in 0..12 {
                let one = table.record(row);
                // What a record may change to: another one of its source, or a field that it has not.
                let mut two = table.record((row + other) % table.len());
                two.key = one.key.clone();
                if other % 3 > 0 {
                    two = one.clone();
                    let name = two.fields.keys().nth(other % one.fields.len()).cloned();
                    name.map(|name| two.fields.remove(&name));
                }
                let (one, two) = (bound.prepare(&one).unwrap(), bound.prepare(&two).unwrap());
                let known = seals.keys(&bound, &two, |_| true);
                bound.learn(&one, &two);
                let names = seals.keys_beside(&bound, &one, (&two, &known));
                let fresh = bound.prepare(one.record()).unwrap();
                assert_eq!(names, seals.keys(&bound, &fresh, |_| true));
                for keying in bound.keyings() {
                    let is_same = bound.has_same_keys(keying, &one, &two);
                    *(if is_same { &mut same } else { &mut different }) += 1;
                }
            }
        }
        assert!(same > 1000 && different > 1000, "{same} rules saw the same, {different} not");
    }

    /// Make the index of a store as version 2 had it.
    fn downgrade(index: &redb::Database) {
        let txn = index.begin_write().unwrap();
        let mut table = txn.open_table(LINKS).unwrap();
        let all = table.iter().unwrap().map(|entry| {
            let (pair, bits) = entry.unwrap();
            (pair.value(), bits.value())
        });
        for ((one, other), bits) in all.collect::<Vec<_>>() {
            table.insert((other, one), bits).unwrap();
        }
        drop(table);
        let (mut rows, mut names) = (txn.open_table(ROWS).unwrap(), txn.open_table(NAMES).unwrap());
        let all = rows.iter().unwrap().map(|entry| {
            let (number, row) = entry.unwrap();
            (number.value(), row.value().to_vec())
        });
        for (number, row) in all.collect::<Vec<_>>() {
            rows.insert(number, &row[..16]).unwrap();
            names.insert(Row::name(&row).unwrap(), number).unwrap();
        }
        drop((rows, names));
        txn.open_table(META).unwrap().insert("format", &2_u32.to_le_bytes()[..]).unwrap();
        txn.commit().unwrap();
    }

    #[test]
    fn a_store_of_an_older_version_is_one_of_this_once_it_is_opened() {
        let (table, model) = sample();
        let folder = tempfile::tempdir().unwrap();
        let records: Vec<Record> = (0..table.len()).step_by(6).map(|r| table.record(r)).collect();
        let store = Store::open(folder.path(), &model, &Options::new()).unwrap();
        store.upsert_many(&records, &Run::new()).unwrap();
        store.delete(&records[7].key).unwrap();
        let (wanted, count) = (links(&store), store.stats().unwrap().links);
        assert_eq!(wanted.len() as u64, count);
        assert!(count > 50, "{count}");
        drop(store);
        downgrade(&redb::Database::open(folder.path().join("index")).unwrap());
        for _ in 0..2 {
            let store = Store::open_existing(folder.path(), &Options::new()).unwrap();
            assert_eq!((&links(&store), store.stats().unwrap().links), (&wanted, count));
            assert!(store.inner.snapshot().tables.names().all().unwrap().is_empty());
            store.delete(&records[0].key).unwrap();
            store.upsert(&records[0]).unwrap();
            assert_eq!(links(&store), wanted);
            assert_eq!(store.get(&records[7].key).unwrap(), None);
            assert_eq!(store.stats().unwrap().records, records.len() as u64 - 1);
            assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
        }
    }

    #[test]
    fn many_records_at_once_that_change_in_the_midst_are_linked_as_one_by_one() {
        let (table, model) = sample();
        let rows: Vec<usize> = (0..table.len()).step_by(table.len() / 500).collect();
        let mut any = draws(0x2545_f491_4f6c_dd1d);
        // Of a few keys many times, so that what waits to be weighed is changed meanwhile.
        let mut some = |count: usize| -> Vec<Record> {
            let some = (0..count).map(|number| {
                let key = table.record(rows[any(rows.len())]).key;
                let fields = table.record(rows[any(rows.len() / 4) + number % 9]).fields;
                Record { fields, ..Record::new(key) }
            });
            some.collect()
        };
        let [many, single] = [0, 1].map(|_| Store::in_memory(&model, &Options::new()).unwrap());
        for count in [200, 700, 3, 150] {
            let records = some(count);
            many.upsert_many(&records, &Run::new()).unwrap();
            for record in &records {
                single.upsert(record).unwrap();
            }
            assert_eq!(links(&many), links(&single));
        }
        assert!(links(&many).len() > 500, "{}", links(&many).len());
        assert_eq!(many.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn what_was_known_before_others_wrote_leads_to_the_links_that_there_are_without_it() {
        let (table, model) = sample();
        let resolution = model.resolve(&table, &Default::default(), &Run::new()).unwrap();
        let mut entities: Vec<u32> = (0..resolution.len() as u32).collect();
        entities.sort_by_key(|entity| std::cmp::Reverse(resolution.rows(*entity).len()));
        let rows = entities[..3].iter().flat_map(|entity| resolution.rows(*entity));
        let records: Vec<Record> = rows.map(|row| table.record(*row as usize)).collect();
        let mut any = draws(0x9e37_79b9_7f4a_7c15);
        let mut known = 0;
        for recent_keys in [0, 300, 100_000] {
            let options = Options { recent_keys, ..Options::new() };
            let store = Store::in_memory(&model, &options).unwrap();
            for _ in 0..40 {
                let mut some = || {
                    let fields = records[any(records.len())].fields.clone();
                    Record { fields, ..records[any(records.len())].clone() }
                };
                let (record, inner) = (some(), &store.inner);
                let before = inner.snapshot();
                let bound = Arc::new(before.current.bound.prepare(&record).unwrap());
                let found = Found::new(&inner.shared, &before, bound).unwrap();
                let found = found.made_ready(&before.current).unwrap();
                let found = found.weighed(&inner.shared, &before).unwrap();
                known += found.weighed.as_ref().map_or(0, |weighed| weighed.links.len());
                drop(before);
                for _ in 0..3 {
                    store.upsert(&some()).unwrap();
                }
                store.delete(&some().key).unwrap();
                inner.write(When::AsAgreed, |writing| writing.upsert_found(&found)).unwrap();
                assert_eq!(store.get(&record.key).unwrap(), Some(record));
                let anew = Store::in_memory(&model, &Options::new()).unwrap();
                for record in &records {
                    if let Some(record) = store.get(&record.key).unwrap() {
                        anew.upsert(&record).unwrap();
                    }
                }
                assert_eq!(links(&store), links(&anew));
            }
            assert_eq!(store.verify(&Run::new()).unwrap().problems, Vec::<String>::new());
        }
        assert!(known > 100, "{known} links were known beforehand");
    }
}
