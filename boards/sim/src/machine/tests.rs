//! A board, a line, and no real time.

use super::*;
use crate::faults::Rates;

const BUILD: Build = Build {
    name: "bench",
    baud: 115_200,
    dry_run: false,
    reset: Duration::from_millis(300),
};

const MS: Duration = Duration::from_millis(1);

/// A board, and a person's watch.
struct Bench {
    machine: Machine,
    now: Duration,
}

impl Bench {
    fn new(build: Build) -> Self {
        let uart = Uart::new(build.baud, Rates::default(), 0);
        let memory = Memory::open(None).unwrap();
        let machine = Machine::on(Duration::ZERO, build, memory, uart);
        let now = Duration::ZERO;
        let mut bench = Self { machine, now };
        bench.pass(100);
        bench.heard();
        bench
    }

    fn pass(&mut self, millis: u32) {
        self.now += MS * millis;
        self.machine.run(self.now);
    }

    /// The text that has come.
    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(self.machine.uart.left())).unwrap()
    }

    fn say(&mut self, text: &str, millis: u32) -> String {
        self.machine.uart.arrive(text.as_bytes());
        self.pass(millis);
        self.heard()
    }
}

#[track_caller]
fn check(answer: &str, parts: &[&str]) {
    let mut rest = answer;
    for part in parts {
        let found = rest.split_once(part);
        let Some((_, behind)) = found else {
            panic!("{part:?} is not in its place in {answer:?}");
        };
        rest = behind;
    }
}

#[test]
fn a_reboot_is_acknowledged_and_then_quiet_and_then_booted() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    let answer = bench.say("reboot --op 7\n", 100);
    assert_eq!(
        answer, "ok initiated operation=reboot backend=mcu op=7\n",
        "nothing but the acknowledgement"
    );
    let lost = bench.say("uptime\n", 150);
    assert_eq!(lost, "", "it does not hear while it resets");
    bench.pass(100);
    check(
        &bench.heard(),
        &[
            "\r\nboot loader: starting the responder\r\n",
            "\r\n! 0 board state=up name=bench boot=",
            " cause=requested crc=",
            "\r\n",
        ],
    );
    bench.say("\n", 10);
    check(
        &bench.say("hello\n", 100),
        &[
            "name=bench kind=sim",
            "boot_source=counter cause=requested",
            "last_op=7",
            "last_outcome=done last_evidence=uart_empty",
        ],
    );
}

#[test]
fn a_line_that_is_held_delays_the_reset_and_loses_nothing() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    assert_eq!(bench.say("hold 200ms\n", 10), "ok\n");
    assert_eq!(bench.say("reboot --op 7\n", 180), "");
    assert_eq!(
        bench.say("", 20),
        "ok initiated operation=reboot backend=mcu op=7\n"
    );
    bench.pass(400);
    check(&bench.heard(), &["boot loader"]);
}

#[test]
fn a_line_held_for_longer_than_the_drain_may_take_stands_the_board_down() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    bench.say("hold 5s\n", 10);
    assert_eq!(bench.say("reboot --op 7\n", 4_900), "");
    bench.pass(200);
    check(&bench.heard(), &["ok initiated"]);
    bench.pass(1_000);
    check(
        &bench.say("power status\n", 100),
        &["last_op=7", "last_outcome=stood_down last_why=not_drained"],
    );
}

#[test]
fn a_reset_without_evidence_loses_what_is_in_the_ring() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    bench.say("hold 5s\n", 10);
    assert_eq!(bench.say("reboot --force\n", 2_400), "");
    bench.pass(10_000);
    let heard = bench.heard();
    check(
        &heard,
        &["\r\nboot loader: starting the responder\r\n\r\n! 0 board state=up "],
    );
    assert!(
        !heard.contains("ok"),
        "the acknowledgement is gone: {heard}"
    );
}

#[test]
fn a_shutdown_ends_it_once_it_is_acknowledged() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    check(
        &bench.say("shutdown\n", 50),
        &["ok initiated operation=shutdown"],
    );
    assert!(bench.machine.is_off());
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn a_dry_run_does_all_but_the_reset() {
    let mut bench = Bench::new(Build {
        dry_run: true,
        ..BUILD
    });
    bench.say("\n", 10);
    check(&bench.say("reboot\n", 100), &["backend=dry-run"]);
    bench.pass(400);
    check(&bench.say("power status\n", 100), &["last_outcome=dry_run"]);
}

#[test]
fn a_slow_line_is_slow() {
    let mut bench = Bench::new(Build {
        baud: 1_200,
        ..BUILD
    });
    bench.pass(2_000);
    bench.say("\n", 100);
    // 10 bytes there, 13 back, at 120 a second.
    assert_eq!(bench.say("@1 led on\n", 80), "");
    assert_eq!(bench.say("", 100), "ok @1 led=o");
    assert_eq!(bench.say("", 17), "n\n");
}

#[test]
fn at_rest_it_has_next_to_nothing_to_do() {
    let mut bench = Bench::new(BUILD);
    bench.pass(5_000);
    assert_eq!(bench.machine.deadline(), None);
    bench.say("\n", 1_000);
    let idle = bench.machine.deadline().unwrap();
    assert!(idle > bench.now + MS * 200_000, "{idle:?}");
}

/// Numbered lines at once, many more than the receiver holds while it answers: which of them ran.
fn overrun(bench: &mut Bench, first: &str, line_end: &str) -> Vec<u64> {
    let lines: Vec<_> = (10_000..10_300_u64)
        .map(|number| format!("tally {number}{line_end}"))
        .collect();
    let heard = bench.say(&(first.to_owned() + &lines.concat()), 30_000);
    let ran = |line: &str| {
        let number = line.split("number").nth(1)?;
        let digits: String = number
            .chars()
            .skip_while(|it| !it.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    let ran: Vec<u64> = heard.lines().filter_map(ran).collect();
    for number in &ran {
        assert!(
            (10_000..10_300).contains(number),
            "{number} was never sent: {heard}"
        );
    }
    assert!(ran.is_sorted() && ran.len() < 300, "{ran:?}");
    assert!(heard.contains("input was lost"), "{heard}");
    ran
}

#[test]
fn what_runs_was_sent_whole_however_much_the_receiver_loses() {
    for (first, line_end) in [
        ("\n", "\n"),
        ("", "\n"),
        ("\n", "\r\n"),
        ("\r\0", "\r"),
        ("", "\r"),
    ] {
        let mut bench = Bench::new(BUILD);
        let ran = overrun(&mut bench, first, line_end);
        assert!(ran.len() > 10, "after {first:?}, by {line_end:?}: {ran:?}");
        let last = bench.say(&format!("tally 7{line_end}"), 200);
        // The one behind the last hole runs, unless that was at the very end.
        let last = if last.contains("lost") {
            bench.say(&format!("tally 7{line_end}"), 200)
        } else {
            last
        };
        assert!(
            last.contains("number=7") || last.contains("number:"),
            "{last:?}"
        );
    }
}

#[test]
fn a_break_waits_for_the_answer_in_front_of_it() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    bench.machine.uart.arrive(b"help\n");
    bench.machine.uart.arrive_break();
    // A CR alone opens term behind a BREAK only: the line was a script's.
    bench.machine.uart.arrive(b"led\r");
    bench.pass(1_000);
    let heard = bench.heard();
    check(&heard, &["\nok\n", "led: off\r\n", "> "]);
}

#[test]
fn an_application_answers() {
    let mut bench = Bench::new(BUILD);
    bench.say("\n", 10);
    for (line, answer) in [
        ("led\n", "ok led=off\n"),
        ("led on\n", "ok led=on\n"),
        ("led\n", "ok led=on\n"),
        ("tally 7\n", "ok number=7 ran=1\n"),
        ("tally 7\n", "ok number=7 ran=2\n"),
        (
            "hold 61s\n",
            "err 422 bad_value detail=\"60s at most are wanted\"\n",
        ),
    ] {
        assert_eq!(bench.say(line, 50), answer, "{line:?}");
    }
}
