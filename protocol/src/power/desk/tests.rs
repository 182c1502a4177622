//! What the desk answers, and what it lets happen.

use super::*;
use crate::message::Reply;
use crate::power::{Operation, Phase};
use crate::refusal::{Code, Refusal};

const BOOT: BootId = BootId([1; 16]);
const ORIGIN: Origin = Origin {
    assigned: OperationId(1 << 48),
    wire_time: Millis(5),
    is_connection: true,
};

fn desk(backend: Backend) -> Desk {
    let board = Board {
        boot: BOOT,
        cause: Cause::External,
        backend,
        drain_cap: Millis(2_000),
    };
    Desk::new(board, None)
}

fn request(id: u64) -> PowerRequest {
    PowerRequest {
        id: Some(OperationId(id)),
        ..PowerRequest::plain(Operation::Reboot)
    }
}

fn staged(backend: Backend) -> Desk {
    let mut desk = desk(backend);
    assert!(matches!(desk.ask(&request(7), ORIGIN), Verdict::Prepare));
    let reply = desk.prepared(Instant(0), true);
    assert!(matches!(
        reply,
        Some(Answer::Initiated {
            id: OperationId(7),
            ..
        })
    ));
    desk
}

#[track_caller]
fn check_refused(verdict: &Verdict, code: Code, detail: &str) {
    let Verdict::Answer(answer) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(Reply::Refused(answer.refusal()), refused(code, detail));
}

fn refused(code: Code, detail: &str) -> Reply {
    Reply::Refused(Refusal::new(code, detail))
}

#[test]
fn a_board_that_cannot_says_so_in_the_words_older_clients_know() {
    for operation in Operation::ALL {
        let mut none = desk(Backend::None);
        let (code, detail) = if operation.is_graceful() {
            (Code::Internal, "fail")
        } else {
            (Code::NotHere, "invalid command")
        };
        check_refused(
            &none.ask(&PowerRequest::plain(operation), ORIGIN),
            code,
            detail,
        );

        let mut unready = desk(Backend::Linux);
        unready.ask(&PowerRequest::plain(operation), ORIGIN);
        assert_eq!(
            unready
                .prepared(Instant(0), false)
                .map(|no| unready.reply(no)),
            Some(refused(code, detail))
        );
        assert_eq!(unready.last(), None);
        assert_eq!(unready.status(Instant(0)).pending, None);
    }
}

#[test]
fn a_second_operation_is_refused_while_one_is_staged() {
    let mut desk = desk(Backend::Linux);
    desk.ask(&request(7), ORIGIN);
    check_refused(&desk.ask(&request(8), ORIGIN), Code::Busy, "reboot op=7");
    desk.prepared(Instant(0), true);
    check_refused(&desk.ask(&request(8), ORIGIN), Code::Busy, "reboot op=7");
}

#[test]
fn the_same_id_waits_for_its_preparation_and_another_is_refused_meanwhile() {
    let mut desk = desk(Backend::Linux);
    assert!(matches!(desk.ask(&request(7), ORIGIN), Verdict::Prepare));
    assert_eq!(desk.ask(&request(7), ORIGIN), Verdict::Wait);
    check_refused(&desk.ask(&request(8), ORIGIN), Code::Busy, "reboot op=7");
}

#[test]
fn the_same_id_gets_the_same_answer_and_stages_nothing_new() {
    let mut desk = staged(Backend::DryRun);
    let initiated = Answer::Initiated {
        operation: Operation::Reboot,
        id: OperationId(7),
    };
    assert_eq!(desk.ask(&request(7), ORIGIN), Verdict::Answer(initiated));
    for (at, event) in [
        (1, Event::AckWritten),
        (2, Event::Drained(Evidence::PeerAcked)),
        (3, Event::Recorded),
        (4, Event::FireFailed(0)),
    ] {
        assert!(desk.step(Instant(at), event).is_some(), "{event:?}");
    }
    assert_eq!(
        desk.last().map(|last| last.outcome),
        Some(Outcome::DryRun(Evidence::PeerAcked))
    );
    let initiated = Answer::Initiated {
        operation: Operation::Reboot,
        id: OperationId(7),
    };
    assert_eq!(desk.ask(&request(7), ORIGIN), Verdict::Answer(initiated));
    assert!(matches!(desk.ask(&request(8), ORIGIN), Verdict::Prepare));
}

#[test]
fn the_id_of_an_operation_that_stood_down_is_answered_with_why() {
    let mut desk = staged(Backend::Linux);
    desk.step(Instant(1), Event::AckFailed);
    check_refused(
        &desk.ask(&request(7), ORIGIN),
        Code::Aborted,
        "reboot op=7: ack_failed",
    );
}

#[test]
fn another_boot_or_an_id_from_before_it_is_already_done() {
    let board = *desk(Backend::Linux).board();
    let last = LastOperation {
        id: OperationId(7),
        operation: Operation::Reboot,
        outcome: Outcome::Done(Evidence::UartEmpty),
        boot: BootId([9; 16]),
    };
    let mut desk = Desk::new(board, Some(last));
    let fenced = PowerRequest {
        boot: Some(last.boot),
        ..request(8)
    };
    for request in [fenced, request(7)] {
        let verdict = desk.ask(&request, ORIGIN);
        assert_eq!(verdict, Verdict::Answer(Answer::AlreadyDone));
        assert_eq!(
            desk.reply(Answer::AlreadyDone),
            Reply::<&str>::AlreadyDone(AlreadyDone {
                boot: BOOT,
                cause: Cause::External,
                last: Some(last)
            })
        );
    }
    let meant = PowerRequest {
        boot: Some(BOOT),
        ..request(8)
    };
    assert!(matches!(desk.ask(&meant, ORIGIN), Verdict::Prepare));
}

#[test]
fn an_id_that_is_not_the_clients_to_choose_is_refused() {
    for id in [0, OperationId::CLIENT_MAX + 1, ORIGIN.assigned.0] {
        let verdict = desk(Backend::Linux).ask(&request(id), ORIGIN);
        check_refused(&verdict, Code::BadValue, "op is not in 1..=4294967295");
    }
}

#[test]
fn nobody_is_waited_for_to_close_a_line() {
    let closing = PowerRequest {
        await_close: true,
        ..request(7)
    };
    let line = Origin {
        is_connection: false,
        ..ORIGIN
    };
    let mut desk = desk(Backend::Linux);
    let detail = "await_close needs a connection; this is a line";
    check_refused(&desk.ask(&closing, line), Code::BadValue, detail);
    assert_eq!(desk.order(), None);
    assert_eq!(desk.ask(&request(7), line), Verdict::Prepare);
}

#[test]
fn a_client_that_will_close_has_the_whole_cap_for_it() {
    let request = PowerRequest {
        await_close: true,
        ..request(7)
    };
    let mut desk = desk(Backend::Linux);
    assert_eq!(desk.ask(&request, ORIGIN), Verdict::Prepare);
    assert_eq!(desk.order().map(|order| order.drain), Some(Millis(2_000)));
}

#[test]
fn the_drain_deadline_follows_the_wire_within_its_bounds() {
    for (wire_time, drain) in [(0, 250), (62, 250), (63, 252), (499, 1_996), (9_999, 2_000)] {
        let origin = Origin {
            wire_time: Millis(wire_time),
            ..ORIGIN
        };
        let mut desk = desk(Backend::Linux);
        assert_eq!(desk.ask(&request(7), origin), Verdict::Prepare);
        let order = desk.order().expect("what is prepared");
        assert_eq!(order.drain, Millis(drain), "wire time {wire_time} ms");
    }
}

#[test]
fn cancelling_names_what_it_called_off_and_says_what_it_could_not() {
    let mut idle = desk(Backend::Linux);
    let (nothing, effect) = idle.cancel(Instant(0), None);
    assert_eq!(
        idle.reply(nothing),
        refused(Code::Unknown, "no power operation is staged")
    );
    assert_eq!(effect, None);

    let mut desk = staged(Backend::Linux);
    let (other, effect) = desk.cancel(Instant(0), Some(OperationId(8)));
    assert_eq!(desk.reply(other), refused(Code::Unknown, "staged is op=7"));
    assert_eq!(effect, None);

    let (reply, effect) = desk.cancel(Instant(0), None);
    let cancelled = Answer::Cancelled {
        id: OperationId(7),
        operation: Operation::Reboot,
    };
    assert_eq!(reply, cancelled);
    assert_eq!(effect, Some(Effect::Stand(Standdown::Cancelled)));
    assert_eq!(desk.status(Instant(0)).pending, None);
}

#[test]
fn nothing_can_be_cancelled_once_it_is_released() {
    let mut desk = staged(Backend::Linux);
    desk.step(Instant(1), Event::AckWritten);
    desk.step(Instant(2), Event::Drained(Evidence::UartEmpty));
    let (reply, effect) = desk.cancel(Instant(3), None);
    assert_eq!(
        desk.reply(reply),
        refused(Code::Busy, "it can be cancelled no more, or not yet")
    );
    assert_eq!(effect, None);
    assert_eq!(
        desk.status(Instant(3)).pending.map(|pending| pending.phase),
        Some(Phase::Released)
    );
}
