//! Blocking: which pairs of records are worth comparing.

mod rule;

pub use rule::BlockingRule;
