//! Times of the clock, as people read them.

use crate::pen::Pen;

/// Writes a time as `2026-11-21 18:20:03` in UTC.
pub(crate) fn time(pen: &mut Pen<'_>, unix_ms: u64) {
    let seconds = unix_ms / 1_000;
    let (year, month, day) = date(seconds / 86_400);
    pen.number(year);
    for (between, number) in [
        ("-", month),
        ("-", day),
        (" ", seconds / 3_600 % 24),
        (":", seconds / 60 % 60),
        (":", seconds % 60),
    ] {
        pen.text(between);
        pen.text(if number < 10 { "0" } else { "" });
        pen.number(number);
    }
}

/// The date so many days after 1970-01-01: year, month and day, all counted as people do.
///
/// Years begin in March here, so that the day that comes and goes is their last; the lengths of
/// months then go in a row of five (153 days) that repeats.
fn date(days: u64) -> (u64, u64, u64) {
    /// From 0000-03-01 to 1970-01-01.
    const BEFORE: u64 = 719_468;
    const FOUR_CENTURIES: u64 = 146_097;
    let days = days + BEFORE;
    let in_era = days % FOUR_CENTURIES;
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    let year = days / FOUR_CENTURIES * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_778, (2026, 11, 21)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
