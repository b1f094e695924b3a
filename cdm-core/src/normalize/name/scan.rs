//! Text into words: repaired, punctuation made equal, asides in brackets and quotes set apart.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::super::text::{clean, fold};
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

/// Undo UTF-8 text read as Windows-1252 or Latin-1 (`MÃ¼ller`), once or twice over.
pub(super) fn repair(raw: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(raw);
    for _ in 0..2 {
        match repair_once(&text) {
            Some(repaired) => text = Cow::Owned(repaired),
            None => break,
        }
    }
    text
}

fn repair_once(text: &str) -> Option<String> {
    // Only what begins the UTF-8 of letters that names have; beside them stand no such
    // continuations in any orthography.
    let is_lead =
        |c: char| matches!(c as u32, 0xc2..=0xc5 | 0xce..=0xd1 | 0xd7..=0xdb | 0xe1..=0xef);
    if text.is_ascii() || !text.chars().any(is_lead) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let length = if is_lead(c) { 1 + usize::from(c >= '\u{e0}') } else { 0 };
        let mut bytes = [c as u32 as u8, 0, 0];
        let mut after = chars.clone();
        let continued = length > 0
            && (1..=length).all(|at| match after.next().and_then(windows_1252) {
                Some(byte @ 0x80..=0xbf) => {
                    bytes[at] = byte;
                    true
                }
                _ => false,
            });
        match std::str::from_utf8(&bytes[..=length]) {
            Ok(decoded) if continued => {
                out.push_str(decoded);
                chars = after;
                changed = true;
            }
            _ => out.push(c),
        }
    }
    changed.then_some(out)
}

/// The byte that is read as this character, by Windows-1252 or by Latin-1.
fn windows_1252(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(c as u32) {
        return Some(byte);
    }
    let mut utf8 = [0; 4];
    let (bytes, _, unmappable) = encoding_rs::WINDOWS_1252.encode(c.encode_utf8(&mut utf8));
    (!unmappable && bytes.len() == 1).then(|| bytes[0])
}

/// Whether the text still shows traces of a wrong encoding.
pub(super) fn is_garbled(text: &str) -> bool {
    if text.is_ascii() && !text.contains('?') {
        return false;
    }
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let garbled = match c {
            '\u{fffd}' => true,
            '?' => before.is_alphabetic() && next.is_alphabetic(),
            'Ã' | 'Â' | 'Ä' | 'Å' | 'ã' | 'â' => {
                matches!(next, '\u{80}'..='\u{bf}' | '€' | '™' | '\u{2018}'..='\u{201e}' | 'ƒ' | '†'..='•' | '…' | '‰' | '‹' | 'Œ' | 'œ' | '˜')
            }
            _ => false,
        };
        if garbled {
            return true;
        }
        before = c;
    }
    false
}

/// Cleaned text with one apostrophe, one hyphen and one middle dot.
pub(super) fn unify(text: &str) -> Cow<'_, str> {
    let clean = clean(text);
    if clean.is_ascii() && !clean.contains('`') {
        return clean;
    }
    let unified: String = clean.chars().map(unified).collect();
    Cow::Owned(clean_owned(unified))
}

fn clean_owned(text: String) -> String {
    match clean(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(text) => text,
    }
}

/// Unified text without differences of width and the like.
pub(super) fn compose(unified_text: &str) -> Cow<'_, str> {
    if unified_text.is_ascii() {
        return Cow::Borrowed(unified_text);
    }
    let composed: String = unified_text.nfkc().map(unified).collect();
    Cow::Owned(clean_owned(composed))
}

fn unified(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2bb}' | '\u{2bd}' | '\u{2b9}'
        | '\u{2032}' | '\u{b4}' | '`' | '\u{ff07}' | '\u{5f3}' => '\'',
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}'
        | '\u{2043}'
        | '\u{2d7}'
        | '\u{5be}'
        | '\u{301c}' => '-',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2039}'
        | '\u{203a}' | '\u{300c}' | '\u{300d}' | '\u{ff02}' | '\u{5f4}' => '"',
        '\u{30fb}' | '\u{ff65}' | '\u{2027}' | '\u{2022}' => '·',
        '\u{3001}' | '\u{60c}' | '\u{ff0c}' => ',',
        _ => c,
    }
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
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let in_word = c.is_alphanumeric()
            || is_combining_mark(c)
            || matches!(c, '\'' | '-' | '.' | '·' | '?' | '\u{fffd}')
            || c == '/' && is_one_by_one(text, at);
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
        // A word for "and" at either end is a name.
        let joint = |piece: &Piece| match piece {
            Piece::Word(word) => note(&word.folded) == Some(Note::And),
            _ => false,
        };
        // `von und zu` belongs together.
        let is_particle = |piece: &Piece| match piece {
            Piece::Word(word) => particle(&word.folded).is_some_and(|particle| !particle.weak),
            _ => false,
        };
        for at in 1..self.done.len().saturating_sub(1) {
            let between_words = matches!(self.done[at - 1], Piece::Word(_))
                && matches!(self.done[at + 1], Piece::Word(_))
                && !is_particle(&self.done[at - 1]);
            if between_words && joint(&self.done[at]) {
                if let Piece::Word(word) = &self.done[at] {
                    self.done[at] = Piece::Joint(word.folded.clone());
                }
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
    let words = || {
        pieces.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(word),
            _ => None,
        })
    };
    let by_word = words().any(|word| {
        company_word(&word.folded) == Some(false)
            || is_ideographic(&word.folded)
                && ["有限公司", "株式会社", "주식회사", "合同会社"]
                    .iter()
                    .any(|form| word.folded.contains(form))
    });
    let run = last_run(words());
    let by_case = run.is_some_and(|(folded, capitals, glued)| {
        company_word(&folded) == Some(true) && (glued || mixed && capitals)
    });
    let by_count = pieces.len() > 1;
    (by_word, by_word || by_count && by_case)
}

/// The last words that are run together by dots: folded, whether in capitals, whether several.
fn last_run<'a>(words: impl Iterator<Item = &'a Word>) -> Option<(String, bool, bool)> {
    let mut run: Option<(String, bool, bool)> = None;
    for word in words {
        match &mut run {
            Some((folded, capitals, glued)) if word.glued => {
                folded.push_str(&word.folded);
                *capitals &= word.is_upper();
                *glued = true;
            }
            _ => run = Some((word.folded.clone(), word.is_upper(), false)),
        }
    }
    run
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
