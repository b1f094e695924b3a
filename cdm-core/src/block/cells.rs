use rayon::prelude::*;

use crate::table::Codes;

/// The cells of every record under every rule, a record's together: what it is asked for lies in one place.
///
/// Most records have no key under most rules; a bit says so.
pub(super) struct Cells {
    /// How many words of bits a record has.
    width: usize,
    /// By record, a bit for each rule under which it has keys.
    has: Vec<u64>,
    /// By so many records, [`TOGETHER`], where the cells of the first start.
    starts: Vec<usize>,
    /// By record, then rule.
    cells: Vec<u32>,
}

/// Of so many records one start is noted; bits say the others.
const TOGETHER: usize = 8;

/// How many records a thread takes at once; a multiple of [`TOGETHER`].
const ROWS_AT_ONCE: usize = 1 << 12;

impl Cells {
    /// Of so many `rows`, by rule the cell of each that has one.
    pub(super) fn new(rows: usize, of_rules: &[Codes]) -> Self {
        // One word at least, so that there is something of every record.
        let width = of_rules.len().div_ceil(u64::BITS as usize).max(1);
        let mut has = vec![0; rows * width];
        has.par_chunks_mut(width).enumerate().with_min_len(ROWS_AT_ONCE).for_each(|(row, has)| {
            for (rule, cells) in of_rules.iter().enumerate() {
                has[rule / 64] |= u64::from(!cells.get(row).is_empty()) << (rule % 64);
            }
        });
        let mut end = 0;
        let mut starts = Vec::with_capacity(rows.div_ceil(TOGETHER) + 1);
        for has in has.chunks(width * TOGETHER) {
            starts.push(end);
            end += count(has);
        }
        starts.push(end);
        let mut cells = vec![0; end];
        let mut pieces = Vec::new();
        let mut left = &mut cells[..];
        for first in (0..rows).step_by(ROWS_AT_ONCE) {
            let after = rows.min(first + ROWS_AT_ONCE);
            let length = starts[after.div_ceil(TOGETHER)] - starts[first / TOGETHER];
            let (own, rest) = left.split_at_mut(length);
            pieces.push((first..after, own));
            left = rest;
        }
        pieces.into_par_iter().for_each(|(rows, own)| {
            let all = rows.flat_map(|row| of_rules.iter().flat_map(move |cells| cells.get(row)));
            own.iter_mut().zip(all).for_each(|(own, cell)| *own = *cell);
        });
        Self { width, has, starts, cells }
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let Self { has, starts, cells, .. } = self;
        (size_of_val(&has[..]) + size_of_val(&starts[..]) + size_of_val(&cells[..])) as u64
    }

    /// The rules under which a record has keys, in order, each with its cell.
    #[inline]
    pub(super) fn of(&self, row: usize) -> impl Iterator<Item = (usize, u32)> + Clone {
        let words = &self.has[row * self.width..(row + 1) * self.width];
        let rules = words.iter().enumerate().flat_map(|(place, word)| {
            let next = |left: &u64| Some(left & (left - 1)).filter(|left| *left != 0);
            let bits = std::iter::successors(Some(*word).filter(|word| *word != 0), next);
            bits.map(move |left| place * 64 + left.trailing_zeros() as usize)
        });
        rules.zip(self.cells[self.start(row)..].iter().copied())
    }

    /// Where the cells of a record start.
    #[inline]
    fn start(&self, row: usize) -> usize {
        let first = row / TOGETHER * TOGETHER;
        self.starts[row / TOGETHER] + count(&self.has[first * self.width..row * self.width])
    }

    /// The cell of a record under a rule; 0 where it has none.
    #[inline]
    pub(super) fn get(&self, row: usize, rule: usize) -> u32 {
        let words = &self.has[row * self.width..(row + 1) * self.width];
        let (word, bit) = (words[rule / 64], 1 << (rule % 64));
        if word & bit == 0 {
            return 0;
        }
        let before = words[..rule / 64].iter().map(|word| word.count_ones()).sum::<u32>();
        let place = before + (word & (bit - 1)).count_ones();
        self.cells[self.start(row) + place as usize]
    }
}

#[inline]
fn count(has: &[u64]) -> usize {
    has.iter().map(|has| has.count_ones() as usize).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn cells_are_those_of_each_rule(
            rules in prop_oneof![0_usize..5, 60_usize..140], seed: u64, many: bool,
        ) {
            let rows = if many { ROWS_AT_ONCE * 2 + 3 } else { 40 };
            let cell = |rule: usize, row: usize| -> u32 {
                let mixed = (seed ^ (rule * rows + row) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if mixed >> 62 == 0 { (mixed >> 40) as u32 % 1000 + 1 } else { 0 }
            };
            let of_rule = |rule| Codes::single((0..rows).map(|row| Some(cell(rule, row)).filter(|cell| *cell != 0)));
            let cells = Cells::new(rows, &(0..rules).map(of_rule).collect::<Vec<_>>());
            for row in (0..rows).step_by(if many { 97 } else { 1 }) {
                let wanted = (0..rules).map(|rule| (rule, cell(rule, row))).filter(|(_, cell)| *cell != 0);
                prop_assert_eq!(cells.of(row).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
                for rule in 0..rules {
                    prop_assert_eq!(cells.get(row, rule), cell(rule, row));
                }
            }
        }
    }
}
