//! The files of an authority, and of those whom it gives credentials.

use super::{AuthorityError, IssuedCredentials};
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use tempfile::NamedTempFile;

pub(super) const SECRET_MODE: u32 = 0o600;
pub(super) const PUBLIC_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o700;

/// Writes credentials into a directory, which is made if it is not there: the key before the certificate that needs it.
///
/// # Errors
///
/// [`AuthorityError`]: a file cannot be written.
pub fn write_credentials(
    directory: &Path,
    credentials: &IssuedCredentials,
) -> Result<(), AuthorityError> {
    make_directory(directory)?;
    let files = [
        ("ca.pem", Some(&credentials.authority), PUBLIC_MODE),
        ("crl.pem", credentials.revoked.as_ref(), PUBLIC_MODE),
        ("key.pem", credentials.key.as_ref(), SECRET_MODE),
        ("cert.pem", Some(&credentials.certificate), PUBLIC_MODE),
    ];
    for (name, text, mode) in files {
        if let Some(text) = text {
            replace(&directory.join(name), text, mode)?;
        }
    }
    Ok(())
}

/// Makes a directory that nobody else may look into, if it is not there.
pub(super) fn make_directory(directory: &Path) -> Result<(), AuthorityError> {
    let mut builder = DirBuilder::new();
    let made = builder
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory);
    made.map_err(|source| file_error(directory, source))
}

pub(super) fn lock(directory: &Path) -> Result<File, AuthorityError> {
    let locked = File::open(directory).and_then(|file| file.lock().map(|()| file));
    locked.map_err(|source| file_error(directory, source))
}

pub(super) fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| file_error(path, source))
}

/// Writes a file under another name, and gives it its own when it is whole and durable.
pub(super) fn replace(path: &Path, text: &str, mode: u32) -> Result<(), AuthorityError> {
    let write = || {
        let directory = path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        let permissions = fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(permissions)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|source| file_error(path, source))
}

pub(super) fn file_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File {
        path: path.to_owned(),
        source,
    }
}

pub(super) fn damaged(path: &Path, fault: &dyn fmt::Display) -> AuthorityError {
    AuthorityError::Damaged {
        path: path.to_owned(),
        fault: fault.to_string(),
    }
}
