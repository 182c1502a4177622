//! A link to a board as whoever reads it sees it: text, and frames between two delimiters.

use super::sorter::{Sorted, Sorter};
use crate::process::Peer;
use lastword_protocol::announcement::Announcement;
use std::collections::VecDeque;

/// A link whose frames are kept apart from its text.
#[derive(Debug)]
pub struct Wire {
    peer: Peer,
    text: Vec<u8>,
    sorter: Sorter,
    frames: VecDeque<Vec<u8>>,
}

impl Wire {
    /// A link that was just opened.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self {
            peer,
            text: Vec::new(),
            sorter: Sorter::default(),
            frames: VecDeque::new(),
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.peer.send(bytes);
    }

    /// The text up to and including `end`.
    #[track_caller]
    pub fn until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            let found = self.text.windows(end.len()).position(|bytes| bytes == end);
            if let Some(at) = found {
                let text: Vec<u8> = self.text.drain(..at + end.len()).collect();
                return String::from_utf8(text).expect("text is UTF-8");
            }
            self.read();
        }
    }

    /// The next line of text, without its end.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = self.until("\n");
        line.pop();
        line
    }

    /// The next frame: what stood between its delimiters.
    #[track_caller]
    pub fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return frame;
            }
            self.read();
        }
    }

    /// The next announcement of the board, and takes the text up to its end.
    #[track_caller]
    pub fn announced(&mut self) -> Announcement {
        loop {
            let line = self.line();
            let start = line.find("! 0 board ").unwrap_or_default();
            if let Some(announcement) = Announcement::read(line[start..].trim_end()) {
                return announcement;
            }
        }
    }

    /// The text that came and that nobody took.
    #[must_use]
    pub fn untaken(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    #[track_caller]
    fn read(&mut self) {
        let Some(byte) = self.peer.byte() else {
            panic!("the link ended behind {:?}", self.untaken());
        };
        match self.sorter.push(byte) {
            Sorted::Text(byte) => self.text.push(byte),
            Sorted::Frame(frame) => self.frames.push_back(frame),
            Sorted::Held => {}
        }
    }
}
