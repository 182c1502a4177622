//! The files with which one side shows who it is, and knows the other.

use crate::{CertificateFault, PeerCertificate};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// The authority that signs the certificates of both sides.
const CA_FILE: &str = "ca.pem";
/// The certificate, in front of those between it and the authority.
const CERTIFICATE_FILE: &str = "cert.pem";
/// The private key.
const KEY_FILE: &str = "key.pem";
/// The certificates that were revoked, if there are any.
pub(crate) const REVOCATION_FILE: &str = "crl.pem";
/// Every file.
pub(crate) const FILES: [&str; 4] = [CA_FILE, CERTIFICATE_FILE, KEY_FILE, REVOCATION_FILE];
/// The largest file that is read, in bytes: a list of some 100,000 revoked certificates.
pub const FILE_MAX_BYTES: u64 = 8 << 20;
/// The bits of a file's mode that let others than its owner and group read it.
const OTHERS_READ: u32 = 0o004;

/// The credentials of one side, checked.
#[derive(Debug)]
pub struct TlsCredentials {
    own: PeerCertificate,
    is_exposed: bool,
    has_revocations: bool,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// The fault of credentials that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", .path.display())]
pub struct CredentialError {
    /// The file, or the directory.
    pub path: PathBuf,
    /// Its fault.
    pub fault: CredentialFault,
}

/// The fault of one file of credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialFault {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is none of a few kilobytes.
    #[error("larger than {FILE_MAX_BYTES} bytes")]
    TooLarge,
    /// It is no regular file.
    #[error("not a regular file")]
    NotRegular,
    /// It has no block of the kind that belongs there.
    #[error("has no PEM block with {0}")]
    Empty(&'static str),
    /// It is damaged.
    #[error("is damaged: {0}")]
    Pem(String),
    /// The certificate does not say whose it is.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// It is not the authority's in ca.pem.
    #[error("is not signed by the authority in ca.pem")]
    Stranger,
    /// It was there, and must not go while certificates that it names are valid.
    #[error("is gone; the certificates that it named stay revoked until there is another")]
    Gone,
    /// The files do not go together.
    #[error("{0}")]
    Mismatch(String),
}

/// The content of the files.
struct CredentialFiles {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl TlsCredentials {
    /// Reads the files of a directory: `ca.pem`, `cert.pem`, `key.pem`, and `crl.pem` if it is there. Blocks.
    ///
    /// # Errors
    ///
    /// [`CredentialError`]: the file, and its fault.
    pub fn read(directory: &Path) -> Result<Self, CredentialError> {
        let files = CredentialFiles::read(directory)?;
        let certificate = directory.join(CERTIFICATE_FILE);
        let own = PeerCertificate::from_der(&files.chain[0])
            .map_err(|fault| error(&certificate, fault))?;
        let key = directory.join(KEY_FILE);
        let mode = fs::metadata(&key).map_or(0, |metadata| metadata.mode());
        Ok(Self {
            own,
            is_exposed: mode & OTHERS_READ != 0,
            has_revocations: !files.revoked.is_empty(),
            server: files.server(directory)?,
            client: files.client(directory)?,
        })
    }

    /// Returns its own certificate.
    #[must_use]
    pub const fn own(&self) -> &PeerCertificate {
        &self.own
    }

    /// Returns whether there is a list of revoked certificates.
    pub(crate) const fn has_revocations(&self) -> bool {
        self.has_revocations
    }

    /// Returns whether anybody on this machine can read the private key.
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        self.is_exposed
    }

    /// Returns the configuration of a server, which wants a certificate of its clients.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// Returns the configuration of a client.
    #[must_use]
    pub fn client(&self) -> Arc<ClientConfig> {
        self.client.clone()
    }
}

impl CredentialFiles {
    fn read(directory: &Path) -> Result<Self, CredentialError> {
        let ca = directory.join(CA_FILE);
        let mut roots = RootCertStore::empty();
        let authorities = certificates(&ca)?;
        for root in authorities.clone() {
            let added = roots.add(root);
            added.map_err(|fault| error(&ca, CredentialFault::Pem(fault.to_string())))?;
        }
        let chain = certificates(&directory.join(CERTIFICATE_FILE))?;
        let path = directory.join(KEY_FILE);
        let key =
            PrivateKeyDer::from_pem_slice(&read_file(&path)?).map_err(|fault| match fault {
                rustls::pki_types::pem::Error::NoItemsFound => {
                    error(&path, CredentialFault::Empty("a private key"))
                }
                fault => error(&path, CredentialFault::Pem(fault.to_string())),
            })?;
        Ok(Self {
            roots: Arc::new(roots),
            chain,
            key,
            revoked: revocations(&directory.join(REVOCATION_FILE), &authorities)?,
        })
    }

    fn server(&self, directory: &Path) -> Result<Arc<ServerConfig>, CredentialError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(
            self.roots.clone(),
            Arc::new(ring::default_provider()),
        )
        .with_crls(self.revoked.clone())
        .allow_unknown_revocation_status()
        .build()
        .map_err(|fault| mismatch(directory, &fault))?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|fault| mismatch(directory, &fault))?;
        let mut config = builder
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|fault| mismatch(directory, &fault))?;
        // A session that is resumed would be one whose certificate nobody looks at again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    fn client(&self, directory: &Path) -> Result<Arc<ClientConfig>, CredentialError> {
        let verifier = WebPkiServerVerifier::builder_with_provider(
            self.roots.clone(),
            Arc::new(ring::default_provider()),
        )
        .with_crls(self.revoked.clone())
        .allow_unknown_revocation_status()
        .build()
        .map_err(|fault| mismatch(directory, &fault))?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|fault| mismatch(directory, &fault))?;
        let mut config = builder
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|fault| mismatch(directory, &fault))?;
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// Reads the certificates of a file: one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialError> {
    let text = read_file(path)?;
    let read = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|fault| error(path, CredentialFault::Pem(fault.to_string())))?;
    if read.is_empty() {
        return Err(error(path, CredentialFault::Empty("a certificate")));
    }
    Ok(read)
}

/// Reads the lists of revoked certificates, if the file is there.
fn revocations(
    path: &Path,
    authorities: &[CertificateDer<'_>],
) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialError> {
    let text = match read_file(path) {
        Ok(text) => text,
        Err(CredentialError {
            fault: CredentialFault::Io(fault),
            ..
        }) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let read = CertificateRevocationListDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|fault| error(path, CredentialFault::Pem(fault.to_string())))?;
    if read.is_empty() {
        // A list that was cut off must not let in whom it named.
        return Err(error(path, CredentialFault::Empty("a revocation list")));
    }
    // One of somebody else's would revoke nothing.
    if !read.iter().all(|list| is_signed_by(list, authorities)) {
        return Err(error(path, CredentialFault::Stranger));
    }
    Ok(read)
}

fn is_signed_by(list: &[u8], authorities: &[CertificateDer<'_>]) -> bool {
    let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
        return false;
    };
    authorities.iter().any(|authority| {
        X509Certificate::from_der(authority)
            .is_ok_and(|(_, authority)| list.verify_signature(authority.public_key()).is_ok())
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, CredentialError> {
    let read = || -> Result<Vec<u8>, CredentialFault> {
        // A FIFO in its place must not be waited for.
        let file = File::options()
            .read(true)
            .custom_flags(NONBLOCK)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(CredentialFault::NotRegular);
        }
        let mut bytes = Vec::new();
        file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_MAX_BYTES {
            return Err(CredentialFault::TooLarge);
        }
        Ok(bytes)
    };
    read().map_err(|fault| error(path, fault))
}

/// `O_NONBLOCK` of open(2) on Linux.
const NONBLOCK: i32 = 0o4000;

fn mismatch(directory: &Path, fault: &dyn ToString) -> CredentialError {
    error(directory, CredentialFault::Mismatch(fault.to_string()))
}

fn error(path: &Path, fault: impl Into<CredentialFault>) -> CredentialError {
    CredentialError {
        path: path.to_owned(),
        fault: fault.into(),
    }
}
