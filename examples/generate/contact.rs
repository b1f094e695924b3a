//! Phone numbers and e-mail addresses that no two people of one population share by chance.

use super::country::Country;
use super::letters::{Folding, slug};
use super::locale::Locale;
use super::rng::{Rng, mix};

/// What was handed out before: a Bloom filter, so memory stays small however many people there are.
/// It never forgets; now and then it takes a new value for a known one, which only costs a redraw.
///
/// # References
/// Bloom (1970), Space/Time Trade-offs in Hash Coding with Allowable Errors, CACM 13(7).
pub(super) struct Taken {
    bits: Vec<u64>,
}

impl Taken {
    /// Room for the values of `records` records, at 16 bits each.
    pub(super) fn new(records: u64) -> Self {
        let words = (records / 4).next_power_of_two().clamp(1 << 10, 1 << 26);
        Self { bits: vec![0; words as usize] }
    }

    /// Take `value`; false if it was taken.
    pub(super) fn take(&mut self, value: &str) -> bool {
        let hash = value.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let (first, step) = (mix(hash), mix(hash ^ 0x5EED) | 1);
        let mut new = false;
        for turn in 0..4_u64 {
            let bit = first.wrapping_add(step.wrapping_mul(turn)) % (self.bits.len() as u64 * 64);
            let mask = 1 << (bit % 64);
            let word = &mut self.bits[(bit / 64) as usize];
            new |= *word & mask == 0;
            *word |= mask;
        }
        new
    }
}

/// A phone number: its country and the digits behind the country code.
#[derive(Debug, Clone)]
pub(super) struct Phone {
    pub(super) dial: &'static str,
    trunk: &'static str,
    pub(super) national: String,
    /// Digits of the area or network code.
    area_len: usize,
}

impl Phone {
    /// A mobile number of `country`; where mobiles have no prefix of their own, one of `area`.
    pub(super) fn mobile(
        rng: &mut Rng,
        country: &'static Country,
        area: &str,
        taken: &mut Taken,
    ) -> Self {
        if country.mobile_prefixes.is_empty() {
            return Self::landline(rng, country, area, taken);
        }
        let prefix = *rng.pick(country.mobile_prefixes);
        let mut phone = Self::draw(rng, country, prefix, country.mobile_len, taken);
        // A Chinese mobile number is dialled as it is.
        if country.dial == "86" {
            phone.trunk = "";
        }
        phone
    }

    /// A land-line number of `area` in `country`.
    pub(super) fn landline(
        rng: &mut Rng,
        country: &'static Country,
        area: &str,
        taken: &mut Taken,
    ) -> Self {
        let len = match (country.dial, area.len()) {
            ("49", area_len) => country.landline_len.max(area_len + 6),
            ("86", area_len) => area_len + 8,
            ("20", 1) if area != "2" => country.landline_len - 1,
            _ => country.landline_len,
        };
        Self::draw(rng, country, area, len, taken)
    }

    fn draw(
        rng: &mut Rng,
        country: &'static Country,
        prefix: &str,
        len: usize,
        taken: &mut Taken,
    ) -> Self {
        // A space that is used up repeats numbers rather than searching for ever.
        for attempt in 0.. {
            let mut national = prefix.to_owned();
            // Subscriber numbers do not start with 0 or 1, the prefixes of trunk and service calls.
            national.push(char::from(b'2' + rng.below(5) as u8));
            while national.len() < len {
                let digit = char::from(b'0' + rng.below(10) as u8);
                // North America keeps N11 for services.
                let service = country.dial == "1" && national.len() < 6 && digit == '1';
                national.push(if service { '3' } else { digit });
            }
            if attempt == 100 || taken.take(&format!("+{}{national}", country.dial)) {
                let area_len = prefix.len().clamp(2, 3).min(len);
                return Self { dial: country.dial, trunk: country.trunk, national, area_len };
            }
        }
        unreachable!("the loop ends at its hundredth attempt")
    }

    /// One of the numbers that many people gave, such as a call centre's.
    pub(super) fn shared(country: &'static Country, number: u64) -> Self {
        let prefix = country.mobile_prefixes.first().copied().unwrap_or("800");
        let national =
            format!("{prefix}{:0>1$}", 5_550_100 + number, country.mobile_len - prefix.len());
        Self { dial: country.dial, trunk: country.trunk, national, area_len: 3 }
    }

    /// The number in E.164: `+493012345678`.
    pub(super) fn e164(&self) -> String {
        format!("+{}{}", self.dial, self.national)
    }

    /// The number in one of the shapes that people and systems write, mostly national ones.
    pub(super) fn written(&self, rng: &mut Rng) -> String {
        let (area, rest) = self.national.split_at(self.area_len.min(self.national.len()));
        let (trunk, dial) = (self.trunk, self.dial);
        let (first, last) = rest.split_at(rest.len().saturating_sub(4));
        match rng.below(10) {
            0 | 1 => self.e164(),
            2 => format!("+{dial} {area} {first} {last}"),
            3 => format!("00{dial}{}", self.national),
            4 if dial == "1" => format!("({area}) {first}-{last}"),
            4 if trunk.is_empty() => format!("(+{dial}) {area} {rest}"),
            4 => format!("+{dial} ({trunk}) {area} {rest}"),
            5 if dial == "1" => format!("{area}.{first}.{last}"),
            5 => format!("{trunk}{area}/{rest}"),
            6 if dial == "1" => format!("1-{area}-{first}-{last}"),
            6 => format!("{trunk}{area}-{rest}"),
            7 => format!("{trunk}{area} {first} {last}"),
            8 if dial == "33" => pairs(&format!("{trunk}{}", self.national)),
            _ => format!("{trunk}{}", self.national),
        }
    }
}

/// `0612345678` as `06 12 34 56 78`.
fn pairs(digits: &str) -> String {
    let mut spaced = String::with_capacity(digits.len() * 3 / 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 2 == 0 {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

/// Employers and associations with mailboxes of their own, below domains reserved for examples.
const EMPLOYERS: &[&str] = &[
    "northwind",
    "meridian",
    "bluepeak",
    "silverline",
    "acorn-logistics",
    "brightwater",
    "castell-bau",
    "delta-medien",
    "eastgate",
    "ferrum",
    "grandis",
    "harbourview",
    "ionic-labs",
    "juniper-foods",
    "kestrel",
    "lumen",
    "montblanc-voyages",
    "novatech",
    "orchard-press",
    "pallas",
    "quanta",
    "rivoli",
    "stadtwerke-muster",
    "tulipan",
    "union-textil",
    "vesta",
    "westermann-partner",
    "xenon-optics",
    "ypsilon",
    "zephyr",
];

/// An e-mail address that no one else of the population has, built from a name as people do.
pub(super) fn email(
    rng: &mut Rng,
    locale: &Locale,
    given: &str,
    family: &str,
    birth_year: i32,
    taken: &mut Taken,
) -> String {
    let folding = if locale.country.dial == "49" { Folding::SpelledOut } else { Folding::Plain };
    let nickname = locale.nicknames(given).first().copied().unwrap_or(given);
    let shown = if rng.chance(120) { nickname } else { given };
    let (given, family) = (or_x(slug(shown, folding)), or_x(slug(family, folding)));
    let initial = &given[..1];
    let mut local = match rng.below(20) {
        0..=7 => format!("{given}.{family}"),
        8 | 9 => format!("{given}{family}"),
        10 | 11 => format!("{initial}.{family}"),
        12 => format!("{initial}{family}"),
        13 => format!("{family}.{given}"),
        14 => format!("{given}_{family}"),
        15 => format!("{given}{:02}", birth_year % 100),
        16 => format!("{given}.{family}{:02}", birth_year % 100),
        17 => format!("{given}{birth_year}"),
        18 => format!("{family}{}", rng.below(100)),
        _ => {
            let word =
                rng.pick(&["sunny", "speedy", "lucky", "blue", "star", "mister", "red", "music"]);
            format!("{word}{given}{}", rng.below(1000))
        }
    };
    let domain = domain(rng, locale.country);
    for digits in 1_u32.. {
        let address = format!("{local}@{domain}");
        if taken.take(&address) {
            return address;
        }
        local = format!("{local}{}", rng.below(10_u64.pow(digits.min(4))));
    }
    unreachable!("every turn makes the address longer")
}

/// The domain of a mailbox in `country`.
pub(super) fn domain(rng: &mut Rng, country: &Country) -> String {
    let mut drawn = rng.below(1000) as u32;
    for &(provider, share) in country.providers {
        if drawn < share {
            return provider.to_owned();
        }
        drawn -= share;
    }
    format!("{}.example.{}", rng.pick(EMPLOYERS), rng.pick(&["com", "org", "net"]))
}

fn or_x(slug: String) -> String {
    if slug.is_empty() { "x".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::country::COUNTRIES;
    use super::*;

    #[test]
    fn nearly_every_number_is_valid_in_its_country() {
        let library = rlibphonenumber::PhoneNumberUtil::new().expect("the library has its data");
        let mut rng = Rng::new(3, 3);
        let mut taken = Taken::new(10_000);
        for country in &COUNTRIES {
            let locale = Locale::new(country);
            let mut invalid = Vec::new();
            for turn in 0..60 {
                let area = locale.place(&mut rng, 10_000).area;
                let phone = if turn % 2 == 0 {
                    Phone::mobile(&mut rng, country, area, &mut taken)
                } else {
                    Phone::landline(&mut rng, country, area, &mut taken)
                };
                let valid = library
                    .parse(phone.e164(), None)
                    .is_ok_and(|number| library.is_valid_number(&number));
                if !valid {
                    invalid.push(phone.e164());
                }
            }
            assert!(invalid.len() <= 3, "{}: {invalid:?}", country.names[0]);
        }
    }

    #[test]
    fn addresses_are_never_handed_out_twice() {
        let locale = Locale::new(&COUNTRIES[0]);
        let mut rng = Rng::new(4, 4);
        let mut taken = Taken::new(2_000);
        let drawn: HashSet<String> = (0..2_000)
            .map(|_| email(&mut rng, &locale, "James", "Smith", 1980, &mut taken))
            .collect();
        assert_eq!(drawn.len(), 2_000);
    }
}
