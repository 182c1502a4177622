//! A directory becomes a file, and the file says what the directory was.

use super::*;
use crate::archive::{ArchiveError, GenerationArchive};
use crate::secret_key::{KeyPairFiles, SecretKeyFile};
use crate::signature::{SignatureError, TrustedKeys, VerifyingKey};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use tempfile::TempDir;

const DESCRIPTION: &str = r#"
name "gateway"
version "1.0"
compatible "acme,gw-2"
architecture "any"
security-version 1
check "self" { exec "bin/gw" "--check" }
reboot-component "kernel" "boot/"
"#;

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    for (path, text, mode) in [
        ("bin/gw", "#!/bin/sh\nexit 0\n", 0o755),
        ("boot/vmlinuz", "kernel", 0o644),
        ("share/same", "kernel", 0o600),
        ("generation.kdl", DESCRIPTION, 0o644),
    ] {
        let path = at.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("gw", at.join("bin/gateway")).unwrap();
    directory
}

fn description(text: &str) -> GenerationDescription {
    GenerationDescription::parse("generation.kdl", text).unwrap()
}

fn key() -> (SigningKey, TrustedKeys) {
    let pair = KeyPairFiles::generate(None).unwrap();
    let key = SecretKeyFile::parse(&pair.secret)
        .unwrap()
        .unlock(None)
        .unwrap();
    let trusted = vec![VerifyingKey::parse(&pair.public).unwrap()];
    let revoked = Vec::new();
    (key, TrustedKeys { trusted, revoked })
}

fn build(directory: &TempDir, key: &SigningKey) -> Vec<u8> {
    let built = BuiltGeneration::read(directory.path(), description(DESCRIPTION)).unwrap();
    let mut out = Vec::new();
    built.write(key, &mut out).unwrap();
    out
}

fn open(bytes: &[u8]) -> Result<GenerationArchive, ArchiveError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    GenerationArchive::open(file.path())
}

#[test]
fn a_file_holds_what_the_directory_held() {
    let (key, keys) = key();
    let mut archive = open(&build(&directory(), &key)).unwrap();
    archive.check_signature(&keys).unwrap();
    let manifest = archive.manifest().unwrap();
    let paths: Vec<_> = manifest.files.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["bin/gw", "boot/vmlinuz", "share/same"]);
    assert_eq!(manifest.links.len(), 1);
    let modes: Vec<_> = manifest
        .files
        .iter()
        .map(|it| it.mode.to_string())
        .collect();
    assert_eq!(modes, ["0755", "0644", "0600"]);
    let file = &manifest.files[1];
    let mut out = Vec::new();
    let expected = ExpectedFile {
        hash: file.sha256,
        size: file.size,
    };
    archive.extract("boot/vmlinuz", expected, &mut out).unwrap();
    assert_eq!(out, b"kernel");
}

#[test]
fn the_same_directory_is_the_same_generation() {
    let (key, _) = key();
    let (one, other) = (build(&directory(), &key), build(&directory(), &key));
    let (one, other) = (open(&one).unwrap(), open(&other).unwrap());
    assert_eq!(one.generation(), other.generation());
}

#[test]
fn a_strangers_or_revoked_key_does_not_count_and_says_so() {
    let (signer, mut keys) = key();
    let archive = open(&build(&directory(), &signer)).unwrap();
    let (_, others) = key();
    let id = keys.trusted[0].id();
    let told = |keys: &TrustedKeys| match archive.check_signature(keys) {
        Err(ArchiveError::Signature { source, .. }) => Some(source),
        _ => None,
    };
    assert_eq!(told(&others), Some(SignatureError::UnknownKey(id)));
    keys.revoked.push(id);
    assert_eq!(told(&keys), Some(SignatureError::RevokedKey(id)));
}

#[test]
fn a_changed_byte_is_found_out_wherever_it_is() {
    let (key, keys) = key();
    let bytes = build(&directory(), &key);
    let sound = open(&bytes).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        let read = open(&changed).and_then(|mut archive| {
            archive.check_signature(&keys)?;
            // What was signed is what was built.
            assert_eq!(archive.manifest_bytes(), sound.manifest_bytes(), "{at}");
            for file in &archive.manifest()?.files {
                let (hash, size) = (file.sha256, file.size);
                let expected = ExpectedFile { hash, size };
                archive.extract(file.path.as_str(), expected, &mut Vec::new())?;
            }
            Ok(())
        });
        match read {
            Ok(()) => harmless += 1,
            Err(_) => refused += 1,
        }
    }
    // The end of a member's last block, and what tar has of times and owners beside its checksum, mean nothing.
    assert!(harmless < refused, "{harmless} of {}", harmless + refused);
}

#[test]
fn what_cannot_be_in_a_generation_is_refused_with_its_path() {
    let check = |prepare: &dyn Fn(&Path), expected: &str| {
        let directory = directory();
        prepare(directory.path());
        let error = BuiltGeneration::read(directory.path(), description(DESCRIPTION));
        let error = error.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        &|at| symlink("/etc/passwd", at.join("x")).unwrap(),
        "links: x -> \"/etc/passwd\"",
    );
    check(
        &|at| symlink("../../x", at.join("y")).unwrap(),
        "leads out of the tree",
    );
    check(
        &|at| {
            let mode = fs::Permissions::from_mode(0o4755);
            fs::set_permissions(at.join("bin/gw"), mode).unwrap();
        },
        "bin/gw: mode 4755 has a set-ID or sticky bit",
    );
    check(
        &|at| {
            let made = Command::new("mkfifo")
                .arg(at.join("pipe"))
                .status()
                .unwrap();
            assert!(made.success());
        },
        "pipe: no regular file",
    );
    check(
        &|at| fs::write(at.join("a\u{1b}b"), "x").unwrap(),
        "control character",
    );
}

#[test]
fn a_description_says_where_it_is_wrong() {
    for (from, to, expected) in [
        ("name \"gateway\"", "", "1:1: name is missing"),
        (
            "security-version 1",
            "security-version \"1\"",
            "6:18: security-version: a whole number",
        ),
        (
            "exec \"bin/gw\"",
            "exek \"bin/gw\"",
            "7:16: unknown key \"exek\" (did you mean exec?)",
        ),
        ("exec \"bin/gw\" \"--check\"", "", "how it asks is missing"),
        (
            "exec \"bin/gw\"",
            "http \"http://localhost/\"; exec \"bin/gw\"",
            "a URL with a number",
        ),
        (
            "version \"1.0\"",
            "version \"1.0\"\nversion \"2\"",
            "4:1: version: was said before",
        ),
        ("\"boot/\"", "\"../boot\"", "path has an empty name"),
    ] {
        let text = DESCRIPTION.replacen(from, to, 1);
        assert_ne!(text, DESCRIPTION, "{from}");
        let error = GenerationDescription::parse("generation.kdl", &text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
