use hashbrown::HashMap;
use std::sync::LazyLock;

use crate::normalize::address::key_of;
use crate::normalize::data::rows;
use crate::normalize::placeholder::is_placeholder;
use crate::normalize::text::{clean, fold};
use crate::normalize::{Context, Form, Issue, Normalized};

/// Countries of which the list holds every region, so that another name is an error.
const COMPLETE: [&str; 8] = ["US", "CA", "AU", "DE", "AT", "CH", "NL", "BR"];

#[derive(Default)]
struct Keys {
    codes: HashMap<String, &'static str>,
    names: HashMap<String, &'static str>,
}

impl Keys {
    fn find(&self, key: &str) -> Option<&'static str> {
        self.codes.get(key).or_else(|| self.names.get(key)).copied()
    }
}

struct Regions {
    by_country: HashMap<&'static str, Keys>,
    anywhere: Keys,
}

static REGIONS: LazyLock<Regions> = LazyLock::new(|| {
    let mut regions = Regions { by_country: HashMap::new(), anywhere: Keys::default() };
    for row in rows(include_str!("../data/regions.txt")) {
        let &[country, code, name, ref other @ ..] = row.as_slice() else { continue };
        let other = other.iter().flat_map(|names| names.split('|'));
        let canonical = if code == "-" { name } else { code };
        // Naples' `NA` says "not available" to anyone but an Italian.
        let abroad = if is_placeholder(canonical) { name } else { canonical };
        let own = regions.by_country.entry(country).or_default();
        for (keys, canonical) in [(own, canonical), (&mut regions.anywhere, abroad)] {
            keys.codes.entry(key_of(canonical)).or_insert(canonical);
            for name in std::iter::once(name).chain(other.clone()).filter(|name| !name.is_empty()) {
                keys.names.entry(key_of(name)).or_insert(canonical);
            }
        }
    }
    regions
});

/// The code of a region given in words of [`key_of`], of `country` where that is known.
pub(in crate::normalize) fn find(key: &str, country: Option<&str>) -> Option<&'static str> {
    let regions = &*REGIONS;
    let keys = country.and_then(|country| regions.by_country.get(country));
    let look = |keys: &Keys| {
        keys.find(key).or_else(|| {
            // N.S.W.
            let dotted = key.len() > 1 && key.split(' ').all(|word| word.len() == 1);
            dotted.then(|| keys.find(&key.replace(' ', ""))).flatten()
        })
    };
    match keys {
        Some(keys) => look(keys),
        None => look(&regions.anywhere),
    }
}

/// How many of some texts, each with how often it occurs, are regions of one country: of that which has
/// the most.
pub(crate) fn most_of_one_country<'t>(texts: impl Iterator<Item = (&'t str, usize)>) -> usize {
    let keys: Vec<(String, usize)> = texts.map(|(text, times)| (key_of(text), times)).collect();
    let of = |known: &Keys| {
        keys.iter().filter(|(key, _)| known.find(key).is_some()).map(|(_, times)| times).sum()
    };
    REGIONS.by_country.values().map(of).max().unwrap_or(0)
}

/// How a region is written in canonical forms: its code as it is, a name in words.
pub(in crate::normalize) fn canonical_of(found: &'static str) -> String {
    let is_code =
        found.len() <= 3 && found.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if is_code { found.to_owned() } else { key_of(found) }
}

/// State, province, county, canton, Land.
///
/// Knows the regions of the United States, Canada, Australia, Germany, Austria, Switzerland, the
/// Netherlands and Brazil, provinces of Italy, communities of Spain, regions of France, counties
/// of Great Britain and Ireland, by name, code and usual short form. A name that several countries
/// have is taken from the context's region first.
///
/// Forms: canonical and region are the ISO 3166-2 code without its country (`NSW`, `CA`, `BY`), or
/// the name in lower case for a region that has no code in use or is not known. It is doubtful
/// ([`Issue::UnknownPlace`]) only where the context names a country whose regions are all known.
/// Misspellings are not put right.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Context, region};
/// let context = Context { region: Some("AU".into()), ..Context::default() };
/// assert_eq!(region("New South Wales", &context).canonical(), Some("NSW"));
/// assert_eq!(region("Lothian", &Context::default()).canonical(), Some("lothian"));
/// ```
#[must_use]
pub fn region(raw: &str, context: &Context) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    let key = key_of(&cleaned);
    let country = context.region.as_deref();
    let placeholder = is_placeholder(&cleaned);
    let (text, known) = match find(&key, country) {
        // `n/a` is no dotted code, whatever the country; `NA` is, in Italy.
        Some(found) if !placeholder || cleaned.len() == found.len() => (canonical_of(found), true),
        _ if placeholder => return Normalized::unusable(Issue::Placeholder),
        _ if !cleaned.chars().any(char::is_alphanumeric) => {
            return Normalized::unusable(Issue::NoContent);
        }
        // A region of another country, unless its code means one of this country.
        _ => match find(&key, None).map(canonical_of) {
            Some(text) if find(&key_of(&text), country).is_none_or(|own| own == text) => {
                (text, false)
            }
            // Without diacritics, so that every spelling is one; other scripts stay as they are.
            _ if key.is_empty() => (fold(&cleaned), false),
            _ => (key, false),
        },
    };
    // What is left of odd text can be a word for nothing.
    if !known && is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let value = Normalized::valid(text.as_str()).with(Form::Region, text);
    if !known && country.is_some_and(|country| COMPLETE.contains(&country)) {
        return value.doubting(Issue::UnknownPlace);
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn normalising_twice_is_once(text in "[a-zA-Z]{1,3}|([a-z]\\.){1,3}|.*", country in "US|IT|AU|GB|") {
            let context = Context { region: (!country.is_empty()).then_some(country), ..Context::default() };
            let once = region(&text, &context);
            if let Some(canonical) = once.canonical() {
                let twice = region(canonical, &context);
                prop_assert_eq!(twice.canonical(), Some(canonical));
                prop_assert!(twice.status().is_usable());
            }
        }
    }

    #[test]
    fn a_region_is_its_own_region_in_every_country() {
        let countries: Vec<_> = REGIONS.by_country.keys().map(|c| Some((*c).to_owned())).collect();
        for row in rows(include_str!("../data/regions.txt")) {
            for name in row[1..].iter().flat_map(|names| names.split('|')) {
                for country in countries.iter().chain([&None]) {
                    let context = Context { region: country.clone(), ..Context::default() };
                    let once = region(name, &context);
                    if let Some(canonical) = once.canonical() {
                        assert_eq!(
                            region(canonical, &context).canonical(),
                            Some(canonical),
                            "{name} {country:?}"
                        );
                    }
                }
            }
        }
    }
}
