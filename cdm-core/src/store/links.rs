//! Who is linked with whom, in memory: whoever finds out who is one customer asks for it record by record.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use super::cache::Spread;

/// The scored links of all records, by record; of whoever writes, as no reader asks for them. The index has each
/// once, under the later record of the two, so that those of new records come to lie side by side there.
#[derive(Default)]
pub(super) struct Links {
    /// Of each record those that were put here together, one record's after the other's: where they begin.
    starts: Vec<usize>,
    together: Vec<Link>,
    /// Of the records whose links changed since, all.
    changed: HashMap<u32, Vec<Link>, BuildHasherDefault<Spread>>,
}

/// The record on the other side, and the weight in bits: in twelve bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Link {
    other: u32,
    bits: [u8; 8],
}

impl Link {
    fn new(other: u32, bits: f64) -> Self {
        Self { other, bits: bits.to_ne_bytes() }
    }

    fn read(self) -> (u32, f64) {
        (self.other, f64::from_ne_bytes(self.bits))
    }
}

/// Where the index has the link of two records.
pub(super) fn key(one: u32, other: u32) -> (u32, u32) {
    (one.max(other), one.min(other))
}

/// Links as a change sees them.
pub(super) struct Linking<'w> {
    before: &'w Links,
    changes: Relinked,
}

/// What a change does to links.
#[derive(Default)]
pub(super) struct Relinked {
    /// What is there in place of all before.
    anew: Option<Links>,
    /// By record and the other one, both ways round: the weight; `None` where they are not linked any more.
    own: BTreeMap<(u32, u32), Option<f64>>,
}

impl Links {
    /// The links of a list with each link once, at its [key] and in the order of those.
    pub(super) fn new(all: &[((u32, u32), f64)]) -> Self {
        // No record has a higher number than the last one of these.
        let count = all.last().map_or(0, |((later, _), _)| *later as usize + 1);
        let mut ends = vec![0; count + 1];
        for ((later, earlier), _) in all {
            ends[*later as usize + 1] += 1;
            ends[*earlier as usize + 1] += 1;
        }
        (0..count).for_each(|record| ends[record + 1] += ends[record]);
        let (starts, mut together) = (ends.clone(), vec![Link::new(0, 0.0); 2 * all.len()]);
        // What is put behind those of a record that are there already; by that order, the others of each record
        // come in order.
        for ((later, earlier), bits) in all {
            for (one, other) in [(*later, *earlier), (*earlier, *later)] {
                let end = &mut ends[one as usize];
                together[*end] = Link::new(other, *bits);
                *end += 1;
            }
        }
        Self { starts, together, changed: HashMap::default() }
    }

    fn of(&self, record: u32) -> &[Link] {
        self.changed.get(&record).map_or_else(|| self.together(record), Vec::as_slice)
    }

    fn together(&self, record: u32) -> &[Link] {
        let range = self.starts.get(record as usize..).and_then(|starts| starts.first_chunk());
        range.map_or(&[], |[start, end]| &self.together[*start..*end])
    }

    /// A change counts from now on.
    pub(super) fn apply(&mut self, Relinked { anew, own }: Relinked) {
        if let Some(anew) = anew {
            *self = anew;
        }
        for ((one, other), bits) in own {
            let mut links =
                self.changed.remove(&one).unwrap_or_else(|| self.together(one).to_vec());
            match (links.binary_search_by_key(&other, |link| link.other), bits) {
                (Ok(at), Some(bits)) => links[at] = Link::new(other, bits),
                (Ok(at), None) => drop(links.remove(at)),
                (Err(at), Some(bits)) => links.insert(at, Link::new(other, bits)),
                (Err(_), None) => {}
            }
            self.changed.insert(one, links);
        }
    }

    /// Each link once, at its [key] and in the order of those.
    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<((u32, u32), f64)> {
        let changed = self.changed.keys().map(|record| *record as usize + 1).max();
        let count = self.starts.len().max(changed.unwrap_or_default()) as u32;
        let of = |one: u32| self.of(one).iter().map(move |link| ((one, link.other), link.bits));
        let all = (0..count).flat_map(of).filter(|((one, other), _)| one > other);
        all.map(|(pair, bits)| (pair, f64::from_ne_bytes(bits))).collect()
    }
}

impl<'w> Linking<'w> {
    pub(super) fn new(before: &'w Links) -> Self {
        Self { before, changes: Relinked::default() }
    }

    /// The records on the other side of a record's links, in order, with their weights.
    pub(super) fn of(&self, record: u32) -> Vec<(u32, f64)> {
        let links = self.changes.anew.as_ref().unwrap_or(self.before).of(record);
        let mut own = self.changes.own.range((record, 0)..=(record, u32::MAX)).peekable();
        let mut all = Vec::with_capacity(links.len() + 1);
        for (other, bits) in links.iter().map(|link| link.read()) {
            while let Some(((_, new), bits)) = own.next_if(|((_, new), _)| *new < other) {
                all.extend(bits.map(|bits| (*new, bits)));
            }
            let bits = match own.next_if(|((_, new), _)| *new == other) {
                Some((_, own)) => *own,
                None => Some(bits),
            };
            all.extend(bits.map(|bits| (other, bits)));
        }
        all.extend(own.filter_map(|((_, new), bits)| Some((*new, (*bits)?))));
        all
    }

    /// Link two records by so many bits; or no more.
    pub(super) fn set(&mut self, one: u32, other: u32, bits: Option<f64>) {
        self.changes.own.insert((one, other), bits);
        self.changes.own.insert((other, one), bits);
    }

    /// Have these in place of all that there are.
    pub(super) fn set_all(&mut self, links: Links) {
        self.changes = Relinked { anew: Some(links), own: BTreeMap::new() };
    }

    pub(super) fn changes(self) -> Relinked {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Links of a few records, or that there are none, and whether it is all that there is.
    fn change() -> impl Strategy<Value = (bool, Vec<(u32, u32, Option<f64>)>)> {
        let bits = prop::option::weighted(0.7, 0.1..9.0_f64);
        let pair = (0..7_u32, 0..7_u32, bits).prop_filter("two", |(one, other, _)| one != other);
        (prop::bool::weighted(0.1), prop::collection::vec(pair, 0..12))
    }

    proptest! {
        #[test]
        fn links_are_those_that_changes_said_whether_they_came_to_something_or_not(
            changes in prop::collection::vec((change(), any::<bool>()), 0..12),
        ) {
            let (mut links, mut all) = (Links::default(), BTreeMap::new());
            for ((is_all, pairs), counts) in changes {
                let (mut linking, mut now) = (Linking::new(&links), all.clone());
                if is_all {
                    now.clear();
                    for (one, other, bits) in &pairs {
                        bits.map(|bits| now.insert(key(*one, *other), bits));
                    }
                    linking.set_all(Links::new(&now.clone().into_iter().collect::<Vec<_>>()));
                }
                for (one, other, bits) in pairs {
                    linking.set(one, other, bits);
                    match bits {
                        Some(bits) => now.insert(key(one, other), bits),
                        None => now.remove(&key(one, other)),
                    };
                }
                for record in 0..8 {
                    let of = now.iter().filter_map(|((later, earlier), bits)| match record {
                        _ if record == *later => Some((*earlier, *bits)),
                        _ if record == *earlier => Some((*later, *bits)),
                        _ => None,
                    });
                    let mut of: Vec<(u32, f64)> = of.collect();
                    of.sort_unstable_by_key(|(other, _)| *other);
                    prop_assert_eq!(linking.of(record), of);
                }
                let changes = linking.changes();
                if counts {
                    links.apply(changes);
                    all = now;
                    let wanted: Vec<((u32, u32), f64)> = all.clone().into_iter().collect();
                    prop_assert_eq!(links.all(), wanted);
                }
            }
        }
    }
}
