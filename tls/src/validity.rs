//! The time for which a certificate is still valid, in words.

use std::fmt;

/// The days before a certificate's expiry from which on it is warned of.
pub const WARNING_DAYS: i64 = 30;
const DAY_S: i64 = 24 * 3_600;

/// The time for which a certificate is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateValidity {
    left_s: i64,
}

impl CertificateValidity {
    /// Returns that of a certificate that is valid until `not_after_unix_s`.
    #[must_use]
    pub const fn of(not_after_unix_s: i64, now_unix_s: i64) -> Self {
        Self {
            left_s: not_after_unix_s.saturating_sub(now_unix_s),
        }
    }

    /// Returns whether it expires soon, or has expired.
    #[must_use]
    pub const fn is_short(self) -> bool {
        self.left_s < WARNING_DAYS * DAY_S
    }

    /// Returns it in seconds; 0 if it has expired.
    #[must_use]
    pub const fn left_s(self) -> u64 {
        if self.left_s < 0 {
            0
        } else {
            self.left_s.unsigned_abs()
        }
    }
}

impl fmt::Display for CertificateValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.left_s / DAY_S;
        match self.left_s {
            ..=0 => f.write_str("expired"),
            left_s if left_s < DAY_S => write!(f, "expires in {} hours", left_s / 3_600),
            _ if self.is_short() => write!(f, "expires in {days} days"),
            _ => write!(f, "valid for {days} days"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_tell_what_is_soon() {
        let of = |left_s| CertificateValidity::of(1_000_000 + left_s, 1_000_000);
        for (left_s, expected, is_short) in [
            (-1, "expired", true),
            (0, "expired", true),
            (7_300, "expires in 2 hours", true),
            (DAY_S, "expires in 1 days", true),
            (30 * DAY_S - 1, "expires in 29 days", true),
            (30 * DAY_S, "valid for 30 days", false),
        ] {
            assert_eq!(of(left_s).to_string(), expected);
            assert_eq!(of(left_s).is_short(), is_short, "{left_s}");
        }
        assert_eq!((of(-5).left_s(), of(5).left_s()), (0, 5));
    }
}
