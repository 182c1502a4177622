//! The steps of a line, one at a time: each waits until there is room for what it says.

use super::running_line::{AnswerFormat, RunningLine};
use super::{Flow, Lines};
use crate::core::session::output::Output;
use crate::core::world::{Way, World};
use lastword_protocol::OperationId;
use lastword_protocol::message::{Reply, opcode};
use lastword_shell::{Action, term};
use std::slice;

impl Lines {
    /// Returns how many steps there were, and what takes as long.
    pub(in crate::core::session) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns how many pages of an answer are still to be said.
    pub(in crate::core::session) fn pages(&self) -> usize {
        self.running.as_ref().map_or(0, RunningLine::pages)
    }

    /// Returns whether there is more to say of a long answer.
    pub(in crate::core::session) fn has_page(&self) -> bool {
        self.running.as_ref().is_some_and(RunningLine::has_page)
    }

    /// Returns whether a line is being answered that ends by itself: text waits behind it.
    pub(in crate::core::session) const fn is_busy(&self) -> bool {
        self.running.is_some() && (self.showing.is_none() || self.is_listing)
    }

    /// Returns whether [`Lines::run`] takes the line under way a step further, unless that waits for
    /// others.
    pub(in crate::core::session) const fn is_runnable(&self) -> bool {
        self.running.is_some() && self.showing.is_none()
    }

    /// Takes the line under way one step further: says the next page of an answer, or runs what can be
    /// run without asking others.
    pub(in crate::core::session) fn run(&mut self, out: &mut Output, world: &dyn World) -> Flow {
        // A blank line takes no longer than a byte.
        let is_blank = |it: &RunningLine| it.script.steps.is_empty();
        self.steps += u64::from(!self.running.as_ref().is_some_and(is_blank));
        if let Some(refusal) = self.refusal.take() {
            self.reply(&Reply::Refused(refusal), out);
            self.close(out);
            return Flow::End;
        }
        if let Some(running) = &mut self.running
            && running.has_page()
        {
            match world.events().filter(|_| running.lists_events()) {
                Some(events) => running.say_events(events, out),
                None => running.say_page(out),
            }
            return self.go_on(out, world);
        }
        if let Some(opening) = self.running.as_ref().and_then(RunningLine::opening) {
            match self.open(opening) {
                Ok(flow) => return flow,
                Err(refusal) => self.reply(&Reply::Refused(*refusal), out),
            }
            return self.go_on(out, world);
        }
        let Some(action) = self.running.as_ref().and_then(RunningLine::action) else {
            return self.finish(out);
        };
        match action {
            Action::Request(request) => match Way::from(request) {
                Way::Look(look) => self.reply(&world.look(look), out),
                // No line spells one.
                Way::Transfer(request) => self.reply(&Reply::Unsupported(request.opcode()), out),
                Way::Events(_) => self.reply(&Reply::Unsupported(opcode::EVENTS), out),
                Way::Unknown(opcode) => self.reply(&Reply::Unsupported(opcode), out),
                Way::Ask(ask) => {
                    self.asked = self.asked.next();
                    return Flow::Ask(ask, OperationId::assigned(self.nonce, self.asked));
                }
            },
            // What is followed was opened above.
            Action::Help(_) | Action::Follow(_) => self.reply(&Reply::Done, out),
            Action::Subscribe(topics) => self.subscribe(topics, out, world),
            Action::Unsubscribe(topics) => self.unsubscribe(topics, out),
            Action::Events(wanted) => self.list_events(wanted, out, world),
            Action::Mode(dialect) => {
                self.reply(&Reply::Done, out);
                self.close(out);
                // The answer is the last in the old dialect, and the prompt is of the new one.
                self.input.set_dialect(dialect);
                self.prompt(out);
                return Flow::Go;
            }
            Action::Logout => {
                self.reply(&Reply::Done, out);
                self.running = None;
                return Flow::End;
            }
        }
        self.go_on(out, world)
    }

    /// Ends the line under way at once if all of it is said; the rest of it is for [`Lines::run`].
    pub(super) fn go_on(&mut self, out: &mut Output, world: &dyn World) -> Flow {
        let is_over = |it: &RunningLine| !it.has_page() && it.action().is_none();
        if self.showing.is_none() && self.running.as_ref().is_none_or(is_over) {
            return self.run(out, world);
        }
        Flow::Go
    }

    /// Writes the reply to the step under way.
    fn reply(&mut self, reply: &Reply, out: &mut Output) {
        self.replies(slice::from_ref(reply), out);
    }

    /// Writes the beginning of the reply to the step under way; the pages behind it are said one by one.
    pub(super) fn replies(&mut self, replies: &[Reply], out: &mut Output) {
        if let Some(running) = &mut self.running {
            running.answer(replies, out);
        }
    }

    /// Writes what is still owed for the line, and the prompt.
    pub(super) fn finish(&mut self, out: &mut Output) -> Flow {
        self.close(out);
        self.prompt(out);
        Flow::Go
    }

    /// Writes what is still owed for the line.
    fn close(&mut self, out: &mut Output) {
        if let Some(RunningLine {
            voice: AnswerFormat::Text(mut answer),
            ..
        }) = self.running.take()
        {
            // Output takes everything.
            let _ = answer.finish(out);
        }
    }

    fn prompt(&self, out: &mut Output) {
        if self.is_term() {
            let _ = term::prompt(out, &self.name);
        }
    }
}
