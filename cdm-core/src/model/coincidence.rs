use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way in which two *different* customers come to agree, such as living in one household.
///
/// Agreement of all that they share is one coincidence, not one for each comparison: the model
/// learns how often it happens among candidate pairs, and how alike its comparisons then are. All
/// other comparisons stay at what random pairs show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coincidence {
    /// Its name, unique within the plan: `same household`.
    pub name: String,
    /// The names of the comparisons that agree for this one reason.
    pub shares: Vec<String>,
}

impl Coincidence {
    /// The coincidence of that name, by which these comparisons agree.
    #[must_use]
    pub fn new(name: impl Into<String>, shares: Vec<String>) -> Self {
        Self { name: name.into(), shares }
    }
}
