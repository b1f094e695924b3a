//! Apartments, floors, stairs and buildings out of the words of an address.

use super::street::Words;
use super::words::{Part, UnitShape, WORDS, is_number, is_ordinal, roman};

/// Take the units out of `words` and put them into `units`.
///
/// What is left is street, number and names. `is_first` says whether a street may stand in the
/// same part after a unit: `Unit 5/12 George St`.
pub(super) fn take_units(words: &mut Words<'_>, units: &mut Vec<(Part, String)>, is_first: bool) {
    let mut at = 0;
    while at < words.len() {
        let taken = short_unit(words, at)
            .or_else(|| floor_before(words, at))
            .or_else(|| marked_floor(words, at, units.is_empty()))
            .or_else(|| word_and_value(words, at, is_first))
            .or_else(|| bare(words, at, !units.is_empty()));
        let Some(Taken { length, part, value, number }) = taken else {
            at += 1;
            continue;
        };
        words.drain(at..at + length);
        if let Some(number) = number {
            words.insert(at, number);
        }
        units.push((part, value));
    }
    units.dedup();
}

struct Taken<'a> {
    length: usize,
    part: Part,
    value: String,
    /// A house number that was written together with the unit.
    number: Option<&'a str>,
}

/// `U5 12 George St`, as Australia writes it.
fn short_unit<'a>(words: &[&'a str], at: usize) -> Option<Taken<'a>> {
    let value = words[at].strip_prefix('u').filter(|_| at == 0)?;
    let digits = !value.is_empty() && value.len() <= 4 && value.bytes().all(|b| b.is_ascii_digit());
    let before_house = words.len() == 1 || words.len() > 2 && is_number(words[1]);
    (digits && before_house).then(|| Taken {
        length: 1,
        part: Part::Unit,
        value: plain(value),
        number: None,
    })
}

/// `2nd floor`, `1 OG`, `2º piso`: not in front of a street.
fn floor_before<'a>(words: &[&'a str], at: usize) -> Option<Taken<'a>> {
    let level = words[at];
    let digits = level.trim_end_matches(|c: char| !c.is_ascii_digit());
    if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.is_empty() || digits.len() > 3 {
        return None;
    }
    let simple = digits.len() == level.len() || is_ordinal(level) || level == format!("{digits}e");
    let (length, word) = WORDS.units.longest(&words[at + 1..])?;
    let after = words.get(at + 1 + length);
    let is_floor = matches!(word.shape, UnitShape::Either);
    if !simple || !is_floor || after.is_some_and(|next| is_value(next, 3) && next.len() > 1) {
        return None;
    }
    // `5 Stock Road` is a street; `1 OG` on its own is not.
    let goes_on = |next: &&str| is_number(next) || WORDS.units.longest(&[next]).is_some();
    if at == 0 && !after.is_none_or(goes_on) {
        return None;
    }
    Some(Taken { length: 1 + length, part: Part::Floor, value: plain(digits), number: None })
}

/// `3º B`, `3º izq`.
fn marked_floor<'a>(words: &[&'a str], at: usize, none_yet: bool) -> Option<Taken<'a>> {
    let digits = words[at].strip_suffix('*')?;
    let numbered = at > 0 && words[..at].iter().any(|word| is_number(word));
    if !digits.bytes().all(|b| b.is_ascii_digit()) || !(numbered || at == 0) {
        return None;
    }
    if at == 0 && words.len() > 2 {
        return None;
    }
    // A side (`izq`) is read as a unit of its own.
    let door = words.get(at + 1).filter(|next| !is_ordinal(next) && none_yet);
    let side = door.filter(|next| next.len() <= 2 && side_of(next).is_none());
    Some(match side {
        Some(side) => Taken {
            length: 2,
            part: Part::Unit,
            value: format!("{}{side}", plain(digits)),
            number: None,
        },
        None => Taken { length: 1, part: Part::Floor, value: plain(digits), number: None },
    })
}

/// `izq`, `dcha`, `links`: which door of a floor.
fn side_of(word: &str) -> Option<&'static str> {
    match WORDS.units.longest(&[word])?.1.shape {
        UnitShape::Bare(side @ ("left" | "right")) => Some(side),
        _ => None,
    }
}

/// `apt 4b`, `# 4`, `stiege 2`, `unit 5/12` before a street.
fn word_and_value<'a>(words: &[&'a str], at: usize, is_first: bool) -> Option<Taken<'a>> {
    for (length, word) in WORDS.units.all(&words[at..]) {
        if matches!(word.shape, UnitShape::Bare(_)) {
            continue;
        }
        let mut value_at = at + length;
        while words
            .get(value_at)
            .is_some_and(|word| matches!(*word, "no" | "nr" | "number" | "#" | "n*"))
        {
            value_at += 1;
        }
        let Some(&value) = words.get(value_at) else { continue };
        let ends = value_at + 1 == words.len();
        // A lone letter is a value only where nothing else can be meant.
        let letter_counts = words[at].len() >= 3 && (at > 0 || ends);
        let spoken = words[at] == word.part.word() && is_spoken(value) && (at > 0 || ends);
        if !(spoken || is_value(value, if letter_counts { 0 } else { 1 }))
            || at > 0 && is_in_a_name(words, at)
        {
            continue;
        }
        let length = value_at + 1 - at;
        let next = words.get(value_at + 1);
        if at == 0 && is_first {
            if let Some((unit, number)) = value.rsplit_once('/') {
                let street_follows = next.is_some_and(|next| !is_number(next) && next.len() > 1);
                if street_follows && number.starts_with(|c: char| c.is_ascii_digit()) {
                    return Some(Taken {
                        length,
                        part: word.part,
                        value: plain(unit),
                        number: Some(number),
                    });
                }
            }
            // `Unit St 5`, `House 5 Street`: nothing but a kind of street would be left.
            if next.is_some()
                && value_at + 2 == words.len()
                && WORDS.last_types.contains(next.unwrap_or(&""))
            {
                continue;
            }
        }
        return Some(Taken { length, part: word.part, value: plain(value), number: None });
    }
    None
}

/// `Via della Torre 5` and `Rue de la Tour 5` are streets.
fn is_in_a_name(words: &[&str], at: usize) -> bool {
    let numbered = words[..at].iter().any(|word| is_number(word));
    let article = matches!(
        words[at - 1],
        "de" | "la"
            | "le"
            | "les"
            | "el"
            | "del"
            | "della"
            | "dei"
            | "delle"
            | "di"
            | "du"
            | "des"
            | "der"
            | "dem"
            | "den"
            | "die"
            | "am"
            | "im"
            | "an"
            | "zum"
            | "zur"
            | "the"
            | "do"
            | "da"
            | "dos"
            | "das"
            | "l"
            | "d"
    );
    let typed = at == 1 && WORDS.first_types.longest(words).is_some();
    !numbered && (article || typed)
}

/// `penthouse`, `EG`, `rear`, `bajo`: at the end, or before another unit or the number.
fn bare<'a>(words: &[&'a str], at: usize, has_unit: bool) -> Option<Taken<'a>> {
    let (length, word) = WORDS.units.longest(&words[at..])?;
    let UnitShape::Bare(value) = word.shape else { return None };
    let next = words.get(at + length);
    let ends = next.is_none_or(|next| {
        WORDS.units.longest(&[next]).is_some() || is_number(next) || is_ordinal(next)
    });
    let whole = at == 0 && length == words.len();
    let numbered = at > 0 && words[..at].iter().any(|word| is_number(word));
    let needs_unit = matches!(value, "left" | "right" | "house" | "centre" | "front" | "side");
    let fits = if needs_unit {
        has_unit || at > 0 && is_number(words[at - 1])
    } else {
        whole || numbered || at > 1 && words[at].len() > 4
    };
    (ends && fits && !value.is_empty()).then(|| Taken {
        length,
        part: word.part,
        value: value.to_owned(),
        number: None,
    })
}

/// Whether a word can be the number of a unit; a lone letter or Roman numeral only where
/// `at_least` is 0.
fn is_value(word: &str, at_least: usize) -> bool {
    let digits = word.bytes().any(|b| b.is_ascii_digit());
    digits
        && word.len() <= 8
        && !matches!(
            word.trim_start_matches(|c: char| c.is_ascii_digit()),
            "st" | "nd" | "rd" | "th"
        )
        || at_least == 0 && (word.len() == 1 && word != "#" || roman(word).is_some())
}

/// Whether a word is what a bare word such as `EG` is canonically told as: `floor ground`.
fn is_spoken(value: &str) -> bool {
    matches!(
        value,
        "penthouse"
            | "rear"
            | "front"
            | "side"
            | "duplex"
            | "house"
            | "left"
            | "right"
            | "ground"
            | "basement"
            | "attic"
            | "mezzanine"
            | "top"
    )
}

/// Without an ordinal mark, leading zeros and the dash before or after a letter: `4-B` is 4b.
fn plain(value: &str) -> String {
    let mut value = value.replace('*', "");
    if let Some((left, right)) = value.split_once('-') {
        let is_letter =
            |text: &str| text.len() == 1 && text.bytes().all(|b| b.is_ascii_lowercase());
        if is_letter(left) || is_letter(right) {
            value = format!("{left}{right}");
        }
    }
    let bare = value.trim_start_matches('0');
    if bare.starts_with(|c: char| c.is_ascii_alphanumeric()) { bare.to_owned() } else { value }
}
