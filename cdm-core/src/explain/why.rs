use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::pair::{PairExplanation, StoppedKey};
use super::scene::Scene;
use super::sentence;
use crate::cancel::Run;
use crate::cluster::Weight;
use crate::error::{Error, Result};
use crate::plan::{Decisions, LinkType};
use crate::resolve::{RefusalReason, RefusedLink, Resolution, ResolvedLink};
use crate::rule::Decision;
use crate::schema::{EntityId, RecordKey};

/// Why two records are one customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Why {
    /// The answer, in plain words.
    pub sentence: String,
    /// Whether they are in one entity.
    pub together: bool,
    /// The entities of the two.
    pub entities: (EntityId, EntityId),
    /// What a person decided of these two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<HandDecision>,
    /// The links that lead from the one to the other; empty where they are apart.
    pub path: Vec<ResolvedLink>,
    /// What is said of the two alone.
    #[serde(flatten)]
    pub pair: PairExplanation,
}

/// Why two records are not one customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhyNot {
    /// The answer, in plain words.
    pub sentence: String,
    /// What kept them apart first; `None` where they are together.
    pub cause: Option<Obstacle>,
    /// All that stands between them, in the order in which it is asked; `cause` is the first.
    pub obstacles: Vec<Obstacle>,
    /// Whether they are in one entity.
    pub together: bool,
    /// The entities of the two.
    pub entities: (EntityId, EntityId),
    /// What a person decided of these two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<HandDecision>,
    /// Every link between their two entities that was refused, with the reason.
    pub refusals: Vec<RefusedLink>,
    /// What is said of the two alone.
    #[serde(flatten)]
    pub pair: PairExplanation,
}

/// What a person decided of two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandDecision {
    /// They are one customer.
    MustLink,
    /// They are two.
    CannotLink,
}

/// What keeps two records apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// The plan lets no two records of these sources be one customer.
    OutOfScope {
        /// Where both are of one source that has each customer once, that source; `None` where the
        /// plan links across sources only.
        source: Option<String>,
    },
    /// A person said that they are two customers.
    CannotLink,
    /// A rule says `never` of them.
    NeverRule {
        /// The rule's name.
        rule: String,
    },
    /// No match rule holds for them, and the plan compares nothing.
    NoRuleHolds,
    /// All keys by which they could find each other are shared by too many records.
    OnlyStoppedKeys {
        /// The keys.
        keys: Vec<StoppedKey>,
    },
    /// They share no key of any rule that finds pairs.
    NotACandidate,
    /// They were compared, and the evidence does not suffice.
    BelowTheCut {
        /// What they weigh, in bits.
        match_weight: Weight,
        /// How many bits it would have to be more than.
        cut: Weight,
    },
    /// A link between their entities was refused.
    Refused {
        /// The link that was refused: this pair's own, or the first of those between their
        /// entities.
        refusal: Box<RefusedLink>,
    },
}

impl Resolution {
    /// Why two records are one customer: what is said for and against it, and the links that lead
    /// from one to the other. Answers for records that are apart as well.
    ///
    /// # Errors
    /// [`Error::UnknownRecord`] where the table has no such record,
    /// [`Error::DuplicateRecord`] where the two are one, and [`Error::Cancelled`].
    pub fn why(&self, left: &RecordKey, right: &RecordKey, run: &Run) -> Result<Why> {
        let found = self.found(left, right, run)?;
        let (one, two) = found.entities;
        let together = one == two;
        let path = match together {
            true => path(self.links_of(&[one]).concat(), &found.pair.left, &found.pair.right),
            false => Vec::new(),
        };
        let mut why = Why {
            sentence: String::new(),
            together,
            entities: (self.entity_id(one), self.entity_id(two)),
            decision: decision(self.decisions(), &found.pair),
            path,
            pair: found.pair,
        };
        why.sentence = sentence::why(&why);
        Ok(why)
    }

    /// Why two records are not one customer: the first thing that kept them apart, and all others.
    ///
    /// # Errors
    /// As [`why`](Self::why).
    pub fn why_not(&self, left: &RecordKey, right: &RecordKey, run: &Run) -> Result<WhyNot> {
        let Found { pair, entities: (one, two) } = self.found(left, right, run)?;
        let together = one == two;
        let between = |(_, of): &(usize, (u32, u32))| *of == (one, two) || *of == (two, one);
        let refusals: Vec<RefusedLink> = match together {
            true => Vec::new(),
            false => {
                let refused = self.refused_entities().enumerate().filter(between);
                refused.map(|(number, _)| self.refusal(number)).collect()
            }
        };
        let decision = decision(self.decisions(), &pair);
        let obstacles = match together {
            true => Vec::new(),
            false => self.obstacles(&pair, decision, &refusals),
        };
        let mut why_not = WhyNot {
            sentence: String::new(),
            cause: obstacles.first().cloned(),
            obstacles,
            together,
            entities: (self.entity_id(one), self.entity_id(two)),
            decision,
            refusals,
            pair,
        };
        why_not.sentence = sentence::why_not(&why_not);
        Ok(why_not)
    }

    fn found(&self, left: &RecordKey, right: &RecordKey, run: &Run) -> Result<Found> {
        let row = |key: &RecordKey| {
            let unknown = || Error::UnknownRecord { key: key.to_string() };
            self.table().row(key).ok_or_else(unknown)
        };
        let (left, right) = if left <= right { (left, right) } else { (right, left) };
        let rows = [row(left)?, row(right)?];
        let scene = Scene::of_rows(self.model(), self.table(), rows, run)?;
        let pair = scene.view(run)?.pair(0, 1, run)?;
        let entity = |row: usize| self.entities()[row];
        Ok(Found { pair, entities: (entity(rows[0]), entity(rows[1])) })
    }

    /// All that stands between two records of two entities, in the order in which it is asked.
    fn obstacles(
        &self,
        pair: &PairExplanation,
        decision: Option<HandDecision>,
        refusals: &[RefusedLink],
    ) -> Vec<Obstacle> {
        let plan = self.model().plan();
        let mut obstacles = Vec::new();
        if decision == Some(HandDecision::CannotLink) {
            obstacles.push(Obstacle::CannotLink);
        }
        let (candidate, wanted_by_hand) =
            (&pair.candidate, decision == Some(HandDecision::MustLink));
        if !candidate.in_scope && !wanted_by_hand {
            let across = plan.link_type() == LinkType::Link;
            let source = (!across).then(|| pair.left.source.clone());
            obstacles.push(Obstacle::OutOfScope { source });
        }
        if let Some(rule) = pair.rule.as_ref().filter(|rule| rule.decision == Decision::Never) {
            obstacles.push(Obstacle::NeverRule { rule: rule.name.clone() });
        }
        let by_rule = candidate.linking_rule.is_some() && candidate.in_scope;
        if !by_rule && !wanted_by_hand {
            match &pair.weight {
                // Out of scope, it does not matter what would have been found.
                _ if !candidate.in_scope => {}
                _ if candidate.blocking_rule.is_none() => {
                    let keys = candidate.stopped_keys.clone();
                    obstacles.push(match keys.is_empty() {
                        false => Obstacle::OnlyStoppedKeys { keys },
                        true if plan.comparisons().is_empty() => Obstacle::NoRuleHolds,
                        true => Obstacle::NotACandidate,
                    });
                }
                Some(weight) if weight.match_weight <= Weight::ZERO => {
                    let match_weight = weight.match_weight;
                    obstacles.push(Obstacle::BelowTheCut { match_weight, cut: Weight::ZERO });
                }
                Some(_) => {}
                None => obstacles.push(Obstacle::NoRuleHolds),
            }
        }
        // This pair's own refusal where there is one, else the first that a guard made: what the
        // evidence refused may be asked again as groups grow, what a guard refused never.
        let own = |refusal: &&RefusedLink| {
            refusal.link.left == pair.left && refusal.link.right == pair.right
        };
        let guarded =
            |refusal: &&RefusedLink| !matches!(refusal.reason, RefusalReason::Outweighed { .. });
        let refusal = refusals.iter().find(own);
        let refusal = refusal.or_else(|| refusals.iter().find(guarded)).or(refusals.first());
        // Already said: this very pair is what the guard refused for.
        let told = |refusal: &RefusedLink| match &refusal.reason {
            RefusalReason::CannotLink { between } => {
                is_of(pair, between) && obstacles.contains(&Obstacle::CannotLink)
            }
            RefusalReason::NeverRule { never, between } => {
                is_of(pair, between)
                    && obstacles.contains(&Obstacle::NeverRule { rule: never.clone() })
            }
            _ => false,
        };
        if let Some(refusal) = refusal.filter(|refusal| !told(refusal)) {
            obstacles.push(Obstacle::Refused { refusal: Box::new(refusal.clone()) });
        }
        obstacles
    }
}

struct Found {
    pair: PairExplanation,
    /// Of the left and the right record.
    entities: (u32, u32),
}

fn is_of(pair: &PairExplanation, between: &(RecordKey, RecordKey)) -> bool {
    (&between.0, &between.1) == (&pair.left, &pair.right)
        || (&between.1, &between.0) == (&pair.left, &pair.right)
}

/// What people decided of two records; of two decisions that contradict each other, cannot-link.
fn decision(decisions: &Decisions, pair: &PairExplanation) -> Option<HandDecision> {
    if decisions.cannot_link.iter().any(|between| is_of(pair, between)) {
        return Some(HandDecision::CannotLink);
    }
    let must = decisions.must_link.iter().any(|between| is_of(pair, between));
    must.then_some(HandDecision::MustLink)
}

/// The links that lead from one record to another, in order; they make a tree.
fn path(links: Vec<ResolvedLink>, from: &RecordKey, to: &RecordKey) -> Vec<ResolvedLink> {
    let mut ends: BTreeMap<&RecordKey, Vec<usize>> = BTreeMap::new();
    for (number, link) in links.iter().enumerate() {
        ends.entry(&link.left).or_default().push(number);
        ends.entry(&link.right).or_default().push(number);
    }
    let mut reached: BTreeMap<&RecordKey, usize> = BTreeMap::new();
    let (mut seen, mut next) = (BTreeSet::from([from]), VecDeque::from([from]));
    while let Some(record) = next.pop_front() {
        for number in ends.get(record).into_iter().flatten() {
            let other = other_end(&links[*number], record);
            if seen.insert(other) {
                reached.insert(other, *number);
                next.push_back(other);
            }
        }
    }
    let (mut path, mut at) = (Vec::new(), to);
    while let Some(number) = reached.get(at) {
        path.push(links[*number].clone());
        at = other_end(&links[*number], at);
    }
    path.reverse();
    path
}

fn other_end<'l>(link: &'l ResolvedLink, record: &RecordKey) -> &'l RecordKey {
    if link.left == *record { &link.right } else { &link.left }
}
