//! A record in a few hundred bytes: all that is ever asked of it when it is told from others, so that
//! nothing of it is normalised twice.
//!
//! Packs are of the model that they were made by, and of the [edition](EDITION) of this library: to others they say
//! nothing.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;

use super::compared::ComparedField;
use super::{BoundModel, BoundRecord};
use crate::compare::{KeptFacts, KeptPart, KeptRange, Prepared};
use crate::error::{Error, Result};
use crate::features::LooseKeys;
use crate::schema::RecordKey;

/// A packed record: its texts, of which each is there once, then its key with the keys of rules, then
/// the fields. Texts are said by where they lie, as most are another one or a part of it; what
/// comparisons note of a value is not there, as it is noted again sooner than it is read.
#[derive(Clone)]
pub(crate) struct Packed(Arc<[u8]>);

/// A higher one with every change by which some record's pack or keys come to be others: of how values are
/// normalised, of what is kept of them, or of how that is written down. A store of another one is not opened.
pub(crate) const EDITION: u32 = 1;

/// Few packs are of more bytes.
const LIKELY: usize = 512;

/// What is being packed.
#[derive(Default)]
struct Packing {
    texts: String,
    bytes: Vec<u8>,
    /// Where the text began that was said last: the next one is mostly near.
    last: usize,
}

impl Packing {
    fn number(&mut self, number: u64) {
        put_number(&mut self.bytes, number);
    }

    /// Say where a text lies, which is added where there is none like it.
    fn text(&mut self, text: &str) {
        let start = memmem::find(self.texts.as_bytes(), text.as_bytes()).unwrap_or_else(|| {
            self.texts.push_str(text);
            self.texts.len() - text.len()
        });
        let step = (start as i64).wrapping_sub(self.last as i64);
        // Steps back are odd, so that small ones are small numbers.
        self.number((step << 1 ^ step >> 63) as u64);
        self.number(text.len() as u64);
        self.last = start;
    }

    fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.number(texts.len() as u64);
        texts.for_each(|text| self.text(text));
    }

    fn value(&mut self, value: &Prepared) -> Result<()> {
        let bytes = postcard::to_extend(&value.kept_facts(), std::mem::take(&mut self.bytes));
        self.bytes = bytes.map_err(|_| unreadable())?;
        let parts = value.kept_parts();
        self.number(parts.len() as u64);
        for KeptPart { text, times, slot } in parts {
            // Most texts occur once.
            self.number(u64::from(slot) << 1 | u64::from(times != 1));
            if times != 1 {
                self.number(times.into());
            }
            self.text(text);
        }
        Ok(())
    }

    /// What was said since `start`, after how many bytes it is.
    fn close(&mut self, start: usize) {
        let end = self.bytes.len();
        self.number((end - start) as u64);
        let length = self.bytes.len() - end;
        self.bytes[start..].rotate_right(length);
    }
}

/// Seven bits a byte, the lowest first.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Made where it is needed alone: even an error that nobody gets has to be dropped, for every number that is read.
#[cold]
fn unreadable() -> Error {
    Error::UnreadablePack
}

/// What is read of a pack. Whatever does not fit is an error.
struct Unpacking<'p> {
    texts: &'p str,
    rest: &'p [u8],
    last: usize,
}

impl<'p> Unpacking<'p> {
    fn open(packed: &'p Packed) -> Result<Self> {
        let mut opened = Self { texts: "", rest: &packed.0, last: 0 };
        let texts = opened.bytes()?;
        opened.texts = std::str::from_utf8(texts).map_err(|_| unreadable())?;
        Ok(opened)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(unreadable)?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Error::UnreadablePack)
    }

    /// So many bytes as it says first.
    fn bytes(&mut self) -> Result<&'p [u8]> {
        let length = self.number()? as usize;
        let (own, rest) = self.rest.split_at_checked(length).ok_or_else(unreadable)?;
        self.rest = rest;
        Ok(own)
    }

    /// Where a text lies; whether one does is not known.
    fn range(&mut self) -> Result<Range<usize>> {
        let step = self.number()?;
        let step = (step >> 1) as i64 ^ -((step & 1) as i64);
        let start = (self.last as i64).wrapping_add(step) as usize;
        let end = start.checked_add(self.number()? as usize).ok_or_else(unreadable)?;
        self.last = start;
        Ok(start..end)
    }

    fn text(&mut self) -> Result<&'p str> {
        let range = self.range()?;
        self.texts.get(range).ok_or_else(unreadable)
    }

    /// As many things as it says first.
    fn many<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.number()? as usize;
        // Each takes a byte at least.
        let mut many = Vec::with_capacity(count.min(self.rest.len()));
        for _ in 0..count {
            many.push(one(self)?);
        }
        Ok(many)
    }

    fn value(&mut self) -> Result<Prepared> {
        let facts = postcard::take_from_bytes::<KeptFacts>(self.rest);
        let (facts, rest) = facts.map_err(|_| unreadable())?;
        self.rest = rest;
        let count = u32::try_from(self.number()?).map_err(|_| unreadable())?;
        let texts = self.texts;
        let value = Prepared::of_kept(facts, texts, (0..count).map(|_| self.part()))?;
        value.ok_or_else(unreadable)
    }

    fn part(&mut self) -> Result<KeptRange> {
        let slot = self.number()?;
        let times = if slot & 1 == 0 { 1 } else { self.number()? };
        let (times, slot) = (u16::try_from(times), u8::try_from(slot >> 1));
        let (times, slot) = times.ok().zip(slot.ok()).ok_or_else(unreadable)?;
        Ok(KeptRange { range: self.range()?, times, slot })
    }
}

impl BoundModel {
    /// Pack what two records are told apart by, and what groups of them are; nothing of blocking rules.
    ///
    /// # Errors
    /// [`Error::UnreadablePack`] where a value cannot be written down, which none is known to be.
    pub(crate) fn pack(&self, record: &BoundRecord) -> Result<Packed> {
        let bytes = Vec::with_capacity(LIKELY);
        let mut packing = Packing { bytes, ..Packing::default() };
        let RecordKey { source, id } = record.key();
        packing.text(source);
        packing.text(id);
        for number in self.expressions_of_rules() {
            let LooseKeys { texts, made } = self.features.keys(&record.features, number);
            packing.texts(texts.iter());
            packing.number(made.map_or(0, |made| made as u64 + 1));
        }
        packing.close(0);
        for position in &self.packed {
            let ComparedField { canonical, prepared, .. } = self.field(record, *position);
            let start = packing.bytes.len();
            packing.last = 0;
            packing.texts(canonical.iter().map(String::as_str));
            packing.number(prepared.len() as u64);
            prepared.iter().try_for_each(|value| packing.value(value))?;
            packing.close(start);
        }
        let Packing { texts, bytes, .. } = packing;
        let mut all = Vec::with_capacity(LIKELY);
        put_number(&mut all, texts.len() as u64);
        all.extend(texts.as_bytes());
        all.extend(bytes);
        Ok(Packed(all.into()))
    }

    /// A record as it was packed, of which the fields are made ready as they are asked for.
    ///
    /// # Errors
    /// [`Error::UnreadablePack`].
    pub(crate) fn unpack(&self, packed: Packed) -> Result<BoundRecord> {
        let mut opened = Unpacking::open(&packed)?;
        opened.rest = opened.bytes()?;
        let key = RecordKey::new(opened.text()?, opened.text()?);
        let keys = self.expressions_of_rules().map(|number| {
            let texts = opened.many(Unpacking::text)?.into_iter().collect();
            let made = opened.number()?.checked_sub(1).map(|made| made as usize);
            Ok((number, LooseKeys { texts, made }))
        });
        let features = self.features.known(key, keys.collect::<Result<_>>()?);
        Ok(BoundRecord { packed: Some(packed), ..self.empty(features) })
    }

    /// The field at that position of the schema of a record that was packed.
    pub(super) fn unpacked(&self, packed: &Packed, position: usize) -> Result<ComparedField> {
        let number = self.packed.binary_search(&position).map_err(|_| unreadable())?;
        let mut opened = Unpacking::open(packed)?;
        for _ in 0..=number {
            opened.bytes()?;
        }
        opened.rest = opened.bytes()?;
        let canonical = opened.many(|own| own.text().map(str::to_owned))?;
        let prepared = opened.many(Unpacking::value)?;
        Ok(self.sketches.noted(position, canonical, prepared))
    }

    fn expressions_of_rules(&self) -> impl Iterator<Item = usize> {
        let numbers = self.of_rules.iter().enumerate();
        numbers.filter(|(_, is_of_rule)| **is_of_rule).map(|(number, _)| number)
    }
}

impl Packed {
    /// A pack as it was written down.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// To be written down.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
impl Packed {
    /// The same with that byte another one.
    pub(super) fn changed(&self, place: usize, by: u8) -> Self {
        let mut bytes = self.0.to_vec();
        bytes[place] ^= by;
        Self(bytes.into())
    }

    /// Its first bytes alone.
    pub(super) fn cut(&self, length: usize) -> Self {
        Self(self.0[..length].into())
    }
}
