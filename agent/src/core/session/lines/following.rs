//! Logs that lines of a session have asked to follow: rows of a line's answer that goes on until the
//! next line or ^C, or notifications of a program's subscriptions.

use super::super::follows::{FollowId, FollowOrder, News, Opening};
use super::super::json::{self, notifications};
use super::super::output::Output;
use super::{AnswerFormat, Flow, Lines, RunningLine, say};
use crate::core::log::{Cursor, Line};
use crate::core::service::answer::{Pages, end_of_log, push_line};
use crate::core::world::{Ask, World};
use lastword_protocol::OperationId;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Item, Logs, ServiceRequest};
use lastword_protocol::refusal::{Code, Refusal};

/// Control-C.
const INTERRUPT: u8 = 0x03;

impl Lines {
    pub(in super::super) fn take_follow(&mut self) -> Option<FollowOrder> {
        self.follows.take_order()
    }

    /// Whether any log is followed.
    pub(in super::super) const fn is_following(&self) -> bool {
        !self.follows.is_empty()
    }

    /// Returns whether any is that is not the answer to a line.
    pub(in super::super) const fn is_following_on(&self) -> bool {
        self.follows.count() > self.is_listing as usize
    }

    /// Whether lines of this log may be said now: nothing comes between the rows of an answer.
    pub(in super::super) fn wants_lines(&self, id: FollowId) -> bool {
        match &self.running {
            Some(running) if running.is_text() || running.has_page() || self.showing.is_some() => {
                self.showing == Some(id)
            }
            Some(_) | None => true,
        }
    }

    /// Asks where a log ends, in order to follow it from there.
    pub(super) fn open(&mut self, opening: Opening) -> Result<Flow, Box<Refusal>> {
        let is_listing = opening.is_listing();
        if self.follows.is_full() && !is_listing {
            let refusal = Refusal::new(Code::SlowDown, "too many logs are followed");
            return Err(refusal.into());
        }
        let is_last = |it: &RunningLine| it.next + 1 == it.script.steps.len();
        if !is_listing && !self.running.as_ref().is_some_and(is_last) {
            let refusal = Refusal::new(Code::BadValue, "--follow goes last in a line");
            return Err(refusal.into());
        }
        let where_it_ends = Logs {
            name: opening.logs.name.clone(),
            from: None,
            lines: 0,
            follow: false,
        };
        self.opening = Some(opening);
        self.asked = self.asked.next();
        let ask = Ask::Service(ServiceRequest::Logs(where_it_ends));
        Ok(Flow::Ask(
            ask,
            OperationId::assigned(self.nonce, self.asked),
        ))
    }

    /// It is known where the log ends: goes on from there.
    pub(super) fn opened(&mut self, opening: &Opening, replies: &[Reply], out: &mut Output) {
        let Some(known) = end_of_log(replies) else {
            // It is a no.
            return self.replies(replies, out);
        };
        let Some(running) = &mut self.running else {
            return;
        };
        if opening.is_listing() {
            self.list(opening, known, out);
        } else if let AnswerFormat::Json(call) = &running.voice {
            running.next += 1;
            // Nobody could name the subscription of a call that has no answer.
            if call.has_answer() {
                let id = self.follows.start(opening, known);
                say(out, call.subscribed(id));
            }
        } else {
            self.showing = Some(self.follows.start(opening, known));
        }
        self.settle(out);
    }

    /// Says what has come of a log.
    pub(in super::super) fn followed(
        &mut self,
        id: FollowId,
        news: News,
        out: &mut Output,
        world: &dyn World,
    ) -> Flow {
        let was_listing = self.is_listing;
        match news {
            News::Lines { missed, mut lines } => {
                if let Some(subscription) = self.follows.find(id) {
                    let missed = subscription.range.take(missed, &mut lines);
                    let first = lines
                        .first()
                        .map_or(subscription.range.at, |line| line.cursor);
                    let name = subscription.range.name.clone();
                    if self.showing == Some(id) {
                        self.rows(missed, first, &lines, out);
                    } else {
                        notify(id, &name, missed, &lines, out);
                    }
                }
            }
            News::End => self.unfollow(id, None, out),
            News::Failed(why) => self.unfollow(id, Some(&why), out),
        }
        self.settle(out);
        if was_listing && !self.is_listing {
            return self.go_on(out, world);
        }
        Flow::Go
    }

    /// Nothing more is wanted than what the logs held when somebody began to follow them.
    pub(super) fn end_follows(&mut self, out: &mut Output) {
        self.follows.end_with_what_was_known();
        self.settle(out);
    }

    /// Ends a line's rows, because another line has come.
    pub(super) fn end_rows(&mut self, out: &mut Output) {
        if let Some(id) = self.showing.filter(|_| !self.is_listing) {
            self.unfollow(id, None, out);
        }
    }

    /// Takes a byte that comes while a line's rows go on. Returns whether it is done with.
    pub(super) fn interrupts(&mut self, byte: u8, out: &mut Output) -> bool {
        let Some(RunningLine {
            voice: AnswerFormat::Text(answer),
            ..
        }) = self
            .running
            .as_ref()
            .filter(|_| self.showing.is_some() && !self.is_listing)
        else {
            return false;
        };
        match (answer.dialect().is_term(), byte) {
            (true, INTERRUPT) => out.push(b"^C\r\n"),
            // Nobody types a line where there is no prompt.
            (true, _) => return true,
            (false, INTERRUPT) => {}
            (false, _) => return false,
        }
        self.end_rows(out);
        // In the middle of a script's line it spoils that, too.
        self.input.typed().is_empty() || self.is_term()
    }

    /// Ends the rows that go on, if any: somebody interrupts a script between two of its lines.
    pub(in super::super) fn interrupt(&mut self, out: &mut Output) {
        self.end_rows(out);
    }

    /// A program wants no more of a log.
    pub(super) fn cancel(&mut self, call: &json::Call, id: FollowId, out: &mut Output) {
        let is_known = self.follows.has_been(id);
        if self.showing != Some(id) {
            self.follows.stop(id);
        }
        self.events.stop(id);
        say(out, call.cancelled(id, is_known));
    }

    /// Ends what has come to its end.
    fn settle(&mut self, out: &mut Output) {
        while let Some(id) = self.follows.over() {
            self.unfollow(id, None, out);
        }
    }

    /// Follows a log no more, and says so: with a notification, or with the line's final.
    fn unfollow(&mut self, id: FollowId, trouble: Option<&str>, out: &mut Output) {
        let Some(subscription) = self.follows.stop(id) else {
            return;
        };
        if self.showing != Some(id) {
            return say(out, Some(notifications::log_end(id, trouble)));
        }
        self.showing = None;
        let was_listing = std::mem::take(&mut self.is_listing);
        // Whoever follows was told where lines were missed.
        let missed = if was_listing {
            subscription.range.missed
        } else {
            0
        };
        self.end_log(subscription.range.at, missed, trouble, out);
        if !was_listing {
            self.finish(out);
        }
    }

    /// Says lines as rows of an answer that goes on.
    fn rows(&mut self, missed: u64, first: Cursor, lines: &[Line], out: &mut Output) {
        let Some(running) = &mut self.running else {
            return;
        };
        let mut pages = Pages::default();
        if missed > 0 && !self.is_listing {
            let from = first.0;
            pages.push(&Item::Next { from, missed });
        }
        for line in lines {
            push_line(&mut pages, line);
        }
        for page in pages.so_far() {
            running.say_some(&page, out);
        }
    }
}

/// Says lines as notifications.
fn notify(id: FollowId, name: &str, missed: u64, lines: &[Line], out: &mut Output) {
    if missed > 0 {
        say(out, Some(notifications::log_missed(id, name, missed)));
    }
    for line in lines {
        say(out, Some(notifications::log(id, name, line)));
    }
}
