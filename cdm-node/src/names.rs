//! Plain objects as records.

use std::collections::HashMap;

use cdm_core::{Record, Result, Schema};

use crate::resolution::camel_case;

/// The fields of a plan by the names that they may go by: as the plan has them, or as JavaScript
/// would.
pub(crate) struct Names {
    schema: Schema,
    names: HashMap<String, String>,
}

impl Names {
    pub(crate) fn new(schema: &Schema) -> Self {
        let fields = schema.fields();
        let mut names: HashMap<String, String> =
            fields.iter().map(|field| (camel_case(&field.name), field.name.clone())).collect();
        // A field's own name goes before another's in camel case.
        names.extend(fields.iter().map(|field| (field.name.clone(), field.name.clone())));
        Self { schema: schema.clone(), names }
    }

    /// The record that a JSON object of fields is.
    pub(crate) fn record(&self, json: &str) -> Result<Record> {
        let field = |name: &str| self.names.get(name).map(String::as_str);
        Record::from_object(json, &self.schema, field)
    }
}

/// The record, under that id where it brought none.
pub(crate) fn named(mut record: Record, id: &str) -> Record {
    if record.key.id.is_empty() {
        record.key.id = id.to_owned();
    }
    record
}
