use std::fmt;

use super::edit::{self, Transpositions};
use super::jaro::Alike;

/// A text decoded once, for metrics that meet it often.
///
/// Takes the text's own bytes where it is ASCII, else four bytes a character beside them.
/// `Debug` hides the text.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::Text;
/// let (left, right) = (Text::new("martha"), Text::new("marhta"));
/// assert_eq!(left.osa_distance(&right), 1);
/// assert!(left.jaro_winkler(&right) > 0.96);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text {
    text: Box<str>,
    /// The characters, where they are not all ASCII.
    chars: Option<Box<[char]>>,
}

impl Text {
    /// Decode `text`.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let chars = (!text.is_ascii()).then(|| text.chars().collect());
        Self { text, chars }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many Unicode scalar values it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.units().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// As [`jaro`](super::jaro()).
    #[must_use]
    pub fn jaro(&self, other: &Text) -> f64 {
        Alike::of(self.units(), other.units()).jaro
    }

    /// As [`jaro_winkler`](super::jaro_winkler).
    #[must_use]
    pub fn jaro_winkler(&self, other: &Text) -> f64 {
        Alike::of(self.units(), other.units()).jaro_winkler()
    }

    /// As [`levenshtein`](super::levenshtein).
    #[must_use]
    pub fn levenshtein(&self, other: &Text) -> usize {
        edit::of_units(self.units(), other.units(), Transpositions::CountTwice)
    }

    /// As [`levenshtein_within`](super::levenshtein_within).
    #[must_use]
    pub fn levenshtein_within(&self, other: &Text, limit: usize) -> Option<usize> {
        edit::within(self.units(), other.units(), Transpositions::CountTwice, limit)
    }

    /// As [`normalized_levenshtein`](super::normalized_levenshtein).
    #[must_use]
    pub fn normalized_levenshtein(&self, other: &Text) -> f64 {
        edit::normalized(self.levenshtein(other), self.len(), other.len())
    }

    /// As [`osa_distance`](super::osa_distance).
    #[must_use]
    pub fn osa_distance(&self, other: &Text) -> usize {
        edit::of_units(self.units(), other.units(), Transpositions::CountOnce)
    }

    /// As [`osa_within`](super::osa_within).
    #[must_use]
    pub fn osa_within(&self, other: &Text, limit: usize) -> Option<usize> {
        edit::within(self.units(), other.units(), Transpositions::CountOnce, limit)
    }

    #[inline]
    pub(super) fn units(&self) -> Units<'_> {
        match &self.chars {
            None => Units::Ascii(self.text.as_bytes()),
            Some(chars) => Units::Chars(chars),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The characters of a text.
#[derive(Clone, Copy)]
pub(super) enum Units<'a> {
    Ascii(&'a [u8]),
    Chars(&'a [char]),
}

impl Units<'_> {
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            Units::Ascii(text) => text.len(),
            Units::Chars(text) => text.len(),
        }
    }
}

/// Call a generic function of two slices of units with whatever the two texts are made of.
macro_rules! with_slices {
    ($left:expr, $right:expr, |$l:ident, $r:ident| $body:expr) => {
        match ($left, $right) {
            (
                $crate::compare::metric::text::Units::Ascii($l),
                $crate::compare::metric::text::Units::Ascii($r),
            ) => $body,
            (
                $crate::compare::metric::text::Units::Ascii($l),
                $crate::compare::metric::text::Units::Chars($r),
            ) => $body,
            (
                $crate::compare::metric::text::Units::Chars($l),
                $crate::compare::metric::text::Units::Ascii($r),
            ) => $body,
            (
                $crate::compare::metric::text::Units::Chars($l),
                $crate::compare::metric::text::Units::Chars($r),
            ) => $body,
        }
    };
}
pub(super) use with_slices;

/// Characters on the stack; longer texts go to the heap.
const ON_STACK: usize = 64;

/// The units of both texts, decoded where they are not ASCII, without allocating for short texts.
#[inline]
pub(super) fn with_units<R>(
    left: &str,
    right: &str,
    compare: impl Fn(Units<'_>, Units<'_>) -> R,
) -> R {
    if left.is_ascii() && right.is_ascii() {
        compare(Units::Ascii(left.as_bytes()), Units::Ascii(right.as_bytes()))
    } else {
        with_decoded(left, |left| with_decoded(right, |right| compare(left, right)))
    }
}

pub(super) fn with_decoded<R>(text: &str, then: impl FnOnce(Units<'_>) -> R) -> R {
    if text.is_ascii() {
        return then(Units::Ascii(text.as_bytes()));
    }
    let mut stack = ['\0'; ON_STACK];
    let mut len = 0;
    for c in text.chars() {
        match stack.get_mut(len) {
            Some(slot) => *slot = c,
            None => return then(Units::Chars(&text.chars().collect::<Vec<_>>())),
        }
        len += 1;
    }
    then(Units::Chars(&stack[..len]))
}
