//! The logs of services that are this test: real FIFOs, files and time.

mod damage;
mod failing;
mod follow;
mod full_disk;
mod kill;

use super::*;
use crate::core::log::{LINE_BYTES, Line, Stream};
use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::timeout;

/// The longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);
const LIMITS: LogLimits = LogLimits {
    max_size_bytes: 1 << 20,
    keep: 3,
    ring_bytes: 1 << 20,
};

/// A state directory, an agent's logs, and a service called `service`.
struct World {
    directory: TempDir,
    logs: Option<Logs>,
    limits: LogLimits,
    out: File,
    err: File,
}

impl World {
    async fn new(limits: LogLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let logs = Logs::start(directory.path()).unwrap();
        let ends = logs.attach("service", limits).await.unwrap();
        Self {
            directory,
            logs: Some(logs),
            limits,
            out: ends.out.into(),
            err: ends.err.into(),
        }
    }

    fn logs(&self) -> &Logs {
        self.logs.as_ref().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What is in a log file.
    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path("logs").join(name)).unwrap()
    }

    fn end_agent(&mut self) {
        self.logs = None;
    }

    async fn start_agent(&mut self) {
        let logs = Logs::start(self.directory.path()).unwrap();
        let _ends = logs.attach("service", self.limits).await.unwrap();
        self.logs = Some(logs);
    }

    async fn settle(&self) {
        let settled = timeout(PATIENCE, self.logs().settle("service"));
        settled.await.unwrap().unwrap();
    }

    async fn tail(&self, lines: usize) -> Tail {
        self.logs().tail("service", lines).await.unwrap()
    }

    /// Every line from a place on that is there, and how many were missed.
    async fn all(&self, from: u64) -> (Vec<Line>, u64) {
        let mut follower = self.logs().follow("service", Cursor(from)).unwrap();
        read(&mut follower, self.tail(0).await.next).await
    }
}

/// Reads up to a place.
async fn read(follower: &mut Follower, until: Cursor) -> (Vec<Line>, u64) {
    let (mut lines, mut missed) = (Vec::new(), 0);
    while follower.cursor() < until {
        let batch = timeout(PATIENCE, follower.next()).await;
        let batch = batch.unwrap().unwrap().unwrap();
        assert!(batch.lines.len() <= BATCH_LINES);
        missed += batch.missed;
        lines.extend(batch.lines);
    }
    (lines, missed)
}

/// Stream, text and whether it goes on, as a table can have it.
fn shown(lines: &[Line]) -> Vec<(Stream, &[u8], bool)> {
    lines
        .iter()
        .map(|line| (line.stream, &line.bytes[..], line.continues))
        .collect()
}

/// A service that writes this, then ends: what is shown, from memory and by the next agent from
/// the files, and that the file holds just these bytes.
async fn check(writes: &[&[u8]], expected: &[(&[u8], bool)]) {
    let mut world = World::new(LIMITS).await;
    for write in writes {
        world.out.write_all(write).unwrap();
    }
    world.settle().await;
    let expected: Vec<_> = expected.iter().map(|e| (Stream::Out, e.0, e.1)).collect();
    assert_eq!(
        shown(&world.tail(usize::MAX).await.lines),
        expected,
        "memory"
    );
    assert!(world.file("service.log") == writes.concat(), "the raw file");
    world.end_agent();
    world.start_agent().await;
    assert_eq!(shown(&world.all(0).await.0), expected, "files");
}

#[tokio::test]
async fn lines_of_a_service_that_ended_are_all_there() {
    check(&[], &[]).await;
    check(&[b"one\ntwo\n"], &[(b"one", false), (b"two", false)]).await;
    check(&[b"one\n", b"\n"], &[(b"one", false), (b"", false)]).await;
}

#[tokio::test]
async fn an_unfinished_last_line_is_a_line() {
    check(&[b"one\ntw"], &[(b"one", false), (b"tw", false)]).await;
}

#[tokio::test]
async fn binary_output_is_kept_as_it_is() {
    let every: Vec<u8> = (0..=255).filter(|byte| *byte != b'\n').collect();
    check(
        &[&every, b"\n\0\xFF\n"],
        &[(&every, false), (b"\0\xFF", false)],
    )
    .await;
}

#[tokio::test]
async fn a_line_written_one_byte_at_a_time_is_one_line() {
    let text: Vec<u8> = (b'a'..=b'z').cycle().take(LINE_BYTES).collect();
    let bytes: Vec<&[u8]> = text.chunks(1).chain([&b"\n"[..]]).collect();
    check(&bytes, &[(&text, false)]).await;
}

#[tokio::test]
async fn a_huge_line_comes_in_pieces() {
    let huge = vec![b'x'; 3 * LINE_BYTES + 1];
    let piece = (&huge[..LINE_BYTES], true);
    let pieces = [piece, piece, piece, (b"x", false), (b"y", false)];
    check(&[&huge, b"\ny\n"], &pieces).await;
}

#[tokio::test]
async fn an_unfinished_line_that_is_quiet_is_shown_as_going_on() {
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    world.out.write_all(b"name: ").unwrap();
    let (lines, _) = read(&mut follower, Cursor(1)).await;
    assert_eq!(shown(&lines), [(Stream::Out, &b"name: "[..], true)]);
    world.out.write_all(b"me\n").unwrap();
    let (lines, _) = read(&mut follower, Cursor(2)).await;
    assert_eq!(shown(&lines), [(Stream::Out, &b"me"[..], false)]);
    assert_eq!(world.file("service.log"), b"name: me\n");
}

#[tokio::test]
async fn a_full_fifo_without_a_newline_is_emptied() {
    let mut world = World::new(LIMITS).await;
    let page = vec![b'x'; 4096];
    let size = nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096);
    assert_eq!(nix::fcntl::fcntl(&world.out, size), Ok(4096));
    let mut out = world.out.try_clone().unwrap();
    // More than fits, so that it does not return before some was taken.
    let written = tokio::task::spawn_blocking(move || out.write_all(&page.repeat(3)).unwrap());
    timeout(PATIENCE, written).await.unwrap().unwrap();
    world.out.write_all(b"\n").unwrap();
    world.settle().await;
    let lines = world.all(0).await.0;
    let total: usize = lines.iter().map(|line| line.bytes.len()).sum();
    let (last, pieces) = lines.split_last().unwrap();
    assert!(pieces.iter().all(|line| line.continues), "{pieces:?}");
    assert!(!last.continues);
    assert_eq!(total, 3 * 4096);
}

#[tokio::test]
async fn both_streams_are_told_apart_and_timed() {
    let before = crate::edge::clock::unix_ms();
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    let mut lines = Vec::new();
    for turn in 1..=4 {
        let stream = if turn % 2 == 0 {
            &mut world.out
        } else {
            &mut world.err
        };
        stream.write_all(b"hello\n").unwrap();
        lines.extend(read(&mut follower, Cursor(turn)).await.0);
    }
    let streams: Vec<_> = lines.iter().map(|line| line.stream).collect();
    assert_eq!(
        streams,
        [Stream::Err, Stream::Out, Stream::Err, Stream::Out]
    );
    let after = crate::edge::clock::unix_ms();
    assert!(
        lines
            .iter()
            .all(|line| (before..=after).contains(&line.unix_ms))
    );
    world.end_agent();
    world.start_agent().await;
    assert_eq!(world.all(0).await.0, lines);
}

#[tokio::test]
async fn a_service_outlives_its_agents_without_a_broken_pipe() {
    let mut world = World::new(LIMITS).await;
    world.out.write_all(b"with an agent\n").unwrap();
    world.end_agent();
    world.out.write_all(b"without\nand half ").unwrap();
    world.start_agent().await;
    world.out.write_all(b"a line\n").unwrap();
    world.settle().await;
    let texts: Vec<_> = world
        .all(0)
        .await
        .0
        .into_iter()
        .map(|line| line.bytes)
        .collect();
    assert_eq!(
        texts,
        [&b"with an agent"[..], b"without", b"and half a line"]
    );
}

#[tokio::test]
async fn attaching_again_changes_limits_and_nothing_else() {
    let mut world = World::new(LIMITS).await;
    world.out.write_all(b"one\n").unwrap();
    let limits = LogLimits {
        max_size_bytes: 8,
        keep: 1,
        ring_bytes: 100,
    };
    let ends = world.logs().attach("service", limits).await.unwrap();
    let mut again = File::from(ends.out);
    for _line in 0..3 {
        again.write_all(b"again\n").unwrap();
        world.settle().await;
    }
    assert_eq!(world.file("service.log"), b"again\n");
    assert_eq!(world.file("service.log.1"), b"again\n");
    assert!(!world.path("logs/service.log.2").exists());
}

#[tokio::test]
async fn a_removed_service_leaves_its_files_and_ends_its_followers() {
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    world.out.write_all(b"last words").unwrap();
    world.logs().detach("service").await.unwrap();
    let last = follower.next().await.unwrap().unwrap();
    assert_eq!(
        shown(&last.lines),
        [(Stream::Out, &b"last words"[..], false)]
    );
    assert_eq!(follower.next().await.unwrap(), None);
    assert_eq!(world.file("service.log"), b"last words");
    assert!(!world.path("fifo/service.out").exists());
    let gone = world.logs().tail("service", 1).await.unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_name_that_could_be_a_path_is_refused() {
    let world = World::new(LIMITS).await;
    for name in ["", "../x", "a/b", "A", "a.b"] {
        let refused = world.logs().attach(name, LIMITS).await.unwrap_err();
        assert!(refused.to_string().contains("a-z"), "{name}: {refused}");
    }
}
