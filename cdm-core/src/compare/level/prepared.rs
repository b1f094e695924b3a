use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Aspects;
use super::date;
use super::pack::{Pack, Parts, SomeParts};
use crate::error::Result;
use crate::normalize::{self, Context, Form, Issue, IssueSet, Normalized};
use crate::schema::Kind;

/// A usable value, with everything that comparison levels look at worked out once.
///
/// What there is depends on the kind: forms of every kind, words of names, organisations, places and
/// texts, nickname classes and sounds of names, the parts of dates, the numbers of quantities.
/// Build one for each distinct value; comparing two then allocates nothing. `Debug` hides the value.
///
/// Takes 24 bytes, and its texts, each where it is no part of another; where many are prepared together, little more.
///
/// # Examples
/// ```
/// use cdm_core::{Kind, compare::Prepared, normalize};
/// let name = Prepared::new(Kind::GivenName, &normalize::given_name("José")).unwrap();
/// assert_eq!(name.form(normalize::Form::Ascii), Some("jose"));
/// assert!(Prepared::new(Kind::GivenName, &normalize::given_name("N/A")).is_none());
/// ```
#[derive(Clone)]
pub struct Prepared {
    /// Shared with the values that were prepared together, so that none has memory of its own.
    pub(super) pack: Arc<Pack>,
    /// Where its texts start.
    pub(super) text: u32,
    /// Where its parts start, and how many there are.
    pub(super) first: u32,
    pub(super) count: u32,
    /// Which of the pack's facts are its own.
    pub(super) facts: u32,
}

/// The most bytes of text in a value; a longer text is left out.
const MOST_BYTES_OF_VALUE: usize = (1 << 24) - 1;

/// What a text of a value is. Parts are in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Form(Form),
    /// A distinct word, sorted.
    Word,
    /// A word of the first and middle names, in order.
    GivenWord,
    /// A class of first names, sorted.
    Nickname,
    /// A phonetic code, sorted.
    Sound,
}

/// What is known of a value beside its texts.
#[derive(Clone, PartialEq)]
pub(super) struct Facts {
    kind: Kind,
    issues: IssueSet,
    quantity: Quantity,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Quantity {
    None,
    Date(date::Parts),
    Number(f64),
    Place(Box<[f64; 2]>),
}

/// A text of a value on its way into bytes: of this process, as another release numbers slots in its own way.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct KeptPart<'k> {
    pub(crate) text: &'k str,
    /// How often it occurs, or the most that can be counted.
    pub(crate) times: u16,
    /// The number of its slot, small for those that most values have.
    pub(crate) slot: u8,
}

/// The same on its way out of them, with where the text lies in place of it.
pub(crate) struct KeptRange {
    pub(crate) range: Range<usize>,
    pub(crate) times: u16,
    pub(crate) slot: u8,
}

/// How many slots there are beside those of forms, whose numbers as kept are small.
const SLOTS_OF_WORDS: u8 = 4;

/// The numbers of slots but those of forms.
const FIRST_OF_WORDS: u8 = 60;

const _: () = assert!(Form::ALL.len() <= FIRST_OF_WORDS as usize, "a slot is six bits");

/// What is known of it beside: kind, issues, quantity.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptFacts(Kind, u64, Quantity);

impl Slot {
    /// A number that no other slot has, in the order of slots; six bits.
    #[inline]
    pub(super) fn number(self) -> u8 {
        match self {
            Slot::Form(form) => form as u8,
            Slot::Word => FIRST_OF_WORDS,
            Slot::GivenWord => FIRST_OF_WORDS + 1,
            Slot::Nickname => FIRST_OF_WORDS + 2,
            Slot::Sound => FIRST_OF_WORDS + 3,
        }
    }

    /// That number as it is kept.
    fn kept(number: u8) -> u8 {
        match number.checked_sub(FIRST_OF_WORDS) {
            Some(of_words) => of_words,
            None => number + SLOTS_OF_WORDS,
        }
    }

    /// The slot of a number that was kept.
    fn of_kept(kept: u8) -> Option<Self> {
        Some(match kept {
            0 => Slot::Word,
            1 => Slot::GivenWord,
            2 => Slot::Nickname,
            3 => Slot::Sound,
            form => Slot::Form(*Form::ALL.get(usize::from(form - SLOTS_OF_WORDS))?),
        })
    }
}

/// A value that is being prepared, before it goes into a pack.
pub(super) struct Draft {
    pub(super) texts: String,
    pub(super) parts: Parts,
    pub(super) facts: Facts,
}

/// Where in a value a text is looked for that may be part of another.
const LOOKED_AT: usize = 256;

impl Prepared {
    /// The value of that kind; `None` where it is not usable.
    #[must_use]
    pub fn new(kind: Kind, value: &Normalized) -> Option<Self> {
        Self::with_aspects(kind, value, Aspects::all())
    }

    /// The value of that kind, as far as `aspects` go; `None` where it is not usable.
    #[must_use]
    pub fn with_aspects(kind: Kind, value: &Normalized, aspects: Aspects) -> Option<Self> {
        Some(Draft::new(kind, value, aspects)?.alone())
    }

    /// The raw value, normalised first.
    #[must_use]
    pub fn from_raw(kind: Kind, raw: &str, context: &Context) -> Option<Self> {
        Self::new(kind, &normalize::value(kind, raw, context))
    }

    /// Its texts as they go into bytes.
    pub(crate) fn kept_parts(&self) -> impl ExactSizeIterator<Item = KeptPart<'_>> {
        let texts = &self.pack.texts[self.text as usize..];
        self.parts().told().map(move |(slot, range, times)| KeptPart {
            text: &texts[range],
            times: times.into(),
            slot: Slot::kept(slot),
        })
    }

    /// What else goes there.
    pub(crate) fn kept_facts(&self) -> KeptFacts {
        let Facts { kind, issues, quantity } = self.facts();
        KeptFacts(*kind, issues.bits(), quantity.clone())
    }

    /// As it came out of bytes, of a text that has all of its own; `None` where they are not those of a value.
    ///
    /// # Errors
    /// Those of its parts.
    pub(crate) fn of_kept(
        facts: KeptFacts,
        texts: &str,
        kept: impl ExactSizeIterator<Item = Result<KeptRange>>,
    ) -> Result<Option<Self>> {
        let KeptFacts(kind, issues, quantity) = facts;
        let mut draft = Draft::empty(Facts { kind, issues: IssueSet::from_bits(issues), quantity });
        let mut ranges = Vec::with_capacity(kept.len().min(LIKELY_PARTS));
        let (mut first, mut end) = (texts.len(), 0);
        for part in kept {
            let KeptRange { range, times, slot } = part?;
            let Some(slot) = Slot::of_kept(slot) else { return Ok(None) };
            let Some(text) = texts.get(range.clone()) else { return Ok(None) };
            if texts.len() > MOST_BYTES_OF_VALUE {
                draft.push(slot, text, times.into());
            } else {
                (first, end) = (first.min(range.start), end.max(range.end));
                ranges.push((slot, range, times));
            }
        }
        // They lie near each other, so that what is between them comes along sooner than each is looked for.
        if let Some(own) = texts.get(first..end) {
            own.clone_into(&mut draft.texts);
            for (slot, range, times) in ranges {
                draft.parts.push(slot, range.start - first..range.end - first, times.into());
            }
        }
        Ok(Some(draft.alone()))
    }

    #[inline]
    fn parts(&self) -> SomeParts<'_> {
        self.pack.parts.some(self.first as usize, self.count as usize)
    }

    #[inline]
    fn facts(&self) -> &Facts {
        &self.pack.facts[self.facts as usize]
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.facts().kind
    }

    /// The first text of that form, where it was prepared with it. [`Form::Ascii`] is there for
    /// every value, and [`Form::Core`] for every surname.
    #[must_use]
    #[inline]
    pub fn form(&self, form: Form) -> Option<&str> {
        let range = self.parts().first_of_slot(Slot::Form(form))?;
        let start = self.text as usize;
        Some(&self.pack.texts[start + range.start..start + range.end])
    }

    /// ISO 15924 code of its letters where they do not say all of how they are read, where it was prepared
    /// with that; empty where they do.
    pub(super) fn writing(&self) -> &str {
        self.form(Form::Script).unwrap_or_default()
    }

    /// Whether those letters do not say how it is read. Of a name in Arabic or Hebrew ones they say enough to
    /// sound it out.
    pub(super) fn is_unread(&self) -> bool {
        let writing = self.writing();
        let is_sounded = Traits::of(self.kind()).given && writing != CHARACTERS;
        !writing.is_empty() && !is_sounded
    }

    /// The distinct texts in that slot, in order, each with how often it occurs.
    #[inline]
    pub(super) fn counted(&self, slot: Slot) -> Texts<'_> {
        let texts = &self.pack.texts[self.text as usize..];
        Texts { texts, parts: self.parts().of_slot(slot) }
    }

    /// The distinct texts in that slot, in order.
    #[inline]
    pub(super) fn all(&self, slot: Slot) -> impl Iterator<Item = &str> + Clone {
        self.counted(slot).map(|(text, _)| text)
    }

    /// Names it goes by beside its own, and its own.
    pub(super) fn names(&self) -> impl Iterator<Item = (Form, &str)> {
        let forms = [Form::Canonical, Form::Ascii, Form::Alias];
        forms.into_iter().flat_map(|form| self.all(Slot::Form(form)).map(move |text| (form, text)))
    }

    pub(super) fn is(&self, issue: Issue) -> bool {
        self.facts().issues.contains(issue)
    }

    pub(super) fn date(&self) -> Option<date::Parts> {
        match self.facts().quantity {
            Quantity::Date(parts) => Some(parts),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.facts().quantity {
            Quantity::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Latitude and longitude in degrees.
    pub(super) fn place(&self) -> Option<[f64; 2]> {
        match &self.facts().quantity {
            Quantity::Place(place) => Some(**place),
            _ => None,
        }
    }

    /// Whether its texts lie with the other's.
    pub(super) fn shares_pack(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pack, &other.pack)
    }

    /// Whether it is what `draft` would become.
    pub(super) fn is_as(&self, draft: &Draft) -> bool {
        let texts = &self.pack.texts[self.text as usize..];
        self.parts().are(&draft.parts)
            && texts[..draft.texts.len()] == draft.texts
            && *self.facts() == draft.facts
    }
}

/// Whether no comparison can tell two values apart, as far as they were prepared.
impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        // The same texts may lie elsewhere in each.
        self.facts() == other.facts()
            && self.parts().len() == other.parts().len()
            && self.kept_parts().eq(other.kept_parts())
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

/// Some texts of a value.
#[derive(Clone)]
pub(super) struct Texts<'p> {
    /// The value's texts, and whatever follows.
    texts: &'p str,
    parts: SomeParts<'p>,
}

impl<'p> Iterator for Texts<'p> {
    type Item = (&'p str, u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (range, times) = self.parts.split_first()?;
        Some((&self.texts[range], times.into()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.parts.len(), Some(self.parts.len()))
    }
}

impl ExactSizeIterator for Texts<'_> {}

/// Few values have more bytes of text, and more parts.
const LIKELY_BYTES: usize = 48;
const LIKELY_PARTS: usize = 8;

impl Draft {
    fn empty(facts: Facts) -> Self {
        let (texts, parts) =
            (String::with_capacity(LIKELY_BYTES), Parts::with_capacity(LIKELY_PARTS));
        Self { texts, parts, facts }
    }

    /// The value, in a pack of its own: it is there for a short while, so that it is not made as small as can be.
    fn alone(self) -> Prepared {
        let Self { texts, parts, facts } = self;
        let count = parts.len() as u32;
        let pack = Arc::new(Pack { texts, parts, facts: Box::new([facts]) });
        Prepared { pack, text: 0, first: 0, count, facts: 0 }
    }

    /// The value of that kind, as far as `aspects` go; `None` where it is not usable.
    pub(super) fn new(kind: Kind, value: &Normalized, aspects: Aspects) -> Option<Self> {
        let canonical = value.canonical()?;
        let ascii = value.form(Form::Ascii).unwrap_or(canonical);
        let number = |form| value.form(form).and_then(|text| text.parse::<f64>().ok());
        let quantity = match kind {
            _ if !aspects.quantity => Quantity::None,
            Kind::Date => date::Parts::new(canonical).map_or(Quantity::None, Quantity::Date),
            Kind::Number => number(Form::Canonical).map_or(Quantity::None, Quantity::Number),
            _ => number(Form::Latitude)
                .zip(number(Form::Longitude))
                .map_or(Quantity::None, |(a, b)| Quantity::Place(Box::new([a, b]))),
        };
        let issues = value.issues().iter().filter(|issue| aspects.issues.contains(*issue));
        let issues = issues.fold(IssueSet::EMPTY, IssueSet::with);
        let mut draft = Self::empty(Facts { kind, issues, quantity });
        draft.forms(value, ascii, aspects);
        let has = Traits::of(kind);
        if has.words && aspects.words {
            let mut words: Vec<&str> = ascii.split_whitespace().collect();
            words.sort_unstable();
            for run in words.chunk_by(|left, right| left == right) {
                draft.push(Slot::Word, run[0], run.len());
            }
        }
        // Where names stand in each other's place, a first name is in the family name's field.
        let given = value.form(Form::Given).unwrap_or(match kind {
            Kind::GivenName | Kind::FamilyName => ascii,
            _ => "",
        });
        if has.given && aspects.given_words {
            for form in [given, value.form(Form::Middle).unwrap_or_default()] {
                for word in normalize::ascii(form).split(' ').filter(|word| !word.is_empty()) {
                    draft.push(Slot::GivenWord, word, 1);
                }
            }
        }
        if has.given && aspects.nicknames {
            let names = std::iter::once(given).chain(value.all(Form::Alias));
            draft.push_sorted(Slot::Nickname, names.flat_map(normalize::nickname_classes));
        }
        if has.sounds && aspects.sounds {
            let sounded = match kind {
                _ if normalize::lacks_vowels(canonical) => canonical,
                Kind::GivenName => given,
                Kind::FamilyName => value.form(Form::Core).unwrap_or(ascii),
                _ => ascii,
            };
            // A single consonant is shared by too many names to say anything; A is any vowel.
            let tells = |code: &String| code.bytes().filter(|b| !b" A".contains(b)).count() > 1;
            let sounds = normalize::phonetic_codes(sounded).into_iter().filter(tells);
            draft.push_sorted(Slot::Sound, sounds);
        }
        Some(draft)
    }

    fn forms(&mut self, value: &Normalized, ascii: &str, aspects: Aspects) {
        let is_compared = |form: Form| {
            aspects.has_form(form) && !matches!(form, Form::Display | Form::Deliverable)
                || form == Form::Script && aspects.writing
        };
        // Of the others there is no text.
        let has = value.forms().fold(0_u64, |has, (form, _)| has | 1 << form as u8);
        let may_have = |form: Form| {
            has >> form as u8 & 1 == 1 || matches!(form, Form::Ascii | Form::Core | Form::Script)
        };
        let forms = Form::ALL.iter().copied();
        for form in forms.filter(|form| may_have(*form) && is_compared(*form)) {
            let stands_in = match form {
                _ if value.form(form).is_some() => None,
                // A name without a letter that could be transliterated still equals itself.
                Form::Ascii => Some(ascii),
                // A surname without particles is its own core.
                Form::Core => (self.facts.kind == Kind::FamilyName).then_some(ascii),
                // Places are spelt out in their other forms, and say it themselves.
                Form::Script => value.canonical().map(normalize::unread_script),
                _ => None,
            };
            for text in value.all(form).chain(stands_in.filter(|text| !text.is_empty())) {
                self.push(Slot::Form(form), text, 1);
            }
        }
    }

    fn push(&mut self, slot: Slot, text: &str, times: usize) {
        // Words are parts of forms, and most forms are another one or a part of it.
        let (known, sought) = (self.texts.as_bytes(), text.as_bytes());
        let known = &known[..known.len().min(LOOKED_AT)];
        let start = memchr::memmem::find(known, sought).unwrap_or(self.texts.len());
        let is_new = start == self.texts.len();
        if is_new && start + text.len() > MOST_BYTES_OF_VALUE {
            return;
        }
        if self.parts.push(slot, start..start + text.len(), times) && is_new {
            self.texts.push_str(text);
        }
    }

    fn push_sorted(&mut self, slot: Slot, texts: impl Iterator<Item = String>) {
        let mut texts: Vec<String> = texts.collect();
        texts.sort_unstable();
        texts.dedup();
        texts.iter().for_each(|text| self.push(slot, text, 1));
    }

    /// A number that equal values share.
    pub(super) fn hash(&self) -> u64 {
        let word = |seed, word: u64| xxh3_64_with_seed(&word.to_le_bytes(), seed);
        let facts = match &self.facts.quantity {
            Quantity::None => 0,
            Quantity::Date(parts) => parts.number(),
            Quantity::Number(number) => number.to_bits(),
            Quantity::Place(place) => word(place[0].to_bits(), place[1].to_bits()),
        };
        xxh3_64_with_seed(self.texts.as_bytes(), self.parts.hash(facts))
    }
}

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts && self.texts == other.texts && self.facts == other.facts
    }
}

/// ISO 15924 code of Chinese characters.
const CHARACTERS: &str = "hani";

/// What the values of a kind have beside their forms.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    pub(super) words: bool,
    pub(super) given: bool,
    pub(super) sounds: bool,
}

impl Traits {
    pub(super) fn of(kind: Kind) -> Self {
        let given = matches!(kind, Kind::GivenName | Kind::FamilyName | Kind::FullName);
        let sounds = given || matches!(kind, Kind::Organisation | Kind::Street | Kind::City);
        let words = sounds || matches!(kind, Kind::Text | Kind::Address | Kind::Region);
        Self { words, given, sounds }
    }
}
