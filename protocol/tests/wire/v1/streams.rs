//! The frames of streams: chunks, credit for them, and the end.
//!
//! Not among what an emulated microcontroller is shown: it has no supervisor, and no stream.

use super::{NONCE, bytes, text};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::message::event::{BoardEvent, ServiceEvent};
use lastword_protocol::message::service::ServiceState;
use lastword_protocol::message::service::{Item, Page};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::stream::{
    CHUNK_BODY_BYTES, StreamChunk, StreamControl, StreamCredit, StreamEnd, StreamFrame, StreamId,
    StreamIdle,
};
use lastword_protocol::{Nonce, Sequence};

const FRAME_BYTES: usize = 530;

/// A frame of this class and opcode, whose body is `body`, is read as `expected`; one with bytes behind that,
/// too, and no part of it.
#[track_caller]
fn check<T: PartialEq + std::fmt::Debug>(
    packet: &Packet<FRAME_BYTES>,
    (class, opcode): (Class, u8),
    vector: &str,
    expected: &T,
    read: impl Fn(&Frame<'_>) -> Option<T>,
) {
    let body = bytes(vector);
    let header = Header::new(class, Sequence(0), opcode);
    let framed = |body: &[u8]| -> Packet<FRAME_BYTES> {
        frame::encode(header, NONCE, |out| {
            out.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        })
        .expect("room")
    };
    assert_eq!(*packet, framed(&body), "encoding {expected:?}");
    let read = |body: &[u8]| {
        let mut packet = framed(body);
        let end = packet.len() - 1;
        read(&frame::decode(&mut packet[1..end], Some(NONCE)).expect("a frame"))
    };
    assert_eq!(read(&body).as_ref(), Some(expected));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(read(&longer).as_ref(), Some(expected));
    for cut in 0..body.len() {
        assert_eq!(read(&body[..cut]), None, "{cut} bytes");
    }
}

#[track_caller]
fn check_chunk(chunk: &StreamChunk, vector: &str) {
    let kind = (Class::Data, 0x00);
    check_frame(&StreamFrame::Chunk(chunk.clone()), kind, vector);
}

#[track_caller]
fn check_frame(expected: &StreamFrame, kind: (Class, u8), vector: &str) {
    let packet = expected.frame(NONCE).expect("room");
    check(&packet, kind, vector, expected, StreamFrame::read);
}

#[track_caller]
fn check_control(control: StreamControl, opcode: u8, vector: &str) {
    let packet = control.frame(NONCE).expect("room");
    let kind = (Class::Credit, opcode);
    check(&packet, kind, vector, &control, StreamControl::read);
}

fn page() -> Page {
    let mut page = Page::default();
    assert!(page.push(&Item::Next {
        from: 128,
        missed: 1,
    }));
    page
}

fn chunk(end: Option<StreamEnd>, page: Page) -> StreamChunk {
    StreamChunk {
        stream: StreamId(300),
        sequence: 0x8_0000_0001,
        offset: 1_000,
        dropped: 5,
        end,
        page,
    }
}

#[test]
fn a_chunk_and_its_ends() {
    check_chunk(
        &chunk(None, page()),
        "
        AC 02           ; stream: 300
        81 80 80 80 80 01 ; sequence: 0x800000001
        E8 07           ; offset: 1000
        05              ; dropped: 5
        00              ; end: none
        04              ; items: 4 bytes
        04              ; item: 4 Next
        80 01           ; from: 128
        01              ; missed: 1
        ",
    );
    check_chunk(
        &chunk(Some(StreamEnd::Complete), page()),
        "
        AC 02           ; stream: 300
        81 80 80 80 80 01 ; sequence: 0x800000001
        E8 07           ; offset: 1000
        05              ; dropped: 5
        01 00           ; end: 0 Complete
        04              ; items: 4 bytes
        04              ; item: 4 Next
        80 01           ; from: 128
        01              ; missed: 1
        ",
    );
    let mut refusal = Refusal::new(Code::Unknown, "no");
    refusal.cause = text("x");
    check_chunk(
        &chunk(Some(StreamEnd::Refused(refusal)), Page::default()),
        "
        AC 02           ; stream: 300
        81 80 80 80 80 01 ; sequence: 0x800000001
        E8 07           ; offset: 1000
        05              ; dropped: 5
        01 01           ; end: 1 Refused
        94 03           ;   code: 404 unknown
        02 6E 6F        ;   detail: no
        01 78           ;   cause: x
        00              ; items: 0 bytes
        ",
    );
    check_chunk(
        &StreamChunk::unknown(StreamId(7)),
        "
        07              ; stream: 7
        00              ; sequence: 0
        00              ; offset: 0
        00              ; dropped: 0
        01 02           ; end: 2 Unknown
        00              ; items: 0 bytes
        ",
    );
}

#[test]
fn a_chunk_of_events_is_of_their_class() {
    let event = BoardEvent::Service(ServiceEvent {
        at_unix_ms: 300,
        name: "cam",
        from: ServiceState::Running,
        to: ServiceState::Backoff,
        reason: "no",
    });
    let mut page = Page::default();
    assert!(page.push(&Item::EventsDropped {
        sequence: 128,
        count: 5,
    }));
    assert!(page.push(&Item::Event {
        sequence: 130,
        event,
    }));
    check_frame(
        &StreamFrame::Events(chunk(None, page)),
        (Class::Event, 0x00),
        "
        AC 02           ; stream: 300
        81 80 80 80 80 01 ; sequence: 0x800000001
        E8 07           ; offset: 1000
        05              ; dropped: 5
        00              ; end: none
        13              ; items: 19 bytes
        06              ; item: 6 EventsDropped
        80 01           ; sequence: 128
        05              ; count: 5
        05              ; item: 5 Event
        82 01           ; sequence: 130
        01              ; event: 1 Service
        AC 02           ;   at_unix_ms: 300
        03 63 61 6D     ;   name: cam
        02              ;   from: 2 Running
        04              ;   to: 4 Backoff
        02 6E 6F        ;   reason: no
        ",
    );
}

#[test]
fn nothing_yet() {
    let idle = StreamIdle {
        stream: StreamId(300),
        next: 128,
    };
    check_frame(
        &StreamFrame::Idle(idle),
        (Class::Data, 0x02),
        "
        AC 02           ; stream: 300
        80 01           ; next: 128
        ",
    );
}

#[test]
fn credit_and_cancel() {
    let credit = StreamCredit {
        stream: StreamId(300),
        acknowledged: 128,
        limit: 136,
        again: true,
    };
    check_control(
        StreamControl::Credit(credit),
        0x00,
        "
        AC 02           ; stream: 300
        80 01           ; acknowledged: 128
        88 01           ; limit: 136
        01              ; again: true
        ",
    );
    check_control(
        StreamControl::Cancel(StreamId(300)),
        0x01,
        "AC 02 ; stream: 300",
    );
}

#[test]
fn the_longest_chunk_fits_a_frame_of_512_bytes() {
    const { assert!(CHUNK_BODY_BYTES <= 512) };
    let longest = |end| {
        let mut page = Page::default();
        let bytes = [b'x'; 320];
        let line = |bytes| Item::Line {
            at_unix_ms: u64::MAX,
            stream: lastword_protocol::message::service::LogStream::Out,
            continues: false,
            bytes,
        };
        assert!(page.push(&line(&bytes)));
        while page.push(&line(b"")) {}
        StreamChunk {
            stream: StreamId(u32::MAX),
            sequence: u64::MAX,
            offset: u64::MAX,
            dropped: u64::MAX,
            end,
            page,
        }
    };
    for end in [None, Some(StreamEnd::Complete)] {
        let frame = StreamFrame::Chunk(longest(end));
        assert!(frame.frame::<FRAME_BYTES>(Nonce(1)).is_ok());
    }
}
