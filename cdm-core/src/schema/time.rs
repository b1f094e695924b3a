use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Written and read as RFC 3339, such as `2024-05-01T12:30:00Z`; a date alone is its first
/// moment, a time without an offset is taken as UTC.
///
/// # Examples
/// ```
/// use cdm_core::Timestamp;
/// let time: Timestamp = "2024-05-01 12:30".parse()?;
/// assert_eq!(time.to_string(), "2024-05-01T12:30:00Z");
/// # Ok::<(), cdm_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that many milliseconds after the start of 1970 (before it where negative), where
    /// that lies within the years -9999 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(millis).ok().map(|_| Self(millis))
    }

    /// Milliseconds since the start of 1970.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The door checks the range, so the fallback is never shown.
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let utc = |civil: DateTime| civil.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
        text.parse::<jiff::Timestamp>()
            .ok()
            .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
            .or_else(|| {
                text.parse::<Date>()
                    .ok()
                    .and_then(|date| utc(date.to_datetime(jiff::civil::Time::midnight())))
            })
            .map(|moment| Self(moment.as_millisecond()))
            .ok_or_else(|| Error::UnknownChoice {
                what: "time",
                value: text.chars().take(40).collect(),
                suggestion: None,
                wanted: "RFC 3339, such as 2024-05-01T12:30:00Z or 2024-05-01".into(),
            })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_local_times_and_offsets_are_read_and_nonsense_is_not() {
        let millis = |text: &str| text.parse::<Timestamp>().unwrap().as_millis();
        assert_eq!(millis("1970-01-02"), 86_400_000);
        assert_eq!(millis("1970-01-01T01:00:00+01:00"), 0);
        assert_eq!(millis("1970-01-01 00:00:01.5"), 1500);
        for bad in ["", "yesterday", "2024-13-01", "99999999999999-01-01"] {
            assert_eq!(bad.parse::<Timestamp>().unwrap_err().code(), "UNKNOWN_CHOICE", "{bad}");
        }
        assert!(Timestamp::from_millis(i64::MAX).is_none());
    }
}
