use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{DefaultHashBuilder, HashSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Conjunction, SharedKey};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Expression, Features};

/// The keys of one rule that make no pair, since too many records share them.
///
/// Few keys are stopped, so that most are told by a hash, without a copy of their texts.
pub struct StopKeys<'a> {
    hashes: HashSet<u64, DefaultHashBuilder>,
    keys: Option<&'a BTreeSet<Vec<String>>>,
}

impl<'a> StopKeys<'a> {
    /// These keys, each with one text for every expression; none where `None`.
    #[must_use]
    pub fn new(keys: Option<&'a BTreeSet<Vec<String>>>) -> Self {
        let hashes = keys.into_iter().flatten();
        let hashes = hashes.map(|texts| hash(texts.iter().map(String::as_str))).collect();
        Self { hashes, keys }
    }

    /// Whether `key` is one of them.
    #[must_use]
    pub fn contains(&self, key: SharedKey<'_>) -> bool {
        !self.hashes.is_empty()
            && self.hashes.contains(&hash(key.texts()))
            && self.keys.is_some_and(|keys| {
                keys.contains(&key.texts().map(str::to_owned).collect::<Vec<_>>())
            })
    }
}

fn hash<'t>(texts: impl Iterator<Item = &'t str>) -> u64 {
    texts.fold(0, |hash, text| xxh3_64_with_seed(text.as_bytes(), hash))
}

/// The keys that more than `most` of the first `rows` rows share, by the name of their rule, each
/// with one text for every expression; rules without any are left out.
///
/// `rules` are names and conjunctions of expressions, with which `features` were computed.
///
/// # Errors
/// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed, and
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub fn hot_keys<'e>(
    rules: impl IntoIterator<Item = (String, &'e [Expression])>,
    features: &Features,
    rows: usize,
    most: u32,
    run: &Run,
) -> Result<BTreeMap<String, BTreeSet<Vec<String>>>> {
    let (names, lists): (Vec<String>, Vec<_>) = rules.into_iter().unzip();
    let mut hot: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    // One rule at a time: keys take memory, and are sorted by all threads.
    for (name, conjunction) in names.into_iter().zip(Conjunction::bind(lists, features)?) {
        let keys = conjunction.keys(rows, run)?;
        let worst = keys.shared().filter(|key| key.rows().len() > most as usize);
        let worst: BTreeSet<_> =
            worst.map(|key| key.texts().map(str::to_owned).collect::<Vec<_>>()).collect();
        if !worst.is_empty() {
            hot.entry(name).or_default().extend(worst);
        }
    }
    Ok(hot)
}
