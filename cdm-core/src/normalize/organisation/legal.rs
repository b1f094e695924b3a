//! Legal forms: GmbH, Inc., 株式会社.

use hashbrown::{HashMap, HashSet};
use std::sync::LazyLock;

use super::tokens::{Token, join_into};
use crate::normalize::data::rows;

struct LegalForm {
    name: &'static str,
    behind: bool,
    front: bool,
    anywhere: bool,
    after_dots: bool,
    not_after: Vec<&'static str>,
    not_before: Vec<&'static str>,
}

struct LegalForms {
    by_spelling: HashMap<&'static str, LegalForm>,
    /// First and last words of spellings: most words are neither, and need no further look.
    first_words: HashSet<&'static str>,
    last_words: HashSet<&'static str>,
    most_words: usize,
}

static FORMS: LazyLock<LegalForms> = LazyLock::new(|| {
    let mut forms = LegalForms {
        by_spelling: HashMap::new(),
        first_words: HashSet::new(),
        last_words: HashSet::new(),
        most_words: 0,
    };
    for row in rows(include_str!("../data/legal_forms.txt")) {
        let [name, _countries, uses, spellings] = row[..] else { continue };
        for spelling in spellings.split('|') {
            let mut form = LegalForm {
                name,
                behind: true,
                front: false,
                anywhere: false,
                after_dots: false,
                not_after: Vec::new(),
                not_before: Vec::new(),
            };
            // A comma also separates the words of the last two uses, so a word may belong to one.
            let mut words: Option<&mut Vec<&'static str>> = None;
            for part in uses.split(',') {
                match part.split_once('=') {
                    Some(("not_after", word)) => {
                        form.not_after.push(word);
                        words = Some(&mut form.not_after);
                    }
                    Some((_, word)) => {
                        form.not_before.push(word);
                        words = Some(&mut form.not_before);
                    }
                    None => match (part, &mut words) {
                        (_, Some(words)) => words.push(part),
                        ("front", None) => form.front = true,
                        ("only_front", None) => (form.front, form.behind) = (true, false),
                        ("anywhere", None) => form.anywhere = true,
                        ("after_dots", None) => form.after_dots = !spelling.contains(' '),
                        _ => {}
                    },
                }
            }
            let mut words = spelling.split(' ');
            forms.most_words = forms.most_words.max(words.clone().count());
            forms.first_words.extend(words.clone().next());
            forms.last_words.extend(words.next_back());
            forms.by_spelling.insert(spelling, form);
        }
    }
    forms
});

/// Forms of scripts without spaces, longest first.
static UNSPACED: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let mut forms: Vec<_> = rows(include_str!("../data/legal_forms_cjk.txt"))
        .filter_map(|row| match row[..] {
            [name, _countries, written] => Some((written, name)),
            _ => None,
        })
        .collect();
    forms.sort_by_key(|(written, _)| std::cmp::Reverse(written.len()));
    forms
});

/// What splitting the legal form off a name leaves.
pub(super) struct Split {
    /// The name without legal forms; never empty where there was a word.
    pub(super) base: Vec<Token>,
    /// Each in its one spelling, in the order of the canonical form.
    pub(super) forms: Vec<&'static str>,
}

/// A legal form at either end of text in a script without spaces: the rest, and the form.
pub(super) fn split_unspaced(folded: &str) -> Option<(&str, &'static str)> {
    if folded.is_ascii() {
        return None;
    }
    // Some forms have brackets of their own: `(株)`.
    let bracketed = folded
        .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '(')
        .trim_end_matches(|c: char| !c.is_alphanumeric() && c != ')');
    let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
    [bracketed, bare].into_iter().find_map(|text| {
        UNSPACED.iter().find_map(|(written, name)| {
            let rest = text.strip_prefix(written).or_else(|| text.strip_suffix(written))?.trim();
            rest.contains(char::is_alphanumeric).then_some((rest, *name))
        })
    })
}

/// Splits off the legal forms: behind the name, up to three (`Co., Inc.`); before it, where the form
/// is written there; else one within it, where it can be nothing else (`Acme GmbH, Berlin`).
pub(super) fn split(mut base: Vec<Token>) -> Split {
    let mut behind = Vec::new();
    let mut buffer = String::new();
    while behind.len() < 3 {
        let Some((words, name)) = form_behind(&base, &mut buffer) else { break };
        base.truncate(base.len() - words);
        behind.push(name);
    }
    behind.reverse();
    let mut forms = behind;
    if let Some((words, name)) = form_in_front(&base, &mut buffer) {
        base.drain(..words);
        forms.insert(0, name);
    }
    if forms.is_empty()
        && let Some((at, words, name)) = form_within(&base, &mut buffer)
    {
        base.drain(at..at + words);
        forms.push(name);
    }
    Split { base, forms }
}

fn form_behind(tokens: &[Token], buffer: &mut String) -> Option<(usize, &'static str)> {
    if !FORMS.last_words.contains(tokens.last()?.text.as_str()) {
        return None;
    }
    let most = FORMS.most_words.min(tokens.len() - 1);
    (1..=most).rev().find_map(|words| {
        let (before, end) = tokens.split_at(tokens.len() - words);
        let form = look_up(end, buffer).filter(|form| form.behind)?;
        let spoilt = form.not_after.contains(&before.last()?.text.as_str());
        // What is left must be more than a word that joins.
        let named = before.iter().any(|token| token.text != "and");
        (!spoilt && named).then_some((words, form.name))
    })
}

fn form_in_front(tokens: &[Token], buffer: &mut String) -> Option<(usize, &'static str)> {
    if !FORMS.first_words.contains(tokens.first()?.text.as_str()) {
        return None;
    }
    let most = FORMS.most_words.min(tokens.len() - 1);
    (1..=most).rev().find_map(|words| {
        let (start, after) = tokens.split_at(words);
        let form = look_up(start, buffer).filter(|form| form.front)?;
        let next = after.first()?.text.as_str();
        let named = next != "and" && look_up(after, buffer).is_none();
        (named && !form.not_before.contains(&next)).then_some((words, form.name))
    })
}

fn form_within(tokens: &[Token], buffer: &mut String) -> Option<(usize, usize, &'static str)> {
    (1..tokens.len()).find_map(|at| {
        if !FORMS.first_words.contains(tokens[at].text.as_str()) {
            return None;
        }
        let most = FORMS.most_words.min(tokens.len() - at);
        (1..=most).rev().find_map(|words| {
            let form = look_up(&tokens[at..at + words], buffer).filter(|form| form.anywhere)?;
            Some((at, words, form.name))
        })
    })
}

fn look_up(tokens: &[Token], buffer: &mut String) -> Option<&'static LegalForm> {
    join_into(tokens, buffer);
    FORMS
        .by_spelling
        .get(buffer.as_str())
        .filter(|form| !form.after_dots || tokens.iter().all(|token| token.dotted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::organisation::tokens::{joined, tokens};
    use crate::normalize::text::fold;

    #[test]
    fn every_spelling_is_as_the_tokeniser_leaves_it_and_listed_once() {
        let mut seen = HashSet::new();
        for row in rows(include_str!("../data/legal_forms.txt")) {
            assert_eq!(row.len(), 4, "{row:?}");
            for spelling in row[3].split('|') {
                assert_eq!(fold(spelling), spelling);
                assert!(seen.insert(spelling), "{spelling} is listed twice");
                assert_eq!(row[0], joined(&tokens(row[0])));
            }
        }
    }

    #[test]
    fn a_form_that_is_also_a_word_needs_its_place_or_its_dots() {
        let base_of = |name: &str| joined(&split(tokens(name)).base);
        assert_eq!(base_of("barilla spa"), "barilla");
        assert_eq!(base_of("serenity day spa"), "serenity day spa");
        assert_eq!(base_of("dewey pa"), "dewey pa");
        assert_eq!(base_of("dewey p.a."), "dewey");
        assert_eq!(base_of("ag"), "ag");
        assert_eq!(base_of("acme gmbh berlin"), "acme berlin");
    }
}
