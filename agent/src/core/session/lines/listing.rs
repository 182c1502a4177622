//! A log as the answer of a line: its lines are read as the peer takes them, and the answer ends where the log
//! did when it was asked for.

use super::running_line::{AnswerFormat, RunningLine};
use super::{Lines, Opening};
use crate::core::log::Cursor;
use crate::core::service::answer::{Pages, refused};
use crate::core::session::json;
use crate::core::session::output::Output;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::Item;
use lastword_protocol::refusal::Code;
use std::mem;

impl Lines {
    /// Begins to show a log that ends at `known`.
    pub(super) fn list(&mut self, opening: &Opening, known: Cursor, out: &mut Output) {
        let Some(running) = &mut self.running else {
            return;
        };
        if running.begin_log(out) {
            self.showing = Some(self.follows.start(opening, known));
            self.is_listing = true;
        }
    }

    /// Ends a log at `from`, where the next one goes on; with `trouble` because it cannot be read.
    pub(super) fn end_log(
        &mut self,
        from: Cursor,
        missed: u64,
        trouble: Option<&str>,
        out: &mut Output,
    ) {
        if let Some(RunningLine {
            voice: AnswerFormat::Json(_),
            next,
            ..
        }) = &mut self.running
        {
            *next += 1;
            return out.push(json::end_of_log(from, missed, trouble).as_bytes());
        }
        let from = from.0;
        let mut pages = Pages::default();
        pages.push(&Item::Next { from, missed });
        let last: Vec<Reply> = match trouble {
            Some(why) => refused(Code::Internal, why),
            None => pages.done(),
        };
        self.replies(&last, out);
    }

    /// Ends an answer of many rows in mid-way, if a person or a script is given one: what is said
    /// next is its last. Returns whether it was.
    pub(in crate::core::session) fn give_up(&mut self) -> bool {
        let Some(running) = self.running.as_mut().filter(|it| it.is_text()) else {
            return false;
        };
        if !mem::take(&mut self.is_listing) {
            return running.drop_pages();
        }
        if let Some(id) = self.showing.take() {
            self.follows.stop(id);
        }
        true
    }
}
