//! Arrow tables in other shapes: IPC bytes, rows and columns of JSON, columns of another type.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, LargeStringArray, PrimitiveArray, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use arrow_json::writer::{EncoderOptions, JsonArray, WriterBuilder, make_encoder};
use arrow_schema::{DataType, Field, Schema};

use super::arrow::{ArrowTable, arrow_error};
use crate::error::Result;

impl ArrowTable {
    /// The table as the bytes of an Arrow IPC stream.
    ///
    /// # Errors
    /// [`Error::WriteStream`](crate::Error::WriteStream) where it does not fit that format.
    pub fn to_ipc(&self) -> Result<Vec<u8>> {
        let mut writer = StreamWriter::try_new(Vec::new(), &self.schema).map_err(arrow_error)?;
        for batch in &self.batches {
            writer.write(batch).map_err(arrow_error)?;
        }
        writer.into_inner().map_err(arrow_error)
    }

    /// Those rows as one JSON array of objects, each with every column: `null` where there is no
    /// value, moments as RFC 3339. Rows past the end are none.
    ///
    /// # Errors
    /// [`Error::WriteStream`](crate::Error::WriteStream) where a column has no JSON.
    pub fn to_json(&self, rows: Range<usize>) -> Result<Vec<u8>> {
        let mut writer =
            WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
        for (batch, rows) in self.parts(rows) {
            writer.write(&batch.slice(rows.start, rows.len())).map_err(arrow_error)?;
        }
        writer.finish().map_err(arrow_error)?;
        Ok(writer.into_inner())
    }

    /// Those rows as one JSON array of columns, each an array of its values: `null` where there is
    /// none, moments as RFC 3339. Rows past the end are none. Names are not said at every row, so
    /// that it is shorter, and read sooner, than an object for each.
    ///
    /// # Errors
    /// [`Error::WriteStream`](crate::Error::WriteStream) where a column has no JSON.
    pub fn columns_to_json(&self, rows: Range<usize>) -> Result<Vec<u8>> {
        let options = EncoderOptions::default().with_explicit_nulls(true);
        let mut json = vec![b'['];
        for (place, field) in self.schema.fields().iter().enumerate() {
            json.extend_from_slice(if place == 0 { b"[" } else { b",[" });
            let mut first = true;
            for (batch, rows) in self.parts(rows.clone()) {
                let column = batch.column(place);
                let mut values = make_encoder(field, column, &options).map_err(arrow_error)?;
                for row in rows {
                    if !std::mem::take(&mut first) {
                        json.push(b',');
                    }
                    match values.is_null(row) {
                        true => json.extend_from_slice(b"null"),
                        false => values.encode(row, &mut json),
                    }
                }
            }
            json.push(b']');
        }
        json.push(b']');
        Ok(json)
    }

    /// The batches that hold some of those rows, each with which of its own they are.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (&RecordBatch, Range<usize>)> {
        let mut before = 0;
        let parts = self.batches.iter().map(move |batch| {
            let start = rows.start.clamp(before, before + batch.num_rows()) - before;
            let end = rows.end.clamp(before + start, before + batch.num_rows()) - before;
            before += batch.num_rows();
            (batch, start..end)
        });
        parts.filter(|(_, rows)| !rows.is_empty())
    }

    /// The same table, its columns called otherwise: `name` gives each its new name, by its place
    /// and its old one.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(usize, &str) -> String) -> Self {
        let fields = self.schema.fields().iter().enumerate();
        let fields = fields
            .map(|(place, field)| field.as_ref().clone().with_name(name(place, field.name())));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        let batch = |batch: &RecordBatch| {
            RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()).ok()
        };
        match self.batches.iter().map(batch).collect() {
            Some(batches) => Self { schema, batches },
            // A name is no part of a column's type, so that this is never so.
            None => self.clone(),
        }
    }

    /// The same table with the text columns of these names as numbers of that type, where every
    /// value is one; else the table as it is.
    #[must_use]
    pub fn retyped(self, names: &[&str], kind: &DataType) -> Self {
        let is_named = |name: &String| names.contains(&name.as_str());
        let fields = self.schema.fields().iter().map(|field| match is_named(field.name()) {
            true => Arc::new(field.as_ref().clone().with_data_type(kind.clone())),
            false => Arc::clone(field),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = |batch: &RecordBatch| -> Option<RecordBatch> {
            let columns =
                batch.columns().iter().zip(self.schema.fields()).map(|(column, field)| {
                    if !is_named(field.name()) {
                        return Some(Arc::clone(column));
                    }
                    numbers(column.as_string_opt::<i64>()?, kind)
                });
            let columns: Vec<ArrayRef> = columns.collect::<Option<_>>()?;
            RecordBatch::try_new(Arc::clone(&schema), columns).ok()
        };
        match self.batches.iter().map(batch).collect() {
            Some(batches) => Self { schema, batches },
            None => self,
        }
    }
}

/// These texts as numbers of that type, where all of them are.
fn numbers(texts: &LargeStringArray, kind: &DataType) -> Option<ArrayRef> {
    fn parsed<T: ArrowPrimitiveType<Native: FromStr>>(
        texts: &LargeStringArray,
    ) -> Option<ArrayRef> {
        let number = |text: Option<&str>| match text {
            Some(text) => text.parse().ok().map(Some),
            None => Some(None),
        };
        let numbers: Vec<Option<T::Native>> = texts.iter().map(number).collect::<Option<_>>()?;
        Some(Arc::new(PrimitiveArray::<T>::from_iter(numbers)))
    }
    match kind {
        DataType::Int8 => parsed::<Int8Type>(texts),
        DataType::Int16 => parsed::<Int16Type>(texts),
        DataType::Int32 => parsed::<Int32Type>(texts),
        DataType::Int64 => parsed::<Int64Type>(texts),
        DataType::UInt8 => parsed::<UInt8Type>(texts),
        DataType::UInt16 => parsed::<UInt16Type>(texts),
        DataType::UInt32 => parsed::<UInt32Type>(texts),
        DataType::UInt64 => parsed::<UInt64Type>(texts),
        DataType::Float32 => parsed::<Float32Type>(texts),
        DataType::Float64 => parsed::<Float64Type>(texts),
        _ => None,
    }
}
