//! Postal addresses: whole lines, and the street part alone.

mod code;
mod line;
mod name;
mod number;
mod street;
mod units;
mod whole;
mod words;

use super::phonetic::unread_script;
use super::placeholder::is_placeholder;
use super::text::{ascii, clean, fold, has_invisible};
use super::{Context, Form, Issue, Normalized};

pub(super) use line::{key_of, words_of};
use street::Street;
pub(crate) use words::has_street_word;

/// The longest text that is read as an address, in bytes; a longer one is kept as words.
const LONGEST: usize = 400;

/// A whole postal address on one line.
///
/// Reads the orders of many countries, with commas, line breaks or neither: number before or after
/// the street, postcode before or after the town. Abbreviations are made equal in the languages of
/// the lists. Where the line has no comma the town is what follows a sure kind of street (`St`), the
/// house number (`Hauptstr. 5 München`), or is known by name; where nothing tells, it stays in the
/// street. What `c/o` names is left out. Venues and localities stay in the canonical form alone.
///
/// Forms: house number, street, unit, PO box, postcode, city, region, country, each the canonical
/// form that [`street`](fn@street), [`city`](super::city), [`region`](super::region),
/// [`postcode`](super::postcode) and [`country`](super::country) give for the same part in a column
/// of its own; canonical, which joins them as `venue, number street unit, box, locality, city,
/// region, postcode, country` (the country as alpha-3 code, which cannot be taken for a state); ascii; and
/// script.
///
/// Issues: [`Issue::NoHouseNumber`] (a remark), [`Issue::BadPostcode`] where the postcode is not of
/// the country's shape, [`Issue::Malformed`] where the text cannot be taken apart and is kept as
/// words or is words without a number, a place or a kind of street, [`Issue::TooLong`], [`Issue::Placeholder`], [`Issue::NoContent`].
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, Form, address};
/// let home = address("123 Main Street, Las Vegas NV 89132", &Context::default());
/// assert_eq!(home.canonical(), Some("123 main street, las vegas, NV, 89132"));
/// assert_eq!(home.form(Form::City), Some("las vegas"));
/// ```
#[must_use]
pub fn address(raw: &str, context: &Context) -> Normalized {
    let words = match readable(raw) {
        Ok(words) => words,
        Err(value) => return finished(raw, value),
    };
    let home = context.region.as_deref();
    let (line, whole) = settle(words, |words| {
        let whole = whole::parse(words, home);
        (whole.line(), whole)
    });
    let Some(whole) = whole else { return finished(raw, unparsed(line)) };
    let country = whole.country.map_or("", |entry| entry.alpha2);
    let nothing = whole.street.number.is_empty()
        && whole.street.name.is_empty()
        && whole.street.po_box.is_empty();
    // A few words that are neither a street nor a place: a note to the postman, as a rule.
    let loose = line == whole.street.name
        && !street::has_type(&whole.street.name.split(' ').collect::<Vec<_>>());
    let mut value = with_street(Normalized::valid(line.as_str()), &whole.street)
        .with(Form::Ascii, ascii(&line))
        .with(Form::Postcode, whole.postcode)
        .with(Form::City, whole.city)
        .with(Form::Region, whole.region)
        .with(Form::Country, country)
        .with(Form::Script, unread_script(raw));
    if whole.is_bad_postcode {
        value = value.doubting(Issue::BadPostcode);
    }
    if loose {
        value = value.doubting(Issue::Malformed);
    }
    if nothing {
        value = value.noting(Issue::NoHouseNumber);
    }
    finished(raw, value)
}

/// Street, house number and unit of an address.
///
/// Forms: house number (`12a`, `12-14`), street (`main street`, `hauptstrasse`), unit (`floor 3 unit
/// b`), PO box (the number; `gpo 12` and `bag 12` are numbered apart), the same as
/// [`address`](fn@address) finds them in a whole line; canonical, `number street unit` for every
/// order that it was written in; ascii; and script.
///
/// Kinds of street, directions and saints are written out, ordinals up to `twelfth` become numbers,
/// all words for a dwelling (`Apt`, `Unit`, `#`, `Flat`, `Whg.`) become `unit`. `Straße` is one word
/// with the name before it, for it is written either way. Diacritics are dropped, and in German
/// streets `ae`, `oe`, `ue` are `a`, `o`, `u`.
///
/// Issues: as for an address.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, Form, street};
/// let anywhere = Context::default();
/// assert_eq!(street("Hauptstr. 12 a", &anywhere).canonical(), Some("12a hauptstrasse"));
/// assert_eq!(street("12 N. Main St, Apt 4B", &anywhere).form(Form::Unit), Some("unit 4b"));
/// ```
///
/// # References
/// USPS Publication 28; Australia Post and La Poste addressing guidelines; DIN 5008.
#[must_use]
pub fn street(raw: &str, context: &Context) -> Normalized {
    let words = match readable(raw) {
        Ok(words) => words,
        Err(value) => return finished(raw, value),
    };
    let country = context.region.as_deref();
    let (line, street) = settle(words, |words| {
        let mut parts = street::parts_of(words);
        street::part_notes(&mut parts);
        let street = street::parse(&parts, country);
        (street.line(), street)
    });
    let Some(street) = street else { return finished(raw, unparsed(line)) };
    let value = with_street(Normalized::valid(line.as_str()), &street)
        .with(Form::Ascii, ascii(&line))
        .with(Form::Script, unread_script(raw));
    finished(raw, value)
}

fn with_street(value: Normalized, street: &Street) -> Normalized {
    let value = value
        .with(Form::Unit, street.unit())
        .with(Form::HouseNumber, street.number.as_str())
        .with(Form::Street, street.name.as_str())
        .with(Form::PoBox, street.po_box.as_str());
    let unnumbered =
        street.number.is_empty() && street.po_box.is_empty() && !street.name.is_empty();
    if unnumbered { value.noting(Issue::NoHouseNumber) } else { value }
}

/// The words of a text that can be read as an address, else what it is instead.
fn readable(raw: &str) -> Result<String, Normalized> {
    if !raw.bytes().any(|byte| byte.is_ascii_graphic()) && clean(raw).is_empty() {
        return Err(Normalized::missing());
    }
    if raw.len() <= LONGEST && is_placeholder(raw) {
        return Err(Normalized::unusable(Issue::Placeholder));
    }
    let mut words = words_of(raw);
    if words.is_empty() {
        words = key_of(raw);
    }
    if words.is_empty() || !words.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        let folded = fold(raw);
        if !folded.chars().any(char::is_alphanumeric) {
            return Err(Normalized::unusable(Issue::NoContent));
        }
        return Err(Normalized::valid(folded).doubting(Issue::Malformed));
    }
    // Nobody's letters are that long: it is a note, or several addresses run together. What is kept
    // of it must be too long itself.
    let too_long = (words.len() > LONGEST).then(|| plain(&words));
    if let Some(kept) = too_long.filter(|kept| kept.len() > LONGEST) {
        return Err(Normalized::valid(kept.as_str())
            .with(Form::Ascii, ascii(&kept))
            .doubting(Issue::TooLong));
    }
    Ok(words)
}

/// Read `words` until what is read, written as a line, is read again to the same line.
///
/// So normalising is idempotent by construction. Real addresses settle at once; the few that never
/// do are kept as plain words, with `None` for their parts.
fn settle<T>(words: String, read: impl Fn(&str) -> (String, T)) -> (String, Option<T>) {
    let attempt = |start: &str| {
        let (mut line, parsed) = read(start);
        let mut first = Some(parsed);
        for _ in 0..6 {
            let words = words_of(&line);
            // What is written as it is read need not be read again.
            if let Some(parsed) = first.take().filter(|_| words == start) {
                return Some((line, parsed));
            }
            // Words written out can make a line too long to be read again.
            if words.len() > LONGEST || !words.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            let (next, parsed) = read(&words);
            if next == line {
                return Some((line, parsed));
            }
            line = next;
        }
        None
    };
    if let Some((line, parsed)) = attempt(&words) {
        return (line, Some(parsed));
    }
    // The parts of plain words may settle though those of the raw text do not.
    let plain = plain(&words);
    match attempt(&plain) {
        Some((line, parsed)) => (line, Some(parsed)),
        None => (plain, None),
    }
}

fn plain(words: &str) -> String {
    let mut plain = key_of(words);
    for _ in 0..4 {
        let next = key_of(&plain);
        if next == plain {
            break;
        }
        plain = next;
    }
    plain
}

fn unparsed(line: String) -> Normalized {
    let spelt = ascii(&line);
    Normalized::valid(line).with(Form::Ascii, spelt).doubting(Issue::Malformed)
}

fn finished(raw: &str, value: Normalized) -> Normalized {
    // What is left of odd text can be a word for nothing.
    if value.canonical().is_some_and(is_placeholder) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if has_invisible(raw) {
        return value.noting(Issue::ControlCharacters);
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_near_the_longest_is_its_own_canonical_form() {
        for text in ["dr! h, t[r0 n &d. ", "& caminonz\" h  & ", "12 N. St, ", "x,", "#,1 "] {
            for count in 1..LONGEST / 4 {
                let raw = text.repeat(count);
                for normalise in [address, street] {
                    let once = normalise(&raw, &Context::default());
                    let Some(canonical) = once.canonical() else { continue };
                    let twice = normalise(canonical, &Context::default());
                    assert_eq!(twice.canonical(), Some(canonical), "{count} times {text:?}");
                }
            }
        }
    }

    fn context() -> impl Strategy<Value = Context> {
        let regions = ["", "US", "GB", "AU", "CA", "DE", "AT", "FR", "NL", "ES", "IT", "BR", "PL"];
        prop::sample::select(regions.to_vec()).prop_map(|region| Context {
            region: (!region.is_empty()).then(|| region.to_owned()),
            ..Context::default()
        })
    }

    /// Lines of words that mean something, which plain noise seldom hits.
    fn line() -> impl Strategy<Value = String> {
        let words = [
            "12",
            "5",
            "12a",
            "3/27",
            "12-14",
            "51st",
            "St",
            "Street",
            "Ave",
            "Rd",
            "Main",
            "High",
            "N",
            "South",
            "SE",
            "Apt",
            "Unit",
            "#",
            "4B",
            "B",
            "Flat",
            "PO Box",
            "Postfach",
            "10 01 23",
            "Hauptstr.",
            "Straße",
            "Mühlen",
            "Calle",
            "de",
            "la",
            "rue",
            "bis",
            "3º",
            "izq",
            "piso",
            "OG",
            "EG",
            "Via",
            "Roma",
            "RM",
            "NV",
            "Las Vegas",
            "New York",
            "NY",
            "89132",
            "80331",
            "München",
            "SW1A 2AA",
            "London",
            "UK",
            "France",
            "Germany",
            "1015 CJ",
            "Amsterdam",
            "2000",
            "NSW",
            "Sydney",
            "c/o",
            "Floor",
            "2nd",
            "Highway",
            "Georgia",
            "CA",
            "DE",
            "IN",
            "Penthouse",
            "Saint",
            "Mt",
            "ul.",
            "n.º",
            "s/n",
            "Cedex",
            "Bldg",
            "D-10115",
            "Village",
            "Park",
            "II",
            "1/2",
            "Suite",
            "The",
        ];
        let separators = [" ", " ", " ", ", ", "\n", "-", " - ", ". ", "/"];
        prop::collection::vec(
            (prop::sample::select(words.to_vec()), prop::sample::select(separators.to_vec())),
            1..9,
        )
        .prop_map(|words| {
            words.into_iter().flat_map(|(word, separator)| [word, separator]).collect()
        })
    }

    fn check(raw: &str, context: &Context) -> std::result::Result<(), TestCaseError> {
        for normalise in [address, street] {
            let once = normalise(raw, context);
            if let Some(canonical) = once.canonical() {
                let twice = normalise(canonical, context);
                prop_assert_eq!(twice.canonical(), Some(canonical));
                prop_assert!(twice.status().is_usable());
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn normalising_an_address_twice_is_once(raw in line(), context in context()) {
            check(&raw, &context)?;
        }

        #[test]
        fn normalising_any_text_twice_is_once(raw in any::<String>(), context in context()) {
            check(&raw, &context)?;
        }

        #[test]
        fn a_street_in_its_own_column_is_the_street_of_the_line(
            number in 1..9999u32,
            name in prop::sample::select(vec!["Main St", "N Oak Ave", "Hoseason Crescent", "St Johns Rd", "Elm Street NW"]),
            unit in prop::sample::select(vec!["", " Apt 4B", ", Suite 900", " #12", ", 2nd Floor"]),
        ) {
            let own = format!("{number} {name}{unit}");
            let column = street(&own, &Context::default());
            let line = address(&format!("{own}, Springfield, IL 62704, USA"), &Context::default());
            for form in [Form::HouseNumber, Form::Street, Form::Unit, Form::PoBox] {
                prop_assert_eq!(column.form(form), line.form(form));
            }
            prop_assert_eq!(line.form(Form::City), Some("springfield"));
        }
    }

    #[test]
    fn letters_that_cannot_be_spelt_out_and_bare_marks_stay_what_they_are() {
        for raw in ["ª\u{113d7}", "\u{b83}Ⱥ", "\u{113d7}", "s/n # ", "\u{e000}", "º"] {
            check(raw, &Context::default()).expect(raw);
        }
    }

    #[test]
    fn a_huge_text_is_kept_as_words_and_doubted() {
        let value = address(&"12 Main St, ".repeat(10_000), &Context::default());
        assert!(value.issues().contains(Issue::TooLong) && value.status().is_usable());
    }
}
