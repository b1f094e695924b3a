mod sketch;

use proptest::prelude::*;

use super::*;
use crate::normalize::{self, Context};
use crate::schema::Field;

/// Values as columns hold them, by kind; any pairing of them is a fair question.
fn raw(kind: Kind) -> BoxedStrategy<String> {
    let realistic = match kind {
        Kind::GivenName => {
            "(Robert|Bob|R\\.?|Robret|Rupert|Maria|José|Jean-Luc|Mary Ann|Анна|太郎|J\\. R\\.)"
        }
        Kind::FamilyName => {
            "(Smith|Smyth|van den Berg|Berg|O'Brien|García Márquez|García|Müller|Mueller|Müller, geb\\. Schmidt)"
        }
        Kind::FullName => {
            "(John|Jon|J\\.|Mary Ann|Bob|Robert) ?(F\\. )?(Smith|Smyth|van Dyke|Ruiz)?"
        }
        Kind::Organisation => {
            "(Acme|ACME Trading|Trading Acme|Müller) ?(GmbH|Inc\\.|Ltd|UK|Söhne)?"
        }
        Kind::Email => "(info|john\\.doe|jon\\.doe|j\\.smith)@(gmail\\.com|acme\\.org|gmial\\.com)",
        Kind::Phone => "\\+?1? ?310[- ]?246[- ]?150[1-4]( x[12])?",
        Kind::Address | Kind::Street => {
            "(12|13|12a) (Main|Maine|Oak) (Street|St\\.?|Ave)( Apt [12])?(, (Las Vegas|Reno),? NV (89132|89501))?"
        }
        Kind::City => {
            "(Munich|München|Muenchen|St\\. Louis|Saint Louis|Newcastle upon Tyne|Newcastle)"
        }
        Kind::Region => "(NY|New York|California|Calif\\.|Saxonia|Saxony)",
        Kind::Postcode => "(8913[1-4]|SW1A 1A[AB]|1010|891[0-9]2)",
        Kind::Country => "(DE|Germany|France|US)",
        Kind::Date => "(19(70|71)-0[1-3]-(0[1-3]|1[0-2])|1970|1970-03|25/12)",
        Kind::Identifier => "(AB-?12345[0-9]|12345[0-9]7|DE89370400440532013000)",
        Kind::Url => "(https://)?(www\\.)?(acme|acmee|umbra)\\.com(/about)?",
        Kind::Category => "(yes|no|male|f|gold)",
        Kind::Text => "((red|blue|green|large) ){1,5}",
        Kind::Number => "-?(1|10|100|101|104\\.5|120)",
        Kind::Geo => "(52\\.52[0-3]|52\\.6),13\\.40[0-3]",
    };
    prop_oneof![
        5 => proptest::string::string_regex(realistic).unwrap(),
        1 => any::<String>(),
    ]
    .boxed()
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn prepared(kind: Kind, raw: &str) -> Option<Prepared> {
    Prepared::from_raw(kind, raw, &Context::default())
}

fn values(kind: Kind) -> impl Strategy<Value = Vec<Prepared>> {
    prop::collection::vec(raw(kind), 0..3)
        .prop_map(move |raw| raw.iter().filter_map(|raw| prepared(kind, raw)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn templates_are_symmetric_and_null_without_values(
        (kind, left, right) in kinds().prop_flat_map(|k| (Just(k), values(k), values(k)))
    ) {
        let comparison = Comparison::template(kind, "x");
        let (left, right): (Vec<_>, Vec<_>) = (left.iter().collect(), right.iter().collect());
        let level = comparison.compare_values(&left, &right);
        prop_assert_eq!(level, comparison.compare_values(&right, &left));
        let two = left.iter().flat_map(|l| right.iter().map(|r| comparison.compare_two(l, r))).min();
        prop_assert_eq!(two.is_none(), left.is_empty() || right.is_empty());
        prop_assert_eq!(level, two.filter(|level| comparison.is_counted(*level)));
        for value in left {
            prop_assert_eq!(comparison.compare_two(value, value), 0);
        }
    }

    #[test]
    fn a_value_prepared_for_a_comparison_is_compared_as_a_whole_one(
        (kind, raw) in kinds().prop_flat_map(|k| (Just(k), prop::collection::vec(raw(k), 0..8)))
    ) {
        let comparison = Comparison::template(kind, "x");
        let mut pool = PreparedPoolBuilder::new(kind, comparison.aspects()[0]);
        let values: Vec<_> =
            raw.iter().map(|raw| normalize::value(kind, raw, &Context::default())).collect();
        // In two goes, so that values meet others of their own batch and of an earlier one.
        let (first, second) = values.split_at(values.len() / 2);
        for batch in [first, second] {
            let drafts: Vec<_> = batch.iter().map(|value| pool.prepare(value)).collect();
            pool.extend(drafts);
        }
        let pool = pool.finish();
        let whole: Vec<_> = values.iter().map(|value| Prepared::new(kind, value)).collect();
        for (i, left) in whole.iter().enumerate() {
            prop_assert_eq!(pool.code(i as u32).is_some(), left.is_some());
            for (j, right) in whole.iter().enumerate() {
                let codes = pool.code(i as u32).zip(pool.code(j as u32));
                let Some(((one, other), (l, r))) = left.as_ref().zip(right.as_ref()).zip(codes)
                else {
                    continue;
                };
                let [l, r] = [l, r].map(|code| &pool.distinct()[code as usize]);
                prop_assert_eq!(comparison.compare_two(l, r), comparison.compare_two(one, other));
                if values[i].forms().eq(values[j].forms()) && values[i].issues() == values[j].issues() {
                    prop_assert_eq!(pool.code(i as u32), pool.code(j as u32));
                }
            }
        }
        prop_assert_eq!(pool.code(values.len() as u32), None);
    }

    #[test]
    fn a_persons_name_prepared_for_its_comparison_is_compared_as_a_whole_one(
        given in prop::collection::vec(raw(Kind::GivenName), 2),
        family in prop::collection::vec(raw(Kind::FamilyName), 2),
    ) {
        let [comparison, _] = Comparison::person_names("given", "family");
        let aspects = comparison.aspects();
        let level = |aspects: [Aspects; 2]| {
            let value = |kind, raw: &str, aspects| {
                let value = normalize::value(kind, raw, &Context::default());
                Prepared::with_aspects(kind, &value, aspects)
            };
            let given: Vec<_> =
                given.iter().map(|raw| value(Kind::GivenName, raw, aspects[0])).collect();
            let family: Vec<_> =
                family.iter().map(|raw| value(Kind::FamilyName, raw, aspects[1])).collect();
            let side = |i: usize| [given[i].as_slice(), family[i].as_slice()].map(|values| {
                values.iter().collect::<Vec<_>>()
            });
            let (left, right) = (side(0), side(1));
            comparison.compare(&[&left[0], &left[1]], &[&right[0], &right[1]])
        };
        prop_assert_eq!(level([aspects[0], aspects[1]]), level([Aspects::all(); 2]));
    }

    #[test]
    fn names_in_two_fields_are_symmetric(
        left in (values(Kind::GivenName), values(Kind::FamilyName)),
        right in (values(Kind::GivenName), values(Kind::FamilyName)),
    ) {
        let [of_given, of_family] = Comparison::person_names("given", "family");
        let (lg, lf): (Vec<_>, Vec<_>) = (left.0.iter().collect(), left.1.iter().collect());
        let (rg, rf): (Vec<_>, Vec<_>) = (right.0.iter().collect(), right.1.iter().collect());
        let given = of_given.compare(&[&lg, &lf], &[&rg, &rf]);
        let family = of_family.compare(&[&lf, &lg], &[&rf, &rg]);
        prop_assert_eq!(given, of_given.compare(&[&rg, &rf], &[&lg, &lf]));
        prop_assert_eq!(family, of_family.compare(&[&rf, &rg], &[&lf, &lg]));
        // Swapped, swapped and similar, and in the other field: where only one field is filled, a name
        // may stand in another than it does in the other record.
        let is_swap = |level: Option<u8>| matches!(level, Some(1..=3));
        // Chinese characters say nothing beside letters.
        let written = [&lg, &lf, &rg, &rf].into_iter().flatten().any(|name| name.is_unread());
        prop_assert!(
            written || given == Some(3) || given.is_none() == (lg.is_empty() || rg.is_empty())
        );
        // A swap is counted once.
        prop_assert!(!is_swap(family));
        if !is_swap(given) {
            // Two given names in one record can be the same and swapped at once.
            let swapped = given == Some(0) && family.is_none();
            prop_assert!(
                written || swapped || family.is_none() == (lf.is_empty() || rf.is_empty())
            );
        }
        let same = |comparison: &Comparison, one: &[&Prepared], other: &[&Prepared]| {
            comparison.compare(&[one, other], &[one, other])
        };
        prop_assert_eq!(same(&of_given, &lg, &lf), (!lg.is_empty()).then_some(0));
        prop_assert_eq!(same(&of_family, &lf, &lg), (!lf.is_empty()).then_some(0));
    }

    #[test]
    fn places_in_several_fields_are_symmetric(
        left in (values(Kind::Postcode), values(Kind::City), values(Kind::Region)),
        right in (values(Kind::Postcode), values(Kind::City), values(Kind::Region)),
        order in Just(vec![0, 1, 2]).prop_shuffle(),
        fields in 2..=3_usize,
    ) {
        let kinds = [Kind::Postcode, Kind::City, Kind::Region];
        let order = &order[..fields];
        let named: Vec<(Kind, &str)> =
            order.iter().map(|at| (kinds[*at], ["zip", "city", "state"][*at])).collect();
        let comparison = Comparison::place(&named);
        let all = |(a, b, c): &(Vec<Prepared>, Vec<Prepared>, Vec<Prepared>)| {
            [a.clone(), b.clone(), c.clone()]
        };
        let (left, right) = (all(&left), all(&right));
        let refs = |side: &[Vec<Prepared>; 3]| -> Vec<Vec<Prepared>> {
            order.iter().map(|at| side[*at].clone()).collect()
        };
        let (left, right) = (refs(&left), refs(&right));
        let compare = |left: &[Vec<Prepared>], right: &[Vec<Prepared>]| {
            let left: Vec<Vec<&Prepared>> = left.iter().map(|v| v.iter().collect()).collect();
            let right: Vec<Vec<&Prepared>> = right.iter().map(|v| v.iter().collect()).collect();
            let left: Vec<&[&Prepared]> = left.iter().map(Vec::as_slice).collect();
            let right: Vec<&[&Prepared]> = right.iter().map(Vec::as_slice).collect();
            comparison.compare(&left, &right)
        };
        let level = compare(&left, &right);
        prop_assert_eq!(level, compare(&right, &left));
        let written = left.iter().chain(&right).flatten().any(Prepared::is_unread);
        prop_assert!(written || level.is_some() || left[0].is_empty() || right[0].is_empty());
        if left.iter().all(|values| !values.is_empty()) {
            prop_assert_eq!(compare(&left, &left), Some(0));
        }
    }
}

/// The levels of pairs that are less and less alike never rise, and end at `else`.
#[test]
fn levels_fall_along_ladders() {
    let ladders: &[(Kind, &str, &[&str])] = &[
        (
            Kind::GivenName,
            "Robert",
            &[
                "ROBERT",
                "Robert James",
                "Robret",
                "روبرت",
                "Bob",
                "R.",
                "Reubert",
                "羅",
                "Maria",
                "Zhang",
            ],
        ),
        (
            Kind::FamilyName,
            "van den Berg",
            &[
                "VAN DEN BERG",
                "Berg",
                "Van denBerg",
                "van den Berg-Smith",
                "van den Burg",
                "بيرج",
                "van den Bergen",
                "Bourque",
                "范登堡",
                "Smith",
                "Li",
            ],
        ),
        (
            Kind::FullName,
            "Robert James Smith",
            &[
                "Smith, Robert James",
                "Smith James Robert",
                "Robert Smith",
                "روبرت جيمس سميث",
                "Bob Smith",
                "R. Smith",
                "Robert Jmaes Smiht",
                "史密斯",
                "Maria Smith",
                "Maria Ruiz",
            ],
        ),
        (
            Kind::Organisation,
            "Acme Trading GmbH",
            &[
                "ACME Trading",
                "Acme Trading AG",
                "Trading Acme",
                "Acme Tradng",
                "Acme",
                "Acmee Tradings",
                "Acme Umbra",
                "Globex",
            ],
        ),
        (
            Kind::Email,
            "john.doe@acme.org",
            &[
                "JOHN.DOE@ACME.ORG",
                "john.doe+shop@acme.org",
                "jon.doe@acme.org",
                "john.doe@acne.org",
                "john.doe@outlook.com",
                "john.doe77@outlook.com",
                "mary@acme.org",
                "mary@gmail.com",
            ],
        ),
        (
            Kind::Phone,
            "+1 310 246 1501 ext. 7",
            &[
                "310-246-1501 x7",
                "+13102461501",
                "+1 (310) 246-1501 ext 8",
                "246-1501",
                "+1 415 246 1501",
                "+1 310 246 1502",
                "+1 310 246 5101",
                "+1 702 555 0000",
            ],
        ),
        (
            Kind::Address,
            "123 Main St Apt 4, Las Vegas, NV 89132",
            &[
                "123 MAIN STREET APT 4, Las Vegas NV 89132",
                "123 Main St, Las Vegas, NV 89132",
                "123 Main St Apt 5, Las Vegas, NV 89132",
                "123 Maine St Apt 4, Las Vegas, NV 89132",
                "125 Main St, Las Vegas, NV 89132",
                "Las Vegas, NV 89132",
                "9 Oak Ave, Las Vegas, NV 89132",
                "9 Oak Ave, Las Vegas, NV 89101",
                "橡树街 9, 里诺",
                "7 Elm Road, Reno, NV 89501",
            ],
        ),
        (
            Kind::Street,
            "123 Main St Apt 4",
            &[
                "123 MAIN STREET APT 4",
                "123 Main St",
                "123 Main St Apt 5",
                "123 Maine Street",
                "124 Main St Apt 4",
                "9 Main Street",
                "9 Maine Street",
                "橡树街 7",
                "7 Oak Ave",
            ],
        ),
        (
            Kind::City,
            "Newcastle upon Tyne",
            &[
                "NEWCASTLE UPON TYNE",
                "Newcastle-upon-Tyne",
                "Newcastle uponTyne",
                "Newcastel upon Tyne",
                "Newcastle",
                "Newcastle upon Tyyyne",
                "纽卡斯尔",
                "London",
                "Leeds",
            ],
        ),
        (
            Kind::Region,
            "Niederbayern",
            &[
                "niederbayern",
                "NIEDERBAYERN",
                "Nieder-Bayern",
                "Niederbayren",
                "Oberfranken",
                "CA",
                "NY",
                "Kent",
            ],
        ),
        (
            Kind::Postcode,
            "89132",
            &["89132", "89132-1234", "89123", "89131", "89101", "89501", "10001", "SW1A 1AA"],
        ),
        (
            Kind::Country,
            "Germany",
            &["DE", "Deutschland", "GERMANY", "Allemagne", "France", "US", "Spain", "Japan"],
        ),
        (
            Kind::Date,
            "1970-03-01",
            &[
                "1 March 1970",
                "1970-01-03",
                "1970-03-11",
                "1970-03-10",
                "1970-03",
                "1970",
                "1982-03-01",
                "1971",
                "1980-03-02",
                "1981-04-01",
                "1970-11-28",
                "c. 1973",
                "1985-07-23",
            ],
        ),
        (
            Kind::Identifier,
            "AB-1234567",
            &[
                "ab1234567",
                "AB 1234567",
                "AB1234576",
                "AB123456",
                "XY9994567",
                "4567",
                "AB1230000",
                "77",
            ],
        ),
        (
            Kind::Url,
            "https://www.acme.com/about",
            &[
                "acme.com/about",
                "http://acme.com/about/",
                "acme.com/abuot",
                "acme.com/shop",
                "acme.com",
                "acmee.com/x",
                "globex.org",
                "example.net",
            ],
        ),
        (Kind::Category, "yes", &["Y", "true", "oui", "1", "no", "N", "gold", "0"]),
        (
            Kind::Text,
            "large red wooden table",
            &[
                "Large  red wooden table",
                "table, large red wooden",
                "large red woden table",
                "large red wooden tables",
                "red table",
                "large red metal table",
                "red metal table lamp",
                "green sofa",
            ],
        ),
        (Kind::Number, "100", &["100.0", "1e2", "100.5", "99", "104", "85", "50", "-100"]),
        (
            Kind::Geo,
            "52.5200,13.4050",
            &[
                "52.52,13.405",
                "52.5201,13.4050",
                "52.5210,13.4050",
                "52.5260,13.4050",
                "52.5600,13.4050",
                "52.7,13.4",
                "48.1372,11.5756",
                "-33.86,151.2",
            ],
        ),
    ];
    let mut failures = Vec::new();
    for (kind, from, rungs) in ladders {
        assert!(rungs.len() >= 8, "{kind}");
        let comparison = Comparison::template(*kind, "x");
        let one = prepared(*kind, from).unwrap();
        let context = Context { region: Some("US".into()), ..Context::default() };
        let levels: Vec<u8> = rungs
            .iter()
            .map(|rung| {
                let other = Prepared::from_raw(*kind, rung, &context)
                    .unwrap_or_else(|| panic!("{kind} {rung} is not usable"));
                comparison.compare_two(&one, &other)
            })
            .collect();
        let reached: std::collections::BTreeSet<u8> = levels.iter().copied().collect();
        if !levels.is_sorted() || reached.len() != comparison.level_count() {
            let shown: Vec<_> =
                rungs.iter().zip(&levels).map(|(r, l)| format!("{r}={l}")).collect();
            failures.push(format!("{kind} of {}: {}", comparison.level_count(), shown.join(", ")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn templates_are_documents_that_fit_their_fields() {
    for kind in Kind::ALL {
        let schema = Schema::new("t", vec![Field::new("x", kind)]).unwrap();
        let comparison = Comparison::template(kind, "x");
        comparison.check(&schema).unwrap();
        assert!((2..=11).contains(&comparison.level_count()), "{kind}");
        let json = serde_json::to_string(&comparison).unwrap();
        assert_eq!(Comparison::from_json(&json).unwrap(), comparison);
    }
    let fields = vec![Field::new("g", Kind::GivenName), Field::new("f", Kind::FamilyName)];
    let schema = Schema::new("t", fields).unwrap();
    for (comparison, counted) in Comparison::person_names("g", "f").into_iter().zip([false, true]) {
        comparison.check(&schema).unwrap();
        assert!(comparison.level_count() <= 12);
        assert_eq!(comparison.levels[1].counted_elsewhere, counted);
        let json = serde_json::to_string(&comparison).unwrap();
        // The swaps, and what is in another writing.
        let elsewhere = json.matches("counted_elsewhere").count();
        assert_eq!(elsewhere, if counted { 4 } else { 1 });
        assert_eq!(Comparison::from_json(&json).unwrap(), comparison);
    }
    let places = [(Kind::City, "c"), (Kind::Postcode, "p"), (Kind::Region, "r")];
    for left_out in 0..=3 {
        let kept = places.iter().enumerate().filter(|(at, _)| *at != left_out);
        let kept: Vec<(Kind, &str)> = kept.map(|(_, place)| *place).collect();
        let fields = kept.iter().map(|(kind, name)| Field::new(*name, *kind)).collect();
        let comparison = Comparison::place(&kept);
        comparison.check(&Schema::new("t", fields).unwrap()).unwrap();
        assert!((4..=11).contains(&comparison.level_count()), "{left_out}");
    }
    assert!(
        serde_json::to_string(&schemars::schema_for!(Comparison)).unwrap().contains("nickname")
    );
}

#[test]
fn faults_are_found_and_located() {
    let fields = vec![Field::new("g", Kind::GivenName), Field::new("born", Kind::Date)];
    let schema = Schema::new("t", fields).unwrap();
    let of = |fields: &[&str], when: &str| {
        let fields = serde_json::to_string(fields).unwrap();
        let json = format!(
            r#"{{"name": "n", "fields": {fields}, "levels": [{{"label": "l", "when": {when}}}]}}"#
        );
        Comparison::from_json(&json).and_then(|comparison| comparison.check(&schema))
    };
    for (fields, when, wanted) in [
        (&["g"][..], r#""nickname""#, None),
        (&["g", "born"], r#"{"each": ["nickname", {"date": "same_year"}]}"#, None),
        (&["g", "born"], r#"{"each": ["missing", "present"]}"#, None),
        (&["born"], r#""nickname""#, Some("levels[0].when")),
        (&["born"], r#"{"all": [{"date": "same_year"}, "initials"]}"#, Some("levels[0].when[1]")),
        (&["x"], r#""nickname""#, Some("field \"x\"")),
        (&[], r#""nickname""#, Some("at least one field")),
        (&["g"], r#"{"any": []}"#, Some("empty list")),
        (&["g"], r#""missing""#, Some("several fields")),
        (&["g", "born"], r#""nickname""#, Some("`each`")),
        (&["g", "born"], r#"{"each": ["nickname"]}"#, Some("one for each of 2")),
        (&["g", "born"], r#"{"each": [null, "missing"]}"#, Some("compares nothing")),
        (&["g"], r#"{"swapped": "nickname"}"#, Some("two fields")),
        (&["g"], r#"{"jaro_winkler": {"form": "ascii", "at_least": 92}}"#, Some("at most 1")),
        (
            &["g"],
            r#"{"jaro_winkler": {"form": "asci", "at_least": 0.9}}"#,
            Some("did you mean \"ascii\""),
        ),
        (&["g"], r#"{"osa": {"form": "ascii", "at_most": 1, "min": 2}}"#, Some("min")),
        (&["g"], r#"{"prefix": {"form": "ascii", "length": 0}}"#, Some("length is 0")),
        (&["g"], r#""nick""#, Some("nick")),
    ] {
        match (of(fields, when), wanted) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => {
                assert!(error.to_string().contains(part), "{when}: {error}");
            }
            (got, wanted) => panic!("{when}: {got:?}, wanted {wanted:?}"),
        }
    }
}

#[test]
fn a_value_out_of_bytes_has_its_texts_wherever_they_lie() {
    use super::prepared::KeptRange;
    let name = Prepared::from_raw(Kind::FullName, "José María de la Cruz", &Context::default());
    let name = name.unwrap();
    let read = |texts: &str, ranges: Vec<KeptRange>| {
        Prepared::of_kept(name.kept_facts(), texts, ranges.into_iter().map(Ok)).unwrap()
    };
    // Each text behind another one, the last first.
    let (mut texts, mut ranges) = ("Łódź ".to_owned(), Vec::new());
    for part in name.kept_parts().collect::<Vec<_>>().into_iter().rev() {
        texts.push_str(part.text);
        let range = texts.len() - part.text.len()..texts.len();
        ranges.push(KeptRange { range, times: part.times, slot: part.slot });
        texts.push(' ');
    }
    ranges.reverse();
    let slot = ranges[0].slot;
    assert!(read(&texts, ranges) == Some(name.clone()));
    let alone = |range| vec![KeptRange { range, times: 1, slot }];
    // A text of nothing, far from the first.
    let empty = read(&texts, alone(7..7)).unwrap();
    assert!(empty.kept_parts().all(|part| part.text.is_empty()));
    let (inside, outside) = (alone(1..3), alone(0..texts.len() + 1));
    assert!(read(&texts, inside).is_none() && read(&texts, outside).is_none());
    assert!(read(&texts, Vec::new()).is_some());
}
