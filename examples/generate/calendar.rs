//! Days and how files write them.

/// The first day on which a record of the generated files can have changed: 2012-01-01.
pub(super) const FIRST_DAY: i32 = 15_340;
/// The last such day: 2025-06-30.
pub(super) const LAST_DAY: i32 = 20_269;

/// A day as it was typed in; `month` and `day` need not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Date {
    pub(super) year: i32,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Date {
    /// The date `days` after 1970-01-01.
    ///
    /// # References
    /// Hinnant (2013), chrono-Compatible Low-Level Date Algorithms, `civil_from_days`.
    pub(super) fn from_days(days: i32) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * from_march + 2) / 5 + 1) as u8;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u8;
        Self { year: year_of_era + era * 400 + i32::from(month <= 2), month, day }
    }

    /// `1980-05-17`.
    pub(super) fn iso(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `17/05/1980`.
    pub(super) fn day_first(self, separator: char) -> String {
        format!("{:02}{separator}{:02}{separator}{:04}", self.day, self.month, self.year)
    }
}

/// `14:03:59`, from the seconds since midnight.
pub(super) fn clock(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_dates_of_the_calendar() {
        for (days, iso) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (-25_567, "1900-01-01"),
            (FIRST_DAY, "2012-01-01"),
            (LAST_DAY, "2025-06-30"),
        ] {
            assert_eq!(Date::from_days(days).iso(), iso);
        }
        assert_eq!(Date::from_days(0).day_first('.'), "01.01.1970");
        assert_eq!(clock(50_639), "14:03:59");
    }
}
