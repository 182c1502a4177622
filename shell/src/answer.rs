//! The answer to one line: exactly one final, whatever happens.

#[cfg(test)]
mod tests;

use crate::dialect::Dialect;
use crate::out::Out;
use crate::parse::{Action, Step};
use crate::tag::Tag;
use crate::{fields, help, plain, term};
use core::fmt;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::{Code, Refusal};

/// Writes the answer to one line as its steps are carried out.
///
/// For the dialects [`Dialect::Plain`] and [`Dialect::Term`]; a JSON line is answered elsewhere,
/// and is treated as plain here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    dialect: Dialect,
    tag: Option<Tag>,
    steps: usize,
    done: usize,
    open: bool,
}

impl Answer {
    /// An answer to a line with this tag and so many steps.
    #[must_use]
    pub const fn new(dialect: Dialect, tag: Option<Tag>, steps: usize) -> Self {
        Self {
            dialect,
            tag,
            steps,
            done: 0,
            open: true,
        }
    }

    /// Whether the next step may run: the final is not written and steps are left.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open && self.done < self.steps
    }

    /// Writes the reply to the next step; the final too, if it is the last or failed.
    ///
    /// A step that the session carries out itself (help, mode, logout) has [`Reply::Done`].
    /// Nothing is written once the answer is complete.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn step(&mut self, out: &mut dyn Out, step: &Step, reply: &Reply) -> fmt::Result {
        if !self.is_open() {
            return Ok(());
        }
        if let Some((code, detail)) = fields::refusal(reply) {
            return self.no(out, code, detail);
        }
        self.done += 1;
        if self.done == self.steps {
            self.open = false;
        }
        if self.dialect == Dialect::Term {
            return term::reply(out, step, reply);
        }
        if let Action::Help(topic) = step.action {
            help::plain(out, topic)?;
        }
        self.yes(out, step, reply)
    }

    /// Refuses the line, or what is left of it.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn refuse(&mut self, out: &mut dyn Out, refusal: &Refusal) -> fmt::Result {
        if !self.open {
            return Ok(());
        }
        self.no(out, refusal.code, &refusal.detail)
    }

    /// Writes whatever is still owed. A blank line is owed nothing, a lone tag its `ok`; a line
    /// whose steps are not all done is aborted.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn finish(&mut self, out: &mut dyn Out) -> fmt::Result {
        if self.is_open() {
            return self.no(out, Code::Aborted, "");
        }
        let owed = core::mem::replace(&mut self.open, false) && self.tag.is_some();
        if !owed || self.dialect == Dialect::Term {
            return Ok(());
        }
        plain::ok(out, self.tag.as_ref())?;
        out.text("\n")
    }

    /// Says yes to a step in plain: the final of a single step; a row, and the final behind the
    /// last, for one of several.
    fn yes(&self, out: &mut dyn Out, step: &Step, reply: &Reply) -> fmt::Result {
        if self.steps == 1 {
            plain::ok(out, self.tag.as_ref())?;
            plain::reply(out, step, reply)?;
            return out.text("\n");
        }
        plain::number(out, "| ", self.done)?;
        out.text(" ok")?;
        plain::reply(out, step, reply)?;
        out.text("\n")?;
        if self.open {
            return Ok(());
        }
        plain::ok(out, self.tag.as_ref())?;
        plain::number(out, " done=", self.done)?;
        out.text("\n")
    }

    /// Says no to the next step, and so to the rest.
    fn no(&mut self, out: &mut dyn Out, code: Code, detail: &str) -> fmt::Result {
        self.open = false;
        let failed = (self.steps > 1).then_some(self.done + 1);
        if self.dialect == Dialect::Term {
            return term::refusal(out, code, detail, failed);
        }
        plain::err(out, self.tag.as_ref(), code)?;
        plain::detail(out, detail)?;
        if let Some(step) = failed {
            plain::number(out, " step=", step)?;
        }
        out.text("\n")
    }
}
