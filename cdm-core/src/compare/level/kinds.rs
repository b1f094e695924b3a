//! The usual levels of each kind.

use super::Level;
use super::condition::Condition::{self, All, Any};
use super::date::DateCondition;
use crate::normalize::Form;
use crate::schema::Kind;

/// The last level of a whole name that is more than a relative's.
pub(crate) const IN_ANOTHER_WRITING: &str = "in another writing";
pub(super) const POSTCODE_ALONE: &str = "same postcode, street unknown";
pub(super) const SAME_POSTCODE: &str = "same postcode";
pub(super) const SAME_CITY: &str = "same city, or similar";

/// The usual levels of a field of that kind, the strongest first.
pub(super) fn levels_of(kind: Kind) -> Vec<Level> {
    match kind {
        Kind::GivenName => given_name(),
        Kind::FamilyName => family_name(),
        Kind::FullName => full_name(),
        Kind::Organisation => organisation(),
        Kind::Email => email(),
        Kind::Phone => phone(),
        Kind::Address => address(),
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
    }
}

pub(super) fn level(label: &str, when: Condition) -> Level {
    Level { label: label.to_owned(), when, counted_elsewhere: false }
}

pub(super) fn same(form: Form) -> Condition {
    Condition::same(form)
}

pub(super) fn one_edit(form: Form, min_length: u8) -> Condition {
    Condition::Osa { form, at_most: 1, min_length }
}

fn two_edits(form: Form, min_length: u8) -> Condition {
    Condition::Osa { form, at_most: 2, min_length }
}

pub(super) fn alike(form: Form, at_least: f64) -> Condition {
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
    unsaid(Condition::InAnotherWriting)
}

/// A level of which nothing can be said.
pub(super) fn unsaid(when: Condition) -> Level {
    Level { counted_elsewhere: true, ..level(IN_ANOTHER_WRITING, when) }
}

fn given_name() -> Vec<Level> {
    let mut levels = of_one_generation(vec![
        level("same name", same(Form::Ascii)),
        level("same first name", Any(vec![same(Form::Given), Condition::SameLetters])),
        level("one letter off", one_edit(Form::Ascii, 4)),
        level("sounds alike in another writing", Condition::SoundsAlikeInAnotherWriting),
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
        level("sounds alike in another writing", Condition::SoundsAlikeInAnotherWriting),
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
        level("sounds alike in another writing", Condition::SoundsAlikeInAnotherWriting),
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

fn address() -> Vec<Level> {
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
            All(vec![
                same(Form::HouseNumber),
                Any(vec![
                    All(vec![alike(Form::Street, 0.9), nowhere_else()]),
                    All(vec![same(Form::Postcode), Condition::InAnotherWriting]),
                ]),
            ]),
        ),
        level("same street", All(vec![same(Form::Street), nowhere_else()])),
        level(
            POSTCODE_ALONE,
            All(vec![
                same(Form::Postcode),
                Any(vec![
                    Condition::Compatible { form: Form::Street },
                    Condition::InAnotherWriting,
                ]),
            ]),
        ),
        level(SAME_POSTCODE, same(Form::Postcode)),
        level(SAME_CITY, Any(vec![same(Form::City), Condition::TokenJaccard { at_least: 0.5 }])),
        // Of two postcodes no writing matters.
        unsaid(All(vec![
            Condition::InAnotherWriting,
            Condition::Compatible { form: Form::Postcode },
        ])),
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
        in_another_writing(),
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
        in_another_writing(),
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
