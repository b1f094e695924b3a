/// Mean radius of the Earth in metres, R1 of the GRS 80 ellipsoid.
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Great-circle distance in metres between two places, each latitude and longitude in degrees.
///
/// The Earth is taken for a sphere, which is at most 0.6 % off. From 0 to half of the circumference;
/// longitudes may go round any number of times. NaN where a coordinate is not finite.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::haversine_m;
/// let metres = haversine_m([52.5200, 13.4050], [48.1372, 11.5756]); // Berlin, Munich
/// assert_eq!(metres.round(), 504_306.0);
/// ```
///
/// # References
/// Sinnott (1984), Virtues of the Haversine, Sky and Telescope 68(2), 159. Radius: Moritz (2000),
/// Geodetic Reference System 1980, Journal of Geodesy 74, 128-133.
#[must_use]
pub fn haversine_m(left: [f64; 2], right: [f64; 2]) -> f64 {
    let half_sine = |difference: f64| {
        let sine = libm::sin(difference.to_radians() / 2.0);
        sine * sine
    };
    let cosine = |latitude: f64| libm::cos(latitude.to_radians());
    let chord = half_sine(right[0] - left[0])
        + cosine(left[0]) * cosine(right[0]) * half_sine(right[1] - left[1]);
    if chord.is_nan() {
        return f64::NAN;
    }
    2.0 * EARTH_RADIUS_M * libm::asin(libm::sqrt(chord.clamp(0.0, 1.0)))
}

/// The difference of two numbers as a share of the one further from 0: from 0 (equal) to 2
/// (opposite).
///
/// Infinite where they differ and one is not finite, or is not a number.
///
/// # Examples
/// ```
/// use cdm_core::compare::metric::relative_difference;
/// assert_eq!(relative_difference(95.0, 100.0), 0.05);
/// assert_eq!(relative_difference(0.0, -0.0), 0.0);
/// assert_eq!(relative_difference(5.0, -5.0), 2.0);
/// ```
#[must_use]
pub fn relative_difference(left: f64, right: f64) -> f64 {
    if left == right {
        return 0.0;
    }
    if !left.is_finite() || !right.is_finite() {
        return f64::INFINITY;
    }
    let scale = left.abs().max(right.abs());
    let difference = (left - right).abs();
    // Two huge numbers of opposite sign may be further apart than any number is large.
    if difference.is_finite() { difference / scale } else { (left / scale - right / scale).abs() }
}
