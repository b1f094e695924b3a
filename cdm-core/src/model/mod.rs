//! The Fellegi-Sunter model: what levels of agreement say, and how that is learned.

mod coincidence;

pub use coincidence::Coincidence;
