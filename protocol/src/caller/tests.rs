//! What a caller sends, and what it never sends again.

use super::*;
use crate::identity::Identity;
use crate::identity::{BoardKind, BootSource, Capabilities, Cause};
use crate::power::Backend;
use crate::refusal::Refusal;
use crate::units::Millis;

type Tested = Caller<256>;

const PATIENCE: Patience = Patience {
    reply: Millis(100),
    attempts: 2,
    working: Millis(1_000),
};

fn identity(boot: u8) -> Identity {
    Identity {
        oldest: OLDEST,
        current: CURRENT,
        boot: BootId([boot; 16]),
        boot_source: BootSource::Kernel,
        cause: Cause::Unknown,
        kind: BoardKind::Linux,
        name: Text::new(),
        firmware: Text::new(),
        build: Text::new(),
        backend: Backend::DryRun,
        mtu: 256,
        window: 8,
        capabilities: Capabilities(0),
        schema: 0,
        last: None,
        active: None,
        pending: None,
    }
}

fn announcement(boot: u8) -> Announcement {
    Announcement {
        name: Text::new(),
        boot: BootId([boot; 16]),
        cause: Cause::Unknown,
    }
}

/// Lets `caller` hear what the board's `packet` says.
fn hear(caller: &mut Tested, at: u64, packet: &Packet<256>) -> Option<Effect<256>> {
    let mut packet = packet.clone();
    let end = packet.len() - 1;
    let frame = frame::decode(&mut packet[1..end], caller.nonce()).expect("a valid frame");
    caller.receive(Instant(at), &frame)
}

fn welcome(caller: &mut Tested, at: u64, boot: u8, resumed: bool) -> Option<Effect<256>> {
    welcome_of(ClientId(1), caller, at, boot, resumed)
}

/// The board welcomes `client`, whose hello carried the same number as the caller's.
fn welcome_of(
    client: ClientId,
    caller: &mut Tested,
    at: u64,
    boot: u8,
    resumed: bool,
) -> Option<Effect<256>> {
    let welcome = Welcome {
        client,
        nonce: frame::session_nonce(BootId([boot; 16]), client),
        resumed,
        identity: identity(boot),
    };
    let packet = hello::welcome(caller.greeting, &welcome).unwrap();
    hear(caller, at, &packet)
}

/// A caller whose first request is under way since 10 ms.
fn calling() -> (Tested, Packet<256>) {
    let mut caller = Tested::new(ClientId(1), Text::new(), PATIENCE);
    caller.greet(Instant(0), false).unwrap();
    assert!(matches!(
        welcome(&mut caller, 5, 1, false),
        Some(Effect::Welcomed(_))
    ));
    let packet = caller.call(Instant(10), &Request::Uptime).unwrap();
    (caller, packet)
}

#[test]
fn nothing_is_asked_before_the_greeting_and_one_thing_at_a_time() {
    let mut fresh = Tested::new(ClientId(1), Text::new(), PATIENCE);
    assert_eq!(
        fresh.call(Instant(0), &Request::Uptime),
        Err(CannotCall::NoSession)
    );
    let (mut caller, _) = calling();
    assert_eq!(
        caller.call(Instant(11), &Request::Uptime),
        Err(CannotCall::UnderWay)
    );
}

#[test]
fn after_a_timeout_it_greets_and_sends_the_same_bytes_again() {
    let (mut caller, packet) = calling();
    assert_eq!(caller.tick(Instant(109)), None);
    assert!(matches!(caller.tick(Instant(110)), Some(Effect::Send(_))));
    assert_eq!(
        welcome(&mut caller, 111, 1, true),
        Some(Effect::Send(packet))
    );
}

#[test]
fn a_board_that_forgot_the_session_is_never_asked_again() {
    for (boot, resumed) in [(1, false), (2, false), (2, true)] {
        let (mut caller, _) = calling();
        caller.tick(Instant(110));
        let effect = welcome(&mut caller, 111, boot, resumed);
        assert_eq!(
            effect,
            Some(Effect::Restarted(identity(boot))),
            "{boot} {resumed}"
        );
        assert_eq!(caller.tick(Instant(10_000)), None);
    }
}

#[test]
fn the_welcome_of_another_client_is_not_its_own_though_the_numbers_are_the_same() {
    let mut caller = Tested::new(ClientId(1), Text::new(), PATIENCE);
    caller.greet(Instant(0), false).unwrap();
    assert_eq!(welcome_of(ClientId(2), &mut caller, 1, 1, true), None);
    assert_eq!(caller.nonce(), None);
    let own = welcome(&mut caller, 2, 1, false);
    assert!(matches!(own, Some(Effect::Welcomed(_))), "{own:?}");
}

#[test]
fn another_boot_that_is_announced_is_greeted_at_once_and_asked_nothing_again() {
    let (mut caller, _) = calling();
    assert_eq!(caller.announced(Instant(20), &announcement(1)), None);
    let greeted = caller.announced(Instant(21), &announcement(2));
    assert!(matches!(greeted, Some(Effect::Send(_))), "{greeted:?}");
    assert_eq!(
        welcome(&mut caller, 22, 2, false),
        Some(Effect::Restarted(identity(2)))
    );
    assert_eq!(caller.announced(Instant(23), &announcement(2)), None);
    assert_eq!(caller.tick(Instant(10_000)), None);
}

#[test]
fn an_announcement_wakes_a_caller_that_asks_nothing() {
    let mut caller = Tested::new(ClientId(1), Text::new(), PATIENCE);
    assert_eq!(caller.announced(Instant(0), &announcement(1)), None);
    caller.greet(Instant(0), false).unwrap();
    welcome(&mut caller, 5, 1, false);
    let greeted = caller.announced(Instant(6), &announcement(2));
    assert!(matches!(greeted, Some(Effect::Send(_))), "{greeted:?}");
    let welcomed = welcome(&mut caller, 7, 2, false);
    assert!(
        matches!(welcomed, Some(Effect::Welcomed(_))),
        "{welcomed:?}"
    );
}

/// Announcements of ever new boots, and no welcome: a request is given up as if there were none.
#[test]
fn announcements_do_not_add_to_the_attempts() {
    let (mut caller, _) = calling();
    let greeted = (2..100).filter_map(|boot| caller.announced(Instant(20), &announcement(boot)));
    assert_eq!(greeted.count(), 1);
    assert_eq!(caller.tick(Instant(120)), Some(Effect::GaveUp));
}

#[test]
fn it_gives_up_when_its_attempts_are_used_up() {
    let (mut caller, _) = calling();
    assert!(matches!(caller.tick(Instant(110)), Some(Effect::Send(_))));
    assert_eq!(caller.tick(Instant(209)), None);
    assert_eq!(caller.tick(Instant(210)), Some(Effect::GaveUp));
    assert_eq!(caller.tick(Instant(500)), None);
}

#[test]
fn a_reply_that_comes_after_the_timeout_still_counts_and_only_once() {
    let (mut caller, _) = calling();
    caller.tick(Instant(110));
    let nonce = caller.nonce().unwrap();
    let header = Header::new(Class::Reply, Sequence(1), message::opcode::DONE);
    let packet = frame::encode(header, nonce, |_| Some(0)).unwrap();
    assert_eq!(
        hear(&mut caller, 120, &packet),
        Some(Effect::Answered(Reply::Done))
    );
    assert_eq!(hear(&mut caller, 121, &packet), None);
}

/// The board's reply to the first request.
fn reply(caller: &Tested, reply: &Reply) -> Packet<256> {
    let header = Header::new(Class::Reply, Sequence(1), reply.opcode());
    frame::encode(header, caller.nonce().unwrap(), |out| {
        reply.encode(out).ok()
    })
    .unwrap()
}

fn working(caller: &mut Tested, at: u64) -> Option<Effect<256>> {
    let nonce = caller.nonce().unwrap();
    let header = Header::new(Class::Reply, Sequence(1), message::opcode::WORKING);
    let body = message::Working {
        elapsed: Millis(at),
        left: Some(Millis(500)),
    };
    let packet = frame::encode(header, nonce, |out| message::encode(&body, out).ok()).unwrap();
    hear(caller, at, &packet)
}

#[test]
fn a_request_that_still_runs_is_waited_for_as_long_as_the_board_says_so() {
    let (mut caller, packet) = calling();
    for round in 0..9 {
        let at = 10 + round * 100;
        assert!(matches!(
            caller.tick(Instant(at + 100)),
            Some(Effect::Send(_))
        ));
        let again = welcome(&mut caller, at + 100, 1, true);
        assert_eq!(again, Some(Effect::Send(packet.clone())), "round {round}");
        assert_eq!(working(&mut caller, at + 100), None, "round {round}");
    }
    let header = Header::new(Class::Reply, Sequence(1), message::opcode::DONE);
    let done = frame::encode(header, caller.nonce().unwrap(), |_| Some(0)).unwrap();
    assert_eq!(
        hear(&mut caller, 915, &done),
        Some(Effect::Answered(Reply::Done))
    );
}

#[test]
fn a_request_that_finds_no_room_is_sent_again_until_its_attempts_are_used_up() {
    let full = || Reply::Refused(Refusal::new(Code::SlowDown, "wait for a reply"));
    for answers_at_last in [true, false] {
        let (mut caller, request) = calling();
        let refused = reply(&caller, &full());
        assert_eq!(hear(&mut caller, 10, &refused), None, "it was not admitted");
        let Some(Effect::Send(_)) = caller.tick(Instant(110)) else {
            panic!("no hello");
        };
        assert_eq!(hear(&mut caller, 111, &refused), None);
        let again = welcome(&mut caller, 112, 1, true);
        assert_eq!(again, Some(Effect::Send(request)));
        let last = if answers_at_last { Reply::Done } else { full() };
        let packet = reply(&caller, &last);
        let told = hear(&mut caller, 120, &packet);
        assert_eq!(told, Some(Effect::Answered(last)));
    }
}

#[test]
fn a_request_that_runs_for_too_long_and_one_of_which_nothing_is_heard_are_given_up() {
    let (mut caller, _) = calling();
    assert_eq!(working(&mut caller, 1_009), None);
    let still = message::Working {
        elapsed: Millis(1_010),
        left: Some(Millis(500)),
    };
    assert_eq!(
        working(&mut caller, 1_010),
        Some(Effect::StillWorking(still)),
        "the board is there, and says how long it takes"
    );
    assert_eq!(caller.deadline(), None);

    let (mut caller, _) = calling();
    assert_eq!(working(&mut caller, 105), None);
    assert!(matches!(caller.tick(Instant(205)), Some(Effect::Send(_))));
    assert_eq!(caller.tick(Instant(305)), Some(Effect::GaveUp));
}

#[test]
fn of_a_line_that_another_owns_its_power_may_be_asked_for_and_nothing_else() {
    let mut caller = Tested::new(ClientId(1), Text::new(), PATIENCE);
    caller.greet(Instant(0), false).unwrap();
    let busy = Busy {
        owner: ClientId(2),
        idle: Millis(0),
        name: Text::new(),
        nonce: Nonce(7),
        owned: Millis(0),
    };
    let packet = hello::busy(caller.greeting, &busy).unwrap();
    assert_eq!(
        hear(&mut caller, 5, &packet),
        Some(Effect::Busy(busy.clone()))
    );
    assert!(!caller.has_session());
    let uptime = caller.call(Instant(10), &Request::Uptime);
    assert_eq!(uptime, Err(CannotCall::NoSession));
    let cancel = Request::PowerCancel(None);
    let packet = caller.call(Instant(10), &cancel).unwrap();
    assert_eq!(caller.nonce(), Some(Nonce(7)));
    assert_eq!(caller.tick(Instant(110)), Some(Effect::Send(packet)));
    let header = Header::new(Class::Reply, Sequence(1), message::opcode::DONE);
    let done = frame::encode(header, Nonce(7), |_| Some(0)).unwrap();
    assert_eq!(
        hear(&mut caller, 120, &done),
        Some(Effect::Answered(Reply::Done))
    );

    caller.call(Instant(200), &Request::PowerStatus).unwrap();
    assert!(matches!(caller.tick(Instant(300)), Some(Effect::Send(_))));
    assert_eq!(caller.tick(Instant(400)), Some(Effect::GaveUp));
}

#[test]
fn a_board_that_opens_no_session_says_why() {
    let mut caller = Tested::new(ClientId(1), Text::new(), PATIENCE);
    caller.greet(Instant(0), false).unwrap();
    let full = Refusal::new(Code::SlowDown, "too many sessions");
    let packet = hello::refused(caller.greeting, &full).unwrap();
    let effect = hear(&mut caller, 5, &packet);
    assert_eq!(effect, Some(Effect::HelloRefused(full)));
    assert_eq!(caller.tick(Instant(1_000)), None);
}
