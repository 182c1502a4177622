//! What a board says, sorted into text and frames.

/// Sorts bytes by delimiters alone: a frame is what stands between two of them, and a board always
/// sends both. That is enough where nothing is lost.
#[derive(Debug, Default)]
pub struct Sorter {
    /// The frame that has begun.
    open: Option<Vec<u8>>,
}

/// What a byte came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Sorted {
    /// It is text.
    Text(u8),
    /// It is part of a frame.
    Held,
    /// It ends a frame: what stood between its delimiters.
    Frame(Vec<u8>),
}

impl Sorter {
    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) -> Sorted {
        match (self.open.take(), byte) {
            (None, 0) => self.open = Some(Vec::new()),
            (None, byte) => return Sorted::Text(byte),
            // The one in front of a frame, twice.
            (Some(frame), 0) if frame.is_empty() => self.open = Some(frame),
            (Some(frame), 0) => return Sorted::Frame(frame),
            (Some(mut frame), byte) => {
                frame.push(byte);
                self.open = Some(frame);
            }
        }
        Sorted::Held
    }
}
