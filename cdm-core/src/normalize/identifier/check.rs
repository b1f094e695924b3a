//! Check digits.

/// The Luhn check over digits, the check digit last (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(position, digit)| {
            let value = u32::from(digit - b'0') << (position % 2);
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The remainder by 97 of letters and digits, letters as two digits from A = 10 (ISO/IEC 7064).
pub(super) fn mod_97<'a>(parts: impl IntoIterator<Item = &'a str>) -> u32 {
    parts.into_iter().flat_map(str::bytes).fold(0, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + 10 + u32::from(byte.saturating_sub(b'A'))) % 97,
    })
}

/// ISO/IEC 7064 MOD 11,10 over digits, the check digit last.
pub(super) fn mod_11_10(digits: &str) -> bool {
    let Some((last, body)) = digits.as_bytes().split_last() else { return false };
    let product = body.iter().fold(10, |product, digit| {
        let sum = (u32::from(digit - b'0') + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (u32::from(last - b'0') + product) % 10 == 1
}

/// Σ digit × weight; as many digits as there are weights.
pub(super) fn weighted(digits: &str, weights: &[u32]) -> u32 {
    digits.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum()
}

/// The check digit of EAN-13 and GTIN, the check digit last.
pub(super) fn ean(digits: &str) -> bool {
    weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Digits as a number; `None` for more than 18 of them.
pub(super) fn value(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|_| digits.len() <= 18)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_and_their_neighbours_do_not() {
        assert!(luhn("79927398713") && !luhn("79927398710"));
        assert!(luhn("4539578763621486") && !luhn("4539578763621487"));
        assert_eq!(mod_97(["WEST12345698765432", "GB82"]), 1);
        assert!(mod_11_10("36574261809") && !mod_11_10("36574261808"));
        assert!(ean("4006381333931") && !ean("4006381333932"));
    }
}
