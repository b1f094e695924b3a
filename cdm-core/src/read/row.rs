//! One row on its way from a reader to the table, its memory used again for the next.

/// The cells of one row: which column, which value.
#[derive(Default)]
pub(super) struct Row {
    text: String,
    cells: Vec<Cell>,
    /// Whether some cell is not at the place that its column says.
    scattered: bool,
}

#[derive(Clone, Copy)]
struct Cell {
    column: u32,
    group: u32,
    start: usize,
    end: usize,
}

impl Row {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
        self.scattered = false;
    }

    /// Start a cell of text that is pushed piece by piece onto what this returns.
    pub(super) fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Make a cell of what was pushed since `start`, without white space at its ends.
    ///
    /// Cells of one `group` were given together, as the members of one JSON object are.
    pub(super) fn end_cell(&mut self, column: u32, group: u32, start: usize) {
        let raw = &self.text[start..];
        let start = start + (raw.len() - raw.trim_start().len());
        let end = start + raw.trim().len();
        self.scattered |= column as usize != self.cells.len();
        self.cells.push(Cell { column, group, start, end });
    }

    pub(super) fn push(&mut self, column: u32, group: u32, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.end_cell(column, group, start);
    }

    /// Make the last cell one of what was pushed since `start`.
    pub(super) fn replace_last(&mut self, start: usize) {
        if let Some(Cell { column, group, .. }) = self.cells.pop() {
            self.end_cell(column, group, start);
        }
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// Leave out the cells from the one at `length` on.
    pub(super) fn truncate(&mut self, length: usize) {
        self.cells.truncate(length);
    }

    /// Whether the cells from the one at `from` on are empty.
    pub(super) fn is_blank_from(&self, from: usize) -> bool {
        self.cells.iter().skip(from).all(|cell| cell.start == cell.end)
    }

    /// Every cell, in the order of the input: column and text.
    pub(super) fn cells(&self) -> impl Iterator<Item = (u32, &str)> {
        self.cells.iter().map(|cell| (cell.column, &self.text[cell.start..cell.end]))
    }

    /// The filled cells of one column: group and text.
    pub(super) fn values(&self, column: u32) -> impl Iterator<Item = (u32, &str)> {
        // In tables the cell is where its column says; then there is nothing to look for.
        let at = column as usize;
        let range = match self.scattered {
            true => 0..self.cells.len(),
            false => at.min(self.cells.len())..(at.saturating_add(1)).min(self.cells.len()),
        };
        self.cells[range]
            .iter()
            .filter(move |cell| cell.column == column && cell.start < cell.end)
            .map(|cell| (cell.group, &self.text[cell.start..cell.end]))
    }

    pub(super) fn first(&self, column: Option<u32>) -> Option<&str> {
        self.values(column?).next().map(|(_, text)| text)
    }
}
