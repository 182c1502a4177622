//! The dialect of people: a prompt, tables, errors that point.

use crate::columns;
use crate::fault::{ParseError, Want};
use crate::fields::{self, Fields, Value};
use crate::help;
use crate::input::LineError;
use crate::out::Out;
use crate::parse::{Action, Step};
use crate::pen::{COLUMNS, Pen, shown_width};
use core::fmt;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::Code;

/// The most characters of a wrong word that are repeated; the line above shows it anyway.
const REPEATED: usize = 24;

/// Writes the prompt of the board `name`.
///
/// # Errors
///
/// If `out` takes no more.
pub fn prompt(out: &mut dyn Out, name: &str) -> fmt::Result {
    let mut pen = Pen::on(out);
    pen.shown(name);
    pen.text("> ");
    pen.written()
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
    let mut pen = Pen::on(out);
    let prompt = prompt_width(name);
    // Of a line that is longer than the row, only a part is there to point at.
    if prompt + columns::width(error.line.as_bytes()) + 1 < COLUMNS {
        let before = error.line.get(..error.fault.at).unwrap_or_default();
        pen.advance(prompt + columns::width(before.as_bytes()));
        pen.text("^");
        for _ in 1..columns::width(error.got().as_bytes()) {
            pen.text("~");
        }
        let mut message = Pen::measuring();
        explain(&mut message, error);
        if pen.column + 1 + message.column > COLUMNS {
            pen.newline(0);
        } else {
            pen.text(" ");
        }
    }
    explain(&mut pen, error);
    pen.newline(0);
    pen.written()
}

/// Says why a line was refused before it was read.
///
/// # Errors
///
/// If `out` takes no more.
pub fn line_error(out: &mut dyn Out, error: LineError) -> fmt::Result {
    let mut pen = Pen::on(out);
    pen.text("not run: ");
    pen.text(error.message());
    if let LineError::TooLong { max, .. } = error {
        pen.count("; at most ", max);
        pen.text(" bytes");
    }
    pen.newline(0);
    pen.written()
}

/// Writes the reply to a command: help, or a table of what it says, or `ok`.
pub(crate) fn reply<S: AsRef<str>>(pen: &mut Pen<'_>, step: &Step, reply: &Reply<S>) {
    if let Action::Help(topic) = step.action {
        return help::for_person(pen, topic);
    }
    #[cfg(feature = "services")]
    if matches!(reply, Reply::Items(_)) {
        return;
    }
    let mut widest = Widest(0);
    // Measuring does not fail.
    let _ = fields::visit(step, reply, &mut widest);
    let outcome = fields::outcome(reply);
    if let Some(word) = outcome.or((widest.0 == 0).then_some("ok")) {
        pen.spaced(word);
        pen.newline(0);
    }
    let indent = widest.0 + 2;
    let visited = fields::visit(step, reply, &mut Rows { pen, indent });
    pen.keep(visited);
}

/// Says that the board said no, and at which step of several. `why`: the detail, and what is behind it.
pub(crate) fn refusal(pen: &mut Pen<'_>, code: Code, why: [&str; 2], step: Option<usize>) {
    pen.text("error");
    pen.code(code);
    if let Some(step) = step {
        pen.count(" at command ", step);
    }
    for why in why {
        if !why.is_empty() {
            pen.text(": ");
            pen.flow(2, why);
        }
    }
    pen.newline(0);
}

/// `unknown: restrat.  Did you mean: restart?`
fn explain(pen: &mut Pen<'_>, error: &ParseError<'_>) {
    pen.text(error.fault.message);
    if (1..=REPEATED).contains(&shown_width(error.got())) {
        pen.text(": ");
        pen.shown(error.got());
    }
    pen.text(".");
    let (open, close) = match error.fault.want {
        Want::Nothing => return,
        Want::Word(_) => ("  Did you mean: ", "?"),
        Want::Value(_) | Want::Below(_) => ("  Expected: ", "."),
    };
    pen.text(open);
    error.fault.want.show(pen);
    pen.text(close);
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
struct Rows<'a, 'p> {
    pen: &'a mut Pen<'p>,
    indent: usize,
}

impl Fields for Rows<'_, '_> {
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result {
        let Self { pen, indent } = self;
        pen.spaced(key);
        pen.text(":");
        pen.advance(*indent);
        pen.value(value, true);
        pen.newline(0);
        pen.written()
    }
}
