//! The name of a street in one spelling.

use std::borrow::Cow;

use super::words::{WORDS, is_ordinal};

type Name<'a> = Vec<Cow<'a, str>>;

/// The words of a street's name with abbreviations written out.
///
/// `number_first` tells an English or French line from a German, Dutch or Spanish one where the
/// country does not.
pub(super) fn name_of(words: &[&str], country: Option<&str>, number_first: bool) -> String {
    let mut words: Vec<&str> =
        words.iter().map(|word| word.trim_end_matches('*')).filter(|w| !w.is_empty()).collect();
    drop_word_for_street(&mut words);
    if words.is_empty() {
        return String::new();
    }
    let mut name: Name<'_> = Vec::with_capacity(words.len() + 1);
    let ends_in_type =
        words.len() > 1 && last_type_at(&words).is_some_and(|at| WORDS.is_sure_type(words[at]));
    let first = first_type(&words, country, number_first, ends_in_type);
    if let Some((length, canonical)) = first {
        name.extend(canonical.split('_').map(Cow::Borrowed));
        name.extend(words[length..].iter().map(|word| Cow::Borrowed(*word)));
        saints(&mut name, 1);
    } else if let Some(german) = glued(&words, country, number_first) {
        name = german;
        saints(&mut name, 0);
    } else {
        name.extend(words.iter().map(|word| Cow::Borrowed(*word)));
        english(&mut name, number_first);
        saints(&mut name, 0);
    }
    if name.iter().any(|word| word.ends_with("strasse"))
        || matches!(country, Some("DE" | "AT" | "CH" | "LI"))
    {
        for word in &mut name {
            if let Cow::Owned(plain) = without_umlauts(word) {
                *word = Cow::Owned(plain);
            }
        }
    }
    name.join(" ")
}

/// `ul. Długa` is found as `Długa` as often.
fn drop_word_for_street(words: &mut Vec<&str>) {
    let is_dropped = |word: &&str| WORDS.dropped.contains(word);
    if words.len() > 1 && words.first().is_some_and(is_dropped) {
        words.remove(0);
    } else if words.len() > 1 && words.last().is_some_and(is_dropped) {
        words.pop();
    }
}

fn language_of(country: &str) -> Option<&'static str> {
    Some(match country {
        "FR" | "LU" | "MC" | "GP" | "MQ" | "RE" | "GF" => "fr",
        "ES" | "MX" | "AR" | "CO" | "CL" | "PE" | "UY" | "EC" | "VE" | "CR" | "GT" | "DO"
        | "BO" | "PY" | "PA" | "CU" | "HN" | "SV" | "NI" => "es",
        "IT" | "SM" => "it",
        "PT" | "BR" | "AO" | "MZ" => "pt",
        "PL" => "pl",
        "CZ" | "SK" => "cs",
        "RU" | "UA" | "BY" => "ru",
        _ => return None,
    })
}

fn is_english(country: &str) -> bool {
    matches!(country, "US" | "GB" | "AU" | "NZ" | "IE" | "CA" | "ZA" | "SG" | "IN" | "PR")
}

/// The kind of street before the name: how many words it takes and its one spelling.
fn first_type(
    words: &[&str],
    country: Option<&str>,
    number_first: bool,
    ends_in_type: bool,
) -> Option<(usize, &'static str)> {
    let language = country.and_then(language_of);
    // `Avenue Road` and `C Street` end in their kind, unless the country says otherwise.
    if ends_in_type && language.is_none() {
        return None;
    }
    let mut candidates = WORDS.first_types.all(words).filter(|(length, _)| *length < words.len());
    if let Some(language) = language {
        let mut same = WORDS
            .first_types
            .all(words)
            .filter(|(length, first)| *length < words.len() && first.language == language);
        if let Some((length, first)) = same.next() {
            return Some((length, first.canonical));
        }
    }
    let (length, first) = candidates.next()?;
    let word = words[0];
    let is_whole = length > 1 || first.canonical == word || word == "avenida";
    // Abbreviations of few letters mean too much in English (`ch`, `al`, `est`).
    let english = country.is_some_and(is_english);
    let short_counts = word == "ave"
        || !english
            && (word.len() >= 3
                || matches!(word, "av" | "bd" | "pl")
                || word == "c" && !number_first);
    if word == "str" || matches!(word, "st" | "dr") || !(is_whole || short_counts) {
        return None;
    }
    Some((length, first.canonical))
}

/// German, Dutch and Scandinavian compounds: the kind of street at the end of the last word.
fn glued<'a>(words: &[&'a str], country: Option<&str>, number_first: bool) -> Option<Name<'a>> {
    let mut name: Name<'a> = words.iter().map(|word| Cow::Borrowed(*word)).collect();
    let dutch = matches!(country, Some("NL" | "BE"));
    let german = matches!(country, Some("DE" | "AT" | "CH" | "LI"));
    // `Straße des 17. Juni`, `Str. der Freiheit`.
    if matches!(words[0], "strasse" | "strasze") || words[0] == "str" && !number_first {
        if words.len() > 1 {
            name[0] = Cow::Borrowed("strasse");
            return Some(name);
        }
        return None;
    }
    let at = words.len() - 1;
    let last = words[at];
    if matches!(last, "strasse" | "strasze")
        || last == "str" && (german || !number_first && !dutch && !country.is_some_and(is_english))
    {
        // `Königsberger Str.` and `Königsbergerstr.` are one street.
        if at > 0 {
            name.pop();
            let joined = format!("{}strasse", words[at - 1]);
            name[at - 1] = Cow::Owned(joined);
            return Some(name);
        }
        return None;
    }
    if last == "str" && dutch && at > 0 {
        name[at] = Cow::Borrowed("straat");
        return Some(name);
    }
    if german && last == "pl" && at > 0 {
        name[at] = Cow::Borrowed("platz");
        return Some(name);
    }
    for glued in &WORDS.glued_types {
        let Some(stem) = last.strip_suffix(glued.ending) else { continue };
        let stem_length = if glued.ending.len() <= 2 { 4 } else { 3 };
        let by_country = if dutch { glued.language == "nl" } else { true };
        // Only abbreviations need their country: full endings say the language themselves.
        let plain = glued.ending == glued.canonical;
        let fits = plain
            || by_country && !country.is_some_and(is_english) && (glued.ending != "gr" || dutch);
        if stem.len() < stem_length || !fits || !stem.bytes().all(|b| b.is_ascii_lowercase()) {
            continue;
        }
        if matches!(glued.ending, "stra" | "strs") && !german {
            continue;
        }
        // English words end like some of these (`promenade`, `berg`), which changes nothing.
        if !plain {
            name[at] = Cow::Owned(format!("{stem}{}", glued.canonical));
        }
        return Some(name);
    }
    None
}

/// Directions, kinds of street after the name, and ordinals.
fn english(name: &mut Name<'_>, number_first: bool) {
    let words: Vec<&str> = name.iter().map(AsRef::as_ref).collect();
    let mut out: Vec<Cow<'static, str>> = Vec::with_capacity(words.len());
    let length = words.len();
    // Directions at the end come off first: `Delaware Ave SE`, `Main St N`.
    let mut end = length;
    let mut after = None;
    for take in [2, 1] {
        if length > take + usize::from(take == 1 && !number_first) {
            let tail = &words[length - take..];
            if let Some((used, direction)) = WORDS.directions.longest(tail) {
                let typed = WORDS.last_types.contains(words[length - take - 1]);
                if used == take
                    && (typed || number_first && length > take)
                    && !(take == 2 && length < 3)
                {
                    after = Some(*direction);
                    end = length - take;
                    break;
                }
            }
        }
    }
    let mut start = 0;
    if let Some((used, direction)) = WORDS.directions.longest(&words[..end]) {
        // `North Road` and `E Street` are names.
        let rest = end - used.min(end);
        let is_name = rest == 1 && WORDS.last_types.contains(words[end - 1]);
        if rest > 0 && !(is_name && words[0].len() == 1) {
            out.push(Cow::Borrowed(direction));
            start = used;
        }
    }
    let typed =
        (end > start + usize::from(start == 0)).then(|| last_type_at(&words[..end])).flatten();
    for at in start..end {
        let word = words[at];
        let next_is_type = typed.is_some_and(|typed| {
            typed == at + 1 || typed == at + 2 && WORDS.is_sure_type(words[at + 1])
        });
        let before = at.checked_sub(1).map_or("", |before| words[before]);
        if is_suffix(word, before) && typed.is_some_and(|typed| typed > at) {
            // `51 st Street`: joined to the number before it.
            if let Some(number) = out.last_mut() {
                number.to_mut().push_str(word);
                continue;
            }
        }
        if let Some(last) = WORDS.last_types.get(word) {
            let before_type =
                typed == Some(at + 1) && at > start && last.is_sure && word != "st" && word != "dr";
            let street_before_type =
                typed == Some(at + 1) && at > start && matches!(word, "st" | "ave") && at > 0;
            if typed == Some(at) || before_type || street_before_type {
                out.push(Cow::Borrowed(last.canonical));
                continue;
            }
        }
        if next_is_type {
            if let Some(ordinal) = ordinal_of(word) {
                out.push(Cow::Borrowed(ordinal));
                continue;
            }
            let plain = word.bytes().all(|b| b.is_ascii_digit()) && word.len() <= 3;
            if plain && typed == Some(at + 1) && number_first {
                out.push(Cow::Owned(format!("{word}{}", suffix_of(word))));
                continue;
            }
        }
        out.push(Cow::Owned(word.to_owned()));
    }
    out.extend(after.map(Cow::Borrowed));
    *name = out;
}

/// Where the kind of street stands: the last word but for directions.
fn last_type_at(words: &[&str]) -> Option<usize> {
    let mut at = words.len().checked_sub(1)?;
    while at > 0
        && !WORDS.last_types.contains(words[at])
        && WORDS.directions.longest(&words[at..=at]).is_some()
    {
        at -= 1;
    }
    (at > 0 && WORDS.last_types.contains(words[at])).then_some(at)
}

/// Whether `word` is the ending of the ordinal of `number`: `st` of 51.
fn is_suffix(word: &str, number: &str) -> bool {
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && word == suffix_of(number)
}

fn suffix_of(number: &str) -> &'static str {
    match number.as_bytes() {
        [.., b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    }
}

fn ordinal_of(word: &str) -> Option<&'static str> {
    Some(match word {
        "first" => "1st",
        "second" => "2nd",
        "third" => "3rd",
        "fourth" => "4th",
        "fifth" => "5th",
        "sixth" => "6th",
        "seventh" => "7th",
        "eighth" => "8th",
        "ninth" => "9th",
        "tenth" => "10th",
        "eleventh" => "11th",
        "twelfth" => "12th",
        _ => return None,
    })
}

/// `St`, `Mt`, `Ft` before another word of the name, from `from` on.
fn saints(name: &mut Name<'_>, from: usize) {
    for at in from..name.len().saturating_sub(1) {
        // `43rd St Rear`: a street, not a saint, after an ordinal.
        let ordinal = at > 0 && is_ordinal(&name[at - 1]);
        let whole = match name[at].as_ref() {
            "st" if ordinal => "street",
            "st" | "sankt" | "snt" => "saint",
            "ste" => "sainte",
            "sta" => "santa",
            "sto" => "santo",
            "mt" => "mount",
            "ft" => "fort",
            "gral" | "gen" => "general",
            "dr" if at > 0 || name.len() > 2 => "doctor",
            _ => continue,
        };
        name[at] = Cow::Borrowed(whole);
    }
}

/// `ae`, `oe`, `ue` as `a`, `o`, `u`, so that Mühle, Muehle and Muhle are one; not after a vowel or
/// `q`, where they are no umlaut (`neue`, `Bauer`).
fn without_umlauts(word: &str) -> Cow<'_, str> {
    let bytes = word.as_bytes();
    let is_umlaut = |at: usize| {
        matches!(bytes[at], b'a' | b'o' | b'u')
            && bytes.get(at + 1) == Some(&b'e')
            && !(at > 0 && matches!(bytes[at - 1], b'a' | b'e' | b'i' | b'o' | b'u' | b'q'))
    };
    if !(0..bytes.len()).any(is_umlaut) {
        return Cow::Borrowed(word);
    }
    let kept = (0..bytes.len()).filter(|at| *at == 0 || !is_umlaut(at - 1));
    Cow::Owned(kept.map(|at| bytes[at] as char).collect())
}
