//! Where answers go: the one thing that is asked of whoever takes them.

use core::fmt;

/// Takes text, piece by piece.
///
/// Whatever implements [`fmt::Write`] does. Not that trait itself, because each of its objects
/// brings the standard library's formatting along: two kilobytes of a microcontroller's flash.
pub trait Out {
    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    fn text(&mut self, text: &str) -> fmt::Result;
}

impl<W: fmt::Write + ?Sized> Out for W {
    fn text(&mut self, text: &str) -> fmt::Result {
        self.write_str(text)
    }
}
