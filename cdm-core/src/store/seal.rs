//! Keys and seals: what keeps values from those without the key, and tells when a byte was changed.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::bound::{BoundModel, BoundRecord, Keying};
use crate::schema::{EntityId, RecordKey};

/// The caller's key of a store that is encrypted at rest: 32 bytes that nobody else knows.
///
/// The store cannot be opened without it, by anybody. `Debug` hides it.
///
/// # Examples
/// ```
/// let key = cdm_core::store::StoreKey::new([7; 32]);
/// assert_eq!(format!("{key:?}"), "StoreKey(..)");
/// ```
#[derive(Clone)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// These bytes, which must come from a source of randomness or a key service, not from a
    /// pass-phrase as it stands.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// What seals values and names keys in one store.
#[derive(Clone)]
pub(super) struct Seals {
    /// Hashes of keys are keyed by this: without it nobody can try values out.
    naming: [u8; 32],
    cipher: Option<XChaCha20Poly1305>,
}

/// An id is a number in a Feistel network of so many rounds over two halves of so many bits.
const ROUNDS: u8 = 4;
const HALF: u32 = 40;

/// How much longer sealed bytes are than what they seal, at most.
const NONCE: usize = 24;
pub(super) const SUM: usize = 16;

impl Seals {
    /// The seals of a store with that salt.
    pub(super) fn new(salt: &[u8; 32], key: Option<&StoreKey>) -> Self {
        let derive = |purpose: &str| {
            let secret = key.map_or(&[][..], |key| &key.0[..]);
            blake3::derive_key(purpose, &[secret, salt].concat())
        };
        let cipher = key.map(|_| {
            let secret = derive("cdm store 2026 cells v1");
            XChaCha20Poly1305::new(Key::from_slice(&secret))
        });
        Self { naming: derive("cdm store 2026 names v1"), cipher }
    }

    /// How long that many bytes are when they are sealed.
    pub(super) fn length(&self, plain: usize) -> usize {
        plain + if self.cipher.is_some() { NONCE + SUM } else { SUM }
    }

    /// Bytes that may lie in the open, for a cell at `place`.
    pub(super) fn seal(&self, place: u64, plain: &[u8]) -> Option<Vec<u8>> {
        let Some(cipher) = &self.cipher else {
            return Some([&self.sum(place, plain)[..], plain].concat());
        };
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: plain, aad: &place.to_le_bytes() };
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// What was sealed for that place; `None` where a byte was changed, or the key is another.
    pub(super) fn open(&self, place: u64, sealed: &[u8]) -> Option<Vec<u8>> {
        let Some(cipher) = &self.cipher else {
            let (sum, plain) = sealed.split_at_checked(SUM)?;
            return (sum == self.sum(place, plain)).then(|| plain.to_vec());
        };
        let (nonce, rest) = sealed.split_at_checked(NONCE)?;
        let payload = Payload { msg: rest, aad: &place.to_le_bytes() };
        cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
    }

    fn sum(&self, place: u64, plain: &[u8]) -> [u8; SUM] {
        let mut hasher = self.hasher(b's');
        hasher.update(&place.to_le_bytes()).update(plain);
        first(&hasher)
    }

    /// The sum of what lies in the log, in that place.
    pub(super) fn logged(&self, place: u64, bytes: &[u8]) -> [u8; SUM] {
        let mut hasher = self.hasher(b'l');
        hasher.update(&place.to_le_bytes()).update(bytes);
        first(&hasher)
    }

    /// The name of a record key.
    pub(super) fn record(&self, key: &RecordKey) -> [u8; 16] {
        let mut hasher = self.hasher(b'r');
        text(&mut hasher, &key.source);
        text(&mut hasher, &key.id);
        first(&hasher)
    }

    /// The name of a key that a rule gives a record.
    pub(super) fn key(&self, keying: Keying, texts: &[&str]) -> u64 {
        Self::short(self.long_key(keying, texts))
    }

    /// The names of a record's keys under some rules, each with its rule.
    pub(super) fn keys(
        &self,
        bound: &BoundModel,
        record: &BoundRecord,
        wanted: impl Fn(&Keying) -> bool,
    ) -> Vec<(Keying, u64)> {
        let mut names = Vec::with_capacity(LIKELY_KEYS);
        for keying in bound.keyings().filter(wanted) {
            bound.each_key(keying, record, |key| names.push((keying, self.key(keying, key))));
        }
        names
    }

    /// The same of a record that has some keys in common with another one, of which they are known.
    pub(super) fn keys_beside(
        &self,
        bound: &BoundModel,
        record: &BoundRecord,
        (other, known): (&BoundRecord, &[(Keying, u64)]),
    ) -> Vec<(Keying, u64)> {
        let (mut names, mut known) = (Vec::with_capacity(known.len()), known);
        for keying in bound.keyings() {
            // Keys of one rule come one after the other, in the order of rules.
            let (of_rule, rest) = known.split_at(known.partition_point(|(of, _)| *of <= keying));
            known = rest;
            if bound.has_same_keys(keying, record, other) {
                names.extend(of_rule);
            } else {
                bound.each_key(keying, record, |key| names.push((keying, self.key(keying, key))));
            }
        }
        names
    }

    /// The name of a key, of a longer name of it.
    pub(super) fn short(name: u128) -> u64 {
        (name >> 64) as u64
    }

    /// A name that no other key has, as good as surely; in the order of the shorter ones.
    pub(super) fn long_key(&self, keying: Keying, texts: &[&str]) -> u128 {
        let (kind, rule) = match keying {
            Keying::Rule(rule) => (b'm', rule),
            Keying::Blocking(rule) => (b'b', rule),
        };
        // A hasher is much larger than most keys are: those are hashed where they lie.
        let mut room = [0; FEW_BYTES];
        if let Some(length) = lay_out(&mut room, (kind, rule), texts) {
            let hash = blake3::keyed_hash(&self.naming, &room[..length]);
            let name: [u8; 16] = std::array::from_fn(|at| hash.as_bytes()[at]);
            return u128::from_be_bytes(name);
        }
        let mut hasher = self.hasher(kind);
        hasher.update(&rule.to_le_bytes());
        texts.iter().for_each(|part| text(&mut hasher, part));
        u128::from_be_bytes(first(&hasher))
    }

    /// The id of the entity of that number: as good as random, though no two have the same.
    pub(super) fn entity(&self, number: u32) -> EntityId {
        let (mut left, mut right) = (u64::from(number), 0);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.half(round, right));
        }
        EntityId::from_bits(u128::from(left) << HALF | u128::from(right))
    }

    /// The number of the entity of that id; `None` of one that this store would never give.
    pub(super) fn number(&self, id: &EntityId) -> Option<u32> {
        let bits = id.bits();
        let (mut left, mut right) =
            ((bits >> HALF) as u64, bits as u64 & (u64::MAX >> (64 - HALF)));
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.half(round, left), left);
        }
        if right == 0 { left.try_into().ok() } else { None }
    }

    fn half(&self, round: u8, half: u64) -> u64 {
        let mut hasher = self.hasher(b'e');
        hasher.update(&[round]).update(&half.to_le_bytes());
        u64::from_le_bytes(first(&hasher)) >> (64 - HALF)
    }

    /// What tells one document from another.
    pub(super) fn print(&self, document: &[u8]) -> [u8; 16] {
        let mut hasher = self.hasher(b'd');
        hasher.update(document);
        first(&hasher)
    }

    fn hasher(&self, purpose: u8) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.naming);
        hasher.update(&[purpose]);
        hasher
    }
}

/// So many keys few records have more of.
const LIKELY_KEYS: usize = 160;

/// Most keys are laid out in so many bytes.
const FEW_BYTES: usize = 256;

/// The bytes of a key as a hasher would get them one after the other; how many, where there is room.
fn lay_out(room: &mut [u8], (kind, rule): (u8, u32), texts: &[&str]) -> Option<usize> {
    let mut end = 0;
    let mut put = |bytes: &[u8]| {
        room.get_mut(end..end + bytes.len())?.copy_from_slice(bytes);
        end += bytes.len();
        Some(())
    };
    put(&[kind])?;
    put(&rule.to_le_bytes())?;
    for text in texts {
        put(&(text.len() as u64).to_le_bytes())?;
        put(text.as_bytes())?;
    }
    Some(end)
}

/// The length keeps ("a", "bc") and ("ab", "c") apart.
fn text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn first<const N: usize>(hasher: &blake3::Hasher) -> [u8; N] {
    let mut bytes = [0; N];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_number_and_another_to_none() {
        let seals = Seals::new(&[1; 32], None);
        for number in [0, 1, 2, 77_777, u32::MAX] {
            let id = seals.entity(number);
            assert_eq!(EntityId::from_bits(id.bits()), id);
            assert_eq!(seals.number(&id), Some(number));
            assert_eq!(seals.number(&EntityId::from_bits(id.bits() ^ 4)), None);
        }
    }

    #[test]
    fn a_key_has_one_name_however_long_it_is() {
        let seals = Seals::new(&[1; 32], None);
        for length in [0, 1, 30, 110, 111, 112, 113, 130, 1000] {
            let (long, keying) = ("x".repeat(length), Keying::Blocking(7));
            let texts = ["ann", &long, "Łódź"];
            let mut hasher = seals.hasher(b'b');
            hasher.update(&7_u32.to_le_bytes());
            texts.iter().for_each(|part| text(&mut hasher, part));
            let name = u128::from_be_bytes(first(&hasher));
            assert_eq!(seals.long_key(keying, &texts), name, "{length}");
        }
    }

    #[test]
    fn a_seal_opens_in_its_place_with_its_key_and_unchanged_alone() {
        let key = |byte| StoreKey::new([byte; 32]);
        for (seals, others) in [
            (Seals::new(&[1; 32], None), Seals::new(&[2; 32], None)),
            (Seals::new(&[1; 32], Some(&key(1))), Seals::new(&[1; 32], Some(&key(2)))),
        ] {
            let sealed = seals.seal(7, b"ann@example.org").unwrap();
            assert_eq!(seals.open(7, &sealed).unwrap(), b"ann@example.org");
            assert_eq!(sealed.len(), seals.length(15));
            assert!(seals.open(8, &sealed).is_none() && others.open(7, &sealed).is_none());
            for byte in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[byte] ^= 1;
                assert!(seals.open(7, &changed).is_none());
                assert!(seals.open(7, &sealed[..byte]).is_none());
            }
        }
    }
}
