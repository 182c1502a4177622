//! Events that a session has subscribed to: what it says of them, when, and how that ends.

use super::super::event_subscriptions::EVENT_SUBSCRIPTIONS;
use super::super::follow::ROWS_OUTPUT_BYTES;
use super::*;
use crate::core::events::SharedEvents;
use lastword_protocol::message::event::{
    BoardEvent, LinkKind, PowerEvent, PowerStep, ServiceEvent, SessionEvent,
};
use lastword_protocol::message::service::ServiceState;
use serde_json::Value;

/// A board that keeps events.
#[derive(Clone, Default)]
pub(super) struct EventfulBoard(SharedEvents);

impl EventfulBoard {
    /// Something happens.
    pub(super) fn push(&self, event: &BoardEvent<'_>) {
        self.0.lock().push(event);
    }
}

impl World for EventfulBoard {
    fn identity(&self) -> Identity {
        Board.identity()
    }

    fn pending(&self) -> Option<Pending> {
        None
    }

    fn look(&self, look: Look) -> Reply {
        Board.look(look)
    }

    fn events(&self) -> Option<&SharedEvents> {
        Some(&self.0)
    }
}

/// A session on a board with events, and the edge that has it tell them.
struct EventSubscriber {
    board: EventfulBoard,
    session: Session,
    now: Instant,
}

impl EventSubscriber {
    fn new(traits: Traits) -> Self {
        Self {
            board: EventfulBoard::default(),
            session: Session::new(traits, &Bench::house(), Nonce(1), Instant(0)),
            now: Instant(0),
        }
    }

    /// Says something; returns what the session says.
    fn say(&mut self, text: &str) -> String {
        self.session.receive(self.now, text.as_bytes(), &self.board);
        self.said()
    }

    /// Takes all that the session says, events too.
    fn said(&mut self) -> String {
        let mut said = Vec::new();
        loop {
            said.extend_from_slice(self.session.output().front());
            let count = self.session.output().len();
            self.session.wrote(self.now, count);
            if self.session.has_work() {
                self.session.work(self.now, &self.board);
            } else if self.session.has_event(&self.board) {
                self.session.tell_events(self.now, &self.board);
            } else {
                return String::from_utf8(said).unwrap();
            }
        }
    }

    fn wait(&mut self, millis: u64) -> String {
        self.now = self.now.after(Millis(millis));
        self.session.tick(self.now, &self.board);
        self.said()
    }

    /// An operation is staged.
    fn power(&self) {
        self.board.push(&power_event());
    }

    /// A service fails.
    fn service(&self, reason: &str) {
        self.board.push(&BoardEvent::Service(ServiceEvent {
            at_unix_ms: 5,
            name: "cam",
            from: ServiceState::Running,
            to: ServiceState::Failed,
            reason,
        }));
    }

    /// Sessions begin.
    fn sessions(&self, count: u64) {
        session_events(&self.board, count);
    }
}

/// The event of an operation that is staged.
pub(super) const fn power_event() -> BoardEvent<'static> {
    BoardEvent::Power(PowerEvent {
        at_unix_ms: 5,
        id: OperationId(7),
        operation: Operation::Reboot,
        step: PowerStep::Staged,
    })
}

/// So many sessions begin.
pub(super) fn session_events(board: &EventfulBoard, count: u64) {
    for number in 0..count {
        board.push(&BoardEvent::Session(SessionEvent {
            at_unix_ms: 5,
            number,
            link: LinkKind::Tcp,
            peer: "127.0.0.1:9",
            end: None,
        }));
    }
}

const STAGED: &str = "power at_unix_ms=5 op=7 operation=reboot step=staged";

#[test]
fn nothing_is_told_before_somebody_subscribes_nor_of_another_topic() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.power();
    assert_eq!(subscriber.say("@1 uptime\n").lines().count(), 1);
    assert_eq!(subscriber.say("@2 sub power\n"), "ok @2\n");
    subscriber.service("it said so");
    assert_eq!(subscriber.said(), "");
    subscriber.power();
    assert_eq!(subscriber.said(), format!("! 3 {STAGED}\n"));
}

#[test]
fn topics_are_added_and_taken_away() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("sub power\n");
    subscriber.say("sub services sessions\n");
    subscriber.power();
    subscriber.sessions(1);
    assert_eq!(subscriber.said().lines().count(), 2);
    assert_eq!(subscriber.say("unsub power\n"), "ok\n");
    subscriber.power();
    subscriber.sessions(1);
    assert!(subscriber.said().starts_with("! 4 sessions"));
    assert_eq!(subscriber.say("unsub\n"), "ok\n");
    subscriber.sessions(1);
    assert_eq!(subscriber.said(), "");
    assert!(
        subscriber
            .say("sub\n")
            .contains("want=\"some of power, services, sessions")
    );
    assert_eq!(subscriber.say("sub --all\n"), "ok\n");
    subscriber.power();
    assert_eq!(subscriber.said(), format!("! 6 {STAGED}\n"));
}

/// As users of QMP met it, whose clients took an event for the answer that they waited for: an event never
/// comes within an answer, whatever of it is still to be said.
#[test]
fn an_event_comes_between_two_answers_and_never_within_one() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("sub power\n");
    subscriber.session.receive(
        subscriber.now,
        b"@1 help\n@2 power cancel\n@3 uptime\n",
        &subscriber.board,
    );
    subscriber.power();
    let said = subscriber.said();
    assert!(said.contains("ok @1\n"), "{said}");
    // The second line waits for the desk: its answer has not begun, and the event is not to be mistaken for it.
    assert!(!said.contains("@2"), "{said}");
    assert_eq!(said.matches('!').count(), 0, "{said}");
    let job = subscriber.session.take_job().unwrap();
    let reply = Reply::Refused(Refusal::new(Code::Unknown, "nothing is staged"));
    subscriber
        .session
        .answered(subscriber.now, job.id, &[reply], false, &subscriber.board);
    let said = subscriber.said();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("err @2 404"), "{said}");
    assert!(
        lines[1..].contains(&format!("! 1 {STAGED}").as_str()),
        "{said}"
    );
    assert!(
        lines[1..].iter().any(|line| line.starts_with("ok @3")),
        "{said}"
    );
}

/// As users of D-Bus met it, where a peer that stayed connected and did not read used up what all had:
/// events wait in the ring, and who comes back to read is told exactly how many are gone.
#[test]
fn a_subscriber_that_does_not_read_holds_no_more_than_its_output_and_is_told_what_is_gone() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("sub sessions power\n");
    let count = 50_000;
    for _ in 0..count / 100 {
        subscriber.sessions(100);
        // The edge has it tell what there is; its peer takes nothing.
        while subscriber.session.has_event(&subscriber.board) {
            let (now, board) = (subscriber.now, &subscriber.board);
            subscriber.session.tell_events(now, board);
        }
        assert!(subscriber.session.held_bytes() < 2 * ROWS_OUTPUT_BYTES);
    }
    subscriber.power();
    let said = subscriber.said();
    let (mut told, mut dropped, mut last) = (0, 0, 0);
    for line in said.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let sequence: u64 = words[1].parse().unwrap();
        assert!(last < sequence, "{line}");
        last = sequence;
        match words[2] {
            "events" => {
                let count = words[3].strip_prefix("dropped=").unwrap();
                dropped += count.parse::<u64>().unwrap();
            }
            "sessions" => told += 1,
            topic => assert_eq!(topic, "power"),
        }
    }
    assert_eq!(told + dropped, count, "{told} told, {dropped} dropped");
    assert!(dropped > 0 && said.ends_with(&format!("! 50001 {STAGED}\n")));
}

#[test]
fn a_subscriber_is_not_idle() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("sub power\n");
    subscriber.wait(3_600_000);
    assert_eq!(subscriber.session.end(), None);
    subscriber.power();
    assert_eq!(subscriber.said(), format!("! 1 {STAGED}\n"));
    subscriber.say("unsub\n");
    subscriber.wait(3_600_000);
    assert_eq!(subscriber.session.end(), Some(End::Idle));
}

#[test]
fn a_subscriber_that_takes_nothing_for_as_long_as_it_may_be_idle_is_dropped() {
    let mut subscriber = EventSubscriber::new(TCP);
    let limits = Limits::default();
    subscriber.say("sub power\n");
    subscriber.power();
    let (now, board) = (subscriber.now, &subscriber.board);
    subscriber.session.tell_events(now, board);
    let patience = limits.stall.max(limits.idle);
    subscriber
        .session
        .tick(now.after(Millis(patience.0 - 1)), board);
    assert_eq!(subscriber.session.end(), None);
    subscriber.session.tick(now.after(patience), board);
    assert_eq!(subscriber.session.end(), Some(End::Stalled));
}

#[test]
fn logout_and_break_end_subscriptions_on_a_line() {
    for end in ["logout\n", "\u{ff}"] {
        let mut subscriber = EventSubscriber::new(UART);
        subscriber.say("\nmode plain\nsub power\n");
        subscriber.power();
        assert!(subscriber.said().contains("! 1 power"));
        if end == "logout\n" {
            subscriber.say(end);
        } else {
            let (now, board) = (subscriber.now, &subscriber.board);
            subscriber.session.receive(now, b"\xFF\x00\x00", board);
        }
        subscriber.said();
        subscriber.power();
        assert_eq!(subscriber.said(), "", "{end:?}");
    }
}

#[test]
fn a_muted_session_tells_nothing() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("sub power\n");
    subscriber.session.mute();
    subscriber.power();
    assert_eq!(subscriber.said(), "");
    assert_eq!(
        subscriber
            .session
            .deadline(subscriber.now, &subscriber.board),
        None
    );
    let (now, board) = (subscriber.now, &subscriber.board);
    subscriber.session.unmute(now, board);
    assert_eq!(subscriber.said(), format!("! 1 {STAGED}\n"));
}

#[test]
fn a_person_is_shown_events_around_the_prompt_ten_a_second_and_then_a_count() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("\r");
    subscriber.wait(50);
    subscriber.say("sub --all\r");
    subscriber.say("upti");
    subscriber.service("a\x1b[2Jb");
    let said = subscriber.said();
    assert_eq!(
        said,
        "\r\n! cam running to failed: a\\x1b[2Jb\r\n\rboard1> upti\x1b[K"
    );
    subscriber.sessions(100);
    let said = subscriber.said();
    assert_eq!(said.matches("! session").count(), 9, "{said}");
    let due = subscriber
        .session
        .deadline(subscriber.now, &subscriber.board);
    let due = due.unwrap().since(subscriber.now);
    assert_eq!(due, Millis(1_000));
    let said = subscriber.wait(due.0);
    assert_eq!(
        said,
        "\r\n! 91 more events; `events` lists them\r\n\rboard1> upti\x1b[K"
    );
    subscriber.power();
    assert_eq!(
        subscriber.said(),
        "\r\n! reboot 7 staged\r\n\rboard1> upti\x1b[K"
    );
}

#[test]
fn the_count_of_what_was_not_shown_waits_for_the_end_of_an_answer() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say("\r");
    subscriber.wait(50);
    subscriber.say("sub --all\r");
    subscriber.sessions(11);
    subscriber.said();
    subscriber.say("power cancel\r");
    let job = subscriber.session.take_job().unwrap();
    assert_eq!(subscriber.wait(1_000), "");
    // Nobody is woken for what cannot be said.
    let due = subscriber
        .session
        .deadline(subscriber.now, &subscriber.board);
    assert!(due.is_none_or(|due| subscriber.now < due), "{due:?}");
    let reply = Reply::Refused(Refusal::new(Code::Unknown, "nothing is staged"));
    let (now, board) = (subscriber.now, &subscriber.board);
    subscriber
        .session
        .answered(now, job.id, &[reply], false, board);
    assert!(subscriber.said().contains("nothing is staged"));
    assert!(subscriber.wait(1).contains("! 1 more events"));
}

#[test]
fn kept_events_are_listed_in_every_dialect() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.power();
    subscriber.sessions(2);
    subscriber.service("");
    let said = subscriber.say("@1 events\n");
    assert_eq!(said.lines().count(), 5);
    assert!(
        said.starts_with(&format!("| seq=1 topic={STAGED}\n")),
        "{said}"
    );
    assert!(said.ends_with("\nok @1\n"), "{said}");
    let said = subscriber.say("events power services --tail 1\n");
    assert!(
        said.starts_with("| seq=4 topic=services at_unix_ms=5 name=cam"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2);
    assert_eq!(subscriber.say("events --tail 0\n"), "ok\n");
    let said = subscriber.say("events --tail 1; uptime\n");
    assert!(said.contains("\n| 1 ok\n| 2 ok uptime_ms"), "{said}");

    let list = r#"{"jsonrpc":"2.0","id":1,"method":"events.list","params":{"topics":["power"]}}"#;
    let said: Value = serde_json::from_str(&subscriber.say(&format!("{list}\n"))).unwrap();
    assert_eq!(said["result"][0]["seq"], 1);
    assert_eq!(said["result"][0]["step"], "staged");
    assert_eq!(said["result"].as_array().unwrap().len(), 1);

    let mut person = EventSubscriber::new(TCP);
    person.say("\r");
    person.wait(50);
    assert_eq!(person.say("events\r"), "events\r\nnone\r\nboard1> ");
    person.power();
    let said = person.say("events\r");
    assert_eq!(
        said,
        "events\r\n1       1970-01-01 00:00:00 reboot 7 staged\r\nboard1> "
    );
}

#[test]
fn a_long_list_waits_for_its_reader_and_can_be_interrupted() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.sessions(1_000);
    let (now, board) = (subscriber.now, &subscriber.board);
    subscriber
        .session
        .receive(now, b"events --tail 1000\n", board);
    while subscriber.session.has_work() {
        subscriber.session.work(now, board);
    }
    let waiting = subscriber.session.output().len();
    assert!((ROWS_OUTPUT_BYTES..2 * ROWS_OUTPUT_BYTES).contains(&waiting));
    subscriber.session.receive(now, b"\x03", board);
    let said = subscriber.said();
    assert!(
        said.ends_with("err 499 aborted detail=\"interrupted\"\n"),
        "{said}"
    );
    assert!(said.lines().count() < 1_000);
}

fn call(method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":{params}}}\n")
}

#[test]
fn a_program_is_notified_and_cancels() {
    let mut subscriber = EventSubscriber::new(TCP);
    let said = subscriber.say(&call(
        "events.subscribe",
        r#"{"topics":["power","services"]}"#,
    ));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["result"]["subscription_id"], 1);
    let said = subscriber.say(&call("events.subscribe", r#"{"all":true}"#));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["result"]["subscription_id"], 2);
    subscriber.sessions(1);
    subscriber.power();
    let said = subscriber.said();
    let told: Vec<Value> = said
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(told.len(), 3, "{said}");
    for it in &told {
        assert_eq!(it["method"], "event");
        assert!(it.get("id").is_none());
    }
    let of = |id: u64| {
        told.iter()
            .filter(move |it| it["params"]["subscription_id"] == id)
    };
    assert!(of(1).map(|it| &it["params"]["seq"]).eq([2]));
    assert!(of(2).map(|it| &it["params"]["seq"]).eq([1, 2]));
    assert_eq!(of(1).next().unwrap()["params"]["topic"], "power");
    assert_eq!(of(1).next().unwrap()["params"]["op"], 7);
    for id in [1, 2] {
        let said = subscriber.say(&call(
            "events.cancel",
            &format!(r#"{{"subscription_id":{id}}}"#),
        ));
        assert_eq!(said, "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{}}\n");
    }
    subscriber.power();
    assert_eq!(subscriber.said(), "");
    let said = subscriber.say(&call("events.cancel", r#"{"subscription_id":3}"#));
    assert!(said.contains("-32602"), "{said}");
}

#[test]
fn a_program_is_told_with_the_next_event_how_many_are_gone() {
    let mut subscriber = EventSubscriber::new(TCP);
    subscriber.say(&call("events.subscribe", r#"{"topics":["sessions"]}"#));
    subscriber.sessions(1_024 + 7);
    let said = subscriber.said();
    let first: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let sequence = first["params"]["seq"].as_u64().unwrap();
    assert_eq!(first["params"]["dropped"], sequence - 1);
    assert_eq!(said.matches("dropped").count(), 1);
    assert_eq!(said.lines().count() as u64, 1_024 + 7 - (sequence - 1));
}

#[test]
fn what_cannot_be_subscribed_to_is_refused() {
    let mut subscriber = EventSubscriber::new(TCP);
    for params in [
        r#"{"topics":["powr"]}"#,
        r#"{"topics":[]}"#,
        r#"{"topics":7}"#,
        "{}",
    ] {
        let said = subscriber.say(&call("events.subscribe", params));
        assert!(
            said.contains("-32602") && said.contains("topics"),
            "{params} {said}"
        );
    }
    for _ in 0..EVENT_SUBSCRIPTIONS {
        let said = subscriber.say(&call("events.subscribe", r#"{"all":true}"#));
        assert!(said.contains("subscription_id"), "{said}");
    }
    let said = subscriber.say(&call("events.subscribe", r#"{"all":true}"#));
    assert!(said.contains("too many subscriptions"), "{said}");
    // A board that keeps none.
    let mut bench = Bench::new(TCP);
    bench.receive(b"sub power\nevents\n");
    assert_eq!(
        bench.text().matches("err 501").count(),
        2,
        "{}",
        bench.text()
    );
}
