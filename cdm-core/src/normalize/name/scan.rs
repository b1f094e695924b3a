//! Text into words, asides in brackets and quotes set apart.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

use super::spelling::fold;
use super::words::{Note, company_word, note, particle};

/// A word of a name.
#[derive(Clone, Debug)]
pub(super) struct Word {
    /// As written, for showing.
    pub(super) shown: String,
    /// Folded, without dots.
    pub(super) folded: String,
    /// Written without a space after the word before: the second R. of `J.R.R.`.
    pub(super) glued: bool,
}

impl Word {
    /// Whether the word is one letter.
    pub(super) fn is_initial(&self) -> bool {
        let mut chars = self.folded.chars();
        chars.next().is_some_and(char::is_alphabetic)
            && chars.all(is_combining_mark)
            && !is_ideographic(&self.folded)
    }

    /// Whether the word is written in capitals alone, and has any.
    pub(super) fn is_upper(&self) -> bool {
        self.shown.chars().any(char::is_uppercase) && !self.shown.chars().any(char::is_lowercase)
    }

    /// Whether the word begins with a small letter.
    pub(super) fn begins_small(&self) -> bool {
        self.shown.chars().find(|c| c.is_alphabetic()).is_some_and(char::is_lowercase)
    }

    pub(super) fn is_dotted(&self) -> bool {
        self.shown.ends_with('.')
    }
}

/// The words of one person between commas.
pub(super) type Segment = Vec<Word>;

/// A name in words.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The persons named, each in segments; no segment and no person is empty.
    pub(super) persons: Vec<Vec<Segment>>,
    /// What stood in brackets and quotes.
    pub(super) asides: Vec<Segment>,
    /// Every word outside brackets, joints included, as one text.
    pub(super) whole: String,
    /// Whether letters are of both cases.
    pub(super) mixed: bool,
    /// Whether it looks like an organisation whatever its case.
    pub(super) organisation: bool,
    /// Whether it looks like one as it is written.
    pub(super) organisation_by_case: bool,
}

/// Whether every letter and digit of the text is a Chinese, Japanese or Korean one, and there is any.
pub(super) fn is_ideographic(text: &str) -> bool {
    let mut letters = text.chars().filter(|c| c.is_alphanumeric()).peekable();
    letters.peek().is_some()
        && letters.all(|c| {
            matches!(c as u32,
                0x1100..=0x11ff | 0x3005..=0x3007 | 0x3040..=0x30ff | 0x3130..=0x318f
                | 0x31f0..=0x31ff | 0x3400..=0x9fff | 0xac00..=0xd7af | 0xf900..=0xfaff
                | 0x20000..=0x3ffff)
        })
}

/// Take composed text apart.
pub(super) fn scan(text: &str) -> Scan {
    let (main, asides) = set_apart(text);
    let mut scan = Scan::default();
    let pieces = pieces(&main);
    let (mut upper, mut lower) = (false, false);
    for c in main.chars().filter(|c| c.is_alphabetic()) {
        upper |= c.is_uppercase();
        lower |= c.is_lowercase();
    }
    scan.mixed = upper && lower;
    (scan.organisation, scan.organisation_by_case) = organisation(&pieces, scan.mixed);
    if scan.organisation {
        scan.whole = whole(&pieces);
    }
    let mut person: Vec<Segment> = Vec::new();
    let mut segment = Segment::new();
    for piece in pieces {
        match piece {
            Piece::Word(word) => {
                segment.push(word);
                continue;
            }
            Piece::Comma => person.push(std::mem::take(&mut segment)),
            Piece::Joint(_) => {
                person.push(std::mem::take(&mut segment));
                scan.persons.push(std::mem::take(&mut person));
            }
        }
    }
    person.push(segment);
    scan.persons.push(person);
    for person in &mut scan.persons {
        person.retain(|segment| !segment.is_empty());
    }
    scan.persons.retain(|person| !person.is_empty());
    for aside in asides {
        let mut words = Segment::new();
        for piece in pieces_of_aside(aside).into_iter().map(Some).chain([None]) {
            match piece {
                Some(Piece::Word(word)) => words.push(word),
                _ if words.is_empty() => {}
                _ => scan.asides.push(std::mem::take(&mut words)),
            }
        }
    }
    scan
}

enum Piece {
    Word(Word),
    Comma,
    /// Between two persons: `&`, `/`, `and`.
    Joint(String),
}

impl Piece {
    fn word(&self) -> Option<&Word> {
        match self {
            Piece::Word(word) => Some(word),
            Piece::Comma | Piece::Joint(_) => None,
        }
    }
}

/// Asides are few; a value with more of them is no name.
const MOST_ASIDES: usize = 8;

/// The text outside brackets and quotes, and each text inside.
fn set_apart(text: &str) -> (Cow<'_, str>, Vec<&str>) {
    if !text.contains(['(', '[', '{', '"', '\'', '<', '（']) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut main = String::with_capacity(text.len());
    let mut asides = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let close = match c {
            '(' => Some(')'),
            '[' => Some(']'),
            '{' => Some('}'),
            '<' => Some('>'),
            '"' => Some('"'),
            '\'' if before == ' ' => Some('\''),
            _ => None,
        };
        let inside = &rest[c.len_utf8()..];
        let end = close.and_then(|close| match close {
            '\'' => single_quote_end(inside),
            _ => inside.find(close),
        });
        match end {
            Some(end) if asides.len() < MOST_ASIDES => {
                asides.push(&inside[..end]);
                rest = &inside[end + 1..];
                main.push(' ');
                before = ' ';
            }
            _ => {
                let bracket = matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '"');
                before = if bracket { ' ' } else { c };
                main.push(before);
                rest = inside;
            }
        }
    }
    if main.chars().any(char::is_alphabetic) {
        return (Cow::Owned(main), asides);
    }
    // All of it stands in brackets or quotes: an artefact of some export, or of a shy person.
    let unwrapped = text.replace(['(', ')', '[', ']', '{', '}', '<', '>', '"'], " ");
    (Cow::Owned(unwrapped), Vec::new())
}

/// Where a nickname in single quotes ends: at a quote before a space or the end, so that the ones
/// within O'Brien and before 't Hart stay what they are.
fn single_quote_end(inside: &str) -> Option<usize> {
    let end = inside.char_indices().find(|(at, c)| {
        *c == '\'' && inside[at + 1..].chars().next().is_none_or(|next| !next.is_alphanumeric())
    })?;
    (inside[..end.0].chars().filter(|c| c.is_alphabetic()).count() > 1).then_some(end.0)
}

fn pieces_of_aside(aside: &str) -> Vec<Piece> {
    pieces(&aside.replace(['(', ')', '[', ']', '{', '}', '<', '>', '"'], " "))
}

/// The words, commas and joints of text without asides.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Pieces::default();
    let mut start = None;
    for (at, c) in text.char_indices() {
        let in_word = match c {
            ' ' => false,
            '\'' | '-' | '.' | '·' | '?' | '\u{fffd}' => true,
            '/' => is_one_by_one(text, at),
            _ => c.is_alphanumeric() || is_combining_mark(c),
        };
        if in_word {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take() {
            pieces.run(&text[start..at]);
        }
        match c {
            ',' => pieces.separator(Piece::Comma),
            '&' | '+' | '/' | '|' | ';' => pieces.separator(Piece::Joint(c.to_string())),
            _ => {}
        }
    }
    if let Some(start) = start {
        pieces.run(&text[start..]);
    }
    pieces.finish()
}

/// Whether the slash at `at` stands between single letters, as in `s/o` and `c/o`.
fn is_one_by_one(text: &str, at: usize) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let apart = |c: Option<char>| c.is_none_or(|c| c == ' ');
    let mut before = text[..at].chars().rev();
    let mut after = text[at + 1..].chars();
    letter(before.next()) && apart(before.next()) && letter(after.next()) && apart(after.next())
}

#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    /// A hyphen at the end of the last word waits for the next.
    hyphen: bool,
    /// An elision (`O'`, `d'`) at the end of the last word waits for the next.
    elision: bool,
}

impl Pieces {
    fn separator(&mut self, piece: Piece) {
        (self.hyphen, self.elision) = (false, false);
        self.done.push(piece);
    }

    /// A run of word characters: one word, or several run together by dots.
    fn run(&mut self, run: &str) {
        let mut glued = false;
        let mut rest = run;
        while !rest.is_empty() {
            let end = rest.find('.').map_or(rest.len(), |dot| dot + 1);
            let (part, after) = rest.split_at(end);
            glued = self.part(part, glued);
            rest = after;
        }
    }

    /// One word, with its dot; answers whether what follows at once is glued to it.
    fn part(&mut self, part: &str, glued: bool) -> bool {
        let dotted = part.ends_with('.');
        let bare = part.trim_end_matches('.');
        let begins_with_hyphen = bare.starts_with('-');
        let ends_with_hyphen = bare.ends_with('-');
        let mut shown = String::with_capacity(part.len());
        for piece in bare.split('-') {
            let piece = trimmed(piece);
            if piece.is_empty() {
                continue;
            }
            if !shown.is_empty() {
                shown.push('-');
            }
            shown.push_str(piece);
        }
        if shown.is_empty() {
            self.hyphen |= begins_with_hyphen;
            return glued;
        }
        if shown.contains('·') {
            shown = middle_dots(&shown);
        }
        let elided = bare.ends_with('\'') && is_elision(&shown);
        let folded = fold(&shown);
        if dotted {
            shown.push('.');
        }
        let joined = std::mem::take(&mut self.hyphen) || begins_with_hyphen;
        let waiting = std::mem::take(&mut self.elision);
        self.hyphen = ends_with_hyphen;
        self.elision = elided;
        let link = if joined { "-" } else { "'" };
        match self.done.last_mut() {
            Some(Piece::Word(last)) if joined || waiting => {
                last.shown.push_str(link);
                last.shown.push_str(&shown);
                last.folded.push_str(link);
                last.folded.push_str(&folded);
            }
            _ => self.done.push(Piece::Word(Word { shown, folded, glued })),
        }
        true
    }

    fn finish(mut self) -> Vec<Piece> {
        // A word for "and" at either end is a name, and `von und zu` belongs together.
        let is_particle = |piece: &Piece| match piece {
            Piece::Word(word) => particle(&word.folded).is_some_and(|particle| !particle.weak),
            _ => false,
        };
        for at in 1..self.done.len().saturating_sub(1) {
            let between_words = matches!(self.done[at - 1], Piece::Word(_))
                && matches!(self.done[at + 1], Piece::Word(_))
                && !is_particle(&self.done[at - 1]);
            match &self.done[at] {
                Piece::Word(word) if between_words && note(&word.folded) == Some(Note::And) => {
                    self.done[at] = Piece::Joint(word.folded.clone());
                }
                _ => {}
            }
        }
        self.done
    }
}

/// The word without stray punctuation around it; the apostrophe of `'t` belongs to it.
fn trimmed(piece: &str) -> &str {
    let start = piece.find(char::is_alphanumeric).unwrap_or(piece.len());
    let end = piece
        .char_indices()
        .rev()
        .find(|(_, c)| c.is_alphanumeric() || is_combining_mark(*c))
        .map_or(0, |(at, c)| at + c.len_utf8());
    if start >= end {
        return "";
    }
    let word = &piece[start..end];
    let kept = matches!(word, "t" | "s" | "T" | "S") && piece[..start].ends_with('\'');
    if kept { &piece[start - 1..end] } else { word }
}

fn is_elision(word: &str) -> bool {
    ["o", "d", "l", "dell", "dall", "sant", "nell", "degl", "m"]
        .iter()
        .any(|elision| word.eq_ignore_ascii_case(elision))
}

/// Between Chinese, Japanese or Korean words the dot stays; the one of Catalan Gal·la goes.
fn middle_dots(word: &str) -> String {
    if is_ideographic(word) { word.replace('·', "・") } else { word.replace('·', "") }
}

/// Whether the words look like an organisation's: whatever their case, and as they are written.
fn organisation(pieces: &[Piece], mixed: bool) -> (bool, bool) {
    let words = || pieces.iter().filter_map(Piece::word);
    let by_word = words().any(|word| {
        company_word(&word.folded) == Some(false)
            || is_ideographic(&word.folded)
                && ["有限公司", "株式会社", "주식회사", "合同会社"]
                    .iter()
                    .any(|form| word.folded.contains(form))
    });
    // The last words that are run together by dots.
    let (count, glued) = (words().count(), words().rev().take_while(|word| word.glued).count());
    let run = || words().skip(count.saturating_sub(glued + 1));
    let by_case = || {
        let folded: Cow<'_, str> = match (glued, words().next_back()) {
            (0, Some(last)) => Cow::Borrowed(&last.folded),
            _ => run().map(|word| word.folded.as_str()).collect(),
        };
        company_word(&folded) == Some(true) && (glued > 0 || mixed && run().all(Word::is_upper))
    };
    let by_count = pieces.len() > 1;
    (by_word, by_word || by_count && by_case())
}

fn whole(pieces: &[Piece]) -> String {
    let mut whole = String::new();
    for piece in pieces {
        let text = match piece {
            Piece::Word(word) => word.folded.as_str(),
            Piece::Joint(joint) => joint,
            Piece::Comma => continue,
        };
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(text);
    }
    whole
}
