//! A session's work while others work on its requests, and with their answers.

use super::lines::Flow;
use super::patience::REFUSAL_WAIT;
use super::pending::{AnswerTarget, RequestId};
use super::{End, OrphanedRequest, Session};
use crate::core::log::range::LogRange;
use crate::core::transfers::OpenObject;
use crate::core::world::World;
use lastword_protocol::Instant;
use lastword_protocol::message::Reply;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_shell::WINDOW_BYTES;
use std::task::Waker;

/// `^C`
const INTERRUPT: u8 = 0x03;

/// Text in the order in which it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextInput {
    /// A byte.
    Byte(u8),
    /// Bytes are missing here.
    Lost,
    /// Bytes that were no text were dropped here.
    Dropped,
}

impl Session {
    /// Makes it the conversation of a connection for which there is no place: its first line or hello
    /// is answered so, and whatever comes or does not come, it ends within two seconds.
    #[must_use]
    pub fn refusing(mut self, refusal: &Refusal) -> Self {
        self.is_refusing = true;
        self.limits.stall = REFUSAL_WAIT;
        self.lines.refuse(refusal.clone());
        self.frames.refuse(refusal.clone());
        self
    }

    /// Notes that the answer to a question does not hold all that was asked for of a log: `rest` is asked for
    /// once the client wants it. To be called before [`Session::answered`].
    pub fn continues(&mut self, id: RequestId, rest: LogRange) {
        self.pending.continues(id, rest);
    }

    /// Notes that the answer to a question opens a transfer. To be called before [`Session::answered`].
    pub fn opens(&mut self, id: RequestId, object: OpenObject) {
        self.pending.opens(id, object);
    }

    /// Takes the answer to a question, and returns the position behind it in the output. Each of
    /// `replies` but the last is a page with more behind it. `staged`: it has staged an operation.
    /// `None`: nobody hears it here (now), and what it has staged must stand down.
    pub fn answered(
        &mut self,
        now: Instant,
        id: RequestId,
        replies: &[Reply],
        staged: bool,
        world: &dyn World,
    ) -> Option<u64> {
        if self.output.is_muted() {
            self.pending.postpone(id, replies, staged);
            return None;
        }
        let waiting = self.pending.take(id)?;
        self.await_progress(now);
        // Whoever waited was not idle.
        self.heard = Some(now);
        let flow = match waiting {
            AnswerTarget::Line => self.answered_line(replies, staged, world),
            AnswerTarget::Frame(asked) => {
                let frames = &mut self.frames;
                let is_here = frames.answered(now, *asked, replies, staged, &mut self.output);
                return is_here.then(|| self.output.end());
            }
        };
        let position = self.output.end();
        self.follow(flow);
        self.work(now, world);
        Some(position)
    }

    /// Goes on with the line that has waited. Behind what it has `staged` it is said to its end, for
    /// the acknowledgement is not written before.
    fn answered_line(&mut self, replies: &[Reply], staged: bool, world: &dyn World) -> Flow {
        let mut flow = self.lines.answered(replies, &mut self.output, world);
        while staged && flow == Flow::Go && self.lines.is_runnable() {
            flow = self.lines.run(&mut self.output, world);
        }
        flow
    }

    /// Returns whether there are replies to say whose requests came on another link, which has lost the
    /// session to this one. `waker` is woken when some come; [`Session::say_mail`] says them.
    #[must_use]
    pub fn has_mail(&self, waker: &Waker) -> bool {
        self.frames.has_mail(waker) && !self.output.is_muted() && self.end.is_none()
    }

    /// Says the replies whose requests came on another link.
    pub fn say_mail(&mut self, now: Instant) {
        if !self.output.is_muted() {
            self.await_progress(now);
            self.frames.tick_transfer(now);
            self.frames.say_mail(&mut self.output);
        }
    }

    /// Gives the conversation up, because its link is gone. What is returned is to be given the
    /// answers that are still under way.
    #[must_use]
    pub fn abandon(self) -> Vec<OrphanedRequest> {
        // The link has lost its client first: what is kept from here on is for another.
        drop(self.frames);
        self.pending.abandon()
    }

    /// Takes text, once its turn has come.
    pub(super) fn text(&mut self, now: Instant, input: TextInput, world: &dyn World) {
        let flow = match input {
            input if self.is_line_busy() => {
                let interrupts =
                    input == TextInput::Byte(INTERRUPT) && self.is_typed_ahead_at_line_start();
                let Some(why) = interrupts.then(|| self.give_up()).flatten() else {
                    return self.type_ahead(input);
                };
                if self.lines.is_term() {
                    let has_hole = self.typed.contains(&TextInput::Lost);
                    self.typed.clear();
                    self.typed.extend(has_hole.then_some(TextInput::Lost));
                }
                let aborted = Refusal::new(Code::Aborted, why);
                let aborted = [Reply::Refused(aborted)];
                self.lines.answered(&aborted, &mut self.output, world)
            }
            TextInput::Byte(byte) => self.lines.feed(now, byte, &mut self.output, world),
            TextInput::Lost => return self.lines.lost(),
            TextInput::Dropped => return self.lines.dropped(),
        };
        self.follow(flow);
    }

    /// Ends the answer to the line under way, if that can be; returns what the line is told.
    fn give_up(&mut self) -> Option<&'static str> {
        if self.pending.give_up_line() {
            return Some("not waited for; it goes on");
        }
        self.lines.give_up().then_some("interrupted")
    }

    /// Keeps text for later. What is missing twice in one place is missing once.
    ///
    /// On a line, text beyond [`WINDOW_BYTES`] is lost at its place: frames, a BREAK and whoever takes the
    /// line over come behind it, and are not to wait for its turn.
    fn type_ahead(&mut self, input: TextInput) {
        self.last_typed = input;
        let is_full = !self.traits.is_connected() && WINDOW_BYTES <= self.typed.len();
        let input = if is_full { TextInput::Lost } else { input };
        let is_byte = matches!(input, TextInput::Byte(_));
        if is_byte || self.typed.back() != Some(&input) {
            self.typed.push_back(input);
        }
    }

    /// Returns whether `^C` ends the waiting instead of spoiling the line that waits to be read: a person
    /// takes what was typed ahead back with it.
    fn is_typed_ahead_at_line_start(&self) -> bool {
        self.lines.is_term()
            || self.typed.is_empty()
            || matches!(self.last_typed, TextInput::Byte(b'\r' | b'\n'))
    }

    /// Returns whether nothing has arrived of the line under way, whether it waits for its turn or not.
    pub(super) fn is_at_line_start(&self) -> bool {
        if self.is_line_busy() {
            self.is_typed_ahead_at_line_start()
        } else {
            self.lines.is_at_line_start()
        }
    }

    /// Takes an interrupt between two lines: ends the waiting for an answer, or the log that is
    /// followed.
    pub(super) fn interrupt(&mut self, now: Instant, world: &dyn World) {
        if self.is_line_busy() {
            self.text(now, TextInput::Byte(INTERRUPT), world);
        } else {
            self.lines.interrupt(&mut self.output);
        }
    }

    pub(super) fn follow(&mut self, flow: Flow) {
        match flow {
            Flow::Go => {}
            Flow::Ask(ask, assigned) => self.pending.ask_line(ask, assigned),
            Flow::End if self.traits.is_connected() => self.end = Some(End::Finished),
            Flow::End => self.lines.forget(),
        }
    }

    /// Forgets dialect and line, whatever they wait for.
    pub(super) fn forget_lines(&mut self) {
        self.lines.forget();
        self.lines.take_held();
        self.typed.clear();
        self.pending.forget_line();
    }
}
