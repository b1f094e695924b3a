use hashbrown::HashTable;

use super::pack::Packing;
use super::prepared::Draft;
use super::{Aspects, Prepared};
use crate::normalize::Normalized;
use crate::schema::Kind;

/// The values of a field, ready to be compared: those that no comparison can tell apart are one.
#[derive(Debug, Clone, Default)]
pub struct PreparedPool {
    /// By value; [`UNUSABLE`] for none.
    codes: Vec<u32>,
    distinct: Vec<Prepared>,
}

/// The code of a value that cannot be used.
const UNUSABLE: u32 = u32::MAX;

impl PreparedPool {
    /// The code of a value; `None` where it is not usable, or there is no such value.
    #[must_use]
    #[inline]
    pub fn code(&self, value: u32) -> Option<u32> {
        self.codes.get(value as usize).copied().filter(|code| *code != UNUSABLE)
    }

    /// How many bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        // Values of one pack follow each other.
        let packs = self.distinct.chunk_by(Prepared::shares_pack);
        let of_packs: usize = packs.map(|of_pack| of_pack[0].pack.bytes()).sum();
        (of_packs + size_of_val(&self.distinct[..]) + size_of_val(&self.codes[..])) as u64
    }

    /// The distinct values, by code.
    #[must_use]
    #[inline]
    pub fn distinct(&self) -> &[Prepared] {
        &self.distinct
    }
}

/// Builds a [`PreparedPool`] value by value.
pub struct PreparedPoolBuilder {
    kind: Kind,
    aspects: Aspects,
    pool: PreparedPool,
    /// Hash and code of every distinct value.
    index: HashTable<(u64, u32)>,
}

/// A usable value that is prepared and not yet numbered; made by many threads at once.
pub struct PreparedDraft {
    draft: Draft,
    hash: u64,
}

impl PreparedPoolBuilder {
    /// For values of that kind, as far as `aspects` go.
    #[must_use]
    pub fn new(kind: Kind, aspects: Aspects) -> Self {
        Self { kind, aspects, pool: PreparedPool::default(), index: HashTable::new() }
    }

    /// With room for so many values, which is let go where it was too much.
    #[must_use]
    pub fn with_room_for(mut self, values: usize) -> Self {
        self.pool.codes.reserve(values);
        self.pool.distinct.reserve(values);
        self
    }

    /// Prepare a value; `None` where it is not usable.
    #[must_use]
    pub fn prepare(&self, value: &Normalized) -> Option<PreparedDraft> {
        let draft = Draft::new(self.kind, value, self.aspects)?;
        Some(PreparedDraft { hash: draft.hash(), draft })
    }

    /// Number more values, in order. They share memory; thousands at a time are best.
    pub fn extend(&mut self, values: impl IntoIterator<Item = Option<PreparedDraft>>) {
        let numbered = self.pool.distinct.len();
        let mut fresh: Vec<Draft> = Vec::new();
        for value in values {
            let Some(PreparedDraft { draft, hash }) = value else {
                self.pool.codes.push(UNUSABLE);
                continue;
            };
            let known = self.index.find(hash, |(other, code)| {
                let code = *code as usize;
                *other == hash
                    && match code.checked_sub(numbered) {
                        Some(place) => fresh[place] == draft,
                        None => self.pool.distinct[code].is_as(&draft),
                    }
            });
            let code = known.map_or((numbered + fresh.len()) as u32, |(_, code)| *code);
            if known.is_none() {
                self.index.insert_unique(hash, (hash, code), |(hash, _)| *hash);
                fresh.push(draft);
            }
            self.pool.codes.push(code);
        }
        let mut packing = Packing::default();
        fresh.into_iter().for_each(|draft| packing.add(draft));
        self.pool.distinct.append(&mut packing.seal());
    }

    /// The values that were numbered.
    #[must_use]
    pub fn finish(mut self) -> PreparedPool {
        self.pool.codes.shrink_to_fit();
        self.pool.distinct.shrink_to_fit();
        self.pool
    }
}
