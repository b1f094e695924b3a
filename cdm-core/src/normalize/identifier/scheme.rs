//! The schemes that an identifier can belong to.

use hashbrown::HashMap;
use std::sync::LazyLock;

use super::check::{ean, luhn, mod_11_10, mod_97, value, weighted};
use super::vat;
use crate::normalize::Issue;
use crate::normalize::data::rows;

static IBAN: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    rows(include_str!("../data/iban.txt"))
        .filter_map(|row| Some((*row.first()?, *row.get(1)?)))
        .collect()
});

/// Labels with the schemes that each can stand for.
static LABELS: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut labels: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows(include_str!("../data/identifier_labels.txt")) {
        for label in &row[1..] {
            labels.entry(*label).or_default().push(row[0]);
        }
    }
    labels
});

/// A scheme that an identifier was recognised as, and what is wrong with it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) scheme: &'static str,
    pub(super) issue: Option<Issue>,
}

/// The identifier behind a label, `SSN: 123-45-6789`, and its scheme, where it fits the label.
pub(super) fn labelled(text: &str) -> Option<(&str, Recognised)> {
    if !text.as_bytes().first()?.is_ascii_alphabetic() {
        return None;
    }
    let ends = text.char_indices().filter(|(_, c)| matches!(c, ' ' | ':' | '.' | '#'));
    // The longest label counts: `VAT No. DE…`.
    ends.take(6)
        .filter_map(|(at, _)| {
            let label: String = text[..at]
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            let rest = text[at..].trim_start_matches([' ', ':', '.', '#']);
            let compact = super::compact(rest);
            LABELS.get(label.as_str())?.iter().find_map(|scheme| {
                let fits = check(scheme, &compact)?;
                let issue = if fits { range(scheme, &compact) } else { Some(Issue::BadCheckDigit) };
                Some((rest, Recognised { scheme, issue }))
            })
        })
        .last()
}

/// The scheme of an identifier that tells by itself: from how it was written, and from its letters
/// and digits.
pub(super) fn recognise(text: &str, compact: &str) -> Option<Recognised> {
    let passing = |scheme: &'static str| {
        (check(scheme, compact) == Some(true)).then_some(Recognised { scheme, issue: None })
    };
    let sure = |scheme: &'static str| {
        let issue = if check(scheme, compact)? { None } else { Some(Issue::BadCheckDigit) };
        Some(Recognised { scheme, issue })
    };
    let plain = |scheme: &'static str| Some(Recognised { scheme, issue: range(scheme, compact) });
    if is_digits(compact) {
        // How digits were set apart tells as much as a check digit.
        return match compact.len() {
            9 if matches(text, "###-##-####") => {
                let scheme = if is_itin(compact) { "us_itin" } else { "us_ssn" };
                plain(scheme)
            }
            9 if matches(text, "##-#######") => passing("us_ein"),
            10 if matches(text, "######-####") => passing("se_personal_number"),
            11 if matches(text, "###.###.###-##") => sure("br_cpf"),
            11 => passing("de_tax_id"),
            13 => passing("ch_ahv"),
            14 if matches(text, "##.###.###/####-##") => sure("br_cnpj"),
            14 => passing("fr_siret"),
            15 => passing("fr_nir").or_else(|| passing("luhn")),
            16 => passing("luhn"),
            18 => passing("cn_resident_id"),
            _ => None,
        };
    }
    if !compact.is_ascii() {
        return None;
    }
    match compact.len() {
        32 if is_uuid(text) => return Some(Recognised { scheme: "uuid", issue: None }),
        16 if check("it_codice_fiscale", compact).is_some() => return sure("it_codice_fiscale"),
        _ if check("iban", compact).is_some() => return sure("iban"),
        20 if &compact[4..6] == "00" && check("lei", compact).is_some() => return sure("lei"),
        9 if check("es_dni", compact).is_some() => return sure("es_dni"),
        9 if check("es_nie", compact).is_some() => return sure("es_nie"),
        _ => {}
    }
    let by_length: &[&'static str] = match compact.len() {
        9 => &["gb_nino", "es_cif"],
        10 => &["in_pan", "fi_hetu"],
        11 => &["fi_hetu"],
        12 => &["isin"],
        15 => &["fr_nir"],
        17 => &["vin"],
        18 => &["cn_resident_id", "mx_curp"],
        20 => &["lei"],
        _ => &[],
    };
    by_length.iter().chain(&["eu_vat"]).find_map(|scheme| passing(scheme))
}

/// Whether an identifier of capital letters and digits fits a scheme: `None` where it does not have
/// its shape, else whether its check digits are right (true where the scheme has none).
fn check(scheme: &str, code: &str) -> Option<bool> {
    if !code.is_ascii() {
        return None;
    }
    let digits = |length: usize| (code.len() == length && is_digits(code)).then_some(code);
    let when = |shape: bool, check: bool| shape.then_some(check);
    match scheme {
        "iban" => iban(code),
        "lei" => {
            let is_shaped = code.len() == 20
                && is_digits(&code[18..])
                && code[..18].contains(|c: char| c.is_ascii_alphabetic());
            when(is_shaped, mod_97([code]) == 1)
        }
        "isin" => when(matches(code, "AA*********#") && !code.starts_with("ID"), isin(code)),
        "bic" => when(
            matches!(code.len(), 8 | 11) && code[..6].bytes().all(|b| b.is_ascii_uppercase()),
            true,
        ),
        "us_ssn" => digits(9).map(|_| true),
        "us_ein" => digits(9).map(|_| is_ein_prefix(&code[..2])),
        "gb_nino" => gb_nino(code).then_some(true),
        "gb_nhs" => digits(10).map(|_| {
            let check = 11 - weighted(code, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            check % 11 == weighted(&code[9..], &[1])
        }),
        "de_tax_id" => digits(11).map(|_| is_de_tax_id(code)),
        "fr_siren" => digits(9).map(luhn),
        "fr_siret" => digits(14).map(|_| luhn(code) && luhn(&code[..9])),
        "fr_nir" => fr_nir(code),
        "it_codice_fiscale" => codice_fiscale(code),
        "es_dni" => when(matches(code, "########A"), dni_letter(code)?),
        "es_nie" => {
            when(matches(code, "A#######A") && code.starts_with(['X', 'Y', 'Z']), dni_letter(code)?)
        }
        "es_cif" => vat::cif(code),
        "nl_bsn" => digits(9).map(vat::bsn),
        "eu_vat" => vat::check(code),
        "br_cpf" => digits(11).map(|_| brazilian(code, 9, 11)),
        "br_cnpj" => digits(14).map(|_| brazilian(code, 12, 9)),
        "ch_ahv" => digits(13).filter(|code| code.starts_with("756")).map(ean),
        "ca_sin" => digits(9).map(luhn),
        "au_abn" => digits(11).map(|_| {
            let sum = weighted(code, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
            // One is taken from the first digit, which weighs ten.
            sum >= 10 && (sum - 10).is_multiple_of(89)
        }),
        "au_tfn" => {
            digits(9).map(|_| weighted(code, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11))
        }
        "fi_hetu" => fi_hetu(code),
        "se_personal_number" => match code.len() {
            10 if is_digits(code) => Some(luhn(code)),
            12 if is_digits(code) => Some(luhn(&code[2..])),
            _ => None,
        },
        "pl_pesel" => digits(11)
            .map(|_| weighted(code, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)),
        "in_pan" => {
            when(matches(code, "AAAAA####A") && b"ABCFGHJLPT".contains(&code.as_bytes()[3]), true)
        }
        "cn_resident_id" => cn_resident_id(code),
        "mx_curp" => mx_curp(code),
        "vin" => vin(code),
        "luhn" => when(is_digits(code), luhn(code)),
        _ => None,
    }
}

/// Numbers that their scheme never gives out, check digit or not.
fn range(scheme: &str, code: &str) -> Option<Issue> {
    let is_out = scheme == "us_ssn"
        && (code.starts_with("000")
            || code.starts_with("666")
            || code.starts_with('9') && !is_itin(code)
            || &code[3..5] == "00"
            || &code[5..] == "0000");
    is_out.then_some(Issue::OutOfRange)
}

/// Individual taxpayer numbers look like social security numbers.
fn is_itin(code: &str) -> bool {
    let group = value(&code[3..5]).unwrap_or(0);
    code.starts_with('9') && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Whether a text has a shape of `#` (digit), `A` (letter), `*` (either) and signs as they are.
pub(super) fn matches(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
            b'#' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_alphabetic(),
            b'*' => byte.is_ascii_alphanumeric(),
            _ => byte == wanted,
        })
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        && matches(bare, "********-****-****-****-************")
}

fn iban(code: &str) -> Option<bool> {
    if code.len() < 15 || !is_digits(&code[2..4]) {
        return None;
    }
    let mut structure = *IBAN.get(&code[..2])?;
    let mut rest = &code[4..];
    while let Some(at) = structure.find(|c: char| !c.is_ascii_digit()) {
        let count: usize = structure[..at].parse().ok()?;
        let (part, later) = rest.split_at_checked(count)?;
        let fits = match structure.as_bytes()[at] {
            b'n' => is_digits(part),
            b'a' => part.bytes().all(|byte| byte.is_ascii_uppercase()),
            _ => true,
        };
        if !fits {
            return None;
        }
        (structure, rest) = (&structure[at + 1..], later);
    }
    rest.is_empty().then(|| mod_97([&code[4..], &code[..4]]) == 1)
}

fn isin(code: &str) -> bool {
    let mut digits = String::with_capacity(24);
    for byte in code.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(byte as char),
            _ => digits.push_str(&(byte - b'A' + 10).to_string()),
        }
    }
    luhn(&digits)
}

/// The campuses of the revenue service that numbers begin with.
fn is_ein_prefix(prefix: &str) -> bool {
    !matches!(
        prefix,
        "00" | "07"
            | "08"
            | "09"
            | "17"
            | "18"
            | "19"
            | "28"
            | "29"
            | "49"
            | "69"
            | "70"
            | "78"
            | "79"
            | "89"
            | "96"
            | "97"
    )
}

fn gb_nino(code: &str) -> bool {
    matches(code, "AA######A")
        && !code[..2].contains(['D', 'F', 'I', 'Q', 'U', 'V'])
        && &code[1..2] != "O"
        && !matches!(&code[..2], "BG" | "GB" | "NK" | "KN" | "TN" | "NT" | "ZZ")
        && code.ends_with(['A', 'B', 'C', 'D'])
}

/// Among the first ten digits exactly one occurs twice or three times.
fn is_de_tax_id(code: &str) -> bool {
    let mut counts = [0u8; 10];
    code[..10].bytes().for_each(|digit| counts[usize::from(digit - b'0')] += 1);
    let repeated = counts.iter().filter(|count| **count > 1).count();
    !code.starts_with('0')
        && repeated == 1
        && counts.iter().all(|count| *count <= 3)
        && mod_11_10(code)
}

/// French social security number with its key; Corsica has letters.
fn fr_nir(code: &str) -> Option<bool> {
    if code.len() != 15 || !code.starts_with(['1', '2']) {
        return None;
    }
    let body = code[..13].replace("2A", "19").replace("2B", "18");
    let month = value(code.get(3..5)?)?;
    let is_shaped = is_digits(&body) && matches!(month, 1..=12 | 20..=42 | 50..=99);
    let key = value(&code[13..])?;
    is_shaped.then(|| value(&body).is_some_and(|body| 97 - body % 97 == key))
}

/// Italian tax code, with the letters that stand for digits where two people had the same.
fn codice_fiscale(code: &str) -> Option<bool> {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let is_digit = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    let is_shaped = code.len() == 16
        && code.bytes().enumerate().all(|(position, byte)| match position {
            6 | 7 | 9 | 10 | 12..=14 => is_digit(byte),
            8 => b"ABCDEHLMPRST".contains(&byte),
            _ => byte.is_ascii_uppercase(),
        });
    if !is_shaped {
        return None;
    }
    let sum: u32 = code[..15]
        .bytes()
        .enumerate()
        .map(|(position, byte)| {
            let rank = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            if position % 2 == 0 { ODD[usize::from(rank)] } else { u32::from(rank) }
        })
        .sum();
    Some(u32::from(code.as_bytes()[15] - b'A') == sum % 26)
}

/// The letter of Spanish identity numbers; a foreigner's first letter counts as a digit.
pub(super) fn dni_letter(code: &str) -> Option<bool> {
    if !(matches(code, "########A") || matches(code, "A#######A")) {
        return None;
    }
    let first = match code.as_bytes()[0] {
        b'X' => "0",
        b'Y' => "1",
        b'Z' => "2",
        _ => &code[..1],
    };
    let number = value(&format!("{first}{}", &code[1..8]))?;
    let letter = b"TRWAGMYFPDXBNJZSQVHLCKE"[usize::try_from(number % 23).ok()?];
    Some(code.as_bytes()[8] == letter)
}

/// Two check digits, each over all before it, with weights from 2 up to `highest`.
fn brazilian(code: &str, body: usize, highest: u32) -> bool {
    let check = |length: usize| {
        let sum: u32 = code[..length]
            .bytes()
            .rev()
            .zip((2..=highest).cycle())
            .map(|(digit, weight)| u32::from(digit - b'0') * weight)
            .sum();
        let remainder = sum % 11;
        let wanted = if remainder < 2 { 0 } else { 11 - remainder };
        u32::from(code.as_bytes()[length] - b'0') == wanted
    };
    check(body) && check(body + 1)
}

/// Finnish personal identity code without its century sign where that is `-` or `+`.
fn fi_hetu(code: &str) -> Option<bool> {
    const CHECK: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let bytes = code.as_bytes();
    let (birth, number, last) = match code.len() {
        10 => (&code[..6], &code[6..9], bytes[9]),
        11 if bytes[6].is_ascii_alphabetic() => (&code[..6], &code[7..10], bytes[10]),
        _ => return None,
    };
    let is_shaped = is_digits(birth)
        && is_digits(number)
        && (1..=31).contains(&value(&birth[..2])?)
        && (1..=12).contains(&value(&birth[2..4])?);
    let check = value(&format!("{birth}{number}"))? % 31;
    is_shaped.then(|| CHECK[check as usize] == last)
}

fn cn_resident_id(code: &str) -> Option<bool> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let is_shaped = code.len() == 18
        && is_digits(&code[..17])
        && (1850..=2100).contains(&value(&code[6..10])?)
        && (1..=12).contains(&value(&code[10..12])?)
        && (1..=31).contains(&value(&code[12..14])?);
    let last = *code.as_bytes().last()?;
    is_shaped.then(|| b"10X98765432"[(weighted(code, &WEIGHTS) % 11) as usize] == last)
}

fn mx_curp(code: &str) -> Option<bool> {
    if !matches(code, "AAAA######AAAAAA*#") {
        return None;
    }
    // The letters are ranked with Ñ between N and O.
    let rank = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'N' => u32::from(byte - b'A') + 10,
        _ => u32::from(byte - b'A') + 11,
    };
    let sum: u32 = code[..17].bytes().zip((2..=18).rev()).map(|(b, weight)| rank(b) * weight).sum();
    Some((10 - sum % 10) % 10 == rank(code.as_bytes()[17]))
}

/// Vehicle number with the check digit of North America (ISO 3779, 49 CFR 565).
fn vin(code: &str) -> Option<bool> {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if code.len() != 17 || code.contains(['I', 'O', 'Q']) {
        return None;
    }
    let rank = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        b'A'..=b'H' => u32::from(byte - b'A') + 1,
        b'J'..=b'R' => u32::from(byte - b'J') + 1,
        _ => u32::from(byte - b'S') + 2,
    };
    let sum: u32 = code.bytes().zip(WEIGHTS).map(|(byte, weight)| rank(byte) * weight).sum();
    Some(b"0123456789X"[(sum % 11) as usize] == code.as_bytes()[8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_fit_their_schemes() {
        for (scheme, code) in [
            ("iban", "DE89370400440532013000"),
            ("iban", "GB82WEST12345698765432"),
            ("iban", "NO9386011117947"),
            ("iban", "MT84MALT011000012345MTLCAST001S"),
            ("lei", "5493001KJTIIGC8Y1R12"),
            ("isin", "US0378331005"),
            ("gb_nhs", "9434765919"),
            ("de_tax_id", "86095742719"),
            ("fr_siret", "73282932000074"),
            ("fr_nir", "255081416802538"),
            ("it_codice_fiscale", "RSSMRA85T10A562S"),
            ("es_dni", "12345678Z"),
            ("es_nie", "X1234567L"),
            ("nl_bsn", "111222333"),
            ("br_cpf", "11144477735"),
            ("br_cnpj", "11222333000181"),
            ("ch_ahv", "7569217076985"),
            ("ca_sin", "046454286"),
            ("au_abn", "51824753556"),
            ("au_tfn", "123456782"),
            ("fi_hetu", "131052308T"),
            ("se_personal_number", "8112189876"),
            ("pl_pesel", "44051401359"),
            ("cn_resident_id", "11010519491231002X"),
            ("vin", "1M8GDM9AXKP042788"),
        ] {
            assert_eq!(check(scheme, code), Some(true), "{scheme} {code}");
        }
    }

    #[test]
    fn every_label_names_a_scheme() {
        let schemes: Vec<_> = LABELS.values().flatten().collect();
        assert!(schemes.len() > 80);
        for scheme in schemes {
            let some_length = (5..40).any(|length| {
                ["1", "A", "AB"].iter().any(|unit| check(scheme, &unit.repeat(length)).is_some())
            });
            let is_known = some_length
                || check(scheme, "AB123456C").is_some()
                || check(scheme, "12345678Z").is_some()
                || check(scheme, "X1234567L").is_some()
                || check(scheme, "A13585625").is_some()
                || check(scheme, "5493001KJTIIGC8Y1R12").is_some()
                || check(scheme, "GB82WEST12345698765432").is_some()
                || check(scheme, "US0378331005").is_some()
                || check(scheme, "255081416802538").is_some()
                || check(scheme, "RSSMRA85T10A562S").is_some()
                || check(scheme, "DE136695976").is_some()
                || check(scheme, "7569217076985").is_some()
                || check(scheme, "131052308T").is_some()
                || check(scheme, "ABCPA1234A").is_some();
            assert!(is_known, "{scheme}");
        }
    }
}
