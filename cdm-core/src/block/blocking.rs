use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::cells::Cells;
use super::count::count;
use super::index::{KeyIndex, KeyNames};
use super::{BlockingRule, Conjunction, PairScope, RuleCount, SharedKey, StopKeys};
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Expression, Features, Stopping};
use crate::table::{Codes, Table};

/// Rows whose keys may be in memory at once, under as many rules as have them.
const FEW_ROWS: usize = 1 << 18;

/// Blocking rules bound to the features of one table: which pairs of records are candidates.
///
/// Two rows are a candidate pair of a rule where they share a key of it that is not stopped, and
/// their sources are in scope. That is decided by the keys of those two records and the stop keys
/// alone; it does not matter what other records there are.
///
/// Holds nine bytes for each record and four for each rule under which it has keys, four for each key of a
/// record, and as many again where it has several; and for each key four, and four for each expression.
///
/// # Examples
/// ```
/// use std::collections::BTreeMap;
/// use cdm_core::block::{Blocking, BlockingRule, PairScope};
/// use cdm_core::features::{Features, Needs, Settings};
/// use cdm_core::{Field, Kind, Record, RecordKey, Run, Schema, Table};
///
/// let schema = Schema::new("people", vec![Field::new("name", Kind::FamilyName)])?;
/// let records = ["Smith", "Smyth", "Jones", "SMITH"].into_iter().zip(["1", "2", "3", "4"]).map(
///     |(name, id)| Record::new(RecordKey::new("crm", id)).with("name", name),
/// );
/// let table = Table::from_records(schema, &records.collect::<Vec<_>>())?;
/// let rules =
///     [BlockingRule::new(vec!["name".parse()?]), BlockingRule::new(vec!["name.phonetic".parse()?])];
/// let needs = Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
/// let run = Run::new();
/// let features =
///     Features::new(&table, &Settings::default(), &needs, &BTreeMap::new(), &run)?;
/// let none = BTreeMap::new();
/// let blocking = Blocking::new(&rules, &features, &none, PairScope::any(), table.len(), &run)?;
///
/// assert_eq!(blocking.find(0, 3), Some(0));
/// assert_eq!(blocking.find(0, 1), Some(1));
/// assert_eq!(blocking.find(0, 2), None);
/// assert_eq!(blocking.count(&run)?[1].pairs, 3);
/// let rank_of_row = [0, 1, 2, 3];
/// let chunks = blocking.fold(&rank_of_row, &run, Vec::new, |pairs, left, right, rule| {
///     pairs.push((left, right, rule));
/// })?;
/// assert_eq!(chunks.concat(), [(0, 3, 0), (0, 1, 1), (1, 3, 1)]);
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub struct Blocking {
    pub(super) rules: Vec<BlockingRule>,
    pub(super) scope: PairScope,
    pub(super) rows: usize,
    pub(super) keys: Vec<KeyIndex>,
    /// By rule; empty where nobody will ask.
    names: Vec<KeyNames>,
    /// By row, then rule: the row's keys under the rule.
    pub(super) cells: Cells,
}

/// Where the keys of rules come from.
pub(crate) enum RuleKeys<'a> {
    /// They are all there.
    There(&'a Features),
    /// Each expression's are made when the first rule needs them, and let go after the last, but those
    /// that are `kept`.
    Made {
        features: &'a mut Features,
        table: &'a Table,
        kept: &'a BTreeSet<&'a Expression>,
        /// How many rows there are: more than the table has where it is a sample of them.
        rows: usize,
    },
}

impl RuleKeys<'_> {
    /// In which order rules are bound.
    fn order(&self, rules: &[BlockingRule]) -> Vec<usize> {
        match self {
            RuleKeys::There(_) => (0..rules.len()).collect(),
            RuleKeys::Made { .. } => sharing_order(rules),
        }
    }

    /// How many rules are bound at once, of `rows` rows: keys take memory, so that they are few where there are
    /// many rows, each bound by all threads.
    fn at_once(&self, rows: usize) -> usize {
        let rows = match self {
            RuleKeys::There(_) => rows,
            RuleKeys::Made { rows, .. } => *rows,
        };
        (FEW_ROWS / rows.max(1)).max(2)
    }

    /// The conjunctions of some rules; `later` are those that are still to come, in order.
    fn bind(
        &mut self,
        some: &[&BlockingRule],
        later: &[&BlockingRule],
        stopping: &StoppedKeys<'_>,
        run: &Run,
    ) -> Result<Vec<Conjunction>> {
        let lists = some.iter().map(|rule| &rule.same[..]);
        match self {
            RuleKeys::There(features) => Conjunction::bind(lists, features),
            RuleKeys::Made { features, table, kept, .. } => {
                // Every thread has some to make.
                let mut needed: BTreeSet<&Expression> = lists.clone().flatten().collect();
                for rule in later {
                    if needed.len() >= rayon::current_num_threads() {
                        break;
                    }
                    needed.extend(&rule.same);
                }
                features.make_some(table, needed, |expression| stopping.of(expression), run)?;
                let bound = Conjunction::bind(lists, features)?;
                let still: BTreeSet<&Expression> =
                    later.iter().flat_map(|rule| &rule.same).chain(kept.iter().copied()).collect();
                features.release(|expression| still.contains(expression));
                Ok(bound)
            }
        }
    }
}

/// Which keys of blocking rules are stopped.
#[derive(Clone, Copy)]
enum StoppedKeys<'s> {
    /// Those that more rows share.
    MoreThan(u32),
    Named {
        rules: &'s [BlockingRule],
        keys: &'s KeysByRule,
    },
}

impl<'s> StoppedKeys<'s> {
    /// What there is to know of the keys of an expression.
    fn of(&self, expression: &Expression) -> Option<Stopping<'s>> {
        Some(match *self {
            Self::MoreThan(most) => Stopping::MoreThan(most),
            Self::Named { rules, keys } => {
                let of_rule = |rule: &'s BlockingRule| {
                    let keys = keys.get(&rule.to_string()).into_iter().flatten();
                    let texts = keys.flat_map(move |key| rule.same.iter().zip(key));
                    texts.filter(|(part, _)| *part == expression).map(|(_, text)| &text[..])
                };
                Stopping::Named(rules.iter().flat_map(of_rule).collect())
            }
        })
    }
}

/// Rules in an order in which those that look at the same follow each other, so that few keys are in
/// memory at a time.
fn sharing_order(rules: &[BlockingRule]) -> Vec<usize> {
    let mut there: BTreeSet<&Expression> = BTreeSet::new();
    let mut left: Vec<usize> = (0..rules.len()).collect();
    let mut order = Vec::new();
    while !left.is_empty() {
        let memory = |rule: usize| -> usize {
            let missing = rules[rule].same.iter().filter(|expression| !there.contains(expression));
            missing.map(|expression| if expression.spreads() { SPREAD } else { 1 }).sum()
        };
        let place = (0..left.len()).min_by_key(|place| memory(left[*place])).unwrap_or_default();
        let rule = left.remove(place);
        there.extend(&rules[rule].same);
        there.retain(|expression| left.iter().any(|rule| rules[*rule].same.contains(expression)));
        order.push(rule);
    }
    order
}

/// Keys of an expression that makes many of a text take so many times the memory of another's, about.
const SPREAD: usize = 8;

/// Whether the texts of keys are kept, which only a count asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyTexts {
    Kept,
    LeftOut,
}

/// Keys by the name of their rule, each with one text for every expression.
pub(crate) type KeysByRule = BTreeMap<String, BTreeSet<Vec<String>>>;

impl Blocking {
    /// Bind `rules` to `features`, which were computed with all their expressions, for the first
    /// `rows` rows.
    ///
    /// `stop_keys` says, by a rule's [`Display`](std::fmt::Display), which keys make no pair under
    /// that rule; each has one text for every expression.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed,
    /// [`Error::TableFull`](crate::Error::TableFull) past two billion keys of a rule, and
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Panics
    /// Where the features are of fewer rows.
    pub fn new(
        rules: &[BlockingRule],
        features: &Features,
        stop_keys: &BTreeMap<String, BTreeSet<Vec<String>>>,
        scope: PairScope,
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        let keys = RuleKeys::There(features);
        Self::stopping(rules, keys, stop_keys, (scope, KeyTexts::Kept), rows, run)
    }

    /// As [`new`](Self::new), for those who will not [`count`](Self::count).
    pub(crate) fn without_texts(
        rules: &[BlockingRule],
        keys: RuleKeys<'_>,
        stop_keys: &KeysByRule,
        scope: PairScope,
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        Self::stopping(rules, keys, stop_keys, (scope, KeyTexts::LeftOut), rows, run)
    }

    fn stopping(
        rules: &[BlockingRule],
        keys: RuleKeys<'_>,
        stop_keys: &KeysByRule,
        of: (PairScope, KeyTexts),
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        let stopped: Vec<StopKeys<'_>> =
            rules.iter().map(|rule| StopKeys::new(stop_keys.get(&rule.to_string()))).collect();
        let is_stopped = |rule: usize, key: SharedKey<'_>| stopped[rule].contains(key);
        let stopping = StoppedKeys::Named { rules, keys: stop_keys };
        Self::bind(rules, keys, (is_stopped, stopping), of, rows, run)
    }

    /// Bind `rules` as [`new`](Self::new) does, the keys that more than `most` of the rows share being
    /// those that are stopped; with those keys, as [`hot_keys`](super::hot_keys) names them.
    /// For those who will not [`count`](Self::count).
    pub(crate) fn with_most(
        rules: &[BlockingRule],
        keys: RuleKeys<'_>,
        most: u32,
        scope: PairScope,
        rows: usize,
        run: &Run,
    ) -> Result<(Self, KeysByRule)> {
        let hot: Mutex<KeysByRule> = Mutex::default();
        let is_hot = |rule: usize, key: SharedKey<'_>| {
            let is_hot = key.rows().len() > most as usize;
            if is_hot {
                let mut hot = hot.lock().unwrap_or_else(PoisonError::into_inner);
                let of_rule = hot.entry(BlockingRule::to_string(&rules[rule])).or_default();
                of_rule.insert(key.texts().map(str::to_owned).collect());
            }
            is_hot
        };
        let of = (scope, KeyTexts::LeftOut);
        let stopping = StoppedKeys::MoreThan(most);
        let blocking = Self::bind(rules, keys, (is_hot, stopping), of, rows, run)?;
        Ok((blocking, hot.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Bind `rules`, and stop the keys that `stopped` says, by the rule's position.
    ///
    /// Results do not depend on the order in which rules are bound.
    fn bind(
        rules: &[BlockingRule],
        mut keys: RuleKeys<'_>,
        (stopped, stopping): (impl Fn(usize, SharedKey<'_>) -> bool + Sync, StoppedKeys<'_>),
        (scope, texts): (PairScope, KeyTexts),
        rows: usize,
        run: &Run,
    ) -> Result<Self> {
        let mut bound: Vec<Option<(KeyIndex, Codes, Option<KeyNames>)>> = Vec::new();
        bound.resize_with(rules.len(), || None);
        let order = keys.order(rules);
        let at_once = keys.at_once(rows);
        let of = |some: &[usize]| some.iter().map(|rule| &rules[*rule]).collect::<Vec<_>>();
        let (mut some, mut later) = order.split_at(at_once.min(order.len()));
        let mut conjunctions = keys.bind(&of(some), &of(later), &stopping, run)?;
        while !some.is_empty() {
            let left = some.len() + later.len();
            run.report("block", (rules.len() - left) as u64, rules.len() as u64)?;
            let some_have = |cells: Vec<u32>| {
                Codes::single(cells.into_iter().map(|cell| Some(cell).filter(|cell| *cell != 0)))
            };
            let bind_one = |(rule, conjunction): (&usize, Conjunction)| {
                let is_stopped = |key: SharedKey<'_>| stopped(*rule, key);
                if texts == KeyTexts::LeftOut {
                    let shared = conjunction.fewest_keys(&is_stopped, rows, run)?;
                    let (index, cells) = KeyIndex::new(&shared, rows, run, |_| false)?;
                    return Ok((*rule, (index, some_have(cells), None)));
                }
                let shared = conjunction.keys(rows, run)?;
                let (index, cells) = KeyIndex::new(&shared, rows, run, is_stopped)?;
                let names = KeyNames::new(&shared, is_stopped);
                Ok((*rule, (index, some_have(cells), Some(names))))
            };
            let bind_some = || {
                let bound = some.par_iter().zip(conjunctions).map(bind_one);
                bound.collect::<Result<Vec<_>>>()
            };
            // The keys of the next are made meanwhile, by whoever has time.
            let (next, then) = later.split_at(at_once.min(later.len()));
            let (indices, next_conjunctions) =
                rayon::join(bind_some, || keys.bind(&of(next), &of(then), &stopping, run));
            let indices = indices?;
            (some, later, conjunctions) = (next, then, next_conjunctions?);
            for (rule, index) in indices {
                bound[rule] = Some(index);
            }
        }
        let (mut keys, mut of_rules, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (index, cells, of_rule) in bound.into_iter().flatten() {
            keys.push(index);
            of_rules.push(cells);
            names.extend(of_rule);
        }
        let cells = Cells::new(rows, &of_rules);
        run.report("block", rules.len() as u64, rules.len() as u64)?;
        Ok(Self { rules: rules.to_vec(), scope, rows, keys, names, cells })
    }

    /// The same rules and keys, from now on for pairs in another scope.
    pub(crate) fn set_scope(&mut self, scope: PairScope) {
        self.scope = scope;
    }

    /// What [`count`](Self::count) would find of all rules at most, and sooner: pairs are counted as
    /// often as they share a key, whatever their sources.
    pub(crate) fn most_pairs(&self) -> u64 {
        let of_rule = self.keys.iter().map(|index| index.blocks().meetings());
        of_rule.fold(0, u64::saturating_add)
    }

    /// How many bytes of memory it takes, the names of keys aside.
    pub(crate) fn bytes(&self) -> u64 {
        let indices: u64 = self.keys.iter().map(KeyIndex::bytes).sum();
        indices + self.cells.bytes()
    }

    /// The rules, in order.
    #[must_use]
    pub fn rules(&self) -> &[BlockingRule] {
        &self.rules
    }

    /// What each rule finds, counted without making a pair; keys that are stopped make none.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    ///
    /// # Panics
    /// Where the scope is of fewer rows; so do the other methods.
    pub fn count(&self, run: &Run) -> Result<Vec<RuleCount>> {
        let named = self.keys.iter().zip(&self.names).enumerate();
        let counts = named.map(|(rule, of_rule)| {
            count(rule, of_rule, &self.cells_of_rule(rule), &self.scope, run)
        });
        counts.collect()
    }

    fn cells_of_rule(&self, rule: usize) -> Vec<u32> {
        (0..self.rows).map(|row| self.cells.get(row, rule)).collect()
    }

    /// The first rule that makes two rows a candidate pair, by position.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn find(&self, left: usize, right: usize) -> Option<usize> {
        if left == right || !self.scope.contains(left, right) {
            return None;
        }
        let mut cells = self.cells.of(left);
        let is_shared = |(rule, cell): &(usize, u32)| {
            self.keys[*rule].share(*cell, self.cells.get(right, *rule))
        };
        cells.find(is_shared).map(|(rule, _)| rule)
    }

    /// Whether a rule makes two rows a candidate pair, whatever earlier rules do.
    ///
    /// # Panics
    /// Where there is no such rule or row.
    #[must_use]
    pub fn finds(&self, rule: usize, left: usize, right: usize) -> bool {
        left != right
            && self.scope.contains(left, right)
            && self.keys[rule].share(self.cells.get(left, rule), self.cells.get(right, rule))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hot_keys;
    use super::*;
    use crate::features::{Needs, Settings};
    use crate::schema::{Field, Kind, Record, RecordKey, Schema};
    use crate::table::Table;

    fn rules() -> Vec<BlockingRule> {
        let rules = [
            &["name.deletions"][..],
            &["name.deletions", "city"],
            &["city", "name.words"],
            &["name.deletions", "city.deletions"],
            &["name.initial", "city", "name.deletions"],
        ];
        let rule = |same: &&[&str]| same.iter().map(|text| text.parse().unwrap()).collect();
        rules.iter().map(|same| BlockingRule::new(rule(same))).collect()
    }

    /// Names that have most keys in common with others, or most alone.
    fn name() -> impl Strategy<Value = String> {
        const SOME: [&str; 8] =
            ["kim", "akim", "kima", "bert", "berta", "alberta", "hanna", "hannah"];
        prop_oneof!["[ab]{2,4}( [ab]{2})?", prop::sample::select(&SOME[..]).prop_map(str::to_owned)]
    }

    proptest! {
        #[test]
        fn who_needs_no_count_finds_the_same_pairs(
            records in prop::collection::vec((name(), "[cd]{2,3}"), 2..14),
            others in prop::collection::vec((name(), "[cd]{2,3}"), 2..14),
            most in 1_u32..8,
        ) {
            let fields = vec![Field::new("name", Kind::FamilyName), Field::new("city", Kind::City)];
            let schema = Schema::new("people", fields).unwrap();
            let table = |records: &[(String, String)]| {
                let records = records.iter().enumerate().map(|(number, (name, city))| {
                    let key = RecordKey::new("crm", number.to_string());
                    Record::new(key).with("name", name).with("city", city)
                });
                Table::from_records(schema.clone(), &records.collect::<Vec<_>>()).unwrap()
            };
            let (table, other) = (table(&records), table(&others));
            let (rules, run, none) = (rules(), Run::new(), BTreeMap::new());
            let needs =
                Needs::new().with_expressions(rules.iter().flat_map(|rule| rule.same.clone()));
            let features_of = |table: &Table| {
                Features::new(table, &Settings::default(), &needs, &none, &run).unwrap()
            };
            let features = features_of(&table);
            let (rows, any) = (table.len(), PairScope::any);
            let named = rules.iter().map(|rule| (rule.to_string(), &rule.same[..]));
            let hot = hot_keys(named, &features, rows, most, &run).unwrap();

            let keys = || RuleKeys::There(&features);
            let counted = Blocking::new(&rules, &features, &hot, any(), rows, &run).unwrap();
            let stopped =
                Blocking::without_texts(&rules, keys(), &hot, any(), rows, &run).unwrap();
            let (learned, named) =
                Blocking::with_most(&rules, keys(), most, any(), rows, &run).unwrap();
            prop_assert_eq!(&named, &hot);
            let bare = || {
                Features::without_keys(&table, &Settings::default(), &needs, &none, &run).unwrap()
            };
            let mut features_made = bare();
            let city = "city".parse().unwrap();
            let kept = BTreeSet::from([&city]);
            let made = RuleKeys::Made { features: &mut features_made, table: &table, kept: &kept, rows };
            let (made, named) =
                Blocking::with_most(&rules, made, most, any(), rows, &run).unwrap();
            prop_assert_eq!(&named, &hot);
            let kept_keys = (features_made.keys(&city), features_made.keys(&rules[0].same[0]));
            prop_assert!(kept_keys.0.is_ok() && kept_keys.1.is_err());
            // Keys that were learned to be hot elsewhere, of which one name alone may have some here.
            let named = rules.iter().map(|rule| (rule.to_string(), &rule.same[..]));
            let elsewhere = hot_keys(named, &features_of(&other), other.len(), most, &run).unwrap();
            let told = Blocking::new(&rules, &features, &elsewhere, any(), rows, &run).unwrap();
            let (mut features_of_told, none_kept) = (bare(), BTreeSet::new());
            let keys_of_told =
                RuleKeys::Made { features: &mut features_of_told, table: &table, kept: &none_kept, rows: 1 << 20 };
            let made_of_told =
                Blocking::without_texts(&rules, keys_of_told, &elsewhere, any(), rows, &run).unwrap();
            for (left, right) in (0..rows).flat_map(|left| (0..rows).map(move |r| (left, r))) {
                for rule in 0..rules.len() {
                    let found = counted.finds(rule, left, right);
                    prop_assert_eq!(stopped.finds(rule, left, right), found);
                    prop_assert_eq!(learned.finds(rule, left, right), found);
                    prop_assert_eq!(made.finds(rule, left, right), found);
                    let found = told.finds(rule, left, right);
                    prop_assert_eq!(made_of_told.finds(rule, left, right), found);
                }
            }
        }
    }
}
