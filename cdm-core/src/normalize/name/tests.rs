use proptest::prelude::*;

use super::*;

fn laws(normalise: fn(&str) -> Normalized, raw: &str) -> Result<(), TestCaseError> {
    let value = normalise(raw);
    prop_assert_eq!(&normalise(raw), &value);
    prop_assert_eq!(value.status().is_usable(), value.canonical().is_some());
    if let Some(canonical) = value.canonical() {
        let again = normalise(canonical);
        prop_assert!(again.status().is_usable(), "{:?} became {:?}", canonical, again);
        prop_assert_eq!(again.canonical(), Some(canonical));
        prop_assert_eq!(value.form(Form::Ascii).unwrap_or_default(), ascii(canonical));
    }
    Ok(())
}

fn every_law(raw: &str) -> Result<(), TestCaseError> {
    laws(given_name, raw)?;
    laws(family_name, raw)?;
    laws(full_name, raw)
}

/// Words and punctuation that the lists know, put together at random.
fn mess() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "John",
        "SMITH",
        "smith",
        "Jr.",
        "JR",
        "J.R.",
        "J.",
        "III",
        "PhD",
        "Ph.",
        "D.",
        "M.D.",
        "MA",
        "V",
        "Dr.",
        "Dr. med.",
        "h.c.",
        "Mr",
        "Herr",
        "Prof.Dr.",
        "Sir",
        "Lord",
        "Pastor",
        "Major",
        "Don",
        "van",
        "VAN",
        "den",
        "Berg",
        "de",
        "la",
        "García",
        "GARCÍA",
        "López",
        "y",
        "e",
        "Mc",
        "Mac",
        "Donald",
        "O'",
        "O’Brien",
        "'t",
        "Hart",
        "María",
        "del",
        "Carmen",
        "José",
        "Nguyen",
        "Van",
        "Minh",
        "(Kate)",
        "\"Bill\"",
        "'Bob'",
        "(née Li)",
        "[III]",
        "née",
        "geb.",
        "born",
        "aka",
        "and",
        "und",
        "en",
        "&",
        "/",
        ",",
        ",",
        "-",
        "–",
        "*",
        "?",
        "王",
        "小明",
        "王小明",
        "山田",
        "さん",
        "先生",
        "ジョン・スミス",
        "김철수",
        "님",
        "·",
        "test",
        "xxx",
        "Vorname",
        "n/a",
        "Ltd",
        "GmbH",
        "AG",
        "S.A.",
        "Iван",
        "ß",
        "ﬁ",
        "Ａ",
        "s/o",
        "c/o",
        "3rd",
        "007",
        "jun.",
        "Sen",
        "Neto",
        "(",
        ")",
        "\"",
        ".",
        "..",
        "‘",
        "’",
        "\u{301}",
    ]);
    prop::collection::vec((word, prop::sample::select(vec![" ", " ", " ", "", ", "])), 1..8)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_obeys_the_laws(raw in any::<String>()) {
        every_law(&raw)?;
    }

    #[test]
    fn a_mess_of_name_words_obeys_the_laws(raw in mess()) {
        every_law(&raw)?;
    }

    #[test]
    fn names_obey_the_laws(raw in "[A-Za-zÀ-ž' .,()\"&/-]{0,40}") {
        every_law(&raw)?;
    }

    #[test]
    fn the_order_of_a_plain_name_does_not_matter(given in "[A-Z][a-z]{4,9}", family in "[A-Z][a-z]{4,9}") {
        let names = [format!("{given} {family}"), format!("{family}, {given}"), format!("{given} {}", family.to_uppercase())];
        let plain = full_name(&names[0]);
        for name in &names[1..] {
            let value = full_name(name);
            prop_assert_eq!(value.canonical(), plain.canonical());
        }
    }
}

#[test]
fn what_is_huge_is_too_long_and_not_slow() {
    for text in ["x ".repeat(1 << 20), "((".repeat(1 << 16), "é".repeat(1 << 18), "J.".repeat(5000)]
    {
        for normalise in [given_name, family_name, full_name] {
            assert_eq!(normalise(&text).status(), Status::Unusable);
        }
    }
    assert_eq!(given_name(&" ".repeat(1 << 20)).status(), Status::Missing);
}
