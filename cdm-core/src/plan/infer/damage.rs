//! How the records of one customer differ: built-in rates of errors, by which the recall of blocking
//! rules is estimated.
//!
//! The rates are those of data that people typed in: a tenth to a fifth of the values of most fields
//! differ in some way. They need not be right for the data at hand: they only order the keys by what
//! they are likely to survive, and say when there are enough.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A part of a value that is damaged on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    Given,
    Family,
    Organisation,
    /// The local part of an e-mail address.
    Mailbox,
    /// A domain.
    Site,
    /// The path of a web address.
    Page,
    Phone,
    Identifier,
    HouseNumber,
    Street,
    Postcode,
    City,
    Date,
    Text,
}

/// What a key keeps of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// All of it.
    Whole,
    /// All of it, in any order, swapped names included.
    Sorted,
    /// The sound of all of it, swapped names included.
    SortedSound,
    /// So many first characters of it, swapped names included.
    SortedPrefix(u8),
    /// Its first word.
    First,
    /// Some word.
    Words,
    /// The sound of some word.
    WordSounds,
    Sound,
    Nickname,
    Initial,
    /// So many first characters.
    Prefix(u8),
    /// So many last characters.
    Last(u8),
    /// All but one character.
    Deletions,
    Year,
    YearMonth,
    MonthDay,
}

/// Shares in thousandths.
struct Rates {
    /// One character is wrong.
    typo: u64,
    /// The same thing in other words: a nickname, a part left out, a national number.
    variant: u64,
    /// Something else altogether.
    other: u64,
}

/// How much more or less than usual is wrong with a pair, in hundredths, and with how many of a
/// hundred pairs it is so: errors come together, since it is some people, clerks and forms that make
/// them.
const CARE: [(u64, u64); 4] = [(45, 60), (30, 150), (15, 400), (10, 700)];

impl Rates {
    fn times(self, hundredths: u64) -> Self {
        let of = |rate: u64| rate * hundredths / 100;
        Self { typo: of(self.typo), variant: of(self.variant), other: of(self.other) }
    }
}

/// The customer has moved house between the records, and the place is another.
const MOVED: u64 = 80;

/// Given and family name stand in each other's place.
const SWAPPED: u64 = 20;

impl Element {
    fn rates(self) -> Rates {
        let (typo, variant, other) = match self {
            Element::Given => (50, 60, 30),
            Element::Family => (50, 20, 30),
            Element::Organisation => (60, 130, 40),
            Element::Mailbox => (30, 20, 100),
            Element::Site => (10, 0, 40),
            Element::Page => (10, 0, 100),
            Element::Phone => (30, 30, 120),
            Element::Identifier => (50, 0, 20),
            Element::HouseNumber => (20, 0, 20),
            Element::Street => (60, 40, 20),
            Element::Postcode => (40, 0, 30),
            Element::City => (50, 20, 20),
            // Of a date, a typo is one part that differs, a variant day and month swapped.
            Element::Date => (80, 10, 30),
            Element::Text => (50, 50, 100),
        };
        Rates { typo, variant, other }
    }

    fn is_of_a_place(self) -> bool {
        matches!(self, Element::HouseNumber | Element::Street | Element::Postcode | Element::City)
    }

    /// Of the moves, in thousandths, those that leave the element as it was: people move near by.
    fn stays(self) -> u64 {
        match self {
            Element::City => 500,
            Element::Postcode => 200,
            _ => 0,
        }
    }
}

/// What happened to one of two records of a customer, drawn from the number of the pair.
#[derive(Clone, Copy)]
pub(super) struct Damage {
    /// What all else is drawn from.
    seed: u64,
    /// How much more or less than usual is wrong, in hundredths.
    care: u64,
    /// Given and family name stand in each other's place.
    swapped: bool,
    moved: bool,
}

/// A number from 0 to 255 for each thing that is left to chance.
#[derive(Clone, Copy)]
struct Chances {
    position: u8,
    sound: u8,
    which: u8,
}

impl Damage {
    pub(super) fn new(pair: u64) -> Self {
        let seed = xxh3_64_with_seed(b"pair", pair);
        let draw = |what: &[u8]| xxh3_64_with_seed(what, seed);
        let care = care(draw(b"care") % 100);
        let swapped = draw(b"swapped") % 1000 < SWAPPED * care / 100;
        Self { seed, care, swapped, moved: draw(b"moved") % 1000 < MOVED }
    }

    fn draw(self, what: &[u8]) -> u64 {
        xxh3_64_with_seed(what, self.seed)
    }

    /// One of so many, where there are any.
    pub(super) fn choice(self, count: usize) -> usize {
        (self.draw(b"choice") % count.max(1) as u64) as usize
    }

    /// What became of that element of that field.
    pub(super) fn fate(self, field: usize, element: Element) -> Fate {
        let is_name = matches!(element, Element::Given | Element::Family);
        let mut what = [0; 9];
        what[..8].copy_from_slice(&(field as u64).to_le_bytes());
        what[8] = element as u8;
        let draw = self.draw(&what);
        let [.., position, sound, which, near] = draw.to_be_bytes();
        let goes = element.is_of_a_place() && u64::from(near) * 1000 >= element.stays() * 256;
        let Rates { typo, variant, other } = element.rates().times(self.care);
        let change = match (draw >> 32) % 1000 {
            _ if self.moved && goes => Change::Other,
            lot if lot < typo => Change::Typo,
            lot if lot < typo + variant => Change::Variant,
            lot if lot < typo + variant + other => Change::Other,
            _ => Change::None,
        };
        let chances = Chances { position, sound, which };
        Fate { element, change, swapped: is_name && self.swapped, chances }
    }
}

/// What is different about an element.
#[derive(Clone, Copy)]
enum Change {
    None,
    Typo,
    Variant,
    Other,
}

/// What became of an element of one of two records of a customer.
#[derive(Clone, Copy)]
pub(super) struct Fate {
    element: Element,
    change: Change,
    /// It is a name, and stands in the other's place.
    swapped: bool,
    chances: Chances,
}

impl Fate {
    /// Whether a key of the element is still the same.
    pub(super) fn keeps(self, key: Key) -> bool {
        let any_order = matches!(
            key,
            Key::Sorted | Key::SortedSound | Key::SortedPrefix(_) | Key::Words | Key::WordSounds
        );
        match self.change {
            _ if self.swapped && !any_order => false,
            Change::None => true,
            Change::Typo => self.chances.typo(self.element, key),
            Change::Variant => self.chances.variant(self.element, key),
            Change::Other => false,
        }
    }
}

/// How much is wrong with the pair that drew `lot` of a hundred.
fn care(mut lot: u64) -> u64 {
    for (share, hundredths) in CARE {
        match lot.checked_sub(share) {
            Some(rest) => lot = rest,
            None => return hundredths,
        }
    }
    100
}

impl Chances {
    /// Whether a key survives one wrong character, or one wrong part of a date.
    fn typo(self, element: Element, key: Key) -> bool {
        // Of a word of eight letters, and a number of ten digits.
        let behind = |length: u8| self.position >= length.saturating_mul(32);
        match key {
            Key::Whole | Key::Sorted | Key::Nickname | Key::First => false,
            Key::Sound | Key::SortedSound => self.sound < 128,
            // Only some values have a second word.
            Key::Words => element == Element::Organisation && self.which < 192 || self.which < 32,
            Key::WordSounds => self.sound < 128 || self.which < 96,
            Key::Initial => behind(1),
            Key::Prefix(length) | Key::SortedPrefix(length) => behind(length),
            Key::Last(length) => self.position < 255 - length.saturating_mul(25),
            Key::Deletions => true,
            Key::Year => self.which >= 64,
            Key::YearMonth => self.which >= 160,
            Key::MonthDay => self.which < 64,
        }
    }

    /// Whether a key survives other words for the same thing.
    fn variant(self, element: Element, key: Key) -> bool {
        match (element, key) {
            (Element::Date, Key::Year) => true,
            (Element::Phone, Key::Last(_)) => true,
            // A nickname, an initial for the name, a middle name left out.
            (Element::Given, Key::Nickname) => !(102..180).contains(&self.which),
            (Element::Given, Key::Initial | Key::SortedPrefix(1)) => {
                self.which >= 102 || self.sound < 160
            }
            (Element::Given, Key::Words | Key::WordSounds | Key::First | Key::Sound) => {
                self.which >= 180
            }
            (Element::Given, Key::Prefix(_) | Key::SortedPrefix(_)) => {
                self.which >= 180 || self.sound < 64
            }
            // A part of a double name, a particle left out, words left out or exchanged.
            (_, Key::Words | Key::WordSounds) => true,
            (_, Key::Sorted) => self.which < 64,
            (_, Key::First | Key::Initial | Key::Prefix(_) | Key::SortedPrefix(_)) => {
                self.which < 160
            }
            _ => false,
        }
    }
}
