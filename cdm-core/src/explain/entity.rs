use std::collections::BTreeMap;

use serde::Serialize;

use super::scene::{Scene, View};
use super::sentence;
use crate::cancel::Run;
use crate::cluster::{Weight, group_weight};
use crate::error::{Error, Result};
use crate::resolve::{RefusalReason, RefusedLink, Resolution, ResolvedLink};
use crate::schema::{EntityId, RecordKey};

/// How many records of a group at most speak for it.
const SPEAKERS: usize = 16;

/// Of how many links at most it is asked what would part without them.
const MOST_BRIDGES: usize = 256;

/// How an entity came together, what holds it, and what is next to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntityExplanation {
    /// The answer, in plain words.
    pub sentence: String,
    /// The entity.
    pub entity_id: EntityId,
    /// Its records, in the order of their keys.
    pub records: Vec<RecordKey>,
    /// The links that joined it, in the order in which they did; one fewer than the records.
    pub steps: Vec<Step>,
    /// The link that matters most: what hangs together by it hangs by the least evidence. `None` for
    /// an entity of one record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<Bridge>,
    /// The entity that it was nearest to be joined with; `None` where it was never tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<Neighbour>,
}

/// One link that joined two groups of records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The link.
    #[serde(flatten)]
    pub link: ResolvedLink,
    /// How many records the groups had that it joined: that of the left record, and the other.
    pub sizes: (usize, usize),
    /// What all pairs between the two groups say; `None` where the plan compares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
}

/// What the pairs of records between two groups say together.
///
/// As groups were weighed: a pair that lacks values is charged for no more of the prior than it
/// could have made up for, see [`group_weight`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Contrast {
    /// How many pairs there are.
    pub pairs: u64,
    /// At how many of them was looked, evenly spread; the rest count like these.
    pub looked_at: u64,
    /// What they say in sum, in bits.
    pub sum: Weight,
    /// How many of those looked at speak against.
    pub against: u64,
}

/// The link without which an entity would most easily come apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bridge {
    /// The link. To part the entity here, say that its two records cannot be linked.
    #[serde(flatten)]
    pub link: ResolvedLink,
    /// The records on the side of its left record, and those on the other.
    pub sides: (Vec<RecordKey>, Vec<RecordKey>),
    /// What all pairs between the sides say; `None` where the plan compares nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
}

/// An entity that one was tried to be joined with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Neighbour {
    /// The other entity.
    pub entity_id: EntityId,
    /// How many records it has.
    pub records: usize,
    /// The link that was refused. To join the two, say that its records must be linked.
    pub refusal: RefusedLink,
}

impl Resolution {
    /// How an entity came together: the steps in their order, the link that holds it, and the other
    /// entity that it is nearest to.
    ///
    /// # Errors
    /// [`Error::UnknownEntity`] where there is none of that id, and [`Error::Cancelled`].
    pub fn how(&self, entity_id: &str, run: &Run) -> Result<EntityExplanation> {
        self.how_many(&[self.entity(entity_id)?], run).map(|mut all| all.remove(0))
    }

    /// The entity with that id.
    ///
    /// # Errors
    /// [`Error::UnknownEntity`] where there is none.
    pub fn entity(&self, entity_id: &str) -> Result<u32> {
        let mut entities = 0..self.len() as u32;
        entities
            .find(|entity| self.entity_id(*entity).as_str() == entity_id)
            .ok_or_else(|| Error::UnknownEntity { entity_id: entity_id.to_owned() })
    }

    /// [`how`](Self::how) of several entities, by number.
    pub(crate) fn how_many(&self, entities: &[u32], run: &Run) -> Result<Vec<EntityExplanation>> {
        // One look at all refusals for all of them.
        let mut refused: BTreeMap<u32, Vec<usize>> =
            entities.iter().map(|entity| (*entity, Vec::new())).collect();
        for (number, (one, two)) in self.refused_entities().enumerate() {
            for entity in [one, two] {
                if one != two
                    && let Some(numbers) = refused.get_mut(&entity)
                {
                    numbers.push(number);
                }
            }
        }
        let links = self.links_of(entities);
        let explain = |(entity, links): (&u32, Vec<ResolvedLink>)| {
            run.check()?;
            self.explain_entity(*entity, links, &refused[entity], run)
        };
        entities.iter().zip(links).map(explain).collect()
    }

    fn explain_entity(
        &self,
        entity: u32,
        links: Vec<ResolvedLink>,
        refused: &[usize],
        run: &Run,
    ) -> Result<EntityExplanation> {
        let rows = self.rows(entity);
        let records: Vec<RecordKey> = rows.iter().map(|r| self.table().key(*r as usize)).collect();
        let rows = rows.iter().map(|row| *row as usize);
        let scene = Scene::of_rows(self.model(), self.table(), rows, run)?;
        let view = scene.view(run)?;
        let place = |key: &RecordKey| records.binary_search(key).unwrap_or_default();
        let ends: Vec<(usize, usize)> =
            links.iter().map(|link| (place(&link.left), place(&link.right))).collect();
        let bridge = bridge(&links, &ends, &records, &view);
        let steps = steps(links, &ends, records.len(), &view);
        let mut explained = EntityExplanation {
            sentence: String::new(),
            entity_id: self.entity_id(entity),
            neighbour: self.neighbour(entity, refused),
            records,
            steps,
            bridge,
        };
        explained.sentence = sentence::entity(&explained);
        Ok(explained)
    }

    /// Of the refusals of an entity, the one that was nearest to none: what evidence outweighed by
    /// the fewest bits, else the strongest link that a guard refused.
    fn neighbour(&self, entity: u32, refused: &[usize]) -> Option<Neighbour> {
        let order = |refusal: &RefusedLink| match refusal.reason {
            RefusalReason::Outweighed { sum } => (true, sum),
            _ => (false, refusal.link.match_weight.unwrap_or_default()),
        };
        let refusals = refused.iter().map(|number| self.refusal(*number));
        let nearest =
            refusals.reduce(|best, next| if order(&next) > order(&best) { next } else { best })?;
        let entity_of = |key| self.table().row(key).map(|row| self.entities()[row]);
        let ends = [entity_of(&nearest.link.left)?, entity_of(&nearest.link.right)?];
        let other = ends.into_iter().find(|other| *other != entity)?;
        Some(Neighbour {
            entity_id: self.entity_id(other),
            records: self.rows(other).len(),
            refusal: nearest,
        })
    }
}

/// Each link with the groups that it joined.
fn steps(
    links: Vec<ResolvedLink>,
    ends: &[(usize, usize)],
    records: usize,
    view: &View<'_>,
) -> Vec<Step> {
    // By record, its group; by group, its records.
    let mut group_of: Vec<usize> = (0..records).collect();
    let mut groups: Vec<Vec<usize>> = (0..records).map(|record| vec![record]).collect();
    let mut steps = Vec::with_capacity(links.len());
    for (link, (left, right)) in links.into_iter().zip(ends) {
        let (one, two) = (group_of[*left], group_of[*right]);
        if one == two {
            continue;
        }
        steps.push(Step {
            link,
            sizes: (groups[one].len(), groups[two].len()),
            contrast: view.contrast(&groups[one], &groups[two]),
        });
        let (kept, gone) =
            if groups[one].len() < groups[two].len() { (two, one) } else { (one, two) };
        let moved = std::mem::take(&mut groups[gone]);
        moved.iter().for_each(|record| group_of[*record] = kept);
        groups[kept].extend(moved);
    }
    steps
}

/// The link between the two sides that hang together by the least evidence. Links that a rule or a
/// person made hold the better; of several alike, the first.
fn bridge(
    links: &[ResolvedLink],
    ends: &[(usize, usize)],
    records: &[RecordKey],
    view: &View<'_>,
) -> Option<Bridge> {
    let mut order: Vec<usize> = (0..links.len()).collect();
    order.sort_by_key(|number| {
        let weight = links[*number].match_weight;
        (weight.is_none(), weight.unwrap_or_default())
    });
    order.truncate(MOST_BRIDGES);
    let neighbours = {
        let mut neighbours: Vec<Vec<(usize, usize)>> = vec![Vec::new(); records.len()];
        for (number, (left, right)) in ends.iter().enumerate() {
            neighbours[*left].push((number, *right));
            neighbours[*right].push((number, *left));
        }
        neighbours
    };
    let mut best: Option<(bool, Weight, Bridge)> = None;
    for number in order {
        let (left, _) = ends[number];
        let mut on_left = vec![false; records.len()];
        let mut next = vec![left];
        on_left[left] = true;
        while let Some(record) = next.pop() {
            for (by, other) in &neighbours[record] {
                if *by != number && !on_left[*other] {
                    on_left[*other] = true;
                    next.push(*other);
                }
            }
        }
        let (one, two): (Vec<usize>, Vec<usize>) =
            (0..records.len()).partition(|record| on_left[*record]);
        let contrast = view.contrast(&one, &two);
        let firm = links[number].match_weight.is_none();
        let sum = contrast.map_or(Weight::ZERO, |contrast| contrast.sum);
        if best.as_ref().is_none_or(|(least_firm, least, _)| (firm, sum) < (*least_firm, *least)) {
            let keys = |side: &[usize]| side.iter().map(|r| records[*r].clone()).collect();
            let sides = (keys(&one), keys(&two));
            best = Some((firm, sum, Bridge { link: links[number].clone(), sides, contrast }));
        }
    }
    best.map(|(.., bridge)| bridge)
}

impl View<'_> {
    /// What the pairs between two groups of rows say, as clustering weighs them.
    pub(crate) fn contrast(&self, one: &[usize], two: &[usize]) -> Option<Contrast> {
        let scorer = self.scorer.as_ref()?;
        let (one_few, two_few) = (spread(one), spread(two));
        let mut contrast = Contrast {
            pairs: (one.len() * two.len()) as u64,
            looked_at: 0,
            sum: Weight::ZERO,
            against: 0,
        };
        for left in &one_few {
            for right in &two_few {
                contrast.looked_at += 1;
                let (left, right) = (*left.min(right), *left.max(right));
                if !self.scope.contains(left, right) {
                    continue;
                }
                let (weight, expected) = scorer.weight_and_expected(left, right);
                let [weight, prior, expected] = [weight, scorer.prior(), expected]
                    .map(|weight| Weight::from_bits(weight.bits()));
                let says = group_weight(weight, prior, expected);
                contrast.against += u64::from(says < Weight::ZERO);
                contrast.sum += says;
            }
        }
        if contrast.looked_at < contrast.pairs {
            let factor = contrast.pairs as f64 / contrast.looked_at as f64;
            contrast.sum = Weight::from_bits(contrast.sum.bits() * factor);
        }
        Some(contrast)
    }
}

/// All of some rows, or as many as speak for them, evenly spread.
fn spread(rows: &[usize]) -> Vec<usize> {
    let count = rows.len().min(SPEAKERS);
    (0..count).map(|number| rows[number * rows.len() / count]).collect()
}
