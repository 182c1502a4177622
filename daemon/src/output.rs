//! Standard output and standard error of a command that ends by itself.

use lastword_shell::escape::{Shown, is_hidden};
use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes a line to standard output. Hidden characters in it are spelled out.
///
/// # Errors
///
/// If it was not written. A reader that is gone wants no more: that is none.
pub fn say(line: Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", Shown(&line.to_string())).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Writes a line to standard error, hidden characters spelled out, where what is not taken is not missed.
pub fn complain(line: Arguments<'_>) {
    // There is nowhere else to say it; the exit code says it, too.
    let _ = writeln!(io::stderr(), "{}", Shown(&line.to_string()));
}

/// Writes what a command line parser has to say of a wrong one to standard error, if it quotes anything that a
/// terminal would act on. Returns whether that was so: otherwise the parser says it better itself.
#[must_use]
pub fn complain_of_usage(text: &str) -> bool {
    let is_hidden = |line: &str| line.contains(is_hidden);
    let quotes = text.lines().any(is_hidden);
    if quotes {
        text.lines()
            .for_each(|line| complain(format_args!("{line}")));
    }
    quotes
}
