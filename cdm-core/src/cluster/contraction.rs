//! Scored links into groups: components apart, and each contracted on its own.

use std::ops::Range;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clusterer::{Clusterer, find};
use super::component::{Component, Contracted};
use super::guards::Guards;
use super::{Partition, Weight};
use crate::cancel::Run;
use crate::error::{Error, Result};

/// Two records that may be one customer, and how far the evidence speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScoredLink {
    /// The record with the lower number.
    pub left: u32,
    /// The record with the higher number.
    pub right: u32,
    /// The log2 odds that they are one customer.
    pub weight: Weight,
}

/// How scored links become groups.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Clustering {
    /// Weigh the evidence of all pairs of records between two groups, for and against.
    #[default]
    Correlation,
    /// Join whatever a link leads to; one wrong link makes one group of two customers.
    ConnectedComponents,
}

/// How scored links become groups: always the two groups first that agree best.
///
/// With [`Clustering::Correlation`], two groups agree by the mean weight of the pairs of records
/// between them. Pairs without a link are scored, not assumed, and a pair that weighs 0 is no
/// evidence and does not count. Groups that agree by more than `cut` are joined, unless a guard
/// refuses, as long as there are such; ties go to the lowest record numbers. Only groups that a
/// link above the cut lies between are ever asked.
///
/// With [`Clustering::ConnectedComponents`], two groups agree by their strongest link.
///
/// What comes of a component of records depends on its records, their numbers' order, its links and
/// the guards alone: not on what other records there are, nor on the order of links.
///
/// # Cost
/// What is known of the pairs between two groups adds up when groups are joined; only what is not
/// known is looked at. Where that is more than 32 pairs, 32 speak for all: those of up to 16
/// records a side, spread evenly over the component. Of more than 256 pairs, a fifth may be left out
/// until there are more of them. A group from which links lead to more than 16 others is compared
/// with each of them anew only when its turn comes, by what was known before. So a component of n
/// links takes in the order of n scores (some tens a link where hundreds of thousands of records
/// grow into one group), never of n²; memory is that of its links. Components are worked on in
/// parallel.
///
/// # References
/// Bailoni, Pape, Hütsch, Wolf, Beier, Kreshuk, Hamprecht (2022), GASP, a generalized framework for
/// agglomerative clustering of signed graphs and its application to instance segmentation (average
/// linkage). Keuper, Levinkov, Bonneel, Lavoué, Brox, Andres (2015), Efficient decomposition of
/// image and mesh graphs by lifted multicuts (the sum in place of the mean).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Contraction {
    /// What decides how well two groups agree.
    pub clustering: Clustering,
    /// Links and groups must agree by more than this; 0, the default, is even odds.
    pub cut: Weight,
}

/// The weight of two records, the lower number first.
pub(super) type Score<'a> = dyn Fn(u32, u32) -> Weight + Sync + 'a;

/// Groups of `records` records by `links` alone, without rules and guards.
///
/// The two records of a link may stand either way round; where two links are of the same records,
/// the stronger counts, and one of a record with itself does not. `score` is asked for the weight of
/// two records without a link, the lower number first, and must always give the same answer for
/// them.
///
/// # Errors
/// [`Error::UnknownRecord`] where a link names a number that is not below `records`, and
/// [`Error::Cancelled`].
///
/// # Examples
/// ```
/// use cdm_core::Run;
/// use cdm_core::cluster::{Contraction, ScoredLink, Weight, cluster_links};
/// let link = |left, right, bits| ScoredLink { left, right, weight: Weight::from_bits(bits) };
/// // Mother and daughter, each seen twice; one record of the mother looks like the daughter's.
/// let links = [link(0, 1, 12.0), link(2, 3, 14.0), link(1, 2, 3.0)];
/// let others = |_, _| Weight::from_bits(-9.0);
/// let partition = cluster_links(4, &links, &Contraction::default(), &others, &Run::new())?;
/// assert_eq!(partition.group_of, [0, 0, 1, 1]);
/// # Ok::<(), cdm_core::Error>(())
/// ```
pub fn cluster_links(
    records: u32,
    links: &[ScoredLink],
    options: &Contraction,
    score: &(dyn Fn(u32, u32) -> Weight + Sync),
    run: &Run,
) -> Result<Partition> {
    if let Some(number) = links.iter().map(|link| link.left.max(link.right)).max()
        && number >= records
    {
        return Err(Error::UnknownRecord { key: format!("number {number} of {records}") });
    }
    let mut clusterer = Clusterer::new(records as usize, Guards::none(records as usize));
    clusterer.contract(links, options, score, run)?;
    Ok(clusterer.finish())
}

impl Clusterer<'_> {
    /// Join groups by scored links, see [`Contraction`].
    ///
    /// Comes after must-links and blocks, whose groups stay together. Links are as in
    /// [`cluster_links`]; their records must be among those of the clusterer.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub(crate) fn contract(
        &mut self,
        links: &[ScoredLink],
        options: &Contraction,
        score: &Score<'_>,
        run: &Run,
    ) -> Result<()> {
        /// Components between two looks at progress.
        const AT_ONCE: usize = 1 << 14;
        let links = in_order(links, options.cut);
        run.check()?;
        let roots: Vec<u32> = (0..self.records()).map(|record| self.find(record)).collect();
        let components = Components::new(roots, links, run)?;
        let total = components.links.len() as u64;
        for start in (0..components.len()).step_by(AT_ONCE) {
            let batch = start..components.len().min(start + AT_ONCE);
            run.report("cluster", components.link_starts[start] as u64, total)?;
            let of_component = |number| {
                let component = components.component(number, self, options, score);
                component.contract(run)
            };
            // One alone is contracted sooner than another thread is woken up for it.
            let contracted: Vec<Contracted> = if batch.len() < 2 {
                batch.into_iter().map(of_component).collect::<Result<_>>()?
            } else {
                batch.into_par_iter().map(of_component).collect::<Result<_>>()?
            };
            contracted.into_iter().for_each(|contracted| self.adopt(contracted));
        }
        run.report("cluster", total, total)
    }
}

/// Links above the cut, by their records, each two records once and the lower on the left.
fn in_order(links: &[ScoredLink], cut: Weight) -> Vec<ScoredLink> {
    let above = links.iter().filter(|link| link.weight > cut && link.left != link.right);
    let mut links: Vec<ScoredLink> = above
        .map(|link| ScoredLink {
            left: link.left.min(link.right),
            right: link.left.max(link.right),
            weight: link.weight,
        })
        .collect();
    links.par_sort_unstable_by_key(|link| (link.left, link.right, std::cmp::Reverse(link.weight)));
    links.dedup_by_key(|link| (link.left, link.right));
    links
}

/// Records that links lead between, directly or by way of others, and of which not all are in one
/// group already.
struct Components {
    /// The group that each record is in, by its root.
    roots: Vec<u32>,
    /// The position of each record in its component.
    place: Vec<u32>,
    /// Records by component, sorted, and where each component's begin; likewise links.
    records: Vec<u32>,
    record_starts: Vec<usize>,
    links: Vec<ScoredLink>,
    link_starts: Vec<usize>,
}

impl Components {
    /// `links` are sorted. Components are numbered in the order of their lowest records.
    fn new(roots: Vec<u32>, mut links: Vec<ScoredLink>, run: &Run) -> Result<Self> {
        const NONE: u32 = u32::MAX;
        /// Links or records between two looks at the cancel token.
        const LOOKS: usize = 1 << 16;
        let check = |place: usize| if place.is_multiple_of(LOOKS) { run.check() } else { Ok(()) };
        links.retain(|link| roots[link.left as usize] != roots[link.right as usize]);
        let mut parent = roots.clone();
        for (place, link) in links.iter().enumerate() {
            check(place)?;
            let (left, right) = (find(&mut parent, link.left), find(&mut parent, link.right));
            parent[left.max(right) as usize] = left.min(right);
        }
        let mut component_of = vec![NONE; roots.len()];
        let mut linked = vec![false; roots.len()];
        links.iter().for_each(|link| linked[find(&mut parent, link.left) as usize] = true);
        let mut sizes = Vec::new();
        let mut place = vec![0; roots.len()];
        for record in 0..roots.len() {
            check(record)?;
            let root = find(&mut parent, record as u32) as usize;
            if linked[root] {
                // The root need not be the lowest record, so that its number may be set ahead.
                let number = if component_of[root] == NONE {
                    sizes.push(0);
                    sizes.len() as u32 - 1
                } else {
                    component_of[root]
                };
                component_of[root] = number;
                component_of[record] = number;
                let size = &mut sizes[number as usize];
                place[record] = *size as u32;
                *size += 1;
            }
        }
        let record_starts = starts(sizes);
        let mut records = vec![0; *record_starts.last().unwrap_or(&0)];
        let mut link_sizes = vec![0; record_starts.len() - 1];
        for (record, number) in component_of.iter().enumerate() {
            if *number != NONE {
                let start = record_starts[*number as usize];
                records[start + place[record] as usize] = record as u32;
            }
        }
        let of_link = |link: &ScoredLink| component_of[link.left as usize] as usize;
        links.iter().for_each(|link| link_sizes[of_link(link)] += 1);
        run.check()?;
        // Stable: the links of one component stay in order.
        links.par_sort_by_key(of_link);
        let link_starts = starts(link_sizes);
        run.check()?;
        Ok(Self { roots, place, records, record_starts, links, link_starts })
    }

    fn len(&self) -> usize {
        self.record_starts.len() - 1
    }

    fn component<'c>(
        &'c self,
        number: usize,
        clusterer: &'c Clusterer<'_>,
        options: &'c Contraction,
        score: &'c Score<'c>,
    ) -> Component<'c> {
        let range = |starts: &[usize]| -> Range<usize> { starts[number]..starts[number + 1] };
        Component {
            records: &self.records[range(&self.record_starts)],
            links: &self.links[range(&self.link_starts)],
            place: &self.place,
            roots: &self.roots,
            guarded: clusterer.guarded(),
            options,
            score,
        }
    }
}

/// Where each of several runs begins, and where the last one ends.
fn starts(sizes: Vec<usize>) -> Vec<usize> {
    let mut starts = Vec::with_capacity(sizes.len() + 1);
    starts.push(0);
    let mut end = 0;
    for size in sizes {
        end += size;
        starts.push(end);
    }
    starts
}
