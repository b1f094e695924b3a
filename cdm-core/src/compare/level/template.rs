use super::condition::Condition::{self, Any, Each};
use super::kinds::{
    IN_ANOTHER_WRITING, POSTCODE_ALONE, SAME_CITY, SAME_POSTCODE, alike, level, levels_of,
    one_edit, same, unsaid,
};
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
    /// | given name | same, same first name, one letter off, sounds alike in another writing, nickname, initial, similar; in another writing |
    /// | family name | same, same but for particles or spaces, part of it or former name, one letter off, sounds alike in another writing, similar; in another writing |
    /// | full name | same, same words, same first and family name, sounds alike in another writing, short first name, nearly the same spelling; in another writing; same family name |
    /// | organisation | same, same with another legal form, nearly the same, one within the other, similar |
    /// | e-mail | same, one or two letters off, same mailbox name elsewhere, similar mailbox name, same company |
    /// | phone | same, same with another extension, same last seven digits, one digit off |
    /// | address | same, same number and street, same number in a similar street, same street, same postcode with the street unknown, same postcode, same city; in another writing |
    /// | street | same, same number and street, same number in a similar street, same street, similar; in another writing |
    /// | date | same, day and month swapped, one digit off, same as far as known, one part differs, a year by its age, two or three digits off, same year, a year guessed |
    /// | identifier | same, one character off, same last four |
    /// | others | same, then nearer to farther |
    ///
    /// Of names and places of which one is in Chinese characters (of places also Arabic or Hebrew letters)
    /// and the other is not, "in another writing" says nothing.
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
        Self { name: field.clone(), fields: vec![field], levels: levels_of(kind) }
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
                Condition::Nickname,
                Condition::Initials,
                alike(Form::Ascii, 0.88),
                Condition::SoundsAlike,
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
                levels: with_swap(levels_of(Kind::GivenName), false),
            },
            Self {
                name: family.clone(),
                fields: vec![family, given],
                levels: with_swap(levels_of(Kind::FamilyName), true),
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
        if has(city) {
            let written =
                each(&[(city, Condition::InAnotherWriting), (postcode, Condition::Missing)]);
            levels.push(unsaid(written));
        }
        levels.extend(others(&fields, 0));
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
            if let (IN_ANOTHER_WRITING, [Each(written)]) = (&*level.label, &mut ways[..]) {
                for ((kind, _), of_place) in places.iter().zip(&mut written[1..]) {
                    // Two postcodes that differ are of two places in any writing.
                    *of_place = (*kind == Kind::Postcode).then_some(Condition::Missing);
                }
                if let Some(city) = places.iter().position(|(kind, _)| *kind == Kind::City) {
                    let mut alone = vec![Some(Condition::Missing); places.len() + 1];
                    alone[city + 1] = Some(Condition::InAnotherWriting);
                    ways.push(Each(alone));
                }
            }
            let when = if ways.len() == 1 { ways.remove(0) } else { Any(ways) };
            Level { when, ..level }
        };
        let levels = levels_of(Kind::Address).into_iter().map(with_place);
        let levels = levels.chain(others(&places, 1)).collect();
        let fields = places.iter().map(|(_, field)| (*field).to_owned());
        let fields = std::iter::once(address.clone()).chain(fields).collect();
        Self { name: address, fields, levels }
    }
}

/// What says that two are elsewhere though some of what says it best is unknown: for each field but the
/// first, that both have it and nothing before it. There are `before` fields before these.
fn others(fields: &[(Kind, &str)], before: usize) -> impl Iterator<Item = Level> {
    let count = before + fields.len();
    let kinds = fields.iter().map(|(kind, _)| *kind).enumerate();
    kinds.map(move |(at, kind)| (at + before, kind)).filter(|(at, _)| *at > 0).map(
        move |(at, kind)| {
            let mut each = vec![Some(Condition::Missing); at];
            each.push(Some(Condition::Present));
            each.resize(count, None);
            let label = match kind {
                Kind::Postcode => "another postcode, the rest unknown",
                Kind::City => "another city, the rest unknown",
                _ => "another region, the rest unknown",
            };
            level(label, Each(each))
        },
    )
}
