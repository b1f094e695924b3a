//! A whole address on one line, taken apart from its end: country, postcode, region, city, street.

use crate::normalize::place::{city, country, postcode, region};

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
    let mut parts: Vec<Words<'_>> =
        line.split(", ").map(|part| part.split(' ').collect()).collect();
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
        if !(is_name || is_code)
            || !coded
                && (count == 1
                    || matches!(last[start - 1], "de" | "of" | "la" | "del" | "d" | "du" | "di"))
        {
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

struct Found {
    part: usize,
    start: usize,
    length: usize,
    postcode: String,
}

fn find_postcode(parts: &[Words<'_>], country: Option<&str>) -> Option<Found> {
    (0..parts.len()).rev().find_map(|part| {
        let words = &parts[part];
        let found = at_end(words, part, country)
            .or_else(|| at_start(words, &parts[..part], country))
            .or_else(|| amid(words, country))?;
        let (start, length, postcode) = found;
        Some(Found { part, start, length, postcode })
    })
}

/// The code in `words` where it is one of letters and digits, or carries its country (`d-80331`).
fn lettered(words: &[&str], country: Option<&str>) -> Option<String> {
    let text = words.join(" ");
    if text.len() > 10
        || !text.bytes().any(|b| b.is_ascii_lowercase())
        || !text.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    let fit = postcode::fit(&text, country)?;
    let letters = fit.canonical.bytes().any(|b| b.is_ascii_uppercase());
    // Two words are a code only as its two halves: `W 61st` is no `W6 1ST`.
    if words.len() == 2 && !fit.canonical.eq_ignore_ascii_case(&text) {
        return None;
    }
    let prefixed = words.len() == 1
        && text.contains('-')
        && text.starts_with(|c: char| c.is_ascii_lowercase());
    // Without a country, four digits and two letters may be a number before `NW`, and five letters
    // and digits a flat: keep to what has the look of a code in two halves.
    (letters && (words.len() == 2 || text.len() >= 6) || prefixed).then_some(fit.canonical)
}

fn digits(word: &str, country: Option<&str>) -> Option<String> {
    let plain = word.bytes().filter(u8::is_ascii_digit).count();
    let dash = word.find('-');
    let shaped = plain == word.len() && (4..=9).contains(&plain)
        || dash.is_some_and(|at| {
            matches!((at, word.len() - at - 1), (5, 4) | (2, 3) | (4, 3) | (5, 3) | (3, 4))
        }) && plain + 1 == word.len();
    if !shaped {
        return None;
    }
    if country.is_none() && dash.is_none() && matches!(plain, 7 | 8) {
        return None;
    }
    Some(postcode::fit(word, country)?.canonical)
}

fn at_end(words: &[&str], part: usize, country: Option<&str>) -> Option<(usize, usize, String)> {
    let count = words.len();
    for length in [2, 1] {
        if count >= length
            && (part > 0 || count > length)
            && let Some(code) = lettered(&words[count - length..], country)
        {
            return Some((count - length, length, code));
        }
    }
    let start = count.checked_sub(1)?;
    let code = digits(words[start], country).map(|code| (start, 1, code)).or_else(|| {
        // `114 55`
        let [.., left, right] = words else { return None };
        let halves = left.len() == 3 && right.len() == 2 && count == 2 && part > 0;
        let all = halves && left.bytes().chain(right.bytes()).all(|b| b.is_ascii_digit());
        all.then(|| digits(&format!("{left}{right}"), country).map(|code| (start - 1, 2, code)))
            .flatten()
    })?;
    let before = &words[..code.0];
    if before.last().is_some_and(|word| ends_before_number(word)) {
        return None;
    }
    let after_region = guess(&code.2, country)
        .is_some_and(|guessed| region_at_end(before, Some(guessed)).is_some());
    let numbered = before.len() >= 3 && is_number(before[0]) && code.2.len() >= 5;
    // In a part of its own, or after a town; in a street, only after a region or a house number.
    let in_own_part = part > 0
        && (before.is_empty()
            || !before.iter().any(|word| is_number(word)) && !ends_in_type(before));
    (in_own_part || after_region && (part > 0 || before.len() > 1) || numbered).then_some(code)
}

fn ends_before_number(word: &str) -> bool {
    matches!(
        word,
        "box"
            | "postfach"
            | "bp"
            | "bag"
            | "highway"
            | "hwy"
            | "route"
            | "rte"
            | "apartado"
            | "postbus"
            | "unit"
            | "apt"
            | "suite"
            | "ste"
            | "lot"
            | "no"
            | "nr"
            | "#"
            | "road"
            | "cs"
            | "postale"
            | "postal"
            | "apdo"
    )
}

fn ends_in_type(words: &[&str]) -> bool {
    words.len() > 1
        && words
            .last()
            .is_some_and(|word| WORDS.last_types.get(word).is_some_and(|last| last.is_sure))
}

/// `80331 München`, `1015 CJ Amsterdam`, `D-80331 München`, `114 55 Stockholm`: in the first part
/// only before a town that is known, for a number there is a house.
fn at_start(
    words: &[&str],
    earlier: &[Words<'_>],
    country: Option<&str>,
) -> Option<(usize, usize, String)> {
    let (length, code) = start_code(words, country)?;
    let after = &words[length..];
    // Four digits before a town that nobody knows are a house as likely: `Hayes Center, 4859 Wabash`.
    let is_street = |part: &Words<'_>| {
        part.iter().any(|word| is_number(word))
            || street::has_sure_type(part)
            || WORDS.first_types.longest(part).is_some()
            || is_unit(part)
    };
    let street_before = earlier.iter().any(is_street);
    let needs_known = earlier.is_empty() || code.len() == 4 && !street_before && !after.is_empty();
    if needs_known && !city::is_known(&after.join(" "))
        || after.len() > 1 && after[0].len() <= 2 && has_direction(after[0])
    {
        return None;
    }
    let plain = !after.iter().any(|word| is_number(word)) && (length == 2 || !ends_in_type(after));
    plain.then_some((0, length, code))
}

fn start_code(words: &[&str], country: Option<&str>) -> Option<(usize, String)> {
    if let [left, right, ..] = words {
        let digits_only = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
        if left.len() == 4
            && right.len() == 2
            && digits_only(left)
            && let Some(code) = lettered(&words[..2], country.or(Some("NL")))
        {
            return Some((2, code));
        }
        if left.len() == 3
            && right.len() == 2
            && digits_only(left)
            && digits_only(right)
            && let Some(code) = digits(&format!("{left}{right}"), country)
        {
            return Some((2, code));
        }
    }
    let first = words.first()?;
    let code = lettered(&words[..1], country).or_else(|| digits(first, country))?;
    Some((1, code))
}

/// `Hauptstr. 5 80331 München`: a code between the street and the town.
fn amid(words: &[&str], country: Option<&str>) -> Option<(usize, usize, String)> {
    for start in 1..words.len().saturating_sub(1) {
        if let Some(code) = lettered(&words[start..(start + 2).min(words.len())], country)
            && start + 2 < words.len()
            && !code.starts_with(|c: char| c.is_ascii_digit())
        {
            return Some((start, 2, code));
        }
        let Some((length, code)) = start_code(&words[start..], country) else { continue };
        let after = &words[start + length..];
        let town = !after.is_empty()
            && after.len() <= 5
            && !after.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let before = &words[..start];
        let numbered = before.len() >= 2 && before.iter().any(|word| is_number(word))
            || before.last().is_some_and(|word| word.contains('-'))
            || before.len() >= 2 && code.len() >= 5 && street::has_type(before);
        // Four digits are a house number as likely, unless one stands before them.
        let sure = code.len() >= 5 && length == 1
            || before.len() >= 2 && before[1..].iter().any(|word| is_number(word));
        if town
            && numbered
            && sure
            && !ends_before_number(before[start - 1])
            && !ends_in_type(after)
        {
            return Some((start, length, code));
        }
    }
    None
}

/// The country that a code's shape tells, where none is known.
fn guess<'a>(code: &str, country: Option<&'a str>) -> Option<&'a str> {
    country.or(match code.len() {
        4 => Some("AU"),
        5 => Some("US"),
        7 if code.as_bytes()[3] == b' '
            && code.as_bytes()[1].is_ascii_digit()
            && code.as_bytes()[2].is_ascii_uppercase() =>
        {
            Some("CA")
        }
        6..=8 if code.contains(' ') => Some("GB"),
        _ => None,
    })
}

/// The region that `words` end with: how many words it takes and its canonical form.
fn region_at_end(words: &[&str], country: Option<&str>) -> Option<(usize, String)> {
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

fn has_direction(word: &str) -> bool {
    WORDS.directions.longest(&[word]).is_some()
}

/// Whether a part can be a town: words only, no unit and no box.
fn is_town(words: &[&str]) -> bool {
    let is_word = |word: &&str| {
        !word.starts_with(|c: char| c.is_ascii_digit()) && !matches!(*word, "#" | "c/o" | "s/n")
    };
    let plain = words.iter().all(&is_word);
    // `Dublin 1`
    let district = words.len() > 1 && is_word(&words[0]) && city::is_known(&words.join(" "));
    let note = words.first().is_some_and(|word| street::is_note_word(word));
    !words.is_empty() && words.len() <= 6 && !note && (plain || district) && !is_unit(words)
}

/// Whether all of the words are a unit or a box, such as `apt b` or `penthouse suite`.
fn is_unit(words: &[&str]) -> bool {
    let parsed = street::parse(&[words.to_vec()], None);
    parsed.number.is_empty() && parsed.name.is_empty()
}

/// The town where it stands in the last part, or at the end of the street.
fn take_town(parts: &mut Vec<Words<'_>>, is_placed: bool, whole: &mut Whole) {
    let Some(last) = parts.last() else { return };
    let earlier = &parts[..parts.len() - 1];
    let street_before = earlier.iter().any(|part| has_number_or_type(part) || is_unit(part));
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
    let sure = |at: &usize| {
        WORDS.last_types.get(words[*at]).is_some_and(|last| last.is_sure)
            && (first..*at).any(is_name)
    };
    let fits = |at: usize, least: usize| {
        let start = after_street(words, at + 1);
        let town = &words[start..];
        let weak_end = town.last().is_some_and(|word| WORDS.last_types.contains_key(word));
        let plain =
            !town.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()) || *word == "#");
        let unit = !town.is_empty() && is_unit(town);
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
