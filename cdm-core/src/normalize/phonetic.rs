//! How names sound.

use rphonetic::{Cologne, DoubleMetaphone, Encoder, Soundex};

/// More words than the longest real name has; sounding out a whole essay helps nobody.
const MOST_WORDS: usize = 12;

/// The Double Metaphone codes of `name`, primary first, the alternate where it differs; none where
/// nothing of the name can be spelt with letters.
///
/// `name` is transliterated by [`ascii`](super::ascii) and coded word by word, at most four letters
/// a word; the words' codes are joined by a space, in order, so that Jean-Luc and Jean Luc sound
/// alike and every part of a double surname counts. Digits have no sound. At most the first 12 words are
/// coded.
///
/// # Examples
/// ```
/// use cdm_core::normalize::phonetic_codes;
/// assert_eq!(phonetic_codes("Smith"), ["SM0", "XMT"]);
/// assert_eq!(phonetic_codes("Schmidt"), ["XMT", "SMT"]);
/// assert_eq!(phonetic_codes("van den Berg"), ["FN TN PRK"]);
/// assert!(phonetic_codes("42").is_empty());
/// ```
///
/// # References
/// Philips (2000), The Double Metaphone Search Algorithm, C/C++ Users Journal 18(6).
#[must_use]
pub fn phonetic_codes(name: &str) -> Vec<String> {
    let encoder = DoubleMetaphone::default();
    let (mut primary, mut alternate) = (String::new(), String::new());
    for word in letters(name).split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS) {
        let code = encoder.double_metaphone(word);
        for (codes, code) in [(&mut primary, code.primary()), (&mut alternate, code.alternate())] {
            // Philips's rules write a blank for a J that the alternate does not sound.
            let code = code.replace(' ', "");
            if !codes.is_empty() {
                codes.push(' ');
            }
            if code.is_empty() {
                // A word of nothing but a silent letter, such as W, would otherwise be lost.
                codes.push_str(&word[..1].to_ascii_uppercase());
            }
            codes.push_str(&code);
        }
    }
    if primary.is_empty() {
        Vec::new()
    } else if primary == alternate {
        vec![primary]
    } else {
        vec![primary, alternate]
    }
}

/// The American Soundex code of `name`: a letter and three digits; `None` where nothing of the
/// name can be spelt with letters.
///
/// `name` is transliterated by [`ascii`](super::ascii); its words are run together and coded as one.
///
/// # Examples
/// ```
/// use cdm_core::normalize::soundex;
/// assert_eq!(soundex("Robert").as_deref(), Some("R163"));
/// assert_eq!(soundex("Müller"), soundex("Miller"));
/// assert_eq!(soundex("---"), None);
/// ```
///
/// # References
/// Russell (1918), US patent 1 261 167, in the rules of the US National Archives (H and W do not
/// part equal codes).
#[must_use]
pub fn soundex(name: &str) -> Option<String> {
    let word: String = letters(name).split(' ').collect();
    (!word.is_empty()).then(|| Soundex::default().encode(&word))
}

/// The Cologne phonetics (Kölner Phonetik) code of `name`: digits, as many as the name needs;
/// `None` where it has no sounded letter.
///
/// `name` is transliterated by [`ascii`](super::ascii) and coded word by word; the words' codes are
/// joined by a space. At most the first 12 words are coded.
///
/// # Examples
/// ```
/// use cdm_core::normalize::cologne;
/// assert_eq!(cologne("Müller-Lüdenscheidt").as_deref(), Some("657 52682"));
/// assert_eq!(cologne("Meier"), cologne("Mayr"));
/// assert_eq!(cologne("..."), None);
/// ```
///
/// # References
/// Postel (1969), Die Kölner Phonetik, IBM-Nachrichten 19, 925-931.
#[must_use]
pub fn cologne(name: &str) -> Option<String> {
    let letters = letters(name);
    let codes: Vec<_> = letters
        .split(' ')
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .map(|word| Cologne.encode(word))
        .filter(|code| !code.is_empty())
        .collect();
    (!codes.is_empty()).then(|| codes.join(" "))
}

/// The name in `a` to `z` and spaces alone: rphonetic panics on anything else.
fn letters(name: &str) -> String {
    let mut ascii = super::ascii(name);
    ascii.retain(|c| matches!(c, 'a'..='z' | ' '));
    ascii
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_sound_out(
            name in prop_oneof![any::<String>(), "[a-zA-ZäöüßñçÇøł' .-]{0,40}", "[CGJSTWXZHKPcghkmstwz ]{0,12}"]
        ) {
            let codes = phonetic_codes(&name);
            prop_assert!(codes.len() <= 2 && codes.iter().all(|code| !code.trim().is_empty()));
            prop_assert_eq!(codes.is_empty(), letters(&name).trim().is_empty());
            prop_assert_eq!(soundex(&name).is_none(), codes.is_empty());
            let _ = cologne(&name);
        }
    }

    #[test]
    fn every_short_word_can_be_sounded_out() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz";
        for a in alphabet {
            for b in alphabet {
                for c in alphabet {
                    let word = String::from_utf8(vec![*a, *b, *c]).unwrap();
                    assert!(!phonetic_codes(&word).is_empty(), "{word}");
                    assert_eq!(soundex(&word).unwrap().len(), 4, "{word}");
                    let _ = cologne(&word);
                }
            }
        }
    }
}
