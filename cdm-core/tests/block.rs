//! Blocking: every candidate pair once, decided by two records and the stop keys alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cdm_core::block::{Blocking, BlockingRule, PairScope, hot_keys, pair_counts};
use cdm_core::features::{Features, Needs, Settings};
use cdm_core::{CancelToken, Field, Kind, Record, RecordKey, Run, Schema, Table};
use proptest::prelude::*;

const FIELDS: [(&str, Kind); 3] =
    [("given", Kind::GivenName), ("family", Kind::FamilyName), ("tag", Kind::Text)];

type Row = [Vec<String>; 3];

fn table(rows: &[(u32, Row)]) -> Table {
    let fields = FIELDS.map(|(name, kind)| Field::new(name, kind));
    let schema = Schema::new("people", fields.to_vec()).unwrap();
    let records: Vec<Record> = rows
        .iter()
        .map(|(id, values)| {
            let source = ["crm", "shop", "web"][(id % 3) as usize];
            let mut record = Record::new(RecordKey::new(source, format!("{id:04}")));
            for ((field, _), values) in FIELDS.iter().zip(values) {
                for value in values {
                    record = record.with(*field, value.as_str());
                }
            }
            record
        })
        .collect();
    Table::from_records(schema, &records).unwrap()
}

fn rules() -> Vec<BlockingRule> {
    let rule = |list: &[&str]| {
        BlockingRule::new(list.iter().map(|expression| expression.parse().unwrap()).collect())
    };
    vec![
        rule(&["given", "family"]),
        rule(&["tag.words"]),
        rule(&["family.initial", "given.initial", "tag"]),
        rule(&["given"]),
        rule(&["given", "family", "tag", "given.initial", "family.initial"]),
        rule(&["tag.words", "family.initial"]),
        rule(&["tag.deletions", "given.prefix(1)"]),
    ]
}

fn features(table: &Table, rules: &[BlockingRule]) -> Features {
    let needs = Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
    let run = Run::new();
    Features::new(table, &Settings::default(), &needs, &BTreeMap::new(), &run).unwrap()
}

fn ranks(table: &Table) -> Vec<u32> {
    let mut ranks = vec![0; table.len()];
    for (rank, row) in table.rows_by_key().into_iter().enumerate() {
        ranks[row as usize] = rank as u32;
    }
    ranks
}

/// A pair by its records' keys, and the rule that finds it.
type Pair = (String, String, u32);

fn streamed(table: &Table, blocking: &Blocking) -> Vec<Pair> {
    let key = |row: u32| table.key(row as usize).to_string();
    let chunks = blocking
        .fold(&ranks(table), &Run::new(), Vec::new, |pairs, left, right, rule| {
            pairs.push((key(left), key(right), rule));
        })
        .unwrap();
    chunks.concat()
}

fn sources(table: &Table) -> Vec<u32> {
    (0..table.len()).map(|row| table.source_code(row)).collect()
}

/// What makes two records a pair, straight from the definition.
#[derive(Clone, Copy)]
struct Definition<'a> {
    table: &'a Table,
    features: &'a Features,
    rules: &'a [BlockingRule],
    stop_keys: &'a BTreeMap<String, BTreeSet<Vec<String>>>,
}

impl Definition<'_> {
    fn keys(&self, rule: &BlockingRule, row: usize) -> BTreeSet<Vec<String>> {
        let mut keys: Vec<Vec<String>> = vec![Vec::new()];
        for expression in &rule.same {
            let column = self.features.keys(expression).unwrap();
            let longer = keys.iter().flat_map(|key| {
                let with = |text: &str| [&key[..], &[text.to_owned()]].concat();
                column.values(row).map(with).collect::<Vec<_>>()
            });
            keys = longer.collect();
        }
        let stopped = self.stop_keys.get(&rule.to_string());
        keys.retain(|key| stopped.is_none_or(|stopped| !stopped.contains(key)));
        keys.into_iter().collect()
    }

    fn find(&self, left: usize, right: usize) -> Option<usize> {
        let shares =
            |rule: &BlockingRule| !self.keys(rule, left).is_disjoint(&self.keys(rule, right));
        self.rules.iter().position(shares)
    }

    fn pairs(&self, in_scope: impl Fn(usize, usize) -> bool) -> Vec<Pair> {
        let rows = self.table.rows_by_key();
        let mut pairs = Vec::new();
        for (rank, left) in rows.iter().enumerate() {
            for right in &rows[rank + 1..] {
                let (left, right) = (*left as usize, *right as usize);
                if let Some(rule) = self.find(left, right).filter(|_| in_scope(left, right)) {
                    let key = |row| self.table.key(row).to_string();
                    pairs.push((key(left), key(right), rule as u32));
                }
            }
        }
        pairs.sort();
        pairs
    }
}

fn rows() -> impl Strategy<Value = Vec<(u32, Row)>> {
    let value = |choices: &'static [&'static str], most: usize| {
        prop::collection::vec(prop::sample::select(choices).prop_map(str::to_owned), 0..=most)
    };
    let row = (
        value(&["ann", "bea", "carl", "dora"], 2),
        value(&["smith", "jones", "stone"], 1),
        value(&["red blue", "blue", "red green", "green red blue", "old"], 2),
    );
    let row = row.prop_map(|(given, family, tag)| [given, family, tag]);
    prop::collection::vec(row, 0..40)
        .prop_map(|rows| (0..).zip(rows).collect::<Vec<_>>())
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_candidate_pair_is_met_once_under_its_first_rule(rows in rows(), most in 2_u32..9) {
        let (table, rules, run) = (table(&rows), rules(), Run::new());
        let features = features(&table, &rules);
        let named = || rules.iter().map(|rule| (rule.to_string(), &rule.same[..]));
        let stop_keys = hot_keys(named(), &features, table.len(), most, &run).unwrap();
        let definition =
            Definition { table: &table, features: &features, rules: &rules, stop_keys: &stop_keys };
        let source = |row| table.source(row);
        for (scope, in_scope) in [
            (PairScope::any(), Box::new(|_, _| true) as Box<dyn Fn(usize, usize) -> bool>),
            (PairScope::across_sources(sources(&table)), Box::new(|l, r| source(l) != source(r))),
            (
                PairScope::new(
                    sources(&table),
                    &table.sources().iter().map(|source| source == "shop").collect::<Vec<_>>(),
                ),
                Box::new(|l, r| source(l) != source(r) || source(l) != "shop"),
            ),
        ] {
            let blocking =
                Blocking::new(&rules, &features, &stop_keys, scope.clone(), table.len(), &run)
                    .unwrap();
            let mut pairs = streamed(&table, &blocking);
            pairs.sort();
            prop_assert_eq!(&pairs, &definition.pairs(&in_scope));
            for left in 0..table.len() {
                for right in 0..table.len() {
                    let found = definition.find(left, right);
                    let wanted = found.filter(|_| left != right && in_scope(left, right));
                    prop_assert_eq!(blocking.find(left, right), wanted);
                    let first = (0..rules.len()).find(|rule| blocking.finds(*rule, left, right));
                    prop_assert_eq!(first, wanted);
                }
            }
            let counts = blocking.count(&run).unwrap();
            for (rule, count) in rules.iter().zip(&counts) {
                let mut by_key: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
                for row in 0..table.len() {
                    for key in definition.keys(rule, row) {
                        by_key.entry(key).or_default().push(row);
                    }
                }
                by_key.retain(|_, rows| rows.len() > 1);
                let pairs = |rows: &Vec<usize>| -> u64 {
                    let pairs = rows.iter().flat_map(|l| rows.iter().map(move |r| (*l, *r)));
                    pairs.filter(|(l, r)| l < r && in_scope(*l, *r)).count() as u64
                };
                prop_assert_eq!(count.keys, by_key.len() as u64);
                prop_assert_eq!(count.meetings, by_key.values().map(pairs).sum::<u64>());
                let rule = std::slice::from_ref(rule);
                let of_rule = Definition { rules: rule, ..definition }.pairs(&in_scope);
                prop_assert_eq!((count.pairs, count.exact), (of_rule.len() as u64, true));
                let rule = &rule[0];
                let records: BTreeSet<usize> = by_key.values().flatten().copied().collect();
                prop_assert_eq!(count.records, records.len() as u64);
                prop_assert_eq!(count.stopped, stop_keys.get(&rule.to_string()).map_or(0, |s| s.len() as u64));
                let mut worst: Vec<_> = by_key
                    .iter()
                    .map(|(key, rows)| (pairs(rows), rows.len() as u64, key.clone()))
                    .filter(|(pairs, ..)| *pairs > 0)
                    .collect();
                worst.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| a.2.cmp(&b.2)));
                worst.truncate(10);
                let named: Vec<_> =
                    count.worst.iter().map(|k| (k.pairs, k.records, k.texts.clone())).collect();
                prop_assert_eq!(named, worst);
            }
            // Keys too common are left out just as if they had been stopped.
            let planned =
                pair_counts(&rules, &features, &scope, table.len(), most, &run).unwrap();
            prop_assert_eq!(planned, counts);
        }
    }

    #[test]
    fn keys_that_survive_a_slip_find_just_the_pairs_that_share_one(
        names in prop::collection::vec("(jo?h?n?sto?n?|smithe?rs?){1,2}( x)?", 0..20)
    ) {
        let rows: Vec<(u32, Row)> = (0..)
            .zip(&names)
            .map(|(id, name)| (id, [vec![], vec![], vec![name.clone()]]))
            .collect();
        let rule = BlockingRule::new(vec!["tag.deletions".parse().unwrap()]);
        let (table, rules, none) = (table(&rows), [rule], BTreeMap::new());
        let features = features(&table, &rules);
        let blocking =
            Blocking::new(&rules, &features, &none, PairScope::any(), table.len(), &Run::new())
                .unwrap();
        let neighbourhood = |name: &str| -> BTreeSet<String> {
            let without = |place| [&name[..place], &name[place + 1..]].concat();
            let near = (0..name.len()).filter(|_| (5..=24).contains(&name.len())).map(without);
            near.chain([name.to_owned()]).collect()
        };
        for (left, one) in names.iter().enumerate() {
            for (right, other) in names.iter().enumerate() {
                let shares = !neighbourhood(one).is_disjoint(&neighbourhood(other));
                let wanted = (left != right && shares).then_some(0);
                prop_assert_eq!(blocking.find(left, right), wanted, "{} {}", one, other);
            }
        }
        let pairs = streamed(&table, &blocking);
        prop_assert_eq!(pairs.iter().collect::<BTreeSet<_>>().len(), pairs.len());
    }

    #[test]
    fn neither_threads_nor_the_order_of_rows_change_the_pairs(rows in rows()) {
        let rules = rules();
        let of = |rows: &[(u32, Row)], threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let table = table(rows);
                let features = features(&table, &rules);
                let blocking = Blocking::new(
                    &rules, &features, &BTreeMap::new(), PairScope::any(), table.len(), &Run::new(),
                ).unwrap();
                streamed(&table, &blocking)
            })
        };
        let one = of(&rows, 1);
        // With the same rows, not even the order of the pairs changes.
        prop_assert_eq!(&of(&rows, 2), &one);
        prop_assert_eq!(&of(&rows, 8), &one);
        let sorted = |mut pairs: Vec<Pair>| { pairs.sort(); pairs };
        let mut by_id = rows.clone();
        by_id.sort();
        prop_assert_eq!(sorted(of(&by_id, 2)), sorted(one));
    }
}

fn alike(records: u32) -> Vec<(u32, Row)> {
    let values = |id: u32| [vec!["ann".to_owned()], vec!["smith".to_owned()], vec![id.to_string()]];
    (0..records).map(|id| (id, values(id))).collect()
}

#[test]
fn a_great_block_is_cut_into_pieces_and_no_pair_is_lost() {
    let (table, rules, run) = (table(&alike(1000)), rules(), Run::new());
    let features = features(&table, &rules[3..4]);
    let told = Arc::new(AtomicU64::new(0));
    let watched = Run::new().with_progress({
        let told = Arc::clone(&told);
        move |progress| {
            assert!(
                progress.stage != "match"
                    || told.swap(progress.done, Ordering::SeqCst) <= progress.done
            );
        }
    });
    let none = BTreeMap::new();
    let blocking =
        Blocking::new(&rules[3..4], &features, &none, PairScope::any(), table.len(), &run).unwrap();
    let counts = blocking
        .fold(
            &ranks(&table),
            &watched,
            || 0_u64,
            |count, left, right, _| {
                assert_ne!(left, right);
                *count += 1;
            },
        )
        .unwrap();
    assert!(counts.len() > 20, "{} pieces", counts.len());
    assert_eq!(counts.iter().sum::<u64>(), 1000 * 999 / 2);
    assert_eq!(told.load(Ordering::SeqCst), 1000);
    let cancel = CancelToken::new();
    let run = Run::new().with_cancel(cancel.clone());
    let met = AtomicU64::new(0);
    let visit = |_: &mut (), _, _, _| {
        if met.fetch_add(1, Ordering::SeqCst) == 10_000 {
            cancel.cancel();
        }
    };
    let stopped = blocking.fold(&ranks(&table), &run, || (), visit);
    assert_eq!(stopped.unwrap_err().code(), "CANCELLED");
    assert!(met.load(Ordering::SeqCst) < 40_000);
}

#[test]
fn a_record_of_more_keys_than_are_made_has_the_same_ones_whatever_other_records_there_are() {
    let name = |end: &str| format!("bartholomewalexanders{end}");
    let row = |id, end: &str| (id, [vec![name(end)], vec![name(end)], vec![name(end)]]);
    let rule = |list: &[&str]| {
        BlockingRule::new(
            list.iter().map(|field| format!("{field}.deletions").parse().unwrap()).collect(),
        )
    };
    let rules = [rule(&["given", "family", "tag"]), rule(&["given", "tag"])];
    // Near ones make keys shared that were one record's alone.
    let near = ["a", "b", "c", "d", "x"].into_iter().zip(2..).map(|(end, id)| row(id, end));
    let few = vec![row(0, ""), row(1, "")];
    let many = few.iter().cloned().chain(near).collect::<Vec<_>>();
    for rows in [few, many] {
        let table = table(&rows);
        let features = features(&table, &rules);
        let (none, run) = (BTreeMap::new(), Run::new());
        let blocking =
            Blocking::new(&rules, &features, &none, PairScope::any(), table.len(), &run).unwrap();
        assert_eq!((blocking.finds(0, 0, 1), blocking.finds(1, 0, 1)), (false, true));
    }
}

#[test]
fn no_rows_no_rules_and_rules_without_expressions_are_no_special_case() {
    let run = Run::new();
    let none = BTreeMap::new();
    for records in [0, 1, 3] {
        let table = table(&alike(records));
        let features = features(&table, &[]);
        let scope = PairScope::any;
        let blocking = Blocking::new(&[], &features, &none, scope(), table.len(), &run).unwrap();
        assert_eq!(streamed(&table, &blocking), []);
        assert_eq!(blocking.count(&run).unwrap(), []);
        // Nothing is asked of a pair: any two will do.
        let all = [BlockingRule::new(Vec::new())];
        let blocking = Blocking::new(&all, &features, &none, scope(), table.len(), &run).unwrap();
        let pairs = u64::from(records * records.saturating_sub(1) / 2);
        assert_eq!(streamed(&table, &blocking).len() as u64, pairs);
        assert_eq!(blocking.count(&run).unwrap()[0].pairs, pairs);
    }
}
