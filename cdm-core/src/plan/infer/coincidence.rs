use super::comparison::is_where_they_are;
use super::facts::Facts;
use crate::compare::Comparison;
use crate::model::Coincidence;
use crate::schema::Kind;

/// The ways in which two different customers come to agree on some of these comparisons.
pub(super) fn coincidences(comparisons: &[Comparison], facts: &[Facts]) -> Vec<Coincidence> {
    let field_of = |comparison: &Comparison| {
        let field = comparison.fields.first()?;
        facts.iter().find(|facts| facts.name == *field)
    };
    let named = |wanted: &dyn Fn(&Facts) -> bool| -> Vec<String> {
        let found = comparisons.iter().filter(|c| field_of(c).is_some_and(wanted));
        found.map(|comparison| comparison.name.clone()).collect()
    };
    let of = |kind: Kind| named(&|field| field.kind == kind);
    let given = of(Kind::GivenName);
    let family = of(Kind::FamilyName);
    let full = of(Kind::FullName);
    let birth = named(&|field| field.kind == Kind::Date && !field.means("date_of_death"));
    let place = named(&|field| {
        is_where_they_are(field)
            && matches!(
                field.kind,
                Kind::Address
                    | Kind::Street
                    | Kind::City
                    | Kind::Postcode
                    | Kind::Region
                    | Kind::Country
                    | Kind::Geo
            )
    });
    let (phone, email, url) = (of(Kind::Phone), of(Kind::Email), of(Kind::Url));
    let are_persons = !(given.is_empty() && family.is_empty() && full.is_empty());
    // A person's company is a place of many, an organisation's name its own.
    let names_itself = |field: &Facts| {
        field.kind == Kind::Organisation
            && !(field.means("employer") || are_persons && !alone(field, facts))
    };
    let organisation = named(&names_itself);
    let employer = named(&|field| field.kind == Kind::Organisation && !names_itself(field));

    let mut all: Vec<Coincidence> = Vec::new();
    let mut add = |name: &str, parts: &[&[String]]| {
        let shares = parts.concat();
        if !shares.is_empty() && !all.iter().any(|known| known.shares == shares) {
            all.push(Coincidence::new(name, shares));
        }
    };
    let lives = !place.is_empty() || !phone.is_empty();
    let shared_at_home =
        named(&|field| !matches!(field.kind, Kind::GivenName | Kind::FullName | Kind::Identifier));
    let shared_at_home: Vec<String> =
        shared_at_home.into_iter().filter(|name| !birth.contains(name)).collect();
    if are_persons && lives {
        add("same household", &[&shared_at_home]);
        if !birth.is_empty() {
            add("twins", &[&shared_at_home, &birth]);
        }
    }
    match are_persons {
        true => add("same place", &[&place, &phone, &employer]),
        false => add("same address", &[&place, &phone]),
    }
    if given.is_empty() || family.is_empty() {
        add("same name", &[&full]);
    } else {
        add("same name", &[&given, &family]);
    }
    add("same birth date", &[&birth]);
    add("same family name", &[&family]);
    add("same given name", &[&given]);
    add("same contact", &[&email, &phone]);
    add("chain", &[&organisation, &url]);
    all
}

/// Whether most records with this organisation name no person.
fn alone(organisation: &Facts, facts: &[Facts]) -> bool {
    let names = [Kind::FullName, Kind::FamilyName, Kind::GivenName];
    let persons = facts.iter().filter(|f| names.contains(&f.kind)).map(|f| f.filled).max();
    // Where both were in most records, their shares would add up to more than all of them.
    organisation.filled + persons.unwrap_or_default() <= organisation.records * 11 / 10
}
