//! Why two records are one customer, why they are not, and how an entity came together.
//!
//! Every answer is data first (the same JSON in every language), with one plain sentence of it. What
//! is said of two records is found from those two records and the model alone, as the match itself
//! was: it costs the same in a table of ten records and in one of ten million.

mod entity;
mod pair;
mod personal;
mod scene;
mod sentence;
mod weight;
mod why;

pub use entity::{Bridge, Contrast, EntityExplanation, Neighbour, Step};
pub use pair::{Candidacy, FieldPair, FieldValue, PairExplanation, RuleVerdict, StoppedKey};
pub use personal::Personal;
pub use weight::{
    Change, CoincidencePart, ComparisonPart, ExplainedBy, PairWeight, Part, PartKind, TermPart,
};
pub use why::{HandDecision, Obstacle, Why, WhyNot};

pub(crate) use scene::Scene;
pub(crate) use sentence::percent;
