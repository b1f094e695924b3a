//! Blocking: which pairs of records are worth comparing.

mod blocking;
mod cells;
mod contained;
mod count;
mod index;
mod keys;
mod met;
mod pairs;
mod rule;
mod scope;
mod stop;

pub use blocking::Blocking;
pub(crate) use blocking::RuleKeys;
pub use count::{KeyCount, RuleCount, pair_counts};
pub(crate) use keys::each_key;
pub use keys::{Conjunction, MAX_KEYS, SharedKey, SharedKeys};
pub use rule::BlockingRule;
pub use scope::PairScope;
pub use stop::{StopKeys, hot_keys};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::features::LooseKeys;

    proptest! {
        #[test]
        fn keys_are_all_combinations_in_order_however_many_expressions_there_are(
            texts in prop::collection::vec(prop::collection::btree_set("[ab]{0,2}", 0..4), 0..7),
        ) {
            let of_text = |texts: &BTreeSet<String>| LooseKeys {
                texts: texts.iter().map(String::as_str).collect(),
                made: None,
            };
            let parts: Vec<LooseKeys> = texts.iter().map(of_text).collect();
            let mut wanted: Vec<Vec<&str>> = vec![Vec::new()];
            for part in &parts {
                let longer = wanted.iter().flat_map(|key| {
                    part.texts.iter().map(|text| [&key[..], &[text]].concat())
                });
                wanted = longer.collect();
            }
            wanted.truncate(MAX_KEYS);
            let mut keys: Vec<Vec<&str>> = Vec::new();
            each_key(&parts.iter().collect::<Vec<_>>(), |key| keys.push(key.to_vec()));
            prop_assert_eq!(keys, wanted);
        }
    }
}
