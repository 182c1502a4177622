//! The last word, from the board's side.

use crate::bench::Bench;
use crate::program::Program;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Evidence, Operation, PowerRequest};
use lastword_protocol::refusal::Code;

const DRAINED: &[(Operation, Evidence)] = &[(Operation::Reboot, Evidence::UartEmpty)];

#[test]
fn a_reboot_fires_once_its_acknowledgement_has_left_and_not_before() {
    let mut bench = Bench::new();
    bench.say("\n");
    bench.uart.held = true;
    assert_eq!(bench.say("reboot\n"), "");
    bench.pass(200);
    assert_eq!(bench.hardware.fired, []);
    bench.uart.held = false;
    bench.pass(2);
    assert!(
        bench
            .heard()
            .starts_with("ok initiated operation=reboot backend=mcu op=")
    );
    assert_eq!(bench.hardware.fired, DRAINED);
}

#[test]
fn an_acknowledgement_that_does_not_leave_stands_the_board_down() {
    let mut bench = Bench::new();
    bench.say("\n");
    bench.uart.held = true;
    bench.say("reboot\n");
    bench.pass(2_100);
    bench.uart.held = false;
    bench.pass(10);
    assert_eq!(bench.hardware.fired, []);
    bench.heard();
    let status = bench.say("power status\n");
    assert!(
        status.contains("last_outcome=stood_down last_why=not_drained"),
        "{status}"
    );
}

#[test]
fn the_next_boot_knows_why_it_came() {
    let mut bench = Bench::new();
    let before = bench.responder.boot();
    bench.say("\nreboot --op 9\n");
    assert_eq!(bench.hardware.fired, DRAINED);
    // This reset returned, which no reset does: forget what was kept after it.
    bench.hardware.retained = bench.hardware.at_fire;
    let mut after = Bench::boot(bench.hardware);
    assert_ne!(after.responder.boot(), before);
    after.say("\n");
    let hello = after.say("hello\n");
    for field in [
        "cause=requested",
        "last_op=9",
        "last_outcome=done",
        "last_evidence=uart_empty",
    ] {
        assert!(hello.contains(field), "{hello}");
    }
    let again = after.say("reboot --op 9\n");
    assert!(again.starts_with("ok already_done boot="), "{again}");
    assert_eq!(after.hardware.fired, []);
}

#[test]
fn what_cannot_be_kept_does_not_fire() {
    let mut bench = Bench::new();
    bench.say("\n");
    bench.hardware.keeps = false;
    assert_eq!(
        bench.say("reboot\n"),
        "err 501 not_here detail=\"invalid command\"\n"
    );
    assert_eq!(
        bench.say("power shutdown\n"),
        "err 501 not_here detail=\"invalid command\"\n"
    );
    assert_eq!(bench.hardware.fired, []);
}

#[test]
fn a_delay_runs_after_the_acknowledgement_and_can_be_called_off() {
    let mut bench = Bench::new();
    bench.say("\nreboot --in 5s --op 3\n");
    bench.pass(4_000);
    bench.heard();
    assert_eq!(
        bench.say("power cancel\n"),
        "ok cancelled operation=reboot op=3\n"
    );
    bench.pass(2_000);
    assert_eq!(bench.hardware.fired, []);
    bench.say("reboot --in 5s --op 4\n");
    bench.pass(5_010);
    assert_eq!(bench.hardware.fired, DRAINED);
}

#[test]
fn nobody_is_waited_for_to_close_a_line() {
    let mut bench = Bench::new();
    let refused = "err 422 bad_value detail=\"await_close needs a connection; this is a line\"\n";
    assert_eq!(bench.say("\nreboot --await-close\n"), refused);
    let alice = Program::welcomed(1, &mut bench);
    let request = PowerRequest {
        await_close: true,
        ..PowerRequest::plain(Operation::Reboot)
    };
    let reply = alice.ask(&mut bench, 1, &Request::Power(request));
    assert!(
        matches!(&reply, Reply::Refused(refusal) if refusal.code == Code::BadValue),
        "{reply:?}"
    );
    assert_eq!(bench.hardware.fired, []);
}
