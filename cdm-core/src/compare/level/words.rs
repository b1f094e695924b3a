use super::condition::has_chars;
use super::prepared::{Prepared, Slot};
use crate::compare::metric::{common_tokens, jaro_winkler, mean_of_nearest_tokens};

/// Whether both have the same words, each as often.
pub(super) fn same(left: &Prepared, right: &Prepared) -> bool {
    let (left, right) = (left.counted(Slot::Word), right.counted(Slot::Word));
    left.len() > 0 && left.eq(right)
}

/// Whether every word of the one is in the other, `at_least` so many, the longest of so many
/// characters.
pub(super) fn within(left: &Prepared, right: &Prepared, at_least: usize, min_length: u8) -> bool {
    let (left, right) = (left.counted(Slot::Word), right.counted(Slot::Word));
    let (mut fewer, more) = if left.len() <= right.len() { (left, right) } else { (right, left) };
    fewer.len() >= at_least
        && common_tokens(fewer.clone(), more) == fewer.len()
        && fewer.any(|(word, _)| has_chars(word, min_length))
}

/// Words in common as a share of all words; 0 where either has none.
pub(super) fn jaccard(left: &Prepared, right: &Prepared) -> f64 {
    let (left, right) = (left.counted(Slot::Word), right.counted(Slot::Word));
    let all = left.len() + right.len();
    match common_tokens(left, right) {
        0 => 0.0,
        common => common as f64 / (all - common) as f64,
    }
}

/// How near each word of the one has its nearest of the other, in the mean; 0 where either has none.
pub(super) fn monge_elkan(left: &Prepared, right: &Prepared) -> f64 {
    let (left, right) = (left.counted(Slot::Word), right.counted(Slot::Word));
    if left.len() == 0 || right.len() == 0 {
        return 0.0;
    }
    let there = mean_of_nearest_tokens(left.clone(), right.clone(), jaro_winkler);
    (there + mean_of_nearest_tokens(right, left, jaro_winkler)) / 2.0
}
