use std::sync::atomic::{AtomicU64, Ordering};

/// Which hashes were seen more than once: surely those that were, and few others.
///
/// Most keys are one record's alone. They make no pair, and are best told before they are kept and
/// sorted: two bits for each of a power of two of places do that, whoever of many threads comes
/// first.
pub(crate) struct SeenTwice {
    /// In each word, 32 places of two bits: seen, and seen again.
    words: Vec<AtomicU64>,
}

/// Places for each hash: so many that one in ten or so shares another's.
const PLACES: usize = 8;

/// Places in a word.
const PLACES_PER_WORD: usize = 32;

impl SeenTwice {
    /// For about so many hashes.
    pub(crate) fn new(hashes: usize) -> Self {
        let words = hashes.saturating_mul(PLACES) / PLACES_PER_WORD;
        let words = words.max(1).checked_next_power_of_two().unwrap_or(1 << 40);
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Which word a hash is in, and which bits of it are its own.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u32) {
        let word = (hash >> 5) as usize & (self.words.len() - 1);
        (word, hash as u32 % PLACES_PER_WORD as u32 * 2)
    }

    /// See a hash where nobody else sees any meanwhile: what memory answers need not be waited for.
    #[inline]
    pub(crate) fn see(&mut self, hash: u64) {
        let (word, shift) = self.place(hash);
        let word = self.words[word].get_mut();
        *word |= 1 << (*word >> shift & 1) << shift;
    }

    /// See a hash.
    #[inline]
    pub(crate) fn add(&self, hash: u64) {
        let (word, shift) = self.place(hash);
        let word = &self.words[word];
        let bits = word.load(Ordering::Relaxed) >> shift & 3;
        // Whatever another thread does meanwhile, each of two sets the first bit, and the later one
        // sees that.
        if bits == 0 && word.fetch_or(1 << shift, Ordering::Relaxed) >> shift & 1 == 0 {
            return;
        }
        if bits < 3 {
            word.fetch_or(2 << shift, Ordering::Relaxed);
        }
    }

    /// Whether the hash was perhaps seen more than once.
    #[inline]
    pub(crate) fn has(&self, hash: u64) -> bool {
        let (word, shift) = self.place(hash);
        self.words[word].load(Ordering::Relaxed) >> shift & 2 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_twice_is_known_and_little_else() {
        let hash = |n: u64| xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        let twice = SeenTwice::new(20_000);
        (0..20_000).for_each(|n| twice.add(hash(n)));
        let known = (0..20_000).filter(|n| twice.has(hash(*n))).count();
        assert!(known < 4000, "{known}");
        (0..10_000).for_each(|n| twice.add(hash(n)));
        assert!((0..10_000).all(|n| twice.has(hash(n))));
        let mut alone = SeenTwice::new(20_000);
        (0..20_000).chain(0..10_000).for_each(|n| alone.see(hash(n)));
        assert!((0..20_000).all(|n| alone.has(hash(n)) == twice.has(hash(n))));
        assert!(!SeenTwice::new(0).has(0));
    }
}
