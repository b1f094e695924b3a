use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::Kind;

/// How the value that survives is chosen among those of an entity's records.
///
/// Valid values go before doubtful ones, but for `union` and the two for consent. Ties go to the
/// most recent record, then to the source listed first in the plan, then to the lowest record key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Of the record changed last; records without a time come after all others.
    MostRecent,
    /// Of the source that comes first in `sources`, or in the plan where that is absent.
    SourcePriority,
    /// What most records say.
    MostFrequent,
    /// Of the record with the most fields filled.
    MostComplete,
    /// The longest text.
    Longest,
    /// The least: numbers by size, dates by time, text by alphabet.
    Min,
    /// The greatest.
    Max,
    /// All of them, each once, in order of preference.
    Union,
    /// The first valid one, by the plan's order of sources, then record key.
    FirstValid,
    /// For consent: the value that comes first in `order`, which is `no`, `unknown`, `yes` where
    /// absent. One `no` outweighs any number of `yes`.
    MostRestrictive,
    /// For consent: what was said last; where nothing says when, the most restrictive.
    LatestDecision,
}

impl Strategy {
    /// How a field of that kind survives where the plan does not say.
    ///
    /// Contact details and identifiers: all of them. Names, dates and organisations: what most
    /// records say. Places: the most recent. The rest: the most recent.
    #[must_use]
    pub fn default_of(kind: Kind) -> Self {
        match kind {
            Kind::Email | Kind::Phone | Kind::Identifier | Kind::Url => Strategy::Union,
            Kind::GivenName
            | Kind::FamilyName
            | Kind::FullName
            | Kind::Organisation
            | Kind::Date => Strategy::MostFrequent,
            _ => Strategy::MostRecent,
        }
    }

    /// Whether several fields can survive together by it, all from one record.
    #[must_use]
    pub fn chooses_records(self) -> bool {
        matches!(
            self,
            Strategy::MostRecent
                | Strategy::SourcePriority
                | Strategy::MostFrequent
                | Strategy::MostComplete
                | Strategy::FirstValid
        )
    }
}

/// How one field survives, or several together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Survivorship {
    /// The fields; several survive together, from one record: never the street of one address
    /// with the city of another.
    pub fields: Vec<String>,
    /// How the survivor is chosen.
    pub strategy: Strategy,
    /// For `source_priority`: the sources, the most trusted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// For `most_restrictive` and `latest_decision`: canonical values, the most restrictive first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
}
