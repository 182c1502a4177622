//! A small view of something long that is written over and over: what is left of it is what
//! comes behind what has been sent.

use core::fmt;
#[cfg(feature = "shell")]
use lastword_shell::Out;

/// Takes what is written behind the first `skip` bytes, as far as there is room.
#[derive(Debug)]
pub struct Window<'a> {
    skip: usize,
    room: &'a mut [u8],
    taken: usize,
}

impl<'a> Window<'a> {
    pub(crate) const fn new(skip: usize, room: &'a mut [u8]) -> Self {
        let taken = 0;
        Self { skip, room, taken }
    }

    /// How many bytes were taken.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// Once there is no room: the rest need not be written.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        for byte in bytes {
            if let Some(skip) = self.skip.checked_sub(1) {
                self.skip = skip;
                continue;
            }
            *self.room.get_mut(self.taken).ok_or(fmt::Error)? = *byte;
            self.taken += 1;
        }
        Ok(())
    }
}

#[cfg(feature = "shell")]
impl Out for Window<'_> {
    fn text(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes())
    }
}
