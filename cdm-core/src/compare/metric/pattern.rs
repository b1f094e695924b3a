use std::fmt;

use super::bits::{AsciiTable, CharTable, Packed, WORD};
use super::edit::{self, Transpositions, one_word};
use super::jaro::{Alike, with_masks};
use super::text::{Text, Units, with_decoded};

/// A text prepared to be compared with many others: decoded, with the tables of its characters.
///
/// Takes 1 to 2 KiB where it has up to 64 characters and is not short and ASCII; keep one for the
/// text that is sought, and a [`Text`] for each that is searched. `Debug` hides the text.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::Pattern;
/// let sought = Pattern::new("robert");
/// let nearest = ["rupert", "robret", "maria"].iter().min_by_key(|t| sought.osa_distance(t));
/// assert_eq!(nearest, Some(&"robret"));
/// ```
#[derive(Clone)]
pub struct Pattern {
    text: Text,
    tables: Tables,
}

#[derive(Clone)]
enum Tables {
    Packed(Packed),
    Ascii(Box<AsciiTable>),
    Chars(Box<CharTable>),
    /// Empty, or longer than a table covers.
    None,
}

macro_rules! with_tables {
    ($pattern:expr, $other:expr, |$masks:ident, $text:ident| $body:expr, $otherwise:expr) => {
        match (&$pattern.tables, $other) {
            (Tables::Packed($masks), Units::Ascii($text)) => $body,
            (Tables::Packed($masks), Units::Chars($text)) => $body,
            (Tables::Ascii($masks), Units::Ascii($text)) => $body,
            (Tables::Ascii($masks), Units::Chars($text)) => $body,
            (Tables::Chars($masks), Units::Ascii($text)) => $body,
            (Tables::Chars($masks), Units::Chars($text)) => $body,
            (Tables::None, _) => $otherwise,
        }
    };
}

impl Pattern {
    /// Prepare `text`.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = Text::new(text);
        let tables = match text.units() {
            units if units.len() == 0 || units.len() > WORD => Tables::None,
            Units::Ascii(bytes) if bytes.len() <= Packed::MOST => {
                Tables::Packed(Packed::new(bytes))
            }
            Units::Ascii(bytes) => Tables::Ascii(Box::new(AsciiTable::new(bytes))),
            Units::Chars(chars) => Tables::Chars(Box::new(CharTable::new(chars))),
        };
        Self { text, tables }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// As [`jaro`](super::jaro()).
    #[must_use]
    pub fn jaro(&self, other: &str) -> f64 {
        with_decoded(other, |other| self.alike(other).jaro)
    }

    /// As [`jaro_winkler`](super::jaro_winkler).
    #[must_use]
    pub fn jaro_winkler(&self, other: &str) -> f64 {
        with_decoded(other, |other| self.alike(other).jaro_winkler())
    }

    /// As [`levenshtein`](super::levenshtein).
    #[must_use]
    pub fn levenshtein(&self, other: &str) -> usize {
        with_decoded(other, |other| self.distance::<false>(other))
    }

    /// As [`levenshtein_within`](super::levenshtein_within).
    #[must_use]
    pub fn levenshtein_within(&self, other: &str, limit: usize) -> Option<usize> {
        with_decoded(other, |other| self.within::<false>(other, limit))
    }

    /// As [`normalized_levenshtein`](super::normalized_levenshtein).
    #[must_use]
    pub fn normalized_levenshtein(&self, other: &str) -> f64 {
        with_decoded(other, |other| {
            edit::normalized(self.distance::<false>(other), self.text.len(), other.len())
        })
    }

    /// As [`osa_distance`](super::osa_distance).
    #[must_use]
    pub fn osa_distance(&self, other: &str) -> usize {
        with_decoded(other, |other| self.distance::<true>(other))
    }

    /// As [`osa_within`](super::osa_within).
    #[must_use]
    pub fn osa_within(&self, other: &str, limit: usize) -> Option<usize> {
        with_decoded(other, |other| self.within::<true>(other, limit))
    }

    #[inline]
    fn alike(&self, other: Units<'_>) -> Alike {
        let whole = |other| Alike::of(other, self.text.units());
        if other.len() > WORD {
            return whole(other);
        }
        // The pattern's own units tell the order of what matched, so its masks go with its slice.
        match self.text.units() {
            Units::Ascii(own) => {
                with_tables!(self, other, |masks, text| with_masks(text, own, masks), whole(other))
            }
            Units::Chars(own) => {
                with_tables!(self, other, |masks, text| with_masks(text, own, masks), whole(other))
            }
        }
    }

    #[inline]
    fn distance<const SWAPS: bool>(&self, other: Units<'_>) -> usize {
        let most = self.text.len().max(other.len());
        self.within::<SWAPS>(other, most).unwrap_or(most)
    }

    #[inline]
    fn within<const SWAPS: bool>(&self, other: Units<'_>, limit: usize) -> Option<usize> {
        let rows = self.text.len();
        if rows.abs_diff(other.len()) > limit {
            return None;
        }
        let swaps = if SWAPS { Transpositions::CountOnce } else { Transpositions::CountTwice };
        with_tables!(
            self,
            other,
            |masks, text| one_word::<SWAPS, _>(masks, rows, text, limit),
            edit::within(self.text.units(), other, swaps, limit)
        )
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("text", &self.text).finish_non_exhaustive()
    }
}
