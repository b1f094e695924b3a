use serde::Serialize;

use super::personal::Personal;
use super::scene::{Scene, SharedByTwo, View};
use super::sentence;
use super::weight::PairWeight;
use crate::cancel::Run;
use crate::error::Result;
use crate::normalize::{IssueSet, Status};
use crate::plan::Model;
use crate::rule::Decision;
use crate::schema::{Kind, Record, RecordKey};

/// Two records as a model sees them: their values side by side, the rules that speak of them, and
/// what their comparisons weigh.
///
/// A pure function of the two records and the model; what groups, guards and people made of it is
/// in [`Why`](super::Why) and [`WhyNot`](super::WhyNot).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairExplanation {
    /// The record with the lower key.
    pub left: RecordKey,
    /// The record with the higher key.
    pub right: RecordKey,
    /// The fields in which one of them has a value, in the order of the schema.
    pub fields: Vec<FieldPair>,
    /// The first rule of the plan that holds for the two, and what it says.
    pub rule: Option<RuleVerdict>,
    /// How they could find each other.
    pub candidate: Candidacy,
    /// What their comparisons weigh; `None` where the plan has none.
    pub weight: Option<PairWeight>,
}

/// The values of two records in one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldPair {
    /// The field.
    pub field: String,
    /// What it holds.
    pub kind: Kind,
    /// The values of the record with the lower key.
    pub left: Vec<FieldValue>,
    /// Those of the other.
    pub right: Vec<FieldValue>,
}

/// One value of one record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldValue {
    /// As it came.
    pub raw: Personal,
    /// As it is matched; `None` where it cannot be used.
    pub normalized: Option<Personal>,
    /// Whether it can be used.
    pub status: Status,
    /// What was noticed about it.
    pub issues: IssueSet,
}

/// A rule that holds for two records, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleVerdict {
    /// The rule's name.
    pub name: String,
    /// What it says.
    pub decision: Decision,
}

/// How two records could find each other, or why they did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidacy {
    /// Whether the plan lets records of these sources be compared at all.
    pub in_scope: bool,
    /// The first match rule that links them: they share a key of it that is not stopped.
    pub linking_rule: Option<String>,
    /// The first blocking rule that makes them a candidate pair.
    pub blocking_rule: Option<String>,
    /// Keys that they share and that too many records share to find anybody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stopped_keys: Vec<StoppedKey>,
}

/// A key that too many records share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StoppedKey {
    /// The match rule, or the blocking rule as it is written.
    pub rule: String,
    /// One text for each expression of the rule.
    pub key: Vec<Personal>,
}

impl Model {
    /// Explain what this model says of two records, whatever table they are in.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where a record has a value in a field
    /// that the plan does not have, [`Error::DuplicateRecord`](crate::Error::DuplicateRecord) where
    /// both have one key, and [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Plan, Record, RecordKey, Run, Table};
    /// let plan = Plan::from_json(r#"{
    ///     "version": 1, "name": "people",
    ///     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
    ///     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]
    /// }"#)?;
    /// let ann = |id| Record::new(RecordKey::new("crm", id)).with("email", "Ann@Li.example");
    /// let table = Table::from_records(plan.schema().clone(), &[ann("1")])?;
    /// let model = plan.fit(&table, &Run::new())?;
    /// let pair = model.explain(&ann("1"), &ann("2"), &Run::new())?;
    /// assert_eq!(pair.rule.unwrap().name, "e-mail");
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn explain(&self, left: &Record, right: &Record, run: &Run) -> Result<PairExplanation> {
        let (left, right) = if left.key <= right.key { (left, right) } else { (right, left) };
        let records = [left.clone(), right.clone()];
        let scene = Scene::of(self, self.plan().schema(), &records, run)?;
        scene.view(run)?.pair(0, 1, run)
    }
}

impl PairExplanation {
    /// What is said of the two by their values alone, as one sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence::of_pair(self)
    }
}

impl View<'_> {
    /// What the model says of two rows, the one with the lower key first.
    pub(crate) fn pair(&self, left: usize, right: usize, run: &Run) -> Result<PairExplanation> {
        let plan = self.scene.model.plan();
        let rule = self.rules.decide(left, right).map(|rule| &plan.rules()[rule]);
        let SharedByTwo { stopped, linking_rule } = self.shared(left, right, run)?;
        let blocking_rule = self.blocking.find(left, right);
        let weight = self.scorer.as_ref().zip(self.parameters).map(|(scorer, parameters)| {
            let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
            PairWeight::new(parameters, comparisons, coincidences, scorer, (left, right))
        });
        Ok(PairExplanation {
            left: self.scene.table.key(left),
            right: self.scene.table.key(right),
            fields: self.fields(left, right),
            rule: rule.map(|rule| RuleVerdict { name: rule.name.clone(), decision: rule.decision }),
            candidate: Candidacy {
                in_scope: self.scope.contains(left, right),
                linking_rule: linking_rule.map(|rule| plan.rules()[rule].name.clone()),
                blocking_rule: blocking_rule.map(|rule| plan.blocking()[rule].to_string()),
                stopped_keys: stopped,
            },
            weight,
        })
    }

    fn fields(&self, left: usize, right: usize) -> Vec<FieldPair> {
        let fields = self.scene.table.schema().fields().iter().enumerate();
        let pairs = fields.map(|(position, field)| FieldPair {
            field: field.name.clone(),
            kind: field.kind,
            left: self.values(position, left),
            right: self.values(position, right),
        });
        pairs.filter(|pair| !pair.left.is_empty() || !pair.right.is_empty()).collect()
    }

    /// The values of a row in one field.
    pub(crate) fn values(&self, field: usize, row: usize) -> Vec<FieldValue> {
        let values = self.scene.features.field(field);
        let value = |code: &u32| FieldValue {
            raw: values.raw(*code).into(),
            normalized: values.canonical_code(*code).map(|c| values.canonical(c).into()),
            status: values.status(*code),
            issues: values.issues(*code),
        };
        values.codes(row).iter().map(value).collect()
    }
}
