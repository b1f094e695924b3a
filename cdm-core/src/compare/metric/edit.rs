use super::bits::{FewChars, Masks, Packed, Unit, WORD};
use super::text::{Units, with_slices, with_units};

/// What exchanging two neighbouring characters costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transpositions {
    /// Levenshtein: two edits.
    CountTwice,
    /// Optimal string alignment: one.
    CountOnce,
}

/// Levenshtein distance: the least insertions, deletions and replacements of a character that make
/// one text the other.
///
/// Takes time in proportion to n · ⌈m / 64⌉ for texts of n and m characters.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::levenshtein;
/// assert_eq!(levenshtein("kitten", "sitting"), 3);
/// assert_eq!(levenshtein("müller", "muller"), 1);
/// ```
///
/// # References
/// Myers (1999), A Fast Bit-Vector Algorithm for Approximate String Matching, JACM 46(3), 395-415,
/// in the form of Hyyrö (2003), A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit
/// Distances, Nordic Journal of Computing 10(1), 29-39.
#[must_use]
pub fn levenshtein(left: &str, right: &str) -> usize {
    with_units(left, right, |l, r| of_units(l, r, Transpositions::CountTwice))
}

/// [`levenshtein`] where it is at most `limit`; `None`, and sooner, where it is more.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::levenshtein_within;
/// assert_eq!(levenshtein_within("kitten", "sitting", 3), Some(3));
/// assert_eq!(levenshtein_within("kitten", "sitting", 2), None);
/// ```
#[must_use]
pub fn levenshtein_within(left: &str, right: &str, limit: usize) -> Option<usize> {
    with_units(left, right, |l, r| within(l, r, Transpositions::CountTwice, limit))
}

/// One minus [`levenshtein`] as a share of the longer text: from 0 to 1 (equal).
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::normalized_levenshtein;
/// assert_eq!(normalized_levenshtein("abcd", "abce"), 0.75);
/// assert_eq!(normalized_levenshtein("", ""), 1.0);
/// ```
#[must_use]
pub fn normalized_levenshtein(left: &str, right: &str) -> f64 {
    with_units(left, right, |l, r| {
        normalized(of_units(l, r, Transpositions::CountTwice), l.len(), r.len())
    })
}

/// Optimal string alignment distance: [`levenshtein`] with the exchange of two neighbouring
/// characters as one edit; no part of a text is edited twice.
///
/// Not a metric in the strict sense: the triangle inequality does not hold.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::osa_distance;
/// assert_eq!(osa_distance("robert", "robret"), 1);
/// assert_eq!(osa_distance("ca", "abc"), 3);
/// ```
///
/// # References
/// Hyyrö (2003), A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances,
/// Nordic Journal of Computing 10(1), 29-39.
#[must_use]
pub fn osa_distance(left: &str, right: &str) -> usize {
    with_units(left, right, |l, r| of_units(l, r, Transpositions::CountOnce))
}

/// [`osa_distance`] where it is at most `limit`; `None`, and sooner, where it is more.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::osa_within;
/// assert_eq!(osa_within("robert", "robret", 1), Some(1));
/// assert_eq!(osa_within("robert", "maria", 1), None);
/// ```
#[must_use]
pub fn osa_within(left: &str, right: &str, limit: usize) -> Option<usize> {
    with_units(left, right, |l, r| within(l, r, Transpositions::CountOnce, limit))
}

pub(super) fn normalized(distance: usize, left: usize, right: usize) -> f64 {
    match left.max(right) {
        0 => 1.0,
        longer => 1.0 - distance as f64 / longer as f64,
    }
}

#[inline]
pub(super) fn of_units(left: Units<'_>, right: Units<'_>, swaps: Transpositions) -> usize {
    // No distance is more than the longer text.
    let most = left.len().max(right.len());
    within(left, right, swaps, most).unwrap_or(most)
}

#[inline]
pub(super) fn within(
    left: Units<'_>,
    right: Units<'_>,
    swaps: Transpositions,
    limit: usize,
) -> Option<usize> {
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    // Up to 64 characters the shorter is the pattern: one word is a row.
    let (short, long) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    with_slices!(short, long, |short, long| {
        let (short, long) = trimmed(short, long);
        match swaps {
            Transpositions::CountTwice => slices::<false, _, _>(short, long, limit),
            Transpositions::CountOnce => slices::<true, _, _>(short, long, limit),
        }
    })
}

/// Without the common beginning and end, which cost nothing.
#[inline]
fn trimmed<'l, 'r, L: Unit, R: Unit>(left: &'l [L], right: &'r [R]) -> (&'l [L], &'r [R]) {
    let same = |(l, r): &(&L, &R)| l.code() == r.code();
    let start = left.iter().zip(right).take_while(same).count();
    let (left, right) = (&left[start..], &right[start..]);
    let end = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    (&left[..left.len() - end], &right[..right.len() - end])
}

/// `short` is not the longer one.
#[inline]
fn slices<const SWAPS: bool, S: Unit, L: Unit>(
    short: &[S],
    long: &[L],
    limit: usize,
) -> Option<usize> {
    if short.is_empty() {
        return (long.len() <= limit).then_some(long.len());
    }
    if short.len() > WORD {
        return strips::<SWAPS, _, _>(short, long, limit);
    }
    if short.len() <= FewChars::MOST {
        return match packed(short) {
            Some(packed) => one_word::<SWAPS, _>(&packed, short.len(), long, limit),
            None => one_word::<SWAPS, _>(&FewChars::new(short), short.len(), long, limit),
        };
    }
    one_word::<SWAPS, _>(&Unit::table(short), short.len(), long, limit)
}

/// The units in two words, where all are ASCII: also when they are what is left of a text that was
/// not.
#[inline]
fn packed<U: Unit>(text: &[U]) -> Option<Packed> {
    let mut bytes = [0; Packed::MOST];
    for (byte, unit) in bytes.iter_mut().zip(text) {
        *byte = u8::try_from(unit.code()).ok().filter(u8::is_ascii)?;
    }
    Some(Packed::new(&bytes[..text.len()]))
}

/// Row by row, a row in one word: `masks` are those of a pattern of `rows` characters, 1 to 64.
#[inline]
pub(super) fn one_word<const SWAPS: bool, T: Unit>(
    masks: &impl Masks,
    rows: usize,
    text: &[T],
    limit: usize,
) -> Option<usize> {
    let last = 1_u64 << (rows - 1);
    let mut distance = rows;
    let mut column = Column::START;
    for (place, unit) in text.iter().enumerate() {
        let (plus, minus, _) = column.step::<SWAPS>(masks.of(unit.code()), last, Edge::TOP);
        distance = distance + usize::from(plus) - usize::from(minus);
        // Each character that is left can take back one edit.
        if distance > limit.saturating_add(text.len() - place - 1) {
            return None;
        }
    }
    (distance <= limit).then_some(distance)
}

/// Texts of any length: the table in strips of 64 rows, each from left to right, of which only the
/// band is computed in which a distance of at most `limit` can lie. What is outside it is taken for
/// more than it is, so that a distance within the limit is exact.
fn strips<const SWAPS: bool, P: Unit, T: Unit>(
    pattern: &[P],
    text: &[T],
    limit: usize,
) -> Option<usize> {
    if pattern.len().abs_diff(text.len()) > limit {
        return None;
    }
    // How the last row of the strip above goes on from each column to the next.
    let mut edges = vec![Edge::TOP; text.len()];
    // The distance at column `first` of the row above the strip.
    let (mut distance, mut first) = (0_usize, 0_usize);
    for (strip, rows) in pattern.chunks(WORD).enumerate() {
        let above = strip * WORD;
        let from = above.saturating_sub(limit).min(text.len());
        let to = above.saturating_add(rows.len()).saturating_add(limit).min(text.len());
        distance = along(distance, &edges[first..from]);
        first = from;
        let masks = Unit::table(rows);
        let last = 1_u64 << (rows.len() - 1);
        let mut column = Column::START;
        for (edge, unit) in edges[from..to].iter_mut().zip(&text[from..to]) {
            let (plus, minus, swap) = column.step::<SWAPS>(masks.of(unit.code()), last, *edge);
            *edge = Edge { plus, minus, swap };
        }
        distance += rows.len();
    }
    let distance = along(distance, &edges[first..]);
    (distance <= limit).then_some(distance)
}

/// The distance at the end of these columns of a row that begins with `distance`.
fn along(distance: usize, edges: &[Edge]) -> usize {
    let count = |which: fn(&Edge) -> bool| edges.iter().filter(|edge| which(edge)).count();
    (distance + count(|edge| edge.plus)).saturating_sub(count(|edge| edge.minus))
}

/// How a row differs from one column to the next, and what it lets the row below know.
#[derive(Clone, Copy)]
struct Edge {
    plus: bool,
    minus: bool,
    /// Whether the next row may be the second half of a transposition.
    swap: bool,
}

impl Edge {
    /// The row of the empty pattern: one more with every character.
    const TOP: Self = Self { plus: true, minus: false, swap: false };
}

/// The vertical differences of a column, and what transpositions need of it.
struct Column {
    plus: u64,
    minus: u64,
    /// Rows in which the diagonal step into the column cost nothing.
    diagonal: u64,
    /// Rows whose character was that of the column.
    equal: u64,
}

impl Column {
    const START: Self = Self { plus: u64::MAX, minus: 0, diagonal: 0, equal: 0 };

    /// Go on to the next column; returns how the last row changed, up and down, and whether the
    /// row below may end a transposition.
    #[inline]
    fn step<const SWAPS: bool>(
        &mut self,
        equal: u64,
        last: u64,
        above: Edge,
    ) -> (bool, bool, bool) {
        let (plus_in, minus_in) = (u64::from(above.plus), u64::from(above.minus));
        let reached = equal | minus_in;
        let mut diagonal =
            ((reached & self.plus).wrapping_add(self.plus) ^ self.plus) | reached | self.minus;
        let mut swap_out = false;
        if SWAPS {
            let started = !self.diagonal & equal;
            diagonal |= (started << 1 | u64::from(above.swap)) & self.equal;
            swap_out = started & last != 0;
            self.equal = equal;
            self.diagonal = diagonal;
        }
        let plus = self.minus | !(diagonal | self.plus);
        let minus = diagonal & self.plus;
        let out = (plus & last != 0, minus & last != 0, swap_out);
        let (plus, minus) = (plus << 1 | plus_in, minus << 1 | minus_in);
        self.plus = minus | !(diagonal | plus);
        self.minus = plus & diagonal;
        out
    }
}
