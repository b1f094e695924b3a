//! Where every record lies and whose it is, in memory: a candidate is asked for it each time.

use std::sync::Arc;

use super::tables::{Cell, Row};

/// Rows by the numbers of records. A clone shares all that neither changes.
#[derive(Clone, Default)]
pub(super) struct Rows {
    nodes: Vec<Arc<Node>>,
}

/// So many leaves, and rows, lie together.
const AT_ONCE: usize = 256;

type Node = [Option<Arc<Leaf>>; AT_ONCE];
type Leaf = [Packed; AT_ONCE];

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

fn split(number: u32) -> (usize, usize, usize) {
    let number = number as usize;
    (number / AT_ONCE / AT_ONCE, number / AT_ONCE % AT_ONCE, number % AT_ONCE)
}

impl Rows {
    /// The row of a record that is or was there.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<Row> {
        let (node, leaf, place) = split(number);
        let Packed { place, length, entity } = self.nodes.get(node)?[leaf].as_ref()?[place];
        let cell = Cell { place, length };
        (length > 0).then(|| Row { cell, entity: Row::entity(entity) })
    }

    pub(super) fn set(&mut self, number: u32, row: Option<Row>) {
        let (node, leaf, place) = split(number);
        while self.nodes.len() <= node {
            self.nodes.push(Arc::new([const { None }; AT_ONCE]));
        }
        let leaf = &mut Arc::make_mut(&mut self.nodes[node])[leaf];
        let leaf = leaf.get_or_insert_with(|| Arc::new([NO_ROW; AT_ONCE]));
        Arc::make_mut(leaf)[place] = row.map_or(NO_ROW, |row| Packed {
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
        for number in [0, 255, 256, 65_535, 65_536, 1_000_000] {
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
