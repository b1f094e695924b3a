//! A model made ready once for records that are in no table: one record in, its keys out; two
//! records in, what they weigh.
//!
//! What it says of two records is, to the bit, what [`Model::resolve`] goes by.

mod compared;
mod outline;
mod packed;

use std::collections::BTreeSet;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashSet};
use serde::Serialize;

use compared::{ComparedField, Side, Sketches};

pub(crate) use outline::{Hint, Likeness};
pub(crate) use packed::{EDITION, Packed};

use crate::block::each_key;
use crate::cluster::{Weight, group_weight};
use crate::compare::Comparison;
use crate::error::{Error, Result};
use crate::features::{Expression, Keeps, LooseFeatures, LooseKeys, LooseRecord, Texts, share};
use crate::model::{Pattern, TermFactors, factor_of_shared};
use crate::plan::{LinkType, Model};
use crate::probability::MatchWeight;
use crate::rule::Decision;
use crate::schema::{Kind, Record, RecordKey};
use crate::score::{Ceiling, Weigher};

/// A model, ready to take records one at a time.
///
/// Making one costs about as much as reading the model; after that a record is prepared, and two
/// prepared records are weighed, in microseconds. Share it between threads.
///
/// # Examples
/// ```
/// use cdm_core::{Plan, Record, RecordKey, Run, Table};
/// let plan = Plan::from_json(r#"{
///     "version": 1, "name": "people",
///     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
///     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}]
/// }"#)?;
/// let model = plan.fit(&Table::from_records(plan.schema().clone(), [])?, &Run::new())?;
/// let bound = model.bind()?;
/// let one = Record::new(RecordKey::new("crm", "1")).with("name", "Robert Smith").with("email", "r@s.example");
/// let other = Record::new(RecordKey::new("shop", "a")).with("name", "SMITH, Bob").with("email", "R@S.example");
/// let score = bound.score(&one, &other)?;
/// assert_eq!(score.rule.as_deref(), Some("e-mail"));
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub struct BoundModel {
    model: Arc<Model>,
    features: LooseFeatures,
    weigher: Option<Weigher>,
    ceiling: Option<Ceiling>,
    /// By comparison, the position of its first field in the schema.
    firsts: Vec<usize>,
    sketches: Sketches,
    rules: Vec<BoundRule>,
    /// By blocking rule, the numbers of its expressions.
    blocking: Vec<Vec<usize>>,
    /// By blocking rule, its name.
    blocking_names: Vec<String>,
    duplicate_free: Vec<String>,
    /// By match rule and by blocking rule, the keys that the model stops, by hash.
    stops: [Vec<Stops>; 2],
    /// By comparison, how common values are, where the model knows.
    term_factors: Vec<Option<TermFactors>>,
    /// By number of expression, whether a rule looks at it.
    of_rules: Vec<bool>,
    /// The numbers of the expressions that are to be the same by match rules.
    of_matches: Vec<usize>,
    /// The positions in the schema of what is compared or limited, sorted.
    packed: Vec<usize>,
}

/// Keys that link nobody: most keys are none of them, which their hashes tell without a copy.
struct Stops {
    hasher: DefaultHashBuilder,
    hashes: HashSet<u64>,
}

impl Stops {
    fn new(stopped: Option<&BTreeSet<Vec<String>>>) -> Self {
        let hasher = DefaultHashBuilder::default();
        let hashes = stopped.into_iter().flatten().map(|key| hasher.hash_one(&key[..])).collect();
        Self { hasher, hashes }
    }

    fn may_hold(&self, key: &[&str]) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&self.hasher.hash_one(key))
    }
}

struct BoundRule {
    /// Numbers of expressions.
    same: Vec<usize>,
    differ: Vec<usize>,
}

/// A record as a bound model sees it. `Debug` hides its values.
#[derive(Clone)]
pub struct BoundRecord {
    features: LooseRecord,
    /// By field of the schema, as it was asked for: its usable values.
    fields: Box<[OnceLock<Box<ComparedField>>]>,
    /// By comparison, as it was asked for: how much likelier records agree on each value of its first
    /// field by chance than on values in general.
    factors: Box<[OnceLock<Box<[f64]>>]>,
    /// Where it was packed: then it has no values but those.
    packed: Option<Packed>,
    /// Set where something of that could not be read: then whatever is said of the record is wrong.
    unreadable: OnceLock<()>,
}

/// What a bound model says of two records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairScore {
    /// The first rule that holds for the two, which then decides whatever they weigh.
    pub rule: Option<String>,
    /// What that rule says.
    pub decision: Option<Decision>,
    /// log2 of the odds that they are one customer, in bits; `None` where the plan compares
    /// nothing.
    pub match_weight: Option<MatchWeight>,
    /// The probability that they are, by their weight alone.
    pub match_probability: Option<f64>,
    /// The levels that they reach, for the comparisons that can be made.
    pub levels: Vec<ReachedLevel>,
}

/// The level that two records reach in one comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReachedLevel {
    /// The comparison's name.
    pub comparison: String,
    /// The level, 0 the strongest.
    pub level: u8,
    /// What it means, for people.
    pub label: String,
}

/// A rule that gives records keys: those who share one are linked, or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Keying {
    /// The match rule at that position of the plan.
    Rule(u32),
    /// The blocking rule at that position of the plan.
    Blocking(u32),
}

impl Model {
    /// Make the model ready for records that are in no table.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the plan names a field that it does
    /// not declare, which a plan that was read or built cannot.
    pub fn bind(&self) -> Result<BoundModel> {
        BoundModel::new(Arc::new(self.clone()))
    }
}

impl BoundModel {
    pub(crate) fn new(model: Arc<Model>) -> Result<Self> {
        let (plan, features) = (model.plan(), model.loose_features()?);
        let numbers = |expressions: &[Expression]| -> Result<Vec<usize>> {
            expressions.iter().map(|expression| features.number(expression)).collect()
        };
        let places = |comparison: &Comparison| -> Result<Vec<usize>> {
            comparison.fields.iter().map(|field| plan.schema().position(field)).collect()
        };
        let bind = |rule: &crate::rule::Rule| {
            Ok(BoundRule { same: numbers(&rule.same)?, differ: numbers(&rule.differ)? })
        };
        let duplicate_free = plan.sources().iter().filter(|source| source.duplicate_free);
        let rules: Vec<BoundRule> = plan.rules().iter().map(bind).collect::<Result<_>>()?;
        let mut of_rules = vec![false; plan.expressions().len()];
        for number in rules.iter().flat_map(|rule| rule.same.iter().chain(&rule.differ)) {
            of_rules[*number] = true;
        }
        let frequencies = model.parameters().map(|parameters| &parameters.term_frequencies);
        let terms = plan.comparisons().iter().map(|comparison| {
            frequencies.and_then(|all| all.get(&comparison.name)).map(TermFactors::new)
        });
        let stopped = plan.rules().iter().map(|rule| model.stop_keys().get(&rule.name));
        let of_blocking = plan.blocking().iter();
        let of_blocking = of_blocking.map(|rule| model.blocking_stop_keys().get(&rule.to_string()));
        let stops = [stopped.map(Stops::new).collect(), of_blocking.map(Stops::new).collect()];
        let weigher = model
            .parameters()
            .map(|parameters| Weigher::new(parameters, plan.comparisons(), plan.coincidences()));
        let listed = frequencies.into_iter().flatten().map(|(_, frequencies)| frequencies.least());
        let least_factor = listed.fold(1.0, f64::min);
        let ceiling =
            weigher.as_ref().and_then(|weigher| weigher.ceiling(plan.comparisons(), least_factor));
        let mut of_matches: Vec<usize> = plan
            .rules()
            .iter()
            .zip(&rules)
            .flat_map(
                |(rule, bound)| {
                    if rule.decision == Decision::Match { &bound.same[..] } else { &[] }
                },
            )
            .copied()
            .collect();
        of_matches.sort_unstable();
        of_matches.dedup();
        let positions: Vec<Vec<usize>> =
            plan.comparisons().iter().map(places).collect::<Result<_>>()?;
        let limited = plan.guards().limits.iter().map(|limit| plan.schema().position(&limit.field));
        let mut packed = positions.concat();
        packed.extend(limited.collect::<Result<Vec<usize>>>()?);
        packed.sort_unstable();
        packed.dedup();
        let kinds: Vec<Kind> = plan.schema().fields().iter().map(|field| field.kind).collect();
        Ok(Self {
            stops,
            term_factors: terms.collect(),
            of_rules,
            packed,
            rules,
            weigher,
            ceiling,
            of_matches,
            sketches: Sketches::new(plan.comparisons(), &positions, &kinds),
            firsts: positions.iter().map(|positions| positions[0]).collect(),
            blocking: plan.blocking().iter().map(|r| numbers(&r.same)).collect::<Result<_>>()?,
            blocking_names: plan.blocking().iter().map(ToString::to_string).collect(),
            duplicate_free: duplicate_free.map(|source| source.name.clone()).collect(),
            features,
            model,
        })
    }

    /// The model that was bound.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn shared_model(&self) -> Arc<Model> {
        Arc::clone(&self.model)
    }

    /// Make a record ready to be weighed.
    ///
    /// # Errors
    /// [`Error::UnknownField`] and [`Error::TooManyValues`], as where a table takes it in.
    pub fn prepare(&self, record: &Record) -> Result<BoundRecord> {
        self.prepared(record.clone(), Keeps::All)
    }

    /// The same without the keys of blocking rules: a fraction of the time and memory, and enough for
    /// whatever is to be said of two records.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_light(&self, record: &Record) -> Result<BoundRecord> {
        self.prepare_owned(record.clone())
    }

    /// As [`prepare_light`](Self::prepare_light).
    pub(crate) fn prepare_owned(&self, record: Record) -> Result<BoundRecord> {
        let has_rules = self.of_rules.contains(&true);
        self.prepared(record, if has_rules { Keeps::Keys } else { Keeps::Nothing })
    }

    fn prepared(&self, record: Record, keeps: Keeps) -> Result<BoundRecord> {
        Ok(self.empty(self.features.take(record, keeps)?))
    }

    /// A record that nothing was asked of.
    fn empty(&self, features: LooseRecord) -> BoundRecord {
        BoundRecord {
            features,
            fields: self.model.plan().schema().fields().iter().map(|_| OnceLock::new()).collect(),
            factors: self.firsts.iter().map(|_| OnceLock::new()).collect(),
            packed: None,
            unreadable: OnceLock::new(),
        }
    }

    /// Let a record have what another one knows already of values that both have in the same fields.
    pub(crate) fn learn(&self, record: &BoundRecord, from: &BoundRecord) {
        self.features.learn(&record.features, &from.features);
    }

    /// The usable values of the field at that position of the schema.
    fn field<'r>(&self, record: &'r BoundRecord, field: usize) -> &'r ComparedField {
        record.fields[field].get_or_init(|| {
            let Some(packed) = &record.packed else {
                let values = self.features.values(&record.features, field);
                return Box::new(self.sketches.field(field, values));
            };
            let unpacked = self.unpacked(packed, field);
            Box::new(unpacked.unwrap_or_else(|_| {
                record.unreadable.get_or_init(|| ());
                ComparedField::default()
            }))
        })
    }

    /// How much likelier records agree on each value of a comparison's first field by chance than on
    /// values in general.
    fn factors<'r>(&self, record: &'r BoundRecord, comparison: usize) -> &'r [f64] {
        record.factors[comparison].get_or_init(|| {
            let values = self.field(record, self.firsts[comparison]).canonical.iter();
            let factors = self.term_factors[comparison].as_ref();
            let factors = factors.map(|factors| values.map(|value| factors.of(value)));
            factors.map(Iterator::collect).unwrap_or_default()
        })
    }

    /// What a record may agree on in a comparison, with the factor of each.
    fn terms<'r>(
        &self,
        record: &'r BoundRecord,
        comparison: usize,
    ) -> impl Iterator<Item = (&'r str, f64)> + Clone {
        let values = self.field(record, self.firsts[comparison]).canonical.iter();
        values.map(String::as_str).zip(self.factors(record, comparison).iter().copied())
    }

    /// The keys of a record under the expression of that number.
    fn texts<'r>(&self, record: &'r BoundRecord, number: usize) -> &'r Texts {
        &self.features.keys(&record.features, number).texts
    }

    /// The canonical forms of the usable values of the field at that position of the schema.
    pub(crate) fn canonical<'r>(&self, record: &'r BoundRecord, field: usize) -> &'r [String] {
        &self.field(record, field).canonical
    }

    /// What is to be said of two records, in whatever order.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn score(&self, one: &Record, other: &Record) -> Result<PairScore> {
        let (one, other) = (self.prepare_light(one)?, self.prepare_light(other)?);
        Ok(self.score_prepared(&one, &other))
    }

    /// What is to be said of two prepared records, in whatever order.
    #[must_use]
    pub fn score_prepared(&self, one: &BoundRecord, other: &BoundRecord) -> PairScore {
        self.score_by(Hint::default(), one, other)
    }

    /// As [`score_prepared`](Self::score_prepared), of two records of which some levels may be known.
    pub(crate) fn score_by(&self, hint: Hint, one: &BoundRecord, other: &BoundRecord) -> PairScore {
        let (left, right) = if one.key() <= other.key() { (one, other) } else { (other, one) };
        let rule = self.decide(left, right).map(|rule| &self.model.plan().rules()[rule]);
        let pattern = self.pattern_of(hint, left, right);
        let match_weight = self.weight_of(pattern, left, right);
        let levels = self.model.plan().comparisons().iter().enumerate();
        let levels = levels.filter_map(|(k, comparison)| {
            let level = pattern.level(k)?;
            let label = comparison.label(level).to_owned();
            Some(ReachedLevel { comparison: comparison.name.clone(), level, label })
        });
        PairScore {
            rule: rule.map(|rule| rule.name.clone()),
            decision: rule.map(|rule| rule.decision),
            match_weight,
            match_probability: match_weight.map(MatchWeight::probability),
            levels: levels.collect(),
        }
    }

    /// The levels that two records reach.
    #[must_use]
    pub fn pattern(&self, left: &BoundRecord, right: &BoundRecord) -> Pattern {
        self.pattern_of(Hint::default(), left, right)
    }

    /// The levels that two records reach, of which some may be known.
    fn pattern_of(&self, hint: Hint, left: &BoundRecord, right: &BoundRecord) -> Pattern {
        let (left, right) = (Side::new(self, left), Side::new(self, right));
        self.sketches.pattern(hint.known, hint.asked, left, right)
    }

    /// log2 of the odds that two records are one customer; `None` where the plan compares nothing.
    #[must_use]
    pub fn weight(&self, left: &BoundRecord, right: &BoundRecord) -> Option<MatchWeight> {
        self.weight_of(self.pattern(left, right), left, right)
    }

    fn weight_of(
        &self,
        pattern: Pattern,
        left: &BoundRecord,
        right: &BoundRecord,
    ) -> Option<MatchWeight> {
        let weigher = self.weigher.as_ref()?;
        Some(weigher.weight(pattern, |k| {
            self.term_factors[k].as_ref()?;
            Some(factor_of_shared(self.terms(left, k), self.terms(right, k)))
        }))
    }

    /// What the two say of the groups that they are in; nothing where they cannot be one customer.
    pub(crate) fn group_weight(
        &self,
        hint: Hint,
        left: &BoundRecord,
        right: &BoundRecord,
    ) -> Weight {
        let Some(weigher) = self.weigher.as_ref().filter(|_| self.may_pair(left, right)) else {
            return Weight::ZERO;
        };
        let pattern = self.pattern_of(hint, left, right);
        let weight = self.weight_of(pattern, left, right).unwrap_or_default();
        let [weight, prior, expected] = [weight, weigher.prior(), weigher.expected(pattern)]
            .map(|weight| Weight::from_bits(weight.bits()));
        group_weight(weight, prior, expected)
    }

    /// The first rule that holds for two records, by position in the plan.
    #[must_use]
    pub fn decide(&self, left: &BoundRecord, right: &BoundRecord) -> Option<usize> {
        let share = |number: &usize| share(self.texts(left, *number), self.texts(right, *number));
        let both = |number: &usize| {
            let filled = |record: &BoundRecord| !self.texts(record, *number).is_empty();
            filled(left) && filled(right)
        };
        self.rules.iter().position(|rule| {
            rule.same.iter().all(share) && rule.differ.iter().all(|n| both(n) && !share(n))
        })
    }

    /// What the rules up to number `last` see of a record: equal where none can tell two apart.
    pub(crate) fn signature<'r>(&self, last: usize, record: &'r BoundRecord) -> Vec<&'r Texts> {
        let rules = self.rules[..=last].iter();
        let numbers = rules.flat_map(|rule| rule.same.iter().chain(&rule.differ));
        numbers.map(|number| self.texts(record, *number)).collect()
    }

    /// Whether the sources of two records allow that they are one customer.
    pub(crate) fn may_pair(&self, left: &BoundRecord, right: &BoundRecord) -> bool {
        left.key().source != right.key().source
            || match self.model.plan().link_type() {
                LinkType::Link => false,
                LinkType::Dedupe | LinkType::LinkAndDedupe => {
                    !self.duplicate_free.contains(&left.key().source)
                }
            }
    }

    /// The rules that give keys, in order: match rules, then blocking rules.
    pub(crate) fn keyings(&self) -> impl Iterator<Item = Keying> {
        let rules = self.model.plan().rules().iter().enumerate();
        let matching = rules.filter(|(_, rule)| rule.decision == Decision::Match);
        let blocking = if self.weigher.is_some() { self.blocking.len() } else { 0 };
        matching
            .map(|(position, _)| Keying::Rule(position as u32))
            .chain((0..blocking as u32).map(Keying::Blocking))
    }

    /// Whether all that a rule makes keys of is the same of two records, so that their keys are.
    pub(crate) fn has_same_keys(
        &self,
        keying: Keying,
        one: &BoundRecord,
        other: &BoundRecord,
    ) -> bool {
        let keys_of = |record, number: &usize| self.features.keys(record, *number);
        let mut numbers = self.expressions_of(keying).iter();
        numbers.all(|n| keys_of(&one.features, n) == keys_of(&other.features, n))
    }

    /// The numbers of the expressions that a rule makes keys of.
    fn expressions_of(&self, keying: Keying) -> &[usize] {
        match keying {
            Keying::Rule(rule) => &self.rules[rule as usize].same,
            Keying::Blocking(rule) => &self.blocking[rule as usize],
        }
    }

    /// The keys of a record under a rule, but those that the model stops; each with one text for
    /// every expression.
    pub(crate) fn keys<'r>(&self, keying: Keying, record: &'r BoundRecord) -> Vec<Vec<&'r str>> {
        let mut keys = Vec::new();
        self.each_key(keying, record, |key| keys.push(key.to_vec()));
        keys
    }

    /// The same, one after the other: a record has a hundred.
    pub(crate) fn each_key<'r>(
        &self,
        keying: Keying,
        record: &'r BoundRecord,
        mut each: impl FnMut(&[&'r str]),
    ) {
        let (numbers, stopped, stops) = match keying {
            Keying::Rule(rule) => {
                let name = &self.model.plan().rules()[rule as usize].name;
                let stopped = self.model.stop_keys().get(name);
                (&self.rules[rule as usize].same, stopped, &self.stops[0][rule as usize])
            }
            Keying::Blocking(rule) => {
                let name = &self.blocking_names[rule as usize];
                let stopped = self.model.blocking_stop_keys().get(name);
                (&self.blocking[rule as usize], stopped, &self.stops[1][rule as usize])
            }
        };
        let parts: Vec<&LooseKeys> =
            numbers.iter().map(|n| self.features.keys(&record.features, *n)).collect();
        each_key(&parts, |key| {
            let is_stopped = |stopped: &BTreeSet<Vec<String>>| {
                let copy = || key.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
                stops.may_hold(key) && stopped.contains(&copy())
            };
            if !stopped.is_some_and(is_stopped) {
                each(key);
            }
        });
    }

    /// Whether the keys of a rule take long to be made.
    pub(crate) fn is_slow(&self, keying: Keying) -> bool {
        self.expressions_of(keying).iter().any(|number| self.features.is_slow(*number))
    }

    /// The name of a rule that gives keys, as it is written.
    pub(crate) fn name(&self, keying: Keying) -> &str {
        match keying {
            Keying::Rule(rule) => &self.model.plan().rules()[rule as usize].name,
            Keying::Blocking(rule) => &self.blocking_names[rule as usize],
        }
    }
}

impl BoundRecord {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> &RecordKey {
        &self.record().key
    }

    /// To be asked once something was said of the record, as it may have been packed: values are read
    /// when they are looked at, and where that cannot be, nothing that was said counts.
    ///
    /// # Errors
    /// [`Error::UnreadablePack`].
    pub(crate) fn readable(&self) -> Result<()> {
        if self.unreadable.get().is_some() { Err(Error::UnreadablePack) } else { Ok(()) }
    }

    /// The record as it was given.
    pub(crate) fn record(&self) -> &Record {
        self.features.record()
    }
}

impl fmt::Debug for BoundRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundRecord").field("key", &self.key().to_string()).finish_non_exhaustive()
    }
}

impl fmt::Debug for BoundModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundModel")
            .field("plan", &self.model.plan().name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
