//! The word lists that names are read by.

use std::sync::LazyLock;

use super::super::data::{Listed, rows};

/// An honorific.
#[derive(Clone, Copy)]
pub(super) struct Honorific {
    /// As recorded; empty for noise such as `attn`.
    pub(super) form: &'static str,
    /// Also a name.
    pub(super) weak: bool,
    /// Faculty words may follow.
    pub(super) degree: bool,
    /// A surname where it stands alone.
    pub(super) alone: bool,
}

static HONORIFICS: LazyLock<Listed<Honorific>> = LazyLock::new(|| {
    rows(include_str!("../data/honorifics.txt"))
        .map(|row| {
            let form = row.get(1).copied().filter(|form| !form.is_empty()).unwrap_or(row[0]);
            let flag = row.get(2).copied().unwrap_or_default();
            let form = if form == "-" { "" } else { form };
            let (weak, degree, alone) = (flag == "weak", flag == "degree", flag == "alone");
            (row[0], Honorific { form, weak, degree, alone })
        })
        .collect()
});

pub(super) fn honorific(word: &str) -> Option<Honorific> {
    HONORIFICS.get(word).copied()
}

/// Whether the word is an honorific after a surname as well: `Müller Dr.`.
pub(super) fn is_trailing_honorific(word: &str) -> bool {
    matches!(word, "mr" | "mrs" | "ms" | "dr" | "drs" | "prof" | "mme" | "mlle" | "dhr" | "mevr")
}

/// The word as listed, where it names a faculty, or the like, after Dr. or Prof.
pub(super) fn faculty(word: &str) -> Option<&'static str> {
    const FACULTIES: &[&str] = &[
        "agr", "bac", "biol", "chem", "dent", "dres", "habil", "hc", "iur", "jur", "math", "med",
        "mont", "mult", "nat", "oec", "paed", "pharm", "phil", "phys", "pol", "päd", "rer", "sc",
        "scient", "soc", "tech", "techn", "theol", "univ", "vet", "ing", "dipl", "dipl-ing", "em",
    ];
    FACULTIES.iter().copied().find(|faculty| *faculty == word)
}

/// When a suffix counts as one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Wherever a name stands before it.
    None,
    /// Written apart: in capitals or dotted among other writing, or after a comma.
    Capitals,
    /// Written with a dot, or after a comma.
    Dot,
    /// After two words.
    TwoWords,
}

/// What follows a name.
#[derive(Clone, Copy)]
pub(super) struct Suffix {
    pub(super) form: &'static str,
    pub(super) generation: bool,
    pub(super) proof: Proof,
}

static SUFFIXES: LazyLock<Listed<Suffix>> = LazyLock::new(|| {
    rows(include_str!("../data/name_suffixes.txt"))
        .map(|row| {
            let suffix = Suffix {
                form: row.get(2).copied().filter(|form| !form.is_empty()).unwrap_or(row[0]),
                generation: row.get(1) == Some(&"generation"),
                proof: match row.get(3).copied() {
                    Some("caps") => Proof::Capitals,
                    Some("dot") => Proof::Dot,
                    Some("long") => Proof::TwoWords,
                    _ => Proof::None,
                },
            };
            (row[0], suffix)
        })
        .collect()
});

pub(super) fn suffix(word: &str) -> Option<Suffix> {
    SUFFIXES.get(word).copied()
}

/// A particle of surnames.
#[derive(Clone, Copy)]
pub(super) struct Particle {
    /// Also a name.
    pub(super) weak: bool,
    /// Usually shown with a capital letter.
    pub(super) capital: bool,
}

static PARTICLES: LazyLock<Listed<Particle>> = LazyLock::new(|| {
    rows(include_str!("../data/particles.txt"))
        .map(|row| {
            let flags = row.get(1).copied().unwrap_or_default();
            let particle =
                Particle { weak: flags.contains("weak"), capital: flags.contains("capital") };
            (row[0], particle)
        })
        .collect()
});

pub(super) fn particle(word: &str) -> Option<Particle> {
    PARTICLES.get(word).copied()
}

static IBERIAN: LazyLock<Listed<()>> = LazyLock::new(|| {
    let names = rows(include_str!("../data/iberian_surnames.txt")).flatten();
    names.map(|name| (name, ())).collect()
});

/// Whether a transliterated word is a surname common where people bear two.
pub(super) fn is_iberian(ascii: &str) -> bool {
    IBERIAN.contains(ascii)
}

/// What a word that is no name does to the words around it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// A remark, dropped where it stands in brackets.
    Remark,
    /// What follows is a former or other name.
    Marker,
    /// The same, but the word is a name too.
    LateMarker,
    /// Stands between two persons.
    And,
}

static NOTES: LazyLock<Listed<Note>> = LazyLock::new(|| {
    rows(include_str!("../data/name_notes.txt"))
        .map(|row| {
            let note = match row.get(1).copied() {
                Some("marker") => Note::Marker,
                Some("late") => Note::LateMarker,
                Some("and") => Note::And,
                _ => Note::Remark,
            };
            (row[0], note)
        })
        .collect()
});

/// What a word or phrase does where it is no name.
pub(super) fn note(phrase: &str) -> Option<Note> {
    NOTES.get(phrase).copied()
}

/// Which placeholder a word is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// Only as the whole value.
    Whole,
    /// Also beside other such words.
    Word,
    /// None: a name, whatever other kinds take it for.
    Name,
}

static BLANKS: LazyLock<Listed<Blank>> = LazyLock::new(|| {
    rows(include_str!("../data/name_placeholders.txt"))
        .map(|row| {
            let blank = match row.get(1).copied() {
                Some("word") => Blank::Word,
                Some("name") => Blank::Name,
                _ => Blank::Whole,
            };
            (row[0], blank)
        })
        .collect()
});

pub(super) fn blank(phrase: &str) -> Option<Blank> {
    BLANKS.get(phrase).copied()
}

static COMPANY_WORDS: LazyLock<Listed<bool>> = LazyLock::new(|| {
    rows(include_str!("../data/company_words.txt"))
        .map(|row| (row[0], row.get(1) == Some(&"caps")))
        .collect()
});

/// Whether the word makes a name look like an organisation's: `Some(true)` where only in capitals.
pub(super) fn company_word(word: &str) -> Option<bool> {
    COMPANY_WORDS.get(word).copied()
}

static EAST_ASIAN: LazyLock<Listed<()>> = LazyLock::new(|| {
    rows(include_str!("../data/east_asian_surnames.txt"))
        .flat_map(|row| row.into_iter().skip(1))
        .map(|name| (name, ()))
        .collect()
});

/// Whether the word is a surname written in Han characters or Hangul.
pub(super) fn is_east_asian_surname(word: &str) -> bool {
    EAST_ASIAN.contains(word)
}

#[cfg(test)]
mod tests {
    use hashbrown::HashSet;

    use super::*;
    use crate::normalize::fold;

    #[test]
    fn the_lists_are_folded_and_flags_are_known() {
        for (list, flags) in [
            (include_str!("../data/honorifics.txt"), &["", "weak", "degree", "alone"][..]),
            (include_str!("../data/name_suffixes.txt"), &["", "caps", "dot", "long"]),
            (include_str!("../data/particles.txt"), &["", "weak", "capital", "capital weak"]),
            (include_str!("../data/name_notes.txt"), &["note", "marker", "late", "and"]),
            (include_str!("../data/name_placeholders.txt"), &["", "word", "name"]),
            (include_str!("../data/company_words.txt"), &["", "caps"]),
        ] {
            let mut seen = HashSet::new();
            let column = if list.contains("degree") { 2 } else { 1 };
            let column = if list.contains("`generation`") { 3 } else { column };
            for row in rows(list) {
                assert_eq!(fold(row[0]), row[0]);
                assert!(seen.insert(row[0]), "{} is listed twice", row[0]);
                let flag = row.get(column).copied().unwrap_or_default();
                assert!(flags.contains(&flag), "{row:?}");
                assert!(row.len() <= column + 1, "{row:?}");
            }
        }
        for name in rows(include_str!("../data/iberian_surnames.txt")).flatten() {
            assert_eq!(crate::normalize::ascii(name), name);
        }
    }
}
