//! What happened in a store, in order, without a gap.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::schema::{EntityId, RecordKey};

/// One change of a store, with its number in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Numbered from 1, without a gap.
    pub sequence: u64,
    /// What changed.
    pub change: Change<EventRecord>,
}

/// A record as events name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventRecord {
    /// The record's number in the store, which it has for ever.
    pub number: u32,
    /// Its key; `None` once it was forgotten.
    pub key: Option<RecordKey>,
}

/// What changed. Records stand in the order of their numbers.
///
/// The changes of one call stand together, in this order: records left, entities split, others were
/// created, merged, joined and deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change<R> {
    /// There is a new entity.
    Created {
        /// The entity.
        entity: EntityId,
        /// Its records, which are in no other.
        records: Vec<R>,
    },
    /// A record that is in no entity came into one.
    Joined {
        /// The entity.
        entity: EntityId,
        /// The record.
        record: R,
    },
    /// A record went out of an entity: it was deleted, or joins another next.
    Left {
        /// The entity.
        entity: EntityId,
        /// The record.
        record: R,
    },
    /// Several entities are one: it has the records of all.
    Merged {
        /// The entity that lives on.
        entity: EntityId,
        /// Those that are no more.
        absorbed: Vec<EntityId>,
    },
    /// Records of an entity are entities of their own.
    Split {
        /// The entity that lives on with the rest.
        entity: EntityId,
        /// The new entities.
        parts: Vec<Part<R>>,
    },
    /// An entity has no records any more.
    Deleted {
        /// The entity.
        entity: EntityId,
    },
    /// The model is another; what that changed follows.
    Revised {
        /// The number of the revision; 0 is the model that the store began with.
        revision: u64,
        /// Why.
        reason: Revision,
    },
    /// The golden record of an entity was made anew: its records are others, or say something else.
    GoldenChanged {
        /// The entity.
        entity: EntityId,
    },
}

/// A new entity that was part of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part<R> {
    /// The new entity.
    pub entity: EntityId,
    /// The records that it took along.
    pub records: Vec<R>,
}

/// Why a model was revised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Revision {
    /// More records share a key than the plan's `max_records_per_key`; it links nobody any more.
    HotKey {
        /// The rule, or blocking rule as it is written, whose key it is.
        rule: String,
        /// How many records have it, the one that came last included.
        records: u32,
    },
    /// Another model was adopted.
    Adopted,
}

impl<R> Change<R> {
    /// The same, with the records named in another way.
    pub(super) fn map<T, E>(
        self,
        name: &mut impl FnMut(R) -> Result<T, E>,
    ) -> Result<Change<T>, E> {
        Ok(match self {
            Change::Created { entity, records } => Change::Created {
                entity,
                records: records.into_iter().map(name).collect::<Result<_, _>>()?,
            },
            Change::Joined { entity, record } => Change::Joined { entity, record: name(record)? },
            Change::Left { entity, record } => Change::Left { entity, record: name(record)? },
            Change::Merged { entity, absorbed } => Change::Merged { entity, absorbed },
            Change::Split { entity, parts } => {
                let part = |Part { entity, records }: Part<R>| {
                    let records = records.into_iter().map(&mut *name).collect::<Result<_, _>>()?;
                    Ok(Part { entity, records })
                };
                Change::Split {
                    entity,
                    parts: parts.into_iter().map(part).collect::<Result<_, E>>()?,
                }
            }
            Change::Deleted { entity } => Change::Deleted { entity },
            Change::Revised { revision, reason } => Change::Revised { revision, reason },
            Change::GoldenChanged { entity } => Change::GoldenChanged { entity },
        })
    }
}

/// The partition that events lead to, for consumers that keep their own.
///
/// # Examples
/// ```
/// # use cdm_core::{Plan, Record, RecordKey, Run, Table};
/// # use cdm_core::store::{Options, Replay, Store};
/// # let plan = Plan::from_json(r#"{"version": 1, "name": "people",
/// #     "fields": [{"name": "email", "kind": "email"}],
/// #     "rules": [{"name": "e-mail", "decision": "match", "same": ["email"]}]}"#)?;
/// # let model = plan.fit(&Table::from_records(plan.schema().clone(), [])?, &Run::new())?;
/// let store = Store::in_memory(&model, &Options::new())?;
/// for id in ["1", "2"] {
///     store.upsert(&Record::new(RecordKey::new("crm", id)).with("email", "a@b.example"))?;
/// }
/// let mut replay = Replay::default();
/// store.events(0, 100)?.iter().for_each(|event| replay.apply(event));
/// assert_eq!(replay.entities().values().next().unwrap().len(), 2);
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    entities: BTreeMap<EntityId, BTreeSet<u32>>,
    sequence: u64,
}

impl Replay {
    /// Take an event into account. One that was taken already changes nothing.
    pub fn apply(&mut self, event: &Event) {
        if event.sequence <= self.sequence {
            return;
        }
        self.sequence = event.sequence;
        match &event.change {
            Change::Created { entity, records } => {
                let records = records.iter().map(|record| record.number).collect();
                self.entities.insert(*entity, records);
            }
            Change::Joined { entity, record } => {
                self.entities.entry(*entity).or_default().insert(record.number);
            }
            Change::Left { entity, record } => {
                self.entities.entry(*entity).or_default().remove(&record.number);
            }
            Change::Merged { entity, absorbed } => {
                let records: BTreeSet<u32> = absorbed
                    .iter()
                    .filter_map(|absorbed| self.entities.remove(absorbed))
                    .flatten()
                    .collect();
                self.entities.entry(*entity).or_default().extend(records);
            }
            Change::Split { entity, parts } => {
                for part in parts {
                    let records: BTreeSet<u32> = part.records.iter().map(|r| r.number).collect();
                    let whole = self.entities.entry(*entity).or_default();
                    whole.retain(|record| !records.contains(record));
                    self.entities.insert(part.entity, records);
                }
            }
            Change::Deleted { entity } => {
                self.entities.remove(entity);
            }
            Change::Revised { .. } | Change::GoldenChanged { .. } => {}
        }
    }

    /// The entities, each with the numbers of its records.
    #[must_use]
    pub fn entities(&self) -> &BTreeMap<EntityId, BTreeSet<u32>> {
        &self.entities
    }

    /// The last event that was taken into account: where to go on.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}
