//! Names of companies and other bodies.

mod legal;
mod tokens;
mod words;

use unicode_normalization::{IsNormalized, is_nfc_quick};

use self::tokens::{Token, is_lost_apostrophe, join_letters, joined, tokens, without_entities};
use super::placeholder::is_placeholder;
use super::text::{ascii, clean, fold, has_invisible, is_mojibake, is_of_symbols};
use super::{Form, Issue, Normalized};

/// Longer names than any register holds, in characters.
const MAX_CHARS: usize = 200;

/// Name of a company, school, restaurant or other body.
///
/// # Forms
/// - canonical: folded words with single spaces and no punctuation: `&`, `+`, `und`, `et`, `y`, `en`
///   are `and`; apostrophes are left out (`mcdonalds`); abbreviations are made equal (`Intl` and
///   `International`; where one could stand for two words, as `St` for *Saint* and *Street*, all three
///   are made `st`); letters parted by dots or spaces are put together (`jp morgan`); an article at the
///   front is left out where it surely is one, `The` also at the end; the legal form stands at the
///   end in one spelling: `acme gmbh`. Numbers of stores and branches stay.
/// - base: canonical without the legal form, never empty. `Co`, `& Co` and `Company` count as one.
/// - ascii: base transliterated.
/// - legal_form: the legal form, where one is recognised; of several (`Co., Inc.`) the last. More than
///   200 forms of 60 countries are known, before the name (`SARL Dupont`, `ООО Ромашка`,
///   `株式会社トヨタ`), behind it or, where it can be nothing else, within it (`Acme GmbH, Berlin`).
///   Forms that are also words need dots (`P.A.`) or another neighbour (`Day Spa`).
/// - alias: the base of a name after `dba`, `t/a`, `formerly`, `vormals` and the like, or an acronym in
///   brackets (`International Business Machines (IBM)`); may occur several times.
///
/// # Issues
/// Unusable: `placeholder` (also `self-employed`, `Privatperson` and the like), `no_content`. Doubtful:
/// `too_long`, `mojibake` (not mended). Remark: `mojibake` beside a valid status where only an
/// apostrophe was lost (`Children?s`), `control_characters`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, organisation};
/// let name = organisation("The Müller & Söhne Intl. G.m.b.H.");
/// assert_eq!(name.canonical(), Some("müller and sohn international gmbh"));
/// assert_eq!(name.form(Form::Base), Some("müller and sohn international"));
/// assert_eq!(name.form(Form::LegalForm), Some("gmbh"));
/// assert_eq!(organisation("apple pan  the").canonical(), organisation("The Apple Pan").canonical());
/// ```
#[must_use]
pub fn organisation(raw: &str) -> Normalized {
    let cleaned = clean(raw);
    if cleaned.is_empty() {
        return Normalized::missing();
    }
    if is_of_symbols(&cleaned) {
        return Normalized::unusable(Issue::NoContent);
    }
    if is_placeholder(&cleaned) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let folded = folded(&cleaned);
    let parts = Parts::of(&folded);
    let Some(mut name) = Name::of(parts.name, parts.form) else {
        return Normalized::unusable(Issue::NoContent);
    };
    // Leaving out words brings others together, to be read anew, as leaving out signs does marks and
    // the letters of a Korean syllable; plain names need no second look.
    let composes = |text: &str| !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes;
    if name.moved || parts.left_out || composes(&name.canonical) {
        name = settled(name);
    }
    if is_placeholder(&name.canonical) || words::is_dummy(&name.canonical) {
        return Normalized::unusable(Issue::Placeholder);
    }
    let mut value = Normalized::valid(name.canonical)
        .with(Form::Ascii, ascii(&name.base))
        .with(Form::LegalForm, name.form.unwrap_or_default())
        .with(Form::Base, name.base);
    for alias in parts.aliases {
        if let Some(alias) = Name::of(alias, None) {
            value = value.with(Form::Alias, alias.base);
        }
    }
    if cleaned.chars().nth(MAX_CHARS).is_some() {
        value = value.doubting(Issue::TooLong);
    }
    if is_mojibake(&cleaned) {
        value = value.doubting(Issue::Mojibake);
    } else if folded.char_indices().any(|(at, c)| is_lost_apostrophe(&folded, at, c)) {
        value = value.noting(Issue::Mojibake);
    }
    if has_invisible(raw) { value.noting(Issue::ControlCharacters) } else { value }
}

/// The name that a name comes to when it is read again and again, which then stays itself.
fn settled(mut name: Name) -> Name {
    let mut before: Vec<Name> = Vec::new();
    // Words only go, so few readings are needed.
    for _ in 0..32 {
        let parts = Parts::of(&fold(&name.canonical));
        let Some(again) = Name::of(parts.name, parts.form) else { break };
        if again.canonical == name.canonical {
            break;
        }
        if let Some(round) = before.iter().position(|name| name.canonical == again.canonical) {
            // Words that are nothing but legal forms (`PT PT CV PT`) change places for ever: the first
            // of the round in the alphabet is the same wherever the round was entered.
            return before.drain(round..).fold(name, |first, other| {
                if other.canonical < first.canonical { other } else { first }
            });
        }
        before.push(std::mem::replace(&mut name, again));
    }
    name
}

/// Folded, with signs that are no part of the name left out.
fn folded(cleaned: &str) -> String {
    let plain = without_entities(cleaned);
    if plain.is_ascii() {
        return fold(&plain);
    }
    // Before folding, which would make `tm` of a trade mark.
    fold(&plain.replace(['™', '®', '©', '℠', '℗'], " "))
}

/// A folded name taken apart.
struct Parts {
    name: Vec<Token>,
    aliases: Vec<Vec<Token>>,
    /// A legal form in a script without spaces.
    form: Option<&'static str>,
    /// Brackets, or another name and the word that announces it, were left out, so that what was
    /// around them may be read anew.
    left_out: bool,
}

impl Parts {
    fn of(folded: &str) -> Self {
        let (mut rest, form) = match legal::split_unspaced(folded) {
            Some((rest, form)) => (rest, Some(form)),
            None => (folded, None),
        };
        let mut name = Vec::new();
        let mut aliases = Vec::new();
        let mut left_out = false;
        // What stands in brackets is another name, or an acronym, or part of the name.
        while let Some((before, inside, after)) = bracket(rest) {
            name.extend(tokens(before));
            let mut inner = tokens(inside);
            match words::find_alias_marker(&inner) {
                Some((0, words)) if inner.len() > words && !name.is_empty() => {
                    aliases.push(inner.split_off(words));
                }
                _ if inner.len() == 1 && words::are_initials(&inner[0].text, &name) => {
                    aliases.push(inner);
                }
                _ => name.extend(inner),
            }
            rest = after;
            left_out = true;
        }
        name.extend(tokens(rest));
        join_letters(&mut name);
        while let Some((at, words)) = words::find_alias_marker(&name) {
            // With nothing else around it, it is the name.
            if words == name.len() {
                break;
            }
            let alias = name.split_off(at + words);
            name.truncate(at);
            left_out = true;
            if name.is_empty() {
                name = alias;
            } else if !alias.is_empty() {
                let next = words::find_alias_marker(&alias);
                let (end, words) = next.unwrap_or((alias.len(), 0));
                let mut alias = alias;
                let further = alias.split_off(end);
                aliases.push(alias);
                if further.len() > words {
                    aliases.push(further[words..].to_vec());
                }
            }
        }
        Self { name, aliases, form, left_out }
    }
}

/// The first bracketed part of a text: what is before it, in it and after it.
fn bracket(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find(['(', '['])?;
    let close = open + text[open..].find([')', ']'])?;
    Some((&text[..open], &text[open + 1..close], &text[close + 1..]))
}

/// One name, normalised.
struct Name {
    canonical: String,
    base: String,
    form: Option<&'static str>,
    /// Words were left out or moved, so that those around them may be read anew.
    moved: bool,
}

impl Name {
    /// `None` where there is no word.
    fn of(mut tokens: Vec<Token>, unspaced: Option<&'static str>) -> Option<Self> {
        let words_given = tokens.len();
        words::drop_articles(&mut tokens);
        words::unify_and(&mut tokens);
        let legal::Split { base: mut tokens, mut forms } = legal::split(tokens);
        words::drop_articles(&mut tokens);
        join_letters(&mut tokens);
        words::unify_words(&mut tokens);
        forms.extend(unspaced);
        let base = joined(&tokens);
        if base.is_empty() {
            return None;
        }
        let mut canonical = base.clone();
        for form in &forms {
            canonical.push(' ');
            canonical.push_str(form);
        }
        // One form at the end and nothing else gone: read again it is the same.
        let moved = forms.len() > 1 || unspaced.is_some() || tokens.len() != words_given;
        Some(Self { canonical, base, form: forms.last().copied(), moved })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base(raw: &str) -> String {
        organisation(raw).form(Form::Base).unwrap_or_default().to_owned()
    }

    #[test]
    fn spellings_of_one_name_have_one_base() {
        for names in [
            &["Acme, Inc.", "ACME INCORPORATED", "The Acme Corp", "Acme Company", "Acme"][..],
            &["Müller GmbH & Co. KG", "Müller G.m.b.H. & Co KG", "MÜLLER GMBH U. CO. KG", "Müller"],
            &["Firma Nowak Sp. z o.o.", "Nowak sp.z o.o.", "Nowak Spółka z o.o."],
            &["トヨタ自動車株式会社", "株式会社トヨタ自動車", "㈱トヨタ自動車", "トヨタ自動車"],
            &["ООО «Ромашка»", "Ромашка"],
            &["SARL Dupont Frères", "Dupont Freres S.A.R.L.", "Dupont Frères"],
            &["Silva e Filhos Ltda.", "SILVA & FILHOS LTDA"],
        ] {
            for name in names {
                assert_eq!(base(name), base(names[0]), "{name}");
            }
        }
    }

    #[test]
    fn a_form_is_found_where_another_name_stood_behind_it() {
        for raw in [
            "ACME 株式会社",
            "ACME 株式会社 (formerly Old)",
            "ACME 株式会社 ( )",
            "ACME 株式会社 (A)",
        ] {
            let name = organisation(raw);
            assert_eq!(name.form(Form::LegalForm).is_some(), !raw.ends_with("(A)"), "{raw}");
            laws(raw).unwrap();
        }
    }

    #[test]
    fn forms_that_change_places_come_to_rest() {
        for raw in ["PT PT cv PT", "cv PT PT PT", "PT cv PT PT"] {
            assert_eq!(organisation(raw).canonical(), Some("cv pt pt pt"), "{raw}");
            laws(raw).unwrap();
        }
    }

    #[test]
    fn what_an_apostrophe_parted_is_composed() {
        assert_eq!(organisation("ㅅ'\u{ffc2}").canonical(), Some("사"));
        laws("ㅅ'\u{ffc2}").unwrap();
    }

    fn laws(raw: &str) -> std::result::Result<(), TestCaseError> {
        let once = organisation(raw);
        prop_assert_eq!(&organisation(raw), &once);
        if let Some(canonical) = once.canonical() {
            let twice = organisation(canonical);
            prop_assert_eq!(twice.canonical(), Some(canonical), "of {:?}", raw);
            prop_assert!(once.form(Form::Base).is_some_and(|base| canonical.starts_with(base)));
        } else {
            prop_assert!(!once.status().is_usable());
        }
        Ok(())
    }

    /// Words that the rules are about.
    fn word() -> impl Strategy<Value = String> {
        let words = "The the, le la Die & und e y en + Acme Müller 12 a B S. p.A. GmbH G.m.b.H. Co. co KG Inc. inc \
            Limited Ltd Company Corp AG mbH z o.o. sp. s r. A/S Pty Pvt Private d/b/a formerly t/a ta as trading (IBM) \
            (formerly old) [x ) Intl St. Saint spa S.p.A. day 株式会社 トヨタ (株) ООО SARL PT de cv rl Ltda Filhos N.A. \
            unknown Test ? Children?s ™ &amp; O'Neil haftungsbeschränkt Oy Ab Sdn Bhd limited liability Spółka";
        proptest::sample::select(words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn the_laws_hold_for_any_text(raw in any::<String>()) {
            laws(&raw)?;
        }

        #[test]
        fn the_laws_hold_for_words_of_names(
            words in proptest::collection::vec((word(), "[ ]?[ ,]{0,1}[ ]"), 1..7)
        ) {
            laws(&words.iter().flat_map(|(word, gap)| [word.as_str(), gap.as_str()]).collect::<String>())?;
        }
    }
}
