//! Keeps the kernel's console quiet while an acknowledgement goes out on the same line.

use std::fs;
use std::io;

/// The console's log levels (proc(5), `/proc/sys/kernel/printk`); the first is the one that
/// messages must beat to be shown.
const PRINTK: &str = "/proc/sys/kernel/printk";
/// Only messages of level 0, emergencies.
const EMERGENCIES_ONLY: &str = "1";

/// While this lives, only emergencies reach the console. The kernel's log keeps everything.
///
/// The console writes to the UART behind the tty's back, so that its text can fall inside a frame
/// that was written in one piece.
#[derive(Debug)]
pub(super) struct QuietConsole {
    before: String,
}

impl QuietConsole {
    /// Begins the silence; `None` where that is not ours to do. The acknowledgement goes out all
    /// the same, and a host that cannot read it asks again.
    pub(super) fn begin() -> Option<Self> {
        match Self::try_begin() {
            Ok(quiet) => Some(quiet),
            Err(error) => {
                tracing::warn!(target: "power", %error, "the console cannot be kept quiet");
                None
            }
        }
    }

    fn try_begin() -> io::Result<Self> {
        let before = fs::read_to_string(PRINTK)?;
        fs::write(PRINTK, EMERGENCIES_ONLY)?;
        Ok(Self { before })
    }
}

impl Drop for QuietConsole {
    fn drop(&mut self) {
        if let Err(error) = fs::write(PRINTK, &self.before) {
            tracing::warn!(target: "power", %error, "the console's log level was not restored");
        }
    }
}
