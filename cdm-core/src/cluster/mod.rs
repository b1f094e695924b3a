//! Links into entities: groups that grow where the evidence is for it and no guard is against.
//!
//! First come stewards' must-links and the blocks of deterministic rules, in a fixed order; each
//! joins the groups that its records are in, unless a guard refuses. Then come scored links, with
//! the evidence of all pairs of records between two groups, for and against, weighed up (see
//! [`Contraction`]). A refusal is for good: no later link can make two groups fit that once did
//! not. So the outcome is a pure function of the links, the scores and the guards, whatever the
//! order in which records arrived.
//!
//! Records are numbered in the order of their keys.

mod clusterer;
mod component;
mod contraction;
mod evidence;
mod guards;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod simulation;
mod weight;

pub(crate) use clusterer::Clusterer;
pub use contraction::{Clustering, Contraction, ScoredLink, cluster_links};
pub use guards::Reason;
pub(crate) use guards::{Forbids, Guards, Limit};
pub use weight::{Weight, group_weight};

/// What put two records together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A steward's must-link.
    Steward,
    /// The rule at that position of the plan.
    Rule(u32),
    /// How alike they are: the weight of the link.
    Score(Weight),
}

/// Two records that were put together, the lower number on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The record with the lower key.
    pub left: u32,
    /// The record with the higher key.
    pub right: u32,
    /// What put them together.
    pub cause: Cause,
}

/// A link that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The link.
    pub link: Link,
    /// Why its two groups had to stay apart.
    pub reason: Reason,
}

/// A partition of records, with the links that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The group of each record; groups are numbered in the order of their lowest records.
    pub group_of: Vec<u32>,
    /// How many groups there are.
    pub groups: usize,
    /// The links that joined two groups: one fewer than the records of each group.
    ///
    /// Stewards' first, then those of rules, then scored ones: for each two groups that were
    /// joined by score the strongest link between them, in the order in which they were joined,
    /// component by component.
    pub links: Vec<Link>,
    /// The links that were refused: the first of each two groups that met in a block, and the
    /// strongest of each two groups that scored links lie between.
    pub refusals: Vec<Refusal>,
}
