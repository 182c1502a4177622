//! Events, as they stand in event frames, and the request for them.
//!
//! Not among what an emulated microcontroller is shown: it has none.

use super::{ROOM, bytes, counting_from};
use lastword_protocol::message::event::{
    BoardEvent, CheckEvent, EventTopic, EventTopics, EventsRequest, LinkKind, PowerEvent,
    PowerStep, RolloutEvent, ServiceEvent, SessionEnd, SessionEvent,
};
use lastword_protocol::message::service::ServiceState;
use lastword_protocol::message::{BadRequest, Request};
use lastword_protocol::power::{Evidence, Operation, Standdown};
use lastword_protocol::rollout::{RolloutStep, SOAK_FAILED};
use lastword_protocol::{Generation, Millis, OperationId};

/// The event has this form; bytes behind it change nothing, and no part of it is enough.
#[track_caller]
fn check(event: BoardEvent<'_>, vector: &str) {
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let length = event.encode(&mut out).expect("room");
    assert_eq!(out[..length], body, "encoding {event:?}");
    let derived = postcard::to_slice(&event, &mut out).expect("room");
    assert_eq!(derived, body, "encoding {event:?} with serde");
    assert_eq!(BoardEvent::decode(&body), Some(event));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(BoardEvent::decode(&longer), Some(event));
    for cut in 0..body.len() {
        assert_eq!(BoardEvent::decode(&body[..cut]), None, "{cut} bytes");
    }
}

/// The request has this body; bytes behind it change nothing, and no part of it is enough.
#[track_caller]
fn check_request(request: EventsRequest, vector: &str) {
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let request = Request::Events(request);
    let length = request.encode(&mut out).expect("room");
    assert_eq!((request.opcode(), &out[..length]), (0x40, &*body));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    for whole in [&body, &longer] {
        assert_eq!(Request::decode(0x40, whole).as_ref(), Ok(&request));
    }
    for cut in 0..body.len() {
        let truncated = Request::decode(0x40, &body[..cut]);
        assert_eq!(truncated, Err(BadRequest::Malformed(0x40)), "{cut} bytes");
    }
}

#[test]
fn a_request_for_events_names_topics_by_bits() {
    check_request(
        EventsRequest {
            topics: EventTopics::NONE
                .with(EventTopic::Power)
                .with(EventTopic::Sessions),
            tail: 300,
            follow: true,
        },
        "
        05              ; topics: Power and Sessions
        AC 02           ; tail: 300
        01              ; follow: true
        ",
    );
    check_request(
        EventsRequest {
            topics: EventTopics::NONE.with(EventTopic::Rollouts),
            tail: 0,
            follow: false,
        },
        "
        08              ; topics: Rollouts
        00              ; tail: 0
        00              ; follow: false
        ",
    );
    check_request(
        EventsRequest {
            topics: EventTopics::ALL,
            tail: 0,
            follow: false,
        },
        "
        1F              ; topics: all five
        00              ; tail: 0
        00              ; follow: false
        ",
    );
    for wrong in [
        "20 00 00 ; topics: one that there is not",
        "3F 00 00 ; topics: all, and one that there is not",
        "00 00 00 ; topics: none",
    ] {
        let malformed = Err(BadRequest::Malformed(0x40));
        assert_eq!(Request::decode(0x40, &bytes(wrong)), malformed);
    }
}

#[track_caller]
fn check_power(step: PowerStep, vector: &str) {
    let event = PowerEvent {
        at_unix_ms: 300,
        id: OperationId(7),
        operation: Operation::GracefulReboot,
        step,
    };
    let front = "
        00      ; 0 Power
        AC 02   ; at_unix_ms: 300
        07      ; id: 7
        02      ; operation: 2 GracefulReboot
    ";
    check(BoardEvent::Power(event), &format!("{front}{vector}"));
}

#[test]
fn an_operation_has_phases_and_one_outcome() {
    check_power(PowerStep::Staged, "00 ; step: 0 Staged");
    check_power(PowerStep::Draining, "01 ; step: 1 Draining");
    check_power(
        PowerStep::Scheduled(Millis(300)),
        "
        02      ; step: 2 Scheduled
        AC 02   ;   left_ms: 300
        ",
    );
    check_power(
        PowerStep::Released(Evidence::UartEmpty),
        "
        03      ; step: 3 Released
        02      ;   2 UartEmpty
        ",
    );
    check_power(PowerStep::Fired, "04 ; step: 4 Fired");
    check_power(
        PowerStep::StoodDown(Standdown::Cancelled),
        "
        05      ; step: 5 StoodDown
        03      ;   3 Cancelled
        ",
    );
    check_power(
        PowerStep::FireFailed(300),
        "
        06      ; step: 6 FireFailed
        AC 02   ;   errno: 300
        ",
    );
    check_power(
        PowerStep::DryRun(Evidence::PeerAcked),
        "
        07      ; step: 7 DryRun
        01      ;   1 PeerAcked
        ",
    );
}

#[test]
fn a_service_goes_from_one_state_to_another() {
    let event = ServiceEvent {
        at_unix_ms: 1,
        name: "cam",
        from: ServiceState::Running,
        to: ServiceState::Failed,
        reason: "no",
    };
    check(
        BoardEvent::Service(event),
        "
        01              ; 1 Service
        01              ; at_unix_ms: 1
        03 63 61 6D     ; name: cam
        02              ; from: 2 Running
        07              ; to: 7 Failed
        02 6E 6F        ; reason: no
        ",
    );
}

#[track_caller]
fn check_session(link: LinkKind, end: Option<SessionEnd>, vector: &str) {
    let event = SessionEvent {
        at_unix_ms: 1,
        number: 300,
        link,
        peer: "pid 9",
        end,
    };
    let front = "
        02                  ; 2 Session
        01                  ; at_unix_ms: 1
        AC 02               ; number: 300
    ";
    check(BoardEvent::Session(event), &format!("{front}{vector}"));
}

#[test]
fn a_session_begins_and_ends() {
    check_session(
        LinkKind::Unix,
        None,
        "
        01                  ; link: 1 Unix
        05 70 69 64 20 39   ; peer: pid 9
        00                  ; end: none
        ",
    );
    for (number, end) in [
        ("00", SessionEnd::Finished),
        ("01", SessionEnd::Silent),
        ("02", SessionEnd::Idle),
        ("03", SessionEnd::Stalled),
        ("04", SessionEnd::LinkFailed),
    ] {
        let vector = format!("00 05 70 69 64 20 39 01 {number} ; 0 Tcp, pid 9, some end");
        check_session(LinkKind::Tcp, Some(end), &vector);
    }
    for (number, link) in [
        ("02", LinkKind::Serial),
        ("03", LinkKind::Pty),
        ("04", LinkKind::Tls),
    ] {
        let vector = format!("{number} 05 70 69 64 20 39 00 ; link, pid 9, no end");
        check_session(link, None, &vector);
    }
}

#[test]
fn a_health_check_holds_or_not() {
    let held = CheckEvent {
        at_unix_ms: 300,
        target: Generation(counting_from(0xA0)),
        soak_left: Some(Millis(200)),
        name: "web",
        has_passed: true,
        failures: 0,
        failures_max: 3,
        detail: "",
    };
    let front = "
        04                                              ; 4 Check
        AC 02                                           ; at_unix_ms: 300
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; target
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
    ";
    let rest = "
        01 C8 01        ; soak_left_ms: some, 200
        03 77 65 62     ; name: web
        01              ; passed: true
        00              ; failures: 0
        03              ; failures_max: 3
        00              ; detail: empty
    ";
    check(BoardEvent::Check(held), &format!("{front}{rest}"));
    let failed = CheckEvent {
        soak_left: None,
        has_passed: false,
        failures: 2,
        detail: "no",
        ..held
    };
    let rest = "
        00              ; soak_left_ms: none
        03 77 65 62     ; name: web
        00              ; passed: false
        02              ; failures: 2
        03              ; failures_max: 3
        02 6E 6F        ; detail: no
    ";
    check(BoardEvent::Check(failed), &format!("{front}{rest}"));
}

#[track_caller]
fn check_rollout(step: RolloutStep<'_>, vector: &str) {
    let event = RolloutEvent {
        at_unix_ms: 300,
        target: Generation(counting_from(0xA0)),
        step,
    };
    let front = "
        03                                              ; 3 Rollout
        AC 02                                           ; at_unix_ms: 300
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; target
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
    ";
    check(BoardEvent::Rollout(event), &format!("{front}{vector}"));
}

#[test]
fn a_rollout_goes_forward() {
    check_rollout(
        RolloutStep::ActivationStarted {
            switch_method: "symlink",
        },
        "
        00                      ; step: 0 ActivationStarted
        07 73 79 6D 6C 69 6E 6B ;   switch_method: symlink
        ",
    );
    check_rollout(
        RolloutStep::ActivationCompleted {
            observed: Generation(counting_from(0xC0)),
        },
        "
        01                                              ; step: 1 ActivationCompleted
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ;   observed
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        ",
    );
    check_rollout(
        RolloutStep::ActivationDeferred {
            component: "kernel",
        },
        "
        02                      ; step: 2 ActivationDeferred
        06 6B 65 72 6E 65 6C    ;   component: kernel
        ",
    );
    check_rollout(RolloutStep::SoakCompleted, "04 ; step: 4 SoakCompleted");
}

#[test]
fn a_rollout_fails_and_goes_back() {
    let failed = |code, detail| RolloutStep::ActivationFailed { code, detail };
    check_rollout(
        failed(SOAK_FAILED, "no"),
        "
        03              ; step: 3 ActivationFailed
        07              ;   code: -4, zigzag
        02 6E 6F        ;   detail: no
        ",
    );
    check_rollout(
        failed(75, ""),
        "
        03              ; step: 3 ActivationFailed
        96 01           ;   code: 75, zigzag: 150
        00              ;   detail: empty
        ",
    );
    check_rollout(
        failed(i32::MIN, ""),
        "
        03              ; step: 3 ActivationFailed
        FF FF FF FF 0F  ;   code: -2147483648
        00              ;   detail: empty
        ",
    );
    check_rollout(RolloutStep::RollbackStarted, "05 ; step: 5 RollbackStarted");
    check_rollout(
        RolloutStep::RollbackCompleted { reverted_to: None },
        "
        06              ; step: 6 RollbackCompleted
        00              ;   reverted_to: none
        ",
    );
    check_rollout(
        RolloutStep::RollbackCompleted {
            reverted_to: Some(Generation(counting_from(0xC0))),
        },
        "
        06                                              ; step: 6 RollbackCompleted
        01                                              ;   reverted_to: some
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ;     value
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        ",
    );
    check_rollout(RolloutStep::Cancelled, "07 ; step: 7 Cancelled");
}

#[test]
fn an_event_with_a_value_out_of_its_table_is_none() {
    let front = "03 01 AA*32 ; Rollout, at_unix_ms: 1, target";
    for wrong in [
        "08 ; no such step",
        "06 02 ; an option is 0 or 1",
        "03 FF FF FF FF 1F 00 ; a code of 33 bits",
        "02 02 C3 28 ; a component that is no UTF-8",
    ] {
        let body = bytes(&format!("{front}\n{wrong}"));
        assert_eq!(BoardEvent::decode(&body), None, "{wrong}");
    }
    assert_eq!(
        BoardEvent::decode(&bytes("04 01 AA*32 07 ; no such event")),
        None
    );
}
