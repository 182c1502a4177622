//! Logs that cannot be written for longer than a service may wait: it goes on, and its lines are counted.

use super::*;

/// How long services wait in these tests.
const WAIT: Millis = Millis(50);

/// The logs of an agent, and the end of a service's standard output.
async fn begin(directory: &Path, limits: LogLimits) -> (Logs, File) {
    let logs = Logs::start_with(directory, WAIT).unwrap();
    let ends = logs.attach("service", limits).await.unwrap();
    (logs, File::from(ends.out))
}

/// Writes numbered lines, and tells when that is done.
fn write(mut out: File, numbers: std::ops::Range<u64>) -> oneshot::Receiver<File> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let lines: Vec<u8> = numbers
            .flat_map(|it| format!("{it:08}\n").into_bytes())
            .collect();
        out.write_all(&lines).unwrap();
        tell.send(out).unwrap();
    });
    told
}

/// Follows until a line says `last`. Returns the numbers that came, and how many were missed.
async fn follow(logs: &Logs, last: u64) -> (Vec<u64>, u64) {
    let mut follower = logs.follow("service", Cursor(0)).unwrap();
    let (mut numbers, mut missed) = (Vec::new(), 0);
    while numbers.last() != Some(&last) {
        let batch = timeout(PATIENCE, follower.next()).await;
        let batch = batch.unwrap_or_else(|_| {
            let (count, failing) = (numbers.len(), logs.readers().is_failing("service"));
            panic!(
                "{count} lines, {missed} missed, the last {:?}; failing: {failing}",
                numbers.last()
            )
        });
        let batch = batch.unwrap().unwrap();
        missed += batch.missed;
        let text = |line: Line| String::from_utf8(line.bytes).unwrap();
        numbers.extend(batch.lines.into_iter().map(|line| {
            let text = text(line);
            text.parse::<u64>()
                .unwrap_or_else(|_| panic!("a torn line: {text:?}"))
        }));
    }
    (numbers, missed)
}

/// Waits until the log is written again: what is written to it from then on is kept.
async fn healed(logs: &Logs) {
    let healed = async {
        while logs.readers().is_failing("service") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, healed).await.unwrap();
}

/// More than a FIFO holds, several times.
const MANY: u64 = 1_000_000;

#[tokio::test]
async fn a_service_goes_on_when_its_logs_are_in_the_way_of_a_file_and_the_lines_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let logs_path = directory.path().join("logs");
    let (logs, out) = begin(directory.path(), LIMITS).await;
    let out = timeout(PATIENCE, write(out, 0..100))
        .await
        .unwrap()
        .unwrap();
    logs.settle("service").await.unwrap();
    fs::remove_dir_all(&logs_path).unwrap();
    fs::write(&logs_path, "in the way").unwrap();
    let out = timeout(PATIENCE, write(out, 100..MANY)).await;
    let out = out.expect("it went on").unwrap();
    assert!(logs.readers().is_failing("service"));
    assert_eq!(logs.readers().failing(), 1);
    fs::remove_file(&logs_path).unwrap();
    healed(&logs).await;
    let _out = write(out, MANY..MANY + 1);
    let (numbers, missed) = follow(&logs, MANY).await;
    // All that were written are there or counted: none twice, in order.
    assert!(numbers.is_sorted_by(|one, other| one < other));
    assert!(missed > 0);
    assert_eq!(numbers.len() as u64 + missed, MANY + 1);
    assert!(!logs.readers().is_failing("service"));
}

#[tokio::test]
async fn directories_that_are_removed_under_a_writer_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let (logs, mut out) = begin(directory.path(), LIMITS).await;
    for number in 0..20 {
        fs::remove_dir_all(directory.path().join("logs")).unwrap();
        writeln!(out, "{number:08}").unwrap();
        timeout(PATIENCE, logs.settle("service"))
            .await
            .unwrap()
            .unwrap();
    }
    assert_eq!(logs.tail("service", 1).await.unwrap().next, Cursor(20));
    assert!(!logs.readers().is_failing("service"));
    // FIFOs, too: whoever is started next has new ones.
    fs::remove_dir_all(directory.path().join("fifo")).unwrap();
    writeln!(out, "{:08}", 20).unwrap();
    assert!(logs.ends("service").is_err());
    let ends = logs.attach("service", LIMITS).await.unwrap();
    let mut out = File::from(ends.out);
    writeln!(out, "{:08}", 21).unwrap();
    timeout(PATIENCE, logs.settle("service"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(logs.tail("service", 1).await.unwrap().next, Cursor(22));
}

#[tokio::test]
async fn a_service_starts_though_its_log_cannot_be_opened_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let logs_path = directory.path().join("logs");
    let (logs, out) = begin(directory.path(), LIMITS).await;
    let out = timeout(PATIENCE, write(out, 0..100))
        .await
        .unwrap()
        .unwrap();
    logs.settle("service").await.unwrap();
    drop(logs);
    // Kept, and out of reach.
    let aside = directory.path().join("aside");
    fs::rename(&logs_path, &aside).unwrap();
    fs::write(&logs_path, "in the way").unwrap();
    let (logs, _again) = begin(directory.path(), LIMITS).await;
    assert!(logs.readers().is_failing("service"));
    let out = timeout(PATIENCE, write(out, 100..MANY)).await;
    let out = out.expect("it went on").unwrap();
    fs::remove_file(&logs_path).unwrap();
    fs::rename(&aside, &logs_path).unwrap();
    healed(&logs).await;
    let _out = write(out, MANY..MANY + 1);
    let (numbers, missed) = follow(&logs, MANY).await;
    assert!(numbers.is_sorted_by(|one, other| one < other));
    assert_eq!(numbers.len() as u64 + missed, MANY + 1);
    assert!(missed > 0 && numbers[..100].iter().copied().eq(0..100));
}

#[tokio::test]
async fn what_was_missed_is_told_at_once_and_by_the_next_agent() {
    let directory = tempfile::tempdir().unwrap();
    let logs_path = directory.path().join("logs");
    fs::write(&logs_path, "in the way").unwrap();
    let (logs, out) = begin(directory.path(), LIMITS).await;
    let mut follower = logs.follow("service", Cursor(0)).unwrap();
    let out = timeout(PATIENCE, write(out, 0..MANY)).await;
    let _out = out.expect("it went on").unwrap();
    fs::remove_file(&logs_path).unwrap();
    let batch = timeout(PATIENCE, follower.next()).await.unwrap();
    let missed = batch.unwrap().unwrap().missed;
    assert!(missed > 0);
    logs.settle("service").await.unwrap();
    assert_eq!(logs.tail("service", 1).await.unwrap().next, Cursor(MANY));
    drop((follower, logs));
    let (logs, _again) = begin(directory.path(), LIMITS).await;
    assert_eq!(logs.tail("service", 1).await.unwrap().next, Cursor(MANY));
}
