//! What a board says when it says no: one closed set of codes for every dialect.

use crate::digits;
use crate::units::Text;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The longest detail, in bytes.
pub const DETAIL_BYTES: usize = 96;

/// Why a request was not carried out: a stable number and symbol, and a short detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// What kind of no this is.
    pub code: Code,
    /// What exactly; may be empty. Two details are fixed: `invalid command` and `fail`.
    pub detail: Text<DETAIL_BYTES>,
}

/// A piece of a detail. Without `core::fmt`, which costs a small board kilobytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// As it stands.
    Text(&'a str),
    /// In decimal.
    Number(u64),
    /// As `0x` and two hexadecimal digits.
    Byte(u8),
}

impl Refusal {
    /// A refusal whose detail is `detail`, cut at a character boundary if it is too long.
    #[must_use]
    pub fn new(code: Code, detail: &str) -> Self {
        Self::of_parts(code, &[Part::Text(detail)])
    }

    /// As [`Refusal::new`], with the parts laid end to end.
    #[must_use]
    pub fn of_parts(code: Code, parts: &[Part<'_>]) -> Self {
        let mut refusal = Self {
            code,
            detail: Text::new(),
        };
        for part in parts {
            match part {
                Part::Text(text) => refusal.append(text),
                Part::Number(number) => digits::decimal(*number, |digit| refusal.append(digit)),
                Part::Byte(byte) => {
                    refusal.append("0x");
                    digits::hexadecimal(*byte, |digit| refusal.append(digit));
                }
            }
        }
        refusal
    }

    /// Appends what fits.
    fn append(&mut self, text: &str) {
        let room = DETAIL_BYTES.saturating_sub(self.detail.len());
        let fits = text.get(..text.floor_char_boundary(room));
        // There is room: that much was cut off.
        let _ = self.detail.push_str(fits.unwrap_or_default());
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $symbol:literal;)*) => {
        /// The kinds of refusal. Numbers and symbols never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "u16", into = "u16")]
        #[repr(u16)]
        pub enum Code { $($(#[$doc])* $name = $number,)* }

        impl Code {
            /// Every code, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The symbol a script matches, such as `busy`.
            #[must_use]
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$name => $symbol,)* }
            }
        }

        impl TryFrom<u16> for Code {
            type Error = &'static str;

            fn try_from(number: u16) -> Result<Self, Self::Error> {
                match number {
                    $($number => Ok(Self::$name),)*
                    _ => Err("not a code of this protocol"),
                }
            }
        }
    };
}

codes! {
    /// The line or body does not parse.
    Syntax = 400, "syntax";
    /// This needs a login.
    Login = 401, "login";
    /// This session may not.
    NotAllowed = 403, "not_allowed";
    /// No such command, option, service or operation.
    Unknown = 404, "unknown";
    /// It took too long.
    Timeout = 408, "timeout";
    /// Something else has the board or the link.
    Busy = 409, "busy";
    /// Dangerous; say it again with the token.
    ConfirmNeeded = 412, "confirm_needed";
    /// The line or frame is over the limit; nothing of it ran.
    TooLong = 413, "too_long";
    /// Not in this dialect or mode.
    Mode = 415, "mode";
    /// A value is out of range or of the wrong kind.
    BadValue = 422, "bad_value";
    /// More requests at once than the session's credit.
    SlowDown = 429, "slow_down";
    /// Cancelled before it took effect.
    Aborted = 499, "aborted";
    /// The board failed to do it.
    Internal = 500, "internal";
    /// This board cannot.
    NotHere = 501, "not_here";
    /// What would do it is not running.
    Offline = 503, "offline";
}

impl Code {
    /// The stable number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl From<Code> for u16 {
    fn from(code: Code) -> Self {
        code.number()
    }
}

impl fmt::Display for Code {
    /// `409 busy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.symbol())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_number() {
        for code in Code::ALL {
            assert_eq!(Code::try_from(code.number()), Ok(*code));
        }
        assert!(Code::try_from(402).is_err());
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let long = "é".repeat(DETAIL_BYTES);
        assert_eq!(
            Refusal::new(Code::Unknown, &long).detail.len(),
            DETAIL_BYTES
        );
        let odd = format!("x{long}");
        assert_eq!(
            Refusal::new(Code::Unknown, &odd).detail.len(),
            DETAIL_BYTES - 1
        );
    }
}
