//! Services' logs, followed on a real agent's Unix socket.

use lastword_tests::process::{Agent, BOUND, Peer, Place, lastword};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

/// An agent whose service `talker` writes what it is given.
struct Talking {
    agent: Agent,
    place: Place,
    mouth: File,
    said: u64,
}

impl Talking {
    /// `log`: what of the log is kept.
    fn start(log: &str) -> Self {
        let place = Place::new();
        let (services, fifo) = (place.path("services"), place.path("mouth"));
        fs::create_dir(&services).expect("a directory");
        mkfifo(&fifo, Mode::S_IRWXU).expect("a FIFO");
        let script = format!("exec cat <> {}", fifo.display());
        let file = format!("command \"/bin/sh\"\nargs \"-c\" \"{script}\"\nlog {{ {log} }}\n");
        fs::write(services.join("talker.kdl"), file).expect("a file");
        let directory = format!("services \"{}\"", services.display());
        place.configure(&place.listeners(), &directory);
        let agent = place.start();
        let mouth = OpenOptions::new().read(true).write(true).open(&fifo);
        Self {
            agent,
            place,
            mouth: mouth.expect("a FIFO"),
            said: 0,
        }
    }

    /// Has the service write so many lines, each with its number.
    fn say(&mut self, count: u64) {
        let numbers = self.said..self.said + count;
        let text = numbers.fold(String::new(), |text, number| text + &format!("{number}\n"));
        self.said += count;
        self.mouth.write_all(text.as_bytes()).expect("a service");
    }

    /// Waits until the log has all that was said.
    fn settle(&self) {
        let next = format!("next={} ", self.said);
        let mut asker = self.agent.unix();
        loop {
            let row = asker.ask("svc logs talker --tail 0");
            assert_eq!(asker.line(), "ok", "{row}");
            if row.contains(&next) {
                return;
            }
        }
    }

    /// A program that follows the log, and the subscription.
    fn subscribe(&self, tail: u64) -> (Peer, u64) {
        let mut peer = self.agent.unix();
        let params = json!({"name": "talker", "tail": tail, "follow": true});
        let answer = call(&mut peer, "logs", &params);
        let id = answer["result"]["subscription_id"].as_u64();
        (peer, id.unwrap_or_else(|| panic!("{answer}")))
    }

    /// The host's command, following the log from its last lines on.
    fn command(&self, options: Option<&str>, tail: u64) -> Child {
        let endpoint = format!("unix://{}", self.place.path("agent.sock").display());
        Command::new(lastword())
            .args(["-u", &endpoint])
            .args(options)
            .args(["svc", "logs", "talker", "--follow"])
            .arg(format!("--tail={tail}"))
            .env_remove("LASTWORD_URL")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command's binary")
    }
}

/// What the host's command says of a link whose other end is closed.
const CLOSED: &str = "the link was closed: has the agent ended?";

/// How a process ended, which has to be soon.
fn ended(child: Child) -> Output {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait_with_output()));
    let output = told.recv_timeout(BOUND).expect("an end in time");
    output.expect("our own child")
}

fn heard(peer: &mut Peer) -> Value {
    serde_json::from_str(&peer.line()).expect("JSON")
}

fn ask(peer: &mut Peer, method: &str, params: &Value) {
    let call = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
    peer.send(format!("{call}\n"));
}

/// Asks, and drops the lines of logs that come before the answer.
fn call(peer: &mut Peer, method: &str, params: &Value) -> Value {
    ask(peer, method, params);
    loop {
        let value = heard(peer);
        if value["id"] == *method {
            return value;
        }
        assert_eq!(value["method"], "log", "{value}");
    }
}

/// The number that a notification's line has.
fn number(value: &Value) -> u64 {
    let line = value["params"]["line"].as_str();
    line.and_then(|it| it.parse().ok())
        .unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_tail_and_what_follows_lose_and_repeat_nothing_across_rotations() {
    let mut talking = Talking::start("max-size \"4KiB\"; keep 200; ring \"4KiB\"");
    talking.say(3_000);
    talking.settle();
    let (mut peer, id) = talking.subscribe(1_000);
    talking.say(5_000);
    for expected in 2_000..8_000 {
        let value = heard(&mut peer);
        assert_eq!(number(&value), expected, "{value}");
        assert_eq!(value["params"]["subscription_id"], id);
        assert_eq!(value["params"]["stream"], "stdout");
    }
    let rotated = talking.place.path("state").join("logs/talker.log.5");
    assert!(rotated.exists(), "it was never rotated");
}

#[test]
fn a_reader_that_lags_is_told_how_many_lines_it_missed() {
    let mut talking = Talking::start("max-size \"4KiB\"; keep 1; ring \"4KiB\"");
    let (mut peer, _) = talking.subscribe(0);
    for _ in 0..20 {
        talking.say(2_000);
    }
    talking.settle();
    let (mut next, mut missed) = (0, 0);
    while next < talking.said {
        let value = heard(&mut peer);
        if value["method"] == "log_missed" {
            let count = value["params"]["missed"].as_u64().expect("a count");
            missed += count;
            next += count;
        } else {
            assert_eq!(number(&value), next, "{value}");
            next += 1;
        }
    }
    assert!(missed > 0 && missed < talking.said, "{missed}");
    talking.say(1);
    assert_eq!(number(&heard(&mut peer)), next);
}

#[test]
fn other_requests_are_answered_in_the_middle_of_a_flood() {
    let talking = Talking::start("max-size \"64KiB\"; keep 1");
    let flood = talking.place.path("services").join("flood.kdl");
    fs::write(flood, "command \"/usr/bin/yes\"\n").expect("a file");
    let (mut peer, _) = talking.subscribe(0);
    assert!(talking.agent.unix().ask("svc reload").contains("flood"));
    let params = json!({"name": "flood", "follow": true});
    ask(&mut peer, "logs", &params);
    let mut lines = 0;
    for id in 0..20 {
        let uptime = json!({"jsonrpc": "2.0", "id": id, "method": "uptime"});
        peer.send(format!("{uptime}\n"));
        loop {
            let value = heard(&mut peer);
            lines += u64::from(value["method"] == "log");
            if value["id"] == id {
                break;
            }
        }
    }
    while lines == 0 {
        lines += u64::from(heard(&mut peer)["method"] == "log");
    }
}

#[test]
fn nothing_comes_behind_the_answer_to_a_cancel() {
    let mut talking = Talking::start("ring \"4KiB\"");
    let (mut peer, id) = talking.subscribe(0);
    talking.say(1);
    assert_eq!(number(&heard(&mut peer)), 0);
    let params = json!({"subscription_id": id});
    assert_eq!(call(&mut peer, "logs_cancel", &params)["result"], json!({}));
    talking.say(1);
    talking.settle();
    ask(&mut peer, "uptime", &json!({}));
    assert_eq!(heard(&mut peer)["id"], "uptime");
}

#[test]
fn the_service_s_removal_and_the_agent_s_end_are_told() {
    let mut talking = Talking::start("ring \"4KiB\"");
    let (mut peer, id) = talking.subscribe(0);
    let file = talking.place.path("services").join("talker.kdl");
    let kept = fs::read(&file).expect("a file");
    fs::remove_file(&file).expect("a file");
    talking.agent.unix().ask("svc reload");
    let ends =
        |value: &Value| value["method"] == "log_end" && value["params"]["subscription_id"] == id;
    let told = heard(&mut peer);
    assert!(ends(&told), "{told}");
    fs::write(&file, kept).expect("a file");
    talking.agent.unix().ask("svc reload");
    let (mut peer, id) = talking.subscribe(0);
    let mut script = talking.agent.unix();
    script.send(format!(
        "svc logs talker --from {} --follow\n",
        talking.said
    ));
    talking.say(1);
    assert!(script.line().starts_with("| at_unix_ms="));
    assert_eq!(number(&heard(&mut peer)), 0);
    assert_eq!(talking.agent.terminate(), Some(0));
    let told = heard(&mut peer);
    assert_eq!(
        (&told["method"], &told["params"]["subscription_id"]),
        (&json!("log_end"), &json!(id))
    );
    assert_eq!(peer.rest(), "");
    let rest = script.rest();
    assert!(
        rest.starts_with("| next=") && rest.ends_with("\nok\n"),
        "{rest:?}"
    );
}

#[test]
fn a_script_follows_until_it_says_something_else() {
    let mut talking = Talking::start("ring \"4KiB\"");
    let mut script = talking.agent.unix();
    for (end, behind) in [
        ("\x03", None),
        ("\n", None),
        ("@2 uptime\n", Some("ok @2 ")),
    ] {
        let from = talking.said;
        script.send(format!("@1 svc logs talker --from {from} --follow\n"));
        talking.say(1);
        assert!(script.line().ends_with(&format!("line=\"{from}\"")));
        script.send(end);
        assert_eq!(script.line(), format!("| next={} missed=0", from + 1));
        assert_eq!(script.line(), "ok @1");
        if let Some(behind) = behind {
            assert!(script.line().starts_with(behind));
        }
    }
}

#[test]
fn the_command_follows_until_it_is_interrupted() {
    let mut talking = Talking::start("max-size \"4KiB\"; keep 200; ring \"4KiB\"");
    talking.say(100);
    talking.settle();
    for (json, last) in [(false, "ok"), (true, "{\"missed\":0,\"next\":")] {
        let mut child = talking.command(json.then_some("--json"), 10);
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut expect = |number: u64| {
            let line = lines.next().expect("a line").expect("text");
            let end = if json {
                format!("\"line\":\"{number}\"")
            } else {
                format!("line=\"{number}\"")
            };
            assert!(line.contains(&end), "{line}: {number}");
        };
        let begun = talking.said;
        (begun - 10..begun).for_each(&mut expect);
        talking.say(2_000);
        (begun..begun + 2_000).for_each(&mut expect);
        let pid = i32::try_from(child.id()).expect("a process");
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("a process");
        let rest: Vec<_> = lines.map(|line| line.expect("text")).collect();
        assert!(
            rest.last().is_some_and(|it| it.starts_with(last)),
            "{rest:?}"
        );
        assert_eq!(child.wait().expect("an end").code(), Some(130));
    }
}

#[test]
fn the_command_ends_with_the_service() {
    let mut talking = Talking::start("ring \"4KiB\"");
    talking.say(1);
    talking.settle();
    let mut child = talking.command(None, 1);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    lines.next().expect("a line").expect("text");
    fs::remove_file(talking.place.path("services").join("talker.kdl")).expect("a file");
    talking.agent.unix().ask("svc reload");
    let rest: Vec<_> = lines.map(|line| line.expect("text")).collect();
    assert_eq!(rest, ["| next=1 missed=0", "ok"]);
    let output = child.wait_with_output().expect("an end");
    let noted = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{noted}");
    assert_eq!(noted, "lastword: the service is gone\n");
}

#[test]
fn the_command_ends_when_nobody_reads_it_whether_a_line_comes_or_not() {
    let mut talking = Talking::start("ring \"4KiB\"");
    talking.say(1);
    talking.settle();
    for json in [None, Some("--json")] {
        for comes in [0, 1] {
            let mut child = talking.command(json, 1);
            let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            lines.next().expect("a line").expect("text");
            drop(lines);
            talking.say(comes);
            let output = ended(child);
            let noted = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(
                (output.status.code(), noted.as_str()),
                (Some(0), ""),
                "{json:?}, {comes}"
            );
        }
    }
}

#[test]
fn the_command_tells_that_the_agent_has_ended_beneath_it() {
    for json in [None, Some("--json")] {
        for signal in [Signal::SIGKILL, Signal::SIGTERM] {
            let mut talking = Talking::start("ring \"4KiB\"");
            talking.say(1);
            talking.settle();
            let mut child = talking.command(json, 1);
            let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
            lines.next().expect("a line").expect("text");
            talking.agent.signal(signal);
            let rest: Vec<_> = lines.map(|line| line.expect("text")).collect();
            assert_eq!(ended(child).status.code(), Some(2), "{json:?}, {signal}");
            let told = rest.iter().any(|line| line.contains(CLOSED));
            assert!(told, "{json:?}, {signal}: {rest:?}");
        }
    }
}
