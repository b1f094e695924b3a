//! A line of an address as plain words: the form in which all place data is compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::normalize::text::{clean, fold, is_ideograph};

/// Stands for `º`, `ª` and `°` until words are made: the mark that tells `3º B` from `3 B`.
const ORDINAL: u8 = 1;
/// Stands for a line break until words are made.
const BREAK: u8 = b'\n';

/// The text as words of `a`-`z` and `0`-`9`, single spaces between them and `, ` between parts.
///
/// Letters lose case and diacritics, other scripts are spelt out. `-` and `/` stay beside a digit
/// (`12-14`, `3/27`) and separate words elsewhere; commas, line breaks, brackets and spaced dashes
/// separate parts. A word may carry `*` after a number given with an ordinal mark (`3º`), and `#`,
/// `c/o` and `s/n` are words of their own.
pub(in crate::normalize) fn words_of(raw: &str) -> String {
    let mut plain = Vec::with_capacity(raw.len() + 8);
    let add = |line: &str, plain: &mut Vec<u8>| {
        let line = clean(line);
        if line.is_ascii() {
            plain.extend(line.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            line.chars().for_each(|c| transliterate(c, plain));
        }
    };
    if raw.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        add(raw, &mut plain);
    } else {
        for (count, line) in raw.split(is_line_break).enumerate() {
            if count > 0 {
                plain.push(BREAK);
            }
            add(line, &mut plain);
        }
    }
    // All of it is ASCII.
    let plain = String::from_utf8_lossy(&plain);
    let out = String::with_capacity(plain.len() + 8);
    Words { plain: &plain, at: 0, out, gap: Gap::None }.run()
}

/// [`words_of`] as one run of words, for looking a single name up.
///
/// Where no letter can be spelt out, the words of the folded text, which can have some (`ª`).
pub(in crate::normalize) fn key_of(raw: &str) -> String {
    let mut words = words_of(raw);
    if words.is_empty() && !raw.is_ascii() {
        words = words_of(&fold(raw));
    }
    if words.contains([',', '*']) { words.replace(", ", " ").replace('*', "") } else { words }
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn transliterate(c: char, out: &mut Vec<u8>) {
    match c {
        _ if c.is_ascii() => out.push((c as u8).to_ascii_lowercase()),
        'º' | 'ª' | '°' => out.push(ORDINAL),
        '½' => out.extend(b" 1/2"),
        '¼' => out.extend(b" 1/4"),
        '¾' => out.extend(b" 3/4"),
        '№' => out.extend(b" no "),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push(b'-'),
        '\u{2018}' | '\u{2019}' | '\u{2bb}' | '\u{2bc}' | '\u{2b9}' | '\u{b4}' => out.push(b'\''),
        '，' | '、' | '；' | '،' => out.push(b','),
        _ => {
            let ideograph = is_ideograph(c);
            if ideograph {
                out.push(b' ');
            }
            for part in std::iter::once(c).nfkd() {
                if part.is_ascii() {
                    out.push((part as u8).to_ascii_lowercase());
                } else if part.is_alphanumeric() && !is_combining_mark(part) {
                    let spelt = any_ascii::any_ascii_char(part).bytes();
                    out.extend(
                        spelt.filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()),
                    );
                } else if !is_combining_mark(part) {
                    out.push(b' ');
                }
            }
            if ideograph {
                out.push(b' ');
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Gap {
    None,
    Word,
    Part,
}

struct Words<'a> {
    plain: &'a str,
    at: usize,
    out: String,
    /// What separates the next word from what is written.
    gap: Gap,
}

impl Words<'_> {
    fn run(mut self) -> String {
        while let Some(&byte) = self.plain.as_bytes().get(self.at) {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' => self.push_run(),
                b'\'' | b'`' => self.apostrophe(),
                b'-' => self.dash(),
                b'/' => self.slash(),
                b',' | b';' | b'|' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | BREAK => {
                    self.separate(Gap::Part);
                }
                b'#' => self.word("#"),
                b'&' => self.word("and"),
                ORDINAL => self.ordinal(),
                _ => self.separate(Gap::Word),
            }
            self.at += 1;
        }
        self.out
    }

    /// Write the letters and digits that stand here.
    fn push_run(&mut self) {
        let rest = &self.plain[self.at..];
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        self.join();
        self.out.push_str(&rest[..end]);
        self.at += end - 1;
    }

    /// Part what comes next from what is written.
    fn join(&mut self) {
        if !self.out.is_empty() {
            match self.gap {
                Gap::None => {}
                Gap::Word => self.out.push(' '),
                Gap::Part => self.out.push_str(", "),
            }
        }
        self.gap = Gap::None;
    }

    fn word(&mut self, word: &str) {
        self.separate(Gap::Word);
        self.join();
        self.out.push_str(word);
        self.separate(Gap::Word);
    }

    fn separate(&mut self, gap: Gap) {
        if gap > self.gap {
            self.gap = gap;
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.plain.as_bytes().get(self.at + ahead).copied().unwrap_or(b' ')
    }

    /// The word being written; empty where the next letter begins a new one.
    fn open_word(&self) -> &str {
        if self.gap == Gap::None { self.last_word() } else { "" }
    }

    fn last_word(&self) -> &str {
        self.out.rsplit(' ').next().unwrap_or("")
    }

    /// `l'Église` is two words, as it is written without its apostrophe; O'Brien is one.
    fn apostrophe(&mut self) {
        let word = self.open_word();
        if matches!(word, "l" | "d" | "dell" | "all" | "nell" | "sull" | "dall" | "sant" | "qu") {
            self.separate(Gap::Word);
        } else if word.is_empty() && self.peek(1) == b's' && matches!(self.peek(2), b'-' | b' ') {
            self.join();
            self.out.push('s'); // 's-Gravenhage
            self.at += 2;
        }
    }

    fn dash(&mut self) {
        let (before, after) = (self.open_word(), self.peek(1));
        if !before.is_empty() && after.is_ascii_alphanumeric() {
            let left = before.as_bytes()[before.len() - 1];
            if left.is_ascii_digit() || after.is_ascii_digit() {
                self.out.push('-');
            } else {
                self.separate(Gap::Word);
            }
        } else if self.joins_numbers() {
            self.out.push('-');
            self.gap = Gap::None;
            self.skip_spaces();
        } else {
            let spaced = self.gap != Gap::None && after == b' ';
            self.separate(if spaced { Gap::Part } else { Gap::Word });
        }
    }

    fn slash(&mut self) {
        let (word, after) = (self.open_word(), self.peek(1));
        if word == "c" && after == b'o' && !self.peek(2).is_ascii_alphanumeric()
            || word == "s" && after == b'n' && !self.peek(2).is_ascii_alphanumeric()
        {
            self.out.push('/');
            self.out.push(after as char);
            self.at += 1;
            self.separate(Gap::Word);
        } else if word == "c" {
            self.out.push_str("alle"); // C/ Mayor
            self.separate(Gap::Word);
        } else if !word.is_empty() && after.is_ascii_alphanumeric() {
            let left = word.as_bytes()[word.len() - 1];
            if left.is_ascii_digit() || after.is_ascii_digit() && word.len() == 1 {
                self.out.push('/');
            } else {
                self.separate(Gap::Word);
            }
        } else if self.joins_numbers() {
            self.out.push('/');
            self.gap = Gap::None;
            self.skip_spaces();
        } else {
            self.separate(Gap::Word);
        }
    }

    /// `12 - 14`: a number, a spaced mark, and up to three digits that a postcode cannot be.
    fn joins_numbers(&self) -> bool {
        let word = self.last_word();
        if self.gap == Gap::Part || !word.bytes().all(|b| b.is_ascii_digit()) || word.is_empty() {
            return false;
        }
        let rest = &self.plain.as_bytes()[self.at + 1..];
        let spaces = rest.iter().take_while(|b| **b == b' ').count();
        let digits = rest[spaces..].iter().take_while(|b| b.is_ascii_digit()).count();
        (1..=3).contains(&digits)
            && !rest
                .get(spaces + digits)
                .is_some_and(|b| b.is_ascii_alphanumeric() || *b == ORDINAL)
    }

    fn skip_spaces(&mut self) {
        while self.peek(1) == b' ' && self.at + 1 < self.plain.len() {
            self.at += 1;
        }
    }

    fn ordinal(&mut self) {
        let word = self.last_word();
        let marked = word == "n" || !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if marked && self.gap != Gap::Part {
            self.out.push('*');
        }
        self.separate(Gap::Word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_that_mean_something_stay_and_others_separate() {
        for (raw, words) in [
            ("12 - 14 Rue de l'Église", "12-14 rue de l eglise"),
            ("C/ Mayor, 5 - 3º B", "calle mayor, 5, 3* b"),
            ("Bel-Air 12a/3", "bel air 12a 3"),
            ("'s-Gravenhage", "sgravenhage"),
            ("St. John's Rd\nLondon", "st johns rd, london"),
            ("#4B", "# 4b"),
            ("c/o Li; Apt. 3/27", "c/o li, apt 3/27"),
            ("c/o'Brien", "c/o brien"),
            ("s/n-4", "s/n 4"),
            ("улица Ленина, д. 5", "ulitsa lenina, d 5"),
        ] {
            assert_eq!(words_of(raw), words, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn words_are_plain(text in any::<String>()) {
            let words = words_of(&text);
            prop_assert!(words.is_ascii() && !words.contains("  ") && !words.starts_with([' ', ',']));
            prop_assert!(!words.ends_with([' ', ',']));
        }
    }
}
