//! What an address may look like.

use std::borrow::Cow;

use crate::normalize::Issue;
use crate::normalize::domain::domain_to_ascii;
use crate::normalize::text::fold;

/// The most octets of a local part, RFC 5321 §4.5.3.1.1.
pub(super) const MAX_LOCAL: usize = 64;
/// The most octets of an address: a path of 256 (§4.5.3.1.3) without its angle brackets.
pub(super) const MAX_ADDRESS: usize = 254;

/// An address of the right shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// As given, but for quotes it does not need.
    pub(super) local: String,
    /// In lower-case ASCII.
    pub(super) domain: String,
}

impl Address {
    /// Whether the two differ at most in the case of the local part.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.domain == other.domain && fold(&self.local) == fold(&other.local)
    }
}

/// The halves of an address, checked.
pub(super) fn address(local: &str, domain: &str) -> Result<Address, Issue> {
    let local = checked_local(local).ok_or(Issue::BadLocalPart)?;
    let domain = domain_to_ascii(domain).ok_or(Issue::BadDomain)?;
    if local.len() + 1 + domain.len() > MAX_ADDRESS {
        return Err(Issue::TooLong);
    }
    Ok(Address { local: local.into_owned(), domain })
}

fn checked_local(local: &str) -> Option<Cow<'_, str>> {
    if local.is_empty() || local.len() > MAX_LOCAL {
        return None;
    }
    let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return is_matchable_atom(local).then(|| local.into());
    };
    if is_matchable_atom(quoted) {
        return Some(quoted.into());
    }
    let inner = |c: char| !c.is_control() && c != '"' && c != '\\';
    let plain = !quoted.is_empty() && quoted.chars().all(inner);
    // The match form is quoted as well, so folding must leave it a quoted string of its own.
    let folded = fold(local);
    let folded_inner = folded.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))?;
    let stays = !folded_inner.is_empty()
        && folded_inner.chars().all(inner)
        && folded_inner.trim() == folded_inner
        && !is_dot_atom(folded_inner);
    (plain && stays && folded.len() <= MAX_LOCAL).then(|| local.into())
}

/// Whether it is a dot-atom and folding for the match form leaves it one: `…` folds to three dots.
fn is_matchable_atom(text: &str) -> bool {
    is_dot_atom(text) && (text.is_ascii() || is_dot_atom(&fold(text)))
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || "!#$%&'*+-/=?^_`{|}~".contains(c)
                    // SMTPUTF8: anything beyond ASCII that is not white space or unassigned to text.
                    || (!c.is_ascii() && !c.is_whitespace() && !c.is_control() && c != '\u{fffd}')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_parts_of_the_stated_subset_are_accepted_and_others_are_not() {
        let longest = "a".repeat(MAX_LOCAL);
        for local in
            ["a", "a.b", "o'neil", "a+b", "a_b-c", "!#$%&*/=?^`{|}~", "jörg", "用户", &longest]
        {
            assert!(checked_local(local).is_some(), "{local}");
        }
        assert_eq!(checked_local("\"a b\"").as_deref(), Some("\"a b\""));
        assert_eq!(checked_local("\"a.b\"").as_deref(), Some("a.b"));
        let too_long = "a".repeat(MAX_LOCAL + 1);
        for local in [
            "", ".a", "a.", "a..b", "a b", "a(b", "a,b", "a\"b", "\"\"", "\"a\\b\"", "a…b", "\"",
            &too_long,
        ] {
            assert!(checked_local(local).is_none(), "{local}");
        }
    }
}
