//! Metrics between two texts, places or numbers: pure, symmetric and the same bits on every machine.
//!
//! Texts are compared by Unicode scalar values as they stand: nothing is folded here, normalise
//! first. Each metric is a function of two `&str`; where one text meets many, or the same texts
//! meet again and again, decode them once:
//!
//! | prepared | for |
//! | --- | --- |
//! | [`Text`] | either side of [`jaro`], [`jaro_winkler`], [`levenshtein`], [`osa_distance`]; light enough to keep one a value |
//! | [`Pattern`] | the one side of the same metrics, against many texts; holds tables |
//! | [`Grams`] | [`gram_jaccard`], [`gram_dice`] |
//! | [`Tokens`] | [`token_jaccard`], [`monge_elkan`], [`soft_tf_idf`] |
//!
//! Texts of up to 64 characters are compared without allocating, and bit-parallel: a step does a
//! whole row.

mod bits;
mod edit;
mod grams;
mod jaro;
mod pattern;
mod quantity;
mod text;
mod tokens;

pub use edit::{levenshtein, levenshtein_within, normalized_levenshtein, osa_distance, osa_within};
pub use grams::{GramSize, Grams, gram_dice, gram_jaccard};
pub use jaro::{jaro, jaro_winkler};
pub use pattern::Pattern;
pub use quantity::{haversine_m, relative_difference};
pub use text::Text;
pub use tokens::{TokenWeight, Tokens, monge_elkan, soft_tf_idf, token_jaccard, token_set_ratio};
pub(super) use tokens::{common_tokens, mean_of_nearest_tokens};

#[cfg(test)]
mod tests;
