//! What is noted of a value, and what that rules out.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::layout::{Lane, Sketch, folded, lanes_overlap};
use crate::compare::level::condition::has_chars;
use crate::compare::level::date::Parts;
use crate::compare::level::prepared::{Prepared, Slot};
use crate::normalize::{Form, Issue};

/// What is noted of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
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
    /// The texts in the slot, a lane each; all bits where they are more than there are lanes.
    Each(Slot),
    /// A hash of its only distinct word; 0 where there are several.
    OnlyWord,
    /// The first word of its first name: whether it is one letter, that letter, a hash; 0 where there is none.
    FirstWord,
    /// 1 where the domain of an e-mail address is not one that anybody may have an address at.
    OwnDomain,
    /// The shape of the form; 0 where it is missing.
    Shape(Form),
    /// A hash of so many first characters.
    First(Form, u8),
    /// A hash of so many last characters.
    Last(Form, u8),
    /// The digits of a date; 0 where it is none.
    Date,
    /// A hash of the letters that do not say all of how they are read; 1 where there are none.
    Writing,
}

/// How many words are noted one by one; of a text with more, nothing is said of them.
pub(super) const MOST_WORDS: usize = 6;

impl Note {
    /// How many numbers it is.
    pub(super) const fn width(self) -> usize {
        match self {
            Note::Shape(..) => 2,
            // How many there are comes first.
            Note::EachWord => 1 + 2 * MOST_WORDS,
            _ => 1,
        }
    }

    /// Whether it is one number of which only matters whether it is the same; 0 is nothing.
    pub(super) const fn is_hash(self) -> bool {
        match self {
            Note::Text(..)
            | Note::Letters
            | Note::AllWords
            | Note::OnlyWord
            | Note::OwnDomain
            | Note::First(..)
            | Note::Last(..) => true,
            Note::Words
            | Note::EachWord
            | Note::Set(_)
            | Note::Each(_)
            | Note::FirstWord
            | Note::Names
            | Note::Shape(_)
            | Note::Date
            | Note::Writing => false,
        }
    }

    /// Note what there is to note of a value, in so many numbers, all 0 until then.
    pub(super) fn take(self, value: &Prepared, into: &mut [u64]) {
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
            Note::Each(slot) => {
                let lanes = Lane::IN_NUMBER as usize;
                let told = value.all(slot).take(lanes + 1).count() <= lanes;
                let put = |all, text: &str| all << Lane::BITS | folded(hash(text));
                if told { value.all(slot).fold(0, put) } else { u64::MAX }
            }
            Note::OnlyWord => {
                let mut words = value.all(Slot::Word);
                let first = words.next().filter(|_| words.next().is_none());
                first.map_or(0, hash)
            }
            Note::FirstWord => value.all(Slot::GivenWord).next().map_or(0, first_word),
            Note::OwnDomain => {
                let is_shared =
                    value.is(Issue::FreemailDomain) || value.is(Issue::DisposableDomain);
                u64::from(!is_shared)
            }
            Note::Shape(form) => {
                return value.form(form).map_or(Shape::NONE, Shape::of).put(into);
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
            Note::Writing => match value.writing() {
                "" => 1,
                writing => hash(writing),
            },
        };
    }
}

/// Never 0.
pub(super) fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes()) | 1
}

/// Whether two lists of texts, a lane each, may have one in common.
#[inline]
pub(super) fn texts_overlap(left: u64, right: u64) -> bool {
    (left == u64::MAX) | (right == u64::MAX) | lanes_overlap(left, right)
}

/// What is noted of a first word: the highest bit where it is one letter, 21 bits of that letter and 1, then of a hash.
fn first_word(word: &str) -> u64 {
    let mut letters = word.chars();
    let first = letters.next().map_or(0, |letter| u64::from(u32::from(letter)) + 1);
    let is_initial = u64::from(first > 0 && letters.next().is_none());
    is_initial << 63 | first << HASH_OF_FIRST | xxh3_64(word.as_bytes()) >> (64 - HASH_OF_FIRST)
}

const HASH_OF_FIRST: u32 = 42;

/// Whether two first words may be the same, or one the initial of the other.
#[inline]
pub(super) fn initials_may_stand(left: u64, right: u64) -> bool {
    let differ = (left ^ right) << 1 >> 1;
    (left != 0)
        & (right != 0)
        & (differ >> HASH_OF_FIRST == 0)
        & ((differ == 0) | ((left | right) >> 63 == 1))
}

/// How many bits of a set of words count them.
pub(super) const COUNT_BITS: u32 = 8;

/// A count that may be more.
pub(super) const MANY: u64 = (1 << COUNT_BITS) - 1;

pub(super) fn words_within(left: u64, right: u64, least: u32) -> bool {
    let (l, r) = (left >> COUNT_BITS, right >> COUNT_BITS);
    let fewer = (left & MANY).min(right & MANY);
    (fewer >= u64::from(least).min(MANY)) & ((l & !r == 0) | (r & !l == 0))
}

pub(super) fn jaccard_within(left: u64, right: u64, least: f64) -> bool {
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
pub(super) const ROUNDING: f64 = 1e-9;

/// What there is of a text: its length, its first characters, a set of its letters.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// 8 bits: 0 for no text, else one more than its length, up to [`Shape::LONG`]; 8 for how many
    /// bits its letters are; then 12 of each of the first four characters.
    head: u64,
    /// A bit for each character; for those that occur twice, another.
    letters: u64,
}

#[inline]
pub(super) fn shape(sketch: impl Sketch, at: usize) -> Shape {
    Shape { head: sketch.number(at), letters: sketch.number(at + 1) }
}

impl Shape {
    const NONE: Self = Self { head: 0, letters: 0 };

    /// As long, or longer.
    const LONG: u64 = u8::MAX as u64;

    /// How many bits the characters share; the rest is for those that occur twice.
    const ONCE: u32 = 40;

    pub(super) fn of(text: &str) -> Self {
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
        let letters = once | folded << Self::ONCE;
        let count = u64::from(letters.count_ones());
        Self { head: head | count << 8 | (length + 1).min(Self::LONG), letters }
    }

    pub(super) fn put(self, into: &mut [u64]) {
        (into[0], into[1]) = (self.head, self.letters);
    }

    /// The length and 1; 0 for no text.
    #[inline]
    fn size(self) -> u64 {
        self.head & Self::LONG
    }

    /// How many bits its letters are.
    #[inline]
    fn count(self) -> u32 {
        (self.head >> 8) as u32 & 0xff
    }

    /// What two shapes show together.
    #[inline]
    pub(super) fn beside(self, other: Self) -> Beside {
        let differ = (self.head ^ other.head) >> 16;
        // Bits take longer to count than all else: of each text alone they were counted before.
        let common = (self.letters & other.letters).count_ones();
        Beside {
            sizes: (self.size(), other.size()),
            only_left: self.count() - common,
            only_right: other.count() - common,
            common: (differ.trailing_zeros() / 12).min(4),
        }
    }
}

/// Two shapes, side by side.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// The length of each and 1; 0 for no text.
    pub(super) sizes: (u64, u64),
    /// How many characters the left one has that the right one lacks, at least.
    pub(super) only_left: u32,
    pub(super) only_right: u32,
    /// How many of the first four characters are the same, up to the first that is not.
    pub(super) common: u32,
}

impl Beside {
    /// Whether both may be texts of so many characters.
    #[inline]
    pub(super) fn are_long(&self, least: u8) -> bool {
        let shorter = self.sizes.0.min(self.sizes.1);
        (shorter > u64::from(least)) | (shorter == Shape::LONG)
    }

    /// Whether so many edits may make one text the other; they are two texts.
    #[inline]
    pub(super) fn are_near(&self, most: u32) -> bool {
        // An edit takes away one character at most, and adds one at most.
        // Which of them is so nobody can foresee: all are asked, and none is jumped over.
        (self.sizes.0.abs_diff(self.sizes.1) <= u64::from(most))
            & (self.only_left.max(self.only_right) <= most)
    }

    /// The most that their Jaro-Winkler similarity may be.
    #[inline]
    fn alike(&self) -> f64 {
        let (one, two) = self.sizes;
        if one == 0 || two == 0 {
            return 0.0;
        }
        if one == Shape::LONG || two == Shape::LONG || one == 1 || two == 1 {
            return 1.0;
        }
        // A character that only one has matches none.
        let matched = |size: u64, only: u32| (size - 1).saturating_sub(u64::from(only));
        let matches = matched(one, self.only_left).min(matched(two, self.only_right));
        if matches == 0 {
            return 0.0;
        }
        similarity(matches, one - 1, two - 1, self.common)
    }
}

/// The Jaro-Winkler similarity of texts of these lengths, so many of their characters matching and
/// so many being the same at the start; but for rounding.
#[inline]
pub(super) fn similarity(matches: u64, one: u64, two: u64, common: u32) -> f64 {
    let part = |length: u64| {
        let reciprocal = RECIPROCALS.get(length as usize).copied();
        matches as f64 * reciprocal.unwrap_or_else(|| 1.0 / length as f64)
    };
    let jaro = (part(one) + part(two) + 1.0) * RECIPROCALS[3];
    jaro + 0.1 * f64::from(common) * (1.0 - jaro)
}

/// Division takes longer than all else that is done for a pair.
pub(super) const RECIPROCALS: [f64; 64] = {
    let mut reciprocals = [0.0; 64];
    let mut number = 1;
    while number < reciprocals.len() {
        reciprocals[number] = 1.0 / number as f64;
        number += 1;
    }
    reciprocals
};

/// How many characters of two texts must match for some Jaro-Winkler similarity.
#[derive(PartialEq)]
pub(super) struct Matches {
    least: f64,
    /// By how many of the first characters are the same, then the lengths of the two.
    needed: Vec<u8>,
}

impl Matches {
    /// Of longer texts the similarity itself is worked out.
    pub(super) const LONGEST: usize = 24;

    pub(super) fn new(least: f64) -> Self {
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

    /// How many characters of two texts of these lengths must match, of which so many of the first are the same;
    /// more than there are where they cannot be as similar.
    pub(super) fn needed(&self, common: usize, one: usize, two: usize) -> u8 {
        let width = Self::LONGEST + 1;
        self.needed[(common * width + one) * width + two]
    }

    /// Whether two texts of these shapes may be as similar.
    #[inline]
    pub(super) fn reach(&self, shapes: Beside) -> bool {
        let (one, two) = shapes.sizes;
        if one == 0 || two == 0 {
            return false;
        }
        let (one, two) = (one as usize - 1, two as usize - 1);
        if one == 0 || two == 0 || one.max(two) > Self::LONGEST {
            return shapes.alike() >= self.least;
        }
        let needed = u32::from(self.needed(shapes.common as usize, one, two));
        let (one, two) = (one as u32, two as u32);
        (one >= needed + shapes.only_left) & (two >= needed + shapes.only_right)
    }
}

/// Whether the Monge-Elkan similarity of two texts may be `least`, by the shapes of their words, which
/// are noted from `at` on.
pub(super) fn words_alike<S: Sketch>(left: S, right: S, at: usize, least: f64) -> bool {
    let (one, two) = (left.number(at), right.number(at));
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
        let word = shape(left, at + 1 + 2 * l);
        let mut nearest = 0.0_f64;
        for (r, back) in back.iter_mut().enumerate().take(two) {
            let similarity = word.beside(shape(right, at + 1 + 2 * r)).alike();
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
