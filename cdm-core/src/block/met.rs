use std::sync::{Mutex, PoisonError};

/// Which rows one row has met already, as often as that is asked anew.
///
/// Two rows may share many keys, and are told but once that they met. A look at a list of stamps
/// tells that sooner than a look at the keys of both.
pub(super) struct Met {
    /// By row, when it was last met.
    stamps: Vec<u32>,
    now: u32,
}

impl Met {
    /// Forget who was met.
    #[inline]
    pub(super) fn forget(&mut self) {
        if self.now == u32::MAX {
            self.stamps.fill(0);
            self.now = 0;
        }
        self.now += 1;
    }

    /// Meet a row; whether it is the first time.
    #[inline]
    pub(super) fn meet(&mut self, row: u32) -> bool {
        std::mem::replace(&mut self.stamps[row as usize], self.now) != self.now
    }
}

/// Lists of stamps, one for each thread that asks at the same time.
pub(super) struct Mets {
    rows: usize,
    free: Mutex<Vec<Met>>,
}

impl Mets {
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, free: Mutex::default() }
    }

    /// Lend one to `work`, in which nobody has met anybody.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Met) -> T) -> T {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let known = free().pop();
        let mut met = known.unwrap_or_else(|| Met { stamps: vec![0; self.rows], now: 0 });
        met.forget();
        let outcome = work(&mut met);
        free().push(met);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_met_for_the_first_time_once_until_that_is_forgotten() {
        let mets = Mets::new(3);
        mets.with(|met| {
            assert_eq!([2, 0, 2].map(|row| met.meet(row)), [true, true, false]);
            met.now = u32::MAX - 1;
            met.forget();
            assert_eq!([2, 2].map(|row| met.meet(row)), [true, false]);
            met.forget();
            assert_eq!([1, 2, 2].map(|row| met.meet(row)), [true, true, false]);
        });
        mets.with(|met| assert!(met.meet(2)));
    }
}
