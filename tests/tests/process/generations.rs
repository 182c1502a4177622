//! Generations on the desk, by the real command.

use lastword_tests::process::lastword;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const DESCRIPTION: &str = r#"
name "gateway"
version "1.0"
compatible "acme,gw-2"
architecture "any"
security-version 1
check "self" { exec "bin/gw" }
"#;

/// A directory for one test, with a tree to build from, and a key.
struct DeskBench(TempDir);

impl DeskBench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().expect("a temporary directory"));
        bench.write("tree/generation.kdl", DESCRIPTION);
        bench.write("tree/bin/gw", "#!/bin/sh\nexit 0\n");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(bench.path("tree/bin/gw"), mode).expect("a mode");
        bench.write(
            "tree/share/text",
            &"a line of a text that is long enough\n".repeat(2_000),
        );
        bench.done(&["gen", "keygen", "desk", "--no-password"]);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(lastword());
        // No board is asked: neither a home nor an agent is needed.
        command.env_clear().args(words).current_dir(self.0.path());
        command
            .stdin(Stdio::null())
            .output()
            .expect("the command runs")
    }

    #[track_caller]
    fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    #[track_caller]
    fn refused(&self, words: &[&str], exit: i32, expected: &str) {
        let output = self.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {error}");
        assert!(error.contains(expected), "{words:?}: {error}");
    }

    fn build(&self, output: &str) -> Value {
        let words = [
            "gen", "build", "tree", "-k", "desk.key", "-o", output, "--json",
        ];
        serde_json::from_str(&self.done(&words)).expect("JSON")
    }
}

#[test]
fn a_generation_is_built_shown_and_verified() {
    let bench = DeskBench::new();
    let built = bench.build("one.gen");
    let generation = built["generation"].as_str().expect("a hash");
    let shown = bench.done(&["gen", "inspect", "one.gen"]);
    for row in [
        generation,
        "gateway 1.0",
        "acme,gw-2",
        "exec bin/gw, every 2s within 5s, 3 failures",
        "0755           17 ",
        "files             2, 74017 bytes",
    ] {
        assert!(shown.contains(row), "{row}: {shown}");
    }
    let verified = bench.done(&["gen", "verify", "one.gen", "--key", "desk.pub"]);
    assert!(
        verified.contains(&format!(
            "generation {generation}: gateway 1.0, 2 files, signed by "
        )),
        "{verified}"
    );
    let mode = fs::metadata(bench.path("desk.key"))
        .expect("a key")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_difference_is_what_a_board_has_to_be_sent() {
    let bench = DeskBench::new();
    bench.build("one.gen");
    let text = fs::read_to_string(bench.path("tree/share/text")).expect("a text");
    bench.write("tree/share/text", &format!("{text}one line more\n"));
    bench.write("tree/share/new", "new\n");
    bench.build("two.gen");
    let told = bench.done(&["gen", "diff", "one.gen", "two.gen", "--json"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    let change = |index: usize| {
        (
            told["paths"][index]["path"].as_str(),
            told["paths"][index]["change"].as_str(),
        )
    };
    assert_eq!(change(0), (Some("share/new"), Some("+")));
    assert_eq!(change(1), (Some("share/text"), Some("~")));
    let bytes = told["paths"][1]["bytes"].as_u64().expect("a number");
    assert!(bytes < 100, "{told}");
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_leaves_nothing_behind() {
    let bench = DeskBench::new();
    let build = [
        "gen", "build", "tree", "--key", "desk.key", "--output", "made.gen",
    ];
    bench.write(
        "tree/generation.kdl",
        &DESCRIPTION.replace("compatible", "compatibel"),
    );
    bench.refused(
        &build,
        1,
        "tree/generation.kdl:4:1: unknown key \"compatibel\" (did you mean compatible?)",
    );
    bench.write("tree/generation.kdl", DESCRIPTION);
    symlink("/etc/passwd", bench.path("tree/passwd")).expect("a link");
    bench.refused(
        &build,
        1,
        "links: passwd -> \"/etc/passwd\": target is absolute",
    );
    fs::remove_file(bench.path("tree/passwd")).expect("a link");
    bench.refused(
        &["gen", "build", "gone", "--key", "desk.key"],
        3,
        "gone/generation.kdl: No such file",
    );
    bench.refused(
        &["gen", "build", "tree", "--key", "desk.pub"],
        1,
        "desk.pub: no secret key of minisign's",
    );
    bench.refused(
        &["gen", "keygen", "desk", "-W"],
        3,
        "desk.key: is there already",
    );
    bench.refused(
        &["gen", "keygen", "locked"],
        3,
        "no terminal to ask for a password",
    );
    bench.refused(&["gen", "build"], 3, "<DIR>");
    bench.refused(&["gen", "inspect", "desk.pub"], 1, "desk.pub: ");
    let left: Vec<_> = fs::read_dir(bench.0.path())
        .expect("a directory")
        .flatten()
        .collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn a_content_that_the_board_has_is_not_sent_again_and_properties_differ_too() {
    let bench = DeskBench::new();
    bench.build("one.gen");
    let text = fs::read_to_string(bench.path("tree/share/text")).expect("a text");
    bench.write("tree/share/again", &text);
    bench.write("tree/share/new", "new\n");
    bench.write("tree/share/newer", "new\n");
    bench.write("tree/generation.kdl", &DESCRIPTION.replace("1.0", "1.1"));
    bench.build("two.gen");
    let told = bench.done(&["gen", "diff", "one.gen", "two.gen"]);
    assert!(told.contains("~ version: \"1.0\" -> \"1.1\""), "{told}");
    assert!(
        told.contains("-            - share/again") || told.contains("+            - share/again"),
        "{told}"
    );
    assert!(told.contains("- share/newer"), "{told}");
    assert!(told.contains("3 paths differ; "), "{told}");
}

#[test]
fn an_output_replaces_nothing_but_a_generation() {
    let bench = DeskBench::new();
    let build =
        |output: &str| ["gen", "build", "tree", "-k", "desk.key", "-o", output].map(str::to_owned);
    let refused = |output: &str, expected: &str| {
        let words = build(output);
        bench.refused(&words.each_ref().map(String::as_str), 3, expected);
    };
    for output in ["desk.key", "tree/generation.kdl", "tree", "/dev/null"] {
        refused(output, "is there, and no generation");
    }
    let fifo = Command::new("mkfifo")
        .arg(bench.path("fifo"))
        .status()
        .expect("mkfifo");
    assert!(fifo.success());
    symlink("desk.key", bench.path("link")).expect("a link");
    for output in ["fifo", "link"] {
        refused(output, "is there, and no generation");
    }
    refused("tree/out.gen", "is inside the directory that is built");
    // And an earlier generation is.
    bench.build("one.gen");
    bench.build("one.gen");
    bench.done(&["gen", "verify", "one.gen", "--key", "desk.pub"]);
    bench.done(&["gen", "build", "tree", "-k", "desk.key", "-o", "two.gen"]);
}

#[test]
fn what_cannot_be_read_is_bad_usage_and_waits_for_nobody() {
    let bench = DeskBench::new();
    let fifo = Command::new("mkfifo")
        .arg(bench.path("fifo"))
        .status()
        .expect("mkfifo");
    assert!(fifo.success());
    for (file, expected) in [
        ("gone.gen", "gone.gen: No such file"),
        ("tree", "tree: not a regular file"),
        ("fifo", "fifo: not a regular file"),
        ("/dev/zero", "/dev/zero: not a regular file"),
    ] {
        bench.refused(&["gen", "inspect", file], 3, expected);
        bench.refused(&["gen", "verify", file, "--key", "desk.pub"], 3, expected);
        bench.refused(&["gen", "diff", file, file], 3, expected);
    }
    bench.refused(
        &["gen", "build", "tree", "-k", "/dev/zero"],
        3,
        "/dev/zero: larger than",
    );
    bench.refused(
        &["gen", "verify", "x", "-k", "RWxxx"],
        1,
        "RWxxx: a public key is minisign's",
    );
    for words in [&["gen"][..], &["gen", "bild"], &["gen", "--help-me"]] {
        bench.refused(words, 3, "lastword gen");
    }
}

#[test]
fn a_file_that_ends_early_says_so() {
    let bench = DeskBench::new();
    bench.build("one.gen");
    let bytes = fs::read(bench.path("one.gen")).expect("a generation");
    for length in [bytes.len() - 1_024, bytes.len() - 1_500, 3_000] {
        fs::write(bench.path("cut.gen"), &bytes[..length]).expect("a file");
        bench.refused(&["gen", "inspect", "cut.gen"], 1, "early");
    }
}

#[test]
fn another_key_and_a_changed_file_do_not_verify() {
    let bench = DeskBench::new();
    bench.build("one.gen");
    bench.done(&["gen", "keygen", "other", "--no-password"]);
    let verify = ["gen", "verify", "one.gen", "--key"];
    bench.refused(
        &[&verify[..], &["other.pub"]].concat(),
        1,
        "which is not trusted here",
    );
    let mut bytes = fs::read(bench.path("one.gen")).expect("a generation");
    let at = bytes
        .windows(3)
        .position(|it| it == b"\xb5\x2f\xfd")
        .expect("a frame");
    bytes[at + 9] ^= 0x40;
    fs::write(bench.path("one.gen"), bytes).expect("a file");
    bench.refused(&[&verify[..], &["desk.pub"]].concat(), 1, "one.gen: ");
}

#[test]
fn a_key_with_a_password_needs_it() {
    let bench = DeskBench::new();
    bench.write("password", "correct horse\n");
    bench.write("wrong", "battery staple\n");
    bench.done(&["gen", "keygen", "locked", "--password-file", "password"]);
    let build = [
        "gen",
        "build",
        "tree",
        "--key",
        "locked.key",
        "--output",
        "made.gen",
    ];
    bench.refused(&build, 3, "no terminal to ask for a password");
    bench.refused(
        &[&build[..], &["--password-file", "wrong"]].concat(),
        1,
        "wrong password",
    );
    bench.done(&[&build[..], &["--password-file", "password"]].concat());
    bench.done(&["gen", "verify", "made.gen", "--key", "locked.pub"]);
}
