//! Writing numbers, and text from elsewhere, without the weight of format strings.

use crate::columns;
use crate::dialect::HAS_TERM;
use crate::escape::is_hidden;
use crate::fields::Value;
use crate::out::Out;
use core::fmt;
use core::num::NonZero;
use lastword_protocol::digits;
use lastword_protocol::refusal::Code;

/// The columns that are written to: one less than a terminal has, because some wrap at the last.
pub(crate) const COLUMNS: usize = 79;

/// Writes an answer.
///
/// It knows the column, and once there is no more room it writes nothing more and says so in the
/// end, so that nobody has to look after each piece.
pub(crate) struct Pen<'a> {
    out: Option<&'a mut dyn Out>,
    written: fmt::Result,
    /// How many columns are written to behind the last line end.
    pub(crate) column: usize,
}

impl<'a> Pen<'a> {
    /// A pen that writes to `out`.
    pub(crate) const fn on(out: &'a mut dyn Out) -> Self {
        Self {
            out: Some(out),
            ..Self::measuring()
        }
    }

    /// A pen without ink: it only counts columns.
    pub(crate) const fn measuring() -> Self {
        Self {
            out: None,
            written: Ok(()),
            column: 0,
        }
    }

    /// Whether everything was written so far.
    ///
    /// # Errors
    ///
    /// If there was no room for all of it.
    pub(crate) const fn written(&self) -> fmt::Result {
        self.written
    }

    /// Keeps the failure of something that was written on the way.
    pub(crate) fn keep(&mut self, written: fmt::Result) {
        self.written = self.written.and(written);
    }

    /// Writes text as it stands.
    pub(crate) fn text(&mut self, text: &str) {
        // Nobody else asks for the column.
        if HAS_TERM {
            self.column += columns::width(text.as_bytes());
        }
        if let (Some(out), Ok(())) = (&mut self.out, self.written) {
            self.written = out.text(text);
        }
    }

    /// Ends the line and indents the next.
    pub(crate) fn newline(&mut self, indent: usize) {
        self.text("\r\n");
        self.column = 0;
        self.advance(indent);
    }

    /// Writes spaces up to this column.
    pub(crate) fn advance(&mut self, column: usize) {
        while self.column < column {
            self.text(" ");
        }
    }

    /// Writes a number in decimal.
    pub(crate) fn number(&mut self, number: u64) {
        digits::decimal(number, |digit| self.text(digit));
    }

    /// Writes a number behind its key.
    pub(crate) fn count(&mut self, key: &str, number: usize) {
        self.text(key);
        self.number(number as u64);
    }

    /// Writes a code with its symbol, behind a space.
    pub(crate) fn code(&mut self, code: Code) {
        self.count(" ", code.number().into());
        self.text(" ");
        self.text(code.symbol());
    }

    /// Writes one of several words, the first of which has the index 0.
    pub(crate) fn one_of(&mut self, index: usize, word: &str) {
        self.text(if index == 0 { "one of " } else { ", " });
        self.text(word);
    }

    /// Writes hundredths as a decimal fraction: 142 as `1.42`.
    pub(crate) fn hundredths(&mut self, number: u32) {
        self.number((number / 100).into());
        self.text(if number % 100 < 10 { ".0" } else { "." });
        self.number((number % 100).into());
    }

    /// Writes bytes in hexadecimal.
    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        for byte in bytes {
            digits::hexadecimal(*byte, |digit| self.text(digit));
        }
    }

    /// Writes 16 bytes as a UUID (RFC 9562, section 4).
    pub(crate) fn uuid(&mut self, bytes: &[u8; 16]) {
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                self.text("-");
            }
            self.hex(&[*byte]);
        }
    }

    /// Writes a span as a person reads it: `0.250 s`, `2m 5s`, `3d 0h 0m 1s`.
    pub(crate) fn span(&mut self, millis: u64) {
        let mut left = millis.to_le_bytes();
        let thousandths = digits::divide(&mut left, THOUSAND);
        let rest = u64::from_le_bytes(left);
        if rest < 60 {
            self.number(rest);
            self.text(match thousandths {
                0..10 => ".00",
                10..100 => ".0",
                _ => ".",
            });
            self.number(thousandths.into());
            return self.text(" s");
        }
        let seconds = digits::divide(&mut left, SIXTY);
        let minutes = digits::divide(&mut left, SIXTY);
        let hours = digits::divide(&mut left, DAY);
        let days = u64::from_le_bytes(left);
        let units = [
            (days, "d "),
            (hours.into(), "h "),
            (minutes.into(), "m "),
            (seconds.into(), "s"),
        ];
        for (number, unit) in units.iter().skip_while(|(number, _)| *number == 0) {
            self.number(*number);
            self.text(unit);
        }
    }

    /// Writes the value of a field: as a script reads it, or a person.
    pub(crate) fn value(&mut self, value: Value<'_>, for_person: bool) {
        match value {
            Value::Word(word) => self.text(word),
            Value::Text(text) if for_person => self.flow(self.column, text),
            Value::Text(text) => self.word(text),
            #[cfg(feature = "services")]
            Value::Bytes(bytes) if for_person => self.bytes(bytes),
            #[cfg(feature = "services")]
            Value::Bytes(bytes) => {
                self.text("\"");
                self.loose(bytes, true);
                self.text("\"");
            }
            Value::Number(number) => self.number(number),
            #[cfg(feature = "services")]
            Value::Signed(number) => {
                self.text(if number < 0 { "-" } else { "" });
                self.number(number.unsigned_abs().into());
            }
            Value::Hex(number) => self.hex(&number.to_be_bytes()),
            Value::Hundredths(number) => self.hundredths(number),
            Value::Kibibytes(number) => {
                self.number(number.into());
                self.text(if for_person { " KiB" } else { "" });
            }
            Value::Span(span) if for_person => self.span(span.0),
            Value::Span(span) => self.number(span.0),
            Value::Boot(boot) => self.uuid(&boot.0),
            // Enough to tell generations apart by eye; the whole would not fit the line.
            Value::Generation(generation) if for_person => self.hex(&generation.0[..8]),
            Value::Generation(generation) => self.hex(&generation.0),
        }
    }

    /// Writes a key or word of ours with spaces for its underscores.
    pub(crate) fn spaced(&mut self, key: &str) {
        for (at, byte) in key.bytes().enumerate() {
            let same = key.get(at..=at).unwrap_or_default();
            self.text(if byte == b'_' { " " } else { same });
        }
    }

    /// Writes text as one word of the grammar: as it is, or quoted and escaped where it may have
    /// to be.
    pub(crate) fn word(&mut self, text: &str) {
        let is_bare = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'.' | b'_' | b'-' | b'+' | b':' | b'/' | b'@')
        };
        if !text.is_empty() && text.bytes().all(is_bare) {
            self.text(text);
        } else {
            self.quoted(text);
        }
    }

    /// Writes text as one quoted word of the grammar.
    pub(crate) fn quoted(&mut self, text: &str) {
        self.text("\"");
        self.escaped(text, true);
        self.text("\"");
    }

    /// Writes text for a person: hidden characters are escaped, the rest stands as it is.
    pub(crate) fn shown(&mut self, text: &str) {
        self.escaped(text, false);
    }

    /// Writes bytes for a person: those that are no UTF-8 are escaped, too.
    #[cfg(feature = "services")]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.loose(bytes, false);
    }

    #[cfg(feature = "services")]
    fn loose(&mut self, bytes: &[u8], between_quotes: bool) {
        for chunk in bytes.utf8_chunks() {
            self.escaped(chunk.valid(), between_quotes);
            for byte in chunk.invalid() {
                self.text("\\x");
                self.hex(&[*byte]);
            }
        }
    }

    /// Writes text with its control characters as the grammar reads them back, and what is special
    /// between quotes too if it stands there.
    fn escaped(&mut self, text: &str, between_quotes: bool) {
        let mut rest = text.chars();
        loop {
            let from = rest.as_str();
            let Some(character) = rest.next() else {
                return;
            };
            match character {
                '\n' => self.text("\\n"),
                '\t' => self.text("\\t"),
                hidden if is_hidden(hidden) => self.escape(hidden),
                _ => {
                    if between_quotes && matches!(character, '"' | '\\') {
                        self.text("\\");
                    }
                    self.text(from.get(..character.len_utf8()).unwrap_or_default());
                }
            }
        }
    }

    /// Escapes a hidden character. All lie below U+10000.
    fn escape(&mut self, hidden: char) {
        let [low, high, ..] = u32::from(hidden).to_le_bytes();
        let (open, close) = if hidden.is_ascii() {
            ("\\x", "")
        } else {
            ("\\u{", "}")
        };
        self.text(open);
        if high != 0 {
            self.hex(&[high]);
        }
        self.hex(&[low]);
        self.text(close);
    }

    /// Writes text for a person, breaking between words before the edge of the screen.
    pub(crate) fn flow(&mut self, indent: usize, text: &str) {
        let mut rest = Some(text);
        let mut is_first = true;
        while let Some(left) = rest {
            let end = left.bytes().take_while(|byte| *byte != b' ').count();
            let word = left.get(..end).unwrap_or_default();
            rest = left.get(end + 1..);
            if is_first {
                is_first = false;
            } else if self.column + 1 + shown_width(word) > COLUMNS {
                self.newline(indent);
            } else {
                self.text(" ");
            }
            self.shown(word);
        }
    }
}

/// The columns that text takes once its control characters are escaped.
pub(crate) fn shown_width(text: &str) -> usize {
    let mut pen = Pen::measuring();
    pen.shown(text);
    pen.column
}

/// Writes a number in decimal.
pub(crate) fn decimal(out: &mut dyn Out, number: usize) -> fmt::Result {
    let mut pen = Pen::on(out);
    pen.number(number as u64);
    pen.written()
}

const SIXTY: NonZero<u32> = NonZero::new(60).unwrap();
const DAY: NonZero<u32> = NonZero::new(24).unwrap();
const THOUSAND: NonZero<u32> = NonZero::new(1_000).unwrap();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Blame;
    use crate::grammar::Cursor;
    use core::cell::Cell;
    use proptest::prelude::*;

    #[track_caller]
    fn check(expected: &str, write: impl FnOnce(&mut Pen<'_>)) {
        let mut out = String::new();
        let mut pen = Pen::on(&mut out);
        write(&mut pen);
        pen.written().unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for number in [0, 9, 10, 65_535, u64::MAX] {
            check(&number.to_string(), |pen| pen.number(number));
        }
        check("0.00", |pen| pen.hundredths(0));
        check("1.05", |pen| pen.hundredths(105));
        check("42949672.95", |pen| pen.hundredths(u32::MAX));
        check("00ff1a", |pen| pen.hex(&[0, 255, 26]));
    }

    #[cfg(feature = "services")]
    #[test]
    fn a_number_below_zero_has_its_sign() {
        for number in [i32::MIN, -1, 0, 1, i32::MAX] {
            for for_person in [false, true] {
                check(&number.to_string(), |pen| {
                    pen.value(Value::Signed(number), for_person);
                });
            }
        }
    }

    #[test]
    fn a_boot_id_is_written_as_the_protocol_does() {
        let bytes = core::array::from_fn(|index| index.to_le_bytes()[0] * 17);
        let boot = lastword_protocol::BootId(bytes);
        check(&boot.to_string(), |pen| pen.uuid(&bytes));
    }

    #[test]
    fn a_word_is_quoted_where_it_has_to_be() {
        check("dry-run", |pen| pen.word("dry-run"));
        check("\"\"", |pen| pen.word(""));
        check("\"a b\"", |pen| pen.word("a b"));
        check(r#""\"\\\x1b\n\u{9b}""#, |pen| pen.word("\"\\\x1b\n\u{9b}"));
        check("\"a=b\"", |pen| pen.word("a=b"));
        check("a b\\x1b", |pen| pen.shown("a b\x1b"));
        check("\\u{202e}\\u{061c}\\u{2028}", |pen| {
            pen.shown("\u{202e}\u{61c}\u{2028}");
        });
    }

    proptest! {
        #[test]
        fn a_written_word_reads_back(text in any::<String>()) {
            let mut out = String::new();
            Pen::on(&mut out).word(&text);
            prop_assert!(!out.contains(is_hidden));
            let fault = Cell::new(None);
            let read = Cursor::new(&out, Blame(&fault)).word().unwrap().unwrap();
            prop_assert_eq!(read.raw.len(), out.len());
            prop_assert_eq!(read.chars().collect::<String>(), text);
        }
    }
}
