//! Finding the address in what was written into a cell.

use super::syntax::{self, Address};
use crate::normalize::Issue;

/// The address taken from a cell.
pub(super) struct Candidate {
    pub(super) address: Address,
    /// White space around the `@` was left out.
    pub(super) spaced: bool,
    /// The cell holds more than this address.
    pub(super) several: bool,
}

/// The first valid address of a cleaned cell, or what is wrong with the only one.
pub(super) fn find(cell: &str) -> Result<Candidate, Issue> {
    let cell = half_width(cell);
    let cell = unwrapped(&cell);
    if let Some(found) = in_angle_brackets(cell) {
        return found;
    }
    let cell = without_comment(cell);
    match at_signs(cell).count() {
        0 => Err(Issue::NoAtSign),
        1 => one(cell),
        _ => several(cell),
    }
}

/// The full-width letters and signs of East Asian keyboards as their ASCII twins.
fn half_width(cell: &str) -> std::borrow::Cow<'_, str> {
    let wide = |c: char| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{fe6b}');
    if !cell.contains(wide) {
        return cell.into();
    }
    cell.chars()
        .map(|c| match c {
            '\u{fe6b}' => '@',
            c if wide(c) => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            c => c,
        })
        .collect()
}

/// Without a scheme or label before it, and quotes, brackets and punctuation on both sides.
fn unwrapped(mut cell: &str) -> &str {
    loop {
        let before = cell;
        cell = cell.trim();
        for label in ["mailto:", "e-mail:", "email:", "mail:"] {
            if cell.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)) {
                cell = &cell[label.len()..];
                // A link may carry a subject: `mailto:a@example.org?subject=...`.
                if label == "mailto:" {
                    cell = cell.split('?').next().unwrap_or(cell);
                }
            }
        }
        cell = cell
            .trim_end_matches([',', ';', ':', '.', '|', '!'])
            .trim_start_matches([',', ';', ':', '|']);
        for (open, close) in [
            ('"', '"'),
            ('\'', '\''),
            ('“', '”'),
            ('„', '“'),
            ('«', '»'),
            ('‘', '’'),
            ('(', ')'),
            ('[', ']'),
            ('{', '}'),
        ] {
            if let Some(inner) = cell.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
                && inner.contains('@')
                && !inner.contains([open, close])
            {
                cell = inner;
            }
        }
        if cell == before {
            return cell;
        }
    }
}

/// `Name <a@example.org>`, also several of them; the outcome for the first that is valid.
fn in_angle_brackets(cell: &str) -> Option<Result<Candidate, Issue>> {
    let mut outcome: Option<Result<Candidate, Issue>> = None;
    let mut addresses = 0;
    for part in cell.split('<').skip(1) {
        let inner = unwrapped(part.split('>').next().unwrap_or(part));
        if !inner.contains('@') {
            continue;
        }
        addresses += 1;
        if !matches!(outcome, Some(Ok(_))) {
            let found = if at_signs(inner).count() == 1 { one(inner) } else { several(inner) };
            if found.is_ok() || outcome.is_none() {
                outcome = Some(found);
            }
        }
    }
    outcome.map(|found| {
        found
            .map(|candidate| Candidate { several: candidate.several || addresses > 1, ..candidate })
    })
}

/// Without a comment at the end, as in `a@example.org (Anna)`.
fn without_comment(cell: &str) -> &str {
    match cell.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((address, comment)) if address.contains('@') && !comment.contains('@') => {
            address.trim_end()
        }
        _ => cell,
    }
}

/// A cell with one `@`.
fn one(cell: &str) -> Result<Candidate, Issue> {
    let Some(at) = at_signs(cell).next() else { return Err(Issue::NoAtSign) };
    let (local, domain) = (&cell[..at], &cell[at + 1..]);
    let (bare_local, bare_domain) = (local.trim_end(), domain.trim_start());
    let spaced = bare_local.len() < local.len() || bare_domain.len() < domain.len();
    match syntax::address(bare_local, bare_domain) {
        Ok(address) => Ok(Candidate { address, spaced, several: false }),
        // Something else may stand beside the address: `a@example.org; 555-0100`.
        Err(issue) => {
            let mut parts = cell.split([';', '|']).flat_map(|part| part.split(", "));
            match parts.find(|part| part.contains('@')) {
                Some(part) if part.len() < cell.len() => {
                    let found = one(unwrapped(part)).map_err(|_| issue)?;
                    Ok(Candidate { several: true, ..found })
                }
                _ => Err(issue),
            }
        }
    }
}

/// A cell with several `@`: the first valid address of it, where its parts can be told apart.
fn several(cell: &str) -> Result<Candidate, Issue> {
    let parts = |separators: &'static [char]| {
        cell.split(separators).map(unwrapped).filter(|part| part.contains('@'))
    };
    // White space separates last, since it may also be a slip within an address.
    for separators in [&[';', ',', '|'][..], &[';', ',', '|', '/', ' '][..]] {
        let mut found: Option<Candidate> = None;
        let mut other = false;
        for part in parts(separators) {
            let taken = if at_signs(part).count() == 1 { one(part).ok() } else { None };
            match (&found, taken) {
                (None, Some(candidate)) => found = Some(candidate),
                (Some(first), Some(candidate)) if first.address.is_like(&candidate.address) => {}
                _ => other = true,
            }
        }
        if let Some(candidate) = found
            && parts(separators).nth(1).is_some()
        {
            return Ok(Candidate { several: candidate.several || other, ..candidate });
        }
    }
    Err(Issue::NoAtSign)
}

/// Where the `@` signs outside a quoted local part are.
fn at_signs(cell: &str) -> impl Iterator<Item = usize> {
    let mut quoted = false;
    cell.char_indices().filter_map(move |(at, c)| {
        if c == '"' {
            quoted = !quoted;
        }
        (c == '@' && !quoted).then_some(at)
    })
}
