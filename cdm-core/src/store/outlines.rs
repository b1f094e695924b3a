//! Outlines of records in memory: what tells of most candidates that they are nobody one looks for,
//! without their values.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::rows::Rows;
use crate::bound::{BoundModel, Hint, Likeness};

/// So many records' outlines lie together, and so many of those.
const AT_ONCE: usize = 1024;

/// Of no more records than that are there outlines, whatever is asked for.
const MOST: usize = 1 << 26;

/// Outlines by the numbers of records, for one model; the newest of each record alone.
pub(super) struct Outlines {
    width: usize,
    /// Where there is room for one; records beyond have none.
    chunks: Vec<OnceLock<RwLock<Chunk>>>,
}

/// A record that may be like one.
#[derive(Clone, Copy, Default)]
pub(super) struct Likely {
    /// The odds against are at least so.
    pub(super) odds: f64,
    pub(super) number: u32,
    pub(super) hint: Hint,
}

/// By record: where the cell lies that it is the outline of, as no two cells ever have one place, and behind
/// that the outline, so that both come from memory together.
struct Chunk {
    numbers: Box<[u64]>,
    width: usize,
}

impl Chunk {
    fn at(&mut self, record: usize) -> (&mut u64, &mut [u64]) {
        let (place, outline) =
            self.numbers[record * self.width..(record + 1) * self.width].split_at_mut(1);
        (&mut place[0], outline)
    }
}

/// Where no cell lies. It is not zero, so that memory for records that have no outline yet is written to before it is
/// read: the system would have to map it twice otherwise, which all processors would have to be told of.
const NOWHERE: u64 = u64::MAX;

impl Outlines {
    /// None yet, and at most of so many records.
    pub(super) fn new(model: &BoundModel, most: usize) -> Arc<Self> {
        let width = model.outline_width();
        let chunks = if width == 0 { 0 } else { most.min(MOST).div_ceil(AT_ONCE) };
        Arc::new(Self { width, chunks: (0..chunks).map(|_| OnceLock::new()).collect() })
    }

    /// Keep the outline of a record, as the cell at `place` holds it.
    pub(super) fn put(&self, number: u32, place: u64, outline: &[u64]) {
        let (chunk, at) = (number as usize / AT_ONCE, number as usize % AT_ONCE);
        let Some(chunk) = self.chunks.get(chunk) else { return };
        let chunk = chunk.get_or_init(|| {
            let width = self.width + 1;
            RwLock::new(Chunk { numbers: vec![NOWHERE; AT_ONCE * width].into(), width })
        });
        let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever reads an older snapshot finds out for itself.
        let (known, kept) = chunk.at(at);
        if *known == NOWHERE || *known <= place {
            *known = place;
            kept.copy_from_slice(outline);
        }
    }

    /// Nothing of a record is to be left.
    pub(super) fn remove(&self, number: u32) {
        let chunk = self.chunks.get(number as usize / AT_ONCE).and_then(OnceLock::get);
        if let Some(chunk) = chunk {
            let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
            let (place, outline) = chunk.at(number as usize % AT_ONCE);
            *place = NOWHERE;
            outline.fill(0);
        }
    }

    /// None is known any more of what lies from that place on.
    pub(super) fn let_go_from(&self, end: u64) {
        for chunk in self.chunks.iter().filter_map(OnceLock::get) {
            let mut chunk = chunk.write().unwrap_or_else(PoisonError::into_inner);
            for at in 0..AT_ONCE {
                let place = chunk.at(at).0;
                if *place >= end {
                    *place = NOWHERE;
                }
            }
        }
    }

    /// Say of each of some records, sorted by number, its outline; `None` where it is not known of the
    /// cell that `rows` say.
    pub(super) fn of(
        &self,
        rows: &Rows,
        numbers: &[u32],
        mut each: impl FnMut(u32, Option<&[u64]>),
    ) {
        let of_chunk = |number: u32| number as usize / AT_ONCE;
        let place = |number: &u32| (*number, rows.get(*number).map(|row| row.cell.place));
        // Of all of them at once: memory answers many questions in the time of one.
        let places: Vec<(u32, Option<u64>)> = numbers.iter().map(place).collect();
        for places in places.chunk_by(|one, other| of_chunk(one.0) == of_chunk(other.0)) {
            let chunk = self.chunks.get(of_chunk(places[0].0)).and_then(OnceLock::get);
            let chunk = chunk.map(|chunk| chunk.read().unwrap_or_else(PoisonError::into_inner));
            for (number, place) in places {
                let outline = chunk.as_ref().and_then(|chunk| {
                    let at = *number as usize % AT_ONCE * chunk.width;
                    let (known, outline) = chunk.numbers[at..at + chunk.width].split_first()?;
                    (*known != NOWHERE && *place == Some(*known)).then_some(outline)
                });
                each(*number, outline);
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
    ) -> Vec<Likely> {
        let Some(likeness) = likeness else {
            let unknown = |number: &u32| Likely { number: *number, ..Likely::default() };
            return numbers.iter().map(unknown).collect();
        };
        let mut likely = Vec::new();
        self.of(rows, numbers, |number, outline| {
            let (mut odds, hint) = match outline {
                Some(outline) => likeness.odds_against(outline),
                None => (0.0, Hint::default()),
            };
            if with_rules && outline.is_some_and(|outline| likeness.may_match(outline)) {
                odds = 0.0;
            }
            if odds <= most {
                likely.push(Likely { odds, number, hint });
            }
        });
        likely.sort_unstable_by(|one, other| {
            one.odds.total_cmp(&other.odds).then(one.number.cmp(&other.number))
        });
        likely
    }
}
