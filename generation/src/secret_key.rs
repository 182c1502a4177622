//! Secret keys, in minisign's files, and what is signed with them.

use crate::signature::{KeyId, VerifyingKey};
use ct_codecs::{Base64, Decoder as _};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use std::fmt;

/// A file with a secret key, whose password may be needed.
#[derive(Clone)]
pub struct SecretKeyFile {
    text: String,
    bytes: Vec<u8>,
}

/// A secret key that signs.
pub struct SigningKey(SecretKey);

/// A new pair of keys, as the texts of its files.
pub struct KeyPairFiles {
    /// The secret key.
    pub secret: String,
    /// The public key.
    pub public: String,
    /// Its number.
    pub id: KeyId,
}

/// A reason why a secret key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// It is none of minisign's.
    #[error("no secret key of minisign's")]
    Unreadable,
    /// The password is another one.
    #[error("wrong password for this key")]
    Password,
    /// The key could not be made or used.
    #[error("{0}")]
    Failed(#[source] minisign::PError),
}

/// The comment in a file with a secret key.
const COMMENT: &str = "minisign secret key, made by lastword";
/// The algorithm of the password, behind that of the signature: two letters each.
const PASSWORD_ALGORITHM: std::ops::Range<usize> = 2..4;
/// The password algorithm of a key that has none.
const NO_PASSWORD: &[u8] = &[0, 0];
/// The checksum of a key of `minisign -G -W`, which has none.
const NO_CHECKSUM: [u8; 32] = [0; 32];
/// The length of a decoded key.
const KEY_BYTES: usize = 158;

impl SecretKeyFile {
    /// Reads a file, also one of `minisign -G -W`, whose checksum is zeros.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, SecretKeyError> {
        let encoded = text.lines().nth(1).unwrap_or_default();
        let bytes = Base64::decode_to_vec(encoded.trim(), None);
        let bytes = bytes.map_err(|_| SecretKeyError::Unreadable)?;
        if bytes.len() != KEY_BYTES || !bytes.starts_with(b"Ed") {
            return Err(SecretKeyError::Unreadable);
        }
        let text = text.to_owned();
        Ok(Self { text, bytes })
    }

    /// Returns whether the key is of use only with its password.
    #[must_use]
    pub fn needs_password(&self) -> bool {
        self.bytes.get(PASSWORD_ALGORITHM) != Some(NO_PASSWORD)
    }

    /// Returns the key. To unlock one with a password takes a second or two and up to 1 GiB of memory.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError`]: the password is not the key's.
    pub fn unlock(&self, password: Option<String>) -> Result<SigningKey, SecretKeyError> {
        if !self.needs_password() {
            let is_unchecked = self.bytes.ends_with(&NO_CHECKSUM);
            let key = if is_unchecked {
                SecretKey::from_bytes(&self.bytes)
            } else {
                SecretKeyBox::from(self.text.clone()).into_unencrypted_secret_key()
            };
            return key.map(SigningKey).map_err(|_| SecretKeyError::Unreadable);
        }
        // Without one the crate would ask the terminal.
        let password = password.ok_or(SecretKeyError::Password)?;
        let key = SecretKeyBox::from(self.text.clone()).into_secret_key(Some(password));
        key.map(SigningKey).map_err(|_| SecretKeyError::Password)
    }
}

impl SigningKey {
    /// Returns the public key that belongs to it.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::Failed`].
    pub fn public(&self) -> Result<VerifyingKey, SecretKeyError> {
        let public = PublicKey::from_secret_key(&self.0).map_err(SecretKeyError::Failed)?;
        VerifyingKey::parse(&public.to_base64()).map_err(|_| SecretKeyError::Unreadable)
    }

    /// Signs bytes, with a comment that is signed, too. Returns the text of a `.minisig` file.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::Failed`].
    pub fn sign(&self, bytes: &[u8], trusted_comment: &str) -> Result<String, SecretKeyError> {
        let comment = Some("signature of a lastword generation");
        let signature = minisign::sign(None, &self.0, bytes, Some(trusted_comment), comment);
        let signature = signature.map_err(SecretKeyError::Failed)?;
        Ok(signature.into_string())
    }
}

impl KeyPairFiles {
    /// Makes a pair, with a password or without.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError::Failed`]: there are no random numbers, or no memory.
    pub fn generate(password: Option<String>) -> Result<Self, SecretKeyError> {
        let pair = match password {
            Some(password) => KeyPair::generate_encrypted_keypair(Some(password)),
            None => KeyPair::generate_unencrypted_keypair(),
        };
        let pair = pair.map_err(SecretKeyError::Failed)?;
        let secret = pair
            .sk
            .to_box(Some(COMMENT))
            .map_err(SecretKeyError::Failed)?;
        let public = pair
            .pk
            .to_box()
            .map_err(SecretKeyError::Failed)?
            .into_string();
        let key = VerifyingKey::parse(&public).map_err(|_| SecretKeyError::Unreadable)?;
        let secret = secret.into_string();
        Ok(Self {
            secret,
            public,
            id: key.id(),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
