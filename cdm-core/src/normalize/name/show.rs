//! How a name is shown to people.

use super::scan::Word;
use super::words::particle;

/// How the letters of a name are to be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// As they are written.
    AsWritten,
    /// With proper capitals, since it is all capitals or all small letters.
    Proper,
}

/// Few names have more.
const LIKELY_BYTES: usize = 32;

/// The words as they are shown. `surname_from` is where the surname begins: from there on even the
/// first word may be a particle that is written small.
pub(super) fn show<'a>(
    words: impl IntoIterator<Item = &'a Word>,
    case: impl Fn(&Word) -> Case,
    surname_from: usize,
) -> String {
    let mut text = String::with_capacity(LIKELY_BYTES);
    let mut words = words.into_iter().enumerate().peekable();
    let mut after_small = false;
    while let Some((at, word)) = words.next() {
        if at > 0 && !word.glued {
            text.push(' ');
        }
        let more = words.peek().is_some();
        let short = word.folded.chars().count() <= 3 && more;
        let bare = word.shown.trim_end_matches('.');
        match case(word) {
            Case::AsWritten => text.push_str(bare),
            Case::Proper => match particle(&word.folded) {
                Some(particle) if more && (at > 0 || surname_from == 0) => {
                    // `de la Cruz`, but `La Salle`.
                    if particle.capital && !after_small {
                        proper(bare, &mut text);
                    } else {
                        text.push_str(&bare.to_lowercase());
                        after_small = true;
                    }
                }
                _ => proper(bare, &mut text),
            },
        }
        let initial = word.folded.rsplit('-').next().is_some_and(|end| end.chars().count() == 1);
        if word.is_dotted() && (initial || short) {
            text.push('.');
        }
    }
    text
}

/// A generational suffix as it is shown.
pub(super) fn generation(form: &str) -> String {
    match form {
        "jr" => "Jr.".to_owned(),
        "sr" => "Sr.".to_owned(),
        _ if form.bytes().all(|byte| matches!(byte, b'i' | b'v')) => form.to_ascii_uppercase(),
        _ => {
            let mut text = String::new();
            capitalised(form, &mut text);
            text
        }
    }
}

/// Surnames that begin with Mac before a capital; the Mac of others (Macron, Mackey) is no prefix.
#[rustfmt::skip] // a line a word would be a page
const MACS: &[&str] = &[
    "macalister", "macallister", "macarthur", "macaulay", "macbride", "maccallum", "maccarthy",
    "maccormack", "maccormick", "macdonald", "macdonell", "macdougall", "macdowell", "macduff",
    "macewan", "macewen", "macfadden", "macfadyen", "macfarlane", "macgill", "macgillivray",
    "macgowan", "macgregor", "macinnes", "macintosh", "macintyre", "maciver", "mackay",
    "mackenzie", "mackinnon", "mackintosh", "maclachlan", "maclaren", "maclean", "macleish",
    "maclellan", "macleod", "macmahon", "macmillan", "macnab", "macnair", "macnamara", "macneil",
    "macneill", "macphail", "macpherson", "macquarie", "macqueen", "macrae", "mactaggart",
    "mactavish",
];

/// A word of one case with proper capitals: `O'Brien`, `McDonald`, `Jean-Luc`, `IJsbrand`.
pub(super) fn proper(word: &str, text: &mut String) {
    for (at, part) in word.to_lowercase().split('-').enumerate() {
        if at > 0 {
            text.push('-');
        }
        match part.split_once('\'') {
            Some(("", rest)) => {
                text.push('\'');
                text.push_str(rest);
            }
            Some((elision @ ("o" | "d" | "l" | "m" | "dell" | "dall" | "sant" | "nell"), rest)) => {
                capitalised(elision, text);
                text.push('\'');
                proper_part(rest, text);
            }
            _ => proper_part(part, text),
        }
    }
}

fn proper_part(part: &str, text: &mut String) {
    if let Some(rest) = part.strip_prefix("mc").filter(|rest| rest.chars().count() > 1) {
        text.push_str("Mc");
        capitalised(rest, text);
    } else if let Some(rest) = part.strip_prefix("mac").filter(|_| MACS.contains(&part)) {
        text.push_str("Mac");
        capitalised(rest, text);
    } else if let Some(rest) = part.strip_prefix("ij") {
        text.push_str("IJ");
        text.push_str(rest);
    } else {
        capitalised(part, text);
    }
}

fn capitalised(part: &str, text: &mut String) {
    let mut chars = part.chars();
    if let Some(first) = chars.next() {
        text.extend(first.to_uppercase());
        text.push_str(chars.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proper_capitals_know_prefixes_hyphens_and_elisions() {
        for (word, shown) in [
            ("MCDONALD", "McDonald"),
            ("macdonald", "MacDonald"),
            ("MACRON", "Macron"),
            ("o'brien", "O'Brien"),
            ("JEAN-LUC", "Jean-Luc"),
            ("D'ANGELO", "D'Angelo"),
            ("ka'imi", "Ka'imi"),
            ("IJSBRAND", "IJsbrand"),
            ("ÖZGÜR", "Özgür"),
            ("MC", "Mc"),
        ] {
            let mut text = String::new();
            proper(word, &mut text);
            assert_eq!(text, shown);
        }
    }
}
