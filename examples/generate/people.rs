//! Households and the lives of the people in them: names, births, weddings, moves, new numbers.

use super::calendar::{Date, FIRST_DAY, LAST_DAY};
use super::contact::{Phone, Taken, email};
use super::country::{COUNTRIES, StreetOrder};
use super::locale::{Forms, Locale, Place};
use super::national_id::national_id;
use super::rng::Rng;

/// A home: a place, a house, sometimes a flat and a land-line.
#[derive(Debug, Clone)]
pub(super) struct Home {
    pub(super) place: Place,
    pub(super) house: String,
    pub(super) flat: Option<String>,
    pub(super) landline: Option<Phone>,
}

/// A value that holds from a day on, until the next one in its list.
pub(super) type Since<T> = Vec<(i32, T)>;

/// One person and all that changes in a life; this is the truth that records are made from.
pub(super) struct Person {
    pub(super) entity: u64,
    /// Position in [`World::locales`].
    pub(super) locale: usize,
    pub(super) male: bool,
    pub(super) given: Forms,
    pub(super) middle: Option<String>,
    pub(super) family: Since<Forms>,
    /// `Sr.` or `Jr.`, where father and son have one name.
    pub(super) suffix: Option<&'static str>,
    pub(super) birth: Date,
    /// The day of birth, in days since 1970.
    pub(super) born: i32,
    pub(super) homes: Since<Home>,
    pub(super) emails: Since<String>,
    pub(super) mobiles: Since<Phone>,
    pub(super) national_id: Option<String>,
}

/// The value that holds on `day`.
pub(super) fn on<T>(values: &Since<T>, day: i32) -> Option<&T> {
    values.iter().rev().find(|(since, _)| *since <= day).map(|(_, value)| value)
}

/// Before every record.
const ALWAYS: i32 = i32::MIN;

/// How a household is made up, and how many in a thousand are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HouseholdKind {
    Single,
    Couple,
    Family,
    LoneParent,
    Siblings,
    FlatMates,
}

const HOUSEHOLDS: [(HouseholdKind, u32); 6] = [
    (HouseholdKind::Single, 400),
    (HouseholdKind::Couple, 260),
    (HouseholdKind::Family, 230),
    (HouseholdKind::LoneParent, 50),
    (HouseholdKind::Siblings, 30),
    (HouseholdKind::FlatMates, 30),
];

/// The population: what all households draw from.
pub(super) struct World {
    pub(super) locales: Vec<Locale>,
    shares: Vec<u32>,
    scale: u64,
    seed: u64,
    taken: Taken,
    entities: u64,
    households: u64,
}

impl World {
    /// The population behind `records` records.
    pub(super) fn new(records: u64, seed: u64) -> Self {
        Self {
            locales: COUNTRIES.iter().map(Locale::new).collect(),
            shares: COUNTRIES.iter().map(|country| country.share).collect(),
            scale: records,
            seed,
            taken: Taken::new(records),
            entities: 0,
            households: 0,
        }
    }

    /// The next household and the random numbers that belong to it alone.
    pub(super) fn household(&mut self) -> (Vec<Person>, Rng) {
        self.households += 1;
        let mut rng = Rng::new(self.seed, self.households);
        let locale = rng.weighted(&self.shares);
        let kind = HOUSEHOLDS[rng.weighted(&HOUSEHOLDS.map(|(_, share)| share))].0;
        let homes = self.homes(&mut rng, locale);
        let mut people = match kind {
            HouseholdKind::Single => {
                let born = adult_birth(&mut rng);
                let male = rng.chance(490);
                let family = self.family(&mut rng, locale);
                vec![self.person(&mut rng, locale, male, born, family, &homes)]
            }
            HouseholdKind::Couple => {
                let born = adult_birth(&mut rng);
                let family = self.family(&mut rng, locale);
                self.couple(&mut rng, locale, born, &family, &homes)
            }
            HouseholdKind::Family => {
                // Old enough for grown-up children: a customer is 16 at least.
                let born = LAST_DAY - rng.between(42 * 365, 66 * 365);
                let family = self.family(&mut rng, locale);
                let mut people = self.couple(&mut rng, locale, born, &family, &homes);
                self.children(&mut rng, &mut people, born, &family, &homes);
                people
            }
            HouseholdKind::LoneParent => {
                let born = LAST_DAY - rng.between(40 * 365, 60 * 365);
                let male = rng.chance(200);
                let family = self.family(&mut rng, locale);
                let parent = self.person(&mut rng, locale, male, born, family.clone(), &homes);
                let mut people = vec![parent];
                self.children(&mut rng, &mut people, born, &family, &homes);
                people
            }
            HouseholdKind::Siblings => {
                let family = self.family(&mut rng, locale);
                let mut born = adult_birth(&mut rng);
                (0..2 + rng.below(2))
                    .map(|_| {
                        born = (born - rng.between(330, 2000)).max(LAST_DAY - 90 * 365);
                        let male = rng.chance(500);
                        self.person(&mut rng, locale, male, born, family.clone(), &homes)
                    })
                    .collect()
            }
            HouseholdKind::FlatMates => (0..2 + rng.below(3))
                .map(|_| {
                    let born = LAST_DAY - rng.between(19 * 365, 35 * 365);
                    let male = rng.chance(500);
                    let family = self.family(&mut rng, locale);
                    self.person(&mut rng, locale, male, born, family, &homes)
                })
                .collect(),
        };
        if people.len() == 1 && rng.chance(100) {
            let day = rng.between(FIRST_DAY, LAST_DAY);
            let home = self.home(&mut rng, locale);
            people[0].homes.push((day, home));
            people[0].homes.sort_by_key(|(since, _)| *since);
        }
        (people, rng)
    }

    /// Two people, mostly with one family name, sometimes with one mailbox.
    fn couple(
        &mut self,
        rng: &mut Rng,
        locale: usize,
        born: i32,
        family: &Forms,
        homes: &Since<Home>,
    ) -> Vec<Person> {
        let first_male = rng.chance(950);
        let second_male = rng.chance(50);
        let mut first = self.person(rng, locale, first_male, born, family.clone(), homes);
        let maiden = self.family(rng, locale);
        let born = (born + rng.between(-1100, 2200)).min(LAST_DAY - 18 * 365);
        let mut second = self.person(rng, locale, second_male, born, maiden, homes);
        if rng.chance(shared_name(self.locales[locale].country.dial)) {
            // Wedded before the first record, or while records are made.
            let wedding = rng.between(FIRST_DAY - 5000, LAST_DAY);
            let married = gendered(&self.locales[locale], family, second.male);
            second.family.push((wedding, married));
        }
        if rng.chance(120) {
            let shared = on(&first.emails, ALWAYS).cloned();
            second.emails = shared.map(|address| (ALWAYS, address)).into_iter().collect();
            first.emails.truncate(1);
        }
        if rng.chance(40)
            && let Some(mobile) = on(&first.mobiles, ALWAYS).cloned()
        {
            second.mobiles = vec![(ALWAYS, mobile)];
        }
        vec![first, second]
    }

    /// Add one to three grown-up children to their parents, among them twins and namesakes.
    fn children(
        &mut self,
        rng: &mut Rng,
        people: &mut Vec<Person>,
        parent_born: i32,
        family: &Forms,
        homes: &Since<Home>,
    ) {
        let locale = people[0].locale;
        let dial = self.locales[locale].country.dial;
        let mut born = (parent_born + rng.between(20 * 365, 30 * 365)).min(LAST_DAY - 16 * 365);
        for child in 0..1 + rng.weighted(&[45, 40, 15]) {
            let twin = child > 0 && rng.chance(80);
            if child > 0 && !twin {
                born = (born + rng.between(400, 1800)).min(LAST_DAY - 16 * 365);
            }
            let male = rng.chance(510);
            let mut person = self.person(rng, locale, male, born, family.clone(), homes);
            let namesake = male && people[0].male && child == 0;
            if namesake && rng.chance(if dial == "1" { 120 } else { 50 }) {
                person.given = people[0].given.clone();
                person.middle = people[0].middle.clone();
                if dial == "1" {
                    people[0].suffix = Some("Sr.");
                    person.suffix = Some("Jr.");
                }
            }
            if rng.chance(450) {
                // Moved out, and from then on not with the parents.
                let day = rng.between(FIRST_DAY - 1000, LAST_DAY);
                let home = self.home(rng, locale);
                person.homes.retain(|(since, _)| *since < day);
                person.homes.push((day, home));
            }
            if rng.chance(20) {
                // A young person whose parents answer.
                person.emails = people[0].emails.clone();
            }
            people.push(person);
        }
    }

    fn person(
        &mut self,
        rng: &mut Rng,
        locale: usize,
        male: bool,
        born: i32,
        family: Forms,
        homes: &Since<Home>,
    ) -> Person {
        self.entities += 1;
        let data = &self.locales[locale];
        let gender = usize::from(!male);
        let given = data.given(rng, gender);
        let has_middle = rng.chance(if data.country.dial == "1" { 700 } else { 250 });
        let middle = (has_middle && !data.country.native_script)
            .then(|| data.given(rng, gender).swap_remove(0))
            .filter(|middle| *middle != given[0]);
        let family = gendered(data, &family, male);
        let birth = Date::from_days(born);
        let (latin_given, latin_family) = (latin(&given), latin(&family));
        let mut emails = Vec::new();
        let mut mobiles = Vec::new();
        let area = homes[0].1.place.area;
        // Some never had a mailbox or a mobile phone; some changed it.
        if rng.chance(970) {
            let mut make = |rng: &mut Rng| {
                email(rng, data, latin_given, latin_family, birth.year, &mut self.taken)
            };
            emails.push((ALWAYS, make(rng)));
            if rng.chance(200) {
                let day = rng.between(FIRST_DAY, LAST_DAY);
                emails.push((day, make(rng)));
            }
        }
        if rng.chance(950) {
            mobiles.push((ALWAYS, Phone::mobile(rng, data.country, area, &mut self.taken)));
            if rng.chance(190) {
                let day = rng.between(FIRST_DAY, LAST_DAY);
                mobiles.push((day, Phone::mobile(rng, data.country, area, &mut self.taken)));
            }
        }
        let national_id = national_id(rng, data.country.dial, birth, male);
        Person {
            entity: self.entities,
            locale,
            male,
            given,
            middle,
            family: vec![(ALWAYS, family)],
            suffix: None,
            birth,
            born,
            homes: homes.clone(),
            emails,
            mobiles,
            national_id,
        }
    }

    /// A family name in the men's form; in Spain, the two that a person has.
    fn family(&self, rng: &mut Rng, locale: usize) -> Forms {
        let data = &self.locales[locale];
        let mut family = data.family(rng, self.scale);
        if data.country.dial == "34" {
            let second = data.family(rng, self.scale).swap_remove(0);
            family[0] = format!("{} {second}", family[0]);
        }
        family
    }

    /// Where a household lives, and where it moved.
    fn homes(&mut self, rng: &mut Rng, locale: usize) -> Since<Home> {
        let mut homes = vec![(ALWAYS, self.home(rng, locale))];
        for moves in [280, 220] {
            if !rng.chance(moves) {
                break;
            }
            let day = rng.between(FIRST_DAY, LAST_DAY);
            homes.push((day, self.home(rng, locale)));
        }
        homes.sort_by_key(|(since, _)| *since);
        homes
    }

    fn home(&mut self, rng: &mut Rng, locale: usize) -> Home {
        let data = &self.locales[locale];
        let place = data.place(rng, self.scale);
        let number = 1 + rng.index(40).min(rng.index(40)) + 40 * rng.index(4).min(rng.index(6));
        let american =
            data.country.order == StreetOrder::NumberNameType && data.country.dial == "1";
        let house = if american {
            (number * 100 + rng.index(99)).to_string()
        } else if rng.chance(60) {
            format!("{number}{}", rng.pick(&["a", "b", "c"]))
        } else {
            number.to_string()
        };
        let flat = rng.chance(260).then(|| (1 + rng.below(40)).to_string());
        let landline = rng
            .chance(520)
            .then(|| Phone::landline(rng, data.country, place.area, &mut self.taken));
        Home { place, house, flat, landline }
    }
}

/// How many wives in a thousand take their husband's name, by telephone code.
fn shared_name(dial: &str) -> u32 {
    match dial {
        "34" | "39" | "86" | "20" => 30,
        "30" => 150,
        "31" => 400,
        "81" => 950,
        _ => 700,
    }
}

/// The day of birth of someone of 18 to 88 years, most in the middle.
fn adult_birth(rng: &mut Rng) -> i32 {
    LAST_DAY - rng.between(18 * 365, 53 * 365) - rng.between(0, 35 * 365)
}

/// The first Latin spelling of a name.
pub(super) fn latin(forms: &Forms) -> &str {
    forms.get(1).or(forms.first()).map_or("", String::as_str)
}

/// The form of a family name, given in the men's form, for a man or a woman.
fn gendered(locale: &Locale, family: &Forms, male: bool) -> Forms {
    /// Endings of men's names and what women's have instead.
    const ENDINGS: &[(&str, &str, &str)] = &[
        ("48", "ski", "ska"),
        ("48", "cki", "cka"),
        ("48", "dzki", "dzka"),
        ("7", "ский", "ская"),
        ("7", "ov", "ova"),
        ("7", "ow", "owa"),
        ("7", "ev", "eva"),
        ("7", "ew", "ewa"),
        ("7", "yov", "yova"),
        ("7", "in", "ina"),
        ("7", "skiy", "skaya"),
        ("7", "sky", "skaya"),
        ("7", "ов", "ова"),
        ("7", "ев", "ева"),
        ("7", "ёв", "ёва"),
        ("7", "ин", "ина"),
        ("30", "poulos", "poulou"),
        ("30", "akis", "aki"),
        ("30", "idis", "idou"),
        ("30", "πουλος", "πούλου"),
        ("30", "άκης", "άκη"),
        ("30", "ίδης", "ίδου"),
    ];
    if male {
        return family.clone();
    }
    family
        .iter()
        .map(|form| {
            ENDINGS
                .iter()
                .filter(|(dial, ..)| *dial == locale.country.dial)
                .find_map(|(_, men, women)| Some(format!("{}{women}", form.strip_suffix(men)?)))
                .unwrap_or_else(|| form.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_of_a_day_holds() {
        let values = vec![(ALWAYS, 'a'), (10, 'b'), (20, 'c')];
        assert_eq!([9, 10, 25].map(|day| *on(&values, day).unwrap_or(&'?')), ['a', 'b', 'c']);
    }

    #[test]
    fn households_hold_couples_twins_and_namesakes() {
        let mut world = World::new(10_000, 1);
        let (mut twins, mut namesakes, mut married) = (0, 0, 0);
        for _ in 0..3_000 {
            let (people, _) = world.household();
            married += people.iter().filter(|person| person.family.len() > 1).count();
            for (index, left) in people.iter().enumerate() {
                for right in &people[index + 1..] {
                    let same_family = left.family[0].1[0] == right.family[0].1[0];
                    twins += usize::from(left.birth == right.birth && same_family);
                    namesakes += usize::from(left.given == right.given && same_family);
                }
            }
        }
        assert!(twins > 10 && namesakes > 10 && married > 300, "{twins} {namesakes} {married}");
    }

    #[test]
    fn polish_and_russian_wives_have_the_womens_form() {
        let locale =
            |dial| Locale::new(COUNTRIES.iter().find(|c| c.dial == dial).unwrap_or(&COUNTRIES[0]));
        assert_eq!(gendered(&locale("48"), &vec!["Kowalski".into()], false), ["Kowalska"]);
        let ivanov = vec!["Иванов".to_owned(), "Ivanov".to_owned()];
        assert_eq!(gendered(&locale("7"), &ivanov, false), ["Иванова", "Ivanova"]);
        assert_eq!(gendered(&locale("7"), &ivanov, true), ivanov);
    }
}
