//! Disks that do not take it, files that somebody took away, ends in the middle of a rotation.

use super::*;
use std::os::unix::fs::FileExt;

/// Two records of the index fit in a file.
const SMALL: LogLimits = LogLimits {
    max_size_bytes: 70,
    keep: 2,
    ring_bytes: 1_000,
};

/// The texts of all lines that are kept.
async fn texts(world: &World) -> Vec<String> {
    let lines = world.all(0).await.0.into_iter();
    lines
        .map(|line| String::from_utf8(line.bytes).unwrap())
        .collect()
}

#[tokio::test]
async fn what_cannot_be_written_waits_and_is_written_later() {
    let mut world = World::new(LogLimits { keep: 1, ..SMALL }).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    let blocker = world.path("logs/service.log.1/in-the-way");
    fs::create_dir_all(&blocker).unwrap();
    let expected: Vec<_> = (0..15).map(|number| format!("line {number:02}")).collect();
    let output = expected.join("\n") + "\n";
    world.out.write_all(output.as_bytes()).unwrap();
    let (mut lines, _) = read(&mut follower, Cursor(8)).await;
    let failed = world.logs().settle("service").await;
    assert!(failed.is_err(), "a directory was renamed over");
    // The retry is a second away at most; it is counted.
    let seen = async {
        while world.logs().failures("service").unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, seen).await.unwrap();
    fs::remove_dir_all(world.path("logs/service.log.1")).unwrap();
    lines.extend(read(&mut follower, Cursor(15)).await.0);
    let read = lines.into_iter().map(|line| String::from_utf8(line.bytes));
    assert_eq!(read.map(Result::unwrap).collect::<Vec<_>>(), expected);
    assert_eq!(texts(&world).await, expected);
}

#[tokio::test]
async fn a_log_that_somebody_removed_or_emptied_is_begun_anew() {
    let mut world = World::new(LIMITS).await;
    let log = world.path("logs/service.log");
    world.out.write_all(b"one\n").unwrap();
    world.settle().await;
    fs::remove_file(&log).unwrap();
    world.out.write_all(b"two\n").unwrap();
    world.settle().await;
    assert_eq!(world.file("service.log"), b"two\n");
    File::create(&log).unwrap();
    world.out.write_all(b"three\n").unwrap();
    world.settle().await;
    assert_eq!(world.file("service.log"), b"three\n");
    let tail = world.tail(1).await;
    assert_eq!(tail.next, Cursor(3));
    assert_eq!(shown(&tail.lines), [(Stream::Out, &b"three"[..], false)]);
    world.end_agent();
    world.start_agent().await;
    assert_eq!(world.tail(9).await.lines, tail.lines);
}

#[tokio::test]
async fn an_index_that_does_not_fit_its_log_is_put_aside_with_it() {
    let mut world = World::new(LIMITS).await;
    world.out.write_all(b"one\n").unwrap();
    world.settle().await;
    world.out.write_all(b"two\n").unwrap();
    world.settle().await;
    world.end_agent();
    let log = File::options()
        .write(true)
        .open(world.path("logs/service.log"));
    log.unwrap().set_len(2).unwrap();
    world.start_agent().await;
    world.out.write_all(b"three\n").unwrap();
    world.settle().await;
    assert_eq!(world.file("service.log"), b"three\n");
    assert_eq!(world.file("service.log.1"), b"on");
    assert!(world.tail(1).await.next > Cursor(2), "a number used twice");
}

#[tokio::test]
async fn a_torn_record_and_foreign_bytes_are_not_read() {
    let mut world = World::new(LIMITS).await;
    world.out.write_all(b"one\n").unwrap();
    world.settle().await;
    world.end_agent();
    let index = File::options()
        .write(true)
        .open(world.path("logs/service.idx"));
    index.unwrap().write_all_at(b"torn", 32).unwrap();
    let log = File::options()
        .append(true)
        .open(world.path("logs/service.log"));
    log.unwrap().write_all(b"foreign\n").unwrap();
    world.start_agent().await;
    world.out.write_all(b"two\n").unwrap();
    world.settle().await;
    assert_eq!(texts(&world).await, ["one", "two"]);
    assert_eq!(world.file("service.log"), b"one\nforeign\ntwo\n");
}

#[tokio::test]
async fn a_rotation_cut_short_anywhere_is_finished() {
    // What was renamed before the end came: as `rotate` goes, the oldest pair first.
    let renamings = [
        ("service.log.1", "service.log.2"),
        ("service.idx.1", "service.idx.2"),
        ("service.log", "service.log.1"),
        ("service.idx", "service.idx.1"),
    ];
    for done in 0..=renamings.len() {
        let mut world = World::new(SMALL).await;
        for number in 0..4 {
            writeln!(world.out, "line {number}").unwrap();
            world.settle().await;
        }
        assert!(world.path("logs/service.log.1").exists());
        assert!(!world.path("logs/service.log.2").exists());
        world.end_agent();
        for (from, to) in &renamings[..done] {
            let logs = world.path("logs");
            fs::rename(logs.join(from), logs.join(to)).unwrap();
        }
        world.start_agent().await;
        for number in 4..8 {
            writeln!(world.out, "line {number}").unwrap();
            world.settle().await;
        }
        let expected: Vec<_> = (0..8).map(|number| format!("line {number}")).collect();
        let kept = texts(&world).await;
        assert!(
            expected.ends_with(&kept) && kept.len() == 6,
            "{done}: {kept:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_fifo_is_not_written_to() {
    let world = World::new(LIMITS).await;
    fs::write(world.path("fifo/other.out"), b"").unwrap();
    let refused = world.logs().attach("other", LIMITS).await.unwrap_err();
    assert!(refused.to_string().contains("not a FIFO"), "{refused}");
}
