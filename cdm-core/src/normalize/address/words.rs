//! The lists of words that addresses are made of, ready for looking up.

use std::sync::LazyLock;

use crate::normalize::data::{Listed, rows};

/// Phrases of one or more words, found by their first.
pub(super) struct Phrases<T> {
    by_head: Listed<Vec<(Vec<&'static str>, T)>>,
}

impl<T> Phrases<T> {
    fn new(entries: impl Iterator<Item = (&'static str, T)>) -> Self {
        let mut by_head: Listed<Vec<(Vec<_>, T)>> = Listed::default();
        for (phrase, value) in entries {
            let mut words = phrase.split('_');
            if let Some(head) = words.next().filter(|head| !head.is_empty()) {
                by_head.entry(head).or_default().push((words.collect(), value));
            }
        }
        // Longest first; among equals the order of the list, so that its first entry wins.
        by_head
            .values_mut()
            .for_each(|tails| tails.sort_by_key(|(tail, _)| usize::MAX - tail.len()));
        Self { by_head }
    }

    /// Whether some phrase begins with the word.
    pub(super) fn has_head(&self, word: &str) -> bool {
        self.by_head.contains(word)
    }

    /// Every phrase that `words` begins with, longest first, and how many words it has.
    pub(super) fn all<'a>(&'a self, words: &'a [&str]) -> impl Iterator<Item = (usize, &'a T)> {
        let head = words.first().and_then(|head| self.by_head.get(head));
        head.into_iter().flatten().filter_map(|(tail, value)| {
            words[1..].starts_with(tail).then_some((tail.len() + 1, value))
        })
    }

    /// The longest phrase that `words` begins with.
    pub(super) fn longest<'a>(&'a self, words: &'a [&str]) -> Option<(usize, &'a T)> {
        self.all(words).next()
    }
}

/// A kind of street that stands after the name.
#[derive(Clone, Copy)]
pub(super) struct LastType {
    pub(super) canonical: &'static str,
    /// What follows it is no longer the street.
    pub(super) is_sure: bool,
}

/// A kind of street that stands before the name.
pub(super) struct FirstType {
    pub(super) language: &'static str,
    pub(super) canonical: &'static str,
}

/// A kind of street at the end of a compound word.
pub(super) struct GluedType {
    pub(super) language: &'static str,
    pub(super) canonical: &'static str,
    pub(super) ending: &'static str,
}

/// Part of a building.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Building,
    Stair,
    Floor,
    Unit,
}

impl Part {
    pub(super) fn word(self) -> &'static str {
        match self {
            Part::Building => "building",
            Part::Stair => "stair",
            Part::Floor => "floor",
            Part::Unit => "unit",
        }
    }
}

/// A word for part of a building.
pub(super) struct UnitWord {
    pub(super) part: Part,
    pub(super) shape: UnitShape,
}

/// What a word for part of a building needs beside it.
pub(super) enum UnitShape {
    /// A value after it.
    Value,
    /// A value after it or an ordinal before it.
    Either,
    /// Nothing: it stands for this value.
    Bare(&'static str),
}

pub(super) struct Words {
    pub(super) last_types: Listed<LastType>,
    pub(super) first_types: Phrases<FirstType>,
    pub(super) glued_types: Vec<GluedType>,
    /// Of the endings of these, those of more than two bytes, by their last byte.
    long_endings: Vec<Vec<&'static str>>,
    pub(super) dropped: Vec<&'static str>,
    pub(super) units: Phrases<UnitWord>,
    pub(super) boxes: Phrases<&'static str>,
    pub(super) directions: Phrases<&'static str>,
}

impl Words {
    /// Whether the word is a kind of street after which the street is over.
    pub(super) fn is_sure_type(&self, word: &str) -> bool {
        self.last_types.get(word).is_some_and(|last| last.is_sure)
    }

    /// The endings of more than two bytes that `word` may have.
    pub(super) fn long_endings(&self, word: &str) -> &[&'static str] {
        word.bytes().last().map_or(&[], |last| &self.long_endings[usize::from(last)])
    }
}

/// Whether some word of a text, transliterated, is a kind of street or ends in one: `high street`,
/// `rue verte`, `hauptstrasse`.
pub(crate) fn has_street_word(ascii: &str) -> bool {
    let words: Vec<&str> = ascii.split(' ').filter(|word| !word.is_empty()).collect();
    (0..words.len()).any(|at| {
        let word = words[at];
        let ends_so = |ending: &&str| word.len() > ending.len() + 2 && word.ends_with(*ending);
        at > 0 && WORDS.last_types.contains(word)
            || WORDS.first_types.all(&words[at..]).next().is_some()
            || WORDS.long_endings(word).iter().any(ends_so)
    })
}

pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let types: Vec<_> = rows(include_str!("../data/street_types.txt"))
        .filter(|row| row.len() >= 3)
        .flat_map(|row| {
            let other = row.get(3).copied().unwrap_or("");
            let spellings = std::iter::once(row[2]).chain(other.split('|'));
            let spellings: Vec<_> = spellings.filter(|word| !word.is_empty()).collect();
            spellings.into_iter().map(move |word| (row[0], row[1], row[2], word))
        })
        .collect();
    let mut last_types = Listed::default();
    for &(_, place, canonical, word) in types.iter().filter(|entry| entry.1.starts_with("last")) {
        last_types.entry(word).or_insert(LastType { canonical, is_sure: place == "last!" });
    }
    let units =
        rows(include_str!("../data/units.txt")).filter(|row| row.len() == 3).flat_map(|row| {
            let (class, shape) = (row[0], row[1]);
            row[2].split('|').map(move |word| {
                let part = match class {
                    "building" => Part::Building,
                    "stair" => Part::Stair,
                    "floor" => Part::Floor,
                    _ => Part::Unit,
                };
                let (word, value) = word.split_once('=').unwrap_or((word, ""));
                let shape = match shape {
                    "bare" => UnitShape::Bare(value),
                    "either" => UnitShape::Either,
                    _ => UnitShape::Value,
                };
                (word, UnitWord { part, shape })
            })
        });
    let pairs = |list: &'static str| {
        rows(list).filter(|row| row.len() == 2).flat_map(|row| {
            let class = row[0];
            row[1].split('|').map(move |phrase| (phrase, class))
        })
    };
    let glued_types: Vec<GluedType> = types
        .iter()
        .filter(|entry| entry.1.starts_with("glue"))
        .map(|&(language, _, canonical, ending)| GluedType { language, canonical, ending })
        .collect();
    let mut long_endings = vec![Vec::new(); 256];
    for ending in glued_types.iter().map(|glued| glued.ending).filter(|ending| ending.len() > 2) {
        if let Some(last) = ending.bytes().last() {
            long_endings[usize::from(last)].push(ending);
        }
    }
    Words {
        last_types,
        first_types: Phrases::new(types.iter().filter(|entry| entry.1 == "first").map(
            |&(language, _, canonical, word)| {
                // A name of two words is found by either of them joined.
                (word, FirstType { language, canonical })
            },
        )),
        glued_types,
        long_endings,
        dropped: types.iter().filter(|entry| entry.1 == "drop").map(|entry| entry.3).collect(),
        units: Phrases::new(units),
        boxes: Phrases::new(pairs(include_str!("../data/po_boxes.txt"))),
        directions: Phrases::new(pairs(include_str!("../data/directionals.txt"))),
    }
});

/// A house or flat number: begins with a digit, and is not an ordinal (`51st`).
pub(super) fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.len() <= 9
        && !word.ends_with('*')
        && !is_ordinal(word)
        && letters_of(word) <= 3
}

fn letters_of(word: &str) -> usize {
    let letters = word.bytes().filter(u8::is_ascii_lowercase).count();
    let known = ["bis", "ter", "quater"].iter().any(|end| word.ends_with(end));
    if known || letters <= 1 || word.contains('-') { letters.min(3) } else { letters + 2 }
}

/// `1st`, `2nd`, `51st`, `1er`, `2eme`, `3*`.
pub(super) fn is_ordinal(word: &str) -> bool {
    let end = word.trim_start_matches(|c: char| c.is_ascii_digit());
    end.len() < word.len()
        && matches!(
            end,
            "st" | "nd"
                | "rd"
                | "th"
                | "er"
                | "eme"
                | "ere"
                | "ieme"
                | "do"
                | "ra"
                | "ro"
                | "ta"
                | "to"
                | "*"
        )
}

/// One to four (`i` to `ix`) in Roman numerals, as storeys have.
pub(super) fn roman(word: &str) -> Option<&'static str> {
    Some(match word {
        "i" => "1",
        "ii" => "2",
        "iii" => "3",
        "iv" => "4",
        "v" => "5",
        "vi" => "6",
        "vii" => "7",
        "viii" => "8",
        "ix" => "9",
        _ => return None,
    })
}
