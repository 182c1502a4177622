//! Readers: across rotations, slower than what is kept, and beginning where a tail ended.

use super::*;

/// Little memory and small files, as many as there are.
const SMALL: LogLimits = LogLimits {
    max_size_bytes: 2_000,
    keep: 10_000,
    ring_bytes: 1_000,
};
const LINES: u64 = 20_000;

/// Writes numbered lines to both streams, from a thread of its own.
fn write_numbers(world: &World) -> std::thread::JoinHandle<()> {
    let (mut out, mut err) = (
        world.out.try_clone().unwrap(),
        world.err.try_clone().unwrap(),
    );
    std::thread::spawn(move || {
        for number in 0..LINES / 2 {
            writeln!(out, "{number}").unwrap();
            writeln!(err, "{number}").unwrap();
        }
    })
}

/// Each stream's numbers follow each other from some number on, and the lines' numbers do.
#[track_caller]
fn verify(lines: &[Line], first: [Option<u64>; 2]) {
    for pair in lines.windows(2) {
        assert_eq!(pair[1].cursor, pair[0].cursor.after(1));
    }
    for (stream, first) in Stream::BOTH.into_iter().zip(first) {
        let ours = lines.iter().filter(|line| line.stream == stream);
        let numbers: Vec<u64> = ours
            .map(|line| str::from_utf8(&line.bytes).unwrap().parse().unwrap())
            .collect();
        let Some(first) = first.or(numbers.first().copied()) else {
            continue;
        };
        let expected: Vec<u64> = (first..LINES / 2).collect();
        assert_eq!(numbers, expected, "{stream}");
    }
}

#[tokio::test]
async fn a_follower_crosses_rotations_without_a_gap() {
    let world = World::new(SMALL).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    let writer = write_numbers(&world);
    let (lines, missed) = read(&mut follower, Cursor(LINES)).await;
    writer.join().unwrap();
    assert_eq!(missed, 0);
    verify(&lines, [Some(0); 2]);
    assert!(world.path("logs/service.log.20").exists(), "not rotated");
}

#[tokio::test]
async fn a_tail_and_what_follows_it_neither_lose_nor_repeat_a_line() {
    for count in [0, 1, 10, 5_000] {
        let world = World::new(SMALL).await;
        let writer = write_numbers(&world);
        let mut early = world.logs().follow("service", Cursor(0)).unwrap();
        read(&mut early, Cursor(LINES / 4)).await;
        let tail = world.tail(count).await;
        assert_eq!(tail.lines.len(), count, "of at least {}", LINES / 4);
        let mut lines = tail.lines;
        let mut follower = world.logs().follow("service", tail.next).unwrap();
        lines.extend(read(&mut follower, Cursor(LINES)).await.0);
        writer.join().unwrap();
        if !lines.is_empty() {
            verify(&lines, [None; 2]);
        }
    }
}

#[tokio::test]
async fn a_reader_slower_than_memory_reads_the_files() {
    let world = World::new(SMALL).await;
    write_numbers(&world).join().unwrap();
    world.settle().await;
    let (lines, missed) = world.all(0).await;
    assert_eq!(missed, 0);
    verify(&lines, [Some(0); 2]);
}

#[tokio::test]
async fn a_reader_slower_than_all_that_is_kept_is_told_what_it_missed() {
    for keep in [0, 1, 2] {
        let world = World::new(LogLimits { keep, ..SMALL }).await;
        write_numbers(&world).join().unwrap();
        world.settle().await;
        let (lines, missed) = world.all(0).await;
        assert!(missed > LINES / 2, "{missed}");
        assert_eq!(missed + lines.len() as u64, LINES);
        verify(&lines, [None; 2]);
    }
}

#[tokio::test]
async fn a_follower_that_gave_up_waiting_loses_nothing() {
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    assert!(timeout(Duration::ZERO, follower.next()).await.is_err());
    world.out.write_all(b"one\n").unwrap();
    let (lines, _) = read(&mut follower, Cursor(1)).await;
    assert_eq!(shown(&lines), [(Stream::Out, &b"one"[..], false)]);
}

#[tokio::test]
async fn a_follower_is_told_that_the_logs_ended() {
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(0)).unwrap();
    world.end_agent();
    let next = timeout(PATIENCE, follower.next()).await.unwrap();
    assert_eq!(next.unwrap(), None);
}

#[tokio::test]
async fn what_is_written_as_fast_as_can_be_is_all_there() {
    const LINES: usize = 600_000;
    let limits = LogLimits {
        max_size_bytes: 4 << 20,
        keep: 1,
        ..LIMITS
    };
    let mut world = World::new(limits).await;
    let line = [&[b'x'; 99][..], b"\n"].concat();
    // In parts that do not end where lines do.
    let output = line.repeat(LINES);
    for part in output.chunks(65_531) {
        world.out.write_all(part).unwrap();
    }
    world.settle().await;
    let tail = world.tail(5_000).await;
    assert_eq!(tail.next, Cursor(LINES as u64));
    assert_eq!(tail.lines.len(), 5_000);
    assert!(tail.lines.iter().all(|it| it.bytes == line[..99]));
    let (current, older) = (world.file("service.log"), world.file("service.log.1"));
    assert!(current.len() <= 4 << 20 && older.len() <= 4 << 20);
}

#[tokio::test]
async fn a_place_beyond_the_end_is_the_end() {
    let mut world = World::new(LIMITS).await;
    let mut follower = world.logs().follow("service", Cursor(99)).unwrap();
    world.out.write_all(b"one\n").unwrap();
    assert_eq!(read(&mut follower, Cursor(1)).await.0.len(), 1);
}

#[tokio::test]
async fn a_long_tail_is_bounded_and_is_the_newest() {
    let limits = LogLimits {
        max_size_bytes: 3 << 20,
        ..LIMITS
    };
    let mut world = World::new(limits).await;
    let line = [&vec![b'x'; 9_999][..], b"\n"].concat();
    let count = TAIL_BYTES / 9_999 + 20;
    for _line in 0..count {
        world.out.write_all(&line).unwrap();
    }
    world.settle().await;
    let tail = world.tail(usize::MAX).await;
    assert_eq!(tail.next, Cursor(count as u64));
    assert_eq!(tail.lines.len(), TAIL_BYTES / 9_999);
    assert_eq!(tail.lines.last().unwrap().cursor.after(1), tail.next);
}
