//! What Node calls. It converts and calls the core; nothing is decided here.

pub mod answers;
pub mod error;
pub mod input;
pub mod model;
mod names;
pub mod normalize;
mod pairs;
pub mod plan;
pub mod resolution;
pub mod run;
pub mod store;

use napi_derive::napi;

#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: cdm_core::Spilling<tikv_jemallocator::Jemalloc> =
    cdm_core::Spilling::over(tikv_jemallocator::Jemalloc);

/// The version of the package.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
