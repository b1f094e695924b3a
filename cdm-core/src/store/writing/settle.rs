//! Who is one customer after a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::Writing;
use crate::bound::{BoundRecord, Hint, Keying};
use crate::error::Result;
use crate::schema::RecordKey;
use crate::store::carry::{Before, carry_over};
use crate::store::regroup::Records;
use crate::store::tables::{CANNOT, FRESH, MUST, Row, numbers};
use crate::store::weights::InCell;

/// A record, and what ties it to others.
struct Tied {
    record: Arc<BoundRecord>,
    links: Vec<(u32, f64)>,
    decided: Vec<(u32, u8)>,
}

/// Records by number.
type Component = BTreeMap<u32, Tied>;

/// The lowest key of a group of records, and their numbers, sorted.
type Group = (RecordKey, Vec<u32>);

/// The components of so many records are put together sooner by one thread than others are woken for it.
const TOGETHER: usize = 16;

impl Writing<'_> {
    /// All records that links, keys and must-links lead to from one; nothing where one of those `before` it,
    /// which are in order, is among them. All that it came upon is `seen`.
    fn component(
        &self,
        seed: u32,
        before: &[u32],
        seen: &mut BTreeSet<u32>,
    ) -> Result<Option<Component>> {
        let mut found = Component::new();
        let (mut open, mut holders) = (vec![seed], Vec::new());
        while let Some(number) = open.pop() {
            if found.contains_key(&number) {
                continue;
            }
            let Some(row) = self.alive(number) else { continue };
            let known = open.len();
            let record = self.bound(number, row.cell)?;
            for (_, name) in self.keys(&record, |keying| matches!(keying, Keying::Rule(_))) {
                self.holders(name, &mut holders)?;
                open.extend_from_slice(&holders);
            }
            let links = self.linking.of(number);
            let decided = self.decided_of(number)?;
            open.extend(links.iter().map(|(other, _)| *other));
            let must = decided.iter().filter(|(_, decision)| decision & MUST != 0);
            open.extend(must.map(|(other, _)| *other));
            found.insert(number, Tied { record, links, decided });
            let is_before = |number: &u32| before.binary_search(number).is_ok();
            if open[known..].iter().any(|other| is_before(other) && self.alive(*other).is_some()) {
                seen.extend(found.into_keys().chain(open));
                return Ok(None);
            }
        }
        seen.extend(found.keys());
        Ok(Some(found))
    }

    /// The groups of the records of a component, each group's records sorted by number, with the
    /// lowest key of each.
    fn regroup(&self, component: &Component) -> Result<Vec<Group>> {
        if component.len() < 2 {
            let alone =
                component.iter().map(|(number, of)| (of.record.key().clone(), vec![*number]));
            return Ok(alone.collect());
        }
        let mut in_order: Vec<(u32, Arc<BoundRecord>)> =
            component.iter().map(|(number, of)| (*number, Arc::clone(&of.record))).collect();
        in_order.sort_by(|one, two| one.1.key().cmp(two.1.key()));
        let place: BTreeMap<u32, u32> =
            (0..).zip(&in_order).map(|(place, (number, _))| (*number, place)).collect();
        let (mut links, mut must, mut cannot) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (left, of) in place.values().zip(component.values()) {
            for (other, bits) in &of.links {
                if let Some(right) = place.get(other)
                    && left < right
                {
                    links.push((*left, *right, *bits));
                }
            }
            for (other, decision) in &of.decided {
                if let Some(right) = place.get(other)
                    && left < right
                {
                    for (kind, pairs) in [(MUST, &mut must), (CANNOT, &mut cannot)] {
                        if decision & kind != 0 {
                            pairs.insert((*left, *right));
                        }
                    }
                }
            }
        }
        let (seals, current) = (&self.shared.cells.seals, &self.current);
        let records: Vec<Arc<BoundRecord>> = in_order.iter().map(|(_, r)| Arc::clone(r)).collect();
        // They are wanted where no link lies between two alone.
        let (outlines, cells) = (OnceLock::new(), OnceLock::new());
        let hint = |left: usize, right: usize| {
            let outlines = outlines.get_or_init(|| self.outlines(&place));
            match (&outlines[left], &outlines[right]) {
                (Some(left), Some(right)) => current.bound.hint(left, right),
                _ => Hint::default(),
            }
        };
        let weight = |left: u32, right: u32| {
            let (left, right) = (left as usize, right as usize);
            let cells: &Vec<InCell> = cells.get_or_init(|| self.in_cells(&in_order));
            let (one, other) = (cells[left], cells[right]);
            if let Some(known) = current.weights.get(one, other) {
                return known;
            }
            let (left, right, hint) = (&records[left], &records[right], hint(left, right));
            let weight = current.bound.group_weight(hint, left, right);
            // What is made of records that cannot be read is an error, and not to be gone by later.
            if left.readable().and_then(|()| right.readable()).is_ok() {
                current.weights.put(one, other, weight);
            }
            weight
        };
        let records = Records {
            model: &current.bound,
            records: &records,
            links,
            must,
            cannot,
            weight: &weight,
            is_stopped: &|keying, key| {
                !current.stopped.is_empty() && current.stopped.contains(&seals.key(keying, key))
            },
        };
        let mut groups: BTreeMap<u32, Group> = BTreeMap::new();
        for (group, (number, record)) in records.regroup()?.into_iter().zip(&in_order) {
            let group = groups.entry(group).or_insert_with(|| (record.key().clone(), Vec::new()));
            group.1.push(*number);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.iter_mut().for_each(|(_, records)| records.sort_unstable());
        Ok(groups)
    }

    /// The outlines of some records, each with its place among them; `None` of those of which none is known.
    fn outlines(&self, places: &BTreeMap<u32, u32>) -> Vec<Option<Box<[u64]>>> {
        let numbers: Vec<u32> = places.keys().copied().collect();
        let mut outlines = vec![None; numbers.len()];
        self.current.outlines.of(&self.rows, &numbers, |number, outline| {
            outlines[places[&number] as usize] = outline.map(Box::from);
        });
        outlines
    }

    /// Some records, each with its cell.
    fn in_cells(&self, records: &[(u32, Arc<BoundRecord>)]) -> Vec<InCell> {
        let place = |number| self.rows.get(number).map_or(0, |row| row.cell.place);
        records.iter().map(|(number, _)| (*number, place(*number))).collect()
    }

    /// Find out who is one customer now, and put it down.
    pub(in crate::store) fn settle(&mut self) -> Result<()> {
        self.weigh_waiting()?;
        let seeds: Vec<u32> = std::mem::take(&mut self.seeds).into_iter().collect();
        let mut groups = if seeds.len() <= TOGETHER {
            self.groups_of(&seeds, &[])?
        } else {
            let some = seeds.par_chunks(TOGETHER).enumerate();
            let groups = some.map(|(at, some)| self.groups_of(some, &seeds[..at * TOGETHER]));
            groups.collect::<Result<Vec<_>>>()?.concat()
        };
        groups.sort_unstable();
        self.regrouped(groups.into_iter().map(|(_, records)| records).collect())
    }

    /// The groups of the components of some records, but of those that the records before lead to as well.
    fn groups_of(&self, seeds: &[u32], before: &[u32]) -> Result<Vec<Group>> {
        let (mut seen, mut groups) = (BTreeSet::new(), Vec::new());
        for seed in seeds {
            if seen.contains(seed) {
                continue;
            }
            if let Some(component) = self.component(*seed, before, &mut seen)? {
                groups.extend(self.regroup(&component)?);
            }
        }
        Ok(groups)
    }

    /// Put groups of records, in the order of their lowest keys, down as entities. They hold whole
    /// components.
    pub(in crate::store) fn regrouped(&mut self, groups: Vec<Vec<u32>>) -> Result<()> {
        let left = std::mem::take(&mut self.left);
        let changed = std::mem::take(&mut self.changed);
        let mut before = Before::default();
        let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
        for number in groups.iter().flatten() {
            let row = self.alive(*number);
            let row =
                row.ok_or_else(|| self.shared.cells.place.damaged("a record went missing"))?;
            rows.insert(*number, row);
            if let Some(entity) = row.entity.filter(|entity| *entity != FRESH) {
                before.records.entry(entity).or_default().push(*number);
            }
        }
        for (record, entity) in left {
            before.records.entry(entity).or_default();
            before.left.insert((entity, record));
        }
        before.records.values_mut().for_each(|records| records.sort_unstable());
        let seals = &self.shared.cells.seals;
        let id = |number| seals.entity(number);
        let carried = carry_over(&before, &groups, &changed, &mut self.counters.entity, id);
        for (entity, heirs) in &carried.ended {
            let ended = self.tables.heirs.insert(*entity, &numbers(heirs)[..]);
            self.engine(ended)?;
            let gone = self.tables.entities.remove(*entity);
            self.engine(gone)?;
        }
        for (entity, records) in carried.entities.iter().zip(groups) {
            let same = before.records.get(entity) == Some(&records);
            for number in &records {
                let row = rows[number];
                if row.entity != Some(*entity) {
                    let name = self.name_of(*number)?;
                    self.put_row(*number, name, Row { entity: Some(*entity), ..row })?;
                }
            }
            let lost = before.left.range((*entity, 0)..=(*entity, u32::MAX)).next().is_some();
            if !same || lost {
                let put = self.tables.entities.insert(*entity, &numbers(&records)[..]);
                self.engine(put)?;
            }
        }
        carried.changes.iter().try_for_each(|change| self.log(change))
    }
}
