use std::time::Duration;

use super::StoreKey;

/// When a change is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// When the call returns.
    EveryCall,
    /// Within that time after the call returned: many changes share one write to the disk, and a
    /// crash may lose those of that time, the last ones first, never one half.
    Grouped {
        /// The longest that a change is not on the disk.
        at_most: Duration,
    },
    /// When [`Store::flush`](super::Store::flush) is called, and when the store is closed.
    ByHand,
}

/// How a store works.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use cdm_core::store::{Durability, Options};
/// let grouped = Durability::Grouped { at_most: Duration::from_millis(20) };
/// let options = Options { durability: grouped, ..Options::new() };
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// When a change is on the disk; at once by default.
    pub durability: Durability,
    /// Encrypts what the store holds; it must be the same whenever the store is opened.
    pub key: Option<StoreKey>,
    /// Of how many records at least, those that were asked for last, what they are told apart by is kept
    /// in memory, at about a kilobyte each; of up to twice as many it may be. A candidate that is not among
    /// them is read from the file.
    pub cached_records: usize,
    /// How many bytes of the index and of the keys are kept in memory at most: three quarters are for the
    /// keys, which of a million records with 150 keys each are 1.2 GB. What does not fit is read from
    /// the file, which doubles the time of a search.
    pub cached_bytes: usize,
    /// How many changes of keys are kept in memory before they go to the file of keys, at some fifty
    /// bytes each; a record has some ten to a hundred keys.
    pub recent_keys: usize,
    /// How many bytes of what changed in the index are kept in memory at most; from half of that on, it is
    /// written to the index while others write. Until then it is in the log, so that it outlasts a crash. Of
    /// more, fewer pages are written in all, and more is read from the log when it is opened after a crash.
    pub recent_bytes: usize,
}

impl Options {
    /// Every call durable, no encryption, a million records, 2 GiB, and of what changed lately 300,000 keys and
    /// 32 MiB in memory.
    #[must_use]
    pub fn new() -> Self {
        Self {
            durability: Durability::EveryCall,
            key: None,
            cached_records: 1_000_000,
            cached_bytes: 2 << 30,
            recent_keys: 300_000,
            recent_bytes: 1 << 25,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
