use hashbrown::HashMap;
use std::borrow::Cow;
use std::sync::LazyLock;

use crate::normalize::address::key_of;
use crate::normalize::data::rows;
use crate::normalize::phonetic::unread_script;
use crate::normalize::placeholder::is_placeholder;
use crate::normalize::text::{ascii, clean, fold, has_invisible};
use crate::normalize::{Form, Issue, Normalized};

static EXONYMS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let mut exonyms = HashMap::new();
    for row in rows(include_str!("../data/exonyms.txt")) {
        let canonical = spelling_of(&key_of(row[0])).into_owned();
        for name in &row {
            let umlauts = name.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue");
            for spelling in [spelling_of(&key_of(name)), spelling_of(&key_of(&umlauts))] {
                exonyms.entry(spelling.into_owned()).or_insert_with(|| canonical.clone());
            }
        }
    }
    exonyms
});

/// The one spelling of a town's name given in words of [`key_of`].
pub(in crate::normalize) fn canonical_of(key: &str) -> String {
    let spelling = spelling_of(key);
    if let Some(name) = EXONYMS.get(&*spelling) {
        return name.clone();
    }
    match without_district(&spelling).and_then(|name| EXONYMS.get(name)) {
        Some(name) => name.clone(),
        None => spelling.into_owned(),
    }
}

/// Whether the words are a town that the list of names knows.
pub(in crate::normalize) fn is_known(key: &str) -> bool {
    let spelling = spelling_of(key);
    EXONYMS.contains_key(&*spelling)
        || without_district(&spelling).is_some_and(|name| EXONYMS.contains_key(name))
}

/// `Dublin 1`, `Wien 3`, `København K`: the town without its district, where there is one.
fn without_district(spelling: &str) -> Option<&str> {
    let (name, district) = spelling.rsplit_once(' ')?;
    let number = district.len() <= 2 && district.bytes().all(|byte| byte.is_ascii_digit());
    (number || district.len() == 1).then_some(name)
}

/// Short words written out or left out, so that all spellings of one name are equal.
fn spelling_of(key: &str) -> Cow<'_, str> {
    // Nearly all names are.
    if is_spelt(key) {
        return Cow::Borrowed(key);
    }
    let mut spelling = spell(key);
    // What is left out can bring a short word to the front.
    for _ in 0..4 {
        let next = spell(&spelling);
        if next == spelling {
            break;
        }
        spelling = next;
    }
    Cow::Owned(spelling)
}

/// Whether no word is among those that [`spell`] looks at.
fn is_spelt(key: &str) -> bool {
    let is_looked_at = |word: &str| {
        matches!(word, "st" | "sankt" | "sint" | "saint" | "snt" | "ste" | "sainte")
            || matches!(word, "mt" | "ft" | "pt" | "a" | "i" | "n" | "s" | "e" | "w")
            || matches!(word, "hts" | "spgs" | "hls" | "bch" | "vlg" | "jct" | "ctr")
            || matches!(word, "cedex" | "london" | "royal" | "city" | "stadt" | "ville")
    };
    !key.contains('/') && key.split(' ').all(|word| !word.is_empty() && !is_looked_at(word))
}

fn spell(key: &str) -> String {
    let words: Vec<&str> = key.split([' ', '/']).filter(|word| !word.is_empty()).collect();
    let mut out: Vec<&str> = Vec::with_capacity(words.len() + 2);
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        let next = words.get(at + 1).copied();
        let inner = at > 0 && next.is_some();
        match (word, next) {
            ("st" | "sankt" | "sint" | "saint" | "snt", Some(_)) if at == 0 || at == 1 => {
                out.push("saint");
            }
            ("ste" | "sainte", Some(_)) => out.push("sainte"),
            ("mt", Some(_)) => out.push("mount"),
            ("ft", Some(_)) => out.push("fort"),
            ("pt", Some(_)) if at == 0 => out.push("port"),
            ("a", Some("m")) if at > 0 => {
                out.extend(["am", "main"]);
                at += 1;
            }
            ("a", Some("rh")) if at > 0 => {
                out.extend(["am", "rhein"]);
                at += 1;
            }
            ("a", Some("d")) if at > 0 => {
                out.extend(["an", "der"]);
                at += 1;
            }
            ("i", Some("br")) if at > 0 => {
                out.extend(["im", "breisgau"]);
                at += 1;
            }
            ("i", _) if inner => out.push("im"),
            ("upon" | "on", Some(_)) if inner => out.push(word),
            ("hts", None) if at > 0 => out.push("heights"),
            ("spgs", None) if at > 0 => out.push("springs"),
            ("hls", None) if at > 0 => out.push("hills"),
            ("bch", None) if at > 0 => out.push("beach"),
            ("vlg", None) if at > 0 => out.push("village"),
            ("jct", None) if at > 0 => out.push("junction"),
            ("ctr", None) if at > 0 => out.push("center"),
            ("n", Some(_)) if at == 0 => out.push("north"),
            ("s", Some(second))
                if at == 0 && !second.starts_with("hert") && !second.starts_with("grav") =>
            {
                out.push("south");
            }
            ("e", Some(_)) if at == 0 => out.push("east"),
            ("w", Some(_)) if at == 0 => out.push("west"),
            _ => out.push(word),
        }
        at += 1;
    }
    // The French post office's CEDEX and a borough's office are not part of the name.
    if let Some(cedex) = out.iter().position(|word| *word == "cedex").filter(|at| *at > 0) {
        out.truncate(cedex);
    }
    for prefix in [
        &["london", "borough", "of"][..],
        &["royal", "borough", "of"],
        &["city", "of"],
        &["stadt"],
        &["ville", "de"],
    ] {
        if out.len() > prefix.len() && out.starts_with(prefix) {
            out.drain(..prefix.len());
        }
    }
    out.join(" ")
}

/// Town or city.
///
/// Case, diacritics and hyphens do not matter; `St`, `Mt`, `Ft`, a leading `N`/`S`/`E`/`W`, `a.M.`
/// and `a. d.` are written out; names of one town in several languages (`München`, `Munich`,
/// `Monaco di Baviera`) become one, and so do a few short names (`NYC`, `LV`).
///
/// Forms: canonical (lower case, in `a`-`z`, `0`-`9` and spaces), ascii (the value as given, in the
/// same letters), display (as given, in capitals and small letters where it was all in one) and script.
/// Issues: [`Issue::Placeholder`], [`Issue::NoContent`] for a value without a letter or digit,
/// [`Issue::Malformed`] (doubtful) for one without a letter, [`Issue::ControlCharacters`].
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, city};
/// assert_eq!(city("MÜNCHEN").canonical(), Some("munich"));
/// assert_eq!(city("MÜNCHEN").form(Form::Display), Some("München"));
/// assert_eq!(city("St. Louis").canonical(), city("Saint Louis").canonical());
/// ```
#[must_use]
pub fn city(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if !cleaned.chars().any(char::is_alphanumeric) {
        return Normalized::unusable(Issue::NoContent);
    }
    let key = key_of(&cleaned);
    let canonical = if key.is_empty() { fold(&cleaned) } else { canonical_of(&key) };
    // What is left of odd text can be a word for nothing.
    if is_placeholder(&canonical) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let mut value = Normalized::valid(canonical)
        .with(Form::Ascii, ascii(&cleaned))
        .with(Form::Display, display(&cleaned))
        .with(Form::Script, unread_script(&cleaned));
    if !cleaned.chars().any(char::is_alphabetic) {
        value = value.doubting(Issue::Malformed);
    }
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

/// The name as given; in capitals and small letters where it is all in one of them.
fn display(name: &str) -> Cow<'_, str> {
    let mixed = name.chars().any(char::is_lowercase) && name.chars().any(char::is_uppercase);
    // Two or three capitals are an abbreviation as likely as a name.
    let short = name.chars().count() <= 3 && !name.chars().any(char::is_lowercase);
    if mixed || short {
        return Cow::Borrowed(name);
    }
    const SMALL: [&str; 24] = [
        "am", "an", "auf", "d", "da", "das", "de", "del", "della", "der", "di", "do", "dos", "du",
        "en", "im", "in", "les", "of", "on", "sur", "the", "under", "upon",
    ];
    let lower = name.to_lowercase();
    let mut out = String::with_capacity(lower.len());
    for (index, word) in lower.split_inclusive([' ', '-', '/', '(', '\'', '’']).enumerate() {
        let bare = word.trim_end_matches([' ', '-', '/', '(', '\'', '’']);
        if index > 0 && SMALL.contains(&bare) {
            out.push_str(word);
            continue;
        }
        // Newcastle's `s` stays small.
        let possessive = bare == "s" && out.ends_with(['\'', '’']);
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !possessive => out.extend(first.to_uppercase()),
            Some(first) => out.push(first),
            None => {}
        }
        out.push_str(letters.as_str());
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_of_a_town_leads_to_a_name_that_leads_to_itself() {
        for row in rows(include_str!("../data/exonyms.txt")) {
            for name in &row {
                let once = city(name);
                let canonical = once.canonical().expect(name);
                assert_eq!(city(canonical).canonical(), Some(canonical), "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_spelt_already_stays_as_it_is(
            key in "((st|sankt|sint|saint|snt|ste|sainte|mt|ft|pt|a|i|n|s|e|w|m|rh|d|br|hts|spgs|hls|bch|vlg|jct|ctr|on|upon|cedex|london|borough|royal|city|of|stadt|ville|de|bath|[a-z]{1,4}|/)( |  |/)?){0,6}",
        ) {
            prop_assert!(!is_spelt(&key) || spell(&key) == key);
        }

        #[test]
        fn normalising_twice_is_once(text in "((st|mt|city of|London borough of|n|s|a\\. ?d\\.|cedex|i|stadt|köln) ?){0,5}|.*") {
            let once = city(&text);
            if let Some(canonical) = once.canonical() {
                let twice = city(canonical);
                prop_assert_eq!(twice.canonical(), Some(canonical));
                prop_assert!(twice.status().is_usable());
            }
        }
    }
}
