//! Some records into groups, by the clusterer of the batch pipeline.
//!
//! Given all records that links, shared keys and must-links lead to, what comes out is what
//! [`Model::resolve`](crate::Model::resolve) makes of them among any number of others: no step of it
//! looks beyond such a set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bound::{BoundModel, BoundRecord, Keying};
use crate::cancel::Run;
use crate::cluster::{Cause, Clusterer, Contraction, Forbids, Guards, Limit, ScoredLink, Weight};
use crate::error::Result;
use crate::features::Texts;
use crate::plan::LinkType;
use crate::resolve::tiers;
use crate::rule::Decision;
use crate::table::Codes;

/// Records to be grouped, and what lies between them; records are named by their places.
pub(super) struct Records<'r> {
    pub(super) model: &'r BoundModel,
    /// In the order of their keys.
    pub(super) records: &'r [Arc<BoundRecord>],
    pub(super) links: Vec<(u32, u32, f64)>,
    pub(super) must: BTreeSet<(u32, u32)>,
    pub(super) cannot: BTreeSet<(u32, u32)>,
    /// What two of them without a link say of the groups that they are in.
    pub(super) weight: &'r (dyn Fn(u32, u32) -> Weight + Sync),
    /// Whether a key links nobody, beside those that the model says.
    pub(super) is_stopped: &'r (dyn Fn(Keying, &[&str]) -> bool + Sync),
}

impl Records<'_> {
    /// The group of each record, numbered by the lowest record of each.
    pub(super) fn regroup(&self) -> Result<Vec<u32>> {
        let groups = self.groups()?;
        self.records.iter().try_for_each(|record| record.readable())?;
        Ok(groups)
    }

    fn groups(&self) -> Result<Vec<u32>> {
        if self.records.len() < 2 {
            return Ok(vec![0; self.records.len()]);
        }
        let plan = self.model.model().plan();
        let mut clusterer = Clusterer::new(self.records.len(), self.guards()?);
        self.must.iter().for_each(|(left, right)| clusterer.must_link(*left, *right));
        let across_sources = plan.link_type() == LinkType::Link;
        for rule in tiers(plan) {
            let rule = rule as u32;
            for block in self.blocks(Keying::Rule(rule)) {
                clusterer.block(Cause::Rule(rule), &block, across_sources);
            }
        }
        if plan.comparisons().is_empty() {
            return Ok(clusterer.finish().group_of);
        }
        let links = self.links.iter().map(|(left, right, bits)| ScoredLink {
            left: *left,
            right: *right,
            weight: Weight::from_bits(*bits),
        });
        let links: Vec<ScoredLink> = links.collect();
        clusterer.contract(&links, &Contraction::default(), &self.weight, &Run::new())?;
        Ok(clusterer.finish().group_of)
    }

    /// The records that share a key, in the order in which batch meets them.
    fn blocks(&self, keying: Keying) -> Vec<Vec<u32>> {
        let mut holders: BTreeMap<Vec<&str>, Vec<u32>> = BTreeMap::new();
        for (number, record) in (0..).zip(self.records) {
            for key in self.model.keys(keying, record) {
                holders.entry(key).or_default().push(number);
            }
        }
        holders.retain(|key, holders| holders.len() > 1 && !(self.is_stopped)(keying, key));
        let mut blocks: Vec<Vec<u32>> = holders.into_values().collect();
        blocks.sort_unstable();
        blocks
    }

    fn guards(&self) -> Result<Guards<'_>> {
        let plan = self.model.model().plan();
        let mut sources: Vec<&str> = self.records.iter().map(|r| &*r.key().source).collect();
        sources.sort_unstable();
        sources.dedup();
        let code = |record: &Arc<BoundRecord>| {
            sources.partition_point(|source| *source < record.key().source.as_str()) as u32
        };
        let is_free = |source: &&str| {
            plan.sources().iter().any(|known| known.name == *source && known.duplicate_free)
        };
        let mut limits = Vec::new();
        for limit in &plan.guards().limits {
            let field = plan.schema().position(&limit.field)?;
            let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
            let mut codes = Codes::new();
            for record in self.records {
                let mut of_record = Vec::new();
                for text in self.model.canonical(record, field) {
                    let next = numbers.len() as u32;
                    of_record.push(*numbers.entry(text).or_insert(next));
                }
                of_record.sort_unstable();
                of_record.dedup();
                codes.push(&of_record)?;
            }
            limits.push(Limit { at_most: limit.at_most, codes });
        }
        let mut bars: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for (left, right) in &self.cannot {
            bars.entry(*left).or_default().insert(*right);
            bars.entry(*right).or_default().insert(*left);
        }
        Ok(Guards {
            source_of: self.records.iter().map(code).collect(),
            one_per_source: sources.iter().map(is_free).collect(),
            limits,
            cannot_link: bars,
            forbids: self.forbids(),
        })
    }

    fn forbids(&self) -> Option<Forbids<'_>> {
        let rules = self.model.model().plan().rules();
        let last = rules.iter().rposition(|rule| rule.decision == Decision::Never)?;
        let mut lowest: BTreeMap<Vec<&Texts>, u32> = BTreeMap::new();
        let signatures = (0..).zip(self.records).map(|(number, record)| {
            *lowest.entry(self.model.signature(last, record)).or_insert(number)
        });
        let signatures = signatures.collect();
        let of = |number: u32| &self.records[number as usize];
        Some(Forbids {
            signatures,
            rule: Box::new(move |left, right| {
                let rule = self.model.decide(of(left), of(right))?;
                (rules[rule].decision == Decision::Never).then_some(rule as u32)
            }),
        })
    }
}
