//! The names, streets and places of one country, and how their number grows with the population.
//!
//! Lists of a fixed length would make coincidences grow with the population: at ten million records
//! every Smith would have a thousand times the namesakes he has at ten thousand. So each listed
//! name stands for `scale / 10 000` different names, the listed one and others composed of
//! syllables, drawn alike. Whatever share of people a listed name has is split evenly, so the
//! expected number of people who share a family name, a street name or a town stays what it is at
//! 10 000 records. Given names and birth dates do not grow, as they do not in life.

use std::collections::HashMap;

use super::country::Country;
use super::rng::{Rng, mix, zipf_totals};

/// The records for which the lists suffice as they are.
const UNIT: u64 = 10_000;
/// People in a thousand who have a rare name, none of the listed ones.
const RARE_NAME: u32 = 350;
/// Different rare family names per `UNIT` and country.
const RARE_NAMES: u64 = 300;

/// The spellings of one name. In a country with a script of its own the first is in that script and
/// transliterations follow; elsewhere there is one.
pub(super) type Forms = Vec<String>;

/// A town: its spellings, its postcodes and its telephone prefix.
struct Town {
    names: Vec<&'static str>,
    postcode: &'static str,
    area: &'static str,
    /// The federal state, or the name in the country's own script.
    extra: Option<&'static str>,
}

/// A drawn place of residence, without the house.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) towns: Vec<String>,
    pub(super) native_town: Option<String>,
    pub(super) state: Option<&'static str>,
    pub(super) area: &'static str,
    pub(super) postcode: String,
    pub(super) street: Forms,
    /// The spellings of the street's type, the full one first; empty where the name holds it.
    pub(super) street_types: Vec<&'static str>,
}

type List = Vec<Vec<&'static str>>;

/// The data of one country, ready to draw from.
pub(super) struct Locale {
    pub(super) country: &'static Country,
    given: [List; 2],
    family: List,
    nicknames: HashMap<&'static str, Vec<&'static str>>,
    streets: List,
    street_types: List,
    towns: Vec<Town>,
    heads: List,
    mids: List,
    tails: List,
    places: Vec<&'static str>,
    given_totals: [Vec<u64>; 2],
    family_totals: Vec<u64>,
    street_totals: Vec<u64>,
    town_totals: Vec<u64>,
}

impl Locale {
    /// Read the data of `country`.
    pub(super) fn new(country: &'static Country) -> Self {
        let list = |section: &str| -> List {
            items(country.data, section).map(|item| item.split('=').collect()).collect()
        };
        let given = [list("male"), list("female")];
        let family = list("family");
        let streets = list("streets");
        let towns: Vec<Town> = list("cities")
            .into_iter()
            .map(|parts| Town {
                names: parts[0].split('/').collect(),
                postcode: parts.get(1).copied().unwrap_or_default(),
                area: parts.get(2).copied().unwrap_or_default(),
                extra: parts.get(3).copied(),
            })
            .collect();
        Self {
            country,
            given_totals: [zipf_totals(given[0].len(), 8), zipf_totals(given[1].len(), 8)],
            family_totals: zipf_totals(family.len(), 12),
            street_totals: zipf_totals(streets.len(), 8),
            town_totals: zipf_totals(towns.len(), 6),
            given,
            family,
            nicknames: list("nicknames")
                .into_iter()
                .map(|parts| (parts[0], parts[1..].to_vec()))
                .collect(),
            streets,
            street_types: list("street_types"),
            towns,
            heads: list("heads"),
            mids: list("mids"),
            tails: list("tails"),
            places: items(country.data, "places").collect(),
        }
    }

    /// A given name of a man (0) or a woman (1).
    pub(super) fn given(&self, rng: &mut Rng, gender: usize) -> Forms {
        owned(&self.given[gender][rng.ranked(&self.given_totals[gender])])
    }

    /// A family name, in the men's form, out of the names of a population of `scale` records.
    pub(super) fn family(&self, rng: &mut Rng, scale: u64) -> Forms {
        if rng.chance(RARE_NAME) {
            let rare = rng.below(RARE_NAMES * scale.max(UNIT) / UNIT);
            return self.composed(2 * rare);
        }
        let listed = rng.ranked(&self.family_totals);
        match variant(rng, scale) {
            0 => owned(&self.family[listed]),
            other => {
                self.composed(2 * ((other - 1) * self.family.len() as u64 + listed as u64) + 1)
            }
        }
    }

    /// The short forms of a given name.
    pub(super) fn nicknames(&self, given: &str) -> &[&'static str] {
        self.nicknames.get(given).map_or(&[], Vec::as_slice)
    }

    /// A street in a town, out of those of a population of `scale` records. One street of one town
    /// always has the same postcode, and the postcode is one of the town's.
    pub(super) fn place(&self, rng: &mut Rng, scale: u64) -> Place {
        let town_index = rng.ranked(&self.town_totals);
        let town = &self.towns[town_index];
        let town_variant = variant(rng, scale);
        let street_index = rng.ranked(&self.street_totals);
        let street_variant = variant(rng, scale);
        let type_index = rng.index(self.street_types.len()).min(rng.index(self.street_types.len()));
        let town_number = town_variant * self.towns.len() as u64 + town_index as u64;
        let street_number = street_variant * self.streets.len() as u64 + street_index as u64;
        let (towns, native_town) = if town_variant == 0 {
            let native = if self.country.native_script { town.extra } else { None };
            (town.names.iter().map(|&name| name.to_owned()).collect(), native.map(str::to_owned))
        } else {
            let forms = self.composed(town_number);
            let place = self.places[(town_number % self.places.len() as u64) as usize];
            let latin = forms.last().cloned().unwrap_or_default();
            let name = if self.country.native_script {
                format!("{place} {latin}")
            } else {
                format!("{latin} {place}")
            };
            (vec![name], if self.country.native_script { forms.into_iter().next() } else { None })
        };
        Place {
            towns,
            native_town,
            state: if self.country.native_script { None } else { town.extra },
            area: town.area,
            postcode: postcode(
                town.postcode,
                town_number,
                town_variant,
                street_number * 16 + type_index as u64,
            ),
            street: if street_variant == 0 {
                owned(&self.streets[street_index])
            } else {
                self.composed(street_number)
            },
            street_types: self.street_types.get(type_index).cloned().unwrap_or_default(),
        }
    }

    /// The name number `number` of those that can be composed: a head, up to two middles, a tail.
    fn composed(&self, number: u64) -> Forms {
        let mut rest = number;
        let mut draw = |list: &List| {
            let index = (rest % list.len().max(1) as u64) as usize;
            rest /= list.len().max(1) as u64;
            list.get(index).cloned().unwrap_or_default()
        };
        let (head, tail) = (draw(&self.heads), draw(&self.tails));
        let mut parts = vec![head, draw(&self.mids)];
        if rest > 0 {
            parts.push(self.mids[(rest % self.mids.len() as u64) as usize].clone());
        }
        parts.push(tail);
        let forms = if self.country.native_script { 2 } else { 1 };
        (0..forms)
            .map(|form| {
                let joined: String = parts
                    .iter()
                    .filter_map(|part| part.get(form).or(part.last()))
                    .copied()
                    .collect();
                capitalised(&joined)
            })
            .collect()
    }

    /// How many different given and family names are listed.
    #[cfg(test)]
    pub(super) fn listed_names(&self) -> (usize, usize) {
        let count = |lists: &[&List]| {
            let mut names: Vec<&str> =
                lists.iter().flat_map(|list| list.iter().map(|f| f[0])).collect();
            names.sort_unstable();
            names.dedup();
            names.len()
        };
        (count(&[&self.given[0], &self.given[1]]), count(&[&self.family]))
    }
}

/// Which of the names that a listed one stands for; 0 is the listed one.
fn variant(rng: &mut Rng, scale: u64) -> u64 {
    rng.below(scale.max(UNIT)) / UNIT
}

/// The items of a section of a data file, between `[section]` and the next header.
fn items(data: &'static str, section: &str) -> impl Iterator<Item = &'static str> {
    let header = format!("[{section}]");
    data.lines()
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

fn owned(forms: &[&str]) -> Forms {
    forms.iter().map(|&form| form.to_owned()).collect()
}

/// A composed name with `_` for a space; what follows a space starts with a capital.
fn capitalised(text: &str) -> String {
    let mut after_space = false;
    text.chars()
        .map(|letter| {
            let shown = match letter {
                '_' => ' ',
                other if after_space => other.to_ascii_uppercase(),
                other => other,
            };
            after_space = shown == ' ';
            shown
        })
        .collect()
}

/// The postcode of a street: the digits that the pattern leaves open are the street's, and in a
/// composed town all behind the first two characters are.
fn postcode(pattern: &str, town: u64, town_variant: u64, street: u64) -> String {
    const LETTERS: &[u8] = b"ABDEFGHJLNPQRTUWXYZ";
    let mut open = mix(mix(town) ^ street);
    let mut fixed = mix(town ^ 0x5EED);
    let draw = |bits: &mut u64, limit: u64| {
        let drawn = *bits % limit;
        *bits /= limit;
        drawn
    };
    let mut previous = ' ';
    pattern
        .chars()
        .enumerate()
        .map(|(index, sign)| {
            let shown = match sign {
                // `SW0` does not exist.
                '#' if previous.is_ascii_alphabetic() => {
                    char::from(b'1' + draw(&mut open, 9) as u8)
                }
                '#' => char::from(b'0' + draw(&mut open, 10) as u8),
                '@' => char::from(LETTERS[draw(&mut open, LETTERS.len() as u64) as usize]),
                digit if digit.is_ascii_digit() && town_variant > 0 && index >= 2 => {
                    char::from(b'0' + draw(&mut fixed, 10) as u8)
                }
                other => other,
            };
            previous = shown;
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::country::COUNTRIES;
    use super::*;

    #[test]
    fn every_main_country_lists_150_given_and_200_family_names() {
        for country in &COUNTRIES {
            let (given, family) = Locale::new(country).listed_names();
            let wanted = if country.native_script { (38, 30) } else { (150, 200) };
            assert!(
                given >= wanted.0 && family >= wanted.1,
                "{}: {given} {family}",
                country.names[0]
            );
        }
        assert_eq!(COUNTRIES.iter().map(|country| country.share).sum::<u32>(), 1000);
    }

    #[test]
    fn composed_names_are_capitalised_and_postcodes_keep_their_shape() {
        assert_eq!(capitalised("Abou_maroud"), "Abou Maroud");
        let known = postcode("SW## #@@", 3, 0, 17);
        assert_eq!(known, postcode("SW## #@@", 3, 0, 17));
        assert!(known.starts_with("SW") && known.len() == 8, "{known}");
        assert!(postcode("75-##", 3, 4, 17).starts_with("75-"));
    }

    #[test]
    fn namesakes_stay_as_many_when_the_population_grows() {
        let locale = Locale::new(&COUNTRIES[2]);
        let coincidences = |people: u64| {
            let mut rng = Rng::new(5, people);
            let mut counts: HashMap<Forms, u64> = HashMap::new();
            for _ in 0..people {
                *counts.entry(locale.family(&mut rng, people)).or_default() += 1;
            }
            counts.values().map(|count| count * (count - 1)).sum::<u64>() as f64 / people as f64
        };
        let (small, large) = (coincidences(10_000), coincidences(100_000));
        assert!((0.8..1.25).contains(&(large / small)), "{small} {large}");
    }
}
