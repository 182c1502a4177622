//! The authority: a directory that issues certificates, knows which it has issued, and revokes them.
//!
//! ```text
//! ca.pem       the authority's certificate
//! ca.key       its private key: whoever has it can be anybody
//! issued.json  every certificate that it has issued
//! crl.pem      those that were revoked and have not expired
//! ```

mod files;
mod issued;

pub use files::write_credentials;
pub use issued::{IssuedCertificate, IssuedList};

use crate::{PeerCertificate, PeerRole};
use files::{PUBLIC_MODE, SECRET_MODE, damaged, file_error, lock, make_directory, read, replace};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams,
    SerialNumber,
};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// The time for which an authority's certificate is valid, in days.
pub const AUTHORITY_DAYS: u32 = 3_650;
/// The time for which a certificate is valid that says nothing else, in days.
pub const CERTIFICATE_DAYS: u32 = 365;
/// The longest name in a certificate, in bytes: as long as a board's.
pub const NAME_MAX_BYTES: usize = 32;
/// The time by which a certificate is valid before it was issued: clocks differ.
const BACKDATE_S: i64 = 3_600;
const DAY_S: i64 = 24 * 3_600;

/// An authority.
#[derive(Debug)]
pub struct CertificateAuthority {
    directory: PathBuf,
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    /// One process at a time.
    _lock: File,
}

/// The owner of a certificate that is to be issued, and its validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateOrder {
    /// The owner's name: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The owner's role.
    pub role: PeerRole,
    /// The addresses and names by which others connect to it, beside its own name.
    pub hosts: Vec<String>,
    /// The validity, in days.
    pub days: u32,
}

/// The files of new credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCredentials {
    /// `ca.pem`.
    pub authority: String,
    /// `cert.pem`.
    pub certificate: String,
    /// `key.pem`; `None` where the owner has made the key, and keeps it.
    pub key: Option<String>,
    /// `crl.pem`, if anything was ever revoked.
    pub revoked: Option<String>,
    /// The time until which the certificate is valid, in seconds since 1970.
    pub not_after_unix_s: i64,
}

/// The failure of an authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is an authority already.
    #[error("{}: an authority is there already", .0.display())]
    Exists(PathBuf),
    /// There is no authority.
    #[error("{}: no authority is there; `lastword pki init` makes one", .0.display())]
    Absent(PathBuf),
    /// A file of it is damaged.
    #[error("{}: {fault}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its fault.
        fault: String,
    },
    /// A name that no certificate can have.
    #[error("`{0}` is no name: 1 to 32 of the letters a-z A-Z 0-9 - _ .")]
    Name(String),
    /// A host that no certificate can have.
    #[error("`{0}` is no host: an address or a name is wanted")]
    Host(String),
    /// Nothing was issued to this name.
    #[error("no certificate of {0} is valid")]
    Unknown(String),
    /// A request for a certificate is damaged, or its signature is wrong.
    #[error("the request is no certificate request: {0}")]
    Request(String),
    /// The certificate cannot be made.
    #[error("the certificate cannot be made: {0}")]
    Making(#[from] rcgen::Error),
}

impl CertificateAuthority {
    /// Makes a new one in a directory, which may not be there yet. `now_unix_s` is the time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: there is one already, or a file cannot be written.
    pub fn create(directory: &Path, name: &str, now_unix_s: i64) -> Result<Self, AuthorityError> {
        make_directory(directory)?;
        let lock = lock(directory)?;
        let (key_path, certificate_path) = (directory.join("ca.key"), directory.join("ca.pem"));
        if key_path.exists() || certificate_path.exists() {
            return Err(AuthorityError::Exists(directory.to_owned()));
        }
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = validity(now_unix_s, AUTHORITY_DAYS);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        replace(&key_path, &key.serialize_pem(), SECRET_MODE)?;
        replace(&certificate_path, &certificate, PUBLIC_MODE)?;
        Ok(Self {
            directory: directory.to_owned(),
            certificate,
            issuer: Issuer::new(params, key),
            _lock: lock,
        })
    }

    /// Opens one; waits while another process has it open.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: there is none, or a file is damaged.
    pub fn open(directory: &Path) -> Result<Self, AuthorityError> {
        let (key_path, certificate_path) = (directory.join("ca.key"), directory.join("ca.pem"));
        if !certificate_path.exists() {
            return Err(AuthorityError::Absent(directory.to_owned()));
        }
        let lock = lock(directory)?;
        let certificate = read(&certificate_path)?;
        let key = KeyPair::from_pem(&read(&key_path)?);
        let key = key.map_err(|fault| damaged(&key_path, &fault))?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key);
        let issuer = issuer.map_err(|fault| damaged(&certificate_path, &fault))?;
        Ok(Self {
            directory: directory.to_owned(),
            certificate,
            issuer,
            _lock: lock,
        })
    }

    /// Issues a certificate for a new key.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: the name or a host is none, or a file cannot be written. Nothing was issued then.
    pub fn issue(
        &self,
        order: &CertificateOrder,
        now_unix_s: i64,
    ) -> Result<IssuedCredentials, AuthorityError> {
        let key = KeyPair::generate()?;
        let (params, not_after_unix_s) = params(order, now_unix_s)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        self.record(order, certificate.der(), not_after_unix_s)?;
        Ok(IssuedCredentials {
            authority: self.certificate.clone(),
            certificate: certificate.pem(),
            key: Some(key.serialize_pem()),
            revoked: self.revocation_list()?,
            not_after_unix_s,
        })
    }

    /// Issues a certificate for the key of a request (PKCS #10, PEM), whose owner keeps it. Nothing that the request says of
    /// its owner is taken over.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`], as [`Self::issue`], or the request is none.
    pub fn sign(
        &self,
        request: &str,
        order: &CertificateOrder,
        now_unix_s: i64,
    ) -> Result<IssuedCredentials, AuthorityError> {
        let mut request = CertificateSigningRequestParams::from_pem(request)
            .map_err(|fault| AuthorityError::Request(fault.to_string()))?;
        let (params, not_after_unix_s) = params(order, now_unix_s)?;
        request.params = params;
        let certificate = request.signed_by(&self.issuer)?;
        self.record(order, certificate.der(), not_after_unix_s)?;
        Ok(IssuedCredentials {
            authority: self.certificate.clone(),
            certificate: certificate.pem(),
            key: None,
            revoked: self.revocation_list()?,
            not_after_unix_s,
        })
    }

    /// Returns every certificate that it has issued, the oldest first.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: the list cannot be read.
    pub fn issued(&self) -> Result<IssuedList, AuthorityError> {
        IssuedList::read(&self.directory)
    }

    /// Revokes every valid certificate of a name, and writes `crl.pem` anew; returns the serial numbers.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: there is none, or a file cannot be written.
    pub fn revoke(&self, name: &str, now_unix_s: i64) -> Result<Vec<String>, AuthorityError> {
        let mut issued = self.issued()?;
        let serials = issued.revoke(name, now_unix_s);
        if serials.is_empty() {
            return Err(AuthorityError::Unknown(name.to_owned()));
        }
        // What is not on the list of revoked ones by now is on it at the next attempt.
        self.write_revocation_list(&issued, now_unix_s)?;
        issued.write(&self.directory)?;
        Ok(serials)
    }

    /// Returns the list of revoked certificates, in its PEM form; `None` if none was ever revoked.
    ///
    /// # Errors
    ///
    /// [`AuthorityError`]: the file cannot be read.
    pub fn revocation_list(&self) -> Result<Option<String>, AuthorityError> {
        let path = self.directory.join("crl.pem");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(file_error(&path, source)),
        }
    }

    fn write_revocation_list(
        &self,
        issued: &IssuedList,
        now_unix_s: i64,
    ) -> Result<(), AuthorityError> {
        let (this_update, next_update) = validity(now_unix_s, AUTHORITY_DAYS);
        let revoked = issued.certificates.iter().filter_map(|certificate| {
            let at = certificate.revoked_unix_s?;
            (certificate.not_after_unix_s > now_unix_s).then(|| RevokedCertParams {
                serial_number: SerialNumber::from(certificate.serial_bytes()),
                revocation_time: moment(at),
                reason_code: Some(RevocationReason::Unspecified),
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update,
            next_update,
            crl_number: SerialNumber::from(now_unix_s.unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer)?.pem()?;
        replace(&self.directory.join("crl.pem"), &list, PUBLIC_MODE)
    }

    fn record(
        &self,
        order: &CertificateOrder,
        der: &[u8],
        not_after_unix_s: i64,
    ) -> Result<(), AuthorityError> {
        let made = PeerCertificate::from_der(der);
        let made = made.map_err(|fault| damaged(&self.directory.join("cert.pem"), &fault))?;
        let mut issued = self.issued()?;
        issued.certificates.push(IssuedCertificate {
            serial: made.serial,
            name: order.name.clone(),
            role: order.role.word().to_owned(),
            hosts: order.hosts.clone(),
            days: order.days,
            not_after_unix_s,
            revoked_unix_s: None,
        });
        issued.write(&self.directory)
    }
}

/// Makes a key and a request for a certificate, both in their PEM form: what an owner does who keeps the key.
///
/// # Errors
///
/// The key cannot be made.
pub fn request() -> Result<(String, String), AuthorityError> {
    let key = KeyPair::generate()?;
    let request = CertificateParams::default().serialize_request(&key)?;
    Ok((key.serialize_pem(), request.pem()?))
}

fn params(
    order: &CertificateOrder,
    now_unix_s: i64,
) -> Result<(CertificateParams, i64), AuthorityError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name = &order.name;
    if name.is_empty() || name.len() > NAME_MAX_BYTES || !name.chars().all(is_plain) {
        return Err(AuthorityError::Name(name.clone()));
    }
    let mut names = Vec::new();
    for host in std::iter::once(name).chain(&order.hosts) {
        if rustls::pki_types::ServerName::try_from(host.as_str()).is_err() {
            return Err(AuthorityError::Host(host.clone()));
        }
        if !names.contains(host) {
            names.push(host.clone());
        }
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, name.as_str());
    let role = order.role.word();
    params
        .distinguished_name
        .push(DnType::OrganizationalUnitName, role);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if order.role.is_server() {
        params
            .extended_key_usages
            .push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity(now_unix_s, order.days);
    let not_after_unix_s = params.not_after.unix_timestamp();
    Ok((params, not_after_unix_s))
}

/// Returns the beginning and the end of so many days.
fn validity(now_unix_s: i64, days: u32) -> (OffsetDateTime, OffsetDateTime) {
    let end = now_unix_s + i64::from(days) * DAY_S;
    (moment(now_unix_s - BACKDATE_S), moment(end))
}

/// Returns a moment; that of 1970 for one that no calendar has.
fn moment(unix_s: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
