use super::condition::Condition::{self, All, Any, Each};
use super::date::DateCondition;
use super::{Comparison, Level};
use crate::normalize::Form;
use crate::schema::Kind;

impl Comparison {
    /// The usual comparison of a field of that kind, named after the field.
    ///
    /// Its first level is "the same", which every value reaches with itself; it has at most eleven
    /// with `else`. [`Condition`] says what they look at:
    ///
    /// | kind | levels |
    /// | --- | --- |
    /// | given name | same, same first name, one letter off, nickname, initial, similar; in another writing |
    /// | family name | same, same but for particles or spaces, part of it or former name, one letter off, similar; in another writing |
    /// | full name | same, same words, same first and family name, short first name, nearly the same spelling; in another writing; same family name |
    /// | organisation | same, same with another legal form, nearly the same, one within the other, similar |
    /// | e-mail | same, one or two letters off, same mailbox name elsewhere, similar mailbox name, same company |
    /// | phone | same, same with another extension, same last seven digits, one digit off |
    /// | address | same, same number and street, same number in a similar street, same street, same postcode with the street unknown, same postcode, same city |
    /// | street | same, same number and street, same number in a similar street, same street, similar |
    /// | date | same, day and month swapped, one digit off, same as far as known, one part differs, a year by its age, two or three digits off, same year, a year guessed |
    /// | identifier | same, one character off, same last four |
    /// | others | same, then nearer to farther |
    ///
    /// Of names of which one is in Chinese characters and the other is not, "in another writing"
    /// says nothing.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Kind, compare::Comparison};
    /// let comparison = Comparison::template(Kind::Date, "born");
    /// assert_eq!(comparison.label(1), "day and month swapped");
    /// ```
    #[must_use]
    pub fn template(kind: Kind, field: impl Into<String>) -> Self {
        let field = field.into();
        let levels = match kind {
            Kind::GivenName => given_name(),
            Kind::FamilyName => family_name(),
            Kind::FullName => full_name(),
            Kind::Organisation => organisation(),
            Kind::Email => email(),
            Kind::Phone => phone(),
            Kind::Address => address_levels(),
            Kind::Street => street(),
            Kind::City => city(),
            Kind::Region => region(),
            Kind::Postcode => postcode(),
            Kind::Country | Kind::Category => vec![level("same", same(Form::Canonical))],
            Kind::Date => date(),
            Kind::Identifier => identifier(),
            Kind::Url => url(),
            Kind::Text => text(),
            Kind::Number => number(),
            Kind::Geo => geo(),
        };
        Self { name: field.clone(), fields: vec![field], levels }
    }

    /// The comparisons of a person's given and family name, which are often filled the wrong way
    /// round: the usual ones, each named after its field, with a level for the swap.
    ///
    /// A swap is one piece of evidence. The given name counts it; the family name, whose level is
    /// [counted elsewhere](Level::counted_elsewhere), then says nothing.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::compare::{Comparison, Prepared};
    /// use cdm_core::{Kind, normalize::Context};
    /// let [of_given, of_family] = Comparison::person_names("given", "family");
    /// let value = |kind, raw| Prepared::from_raw(kind, raw, &Context::default()).unwrap();
    /// let (given, family) = (value(Kind::GivenName, "Ana"), value(Kind::FamilyName, "Ruiz"));
    /// let (swapped, names) = (value(Kind::GivenName, "Ruiz"), value(Kind::FamilyName, "Ana"));
    /// let level = of_given.compare(&[&[&given], &[&family]], &[&[&swapped], &[&names]]);
    /// assert_eq!(of_given.label(level.unwrap()), "given and family name swapped");
    /// assert_eq!(of_family.compare(&[&[&family], &[&given]], &[&[&names], &[&swapped]]), None);
    /// ```
    #[must_use]
    pub fn person_names(given: impl Into<String>, family: impl Into<String>) -> [Self; 2] {
        let (given, family) = (given.into(), family.into());
        // A first name says who of a family it is, and so does the generation, which mostly stands
        // behind the surname.
        let of_one_generation = |given: Condition| {
            let generation = Condition::Compatible { form: Form::Suffix };
            Any(vec![
                Each(vec![Some(given.clone()), Some(generation)]),
                Each(vec![Some(given), Some(Condition::Missing)]),
            ])
        };
        let with_swap = |levels: Vec<Level>, is_family| -> Vec<Level> {
            let counted_elsewhere = is_family;
            let when = |condition| match is_family {
                true => Each(vec![Some(condition), None]),
                false => of_one_generation(condition),
            };
            let alone = levels.into_iter().map(|level| Level { when: when(level.when), ..level });
            let mut levels: Vec<Level> = alone.collect();
            let either =
                || Any(vec![same(Form::Ascii), Condition::SameLetters, one_edit(Form::Ascii, 5)]);
            let nearly = Any(vec![
                either(),
                alike(Form::Ascii, 0.92),
                Condition::WordsWithin { at_least: 1, min_length: 3 },
            ]);
            let swaps = [
                level("given and family name swapped", Condition::Swapped(Box::new(either()))),
                level("swapped and similar", Condition::Swapped(Box::new(nearly))),
                level("in the other field", Condition::InOtherField(Box::new(either()))),
            ];
            let swaps = swaps.map(|level| Level { counted_elsewhere, ..level });
            levels.splice(1..1, swaps);
            levels
        };
        [
            Self {
                name: given.clone(),
                fields: vec![given.clone(), family.clone()],
                levels: with_swap(given_name(), false),
            },
            Self {
                name: family.clone(),
                fields: vec![family, given],
                levels: with_swap(family_name(), true),
            },
        ]
    }

    /// The comparison of where a place is, given in several of the fields postcode, city and
    /// region: `fields` with their kinds, the one that is filled most often first.
    ///
    /// One comparison, since they depend on each other: who has the postcode has the city. It is
    /// named `place`; fields of other kinds are left out.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Kind, compare::Comparison};
    /// let comparison = Comparison::place(&[(Kind::Postcode, "plz"), (Kind::City, "ort")]);
    /// assert_eq!(comparison.label(0), "same postcode and city");
    /// ```
    #[must_use]
    pub fn place(fields: &[(Kind, &str)]) -> Self {
        let kinds = [Kind::Postcode, Kind::City, Kind::Region];
        let fields: Vec<(Kind, &str)> =
            fields.iter().filter(|(kind, _)| kinds.contains(kind)).copied().collect();
        let has = |kind| fields.iter().any(|(known, _)| *known == kind);
        // The conditions of some kinds, in the order of the fields.
        let each = |wanted: &[(Kind, Condition)]| {
            let of = |kind| wanted.iter().find(|(k, _)| *k == kind).map(|(_, c)| c.clone());
            Each(fields.iter().map(|(kind, _)| of(*kind)).collect())
        };
        let alone = |kind, condition| each(&[(kind, condition)]);
        let same_city = || {
            Any(vec![
                same(Form::Canonical),
                same(Form::Ascii),
                Condition::SameLetters,
                Condition::SameWords,
                one_edit(Form::Canonical, 5),
            ])
        };
        let same_postcode = || same(Form::Canonical);
        let near_postcode = || one_edit(Form::Canonical, 4);
        let same_region = || Any(vec![same(Form::Canonical), same(Form::Ascii)]);
        let (postcode, city, region) = (Kind::Postcode, Kind::City, Kind::Region);
        let mut levels = Vec::new();
        if has(postcode) && has(city) {
            let both = |one, other| each(&[(postcode, one), (city, other)]);
            levels.push(level("same postcode and city", both(same_postcode(), same_city())));
            levels.push(level("same postcode", alone(postcode, same_postcode())));
            levels.push(level(
                "same city, postcode one character off",
                both(near_postcode(), same_city()),
            ));
            levels
                .push(level("same city, postcode unknown", both(Condition::Missing, same_city())));
        } else if has(postcode) {
            levels.push(level("same postcode", alone(postcode, same_postcode())));
        } else if has(city) && has(region) {
            let both = each(&[(city, same_city()), (region, same_region())]);
            levels.push(level("same city and region", both));
        }
        if has(city) {
            levels.push(level("same city", alone(city, same_city())));
        }
        if has(postcode) {
            levels.push(level("postcode one character off", alone(postcode, near_postcode())));
        }
        let first_two = Condition::Prefix { form: Form::Canonical, length: 2 };
        match (has(postcode), has(region)) {
            (true, true) => levels.push(level(
                "same region",
                Any(vec![alone(region, same_region()), alone(postcode, first_two)]),
            )),
            (true, false) => {
                levels.push(level("same first two of the postcode", alone(postcode, first_two)));
            }
            (false, true) => levels.push(level("same region", alone(region, same_region()))),
            (false, false) => {}
        }
        let fields = fields.iter().map(|(_, field)| (*field).to_owned()).collect();
        Self { name: "place".to_owned(), fields, levels }
    }

    /// The comparison in two: its first `levels` levels, and a second one, `rest`, of those after
    /// them, which says something of those pairs only that are on none of the first.
    ///
    /// Together they say what the one said. Apart, a coincidence can share the one without the
    /// other: firms of one group have a word of their names in common, and never the whole name.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::compare::{Comparison, Prepared};
    /// use cdm_core::{Kind, normalize::Context};
    /// let [name, words] = Comparison::template(Kind::Organisation, "name").in_two(3, "words");
    /// let value = |raw| Prepared::from_raw(Kind::Organisation, raw, &Context::default()).unwrap();
    /// let (group, other) = (value("Thomas Engineering Ltd"), value("Thomas Catering Ltd"));
    /// assert_eq!(name.label(name.compare_values(&[&group], &[&other]).unwrap()), "else");
    /// assert_eq!(words.label(words.compare_values(&[&group], &[&other]).unwrap()), "some words in common");
    /// assert_eq!(words.compare_values(&[&group], &[&group]), None);
    /// ```
    #[must_use]
    pub fn in_two(mut self, levels: usize, rest: impl Into<String>) -> [Self; 2] {
        let mut second = self.clone();
        second.name = rest.into();
        self.levels.truncate(levels);
        second.levels.iter_mut().take(levels).for_each(|level| level.counted_elsewhere = true);
        [self, second]
    }

    /// The comparison of a whole address, where some records have no more of it than a postcode or a
    /// city in fields of their own: `places` with their kinds.
    ///
    /// One comparison, named after the address: what the place says is said by the address too.
    /// Fields of other kinds are left out.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Kind, compare::Comparison};
    /// let comparison = Comparison::address("home", &[(Kind::Postcode, "zip")]);
    /// assert_eq!((comparison.fields.len(), comparison.label(5)), (2, "same postcode"));
    /// ```
    #[must_use]
    pub fn address(address: impl Into<String>, places: &[(Kind, &str)]) -> Self {
        let places: Vec<(Kind, &str)> = (places.iter())
            .filter(|(kind, _)| matches!(kind, Kind::Postcode | Kind::City))
            .copied()
            .collect();
        let address = address.into();
        if places.is_empty() {
            return Self::template(Kind::Address, address);
        }
        let with_place = |level: Level| {
            let of_address = std::iter::once(Some(level.when));
            let mut ways = vec![Each(of_address.chain(places.iter().map(|_| None)).collect())];
            for (at, (kind, _)) in places.iter().enumerate() {
                let (label, same) = match kind {
                    Kind::Postcode => (SAME_POSTCODE, same(Form::Canonical)),
                    _ => (SAME_CITY, Any(vec![same(Form::Canonical), same(Form::Ascii)])),
                };
                let of_place = |address: Option<Condition>| {
                    let mut each = vec![None; places.len() + 1];
                    (each[0], each[at + 1]) = (address, Some(same.clone()));
                    Each(each)
                };
                if level.label == label {
                    ways.push(of_place(None));
                } else if level.label == POSTCODE_ALONE && label == SAME_POSTCODE {
                    ways.push(of_place(Some(Condition::Missing)));
                }
            }
            let when = if ways.len() == 1 { ways.remove(0) } else { Any(ways) };
            Level { when, ..level }
        };
        let levels = address_levels().into_iter().map(with_place).collect();
        let fields = places.iter().map(|(_, field)| (*field).to_owned());
        let fields = std::iter::once(address.clone()).chain(fields).collect();
        Self { name: address, fields, levels }
    }
}

/// The last level of a whole name that is more than a relative's.
pub(crate) const IN_ANOTHER_WRITING: &str = "in another writing";
const POSTCODE_ALONE: &str = "same postcode, street unknown";
const SAME_POSTCODE: &str = "same postcode";
const SAME_CITY: &str = "same city, or similar";

fn level(label: &str, when: Condition) -> Level {
    Level { label: label.to_owned(), when, counted_elsewhere: false }
}

fn same(form: Form) -> Condition {
    Condition::same(form)
}

fn one_edit(form: Form, min_length: u8) -> Condition {
    Condition::Osa { form, at_most: 1, min_length }
}

fn two_edits(form: Form, min_length: u8) -> Condition {
    Condition::Osa { form, at_most: 2, min_length }
}

fn alike(form: Form, at_least: f64) -> Condition {
    Condition::JaroWinkler { form, at_least, min_length: 0 }
}

/// A junior is not the senior, however alike their names.
fn of_one_generation(levels: Vec<Level>) -> Vec<Level> {
    let one = |level: Level| {
        let when = All(vec![level.when, Condition::Compatible { form: Form::Suffix }]);
        Level { when, ..level }
    };
    levels.into_iter().map(one).collect()
}

/// What can be read in several ways is no other name.
fn in_another_writing() -> Level {
    let level = level(IN_ANOTHER_WRITING, Condition::CharactersAndLetters);
    Level { counted_elsewhere: true, ..level }
}

fn given_name() -> Vec<Level> {
    let mut levels = of_one_generation(vec![
        level("same name", same(Form::Ascii)),
        level("same first name", Any(vec![same(Form::Given), Condition::SameLetters])),
        level("one letter off", one_edit(Form::Ascii, 4)),
        level("nickname", Condition::Nickname),
        level("initial", Condition::Initials),
        level(
            "similar name",
            Any(vec![
                alike(Form::Ascii, 0.88),
                alike(Form::Given, 0.9),
                two_edits(Form::Ascii, 5),
                Condition::SoundsAlike,
            ]),
        ),
    ]);
    levels.push(in_another_writing());
    levels
}

fn family_name() -> Vec<Level> {
    let mut levels = of_one_generation(vec![
        level("same name", same(Form::Ascii)),
        level(
            "same but for particles or spaces",
            Any(vec![same(Form::Core), Condition::SameLetters, Condition::SameWords]),
        ),
        level(
            "part of the name, or a former one",
            Any(vec![
                Condition::WordsWithin { at_least: 1, min_length: 3 },
                Condition::AlsoKnownAs,
            ]),
        ),
        level("one letter off", Any(vec![one_edit(Form::Ascii, 4), one_edit(Form::Core, 4)])),
        level(
            "similar spelling",
            Any(vec![alike(Form::Ascii, 0.9), alike(Form::Core, 0.92), two_edits(Form::Ascii, 6)]),
        ),
        level("sounds alike", Condition::SoundsAlike),
    ]);
    levels.push(in_another_writing());
    levels
}

fn full_name() -> Vec<Level> {
    let mut levels = of_one_generation(vec![
        level("same name", same(Form::Ascii)),
        level("same words", Any(vec![Condition::SameWords, Condition::SameLetters])),
        level(
            "same first and family name",
            Any(vec![
                All(vec![same(Form::Given), same(Form::Family)]),
                Condition::WordsWithin { at_least: 2, min_length: 3 },
            ]),
        ),
        level(
            "short first name, same family name",
            All(vec![same(Form::Family), Any(vec![Condition::Nickname, Condition::Initials])]),
        ),
        level(
            "similar name",
            Any(vec![
                Condition::Osa { form: Form::Ascii, at_most: 2, min_length: 8 },
                Condition::MongeElkan { at_least: 0.93 },
                All(vec![same(Form::Family), alike(Form::Given, 0.85)]),
                Condition::SoundsAlike,
            ]),
        ),
    ]);
    levels.push(in_another_writing());
    levels.push(level("same family name", same(Form::Family)));
    levels
}

fn organisation() -> Vec<Level> {
    vec![
        level(
            "same name",
            Any(vec![
                same(Form::Canonical),
                All(vec![same(Form::Ascii), Condition::Compatible { form: Form::LegalForm }]),
            ]),
        ),
        level("same name, other legal form", same(Form::Ascii)),
        level(
            "nearly the same name",
            Any(vec![Condition::SameLetters, Condition::SameWords, one_edit(Form::Ascii, 5)]),
        ),
        level("one name within the other", Condition::WordsWithin { at_least: 1, min_length: 4 }),
        level(
            "similar name",
            Any(vec![
                Condition::MongeElkan { at_least: 0.9 },
                Condition::TokenJaccard { at_least: 0.6 },
                alike(Form::Ascii, 0.92),
            ]),
        ),
        level(
            "some words in common",
            Any(vec![Condition::TokenJaccard { at_least: 0.3 }, Condition::SoundsAlike]),
        ),
    ]
}

fn email() -> Vec<Level> {
    let personal = |condition| All(vec![Condition::Personal, condition]);
    vec![
        level("same address", same(Form::Canonical)),
        level(
            "one or two letters off",
            Any(vec![one_edit(Form::Canonical, 8), two_edits(Form::Canonical, 12)]),
        ),
        level(
            "same mailbox name at another domain",
            personal(Condition::Same { form: Form::Local, min_length: 4 }),
        ),
        level(
            "similar mailbox name",
            personal(Condition::JaroWinkler { form: Form::Local, at_least: 0.92, min_length: 5 }),
        ),
        level("same company's domain", All(vec![Condition::OwnDomain, same(Form::Domain)])),
    ]
}

fn phone() -> Vec<Level> {
    vec![
        level(
            "same number",
            All(vec![same(Form::Canonical), Condition::Compatible { form: Form::Extension }]),
        ),
        level("same number, other extension", same(Form::Canonical)),
        level("same last seven digits", Condition::Last { form: Form::Canonical, length: 7 }),
        level("one digit off", one_edit(Form::Canonical, 7)),
    ]
}

fn address_levels() -> Vec<Level> {
    let same_place = || {
        Any(vec![
            same(Form::Postcode),
            All(vec![same(Form::City), Condition::Compatible { form: Form::Postcode }]),
        ])
    };
    let nowhere_else = || {
        Any(vec![
            Condition::Compatible { form: Form::Postcode },
            Condition::Compatible { form: Form::City },
        ])
    };
    let door = || All(vec![same(Form::HouseNumber), same(Form::Street)]);
    vec![
        level(
            "same address",
            Any(vec![
                same(Form::Canonical),
                All(vec![
                    Any(vec![door(), same(Form::PoBox)]),
                    same_place(),
                    Condition::Compatible { form: Form::Unit },
                ]),
            ]),
        ),
        level("same number and street", All(vec![door(), nowhere_else()])),
        level(
            "same number, similar street",
            All(vec![same(Form::HouseNumber), alike(Form::Street, 0.9), nowhere_else()]),
        ),
        level("same street", All(vec![same(Form::Street), nowhere_else()])),
        level(
            POSTCODE_ALONE,
            All(vec![same(Form::Postcode), Condition::Compatible { form: Form::Street }]),
        ),
        level(SAME_POSTCODE, same(Form::Postcode)),
        level(SAME_CITY, Any(vec![same(Form::City), Condition::TokenJaccard { at_least: 0.5 }])),
    ]
}

fn street() -> Vec<Level> {
    vec![
        level("same street and number", Any(vec![same(Form::Canonical), same(Form::Ascii)])),
        level(
            "same but for the unit",
            Any(vec![All(vec![same(Form::HouseNumber), same(Form::Street)]), same(Form::PoBox)]),
        ),
        level(
            "same number, similar street",
            All(vec![same(Form::HouseNumber), alike(Form::Street, 0.9)]),
        ),
        level("one letter or digit off", Any(vec![one_edit(Form::Ascii, 8), Condition::SameWords])),
        level("same street", same(Form::Street)),
        level(
            "similar street",
            Any(vec![alike(Form::Street, 0.92), Condition::TokenJaccard { at_least: 0.5 }]),
        ),
    ]
}

fn city() -> Vec<Level> {
    vec![
        level("same city", Any(vec![same(Form::Canonical), same(Form::Ascii)])),
        level(
            "nearly the same spelling",
            Any(vec![Condition::SameLetters, Condition::SameWords, one_edit(Form::Canonical, 5)]),
        ),
        level("one name within the other", Condition::WordsWithin { at_least: 1, min_length: 4 }),
        level("similar name", Any(vec![alike(Form::Canonical, 0.9), Condition::SoundsAlike])),
    ]
}

fn region() -> Vec<Level> {
    vec![
        level("same region", Any(vec![same(Form::Canonical), same(Form::Ascii)])),
        level(
            "similar name",
            Condition::JaroWinkler { form: Form::Canonical, at_least: 0.9, min_length: 5 },
        ),
    ]
}

fn postcode() -> Vec<Level> {
    let prefix = |length| Condition::Prefix { form: Form::Canonical, length };
    vec![
        level("same postcode", same(Form::Canonical)),
        level("one character off", one_edit(Form::Canonical, 4)),
        level("same first three", prefix(3)),
        level("same first two", prefix(2)),
    ]
}

fn date() -> Vec<Level> {
    let date = Condition::Date;
    vec![
        level("same date", same(Form::Canonical)),
        level("day and month swapped", date(DateCondition::DayMonthSwapped)),
        level("one digit off", date(DateCondition::OneDigitOff)),
        level("same as far as known", date(DateCondition::Compatible)),
        level("one part differs", date(DateCondition::OnePartDiffers)),
        level("a year by its age", date(DateCondition::YearOfAge)),
        level("two digits off", date(DateCondition::TwoDigitsOff)),
        level("three digits off", date(DateCondition::ThreeDigitsOff)),
        level("same year", date(DateCondition::SameYear)),
        level("a year guessed", date(DateCondition::YearGuessed)),
    ]
}

fn identifier() -> Vec<Level> {
    vec![
        level("same number", same(Form::Canonical)),
        level("one character off", one_edit(Form::Canonical, 6)),
        level("same last four", Condition::Last { form: Form::Canonical, length: 4 }),
    ]
}

fn url() -> Vec<Level> {
    vec![
        level("same page", same(Form::Canonical)),
        level("one letter off", one_edit(Form::Canonical, 10)),
        level("same site", same(Form::Domain)),
        level("similar site", alike(Form::Domain, 0.93)),
    ]
}

fn text() -> Vec<Level> {
    vec![
        level("same text", Any(vec![same(Form::Canonical), same(Form::Ascii)])),
        level("same words", Any(vec![Condition::SameWords, Condition::SameLetters])),
        level(
            "nearly the same",
            Any(vec![
                Condition::Osa { form: Form::Ascii, at_most: 2, min_length: 8 },
                Condition::MongeElkan { at_least: 0.95 },
            ]),
        ),
        level("one within the other", Condition::WordsWithin { at_least: 2, min_length: 4 }),
        level("half the words in common", Condition::TokenJaccard { at_least: 0.5 }),
        level("some words in common", Condition::TokenJaccard { at_least: 0.25 }),
    ]
}

fn number() -> Vec<Level> {
    let within = |at_most| Condition::RelativeDifference { at_most };
    vec![
        level("same number", same(Form::Canonical)),
        level("within 1 %", within(0.01)),
        level("within 5 %", within(0.05)),
        level("within 20 %", within(0.2)),
    ]
}

fn geo() -> Vec<Level> {
    let within = |at_most_m| Condition::Distance { at_most_m };
    vec![
        level("same place", same(Form::Canonical)),
        level("within 50 m", within(50.0)),
        level("within 250 m", within(250.0)),
        level("within 1 km", within(1_000.0)),
        level("within 10 km", within(10_000.0)),
        level("within 50 km", within(50_000.0)),
    ]
}
