//! The few file operations that durable state is built from, so that a simulator can stand in
//! for the disk and cut at each of them.

use std::fmt;
use std::io;

/// A directory of files.
pub trait Storage: Send {
    /// The whole content of a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>>;

    /// The length of a file in bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn length(&self, name: &str) -> io::Result<Option<u64>> {
        let content = self.read(name)?;
        Ok(content.map(|content| content.len() as u64))
    }

    /// Fills `out` with the bytes of a file from `offset` on.
    ///
    /// # Errors
    ///
    /// Whatever the disk says, and if the file does not have so many.
    fn read_at(&self, name: &str, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let content = self.read(name)?.ok_or(io::ErrorKind::NotFound)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = content.get(start..).unwrap_or_default();
        let bytes = rest.get(..out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// The names of all files, in any order.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Creates or overwrites a file. Nothing is durable yet.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn write(&mut self, name: &str, content: &[u8]) -> io::Result<()>;

    /// Writes behind the end of a file that is there. Nothing is durable yet.
    ///
    /// # Errors
    ///
    /// Whatever the disk says; any part of it may be in the file then.
    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()>;

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

    /// Removes a file, if there is one. Not durable yet.
    ///
    /// # Errors
    ///
    /// Whatever the disk says.
    fn remove(&mut self, name: &str) -> io::Result<()>;

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
/// Whatever the disk says; the old content is then still there, or the new one if the names could not be
/// made durable.
pub fn replace<S>(storage: &mut S, name: &str, content: &[u8]) -> io::Result<()>
where
    S: Storage + ?Sized,
{
    let staging = format!("{name}.new");
    storage.write(&staging, content)?;
    storage.sync(&staging)?;
    storage.rename(&staging, name)?;
    storage.sync_names()
}

/// Reads a file as [`Storage::read`]. If there is none, that is durable on return: an agent may have been killed
/// when it had put a broken one aside, and a file written in its place could reach the disk before its new name.
///
/// # Errors
///
/// Whatever the disk says.
pub fn load<S: Storage + ?Sized>(storage: &mut S, name: &str) -> io::Result<Option<Vec<u8>>> {
    let content = storage.read(name)?;
    if content.is_none() {
        // A disk that refuses refuses what is saved next, too, and that is told.
        let _ = storage.sync_names();
    }
    Ok(content)
}

/// How many broken files of a name are kept; the last is replaced then.
const BROKEN_FILES: u32 = 10;

/// A file that could not be used: what is wrong with it, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenFile {
    name: String,
    why: String,
    kept: Result<String, String>,
}

impl BrokenFile {
    /// Renames a file so that it is kept, and out of the way: `NAME.broken`, or `NAME.broken.1` and so on.
    pub fn keep_aside<S>(storage: &mut S, name: &str, why: String) -> Self
    where
        S: Storage + ?Sized,
    {
        let kept = put_aside(storage, name).map_err(|error| error.to_string());
        let name = name.to_owned();
        Self { name, why, kept }
    }

    /// Returns the name under which the file is kept; `None` if it could not be renamed.
    #[must_use]
    pub fn kept_as(&self) -> Option<&str> {
        self.kept.as_deref().ok()
    }

    /// One that could not be kept aside.
    #[cfg(test)]
    pub(crate) fn lost(name: &str, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            why: why.to_owned(),
            kept: Err("no disk".to_owned()),
        }
    }
}

impl fmt::Display for BrokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be used: {}; ", self.name, self.why)?;
        match &self.kept {
            Ok(kept) => write!(f, "kept aside as {kept}"),
            Err(error) => write!(f, "it cannot be kept aside: {error}"),
        }
    }
}

fn put_aside<S: Storage + ?Sized>(storage: &mut S, name: &str) -> io::Result<String> {
    let mut aside = format!("{name}.broken");
    for number in 1..BROKEN_FILES {
        if matches!(storage.read(&aside), Ok(None)) {
            break;
        }
        aside = format!("{name}.broken.{number}");
    }
    storage.rename(name, &aside)?;
    storage.sync_names()?;
    Ok(aside)
}
