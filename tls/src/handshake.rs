//! The beginning of a connection on either side.

use crate::failure::describe;
use crate::secure_stream::SecureStream;
use crate::{PeerCertificate, PeerRole, TlsCredentials};
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The longest time that a handshake may take.
pub const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Greets a client, which has to show a certificate. Its role is the caller's to judge.
///
/// # Errors
///
/// The failure of the stream, or the reason for which the client is not let in.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    credentials: &TlsCredentials,
) -> io::Result<SecureStream<S>> {
    let acceptor = TlsAcceptor::from(credentials.server());
    let stream = limited(acceptor.accept(stream)).await?;
    let peer = owner(stream.get_ref().1.peer_certificates())?;
    Ok(SecureStream::new(TlsStream::Server(stream), peer))
}

/// Greets a server, whose certificate has to be for `name` and of a role that has servers. The server may still refuse the
/// client's certificate: the first read fails then.
///
/// # Errors
///
/// The failure of the stream, or the reason for which the server is not trusted.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    credentials: &TlsCredentials,
    name: ServerName<'static>,
) -> io::Result<SecureStream<S>> {
    let connector = TlsConnector::from(credentials.client());
    let stream = limited(connector.connect(name, stream)).await?;
    let peer = owner(stream.get_ref().1.peer_certificates())?;
    if !peer.role.is_server() {
        let PeerCertificate { name, role, .. } = peer;
        let detail = format!(
            "the certificate of the other side is {name}'s, whose role is {role}; expected {}, {} or {}",
            PeerRole::Board,
            PeerRole::Controller,
            PeerRole::Rig
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, detail));
    }
    Ok(SecureStream::new(TlsStream::Client(stream), peer))
}

async fn limited<T>(handshake: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(HANDSHAKE_LIMIT, handshake).await {
        Ok(done) => done.map_err(|error| io::Error::new(error.kind(), describe(&error))),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no TLS handshake within {} s", HANDSHAKE_LIMIT.as_secs()),
        )),
    }
}

fn owner(certificates: Option<&[CertificateDer<'_>]>) -> io::Result<PeerCertificate> {
    let certificate = certificates.and_then(<[_]>::first);
    let refused = |detail: String| io::Error::new(io::ErrorKind::PermissionDenied, detail);
    let certificate =
        certificate.ok_or_else(|| refused("the other side has no certificate".to_owned()))?;
    PeerCertificate::from_der(certificate)
        .map_err(|fault| refused(format!("the certificate of the other side: {fault}")))
}

#[cfg(test)]
mod tests;
