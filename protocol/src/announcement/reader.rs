//! Finds announcements in whatever else a line says.

use super::{ANNOUNCEMENT_BYTES, Announcement, HEAD, SUM_DIGITS, SUM_KEY, UUID_BYTES};
use crate::checksum;
use crate::identity::{Cause, NAME_BYTES};
use crate::units::Text;

/// Finds announcements in text, byte by byte.
///
/// Something else may stand before one on its line, and one that was cut off as well. What stands
/// behind one is not waited for: its checksum says that it is whole.
#[derive(Clone, Debug)]
pub struct AnnouncementReader {
    /// The printable bytes since the last one that is not, or the end of them.
    buffer: [u8; BUFFER_BYTES],
    length: usize,
}

impl AnnouncementReader {
    /// A reader that has read nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buffer: [0; BUFFER_BYTES],
            length: 0,
        }
    }

    /// Takes a byte of text, and returns the announcement that ends with it.
    pub fn push(&mut self, byte: u8) -> Option<Announcement> {
        if !matches!(byte, b' '..=b'~') {
            self.length = 0;
            return None;
        }
        if self.length == BUFFER_BYTES {
            // What is kept holds the longest announcement.
            self.buffer
                .copy_within(BUFFER_BYTES - ANNOUNCEMENT_BYTES.., 0);
            self.length = ANNOUNCEMENT_BYTES;
        }
        *self.buffer.get_mut(self.length)? = byte;
        self.length += 1;
        let text = str::from_utf8(self.buffer.get(..self.length)?).ok()?;
        let (_, sum) =
            text.split_at_checked(self.length.checked_sub(SUM_KEY.len() + SUM_DIGITS)?)?;
        if !sum.starts_with(SUM_KEY) {
            return None;
        }
        let mut starts = text.match_indices(HEAD);
        starts.find_map(|(at, _)| Announcement::read(text.get(at..)?))
    }
}

impl Default for AnnouncementReader {
    fn default() -> Self {
        Self::new()
    }
}

impl Announcement {
    /// Reads an announcement from its exclamation mark to its checksum; `None` if it is none, or
    /// damaged. Keys that are not known are passed over.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (summed, sum) = text.split_at_checked(text.rfind(SUM_KEY)?)?;
        let digits = sum.strip_prefix(SUM_KEY)?;
        let is_sum = digits.len() == SUM_DIGITS && digits.bytes().all(|it| it.is_ascii_hexdigit());
        let told = u32::from_str_radix(digits, 16).ok().filter(|_| is_sum)?;
        if told != checksum::of_parts(&[summed.as_bytes()]) {
            return None;
        }
        let mut rest = summed.strip_prefix(HEAD)?;
        let (mut name, mut boot, mut cause) = (Text::new(), None, Cause::Unknown);
        while let Some(behind) = rest.strip_prefix(' ') {
            let (key, behind) = behind.split_once('=')?;
            let mut value = ValueReader { rest: behind };
            match key {
                "name" => name = value.text()?,
                "boot" => boot = Some(value.text::<UUID_BYTES>()?.parse().ok()?),
                "cause" => cause = cause_of(&value.text::<NAME_BYTES>()?),
                _ => value.skip()?,
            }
            rest = value.rest;
        }
        let boot = boot.filter(|_| rest.is_empty())?;
        Some(Self { name, boot, cause })
    }
}

/// A newer board may know causes that this side does not.
fn cause_of(word: &str) -> Cause {
    let known = [
        Cause::Requested,
        Cause::External,
        Cause::PowerOn,
        Cause::Watchdog,
    ];
    let mut known = known.into_iter();
    known.find(|it| it.word() == word).unwrap_or(Cause::Unknown)
}

/// The value of a key, and what stands behind it.
struct ValueReader<'a> {
    rest: &'a str,
}

impl ValueReader<'_> {
    /// Reads what it says; `None` if that takes more than `N` bytes, or is no word.
    fn text<const N: usize>(&mut self) -> Option<Text<N>> {
        let mut text = Text::new();
        self.each(|character| text.push(character).ok())?;
        Some(text)
    }

    fn skip(&mut self) -> Option<()> {
        self.each(|_| Some(()))
    }

    /// Hands each character of it to `take`, its quotes and escapes undone.
    fn each(&mut self, mut take: impl FnMut(char) -> Option<()>) -> Option<()> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(' ').unwrap_or(self.rest.len());
            let (bare, behind) = self.rest.split_at_checked(end)?;
            self.rest = behind;
            return bare.chars().try_for_each(take);
        };
        self.rest = quoted;
        loop {
            let character = match self.next()? {
                '"' => return Some(()),
                '\\' => self.escaped()?,
                character => character,
            };
            take(character)?;
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Reads what stands behind a backslash, as the shell's grammar has it.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            'n' => '\n',
            't' => '\t',
            'x' => {
                let (digits, behind) = self.rest.split_at_checked(2)?;
                self.rest = behind;
                char::from(u8::from_str_radix(digits, 16).ok()?)
            }
            'u' => {
                let (digits, behind) = self.rest.strip_prefix('{')?.split_once('}')?;
                self.rest = behind;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            same @ ('"' | '\\') => same,
            _ => return None,
        })
    }
}

/// Room for two announcements: one that was cut off may stand before the whole one.
const BUFFER_BYTES: usize = 2 * ANNOUNCEMENT_BYTES;
