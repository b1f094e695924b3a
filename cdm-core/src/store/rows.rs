//! Where every record lies and whose it is, in memory: a candidate is asked for it each time.

use std::sync::Arc;

use super::tables::{Cell, Row};

/// Rows by the numbers of records. A clone shares all that neither changes.
#[derive(Clone, Default)]
pub(super) struct Rows {
    branches: Vec<Arc<Branch>>,
}

/// So many rows, leaves and nodes lie together: of each, some are copied for every row that changes, and
/// of what lies in them it is counted who has it.
const ROWS: usize = 128;
const LEAVES: usize = 32;
const NODES: usize = 64;

type Branch = [Option<Arc<Node>>; NODES];
type Node = [Option<Arc<Leaf>>; LEAVES];
type Leaf = [Packed; ROWS];

/// A row in 16 bytes.
#[derive(Clone, Copy)]
struct Packed {
    place: u64,
    /// No cell is empty: 0 is no row.
    length: u32,
    /// As it is written.
    entity: u32,
}

const NO_ROW: Packed = Packed { place: 0, length: 0, entity: u32::MAX };

fn split(number: u32) -> [usize; 4] {
    let (leaf, row) = (number as usize / ROWS, number as usize % ROWS);
    let (node, leaf) = (leaf / LEAVES, leaf % LEAVES);
    [node / NODES, node % NODES, leaf, row]
}

impl Rows {
    /// The row of a record that is or was there.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<Row> {
        let [branch, node, leaf, row] = split(number);
        let leaf = self.branches.get(branch)?[node].as_ref()?[leaf].as_ref()?;
        let Packed { place, length, entity } = leaf[row];
        let cell = Cell { place, length };
        (length > 0).then(|| Row { cell, entity: Row::entity(entity) })
    }

    pub(super) fn set(&mut self, number: u32, row: Option<Row>) {
        let [branch, node, leaf, at] = split(number);
        while self.branches.len() <= branch {
            self.branches.push(Arc::new([const { None }; NODES]));
        }
        let node = &mut Arc::make_mut(&mut self.branches[branch])[node];
        let node = node.get_or_insert_with(|| Arc::new([const { None }; LEAVES]));
        let leaf = &mut Arc::make_mut(node)[leaf];
        let leaf = leaf.get_or_insert_with(|| Arc::new([NO_ROW; ROWS]));
        Arc::make_mut(leaf)[at] = row.map_or(NO_ROW, |row| Packed {
            place: row.cell.place,
            length: row.cell.length,
            entity: row.written_entity(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_where_it_was_put_and_in_no_older_clone() {
        let row = |place| Row { cell: Cell { place, length: 7 }, entity: Some(3) };
        let mut rows = Rows::default();
        for number in [0, 127, 128, 255, 256, 4095, 4096, 65_536, 262_143, 262_144, 1_000_000] {
            assert_eq!(rows.get(number), None);
            let before = rows.clone();
            rows.set(number, Some(row(u64::from(number))));
            assert_eq!(rows.get(number), Some(row(u64::from(number))));
            assert_eq!(before.get(number), None);
        }
        rows.set(256, Some(Row { entity: None, ..row(9) }));
        assert_eq!(rows.get(256), Some(Row { entity: None, ..row(9) }));
        rows.set(256, None);
        assert_eq!((rows.get(256), rows.get(255)), (None, Some(row(255))));
        assert_eq!(rows.get(u32::MAX), None);
    }
}
