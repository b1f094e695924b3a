use hashbrown::HashMap;
use std::borrow::Cow;
use std::sync::LazyLock;

use crate::normalize::data::rows;
use crate::normalize::text::ascii;

/// What a word in a date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Month(u8),
    Weekday,
    Filler,
    /// Before a year that is guessed: `circa`.
    About,
}

static WORDS: LazyLock<HashMap<String, Word>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for row in rows(include_str!("../data/date_words.txt")) {
        let Some((meaning, spellings)) = row.split_first() else { continue };
        let meaning = match *meaning {
            "-" => Word::Filler,
            "day" => Word::Weekday,
            "~" => Word::About,
            month => month.parse().map_or(Word::Filler, Word::Month),
        };
        for spelling in spellings {
            let known = words.entry(key(spelling).into_owned()).or_insert(meaning);
            // `mar` and `sex` are months or days by language; a month means more.
            if let Word::Month(_) = meaning {
                *known = meaning;
            }
        }
    }
    words
});

/// Letters that stand in a template for a date, such as `dd/mm/yyyy` or `TT.MM.JJJJ`.
const TEMPLATES: [&str; 14] =
    ["d", "dd", "m", "mm", "y", "yy", "yyyy", "tt", "j", "jj", "jjjj", "aa", "aaaa", "gg"];

/// The Japanese eras, and the year before each began.
const ERAS: [(&str, u16); 5] =
    [("明治", 1867), ("大正", 1911), ("昭和", 1925), ("平成", 1988), ("令和", 2018)];

/// What a number says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Year,
    Month,
    Day,
}

/// A part of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Number {
        digits: &'a str,
        role: Option<Role>,
        after_hyphen: bool,
    },
    /// A month by its name.
    Month {
        number: u8,
        after_hyphen: bool,
    },
}

/// The parts of a date, time of day and weekday left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan<'a> {
    Items(Vec<Item<'a>>),
    /// `--03-01`: a day of no year.
    Yearless(Vec<Item<'a>>),
    /// `dd/mm/yyyy`: the form was not filled in.
    Template,
    Malformed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Digits(&'a str),
    Word(&'a str),
    Sign(char),
}

/// Take apart a text that is lower-case, its digits and signs ASCII.
pub(super) fn scan(text: &str) -> Scan<'_> {
    let Some(tokens) = tokens(text) else { return Scan::Malformed };
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(*word),
        _ => None,
    });
    if words.clone().count() >= 2
        && words.clone().all(|word| TEMPLATES.contains(&word))
        && !tokens.iter().any(|token| matches!(token, Token::Digits(_)))
    {
        return Scan::Template;
    }
    let (before_time, year) = without_time(&tokens);
    let Some(mut items) = items(before_time) else { return Scan::Malformed };
    if let Some(year) = year
        && !items
            .iter()
            .any(|item| matches!(item, Item::Number { digits, .. } if digits.len() == 4))
    {
        items.push(Item::Number { digits: year, role: Some(Role::Year), after_hyphen: false });
    }
    if text.starts_with("--") { Scan::Yearless(items) } else { Scan::Items(items) }
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |of: fn(char) -> bool| rest.find(|c: char| !of(c)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit());
            tokens.push(Token::Digits(&rest[..length]));
            length
        } else if first.is_alphabetic() {
            let length = run(|c| c.is_alphabetic() || c == '\u{307}');
            tokens.push(Token::Word(&rest[..length]));
            length
        } else if first == '?' {
            let length = run(|c| c == '?');
            tokens.push(Token::Digits(zeros(length)?));
            length
        } else if first.is_ascii() || first == '°' {
            if matches!(first, '@' | '%' | '&' | '=' | '<' | '>' | '{' | '}' | '$' | '^' | '!') {
                return None;
            }
            tokens.push(Token::Sign(first));
            first.len_utf8()
        } else {
            return None;
        };
        rest = &rest[length..];
    }
    Some(tokens)
}

/// A part that is not known stands as zeros: `1970-??-??`.
fn zeros(length: usize) -> Option<&'static str> {
    "0000".get(..length)
}

/// The tokens before the time of day, and the year where it comes after it (`date` of Unix, Java).
fn without_time<'t, 'a>(tokens: &'t [Token<'a>]) -> (&'t [Token<'a>], Option<&'a str>) {
    let is_time = |at: usize| match tokens[at..] {
        // `12:30`, but not within `1970:03:01`.
        [Token::Digits(hour), Token::Sign(':'), Token::Digits(minute), ..] => {
            hour.len() <= 2 && minute.len() == 2 && (at == 0 || tokens[at - 1] != Token::Sign(':'))
        }
        [Token::Word("t"), Token::Digits(_), ..] => {
            at > 0 && matches!(tokens[at - 1], Token::Digits(_))
        }
        _ => false,
    };
    let Some(time) = (0..tokens.len()).find(|&at| is_time(at)) else { return (tokens, None) };
    let year = (time + 1..tokens.len()).find_map(|at| match tokens[at] {
        Token::Digits(year) if year.len() == 4 && matches!(tokens[at - 1], Token::Sign(' ')) => {
            Some(year)
        }
        _ => None,
    });
    (&tokens[..time], year)
}

fn items<'a>(tokens: &[Token<'a>]) -> Option<Vec<Item<'a>>> {
    let mut items: Vec<Item> = Vec::with_capacity(3);
    let mut after_hyphen = false;
    let mut guessed = false;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            Token::Digits(digits) => {
                let is_short_year =
                    digits.len() == 2 && at > 0 && tokens[at - 1] == Token::Sign('\'');
                let role = is_short_year.then_some(Role::Year);
                items.push(Item::Number { digits, role, after_hyphen });
            }
            Token::Sign('°') => set_role(&mut items, Role::Day),
            Token::Sign(_) => {}
            Token::Word(word) => {
                let follows_digits = at > 0 && matches!(tokens[at - 1], Token::Digits(_));
                if follows_digits && let Some(role) = role_after(word) {
                    set_role(&mut items, role);
                } else if let Some((_, before)) = ERAS.iter().find(|(era, _)| *era == word) {
                    let Some(Token::Digits(year)) = tokens.get(at + 1) else { return None };
                    return era_items(*before, year, &tokens[at + 2..]);
                } else if let Some(unknown) = zeros(word.len())
                    && word.bytes().all(|byte| byte == b'x')
                {
                    items.push(Item::Number { digits: unknown, role: None, after_hyphen });
                } else {
                    match WORDS.get(key(word).as_ref())? {
                        Word::Month(number) => {
                            // `mar. 3 mars 1970`: the first is Tuesday.
                            items.retain(|item| !matches!(item, Item::Month { .. }));
                            items.push(Item::Month { number: *number, after_hyphen });
                        }
                        Word::Weekday | Word::Filler => {}
                        Word::About if items.is_empty() => guessed = true,
                        Word::About => return None,
                    }
                }
            }
        }
        after_hyphen = *token == Token::Sign('-');
    }
    let is_year = |item: &Item| matches!(item, Item::Number { digits, .. } if digits.len() == 4);
    (!guessed || items.iter().any(is_year)).then_some(items)
}

fn set_role(items: &mut [Item], new: Role) {
    if let Some(Item::Number { role, .. }) = items.last_mut() {
        *role = Some(new);
    }
}

/// What a word directly behind a number makes of it: `1st`, `1er`, `3月`.
fn role_after(word: &str) -> Option<Role> {
    match word {
        "st" | "nd" | "rd" | "th" | "er" | "re" | "e" | "è" | "ère" | "eme" | "ème" | "ste"
        | "de" | "o" | "a" => Some(Role::Day),
        _ => match word.chars().next()? {
            '年' | '년' => Some(Role::Year),
            '月' | '월' => Some(Role::Month),
            '日' | '号' | '號' | '일' => Some(Role::Day),
            _ => None,
        },
    }
}

/// The year of an era, as the year it is, and what follows.
fn era_items<'a>(before: u16, year: &str, rest: &[Token<'a>]) -> Option<Vec<Item<'a>>> {
    let year = before.checked_add(year.parse().ok().filter(|year| (1..=64).contains(year))?)?;
    // Years of eras lie between 1868 and 2082, so their digits can be looked up.
    static YEARS: LazyLock<Vec<String>> =
        LazyLock::new(|| (1868..=2082).map(|year: u16| year.to_string()).collect());
    let digits = YEARS.get(usize::from(year.checked_sub(1868)?))?.as_str();
    let rest = match rest {
        [Token::Word("年"), rest @ ..] => rest,
        rest => rest,
    };
    let mut items = items(rest)?;
    items.insert(0, Item::Number { digits, role: Some(Role::Year), after_hyphen: false });
    Some(items)
}

/// Whether a word stands before a year that somebody guessed: `Circa`.
pub(crate) fn is_about(word: &str) -> bool {
    WORDS.get(key(&word.to_lowercase()).as_ref()) == Some(&Word::About)
}

/// A word as it is looked up: Latin letters without their diacritics.
fn key(word: &str) -> Cow<'_, str> {
    if word.is_ascii()
        || !word.chars().all(|c| c < '\u{250}' || ('\u{1e00}'..'\u{1f00}').contains(&c))
    {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(ascii(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_two_months() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for row in rows(include_str!("../data/date_words.txt")) {
            for word in &row[1..] {
                assert!(!word.contains([' ', '.']), "{word}");
                if row[0].parse::<u8>().is_ok() {
                    let month = *seen.entry(key(word).into_owned()).or_insert(row[0]);
                    assert_eq!(month, row[0], "{word}");
                }
            }
        }
        assert!(seen.len() > 400);
    }

    #[test]
    fn time_of_day_and_weekday_are_left_out() {
        let number = |digits| Item::Number { digits, role: None, after_hyphen: false };
        for text in ["1970:03:01 12:30:00", "1970/03/01t12", "sun 1970 03 01 0:00 am"] {
            let items = Scan::Items(vec![number("1970"), number("03"), number("01")]);
            assert_eq!(scan(text), items, "{text}");
        }
        assert!(
            matches!(scan("thu jan 01 00:00:00 utc 1998"), Scan::Items(items) if items.len() == 3)
        );
        assert_eq!(scan("dd.mm.yyyy"), Scan::Template);
        assert_eq!(scan("call me"), Scan::Malformed);
    }
}
