use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::candidates::{GUARDED, apart, guarded, held_by_little, stake};
use crate::cancel::Run;
use crate::error::Result;
use crate::explain::{Contrast, PairExplanation, Scene, percent};
use crate::plan::Decisions;
use crate::probability::MatchWeight;
use crate::resolve::Resolution;
use crate::schema::{EntityId, RecordKey};

/// How many records of a group are looked at and named.
const NAMED: usize = 16;

/// How many groups are looked at closely for each question that is wanted.
const CLOSER: usize = 4;

/// How often one entity may be asked about: what people say of it first may settle the rest.
const MOST_OF_ONE: usize = 3;

/// What a review queue should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewOptions {
    /// The most questions; 50 by default.
    pub most: usize,
}

impl Default for ReviewOptions {
    fn default() -> Self {
        Self { most: 50 }
    }
}

/// A question for people: are these two records, and the groups that they stand for, one customer?
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewItem {
    /// The question in plain words, with what follows from either answer.
    pub question: String,
    /// Why it is asked.
    pub reason: ReviewReason,
    /// How many pairs of records are expected to be put right by the answer: what the queue is
    /// ordered by.
    pub impact: f64,
    /// How likely it is that the two groups are one customer, as far as the model knows.
    pub probability: f64,
    /// Whether they are one entity now.
    pub together: bool,
    /// The entities of the two records.
    pub entities: (EntityId, EntityId),
    /// How many records the two groups have.
    pub sizes: (usize, usize),
    /// Records of the group of the left record, and of the other: the first by key.
    pub groups: (Vec<RecordKey>, Vec<RecordKey>),
    /// What all pairs between the two groups say; `None` where the plan compares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// The two records to look at, which stand for their groups, and what is said of them.
    #[serde(flatten)]
    pub pair: PairExplanation,
}

/// Why a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Two groups are apart that may be one.
    MayBeOne,
    /// One entity hangs by little evidence.
    MayBeTwo,
    /// Something speaks for joining two groups, and a rule or a guard forbids it.
    Conflict,
}

impl Resolution {
    /// What is worth a person's minute, the most first.
    ///
    /// Questions about groups that may be one, entities that may be several, and conflicts between
    /// evidence and guards are ordered by how many pairs of records the answer is expected to put
    /// right. No two of them are about the same two groups, no entity is asked about more than three
    /// times, and what people have decided already is not asked again.
    ///
    /// Takes as long as scoring did, since it looks at all candidate pairs.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn review(&self, options: &ReviewOptions, run: &Run) -> Result<Vec<ReviewItem>> {
        let most = options.most.saturating_mul(CLOSER);
        let size = |entity: u32| self.rows(entity).len();
        let decided = Decided::new(self.decisions());
        let mut items = Vec::new();
        run.report("review", 0, 3)?;
        let guarded = guarded(self, most);
        let kept_apart: BTreeSet<(u32, u32)> =
            guarded.iter().map(|apart| sorted(apart.entities)).collect();
        let open = apart(self, most, run)?;
        let open = open.iter().filter(|apart| !kept_apart.contains(&sorted(apart.entities)));
        let all = guarded.iter().map(|apart| (apart, ReviewReason::Conflict));
        for (apart, reason) in all.chain(open.map(|apart| (apart, ReviewReason::MayBeOne))) {
            let (one, two) = (self.rows(apart.entities.0), self.rows(apart.entities.1));
            let sides = (one.to_vec(), two.to_vec());
            if let Some(mut item) = self.item(apart.rows, sides, reason, &decided, run)? {
                // Evidence that a guard overrules is not what its answer hangs on.
                if reason == ReviewReason::Conflict {
                    item.probability = item.probability.min(GUARDED);
                }
                item.impact =
                    stake(item.probability, size(apart.entities.0), size(apart.entities.1));
                items.push(item);
            }
        }
        run.report("review", 1, 3)?;
        let doubtful = held_by_little(self, most);
        for how in self.how_many(&doubtful, &run.quiet())? {
            let Some(bridge) = &how.bridge else { continue };
            let rows = |keys: &[RecordKey]| -> Vec<u32> {
                keys.iter().filter_map(|key| self.table().row(key)).map(|row| row as u32).collect()
            };
            let sides = (rows(&bridge.sides.0), rows(&bridge.sides.1));
            let ends =
                self.table().row(&bridge.link.left).zip(self.table().row(&bridge.link.right));
            let Some((left, right)) = ends else { continue };
            let (rows, sizes) = ((left as u32, right as u32), (sides.0.len(), sides.1.len()));
            if let Some(mut item) = self.item(rows, sides, ReviewReason::MayBeTwo, &decided, run)? {
                item.impact = stake(1.0 - item.probability, sizes.0, sizes.1);
                items.push(item);
            }
        }
        run.report("review", 2, 3)?;
        items.sort_by(|one, two| {
            let keys = |item: &ReviewItem| (item.pair.left.clone(), item.pair.right.clone());
            two.impact.total_cmp(&one.impact).then_with(|| keys(one).cmp(&keys(two)))
        });
        let mut asked: BTreeMap<EntityId, usize> = BTreeMap::new();
        items.retain(|item| {
            let is_new = [item.entities.0, item.entities.1]
                .iter()
                .all(|entity| asked.get(entity).is_none_or(|times| *times < MOST_OF_ONE));
            if is_new {
                *asked.entry(item.entities.0).or_insert(0) += 1;
                if !item.together {
                    *asked.entry(item.entities.1).or_insert(0) += 1;
                }
            }
            is_new
        });
        items.truncate(options.most);
        run.report("review", 3, 3)?;
        Ok(items)
    }

    /// The question about two rows and the groups that they stand for; `None` where people have
    /// answered it.
    fn item(
        &self,
        (left, right): (u32, u32),
        (one, two): (Vec<u32>, Vec<u32>),
        reason: ReviewReason,
        decided: &Decided<'_>,
        run: &Run,
    ) -> Result<Option<ReviewItem>> {
        let table = self.table();
        let keys = |rows: &[u32]| -> Vec<RecordKey> {
            rows.iter().take(NAMED).map(|row| table.key(*row as usize)).collect()
        };
        let (left_key, right_key) = (table.key(left as usize), table.key(right as usize));
        if decided.is_settled(&left_key, &right_key) {
            return Ok(None);
        }
        // Lower key on the left, and its group with it.
        let ((left, one), (right, two)) = match left_key <= right_key {
            true => ((left, one), (right, two)),
            false => ((right, two), (left, one)),
        };
        let few = |rows: &[u32], asked: u32| -> Vec<u32> {
            let others = rows.iter().copied().filter(|row| *row != asked);
            [asked].into_iter().chain(others.take(NAMED - 1)).collect()
        };
        let (few_one, few_two) = (few(&one, left), few(&two, right));
        let rows = few_one.iter().chain(&few_two).map(|row| *row as usize);
        let scene = Scene::of_rows(self.model(), table, rows, run)?;
        let view = scene.view(run)?;
        let places: Vec<usize> = (0..few_one.len() + few_two.len()).collect();
        let contrast = view.contrast(&places[..few_one.len()], &places[few_one.len()..]);
        let pair = view.pair(0, few_one.len(), run)?;
        // One pair is what it weighs; between more, the mean of what they say.
        let mean = |contrast: Contrast| match contrast.pairs {
            1 => pair.weight.as_ref().map_or(0.0, |weight| weight.match_weight.bits()),
            _ => contrast.sum.bits() / contrast.pairs.max(1) as f64,
        };
        let probability = contrast
            .map_or(GUARDED, |contrast| MatchWeight::from_bits(mean(contrast)).probability());
        let entity = |row: u32| self.entities()[row as usize];
        let together = entity(left) == entity(right);
        let mut item = ReviewItem {
            question: String::new(),
            reason,
            impact: 0.0,
            probability,
            together,
            entities: (self.entity_id(entity(left)), self.entity_id(entity(right))),
            sizes: (one.len(), two.len()),
            groups: (keys(&one), keys(&two)),
            contrast,
            pair,
        };
        item.question = question(&item);
        Ok(Some(item))
    }
}

fn question(item: &ReviewItem) -> String {
    let (left, right) = (&item.pair.left, &item.pair.right);
    let records = |count: usize| match count {
        1 => "1 record".to_owned(),
        _ => format!("{count} records"),
    };
    let (one, two) = (records(item.sizes.0), records(item.sizes.1));
    let chance = percent(item.probability);
    let now = match item.reason {
        ReviewReason::MayBeTwo => format!("They are one entity now ({chance} sure). A no parts"),
        ReviewReason::MayBeOne => format!("They are apart now ({chance} likely one). A yes joins"),
        ReviewReason::Conflict => "A rule or guard keeps them apart. A yes joins".to_owned(),
    };
    format!("Are {left} and {right} one customer? {now} {one} and {two}.")
}

fn sorted((one, two): (u32, u32)) -> (u32, u32) {
    (one.min(two), one.max(two))
}

/// What people have said already.
struct Decided<'d>(BTreeSet<(&'d RecordKey, &'d RecordKey)>);

impl<'d> Decided<'d> {
    fn new(decisions: &'d Decisions) -> Self {
        let all = decisions.must_link.iter().chain(&decisions.cannot_link);
        Self(all.map(|(one, two)| if one < two { (one, two) } else { (two, one) }).collect())
    }

    fn is_settled(&self, left: &RecordKey, right: &RecordKey) -> bool {
        self.0.contains(&if left < right { (left, right) } else { (right, left) })
    }
}
