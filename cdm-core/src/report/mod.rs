//! Pictures for people who would rather look than read: charts as Vega-Lite specifications, and a
//! report as one HTML page that needs no network.

mod chart;
mod data;
mod html;
mod redact;
mod sections;
mod svg;

pub use chart::{match_weights, threshold_curve, waterfall, weight_distribution};
pub use data::{EntityPicture, GoldenLine, GoldenPicture, PairPicture, Report, ReportOptions};
