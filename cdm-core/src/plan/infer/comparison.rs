use std::cmp::Reverse;

use super::facts::Facts;
use super::{LeftOut, LeftOutReason, Plan};
use crate::compare::{Comparison, IN_ANOTHER_WRITING};
use crate::schema::Kind;

/// The least share of records with a value, for a field that does not identify anybody by itself.
const LEAST_PRESENCE: f64 = 0.02;

/// The largest share of the commonest value among the records that have one.
const MOST_COMMON: f64 = 0.98;

/// Up to so many records with a value, all may have the same one by accident.
const FEW: usize = 20;

/// Texts of more characters on average are comments.
const LONGEST_TEXT: usize = 60;

/// The comparisons of these fields; the fields without one are added to `left_out`.
pub(super) fn comparisons(all: &[Facts], left_out: &mut Vec<LeftOut>) -> Vec<Comparison> {
    let mut used: Vec<&Facts> = Vec::new();
    for field in all {
        match reason_against(field, all) {
            Some(why) => left_out.push(LeftOut { field: field.name.clone(), why }),
            None => used.push(field),
        }
    }
    // The best first, so that what is too much is the worst.
    used.sort_by_key(|field| worth(field));
    let given = used.iter().copied().find(|field| field.kind == Kind::GivenName && is_main(field));
    let family = used.iter().copied().find(|field| field.kind == Kind::FamilyName);
    let names = given.zip(family);
    let places = places(&used);
    let address = used.iter().copied().find(|field| field.kind == Kind::Address);
    let mut comparisons: Vec<Comparison> = Vec::new();
    for field in used {
        if let Some((given, family)) = names {
            if std::ptr::eq(field, given) {
                comparisons.extend(Comparison::person_names(&given.name, &family.name));
                continue;
            }
            if std::ptr::eq(field, family) {
                continue;
            }
        }
        let place = places.iter().position(|place| std::ptr::eq(*place, field));
        let fields = || -> Vec<_> { places.iter().map(|f| (f.kind, f.name.as_str())).collect() };
        match (place, address) {
            (None, Some(address)) if std::ptr::eq(field, address) => {
                comparisons.extend(in_two(Comparison::address(&field.name, &fields()), field));
            }
            (None, _) => comparisons.extend(of_field(field)),
            (Some(0), None) if places.len() > 1 => comparisons.push(Comparison::place(&fields())),
            (Some(0), None) => comparisons.push(Comparison::template(field.kind, &field.name)),
            (Some(_), _) => {}
        }
    }
    for comparison in comparisons.drain(comparisons.len().min(Plan::MOST_COMPARISONS)..) {
        let field = comparison.fields.into_iter().take(1);
        left_out.extend(field.map(|field| LeftOut { field, why: LeftOutReason::TooMany }));
    }
    name_apart(&mut comparisons);
    comparisons
}

/// The usual comparison of a field.
fn of_field(field: &Facts) -> Vec<Comparison> {
    in_two(Comparison::template(field.kind, &field.name), field)
}

/// The comparison of a field, in two where strangers can share a part of it.
fn in_two(comparison: Comparison, field: &Facts) -> Vec<Comparison> {
    let whole = match field.kind {
        Kind::Organisation if field.means("employer") => return vec![comparison],
        Kind::Organisation => "similar name",
        Kind::FullName => IN_ANOTHER_WRITING,
        // People make their mailboxes from their names: namesakes have similar ones.
        Kind::Email => "same address",
        // Who lives in one town does not live in one street.
        Kind::Address => "same street",
        _ => return vec![comparison],
    };
    match comparison.level(whole) {
        Ok(level) => comparison.in_two(usize::from(level) + 1, part_of(&field.name)).into(),
        Err(_) => vec![comparison],
    }
}

fn part_of(field: &str) -> String {
    format!("{field}_in_part")
}

/// Nicknames and former names stand beside the name itself.
fn is_main(field: &Facts) -> bool {
    !field.means("nickname")
}

/// The fields that say together where somebody is, the one that is filled most often first.
fn places<'a>(used: &[&'a Facts]) -> Vec<&'a Facts> {
    let mut places: Vec<&Facts> = Vec::new();
    for kind in [Kind::Postcode, Kind::City, Kind::Region] {
        places.extend(
            used.iter().copied().find(|field| field.kind == kind && is_where_they_are(field)),
        );
    }
    // The region says least and is compared by nothing but itself, so that it never comes first.
    places.sort_by_key(|field| (field.kind == Kind::Region, Reverse(field.filled)));
    places
}

/// A place of birth is no place where somebody is.
pub(super) fn is_where_they_are(field: &Facts) -> bool {
    !field.means("place_of_birth")
}

/// Two comparisons may not have one name: a field may be called `place`.
fn name_apart(comparisons: &mut [Comparison]) {
    for at in 1..comparisons.len() {
        while comparisons[..at].iter().any(|earlier| earlier.name == comparisons[at].name) {
            comparisons[at].name.push('_');
        }
    }
}

/// How much a field says of who somebody is, the least the most: by its kind, but what few records
/// have comes last, unless it names a person by itself.
fn worth(field: &Facts) -> (bool, u8, Reverse<usize>) {
    let of_kind = match field.kind {
        Kind::GivenName => 0,
        Kind::FamilyName => 1,
        Kind::FullName => 2,
        Kind::Date => 3,
        Kind::Identifier if field.meaning.is_some() => 4,
        Kind::Email => 5,
        Kind::Phone => 6,
        Kind::Address => 7,
        Kind::Street => 8,
        Kind::Postcode => 9,
        Kind::City => 10,
        Kind::Region => 11,
        Kind::Organisation => 12,
        Kind::Identifier => 13,
        Kind::Category if field.meaning.is_some() => 14,
        Kind::Url => 15,
        Kind::Category => 16,
        Kind::Geo => 17,
        Kind::Text => 18,
        Kind::Number => 19,
        Kind::Country => 20,
    };
    (of_kind > 4 && field.presence() < 0.1, of_kind, Reverse(field.filled))
}

/// Why a field is not to be compared, where it is not.
fn reason_against(field: &Facts, all: &[Facts]) -> Option<LeftOutReason> {
    let identifies = matches!(field.kind, Kind::Identifier | Kind::Email | Kind::Phone);
    if field.filled < 2 || !identifies && field.presence() < LEAST_PRESENCE {
        return Some(LeftOutReason::Rare);
    }
    // Of a few records it cannot be told what is constant.
    if field.filled >= FEW && field.commonest as f64 > field.filled as f64 * MOST_COMMON {
        return Some(LeftOutReason::Constant);
    }
    match field.kind {
        Kind::Identifier if field.shared == 0 => Some(LeftOutReason::RowId),
        Kind::Date if !is_of_the_person(field) => Some(LeftOutReason::Event),
        Kind::Category | Kind::Text if says_a_quantity(&field.name) => {
            Some(LeftOutReason::Quantity)
        }
        Kind::Category if field.yes_or_no > 0.9 || says_a_state(&field.name) => {
            Some(LeftOutReason::State)
        }
        Kind::Text if field.mean_length > LONGEST_TEXT || says_a_comment(&field.name) => {
            Some(LeftOutReason::Comment)
        }
        Kind::Number if !says_an_attribute(&field.name) => Some(LeftOutReason::Quantity),
        Kind::Country => {
            let place = |other: &Facts| {
                let kinds = [Kind::City, Kind::Postcode, Kind::Region, Kind::Address];
                kinds.contains(&other.kind) && other.presence() >= LEAST_PRESENCE
            };
            all.iter().any(place).then_some(LeftOutReason::Implied)
        }
        _ => None,
    }
}

/// A date that its name does not call that of a birth or a death is taken for one where its values
/// reach back for more than a generation and have no time of day.
fn is_of_the_person(field: &Facts) -> bool {
    match field.meaning {
        Some("date_of_birth" | "date_of_death") => true,
        Some("time" | "created") => false,
        _ => field.timed < 0.5 && field.recent < 0.9,
    }
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split('_').filter(|word| !word.is_empty())
}

/// Whether a category is what a customer has, allows or is at the moment, by the name of its field.
fn says_a_state(name: &str) -> bool {
    words(name).any(|word| {
        matches!(
            word,
            "status"
                | "state"
                | "tier"
                | "segment"
                | "flag"
                | "consent"
                | "optin"
                | "opt"
                | "newsletter"
                | "marketing"
                | "subscribed"
                | "channel"
                | "stage"
                | "rating"
                | "score"
                | "priority"
                | "active"
                | "verified"
        )
    })
}

fn says_a_comment(name: &str) -> bool {
    words(name).any(|word| {
        matches!(
            word,
            "note"
                | "notes"
                | "comment"
                | "comments"
                | "remark"
                | "remarks"
                | "description"
                | "memo"
                | "message"
                | "bemerkung"
                | "kommentar"
                | "notiz"
                | "observaciones"
        )
    })
}

/// Whether few values that repeat are amounts or counts, by the name of their field.
fn says_a_quantity(name: &str) -> bool {
    words(name).any(|word| {
        matches!(
            word,
            "amount"
                | "price"
                | "total"
                | "sum"
                | "balance"
                | "revenue"
                | "turnover"
                | "count"
                | "quantity"
                | "qty"
                | "points"
                | "orders"
                | "betrag"
                | "umsatz"
                | "anzahl"
                | "importe"
                | "montant"
                | "importo"
                | "bedrag"
        )
    })
}

/// Whether a number is a trait of a person, by the name of its field.
fn says_an_attribute(name: &str) -> bool {
    words(name).any(|word| matches!(word, "age" | "alter" | "edad" | "height" | "born" | "birth"))
}
