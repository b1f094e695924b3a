//! Joins blocks of linked records, one block at a time.

use hashbrown::{DefaultHashBuilder, HashMap};

use super::component::Contracted;
use super::guards::{Group, Guards};
use super::{Cause, Link, Partition, Refusal};

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

/// The guards, and what they know of the groups so far.
pub(super) struct Guarded<'c> {
    pub(super) guards: &'c Guards<'c>,
    groups: &'c HashMap<u32, Group, DefaultHashBuilder>,
}

impl Guarded<'_> {
    /// What must be known of the group with that root.
    pub(super) fn group(&self, root: u32) -> Group {
        self.groups.get(&root).cloned().unwrap_or_else(|| self.guards.alone(root))
    }
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
        Self {
            guarded: guards.any(),
            guards,
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

    /// How many records there are.
    pub(super) fn records(&self) -> u32 {
        self.parent.len() as u32
    }

    /// What keeps groups apart, where anything does.
    pub(super) fn guarded(&self) -> Option<Guarded<'_>> {
        self.guarded.then_some(Guarded { guards: &self.guards, groups: &self.groups })
    }

    /// Take over what became of a component of groups.
    pub(super) fn adopt(&mut self, contracted: Contracted) {
        for link in &contracted.links {
            let (left, right) = (self.find(link.left), self.find(link.right));
            self.groups.remove(&left);
            self.groups.remove(&right);
            self.unite(left, right);
        }
        for (record, group) in contracted.groups {
            let root = self.find(record);
            self.groups.insert(root, group);
        }
        self.links.extend(contracted.links);
        self.refusals.extend(contracted.refusals);
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

    pub(super) fn find(&mut self, record: u32) -> u32 {
        find(&mut self.parent, record)
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
            let guards = &self.guards;
            let parent = &mut self.parent;
            let find = |record| find(parent, record);
            if let Some(reason) = guards.refuse((left, right), (&one, &two), link.cause, find) {
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
        self.groups.remove(&root).unwrap_or_else(|| self.guards.alone(root))
    }

    fn keep_group(&mut self, root: u32, group: Group) {
        if self.size[root as usize] > 1 {
            self.groups.insert(root, group);
        }
    }
}

/// The root of `record`, with the way there made shorter.
pub(super) fn find(parent: &mut [u32], mut record: u32) -> u32 {
    while parent[record as usize] != record {
        let grandparent = parent[parent[record as usize] as usize];
        parent[record as usize] = grandparent;
        record = grandparent;
    }
    record
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::{Forbids, Limit, Reason};
    use crate::table::Codes;

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
