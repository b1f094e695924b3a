//! What joins records: blocks of the match rules, scored links, and the guards that refuse.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::block::{Blocking, StopKeys};
use crate::cancel::Run;
use crate::cluster::{
    Clusterer, Contraction, Forbids, Guards, Limit, ScoredLink, Weight, group_weight,
};
use crate::error::Result;
use crate::features::Features;
use crate::model::ComparedPair;
use crate::plan::{Model, Plan};
use crate::probability::MatchWeight;
use crate::rule::{BoundRules, Decision};
use crate::score::{ComparedWeigher, Scorer};
use crate::table::{Codes, Table};

/// The match rules in the order in which their links are tried: by the priority of the fields they
/// look at, then as in the plan.
pub(crate) fn tiers(plan: &Plan) -> Vec<usize> {
    let priority_of = |field: &str| {
        let limits = plan.guards().limits.iter();
        limits.filter(|limit| limit.field == field).filter_map(|limit| limit.priority).min()
    };
    let mut tiers: Vec<(u32, usize)> = plan
        .rules()
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.decision == Decision::Match)
        .map(|(position, rule)| {
            let fields = rule.same.iter().flat_map(|expression| expression.fields());
            (fields.filter_map(priority_of).min().unwrap_or(u32::MAX), position)
        })
        .collect();
    tiers.sort_unstable();
    tiers.into_iter().map(|(_, rule)| rule).collect()
}

/// So many pairs are weighed between two looks at the cancel token.
const PAIRS_AT_ONCE: usize = 4_096;

/// By rank the row, and by row the rank.
pub(super) type Ranks<'a> = (&'a [u32], &'a [u32]);

/// What is done with the scored links.
pub(super) type Keep<'a> = &'a mut dyn FnMut(&[ScoredLink]);

/// Score the candidate pairs, and join groups by the evidence between them.
pub(super) fn join_scored(
    clusterer: &mut Clusterer<'_>,
    model: &Model,
    table: &Table,
    features: &Features,
    (blocking, compared): (&Blocking, Option<Vec<ComparedPair>>),
    ((row_of_rank, rank_of_row), keep): (Ranks<'_>, Keep<'_>),
    run: &Run,
) -> Result<()> {
    let Some(parameters) = model.parameters() else { return Ok(()) };
    let plan = model.plan();
    let (comparisons, coincidences) = (plan.comparisons(), plan.coincidences());
    let schema = table.schema();
    let weigher = ComparedWeigher::new(parameters, comparisons, coincidences, schema, features)?;
    let scorer = |weigher| Scorer::with(weigher, comparisons, schema, features, table.len());
    let scope = plan.scope(table);
    let link = |left: u32, right: u32, weight: MatchWeight| {
        let weight = Weight::from_bits(weight.bits());
        let (left, right) = (rank_of_row[left as usize], rank_of_row[right as usize]);
        (weight > Weight::ZERO).then_some(ScoredLink { left, right, weight })
    };
    let (scorer, links) = match compared {
        None => {
            let scorer = scorer(weigher)?;
            type Found = (Vec<(u32, u32)>, Vec<ScoredLink>);
            let weigh = |(waiting, links): &mut Found| {
                for ((left, right), pattern) in waiting.iter().zip(scorer.patterns(waiting)) {
                    let weight = scorer.weight_of(pattern, *left as usize, *right as usize);
                    links.extend(link(*left, *right, weight));
                }
                waiting.clear();
            };
            let visit = |found: &mut Found, left, right, _| {
                found.0.push((left, right));
                if found.0.len() == PAIRS_AT_ONCE {
                    weigh(found);
                }
            };
            let finish = |found: &mut Found| {
                weigh(found);
                found.0 = Vec::new();
            };
            let all = |_, _| true;
            let found = blocking.fold_some(
                rank_of_row,
                (run, "match"),
                all,
                Found::default,
                visit,
                finish,
            )?;
            let links = concatenated(found.into_iter().map(|(_, links)| links).collect());
            (scorer, links)
        }
        Some(pairs) => {
            let weigh = |pair: &ComparedPair| {
                let (left, right) = (pair.left as usize, pair.right as usize);
                link(pair.left, pair.right, weigher.weight_of(pair.pattern, left, right))
            };
            let weigh_some = |pairs: &[ComparedPair]| -> Result<Vec<ScoredLink>> {
                run.check()?;
                Ok(pairs.iter().filter_map(weigh).collect())
            };
            let links = pairs.par_chunks(PAIRS_AT_ONCE).map(weigh_some).collect::<Result<_>>()?;
            drop(pairs);
            let links = concatenated(links);
            // What is noted of values to compare them takes memory: not before the pairs are gone.
            (scorer(weigher)?, links)
        }
    };
    keep(&links);
    let score = |left: u32, right: u32| {
        let row = |rank: u32| row_of_rank[rank as usize] as usize;
        let (left, right) = (row(left), row(right));
        if !scope.contains(left, right) {
            return Weight::ZERO;
        }
        let (weight, expected) = scorer.weight_and_expected(left, right);
        let [weight, prior, expected] =
            [weight, scorer.prior(), expected].map(|weight| Weight::from_bits(weight.bits()));
        group_weight(weight, prior, expected)
    };
    clusterer.contract(&links, &Contraction::default(), &score, run)
}

/// All links in one list; each part is let go once it is there.
fn concatenated(parts: Vec<Vec<ScoredLink>>) -> Vec<ScoredLink> {
    let mut links = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    parts.into_iter().for_each(|part| links.extend(part));
    links
}

/// Lists of records, in one piece of memory.
pub(super) struct Blocks {
    members: Vec<u32>,
    /// Where in `members` each block begins and ends.
    ranges: Vec<(usize, usize)>,
}

impl Blocks {
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.ranges.iter().map(|(start, end)| &self.members[*start..*end])
    }
}

/// The records that share a key under a rule, by rank, in an order that keys alone decide.
pub(super) fn blocks(
    model: &Model,
    rules: &BoundRules<'_>,
    rule: usize,
    rank_of_row: &[u32],
    run: &Run,
) -> Result<Blocks> {
    let keys = rules.keys(rule, rank_of_row.len(), run)?;
    let stop_keys = StopKeys::new(model.stop_keys().get(&rules.rules()[rule].name));
    let mut blocks = Blocks { members: Vec::new(), ranges: Vec::new() };
    for key in keys.shared() {
        if stop_keys.contains(key) {
            continue;
        }
        let start = blocks.members.len();
        blocks.members.extend(key.rows().map(|row| rank_of_row[row as usize]));
        blocks.members[start..].sort_unstable();
        blocks.ranges.push((start, blocks.members.len()));
    }
    drop(keys);
    run.check()?;
    // Codes depend on the order of rows; the records in a block do not.
    let members = &blocks.members;
    let of = |range: &(usize, usize)| &members[range.0..range.1];
    blocks.ranges.par_sort_unstable_by(|one, two| of(one).cmp(of(two)));
    Ok(blocks)
}

pub(super) fn guards<'a>(
    model: &Model,
    table: &Table,
    features: &Features,
    rules: &'a BoundRules<'a>,
    row_of_rank: &'a [u32],
    cannot_link: &BTreeSet<(u32, u32)>,
) -> Result<Guards<'a>> {
    let plan = model.plan();
    let free = |source: &String| {
        plan.sources().iter().any(|known| known.name == *source && known.duplicate_free)
    };
    let mut limits = Vec::new();
    for limit in &plan.guards().limits {
        let values = features.field(table.schema().position(&limit.field)?);
        let mut codes = Codes::new();
        for row in row_of_rank {
            let of_row = values.codes(*row as usize).iter();
            let mut canonical: Vec<u32> =
                of_row.filter_map(|v| values.canonical_code(*v)).collect();
            canonical.sort_unstable();
            canonical.dedup();
            codes.push(&canonical)?;
        }
        limits.push(Limit { at_most: limit.at_most, codes });
    }
    let mut bars: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for (left, right) in cannot_link {
        bars.entry(*left).or_default().insert(*right);
        bars.entry(*right).or_default().insert(*left);
    }
    let forbids = rules.can_forbid().then(|| {
        let signatures = rules.signatures(row_of_rank.len());
        // Numbered anew by the lowest record that has each, so that the order of rows is nowhere
        // to be seen, not even in which of several reasons is given.
        let mut lowest = vec![u32::MAX; signatures.len()];
        let mut by_lowest = |(rank, row): (usize, &u32)| {
            let lowest = &mut lowest[signatures[*row as usize] as usize];
            *lowest = (*lowest).min(rank as u32);
            *lowest
        };
        Forbids {
            signatures: row_of_rank.iter().enumerate().map(&mut by_lowest).collect(),
            rule: Box::new(|left, right| {
                let row = |rank: u32| row_of_rank[rank as usize] as usize;
                let rule = rules.decide(row(left), row(right))?;
                (rules.rules()[rule].decision == Decision::Never).then_some(rule as u32)
            }),
        }
    });
    Ok(Guards {
        source_of: row_of_rank.iter().map(|row| table.source_code(*row as usize)).collect(),
        one_per_source: table.sources().iter().map(free).collect(),
        limits,
        cannot_link: bars,
        forbids,
    })
}
