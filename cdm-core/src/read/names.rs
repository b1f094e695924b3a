//! What the name of a column says about what it holds.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::normalize;
use crate::schema::Kind;

/// What a column's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    /// The meaning, one of `data/columns.txt`.
    pub(super) key: &'static str,
    /// The kind of such a value; `None` where it is no field.
    pub(super) kind: Option<Kind>,
    /// What of the name says whose or which it is, such as `billing`, or `2`: columns of one stem
    /// belong together.
    pub(super) stem: String,
    /// Whether the whole name says it, rather than what is left of it without such words.
    pub(super) exact: bool,
}

struct Names {
    meanings: HashMap<String, (&'static str, Option<Kind>)>,
    kinds: HashMap<&'static str, Option<Kind>>,
    qualifiers: HashSet<&'static str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut meanings = HashMap::new();
    let mut kinds = HashMap::new();
    for line in lines(include_str!("data/columns.txt")) {
        let mut parts = line.split('\t').map(str::trim);
        let (Some(key), Some(kind), Some(names)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let kind = kind.parse::<Kind>().ok();
        kinds.insert(key, kind);
        for name in names.split(',') {
            meanings.entry(name.replace(' ', "")).or_insert((key, kind));
        }
    }
    Names { meanings, kinds, qualifiers: lines(include_str!("data/qualifiers.txt")).collect() }
});

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The meaning of a column by its name alone, where the name says it.
pub(super) fn meaning(column: &str) -> Option<Meaning> {
    // The last part of a dotted name says what, the parts before whose: `customer.address.city`.
    let (path, last) = match column.trim_end_matches('.').rsplit_once('.') {
        Some((path, last)) => (words(path), words(last)),
        None => (Vec::new(), words(column)),
    };
    let find = |words: &[String]| {
        let name = words.concat();
        let singular = || name.strip_suffix('s').filter(|name| name.len() > 3);
        let known = |name: &str| NAMES.meanings.get(name).copied();
        known(&name).or_else(|| singular().and_then(known))
    };
    let found = |(key, kind): (&'static str, Option<Kind>), stem: String, exact: bool| {
        Some(Meaning { key, kind, stem, exact })
    };
    // `name.first`, `address.line1`: the parts together say it.
    if let Some(parent) = path.last() {
        let mut both = vec![parent.clone()];
        both.extend_from_slice(&last);
        if let Some(hit) = find(&both) {
            return found(hit, path[..path.len() - 1].join(" "), true);
        }
    }
    if let Some(hit) = find(&last) {
        return found(hit, path.join(" "), path.is_empty());
    }
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_place = |kind: Option<Kind>, key: &str| {
        key == "house_number"
            || key == "unit"
            || matches!(
                kind,
                Some(Kind::City | Kind::Region | Kind::Postcode | Kind::Country | Kind::Street)
            )
    };
    // Drop what says which, then what says whose.
    for drops_qualifiers in [false, true] {
        let kept: Vec<String> = last
            .iter()
            .filter(|word| {
                let is_qualifier = drops_qualifiers && NAMES.qualifiers.contains(word.as_str());
                !is_number(word) && !is_qualifier
            })
            .cloned()
            .collect();
        if kept.is_empty() || kept.len() == last.len() {
            continue;
        }
        let mut stem = path.clone();
        stem.extend(last.iter().filter(|word| !kept.contains(word)).cloned());
        if let Some(hit) = find(&kept) {
            // "customer key" may be an id, but "home id" says nothing.
            if hit.1.is_some() {
                return found(hit, stem.join(" "), false);
            }
        } else if let [first, rest @ ..] = &kept[..]
            && matches!(first.as_str(), "address" | "addr" | "adresse" | "adress")
            && let Some(hit) = find(rest).filter(|(key, kind)| is_place(*kind, key))
        {
            return found(hit, stem.join(" "), false);
        }
    }
    None
}

/// The meaning of a column by its name alone, without its stem.
pub(super) fn key(column: &str) -> Option<&'static str> {
    meaning(column).map(|meaning| meaning.key)
}

/// What the last word of a name says, where the name has no known meaning.
pub(super) fn last_word(column: &str) -> LastWord {
    let words = words(last_part(column));
    match words.last().map(String::as_str) {
        Some(
            "id" | "ids" | "no" | "nr" | "num" | "number" | "code" | "key" | "ref" | "reference"
            | "nummer" | "numero" | "kennung" | "codigo" | "codice" | "kode",
        ) => LastWord::Code,
        Some(
            "type" | "status" | "category" | "flag" | "class" | "tier" | "segment" | "typ" | "art"
            | "kategorie" | "tipo" | "categorie" | "categoria" | "estado" | "stato" | "statut"
            | "consent" | "optin",
        ) => LastWord::Category,
        _ => LastWord::Other,
    }
}

/// What kind of thing the last word of a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastWord {
    /// A number or code of something.
    Code,
    /// One of few.
    Category,
    Other,
}

/// The kind of a meaning's values.
pub(super) fn kind_of(key: &str) -> Option<Kind> {
    NAMES.kinds.get(key).copied().flatten()
}

/// The part of a dotted name behind the last dot.
pub(super) fn last_part(column: &str) -> &str {
    column.rsplit('.').next().unwrap_or(column)
}

/// A name without case, diacritics, spaces and punctuation.
pub(super) fn squeezed(name: &str) -> String {
    words(name).concat()
}

/// The words of a name: set apart by anything that is no letter or digit, by a capital behind a
/// small letter, and by a change between letters and digits.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len() + 8);
    let mut characters = name.chars().take(200).peekable();
    let mut before: Option<char> = None;
    while let Some(c) = characters.next() {
        if let Some(before) = before {
            let hump = c.is_uppercase()
                && (before.is_lowercase()
                    || before.is_uppercase()
                        && characters.peek().is_some_and(|next| next.is_lowercase()));
            let digits = before.is_alphabetic() && c.is_ascii_digit()
                || before.is_ascii_digit() && c.is_alphabetic();
            if hump || digits {
                spaced.push(' ');
            }
        }
        spaced.push(c);
        before = Some(c);
    }
    normalize::ascii(&spaced).split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood_in_many_spellings_and_languages() {
        for (column, expected) in [
            ("E-Mail", "email"),
            ("emailAddress", "email"),
            ("EMAIL_2", "email"),
            ("primary_email", "email"),
            ("Correo electrónico", "email"),
            ("Vorname", "given_name"),
            ("prénom", "given_name"),
            ("FirstName", "given_name"),
            ("FEATURES.NAME_FIRST", "given_name"),
            ("name.first", "given_name"),
            ("Nachname", "family_name"),
            ("LNAME", "family_name"),
            ("contact_last_name", "family_name"),
            ("Handy", "phone"),
            ("Móvil", "phone"),
            ("Tel.", "phone"),
            ("Phone 1 - Value", "phone"),
            ("work phone", "phone"),
            ("Geburtsdatum", "date_of_birth"),
            ("DOB", "date_of_birth"),
            ("Straße", "street"),
            ("street_number", "house_number"),
            ("address_1", "address_line"),
            ("address_2", "address_2"),
            ("addressLine2", "address_2"),
            ("BillingCity", "city"),
            ("shipping_address_zip", "postcode"),
            ("PLZ", "postcode"),
            ("Código Postal", "postcode"),
            ("Bundesland", "region"),
            ("customer.address.country", "country"),
            ("Kundennr.", "id"),
            ("customer_id", "id"),
            ("updated_at", "time"),
            ("LastModifiedDate", "time"),
            ("soc_sec_id", "ssn"),
            ("True Id", "label"),
            ("FEATURES.ADDR_TYPE", "descriptor"),
            ("Christian names", "given_name"),
            ("Surnames", "family_name"),
            ("Telephones", "phone"),
            ("Where born", "place_of_birth"),
            ("Geburtsjahr", "date_of_birth"),
            ("Residence", "city"),
            ("web_domain", "url"),
        ] {
            assert_eq!(key(column), Some(expected), "{column}");
        }
        for column in
            ["", "...", "notes", "FEATURES.DRIVERS_LICENSE_STATE", "mother_first_name", "7"]
        {
            assert_eq!(key(column), None, "{column}");
        }
    }

    #[test]
    fn columns_of_one_address_have_one_stem() {
        let stem = |column| meaning(column).unwrap().stem;
        assert_eq!(stem("billing_street"), stem("billing_city"));
        assert_ne!(stem("billing_street"), stem("shipping_street"));
        assert_eq!(stem("email"), "");
    }
}
