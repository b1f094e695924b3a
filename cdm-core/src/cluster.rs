//! Links into entities: connected components under constraints.
//!
//! Links are tried in a fixed order, the strongest first and ties by record key; each joins the two
//! groups that its records are in, unless a guard refuses. A refusal is for good: no later link can
//! make two groups fit that once did not. So the outcome is a pure function of the links and the
//! guards, whatever the order in which records arrived.
//!
//! Records are numbered in the order of their keys.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::{DefaultHashBuilder, HashMap};
use serde::Serialize;

use crate::table::Codes;

/// What put two records together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A steward's must-link.
    Steward,
    /// The rule at that position of the plan.
    Rule(u32),
}

/// Two records that were put together, the lower number on the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// The record with the lower key.
    pub left: u32,
    /// The record with the higher key.
    pub right: u32,
    /// What put them together.
    pub cause: Cause,
}

/// Why two groups must stay apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
#[non_exhaustive]
pub enum Reason {
    /// A steward said that these two records, one of each group, are not one customer.
    CannotLink {
        /// The record on one side.
        left: u32,
        /// The record on the other.
        right: u32,
    },
    /// A rule says `never` of these two records, one of each group.
    NeverRule {
        /// The rule, by position in the plan.
        rule: u32,
        /// The record on one side.
        left: u32,
        /// The record on the other.
        right: u32,
    },
    /// Together they would hold more values of a field than one entity may.
    Limit {
        /// The limit, by position in the guards.
        limit: u32,
        /// How many values they would hold.
        found: usize,
    },
    /// Both hold a record of a source that has each customer once.
    OnePerSource {
        /// The source, by code.
        source: u32,
    },
}

/// A link that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// The link.
    pub link: Link,
    /// Why its two groups had to stay apart.
    pub reason: Reason,
}

/// At most so many values of a field in one entity.
pub(crate) struct Limit {
    pub(crate) at_most: usize,
    /// Codes of each record's values.
    pub(crate) codes: Codes,
}

/// What keeps groups apart.
pub(crate) struct Guards<'a> {
    /// Source code by record.
    pub(crate) source_of: Vec<u32>,
    /// By source code, whether an entity may hold only one of its records.
    pub(crate) one_per_source: Vec<bool>,
    pub(crate) limits: Vec<Limit>,
    /// Both ways round.
    pub(crate) cannot_link: BTreeMap<u32, BTreeSet<u32>>,
    /// The `never` rule that decides two records, if one does.
    pub(crate) forbids: Option<Forbids<'a>>,
}

/// The `never` rules over pairs of records, and a number by record, equal where they cannot tell
/// the records apart.
pub(crate) struct Forbids<'a> {
    pub(crate) signatures: Vec<u32>,
    pub(crate) rule: Box<dyn Fn(u32, u32) -> Option<u32> + 'a>,
}

/// What the guards must know of a group.
#[derive(Default)]
struct Group {
    /// Sources of which one record is the most, sorted.
    sources: Vec<u32>,
    /// By limit, the values held, sorted.
    values: Vec<Vec<u32>>,
    /// Signatures that occur, sorted, each with the first record that has it.
    signatures: Vec<(u32, u32)>,
    /// Records that must not come in.
    barred: BTreeSet<u32>,
}

/// A partition of records, with the links that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The group of each record; groups are numbered in the order of their lowest records.
    pub group_of: Vec<u32>,
    /// How many groups there are.
    pub groups: usize,
    /// The links that joined two groups: one fewer than the records of each group.
    pub links: Vec<Link>,
    /// The links that were refused: the first of each two groups that met in a block.
    pub refusals: Vec<Refusal>,
}

/// Joins records one block at a time.
pub(crate) struct Clusterer<'a> {
    guards: Guards<'a>,
    guarded: bool,
    parent: Vec<u32>,
    size: Vec<u32>,
    /// Groups of more than one record, by root; never iterated.
    groups: HashMap<u32, Group, DefaultHashBuilder>,
    links: Vec<Link>,
    refusals: Vec<Refusal>,
}

/// A group as one block sees it.
struct Member {
    root: u32,
    first: u32,
    /// The first record of another source than `first`.
    other: Option<u32>,
}

impl<'a> Clusterer<'a> {
    pub(crate) fn new(records: usize, guards: Guards<'a>) -> Self {
        let guarded = guards.one_per_source.contains(&true)
            || !guards.limits.is_empty()
            || !guards.cannot_link.is_empty()
            || guards.forbids.is_some();
        Self {
            guards,
            guarded,
            parent: (0..records as u32).collect(),
            size: vec![1; records],
            groups: HashMap::default(),
            links: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Join two records by a steward's word, which only another such word can refuse.
    pub(crate) fn must_link(&mut self, left: u32, right: u32) {
        let link = Link { left: left.min(right), right: left.max(right), cause: Cause::Steward };
        self.try_join(link);
    }

    /// Join the records of a block, of which any two are linked by `cause`.
    ///
    /// `members` are sorted. With `across_sources`, only two records of different sources are
    /// linked. Groups that meet in the block are tried once each, not every pair of their records.
    pub(crate) fn block(&mut self, cause: Cause, members: &[u32], across_sources: bool) {
        let mut met: Vec<Member> = Vec::new();
        for &record in members {
            let root = self.find(record);
            let mut entry = Member { root, first: record, other: None };
            if let Some(position) = met.iter().position(|member| member.root == root) {
                let member = &mut met[position];
                let elsewhere = self.source(record) != self.source(member.first);
                if member.other.is_some() || !elsewhere {
                    continue;
                }
                member.other = Some(record);
                if !across_sources {
                    continue;
                }
                // It can now be linked to groups that it could not be before.
                entry = met.remove(position);
            }
            let mut position = 0;
            while position < met.len() {
                let joined = self
                    .link_between(&met[position], &entry, cause, across_sources)
                    .is_some_and(|link| self.try_join(link));
                if joined {
                    let earlier = met.remove(position);
                    entry = self.union_of(earlier, entry);
                    if !across_sources {
                        // What refused the earlier group refuses the joined one.
                        break;
                    }
                    position = 0;
                } else {
                    position += 1;
                }
            }
            let place = met.partition_point(|member| member.first < entry.first);
            met.insert(place, entry);
        }
    }

    /// The partition that came out.
    pub(crate) fn finish(mut self) -> Partition {
        let mut number_of_root = vec![u32::MAX; self.parent.len()];
        let mut groups = 0;
        let group_of = (0..self.parent.len() as u32)
            .map(|record| {
                let number = &mut number_of_root[self.find(record) as usize];
                if *number == u32::MAX {
                    *number = groups;
                    groups += 1;
                }
                *number
            })
            .collect();
        Partition { group_of, groups: groups as usize, links: self.links, refusals: self.refusals }
    }

    fn source(&self, record: u32) -> u32 {
        self.guards.source_of[record as usize]
    }

    fn find(&mut self, record: u32) -> u32 {
        let mut record = record;
        while self.parent[record as usize] != record {
            let grandparent = self.parent[self.parent[record as usize] as usize];
            self.parent[record as usize] = grandparent;
            record = grandparent;
        }
        record
    }

    /// The first link between two groups that met in a block, where there can be one.
    fn link_between(
        &self,
        one: &Member,
        two: &Member,
        cause: Cause,
        across_sources: bool,
    ) -> Option<Link> {
        let (left, right) = if !across_sources || self.source(one.first) != self.source(two.first) {
            (one.first, two.first)
        } else if let Some(other) = two.other {
            (one.first, other)
        } else {
            (one.other?, two.first)
        };
        Some(Link { left: left.min(right), right: left.max(right), cause })
    }

    fn union_of(&mut self, one: Member, two: Member) -> Member {
        let (low, high) = if one.first < two.first { (one, two) } else { (two, one) };
        let elsewhere = [low.other, Some(high.first), high.other]
            .into_iter()
            .flatten()
            .filter(|record| self.source(*record) != self.source(low.first))
            .min();
        Member { root: self.find(low.first), first: low.first, other: elsewhere }
    }

    fn try_join(&mut self, link: Link) -> bool {
        let (left, right) = (self.find(link.left), self.find(link.right));
        if left == right {
            return true;
        }
        if self.guarded {
            let (one, two) = (self.take_group(left), self.take_group(right));
            if let Some(reason) = self.refuse((left, right), &one, &two, link.cause) {
                self.keep_group(left, one);
                self.keep_group(right, two);
                self.refusals.push(Refusal { link, reason });
                return false;
            }
            let root = self.unite(left, right);
            self.groups.insert(root, one.join(two));
        } else {
            self.unite(left, right);
        }
        self.links.push(link);
        true
    }

    fn unite(&mut self, left: u32, right: u32) -> u32 {
        let (small, large) = if self.size[left as usize] < self.size[right as usize] {
            (left, right)
        } else {
            (right, left)
        };
        self.parent[small as usize] = large;
        self.size[large as usize] += self.size[small as usize];
        large
    }

    fn take_group(&mut self, root: u32) -> Group {
        self.groups.remove(&root).unwrap_or_else(|| {
            let guards = &self.guards;
            let source = self.source(root);
            let one_per_source = guards.one_per_source.get(source as usize) == Some(&true);
            let values = |limit: &Limit| {
                let mut codes = limit.codes.get(root as usize).to_vec();
                codes.sort_unstable();
                codes
            };
            let signature = |forbids: &Forbids<'_>| (forbids.signatures[root as usize], root);
            Group {
                sources: one_per_source.then_some(source).into_iter().collect(),
                values: guards.limits.iter().map(values).collect(),
                signatures: guards.forbids.iter().map(signature).collect(),
                barred: guards.cannot_link.get(&root).cloned().unwrap_or_default(),
            }
        })
    }

    fn keep_group(&mut self, root: u32, group: Group) {
        if self.size[root as usize] > 1 {
            self.groups.insert(root, group);
        }
    }

    /// Why two groups, by root, must stay apart, where they must.
    fn refuse(
        &mut self,
        roots: (u32, u32),
        one: &Group,
        two: &Group,
        cause: Cause,
    ) -> Option<Reason> {
        if let Some(reason) = self.refuse_barred(roots, one) {
            return Some(reason);
        }
        if cause == Cause::Steward {
            return None;
        }
        if let Some(source) = first_common(&one.sources, &two.sources) {
            return Some(Reason::OnePerSource { source });
        }
        for (position, limit) in self.guards.limits.iter().enumerate() {
            let (held, added) = (&one.values[position], &two.values[position]);
            let found = union(held, added).len();
            // A steward may have made a group that is over the limit already; it may still take
            // in records that bring nothing new.
            if found > limit.at_most && found > held.len().max(added.len()) {
                return Some(Reason::Limit { limit: position as u32, found });
            }
        }
        let forbids = self.guards.forbids.as_ref()?;
        one.signatures.iter().find_map(|(_, left)| {
            two.signatures.iter().find_map(|(_, right)| {
                let (left, right) = (*left.min(right), *left.max(right));
                let rule = (forbids.rule)(left, right)?;
                Some(Reason::NeverRule { rule, left, right })
            })
        })
    }

    fn refuse_barred(&mut self, roots: (u32, u32), one: &Group) -> Option<Reason> {
        for &barred in &one.barred {
            if self.find(barred) == roots.1 {
                let bars = self.guards.cannot_link.get(&barred).cloned().unwrap_or_default();
                let inside = bars.into_iter().find(|record| self.find(*record) == roots.0)?;
                let (left, right) = (inside.min(barred), inside.max(barred));
                return Some(Reason::CannotLink { left, right });
            }
        }
        None
    }
}

impl Group {
    fn join(self, other: Group) -> Group {
        let mut signatures = self.signatures;
        signatures.extend(other.signatures);
        signatures.sort_unstable();
        signatures.dedup_by_key(|(signature, _)| *signature);
        let mut barred = self.barred;
        barred.extend(other.barred);
        Group {
            sources: union(&self.sources, &other.sources),
            values: self.values.iter().zip(&other.values).map(|(a, b)| union(a, b)).collect(),
            signatures,
            barred,
        }
    }
}

/// The elements of two sorted lists without repeats, each once, sorted.
fn union(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn first_common(left: &[u32], right: &[u32]) -> Option<u32> {
    left.iter().find(|element| right.binary_search(element).is_ok()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards<'a>(sources: &[u32]) -> Guards<'a> {
        Guards {
            source_of: sources.to_vec(),
            one_per_source: vec![],
            limits: vec![],
            cannot_link: BTreeMap::new(),
            forbids: None,
        }
    }

    fn bar(guards: &mut Guards<'_>, left: u32, right: u32) {
        guards.cannot_link.entry(left).or_default().insert(right);
        guards.cannot_link.entry(right).or_default().insert(left);
    }

    const RULE: Cause = Cause::Rule(0);

    #[test]
    fn a_block_is_one_group_and_groups_are_numbered_by_their_lowest_record() {
        let mut clusterer = Clusterer::new(5, guards(&[0; 5]));
        clusterer.block(RULE, &[1, 3, 4], false);
        let partition = clusterer.finish();
        assert_eq!(partition.group_of, [0, 1, 2, 1, 1]);
        assert_eq!(partition.groups, 3);
        assert_eq!(partition.links.len(), 2);
    }

    #[test]
    fn cannot_link_holds_by_way_of_others_and_the_rest_of_the_block_still_joins() {
        let mut guards = guards(&[0; 4]);
        bar(&mut guards, 0, 2);
        let mut clusterer = Clusterer::new(4, guards);
        clusterer.block(RULE, &[0, 1], false);
        clusterer.block(RULE, &[1, 2, 3], false);
        let partition = clusterer.finish();
        assert_eq!(partition.group_of, [0, 0, 1, 0]);
        let reason = Reason::CannotLink { left: 0, right: 2 };
        assert_eq!(partition.refusals[0].reason, reason);
    }

    #[test]
    fn a_steward_overrules_rules_and_limits_but_not_another_steward() {
        let mut guards = guards(&[0; 3]);
        guards.one_per_source = vec![true];
        bar(&mut guards, 0, 2);
        let mut clusterer = Clusterer::new(3, guards);
        clusterer.must_link(1, 0);
        clusterer.must_link(1, 2);
        let partition = clusterer.finish();
        assert_eq!(partition.group_of, [0, 0, 1]);
        assert_eq!(partition.refusals.len(), 1);
    }

    #[test]
    fn a_limit_counts_distinct_values_and_lets_nothing_new_pass() {
        let mut guards = guards(&[0; 4]);
        let mut codes = Codes::new();
        for row in [&[7][..], &[], &[8], &[7]] {
            codes.push(row).unwrap();
        }
        guards.limits = vec![Limit { at_most: 1, codes }];
        let mut clusterer = Clusterer::new(4, guards);
        clusterer.block(RULE, &[0, 1, 2, 3], false);
        let partition = clusterer.finish();
        assert_eq!(partition.group_of, [0, 0, 1, 0]);
        assert_eq!(partition.refusals[0].reason, Reason::Limit { limit: 0, found: 2 });
    }

    #[test]
    fn across_sources_records_of_one_source_meet_only_by_way_of_another() {
        let mut alone = Clusterer::new(2, guards(&[0, 0]));
        alone.block(RULE, &[0, 1], true);
        assert_eq!(alone.finish().groups, 2);
        let mut linked = Clusterer::new(3, guards(&[0, 0, 1]));
        linked.block(RULE, &[0, 1, 2], true);
        assert_eq!(linked.finish().groups, 1);
    }

    #[test]
    fn never_is_asked_of_every_two_kinds_of_record_in_two_groups() {
        let mut guards = guards(&[0; 4]);
        let forbids = Forbids {
            signatures: vec![0, 1, 1, 2],
            rule: Box::new(|left, right| (left == 0 && right == 3).then_some(5)),
        };
        guards.forbids = Some(forbids);
        let mut clusterer = Clusterer::new(4, guards);
        clusterer.block(RULE, &[0, 1], false);
        clusterer.block(RULE, &[2, 3], false);
        clusterer.block(RULE, &[1, 2], false);
        let partition = clusterer.finish();
        assert_eq!(partition.group_of, [0, 0, 1, 1]);
        assert_eq!(partition.refusals[0].reason, Reason::NeverRule { rule: 5, left: 0, right: 3 });
    }
}
