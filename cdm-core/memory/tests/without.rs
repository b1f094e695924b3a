//! A program whose allocator is another one.

use std::io::ErrorKind;

use cdm_memory::{Limit, can_limit, is_limited, settle};

#[test]
fn no_limit_can_be_set_and_nothing_changes() {
    assert!(!can_limit());
    let error = Limit::new(1 << 30).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(!is_limited());
    settle();
}
