//! How alike two values are: string metrics, and the comparison levels that are made of them.

pub mod metric;
