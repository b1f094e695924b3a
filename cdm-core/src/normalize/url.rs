//! Web addresses.

use hashbrown::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::LazyLock;

use super::data::rows;
use super::domain::{domain_to_ascii, is_never_public};
use super::placeholder::is_placeholder;
use super::text::{clean, has_invisible};
use super::{Form, Issue, Normalized};

/// Longer than browsers and servers agree to handle.
const MAX_LEN: usize = 2048;

struct Site {
    host: &'static str,
    ignores_case: bool,
}

static SITES: LazyLock<HashMap<&'static str, Site>> = LazyLock::new(|| {
    rows(include_str!("data/url_hosts.txt"))
        .filter_map(|row| match row[..] {
            [name, host, case] => Some((name, Site { host, ignores_case: case == "ignored" })),
            _ => None,
        })
        .collect()
});
static TRACKING: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    rows(include_str!("data/url_tracking.txt")).filter_map(|row| row.first().copied()).collect()
});
static DUMMIES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    rows(include_str!("data/url_placeholders.txt")).filter_map(|row| row.first().copied()).collect()
});

/// Web address of a person or an organisation.
///
/// # Forms
/// - canonical: `host/path?query` to match by. No scheme, user, `www.`, default port, fragment,
///   session or tracking parameter (`utm_source`, `gclid`, ...), index page or slash at the end;
///   parameters sorted by name; host in lower-case ASCII (UTS 46), the names of one social network
///   made one (`de-de.facebook.com`, `twitter.com`) and the case of its handles ignored; percent
///   signs as RFC 3986 §6.2.2 wants them, dot segments resolved.
/// - domain: the host of canonical. path: the path of canonical, from its slash, where it has one.
/// - display: a whole URL to open: the scheme as given, or `https`; `www.`, port, slash and fragment
///   kept; no user or password, no tracking.
///
/// # Issues
/// Unusable: `placeholder`, `malformed` (an e-mail address, another scheme, a bare handle),
/// `bad_domain` (no domain name with a dot, or an IPv6 literal). Doubtful: `malformed` (a slip in the
/// scheme such as `http:/`, or a space, mended), `bad_domain` (an IPv4 address, or a name that is
/// never public), `several_values` (the first was taken), `too_long`. Remark: `control_characters`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, url};
/// let page = url("HTTP://www.Example.org:80/Shop/?utm_source=x&id=7#top");
/// assert_eq!(page.canonical(), Some("example.org/Shop?id=7"));
/// assert_eq!(page.form(Form::Display), Some("http://www.example.org/Shop/?id=7#top"));
/// assert_eq!(url("@acme").canonical(), None);
/// ```
///
/// # References
/// RFC 3986 (2005), §5.2.4 and §6.2; UTS 46.
#[must_use]
pub fn url(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let mut value = match parse(&cleaned) {
        Ok(value) => value,
        Err(issue) => return Normalized::unusable(issue),
    };
    if cleaned.len() > MAX_LEN {
        value = value.doubting(Issue::TooLong);
    }
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

fn parse(cleaned: &str) -> Result<Normalized, Issue> {
    let unwrapped = unwrap(cleaned);
    let (first, several) = first_of(unwrapped);
    let first = unwrap(first);
    let straight = first.replace('\\', "/");
    let (scheme, rest, slip) = split_scheme(&straight)?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let bare = authority.trim_end_matches('.');
    if bare.is_empty() || bare.eq_ignore_ascii_case("www") || is_placeholder(rest) {
        return Err(Issue::Placeholder);
    }
    let authority = match authority.rsplit_once('@') {
        Some((user, _)) if scheme.is_none() || user.is_empty() => return Err(Issue::Malformed),
        Some((_, host)) => host,
        None => authority,
    };
    if authority.starts_with('[') {
        return Err(Issue::BadDomain);
    }
    let (name, port) = split_port(authority)?;
    let host = host(name)?;
    // A port alone tells the scheme where none is given; canonical has no scheme, so it can only
    // leave out what is the default of either.
    let shown_scheme = scheme.unwrap_or(if port == Some(80) { "http" } else { "https" });
    let shown_port = port.filter(|port| {
        !matches!((shown_scheme, port), ("http", 80) | ("https", 443) | ("ftp", 21))
    });
    let port = port.filter(|port| !matches!(port, 80 | 443 | 21));

    let bare_host = without_www(&host);
    if DUMMIES.contains(bare_host) {
        return Err(Issue::Placeholder);
    }
    let site = SITES.get(bare_host).or_else(|| {
        let (_, parent) = bare_host.split_once('.')?;
        SITES.get(format!("*.{parent}").as_str())
    });
    let domain = site.map_or(bare_host, |site| site.host);

    let (tail, fragment) = split_before(tail, '#');
    let (path, query) = split_before(tail, '?');
    let path = resolved(&escaped(without_session(path)));
    let query = query_without_tracking(query.strip_prefix('?').unwrap_or_default());

    let with_colon = |port: Option<u16>| port.map(|port| format!(":{port}")).unwrap_or_default();
    let mut display = format!("{shown_scheme}://{host}{}{path}", with_colon(shown_port));
    if !query.is_empty() {
        let _ = write!(display, "?{}", query.join("&"));
    }
    display.push_str(&escaped(fragment));

    let mut path = closed(without_index(&path));
    if site.is_some_and(|site| site.ignores_case) {
        // Escapes keep their capitals: `%C3` and `%c3` are one, and escaping would raise them again.
        path = escaped(&path.to_ascii_lowercase());
    }
    let mut query: Vec<String> = query.iter().map(|parameter| closed(parameter)).collect();
    query.sort_by(|left, right| name_of(left).cmp(name_of(right)));
    let mut canonical = format!("{domain}{}{path}", with_colon(port));
    if !query.is_empty() {
        let _ = write!(canonical, "?{}", query.join("&"));
    }
    let mut value = Normalized::valid(canonical)
        .with(Form::Display, display)
        .with(Form::Domain, domain)
        .with(Form::Path, path);
    if slip || first.contains([' ', '\\']) {
        value = value.doubting(Issue::Malformed);
    }
    if several {
        value = value.doubting(Issue::SeveralValues);
    }
    if is_never_public(domain) || is_ip_v4(domain) {
        value = value.doubting(Issue::BadDomain);
    }
    Ok(value)
}

/// Without quotes, brackets and punctuation around it.
fn unwrap(mut text: &str) -> &str {
    loop {
        let before = text;
        text = text.trim().trim_start_matches(['<', '"', '\'', '(', '[', '“', '«']);
        text = text.trim_end_matches(['>', '"', '\'', ',', ';', ']', '”', '»']);
        if text.ends_with(')') && !text.contains('(') {
            text = &text[..text.len() - 1];
        }
        for label in ["url:", "web:", "website:", "homepage:", "www:"] {
            if text.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)) {
                text = &text[label.len()..];
            }
        }
        if text == before {
            return text;
        }
    }
}

/// The first of several addresses, and whether there were more. White space within one is kept.
fn first_of(text: &str) -> (&str, bool) {
    for (at, c) in text.char_indices() {
        if at > 0 && matches!(c, ';' | ',' | '|' | ' ') {
            let rest = text[at + 1..].trim_start_matches([';', ',', '|', ' ', '/', '&']);
            let rest = rest.strip_prefix("and ").or(rest.strip_prefix("or ")).unwrap_or(rest);
            if starts_an_address(rest) {
                return (&text[..at], true);
            }
        }
    }
    (text, false)
}

/// Whether an address begins here rather than goes on.
fn starts_an_address(text: &str) -> bool {
    let head = text.split(['/', '?', '#', ' ', ';', ',', '|']).next().unwrap_or_default();
    // An escape must not hide now what is plain once the escape is undone.
    let plain = escaped(head);
    let begins = |with: &str| plain.get(..with.len()).is_some_and(|s| s.eq_ignore_ascii_case(with));
    begins("www.")
        || begins("http:")
        || begins("https:")
        || domain_to_ascii(head).is_some()
        || domain_to_ascii(&plain).is_some()
}

/// The scheme where there is one, what follows it, and whether its spelling was mended.
fn split_scheme(text: &str) -> Result<(Option<&'static str>, &str, bool), Issue> {
    if let Some(rest) = text.strip_prefix("//") {
        return Ok((None, rest.trim_start_matches('/'), rest.starts_with('/')));
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (word, rest) = text.split_at(letters);
    let scheme = match word.to_ascii_lowercase().as_str() {
        "http" => Some(("http", false)),
        "https" => Some(("https", false)),
        "ftp" => Some(("ftp", false)),
        "htp" | "htttp" | "hhttp" | "ttp" | "htpp" | "httpp" | "hppt" | "hxxp" => {
            Some(("http", true))
        }
        "htps" | "htttps" | "hhttps" | "ttps" | "htpps" | "httpss" | "httsp" | "hxxps" => {
            Some(("https", true))
        }
        _ => None,
    };
    let after_marks = rest.trim_start_matches([':', '/', ';', ' ']);
    let marks = &rest[..rest.len() - after_marks.len()];
    match scheme {
        // `http` without any mark after it begins a name: `httpbin.org`.
        Some((scheme, slip)) if marks.len() > 1 || marks == ":" => {
            let slip = slip || marks != "://";
            // A scheme may stand twice: `http://https://example.org`.
            let again = after_marks.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("http"));
            match if again { split_scheme(after_marks)? } else { (None, after_marks, false) } {
                (Some(inner), rest, _) => Ok((Some(inner), rest, true)),
                (None, rest, _) => Ok((Some(scheme), rest, slip)),
            }
        }
        _ if rest.starts_with("://") => Err(Issue::Malformed),
        _ if rest.starts_with(':') && !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
            Err(Issue::Malformed)
        }
        _ => Ok((None, text, false)),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Issue> {
    match authority.rsplit_once(':') {
        None => Ok((authority, None)),
        Some((name, "")) => Ok((name, None)),
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            port.parse().map(|port| (name, Some(port))).map_err(|_| Issue::Malformed)
        }
        Some(_) => Err(Issue::Malformed),
    }
}

fn host(name: &str) -> Result<String, Issue> {
    if is_ip_v4(name) {
        return Ok(name.to_owned());
    }
    domain_to_ascii(name).ok_or(Issue::BadDomain)
}

fn is_ip_v4(name: &str) -> bool {
    name.parse::<std::net::Ipv4Addr>().is_ok()
}

fn without_www(host: &str) -> &str {
    let mut host = host;
    while let Some(rest) = host.strip_prefix("www.")
        && rest.contains('.')
    {
        host = rest;
    }
    host
}

/// `text` before `sign`, and from `sign` on.
fn split_before(text: &str, sign: char) -> (&str, &str) {
    text.split_at(text.find(sign).unwrap_or(text.len()))
}

/// Without session ids that old servers write into paths: `/shop;jsessionid=1A`.
fn without_session(path: &str) -> &str {
    let at = path.match_indices(';').map(|(at, _)| at).find(|at| {
        path.get(at + 1..at + 12).is_some_and(|name| name.eq_ignore_ascii_case("jsessionid="))
    });
    at.map_or(path, |at| &path[..at])
}

/// Percent signs as RFC 3986 §6.2.2 wants them: unreserved characters plain, others in capitals,
/// what may not stand in a URL escaped.
fn escaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let decoded = match (byte, bytes.get(at + 1), bytes.get(at + 2)) {
            (b'%', Some(high), Some(low)) => hex(*high).zip(hex(*low)).map(|(h, l)| h << 4 | l),
            _ => None,
        };
        at += if decoded.is_some() { 3 } else { 1 };
        match decoded.unwrap_or(byte) {
            plain if plain.is_ascii_alphanumeric() || b"-._~".contains(&plain) => {
                out.push(plain as char);
            }
            sign if decoded.is_none() && b"/:@!$&'()*+,;=?#[]|".contains(&sign) => {
                out.push(sign as char);
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

/// With what may also stand around or between addresses escaped, so that nothing is cut off a
/// canonical form when it is read again.
fn closed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ';' | ',' | '|' | '\'' | '(' | ')' | '[' | ']') {
            let _ = write!(out, "%{:02X}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// Dot segments resolved, RFC 3986 §5.2.4.
fn resolved(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_owned();
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        segments.push("");
    }
    segments.iter().fold(String::new(), |path, segment| path + "/" + segment)
}

/// Without slashes and index pages at the end.
fn without_index(path: &str) -> &str {
    const INDEX_PAGES: [&str; 7] = [
        "index.html",
        "index.htm",
        "index.php",
        "index.jsp",
        "index.asp",
        "default.asp",
        "default.aspx",
    ];
    let mut path = path;
    loop {
        path = path.trim_end_matches('/');
        let (parent, page) = path.rsplit_once('/').unwrap_or_default();
        if !INDEX_PAGES.iter().any(|index| page.eq_ignore_ascii_case(index)) {
            return path;
        }
        path = parent;
    }
}

fn query_without_tracking(query: &str) -> Vec<String> {
    query
        .split('&')
        // Pages show `&` as `&amp;`, and people copy that.
        .map(|parameter| escaped(parameter.strip_prefix("amp;").unwrap_or(parameter)))
        .filter(|parameter| !parameter.is_empty() && !is_tracking(name_of(parameter)))
        .collect()
}

fn name_of(parameter: &str) -> &str {
    split_before(parameter, '=').0
}

fn is_tracking(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TRACKING.contains(name.as_str())
        || name
            .match_indices('_')
            .any(|(at, _)| at > 0 && TRACKING.contains(format!("{}*", &name[..=at]).as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sites_are_named_by_hosts_that_stand_for_themselves() {
        for (name, site) in SITES.iter() {
            let own = SITES.get(site.host).expect("a site's host is listed");
            assert_eq!((own.host, own.ignores_case), (site.host, site.ignores_case), "{name}");
        }
    }

    #[test]
    fn escapes_have_one_spelling() {
        assert_eq!(escaped("/%7euser/%c3%a9é%2f%zz "), "/~user/%C3%A9%C3%A9%2F%25zz%20");
        assert_eq!(escaped(&escaped("%%41%2541")), escaped("%%41%2541"));
    }

    fn laws(raw: &str) -> std::result::Result<(), TestCaseError> {
        let once = url(raw);
        prop_assert_eq!(&url(raw), &once);
        if let Some(canonical) = once.canonical() {
            let twice = url(canonical);
            prop_assert_eq!(twice.canonical(), Some(canonical), "of {:?}", raw);
            let display = once.form(Form::Display).unwrap();
            if closed(display) == display {
                let shown = url(display);
                prop_assert_eq!(shown.canonical(), Some(canonical), "shown, of {:?}", raw);
            }
            prop_assert!(canonical.starts_with(once.form(Form::Domain).unwrap()));
        } else {
            prop_assert!(!once.status().is_usable());
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
            raw in "[<\"]?(http:|HTTPS:|htp|ftp:|x:|mailto:)?[/\\\\]{0,3}(u:p@)?(www\\.|WWW\\.){0,2}(example\\.org|twitter\\.com|de-de\\.facebook\\.com|www|münchen\\.de|1\\.2\\.3\\.4|test\\.com)(:80|:443|:8080|:)?(/([./;A%2eEfF é]{0,3}|index\\.html|\\.\\.|;jsessionid=1)){0,4}/?([?](utm_a=1|b=%41|amp;a|[=&A-b]){0,5})?(#[a%/?]{0,3})?[,; ]{0,2}(www\\.foo\\.de|foo)?"
        ) {
            laws(&raw)?;
        }
    }
}
