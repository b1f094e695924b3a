//! Nicknames, and the names they stand for.

use hashbrown::HashMap;
use std::sync::LazyLock;

use super::data::rows;

/// The classes of every listed name, sorted.
static CLASSES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut classes: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows(include_str!("data/nicknames.txt")) {
        let [head, members] = row[..] else { continue };
        for name in std::iter::once(head).chain(members.split(' ')) {
            classes.entry(name).or_default().push(head);
        }
    }
    for heads in classes.values_mut() {
        heads.sort_unstable();
        heads.dedup();
    }
    classes
});

/// The classes of first names that `name` belongs to, sorted: two names that share a class may be
/// one person's (Bob and Robert).
///
/// A class is named after its head, the full form. A name may be in several (Alex is short for
/// Alexander and Alexandra); one in none is a class of its own; there is none where the name has no
/// letter or digit. `name` is transliterated by [`ascii`](super::ascii) first, and looked up
/// as a whole: pass [`Form::Given`](super::Form::Given) to leave middle names out. Pet names are
/// spelt with one ending or another (Peggy, Peggie), so one that is not listed is looked up with
/// these. The list holds
/// short, pet and variant forms of English, German, French, Spanish, Italian, Dutch, Portuguese,
/// Slavic, Nordic, Greek, Arabic and other names; it was compiled for this library.
///
/// # Examples
/// ```
/// use cdm_core::normalize::nickname_classes;
/// assert_eq!(nickname_classes("Peggy"), ["margaret"]);
/// assert_eq!(nickname_classes("Peggie"), ["margaret"]);
/// assert_eq!(nickname_classes("Bobby"), ["robert", "roberta"]);
/// assert_eq!(nickname_classes("Zé"), ["jose"]);
/// assert_eq!(nickname_classes("Zaphod"), ["zaphod"]);
/// ```
#[must_use]
pub fn nickname_classes(name: &str) -> Vec<String> {
    let name = super::ascii(name);
    if let Some(heads) = CLASSES.get(name.as_str()) {
        return heads.iter().map(|head| (*head).to_owned()).collect();
    }
    let heads = of_another_ending(&name);
    match heads.is_empty() {
        false => heads.into_iter().map(str::to_owned).collect(),
        true if name.is_empty() => Vec::new(),
        true => vec![name],
    }
}

/// Whether a word, transliterated, is a first name of the list, whole or short.
pub(crate) fn is_first_name(word: &str) -> bool {
    CLASSES.contains_key(word)
}

/// The endings that pet names are spelt with, all of one sound; a longer one before what it ends in.
const ENDINGS: [&str; 4] = ["ie", "ey", "y", "i"];

/// The classes of what a name would be with another of these endings, sorted.
fn of_another_ending(name: &str) -> Vec<&'static str> {
    let Some(stem) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) else {
        return Vec::new();
    };
    // Behind two letters the ending is half the name: Ami is not Amy.
    if stem.len() < 3 {
        return Vec::new();
    }
    let spelt = ENDINGS.iter().filter_map(|ending| CLASSES.get(format!("{stem}{ending}").as_str()));
    let mut heads: Vec<&str> = spelt.flatten().copied().collect();
    heads.sort_unstable();
    heads.dedup();
    heads
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_is_transliterated_and_names_each_class_once() {
        let mut heads = Vec::new();
        for row in rows(include_str!("data/nicknames.txt")) {
            assert_eq!(row.len(), 2, "{row:?}");
            heads.push(row[0]);
            let mut members: Vec<_> = row[1].split(' ').collect();
            for name in members.iter().chain(&row[..1]) {
                assert_eq!(crate::normalize::ascii(name), *name, "{row:?}");
                assert!(!name.is_empty(), "{row:?}");
            }
            members.push(row[0]);
            let listed = members.len();
            members.sort_unstable();
            members.dedup();
            assert_eq!(members.len(), listed, "{row:?}");
        }
        let listed = heads.len();
        heads.sort_unstable();
        heads.dedup();
        assert_eq!(heads.len(), listed, "a head is listed twice");
        assert!(listed >= 200 && CLASSES.len() >= 600, "{listed} classes, {} names", CLASSES.len());
    }

    #[test]
    fn short_forms_meet_their_full_forms_in_several_languages() {
        for (short, full) in [
            ("Bill", "William"),
            ("Peggy", "Margaret"),
            ("Peggie", "Margaret"),
            ("Mandi", "Amanda"),
            ("Sepp", "Josef"),
            ("Hans", "Johannes"),
            ("Paco", "Francisco"),
            ("Pepe", "José"),
            ("Beppe", "Giuseppe"),
            ("Kees", "Cornelis"),
            ("Zé", "José"),
            ("Sasha", "Alexander"),
            ("Саша", "Александр"),
            ("Gosia", "Małgorzata"),
            ("Lasse", "Lars"),
            ("Jan", "Johannes"),
            ("Jürgen", "Juergen"),
            ("Nacho", "Ignacio"),
        ] {
            let full = nickname_classes(full);
            assert!(nickname_classes(short).iter().any(|c| full.contains(c)), "{short} {full:?}");
        }
    }

    proptest! {
        #[test]
        fn classes_are_sorted_and_there_are_some_unless_nothing_can_be_spelt(name in any::<String>()) {
            let classes = nickname_classes(&name);
            prop_assert!(classes.is_sorted());
            prop_assert_eq!(classes.is_empty(), crate::normalize::ascii(&name).is_empty());
        }
    }
}
