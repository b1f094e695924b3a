//! The documents: what to do ([`Plan`]), what was learned by it ([`Model`]), and what people decided
//! ([`Decisions`]).

mod check;
mod decisions;
mod document;
mod estimate;
mod infer;
mod json;
mod model;
mod passes;

use std::collections::BTreeSet;

use crate::block::BlockingRule;
use crate::compare::Comparison;
use crate::error::{Error, Result, nearest};
use crate::features::Expression;
use crate::merge::{Strategy, Survivorship};
use crate::model::Coincidence;
use crate::read::Input;
use crate::rule::{Decision, Rule};
use crate::schema::{Field, Kind, Schema};

use document::Document;
use json::read_document;

pub use decisions::Decisions;
pub use document::{Guards, LinkType, Source, ValueLimit};
pub use estimate::{RulePairs, RunEstimate};
pub use infer::{BlockingEstimate, Inferred, LeftOut, LeftOutReason};
pub(crate) use model::Fitted;
pub use model::Model;

/// What to do with records: their fields, the rules by which they match, what keeps entities
/// apart, and which values survive.
///
/// One JSON document, the same in every language; a plan that exists has been checked as a whole.
///
/// # Examples
/// ```
/// use cdm_core::Plan;
/// let plan = Plan::from_json(r#"{
///     "version": 1,
///     "name": "people",
///     "fields": [
///         {"name": "email", "kind": "email"},
///         {"name": "family_name", "kind": "family_name"}
///     ],
///     "rules": [
///         {"name": "e-mail and how the surname sounds", "decision": "match",
///          "same": ["email", "family_name.phonetic"]}
///     ]
/// }"#)?;
/// assert_eq!(plan.rules().len(), 1);
///
/// let error = Plan::from_json(r#"{"version": 1, "name": "p", "feilds": []}"#).unwrap_err();
/// assert!(error.to_string().contains(r#"did you mean "fields"?"#));
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    document: Document,
    schema: Schema,
}

impl Plan {
    /// The version of the format that this library reads and writes.
    pub const VERSION: u64 = 1;

    /// The most comparisons: their levels fit into one number, four bits each.
    pub const MOST_COMPARISONS: usize = 16;

    /// Start a plan of that name.
    #[must_use]
    pub fn builder(name: impl Into<String>) -> PlanBuilder {
        PlanBuilder(Document {
            version: Self::VERSION,
            name: name.into(),
            region: None,
            fields: Vec::new(),
            sources: Vec::new(),
            link_type: LinkType::default(),
            rules: Vec::new(),
            blocking: Vec::new(),
            comparisons: Vec::new(),
            coincidences: Vec::new(),
            guards: Guards::default(),
            survivorship: Vec::new(),
        })
    }

    /// Read a plan from JSON, strictly: an unknown or misspelt key, kind, form or field is an
    /// error that names its path.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] and [`Error::DocumentVersion`].
    pub fn from_json(json: &str) -> Result<Self> {
        Self::check(read_document("plan", json, Self::VERSION)?)
    }

    /// The plan as JSON, indented; [`from_json`](Self::from_json) reads it back the same.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A document is made of strings, numbers and lists, which always serialise.
        serde_json::to_string_pretty(&self.document).unwrap_or_default()
    }

    /// The JSON Schema of plans, for editors and other tools.
    #[must_use]
    pub fn json_schema() -> String {
        let mut schema = schemars::schema_for!(Document);
        schema.insert("title".into(), "cdm plan, version 1".into());
        serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
    }

    /// The plan's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.document.name
    }

    /// The fields that records have.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Region of values that do not name their own.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.document.region.as_deref()
    }

    /// What is known of the sources, the most trusted first.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.document.sources
    }

    /// The inputs, each with what is known of its source: its mapping, and how it is read.
    #[must_use]
    pub fn known(&self, inputs: Vec<Input>) -> Vec<Input> {
        let known = |input: &Input| self.sources().iter().find(|known| known.name == input.source);
        let with = |input: Input| match known(&input) {
            None => input,
            Some(source) => {
                Input { mapping: source.mapping.clone(), options: source.reading.clone(), ..input }
            }
        };
        inputs.into_iter().map(with).collect()
    }

    /// Which pairs of records may be linked.
    #[must_use]
    pub fn link_type(&self) -> LinkType {
        self.document.link_type
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.document.rules
    }

    /// Which pairs are compared, in order.
    #[must_use]
    pub fn blocking(&self) -> &[BlockingRule] {
        &self.document.blocking
    }

    /// What is compared about a candidate pair.
    #[must_use]
    pub fn comparisons(&self) -> &[Comparison] {
        &self.document.comparisons
    }

    /// The ways in which two different customers come to agree, beside sheer chance.
    #[must_use]
    pub fn coincidences(&self) -> &[Coincidence] {
        &self.document.coincidences
    }

    /// What keeps entities from growing beyond belief.
    #[must_use]
    pub fn guards(&self) -> &Guards {
        &self.document.guards
    }

    /// How golden records are made.
    #[must_use]
    pub fn survivorship(&self) -> &[Survivorship] {
        &self.document.survivorship
    }

    fn check(document: Document) -> Result<Self> {
        let schema = Schema::new(document.name.clone(), document.fields.clone())
            .map_err(|error| invalid("fields", &error))?;
        let plan = Self { document, schema };
        plan.check_fields()?;
        plan.check_sources()?;
        plan.check_rules()?;
        plan.check_guards()?;
        plan.check_survivorship()?;
        check::blocking(&plan.document, &plan.schema)?;
        check::comparisons(&plan.document, &plan.schema)?;
        check::coincidences(&plan.document)?;
        Ok(plan)
    }

    fn check_fields(&self) -> Result<()> {
        if self.document.fields.is_empty() {
            return Err(wrong("fields", "a plan needs at least one field"));
        }
        check_region("region", self.region())?;
        for (position, field) in self.document.fields.iter().enumerate() {
            let path = format!("fields[{position}]");
            check_region(&format!("{path}.region"), field.region.as_deref())?;
            if let Some(country) = &field.region_from {
                let path = format!("{path}.region_from");
                let position = self.schema.position(country).map_err(|e| invalid(&path, &e))?;
                if self.document.fields[position].kind != Kind::Country {
                    return Err(wrong(&path, &format!("field {country:?} is not of kind country")));
                }
            }
            if field.date_order.is_some() && field.kind != Kind::Date {
                return Err(wrong(&format!("{path}.date_order"), "only a date has one"));
            }
        }
        Ok(())
    }

    fn check_sources(&self) -> Result<()> {
        let sources = &self.document.sources;
        for (position, source) in sources.iter().enumerate() {
            let path = format!("sources[{position}]");
            check_region(&format!("{path}.region"), source.region.as_deref())?;
            if let Some(mapping) = &source.mapping {
                let path = format!("{path}.mapping");
                mapping.check_fields(&self.schema).map_err(|error| invalid(&path, &error))?;
            }
            if sources[..position].iter().any(|earlier| earlier.name == source.name) {
                let reason = format!("source {:?} is named twice", source.name);
                return Err(wrong(&format!("{path}.name"), &reason));
            }
        }
        Ok(())
    }

    fn check_rules(&self) -> Result<()> {
        let rules = &self.document.rules;
        for (position, rule) in rules.iter().enumerate() {
            let path = format!("rules[{position}]");
            if rules[..position].iter().any(|earlier| earlier.name == rule.name) {
                let reason = format!("rule {:?} is named twice", rule.name);
                return Err(wrong(&format!("{path}.name"), &reason));
            }
            if rule.decision == Decision::Match && rule.same.is_empty() {
                let reason = "a match rule needs at least one expression that finds its pairs";
                return Err(wrong(&format!("{path}.same"), reason));
            }
            if rule.decision == Decision::Match && !rule.differ.is_empty() {
                let reason = "a match rule cannot ask for a difference: put a never rule with \
                              `differ` before it";
                return Err(wrong(&format!("{path}.differ"), reason));
            }
            if rule.same.is_empty() && rule.differ.is_empty() {
                return Err(wrong(&path, "a never rule needs `same` or `differ`"));
            }
            for (name, list) in [("same", &rule.same), ("differ", &rule.differ)] {
                for (place, expression) in list.iter().enumerate() {
                    let path = format!("{path}.{name}[{place}]");
                    expression.check(&self.schema).map_err(|error| invalid(&path, &error))?;
                }
            }
        }
        Ok(())
    }

    fn check_guards(&self) -> Result<()> {
        let guards = &self.document.guards;
        if guards.max_records_per_key < 2 {
            return Err(wrong("guards.max_records_per_key", "a pair needs at least 2"));
        }
        for field in guards.blocked.keys() {
            let path = format!("guards.blocked.{field}");
            self.schema.position(field).map_err(|error| invalid(&path, &error))?;
        }
        for (position, limit) in guards.limits.iter().enumerate() {
            let path = format!("guards.limits[{position}]");
            self.schema
                .position(&limit.field)
                .map_err(|error| invalid(&format!("{path}.field"), &error))?;
            if limit.at_most == 0 {
                return Err(wrong(&format!("{path}.at_most"), "an entity needs at least 1"));
            }
        }
        Ok(())
    }

    fn check_survivorship(&self) -> Result<()> {
        let mut named = BTreeSet::new();
        for (position, rule) in self.document.survivorship.iter().enumerate() {
            let path = format!("survivorship[{position}]");
            if rule.fields.is_empty() {
                return Err(wrong(&format!("{path}.fields"), "wanted at least one field"));
            }
            for (place, field) in rule.fields.iter().enumerate() {
                let path = format!("{path}.fields[{place}]");
                self.schema.position(field).map_err(|error| invalid(&path, &error))?;
                if !named.insert(field) {
                    return Err(wrong(&path, &format!("field {field:?} survives twice")));
                }
            }
            if rule.fields.len() > 1 && !rule.strategy.chooses_records() {
                let reason = "several fields survive together only by most_recent, \
                              source_priority, most_frequent, most_complete or first_valid";
                return Err(wrong(&format!("{path}.strategy"), reason));
            }
            if !rule.sources.is_empty() && rule.strategy != Strategy::SourcePriority {
                return Err(wrong(&format!("{path}.sources"), "only source_priority has them"));
            }
            let consent = [Strategy::MostRestrictive, Strategy::LatestDecision];
            if !rule.order.is_empty() && !consent.contains(&rule.strategy) {
                let reason = "only most_restrictive and latest_decision have one";
                return Err(wrong(&format!("{path}.order"), reason));
            }
            let known = &self.document.sources;
            for (place, source) in rule.sources.iter().enumerate() {
                if !known.is_empty() && !known.iter().any(|known| known.name == *source) {
                    return Err(Error::InvalidDocument {
                        document: "plan",
                        path: format!("{path}.sources[{place}]"),
                        reason: format!("source {source:?} is not among the plan's sources"),
                        suggestion: nearest(source, known.iter().map(|s| s.name.as_str())),
                    });
                }
            }
        }
        Ok(())
    }

    /// Every expression that the rules and the blocking rules look at.
    pub(crate) fn expressions(&self) -> BTreeSet<Expression> {
        let mut expressions = crate::rule::expressions(&self.document.rules);
        expressions.extend(self.document.blocking.iter().flat_map(|rule| rule.same.clone()));
        expressions
    }
}

fn check_region(path: &str, region: Option<&str>) -> Result<()> {
    match region {
        Some(code) if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_alphabetic()) => {
            let reason = format!("{code:?} is not a region: wanted two letters, such as \"DE\"");
            Err(wrong(path, &reason))
        }
        _ => Ok(()),
    }
}

fn wrong(path: &str, reason: &str) -> Error {
    Error::InvalidDocument {
        document: "plan",
        path: path.to_owned(),
        reason: reason.to_owned(),
        suggestion: None,
    }
}

/// What another room found wrong, with the place in the plan where it stands.
fn invalid(path: &str, error: &Error) -> Error {
    let mut invalid = wrong(path, &error.to_string());
    if let (
        Error::UnknownField { suggestion: found, field, schema },
        Error::InvalidDocument { suggestion, reason, .. },
    ) = (error, &mut invalid)
    {
        suggestion.clone_from(found);
        *reason = format!("field {field:?} is not in schema {schema:?}");
    }
    invalid
}

/// Puts a plan together; [`build`](Self::build) checks it as a whole.
///
/// # Examples
/// ```
/// use cdm_core::{Field, Kind, Plan, rule::Rule};
/// let plan = Plan::builder("people")
///     .field(Field::new("email", Kind::Email))
///     .rule(Rule::matching("same e-mail", vec!["email".parse()?]))
///     .build()?;
/// assert_eq!(plan.schema().fields().len(), 1);
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PlanBuilder(Document);

impl PlanBuilder {
    /// Add a field.
    #[must_use]
    pub fn field(mut self, field: Field) -> Self {
        self.0.fields.push(field);
        self
    }

    /// Add a source, less trusted than those before it.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.0.sources.push(source);
        self
    }

    /// Add a rule after those before it.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.0.rules.push(rule);
        self
    }

    /// Compare the pairs that this rule finds, beside those of the rules before it.
    #[must_use]
    pub fn block_on(mut self, rule: BlockingRule) -> Self {
        self.0.blocking.push(rule);
        self
    }

    /// Compare this about a candidate pair.
    #[must_use]
    pub fn compare(mut self, comparison: Comparison) -> Self {
        self.0.comparisons.push(comparison);
        self
    }

    /// Add a way in which two different customers come to agree.
    #[must_use]
    pub fn coincidence(mut self, coincidence: Coincidence) -> Self {
        self.0.coincidences.push(coincidence);
        self
    }

    /// Say how fields survive.
    #[must_use]
    pub fn survivorship(mut self, survivorship: Survivorship) -> Self {
        self.0.survivorship.push(survivorship);
        self
    }

    /// Say which pairs may be linked.
    #[must_use]
    pub fn link_type(mut self, link_type: LinkType) -> Self {
        self.0.link_type = link_type;
        self
    }

    /// Say what keeps entities from growing beyond belief.
    #[must_use]
    pub fn guards(mut self, guards: Guards) -> Self {
        self.0.guards = guards;
        self
    }

    /// Say which region values belong to that do not name their own.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.0.region = Some(region.into());
        self
    }

    /// The plan, checked.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`], with the path of what is wrong.
    pub fn build(self) -> Result<Plan> {
        Plan::check(self.0)
    }
}
