//! Any text as a value of any kind: never a panic, and a canonical form is its own canonical form.
//!
//! The first byte picks the kind (`a` is the first of [`Kind::ALL`]), the second the context (`a`
//! is the default one), and the rest is the value.

#![no_main]

use cdm_core::Kind;
use cdm_core::normalize::{Context, Form, date_order, nickname_classes, phonetic_codes, value};
use cdm_core::schema::DateOrder;
use libfuzzer_sys::{Corpus, fuzz_target};

const REGIONS: [Option<&str>; 13] = [
    None,
    Some("DE"),
    Some("US"),
    Some("GB"),
    Some("FR"),
    Some("NL"),
    Some("ES"),
    Some("IT"),
    Some("BR"),
    Some("IE"),
    Some("JP"),
    Some("PL"),
    Some("ZZ"),
];
const ORDERS: [Option<DateOrder>; 3] =
    [None, Some(DateOrder::DayFirst), Some(DateOrder::MonthFirst)];
const YEARS: [u16; 4] = [2029, 1999, 0, u16::MAX];

fn context(pick: u8) -> Context {
    let pick = usize::from(pick.wrapping_sub(b'a'));
    let (region, pick) = (REGIONS[pick % REGIONS.len()], pick / REGIONS.len());
    let (order, pick) = (ORDERS[pick % ORDERS.len()], pick / ORDERS.len());
    Context {
        region: region.map(str::to_owned),
        date_order: order,
        latest_two_digit_year: YEARS[pick % YEARS.len()],
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let [kind, pick, rest @ ..] = data else { return Corpus::Reject };
    let Ok(raw) = std::str::from_utf8(rest) else { return Corpus::Reject };
    let kind = Kind::ALL[usize::from(kind.wrapping_sub(b'a')) % Kind::ALL.len()];
    let context = context(*pick);

    let once = value(kind, raw, &context);
    assert_eq!(once.status().is_usable(), once.canonical().is_some(), "{kind} {raw:?}");
    if let Some(canonical) = once.canonical() {
        let twice = value(kind, canonical, &context);
        assert_eq!(twice.canonical(), Some(canonical), "{kind} of {raw:?}, {context:?}");
    }
    for (form, text) in once.forms() {
        assert_eq!(text.trim(), text, "{kind} of {raw:?}: {form}");
        assert!(!text.contains(char::is_control), "{kind} of {raw:?}: {form} is {text:?}");
    }
    if let Some(ascii) = once.form(Form::Ascii) {
        let plain = |b: u8| b == b' ' || b.is_ascii_lowercase() || b.is_ascii_digit();
        assert!(ascii.bytes().all(plain), "{kind} of {raw:?}: {ascii:?}");
    }
    assert!(serde_json::from_str::<serde_json::Value>(&once.to_json()).is_ok());

    let _ = (nickname_classes(raw), phonetic_codes(raw), date_order([(raw, 1)]));
    Corpus::Keep
});
