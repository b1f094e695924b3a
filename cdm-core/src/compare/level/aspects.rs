use super::{Comparison, Condition};
use crate::normalize::{Form, Issue, IssueSet};

/// What of a value some comparisons look at.
///
/// A [`Prepared`](super::Prepared) that holds nothing else is smaller, and values that differ
/// elsewhere only are one to those comparisons.
///
/// # Examples
/// ```
/// use cdm_core::compare::{Comparison, Prepared};
/// use cdm_core::{Kind, normalize::{self, Form}};
/// let comparison = Comparison::from_json(
///     r#"{"name": "surname", "fields": ["surname"], "levels": [
///         {"label": "same", "when": {"same": {"form": "core"}}}]}"#,
/// )?;
/// let aspects = comparison.aspects()[0];
/// let value = normalize::family_name("van den Berg");
/// let name = Prepared::with_aspects(Kind::FamilyName, &value, aspects).unwrap();
/// assert_eq!(name.form(Form::Core), Some("berg"));
/// assert_eq!(name.form(Form::Canonical), None);
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Aspects {
    /// One bit for each form.
    forms: u64,
    pub(super) words: bool,
    pub(super) given_words: bool,
    pub(super) nicknames: bool,
    pub(super) sounds: bool,
    /// Whether its letters say how it is read.
    pub(super) writing: bool,
    /// The parts of a date, the number or the place.
    pub(super) quantity: bool,
    pub(super) issues: IssueSet,
}

const _: () = assert!(Form::ALL.len() <= 64, "a set of forms is one word");

impl Aspects {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything there is.
    #[must_use]
    pub fn all() -> Self {
        Self {
            forms: u64::MAX,
            words: true,
            given_words: true,
            nicknames: true,
            sounds: true,
            writing: true,
            quantity: true,
            issues: Issue::ALL.iter().fold(IssueSet::EMPTY, |all, issue| all.with(*issue)),
        }
    }

    /// What either looks at.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            forms: self.forms | other.forms,
            words: self.words || other.words,
            given_words: self.given_words || other.given_words,
            nicknames: self.nicknames || other.nicknames,
            sounds: self.sounds || other.sounds,
            writing: self.writing || other.writing,
            quantity: self.quantity || other.quantity,
            issues: other.issues.iter().fold(self.issues, IssueSet::with),
        }
    }

    pub(super) fn has_form(self, form: Form) -> bool {
        self.forms & (1 << form as u32) != 0
    }

    fn add_form(&mut self, form: Form) {
        self.forms |= 1 << form as u32;
    }
}

impl Comparison {
    /// What its levels look at in a value of each of its fields, in order.
    #[must_use]
    pub fn aspects(&self) -> Vec<Aspects> {
        let mut aspects = vec![Aspects::none(); self.fields.len()];
        self.levels.iter().for_each(|level| level.when.look(&mut aspects));
        aspects
    }
}

impl Condition {
    /// Add what it looks at in each field.
    fn look(&self, fields: &mut [Aspects]) {
        match self {
            Condition::Each(each) => {
                for (field, condition) in fields.iter_mut().zip(each) {
                    if let Some(condition) = condition {
                        condition.look(std::slice::from_mut(field));
                    }
                }
            }
            Condition::Swapped(condition) | Condition::InOtherField(condition) => {
                for field in fields.iter_mut().take(2) {
                    condition.look(std::slice::from_mut(field));
                }
            }
            Condition::All(list) | Condition::Any(list) => {
                list.iter().for_each(|condition| condition.look(fields));
            }
            condition => {
                if let Some(field) = fields.first_mut() {
                    condition.look_at_one(field);
                }
            }
        }
    }

    fn look_at_one(&self, field: &mut Aspects) {
        match self {
            Condition::Same { form, .. }
            | Condition::Compatible { form }
            | Condition::JaroWinkler { form, .. }
            | Condition::Osa { form, .. }
            | Condition::Prefix { form, .. }
            | Condition::Last { form, .. } => field.add_form(*form),
            Condition::SameLetters => field.add_form(Form::Ascii),
            Condition::InAnotherWriting => field.writing = true,
            Condition::SameWords
            | Condition::WordsWithin { .. }
            | Condition::TokenJaccard { .. }
            | Condition::MongeElkan { .. } => field.words = true,
            Condition::Nickname => field.nicknames = true,
            Condition::Initials => field.given_words = true,
            Condition::SoundsAlike => field.sounds = true,
            Condition::SoundsAlikeInAnotherWriting => {
                (field.sounds, field.writing) = (true, true);
            }
            Condition::AlsoKnownAs => {
                for form in [Form::Canonical, Form::Ascii, Form::Alias] {
                    field.add_form(form);
                }
            }
            Condition::Personal => field.issues = field.issues.with(Issue::RoleAccount),
            Condition::OwnDomain => {
                field.issues =
                    field.issues.with(Issue::FreemailDomain).with(Issue::DisposableDomain);
            }
            Condition::Date(_)
            | Condition::RelativeDifference { .. }
            | Condition::Distance { .. } => field.quantity = true,
            Condition::Present
            | Condition::All(_)
            | Condition::Any(_)
            | Condition::Each(_)
            | Condition::Swapped(_)
            | Condition::InOtherField(_)
            | Condition::Missing => {}
        }
    }
}
