//! What Node calls. It converts and calls the core; nothing is decided here.

mod error;
pub mod normalize;

use napi_derive::napi;

/// The version of the package.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
