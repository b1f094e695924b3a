use std::io::{self, ErrorKind};

/// The process keeps a limit of resident memory as long as this is there: on Linux, not here.
///
/// See the [crate](crate).
#[derive(Debug)]
pub struct Limit(());

impl Limit {
    /// Here nobody can.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`].
    pub fn new(_bytes: u64) -> io::Result<Self> {
        let said = "a limit of resident memory is kept on Linux only";
        Err(io::Error::new(ErrorKind::Unsupported, said))
    }

    /// By how many bytes memory that cannot be taken out was more than may be resident, where it was.
    #[must_use]
    pub fn passed_by(&self) -> Option<u64> {
        None
    }

    /// Whether the disk had no room for a piece: there are none.
    #[must_use]
    pub fn found_disk_full(&self) -> bool {
        false
    }
}

/// Whether a limit can be set: never.
#[must_use]
pub fn can_limit() -> bool {
    false
}

/// Whether a limit is set: never.
#[must_use]
pub fn is_limited() -> bool {
    false
}

/// Keep the limits, of which there are none.
#[inline]
pub fn settle() {}
