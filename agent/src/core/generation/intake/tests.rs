//! Generations that a board takes in and refuses, with the words of each refusal.

use super::*;
use lastword_generation::ManifestFields;
use lastword_generation::TreePath;
use lastword_generation::manifest::{FileMode, SoakEnd, TreeFile};
use lastword_generation::secret_key::{KeyPairFiles, SecretKeyFile};
use lastword_generation::signature::VerifyingKey;
use lastword_protocol::ObjectHash;

/// A board, and a generation that it takes.
struct IntakeBench {
    policy: IntakePolicy,
    fields: ManifestFields,
    secret: String,
    security_version: u32,
    quarantined: bool,
    /// The contents of its files are on the board already.
    is_present: bool,
    free_bytes: u64,
    wants_older_security: bool,
}

impl IntakeBench {
    fn new() -> Self {
        let pair = KeyPairFiles::generate(None).unwrap();
        let keys = TrustedKeys {
            trusted: vec![VerifyingKey::parse(&pair.public).unwrap()],
            revoked: Vec::new(),
        };
        let file = TreeFile {
            path: TreePath::new("bin/gw").unwrap(),
            sha256: ObjectHash([1; 32]),
            size: 1_000,
            mode: FileMode::from_stat(0o755),
        };
        Self {
            policy: IntakePolicy {
                keys,
                kinds: vec!["acme,gw".to_owned(), "acme,gw-2".to_owned()],
                machine: "aarch64".to_owned(),
                allows_older_security: false,
            },
            fields: ManifestFields {
                format: 1,
                name: "gateway".to_owned(),
                version: "1".to_owned(),
                compatible: vec!["acme,gw-2".to_owned()],
                architecture: "aarch64".to_owned(),
                security_version: 3,
                soak: SoakEnd::Manual,
                checks: Vec::new(),
                reboot_components: Vec::new(),
                files: vec![file],
                links: Vec::new(),
            },
            secret: pair.secret,
            security_version: 3,
            quarantined: false,
            is_present: false,
            free_bytes: 2_000,
            wants_older_security: false,
        }
    }

    /// Offers the generation; `None` if it is taken.
    fn offer(&self) -> Option<IntakeRefusal> {
        let bytes = Manifest::new(self.fields.clone())
            .unwrap()
            .to_bytes()
            .unwrap();
        let key = SecretKeyFile::parse(&self.secret)
            .unwrap()
            .unlock(None)
            .unwrap();
        let signature = key.sign(&bytes, "").unwrap();
        let generation = generation_of(&bytes);
        let quarantined: &[Generation] = if self.quarantined { &[generation] } else { &[] };
        let state = IntakeState {
            security_version: self.security_version,
            quarantined,
            is_present: &|_| self.is_present,
            free_bytes: self.free_bytes,
            wants_older_security: self.wants_older_security,
        };
        match admit(&self.policy, state, (&bytes, &signature)) {
            Ok(admitted) => {
                assert_eq!(admitted.generation, generation);
                None
            }
            Err(refusal) => Some(refusal),
        }
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut IntakeBench), expected: Option<(Code, &str)>) {
    let mut bench = IntakeBench::new();
    change(&mut bench);
    let refusal = bench.offer();
    let told = refusal.as_ref().map(|it| (it.code(), it.to_string()));
    match (&told, expected) {
        (None, None) => {}
        (Some((code, told)), Some((expected_code, expected))) => {
            assert_eq!(*code, expected_code, "{told}");
            assert!(told.contains(expected), "{told}");
        }
        _ => panic!("{told:?} in place of {expected:?}"),
    }
}

#[test]
fn a_generation_for_this_board_is_taken() {
    check(|_| {}, None);
    check(|it| it.fields.architecture = "any".to_owned(), None);
    check(|it| it.security_version = 0, None);
}

#[test]
fn a_signature_that_does_not_count_is_refused_before_anything_else() {
    let wrong_in_every_way = |it: &mut IntakeBench| {
        it.policy.keys.trusted.clear();
        it.policy.kinds.clear();
        it.free_bytes = 0;
        it.quarantined = true;
    };
    check(
        wrong_in_every_way,
        Some((Code::NotAllowed, "signature mismatch on ")),
    );
    let revoke = |it: &mut IntakeBench| {
        let id = it.policy.keys.trusted[0].id();
        it.policy.keys.revoked.push(id);
    };
    check(revoke, Some((Code::NotAllowed, "which was revoked")));
}

#[test]
fn a_generation_for_another_board_is_refused() {
    check(
        |it| it.policy.kinds = vec!["acme,gw-3".to_owned()],
        Some((
            Code::BadValue,
            "this board is acme,gw-3; the generation is for acme,gw-2",
        )),
    );
    check(
        |it| it.policy.kinds.clear(),
        Some((Code::BadValue, "this board is of no kind")),
    );
    check(
        |it| it.policy.machine = "x86_64".to_owned(),
        Some((
            Code::BadValue,
            "this board is x86_64; the generation is for aarch64",
        )),
    );
}

#[test]
fn an_older_security_version_needs_request_and_configuration() {
    for (allows, wants, is_taken) in [
        (false, false, false),
        (false, true, false),
        (true, false, false),
        (true, true, true),
    ] {
        let expected = "security-version 3, and 4 was confirmed here";
        let expected = (!is_taken).then_some((Code::NotAllowed, expected));
        let older = |it: &mut IntakeBench| {
            it.security_version = 4;
            it.policy.allows_older_security = allows;
            it.wants_older_security = wants;
        };
        check(older, expected);
    }
}

#[test]
fn a_generation_that_was_rolled_back_is_refused() {
    check(
        |it| it.quarantined = true,
        Some((Code::Busy, "was rolled back here")),
    );
}

#[test]
fn too_little_space_is_told_with_figures() {
    // A content is there twice for a while: by itself, and in the tree.
    let expected = "generation needs 2000 bytes; 1999 are free";
    check(|it| it.free_bytes = 1_999, Some((Code::TooLong, expected)));
    let is_there = |it: &mut IntakeBench| {
        it.free_bytes = 0;
        it.is_present = true;
    };
    check(is_there, None);
}
