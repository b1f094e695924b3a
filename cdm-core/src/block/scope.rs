/// Which two records may be one customer at all, by the sources that they come from.
///
/// # Examples
/// ```
/// use cdm_core::block::PairScope;
/// let source_of_row = vec![0, 0, 1];
/// assert!(PairScope::any().contains(0, 1));
/// assert!(!PairScope::across_sources(source_of_row.clone()).contains(0, 1));
/// // Source 1 holds each customer once, source 0 does not.
/// assert!(PairScope::new(source_of_row, &[false, true]).contains(0, 1));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairScope {
    /// Empty where any two will do.
    source_of_row: Vec<u32>,
    /// By source, whether no two of its records are a pair.
    apart: Vec<bool>,
}

impl PairScope {
    /// Any two records.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Two records of different sources, by the source's code of each row.
    #[must_use]
    pub fn across_sources(source_of_row: Vec<u32>) -> Self {
        let sources = source_of_row.iter().max().map_or(0, |most| *most as usize + 1);
        Self { source_of_row, apart: vec![true; sources] }
    }

    /// Any two records, but not two of a source that `duplicate_free` says, by code, to hold each
    /// customer once. A source beyond the list is not such a one.
    #[must_use]
    pub fn new(source_of_row: Vec<u32>, duplicate_free: &[bool]) -> Self {
        if !duplicate_free.contains(&true) {
            return Self::any();
        }
        let sources = source_of_row.iter().max().map_or(0, |most| *most as usize + 1);
        let apart = (0..sources).map(|source| duplicate_free.get(source) == Some(&true)).collect();
        Self { source_of_row, apart }
    }

    /// How many records each source has within which no two are a pair.
    pub(crate) fn records_apart(&self) -> impl Iterator<Item = u64> {
        let mut records = vec![0; self.apart.len()];
        self.source_of_row.iter().for_each(|source| records[*source as usize] += 1);
        let apart = self.apart.iter().zip(records);
        apart.filter(|(apart, _)| **apart).map(|(_, records)| records)
    }

    /// Whether two rows may be a pair.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    #[inline]
    pub fn contains(&self, left: usize, right: usize) -> bool {
        if self.source_of_row.is_empty() {
            return true;
        }
        let (left, right) = (self.source_of_row[left], self.source_of_row[right]);
        left != right || !self.apart[left as usize]
    }
}

impl PairScope {
    /// The source of a row; 0 where sources do not matter.
    pub(super) fn source(&self, row: usize) -> u32 {
        self.source_of_row.get(row).copied().unwrap_or_default()
    }
}

/// Counts the pairs within blocks of rows.
pub(super) struct PairCounter<'s> {
    scope: &'s PairScope,
    /// By source; all 0 between two blocks.
    of_source: Vec<u64>,
}

impl<'s> PairCounter<'s> {
    pub(super) fn new(scope: &'s PairScope) -> Self {
        Self { scope, of_source: vec![0; scope.apart.len()] }
    }

    /// How many pairs of `rows` the scope contains.
    pub(super) fn pairs(&mut self, rows: impl Iterator<Item = u32> + Clone) -> u64 {
        let source = |row: u32| self.scope.source_of_row[row as usize] as usize;
        if self.of_source.is_empty() {
            return two_of(rows.count() as u64);
        }
        let mut all = 0;
        for row in rows.clone() {
            self.of_source[source(row)] += 1;
            all += 1;
        }
        let mut within = 0;
        for row in rows {
            let source = source(row);
            let count = std::mem::take(&mut self.of_source[source]);
            if self.scope.apart[source] {
                within += two_of(count);
            }
        }
        two_of(all) - within
    }
}

/// How many pairs `count` things make.
pub(super) fn two_of(count: u64) -> u64 {
    // One of the two is even.
    if count.is_multiple_of(2) {
        (count / 2) * count.saturating_sub(1)
    } else {
        count * (count / 2)
    }
}
