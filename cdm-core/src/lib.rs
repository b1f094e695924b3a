//! Identity resolution in your own process: many customer records in, one trusted profile out.
//!
//! [`read`](read()) files into a [`Table`], say in a [`Plan`] what their fields are and which records match,
//! [`resolve`](Plan::resolve) them into entities, and take the golden records out:
//!
//! ```
//! use cdm_core::{Decisions, Plan, Record, RecordKey, Run, Table};
//!
//! let plan = Plan::from_json(r#"{
//!     "version": 1, "name": "people",
//!     "fields": [{"name": "name", "kind": "full_name"}, {"name": "email", "kind": "email"}],
//!     "rules": [{"name": "e-mail", "decision": "match", "same": ["email", "name.given.nickname"]}]
//! }"#)?;
//! let records = [
//!     Record::new(RecordKey::new("crm", "1")).with("name", "Robert Smith").with("email", "r@smith.example"),
//!     Record::new(RecordKey::new("shop", "a")).with("name", "SMITH, Bob").with("email", "R@Smith.example"),
//! ];
//! let table = Table::from_records(plan.schema().clone(), &records)?;
//! let resolution = plan.resolve(&table, &Decisions::new(), &Run::new())?;
//! assert_eq!(resolution.len(), 1);
//! let golden = resolution.golden_records()?.next().unwrap();
//! assert_eq!(golden.fields[1].values[0].from.raw, "r@smith.example");
//! # Ok::<(), cdm_core::Error>(())
//! ```
//!
//! Whether two records match depends on those two records and the model, on nothing else: the order
//! of records and the number of threads change nothing.

pub mod block;
pub mod bound;
pub mod cancel;
pub mod cluster;
pub mod compare;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod features;
pub mod merge;
pub mod model;
pub mod normalize;
pub mod plan;
pub mod probability;
pub mod quality;
pub mod read;
pub mod report;
pub mod resolve;
pub mod review;
pub mod rule;
pub mod schema;
pub mod score;
pub mod store;
pub mod summary;
pub mod table;
pub mod write;

pub use bound::BoundModel;
pub use cancel::{CancelToken, Progress, Run};
pub use cdm_memory::Spilling;
pub use error::{Error, Result};
pub use plan::{Decisions, Model, Plan};
pub use read::{Input, Mapping, ReadReport, infer_schema, read};
pub use resolve::Resolution;
pub use schema::{EntityId, Field, Kind, Record, RecordKey, Schema, Timestamp};
pub use store::Store;
pub use table::{Table, TableBuilder};

/// The Rust in the project's README is compiled and run with the documentation's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
