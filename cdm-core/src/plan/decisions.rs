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

    /// The decisions as JSON, indented; [`from_json`](Self::from_json) reads them back the same.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Made of texts and lists, which always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Decide whether two records are one customer; an earlier decision of the same two is taken
    /// back.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Decisions, RecordKey};
    /// let (ann, anne) = (RecordKey::new("crm", "1"), RecordKey::new("shop", "2"));
    /// let mut decisions = Decisions::new();
    /// decisions.decide(ann.clone(), anne.clone(), true);
    /// decisions.decide(anne, ann, false);
    /// assert_eq!((decisions.must_link.len(), decisions.cannot_link.len()), (0, 1));
    /// ```
    pub fn decide(&mut self, left: RecordKey, right: RecordKey, one_customer: bool) {
        let same = |(one, two): &(RecordKey, RecordKey)| {
            (one == &left && two == &right) || (one == &right && two == &left)
        };
        self.must_link.retain(|pair| !same(pair));
        self.cannot_link.retain(|pair| !same(pair));
        let list = if one_customer { &mut self.must_link } else { &mut self.cannot_link };
        list.push(if left <= right { (left, right) } else { (right, left) });
    }

    /// Take over the decisions of `later`, which count where the two contradict each other.
    pub fn extend(&mut self, later: Self) {
        let must = later.must_link.into_iter().map(|pair| (pair, true));
        let cannot = later.cannot_link.into_iter().map(|pair| (pair, false));
        for ((left, right), one_customer) in must.chain(cannot) {
            self.decide(left, right, one_customer);
        }
    }
}
