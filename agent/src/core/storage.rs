//! The few file operations that durable state is built from, so that a simulator can stand in
//! for the disk and cut at each of them.

use std::io;

/// A directory of small files.
pub trait Storage: Send {
    /// The whole content of a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// Creates or overwrites a file. Nothing is durable yet.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()>;

    /// Makes a file's content durable.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Moves a file over another, atomically. Not durable yet.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the directory's names durable.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn sync_names(&mut self) -> io::Result<()>;
}

/// Replaces a file so that, whenever the power fails, either the old or the new content is there,
/// whole; on return the new content is durable.
///
/// # Errors
///
/// Whatever the disk says; the old content is then still there.
pub fn replace(storage: &mut dyn Storage, name: &str, content: &[u8]) -> io::Result<()> {
    let staging = format!("{name}.new");
    storage.write(&staging, content)?;
    storage.sync(&staging)?;
    storage.rename(&staging, name)?;
    storage.sync_names()
}
