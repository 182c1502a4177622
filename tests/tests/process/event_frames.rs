//! Events of a real agent, over frames: by the command, and by a client of the library.

use lastword_client::client::{Client, Options};
use lastword_client::endpoint::Endpoint;
use lastword_protocol::message::event::{
    BoardEvent, EventTopic, EventTopics, EventsRequest, PowerStep,
};
use lastword_protocol::message::service::Item;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::stream::StreamReader;
use lastword_protocol::{Millis, OperationId};
use lastword_tests::process::{Agent, Place, lastword};
use nix::pty::openpty;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

/// An agent with a Unix socket, a TCP port and a line, and their endpoints.
fn started(place: &Place) -> (Agent, [String; 3]) {
    place.configure(&place.listeners(), "");
    let agent = place.start();
    let unix = format!("unix://{}", agent.socket().display());
    let tcp = format!("tcp://{}", agent.address());
    let line = format!("serial://{}", place.path("tty").display());
    (agent, [unix, tcp, line])
}

fn asked(endpoint: &str, words: &[&str]) -> String {
    let mut command = Command::new(lastword());
    let output = command.args(["-u", endpoint]).args(words).output();
    let output = output.expect("the command");
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A command that shows events, and ends with this.
struct ShowingCommand {
    child: Child,
    shown: BufReader<ChildStdout>,
}

impl ShowingCommand {
    /// Starts it, and waits until the agent has a session for it: it has subscribed once it shows an event of its own.
    fn start(endpoint: &str, words: &[&str]) -> Self {
        let mut command = Command::new(lastword());
        command.args(["-u", endpoint]).args(words);
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the command");
        let shown = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, shown }
    }

    /// Reads on to a line that holds this.
    fn wait_for(&mut self, part: &str) {
        while !self.line().contains(part) {}
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let length = self.shown.read_line(&mut line).expect("text");
        assert_ne!(length, 0, "the command has ended");
        line.trim_end().to_owned()
    }
}

impl Drop for ShowingCommand {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has operations stand by, and be cancelled, until `shown` has shown the first of one; returns that line.
#[track_caller]
fn first_shown(agent: &Agent, shown: &mut ShowingCommand) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let line = shown.line();
            tell.send(line).expect("somebody waits");
        });
        let mut client = agent.unix();
        loop {
            client.ask("power reboot --in 1h");
            client.ask("power cancel");
            let wait = std::time::Duration::from_millis(50);
            if let Ok(line) = told.recv_timeout(wait) {
                return line;
            }
        }
    })
}

#[test]
fn the_command_lists_the_rows_that_a_session_is_told_over_every_link() {
    let place = Place::new();
    let (agent, endpoints) = started(&place);
    let mut client = agent.unix();
    // Each has three steps or four.
    for id in 1..=40 {
        client.ask(&format!("power reboot --op {id} --in 1h"));
        client.ask("power cancel");
    }
    client.send("events power\n");
    let rows = client.until("ok\n");
    assert_eq!(rows.lines().count(), 101, "a hundred, and the end: {rows}");
    for endpoint in endpoints {
        assert_eq!(asked(&endpoint, &["events", "power"]), rows, "{endpoint}");
    }
}

#[test]
fn the_command_follows_events_over_every_link() {
    let place = Place::new();
    let (agent, endpoints) = started(&place);
    for (id, endpoint) in (1..).zip(endpoints) {
        let mut showing = ShowingCommand::start(&endpoint, &["sub", "power"]);
        let first = first_shown(&agent, &mut showing);
        assert!(
            first.starts_with("! ") && first.contains(" power "),
            "{first}"
        );
        let mut client = agent.unix();
        client.ask(&format!("power reboot --op {id} --in 1h"));
        for step in ["staged", "draining", "scheduled"] {
            showing.wait_for(&format!("op={id} operation=reboot step={step}"));
        }
        client.ask("power cancel");
        showing.wait_for(&format!(
            "op={id} operation=reboot step=stood_down why=cancelled"
        ));
    }
}

#[test]
fn a_program_has_an_object_for_each_event() {
    let place = Place::new();
    let (agent, [unix, ..]) = started(&place);
    let mut showing = ShowingCommand::start(&unix, &["--json", "sub", "power"]);
    let first = first_shown(&agent, &mut showing);
    let object: serde_json::Value = serde_json::from_str(&first).expect("an object");
    assert_eq!(object["topic"], "power", "{object}");
    assert!(object["seq"].is_u64() && object["op"].is_u64(), "{object}");
}

#[test]
fn a_person_is_shown_a_list_and_not_that_there_is_none() {
    let place = Place::new();
    let (agent, [unix, ..]) = started(&place);
    let mut client = agent.unix();
    client.ask("power reboot --op 7 --in 1h");
    let pair = openpty(None, None).expect("a terminal");
    let mut command = Command::new(lastword());
    command.args(["-u", &unix, "events", "power"]);
    let mut child = command.stdout(pair.slave).spawn().expect("the command");
    // Its own end of the terminal goes with it.
    drop(command);
    let mut shown = Vec::new();
    // A terminal that nobody holds any more cannot be read.
    let _ = File::from(pair.master).read_to_end(&mut shown);
    assert!(child.wait().expect("it ends").success());
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(
        shown.contains("reboot 7 staged") && !shown.contains("none"),
        "{shown}"
    );
}

#[test]
fn what_cannot_be_written_is_no_success_and_is_told_once() {
    let place = Place::new();
    let (agent, [unix, ..]) = started(&place);
    for words in [
        &["events"][..],
        &["status"],
        &["--json", "events"],
        &["sub", "--all"],
    ] {
        let full = File::options().write(true).open("/dev/full");
        let mut command = Command::new(lastword());
        command.args(["-u", &unix]).args(words);
        command.stdout(full.expect("Linux")).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command");
        // Something to be shown, until it has ended.
        while child.try_wait().expect("a child").is_none() {
            agent.unix().ask("uptime");
        }
        let output = child.wait_with_output().expect("it has ended");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert_eq!(
            told.matches("No space left on device").count(),
            1,
            "{words:?}: {told}"
        );
    }
}

/// Takes the steps of power operations that come next, as many as are `expected`.
async fn check_steps(
    client: &mut Client,
    reader: &mut Option<StreamReader>,
    expected: &[PowerStep],
) {
    let mut steps = Vec::new();
    while steps.len() < expected.len() {
        for reply in client.read_on(reader).await.expect("the agent lives") {
            let Reply::Items(page) = reply else {
                panic!("{reply:?}");
            };
            steps.extend(page.items().map(|item| match item {
                Item::Event {
                    event: BoardEvent::Power(event),
                    ..
                } => event.step,
                item => panic!("{item:?}"),
            }));
        }
    }
    assert_eq!(steps, expected);
}

#[tokio::test]
async fn whoever_asks_for_an_operation_hears_of_it_behind_its_answer_and_while_its_delay_runs() {
    let place = Place::new();
    let (_agent, endpoints) = started(&place);
    for (id, endpoint) in (1..).zip(endpoints) {
        let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
        let client = Client::connect(&endpoint, &Options::default()).await;
        let mut client = client.expect("the agent lives");
        client.greet(false).await.expect("the line is free");
        let request = Request::Events(EventsRequest {
            topics: EventTopics::NONE.with(EventTopic::Power),
            tail: 0,
            follow: true,
        });
        let reply = client.call(&request).await.expect("an answer");
        let mut reader = client.rest_of(&reply);
        let power = PowerRequest {
            delay: Millis(3_600_000),
            id: Some(OperationId(id)),
            ..PowerRequest::plain(Operation::Reboot)
        };
        let reply = client.call(&Request::Power(power)).await;
        let reply = reply.expect("an answer");
        assert!(matches!(reply, Reply::Initiated(_)), "{reply:?}");
        // The delay of its phase is told as it begins.
        let scheduled = PowerStep::Scheduled(Millis(3_600_000));
        let begun = [PowerStep::Staged, PowerStep::Draining, scheduled];
        check_steps(&mut client, &mut reader, &begun).await;
        let cancel = Request::PowerCancel(None);
        let reply = client.call(&cancel).await.expect("an answer");
        assert!(matches!(reply, Reply::Cancelled(_)), "{reply:?}");
        let reason = lastword_protocol::power::Standdown::Cancelled;
        check_steps(&mut client, &mut reader, &[PowerStep::StoodDown(reason)]).await;
        client.goodbye().await.expect("the agent lives");
    }
}
