//! The reasons for which there is no connection, in the words of a person who has to mend it.

use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::io;

/// Returns the reason of a failure, for the person who has to mend it: of a handshake, or of a later read or write that shows
/// that the other side has refused it.
pub(crate) fn describe(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|it| it.downcast_ref::<TlsError>());
    match inner {
        Some(TlsError::InvalidCertificate(fault)) => {
            format!("the certificate of the other side {}", fault_of(fault))
        }
        Some(TlsError::NoCertificatesPresented) => "the other side has no certificate".to_owned(),
        Some(TlsError::AlertReceived(alert)) => refusal_of(*alert),
        Some(TlsError::InvalidMessage(_)) => "the other side does not speak TLS".to_owned(),
        Some(TlsError::PeerIncompatible(_)) => "the other side speaks no TLS 1.3".to_owned(),
        Some(other) => other.to_string(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the other side has closed the connection in the middle of the handshake".to_owned()
        }
        None => error.to_string(),
    }
}

/// Returns the fault of a certificate that was looked at here.
fn fault_of(fault: &CertificateError) -> String {
    use CertificateError as Fault;
    match fault {
        Fault::Expired | Fault::ExpiredContext { .. } => "has expired".to_owned(),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            "is not valid yet by the clock of this machine".to_owned()
        }
        Fault::Revoked => "was revoked".to_owned(),
        Fault::UnknownIssuer | Fault::BadSignature => {
            "is not signed by the authority in ca.pem".to_owned()
        }
        Fault::NotValidForName => "is for another name".to_owned(),
        Fault::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "is not for {}; it is for {}",
            expected.to_str(),
            presented
                .iter()
                .map(|name| plain(name))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => {
            "is not one for this side of a connection".to_owned()
        }
        other => format!("is refused: {other}"),
    }
}

/// Returns the name in `DnsName("gw-17")` or `IpAddress(127.0.0.1)`.
fn plain(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, rest)| rest);
    inner.trim_end_matches(')').trim_matches('"')
}

/// Returns the meaning of an alert: the other side has looked at ours.
fn refusal_of(alert: AlertDescription) -> String {
    let reason = match alert {
        AlertDescription::CertificateExpired => {
            "it has expired, or is not valid yet by the clock there"
        }
        AlertDescription::CertificateRevoked => "it was revoked",
        AlertDescription::UnknownCA | AlertDescription::DecryptError => {
            "it is not signed by the authority there"
        }
        AlertDescription::CertificateRequired => "there is none, and one is wanted",
        AlertDescription::UnsupportedCertificate => "it is not one for this side of a connection",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it is not accepted there; see the log of the other side"
        }
        other => return format!("the other side has ended the connection: {other:?}"),
    };
    format!("the other side refuses our certificate: {reason}")
}
