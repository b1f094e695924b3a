use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::block::BlockingRule;
use crate::compare::Comparison;
use crate::merge::Survivorship;
use crate::model::Coincidence;
use crate::read::{Mapping, ReadOptions};
use crate::rule::Rule;
use crate::schema::Field;

/// A plan as it is written, before it is checked as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// Version of this format: 1.
    pub(super) version: u64,
    /// The plan's own name.
    pub(super) name: String,
    /// ISO 3166-1 alpha-2 region of values that do not name their own, such as phone numbers
    /// without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    /// The fields that records have.
    pub(super) fields: Vec<Field>,
    /// What is known of the sources, the most trusted first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) sources: Vec<Source>,
    /// Which pairs of records may be linked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) link_type: LinkType,
    /// Deterministic rules, in order: the first that holds decides a pair.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rules: Vec<Rule>,
    /// Which pairs are compared, beside those that rules decide: the first rule that finds a pair
    /// counts it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) blocking: Vec<BlockingRule>,
    /// What is compared about a candidate pair. Without comparisons, rules alone match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) comparisons: Vec<Comparison>,
    /// The ways in which two different customers come to agree, beside sheer chance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) coincidences: Vec<Coincidence>,
    /// What keeps entities from growing beyond belief.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) guards: Guards,
    /// How golden records are made; what is not named here goes by the kind of the field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) survivorship: Vec<Survivorship>,
}

/// What is known of one source of records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source's name, as record keys have it.
    pub name: String,
    /// Region of its values that do not name their own; the plan's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether the source holds each customer once, so that no two of its records are one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub duplicate_free: bool,
    /// Which of its columns is which field; inferred where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// How its files are read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub reading: ReadOptions,
}

/// Which pairs of records may be linked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkType {
    /// Any two, whatever their sources: the records are one list with repeats.
    #[default]
    Dedupe,
    /// Two of different sources only.
    Link,
    /// Any two, within a source and across.
    LinkAndDedupe,
}

/// What keeps entities from growing beyond belief, as in identity graphs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// By field, values that link nobody, such as the phone of a call centre. They are normalised
    /// like the field's own, and stay in the records.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub blocked: BTreeMap<String, Vec<String>>,
    /// The most values of a field that one entity may hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<ValueLimit>,
    /// A key that more records share links nobody by itself (a stop key); which those are is
    /// counted when a model is fitted, and frozen in it.
    #[schemars(range(min = 2))]
    pub max_records_per_key: u32,
}

impl Default for Guards {
    fn default() -> Self {
        Self { blocked: BTreeMap::new(), limits: Vec::new(), max_records_per_key: 100 }
    }
}

/// The most values of a field that one entity may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueLimit {
    /// The field, such as a national id.
    pub field: String,
    /// How many distinct values at most.
    #[schemars(range(min = 1))]
    pub at_most: usize,
    /// Whose links win where a limit is broken: rules over the field with the lowest number link
    /// first, so that the links of the others are those refused. Rules over fields without one
    /// come after, in the plan's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
