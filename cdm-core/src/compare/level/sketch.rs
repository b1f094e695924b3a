use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::condition::{Condition, has_chars};
use super::date::{DateCondition, Parts};
use super::prepared::{Prepared, Slot};
use super::{Comparison, Level};
use crate::normalize::Form;

/// A comparison that tells most levels of most pairs from a few numbers that are noted of each value
/// beforehand: its *sketch*.
///
/// Nearly all pairs of values differ, and differ so much that a look at hashes, lengths and sets of
/// letters shows it. What a sketch cannot rule out is asked of the values themselves, so that the
/// levels are those of [`Comparison::compare`], always.
pub(crate) struct SketchedComparison<'c> {
    comparison: &'c Comparison,
    levels: Vec<Node<'c>>,
}

/// What some comparisons note of a value: one sketch for all of them.
#[derive(Default)]
pub(crate) struct Sketcher {
    /// In the order of the sketch.
    notes: Vec<Note>,
}

/// A value with its sketch.
#[derive(Clone, Copy)]
pub(crate) struct Sketched<'v> {
    pub(crate) value: &'v Prepared,
    pub(crate) sketch: &'v [u64],
}

impl Sketcher {
    /// How many numbers a sketch has; it is the same for every field of the comparisons.
    pub(crate) fn width(&self) -> usize {
        self.notes.iter().map(|note| note.width()).sum()
    }

    /// Note what there is to note of a value of any of the fields, in [`width`](Self::width) numbers.
    pub(crate) fn sketch(&self, value: &Prepared, mut sketch: &mut [u64]) {
        for note in &self.notes {
            let (own, rest) = std::mem::take(&mut sketch).split_at_mut(note.width());
            note.take(value, own);
            sketch = rest;
        }
    }
}

impl<'c> SketchedComparison<'c> {
    /// A comparison of values of which `sketcher` notes all that it wants to know.
    pub(crate) fn new(comparison: &'c Comparison, sketcher: &mut Sketcher) -> Self {
        let node = |level: &'c Level| Node::new(&level.when, &mut sketcher.notes);
        Self { comparison, levels: comparison.levels.iter().map(node).collect() }
    }

    pub(crate) fn comparison(&self) -> &'c Comparison {
        self.comparison
    }

    /// As [`Comparison::compare_two`], of two values of which none of the first `skip` levels holds.
    #[inline]
    pub(crate) fn compare_two(&self, left: Sketched<'_>, right: Sketched<'_>, skip: usize) -> u8 {
        self.level_where(skip, |node| node.holds(left, right))
    }

    /// As [`compare`](Self::compare), for at most one value in each field, and two records of which
    /// none of the first `skip` levels holds.
    #[inline]
    pub(crate) fn compare_single(
        &self,
        left: &[Option<Sketched<'_>>],
        right: &[Option<Sketched<'_>>],
        skip: usize,
    ) -> Option<u8> {
        let level = self.level_where(skip, |node| node.holds_single(left, right));
        let filled = |values: &[Option<Sketched<'_>>]| values.first().is_some_and(Option::is_some);
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    /// As [`Comparison::compare`].
    pub(crate) fn compare(
        &self,
        left: &[&[Sketched<'_>]],
        right: &[&[Sketched<'_>]],
    ) -> Option<u8> {
        let level = match (self.comparison.fields.len(), left, right) {
            (1, [[left]], [[right]]) => self.compare_two(*left, *right, 0),
            _ => self.level_where(0, |node| node.holds_for(left, right)),
        };
        let filled = |values: &[&[Sketched<'_>]]| values.first().is_some_and(|v| !v.is_empty());
        self.comparison.says(level, filled(left) && filled(right)).then_some(level)
    }

    #[inline]
    fn level_where(&self, skip: usize, holds: impl Fn(&Node<'c>) -> bool) -> u8 {
        let found = self.levels[skip..].iter().position(holds);
        let level = found.map_or(self.levels.len(), |found| skip + found);
        u8::try_from(level).unwrap_or(u8::MAX)
    }

    /// How many levels `other` has, where they are all counted and the first ones of this
    /// comparison, of the same fields: which of those holds need not be asked twice.
    pub(crate) fn levels_begin_with(&self, other: &Self) -> Option<usize> {
        let (own, others) = (self.comparison, other.comparison);
        let counts = others.levels.iter().all(|level| !level.counted_elsewhere);
        let same = |(own, other): (&Level, &Level)| own.when == other.when;
        (counts
            && own.fields == others.fields
            && own.levels.len() >= others.levels.len()
            && own.levels.iter().zip(&others.levels).all(same))
        .then_some(others.levels.len())
    }
}

/// A condition, and what sketches tell of it.
struct Node<'c> {
    condition: &'c Condition,
    test: Test<'c>,
}

/// What must be so of two sketches where a condition holds; numbers are places in them.
enum Test<'c> {
    /// They tell nothing.
    Ask,
    /// The same number, and not 0.
    Equal(usize),
    /// The same number, or one is 0.
    Compatible(usize),
    /// A bit in common.
    Overlap(usize),
    /// A bit of the first in common with one of the second, either way.
    Crossed(usize, usize),
    /// The words of the one within the other's, so many at least.
    Within(usize, u32),
    /// Words in common as a share of all.
    Jaccard(usize, f64),
    /// So many edits.
    Edits(usize, u32),
    /// Jaro-Winkler similarity.
    Alike(usize, Box<Matches>),
    /// Mean Jaro-Winkler similarity of words.
    WordsAlike(usize, f64),
    /// Two dates.
    Date(usize, DateCondition),
    All(Vec<Node<'c>>),
    Any(Vec<Node<'c>>),
    /// In that field, whatever the others hold.
    Alone(usize, Box<Node<'c>>),
    /// Of each field that matters, its position and what is wanted of it; what is cheapest comes
    /// first.
    Each(Vec<(usize, Field<'c>)>),
    Swapped(Box<Node<'c>>),
    InOtherField(Box<Node<'c>>),
}

impl Test<'_> {
    /// Whether what it does not rule out for a value and itself holds: there is a text then, and it
    /// is like itself.
    #[inline]
    fn is_sure_of_one(&self) -> bool {
        matches!(
            self,
            Test::Equal(_)
                | Test::Compatible(_)
                | Test::Overlap(_)
                | Test::Edits(..)
                | Test::Alike(..)
        )
    }
}

/// What [`Condition::Each`] wants of one field.
enum Field<'c> {
    Missing,
    Condition(Node<'c>),
}

impl<'c> Node<'c> {
    fn new(condition: &'c Condition, notes: &mut Vec<Note>) -> Self {
        let mut at = |note| place(notes, note);
        let test = match condition {
            Condition::Same { form, min_length } => Test::Equal(at(Note::Text(*form, *min_length))),
            Condition::Compatible { form } => Test::Compatible(at(Note::Text(*form, 0))),
            Condition::SameLetters => Test::Equal(at(Note::Letters)),
            Condition::SameWords => Test::Equal(at(Note::AllWords)),
            Condition::WordsWithin { at_least, .. } => {
                Test::Within(at(Note::Words), u32::from(*at_least))
            }
            Condition::TokenJaccard { at_least } if *at_least > 0.0 => {
                Test::Jaccard(at(Note::Words), *at_least)
            }
            Condition::MongeElkan { at_least } if *at_least > 0.0 => {
                Test::WordsAlike(at(Note::EachWord), *at_least)
            }
            Condition::Nickname => Test::Overlap(at(Note::Set(Slot::Nickname))),
            Condition::SoundsAlike => Test::Overlap(at(Note::Set(Slot::Sound))),
            // The first words begin with the same letter.
            Condition::Initials => Test::Equal(at(Note::FirstLetter)),
            Condition::AlsoKnownAs => {
                Test::Crossed(at(Note::Set(Slot::Form(Form::Alias))), at(Note::Names))
            }
            Condition::JaroWinkler { form, at_least, min_length } if *at_least > 0.0 => {
                Test::Alike(at(Note::Shape(*form, *min_length)), Box::new(Matches::new(*at_least)))
            }
            Condition::Osa { form, at_most, min_length } => {
                Test::Edits(at(Note::Shape(*form, *min_length)), u32::from(*at_most))
            }
            Condition::Date(condition) => Test::Date(at(Note::Date), *condition),
            Condition::Prefix { form, length } => Test::Equal(at(Note::First(*form, *length))),
            Condition::Last { form, length } => Test::Equal(at(Note::Last(*form, *length))),
            Condition::All(all) => Test::All(all.iter().map(|c| Self::new(c, notes)).collect()),
            Condition::Any(any) => Test::Any(any.iter().map(|c| Self::new(c, notes)).collect()),
            Condition::Each(each) => {
                let wanted =
                    || each.iter().enumerate().filter_map(|(at, c)| Some((at, c.as_ref()?)));
                if let (Some((field, only)), None) = (wanted().next(), wanted().nth(1))
                    && *only != Condition::Missing
                {
                    let node = Box::new(Self::new(only, notes));
                    return Self { condition, test: Test::Alone(field, node) };
                }
                let field = |(at, condition): (usize, &'c Condition)| match condition {
                    Condition::Missing => (at, Field::Missing),
                    condition => (at, Field::Condition(Self::new(condition, notes))),
                };
                let mut fields: Vec<(usize, Field<'c>)> = wanted().map(field).collect();
                fields.sort_by_key(|(_, field)| matches!(field, Field::Condition(_)));
                Test::Each(fields)
            }
            Condition::Swapped(condition) => Test::Swapped(Box::new(Self::new(condition, notes))),
            Condition::InOtherField(condition) => {
                Test::InOtherField(Box::new(Self::new(condition, notes)))
            }
            _ => Test::Ask,
        };
        Self { condition, test }
    }

    /// Whether it may hold, by the sketches.
    #[inline]
    fn may_hold(&self, left: &[u64], right: &[u64]) -> bool {
        match &self.test {
            Test::Equal(at) => left[*at] == right[*at] && left[*at] != 0,
            Test::Compatible(at) => left[*at] == right[*at] || left[*at] == 0 || right[*at] == 0,
            Test::Overlap(at) => left[*at] & right[*at] != 0,
            Test::Crossed(one, other) => {
                left[*one] & right[*other] != 0 || left[*other] & right[*one] != 0
            }
            Test::Within(at, least) => words_within(left[*at], right[*at], *least),
            Test::Jaccard(at, least) => jaccard_within(left[*at], right[*at], *least),
            Test::Edits(at, most) => shape(left, *at).is_near(shape(right, *at), *most),
            Test::Alike(at, matches) => matches.reach(shape(left, *at), shape(right, *at)),
            Test::WordsAlike(at, least) => {
                let end = at + Note::EachWord.width();
                words_alike(&left[*at..end], &right[*at..end], least - ROUNDING)
            }
            Test::Date(at, condition) => condition.may_hold(left[*at], right[*at]),
            Test::All(all) => all.iter().all(|node| node.may_hold(left, right)),
            Test::Any(any) => any.iter().any(|node| node.may_hold(left, right)),
            Test::Ask
            | Test::Alone(..)
            | Test::Each(_)
            | Test::Swapped(_)
            | Test::InOtherField(_) => true,
        }
    }

    /// As [`Condition::holds`].
    fn holds(&self, left: Sketched<'_>, right: Sketched<'_>) -> bool {
        match &self.test {
            Test::Any(any) => any.iter().any(|node| node.holds(left, right)),
            Test::All(all) => {
                // What is cheap to rule out comes first, wherever it stands.
                self.may_hold(left.sketch, right.sketch)
                    && all.iter().all(|node| node.holds(left, right))
            }
            _ => {
                self.may_hold(left.sketch, right.sketch)
                    && (self.test.is_sure_of_one() && std::ptr::eq(left.value, right.value)
                        || self.condition.holds(left.value, right.value))
            }
        }
    }

    /// As [`Condition::holds_for`].
    fn holds_for(&self, left: &[&[Sketched<'_>]], right: &[&[Sketched<'_>]]) -> bool {
        match &self.test {
            Test::Alone(field, node) => {
                node.holds_for_some(values(left, *field), values(right, *field))
            }
            Test::Each(each) => each.iter().all(|(field, test)| {
                let (left, right) = (values(left, *field), values(right, *field));
                match test {
                    Field::Missing => left.is_empty() || right.is_empty(),
                    Field::Condition(node) => node.holds_for_some(left, right),
                }
            }),
            Test::Swapped(node) => {
                node.holds_for_some(values(left, 0), values(right, 1))
                    && node.holds_for_some(values(left, 1), values(right, 0))
            }
            Test::InOtherField(node) => {
                let only = |one: &[&[Sketched<'_>]], field, other: &[&[Sketched<'_>]]| {
                    values(one, 1 - field).is_empty()
                        && node.holds_for_some(values(one, field), values(other, 1 - field))
                };
                (0..2).any(|field| only(left, field, right) || only(right, field, left))
            }
            Test::All(all) if left.len() > 1 => all.iter().all(|node| node.holds_for(left, right)),
            Test::Any(any) if left.len() > 1 => any.iter().any(|node| node.holds_for(left, right)),
            _ => self.holds_for_some(values(left, 0), values(right, 0)),
        }
    }

    /// As [`holds_for`](Self::holds_for), for at most one value in each field.
    fn holds_single(&self, left: &[Option<Sketched<'_>>], right: &[Option<Sketched<'_>>]) -> bool {
        match &self.test {
            Test::Alone(field, node) => node.holds_both(left[*field], right[*field]),
            Test::Each(each) => each.iter().all(|(field, test)| {
                let (left, right) = (left[*field], right[*field]);
                match test {
                    Field::Missing => left.is_none() || right.is_none(),
                    Field::Condition(node) => node.holds_both(left, right),
                }
            }),
            Test::Swapped(node) => {
                node.holds_both(left[0], right[1]) && node.holds_both(left[1], right[0])
            }
            Test::InOtherField(node) => {
                let only = |one: &[Option<Sketched<'_>>], field: usize, other: Option<_>| {
                    one[1 - field].is_none() && node.holds_both(one[field], other)
                };
                (0..2).any(|field| {
                    only(left, field, right[1 - field]) || only(right, field, left[1 - field])
                })
            }
            Test::All(all) if left.len() > 1 => {
                all.iter().all(|node| node.holds_single(left, right))
            }
            Test::Any(any) if left.len() > 1 => {
                any.iter().any(|node| node.holds_single(left, right))
            }
            _ => self.holds_both(left[0], right[0]),
        }
    }

    #[inline]
    fn holds_both(&self, left: Option<Sketched<'_>>, right: Option<Sketched<'_>>) -> bool {
        left.zip(right).is_some_and(|(left, right)| self.holds(left, right))
    }

    fn holds_for_some(&self, left: &[Sketched<'_>], right: &[Sketched<'_>]) -> bool {
        left.iter().any(|left| right.iter().any(|right| self.holds(*left, *right)))
    }
}

fn values<'a, 'v>(fields: &'a [&'a [Sketched<'v>]], field: usize) -> &'a [Sketched<'v>] {
    fields.get(field).copied().unwrap_or_default()
}

/// What is noted of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Note {
    /// A hash of the form; 0 where it is missing or has fewer characters.
    Text(Form, u8),
    /// A hash of its letters and digits once transliterated.
    Letters,
    /// A hash of its words, each as often as it occurs.
    AllWords,
    /// Its distinct words: how many, and a bit for each.
    Words,
    /// The shapes of its words.
    EachWord,
    /// A bit for each text in the slot.
    Set(Slot),
    /// A bit for each name that it goes by.
    Names,
    /// The first letter of its first name, and 1.
    FirstLetter,
    /// The shape of the form; 0 where it is missing or has fewer characters.
    Shape(Form, u8),
    /// A hash of so many first characters.
    First(Form, u8),
    /// A hash of so many last characters.
    Last(Form, u8),
    /// The digits of a date; 0 where it is none.
    Date,
}

/// Where in a sketch the note stands; it is added where it is new.
fn place(notes: &mut Vec<Note>, note: Note) -> usize {
    let known = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    notes[..known].iter().map(|note| note.width()).sum()
}

/// How many words are noted one by one; of a text with more, nothing is said of them.
const MOST_WORDS: usize = 6;

impl Note {
    const fn width(self) -> usize {
        match self {
            Note::Shape(..) => 2,
            // How many there are comes first.
            Note::EachWord => 1 + 2 * MOST_WORDS,
            _ => 1,
        }
    }

    fn take(self, value: &Prepared, into: &mut [u64]) {
        let long = |form, least: u8| value.form(form).filter(|text| has_chars(text, least));
        let bits = |texts: &mut dyn Iterator<Item = &str>| {
            texts.fold(0, |set, text| set | 1 << (xxh3_64(text.as_bytes()) % 64))
        };
        into[0] = match self {
            Note::Text(form, least) => long(form, least).map_or(0, hash),
            Note::Letters => value.form(Form::Ascii).map_or(0, |text| {
                let letters = text.bytes().filter(|byte| *byte != b' ');
                let mut count = 0;
                let hash = letters.fold(0_u64, |hash, byte| {
                    count += 1;
                    // FNV-1a: Fowler, Noll & Vo; there is no copy of the letters to hash at once.
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                if count == 0 { 0 } else { hash | 1 }
            }),
            Note::AllWords => {
                let words = value.counted(Slot::Word);
                let none = words.len() == 0;
                let hash = words.fold(0, |hash, (word, times)| {
                    xxh3_64_with_seed(word.as_bytes(), hash ^ u64::from(times))
                });
                if none { 0 } else { hash | 1 }
            }
            Note::Words => {
                let words = value.counted(Slot::Word);
                let count = words.len().min(MANY as usize) as u64;
                words.fold(count, |set, (word, _)| {
                    set | 1 << (COUNT_BITS + xxh3_64(word.as_bytes()) as u32 % (64 - COUNT_BITS))
                })
            }
            Note::EachWord => {
                let words = value.counted(Slot::Word);
                let count = words.len();
                let told = count <= MOST_WORDS && words.clone().all(|(_, times)| times == 1);
                if told {
                    for ((word, _), shape) in words.zip(into[1..].chunks_exact_mut(2)) {
                        Shape::of(word).put(shape);
                    }
                }
                if told { count as u64 } else { u64::MAX }
            }
            Note::Set(slot) => bits(&mut value.all(slot)),
            Note::Names => bits(&mut value.names().map(|(_, name)| name)),
            Note::FirstLetter => {
                let first = value.all(Slot::GivenWord).next().and_then(|word| word.chars().next());
                first.map_or(0, |letter| u64::from(u32::from(letter)) + 1)
            }
            Note::Shape(form, least) => {
                return long(form, least).map_or(Shape::NONE, Shape::of).put(into);
            }
            Note::First(form, length) => long(form, length).map_or(0, |text| {
                let end = text.char_indices().nth(length.into()).map_or(text.len(), |(at, _)| at);
                hash(&text[..end])
            }),
            Note::Last(form, length) => long(form, length).map_or(0, |text| {
                let back = usize::from(length).checked_sub(1);
                let start = back.and_then(|back| text.char_indices().rev().nth(back));
                hash(start.map_or("", |(at, _)| &text[at..]))
            }),
            Note::Date => value.date().map_or(0, Parts::digits),
        };
    }
}

/// Never 0.
fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes()) | 1
}

/// How many bits of a set of words count them.
const COUNT_BITS: u32 = 8;

/// A count that may be more.
const MANY: u64 = (1 << COUNT_BITS) - 1;

fn words_within(left: u64, right: u64, least: u32) -> bool {
    let (l, r) = (left >> COUNT_BITS, right >> COUNT_BITS);
    let fewer = (left & MANY).min(right & MANY);
    fewer >= u64::from(least).min(MANY) && (l & !r == 0 || r & !l == 0)
}

fn jaccard_within(left: u64, right: u64, least: f64) -> bool {
    let (l, r) = (left >> COUNT_BITS, right >> COUNT_BITS);
    let (of_left, of_right) = (left & MANY, right & MANY);
    if of_left == MANY || of_right == MANY {
        return true;
    }
    // A bit that only one has is a word that only it has.
    let common = (of_left - u64::from((l & !r).count_ones()))
        .min(of_right - u64::from((r & !l).count_ones()));
    common > 0 && common as f64 / (of_left + of_right - common) as f64 >= least - ROUNDING
}

/// More than rounding changes a similarity.
const ROUNDING: f64 = 1e-9;

/// What there is of a text: its length, its first characters, a set of its letters.
#[derive(Clone, Copy)]
struct Shape {
    /// 16 bits: 0 for no text, else one more than its length, up to [`Shape::LONG`]; then 12 of
    /// each of the first four characters.
    head: u64,
    /// A bit for each character; for those that occur twice, another.
    letters: u64,
}

fn shape(sketch: &[u64], at: usize) -> Shape {
    Shape { head: sketch[at], letters: sketch[at + 1] }
}

impl Shape {
    const NONE: Self = Self { head: 0, letters: 0 };

    /// As long, or longer.
    const LONG: u64 = u16::MAX as u64;

    /// How many bits the characters share; the rest is for those that occur twice.
    const ONCE: u32 = 40;

    fn of(text: &str) -> Self {
        let (mut once, mut twice, mut head, mut length) = (0_u64, 0_u64, 0_u64, 0_u64);
        for letter in text.chars() {
            let code = u32::from(letter);
            let place = match letter {
                'a'..='z' => code - u32::from('a'),
                '0'..='9' => code - u32::from('0') + 26,
                _ => 36 + code % 4,
            };
            if length < 4 {
                head |= u64::from(code & 0xfff) << (16 + 12 * length);
            }
            // Only letters that are alone in their place are known to occur twice.
            if place < 36 {
                twice |= once & 1 << place;
            }
            once |= 1 << place;
            length += 1;
        }
        let room = 64 - Self::ONCE;
        let folded = (twice & ((1 << room) - 1)) | twice >> room;
        Self { head: head | (length + 1).min(Self::LONG), letters: once | folded << Self::ONCE }
    }

    fn put(self, into: &mut [u64]) {
        (into[0], into[1]) = (self.head, self.letters);
    }

    /// The length and 1; 0 for no text.
    #[inline]
    fn size(self) -> u64 {
        self.head & Self::LONG
    }

    /// Whether so many edits may make one the other.
    #[inline]
    fn is_near(self, other: Self, most: u32) -> bool {
        let (one, two) = (self.size(), other.size());
        if one == 0 || two == 0 {
            return false;
        }
        // An edit takes away one character at most, and adds one at most.
        one.abs_diff(two) <= u64::from(most)
            && (self.letters & !other.letters).count_ones() <= most
            && (other.letters & !self.letters).count_ones() <= most
    }

    /// The most that their Jaro-Winkler similarity may be.
    #[inline]
    fn alike(self, other: Self) -> f64 {
        let (one, two) = (self.size(), other.size());
        if one == 0 || two == 0 {
            return 0.0;
        }
        if one == Self::LONG || two == Self::LONG || one == 1 || two == 1 {
            return 1.0;
        }
        // A character that only one has matches none.
        let matched = |own: u64, size: u64, other: u64| {
            (size - 1).saturating_sub(u64::from((own & !other).count_ones()))
        };
        let matches = matched(self.letters, one, other.letters).min(matched(
            other.letters,
            two,
            self.letters,
        ));
        if matches == 0 {
            return 0.0;
        }
        similarity(matches, one - 1, two - 1, self.common(other))
    }

    /// How many of the first four characters are the same, up to the first that is not.
    #[inline]
    fn common(self, other: Self) -> u32 {
        let differ = (self.head ^ other.head) >> 16;
        (differ.trailing_zeros() / 12).min(4)
    }
}

/// The Jaro-Winkler similarity of texts of these lengths, so many of their characters matching and
/// so many being the same at the start; but for rounding.
#[inline]
fn similarity(matches: u64, one: u64, two: u64, common: u32) -> f64 {
    let part = |length: u64| {
        let reciprocal = RECIPROCALS.get(length as usize).copied();
        matches as f64 * reciprocal.unwrap_or_else(|| 1.0 / length as f64)
    };
    let jaro = (part(one) + part(two) + 1.0) * RECIPROCALS[3];
    jaro + 0.1 * f64::from(common) * (1.0 - jaro)
}

/// Division takes longer than all else that is done for a pair.
const RECIPROCALS: [f64; 64] = {
    let mut reciprocals = [0.0; 64];
    let mut number = 1;
    while number < reciprocals.len() {
        reciprocals[number] = 1.0 / number as f64;
        number += 1;
    }
    reciprocals
};

/// How many characters of two texts must match for some Jaro-Winkler similarity.
struct Matches {
    least: f64,
    /// By how many of the first characters are the same, then the lengths of the two.
    needed: Vec<u8>,
}

impl Matches {
    /// Of longer texts the similarity itself is worked out.
    const LONGEST: usize = 24;

    fn new(least: f64) -> Self {
        let least = least - ROUNDING;
        let lengths = 0..=Self::LONGEST as u64;
        let mut needed = Vec::with_capacity(5 * (Self::LONGEST + 1) * (Self::LONGEST + 1));
        for common in 0..=4 {
            for one in lengths.clone() {
                for two in lengths.clone() {
                    let enough = |matches: &u64| similarity(*matches, one, two, common) >= least;
                    // Without a match nothing is alike, whatever comes first.
                    let matches = (1..=one.min(two)).find(enough);
                    needed.push(matches.map_or(u8::MAX, |matches| matches as u8));
                }
            }
        }
        Self { least, needed }
    }

    /// Whether two texts of these shapes may be as similar.
    #[inline]
    fn reach(&self, left: Shape, right: Shape) -> bool {
        let (one, two) = (left.size(), right.size());
        if one == 0 || two == 0 {
            return false;
        }
        let width = Self::LONGEST + 1;
        let (one, two) = (one as usize - 1, two as usize - 1);
        if one == 0 || two == 0 || one.max(two) > Self::LONGEST {
            return left.alike(right) >= self.least;
        }
        let place = (left.common(right) as usize * width + one) * width + two;
        let needed = u32::from(self.needed[place]);
        let (one, two) = (one as u32, two as u32);
        one.min(two) >= needed
            && one >= needed + (left.letters & !right.letters).count_ones()
            && two >= needed + (right.letters & !left.letters).count_ones()
    }
}

/// Whether the Monge-Elkan similarity of two texts may be `least`, by the shapes of their words.
fn words_alike(left: &[u64], right: &[u64], least: f64) -> bool {
    let (one, two) = (left[0], right[0]);
    if one == 0 || two == 0 {
        return least <= 0.0;
    }
    if one == u64::MAX || two == u64::MAX {
        return true;
    }
    let (one, two) = (one as usize, two as usize);
    let (of_one, of_two) = (RECIPROCALS[one], RECIPROCALS[two]);
    let (mut there, mut back) = (0.0, [0.0_f64; MOST_WORDS]);
    for l in 0..one {
        let word = shape(left, 1 + 2 * l);
        let mut nearest = 0.0_f64;
        for (r, back) in back.iter_mut().enumerate().take(two) {
            let similarity = word.alike(shape(right, 1 + 2 * r));
            nearest = nearest.max(similarity);
            *back = back.max(similarity);
        }
        there += nearest;
        // If all that follows were the same.
        let rest = (one - l - 1) as f64;
        if ((there + rest) * of_one + 1.0) / 2.0 < least {
            return false;
        }
    }
    let back: f64 = back.iter().sum();
    (there * of_one + back * of_two) / 2.0 >= least
}
