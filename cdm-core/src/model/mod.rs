//! The Fellegi-Sunter model: what levels of agreement say, and how that is learned.

mod coincidence;
mod compared;
mod comparer;
mod fit;
mod learn;
mod parameters;
mod pattern;
mod random;
mod repeats;
mod sketching;
mod terms;

pub use coincidence::Coincidence;
pub use comparer::Comparer;
pub use parameters::{
    CoincidenceShare, Diagnostics, LevelProbabilities, Likelihoods, Parameters, TermFrequencies,
};
pub use pattern::{Pattern, PatternCounts};

pub(crate) use compared::{ComparedPair, ComparedPairs};
pub(crate) use learn::{LabelledPair, Lesson};
pub(crate) use sketching::{Group, PlacedComparison, Sketching};
pub(crate) use terms::{BoundTerms, TermFactors, factor_of_shared};
