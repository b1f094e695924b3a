//! The house number out of the words of a street.

use super::street::Words;
use super::words::{Part, WORDS, is_number, is_ordinal, roman};

pub(super) fn is_number_word(word: &str) -> bool {
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
pub(super) fn trailing_number(words: &[&str]) -> Option<usize> {
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
pub(super) fn split_number<'a>(
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
