//! What a line is to a board that may or may not have a shell.

use crate::hardware::Board;
use crate::house::House;
use crate::window::Window;
use core::fmt;
use lastword_protocol::Instant;

/// The text side of a line. Implemented here only: by [`FramesOnly`], and by `Shell` with the
/// feature `shell`.
pub trait Text: Sealed {}

impl<T: Sealed> Text for T {}

/// What the responder asks of a text side.
pub trait Sealed {
    /// Takes one byte of text. It is not given another while it has something to say.
    #[doc(hidden)]
    fn feed(&mut self, now: Instant, byte: u8, house: &mut House, board: &mut impl Board);

    /// Lets time pass.
    #[doc(hidden)]
    fn tick(&mut self, now: Instant, house: &mut House, board: &mut impl Board);

    /// When to let time pass at the latest.
    #[doc(hidden)]
    fn deadline(&self) -> Option<Instant>;

    /// Whether there is something to say.
    #[doc(hidden)]
    fn speaks(&self) -> bool;

    /// Writes what is to be said now, always from its start and always the same.
    #[doc(hidden)]
    fn write(&self, house: &House, out: &mut Window<'_>) -> fmt::Result;

    /// What was to be said is said: goes on to what comes next.
    #[doc(hidden)]
    fn said(&mut self, now: Instant, house: &mut House, board: &mut impl Board);

    /// Something was written between the text: shows again what a person is typing.
    #[doc(hidden)]
    fn disturbed(&mut self);

    /// Bytes are missing here: the line that goes on or begins here must not run.
    #[doc(hidden)]
    fn lost(&mut self);

    /// Notes that bytes that were no text were dropped here: a line that goes on must not run.
    #[doc(hidden)]
    fn dropped(&mut self);

    /// Forgets dialect and line.
    #[doc(hidden)]
    fn forget(&mut self);
}

/// No text at all: whatever is no frame is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct FramesOnly;

impl Sealed for FramesOnly {
    fn feed(&mut self, _: Instant, _: u8, _: &mut House, _: &mut impl Board) {}

    fn tick(&mut self, _: Instant, _: &mut House, _: &mut impl Board) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn speaks(&self) -> bool {
        false
    }

    fn write(&self, _: &House, _: &mut Window<'_>) -> fmt::Result {
        Ok(())
    }

    fn said(&mut self, _: Instant, _: &mut House, _: &mut impl Board) {}

    fn disturbed(&mut self) {}

    fn lost(&mut self) {}

    fn dropped(&mut self) {}

    fn forget(&mut self) {}
}
