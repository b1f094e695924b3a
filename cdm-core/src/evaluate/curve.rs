use std::collections::BTreeMap;

use serde::Serialize;

use super::mixed::counts;
use super::partition::{harmonic, pairs, share};
use super::truth::root;
use crate::cluster::Weight;

/// How many points a curve has at most.
const POINTS: usize = 64;

/// How good the entities would be if links below a weight were left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Links by weight of less are left out; `None` where all of them are, so that rules and people
    /// alone join records.
    pub least_weight: Option<Weight>,
    /// Pairs put together.
    pub found_pairs: u64,
    /// Share of them that is true.
    pub precision: f64,
    /// Share of the true pairs that are put together.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
}

/// The curve over the weights of links, the strictest point first.
///
/// `links` are pairs of rows, with their weight where they were made by it.
pub(super) fn curve(
    truth: &[Option<u32>],
    links: impl IntoIterator<Item = (u32, u32, Option<Weight>)>,
) -> Vec<CurvePoint> {
    let mut links: Vec<(u32, u32, Option<Weight>)> = links.into_iter().collect();
    // Those without a weight first; then the strongest.
    links.sort_by_key(|(left, right, weight)| {
        (weight.is_some(), std::cmp::Reverse(*weight), *left, *right)
    });
    let true_pairs: u64 =
        counts(truth.iter().flatten().copied()).values().map(|size| pairs(*size)).sum();
    let mut groups = Groups::new(truth);
    let distinct = links.chunk_by(|left, right| left.2 == right.2).count();
    let every = distinct.div_ceil(POINTS - 2).max(1);
    let mut points = Vec::new();
    let mut point = |groups: &Groups, least_weight| {
        let precision = share(groups.common, groups.found);
        let recall = share(groups.common, true_pairs);
        let f1 = harmonic(precision, recall);
        let found_pairs = groups.found;
        points.push(CurvePoint { least_weight, found_pairs, precision, recall, f1 });
    };
    let mut by_weight: Vec<&[(u32, u32, Option<Weight>)]> =
        links.chunk_by(|left, right| left.2 == right.2).collect();
    if by_weight.first().is_some_and(|first| first[0].2.is_none()) {
        by_weight.remove(0).iter().for_each(|(left, right, _)| groups.join(*left, *right));
    }
    point(&groups, None);
    for (number, alike) in by_weight.iter().enumerate() {
        alike.iter().for_each(|(left, right, _)| groups.join(*left, *right));
        if (by_weight.len() - 1 - number).is_multiple_of(every) {
            point(&groups, alike[0].2);
        }
    }
    points
}

/// Groups that grow, and how many pairs they put together.
struct Groups {
    parent: Vec<u32>,
    /// By root, how many records of each true entity.
    entities: Vec<BTreeMap<u32, u64>>,
    /// By root, how many records whose truth is known.
    known: Vec<u64>,
    found: u64,
    common: u64,
}

impl Groups {
    fn new(truth: &[Option<u32>]) -> Self {
        Self {
            parent: (0..truth.len() as u32).collect(),
            entities: truth.iter().map(|t| t.iter().map(|t| (*t, 1)).collect()).collect(),
            known: truth.iter().map(|truth| u64::from(truth.is_some())).collect(),
            found: 0,
            common: 0,
        }
    }

    fn join(&mut self, left: u32, right: u32) {
        let (left, right) = (root(&mut self.parent, left), root(&mut self.parent, right));
        if left == right {
            return;
        }
        let size = |root: u32| self.entities[root as usize].len();
        let (kept, gone) = if size(left) < size(right) { (right, left) } else { (left, right) };
        self.parent[gone as usize] = kept;
        let (kept, gone) = (kept as usize, gone as usize);
        self.found += self.known[kept] * self.known[gone];
        self.known[kept] += self.known[gone];
        for (entity, records) in std::mem::take(&mut self.entities[gone]) {
            let mine = self.entities[kept].entry(entity).or_insert(0);
            self.common += *mine * records;
            *mine += records;
        }
    }
}
