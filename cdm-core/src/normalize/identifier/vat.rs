//! VAT numbers of the European Union, the United Kingdom, Switzerland and Norway.

use super::check::{luhn, mod_11_10, mod_97, value, weighted};
use super::scheme::{dni_letter, is_digits, matches};

/// Whether a code with a country prefix is a VAT number: `None` where it does not have the shape
/// of one, or the country's check is not known here; else whether the check digit fits.
pub(super) fn check(code: &str) -> Option<bool> {
    let (country, rest) = code.split_at_checked(2)?;
    let digits = |length: usize| (rest.len() == length && is_digits(rest)).then_some(rest);
    match country {
        "AT" => {
            let body = rest.strip_prefix('U').filter(|body| body.len() == 8 && is_digits(body))?;
            let sum: u32 = body[..7]
                .bytes()
                .enumerate()
                .map(|(position, digit)| {
                    let value = u32::from(digit - b'0') << (position % 2);
                    value / 10 + value % 10
                })
                .sum();
            Some((96 - sum) % 10 == digit(body, 7))
        }
        "BE" => {
            let body = digits(10).filter(|body| body.starts_with(['0', '1']))?;
            Some(97 - value(&body[..8])? % 97 == value(&body[8..])?)
        }
        "CY" => None,
        "DE" | "HR" => {
            let length = if country == "DE" { 9 } else { 11 };
            digits(length).map(mod_11_10)
        }
        "DK" => digits(8).map(|body| weighted(body, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)),
        "EE" => {
            digits(9).map(|body| weighted(body, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10))
        }
        "EL" | "GR" => {
            let body = digits(9)?;
            let sum = weighted(body, &[256, 128, 64, 32, 16, 8, 4, 2]);
            Some(sum % 11 % 10 == digit(body, 8))
        }
        "ES" => match rest.as_bytes().first()? {
            b'0'..=b'9' | b'X'..=b'Z' => dni_letter(rest),
            _ => cif(rest),
        },
        "FI" => digits(8).map(|body| weighted(body, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11)),
        "FR" | "MC" => {
            let siren = digits(11)?;
            let (key, siren) = siren.split_at(2);
            Some((12 + 3 * (value(siren)? % 97)) % 97 == value(key)? && luhn(siren))
        }
        "GB" | "XI" => {
            let body = digits(9).or_else(|| digits(12).map(|body| &body[..9]))?;
            let sum = weighted(body, &[8, 7, 6, 5, 4, 3, 2]) + number(&body[7..]);
            // The older way of checking, and the one of 2010.
            Some(sum.is_multiple_of(97) || (sum + 55).is_multiple_of(97))
        }
        "HU" => digits(8).map(|body| weighted(body, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)),
        "IT" => digits(11).map(luhn),
        "LU" => digits(8).map(|body| number(&body[..6]) % 89 == number(&body[6..])),
        "LV" => None,
        "MT" => digits(8)
            .map(|body| 37 - weighted(body, &[3, 4, 6, 7, 8, 9]) % 37 == number(&body[6..])),
        "NL" => {
            let is_shaped = rest.len() == 12
                && is_digits(&rest[..9])
                && &rest[9..10] == "B"
                && is_digits(&rest[10..]);
            // Of companies after the citizen number, of others by the whole number.
            is_shaped.then(|| bsn(&rest[..9]) || mod_97(["NL", rest]) == 1)
        }
        "NO" => {
            let body = rest.strip_suffix("MVA").unwrap_or(rest);
            let sum = || weighted(body, &[3, 2, 7, 6, 5, 4, 3, 2, 1]);
            (body.len() == 9 && is_digits(body)).then(|| sum().is_multiple_of(11))
        }
        "PL" => {
            let body = digits(10)?;
            Some(weighted(body, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digit(body, 9))
        }
        "PT" => {
            let body = digits(9)?;
            let remainder = weighted(body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            Some(if remainder < 2 { 0 } else { 11 - remainder } == digit(body, 8))
        }
        "SE" => digits(12).filter(|body| body.ends_with("01")).map(|body| luhn(&body[..10])),
        "SI" => {
            let body = digits(8)?;
            let check = 11 - weighted(body, &[8, 7, 6, 5, 4, 3, 2]) % 11;
            Some(check != 11 && check % 10 == digit(body, 7))
        }
        "SK" => digits(10).map(|body| value(body).is_some_and(|body| body.is_multiple_of(11))),
        _ if country == "CH" && rest.starts_with('E') => {
            let body = rest.get(1..10).filter(|body| is_digits(body))?;
            matches!(&rest[10..], "" | "MWST" | "TVA" | "IVA" | "HR").then(|| {
                let remainder = weighted(body, &[5, 4, 3, 2, 7, 6, 5, 4]) % 11;
                (11 - remainder) % 11 == digit(body, 8)
            })
        }
        _ => None,
    }
}

/// The tax number of Spanish companies.
pub(super) fn cif(code: &str) -> Option<bool> {
    let is_shaped = matches(code, "A#######*")
        && matches!(code.as_bytes()[0], b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U'..=b'W');
    if !is_shaped {
        return None;
    }
    let sum: u32 = code[1..8]
        .bytes()
        .enumerate()
        .map(|(position, digit)| {
            let value = u32::from(digit - b'0') << ((position + 1) % 2);
            value / 10 + value % 10
        })
        .sum();
    let control = (10 - sum % 10) % 10;
    let last = code.as_bytes()[8];
    let letter = b"JABCDEFGHI"[control as usize];
    Some(last == letter || u32::from(last) == u32::from(b'0') + control)
}

/// The Dutch citizen number's eleven test.
pub(super) fn bsn(digits: &str) -> bool {
    let sum = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    digits.len() == 9 && sum % 11 == digit(digits, 8) && sum > 0
}

fn digit(digits: &str, position: usize) -> u32 {
    digits.as_bytes().get(position).map_or(0, |digit| u32::from(digit - b'0'))
}

fn number(digits: &str) -> u32 {
    digits.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_numbers_pass_and_one_digit_off_fails() {
        for (good, bad) in [
            ("ATU13585627", "ATU13585626"),
            ("BE0428759497", "BE0428759498"),
            ("DE136695976", "DE136695978"),
            ("DK13585628", "DK13585627"),
            ("EE100931558", "EE100594103"),
            ("EL094259216", "EL123456781"),
            ("ES54362315K", "ES54362315Z"),
            ("ESA13585625", "ESA13585624"),
            ("FI20774740", "FI20774741"),
            ("FR40303265045", "FR84323140391"),
            ("GB980780684", "GB802311781"),
            ("HR33392005961", "HR33392005962"),
            ("HU12892312", "HU12892313"),
            ("IT00743110157", "IT00743110158"),
            ("LU15027442", "LU15027443"),
            ("MT11679112", "MT11679113"),
            ("NL004495445B01", "NL123456790B90"),
            ("PL8567346215", "PL8567346216"),
            ("PT501964843", "PT501964842"),
            ("SE123456789701", "SE123456789101"),
            ("SI50223054", "SI50223055"),
            ("SK2022749619", "SK2022749618"),
            ("CHE107787577IVA", "CHE107787578IVA"),
            ("NO974760673MVA", "NO974760674MVA"),
        ] {
            assert_eq!(check(good), Some(true), "{good}");
            assert_eq!(check(bad), Some(false), "{bad}");
        }
        assert_eq!(check("DE12345"), None);
    }
}
