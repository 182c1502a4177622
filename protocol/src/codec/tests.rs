//! What is written and read field by field is what postcard makes of the whole.

use super::*;
use crate::hello::{Busy, Greeting, Hello, Occupied, VersionRefused, Welcome, read_goodbye};
use crate::identity::{BoardKind, BootSource, Cause, Identity};
use crate::message::{
    AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Request, Status, Uptime, Working,
};
use crate::power::{
    Backend, Evidence, LastOperation, Operation, Outcome, Phase, PowerRequest, Standdown,
};
use crate::refusal::{Code, Refusal};
use proptest::prelude::*;
use serde::Serialize;

const BOOT: BootId = BootId([0xA5; 16]);
const ID: OperationId = OperationId(u64::MAX);

/// What is written field by field is what postcard makes of the whole, at any length of room.
#[track_caller]
fn check(body: &(impl Field + Serialize)) {
    let mut room = [0xAA; 300];
    let expected = postcard::to_slice(body, &mut room).unwrap();
    for length in 0..=expected.len() {
        let mut room = vec![0x55; length];
        let mut out = Writer::new(&mut room);
        body.write(&mut out);
        let fits = length == expected.len();
        assert_eq!(out.finish(), fits.then_some(length), "{expected:02x?}");
        assert_eq!(room, expected[..length]);
    }
}

fn outcomes() -> Vec<Outcome> {
    let evidence = Evidence::ALL.into_iter();
    let with_evidence = [Outcome::Released, Outcome::Done, Outcome::DryRun];
    evidence
        .flat_map(|evidence| with_evidence.map(|outcome| outcome(evidence)))
        .chain(Standdown::ALL.map(Outcome::StoodDown))
        .chain([0, 127, 128, u16::MAX].map(Outcome::FireFailed))
        .chain([Outcome::Staged, Outcome::Interrupted])
        .collect()
}

fn last(outcome: Outcome) -> LastOperation {
    LastOperation {
        id: ID,
        operation: Operation::GracefulShutdown,
        outcome,
        boot: BOOT,
    }
}

fn identity(kind: BoardKind, last: Option<LastOperation>) -> Identity {
    Identity {
        oldest: 0,
        current: 255,
        boot: BOOT,
        boot_source: BootSource::Process,
        cause: Cause::Watchdog,
        kind,
        name: Text::try_from("\u{e9}").unwrap(),
        firmware: Text::new(),
        build: Text::try_from("x".repeat(32).as_str()).unwrap(),
        backend: Backend::Mcu,
        mtu: u16::MAX,
        window: 128,
        capabilities: Capabilities(u32::MAX),
        schema: 0x8000_0000,
        last,
        active: Some(Generation([0xFF; 32])),
        pending: None,
    }
}

#[test]
fn a_number_is_written_as_postcard_writes_it() {
    for number in (0..64).map(|bits| u64::MAX >> bits).chain([0]) {
        for number in [number, number.wrapping_add(1)] {
            check(&number);
            let [a, b, c, d, ..] = number.to_le_bytes();
            check(&u32::from_le_bytes([a, b, c, d]));
            check(&u16::from_le_bytes([a, b]));
            check(&a);
        }
    }
}

#[test]
fn a_signed_number_is_written_as_postcard_writes_it() {
    for (number, bytes) in [
        (0, &[0x00][..]),
        (-1, &[0x01]),
        (1, &[0x02]),
        (-5, &[0x09]),
        (i32::MIN, &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]),
    ] {
        let mut room = [0; 5];
        let mut out = Writer::new(&mut room);
        number.write(&mut out);
        let length = out.finish().unwrap();
        assert_eq!(&room[..length], bytes, "{number}");
    }
    for bits in 0..32 {
        for number in [i32::MAX >> bits, i32::MIN >> bits] {
            for number in [number, number.wrapping_add(1), number.wrapping_sub(1)] {
                check(&number);
            }
        }
    }
}

#[test]
fn a_number_is_read_as_postcard_reads_it() {
    for more in 0..12 {
        for high in [0, 1, 0x7F, 0x80, 0x81, 0xFF] {
            for last in 0..=u8::MAX {
                let mut body = vec![high | 0x80; more];
                body.extend([last, 0x2A]);
                for end in 0..=body.len() {
                    let mut from = Reader::new(&body[..end]);
                    let number = from.number();
                    let read = from.rest;
                    let read = from.finish((number, read));
                    let expected = postcard::take_from_bytes::<u64>(&body[..end]).ok();
                    assert_eq!(read, expected, "{:02x?}", &body[..end]);
                }
            }
        }
    }
}

#[test]
fn a_hello_is_written_as_postcard_writes_it() {
    let (client, nonce) = (ClientId(u64::MAX), Nonce(1 << 31));
    for kind in [BoardKind::Linux, BoardKind::Mcu, BoardKind::Simulated] {
        let identity = identity(kind, Some(last(Outcome::Staged)));
        check(&identity);
        let resumed = true;
        check(&Welcome {
            client,
            nonce,
            resumed,
            identity,
        });
    }
    let name = Text::try_from("desk").unwrap();
    check(&Busy {
        owner: client,
        idle: Millis(300),
        name: name.clone(),
        nonce,
        owned: Millis(70_000),
    });
    check(&Hello {
        client,
        oldest: 1,
        current: 2,
        take_over: true,
        name,
    });
    check(&VersionRefused {
        oldest: 1,
        current: 200,
    });
}

#[test]
fn a_reply_is_written_as_postcard_writes_it() {
    for outcome in outcomes() {
        check(&last(outcome));
    }
    let pending = |phase, left| Pending {
        id: ID,
        operation: Operation::Reboot,
        phase,
        left,
    };
    let phases = [
        Phase::Staged,
        Phase::Draining,
        Phase::Scheduled,
        Phase::Released,
    ];
    for phase in phases {
        check(&PowerStatus {
            backend: Backend::Linux,
            boot: BOOT,
            pending: Some(pending(phase, Some(Millis(1 << 40)))),
            last: None,
            refused: crate::Text::new(),
        });
    }
    check(&Status {
        boot: BOOT,
        uptime: Millis(u64::MAX),
        agent_uptime: Millis(128),
        sessions: 1,
        memory_available_kib: u32::MAX,
        load_hundredths: 300,
        pending: Some(pending(Phase::Staged, None)),
        waiting: crate::Text::new(),
        failing_logs: 0,
        certificate_left: None,
    });
    check(&Uptime {
        uptime: Millis(0),
        boot: BOOT,
    });
    check(&AlreadyDone {
        boot: BOOT,
        cause: Cause::Requested,
        last: Some(last(Outcome::Staged)),
    });
    for left in [None, Some(Millis(25_000))] {
        let elapsed = Millis(1_000);
        check(&Working { elapsed, left });
    }
}

#[test]
fn the_answer_to_a_power_request_is_written_as_postcard_writes_it() {
    for operation in Operation::ALL {
        check(&Cancelled { id: ID, operation });
        for backend in [Backend::None, Backend::DryRun, Backend::Linux, Backend::Mcu] {
            check(&Initiated {
                operation,
                backend,
                id: ID,
            });
        }
    }
    for code in Code::ALL {
        check(&Refusal::new(*code, &"x".repeat(90)));
    }
}

#[test]
fn a_board_says_of_the_owner_what_a_host_reads() {
    let name = Text::try_from("desk").unwrap();
    let (owner, idle, nonce) = (ClientId(7), Millis(300), Nonce(1 << 31));
    let minute = Millis(60_000);
    let (mut room, mut same) = ([0; 40], [0; 40]);
    let mut out = Writer::new(&mut room);
    Occupied {
        owner,
        idle,
        name: name.as_bytes(),
        nonce,
        owned: minute,
    }
    .write(&mut out);
    let length = out.finish();
    let busy = Busy {
        owner,
        idle,
        name,
        nonce,
        owned: minute,
    };
    let expected = postcard::to_slice(&busy, &mut same).unwrap();
    assert_eq!(length.map(|length| &room[..length]), Some(&*expected));
}

/// A body that postcard made of `value`, or not quite.
fn body(value: &impl Serialize, cut: usize, flipped: usize) -> Vec<u8> {
    let mut room = [0; 200];
    let mut body = postcard::to_slice(value, &mut room).unwrap().to_vec();
    let bits = body.len() * 8;
    let bit = flipped % (2 * bits);
    if bit < bits {
        body[bit / 8] ^= 1 << (bit % 8);
    }
    body.truncate(cut);
    body
}

proptest! {
    #[test]
    fn a_power_request_is_read_as_postcard_reads_it(
        operation in prop::sample::select(&Operation::ALL[..]),
        delay: u64,
        flags: (bool, bool),
        id: Option<u64>,
        boot: Option<[u8; 16]>,
        reason in "\\PC{0,16}",
        cut in 0_usize..140,
        flipped: usize,
    ) {
        let request = PowerRequest {
            operation,
            delay: Millis(delay),
            force: flags.0,
            await_close: flags.1,
            id: id.map(OperationId),
            boot: boot.map(BootId),
            reason: Text::try_from(reason.as_str()).unwrap(),
        };
        let body = body(&request, cut, flipped);
        let expected = postcard::from_bytes(&body).ok().map(Request::Power);
        prop_assert_eq!(Request::decode(0x10, &body).ok(), expected);
    }

    #[test]
    fn a_cancellation_is_read_as_postcard_reads_it(
        id: Option<u64>, cut in 0_usize..12, flipped: usize,
    ) {
        let body = body(&id, cut, flipped);
        let expected: Option<Option<u64>> = postcard::from_bytes(&body).ok();
        let expected = expected.map(|id| Request::PowerCancel(id.map(OperationId)));
        prop_assert_eq!(Request::decode(0x12, &body).ok(), expected);
    }

    #[test]
    fn a_greeting_is_read_as_postcard_reads_it(
        client: u64, versions: (u8, u8), take_over: bool, name in "\\PC{0,8}",
        cut in 0_usize..60, flipped: usize,
    ) {
        let hello = Hello {
            client: ClientId(client),
            oldest: versions.0,
            current: versions.1,
            take_over,
            name: Text::try_from(name.as_str()).unwrap(),
        };
        let body = body(&hello, cut, flipped);
        let expected: Option<Hello> = postcard::from_bytes(&body).ok();
        let read = Greeting::read(&body);
        prop_assert_eq!(read.is_some(), expected.is_some());
        if let Some((read, hello)) = read.zip(expected) {
            prop_assert_eq!(read.client, hello.client);
            prop_assert_eq!(read.has_common_version, hello.has_common_version());
            prop_assert_eq!(read.take_over, hello.take_over);
            prop_assert_eq!(read.name, hello.name.as_bytes());
        }
        let client: Option<u64> = postcard::from_bytes(&body).ok();
        prop_assert_eq!(read_goodbye(&body), client.map(ClientId));
    }
}
