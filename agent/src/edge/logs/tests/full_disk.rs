//! A disk that is full in the middle of a chunk: a tmpfs in a mount namespace of its own.

use super::*;
use std::env;
use std::process::Command;

/// Names the mounted directory to the process of this test that has it.
const DIRECTORY: &str = "LASTWORD_TEST_FULL_DISK";
const BALLAST_BYTES: usize = 900 * 1024;
const LINES: u64 = 60_000;
const KEPT: LogLimits = LogLimits {
    max_size_bytes: 100_000,
    keep: 100,
    ring_bytes: 10_000,
};

/// Runs a command in a mount namespace of its own.
fn unshare(script: &str, arguments: &[&std::ffi::OsStr]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"]);
    command.args(arguments);
    command
}

#[test]
fn what_does_not_fit_on_a_full_disk_is_written_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$1\"";
    let possible = unshare(mount, &[directory.path().as_os_str()]).status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("not shown: a full disk; this needs util-linux and a mount namespace");
        return;
    }
    let test = format!("{}::the_one_on_a_full_disk", &module_path!()[16..]);
    let script = format!("{mount}; exec \"$2\" --exact --nocapture {test}");
    let this = env::current_exe().unwrap();
    let ran = unshare(&script, &[directory.path().as_os_str(), this.as_os_str()])
        .env(DIRECTORY, directory.path())
        .status();
    assert!(ran.unwrap().success());
}

/// Not a test of its own: the agent on that disk.
#[tokio::test]
async fn the_one_on_a_full_disk() {
    let Ok(directory) = env::var(DIRECTORY) else {
        return;
    };
    let ballast = Path::new(&directory).join("ballast");
    fs::write(&ballast, vec![b'x'; BALLAST_BYTES]).unwrap();
    let logs = Logs::start(Path::new(&directory)).unwrap();
    let ends = logs.attach("service", KEPT).await.unwrap();
    let mut out = File::from(ends.out);
    let writer = std::thread::spawn(move || {
        let lines: Vec<u8> = (0..LINES)
            .flat_map(|it| format!("{it}\n").into_bytes())
            .collect();
        out.write_all(&lines).unwrap();
    });
    let failed = async {
        while logs.failures("service").unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, failed).await.unwrap();
    let early = logs.tail("service", 1).await.unwrap().next;
    assert!(early < Cursor(LINES), "the disk was not full");
    fs::remove_file(&ballast).unwrap();
    let mut follower = logs.follow("service", Cursor(0)).unwrap();
    let (lines, missed) = read(&mut follower, Cursor(LINES)).await;
    writer.join().unwrap();
    let texts = lines
        .into_iter()
        .map(|line| String::from_utf8(line.bytes).unwrap());
    assert_eq!(missed, 0);
    assert!(texts.eq((0..LINES).map(|number| number.to_string())));
}
