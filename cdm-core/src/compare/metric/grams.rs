use std::cmp::Ordering;
use std::fmt;

/// How many characters a gram has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GramSize {
    /// Bigrams.
    Two,
    /// Trigrams.
    Three,
}

/// Before the first character and behind the last; no scalar value.
const EDGE: u64 = 0x1F_FFFF;
/// How many bits a scalar value takes.
const BITS: u32 = 21;

/// The multiset of a text's q-grams: every run of q characters, those that begin before the first
/// or end behind the last included, so that beginning and end count and no text is too short.
///
/// An empty text has none. `Debug` hides the text.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::{GramSize, Grams};
/// let (left, right) = (Grams::new("night", GramSize::Two), Grams::new("nacht", GramSize::Two));
/// assert_eq!(left.len(), 6); // #n ni ig gh ht t#
/// assert_eq!(left.dice(&right), 0.5); // #n ht t#
/// ```
///
/// # References
/// Ukkonen (1992), Approximate String-Matching with q-Grams and Maximal Matches, Theoretical
/// Computer Science 92(1), 191-211; with the padding of Gravano et al. (2001), Approximate String
/// Joins in a Database (Almost) for Free, VLDB, 491-500.
#[derive(Clone, PartialEq, Eq)]
pub struct Grams {
    /// Each gram packed into one number, sorted.
    grams: Box<[u64]>,
}

impl Grams {
    /// The grams of `text`.
    #[must_use]
    pub fn new(text: &str, size: GramSize) -> Self {
        if text.is_empty() {
            return Self { grams: Box::default() };
        }
        let edges: usize = match size {
            GramSize::Two => 1,
            GramSize::Three => 2,
        };
        let whole = (1 << (BITS * (edges as u32 + 1))) - 1;
        let mut gram = (0..edges).fold(0, |gram, _| gram << BITS | EDGE);
        let mut grams: Box<[u64]> = text
            .chars()
            .map(u64::from)
            .chain(std::iter::repeat_n(EDGE, edges))
            .map(|code| {
                gram = (gram << BITS | code) & whole;
                gram
            })
            .collect();
        grams.sort_unstable();
        Self { grams }
    }

    /// How many grams there are, repeated ones counted each time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.grams.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grams.is_empty()
    }

    /// Jaccard similarity: those in common as a share of all; 1 where both have none.
    #[must_use]
    pub fn jaccard(&self, other: &Grams) -> f64 {
        let common = self.common(other);
        match self.len() + other.len() - common {
            0 => 1.0,
            all => common as f64 / all as f64,
        }
    }

    /// Dice similarity: twice those in common as a share of both sides' sum; 1 where both have
    /// none.
    #[must_use]
    pub fn dice(&self, other: &Grams) -> f64 {
        match self.len() + other.len() {
            0 => 1.0,
            both => (2 * self.common(other)) as f64 / both as f64,
        }
    }

    fn common(&self, other: &Grams) -> usize {
        let (mut i, mut j, mut common) = (0, 0, 0);
        while let (Some(left), Some(right)) = (self.grams.get(i), other.grams.get(j)) {
            let order = left.cmp(right);
            i += usize::from(order != Ordering::Greater);
            j += usize::from(order != Ordering::Less);
            common += usize::from(order == Ordering::Equal);
        }
        common
    }
}

impl fmt::Debug for Grams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grams").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Jaccard similarity of the [`Grams`] of two texts: from 0 to 1.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::{GramSize, gram_jaccard};
/// assert_eq!(gram_jaccard("night", "nacht", GramSize::Two), 3.0 / 9.0);
/// ```
#[must_use]
pub fn gram_jaccard(left: &str, right: &str, size: GramSize) -> f64 {
    Grams::new(left, size).jaccard(&Grams::new(right, size))
}

/// Dice similarity of the [`Grams`] of two texts: from 0 to 1.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::{GramSize, gram_dice};
/// assert_eq!(gram_dice("night", "nacht", GramSize::Two), 0.5);
/// assert_eq!(gram_dice("", "nacht", GramSize::Three), 0.0);
/// ```
///
/// # References
/// Dice (1945), Measures of the Amount of Ecologic Association Between Species, Ecology 26(3),
/// 297-302.
#[must_use]
pub fn gram_dice(left: &str, right: &str, size: GramSize) -> f64 {
    Grams::new(left, size).dice(&Grams::new(right, size))
}
