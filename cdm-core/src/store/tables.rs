//! What lies in the index file: tables of small rows, none of which holds a person's value.

use redb::TableDefinition;

use super::known::Name;

/// Facts about the store itself, by name.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Names of record keys, in stores of older versions: the number of the record. None are there since.
pub(super) const NAMES: TableDefinition<'_, [u8; 16], u32> = TableDefinition::new("names");
/// Records by number, each with the name of its key.
pub(super) const ROWS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("rows");
/// What changed in the keys of records, by number, as long as the file of keys does not say it.
pub(super) const RUNS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("runs");
/// Scored links above 0, both ways round: the weight in bits.
pub(super) const LINKS: TableDefinition<'_, (u32, u32), f64> = TableDefinition::new("links");
/// What stewards decided of two records, both ways round: [`MUST`] and [`CANNOT`].
pub(super) const DECIDED: TableDefinition<'_, (u32, u32), u8> = TableDefinition::new("decided");
/// Entities by number: the numbers of their records.
pub(super) const ENTITIES: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("entities");
/// Of entities that are no more, the numbers of those that took their records.
pub(super) const HEIRS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("heirs");
/// The log.
pub(super) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");
/// Keys that grew hot: by name, the cell of their texts.
pub(super) const STOPS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("stops");
/// Cells to be overwritten: place and length.
pub(super) const SCRUBS: TableDefinition<'_, u64, u32> = TableDefinition::new("scrubs");

/// Two records are one customer.
pub(super) const MUST: u8 = 1;
/// Two records are two customers.
pub(super) const CANNOT: u8 = 2;

/// Where the values of something lie in the file of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) place: u64,
    pub(super) length: u32,
}

/// A record as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Key and values of a record; the key alone of one that is not there.
    pub(super) cell: Cell,
    /// `None` of a record that was deleted, or that only decisions speak of.
    pub(super) entity: Option<u32>,
}

/// No entity has this number: the record is not there.
const NONE: u32 = u32::MAX;

/// No entity has this number either: whose the record is has yet to be found out.
pub(super) const FRESH: u32 = u32::MAX - 1;

impl Cell {
    /// Where the next one may lie.
    pub(super) fn end(&self) -> u64 {
        self.place + u64::from(self.length)
    }

    pub(super) fn bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.place.to_le_bytes());
        bytes[8..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (place, rest) = bytes.split_first_chunk()?;
        let (length, _) = rest.split_first_chunk()?;
        Some(Self { place: u64::from_le_bytes(*place), length: u32::from_le_bytes(*length) })
    }
}

impl Row {
    /// The row of the record with a key of that name, as it is written.
    pub(super) fn bytes(self, name: Name) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..12].copy_from_slice(&self.cell.bytes());
        bytes[12..16].copy_from_slice(&self.written_entity().to_le_bytes());
        bytes[16..].copy_from_slice(&name);
        bytes
    }

    /// The entity as it is written.
    pub(super) fn written_entity(self) -> u32 {
        self.entity.unwrap_or(NONE)
    }

    /// The entity that was written so.
    pub(super) fn entity(written: u32) -> Option<u32> {
        (written != NONE).then_some(written)
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let cell = Cell::read(bytes)?;
        let entity = u32::from_le_bytes(bytes.get(12..16)?.try_into().ok()?);
        Some(Self { cell, entity: Self::entity(entity) })
    }

    /// The name of the key of the record of a row that was written so.
    pub(super) fn name(bytes: &[u8]) -> Option<Name> {
        bytes.get(16..)?.try_into().ok()
    }
}

/// Numbers of records or entities as bytes.
pub(super) fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The numbers that these bytes are.
pub(super) fn read_numbers(bytes: &[u8]) -> Option<Vec<u32>> {
    let (numbers, rest) = bytes.as_chunks();
    rest.is_empty().then(|| numbers.iter().map(|number| u32::from_le_bytes(*number)).collect())
}
