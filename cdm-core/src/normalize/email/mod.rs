//! E-mail addresses.

mod cell;
mod lists;
mod syntax;

use self::cell::Candidate;
use self::syntax::Address;
use super::domain::is_never_public;
use super::placeholder::is_placeholder;
use super::text::{clean, fold, has_invisible};
use super::{Form, Issue, Normalized};

/// E-mail address.
///
/// What is around an address is left out: white space, `mailto:`, `Name <...>`, quotes, brackets,
/// a comment at the end, punctuation after it.
///
/// # Forms
/// - canonical: the form to match by. Lower case, domain in ASCII, an alias of a provider's domain
///   replaced (`googlemail.com` is `gmail.com`), tag left out, and dots where the provider ignores
///   them. A tag starts at `+` at any domain, since hardly anyone has a `+` in the name of a mailbox
///   itself, and at `-` as well where the provider uses that.
/// - local, domain: the two halves of canonical.
/// - deliverable: the address to write to: tag, dots and the case of the local part as given, the
///   domain in lower-case ASCII.
///
/// # Validity
/// A subset of RFC 5321, with the local parts of RFC 6531 (SMTPUTF8):
/// - local part: a dot-atom, or a quoted string of printable characters without `"` and `\`; up to
///   64 octets. Quotes that a dot-atom does not need are left out.
/// - domain: two labels or more of 1 to 63 letters, digits and inner hyphens; the last one has two
///   characters or more and is not all digits; no address literal such as `[192.0.2.1]`;
///   internationalised names by UTS 46.
/// - 254 octets in all.
///
/// # Issues
/// Unusable: `placeholder`, `no_at_sign` (also where there are several and no way to tell the
/// addresses apart, and for `john at example.com`), `bad_local_part`, `bad_domain`
/// (`john@example,com`: what the writer meant is not guessed), `too_long`.
///
/// Doubtful: `malformed` (white space around the `@`, which was left out), `several_values` (the
/// first that is valid was taken), `disposable_domain`, `likely_typo` (the domain is one slip from a
/// provider's, or ends like `.con`; it is not changed), `bad_domain` (a domain such as `.local` that
/// is never public).
///
/// Remarks that leave a valid address valid: `role_account`, `freemail_domain`,
/// `control_characters`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, email};
/// let address = email("Anna Li <Anna.Li+shop@GoogleMail.com>");
/// assert_eq!(address.canonical(), Some("annali@gmail.com"));
/// assert_eq!(address.form(Form::Deliverable), Some("Anna.Li+shop@googlemail.com"));
/// assert_eq!(email("john@@example.com").canonical(), None);
/// ```
///
/// # References
/// RFC 5321 §4.1.2 and §4.5.3.1 (2008); RFC 6531 (2012); UTS 46.
#[must_use]
pub fn email(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let candidate = match cell::find(&cleaned) {
        Ok(candidate) => candidate,
        Err(issue) => return Normalized::unusable(issue),
    };
    let value = normalized(&candidate);
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

fn normalized(candidate: &Candidate) -> Normalized {
    let Candidate { address, spaced, several } = candidate;
    let (local, domain) = match_form(address);
    if local.len() > syntax::MAX_LOCAL || local.len() + domain.len() + 1 > syntax::MAX_ADDRESS {
        return Normalized::unusable(Issue::TooLong);
    }
    if lists::is_placeholder(&local, domain) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let mut value = Normalized::valid(format!("{local}@{domain}"))
        .with(Form::Domain, domain)
        .with(Form::Deliverable, format!("{}@{}", address.local, address.domain));
    if lists::is_role(&local) {
        value = value.noting(Issue::RoleAccount);
    }
    if lists::is_freemail(domain) {
        value = value.noting(Issue::FreemailDomain);
    } else if lists::is_likely_typo(domain) {
        value = value.doubting(Issue::LikelyTypo);
    }
    if lists::is_disposable(domain) {
        value = value.doubting(Issue::DisposableDomain);
    }
    if is_never_public(domain) {
        value = value.doubting(Issue::BadDomain);
    }
    if *spaced {
        value = value.doubting(Issue::Malformed);
    }
    if *several {
        value = value.doubting(Issue::SeveralValues);
    }
    value.with(Form::Local, local)
}

/// Local part and domain as matched.
fn match_form(address: &Address) -> (String, &str) {
    let provider = lists::provider(&address.domain);
    let domain = provider.map_or(address.domain.as_str(), |provider| provider.domain);
    let folded = fold(&address.local);
    if folded.starts_with('"') {
        return (folded, domain);
    }
    let signs = provider.map_or("+", |provider| provider.tag_signs);
    // A sign at the very start has no mailbox before it and is part of the name.
    let end = folded
        .char_indices()
        .find(|(at, c)| *at > 0 && signs.contains(*c))
        .map_or(folded.len(), |(at, _)| at);
    let untagged = folded[..end].trim_end_matches('.');
    let local = if provider.is_some_and(|provider| provider.ignores_dots) {
        untagged.replace('.', "")
    } else {
        untagged.to_owned()
    };
    (local, domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::Status;

    #[test]
    fn one_mailbox_has_one_canonical_form() {
        for (raw, wanted) in [
            ("J.O.H.N+x@gmail.com", "john@gmail.com"),
            ("j.o.h.n+x@example.com", "j.o.h.n@example.com"),
            ("john-shop@yahoo.com", "john@yahoo.com"),
            ("john-shop@example.com", "john-shop@example.com"),
            ("+49123@example.com", "+49123@example.com"),
            ("a.+b@example.com", "a@example.com"),
            ("\"john\"@example.com", "john@example.com"),
            ("\"John Doe\"@example.com", "\"john doe\"@example.com"),
        ] {
            assert_eq!(email(raw).canonical(), Some(wanted), "{raw}");
        }
    }

    #[test]
    fn a_tag_does_not_hide_a_placeholder() {
        assert_eq!(email("test+1@test.com"), Normalized::unusable(Issue::Placeholder));
    }

    fn laws(raw: &str) -> std::result::Result<(), TestCaseError> {
        let once = email(raw);
        prop_assert_eq!(&email(raw), &once);
        if let Some(canonical) = once.canonical() {
            let twice = email(canonical);
            prop_assert_eq!(twice.canonical(), Some(canonical), "of {:?}", raw);
            let deliverable = once.form(Form::Deliverable).unwrap();
            let delivered = email(deliverable);
            prop_assert_eq!(delivered.canonical(), Some(canonical), "of {:?}", raw);
            let (local, domain) = canonical.rsplit_once('@').unwrap();
            prop_assert_eq!(once.form(Form::Local), Some(local));
            prop_assert_eq!(once.form(Form::Domain), Some(domain));
            prop_assert!(canonical.len() <= syntax::MAX_ADDRESS);
        } else {
            prop_assert!(!once.status().is_usable());
            prop_assert!(once.status() == Status::Missing || !once.issues().is_empty());
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_laws_hold_for_any_text(raw in any::<String>()) {
            laws(&raw)?;
        }

        #[test]
        fn the_laws_hold_for_what_looks_like_addresses(
            raw in "[\"<' ]{0,2}[A-Ca-cß.+\\-\"﹫ⅷ… é]{0,8}[ ]?[@＠]{0,2}[ ]?(gmail|GoogleMail|yahoo|münchen|a-b|x|test)[.,。](com|de|рф|con|1)[>;, .)\"]{0,3}([ a-c]{0,3}[@]b\\.org)?"
        ) {
            laws(&raw)?;
        }
    }
}
