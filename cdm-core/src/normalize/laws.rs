//! The laws that every normaliser keeps, for the tests of each.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::Normalized;

/// Hold one normaliser to the laws on one text: the same answer every time, a canonical form just
/// where the value is usable, and normalising that form gives it again. Gives the answer.
pub(super) fn keep(
    text: &str,
    normalize: impl Fn(&str) -> Normalized,
) -> Result<Normalized, TestCaseError> {
    let once = normalize(text);
    prop_assert_eq!(&once, &normalize(text));
    prop_assert_eq!(once.canonical().is_some(), once.status().is_usable());
    if let Some(canonical) = once.canonical() {
        let twice = normalize(canonical);
        prop_assert_eq!(twice.canonical(), Some(canonical), "of {:?}", text);
    }
    Ok(once)
}
