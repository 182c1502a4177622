//! The bodies of every reply that is about power.

use super::{BOOT, check_reply, done_before, text};
use lastword_protocol::identity::Cause;
use lastword_protocol::message::{AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Reply};
use lastword_protocol::power::{Backend, Evidence, LastOperation, Operation, Outcome, Phase};
use lastword_protocol::{Millis, OperationId, Text};

#[test]
fn initiated() {
    let initiated = Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id: OperationId(7),
    };
    check_reply(
        &Reply::Initiated(initiated),
        0x10,
        "
        00          ; operation: 0 Reboot
        01          ; backend: 1 DryRun
        07          ; id: 7
        ",
    );
    let longest = Initiated {
        operation: Operation::GracefulShutdown,
        backend: Backend::Mcu,
        id: OperationId(u64::MAX),
    };
    check_reply(
        &Reply::Initiated(longest),
        0x10,
        "
        03          ; operation: 3 GracefulShutdown
        03          ; backend: 3 Mcu
        FF*9 01     ; id: 18446744073709551615
        ",
    );
}

#[test]
fn power_status_behind_a_refusal() {
    let refused = PowerStatus {
        backend: Backend::Linux,
        boot: BOOT,
        pending: None,
        last: None,
        refused: text("no program x"),
    };
    check_reply(
        &Reply::PowerStatus(refused),
        0x11,
        "
        02                                              ; backend: 2 Linux
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        00                                              ; pending: none
        00                                              ; last: none
        0C                                              ; refused: 12 bytes
        6E 6F 20 70 72 6F 67 72 61 6D 20 78             ;   no program x
        ",
    );
}

#[test]
fn power_status() {
    let nothing = PowerStatus {
        backend: Backend::None,
        boot: BOOT,
        pending: None,
        last: None,
        refused: Text::new(),
    };
    check_reply(
        &Reply::PowerStatus(nothing),
        0x11,
        "
        00                                              ; backend: 0 None
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        00                                              ; pending: none
        00                                              ; last: none
        00                                              ; refused: 0 bytes
        ",
    );
    let both = PowerStatus {
        backend: Backend::DryRun,
        boot: BOOT,
        pending: Some(Pending {
            id: OperationId(9),
            operation: Operation::GracefulReboot,
            phase: Phase::Draining,
            left: Some(Millis(250)),
        }),
        last: Some(LastOperation {
            id: OperationId(9),
            operation: Operation::GracefulReboot,
            outcome: Outcome::DryRun(Evidence::Unknowable),
            boot: BOOT,
        }),
        refused: Text::new(),
    };
    check_reply(
        &Reply::PowerStatus(both),
        0x11,
        "
        01                                              ; backend: 1 DryRun
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        01                                              ; pending: some
        09                                              ;   id: 9
        02                                              ;   operation: 2 GracefulReboot
        01                                              ;   phase: 1 Draining
        01                                              ;   left_ms: some
        FA 01                                           ;     value: 250
        01                                              ; last: some
        09                                              ;   id: 9
        02                                              ;   operation: 2 GracefulReboot
        06                                              ;   outcome: 6 DryRun
        05                                              ;     evidence: 5 Unknowable
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ;   boot
        00                                              ; refused: 0 bytes
        ",
    );
}

#[test]
fn cancelled() {
    let cancelled = Cancelled {
        id: OperationId(7),
        operation: Operation::Reboot,
    };
    check_reply(
        &Reply::Cancelled(cancelled),
        0x12,
        "
        07          ; id: 7
        00          ; operation: 0 Reboot
        ",
    );
}

#[test]
fn already_done() {
    let forgotten = AlreadyDone {
        boot: BOOT,
        cause: Cause::Unknown,
        last: None,
    };
    check_reply(
        &Reply::AlreadyDone(forgotten),
        0x13,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        00                                              ; cause: 0 Unknown
        00                                              ; last: none
        ",
    );
    let proven = AlreadyDone {
        boot: BOOT,
        cause: Cause::Requested,
        last: Some(done_before()),
    };
    check_reply(
        &Reply::AlreadyDone(proven),
        0x13,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        01                                              ; cause: 1 Requested
        01                                              ; last: some
        07                                              ;   id: 7
        00                                              ;   operation: 0 Reboot
        02                                              ;   outcome: 2 Done
        01                                              ;     evidence: 1 PeerAcked
        F0 E0 D0 C0 B0 A0 90 80 70 60 50 40 30 20 10 00 ;   boot
        ",
    );
}
