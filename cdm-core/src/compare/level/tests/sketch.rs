use super::*;
use crate::compare::{Sketched, SketchedComparison, Sketcher};

/// Comparisons of these fields, and of each field the values that two records may have.
fn comparisons() -> impl Strategy<Value = (Comparison, Vec<Kind>)> {
    let several = [
        (Comparison::person_names("x", "y")[0].clone(), vec![Kind::GivenName, Kind::FamilyName]),
        (Comparison::person_names("x", "y")[1].clone(), vec![Kind::FamilyName, Kind::GivenName]),
        (
            Comparison::place(&[(Kind::Postcode, "x"), (Kind::City, "y"), (Kind::Region, "z")]),
            vec![Kind::Postcode, Kind::City, Kind::Region],
        ),
        (
            Comparison::address("x", &[(Kind::Postcode, "y"), (Kind::City, "z")]),
            vec![Kind::Address, Kind::Postcode, Kind::City],
        ),
    ];
    prop_oneof![
        4 => kinds().prop_map(|kind| (Comparison::template(kind, "x"), vec![kind])),
        3 => prop::sample::select(several.to_vec()),
    ]
}

fn records(kinds: &[Kind]) -> impl Strategy<Value = Vec<Vec<Prepared>>> + use<> {
    kinds.iter().map(|kind| values(*kind)).collect::<Vec<_>>()
}

fn sketch(sketcher: &Sketcher, value: &Prepared) -> Vec<u64> {
    let mut sketch = vec![0; sketcher.width()];
    sketcher.sketch(value, &mut sketch);
    sketch
}

/// The level by sketches.
fn quick(comparison: &Comparison, left: &[Vec<Prepared>], right: &[Vec<Prepared>]) -> Option<u8> {
    let mut sketcher = Sketcher::default();
    // What another comparison notes of the same values does not matter.
    let _ = SketchedComparison::new(&Comparison::template(Kind::FullName, "x"), &mut sketcher);
    let comparison = SketchedComparison::new(comparison, &mut sketcher);
    let sketches = |record: &[Vec<Prepared>]| -> Vec<Vec<Vec<u64>>> {
        let of_field =
            |values: &Vec<Prepared>| values.iter().map(|value| sketch(&sketcher, value)).collect();
        record.iter().map(of_field).collect()
    };
    let (of_left, of_right) = (sketches(left), sketches(right));
    fn joined<'v>(
        record: &'v [Vec<Prepared>],
        sketches: &'v [Vec<Vec<u64>>],
    ) -> Vec<Vec<Sketched<'v>>> {
        let fields = record.iter().zip(sketches);
        let field = |(values, sketches): (&'v Vec<Prepared>, &'v Vec<Vec<u64>>)| {
            let values = values.iter().zip(sketches);
            values.map(|(value, sketch)| Sketched { value, sketch }).collect()
        };
        fields.map(field).collect()
    }
    let (left, right) = (joined(left, &of_left), joined(right, &of_right));
    let left: Vec<&[Sketched<'_>]> = left.iter().map(Vec::as_slice).collect();
    let right: Vec<&[Sketched<'_>]> = right.iter().map(Vec::as_slice).collect();
    let level = comparison.compare(&left, &right);
    if left.iter().chain(&right).all(|values| values.len() <= 1) {
        let single = |record: &[&[Sketched<'_>]], level: &dyn Fn(&[Option<Sketched<'_>>])| {
            level(&record.iter().map(|values| values.first().copied()).collect::<Vec<_>>());
        };
        single(&left, &|left| {
            single(&right, &|right| assert_eq!(comparison.compare_single(left, right, 0), level));
        });
    }
    level
}

/// The level by the values alone.
fn plain(comparison: &Comparison, left: &[Vec<Prepared>], right: &[Vec<Prepared>]) -> Option<u8> {
    let left: Vec<Vec<&Prepared>> = left.iter().map(|values| values.iter().collect()).collect();
    let right: Vec<Vec<&Prepared>> = right.iter().map(|values| values.iter().collect()).collect();
    let left: Vec<&[&Prepared]> = left.iter().map(Vec::as_slice).collect();
    let right: Vec<&[&Prepared]> = right.iter().map(Vec::as_slice).collect();
    comparison.compare(&left, &right)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn sketches_change_no_level(
        (comparison, left, right) in comparisons().prop_flat_map(|(comparison, kinds)| {
            (Just(comparison), records(&kinds), records(&kinds))
        })
    ) {
        prop_assert_eq!(quick(&comparison, &left, &right), plain(&comparison, &left, &right));
    }

    #[test]
    fn sketches_rule_out_no_condition_that_holds(
        left in "[abcde é]{0,12}", right in "[abcde é]{0,12}",
        length in 0_u8..6, edits in 0_u8..4, at_least in 0.05_f64..1.0
    ) {
        let form = crate::normalize::Form::Canonical;
        let conditions = [
            Condition::Same { form, min_length: length },
            Condition::Compatible { form },
            Condition::SameLetters,
            Condition::SameWords,
            Condition::WordsWithin { at_least: length, min_length: 2 },
            Condition::TokenJaccard { at_least },
            Condition::MongeElkan { at_least },
            Condition::JaroWinkler { form, at_least, min_length: length },
            Condition::Osa { form, at_most: edits, min_length: length },
            Condition::Prefix { form, length },
            Condition::Last { form, length },
        ];
        let (left, right) = (prepared(Kind::Text, &left), prepared(Kind::Text, &right));
        let (left, right): (Vec<_>, Vec<_>) = (left.into_iter().collect(), right.into_iter().collect());
        for when in conditions {
            let levels = vec![Level { label: "x".to_owned(), when, counted_elsewhere: false }];
            let comparison =
                Comparison { name: "x".to_owned(), fields: vec!["x".to_owned()], levels };
            let (left, right) = (std::slice::from_ref(&left), std::slice::from_ref(&right));
            prop_assert_eq!(
                quick(&comparison, left, right), plain(&comparison, left, right), "{:?}", comparison
            );
        }
    }
}
