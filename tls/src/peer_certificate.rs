//! The part of a certificate that says whose it is.

use crate::{CertificateValidity, PeerRole};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::AttributeTypeAndValue;

/// The certificate at one end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The owner's name: the subject's common name (CN).
    pub name: String,
    /// The owner's role: the subject's organizational unit (OU).
    pub role: PeerRole,
    /// The certificate's serial number, in hexadecimal, `0a:ff`.
    pub serial: String,
    /// The time from which it is valid, in seconds since 1970.
    pub not_before_unix_s: i64,
    /// The time until which it is valid, in seconds since 1970.
    pub not_after_unix_s: i64,
}

/// The fault of a certificate that says too little.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is not an X.509 certificate.
    #[error("no X.509 certificate")]
    NotX509,
    /// Its subject has no common name, or more than one.
    #[error("its subject has no single common name (CN)")]
    NoName,
    /// Its subject has no organizational unit that is a role.
    #[error(
        "its subject has no role: the organizational unit (OU) is to be board, controller, rig, operator or viewer"
    )]
    NoRole,
}

impl PeerCertificate {
    /// Reads a certificate in its DER form. Its signature and its dates are not looked at.
    ///
    /// # Errors
    ///
    /// [`CertificateFault`]: it does not say whose it is.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateFault> {
        let (_, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateFault::NotX509)?;
        let subject = certificate.subject();
        let name = single(subject.iter_common_name()).ok_or(CertificateFault::NoName)?;
        let role = single(subject.iter_organizational_unit());
        let role = role.and_then(|word| word.parse().ok());
        let validity = certificate.validity();
        Ok(Self {
            name: name.to_owned(),
            role: role.ok_or(CertificateFault::NoRole)?,
            serial: certificate.raw_serial_as_string(),
            not_before_unix_s: validity.not_before.timestamp(),
            not_after_unix_s: validity.not_after.timestamp(),
        })
    }

    /// Returns the time for which it is still valid.
    #[must_use]
    pub const fn validity(&self, now_unix_s: i64) -> CertificateValidity {
        CertificateValidity::of(self.not_after_unix_s, now_unix_s)
    }
}

/// Returns the text of the only attribute.
fn single<'a>(
    mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
) -> Option<&'a str> {
    let only = attributes.next()?.as_str().ok()?;
    let is_only = attributes.next().is_none();
    (is_only && !only.is_empty()).then_some(only)
}
