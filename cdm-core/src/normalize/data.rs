//! The lists under `data/`, read once on first use.
//!
//! A list is UTF-8 text: one entry a line, columns separated by tabs, `#` starts a comment line.
//! The head of each file names its source and licence.

/// The entries of a list: each line's columns, comments and blank lines left out.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::trim).collect())
}
