//! Deterministic rules: which records must be one customer, and which must never be.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::block::{Conjunction, SharedKeys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Expression, Features};
use crate::table::Column;

/// What a rule says of two records for which it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// They are one customer.
    Match,
    /// They are never one customer, not even by way of others.
    Never,
}

/// A named conjunction over two records, and what it says of them.
///
/// A rule holds for two records where each expression of `same` gives both of them at least one
/// equal key, and each of `differ` gives both of them keys but none in common. A record without
/// keys (a missing or unusable value) is neither the same as another nor different from it.
///
/// Rules are ordered: the first that holds decides the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The rule's name, as reports and links quote it; unique within the plan.
    pub name: String,
    /// What the rule says.
    pub decision: Decision,
    /// Expressions of which the two records share a key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<Expression>,
    /// Expressions of which both records have keys, but none in common; for `never` rules only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differ: Vec<Expression>,
}

impl Rule {
    /// Two records that share a key of each of `same` are one customer.
    #[must_use]
    pub fn matching(name: impl Into<String>, same: Vec<Expression>) -> Self {
        Self { name: name.into(), decision: Decision::Match, same, differ: Vec::new() }
    }

    /// Two records that share a key of each of `same` and none of any of `differ` are two
    /// customers.
    #[must_use]
    pub fn never(name: impl Into<String>, same: Vec<Expression>, differ: Vec<Expression>) -> Self {
        Self { name: name.into(), decision: Decision::Never, same, differ }
    }

    /// The expressions that the rule looks at.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.same.iter().chain(&self.differ)
    }
}

/// The rules of a plan, bound to the features of one table.
///
/// Whether a rule holds for two rows depends on the keys of those two rows alone.
pub struct BoundRules<'a> {
    rules: &'a [Rule],
    bound: Vec<Bound>,
}

struct Bound {
    same: Conjunction,
    differ: Vec<Arc<Column>>,
}

impl<'a> BoundRules<'a> {
    /// Bind `rules` to `features`, which were computed with all their expressions.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed.
    pub fn new(rules: &'a [Rule], features: &Features) -> Result<Self> {
        let same = Conjunction::bind(rules.iter().map(|rule| &rule.same[..]), features)?;
        let bound = rules.iter().zip(same).map(|(rule, same)| {
            let differ = rule.differ.iter().map(|expression| features.keys(expression).cloned());
            Ok(Bound { same, differ: differ.collect::<Result<_>>()? })
        });
        Ok(Self { rules, bound: bound.collect::<Result<_>>()? })
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &'a [Rule] {
        self.rules
    }

    /// The first rule that holds for two rows, by position.
    #[must_use]
    pub fn decide(&self, left: usize, right: usize) -> Option<usize> {
        self.bound.iter().position(|rule| rule.holds(left, right))
    }

    /// Whether there is a rule that says `never`.
    #[must_use]
    pub fn can_forbid(&self) -> bool {
        self.rules.iter().any(|rule| rule.decision == Decision::Never)
    }

    /// A number for each row, equal where no rule can tell the rows apart.
    ///
    /// Only the rules up to the last `never` are regarded: what they say is asked of every two
    /// groups that would join, so that alike records are best asked once.
    #[must_use]
    pub fn signatures(&self, rows: usize) -> Vec<u32> {
        let Some(last) = self.rules.iter().rposition(|rule| rule.decision == Decision::Never)
        else {
            return vec![0; rows];
        };
        let mut columns: Vec<&Column> = Vec::new();
        for column in self.bound[..=last]
            .iter()
            .flat_map(|rule| rule.same.columns().iter().chain(&rule.differ))
        {
            if place_of(column, &columns).is_none() {
                columns.push(column);
            }
        }
        let mut numbers: HashMap<Vec<u32>, u32, DefaultHashBuilder> = HashMap::default();
        let mut keys = Vec::new();
        (0..rows)
            .map(|row| {
                keys.clear();
                for column in &columns {
                    let codes = column.codes(row);
                    keys.push(codes.len() as u32);
                    keys.extend_from_slice(codes);
                }
                let next = numbers.len() as u32;
                *numbers.entry_ref(&keys[..]).or_insert(next)
            })
            .collect()
    }

    /// The keys of the rows under `match` rule number `rule`, at most
    /// [`MAX_KEYS`](crate::block::MAX_KEYS) a row. The rule holds for two rows just where they share
    /// one.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn keys(&self, rule: usize, rows: usize, run: &Run) -> Result<SharedKeys> {
        self.bound[rule].same.keys(rows, run)
    }
}

/// Where `column` itself, not one like it, is among `columns`.
fn place_of(column: &Column, columns: &[&Column]) -> Option<usize> {
    columns.iter().position(|known| std::ptr::eq(*known, column))
}

impl Bound {
    fn holds(&self, left: usize, right: usize) -> bool {
        self.same.columns().iter().all(|column| share(column.codes(left), column.codes(right)))
            && self.differ.iter().all(|column| {
                let (left, right) = (column.codes(left), column.codes(right));
                !left.is_empty() && !right.is_empty() && !share(left, right)
            })
    }
}

/// Whether two sorted lists have an element in common.
fn share(left: &[u32], right: &[u32]) -> bool {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        match l.cmp(r) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => left.next(),
            std::cmp::Ordering::Greater => right.next(),
        };
    }
    false
}

/// Every expression that some of `rules` looks at.
#[must_use]
pub fn expressions(rules: &[Rule]) -> BTreeSet<Expression> {
    rules.iter().flat_map(Rule::expressions).cloned().collect()
}
