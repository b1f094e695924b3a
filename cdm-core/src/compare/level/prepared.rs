use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Aspects;
use super::date::Parts;
use crate::error::Result;
use crate::normalize::{self, Context, Form, Issue, IssueSet, Normalized};
use crate::schema::Kind;

/// A usable value, with everything that comparison levels look at worked out once.
///
/// What there is depends on the kind: forms of every kind, words of names, organisations, places and
/// texts, nickname classes and sounds of names, the parts of dates, the numbers of quantities.
/// Build one for each distinct value; comparing two then allocates nothing. `Debug` hides the value.
///
/// Takes 24 bytes, and for each text that it holds 8 more, and its bytes where it is no part of another.
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
    pack: Arc<Pack>,
    /// Where its texts start.
    text: u32,
    /// Where its parts start, and how many there are.
    first: u32,
    count: u32,
    /// Which of the pack's facts are its own.
    facts: u32,
}

/// What many values hold.
struct Pack {
    texts: String,
    parts: Vec<Part>,
    /// Many values have the same.
    facts: Box<[Facts]>,
}

/// One text of a value: 24 bits each for where it starts, counted from the start of the value's texts,
/// and how long it is; 8 for how often it occurs, or the most that can be counted; 8 for its slot.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part(u64);

/// The most bytes of text in a value; a longer text is left out.
const MOST_BYTES_OF_VALUE: usize = (1 << 24) - 1;

impl Part {
    fn new(start: usize, length: usize, times: usize, slot: Slot) -> Self {
        let times = times.min(u8::MAX.into());
        Self(
            (start as u64) << 40
                | (length as u64) << 16
                | (times as u64) << 8
                | u64::from(slot.rank()),
        )
    }

    #[inline]
    fn range(self) -> Range<usize> {
        let (start, length) = ((self.0 >> 40) as usize, (self.0 >> 16 & 0xff_ffff) as usize);
        start..start + length
    }

    /// Where the value's texts start so many bytes later.
    fn move_to_front(&mut self, by: usize) {
        self.0 -= (by as u64) << 40;
    }

    #[inline]
    fn times(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The [`rank`](Slot::rank) of its slot.
    #[inline]
    fn rank(self) -> u8 {
        self.0 as u8
    }
}

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
struct Facts {
    kind: Kind,
    issues: IssueSet,
    quantity: Quantity,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
enum Quantity {
    None,
    Date(Parts),
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

/// What a slot's rank and its number as kept differ by: such that the slots of words come first.
const KEPT_STEP: u8 = 4;

/// What is known of it beside: kind, issues, quantity.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptFacts(Kind, u64, Quantity);

impl Slot {
    /// A number that no other slot has, in the order of slots.
    #[inline]
    fn rank(self) -> u8 {
        match self {
            Slot::Form(form) => form as u8,
            Slot::Word => 252,
            Slot::GivenWord => 253,
            Slot::Nickname => 254,
            Slot::Sound => 255,
        }
    }

    fn ranked(rank: u8) -> Option<Self> {
        Some(match rank {
            252 => Slot::Word,
            253 => Slot::GivenWord,
            254 => Slot::Nickname,
            255 => Slot::Sound,
            form => Slot::Form(*Form::ALL.get(usize::from(form))?),
        })
    }
}

/// A value that is being prepared, before it goes into a pack.
pub(super) struct Draft {
    texts: String,
    parts: Vec<Part>,
    facts: Facts,
}

/// The most bytes of text in a pack.
const MOST_BYTES: usize = 1 << 30;

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
        self.parts().iter().map(move |part| KeptPart {
            text: &texts[part.range()],
            times: part.times().into(),
            slot: part.rank().wrapping_add(KEPT_STEP),
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
        let mut draft = Draft {
            facts: Facts { kind, issues: IssueSet::from_bits(issues), quantity },
            texts: String::new(),
            parts: Vec::with_capacity(kept.len().min(LIKELY_PARTS)),
        };
        let (mut first, mut end) = (texts.len(), 0);
        for part in kept {
            let KeptRange { range, times, slot } = part?;
            let Some(slot) = Slot::ranked(slot.wrapping_sub(KEPT_STEP)) else { return Ok(None) };
            let Some(text) = texts.get(range.clone()) else { return Ok(None) };
            if texts.len() > MOST_BYTES_OF_VALUE {
                draft.push(slot, text, times.into());
            } else {
                (first, end) = (first.min(range.start), end.max(range.end));
                draft.parts.push(Part::new(range.start, text.len(), times.into(), slot));
            }
        }
        // They lie near each other, so that what is between them comes along sooner than each is looked for.
        if let Some(own) = texts.get(first..end) {
            own.clone_into(&mut draft.texts);
            draft.parts.iter_mut().for_each(|part| part.move_to_front(first));
        }
        Ok(Some(draft.alone()))
    }

    /// How many bytes of memory it takes, but for facts that others have as well.
    pub(super) fn bytes(&self) -> u64 {
        let own = self.parts();
        (size_of::<Self>() + size_of_val(own) + length_of(own)) as u64
    }

    #[inline]
    fn parts(&self) -> &[Part] {
        &self.pack.parts[self.first as usize..][..self.count as usize]
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
        self.all(Slot::Form(form)).next()
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
        let (own, rank) = (self.parts(), slot.rank());
        let skip = own.iter().take_while(|part| part.rank() < rank).count();
        let count = own[skip..].iter().take_while(|part| part.rank() == rank).count();
        let texts = &self.pack.texts[self.text as usize..];
        Texts { texts, parts: &own[skip..skip + count] }
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

    pub(super) fn date(&self) -> Option<Parts> {
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

    /// Whether it is what `draft` would become.
    pub(super) fn is_as(&self, draft: &Draft) -> bool {
        let texts = &self.pack.texts[self.text as usize..];
        self.parts() == draft.parts
            && texts[..draft.texts.len()] == draft.texts
            && *self.facts() == draft.facts
    }
}

/// How many bytes of text these parts of one value take together.
fn length_of(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.range().end).max().unwrap_or_default()
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
    parts: &'p [Part],
}

impl<'p> Iterator for Texts<'p> {
    type Item = (&'p str, u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (part, rest) = self.parts.split_first()?;
        self.parts = rest;
        Some((&self.texts[part.range()], part.times().into()))
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
            (String::with_capacity(LIKELY_BYTES), Vec::with_capacity(LIKELY_PARTS));
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
            Kind::Date => Parts::new(canonical).map_or(Quantity::None, Quantity::Date),
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
        for form in Form::ALL.iter().copied().filter(|form| is_compared(*form)) {
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
        if start == self.texts.len() {
            if start + text.len() > MOST_BYTES_OF_VALUE {
                return;
            }
            self.texts.push_str(text);
        }
        self.parts.push(Part::new(start, text.len(), times, slot));
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
        let parts = self.parts.iter().fold(facts, |hash, part| word(hash, part.0));
        xxh3_64_with_seed(self.texts.as_bytes(), parts)
    }
}

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts && self.texts == other.texts && self.facts == other.facts
    }
}

/// Values on their way into packs.
#[derive(Default)]
pub(super) struct Packing {
    texts: String,
    parts: Vec<Part>,
    facts: Vec<Facts>,
    /// Where texts and parts of each start, how many parts there are, and which facts are its own.
    open: Vec<(u32, u32, u32, u32)>,
    sealed: Vec<Prepared>,
}

/// Among so many facts of values before it a value's own are looked for.
const LATE_FACTS: usize = 16;

impl Packing {
    pub(super) fn add(&mut self, draft: Draft) {
        // Places in a pack are numbered by 32 bits.
        if self.texts.len() + draft.texts.len() + self.parts.len() + draft.parts.len() > MOST_BYTES
        {
            self.close();
        }
        let (text, first) = (self.texts.len() as u32, self.parts.len() as u32);
        let late = self.facts.len().saturating_sub(LATE_FACTS);
        let known = self.facts[late..].iter().position(|facts| *facts == draft.facts);
        let facts = known.map_or(self.facts.len(), |place| late + place) as u32;
        if known.is_none() {
            self.facts.push(draft.facts);
        }
        self.open.push((text, first, draft.parts.len() as u32, facts));
        self.texts.push_str(&draft.texts);
        self.parts.extend_from_slice(&draft.parts);
    }

    fn close(&mut self) {
        let (mut texts, mut parts) =
            (std::mem::take(&mut self.texts), std::mem::take(&mut self.parts));
        texts.shrink_to_fit();
        parts.shrink_to_fit();
        let facts = std::mem::take(&mut self.facts).into_boxed_slice();
        let pack = Arc::new(Pack { texts, parts, facts });
        let open = self.open.drain(..);
        self.sealed.extend(open.map(|(text, first, count, facts)| Prepared {
            pack: Arc::clone(&pack),
            text,
            first,
            count,
            facts,
        }));
    }

    /// The values, in the order in which they were added.
    pub(super) fn seal(mut self) -> Vec<Prepared> {
        self.close();
        self.sealed
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
