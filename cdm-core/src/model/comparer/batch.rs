//! Many pairs at once.
//!
//! What a pair of values shows nobody can foresee, and a processor that guesses wrong waits as long as a hint takes.
//! So pairs go step by step, sixty-four at a time: which values differ, which of these pairs were not met a moment
//! before, what their sketches show; and only what is left goes pair by pair.

use super::{Comparer, Group, NONE, PlacedComparison, SEVERAL};
use crate::compare::{Pairs, Sketched};
use crate::model::pattern::Pattern;
use crate::model::repeats::{Codes, Repeats};

/// How many pairs go together.
const MOST: usize = Pairs::MOST;

/// The values of some pairs in `P` fields, and what each pair belongs to.
struct Values<const P: usize> {
    left: [[u32; MOST]; P],
    right: [[u32; MOST]; P],
    of: [u32; MOST],
    len: usize,
}

impl<const P: usize> Values<P> {
    fn new() -> Self {
        Self { left: [[0; MOST]; P], right: [[0; MOST]; P], of: [0; MOST], len: 0 }
    }

    /// Add a pair `if` it is wanted, without a jump; there are fewer than [`MOST`].
    #[inline]
    fn push_if(&mut self, is_wanted: bool, left: [u32; P], right: [u32; P], of: u32) {
        let at = self.len % MOST;
        for field in 0..P {
            self.left[field][at] = left[field];
            self.right[field][at] = right[field];
        }
        self.of[at] = of;
        self.len += usize::from(is_wanted);
    }

    #[inline]
    fn pair(&self, at: usize) -> ([u32; P], [u32; P]) {
        let of = |side: &[[u32; MOST]; P]| std::array::from_fn(|field| side[field][at]);
        (of(&self.left), of(&self.right))
    }
}

/// What a step leaves for the next one.
struct Steps<const P: usize> {
    /// Pairs that are not told by their codes, each of one among all.
    differ: Values<P>,
    /// By these, where their levels are put down.
    places: [u32; MOST],
    /// Those of them that were not met a moment before, of places from the first new one on.
    new: Values<P>,
    /// By these, which of all they are.
    of_new: [u32; MOST],
    /// Those that have a value in every field.
    whole: Values<P>,
    /// Those of which a comparison is not known yet.
    asked: Values<P>,
    /// By field, where what is noted of their values starts.
    starts: [[[usize; MOST]; P]; 2],
}

impl Comparer<'_> {
    /// Add the levels of a group, whose fields are at `places`, to the patterns of pairs.
    pub(super) fn add_levels<const P: usize>(
        &self,
        group: &Group,
        places: [usize; P],
        pairs: &[(u32, u32)],
        patterns: &mut [Pattern],
    ) {
        // Every value reaches the first level with itself.
        let same = group.comparisons.iter().fold(Pattern::default(), |pattern, k| {
            let is_counted = self.sketching.comparisons[*k].comparison.comparison().is_counted(0);
            pattern.with(*k, is_counted.then_some(0))
        });
        let mut steps = Steps {
            differ: Values::new(),
            places: [0; MOST],
            new: Values::new(),
            of_new: [0; MOST],
            whole: Values::new(),
            asked: Values::new(),
            starts: [[[0; MOST]; P]; 2],
        };
        // Levels of pairs that were compared, by their places.
        let (mut repeats, mut found) = (Repeats::new(), Vec::new());
        for (pairs, patterns) in pairs.chunks(MOST).zip(patterns.chunks_mut(MOST)) {
            cdm_memory::settle();
            let Steps { differ, places: of_differ, new, of_new, .. } = &mut steps;
            differ.len = 0;
            for (at, ((left, right), pattern)) in pairs.iter().zip(&mut *patterns).enumerate() {
                let (left, right) = (self.row(*left), self.row(*right));
                let (of_left, of_right) = (places.map(|p| left.1[p]), places.map(|p| right.1[p]));
                let is_any = |wanted| of_left.contains(&wanted) | of_right.contains(&wanted);
                let is_several = is_any(SEVERAL);
                if is_several {
                    *pattern = pattern.beside(self.levels(group, left, right));
                }
                let mut differs = !is_several;
                if P == 1 {
                    let (is_same, is_missing) = (of_left == of_right, is_any(NONE));
                    let is_told = is_same & !is_missing & !is_several;
                    *pattern = pattern.beside(if is_told { same } else { Pattern::default() });
                    differs &= !is_same & !is_missing;
                }
                differ.push_if(differs, of_left, of_right, at as u32);
            }
            let (first, mut is_any_missing) = (found.len() as u32, false);
            new.len = 0;
            for (at, place) in of_differ[..differ.len].iter_mut().enumerate() {
                let (left, right) = differ.pair(at);
                is_any_missing |= P > 1 && (left.contains(&NONE) | right.contains(&NONE));
                let next = first + new.len as u32;
                *place = match (&left[..], &right[..]) {
                    ([left], [right]) => repeats.place(Codes::new([*left; 2], [*right; 2]), next),
                    ([one, two], [three, four]) => {
                        repeats.place(Codes::new([*one, *two], [*three, *four]), next)
                    }
                    _ => next,
                };
                of_new[new.len % MOST] = differ.of[at];
                new.push_if(*place == next, left, right, next - first);
            }
            found.resize(found.len() + new.len, Pattern::default());
            let levels = &mut found[first as usize..];
            if is_any_missing {
                self.compare_missing(group, pairs, &mut steps, levels);
            } else {
                std::mem::swap(&mut steps.new, &mut steps.whole);
            }
            self.compare(group, places, &mut steps, levels);
            for (at, place) in steps.differ.of.iter().zip(&steps.places).take(steps.differ.len) {
                let pattern = &mut patterns[*at as usize];
                *pattern = pattern.beside(found[*place as usize]);
            }
        }
    }

    /// The levels of those new pairs that have no value in some field, and the others as whole ones.
    fn compare_missing<const P: usize>(
        &self,
        group: &Group,
        pairs: &[(u32, u32)],
        Steps { new, of_new, whole, .. }: &mut Steps<P>,
        levels: &mut [Pattern],
    ) {
        whole.len = 0;
        for (at, (levels, of)) in levels.iter_mut().zip(&*of_new).enumerate() {
            let (left, right) = new.pair(at);
            let is_missing = left.contains(&NONE) | right.contains(&NONE);
            whole.push_if(!is_missing, left, right, at as u32);
            if is_missing {
                let (left, right) = pairs[*of as usize];
                *levels = self.levels(group, self.row(left), self.row(right));
            }
        }
    }

    /// The levels of the whole pairs.
    fn compare<const P: usize>(
        &self,
        group: &Group,
        places: [usize; P],
        steps: &mut Steps<P>,
        levels: &mut [Pattern],
    ) {
        for k in &group.comparisons {
            let placed = &self.sketching.comparisons[*k];
            // Where each of its fields is among those of the group.
            let (mut fields, count) = ([0; P], placed.places.len());
            for (field, place) in fields.iter_mut().zip(&placed.places) {
                *field = places.iter().position(|known| known == place).unwrap_or_default();
            }
            self.compare_by(*k, (places, &fields[..count]), steps, levels);
        }
    }

    /// Add the levels of a comparison to those of some pairs that have a value in every field; `fields` are its own
    /// among those at `places`.
    fn compare_by<const P: usize>(
        &self,
        k: usize,
        (places, fields): ([usize; P], &[usize]),
        Steps { whole: some, asked, starts, .. }: &mut Steps<P>,
        levels: &mut [Pattern],
    ) {
        let PlacedComparison { comparison, begins_with, .. } = &self.sketching.comparisons[k];
        let (earlier, skip) = begins_with.unzip();
        let skip = skip.unwrap_or_default();
        let counted = |level| comparison.comparison().is_counted(level).then_some(level);
        // Of the values of one field all those that are the same were told before.
        let first_is_of_one = P > 1 && comparison.first_is_of_one();
        let asked: &Values<P> = if first_is_of_one || earlier.is_some() {
            asked.len = 0;
            for at in 0..some.len {
                let (left, right) = some.pair(at);
                let pattern = &mut levels[some.of[at] as usize];
                let told = match earlier.and_then(|earlier| pattern.level(earlier)) {
                    Some(level) if usize::from(level) < skip => Some(level),
                    _ => (first_is_of_one && left[fields[0]] == right[fields[0]]).then_some(0),
                };
                *pattern = pattern.with(k, told.and_then(counted));
                asked.push_if(told.is_none(), left, right, some.of[at]);
            }
            asked
        } else {
            some
        };
        for (starts, codes) in starts.iter_mut().zip([&asked.left, &asked.right]) {
            for (starts, (codes, place)) in starts.iter_mut().zip(codes.iter().zip(places)) {
                let width = self.fields[place].width;
                let starts = starts.iter_mut().zip(&codes[..asked.len]);
                starts.for_each(|(start, code)| *start = *code as usize * width);
            }
        }
        let [of_left, of_right] = &*starts;
        let mut of_fields = [Pairs { sketches: &[], left: &[], right: &[] }; P];
        for (pairs, field) in of_fields.iter_mut().zip(fields) {
            pairs.sketches = &self.fields[places[*field]].sketches;
            (pairs.left, pairs.right) =
                (&of_left[*field][..asked.len], &of_right[*field][..asked.len]);
        }
        let mut open = [0; MOST];
        let open = &mut open[..asked.len];
        comparison.open_all(&of_fields[..fields.len()], skip, open);
        for (at, open) in open.iter().enumerate() {
            let level = if *open == 0 {
                Some(comparison.last_level())
            } else {
                let values = |codes: &[[u32; MOST]; P]| {
                    let mut values: [Option<Sketched<'_>>; P] = [None; P];
                    for (value, field) in values.iter_mut().zip(fields) {
                        *value = Some(self.fields[places[*field]].value(codes[*field][at]));
                    }
                    values
                };
                let (left, right) = (values(&asked.left), values(&asked.right));
                comparison.level_of_open(*open, &left[..fields.len()], &right[..fields.len()])
            };
            let pattern = &mut levels[asked.of[at] as usize];
            *pattern = pattern.with(k, level);
        }
    }
}
