//! Comparison levels: how alike two values of a field are, in steps that a person can read.
//!
//! A model learns how often records of one customer, and of two, reach each level; so a level is a
//! fact about two values and never a guess about their owners.

mod aspects;
mod condition;
mod date;
mod kinds;
mod pack;
mod pool;
mod prepared;
mod sketch;
mod template;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use aspects::Aspects;
pub use condition::Condition;
pub use date::DateCondition;
pub(crate) use kinds::IN_ANOTHER_WRITING;
pub use pool::{PreparedDraft, PreparedPool, PreparedPoolBuilder};
pub use prepared::Prepared;
pub(crate) use prepared::{KeptFacts, KeptPart, KeptRange};
pub(crate) use sketch::{Pairs, Sketched, SketchedComparison, Sketcher};

use crate::error::{Error, Result, nearest};
use crate::schema::{Kind, Schema};

/// One step of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// What it means, for people: `nickname`.
    pub label: String,
    /// When two values are on it, unless they are on one before it.
    pub when: Condition,
    /// Whether it says nothing here, as if a value were missing: since another comparison of the
    /// plan already counts what it has found, such as given and family name in each other's place, or
    /// since there is nothing to say, as of names in two writings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub counted_elsewhere: bool,
}

/// What is compared about two records, and the levels of agreement, the strongest first.
///
/// Two records are on the first level whose condition holds for some value of the one and some of
/// the other; where none holds, on the last one, [`ELSE`](Comparison::ELSE), which is not written
/// down. A record without a usable value agrees with none and differs from none: its level is
/// `None`. Of several fields the first one is compared, and the others help: what is said of a
/// missing value is said of the first field's.
///
/// # Examples
/// ```
/// use cdm_core::compare::{Comparison, Prepared};
/// use cdm_core::{Kind, normalize::Context};
/// let comparison = Comparison::template(Kind::GivenName, "first_name");
/// let name = |raw| Prepared::from_raw(Kind::GivenName, raw, &Context::default()).unwrap();
/// let level = comparison.compare_values(&[&name("Robert")], &[&name("Bob"), &name("Maria")]);
/// assert_eq!(comparison.label(level.unwrap()), "nickname");
/// assert_eq!(comparison.compare_values(&[&name("Robert")], &[]), None);
/// ```
///
/// # References
/// Fellegi & Sunter (1969), A Theory for Record Linkage, JASA 64(328), 1183-1210; levels as in
/// Winkler (1990), String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter Model
/// of Record Linkage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The comparison's name, unique within the plan.
    pub name: String,
    /// The fields that it looks at.
    pub fields: Vec<String>,
    /// The levels, the strongest first, without the last.
    pub levels: Vec<Level>,
}

impl Comparison {
    /// Label of the last level, on which values are that are on no other.
    pub const ELSE: &'static str = "else";

    /// The most levels, the last one included: a level fits in four bits, beside "no value".
    pub const MOST_LEVELS: usize = 15;

    /// How many levels there are, the last one included.
    #[must_use]
    pub fn level_count(&self) -> usize {
        self.levels.len() + 1
    }

    /// The label of a level; those behind the written ones are [`ELSE`](Self::ELSE).
    #[must_use]
    pub fn label(&self, level: u8) -> &str {
        self.levels.get(usize::from(level)).map_or(Self::ELSE, |level| level.label.as_str())
    }

    /// The level of two values of a comparison of one field.
    ///
    /// What two records reach with several values is the least of these levels over all pairs of
    /// values, so that a pipeline may keep the level of each pair of distinct values; a level that
    /// is [counted elsewhere](Level::counted_elsewhere) then says nothing.
    #[must_use]
    pub fn compare_two(&self, left: &Prepared, right: &Prepared) -> u8 {
        self.level_where(|condition| condition.holds(left, right))
    }

    /// The level of two records by their values in the one field of the comparison; `None` where
    /// one has no value.
    #[must_use]
    pub fn compare_values(&self, left: &[&Prepared], right: &[&Prepared]) -> Option<u8> {
        self.compare(&[left], &[right])
    }

    /// The level of two records, 0 the strongest: for each field of the comparison, in order, the
    /// values of each.
    ///
    /// `None` where one has no value in the first field and no level holds by the others, and where
    /// the level is [counted elsewhere](Level::counted_elsewhere).
    #[must_use]
    pub fn compare(&self, left: &[&[&Prepared]], right: &[&[&Prepared]]) -> Option<u8> {
        let level = match (self.fields.len(), left, right) {
            (1, [[left]], [[right]]) => self.compare_two(left, right),
            _ => self.level_where(|condition| condition.holds_for(left, right)),
        };
        let filled = |values: &[&[&Prepared]]| values.first().is_some_and(|v| !v.is_empty());
        self.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// Whether two records on the first level both have a value in the first field, surely.
    pub(crate) fn first_level_needs_first_field(&self) -> bool {
        self.levels.first().is_some_and(|level| level.when.needs_first())
    }

    /// Whether a level says something of two records; `filled` where both have a value in the first
    /// field.
    #[inline]
    fn says(&self, level: u8, filled: bool) -> bool {
        let found = usize::from(level) < self.levels.len();
        if found { self.is_counted(level) } else { filled }
    }

    /// Whether a level says something here, rather than being
    /// [counted elsewhere](Level::counted_elsewhere).
    #[inline]
    #[must_use]
    pub fn is_counted(&self, level: u8) -> bool {
        self.levels.get(usize::from(level)).is_none_or(|level| !level.counted_elsewhere)
    }

    #[inline]
    fn level_where(&self, holds: impl Fn(&Condition) -> bool) -> u8 {
        let found = self.levels.iter().position(|level| holds(&level.when));
        u8::try_from(found.unwrap_or(self.levels.len())).unwrap_or(u8::MAX)
    }

    /// Check the comparison as a whole against the fields of `schema`.
    ///
    /// # Errors
    /// [`Error::UnknownField`] where `schema` lacks one of its fields, and
    /// [`Error::InvalidDocument`] with the path within the comparison where it has no field or no
    /// level, more than [`MOST_LEVELS`](Self::MOST_LEVELS), two levels of one label, or a condition
    /// that makes no sense for its fields.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        let kinds: Vec<Kind> = self
            .fields
            .iter()
            .map(|field| schema.position(field).map(|position| schema.fields()[position].kind))
            .collect::<Result<_>>()?;
        let fault = |path: String, reason: String| {
            Err(Error::InvalidDocument { document: "comparison", path, reason, suggestion: None })
        };
        if kinds.is_empty() {
            return fault("fields".to_owned(), "wanted at least one field".to_owned());
        }
        if self.levels.is_empty() || self.level_count() > Self::MOST_LEVELS {
            let reason =
                format!("{} levels: wanted 1 to {}", self.levels.len(), Self::MOST_LEVELS - 1);
            return fault("levels".to_owned(), reason);
        }
        for (position, level) in self.levels.iter().enumerate() {
            let taken = self.levels[..position].iter().any(|other| other.label == level.label);
            if taken || level.label == Self::ELSE || level.label.trim().is_empty() {
                let reason = format!("label {:?} is empty or taken", level.label);
                return fault(format!("levels[{position}].label"), reason);
            }
            let path = format!("levels[{position}].when");
            if let Some((path, reason)) = level.when.fault(&kinds, &path) {
                return fault(path, reason);
            }
        }
        Ok(())
    }

    /// The comparison that a JSON object describes.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] with the path where it is not one.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::compare::Comparison;
    /// let comparison = Comparison::from_json(
    ///     r#"{"name": "email", "fields": ["email"], "levels": [
    ///         {"label": "same address", "when": {"same": {"form": "canonical"}}},
    ///         {"label": "one letter off", "when": {"osa": {"form": "canonical", "at_most": 1}}}]}"#,
    /// )?;
    /// assert_eq!(comparison.label(1), "one letter off");
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn from_json(json: &str) -> Result<Self> {
        let invalid = |path: String, reason: String| Error::InvalidDocument {
            document: "comparison",
            path,
            suggestion: None,
            reason,
        };
        let mut reader = serde_json::Deserializer::from_str(json);
        let comparison: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| invalid(error.path().to_string(), error.inner().to_string()))?;
        reader.end().map_err(|error| invalid(".".to_owned(), error.to_string()))?;
        Ok(comparison)
    }

    /// The level of that label, `else` included.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`] where there is none.
    pub fn level(&self, label: &str) -> Result<u8> {
        let labels = || self.levels.iter().map(|level| level.label.as_str()).chain([Self::ELSE]);
        let position = labels().position(|known| known == label);
        position.and_then(|position| u8::try_from(position).ok()).ok_or_else(|| {
            Error::UnknownChoice {
                what: "comparison level",
                value: label.to_owned(),
                suggestion: nearest(label, labels()),
                wanted: labels().collect::<Vec<_>>().join(", "),
            }
        })
    }
}

/// A comparison of the caller's own making.
///
/// It must be pure and symmetric: the same level for the same values, whichever record is left, on
/// every machine and thread; the model is only right for pairs that are compared as it learned.
///
/// # Examples
/// ```
/// use cdm_core::compare::{CustomComparison, Prepared};
/// use cdm_core::normalize::Form;
///
/// struct SameLength(Vec<String>);
///
/// impl CustomComparison for SameLength {
///     fn name(&self) -> &str {
///         "same_length"
///     }
///     fn fields(&self) -> &[String] {
///         &self.0
///     }
///     fn labels(&self) -> Vec<String> {
///         vec!["as long".to_owned()]
///     }
///     fn compare(&self, left: &[&[&Prepared]], right: &[&[&Prepared]]) -> Option<u8> {
///         let length = |values: &[&[&Prepared]]| {
///             values[0].iter().filter_map(|v| v.form(Form::Canonical)).map(str::len).max()
///         };
///         Some(u8::from(length(left)? != length(right)?))
///     }
/// }
/// ```
pub trait CustomComparison: Send + Sync {
    /// The comparison's name, unique within the plan.
    fn name(&self) -> &str;

    /// The fields that it looks at.
    fn fields(&self) -> &[String];

    /// The labels of its levels, the strongest first, without the last, `else`.
    fn labels(&self) -> Vec<String>;

    /// The level of two records, as [`Comparison::compare`]: 0 the strongest, the number of labels
    /// for `else`, `None` where there is nothing to compare.
    fn compare(&self, left: &[&[&Prepared]], right: &[&[&Prepared]]) -> Option<u8>;
}

impl CustomComparison for Comparison {
    fn name(&self) -> &str {
        &self.name
    }

    fn fields(&self) -> &[String] {
        &self.fields
    }

    fn labels(&self) -> Vec<String> {
        self.levels.iter().map(|level| level.label.clone()).collect()
    }

    fn compare(&self, left: &[&[&Prepared]], right: &[&[&Prepared]]) -> Option<u8> {
        Comparison::compare(self, left, right)
    }
}

#[cfg(test)]
mod tests;
