use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::date::DateCondition;
use super::prepared::{Prepared, Slot, Traits};
use super::words;
use crate::compare::metric::{haversine_m, jaro_winkler, osa_within, relative_difference};
use crate::normalize::{Form, Issue};
use crate::schema::Kind;

/// When two values are on a level. Every condition is symmetric.
///
/// In JSON a condition without settings is its name, another an object of its name:
///
/// ```json
/// {"any": ["nickname", {"jaro_winkler": {"form": "ascii", "at_least": 0.92}}]}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Condition {
    /// Both have a usable value, whatever it says.
    Present,
    /// Both have the form, and it is the same.
    Same {
        /// The form.
        form: Form,
        /// How many characters it has at least.
        #[serde(default, skip_serializing_if = "is_zero")]
        min_length: u8,
    },
    /// The form is the same, or one of them lacks it.
    Compatible {
        /// The form.
        form: Form,
    },
    /// The same letters and digits once transliterated, whatever spaces there are.
    SameLetters,
    /// The same words in any order, repeated ones as often.
    SameWords,
    /// Every word of the one is in the other.
    WordsWithin {
        /// How many words they share at least.
        at_least: u8,
        /// How many characters the longest of the words shared has at least.
        #[serde(default, skip_serializing_if = "is_zero")]
        min_length: u8,
    },
    /// Words in common as a share of all words.
    TokenJaccard {
        /// The least share, from 0 to 1.
        at_least: f64,
    },
    /// Each word of the one is like some word of the other, in the mean.
    MongeElkan {
        /// The least similarity, from 0 to 1.
        at_least: f64,
    },
    /// First names that share a nickname class: Bob and Robert.
    Nickname,
    /// First and middle names that are equal word by word as far as both have words, an initial
    /// standing for any word that begins with it: J. R. and John Ronald.
    Initials,
    /// A name in common, former and other names counted: Müller, née Schmidt, and Schmidt.
    AlsoKnownAs,
    /// A Double Metaphone code with two consonants or more in common.
    SoundsAlike,
    /// The same, of two of which one is written in Arabic or Hebrew letters or in Chinese characters and the
    /// other is not: محمد and Mohammed. Such names are seldom somebody else's.
    SoundsAlikeInAnotherWriting,
    /// One is written in Chinese characters and the other is not; of places, in Arabic or Hebrew letters as
    /// well. How they are read the characters do not say (浩 is Hiroshi, Yutaka or Hao), so that the two
    /// can neither agree nor differ.
    InAnotherWriting,
    /// Jaro-Winkler similarity.
    JaroWinkler {
        /// The form.
        form: Form,
        /// The least similarity, from 0 to 1.
        at_least: f64,
        /// How many characters both have at least.
        #[serde(default, skip_serializing_if = "is_zero")]
        min_length: u8,
    },
    /// Edits, an exchange of two neighbours counted once (optimal string alignment).
    Osa {
        /// The form.
        form: Form,
        /// The most edits.
        at_most: u8,
        /// How many characters both have at least.
        #[serde(default, skip_serializing_if = "is_zero")]
        min_length: u8,
    },
    /// The same first characters; both have so many.
    Prefix {
        /// The form.
        form: Form,
        /// How many.
        length: u8,
    },
    /// The same last characters; both have so many.
    Last {
        /// The form.
        form: Form,
        /// How many.
        length: u8,
    },
    /// Neither e-mail address is that of a function, such as `info@`.
    Personal,
    /// Neither e-mail domain is a public provider's or gives out throw-away addresses.
    OwnDomain,
    /// How dates are alike.
    Date(DateCondition),
    /// Difference of two numbers, as a share of the one further from 0.
    RelativeDifference {
        /// The most, 0.05 for 5 %.
        at_most: f64,
    },
    /// Distance of two places.
    Distance {
        /// The most, in metres.
        at_most_m: f64,
    },
    /// All of these, for the same two values.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
    /// One condition for each field of the comparison; `null` for a field that does not matter.
    Each(Vec<Option<Condition>>),
    /// The condition holds between each field and the other one of two.
    Swapped(Box<Condition>),
    /// The condition holds between one of two fields and the other one, which is all that one of the
    /// records has: a surname alone, put where the first name belongs.
    InOtherField(Box<Condition>),
    /// Within [`Each`](Self::Each): one side has no usable value in the field.
    Missing,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl Condition {
    /// Both have that form, and it is the same.
    #[must_use]
    pub fn same(form: Form) -> Self {
        Condition::Same { form, min_length: 0 }
    }

    /// Whether it holds for two values of one field.
    #[must_use]
    pub fn holds(&self, left: &Prepared, right: &Prepared) -> bool {
        let both = |form| left.form(form).zip(right.form(form));
        let long = |form, least: u8| {
            both(form).filter(|(l, r)| has_chars(l, least) && has_chars(r, least))
        };
        match self {
            Condition::Present => true,
            Condition::Same { form, min_length } => {
                long(*form, *min_length).is_some_and(|(l, r)| l == r)
            }
            Condition::Compatible { form } => both(*form).is_none_or(|(l, r)| l == r),
            Condition::SameLetters => both(Form::Ascii).is_some_and(|(l, r)| same_letters(l, r)),
            Condition::SameWords => words::same(left, right),
            Condition::WordsWithin { at_least, min_length } => {
                words::within(left, right, (*at_least).into(), *min_length)
            }
            Condition::TokenJaccard { at_least } => words::jaccard(left, right) >= *at_least,
            Condition::MongeElkan { at_least } => words::monge_elkan(left, right) >= *at_least,
            Condition::Nickname => share(left, right, Slot::Nickname),
            Condition::SoundsAlike => share(left, right, Slot::Sound),
            Condition::SoundsAlikeInAnotherWriting => {
                left.writing() != right.writing() && share(left, right, Slot::Sound)
            }
            Condition::InAnotherWriting => {
                left.writing() != right.writing() && (left.is_unread() || right.is_unread())
            }
            Condition::Initials => initials(left, right),
            Condition::AlsoKnownAs => also_known_as(left, right),
            Condition::JaroWinkler { form, at_least, min_length } => {
                long(*form, *min_length).is_some_and(|(l, r)| jaro_winkler(l, r) >= *at_least)
            }
            Condition::Osa { form, at_most, min_length } => long(*form, *min_length)
                .is_some_and(|(l, r)| osa_within(l, r, (*at_most).into()).is_some()),
            Condition::Prefix { form, length } => {
                long(*form, *length).is_some_and(|(l, r)| same_prefix(l, r, (*length).into()))
            }
            Condition::Last { form, length } => {
                long(*form, *length).is_some_and(|(l, r)| same_last(l, r, (*length).into()))
            }
            Condition::Personal => !left.is(Issue::RoleAccount) && !right.is(Issue::RoleAccount),
            Condition::OwnDomain => [left, right].into_iter().all(|value| {
                !value.is(Issue::FreemailDomain) && !value.is(Issue::DisposableDomain)
            }),
            Condition::Date(condition) => {
                left.date().zip(right.date()).is_some_and(|(l, r)| condition.holds(l, r))
            }
            Condition::RelativeDifference { at_most } => left
                .number()
                .zip(right.number())
                .is_some_and(|(l, r)| relative_difference(l, r) <= *at_most),
            Condition::Distance { at_most_m } => left
                .place()
                .zip(right.place())
                .is_some_and(|(l, r)| haversine_m(l, r) <= *at_most_m),
            Condition::All(all) => all.iter().all(|condition| condition.holds(left, right)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(left, right)),
            // These are about several fields.
            Condition::Each(_)
            | Condition::Swapped(_)
            | Condition::InOtherField(_)
            | Condition::Missing => false,
        }
    }

    /// Whether it holds for the values of two records, one list of values for each field.
    pub(super) fn holds_for(&self, left: &[&[&Prepared]], right: &[&[&Prepared]]) -> bool {
        match self {
            Condition::Each(each) => each.iter().enumerate().all(|(field, condition)| {
                let (left, right) = (values(left, field), values(right, field));
                match condition {
                    None => true,
                    Some(Condition::Missing) => left.is_empty() || right.is_empty(),
                    Some(condition) => condition.holds_for_some(left, right),
                }
            }),
            Condition::Swapped(condition) => {
                condition.holds_for_some(values(left, 0), values(right, 1))
                    && condition.holds_for_some(values(left, 1), values(right, 0))
            }
            Condition::InOtherField(condition) => {
                let only = |one: &[&[&Prepared]], field, other: &[&[&Prepared]]| {
                    values(one, 1 - field).is_empty()
                        && condition.holds_for_some(values(one, field), values(other, 1 - field))
                };
                (0..2).any(|field| only(left, field, right) || only(right, field, left))
            }
            Condition::All(all) if left.len() > 1 => all.iter().all(|c| c.holds_for(left, right)),
            Condition::Any(any) if left.len() > 1 => any.iter().any(|c| c.holds_for(left, right)),
            condition => condition.holds_for_some(values(left, 0), values(right, 0)),
        }
    }

    /// Whether it holds of two records only where both have a value in the first field, surely.
    pub(super) fn needs_first(&self) -> bool {
        match self {
            Condition::Any(any) => !any.is_empty() && any.iter().all(Self::needs_first),
            Condition::All(all) => all.iter().any(Self::needs_first),
            Condition::Each(each) => {
                matches!(each.first(), Some(Some(first)) if first.needs_first())
            }
            Condition::Swapped(_) | Condition::InOtherField(_) | Condition::Missing => false,
            _ => true,
        }
    }

    /// Whether it holds for some value of the left and some of the right.
    pub(super) fn holds_for_some(&self, left: &[&Prepared], right: &[&Prepared]) -> bool {
        left.iter().any(|left| right.iter().any(|right| self.holds(left, right)))
    }

    /// Why it makes no sense for fields of these kinds, where it does not; `path` says where.
    pub(super) fn fault(&self, kinds: &[Kind], path: &str) -> Option<(String, String)> {
        let at = |reason: String| Some((path.to_owned(), reason));
        match self {
            Condition::Each(each) => {
                if each.len() != kinds.len() {
                    return at(format!(
                        "`each` has {} conditions: wanted one for each of {} fields",
                        each.len(),
                        kinds.len()
                    ));
                }
                if each.iter().all(|c| matches!(c, None | Some(Condition::Missing))) {
                    return at("`each` compares nothing".to_owned());
                }
                each.iter().zip(kinds).enumerate().find_map(|(field, (condition, kind))| {
                    let path = format!("{path}.each[{field}]");
                    match condition {
                        None | Some(Condition::Missing) => None,
                        Some(condition) => condition.fault_of_one(*kind, &path),
                    }
                })
            }
            Condition::Swapped(condition) | Condition::InOtherField(condition) => match kinds {
                [first, second] => (condition.fault_of_one(*first, path))
                    .or_else(|| condition.fault_of_one(*second, path)),
                _ => at(format!("a swap wants two fields; there are {}", kinds.len())),
            },
            Condition::All(list) | Condition::Any(list) if kinds.len() > 1 => {
                if list.is_empty() {
                    return at("an empty list of conditions".to_owned());
                }
                (list.iter().enumerate())
                    .find_map(|(position, c)| c.fault(kinds, &format!("{path}[{position}]")))
            }
            condition => match kinds {
                [kind] => condition.fault_of_one(*kind, path),
                _ => at("wanted `each` or `swapped`: there are several fields".to_owned()),
            },
        }
    }

    fn fault_of_one(&self, kind: Kind, path: &str) -> Option<(String, String)> {
        let has = Traits::of(kind);
        let fits = match self {
            Condition::Each(_)
            | Condition::Swapped(_)
            | Condition::InOtherField(_)
            | Condition::Missing => {
                let reason = "`each`, `swapped`, `in_other_field` and `missing` are about several \
                              fields"
                    .to_owned();
                return Some((path.to_owned(), reason));
            }
            Condition::All(list) | Condition::Any(list) => {
                if list.is_empty() {
                    return Some((path.to_owned(), "an empty list of conditions".to_owned()));
                }
                return (list.iter().enumerate())
                    .find_map(|(i, c)| c.fault_of_one(kind, &format!("{path}[{i}]")));
            }
            Condition::TokenJaccard { at_least }
            | Condition::MongeElkan { at_least }
            | Condition::JaroWinkler { at_least, .. }
                if !(*at_least > 0.0 && *at_least <= 1.0) =>
            {
                let reason = format!("at_least is {at_least}: wanted more than 0, at most 1");
                return Some((path.to_owned(), reason));
            }
            Condition::RelativeDifference { at_most: most }
            | Condition::Distance { at_most_m: most }
                if !(*most >= 0.0 && most.is_finite()) =>
            {
                return Some((path.to_owned(), format!("{most} is no limit: wanted 0 or more")));
            }
            Condition::Prefix { length: 0, .. } | Condition::Last { length: 0, .. } => {
                return Some((path.to_owned(), "length is 0: wanted 1 or more".to_owned()));
            }
            Condition::WordsWithin { at_least: 0, .. } => {
                return Some((path.to_owned(), "at_least is 0: wanted 1 or more".to_owned()));
            }
            Condition::Present => true,
            Condition::SameWords
            | Condition::WordsWithin { .. }
            | Condition::TokenJaccard { .. }
            | Condition::MongeElkan { .. } => has.words,
            Condition::Nickname | Condition::Initials => has.given,
            Condition::SoundsAlike => has.sounds,
            Condition::SoundsAlikeInAnotherWriting => has.given,
            Condition::InAnotherWriting => has.words,
            Condition::AlsoKnownAs => has.given,
            Condition::Personal | Condition::OwnDomain => kind == Kind::Email,
            Condition::Date(_) => kind == Kind::Date,
            Condition::RelativeDifference { .. } => kind == Kind::Number,
            Condition::Distance { .. } => kind == Kind::Geo,
            _ => true,
        };
        (!fits).then(|| (path.to_owned(), format!("a {kind} has nothing that it could look at")))
    }
}

fn values<'a, 'p>(fields: &'a [&'a [&'p Prepared]], field: usize) -> &'a [&'p Prepared] {
    fields.get(field).copied().unwrap_or_default()
}

/// Whether a text has so many characters at least.
pub(super) fn has_chars(text: &str, least: u8) -> bool {
    let least = usize::from(least);
    // No character takes more than four bytes.
    text.len() >= 4 * least || text.chars().take(least).count() == least
}

/// Whether two values share a text of a slot that is sorted.
fn share(left: &Prepared, right: &Prepared, slot: Slot) -> bool {
    let (mut left, mut right) = (left.all(slot), right.all(slot));
    let (mut l, mut r) = (left.next(), right.next());
    while let (Some(one), Some(other)) = (l, r) {
        match one.cmp(other) {
            Ordering::Equal => return true,
            Ordering::Less => l = left.next(),
            Ordering::Greater => r = right.next(),
        }
    }
    false
}

fn same_letters(left: &str, right: &str) -> bool {
    let letters = |text: &str| -> usize { text.bytes().filter(|b| *b != b' ').count() };
    let same = left.bytes().filter(|b| *b != b' ');
    letters(left) > 0 && same.eq(right.bytes().filter(|b| *b != b' '))
}

fn same_prefix(left: &str, right: &str, length: usize) -> bool {
    left.chars().take(length).eq(right.chars().take(length))
}

fn same_last(left: &str, right: &str, length: usize) -> bool {
    left.chars().rev().take(length).eq(right.chars().rev().take(length))
}

fn initials(left: &Prepared, right: &Prepared) -> bool {
    let stands_for = |short: &str, long: &str| {
        let mut letters = short.chars();
        letters.next().is_some_and(|first| letters.next().is_none() && long.starts_with(first))
    };
    let mut pairs = left.all(Slot::GivenWord).zip(right.all(Slot::GivenWord)).peekable();
    pairs.peek().is_some() && pairs.all(|(l, r)| l == r || stands_for(l, r) || stands_for(r, l))
}

fn also_known_as(left: &Prepared, right: &Prepared) -> bool {
    left.names().any(|(form, name)| {
        right
            .names()
            .any(|(other, known)| name == known && (form == Form::Alias || other == Form::Alias))
    })
}
