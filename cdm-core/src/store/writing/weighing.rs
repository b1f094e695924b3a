//! Records and those that their keys lead to: which of them weigh more than nothing, and how much.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::Writing;
use crate::bound::{BoundRecord, Keying};
use crate::error::Result;
use crate::store::Shared;
use crate::store::current::{Current, most_odds_against};
use crate::store::outlines::Likely;
use crate::store::reading::Snapshot;
use crate::store::record::Names;
use crate::store::rows::Rows;

/// What a record weighs with others, as a revision of the model has it.
pub(super) struct Weighed {
    revision: u64,
    /// Whom it was weighed with, in order, and in which place the other one's cell was.
    with: Vec<(u32, u64)>,
    pub(super) links: Vec<Linked>,
}

/// With whom a record weighs more than nothing, and how much.
#[derive(Clone)]
pub(super) struct Linked {
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
pub(super) struct Unweighed {
    pub(super) number: u32,
    pub(super) record: Arc<BoundRecord>,
    pub(super) weighed: Option<Arc<Weighed>>,
    pub(super) candidates: Candidates,
}

/// Whoever shares a key with a record by a blocking rule, some as often as that is so until they are
/// [sorted](Self::sort). Each is a number: in the order of records, and of one record that rule first which
/// takes least time to be asked.
#[derive(Default)]
pub(super) struct Candidates(Vec<u64>);

/// That a rule takes long to be asked.
const SLOW: u64 = 1 << 31;

/// That two rules make somebody a candidate: two names are 128 bits, and no other keys have both, as is
/// believed of record keys as well.
const SURE: u64 = 1 << 30;

/// Candidates of one record as often as they are found, of which so many may wait as they are.
const FEW: usize = 2048;

/// So many records are weighed sooner by one thread than others are woken for it.
const ALONE: usize = 16;

impl Candidates {
    /// None yet; there is room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// The holders of a key of that blocking rule are some.
    pub(super) fn add(&mut self, holders: &[u32], rule: u32, is_slow: bool) {
        let by = u64::from(rule) | if is_slow { SLOW } else { 0 };
        self.0.extend(holders.iter().map(|holder| u64::from(*holder) << 32 | by));
    }

    /// Each once, in order, without the record itself.
    fn sort(&mut self, number: u32) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, first| {
            let is_same = holder_of(*next) == holder_of(*first);
            if is_same && rule_of(*next) != rule_of(*first) {
                *first |= SURE;
            }
            is_same
        });
        self.0.retain(|candidate| holder_of(*candidate) != number);
    }
}

/// The record that is a candidate so.
fn holder_of(candidate: u64) -> u32 {
    (candidate >> 32) as u32
}

/// The rule by which it is.
fn rule_of(candidate: u64) -> Keying {
    Keying::Blocking((candidate & (SURE - 1)) as u32)
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
    pub(super) fn add(&mut self, mut unweighed: Unweighed) {
        if unweighed.candidates.0.len() > FEW {
            unweighed.candidates.sort(unweighed.number);
            unweighed.candidates.0.shrink_to_fit();
        }
        self.records.push(unweighed);
    }

    /// What those that wait found of that record is no longer so.
    pub(super) fn change(&mut self, number: u32) {
        self.changed.insert(number, self.records.len());
    }

    /// The records with those that are as they found them; whoever was changed since finds them himself.
    fn take(&mut self) -> Vec<Unweighed> {
        let Self { mut records, changed } = std::mem::take(self);
        if !changed.is_empty() {
            let is_as = |number: u32, at| changed.get(&number).is_none_or(|before| *before <= at);
            let mut places = 0..;
            records.retain_mut(|Unweighed { number, candidates, .. }| {
                let at = places.next().unwrap_or_default();
                candidates.0.retain(|candidate| is_as(holder_of(*candidate), at));
                is_as(*number, at)
            });
        }
        records
    }
}

impl Weighed {
    /// As things stand; of a record that has that number, where it is there already. What cannot be read may
    /// be being overwritten, and is asked for anew.
    pub(super) fn new(
        shared: &Shared,
        before: &Snapshot,
        (number, record): (Option<u32>, &BoundRecord),
        mut candidates: Candidates,
    ) -> Option<Self> {
        let (rows, current) = (&before.rows, &*before.current);
        candidates.sort(number.unwrap_or(u32::MAX));
        let links = weigh((shared, current, &before.names, rows), record, &candidates.0).ok()?;
        let place = |candidate: &u64| {
            let number = holder_of(*candidate);
            Some((number, rows.get(number)?.cell.place))
        };
        let with = candidates.0.iter().filter_map(place).collect();
        Some(Self { revision: current.revision, with, links })
    }

    /// Of some candidates, in order, those that are as they were weighed are left out; with whom of them it
    /// weighs more than nothing.
    fn take_known(&self, rows: &Rows, candidates: &mut Candidates) -> Vec<Linked> {
        let (mut with, mut links) = (self.with.iter().peekable(), self.links.iter().peekable());
        let mut known = Vec::new();
        candidates.0.retain(|candidate| {
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
    /// Link the candidate pairs that weigh more than nothing.
    pub(super) fn weigh_waiting(&mut self) -> Result<()> {
        let waiting = self.waiting.take();
        let (shared, current, names, rows) = (self.shared, &*self.current, &self.names, &self.rows);
        let weigh = |of: Unweighed| {
            let Unweighed { number: one, record, weighed, mut candidates } = of;
            candidates.sort(one);
            let weighed = weighed.filter(|weighed| weighed.revision == current.revision);
            let mut links = weighed
                .map(|weighed| weighed.take_known(rows, &mut candidates))
                .unwrap_or_default();
            if !candidates.0.is_empty() {
                links.extend(weigh((shared, current, names, rows), &record, &candidates.0)?);
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
            self.link(one, other, bits)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_two_rules_find_shares_a_key_for_sure_and_comes_once() {
        let mut all = Candidates::default();
        for (holder, rule, is_slow) in [
            (7, 0, true),
            (9, 3, false),
            (9, 1, true),
            (7, 2, false),
            (8, 4, false),
            (8, 4, false),
            (5, 1, false),
        ] {
            all.add(&[holder], rule, is_slow);
        }
        all.sort(5);
        let found: Vec<(u32, Keying, bool)> =
            all.0.iter().map(|of| (holder_of(*of), rule_of(*of), of & SURE > 0)).collect();
        let by = |holder, rule, is_sure| (holder, Keying::Blocking(rule), is_sure);
        assert_eq!(found, [by(7, 2, true), by(8, 4, false), by(9, 3, true)]);
        all.sort(5);
        assert_eq!(all.0.len(), 3);
        assert_eq!(all.0.iter().map(|of| of & SURE).sum::<u64>(), 2 * SURE);
    }
}
