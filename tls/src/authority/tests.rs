//! Issued, used, revoked.

use super::*;
use crate::TlsCredentials;

/// 2026-11-28.
const NOW: i64 = 1_795_824_000;

fn order(name: &str, role: PeerRole) -> CertificateOrder {
    CertificateOrder {
        name: name.to_owned(),
        role,
        hosts: vec!["10.0.0.7".to_owned(), "gw-17.lab".to_owned()],
        days: CERTIFICATE_DAYS,
    }
}

#[test]
fn credentials_that_were_issued_can_be_used_and_name_their_owner() {
    let place = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create(&place.path().join("pki"), "lab", NOW).unwrap();
    let issued = authority
        .issue(&order("gw-17", PeerRole::Board), NOW)
        .unwrap();
    let directory = place.path().join("gw-17");
    write_credentials(&directory, &issued).unwrap();
    let credentials = TlsCredentials::read(&directory).unwrap();
    let own = credentials.own();
    assert_eq!((&*own.name, own.role), ("gw-17", PeerRole::Board));
    assert_eq!(
        own.not_after_unix_s,
        NOW + i64::from(CERTIFICATE_DAYS) * DAY_S
    );
    assert_eq!(own.not_before_unix_s, NOW - BACKDATE_S);
    assert!(!credentials.is_exposed());
    let listed = authority.issued().unwrap().certificates;
    assert_eq!(listed[0].serial, own.serial);
    assert!(listed[0].is_valid(NOW));
    assert!(!listed[0].is_valid(own.not_after_unix_s));
}

#[test]
fn an_owner_may_keep_the_key() {
    let place = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create(place.path(), "lab", NOW).unwrap();
    let (key, request) = request().unwrap();
    let signed = authority.sign(&request, &order("gw-18", PeerRole::Board), NOW);
    let mut signed = signed.unwrap();
    assert_eq!(signed.key, None);
    signed.key = Some(key);
    let directory = place.path().join("gw-18");
    write_credentials(&directory, &signed).unwrap();
    assert_eq!(
        TlsCredentials::read(&directory).unwrap().own().name,
        "gw-18"
    );
    let refused = authority.sign("nonsense", &order("gw-18", PeerRole::Board), NOW);
    assert!(
        matches!(refused, Err(AuthorityError::Request(_))),
        "{refused:?}"
    );
}

#[test]
fn it_is_opened_again_and_revokes() {
    let place = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create(place.path(), "lab", NOW).unwrap();
    authority
        .issue(&order("alice", PeerRole::Operator), NOW)
        .unwrap();
    drop(authority);
    let again = CertificateAuthority::create(place.path(), "lab", NOW);
    assert!(matches!(again, Err(AuthorityError::Exists(_))), "{again:?}");
    let authority = CertificateAuthority::open(place.path()).unwrap();
    assert_eq!(authority.revocation_list().unwrap(), None);
    assert_eq!(authority.revoke("alice", NOW).unwrap().len(), 1);
    let list = authority.revocation_list().unwrap().unwrap();
    assert!(list.starts_with("-----BEGIN X509 CRL-----"), "{list}");
    let again = authority.revoke("alice", NOW).unwrap_err().to_string();
    assert_eq!(again, "no certificate of alice is valid");
    assert_eq!(authority.issued().unwrap().newest("alice"), None);
}

#[test]
fn what_no_certificate_can_have_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::create(place.path(), "lab", NOW).unwrap();
    for name in ["", "a b", "../x", &"n".repeat(NAME_MAX_BYTES + 1)] {
        let refused = authority.issue(&order(name, PeerRole::Board), NOW);
        assert!(matches!(refused, Err(AuthorityError::Name(_))), "{name}");
    }
    let mut wrong = order("gw_17", PeerRole::Board);
    authority.issue(&wrong, NOW).unwrap();
    wrong.hosts = vec!["gw 17".to_owned()];
    let refused = authority.issue(&wrong, NOW);
    assert!(
        matches!(refused, Err(AuthorityError::Host(_))),
        "{refused:?}"
    );
    let absent = CertificateAuthority::open(&place.path().join("x")).unwrap_err();
    assert!(absent.to_string().contains("pki init"), "{absent}");
}
