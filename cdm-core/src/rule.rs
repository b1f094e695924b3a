//! Deterministic rules: which records must be one customer, and which must never be.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    bound: Vec<Bound<'a>>,
}

struct Bound<'a> {
    same: Vec<&'a Column>,
    /// For each column of `same`, by code, whether several rows have it; for `match` rules only.
    shared: Vec<Arc<Vec<bool>>>,
    differ: Vec<&'a Column>,
}

impl<'a> BoundRules<'a> {
    /// Bind `rules` to `features`, which were computed with all their expressions.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed.
    pub fn new(rules: &'a [Rule], features: &'a Features) -> Result<Self> {
        let bind = |expressions: &[Expression]| {
            expressions.iter().map(|expression| features.keys(expression)).collect::<Result<_>>()
        };
        let bound = rules.iter().map(|rule| {
            Ok(Bound { same: bind(&rule.same)?, shared: Vec::new(), differ: bind(&rule.differ)? })
        });
        let mut bound: Vec<Bound<'a>> = bound.collect::<Result<_>>()?;
        let is_match = |position: usize| rules[position].decision == Decision::Match;
        let mut columns: Vec<&Column> = Vec::new();
        for (_, rule) in bound.iter().enumerate().filter(|(position, _)| is_match(*position)) {
            for column in &rule.same {
                if place_of(column, &columns).is_none() {
                    columns.push(column);
                }
            }
        }
        let shared: Vec<Arc<Vec<bool>>> =
            columns.par_iter().map(|column| Arc::new(shared_codes(column))).collect();
        for (_, rule) in bound.iter_mut().enumerate().filter(|(position, _)| is_match(*position)) {
            let places = rule.same.iter().filter_map(|column| place_of(column, &columns));
            rule.shared = places.map(|place| Arc::clone(&shared[place])).collect();
        }
        Ok(Self { rules, bound })
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
        for column in
            self.bound[..=last].iter().flat_map(|rule| rule.same.iter().chain(&rule.differ))
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

    /// The keys of the rows under `match` rule number `rule`: one for every combination of its
    /// expressions' keys, at most [`MAX_KEYS`] a row. The rule holds for two rows just where they
    /// share one.
    ///
    /// Keys that no second row can have, because a part of them is one row's alone, are left out.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn keys(&self, rule: usize, rows: usize, run: &Run) -> Result<RuleKeys<'a>> {
        let Bound { same: columns, shared, .. } = &self.bound[rule];
        let mut entries: Vec<(Key, u32)> = Vec::new();
        let mut tails: HashMap<Vec<u32>, u32, DefaultHashBuilder> = HashMap::default();
        let mut add = |codes: &[u32], row: usize| {
            if codes.iter().zip(shared).all(|(code, shared)| shared[*code as usize]) {
                entries.push((key_of(codes, &mut tails), row as u32));
            }
        };
        let (mut made, mut next) = (Vec::new(), Vec::new());
        for row in 0..rows {
            if row % 65_536 == 0 {
                run.check()?;
            }
            made.clear();
            // One code in each column, as nearly every row has, is one key.
            for column in columns {
                match column.codes(row) {
                    [code] => made.push(*code),
                    _ => break,
                }
            }
            if made.len() == columns.len() {
                add(&made, row);
                continue;
            }
            if columns.iter().any(|column| column.codes(row).is_empty()) {
                continue;
            }
            made.clear();
            let combinations = columns
                .iter()
                .fold(1_usize, |all, column| all.saturating_mul(column.codes(row).len()));
            for (width, column) in columns.iter().enumerate() {
                next.clear();
                let mut codes = std::borrow::Cow::Borrowed(column.codes(row));
                if combinations > MAX_KEYS {
                    // Codes are numbered in the order of rows; which keys a record has must not be.
                    codes.to_mut().sort_unstable_by_key(|code| column.pool().get(*code));
                }
                let keys = (made.len() / width.max(1)).max(usize::from(width == 0));
                for pair in (0..keys * codes.len()).take(MAX_KEYS) {
                    let (key, code) = (pair / codes.len(), pair % codes.len());
                    next.extend_from_slice(&made[key * width..(key + 1) * width]);
                    next.push(codes[code]);
                }
                std::mem::swap(&mut made, &mut next);
            }
            made.chunks_exact(columns.len()).for_each(|codes| add(codes, row));
        }
        run.check()?;
        entries.par_sort_unstable();
        let mut tails: Vec<(Vec<u32>, u32)> = tails.into_iter().collect();
        tails.sort_unstable_by_key(|(_, number)| *number);
        let tails = tails.into_iter().map(|(codes, _)| codes).collect();
        Ok(RuleKeys { columns: columns.clone(), tails, entries })
    }
}

/// The most keys that one record has under one rule; real records have a handful.
pub const MAX_KEYS: usize = 4096;

/// A code of each of a rule's expressions; where there are more, the last place numbers the codes
/// of the rest.
type Key = [u32; 4];

fn key_of(codes: &[u32], tails: &mut HashMap<Vec<u32>, u32, DefaultHashBuilder>) -> Key {
    let mut key = Key::default();
    if codes.len() <= key.len() {
        key[..codes.len()].copy_from_slice(codes);
    } else {
        let (head, tail) = codes.split_at(key.len() - 1);
        key[..head.len()].copy_from_slice(head);
        let next = tails.len() as u32;
        key[head.len()] = *tails.entry_ref(tail).or_insert(next);
    }
    key
}

/// The keys that rows share under one rule.
pub struct RuleKeys<'a> {
    columns: Vec<&'a Column>,
    /// What the last place of the keys numbers, where a rule has more expressions than places.
    tails: Vec<Vec<u32>>,
    /// Key and row, sorted.
    entries: Vec<(Key, u32)>,
}

/// Some rows that share a key.
#[derive(Clone, Copy)]
pub struct SharedKey<'k> {
    keys: &'k RuleKeys<'k>,
    entries: &'k [(Key, u32)],
}

impl RuleKeys<'_> {
    /// The keys that more than one row has.
    pub fn shared(&self) -> impl Iterator<Item = SharedKey<'_>> {
        let groups = self.entries.chunk_by(|left, right| left.0 == right.0);
        groups.filter(|entries| entries.len() > 1).map(|entries| SharedKey { keys: self, entries })
    }
}

impl<'k> SharedKey<'k> {
    /// The rows, in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = u32> + 'k {
        self.entries.iter().map(|(_, row)| *row)
    }

    /// The texts of the key, one for each expression of the rule.
    pub fn texts(self) -> impl Iterator<Item = &'k str> {
        let RuleKeys { columns, tails, .. } = self.keys;
        let key = &self.entries[0].0;
        let (head, tail) = match columns.len() {
            count if count <= key.len() => (&key[..count], &[][..]),
            _ => (&key[..key.len() - 1], &tails[key[key.len() - 1] as usize][..]),
        };
        let codes = head.iter().chain(tail);
        columns.iter().zip(codes).map(|(column, code)| column.pool().get(*code))
    }
}

/// Where `column` itself, not one like it, is among `columns`.
fn place_of(column: &Column, columns: &[&Column]) -> Option<usize> {
    columns.iter().position(|known| std::ptr::eq(*known, column))
}

/// By code, whether more than one row has it.
fn shared_codes(column: &Column) -> Vec<bool> {
    let mut seen = vec![false; column.pool().len()];
    let mut shared = vec![false; column.pool().len()];
    for row in 0..column.len() {
        for code in column.codes(row) {
            let code = *code as usize;
            shared[code] |= seen[code];
            seen[code] = true;
        }
    }
    shared
}

impl Bound<'_> {
    fn holds(&self, left: usize, right: usize) -> bool {
        self.same.iter().all(|column| share(column.codes(left), column.codes(right)))
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
