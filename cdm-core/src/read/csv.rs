//! Comma-separated values, and their cousins with tabs, semicolons and bars (RFC 4180).
//!
//! A scanner of our own rather than a general one, for three reasons: a record must be bounded
//! before it is in memory, a quote that is left open must cost its own line and not the rest of
//! the file, and a rejected row must be told by its true line.

use std::collections::HashSet;

use memchr::{memchr, memchr3};

use super::report::RejectReason;
use super::row::Row;
use super::source::{self, Buffer, Decoding};
use super::{Event, Input, MAX_COLUMNS, ReadOptions, Rows};
use crate::error::{Error, Result};

pub(super) const FORMAT: &str = "CSV";
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How the cells of a file are set apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    quote: u8,
    /// Whether a quote opens a cell even behind spaces, as in `"a", "b"`.
    padded: bool,
}

/// Reads a file record by record.
pub(super) struct CsvReader<'a> {
    buffer: Buffer<'a>,
    decoding: Decoding,
    dialect: Dialect,
    columns: Vec<String>,
    /// How many more bytes may be read a second time to resume behind a stray quote, so that a
    /// hostile file cannot make the work quadratic.
    second_reads: usize,
}

impl<'a> CsvReader<'a> {
    /// Open the file, tell its encoding and delimiter, and read its header.
    pub(super) fn open(input: &'a Input) -> Result<Self> {
        let options = &input.options;
        let (head, whole) = source::head(input)?;
        let decoding = Decoding::detect(&head, whole, options.encoding.as_deref())?;
        let malformed = |reason: String| Error::MalformedInput {
            name: input.origin.name(),
            format: FORMAT,
            reason,
        };
        if let Some(reason) = source::why_not_text(&head, decoding) {
            return Err(malformed(reason.into()));
        }
        // Whatever the encoding, the dialect is told from the decoded text.
        let mut sample = Buffer::open(
            input,
            decoding,
            options.max_record_bytes.saturating_add(source::SAMPLE_BYTES),
            FORMAT,
        )?;
        while sample.len() < source::SAMPLE_BYTES.min(options.max_record_bytes) && sample.fill()? {}
        let dialect = Dialect::detect(sample.get(), options)?;
        drop(sample);

        let buffer = Buffer::open(input, decoding, options.max_record_bytes, FORMAT)?;
        let second_reads = options.max_record_bytes.max(1 << 20).saturating_mul(4);
        let mut reader = Self { buffer, decoding, dialect, columns: Vec::new(), second_reads };
        let mut row = Row::default();
        loop {
            match reader.scan(&mut row)? {
                Scanned::End => return Err(Error::EmptyInput { name: input.origin.name() }),
                Scanned::Open { .. } => {
                    return Err(malformed("the header has a quote that nothing closes".into()));
                }
                Scanned::Record { length, .. } => reader.buffer.consume(length),
            }
            if !row.is_blank_from(0) {
                break;
            }
        }
        if let Some((at, _)) = row.cells().find(|(_, name)| looks_like_mail(name)) {
            return Err(malformed(format!(
                "the first row holds data (cell {} is an e-mail address), wanted column names",
                at + 1
            )));
        }
        if row.len() > MAX_COLUMNS {
            return Err(malformed(format!("it has more than {MAX_COLUMNS} columns")));
        }
        reader.columns = unique_names(row.cells().map(|(_, name)| name));
        Ok(reader)
    }

    /// Find the next record, decode it and take its cells apart, without going past it.
    fn scan(&mut self, row: &mut Row) -> Result<Scanned> {
        loop {
            let known = match self.buffer.get() {
                [b'\r', b'\n', ..] => Some(2),
                // A line feed may follow in the next chunk.
                [] | [b'\r'] => None,
                [b'\r' | b'\n', ..] => Some(1),
                _ => break,
            };
            let break_length = match known {
                Some(length) => length,
                None if self.buffer.fill()? => continue,
                None if self.buffer.len() == 0 => return Ok(Scanned::End),
                None => 1,
            };
            self.buffer.consume(break_length);
        }
        let mut scan = Scan::new(self.dialect);
        let body = loop {
            if let Some(body) = scan.advance(self.buffer.get()) {
                break body;
            }
            self.buffer.check_length(self.buffer.len())?;
            if !self.buffer.fill()? {
                break self.buffer.len();
            }
        };
        self.buffer.check_length(body)?;
        let line = self.buffer.line;
        if scan.state == State::Quoted {
            // Only the end of the file ends a record within quotes.
            let first = end_of_line(self.buffer.get());
            let resumes = self.second_reads >= body;
            if resumes {
                self.second_reads -= body;
            }
            self.buffer.consume(if resumes { first } else { body });
            return Ok(Scanned::Open { line });
        }
        if body + 1 >= self.buffer.len() {
            self.buffer.fill()?;
        }
        let bytes = self.buffer.get();
        let break_length = match &bytes[body..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        let (text, recoded) = self.decoding.text(&bytes[..body]);
        row.clear();
        let cells = split(&text, self.dialect, row);
        let first_line = if scan.spans_lines { end_of_line(bytes) } else { body + break_length };
        Ok(Scanned::Record { length: body + break_length, cells, line, recoded, first_line })
    }
}

impl Rows for CsvReader<'_> {
    /// Trimmed, made unique (`name`, `name_2`), unnamed ones by their place (`column_3`).
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn column(&mut self, name: &str) -> u32 {
        self.columns.iter().position(|column| column == name).map_or(u32::MAX, |at| at as u32)
    }

    fn encoding(&self) -> Option<&'static str> {
        Some(self.decoding.encoding.name())
    }

    fn delimiter(&self) -> Option<char> {
        Some(self.dialect.delimiter as char)
    }

    fn bytes_read(&self) -> u64 {
        self.buffer.raw_bytes()
    }

    fn next(&mut self, row: &mut Row) -> Result<Event> {
        let expected = self.columns.len();
        let (length, found, line, recoded, first_line) = match self.scan(row)? {
            Scanned::End => return Ok(Event::End),
            Scanned::Open { line } => {
                return Ok(Event::Rejected { line, reason: RejectReason::UnclosedQuote });
            }
            Scanned::Record { length, cells, line, recoded, first_line } => {
                (length, cells, line, recoded, first_line)
            }
        };
        if row.is_blank_from(0) {
            self.buffer.consume(length);
            return Ok(Event::Blank);
        }
        // Surplus cells without text are trailing delimiters; too few are a row cut short, which
        // cannot be told from one whose last cells are empty, and is not guessed at.
        if found < expected || !row.is_blank_from(expected) {
            // A record that runs over several lines and does not fit is likely a stray quote that
            // swallowed its followers: give up its first line only.
            let resumes = first_line < length && self.second_reads >= length;
            if resumes {
                self.second_reads -= length;
            }
            self.buffer.consume(if resumes { first_line } else { length });
            let reason = RejectReason::WrongCellCount { expected, found };
            return Ok(Event::Rejected { line, reason });
        }
        row.truncate(expected);
        self.buffer.consume(length);
        Ok(Event::Row { line, recoded })
    }
}

enum Scanned {
    Record { length: usize, cells: usize, line: u64, recoded: bool, first_line: usize },
    Open { line: u64 },
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or the first half of a doubled quote.
    QuoteInQuoted,
}

/// Finds the end of a record, over as many chunks as it takes.
struct Scan {
    dialect: Dialect,
    state: State,
    at: usize,
    spans_lines: bool,
}

impl Scan {
    fn new(dialect: Dialect) -> Self {
        Self { dialect, state: State::CellStart, at: 0, spans_lines: false }
    }

    /// The length of the record without its line break, once `bytes` holds all of it.
    ///
    /// `bytes` must start with what it held before.
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let Dialect { delimiter, quote, padded } = self.dialect;
        while let Some(rest) = bytes.get(self.at..).filter(|rest| !rest.is_empty()) {
            match self.state {
                State::CellStart if rest[0] == quote => {
                    self.state = State::Quoted;
                    self.at += 1;
                }
                State::CellStart if padded && rest[0] == b' ' => self.at += 1,
                State::CellStart | State::Plain => {
                    self.state = State::Plain;
                    let Some(offset) = memchr3(delimiter, b'\n', b'\r', rest) else {
                        self.at = bytes.len();
                        return None;
                    };
                    self.at += offset;
                    if rest[offset] != delimiter {
                        return Some(self.at);
                    }
                    self.at += 1;
                    self.state = State::CellStart;
                }
                State::Quoted => {
                    let offset = memchr(quote, rest);
                    let inside = &rest[..offset.unwrap_or(rest.len())];
                    self.spans_lines |= memchr::memchr2(b'\n', b'\r', inside).is_some();
                    self.at += inside.len();
                    if offset.is_some() {
                        self.at += 1;
                        self.state = State::QuoteInQuoted;
                    }
                }
                State::QuoteInQuoted if rest[0] == quote => {
                    self.state = State::Quoted;
                    self.at += 1;
                }
                State::QuoteInQuoted => self.state = State::Plain,
            }
        }
        None
    }
}

/// The length of the first line with its break.
fn end_of_line(bytes: &[u8]) -> usize {
    match memchr::memchr2(b'\n', b'\r', bytes) {
        None => bytes.len(),
        Some(at) if bytes[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
    }
}

/// Take a record apart, and say how many cells it has. Follows [`Scan`] state by state.
///
/// Past the most columns that a file may have, empty cells are counted and not kept: a line of
/// nothing but delimiters must not take many times its size.
fn split(record: &str, dialect: Dialect, row: &mut Row) -> usize {
    let Dialect { delimiter, quote, padded } = dialect;
    let bytes = record.as_bytes();
    let (mut at, mut cells) = (0, 0);
    loop {
        cells += 1;
        let column = row.len() as u32;
        let start = row.text().len();
        if padded {
            let spaces = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            if bytes.get(at + spaces) == Some(&quote) {
                at += spaces;
            }
        }
        if bytes.get(at) == Some(&quote) {
            at += 1;
            loop {
                let length = memchr(quote, &bytes[at..]).unwrap_or(bytes.len() - at);
                row.text().push_str(&record[at..at + length]);
                at = (at + length + 1).min(bytes.len());
                if bytes.get(at) != Some(&quote) {
                    break;
                }
                row.text().push(quote as char);
                at += 1;
            }
        }
        let length = memchr(delimiter, &bytes[at..]).unwrap_or(bytes.len() - at);
        row.text().push_str(&record[at..at + length]);
        if row.len() <= MAX_COLUMNS {
            row.end_cell(column, 0, start);
        } else if row.is_blank_from(MAX_COLUMNS) {
            row.replace_last(start);
        }
        at += length;
        if at == bytes.len() {
            return cells;
        }
        at += 1;
    }
}

impl Dialect {
    /// What the caller said, else what gives the first records of `sample` the same number of
    /// cells most often; a comma where nothing does.
    fn detect(sample: &[u8], options: &ReadOptions) -> Result<Self> {
        let quote = ascii_option("quote", options.quote)?;
        let known = options.delimiter.map(|c| ascii_option("delimiter", c)).transpose()?;
        if known == Some(quote) {
            return Err(invalid_option("delimiter", "it is the quote as well"));
        }
        let text = String::from_utf8_lossy(sample);
        let mut best = Self { delimiter: known.unwrap_or(b','), quote, padded: false };
        let candidates = known.map_or_else(|| DELIMITERS.to_vec(), |delimiter| vec![delimiter]);
        let mut best_score = (0, 0);
        for delimiter in candidates {
            let dialect = Self { delimiter, quote, padded: false };
            let records = dialect.records(&text);
            let Some(cells) = records.first().map(|first| first.len()).filter(|cells| *cells > 1)
            else {
                continue;
            };
            let alike = records.iter().filter(|record| record.len() == cells).count();
            let score = (alike * 1000 / records.len(), cells);
            if score > best_score {
                best_score = score;
                let padded = records[0][1..].iter().all(|name| name.starts_with(' '));
                best = Self { padded, ..dialect };
            }
        }
        Ok(best)
    }

    /// The first records of `text` as raw cells; the last one, maybe cut, only where it is alone.
    fn records(self, text: &str) -> Vec<Vec<String>> {
        let mut records = Vec::new();
        let mut at = 0;
        while at < text.len() && records.len() < 200 {
            let rest = &text[at..];
            let mut scan = Scan::new(self);
            let ended = scan.advance(rest.as_bytes());
            let length = ended.unwrap_or(rest.len());
            if length > 0 && (ended.is_some() || records.is_empty()) {
                records.push(raw_cells(&rest[..length], self));
            }
            at += length + 1;
        }
        records
    }
}

/// The cells of a record with their white space, for telling the dialect.
fn raw_cells(record: &str, dialect: Dialect) -> Vec<String> {
    let mut cells = vec![String::new()];
    let (mut quoted, mut at_start) = (false, true);
    for c in record.chars() {
        if c as u32 == u32::from(dialect.quote) && (quoted || at_start) {
            quoted = !quoted;
            at_start = false;
        } else if c as u32 == u32::from(dialect.delimiter) && !quoted {
            cells.push(String::new());
            at_start = true;
            continue;
        } else {
            at_start = false;
        }
        if let Some(cell) = cells.last_mut() {
            cell.push(c);
        }
    }
    cells
}

fn ascii_option(name: &str, c: char) -> Result<u8> {
    if c.is_ascii() && !matches!(c, '\n' | '\r' | '\0') {
        Ok(c as u8)
    } else {
        Err(invalid_option(name, "wanted one ASCII character that is no line break"))
    }
}

fn invalid_option(name: &str, reason: &str) -> Error {
    Error::InvalidDocument {
        document: "read options",
        path: name.to_owned(),
        reason: reason.to_owned(),
        suggestion: None,
    }
}

fn looks_like_mail(name: &str) -> bool {
    name.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !local.contains(' ') && domain.contains('.') && !domain.contains(' ')
    })
}

/// Names that are filled and differ, whatever the header says.
pub(super) fn unique_names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<&str> = names.collect();
    let mut taken: HashSet<String> = HashSet::new();
    let given: HashSet<&str> = names.iter().copied().collect();
    let mut unique = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let base = match *name {
            "" => format!("column_{}", at + 1),
            name => name.to_owned(),
        };
        let free = |candidate: &String, taken: &HashSet<String>| {
            !taken.contains(candidate)
                && (*candidate == *name || !given.contains(candidate.as_str()))
        };
        let mut candidate = base.clone();
        let mut count = 1;
        while !free(&candidate, &taken) {
            count += 1;
            candidate = format!("{base}_{count}");
        }
        taken.insert(candidate.clone());
        unique.push(candidate);
    }
    unique
}
