//! What is sent unasked: one printable line, on a line without connections only.

use super::*;
use lastword_protocol::announcement::{Announcement, AnnouncementReader};

/// A line whose bytes carry no marks.
const PTY: Traits = Traits {
    marked: false,
    ..UART
};

/// The announcements among these bytes, of which none may be a control byte but line ends.
#[track_caller]
fn announced(said: &[u8]) -> Vec<Announcement> {
    let is_shown = |byte: &u8| matches!(byte, b'\r' | b'\n' | b' '..=b'~');
    assert!(said.iter().all(is_shown), "{}", said.escape_ascii());
    let mut reader = AnnouncementReader::new();
    said.iter().filter_map(|byte| reader.push(*byte)).collect()
}

fn expected() -> Announcement {
    let Identity {
        name, boot, cause, ..
    } = Board.identity();
    Announcement { name, boot, cause }
}

#[test]
fn a_start_is_announced_three_times_unless_something_is_received() {
    for (speaks, count) in [(false, 3), (true, 1)] {
        let mut bench = Bench::new(UART);
        bench.session.announce(bench.now, &Board);
        bench.take_output();
        if speaks {
            bench.receive(b"\n");
        }
        for _ in 0..10 {
            bench.wait(1_000);
        }
        let told = announced(&bench.said);
        assert_eq!(
            told,
            vec![expected(); count],
            "something is received: {speaks}"
        );
        assert!(
            bench
                .text()
                .starts_with("\r\n! 0 board state=up name=board1 boot=")
        );
    }
}

#[test]
fn noise_is_answered_with_an_announcement_at_most_once_a_second_and_never_on_a_stream() {
    let mut uart = Bench::new(PTY);
    for _ in 0..5 {
        uart.receive(b"\0garbage\0");
    }
    assert_eq!(announced(&uart.said), [expected()]);
    uart.wait(999);
    uart.receive(b"\0garbage\0");
    assert_eq!(announced(&uart.said).len(), 1);
    uart.wait(1);
    uart.receive(b"\0garbage\0");
    assert_eq!(announced(&uart.said).len(), 2);
    let mut tcp = Bench::new(TCP);
    tcp.receive(b"\0garbage\0");
    assert!(tcp.said.is_empty());
}

#[test]
fn an_announcement_is_never_within_an_answer() {
    let mut bench = Bench::new(PTY);
    bench.receive(b"\n");
    bench
        .session
        .receive(bench.now, b"svc list\n\0noise\0\0noise\0", &Board);
    let job = bench.session.take_job().expect("a question");
    bench.wait(5_000);
    assert_eq!(bench.text(), "", "an answer is owed");
    bench
        .session
        .answered(bench.now, job.id, &[Reply::Done], false, &Board);
    bench.take_output();
    let text = bench.text();
    let (answer, behind) = text.split_once('\n').expect("an answer");
    assert_eq!(answer, "ok");
    assert_eq!(announced(behind.as_bytes()), [expected()], "{behind:?}");
}

#[test]
fn a_person_gets_the_line_that_was_being_typed_again() {
    for (before, typed) in [(&b"mode term\n"[..], "\rboard1> upt\x1b[K"), (b"", "\rupt")] {
        let mut bench = Bench::new(PTY);
        bench.receive(before);
        bench.wait(2_000);
        bench.receive(b"u");
        bench.wait(20);
        bench.receive(b"pt");
        bench.said.clear();
        bench.receive(b"\0noise\0");
        let text = bench.text();
        let (_, behind) = text.split_once("crc=").expect("an announcement");
        assert_eq!(&behind[8..], format!("\r\n{typed}"), "{text:?}");
    }
}
