use super::*;
use crate::compare::{Pairs, Sketched, SketchedComparison, Sketcher};

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

/// Of each field the first value.
fn firsts<'v>(record: &[&[Sketched<'v>]]) -> Vec<Option<Sketched<'v>>> {
    record.iter().map(|values| values.first().copied()).collect()
}

/// The level by sketches.
fn quick(comparison: &Comparison, left: &[Vec<Prepared>], right: &[Vec<Prepared>]) -> Option<u8> {
    let mut sketcher = Sketcher::default();
    // What another comparison notes of the same values does not matter.
    let _ = SketchedComparison::new(&Comparison::template(Kind::FullName, "x"), &mut sketcher);
    let mut comparison = SketchedComparison::new(comparison, &mut sketcher);
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
        // So is it where many pairs are looked at together, and all have a value in each field.
        let together = |comparison: &SketchedComparison, skip: usize| {
            let sides = of_left.iter().zip(&of_right);
            let all: Option<Vec<Vec<u64>>> =
                sides.map(|(l, r)| Some([l.first()?.as_slice(), r.first()?].concat())).collect();
            let Some(all) = all else { return };
            let starts = [[0; 3], [sketcher.width(); 3]];
            let of_field = |sketches| Pairs { sketches, left: &starts[0], right: &starts[1] };
            let pairs: Vec<Pairs<'_>> = all.iter().map(|all| of_field(&all[..])).collect();
            let mut open = [0; 3];
            comparison.open_all(&pairs, skip, &mut open);
            for open in open {
                let known = match open {
                    0 => Some(comparison.last_level()),
                    open => comparison.level_of_open(open, &firsts(&left), &firsts(&right)),
                };
                assert_eq!(known, level);
            }
        };
        together(&comparison, 0);
        // As many levels as are known not to hold may be left out.
        for skip in 1..=usize::from(level.unwrap_or_default()) {
            comparison.begin_after(skip);
            together(&comparison, skip);
            single(&left, &|left| {
                single(&right, &|right| {
                    assert_eq!(comparison.compare_single(left, right, skip), level);
                });
            });
            if let ([[left]], [[right]]) = (&left[..], &right[..]) {
                assert_eq!(Some(comparison.compare_two(*left, *right, skip)), level);
            }
        }
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

/// Conditions on two texts, of every sort that sketches tell something of.
fn conditions(length: u8, edits: u8, at_least: f64) -> [Condition; 11] {
    let form = crate::normalize::Form::Canonical;
    [
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
    ]
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
        let (left, right) = (prepared(Kind::Text, &left), prepared(Kind::Text, &right));
        let (left, right): (Vec<_>, Vec<_>) = (left.into_iter().collect(), right.into_iter().collect());
        for when in conditions(length, edits, at_least) {
            let levels = vec![Level { label: "x".to_owned(), when, counted_elsewhere: false }];
            let comparison =
                Comparison { name: "x".to_owned(), fields: vec!["x".to_owned()], levels };
            let (left, right) = (std::slice::from_ref(&left), std::slice::from_ref(&right));
            prop_assert_eq!(
                quick(&comparison, left, right), plain(&comparison, left, right), "{:?}", comparison
            );
        }
    }

    #[test]
    fn sketches_rule_out_no_condition_on_long_texts_that_holds(
        (left, right) in (252_usize..260, 252_usize..260), length in 252_u8..=255, edits in 0_u8..4
    ) {
        let value = |letters| prepared(Kind::Text, &"a".repeat(letters)).into_iter().collect();
        let (left, right): (Vec<_>, Vec<_>) = (value(left), value(right));
        for when in conditions(length, edits, 0.9) {
            let levels = vec![Level { label: "x".to_owned(), when, counted_elsewhere: false }];
            let comparison =
                Comparison { name: "x".to_owned(), fields: vec!["x".to_owned()], levels };
            let (left, right) = (std::slice::from_ref(&left), std::slice::from_ref(&right));
            prop_assert_eq!(
                quick(&comparison, left, right), plain(&comparison, left, right), "{:?}", comparison
            );
        }
    }

    #[test]
    fn a_gate_closes_no_level_of_several_fields_that_holds(
        left in prop::array::uniform2(prop::option::of("[abcd é]{0,8}")),
        right in prop::array::uniform2(prop::option::of("[abcd é]{0,8}")),
        (one, other) in (0_usize..11, 0_usize..11),
        (length, edits, at_least) in (0_u8..4, 0_u8..4, 0.05_f64..1.0)
    ) {
        use Condition::{All, Any, Each, InOtherField, Missing, Swapped};
        let of = conditions(length, edits, at_least);
        let (one, other) = (|| of[one].clone(), || of[other].clone());
        let when = [
            Each(vec![Some(one()), Some(other())]),
            Swapped(Box::new(one())),
            Each(vec![Some(All(vec![one(), other()])), Some(Missing)]),
            InOtherField(Box::new(other())),
            All(vec![Each(vec![Some(one()), None]), Each(vec![None, Some(other())])]),
            Any(vec![Swapped(Box::new(other())), Each(vec![None, Some(one())])]),
            Each(vec![Some(Any(vec![one(), other()])), None]),
        ];
        let values = |texts: &[Option<String>; 2]| -> Vec<Vec<Prepared>> {
            let value = |text: &Option<String>| prepared(Kind::Text, text.as_deref()?);
            texts.iter().map(|text| value(text).into_iter().collect()).collect()
        };
        let (left, right) = (values(&left), values(&right));
        // From each level on, so that every one is the first of some comparison.
        for first in 0..when.len() {
            let level = |when: &Condition| {
                Level { label: "x".to_owned(), when: when.clone(), counted_elsewhere: false }
            };
            let levels = when[first..].iter().map(level).collect();
            let fields = vec!["x".to_owned(), "y".to_owned()];
            let comparison = Comparison { name: "x".to_owned(), fields, levels };
            prop_assert_eq!(
                quick(&comparison, &left, &right), plain(&comparison, &left, &right), "{:?}", comparison
            );
        }
    }
}
