use super::bits::{FewChars, Masks, Packed, Unit, WORD};
use super::text::{Units, with_slices, with_units};

/// Jaro similarity: from 0 (no character in common) to 1 (equal).
///
/// Two characters match where they are equal and no further apart than half the longer text less
/// one; with m matches and t of them (counted in pairs) in another order, it is the mean of
/// m / |left|, m / |right| and (m - t) / m. Two empty texts are equal; an empty and another have
/// nothing in common. Linear in the characters up to 64 of them, n log n beyond.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::jaro;
/// assert!((jaro("martha", "marhta") - 17.0 / 18.0).abs() < 1e-12);
/// assert_eq!(jaro("", ""), 1.0);
/// assert_eq!(jaro("a", ""), 0.0);
/// ```
///
/// # References
/// Jaro (1989), Advances in Record-Linkage Methodology, JASA 84(406), 414-420. Matching bit by bit
/// follows the idea of Hyyrö's bit-parallel string matching.
#[must_use]
pub fn jaro(left: &str, right: &str) -> f64 {
    with_units(left, right, |left, right| Alike::of(left, right).jaro)
}

/// Jaro-Winkler similarity: [`jaro`], drawn nearer to 1 by a tenth for each of the first four
/// characters that agree, where it is above 0.7.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::jaro_winkler;
/// assert!((jaro_winkler("martha", "marhta") - 0.9611).abs() < 1e-4);
/// assert!((jaro_winkler("dixon", "dicksonx") - 0.8133).abs() < 1e-4);
/// ```
///
/// # References
/// Winkler (1990), String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter
/// Model of Record Linkage. The floor of 0.7 is that of Winkler's own program `strcmp95.c`.
#[must_use]
pub fn jaro_winkler(left: &str, right: &str) -> f64 {
    with_units(left, right, |left, right| Alike::of(left, right).jaro_winkler())
}

/// How alike two texts are.
#[derive(Clone, Copy)]
pub(super) struct Alike {
    pub(super) jaro: f64,
    /// How many of their first characters are the same.
    same: usize,
}

impl Alike {
    #[inline]
    pub(super) fn of(left: Units<'_>, right: Units<'_>) -> Self {
        // A step for each character of the left: the shorter has fewer.
        let (left, right) = if left.len() <= right.len() { (left, right) } else { (right, left) };
        match (left, right) {
            (Units::Ascii(l), Units::Ascii(r)) if r.len() <= Packed::MOST => {
                with_masks(l, r, &Packed::new(r))
            }
            (l, r) if r.len() <= FewChars::MOST => {
                with_slices!(l, r, |l, r| with_masks(l, r, &FewChars::new(r)))
            }
            (l, r) => with_slices!(l, r, |l, r| if l.len() <= WORD && r.len() <= WORD {
                with_masks(l, r, &Unit::table(r))
            } else {
                Self { jaro: long(l, r), same: same(l, r) }
            }),
        }
    }

    /// With Winkler's addition for a common beginning.
    #[inline]
    pub(super) fn jaro_winkler(self) -> f64 {
        let Self { jaro, same } = self;
        if jaro <= 0.7 { jaro } else { jaro + 0.1 * same.min(4) as f64 * (1.0 - jaro) }
    }
}

/// How many units both begin with.
#[inline]
fn same<L: Unit, R: Unit>(left: &[L], right: &[R]) -> usize {
    left.iter().zip(right).take_while(|(l, r)| l.code() == r.code()).count()
}

/// Both texts of at most 64 units; `masks` are those of `right`.
#[inline]
pub(super) fn with_masks<L: Unit, R: Unit>(left: &[L], right: &[R], masks: &impl Masks) -> Alike {
    if left.is_empty() || right.is_empty() {
        let jaro = if left.len() == right.len() { 1.0 } else { 0.0 };
        return Alike { jaro, same: 0 };
    }
    let reach = (left.len().max(right.len()) / 2).saturating_sub(1);
    // What both begin with matches itself: all places before are taken.
    let same = same(left, right);
    let (mut left_matched, mut right_matched) = (lowest(same), lowest(same));
    let mut furthest = right_matched ^ right_matched >> 1;
    let mut crossed = false;
    // The places of `right` within reach of the current one: at most 32 bits below it.
    let mut window = lowest(same + reach + 1) & !lowest(same.saturating_sub(reach));
    for (place, unit) in left.iter().enumerate().skip(same) {
        let free = masks.of(unit.code()) & window & !right_matched;
        let first = free & free.wrapping_neg();
        right_matched |= first;
        left_matched |= u64::from(first != 0) << place;
        crossed |= first != 0 && first < furthest;
        furthest = furthest.max(first);
        window = window << 1 | u64::from(place < reach);
    }
    let matches = right_matched.count_ones() as usize;
    let mut misplaced = 0;
    // Where every match lies behind the one before it, the order is the same.
    if crossed {
        while left_matched != 0 && right_matched != 0 {
            let (l, r) = (left_matched.trailing_zeros(), right_matched.trailing_zeros());
            misplaced += usize::from(left[l as usize].code() != right[r as usize].code());
            left_matched &= left_matched - 1;
            right_matched &= right_matched - 1;
        }
    }
    Alike { jaro: similarity(matches, misplaced, left.len(), right.len()), same }
}

/// So many of the lowest bits, or all.
#[inline]
fn lowest(bits: usize) -> u64 {
    u64::MAX.checked_shr((WORD as u32).saturating_sub(bits as u32)).unwrap_or_default()
}

/// Texts of any length, by merging the places of each character: the first of either text that is
/// in reach of the other's first is its match, and one that is out of reach can match no later one.
pub(super) fn long<L: Unit, R: Unit>(left: &[L], right: &[R]) -> f64 {
    if left.is_empty() || right.is_empty() {
        return if left.len() == right.len() { 1.0 } else { 0.0 };
    }
    let reach = (left.len().max(right.len()) / 2).saturating_sub(1);
    let (left_places, right_places) = (places(left), places(right));
    let (mut left_matched, mut right_matched) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while let (Some(&(l, l_place)), Some(&(r, r_place))) = (left_places.get(i), right_places.get(j))
    {
        if l == r && l_place.abs_diff(r_place) <= reach {
            left_matched.push(l_place);
            right_matched.push(r_place);
            (i, j) = (i + 1, j + 1);
        } else if (l, l_place) < (r, r_place) {
            i += 1;
        } else {
            j += 1;
        }
    }
    left_matched.sort_unstable();
    right_matched.sort_unstable();
    let misplaced = left_matched
        .iter()
        .zip(&right_matched)
        .filter(|(l, r)| left[**l].code() != right[**r].code())
        .count();
    similarity(left_matched.len(), misplaced, left.len(), right.len())
}

/// Each character with its place, sorted.
fn places<U: Unit>(text: &[U]) -> Vec<(u32, usize)> {
    let mut places: Vec<_> =
        text.iter().enumerate().map(|(place, unit)| (unit.code(), place)).collect();
    places.sort_unstable();
    places
}

#[inline]
fn similarity(matches: usize, misplaced: usize, left: usize, right: usize) -> f64 {
    if matches == 0 {
        return 0.0;
    }
    let in_order = matches - misplaced / 2;
    (quotient(matches, left) + quotient(matches, right) + quotient(in_order, matches)) / 3.0
}

/// `number / of`, which takes longer to divide than to look up.
#[inline]
fn quotient(number: usize, of: usize) -> f64 {
    let known = QUOTIENTS.get(of).and_then(|row| row.get(number));
    known.copied().unwrap_or_else(|| number as f64 / of as f64)
}

/// By divisor, then dividend: of the lengths that names have.
static QUOTIENTS: [[f64; 16]; 16] = {
    let mut quotients = [[0.0; 16]; 16];
    let mut of = 1;
    while of < 16 {
        let mut number = 0;
        while number < 16 {
            quotients[of][number] = number as f64 / of as f64;
            number += 1;
        }
        of += 1;
    }
    quotients
};
