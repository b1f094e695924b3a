use std::cmp::Ordering;
use std::fmt;

use super::text::Text;

/// How much a token tells: its inverse document frequency, such as ln(N / n) for one that n of N
/// texts hold. Closures of `&str` are weights.
pub trait TokenWeight {
    /// The weight, finite and at least 0.
    fn weight(&self, token: &str) -> f64;
}

impl<F: Fn(&str) -> f64> TokenWeight for F {
    fn weight(&self, token: &str) -> f64 {
        self(token)
    }
}

/// A text's tokens, which white space parts, each with how often it occurs.
///
/// `Debug` hides the text.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::Tokens;
/// let (left, right) = (Tokens::new("acme trading"), Tokens::new("trading acme uk"));
/// assert_eq!(left.jaccard(&right), 2.0 / 3.0);
/// assert!(left.is_subset(&right));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Distinct tokens in order, with how often each occurs.
    tokens: Box<[(Text, u32)]>,
}

impl Tokens {
    /// The tokens of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        words.sort_unstable();
        let tokens = words
            .chunk_by(|left, right| left == right)
            .map(|run| (Text::new(run[0]), u32::try_from(run.len()).unwrap_or(u32::MAX)))
            .collect();
        Self { tokens }
    }

    /// How many distinct tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The distinct tokens, sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Text> {
        self.tokens.iter().map(|(token, _)| token)
    }

    /// How many distinct tokens both have.
    #[must_use]
    pub fn common(&self, other: &Tokens) -> usize {
        common_tokens(self.counted(), other.counted())
    }

    /// Whether each of its tokens is one of `other`'s.
    #[must_use]
    pub fn is_subset(&self, other: &Tokens) -> bool {
        self.len() <= other.len() && self.common(other) == self.len()
    }

    /// Distinct tokens in common as a share of all: from 0 to 1; 1 where both have none.
    #[must_use]
    pub fn jaccard(&self, other: &Tokens) -> f64 {
        let common = self.common(other);
        match self.len() + other.len() - common {
            0 => 1.0,
            all => common as f64 / all as f64,
        }
    }

    /// As [`monge_elkan`], by [`jaro_winkler`](super::jaro_winkler) of the tokens.
    #[must_use]
    pub fn monge_elkan(&self, other: &Tokens) -> f64 {
        if self.is_empty() || other.is_empty() {
            return if self.len() == other.len() { 1.0 } else { 0.0 };
        }
        (self.mean_of_nearest(other) + other.mean_of_nearest(self)) / 2.0
    }

    fn mean_of_nearest(&self, other: &Tokens) -> f64 {
        let own = self.tokens.iter().map(|(token, times)| (token, *times));
        let other = other.tokens.iter().map(|(token, times)| (token, *times));
        mean_of_nearest_tokens(own, other, Text::jaro_winkler)
    }

    fn counted(&self) -> impl Iterator<Item = (&str, u32)> {
        self.tokens.iter().map(|(token, times)| (token.as_str(), *times))
    }

    /// As [`soft_tf_idf`], without splitting the texts again.
    #[must_use]
    pub fn soft_tf_idf(
        &self,
        other: &Tokens,
        weight: &(impl TokenWeight + ?Sized),
        threshold: f64,
    ) -> f64 {
        if self.is_empty() || other.is_empty() {
            return if self.len() == other.len() { 1.0 } else { 0.0 };
        }
        let lengths = self.length(weight) * other.length(weight);
        if lengths <= 0.0 {
            // Nothing that occurs tells anything.
            return 0.0;
        }
        let sum = self.soft_product(other, weight, threshold)
            + other.soft_product(self, weight, threshold);
        (sum / (2.0 * lengths)).clamp(0.0, 1.0)
    }

    fn soft_product(
        &self,
        other: &Tokens,
        weight: &(impl TokenWeight + ?Sized),
        threshold: f64,
    ) -> f64 {
        let mut sum = 0.0;
        for token in &self.tokens {
            let mut nearest: Option<(f64, &(Text, u32))> = None;
            for candidate in &other.tokens {
                let similarity = token.0.jaro_winkler(&candidate.0);
                // The first of equals: tokens are sorted, so it is always the same one.
                if similarity >= threshold && nearest.is_none_or(|(best, _)| similarity > best) {
                    nearest = Some((similarity, candidate));
                }
            }
            if let Some((similarity, candidate)) = nearest {
                sum += tf_idf(token, weight) * tf_idf(candidate, weight) * similarity;
            }
        }
        sum
    }

    fn length(&self, weight: &(impl TokenWeight + ?Sized)) -> f64 {
        let mut squares = 0.0;
        for token in &self.tokens {
            let value = tf_idf(token, weight);
            squares += value * value;
        }
        libm::sqrt(squares)
    }
}

/// How many tokens two sorted lists of distinct ones have in common.
pub(in crate::compare) fn common_tokens<'t>(
    mut left: impl Iterator<Item = (&'t str, u32)>,
    mut right: impl Iterator<Item = (&'t str, u32)>,
) -> usize {
    let (mut l, mut r) = (left.next(), right.next());
    let mut common = 0;
    while let (Some((one, _)), Some((other, _))) = (l, r) {
        let order = one.cmp(other);
        common += usize::from(order == Ordering::Equal);
        if order != Ordering::Greater {
            l = left.next();
        }
        if order != Ordering::Less {
            r = right.next();
        }
    }
    common
}

/// How near each token of `own`, as often as it occurs, has its nearest of `other`, in the mean.
pub(in crate::compare) fn mean_of_nearest_tokens<T: Copy>(
    own: impl Iterator<Item = (T, u32)>,
    other: impl Iterator<Item = (T, u32)> + Clone,
    similarity: impl Fn(T, T) -> f64,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (token, times) in own {
        let nearest = other.clone().map(|(o, _)| similarity(token, o)).fold(0.0, f64::max);
        sum += nearest * f64::from(times);
        count += f64::from(times);
    }
    sum / count
}

fn tf_idf((token, times): &(Text, u32), weight: &(impl TokenWeight + ?Sized)) -> f64 {
    let weight = weight.weight(token.as_str());
    // A weight that is none would make every sum none.
    if weight.is_finite() { libm::log1p(f64::from(*times)) * weight.max(0.0) } else { 0.0 }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Jaccard similarity of the distinct tokens of two texts: from 0 to 1; 1 where both have none.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::token_jaccard;
/// assert_eq!(token_jaccard("acme trading uk", "trading acme"), 2.0 / 3.0);
/// ```
#[must_use]
pub fn token_jaccard(left: &str, right: &str) -> f64 {
    Tokens::new(left).jaccard(&Tokens::new(right))
}

/// Token-set ratio: how alike two texts are when the tokens that they share are set first, from 0
/// to 1.
///
/// The distinct tokens in common, sorted, make one text; followed by those of the left alone, and by
/// those of the right alone, they make two more. The ratio is the greatest similarity among the
/// three, counted as 1 - (insertions + deletions) / (sum of both lengths); 1 where one text's tokens
/// are all in the other, 0 where either has none. Allocates; where many pairs are met, see
/// [`Tokens`].
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::token_set_ratio;
/// assert_eq!(token_set_ratio("acme trading", "trading acme uk"), 1.0);
/// assert_eq!(token_set_ratio("acme", "umbra"), 1.0 - 7.0 / 9.0); // 7 edits of 4 + 5 letters
/// ```
///
/// # References
/// The `token_set_ratio` of the program FuzzyWuzzy (2011).
#[must_use]
pub fn token_set_ratio(left: &str, right: &str) -> f64 {
    let (left, right) = (Tokens::new(left), Tokens::new(right));
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let own = |tokens: &Tokens, other: &Tokens| {
        let has = |token: &Text| {
            other.tokens.binary_search_by(|t| t.0.as_str().cmp(token.as_str())).is_ok()
        };
        let (common, own): (Vec<_>, Vec<_>) =
            tokens.iter().partition::<Vec<&Text>, _>(|token| has(token));
        let joined = |tokens: Vec<&Text>| -> Vec<char> {
            let texts: Vec<&str> = tokens.into_iter().map(Text::as_str).collect();
            texts.join(" ").chars().collect()
        };
        (joined(common), joined(own))
    };
    let (common, left_own) = own(&left, &right);
    let (_, right_own) = own(&right, &left);
    if !common.is_empty() && (left_own.is_empty() || right_own.is_empty()) {
        return 1.0;
    }
    let space = usize::from(!common.is_empty());
    let whole = |own: &[char]| common.len() + space + own.len();
    let similarity = |edits: usize, lengths: usize| 1.0 - edits as f64 / lengths as f64;
    let edits = left_own.len() + right_own.len() - 2 * longest_common(&left_own, &right_own);
    let mut ratio = similarity(edits, whole(&left_own) + whole(&right_own));
    if !common.is_empty() {
        for own in [&left_own, &right_own] {
            ratio = ratio.max(similarity(space + own.len(), common.len() + whole(own)));
        }
    }
    ratio
}

/// Length of the longest common subsequence, 64 rows at a time.
///
/// Hyyrö (2004), Bit-Parallel LCS-length Computation Revisited, AWOCA, 16-27.
fn longest_common(pattern: &[char], text: &[char]) -> usize {
    use super::bits::{Masks, Unit, WORD};
    // What each column's addition carries over into the next strip.
    let mut carries = vec![false; text.len()];
    let mut length = 0;
    for rows in pattern.chunks(WORD) {
        let masks = Unit::table(rows);
        let mut state = u64::MAX;
        for (carry, unit) in carries.iter_mut().zip(text) {
            let matched = state & masks.of(unit.code());
            let (sum, first) = state.overflowing_add(matched);
            let (sum, second) = sum.overflowing_add(u64::from(*carry));
            *carry = first || second;
            state = sum | (state - matched);
        }
        let used = u64::MAX >> (WORD - rows.len());
        length += (!state & used).count_ones() as usize;
    }
    length
}

/// Monge-Elkan similarity of two texts by tokens: how near each token of one has its nearest of the
/// other by [`jaro_winkler`](super::jaro_winkler), in the mean; from 0 to 1.
///
/// The mean of both directions, so that it is symmetric. Two texts without tokens are equal.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::monge_elkan;
/// assert_eq!(monge_elkan("peter smith", "smith peter"), 1.0);
/// assert!(monge_elkan("peter smith", "smyth pete") > 0.9);
/// ```
///
/// # References
/// Monge & Elkan (1996), The Field Matching Problem: Algorithms and Applications, KDD, 267-270.
#[must_use]
pub fn monge_elkan(left: &str, right: &str) -> f64 {
    Tokens::new(left).monge_elkan(&Tokens::new(right))
}

/// Soft TF-IDF similarity of two texts by tokens: cosine of their TF-IDF vectors in which tokens
/// meet that are equal, or at least `threshold` alike by [`jaro_winkler`](super::jaro_winkler);
/// from 0 to 1.
///
/// A token that occurs n times has the value ln(1 + n) · its weight. The mean of both directions, so
/// that it is symmetric. Two texts without tokens are equal; texts of which no token has a weight
/// have nothing in common.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::soft_tf_idf;
/// let weight = |token: &str| if token == "trading" { 0.1 } else { 5.0 };
/// assert!(soft_tf_idf("acme trading", "acmee trading", &weight, 0.9) > 0.95);
/// assert!(soft_tf_idf("acme trading", "umbra trading", &weight, 0.9) < 0.01);
/// ```
///
/// # References
/// Cohen, Ravikumar & Fienberg (2003), A Comparison of String Distance Metrics for Name-Matching
/// Tasks, IIWeb, 73-78.
#[must_use]
pub fn soft_tf_idf(
    left: &str,
    right: &str,
    weight: &(impl TokenWeight + ?Sized),
    threshold: f64,
) -> f64 {
    Tokens::new(left).soft_tf_idf(&Tokens::new(right), weight, threshold)
}
