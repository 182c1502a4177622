//! The grammar of a line, in nom: blanks, tags, words, separators, comments.
//!
//! ```text
//! line = ws [tag ws1] [list] ws ["#" any]      list = cmd *(ws (";" / "&&") ws cmd)
//! word = 1*(bare / "dq with \" \\ \n \t \xHH \u{}" / 'sq')
//! ```

use crate::fault::Fault;
use crate::tag::Tag;
use crate::word::{Word, escaped};
use lastword_protocol::refusal::Code;
use nom::branch::alt;
use nom::bytes::complete::{tag as literal, take_till, take_while1};
use nom::character::complete::char;
use nom::combinator::cut;
use nom::error::{ErrorKind, ParseError};
use nom::multi::{fold_many1, many0_count};
use nom::sequence::{delimited, preceded};
use nom::{Err, IResult, Parser};

/// A line and how far it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    line: &'a str,
    rest: &'a str,
    taken: usize,
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
    pub(crate) const fn new(line: &'a str) -> Self {
        Self {
            line,
            rest: line,
            taken: 0,
        }
    }

    /// The byte column.
    pub(crate) const fn at(&self) -> usize {
        self.line.len() - self.rest.len()
    }

    /// Skips blanks and returns the byte column behind them.
    pub(crate) fn next(&mut self) -> usize {
        self.skip_blanks();
        self.at()
    }

    /// The byte column behind the last word.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }

    /// Whether a tag comes next.
    pub(crate) fn is_at_tag(&mut self) -> bool {
        self.skip_blanks();
        self.rest.as_bytes().first() == Some(&b'@')
    }

    /// Reads the tag that comes next.
    #[cold]
    pub(crate) fn tag(&mut self) -> Result<Tag, Fault> {
        self.take(tag)
    }

    /// Reads the next word of this command; `None` at the command's end.
    #[inline]
    pub(crate) fn word(&mut self) -> Result<Option<Word<'a>>, Fault> {
        self.skip_blanks();
        let (at, bytes) = (self.at(), self.rest.as_bytes());
        let bare = bare_bytes(bytes);
        let (length, quoted) = match (bare, bytes.get(bare)) {
            (0, None | Some(b';' | b'&' | b'|')) => return Ok(None),
            _ if bytes.first() == Some(&b'#') => return Ok(None),
            (_, Some(b'"' | b'\'')) | (0, _) => (self.quoted()?, true),
            // Nearly every word: no quote in it.
            _ => (bare, false),
        };
        let (raw, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        self.taken = self.at();
        Ok(Some(Word::new(raw, at, quoted)))
    }

    /// How many bytes the next word takes, which has a quote in it or cannot begin so.
    #[cold]
    fn quoted(mut self) -> Result<usize, Fault> {
        let at = self.at();
        self.take(word)?;
        Ok(self.at() - at)
    }

    /// Reads what ends the command.
    pub(crate) fn separator(&mut self) -> Result<Separator, Fault> {
        self.skip_blanks();
        if matches!(self.rest.bytes().next(), None | Some(b'#')) {
            return Ok(Separator::End);
        }
        self.take(separator)
    }

    fn skip_blanks(&mut self) {
        let is_blank = |byte| matches!(byte, b' ' | b'\t');
        let blanks = self.rest.bytes().take_while(|byte| is_blank(*byte)).count();
        self.rest = &self.rest[blanks..];
    }

    /// Runs a parser and moves behind what it took.
    fn take<T>(&mut self, parser: fn(&'a str) -> Parsed<'a, T>) -> Result<T, Fault> {
        match parser(self.rest) {
            Ok((rest, value)) => {
                self.rest = rest;
                Ok(value)
            }
            Err(Err::Error(flaw) | Err::Failure(flaw)) => {
                let at = self.line.len() - flaw.rest.len();
                Err(Fault::new(flaw.code, at, flaw.length(), flaw.message))
            }
            Err(Err::Incomplete(_)) => {
                Err(Fault::new(Code::Syntax, self.line.len(), 0, "incomplete"))
            }
        }
    }
}

type Parsed<'a, T> = IResult<&'a str, T, Flaw<'a>>;

/// Where no parser of the grammar goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flaw<'a> {
    rest: &'a str,
    /// Everything behind here is right.
    until: &'a str,
    code: Code,
    message: &'static str,
}

impl<'a> Flaw<'a> {
    const fn new(rest: &'a str, until: &'a str, message: &'static str) -> Self {
        let code = Code::Syntax;
        Self {
            rest,
            until,
            code,
            message,
        }
    }

    const fn length(&self) -> usize {
        self.rest.len() - self.until.len()
    }
}

impl<'a> ParseError<&'a str> for Flaw<'a> {
    fn from_error_kind(input: &'a str, _: ErrorKind) -> Self {
        let mut behind = input.chars();
        behind.next();
        Self::new(input, behind.as_str(), "unexpected character")
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// `@` and one to eight tag characters, up to a blank or the end.
fn tag(input: &str) -> Parsed<'_, Tag> {
    let (rest, name) = preceded(char('@'), take_till(is_blank)).parse(input)?;
    let message = "a tag is @ and 1 to 8 letters, digits, - or _";
    let tag = Tag::new(name).ok_or(Err::Failure(Flaw::new(input, rest, message)))?;
    Ok((rest, tag))
}

/// One word.
fn word(input: &str) -> Parsed<'_, ()> {
    fold_many1(alt((bare, double, single)), || (), |(), ()| ()).parse(input)
}

/// What needs no quotes.
fn bare(input: &str) -> Parsed<'_, ()> {
    match input.split_at_checked(bare_bytes(input.as_bytes())) {
        Some((bare, rest)) if !bare.is_empty() => Ok((rest, ())),
        _ => Err(Err::Error(Flaw::from_error_kind(
            input,
            ErrorKind::TakeWhile1,
        ))),
    }
}

/// How many bytes need no quotes. Only ASCII ends them, so that bytes will do.
fn bare_bytes(input: &[u8]) -> usize {
    let end = input.iter().position(|byte| !is_bare(*byte));
    end.unwrap_or(input.len())
}

/// `'sq'`: nothing in it is special.
fn single(input: &str) -> Parsed<'_, ()> {
    let inner = take_till(|character| character == '\'');
    closed(
        input,
        delimited(char('\''), inner, cut(char('\'')))
            .parse(input)
            .map(drop_output),
    )
}

/// `"dq"`, with escapes.
fn double(input: &str) -> Parsed<'_, ()> {
    let run = take_while1(|character| !matches!(character, '"' | '\\'));
    let inner = many0_count(alt((run.map(|_| ()), escape)));
    closed(
        input,
        delimited(char('"'), inner, cut(char('"')))
            .parse(input)
            .map(drop_output),
    )
}

const fn drop_output<T: Copy>((rest, _): (&str, T)) -> (&str, ()) {
    (rest, ())
}

/// Says of a quote that is cut off where it began.
fn closed<'a>(opened: &'a str, result: Parsed<'a, ()>) -> Parsed<'a, ()> {
    match result {
        Err(Err::Failure(flaw)) if flaw.rest.is_empty() => {
            Err(Err::Failure(Flaw::new(opened, "", "unterminated quote")))
        }
        other => other,
    }
}

/// A backslash and what it escapes.
fn escape(input: &str) -> Parsed<'_, ()> {
    let (rest, _) = char('\\').parse(input)?;
    let mut behind = rest.chars();
    if escaped(&mut behind).is_some() {
        return Ok((behind.as_str(), ()));
    }
    // With nothing behind the backslash it is the quote that is wrong: see `closed`.
    let from = if rest.is_empty() { rest } else { input };
    Err(Err::Failure(Flaw::new(from, behind.as_str(), "bad escape")))
}

/// `;` or `&&`; a filter is refused by name.
fn separator(input: &str) -> Parsed<'_, Separator> {
    if let Some(behind) = input.strip_prefix('|') {
        let mut flaw = Flaw::new(input, behind, "filters are not available");
        flaw.code = Code::NotHere;
        return Err(Err::Failure(flaw));
    }
    alt((literal(";"), literal("&&")))
        .map(|_| Separator::Next)
        .parse(input)
}

/// The tag at the beginning of a line that is not fit to read, for its answer.
pub(crate) fn leading_tag(line: &str) -> Option<Tag> {
    tag(line).ok().map(|(_, tag)| tag)
}

const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
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

    /// Reads words until one is wrong or the command ends.
    fn words(line: &str) -> Result<Vec<(usize, String)>, Fault> {
        let mut cursor = Cursor::new(line);
        let mut words = Vec::new();
        while let Some(word) = cursor.word()? {
            words.push((word.at, word.chars().collect()));
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
        let mut cursor = Cursor::new(" @a-1 b");
        assert!(cursor.is_at_tag());
        assert_eq!(cursor.tag().ok(), Tag::new("a-1"));
        assert!(!cursor.is_at_tag());
        assert_eq!(cursor.word().unwrap().unwrap().at, 6);
        for line in ["@", "@ a", "@123456789", "@a;b"] {
            assert_eq!(Cursor::new(line).tag().unwrap_err().at, 0, "{line:?}");
        }
        assert_eq!(leading_tag("@7 and more"), Tag::new("7"));
        assert_eq!(leading_tag("no @7"), None);
    }
}
