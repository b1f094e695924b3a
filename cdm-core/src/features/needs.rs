use std::collections::{BTreeMap, BTreeSet};

use super::Expression;
use crate::compare::{Aspects, Comparison};

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
    compared: BTreeMap<String, Aspects>,
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
        for comparison in comparisons {
            for (field, aspects) in comparison.fields.iter().zip(comparison.aspects()) {
                self.add(field, aspects);
            }
        }
        self
    }

    /// The values of these fields too, ready to be compared by whatever there is, such as a
    /// [`CustomComparison`](crate::compare::CustomComparison).
    #[must_use]
    pub fn with_fields(mut self, fields: impl IntoIterator<Item = String>) -> Self {
        for field in fields {
            self.add(&field, Aspects::all());
        }
        self
    }

    fn add(&mut self, field: &str, aspects: Aspects) {
        let known = self.compared.entry(field.to_owned()).or_default();
        *known = known.union(aspects);
    }

    /// The expressions whose keys are asked for.
    #[must_use]
    pub fn expressions(&self) -> &BTreeSet<Expression> {
        &self.expressions
    }

    /// The fields whose values are to be compared, and what is looked at in them.
    pub fn compared(&self) -> impl Iterator<Item = (&str, Aspects)> {
        self.compared.iter().map(|(field, aspects)| (field.as_str(), *aspects))
    }
}
