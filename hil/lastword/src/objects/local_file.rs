//! The files on this side of a transfer.

use super::is_standard_output;
use super::shown_progress::ShownProgress;
use lastword_client::client::{LocalObject, ObjectId, TransferProgress};
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file that is put.
pub(super) struct PutFile {
    file: File,
    /// The bytes that are on the board.
    done: u64,
    shown: ShownProgress,
}

impl PutFile {
    /// Opens a regular file: its hash and length go before its content.
    pub(super) fn open(path: &Path, shown: ShownProgress) -> io::Result<Self> {
        // Opening a FIFO would wait for whoever writes to it.
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let file = File::open(path)?;
        Ok(Self {
            file,
            done: 0,
            shown,
        })
    }

    /// A file that nobody else has.
    pub(super) const fn of(file: File, shown: ShownProgress) -> Self {
        let done = 0;
        Self { file, done, shown }
    }

    /// Returns its hash and length.
    pub(super) fn object(&self) -> io::Result<ObjectId> {
        let (hash, size) = hash_of(&self.file)?;
        Ok(ObjectId { hash, size })
    }

    pub(super) const fn done(&self) -> u64 {
        self.done
    }

    pub(super) const fn shown(&self) -> &ShownProgress {
        &self.shown
    }
}

impl LocalObject for PutFile {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_exact_at(out, offset);
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("the file has become shorter"),
            _ => error,
        })
    }

    fn write(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn progress(&mut self, progress: TransferProgress) {
        self.done = progress.done;
        self.shown.note(progress);
    }
}

/// A file that is fetched: under another name beside its own until its hash is right.
pub(super) struct FetchedFile {
    hash: ObjectHash,
    file: File,
    /// The file with what has arrived.
    part: PathBuf,
    path: PathBuf,
    /// The bytes from the beginning on that have arrived.
    length: u64,
    shown: ShownProgress,
}

impl FetchedFile {
    /// Opens what an earlier attempt has left, or begins anew.
    pub(super) fn open(hash: ObjectHash, path: &Path, shown: ShownProgress) -> io::Result<Self> {
        let directory = if is_standard_output(path) {
            std::env::temp_dir()
        } else if path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        } else {
            path.parent().unwrap_or(Path::new("")).to_owned()
        };
        let part = directory.join(format!(".{hash}.part"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false);
        let file = file.open(&part)?;
        file.try_lock().map_err(|_| {
            io::Error::other(format!("{} is being fetched already", part.display()))
        })?;
        let length = file.metadata()?.len();
        Ok(Self {
            hash,
            file,
            part,
            path: path.to_owned(),
            length,
            shown,
        })
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) const fn shown(&self) -> &ShownProgress {
        &self.shown
    }

    /// Returns whether the content has the hash.
    pub(super) fn has_hash(&self) -> io::Result<bool> {
        Ok(hash_of(&self.file)?.0 == self.hash)
    }

    /// Drops what has arrived.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.length = 0;
        self.file.set_len(0)
    }

    /// Cuts off what has arrived behind a missing piece, so that another attempt goes on from there.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)
    }

    /// Removes it, if nothing has arrived.
    pub(super) fn give_up(&self) {
        if self.length == 0 {
            // It is empty; somebody else may have removed it.
            let _ = fs::remove_file(&self.part);
        }
    }

    /// Gives the file its name, durable; or writes it to standard output.
    pub(super) fn keep(self) -> io::Result<()> {
        if is_standard_output(&self.path) {
            let mut content = File::open(&self.part)?;
            fs::remove_file(&self.part)?;
            io::copy(&mut content, &mut io::stdout().lock())?;
            return io::stdout().flush();
        }
        self.file.sync_all()?;
        fs::rename(&self.part, &self.path)
    }
}

impl LocalObject for FetchedFile {
    fn read(&mut self, _offset: u64, _out: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn progress(&mut self, progress: TransferProgress) {
        self.length = progress.done;
        self.shown.note(progress);
    }
}

/// Returns the hash and the length of a file, read from its beginning.
pub(super) fn hash_of(file: &File) -> io::Result<(ObjectHash, u64)> {
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match file.read_at(&mut bytes, size)? {
            0 => break,
            count => {
                hasher.update(&bytes[..count]);
                size += count as u64;
            }
        }
    }
    Ok((ObjectHash(hasher.finalize().into()), size))
}
