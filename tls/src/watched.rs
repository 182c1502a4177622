//! Credentials that are read anew when their files change: a certificate that was rotated, a list of revoked ones.

use crate::credentials::{CredentialFault, FILES, REVOCATION_FILE};
use crate::{CredentialError, TlsCredentials};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The credentials of a directory, as they were read last.
#[derive(Debug)]
pub struct WatchedCredentials {
    directory: PathBuf,
    read: Mutex<ReadState>,
}

#[derive(Debug)]
struct ReadState {
    credentials: Arc<TlsCredentials>,
    stamps: CredentialStamps,
}

/// The identity of each file as it was: device, inode, size, and times of change in nanoseconds.
type CredentialStamps = [Option<[i128; 4]>; FILES.len()];

impl WatchedCredentials {
    /// Reads them. Blocks.
    ///
    /// # Errors
    ///
    /// [`CredentialError`]: the file, and its fault.
    pub fn read(directory: &Path) -> Result<Self, CredentialError> {
        let stamps = stamps(directory);
        let credentials = Arc::new(TlsCredentials::read(directory)?);
        Ok(Self {
            directory: directory.to_owned(),
            read: Mutex::new(ReadState {
                credentials,
                stamps,
            }),
        })
    }

    /// Returns them as they were read last. Never blocks.
    #[must_use]
    pub fn current(&self) -> Arc<TlsCredentials> {
        self.lock().credentials.clone()
    }

    /// Reads them anew if a file has changed; returns whether they were. Blocks.
    ///
    /// # Errors
    ///
    /// [`CredentialError`]: they are not usable as they are now, and stay what they were. It is told once for each change.
    pub fn refresh(&self) -> Result<bool, CredentialError> {
        let stamps = stamps(&self.directory);
        if self.lock().stamps == stamps {
            return Ok(false);
        }
        let read = TlsCredentials::read(&self.directory);
        let mut state = self.lock();
        state.stamps = stamps;
        let read = read?;
        if state.credentials.has_revocations() && !read.has_revocations() {
            return Err(CredentialError {
                path: self.directory.join(REVOCATION_FILE),
                fault: CredentialFault::Gone,
            });
        }
        state.credentials = Arc::new(read);
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, ReadState> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamps(directory: &Path) -> CredentialStamps {
    FILES.map(|name| {
        let metadata = fs::metadata(directory.join(name)).ok()?;
        let changed = i128::from(metadata.ctime()) * 1_000_000_000;
        Some([
            i128::from(metadata.dev()),
            i128::from(metadata.ino()),
            i128::from(metadata.size()),
            changed + i128::from(metadata.ctime_nsec()),
        ])
    })
}
