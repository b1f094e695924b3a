//! Telephone numbers.

mod scan;

use std::cell::OnceCell;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region,
    ValidationError,
};

use self::scan::{Found, MOST_DIGITS, scan};
use super::placeholder::is_placeholder;
use super::plain::{is_one_digit, is_rounded_by_spreadsheet, is_run, plain, without_float_suffix};
use super::text::has_invisible;
use super::{Context, Form, Issue, Normalized};

/// Longer cells hold notes, not a number.
const LONGEST_CELL: usize = 250;

/// No number that a person has is shorter, but for a few islands' own.
const FEWEST_DIGITS: usize = 5;

/// Telephone number: E.164, by the numbering plans of Google's libphonenumber.
///
/// Read are labels (`Tel.`, `fax:`), `tel:` addresses, any punctuation, digits of any script,
/// `00` and `(0)`, letters for digits (`1-800-FLOWERS`), extensions in several languages, and the
/// first of several numbers in one cell. A number without `+` belongs to the
/// [`region`](Context::region) of the context.
///
/// Forms: canonical (E.164 without the extension), display (international format), national
/// (national significant number), extension, country (where the plan names one) and type:
/// `fixed_line`, `mobile`, `fixed_line_or_mobile`, `toll_free`, `premium_rate`, `shared_cost`,
/// `voip`, `personal_number`, `pager`, `uan` or `voicemail`.
///
/// Issues:
/// - `local_only` (doubtful): no country or area code, and no region that supplies it; canonical
///   is then the digits as they were written. With `too_short` or `not_assigned` where the region
///   has no local number of that length.
/// - `not_assigned` (doubtful): as long as numbers of its country are, but of no range in use.
///   `too_long` and `too_short` (doubtful): its country has no number of that length.
/// - `special_number`: toll-free, premium-rate, shared-cost, company-wide or voicemail.
/// - `patterned`: ends in seven equal digits or a plain run of seven.
/// - `several_values`, `control_characters`.
/// - Unusable: `placeholder` (`000-000`, `123456789`, all digits equal), `too_short` (fewer than 5
///   digits), `too_long` (over 15), `malformed` (no digit, some hidden as in `555-XXXX`, or lost
///   in a spreadsheet: `4.9E+11`).
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, Form, phone};
/// let german = Context { region: Some("DE".into()), ..Context::default() };
/// let number = phone("Tel. (030) 90 18 20 - Durchwahl 12", &german);
/// assert_eq!(number.canonical(), Some("+4930901820"));
/// assert_eq!(number.form(Form::Extension), Some("12"));
/// assert_eq!(phone("+1 310/246-1501", &german).form(Form::Country), Some("US"));
/// ```
///
/// # References
/// ITU-T E.164 and E.123; RFC 3966; Google libphonenumber, through the `rlibphonenumber` crate.
#[must_use]
pub fn phone(raw: &str, context: &Context) -> Normalized {
    read(raw, context, Forms::All)
}

/// The country of a number that names its own: the same as the form `country` of [`phone`] without
/// a region, and sooner.
pub(crate) fn phone_country(raw: &str) -> Option<String> {
    let number = read(raw, &Context::default(), Forms::Unshown);
    number.form(Form::Country).map(str::to_owned)
}

/// The same as [`phone`], but for the form `display`, and sooner: to spell a number out for people takes as long
/// as to understand it.
pub(super) fn unshown_phone(raw: &str, context: &Context) -> Normalized {
    read(raw, context, Forms::Unshown)
}

/// Which forms of a number are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    All,
    /// All but the one for people.
    Unshown,
}

fn read(raw: &str, context: &Context, forms: Forms) -> Normalized {
    let lines;
    let raw_text = if raw.contains(['\n', '\r']) {
        lines = raw.trim().replace(['\n', '\r'], ";");
        &lines
    } else {
        raw
    };
    let text = plain(raw_text);
    if text.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if text.len() > LONGEST_CELL {
        return Normalized::unusable(Issue::TooLong);
    }
    if is_rounded_by_spreadsheet(&text) {
        return Normalized::unusable(Issue::Malformed);
    }
    let text = in_context(without_float_suffix(&text));
    let Some(found) = scan(&text) else {
        return Normalized::unusable(Issue::Malformed);
    };
    let region = context.region.as_deref().and_then(|code| code.parse::<Region>().ok());
    let mut value = resolve(&found, region, forms);
    if let Some(extension) = &found.extension {
        value = value.with(Form::Extension, extension);
    }
    if !value.status().is_usable() {
        return value;
    }
    if found.several {
        value = value.noting(Issue::SeveralValues);
    }
    if has_invisible(raw_text) { value.noting(Issue::ControlCharacters) } else { value }
}

/// RFC 3966: the context of a local number goes before it.
fn in_context(text: &str) -> std::borrow::Cow<'_, str> {
    match text.split_once(";phone-context=") {
        Some((number, context)) if context.starts_with('+') => {
            let context = context.split(';').next().unwrap_or_default();
            let number = number.trim_start_matches("tel:");
            format!("{context} {number}").into()
        }
        Some((number, _)) => number.into(),
        None => text.into(),
    }
}

fn resolve(found: &Found, region: Option<Region>, forms: Forms) -> Normalized {
    if !found.international && is_filler(&found.digits) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let mut unassigned = None;
    for (position, reading) in readings(found, region).into_iter().enumerate() {
        let Some(parsed) = reading.into_parsed() else { continue };
        if is_filler(&parsed.number.get_national_significant_number()) {
            return Normalized::unusable(Issue::Placeholder);
        }
        // Valid is what has a type.
        let kind = parsed.number.get_type();
        if kind != PhoneNumberType::Unknown {
            return assigned(parsed, kind, forms);
        }
        if position == 0 {
            unassigned = Some(parsed);
        }
    }
    if found.masked {
        return Normalized::unusable(Issue::Malformed);
    }
    let digits = found.digits.as_str();
    if digits.len() < 7
        && !found.international
        && region.is_none()
        && let Some(spelt) = &found.keypad
    {
        return resolve(&Found { digits: spelt.clone(), ..Found::default() }, None, forms);
    }
    if digits.len() < FEWEST_DIGITS {
        let issue = if is_zeros(digits) { Issue::Placeholder } else { Issue::TooShort };
        return Normalized::unusable(issue);
    }
    if digits.len() > MOST_DIGITS {
        return Normalized::unusable(Issue::TooLong);
    }
    let mut wrong_length = None;
    if let Some(parsed) = unassigned {
        let number = &parsed.number;
        let issue = match number.is_possible_with_reason() {
            Ok(NumberLengthType::IsPossibleLocalOnly) => Issue::LocalOnly,
            Err(ValidationError::TooShort) => Issue::TooShort,
            Err(ValidationError::TooLong) => Issue::TooLong,
            Ok(NumberLengthType::IsPossible) | Err(_) => Issue::NotAssigned,
        };
        // What is too short for the region may lack its area code, so it stays as it was written.
        let is_whole = found.international
            || number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible)
            || issue == Issue::TooLong;
        if is_whole {
            // Other digits than were written: a prefix came off, a country code was put before.
            return match parsed.e164.len() - 1 {
                0..FEWEST_DIGITS => Normalized::unusable(Issue::TooShort),
                FEWEST_DIGITS..=MOST_DIGITS => with_forms(parsed, forms).doubting(issue),
                _ => Normalized::unusable(Issue::TooLong),
            };
        }
        wrong_length = Some(issue);
    }
    if found.international {
        // No such country code.
        return if is_filler(digits) {
            Normalized::unusable(Issue::Placeholder)
        } else {
            Normalized::valid(format!("+{digits}")).doubting(Issue::NotAssigned)
        };
    }
    noting_pattern(Normalized::valid(digits), digits)
        .with(Form::National, digits)
        .doubting(Issue::LocalOnly)
        .doubting(wrong_length.unwrap_or(Issue::LocalOnly))
}

/// A way to read a number: a text, and the region it is local to.
struct Reading {
    text: String,
    region: Option<Region>,
    /// What it means, once that was asked.
    parsed: OnceCell<Option<Parsed>>,
}

/// A number, and how E.164 has it.
struct Parsed {
    number: PhoneNumber,
    e164: String,
}

impl Reading {
    fn new(text: String, region: Option<Region>) -> Self {
        Self { text, region, parsed: OnceCell::new() }
    }

    fn number(&self) -> Option<&PhoneNumber> {
        let parsed = self.parsed.get_or_init(|| parse(&self.text, self.region));
        parsed.as_ref().map(|parsed| &parsed.number)
    }

    fn into_parsed(self) -> Option<Parsed> {
        let Self { text, region, parsed } = self;
        parsed.into_inner().unwrap_or_else(|| parse(&text, region))
    }
}

/// The ways to read a number, the likeliest first.
fn readings(found: &Found, region: Option<Region>) -> Vec<Reading> {
    let mut readings = Vec::new();
    let digits = found.digits.as_str();
    if found.international {
        // No country code begins with zero: `+0049` and `+0171` were meant.
        match digits.strip_prefix("00") {
            Some(rest) => readings.push(Reading::new(format!("+{rest}"), None)),
            None if digits.starts_with('0') && region.is_some() => {
                readings.push(Reading::new(digits.to_owned(), region));
            }
            None => readings.push(Reading::new(format!("+{digits}"), None)),
        }
    } else if region.is_some() {
        readings.push(Reading::new(digits.to_owned(), region));
    }
    let mut bare = String::new();
    if let Some(zero) = found.bracketed_zero {
        bare = format!("{}{}", &digits[..zero], &digits[zero + 1..]);
        if found.international || region.is_some() {
            let plus = if found.international { "+" } else { "" };
            readings.push(Reading::new(format!("{plus}{bare}"), region));
        }
    }
    if !found.international {
        for digits in [digits, &bare] {
            if let Some(rest) = digits.strip_prefix("00") {
                readings.push(Reading::new(format!("+{rest}"), None));
            }
        }
        // The prefix for calls abroad in North America, and a country code without its sign where
        // the region has no number that long.
        if let Some(rest) = digits.strip_prefix("011").filter(|rest| rest.len() >= 10) {
            readings.push(Reading::new(format!("+{rest}"), None));
        }
        let is_long = |number: &PhoneNumber| {
            number.is_possible_with_reason() == Err(ValidationError::TooLong)
        };
        if let Some(first) = readings.first().filter(|_| region.is_some() && digits.len() >= 11)
            && first.number().is_none_or(is_long)
        {
            readings.push(Reading::new(format!("+{digits}"), None));
        }
    }
    if let Some(spelt) = found.keypad.as_ref().filter(|_| !found.masked) {
        if found.international {
            readings.push(Reading::new(format!("+{spelt}"), None));
        } else if region.is_some() {
            readings.push(Reading::new(spelt.clone(), region));
        }
    }
    readings
}

/// The number that a text means, in the reading that its own E.164 form has.
///
/// Parsing can take off one national prefix at a time (`+49 0 0171`), so it is done until nothing
/// changes; that makes normalising idempotent.
fn parse(text: &str, region: Option<Region>) -> Option<Parsed> {
    let mut number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    for _ in 0..4 {
        let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned();
        // What was written so has just been parsed: a number with its country code is of no region.
        if e164 == text {
            return Some(Parsed { number, e164 });
        }
        let again = PHONE_NUMBER_UTIL.parse(&e164, None).ok()?;
        if again == number {
            return Some(Parsed { number, e164 });
        }
        number = again;
    }
    None
}

fn assigned(parsed: Parsed, kind: PhoneNumberType, forms: Forms) -> Normalized {
    let mut value = with_forms(parsed, forms).with(Form::Type, type_name(kind));
    if matches!(
        kind,
        PhoneNumberType::TollFree
            | PhoneNumberType::PremiumRate
            | PhoneNumberType::SharedCost
            | PhoneNumberType::UAN
            | PhoneNumberType::VoiceMail
    ) {
        value = value.noting(Issue::SpecialNumber);
    }
    value
}

fn with_forms(Parsed { number, e164 }: Parsed, forms: Forms) -> Normalized {
    let national = number.get_national_significant_number();
    let country = number.get_region_code().filter(|region| *region != Region::World);
    let mut value = Normalized::valid(e164);
    if forms == Forms::All {
        let display = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::International);
        value = value.with(Form::Display, display);
    }
    let country = country.map(|region| region.to_string()).unwrap_or_default();
    let value = value.with(Form::Country, country);
    noting_pattern(value, &national).with(Form::National, national)
}

fn noting_pattern(value: Normalized, digits: &str) -> Normalized {
    let tail = &digits[digits.len().saturating_sub(7)..];
    if tail.len() == 7 && (is_one_digit(tail) || is_run(tail)) {
        value.noting(Issue::Patterned)
    } else {
        value
    }
}

/// Digits that a hand types to get past a required field.
fn is_filler(digits: &str) -> bool {
    is_zeros(digits) || digits.len() >= FEWEST_DIGITS && (is_one_digit(digits) || is_run(digits))
}

fn is_zeros(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

fn type_name(kind: PhoneNumberType) -> &'static str {
    match kind {
        PhoneNumberType::FixedLine => "fixed_line",
        PhoneNumberType::Mobile => "mobile",
        PhoneNumberType::FixedLineOrMobile => "fixed_line_or_mobile",
        PhoneNumberType::TollFree => "toll_free",
        PhoneNumberType::PremiumRate => "premium_rate",
        PhoneNumberType::SharedCost => "shared_cost",
        PhoneNumberType::VoIP => "voip",
        PhoneNumberType::PersonalNumber => "personal_number",
        PhoneNumberType::Pager => "pager",
        PhoneNumberType::UAN => "uan",
        PhoneNumberType::VoiceMail => "voicemail",
        PhoneNumberType::Unknown => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::laws;

    fn in_region(code: &str) -> Context {
        Context { region: Some(code.into()), ..Context::default() }
    }

    #[test]
    fn one_number_in_many_spellings_is_one_number() {
        for text in [
            "+49 30 901820",
            "0049 (0)30 901820",
            "030/901820",
            "(030) 90 18 20",
            "+49 (0) 30 90-18-20",
            "tel:+49-30-901820",
            "\u{ff0b}４９ ３０ ９０１８２０",
            "Fon: 030 901820 (Büro)",
            "4930901820",
            "+0049 30 901820",
        ] {
            assert_eq!(phone(text, &in_region("DE")).canonical(), Some("+4930901820"), "{text}");
        }
    }

    #[test]
    fn what_is_shown_to_nobody_is_the_same_but_for_how_it_is_shown() {
        for text in
            ["+49 30 901820", "+1 310/246-1501", "0044 20 7946 0018", "030 901820", "+999 1"]
        {
            let number = phone(text, &Context::default());
            assert_eq!(phone_country(text).as_deref(), number.form(Form::Country), "{text}");
            let unshown = unshown_phone(text, &Context::default());
            for form in Form::ALL.iter().copied().filter(|form| *form != Form::Display) {
                assert_eq!(unshown.form(form), number.form(form), "{text}: {form:?}");
            }
            assert_eq!(unshown.status(), number.status(), "{text}");
            assert_eq!(unshown.issues(), number.issues(), "{text}");
        }
    }

    #[test]
    fn an_unknown_region_is_no_region() {
        for region in ["", "XX", "Germany", "001"] {
            let value = phone("030 901820", &in_region(region));
            assert_eq!(value.canonical(), Some("030901820"), "{region}");
        }
    }

    fn laws(text: &str, context: &Context) -> Result<(), TestCaseError> {
        laws::keep(text, |text| phone(text, context)).map(|_| ())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn any_text_keeps_the_laws(text in any::<String>()) {
            laws(&text, &Context::default())?;
            laws(&text, &in_region("US"))?;
        }

        #[test]
        fn texts_like_numbers_keep_the_laws(
            text in r"(\+|00|011|tel:)?[0-9]{0,4}[ (/.-]{0,2}(\(0\))?[0-9]{1,9}[ )/.;-]{0,2}[0-9]{0,9}( ?(x|ext|FLOWERS|DW|/) ?[0-9]{0,4})?",
            region in prop::sample::select(vec!["", "US", "DE", "GB", "IT", "AR", "MX", "BR", "AU", "FR", "IN", "RU", "CN", "CI"]),
        ) {
            laws(&text, &in_region(region))?;
        }
    }
}
