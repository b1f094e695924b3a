//! Street, unit and box out of the words of an address.

use super::name::name_of;
use super::number::{is_number_word, split_number, trailing_number};
use super::units::take_units;
use super::words::{Part, WORDS, is_number};

/// The words of one part of a line, as commas separate them.
pub(super) type Words<'a> = Vec<&'a str>;

/// The words of each part of a line in words, whose parts are apart by a comma and a space.
pub(super) fn parts_of(line: &str) -> Vec<Words<'_>> {
    line.split(',').map(|part| split(part.strip_prefix(' ').unwrap_or(part))).collect()
}

/// Words are so short that to look for the next space takes longer than to go there.
fn split(part: &str) -> Words<'_> {
    // Few have more.
    let (mut words, mut start) = (Vec::with_capacity(8), 0);
    for (at, byte) in part.bytes().enumerate() {
        if byte == b' ' {
            words.push(&part[start..at]);
            start = at + 1;
        }
    }
    words.push(&part[start..]);
    words
}

/// What a street line holds; empty where it does not.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Street {
    pub(super) number: String,
    pub(super) name: String,
    /// Largest part first.
    pub(super) units: Vec<(Part, String)>,
    /// The number, with `gpo` or `bag` before it where it is one of those.
    pub(super) po_box: String,
    /// Names of buildings and venues that stand before the street.
    pub(super) before: Vec<String>,
    /// Names of localities that stand after it.
    pub(super) after: Vec<String>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Street {
    /// The units as one text, such as `floor 3 unit b`.
    pub(super) fn unit(&self) -> String {
        let mut text = String::new();
        for (part, value) in &self.units {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(part.word());
            text.push(' ');
            text.push_str(value);
        }
        text
    }

    /// The parts in the order in which they are read again to the same parts.
    pub(super) fn line(&self) -> String {
        let unit = self.unit();
        let mut own = String::new();
        for text in [&self.number, &self.name, &unit] {
            push_with(&mut own, " ", text);
        }
        let mut line = self.before.join(", ");
        push_with(&mut line, ", ", &own);
        push_with(&mut line, ", ", &self.box_text());
        for text in &self.after {
            push_with(&mut line, ", ", text);
        }
        line
    }

    fn box_text(&self) -> String {
        match self.po_box.split_once(' ') {
            _ if self.po_box.is_empty() => String::new(),
            Some(("gpo", number)) => format!("gpo box {number}"),
            Some(("bag", number)) => format!("locked bag {number}"),
            _ => format!("po box {}", self.po_box),
        }
    }
}

fn push_with(line: &mut String, separator: &str, text: &str) {
    if !text.is_empty() {
        if !line.is_empty() {
            line.push_str(separator);
        }
        line.push_str(text);
    }
}

/// Whether what follows tells the way rather than the address: `between 82nd and 83rd Sts`.
pub(super) fn is_note_word(word: &str) -> bool {
    matches!(word, "between" | "btwn" | "off" | "near" | "opposite" | "opp" | "behind" | "at")
}

/// Makes a part of its own of what tells the way after a numbered street.
pub(super) fn part_notes(parts: &mut Vec<Words<'_>>) {
    let mut at = 0;
    while at < parts.len() {
        let words = &mut parts[at];
        let numbered = words.first().is_some_and(|word| is_number(word));
        let note = (3..words.len().saturating_sub(1)).find(|at| is_note_word(words[*at]));
        if let Some(note) = note.filter(|_| numbered) {
            let rest = words.split_off(note);
            parts.insert(at + 1, rest);
            at += 1;
        }
        at += 1;
    }
}

/// Read the parts of a street line, in the order given.
pub(super) fn parse(parts: &[Words<'_>], country: Option<&str>) -> Street {
    let mut street = Street::default();
    let mut cores: Vec<Words<'_>> = Vec::with_capacity(parts.len());
    let mut seen_number = false;
    for part in parts {
        let mut words = part.clone();
        if leave_out_care_of(&mut words, parts.len()) {
            continue;
        }
        take_box(&mut words, &mut street);
        take_units(&mut words, &mut street.units, cores.is_empty());
        // `Calle Mayor 5, 3B`: a number alone after a numbered street is a unit.
        if let [only] = words.as_slice()
            && seen_number
            && is_number(only)
            && street.units.is_empty()
        {
            street.units.push((Part::Unit, (*only).to_owned()));
            continue;
        }
        seen_number |= words.len() > 1 && has_number(&words)
            || words.len() == 1 && !cores.is_empty() && is_number(words[0]);
        if !words.is_empty() {
            cores.push(words);
        }
    }
    let mut before = 0;
    if let Some(mut best) = best_of(&cores) {
        let mut core = cores.remove(best);
        if !has_number(&core) {
            // `45, rue de la Paix` and `Calle de Alcalá, 45`.
            if best > 0 && is_number_alone(&cores[best - 1]) {
                let number = cores.remove(best - 1);
                core.splice(0..0, number);
                best -= 1;
            } else if cores.get(best).is_some_and(|next| is_number_alone(next)) {
                core.extend(cores.remove(best));
            }
        }
        let (number, name, number_first) = split_number(&core, country, &mut street.units);
        street.number = number;
        street.name = name_of(&name, country, number_first);
        before = best;
    }
    join_floor_and_door(&mut street.units);
    street.units.sort_by_key(|(part, _)| *part);
    let mut rest = cores.iter().map(|words| words.join(" ").replace('*', ""));
    street.before = rest.by_ref().take(before).collect();
    street.after = rest.collect();
    street
}

/// Whether a part by itself has neither number nor name, such as `apt b` or `po box 5`: what [`parse`]
/// would say of it, without spelling the name out.
pub(super) fn is_nameless(part: &[&str]) -> bool {
    if !part.is_empty() && part.iter().all(|word| is_of_a_name(word)) {
        return false;
    }
    let (mut street, mut words) = (Street::default(), part.to_vec());
    leave_out_care_of(&mut words, 1);
    take_box(&mut words, &mut street);
    take_units(&mut words, &mut street.units, true);
    let (number, name, _) = split_number(&words, None, &mut street.units);
    number.is_empty() && name.iter().all(|word| word.trim_end_matches('*').is_empty())
}

/// Whether a word is of a name surely, whatever words of names stand beside it.
fn is_of_a_name(word: &str) -> bool {
    let begins_as_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && !word.contains('*')
        && !word.strip_prefix('u').is_some_and(begins_as_number)
        && !matches!(word, "c/o" | "attn" | "zhd" | "zhv" | "s/n" | "snc")
        && !WORDS.units.has_head(word)
        && !WORDS.boxes.has_head(word)
}

/// `3rd floor, door B` is the flat that others call `3B`.
fn join_floor_and_door(units: &mut Vec<(Part, String)>) {
    let floor = units.iter().position(|(part, value)| {
        *part == Part::Floor && value.bytes().all(|byte| byte.is_ascii_digit())
    });
    let door = units
        .iter()
        .position(|(part, value)| *part == Part::Unit && matches!(value.as_bytes(), [b'a'..=b'z']));
    if let (Some(floor), Some(door)) = (floor, door) {
        let level = units[floor].1.clone();
        units[door].1.insert_str(0, &level);
        units.remove(floor);
    }
}

/// Leaves out `c/o ...`; true where nothing of the part remains. A person is not a place.
fn leave_out_care_of(words: &mut Words<'_>, parts: usize) -> bool {
    let Some(at) = words.iter().position(|word| matches!(*word, "c/o" | "attn" | "zhd" | "zhv"))
    else {
        return false;
    };
    if at == 0 && parts == 1 {
        words.remove(0);
    } else {
        words.truncate(at);
    }
    words.is_empty()
}

fn take_box(words: &mut Words<'_>, street: &mut Street) {
    if street.po_box.is_empty()
        && let Some((range, po_box)) = find_box(words)
    {
        words.drain(range);
        street.po_box = po_box;
    }
}

/// Where a box is named, and its number.
fn find_box(words: &[&str]) -> Option<(std::ops::Range<usize>, String)> {
    for at in 0..words.len() {
        for (length, class) in WORDS.boxes.all(&words[at..]) {
            let mut value_at = at + length;
            while words
                .get(value_at)
                .is_some_and(|word| matches!(*word, "no" | "nr" | "n" | "n*" | "#" | "number"))
            {
                value_at += 1;
            }
            let head = words[at];
            // `BP 12` is a box wherever it stands; a plain word such as `bag` or `box` is one only
            // at the front.
            let is_plain = length == 1
                && matches!(
                    head,
                    "bag" | "box" | "drawer" | "cs" | "po" | "pf" | "skrytka" | "boks"
                );
            let Some(first) = words.get(value_at).filter(|word| is_box_number(word)) else {
                continue;
            };
            if is_plain && at > 0 {
                continue;
            }
            let mut end = value_at + 1;
            let mut number = (*first).to_owned();
            // German boxes are written in groups: `Postfach 10 01 23`.
            while let Some(next) = words.get(end) {
                let group =
                    |word: &str| word.len() <= 3 && word.bytes().all(|b| b.is_ascii_digit());
                if !group(next) || !group(first) {
                    break;
                }
                number.push_str(next);
                end += 1;
            }
            let po_box = if *class == "box" { number } else { format!("{class} {number}") };
            return Some((at..end, po_box));
        }
    }
    None
}

fn is_box_number(word: &str) -> bool {
    word.len() <= 12 && word.bytes().any(|b| b.is_ascii_digit()) && !word.contains('*')
        || word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase())
}

/// Which part is the street: the first with a number and a name, else the first with a kind of
/// street, else the first.
fn best_of(cores: &[Words<'_>]) -> Option<usize> {
    let find = |fits: &dyn Fn(&[&str]) -> bool| cores.iter().position(|words| fits(words));
    find(&|words| words.len() > 1 && has_number(words) && !is_number_alone(words))
        .or_else(|| find(&|words| has_sure_type(words)))
        .or_else(|| find(&|words| has_type(words)))
        .or_else(|| find(&|words| !is_number_alone(words)))
        .or(if cores.is_empty() { None } else { Some(0) })
}

/// A house number and nothing else: `45`, `45 bis`, `n.º 45`.
fn is_number_alone(words: &[&str]) -> bool {
    let words = match words {
        [mark, rest @ ..] if is_number_word(mark) => rest,
        _ => words,
    };
    match words {
        [number] => is_number(number),
        [number, after] => {
            is_number(number)
                && (after.len() == 1 || matches!(*after, "bis" | "ter" | "quater" | "1/2"))
        }
        _ => false,
    }
}

/// Whether the part holds a kind of street that ends it.
pub(super) fn has_sure_type(words: &[&str]) -> bool {
    words.iter().skip(1).any(|word| WORDS.is_sure_type(word))
}

fn has_number(words: &[&str]) -> bool {
    words.first().is_some_and(|word| is_number(word))
        || trailing_number(words).is_some()
        || words.windows(2).any(|pair| is_number_word(pair[0]) && is_number(pair[1]))
}

/// Whether the part names a kind of street.
pub(super) fn has_type(words: &[&str]) -> bool {
    let Some(last) = words.last() else { return false };
    words.len() > 1
        && (words.iter().skip(1).any(|word| WORDS.is_sure_type(word))
            || WORDS.last_types.contains(last)
            || WORDS.first_types.longest(words).is_some_and(|(length, _)| length < words.len()))
        || words.iter().any(|word| {
            WORDS
                .long_endings(word)
                .iter()
                .any(|ending| word.len() > ending.len() + 2 && word.ends_with(ending))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_is_nameless_where_neither_number_nor_name_is_read(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "apt", "b", "4b", "5", "12a", "po", "box", "unit", "5/12", "floor", "3*", "*", "c/o", "st",
                    "street", "main", "str", "ul", "the", "no", "n*", "s/n", "penthouse", "suite", "izq", "#",
                    "eg", "u5", "2nd", "postfach", "10", "rue", "de", "highway", "bis", "house", "nr",
                ]),
                0..6,
            ),
        ) {
            let parsed = parse(std::slice::from_ref(&words), None);
            let is_read = !parsed.number.is_empty() || !parsed.name.is_empty();
            prop_assert_eq!(is_nameless(&words), !is_read, "{:?}", parsed);
        }
    }
}
