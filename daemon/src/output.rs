//! Standard output and standard error of a command that ends by itself.

use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes a line to standard output.
///
/// # Errors
///
/// If it was not written. A reader that is gone wants no more: that is none.
pub fn say(line: Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Writes a line to standard error, where what is not taken is not missed.
pub fn complain(line: Arguments<'_>) {
    // There is nowhere else to say it; the exit code says it, too.
    let _ = writeln!(io::stderr(), "{line}");
}
