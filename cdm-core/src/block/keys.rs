use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashMap};
use rayon::prelude::*;

use super::contained::Contained;
use crate::cancel::Run;
use crate::error::Result;
use crate::features::{Expression, Features, Keys, LooseKeys, SeenTwice};
use crate::table::Column;

/// The most keys that one record has under one conjunction; real records have a handful. One that
/// would have more has the first of them by text, or none where an expression makes many keys of a
/// text, as `deletions` does.
pub const MAX_KEYS: usize = 4096;

/// Several key expressions at once, bound to the features of one table: a record's keys are the
/// combinations of a key of each.
///
/// Holds what it looks at of the features, so that these may let go of it.
#[derive(Clone)]
pub struct Conjunction {
    columns: Vec<Arc<Column>>,
    /// By column and row, how many keys there are, where not all of them are in the column.
    made: Vec<Option<Arc<[u16]>>>,
    /// By column and code, whether several rows have it; found out when it is first asked.
    shared: Vec<Arc<OnceLock<Vec<bool>>>>,
}

impl Conjunction {
    /// Bind each list of expressions to `features`, which were computed with all of them.
    ///
    /// # Errors
    /// [`Error::UnknownChoice`](crate::Error::UnknownChoice) where an expression was not computed.
    pub fn bind<'e>(
        lists: impl IntoIterator<Item = &'e [Expression]>,
        features: &Features,
    ) -> Result<Vec<Self>> {
        let conjunction = |list: &'e [Expression]| {
            let keys = list.iter().map(|expression| features.keys_of(expression));
            let keys: Vec<&Keys> = keys.collect::<Result<_>>()?;
            Ok(Self {
                columns: keys.iter().map(|keys| Arc::clone(&keys.by_row)).collect(),
                made: keys.iter().map(|keys| keys.made.clone()).collect(),
                shared: keys.iter().map(|keys| Arc::clone(&keys.shared)).collect(),
            })
        };
        lists.into_iter().map(conjunction).collect()
    }

    /// The keys of each expression, by row.
    #[must_use]
    pub fn columns(&self) -> &[Arc<Column>] {
        &self.columns
    }

    /// The keys that several of the first `rows` rows may share, by row: at most [`MAX_KEYS`] each.
    ///
    /// Most keys that no second row has are left out.
    /// Without expressions all rows share one key.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn keys(&self, rows: usize, run: &Run) -> Result<SharedKeys> {
        self.keys_that(&Wanted::All, rows, run)
    }

    /// Of the [`keys`](Self::keys) that are not `stopped`, so many that any two rows share one of them
    /// that share one at all. Where an expression makes many keys of a text, most say no more than
    /// another does.
    pub(crate) fn fewest_keys(
        &self,
        stopped: &(impl Fn(SharedKey<'_>) -> bool + Sync),
        rows: usize,
        run: &Run,
    ) -> Result<SharedKeys> {
        self.keys_that(&Wanted::Fewest { stopped }, rows, run)
    }

    fn keys_that(&self, wanted: &Wanted<'_>, rows: usize, run: &Run) -> Result<SharedKeys> {
        let columns = self.columns.iter().zip(&self.shared);
        let shared: Vec<&[bool]> = columns
            .map(|(column, shared)| &shared.get_or_init(|| shared_codes(column))[..])
            .collect();
        let keys = match self.columns.len() {
            1 => self.keys_of_one(shared[0], rows, run),
            2 if !self.is_cut(rows) => {
                return self.keys_of_two([shared[0], shared[1]], wanted, rows, run);
            }
            // Two codes are one number, which sorts several times as fast.
            2 => {
                let join = |codes: &[u32], _: &mut Tails| join(codes[0], codes[1]);
                let part = |key| [(key >> 32) as u32, key as u32, 0, 0];
                self.keys_of_several(&shared, rows, join, part, run)
            }
            _ => self.keys_of_several(&shared, rows, key_of, |key| key, run),
        };
        let mut keys = keys?;
        if let Wanted::Fewest { stopped } = wanted {
            let is_usable: Vec<bool> = keys.shared().map(|key| !stopped(key)).collect();
            keys.retain_from(0, &is_usable);
            let mut contained = Contained::default();
            let kept = contained.kept(&keys.starts, &keys.rows, rows, run)?;
            keys.retain_from(0, kept);
        }
        Ok(keys)
    }

    /// Whether some row has more keys than are made, and so the first of them by text.
    fn is_cut(&self, rows: usize) -> bool {
        !self.spreads() && (0..rows).any(|row| self.combinations(row) > MAX_KEYS)
    }

    /// Whether some expression makes many keys of a text.
    fn spreads(&self) -> bool {
        self.made.iter().any(Option::is_some)
    }

    /// The keys of two expressions, where no row has too many to make them all: the rows of each code
    /// of the one, and of these those that share a code of the other. No more than the rows of one
    /// code are looked at together, so that they stay near the processor.
    fn keys_of_two(
        &self,
        shared: [&[bool]; 2],
        wanted: &Wanted<'_>,
        rows: usize,
        run: &Run,
    ) -> Result<SharedKeys> {
        // Keys that have the same rows are of one code where those of one text are; else, the more
        // codes, the fewer rows of each.
        let head = match (&self.made[0], &self.made[1]) {
            (Some(_), None) => 1,
            (None, Some(_)) => 0,
            _ => usize::from(shared[1].len() > shared[0].len()),
        };
        let (column, other) = (&self.columns[head], &self.columns[1 - head]);
        let (is_head, is_other) = (shared[head], shared[1 - head]);
        let spreads = self.spreads();
        let is_whole = |row: &usize| !spreads || self.combinations(*row) <= MAX_KEYS;
        let of_row = |row: usize| {
            let codes = column.codes(row).iter().map(|code| *code as usize);
            let meets = other.codes(row).iter().any(|code| is_other[*code as usize]);
            codes.filter(move |code| meets && is_head[*code])
        };
        let mut starts = vec![0_usize; is_head.len() + 1];
        for row in (0..rows).filter(is_whole) {
            if row % ROWS_AT_ONCE == 0 {
                run.check()?;
            }
            of_row(row).for_each(|code| starts[code + 1] += 1);
        }
        (1..starts.len()).for_each(|code| starts[code] += starts[code - 1]);
        let mut placed = vec![0_u32; starts.last().copied().unwrap_or_default()];
        let mut next = starts.clone();
        for row in (0..rows).filter(is_whole) {
            if row % ROWS_AT_ONCE == 0 {
                run.check()?;
            }
            of_row(row).for_each(|code| {
                placed[next[code]] = row as u32;
                next[code] += 1;
            });
        }
        drop(next);
        let parts = pieces(&starts).into_par_iter().map(|codes| {
            run.check()?;
            let mut part = SharedKeys::none(self.columns.clone());
            let (mut pairs, mut places): (Vec<u64>, Vec<u32>) = Default::default();
            let mut contained = Contained::default();
            for code in codes {
                let rows = &placed[starts[code]..starts[code + 1]];
                if rows.len() < 2 {
                    continue;
                }
                pairs.clear();
                for (place, row) in rows.iter().enumerate() {
                    let codes = other.codes(*row as usize).iter();
                    // Where few keys are kept that only one row has, asking takes longer.
                    let codes = codes.filter(|code| spreads || is_other[**code as usize]);
                    pairs.extend(codes.map(|code| join(*code, place as u32)));
                }
                pairs.sort_unstable();
                let first_key = part.keys.len();
                places.clear();
                for of_key in pairs.chunk_by(|left, right| left >> 32 == right >> 32) {
                    if let [first, _, ..] = of_key {
                        let mut key = Key::default();
                        (key[head], key[1 - head]) = (code as u32, (first >> 32) as u32);
                        part.push(key, of_key.iter().map(|pair| rows[*pair as u32 as usize]));
                        if wanted.leaves_out(SharedKey { keys: &part, number: part.keys.len() - 1 })
                        {
                            part.retain_from(part.keys.len() - 1, &[false]);
                        } else {
                            places.extend(of_key.iter().map(|pair| *pair as u32));
                        }
                    }
                }
                if matches!(wanted, Wanted::Fewest { .. }) {
                    let starts = &part.starts[first_key..];
                    let kept = contained.kept(starts, &places, rows.len(), run)?;
                    part.retain_from(first_key, kept);
                }
            }
            Ok(part)
        });
        let parts: Vec<SharedKeys> = parts.collect::<Result<_>>()?;
        drop(placed);
        let mut keys = SharedKeys::none(self.columns.clone());
        keys.keys.reserve_exact(parts.iter().map(|part| part.keys.len()).sum());
        keys.starts.reserve_exact(keys.keys.capacity());
        keys.rows.reserve_exact(parts.iter().map(|part| part.rows.len()).sum());
        for mut part in parts {
            let before = keys.rows.len();
            keys.starts.extend(part.starts[1..].iter().map(|start| before + start));
            keys.keys.append(&mut part.keys);
            keys.rows.append(&mut part.rows);
        }
        Ok(keys)
    }

    /// The keys of one expression: its codes, which are numbers already.
    fn keys_of_one(&self, shared: &[bool], rows: usize, run: &Run) -> Result<SharedKeys> {
        let mut keys = SharedKeys::none(self.columns.clone());
        let mut count_of_code = vec![0_u32; shared.len()];
        self.for_each_key(&[shared], 0..rows, run, |codes, _| {
            count_of_code[codes[0] as usize] += 1;
        })?;
        // Where the next row of each code goes.
        let mut next = vec![usize::MAX; shared.len()];
        let mut end = 0;
        for (code, count) in count_of_code.into_iter().enumerate().filter(|(_, count)| *count > 1) {
            next[code] = end;
            end += count as usize;
            keys.keys.push([code as u32, 0, 0, 0]);
            keys.starts.push(end);
        }
        keys.rows = vec![0; end];
        self.for_each_key(&[shared], 0..rows, run, |codes, row| {
            let next = &mut next[codes[0] as usize];
            if *next != usize::MAX {
                keys.rows[*next] = row as u32;
                *next += 1;
            }
        })?;
        Ok(keys)
    }

    /// The keys of several expressions, each made something that sorts and back.
    fn keys_of_several<K: Ord + Copy + Send>(
        &self,
        shared: &[&[bool]],
        rows: usize,
        key_of: impl Fn(&[u32], &mut Tails) -> K + Sync,
        codes_of: impl Fn(K) -> Key,
        run: &Run,
    ) -> Result<SharedKeys> {
        // Codes that rows share are half of it: most combinations of them are one row's alone.
        let twice = self.seen_twice(shared, rows, run)?;
        // Tails are numbered as they come.
        let at_once = if self.columns.len() > Key::default().len() { rows } else { ROWS_AT_ONCE };
        let parts = ranges(rows, at_once).map(|rows| {
            let (mut entries, mut tails) = (Vec::new(), HashMap::default());
            self.for_each_key(shared, rows, run, |codes, row| {
                if twice.has(hash(codes)) {
                    entries.push((key_of(codes, &mut tails), row as u32));
                }
            })?;
            Ok((entries, tails))
        });
        let parts: Vec<(Vec<_>, Tails)> = parts.collect::<Result<_>>()?;
        drop(twice);
        let mut entries: Vec<(K, u32)> = Vec::new();
        let mut tails: Vec<(Vec<u32>, u32)> = Vec::new();
        entries.reserve_exact(parts.iter().map(|(entries, _)| entries.len()).sum());
        for (mut part, numbers) in parts {
            entries.append(&mut part);
            tails.extend(numbers);
        }
        run.check()?;
        entries.par_sort_unstable();
        tails.sort_unstable_by_key(|(_, number)| *number);
        let mut keys = SharedKeys::none(self.columns.clone());
        keys.tails = tails.into_iter().map(|(codes, _)| codes).collect();
        for entries in entries.chunk_by(|left, right| left.0 == right.0) {
            if let [(key, _), _, ..] = entries {
                keys.push(codes_of(*key), entries.iter().map(|(_, row)| *row));
            }
        }
        Ok(keys)
    }

    /// The hashes of the keys that several rows have, and few others.
    fn seen_twice(&self, shared: &[&[bool]], rows: usize, run: &Run) -> Result<SeenTwice> {
        let count = ranges(rows, ROWS_AT_ONCE).map(|rows| {
            run.check()?;
            Ok(rows.map(|row| self.combinations(row).min(MAX_KEYS)).sum::<usize>())
        });
        let twice = SeenTwice::new(count.sum::<Result<usize>>()?);
        ranges(rows, ROWS_AT_ONCE).try_for_each(|rows| {
            self.for_each_key(shared, rows, run, |codes, _| twice.add(hash(codes)))
        })?;
        Ok(twice)
    }

    /// Meet every key of the rows of which each part is shared.
    fn for_each_key(
        &self,
        shared: &[&[bool]],
        rows: Range<usize>,
        run: &Run,
        mut then: impl FnMut(&[u32], usize),
    ) -> Result<()> {
        let is_shared =
            |codes: &[u32]| codes.iter().zip(shared).all(|(code, shared)| shared[*code as usize]);
        let (mut made, mut next) = (Vec::new(), Vec::new());
        let spreads = self.spreads();
        for row in rows {
            if row % ROWS_AT_ONCE == 0 {
                run.check()?;
            }
            if spreads && self.combinations(row) > MAX_KEYS {
                continue;
            }
            made.clear();
            // One code in each column, as nearly every row has, is one key.
            for column in &self.columns {
                match column.codes(row) {
                    [code] => made.push(*code),
                    _ => break,
                }
            }
            if made.len() == self.columns.len() {
                if is_shared(&made) {
                    then(&made, row);
                }
                continue;
            }
            if let [one, other] = &self.columns[..]
                && one.codes(row).len().saturating_mul(other.codes(row).len()) <= MAX_KEYS
            {
                let is_shared = |column: usize, code: &u32| shared[column][*code as usize];
                for first in one.codes(row).iter().filter(|code| is_shared(0, code)) {
                    for second in other.codes(row).iter().filter(|code| is_shared(1, code)) {
                        then(&[*first, *second], row);
                    }
                }
                continue;
            }
            self.combine(row, &mut made, &mut next);
            made.chunks_exact(self.columns.len())
                .filter(|codes| is_shared(codes))
                .for_each(|codes| then(codes, row));
        }
        Ok(())
    }

    /// How many combinations of keys a row has, those counted that are not in the columns.
    fn combinations(&self, row: usize) -> usize {
        let columns = self.columns.iter().zip(&self.made);
        let counts = columns.map(|(column, made)| match made {
            Some(made) => made.get(row).copied().unwrap_or_default().into(),
            None => column.codes(row).len(),
        });
        counts.fold(1, usize::saturating_mul)
    }

    /// Put the combinations of the codes of a row into `made`.
    fn combine(&self, row: usize, made: &mut Vec<u32>, next: &mut Vec<u32>) {
        made.clear();
        let combinations = self.combinations(row);
        if combinations == 0 {
            return;
        }
        for (width, column) in self.columns.iter().enumerate() {
            next.clear();
            let mut codes = Cow::Borrowed(column.codes(row));
            if combinations > MAX_KEYS {
                // Codes are numbered in the order of rows; which keys a record has must not be.
                codes.to_mut().sort_unstable_by_key(|code| column.pool().get(*code));
            }
            let keys = (made.len() / width.max(1)).max(usize::from(width == 0));
            for pair in (0..keys * codes.len()).take(MAX_KEYS) {
                let (key, code) = (pair / codes.len(), pair % codes.len());
                next.extend_from_slice(&made[key * width..(key + 1) * width]);
                next.push(codes[code]);
            }
            std::mem::swap(made, next);
        }
    }
}

/// The keys of a record in no table under one conjunction, in order, each with a text of every
/// expression: as [`Conjunction::keys`] would give them, those that no other record has included.
pub(crate) fn each_key<'k>(parts: &[&'k LooseKeys], mut each: impl FnMut(&[&'k str])) {
    let counts = parts.iter().map(|keys| keys.made.unwrap_or(keys.texts.len()));
    let combinations = counts.fold(1, usize::saturating_mul);
    if combinations > MAX_KEYS && parts.iter().any(|keys| keys.made.is_some()) {
        return;
    }
    // A record is asked for the keys of many rules, nearly all of which have so few expressions.
    let (mut few_texts, mut few_places) = ([""; FEW], [0; FEW]);
    let (mut many_texts, mut many_places) = (Vec::new(), Vec::new());
    let (key, places) = if parts.len() <= FEW {
        (&mut few_texts[..parts.len()], &mut few_places[..parts.len()])
    } else {
        many_texts.resize(parts.len(), "");
        many_places.resize(parts.len(), 0);
        (&mut many_texts[..], &mut many_places[..])
    };
    for (text, part) in key.iter_mut().zip(parts) {
        let Some(first) = part.texts.get(0) else { return };
        *text = first;
    }
    // Texts are in order, so that a record with too many has the first of them.
    for _ in 0..MAX_KEYS {
        each(key);
        // The last expression's text is the first to be another one.
        let next = (0..parts.len()).rev().find(|at| places[*at] + 1 < parts[*at].texts.len());
        let Some(next) = next else { return };
        places[next] += 1;
        places[next + 1..].fill(0);
        for at in next..parts.len() {
            key[at] = parts[at].texts.get(places[at]).unwrap_or_default();
        }
    }
}

/// Few rules have more expressions.
const FEW: usize = 4;

/// How many rows a thread takes at once.
const ROWS_AT_ONCE: usize = 1 << 14;

/// The first `rows` rows, so many at once.
fn ranges(rows: usize, at_once: usize) -> impl IndexedParallelIterator<Item = Range<usize>> {
    let at_once = at_once.max(1);
    let count = rows.div_ceil(at_once);
    (0..count).into_par_iter().map(move |part| part * at_once..rows.min((part + 1) * at_once))
}

/// Runs of codes that each have about so many rows as a thread takes at once, by where the rows of
/// each code start.
fn pieces(starts: &[usize]) -> Vec<Range<usize>> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for code in 1..starts.len() {
        if starts[code] - starts[from] >= ROWS_AT_ONCE || code + 1 == starts.len() {
            pieces.push(from..code);
            from = code;
        }
    }
    pieces
}

/// Told apart by few of their bits; the order of keys is never that of their hashes.
fn hash(codes: &[u32]) -> u64 {
    codes.iter().fold(0, |hash, code| {
        let mixed = (hash ^ u64::from(*code)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 32
    })
}

fn join(one: u32, other: u32) -> u64 {
    u64::from(one) << 32 | u64::from(other)
}

/// By code, whether more than one row has it.
fn shared_codes(column: &Column) -> Vec<bool> {
    let mut seen = vec![false; column.pool().len()];
    let mut shared = vec![false; column.pool().len()];
    for row in 0..column.len() {
        for code in column.codes(row) {
            let code = *code as usize;
            shared[code] |= seen[code];
            seen[code] = true;
        }
    }
    shared
}

/// Which keys of a conjunction are asked for.
enum Wanted<'w> {
    All,
    Fewest { stopped: &'w (dyn Fn(SharedKey<'_>) -> bool + Sync) },
}

impl Wanted<'_> {
    fn leaves_out(&self, key: SharedKey<'_>) -> bool {
        match self {
            Wanted::All => false,
            Wanted::Fewest { stopped } => stopped(key),
        }
    }
}

/// A code of each expression; where there are more, the last place numbers the codes of the rest.
type Key = [u32; 4];

/// The number of each tail of codes.
type Tails = HashMap<Vec<u32>, u32, DefaultHashBuilder>;

fn key_of(codes: &[u32], tails: &mut Tails) -> Key {
    let mut key = Key::default();
    if codes.len() <= key.len() {
        key[..codes.len()].copy_from_slice(codes);
    } else {
        let (head, tail) = codes.split_at(key.len() - 1);
        key[..head.len()].copy_from_slice(head);
        let next = tails.len() as u32;
        key[head.len()] = *tails.entry_ref(tail).or_insert(next);
    }
    key
}

/// The keys that rows share under one conjunction.
pub struct SharedKeys {
    columns: Vec<Arc<Column>>,
    /// What the last place of the keys numbers, where there are more expressions than places.
    tails: Vec<Vec<u32>>,
    /// Those that more than one row has.
    keys: Vec<Key>,
    /// By key, where its rows start, and one more for the end.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

/// Some rows that share a key.
#[derive(Clone, Copy)]
pub struct SharedKey<'k> {
    keys: &'k SharedKeys,
    number: usize,
}

impl SharedKeys {
    fn none(columns: Vec<Arc<Column>>) -> Self {
        let (tails, keys, rows) = (Vec::new(), Vec::new(), Vec::new());
        Self { columns, tails, keys, starts: vec![0], rows }
    }

    fn push(&mut self, key: Key, rows: impl Iterator<Item = u32>) {
        self.keys.push(key);
        self.rows.extend(rows);
        self.starts.push(self.rows.len());
    }

    /// Of the keys from number `first` on, keep those that are to be `kept`.
    fn retain_from(&mut self, first: usize, kept: &[bool]) {
        let (mut number, mut from, mut end) = (first, self.starts[first], self.starts[first]);
        for (key, kept) in (first..).zip(kept) {
            let to = self.starts[key + 1];
            if *kept {
                self.keys[number] = self.keys[key];
                self.rows.copy_within(from..to, end);
                end += to - from;
                number += 1;
                self.starts[number] = end;
            }
            from = to;
        }
        self.keys.truncate(number);
        self.starts.truncate(number + 1);
        self.rows.truncate(end);
    }

    pub(super) fn columns(&self) -> &[Arc<Column>] {
        &self.columns
    }

    /// The keys that more than one row has.
    pub fn shared(&self) -> impl Iterator<Item = SharedKey<'_>> {
        (0..self.keys.len()).map(|number| SharedKey { keys: self, number })
    }
}

impl<'k> SharedKey<'k> {
    /// The rows, in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = u32> + Clone + 'k {
        let SharedKeys { starts, rows, .. } = self.keys;
        rows[starts[self.number]..starts[self.number + 1]].iter().copied()
    }

    /// The texts of the key, one for each expression.
    pub fn texts(self) -> impl Iterator<Item = &'k str> {
        let columns = self.keys.columns.iter();
        columns.zip(self.codes()).map(|(column, code)| column.pool().get(*code))
    }

    /// The codes of the key, one for each expression.
    pub(super) fn codes(self) -> impl Iterator<Item = &'k u32> {
        let SharedKeys { columns, tails, keys, .. } = self.keys;
        let key = &keys[self.number];
        let (head, tail) = match columns.len() {
            count if count <= key.len() => (&key[..count], &[][..]),
            _ => (&key[..key.len() - 1], &tails[key[key.len() - 1] as usize][..]),
        };
        head.iter().chain(tail)
    }
}
