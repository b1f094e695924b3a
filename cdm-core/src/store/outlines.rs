//! Outlines of records in memory: what tells of most candidates that they are nobody one looks for,
//! without their values.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::rows::Rows;
use crate::bound::{BoundModel, BoundRecord, Likeness};

/// So many records' outlines lie together, and so many of those.
const AT_ONCE: usize = 1024;

/// Outlines by the numbers of records, for one model; the newest of each record alone.
pub(super) struct Outlines {
    width: usize,
    /// Where there is room for one; records beyond have none.
    chunks: Vec<OnceLock<RwLock<Chunk>>>,
}

struct Chunk {
    /// By record: where the cell lies that it is the outline of. No two cells ever have one place.
    places: Box<[u64]>,
    numbers: Box<[u64]>,
}

/// Where no cell lies.
const NOWHERE: u64 = 0;

impl Outlines {
    /// None yet, and at most of so many records.
    pub(super) fn new(model: &BoundModel, most: usize) -> Arc<Self> {
        let width = model.outline_width();
        let chunks = if width == 0 { 0 } else { most.div_ceil(AT_ONCE) };
        Arc::new(Self { width, chunks: (0..chunks).map(|_| OnceLock::new()).collect() })
    }

    /// Keep the outline of a record, as the cell at `place` holds it.
    pub(super) fn put(&self, model: &BoundModel, number: u32, place: u64, record: &BoundRecord) {
        let (chunk, at) = (number as usize / AT_ONCE, number as usize % AT_ONCE);
        let Some(chunk) = self.chunks.get(chunk) else { return };
        let chunk = chunk.get_or_init(|| {
            RwLock::new(Chunk {
                places: vec![NOWHERE; AT_ONCE].into(),
                numbers: vec![0; AT_ONCE * self.width].into(),
            })
        });
        let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever reads an older snapshot finds out for itself.
        if chunk.places[at] <= place {
            chunk.places[at] = place;
            model.outline(record, &mut chunk.numbers[at * self.width..(at + 1) * self.width]);
        }
    }

    /// Say where the cell lies of a record whose outline was put before it was.
    pub(super) fn place(&self, number: u32, place: u64) {
        let chunk = self.chunks.get(number as usize / AT_ONCE).and_then(OnceLock::get);
        if let Some(chunk) = chunk {
            let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
            chunk.places[number as usize % AT_ONCE] = place;
        }
    }

    /// Nothing of a record is to be left.
    pub(super) fn remove(&self, number: u32) {
        let chunk = self.chunks.get(number as usize / AT_ONCE).and_then(OnceLock::get);
        if let Some(chunk) = chunk {
            let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
            let at = number as usize % AT_ONCE;
            chunk.places[at] = NOWHERE;
            chunk.numbers[at * self.width..(at + 1) * self.width].fill(0);
        }
    }

    /// None is known any more.
    pub(super) fn clear(&self) {
        for chunk in self.chunks.iter().filter_map(OnceLock::get) {
            chunk.write().unwrap_or_else(PoisonError::into_inner).places.fill(NOWHERE);
        }
    }

    /// Say of each of some records, sorted by number, its outline; `None` where it is not known of the
    /// cell that `rows` say.
    pub(super) fn of(&self, rows: &Rows, numbers: &[u32], mut each: impl FnMut(u32, Option<&[u64]>)) {
        let of_chunk = |number: &u32| *number as usize / AT_ONCE;
        for numbers in numbers.chunk_by(|one, other| of_chunk(one) == of_chunk(other)) {
            let chunk = self.chunks.get(of_chunk(&numbers[0])).and_then(OnceLock::get);
            let chunk =
                chunk.map(|chunk| chunk.read().unwrap_or_else(PoisonError::into_inner));
            for number in numbers {
                let at = *number as usize % AT_ONCE;
                let known = chunk.as_ref().filter(|chunk| {
                    let place = rows.get(*number).map(|row| row.cell.place);
                    chunk.places[at] != NOWHERE && place == Some(chunk.places[at])
                });
                each(*number, known.map(|c| &c.numbers[at * self.width..(at + 1) * self.width]));
            }
        }
    }

    /// Some records, sorted by number, that may be like one: those for which the odds against are not
    /// above `most` for sure, each with the least that they may be; the likeliest first.
    pub(super) fn likely(
        &self,
        likeness: Option<&Likeness<'_>>,
        rows: &Rows,
        numbers: &[u32],
        (most, with_rules): (f64, bool),
    ) -> Vec<(f64, u32)> {
        let Some(likeness) = likeness else {
            return numbers.iter().map(|number| (0.0, *number)).collect();
        };
        let mut likely = Vec::new();
        self.of(rows, numbers, |number, outline| {
            let odds = match outline {
                Some(outline) if with_rules && likeness.may_match(outline) => 0.0,
                Some(outline) => likeness.odds_against(outline),
                None => 0.0,
            };
            if odds <= most {
                likely.push((odds, number));
            }
        });
        likely.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        likely
    }
}
