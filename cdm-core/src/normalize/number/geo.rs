use crate::normalize::placeholder::is_placeholder;
use crate::normalize::plain::plain;
use crate::normalize::text::has_invisible;
use crate::normalize::{Form, Issue, Normalized};

/// Longer texts hold more than one position.
const LONGEST: usize = 300;

/// Latitude and longitude, in degrees of WGS 84.
///
/// Read are: `lat, lon` in decimal degrees with points or commas, degrees, minutes and seconds with
/// hemisphere letters before or behind (`40°26'46"N 79°58'56"W`), `geo:` addresses, `POINT(lon
/// lat)`, GeoJSON points, parts with names (`lat=…&lon=…`), links to maps, ISO 6709
/// (`+40.2-075.0/`). Heights are left out. Letters for East and West other than `E` and `W` are
/// refused: `O` is east in German and west in French and Spanish.
///
/// Forms: canonical (`lat,lon`), latitude and longitude, each with six decimals (11 cm); longitude
/// -180 becomes 180. Issues: `control_characters`. Unusable: `placeholder` (also 0,0, the Gulf of
/// Guinea), `out_of_range`, `malformed`, `too_long`.
///
/// # Examples
/// ```
/// use cdm_core::normalize::{Form, geo};
/// let place = geo("40°26'46\"N 79°58'56\"W");
/// assert_eq!(place.canonical(), Some("40.446111,-79.982222"));
/// assert_eq!(geo("POINT(13.4 52.5)").form(Form::Latitude), Some("52.500000"));
/// ```
///
/// # References
/// RFC 5870 (`geo:`), RFC 7946 (GeoJSON), OGC Simple Features (`POINT`), ISO 6709.
#[must_use]
pub fn geo(raw: &str) -> Normalized {
    let text = plain(raw);
    if text.is_empty() {
        return Normalized::missing();
    }
    if is_placeholder(&text) {
        return Normalized::unusable(Issue::Placeholder);
    }
    if text.len() > LONGEST {
        return Normalized::unusable(Issue::TooLong);
    }
    match read(&text.to_ascii_lowercase()) {
        Ok((latitude, longitude)) => {
            let value = position(latitude, longitude);
            if has_invisible(raw) && value.status().is_usable() {
                value.noting(Issue::ControlCharacters)
            } else {
                value
            }
        }
        Err(issue) => Normalized::unusable(issue),
    }
}

fn position(latitude: f64, longitude: f64) -> Normalized {
    // A comparison that fails on NaN, which no text gives.
    if !(latitude.abs() <= 90.0 && longitude.abs() <= 180.0) {
        return Normalized::unusable(Issue::OutOfRange);
    }
    let (latitude, longitude) = (degrees(latitude), degrees(longitude));
    if latitude == "0.000000" && longitude == "0.000000" {
        return Normalized::unusable(Issue::Placeholder);
    }
    let longitude = if longitude == "-180.000000" { longitude[1..].to_owned() } else { longitude };
    Normalized::valid(format!("{latitude},{longitude}"))
        .with(Form::Latitude, latitude)
        .with(Form::Longitude, longitude)
}

fn degrees(value: f64) -> String {
    let text = format!("{value:.6}");
    if text == "-0.000000" { text[1..].to_owned() } else { text }
}

/// Latitude and longitude of a lower-case text.
fn read(text: &str) -> Result<(f64, f64), Issue> {
    if let Some(rest) = text.strip_prefix("geo:") {
        return pair(rest.split(';').next().unwrap_or_default());
    }
    if let Some(at) = text.find("point") {
        let is_json = text.contains("coordinates");
        let rest = match text.find("coordinates") {
            Some(at) => &text[at + "coordinates".len()..],
            None => &text[at + "point".len()..],
        };
        if !is_json && rest.trim().trim_end_matches([';', ')']) == "empty" {
            return Err(Issue::NoContent);
        }
        let rest =
            rest.trim_start_matches(|c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | '.'));
        let (longitude, latitude) = pair(rest)?;
        return Ok((latitude, longitude));
    }
    if let Some(address) = text.strip_prefix("http") {
        let start = ["@", "q=", "ll=", "query=", "#map="]
            .iter()
            .find_map(|mark| address.find(mark).map(|at| &address[at + mark.len()..]));
        return pair(&start.ok_or(Issue::Malformed)?.replace("%2c", ","));
    }
    if let Some(position) = named(text) {
        return position;
    }
    if text.contains(['n', 's', 'e', 'w']) || text.contains(['°', '"']) {
        return sexagesimal(text);
    }
    let text = text.trim_matches(|c: char| matches!(c, '(' | ')' | '[' | ']' | '{' | '}'));
    if let Some(position) = iso_6709(text) {
        return Ok(position);
    }
    whole_pair(text)
}

/// Two numbers at the start of a text, with a point as the decimal mark.
fn pair(text: &str) -> Result<(f64, f64), Issue> {
    let mut numbers = text
        .split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .filter(|part| !part.is_empty())
        .map_while(decimal);
    match (numbers.next(), numbers.next()) {
        (Some(first), Some(second)) => Ok((first, second)),
        _ => Err(Issue::Malformed),
    }
}

/// A number without exponent; never infinite, as a text is short.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte.is_ascii_digit());
    if is_decimal { text.parse().ok() } else { None }
}

/// A text that is two numbers and nothing else.
fn whole_pair(text: &str) -> Result<(f64, f64), Issue> {
    let commas = text.matches(',').count();
    let parts: Vec<&str> = if text.contains([';', '|']) {
        text.split([';', '|']).collect()
    } else if text.contains('.') || commas == 1 && !text.contains(", ") && !text.contains('.') {
        text.split([',', ' ', '/']).collect()
    } else if commas >= 2 && (text.contains(", ") || commas == 2 && text.contains(' ')) {
        // Decimal commas: `52,52, 13,40`, `52,52 13,40`.
        text.split(' ').map(|part| part.trim_end_matches(',')).collect()
    } else {
        text.split([',', ' ', '/']).collect()
    };
    let parts: Vec<&str> =
        parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
    // A third number is a height.
    let [first, second] = match parts[..] {
        [first, second] => [first, second],
        [first, second, height] if decimal(height).is_some() => [first, second],
        _ => return Err(Issue::Malformed),
    };
    let degrees = |text: &str| {
        let with_point = text.replacen(',', ".", usize::from(!text.contains('.')));
        decimal(&with_point).ok_or(Issue::Malformed)
    };
    Ok((degrees(first)?, degrees(second)?))
}

/// `+40.20361-075.00417/`: signs set the numbers apart.
fn iso_6709(text: &str) -> Option<(f64, f64)> {
    let body = text.trim_end_matches('/');
    if !body.starts_with(['+', '-']) || body.contains([',', ' ', ';']) {
        return None;
    }
    let split = 1 + body[1..].find(['+', '-'])?;
    let second = &body[split..];
    let end = second[1..].find(['+', '-']).map_or(second.len(), |height| 1 + height);
    Some((decimal(&body[..split])?, decimal(&second[..end])?))
}

/// `lat=52.5&lon=13.4`, `{"lng": 13.4, "lat": 52.5}`; `None` where no part is named so.
fn named(text: &str) -> Option<Result<(f64, f64), Issue>> {
    let latitude = text.find("lat")?;
    let longitude = text.find("lon").or_else(|| text.find("lng"))?;
    let after = |at: usize| {
        let rest = &text[at..];
        let start = rest.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))?;
        let number = &rest[start..];
        // Another name comes before the number.
        if rest[3..start].contains("lat") || rest[3..start].contains("lon") {
            return None;
        }
        let end = number
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.')))
            .unwrap_or(number.len());
        decimal(&number[..end])
    };
    Some(after(latitude).zip(after(longitude)).ok_or(Issue::Malformed))
}

/// Degrees, minutes and seconds.
fn sexagesimal(text: &str) -> Result<(f64, f64), Issue> {
    let mut numbers: Vec<(f64, char)> = Vec::new();
    let mut angles: Vec<(f64, Option<char>)> = Vec::new();
    let mut leading = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            'n' | 's' | 'e' | 'w' => {
                if numbers.is_empty() {
                    if leading.replace(c).is_some() {
                        return Err(Issue::Malformed);
                    }
                } else if leading.is_some() {
                    // The letters stand before their angles.
                    angles.push((angle(&mut numbers)?, leading.replace(c)));
                } else {
                    angles.push((angle(&mut numbers)?, Some(c)));
                }
            }
            '0'..='9' | '-' | '+' | '.' => {
                let end = rest[1..].find(|c: char| !(c.is_ascii_digit() || c == '.'));
                length = end.map_or(rest.len(), |end| 1 + end);
                let mut number = rest[..length].to_owned();
                // `26,767'`: a decimal comma within one part.
                if !number.contains('.') && rest[length..].starts_with(',') {
                    let decimals = &rest[length + 1..];
                    let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
                    if digits > 0 {
                        number.push('.');
                        number.push_str(&decimals[..digits]);
                        length += 1 + digits;
                    }
                }
                let sign = rest[length..].trim_start().chars().next().unwrap_or(' ');
                let is_new_angle = !numbers.is_empty() && sign == '°';
                // A hyphen can set parts apart: `40-26-46N`.
                let is_part = !numbers.is_empty() && !is_new_angle;
                let number = if is_part { number.trim_start_matches('-') } else { &number };
                if is_new_angle {
                    angles.push((angle(&mut numbers)?, leading.take()));
                }
                numbers.push((decimal(number).ok_or(Issue::Malformed)?, sign));
            }
            '°' | '\'' | '"' | ' ' | ',' | ';' | '/' | '(' | ')' | ':' | 'd' | 'm' => {}
            _ => return Err(Issue::Malformed),
        }
        rest = &rest[length..];
    }
    if !numbers.is_empty() {
        angles.push((angle(&mut numbers)?, leading.take()));
    }
    let [first, second] = angles[..] else { return Err(Issue::Malformed) };
    let is_latitude = |letter: char| matches!(letter, 'n' | 's');
    let signed = |(value, letter): (f64, Option<char>)| match letter {
        Some(_) if value < 0.0 => Err(Issue::Malformed),
        Some('s' | 'w') => Ok(-value),
        _ => Ok(value),
    };
    match (first.1, second.1) {
        (None, None) => Ok((signed(first)?, signed(second)?)),
        (Some(a), Some(b)) if is_latitude(a) && !is_latitude(b) => {
            Ok((signed(first)?, signed(second)?))
        }
        (Some(a), Some(b)) if !is_latitude(a) && is_latitude(b) => {
            Ok((signed(second)?, signed(first)?))
        }
        _ => Err(Issue::Malformed),
    }
}

/// The degrees of up to three numbers: degrees, minutes, seconds.
fn angle(numbers: &mut Vec<(f64, char)>) -> Result<f64, Issue> {
    let parts: Vec<f64> = numbers.drain(..).map(|(value, _)| value).collect();
    let (degrees, minutes, seconds) = match parts[..] {
        [degrees] => (degrees, 0.0, 0.0),
        [degrees, minutes] => (degrees, minutes, 0.0),
        [degrees, minutes, seconds] => (degrees, minutes, seconds),
        _ => return Err(Issue::Malformed),
    };
    let is_part = |value: f64| (0.0..60.0).contains(&value);
    if !is_part(minutes) || !is_part(seconds) {
        return Err(Issue::OutOfRange);
    }
    let size = degrees.abs() + minutes / 60.0 + seconds / 3600.0;
    Ok(if degrees.is_sign_negative() { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normalize::laws;

    #[test]
    fn one_place_in_many_spellings_is_one_place() {
        for text in [
            "52.5,13.4",
            "52.5000000 13.4000000",
            "(52.5; 13.4)",
            "52,5 13,4",
            "52,5; 13,4",
            "52,5, 13,4",
            "geo:52.5,13.4,34;u=10",
            "POINT (13.4 52.5)",
            "SRID=4326;POINT(13.4 52.5)",
            "POINT Z (13.4 52.5 34)",
            r#"{"type":"Point","coordinates":[13.4,52.5]}"#,
            "lat: 52.5, lon: 13.4",
            r#"{"lng": 13.4, "lat": 52.5}"#,
            "https://maps.example.org/@52.5,13.4,17z",
            "+52.5+013.4/",
            "52°30'N 13°24'E",
            "N 52° 30' E 13° 24'",
            "13°24'0\" E, 52°30'0\" N",
            "52 30 00 N 13 24 00 E",
            "52-30-00N, 13-24-00E",
            "52.5° N, 13.4° E",
            "52°30,000' N 13°24,000' E",
            "52°30' 13°24'",
            "+52°30' +13°24'",
        ] {
            assert_eq!(geo(text).canonical(), Some("52.500000,13.400000"), "{text}");
        }
    }

    #[test]
    fn a_sign_before_degrees_is_kept() {
        assert_eq!(geo("-52°30' -13°24'").canonical(), Some("-52.500000,-13.400000"));
        assert_eq!(geo("-0°30' 13°24'").canonical(), Some("-0.500000,13.400000"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn any_text_keeps_the_laws(text in any::<String>()) {
            laws::keep(&text, geo)?;
        }

        #[test]
        fn texts_like_places_keep_the_laws(
            text in r"(geo:|POINT ?\(|N ?|lat=)?-?[0-9]{1,3}([.,°][0-9]{1,8})?('|°|N| )?([0-9]{1,2}\x22)?(,|;| |S|/|&lon=)?-?[0-9]{1,3}([.,°][0-9]{1,8})?(E|W|\)|'|)",
        ) {
            laws::keep(&text, geo)?;
        }

        #[test]
        fn degrees_survive(latitude in -90.0..=90.0f64, longitude in -180.0..=180.0f64) {
            laws::keep(&format!("{latitude:.9},{longitude:.9}"), geo)?;
        }
    }
}
