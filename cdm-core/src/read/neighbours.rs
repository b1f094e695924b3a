//! What the columns beside a column say about it, where its own name says nothing.

use super::detect::Profile;
use super::understand::{BY_VALUES, Understood};
use crate::schema::Kind;

const BESIDE: &str = "by its values and the columns beside it";

/// What is known by its name is not known again by values: a second column of persons is another
/// person's, an adviser's or a mother's, and one beside an organisation is its director's.
const SAID_ALREADY: [(&str, &[&str]); 4] = [
    ("given_name", &["given_name", "full_name", "name", "organisation"]),
    ("name", &["given_name", "family_name", "full_name", "name", "organisation"]),
    ("organisation", &["organisation", "name"]),
    ("address_line", &["address", "street", "address_line"]),
];

/// Of rows with an organisation, at least so many name the person who is the customer.
const LEAST_OF_ORGANISATIONS: f64 = 0.5;

/// What a town or a postcode stands beside.
const ADDRESS_PARTS: [&str; 8] = [
    "street",
    "house_number",
    "address_line",
    "address_2",
    "city",
    "postcode",
    "region",
    "country",
];

/// Settle the columns whose names say nothing by those of one input that stand beside them.
pub(super) fn settle(columns: &mut [Understood]) {
    // Where rows have an organisation and few a person, that is somebody in it.
    let filled = |column: &Understood| column.profile.filled as f64 / column.rows.max(1) as f64;
    let organisations = columns.iter().filter(|column| column.is("organisation"));
    let most = organisations.map(filled).fold(0.0, f64::max);
    for column in &mut *columns {
        let is_person = column.is_one_of(&["given_name", "name"]) && column.why == BY_VALUES;
        if is_person && filled(column) < LEAST_OF_ORGANISATIONS * most {
            column.set(None, Some(Kind::Text), 0.3, "nothing more certain");
        }
    }
    for (key, said) in SAID_ALREADY {
        let is_said =
            columns.iter().any(|column| column.why != BY_VALUES && column.is_one_of(said));
        let by_values = columns.iter().enumerate().filter(|(_, c)| c.is(key) && c.why == BY_VALUES);
        // Of several, that in which most differ is the customer.
        let first = by_values.clone().max_by_key(|(at, c)| (c.profile.distinct, usize::MAX - at));
        let kept = first.filter(|_| !is_said).map(|(at, _)| at);
        let others: Vec<usize> =
            by_values.map(|(at, _)| at).filter(|at| Some(*at) != kept).collect();
        for at in others {
            columns[at].set(None, Some(Kind::Text), 0.3, "nothing more certain");
        }
    }
    // What makes one known may make the next known.
    loop {
        let found = [
            find(
                columns,
                ("family_name", Kind::FamilyName),
                &["given_name", "middle_name"],
                &["full_name", "name"],
                is_name,
            ),
            find(columns, ("postcode", Kind::Postcode), &ADDRESS_PARTS, &["address"], is_postcode),
            find(columns, ("region", Kind::Region), &ADDRESS_PARTS, &["address"], is_region),
            find(columns, ("city", Kind::City), &ADDRESS_PARTS, &["address"], is_place),
        ];
        if !found.contains(&true) {
            break;
        }
    }
}

/// Give a meaning to the first column without one that `looks_so` and stands beside one of these
/// meanings; to none where a column has it already, or another that says the same. Whether there is one.
fn find(
    columns: &mut [Understood],
    (key, kind): (&'static str, Kind),
    beside: &[&str],
    instead: &[&str],
    looks_so: fn(&Profile) -> bool,
) -> bool {
    if columns.iter().any(|column| column.is(key) || column.is_one_of(instead)) {
        return false;
    }
    let is_beside = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| columns.get(before));
        before.into_iter().chain(columns.get(at + 1)).any(|column| column.is_one_of(beside))
    };
    let found = (0..columns.len()).find(|at| {
        let column = &columns[*at];
        column.key.is_none() && !column.is_code() && looks_so(&column.profile) && is_beside(*at)
    });
    if let Some(found) = found {
        columns[found].set(Some(key), Some(kind), 0.6, BESIDE);
    }
    found.is_some()
}

/// A word or two without digits, and not the same few.
fn is_name(profile: &Profile) -> bool {
    is_words(profile) && profile.distinct >= 8 && profile.distinct * 10 >= profile.filled
}

/// A word or more without digits.
fn is_place(profile: &Profile) -> bool {
    is_words(profile) && profile.distinct >= 3
}

fn is_words(profile: &Profile) -> bool {
    profile.filled >= 10
        && profile.has_digit() < 0.05
        && profile.organisation() < 0.2
        && (4..=20).contains(&profile.mean_length())
}

/// Digits, nearly always as many as a postcode has, and some twice.
fn is_postcode(profile: &Profile) -> bool {
    profile.filled >= 10
        && profile.distinct >= 3
        && !profile.is_distinct()
        && profile.digits_as_of_postcodes() >= 0.75
}

/// Regions of one country, nearly always, and not the same one.
fn is_region(profile: &Profile) -> bool {
    profile.filled >= 10 && profile.distinct >= 3 && profile.region() >= 0.7
}

#[cfg(test)]
mod tests {
    use super::super::infer::ColumnSample;
    use super::super::understand::understand;
    use crate::schema::Kind;

    const GIVEN: [&str; 10] =
        ["Maria", "Robert", "Julia", "Hans", "Sarah", "Pedro", "Emma", "Klaus", "Laura", "James"];
    const FAMILY: [&str; 10] = [
        "Ruiz",
        "Zuidman",
        "Okafor",
        "Berger",
        "Nowak",
        "Tanaka",
        "Ferreira",
        "Lindqvist",
        "Moreau",
        "Whitlock",
    ];
    const TOWNS: [&str; 4] = ["Leeds", "Otley", "Ripon", "Skipton"];

    /// A column's name, and its value in a row.
    type Made<'a> = (&'a str, fn(usize) -> String);

    /// What columns of twenty rows are understood to be.
    fn kinds(columns: &[Made<'_>]) -> Vec<(Option<&'static str>, Option<Kind>)> {
        let sample = |(name, value): &Made<'_>| ColumnSample {
            name: (*name).to_owned(),
            values: (0..20).map(value).collect(),
            rows: 20,
        };
        let samples: Vec<ColumnSample> = columns.iter().map(sample).collect();
        understand(&samples).into_iter().map(|column| (column.key, column.kind)).collect()
    }

    fn given(row: usize) -> String {
        GIVEN[row % 10].to_owned()
    }

    fn family(row: usize) -> String {
        FAMILY[row * 3 % 10].to_owned()
    }

    fn whole(row: usize) -> String {
        format!("{} {}", given(row), family(row))
    }

    fn street(row: usize) -> String {
        format!("{} High Street", 3 + row)
    }

    fn town(row: usize) -> String {
        TOWNS[row % 4].to_owned()
    }

    fn number(row: usize) -> String {
        format!("{}", 10_000 + row % 7 * 1_111)
    }

    #[test]
    fn persons_and_places_are_known_by_values_and_neighbours() {
        let found =
            kinds(&[("x1", given), ("x2", family), ("x3", street), ("x4", town), ("x5", number)]);
        let expected = [
            (Some("given_name"), Some(Kind::GivenName)),
            (Some("family_name"), Some(Kind::FamilyName)),
            (Some("street"), Some(Kind::Street)),
            (Some("city"), Some(Kind::City)),
            (Some("postcode"), Some(Kind::Postcode)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_region_and_what_stands_behind_it_are_known_by_values() {
        let state: fn(usize) -> String = |row| ["NY", "OH", "TX", "CA"][row % 4].to_owned();
        let found = kinds(&[("x1", street), ("x2", town), ("x3", state), ("x4", number)]);
        assert_eq!(found[2], (Some("region"), Some(Kind::Region)));
        assert_eq!(found[3], (Some("postcode"), Some(Kind::Postcode)));
        // Beside nothing that is of an address, letters may mean anything.
        assert_eq!(kinds(&[("x1", whole), ("x2", state)])[1], (None, Some(Kind::Category)));
    }

    #[test]
    fn the_few_persons_among_organisations_are_somebody_there() {
        let firm: fn(usize) -> String = |row| format!("{} Systems Ltd", FAMILY[row % 10]);
        let some: fn(usize) -> String = |row| match row % 5 {
            0 | 1 => format!("{} {}", GIVEN[row / 2], FAMILY[row * 3 % 10]),
            _ => String::new(),
        };
        let found = kinds(&[("x1", firm), ("x2", some)]);
        assert_eq!(found[0], (Some("organisation"), Some(Kind::Organisation)));
        assert_eq!(found[1], (None, Some(Kind::Text)));
        let found = kinds(&[("x1", whole), ("x2", some)]);
        assert_eq!(found[0], (Some("full_name"), Some(Kind::FullName)));
    }

    #[test]
    fn a_code_by_its_name_is_no_postcode() {
        let found = kinds(&[("x4", town), ("depot nr", number), ("street", street)]);
        assert_eq!(found[1], (None, Some(Kind::Identifier)));
    }

    #[test]
    fn a_customer_is_a_name_or_a_number_as_the_values_say() {
        let name = (Some("full_name"), Some(Kind::FullName));
        for column in ["klant", "Customer", "x1", "account_name"] {
            assert_eq!(kinds(&[(column, whole)])[0], name, "{column}");
        }
        for column in ["klant", "Customer"] {
            assert_ne!(kinds(&[(column, number)])[0], name, "{column}");
        }
        let firms: fn(usize) -> String = |row| format!("{} Systems Ltd", FAMILY[row % 10]);
        let organisation = (Some("organisation"), Some(Kind::Organisation));
        for column in ["account_name", "supplier", "x1"] {
            assert_eq!(kinds(&[(column, firms)])[0], organisation, "{column}");
        }
    }

    #[test]
    fn who_else_is_named_is_another_person() {
        let other: fn(usize) -> String = |row| whole(row * 7 + 1);
        let text = (None, Some(Kind::Text));
        assert_eq!(kinds(&[("first name", given), ("last name", family), ("x1", other)])[2], text);
        assert_eq!(kinds(&[("company", family), ("director", other)])[1], text);
    }
}
