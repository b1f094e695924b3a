use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema as JsonSchemaDocument, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, nearest};
use crate::normalize::{Form, ascii, nickname_classes, phonetic_codes};
use crate::schema::{Kind, Schema};

/// What of a record a rule looks at: a field, one of its forms, and what is made of it.
///
/// Written as `field`, `field.form`, `field.transform`, or several of these in one key as
/// `sorted(field, field)`:
///
/// | expression | of a record |
/// | --- | --- |
/// | `email` | the canonical address |
/// | `family_name.phonetic` | how the surname sounds |
/// | `name.family.prefix(3)` | first three letters of the surname within a whole name |
/// | `given_name.nickname` | the classes of the first name, one for Bob and Robert |
/// | `organisation.words` | each word; with common ones stopped, the rare ones |
/// | `family_name.deletions` | the surname, and what is left of it without each letter in turn, so that a slip does not matter |
/// | `email.local` | what stands before the `@` |
/// | `phone.last(7)` | last seven digits of the number |
/// | `born.year` | year of the date |
/// | `born.year_month`, `born.month_day` | what is left of a date in which the day, or the year, is wrong |
/// | `sorted(given_name, family_name)` | both names' words in alphabetical order, so that a swap does not matter |
///
/// Without a form, names, organisations, streets and cities stand for their transliteration
/// ([`Form::Ascii`]), everything else for its [`Form::Canonical`].
///
/// # Examples
/// ```
/// use cdm_core::features::Expression;
/// let expression: Expression = "family_name.ascii.prefix(3)".parse()?;
/// assert_eq!(expression.to_string(), "family_name.ascii.prefix(3)");
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expression {
    terms: Vec<Term>,
    /// Whether it was written `sorted(...)`: the words of all terms in one sorted key.
    sorted: bool,
}

/// One field of an expression, with its form and transforms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Term {
    pub(crate) field: String,
    form: Option<Form>,
    transforms: Vec<Transform>,
}

/// What is made of a form's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transform {
    /// `phonetic`: the Double Metaphone codes.
    Phonetic,
    /// `nickname`: the classes of first names it belongs to.
    Nickname,
    /// `initial`: the first letter.
    Initial,
    /// `first`: the first word.
    First,
    /// `words`: every word, each on its own.
    Words,
    /// `deletions`: the text, and where it has 5 to 24 characters every text that is left of it
    /// without one of them: two texts one edit apart, an exchange of neighbours included, share a
    /// key. Keys that one record alone has may be left out.
    ///
    /// The deletion neighbourhood of Mor & Fraenkel (1982), A hash code method for detecting and
    /// correcting spelling errors, CACM 25(12), 935-938, as in the program SymSpell.
    Deletions,
    /// `sorted`: the words in alphabetical order.
    Sorted,
    /// `digits`: the digits alone.
    Digits,
    /// `prefix(n)`: the first n characters; nothing where there are fewer.
    Prefix(u8),
    /// `last(n)`: the last n characters; nothing where there are fewer.
    Last(u8),
    /// `year` of a date, where it has one.
    Year,
    /// `year_month` of a date, where it has both.
    YearMonth,
    /// `month_day` of a date, where it has both.
    MonthDay,
}

const TRANSFORMS: [&str; 13] = [
    "phonetic",
    "nickname",
    "initial",
    "first",
    "words",
    "deletions",
    "sorted",
    "digits",
    "prefix(n)",
    "last(n)",
    "year",
    "year_month",
    "month_day",
];

impl Expression {
    /// The fields it looks at, in the order in which they are written.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(|term| term.field.as_str())
    }

    pub(crate) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether it gives many keys a text, of which not all are kept.
    pub(crate) fn spreads(&self) -> bool {
        // A sorted key is made of all keys: the one that nobody shares may meet another field's.
        !self.sorted && self.terms.iter().any(Term::spreads)
    }

    pub(crate) fn is_sorted(&self) -> bool {
        self.sorted
    }

    /// # Errors
    /// [`Error::UnknownField`] where `schema` lacks one of its fields.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        self.fields().try_for_each(|field| schema.position(field).map(|_| ()))
    }
}

impl Term {
    /// The form whose text is looked at, for a field of that kind.
    pub(crate) fn form(&self, kind: Kind) -> Form {
        self.form.unwrap_or_else(|| default_form(kind))
    }

    /// Whether it gives many keys a text, most of which no other text shares.
    fn spreads(&self) -> bool {
        self.transforms.contains(&Transform::Deletions)
    }

    /// Meet what the transforms make of `text`, in order.
    pub(crate) fn each(&self, text: &str, then: &mut dyn FnMut(&str)) {
        each_of(&self.transforms, text, then);
    }
}

fn each_of(transforms: &[Transform], text: &str, then: &mut dyn FnMut(&str)) {
    match transforms.split_first() {
        None => then(text),
        Some((transform, [])) => transform.each(text, then),
        Some((transform, rest)) => transform.each(text, &mut |made| each_of(rest, made, then)),
    }
}

fn default_form(kind: Kind) -> Form {
    match kind {
        Kind::GivenName
        | Kind::FamilyName
        | Kind::FullName
        | Kind::Organisation
        | Kind::Street
        | Kind::City => Form::Ascii,
        _ => Form::Canonical,
    }
}

impl Transform {
    fn each(self, text: &str, then: &mut dyn FnMut(&str)) {
        let start = |count: u8| text.char_indices().nth(usize::from(count)).map(|(at, _)| at);
        let mut some = |text: &str| {
            if !text.is_empty() {
                then(text);
            }
        };
        match self {
            Transform::Phonetic => phonetic_codes(text).iter().for_each(|code| then(code)),
            Transform::Nickname => nickname_classes(text).iter().for_each(|class| then(class)),
            Transform::Initial => some(&text[..start(1).unwrap_or(text.len())]),
            Transform::First => some(text.split_whitespace().next().unwrap_or_default()),
            Transform::Words => text.split_whitespace().for_each(then),
            Transform::Deletions => each_deletion(text, then),
            Transform::Sorted => some(&sorted_words(text.split_whitespace())),
            Transform::Digits => {
                some(&text.chars().filter(char::is_ascii_digit).collect::<String>());
            }
            Transform::Prefix(count) => {
                if text.chars().count() >= count.into() {
                    some(&text[..start(count).unwrap_or(text.len())]);
                }
            }
            Transform::Last(count) => {
                if let Some(skip) = text.chars().count().checked_sub(count.into()) {
                    let start = text.char_indices().nth(skip).map_or(text.len(), |(at, _)| at);
                    some(&text[start..]);
                }
            }
            Transform::Year => some(date_part(text, 0..4).unwrap_or_default()),
            Transform::YearMonth => some(date_part(text, 0..7).unwrap_or_default()),
            Transform::MonthDay => {
                let day = date_part(text, 5..10).or_else(|| text.strip_prefix("--"));
                some(day.unwrap_or_default());
            }
        }
    }
}

/// The lengths, in characters, of texts of which a slip leaves enough to tell them by, and that do
/// not make keys without end.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=24;

/// Meet the text, and what is left of it without each of its characters in turn.
fn each_deletion(text: &str, then: &mut dyn FnMut(&str)) {
    if text.is_empty() {
        return;
    }
    then(text);
    if LENGTHS.contains(&text.chars().count()) {
        let mut left = String::with_capacity(text.len());
        // Without either of two equal neighbours the same is left.
        let mut before = None;
        for (place, letter) in text.char_indices() {
            if before.replace(letter) != Some(letter) {
                left.clear();
                left.push_str(&text[..place]);
                left.push_str(&text[place + letter.len_utf8()..]);
                then(&left);
            }
        }
    }
}

/// That part of an ISO date, where the date reaches so far.
fn date_part(date: &str, range: std::ops::Range<usize>) -> Option<&str> {
    let part = date.get(range)?;
    part.bytes()
        .all(|b| b.is_ascii_digit() || b == b'-')
        .then_some(part)
        .filter(|p| !p.starts_with('-'))
}

/// The transliterated words of `texts`, in order, joined by spaces.
fn sorted_words<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = texts
        .flat_map(|text| ascii(text).split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    words.join(" ")
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sorted {
            f.write_str("sorted(")?;
        }
        for (position, term) in self.terms.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&term.field)?;
            if let Some(form) = term.form {
                write!(f, ".{form}")?;
            }
            for transform in &term.transforms {
                write!(f, ".{transform}")?;
            }
        }
        if self.sorted { f.write_str(")") } else { Ok(()) }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transform::Prefix(count) => write!(f, "prefix({count})"),
            Transform::Last(count) => write!(f, "last({count})"),
            Transform::Phonetic => f.write_str("phonetic"),
            Transform::Nickname => f.write_str("nickname"),
            Transform::Initial => f.write_str("initial"),
            Transform::First => f.write_str("first"),
            Transform::Words => f.write_str("words"),
            Transform::Deletions => f.write_str("deletions"),
            Transform::Sorted => f.write_str("sorted"),
            Transform::Digits => f.write_str("digits"),
            Transform::Year => f.write_str("year"),
            Transform::YearMonth => f.write_str("year_month"),
            Transform::MonthDay => f.write_str("month_day"),
        }
    }
}

impl FromStr for Transform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let counted = |name: &str| {
            let count = text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?;
            count.trim().parse::<u8>().ok().filter(|count| *count > 0)
        };
        Ok(match text {
            "phonetic" => Transform::Phonetic,
            "nickname" => Transform::Nickname,
            "initial" => Transform::Initial,
            "first" => Transform::First,
            "words" => Transform::Words,
            "deletions" => Transform::Deletions,
            "sorted" => Transform::Sorted,
            "digits" => Transform::Digits,
            "year" => Transform::Year,
            "year_month" => Transform::YearMonth,
            "month_day" => Transform::MonthDay,
            _ => {
                if let Some(count) = counted("prefix") {
                    Transform::Prefix(count)
                } else if let Some(count) = counted("last") {
                    Transform::Last(count)
                } else {
                    let forms = Form::ALL.iter().map(|form| form.name());
                    return Err(Error::UnknownChoice {
                        what: "form or transform",
                        value: text.to_owned(),
                        suggestion: nearest(text, TRANSFORMS.into_iter().chain(forms.clone())),
                        wanted: TRANSFORMS.into_iter().chain(forms).collect::<Vec<_>>().join(", "),
                    });
                }
            }
        })
    }
}

impl FromStr for Expression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let inner = text.strip_prefix("sorted(").and_then(|rest| rest.strip_suffix(')'));
        let terms = match inner {
            Some(list) => list.split(',').map(parse_term).collect::<Result<Vec<_>>>()?,
            None => vec![parse_term(text)?],
        };
        Ok(Self { terms, sorted: inner.is_some() })
    }
}

fn parse_term(text: &str) -> Result<Term> {
    let mut parts = text.trim().split('.').map(str::trim);
    let field = parts.next().unwrap_or_default();
    if field.is_empty() || field.contains(['(', ')', ',']) {
        return Err(Error::UnknownChoice {
            what: "key expression",
            value: text.to_owned(),
            suggestion: None,
            wanted: "field, field.form, field.transform or sorted(field, field)".into(),
        });
    }
    let mut form = None;
    let mut transforms = Vec::new();
    for (position, part) in parts.enumerate() {
        match part.parse::<Form>() {
            Ok(named) if position == 0 => form = Some(named),
            _ => transforms.push(part.parse()?),
        }
    }
    Ok(Term { field: field.to_owned(), form, transforms })
}

impl Serialize for Expression {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Expression {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> JsonSchemaDocument {
        json_schema!({
            "type": "string",
            "description": "What of a record is looked at: `field`, `field.form`, `field.transform` or `sorted(field, field)`, such as `email`, `family_name.phonetic`, `phone.last(7)`, `born.year`."
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn two_texts_one_edit_apart_share_a_deletion(
            text in "[abcß]{5,24}", letter in "[abcß]", place in any::<prop::sample::Index>(), edit in 0..4,
        ) {
            let mut letters: Vec<char> = text.chars().collect();
            let place = place.index(letters.len());
            let letter = letter.chars().next().unwrap();
            match edit {
                0 => letters[place] = letter,
                1 => drop(letters.remove(place)),
                2 if letters.len() < 24 => letters.insert(place, letter),
                _ if place > 0 => letters.swap(place - 1, place),
                _ => {}
            }
            let other = apply("a.deletions", &letters.iter().collect::<String>());
            prop_assert!(apply("a.deletions", &text).iter().any(|key| other.contains(key)));
        }
    }

    fn apply(expression: &str, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let expression: Expression = expression.parse().unwrap();
        expression.terms[0].each(text, &mut |made| out.push(made.to_owned()));
        out
    }

    #[test]
    fn transforms_cut_as_they_say_and_give_nothing_where_there_is_too_little() {
        assert_eq!(apply("a.prefix(3)", "müller"), ["mül"]);
        assert_eq!(apply("a.prefix(3)", "mü"), [""; 0]);
        assert_eq!(apply("a.last(2)", "müller"), ["er"]);
        assert_eq!(apply("a.last(9)", "müller"), [""; 0]);
        assert_eq!(apply("a.initial", "Émile"), ["É"]);
        assert_eq!(apply("a.words", "b a"), ["b", "a"]);
        assert_eq!(apply("a.sorted", "b a"), ["a b"]);
        assert_eq!(apply("a.words.initial", "b a"), ["b", "a"]);
        assert_eq!(apply("a.deletions", "anna"), ["anna"]);
        assert_eq!(apply("a.deletions", "ännie"), ["ännie", "nnie", "änie", "änne", "änni"]);
        assert_eq!(apply("a.deletions", &"x".repeat(25)).len(), 1);
        assert_eq!(apply("a.deletions", ""), [""; 0]);
        assert_eq!(apply("a.year", "1978-12-11"), ["1978"]);
        assert_eq!(apply("a.year_month", "1978-12"), ["1978-12"]);
        assert_eq!(apply("a.month_day", "1978-12-11"), ["12-11"]);
        assert_eq!(apply("a.month_day", "--12-11"), ["12-11"]);
        assert_eq!(apply("a.month_day", "1978"), [""; 0]);
        assert_eq!(apply("a.year", "--12-11"), [""; 0]);
    }

    #[test]
    fn expressions_are_written_as_they_are_read_and_slips_are_answered() {
        for text in
            ["a", "a.ascii", "a.prefix(3)", "a.prefix", "sorted(a, b.family)", "a.family.phonetic"]
        {
            assert_eq!(text.parse::<Expression>().unwrap().to_string(), text);
        }
        let error = "a.phonetik".parse::<Expression>().unwrap_err();
        assert!(error.to_string().contains(r#"did you mean "phonetic"?"#), "{error}");
        for bad in ["", "sorted()", "a.", "a.last(0)", "a.last(999)", "a(b)", "a.first.ascii"] {
            assert_eq!(bad.parse::<Expression>().unwrap_err().code(), "UNKNOWN_CHOICE", "{bad}");
        }
    }
}
