//! Entities that live on: which of the old ones each new group of records is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::event::{Change, Part};
use crate::schema::EntityId;

/// Entities before a change, by number.
#[derive(Default)]
pub(super) struct Before {
    /// The records that are still there, sorted.
    pub(super) records: BTreeMap<u32, Vec<u32>>,
    /// Records that are not any more, with the entity that they were in.
    pub(super) left: BTreeSet<(u32, u32)>,
}

/// What became of them.
#[derive(Default)]
pub(super) struct Carried {
    /// By group, the entity.
    pub(super) entities: Vec<u32>,
    /// Entities that are no more, each with those that have its records.
    pub(super) ended: Vec<(u32, Vec<u32>)>,
    pub(super) changes: Vec<Change<u32>>,
}

/// Give each group of records an entity: that which brings the most records, if most of *its* records
/// are in the group; of equals the older one. Others are new, numbered from `next`.
///
/// `changed` are records of which the values are others than before. Groups are in the order of their
/// lowest record keys; together they hold all records of `before`.
pub(super) fn carry_over(
    before: &Before,
    groups: &[Vec<u32>],
    changed: &BTreeSet<u32>,
    next: &mut u32,
    id: impl Fn(u32) -> EntityId,
) -> Carried {
    let mut group_of: BTreeMap<u32, usize> = BTreeMap::new();
    for (group, records) in groups.iter().enumerate() {
        group_of.extend(records.iter().map(|record| (*record, group)));
    }
    // By old entity, how many of its records are in which group.
    let shares: BTreeMap<u32, BTreeMap<usize, usize>> = before
        .records
        .iter()
        .map(|(entity, records)| {
            let mut share: BTreeMap<usize, usize> = BTreeMap::new();
            for group in records.iter().filter_map(|record| group_of.get(record)) {
                *share.entry(*group).or_default() += 1;
            }
            (*entity, share)
        })
        .collect();
    let heir_of: BTreeMap<u32, usize> = shares
        .iter()
        .filter_map(|(entity, share)| {
            let most = share.iter().max_by_key(|(group, count)| (**count, Reverse(**group)));
            most.map(|(group, _)| (*entity, *group))
        })
        .collect();
    let mut claims: Vec<Vec<(usize, Reverse<u32>)>> = vec![Vec::new(); groups.len()];
    for (entity, group) in &heir_of {
        claims[*group].push((shares[entity][group], Reverse(*entity)));
    }
    let survivors: Vec<Option<u32>> = claims
        .iter()
        .map(|claims| claims.iter().max().map(|(_, Reverse(entity))| *entity))
        .collect();
    let entities: Vec<u32> = survivors
        .iter()
        .map(|survivor| {
            survivor.unwrap_or_else(|| {
                *next += 1;
                *next - 1
            })
        })
        .collect();
    let mut carried = Carried { entities, ..Carried::default() };
    let mut changes = Vec::new();
    for (entity, record) in &before.left {
        changes.push(Change::Left { entity: id(*entity), record: *record });
    }
    // A new entity is a part of the one that brings it the most records.
    let mut parts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut whole_of: Vec<Option<u32>> = survivors.clone();
    let mut brought = vec![None; groups.len()];
    for (entity, share) in &shares {
        for (group, count) in share {
            brought[*group] = brought[*group].max(Some((*count, Reverse(*entity))));
        }
    }
    for group in (0..groups.len()).filter(|group| survivors[*group].is_none()) {
        if let Some((_, Reverse(entity))) = brought[group] {
            parts.entry(entity).or_default().push(group);
            whole_of[group] = Some(entity);
        }
    }
    for (entity, groups_of_parts) in &parts {
        let of_entity = &before.records[entity];
        let part = |group: &usize| Part {
            entity: id(carried.entities[*group]),
            records: of_entity.iter().filter(|r| group_of[*r] == *group).copied().collect(),
        };
        let parts = groups_of_parts.iter().map(part).collect();
        changes.push(Change::Split { entity: id(*entity), parts });
    }
    // Records on their way between entities that both live on or end elsewhere.
    let mut homeless: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); groups.len()];
    let mut known: BTreeSet<u32> = BTreeSet::new();
    for (entity, records) in &before.records {
        for record in records {
            known.insert(*record);
            let group = group_of[record];
            if heir_of[entity] != group && whole_of[group] != Some(*entity) {
                changes.push(Change::Left { entity: id(*entity), record: *record });
                homeless[group].insert(*record);
            }
        }
    }
    for (group, records) in groups.iter().enumerate() {
        homeless[group].extend(records.iter().filter(|record| !known.contains(record)));
    }
    for (group, records) in groups.iter().enumerate() {
        if whole_of[group].is_none() {
            let entity = id(carried.entities[group]);
            changes.push(Change::Created { entity, records: records.clone() });
            homeless[group].clear();
        }
    }
    for (group, survivor) in survivors.iter().enumerate() {
        let absorbed = claims[group].iter().map(|(_, Reverse(entity))| *entity);
        let absorbed: Vec<u32> = absorbed.filter(|entity| Some(*entity) != *survivor).collect();
        if let (Some(survivor), false) = (survivor, absorbed.is_empty()) {
            let ids = absorbed.iter().map(|entity| id(*entity)).collect();
            changes.push(Change::Merged { entity: id(*survivor), absorbed: ids });
            for entity in absorbed {
                let mut heirs = vec![*survivor];
                let groups = shares[&entity].keys().map(|group| carried.entities[*group]);
                heirs.extend(groups.filter(|heir| heir != survivor));
                carried.ended.push((entity, heirs));
            }
        }
    }
    for (group, records) in homeless.iter().enumerate() {
        let entity = id(carried.entities[group]);
        changes.extend(records.iter().map(|record| Change::Joined { entity, record: *record }));
    }
    for (entity, records) in &before.records {
        if records.is_empty() {
            changes.push(Change::Deleted { entity: id(*entity) });
            carried.ended.push((*entity, Vec::new()));
        }
    }
    let lost: BTreeSet<u32> = before.left.iter().map(|(entity, _)| *entity).collect();
    for (group, survivor) in survivors.iter().enumerate() {
        if let Some(entity) = survivor {
            let (now, then) = (&groups[group], &before.records[entity]);
            let same = now.len() == then.len() && now.iter().all(|r| then.binary_search(r).is_ok());
            if !same || lost.contains(entity) || now.iter().any(|r| changed.contains(r)) {
                changes.push(Change::GoldenChanged { entity: id(*entity) });
            }
        }
    }
    carried.changes = changes;
    carried
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::event::{Event, EventRecord, Replay};
    use super::*;

    fn id(number: u32) -> EntityId {
        EntityId::from_bits(number.into())
    }

    /// Records by entity, as groups without empty ones.
    fn groups(of_record: &[u8], alive: &[bool]) -> Vec<Vec<u32>> {
        let mut groups: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
        for (record, group) in of_record.iter().enumerate().filter(|(r, _)| alive[*r]) {
            groups.entry(*group).or_default().push(record as u32);
        }
        let mut groups: Vec<Vec<u32>> = groups.into_values().collect();
        groups.sort();
        groups
    }

    proptest! {
        #[test]
        fn events_lead_from_any_partition_to_any_other_and_ids_live_with_most_of_their_records(
            steps in prop::collection::vec(
                (prop::collection::vec(0..5_u8, 9), prop::collection::vec(any::<bool>(), 9)), 1..6),
        ) {
            let (mut next, mut sequence) = (0, 0);
            let mut now: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            let mut replay = Replay::default();
            for (of_record, alive) in steps {
                let mut before = Before::default();
                for (entity, records) in &now {
                    let (stay, go): (Vec<u32>, Vec<u32>) =
                        records.iter().partition(|record| alive[**record as usize]);
                    before.left.extend(go.iter().map(|record| (*entity, *record)));
                    before.records.insert(*entity, stay);
                }
                let groups = groups(&of_record, &alive);
                let carried = carry_over(&before, &groups, &BTreeSet::new(), &mut next, id);
                for change in carried.changes {
                    sequence += 1;
                    let named = |number| Ok::<_, ()>(EventRecord { number, key: None });
                    let change = change.map(&mut { named }).unwrap();
                    replay.apply(&Event { sequence, change });
                }
                let after: BTreeMap<u32, Vec<u32>> =
                    carried.entities.iter().copied().zip(groups.iter().cloned()).collect();
                prop_assert_eq!(after.len(), groups.len(), "two groups are one entity");
                let wanted: BTreeMap<EntityId, BTreeSet<u32>> =
                    after.iter().map(|(e, r)| (id(*e), r.iter().copied().collect())).collect();
                prop_assert_eq!(replay.entities(), &wanted);
                for (entity, records) in &before.records {
                    let all = now[entity].len();
                    let most = groups.iter().find(|g| {
                        2 * records.iter().filter(|r| g.contains(r)).count() > all && 2 * all > g.len()
                    });
                    if let Some(most) = most && 2 * records.iter().filter(|r| most.contains(r)).count() > most.len() {
                        prop_assert_eq!(after.get(entity), Some(most));
                    }
                    let ended = carried.ended.iter().any(|(ended, _)| ended == entity);
                    prop_assert_eq!(ended, !after.contains_key(entity));
                }
                now = after;
            }
        }
    }
}
