//! Identity resolution in your own process: many customer records in, one trusted profile out.

pub mod cancel;
pub mod error;
pub mod normalize;
pub mod read;
pub mod schema;
pub mod table;

pub use cancel::{CancelToken, Progress, Run};
pub use error::{Error, Result};
pub use read::{Input, Mapping, ReadReport, infer_schema, read};
pub use schema::{Field, Kind, Record, RecordKey, Schema, Timestamp};
pub use table::{Table, TableBuilder};
