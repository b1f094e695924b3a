//! What the keys of a record lead to: whom it may be, and what it weighs with each of them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::Writing;
use crate::bound::{BoundRecord, Keying};
use crate::error::Result;
use crate::store::Shared;
use crate::store::current::{Current, Ready, most_odds_against};
use crate::store::holders::{Holders, Since};
use crate::store::keys::{Keys, apply};
use crate::store::outlines::Likely;
use crate::store::reading::Snapshot;
use crate::store::record::{Names, decode, encode};
use crate::store::rows::Rows;
use crate::store::seen::others;
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

/// What a record weighs with others, as a revision of the model has it.
struct Weighed {
    revision: u64,
    /// Whom it was weighed with, in order, and in which place the other one's cell was.
    with: Vec<(u32, u64)>,
    links: Vec<Linked>,
}

/// With whom a record weighs more than nothing, and how much.
#[derive(Clone)]
struct Linked {
    other: u32,
    bits: f64,
    /// The other one as it is in that place, of which something is unpacked by now.
    at_hand: (u64, Arc<BoundRecord>),
}

/// Records that have yet to be weighed, so that many are at once.
#[derive(Default)]
pub(super) struct Waiting {
    records: Vec<Unweighed>,
    /// By record, before how many of these it was changed last: it is not what they found.
    changed: BTreeMap<u32, usize>,
}

/// A record that has yet to be weighed, but for what is known.
struct Unweighed {
    number: u32,
    record: Arc<BoundRecord>,
    weighed: Option<Arc<Weighed>>,
    /// Whoever shares a key with it by a blocking rule, some as often as that is so.
    candidates: Vec<u64>,
}

/// The rule by which somebody is a candidate, as one number: in the order of records, and of one record that
/// rule first which takes least time to be asked.
fn candidate(holder: u32, is_slow: bool, rule: u32) -> u64 {
    u64::from(holder) << 32 | u64::from(is_slow) << 31 | u64::from(rule)
}

/// That two rules make somebody a candidate: two names are 128 bits, and no other keys have both, as is
/// believed of record keys as well.
const SURE: u64 = 1 << 30;

/// Candidates of one record as often as they are found, of which so many may wait as they are.
const FEW: usize = 2048;

/// So many records are weighed sooner by one thread than others are woken for it.
const ALONE: usize = 16;

/// Each candidate once, in order, without the record itself.
fn sort(candidates: &mut Vec<u64>, number: u32) {
    candidates.sort_unstable();
    candidates.dedup_by(|next, first| {
        let is_same = holder_of(*next) == holder_of(*first);
        if is_same && rule_of(*next) != rule_of(*first) {
            *first |= SURE;
        }
        is_same
    });
    candidates.retain(|candidate| holder_of(*candidate) != number);
}

/// The record that is a candidate so.
fn holder_of(candidate: u64) -> u32 {
    (candidate >> 32) as u32
}

/// The rule by which it is.
fn rule_of(candidate: u64) -> Keying {
    Keying::Blocking((candidate & (SURE - 1)) as u32)
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
        if encode(record.record(), &mut Names::clone(&before.names)) == plain {
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

    /// With whom it weighs what as things stand, so that nobody waits for that. What cannot be read may be
    /// being overwritten, and is asked for anew.
    pub(in crate::store) fn weighed(self, shared: &Shared, before: &Snapshot) -> Result<Self> {
        let (rows, current) = (&before.rows, &before.current);
        let found = self.with_holders(&before.keys)?;
        let (Some(names), Some(holders)) = (found.names.get(), &found.holders) else {
            return Ok(found);
        };
        let most = current.bound.model().plan().guards().max_records_per_key as usize;
        let mut candidates = Vec::with_capacity(holders.all().len());
        for (place, (keying, name)) in names.iter().enumerate() {
            let holders = holders.of(place);
            if let Keying::Blocking(rule) = keying
                && holders.len() < most
                && !current.stopped.contains(name)
            {
                let is_slow = current.bound.is_slow(*keying);
                candidates.extend(holders.iter().map(|holder| candidate(*holder, is_slow, *rule)));
            }
        }
        let name = shared.cells.seals.record(found.record.key());
        let number = before.number(name);
        sort(&mut candidates, number.unwrap_or(u32::MAX));
        let links = weigh((shared, current, &before.names, rows), &found.record, &candidates);
        let place = |candidate: &u64| {
            let number = holder_of(*candidate);
            Some((number, rows.get(number)?.cell.place))
        };
        let with = candidates.iter().filter_map(place).collect();
        let weighed = |links| Arc::new(Weighed { revision: current.revision, with, links });
        Ok(Self { weighed: links.ok().map(weighed), ..found })
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
        current.keep_ready(number, Some(cell), self.ready(current)?);
        Ok(())
    }
}

/// With whom a record weighs more than nothing, and how much, of some candidates, in order. That they share
/// a key was told by its name; of the few that are to be linked by one alone the keys themselves are asked.
fn weigh(
    (shared, current, names, rows): (&Shared, &Current, &Names, &Rows),
    record: &BoundRecord,
    candidates: &[u64],
) -> Result<Vec<Linked>> {
    let numbers: Vec<u32> = candidates.iter().map(|of| holder_of(*of)).collect();
    let likeness = current.bound.likeness(record);
    let most = (most_odds_against(0.0), false);
    let mut likely = current.outlines.likely(likeness.as_ref(), rows, &numbers, most);
    likely.sort_unstable_by_key(|likely| likely.number);
    let mut links = Vec::new();
    for Likely { number: other, hint, .. } in likely {
        let row = rows.get(other).filter(|row| row.entity.is_some());
        let cell = row.map(|row| row.cell).ok_or_else(|| shared.missing(other))?;
        let candidate = shared.bound(current, names, other, cell)?;
        let weighs = current.weighs((likeness.as_ref(), hint), record, &candidate)?;
        let Some(bits) = weighs else { continue };
        let found = numbers.binary_search(&other).ok().map(|at| candidates[at]);
        if found.is_none_or(|found| found & SURE == 0) {
            let whole = current.bound.prepare(&shared.record(names, other, cell)?)?;
            if !current.shares_key(&shared.cells.seals, found.map(rule_of), record, &whole) {
                continue;
            }
        }
        links.push(Linked { other, bits, at_hand: (cell.place, candidate) });
    }
    Ok(links)
}

impl Waiting {
    /// The records with those that are as they found them; whoever was changed since finds them himself.
    fn take(&mut self) -> Vec<Unweighed> {
        let Self { mut records, changed } = std::mem::take(self);
        if !changed.is_empty() {
            let is_as = |number: u32, at| changed.get(&number).is_none_or(|before| *before <= at);
            let mut places = 0..;
            records.retain_mut(|Unweighed { number, candidates, .. }| {
                let at = places.next().unwrap_or_default();
                candidates.retain(|candidate| is_as(holder_of(*candidate), at));
                is_as(*number, at)
            });
        }
        records
    }
}

impl Weighed {
    /// Of some candidates, in order, those that are as they were weighed are left out; with whom of them it
    /// weighs more than nothing.
    fn take_known(&self, rows: &Rows, candidates: &mut Vec<u64>) -> Vec<Linked> {
        let (mut with, mut links) = (self.with.iter().peekable(), self.links.iter().peekable());
        let mut known = Vec::new();
        candidates.retain(|candidate| {
            let number = holder_of(*candidate);
            while with.next_if(|(other, _)| *other < number).is_some() {}
            while links.next_if(|link| link.other < number).is_some() {}
            let row = rows.get(number).filter(|row| row.entity.is_some());
            let place = row.map(|row| row.cell.place);
            let is_known =
                with.peek().is_some_and(|(other, of)| *other == number && Some(*of) == place);
            if is_known {
                known.extend(links.next_if(|link| link.other == number).cloned());
            }
            !is_known
        });
        known
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
        let (mut candidates, mut now) = (Vec::with_capacity(holders.all().len()), Vec::new());
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
                candidates.extend(holders.iter().map(|holder| candidate(*holder, is_slow, *rule)));
            }
            self.overlay.set(*name, number, true);
        }
        if candidates.len() > FEW {
            sort(&mut candidates, number);
            candidates.shrink_to_fit();
        }
        self.seeds.insert(number);
        let (record, weighed) = (Arc::clone(&found.record), found.weighed.clone());
        self.waiting.records.push(Unweighed { number, record, weighed, candidates });
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

    /// Link the candidate pairs that weigh more than nothing.
    pub(super) fn weigh_waiting(&mut self) -> Result<()> {
        let waiting = self.waiting.take();
        let (shared, current, names, rows) = (self.shared, &*self.current, &self.names, &self.rows);
        let weigh = |of: Unweighed| {
            let Unweighed { number: one, record, weighed, mut candidates } = of;
            sort(&mut candidates, one);
            let weighed = weighed.filter(|weighed| weighed.revision == current.revision);
            let mut links = weighed
                .map(|weighed| weighed.take_known(rows, &mut candidates))
                .unwrap_or_default();
            if !candidates.is_empty() {
                links.extend(weigh((shared, current, names, rows), &record, &candidates)?);
            }
            Ok(links.into_iter().map(|link| (one, link)).collect::<Vec<_>>())
        };
        let links: Vec<(u32, Linked)> = if waiting.len() < ALONE {
            waiting.into_iter().map(weigh).collect::<Result<Vec<_>>>()?.concat()
        } else {
            waiting.into_par_iter().map(weigh).collect::<Result<Vec<_>>>()?.concat()
        };
        for (one, Linked { other, bits, at_hand: (place, record) }) in links {
            self.have_at_hand(other, place, record);
            for pair in [(one, other), (other, one)] {
                let linked = self.tables.links.insert(pair, bits);
                self.engine(linked)?;
            }
        }
        Ok(())
    }

    /// Undo [`index`](Self::index) of a record with these keys, and remember whom it was tied to.
    pub(super) fn unindex(&mut self, number: u32, names: &[(Keying, u64)]) -> Result<()> {
        self.waiting.changed.insert(number, self.waiting.records.len());
        let mut holders = Vec::new();
        self.overlay.reserve(names.len());
        for (keying, name) in names {
            self.overlay.set(*name, number, false);
            if let Keying::Rule(_) = keying {
                self.holders(*name, &mut holders)?;
                self.seeds.extend(&holders);
            }
        }
        for (other, _) in self.engine(others(&self.tables.links, number))? {
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

    use super::*;
    use crate::cancel::Run;
    use crate::plan::{Model, Plan};
    use crate::read::{Input, infer_schema, read};
    use crate::schema::{Record, RecordKey};
    use crate::store::seal::Seals;
    use crate::store::{Options, Store, When};
    use crate::table::Table;

    /// The links of a store, by the keys of records.
    fn links(store: &Store) -> BTreeSet<(RecordKey, RecordKey, u64)> {
        let now = store.inner.snapshot();
        let key = |number: u32| {
            let cell = now.rows.get(number).unwrap().cell;
            store.inner.shared.record(&now.names, number, cell).unwrap().key
        };
        let all = now.tables.links().all().unwrap().into_iter();
        all.map(|((one, other), bits)| (key(one), key(other), bits.to_bits())).collect()
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
    fn whom_two_rules_find_shares_a_key_for_sure_and_comes_once() {
        let (slow, fast) =
            (|holder, rule| candidate(holder, true, rule), |h, r| candidate(h, false, r));
        let mut all = vec![
            slow(7, 0),
            fast(9, 3),
            slow(9, 1),
            fast(7, 2),
            fast(8, 4),
            fast(8, 4),
            fast(5, 1),
        ];
        sort(&mut all, 5);
        let found: Vec<(u32, Keying, bool)> =
            all.iter().map(|of| (holder_of(*of), rule_of(*of), of & SURE > 0)).collect();
        let by = |holder, rule, is_sure| (holder, Keying::Blocking(rule), is_sure);
        assert_eq!(found, [by(7, 2, true), by(8, 4, false), by(9, 3, true)]);
        sort(&mut all, 5);
        assert_eq!(all.len(), 3);
        assert_eq!(all.iter().map(|of| of & SURE).sum::<u64>(), 2 * SURE);
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
