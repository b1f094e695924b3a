//! Names of organisations as words.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

/// A word of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// Written with dots or slashes between its letters: `S.p.A.`, `d/b/a`.
    pub(super) dotted: bool,
    /// A comma stood before it.
    pub(super) after_comma: bool,
}

impl Token {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), dotted: false, after_comma: false }
    }
}

/// What pages write for signs, and people copy.
pub(super) fn without_entities(text: &str) -> Cow<'_, str> {
    if !(text.contains('&') && text.contains(';')) {
        return text.into();
    }
    let mut out = text.to_owned();
    for (entity, sign) in [
        ("&amp;", "&"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&#39;", "'"),
        ("&#039;", "'"),
        ("&nbsp;", " "),
    ] {
        // Some exports escape twice, so this goes on until there is none left.
        while out.contains(entity) {
            out = out.replace(entity, sign);
        }
    }
    out.into()
}

/// Words of folded text: letters and digits; `&` and `+` as `and`; apostrophes left out, so that
/// `McDonald's` is one word; letters parted by dots, slashes or spaces put together, so that
/// `G.m.b.H.`, `A/S` and `J. P. Morgan` are `gmbh`, `as` and `jp morgan`.
pub(super) fn tokens(folded: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut comma = false;
    for chunk in folded.split_whitespace() {
        // Commas also stand without a space after them.
        for (index, piece) in chunk.split([',', ';']).enumerate() {
            comma |= index > 0;
            let before = out.len();
            chunk_tokens(piece, &mut out);
            if out.len() > before {
                out[before].after_comma = std::mem::take(&mut comma);
            }
        }
    }
    join_letters(&mut out);
    out
}

/// The words of text without white space.
fn chunk_tokens(chunk: &str, out: &mut Vec<Token>) {
    // Parts of one dotted run: `g`, `m`, `b`, `h`.
    let mut run: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = chunk.char_indices().peekable();
    let mut dots = 0;
    while let Some((at, c)) = chars.next() {
        if c.is_alphanumeric() || is_combining_mark(c) {
            word.push(c);
        } else if is_apostrophe(c) || is_lost_apostrophe(chunk, at, c) {
            // Left out.
        } else {
            if !word.is_empty() {
                run.push(std::mem::take(&mut word));
            }
            if matches!(c, '.' | '/') {
                dots += 1;
                continue;
            }
            flush(&mut run, &mut dots, out);
            match c {
                '&' => out.push(Token::new("and")),
                // `A+B` and `A + B`, but `Disney+`.
                '+' if (at == 0) == chars.peek().is_none() => out.push(Token::new("and")),
                '+' => out.push(Token::new("plus")),
                _ => {}
            }
        }
    }
    if !word.is_empty() {
        run.push(word);
    }
    flush(&mut run, &mut dots, out);
}

fn flush(run: &mut Vec<String>, dots: &mut usize, out: &mut Vec<Token>) {
    let is_letter = |part: &String| {
        let mut chars = part.chars();
        chars.next().is_some_and(char::is_alphabetic) && chars.all(is_combining_mark)
    };
    // `ges.m.b.h.` and `sp.z.o.o.`, but not `sp.z`.
    let abbreviation = run.len() > 1
        && (is_letter(&run[0]) || (run.len() > 2 && run[0].chars().count() <= 3))
        && run[0].chars().all(|c| c.is_alphabetic() || is_combining_mark(c))
        && run[1..].iter().all(is_letter);
    // The Italian contraction of *fratelli*.
    let abbreviation = abbreviation || (run.len() == 2 && run[0] == "f" && run[1] == "lli");
    let dotted = *dots > 0;
    if abbreviation {
        out.push(Token { text: run.concat(), dotted, after_comma: false });
        run.clear();
    } else {
        let single = run.len() == 1 && is_letter(&run[0]);
        out.extend(run.drain(..).map(|text| Token {
            text,
            dotted: dotted && single,
            after_comma: false,
        }));
    }
    *dots = 0;
}

fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2b9}' | '\u{2032}'
    )
}

/// A question mark where a file lost an apostrophe: `Children?s`.
pub(super) fn is_lost_apostrophe(text: &str, at: usize, c: char) -> bool {
    c == '?'
        && text[..at].ends_with(char::is_alphabetic)
        && text[at + 1..]
            .strip_prefix('s')
            .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Puts letters that stand alone beside each other together.
pub(super) fn join_letters(tokens: &mut Vec<Token>) {
    let alone = |token: &Token| {
        let mut chars = token.text.chars();
        // Ideographs and syllables are words by themselves.
        chars.next().is_some_and(|c| c < '\u{590}' && c.is_alphabetic()) && chars.next().is_none()
    };
    if !tokens.windows(2).any(|pair| alone(&pair[0]) && alone(&pair[1])) {
        return;
    }
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut in_run = false;
    for token in tokens.drain(..) {
        let is_alone = alone(&token);
        match out.last_mut() {
            Some(last) if in_run && is_alone => {
                last.text.push_str(&token.text);
                last.dotted |= token.dotted;
            }
            _ => out.push(token),
        }
        in_run = is_alone;
    }
    *tokens = out;
}

/// The words with single spaces.
pub(super) fn joined(tokens: &[Token]) -> String {
    let mut out = String::with_capacity(tokens.iter().map(|token| token.text.len() + 1).sum());
    join_into(tokens, &mut out);
    out
}

/// The same into a buffer, which is emptied first.
pub(super) fn join_into(tokens: &[Token], out: &mut String) {
    out.clear();
    for token in tokens {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&token.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_are_one_word_and_names_with_dots_are_several() {
        for (text, wanted) in [
            ("x g.m.b.h.", "x gmbh"),
            ("ges.m.b.h.", "gesmbh"),
            ("a/s", "as"),
            ("e. v.", "ev"),
            ("j.p.morgan", "jp morgan"),
            ("st.gallen", "st gallen"),
            ("booking.com b.v.", "booking com bv"),
            ("24/7 shop", "24 7 shop"),
            ("at&t", "at and t"),
            ("a + b", "a and b"),
            ("disney+ x", "disney plus x"),
            ("o'neill's", "oneills"),
            ("children?s what?", "childrens what"),
            ("a.b.c. 1 2", "abc 1 2"),
        ] {
            assert_eq!(joined(&tokens(text)), wanted, "{text}");
        }
        assert_eq!(without_entities("A &amp;amp; B"), "A & B");
    }
}
