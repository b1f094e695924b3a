//! Live equals batch, after every step of any history.

use std::collections::{BTreeMap, BTreeSet};

use cdm_core::store::{Change, Durability, Options, Replay, Store};
use cdm_core::{Decisions, Model, Record, RecordKey, Run, Table};
use proptest::prelude::*;

use super::disk::Disk;
use super::people::{anybody, cases, key, record, rules, sample};

/// One thing that happens to a store.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Upsert(Record),
    Many(Vec<Record>),
    Delete(RecordKey),
    Forget(RecordKey),
    Must(RecordKey, RecordKey),
    Cannot(RecordKey, RecordKey),
    NotMust(RecordKey, RecordKey),
    NotCannot(RecordKey, RecordKey),
    Flush,
    Reopen,
}

/// What must be in a store, kept in the plainest way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) records: BTreeMap<RecordKey, Record>,
    pub(crate) must: BTreeSet<(RecordKey, RecordKey)>,
    pub(crate) cannot: BTreeSet<(RecordKey, RecordKey)>,
}

fn in_order(one: &RecordKey, other: &RecordKey) -> (RecordKey, RecordKey) {
    (one.min(other).clone(), one.max(other).clone())
}

impl Ledger {
    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Upsert(record) => {
                self.records.insert(record.key.clone(), record.clone());
            }
            Step::Many(records) => {
                records.iter().for_each(|record| self.take(&Step::Upsert(record.clone())));
            }
            Step::Delete(key) => {
                self.records.remove(key);
            }
            Step::Forget(key) => {
                self.records.remove(key);
                self.must.retain(|(one, other)| one != key && other != key);
                self.cannot.retain(|(one, other)| one != key && other != key);
            }
            Step::Must(one, other) if one != other => {
                self.must.insert(in_order(one, other));
            }
            Step::Cannot(one, other) if one != other => {
                self.cannot.insert(in_order(one, other));
            }
            Step::NotMust(one, other) => {
                self.must.remove(&in_order(one, other));
            }
            Step::NotCannot(one, other) => {
                self.cannot.remove(&in_order(one, other));
            }
            Step::Must(..) | Step::Cannot(..) | Step::Flush | Step::Reopen => {}
        }
    }

    pub(crate) fn decisions(&self) -> Decisions {
        let mut decisions = Decisions::new();
        decisions.must_link.extend(self.must.iter().cloned());
        decisions.cannot_link.extend(self.cannot.iter().cloned());
        decisions
    }
}

pub(crate) fn apply(store: &Store, step: &Step) -> cdm_core::Result<()> {
    match step {
        Step::Upsert(record) => store.upsert(record).map(|_| ()),
        Step::Many(records) => store.upsert_many(records, &Run::new()).map(|_| ()),
        Step::Delete(key) => store.delete(key).map(|_| ()),
        Step::Forget(key) => store.forget(key).map(|_| ()),
        Step::Must(one, other) => store.must_link(one, other).map(|_| ()),
        Step::Cannot(one, other) => store.cannot_link(one, other).map(|_| ()),
        Step::NotMust(one, other) => store.withdraw_must_link(one, other).map(|_| ()),
        Step::NotCannot(one, other) => store.withdraw_cannot_link(one, other).map(|_| ()),
        Step::Flush => store.flush(),
        Step::Reopen => Ok(()),
    }
}

/// Everything that the store says of its records is what batch says of the ledger's.
pub(crate) fn assert_law(store: &Store, ledger: &Ledger) {
    let model = store.model().unwrap();
    let table =
        Table::from_records(model.plan().schema().clone(), ledger.records.values()).unwrap();
    let resolution = model.resolve(&table, &ledger.decisions(), &Run::new()).unwrap();
    let mut live: BTreeSet<Vec<RecordKey>> = BTreeSet::new();
    for (key, record) in &ledger.records {
        assert_eq!(store.get(key).unwrap().as_ref(), Some(record), "{key}");
        let id = store.entity_of(key).unwrap().unwrap();
        let entities = store.entity(&id).unwrap();
        assert_eq!(entities.len(), 1, "{key}");
        assert!(entities[0].id == id && entities[0].records.contains(key), "{key}");
        live.insert(entities[0].records.clone());
    }
    let batch: BTreeSet<Vec<RecordKey>> = (0..resolution.len() as u32)
        .map(|entity| resolution.rows(entity).iter().map(|r| table.key(*r as usize)).collect())
        .collect();
    assert_eq!(live, batch);
    // Golden records, values and lineage.
    for golden in resolution.golden_records().unwrap() {
        let id = store.entity_of(&table.key(golden.rows[0] as usize)).unwrap().unwrap();
        let stored = store.golden(&id).unwrap().unwrap();
        let mut stored = stored.record().unwrap();
        assert_eq!(stored.entity_id, id);
        stored.entity_id = golden.entity_id;
        let json = |golden: &cdm_core::merge::GoldenRecord<'_>| {
            (serde_json::to_value(golden).unwrap(), serde_json::to_value(golden.lineage()).unwrap())
        };
        assert_eq!(json(&stored), json(&golden));
    }
    // Events.
    let events = store.events(0, usize::MAX).unwrap();
    let mut replay = Replay::default();
    for (position, event) in events.iter().enumerate() {
        assert_eq!(event.sequence, position as u64 + 1, "a gap in the log");
        replay.apply(event);
    }
    let replayed: BTreeSet<usize> = replay.entities().values().map(BTreeSet::len).collect();
    assert!(!replayed.contains(&0));
    assert_eq!(replay.entities().len(), live.len());
    for (id, records) in replay.entities() {
        assert_eq!(store.entity(id).unwrap()[0].records.len(), records.len());
    }
    let mut number_of = BTreeMap::new();
    for event in &events {
        let mut name = |record: &cdm_core::store::EventRecord| {
            if let Some(key) = &record.key {
                number_of.insert(record.number, key.clone());
            }
        };
        match &event.change {
            Change::Created { records, .. } => records.iter().for_each(&mut name),
            Change::Joined { record, .. } | Change::Left { record, .. } => name(record),
            _ => {}
        }
    }
    let replayed: BTreeSet<Vec<RecordKey>> = replay
        .entities()
        .values()
        .map(|records| {
            let mut keys: Vec<_> = records.iter().map(|number| number_of[number].clone()).collect();
            keys.sort();
            keys
        })
        .collect();
    assert_eq!(replayed, batch, "the log replays to another partition");
    assert_search(store, ledger, &model);
}

/// A search finds just what a look at every record finds.
fn assert_search(store: &Store, ledger: &Ledger, model: &Model) {
    let bound = model.bind().unwrap();
    for probe in ledger.records.values().step_by(5) {
        let mut probe = probe.clone();
        probe.key = RecordKey::new("a form", "");
        let hits = store.search(&probe, usize::MAX).unwrap();
        let found: BTreeSet<_> = hits.iter().map(|hit| hit.entity).collect();
        assert_eq!(found.len(), hits.len(), "an entity twice");
        let weighs = |hit: &cdm_core::store::Hit| match hit.score.decision {
            Some(_) => f64::INFINITY,
            None => hit.score.match_weight.unwrap_or_default().bits(),
        };
        assert!(hits.windows(2).all(|two| weighs(&two[0]) >= weighs(&two[1])));
        for hit in &hits {
            assert_eq!(store.entity_of(&hit.record).unwrap(), Some(hit.entity));
            let record = &ledger.records[&hit.record];
            assert_eq!(bound.score(&probe, record).unwrap(), hit.score);
        }
        // Nobody would be found that batch, with the probe among the records, links to it by a rule
        // and the search does not know; stop keys and never rules are told by the batch itself.
        let among = ledger.records.values().chain([&probe]);
        let table = Table::from_records(model.plan().schema().clone(), among).unwrap();
        let resolution = model.resolve(&table, &Decisions::new(), &Run::new()).unwrap();
        for link in resolution.links() {
            let other = match (link.left == probe.key, link.right == probe.key) {
                (true, _) => &link.right,
                (_, true) => &link.left,
                _ => continue,
            };
            let record = &ledger.records[other];
            let never = bound.score(&probe, record).unwrap().decision
                == Some(cdm_core::rule::Decision::Never);
            let entity = store.entity_of(other).unwrap().unwrap();
            assert!(never || found.contains(&entity), "{other} is not found");
        }
    }
}

/// Run a history on a store, and hold it to the law after every step.
pub(crate) fn live(model: &Model, steps: &[Step], options: &Options) {
    let disk = Disk::default();
    let open = || Store::on(disk.media(), Some(model), options).unwrap();
    let (mut store, mut ledger) = (open(), Ledger::default());
    for step in steps {
        if let Step::Reopen = step {
            drop(store);
            store = open();
        }
        apply(&store, step).unwrap();
        ledger.take(step);
        assert_law(&store, &ledger);
    }
    let verified = store.verify(&Run::new()).unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let pair = || (anybody(), anybody()).prop_map(|(one, other)| (key(one), key(other)));
    let upsert = || anybody().prop_flat_map(record);
    prop_oneof![
        10 => upsert().prop_map(Step::Upsert),
        2 => prop::collection::vec(upsert(), 1..8).prop_map(Step::Many),
        4 => anybody().prop_map(|number| Step::Delete(key(number))),
        1 => anybody().prop_map(|number| Step::Forget(key(number))),
        2 => pair().prop_map(|(one, other)| Step::Must(one, other)),
        2 => pair().prop_map(|(one, other)| Step::Cannot(one, other)),
        1 => pair().prop_map(|(one, other)| Step::NotMust(one, other)),
        1 => pair().prop_map(|(one, other)| Step::NotCannot(one, other)),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

/// How soon keys go to their file: with every change, now and then, never.
pub(crate) fn recent_keys() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![0, 7, 40, 300, 100_000])
}

/// How soon what changed goes to the disk, to the file of keys and to the index.
fn options() -> impl Strategy<Value = Options> {
    let durability = prop::sample::select(vec![Durability::EveryCall, Durability::ByHand]);
    let recent_bytes = prop::sample::select(vec![0, 3_000, 30_000, 1 << 25]);
    (recent_keys(), durability, recent_bytes).prop_map(|(recent_keys, durability, recent_bytes)| {
        Options { recent_keys, durability, recent_bytes, ..Options::new() }
    })
}

/// Steps with records of the sample, which change into each other.
pub(crate) fn sample_step() -> impl Strategy<Value = Step> {
    let records = &sample().1[..48.min(sample().1.len())];
    let pick = move || (0..records.len()).prop_map(move |number| &records[number]);
    let pair =
        move || (pick(), pick()).prop_map(|(one, other)| (one.key.clone(), other.key.clone()));
    let changed = (pick(), pick()).prop_map(|(one, other)| {
        let mut record = one.clone();
        record.fields.clone_from(&other.fields);
        Step::Upsert(record)
    });
    prop_oneof![
        8 => pick().prop_map(|record| Step::Upsert(record.clone())),
        2 => prop::collection::vec(pick().prop_map(Clone::clone), 1..24).prop_map(Step::Many),
        2 => changed,
        4 => pick().prop_map(|record| Step::Delete(record.key.clone())),
        1 => pick().prop_map(|record| Step::Forget(record.key.clone())),
        1 => pair().prop_map(|(one, other)| Step::Must(one, other)),
        1 => pair().prop_map(|(one, other)| Step::Cannot(one, other)),
        1 => pair().prop_map(|(one, other)| Step::NotMust(one, other)),
        1 => pair().prop_map(|(one, other)| Step::NotCannot(one, other)),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn live_equals_batch_by_rules_and_guards(
        most in prop::sample::select(vec![3_u32, 9, 100]), steps in prop::collection::vec(step(), 1..24),
        options in options(),
    ) {
        live(&rules(most), &steps, &options);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(8), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn live_equals_batch_by_weights(
        steps in prop::collection::vec(sample_step(), 1..16), options in options(),
    ) {
        live(&sample().0, &steps, &options);
    }
}
