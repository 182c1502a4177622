//! Missing input: the line with the hole is refused.

use super::{Carriage, Input, Keys};

impl<const LINE: usize, const HISTORY: usize> Input<LINE, HISTORY> {
    /// Returns whether nothing is received of the line under way, not even half of a line end or a key.
    #[must_use]
    pub fn is_at_line_start(&self) -> bool {
        let is_empty = self.told || self.editor.is_untouched();
        let is_between = matches!(self.carriage, Carriage::Home | Carriage::Returned);
        is_empty && is_between && self.keys.is_idle()
    }

    /// Bytes are missing here, between what was fed before and what is fed next. The line that
    /// goes on here, or begins here, is refused when it ends, whatever else is lost or typed in it.
    pub fn lost(&mut self) {
        if self.closed {
            return;
        }
        if core::mem::take(&mut self.told) {
            self.editor.clear();
        }
        // The other halves may be among what is missing: of a CR LF, of a key.
        self.carriage = Carriage::Home;
        self.keys = Keys::new();
        self.editor.lose();
    }

    /// Notes that bytes were dropped here that were no text: in the middle of a line that is as
    /// [`Input::lost`], and between two lines nothing.
    pub fn dropped(&mut self) {
        // A CR that may still open term has ended its line.
        let is_over = self.told || matches!(self.carriage, Carriage::Opening(_));
        if !is_over && !self.editor.is_untouched() {
            self.lost();
        }
    }
}
