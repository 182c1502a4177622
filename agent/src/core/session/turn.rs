//! What a session does before others have their turn.
//!
//! A turn ends behind one step of a line, one frame that is no piece of an object, or [`TURN_BYTES`] of input, and where
//! the output is full.
//! Whoever drives several sessions gives each of them one turn after the other.

use super::answers::TextInput;
use super::follow::ROWS_OUTPUT_BYTES;
use super::input_queue::LinkInput;
use super::marks::Marked;
use super::{OUTPUT_BYTES, Session};
use crate::core::world::World;
use lastword_protocol::Instant;

/// The most input that a session works through in one turn, in bytes; of a frame more, for it is only held until it is
/// whole.
pub const TURN_BYTES: usize = 64;

/// The bytes of a frame that take as long as one of a line.
const FRAME_BYTES_PER_BYTE: usize = 256;

/// What a session's last turn has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnEnd {
    /// Nothing, or it does not know of anything.
    Idle,
    /// Some of what has arrived.
    Unfinished,
}

impl Session {
    /// Returns whether there is something to do before anything more arrives: have it done by
    /// [`Session::work`], once others have had their turn.
    #[must_use]
    pub fn has_work(&self) -> bool {
        let may_say = !self.output.is_muted() && self.output.len() < OUTPUT_BYTES;
        (self.is_unfinished() || self.may_run_line()) && may_say && self.end.is_none()
    }

    /// Works for one turn through what has arrived. Text waits behind a line that is being answered, frames
    /// and `^C` do not, however long the answer is; behind its last word everything waits.
    pub fn work(&mut self, now: Instant, world: &dyn World) {
        self.decoder.tick(now);
        let done_before = self.done();
        let mut held_bytes = 0;
        while self.end.is_none() && !self.output.is_muted() {
            let is_over =
                self.done() != done_before || held_bytes >= TURN_BYTES * FRAME_BYTES_PER_BYTE;
            self.turn_end = TurnEnd::Unfinished;
            if is_over || self.output.len() >= OUTPUT_BYTES {
                return;
            }
            let run = self.hold_arrived(now);
            if run == 0 && !self.work_once(now, world) {
                self.turn_end = TurnEnd::Idle;
                self.refuse_unfinished(world);
                self.say_postponed(now, world);
                return;
            }
            held_bytes += match run {
                0 if self.holds => 1,
                0 => FRAME_BYTES_PER_BYTE,
                run => run,
            };
        }
    }

    /// Returns whether its last turn has left some of what has arrived.
    pub(super) fn is_unfinished(&self) -> bool {
        self.turn_end == TurnEnd::Unfinished
    }

    /// Counts what takes longer than a byte.
    const fn done(&self) -> u64 {
        self.lines.steps() + self.frames.count()
    }

    /// Takes a line one step further, or else the next byte, or else the next page of a long answer. Returns
    /// whether there was any of them.
    fn work_once(&mut self, now: Instant, world: &dyn World) -> bool {
        if !self.is_line_busy() {
            let held = self.lines.take_held().map(TextInput::Byte);
            if let Some(input) = held.or_else(|| self.typed.pop_front()) {
                self.text(now, input, world);
                return true;
            }
        } else if !self.lines.has_page() && self.may_run_line() {
            self.run_line(world);
            return true;
        }
        if self.take_arrived(now, world) {
            return true;
        }
        let has_row = self.may_run_line();
        if has_row {
            self.run_line(world);
        }
        has_row
    }

    /// Returns whether the line under way can be taken a step further now.
    fn may_run_line(&self) -> bool {
        let has_room = !self.lines.has_page() || self.output.len() < ROWS_OUTPUT_BYTES;
        self.lines.is_runnable() && !self.pending.has_line() && has_room
    }

    fn run_line(&mut self, world: &dyn World) {
        let flow = self.lines.run(&mut self.output, world);
        self.follow(flow);
    }

    /// Takes the next bytes of what has arrived, as far as the decoder holds them in any case. Returns their number.
    fn hold_arrived(&mut self, now: Instant) -> usize {
        if self.traits.marked || self.telnet.is_inside() || !self.holds {
            return 0;
        }
        let count = self.decoder.hold(now, self.backlog.run());
        self.backlog.skip(count);
        count
    }

    /// Takes the next byte of what has arrived. Returns whether there was one.
    fn take_arrived(&mut self, now: Instant, world: &dyn World) -> bool {
        if let Some(byte) = self.decoder.released() {
            self.text(now, TextInput::Byte(byte), world);
            return true;
        }
        let Some(incoming) = self.backlog.pop() else {
            return false;
        };
        let marked = match incoming {
            LinkInput::Loss => Some(Marked::Damaged),
            LinkInput::Byte(byte) if self.traits.marked => self.marks.push(byte),
            LinkInput::Byte(byte) => Some(Marked::Byte(byte)),
        };
        match marked {
            Some(Marked::Byte(byte)) => self.byte(now, byte, world),
            Some(Marked::Damaged) => self.lost(now, world),
            Some(Marked::Break) => self.broken(),
            None => {}
        }
        true
    }

    /// Returns whether text has to wait, because a line is being answered.
    pub(super) const fn is_line_busy(&self) -> bool {
        self.pending.has_line() || self.lines.is_busy()
    }
}
