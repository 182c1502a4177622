//! Handshakes over memory, with certificates that are wrong in one way each.

use super::*;
use crate::{CredentialError, WatchedCredentials};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// An authority, and a place for what it issues.
struct TestAuthority {
    directory: TempDir,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// The certificate that is issued.
struct WantedCertificate<'w> {
    name: &'w str,
    role: &'w str,
    serial: u64,
    years: [i32; 2],
}

impl<'w> WantedCertificate<'w> {
    const fn valid(name: &'w str, role: &'w str) -> Self {
        Self {
            name,
            role,
            serial: 7,
            years: [2000, 4000],
        }
    }
}

impl TestAuthority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            directory: tempfile::tempdir().unwrap(),
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, wanted: &WantedCertificate<'_>) -> PathBuf {
        let mut params = CertificateParams::new(vec![wanted.name.to_owned()]).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, wanted.name);
        params
            .distinguished_name
            .push(DnType::OrganizationalUnitName, wanted.role);
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if wanted.role.parse().is_ok_and(PeerRole::is_server) {
            params
                .extended_key_usages
                .push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let [from, until] = wanted.years.map(|year| date_time_ymd(year, 1, 1));
        (params.not_before, params.not_after) = (from, until);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let place = self.directory.path().join(wanted.name);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("ca.pem"), self.certificate.pem()).unwrap();
        fs::write(place.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(place.join("key.pem"), key.serialize_pem()).unwrap();
        place
    }

    /// Writes a list that revokes a certificate.
    fn revoke(&self, serial: u64, place: &Path) {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2000, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap();
        fs::write(place.join("crl.pem"), list.pem().unwrap()).unwrap();
    }

    fn good(&self, name: &str, role: &str) -> TlsCredentials {
        TlsCredentials::read(&self.issue(&WantedCertificate::valid(name, role))).unwrap()
    }
}

/// Meets the two; returns what either has of it. The client writes a byte, the server writes it back.
async fn meet(
    server: &TlsCredentials,
    client: &TlsCredentials,
    name: &str,
) -> (
    Result<PeerCertificate, String>,
    Result<PeerCertificate, String>,
) {
    let (near, far) = duplex(1 << 16);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let serve = async {
        let mut stream = accept(far, server).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        Ok(stream.peer().clone())
    };
    let ask = async {
        let mut stream = connect(near, client, name).await?;
        stream.write_u8(42).await?;
        assert_eq!(stream.read_u8().await?, 42);
        Ok(stream.peer().clone())
    };
    let (near_side, far_side): (io::Result<_>, io::Result<_>) = tokio::join!(ask, serve);
    let [near_side, far_side] =
        [near_side, far_side].map(|it| it.map_err(|error| error.to_string()));
    (far_side, near_side)
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is() {
    let authority = TestAuthority::new();
    let board = authority.good("gw-17", "board");
    let (served, asked) = meet(&board, &authority.good("alice", "operator"), "gw-17").await;
    let (served, asked) = (served.unwrap(), asked.unwrap());
    assert_eq!((&*served.name, served.role), ("alice", PeerRole::Operator));
    assert_eq!((&*asked.name, asked.role), ("gw-17", PeerRole::Board));
    assert_eq!(asked.validity(asked.not_after_unix_s - 10).left_s(), 10);
}

/// A client with this certificate is refused, with this reason on either side.
#[track_caller]
fn check(
    told: (
        Result<PeerCertificate, String>,
        Result<PeerCertificate, String>,
    ),
    at: [&str; 2],
) {
    let told = [told.0, told.1].map(|it| it.expect_err("a refusal"));
    assert_eq!(told.each_ref().map(|it| &**it), at);
}

#[tokio::test]
async fn a_client_that_is_not_let_in_is_told_why() {
    let authority = TestAuthority::new();
    let board = authority.good("gw-17", "board");
    let issue = |name, years| {
        let wanted = WantedCertificate {
            years,
            ..WantedCertificate::valid(name, "operator")
        };
        TlsCredentials::read(&authority.issue(&wanted)).unwrap()
    };
    let refuses = "the other side refuses our certificate: ";
    let expired = format!("{refuses}it has expired, or is not valid yet by the clock there");
    check(
        meet(&board, &issue("old", [2000, 2001]), "gw-17").await,
        ["the certificate of the other side has expired", &expired],
    );
    check(
        meet(&board, &issue("early", [3000, 3001]), "gw-17").await,
        [
            "the certificate of the other side is not valid yet by the clock of this machine",
            &expired,
        ],
    );
    let stranger = TestAuthority::new();
    let place = stranger.issue(&WantedCertificate::valid("mallory", "operator"));
    // It trusts the right authority, and is trusted by another.
    fs::write(place.join("ca.pem"), authority.certificate.pem()).unwrap();
    let unknown = format!("{refuses}it is not signed by the authority there");
    check(
        meet(&board, &TlsCredentials::read(&place).unwrap(), "gw-17").await,
        [
            "the certificate of the other side is not signed by the authority in ca.pem",
            &unknown,
        ],
    );
}

#[tokio::test]
async fn a_client_whose_certificate_was_revoked_is_told_so_from_the_next_reading_on() {
    let authority = TestAuthority::new();
    let place = authority.issue(&WantedCertificate {
        serial: 9,
        ..WantedCertificate::valid("gw-17", "board")
    });
    let watched = WatchedCredentials::read(&place).unwrap();
    let client = authority.good("bob", "operator");
    assert!(meet(&watched.current(), &client, "gw-17").await.0.is_ok());
    assert!(!watched.refresh().unwrap());
    authority.revoke(7, &place);
    assert!(watched.refresh().unwrap());
    check(
        meet(&watched.current(), &client, "gw-17").await,
        [
            "the certificate of the other side was revoked",
            "the other side refuses our certificate: it was revoked",
        ],
    );
    // A list that was cut off is not taken for an empty one, and is told once.
    fs::write(place.join("crl.pem"), "").unwrap();
    let told = watched.refresh().unwrap_err().to_string();
    assert!(
        told.ends_with("has no PEM block with a revocation list"),
        "{told}"
    );
    assert!(!watched.refresh().unwrap());
    assert!(meet(&watched.current(), &client, "gw-17").await.0.is_err());
    // Nor is another authority's, or none.
    TestAuthority::new().revoke(7, &place);
    let told = watched.refresh().unwrap_err().to_string();
    assert!(
        told.ends_with("is not signed by the authority in ca.pem"),
        "{told}"
    );
    fs::remove_file(place.join("crl.pem")).unwrap();
    let told = watched.refresh().unwrap_err().to_string();
    assert!(told.contains("crl.pem: is gone"), "{told}");
    assert!(meet(&watched.current(), &client, "gw-17").await.0.is_err());
    authority.revoke(8, &place);
    assert!(watched.refresh().unwrap());
    assert!(meet(&watched.current(), &client, "gw-17").await.0.is_ok());
}

#[tokio::test]
async fn a_server_that_is_not_the_one_that_was_wanted_is_not_trusted() {
    let authority = TestAuthority::new();
    let alice = authority.good("alice", "operator");
    let board = authority.good("gw-18", "board");
    let (_, asked) = meet(&board, &alice, "gw-17").await;
    let expected = "the certificate of the other side is not for gw-17; it is for gw-18";
    assert_eq!(asked.unwrap_err(), expected);
    // Whoever may ask a board must not pass for one.
    let mallory = authority.good("mallory", "operator");
    let (_, asked) = meet(&mallory, &alice, "mallory").await;
    let expected = "the certificate of the other side is not one for this side of a connection";
    assert_eq!(asked.unwrap_err(), expected);
}

#[tokio::test]
async fn a_peer_that_speaks_something_else_or_has_no_certificate_is_told() {
    let authority = TestAuthority::new();
    let board = authority.good("gw-17", "board");
    let (mut near, far) = duplex(1 << 16);
    near.write_all(b"status\r\n and more than a record's header")
        .await
        .unwrap();
    let told = accept(far, &board).await.unwrap_err().to_string();
    assert_eq!(told, "the other side does not speak TLS");
    let alice = authority.good("alice", "operator");
    let (mut near, far) = duplex(1 << 16);
    near.write_all(b"ok hello\r\n").await.unwrap();
    let name = ServerName::try_from("gw-17").unwrap();
    let told = connect(far, &alice, name).await.unwrap_err().to_string();
    assert_eq!(told, "the other side does not speak TLS");
    let silent = duplex(1 << 16);
    drop(silent.0);
    let told = accept(silent.1, &board).await.unwrap_err().to_string();
    let expected = "the other side has closed the connection in the middle of the handshake";
    assert_eq!(told, expected);
}

#[test]
fn credentials_that_cannot_be_used_are_named_with_their_fault() {
    let authority = TestAuthority::new();
    let place = authority.issue(&WantedCertificate::valid("gw-17", "board"));
    let fault = |name: &str, content: &str| {
        let kept = fs::read(place.join(name)).unwrap();
        fs::write(place.join(name), content).unwrap();
        let error: CredentialError = TlsCredentials::read(&place).unwrap_err();
        fs::write(place.join(name), kept).unwrap();
        error.to_string().replace(&place.display().to_string(), "P")
    };
    assert_eq!(
        fault("ca.pem", ""),
        "P/ca.pem: has no PEM block with a certificate"
    );
    assert_eq!(
        fault("key.pem", "x"),
        "P/key.pem: has no PEM block with a private key"
    );
    let other = KeyPair::generate().unwrap().serialize_pem();
    let told = fault("key.pem", &other);
    assert!(told.starts_with("P: keys may not be consistent"), "{told}");
    let plain = authority.issue(&WantedCertificate::valid("nobody", "janitor"));
    let told = TlsCredentials::read(&plain).unwrap_err().to_string();
    assert!(told.contains("its subject has no role"), "{told}");
    fs::remove_file(place.join("cert.pem")).unwrap();
    let told = TlsCredentials::read(&place).unwrap_err().to_string();
    assert!(told.contains("cert.pem: No such file"), "{told}");
}
