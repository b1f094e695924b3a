//! A whole address on one line, taken apart from its end: country, postcode, region, city, street.

use crate::normalize::place::{city, country, region};

use super::code::{Found, ends_in_type, find_postcode, guess};
use super::street::{self, Street, Words};
use super::words::{WORDS, is_number, is_ordinal};

/// What a line holds; empty where it does not.
#[derive(Default)]
pub(super) struct Whole {
    pub(super) street: Street,
    pub(super) city: String,
    pub(super) region: String,
    pub(super) postcode: String,
    pub(super) country: Option<&'static country::Entry>,
    /// The postcode does not have the shape of the country's.
    pub(super) is_bad_postcode: bool,
}

impl Whole {
    /// The parts in one order, each between commas. The country stands as its alpha-3 code, for
    /// many alpha-2 codes are states as well (`CA`, `DE`, `IN`).
    pub(super) fn line(&self) -> String {
        let mut line = self.street.line();
        let country = self.country.map_or("", |entry| entry.alpha3);
        for text in [&self.city, &self.region, &self.postcode, country] {
            if !text.is_empty() {
                if !line.is_empty() {
                    line.push_str(", ");
                }
                line.push_str(text);
            }
        }
        line
    }
}

/// Take `line` (in words) apart; `home` is the country where the line names none.
pub(super) fn parse(line: &str, home: Option<&str>) -> Whole {
    let mut parts = street::parts_of(line);
    parts.iter_mut().for_each(leave_out_cedex);
    street::part_notes(&mut parts);
    let mut whole = Whole { country: take_country(&mut parts, home), ..Whole::default() };
    let country = whole.country.map(|entry| entry.alpha2).or(home);
    let mut found = find_postcode(&parts, country);
    if found.is_none() && country.is_some() {
        found = find_postcode(&parts, None);
        whole.is_bad_postcode = found.is_some();
    }
    match found {
        Some(found) => around_postcode(&mut parts, found, country, &mut whole),
        None => without_postcode(&mut parts, country, &mut whole),
    }
    parts.retain(|part| !part.is_empty());
    whole.street = street::parse(&parts, home);
    whole
}

/// `75002 Paris CEDEX 02`: the French post office's own routing.
fn leave_out_cedex(words: &mut Words<'_>) {
    if let Some(at) = words.iter().rposition(|word| *word == "cedex").filter(|at| *at > 0) {
        let number = words.get(at + 1).is_some_and(|word| word.len() <= 2 && is_number(word));
        words.drain(at..=at + usize::from(number));
    }
}

fn take_country(parts: &mut Vec<Words<'_>>, home: Option<&str>) -> Option<&'static country::Entry> {
    let count = parts.len();
    let last = parts.last_mut()?;
    if count > 1 {
        let key = last.join(" ");
        if let Some(entry) = country::find(&key) {
            // `Las Vegas, CA` and `Atlanta, Georgia` name states; a code that is no state of a
            // country at hand names a country.
            let is_state = (key.len() == 2 || key == "georgia")
                && [home, Some("US"), Some("CA")]
                    .iter()
                    .any(|at| at.is_some() && region::find(&key, *at).is_some());
            if !is_state || entry.alpha2 == home.unwrap_or("") && region::find(&key, home).is_none()
            {
                parts.pop();
                return Some(entry);
            }
        }
    }
    // `SW1A 2AA UK`, `75002 Paris France`.
    let coded = last.iter().any(|word| is_code_like(word)) && count > 1
        || count == 1 && last.len() > 4 && last.iter().any(|word| is_code_like(word));
    for length in (1..=4).rev() {
        if last.len() <= length {
            continue;
        }
        let start = last.len() - length;
        if !coded
            && (count == 1
                || matches!(last[start - 1], "de" | "of" | "la" | "del" | "d" | "du" | "di"))
        {
            continue;
        }
        let key = last[start..].join(" ");
        let is_name = key.len() > 3 || matches!(key.as_str(), "uk" | "usa" | "uae");
        let is_code = length == 1
            && matches!(
                key.as_str(),
                "de" | "fr" | "es" | "it" | "nl" | "be" | "at" | "ch" | "pt" | "pl" | "gb"
            )
            && count > 1
            && is_code_like(last[0])
            && home.is_none();
        if !(is_name || is_code) {
            continue;
        }
        if let Some(entry) = country::find(&key) {
            let is_state = region::find(&key, Some("US")).is_some()
                || is_code && region::find(&key, home).is_some() && home.is_some();
            let leaves_place = last[..start].iter().any(|word| !is_number(word));
            if !is_state
                && leaves_place
                && (coded
                    || !has_number_or_type(&last[..start])
                        && city::is_known(&last[..start].join(" ")))
            {
                last.truncate(start);
                return Some(entry);
            }
        }
    }
    None
}

fn has_number_or_type(words: &[&str]) -> bool {
    words.iter().any(|word| is_number(word)) || street::has_type(words)
}

/// Whether a word looks like a postcode or half of one.
fn is_code_like(word: &str) -> bool {
    if is_ordinal(word) {
        return false;
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    digits >= 4
        || digits >= 1
            && word.len() >= 3
            && word.bytes().any(|b| b.is_ascii_lowercase())
            && is_lettered(word)
}

/// A mixture of letters and digits that no house number is: `sw1a`, `2aa`, `k1a`.
fn is_lettered(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_lowercase).count();
    digits > 0 && letters > 0 && (letters >= 2 || !word.starts_with(|c: char| c.is_ascii_digit()))
}

/// The region that `words` end with: how many words it takes and its canonical form.
pub(super) fn region_at_end(words: &[&str], country: Option<&str>) -> Option<(usize, String)> {
    // A code by itself first: `Washington DC` is a town and a code.
    let longest = 4.min(words.len());
    let coded = (longest > 0 && words[words.len() - 1].len() <= 3).then_some(1);
    coded.into_iter().chain((1..=longest).rev()).find_map(|length| {
        let key = words[words.len() - length..].join(" ");
        region::find(&key, country).map(|found| (length, region::canonical_of(found)))
    })
}

fn around_postcode(
    parts: &mut Vec<Words<'_>>,
    found: Found,
    country: Option<&str>,
    whole: &mut Whole,
) {
    let Found { part, start, length, postcode } = found;
    let guessed = guess(&postcode, country);
    whole.postcode = postcode;
    let mut after = parts[part].split_off(start + length);
    parts[part].truncate(start);
    let later = parts.split_off(part + 1);

    if !after.is_empty() {
        // The town follows its code, and an Italian province the town: `00184 Roma RM`.
        let province = after.len() > 1 && after.last().is_some_and(|word| word.len() == 2);
        if province {
            let at = country.or((whole.postcode.len() == 5).then_some("IT"));
            if let Some(found) = region::find(after[after.len() - 1], at) {
                whole.region = region::canonical_of(found);
                after.pop();
            }
        }
        whole.city = city::canonical_of(&after.join(" "));
    } else if !parts[part].is_empty() {
        let before = &mut parts[part];
        if let Some((length, found)) = region_at_end(before, guessed) {
            let is_code = length == 1 && before[before.len() - 1].len() <= 3;
            let rest = before.len() - length;
            let alone = rest == 0;
            if rest > 0 && !is_city_of_two(before, length) || alone && (is_code || part >= 2) {
                whole.region = found;
                before.truncate(rest);
            }
        }
        let before = std::mem::take(&mut parts[part]);
        if !before.is_empty() {
            let (street, town) = if part > 0 && !before.iter().any(|word| is_number(word)) {
                (Vec::new(), before)
            } else {
                street_and_town(before, true)
            };
            if !town.is_empty() {
                whole.city = city::canonical_of(&town.join(" "));
            }
            parts[part] = street;
        }
    }
    parts.retain(|part| !part.is_empty());
    if whole.region.is_empty() && whole.city.is_empty() && parts.len() > 1 {
        take_region_part(parts, guessed, whole);
    }
    // What follows the code in parts of its own is a region, or the town.
    for words in later {
        let key = words.join(" ");
        // `00184 Roma (RM)`: a code in a part of its own may be any country's.
        let found = region::find(&key, guessed.or(country))
            .or_else(|| (key.len() == 2).then(|| region::find(&key, None)).flatten());
        match found {
            Some(found) if whole.region.is_empty() && !whole.city.is_empty() => {
                whole.region = region::canonical_of(found)
            }
            _ if whole.city.is_empty() && is_town(&words) => whole.city = city::canonical_of(&key),
            _ => parts.push(words),
        }
    }
    if whole.city.is_empty() {
        take_town(parts, true, whole);
    }
}

/// `New York 10001` and `Oklahoma City OK`: a region's name that is the end of a town's.
fn is_city_of_two(words: &[&str], length: usize) -> bool {
    length == words.len()
        || length == 1 && words[words.len() - 1].len() > 3 && city::is_known(&words.join(" "))
}

fn take_region_part(parts: &mut Vec<Words<'_>>, country: Option<&str>, whole: &mut Whole) {
    let Some(last) = parts.last() else { return };
    let key = last.join(" ");
    let found = region::find(&key, country).or_else(|| {
        // A code in a part of its own, such as `RM` before an Italian code.
        (key.len() == 2).then(|| region::find(&key, None)).flatten()
    });
    let Some(found) = found else { return };
    let town_before = parts.len() > 2 && is_town(&parts[parts.len() - 2]);
    if key.len() <= 3 || town_before {
        whole.region = region::canonical_of(found);
        parts.pop();
    }
}

fn without_postcode(parts: &mut Vec<Words<'_>>, country: Option<&str>, whole: &mut Whole) {
    const SPOKEN: [&str; 5] = ["US", "CA", "AU", "GB", "IE"];
    let candidates: Vec<Option<&str>> = if country.is_some() {
        vec![country]
    } else {
        SPOKEN.iter().map(|country| Some(*country)).collect()
    };
    let count = parts.len();
    if let Some(last) = parts.last_mut() {
        let key = last.join(" ");
        let of = |key: &str| candidates.iter().find_map(|country| region::find(key, *country));
        let town_before = count > 2 && is_town(&parts[count - 2]);
        let last = &mut parts[count - 1];
        if count > 1 && (key.len() <= 3 || town_before) && of(&key).is_some() {
            whole.region = of(&key).map(region::canonical_of).unwrap_or_default();
            parts.pop();
        } else if last.len() > 1 && (count > 1 || street_and_town(last.clone(), true).1.len() > 1) {
            // `San Francisco CA`
            let code = last[last.len() - 1];
            let found = (2..=3).contains(&code.len()).then(|| of(code)).flatten();
            // A direction at the end of a street is no region.
            if let Some(found) = found.filter(|_| !has_direction(code)) {
                whole.region = region::canonical_of(found);
                last.pop();
            }
        }
    }
    let is_placed = !whole.region.is_empty() || whole.country.is_some();
    take_town(parts, is_placed, whole);
}

pub(super) fn has_direction(word: &str) -> bool {
    WORDS.directions.longest(&[word]).is_some()
}

/// Whether a part can be a town: words only, no unit and no box.
fn is_town(words: &[&str]) -> bool {
    let is_word = |word: &&str| {
        !word.starts_with(|c: char| c.is_ascii_digit()) && !matches!(*word, "#" | "c/o" | "s/n")
    };
    // `Dublin 1`
    let is_district = || words.len() > 1 && is_word(&words[0]) && city::is_known(&words.join(" "));
    let is_note = || words.first().is_some_and(|word| street::is_note_word(word));
    (1..=6).contains(&words.len())
        && !is_note()
        && (words.iter().all(is_word) || is_district())
        && !street::is_nameless(words)
}

/// The town where it stands in the last part, or at the end of the street.
fn take_town(parts: &mut Vec<Words<'_>>, is_placed: bool, whole: &mut Whole) {
    let Some(last) = parts.last() else { return };
    let earlier = &parts[..parts.len() - 1];
    let street_before =
        earlier.iter().any(|part| has_number_or_type(part) || street::is_nameless(part));
    let single = parts.len() == 1
        && (is_placed && !has_number_or_type(last) || city::is_known(&last.join(" ")));
    let fits = parts.len() > 1 && (is_placed || street_before || !ends_in_type(last)) || single;
    if fits && is_town(last) && (single || is_placed || street_before || !street::has_type(last)) {
        whole.city = city::canonical_of(&last.join(" "));
        parts.pop();
        return;
    }
    if let Some(at) = parts.iter().rposition(|part| part.iter().any(|word| is_number(word))) {
        let (street, town) = street_and_town(std::mem::take(&mut parts[at]), is_placed);
        parts[at] = street;
        if !town.is_empty() {
            whole.city = city::canonical_of(&town.join(" "));
        }
    }
}

/// A street and the town written after it without a comma.
///
/// The street ends with a sure kind of street (`St`, `Ave`), directions and a unit included; or
/// with the house number of a number-last address; or where a well-known town begins. Else all of
/// it is the street.
fn street_and_town(mut words: Words<'_>, is_placed: bool) -> (Words<'_>, Words<'_>) {
    let Some(at) = town_start(&words, is_placed) else { return (words, Vec::new()) };
    let town = words.split_off(at);
    (words, town)
}

fn town_start(words: &[&str], is_placed: bool) -> Option<usize> {
    let is_name = |at: usize| !is_number(words[at]) && !has_direction(words[at]);
    let first = usize::from(words.first().is_some_and(|word| is_number(word)));
    let sure = |at: &usize| WORDS.is_sure_type(words[*at]) && (first..*at).any(is_name);
    let fits = |at: usize, least: usize| {
        let start = after_street(words, at + 1);
        let town = &words[start..];
        let weak_end = town.last().is_some_and(|word| WORDS.last_types.contains(word));
        let plain =
            !town.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()) || *word == "#");
        let unit = !town.is_empty() && street::is_nameless(town);
        (town.len() >= least && plain && !unit && town.len() <= 5 && (is_placed || !weak_end))
            .then_some(start)
    };
    let mut sure_types = (1..words.len()).rev().filter(sure);
    if let Some(last) = sure_types.next() {
        if let Some(start) = fits(last, 1) {
            return Some(start);
        }
        // `12 Main St Pacific Grove`: the town ends like a street.
        let earlier = sure_types.find(|at| is_placed && *at + 2 < words.len());
        return if last + 1 == words.len() { earlier.and_then(|at| fits(at, 2)) } else { None };
    }
    // `Hauptstr. 5 München`
    if first == 0 {
        if let Some(number) = words.iter().rposition(|word| is_number(word)) {
            let start = after_street(words, number + 1);
            let typed = street::has_type(&words[..=number]) || is_placed;
            let town = &words[start.min(words.len())..];
            if typed
                && number > 0
                && !town.is_empty()
                && town.iter().all(|word| word.len() > 1)
                && is_town(town)
            {
                return Some(start);
            }
        }
        return None;
    }
    (3.min(words.len())..words.len()).find(|at| city::is_known(&words[*at..].join(" ")))
}

/// Past directions and units that stand from `at` on.
fn after_street(words: &[&str], mut at: usize) -> usize {
    while at < words.len() {
        if let Some((length, _)) = WORDS.directions.longest(&words[at..]) {
            // `Main St North Las Vegas`: a direction written out belongs to the town.
            if words[at].len() > 2 && at + length < words.len() {
                break;
            }
            at += length;
        } else if words[at] == "#" && at + 1 < words.len() {
            at += 2;
        } else if let Some((length, _)) = WORDS.units.longest(&words[at..]) {
            let value = words.get(at + length).is_some_and(|word| {
                word.starts_with(|c: char| c.is_ascii_digit()) || word.len() == 1
            });
            if !value {
                break;
            }
            at += length + 1;
        } else {
            break;
        }
    }
    at.min(words.len())
}
