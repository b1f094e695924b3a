//! What is known of domains and local parts, from the lists under `data/`.

use hashbrown::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::normalize::data::rows;

/// Rules of a provider of mailboxes.
pub(super) struct Provider {
    /// The domain that stands for all its aliases.
    pub(super) domain: &'static str,
    /// Whether `j.doe` and `jdoe` are one mailbox.
    pub(super) ignores_dots: bool,
    /// The signs that start a tag.
    pub(super) tag_signs: &'static str,
}

type Words = HashSet<&'static str>;

static PROVIDERS: LazyLock<HashMap<&'static str, Provider>> = LazyLock::new(|| {
    rows(include_str!("../data/email_providers.txt"))
        .filter_map(|row| match row[..] {
            [name, domain, dots, tag_signs] => {
                Some((name, Provider { domain, ignores_dots: dots == "ignored", tag_signs }))
            }
            _ => None,
        })
        .collect()
});
static FREEMAIL: LazyLock<Words> =
    LazyLock::new(|| words(include_str!("../data/email_freemail.txt")));
static DISPOSABLE: LazyLock<Words> =
    LazyLock::new(|| words(include_str!("../data/email_disposable.txt")));
static ROLES: LazyLock<Words> = LazyLock::new(|| words(include_str!("../data/email_roles.txt")));
static DUMMIES: LazyLock<HashMap<&'static str, Words>> =
    LazyLock::new(|| sorted_words(include_str!("../data/email_placeholders.txt")));
static TYPOS: LazyLock<Typos> = LazyLock::new(|| {
    let mut sorts = sorted_words(include_str!("../data/email_typos.txt"));
    let mut sort = |name| sorts.remove(name).unwrap_or_default();
    Typos { near: sort("near").into_iter().collect(), real: sort("real"), endings: sort("ending") }
});

struct Typos {
    near: Vec<&'static str>,
    real: Words,
    endings: Words,
}

fn words(list: &'static str) -> Words {
    rows(list).filter_map(|row| row.first().copied()).collect()
}

fn sorted_words(list: &'static str) -> HashMap<&'static str, Words> {
    let mut sorts: HashMap<&'static str, Words> = HashMap::new();
    for row in rows(list) {
        if let [sort, word] = row[..] {
            sorts.entry(sort).or_default().insert(word);
        }
    }
    sorts
}

/// What is known of the provider at `domain`.
pub(super) fn provider(domain: &str) -> Option<&'static Provider> {
    PROVIDERS.get(domain)
}

pub(super) fn is_freemail(domain: &str) -> bool {
    FREEMAIL.contains(domain)
}

/// Whether the domain or one above it gives out throw-away addresses.
pub(super) fn is_disposable(domain: &str) -> bool {
    let mut rest = domain;
    loop {
        if DISPOSABLE.contains(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) if parent.contains('.') => rest = parent,
            _ => return false,
        }
    }
}

/// Whether the local part names a function; a number at its end does not matter (`sales2`).
pub(super) fn is_role(local: &str) -> bool {
    let unnumbered = local.trim_end_matches(|c: char| c.is_ascii_digit());
    if !unnumbered.contains(['.', '-', '_']) {
        return ROLES.contains(unnumbered);
    }
    ROLES.contains(unnumbered.replace(['.', '-', '_'], "").as_str())
}

/// Whether the address stands for "no address".
pub(super) fn is_placeholder(local: &str, domain: &str) -> bool {
    let is = |sort, word: &str| DUMMIES.get(sort).is_some_and(|words| words.contains(word));
    if is("anywhere", local) || is("void", domain) {
        return true;
    }
    let name = domain.split('.').next().unwrap_or_default();
    let is_run = {
        let first = local.chars().next();
        local.chars().all(|c| Some(c) == first)
    };
    if local == name && (is_run || is("local", local)) {
        return true;
    }
    // Providers that ignore dots have them out by now: `first.last` came as `firstlast`.
    is("domain", domain) && is("local", local)
}

/// Whether the domain is one slip from a provider's, or ends as no domain does.
pub(super) fn is_likely_typo(domain: &str) -> bool {
    let ending = domain.rsplit('.').next().unwrap_or_default();
    TYPOS.endings.contains(ending)
        || (!TYPOS.real.contains(domain)
            && TYPOS.near.iter().any(|near| is_one_slip(domain.as_bytes(), near.as_bytes())))
}

/// Whether one letter more, less or other, or two neighbours swapped, lie between two words.
fn is_one_slip(left: &[u8], right: &[u8]) -> bool {
    if left.len().abs_diff(right.len()) > 1 {
        return false;
    }
    let shorter = left.len().min(right.len());
    let prefix = left.iter().zip(right).take_while(|(l, r)| l == r).count();
    let suffix = left.iter().rev().zip(right.iter().rev()).take_while(|(l, r)| l == r).count();
    // In words of the same length, prefix and suffix do not overlap unless the words are equal.
    let (left_rest, right_rest) = (left.len() - prefix, right.len() - prefix);
    let swapped = left.len() == right.len()
        && left_rest.checked_sub(suffix) == Some(2)
        && left[prefix] == right[prefix + 1]
        && left[prefix + 1] == right[prefix];
    let one_off = left != right && left_rest.max(right_rest) <= suffix + 1;
    debug_assert!(prefix <= shorter);
    one_off || swapped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_as_long_as_promised_and_providers_are_freemail() {
        assert!(FREEMAIL.len() > 400 && DISPOSABLE.len() > 300 && ROLES.len() > 400);
        for (name, provider) in PROVIDERS.iter() {
            assert!(FREEMAIL.contains(name), "{name}");
            let alias_of = PROVIDERS.get(provider.domain).expect("an alias is of a listed domain");
            assert_eq!(alias_of.domain, provider.domain, "aliases do not chain");
        }
        for near in &TYPOS.near {
            assert!(FREEMAIL.contains(near), "{near}");
        }
        for sort in ["anywhere", "void", "local", "domain"] {
            assert!(!DUMMIES[sort].is_empty());
        }
    }

    #[test]
    fn slips_are_seen_and_real_domains_are_left_alone() {
        for domain in [
            "gmial.com",
            "gmai.com",
            "gmaill.com",
            "hotmial.com",
            "yaho.com",
            "gmail.con",
            "firma.cmo",
        ] {
            assert!(is_likely_typo(domain), "{domain}");
        }
        for domain in ["cloud.com", "acme.com", "gmx.de", "example.org", "gmail.org"] {
            assert!(!is_likely_typo(domain), "{domain}");
        }
    }

    proptest! {
        #[test]
        fn one_slip_is_an_edit_distance_of_one(left in "[ab.]{0,6}", right in "[ab.]{0,6}") {
            let wanted = strsim::osa_distance(&left, &right) == 1;
            prop_assert_eq!(is_one_slip(left.as_bytes(), right.as_bytes()), wanted);
        }
    }
}
