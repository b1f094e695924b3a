//! Street, house number, unit and box out of the words of an address.

use super::name::name_of;
use super::units::take_units;
use super::words::{Part, WORDS, is_number, is_ordinal, roman};

/// The words of one part of a line, as commas separate them.
pub(super) type Words<'a> = Vec<&'a str>;

/// The words of each part of a line in words, whose parts are apart by a comma and a space.
pub(super) fn parts_of(line: &str) -> Vec<Words<'_>> {
    line.split(',').map(|part| words_of(part.strip_prefix(' ').unwrap_or(part))).collect()
}

/// Words are so short that to look for the next space takes longer than to go there.
fn words_of(part: &str) -> Words<'_> {
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
    words.iter().skip(1).any(|word| WORDS.last_types.get(word).is_some_and(|last| last.is_sure))
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
        && (words.iter().skip(1).any(|word| WORDS.last_types.get(word).is_some_and(|t| t.is_sure))
            || WORDS.last_types.contains(last)
            || WORDS.first_types.longest(words).is_some_and(|(length, _)| length < words.len()))
        || words.iter().any(|word| {
            WORDS
                .long_endings(word)
                .iter()
                .any(|ending| word.len() > ending.len() + 2 && word.ends_with(ending))
        })
}

fn is_number_word(word: &str) -> bool {
    matches!(
        word,
        "no" | "nr"
            | "num"
            | "numero"
            | "nummer"
            | "number"
            | "hausnr"
            | "hausnummer"
            | "n"
            | "n*"
            | "nro"
            | "dom"
            | "d"
    )
}

/// Whether a number after `words` belongs to the street: `highway 61`, `county road 5`.
fn is_numbered_road(words: &[&str]) -> bool {
    match words {
        [
            ..,
            "county" | "state" | "ranch" | "forest" | "farm" | "us" | "township" | "interstate",
            "road" | "rd" | "highway" | "hwy" | "route" | "rte" | "rt",
        ] => true,
        [
            ..,
            "highway" | "hwy" | "route" | "rte" | "interstate" | "autobahn" | "motorway"
            | "freeway" | "sr" | "cr" | "fm",
        ] => true,
        // A numbered street of Latin America, and lines of a grid.
        [.., "km" | "kilometro" | "kilometer" | "kilometre" | "quadra" | "mz" | "manzana"] => true,
        _ => false,
    }
}

/// Where the number at the end of the words begins.
fn trailing_number(words: &[&str]) -> Option<usize> {
    let mut at = words.len().checked_sub(1)?;
    let suffix = |word: &str| {
        word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase())
            || matches!(word, "bis" | "ter" | "quater" | "hs" | "huis" | "1/2")
            || roman(word).is_some()
            || word.len() == 2 && word.ends_with('*')
    };
    if !is_number(words[at]) && suffix(words[at]) && at >= 2 {
        at -= 1;
    } else if words[at].contains('/') && words[at].len() == 3 && at >= 2 && is_number(words[at - 1])
    {
        at -= 1; // 12 1/2
    }
    if at == 0 || !is_number(words[at]) {
        return None;
    }
    // `Calle Mayor 45 3 b`: the first of two numbers is the house.
    if at >= 2 && is_number(words[at - 1]) {
        at -= 1;
    }
    (!is_numbered_road(&words[..at])).then_some(at)
}

/// The house number in one spelling, the words of the name, and whether the number stood first.
fn split_number<'a>(
    core: &[&'a str],
    country: Option<&str>,
    units: &mut Vec<(Part, String)>,
) -> (String, Words<'a>, bool) {
    let core: Words<'a> =
        core.iter().copied().filter(|word| !matches!(*word, "s/n" | "snc")).collect();
    let leading = core.first().is_some_and(|word| is_number(word));
    // A marked number: `Calle Mayor n.º 5`, `Hauptstr. Nr. 5`.
    if !leading {
        let marked = (1..core.len().saturating_sub(1))
            .find(|at| is_number_word(core[*at]) && is_number(core[at + 1]));
        if let Some(at) = marked {
            let (number, used) = number_of(&core[at + 1..], country, units);
            let mut name = core[..at].to_vec();
            name.extend(&core[at + 1 + used..]);
            return (number, name, false);
        }
    }
    let trailing = trailing_number(&core);
    if leading && core.len() > 1 {
        let last = trailing.filter(|at| *at > 1 && number_is_last(&core, country));
        if last.is_none() {
            let (number, used) = leading_number(&core, units);
            return (number, core[used..].to_vec(), true);
        }
    }
    if let Some(at) = trailing {
        let (number, used) = number_of(&core[at..], country, units);
        let mut name = core[..at].to_vec();
        name.extend(&core[(at + used).min(core.len())..]);
        return (number, name, false);
    }
    if leading {
        let (number, used) = number_of(&core, country, units);
        return (number, core[used.min(core.len())..].to_vec(), true);
    }
    (String::new(), core, false)
}

/// Whether the number at the end is the house and the one in front belongs to the name.
fn number_is_last(core: &[&str], country: Option<&str>) -> bool {
    let by_country = matches!(
        country,
        Some(
            "DE" | "AT"
                | "CH"
                | "LI"
                | "NL"
                | "BE"
                | "ES"
                | "IT"
                | "PT"
                | "BR"
                | "PL"
                | "CZ"
                | "SK"
                | "SE"
                | "DK"
                | "NO"
                | "FI"
                | "HU"
                | "SI"
                | "HR"
                | "MX"
                | "AR"
                | "CO"
                | "CL"
        )
    );
    let glued = core
        .iter()
        .any(|word| word.ends_with("strasse") || word.ends_with("str") && word.len() > 3);
    // `45 Calle 12`, which is how the canonical form is written.
    let typed = WORDS.first_types.longest(&core[1..]).is_some();
    (by_country || glued) && !typed
}

/// The number at the front of the core and how many words it takes.
fn leading_number(core: &[&str], units: &mut Vec<(Part, String)>) -> (String, usize) {
    let first = core[0];
    // `3/27 High St`: unit 3 of number 27.
    if let Some((unit, number)) = first.rsplit_once('/') {
        if number.starts_with(|c: char| c.is_ascii_digit()) {
            units.push((Part::Unit, unit.to_owned()));
            return (tidy(number), 1);
        }
        return (tidy(&first.replace('/', "")), 1);
    }
    let rest = core.len() - 1;
    match core.get(1) {
        Some(fraction @ &("1/2" | "1/3" | "2/3" | "1/4" | "3/4")) if rest > 1 => {
            (format!("{} {fraction}", tidy(first)), 2)
        }
        Some(suffix @ &("bis" | "ter" | "quater")) if rest > 1 => {
            (format!("{}{suffix}", tidy(first)), 2)
        }
        // Not where the letter is the street: `12 B Street`.
        Some(letter @ &("a" | "b" | "c"))
            if rest > 1
                && first.bytes().all(|b| b.is_ascii_digit())
                && !(rest == 2 && WORDS.last_types.contains(core[2])) =>
        {
            (format!("{}{letter}", tidy(first)), 2)
        }
        _ => (tidy(first), 1),
    }
}

/// The number at the front of `words`, which stand after a name, and how many words it takes.
fn number_of(
    words: &[&str],
    country: Option<&str>,
    units: &mut Vec<(Part, String)>,
) -> (String, usize) {
    let first = words[0];
    let mut used = 1;
    let mut number = tidy(first);
    if let Some((house, part)) = first.split_once('/') {
        let (low, high) = (house.parse::<u32>(), part.parse::<u32>());
        match (low, high) {
            // `12/14` is a range where the second is a little higher, but in Austria a door.
            (Ok(low), Ok(high)) if country != Some("AT") && low < high && high - low <= 20 => {
                number = format!("{low}-{high}");
            }
            _ if part.len() == 1 && part.bytes().all(|b| b.is_ascii_lowercase()) => {
                number = format!("{}{part}", tidy(house));
            }
            _ => {
                number = tidy(house);
                units.push((Part::Unit, part.to_owned()));
            }
        }
    } else if let Some((house, part)) = first.split_once('-') {
        // Dutch storeys: `123-II`, `123-hs`, and in the Netherlands `123-2`.
        let storey = roman(part).filter(|_| part.len() > 1 || country == Some("NL"));
        if let Some(value) = storey.or((part == "hs").then_some("house")) {
            number = tidy(house);
            units.push((Part::Unit, value.to_owned()));
        } else if country == Some("NL") && part.bytes().all(|b| b.is_ascii_digit()) {
            number = tidy(house);
            units.push((Part::Unit, part.to_owned()));
        }
    }
    if let Some(&next) = words.get(1) {
        let letter = next.len() == 1 && next.bytes().all(|b| b.is_ascii_lowercase());
        let plain = first.bytes().all(|b| b.is_ascii_digit());
        if matches!(next, "bis" | "ter" | "quater") && words.len() == 2 {
            number.push_str(next);
            used = 2;
        } else if next == "1/2" {
            number.push_str(" 1/2");
            used = 2;
        } else if matches!(next, "hs" | "huis") {
            units.push((Part::Unit, "house".to_owned()));
            used = 2;
        } else if let Some(value) = roman(next).filter(|_| words.len() == 2 && next.len() > 1) {
            units.push((Part::Unit, value.to_owned()));
            used = 2;
        } else if letter && plain && words.len() == 2 {
            number.push_str(next);
            used = 2;
        } else if is_number(next) || is_ordinal(next) {
            let value = words[1..].concat().replace('*', "");
            units.push((Part::Unit, value));
            used = words.len();
        }
    }
    (number, used)
}

/// Without leading zeros and the dash before a letter: `007` is 7, `12-a` is 12a.
fn tidy(number: &str) -> String {
    let number = match number.split_once('-') {
        Some((house, letter))
            if letter.len() == 1 && letter.bytes().all(|b| b.is_ascii_lowercase()) =>
        {
            format!("{house}{letter}")
        }
        Some((house, word @ ("bis" | "ter" | "quater"))) => format!("{house}{word}"),
        _ => number.to_owned(),
    };
    let bare = number.trim_start_matches('0');
    if bare.starts_with(|c: char| c.is_ascii_digit()) { bare.to_owned() } else { number }
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
