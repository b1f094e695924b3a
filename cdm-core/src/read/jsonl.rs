//! JSON lines: one object a line; or one array of objects.
//!
//! Objects within objects flatten to dotted column names, and so do arrays of objects, whose
//! columns then hold several values; scalars become text as they are written, `null` is absent.

use std::borrow::Cow;
use std::collections::HashMap;

use memchr::{memchr, memchr2};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::report::RejectReason;
use super::row::Row;
use super::source::{self, Buffer, Decoding};
use super::{Event, Input, MAX_COLUMNS, Rows};
use crate::error::{Error, Result};

pub(super) const FORMAT: &str = "JSON lines";
/// How deep objects and arrays may lie within one another.
const MAX_DEPTH: usize = 32;
/// How many elements an array may have: far more than a field may hold values, and few enough that
/// a long record of nothing but commas does not take many times its size.
const MAX_ELEMENTS: usize = 1 << 16;

/// Reads a file object by object.
pub(super) struct JsonReader<'a> {
    buffer: Buffer<'a>,
    decoding: Decoding,
    in_array: bool,
    columns: Columns,
}

/// The columns met so far, by name.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    index: HashMap<String, u32>,
    groups: u32,
}

impl<'a> JsonReader<'a> {
    pub(super) fn open(input: &'a Input) -> Result<Self> {
        let (head, whole) = source::head(input)?;
        let decoding = Decoding::detect(&head, whole, input.options.encoding.as_deref())?;
        let name = || input.origin.name();
        if let Some(reason) = source::why_not_text(&head, decoding) {
            return Err(Error::MalformedInput {
                name: name(),
                format: FORMAT,
                reason: reason.into(),
            });
        }
        let mut buffer = Buffer::open(input, decoding, input.options.max_record_bytes, FORMAT)?;
        if !skip_space(&mut buffer)? {
            return Err(Error::EmptyInput { name: name() });
        }
        let in_array = buffer.get().first() == Some(&b'[');
        if in_array {
            buffer.consume(1);
        }
        Ok(Self { buffer, decoding, in_array, columns: Columns::default() })
    }

    /// The length of the next line with its break; `None` at the end of the file.
    fn find_line(&mut self) -> Result<Option<usize>> {
        let mut searched = 0;
        loop {
            let bytes = self.buffer.get();
            if let Some(at) = memchr(b'\n', &bytes[searched..]) {
                return Ok(Some(searched + at + 1));
            }
            searched = bytes.len();
            self.buffer.check_length(searched)?;
            if !self.buffer.fill()? {
                return Ok((searched > 0).then_some(searched));
            }
        }
    }

    /// The length of the next element of the array, from its first character to its last; `None`
    /// at the end of the array or the file.
    fn find_element(&mut self) -> Result<Option<usize>> {
        loop {
            if !skip_space(&mut self.buffer)? {
                return Ok(None);
            }
            match self.buffer.get()[0] {
                b',' => self.buffer.consume(1),
                b']' => return Ok(None),
                _ => break,
            }
        }
        let (mut at, mut depth, mut in_text) = (0, 0_usize, false);
        loop {
            let bytes = self.buffer.get();
            while at < bytes.len() {
                if in_text {
                    match memchr2(b'"', b'\\', &bytes[at..]) {
                        None => at = bytes.len(),
                        Some(offset) if bytes[at + offset] == b'"' => {
                            at += offset + 1;
                            in_text = false;
                        }
                        // What follows the backslash is text; it may be in the next chunk.
                        Some(offset) if at + offset + 1 < bytes.len() => at += offset + 2,
                        Some(offset) => {
                            at += offset;
                            break;
                        }
                    }
                    continue;
                }
                match bytes[at] {
                    b'"' => in_text = true,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth > 0 => {
                        depth -= 1;
                    }
                    b',' | b']' if depth == 0 => return Ok(Some(at)),
                    _ => {}
                }
                at += 1;
            }
            let length = bytes.len();
            self.buffer.check_length(length)?;
            if !self.buffer.fill()? {
                return Ok(Some(length));
            }
        }
    }
}

impl Rows for JsonReader<'_> {
    /// The columns met so far, in the order in which they were.
    fn columns(&self) -> &[String] {
        &self.columns.names
    }

    fn column(&mut self, name: &str) -> u32 {
        self.columns.intern(name, usize::MAX).unwrap_or(u32::MAX)
    }

    fn encoding(&self) -> Option<&'static str> {
        Some(self.decoding.encoding.name())
    }

    fn delimiter(&self) -> Option<char> {
        None
    }

    fn bytes_read(&self) -> u64 {
        self.buffer.raw_bytes()
    }

    fn next(&mut self, row: &mut Row) -> Result<Event> {
        row.clear();
        let length = if self.in_array { self.find_element()? } else { self.find_line()? };
        let Some(length) = length else { return Ok(Event::End) };
        self.buffer.check_length(length)?;
        let line = self.buffer.line;
        let (text, recoded) = self.decoding.text(&self.buffer.get()[..length]);
        let trimmed = text.trim();
        let outcome = if trimmed.is_empty() {
            Event::Blank
        } else if !trimmed.starts_with('{') {
            let reason = match serde_json::from_str::<IgnoredAny>(trimmed) {
                Ok(_) => RejectReason::NotAnObject,
                Err(error) => invalid(error.column() + (text.len() - text.trim_start().len())),
            };
            Event::Rejected { line, reason }
        } else {
            self.columns.groups = 0;
            let mut path = String::new();
            let base = text.as_ptr() as usize;
            match self.columns.flatten(trimmed, base, &mut path, 0, 0, row) {
                Ok(()) if row.is_blank_from(0) => Event::Blank,
                Ok(()) => Event::Row { line, recoded },
                Err(reason) => Event::Rejected { line, reason },
            }
        };
        drop(text);
        self.buffer.consume(length);
        Ok(outcome)
    }
}

/// Go to the next character that is no white space; false at the end of the file.
fn skip_space(buffer: &mut Buffer<'_>) -> Result<bool> {
    loop {
        let bytes = buffer.get();
        let mut spaces = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let found = spaces < bytes.len();
        // Keep `\r` with the `\n` that may follow it, so that lines are counted once.
        if !found && bytes.last() == Some(&b'\r') && spaces > 1 {
            spaces -= 1;
        }
        buffer.consume(spaces);
        if found {
            return Ok(true);
        }
        if !buffer.fill()? {
            return Ok(false);
        }
    }
}

fn invalid(column: usize) -> RejectReason {
    RejectReason::InvalidJson { column: column.max(1) }
}

impl Columns {
    fn intern(&mut self, name: &str, limit: usize) -> Option<u32> {
        if let Some(column) = self.index.get(name) {
            return Some(*column);
        }
        if self.names.len() >= limit {
            return None;
        }
        let column = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.index.insert(name.to_owned(), column);
        Some(column)
    }

    /// Take a JSON value apart into cells; `base` is where the line starts in memory, so that an
    /// error can say its column.
    fn flatten(
        &mut self,
        raw: &str,
        base: usize,
        path: &mut String,
        group: u32,
        depth: usize,
        row: &mut Row,
    ) -> std::result::Result<(), RejectReason> {
        if depth > MAX_DEPTH {
            return Err(RejectReason::TooDeep { limit: MAX_DEPTH });
        }
        let offset = raw.as_ptr() as usize - base;
        let bad = |error: serde_json::Error| invalid(offset + error.column());
        match raw.as_bytes().first() {
            Some(b'{') => {
                let members: Members = serde_json::from_str(raw).map_err(bad)?;
                let length = path.len();
                for (name, value) in &members.0 {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name.trim());
                    self.flatten(value.get(), base, path, group, depth + 1, row)?;
                    path.truncate(length);
                }
            }
            Some(b'[') => {
                let elements: Elements = serde_json::from_str(raw).map_err(bad)?;
                if elements.0.len() > MAX_ELEMENTS {
                    let field = path.clone();
                    return Err(RejectReason::TooManyValues { field, limit: MAX_ELEMENTS });
                }
                for element in &elements.0 {
                    let mut group = group;
                    if element.get().starts_with('{') {
                        self.groups += 1;
                        group = self.groups;
                    }
                    self.flatten(element.get(), base, path, group, depth + 1, row)?;
                }
            }
            Some(b'"') => {
                let text: Text = serde_json::from_str(raw).map_err(bad)?;
                if let Some(column) = self.intern(path, MAX_COLUMNS) {
                    row.push(column, group, &text.0);
                }
            }
            Some(b'n') | None => {
                self.intern(path, MAX_COLUMNS);
            }
            Some(_) => {
                if let Some(column) = self.intern(path, MAX_COLUMNS) {
                    row.push(column, group, raw);
                }
            }
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object in their order, repeated names included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Self::Value, M::Error> {
                let mut members = Vec::new();
                while let Some(Text(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The elements of an array, of those past [`MAX_ELEMENTS`] only one.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<S: SeqAccess<'de>>(
                self,
                mut seq: S,
            ) -> std::result::Result<Self::Value, S::Error> {
                let mut elements = Vec::new();
                while elements.len() <= MAX_ELEMENTS
                    && let Some(element) = seq.next_element()?
                {
                    elements.push(element);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}
