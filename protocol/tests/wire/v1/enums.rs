//! Every value of every enum. A new value does not compile until its bytes stand here.

use super::{BOOT, check_reply, check_request, small_identity};
use lastword_protocol::identity::{BoardKind, BootSource, Cause, Identity};
use lastword_protocol::message::{
    AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Reply, Request,
};
use lastword_protocol::power::{
    Backend, Evidence, LastOperation, Operation, Outcome, Phase, PowerRequest, Standdown,
};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{OperationId, Text};

/// [`BOOT`], as bytes.
const BOOT_BYTES: &str = "00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF";

const fn of_operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Reboot => "00",
        Operation::Shutdown => "01",
        Operation::GracefulReboot => "02",
        Operation::GracefulShutdown => "03",
    }
}

const fn of_backend(backend: Backend) -> &'static str {
    match backend {
        Backend::None => "00",
        Backend::DryRun => "01",
        Backend::Linux => "02",
        Backend::Mcu => "03",
    }
}

const fn of_evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::PeerClosed => "00",
        Evidence::PeerAcked => "01",
        Evidence::UartEmpty => "02",
        Evidence::HandedToBridge => "03",
        Evidence::Forced => "04",
        Evidence::Unknowable => "05",
    }
}

const fn of_standdown(standdown: Standdown) -> &'static str {
    match standdown {
        Standdown::AckFailed => "00",
        Standdown::LinkLost => "01",
        Standdown::NotDrained => "02",
        Standdown::Cancelled => "03",
        Standdown::RecordFailed => "04",
        Standdown::AgentStopped => "05",
    }
}

const fn of_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Staged => "00",
        Phase::Draining => "01",
        Phase::Scheduled => "02",
        Phase::Released => "03",
    }
}

const fn of_boot_source(source: BootSource) -> &'static str {
    match source {
        BootSource::Kernel => "00",
        BootSource::RetainedCounter => "01",
        BootSource::Process => "02",
    }
}

const fn of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Unknown => "00",
        Cause::Requested => "01",
        Cause::External => "02",
        Cause::PowerOn => "03",
        Cause::Watchdog => "04",
    }
}

const fn of_kind(kind: BoardKind) -> &'static str {
    match kind {
        BoardKind::Linux => "00",
        BoardKind::Mcu => "01",
        BoardKind::Simulated => "02",
    }
}

/// An errno that has a byte of its own, and ones that take two and three.
fn of_outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Staged => "00".to_owned(),
        Outcome::Released(evidence) => format!("01 {}", of_evidence(evidence)),
        Outcome::Done(evidence) => format!("02 {}", of_evidence(evidence)),
        Outcome::FireFailed(0) => "03 00".to_owned(),
        Outcome::FireFailed(127) => "03 7F".to_owned(),
        Outcome::FireFailed(300) => "03 AC 02".to_owned(),
        Outcome::FireFailed(0xFFFF) => "03 FF FF 03".to_owned(),
        Outcome::FireFailed(other) => panic!("{other} has no vector"),
        Outcome::StoodDown(why) => format!("04 {}", of_standdown(why)),
        Outcome::Interrupted => "05".to_owned(),
        Outcome::DryRun(evidence) => format!("06 {}", of_evidence(evidence)),
    }
}

const EVIDENCE: [Evidence; 6] = [
    Evidence::PeerClosed,
    Evidence::PeerAcked,
    Evidence::UartEmpty,
    Evidence::HandedToBridge,
    Evidence::Forced,
    Evidence::Unknowable,
];

const STANDDOWNS: [Standdown; 6] = [
    Standdown::AckFailed,
    Standdown::LinkLost,
    Standdown::NotDrained,
    Standdown::Cancelled,
    Standdown::RecordFailed,
    Standdown::AgentStopped,
];

#[test]
fn operations() {
    for operation in Operation::ALL {
        let byte = of_operation(operation);
        let asked = Request::Power(PowerRequest::plain(operation));
        check_request(&asked, 0x10, &format!("{byte} 00*6"));
        let id = OperationId(7);
        let cancelled = Reply::Cancelled(Cancelled { id, operation });
        check_reply(&cancelled, 0x12, &format!("07 {byte}"));
    }
}

#[test]
fn backends() {
    for backend in [Backend::None, Backend::DryRun, Backend::Linux, Backend::Mcu] {
        let initiated = Initiated {
            operation: Operation::Shutdown,
            backend,
            id: OperationId(7),
        };
        let vector = format!("01 {} 07", of_backend(backend));
        check_reply(&Reply::Initiated(initiated), 0x10, &vector);
    }
}

#[track_caller]
fn check_outcome(outcome: Outcome) {
    let status = PowerStatus {
        backend: Backend::Linux,
        boot: BOOT,
        pending: None,
        last: Some(LastOperation {
            id: OperationId(300),
            operation: Operation::GracefulReboot,
            outcome,
            boot: BOOT,
        }),
        refused: Text::new(),
    };
    let outcome = of_outcome(outcome);
    let vector = format!("02 {BOOT_BYTES} 00 01 AC 02 02 {outcome} {BOOT_BYTES} 00");
    check_reply(&Reply::PowerStatus(status), 0x11, &vector);
}

#[test]
fn outcomes_evidence_and_standdowns() {
    for evidence in EVIDENCE {
        check_outcome(Outcome::Released(evidence));
        check_outcome(Outcome::Done(evidence));
        check_outcome(Outcome::DryRun(evidence));
    }
    for errno in [0, 127, 300, 0xFFFF] {
        check_outcome(Outcome::FireFailed(errno));
    }
    for why in STANDDOWNS {
        check_outcome(Outcome::StoodDown(why));
    }
    check_outcome(Outcome::Staged);
    check_outcome(Outcome::Interrupted);
}

#[test]
fn phases() {
    for phase in [
        Phase::Staged,
        Phase::Draining,
        Phase::Scheduled,
        Phase::Released,
    ] {
        let status = PowerStatus {
            backend: Backend::Mcu,
            boot: BOOT,
            pending: Some(Pending {
                id: OperationId(7),
                operation: Operation::Reboot,
                phase,
                left: None,
            }),
            last: None,
            refused: Text::new(),
        };
        let vector = format!("03 {BOOT_BYTES} 01 07 00 {} 00 00 00", of_phase(phase));
        check_reply(&Reply::PowerStatus(status), 0x11, &vector);
    }
}

/// Checks an identity that differs from [`small_identity`] in these three.
#[track_caller]
fn check_identity(boot_source: BootSource, cause: Cause, kind: BoardKind) {
    let identity = Identity {
        boot_source,
        cause,
        kind,
        ..small_identity()
    };
    let three = [of_boot_source(boot_source), of_cause(cause), of_kind(kind)].join(" ");
    let rest = "04 6C 61 62 37 05 30 2E 31 2E 30 00 01 80 04 08 00 80 DC FF 87 0C 00 00 00";
    let vector = format!("01 01 {BOOT_BYTES} {three} {rest}");
    check_reply(&Reply::Identity(identity), 0x01, &vector);
}

#[test]
fn boot_sources_causes_and_kinds() {
    for source in [
        BootSource::Kernel,
        BootSource::RetainedCounter,
        BootSource::Process,
    ] {
        check_identity(source, Cause::Unknown, BoardKind::Linux);
    }
    for kind in [BoardKind::Linux, BoardKind::Mcu, BoardKind::Simulated] {
        check_identity(BootSource::Kernel, Cause::Unknown, kind);
    }
    for cause in [
        Cause::Unknown,
        Cause::Requested,
        Cause::External,
        Cause::PowerOn,
        Cause::Watchdog,
    ] {
        check_identity(BootSource::Kernel, cause, BoardKind::Linux);
        let (boot, last) = (BOOT, None);
        let already = Reply::AlreadyDone(AlreadyDone { boot, cause, last });
        check_reply(
            &already,
            0x13,
            &format!("{BOOT_BYTES} {} 00", of_cause(cause)),
        );
    }
}

/// Number, symbol and bytes.
const CODES: [(u16, &str, &str); 15] = [
    (400, "syntax", "90 03"),
    (401, "login", "91 03"),
    (403, "not_allowed", "93 03"),
    (404, "unknown", "94 03"),
    (408, "timeout", "98 03"),
    (409, "busy", "99 03"),
    (412, "confirm_needed", "9C 03"),
    (413, "too_long", "9D 03"),
    (415, "mode", "9F 03"),
    (422, "bad_value", "A6 03"),
    (429, "slow_down", "AD 03"),
    (499, "aborted", "F3 03"),
    (500, "internal", "F4 03"),
    (501, "not_here", "F5 03"),
    (503, "offline", "F7 03"),
];

#[test]
fn codes() {
    assert_eq!(Code::ALL.len(), CODES.len());
    for (code, (number, symbol, vector)) in Code::ALL.iter().zip(CODES) {
        assert_eq!((code.number(), code.symbol()), (number, symbol));
        let refused = Reply::Refused(Refusal::new(*code, ""));
        check_reply(&refused, 0x7F, &format!("{vector} 00 00"));
    }
}
