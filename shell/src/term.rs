//! The dialect of people: a prompt, tables, errors that point.

use crate::columns;
use crate::fault::{ParseError, Want};
use crate::fields::{self, Fields, Value};
use crate::help;
use crate::input::LineError;
use crate::out::Out;
use crate::parse::{Action, Step};
use crate::text;
use core::fmt;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;

/// The columns that are written to: one less than a terminal has, because some wrap at the last.
pub(crate) const COLUMNS: usize = 79;

/// The most characters of a wrong word that are repeated; the line above shows it anyway.
const REPEATED: usize = 24;

/// Writes the prompt of the board `name`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn prompt(out: &mut dyn Out, name: &str) -> fmt::Result {
    text::shown(out, name)?;
    out.text("> ")
}

/// The columns that the prompt of the board `name` takes.
pub(crate) fn prompt_width(name: &str) -> usize {
    shown_width(name) + 2
}

/// Points at what was not understood in the line behind the prompt of the board `name`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn parse_error(out: &mut dyn Out, name: &str, error: &ParseError<'_>) -> fmt::Result {
    let fault = &error.fault;
    let before = error.line.get(..fault.at).unwrap_or_default();
    let mut column = prompt_width(name) + columns::width(before);
    let mut marked = columns::width(error.got()).max(1);
    // Of a line that is longer than the row, only a part is there to point at.
    if prompt_width(name) + columns::width(error.line) + 1 >= COLUMNS {
        (column, marked) = (0, 0);
    }
    spaces(out, column)?;
    for index in 0..marked {
        out.text(if index == 0 { "^" } else { "~" })?;
    }
    let mut message = Width(0);
    explain(&mut message, error)?;
    if marked > 0 && column + marked + 1 + message.0 > COLUMNS {
        newline(out, 0)?;
    } else if marked > 0 {
        out.text(" ")?;
    }
    explain(out, error)?;
    newline(out, 0)
}

/// Says why a line was refused before it was read.
///
/// # Errors
///
/// If `out` takes no more.
pub fn line_error(out: &mut dyn Out, error: LineError) -> fmt::Result {
    out.text("not run: ")?;
    out.text(error.message())?;
    if let LineError::TooLong { max, .. } = error {
        out.text("; at most ")?;
        text::decimal(out, max as u64)?;
        out.text(" bytes")?;
    }
    newline(out, 0)
}

/// Writes the reply to a command: help, or a table of what it says, or `ok`.
pub(crate) fn reply(out: &mut dyn Out, step: &Step, reply: &Reply) -> fmt::Result {
    if let Action::Help(topic) = step.action {
        return help::term(out, topic);
    }
    let mut widest = Widest(0);
    fields::visit(step, reply, &mut widest)?;
    let outcome = fields::outcome(reply);
    if let Some(word) = outcome.or((widest.0 == 0).then_some("ok")) {
        spaced(out, word)?;
        newline(out, 0)?;
    }
    let indent = widest.0 + 2;
    fields::visit(step, reply, &mut Rows { out, indent })
}

/// Says that the board said no, and at which step of several.
pub(crate) fn refusal(
    out: &mut dyn Out,
    code: Code,
    detail: &str,
    step: Option<usize>,
) -> fmt::Result {
    out.text("error ")?;
    text::decimal(out, code.number().into())?;
    out.text(" ")?;
    out.text(code.symbol())?;
    if let Some(step) = step {
        out.text(" at command ")?;
        text::decimal(out, step as u64)?;
    }
    if !detail.is_empty() {
        out.text(": ")?;
        // No code and step take more than this.
        flow(
            out,
            "error 412 confirm_needed at command 4: ".len(),
            2,
            detail,
        )?;
    }
    newline(out, 0)
}

/// Ends the line and indents the next.
pub(crate) fn newline(out: &mut dyn Out, indent: usize) -> fmt::Result {
    out.text("\r\n")?;
    spaces(out, indent)
}

pub(crate) fn spaces(out: &mut dyn Out, count: usize) -> fmt::Result {
    (0..count).try_for_each(|_| out.text(" "))
}

/// Writes text from `column` on, breaking between words before the edge of the screen.
pub(crate) fn flow(out: &mut dyn Out, mut column: usize, indent: usize, text: &str) -> fmt::Result {
    for (index, word) in text.split(' ').enumerate() {
        let width = shown_width(word);
        if index > 0 && column + 1 + width > COLUMNS {
            newline(out, indent)?;
            column = indent;
        } else if index > 0 {
            out.text(" ")?;
            column += 1;
        }
        text::shown(out, word)?;
        column += width;
    }
    Ok(())
}

/// Counts what is written to it, in columns.
pub(crate) struct Width(pub(crate) usize);

impl Out for Width {
    fn text(&mut self, text: &str) -> fmt::Result {
        self.0 += columns::width(text);
        Ok(())
    }
}

/// The columns that text takes once its control characters are escaped.
fn shown_width(text: &str) -> usize {
    let mut width = Width(0);
    // Counting does not fail.
    let _ = text::shown(&mut width, text);
    width.0
}

/// `unknown: restrat.  Did you mean: restart?`
fn explain(out: &mut dyn Out, error: &ParseError<'_>) -> fmt::Result {
    out.text(error.fault.message)?;
    let got = error.got();
    if !got.is_empty() && shown_width(got) <= REPEATED {
        out.text(": ")?;
        text::shown(out, got)?;
    }
    out.text(".")?;
    match error.fault.want {
        Want::Nothing => Ok(()),
        Want::Word(word) => {
            out.text("  Did you mean: ")?;
            out.text(word)?;
            out.text("?")
        }
        want @ (Want::Value(_) | Want::Below(_)) => {
            out.text("  Expected: ")?;
            want.write(out)?;
            out.text(".")
        }
    }
}

/// Measures the keys of a table.
struct Widest(usize);

impl Fields for Widest {
    fn field(&mut self, key: &'static str, _: Value<'_>) -> fmt::Result {
        self.0 = self.0.max(key.len());
        Ok(())
    }
}

/// Writes fields as the rows of a table.
struct Rows<'a> {
    out: &'a mut dyn Out,
    indent: usize,
}

impl Fields for Rows<'_> {
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result {
        let out = &mut *self.out;
        spaced(out, key)?;
        out.text(":")?;
        spaces(out, self.indent.saturating_sub(key.len() + 1))?;
        match value {
            Value::Word(word) => out.text(word),
            Value::Text(text) => flow(out, self.indent, self.indent, text),
            Value::Number(number) => text::decimal(out, number),
            Value::Hex(number) => text::hex(out, &number.to_be_bytes()),
            Value::Hundredths(number) => text::hundredths(out, number),
            Value::Kibibytes(number) => {
                text::decimal(out, number.into())?;
                out.text(" KiB")
            }
            Value::Span(span) => duration(out, span.0),
            Value::Boot(boot) => text::uuid(out, &boot.0),
            // Enough to tell generations apart by eye; the whole would not fit the line.
            Value::Generation(generation) => text::hex(out, &generation.0[..8]),
        }?;
        newline(out, 0)
    }
}

/// Writes a key or word of ours with spaces for its underscores.
fn spaced(out: &mut dyn Out, key: &str) -> fmt::Result {
    key.chars()
        .try_for_each(|one| text::character(out, if one == '_' { ' ' } else { one }))
}

/// Writes a span as a person reads it: `0.250 s`, `2m 5s`, `3d 0h 0m 1s`.
fn duration(out: &mut dyn Out, millis: u64) -> fmt::Result {
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    if seconds < 60 {
        text::decimal(out, seconds)?;
        out.text(".")?;
        out.text(if rest < 100 { "0" } else { "" })?;
        out.text(if rest < 10 { "0" } else { "" })?;
        text::decimal(out, rest)?;
        return out.text(" s");
    }
    let units = [
        (86_400, u64::MAX, "d "),
        (3_600, 24, "h "),
        (60, 60, "m "),
        (1, 60, "s"),
    ];
    units.iter().try_for_each(|(unit, wrap, name)| {
        if seconds < *unit {
            return Ok(());
        }
        text::decimal(out, seconds / unit % wrap)?;
        out.text(name)
    })
}
