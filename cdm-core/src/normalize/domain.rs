//! Domain names, as e-mail and web addresses share them.

use std::borrow::Cow;

/// The domain in ASCII and lower case, where it is one that mail or pages can be at.
///
/// At least two labels of 1 to 63 letters, digits and inner hyphens, 253 octets in all, the last
/// label neither one character nor without a letter; names in other scripts become `xn--` labels
/// by UTS 46. Case, width and one dot at the end do not matter. What it answers, it answers again.
pub(super) fn domain_to_ascii(domain: &str) -> Option<String> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    // UTS 46 costs more than all the rest; names without such labels come out as they are.
    let plain = domain.is_ascii() && !has_ace_label(domain);
    let ascii = if plain {
        Cow::Borrowed(domain)
    } else {
        // A name this long cannot be right, and UTS 46 takes long over long labels.
        if domain.len() > 1024 {
            return None;
        }
        idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL).ok()?
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    if ascii.len() > 253 {
        return None;
    }
    let mut labels = 0;
    for label in ascii.split('.') {
        labels += 1;
        let bytes = label.as_bytes();
        let shaped = !bytes.is_empty()
            && bytes.len() <= 63
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-';
        if !shaped {
            return None;
        }
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    let possible = labels >= 2 && last.len() >= 2 && last.bytes().any(|b| b.is_ascii_alphabetic());
    possible.then(|| ascii.to_ascii_lowercase())
}

fn has_ace_label(domain: &str) -> bool {
    domain.split('.').any(|label| {
        label.len() >= 4 && label.is_char_boundary(4) && label[..4].eq_ignore_ascii_case("xn--")
    })
}

/// The top-level labels that RFC 2606 and RFC 6762 keep from ever being in the public DNS, but for
/// `example` and `test`, which samples are full of.
pub(super) fn is_never_public(domain: &str) -> bool {
    matches!(domain.rsplit('.').next(), Some("invalid" | "localhost" | "local" | "localdomain"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_lower_case_ascii_and_what_is_no_name_nothing() {
        for (domain, wanted) in [
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            ("München.de", "xn--mnchen-3ya.de"),
            ("XN--MNCHEN-3YA.DE", "xn--mnchen-3ya.de"),
            ("例え。jp", "xn--r8jz45g.jp"),
            ("ｅｘａｍｐｌｅ.com", "example.com"),
            ("3com.com", "3com.com"),
        ] {
            assert_eq!(domain_to_ascii(domain).as_deref(), Some(wanted), "{domain}");
        }
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefg.".repeat(32));
        for domain in [
            "",
            ".",
            "localhost",
            "a..b",
            ".a.b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "a b.com",
            "1.2.3.4",
            "a.c",
            "a@b.com",
            "xn--\u{fffd}.com",
            "xn--a.com",
            "[::1]",
            &long_label,
            &long_name,
        ] {
            assert_eq!(domain_to_ascii(domain), None, "{domain}");
        }
    }

    proptest! {
        #[test]
        fn the_answer_is_its_own_answer(domain in "[a-zäß。.\\-1xn]{0,12}\\.(com|рф|de|ＯＲＧ)") {
            if let Some(once) = domain_to_ascii(&domain) {
                prop_assert_eq!(domain_to_ascii(&once), Some(once));
            }
        }
    }
}
