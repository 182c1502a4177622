//! The answer to one line: exactly one final, whatever happens.

#[cfg(test)]
mod tests;

use crate::dialect::Dialect;
#[cfg(feature = "services")]
use crate::items;
use crate::out::Out;
use crate::parse::{Action, Step};
use crate::pen::Pen;
use crate::tag::Tag;
use crate::{fields, help, plain, term};
use core::fmt;
use lastword_protocol::message::Reply;
#[cfg(feature = "services")]
use lastword_protocol::message::service::Page;
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

    /// How it is spelled.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The tag that it repeats.
    #[must_use]
    pub const fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// How many steps were answered, and did not fail.
    #[must_use]
    pub const fn done(&self) -> usize {
        self.done
    }

    /// Counts a step that was answered with what a copy of this wrote. `failed`: the answer is no.
    pub const fn pass(&mut self, failed: bool) {
        if failed {
            self.open = false;
            return;
        }
        self.done += 1;
        self.open = self.done < self.steps;
    }

    /// Whether the next step may run: the final is not written and steps are left.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open && self.done < self.steps
    }

    /// Writes the reply to the next step; the final too, if it is the last or failed.
    ///
    /// A step that the session carries out itself (help, mode, logout) has [`Reply::Done`]. A page of
    /// items that says that there is more is not the end of its step.
    /// Nothing is written once the answer is complete.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn step<S: AsRef<str>>(
        &mut self,
        out: &mut dyn Out,
        step: &Step,
        reply: &Reply<S>,
    ) -> fmt::Result {
        let mut pen = Pen::on(out);
        if !self.is_open() {
            return Ok(());
        }
        if let Some((code, detail)) = fields::refusal(reply) {
            self.no(&mut pen, code, detail, fields::cause(reply));
            return pen.written();
        }
        #[cfg(feature = "services")]
        if let Reply::Items(page) = reply {
            self.items(&mut pen, page);
            if page.has_more() {
                return pen.written();
            }
        }
        self.done += 1;
        self.open = self.done < self.steps;
        if self.dialect.is_term() {
            term::reply(&mut pen, step, reply);
        } else {
            self.yes(&mut pen, step, reply);
        }
        pen.written()
    }

    /// Refuses the line, or what is left of it.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn refuse(&mut self, out: &mut dyn Out, refusal: &Refusal) -> fmt::Result {
        let mut pen = Pen::on(out);
        if self.open {
            self.no(&mut pen, refusal.code, &refusal.detail, &refusal.cause);
        }
        pen.written()
    }

    /// Writes whatever is still owed. A blank line is owed nothing, a lone tag its `ok`; a line
    /// whose steps are not all done is aborted.
    ///
    /// # Errors
    ///
    /// If `out` takes no more: the answer is incomplete.
    pub fn finish(&mut self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        if self.is_open() {
            self.no(&mut pen, Code::Aborted, "", "");
        }
        let owed = core::mem::replace(&mut self.open, false) && self.tag.is_some();
        if owed && !self.dialect.is_term() {
            plain::ok(&mut pen, self.tag.as_ref());
            pen.text("\n");
        }
        pen.written()
    }

    /// Writes the items of a page.
    #[cfg(feature = "services")]
    fn items(&self, pen: &mut Pen<'_>, page: &Page) {
        match self.dialect.is_term() {
            true if page.is_empty() => {
                pen.text("none");
                pen.newline(0);
            }
            true => items::lines(pen, page),
            false => items::rows(pen, page),
        }
    }

    /// Says yes to a step in plain: the final of a single step; a row, and the final behind the
    /// last, for one of several.
    fn yes<S: AsRef<str>>(&self, pen: &mut Pen<'_>, step: &Step, reply: &Reply<S>) {
        if let Action::Help(topic) = step.action {
            help::for_script(pen, topic);
        }
        if self.steps == 1 {
            plain::ok(pen, self.tag.as_ref());
        } else {
            pen.count("| ", self.done);
            pen.text(" ");
            plain::ok(pen, None);
        }
        plain::reply(pen, step, reply);
        pen.text("\n");
        if self.steps > 1 && !self.open {
            plain::ok(pen, self.tag.as_ref());
            pen.count(" done=", self.done);
            pen.text("\n");
        }
    }

    /// Says no to the next step, and so to the rest.
    fn no(&mut self, pen: &mut Pen<'_>, code: Code, detail: &str, cause: &str) {
        self.open = false;
        let failed = (self.steps > 1).then_some(self.done + 1);
        if self.dialect.is_term() {
            return term::refusal(pen, code, [detail, cause], failed);
        }
        plain::err(pen, self.tag.as_ref(), code);
        plain::detail(pen, detail);
        plain::cause(pen, cause);
        if let Some(step) = failed {
            pen.count(" step=", step);
        }
        pen.text("\n");
    }
}
