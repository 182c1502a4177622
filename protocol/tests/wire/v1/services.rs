//! The bodies of requests about services, and of their answers.
//!
//! Not among what an emulated microcontroller is shown: it has no supervisor.

use super::{ROOM, bytes, text};
use lastword_protocol::Millis;
use lastword_protocol::message::service::{
    Brief, Change, Item, LogStream, Logs, Page, ServiceExit, ServiceRequest, ServiceState, Step,
};
use lastword_protocol::message::{BadBody, BadRequest, Reply, Request};
use lastword_protocol::stream::StreamId;

#[track_caller]
fn check_request(request: ServiceRequest, opcode: u8, vector: &str) {
    let request = Request::Service(request);
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let length = request.encode(&mut out).expect("room");
    assert_eq!(request.opcode(), opcode);
    assert_eq!(out[..length], body, "encoding {request:?}");
    assert_eq!(Request::decode(opcode, &body).as_ref(), Ok(&request));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(Request::decode(opcode, &longer).as_ref(), Ok(&request));
    for cut in 0..body.len() {
        let truncated = Request::decode(opcode, &body[..cut]);
        assert_eq!(truncated, Err(BadRequest::Malformed(opcode)), "{cut} bytes");
    }
}

/// A page of these items has this body; bytes behind it change nothing, and no part of it is enough.
#[track_caller]
pub(super) fn check_page(stream: Option<StreamId>, items: &[Item<'_>], vector: &str) {
    let mut page = Page::default();
    page.stream = stream;
    assert!(items.iter().all(|item| page.push(item)), "it fits");
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let reply = Reply::Items(page);
    let length = reply.encode(&mut out).expect("room");
    assert_eq!(reply.opcode(), 0x20);
    assert_eq!(out[..length], body, "encoding {items:?}");
    let read = Reply::decode(0x20, &body);
    assert_eq!(read.as_ref(), Ok(&reply));
    let Ok(Reply::Items(page)) = &read else {
        panic!("{read:?}");
    };
    assert!(page.items().eq(items.iter().cloned()));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(Reply::decode(0x20, &longer).as_ref(), Ok(&reply));
    for cut in 0..body.len() {
        let truncated = Reply::decode(0x20, &body[..cut]);
        assert_eq!(truncated, Err(BadBody::Malformed(0x20)), "{cut} bytes");
    }
}

#[test]
fn requests_without_fields_have_empty_bodies() {
    check_request(ServiceRequest::List, 0x20, "");
    check_request(ServiceRequest::Reload, 0x25, "");
}

#[test]
fn requests_name_a_service_or_mean_all() {
    check_request(
        ServiceRequest::Status(text("cam")),
        0x21,
        "03 63 61 6D ; name: cam",
    );
    check_request(ServiceRequest::Start(None), 0x22, "00 ; name: none");
    check_request(
        ServiceRequest::Stop(Some(text("cam"))),
        0x23,
        "
        01              ; name: some
        03 63 61 6D     ;   value: cam
        ",
    );
    check_request(ServiceRequest::Restart(None), 0x24, "00 ; name: none");
}

#[test]
fn a_stop_may_have_a_grace_of_its_own() {
    check_request(
        ServiceRequest::StopWithin(Some(text("cam")), Millis(300)),
        0x28,
        "
        01              ; name: some
        03 63 61 6D     ;   value: cam
        AC 02           ; grace_ms: 300
        ",
    );
    check_request(
        ServiceRequest::RestartWithin(None, Millis(0)),
        0x29,
        "
        00              ; name: none
        00              ; grace_ms: 0
        ",
    );
}

#[test]
fn logs_from_the_end_and_from_a_line() {
    let logs = |from, follow| {
        ServiceRequest::Logs(Logs {
            name: text("cam"),
            from,
            lines: 300,
            follow,
        })
    };
    check_request(
        logs(None, false),
        0x26,
        "
        03 63 61 6D     ; name: cam
        00              ; from: none
        AC 02           ; lines: 300
        00              ; follow: false
        ",
    );
    check_request(
        logs(Some(128), true),
        0x26,
        "
        03 63 61 6D     ; name: cam
        01              ; from: some
        80 01           ;   value: 128
        AC 02           ; lines: 300
        01              ; follow: true
        ",
    );
}

#[test]
fn a_page_of_services() {
    let running = Brief {
        name: "cam",
        state: ServiceState::Running,
        pid: Some(300),
        port: 8_421,
        uptime: Some(Millis(1_000)),
        restarts: 2,
        last_exit: Some(ServiceExit::Signal(9)),
        memory_kib: 640,
        log_failing: true,
        file_changed: true,
        reason: "",
    };
    let stopped = Brief {
        name: "a",
        state: ServiceState::Stopped,
        pid: None,
        port: 0,
        uptime: None,
        restarts: 0,
        last_exit: None,
        memory_kib: 0,
        log_failing: false,
        file_changed: false,
        reason: "no",
    };
    check_page(
        Some(StreamId(300)),
        &[Item::Service(running), Item::Service(stopped)],
        "
        01 AC 02        ; stream: 300
        26              ; items: 38 bytes
        00              ; item: 0 Service
        03 63 61 6D     ; name: cam
        02              ; state: 2 Running
        01 AC 02        ; pid: 300
        E5 41           ; port: 8421
        01 E8 07        ; uptime_ms: 1000
        02              ; restarts: 2
        01 01 09        ; last_exit: 1 Signal(9)
        80 05           ; memory_kib: 640
        01              ; log_failing: true
        01              ; file_changed: true
        00              ; reason: empty
        00              ; item: 0 Service
        01 61           ; name: a
        00              ; state: 0 Stopped
        00              ; pid: none
        00              ; port: 0
        00              ; uptime_ms: none
        00              ; restarts: 0
        00              ; last_exit: none
        00              ; memory_kib: 0
        00              ; log_failing: false
        00              ; file_changed: false
        02 6E 6F        ; reason: no
        ",
    );
}

#[test]
fn a_page_of_everything_else() {
    let step = Step {
        from: ServiceState::Backoff,
        to: ServiceState::Failed,
        at_unix_ms: 300,
        reason: "no",
    };
    let changed = Item::Changed {
        name: "cam",
        change: Change::Broken,
        detail: "x",
    };
    let line = Item::Line {
        at_unix_ms: 300,
        stream: LogStream::Err,
        continues: true,
        bytes: b"\xFF\x00",
    };
    let next = Item::Next {
        from: 128,
        missed: 1,
    };
    check_page(
        None,
        &[Item::Transition(step), changed, line, next],
        "
        00              ; stream: none
        1C              ; items: 28 bytes
        01              ; item: 1 Transition
        04              ; from: 4 Backoff
        07              ; to: 7 Failed
        AC 02           ; at_unix_ms: 300
        02 6E 6F        ; reason: no
        02              ; item: 2 Changed
        03 63 61 6D     ; name: cam
        0A              ; change: 10 Broken
        01 78           ; detail: x
        03              ; item: 3 Line
        AC 02           ; at_unix_ms: 300
        01              ; stream: 1 Err
        01              ; continues: true
        02 FF 00        ; bytes: 2
        04              ; item: 4 Next
        80 01           ; from: 128
        01              ; missed: 1
        ",
    );
    check_page(None, &[], "00 00 ; stream: none, items: 0 bytes");
}

#[test]
fn words_keep_their_numbers() {
    let states = [
        ServiceState::Stopped,
        ServiceState::Starting,
        ServiceState::Running,
        ServiceState::Restarting,
        ServiceState::Backoff,
        ServiceState::Adopted,
        ServiceState::Stopping,
        ServiceState::Failed,
    ];
    let changes = [
        Change::Started,
        Change::AlreadyRunning,
        Change::Stopped,
        Change::NotRunning,
        Change::Restarted,
        Change::Failed,
        Change::Added,
        Change::Removed,
        Change::Changed,
        Change::Unchanged,
        Change::Broken,
        Change::FileChanged,
    ];
    for (number, state) in states.into_iter().enumerate() {
        let step = Step {
            from: state,
            to: state,
            at_unix_ms: 0,
            reason: "",
        };
        let number = format!("{number:02x}");
        let vector = format!("00 05 01 {number} {number} 00 00");
        check_page(None, &[Item::Transition(step)], &vector);
    }
    for (number, change) in changes.into_iter().enumerate() {
        let item = Item::Changed {
            name: "",
            change,
            detail: "",
        };
        check_page(None, &[item], &format!("00 04 02 00 {number:02x} 00"));
    }
}
