use std::fmt;

use serde::ser::{Serialize, SerializeSeq, Serializer};

macro_rules! issues {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, )+) => {
        /// Something a normaliser noticed about a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Issue { $( $(#[doc = $doc])+ $variant, )+ }

        impl Issue {
            /// Every issue, in the order in which they are written.
            pub const ALL: &[Issue] = &[$(Issue::$variant),+];

            /// The issue's code, such as `placeholder`: stable, and the same in every language.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Issue::$variant => $name),+ }
            }
        }
    };
}

issues! {
    /// Stands for "no value": `N/A`, `unknown`, `test@test.com`, `000-000`.
    Placeholder = "placeholder",
    /// Holds control or invisible characters, which were left out.
    ControlCharacters = "control_characters",
    /// Looks like text decoded with the wrong encoding (`MÃ¼ller`).
    Mojibake = "mojibake",
    /// Has no letter or digit where its kind needs one.
    NoContent = "no_content",
    /// Longer than any real value of its kind.
    TooLong = "too_long",
    /// Shorter than any real value of its kind.
    TooShort = "too_short",
    /// Does not have the shape of its kind.
    Malformed = "malformed",
    /// A number or part outside what its kind allows.
    OutOfRange = "out_of_range",
    /// Several values where one belongs; the first was taken.
    SeveralValues = "several_values",
    /// Digits in a person's name.
    DigitsInName = "digits_in_name",
    /// A person's name of initials only.
    InitialsOnly = "initials_only",
    /// A whole name of one word.
    Mononym = "mononym",
    /// Given as surname, comma, given name, and turned round.
    SurnameFirst = "surname_first",
    /// A person's name that looks like an organisation's.
    LooksLikeOrganisation = "looks_like_organisation",
    /// E-mail address without an `@`, or with several.
    NoAtSign = "no_at_sign",
    /// The part before the `@` breaks RFC 5321.
    BadLocalPart = "bad_local_part",
    /// The domain is not one that mail can be sent to.
    BadDomain = "bad_domain",
    /// A mailbox of a function, not a person: `info@`, `sales@`.
    RoleAccount = "role_account",
    /// A domain that gives out throw-away addresses.
    DisposableDomain = "disposable_domain",
    /// A domain of a provider of mailboxes to the public.
    FreemailDomain = "freemail_domain",
    /// A domain one slip away from a well-known one (`gmial.com`); not changed.
    LikelyTypo = "likely_typo",
    /// Phone number without the area or country code needed to place it.
    LocalOnly = "local_only",
    /// Phone number that no operator can have given out.
    NotAssigned = "not_assigned",
    /// Phone number that is dear, free or shared rather than a person's own.
    SpecialNumber = "special_number",
    /// Postcode that does not have its country's shape.
    BadPostcode = "bad_postcode",
    /// Address without a house number or box.
    NoHouseNumber = "no_house_number",
    /// Region or country that is not known.
    UnknownPlace = "unknown_place",
    /// Date that could be read day first or month first.
    AmbiguousDate = "ambiguous_date",
    /// Date without a day or a month.
    PartialDate = "partial_date",
    /// Year given with two digits.
    TwoDigitYear = "two_digit_year",
    /// A day that the calendar does not have.
    ImpossibleDate = "impossible_date",
    /// A date that systems fill in: 1900-01-01, 1970-01-01.
    PlaceholderDate = "placeholder_date",
    /// A date that lies in the future.
    FutureDate = "future_date",
    /// Check digit that does not fit.
    BadCheckDigit = "bad_check_digit",
    /// All digits the same, or a plain run such as 123456789.
    Patterned = "patterned",
    /// Number whose one mark could separate thousands or decimals: `1,234`.
    AmbiguousNumber = "ambiguous_number",
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A set of issues.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct IssueSet(u64);

const _: () = assert!(Issue::ALL.len() <= 64, "an issue set is one word");

impl IssueSet {
    /// No issue.
    pub const EMPTY: IssueSet = IssueSet(0);

    /// The same set with `issue` in it.
    #[must_use]
    pub fn with(self, issue: Issue) -> Self {
        Self(self.0 | 1 << issue as u32)
    }

    /// Whether `issue` is in the set.
    #[must_use]
    pub fn contains(self, issue: Issue) -> bool {
        self.0 & (1 << issue as u32) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, which is another one in other releases.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The set of that number.
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The issues, in the order of [`Issue::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Issue> {
        Issue::ALL.iter().copied().filter(move |issue| self.contains(*issue))
    }
}

impl fmt::Debug for IssueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Issue::code)).finish()
    }
}

/// As an array of codes.
impl Serialize for IssueSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(None)?;
        for issue in self.iter() {
            array.serialize_element(issue.code())?;
        }
        array.end()
    }
}
