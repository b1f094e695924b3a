//! What the columns of one input are, by their names, their values and their neighbours.

use rayon::prelude::*;

use super::detect::Profile;
use super::infer::ColumnSample;
use super::names::{self, LastWord};
use super::neighbours;
use crate::schema::Kind;

pub(super) const BY_VALUES: &str = "by its values";

/// One column as it was understood.
#[derive(Debug, Clone)]
pub(super) struct Understood {
    pub(super) column: String,
    /// The column's name without case and punctuation, and what of it stands behind the last dot.
    pub(super) name: String,
    pub(super) end: String,
    /// A meaning of `data/columns.txt`, where the column has one.
    pub(super) key: Option<&'static str>,
    /// The kind of its values; `None` where it is no field.
    pub(super) kind: Option<Kind>,
    pub(super) stem: String,
    pub(super) exact: bool,
    pub(super) confidence: f64,
    pub(super) why: &'static str,
    pub(super) profile: Profile,
    /// Rows that were looked at, with a value or not.
    pub(super) rows: u64,
}

impl Understood {
    pub(super) fn is(&self, key: &str) -> bool {
        self.key == Some(key)
    }

    pub(super) fn is_one_of(&self, keys: &[&str]) -> bool {
        self.key.is_some_and(|key| keys.contains(&key))
    }

    /// Whether the end of its name says that it is a number or a code of something.
    pub(super) fn is_code(&self) -> bool {
        names::last_word(&self.column) == LastWord::Code
    }

    pub(super) fn set(
        &mut self,
        key: Option<&'static str>,
        kind: Option<Kind>,
        sure: f64,
        why: &'static str,
    ) {
        (self.key, self.kind, self.confidence, self.why) = (key, kind, sure, why);
    }

    /// Whether every row has a value of its own here, but for one in a hundred that is a slip: the
    /// reader rejects those.
    pub(super) fn is_unique(&self) -> bool {
        let Profile { filled, distinct, .. } = self.profile;
        let slips = filled / 100;
        distinct + slips >= filled
            && (filled as u64 + slips as u64 >= self.rows || filled == super::detect::MAX_VALUES)
    }
}

/// Understand every column of one input.
pub(super) fn understand(columns: &[ColumnSample]) -> Vec<Understood> {
    let mut understood: Vec<Understood> = columns.par_iter().map(alone).collect();
    neighbours::settle(&mut understood);
    let has = |key: &str, understood: &[Understood]| understood.iter().any(|u| u.is(key));
    let has_given = has("given_name", &understood);
    let has_family = has("family_name", &understood);
    let has_place = ["city", "street", "house_number"].iter().any(|key| has(key, &understood));
    let has_organisation = has("organisation", &understood);
    let is_of_persons = |profile: &Profile| {
        profile.filled >= 5 && profile.whole_person() >= 0.25 && profile.organisation() < 0.05
    };
    let looks_personal =
        has_given || has("date_of_birth", &understood) || has("gender", &understood);
    for column in &mut understood {
        if column.is("name") {
            let profile = &column.profile;
            if has_given && !has_family && profile.organisation() < 0.2 {
                column.set(
                    Some("family_name"),
                    Some(Kind::FamilyName),
                    0.8,
                    "a name beside a given name",
                );
            } else if profile.person() >= 0.15 && profile.organisation() < 0.5
                || profile.filled == 0
                || (looks_personal || has_organisation) && profile.organisation() < 0.2
            {
                column.set(Some("full_name"), Some(Kind::FullName), 0.8, "a name of persons");
            } else {
                column.set(
                    Some("organisation"),
                    Some(Kind::Organisation),
                    0.7,
                    "a name, and the values do not look like persons",
                );
            }
        } else if column.is("organisation") && !has_given && !has_family {
            // Whom a shop calls an account or a supplier may be a person.
            if is_of_persons(&column.profile) {
                column.set(
                    Some("full_name"),
                    Some(Kind::FullName),
                    0.7,
                    "the values look like persons",
                );
            }
        } else if column.is("address_line") {
            if has_place {
                column.set(Some("street"), Some(Kind::Street), 0.85, "an address beside a city");
            } else if column.profile.filled == 0 || column.profile.has_digit() >= 0.3 {
                column.set(Some("address"), Some(Kind::Address), 0.8, "an address without a city");
            } else {
                column.set(Some("address"), Some(Kind::Address), 0.6, "by its name");
            }
        }
    }
    // What only looks like a phone number is not one more of them beside a column that says so.
    let named: Vec<&'static str> =
        understood.iter().filter(|u| u.why != BY_VALUES).filter_map(|u| u.key).collect();
    for column in &mut understood {
        if column.why == BY_VALUES && column.key.is_some_and(|key| named.contains(&key)) {
            column.key = None;
        }
    }
    understood
}

/// Understand a column by itself.
fn alone(sample: &ColumnSample) -> Understood {
    let profile = Profile::of(sample.values.iter().map(String::as_str));
    let mut column = Understood {
        column: sample.name.clone(),
        name: names::squeezed(&sample.name),
        end: names::squeezed(names::last_part(&sample.name)),
        key: None,
        kind: None,
        stem: String::new(),
        exact: false,
        confidence: 0.0,
        why: "nothing to tell by",
        profile,
        rows: sample.rows,
    };
    if let Some(meaning) = names::meaning(&sample.name) {
        let confidence = if meaning.exact { 0.95 } else { 0.85 };
        column.set(Some(meaning.key), meaning.kind, confidence, "by its name");
        (column.stem, column.exact) = (meaning.stem, meaning.exact);
    }
    let profile = column.profile.clone();
    if profile.filled == 0 {
        if column.is("who") {
            column.set(None, None, 0.0, "nothing to tell by");
        }
        column.confidence *= 0.8;
        return column;
    }
    // A name that the values contradict says nothing.
    let enough = profile.filled >= 5;
    let contradicted = match column.key {
        Some("email") => profile.email() < 0.2,
        Some("url") => profile.url() < 0.2,
        Some("phone" | "fax") => profile.has_digit() < 0.3 || profile.mean_length() < 4,
        Some("date_of_birth" | "date_of_death") => profile.has_digit() < 0.3,
        Some("name" | "given_name" | "family_name" | "full_name" | "middle_name") => {
            profile.digits_only() > 0.8 || profile.mean_length() > 100
        }
        Some("postcode" | "house_number") => profile.has_digit() < 0.3,
        Some("street" | "address" | "address_line") => {
            profile.email() > 0.5 || profile.url() > 0.5 || profile.digits_only() > 0.9
        }
        Some("name_prefix") => profile.honorific() < 0.3 && profile.mean_length() > 12,
        Some("time" | "created") => !profile.is_time() && profile.date() < 0.3,
        _ => false,
    };
    if column.is("who") {
        let varied = profile.distinct * 2 >= profile.filled && profile.one_word() < 0.5;
        let named = profile.whole_person() >= 0.2
            || profile.organisation() >= 0.3
            || varied && profile.has_digit() < 0.05;
        match named && profile.has_digit() < 0.3 {
            true => column.set(Some("name"), Some(Kind::FullName), 0.7, BY_VALUES),
            false => column.set(None, None, 0.0, "nothing to tell by"),
        }
    }
    let named = column.key.filter(|_| !(enough && contradicted));
    if named.is_some() {
        // `contact_name` that holds e-mail addresses is what it holds.
        let other = match column.kind {
            Some(Kind::Email | Kind::Url) => None,
            _ if !enough => None,
            _ if profile.email() >= 0.8 => Some(("email", Kind::Email)),
            _ => None,
        };
        if let Some((key, kind)) = other {
            column.set(Some(key), Some(kind), 0.8, BY_VALUES);
        } else {
            let agrees = match column.key {
                Some("email") => profile.email() >= 0.8,
                Some("phone") => profile.phone() >= 0.8,
                Some("date_of_birth") => profile.date() >= 0.8,
                Some("url") => profile.url() >= 0.8,
                _ => false,
            };
            if agrees {
                column.confidence = 0.99;
                column.why = "by its name and its values";
            }
        }
        return column;
    }
    (column.stem, column.exact) = (String::new(), false);
    by_values(&mut column);
    column
}

/// Understand a column whose name says nothing.
fn by_values(column: &mut Understood) {
    const MOST: f64 = 0.8;
    let profile = column.profile.clone();
    let shaped = [
        (profile.email(), Some("email"), Kind::Email),
        (profile.url(), Some("url"), Kind::Url),
        (profile.iban(), Some("iban"), Kind::Identifier),
        (profile.geo(), Some("geo"), Kind::Geo),
        (profile.date(), None, Kind::Date),
        (profile.phone(), Some("phone"), Kind::Phone),
        (profile.postcode(), Some("postcode"), Kind::Postcode),
        (profile.year_of_birth(), None, Kind::Date),
    ];
    let enough = profile.filled >= 3;
    let last_word = names::last_word(&column.column);
    // Codes can look like phone numbers, postcodes, dates.
    let coded =
        profile.email().max(profile.url()).max(profile.iban()) < MOST && profile.date() < MOST;
    if last_word == LastWord::Code && coded && profile.has_digit() > 0.5 {
        return column.set(None, Some(Kind::Identifier), 0.6, "a code by the end of its name");
    }
    if let Some((share, key, kind)) =
        shaped.into_iter().find(|(share, ..)| enough && *share >= MOST)
    {
        return column.set(key, Some(kind), 0.9 * share, BY_VALUES);
    }
    // Many rows can share a few names, streets or chains, so these come before categories.
    let varied = profile.filled >= 10 && profile.distinct >= 8;
    if varied && profile.given_name() >= 0.4 {
        return column.set(Some("given_name"), Some(Kind::GivenName), 0.7, BY_VALUES);
    }
    if varied
        && profile.whole_person() >= 0.35
        && profile.one_word() < 0.4
        && profile.organisation() < 0.1
    {
        return column.set(Some("name"), Some(Kind::FullName), 0.7, BY_VALUES);
    }
    if varied && profile.street() >= 0.4 && profile.has_digit() >= 0.7 {
        return column.set(Some("address_line"), Some(Kind::Address), 0.7, BY_VALUES);
    }
    if varied && profile.organisation() >= 0.5 && profile.has_digit() < 0.3 {
        return column.set(Some("organisation"), Some(Kind::Organisation), 0.6, BY_VALUES);
    }
    let few = last_word == LastWord::Category && profile.distinct * 2 <= profile.filled.max(4);
    if profile.is_category() || few {
        return column.set(None, Some(Kind::Category), 0.6, "few values that repeat");
    }
    if enough && profile.number() >= 0.9 {
        let is_code = profile.is_distinct() && profile.digits_only() >= 1.0 && profile.filled >= 20;
        return if is_code {
            column.set(None, Some(Kind::Identifier), 0.5, "digits that differ in every row")
        } else {
            column.set(None, Some(Kind::Number), 0.7, "numbers")
        };
    }
    if enough && profile.has_digit() >= 0.9 && profile.distinct * 10 >= profile.filled * 9 {
        let one_word = profile.mean_length() <= 40
            && profile.whole_address() < 0.2
            && profile.person() < 0.2
            && profile.organisation() < 0.2;
        if one_word && profile.mean_length() >= 4 {
            return column.set(None, Some(Kind::Identifier), 0.5, "codes that hardly repeat");
        }
    }
    column.set(None, Some(Kind::Text), 0.3, "nothing more certain");
}
