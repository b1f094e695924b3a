use std::collections::BTreeMap;

use serde::Serialize;

use super::redact::Redactor;
use crate::cancel::Run;
use crate::cluster::Weight;
use crate::error::Result;
use crate::evaluate::{EvaluationReport, Expectation, Truth};
use crate::explain::{EntityExplanation, FieldValue, PairExplanation, Scene};
use crate::plan::Decisions;
use crate::quality::QualityReport;
use crate::resolve::{RefusalReason, Resolution};
use crate::review::{ReviewItem, ReviewOptions};
use crate::schema::{EntityId, RecordKey};
use crate::summary::Summary;

/// How many records of an entity are shown.
const SHOWN: usize = 24;

/// What a report shows, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// What it is called; the plan's name where absent.
    pub title: Option<String>,
    /// Show that values are there and which are equal, not what they are. Record keys stay, for
    /// decisions name them.
    pub redact: bool,
    /// What is known to be true, to be measured against.
    pub truth: Option<Truth>,
    /// How many entities of each sort, and how many pairs, are shown.
    pub examples: usize,
    /// How many questions the review queue holds.
    pub review: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { title: None, redact: false, truth: None, examples: 6, review: 50 }
    }
}

/// All that a report shows. It holds personal data unless it is redacted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What it is called.
    pub title: String,
    /// Whether values are left out.
    pub redacted: bool,
    /// The resolution in a few numbers.
    pub summary: Summary,
    /// How many entities of each size there are.
    pub sizes: BTreeMap<usize, usize>,
    /// Refused links by reason.
    pub refusals: BTreeMap<&'static str, usize>,
    /// The quality of the values.
    pub quality: QualityReport,
    /// What the model believes; `None` where nothing is compared.
    pub expectation: Option<Expectation>,
    /// How good it is, where that is known.
    pub evaluation: Option<EvaluationReport>,
    /// The largest entities.
    pub largest: Vec<EntityPicture>,
    /// The entities that hang by the least evidence.
    pub doubtful: Vec<EntityPicture>,
    /// Pairs of records, with what is said of them.
    pub pairs: Vec<PairPicture>,
    /// Golden records of some of the largest entities.
    pub golden: Vec<GoldenPicture>,
    /// The review queue.
    pub review: Vec<ReviewItem>,
    /// What people decided already.
    pub decisions: Decisions,
}

/// An entity and its records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntityPicture {
    /// How it came together.
    pub how: EntityExplanation,
    /// Which of its records are shown: all, or the first by key.
    pub shown: usize,
    /// By field that has a value, the values of each shown record.
    pub fields: Vec<(String, Vec<Vec<FieldValue>>)>,
}

/// A pair of records as an example.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairPicture {
    /// What it is an example of.
    pub title: String,
    /// The answer in plain words.
    pub sentence: String,
    /// What is said of the two.
    pub pair: PairExplanation,
}

/// A golden record, and where its values came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoldenPicture {
    /// The entity.
    pub entity_id: EntityId,
    /// How many records it has.
    pub records: usize,
    /// Its fields that have a value.
    pub fields: Vec<GoldenLine>,
}

/// A value of a golden record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoldenLine {
    /// The field.
    pub field: String,
    /// How the survivor was chosen.
    pub strategy: String,
    /// What survived.
    pub value: crate::explain::Personal,
    /// The record it came from.
    pub from: RecordKey,
    /// How many other records agree.
    pub agreed: usize,
    /// What lost: the record and its value; at most so many are listed.
    pub lost: Vec<(RecordKey, crate::explain::Personal)>,
}

impl Resolution {
    /// What a report of this resolution shows, as data; [`Report::html`] makes a page of it.
    ///
    /// Entities, pairs and questions are examples, so that it is of one size whatever the table's.
    /// Takes two looks at all candidate pairs.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field that the
    /// plan lets survive, and [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn report(&self, options: &ReportOptions, run: &Run) -> Result<Report> {
        let by_size = {
            let mut all: Vec<u32> = (0..self.len() as u32).collect();
            all.sort_by_key(|entity| std::cmp::Reverse(self.rows(*entity).len()));
            all
        };
        let mut sizes = BTreeMap::new();
        by_size.iter().for_each(|entity| *sizes.entry(self.rows(*entity).len()).or_insert(0) += 1);
        let largest: Vec<u32> = by_size
            .into_iter()
            .take_while(|entity| self.rows(*entity).len() > 1)
            .take(options.examples)
            .collect();
        run.report("report", 0, 4)?;
        let review = self.review(&ReviewOptions { most: options.review }, run)?;
        let doubtful = self.doubtful(options.examples);
        let expectation = self.expect(run)?;
        run.report("report", 2, 4)?;
        let evaluation =
            options.truth.as_ref().map(|truth| self.evaluate(truth, run)).transpose()?;
        let merger = self.merger()?;
        let golden = largest.iter().take(3).map(|entity| {
            let golden = merger.merge(self.rows(*entity));
            let key = |row: u32| self.table().key(row as usize);
            let mut fields = Vec::new();
            for field in &golden.fields {
                for value in &field.values {
                    let lost = field.lost.iter().take(SHOWN);
                    fields.push(GoldenLine {
                        field: field.name.to_owned(),
                        strategy: name_of(&field.strategy),
                        value: value.value.into(),
                        from: key(value.from.row),
                        agreed: value.agreed.len(),
                        lost: lost.map(|lost| (key(lost.row), lost.raw.into())).collect(),
                    });
                }
            }
            let (entity_id, records) = (golden.entity_id, golden.rows.len());
            GoldenPicture { entity_id, records, fields }
        });
        let mut report = Report {
            title: options.title.clone().unwrap_or_else(|| self.model().plan().name().to_owned()),
            redacted: options.redact,
            summary: self.summary(),
            sizes,
            refusals: self.refusal_counts(),
            quality: self.quality(),
            expectation,
            evaluation,
            golden: golden.collect(),
            largest: self.pictures(&largest, run)?,
            doubtful: self.pictures(&doubtful, run)?,
            pairs: self.example_pairs(run)?,
            review,
            decisions: self.decisions().clone(),
        };
        if options.redact {
            Redactor::default().redact(&mut report);
        }
        run.report("report", 4, 4)?;
        Ok(report)
    }

    fn refusal_counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for refusal in self.refusals() {
            let reason = match refusal.reason {
                RefusalReason::CannotLink { .. } => "a person decided so",
                RefusalReason::NeverRule { .. } => "a rule says never",
                RefusalReason::Limit { .. } => "too many values of a field",
                RefusalReason::OnePerSource { .. } => "two records of a source without repeats",
                RefusalReason::Outweighed { .. } => "outweighed by the other pairs",
            };
            *counts.entry(reason).or_insert(0) += 1;
        }
        counts
    }

    fn pictures(&self, entities: &[u32], run: &Run) -> Result<Vec<EntityPicture>> {
        let all = self.how_many(entities, run)?.into_iter().zip(entities);
        let picture = |(mut how, entity): (EntityExplanation, &u32)| {
            let rows = &self.rows(*entity)[..self.rows(*entity).len().min(SHOWN)];
            let rows: Vec<usize> = rows.iter().map(|row| *row as usize).collect();
            let shown = rows.len();
            let scene = Scene::of_rows(self.model(), self.table(), rows, run)?;
            let view = scene.view(run)?;
            let fields = self.table().schema().fields().iter().enumerate();
            let fields = fields.map(|(position, field)| {
                let values = (0..shown).map(|row| view.values(position, row)).collect();
                (field.name.clone(), values)
            });
            let filled = |(_, values): &(String, Vec<Vec<FieldValue>>)| {
                values.iter().any(|values| !values.is_empty())
            };
            let fields = fields.filter(filled).collect();
            // What is not shown is counted, not listed.
            how.steps.truncate(200);
            Ok(EntityPicture { how, shown, fields })
        };
        all.map(picture).collect()
    }

    /// The strongest, a middling and the weakest link, and those refused that were nearest to none.
    fn example_pairs(&self, run: &Run) -> Result<Vec<PairPicture>> {
        let mut scored: Vec<(Weight, usize)> = self
            .links()
            .enumerate()
            .filter_map(|(number, link)| Some((link.match_weight?, number)))
            .collect();
        scored.sort_unstable();
        let mut wanted: Vec<(&str, RecordKey, RecordKey, bool)> = Vec::new();
        let middle = scored.len() / 2;
        for (title, place) in [
            ("The strongest link", scored.len().checked_sub(1)),
            ("A middling link", Some(middle)),
            ("The weakest link", Some(0)),
        ] {
            let number = place.and_then(|place| scored.get(place));
            if let Some((_, number)) = number {
                let link = self.link(*number);
                wanted.push((title, link.left, link.right, true));
            }
        }
        if scored.is_empty() {
            let by_rule = self.links().take(2);
            wanted.extend(by_rule.map(|link| ("A link by a rule", link.left, link.right, true)));
        }
        let mut refused: Vec<(Weight, usize)> = (0..self.refusals().len())
            .filter_map(|number| match self.refusal(number).reason {
                RefusalReason::Outweighed { sum } => Some((sum, number)),
                _ => None,
            })
            .collect();
        refused.sort_unstable_by_key(|(sum, number)| (std::cmp::Reverse(*sum), *number));
        let guarded = (0..self.refusals().len()).find(|number| {
            !matches!(self.refusal(*number).reason, RefusalReason::Outweighed { .. })
        });
        let outweighed = refused.first().map(|(_, number)| ("A link that was outweighed", *number));
        let guarded = guarded.map(|number| ("A link that was refused", number));
        for (title, number) in outweighed.into_iter().chain(guarded) {
            let link = self.refusal(number).link;
            wanted.push((title, link.left, link.right, false));
        }
        let mut seen = std::collections::BTreeSet::new();
        wanted.retain(|(_, left, right, _)| seen.insert((left.clone(), right.clone())));
        let picture = |(title, left, right, together): (&str, RecordKey, RecordKey, bool)| {
            let title = title.to_owned();
            Ok(match together {
                true => {
                    let why = self.why(&left, &right, run)?;
                    PairPicture { title, sentence: why.sentence, pair: why.pair }
                }
                false => {
                    let why_not = self.why_not(&left, &right, run)?;
                    PairPicture { title, sentence: why_not.sentence, pair: why_not.pair }
                }
            })
        };
        wanted.into_iter().map(picture).collect()
    }
}

/// The name of a strategy as plans write it.
fn name_of(strategy: &impl Serialize) -> String {
    let name = serde_json::to_value(strategy).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
