//! What a board says when it says no: one closed set of codes for every dialect.

use crate::codec::{Field, Writer, fields};
use crate::digits;
use crate::message::opcode;
use crate::units::{OperationId, Text};
use crate::words;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The longest detail, in bytes.
pub const DETAIL_BYTES: usize = 96;

/// The longest cause, in bytes.
pub const CAUSE_BYTES: usize = 64;

/// Why a request was not carried out: a stable number and symbol, and a short detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    /// What kind of no this is.
    pub code: Code,
    /// What exactly; may be empty. Two details are fixed: `invalid command` and `fail`.
    pub detail: Text<DETAIL_BYTES>,
    /// The cause behind it, where the detail is fixed; may be empty.
    pub cause: Text<CAUSE_BYTES>,
}

fields! {
    Refusal { code, detail, cause }
}

/// A refusal in pieces: with `core::fmt` they would cost a small board kilobytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces<'a> {
    pub(crate) code: Code,
    /// How the detail begins.
    pub(crate) lead: &'a str,
    pub(crate) number: Number,
    /// How it ends.
    pub(crate) tail: &'a str,
}

/// A number in a detail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// There is none.
    None,
    /// ` op=7`, and a colon if more follows.
    Operation(OperationId),
    /// Two hexadecimal digits.
    Opcode(u8),
}

impl<'a> Pieces<'a> {
    /// With this detail, cut at a character boundary if it is too long.
    pub(crate) fn plain(code: Code, detail: &'a str) -> Self {
        let fits = detail.get(..detail.floor_char_boundary(DETAIL_BYTES));
        Self {
            code,
            lead: fits.unwrap_or_default(),
            number: Number::None,
            tail: "",
        }
    }

    /// Writes the body of the refusal, without making it first; returns its opcode.
    pub(crate) fn write(&self, out: &mut Writer<'_>) -> u8 {
        self.code.write(out);
        out.pieces(|out| self.say(&mut |piece| out.array(piece.as_bytes())));
        "".write(out);
        opcode::REFUSED
    }

    /// The refusal.
    pub(crate) fn refusal(&self) -> Refusal {
        let mut detail = Text::new();
        // It fits: no operation's name and id are that long.
        self.say(&mut |piece| drop(detail.push_str(piece)));
        Refusal {
            code: self.code,
            detail,
            cause: Text::new(),
        }
    }

    /// Hands out the detail, piece by piece.
    // Not generic: frames and lines share it.
    fn say(&self, say: &mut dyn FnMut(&str)) {
        say(self.lead);
        match self.number {
            Number::None => {}
            Number::Operation(id) => {
                say(" op=");
                digits::decimal(id.0, &mut *say);
                if !self.tail.is_empty() {
                    say(": ");
                }
            }
            Number::Opcode(opcode) => digits::hexadecimal(opcode, &mut *say),
        }
        say(self.tail);
    }
}

impl Refusal {
    /// A refusal whose detail is `detail`, cut at a character boundary if it is too long.
    #[must_use]
    pub fn new(code: Code, detail: &str) -> Self {
        Pieces::plain(code, detail).refusal()
    }

    /// The same with a cause, cut at a character boundary if it is too long.
    #[must_use]
    pub fn because(self, cause: &str) -> Self {
        let fits = cause.get(..cause.floor_char_boundary(CAUSE_BYTES));
        Self {
            cause: Text::try_from(fits.unwrap_or_default()).unwrap_or_default(),
            ..self
        }
    }

    /// Writes the body of [`Refusal::new`], without making it first; returns its opcode.
    pub fn write_new(code: Code, detail: &str, out: &mut Writer<'_>) -> u8 {
        Pieces::plain(code, detail).write(out)
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
                let mut place = 0;
                while place < Self::ALL.len() && Self::ALL[place].number() != self.number() {
                    place += 1;
                }
                words::nth(concat!($($symbol, "\n"),*), place)
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

impl Field for Code {
    fn write(&self, out: &mut Writer<'_>) {
        out.number(self.number().into());
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
