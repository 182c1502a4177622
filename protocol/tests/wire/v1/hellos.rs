//! The bodies of every hello opcode.

use super::{BOOT, CLIENT, NONCE, ROOM, bytes, full_identity, small_identity, text};
use crate::witness::{Of, saw};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::hello::{self, Busy, Hello, VersionRefused, Welcome};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{ClientId, Millis, Nonce, Sequence};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// `packet` carries this opcode and body, and the body says `value`; bytes behind it change
/// nothing, and no part of it is enough.
#[track_caller]
fn check<T: DeserializeOwned + Debug + PartialEq>(
    packet: &Packet<ROOM>,
    opcode: u8,
    value: &T,
    vector: &str,
) {
    let body = bytes(vector);
    let mut packet = packet.clone();
    let end = packet.len() - 1;
    let frame = frame::decode(&mut packet[1..end], None).expect("a frame");
    saw(Of::Hello(opcode), &body);
    assert_eq!(frame.header.class, Class::Hello);
    assert_eq!(frame.header.opcode, opcode);
    assert_eq!(frame.body, body, "encoding {value:?}");
    let read = |body: &[u8]| {
        let header = Header::new(Class::Hello, Sequence(1), opcode);
        let nonce = frame::HELLO_NONCE;
        hello::decode::<T>(&Frame {
            header,
            body,
            nonce,
        })
    };
    assert_eq!(read(&body).as_ref(), Some(value));
    assert_eq!(
        read(&[body.as_slice(), b"\xFF\x00"].concat()).as_ref(),
        Some(value)
    );
    for cut in 0..body.len() {
        assert_eq!(read(&body[..cut]), None, "{cut} bytes");
    }
}

#[track_caller]
fn check_hello(hello: &Hello, vector: &str) {
    check(
        &hello::ask(Sequence(1), hello).expect("room"),
        0x00,
        hello,
        vector,
    );
}

#[track_caller]
fn check_welcome(welcome: &Welcome, vector: &str) {
    check(
        &hello::welcome(Sequence(1), welcome).expect("room"),
        0x01,
        welcome,
        vector,
    );
}

#[track_caller]
fn check_busy(busy: &Busy, vector: &str) {
    check(
        &hello::busy(Sequence(1), busy).expect("room"),
        0x02,
        busy,
        vector,
    );
}

#[test]
fn hello_refused() {
    let full = Refusal::new(Code::SlowDown, "too many sessions");
    check(
        &hello::refused(Sequence(1), &full).expect("room"),
        0x06,
        &full,
        "
        AD 03                                              ; code: 429
        11                                                 ; detail: 17 bytes
        74 6F 6F 20 6D 61 6E 79 20 73 65 73 73 69 6F 6E 73 ;   too many sessions
        00                                                 ; cause: 0 bytes
        ",
    );
    let longest = Refusal::new(Code::Offline, &"n".repeat(96));
    check(
        &hello::refused(Sequence(1), &longest).expect("room"),
        0x06,
        &longest,
        "
        F7 03       ; code: 503
        60          ; detail: 96 bytes
        6E*96       ;   n, 96 times
        00          ; cause: 0 bytes
        ",
    );
}

#[test]
fn hello() {
    let usual = Hello {
        client: CLIENT,
        oldest: 1,
        current: 1,
        take_over: false,
        name: text("alice@desk"),
    };
    check_hello(
        &usual,
        "
        88 8E 98 A8 C0 E0 80 81 01    ; client: 0x0102030405060708
        01                            ; oldest: 1
        01                            ; current: 1
        00                            ; take_over: false
        0A                            ; name: 10 bytes
        61 6C 69 63 65 40 64 65 73 6B ;   alice@desk
        ",
    );
    let longest = Hello {
        client: ClientId(u64::MAX),
        take_over: true,
        name: text(&"é".repeat(16)),
        ..usual.clone()
    };
    check_hello(
        &longest,
        "
        FF*9 01                                         ; client: 0xFFFFFFFFFFFFFFFF
        01                                              ; oldest: 1
        01                                              ; current: 1
        01                                              ; take_over: true
        20                                              ; name: 32 bytes
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 ;   é, 16 times
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        ",
    );
    let shortest = Hello {
        client: ClientId(0),
        name: text(""),
        ..usual
    };
    check_hello(
        &shortest,
        "
        00          ; client: 0x0000000000000000
        01          ; oldest: 1
        01          ; current: 1
        00          ; take_over: false
        00          ; name: 0 bytes
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
    check_welcome(
        &welcome,
        "
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
        ",
    );
}

#[test]
fn welcome_back() {
    let welcome = Welcome {
        client: CLIENT,
        nonce: NONCE,
        resumed: true,
        identity: full_identity(),
    };
    check_welcome(
        &welcome,
        "
        88 8E 98 A8 C0 E0 80 81 01                      ; client: 0x0102030405060708
        E4 B9 D6 80 03                                  ; nonce: 0x30159CE4
        01                                              ; resumed: true
        01                                              ; oldest: 1
        01                                              ; current: 1
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        01                                              ; boot_source: 1 RetainedCounter
        01                                              ; cause: 1 Requested
        01                                              ; kind: 1 Mcu
        20                                              ; name: 32 bytes
        6E*32                                           ;   n, 32 times
        20                                              ; firmware: 32 bytes
        76*32                                           ;   v, 32 times
        20                                              ; build: 32 bytes
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 ;   é, 16 times
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        03                                              ; backend: 3 Mcu
        FF FF 03                                        ; mtu: 65535
        FF                                              ; window: 255
        FF FF FF FF 0F                                  ; capabilities: 4294967295
        FF FF FF FF 0F                                  ; schema: 0xFFFFFFFF
        01                                              ; last: some
        07                                              ;   id: 7
        00                                              ;   operation: 0 Reboot
        02                                              ;   outcome: 2 Done
        01                                              ;     evidence: 1 PeerAcked
        F0 E0 D0 C0 B0 A0 90 80 70 60 50 40 30 20 10 00 ;   boot
        01                                              ; active: some
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ;   generation
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        01                                              ; pending: some
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ;   generation
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
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
    check_busy(
        &busy,
        "
        88 8E 98 A8 C0 E0 80 81 01    ; owner: 0x0102030405060708
        DC 0B                         ; idle_ms: 1500
        0A                            ; name: 10 bytes
        61 6C 69 63 65 40 64 65 73 6B ;   alice@desk
        84 86 88 08                   ; nonce: 0x01020304
        90 BF 05                      ; owned_ms: 90000
        ",
    );
    let longest = Busy {
        owner: ClientId(u64::MAX),
        idle: Millis(u64::MAX),
        name: text(&"n".repeat(32)),
        nonce: Nonce(u32::MAX),
        owned: Millis(u64::MAX),
    };
    check_busy(
        &longest,
        "
        FF*9 01     ; owner: 18446744073709551615
        FF*9 01     ; idle_ms: 18446744073709551615
        20          ; name: 32 bytes
        6E*32       ;   n, 32 times
        FF*4 0F     ; nonce: 0xFFFFFFFF
        FF*9 01     ; owned_ms: 18446744073709551615
        ",
    );
}

#[test]
fn goodbye() {
    check(
        &hello::goodbye(CLIENT).expect("room"),
        0x04,
        &CLIENT,
        "
        88 8E 98 A8 C0 E0 80 81 01 ; client: 0x0102030405060708
        ",
    );
}

#[test]
fn version_refused() {
    let refused = VersionRefused {
        oldest: 1,
        current: 1,
    };
    check(
        &hello::version_refused(Sequence(1)).expect("room"),
        0x05,
        &refused,
        "
        01          ; oldest: 1
        01          ; current: 1
        ",
    );
}

#[test]
fn the_nonce_of_a_session_is_a_checksum_and_never_that_of_a_hello() {
    assert_eq!(frame::session_nonce(BOOT, CLIENT), NONCE);
    assert_eq!(frame::HELLO_NONCE, Nonce(0));
}

#[test]
fn versions_are_common_where_the_ranges_meet() {
    for (oldest, current, common) in [
        (0, 0, false),
        (0, 1, true),
        (1, 9, true),
        (2, 9, false),
        // Ranges that are none.
        (1, 0, false),
        (2, 1, false),
    ] {
        let hello = Hello {
            client: CLIENT,
            oldest,
            current,
            take_over: false,
            name: text(""),
        };
        assert_eq!(hello.has_common_version(), common, "{oldest}..={current}");
    }
}
