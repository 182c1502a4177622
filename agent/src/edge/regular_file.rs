//! Files in places where others may have put something else: a FIFO, a device, a link.

use rustix::fs::OFlags;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file, but no link, and nothing that is read without end or waited for.
///
/// # Errors
///
/// Whatever the disk says, and if it is none.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits();
    options
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}
