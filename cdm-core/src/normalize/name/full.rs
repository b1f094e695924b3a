//! A whole name: which words are the given names, which the surname.

use super::affix::{Affixes, Circumstances, phrase};
use super::scan::{Segment, Word, is_ideographic};
use super::words::{is_iberian, particle};
use super::{east_asian, glue_mac, spread_initials};
use crate::normalize::ascii;

/// A whole name in its parts.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) given: Segment,
    pub(super) middle: Segment,
    pub(super) family: Segment,
    /// It was given surname first, by a comma or by capitals, in a script where that is unusual.
    pub(super) surname_first: bool,
    /// The surname is written in capitals to set it apart.
    pub(super) capitals: bool,
    /// The name belongs to a script in which the surname leads.
    pub(super) surname_leads: bool,
    /// The canonical form, where it is not simply the parts.
    pub(super) canonical: Option<String>,
}

impl Parsed {
    /// Every word, in the canonical order.
    pub(super) fn words(&self) -> impl Iterator<Item = &Word> + Clone {
        let (front, back) = if self.surname_leads {
            (&self.family[..], &[][..])
        } else {
            (&[][..], &self.family[..])
        };
        front.iter().chain(&self.given).chain(&self.middle).chain(back)
    }

    fn mononym(word: Segment, surname: bool) -> Parsed {
        let (given, family) = if surname { (Vec::new(), word) } else { (word, Vec::new()) };
        Parsed { given, family, ..Parsed::default() }
    }
}

/// The first of the persons that a value names; `None` where it names nobody.
pub(super) fn first_person(
    persons: Vec<Vec<Segment>>,
    affixes: &mut Affixes,
    circumstances: Circumstances,
) -> Option<Parsed> {
    let mut persons = persons.into_iter();
    let mut waiting: Option<Segment> = None;
    while let Some(person) = persons.next() {
        let mut own = Affixes::default();
        let mut segments = segments(person, &mut own, circumstances);
        if let Some(given) = waiting.take() {
            let shared = segments.len() == 1 && segments[0].len() > 1;
            if !shared {
                waiting = Some(given);
                break;
            }
            // `John and Mary Smith`: the surname is theirs both, all else is Mary's.
            let spouse = arrange(segments.remove(0), &mut own, circumstances.mixed);
            let Parsed { family, capitals, .. } = spouse;
            let mut parsed = Parsed { family, capitals, ..Parsed::default() };
            set_given(&mut parsed, given);
            return Some(parsed);
        }
        // Of `Mr and Mrs Smith` the first is Mr.
        if !affixes.prefix.is_empty() {
            own.prefix = std::mem::take(&mut affixes.prefix);
        }
        *affixes = own;
        let given_alone = segments.len() == 1
            && (segments[0].len() == 1 || segments[0].iter().all(Word::is_initial))
            && persons.len() > 0;
        if given_alone {
            waiting = segments.pop();
        } else if !segments.is_empty() {
            return Some(turned(segments, affixes, circumstances.mixed));
        }
    }
    let surname = !affixes.prefix.is_empty();
    waiting.map(|given| arranged_alone(given, surname))
}

fn arranged_alone(words: Segment, surname: bool) -> Parsed {
    if words.len() == 1 {
        return Parsed::mononym(words, surname);
    }
    let mut parsed = Parsed::default();
    set_given(&mut parsed, words);
    parsed
}

/// The segments of one person that hold names, what surrounds them taken off.
fn segments(
    person: Vec<Segment>,
    affixes: &mut Affixes,
    circumstances: Circumstances,
) -> Vec<Segment> {
    let words_before = person.first().map_or(0, Vec::len);
    let more = person.len() > 2;
    let mut segments = Vec::with_capacity(person.len());
    for (at, mut words) in person.into_iter().enumerate() {
        let words_before = words_before + usize::from(more);
        if at > 0 && (affixes.take_marked(&words) || affixes.take_suffixes(&words, words_before)) {
            continue;
        }
        affixes.cut_marked(&mut words);
        affixes.strip(&mut words, circumstances);
        if !words.is_empty() {
            segments.push(words);
        }
    }
    segments
}

/// A person of one segment, or of several: surname, given names.
fn turned(mut segments: Vec<Segment>, affixes: &mut Affixes, mixed: bool) -> Parsed {
    let mut family = segments.remove(0);
    if segments.is_empty() {
        return arrange(family, affixes, mixed);
    }
    let mut given: Segment = segments.into_iter().flatten().collect();
    // `Berg, Jan van den`: particles that belong before the surname.
    let is_tail = |word: &Word| {
        particle(&word.folded).is_some_and(|particle| !particle.weak || word.begins_small())
            && (!mixed || word.begins_small())
    };
    let tail = given.iter().rev().take_while(|word| is_tail(word)).count();
    if tail > 0 && tail < given.len() {
        let particles = given.split_off(given.len() - tail);
        family.splice(0..0, particles);
    }
    let ideographic = |words: &[Word]| words.iter().all(|word| is_ideographic(&word.folded));
    let surname_leads = ideographic(&family) && ideographic(&given);
    glue_mac(&mut family, 0);
    let capitals = mixed && family.iter().any(stands_out);
    let mut parsed = Parsed {
        family,
        surname_first: !surname_leads,
        surname_leads,
        capitals,
        ..Parsed::default()
    };
    set_given(&mut parsed, given);
    parsed
}

fn set_given(parsed: &mut Parsed, mut given: Segment) {
    if parsed.surname_leads {
        parsed.given = given;
        return;
    }
    spread_initials(&mut given, 1);
    parsed.middle = given.split_off(1.min(given.len()));
    parsed.given = given;
    for word in parsed
        .given
        .iter_mut()
        .chain(parsed.middle.first_mut())
        .chain(parsed.family.first_mut())
        .take(1)
    {
        word.glued = false;
    }
}

/// A word in capitals that set it apart in mixed writing; two letters could be initials.
fn stands_out(word: &Word) -> bool {
    word.is_upper() && word.folded.chars().filter(|c| c.is_alphabetic()).count() > 1
}

/// Surnames of two letters that are one even where the first names follow.
#[rustfmt::skip] // a line a word would be a page
const SHORT_SURNAMES: &[&str] = &[
    "bo", "cu", "do", "du", "fu", "he", "ho", "hu", "im", "ko", "le", "li", "lo", "lu", "ly",
    "ma", "mo", "ng", "no", "oh", "ou", "qi", "su", "vo", "vu", "wu", "xu", "ye", "yi", "yu",
];

/// Vietnamese surnames, which lead before the middle names Văn and Thị.
#[rustfmt::skip] // a line a word would be a page
const VIETNAMESE: &[&str] = &[
    "nguyen", "tran", "le", "pham", "huynh", "hoang", "phan", "vu", "vo", "dang", "bui", "do",
    "ho", "ngo", "duong", "ly", "dinh", "trinh", "mai", "truong", "lam", "dao", "doan",
];

/// What María del and the like are called after: part of the given name.
#[rustfmt::skip] // a line a word would be a page
const DEVOTIONS: &[&str] = &[
    "amparo", "angeles", "anjos", "carmen", "carmo", "ceu", "conceicao", "concepcion", "consuelo",
    "dolores", "dores", "fatima", "gloria", "graca", "gracas", "guadalupe", "jesus", "lourdes",
    "luz", "mar", "mercedes", "milagros", "nieves", "pilar", "refugio", "remedios", "rocio",
    "rosario", "socorro", "soledad",
];

/// Sort the words of a name that is written in one go.
fn arrange(mut words: Segment, affixes: &mut Affixes, mixed: bool) -> Parsed {
    if words.iter().any(|word| !word.folded.is_ascii() && is_ideographic(&word.folded)) {
        let (own, other): (Segment, Segment) =
            words.into_iter().partition(|word| is_ideographic(&word.folded));
        if other.is_empty() {
            return east_asian::arrange(own);
        }
        // 成龍 Jackie Chan: one name in two scripts.
        affixes.aliases.push(phrase(&own));
        words = other;
        if let Some(first) = words.first_mut() {
            first.glued = false;
        }
    }
    spread_initials(&mut words, 1);
    glue_mac(&mut words, 1);
    if words.len() < 2 {
        let surname = !affixes.prefix.is_empty() || affixes.generation.is_some();
        return Parsed::mononym(words, surname);
    }
    if let Some(parsed) = surname_leads_by_writing(&mut words, mixed) {
        return parsed;
    }
    let start = surname_start(&words, mixed);
    let capitals =
        mixed && words[start..].iter().any(stands_out) && !words[..start].iter().any(stands_out);
    let family = words.split_off(start);
    let mut parsed = Parsed { family, capitals, ..Parsed::default() };
    parsed.middle = words.split_off(1.min(words.len()));
    parsed.given = words;
    parsed
}

/// `SMITH John`, `Nguyen Van Minh`.
fn surname_leads_by_writing(words: &mut Segment, mixed: bool) -> Option<Parsed> {
    let vietnamese = words.len() == 3
        && matches!(ascii(&words[1].folded).as_str(), "van" | "thi")
        && VIETNAMESE.contains(&ascii(&words[0].folded).as_str());
    if vietnamese {
        let family = vec![words.remove(0)];
        let given = words.split_off(1);
        let middle = std::mem::take(words);
        return Some(Parsed { family, given, middle, surname_first: true, ..Parsed::default() });
    }
    if !mixed {
        return None;
    }
    let small_particle = |word: &Word| particle(&word.folded).is_some() && word.begins_small();
    let mut lead = words.iter().take_while(|word| small_particle(word)).count();
    let particles = lead;
    lead += words[lead..].iter().take_while(|word| stands_out(word)).count();
    let rest = &words[lead..];
    let named =
        rest.iter().any(|word| !word.is_upper() && !word.is_initial() && !small_particle(word));
    let longer = words[..lead].iter().any(|word| word.folded.chars().count() > 2)
        || lead > 0 && SHORT_SURNAMES.contains(&words[0].folded.as_str());
    if lead == particles || !named || !longer || rest.iter().any(stands_out) {
        return None;
    }
    let given = words.split_off(lead);
    let mut family = std::mem::take(words);
    glue_mac(&mut family, 0);
    let mut parsed = Parsed { family, surname_first: true, capitals: true, ..Parsed::default() };
    set_given(&mut parsed, given);
    Some(parsed)
}

/// Where the surname begins among two words or more.
fn surname_start(words: &[Word], mixed: bool) -> usize {
    let last = words.len() - 1;
    // `von Berg`, with nothing before it.
    let lead =
        words.iter().take_while(|word| particle(&word.folded).is_some() && word.begins_small());
    let lead = lead.count();
    if mixed && lead > 0 && lead <= last && !words[lead].begins_small() {
        return 0;
    }
    // `Jean LE PEN`, `Ana GARCÍA LÓPEZ`.
    if mixed && !words[..1].iter().any(stands_out) {
        let trail = words.iter().rev().take_while(|word| stands_out(word)).count();
        if trail > 1 && trail <= last {
            return words.len() - trail;
        }
    }
    let iberian = |at: usize| match words[at].folded.as_str() {
        word if word.is_ascii() => is_iberian(word),
        word => is_iberian(&ascii(word)),
    };
    let mut start = last;
    if last >= 2 && iberian(last) && iberian(last - 1) {
        start = last - 1;
    }
    let mut at = 1;
    while at < start {
        // `Bakker-de Jong`
        if words[at].folded.rsplit_once('-').is_some_and(|(_, end)| particle(end).is_some()) {
            return at;
        }
        if let Some(particle) = particle(&words[at].folded) {
            let mut after = at;
            while after < last && super::words::particle(&words[after].folded).is_some() {
                after += 1;
            }
            let devotion =
                DEVOTIONS.contains(&ascii(&words[after].folded).as_str()) && after < last;
            if devotion {
                at = after + 1;
                continue;
            }
            let connects = matches!(words[at].folded.as_str(), "y" | "e" | "i");
            let counts = !particle.weak || mixed && words[at].begins_small();
            if connects && (mixed && !words[at].begins_small() || words[at].is_dotted()) {
                // An initial.
            } else if connects && (counts || iberian(at - 1)) && at >= 2 {
                return at - 1;
            } else if !connects && counts {
                return if at >= 2 && iberian(at - 1) { at - 1 } else { at };
            }
        }
        at += 1;
    }
    start
}
