//! Whole frames: what is summed, and what goes over the wire.

use super::{CLIENT, NONCE, ROOM, bytes, small_identity, text};
use crate::witness::{Of, saw};
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::hello::{self, Busy, Hello, Welcome};
use lastword_protocol::message::{Initiated, Reply, Request, Uptime};
use lastword_protocol::power::{Backend, Operation, PowerRequest};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Millis, Nonce, OperationId, Sequence};

/// Undoes COBS by the letter of `WIRE.md`, apart from the code under test.
fn unstuffed(stuffed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = stuffed;
    while let Some((&code, behind)) = rest.split_first() {
        let (run, next) = behind.split_at(usize::from(code) - 1);
        plain.extend(run);
        if code != 0xFF && !next.is_empty() {
            plain.push(0);
        }
        rest = next;
    }
    plain
}

/// `packet` is `wire`, which holds `plain`: header, body and checksum. And it reads back.
#[track_caller]
pub(super) fn check(packet: &Packet<ROOM>, plain: &str, wire: &str) {
    let (plain, wire) = (bytes(plain), bytes(wire));
    let candidate = &wire[1..wire.len() - 1];
    assert_eq!(unstuffed(candidate), plain, "the vector itself");
    saw(Of::Frame, &[&NONCE.0.to_le_bytes(), candidate].concat());
    assert_eq!(packet.as_slice(), wire, "encoding");

    let mut candidate = candidate.to_vec();
    let frame = frame::decode(&mut candidate, Some(NONCE)).expect("a frame");
    let (body, header) = (&plain[5..plain.len() - 4], frame.header);
    assert_eq!(frame.body, body);
    assert_eq!(header.version << 4 | header.class as u8, plain[0]);
    assert_eq!(header.flags, plain[1]);
    assert_eq!(header.sequence.0.to_le_bytes(), plain[2..4]);
    assert_eq!(header.opcode, plain[4]);
}

fn request(sequence: u16, request: &Request) -> Packet<ROOM> {
    let header = Header::new(Class::Request, Sequence(sequence), request.opcode());
    frame::encode(header, NONCE, |out| request.encode(out).ok()).expect("room")
}

fn reply(sequence: u16, reply: &Reply) -> Packet<ROOM> {
    let header = Header::new(Class::Reply, Sequence(sequence), reply.opcode());
    frame::encode(header, NONCE, |out| reply.encode(out).ok()).expect("room")
}

#[test]
fn hello() {
    let hello = Hello {
        client: CLIENT,
        oldest: 1,
        current: 1,
        take_over: false,
        name: text("alice@desk"),
    };
    check(
        &hello::ask(Sequence(1), &hello).expect("room"),
        "
        10                            ; version 1, class 0 hello
        00                            ; flags
        01 00                         ; sequence: 1
        00                            ; opcode: 0x00 Hello
        88 8E 98 A8 C0 E0 80 81 01    ; client: 0x0102030405060708
        01                            ; oldest: 1
        01                            ; current: 1
        00                            ; take_over: false
        0A                            ; name: 10 bytes
        61 6C 69 63 65 40 64 65 73 6B ;   alice@desk
        38 F5 4C C2                   ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 02 01 01 0C 88 8E 98 A8 C0 E0 80 81 01
        01 01 10 0A 61 6C 69 63 65 40 64 65 73 6B 38 F5
        4C C2 00
        ",
    );
}

#[test]
fn welcome() {
    let welcome = Welcome {
        client: CLIENT,
        nonce: NONCE,
        resumed: false,
        identity: small_identity(),
    };
    check(
        &hello::welcome(Sequence(1), &welcome).expect("room"),
        "
        10                                              ; version 1, class 0 hello
        00                                              ; flags
        01 00                                           ; sequence: 1
        01                                              ; opcode: 0x01 Welcome
        88 8E 98 A8 C0 E0 80 81 01                      ; client: 0x0102030405060708
        E4 B9 D6 80 03                                  ; nonce: 0x30159CE4
        00                                              ; resumed: false
        01                                              ; oldest: 1
        01                                              ; current: 1
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        00                                              ; boot_source: 0 Kernel
        00                                              ; cause: 0 Unknown
        00                                              ; kind: 0 Linux
        04                                              ; name: 4 bytes
        6C 61 62 37                                     ;   lab7
        05                                              ; firmware: 5 bytes
        30 2E 31 2E 30                                  ;   0.1.0
        00                                              ; build: 0 bytes
        01                                              ; backend: 1 DryRun
        80 04                                           ; mtu: 512
        08                                              ; window: 8
        00                                              ; capabilities: 0
        80 DC FF 87 0C                                  ; schema: 0xC0FFEE00
        00                                              ; last: none
        00                                              ; active: none
        00                                              ; pending: none
        30 5B D9 57                                     ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 02 01 10 01 88 8E 98 A8 C0 E0 80 81 01
        E4 B9 D6 80 03 03 01 01 10 11 22 33 44 55 66 77
        88 99 AA BB CC DD EE FF 01 01 0C 04 6C 61 62 37
        05 30 2E 31 2E 30 05 01 80 04 08 06 80 DC FF 87
        0C 01 01 05 30 5B D9 57 00
        ",
    );
}

#[test]
fn hello_refused() {
    let full = Refusal::new(Code::SlowDown, "too many sessions");
    check(
        &hello::refused(Sequence(1), &full).expect("room"),
        "
        10                   ; version 1, class 0 hello
        00                   ; flags
        01 00                ; sequence: 1
        06                   ; opcode: 0x06 HelloRefused
        AD 03                ; code: 429
        11                   ; detail: 17 bytes
        74 6F 6F 20 6D 61 6E 79 20 73 65 73 73 69 6F 6E 73 ;   too many sessions
        00                   ; cause: 0 bytes
        15 9F D4 24          ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 02 01 16 06 AD 03 11 74 6F 6F 20 6D 61
        6E 79 20 73 65 73 73 69 6F 6E 73 05 15 9F D4 24
        00
        ",
    );
}

#[test]
fn busy() {
    let busy = Busy {
        owner: CLIENT,
        idle: Millis(1_500),
        name: text("alice@desk"),
        nonce: Nonce(0x0102_0304),
        owned: Millis(90_000),
    };
    check(
        &hello::busy(Sequence(1), &busy).expect("room"),
        "
        10                            ; version 1, class 0 hello
        00                            ; flags
        01 00                         ; sequence: 1
        02                            ; opcode: 0x02 Busy
        88 8E 98 A8 C0 E0 80 81 01    ; owner: 0x0102030405060708
        DC 0B                         ; idle_ms: 1500
        0A                            ; name: 10 bytes
        61 6C 69 63 65 40 64 65 73 6B ;   alice@desk
        84 86 88 08                   ; nonce: 0x01020304
        90 BF 05                      ; owned_ms: 90000
        55 97 FF B5                   ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 02 01 23 02 88 8E 98 A8 C0 E0 80 81 01
        DC 0B 0A 61 6C 69 63 65 40 64 65 73 6B 84 86 88
        08 90 BF 05 55 97 FF B5 00
        ",
    );
}

#[test]
fn goodbye() {
    check(
        &hello::goodbye(CLIENT).expect("room"),
        "
        10                         ; version 1, class 0 hello
        00                         ; flags
        00 00                      ; sequence: 0
        04                         ; opcode: 0x04 Goodbye
        88 8E 98 A8 C0 E0 80 81 01 ; client: 0x0102030405060708
        C3 E6 D6 31                ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 01 01 0F 04 88 8E 98 A8 C0 E0 80 81 01
        C3 E6 D6 31 00
        ",
    );
}

#[test]
fn version_refused() {
    check(
        &hello::version_refused(Sequence(1)).expect("room"),
        "
        10          ; version 1, class 0 hello
        00          ; flags
        01 00       ; sequence: 1
        05          ; opcode: 0x05 VersionRefused
        01          ; oldest: 1
        01          ; current: 1
        AE C7 EE 59 ; CRC-32 over 00 00 00 00 and all of the above
        ",
        "
        00 02 10 02 01 08 05 01 01 AE C7 EE 59 00
        ",
    );
}

#[test]
fn uptime_asked_and_told() {
    check(
        &request(1, &Request::Uptime),
        "
        11          ; version 1, class 1 request
        00          ; flags
        01 00       ; sequence: 1
        03          ; opcode: 0x03 Uptime
        8C 54 2B 0D ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 11 02 01 06 03 8C 54 2B 0D 00
        ",
    );
    let uptime = Uptime {
        uptime: Millis(93_784_000),
        boot: super::BOOT,
    };
    check(
        &reply(1, &Reply::Uptime(uptime)),
        "
        12                                              ; version 1, class 2 reply
        00                                              ; flags
        01 00                                           ; sequence: 1
        03                                              ; opcode: 0x03 Uptime
        C0 8F DC 2C                                     ; uptime_ms: 93784000
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        A7 9B CE F5                                     ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 02 01 06 03 C0 8F DC 2C 14 11 22 33 44
        55 66 77 88 99 AA BB CC DD EE FF A7 9B CE F5 00
        ",
    );
}

#[test]
fn a_reboot_asked_for_and_initiated() {
    let id = OperationId(7);
    let power = PowerRequest {
        id: Some(id),
        ..PowerRequest::plain(Operation::Reboot)
    };
    check(
        &request(2, &Request::Power(power)),
        "
        11          ; version 1, class 1 request
        00          ; flags
        02 00       ; sequence: 2
        10          ; opcode: 0x10 Power
        00          ; operation: 0 Reboot
        00          ; delay_ms: 0
        00          ; force: false
        00          ; await_close: false
        01          ; id: some
        07          ;   value: 7
        00          ; boot: none
        00          ; reason: 0 bytes
        49 DA 8B 92 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 11 02 02 02 10 01 01 01 03 01 07 01 05 49
        DA 8B 92 00
        ",
    );
    let initiated = Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id,
    };
    check(
        &reply(2, &Reply::Initiated(initiated)),
        "
        12          ; version 1, class 2 reply
        00          ; flags
        02 00       ; sequence: 2
        10          ; opcode: 0x10 Initiated
        00          ; operation: 0 Reboot
        01          ; backend: 1 DryRun
        07          ; id: 7
        35 73 CD A8 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 02 02 02 10 07 01 07 35 73 CD A8 00
        ",
    );
}

#[test]
fn refused() {
    let refusal = Refusal::new(Code::NotHere, "invalid command");
    check(
        &reply(3, &Reply::Refused(refusal)),
        "
        12                                           ; version 1, class 2 reply
        00                                           ; flags
        03 00                                        ; sequence: 3
        7F                                           ; opcode: 0x7F Refused
        F5 03                                        ; code: 501 not_here
        0F                                           ; detail: 15 bytes
        69 6E 76 61 6C 69 64 20 63 6F 6D 6D 61 6E 64 ;   invalid command
        00                                           ; cause: 0 bytes
        36 E4 4D D7                                  ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 02 03 14 7F F5 03 0F 69 6E 76 61 6C 69
        64 20 63 6F 6D 6D 61 6E 64 05 36 E4 4D D7 00
        ",
    );
}

#[test]
fn done_at_the_last_sequence_number() {
    check(
        &reply(0xFFFF, &Reply::Done),
        "
        12          ; version 1, class 2 reply
        00          ; flags
        FF FF       ; sequence: 65535
        00          ; opcode: 0x00 Done
        4E DC FC FF ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 03 FF FF 05 4E DC FC FF 00
        ",
    );
}

#[test]
fn unsupported() {
    check(
        &reply(4, &Reply::Unsupported(0x55)),
        "
        12          ; version 1, class 2 reply
        00          ; flags
        04 00       ; sequence: 4
        7E          ; opcode: 0x7E Unsupported
        55          ; opcode: 0x55
        8E 2B DB 06 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 02 04 07 7E 55 8E 2B DB 06 00
        ",
    );
}

#[test]
fn flags_are_ignored_on_receipt() {
    let header = Header {
        flags: 0xFF,
        ..Header::new(Class::Request, Sequence(1), 0x03)
    };
    let packet: Packet<ROOM> = frame::encode(header, NONCE, |_| Some(0)).expect("room");
    let mut candidate = packet[1..packet.len() - 1].to_vec();
    let frame = frame::decode(&mut candidate, Some(NONCE)).expect("a frame");
    assert_eq!(
        Request::decode(frame.header.opcode, frame.body),
        Ok(Request::Uptime)
    );
}
