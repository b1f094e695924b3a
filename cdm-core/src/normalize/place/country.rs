use hashbrown::HashMap;
use std::sync::LazyLock;

use crate::normalize::address::key_of;
use crate::normalize::data::rows;
use crate::normalize::placeholder::is_placeholder;
use crate::normalize::text::{clean, fold};
use crate::normalize::{Form, Issue, Normalized};

/// One country of ISO 3166-1.
pub(in crate::normalize) struct Entry {
    pub(in crate::normalize) alpha2: &'static str,
    pub(in crate::normalize) alpha3: &'static str,
    name: &'static str,
}

struct Countries {
    entries: Vec<Entry>,
    by_key: HashMap<String, usize>,
    /// Names in other scripts as they are written, for spelt out they can look like a code of
    /// another country: `مصر` is `msr`.
    by_name: HashMap<String, usize>,
}

static COUNTRIES: LazyLock<Countries> = LazyLock::new(|| {
    let mut countries =
        Countries { entries: Vec::new(), by_key: HashMap::new(), by_name: HashMap::new() };
    let mut names = Vec::new();
    for row in rows(include_str!("../data/countries.txt")) {
        let &[alpha2, alpha3, name, ref other @ ..] = row.as_slice() else { continue };
        let index = countries.entries.len();
        countries.entries.push(Entry { alpha2, alpha3, name });
        countries.by_key.insert(key_of(alpha2), index);
        countries.by_key.insert(key_of(alpha3), index);
        let other = other.iter().flat_map(|names| names.split('|'));
        for name in std::iter::once(name).chain(other) {
            if !name.is_ascii() {
                countries.by_name.entry(fold(name)).or_insert(index);
            }
            names.push((key_of(name), index));
        }
    }
    // Codes are entered first: a name never takes a code of another country.
    for (key, index) in names {
        countries.by_key.entry(key).or_insert(index);
    }
    countries
});

/// The country of a name or code in words of [`key_of`].
pub(in crate::normalize) fn find(key: &str) -> Option<&'static Entry> {
    let countries = &*COUNTRIES;
    let key = key.strip_prefix("the ").unwrap_or(key);
    let index = countries.by_key.get(key).or_else(|| {
        // U. S. A.
        let dotted = key.len() > 1 && key.split(' ').all(|word| word.len() == 1);
        dotted.then(|| countries.by_key.get(&key.replace(' ', ""))).flatten()
    })?;
    countries.entries.get(*index)
}

fn find_raw(cleaned: &str) -> Option<&'static Entry> {
    if cleaned.is_ascii() {
        return find(&key_of(cleaned));
    }
    if let Some(index) = COUNTRIES.by_name.get(&fold(cleaned)) {
        return COUNTRIES.entries.get(*index);
    }
    Some(key_of(cleaned)).filter(|key| key.len() > 3).and_then(|key| find(&key))
}

/// Country, by name or code.
///
/// Knows every entry of ISO 3166-1 by alpha-2, alpha-3, its names in English, its own language,
/// German, French, Spanish, Italian, Dutch and Portuguese, and by common short forms (`U.S.A.`,
/// `England`, `Holland`). Codes win over names.
///
/// Forms: canonical and country are the alpha-2 code in upper case, display is the English short
/// name. A country that is not known is doubtful ([`Issue::UnknownPlace`]) and canonical as folded
/// text; a value without a letter is [`Issue::NoContent`]. `NA`, Namibia's code, is doubtful
/// ([`Issue::Placeholder`]), for it says "not available" as often.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, country};
/// let value = country("Deutschland");
/// assert_eq!(value.canonical(), Some("DE"));
/// assert_eq!(value.form(Form::Display), Some("Germany"));
/// ```
///
/// # References
/// ISO 3166-1:2020, Codes for the representation of names of countries and their subdivisions.
#[must_use]
pub fn country(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    // `NA` in capitals is Namibia's code, or says "not available": kept, in doubt. Any other word
    // for nothing is one.
    let is_code = cleaned == "NA";
    if !is_code && is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if let Some(entry) = find_raw(&cleaned) {
        let value = Normalized::valid(entry.alpha2)
            .with(Form::Country, entry.alpha2)
            .with(Form::Display, entry.name);
        return if is_code { value.doubting(Issue::Placeholder) } else { value };
    }
    if !cleaned.chars().any(char::is_alphabetic) {
        return Normalized::unusable(Issue::NoContent);
    }
    let folded = fold(&cleaned);
    // Folding can turn a letter into a code (`ß` into `ss`), which must not change its meaning twice.
    let text = find_raw(&folded).map_or(folded, |entry| entry.alpha2.to_owned());
    Normalized::valid(text).doubting(Issue::UnknownPlace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn normalising_twice_is_once(text in "[a-zA-Z]{1,3}|([a-z]\\.){1,4}|.*") {
            let once = country(&text);
            if let Some(canonical) = once.canonical() {
                let twice = country(canonical);
                prop_assert_eq!(twice.canonical(), Some(canonical));
                prop_assert!(twice.status().is_usable());
            }
        }
    }

    #[test]
    fn every_code_and_name_leads_to_its_country() {
        for entry in &COUNTRIES.entries {
            for text in [entry.alpha2, entry.alpha3, entry.name] {
                assert_eq!(country(text).canonical(), Some(entry.alpha2), "{text}");
            }
        }
    }

    #[test]
    fn no_name_is_told_of_two_countries() {
        for row in rows(include_str!("../data/countries.txt")) {
            for name in
                row.iter().skip(2).flat_map(|names| names.split('|')).filter(|n| !n.is_empty())
            {
                let found = find_raw(name).map(|entry| entry.alpha2);
                assert_eq!(found, Some(row[0]), "{name}");
            }
        }
    }
}
