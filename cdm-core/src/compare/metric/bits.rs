//! Where in a text of up to 64 characters a character stands, as a bit mask.

/// The most characters that one mask covers.
pub(super) const WORD: usize = 64;

/// A character of a text: a byte where the whole text is ASCII, else a scalar value.
pub(super) trait Unit: Copy {
    /// The masks of any text of up to [`WORD`] such units.
    type Table: Masks;

    fn code(self) -> u32;

    fn table(text: &[Self]) -> Self::Table;
}

/// For each character, the positions at which a pattern has it.
pub(super) trait Masks {
    fn of(&self, code: u32) -> u64;
}

impl<M: Masks> Masks for Box<M> {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        (**self).of(code)
    }
}

impl Unit for u8 {
    type Table = AsciiTable;

    #[inline]
    fn code(self) -> u32 {
        self.into()
    }

    fn table(text: &[Self]) -> AsciiTable {
        AsciiTable::new(text)
    }
}

impl Unit for char {
    type Table = CharTable;

    #[inline]
    fn code(self) -> u32 {
        self.into()
    }

    fn table(text: &[Self]) -> CharTable {
        CharTable::new(text)
    }
}

/// Up to 16 ASCII bytes in two words: a character is sought in all of them at once, so that there
/// is no table to fill before the first look.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    low: u64,
    high: u64,
}

impl Packed {
    pub(super) const MOST: usize = 16;

    /// `text` is ASCII and at most [`MOST`](Self::MOST) long; what is beyond is left out.
    #[inline]
    pub(super) fn new(text: &[u8]) -> Self {
        // A byte that is no ASCII is equal to none.
        let mut bytes = [0x80; Self::MOST];
        for (byte, unit) in bytes.iter_mut().zip(text) {
            *byte = *unit;
        }
        let word = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[from..from + 8]);
            u64::from_le_bytes(eight)
        };
        Self { low: word(0), high: word(8) }
    }
}

impl Masks for Packed {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        if code >= 0x80 {
            return 0;
        }
        let repeated = u64::from(code) * 0x0101_0101_0101_0101;
        gather(zero_bytes(self.low ^ repeated)) | gather(zero_bytes(self.high ^ repeated)) << 8
    }
}

/// The lowest bit of each byte that is zero.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    !(((word & SEVEN) + SEVEN) | word | SEVEN) >> 7
}

/// The lowest bits of the eight bytes side by side. The products meet no other in any bit, so that
/// nothing carries.
#[inline]
fn gather(bytes: u64) -> u64 {
    bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The masks of up to 64 ASCII bytes.
#[derive(Debug, Clone)]
pub(super) struct AsciiTable([u64; 128]);

impl AsciiTable {
    pub(super) fn new(text: &[u8]) -> Self {
        let mut masks = [0; 128];
        for (position, byte) in text.iter().take(WORD).enumerate() {
            masks[usize::from(byte & 0x7F)] |= 1 << position;
        }
        Self(masks)
    }
}

impl Masks for AsciiTable {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        self.0.get(code as usize).copied().unwrap_or(0)
    }
}

/// The masks of up to 64 characters of any script, hashed into twice as many slots.
#[derive(Debug, Clone)]
pub(super) struct CharTable {
    /// Code and mask; a mask of 0 is an empty slot.
    slots: [(u32, u64); Self::SLOTS],
}

impl CharTable {
    const SLOTS: usize = 2 * WORD;

    pub(super) fn new(text: &[char]) -> Self {
        let mut table = Self { slots: [(0, 0); Self::SLOTS] };
        for (position, c) in text.iter().take(WORD).enumerate() {
            let slot = table.slot(c.code());
            table.slots[slot].0 = c.code();
            table.slots[slot].1 |= 1 << position;
        }
        table
    }

    /// Where the code is, or would be: half of the slots at least are empty, so the walk ends.
    #[inline]
    fn slot(&self, code: u32) -> usize {
        let mut slot = (code ^ code >> 7) as usize % Self::SLOTS;
        while self.slots[slot].1 != 0 && self.slots[slot].0 != code {
            slot = (slot + 1) % Self::SLOTS;
        }
        slot
    }
}

impl Masks for CharTable {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        self.slots[self.slot(code)].1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_mask_has_a_bit_for_each_place(text in "[\\x00-\\x7F]{0,70}", other in "[a-c\\x00é]{0,64}") {
            let places = |text: &str, c: char| {
                text.chars().take(WORD).enumerate().filter(|(_, d)| *d == c)
                    .fold(0u64, |mask, (place, _)| mask | 1 << place)
            };
            let ascii = AsciiTable::new(text.as_bytes());
            let short = &text[..text.len().min(Packed::MOST)];
            let packed = Packed::new(short.as_bytes());
            let chars = CharTable::new(&other.chars().collect::<Vec<_>>());
            for c in (0..=0x7F_u8).map(char::from).chain("é\u{80}\u{10FFFF}".chars()) {
                prop_assert_eq!(ascii.of(c.code()), places(&text, c));
                prop_assert_eq!(packed.of(c.code()), places(short, c));
                prop_assert_eq!(chars.of(c.code()), places(&other, c));
            }
        }
    }
}
