//! The files: four systems with four formats, or one flat file, and the truth beside them.

use std::io::{self, Write};

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use serde::Serialize;

use super::calendar::{Date, clock};
use super::letters::windows_1252;
use super::national_id::luhn;
use super::record::{Record, Source};
use super::rng::Rng;

/// Records of one source that are held back to be put into random order: a file is not sorted by
/// person, and memory stays bounded. A source of fewer records is shuffled as a whole.
const WINDOW: usize = 32_768;

/// Opens the file of a name.
pub(super) type Open<'a> = dyn FnMut(&str) -> io::Result<Box<dyn Write>> + 'a;

/// Which files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `crm.csv`, `shop.jsonl`, `support.csv`, `loyalty.csv`.
    Sources,
    /// `customers.csv`.
    SingleFile,
}

/// Whether rows are added that a reader must reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirtyRows {
    Added,
    None,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Written {
    /// Records per source, in the order of [`Source::ALL`].
    pub(crate) records: [u64; 4],
    /// Rows with too few or too many columns, or cut off.
    pub(crate) ragged: u64,
    /// Rows with the id of an earlier row.
    pub(crate) duplicate_ids: u64,
}

/// All files of one run.
pub(super) struct Sink {
    windows: [Vec<Record>; 4],
    orders: [Rng; 4],
    files: Files,
    truth: Table,
    dirty: DirtyRows,
    written: Written,
}

/// A file with columns; boxed, as its buffers are large.
type Table = Box<Writer<Box<dyn Write>>>;

enum Files {
    Sources { crm: Table, shop: Box<dyn Write>, support: Table, loyalty: Table },
    Single(Table),
}

impl Sink {
    /// Open the files and write their headers.
    pub(super) fn open(
        open: &mut Open<'_>,
        layout: Layout,
        dirty: DirtyRows,
        seed: u64,
    ) -> io::Result<Self> {
        let files = match layout {
            Layout::Sources => {
                let mut crm_file = open("crm.csv")?;
                crm_file.write_all(b"\xEF\xBB\xBF")?;
                let mut crm = table(b',', Terminator::CRLF, crm_file);
                crm.write_record([
                    "CustomerId",
                    "Salutation",
                    "First Name",
                    "Last Name",
                    "Date of Birth",
                    "Email",
                    "Phone",
                    "Mobile",
                    "Street",
                    "Postcode",
                    "City",
                    "Country",
                    "National Id",
                    "Marketing Consent",
                    "Last Modified",
                ])?;
                let mut support = table(b';', Terminator::CRLF, open("support.csv")?);
                support.write_record(encoded(&[
                    "Kundennr",
                    "Name",
                    "E-Mail",
                    "Telefon",
                    "Anschrift",
                    "Geändert am",
                ]))?;
                let mut loyalty = table(b'\t', Terminator::Any(b'\n'), open("loyalty.csv")?);
                loyalty.write_record([
                    "card_no",
                    "given_name",
                    "family_name",
                    "birth_date",
                    "mobile",
                    "postcode",
                    "optin",
                    "joined",
                ])?;
                Files::Sources { crm, shop: open("shop.jsonl")?, support, loyalty }
            }
            Layout::SingleFile => {
                let mut file = table(b',', Terminator::Any(b'\n'), open("customers.csv")?);
                file.write_record([
                    "source",
                    "id",
                    "given_name",
                    "family_name",
                    "date_of_birth",
                    "email",
                    "phone",
                    "street",
                    "postcode",
                    "city",
                    "country",
                    "updated",
                ])?;
                Files::Single(file)
            }
        };
        let mut truth = table(b',', Terminator::Any(b'\n'), open("truth.csv")?);
        truth.write_record(["source", "id", "entity_id"])?;
        // The flat file is for measuring: every row of it counts.
        let dirty = if layout == Layout::SingleFile { DirtyRows::None } else { dirty };
        Ok(Self {
            windows: Default::default(),
            orders: std::array::from_fn(|source| Rng::new(seed ^ 0x0D0E_0F10, source as u64)),
            files,
            truth,
            dirty,
            written: Written::default(),
        })
    }

    /// Take one record; it is written when its window is full.
    pub(super) fn push(&mut self, record: Record) -> io::Result<()> {
        let source = record.source as usize;
        self.windows[source].push(record);
        if self.windows[source].len() == WINDOW { self.flush(source) } else { Ok(()) }
    }

    /// Write what is held back and finish all files.
    pub(super) fn finish(mut self) -> io::Result<Written> {
        for source in 0..self.windows.len() {
            self.flush(source)?;
        }
        self.truth.flush()?;
        match self.files {
            Files::Sources { mut crm, mut shop, mut support, mut loyalty } => {
                crm.flush()?;
                shop.flush()?;
                support.flush()?;
                loyalty.flush()?;
            }
            Files::Single(mut file) => file.flush()?,
        }
        Ok(self.written)
    }

    fn flush(&mut self, source: usize) -> io::Result<()> {
        let mut window = std::mem::take(&mut self.windows[source]);
        self.orders[source].shuffle(&mut window);
        for record in window.drain(..) {
            let number = self.written.records[source];
            self.written.records[source] += 1;
            let id = id(record.source, number);
            self.truth.write_record([
                record.source.name(),
                id.as_str(),
                format!("P{:08}", record.entity).as_str(),
            ])?;
            self.files.write(&record, &id)?;
            if self.dirty == DirtyRows::Added {
                match number {
                    // After some rows, once per file each; sources of fewer rows go without.
                    29 => {
                        self.files.write(&record, &id)?;
                        self.written.duplicate_ids += 1;
                    }
                    59 => {
                        self.files.write_ragged(record.source, number)?;
                        self.written.ragged += 1;
                    }
                    _ => {}
                }
            }
        }
        self.windows[source] = window;
        Ok(())
    }
}

impl Files {
    fn write(&mut self, record: &Record, id: &str) -> io::Result<()> {
        match self {
            Self::Sources { crm, shop, support, loyalty } => match record.source {
                Source::Crm => write_crm(crm, record, id),
                Source::Shop => write_shop(shop, record, id),
                Source::Support => write_support(support, record, id),
                Source::Loyalty => write_loyalty(loyalty, record, id),
            },
            Self::Single(file) => write_single(file, record, id),
        }
    }

    /// A row that is no record: cut off, or with a column too many.
    fn write_ragged(&mut self, source: Source, number: u64) -> io::Result<()> {
        let Self::Sources { crm, shop, support, loyalty } = self else { return Ok(()) };
        let id = id(source, number + 50_000_000);
        match source {
            Source::Crm => crm.write_record([id.as_str(), "Mr", "Cut", "Off"])?,
            Source::Shop => writeln!(shop, "{{\"id\":\"{id}\",\"name\":\"Cut O")?,
            Source::Support => support.write_record([id.as_str(), "Rest, Ohne"])?,
            // Readers forgive a surplus cell that is empty, so the last one must not be.
            Source::Loyalty => loyalty.write_record([
                id.as_str(),
                "ONE",
                "TAB",
                "TOO MANY",
                "01/01/1970",
                "",
                "",
                "N",
                "01/01/2020",
            ])?,
        }
        Ok(())
    }
}

fn table(delimiter: u8, end: Terminator, file: Box<dyn Write>) -> Table {
    let mut builder = WriterBuilder::new();
    builder.delimiter(delimiter).terminator(end);
    Box::new(builder.quote_style(QuoteStyle::Necessary).flexible(true).from_writer(file))
}

/// The id of the record number `number` of a source; ids do not tell the order of the records.
fn id(source: Source, number: u64) -> String {
    // A bijection below the prime, so ids are unique up to a hundred million records a source.
    const PRIME: u64 = 99_999_989;
    let step = [7_654_321, 30_517_578, 61_803_399, 41_421_356][source as usize];
    let scattered = (number % PRIME * step + 1_234_567) % PRIME;
    match source {
        Source::Crm => format!("C{scattered:08}"),
        Source::Shop => format!("S-{scattered:08}"),
        Source::Support => format!("{}", 100_000_000 + scattered),
        Source::Loyalty => {
            let body = format!("6034{:011}", scattered + 20_000_000_000);
            let check = luhn(&body);
            format!("{body}{check}")
        }
    }
}

fn stamp(days: i32, second: u32, separator: char) -> String {
    format!("{}{separator}{}", Date::from_days(days).iso(), clock(second))
}

fn write_crm(file: &mut Table, record: &Record, id: &str) -> io::Result<()> {
    let birth = record.birth.map(Date::iso).unwrap_or_default();
    let consent = match record.consent {
        Some(true) => "Yes",
        Some(false) => "No",
        None => "",
    };
    file.write_record([
        id,
        &record.honorific,
        &record.given,
        &record.family,
        &birth,
        &record.email,
        &record.landline.text,
        &record.mobile.text,
        &record.street,
        &record.postcode,
        &record.city,
        &record.country,
        &record.national_id,
        consent,
        &stamp(record.updated, record.second, ' '),
    ])?;
    Ok(())
}

#[derive(Serialize)]
struct ShopRow<'a> {
    id: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    phones: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<ShopAddress<'a>>,
    created: String,
    updated: String,
    newsletter: Option<bool>,
}

#[derive(Serialize)]
struct ShopAddress<'a> {
    line: &'a str,
    zip: &'a str,
    city: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

fn write_shop(file: &mut Box<dyn Write>, record: &Record, id: &str) -> io::Result<()> {
    let name = full_name(record);
    let filled = |text| some_text(text);
    let row = ShopRow {
        id,
        name: &name,
        email: filled(&record.email),
        phones: [&record.mobile.text, &record.landline.text]
            .into_iter()
            .filter_map(|text| some_text(text))
            .collect(),
        address: (!record.city.is_empty() || !record.postcode.is_empty()).then(|| ShopAddress {
            line: &record.street,
            zip: &record.postcode,
            city: &record.city,
            country: filled(&record.country),
        }),
        created: format!("{}Z", stamp(record.created, record.second, 'T')),
        updated: format!("{}Z", stamp(record.updated, record.second, 'T')),
        newsletter: record.consent,
    };
    serde_json::to_writer(&mut *file, &row)?;
    file.write_all(b"\n")
}

fn some_text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// Given and family name; in a script that writes the family name first, without a space.
fn full_name(record: &Record) -> String {
    let ideographic =
        |text: &str| text.chars().any(|letter| ('\u{3041}'..='\u{9fff}').contains(&letter));
    if ideographic(&record.family) {
        return format!("{}{}", record.family, record.given);
    }
    format!("{} {}", record.given, record.family).trim_start().to_owned()
}

fn encoded(cells: &[&str]) -> Vec<Vec<u8>> {
    cells.iter().map(|cell| windows_1252(cell)).collect()
}

fn write_support(file: &mut Table, record: &Record, id: &str) -> io::Result<()> {
    let name = match (record.family.as_str(), record.given.as_str()) {
        ("", given) => given.to_owned(),
        (family, "") => family.to_owned(),
        (family, given) => format!("{family}, {given}"),
    };
    let place = format!("{} {}", record.postcode, record.city);
    let address: Vec<&str> = [record.street.as_str(), place.trim()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let phone = if record.mobile.text.is_empty() { &record.landline } else { &record.mobile };
    file.write_record(encoded(&[
        id,
        &name,
        &record.email,
        &phone.text,
        &address.join(", "),
        &Date::from_days(record.updated).day_first('.'),
    ]))?;
    Ok(())
}

fn write_loyalty(file: &mut Table, record: &Record, id: &str) -> io::Result<()> {
    let birth = record.birth.map(|birth| birth.day_first('/')).unwrap_or_default();
    let joined = Date::from_days(record.updated).day_first('/');
    file.write_record([
        id,
        &record.given,
        &record.family,
        &birth,
        &record.mobile.text,
        &record.postcode,
        if record.consent == Some(true) { "Y" } else { "N" },
        &joined,
    ])?;
    Ok(())
}

fn write_single(file: &mut Table, record: &Record, id: &str) -> io::Result<()> {
    let birth = record.birth.map(Date::iso).unwrap_or_default();
    let phone = if record.mobile.text.is_empty() { &record.landline } else { &record.mobile };
    file.write_record([
        record.source.name(),
        id,
        &record.given,
        &record.family,
        &birth,
        &record.email,
        &phone.text,
        &record.street,
        &record.postcode,
        &record.city,
        &record.country,
        &stamp(record.updated, record.second, 'T'),
    ])?;
    Ok(())
}
