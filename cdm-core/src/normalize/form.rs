use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema as JsonSchemaDocument, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Issue, IssueSet};
use crate::error::{Error, Result, nearest};

/// Whether a value can be used, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Usable, and right in every way that its kind can check.
    Valid,
    /// Usable for matching, but something about it is wrong or unusual: see the issues.
    Doubtful,
    /// Not usable: a placeholder, or not a value of its kind at all. It has no canonical form.
    Unusable,
    /// Nothing but white space.
    Missing,
}

impl Status {
    /// Whether the value takes part in matching and can survive into a golden record.
    #[must_use]
    pub fn is_usable(self) -> bool {
        matches!(self, Status::Valid | Status::Doubtful)
    }
}

macro_rules! forms {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, )+) => {
        /// One of the forms that a normalised value comes in.
        ///
        /// Every usable value has [`Canonical`](Form::Canonical); which others there are depends
        /// on the kind and the value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Form { $( $(#[doc = $doc])+ $variant, )+ }

        impl Form {
            /// Every form, in the order in which they are written.
            pub const ALL: &[Form] = &[$(Form::$variant),+];

            /// The form's name in plans and in JSON.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Form::$variant => $name),+ }
            }
        }
    };
}

forms! {
    /// The form that is compared for equality; the same for all spellings of one value.
    Canonical = "canonical",
    /// The form to show to people and to write into golden records. Where absent, the cleaned raw
    /// value is shown.
    Display = "display",
    /// Transliterated to `a`-`z`, `0`-`9` and single spaces.
    Ascii = "ascii",
    /// Honorific before a name: `dr`, `herr`.
    Prefix = "prefix",
    /// First name.
    Given = "given",
    /// Middle names or initials.
    Middle = "middle",
    /// Surname with its particles.
    Family = "family",
    /// Generational or academic suffix: `jr`, `iii`, `phd`.
    Suffix = "suffix",
    /// Nickname or former name given in brackets or quotes; may occur several times.
    Alias = "alias",
    /// Surname without its particles, transliterated: `berg` of `van den berg`. Absent where the
    /// surname has no particle.
    Core = "core",
    /// Name of an organisation without its legal form.
    Base = "base",
    /// Legal form of an organisation, in one spelling per form: `gmbh`, `inc`.
    LegalForm = "legal_form",
    /// The part of an e-mail address before the `@`, as matched.
    Local = "local",
    /// Domain of an e-mail or web address, in ASCII.
    Domain = "domain",
    /// The e-mail address to write to: tags and dots kept.
    Deliverable = "deliverable",
    /// Phone number without its country code.
    National = "national",
    /// Extension of a phone number.
    Extension = "extension",
    /// Type of a phone number (`mobile`, `fixed_line`, ...), or scheme of an identifier
    /// (`iban`, `luhn`, ...).
    Type = "type",
    /// Unit within a building: `unit 4`, `floor 3 unit left`.
    Unit = "unit",
    /// House number, with its letter.
    HouseNumber = "house_number",
    /// Street name, abbreviations made equal.
    Street = "street",
    /// Post-office box number.
    PoBox = "po_box",
    /// Postal code.
    Postcode = "postcode",
    /// Town or city.
    City = "city",
    /// State, province or county, as a code where it has one.
    Region = "region",
    /// ISO 3166-1 alpha-2 country code, in upper case.
    Country = "country",
    /// Path of a web address.
    Path = "path",
    /// Latitude in degrees, six decimals.
    Latitude = "latitude",
    /// Longitude in degrees, six decimals.
    Longitude = "longitude",
    /// Writing of a place's name that is spelt out letter by letter though its letters do not say how it
    /// is read: `hani` (Chinese characters), `arab` or `hebr`, as in ISO 15924.
    Script = "script",
}

impl Form {
    /// Whether one value can have several of this form, which JSON then shows as an array.
    #[must_use]
    pub fn is_repeated(self) -> bool {
        matches!(self, Form::Alias)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let names = || Form::ALL.iter().map(|form| form.name());
        Form::ALL.iter().copied().find(|form| form.name() == name).ok_or_else(|| {
            Error::UnknownChoice {
                what: "form",
                value: name.to_owned(),
                suggestion: nearest(name, names()),
                wanted: names().collect::<Vec<_>>().join(", "),
            }
        })
    }
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Form {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Form {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Form".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> JsonSchemaDocument {
        let names: Vec<&str> = Form::ALL.iter().map(|form| form.name()).collect();
        json_schema!({
            "type": "string",
            "description": "One of the forms that a normalised value comes in.",
            "enum": names,
        })
    }
}

/// A value as its normaliser left it: how usable it is, its forms, and what was noticed.
///
/// `Debug` shows which forms there are, never what they hold. As JSON:
///
/// ```json
/// {"status": "valid", "forms": {"canonical": "a@example.org", "local": "a"}, "issues": []}
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Normalized {
    status: Status,
    /// Sorted by form; repeated forms in the order of the value.
    forms: Vec<(Form, String)>,
    issues: IssueSet,
}

/// Few values have more forms.
const LIKELY_FORMS: usize = 8;

impl Normalized {
    /// Nothing but white space.
    #[must_use]
    pub fn missing() -> Self {
        Self { status: Status::Missing, forms: Vec::new(), issues: IssueSet::EMPTY }
    }

    /// A value that cannot be used, because of `issue`.
    #[must_use]
    pub fn unusable(issue: Issue) -> Self {
        Self { status: Status::Unusable, forms: Vec::new(), issues: IssueSet::EMPTY.with(issue) }
    }

    /// A valid value of that canonical form; an empty one is [`missing`](Self::missing).
    #[must_use]
    pub fn valid(canonical: impl Into<String>) -> Self {
        let canonical = canonical.into();
        if canonical.is_empty() {
            return Self::missing();
        }
        let mut forms = Vec::with_capacity(LIKELY_FORMS);
        forms.push((Form::Canonical, canonical));
        Self { status: Status::Valid, forms, issues: IssueSet::EMPTY }
    }

    /// The same value with one more form; nothing changes where `text` is empty or the value is
    /// not usable.
    #[must_use]
    pub fn with(mut self, form: Form, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() && self.status.is_usable() {
            let position = self.forms.partition_point(|(earlier, _)| *earlier <= form);
            if position > 0 && self.forms[position - 1].0 == form && !form.is_repeated() {
                self.forms[position - 1].1 = text;
            } else {
                self.forms.insert(position, (form, text));
            }
        }
        self
    }

    /// The same value with a remark that leaves its status as it is.
    #[must_use]
    pub fn noting(mut self, issue: Issue) -> Self {
        self.issues = self.issues.with(issue);
        self
    }

    /// The same value, doubtful because of `issue` where it was valid.
    #[must_use]
    pub fn doubting(mut self, issue: Issue) -> Self {
        self.status = self.status.max(Status::Doubtful);
        self.noting(issue)
    }

    /// Whether the value can be used, and how far it can be trusted.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The form compared for equality; `None` where the value is not usable.
    #[must_use]
    pub fn canonical(&self) -> Option<&str> {
        self.form(Form::Canonical)
    }

    /// The first text of that form, where the value has it.
    #[must_use]
    pub fn form(&self, form: Form) -> Option<&str> {
        self.all(form).next()
    }

    /// Every text of that form.
    pub fn all(&self, form: Form) -> impl Iterator<Item = &str> {
        self.forms.iter().filter(move |(f, _)| *f == form).map(|(_, text)| text.as_str())
    }

    /// Every form with its text, in the order of [`Form::ALL`].
    pub fn forms(&self) -> impl Iterator<Item = (Form, &str)> {
        self.forms.iter().map(|(form, text)| (*form, text.as_str()))
    }

    /// What the normaliser noticed.
    #[must_use]
    pub fn issues(&self) -> IssueSet {
        self.issues
    }

    /// As JSON on one line, byte for byte the same in every language.
    ///
    /// # Examples
    /// ```
    /// let text = cdm_core::normalize::text("Hi");
    /// assert!(text.to_json().starts_with(r#"{"status":"valid","forms":{"canonical":"hi""#));
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names, codes and texts are always JSON")
    }
}

impl fmt::Debug for Normalized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Normalized")
            .field("status", &self.status)
            .field("forms", &self.forms.iter().map(|(form, _)| form.name()).collect::<Vec<_>>())
            .field("issues", &self.issues)
            .finish()
    }
}

impl Serialize for Normalized {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Normalized", 3)?;
        fields.serialize_field("status", &self.status)?;
        fields.serialize_field("forms", &Forms(self))?;
        fields.serialize_field("issues", &self.issues)?;
        fields.end()
    }
}

struct Forms<'a>(&'a Normalized);

impl Serialize for Forms<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for run in self.0.forms.chunk_by(|left, right| left.0 == right.0) {
            let (form, text) = &run[0];
            if form.is_repeated() {
                let texts: Vec<_> = run.iter().map(|(_, text)| text).collect();
                map.serialize_entry(form.name(), &texts)?;
            } else {
                map.serialize_entry(form.name(), text)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_written_in_one_order_and_repeated_ones_as_arrays() {
        let name = Normalized::valid("x")
            .with(Form::Alias, "b")
            .with(Form::Given, "g")
            .with(Form::Alias, "a")
            .with(Form::Given, "h")
            .with(Form::Middle, "")
            .doubting(Issue::OutOfRange);
        assert_eq!(
            serde_json::to_string(&name).unwrap(),
            r#"{"status":"doubtful","forms":{"canonical":"x","given":"h","alias":["b","a"]},"issues":["out_of_range"]}"#
        );
        assert!(!format!("{name:?}").contains('h') || !format!("{name:?}").contains("\"h\""));
    }

    #[test]
    fn an_empty_canonical_form_is_a_missing_value() {
        assert_eq!(Normalized::valid("").status(), Status::Missing);
        assert_eq!(Normalized::valid("").with(Form::Given, "x").form(Form::Given), None);
    }
}
