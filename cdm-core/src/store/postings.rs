//! Postings, packed: which record has which key, by the key's name.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// That a record has a key, or has it no more.
///
/// In the order of names, then records; of two about the same, the later one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub(super) name: u64,
    pub(super) record: u32,
    pub(super) has: bool,
}

/// So many postings are packed together, and read together: half of them are looked through to find one.
pub(super) const AT_ONCE: usize = 64;

/// The most that are, in files of earlier releases.
const MOST_AT_ONCE: usize = 128;

/// Sum, count, widths, whether any is that a record has a key no more, lowest record.
const HEAD: usize = 16;

/// So many bytes must follow a chunk, whatever they are: bits are read sixteen bytes at a time.
pub(super) const SLACK: usize = 16;

/// The most bytes that a chunk takes.
pub(super) const MOST: usize = HEAD + (MOST_AT_ONCE * (64 + 32 + 1)).div_ceil(8) + SLACK + 8;

fn mask(width: u32) -> u64 {
    if width == 0 { 0 } else { u64::MAX >> (64 - width) }
}

fn put(out: &mut [u8], bit: usize, value: u64) {
    let wide = u128::from(value) << (bit % 8);
    let bytes = &mut out[bit / 8..bit / 8 + 16];
    let known = bytes.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    bytes.copy_from_slice(&(known | wide).to_le_bytes());
}

fn take(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let from = bytes.get(bit / 8..).and_then(|bytes| bytes.first_chunk());
    let wide = from.map_or(0, |bytes| u128::from_le_bytes(*bytes)) >> (bit % 8);
    wide as u64 & mask(width)
}

fn bits(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Pack at most [`MOST_AT_ONCE`] postings, sorted, behind what is in `out`; a multiple of eight bytes.
/// The first name is told by who looks for the chunk.
pub(super) fn pack(postings: &[Posting], seed: u64, out: &mut Vec<u8>) {
    let Some(first) = postings.first() else { return };
    let lowest = postings.iter().map(|posting| posting.record).min().unwrap_or_default();
    let highest = postings.iter().map(|posting| posting.record).max().unwrap_or_default();
    let steps = postings.windows(2).map(|two| two[1].name - two[0].name);
    let of_name = steps.clone().map(bits).max().unwrap_or_default();
    let of_record = bits(u64::from(highest - lowest));
    let lacks = postings.iter().any(|posting| !posting.has);
    let start = out.len();
    let length = postings.len() * (of_name + of_record + u32::from(lacks)) as usize;
    out.resize(start + HEAD + length.div_ceil(8) + SLACK, 0);
    let chunk = &mut out[start..];
    chunk[8] = (postings.len() - 1) as u8;
    (chunk[9], chunk[10], chunk[11]) = (of_name as u8, of_record as u8, u8::from(lacks));
    chunk[12..16].copy_from_slice(&lowest.to_le_bytes());
    let mut bit = HEAD * 8;
    let mut last = first.name;
    for posting in postings {
        put(chunk, bit, posting.name - last);
        last = posting.name;
        bit += of_name as usize;
    }
    for posting in postings {
        put(chunk, bit, u64::from(posting.record - lowest));
        bit += of_record as usize;
    }
    if lacks {
        for posting in postings {
            put(chunk, bit, u64::from(!posting.has));
            bit += 1;
        }
    }
    // What bits are read with may lie in the next chunk.
    out.truncate((start + HEAD + length.div_ceil(8)).next_multiple_of(8));
    let sum = xxh3_64_with_seed(&out[start + 8..], seed);
    out[start..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// A chunk that was packed.
pub(super) struct Chunk<'c> {
    bytes: &'c [u8],
    first: u64,
    count: usize,
    of_name: u32,
    of_record: u32,
    lacks: bool,
    lowest: u32,
}

impl<'c> Chunk<'c> {
    /// The chunk that `bytes` begin with, and of which the first name is known; `None` where a byte of
    /// it is another than was packed.
    pub(super) fn open(bytes: &'c [u8], seed: u64, first: u64) -> Option<Self> {
        let chunk = Self::trusted(bytes, first)?;
        let packed = bytes.get(8..chunk.length())?;
        let sum = bytes.first_chunk().map(|sum| u64::from_le_bytes(*sum))?;
        (sum == xxh3_64_with_seed(packed, seed)).then_some(chunk)
    }

    /// The same, of bytes that were looked at before.
    pub(super) fn trusted(bytes: &'c [u8], first: u64) -> Option<Self> {
        let head: &[u8; HEAD] = bytes.first_chunk()?;
        let [of_name, of_record, lacks] = [head[9], head[10], head[11]];
        if of_name > 64 || of_record > 32 || lacks > 1 {
            return None;
        }
        let chunk = Self {
            bytes,
            first,
            count: usize::from(head[8]) + 1,
            of_name: of_name.into(),
            of_record: of_record.into(),
            lacks: lacks == 1,
            lowest: u32::from_le_bytes([head[12], head[13], head[14], head[15]]),
        };
        (bytes.len() >= chunk.length() + SLACK).then_some(chunk)
    }

    /// How many bytes it takes.
    pub(super) fn length(&self) -> usize {
        let bits = (self.of_name + self.of_record + u32::from(self.lacks)) as usize;
        (HEAD + (self.count * bits).div_ceil(8)).next_multiple_of(8)
    }

    fn at(&self, place: usize, name: u64) -> Posting {
        let (count, of_record) = (self.count, self.of_record as usize);
        let records = HEAD * 8 + count * self.of_name as usize;
        let record = take(self.bytes, records + place * of_record, self.of_record) as u32;
        let lacks = self.lacks && take(self.bytes, records + count * of_record + place, 1) == 1;
        Posting { name, record: self.lowest.wrapping_add(record), has: !lacks }
    }

    fn names(&self) -> impl Iterator<Item = (usize, u64)> {
        let (mut name, width) = (self.first, self.of_name);
        (0..self.count).map(move |place| {
            let step = take(self.bytes, HEAD * 8 + place * width as usize, width);
            name = name.wrapping_add(step);
            (place, name)
        })
    }

    /// The postings of a name.
    pub(super) fn of(&self, wanted: u64, mut each: impl FnMut(Posting)) {
        /// Steps of so many bits lie in the eight bytes in which they begin.
        const NARROW: u32 = 57;
        let bytes = &self.bytes[HEAD.min(self.bytes.len())..];
        let (mut name, mut bit, width) = (self.first, 0, self.of_name);
        let mask = mask(width);
        for place in 0..self.count {
            let step = if width <= NARROW {
                let from = bytes.get(bit / 8..).and_then(|bytes| bytes.first_chunk());
                from.map_or(0, |bytes| u64::from_le_bytes(*bytes)) >> (bit % 8) & mask
            } else {
                take(bytes, bit, width)
            };
            name = name.wrapping_add(step);
            bit += width as usize;
            if name >= wanted {
                if name > wanted {
                    return;
                }
                each(self.at(place, name));
            }
        }
    }

    /// All postings, in order.
    pub(super) fn all(&self, mut each: impl FnMut(Posting)) {
        self.names().for_each(|(place, name)| each(self.at(place, name)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn postings() -> impl Strategy<Value = Vec<Posting>> {
        let name = prop_oneof![0..4_u64, any::<u64>(), Just(u64::MAX)];
        let record = prop_oneof![0..4_u32, any::<u32>()];
        prop::collection::btree_map((name, record), any::<bool>(), 1..=MOST_AT_ONCE).prop_map(
            |all| {
                let posting = |((name, record), has)| Posting { name, record, has };
                all.into_iter().map(posting).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_packed_is_read_and_a_changed_byte_is_noticed(
            postings in postings(), seed in any::<u64>(), place in any::<prop::sample::Index>(),
        ) {
            let mut bytes = vec![7; 24];
            pack(&postings, seed, &mut bytes);
            let mut bytes = bytes.split_off(24);
            prop_assert!(bytes.len().is_multiple_of(8) && bytes.len() <= MOST);
            let length = bytes.len();
            bytes.extend([0; SLACK]);
            let chunk = Chunk::open(&bytes, seed, postings[0].name).unwrap();
            prop_assert_eq!(chunk.length(), length);
            let mut read = Vec::new();
            chunk.all(|posting| read.push(posting));
            prop_assert_eq!(&read, &postings);
            for wanted in [postings[postings.len() / 2].name, 3] {
                let mut found = Vec::new();
                chunk.of(wanted, |posting| found.push(posting));
                let of: Vec<_> = postings.iter().filter(|p| p.name == wanted).copied().collect();
                prop_assert_eq!(found, of);
            }
            prop_assert!(Chunk::open(&bytes, seed ^ 1, 0).is_none());
            bytes[place.index(length)] ^= 0x10;
            prop_assert!(Chunk::open(&bytes, seed, postings[0].name).is_none());
        }
    }
}
