//! Errors that say what was being done, and still tell which error of the kernel is behind them.

use nix::errno::Errno;
use std::error::Error;
use std::fmt;
use std::io;

/// An error of the kernel behind what was being done.
#[derive(Debug)]
struct Explained {
    text: String,
    errno: Option<Errno>,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Explained {}

/// Returns an error of the same kind and number, with what was being done before what the kernel said of it.
pub(super) fn explain(what: impl fmt::Display, cause: &io::Error) -> io::Error {
    let explained = Explained {
        text: format!("{what}: {cause}"),
        errno: errno(cause),
    };
    io::Error::new(cause.kind(), explained)
}

/// Returns the number of the kernel's error, however often it was explained.
pub(super) fn errno(error: &io::Error) -> Option<Errno> {
    let inner = error.get_ref();
    let explained = inner.and_then(|inner| inner.downcast_ref::<Explained>());
    explained.map_or_else(
        || error.raw_os_error().map(Errno::from_raw),
        |explained| explained.errno,
    )
}

/// Whether descriptors, processes or memory have run out, of this process, its user or the machine: the same
/// may succeed later.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    matches!(
        errno(error),
        Some(Errno::EMFILE | Errno::ENFILE | Errno::EAGAIN | Errno::ENOMEM)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_run_out_is_known_however_often_it_was_explained() {
        for (errno, exhausted) in [
            (Errno::EMFILE, true),
            (Errno::ENFILE, true),
            (Errno::EAGAIN, true),
            (Errno::ENOMEM, true),
            (Errno::ENOENT, false),
            (Errno::EACCES, false),
            (Errno::ENOSPC, false),
        ] {
            let error = io::Error::from(errno);
            let explained = explain("cannot start a", &explain("no new process", &error));
            assert_eq!(
                explained.to_string(),
                format!("cannot start a: no new process: {error}")
            );
            for error in [error, explained] {
                assert_eq!(is_exhausted(&error), exhausted, "{error}");
                assert_eq!(super::errno(&error), Some(errno), "{error}");
            }
        }
        assert!(!is_exhausted(&io::Error::other("no such user")));
    }
}
