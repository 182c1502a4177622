//! TLS 1.3 (RFC 8446) between boards, controllers and people, with a certificate on both sides.
//!
//! What one side needs stands in one directory, its [`TlsCredentials`]: `ca.pem`, `cert.pem`, `key.pem` and, where certificates
//! were revoked, `crl.pem`. A certificate names its owner (the subject's common name) and the owner's [`PeerRole`] (its
//! organizational unit). A server's certificate must also be for the address or the name that its client dials. [`accept`] and
//! [`connect`] give a [`SecureStream`], which knows the [`PeerCertificate`] at its other end, or the reason for which there is none.

#[cfg(feature = "authority")]
pub mod authority;
mod credentials;
mod failure;
mod handshake;
mod peer_certificate;
mod peer_role;
mod secure_stream;
mod validity;
mod watched;

pub use credentials::{CredentialError, CredentialFault, FILE_MAX_BYTES, TlsCredentials};
pub use handshake::{HANDSHAKE_LIMIT, accept, connect};
pub use peer_certificate::{CertificateFault, PeerCertificate};
pub use peer_role::PeerRole;
pub use rustls::pki_types::ServerName;
pub use secure_stream::SecureStream;
pub use validity::{CertificateValidity, WARNING_DAYS};
pub use watched::WatchedCredentials;
