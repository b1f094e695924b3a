//! Survivorship: each entity's records into one golden record, with the lineage of every value.

mod golden;
mod survivorship;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};

use crate::error::Result;
use crate::features::Features;
use crate::normalize::Status;
use crate::schema::{EntityId, Kind, Timestamp};
use crate::table::Table;

pub use golden::{Contribution, GoldenField, GoldenRecord, GoldenValue, Lineage};
pub use survivorship::{Strategy, Survivorship};

/// Consent from the most to the least restrictive, where a plan does not say.
const CONSENT: [&str; 3] = ["no", "unknown", "yes"];

/// Merges the records of one table.
pub struct Merger<'a> {
    table: &'a Table,
    features: &'a Features,
    groups: Vec<Group>,
    /// By source code, the source's place in the plan.
    source_rank: Vec<usize>,
}

/// Fields that survive together.
struct Group {
    fields: Vec<usize>,
    strategy: Strategy,
    /// By source code, for `source_priority`.
    priority: Vec<usize>,
    order: Vec<String>,
}

/// A usable value of one record in one field.
#[derive(Clone, Copy)]
struct Candidate {
    /// The record, by position in the entity.
    position: usize,
    /// The value's place among the record's values.
    place: usize,
    value: u32,
    canonical: u32,
    status: Status,
}

impl<'a> Merger<'a> {
    /// Merge by `survivorship`, and by [`Strategy::default_of`] its kind what that does not name.
    /// `sources` is the plan's order of sources; others come after, by name.
    ///
    /// # Errors
    /// [`Error::UnknownField`](crate::Error::UnknownField) where the table lacks a field named.
    pub fn new(
        table: &'a Table,
        features: &'a Features,
        survivorship: &[Survivorship],
        sources: &[String],
    ) -> Result<Self> {
        let schema = table.schema();
        let mut groups = Vec::new();
        let mut named = vec![false; schema.fields().len()];
        for rule in survivorship {
            let fields = rule.fields.iter().map(|field| schema.position(field));
            let fields: Vec<usize> = fields.collect::<Result<_>>()?;
            fields.iter().for_each(|field| named[*field] = true);
            let listed = if rule.sources.is_empty() { sources } else { &rule.sources };
            groups.push(Group {
                fields,
                strategy: rule.strategy,
                priority: ranks(table.sources(), listed),
                order: match rule.order.as_slice() {
                    [] => CONSENT.map(str::to_owned).to_vec(),
                    order => order.to_vec(),
                },
            });
        }
        for (position, field) in schema.fields().iter().enumerate() {
            if !named[position] {
                groups.push(Group {
                    fields: vec![position],
                    strategy: Strategy::default_of(field.kind),
                    priority: Vec::new(),
                    order: Vec::new(),
                });
            }
        }
        let source_rank = ranks(table.sources(), sources);
        Ok(Self { table, features, groups, source_rank })
    }

    /// The golden record of these rows, which are in the order of their keys.
    #[must_use]
    pub fn merge(&self, rows: &[u32]) -> GoldenRecord<'a> {
        cdm_memory::settle();
        let fields = self.table.schema().fields();
        let mut golden: Vec<GoldenField<'a>> = fields
            .iter()
            .map(|field| GoldenField {
                name: &field.name,
                strategy: Strategy::default_of(field.kind),
                values: Vec::new(),
                lost: Vec::new(),
            })
            .collect();
        for group in &self.groups {
            match group.fields.as_slice() {
                [field] => {
                    let candidates = self.candidates(rows, *field);
                    let winners = self.winners(group, rows, *field, candidates);
                    self.fill(&mut golden[*field], group.strategy, rows, *field, &winners);
                }
                fields => {
                    let all: Vec<_> = fields.iter().map(|f| self.candidates(rows, *f)).collect();
                    let chosen = self.chosen_record(group, rows, &all);
                    for (field, candidates) in fields.iter().zip(&all) {
                        let winner = candidates.iter().find(|c| Some(c.position) == chosen);
                        let winners: Vec<Candidate> = winner.copied().into_iter().collect();
                        self.fill(&mut golden[*field], group.strategy, rows, *field, &winners);
                    }
                }
            }
        }
        let lowest = rows.first().map_or(("", ""), |row| {
            (self.table.source(*row as usize), self.table.id(*row as usize))
        });
        GoldenRecord {
            table: self.table,
            entity_id: EntityId::of_lowest(lowest.0, lowest.1),
            rows: rows.to_vec(),
            time: rows.iter().filter_map(|row| self.table.time(*row as usize)).max(),
            fields: golden,
        }
    }

    fn candidates(&self, rows: &[u32], field: usize) -> Vec<Candidate> {
        let values = self.features.field(field);
        let mut candidates = Vec::new();
        for (position, row) in rows.iter().enumerate() {
            for (place, value) in values.codes(*row as usize).iter().enumerate() {
                if let Some(canonical) = values.canonical_code(*value) {
                    let status = values.status(*value);
                    candidates.push(Candidate {
                        position,
                        place,
                        value: *value,
                        canonical,
                        status,
                    });
                }
            }
        }
        candidates
    }

    /// The candidates that survive, best first; no two of the same canonical form.
    fn winners(
        &self,
        group: &Group,
        rows: &[u32],
        field: usize,
        candidates: Vec<Candidate>,
    ) -> Vec<Candidate> {
        if candidates.len() < 2 {
            return candidates;
        }
        let weighs_doubtful_alike = matches!(
            group.strategy,
            Strategy::Union | Strategy::MostRestrictive | Strategy::LatestDecision
        );
        let doubtful_allowed = weighs_doubtful_alike
            || !candidates.iter().any(|candidate| candidate.status == Status::Valid);
        let mut eligible = candidates;
        eligible.retain(|candidate| doubtful_allowed || candidate.status == Status::Valid);
        let weights = self.weights(group.strategy, rows, &eligible);
        eligible.sort_by(|one, two| {
            self.by_strategy(group, rows, field, one, two, &weights)
                .then_with(|| self.by_record(rows, one.position, two.position))
                .then_with(|| one.place.cmp(&two.place))
        });
        if group.strategy == Strategy::Union {
            let mut seen = BTreeSet::new();
            eligible.retain(|candidate| seen.insert(candidate.canonical));
        } else {
            eligible.truncate(1);
        }
        eligible
    }

    /// What `most_frequent` counts by canonical form, and `most_complete` by position.
    fn weights(
        &self,
        strategy: Strategy,
        rows: &[u32],
        eligible: &[Candidate],
    ) -> BTreeMap<u32, usize> {
        let mut weights = BTreeMap::new();
        match strategy {
            Strategy::MostFrequent => {
                // A record that says the same thing twice says it once.
                let mut said: Vec<(u32, usize)> =
                    eligible.iter().map(|c| (c.canonical, c.position)).collect();
                said.sort_unstable();
                said.dedup();
                said.iter().for_each(|(canonical, _)| *weights.entry(*canonical).or_default() += 1);
            }
            Strategy::MostComplete => {
                for candidate in eligible {
                    let position = candidate.position;
                    weights
                        .entry(position as u32)
                        .or_insert_with(|| self.completeness(rows[position] as usize));
                }
            }
            _ => {}
        }
        weights
    }

    /// How many fields of a row hold a usable value.
    fn completeness(&self, row: usize) -> usize {
        (0..self.table.schema().fields().len())
            .filter(|field| {
                let values = self.features.field(*field);
                values.codes(row).iter().any(|value| values.status(*value).is_usable())
            })
            .count()
    }

    fn by_strategy(
        &self,
        group: &Group,
        rows: &[u32],
        field: usize,
        one: &Candidate,
        two: &Candidate,
        weights: &BTreeMap<u32, usize>,
    ) -> Ordering {
        let values = self.features.field(field);
        let restriction = |candidate: &Candidate| {
            let canonical = values.canonical(candidate.canonical);
            group.order.iter().position(|word| word == canonical).unwrap_or(usize::MAX)
        };
        let restrictive = |one, two| restriction(one).cmp(&restriction(two));
        match group.strategy {
            Strategy::MostRecent => Ordering::Equal,
            Strategy::SourcePriority => {
                let rank =
                    |candidate: &Candidate| group.priority[self.source(rows, candidate.position)];
                rank(one).cmp(&rank(two))
            }
            Strategy::MostFrequent => weights[&two.canonical].cmp(&weights[&one.canonical]),
            Strategy::MostComplete => {
                weights[&(two.position as u32)].cmp(&weights[&(one.position as u32)])
            }
            Strategy::Longest => {
                let length =
                    |candidate: &Candidate| values.display(candidate.value).chars().count();
                length(two).cmp(&length(one))
            }
            Strategy::Min => self.by_size(field, one, two),
            Strategy::Max => self.by_size(field, two, one),
            Strategy::Union => one.status.cmp(&two.status),
            Strategy::FirstValid => self.by_source(rows, one.position, two.position),
            Strategy::MostRestrictive => restrictive(one, two),
            Strategy::LatestDecision => {
                let time = |candidate: &Candidate| Reverse(self.time(rows, candidate.position));
                time(one).cmp(&time(two)).then_with(|| restrictive(one, two))
            }
        }
    }

    fn by_size(&self, field: usize, one: &Candidate, two: &Candidate) -> Ordering {
        let values = self.features.field(field);
        let (one, two) = (values.canonical(one.canonical), values.canonical(two.canonical));
        if values.kind() == Kind::Number { by_decimal(one, two) } else { one.cmp(two) }
    }

    /// The most recent record first, then the plan's order of sources, then record key.
    fn by_record(&self, rows: &[u32], one: usize, two: usize) -> Ordering {
        Reverse(self.time(rows, one))
            .cmp(&Reverse(self.time(rows, two)))
            .then_with(|| self.by_source(rows, one, two))
    }

    fn by_source(&self, rows: &[u32], one: usize, two: usize) -> Ordering {
        let rank = |position| self.source_rank[self.source(rows, position)];
        rank(one).cmp(&rank(two)).then(one.cmp(&two))
    }

    fn time(&self, rows: &[u32], position: usize) -> Option<Timestamp> {
        self.table.time(rows[position] as usize)
    }

    fn source(&self, rows: &[u32], position: usize) -> usize {
        self.table.source_code(rows[position] as usize) as usize
    }

    /// The record from which the fields of a group survive together, by position.
    ///
    /// Records that have the group's first field go before those that lack it: a town alone does
    /// not replace a street.
    fn chosen_record(
        &self,
        group: &Group,
        rows: &[u32],
        candidates: &[Vec<Candidate>],
    ) -> Option<usize> {
        // Most records are alone; then there is nothing to choose.
        let mut positions = candidates.iter().flatten().map(|candidate| candidate.position);
        let first = positions.next()?;
        if positions.all(|position| position == first) {
            return Some(first);
        }
        // The first value of each field by position.
        let mut said: BTreeMap<usize, Vec<Option<Candidate>>> = BTreeMap::new();
        for (place, candidates) in candidates.iter().enumerate() {
            for candidate in candidates {
                let fields = said
                    .entry(candidate.position)
                    .or_insert_with(|| vec![None; group.fields.len()]);
                fields[place].get_or_insert(*candidate);
            }
        }
        let canonicals = |fields: &[Option<Candidate>]| -> Vec<Option<u32>> {
            fields.iter().map(|field| field.map(|candidate| candidate.canonical)).collect()
        };
        let mut counts: BTreeMap<Vec<Option<u32>>, usize> = BTreeMap::new();
        if group.strategy == Strategy::MostFrequent {
            said.values().for_each(|fields| *counts.entry(canonicals(fields)).or_default() += 1);
        }
        // Less is better.
        let preference = |position: usize, fields: &[Option<Candidate>]| match group.strategy {
            Strategy::SourcePriority => group.priority[self.source(rows, position)],
            Strategy::MostFrequent => rows.len() - counts[&canonicals(fields)],
            Strategy::MostComplete => {
                let filled = self.completeness(rows[position] as usize);
                self.table.schema().fields().len() - filled
            }
            Strategy::FirstValid => {
                let doubtful = |candidate: &Candidate| candidate.status != Status::Valid;
                usize::from(fields.iter().flatten().any(doubtful))
            }
            _ => 0,
        };
        let first_valid = group.strategy == Strategy::FirstValid;
        said.iter()
            .min_by(|(one, one_fields), (two, two_fields)| {
                one_fields[0]
                    .is_none()
                    .cmp(&two_fields[0].is_none())
                    .then_with(|| preference(**one, one_fields).cmp(&preference(**two, two_fields)))
                    .then_with(|| match first_valid {
                        true => self.by_source(rows, **one, **two),
                        false => self.by_record(rows, **one, **two),
                    })
            })
            .map(|(position, _)| *position)
    }

    /// Sort every value of the field under what survived, what agrees with it, and what lost.
    fn fill(
        &self,
        golden: &mut GoldenField<'a>,
        strategy: Strategy,
        rows: &[u32],
        field: usize,
        winners: &[Candidate],
    ) {
        let values = self.features.field(field);
        let contribution = |row: u32, value: u32| Contribution {
            table: self.table,
            row,
            raw: values.raw(value),
            status: values.status(value),
            issues: values.issues(value),
        };
        golden.strategy = strategy;
        golden.values = winners
            .iter()
            .map(|winner| GoldenValue {
                value: values.display(winner.value),
                from: contribution(rows[winner.position], winner.value),
                agreed: Vec::new(),
            })
            .collect();
        for (position, row) in rows.iter().enumerate() {
            for (place, value) in values.codes(*row as usize).iter().enumerate() {
                let canonical = values.canonical_code(*value);
                let winner = winners.iter().position(|winner| Some(winner.canonical) == canonical);
                match winner {
                    Some(number) => {
                        let winner = &winners[number];
                        if (winner.position, winner.place) != (position, place) {
                            golden.values[number].agreed.push(contribution(*row, *value));
                        }
                    }
                    None => golden.lost.push(contribution(*row, *value)),
                }
            }
        }
    }
}

/// By source code, the source's place in `listed`; others come after, in the order of their names.
fn ranks(sources: &[String], listed: &[String]) -> Vec<usize> {
    let named: BTreeSet<&String> = listed.iter().collect();
    let others: BTreeSet<&String> = sources.iter().filter(|s| !named.contains(s)).collect();
    let mut places = BTreeMap::new();
    for source in listed.iter().chain(others) {
        let next = places.len();
        places.entry(source).or_insert(next);
    }
    // Every source is listed or among the others.
    sources.iter().map(|source| places.get(source).copied().unwrap_or(usize::MAX)).collect()
}

/// Compare two plain decimal numbers of any length, such as `-12.5`.
fn by_decimal(one: &str, two: &str) -> Ordering {
    let parts = |text: &str| -> (bool, String, String) {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        (negative, whole.trim_start_matches('0').to_owned(), fraction.to_owned())
    };
    let (one, two) = (parts(one), parts(two));
    let magnitude = (one.1.len(), &one.1, &one.2).cmp(&(two.1.len(), &two.1, &two.2));
    match (one.0, two.0) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_compared_by_size_not_by_letter() {
        let ordered = ["-10.5", "-10", "-9", "0", "0.5", "9", "10", "10.25", "10.3"];
        for (place, one) in ordered.iter().enumerate() {
            for (other, two) in ordered.iter().enumerate() {
                assert_eq!(by_decimal(one, two), place.cmp(&other), "{one} {two}");
            }
        }
    }
}
