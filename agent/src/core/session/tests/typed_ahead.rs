//! Text that arrives while a line waits for its answer: how much of it is kept, and where the rest is lost.

use super::*;
use lastword_protocol::message::service::{Page, ServiceRequest};
use std::fmt::Write;
use std::mem;

const LOST: &str = "err 429 slow_down detail=\"input was lost; send the line again, slower\"\n";
/// The most bytes that a link hands in at once.
const READ_BYTES: usize = 512;

impl Bench {
    /// A script's line waits for the supervisor; returns the question.
    fn waiting(traits: Traits) -> (Self, Job) {
        let mut bench = Self::new(traits);
        bench
            .session
            .receive(bench.now, b"svc stop --all\n", &Board);
        let job = bench.session.take_job().expect("the supervisor is asked");
        (bench, job)
    }

    /// Hands bytes in as a link does, as long as input is wanted. Returns how many were taken.
    fn offer(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for part in bytes.chunks(READ_BYTES) {
            if !self.session.wants_input() {
                break;
            }
            self.session.receive(self.now, part, &Board);
            while self.session.has_work() {
                self.session.work(self.now, &Board);
            }
            taken += part.len();
        }
        taken
    }

    /// Answers the line that waits, and returns what is said to it and to what was kept behind it.
    fn text_behind(&mut self, job: &Job) -> String {
        self.said.clear();
        let page = [Reply::Items(Page::default())];
        self.session
            .answered(self.now, job.id, &page, false, &Board);
        self.take_output();
        self.text()
    }
}

/// Lines with the numbers from `first` on, of so many bytes at least.
fn numbered(first: usize, bytes: usize) -> String {
    let mut text = String::new();
    for number in first.. {
        if bytes <= text.len() {
            break;
        }
        // A String takes everything.
        let _ = writeln!(text, "@{number} uptime");
    }
    text
}

#[test]
fn on_a_line_no_amount_of_text_keeps_frames_and_break_from_being_heard() {
    for bytes in [WINDOW_BYTES - 1, WINDOW_BYTES, 100 * WINDOW_BYTES] {
        let (mut bench, stop) = Bench::waiting(UART);
        let text = "x".repeat(bytes);
        assert_eq!(bench.offer(text.as_bytes()), bytes, "all is read");
        let hello = ask_hello(CLIENT, false);
        assert_eq!(bench.offer(&hello), hello.len(), "behind {bytes} bytes");
        bench.take_output();
        let nonce = welcomed(&mem::take(&mut bench.said));
        bench.offer(&request(nonce, 1, &Request::Reboot));
        let reboot = bench.session.take_job().expect("the power desk is asked");
        assert!(matches!(reboot.ask, Ask::Stage(_)), "{reboot:?}");
        bench.offer(b"\xFF\0\0uptime\n");
        bench.take_output();
        let said = mem::take(&mut bench.said);
        let said = String::from_utf8_lossy(&said);
        assert!(
            said.contains("ok uptime_ms=12345"),
            "a BREAK logs out: {said}"
        );
        assert_eq!(bench.text_behind(&stop), "", "nobody waits for it");
    }
}

#[test]
fn on_a_line_the_text_beyond_the_window_is_lost_at_its_place_and_nothing_is_spliced() {
    for more in 0..20 {
        let (mut bench, stop) = Bench::waiting(UART);
        let text = numbered(1, 3 * WINDOW_BYTES + more);
        assert_eq!(bench.offer(text.as_bytes()), text.len());
        let said = bench.text_behind(&stop);
        let kept = text[..WINDOW_BYTES].matches('\n').count();
        let (ran, refused) = said.split_at(said.find("err").unwrap_or(said.len()));
        assert_eq!(ran.lines().count(), 1 + kept, "{said}");
        assert_eq!(refused, "", "its end is still to come");
        // The line with the hole ends here, and whatever its number was, it is not run.
        bench.said.clear();
        bench
            .session
            .receive(bench.now, b"\n@9999 uptime\n", &Board);
        bench.take_output();
        let said = bench.text();
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].starts_with("err "), "{said}");
        assert!(
            lines[0].contains("429 slow_down detail=\"input was lost"),
            "{said}"
        );
        assert!(lines[1].starts_with("ok @9999 uptime_ms="), "{said}");
    }
}

#[test]
fn on_a_line_what_is_kept_has_a_bound_whatever_is_lost_or_dropped_in_it() {
    let (mut bench, stop) = Bench::waiting(UART);
    for _ in 0..2 * WINDOW_BYTES {
        bench.offer(b"\0x\0");
        bench.session.lose(bench.now, &Board);
        bench.wait(1_001);
    }
    let kept = bench.session.typed.len();
    assert!(kept <= WINDOW_BYTES + 1, "{kept}");
    let said = bench.text_behind(&stop);
    assert!(said.starts_with("ok\n") && !said.contains("err"), "{said}");
    bench.said.clear();
    bench.session.receive(bench.now, b"\n", &Board);
    bench.take_output();
    assert_eq!(bench.text(), LOST);
}

#[test]
fn at_the_start_of_a_line_an_interrupt_ends_the_waiting_however_much_was_typed_ahead() {
    for (text, interrupts) in [("\n", true), ("x", false), ("\nx", false)] {
        for count in [1, 100 * WINDOW_BYTES] {
            let (mut bench, _) = Bench::waiting(UART);
            let text = [&*numbered(1, count), text].concat();
            bench.offer(text.as_bytes());
            bench.offer(b"\x03");
            bench.take_output();
            let is_over = bench.text().starts_with("err 499 aborted");
            assert_eq!(is_over, interrupts, "behind {} bytes", text.len());
        }
    }
}

#[test]
fn a_connection_holds_its_peer_back_and_loses_nothing() {
    let (mut bench, stop) = Bench::waiting(TCP);
    let text = numbered(1, 3 * WINDOW_BYTES);
    let taken = bench.offer(text.as_bytes());
    assert!((WINDOW_BYTES..text.len()).contains(&taken), "{taken}");
    let mut said = bench.text_behind(&stop);
    assert_eq!(bench.offer(&text.as_bytes()[taken..]), text.len() - taken);
    bench.said.clear();
    bench.take_output();
    said += &bench.text();
    assert_eq!(said.lines().count(), 1 + text.lines().count());
    assert!(!said.contains("err"), "{said}");
}

#[test]
fn the_line_that_waits_is_answered_whatever_is_lost_behind_it() {
    let (mut bench, stop) = Bench::waiting(UART);
    let stop_all = Ask::Service(ServiceRequest::Stop(None));
    assert_eq!(stop.ask, stop_all);
    bench.offer(&[b'\n'; 2 * WINDOW_BYTES]);
    assert_eq!(bench.text_behind(&stop), "ok\n");
}
