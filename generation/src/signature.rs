//! Signatures in the format of minisign, checked over raw bytes before anything of them is read.
//!
//! Keys and signatures are those of `minisign` 0.11: Ed25519 over BLAKE2b-512. Its older form, which signs the bytes
//! themselves (`minisign -S -l`), is refused.

use ct_codecs::{Base64, Decoder as _};
use minisign_verify::{Error, PublicKey, Signature};
use std::fmt;

/// The largest signature, in bytes: comments are of any length.
pub const SIGNATURE_BYTES_MAX: usize = 8 << 10;

/// A public key, as its file or the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    id: KeyId,
    key: PublicKey,
}

/// The number of a key, by which a signature names it. It is told as minisign tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

/// Keys whose signatures count, and keys whose signatures no longer do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    /// Keys whose signatures count.
    pub trusted: Vec<VerifyingKey>,
    /// Keys whose signatures do not, whatever `trusted` says.
    pub revoked: Vec<KeyId>,
}

/// A reason why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not in minisign's format.
    #[error("signature is not in minisign's format")]
    Unreadable,
    /// In the older format.
    #[error(
        "signature is of minisign's legacy form (-l), which is not accepted; sign again without -l"
    )]
    Legacy,
    /// By a key that is not trusted.
    #[error("signature is by key {0}, which is not trusted here")]
    UnknownKey(KeyId),
    /// By a key that was revoked.
    #[error("signature is by key {0}, which was revoked")]
    RevokedKey(KeyId),
    /// Of other bytes.
    #[error("signature by key {0} is not of these bytes")]
    Mismatch(KeyId),
}

/// A text that is no public key of minisign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is minisign's: its file, or the line in it that begins with RW")]
pub struct NotAPublicKey;

impl VerifyingKey {
    /// Reads a public key: minisign's file of two lines, or the second of them.
    ///
    /// # Errors
    ///
    /// [`NotAPublicKey`].
    pub fn parse(text: &str) -> Result<Self, NotAPublicKey> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let encoded = lines.next_back().ok_or(NotAPublicKey)?;
        let key = PublicKey::from_base64(encoded).map_err(|_| NotAPublicKey)?;
        let id = key_id(encoded).ok_or(NotAPublicKey)?;
        Ok(Self { id, key })
    }

    /// The key's number.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

impl TrustedKeys {
    /// Checks that `signature`, the text of a `.minisig` file, is of `bytes` and by a key that counts.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self, bytes: &[u8], signature: &str) -> Result<KeyId, SignatureError> {
        if signature.len() > SIGNATURE_BYTES_MAX {
            return Err(SignatureError::Unreadable);
        }
        let encoded = signature.lines().nth(1).unwrap_or_default();
        let read = Signature::decode(signature).map_err(|_| SignatureError::Unreadable)?;
        let id = key_id(encoded).ok_or(SignatureError::Unreadable)?;
        if self.revoked.contains(&id) {
            return Err(SignatureError::RevokedKey(id));
        }
        let mut keys = self.trusted.iter().filter(|key| key.id == id).peekable();
        if keys.peek().is_none() {
            return Err(SignatureError::UnknownKey(id));
        }
        let mut last = SignatureError::Mismatch(id);
        // Numbers are random, so two keys have the same one only on purpose.
        for key in keys {
            match key.key.verify(bytes, &read, false) {
                Ok(()) => return Ok(id),
                Err(Error::UnexpectedAlgorithm | Error::UnsupportedLegacyMode) => {
                    last = SignatureError::Legacy;
                }
                Err(_) => {}
            }
        }
        Err(last)
    }
}

impl KeyId {
    /// Reads a number as minisign tells it: up to 16 hexadecimal digits. `None` if it is none.
    #[must_use]
    pub fn from_hexadecimal(text: &str) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_plain)?;
        Some(Self(number.to_le_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

/// The algorithm's two letters, in front of a key's number.
const ALGORITHM_BYTES: usize = 2;

/// Returns the number in the first line of a key or signature.
fn key_id(encoded: &str) -> Option<KeyId> {
    let bytes = Base64::decode_to_vec(encoded.trim(), None).ok()?;
    let id = bytes.get(ALGORITHM_BYTES..)?.first_chunk()?;
    Some(KeyId(*id))
}

#[cfg(test)]
mod tests;
