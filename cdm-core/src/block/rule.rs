use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features::Expression;

/// A conjunction of key expressions: two records that share a key of each are compared.
///
/// # Examples
/// ```
/// use cdm_core::block::BlockingRule;
/// let rule = BlockingRule::new(vec!["family_name.phonetic".parse()?, "born.year".parse()?]);
/// assert_eq!(rule.to_string(), "family_name.phonetic & born.year");
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct BlockingRule {
    /// Expressions of which the two records share a key.
    pub same: Vec<Expression>,
}

impl BlockingRule {
    /// Two records that share a key of each of `same` are compared.
    #[must_use]
    pub fn new(same: Vec<Expression>) -> Self {
        Self { same }
    }
}

impl fmt::Display for BlockingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, expression) in self.same.iter().enumerate() {
            if position > 0 {
                f.write_str(" & ")?;
            }
            write!(f, "{expression}")?;
        }
        Ok(())
    }
}
