//! A mapping made ready for one input: columns by number, fields by position, rows into records.

use std::str::FromStr;

use super::mapping::{Mapping, whole_of};
use super::names;
use super::row::Row;
use crate::error::Result;
use crate::normalize::{self, Context, Form, Normalized};
use crate::schema::{Kind, Schema, Timestamp};
use crate::table::MAX_VALUES_PER_FIELD;

pub(super) struct Binding {
    pub(super) id: Option<u32>,
    pub(super) source: Option<u32>,
    time: Option<u32>,
    time_context: Context,
    /// Fields that take the cells of a column as they are.
    direct: Vec<(usize, u32)>,
    composed: Vec<Composed>,
}

/// A field whose values are joined, split or taken apart.
struct Composed {
    field: usize,
    columns: Vec<u32>,
    /// What stands before the column of the same place, unless it is the first that is filled.
    joints: Vec<&'static str>,
    separator: Option<String>,
    part: Option<(Kind, Form, Context)>,
    takes_whole_street: bool,
}

/// The values of one row that had to be composed; kept to save its allocations.
#[derive(Default)]
pub(super) struct Composition {
    text: String,
    values: Vec<(usize, usize, usize)>,
    groups: Vec<u32>,
    joined: String,
    /// What this row's wholes were read as: a name or an address is taken apart for several fields.
    wholes: Vec<(Kind, Context, String, Normalized)>,
}

/// Where the pieces of a row go.
struct Pieces<'c> {
    text: &'c mut String,
    values: &'c mut Vec<(usize, usize, usize)>,
    wholes: &'c mut Vec<(Kind, Context, String, Normalized)>,
}

impl Binding {
    /// `column` gives the number of a column by its name; the mapping was checked before.
    pub(super) fn new(
        mapping: &Mapping,
        schema: &Schema,
        time_samples: &[String],
        mut column: impl FnMut(&str) -> u32,
    ) -> Result<Self> {
        let mut number = |name: &Option<String>| name.as_deref().map(&mut column);
        let (id, source, time) =
            (number(&mapping.id), number(&mapping.source), number(&mapping.time));
        let date_order =
            normalize::date_order(time_samples.iter().map(|text| (text.as_str(), 1))).order;
        let mut binding = Self {
            id,
            source,
            time,
            time_context: Context { date_order, ..Context::default() },
            direct: Vec::new(),
            composed: Vec::new(),
        };
        for entry in &mapping.fields {
            let position = schema.position(&entry.field)?;
            let field = &schema.fields()[position];
            let columns: Vec<u32> = entry.columns.iter().map(|name| column(name)).collect();
            if let ([only], None, None) = (&columns[..], entry.part, &entry.separator) {
                binding.direct.push((position, *only));
                continue;
            }
            let part = entry.part.and_then(|part| Some((part, whole_of(part, field.kind)?)));
            let whole = part.map_or(field.kind, |(_, whole)| whole);
            binding.composed.push(Composed {
                field: position,
                joints: joints(&entry.columns, whole),
                columns,
                separator: entry.separator.clone(),
                part: part.map(|(part, whole)| {
                    let region = field.region.clone();
                    let date_order = field.date_order;
                    (whole, part, Context { region, date_order, ..Context::default() })
                }),
                takes_whole_street: entry.part == Some(Form::Street) && field.kind == Kind::Street,
            });
        }
        Ok(binding)
    }

    /// Compose what the row does not hold ready.
    pub(super) fn compose(&self, row: &Row, composition: &mut Composition) {
        composition.text.clear();
        composition.values.clear();
        composition.wholes.clear();
        for composed in &self.composed {
            composed.compose(row, composition);
        }
    }

    /// The values of the record in the field at that position.
    pub(super) fn values<'r>(
        &'r self,
        field: usize,
        row: &'r Row,
        composition: &'r Composition,
    ) -> impl Iterator<Item = &'r str> {
        let direct = self.direct.iter().filter(move |(own, _)| *own == field);
        let direct = direct.flat_map(|(_, column)| row.values(*column).map(|(_, text)| text));
        let composed = composition.values.iter().filter(move |(own, ..)| *own == field);
        direct.chain(composed.map(|(_, start, end)| &composition.text[*start..*end]))
    }

    /// How many values the record has in all fields, at most.
    pub(super) fn most_values(row: &Row, composition: &Composition) -> usize {
        row.len() + composition.values.len()
    }

    /// The record's time: `Err` where there is one that cannot be read.
    pub(super) fn time(&self, row: &Row) -> std::result::Result<Option<Timestamp>, ()> {
        match row.first(self.time) {
            None => Ok(None),
            Some(text) => parse_time(text, &self.time_context).map(Some).ok_or(()),
        }
    }
}

/// A moment as systems write it: RFC 3339, seconds or milliseconds since 1970, or a date.
pub(super) fn parse_time(text: &str, context: &Context) -> Option<Timestamp> {
    if let Ok(time) = Timestamp::from_str(text) {
        return Some(time);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        match text.len() {
            9 | 10 => return Timestamp::from_millis(number * 1000),
            12 | 13 => return Timestamp::from_millis(number),
            _ => {}
        }
    }
    let date = normalize::date(text, context);
    if let Some(time) = date.canonical().and_then(|date| Timestamp::from_str(date).ok()) {
        return Some(time);
    }
    // A date with a time of day behind it, such as 31.12.2024 23:59:59.
    let (day, clock) = text.split_once([' ', 'T'])?;
    let day = normalize::date(day, context);
    let day = day.canonical()?;
    Timestamp::from_str(&format!("{day}T{}", clock.trim()))
        .or_else(|_| Timestamp::from_str(&format!("{day}T{}:00", clock.trim())))
        .or_else(|_| Timestamp::from_str(day))
        .ok()
}

fn joints(columns: &[String], whole: Kind) -> Vec<&'static str> {
    let comma = matches!(whole, Kind::Address | Kind::Geo);
    let is_number = |name: &String| names::key(name) == Some("house_number");
    let mut joints = vec![""];
    for pair in columns.windows(2) {
        // 7 Wallaby Place, Hauptstrasse 7: the number belongs to its street.
        let spaced = !comma || is_number(&pair[0]) || is_number(&pair[1]);
        joints.push(if spaced { " " } else { ", " });
    }
    joints
}

impl Composed {
    fn compose(&self, row: &Row, composition: &mut Composition) {
        let Composition { text, values, groups, joined, wholes } = composition;
        let mut pieces = Pieces { text, values, wholes };
        groups.clear();
        if let [column] = self.columns[..] {
            for (_, raw) in row.values(column) {
                self.take(raw, &mut pieces);
            }
            return;
        }
        let mut several = false;
        for column in &self.columns {
            let before = groups.len();
            groups.extend(row.values(*column).map(|(group, _)| group));
            several |= groups.len() > before + 1;
        }
        groups.sort_unstable();
        groups.dedup();
        if !several {
            // One value each: they belong together wherever they stood.
            groups.truncate(1);
        }
        // The table refuses a record of more; there is no use in composing them.
        groups.truncate(MAX_VALUES_PER_FIELD + 1);
        for group in groups.iter() {
            joined.clear();
            for (column, joint) in self.columns.iter().zip(&self.joints) {
                let own = row.values(*column).filter(|(other, _)| !several || other == group);
                for (at, (_, raw)) in own.enumerate() {
                    if !joined.is_empty() {
                        joined.push_str(if at == 0 { joint } else { " " });
                    }
                    joined.push_str(raw);
                }
            }
            self.take(joined, &mut pieces);
        }
    }

    /// Split one value and take the part that is wanted.
    fn take(&self, raw: &str, pieces: &mut Pieces<'_>) {
        match &self.separator {
            None => self.take_piece(raw, pieces),
            Some(separator) => {
                for piece in raw.split(separator.as_str()) {
                    self.take_piece(piece.trim(), pieces);
                }
            }
        }
    }

    fn take_piece(&self, raw: &str, pieces: &mut Pieces<'_>) {
        let Pieces { text, values, wholes } = pieces;
        let start = text.len();
        match &self.part {
            None => text.push_str(raw),
            Some((kind, form, context)) => {
                let known = wholes.iter().position(|(known, circumstances, whole, _)| {
                    known == kind && whole == raw && circumstances == context
                });
                let known = known.unwrap_or_else(|| {
                    let value = normalize::value(*kind, raw, context);
                    wholes.push((*kind, context.clone(), raw.to_owned(), value));
                    wholes.len() - 1
                });
                let value = &wholes[known].3;
                if self.takes_whole_street {
                    for form in [Form::HouseNumber, Form::Street, Form::Unit, Form::PoBox] {
                        if let Some(piece) = value.form(form) {
                            if text.len() > start {
                                text.push(' ');
                            }
                            text.push_str(piece);
                        }
                    }
                } else if form.is_repeated() {
                    for piece in value.all(*form) {
                        let start = text.len();
                        text.push_str(as_written(raw, piece));
                        values.push((self.field, start, text.len()));
                    }
                    return;
                } else if let Some(piece) = value.form(*form) {
                    text.push_str(as_written(raw, piece));
                }
            }
        }
        if text.len() > start {
            values.push((self.field, start, text.len()));
        }
    }
}

/// The part as the source spells it, where it can be found there: `McCarthy` rather than
/// `mccarthy`.
fn as_written<'t>(raw: &'t str, part: &'t str) -> &'t str {
    const LONGEST: usize = 500;
    if raw.len() > LONGEST {
        return part;
    }
    let same = |at: usize| {
        let candidate = raw.get(at..at + part.len())?;
        let is_word_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        (candidate.eq_ignore_ascii_case(part)
            && is_word_end(raw[..at].chars().next_back())
            && is_word_end(raw[at + part.len()..].chars().next()))
        .then_some(candidate)
    };
    (0..=raw.len().saturating_sub(part.len())).find_map(same).unwrap_or(part)
}
