use std::collections::BTreeSet;

use serde::Deserialize;

use super::{ColumnSample, FieldMapping, Input, Mapping, infer_kind, infer_schema, sample_columns};
use crate::cancel::Run;
use crate::error::Result;
use crate::schema::{Field, Kind, Schema};

/// What a caller says of the columns of some inputs; what is not said is inferred.
///
/// # Examples
/// ```
/// use cdm_core::Run;
/// use cdm_core::read::{Columns, Input};
/// let csv = b"no,mail,born\n1,a@example.org,1980\n".to_vec();
/// let columns = Columns {
///     id: vec![Some("no".into())],
///     fields: Some(vec![("mail".into(), None)]),
///     ..Columns::default()
/// };
/// let input = Input::bytes("crm", "crm.csv", csv);
/// let (inputs, schema) = columns.map(vec![input], None, &Run::new())?;
/// assert_eq!(schema.fields().len(), 1);
/// assert_eq!(inputs[0].mapping.as_ref().unwrap().id.as_deref(), Some("no"));
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// By input, the column of the ids.
    #[serde(default)]
    pub id: Vec<Option<String>>,
    /// By input, the column that names the sources.
    #[serde(default)]
    pub source: Vec<Option<String>>,
    /// By input, the column of the times.
    #[serde(default)]
    pub time: Vec<Option<String>>,
    /// The columns that are read, in order, and the kinds of their values; where absent, all that
    /// look useful. A schema that is given leaves no choice, and this is then not looked at.
    #[serde(default)]
    pub fields: Option<Vec<(String, Option<String>)>>,
}

impl Columns {
    /// The inputs, with a mapping each where something was said, and the schema of their records:
    /// the one that is given, or else that which the columns suggest.
    ///
    /// An input that has a mapping keeps it, but for the columns that are named here.
    ///
    /// # Errors
    /// As [`read`](super::read()), of which it reads the first 2000 rows of each input, where a
    /// schema or a mapping is to be found.
    pub fn map(
        &self,
        inputs: Vec<Input>,
        schema: Option<&Schema>,
        run: &Run,
    ) -> Result<(Vec<Input>, Schema)> {
        if self.says_nothing() {
            let schema = match schema {
                Some(schema) => schema.clone(),
                None => infer_schema(&inputs, run)?,
            };
            return Ok((inputs, schema));
        }
        let samples: Vec<Vec<ColumnSample>> =
            inputs.iter().map(|input| sample_columns(input, run)).collect::<Result<_>>()?;
        let keys: Vec<Mapping> = (0..inputs.len()).map(|at| self.keys(at)).collect();
        let given = schema;
        let schema = match (given, &self.fields) {
            (Some(schema), _) => schema.clone(),
            (None, Some(fields)) => schema_of(fields, &inputs, &samples)?,
            (None, None) => without_keys(infer_schema(&inputs, run)?, &samples, &keys)?,
        };
        let mut mapped = Vec::with_capacity(inputs.len());
        for ((input, columns), key) in inputs.into_iter().zip(&samples).zip(keys) {
            let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            key.check(&input.name(), &names, &schema)?;
            let base = match (&input.mapping, &self.fields, given) {
                (Some(mapping), ..) => mapping.clone(),
                (None, Some(fields), None) => {
                    let fields = fields.iter().zip(schema.fields());
                    let fields = fields.filter(|((column, _), _)| names.contains(column));
                    let fields =
                        fields.map(|((column, _), field)| FieldMapping::new(&field.name, column));
                    Mapping { fields: fields.collect(), ..Mapping::infer(columns, &schema) }
                }
                (None, ..) => Mapping::infer(columns, &schema),
            };
            let mapping = Mapping {
                id: key.id.or(base.id),
                source: key.source.or(base.source),
                time: key.time.or(base.time),
                fields: base.fields,
            };
            mapped.push(input.with_mapping(mapping));
        }
        Ok((mapped, schema))
    }

    fn says_nothing(&self) -> bool {
        let keys = [&self.id, &self.source, &self.time];
        self.fields.is_none() && keys.into_iter().flatten().all(Option::is_none)
    }

    /// What is said of the keys of one input.
    fn keys(&self, at: usize) -> Mapping {
        let column = |columns: &[Option<String>]| columns.get(at).cloned().flatten();
        let (id, source, time) = (column(&self.id), column(&self.source), column(&self.time));
        Mapping { id, source, time, fields: Vec::new() }
    }
}

/// A schema of the columns that the caller named; each must be in one of the inputs.
fn schema_of(
    named: &[(String, Option<String>)],
    inputs: &[Input],
    samples: &[Vec<ColumnSample>],
) -> Result<Schema> {
    let mut all: Vec<String> = samples.iter().flatten().map(|column| column.name.clone()).collect();
    all.dedup();
    let wanted = named.iter().map(|(column, _)| FieldMapping::new("any", column)).collect();
    let any = Schema::new("any", vec![Field::new("any", Kind::Text)])?;
    let name = inputs.iter().map(Input::name).collect::<Vec<_>>().join(", ");
    Mapping { fields: wanted, ..Mapping::default() }.check(&name, &all, &any)?;
    let mut fields: Vec<Field> = Vec::with_capacity(named.len());
    for (column, kind) in named {
        let kind = match kind {
            Some(kind) => kind.parse()?,
            None => {
                let same = samples.iter().flatten().filter(|sample| sample.name == *column);
                let values = same.flat_map(|sample| sample.values.iter().map(String::as_str));
                infer_kind(column, values).kind
            }
        };
        let name = free_name(column, &fields);
        fields.push(Field::new(name, kind));
    }
    Schema::new("records", fields)
}

/// A field's name for a column: its letters and digits, set apart by `_`.
fn free_name(column: &str, taken: &[Field]) -> String {
    let mut name = String::new();
    for c in column.chars() {
        match c.is_alphanumeric() {
            true => name.extend(c.to_lowercase()),
            false if name.ends_with('_') => {}
            false => name.push('_'),
        }
    }
    let mut name = name.trim_matches('_').to_owned();
    if !name.chars().next().is_some_and(char::is_alphabetic) {
        name.insert_str(0, "column_");
    }
    // Lower case of some letters holds marks, which names must not.
    name.retain(|c| c.is_alphanumeric() || c == '_');
    while taken.iter().any(|field| field.name == name) {
        name.push('_');
    }
    name
}

/// The schema without fields that would be filled by ids, sources and times alone.
fn without_keys(schema: Schema, samples: &[Vec<ColumnSample>], keys: &[Mapping]) -> Result<Schema> {
    let mut useful = BTreeSet::new();
    for (columns, key) in samples.iter().zip(keys) {
        let taken: Vec<&str> = key.columns().collect();
        for entry in Mapping::infer(columns, &schema).fields {
            if entry.columns.iter().any(|column| !taken.contains(&column.as_str())) {
                useful.insert(entry.field);
            }
        }
    }
    let fields: Vec<Field> =
        schema.fields().iter().filter(|field| useful.contains(&field.name)).cloned().collect();
    match fields.is_empty() {
        true => Ok(schema),
        false => Schema::new(schema.name(), fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(csv: &str) -> Input {
        Input::bytes("crm", "crm.csv", csv.as_bytes())
    }

    #[test]
    fn a_column_that_is_not_there_is_answered_with_the_nearest() {
        let columns = Columns { id: vec![Some("nmber".into())], ..Columns::default() };
        let error = columns.map(vec![input("number,mail\n1,a@b.example\n")], None, &Run::new());
        let error = error.unwrap_err();
        assert_eq!(error.code(), "UNKNOWN_COLUMN");
        assert!(error.to_string().contains(r#"did you mean "number"?"#), "{error}");
    }

    #[test]
    fn columns_that_are_named_become_fields_of_names_that_are_allowed() {
        let fields = [("E-Mail!", Some("email")), ("e mail", None), ("7", None)];
        let fields = fields.map(|(column, kind)| (column.to_owned(), kind.map(str::to_owned)));
        let columns = Columns { fields: Some(fields.to_vec()), ..Columns::default() };
        let csv = "E-Mail!,e mail,7\na@b.example,c@d.example,x\n";
        let (inputs, schema) = columns.map(vec![input(csv)], None, &Run::new()).unwrap();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["e_mail", "e_mail_", "column_7"]);
        let mapping = inputs[0].mapping.as_ref().unwrap();
        assert_eq!(mapping.fields[1], FieldMapping::new("e_mail_", "e mail"));
    }

    #[test]
    fn a_column_that_holds_ids_is_no_field() {
        let columns = Columns { id: vec![Some("mail".into())], ..Columns::default() };
        let csv = "mail,name\na@b.example,Ann Li\nc@d.example,Bo Ek\n";
        let (_, schema) = columns.map(vec![input(csv)], None, &Run::new()).unwrap();
        assert!(schema.fields().iter().all(|field| field.kind != Kind::Email), "{schema:?}");
    }
}
