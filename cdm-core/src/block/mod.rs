//! Blocking: which pairs of records are worth comparing.

mod blocking;
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
