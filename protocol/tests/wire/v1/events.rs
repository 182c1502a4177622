//! Events, as they stand in event frames, and the request for them.
//!
//! Not among what an emulated microcontroller is shown: it has none.

use super::{ROOM, bytes};
use lastword_protocol::message::event::{
    BoardEvent, EventTopic, EventTopics, EventsRequest, LinkKind, PowerEvent, PowerStep,
    ServiceEvent, SessionEnd, SessionEvent,
};
use lastword_protocol::message::service::ServiceState;
use lastword_protocol::message::{BadRequest, Request};
use lastword_protocol::power::{Evidence, Operation, Standdown};
use lastword_protocol::{Millis, OperationId};

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
    for wrong in [
        "08 00 00 ; topics: one that there is not",
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
    for (number, link) in [("02", LinkKind::Serial), ("03", LinkKind::Pty)] {
        let vector = format!("{number} 05 70 69 64 20 39 00 ; link, pid 9, no end");
        check_session(link, None, &vector);
    }
}
