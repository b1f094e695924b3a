//! What goes wrong between a person and a file, and how often.

use super::letters::{Folding, fold, mojibake};
use super::rng::Rng;

macro_rules! rates {
    ($(#[doc = $doc:literal] $name:ident = $value:literal;)*) => {
        /// How many in a thousand of the values concerned suffer each corruption.
        pub(super) struct Rates {
            $(#[doc = $doc] pub(super) $name: u32,)*
        }

        /// The rates in use.
        pub(super) const RATES: Rates = Rates { $($name: $value,)* };

        /// Name, rate and meaning of each, as printed by `generate --rates`.
        pub(super) const TABLE: &[(&str, u32, &str)] = &[$((stringify!($name), $value, $doc),)*];
    };
}

rates! {
    /// a neighbouring key is hit, per name, street or city
    keyboard = 12;
    /// two letters change places
    transposed = 9;
    /// a letter is left out
    dropped = 11;
    /// a letter is typed twice
    doubled = 6;
    /// a look-alike from scanned paper: `rn` for `m`, `0` for `O`
    ocr = 5;
    /// spelled as heard: `ph`/`f`, `ie`/`y`, `ck`/`k`, `tz`/`z`
    phonetic = 22;
    /// a short form instead of the given name (of names that have one)
    nickname = 110;
    /// the given name as an initial only
    initial = 30;
    /// the middle name or its initial is given too (of people who have one)
    middle = 160;
    /// given and family name in each other's place
    swapped = 14;
    /// no given name
    no_given = 18;
    /// one of two family names is left out (of people who have two)
    half_family = 280;
    /// a particle is shortened or joined: `vd Berg`, `Vandenberg` (of names with one)
    particle = 130;
    /// diacritics left out: `Muller` (of names with some)
    plain = 130;
    /// diacritics spelled out: `Mueller` (of names with some)
    spelled_out = 90;
    /// encoding broken: `MÃ¼ller` (of names with some)
    broken_encoding = 8;
    /// a title stands in the name field
    honorific = 22;
    /// `Jr.` or `Sr.` is left out (of people with one)
    no_suffix = 400;
    /// the name in capitals, or all in lower case
    letter_case = 60;
    /// spaces before, behind or twice within a value
    spaces = 25;
    /// a value stands in another's column
    wrong_column = 6;
    /// a word for nothing: `N/A`, `unknown`, `test@test.com`, `000-000`, 1900-01-01
    placeholder = 12;
    /// a typing error in the part of an e-mail address before the @
    email_typo = 18;
    /// a mistyped domain: `gmial.com`
    email_domain_typo = 9;
    /// an address without @ or without its end
    email_broken = 4;
    /// capitals in an e-mail address
    email_case = 70;
    /// a plus tag: `anna+shop@gmail.com` (gmail and outlook)
    email_tag = 25;
    /// dots set differently (gmail)
    email_dots = 35;
    /// `info@` or the like, shared by many
    email_shared = 6;
    /// a digit of a phone number is wrong
    phone_typo = 14;
    /// two digits of a phone number change places
    phone_transposed = 6;
    /// an extension behind the number
    phone_extension = 6;
    /// the number of a call centre or a reception, shared by many
    phone_shared = 6;
    /// month and day change places (where both are valid)
    birth_swapped = 14;
    /// one digit of the birth date is off
    birth_digit = 14;
    /// only the year is known: 1 January
    birth_year_only = 6;
    /// the street's type is abbreviated
    street_short = 380;
    /// the house number is missing
    no_house = 18;
    /// the flat is missing (of homes with one)
    no_flat = 350;
    /// a digit of the postcode is wrong
    postcode_typo = 12;
    /// another name of the city: `Munich` (of cities with one)
    city_form = 160;
    /// the country is missing or spelled out, in files with such a column
    country_form = 250;
}

/// Words that mean nothing is known.
pub(super) const NOTHING: &[&str] = &["N/A", "unknown", "n/a", "-", "none", "xxx", "NULL", "?"];

/// Numbers that no one has.
pub(super) const NO_PHONE: &[&str] =
    &["000-000", "0000000000", "1234567890", "9999999999", "n/a", "0"];

/// Addresses that no one reads.
pub(super) const NO_EMAIL: &[&str] =
    &["test@test.com", "noemail@noemail.com", "none@none.com", "n/a", "a@a.com", "no@email"];

/// One way to get a text wrong; `None` where the text offers no place for it.
type Slip = fn(&mut Rng, &str) -> Option<String>;

/// `text` with the slips of a typist, a scanner or a listener, each at its rate.
pub(super) fn slips(rng: &mut Rng, text: &mut String) {
    let slips: [(u32, Slip); 6] = [
        (RATES.keyboard, neighbouring_key),
        (RATES.transposed, transposed),
        (RATES.dropped, dropped),
        (RATES.doubled, doubled),
        (RATES.ocr, ocr),
        (RATES.phonetic, phonetic),
    ];
    for (rate, slip) in slips {
        if rng.chance(rate)
            && let Some(changed) = slip(rng, text)
        {
            *text = changed;
        }
    }
}

/// A letter next to the one meant, on a QWERTY keyboard; Latin letters only.
pub(super) fn neighbouring_key(rng: &mut Rng, text: &str) -> Option<String> {
    const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
    let mut letters: Vec<char> = text.chars().collect();
    let at = inner(rng, &letters)?;
    let typed = letters[at].to_ascii_lowercase();
    let row = ROWS.iter().find(|row| row.contains(typed))?;
    let place = row.find(typed)?;
    let aside = if place == 0 || (place + 1 < row.len() && rng.chance(500)) {
        place + 1
    } else {
        place - 1
    };
    letters[at] = char::from(row.as_bytes()[aside]);
    Some(letters.into_iter().collect())
}

/// Two letters in each other's place.
pub(super) fn transposed(rng: &mut Rng, text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let at = inner(rng, &letters)?;
    let other = if at + 1 < letters.len() { at + 1 } else { at - 1 };
    letters.swap(at, other);
    Some(letters.into_iter().collect())
}

fn dropped(rng: &mut Rng, text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let at = inner(rng, &letters)?;
    letters.remove(at);
    Some(letters.into_iter().collect())
}

fn doubled(rng: &mut Rng, text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    let at = inner(rng, &letters)?;
    letters.insert(at, letters[at]);
    Some(letters.into_iter().collect())
}

fn ocr(rng: &mut Rng, text: &str) -> Option<String> {
    let pairs = [
        ("m", "rn"),
        ("rn", "m"),
        ("O", "0"),
        ("l", "1"),
        ("cl", "d"),
        ("S", "5"),
        ("B", "8"),
        ("h", "b"),
        ("e", "c"),
    ];
    replaced(rng, text, &pairs)
}

fn phonetic(rng: &mut Rng, text: &str) -> Option<String> {
    let pairs = [
        ("ph", "f"),
        ("ck", "k"),
        ("ie", "y"),
        ("y", "ie"),
        ("tz", "z"),
        ("ei", "ai"),
        ("ai", "ei"),
        ("th", "t"),
        ("c", "k"),
        ("k", "c"),
        ("ll", "l"),
        ("nn", "n"),
        ("tt", "t"),
        ("ss", "s"),
        ("mm", "m"),
        ("v", "w"),
        ("w", "v"),
        ("z", "s"),
        ("sch", "sh"),
        ("ou", "u"),
        ("eau", "o"),
        ("dt", "t"),
        ("ea", "ee"),
        ("i", "y"),
        ("s", "z"),
        ("d", "t"),
        ("b", "p"),
    ];
    replaced(rng, text, &pairs)
}

/// `text` with one of those pairs replaced whose left side occurs behind the first letter.
fn replaced(rng: &mut Rng, text: &str, pairs: &[(&str, &str)]) -> Option<String> {
    let start = text.chars().next()?.len_utf8();
    let (first, rest) = text.split_at(start);
    let fitting = pairs.iter().filter(|(from, _)| rest.contains(from)).count();
    let chosen = rng.index(fitting);
    let (from, to) = pairs.iter().filter(|(from, _)| rest.contains(from)).nth(chosen)?;
    Some(format!("{first}{}", rest.replacen(from, to, 1)))
}

/// The place of a letter behind the first one; slips at the front are rare and left out.
fn inner(rng: &mut Rng, letters: &[char]) -> Option<usize> {
    let places = (1..letters.len()).filter(|&at| letters[at].is_alphabetic());
    let chosen = rng.index(places.clone().count());
    places.clone().nth(chosen)
}

/// `digits` with one digit replaced by another.
pub(super) fn wrong_digit(rng: &mut Rng, digits: &str) -> String {
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    let (chosen, added) = (rng.index(count), 1 + rng.below(9) as u8);
    let mut seen = 0;
    digits
        .chars()
        .map(|sign| {
            let Some(digit) = sign.to_digit(10) else { return sign };
            seen += 1;
            if seen == chosen + 1 { char::from(b'0' + (digit as u8 + added) % 10) } else { sign }
        })
        .collect()
}

/// `digits` with two neighbours behind the first three in each other's place.
pub(super) fn swapped_digits(rng: &mut Rng, digits: &str) -> String {
    let mut bytes: Vec<char> = digits.chars().collect();
    if bytes.len() > 5 {
        let at = 3 + rng.index(bytes.len() - 4);
        bytes.swap(at, at + 1);
    }
    bytes.into_iter().collect()
}

/// How one record writes letters with marks; the same for all of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    Kept,
    Folded(Folding),
    Broken,
}

impl Marks {
    /// The way of a record, at the rates.
    pub(super) fn draw(rng: &mut Rng, german: bool) -> Self {
        match rng.below(1000) as u32 {
            drawn if drawn < RATES.broken_encoding => Self::Broken,
            drawn if drawn < RATES.broken_encoding + RATES.plain => Self::Folded(Folding::Plain),
            drawn if german && drawn < RATES.broken_encoding + RATES.plain + RATES.spelled_out => {
                Self::Folded(Folding::SpelledOut)
            }
            _ => Self::Kept,
        }
    }

    /// `text` written in this way.
    pub(super) fn apply(self, text: &mut String) {
        if text.is_ascii() {
            return;
        }
        match self {
            Self::Kept => {}
            Self::Folded(folding) => *text = fold(text, folding),
            Self::Broken => *text = mojibake(text),
        }
    }
}

/// A family name with its particle shortened, joined or capitalised.
pub(super) fn particle(rng: &mut Rng, family: &str) -> Option<String> {
    const PARTICLES: &[(&str, &str, &str)] = &[
        ("van den ", "v.d. ", "Vanden"),
        ("van der ", "vd ", "Vander"),
        ("van de ", "v.d. ", "Vande"),
        ("van ", "v. ", "Van"),
        ("de la ", "De La ", "Dela"),
        ("von der ", "v.d. ", "Vonder"),
        ("von ", "v. ", "Von "),
        ("de ", "De ", "De"),
        ("De ", "de ", "De"),
        ("Di ", "di ", "Di"),
        ("El ", "Al ", "El"),
        ("ter ", "Ter ", "Ter"),
        ("del ", "Del ", "Del"),
        ("Le ", "le ", "Le"),
    ];
    let (particle, short, joined) =
        PARTICLES.iter().find(|(particle, ..)| family.starts_with(particle))?;
    let rest = &family[particle.len()..];
    Some(match rng.below(3) {
        0 => format!("{short}{rest}"),
        1 => format!("{joined}{}", rest.to_lowercase()),
        // Sorted by the main name, as in Dutch and German lists.
        _ => format!("{rest}, {}", particle.trim_end()),
    })
}

/// How a value is written that is not in title case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LetterCase {
    Upper,
    Lower,
}

impl LetterCase {
    /// `text` in this case throughout.
    pub(super) fn apply(self, text: &mut String) {
        *text = match self {
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
        };
    }
}

/// A value with spaces where they do not belong.
pub(super) fn spaces(rng: &mut Rng, text: &mut String) {
    match rng.below(4) {
        0 => text.insert(0, ' '),
        1 if text.contains(' ') => *text = text.replacen(' ', "  ", 1),
        _ => text.push(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_cope_with_short_empty_and_foreign_text() {
        let mut rng = Rng::new(9, 9);
        for text in ["", "A", "Li", "李", "Ян", "O'Brien", "1 2 3"] {
            for _ in 0..300 {
                let mut slipped = text.to_owned();
                slips(&mut rng, &mut slipped);
                neighbouring_key(&mut rng, text);
                transposed(&mut rng, text);
                wrong_digit(&mut rng, text);
                swapped_digits(&mut rng, text);
                particle(&mut rng, text);
                spaces(&mut rng, &mut slipped);
            }
        }
    }

    #[test]
    fn a_wrong_digit_is_one_other_digit() {
        let mut rng = Rng::new(8, 8);
        for _ in 0..100 {
            let wrong = wrong_digit(&mut rng, "12-34");
            let differing = wrong.chars().zip("12-34".chars()).filter(|(l, r)| l != r).count();
            assert_eq!(differing, 1, "{wrong}");
        }
    }

    #[test]
    fn particles_are_shortened_joined_or_moved() {
        let mut rng = Rng::new(6, 6);
        for _ in 0..20 {
            let changed = particle(&mut rng, "van den Berg").unwrap_or_default();
            assert!(
                ["v.d. Berg", "Vandenberg", "Berg, van den"].contains(&changed.as_str()),
                "{changed}"
            );
        }
        assert_eq!(particle(&mut rng, "Smith"), None);
    }
}
