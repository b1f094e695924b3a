//! How names sound.

use std::cell::RefCell;

use hashbrown::HashMap;
use rphonetic::{Cologne, DoubleMetaphone, Encoder, Soundex};
use unicode_normalization::UnicodeNormalization;

use super::text::is_ideograph;

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
/// Arabic and Hebrew words are written without most of their vowels: they are coded without the Arabic
/// article and with a vowel between any two consonants, and the alternate leaves out each H, which may be
/// silent in Latin letters, and has a hard G for each jim, as in Egypt.
///
/// # Examples
/// ```
/// use cdm_core::normalize::phonetic_codes;
/// assert_eq!(phonetic_codes("Smith"), ["SM0", "XMT"]);
/// assert_eq!(phonetic_codes("Schmidt"), ["XMT", "SMT"]);
/// assert_eq!(phonetic_codes("van den Berg"), ["FN TN PRK"]);
/// assert_eq!(phonetic_codes("محمد")[..1], phonetic_codes("Mohammed"));
/// assert!(phonetic_codes("42").is_empty());
/// ```
///
/// # References
/// Philips (2000), The Double Metaphone Search Algorithm, C/C++ Users Journal 18(6).
#[must_use]
pub fn phonetic_codes(name: &str) -> Vec<String> {
    let without_vowels = lacks_vowels(name);
    let words = if without_vowels { vowelled(name) } else { letters(name) };
    let is_hard = without_vowels && name.contains(JIM);
    let (mut primary, mut alternate) = (String::new(), String::new());
    for word in words.split(' ').filter(|word| !word.is_empty()).take(MOST_WORDS) {
        sounded(word, |first, second| {
            push_code(&mut primary, first, word);
            if !without_vowels {
                push_code(&mut alternate, second, word);
            } else if !is_hard {
                push_code(&mut alternate, &first.replace('H', ""), word);
            }
        });
        if is_hard {
            sounded(&word.replace('j', "g"), |first, _| {
                push_code(&mut alternate, &first.replace('H', ""), word);
            });
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

/// The primary and the alternate code of a word of the letters `a` to `z`.
fn sounded(word: &str, then: impl FnOnce(&str, &str)) {
    thread_local! {
        /// Names are the same words over and over, each of which is sounded out for keys and for comparisons.
        static KNOWN: RefCell<HashMap<String, [String; 2]>> = RefCell::default();
    }
    let codes = || {
        let code = DoubleMetaphone::default().double_metaphone(word);
        // Philips's rules write a blank for a J that the alternate does not sound.
        [code.primary(), code.alternate()].map(|code| code.replace(' ', ""))
    };
    if word.len() > LONGEST_KNOWN {
        let [primary, alternate] = codes();
        return then(&primary, &alternate);
    }
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_KNOWN && !known.contains_key(word) {
            known.clear();
        }
        let [primary, alternate] = known.entry_ref(word).or_insert_with(codes);
        then(primary, alternate);
    });
}

/// As many words as a thread knows the codes of, a few hundred kilobytes.
const MOST_KNOWN: usize = 4096;

/// A longer word is nobody's name.
const LONGEST_KNOWN: usize = 32;

/// A soft J, or a hard G.
const JIM: char = 'ج';

fn push_code(codes: &mut String, code: &str, word: &str) {
    if !codes.is_empty() {
        codes.push(' ');
    }
    if code.is_empty() {
        // A word of nothing but a silent letter, such as W, would otherwise be lost.
        codes.push_str(&word[..1].to_ascii_uppercase());
    }
    codes.push_str(code);
}

/// Whether some of it is in Arabic or Hebrew letters, which leave out most vowels.
pub(crate) fn lacks_vowels(name: &str) -> bool {
    let lacks = |c: char| {
        matches!(c as u32, 0x590..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff | 0xfb1d..=0xfdff
            | 0xfe70..=0xfefe)
    };
    !name.is_ascii() && name.chars().any(lacks)
}

/// ISO 15924 code of the letters of a text that do not say how it is read, so that what it is spelt out to may be
/// another word: Chinese characters, then Arabic and Hebrew letters; empty where it has none.
pub(crate) fn unread_script(text: &str) -> &'static str {
    if text.is_ascii() {
        ""
    } else if text.chars().any(is_ideograph) {
        "hani"
    } else if text.chars().any(is_hebrew) {
        "hebr"
    } else if lacks_vowels(text) {
        "arab"
    } else {
        ""
    }
}

fn is_hebrew(c: char) -> bool {
    matches!(c as u32, 0x590..=0x5ff | 0xfb1d..=0xfb4f)
}

/// The name in `a` to `z` and spaces alone, with an `a` between any two letters that are consonants and
/// for those that carry a vowel; words without the Arabic article.
fn vowelled(name: &str) -> String {
    let is_consonant = |c: char| c.is_ascii_alphabetic() && !"aeiou".contains(c);
    let name: String = name.nfkc().collect();
    let mut out = String::new();
    for word in name.split_whitespace() {
        // A word beside them in other letters has its vowels.
        if !lacks_vowels(word) {
            out.push_str(&letters(word));
            out.push(' ');
            continue;
        }
        let stem = word.strip_prefix("ال").filter(|stem| stem.chars().count() > 2);
        let start = out.len();
        for c in stem.unwrap_or(word).chars() {
            // Ayin and the seats of a hamza are spelt by nothing.
            let spelt = match c {
                'ع' | 'ء' | 'أ' | 'إ' | 'ئ' | 'ע' => "a".to_owned(),
                c => letters(c.encode_utf8(&mut [0; 4])),
            };
            if spelt.starts_with(is_consonant) && out[start..].ends_with(is_consonant) {
                out.push('a');
            }
            out.push_str(&spelt);
        }
        out.push(' ');
    }
    out
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
            prop_assert!(lacks_vowels(&name) || codes.is_empty() == letters(&name).trim().is_empty());
            prop_assert!(lacks_vowels(&name) || soundex(&name).is_none() == codes.is_empty());
            let _ = cologne(&name);
        }

        #[test]
        fn a_word_that_is_known_sounds_as_one_that_is_not(words in prop::collection::vec("[a-hjwx]{1,9}", 1..9)) {
            let again: Vec<_> = words.iter().map(|word| phonetic_codes(word)).collect();
            let afresh = std::thread::spawn(move || {
                words.iter().rev().map(|word| phonetic_codes(word)).collect::<Vec<_>>()
            });
            prop_assert_eq!(afresh.join().unwrap(), again.into_iter().rev().collect::<Vec<_>>());
        }
    }

    #[test]
    fn words_that_were_forgotten_or_never_kept_sound_as_before() {
        let word = |n: usize| -> String {
            n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'k')).collect()
        };
        let long = word(7).repeat(LONGEST_KNOWN + 1);
        let before = [phonetic_codes(&word(1_234)), phonetic_codes(&long)];
        let others: usize = (0..3 * MOST_KNOWN).map(|n| phonetic_codes(&word(n)).len()).sum();
        assert!(others >= MOST_KNOWN);
        assert_eq!([phonetic_codes(&word(1_234)), phonetic_codes(&long)], before);
    }

    #[test]
    fn letters_that_do_not_say_how_they_are_read_are_told_by_their_script() {
        for (text, script) in [
            ("48 元町", "hani"),
            ("شارع النيل", "arab"),
            ("רחוב הרצל", "hebr"),
            ("Łódź, ул. Ленина, カナ, 서울", ""),
            ("12 Main Street", ""),
        ] {
            assert_eq!(unread_script(text), script, "{text}");
        }
    }

    #[test]
    fn names_without_vowels_sound_as_they_do_in_latin_letters() {
        for (name, latin) in [
            ("محمد", "Mohammed"),
            ("أحمد", "Ahmed"),
            ("حسن", "Hassan"),
            ("إبراهيم", "Ibrahim"),
            ("عمر", "Omar"),
            ("خالد", "Khaled"),
            ("مصطفى", "Mostafa"),
            ("نور", "Nour"),
            ("سلمى", "Selma"),
            ("يوسف", "Yousef"),
            ("القاضي", "Kady"),
            ("فاطمة", "Fatima"),
            ("الجماوي", "Gamawy"),
            ("رجب", "Ragab"),
            ("جمال", "Jamal"),
            ("جمال", "Gamal"),
            ("כהן", "Cohen"),
            ("דוד", "David"),
            ("שרה", "Sarah"),
            ("לוי", "Levi"),
        ] {
            let (codes, of_latin) = (phonetic_codes(name), phonetic_codes(latin));
            let alike = codes.iter().any(|code| of_latin.contains(code));
            assert!(alike, "{name} {} {codes:?}, {latin} {of_latin:?}", vowelled(name));
        }
        assert_ne!(phonetic_codes("سلمى"), phonetic_codes("أحمد"));
        assert_eq!(phonetic_codes("محمد Smith")[0], "MHMT SM0");
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
