//! Words of names: articles, what joins, abbreviations, other names.

use hashbrown::{HashMap, HashSet};
use std::sync::LazyLock;

use super::tokens::{Token, join_into};
use crate::normalize::data::rows;

/// Each spelling and the one spelling of its word.
static WORDS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    rows(include_str!("../data/organisation_words.txt"))
        .filter(|row| row.len() == 2)
        .flat_map(|row| row[1].split('|').map(move |spelling| (spelling, row[0])))
        .collect()
});
/// Articles, and the words that may not follow them.
static ARTICLES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    rows(include_str!("../data/organisation_articles.txt"))
        .map(|row| (row[0], row.get(1).map(|words| words.split('|').collect()).unwrap_or_default()))
        .collect()
});
static MARKERS: LazyLock<Markers> = LazyLock::new(|| {
    let mut markers = Markers::default();
    for row in rows(include_str!("../data/organisation_markers.txt")) {
        let [sort, words] = row[..] else { continue };
        match sort {
            "alias" => {
                markers.first_words.extend(words.split(' ').next());
                markers.alias.insert(words);
            }
            "slashed" => {
                markers.first_words.insert(words);
                markers.slashed.insert(words);
            }
            "and" => {
                markers.and.insert(words);
            }
            _ => {
                markers.romance.insert(words);
            }
        }
    }
    markers
});
static DUMMIES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    rows(include_str!("../data/organisation_placeholders.txt"))
        .filter_map(|row| row.first().copied())
        .collect()
});

#[derive(Default)]
struct Markers {
    first_words: HashSet<&'static str>,
    alias: HashSet<&'static str>,
    slashed: HashSet<&'static str>,
    and: HashSet<&'static str>,
    romance: HashSet<&'static str>,
}

/// The longest marker, `handelend onder de naam`.
const MOST_MARKER_WORDS: usize = 4;

/// Whether the canonical form is what people without an organisation write.
pub(super) fn is_dummy(canonical: &str) -> bool {
    DUMMIES.contains(canonical)
}

/// Where a marker of another name (`doing business as`) stands, and how many words it has.
pub(super) fn find_alias_marker(tokens: &[Token]) -> Option<(usize, usize)> {
    let mut buffer = String::new();
    (0..tokens.len()).find_map(|at| {
        if !MARKERS.first_words.contains(tokens[at].text.as_str()) {
            return None;
        }
        let most = MOST_MARKER_WORDS.min(tokens.len() - at);
        (1..=most).rev().find_map(|words| {
            join_into(&tokens[at..at + words], &mut buffer);
            let is_marker = MARKERS.alias.contains(buffer.as_str())
                || (tokens[at].dotted && MARKERS.slashed.contains(buffer.as_str()));
            is_marker.then_some((at, words))
        })
    })
}

/// Makes the words that join two parts of a name the one word `and`.
pub(super) fn unify_and(tokens: &mut [Token]) {
    let mut is_romance = None;
    for at in 1..tokens.len().saturating_sub(1) {
        let joins = match tokens[at].text.as_str() {
            // An initial or a letter in most names, `and` in some languages.
            "e" => *is_romance.get_or_insert_with(|| {
                tokens.iter().any(|token| MARKERS.romance.contains(token.text.as_str()))
            }),
            word => MARKERS.and.contains(word),
        };
        if joins {
            tokens[at].text.replace_range(.., "and");
        }
    }
}

/// Leaves out articles at the front, `the` at the end, other articles at the end after a comma, and
/// `and` at either end; at least one word stays.
pub(super) fn drop_articles(tokens: &mut Vec<Token>) {
    loop {
        let before = tokens.len();
        if let [first, second, ..] = &tokens[..] {
            let next = second.text.as_str();
            let is_article = ARTICLES
                .get(first.text.as_str())
                .is_some_and(|not_before| next != "and" && !not_before.contains(&next));
            // One letter or a number is not a name yet: `The 3`, `La Z`.
            let name_left = tokens.len() > 2 || next.chars().nth(1).is_some();
            if first.text == "and" || (is_article && name_left) {
                tokens.remove(0);
            }
        }
        if let [.., _, last] = &tokens[..] {
            let article = last.text == "the"
                || (last.after_comma && ARTICLES.contains_key(last.text.as_str()));
            if article || last.text == "and" {
                tokens.pop();
            }
        }
        if tokens.len() == before {
            return;
        }
    }
}

/// Gives each word its one spelling.
pub(super) fn unify_words(tokens: &mut [Token]) {
    for token in tokens {
        if let Some(word) = WORDS.get(token.text.as_str()) {
            token.text.replace_range(.., word);
        }
    }
}

/// Whether the letters are the initials of the words, with or without the small ones.
pub(super) fn are_initials(letters: &str, words: &[Token]) -> bool {
    const SMALL: [&str; 20] = [
        "and", "of", "the", "for", "in", "on", "de", "la", "le", "du", "des", "del", "di", "der",
        "die", "das", "für", "van", "do", "da",
    ];
    let initials = |small: bool| {
        words
            .iter()
            .filter(|word| small || !SMALL.contains(&word.text.as_str()))
            .filter_map(|word| word.text.chars().next())
            .collect::<String>()
    };
    let count = letters.chars().count();
    (2..=10).contains(&count) && (initials(false) == letters || initials(true) == letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::organisation::tokens::{joined, tokens};
    use crate::normalize::text::fold;

    #[test]
    fn every_word_leads_to_one_that_stays() {
        let mut listed = 0;
        for row in rows(include_str!("../data/organisation_words.txt")) {
            assert_eq!(row.len(), 2, "{row:?}");
            listed += row[1].split('|').count();
        }
        assert_eq!(WORDS.len(), listed, "no spelling is listed twice");
        for (spelling, word) in WORDS.iter() {
            assert!(!WORDS.contains_key(word), "{spelling} leads to {word}, which leads on");
            assert_eq!(joined(&tokens(&fold(spelling))), *spelling);
            assert_eq!(joined(&tokens(&fold(word))), *word);
        }
    }

    #[test]
    fn articles_go_only_where_a_name_is_left() {
        let dropped = |name: &str| {
            let mut words = tokens(name);
            drop_articles(&mut words);
            joined(&words)
        };
        assert_eq!(dropped("the apple pan"), "apple pan");
        assert_eq!(dropped("apple pan the"), "apple pan");
        assert_eq!(dropped("monde, le"), "monde");
        assert_eq!(dropped("monde le"), "monde le");
        assert_eq!(dropped("the the"), "the");
        assert_eq!(dropped("los angeles times"), "los angeles times");
        assert_eq!(dropped("die casting works"), "die casting works");
        assert_eq!(dropped("das and sons"), "das and sons");
    }
}
