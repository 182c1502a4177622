//! A word of a line: where it stands, and what it says once its quotes and escapes are undone.

use heapless::String;
use heapless::string::StringView;

/// A word as typed, with its place.
///
/// Its quotes and escapes are sound: the grammar has checked them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word in the line, quotes and escapes included.
    pub raw: &'a str,
    /// Its byte column in the line, doubled, and one more if any of it is quoted.
    ///
    /// One number: from a narrow field among wide ones, a processor waits for every field before
    /// it can move the word on, and a wide one of its own takes memory.
    place: usize,
}

impl<'a> Word<'a> {
    pub(crate) const fn new(raw: &'a str, at: usize, quoted: bool) -> Self {
        let place = at << 1 | quoted as usize;
        Self { raw, place }
    }

    /// Its byte column in the line.
    #[must_use]
    pub const fn at(self) -> usize {
        self.place >> 1
    }

    const fn is_quoted(self) -> bool {
        self.place & 1 != 0
    }

    /// A word that says `text` as it stands: what a JSON string becomes.
    #[must_use]
    pub const fn literal(text: &'a str) -> Self {
        Self::new(text, 0, false)
    }

    /// What the word says, character by character.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        Unquoted {
            rest: self.raw.chars(),
            open: if self.is_quoted() {
                Open::Nothing
            } else {
                Open::Literal
            },
        }
    }

    /// Whether the word says `text`.
    #[must_use]
    #[inline]
    pub fn is(self, text: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == text,
            None => self.says(text),
        }
    }

    #[cold]
    fn says(self, text: &str) -> bool {
        self.chars().eq(text.chars())
    }

    /// The word as it stands, if it says just that.
    #[inline]
    pub(crate) fn plain(self) -> Option<&'a str> {
        (!self.is_quoted()).then_some(self.raw)
    }

    /// How many bytes what the word says takes.
    pub(crate) fn len(self) -> usize {
        match self.plain() {
            Some(plain) => plain.len(),
            None => self.chars().map(char::len_utf8).sum(),
        }
    }

    /// What the word says, stored in place; `None` if it takes more than `N` bytes.
    #[must_use]
    pub fn copy<const N: usize>(self) -> Option<String<N>> {
        let mut text = String::new();
        self.say(&mut text).then_some(text)
    }

    /// Appends what the word says to `text`; whether there was room for all of it.
    pub(crate) fn say(self, text: &mut StringView) -> bool {
        match self.plain() {
            Some(plain) => text.push_str(plain).is_ok(),
            None => self.chars().all(|character| text.push(character).is_ok()),
        }
    }

    /// What the word says: a part of the line where it can be, or else stored in `room`; `None`
    /// if that is too small.
    #[inline]
    pub(crate) fn text<'b>(self, room: &'b mut StringView) -> Option<&'b str>
    where
        'a: 'b,
    {
        match self.plain() {
            Some(plain) => Some(plain),
            None => self.say(room).then_some(&*room),
        }
    }

    /// The option name and, behind an equals sign, its value, if this is an option: an unquoted
    /// `--` or `-x` opens it.
    #[inline]
    pub(crate) fn as_option(self) -> Option<(Self, Option<Self>)> {
        let mut start = self.raw.bytes();
        match (start.next(), start.next()) {
            (Some(b'-'), Some(next)) if next == b'-' || next.is_ascii_alphabetic() => {}
            _ => return None,
        }
        let equals = self.raw.bytes().position(|byte| byte == b'=');
        let parts = equals.and_then(|at| Some((self.raw.get(..at)?, self.raw.get(at + 1..)?)));
        let Some((name, value)) = parts else {
            return Some((self, None));
        };
        let value = Self::new(value, self.at() + name.len() + 1, self.is_quoted());
        Some((Self::new(name, self.at(), false), Some(value)))
    }
}

/// Undoes quotes and escapes.
struct Unquoted<'a> {
    rest: core::str::Chars<'a>,
    open: Open,
}

#[derive(Clone, Copy)]
enum Open {
    /// There are no quotes in this word: every character stands for itself.
    Literal,
    Nothing,
    Single,
    Double,
}

impl Iterator for Unquoted<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let character = self.rest.next()?;
            self.open = match (self.open, character) {
                (Open::Nothing, '"') => Open::Double,
                (Open::Nothing, '\'') => Open::Single,
                (Open::Double, '"') | (Open::Single, '\'') => Open::Nothing,
                (Open::Double, '\\') => return escaped(&mut self.rest),
                _ => return Some(character),
            };
        }
    }
}

/// Reads what follows a backslash; `None` if that is no escape.
pub(crate) fn escaped(rest: &mut core::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'n' => '\n',
        't' => '\t',
        same @ ('"' | '\\') => same,
        'x' => {
            let high = rest.next()?.to_digit(16)?;
            let low = rest.next()?.to_digit(16)?;
            // As in Rust: \x reaches ASCII only, because a lone higher byte is no character.
            char::from_u32(high << 4 | low).filter(char::is_ascii)?
        }
        'u' => return braced(rest),
        _ => return None,
    })
}

/// Reads `{1F600}`: one to six hexadecimal digits of a Unicode scalar value.
fn braced(rest: &mut core::str::Chars<'_>) -> Option<char> {
    if rest.next()? != '{' {
        return None;
    }
    let (mut value, mut digits) = (0, 0);
    loop {
        match rest.next()? {
            '}' if digits > 0 => return char::from_u32(value),
            digit if digits < 6 => value = value << 4 | digit.to_digit(16)?,
            _ => return None,
        }
        digits += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String as Owned;

    #[track_caller]
    fn check(raw: &str, said: &str) {
        let word = Word::new(raw, 0, true);
        assert_eq!(word.chars().collect::<Owned>(), said, "{raw:?}");
        assert!(word.is(said));
        assert_eq!(word.copy::<64>().unwrap(), said);
    }

    #[test]
    fn quotes_and_escapes_are_undone() {
        check("plain", "plain");
        check(r#"a"b c"d"#, "ab cd");
        check(r#"'a"b\n'"#, r#"a"b\n"#);
        check(r#""\"\\\n\t\x41\u{1F600}""#, "\"\\\n\tA\u{1F600}");
        check(r#""""#, "");
    }

    #[test]
    fn a_word_without_quotes_stands_for_itself() {
        assert!(Word::literal(r#"a"b\x"#).is(r#"a"b\x"#));
    }

    #[test]
    fn a_word_too_long_to_store_is_not_cut() {
        assert_eq!(Word::literal("12345").copy::<4>(), None);
        assert_eq!(Word::new("'1234'5", 0, true).copy::<4>(), None);
        assert!(Word::new("'1234'", 0, true).copy::<4>().is_some());
    }

    #[test]
    fn an_option_ends_at_its_equals_sign() {
        let (name, value) = Word::new("--in='5 s'", 7, true).as_option().unwrap();
        assert_eq!((name.raw, name.at()), ("--in", 7));
        let value = value.unwrap();
        assert_eq!((value.raw, value.at()), ("'5 s'", 12));
        assert!(value.is("5 s"));
        assert_eq!(Word::literal("-").as_option(), None);
        assert_eq!(Word::literal("-5").as_option(), None);
        assert_eq!(Word::new("'--in'", 0, true).as_option(), None);
    }
}
