//! What the generated records are like: sizes, sources, and how far exact keys get.

use std::collections::HashMap;
use std::fmt;

use super::corrupt::{NO_EMAIL, NO_PHONE};
use super::record::{Record, clean};

/// Figures over all records of one run. Sums only, so their order does not matter.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Persons by number of records; the first element counts those with one.
    pub(super) persons_by_records: Vec<u64>,
    /// Records by source.
    pub(super) records: [u64; 4],
    /// Pairs of records of one person.
    pub(super) true_pairs: u64,
    /// True pairs that agree on an e-mail address, a phone number, or name and birth date.
    pub(super) exact_pairs: u64,
    /// True pairs that such agreements join over further records.
    pub(super) chained_pairs: u64,
    /// True pairs with no e-mail address, phone number, birth date or postcode in common: hardly
    /// any evidence is left, or none but a name.
    pub(super) bare_pairs: u64,
    /// Records by what an exact key needs: e-mail, phone, birth date.
    pub(super) with_key: [u64; 3],
    namesakes: HashMap<String, u64>,
}

impl Stats {
    /// Count the records of one person.
    pub(super) fn add(&mut self, records: &[Record]) {
        let Some(first) = records.first() else { return };
        if self.persons_by_records.len() < records.len() {
            self.persons_by_records.resize(records.len(), 0);
        }
        self.persons_by_records[records.len() - 1] += 1;
        *self.namesakes.entry(clean(&format!("{} {}", first.given, first.family))).or_default() +=
            1;
        let keys: Vec<Vec<String>> = records.iter().map(exact_keys).collect();
        for (record, keys) in records.iter().zip(&keys) {
            self.records[record.source as usize] += 1;
            for (count, mark) in self.with_key.iter_mut().zip(['@', '+', '#']) {
                *count += u64::from(keys.iter().any(|key| key.starts_with(mark)));
            }
        }
        let mut groups: Vec<usize> = (0..records.len()).collect();
        for left in 0..records.len() {
            for right in left + 1..records.len() {
                self.true_pairs += 1;
                if keys[left].iter().any(|key| keys[right].contains(key)) {
                    self.exact_pairs += 1;
                    let (kept, joined) = (groups[left], groups[right]);
                    groups.iter_mut().filter(|group| **group == joined).for_each(|g| *g = kept);
                } else if bare(&records[left], &records[right]) {
                    self.bare_pairs += 1;
                }
            }
        }
        for left in 0..records.len() {
            self.chained_pairs +=
                groups[left + 1..].iter().filter(|group| **group == groups[left]).count() as u64;
        }
    }

    /// Share of true pairs that exact keys miss.
    pub(super) fn missed_by_exact_keys(&self) -> f64 {
        1.0 - self.exact_pairs as f64 / self.true_pairs.max(1) as f64
    }

    /// Persons for each person who have the same name, by the name of the first record.
    pub(super) fn namesakes_per_person(&self) -> f64 {
        let persons: u64 = self.persons_by_records.iter().sum();
        let pairs: u64 = self.namesakes.values().map(|count| count * (count - 1)).sum();
        pairs as f64 / persons.max(1) as f64
    }
}

/// Whether two records without an exact key in common agree on neither birth date nor postcode.
fn bare(left: &Record, right: &Record) -> bool {
    let birth = left.birth.is_some() && left.birth == right.birth;
    let postcode = |record: &Record| record.postcode.replace(' ', "");
    !birth && (left.postcode.is_empty() || postcode(left) != postcode(right))
}

/// The keys of a record that must agree exactly once values are cleaned: e-mail without case, tag
/// and dots of gmail, phone in E.164, name and birth date without marks and case.
fn exact_keys(record: &Record) -> Vec<String> {
    let mut keys = Vec::with_capacity(4);
    let email = record.email.trim().to_lowercase();
    if let Some((local, domain)) = email.split_once('@')
        && !domain.is_empty()
        && !NO_EMAIL.contains(&email.as_str())
    {
        let local = local.split('+').next().unwrap_or(local);
        let local = if domain == "gmail.com" { local.replace('.', "") } else { local.to_owned() };
        keys.push(format!("@{local}@{domain}"));
    }
    for phone in [&record.mobile, &record.landline] {
        if let Some(e164) = &phone.e164
            && !NO_PHONE.contains(&phone.text.as_str())
        {
            keys.push(e164.clone());
        }
    }
    if let Some(birth) = record.birth
        && birth.year > 1901
    {
        let name = clean(&format!("{} {}", record.given, record.family));
        keys.push(format!("#{name} {}", birth.iso()));
    }
    keys
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let persons: u64 = self.persons_by_records.iter().sum();
        let records: u64 = self.records.iter().sum();
        let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
        writeln!(f, "persons                {persons}")?;
        writeln!(f, "persons by records     {:?}", self.persons_by_records)?;
        writeln!(f, "crm shop support loyalty {:?}", self.records)?;
        writeln!(f, "with e-mail            {:.1} %", percent(self.with_key[0], records))?;
        writeln!(f, "with phone             {:.1} %", percent(self.with_key[1], records))?;
        writeln!(f, "with birth date        {:.1} %", percent(self.with_key[2], records))?;
        writeln!(f, "true pairs             {}", self.true_pairs)?;
        writeln!(f, "missed by exact keys   {:.1} %", 100.0 * self.missed_by_exact_keys())?;
        let unchained = self.true_pairs - self.chained_pairs;
        writeln!(f, "missed by their chains {:.1} %", percent(unchained, self.true_pairs))?;
        writeln!(f, "no more than a name    {:.1} %", percent(self.bare_pairs, self.true_pairs))?;
        write!(f, "namesakes per person   {:.3}", self.namesakes_per_person())
    }
}
