//! A terminal in raw mode, for as long as this value lives.

use nix::sys::termios::{OutputFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

/// Restores the terminal on standard input when dropped, also by a panic.
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Turns standard input raw; `None` if it is no terminal.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn enter() -> io::Result<Option<Self>> {
        let input = io::stdin();
        if !input.is_terminal() {
            return Ok(None);
        }
        let before = tcgetattr(input.as_fd())?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        // Plain text ends its lines with a lone LF.
        raw.output_flags.insert(OutputFlags::OPOST);
        tcsetattr(input.as_fd(), SetArg::TCSADRAIN, &raw)?;
        Ok(Some(Self { before }))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &self.before);
    }
}
