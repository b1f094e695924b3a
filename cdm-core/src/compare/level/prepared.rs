use std::fmt;

use super::date::Parts;
use crate::compare::metric::{Text, Tokens};
use crate::normalize::{self, Context, Form, Issue, IssueSet, Normalized};
use crate::schema::Kind;

/// A usable value, with everything that comparison levels look at worked out once.
///
/// What there is depends on the kind: forms of every kind, words of names, organisations, places and
/// texts, nickname classes and sounds of names, the parts of dates, the numbers of quantities.
/// Build one for each distinct value; comparing two then allocates nothing. `Debug` hides the value.
///
/// # Examples
/// ```
/// use cdm_core::{Kind, compare::Prepared, normalize};
/// let name = Prepared::new(Kind::GivenName, &normalize::given_name("José")).unwrap();
/// assert_eq!(name.form(normalize::Form::Ascii), Some("jose"));
/// assert!(Prepared::new(Kind::GivenName, &normalize::given_name("N/A")).is_none());
/// ```
#[derive(Clone, PartialEq)]
pub struct Prepared {
    kind: Kind,
    issues: IssueSet,
    /// Sorted by form, as in the value; [`Form::Ascii`] and [`Form::Core`] filled in.
    forms: Box<[(Form, Text)]>,
    pub(super) words: Tokens,
    /// The words of the first and middle names, in order.
    pub(super) given_words: Box<[Box<str>]>,
    /// Sorted.
    pub(super) nicknames: Box<[Box<str>]>,
    /// Sorted.
    pub(super) sounds: Box<[Box<str>]>,
    pub(super) date: Option<Parts>,
    pub(super) number: Option<f64>,
    pub(super) place: Option<[f64; 2]>,
}

impl Prepared {
    /// The value of that kind; `None` where it is not usable.
    #[must_use]
    pub fn new(kind: Kind, value: &Normalized) -> Option<Self> {
        let canonical = value.canonical()?;
        let ascii = value.form(Form::Ascii).unwrap_or(canonical);
        let mut forms: Vec<(Form, Text)> = value
            .forms()
            .filter(|(form, _)| !matches!(form, Form::Display | Form::Deliverable))
            .map(|(form, text)| (form, Text::new(text)))
            .collect();
        // A name without a letter that could be transliterated still equals itself, and a surname
        // without particles is its own core.
        if value.form(Form::Ascii).is_none() {
            forms.push((Form::Ascii, Text::new(ascii)));
        }
        if kind == Kind::FamilyName && value.form(Form::Core).is_none() {
            forms.push((Form::Core, Text::new(ascii)));
        }
        forms.sort_by_key(|(form, _)| *form);
        let has = Traits::of(kind);
        let given = value.form(Form::Given).unwrap_or(match kind {
            Kind::GivenName => ascii,
            _ => "",
        });
        let first_names = || std::iter::once(given).chain(value.all(Form::Alias));
        let mut given_words: Vec<Box<str>> = Vec::new();
        let mut nicknames = Vec::new();
        let mut sounds = Vec::new();
        if has.given {
            for form in [given, value.form(Form::Middle).unwrap_or_default()] {
                given_words.extend(words(form).map(Into::into));
            }
            nicknames.extend(first_names().flat_map(normalize::nickname_classes));
        }
        if has.sounds {
            let sounded = match kind {
                Kind::GivenName => given,
                Kind::FamilyName => value.form(Form::Core).unwrap_or(ascii),
                _ => ascii,
            };
            // A single consonant is shared by too many names to say anything; A is any vowel.
            let tells = |code: &String| code.bytes().filter(|b| !b" A".contains(b)).count() > 1;
            sounds.extend(normalize::phonetic_codes(sounded).into_iter().filter(tells));
        }
        let number = |form| value.form(form).and_then(|text| text.parse().ok());
        Some(Self {
            kind,
            issues: value.issues(),
            forms: forms.into(),
            words: Tokens::new(if has.words { ascii } else { "" }),
            given_words: given_words.into(),
            nicknames: sorted(nicknames),
            sounds: sorted(sounds),
            date: if kind == Kind::Date { Parts::new(canonical) } else { None },
            number: if kind == Kind::Number { number(Form::Canonical) } else { None },
            place: number(Form::Latitude).zip(number(Form::Longitude)).map(|(a, b)| [a, b]),
        })
    }

    /// The raw value, normalised first.
    #[must_use]
    pub fn from_raw(kind: Kind, raw: &str, context: &Context) -> Option<Self> {
        Self::new(kind, &normalize::value(kind, raw, context))
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first text of that form. [`Form::Ascii`] is there for every value, and [`Form::Core`]
    /// for every surname.
    #[must_use]
    pub fn form(&self, form: Form) -> Option<&str> {
        self.text(form).map(Text::as_str)
    }

    #[inline]
    pub(super) fn text(&self, form: Form) -> Option<&Text> {
        self.forms.iter().find(|(known, _)| *known == form).map(|(_, text)| text)
    }

    /// Names it goes by beside its own, and its own.
    pub(super) fn names(&self) -> impl Iterator<Item = (Form, &str)> {
        let is_name = |form| matches!(form, Form::Canonical | Form::Ascii | Form::Alias);
        self.forms.iter().filter(move |(form, _)| is_name(*form)).map(|(f, t)| (*f, t.as_str()))
    }

    pub(super) fn is(&self, issue: Issue) -> bool {
        self.issues.contains(issue)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What the values of a kind have beside their forms.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    pub(super) words: bool,
    pub(super) given: bool,
    pub(super) sounds: bool,
}

impl Traits {
    pub(super) fn of(kind: Kind) -> Self {
        let given = matches!(kind, Kind::GivenName | Kind::FullName);
        let sounds = given
            || matches!(kind, Kind::FamilyName | Kind::Organisation | Kind::Street | Kind::City);
        let words = sounds || matches!(kind, Kind::Text | Kind::Address | Kind::Region);
        Self { words, given, sounds }
    }
}

fn words(name: &str) -> impl Iterator<Item = String> {
    let ascii = normalize::ascii(name);
    ascii
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

fn sorted(mut texts: Vec<String>) -> Box<[Box<str>]> {
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter().map(Into::into).collect()
}
