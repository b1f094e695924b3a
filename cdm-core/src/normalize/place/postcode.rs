use hashbrown::HashMap;
use std::sync::LazyLock;

use crate::normalize::data::rows;
use crate::normalize::placeholder::is_placeholder;
use crate::normalize::text::{clean, fold};
use crate::normalize::{Context, Form, Issue, Normalized};

static SHAPES: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    rows(include_str!("../data/postcodes.txt"))
        .filter(|row| row.len() == 2)
        .map(|row| (row[0], row[1].split('|').collect()))
        .collect()
});

/// Countries whose codes hold letters, tried in this order where the country is not known.
const LETTERED: [&str; 5] = ["GB", "CA", "NL", "IE", "AR"];

/// What stands before a code, as in `D-10115`, and its country.
const PREFIXES: [(&str, &str); 51] = [
    ("D", "DE"),
    ("DE", "DE"),
    ("A", "AT"),
    ("AT", "AT"),
    ("CH", "CH"),
    ("F", "FR"),
    ("FR", "FR"),
    ("B", "BE"),
    ("BE", "BE"),
    ("NL", "NL"),
    ("L", "LU"),
    ("LU", "LU"),
    ("I", "IT"),
    ("IT", "IT"),
    ("E", "ES"),
    ("ES", "ES"),
    ("P", "PT"),
    ("PT", "PT"),
    ("PL", "PL"),
    ("S", "SE"),
    ("SE", "SE"),
    ("SK", "SK"),
    ("CZ", "CZ"),
    ("DK", "DK"),
    ("N", "NO"),
    ("NO", "NO"),
    ("FI", "FI"),
    ("FIN", "FI"),
    ("SI", "SI"),
    ("SLO", "SI"),
    ("HR", "HR"),
    ("H", "HU"),
    ("HU", "HU"),
    ("RO", "RO"),
    ("BG", "BG"),
    ("GR", "GR"),
    ("EE", "EE"),
    ("EST", "EE"),
    ("LV", "LV"),
    ("LT", "LT"),
    ("IS", "IS"),
    ("LI", "LI"),
    ("FL", "LI"),
    ("MC", "MC"),
    ("SM", "SM"),
    ("MD", "MD"),
    ("RS", "RS"),
    ("AX", "AX"),
    ("US", "US"),
    ("USA", "US"),
    ("MX", "MX"),
];

/// A code that has the shape of some country's.
#[derive(Debug, PartialEq)]
pub(in crate::normalize) struct Fit {
    pub(in crate::normalize) canonical: String,
    display: String,
}

/// The code in `raw` (spaces and dashes do not matter) where it has the shape of `country`'s, or of
/// any known where that is `None`. A country without codes takes none.
pub(in crate::normalize) fn fit(raw: &str, country: Option<&str>) -> Option<Fit> {
    let compact = compact_of(raw)?;
    let (compact, country) = without_prefix(&compact, country);
    fit_compact(compact, country)
}

/// Letters and digits in upper case; `None` where there is anything but them, spaces and dashes,
/// or more than any code has.
fn compact_of(raw: &str) -> Option<String> {
    let mut compact = String::with_capacity(12);
    for c in raw.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' if compact.len() < 13 => {
                compact.push(c.to_ascii_uppercase());
            }
            ' ' | '-' | '.' | '_' => {}
            _ => return None,
        }
    }
    Some(compact)
}

/// The code without its country's prefix, and the country it names.
fn without_prefix<'a>(compact: &'a str, country: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    let letters = compact.bytes().take_while(u8::is_ascii_uppercase).count();
    let (prefix, rest) = compact.split_at(letters);
    let plain = rest.bytes().take_while(u8::is_ascii_digit).count();
    let digits = plain == rest.len() || prefix == "NL" && plain == 4 && rest.len() == 6;
    // With fewer digits it is the first half of a British code (`E1`), or a code such as AD500.
    if (1..=3).contains(&letters)
        && plain >= 4
        && digits
        && let Some((_, named)) = PREFIXES.iter().find(|(known, _)| *known == prefix)
    {
        return (rest, Some(named));
    }
    (compact, country)
}

fn fit_compact(compact: &str, country: Option<&str>) -> Option<Fit> {
    match country {
        Some("GB" | "IM" | "JE" | "GG") => british(compact),
        Some("IE") => irish(compact),
        Some(country) => SHAPES.get(country)?.iter().find_map(|shape| shaped(compact, shape)),
        None if compact.bytes().all(|byte| byte.is_ascii_digit()) => {
            let digits = match compact.len() {
                9 => &compact[..5],
                4..=8 => compact,
                _ => return None,
            };
            Some(Fit { canonical: digits.to_owned(), display: String::new() })
        }
        None => LETTERED.iter().find_map(|country| fit_compact(compact, Some(country))),
    }
}

/// `compact` in a shape of the list: digits alone where the shape has no letter, so that the code is
/// one whether or not its country is known; without the last four of an American nine.
fn shaped(compact: &str, shape: &str) -> Option<Fit> {
    let mut display = String::with_capacity(shape.len());
    let mut bytes = compact.bytes();
    for mark in shape.bytes() {
        let fits = match mark {
            b'9' => bytes.next().filter(u8::is_ascii_digit)?,
            b'A' => bytes.next().filter(u8::is_ascii_uppercase)?,
            punctuation => punctuation,
        };
        display.push(fits as char);
    }
    if bytes.next().is_some() {
        return None;
    }
    if shape == "A9A 9A9" && !canadian(compact)
        || shape.starts_with("9999 A") && compact.starts_with('0')
    {
        return None;
    }
    let canonical = if shape.contains('A') {
        display.clone()
    } else if shape == "99999-9999" {
        compact[..5].to_owned()
    } else {
        compact.to_owned()
    };
    Some(Fit { canonical, display })
}

/// Canada Post: D, F, I, O, Q and U are nowhere, W and Z not first.
fn canadian(compact: &str) -> bool {
    !compact.contains(['D', 'F', 'I', 'O', 'Q', 'U']) && !compact.starts_with(['W', 'Z'])
}

/// `A9 9AA`, `A99 9AA`, `AA9 9AA`, `AA99 9AA`, `A9A 9AA`, `AA9A 9AA` and `GIR 0AA` (BS 7666).
fn british(compact: &str) -> Option<Fit> {
    let split = compact.len().checked_sub(3).filter(|split| (2..=4).contains(split))?;
    let (outward, inward) = compact.split_at(split);
    let inward_fits = matches!(inward.as_bytes(), [b'0'..=b'9', b'A'..=b'Z', b'A'..=b'Z'])
        && !inward[1..].contains(['C', 'I', 'K', 'M', 'O', 'V']);
    if !inward_fits || !is_outward(outward) {
        return None;
    }
    let canonical = format!("{outward} {inward}");
    Some(Fit { display: canonical.clone(), canonical })
}

fn is_outward(outward: &str) -> bool {
    let shape: Vec<u8> =
        outward.bytes().map(|byte| if byte.is_ascii_digit() { b'9' } else { b'A' }).collect();
    let shape_fits =
        matches!(shape.as_slice(), b"A9" | b"A99" | b"AA9" | b"AA99" | b"A9A" | b"AA9A");
    outward == "GIR" || shape_fits && !outward.starts_with(['Q', 'V', 'X'])
}

/// Eircode: a routing key (a letter, two digits; or D6W) and four letters or digits.
fn irish(compact: &str) -> Option<Fit> {
    if compact.len() != 7 {
        return None;
    }
    let (routing, rest) = compact.split_at(3);
    let key =
        matches!(routing.as_bytes(), [b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9']) || routing == "D6W";
    // Eircodes leave out letters that are taken for others, and begin the second half with a letter.
    let fits = key && rest.starts_with(|c: char| c.is_ascii_uppercase());
    let canonical = format!("{routing} {rest}");
    fits.then(|| Fit { display: canonical.clone(), canonical })
}

/// The code with O for 0, I for 1 and the reverse put right where the shape leaves no choice.
fn confused(compact: &str, country: Option<&str>) -> Option<Fit> {
    let mut bytes = compact.as_bytes().to_vec();
    let digit = |byte: &mut u8| match *byte {
        b'O' => *byte = b'0',
        b'I' | b'L' => *byte = b'1',
        _ => {}
    };
    let letter = |byte: &mut u8| match *byte {
        b'0' => *byte = b'O',
        b'1' => *byte = b'I',
        _ => {}
    };
    match country {
        Some("CA") if bytes.len() == 6 => {
            for at in [1, 3, 5] {
                digit(&mut bytes[at]);
            }
        }
        Some("GB") if (5..=7).contains(&bytes.len()) => {
            let inward = bytes.len() - 3;
            digit(&mut bytes[inward]);
            letter(&mut bytes[0]);
            if inward == 2 {
                digit(&mut bytes[1]);
            }
        }
        _ => return None,
    }
    fit_compact(std::str::from_utf8(&bytes).ok()?, country)
}

/// How many digits a country's codes have, where they begin with zeros that a spreadsheet drops.
fn digits_with_zeros(country: &str) -> Option<usize> {
    match country {
        "US" | "PR" | "DE" | "FR" | "ES" | "IT" | "MX" | "FI" | "EE" | "TR" | "UA" | "LT" => {
            Some(5)
        }
        "AU" | "NO" | "BG" | "ZA" => Some(4),
        "BR" => Some(8),
        "RO" => Some(6),
        "JP" => Some(7),
        "SG" => Some(6),
        _ => None,
    }
}

/// Postal code.
///
/// Where the context names a region, the code must have that country's shape, else it is doubtful;
/// without a region any known shape will do. Prefixes (`D-10115`) are left out, and so are the last
/// four digits of an American nine. Zeros that a spreadsheet dropped are put back, and `O` and `I`
/// in a British or Canadian code read as `0` and `1`, only where the region says so, and the code is
/// then doubtful.
///
/// Forms: canonical and postcode are digits alone (`01310100`), or where letters belong to the code
/// upper case in the country's spacing (`SW1A 2AA`, `1015 CJ`). Where the context's region would read
/// another country's code as a shortened one of its own, canonical keeps the prefix. Display is the country's layout
/// (`01310-100`), where the country is known. Issues: [`Issue::BadPostcode`] (doubtful),
/// [`Issue::Placeholder`] for codes of zeros or nines, [`Issue::Patterned`] (a remark) for `12345`
/// and other repeated digits, which real places have too, [`Issue::NoContent`].
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, postcode};
/// let anywhere = Context::default();
/// assert_eq!(postcode("sw1a2aa", &anywhere).canonical(), Some("SW1A 2AA"));
/// assert_eq!(postcode("89132-1234", &anywhere).canonical(), Some("89132"));
/// ```
///
/// # References
/// UPU S42 address templates; BS 7666 (British codes); Canada Post addressing guidelines.
#[must_use]
pub fn postcode(raw: &str, context: &Context) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let folded = fold(&cleaned);
    if !folded.chars().any(char::is_alphanumeric) {
        return Normalized::unusable(Issue::NoContent);
    }
    let country = context.region.as_deref();
    let text = folded.replace(['\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}', '〒', '\''], "-");
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    // A number that went through a spreadsheet or a data frame.
    let text = text.strip_suffix(".0").unwrap_or(text);
    let Some(compact) = compact_of(text) else {
        return bad(folded);
    };
    let (rest, named) = without_prefix(&compact, country);
    let value = read(rest, named);
    let Some(canonical) = value.canonical().filter(|canonical| *canonical != compact) else {
        return value;
    };
    // Alone, the code of another country could be read as a shortened one of this (`A-1010` in the
    // United States): what tells them apart stays.
    let alone = compact_of(canonical).map(|alone| {
        let (rest, named) = without_prefix(&alone, country);
        read(rest, named)
    });
    if alone.is_some_and(|alone| alone.canonical() == Some(canonical)) {
        return value;
    }
    let whole = match compact.strip_suffix(rest) {
        Some(prefix) if !prefix.is_empty() => format!("{prefix}{canonical}"),
        _ => compact,
    };
    value.with(Form::Canonical, whole)
}

/// What letters and digits say, as a code of `country` where that is known.
fn read(compact: &str, country: Option<&str>) -> Normalized {
    if let Some(fit) = fit_compact(compact, country) {
        return fitting(fit);
    }
    let Some(country) = country else { return bad(compact.to_owned()) };
    if !SHAPES.contains_key(country) && !matches!(country, "GB" | "IM" | "JE" | "GG" | "IE") {
        // A country without codes, or one whose shape is not known: there is nothing to check.
        return match fit_compact(compact, None) {
            Some(fit) => fitting(fit),
            None => code(compact.to_owned()),
        };
    }
    if let Some(fit) = confused(compact, Some(country)) {
        return doubted(fitting(fit));
    }
    if let Some(digits) = digits_with_zeros(country) {
        let numeric = compact.bytes().all(|byte| byte.is_ascii_digit());
        if numeric
            && compact.len() < digits
            && compact.len() + 2 >= digits
            && let Some(fit) = fit_compact(&format!("{compact:0>digits$}"), Some(country))
        {
            return doubted(fitting(fit));
        }
    }
    match fit_compact(compact, None) {
        Some(fit) => doubted(fitting(fit)),
        None => bad(compact.to_owned()),
    }
}

fn code(canonical: String) -> Normalized {
    // What is left of odd text can be a word for nothing.
    let zeros = canonical.bytes().all(|byte| byte == b'0');
    if zeros || matches!(canonical.as_str(), "99999" | "999999") || is_placeholder(&canonical) {
        return Normalized::unusable(Issue::Placeholder);
    }
    Normalized::valid(canonical.as_str()).with(Form::Postcode, canonical)
}

fn bad(canonical: String) -> Normalized {
    doubted(code(canonical))
}

/// The value in doubt for its shape, where it is usable at all.
fn doubted(value: Normalized) -> Normalized {
    if value.status().is_usable() { value.doubting(Issue::BadPostcode) } else { value }
}

fn fitting(fit: Fit) -> Normalized {
    let digits = fit.canonical.as_bytes();
    let patterned = digits.len() >= 4
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.windows(2).all(|pair| pair[0] == pair[1])
            || digits.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    let display = if fit.display == fit.canonical { String::new() } else { fit.display };
    let value = code(fit.canonical).with(Form::Display, display);
    if patterned && value.status().is_usable() { value.noting(Issue::Patterned) } else { value }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(region: &str) -> Context {
        Context { region: Some(region.into()), ..Context::default() }
    }

    #[test]
    fn a_foreign_code_is_not_taken_for_a_shortened_one() {
        for (text, region, canonical) in [
            ("A-1010", "US", "A1010"),
            ("D-10115", "JP", "D10115"),
            ("A-197003", "JP", "A197003"),
            ("123456789", "RO", "123456789"),
            ("D-10115", "FR", "10115"),
        ] {
            let context = within(region);
            assert_eq!(postcode(text, &context).canonical(), Some(canonical), "{text} {region}");
            assert_eq!(
                postcode(canonical, &context).canonical(),
                Some(canonical),
                "{text} {region}"
            );
        }
    }

    proptest! {
        #[test]
        fn normalising_twice_is_once(text in "[ A-Za-z0-9-]{0,12}|((A|D|F|AT|PL)-)?[0-9]{3,10}|.*", region in "US|GB|CA|NL|BR|SE|HK|DE|LV|JP|RO|AU|") {
            let context = if region.is_empty() { Context::default() } else { within(&region) };
            let once = postcode(&text, &context);
            if let Some(canonical) = once.canonical() {
                let twice = postcode(canonical, &context);
                prop_assert_eq!(twice.canonical(), Some(canonical));
                prop_assert!(twice.status().is_usable());
            }
        }
    }
}
