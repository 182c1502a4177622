//! The dialect of scripts: `ok …`, `err …`, rows that begin with `|`.

use crate::fault::{ParseError, Want};
use crate::fields::{self, Fields, Value};
use crate::input::LineError;
use crate::out::Out;
use crate::parse::Step;
use crate::pen::Pen;
use crate::tag::Tag;
use core::fmt;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;

/// Answers a line that was not understood: `err @7 404 unknown at=7 len=7 got="restrat" …`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn parse_error(out: &mut dyn Out, error: &ParseError<'_>) -> fmt::Result {
    let mut pen = Pen::on(out);
    let fault = &error.fault;
    err(&mut pen, error.tag.as_ref(), fault.code);
    pen.count(" at=", fault.at);
    pen.count(" len=", fault.len);
    if !error.got().is_empty() {
        pen.text(" got=");
        pen.quoted(error.got());
    }
    if fault.want != Want::Nothing {
        // Words of the table: they hold nothing that has to be escaped.
        pen.text(" want=\"");
        fault.want.show(&mut pen);
        pen.text("\"");
    }
    // The symbol has said it already.
    if fault.message != fault.code.symbol() {
        detail(&mut pen, fault.message);
    }
    pen.text("\n");
    pen.written()
}

/// Answers a line that was refused before it was read: `err 413 too_long got=312 max=256`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn line_error(out: &mut dyn Out, tag: Option<&Tag>, error: LineError) -> fmt::Result {
    let mut pen = Pen::on(out);
    err(&mut pen, tag, error.code());
    match error {
        LineError::TooLong { got, max } => {
            pen.count(" got=", got);
            pen.count(" max=", max);
        }
        LineError::Control | LineError::NotUtf8 | LineError::Incomplete | LineError::Lost => {
            detail(&mut pen, error.message());
        }
    }
    pen.text("\n");
    pen.written()
}

/// Tells that what the board sends comes back.
///
/// # Errors
///
/// If `out` takes no more.
pub fn echo(out: &mut dyn Out) -> fmt::Result {
    out.text("\r\n! 0 line state=echo\r\n")
}

/// Begins a final that says yes.
pub(crate) fn ok(pen: &mut Pen<'_>, tag: Option<&Tag>) {
    pen.text("ok");
    write_tag(pen, tag);
}

/// Begins a final that says no.
pub(crate) fn err(pen: &mut Pen<'_>, tag: Option<&Tag>, code: Code) {
    pen.text("err");
    write_tag(pen, tag);
    pen.code(code);
}

/// Writes what a reply says, behind its `ok`.
pub(crate) fn reply<S: AsRef<str>>(pen: &mut Pen<'_>, step: &Step, reply: &Reply<S>) {
    if let Some(outcome) = fields::outcome(reply) {
        pen.text(" ");
        pen.text(outcome);
    }
    let visited = fields::visit(step, reply, &mut Pairs(pen));
    pen.keep(visited);
}

/// Writes why the answer is no, unless that is empty.
pub(crate) fn detail(pen: &mut Pen<'_>, detail: &str) {
    if !detail.is_empty() {
        pen.text(" detail=");
        pen.quoted(detail);
    }
}

/// Writes what is behind the detail, unless that is empty.
pub(crate) fn cause(pen: &mut Pen<'_>, cause: &str) {
    if !cause.is_empty() {
        pen.text(" cause=");
        pen.quoted(cause);
    }
}

fn write_tag(pen: &mut Pen<'_>, tag: Option<&Tag>) {
    if let Some(tag) = tag {
        pen.text(" @");
        pen.text(tag.as_str());
    }
}

/// Writes fields as ` key=value`.
pub(crate) struct Pairs<'a, 'p>(pub(crate) &'a mut Pen<'p>);

impl Fields for Pairs<'_, '_> {
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result {
        let pen = &mut *self.0;
        pen.text(" ");
        pen.text(key);
        pen.text(match value {
            Value::Span(_) => "_ms=",
            Value::Kibibytes(_) => "_kib=",
            _ => "=",
        });
        pen.value(value, false);
        pen.written()
    }
}
