//! What is kept of a record to tell that it is not like another: as many numbers for every record.

use xxhash_rust::xxh3::xxh3_64;

use super::compared::{Asked, Side};
use super::{BoundModel, BoundRecord};
use crate::model::{Pattern, PlacedComparison};
use crate::probability::MatchWeight;
use crate::rule::Decision;
use crate::score::{CeilingOf, Outcome};

/// The fewest comparisons and fields for which a number of 64 bits does.
const MOST_FIELDS: usize = 32;

/// In two bits for each field: how many values there are.
const NONE: u64 = 0;
const ONE: u64 = 1;
const SEVERAL: u64 = 2;

/// Up to how many fields a comparison has, of which more is told than nothing.
const FEW: usize = 4;

/// How like a record others may be, by their outlines.
pub(crate) struct Likeness<'b> {
    model: &'b BoundModel,
    own: Vec<u64>,
    ceiling: CeilingOf<'b>,
}

impl BoundModel {
    /// How many numbers an outline has; 0 where there is none.
    pub(crate) fn outline_width(&self) -> usize {
        let fields = &self.sketches.fields;
        if self.ceiling.is_none() || fields.len() > MOST_FIELDS {
            return 0;
        }
        1 + fields.iter().map(|field| field.width).sum::<usize>() + self.of_matches.len()
    }

    /// Outline a record, in [`outline_width`](Self::outline_width) numbers.
    pub(crate) fn outline(&self, record: &BoundRecord, outline: &mut [u64]) {
        let Some((counts, mut rest)) = outline.split_first_mut() else { return };
        *counts = 0;
        for (place, field) in self.sketches.fields.iter().enumerate() {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(field.width);
            let values = self.field(record, field.position);
            let count = values.prepared.len();
            let code = match count {
                0 => NONE,
                1 => ONE,
                _ => SEVERAL,
            };
            *counts |= code << (2 * place);
            if count == 1 {
                own.copy_from_slice(&values.numbers);
            } else {
                own.fill(0);
            }
            rest = others;
        }
        for (number, into) in self.of_matches.iter().zip(rest) {
            let texts = self.texts(record, *number).iter();
            *into = texts.fold(0, |set, text| set | 1 << (xxh3_64(text.as_bytes()) % 64));
        }
    }

    /// How like a record others may be; `None` where there are no outlines.
    pub(crate) fn likeness(&self, record: &BoundRecord) -> Option<Likeness<'_>> {
        let mut own = vec![0; self.outline_width()];
        if own.is_empty() {
            return None;
        }
        self.outline(record, &mut own);
        let least_factor = |k: usize| {
            self.term_factors[k].is_some().then(|| {
                let factors = self.factors(record, k).iter().copied();
                // Of a record without a value there, nothing is known of what is agreed on.
                factors.reduce(f64::min).unwrap_or(0.0)
            })
        };
        Some(Likeness { model: self, own, ceiling: self.ceiling.as_ref()?.of(least_factor) })
    }

    /// What is known for sure of the levels of the records of two outlines; nothing where there are none.
    pub(crate) fn hint(&self, one: &[u64], other: &[u64]) -> Hint {
        if one.is_empty() || other.is_empty() {
            return Hint::default();
        }
        let mut hint = Hint { asked: Asked::NONE, ..Hint::default() };
        for (k, placed) in self.sketches.sketching.comparisons.iter().enumerate() {
            let outcome = self.outcome(placed, one, other);
            hint.codes[k] = outcome.code();
            match outcome {
                Outcome::Missing => {}
                // No level but the last one may be reached, so that one is.
                Outcome::AtBest { level, filled }
                    if usize::from(level) + 1 == placed.comparison.comparison().level_count() =>
                {
                    hint.known = hint.known.with(k, filled.then_some(level));
                }
                _ => hint.asked = hint.asked.with(k),
            }
        }
        hint
    }

    #[inline]
    fn outcome(&self, placed: &PlacedComparison, left: &[u64], right: &[u64]) -> Outcome {
        let sketches = &self.sketches;
        let (mut one, mut two) = ([None; FEW], [None; FEW]);
        if placed.places.len() > FEW {
            return Outcome::Unknown;
        }
        for (at, place) in placed.places.iter().enumerate() {
            let of = |counts: u64| counts >> (2 * place) & 3;
            let (of_left, of_right) = (of(left[0]), of(right[0]));
            if of_left == SEVERAL || of_right == SEVERAL {
                return Outcome::Unknown;
            }
            let field = &sketches.fields[*place];
            let range = field.start..field.start + field.width;
            one[at] = (of_left == ONE).then(|| &left[range.clone()]);
            two[at] = (of_right == ONE).then(|| &right[range]);
        }
        let filled = one[0].is_some() && two[0].is_some();
        let count = placed.places.len();
        if count == 1 {
            if !filled {
                return Outcome::Missing;
            }
            // The same value reaches the first level with itself, whatever that says.
            if one[0] == two[0] {
                return Outcome::AtBest { level: 0, filled };
            }
        }
        let level = placed.comparison.least_level(&one[..count], &two[..count]);
        Outcome::AtBest { level, filled }
    }
}

/// What is known of the levels of two records without a look at their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(super) known: Pattern,
    /// The comparisons whose levels are not known.
    pub(super) asked: Asked,
    /// By comparison, the code of what may come of it.
    codes: [u8; Pattern::MOST_COMPARISONS],
}

impl Default for Hint {
    fn default() -> Self {
        let codes = [Outcome::Unknown.code(); Pattern::MOST_COMPARISONS];
        Self { known: Pattern::default(), asked: Asked::ALL, codes }
    }
}

impl Likeness<'_> {
    /// The least odds against the record of that outline being the same customer, by what the two weigh,
    /// and what is known of their levels for sure.
    pub(crate) fn odds_against(&self, outline: &[u64]) -> (f64, Hint) {
        let hint = self.model.hint(&self.own, outline);
        (self.ceiling.odds_against(&hint.codes), hint)
    }

    /// What two records weigh, of which one is that which others are to be like; `None` where the odds
    /// against are above `most` for sure. Values that take long to be made ready come last, as most
    /// pairs are told by the others.
    pub(crate) fn weight_within(
        &self,
        mut hint: Hint,
        (left, right): (&BoundRecord, &BoundRecord),
        most: f64,
    ) -> Option<MatchWeight> {
        let sketches = &self.model.sketches;
        let (one, other) = (Side::new(self.model, left), Side::new(self.model, right));
        for group in &sketches.order {
            let group = &sketches.sketching.groups[*group];
            if !group.comparisons.iter().any(|k| hint.asked.contains(*k)) {
                continue;
            }
            // It is reckoned sooner than values are made ready.
            if self.ceiling.odds_against(&hint.codes) > most {
                return None;
            }
            for k in group.comparisons.iter().filter(|k| hint.asked.contains(**k)) {
                let level = sketches.level_after(hint.known, *k, one, other);
                hint.known = hint.known.with(*k, level);
                let outcome = match level {
                    Some(level) => Outcome::AtBest { level, filled: true },
                    None => Outcome::Missing,
                };
                hint.codes[*k] = outcome.code();
            }
        }
        self.model.weight_of(hint.known, left, right)
    }

    /// Whether a match rule may hold for the two.
    pub(crate) fn may_match(&self, outline: &[u64]) -> bool {
        let start = outline.len() - self.model.of_matches.len();
        let shares = |number: &usize| match self.model.of_matches.binary_search(number) {
            Ok(at) => self.own[start + at] & outline[start + at] != 0,
            Err(_) => true,
        };
        let rules = self.model.model.plan().rules().iter().zip(&self.model.rules);
        let mut matching = rules.filter(|(rule, _)| rule.decision == Decision::Match);
        matching.any(|(_, rule)| rule.same.iter().all(shares))
    }
}
