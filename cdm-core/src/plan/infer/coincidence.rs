use super::comparison::is_where_they_are;
use super::facts::Facts;
use crate::compare::Comparison;
use crate::model::Coincidence;
use crate::schema::Kind;

/// The largest share of twins among pairs of people of one home: about one birth in sixty is a
/// multiple one, and a family of four has six pairs.
const MOST_TWINS: f64 = 0.02;

/// The largest share of parents and children of one name: a family of four has six pairs, and one in
/// sixteen or so names a child after a parent.
const MOST_NAMED_AFTER: f64 = 0.01;

/// The largest share of namesakes among pairs of one family name in one town: where there are
/// namesakes, there are relatives of other names. Without a limit, matches whose dates are damaged
/// look like namesakes.
const MOST_NAMESAKES: f64 = 0.5;

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
    // What is left of a name where the whole is another.
    let in_part = |kind: Kind| -> Vec<String> {
        let is_rest = |comparison: &&Comparison| {
            comparison.levels.first().is_some_and(|level| level.counted_elsewhere)
                && field_of(comparison).is_some_and(|field| field.kind == kind)
        };
        comparisons.iter().filter(is_rest).map(|comparison| comparison.name.clone()).collect()
    };
    let of = |kind: Kind| named(&|field| field.kind == kind);
    let given = of(Kind::GivenName);
    let family = of(Kind::FamilyName);
    let full = of(Kind::FullName);
    let kin = match family.is_empty() {
        true => in_part(Kind::FullName),
        false => family.clone(),
    };
    let group = in_part(Kind::Organisation);
    // Mailboxes are made from names, so that namesakes have similar ones.
    let mailbox = in_part(Kind::Email);
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
    let town = named(&|field| {
        is_where_they_are(field)
            && matches!(field.kind, Kind::City | Kind::Postcode | Kind::Region | Kind::Country)
    });
    let area = [in_part(Kind::Address), town].concat();
    let (phone, email, url) = (of(Kind::Phone), of(Kind::Email), of(Kind::Url));
    let are_persons = !(given.is_empty() && family.is_empty() && full.is_empty());
    // A person's company is a place of many, an organisation's name its own.
    let names_itself = |field: &Facts| {
        field.kind == Kind::Organisation
            && !(field.means("employer") || are_persons && !alone(field, facts))
    };
    let organisation = named(&names_itself);
    let employer = named(&|field| field.kind == Kind::Organisation && !names_itself(field));

    // What belongs to nobody alone is alike among people who have anything in common: a household
    // was born in one town, who has the same first name has the same gender. Where no coincidence
    // shared it, the model would take agreement on it for what makes a match.
    let traits = named(&|field| {
        matches!(field.kind, Kind::Category | Kind::Text | Kind::Number)
            || field.kind == Kind::City && !is_where_they_are(field)
    });
    let texts = of(Kind::Text);

    let mut all: Vec<Coincidence> = Vec::new();
    let mut add = |name: &str, parts: &[&[String]]| {
        let mut shares: Vec<String> = Vec::new();
        for comparison in parts.iter().copied().flatten() {
            if !shares.contains(comparison) {
                shares.push(comparison.clone());
            }
        }
        // Who shares all that is compared cannot be told from a duplicate: of what is not understood it
        // is texts that are most likely to be somebody's own.
        let tells = |shares: &[String]| comparisons.iter().any(|c| !shares.contains(&c.name));
        if !tells(&shares) {
            let own = shares.iter().filter(|comparison| !texts.contains(comparison));
            let own: Vec<String> = own.cloned().collect();
            shares = if own.is_empty() { shares } else { own };
        }
        if !shares.is_empty() && !all.iter().any(|known| known.shares == shares) {
            all.push(Coincidence::new(name, shares));
        }
    };
    let door = [of(Kind::Street), of(Kind::Address), phone.clone()].concat();
    let lives = !place.is_empty() || !phone.is_empty();
    let home = [&kin[..], &place, &phone, &email, &url, &employer, &traits].concat();
    if !kin.is_empty() && lives {
        add("same household", &[&home]);
        if !birth.is_empty() {
            add("twins", &[&home, &birth]);
            let names = [&given[..], &full, &mailbox].concat();
            if !door.is_empty() {
                add("named after a relative", &[&home, &names]);
            } else if email.is_empty() && !area.is_empty() {
                // Families stay in a town and keep to a few names: in a census, cousins and grandparents
                // of one name are as many as entries of one person. Where nothing but the town is known,
                // and no door, phone or mailbox tells them apart, the date of birth must.
                add("namesakes in one town", &[&home, &names]);
            }
        }
    }
    match are_persons {
        true if lives => add("same place", &[&place, &phone, &email, &employer, &traits]),
        // Neighbours in one building, and firms of one owner that share their contacts as well.
        false if lives => {
            add("same address", &[&place, &traits]);
            add("same group", &[&group, &place, &phone, &email, &url, &traits]);
        }
        _ => {}
    }
    add("same area", &[&area]);
    let names: Vec<String> = match given.is_empty() || family.is_empty() {
        true => [&full[..], &mailbox].concat(),
        false => [&given[..], &family, &mailbox, &traits].concat(),
    };
    add("same name", &[&names]);
    add("same birth date", &[&birth]);
    if !kin.is_empty() {
        add("same family name", &[&kin, &mailbox]);
    }
    if !given.is_empty() {
        add("same given name", &[&given, &mailbox, &traits]);
    }
    add("same contact", &[&email, &phone]);
    if !organisation.is_empty() {
        // Branches of a chain are near each other more often than strangers. Where nothing but the
        // area tells them apart, it must.
        let chain = [&organisation[..], &url, &email, &phone, &traits].concat();
        let tells = |comparison: &Comparison| {
            !chain.contains(&comparison.name) && !area.contains(&comparison.name)
        };
        match comparisons.iter().any(tells) {
            true => add("chain", &[&chain, &area]),
            false => add("chain", &[&chain]),
        }
    }
    // Relatives have their home and their name from one cause, so that a common name says no less.
    for coincidence in &mut all {
        let most = match coincidence.name.as_str() {
            "same household" => None,
            "namesakes in one town" => Some(MOST_NAMESAKES),
            "twins" => Some(MOST_TWINS),
            "named after a relative" => Some(MOST_NAMED_AFTER),
            _ => continue,
        };
        coincidence.common_cause = true;
        coincidence.at_most = most.map(|most| ("same household".to_owned(), most));
    }
    all
}

/// Whether most records with this organisation name no person.
fn alone(organisation: &Facts, facts: &[Facts]) -> bool {
    let names = [Kind::FullName, Kind::FamilyName, Kind::GivenName];
    let persons = facts.iter().filter(|f| names.contains(&f.kind)).map(|f| f.filled).max();
    // Where both were in most records, their shares would add up to more than all of them.
    organisation.filled + persons.unwrap_or_default() <= organisation.records * 11 / 10
}
