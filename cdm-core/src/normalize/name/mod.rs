//! Names of people.

mod affix;
mod east_asian;
mod full;
mod scan;
mod show;
mod spelling;
mod words;

use super::text::has_invisible;
use super::{Form, Issue, Normalized, Status, ascii};
use affix::{Affixes, Circumstances, are_blank, is_blank, phrase};
use full::Parsed;
use scan::{Scan, Segment, Word, is_ideographic, scan};
use show::{Case, generation, show};
use spelling::{compose, fold, is_garbled, repair, unify};
use words::particle;

/// Letters in the longest name that is believed: Picasso's had about 110.
const LONGEST: usize = 200;

/// First and middle names of a person.
///
/// The canonical form is folded, in its own script and with its diacritics; apostrophes, hyphens
/// and spaces are made equal, stray punctuation is gone, and initials stand apart: `J.R.`, `JR` and
/// `J. R.` are all `j r`. A `Jr` behind a name is a suffix, alone it is initials.
///
/// Forms: canonical; display where the cleaned value is not fit to be shown (all capitals, an
/// honorific in front); ascii; prefix (honorifics); given (the first name) and middle (the others);
/// suffix; alias (nicknames in brackets or quotes, names after `aka`, `née`).
///
/// Issues: placeholder (also for an honorific alone), no content, malformed (an e-mail or web
/// address) and too long make it unusable; several values (the first is taken), digits in name, initials
/// only, looks like organisation and mojibake (repaired where it can be) make it doubtful; control characters
/// are noted.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, given_name};
/// let name = given_name("Dr. JEAN – LUC \"Jack\" P.");
/// assert_eq!(name.canonical(), Some("jean-luc p"));
/// assert_eq!(name.form(Form::Display), Some("Jean-Luc P."));
/// assert_eq!(name.form(Form::Given), Some("jean-luc"));
/// assert_eq!(name.form(Form::Alias), Some("jack"));
/// ```
#[must_use]
pub fn given_name(raw: &str) -> Normalized {
    settled(raw, given_name_once)
}

/// Surname of a person.
///
/// The canonical form is folded, in its own script and with its diacritics and its particles (`van
/// den berg`); double surnames keep their order; Mc and Mac are not parted from what follows.
///
/// Forms: canonical; display, as for a [given name](given_name); ascii; prefix; suffix
/// (generational and academic ones); alias (a former surname after `née`, `geb.`, in brackets);
/// core (transliterated, without particles, where it has any).
///
/// Issues: as for a given name; what follows a comma and is no suffix is a second value.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, family_name};
/// let name = family_name("VAN DEN BERG, Jr.");
/// assert_eq!(name.canonical(), Some("van den berg"));
/// assert_eq!(name.form(Form::Display), Some("van den Berg"));
/// assert_eq!(name.form(Form::Core), Some("berg"));
/// assert_eq!(name.form(Form::Suffix), Some("jr"));
/// ```
#[must_use]
pub fn family_name(raw: &str) -> Normalized {
    settled(raw, family_name_once)
}

/// A person's whole name, in either order.
///
/// Reads `Given Middle Family`, `Family, Given Middle`, `FAMILY Given`, double and particled
/// surnames, and Chinese, Japanese and Korean names without spaces (surname first). The canonical
/// form is the given, middle and family name, folded, in that order (surname first and without a space in
/// Chinese, Japanese and Korean script), so that the spellings of one name meet.
/// A generational suffix is **not** in it, since half the records of a Jr. leave it out; yet father and son differ: compare
/// the suffix form as well. Given and family name swapped cannot be told from one value.
///
/// Forms: canonical; display (without honorifics and degrees, in the usual order, generational
/// suffix kept); ascii; prefix; given; middle; family (with its particles); suffix; alias; core (as
/// for a [surname](family_name)).
///
/// Issues: as for a [given name](given_name), and mononym (doubtful); surname first is noted. Of a couple
/// the first person is taken: several values.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, full_name};
/// let name = full_name("Smith, Jr., Dr. John");
/// assert_eq!(name.canonical(), full_name("John SMITH").canonical());
/// assert_eq!(name.form(Form::Display), Some("John Smith Jr."));
/// assert_eq!(full_name("María José de la Cruz García").form(Form::Family), Some("de la cruz garcía"));
/// assert_eq!(full_name("王小明").form(Form::Family), Some("王"));
/// ```
#[must_use]
pub fn full_name(raw: &str) -> Normalized {
    settled(raw, full_name_once)
}

/// Normalise until the canonical form is its own: a name put in order may read differently again.
fn settled(raw: &str, once: fn(&str) -> Normalized) -> Normalized {
    let mut value = once(raw);
    for _ in 0..4 {
        let Some(canonical) = value.canonical() else { return value };
        // Small letters prove less than others, so a value that was only folded is settled.
        let only_folded = canonical.len() == raw.len() && canonical.eq_ignore_ascii_case(raw);
        if only_folded || !raw.is_ascii() && raw.len() < 16 * LONGEST && canonical == fold(raw) {
            return value;
        }
        let again = once(canonical);
        if again.canonical() == Some(canonical) {
            return value;
        }
        let doubtful = value.status() == Status::Doubtful;
        value = value.issues().iter().fold(again, |again, issue| {
            if doubtful && again.status().is_usable() {
                again.doubting(issue)
            } else {
                again.noting(issue)
            }
        });
    }
    if value.status().is_usable() { Normalized::unusable(Issue::Malformed) } else { value }
}

/// A value read as words, with what was noticed on the way.
struct Source {
    scan: Scan,
    /// The value as it would be shown if nothing else were said.
    shown: String,
    invisible: bool,
    garbled: bool,
}

impl Source {
    fn read(raw: &str) -> Result<Source, Normalized> {
        let repaired = repair(raw);
        let unified = unify(&repaired);
        if unified.is_empty() {
            return Err(Normalized::missing());
        }
        // Folding can make a text longer, but what is far too long need not be folded.
        if unified.len() > 16 * LONGEST {
            return Err(Normalized::unusable(Issue::TooLong));
        }
        let composed = compose(&unified);
        let folded = fold(&composed);
        if folded.len() > LONGEST && folded.chars().count() > LONGEST {
            return Err(Normalized::unusable(Issue::TooLong));
        }
        if is_blank(&folded) {
            return Err(Normalized::unusable(Issue::Placeholder));
        }
        if !folded.chars().any(char::is_alphabetic) {
            let value = Normalized::unusable(Issue::NoContent);
            let digits = folded.chars().any(char::is_numeric);
            return Err(if digits { value.noting(Issue::DigitsInName) } else { value });
        }
        if is_address(&folded) {
            return Err(Normalized::unusable(Issue::Malformed));
        }
        let scan = scan(&composed);
        if scan.persons.is_empty() {
            return Err(Normalized::unusable(Issue::NoContent));
        }
        let is_repaired = repaired != raw;
        let garbled = is_repaired || is_garbled(&unified);
        // A repaired value must be shown repaired, so compare with nothing that was shown before.
        let shown = if is_repaired { String::new() } else { unified.into_owned() };
        let invisible = has_invisible(&repaired);
        Ok(Source { scan, shown, invisible, garbled })
    }

    fn circumstances(&self, surname: bool) -> Circumstances {
        Circumstances { mixed: self.scan.mixed, surname }
    }

    /// The organisation that a value names instead of a person.
    fn organisation(&self) -> Option<Normalized> {
        self.scan.organisation.then(|| {
            let whole = &self.scan.whole;
            let value = Normalized::valid(whole.as_str()).with(Form::Ascii, ascii(whole));
            self.remark(value.doubting(Issue::LooksLikeOrganisation))
        })
    }

    /// The value with what was noticed about all of it.
    fn remark(&self, mut value: Normalized) -> Normalized {
        if self.invisible {
            value = value.noting(Issue::ControlCharacters);
        }
        if self.garbled {
            value = value.doubting(Issue::Mojibake);
        }
        if self.scan.organisation_by_case {
            value = value.doubting(Issue::LooksLikeOrganisation);
        }
        value
    }

    /// The value with the forms and issues that every kind of name has.
    fn finish<'a>(
        &self,
        mut value: Normalized,
        words: impl Iterator<Item = &'a Word> + Clone,
        affixes: &Affixes,
        display: String,
        several: bool,
    ) -> Normalized {
        if display != self.shown {
            value = value.with(Form::Display, display);
        }
        let canonical = value.canonical().unwrap_or_default();
        let transliterated = ascii(canonical);
        value = value
            .with(Form::Ascii, transliterated)
            .with(Form::Prefix, affixes.prefix.join(" "))
            .with(Form::Suffix, affixes.suffix.join(" "));
        for alias in &affixes.aliases {
            value = value.with(Form::Alias, alias.as_str());
        }
        if several {
            value = value.doubting(Issue::SeveralValues);
        }
        if words.clone().any(|word| word.folded.chars().any(char::is_numeric)) {
            value = value.doubting(Issue::DigitsInName);
        }
        if words.clone().all(Word::is_initial) && words.clone().next().is_some() {
            value = value.doubting(Issue::InitialsOnly);
        }
        self.remark(value)
    }
}

/// How the letters of a name are to be shown. Honorifics and suffixes taken off it have no say.
fn case<'a>(words: impl IntoIterator<Item = &'a Word>) -> Case {
    let (mut upper, mut lower) = (false, false);
    for c in words.into_iter().flat_map(|word| word.shown.chars()) {
        upper |= c.is_uppercase();
        lower |= c.is_lowercase();
    }
    if upper && lower { Case::AsWritten } else { Case::Proper }
}

fn given_name_once(raw: &str) -> Normalized {
    let mut source = match Source::read(raw) {
        Ok(source) => source,
        Err(value) => return value,
    };
    if let Some(organisation) = source.organisation() {
        return organisation;
    }
    let mut affixes = Affixes::default();
    let persons = std::mem::take(&mut source.scan.persons);
    let several = persons.len() > 1;
    let circumstances = source.circumstances(false);
    let mut words = Segment::new();
    for person in persons {
        for (at, segment) in person.into_iter().enumerate() {
            let taken = at > 0
                && (affixes.take_marked(&segment) || affixes.take_suffixes(&segment, words.len()));
            if !taken {
                words.extend(segment);
            }
        }
        affixes.cut_marked(&mut words);
        affixes.strip(&mut words, circumstances);
        if !words.is_empty() {
            break;
        }
    }
    if words.is_empty() || are_blank(&words) {
        return Normalized::unusable(Issue::Placeholder);
    }
    affixes.take_asides(std::mem::take(&mut source.scan.asides), words.len());
    spread_initials(&mut words, usize::MAX);
    let ideographic = words.iter().all(|word| is_ideographic(&word.folded));
    let first = if ideographic { words.len() } else { 1 };
    let value = Normalized::valid(phrase(&words))
        .with(Form::Given, phrase(&words[..first]))
        .with(Form::Middle, phrase(&words[first..]));
    let case = case(&words);
    let display = show(&words, |_| case, usize::MAX);
    source.finish(value, words.iter(), &affixes, display, several)
}

fn family_name_once(raw: &str) -> Normalized {
    let mut source = match Source::read(raw) {
        Ok(source) => source,
        Err(value) => return value,
    };
    if let Some(organisation) = source.organisation() {
        return organisation;
    }
    let mut affixes = Affixes::default();
    let persons = std::mem::take(&mut source.scan.persons);
    let mut several = persons.len() > 1;
    let circumstances = source.circumstances(true);
    let mut words = Segment::new();
    'persons: for person in persons {
        for segment in person {
            // Behind a surname alone, `M.D.` and `Sen` are less likely a first name than a suffix.
            let behind = !words.is_empty();
            if behind && (affixes.take_marked(&segment) || affixes.take_suffixes(&segment, 2)) {
                continue;
            }
            if behind {
                let mut second = segment;
                affixes.strip(&mut second, Circumstances { surname: false, ..circumstances });
                several |= !second.is_empty();
                continue;
            }
            words = segment;
            affixes.cut_marked(&mut words);
            affixes.strip(&mut words, circumstances);
        }
        if !words.is_empty() {
            break 'persons;
        }
    }
    if words.is_empty() || are_blank(&words) {
        return Normalized::unusable(Issue::Placeholder);
    }
    affixes.take_asides(std::mem::take(&mut source.scan.asides), 2);
    glue_mac(&mut words, 0);
    let value = Normalized::valid(phrase(&words)).with(Form::Core, core(&words));
    let case = case(&words);
    let display = show(&words, |_| case, 0);
    source.finish(value, words.iter(), &affixes, display, several)
}

fn full_name_once(raw: &str) -> Normalized {
    let mut source = match Source::read(raw) {
        Ok(source) => source,
        Err(value) => return value,
    };
    if let Some(organisation) = source.organisation() {
        return organisation;
    }
    let mut affixes = Affixes::default();
    let persons = std::mem::take(&mut source.scan.persons);
    let several = persons.len() > 1;
    let circumstances = source.circumstances(false);
    let Some(mut parsed) = full::first_person(persons, &mut affixes, circumstances) else {
        return Normalized::unusable(Issue::Placeholder);
    };
    // `Smith,`: the given names that should follow are missing.
    if parsed.family.is_empty() && parsed.middle.is_empty() && raw.trim_end().ends_with(',') {
        std::mem::swap(&mut parsed.given, &mut parsed.family);
    }
    if are_blank(parsed.words()) && parsed.canonical.is_none() {
        return Normalized::unusable(Issue::Placeholder);
    }
    affixes.take_asides(std::mem::take(&mut source.scan.asides), parsed.words().count());
    let canonical = parsed.canonical.clone().unwrap_or_else(|| phrase(parsed.words()));
    if is_blank(&canonical) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let display = display_of(&source, &parsed, &affixes);
    let mut value = Normalized::valid(canonical)
        .with(Form::Given, phrase(&parsed.given))
        .with(Form::Middle, phrase(&parsed.middle))
        .with(Form::Family, phrase(&parsed.family))
        .with(Form::Core, core(&parsed.family));
    if parsed.surname_first {
        value = value.noting(Issue::SurnameFirst);
    }
    if parsed.given.is_empty() != parsed.family.is_empty() {
        value = value.doubting(Issue::Mononym);
    }
    source.finish(value, parsed.words(), &affixes, display, several)
}

/// A whole name as it is shown; empty where that is the value as it stands.
fn display_of(source: &Source, parsed: &Parsed, affixes: &Affixes) -> String {
    let bare = affixes.prefix.is_empty() && affixes.suffix.is_empty() && affixes.aliases.is_empty();
    let ideographic = parsed.surname_leads || parsed.canonical.is_some();
    if ideographic && bare && !source.shown.is_empty() {
        return source.shown.clone();
    }
    if ideographic {
        return parsed.canonical.clone().unwrap_or_else(|| phrase(parsed.words()));
    }
    // Where capitals set the surname apart, they are no part of it, and `john SMITH` wants some.
    let capitals = parsed.capitals && !source.scan.organisation_by_case;
    let one_case = |word: &Word| word.is_upper() != word.shown.chars().any(char::is_lowercase);
    let whole = case(parsed.words());
    let case = |word: &Word| {
        if capitals && one_case(word) && !word.is_initial() { Case::Proper } else { whole }
    };
    let given = parsed.given.len() + parsed.middle.len();
    let mut text = show(parsed.words(), case, given);
    if let Some(form) = affixes.generation {
        text.push(' ');
        text.push_str(&generation(form));
    }
    text
}

/// A surname without its particles, transliterated; empty where it has none.
fn core(words: &[Word]) -> String {
    let Some((last, rest)) = words.split_last() else { return String::new() };
    let is_particle = |word: &str| particle(word).is_some();
    // Arabic articles are written with a hyphen as often as with a space.
    let article = last.folded.split_once('-').filter(|(article, _)| is_particle(article));
    if article.is_none() && !rest.iter().any(|word| is_particle(&word.folded)) {
        return String::new();
    }
    let kept = rest.iter().map(|word| word.folded.as_str()).filter(|word| !is_particle(word));
    let last = article.map_or(last.folded.as_str(), |(_, name)| name);
    ascii(&kept.chain([last]).collect::<Vec<_>>().join(" "))
}

/// Short words without a vowel that are names or shortened ones, not initials.
#[rustfmt::skip] // a line a word would be a page
const NOT_INITIALS: &[&str] = &[
    "bh", "ch", "chr", "chs", "cs", "dh", "dz", "fr", "gh", "jhn", "jn", "kh", "ll", "mc", "md",
    "mhd", "ng", "ph", "sh", "sk", "st", "sz", "th", "vl", "wm", "zh", "zs",
];

/// Write initials that are run together apart: `JR` and `J.R.` are `j r`. Only the first `most` words
/// are looked at.
fn spread_initials(words: &mut Segment, most: usize) {
    let is_cluster = |word: &Word| {
        let letters = word.folded.as_str();
        let vowelless = |byte: u8| byte.is_ascii_lowercase() && !b"aeiouy".contains(&byte);
        matches!(letters, "aj" | "ej" | "oj")
            || matches!(letters.len(), 2 | 3)
                && letters.bytes().all(vowelless)
                && !NOT_INITIALS.contains(&letters)
    };
    if !words.iter().take(most).any(is_cluster) {
        return;
    }
    let mut looked_at = 0;
    *words = std::mem::take(words)
        .into_iter()
        .flat_map(|word| {
            looked_at += 1;
            if looked_at > most || !is_cluster(&word) {
                return vec![word];
            }
            let dotted = word.is_dotted();
            let last = word.folded.len() - 1;
            let letter = |(at, (shown, folded)): (usize, (char, char))| Word {
                shown: if dotted && at == last { format!("{shown}.") } else { shown.to_string() },
                folded: folded.to_string(),
                glued: at > 0 || word.glued,
            };
            word.shown.chars().zip(word.folded.chars()).enumerate().map(letter).collect()
        })
        .collect();
}

/// Join Mc and Mac with what follows: `Mc Donald`. Looks from word `from` on.
fn glue_mac(words: &mut Segment, from: usize) {
    let mut at = from;
    while at + 1 < words.len() {
        let next = &words[at + 1].folded;
        let long = next.chars().count() > 2 && particle(next).is_none();
        if long && matches!(words[at].folded.as_str(), "mc" | "mac") {
            let next = words.remove(at + 1);
            words[at].shown = words[at].shown.trim_end_matches('.').to_owned() + &next.shown;
            words[at].folded.push_str(&next.folded);
        }
        at += 1;
    }
}

/// Whether a folded text is an e-mail or web address.
fn is_address(folded: &str) -> bool {
    folded.split_once('@').is_some_and(|(_, domain)| domain.contains('.'))
        || folded.contains(':') && folded.contains("://")
        || folded.starts_with("www.")
}

#[cfg(test)]
mod tests;
