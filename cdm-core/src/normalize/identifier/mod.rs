//! Identifiers: numbers and codes that name one person or thing in some scheme.

mod check;
mod scheme;
mod vat;

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::placeholder::is_placeholder;
use super::plain::{is_one_digit, is_rounded_by_spreadsheet, is_run, plain, without_float_suffix};
use super::text::has_invisible;
use super::{Form, Issue, Normalized};

/// Longer texts are not identifiers, but for what nobody matches on.
const LONGEST: usize = 512;

/// Numbers printed in leaflets and sample data, and taken over by many.
const SAMPLES: [&str; 3] = ["078051120", "219099999", "457555462"];

/// A number or code that names one person or thing in some scheme.
///
/// Canonical is its letters and digits only, in upper case, leading zeros kept: `de 89-37` is
/// `DE8937`. A label before it (`SSN:`, `IBAN`, `USt-IdNr.`) is left out where what follows fits
/// it, and so is the `.0` of a floating-point column.
///
/// Form type is the scheme, where shape and check digits together make it sure: `iban`, `lei`,
/// `isin`, `eu_vat`, `uuid`, `vin`, `luhn` (15 or 16 digits, such as payment cards),
/// `us_ssn us_itin us_ein` (as punctuated), `gb_nino`, `de_tax_id`, `fr_siret fr_nir`,
/// `it_codice_fiscale`, `es_dni es_nie es_cif`, `br_cpf br_cnpj` (as punctuated), `ch_ahv`,
/// `se_personal_number` (as punctuated), `fi_hetu`, `in_pan`, `cn_resident_id`, `mx_curp`; and
/// behind their labels only, `bic`, `fr_siren`, `gb_nhs`, `nl_bsn`, `ca_sin`, `au_abn`, `au_tfn`,
/// `pl_pesel`: one plain number in ten or eleven passes their checks.
///
/// Issues:
/// - `bad_check_digit` (doubtful): only where shape or label make the scheme sure: IBAN, LEI,
///   codice fiscale, DNI, NIE, CPF, CNPJ and labelled numbers. A plain number that fails Luhn is
///   fine: most identifiers have no check digit.
/// - `out_of_range` (doubtful): a social security number of an area that is never given out.
/// - `patterned`: one character only, or a plain run such as 123456.
/// - `control_characters`.
/// - Unusable: `placeholder` (zeros, five or more equal digits, 123456789, 123-45-6789),
///   `no_content`, `too_long`, `malformed` (rounded by a spreadsheet: `4.9E+11`).
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, Issue, identifier};
/// let account = identifier("IBAN: de89 3704 0044 0532 0130 00");
/// assert_eq!(account.canonical(), Some("DE89370400440532013000"));
/// assert_eq!(account.form(Form::Type), Some("iban"));
/// assert!(identifier("DE89 3704 0044 0532 0130 01").issues().contains(Issue::BadCheckDigit));
/// assert_eq!(identifier("00-17.4").canonical(), Some("00174"));
/// ```
///
/// # References
/// ISO 13616 (IBAN), ISO 17442 (LEI), ISO 6166 (ISIN), ISO/IEC 7064 and 7812-1 (check digits), the
/// numbers' national authorities.
#[must_use]
pub fn identifier(raw: &str) -> Normalized {
    let text = plain(raw);
    if text.is_empty() {
        return Normalized::missing();
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number && is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if text.len() > LONGEST {
        return Normalized::unusable(Issue::TooLong);
    }
    if is_rounded_by_spreadsheet(&text) {
        return Normalized::unusable(Issue::Malformed);
    }
    let text = without_float_suffix(&text);
    let labelled = scheme::labelled(text);
    let canonical = compact(labelled.map_or(text, |(rest, _)| rest));
    if canonical.is_empty() {
        return Normalized::unusable(Issue::NoContent);
    }
    if is_filler(&canonical) || is_placeholder(&canonical) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let recognised =
        labelled.map(|(_, found)| found).or_else(|| scheme::recognise(text, &canonical));
    let patterned = is_patterned(&canonical);
    let mut value = Normalized::valid(canonical);
    if let Some(found) = recognised {
        value = value.with(Form::Type, found.scheme);
        if let Some(issue) = found.issue {
            value = value.doubting(issue);
        }
    }
    if patterned {
        value = value.noting(Issue::Patterned);
    }
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

/// Letters and digits in upper case, of a text that is [`plain`].
fn compact(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        let letters = text.bytes().filter(u8::is_ascii_alphanumeric);
        return Cow::Owned(letters.map(|byte| byte.to_ascii_uppercase() as char).collect());
    }
    // Upper case can take letters apart, and what is left out can bring together what composes.
    let mut text = Cow::Borrowed(text);
    for _ in 0..8 {
        let upper: String = text.chars().flat_map(char::to_uppercase).nfkc().collect();
        let next: String = plain(&upper)
            .chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
            .nfkc()
            .collect();
        if next == *text {
            break;
        }
        text = Cow::Owned(next);
    }
    text
}

fn is_filler(code: &str) -> bool {
    scheme::is_digits(code)
        && (code.bytes().all(|digit| digit == b'0')
            || code.len() >= 5 && is_one_digit(code)
            || code.len() >= 8 && is_run(code)
            || SAMPLES.contains(&code))
}

fn is_patterned(code: &str) -> bool {
    code.len() >= 3 && is_one_digit(code) || code.len() >= 5 && is_run(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::laws;

    #[test]
    fn one_identifier_in_many_spellings_is_one_identifier() {
        for text in [
            "GB82 WEST 1234 5698 7654 32",
            "gb82west12345698765432",
            "IBAN GB82-WEST-1234-5698-7654-32",
            "iban: GB82WEST12345698765432",
            "ＧＢ８２WEST12345698765432",
        ] {
            assert_eq!(identifier(text).canonical(), Some("GB82WEST12345698765432"), "{text}");
        }
        assert_eq!(identifier("crm:55").canonical(), Some("CRM55"));
    }

    fn laws(text: &str) -> Result<(), TestCaseError> {
        let once = laws::keep(text, identifier)?;
        prop_assert!(once.canonical().unwrap_or_default().chars().all(char::is_alphanumeric));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_keeps_the_laws(text in any::<String>()) {
            laws(&text)?;
        }

        #[test]
        fn letters_of_all_scripts_keep_the_laws(text in r"\pL{0,4}\pN{0,3}\pM{0,2}\pL{0,3}") {
            laws(&text)?;
        }

        #[test]
        fn texts_like_identifiers_keep_the_laws(
            text in r"(SSN:? ?|IBAN |VAT No\. |DE|GB|ES|US|IT|FR|X)?[0-9A-Z]{0,4}[- ./]?[0-9]{0,12}[- ./]?[0-9A-Za-z]{0,9}(\.0|E\+11)?",
        ) {
            laws(&text)?;
        }
    }
}
