//! The batch pipeline: a table in, a resolution out.

mod join;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

pub(crate) use join::tiers;
use join::{Blocks, Keep, blocks, guards, join_scored};

use crate::block::Blocking;
use crate::cancel::Run;
use crate::cluster::{Cause, Clusterer, Link, Partition, Reason, ScoredLink, Weight};
use crate::error::Result;
use crate::features::{Features, date_order_evidence};
use crate::merge::{GoldenRecord, Merger};
use crate::plan::{Decisions, Fitted, LinkType, Model, Plan};
use crate::quality::QualityReport;
use crate::rule::BoundRules;
use crate::schema::{EntityId, RecordKey};
use crate::table::Table;

/// The outcome over a table: which records are one entity, by which links, and what was refused.
///
/// Entities are numbered from 0 in the order of their lowest record keys. The order of the table's
/// rows, the number of threads and the order of the files it came from change nothing but row
/// numbers.
pub struct Resolution {
    table: Table,
    model: Model,
    features: Features,
    blocking: Blocking,
    /// Entity by row.
    entity_of: Vec<u32>,
    /// Rows by entity, each entity's in the order of their keys; `starts` says where each begins.
    members: Vec<u32>,
    starts: Vec<u32>,
    /// By rank in the order of keys, the row.
    row_of_rank: Vec<u32>,
    partition: Partition,
    unknown: Vec<RecordKey>,
    decisions: Decisions,
}

/// Two records that were put together, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedLink {
    /// The record with the lower key.
    pub left: RecordKey,
    /// The record with the higher key.
    pub right: RecordKey,
    /// The name of the rule, or `None` where a steward or the match weight decided.
    pub rule: Option<String>,
    /// How alike the two are, in bits, prior included; `None` where a rule or a steward decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_weight: Option<Weight>,
}

impl ResolvedLink {
    /// The probability that the two are one, by their match weight alone.
    #[must_use]
    pub fn match_probability(&self) -> Option<f64> {
        self.match_weight.map(|weight| 1.0 / (1.0 + libm::exp2(-weight.bits())))
    }
}

/// A link that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedLink {
    /// The link.
    #[serde(flatten)]
    pub link: ResolvedLink,
    /// What kept its two groups apart.
    #[serde(flatten)]
    pub reason: RefusalReason,
}

/// Why two groups of records had to stay apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalReason {
    /// A steward said that these two, one of each group, are not one customer.
    CannotLink {
        /// The two records.
        between: (RecordKey, RecordKey),
    },
    /// A rule says `never` of these two, one of each group.
    NeverRule {
        /// The name of the rule.
        never: String,
        /// The two records.
        between: (RecordKey, RecordKey),
    },
    /// Together they would hold more values of a field than one entity may.
    Limit {
        /// The field.
        field: String,
        /// The most that one entity may hold.
        at_most: usize,
        /// How many they would hold.
        found: usize,
    },
    /// Both hold a record of a source that has each customer once.
    OnePerSource {
        /// The source.
        source: String,
    },
    /// Taken together, the pairs of records between them speak against.
    Outweighed {
        /// What the pairs between the two groups say in sum, in bits.
        sum: Weight,
    },
}

impl Plan {
    /// Fit this plan to `table` and resolve it by the model, in one go.
    ///
    /// # Errors
    /// As [`Model::resolve`].
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Decisions, Field, Kind, Plan, Record, RecordKey, Run, Schema, Table};
    /// let schema = Schema::new("people", vec![Field::new("email", Kind::Email)])?;
    /// let record = |id: &str| {
    ///     Record::new(RecordKey::new("crm", id)).with("email", "li@lotus.example")
    /// };
    /// let table = Table::from_records(schema, &[record("1"), record("2")])?;
    /// let plan = Plan::infer(&table, &Run::new())?;
    /// assert_eq!(plan.resolve(&table, &Decisions::new(), &Run::new())?.len(), 1);
    ///
    /// let little = Run::new().with_memory_limit(1_000_000);
    /// let error = plan.resolve(&table, &Decisions::new(), &little).err().unwrap();
    /// assert_eq!(error.code(), "MEMORY_LIMIT");
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn resolve(&self, table: &Table, decisions: &Decisions, run: &Run) -> Result<Resolution> {
        self.resolve_labelled(table, &Decisions::new(), decisions, run)
    }

    /// [`resolve`](Self::resolve), with the plan fitted to `labels` as well: what people said of
    /// pairs, which teaches and binds nobody.
    ///
    /// # Errors
    /// As [`fit_labelled`](Self::fit_labelled) and [`Model::resolve`].
    pub fn resolve_labelled(
        &self,
        table: &Table,
        labels: &Decisions,
        decisions: &Decisions,
        run: &Run,
    ) -> Result<Resolution> {
        let fitted = self.fit_whole(table, labels, None, run)?;
        Resolution::new(fitted, table, decisions, run)
    }

    /// Infer what `given` leaves open, fit that plan to `table` and to labelled pairs, and resolve
    /// it, in one go.
    ///
    /// The same as [`infer_with`](Plan::infer_with) and then
    /// [`resolve_labelled`](Plan::resolve_labelled), and sooner: values are normalised once for
    /// both. The model of the resolution has the plan.
    ///
    /// # Errors
    /// As these.
    pub fn infer_and_resolve(
        table: &Table,
        given: &Plan,
        labels: &Decisions,
        decisions: &Decisions,
        run: &Run,
    ) -> Result<Resolution> {
        let (inferred, features) = match run.memory_limit() {
            // Whether values are kept is for the plan to say.
            Some(limit) if !limit.is_kept() => (Plan::infer_with(table, given, run)?, None),
            _ => Plan::infer_whole(table, given, run)?,
        };
        let fitted = inferred.plan.fit_whole(table, labels, features, run)?;
        Resolution::new(fitted, table, decisions, run)
    }
}

impl Model {
    /// Resolve the records of `table` into entities.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field of the
    /// plan, [`Error::MemoryLimit`](crate::Error::MemoryLimit) where it takes more memory than the run may,
    /// and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn resolve(&self, table: &Table, decisions: &Decisions, run: &Run) -> Result<Resolution> {
        Resolution::new(self.fitted_to(table, run)?, table, decisions, run)
    }

    /// The same, with the candidate pairs that weigh more than nothing, each with the rows of its
    /// records.
    pub(crate) fn resolve_linked(
        &self,
        table: &Table,
        decisions: &Decisions,
        run: &Run,
    ) -> Result<(Resolution, Vec<ScoredLink>)> {
        let fitted = self.fitted_to(table, run)?;
        let mut links = Vec::new();
        let keep = &mut |found: &[ScoredLink]| links = found.to_vec();
        let resolution = Resolution::linked(fitted, table, decisions, keep, run)?;
        let row = |rank: u32| resolution.row_of_rank[rank as usize];
        for link in &mut links {
            (link.left, link.right) = (row(link.left), row(link.right));
        }
        Ok((resolution, links))
    }
}

impl Resolution {
    fn new(fitted: Fitted, table: &Table, decisions: &Decisions, run: &Run) -> Result<Self> {
        Self::linked(fitted, table, decisions, &mut |_| {}, run)
    }

    /// As [`new`](Self::new), with the scored links for whoever wants to `keep` them.
    fn linked(
        fitted: Fitted,
        table: &Table,
        decisions: &Decisions,
        keep: Keep<'_>,
        run: &Run,
    ) -> Result<Self> {
        let Fitted { model, features, blocking, compared } = fitted;
        let row_of_rank = table.rows_by_key();
        let mut rank_of_row = vec![0; row_of_rank.len()];
        for (rank, row) in row_of_rank.iter().enumerate() {
            rank_of_row[*row as usize] = rank as u32;
        }
        let mut unknown = BTreeSet::new();
        let mut ranks = |pairs: &[(RecordKey, RecordKey)]| -> BTreeSet<(u32, u32)> {
            let mut rank = |key: &RecordKey| match table.row(key) {
                Some(row) => Some(rank_of_row[row]),
                None => {
                    unknown.insert(key.clone());
                    None
                }
            };
            let pairs = pairs.iter().filter_map(|(left, right)| rank(left).zip(rank(right)));
            pairs.map(|(left, right)| (left.min(right), left.max(right))).collect()
        };
        let must_link = ranks(&decisions.must_link);
        let cannot_link = ranks(&decisions.cannot_link);
        let rules = BoundRules::new(model.plan().rules(), &features)?;
        let guards = guards(&model, table, &features, &rules, &row_of_rank, &cannot_link)?;
        let mut clusterer = Clusterer::new(table.len(), guards);
        must_link.iter().for_each(|(left, right)| clusterer.must_link(*left, *right));
        let across_sources = model.plan().link_type() == LinkType::Link;
        let tiers = tiers(model.plan());
        let at_once = rayon::current_num_threads();
        for (round, tier) in tiers.chunks(at_once).enumerate() {
            run.report("rules", (round * at_once) as u64, tiers.len() as u64)?;
            let of_rules =
                tier.par_iter().map(|rule| blocks(&model, &rules, *rule, &rank_of_row, run));
            let of_rules: Vec<Blocks> = of_rules.collect::<Result<_>>()?;
            for (rule, blocks) in tier.iter().zip(&of_rules) {
                for block in blocks.iter() {
                    clusterer.block(Cause::Rule(*rule as u32), block, across_sources);
                }
            }
        }
        run.report("rules", tiers.len() as u64, tiers.len() as u64)?;
        let ranks = (&row_of_rank[..], &rank_of_row[..]);
        let candidates = (&blocking, compared);
        join_scored(&mut clusterer, &model, table, &features, candidates, (ranks, keep), run)?;
        let partition = clusterer.finish();
        let mut entity_of = vec![0; table.len()];
        let mut starts = vec![0_u32; partition.groups + 1];
        for (rank, group) in partition.group_of.iter().enumerate() {
            entity_of[row_of_rank[rank] as usize] = *group;
            starts[*group as usize + 1] += 1;
        }
        (1..starts.len()).for_each(|entity| starts[entity] += starts[entity - 1]);
        let mut next = starts.clone();
        let mut members = vec![0; table.len()];
        for (rank, group) in partition.group_of.iter().enumerate() {
            let place = &mut next[*group as usize];
            members[*place as usize] = row_of_rank[rank];
            *place += 1;
        }
        let unknown = unknown.into_iter().collect();
        let table = table.clone();
        Ok(Self {
            table,
            model,
            features,
            blocking,
            entity_of,
            members,
            starts,
            row_of_rank,
            partition,
            unknown,
            decisions: decisions.clone(),
        })
    }

    /// The records that were resolved.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Without the keys that blocking rules alone look at.
    pub(crate) fn features(&self) -> &Features {
        &self.features
    }

    /// Finds the candidate pairs.
    pub(crate) fn blocking(&self) -> &Blocking {
        &self.blocking
    }

    pub(crate) fn row_of_rank(&self) -> &[u32] {
        &self.row_of_rank
    }

    /// The model that resolved them.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// How many entities there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partition.groups
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entity of each row, in the order of the table.
    #[must_use]
    pub fn entities(&self) -> &[u32] {
        &self.entity_of
    }

    /// The rows of an entity, in the order of their keys.
    ///
    /// # Panics
    /// Where there is no such entity; so do the other methods that take one.
    #[must_use]
    pub fn rows(&self, entity: u32) -> &[u32] {
        let range = self.starts[entity as usize]..self.starts[entity as usize + 1];
        &self.members[range.start as usize..range.end as usize]
    }

    /// The id of an entity: that of its lowest record key.
    #[must_use]
    pub fn entity_id(&self, entity: u32) -> EntityId {
        let lowest = self.rows(entity)[0] as usize;
        EntityId::of_lowest(self.table.source(lowest), self.table.id(lowest))
    }

    /// The links that joined entities, one fewer for each entity than it has records; stewards'
    /// first, then by rule and record key.
    pub fn links(&self) -> impl ExactSizeIterator<Item = ResolvedLink> {
        (0..self.partition.links.len()).map(|number| self.link(number))
    }

    /// The links that were refused: the first of each two groups that met.
    pub fn refusals(&self) -> impl ExactSizeIterator<Item = RefusedLink> {
        (0..self.partition.refusals.len()).map(|number| self.refusal(number))
    }

    pub(crate) fn link(&self, number: usize) -> ResolvedLink {
        self.resolved(&self.partition.links[number])
    }

    pub(crate) fn refusal(&self, number: usize) -> RefusedLink {
        let refusal = &self.partition.refusals[number];
        let limits = &self.model.plan().guards().limits;
        let reason = match refusal.reason {
            Reason::CannotLink { left, right } => {
                RefusalReason::CannotLink { between: (self.key(left), self.key(right)) }
            }
            Reason::NeverRule { rule, left, right } => RefusalReason::NeverRule {
                never: self.model.plan().rules()[rule as usize].name.clone(),
                between: (self.key(left), self.key(right)),
            },
            Reason::Limit { limit, found } => RefusalReason::Limit {
                field: limits[limit as usize].field.clone(),
                at_most: limits[limit as usize].at_most,
                found,
            },
            Reason::OnePerSource { source } => RefusalReason::OnePerSource {
                source: self.table.sources()[source as usize].clone(),
            },
            Reason::Outweighed { sum } => RefusalReason::Outweighed { sum },
        };
        RefusedLink { link: self.resolved(&refusal.link), reason }
    }

    /// By entity, the links that joined its records, in the order in which they did; one look at
    /// all links for all of them.
    pub(crate) fn links_of(&self, entities: &[u32]) -> Vec<Vec<ResolvedLink>> {
        let places = entities.iter().enumerate().map(|(place, entity)| (*entity, place));
        let places: BTreeMap<u32, usize> = places.collect();
        let mut links = vec![Vec::new(); entities.len()];
        for link in &self.partition.links {
            if let Some(place) = places.get(&self.entity_of_rank(link.left)) {
                links[*place].push(self.resolved(link));
            }
        }
        links
    }

    /// By refusal, in order, the two entities that were kept apart.
    pub(crate) fn refused_entities(&self) -> impl ExactSizeIterator<Item = (u32, u32)> {
        let refusals = self.partition.refusals.iter();
        refusals.map(|refusal| {
            let Link { left, right, .. } = refusal.link;
            (self.entity_of_rank(left), self.entity_of_rank(right))
        })
    }

    fn entity_of_rank(&self, rank: u32) -> u32 {
        self.partition.group_of[rank as usize]
    }

    /// What people decided by hand.
    #[must_use]
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// Record keys that decisions name and the table does not have, sorted.
    #[must_use]
    pub fn unknown_in_decisions(&self) -> &[RecordKey] {
        &self.unknown
    }

    /// The golden record of every entity, in order, made one at a time.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field that the
    /// plan lets survive.
    pub fn golden_records(&self) -> Result<impl ExactSizeIterator<Item = GoldenRecord<'_>>> {
        let merger = self.merger()?;
        Ok((0..self.len() as u32).map(move |entity| merger.merge(self.rows(entity))))
    }

    pub(crate) fn merger(&self) -> Result<Merger<'_>> {
        let plan = self.model.plan();
        let sources: Vec<String> = plan.sources().iter().map(|s| s.name.clone()).collect();
        Merger::new(&self.table, &self.features, plan.survivorship(), &sources)
    }

    /// What there is to know of the quality of the values.
    #[must_use]
    pub fn quality(&self) -> QualityReport {
        let evidence = date_order_evidence(&self.table);
        QualityReport::new(&self.table, &self.features, &evidence, &self.row_of_rank)
    }

    fn key(&self, rank: u32) -> RecordKey {
        self.table.key(self.row_of_rank[rank as usize] as usize)
    }

    fn resolved(&self, link: &Link) -> ResolvedLink {
        let (rule, match_weight) = match link.cause {
            Cause::Steward => (None, None),
            Cause::Rule(rule) => {
                (Some(self.model.plan().rules()[rule as usize].name.clone()), None)
            }
            Cause::Score(weight) => (None, Some(weight)),
        };
        ResolvedLink { left: self.key(link.left), right: self.key(link.right), rule, match_weight }
    }
}
