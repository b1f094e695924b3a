//! What surrounds a name without being part of it: honorifics, suffixes, other names.

use std::borrow::Cow;

use super::scan::{Segment, Word, is_ideographic};
use super::words::{
    Blank, Note, Proof, Suffix, blank, faculty, honorific, is_trailing_honorific, note, suffix,
};
use crate::normalize::placeholder::is_folded_placeholder;

/// What was taken off a name.
#[derive(Debug, Default)]
pub(super) struct Affixes {
    pub(super) prefix: Vec<&'static str>,
    pub(super) suffix: Vec<&'static str>,
    /// The generational one among the suffixes.
    pub(super) generation: Option<&'static str>,
    pub(super) aliases: Vec<String>,
}

/// What decides whether a word is a name or surrounds one.
#[derive(Clone, Copy)]
pub(super) struct Circumstances {
    /// Letters of both cases occur, so that capitals say something.
    pub(super) mixed: bool,
    /// The value is a surname: Lord may be one.
    pub(super) surname: bool,
}

impl Affixes {
    /// Sort the asides of a name into nicknames, remarks, honorifics and suffixes.
    pub(super) fn take_asides(&mut self, asides: Vec<Segment>, words_before: usize) {
        for words in asides {
            if self.take_marked(&words) {
                continue;
            }
            let phrase = phrase(&words);
            let remark = |phrase: &str| note(phrase) == Some(Note::Remark);
            if remark(&phrase) || words.iter().all(|word| remark(&word.folded)) {
                continue;
            }
            if words.iter().all(|word| honorific(&word.folded).is_some_and(|h| !h.weak)) {
                let forms = words.iter().filter_map(|word| honorific(&word.folded));
                self.prefix.extend(forms.map(|h| h.form).filter(|form| !form.is_empty()));
            } else if !self.take_suffixes(&words, words_before) {
                self.add_alias(phrase);
            }
        }
    }

    fn add_alias(&mut self, alias: String) {
        let known = self.aliases.contains(&alias);
        if !known && alias.chars().any(char::is_alphabetic) && !is_blank(&alias) {
            self.aliases.push(alias);
        }
    }

    /// Take a segment such as `née Dupont` or `formerly known as Smith`; answers whether it is one.
    pub(super) fn take_marked(&mut self, words: &[Word]) -> bool {
        let marker =
            |word: &Word| matches!(note(&word.folded), Some(Note::Marker | Note::LateMarker));
        if words.len() < 2 || !marker(&words[0]) {
            return false;
        }
        let skipped = words
            .iter()
            .take(words.len() - 1)
            .take_while(|word| marker(word) || matches!(word.folded.as_str(), "as" | "name"))
            .count();
        self.add_alias(phrase(&words[skipped..]));
        true
    }

    /// Take off a former or other name that is announced within the name: `Anna Li née Wang`.
    pub(super) fn cut_marked(&mut self, words: &mut Segment) {
        let marked = (1..words.len().saturating_sub(1)).find(|&at| match note(&words[at].folded) {
            Some(Note::Marker) => true,
            Some(Note::LateMarker) => at >= 2,
            _ => false,
        });
        if let Some(at) = marked {
            let tail = words.split_off(at);
            self.take_marked(&tail);
        }
    }

    /// Take a segment of nothing but suffixes, after a comma or in brackets; answers whether it is
    /// one. What could be initials or a first name is not, behind less than two words.
    pub(super) fn take_suffixes(&mut self, words: &[Word], words_before: usize) -> bool {
        let mut found = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let end = run_end(words, at);
            let Some((suffix, next)) = distinct(end, at + 1).find_map(|next| {
                let run = &words[at..next];
                let initials = run.len() > 1 && run.iter().all(Word::is_initial);
                let suffix = suffix(&key(run))?;
                let is_one = match suffix.proof {
                    _ if initials => words_before >= 2 && !suffix.generation,
                    Proof::Capitals => words_before >= 2,
                    Proof::Dot => words_before >= 2 || run[0].is_dotted(),
                    Proof::None | Proof::TwoWords => true,
                };
                is_one.then_some((suffix, next))
            }) else {
                return false;
            };
            found.push(suffix);
            at = next;
        }
        for suffix in found {
            self.add_suffix(suffix);
        }
        true
    }

    fn add_suffix(&mut self, suffix: Suffix) {
        if suffix.generation && self.generation.is_none() {
            self.generation = Some(suffix.form);
        }
        if !self.suffix.contains(&suffix.form) {
            self.suffix.push(suffix.form);
        }
    }

    /// Take honorifics and suffixes off both ends. Nothing is left where there was nothing else.
    pub(super) fn strip(&mut self, words: &mut Segment, circumstances: Circumstances) {
        let mut behind = Vec::new();
        loop {
            if let Some((suffix, at)) = last_suffix(words, circumstances) {
                behind.push(suffix);
                words.truncate(at);
            } else if let Some(title) = last_title(words) {
                self.prefix.push(title);
            } else if words.len() > 1
                && words.last().is_some_and(|word| is_trailing_honorific(&word.folded))
            {
                let word = words.pop().and_then(|word| honorific(&word.folded));
                self.prefix.extend(word.map(|h| h.form));
            } else {
                break;
            }
        }
        for suffix in behind.into_iter().rev() {
            self.add_suffix(suffix);
        }
        let mut before = Vec::new();
        while let Some(taken) = first_honorific(words, circumstances, &mut before) {
            words.drain(..taken);
            if let Some(first) = words.first_mut() {
                first.glued = false;
            }
        }
        self.prefix.splice(0..0, before);
    }
}

/// The folded words joined by spaces, by nothing between Chinese, Japanese and Korean ones.
pub(super) fn phrase<'w, W>(words: W) -> String
where
    W: IntoIterator<Item = &'w Word, IntoIter: Clone>,
{
    let words = words.into_iter();
    let mut text = String::with_capacity(words.clone().map(|word| word.folded.len() + 1).sum());
    let mut ideographic = false;
    for (at, word) in words.enumerate() {
        let next = !word.folded.is_ascii() && is_ideographic(&word.folded);
        if at > 0 && !(ideographic && next) {
            text.push(' ');
        }
        ideographic = next;
        text.push_str(&word.folded);
    }
    text
}

/// Whether a folded value stands for no name.
pub(super) fn is_blank(folded: &str) -> bool {
    let bare = folded.trim_matches(|c: char| !c.is_alphanumeric());
    match blank(bare) {
        Some(Blank::Name) => false,
        Some(_) => true,
        None => is_folded_placeholder(folded) || is_one_letter_over_and_over(bare),
    }
}

/// Whether every word stands for no name: `Vorname Nachname`, `test test`.
pub(super) fn are_blank<'w>(words: impl IntoIterator<Item = &'w Word>) -> bool {
    words.into_iter().all(|word| {
        blank(&word.folded) == Some(Blank::Word) || is_one_letter_over_and_over(&word.folded)
    })
}

/// `aaa`, `xxxx`: Latin, since three strokes can be a name elsewhere.
fn is_one_letter_over_and_over(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && !matches!(word, "iii")
        && bytes.iter().all(|byte| *byte == bytes[0])
}

fn key(run: &[Word]) -> Cow<'_, str> {
    match run {
        [word] => Cow::Borrowed(&word.folded),
        _ => run.iter().map(|word| word.folded.as_str()).collect(),
    }
}

/// Both, or one where they are the same.
fn distinct(one: usize, other: usize) -> impl Iterator<Item = usize> {
    std::iter::once(one).chain((other != one).then_some(other))
}

/// Where the words that are run together from `at` on end.
fn run_end(words: &[Word], at: usize) -> usize {
    at + 1 + words[at + 1..].iter().take_while(|word| word.glued).count()
}

fn last_suffix(words: &[Word], circumstances: Circumstances) -> Option<(Suffix, usize)> {
    let last = words.len().checked_sub(1)?;
    let mut start = last;
    while start > 0 && words[start].glued {
        start -= 1;
    }
    let apart = last >= 2 && words[last - 1].folded == "ph" && words[last].folded == "d";
    let start = if apart { last - 1 } else { start };
    // A surname is one word less than a whole name.
    let least = if circumstances.surname { 1 } else { 2 };
    distinct(start, last).filter(|at| *at > 0).find_map(|at| {
        let run = &words[at..];
        let initials = run.len() > 1 && run.iter().all(Word::is_initial);
        let suffix = suffix(&key(run))?;
        let is_one = match suffix.proof {
            _ if initials => at >= least && !suffix.generation,
            Proof::None => true,
            Proof::TwoWords => at >= least,
            Proof::Dot => words[last].is_dotted() && !run[0].is_initial(),
            Proof::Capitals => {
                at >= least
                    && circumstances.mixed
                    && run.iter().all(|word| word.is_upper() && !word.is_dotted())
            }
        };
        is_one.then_some((suffix, at))
    })
}

/// Titles that follow a Chinese, Japanese or Korean name, and how many characters of a name must
/// stand before them.
#[rustfmt::skip] // a line a word would be a page
const TITLES: &[(&str, usize)] = &[
    ("선생님", 1), ("교수님", 1), ("先生", 1), ("女士", 1), ("小姐", 1), ("太太", 1), ("教授", 1), ("博士", 1),
    ("さま", 1), ("さん", 1), ("ちゃん", 1), ("くん", 1), ("様", 2), ("殿", 2), ("氏", 2), ("씨", 2), ("님", 2),
];

/// Take the title off the last word.
fn last_title(words: &mut Segment) -> Option<&'static str> {
    let only = words.len() == 1;
    let last = words.last_mut()?;
    if last.folded.is_ascii() {
        return None;
    }
    let &(title, least) = TITLES.iter().find(|(title, _)| last.folded.ends_with(title))?;
    let name = last.folded.len() - title.len();
    if name == 0 && !only {
        words.pop();
        return Some(title);
    }
    if last.folded[..name].chars().count() < least || !last.shown.ends_with(title) {
        return None;
    }
    last.folded.truncate(name);
    last.shown.truncate(last.shown.len() - title.len());
    Some(title)
}

/// How many words at the start are an honorific, which goes to `found`.
fn first_honorific(
    words: &[Word],
    circumstances: Circumstances,
    found: &mut Vec<&'static str>,
) -> Option<usize> {
    if words.is_empty() {
        return None;
    }
    let (honorific, mut taken) = distinct(run_end(words, 0), 1).find_map(|end| {
        let run = &words[..end];
        if end > 1 && run.iter().all(Word::is_initial) {
            return None;
        }
        let honorific = honorific(&key(run))?;
        let left = words.len() - end;
        let is_name =
            honorific.weak && left < 2 || honorific.alone && left == 0 && circumstances.surname;
        (!is_name).then_some((honorific, end))
    })?;
    if !honorific.form.is_empty() {
        found.push(honorific.form);
    }
    while honorific.degree && taken + 1 < words.len() {
        let word = &words[taken];
        if taken + 2 < words.len() && word.folded == "h" && words[taken + 1].folded == "c" {
            found.push("hc");
            taken += 2;
            continue;
        }
        let small = circumstances.mixed && word.begins_small();
        match faculty(&word.folded) {
            Some(faculty) if word.is_dotted() || word.glued || small => found.push(faculty),
            _ => break,
        }
        taken += 1;
    }
    Some(taken)
}
