//! What the other end of a link hears: text and frames, none of them broken.

use lastword_protocol::Nonce;
use lastword_protocol::frame::{self, DELIMITER, Frame};

/// Cuts a board's output into text and frames. It comes from this very process, so that nothing
/// of it may be damaged: every second piece between delimiters is a frame.
pub(super) struct Heard {
    nonce: Option<Nonce>,
    frame: Vec<u8>,
    is_inside: bool,
    /// Telnet answers may hold a zero byte. A client that negotiates speaks no frames.
    is_telnet: bool,
}

impl Heard {
    pub(super) fn new() -> Self {
        Self {
            nonce: None,
            frame: Vec::new(),
            is_inside: false,
            is_telnet: false,
        }
    }

    pub(super) const fn is_telnet(&self) -> bool {
        self.is_telnet
    }

    /// From here on, zero bytes say nothing.
    pub(super) const fn negotiated(&mut self) {
        self.is_telnet = true;
    }

    /// What frames other than hellos are summed with from here on.
    pub(super) const fn enter(&mut self, nonce: Nonce) {
        self.nonce = Some(nonce);
    }

    pub(super) const fn nonce(&self) -> Option<Nonce> {
        self.nonce
    }

    /// Takes a byte; hands out the frame that it completes.
    pub(super) fn push(&mut self, byte: u8) -> Option<Frame<'_>> {
        if self.is_telnet {
            return None;
        }
        if byte != DELIMITER {
            if self.is_inside {
                self.frame.push(byte);
            }
            return None;
        }
        self.is_inside = !self.is_inside;
        if self.is_inside {
            self.frame.clear();
            return None;
        }
        let frame = frame::decode(&mut self.frame, self.nonce);
        assert!(frame.is_some(), "a board has sent a broken frame");
        frame
    }
}
