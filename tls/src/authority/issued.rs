//! The list of the certificates that an authority has issued.

use super::AuthorityError;
use super::files::{PUBLIC_MODE, damaged, file_error, replace};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCertificate {
    /// Its serial number, in hexadecimal, `0a:ff`.
    pub serial: String,
    /// The name of its owner.
    pub name: String,
    /// The owner's role.
    pub role: String,
    /// The addresses and names that it is for, beside the owner's name.
    pub hosts: Vec<String>,
    /// The validity that was ordered, in days.
    pub days: u32,
    /// The time until which it is valid, in seconds since 1970.
    pub not_after_unix_s: i64,
    /// The time at which it was revoked, in seconds since 1970; `None`: it was not.
    pub revoked_unix_s: Option<i64>,
}

impl IssuedCertificate {
    /// Returns whether it is still valid.
    #[must_use]
    pub const fn is_valid(&self, now_unix_s: i64) -> bool {
        self.revoked_unix_s.is_none() && self.not_after_unix_s > now_unix_s
    }

    pub(super) fn serial_bytes(&self) -> Vec<u8> {
        let pairs = self.serial.split(':');
        let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_default());
        bytes.collect()
    }
}

/// All of them, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedList {
    /// The certificates.
    pub certificates: Vec<IssuedCertificate>,
}

const FILE: &str = "issued.json";

impl IssuedList {
    pub(super) fn read(directory: &Path) -> Result<Self, AuthorityError> {
        let path = directory.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|fault| damaged(&path, &fault)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(file_error(&path, source)),
        }
    }

    pub(super) fn write(&self, directory: &Path) -> Result<(), AuthorityError> {
        let path = directory.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|fault| damaged(&path, &fault))?;
        replace(&path, &text, PUBLIC_MODE)
    }

    /// Returns the newest certificate of a name that is not revoked.
    #[must_use]
    pub fn newest(&self, name: &str) -> Option<&IssuedCertificate> {
        let mut certificates = self.certificates.iter().rev();
        certificates.find(|it| it.name == name && it.revoked_unix_s.is_none())
    }

    /// Revokes the valid ones of a name; returns their serial numbers.
    pub(super) fn revoke(&mut self, name: &str, now_unix_s: i64) -> Vec<String> {
        let certificates = self.certificates.iter_mut();
        let valid = certificates.filter(|it| it.name == name && it.is_valid(now_unix_s));
        valid
            .map(|certificate| {
                certificate.revoked_unix_s = Some(now_unix_s);
                certificate.serial.clone()
            })
            .collect()
    }
}
