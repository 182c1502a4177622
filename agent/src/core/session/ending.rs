//! The end of a conversation, and of what the peer sends.

use super::answers::TextInput;
use super::{End, Session};
use crate::core::world::World;

impl Session {
    /// Returns whether the conversation is over once the output is written, and why.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        let busy = self.pending.is_waiting()
            || self.lines.is_following()
            || self.is_unfinished()
            || self.lines.is_busy();
        let drained = self.input_ended && !busy && self.output.is_empty();
        self.end.or(drained.then_some(End::Finished))
    }

    /// The peer will send nothing more. That neither cancels nor proves anything.
    pub fn end_of_input(&mut self, world: &dyn World) {
        self.input_ended = true;
        self.work(self.heard.unwrap_or(self.opened), world);
    }

    /// Refuses the line that the end of input has left unfinished, once its turn has come.
    pub(super) fn refuse_unfinished(&mut self, world: &dyn World) {
        if self.input_ended && !self.is_line_busy() && !self.output.is_muted() {
            let arrived = self.heard.unwrap_or(self.opened);
            self.decoder.end();
            while let Some(byte) = self.decoder.released() {
                self.text(arrived, TextInput::Byte(byte), world);
            }
            for byte in self.telnet.end() {
                self.text(arrived, TextInput::Byte(*byte), world);
            }
            // What was in doubt until now may have ended a line: it has its answer first.
            if !self.is_line_busy() {
                self.lines.end(&mut self.output, world);
            }
        }
    }
}
