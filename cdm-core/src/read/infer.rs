//! Which fields a source has, and which of its columns fill them, where nobody said.
//!
//! The names of columns are looked up in lists of many languages, split at capitals, digits and
//! punctuation; the values confirm or contradict them, and speak where the name does not. What
//! is not likely is not guessed: the column stays unused and is listed as such.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::mapping::{FieldMapping, Mapping};
use super::names;
use super::understand::{Understood, understand};
use crate::error::Result;
use crate::normalize::Form;
use crate::schema::{Field, Kind, Schema};

/// A column's name and some of its values, to infer from.
///
/// `Debug` does not show the values.
#[derive(Clone, Default)]
pub struct ColumnSample {
    /// The column, as the input calls it.
    pub name: String,
    /// Filled values, in the order of the input.
    pub values: Vec<String>,
    /// How many rows were looked at, with or without a value here.
    pub rows: u64,
}

impl fmt::Debug for ColumnSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ColumnSample")
            .field("name", &self.name)
            .field("values", &self.values.len())
            .field("rows", &self.rows)
            .finish()
    }
}

/// What the values of a column likely are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindGuess {
    /// The likeliest kind; [`Kind::Text`] where nothing speaks for another.
    pub kind: Kind,
    /// How sure that is, from 0 (not at all) to 1.
    pub confidence: f64,
    /// What it was told by, in words.
    pub why: &'static str,
}

/// The likeliest kind of a column, by its name and its values.
///
/// At most a thousand values are looked at; there may be none.
///
/// # Examples
/// ```
/// use cdm_core::{Kind, read::infer_kind};
/// assert_eq!(infer_kind("Geburtsdatum", ["24.12.1980"].into_iter()).kind, Kind::Date);
/// let values = ["a@example.org", "b@example.org", "c@example.org"];
/// assert_eq!(infer_kind("contact", values.into_iter()).kind, Kind::Email);
/// ```
#[must_use]
pub fn infer_kind<'v>(column: &str, values: impl Iterator<Item = &'v str>) -> KindGuess {
    let values = values.take(super::detect::MAX_VALUES).map(str::to_owned).collect();
    let sample = ColumnSample { name: column.to_owned(), values, rows: 0 };
    let understood = &understand(std::slice::from_ref(&sample))[0];
    match (understood.kind, understood.key) {
        (Some(kind), _) => {
            KindGuess { kind, confidence: understood.confidence, why: understood.why }
        }
        (None, Some("time" | "created")) => {
            KindGuess { kind: Kind::Date, confidence: 0.8, why: "by its name" }
        }
        (None, Some("id")) => {
            KindGuess { kind: Kind::Identifier, confidence: 0.8, why: "by its name" }
        }
        (None, Some(_)) => KindGuess { kind: Kind::Category, confidence: 0.5, why: "by its name" },
        (None, None) => KindGuess { kind: Kind::Text, confidence: 0.0, why: understood.why },
    }
}

/// The keys whose columns make up a postal address.
const STREET_PARTS: [&str; 4] = ["house_number", "street", "unit", "address_2"];
const PLACES: [&str; 4] = ["city", "region", "postcode", "country"];
const NAME_PARTS: [&str; 4] = ["given_name", "middle_name", "family_name", "name_suffix"];

/// A schema that holds what these inputs have in common and each of them alone.
pub(super) fn schema_of(inputs: &[Vec<ColumnSample>]) -> Result<Schema> {
    let inputs: Vec<Vec<Understood>> =
        inputs.par_iter().map(|columns| understand(columns)).collect();
    let all = || inputs.iter().flatten();
    let has = |key: &str| all().any(|column| column.is(key));

    // Joining an address loses nothing, and taking it apart may; so one whole one decides.
    let joins_addresses = has("address");
    let street_of = |input: &[Understood]| input.iter().any(|column| column.is("street"));

    // A dotted name is told by its end where no other column ends so.
    let mut ends: HashMap<&str, HashSet<&str>> = HashMap::new();
    for column in all() {
        ends.entry(&column.end).or_default().insert(&column.column);
    }
    let own_name = |column: &Understood| {
        let end = names::last_part(&column.column);
        let alone = ends.get(column.end.as_str()).is_none_or(|columns| columns.len() == 1);
        field_name(if alone && names::key(end).is_none() { end } else { &column.column })
    };

    let mut fields: Vec<Field> = Vec::new();
    let mut add = |name: &str, kind: Kind| {
        if !fields.iter().any(|field| field.name == name) {
            fields.push(Field::new(name, kind));
        }
    };
    for input in &inputs {
        let roles = Roles::of(input, &HashSet::new());
        for (at, column) in input.iter().enumerate() {
            if roles.id == Some(at) || roles.source == Some(at) || roles.time == Some(at) {
                continue;
            }
            let empty = column.profile.filled == 0 && column.rows > 0;
            let Some(key) = column.key else {
                if let Some(kind) = column.kind.filter(|_| !empty && varies(column)) {
                    add(&own_name(column), kind);
                }
                continue;
            };
            match key {
                "id" => {
                    // An id of something else than the record can still link records.
                    if !empty && !column.is_unique() {
                        add(&own_name(column), Kind::Identifier);
                    }
                }
                "source" | "time" | "created" | "label" | "descriptor" | "name_prefix"
                | "name_suffix" => {}
                "middle_name" => add("given_name", Kind::GivenName),
                "full_name" => {
                    // Families share one part of it, and a slip in one leaves the other as it is.
                    add("given_name", Kind::GivenName);
                    add("family_name", Kind::FamilyName);
                }
                key if joins_addresses && (STREET_PARTS.contains(&key)) => {
                    add("address", Kind::Address);
                }
                key if joins_addresses && PLACES.contains(&key) && street_of(input) => {
                    add("address", Kind::Address);
                    if key == "country" {
                        // It says how the numbers and postcodes of its record are to be read.
                        add(key, Kind::Country);
                    }
                }
                "address_2" => {
                    // Units belong to the street; a place or a building is better apart.
                    if !empty && column.profile.has_digit() < 0.5 {
                        add("address_2", Kind::Text);
                    } else {
                        add("street", Kind::Street);
                    }
                }
                "house_number" | "unit" => add("street", Kind::Street),
                "latitude" | "longitude" => add("geo", Kind::Geo),
                key => {
                    if let Some(kind) = names::kind_of(key) {
                        add(key, kind);
                    }
                }
            }
        }
    }
    if fields.iter().any(|field| field.name == "country" && field.kind == Kind::Country) {
        let reads = [Kind::Phone, Kind::Address, Kind::Street, Kind::Postcode];
        for field in fields.iter_mut().filter(|field| reads.contains(&field.kind)) {
            field.region_from = Some("country".to_owned());
        }
    }
    Schema::new("records", fields)
}

/// Whether a column of no known meaning says anything: one value in every row does not.
fn varies(column: &Understood) -> bool {
    column.profile.distinct > 1 || column.profile.filled < 5
}

/// A column's name as the name of a field: `Funded Enrollment` is `funded_enrollment`.
fn field_name(column: &str) -> String {
    let mut name = String::new();
    for c in crate::normalize::fold(column).chars() {
        if c.is_alphanumeric() {
            name.push(c);
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        Some(first) if first.is_alphabetic() => name.to_owned(),
        _ => format!("column_{name}").trim_end_matches('_').to_owned(),
    }
}

/// The columns that say who and when a record is, by their places.
struct Roles {
    id: Option<usize>,
    source: Option<usize>,
    time: Option<usize>,
}

impl Roles {
    /// `fields` are names that are spoken for: a column of that very name is a field instead.
    fn of(columns: &[Understood], fields: &HashSet<String>) -> Self {
        let free = |column: &Understood| !fields.contains(&column.name);
        let candidates = |key: &'static str| {
            columns.iter().enumerate().filter(move |(_, column)| column.is(key))
        };
        // The plainest name wins, then the place.
        let plain = |column: &Understood| {
            let name = &column.end;
            let known = ["recordid", "recid", "uniqueid", "id", "uuid", "rowid"];
            known.iter().position(|known| known == name).unwrap_or(known.len())
        };
        let id = candidates("id")
            .filter(|(_, column)| column.is_unique())
            .min_by_key(|(at, column)| (!column.exact, plain(column), *at));
        let source = candidates("source").find(|(_, column)| {
            let profile = &column.profile;
            free(column)
                && column.exact
                && (column.rows == 0
                    || profile.filled > 0
                        && profile.distinct * 10 <= profile.filled.max(200)
                        && (profile.filled as u64 == column.rows
                            || profile.filled == super::detect::MAX_VALUES))
        });
        let time = ["time", "created"].into_iter().find_map(|key| {
            candidates(key).find(|(_, column)| free(column) && column.profile.is_time())
        });
        let at = |found: Option<(usize, &Understood)>| found.map(|(at, _)| at);
        Self { id: at(id), source: at(source), time: at(time) }
    }
}

impl Mapping {
    /// The likeliest mapping of an input with these columns.
    ///
    /// Each field of the schema takes the columns of its name or its meaning, every one of them.
    /// Names and addresses that the input gives in parts are joined for a field that wants them
    /// whole, and taken apart for fields that want parts.
    #[must_use]
    pub fn infer(columns: &[ColumnSample], schema: &Schema) -> Mapping {
        let understood = understand(columns);
        let names: Vec<String> =
            schema.fields().iter().map(|field| names::squeezed(&field.name)).collect();
        let claims: HashSet<String> = names.iter().cloned().collect();
        let roles = Roles::of(&understood, &claims);
        let column = |at: Option<usize>| at.map(|at| understood[at].column.clone());
        let keys = [roles.id, roles.source, roles.time];
        let columns = understood.iter().enumerate().filter_map(|(at, column)| {
            // A key can be a field as well, where the schema calls it by its name.
            let claimed = claims.contains(&column.name);
            (claimed || !keys.contains(&Some(at))).then_some((column, claimed))
        });
        let columns: Vec<(&Understood, bool)> = columns.collect();
        let inference = Inference { columns, keys: keys_of(schema), names };
        Mapping {
            id: column(roles.id),
            source: column(roles.source),
            time: column(roles.time),
            fields: inference.fields(schema),
        }
    }
}

/// The meanings of a schema's fields: by their names, else the usual one of their kind where no
/// other field has the kind.
fn keys_of(schema: &Schema) -> Vec<Option<&'static str>> {
    let mut of_kind: BTreeMap<Kind, usize> = BTreeMap::new();
    for field in schema.fields() {
        *of_kind.entry(field.kind).or_default() += 1;
    }
    let key = |field: &Field| {
        let by_name = names::key(&field.name).map(|key| match (key, field.kind) {
            ("name" | "who", Kind::Organisation) => "organisation",
            ("name", Kind::FamilyName) => "family_name",
            ("name" | "who", _) => "full_name",
            ("address_line", Kind::Address) => "address",
            ("address_line", _) => "street",
            (key, _) => key,
        });
        let fits = |key: &&str| match names::kind_of(key) {
            Some(kind) => kind == field.kind || *key == "address_2",
            None => false,
        };
        if let Some(key) = by_name.filter(fits) {
            return Some(key);
        }
        if of_kind.get(&field.kind).is_some_and(|count| *count > 1) {
            return None;
        }
        match field.kind {
            Kind::GivenName => Some("given_name"),
            Kind::FamilyName => Some("family_name"),
            Kind::FullName => Some("full_name"),
            Kind::Organisation => Some("organisation"),
            Kind::Email => Some("email"),
            Kind::Phone => Some("phone"),
            Kind::Address => Some("address"),
            Kind::Street => Some("street"),
            Kind::City => Some("city"),
            Kind::Region => Some("region"),
            Kind::Postcode => Some("postcode"),
            Kind::Country => Some("country"),
            Kind::Url => Some("url"),
            Kind::Geo => Some("geo"),
            Kind::Date | Kind::Identifier | Kind::Category | Kind::Text | Kind::Number => None,
        }
    };
    schema.fields().iter().map(key).collect()
}

/// What a mapping is inferred from.
struct Inference<'a> {
    /// The columns that may fill a field, and whether a field has the column's very name.
    columns: Vec<(&'a Understood, bool)>,
    /// The meanings of the fields.
    keys: Vec<Option<&'static str>>,
    /// The fields' names without punctuation.
    names: Vec<String>,
}

impl Inference<'_> {
    fn fields(&self, schema: &Schema) -> Vec<FieldMapping> {
        let wants = |key: &str| self.wants(key);
        let mut entries = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            let name = field.name.as_str();
            let named = self.named(at);
            let Some(key) = self.keys[at] else {
                entries.extend(named.iter().map(|c| FieldMapping::new(name, &c.column)));
                continue;
            };
            let before = entries.len();
            match key {
                "given_name" => {
                    let middle = if wants("middle_name") { &[][..] } else { &["middle_name"] };
                    self.join(
                        name,
                        &[&["given_name"], middle].concat(),
                        &["given_name"],
                        &mut entries,
                    );
                    self.take_part(name, "full_name", Form::Given, before, &mut entries);
                }
                "family_name" => {
                    self.each(name, key, &mut entries);
                    self.take_part(name, "full_name", Form::Family, before, &mut entries);
                }
                "full_name" => {
                    self.each(name, key, &mut entries);
                    let apart = wants("given_name") && wants("family_name");
                    if !apart && self.adds(&entries[before..], "family_name", "given_name") {
                        self.join(name, &NAME_PARTS, &["given_name", "family_name"], &mut entries);
                    }
                }
                "street" => {
                    let parts: Vec<&str> = STREET_PARTS
                        .into_iter()
                        .filter(|part| *part == "street" || !wants(part))
                        .collect();
                    self.join(name, &parts, &["street", "house_number"], &mut entries);
                    self.take_part(name, "address", Form::Street, before, &mut entries);
                }
                "address" => {
                    self.each(name, key, &mut entries);
                    if !wants("street") && self.adds(&entries[before..], "street", "city") {
                        let parts = [STREET_PARTS, PLACES].concat();
                        let needs: &[&str] = if entries.len() > before {
                            &["street"]
                        } else {
                            &["street", "city", "postcode"]
                        };
                        self.join(name, &parts, needs, &mut entries);
                    }
                }
                "city" | "region" | "postcode" | "country" => {
                    self.each(name, key, &mut entries);
                    let form = match key {
                        "city" => Form::City,
                        "region" => Form::Region,
                        "postcode" => Form::Postcode,
                        _ => Form::Country,
                    };
                    self.take_part(name, "address", form, before, &mut entries);
                }
                "geo" => {
                    self.each(name, key, &mut entries);
                    if entries.len() == before {
                        self.join(name, &["latitude", "longitude"], &["latitude"], &mut entries);
                    }
                }
                key => self.each(name, key, &mut entries),
            }
            // A column of the field's very name is meant, whatever it seemed to be.
            for column in named {
                let used = entries[before..].iter().any(|e| e.columns.contains(&column.column));
                if !used {
                    entries.push(FieldMapping::new(name, &column.column));
                }
            }
        }
        entries
    }

    /// Whether a field has that meaning.
    fn wants(&self, key: &str) -> bool {
        self.keys.contains(&Some(key))
    }

    fn free(&self) -> impl Iterator<Item = &Understood> {
        self.columns.iter().map(|(column, _)| *column)
    }

    /// The columns of a field's very name; else the only one whose dotted name ends in it.
    fn named(&self, at: usize) -> Vec<&Understood> {
        let own = &self.names[at];
        let whole: Vec<_> = self.free().filter(|column| column.name == *own).collect();
        if !whole.is_empty() {
            return whole;
        }
        let ending = |column: &&Understood| column.end == *own;
        let ends: Vec<_> = self.free().filter(ending).collect();
        if ends.len() == 1 { ends } else { Vec::new() }
    }

    /// The columns of a meaning that no other field claims by its very name.
    fn of<'b>(&'b self, key: &'b str, field: &'b str) -> impl Iterator<Item = &'b Understood> {
        let own = names::squeezed(field);
        let open = self
            .columns
            .iter()
            .filter(move |(column, claimed)| column.is(key) && (!claimed || column.name == own));
        open.map(|(column, _)| *column)
    }

    fn each(&self, field: &str, key: &str, entries: &mut Vec<FieldMapping>) {
        entries.extend(self.of(key, field).map(|column| FieldMapping::new(field, &column.column)));
    }

    fn filled(&self, key: &str) -> u64 {
        self.free().filter(|c| c.is(key)).map(|c| c.profile.filled as u64).sum()
    }

    fn rows(&self) -> u64 {
        self.free().map(|column| column.rows.min(1000)).max().unwrap_or(0)
    }

    /// Whether the parts `one` and `two` fill rows that the whole value, which the field has
    /// already, leaves empty.
    fn adds(&self, already: &[FieldMapping], one: &str, two: &str) -> bool {
        if already.is_empty() {
            return true;
        }
        let whole =
            self.free().filter(|c| already.iter().any(|entry| entry.columns.contains(&c.column)));
        let whole: u64 = whole.map(|column| column.profile.filled as u64).sum();
        let parts = self.filled(one).min(self.filled(two).max(1));
        parts > 0 && whole + parts <= self.rows() + self.rows() / 4
    }

    /// Take a part of the columns of `whole`, where the field has no columns of its own, or only
    /// in other rows.
    fn take_part(
        &self,
        field: &str,
        whole: &'static str,
        part: Form,
        before: usize,
        entries: &mut Vec<FieldMapping>,
    ) {
        let wants_whole = self.wants(whole);
        let own: u64 = self
            .free()
            .filter(|c| entries[before..].iter().any(|entry| entry.columns.contains(&c.column)))
            .map(|column| column.profile.filled as u64)
            .sum();
        let complements = own + self.filled(whole) <= self.rows() + self.rows() / 4;
        if entries.len() > before && (wants_whole || !complements || self.rows() == 0) {
            return;
        }
        if entries.len() == before && wants_whole && !self.claims_parts(whole) {
            return;
        }
        entries.extend(
            self.of(whole, field).map(|column| FieldMapping::new(field, &column.column).part(part)),
        );
    }

    /// Whether a schema that wants a value whole wants its parts as well, all of them: then they
    /// are taken out of it.
    fn claims_parts(&self, whole: &str) -> bool {
        let wants = |key: &str| self.wants(key);
        match whole {
            "full_name" => wants("given_name") && wants("family_name"),
            _ => wants("street") && wants("city"),
        }
    }

    /// Join the columns of `parts` that belong together: all where each part occurs once, else
    /// those of one stem. A group without one of `needs` says too little.
    fn join(&self, field: &str, parts: &[&str], needs: &[&str], entries: &mut Vec<FieldMapping>) {
        let found: Vec<(usize, &Understood)> = parts
            .iter()
            .enumerate()
            .flat_map(|(order, key)| {
                // A place can be a field of its own and belong to the whole address as well.
                let shared = PLACES.contains(key);
                let open = self.free().filter(move |column| shared && column.is(key));
                let own = self.of(key, field).filter(move |_| !shared);
                open.chain(own).map(move |column| (order, column))
            })
            .collect();
        let mut orders: Vec<usize> = found.iter().map(|(order, _)| *order).collect();
        orders.dedup();
        let each_once = orders.len() == found.len();
        let mut stems: Vec<&str> = Vec::new();
        for (_, column) in &found {
            if !stems.contains(&column.stem.as_str()) {
                stems.push(&column.stem);
            }
        }
        if each_once {
            stems.truncate(1);
        }
        for stem in stems {
            let mut group: Vec<&(usize, &Understood)> =
                found.iter().filter(|(_, column)| each_once || column.stem == stem).collect();
            if !group.iter().any(|(_, c)| needs.iter().any(|key| c.is(key))) {
                continue;
            }
            // Street and number stand in the order of their language, which is the input's.
            let place =
                |column: &Understood| self.free().position(|other| other.column == column.column);
            group.sort_by_key(|(order, column)| match STREET_PARTS.iter().any(|k| column.is(k)) {
                true => (0, place(column).unwrap_or(0)),
                false => (1, *order),
            });
            let twice = (1..group.len()).any(|at| group[at].0 == group[at - 1].0);
            if twice && group.len() > 1 && group.iter().all(|(order, _)| *order == group[0].0) {
                // Several of the same: several values, not one.
                entries.extend(group.iter().map(|(_, c)| FieldMapping::new(field, &c.column)));
            } else {
                let columns = group.iter().map(|(_, column)| column.column.as_str());
                entries.push(FieldMapping::joined(field, columns));
            }
        }
    }
}
