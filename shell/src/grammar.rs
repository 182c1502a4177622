//! The grammar of a line, in nom: blanks, tags, words, separators, comments.
//!
//! ```text
//! line = ws [tag ws1] [list] ws ["#" any]      list = cmd *(ws (";" / "&&") ws cmd)
//! word = 1*(bare / "dq with \" \\ \n \t \xHH \u{}" / 'sq')
//! ```

use crate::fault::{Blame, Failed, Flaw};
use crate::tag::Tag;
use crate::word::{Word, escaped};
use nom::branch::alt;
use nom::error::{ErrorKind, ParseError};
use nom::multi::fold_many1;
use nom::{Err, IResult, Parser};

/// A line and how far it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    line: &'a str,
    at: usize,
    taken: usize,
    blame: Blame<'a>,
}

/// What ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// Another command follows.
    Next,
    /// Nothing follows, or a comment.
    End,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(line: &'a str, blame: Blame<'a>) -> Self {
        Self {
            line,
            at: 0,
            taken: 0,
            blame,
        }
    }

    /// The byte column.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Where it is written down what is wrong with the line.
    pub(crate) const fn blame(&self) -> Blame<'a> {
        self.blame
    }

    /// Skips blanks and returns the byte column behind them.
    pub(crate) fn next(&mut self) -> usize {
        self.skip_blanks();
        self.at
    }

    /// The byte column behind the last word.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }

    /// Reads the tag that comes next, if one does.
    #[inline]
    pub(crate) fn tag(&mut self) -> Result<Option<Tag>, Failed> {
        self.skip_blanks();
        if self.peek() == Some(b'@') {
            self.tag_here().map(Some)
        } else {
            Ok(None)
        }
    }

    #[cold]
    fn tag_here(&mut self) -> Result<Tag, Failed> {
        let name = tag_name(self.rest());
        let at = self.at;
        self.at += 1 + name.len();
        let bad = |()| self.blame.flaw(Flaw::BadTag, at, 1 + name.len());
        Tag::new(name).ok_or(()).map_err(bad)
    }

    /// Reads the next word of this command; `None` at the command's end.
    #[inline]
    pub(crate) fn word(&mut self) -> Result<Option<Word<'a>>, Failed> {
        self.skip_blanks();
        let (bytes, at) = (self.line.as_bytes(), self.at);
        let end = bare_end(bytes, at);
        let mut quoted = false;
        match bytes.get(end) {
            None | Some(b';' | b'&' | b'|') if end == at => return Ok(None),
            _ if self.peek() == Some(b'#') => return Ok(None),
            Some(byte) if end == at || matches!(byte, b'"' | b'\'') => {
                self.take(word)?;
                quoted = true;
            }
            // Nearly every word: no quote in it.
            _ => self.at = end,
        }
        self.taken = self.at;
        let raw = self.line.get(at..self.at).unwrap_or_default();
        Ok(Some(Word::new(raw, at, quoted)))
    }

    /// Reads what ends the command.
    pub(crate) fn separator(&mut self) -> Result<Separator, Failed> {
        self.skip_blanks();
        match self.peek() {
            None | Some(b'#') => Ok(Separator::End),
            Some(b'|') => Err(self.blame.flaw(Flaw::Filter, self.at, 1)),
            Some(_) => self.take(separator).map(|()| Separator::Next),
        }
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte.
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Runs a parser and moves behind what it took.
    #[cold]
    fn take(&mut self, parser: fn(&'a str) -> Parsed<'a, ()>) -> Result<(), Failed> {
        let wrong = match parser(self.rest()) {
            Ok((rest, ())) => {
                self.at = self.line.len() - rest.len();
                return Ok(());
            }
            Err(Err::Error(wrong) | Err::Failure(wrong)) => wrong,
            Err(Err::Incomplete(_)) => Wrong("", Flaw::UnexpectedCharacter),
        };
        let at = self.line.len() - wrong.0.len();
        Err(self.blame.flaw(wrong.1, at, wrong.len()))
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Wrong<'a>>;

/// Where no parser of the grammar goes on, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wrong<'a>(&'a str, Flaw);

impl Wrong<'_> {
    /// How many bytes are wrong.
    fn len(self) -> usize {
        let mut behind = self.0.chars();
        if self.1 == Flaw::UnterminatedQuote {
            return self.0.len();
        }
        behind.next();
        if self.1 == Flaw::BadEscape {
            let _ = escaped(&mut behind);
        }
        self.0.len() - behind.as_str().len()
    }
}

impl<'a> ParseError<&'a str> for Wrong<'a> {
    fn from_error_kind(input: &'a str, _: ErrorKind) -> Self {
        Self(input, Flaw::UnexpectedCharacter)
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// One word.
fn word(input: &str) -> Parsed<'_, ()> {
    fold_many1(part, || (), |(), ()| ()).parse(input)
}

/// A part of a word, with quotes or without.
fn part(input: &str) -> Parsed<'_, ()> {
    match input.chars().next() {
        Some(mark @ ('\'' | '"')) => quoted(input, mark),
        _ => bare(input),
    }
}

/// What needs no quotes. Only ASCII ends it.
fn bare(input: &str) -> Parsed<'_, ()> {
    let end = bare_end(input.as_bytes(), 0);
    match input.get(end..) {
        Some(rest) if end > 0 => Ok((rest, ())),
        _ => Err(unexpected(input)),
    }
}

/// `'sq'`, where nothing is special, or `"dq"` with escapes.
fn quoted(input: &str, mark: char) -> Parsed<'_, ()> {
    let mut rest = input.chars();
    rest.next();
    loop {
        let here = rest.as_str();
        let flaw = match rest.next() {
            Some(character) if character == mark => return Ok((rest.as_str(), ())),
            Some('\\') if mark == '"' && here.len() > 1 => match escaped(&mut rest) {
                Some(_) => continue,
                None => Wrong(here, Flaw::BadEscape),
            },
            Some(_) => continue,
            None => Wrong(input, Flaw::UnterminatedQuote),
        };
        return Err(Err::Failure(flaw));
    }
}

/// `;` or `&&`.
fn separator(input: &str) -> Parsed<'_, ()> {
    alt((literal(";"), literal("&&"))).parse(input)
}

/// Just this text.
fn literal<'a>(text: &'static str) -> impl Fn(&'a str) -> Parsed<'a, ()> {
    move |input| match input.strip_prefix(text) {
        Some(rest) => Ok((rest, ())),
        None => Err(unexpected(input)),
    }
}

const fn unexpected(input: &str) -> Err<Wrong<'_>> {
    Err::Error(Wrong(input, Flaw::UnexpectedCharacter))
}

/// The tag at the beginning of a line that is not fit to read, for its answer.
pub(crate) fn leading_tag(line: &str) -> Option<Tag> {
    line.strip_prefix('@')?;
    Tag::new(tag_name(line))
}

/// What stands between the first character, an `@`, and a blank or the end.
fn tag_name(input: &str) -> &str {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = input.bytes().position(|byte| is_blank(&byte));
    input.get(1..end.unwrap_or(input.len())).unwrap_or_default()
}

/// Where what needs no quotes ends that begins here.
#[inline]
fn bare_end(bytes: &[u8], begin: usize) -> usize {
    let mut end = begin;
    while let Some(byte) = bytes.get(end)
        && is_bare(*byte)
    {
        end += 1;
    }
    end
}

/// `#` opens a comment only where a word could begin; within one it is like any other.
const fn is_bare(byte: u8) -> bool {
    // Letters first: most are.
    matches!(byte, b'@'..=b'{')
        || !matches!(byte, 0..=b' ' | b'"' | b'\'' | b';' | b'&' | b'|' | 0x7F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use core::cell::Cell;

    /// Reads words until one is wrong or the command ends.
    fn words(line: &str) -> Result<Vec<(usize, String)>, Fault> {
        let fault = Cell::new(None);
        read_words(line, Blame(&fault)).map_err(|Failed| fault.get().unwrap())
    }

    fn read_words(line: &str, blame: Blame<'_>) -> Result<Vec<(usize, String)>, Failed> {
        let mut cursor = Cursor::new(line, blame);
        let mut words = Vec::new();
        while let Some(word) = cursor.word()? {
            words.push((word.at(), word.chars().collect()));
        }
        cursor.separator().map(|_| words)
    }

    #[track_caller]
    fn check(line: &str, expected: &[(usize, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(at, text)| (*at, (*text).into()))
            .collect();
        assert_eq!(words(line), Ok(expected), "{line:?}");
    }

    #[track_caller]
    fn check_fault(line: &str, at: usize, len: usize, message: &str) {
        let fault = words(line).unwrap_err();
        assert_eq!(
            (fault.at, fault.len, fault.message),
            (at, len, message),
            "{line:?}"
        );
    }

    #[test]
    fn words_know_their_byte_column() {
        check("", &[]);
        check("  a\tb ", &[(2, "a"), (4, "b")]);
        check("é b", &[(0, "é"), (3, "b")]);
        check(r#"a"b c"'d' "" e"#, &[(0, "ab cd"), (10, ""), (13, "e")]);
        check("a; b", &[(0, "a")]);
        check("a&&b", &[(0, "a")]);
    }

    #[test]
    fn a_comment_begins_where_a_word_could() {
        check("a #b", &[(0, "a")]);
        check("# a", &[]);
        check("#it's", &[]);
        check("a #\"b", &[(0, "a")]);
        check("a#b", &[(0, "a#b")]);
    }

    #[test]
    fn faults_point_at_what_is_wrong() {
        check_fault("a \"b c", 2, 4, "unterminated quote");
        check_fault("a 'b c", 2, 4, "unterminated quote");
        check_fault(r#"a "b\"#, 2, 3, "unterminated quote");
        check_fault(r#"a "b\q c""#, 4, 2, "bad escape");
        check_fault(r#"a "\x80""#, 3, 4, "bad escape");
        check_fault(r#"a "\u{110000}""#, 3, 10, "bad escape");
        check_fault("a | grep b", 2, 1, "filters are not available");
        check_fault("a & b", 2, 1, "unexpected character");
        check_fault("a \x01", 2, 1, "unexpected character");
    }

    #[test]
    fn a_tag_is_short_and_stands_apart() {
        let fault = Cell::new(None);
        let mut cursor = Cursor::new(" @a-1 b", Blame(&fault));
        assert_eq!(cursor.tag(), Ok(Tag::new("a-1")));
        assert_eq!(cursor.tag(), Ok(None));
        assert_eq!(cursor.word().unwrap().unwrap().at(), 6);
        for line in ["@", "@ a", "@123456789", "@a;b"] {
            assert_eq!(Cursor::new(line, Blame(&fault)).tag(), Err(Failed));
            assert_eq!(fault.take().unwrap().at, 0, "{line:?}");
        }
        assert_eq!(leading_tag("@7 and more"), Tag::new("7"));
        assert_eq!(leading_tag("no @7"), None);
    }
}
