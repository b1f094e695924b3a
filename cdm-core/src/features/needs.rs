use std::collections::BTreeSet;

use super::Expression;
use crate::compare::Comparison;

/// What is asked of the features of a table: keys, and values to compare.
///
/// # Examples
/// ```
/// use cdm_core::{Kind, compare::Comparison, features::Needs};
/// let needs = Needs::new()
///     .with_expressions(["email".parse()?, "born.year".parse()?])
///     .with_comparisons(&[Comparison::template(Kind::GivenName, "first_name")]);
/// assert_eq!(needs.expressions().len(), 2);
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    expressions: BTreeSet<Expression>,
    compared: BTreeSet<String>,
}

impl Needs {
    /// Nothing but the normalised values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of these expressions too.
    #[must_use]
    pub fn with_expressions(mut self, expressions: impl IntoIterator<Item = Expression>) -> Self {
        self.expressions.extend(expressions);
        self
    }

    /// The values of the fields of these comparisons too, ready to be compared by them.
    #[must_use]
    pub fn with_comparisons(mut self, comparisons: &[Comparison]) -> Self {
        let fields = comparisons.iter().flat_map(|comparison| &comparison.fields);
        self.compared.extend(fields.cloned());
        self
    }

    /// The values of these fields too, ready to be compared by whatever there is.
    #[must_use]
    pub fn with_fields(mut self, fields: impl IntoIterator<Item = String>) -> Self {
        self.compared.extend(fields);
        self
    }

    /// The expressions whose keys are asked for.
    #[must_use]
    pub fn expressions(&self) -> &BTreeSet<Expression> {
        &self.expressions
    }

    /// The fields whose values are to be compared.
    pub fn compared(&self) -> impl Iterator<Item = &str> {
        self.compared.iter().map(String::as_str)
    }
}
