use crate::cancel::Run;
use crate::error::Result;

/// How many blocks are looked at between two looks at the cancel token.
const BLOCKS_AT_ONCE: usize = 1 << 14;

/// No block.
const NONE: u32 = u32::MAX;

/// Finds blocks whose members are all in another one: whoever meets in such a block meets in the other.
///
/// A name that nobody else's comes near has as many keys as letters, all of the same records. One of
/// them says what all do.
#[derive(Default)]
pub(super) struct Contained {
    /// By block, the greatest first and those of the same members beside each other.
    order: Vec<(u64, u32)>,
    /// By member, the greatest block that was kept.
    greatest: Vec<u32>,
    kept: Vec<bool>,
}

impl Contained {
    /// For each block whether it is worth keeping: one that is not has all its members in one that
    /// is. Most are found that another contains, not all.
    ///
    /// Members are below `count`, in order and distinct; block `b` has those from `starts[b]` to
    /// `starts[b + 1]`, two or more, counted from the first start.
    pub(super) fn kept(
        &mut self,
        starts: &[usize],
        members: &[u32],
        count: usize,
        run: &Run,
    ) -> Result<&[bool]> {
        let first = starts.first().copied().unwrap_or_default();
        let block = |number: u32| {
            let number = number as usize;
            &members[starts[number] - first..starts[number + 1] - first]
        };
        let blocks = starts.len().saturating_sub(1);
        self.order.clear();
        self.order.extend((0..blocks as u32).map(|number| (rank(block(number)), number)));
        self.order.sort_unstable();
        self.greatest.clear();
        self.greatest.resize(count, NONE);
        self.kept.clear();
        self.kept.resize(blocks, false);
        let mut before: &[u32] = &[];
        for (place, (_, number)) in self.order.iter().enumerate() {
            if place % BLOCKS_AT_ONCE == 0 {
                run.check()?;
            }
            let own = block(*number);
            let greatest = own.first().map_or(NONE, |member| self.greatest[*member as usize]);
            if own == before || greatest != NONE && is_within(own, block(greatest)) {
                continue;
            }
            before = own;
            self.kept[*number as usize] = true;
            for member in own {
                let greatest = &mut self.greatest[*member as usize];
                if *greatest == NONE {
                    *greatest = *number;
                }
            }
        }
        Ok(&self.kept)
    }
}

/// Sorts blocks by size, the greatest first, and those of the same members beside each other.
fn rank(members: &[u32]) -> u64 {
    let hash = members.iter().fold(0_u64, |hash, member| {
        (hash ^ u64::from(*member)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    u64::from(!(members.len() as u32)) << 32 | hash >> 32
}

/// Whether all of `own` are among `others`; both are in order.
fn is_within(own: &[u32], mut others: &[u32]) -> bool {
    own.iter().all(|member| {
        let place = match others.len() {
            ..=16 => others.iter().take_while(|other| *other < member).count(),
            _ => others.partition_point(|other| other < member),
        };
        others = &others[place..];
        others.first() == Some(member)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whoever_meets_in_a_block_meets_in_one_that_is_kept(
            blocks in prop::collection::vec(prop::collection::btree_set(0_u32..40, 2..30), 0..40),
        ) {
            let mut starts = vec![0];
            let mut members: Vec<u32> = Vec::new();
            for block in &blocks {
                members.extend(block);
                starts.push(members.len());
            }
            let mut contained = Contained::default();
            let kept = contained.kept(&starts, &members, 40, &Run::new()).unwrap();
            let kept: Vec<&BTreeSet<u32>> =
                blocks.iter().zip(kept).filter_map(|(block, kept)| kept.then_some(block)).collect();
            for block in &blocks {
                prop_assert!(kept.iter().any(|other| block.is_subset(other)));
            }
            let distinct: BTreeSet<&BTreeSet<u32>> = kept.iter().copied().collect();
            prop_assert_eq!(distinct.len(), kept.len());
        }
    }
}
