//! How alike two values are: string metrics, and the comparison levels that are made of them.

pub mod level;
pub mod metric;

pub use level::{
    Aspects, Comparison, Condition, CustomComparison, DateCondition, Level, Prepared,
    PreparedDraft, PreparedPool, PreparedPoolBuilder,
};
pub(crate) use level::{
    IN_ANOTHER_WRITING, KeptFacts, KeptPart, KeptRange, Pairs, Sketched, SketchedComparison,
    Sketcher,
};
