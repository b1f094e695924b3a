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
    /// A bit for each byte that there is: the others are 0 and would equal U+0000.
    used: u64,
}

impl Packed {
    pub(super) const MOST: usize = 16;

    /// `text` is ASCII and at most [`MOST`](Self::MOST) long; what is beyond is left out.
    #[inline]
    pub(super) fn new(text: &[u8]) -> Self {
        let used = (1 << text.len().min(Self::MOST)) - 1;
        match text.split_first_chunk::<8>() {
            None => Self { low: up_to_8(text), high: 0, used },
            Some((low, rest)) => {
                let high = match rest.first_chunk::<8>() {
                    Some(high) => u64::from_le_bytes(*high),
                    None => up_to_8(rest),
                };
                Self { low: u64::from_le_bytes(*low), high, used }
            }
        }
    }
}

impl Masks for Packed {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        if code >= 0x80 {
            return 0;
        }
        let repeated = u64::from(code) * 0x0101_0101_0101_0101;
        // Most names need no second word, which is so for every character of a pair.
        if self.used <= 0xFF {
            return equal_bytes(self.low, repeated) & self.used;
        }
        (equal_bytes(self.low, repeated) | equal_bytes(self.high, repeated) << 8) & self.used
    }
}

/// Fewer than 8 bytes as a word, by loads that overlap.
#[inline]
fn up_to_8(text: &[u8]) -> u64 {
    if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let shift = 8 * (text.len() - 4) as u32;
        u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << shift
    } else {
        text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }
}

/// A bit for each of the eight bytes in which two words of ASCII agree.
#[inline]
fn equal_bytes(left: u64, right: u64) -> u64 {
    // A difference of ASCII bytes is below 0x80, so that nothing carries into the next byte.
    let equal = !((left ^ right) + 0x7F7F_7F7F_7F7F_7F7F) & 0x8080_8080_8080_8080;
    // Gathers the highest bits side by side; the products meet no other in any bit.
    equal.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

/// Up to 16 characters of any script, each compared with the one that is sought.
#[derive(Debug, Clone)]
pub(super) struct FewChars {
    codes: [u32; Self::MOST],
}

impl FewChars {
    pub(super) const MOST: usize = 16;
    /// No character has this code.
    const NONE: u32 = u32::MAX;

    /// `text` is at most [`MOST`](Self::MOST) long; what is beyond is left out.
    #[inline]
    pub(super) fn new<U: Unit>(text: &[U]) -> Self {
        let mut codes = [Self::NONE; Self::MOST];
        for (code, unit) in codes.iter_mut().zip(text) {
            *code = unit.code();
        }
        Self { codes }
    }
}

impl Masks for FewChars {
    #[inline]
    fn of(&self, code: u32) -> u64 {
        let mut mask = 0_u32;
        for (place, known) in self.codes.iter().enumerate() {
            mask |= if *known == code { 1 << place } else { 0 };
        }
        mask.into()
    }
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
            let other_chars: Vec<char> = other.chars().collect();
            let chars = CharTable::new(&other_chars);
            let few = FewChars::new(&other_chars[..other_chars.len().min(FewChars::MOST)]);
            for c in (0..=0x7F_u8).map(char::from).chain("é\u{80}\u{10FFFF}".chars()) {
                prop_assert_eq!(ascii.of(c.code()), places(&text, c));
                prop_assert_eq!(packed.of(c.code()), places(short, c));
                prop_assert_eq!(chars.of(c.code()), places(&other, c));
                prop_assert_eq!(few.of(c.code()), places(&other, c) & 0xFFFF);
            }
        }
    }
}
