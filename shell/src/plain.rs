//! The dialect of scripts: `ok …`, `err …`, rows that begin with `|`.

use crate::fault::{ParseError, Want};
use crate::fields::{self, Fields, Value};
use crate::input::LineError;
use crate::out::Out;
use crate::parse::Step;
use crate::tag::Tag;
use crate::text;
use core::fmt;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;

/// Answers a line that was not understood: `err @7 404 unknown at=7 len=7 got="restrat" …`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn parse_error(out: &mut dyn Out, error: &ParseError<'_>) -> fmt::Result {
    let fault = &error.fault;
    err(out, error.tag.as_ref(), fault.code)?;
    number(out, " at=", fault.at)?;
    number(out, " len=", fault.len)?;
    if !error.got().is_empty() {
        out.text(" got=")?;
        text::quoted(out, error.got())?;
    }
    if fault.want != Want::Nothing {
        out.text(" want=\"")?;
        fault.want.write(&mut text::Quoting(out))?;
        out.text("\"")?;
    }
    // The symbol has said it already.
    if fault.message != fault.code.symbol() {
        detail(out, fault.message)?;
    }
    out.text("\n")
}

/// Answers a line that was refused before it was read: `err 413 too_long got=312 max=256`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn line_error(out: &mut dyn Out, tag: Option<&Tag>, error: LineError) -> fmt::Result {
    err(out, tag, error.code())?;
    match error {
        LineError::TooLong { got, max } => {
            number(out, " got=", got)?;
            number(out, " max=", max)?;
        }
        LineError::Control | LineError::NotUtf8 | LineError::Incomplete | LineError::Lost => {
            detail(out, error.message())?;
        }
    }
    out.text("\n")
}

/// Begins a final that says yes.
pub(crate) fn ok(out: &mut dyn Out, tag: Option<&Tag>) -> fmt::Result {
    out.text("ok")?;
    write_tag(out, tag)
}

/// Begins a final that says no.
pub(crate) fn err(out: &mut dyn Out, tag: Option<&Tag>, code: Code) -> fmt::Result {
    out.text("err")?;
    write_tag(out, tag)?;
    number(out, " ", code.number().into())?;
    out.text(" ")?;
    out.text(code.symbol())
}

/// Writes what a reply says, behind its `ok`.
pub(crate) fn reply(out: &mut dyn Out, step: &Step, reply: &Reply) -> fmt::Result {
    if let Some(outcome) = fields::outcome(reply) {
        out.text(" ")?;
        out.text(outcome)?;
    }
    fields::visit(step, reply, &mut Pairs(out))
}

/// Writes why the answer is no, unless that is empty.
pub(crate) fn detail(out: &mut dyn Out, detail: &str) -> fmt::Result {
    if detail.is_empty() {
        return Ok(());
    }
    out.text(" detail=")?;
    text::quoted(out, detail)
}

/// Writes a number behind its key.
pub(crate) fn number(out: &mut dyn Out, key: &str, number: usize) -> fmt::Result {
    out.text(key)?;
    text::decimal(out, number as u64)
}

fn write_tag(out: &mut dyn Out, tag: Option<&Tag>) -> fmt::Result {
    let Some(tag) = tag else {
        return Ok(());
    };
    out.text(" @")?;
    out.text(tag.as_str())
}

/// Writes fields as ` key=value`.
struct Pairs<'a>(&'a mut dyn Out);

impl Fields for Pairs<'_> {
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result {
        let out = &mut *self.0;
        out.text(" ")?;
        out.text(key)?;
        out.text(match value {
            Value::Span(_) => "_ms=",
            Value::Kibibytes(_) => "_kib=",
            _ => "=",
        })?;
        match value {
            Value::Word(word) => out.text(word),
            Value::Text(text) => text::word(out, text),
            Value::Number(number) => text::decimal(out, number),
            Value::Hex(number) => text::hex(out, &number.to_be_bytes()),
            Value::Hundredths(number) => text::hundredths(out, number),
            Value::Kibibytes(number) => text::decimal(out, number.into()),
            Value::Span(span) => text::decimal(out, span.0),
            Value::Boot(boot) => text::uuid(out, &boot.0),
            Value::Generation(generation) => text::hex(out, &generation.0),
        }
    }
}
