//! The columns of Arrow batches as text, value by value.
//!
//! Not by `arrow_cast::cast`: of its table of every type into every other, text takes a corner,
//! and the table is a sixth of what the library weighs.

use std::fmt::Write as _;
use std::ops::Range;

use arrow_array::builder::LargeStringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Float16Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    RunEndIndexType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray,
};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use super::row::Row;

/// What goes wrong, in words.
type Result<T> = std::result::Result<T, String>;

/// Where a column is: its places in the structs around it, outermost first.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) path: Vec<usize>,
    /// Where what lies at the path is a list of structs, the places within these.
    pub(super) member: Option<Vec<usize>>,
}

/// One column of one batch.
pub(super) struct Column {
    texts: Texts,
    /// The structs around it: where one of them is null, so is the value.
    parents: Vec<ArrayRef>,
}

enum Texts {
    Narrow(StringArray),
    Wide(LargeStringArray),
    Views(StringViewArray),
    /// Numbers with a fraction, or whole ones that came as such.
    Floats(Float64Array),
    /// Of each row, which of the pool's values; the column itself knows which are null.
    Pooled {
        column: ArrayRef,
        places: Vec<usize>,
        pool: Box<Texts>,
    },
    /// Any number of values a row.
    List {
        lists: ArrayRef,
        items: Box<Texts>,
    },
    /// One member of any number of structs a row.
    Members {
        lists: ArrayRef,
        member: Box<Column>,
        group: u32,
    },
}

impl Column {
    pub(super) fn of(batch: &RecordBatch, leaf: &Leaf) -> Result<Self> {
        let top = leaf.path[0];
        let column = batch.columns().get(top).cloned().ok_or("a column is missing")?;
        let (column, parents) = descend(column, &leaf.path[1..])?;
        let Some(inner) = &leaf.member else {
            return Ok(Self { texts: Texts::of(&column)?, parents });
        };
        let items = items_of(&column).cloned().ok_or("a list is missing")?;
        let (member, inner_parents) = descend(items, inner)?;
        let member = Box::new(Self { texts: Texts::of(&member)?, parents: inner_parents });
        // Lists of other columns have other groups.
        let group = (top as u32 & 0x7fff) << 16;
        Ok(Self { texts: Texts::Members { lists: column, member, group }, parents })
    }

    /// Make what row `at` holds cells of `row`.
    pub(super) fn push(&self, at: usize, column: u32, group: u32, row: &mut Row) {
        match self.parents.iter().any(|parent| parent.is_null(at)) {
            true => row.push(column, group, ""),
            false => self.texts.push(at, column, group, row),
        }
    }
}

impl Texts {
    fn of(column: &ArrayRef) -> Result<Self> {
        Ok(match column.data_type() {
            DataType::Utf8 => Self::Narrow(column.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Self::Wide(column.as_string::<i64>().clone()),
            DataType::Utf8View => Self::Views(column.as_string_view().clone()),
            DataType::Binary => Self::Wide(readable(column.as_binary::<i32>().iter())),
            DataType::LargeBinary => Self::Wide(readable(column.as_binary::<i64>().iter())),
            DataType::BinaryView => Self::Wide(readable(column.as_binary_view().iter())),
            DataType::FixedSizeBinary(_) => {
                Self::Wide(readable(column.as_fixed_size_binary().iter()))
            }
            DataType::Float16 => {
                // By way of text, as below.
                let numbers = column.as_primitive::<Float16Type>().iter();
                Self::Floats(numbers.map(|number| shortest(number?.to_f32())).collect())
            }
            DataType::Float32 => {
                let numbers = column.as_primitive::<Float32Type>().iter();
                Self::Floats(numbers.map(|number| shortest(number?)).collect())
            }
            DataType::Float64 => Self::Floats(column.as_primitive::<Float64Type>().clone()),
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                let pool = Box::new(Self::of(dictionary.values())?);
                let places = match dictionary.values().is_empty() {
                    true => Vec::new(),
                    false => dictionary.normalized_keys(),
                };
                Self::Pooled { column: column.clone(), places, pool }
            }
            DataType::RunEndEncoded(ends, _) => {
                let (places, values) = match ends.data_type() {
                    DataType::Int16 => runs::<Int16Type>(column)?,
                    DataType::Int32 => runs::<Int32Type>(column)?,
                    _ => runs::<Int64Type>(column)?,
                };
                Self::Pooled { column: column.clone(), places, pool: Box::new(Self::of(values)?) }
            }
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                let items = items_of(column).ok_or("a list is missing")?;
                Self::List { lists: column.clone(), items: Box::new(Self::of(items)?) }
            }
            _ => Self::Wide(written(column)?),
        })
    }

    fn is_null(&self, at: usize) -> bool {
        match self {
            Self::Narrow(texts) => texts.is_null(at),
            Self::Wide(texts) => texts.is_null(at),
            Self::Views(texts) => texts.is_null(at),
            Self::Floats(numbers) => numbers.is_null(at) || numbers.value(at).is_nan(),
            Self::Pooled { column, places, pool } => {
                column.is_null(at) || places.get(at).is_none_or(|place| pool.is_null(*place))
            }
            Self::List { lists, .. } | Self::Members { lists, .. } => lists.is_null(at),
        }
    }

    fn push(&self, at: usize, column: u32, group: u32, row: &mut Row) {
        if self.is_null(at) {
            return row.push(column, group, "");
        }
        match self {
            Self::Narrow(texts) => row.push(column, group, texts.value(at)),
            Self::Wide(texts) => row.push(column, group, texts.value(at)),
            Self::Views(texts) => row.push(column, group, texts.value(at)),
            Self::Floats(numbers) => {
                let start = row.text().len();
                // Writing to a string cannot fail; `{}` writes 2119.0 as 2119.
                let _ = write!(row.text(), "{}", numbers.value(at));
                row.end_cell(column, group, start);
            }
            Self::Pooled { places, pool, .. } => pool.push(places[at], column, group, row),
            Self::List { lists, items } => {
                for item in range_of(lists, at).filter(|item| !items.is_null(*item)) {
                    items.push(item, column, group, row);
                }
            }
            Self::Members { lists, member, group } => {
                for (place, item) in range_of(lists, at).enumerate() {
                    member.push(item, column, group + (place as u32).min(0xfffe) + 1, row);
                }
            }
        }
    }
}

/// The number that is written as this one is, so that 0.1 of 32 bits stays 0.1.
fn shortest(number: f32) -> Option<f64> {
    number.to_string().parse().ok()
}

/// Those that are UTF-8; the others are null.
fn readable<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> LargeStringArray {
    values.map(|bytes| std::str::from_utf8(bytes?).ok()).collect()
}

/// Which value each row of a run-end encoded column has, and the values.
fn runs<R: RunEndIndexType>(column: &ArrayRef) -> Result<(Vec<usize>, &ArrayRef)> {
    let runs = column.as_run_opt::<R>().ok_or("its runs end in another type than it says")?;
    Ok(((0..runs.len()).map(|at| runs.get_physical_index(at)).collect(), runs.values()))
}

/// Values of every other type, as Arrow writes them.
///
/// Moments are in their own time zone, those of a zone that nobody knows in UTC; days and moments
/// out of the calendar's range are numbers.
fn written(column: &ArrayRef) -> Result<LargeStringArray> {
    let options = FormatOptions::default();
    let in_words = |error: ArrowError| error.to_string();
    let in_utc;
    let formatter = match ArrayFormatter::try_new(column.as_ref(), &options) {
        Ok(formatter) => formatter,
        // Only the zone's name changes: moments are counted in UTC in any zone.
        Err(error) => {
            in_utc = utc(column).ok_or_else(|| in_words(error))?;
            ArrayFormatter::try_new(in_utc.as_ref(), &options).map_err(in_words)?
        }
    };
    let mut texts = LargeStringBuilder::with_capacity(column.len(), 0);
    let mut text = String::new();
    for at in 0..column.len() {
        if column.is_null(at) {
            texts.append_null();
            continue;
        }
        text.clear();
        if let Err(error) = formatter.value(at).write(&mut text) {
            text = count(column, at).ok_or_else(|| in_words(error))?.to_string();
        }
        texts.append_value(&text);
    }
    Ok(texts.finish())
}

/// The same moments, in UTC.
fn utc(column: &ArrayRef) -> Option<ArrayRef> {
    macro_rules! in_utc {
        ($kind:ty) => {
            std::sync::Arc::new(column.as_primitive::<$kind>().clone().with_timezone_utc())
        };
    }
    Some(match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => in_utc!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => in_utc!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => in_utc!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => in_utc!(TimestampNanosecondType),
        _ => return None,
    })
}

/// What a moment or day is stored as.
fn count(column: &ArrayRef, at: usize) -> Option<i64> {
    Some(match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            column.as_primitive::<TimestampSecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            column.as_primitive::<TimestampMillisecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().value(at)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().value(at)
        }
        DataType::Date32 => column.as_primitive::<Date32Type>().value(at).into(),
        DataType::Date64 => column.as_primitive::<Date64Type>().value(at),
        _ => return None,
    })
}

/// The column at that place in the structs of `column`, and these, outermost first.
fn descend(mut column: ArrayRef, path: &[usize]) -> Result<(ArrayRef, Vec<ArrayRef>)> {
    let mut parents = Vec::new();
    for at in path {
        let members = column.as_struct_opt().ok_or("a struct is missing")?;
        let member = members.columns().get(*at).cloned().ok_or("a member is missing")?;
        parents.push(std::mem::replace(&mut column, member));
    }
    Ok((column, parents))
}

/// Whether a column of this type has text: all but those of structs, maps and lists of lists.
pub(super) fn has_text(kind: &DataType) -> bool {
    match item_of(kind) {
        Some(item) => !item.is_nested(),
        None => !kind.is_nested(),
    }
}

/// What a list holds.
pub(super) fn item_of(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type())
        }
        _ => None,
    }
}

/// What the lists of a column hold, one after the other.
fn items_of(lists: &ArrayRef) -> Option<&ArrayRef> {
    match lists.data_type() {
        DataType::List(_) => Some(lists.as_list::<i32>().values()),
        DataType::LargeList(_) => Some(lists.as_list::<i64>().values()),
        DataType::FixedSizeList(..) => Some(lists.as_fixed_size_list().values()),
        _ => None,
    }
}

/// Which of these items are those of one row.
fn range_of(lists: &ArrayRef, at: usize) -> Range<usize> {
    match lists.data_type() {
        DataType::List(_) => {
            let offsets = lists.as_list::<i32>().value_offsets();
            offsets[at] as usize..offsets[at + 1] as usize
        }
        DataType::LargeList(_) => {
            let offsets = lists.as_list::<i64>().value_offsets();
            offsets[at] as usize..offsets[at + 1] as usize
        }
        DataType::FixedSizeList(_, length) => {
            let start = lists.as_fixed_size_list().value_offset_at(at);
            start..start + *length as usize
        }
        _ => 0..0,
    }
}
