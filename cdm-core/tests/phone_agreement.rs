//! Phone numbers agree with the numbering plans' own library on numbers of thirty countries.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cdm_core::normalize::{Context, Form, Issue, Status, phone};
use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    #[allow(dead_code)] // for the reader of the file
    definition: String,
    numbers: Vec<Number>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    region: String,
    input: String,
}

#[test]
fn canonical_form_and_validity_are_those_of_the_library() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/phone_200.json");
    let list: Numbers = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(list.numbers.len(), 200);
    let regions: BTreeSet<_> = list.numbers.iter().map(|number| &number.region).collect();
    assert_eq!(regions.len(), 30);

    let (mut valid, mut invalid) = (0, 0);
    for Number { region, input } in &list.numbers {
        let wanted = PHONE_NUMBER_UTIL.parse(input, region.parse::<Region>().ok()).unwrap();
        let e164 = PHONE_NUMBER_UTIL.format(&wanted, PhoneNumberFormat::E164);
        let context = Context { region: Some(region.clone()), ..Context::default() };
        let got = phone(input, &context);
        if wanted.is_valid() {
            valid += 1;
            assert_eq!(got.status(), Status::Valid, "{region} {input}");
            assert_eq!(got.canonical(), Some(e164.as_ref()), "{region} {input}");
            let national = wanted.get_national_significant_number();
            assert_eq!(got.form(Form::National), Some(national.as_str()), "{region} {input}");
            let country = wanted.get_region_code().map(|region| region.to_string());
            assert_eq!(got.form(Form::Country), country.as_deref(), "{region} {input}");
        } else {
            invalid += 1;
            assert_ne!(got.status(), Status::Valid, "{region} {input}");
            if wanted.is_possible_with_reason() == Ok(NumberLengthType::IsPossible) {
                assert_eq!(got.canonical(), Some(e164.as_ref()), "{region} {input}");
                assert!(got.issues().contains(Issue::NotAssigned), "{region} {input}");
            }
        }
    }
    assert!(valid >= 150 && invalid >= 10, "{valid} valid, {invalid} not");
}
