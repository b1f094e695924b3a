//! What is worth a person's minute: the pairs of groups of records whose joining or parting is most
//! in doubt and changes most, each with its explanation.
//!
//! What people answer becomes [`Decisions`](crate::Decisions): resolved again, they hold for ever,
//! and `Plan::fit_labelled` learns from them.

mod candidates;
mod queue;

pub use queue::{ReviewItem, ReviewOptions, ReviewReason};
