//! Identity resolution in your own process: many customer records in, one trusted profile out.

pub mod cancel;
pub mod cluster;
pub mod compare;
pub mod error;
pub mod evaluate;
pub mod features;
pub mod merge;
pub mod normalize;
pub mod plan;
pub mod quality;
pub mod read;
pub mod resolve;
pub mod rule;
pub mod schema;
pub mod table;
pub mod write;

pub use cancel::{CancelToken, Progress, Run};
pub use error::{Error, Result};
pub use plan::{Decisions, Model, Plan};
pub use read::{Input, Mapping, ReadReport, infer_schema, read};
pub use resolve::Resolution;
pub use schema::{EntityId, Field, Kind, Record, RecordKey, Schema, Timestamp};
pub use table::{Table, TableBuilder};
