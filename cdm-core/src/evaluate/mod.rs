//! How good the outcome is: against what is known to be true, against another outcome, and where
//! nothing is known, by what the model believes and by a sample for people to look at.

mod curve;
mod difference;
mod expected;
mod mixed;
mod partition;
mod report;
mod sampling;
mod truth;

pub use curve::CurvePoint;
pub use difference::{ChangedEntity, Difference, SharedRecords, compare};
pub use expected::{Expectation, WeightBin};
pub use mixed::{MixedEntity, Part};
pub use partition::Evaluation;
pub use report::{EvaluationReport, LabelledPairs, Segment};
pub use sampling::{Estimate, SampledPair, SamplingPlan, Stratum, estimate};
pub use truth::Truth;
