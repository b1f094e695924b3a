use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::Plan;
use crate::block::PairScope;
use crate::cancel::Run;
use crate::error::Result;
use crate::table::Table;

/// So many records are looked at, or one in [`ONE_IN`] where that is more: a key that too many
/// records have must still be told from one that few have.
const RECORDS: usize = 20_000;
const ONE_IN: usize = 20;

/// The most records whose partners are counted.
const MOST_PROBES: usize = 1_024;

/// The most pairs of a probe and another record: a bit is kept for each, and its number in four bytes.
const MOST_PROBED_PAIRS: usize = 1 << 27;

/// The records that a plan is inferred from: all of a small table, some of a large one. Which ones
/// they are is decided by their keys alone.
pub(in crate::plan) struct Sample {
    pub(in crate::plan) table: Table,
    /// Whether all records are looked at.
    pub(in crate::plan) is_whole: bool,
    /// How many records of the whole table each of the sample stands for.
    pub(in crate::plan) scale: f64,
    /// The rows whose partners are counted, in an order that has nothing to do with that of rows.
    pub(super) probes: Vec<u32>,
    /// Which rows may be one customer at all.
    pub(in crate::plan) scope: PairScope,
}

impl Sample {
    pub(in crate::plan) fn new(whole: &Table, plan: &Plan, run: &Run) -> Result<Self> {
        let wanted = RECORDS.max(whole.len() / ONE_IN);
        let is_whole = whole.len() <= wanted;
        let table = match is_whole {
            true => whole.clone(),
            false => some_of(whole, wanted, run)?,
        };
        let mut probes: Vec<(u64, u32)> =
            (0..table.len() as u32).map(|row| (hash(&table, row as usize), row)).collect();
        probes.sort_unstable_by(|one, other| {
            let key = |row: u32| (table.source(row as usize), table.id(row as usize));
            one.0.cmp(&other.0).then_with(|| key(one.1).cmp(&key(other.1)))
        });
        probes.truncate(MOST_PROBES.min(MOST_PROBED_PAIRS / table.len().max(1)));
        Ok(Self {
            scale: whole.len() as f64 / table.len().max(1) as f64,
            probes: probes.into_iter().map(|(_, row)| row).collect(),
            scope: plan.scope(&table),
            table,
            is_whole,
        })
    }

    /// The number of the pair of a probe, by its position, and another row.
    pub(super) fn pair(&self, probe: usize, row: u32) -> u32 {
        (probe * self.table.len()) as u32 + row
    }

    /// How many pairs of the whole table the probes' `partners` stand for.
    pub(super) fn pairs_a_partner(&self, partners: usize) -> f64 {
        let a_probe = partners as f64 / self.probes.len().max(1) as f64;
        a_probe * self.scale * (self.table.len() as f64 * self.scale) / 2.0
    }

    /// A number that a record has by its key, for choices that must not depend on the order of rows.
    pub(super) fn hash(&self, row: u32) -> u64 {
        hash(&self.table, row as usize)
    }
}

fn hash(table: &Table, row: usize) -> u64 {
    let of_source = xxh3_64_with_seed(table.source(row).as_bytes(), 0);
    xxh3_64_with_seed(table.id(row).as_bytes(), of_source)
}

/// About so many records of a larger table.
fn some_of(whole: &Table, wanted: usize, run: &Run) -> Result<Table> {
    let below = (u64::MAX / whole.len() as u64).saturating_mul(wanted as u64);
    let mut builder = Table::builder(whole.schema().clone());
    for row in 0..whole.len() {
        if row % 65_536 == 0 {
            run.check()?;
        }
        if hash(whole, row) < below {
            builder.push(&whole.record(row))?;
        }
    }
    Ok(builder.finish())
}
