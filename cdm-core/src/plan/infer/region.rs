use std::collections::BTreeMap;

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::Result;
use crate::normalize::{self, Form};
use crate::schema::{Kind, Schema};
use crate::table::Table;

/// The most phone numbers that are asked for their country.
const MOST_NUMBERS: usize = 2_000;

/// The fewest values that tell a country.
const FEWEST: usize = 5;

/// The region that most records are of, where they say so: by their countries, else by those phone
/// numbers that name theirs.
pub(super) fn region(table: &Table, schema: &Schema) -> Result<Option<String>> {
    for (kind, share) in [(Kind::Country, 0.5), (Kind::Phone, 0.7)] {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for field in schema.fields().iter().filter(|field| field.kind == kind) {
            let column = table.column(table.schema().position(&field.name)?);
            if kind == Kind::Country {
                let regions: Vec<Option<String>> = column.pool().iter().map(of_country).collect();
                for code in (0..table.len()).flat_map(|row| column.codes(row)) {
                    if let Some(region) = &regions[*code as usize] {
                        *counts.entry(region.clone()).or_default() += 1;
                    }
                }
            } else {
                // Which ones are asked must not depend on the order of rows.
                let mut numbers: Vec<(u64, &str)> =
                    column.pool().iter().map(|raw| (xxh3_64(raw.as_bytes()), raw)).collect();
                numbers.sort_unstable();
                numbers.truncate(MOST_NUMBERS);
                let regions: Vec<Option<String>> =
                    numbers.par_iter().map(|(_, raw)| of_phone(raw)).collect();
                for region in regions.into_iter().flatten() {
                    *counts.entry(region).or_default() += 1;
                }
            }
        }
        let told: usize = counts.values().sum();
        // The first of equals by name.
        let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
        if let Some((region, count)) = most
            && told >= FEWEST
            && count as f64 >= told as f64 * share
        {
            return Ok(Some(region));
        }
    }
    Ok(None)
}

fn of_country(raw: &str) -> Option<String> {
    normalize::country(raw).form(Form::Country).map(str::to_owned)
}

/// The country of a number that says it, as few do; the others are told by where they were written.
fn of_phone(raw: &str) -> Option<String> {
    let names_country =
        raw.trim_start().starts_with(['+', '(']) || raw.trim_start().starts_with("00");
    names_country.then(|| normalize::phone_country(raw))?
}
