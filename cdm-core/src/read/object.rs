use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bind::parse_time;
use crate::error::{Error, Result};
use crate::normalize::Context;
use crate::schema::{Record, RecordKey, Schema, Timestamp};

impl Record {
    /// A record from one JSON object of fields: texts, numbers and booleans as they are written,
    /// arrays as several values, `null` as none.
    ///
    /// `field` says which field a member is, such as `given_name` for `givenName`. Members that are
    /// none and are called `source` or `id` make the record's key, one called `time` says when it was
    /// last changed.
    ///
    /// # Errors
    /// [`Error::UnknownField`] for any other member, with the nearest name that `schema` has, and
    /// [`Error::InvalidDocument`] where the text is no such object.
    ///
    /// # Examples
    /// ```
    /// use cdm_core::{Field, Kind, Record, Schema};
    /// let schema = Schema::new("people", vec![Field::new("email", Kind::Email)])?;
    /// let json = r#"{"id": 7, "email": ["a@b.example", null]}"#;
    /// let record = Record::from_object(json, &schema, |name| (name == "email").then_some("email"))?;
    /// assert_eq!((record.key.id.as_str(), record.fields["email"].len()), ("7", 1));
    /// # Ok::<(), cdm_core::Error>(())
    /// ```
    pub fn from_object<'f>(
        json: &str,
        schema: &Schema,
        field: impl Fn(&str) -> Option<&'f str>,
    ) -> Result<Self> {
        let members: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(json).map_err(malformed)?;
        let mut record = Record::new(RecordKey::new("", ""));
        for (name, value) in members {
            match (field(&name), name.as_ref()) {
                (Some(known), _) => {
                    let mut texts = Vec::new();
                    push_texts(value.get(), &name, &mut texts)?;
                    record.fields.entry(known.to_owned()).or_default().append(&mut texts);
                }
                (None, "source" | "id" | "time") => {
                    let mut texts = Vec::new();
                    push_texts(value.get(), &name, &mut texts)?;
                    let Some(text) = texts.into_iter().next() else { continue };
                    match name.as_ref() {
                        "id" => record.key.id = text,
                        "source" => record.key.source = text,
                        _ => record.time = Some(time(&text)?),
                    }
                }
                (None, name) => schema.position(name).map(|_| ())?,
            }
        }
        Ok(record)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn push_texts(raw: &str, name: &str, texts: &mut Vec<String>) -> Result<()> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            texts.push(serde_json::from_str::<Text<'_>>(raw).map_err(malformed)?.0.into_owned());
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(raw).map_err(malformed)?;
            elements.iter().try_for_each(|element| match element.get().as_bytes().first() {
                Some(b'[') => Err(nested(name)),
                _ => push_texts(element.get(), name, texts),
            })?;
        }
        Some(b'{') => return Err(nested(name)),
        Some(b'n') | None => {}
        Some(_) => texts.push(raw.to_owned()),
    }
    Ok(())
}

fn time(text: &str) -> Result<Timestamp> {
    parse_time(text, &Context::default()).ok_or_else(|| {
        invalid("time".into(), "wanted a moment, such as 2024-05-01T12:30:00Z".into())
    })
}

fn nested(name: &str) -> Error {
    invalid(name.to_owned(), "wanted a text, a number or an array of these".into())
}

fn malformed(error: serde_json::Error) -> Error {
    // The words of the parser quote nothing of the text but its place.
    invalid(".".into(), format!("not an object of fields: {error}"))
}

fn invalid(path: String, reason: String) -> Error {
    Error::InvalidDocument { document: "record", path, reason, suggestion: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Field, Kind};

    fn record(json: &str) -> Result<Record> {
        let fields = vec![Field::new("email", Kind::Email), Field::new("amount", Kind::Number)];
        let schema = Schema::new("people", fields)?;
        Record::from_object(json, &schema, |name| match name {
            "amount" => Some("amount"),
            "email" | "eMail" => Some("email"),
            _ => None,
        })
    }

    #[test]
    fn members_become_values_as_they_are_written() {
        let json = r#"{"amount": 1.50, "email": "\u0041@b.example", "eMail": ["c", true, null],
            "source": "crm", "id": 7, "time": "2024-05-01"}"#;
        let record = record(json).unwrap();
        assert_eq!(record.key, RecordKey::new("crm", "7"));
        assert_eq!(record.fields["amount"], ["1.50"]);
        assert_eq!(
            record.time.map(|time| time.to_string()).as_deref(),
            Some("2024-05-01T00:00:00Z")
        );
        let mut emails = record.fields["email"].clone();
        emails.sort();
        assert_eq!(emails, ["A@b.example", "c", "true"]);
    }

    #[test]
    fn what_is_no_object_of_fields_is_said_so() {
        let error = record(r#"{"emial": "x"}"#).unwrap_err();
        assert_eq!((error.code(), error.suggestion()), ("UNKNOWN_FIELD", Some("email")));
        for wrong in [
            "",
            "5",
            "[]",
            "{",
            r#"{"email": {}}"#,
            r#"{"email": [[1]]}"#,
            r#"{"email": "\ud800"}"#,
        ] {
            assert_eq!(record(wrong).unwrap_err().code(), "INVALID_DOCUMENT", "{wrong}");
        }
    }
}
