use super::damage::{Element, Fate, Key};
use crate::features::Expression;
use crate::schema::{Kind, Schema};

/// A key expression that may find pairs, and what it takes for a true pair to share it.
#[derive(Debug, Clone)]
pub(super) struct KeyCandidate {
    pub(super) expression: Expression,
    needs: Vec<Need>,
    /// Whether one of `needs` is enough.
    any: bool,
}

/// What of one field must have survived.
#[derive(Debug, Clone, Copy)]
struct Need {
    /// The field, by its position in the schema.
    field: usize,
    element: Element,
    key: Key,
}

impl KeyCandidate {
    /// Whether the two look at different things, so that both together say more than one.
    pub(super) fn joins(&self, other: &KeyCandidate) -> bool {
        let apart =
            |one: &Need, other: &Need| one.field != other.field || one.element != other.element;
        self.needs.iter().all(|one| other.needs.iter().all(|other| apart(one, other)))
    }

    /// The elements that it looks at, each with its field.
    pub(super) fn elements(&self) -> impl Iterator<Item = (usize, Element)> {
        self.needs.iter().map(|need| (need.field, need.element))
    }

    /// Whether two records of a customer share the key, one of them damaged; `fates` are those of
    /// its [elements](Self::elements).
    pub(super) fn survives(&self, fates: impl Iterator<Item = Fate>) -> bool {
        let mut kept = self.needs.iter().zip(fates).map(|(need, fate)| fate.keeps(need.key));
        if self.any { kept.any(|kept| kept) } else { kept.all(|kept| kept) }
    }
}

/// Every key expression that may find pairs of records with these fields.
pub(super) fn candidates(schema: &Schema) -> Vec<KeyCandidate> {
    let mut candidates = Vec::new();
    // An expression that this version cannot compute is no candidate.
    let mut add = |text: String, needs: Vec<Need>, any: bool| {
        if let Ok(expression) = text.parse() {
            candidates.push(KeyCandidate { expression, needs, any });
        }
    };
    for (field, definition) in schema.fields().iter().enumerate() {
        for (suffix, of, key) in of_kind(definition.kind) {
            let needs = of.iter().map(|element| Need { field, element: *element, key: *key });
            let any = matches!(key, Key::Words | Key::WordSounds);
            add(format!("{}{suffix}", definition.name), needs.collect(), any);
        }
    }
    let first = |kind: Kind| schema.fields().iter().position(|field| field.kind == kind);
    if let (Some(given), Some(family)) = (first(Kind::GivenName), first(Kind::FamilyName)) {
        let name = |field: usize| &schema.fields()[field].name;
        for (of_given, of_family, key) in [
            (".first", "", Key::Sorted),
            (".first.phonetic", ".phonetic", Key::SortedSound),
            (".prefix(3)", ".prefix(3)", Key::SortedPrefix(3)),
            (".initial", ".initial", Key::SortedPrefix(1)),
        ] {
            let text = format!("sorted({}{of_given}, {}{of_family})", name(given), name(family));
            let needs = [(given, Element::Given), (family, Element::Family)];
            add(text, needs.map(|(field, element)| Need { field, element, key }).to_vec(), false);
        }
    }
    candidates
}

/// What follows the field's name, what of the value must survive, and how.
fn of_kind(kind: Kind) -> &'static [(&'static str, &'static [Element], Key)] {
    use Element::{City, Family, Given, HouseNumber, Mailbox, Page, Phone, Postcode, Site, Street};
    match kind {
        Kind::GivenName => &[
            (".first", &[Given], Key::First),
            (".first.phonetic", &[Given], Key::Sound),
            (".first.nickname", &[Given], Key::Nickname),
            (".first.deletions", &[Given], Key::Deletions),
            (".prefix(3)", &[Given], Key::Prefix(3)),
            (".initial", &[Given], Key::Initial),
        ],
        Kind::FamilyName => &[
            ("", &[Family], Key::Whole),
            (".phonetic", &[Family], Key::Sound),
            (".words", &[Family], Key::Words),
            (".deletions", &[Family], Key::Deletions),
            (".prefix(3)", &[Family], Key::Prefix(3)),
            (".initial", &[Family], Key::Initial),
        ],
        Kind::FullName => &[
            (".sorted", &[Given, Family], Key::Sorted),
            (".words", &[Given, Family], Key::Words),
            (".words.phonetic", &[Given, Family], Key::WordSounds),
            (".family", &[Family], Key::Whole),
            (".family.phonetic", &[Family], Key::Sound),
            (".family.deletions", &[Family], Key::Deletions),
            (".family.prefix(3)", &[Family], Key::Prefix(3)),
            (".given.first", &[Given], Key::First),
            (".given.first.phonetic", &[Given], Key::Sound),
            (".given.first.nickname", &[Given], Key::Nickname),
            (".given.initial", &[Given], Key::Initial),
        ],
        Kind::Organisation => &[
            ("", &[Element::Organisation], Key::Whole),
            (".sorted", &[Element::Organisation], Key::Sorted),
            (".words", &[Element::Organisation], Key::Words),
            (".words.phonetic", &[Element::Organisation], Key::WordSounds),
            (".phonetic", &[Element::Organisation], Key::Sound),
            (".deletions", &[Element::Organisation], Key::Deletions),
            (".first", &[Element::Organisation], Key::First),
            (".prefix(5)", &[Element::Organisation], Key::Prefix(5)),
        ],
        Kind::Email => &[
            ("", &[Mailbox, Site], Key::Whole),
            (".local", &[Mailbox], Key::Whole),
            (".local.deletions", &[Mailbox], Key::Deletions),
            (".local.prefix(5)", &[Mailbox], Key::Prefix(5)),
            (".domain", &[Site], Key::Whole),
        ],
        Kind::Phone => &[
            ("", &[Phone], Key::Whole),
            (".last(7)", &[Phone], Key::Last(7)),
            (".last(4)", &[Phone], Key::Last(4)),
            (".deletions", &[Phone], Key::Deletions),
        ],
        Kind::Identifier => &[
            ("", &[Element::Identifier], Key::Whole),
            (".deletions", &[Element::Identifier], Key::Deletions),
            (".last(4)", &[Element::Identifier], Key::Last(4)),
        ],
        Kind::Street => &[
            ("", &[HouseNumber, Street], Key::Whole),
            (".house_number", &[HouseNumber], Key::Whole),
            (".street", &[Street], Key::Whole),
            (".street.phonetic", &[Street], Key::Sound),
            (".street.words", &[Street], Key::Words),
            (".street.deletions", &[Street], Key::Deletions),
        ],
        Kind::Address => &[
            ("", &[HouseNumber, Street, City, Postcode], Key::Whole),
            (".house_number", &[HouseNumber], Key::Whole),
            (".street", &[Street], Key::Whole),
            (".street.phonetic", &[Street], Key::Sound),
            (".street.words", &[Street], Key::Words),
            (".street.deletions", &[Street], Key::Deletions),
            (".postcode", &[Postcode], Key::Whole),
            (".city", &[City], Key::Whole),
        ],
        Kind::Postcode => &[
            ("", &[Postcode], Key::Whole),
            (".deletions", &[Postcode], Key::Deletions),
            (".prefix(3)", &[Postcode], Key::Prefix(3)),
        ],
        Kind::City => &[
            ("", &[City], Key::Whole),
            (".phonetic", &[City], Key::Sound),
            (".prefix(3)", &[City], Key::Prefix(3)),
        ],
        Kind::Date => &[
            ("", &[Element::Date], Key::Whole),
            (".year", &[Element::Date], Key::Year),
            (".year_month", &[Element::Date], Key::YearMonth),
            (".month_day", &[Element::Date], Key::MonthDay),
        ],
        Kind::Url => &[("", &[Site, Page], Key::Whole), (".domain", &[Site], Key::Whole)],
        Kind::Text => &[("", &[Element::Text], Key::Whole)],
        Kind::Region | Kind::Country | Kind::Category | Kind::Number | Kind::Geo => &[],
    }
}
