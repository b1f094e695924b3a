//! Who shares a key with some records that are looked at, the *probes*.

use crate::table::Column;

/// No place, or no number.
const NONE: u32 = u32::MAX;

/// The keys of one expression that some probe shares with another row, and who has them.
pub(super) struct ProbedKeys<'a> {
    column: &'a Column,
    probes: &'a [u32],
    /// By row: the numbers of those keys that it has.
    of_row: ByNumber,
    /// By number: the rows that have the key.
    rows: ByNumber,
    /// By number: the positions of the probes that have the key.
    positions: ByNumber,
    /// By position of the probe, whether it has a key that nobody else has.
    has_own: Vec<bool>,
}

/// Lists in one piece of memory.
struct ByNumber {
    /// Where each list starts, and one more for the end.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl ByNumber {
    /// Of items, each with the number of its list; they keep their order.
    fn new(count: usize, items: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0_u32; count + 1];
        items.clone().for_each(|(number, _)| starts[number as usize + 1] += 1);
        (1..starts.len()).for_each(|number| starts[number] += starts[number - 1]);
        let mut sorted = vec![0; starts[count] as usize];
        let mut next = starts.clone();
        for (number, item) in items {
            let place = &mut next[number as usize];
            sorted[*place as usize] = item;
            *place += 1;
        }
        Self { starts, items: sorted }
    }

    fn of(&self, number: usize) -> &[u32] {
        &self.items[self.starts[number] as usize..self.starts[number + 1] as usize]
    }
}

impl<'a> ProbedKeys<'a> {
    pub(super) fn new(column: &'a Column, probes: &'a [u32]) -> Self {
        let keys_of = |row: u32| column.codes(row as usize).iter().copied();
        // First how many rows have each key of a probe, then its number.
        let mut number = vec![NONE; column.pool().len()];
        for code in probes.iter().flat_map(|probe| keys_of(*probe)) {
            number[code as usize] = 0;
        }
        for code in (0..column.len() as u32).flat_map(keys_of) {
            if number[code as usize] != NONE {
                number[code as usize] += 1;
            }
        }
        let has_own =
            probes.iter().map(|probe| keys_of(*probe).any(|code| number[code as usize] == 1));
        let has_own = has_own.collect();
        let mut count = 0;
        for number in number.iter_mut().filter(|number| **number != NONE) {
            *number = if *number > 1 { count } else { NONE };
            count += u32::from(*number != NONE);
        }
        let number = &number;
        let shared = move |row: u32| {
            keys_of(row).map(|code| number[code as usize]).filter(|number| *number != NONE)
        };
        let rows_with_keys =
            (0..column.len() as u32).flat_map(|row| shared(row).map(move |number| (row, number)));
        let of_row = ByNumber::new(column.len(), rows_with_keys.clone());
        let rows = rows_with_keys.map(|(row, number)| (number, row));
        let rows = ByNumber::new(count as usize, rows);
        let positions = (0..)
            .zip(probes)
            .flat_map(|(position, probe)| shared(*probe).map(move |number| (number, position)));
        let positions = ByNumber::new(count as usize, positions);
        Self { column, probes, of_row, rows, positions, has_own }
    }

    fn count(&self) -> usize {
        self.rows.starts.len() - 1
    }

    /// Whether a probe has a key at all.
    fn has_any(&self, position: usize) -> bool {
        !self.column.codes(self.probes[position] as usize).is_empty()
    }

    /// The numbers of those keys that a row has.
    #[inline]
    fn keys(&self, row: u32) -> &[u32] {
        self.of_row.of(row as usize)
    }
}

/// For each probe, the lists of the rows with which it shares a key; but keys that too many rows
/// have make no list.
pub(super) struct Lists {
    rows: Vec<u32>,
    /// Where the rows of each list start, and one more for the end.
    starts: Vec<usize>,
    /// By position of the probe, the numbers of its lists.
    of_probe: ByNumber,
    /// By position of the probe, whether it has a key that not too many rows have, be it for itself.
    has_key: Vec<bool>,
}

impl Lists {
    pub(super) fn of_probe(&self, position: usize) -> &[u32] {
        self.of_probe.of(position)
    }

    /// Whether the probe has a key that not too many rows have, be it for itself.
    pub(super) fn has_key(&self, position: usize) -> bool {
        self.has_key[position]
    }

    /// The rows of a list, in order.
    pub(super) fn rows(&self, list: &u32) -> &[u32] {
        &self.rows[self.starts[*list as usize]..self.starts[*list as usize + 1]]
    }

    /// By the keys of one expression that at most `most` rows have.
    pub(super) fn of_one(keys: &ProbedKeys<'_>, most: usize) -> Self {
        let (mut rows, mut starts, mut owners) = (Vec::new(), vec![0], Vec::new());
        for number in 0..keys.count() {
            let of_key = keys.rows.of(number);
            if of_key.len() <= most {
                let list = starts.len() as u32 - 1;
                owners.extend(keys.positions.of(number).iter().map(|probe| (*probe, list)));
                rows.extend_from_slice(of_key);
                starts.push(rows.len());
            }
        }
        Self::new(rows, starts, owners, keys.has_own.clone())
    }

    /// By the pairs of a key of each of two expressions that at most `most` rows have.
    pub(super) fn of_two(one: &ProbedKeys<'_>, other: &ProbedKeys<'_>, most: usize) -> Self {
        // The rows of each key of the one are gone through; those that fewer have are to be it.
        let swaps = other.rows.items.len() < one.rows.items.len();
        let (outer, inner) = if swaps { (other, one) } else { (one, other) };
        let (mut rows, mut starts, mut owners) = (Vec::new(), vec![0], Vec::new());
        let own_and_any = |own: &ProbedKeys<'_>, any: &ProbedKeys<'_>, position: usize| {
            own.has_own[position] && any.has_any(position)
        };
        let mut has_key: Vec<bool> = (0..one.probes.len())
            .map(|at| own_and_any(one, other, at) || own_and_any(other, one, at))
            .collect();
        // Of the inner keys that meet the outer one: which each is, as of that outer key.
        let mut place_of = vec![(NONE, 0_u32); inner.count()];
        let mut counts: Vec<usize> = Vec::new();
        let mut met: Vec<(u32, u32)> = Vec::new();
        // Of the same: its list, and where that goes on.
        let mut lists: Vec<(u32, usize)> = Vec::new();
        for number in 0..outer.count() as u32 {
            counts.clear();
            let positions = outer.positions.of(number as usize);
            for position in positions {
                for key in inner.keys(inner.probes[*position as usize]) {
                    let place = &mut place_of[*key as usize];
                    if place.0 != number {
                        *place = (number, counts.len() as u32);
                        counts.push(0);
                    }
                }
            }
            if counts.is_empty() {
                continue;
            }
            met.clear();
            for row in outer.rows.of(number as usize) {
                for key in inner.keys(*row) {
                    let (of_outer, place) = place_of[*key as usize];
                    if of_outer == number {
                        let count = &mut counts[place as usize];
                        *count += 1;
                        if *count <= most {
                            met.push((place, *row));
                        }
                    }
                }
            }
            // Each pair of keys that few enough rows have, and more than the probe, becomes a list.
            lists.clear();
            let mut end = rows.len();
            for count in &counts {
                if *count > 1 && *count <= most {
                    lists.push((starts.len() as u32 - 1, end));
                    end += count;
                    starts.push(end);
                } else {
                    lists.push((NONE, 0));
                }
            }
            rows.resize(end, 0);
            for (place, row) in &met {
                if let (list, next) = &mut lists[*place as usize]
                    && *list != NONE
                {
                    rows[*next] = *row;
                    *next += 1;
                }
            }
            for position in positions {
                for key in inner.keys(inner.probes[*position as usize]) {
                    let place = place_of[*key as usize].1 as usize;
                    has_key[*position as usize] |= counts[place] <= most;
                    if lists[place].0 != NONE {
                        owners.push((*position, lists[place].0));
                    }
                }
            }
        }
        Self::new(rows, starts, owners, has_key)
    }

    /// `owners` are the positions of probes, and a list of each.
    fn new(
        rows: Vec<u32>,
        starts: Vec<usize>,
        owners: Vec<(u32, u32)>,
        mut has_key: Vec<bool>,
    ) -> Self {
        owners.iter().for_each(|(probe, _)| has_key[*probe as usize] = true);
        let of_probe = ByNumber::new(has_key.len(), owners.iter().copied());
        Self { rows, starts, of_probe, has_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Codes, PoolBuilder};
    use std::sync::Arc;

    fn column(rows: &[&[u32]]) -> Column {
        let mut pool = PoolBuilder::new();
        (0..10).for_each(|code| assert_eq!(pool.intern(&format!("key {code}")).unwrap(), code));
        let mut codes = Codes::new();
        rows.iter().for_each(|row| codes.push(row).unwrap());
        Column::new(Arc::new(pool.freeze()), codes)
    }

    #[test]
    fn probes_know_who_shares_their_keys_unless_too_many_do() {
        let one = column(&[&[0], &[0], &[0, 1], &[1], &[2], &[]]);
        let other = column(&[&[5], &[6], &[5, 6], &[6], &[5], &[5]]);
        let probes = [2, 4, 5];
        let one = ProbedKeys::new(&one, &probes);
        let other = ProbedKeys::new(&other, &probes);
        let of = |lists: &Lists, position| -> Vec<Vec<u32>> {
            let mut rows: Vec<Vec<u32>> =
                lists.of_probe(position).iter().map(|list| lists.rows(list).to_vec()).collect();
            rows.sort_unstable();
            rows
        };
        let has_key = |lists: &Lists| [0, 1, 2].map(|position| lists.has_key(position));
        let lists = Lists::of_one(&one, 2);
        assert_eq!(of(&lists, 0), [[2, 3]]);
        // Key 2 is the probe's own.
        assert!(of(&lists, 1).is_empty() && of(&lists, 2).is_empty());
        assert_eq!(has_key(&lists), [true, true, false]);
        for lists in [Lists::of_two(&one, &other, 9), Lists::of_two(&other, &one, 9)] {
            // Keys 0 and 5, 0 and 6, and 1 and 6; keys 1 and 5 are those of the probe alone.
            assert_eq!(of(&lists, 0), [[0, 2], [1, 2], [2, 3]]);
            assert!(of(&lists, 1).is_empty() && of(&lists, 2).is_empty());
            assert_eq!(has_key(&lists), [true, true, false]);
        }
        let lists = Lists::of_two(&one, &other, 1);
        assert!(of(&lists, 0).is_empty());
        assert_eq!(has_key(&lists), [true, true, false]);
        let alike = column(&[&[3], &[3], &[3], &[], &[3], &[]]);
        let alike = ProbedKeys::new(&alike, &probes);
        // Two rows have keys 0 and 3, which are too many.
        assert_eq!(has_key(&Lists::of_two(&one, &alike, 1)), [true, true, false]);
        let two = column(&[&[0], &[0], &[0], &[], &[2], &[]]);
        let two = ProbedKeys::new(&two, &probes);
        assert_eq!(has_key(&Lists::of_two(&two, &alike, 1)), [false, true, false]);
    }
}
