use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Aspects;
use super::date::Parts;
use crate::normalize::{self, Context, Form, Issue, IssueSet, Normalized};
use crate::schema::Kind;

/// A usable value, with everything that comparison levels look at worked out once.
///
/// What there is depends on the kind: forms of every kind, words of names, organisations, places and
/// texts, nickname classes and sounds of names, the parts of dates, the numbers of quantities.
/// Build one for each distinct value; comparing two then allocates nothing. `Debug` hides the value.
///
/// Takes 48 bytes, and for each text that it holds its bytes and 8 more.
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
    facts: Facts,
}

/// The texts of many values.
struct Pack {
    texts: Box<str>,
    parts: Box<[Part]>,
}

/// One text of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part {
    /// Where it ends, counted from the start of the value's texts; it starts where the one before
    /// it ends.
    end: u32,
    /// How often it occurs, or the most that can be counted.
    times: u16,
    slot: Slot,
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

/// A text of a value on its way into bytes, or out of them: of this process, as another release
/// numbers slots in its own way.
#[derive(Clone, Copy)]
pub(crate) struct KeptPart<'k> {
    pub(crate) text: &'k str,
    /// How often it occurs.
    pub(crate) times: u16,
    /// The number of its slot.
    pub(crate) slot: u8,
}

/// What is known of it beside: kind, issues, quantity.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptFacts(Kind, u64, Quantity);

impl Slot {
    /// A number that no other slot has.
    fn number(self) -> u8 {
        match self {
            Slot::Word => 0,
            Slot::GivenWord => 1,
            Slot::Nickname => 2,
            Slot::Sound => 3,
            Slot::Form(form) => 4 + form as u8,
        }
    }

    fn numbered(number: u8) -> Option<Self> {
        Some(match number {
            0 => Slot::Word,
            1 => Slot::GivenWord,
            2 => Slot::Nickname,
            3 => Slot::Sound,
            form => Slot::Form(*Form::ALL.get(usize::from(form) - 4)?),
        })
    }
}

/// A value that is being prepared, before it goes into a pack.
pub(super) struct Draft {
    texts: String,
    parts: Vec<Part>,
    facts: Facts,
}

/// The most bytes of text in a pack, and in a value; a longer text is left out.
const MOST_BYTES: usize = 1 << 30;

impl Prepared {
    /// The value of that kind; `None` where it is not usable.
    #[must_use]
    pub fn new(kind: Kind, value: &Normalized) -> Option<Self> {
        Self::with_aspects(kind, value, Aspects::all())
    }

    /// The value of that kind, as far as `aspects` go; `None` where it is not usable.
    #[must_use]
    pub fn with_aspects(kind: Kind, value: &Normalized, aspects: Aspects) -> Option<Self> {
        let draft = Draft::new(kind, value, aspects)?;
        let mut pack = Packing::default();
        pack.add(draft);
        pack.seal().pop()
    }

    /// The raw value, normalised first.
    #[must_use]
    pub fn from_raw(kind: Kind, raw: &str, context: &Context) -> Option<Self> {
        Self::new(kind, &normalize::value(kind, raw, context))
    }

    /// Its texts as they go into bytes.
    pub(crate) fn kept_parts(&self) -> impl ExactSizeIterator<Item = KeptPart<'_>> {
        let own = &self.pack.parts[self.first as usize..][..self.count as usize];
        let (texts, mut start) = (&self.pack.texts[self.text as usize..], 0);
        own.iter().map(move |part| {
            let text = &texts[std::mem::replace(&mut start, part.end as usize)..part.end as usize];
            KeptPart { text, times: part.times, slot: part.slot.number() }
        })
    }

    /// What else goes there.
    pub(crate) fn kept_facts(&self) -> KeptFacts {
        let Facts { kind, issues, quantity } = &self.facts;
        KeptFacts(*kind, issues.bits(), quantity.clone())
    }

    /// As it came out of bytes; `None` where they are not those of a value.
    pub(crate) fn of_kept(kept: &[KeptPart<'_>], facts: KeptFacts) -> Option<Self> {
        let KeptFacts(kind, issues, quantity) = facts;
        let mut texts = String::with_capacity(kept.iter().map(|part| part.text.len()).sum());
        let mut parts = Vec::with_capacity(kept.len());
        for KeptPart { text, times, slot } in kept {
            texts.push_str(text);
            let (end, slot) = (texts.len() as u32, Slot::numbered(*slot)?);
            parts.push(Part { end, times: *times, slot });
        }
        Some(Self {
            text: 0,
            first: 0,
            count: parts.len() as u32,
            pack: Arc::new(Pack { texts: texts.into(), parts: parts.into() }),
            facts: Facts { kind, issues: IssueSet::from_bits(issues), quantity },
        })
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        let own = &self.pack.parts[self.first as usize..][..self.count as usize];
        let texts = own.last().map_or(0, |part| part.end as usize);
        (size_of::<Self>() + size_of_val(own) + texts) as u64
    }

    /// What kind of value it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.facts.kind
    }

    /// The first text of that form, where it was prepared with it. [`Form::Ascii`] is there for
    /// every value, and [`Form::Core`] for every surname.
    #[must_use]
    #[inline]
    pub fn form(&self, form: Form) -> Option<&str> {
        self.all(Slot::Form(form)).next()
    }

    /// The distinct texts in that slot, in order, each with how often it occurs.
    #[inline]
    pub(super) fn counted(&self, slot: Slot) -> Texts<'_> {
        let own = &self.pack.parts[self.first as usize..][..self.count as usize];
        let skip = own.iter().take_while(|part| part.slot < slot).count();
        let start = own[..skip].last().map_or(0, |part| part.end);
        let count = own[skip..].iter().take_while(|part| part.slot == slot).count();
        let texts = &self.pack.texts[self.text as usize..];
        Texts { texts, parts: &own[skip..skip + count], start }
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
        self.facts.issues.contains(issue)
    }

    pub(super) fn date(&self) -> Option<Parts> {
        match self.facts.quantity {
            Quantity::Date(parts) => Some(parts),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.facts.quantity {
            Quantity::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Latitude and longitude in degrees.
    pub(super) fn place(&self) -> Option<[f64; 2]> {
        match &self.facts.quantity {
            Quantity::Place(place) => Some(**place),
            _ => None,
        }
    }

    /// Whether it is what `draft` would become.
    pub(super) fn is_as(&self, draft: &Draft) -> bool {
        let own = &self.pack.parts[self.first as usize..][..self.count as usize];
        let texts = &self.pack.texts[self.text as usize..];
        let length = own.last().map_or(0, |part| part.end as usize);
        own == draft.parts && texts[..length] == draft.texts && self.facts == draft.facts
    }
}

/// Whether no comparison can tell two values apart, as far as they were prepared.
impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        let parts = |value: &Self| value.first as usize..(value.first + value.count) as usize;
        let (own, others) = (&self.pack.parts[parts(self)], &other.pack.parts[parts(other)]);
        let length = own.last().map_or(0, |part| part.end as usize);
        own == others
            && self.pack.texts[self.text as usize..][..length]
                == other.pack.texts[other.text as usize..][..length]
            && self.facts == other.facts
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("kind", &self.facts.kind).finish_non_exhaustive()
    }
}

/// Some texts of a value.
#[derive(Clone)]
pub(super) struct Texts<'p> {
    /// The value's texts, and whatever follows.
    texts: &'p str,
    parts: &'p [Part],
    start: u32,
}

impl<'p> Iterator for Texts<'p> {
    type Item = (&'p str, u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (part, rest) = self.parts.split_first()?;
        let text = &self.texts[self.start as usize..part.end as usize];
        (self.parts, self.start) = (rest, part.end);
        Some((text, part.times.into()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.parts.len(), Some(self.parts.len()))
    }
}

impl ExactSizeIterator for Texts<'_> {}

impl Draft {
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
        let facts = Facts { kind, issues, quantity };
        let mut draft = Self { texts: String::new(), parts: Vec::new(), facts };
        draft.forms(value, ascii, aspects);
        let has = Traits::of(kind);
        if has.words && aspects.words {
            let mut words: Vec<&str> = ascii.split_whitespace().collect();
            words.sort_unstable();
            for run in words.chunk_by(|left, right| left == right) {
                draft.push(Slot::Word, run[0], run.len());
            }
        }
        let given = value.form(Form::Given).unwrap_or(match kind {
            Kind::GivenName => ascii,
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
        };
        for form in Form::ALL.iter().copied().filter(|form| is_compared(*form)) {
            // A name without a letter that could be transliterated still equals itself, and a
            // surname without particles is its own core.
            let stands_in = value.form(form).is_none()
                && (form == Form::Ascii
                    || form == Form::Core && self.facts.kind == Kind::FamilyName);
            for text in value.all(form).chain(stands_in.then_some(ascii)) {
                self.push(Slot::Form(form), text, 1);
            }
        }
    }

    fn push(&mut self, slot: Slot, text: &str, times: usize) {
        if self.texts.len() + text.len() <= MOST_BYTES {
            self.texts.push_str(text);
            let times = u16::try_from(times).unwrap_or(u16::MAX);
            self.parts.push(Part { end: self.texts.len() as u32, times, slot });
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
        let ends = self.parts.iter().fold(facts, |hash, part| word(hash, part.end.into()));
        xxh3_64_with_seed(self.texts.as_bytes(), ends)
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
    /// Where texts and parts of each start, and how many parts there are.
    open: Vec<(u32, u32, u32, Facts)>,
    sealed: Vec<Prepared>,
}

impl Packing {
    pub(super) fn add(&mut self, draft: Draft) {
        // Places in a pack are numbered by 32 bits.
        if self.texts.len() + draft.texts.len() + self.parts.len() + draft.parts.len() > MOST_BYTES
        {
            self.close();
        }
        let (text, first) = (self.texts.len() as u32, self.parts.len() as u32);
        self.open.push((text, first, draft.parts.len() as u32, draft.facts));
        self.texts.push_str(&draft.texts);
        self.parts.extend_from_slice(&draft.parts);
    }

    fn close(&mut self) {
        let texts = std::mem::take(&mut self.texts).into_boxed_str();
        let parts = std::mem::take(&mut self.parts).into_boxed_slice();
        let pack = Arc::new(Pack { texts, parts });
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

/// What the values of a kind have beside their forms.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    pub(super) words: bool,
    pub(super) given: bool,
    pub(super) sounds: bool,
}

impl Traits {
    pub(super) fn of(kind: Kind) -> Self {
        let given = matches!(kind, Kind::GivenName | Kind::FullName);
        let sounds = given
            || matches!(kind, Kind::FamilyName | Kind::Organisation | Kind::Street | Kind::City);
        let words = sounds || matches!(kind, Kind::Text | Kind::Address | Kind::Region);
        Self { words, given, sounds }
    }
}
