//! Which names a segment of keys may have.

/// Which names a segment may have: of most that it has not, it says so with one look at memory. In each word are
/// four bits for every one of a few names. After Bloom (1970), Space/time trade-offs in hash coding with allowable
/// errors, Commun. ACM 13(7), and, for blocks of a word, Putze, Sanders and Singler (2009), Cache-, hash-, and
/// space-efficient Bloom filters, ACM J. Exp. Algorithmics 14.
pub(super) struct Filter(Vec<u64>);

/// So many names are in one word of a filter, about.
const IN_A_WORD: usize = 4;

impl Filter {
    /// For so many names, of which none is there yet.
    pub(super) fn new(names: usize) -> Self {
        Self(vec![0; names.div_ceil(IN_A_WORD).max(1)])
    }

    /// The word for a name, and its bits. Names are hashes, spread evenly: their first bits tell the one, their last
    /// ones the other.
    fn place(&self, name: u64) -> (usize, u64) {
        let word = ((u128::from(name) * self.0.len() as u128) >> 64) as usize;
        let bits = [0, 6, 12, 18].into_iter().fold(0, |bits, at| bits | 1 << (name >> at & 63));
        (word, bits)
    }

    pub(super) fn add(&mut self, name: u64) {
        let (word, bits) = self.place(name);
        self.0[word] |= bits;
    }

    /// Whether that name may have been added; if it was, it may.
    pub(super) fn may_have(&self, name: u64) -> bool {
        let (word, bits) = self.place(name);
        self.0[word] & bits == bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names as hashes are, one after the other: by the golden ratio.
    fn name(number: u64) -> u64 {
        let product = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (product ^ product >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }

    #[test]
    fn a_name_that_was_added_may_be_there_and_hardly_another_one() {
        for count in [0, 1, 3, 1000, 100_000] {
            let mut filter = Filter::new(count as usize);
            (0..count).for_each(|number| filter.add(name(number)));
            assert!((0..count).all(|number| filter.may_have(name(number))));
            let others = (count..count + 10_000).filter(|number| filter.may_have(name(*number)));
            let others = others.count();
            assert!(others < 500, "{others} of 10,000 others with {count}");
        }
        let mut filter = Filter::new(2);
        [0, u64::MAX].into_iter().for_each(|name| filter.add(name));
        assert!(filter.may_have(0) && filter.may_have(u64::MAX));
    }
}
