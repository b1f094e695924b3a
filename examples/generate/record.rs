//! The records of a person: which source holds how many, what each says, and what went wrong in it.

use super::calendar::{Date, FIRST_DAY, LAST_DAY};
use super::contact::{Phone, domain};
use super::corrupt::{
    LetterCase, Marks, NO_EMAIL, NO_PHONE, NOTHING, RATES, neighbouring_key, particle, slips,
    spaces, swapped_digits, transposed, wrong_digit,
};
use super::country::StreetOrder;
use super::letters::{Folding, fold};
use super::locale::Locale;
use super::people::{Home, Person, latin, on};
use super::rng::Rng;

/// A system that holds customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Source {
    Crm,
    Shop,
    Support,
    Loyalty,
}

impl Source {
    pub(super) const ALL: [Self; 4] = [Self::Crm, Self::Shop, Self::Support, Self::Loyalty];

    /// The name of the source in the truth file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Crm => "crm",
            Self::Shop => "shop",
            Self::Support => "support",
            Self::Loyalty => "loyalty",
        }
    }
}

/// How many in a thousand records of a source (CRM, shop, support, loyalty) hold a value at all.
struct Filled {
    email: [u32; 4],
    mobile: [u32; 4],
    landline: [u32; 4],
    birth: [u32; 4],
    address: [u32; 4],
}

const FILLED: Filled = Filled {
    email: [850, 970, 860, 0],
    mobile: [720, 690, 640, 890],
    landline: [500, 180, 350, 0],
    birth: [720, 0, 0, 850],
    address: [890, 900, 620, 930],
};

/// Persons in a thousand who have 1, 2, 3, ... records.
const RECORDS_PER_PERSON: [u32; 12] = [450, 220, 140, 80, 50, 25, 14, 8, 5, 3, 3, 2];

/// A phone number as the file shows it, and what it means to someone who can read it.
#[derive(Debug, Clone, Default)]
pub(super) struct WrittenPhone {
    pub(super) text: String,
    /// E.164; `None` for a placeholder.
    pub(super) e164: Option<String>,
}

/// One record as its source holds it. An empty text is an empty cell.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) source: Source,
    pub(super) entity: u64,
    pub(super) honorific: String,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) birth: Option<Date>,
    pub(super) email: String,
    pub(super) landline: WrittenPhone,
    pub(super) mobile: WrittenPhone,
    pub(super) street: String,
    pub(super) postcode: String,
    pub(super) city: String,
    pub(super) country: String,
    pub(super) national_id: String,
    pub(super) consent: Option<bool>,
    pub(super) created: i32,
    pub(super) updated: i32,
    /// Seconds since midnight of the last change.
    pub(super) second: u32,
}

/// All records of `person`, in the order in which they were made.
pub(super) fn records_of(person: &Person, locale: &Locale, rng: &mut Rng) -> Vec<Record> {
    let count = 1 + rng.weighted(&RECORDS_PER_PERSON);
    // No customer is younger than 16.
    let first = FIRST_DAY.max(person.born + 16 * 365 + 4);
    let mut days: Vec<i32> = (0..count).map(|_| rng.between(first, LAST_DAY)).collect();
    days.sort_unstable();
    let mut members = [false; 2];
    days.into_iter()
        .map(|day| {
            // The CRM and the loyalty list know a person once; guests of the shop come again.
            let weights =
                [if members[0] { 0 } else { 340 }, 380, 120, if members[1] { 0 } else { 160 }];
            let source = Source::ALL[rng.weighted(&weights)];
            members[0] |= source == Source::Crm;
            members[1] |= source == Source::Loyalty;
            record(person, locale, source, first, day, rng)
        })
        .collect()
}

fn record(
    person: &Person,
    locale: &Locale,
    source: Source,
    first: i32,
    day: i32,
    rng: &mut Rng,
) -> Record {
    let column = source as usize;
    let native = locale.country.native_script && source == Source::Shop && rng.chance(600);
    let marks = match source {
        // The till's software holds A to Z, most of the time.
        Source::Loyalty if rng.chance(500) => Marks::Folded(Folding::Plain),
        _ => Marks::draw(rng, locale.country.dial == "49"),
    };
    let (given, family) = names(person, locale, native, day, rng);
    let mut record = Record {
        source,
        entity: person.entity,
        honorific: String::new(),
        given,
        family,
        birth: None,
        email: String::new(),
        landline: WrittenPhone::default(),
        mobile: WrittenPhone::default(),
        street: String::new(),
        postcode: String::new(),
        city: String::new(),
        country: String::new(),
        national_id: String::new(),
        consent: rng.chance(900).then(|| rng.chance(420)),
        created: first.max(day - rng.between(0, 900).min(rng.between(0, 900))),
        updated: day,
        second: rng.below(86_400) as u32,
    };
    if rng.chance(700) {
        record.honorific = (*rng.pick(locale.country.honorifics[usize::from(!person.male)])).into();
    }
    if rng.chance(FILLED.birth[column]) {
        record.birth = Some(birth(person.birth, rng));
    }
    if rng.chance(FILLED.email[column])
        && let Some(address) = on(&person.emails, day)
    {
        record.email = email(address, locale, source, rng);
    }
    if rng.chance(FILLED.mobile[column])
        && let Some(mobile) = on(&person.mobiles, day)
    {
        record.mobile = phone(mobile, locale, rng);
    }
    let home = on(&person.homes, day);
    if rng.chance(FILLED.landline[column])
        && let Some(landline) = home.and_then(|home| home.landline.as_ref())
    {
        record.landline = phone(landline, locale, rng);
    }
    if rng.chance(FILLED.address[column])
        && let Some(home) = home
    {
        address(&mut record, home, locale, native, rng);
    }
    if source == Source::Crm && rng.chance(250) {
        record.national_id = person.national_id.clone().unwrap_or_default();
    }
    finish(&mut record, marks, rng);
    record
}

/// Given and family name as known on `day`, with the liberties that people take.
fn names(
    person: &Person,
    locale: &Locale,
    native: bool,
    day: i32,
    rng: &mut Rng,
) -> (String, String) {
    let spelled = |forms: &Vec<String>, rng: &mut Rng| match (native, forms.len()) {
        (true, _) | (_, 0 | 1) => forms.first().cloned().unwrap_or_default(),
        // The usual transliteration more often than the others.
        (false, len) => forms[1 + rng.index(len - 1).min(rng.index(len - 1))].clone(),
    };
    let mut given = spelled(&person.given, rng);
    let mut family = on(&person.family, day).map(|forms| spelled(forms, rng)).unwrap_or_default();
    let nicknames = locale.nicknames(latin(&person.given));
    if !nicknames.is_empty() && rng.chance(RATES.nickname) {
        given = (*rng.pick(nicknames)).to_owned();
    } else if !native && rng.chance(RATES.initial) {
        given = format!("{}{}", &given.chars().take(1).collect::<String>(), rng.pick(&["", "."]));
    }
    if let Some(middle) = &person.middle
        && rng.chance(RATES.middle)
    {
        let initial = middle.chars().next().unwrap_or('X');
        given = match rng.below(3) {
            0 => format!("{given} {middle}"),
            1 => format!("{given} {initial}."),
            _ => format!("{given} {initial}"),
        };
    }
    if locale.country.dial == "34"
        && rng.chance(RATES.half_family)
        && let Some((first, _)) = family.rsplit_once(' ')
    {
        family = first.to_owned();
    }
    if rng.chance(RATES.particle)
        && let Some(changed) = particle(rng, &family)
    {
        family = changed;
    }
    if let Some(suffix) = person.suffix
        && !rng.chance(RATES.no_suffix)
    {
        family = format!("{family} {suffix}");
    }
    slips(rng, &mut given);
    slips(rng, &mut family);
    if rng.chance(RATES.no_given) {
        given = String::new();
    }
    if rng.chance(RATES.swapped) {
        std::mem::swap(&mut given, &mut family);
    }
    (given, family)
}

fn birth(birth: Date, rng: &mut Rng) -> Date {
    let mut written = birth;
    if rng.chance(RATES.birth_swapped) && birth.day <= 12 {
        (written.month, written.day) = (birth.day, birth.month);
    } else if rng.chance(RATES.birth_digit) {
        match rng.below(3) {
            0 => written.year += *rng.pick(&[-10, -1, 1, 10]),
            1 => written.month = 1 + (birth.month - 1 + rng.pick(&[1, 9, 11])) % 12,
            _ => written.day = 1 + (birth.day - 1 + rng.pick(&[1, 10, 27])) % 28,
        }
    } else if rng.chance(RATES.birth_year_only) {
        (written.month, written.day) = (1, 1);
    } else if rng.chance(RATES.placeholder) {
        written = Date { year: *rng.pick(&[1900, 1900, 1970, 1901]), month: 1, day: 1 };
    }
    written
}

fn email(address: &str, locale: &Locale, source: Source, rng: &mut Rng) -> String {
    if rng.chance(RATES.placeholder) {
        return (*rng.pick(NO_EMAIL)).to_owned();
    }
    if rng.chance(RATES.email_shared) {
        let role = rng.pick(&["info", "office", "reception", "hello", "kontakt"]);
        return format!(
            "{role}@{}.example.com",
            rng.pick(&["hotel-astoria", "northwind", "vesta", "grandis"])
        );
    }
    let Some((local, provider)) = address.split_once('@') else { return address.to_owned() };
    let (mut local, mut provider) = (local.to_owned(), provider.to_owned());
    if rng.chance(RATES.email_typo) {
        let typed =
            if rng.chance(500) { neighbouring_key(rng, &local) } else { transposed(rng, &local) };
        local = typed.unwrap_or(local);
    }
    if provider == "gmail.com" && rng.chance(RATES.email_dots) {
        local = if local.contains('.') {
            local.replace('.', "")
        } else {
            let at = 1 + rng.index(local.len() - 1);
            format!("{}.{}", &local[..at.min(local.len())], &local[at.min(local.len())..])
        };
    }
    if matches!(provider.as_str(), "gmail.com" | "outlook.com" | "googlemail.com")
        && rng.chance(RATES.email_tag)
    {
        local = format!("{local}+{}", rng.pick(&[source.name(), "news", "spam", "promo"]));
    }
    if rng.chance(RATES.email_domain_typo) {
        provider = match provider.as_str() {
            "gmail.com" => {
                (*rng.pick(&["gmial.com", "gmail.con", "gmai.com", "gmail.co"])).to_owned()
            }
            "hotmail.com" => "hotmial.com".to_owned(),
            "yahoo.com" => "yaho.com".to_owned(),
            other => transposed(rng, other).unwrap_or_else(|| domain(rng, locale.country)),
        };
    }
    let mut written = format!("{local}@{provider}");
    if rng.chance(RATES.email_broken) {
        written = if rng.chance(500) { format!("{local}{provider}") } else { format!("{local}@") };
    }
    if rng.chance(RATES.email_case) {
        written = match written.char_indices().nth(1) {
            Some((at, _)) if rng.chance(600) => written[..at].to_uppercase() + &written[at..],
            _ => written.to_uppercase(),
        };
    }
    written
}

fn phone(known: &Phone, locale: &Locale, rng: &mut Rng) -> WrittenPhone {
    if rng.chance(RATES.placeholder) {
        return WrittenPhone { text: (*rng.pick(NO_PHONE)).to_owned(), e164: None };
    }
    let mut phone = known.clone();
    if rng.chance(RATES.phone_shared) {
        phone = Phone::shared(locale.country, rng.below(4));
    }
    if rng.chance(RATES.phone_typo) {
        phone.national = wrong_digit(rng, &phone.national);
    }
    if rng.chance(RATES.phone_transposed) {
        phone.national = swapped_digits(rng, &phone.national);
    }
    let mut text = phone.written(rng);
    if rng.chance(RATES.phone_extension) {
        text = format!("{text} {}{}", rng.pick(&["ext. ", "x"]), 10 + rng.below(90));
    }
    WrittenPhone { text, e164: Some(phone.e164()) }
}

fn address(record: &mut Record, home: &Home, locale: &Locale, native: bool, rng: &mut Rng) {
    let place = &home.place;
    let form = match (native, place.street.len()) {
        (true, _) | (_, 0 | 1) => 0,
        (false, len) => 1 + rng.index(len - 1),
    };
    let mut name = place.street.get(form).cloned().unwrap_or_default();
    slips(rng, &mut name);
    let kind = match place.street_types.split_first() {
        Some((_, short)) if !short.is_empty() && rng.chance(RATES.street_short) => *rng.pick(short),
        Some((full, _)) => full,
        None => "",
    };
    let house = if rng.chance(RATES.no_house) { "" } else { home.house.as_str() };
    let line = match locale.country.order {
        StreetOrder::NumberNameType => format!("{house} {name} {kind}"),
        StreetOrder::NameTypeJoinedNumber => format!("{name}{kind} {house}"),
        StreetOrder::NumberTypeName => format!("{house} {kind} {name}"),
        StreetOrder::TypeNameCommaNumber => format!("{kind} {name}, {house}"),
        StreetOrder::TypeNameNumber => format!("{kind} {name} {house}"),
        StreetOrder::NameNumber => format!("{name} {house}"),
    };
    record.street = line.trim_matches([' ', ',']).to_owned();
    if let Some(flat) = &home.flat
        && !rng.chance(RATES.no_flat)
    {
        let street = &record.street;
        record.street = match (locale.country.dial, rng.below(2)) {
            ("1", 0) => format!("{street} Apt {flat}"),
            ("1", _) => format!("{street} #{flat}"),
            ("44", 0) => format!("Flat {flat}, {street}"),
            ("48", _) => format!("{street}/{flat}"),
            ("34", _) => format!("{street}, {flat}º"),
            ("31", _) => format!("{street}-{flat}"),
            ("33", _) => format!("{street}, Apt. {flat}"),
            (_, 0) => format!("{street} / {flat}"),
            _ => format!("{street}, {flat}"),
        };
    }
    record.postcode = match rng.chance(RATES.postcode_typo) {
        true => wrong_digit(rng, &place.postcode),
        false => place.postcode.clone(),
    };
    if rng.chance(60) {
        record.postcode = record.postcode.replace(' ', "");
    }
    record.city = match &place.native_town {
        Some(town) if native => town.clone(),
        _ if place.towns.len() > 1 && rng.chance(RATES.city_form) => {
            place.towns[1 + rng.index(place.towns.len() - 1)].clone()
        }
        _ => place.towns.first().cloned().unwrap_or_default(),
    };
    if let Some(state) = place.state
        && rng.chance(350)
    {
        record.city = format!("{}, {state}", record.city);
    }
    if !native {
        slips(rng, &mut record.city);
    }
    let names = locale.country.names;
    record.country = match rng.chance(RATES.country_form) {
        true => (*rng.pick(&["", names[1], names[names.len() - 1]])).to_owned(),
        false => names[0].to_owned(),
    };
}

/// What happens to a record as a whole: case, marks, spaces, titles, words for nothing, mix-ups.
fn finish(record: &mut Record, marks: Marks, rng: &mut Rng) {
    for text in [&mut record.given, &mut record.family, &mut record.street, &mut record.city] {
        marks.apply(text);
    }
    if rng.chance(RATES.honorific) && !record.honorific.is_empty() {
        record.given = format!("{} {}", record.honorific, record.given).trim_end().to_owned();
    }
    if rng.chance(RATES.letter_case) {
        let case = if rng.chance(600) { LetterCase::Upper } else { LetterCase::Lower };
        case.apply(&mut record.given);
        case.apply(&mut record.family);
        if rng.chance(400) {
            case.apply(&mut record.street);
            case.apply(&mut record.city);
        }
    }
    if record.source == Source::Loyalty {
        record.given = record.given.to_uppercase();
        record.family = record.family.to_uppercase();
    }
    if rng.chance(RATES.wrong_column) {
        match rng.below(3) {
            0 => std::mem::swap(&mut record.email, &mut record.mobile.text),
            1 => std::mem::swap(&mut record.postcode, &mut record.city),
            _ => std::mem::swap(&mut record.family, &mut record.email),
        }
        // What stands in the phone column is no longer a number.
        record.mobile.e164 = record.mobile.e164.take().filter(|_| {
            record.mobile.text.bytes().any(|byte| byte.is_ascii_digit())
                && !record.mobile.text.contains('@')
        });
    }
    for text in [&mut record.given, &mut record.family, &mut record.street, &mut record.city] {
        if !text.is_empty() && rng.chance(RATES.placeholder / 3) {
            *text = (*rng.pick(NOTHING)).to_owned();
        }
    }
    for text in [
        &mut record.given,
        &mut record.family,
        &mut record.email,
        &mut record.street,
        &mut record.city,
    ] {
        if !text.is_empty() && rng.chance(RATES.spaces) {
            spaces(rng, text);
        }
    }
}

/// The name without marks, case and spaces, for keys that a careful person would compare.
pub(super) fn clean(text: &str) -> String {
    fold(text, Folding::Plain).to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
