use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way in which two *different* customers come to agree, such as living in one household.
///
/// Agreement of all that they share is one coincidence, not one for each comparison: the model
/// learns how often it happens among candidate pairs, and how alike its comparisons then are. All
/// other comparisons stay at what random pairs show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coincidence {
    /// Its name, unique within the plan: `same household`.
    pub name: String,
    /// The names of the comparisons that agree for this one reason.
    pub shares: Vec<String>,
    /// Whether the reason lies beyond the values, such as a home: then agreeing on a rare value is
    /// as likely as on a common one. Without, common values meet more often.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub common_cause: bool,
    /// Another coincidence, and the largest part of its pairs that this one can have: one in fifty
    /// pairs who live together are twins, say. Without, matches whose names are damaged beyond
    /// recognition look like twins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<(String, f64)>,
}

impl Coincidence {
    /// The coincidence of that name, by which these comparisons agree by chance.
    #[must_use]
    pub fn new(name: impl Into<String>, shares: Vec<String>) -> Self {
        Self { name: name.into(), shares, common_cause: false, at_most: None }
    }

    /// The same, for a reason that lies beyond the values.
    #[must_use]
    pub fn with_common_cause(self) -> Self {
        Self { common_cause: true, ..self }
    }
}
