//! Keys: new ones, and those that sign.

use super::arguments::{KeygenOptions, PasswordOptions};
use super::{DeskError, invalid, object, read_text, tell, unusable};
use crate::Exit;
use crate::report::Reader;
use lastword_generation::secret_key::{KeyPairFiles, SecretKeyFile, SigningKey};
use lastword_generation::signature::{NotAPublicKey, VerifyingKey};
use lastword_protocol::refusal::Code;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes a pair of keys.
pub(super) fn keygen(options: &KeygenOptions, reader: Reader) -> Result<(), DeskError> {
    let secret_path = with_suffix(&options.name, ".key");
    let public_path = with_suffix(&options.name, ".pub");
    for path in [&secret_path, &public_path] {
        // Before anybody is asked for a password.
        if fs::symlink_metadata(path).is_ok() {
            return Err(unusable(
                path,
                "is there already; name another, or remove it",
            ));
        }
    }
    let password = if options.no_password {
        None
    } else {
        Some(new_password(&options.password)?)
    };
    let pair = KeyPairFiles::generate(password);
    let pair = pair.map_err(|error| (Code::Internal, error.to_string(), Exit::No))?;
    write_new(&secret_path, &pair.secret, SECRET_MODE)?;
    if let Err(error) = write_new(&public_path, &pair.public, PUBLIC_MODE) {
        // One without the other is of no use, and in the way of the next.
        let _ = fs::remove_file(&secret_path);
        return Err(error);
    }
    let line = pair.public.lines().nth(1).unwrap_or_default().to_owned();
    let (secret, public) = (secret_path.display(), public_path.display());
    let rows = [
        format!("key {}", pair.id),
        format!("{secret}: signs generations; keep it secret"),
        format!("{public}: verifies them: {line}"),
    ];
    let members = object([
        ("key", pair.id.to_string().into()),
        ("secret_file", secret.to_string().into()),
        ("public_file", public.to_string().into()),
        ("public_key", line.into()),
    ]);
    tell(reader, rows, members);
    Ok(())
}

/// Reads a secret key, and its password if it has one.
pub(super) fn signing_key(path: &Path, options: &PasswordOptions) -> Result<SigningKey, DeskError> {
    let text = read_text(path)?;
    let file = SecretKeyFile::parse(&text).map_err(|error| invalid(path, error))?;
    let password = if file.needs_password() {
        Some(password(
            options,
            &format!("Password of {}: ", path.display()),
        )?)
    } else {
        None
    };
    file.unlock(password).map_err(|error| invalid(path, error))
}

/// Reads a public key: a file, or the line itself.
pub(super) fn verifying_key(key: &str) -> Result<VerifyingKey, DeskError> {
    let path = Path::new(key);
    if let Ok(key) = VerifyingKey::parse(key) {
        return Ok(key);
    }
    // A key that was copied in part is no file.
    if key.starts_with(KEY_START) && !path.exists() {
        return Err(invalid(path, NotAPublicKey));
    }
    let text = read_text(path)?;
    VerifyingKey::parse(&text).map_err(|error| invalid(path, error))
}

/// The beginning of each public key: `Ed` in Base64.
const KEY_START: &str = "RW";
const SECRET_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

fn with_suffix(name: &Path, suffix: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), DeskError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    let mut file = file.map_err(|error| unusable(path, error))?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a key is none.
        let _ = fs::remove_file(path);
        unusable(path, error)
    })
}

fn new_password(options: &PasswordOptions) -> Result<String, DeskError> {
    let first = password(options, "Password of the new key: ")?;
    if first.is_empty() {
        return Err(refused(
            "an empty password protects nothing; --no-password makes a key without one",
        ));
    }
    if options.password_file.is_none() && password(options, "The same again: ")? != first {
        return Err(refused("the passwords differ"));
    }
    Ok(first)
}

fn password(options: &PasswordOptions, prompt: &str) -> Result<String, DeskError> {
    let Some(path) = &options.password_file else {
        if !io::stdin().is_terminal() {
            return Err(refused(
                "no terminal to ask for a password; --password-file FILE has it",
            ));
        }
        let typed = rpassword::prompt_password(prompt);
        return typed.map_err(|error| refused(&format!("no password: {error}")));
    };
    let text = read_text(path)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn refused(detail: &str) -> DeskError {
    (Code::BadValue, detail.to_owned(), Exit::Usage)
}
