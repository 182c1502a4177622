//! Generations and the programs that everybody has: minisign, tar and zstd make and take what `lastword gen` does.
//!
//! With the feature `ordinary-tools`, because each of them has to be installed.

use lastword_tests::process::lastword;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const DESCRIPTION: &str = r#"
name "gateway"
version "1.0"
compatible "acme,gw-2"
architecture "any"
security-version 1
"#;

/// A directory for one test, with a tree to build from.
struct ToolBench(TempDir);

impl ToolBench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir_all(bench.path("tree/bin")).expect("a directory");
        fs::write(bench.path("tree/generation.kdl"), DESCRIPTION).expect("a description");
        let program = bench.path("tree/bin/gw");
        fs::write(&program, "#!/bin/sh\nexit 0\n").expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a program in the directory.
    fn run(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Output {
        let mut command = Command::new(program.as_ref());
        let run = command.args(arguments).current_dir(self.0.path()).output();
        run.unwrap_or_else(|error| panic!("{}: {error}", program.as_ref().display()))
    }

    /// Runs a program that has to do it.
    #[track_caller]
    fn done(&self, program: impl AsRef<Path>, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {told}{error}");
        told
    }

    #[track_caller]
    fn build(&self, key: &str) {
        let arguments = ["gen", "build", "tree", "--key", key, "--output", "made.gen"];
        self.done(lastword(), &arguments);
    }
}

#[test]
fn minisign_tar_and_zstd_take_what_was_built() {
    let bench = ToolBench::new();
    bench.done(lastword(), &["gen", "keygen", "desk", "--no-password"]);
    bench.build("desk.key");
    bench.done("tar", &["-xf", "made.gen"]);
    let told = bench.done("minisign", &["-V", "-p", "desk.pub", "-m", "manifest.json"]);
    assert!(
        told.contains("Trusted comment: lastword generation "),
        "{told}"
    );
    let files: Vec<_> = fs::read_dir(bench.path("files"))
        .expect("files")
        .flatten()
        .collect();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    let packed = file.path();
    let content = bench.done("zstd", &["-dc", packed.to_str().expect("a path")]);
    assert_eq!(content, "#!/bin/sh\nexit 0\n");
    let sum = bench.done("sha256sum", &["tree/bin/gw"]);
    let hash = sum.split(' ').next().expect("a hash");
    assert!(
        packed.ends_with(format!("files/{hash}.zst")),
        "{}",
        packed.display()
    );
}

#[test]
fn a_key_of_minisign_without_a_password_builds() {
    let bench = ToolBench::new();
    bench.done("minisign", &["-G", "-W", "-p", "own.pub", "-s", "own.key"]);
    bench.build("own.key");
    bench.done(
        lastword(),
        &["gen", "verify", "made.gen", "--key", "own.pub"],
    );
}

#[test]
fn a_generation_that_was_signed_and_packed_by_hand_verifies() {
    let bench = ToolBench::new();
    bench.done("minisign", &["-G", "-W", "-p", "own.pub", "-s", "own.key"]);
    bench.build("own.key");
    bench.done("tar", &["-xf", "made.gen"]);
    fs::remove_file(bench.path("manifest.json.minisig")).expect("a signature");
    let sign = [
        "-S",
        "-s",
        "own.key",
        "-m",
        "manifest.json",
        "-t",
        "by hand",
    ];
    bench.done("minisign", &sign);
    // With directories as members, and names that begin with ./
    let members = ["./manifest.json", "./manifest.json.minisig", "./files"];
    bench.done("tar", &[&["-cf", "hand.gen"][..], &members].concat());
    bench.done(
        lastword(),
        &["gen", "verify", "hand.gen", "--key", "own.pub"],
    );
}

#[test]
fn a_legacy_signature_is_refused() {
    let bench = ToolBench::new();
    bench.done("minisign", &["-G", "-W", "-p", "own.pub", "-s", "own.key"]);
    bench.build("own.key");
    bench.done("tar", &["-xf", "made.gen"]);
    bench.done(
        "minisign",
        &["-S", "-l", "-s", "own.key", "-m", "manifest.json"],
    );
    let members = ["manifest.json", "manifest.json.minisig", "files"];
    bench.done("tar", &[&["-cf", "hand.gen"][..], &members].concat());
    let refused = bench.run(
        lastword(),
        &["gen", "verify", "hand.gen", "--key", "own.pub"],
    );
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("legacy form (-l)"), "{told}");
}
