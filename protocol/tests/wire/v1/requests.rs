//! The bodies of every request.

use super::{BOOT, OTHER_BOOT, bytes, check_request, text};
use lastword_protocol::message::{BadRequest, Request};
use lastword_protocol::power::{Operation, PowerRequest, REASON_BYTES};
use lastword_protocol::{Millis, OperationId};

#[test]
fn requests_without_fields_have_empty_bodies() {
    for (request, opcode) in [
        (Request::Identity, 0x01),
        (Request::Status, 0x02),
        (Request::Uptime, 0x03),
        (Request::PowerStatus, 0x11),
        (Request::Reboot, 0x13),
        (Request::Shutdown, 0x14),
    ] {
        check_request(&request, opcode, "");
    }
}

#[test]
fn power_with_nothing_said_besides() {
    check_request(
        &Request::Power(PowerRequest::plain(Operation::Reboot)),
        0x10,
        "
        00          ; operation: 0 Reboot
        00          ; delay_ms: 0
        00          ; force: false
        00          ; await_close: false
        00          ; id: none
        00          ; boot: none
        00          ; reason: 0 bytes
        ",
    );
}

#[test]
fn power_with_everything_said() {
    let request = PowerRequest {
        operation: Operation::GracefulShutdown,
        delay: Millis(30_000),
        force: true,
        await_close: true,
        id: Some(OperationId(OperationId::CLIENT_MAX)),
        boot: Some(BOOT),
        reason: text("rollout 7"),
    };
    check_request(
        &Request::Power(request),
        0x10,
        "
        03                                              ; operation: 3 GracefulShutdown
        B0 EA 01                                        ; delay_ms: 30000
        01                                              ; force: true
        01                                              ; await_close: true
        01                                              ; id: some
        FF FF FF FF 0F                                  ;   value: 4294967295
        01                                              ; boot: some
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ;   boot
        09                                              ; reason: 9 bytes
        72 6F 6C 6C 6F 75 74 20 37                      ;   rollout 7
        ",
    );
}

#[test]
fn power_at_its_longest() {
    let request = PowerRequest {
        operation: Operation::Shutdown,
        delay: Millis(u64::MAX),
        force: false,
        await_close: true,
        id: Some(OperationId(u64::MAX)),
        boot: Some(OTHER_BOOT),
        reason: text(&"é".repeat(REASON_BYTES / 2)),
    };
    check_request(
        &Request::Power(request),
        0x10,
        "
        01                                              ; operation: 1 Shutdown
        FF*9 01                                         ; delay_ms: 18446744073709551615
        00                                              ; force: false
        01                                              ; await_close: true
        01                                              ; id: some
        FF*9 01                                         ;   value: 18446744073709551615
        01                                              ; boot: some
        F0 E0 D0 C0 B0 A0 90 80 70 60 50 40 30 20 10 00 ;   boot
        40                                              ; reason: 64 bytes
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 ;   é, 32 times
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        ",
    );
}

#[test]
fn power_cancel() {
    check_request(
        &Request::PowerCancel(None),
        0x12,
        "
        00          ; id: none
        ",
    );
    check_request(
        &Request::PowerCancel(Some(OperationId(7))),
        0x12,
        "
        01          ; id: some
        07          ;   value: 7
        ",
    );
    check_request(
        &Request::PowerCancel(Some(OperationId(0x0001_DEAD_BEEF_FFFF))),
        0x12,
        "
        01                   ; id: some
        FF FF BF F7 DB D5 77 ;   value: 0x0001_DEAD_BEEF_FFFF
        ",
    );
}

#[test]
fn every_other_opcode_is_unsupported() {
    let mut known = bytes("01 02 03 10 11 12 13 14");
    if cfg!(feature = "services") {
        known.extend(0x20..=0x29);
        known.push(0x40);
        known.extend(0x50..=0x5A);
    }
    if cfg!(feature = "transfer") {
        known.extend(0x30..=0x33);
    }
    for opcode in (0..=u8::MAX).filter(|opcode| !known.contains(opcode)) {
        for body in [b"".as_slice(), b"\x00\x01\x02"] {
            assert_eq!(
                Request::decode(opcode, body),
                Err(BadRequest::Unsupported(opcode))
            );
        }
    }
}
