//! What values look like, without their column's name.
//!
//! Cheap shapes only: they tell a column's kind from many values, they do not validate one.

use std::collections::HashSet;

use super::people::{is_given_name, is_honorific, is_organisation, is_person, is_whole_person};
use crate::normalize;

/// How many values of a sample look like what.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    /// Values looked at; all of them filled.
    pub(super) filled: usize,
    pub(super) distinct: usize,
    email: usize,
    url: usize,
    phone: usize,
    /// Digits alone, as many as a phone number has that is written without its country.
    bare_phone: usize,
    date: usize,
    year: usize,
    /// Whether the years that stand alone are spread as those in which people are born.
    spreads: bool,
    iban: usize,
    postcode: usize,
    number: usize,
    geo: usize,
    honorific: usize,
    person: usize,
    given_name: usize,
    whole_person: usize,
    organisation: usize,
    street: usize,
    whole_address: usize,
    /// The share of regions of one country among some of the values.
    region: f64,
    one_word: usize,
    /// By length, how many values are digits and nothing else; of the longer ones together.
    digits_of_length: [usize; 8],
    has_digit: usize,
    digits_only: usize,
    epoch: usize,
    mean_length: usize,
}

impl Profile {
    pub(super) fn of<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut profile = Self::default();
        let mut distinct = HashSet::new();
        let (mut length, mut years, mut words) = (0, Vec::new(), Vec::new());
        for value in values {
            let value = value.trim();
            if value.is_empty() || profile.filled == MAX_VALUES {
                continue;
            }
            profile.filled += 1;
            length += value.chars().take(10_000).count();
            distinct.insert(value);
            // Nothing below is longer, and a shape is seen in what is short.
            if value.len() > 300 {
                continue;
            }
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            profile.has_digit += usize::from(digits > 0);
            profile.digits_only += usize::from(digits == value.len());
            if digits == value.len() {
                profile.digits_of_length[digits.min(7)] += 1;
            }
            profile.one_word += usize::from(!value.contains(char::is_whitespace));
            profile.epoch += usize::from(
                digits == value.len() && matches!(digits, 10 | 13) && value.starts_with('1'),
            );
            profile.email += usize::from(is_email(value));
            profile.url += usize::from(is_url(value));
            // None of these goes without.
            if digits > 0 {
                let date = is_date(value);
                profile.date += usize::from(date);
                years.extend(year(value).filter(|_| !date));
                let phone = !date && is_phone(value);
                profile.phone += usize::from(phone);
                let bare = digits == value.len() && (8..=13).contains(&digits);
                profile.bare_phone += usize::from(bare && !date && !phone);
                profile.iban += usize::from(is_iban(value));
                profile.postcode += usize::from(is_lettered_postcode(value));
                profile.number += usize::from(is_number(value));
                profile.geo += usize::from(is_geo(value));
                profile.whole_address += usize::from(is_whole_address(value));
            }
            if words.len() < MAX_REGIONS {
                words.push(value);
            }
            let ascii = normalize::ascii(value);
            profile.street += usize::from(digits > 0 && normalize::has_street_word(&ascii));
            profile.honorific += usize::from(is_honorific(&ascii));
            let organisation = is_organisation(value, &ascii);
            profile.organisation += usize::from(organisation);
            if !organisation && digits == 0 {
                profile.person += usize::from(is_person(&ascii));
                profile.given_name += usize::from(is_given_name(&ascii));
                profile.whole_person += usize::from(is_whole_person(&ascii));
            }
        }
        profile.distinct = distinct.len();
        profile.year = years.len();
        profile.spreads = are_of_lives(years);
        profile.region = share_of_regions(words);
        profile.mean_length = length.checked_div(profile.filled).unwrap_or(0);
        profile
    }

    fn share(&self, count: usize) -> f64 {
        if self.filled == 0 { 0.0 } else { count as f64 / self.filled as f64 }
    }

    pub(super) fn email(&self) -> f64 {
        self.share(self.email)
    }

    pub(super) fn url(&self) -> f64 {
        self.share(self.url)
    }

    /// Phone numbers; where most show that they are some, those without a sign or a space as well.
    pub(super) fn phone(&self) -> f64 {
        let bare = if self.phone > self.bare_phone { self.bare_phone } else { 0 };
        self.share(self.phone + bare)
    }

    /// Dates; where most are whole ones, years alone as well.
    pub(super) fn date(&self) -> f64 {
        let years = if self.date > self.year { self.year } else { 0 };
        self.share(self.date + years)
    }

    /// Years alone that are spread as those in which people are born.
    pub(super) fn year_of_birth(&self) -> f64 {
        if self.spreads { self.share(self.year) } else { 0.0 }
    }

    /// Regions of one country.
    pub(super) fn region(&self) -> f64 {
        self.region
    }

    pub(super) fn iban(&self) -> f64 {
        self.share(self.iban)
    }

    pub(super) fn postcode(&self) -> f64 {
        self.share(self.postcode)
    }

    pub(super) fn number(&self) -> f64 {
        self.share(self.number)
    }

    pub(super) fn geo(&self) -> f64 {
        self.share(self.geo)
    }

    pub(super) fn honorific(&self) -> f64 {
        self.share(self.honorific)
    }

    pub(super) fn person(&self) -> f64 {
        self.share(self.person)
    }

    /// Given names, and nothing but them.
    pub(super) fn given_name(&self) -> f64 {
        self.share(self.given_name)
    }

    /// Several words that name a person, a given name among them.
    pub(super) fn whole_person(&self) -> f64 {
        self.share(self.whole_person)
    }

    pub(super) fn one_word(&self) -> f64 {
        self.share(self.one_word)
    }

    /// Texts with a number and a kind of street.
    pub(super) fn street(&self) -> f64 {
        self.share(self.street)
    }

    /// Digits of one length, that of postcodes.
    pub(super) fn digits_as_of_postcodes(&self) -> f64 {
        self.share(self.digits_of_length[4..7].iter().copied().max().unwrap_or(0))
    }

    pub(super) fn organisation(&self) -> f64 {
        self.share(self.organisation)
    }

    pub(super) fn whole_address(&self) -> f64 {
        self.share(self.whole_address)
    }

    pub(super) fn has_digit(&self) -> f64 {
        self.share(self.has_digit)
    }

    pub(super) fn digits_only(&self) -> f64 {
        self.share(self.digits_only)
    }

    /// Whether the values can be read as moments.
    pub(super) fn is_time(&self) -> bool {
        self.filled == 0 || self.share(self.date + self.epoch) >= 0.8
    }

    /// Whether every value differs from every other.
    pub(super) fn is_distinct(&self) -> bool {
        self.distinct == self.filled
    }

    /// Whether a few values occur over and over.
    pub(super) fn is_category(&self) -> bool {
        self.filled >= 20 && self.distinct * 10 <= self.filled.max(200) && self.mean_length <= 40
            || self.filled >= 4 && self.distinct * 4 <= self.filled && self.mean_length <= 30
    }

    /// Characters a value, on average.
    pub(super) fn mean_length(&self) -> usize {
        self.mean_length
    }
}

/// How many values are looked at.
pub(super) const MAX_VALUES: usize = 1000;

/// How many of them may be regions, and of how many that differ.
const MAX_REGIONS: usize = 200;
const MAX_DISTINCT_REGIONS: usize = 100;

/// The share of regions of one country among these.
fn share_of_regions(mut values: Vec<&str>) -> f64 {
    values.sort_unstable();
    let distinct: Vec<(&str, usize)> =
        values.chunk_by(|one, two| one == two).map(|same| (same[0], same.len())).collect();
    if distinct.is_empty() || distinct.len() > MAX_DISTINCT_REGIONS {
        return 0.0;
    }
    normalize::most_of_one_country(distinct.into_iter()) as f64 / values.len() as f64
}

fn is_email(value: &str) -> bool {
    let value = value.trim_start_matches("mailto:").trim_matches(['<', '>']);
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    let last = domain.rsplit('.').next().unwrap_or("");
    !local.is_empty()
        && !local.contains(char::is_whitespace)
        && domain.contains('.')
        && last.chars().count() >= 2
        && !domain.contains(char::is_whitespace)
        && !last.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_url(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if lower.contains(char::is_whitespace) || lower.contains('@') {
        return false;
    }
    if lower.starts_with("http://") || lower.starts_with("https://") || lower.starts_with("www.") {
        return lower.contains('.');
    }
    let host = lower.split(['/', '?', '#']).next().unwrap_or("");
    let mut labels = host.split('.');
    let top = labels.next_back().unwrap_or("");
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // File names have the shape of hosts.
    let is_file = matches!(top, "csv" | "txt" | "pdf" | "xls" | "xlsx" | "doc" | "json" | "xml");
    host.contains('.')
        && !is_file
        && (2..=12).contains(&top.len())
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && labels.all(is_label)
        && host.bytes().filter(u8::is_ascii_alphabetic).count() >= 5
}

fn is_phone(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let number = lower.split(['x', 'e', '#']).next().unwrap_or("").trim();
    let number = number.trim_start_matches("tel").trim_start_matches([':', '.', ' ']);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let is_sign = |c: char| matches!(c, '+' | '(' | ')' | '-' | '.' | '/' | ' ' | '\u{a0}');
    let shaped = number.chars().all(|c| c.is_ascii_digit() || is_sign(c));
    let separated = number.bytes().any(|byte| matches!(byte, b'(' | b'-' | b'/' | b' '))
        || number.bytes().filter(|byte| *byte == b'.').count() >= 2;
    shaped
        && (7..=15).contains(&digits)
        && (number.starts_with('+')
            || separated && digits >= 7
            || number.starts_with('0') && digits >= 9)
}

fn is_date(value: &str) -> bool {
    let day = value.split(['T', ' ']).next().unwrap_or("");
    let number = |text: &str, from: u32, to: u32| {
        text.len() <= 4
            && !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse().is_ok_and(|number: u32| (from..=to).contains(&number))
    };
    if day.len() == 8 && day == value && day.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(&day[..4], 1850, 2100)
            && number(&day[4..6], 1, 12)
            && number(&day[6..], 1, 31);
    }
    for separator in ['-', '/', '.'] {
        let parts: Vec<&str> = day.split(separator).collect();
        if let [first, second, third] = parts[..] {
            let year_first = first.len() == 4
                && number(first, 1800, 2200)
                && number(second, 1, 12)
                && number(third, 1, 31);
            let year_last = (third.len() == 4 && number(third, 1800, 2200) || third.len() == 2)
                && number(third, 0, 2200)
                && number(first, 1, 31)
                && number(second, 1, 31)
                && (number(first, 1, 12) || number(second, 1, 12));
            if year_first || year_last {
                return true;
            }
        }
    }
    // 12 March 2001, Mar 12, 2001, 12-mars-2001
    let words: Vec<&str> =
        value.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    const MONTHS: &[&str] = &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mai",
        "okt", "dez", "fev", "avr", "jui", "aou", "ene", "abr", "ago", "dic", "gen", "mag", "giu",
        "lug", "set", "ott", "mei", "maa", "out", "mrt", "mae",
    ];
    (2..=4).contains(&words.len())
        && words.iter().any(|word| number(word, 1500, 2200) && word.len() == 4)
        && words.iter().any(|word| {
            let lower = normalize::ascii(word);
            lower.len() <= 10 && lower.get(..3).is_some_and(|start| MONTHS.contains(&start))
        })
        && words.iter().filter(|word| number(word, 0, 2200)).count() + 1 == words.len()
}

/// A year of the last centuries, alone or as somebody guesses it: `c. 1826`, `abt 1826`.
fn year(value: &str) -> Option<u16> {
    const LIMITS: [&str; 3] = ["", "bef", "aft"];
    let (before, year) = value.split_at_checked(value.len().saturating_sub(4))?;
    let before = before.trim_end_matches([' ', '.', '~']);
    let year = year.parse().ok().filter(|year| (1500..=2100).contains(year))?;
    let is_alone = LIMITS.iter().any(|limit| before.eq_ignore_ascii_case(limit));
    (is_alone || normalize::is_about(before)).then_some(year)
}

/// Whether most of these years are of some generations and no more, and not of those to come, as numbers
/// of houses and postcodes of four digits would be.
fn are_of_lives(mut years: Vec<u16>) -> bool {
    const FEWEST: usize = 10;
    years.sort_unstable();
    let at = |tenths: usize| years[(years.len() - 1) * tenths / 10];
    years.len() >= FEWEST && (20..=110).contains(&(at(9) - at(1))) && at(9) <= 2030
}

fn is_iban(value: &str) -> bool {
    let bare: Vec<u8> = value.bytes().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&bare.len())
        || !bare[..2].iter().all(u8::is_ascii_alphabetic)
        || !bare[2..4].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let rotated = bare[4..].iter().chain(&bare[..4]);
    let remainder = rotated.into_iter().try_fold(0_u32, |remainder, byte| {
        let digit = (*byte as char).to_digit(36)?;
        let shift = if digit > 9 { 100 } else { 10 };
        Some((remainder * shift + digit) % 97)
    });
    remainder == Some(1)
}

/// Postcodes that cannot be taken for a plain number: GB, CA, NL, PL, PT, BR, JP, US with four
/// more digits.
fn is_lettered_postcode(value: &str) -> bool {
    let shape: String = value
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| match c {
            '0'..='9' => '9',
            'a'..='z' | 'A'..='Z' => 'A',
            other => other,
        })
        .collect();
    matches!(
        shape.as_str(),
        "A9A9A9"
            | "A99AA"
            | "A999AA"
            | "A9A9AA"
            | "AA99AA"
            | "AA999AA"
            | "AA9A9AA"
            | "9999AA"
            | "99-999"
            | "9999-999"
            | "99999-999"
            | "999-9999"
            | "99999-9999"
    )
}

fn is_number(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    // A leading zero means a code, not a quantity.
    let bare = value.trim_start_matches(['-', '+', '€', '$', '£', ' ']);
    let coded = bare.len() > 1 && bare.starts_with('0') && !bare.starts_with("0.");
    digits > 0
        && !coded
        && bare
            .trim_end_matches(['%', '€', '$', '£', ' '])
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
}

fn is_geo(value: &str) -> bool {
    let parts: Vec<&str> = value.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    let degrees = |text: &str, most: f64| {
        text.contains('.') && text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= most)
    };
    matches!(parts[..], [latitude, longitude] if degrees(latitude, 90.0) && degrees(longitude, 180.0))
}

/// A street and a place on one line: a number, a word, and a comma or postcode between more words.
fn is_whole_address(value: &str) -> bool {
    let words = value.split_whitespace().count();
    let long_numbers = value
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| (4..=6).contains(&digits.len()))
        .count();
    value.bytes().any(|byte| byte.is_ascii_digit())
        && words >= 3
        && (value.contains(',') || long_numbers > 0 && words >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_seen_and_not_confused() {
        for (value, shape) in [
            ("a.b+c@example.co.uk", "email"),
            ("www.example.org", "url"),
            ("example.com/about", "url"),
            ("+49 30 1234567", "phone"),
            ("310/246-1501", "phone"),
            ("(02) 9999 1234", "phone"),
            ("07911123456", "phone"),
            ("1971-06-24", "date"),
            ("19560409", "date"),
            ("3/31/1954", "date"),
            ("31.12.99", "date"),
            ("12 März 2001", "date"),
            ("2024-05-01T12:30:00Z", "date"),
            ("DE89 3704 0044 0532 0130 00", "iban"),
            ("SW1A 1AA", "postcode"),
            ("48.8584, 2.2945", "geo"),
            ("12.50", "none"),
            ("rec-17-org", "none"),
            ("scrape.csv", "none"),
            ("Robert", "none"),
            ("7 Main Street", "none"),
        ] {
            let profile = Profile::of([value]);
            let seen: Vec<&str> = [
                ("email", profile.email()),
                ("url", profile.url()),
                ("phone", profile.phone()),
                ("date", profile.date()),
                ("iban", profile.iban()),
                ("postcode", profile.postcode()),
                ("geo", profile.geo()),
            ]
            .into_iter()
            .filter(|(_, share)| *share > 0.0)
            .map(|(name, _)| name)
            .collect();
            let expected: Vec<&str> = [shape].into_iter().filter(|s| *s != "none").collect();
            assert_eq!(seen, expected, "{value}");
        }
    }

    #[test]
    fn years_are_dates_among_whole_ones() {
        let shares = |values: &[&str]| Profile::of(values.iter().copied()).date();
        assert_eq!(shares(&["23 Feb 1798", "Feb 1798", "c. 1826", "abt 1826", "1826"]), 0.4);
        assert_eq!(shares(&["23 Feb 1798", "Feb 1798", "2 May 1798", "c. 1826", "1826"]), 1.0);
        assert_eq!(shares(&["23 Feb 1798", "May 1801", "Room 1826", "12345", "é826"]), 0.4);
        assert_eq!(shares(&["1798", "1826"]), 0.0);
    }

    #[test]
    fn years_alone_are_of_births_where_they_are_spread_over_some_generations() {
        let share = |years: &[u16]| {
            let texts: Vec<String> = years.iter().map(u16::to_string).collect();
            Profile::of(texts.iter().map(String::as_str)).year_of_birth()
        };
        let spread =
            |first: u16, step: u16| -> Vec<u16> { (0..20).map(|n| first + n * step).collect() };
        assert_eq!(share(&spread(1931, 4)), 1.0);
        assert_eq!(share(&spread(1798, 3)), 1.0);
        // The last few years, postcodes, numbers, and too few to tell.
        for others in
            [&spread(2005, 1)[..], &spread(2000, 5), &spread(1500, 30), &spread(1950, 8)[..8]]
        {
            assert_eq!(share(others), 0.0, "{others:?}");
        }
    }

    #[test]
    fn digits_alone_are_phone_numbers_among_such_as_show_it() {
        let share = |values: &[&str]| Profile::of(values.iter().copied()).phone();
        assert_eq!(share(&["212.558.2764", "(212) 711-7165", "5134403183"]), 1.0);
        assert_eq!(share(&["212.558.2764", "2146004365", "5134403183"]), 1.0 / 3.0);
        assert_eq!(share(&["212.558.2764", "(212) 711-7165", "314732"]), 2.0 / 3.0);
    }

    #[test]
    fn regions_are_of_one_country() {
        let share = |values: &[&str]| Profile::of(values.iter().copied()).region();
        assert_eq!(share(&["NY", "Ohio", "calif.", "TX", "lA"]), 1.0);
        assert_eq!(share(&["Bayern", "Hessen", "NRW", "Berlin"]), 1.0);
        // Codes of countries are those of regions elsewhere: Delaware, Fribourg, Newfoundland.
        assert!(share(&["DE", "FR", "NL", "GB", "PL", "AT"]) < 0.5);
    }
}
