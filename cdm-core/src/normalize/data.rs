//! The lists under `data/`, read once on first use.
//!
//! A list is UTF-8 text: one entry a line, columns separated by tabs, `#` starts a comment line.
//! The head of each file names its source and licence.

use hashbrown::HashMap;

/// Words or phrases of a list, each with what is known of it.
///
/// Nearly every word that is looked up is in none of the lists, which its first letter and its length tell for most.
pub(super) struct Listed<T> {
    known: HashMap<&'static str, T>,
    /// By first byte, how long the words are that begin so, as bits; the last one for longer ones.
    lengths: [u64; 256],
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), lengths: [0; 256] }
    }
}

impl<T> Listed<T> {
    #[inline]
    pub(super) fn get(&self, word: &str) -> Option<&T> {
        let first = *word.as_bytes().first()?;
        let is_possible = self.lengths[usize::from(first)] >> length_bit(word) & 1 == 1;
        if is_possible { self.known.get(word) } else { None }
    }

    #[inline]
    pub(super) fn contains(&self, word: &str) -> bool {
        self.get(word).is_some()
    }

    /// The entry of a word, which nobody looks up where it is empty.
    pub(super) fn entry(
        &mut self,
        word: &'static str,
    ) -> hashbrown::hash_map::Entry<'_, &'static str, T, hashbrown::DefaultHashBuilder> {
        if let Some(first) = word.bytes().next() {
            self.lengths[usize::from(first)] |= 1 << length_bit(word);
        }
        self.known.entry(word)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.known.values_mut()
    }
}

/// Of several entries of one word the last counts.
impl<T> FromIterator<(&'static str, T)> for Listed<T> {
    fn from_iter<I: IntoIterator<Item = (&'static str, T)>>(entries: I) -> Self {
        let mut listed = Self::default();
        for (word, known) in entries {
            listed.entry(word).insert(known);
        }
        listed
    }
}

#[inline]
fn length_bit(word: &str) -> usize {
    word.len().min(63)
}

/// The entries of a list: each line's columns, comments and blank lines left out.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::trim).collect())
}
