//! How long each kind's normaliser takes per value, over a list as mixed as real columns are.

use std::hint::black_box;

use cdm_core::Kind;
use cdm_core::normalize::{self, Context};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn normalisers(criterion: &mut Criterion) {
    let context = Context { region: Some("US".to_owned()), ..Context::default() };
    let mut group = criterion.benchmark_group("normalize");
    for kind in Kind::ALL {
        let values = column(kind);
        group.throughput(Throughput::Elements(values.len() as u64));
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| {
                for raw in values {
                    black_box(normalize::value(kind, black_box(raw), &context));
                }
            });
        });
    }
    group.finish();

    let names = column(Kind::GivenName);
    let mut group = criterion.benchmark_group("name_keys");
    group.throughput(Throughput::Elements(names.len() as u64));
    group.bench_function("nickname_classes", |bencher| {
        bencher.iter(|| names.iter().for_each(|n| drop(black_box(normalize::nickname_classes(n)))));
    });
    group.bench_function("phonetic_codes", |bencher| {
        bencher.iter(|| names.iter().for_each(|n| drop(black_box(normalize::phonetic_codes(n)))));
    });
    group.finish();
}

/// Values as a column of that kind holds them: mostly clean, some foreign, some wrong, some empty.
fn column(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::GivenName => &[
            "Mary",
            "JOHN",
            "  Anne Marie ",
            "Bob",
            "José",
            "Jürgen",
            "Mary-Jane",
            "J.",
            "Łukasz",
            "Анна",
            "N/A",
            "",
        ],
        Kind::FamilyName => &[
            "Smith",
            "O'BRIEN",
            "van der Berg",
            "García Márquez",
            "Müller-Lüdenscheidt",
            "de la Cruz",
            "McDonald",
            "Zebrowski",
            "Nguyễn",
            "Иванова",
            "unknown",
            "",
        ],
        Kind::FullName => &[
            "Mary Smith",
            "SMITH, JOHN",
            "Dr. Hans-Peter von der Leyen",
            "Juan Carlos García López",
            "Robert (Bob) Jones Jr.",
            "Mrs Anne O'Brien",
            "J. R. R. Tolkien",
            "Prince",
            "Nguyễn Văn An",
            "Иван Петров",
            "test test",
            "",
        ],
        Kind::Organisation => &[
            "Acme Inc.",
            "Müller & Söhne GmbH & Co. KG",
            "THE HOME DEPOT, INC.",
            "Société Générale S.A.",
            "Johnson and Johnson",
            "Banco Santander, S.A.",
            "Arnie Morton's of Chicago",
            "Ferrari S.p.A.",
            "Royal Dutch Shell plc",
            "株式会社トヨタ",
            "none",
            "",
        ],
        Kind::Email => &[
            "mary.smith@example.org",
            "JOHN@ACME.COM",
            " j.doe+news@gmail.com ",
            "info@acme.de",
            "jürgen@müller.de",
            "bob@gmial.com",
            "a.b.c@googlemail.com",
            "no at sign",
            "x@@y.com",
            "throwaway@mailinator.com",
            "test@test.com",
            "",
        ],
        Kind::Phone => &[
            "+1 312 555 0187",
            "(415) 555-2671",
            "415.555.2671 x12",
            "+49 30 901820",
            "0049 30 901820",
            "+44 20 7946 0958",
            "+33 1 42 68 53 00",
            "5552671",
            "310-246-1501",
            "call me",
            "000-000-0000",
            "",
        ],
        Kind::Address => &[
            "435 S. La Cienega Blvd., Los Angeles, CA 90048",
            "1600 Pennsylvania Ave NW, Washington DC 20500",
            "Unter den Linden 77, 10117 Berlin",
            "10 Downing St, London SW1A 2AA",
            "12 rue de la Paix, 75002 Paris, France",
            "PO Box 123, Springfield, IL 62701",
            "Calle Mayor 5, 3º B, 28013 Madrid",
            "350 5th Ave Apt 4B, New York, NY 10118-0110",
            "Via Roma 1, 00184 Roma RM",
            "London",
            "unknown",
            "",
        ],
        Kind::Street => &[
            "435 S. La Cienega Blvd.",
            "1600 Pennsylvania Avenue NW",
            "Unter den Linden 77",
            "Hauptstr. 12a",
            "12 rue de la Paix",
            "PO Box 123",
            "Calle Mayor 5, 3º B",
            "350 5th Ave Apt 4B",
            "Keizersgracht 174-II",
            "Flat 2, 10 High St",
            "n/a",
            "",
        ],
        Kind::City => &[
            "New York",
            "NEW YORK CITY",
            "St. Louis",
            "Saint Louis",
            "München",
            "Sao Paulo",
            "Los Angeles",
            "Frankfurt am Main",
            "L'Aquila",
            "Москва",
            "-",
            "",
        ],
        Kind::Region => &[
            "CA",
            "California",
            "calif.",
            "New York",
            "TX",
            "Bayern",
            "NSW",
            "Ontario",
            "Île-de-France",
            "D.C.",
            "unknown",
            "",
        ],
        Kind::Postcode => &[
            "90048",
            "10118-0110",
            "SW1A 2AA",
            "sw1a2aa",
            "D-10117",
            "75002",
            "1017 AB",
            "K1A 0B1",
            "2000",
            "9004",
            "00000",
            "",
        ],
        Kind::Country => &[
            "US",
            "USA",
            "United States of America",
            "Deutschland",
            "GB",
            "England",
            "France",
            "España",
            "NLD",
            "Atlantis",
            "null",
            "",
        ],
        Kind::Date => &[
            "1984-07-21",
            "07/21/1984",
            "21.07.1984",
            "21 July 1984",
            "July 21, 1984",
            "19840721",
            "03/04/01",
            "1984-07",
            "1984-07-21T12:30:00Z",
            "1900-01-01",
            "31/02/1990",
            "",
        ],
        Kind::Identifier => &[
            "DE89 3704 0044 0532 0130 00",
            "4111 1111 1111 1111",
            "123-45-6789",
            "AB-123456",
            "cust_00017",
            "978-3-16-148410-0",
            "GB82WEST12345698765432",
            "A1",
            "0000000000",
            "123456789",
            "N/A",
            "",
        ],
        Kind::Url => &[
            "https://www.example.org/",
            "example.org",
            "HTTP://Example.ORG/About/?utm_source=x",
            "www.acme.com/shop",
            "https://müller.de/kontakt",
            "ftp://files.example.org",
            "linkedin.com/in/mary-smith",
            "https://example.org:8443/a/b",
            "not a url",
            "mailto:a@b.org",
            "none",
            "",
        ],
        Kind::Category => &[
            "F",
            "female",
            "Male",
            " yes ",
            "opted-in",
            "TRUE",
            "American (New)",
            "Gold",
            "n",
            "weiblich",
            "unknown",
            "",
        ],
        Kind::Text => &[
            "Hello World",
            "  several   words,  some MORE ",
            "naïve café",
            "Straße",
            "A longer remark that a clerk \
             left on the account in 2019, about a parcel.",
            "Привет, мир",
            "全角テキスト",
            "tab\tand\nline",
            "emoji 🙂 inside",
            "x",
            "N/A",
            "",
        ],
        Kind::Number => &[
            "42", "3.14", "1,234.56", "1.234,56", "-17", "1e6", "$ 19.99", "12 345", "0", "twelve",
            "n/a", "",
        ],
        Kind::Geo => &[
            "52.5163,13.3777",
            "40.7484, -73.9857",
            "-33.8568 151.2153",
            "52°30'59\"N 13°22'40\"E",
            "0,0",
            "91,0",
            "48.8584,2.2945",
            "35.6586;139.7454",
            "51.5",
            "x,y",
            "unknown",
            "",
        ],
        // `Kind` may grow; a new kind is timed on text until it gets a column of its own.
        _ => column(Kind::Text),
    }
}

criterion_group!(benches, normalisers);
criterion_main!(benches);
