//! Objects into a real agent's store and out of it, by the real command.

use lastword_protocol::ObjectHash;
use lastword_tests::process::{Agent, Deadline, Place, lastword};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

/// Bytes that no compression makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    bytes.take(length).collect()
}

fn hash_of(content: &[u8]) -> String {
    ObjectHash(Sha256::digest(content).into()).to_string()
}

/// An agent with a file to put.
struct StoreBench {
    place: Place,
    agent: Agent,
    content: Vec<u8>,
    hash: String,
}

impl StoreBench {
    fn new(length: usize) -> Self {
        Self::configured(length, "")
    }

    fn configured(length: usize, rest: &str) -> Self {
        let place = Place::new();
        place.configure(&place.listeners(), rest);
        let agent = place.start();
        let content = noise(length);
        fs::write(place.path("file"), &content).expect("a file");
        let hash = hash_of(&content);
        Self {
            place,
            agent,
            content,
            hash,
        }
    }

    fn unix(&self) -> String {
        format!("unix://{}", self.agent.socket().display())
    }

    fn endpoints(&self) -> [String; 3] {
        let tcp = format!("tcp://{}", self.agent.address());
        let line = format!("serial://{}", self.place.path("tty").display());
        [self.unix(), tcp, line]
    }

    fn command(&self, endpoint: &str, words: &[&str]) -> Command {
        let mut command = Command::new(lastword());
        command.args(["-u", endpoint]).args(words);
        command.current_dir(self.place.path(""));
        command
    }

    fn run(&self, endpoint: &str, words: &[&str]) -> Output {
        self.command(endpoint, words).output().expect("the command")
    }

    fn put(&self, endpoint: &str) -> Output {
        self.run(endpoint, &["put", "file"])
    }

    fn store(&self) -> PathBuf {
        self.place.path("state").join("objects")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn check(output: &Output, code: i32, expected: &str) {
    let text = said(output);
    let noted = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text} {noted}");
    assert!(text.contains(expected), "{text} {noted}");
}

#[test]
fn an_object_goes_in_and_out_over_every_link_and_is_sent_only_once() {
    for index in 0..3 {
        let bench = StoreBench::new(100_000);
        let endpoint = &bench.endpoints()[index];
        let told = format!("ok object={} size=100000 moved=", bench.hash);
        check(&bench.put(endpoint), 0, &format!("{told}100000\n"));
        check(&bench.put(endpoint), 0, &format!("{told}0\n"));
        check(&bench.run(endpoint, &["get", &bench.hash, "out"]), 0, &told);
        assert!(fs::read(bench.place.path("out")).expect("a file") == bench.content);
        let mode = fs::metadata(bench.store())
            .expect("a store")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn an_object_may_be_empty_and_goes_to_standard_output_alone() {
    let bench = StoreBench::new(0);
    let unix = bench.unix();
    check(&bench.put(&unix), 0, "size=0 moved=0\n");
    let output = bench.run(&unix, &["get", &bench.hash, "-"]);
    check(&output, 0, "");
    assert_eq!((said(&output).len(), output.stderr.len()), (0, 0));
}

#[test]
fn what_a_killed_agent_has_of_an_object_is_not_sent_again() {
    let mut bench = StoreBench::new(400_000);
    let unix = bench.unix();
    let putting = bench
        .command(&unix, &["--json", "put", "--rate", "200KiB", "file"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command");
    let part = bench.store().join(format!("{}.part", bench.hash));
    let enough = || fs::metadata(&part).is_ok_and(|it| 100_000 < it.len());
    let deadline = Deadline::start();
    while !enough() {
        deadline.check("enough of it", &part);
        thread::yield_now();
    }
    bench.agent.kill();
    let there = fs::metadata(&part).expect("a part").len();
    bench.agent = bench.place.start();
    let output = putting.wait_with_output().expect("the command");
    check(&output, 0, "\"object\"");
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(noted.contains("looking for the board"), "{noted}");
    let last = said(&output);
    let last: Value = serde_json::from_str(last.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["moved"], 400_000 - there, "{last}");
    check(&bench.run(&unix, &["get", &bench.hash, "out"]), 0, "ok");
    assert!(fs::read(bench.place.path("out")).expect("a file") == bench.content);
}

#[test]
fn a_part_that_was_damaged_is_sent_again_from_the_beginning() {
    let bench = StoreBench::new(50_000);
    let part = bench.store().join(format!("{}.part", bench.hash));
    fs::create_dir(bench.store()).expect("a store that nobody needed yet");
    fs::write(&part, vec![0; 20_000]).expect("a file");
    fs::set_permissions(&part, fs::Permissions::from_mode(0o600)).expect("a file");
    let output = bench.put(&bench.unix());
    check(&output, 0, "size=50000 moved=50000");
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(
        noted.contains("another hash; sending all of it again"),
        "{noted}"
    );
}

#[test]
fn what_a_killed_get_has_left_is_not_fetched_again_unless_it_is_wrong() {
    let bench = StoreBench::new(60_000);
    let unix = bench.unix();
    check(&bench.put(&unix), 0, "ok");
    let part = bench.place.path(&format!(".{}.part", bench.hash));
    for (left, moved) in [
        (bench.content[..40_000].to_vec(), 20_000),
        (vec![0; 40_000], 60_000),
        (vec![0; 70_000], 60_000),
    ] {
        fs::write(&part, left).expect("a file");
        let told = format!("size=60000 moved={moved}\n");
        check(&bench.run(&unix, &["get", &bench.hash, "out"]), 0, &told);
        assert!(fs::read(bench.place.path("out")).expect("a file") == bench.content);
        assert!(!part.exists());
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_reason_and_leaves_nothing() {
    let bench = StoreBench::configured(70_000, "limits { store \"64KiB\"; }");
    let unix = bench.unix();
    let names = |path: &Path| -> Vec<_> {
        let entries = fs::read_dir(path).expect("a directory");
        let names = entries.map(|it| it.expect("an entry").file_name());
        names.filter(|it| it != "lock").collect()
    };
    let before = names(&bench.place.path("")).len();
    check(
        &bench.put(&unix),
        1,
        "err 413 too_long detail=\"the store has 65536 bytes, 0 in use\"",
    );
    check(
        &bench.run(&unix, &["get", &bench.hash]),
        1,
        "err 404 unknown",
    );
    check(
        &bench.run(&unix, &["put", "nowhere"]),
        3,
        "nowhere: No such file",
    );
    check(&bench.run(&unix, &["put", "."]), 3, "not a regular file");
    check(
        &bench.run(&unix, &["get", &bench.hash, "."]),
        3,
        "is a directory",
    );
    check(
        &bench.run(&unix, &["get", &bench.hash, "no/where"]),
        3,
        "No such file",
    );
    assert!(names(&bench.store()).is_empty());
    assert_eq!(names(&bench.place.path("")).len(), before);
}

#[test]
fn the_rate_of_a_put_is_bounded() {
    let bench = StoreBench::new(100_000);
    let put = bench.run(
        &bench.unix(),
        &["--json", "put", "file", "--rate", "100KiB"],
    );
    check(&put, 0, "\"object\"");
    let told = said(&put);
    let last: Value = serde_json::from_str(told.lines().last().expect("a line")).expect("JSON");
    assert!(last["ms"].as_u64().is_some_and(|ms| 850 < ms), "{last}");
}

#[test]
fn other_requests_are_answered_while_an_object_is_put() {
    let bench = StoreBench::new(3_000_000);
    let unix = bench.unix();
    let mut putting = bench.command(&unix, &["put", "file"]);
    let mut putting = putting.stdout(Stdio::null()).spawn().expect("the command");
    let mut asker = bench.agent.unix();
    let mut answers = 0;
    while putting.try_wait().expect("a process").is_none() {
        assert!(asker.ask("power status").starts_with("ok"));
        answers += 1;
    }
    assert!(answers > 0);
    check(&bench.put(&unix), 0, "moved=0");
}
