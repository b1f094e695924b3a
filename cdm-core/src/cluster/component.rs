//! One component of records, contracted: the two groups that agree best are joined, again and again.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;

use super::clusterer::{Guarded, find};
use super::contraction::{Clustering, Contraction, Score, ScoredLink};
use super::guards::{Group, Reason};
use super::{Cause, Link, Refusal, Weight};
use crate::cancel::Run;
use crate::error::Result;

/// How many records at most speak for a group.
const SPEAKERS: usize = 16;

/// With more neighbours than this, a group is compared with them anew only when their turn comes.
const NEIGHBOURS: usize = 64;

/// How often at most the links of such groups are gone through again once nothing is left to join.
const SWEEPS: usize = 8;

/// Steps between two looks at whether to stop.
const STEPS: usize = 256;

/// Records that links lead between, and what is to be known of them.
pub(super) struct Component<'c> {
    /// Sorted.
    pub(super) records: &'c [u32],
    /// By their records, each two once, and none within a group.
    pub(super) links: &'c [ScoredLink],
    /// By record, its position among those of its component.
    pub(super) place: &'c [u32],
    /// By record, the root of the group that it is in so far.
    pub(super) roots: &'c [u32],
    pub(super) guarded: Option<Guarded<'c>>,
    pub(super) options: &'c Contraction,
    pub(super) score: &'c Score<'c>,
}

/// What became of a component.
#[derive(Default)]
pub(super) struct Contracted {
    /// In the order in which they joined groups.
    pub(super) links: Vec<Link>,
    pub(super) refusals: Vec<Refusal>,
    /// What guards must know of each group that came out, by one of its records.
    pub(super) groups: Vec<(u32, Group)>,
}

/// What pairs of records say.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    /// In steps, of at most `SPEAKERS`² pairs.
    sum: i64,
    /// Pairs that say anything.
    pairs: u32,
}

/// The records that speak for a group: all of them, or those that come first in an order that goes
/// evenly to and fro over the component.
#[derive(Clone, Copy, Default)]
struct Speakers {
    /// By `turn`.
    places: [u32; SPEAKERS],
    count: usize,
}

#[derive(Default)]
struct Node {
    /// The place of its lowest record.
    lowest: u32,
    size: usize,
    speakers: Speakers,
    /// How often its speakers have changed.
    version: u32,
    /// By other node, the edge.
    neighbours: BTreeMap<u32, u32>,
    group: Option<Group>,
}

/// Two groups with a link between them.
struct Edge {
    ends: (u32, u32),
    /// The strongest link between the two, by number.
    strongest: u32,
    evidence: Evidence,
    /// The versions of its ends when the evidence was gathered; `None` where that is out of date.
    seen: Option<(u32, u32)>,
    /// A guard refused.
    refused: bool,
    /// Goes up with every turn, so that older turns lapse.
    turn: u32,
}

/// The place of an edge in the queue.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    agreement: i64,
    /// The lowest records of the two groups.
    lowest: Reverse<(u32, u32)>,
    edge: Reverse<u32>,
    number: u32,
}

struct Work<'c> {
    component: &'c Component<'c>,
    /// By place, the node that took it in; a node has the place of one of its records.
    parent: Vec<u32>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    queue: BinaryHeap<Turn>,
    outcome: Contracted,
}

impl Component<'_> {
    /// Join groups until none agree any more.
    pub(super) fn contract(&self, run: &Run) -> Result<Contracted> {
        let mut work = Work::new(self);
        let mut steps = 0;
        for sweep in 0..=SWEEPS {
            while let Some(turn) = work.queue.pop() {
                if steps % STEPS == 0 {
                    run.check()?;
                }
                steps += 1;
                work.take(turn);
            }
            if sweep < SWEEPS {
                work.sweep();
            }
            if work.queue.is_empty() {
                break;
            }
        }
        Ok(work.finish())
    }

    fn weight(&self, one: u32, two: u32) -> Weight {
        let left = self.records[one.min(two) as usize];
        let right = self.records[one.max(two) as usize];
        match self.links.binary_search_by_key(&(left, right), |link| (link.left, link.right)) {
            Ok(number) => self.links[number].weight,
            Err(_) => (self.score)(left, right),
        }
    }

    fn between(&self, one: &Speakers, two: &Speakers) -> Evidence {
        let mut evidence = Evidence::default();
        for left in one.iter() {
            for right in two.iter() {
                evidence = evidence.and(Evidence::of(self.weight(left, right)));
            }
        }
        evidence
    }

    /// The place of `record`, where it is in this component.
    fn place_of(&self, record: u32) -> Option<u32> {
        let place = self.place[record as usize];
        (self.records.get(place as usize) == Some(&record)).then_some(place)
    }
}

impl Evidence {
    fn of(weight: Weight) -> Self {
        // One weight is within ±1000 bits unless it is itself a sum; many of those could overflow.
        let limit = Weight::from_bits(Weight::LIMIT_BITS).steps();
        let sum = weight.steps().clamp(-limit, limit);
        Self { sum, pairs: u32::from(sum != 0) }
    }

    fn and(self, other: Self) -> Self {
        Self { sum: self.sum + other.sum, pairs: self.pairs + other.pairs }
    }

    /// How well two groups agree, in steps: the mean, above 0 where it is above `cut`.
    fn agreement(self, cut: Weight) -> i64 {
        let pairs = i64::from(self.pairs.max(1));
        let over = i128::from(self.sum) - i128::from(cut.steps()) * i128::from(self.pairs);
        // Rounded up, so that what is above the cut by a little stays so.
        let mean = over.div_euclid(pairs.into()) + i128::from(over.rem_euclid(pairs.into()) > 0);
        Weight::from_steps(mean).steps()
    }
}

impl Speakers {
    fn new(places: &mut Vec<u32>) -> Self {
        if places.len() > SPEAKERS {
            places.select_nth_unstable_by_key(SPEAKERS, |place| turn(*place));
            places.truncate(SPEAKERS);
        }
        places.sort_unstable_by_key(|place| turn(*place));
        let mut speakers = Self { count: places.len(), ..Self::default() };
        speakers.places[..places.len()].copy_from_slice(places);
        speakers
    }

    fn iter(&self) -> impl Iterator<Item = u32> {
        self.places[..self.count].iter().copied()
    }

    /// Those of two groups together, which depend on what records are in them alone.
    fn join(&self, other: &Self) -> Self {
        let mut joined = Self::default();
        let (mut one, mut two) = (self.iter().peekable(), other.iter().peekable());
        while joined.count < SPEAKERS {
            let next = match (one.peek(), two.peek()) {
                (Some(left), Some(right)) if turn(*left) > turn(*right) => two.next(),
                (Some(_), _) => one.next(),
                (None, _) => two.next(),
            };
            let Some(place) = next else { break };
            joined.places[joined.count] = place;
            joined.count += 1;
        }
        joined
    }
}

/// An order of places in which any first few are spread evenly over all of them: by their multiples
/// of the golden ratio.
///
/// It depends on nothing but the place, so that the first few of two groups together are among the
/// first few of each.
fn turn(place: u32) -> u32 {
    place.wrapping_mul(0x9E37_79B1)
}

impl<'c> Work<'c> {
    fn new(component: &'c Component<'c>) -> Self {
        let count = component.records.len();
        // The root of a group is one of its records, and so has a place here.
        let node_of = |record: u32| component.place[component.roots[record as usize] as usize];
        let parent: Vec<u32> = component.records.iter().map(|record| node_of(*record)).collect();
        let mut nodes: Vec<Node> = Vec::with_capacity(count);
        nodes.resize_with(count, Node::default);
        let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (place, node) in (0..).zip(&parent) {
            if nodes[*node as usize].size == 0 {
                nodes[*node as usize].lowest = place;
                nodes[*node as usize].speakers = Speakers::new(&mut vec![place]);
            } else {
                let lowest = nodes[*node as usize].lowest;
                members.entry(*node).or_insert_with(|| vec![lowest]).push(place);
            }
            nodes[*node as usize].size += 1;
        }
        for (node, mut places) in members {
            nodes[node as usize].speakers = Speakers::new(&mut places);
        }
        if let Some(guarded) = &component.guarded {
            for (place, node) in nodes.iter_mut().enumerate().filter(|(_, node)| node.size > 0) {
                node.group = Some(guarded.group(component.records[place]));
            }
        }
        let mut work = Self {
            component,
            parent,
            nodes,
            edges: Vec::new(),
            queue: BinaryHeap::new(),
            outcome: Contracted::default(),
        };
        for number in 0..component.links.len() as u32 {
            work.add(number);
        }
        for edge in 0..work.edges.len() as u32 {
            work.gather(edge);
            work.enqueue(edge);
        }
        work
    }

    /// An edge for a link, or the link for the edge that there is.
    fn add(&mut self, number: u32) {
        let link = &self.component.links[number as usize];
        let node_of = |record: u32| self.parent[self.component.place[record as usize] as usize];
        let ends = (node_of(link.left), node_of(link.right));
        match self.nodes[ends.0 as usize].neighbours.get(&ends.1) {
            Some(&edge) => {
                let strongest = self.edges[edge as usize].strongest;
                self.edges[edge as usize].strongest = self.stronger(strongest, number);
            }
            None => {
                let edge = self.edges.len() as u32;
                self.nodes[ends.0 as usize].neighbours.insert(ends.1, edge);
                self.nodes[ends.1 as usize].neighbours.insert(ends.0, edge);
                self.edges.push(Edge {
                    ends,
                    strongest: number,
                    evidence: Evidence::default(),
                    seen: None,
                    refused: false,
                    turn: 0,
                });
            }
        }
    }

    /// Links are numbered by their records, so that of equals the lower number is meant.
    fn stronger(&self, one: u32, two: u32) -> u32 {
        let weight = |number: u32| self.component.links[number as usize].weight;
        match weight(one).cmp(&weight(two)) {
            Ordering::Less => two,
            Ordering::Greater => one,
            Ordering::Equal => one.min(two),
        }
    }

    fn versions(&self, (one, two): (u32, u32)) -> (u32, u32) {
        (self.nodes[one as usize].version, self.nodes[two as usize].version)
    }

    fn is_fresh(&self, edge: u32) -> bool {
        let edge = &self.edges[edge as usize];
        edge.seen == Some(self.versions(edge.ends))
    }

    /// Weigh what lies between the ends of an edge.
    fn gather(&mut self, edge: u32) {
        let Edge { ends: (one, two), strongest, .. } = self.edges[edge as usize];
        let evidence = match self.component.options.clustering {
            Clustering::ConnectedComponents => {
                let weight = self.component.links[strongest as usize].weight;
                Evidence { pairs: 1, ..Evidence::of(weight) }
            }
            Clustering::Correlation => {
                let speakers = |node: u32| &self.nodes[node as usize].speakers;
                self.component.between(speakers(one), speakers(two))
            }
        };
        self.set(edge, evidence);
    }

    fn set(&mut self, edge: u32, evidence: Evidence) {
        let seen = self.versions(self.edges[edge as usize].ends);
        self.edges[edge as usize].evidence = evidence;
        self.edges[edge as usize].seen = Some(seen);
    }

    fn agreement(&self, edge: u32) -> i64 {
        self.edges[edge as usize].evidence.agreement(self.component.options.cut)
    }

    /// Give an edge its turn, in place of the one it may have had.
    fn enqueue(&mut self, edge: u32) {
        let agreement = self.agreement(edge);
        let Edge { ends: (one, two), refused, ref mut turn, .. } = self.edges[edge as usize];
        *turn += 1;
        if agreement > 0 && !refused {
            let (one, two) = (self.nodes[one as usize].lowest, self.nodes[two as usize].lowest);
            self.queue.push(Turn {
                agreement,
                lowest: Reverse((one.min(two), one.max(two))),
                edge: Reverse(edge),
                number: *turn,
            });
        }
    }

    fn take(&mut self, turn: Turn) {
        let Reverse(edge) = turn.edge;
        if self.edges[edge as usize].turn != turn.number {
            return;
        }
        if !self.is_fresh(edge) {
            self.gather(edge);
            self.enqueue(edge);
            return;
        }
        let (one, two) = self.edges[edge as usize].ends;
        let link = self.link(edge);
        if let Some(reason) = self.refuse((one, two), link.cause) {
            self.edges[edge as usize].refused = true;
            self.outcome.refusals.push(Refusal { link, reason });
            return;
        }
        self.outcome.links.push(link);
        self.join(one, two);
    }

    /// The strongest link between the ends of an edge.
    fn link(&self, edge: u32) -> Link {
        let number = self.edges[edge as usize].strongest;
        let ScoredLink { left, right, weight } = self.component.links[number as usize];
        Link { left, right, cause: Cause::Score(weight) }
    }

    fn refuse(&mut self, ends: (u32, u32), cause: Cause) -> Option<Reason> {
        let guarded = self.component.guarded.as_ref()?;
        let groups = (
            self.nodes[ends.0 as usize].group.as_ref()?,
            self.nodes[ends.1 as usize].group.as_ref()?,
        );
        let (component, parent) = (self.component, &mut self.parent);
        let find =
            |record| component.place_of(record).map_or(u32::MAX, |place| find(parent, place));
        guarded.guards.refuse(ends, groups, cause, find)
    }

    /// Make one node of two, whose groups and guards are one already.
    fn join(&mut self, one: u32, two: u32) {
        let degree = |node: u32| self.nodes[node as usize].neighbours.len();
        let (kept, gone) = if degree(one) < degree(two) { (two, one) } else { (one, two) };
        let mut gone_node = mem::take(&mut self.nodes[gone as usize]);
        let moved = mem::take(&mut gone_node.neighbours);
        if let Some(edge) = self.nodes[kept as usize].neighbours.remove(&gone) {
            self.lapse(edge);
        }
        let moved: Vec<(u32, u32)> =
            moved.into_iter().filter(|(other, _)| *other != kept).collect();
        let now = self.nodes[kept as usize].neighbours.len() + moved.len() <= NEIGHBOURS;
        let sums = if now { self.sums(kept, &gone_node, &moved) } else { Vec::new() };

        self.parent[gone as usize] = kept;
        let node = &mut self.nodes[kept as usize];
        let groups = node.group.take().zip(gone_node.group.take());
        node.group = groups.map(|(one, two)| one.join(two));
        node.lowest = node.lowest.min(gone_node.lowest);
        node.size += gone_node.size;
        let speakers = node.speakers.join(&gone_node.speakers);
        if speakers.places != node.speakers.places || speakers.count != node.speakers.count {
            node.speakers = speakers;
            node.version += 1;
        }
        for (other, edge) in &moved {
            self.nodes[*other as usize].neighbours.remove(&gone);
            let edge = self.hand_over(kept, *other, *edge);
            if !now {
                self.enqueue(edge);
            }
        }
        for (other, sum) in sums {
            let edge = self.nodes[kept as usize].neighbours[&other];
            match sum {
                Some(sum) => self.set(edge, sum),
                None if self.is_fresh(edge) || self.edges[edge as usize].refused => {}
                None => self.gather(edge),
            }
            self.enqueue(edge);
        }
    }

    /// What lies between the neighbours of two nodes, both of them together, and each neighbour:
    /// where all records speak for themselves, so that what is known of the two adds up.
    fn sums(&self, kept: u32, gone: &Node, moved: &[(u32, u32)]) -> Vec<(u32, Option<Evidence>)> {
        let node = &self.nodes[kept as usize];
        let whole = node.size + gone.size <= SPEAKERS
            && self.component.options.clustering == Clustering::Correlation;
        let mut sums: Vec<(u32, Option<u32>, Option<u32>)> =
            node.neighbours.iter().map(|(other, edge)| (*other, Some(*edge), None)).collect();
        for (other, edge) in moved {
            match sums.binary_search_by_key(other, |(other, ..)| *other) {
                Ok(place) => sums[place].2 = Some(*edge),
                Err(place) => sums.insert(place, (*other, None, Some(*edge))),
            }
        }
        let sum = |(other, of_kept, of_gone): (u32, Option<u32>, Option<u32>)| {
            let others = &self.nodes[other as usize];
            let refused = [of_kept, of_gone].into_iter().flatten();
            let refused = refused.fold(false, |any, edge| any | self.edges[edge as usize].refused);
            if !whole || refused || others.size > SPEAKERS {
                return (other, None);
            }
            let known = |edge: Option<u32>, speakers: &Speakers, version: u32| {
                let edge = edge.map(|edge| &self.edges[edge as usize]);
                let (at_other, at_this) = (others.version, version);
                let fresh = edge.filter(|edge| {
                    let versions = if edge.ends.0 == other {
                        (at_other, at_this)
                    } else {
                        (at_this, at_other)
                    };
                    edge.seen == Some(versions)
                });
                let evidence = fresh.map(|edge| edge.evidence);
                evidence.unwrap_or_else(|| self.component.between(speakers, &others.speakers))
            };
            let of_kept = known(of_kept, &node.speakers, node.version);
            (other, Some(of_kept.and(known(of_gone, &gone.speakers, gone.version))))
        };
        sums.into_iter().map(sum).collect()
    }

    /// Let an edge to `other` end at `kept`, or make one of it and the edge that `kept` has.
    fn hand_over(&mut self, kept: u32, other: u32, edge: u32) -> u32 {
        let Some(&own) = self.nodes[kept as usize].neighbours.get(&other) else {
            self.nodes[kept as usize].neighbours.insert(other, edge);
            self.nodes[other as usize].neighbours.insert(kept, edge);
            self.edges[edge as usize].ends = (kept, other);
            self.edges[edge as usize].seen = None;
            return edge;
        };
        let (one, two) = (&self.edges[own as usize], &self.edges[edge as usize]);
        let strongest = self.stronger(one.strongest, two.strongest);
        let refused = one.refused | two.refused;
        // The mean of the two is no more than the better one, which stands until it is looked at.
        let evidence = if self.agreement(edge) > self.agreement(own) { two } else { one }.evidence;
        let own_edge = &mut self.edges[own as usize];
        *own_edge = Edge { strongest, evidence, seen: None, refused, ..*own_edge };
        self.lapse(edge);
        own
    }

    /// Let an edge be no more: its ends have become one, or it is part of another edge.
    fn lapse(&mut self, edge: u32) {
        let edge = &mut self.edges[edge as usize];
        edge.ends.1 = edge.ends.0;
        edge.turn += 1;
    }

    /// Look again at edges that were put off until a turn that never came.
    fn sweep(&mut self) {
        for edge in 0..self.edges.len() as u32 {
            let Edge { ends, refused, .. } = self.edges[edge as usize];
            if ends.0 != ends.1 && !refused && !self.is_fresh(edge) {
                self.gather(edge);
                self.enqueue(edge);
            }
        }
    }

    fn finish(mut self) -> Contracted {
        let mut outcome = mem::take(&mut self.outcome);
        for edge in 0..self.edges.len() as u32 {
            let Edge { ends: (one, two), refused, evidence, .. } = self.edges[edge as usize];
            if one == two || refused {
                continue;
            }
            let size = |node: u32| self.nodes[node as usize].size as i128;
            let heard = |node: u32| self.nodes[node as usize].speakers.count as i128;
            let sum = i128::from(evidence.sum) * size(one) * size(two) / (heard(one) * heard(two));
            let reason = Reason::Outweighed { sum: Weight::from_steps(sum) };
            outcome.refusals.push(Refusal { link: self.link(edge), reason });
        }
        for (place, node) in self.nodes.iter_mut().enumerate().filter(|(_, node)| node.size > 1) {
            let record = self.component.records[place];
            outcome.groups.extend(node.group.take().map(|group| (record, group)));
        }
        outcome
    }
}
