//! Texts one after the other in one piece of memory: a record has dozens of keys, each of a few letters.

/// A list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Texts {
    all: String,
    /// Where each ends in `all`.
    ends: Vec<usize>,
}

impl Texts {
    pub(crate) const fn new() -> Self {
        Self { all: String::new(), ends: Vec::new() }
    }

    /// Put one behind the others.
    pub(crate) fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    pub(crate) fn clear(&mut self) {
        self.all.clear();
        self.ends.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.all[start..end])
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |end| &self.all[std::mem::replace(&mut start, *end)..*end])
    }

    /// Each once, sorted.
    pub(crate) fn sorted(&self) -> Self {
        let mut texts: Vec<&str> = self.iter().collect();
        texts.sort_unstable();
        texts.dedup();
        let length = texts.iter().map(|text| text.len()).sum();
        let mut sorted =
            Self { all: String::with_capacity(length), ends: Vec::with_capacity(texts.len()) };
        texts.into_iter().for_each(|text| sorted.push(text));
        sorted
    }
}

impl<'t> FromIterator<&'t str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

/// Whether two lists of sorted texts have one in common.
pub(crate) fn share(left: &Texts, right: &Texts) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(l), Some(r)) = (left.get(i), right.get(j)) {
        match l.cmp(r) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_is_what_was_put_in(texts in prop::collection::vec("[aé]{0,3}", 0..8)) {
            let list: Texts = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), texts.clone());
            prop_assert_eq!((list.len(), list.is_empty()), (texts.len(), texts.is_empty()));
            for at in 0..texts.len() + 1 {
                prop_assert_eq!(list.get(at), texts.get(at).map(String::as_str));
            }
            let sorted: std::collections::BTreeSet<&str> = list.iter().collect();
            prop_assert!(list.sorted().iter().eq(sorted));
        }

        #[test]
        fn two_lists_share_what_is_in_both(
            one in prop::collection::vec("[ab]{0,2}", 0..5), two in prop::collection::vec("[ab]{0,2}", 0..5),
        ) {
            let sorted = |texts: &[String]| texts.iter().map(String::as_str).collect::<Texts>().sorted();
            let is_shared = one.iter().any(|text| two.contains(text));
            prop_assert_eq!(share(&sorted(&one), &sorted(&two)), is_shared);
        }
    }
}
