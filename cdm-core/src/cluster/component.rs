//! One component of records, contracted: the two groups that agree best are joined, again and again.
//!
//! How well two groups agree is the *mean* weight of the pairs between them. It has the sign of
//! their sum, so that the same groups may be joined, but those of few pairs are not put behind
//! those of many, which the same evidence told over and over would favour. That and the weights of
//! [`group_weight`](super::group_weight) were chosen by simulation: 1,300 to 27,000 records of
//! customers with one to six each, families, twins, gaps, damage and badly damaged records in six
//! mixtures, and pairs of records scored in three ways: knowing of households (calibrated), not
//! knowing (links half to four fifths right), and not knowing with all evidence counted 1.4-fold.
//! Pairwise F1 over the mixtures for 5,400 records (for 8,000 where marked), mean and worst:
//!
//! | how groups agree | calibrated | ignorant | over-confident |
//! | --- | --- | --- | --- |
//! | strongest link (components)* | 0.840, 0.610 | 0.408, 0.084 | 0.222, 0.010 |
//! | sum | 0.926, 0.844 | 0.788, 0.667 | 0.735, 0.621 |
//! | mean | 0.927, 0.845 | 0.795, 0.690 | 0.748, 0.643 |
//! | mean, `group_weight` | 0.932, 0.861 | 0.797, 0.696 | 0.747, 0.642 |
//! | sum, each from -8 to +8* | 0.923, 0.834 | 0.743, 0.612 | 0.693, 0.568 |
//! | mean of each record's best link* | 0.924, 0.842 | 0.694, 0.563 | 0.638, 0.529 |
//! | evidence summed, prior once* | 0.876, 0.721 | 0.590, 0.436 | 0.590, 0.505 |
//!
//! Moving single records between the groups afterwards gained nothing where scores are calibrated
//! (-0.001), and is not done.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;

use super::clusterer::{Guarded, find};
use super::contraction::{Clustering, Contraction, Score, ScoredLink};
use super::evidence::{Evidence, Speakers};
use super::guards::{Group, Reason};
use super::{Cause, Link, Refusal, Weight};
use crate::cancel::Run;
use crate::error::Result;

/// With more neighbours than this, a group is compared with them anew only when their turn comes.
const NEIGHBOURS: usize = 16;

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

#[derive(Default)]
struct Node {
    /// The place of its lowest record.
    lowest: u32,
    size: usize,
    speakers: Speakers,
    /// By other node, the edge.
    neighbours: BTreeMap<u32, u32>,
    /// Where there are guards; apart, as most of the time only the rest is looked at.
    group: Option<Box<Group>>,
}

/// Two groups with a link between them.
struct Edge {
    ends: (u32, u32),
    /// The strongest link between the two, by number.
    strongest: u32,
    evidence: Evidence,
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
    /// By place, where the links begin whose left record has it; and where the last ends.
    first_link: Vec<u32>,
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
        let mut work = Work::new(self, run)?;
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
                work.sweep(run)?;
            }
            if work.queue.is_empty() {
                break;
            }
        }
        Ok(work.finish())
    }

    /// The place of `record`, where it is in this component.
    fn place_of(&self, record: u32) -> Option<u32> {
        let place = self.place[record as usize];
        (self.records.get(place as usize) == Some(&record)).then_some(place)
    }
}

impl Node {
    fn pairs_with(&self, other: &Self) -> u64 {
        self.size as u64 * other.size as u64
    }
}

impl<'c> Work<'c> {
    fn new(component: &'c Component<'c>, run: &Run) -> Result<Self> {
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
                node.group = Some(Box::new(guarded.group(component.records[place])));
            }
        }
        let mut first_link = vec![0; count + 1];
        for link in component.links {
            first_link[component.place[link.left as usize] as usize + 1] += 1;
        }
        (0..count).for_each(|place| first_link[place + 1] += first_link[place]);
        let mut work = Self {
            component,
            first_link,
            parent,
            nodes,
            edges: Vec::new(),
            queue: BinaryHeap::new(),
            outcome: Contracted::default(),
        };
        for number in 0..component.links.len() as u32 {
            work.add(number);
        }
        work.sweep(run)?;
        Ok(work)
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

    fn weight(&self, one: u32, two: u32) -> Weight {
        let Component { records, links, score, .. } = self.component;
        let (lower, right) = (one.min(two) as usize, records[one.max(two) as usize]);
        let (start, end) = (self.first_link[lower], self.first_link[lower + 1]);
        let links = &links[start as usize..end as usize];
        match links.binary_search_by_key(&right, |link| link.right) {
            Ok(number) => links[number].weight,
            Err(_) => score(records[lower], right),
        }
    }

    /// What lies between two groups: looked at pair by pair where there are few.
    fn between(&self, one: &Node, two: &Node) -> Evidence {
        let pairs = one.speakers.pairs_with(&two.speakers);
        let said = pairs.fold(Evidence::default(), |said, (left, right)| {
            said.and(Evidence::of(self.weight(left, right)))
        });
        said.of_all(one.pairs_with(two))
    }

    /// Whether what is known of an edge still says enough of its ends as they have become.
    fn is_fresh(&self, edge: u32) -> bool {
        let Edge { ends: (one, two), evidence, .. } = self.edges[edge as usize];
        let pairs = self.nodes[one as usize].pairs_with(&self.nodes[two as usize]);
        if self.weighs() { evidence.is_enough_for(pairs) } else { evidence.pairs > 0 }
    }

    /// Whether all pairs between groups are weighed up.
    fn weighs(&self) -> bool {
        self.component.options.clustering == Clustering::Correlation
    }

    /// Weigh what lies between the ends of an edge.
    fn gather(&mut self, edge: u32) {
        let Edge { ends: (one, two), strongest, .. } = self.edges[edge as usize];
        self.edges[edge as usize].evidence = if self.weighs() {
            let (one, two) = (&self.nodes[one as usize], &self.nodes[two as usize]);
            self.between(one, two)
        } else {
            let weight = self.component.links[strongest as usize].weight;
            Evidence { telling: 1, ..Evidence::of(weight) }
        };
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
            self.nodes[ends.0 as usize].group.as_deref()?,
            self.nodes[ends.1 as usize].group.as_deref()?,
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
        let degree = self.nodes[kept as usize].neighbours.len() + moved.len();
        let now = self.weighs() && degree <= NEIGHBOURS;
        let sums = if now { self.sums(kept, &gone_node, &moved) } else { Vec::new() };

        self.parent[gone as usize] = kept;
        let node = &mut self.nodes[kept as usize];
        let groups = node.group.take().zip(gone_node.group.take());
        node.group = groups.map(|(one, two)| Box::new(one.join(*two)));
        node.lowest = node.lowest.min(gone_node.lowest);
        node.size += gone_node.size;
        node.speakers = node.speakers.join(&gone_node.speakers);
        for (other, edge) in &moved {
            self.nodes[*other as usize].neighbours.remove(&gone);
            let edge = self.hand_over(kept, *other, *edge);
            if !now {
                self.enqueue(edge);
            }
        }
        for (other, sum) in sums {
            let edge = self.nodes[kept as usize].neighbours[&other];
            self.edges[edge as usize].evidence = sum;
            self.enqueue(edge);
        }
    }

    /// What lies between two nodes, both of them together, and each of their neighbours: what is
    /// known of the one and the other adds up, and what is not known is looked at now.
    fn sums(&self, kept: u32, gone: &Node, moved: &[(u32, u32)]) -> Vec<(u32, Evidence)> {
        let node = &self.nodes[kept as usize];
        let of_gone = |other: u32| {
            let place = moved.binary_search_by_key(&other, |(other, _)| *other).ok()?;
            Some(moved[place].1)
        };
        let mine =
            node.neighbours.iter().map(|(&other, &edge)| (other, Some(edge), of_gone(other)));
        let others = moved.iter().filter(|(other, _)| !node.neighbours.contains_key(other));
        let others = others.map(|(other, edge)| (*other, None, Some(*edge)));
        let refused = |edge: Option<u32>| edge.is_some_and(|e| self.edges[e as usize].refused);
        let edges = mine.chain(others).filter(|(_, one, two)| !refused(*one) && !refused(*two));
        let sum = |(other, of_node, of_gone): (u32, Option<u32>, Option<u32>)| {
            let other_node = &self.nodes[other as usize];
            let pairs = (node.pairs_with(other_node), gone.pairs_with(other_node));
            let known = |edge: Option<u32>, pairs: u64| {
                let evidence = edge.map(|edge| self.edges[edge as usize].evidence);
                evidence.filter(|evidence| evidence.is_enough_for(pairs))
            };
            let known = (known(of_node, pairs.0), known(of_gone, pairs.1));
            let sum = match known {
                (Some(one), None) if one.is_enough_for(pairs.0 + pairs.1) => one,
                (None, Some(two)) if two.is_enough_for(pairs.0 + pairs.1) => two,
                (one, two) => {
                    let one = one.unwrap_or_else(|| self.between(node, other_node));
                    one.and(two.unwrap_or_else(|| self.between(gone, other_node)))
                }
            };
            (other, sum)
        };
        edges.map(sum).collect()
    }

    /// Let an edge to `other` end at `kept`, or make one of it and the edge that `kept` has.
    fn hand_over(&mut self, kept: u32, other: u32, edge: u32) -> u32 {
        let Some(&own) = self.nodes[kept as usize].neighbours.get(&other) else {
            self.nodes[kept as usize].neighbours.insert(other, edge);
            self.nodes[other as usize].neighbours.insert(kept, edge);
            self.edges[edge as usize].ends = (kept, other);
            return edge;
        };
        let (one, two) = (&self.edges[own as usize], &self.edges[edge as usize]);
        let strongest = self.stronger(one.strongest, two.strongest);
        let refused = one.refused | two.refused;
        let evidence = if self.weighs() {
            one.evidence.and(two.evidence)
        } else if self.agreement(edge) > self.agreement(own) {
            two.evidence
        } else {
            one.evidence
        };
        let own_edge = &mut self.edges[own as usize];
        *own_edge = Edge { strongest, evidence, refused, ..*own_edge };
        self.lapse(edge);
        own
    }

    /// Let an edge be no more: its ends have become one, or it is part of another edge.
    fn lapse(&mut self, edge: u32) {
        let edge = &mut self.edges[edge as usize];
        edge.ends.1 = edge.ends.0;
        edge.turn += 1;
    }

    /// Look at edges that were not looked at yet, or put off until a turn that never came.
    fn sweep(&mut self, run: &Run) -> Result<()> {
        for edge in 0..self.edges.len() as u32 {
            if (edge as usize).is_multiple_of(STEPS) {
                run.check()?;
            }
            let Edge { ends, refused, .. } = self.edges[edge as usize];
            if ends.0 != ends.1 && !refused && !self.is_fresh(edge) {
                self.gather(edge);
                self.enqueue(edge);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Contracted {
        let mut outcome = mem::take(&mut self.outcome);
        for edge in 0..self.edges.len() as u32 {
            let Edge { ends: (one, two), refused, evidence, .. } = self.edges[edge as usize];
            if one == two || refused {
                continue;
            }
            let pairs = self.nodes[one as usize].pairs_with(&self.nodes[two as usize]);
            let sum = evidence.of_all(pairs).sum;
            let reason = Reason::Outweighed { sum: Weight::from_steps(sum) };
            outcome.refusals.push(Refusal { link: self.link(edge), reason });
        }
        for (place, node) in self.nodes.iter_mut().enumerate().filter(|(_, node)| node.size > 1) {
            let record = self.component.records[place];
            outcome.groups.extend(node.group.take().map(|group| (record, *group)));
        }
        outcome
    }
}
