use proptest::prelude::*;

use super::*;

/// Texts as they come: anything, names, few letters (many repeats), beyond a word, mixed scripts.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z]{0,16}",
        "[ab]{0,20}",
        "[a-e ]{0,70}",
        "[abü\u{10348}漢]{0,70}",
        "[ab]{60,200}",
        "(smith|johnson|garcía|müller|o'brien|van der berg)[a-z]{0,2}",
        "(李|王|Анна|Μαρία|محمد|a|b){0,9}",
    ]
}

/// Two texts of which the second may be the first with a few edits.
fn pair() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        (text(), text()),
        (text(), prop::collection::vec((any::<prop::sample::Index>(), 0..4, "[a-bü]"), 0..4))
            .prop_map(|(left, edits)| {
                let mut right: Vec<char> = left.chars().collect();
                for (place, edit, unit) in edits {
                    let unit = unit.chars().next().unwrap();
                    let place = place.index(right.len() + 1);
                    match edit {
                        0 => right.insert(place, unit),
                        _ if place == right.len() => {}
                        1 => drop(right.remove(place)),
                        2 => right[place] = unit,
                        _ => {
                            let other = place.saturating_sub(1);
                            right.swap(place, other);
                        }
                    }
                }
                (left, right.into_iter().collect())
            }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn metrics_are_those_of_strsim((left, right) in pair(), limit in 0_usize..80) {
        let (l, r) = (left.as_str(), right.as_str());
        prop_assert!((jaro(l, r) - strsim::jaro(l, r)).abs() <= 1e-12);
        prop_assert!((jaro_winkler(l, r) - strsim::jaro_winkler(l, r)).abs() <= 1e-12);
        let (plain, swapping) = (strsim::levenshtein(l, r), strsim::osa_distance(l, r));
        prop_assert_eq!(levenshtein(l, r), plain);
        prop_assert_eq!(osa_distance(l, r), swapping);
        prop_assert_eq!(normalized_levenshtein(l, r), strsim::normalized_levenshtein(l, r));
        for limit in [limit, limit % 5, plain, swapping, swapping.saturating_sub(1)] {
            prop_assert_eq!(levenshtein_within(l, r, limit), Some(plain).filter(|d| *d <= limit));
            prop_assert_eq!(osa_within(l, r, limit), Some(swapping).filter(|d| *d <= limit));
        }
    }

    #[test]
    fn prepared_texts_give_what_plain_ones_give((left, right) in pair(), limit in 0_usize..9) {
        let (l, r) = (left.as_str(), right.as_str());
        let (text, other, pattern) = (Text::new(l), Text::new(r), Pattern::new(l));
        prop_assert_eq!(text.len(), l.chars().count());
        prop_assert_eq!((text.jaro(&other), pattern.jaro(r)), (jaro(l, r), jaro(l, r)));
        let winkler = jaro_winkler(l, r);
        prop_assert_eq!((text.jaro_winkler(&other), pattern.jaro_winkler(r)), (winkler, winkler));
        let plain = levenshtein(l, r);
        prop_assert_eq!((text.levenshtein(&other), pattern.levenshtein(r)), (plain, plain));
        let normal = normalized_levenshtein(l, r);
        prop_assert_eq!(text.normalized_levenshtein(&other), normal);
        prop_assert_eq!(pattern.normalized_levenshtein(r), normal);
        let swapping = osa_distance(l, r);
        prop_assert_eq!((text.osa_distance(&other), pattern.osa_distance(r)), (swapping, swapping));
        let near = levenshtein_within(l, r, limit);
        prop_assert_eq!(text.levenshtein_within(&other, limit), near);
        prop_assert_eq!(pattern.levenshtein_within(r, limit), near);
        let near = osa_within(l, r, limit);
        prop_assert_eq!((text.osa_within(&other, limit), pattern.osa_within(r, limit)), (near, near));
        let shown = format!("{text:?}{pattern:?}{:?}{:?}", Tokens::new(l), Grams::new(l, GramSize::Two));
        prop_assert!(shown.is_ascii() && !shown.contains("smith"));
    }

    #[test]
    fn metrics_are_symmetric_bounded_and_1_for_a_text_with_itself((left, right) in pair()) {
        let (l, r) = (left.as_str(), right.as_str());
        let weight = |token: &str| token.len() as f64;
        type Metric<'a> = &'a dyn Fn(&str, &str) -> f64;
        let metrics: [(&str, Metric<'_>); 11] = [
            ("jaro", &jaro),
            ("jaro_winkler", &jaro_winkler),
            ("normalized_levenshtein", &normalized_levenshtein),
            ("bigram jaccard", &|l, r| gram_jaccard(l, r, GramSize::Two)),
            ("trigram jaccard", &|l, r| gram_jaccard(l, r, GramSize::Three)),
            ("bigram dice", &|l, r| gram_dice(l, r, GramSize::Two)),
            ("trigram dice", &|l, r| gram_dice(l, r, GramSize::Three)),
            ("token_jaccard", &token_jaccard),
            ("token_set_ratio", &token_set_ratio),
            ("monge_elkan", &monge_elkan),
            ("soft_tf_idf", &|l, r| soft_tf_idf(l, r, &weight, 0.9)),
        ];
        for (name, metric) in metrics {
            let similarity = metric(l, r);
            prop_assert_eq!(similarity.to_bits(), metric(r, l).to_bits(), "{}", name);
            prop_assert!((0.0..=1.0).contains(&similarity), "{} {}", name, similarity);
            if name != "token_set_ratio" || l.split_whitespace().next().is_some() {
                prop_assert!((metric(l, l) - 1.0).abs() < 1e-12, "{}", name);
            }
        }
        prop_assert_eq!(levenshtein(l, r), levenshtein(r, l));
        prop_assert_eq!(osa_distance(l, r), osa_distance(r, l));
        prop_assert!(osa_distance(l, r) <= levenshtein(l, r));
        prop_assert_eq!(levenshtein(l, r) == 0, l == r);
        prop_assert_eq!(osa_distance(l, r) == 0, l == r);
    }

    #[test]
    fn quantities_are_symmetric_and_bounded(
        left in [-90.0..=90.0, -360.0..=360.0], right in [-90.0..=90.0, -360.0..=360.0],
        numbers in [any::<f64>(), any::<f64>()],
    ) {
        let metres = haversine_m(left, right);
        prop_assert_eq!(metres.to_bits(), haversine_m(right, left).to_bits());
        prop_assert!((0.0..20_015_200.0).contains(&metres), "{}", metres);
        prop_assert_eq!(haversine_m(left, left), 0.0);
        let [l, r] = numbers;
        let difference = relative_difference(l, r);
        prop_assert_eq!(difference.to_bits(), relative_difference(r, l).to_bits());
        prop_assert!((0.0..=2.0).contains(&difference) || difference == f64::INFINITY);
        prop_assert!(!l.is_finite() || relative_difference(l, l) == 0.0);
    }
}

#[test]
fn long_texts_are_compared_over_several_words() {
    let long = "lorem ipsum dolor sit amet ".repeat(40);
    let mut edited = long.replacen("ipsum", "ispum", 3);
    edited.insert_str(700, "xx");
    assert_eq!(levenshtein(&long, &edited), strsim::levenshtein(&long, &edited));
    assert_eq!(osa_distance(&long, &edited), 5);
    for limit in 0..9 {
        assert_eq!(osa_within(&long, &edited, limit).is_some(), limit >= 5);
    }
    assert_eq!(jaro_winkler(&long, &edited), strsim::jaro_winkler(&long, &edited));
}

#[test]
fn published_examples_hold() {
    for (left, right, jaro_wanted, winkler_wanted) in [
        ("MARTHA", "MARHTA", 0.944, 0.961),
        ("DWAYNE", "DUANE", 0.822, 0.840),
        ("DIXON", "DICKSONX", 0.767, 0.813),
        ("JONES", "JOHNSON", 0.790, 0.832),
        ("ABROMS", "ABRAMS", 0.889, 0.922),
        ("SEAN", "SUSAN", 0.783, 0.805),
    ] {
        assert!((jaro(left, right) - jaro_wanted).abs() < 6e-4, "{left}");
        assert!((jaro_winkler(left, right) - winkler_wanted).abs() < 6e-4, "{left}");
    }
    assert_eq!(token_set_ratio("new york mets", "new york mets vs atlanta braves"), 1.0);
    assert_eq!(token_set_ratio("", "a"), 0.0);
}
