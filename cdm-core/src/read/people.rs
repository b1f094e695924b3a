//! Whether a text names a person or an organisation: by lists, and good for many texts together.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::normalize;

/// How somebody is addressed: `Mr`, `Frau`.
pub(super) fn is_honorific(ascii: &str) -> bool {
    matches!(
        ascii,
        "mr" | "mrs"
            | "ms"
            | "miss"
            | "mx"
            | "dr"
            | "prof"
            | "sir"
            | "herr"
            | "frau"
            | "fr"
            | "hr"
            | "herrn"
            | "prof dr"
            | "dr med"
            | "m"
            | "mme"
            | "mlle"
            | "monsieur"
            | "madame"
            | "mademoiselle"
            | "sr"
            | "sra"
            | "srta"
            | "don"
            | "dona"
            | "senor"
            | "senora"
            | "sig"
            | "sig ra"
            | "signor"
            | "signora"
            | "dott"
            | "dottssa"
            | "dhr"
            | "mevr"
            | "mw"
            | "dhr mr"
            | "mevrouw"
            | "rev"
            | "lord"
            | "lady"
            | "dame"
            | "divers"
    )
}

static GIVEN_NAMES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("data/given_names.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect()
});

/// One to five words, one at either end a common given name.
pub(super) fn is_person(ascii: &str) -> bool {
    let words: Vec<&str> = ascii.split(' ').filter(|word| !word.is_empty()).collect();
    let known = |word: Option<&&str>| word.is_some_and(|word| GIVEN_NAMES.contains(word));
    (1..=5).contains(&words.len())
        && (known(words.first()) || known(words.last()) || known(words.get(1)))
}

/// One word or two, the first of them a given name that is on a list: what a column of given names
/// holds.
pub(super) fn is_given_name(ascii: &str) -> bool {
    let mut words = ascii.split(' ').filter(|word| !word.is_empty());
    let first = words.next().is_some_and(is_listed);
    first
        && words.next().is_none_or(|second| second.len() == 1 || is_listed(second))
        && words.next().is_none()
}

/// Two to five words, one of the first two or the last a given name that is on a list.
pub(super) fn is_whole_person(ascii: &str) -> bool {
    let words: Vec<&str> = ascii.split(' ').filter(|word| !word.is_empty()).collect();
    let [first, second, ..] = words[..] else { return false };
    words.len() <= 5
        && (is_listed(first)
            || is_listed(second)
            || words.last().is_some_and(|word| is_listed(word)))
}

fn is_listed(word: &str) -> bool {
    GIVEN_NAMES.contains(word) || word.len() > 2 && normalize::is_first_name(word)
}

/// Legal forms, words for a business, and words that persons' names lack.
#[rustfmt::skip]
static WORDS_OF_ORGANISATIONS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    HashSet::from([
        "inc", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "plc", "llp", "lp",
        "gmbh", "ag", "kg", "ohg", "ug", "ev", "eg", "sa", "sarl", "sas", "sasu", "eurl", "sci",
        "srl", "spa", "sl", "slu", "bv", "nv", "vof", "lda", "ltda", "oy", "ab", "aps", "as", "pty",
        "group", "gruppe", "groupe", "grupo", "gruppo", "holding", "holdings", "bank", "school",
        "schule", "ecole", "escuela", "scuola", "escola", "university", "universitat", "universite",
        "universidad", "college", "academy", "center", "centre", "centro", "zentrum", "hospital",
        "klinik", "clinic", "hotel", "restaurant", "ristorante", "restaurante", "cafe", "bar",
        "grill", "deli", "pizzeria", "bistro", "kitchen", "inn", "church", "foundation", "stiftung",
        "association", "verein", "society", "institute", "services", "service", "solutions",
        "systems", "partners", "consulting", "industries", "international", "enterprises",
        "technologies", "tech", "shop", "store", "market", "learning", "care", "daycare",
        "childcare", "kindergarten", "preschool", "club", "agency", "trust", "the", "and", "und",
        "of", "for", "et", "y",
    ])
});

/// A legal form, a word for a business, or a sign that persons' names lack.
pub(super) fn is_organisation(value: &str, ascii: &str) -> bool {
    value.contains('&') || ascii.split(' ').any(|word| WORDS_OF_ORGANISATIONS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_and_organisations_are_told_apart() {
        for text in ["robert allen", "smith jane", "chiara rossi"] {
            assert!(
                is_person(text) && is_whole_person(text) && !is_organisation(text, text),
                "{text}"
            );
        }
        for text in ["Acme GmbH", "Bethel Learning Center", "Brown & Sons"] {
            assert!(is_organisation(text, &normalize::ascii(text)), "{text}");
        }
    }

    #[test]
    fn given_names_stand_alone() {
        for name in ["maria", "bob", "hans peter", "anna m"] {
            assert!(is_given_name(name), "{name}");
        }
        for name in ["", "m", "mueller", "maria mueller", "john of the cross"] {
            assert!(!is_given_name(name), "{name}");
        }
        assert!(!is_whole_person("maria"));
    }
}
