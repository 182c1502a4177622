//! The bodies of every reply that is not about power.

use super::{BOOT, bytes, check_reply, full_identity, small_identity, text};
use lastword_protocol::message::{BadBody, Pending, Reply, Status, Uptime, Working};
use lastword_protocol::power::{Operation, Phase};
use lastword_protocol::refusal::{Code, DETAIL_BYTES, Refusal};
use lastword_protocol::{Millis, OperationId, Text};

#[test]
fn done() {
    check_reply(&Reply::Done, 0x00, "");
}

#[test]
fn identity_of_a_board_that_remembers_nothing() {
    check_reply(
        &Reply::Identity(small_identity()),
        0x01,
        "
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
fn identity_with_every_field_at_its_most() {
    check_reply(
        &Reply::Identity(full_identity()),
        0x01,
        "
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
fn status() {
    let idle = Status {
        boot: BOOT,
        uptime: Millis(0),
        agent_uptime: Millis(0),
        sessions: 0,
        memory_available_kib: 0,
        load_hundredths: 0,
        pending: None,
        waiting: Text::new(),
        failing_logs: 0,
        certificate_left: None,
    };
    check_reply(
        &Reply::Status(idle),
        0x02,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        00                                              ; uptime_ms: 0
        00                                              ; agent_uptime_ms: 0
        00                                              ; sessions: 0
        00                                              ; memory_available_kib: 0
        00                                              ; load_hundredths: 0
        00                                              ; pending: none
        00                                              ; waiting: 0 bytes
        00                                              ; failing_logs: 0
        00                                              ; certificate_left_ms: none
        ",
    );
}

#[test]
fn status_at_work() {
    let at_work = Status {
        boot: BOOT,
        uptime: Millis(86_400_000),
        agent_uptime: Millis(12_345),
        sessions: 300,
        memory_available_kib: 2_097_152,
        load_hundredths: 127,
        pending: Some(Pending {
            id: OperationId(7),
            operation: Operation::GracefulReboot,
            phase: Phase::Scheduled,
            left: Some(Millis(29_999)),
        }),
        waiting: Text::new(),
        failing_logs: 0,
        certificate_left: None,
    };
    check_reply(
        &Reply::Status(at_work),
        0x02,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        80 B8 99 29                                     ; uptime_ms: 86400000
        B9 60                                           ; agent_uptime_ms: 12345
        AC 02                                           ; sessions: 300
        80 80 80 01                                     ; memory_available_kib: 2097152
        7F                                              ; load_hundredths: 127
        01                                              ; pending: some
        07                                              ;   id: 7
        02                                              ;   operation: 2 GracefulReboot
        02                                              ;   phase: 2 Scheduled
        01                                              ;   left_ms: some
        AF EA 01                                        ;     value: 29999
        00                                              ; waiting: 0 bytes
        00                                              ; failing_logs: 0
        00                                              ; certificate_left_ms: none
        ",
    );
}

#[test]
fn status_of_a_board_that_waits_cannot_write_and_needs_a_certificate() {
    let status = Status {
        boot: BOOT,
        uptime: Millis(1),
        agent_uptime: Millis(1),
        sessions: 1,
        memory_available_kib: 0,
        load_hundredths: 0,
        pending: None,
        waiting: text("tcp [::1]:7450"),
        failing_logs: 300,
        certificate_left: Some(Millis(86_400_000)),
    };
    check_reply(
        &Reply::Status(status),
        0x02,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        01                                              ; uptime_ms: 1
        01                                              ; agent_uptime_ms: 1
        01                                              ; sessions: 1
        00                                              ; memory_available_kib: 0
        00                                              ; load_hundredths: 0
        00                                              ; pending: none
        0E                                              ; waiting: 14 bytes
        74 63 70 20 5B 3A 3A 31 5D 3A 37 34 35 30       ;   tcp [::1]:7450
        AC 02                                           ; failing_logs: 300
        01                                              ; certificate_left_ms: some
        80 B8 99 29                                     ;   value: 86400000
        ",
    );
}

#[test]
fn refused_with_a_cause() {
    let refusal = Refusal::new(Code::NotHere, "invalid command").because("no space left on device");
    check_reply(
        &Reply::Refused(refusal),
        0x7F,
        "
        F5 03                                           ; code: 501 not_here
        0F                                              ; detail: 15 bytes
        69 6E 76 61 6C 69 64 20 63 6F 6D 6D 61 6E 64    ;   invalid command
        17                                              ; cause: 23 bytes
        6E 6F 20 73 70 61 63 65 20 6C 65 66 74 20 6F 6E ;   no space left on
        20 64 65 76 69 63 65                            ;    device
        ",
    );
}

#[test]
fn status_at_its_longest() {
    let status = Status {
        boot: BOOT,
        uptime: Millis(u64::MAX),
        agent_uptime: Millis(u64::MAX),
        sessions: u16::MAX,
        memory_available_kib: u32::MAX,
        load_hundredths: u32::MAX,
        pending: Some(Pending {
            id: OperationId(u64::MAX),
            operation: Operation::GracefulShutdown,
            phase: Phase::Released,
            left: None,
        }),
        waiting: Text::new(),
        failing_logs: 0,
        certificate_left: None,
    };
    check_reply(
        &Reply::Status(status),
        0x02,
        "
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        FF*9 01                                         ; uptime_ms: 18446744073709551615
        FF*9 01                                         ; agent_uptime_ms: 18446744073709551615
        FF FF 03                                        ; sessions: 65535
        FF FF FF FF 0F                                  ; memory_available_kib: 4294967295
        FF FF FF FF 0F                                  ; load_hundredths: 4294967295
        01                                              ; pending: some
        FF*9 01                                         ;   id: 18446744073709551615
        03                                              ;   operation: 3 GracefulShutdown
        03                                              ;   phase: 3 Released
        00                                              ;   left_ms: none
        00                                              ; waiting: 0 bytes
        00                                              ; failing_logs: 0
        00                                              ; certificate_left_ms: none
        ",
    );
}

#[track_caller]
fn check_uptime(uptime: u64, vector: &str) {
    let uptime = Uptime {
        uptime: Millis(uptime),
        boot: BOOT,
    };
    check_reply(&Reply::Uptime(uptime), 0x03, vector);
}

#[test]
fn uptime() {
    check_uptime(
        0,
        "
        00                                              ; uptime_ms: 0
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        ",
    );
    check_uptime(
        93_784_000,
        "
        C0 8F DC 2C                                     ; uptime_ms: 93784000
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        ",
    );
    check_uptime(
        u64::MAX,
        "
        FF*9 01                                         ; uptime_ms: 18446744073709551615
        00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF ; boot
        ",
    );
}

#[test]
fn unsupported() {
    check_reply(
        &Reply::Unsupported(0x55),
        0x7E,
        "
        55          ; opcode: 0x55
        ",
    );
    check_reply(&Reply::Unsupported(0xFF), 0x7E, "FF");
}

#[track_caller]
fn check_refused(code: Code, detail: &str, vector: &str) {
    check_reply(&Reply::Refused(Refusal::new(code, detail)), 0x7F, vector);
}

#[test]
fn refused() {
    check_refused(
        Code::Syntax,
        "",
        "
        90 03       ; code: 400 syntax
        00          ; detail: 0 bytes
        00 ; cause: 0 bytes
        ",
    );
    check_refused(
        Code::NotHere,
        "invalid command",
        "
        F5 03                                        ; code: 501 not_here
        0F                                           ; detail: 15 bytes
        69 6E 76 61 6C 69 64 20 63 6F 6D 6D 61 6E 64 ;   invalid command
        00 ; cause: 0 bytes
        ",
    );
    check_refused(
        Code::Internal,
        "fail",
        "
        F4 03       ; code: 500 internal
        04          ; detail: 4 bytes
        66 61 69 6C ;   fail
        00 ; cause: 0 bytes
        ",
    );
    check_refused(
        Code::Aborted,
        &"é".repeat(DETAIL_BYTES / 2),
        "
        F3 03                                           ; code: 499 aborted
        60                                              ; detail: 96 bytes
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 ;   é, 48 times
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9 C3 A9
        00 ; cause: 0 bytes
        ",
    );
}

#[test]
fn a_client_cannot_read_a_reply_of_another_opcode() {
    let mut known = bytes("00 01 02 03 10 11 12 13 7E 7F");
    if cfg!(feature = "services") {
        known.push(0x20);
    }
    if cfg!(feature = "transfer") {
        known.push(0x30);
    }
    for opcode in (0..=u8::MAX).filter(|opcode| !known.contains(opcode)) {
        assert_eq!(
            Reply::decode(opcode, b"\x00"),
            Err(BadBody::Malformed(opcode))
        );
    }
}

#[test]
fn working() {
    let reload = Working {
        elapsed: Millis(1_000),
        left: None,
    };
    check_reply(
        &Reply::Working(reload),
        0x7D,
        "
        E8 07 ; elapsed_ms: 1000
        00    ; left_ms: none
        ",
    );
    let stop = Working {
        elapsed: Millis(5_000),
        left: Some(Millis(25_000)),
    };
    check_reply(
        &Reply::Working(stop),
        0x7D,
        "
        88 27     ; elapsed_ms: 5000
        01        ; left_ms: some
        A8 C3 01  ;   value: 25000
        ",
    );
    let longest = Working {
        elapsed: Millis(u64::MAX),
        left: Some(Millis(u64::MAX)),
    };
    check_reply(
        &Reply::Working(longest),
        0x7D,
        "
        FF*9 01 ; elapsed_ms: 18446744073709551615
        01      ; left_ms: some
        FF*9 01 ;   value: 18446744073709551615
        ",
    );
}
