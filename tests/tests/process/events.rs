//! Events of a real agent, as those who have subscribed to them are told.

use lastword_tests::process::{Agent, Peer, Place};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// An event as a script is told it: number, topic, fields.
#[derive(Debug)]
struct ToldEvent {
    sequence: u64,
    topic: String,
    fields: BTreeMap<String, String>,
}

impl ToldEvent {
    fn read(line: &str) -> Self {
        let mut words = line
            .strip_prefix("! ")
            .unwrap_or_else(|| panic!("{line:?}"))
            .splitn(3, ' ');
        let mut word = || {
            words
                .next()
                .unwrap_or_else(|| panic!("{line:?}"))
                .to_owned()
        };
        let (sequence, topic) = (word().parse().expect("a number"), word());
        let mut fields = BTreeMap::new();
        let rest = word();
        let mut rest = rest.as_str();
        while let Some((key, value)) = rest.split_once('=') {
            let end = match value.strip_prefix('"') {
                Some(quoted) => quoted.find('"').expect("a quote") + 2,
                None => value.find(' ').unwrap_or(value.len()),
            };
            let text = value[..end].trim_matches('"').to_owned();
            fields.insert(key.to_owned(), text);
            rest = value[end..].trim_start();
        }
        Self {
            sequence,
            topic,
            fields,
        }
    }

    fn field(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }
}

/// A script that has subscribed.
fn subscriber(agent: &Agent, topics: &str) -> Peer {
    let mut peer = agent.unix();
    assert_eq!(peer.ask(&format!("sub {topics}")), "ok");
    peer
}

fn next(peer: &mut Peer) -> ToldEvent {
    ToldEvent::read(&peer.line())
}

/// The next steps of an operation, with what belongs to them.
fn check_steps(peer: &mut Peer, id: &str, steps: &[&str]) {
    for expected in steps {
        let told = next(peer);
        assert_eq!(
            (told.topic.as_str(), told.field("op")),
            ("power", id),
            "{told:?}"
        );
        let extra = ["evidence", "why"].map(|key| told.field(key)).concat();
        assert_eq!(
            format!("{} {extra}", told.field("step")).trim(),
            *expected,
            "{told:?}"
        );
    }
}

#[test]
fn each_step_of_an_operation_is_told_to_others() {
    let place = Place::new();
    let agent = place.start();
    let mut watcher = subscriber(&agent, "power");
    let mut client = agent.unix();
    assert!(
        client
            .ask("power reboot --op 7")
            .starts_with("ok initiated")
    );
    check_steps(
        &mut watcher,
        "7",
        &[
            "staged",
            "draining",
            "released peer_acked",
            "dry_run peer_acked",
        ],
    );
    assert!(
        client
            .ask("power reboot --op 8 --in 1h")
            .starts_with("ok initiated")
    );
    check_steps(&mut watcher, "8", &["staged", "draining", "scheduled"]);
    assert!(client.ask("power cancel 8").starts_with("ok cancelled"));
    check_steps(&mut watcher, "8", &["stood_down cancelled"]);
}

#[test]
fn whoever_asks_for_an_operation_hears_of_it_behind_its_answer() {
    let place = Place::new();
    let agent = place.start();
    let mut client = subscriber(&agent, "power");
    assert!(
        client
            .ask("power reboot --op 7")
            .starts_with("ok initiated")
    );
    // Behind the acknowledgement nothing is said before the board has stayed up.
    check_steps(
        &mut client,
        "7",
        &[
            "staged",
            "draining",
            "released peer_acked",
            "dry_run peer_acked",
        ],
    );
    // While a delay runs its client hears of it as others do.
    assert!(
        client
            .ask("power reboot --op 8 --in 1h")
            .starts_with("ok initiated")
    );
    check_steps(&mut client, "8", &["staged", "draining", "scheduled"]);
}

#[test]
fn the_changes_of_a_service_are_told_as_its_status_remembers_them() {
    let place = Place::with_services();
    place.shell("camera", "exec sleep 1000", "");
    let agent = place.start();
    let shown = agent.wait_for_state("camera", "running");
    let mut watcher = subscriber(&agent, "services");
    let mut client = agent.unix();
    client.send("svc stop camera\n");
    client.until("change=stopped");
    client.until("ok\n");
    client.send("svc start camera\n");
    client.until("change=started");
    client.until("ok\n");
    drop(shown);
    let mut told = Vec::new();
    while told
        .last()
        .is_none_or(|it: &ToldEvent| it.field("to") != "running")
    {
        told.push(next(&mut watcher));
    }
    let keys = ["from", "to", "at_unix_ms", "reason"];
    let told: Vec<_> = told
        .iter()
        .map(|it| keys.map(|key| it.field(key).to_owned()))
        .collect();
    assert!(told.len() >= 4, "{told:?}");
    let status = agent.call("status", &json!({"name": "camera"}));
    let remembered = status["recent_transitions"].as_array().expect("an array");
    let remembered: Vec<_> = remembered
        .iter()
        .map(|it| {
            keys.map(|key| match &it[key] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        })
        .collect();
    assert!(remembered.ends_with(&told), "{remembered:?} {told:?}");
}

/// As users of supervisord met it, where a listener that began late had lost the first of its ten events.
#[test]
fn what_has_happened_before_somebody_listened_can_be_listed() {
    let place = Place::with_services();
    let names: Vec<_> = (0..16).map(|number| format!("fs{number}")).collect();
    for name in &names {
        place.shell(name, "exec sleep 1000", "");
    }
    let agent = place.start();
    for name in &names {
        agent.wait_for_state(name, "running");
    }
    let mut peer = subscriber(&agent, "services");
    peer.send("events services --tail 1000\n");
    let listed = peer.until("\nok\n");
    for name in &names {
        let runs = listed
            .lines()
            .filter(|row| row.contains(&format!(" name={name} ")) && row.contains(" to=running"));
        assert_eq!(runs.count(), 1, "{name} in {listed}");
    }
}

#[test]
fn sessions_are_told_when_they_open_and_how_they_close() {
    let place = Place::new();
    let agent = place.start();
    let mut watcher = subscriber(&agent, "sessions");
    let mut client = agent.tcp();
    client.ask("uptime");
    // The session of the agent's own line may begin meanwhile.
    let mut next_of = |key: &str, value: &str| loop {
        let event = next(&mut watcher);
        if event.field(key) == value {
            return event;
        }
    };
    let opened = next_of("link", "tcp");
    assert_eq!(opened.field("state"), "opened");
    assert!(opened.field("peer").starts_with("127.0.0.1:"), "{opened:?}");
    client.send("logout\n");
    let closed = next_of("number", opened.field("number"));
    assert_eq!(
        (closed.field("state"), closed.field("end")),
        ("closed", "finished")
    );
    assert_eq!(closed.field("peer"), opened.field("peer"));
}

#[test]
fn a_program_is_notified() {
    let place = Place::new();
    let agent = place.start();
    let mut program = agent.unix();
    let call = |method: &str, params: Value| {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        format!("{call}\n")
    };
    program.send(call("events.subscribe", json!({"topics": ["power"]})));
    let answer: Value = serde_json::from_str(&program.line()).expect("JSON");
    let id = &answer["result"]["subscription_id"];
    assert!(
        agent
            .unix()
            .ask("power shutdown --op 9")
            .starts_with("ok initiated")
    );
    for step in ["staged", "draining", "released", "dry_run"] {
        let told: Value = serde_json::from_str(&program.line()).expect("JSON");
        assert_eq!(told["method"], "event");
        let params = &told["params"];
        assert_eq!((&params["subscription_id"], &params["op"]), (id, &json!(9)));
        assert_eq!(
            (&params["topic"], &params["step"]),
            (&json!("power"), &json!(step))
        );
    }
}

/// The number of sessions that come and go while nobody reads.
const FLOOD: u64 = 4_000;
/// The longest that an answer may take meanwhile: far longer than it does, far shorter than a peer is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Asks for the status of power; returns how long that took.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a real process takes is what is measured"
)]
fn time_status(client: &mut Peer) -> Duration {
    let begun = Instant::now();
    assert!(client.ask("power status").starts_with("ok "));
    begun.elapsed()
}

/// As users of D-Bus met it, where a peer that stayed connected and did not read took the others down.
#[test]
fn a_subscriber_that_does_not_read_slows_nobody_and_is_told_exactly_what_is_gone() {
    let place = Place::new();
    let agent = place.start();
    let mut sleeper = subscriber(&agent, "sessions");
    let mut client = agent.unix();
    let mut slowest = Duration::ZERO;
    for number in 0..FLOOD {
        let mut visitor = UnixStream::connect(agent.socket()).expect("a listener");
        visitor
            .shutdown(std::net::Shutdown::Write)
            .expect("a socket");
        // Its end is known to the agent before the next one comes.
        assert_eq!(visitor.read(&mut [0; 8]).expect("an end"), 0);
        if number % 50 == 0 {
            slowest = slowest.max(time_status(&mut client));
        }
    }
    assert!(slowest < ANSWER_LIMIT, "{slowest:?}");
    // The one that ends the flood, and is known by its number.
    let mut last = agent.tcp();
    last.ask("uptime");
    let (mut told, mut dropped, mut first, mut latest) = (0, 0, None, 0);
    loop {
        let event = next(&mut sleeper);
        if event.topic == "events" {
            dropped += event.field("dropped").parse::<u64>().expect("a number");
        } else {
            told += 1;
            first.get_or_insert(event.sequence);
        }
        assert!(latest < event.sequence, "{event:?}");
        latest = event.sequence;
        if event.field("link") == "tcp" {
            break;
        }
    }
    // Every event of this board is a session's.
    let first = first.expect("an event");
    assert_eq!(told + dropped, latest - first + 1);
    assert!(
        dropped > 0,
        "{told} were told: the flood is too small to show anything"
    );
}
