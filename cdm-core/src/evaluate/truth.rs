use std::collections::{BTreeMap, BTreeSet};

use crate::schema::RecordKey;
use crate::table::Table;

/// What is known to be true of records, wholly or in part.
///
/// # Examples
/// ```
/// use cdm_core::{RecordKey, evaluate::Truth};
/// let key = |id| RecordKey::new("crm", id);
/// let entities = Truth::entities([(key("1"), "ann"), (key("2"), "ann")]);
/// let complete = Truth::all_pairs([(key("1"), key("2"))]);
/// let some = Truth::labelled_pairs([(key("1"), key("2"), true), (key("1"), key("3"), false)]);
/// # let _ = (entities, complete, some);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth(pub(super) Known);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// The entity of each record that is named; nothing is known of others.
    Entities(BTreeMap<RecordKey, String>),
    /// All pairs that are one customer; a record in none is alone.
    AllPairs(Vec<(RecordKey, RecordKey)>),
    /// Some pairs, and whether they are one customer.
    Labelled(BTreeMap<(RecordKey, RecordKey), bool>),
}

impl Truth {
    /// The true entity of some or all records; the others do not count.
    #[must_use]
    pub fn entities<E: Into<String>>(records: impl IntoIterator<Item = (RecordKey, E)>) -> Self {
        let records = records.into_iter().map(|(key, entity)| (key, entity.into()));
        Self(Known::Entities(records.collect()))
    }

    /// The true entity of the records of a table, by the first value of its first field; a record
    /// without one does not count.
    #[must_use]
    pub fn of_table(table: &Table) -> Self {
        let entity = |row| Some((table.key(row), table.column(0).values(row).next()?));
        Self::entities((0..table.len()).filter_map(entity))
    }

    /// All pairs of records that are one customer, at least those by which each customer hangs
    /// together; a record in none is a customer of its own.
    #[must_use]
    pub fn all_pairs(pairs: impl IntoIterator<Item = (RecordKey, RecordKey)>) -> Self {
        Self(Known::AllPairs(pairs.into_iter().collect()))
    }

    /// Some pairs that people looked at, and whether they are one customer; nothing is known of any
    /// other. Of two that contradict each other the last counts.
    #[must_use]
    pub fn labelled_pairs(pairs: impl IntoIterator<Item = (RecordKey, RecordKey, bool)>) -> Self {
        let pairs = pairs.into_iter().filter(|(left, right, _)| left != right);
        let ordered = |(left, right, is_match): (RecordKey, RecordKey, bool)| match left < right {
            true => ((left, right), is_match),
            false => ((right, left), is_match),
        };
        Self(Known::Labelled(pairs.map(ordered).collect()))
    }

    /// How many of the records it names are not in a table.
    pub(super) fn unknown(&self, table: &Table) -> u64 {
        let named: BTreeSet<&RecordKey> = match &self.0 {
            Known::Entities(records) => records.keys().collect(),
            Known::AllPairs(pairs) => pairs.iter().flat_map(|(one, two)| [one, two]).collect(),
            Known::Labelled(pairs) => pairs.keys().flat_map(|(one, two)| [one, two]).collect(),
        };
        named.into_iter().filter(|key| table.row(key).is_none()).count() as u64
    }

    /// By row, the number of its true entity where that is known, numbered in the order of rows;
    /// with the name of each entity where it has one.
    pub(super) fn by_row(&self, table: &Table) -> (Vec<Option<u32>>, Vec<Option<String>>) {
        let mut names = Vec::new();
        let of_row = match &self.0 {
            Known::Labelled(_) => vec![None; table.len()],
            Known::Entities(records) => {
                let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
                let mut number = |row| {
                    let entity = records.get(&table.key(row))?;
                    Some(*numbers.entry(entity).or_insert_with(|| {
                        names.push(Some(entity.clone()));
                        names.len() as u32 - 1
                    }))
                };
                (0..table.len()).map(&mut number).collect()
            }
            Known::AllPairs(pairs) => {
                let mut parent: Vec<u32> = (0..table.len() as u32).collect();
                for (left, right) in pairs {
                    if let (Some(left), Some(right)) = (table.row(left), table.row(right)) {
                        let (left, right) =
                            (root(&mut parent, left as u32), root(&mut parent, right as u32));
                        parent[left.max(right) as usize] = left.min(right);
                    }
                }
                let mut numbers = vec![None; table.len()];
                let mut number = |row: u32| {
                    let root = root(&mut parent, row);
                    Some(*numbers[root as usize].get_or_insert_with(|| {
                        names.push(None);
                        names.len() as u32 - 1
                    }))
                };
                (0..table.len() as u32).map(&mut number).collect()
            }
        };
        (of_row, names)
    }
}

/// The root of a place in a forest, which is made flatter on the way.
pub(super) fn root(parent: &mut [u32], mut place: u32) -> u32 {
    while parent[place as usize] != place {
        parent[place as usize] = parent[parent[place as usize] as usize];
        place = parent[place as usize];
    }
    place
}
