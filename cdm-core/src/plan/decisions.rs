use serde::{Deserialize, Serialize};

use super::json::read_document;
use crate::error::Result;
use crate::schema::RecordKey;

/// What stewards decided by hand: pairs of records that are one customer, and pairs that are not.
///
/// A decision outweighs every rule and guard; of two that contradict each other, cannot-link wins
/// and the refused must-link is reported. As JSON:
///
/// ```json
/// {"version": 1,
///  "must_link": [[{"source": "crm", "id": "17"}, {"source": "shop", "id": "4"}]],
///  "cannot_link": []}
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// Version of this format: 1.
    #[serde(default = "version")]
    version: u64,
    /// Pairs that are one customer.
    #[serde(default)]
    pub must_link: Vec<(RecordKey, RecordKey)>,
    /// Pairs that are two customers.
    #[serde(default)]
    pub cannot_link: Vec<(RecordKey, RecordKey)>,
}

fn version() -> u64 {
    Decisions::VERSION
}

impl Decisions {
    /// The version of the format that this library reads and writes.
    pub const VERSION: u64 = 1;

    /// No decision.
    #[must_use]
    pub fn new() -> Self {
        Self { version: Self::VERSION, ..Self::default() }
    }

    /// Read decisions from JSON.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`](crate::Error::InvalidDocument) and
    /// [`Error::DocumentVersion`](crate::Error::DocumentVersion).
    pub fn from_json(json: &str) -> Result<Self> {
        read_document("decisions", json, Self::VERSION)
    }
}
