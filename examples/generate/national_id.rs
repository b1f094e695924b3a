//! National identification numbers with valid check digits; none belongs to a real person on
//! purpose.

use super::calendar::Date;
use super::rng::Rng;

/// A number in the scheme of the country with telephone code `dial`, if it has one here.
///
/// US social security number (areas 900 to 999 are never issued), GB national insurance number
/// (prefix QQ is never issued), DE Steuer-ID (ISO 7064 MOD 11,10), FR NIR (97 minus remainder),
/// ES DNI (letter of remainder 23), NL BSN (eleven test), PL PESEL (weights 1 3 7 9).
pub(super) fn national_id(rng: &mut Rng, dial: &str, birth: Date, male: bool) -> Option<String> {
    let mut digits = |count: usize| -> String {
        (0..count).map(|_| char::from(b'0' + rng.below(10) as u8)).collect()
    };
    let (year, month, day) = (birth.year, birth.month, birth.day);
    Some(match dial {
        "1" => format!("9{}-{}-{}", digits(2), digits(2), digits(4)),
        "44" => format!("QQ{}{}", digits(6), ["A", "B", "C", "D"][usize::from(day) % 4]),
        "49" => {
            let body = format!("{}{}", 1 + month % 9, digits(9));
            let check = iso_7064_11_10(&body);
            format!("{body}{check}")
        }
        "33" => {
            let body = format!(
                "{}{:02}{month:02}{:02}{}",
                if male { 1 } else { 2 },
                year % 100,
                1 + day % 19,
                digits(6)
            );
            let key = 97 - number(&body) % 97;
            format!("{body}{key:02}")
        }
        "34" => {
            let body = digits(8);
            let letter = b"TRWAGMYFPDXBNJZSQVHLCKE"[(number(&body) % 23) as usize];
            format!("{body}{}", char::from(letter))
        }
        "31" => loop {
            let body = digits(8);
            let check = weighted(&body, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            if check < 10 {
                break format!("{body}{check}");
            }
        },
        "48" => {
            let century = if year >= 2000 { 20 } else { 0 };
            let sex = if male { "1" } else { "2" };
            let body = format!(
                "{:02}{:02}{day:02}{}{sex}",
                year % 100,
                i32::from(month) + century,
                digits(3)
            );
            let sum = weighted(&body, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
            format!("{body}{}", (10 - sum % 10) % 10)
        }
        _ => return None,
    })
}

fn number(digits: &str) -> u64 {
    digits.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

fn weighted(digits: &str, weights: &[u64]) -> u64 {
    digits.bytes().zip(weights).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum()
}

/// The check digit of ISO/IEC 7064 MOD 11,10.
fn iso_7064_11_10(digits: &str) -> u64 {
    let product = digits.bytes().fold(10, |product, digit| {
        let sum = (u64::from(digit - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

/// The check digit of Luhn's formula, as on payment and loyalty cards.
pub(super) fn luhn(digits: &str) -> u64 {
    let sum: u64 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u64::from(digit - b'0')) {
            (0, digit) if digit > 4 => digit * 2 - 9,
            (0, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_published_examples() {
        assert_eq!(luhn("7992739871"), 3);
        assert_eq!(iso_7064_11_10("8609574271"), 9);
        assert_eq!(b"TRWAGMYFPDXBNJZSQVHLCKE"[(number("12345678") % 23) as usize], b'Z');
        assert_eq!(weighted("11122233", &[9, 8, 7, 6, 5, 4, 3, 2]) % 11, 3);
        assert_eq!((10 - weighted("4405140135", &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10, 9);
    }
}
