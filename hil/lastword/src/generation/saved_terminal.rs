//! The settings of the terminal, put back if a signal ends the command while it reads a password.

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use std::fs::File;

/// The controlling terminal, with its settings at the beginning; nothing where there is none.
pub(super) struct SavedTerminal(Option<(File, Termios)>);

impl SavedTerminal {
    /// Saves the settings.
    pub(super) fn save() -> Self {
        let terminal = File::open("/dev/tty").ok();
        Self(terminal.and_then(|terminal| {
            let settings = tcgetattr(&terminal).ok()?;
            Some((terminal, settings))
        }))
    }

    /// Puts them back.
    pub(super) fn restore(&self) {
        if let Some((terminal, settings)) = &self.0 {
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(terminal, SetArg::TCSANOW, settings);
        }
    }
}
