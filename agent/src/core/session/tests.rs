//! What a session answers, whatever arrives.

mod compatible;
mod document;
mod event_streams;
mod events;
mod follow;
mod json;
mod listing;
mod lost;
mod resuming;
mod services;
mod telnet;
mod turns;
mod typed_ahead;
mod unasked;
mod working;

use super::*;
use crate::core::clients::Life;
use crate::core::config::Limits;
use crate::core::service::Name;
use crate::core::world::Look;
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::hello::{self, Hello, Welcome};
use lastword_protocol::identity::{
    BoardKind, BootSource, CURRENT, Capabilities, Cause, Identity, OLDEST,
};
use lastword_protocol::message::{Initiated, Pending, Reply, Request, Uptime, opcode};
use lastword_protocol::power::{Backend, Operation, PowerRequest};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::stream::{
    STREAM_WINDOW, StreamChunk, StreamControl, StreamCredit, StreamEnd, StreamFrame, StreamId,
    StreamIdle,
};
use lastword_protocol::{BootId, ClientId, Millis, Sequence, Text};
use lastword_shell::{Medium, commands};
use std::sync::Arc;

const BOOT: BootId = BootId([7; 16]);
const CLIENT: ClientId = ClientId(0xC11E);
const TCP: Traits = Traits {
    medium: Medium::Stream,
    marked: false,
    telnet: true,
};
const UART: Traits = Traits {
    medium: Medium::Serial { baud: 115_200 },
    marked: true,
    telnet: false,
};

struct Board;

impl World for Board {
    fn identity(&self) -> Identity {
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot: BOOT,
            boot_source: BootSource::Kernel,
            cause: Cause::External,
            kind: BoardKind::Linux,
            name: Text::try_from("board1").unwrap(),
            firmware: Text::new(),
            build: Text::new(),
            backend: Backend::DryRun,
            mtu: 512,
            window: 8,
            capabilities: Capabilities(0),
            schema: 0,
            last: None,
            active: None,
            pending: None,
        }
    }

    fn pending(&self) -> Option<Pending> {
        None
    }

    fn look(&self, _look: Look) -> Reply {
        Reply::Uptime(Uptime {
            uptime: Millis(12_345),
            boot: BOOT,
        })
    }

    fn left(&self, now: Instant, ask: &Ask) -> Option<Millis> {
        matches!(ask, Ask::Service(_)).then(|| Instant(30_000).since(now))
    }

    fn services(&self) -> Arc<[Name]> {
        let names = ["cam", "camera", "web"].map(|name| Name::try_from(name).unwrap());
        Arc::new(names)
    }
}

/// A session whose power desk initiates whatever it is asked.
struct Bench {
    session: Session,
    now: Instant,
    asked: Vec<Ask>,
    said: Vec<u8>,
}

impl Bench {
    fn new(traits: Traits) -> Self {
        Self::of(traits, &Self::house())
    }

    fn house() -> House {
        House {
            name: "board1".to_owned(),
            table: commands::ALL,
            clients: Clients::new(BOOT, Life(Millis(0))),
            limits: Limits::default(),
        }
    }

    fn of(traits: Traits, house: &House) -> Self {
        let session = Session::new(traits, house, Nonce(1), Instant(0));
        Self {
            session,
            now: Instant(0),
            asked: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Has the client give credit for a window behind `acknowledged`, and returns the chunks that come.
    fn read_on(&mut self, nonce: Nonce, stream: StreamId, acknowledged: u64) -> Vec<StreamChunk> {
        let credit = StreamControl::Credit(StreamCredit {
            stream,
            acknowledged,
            limit: acknowledged + STREAM_WINDOW,
            again: false,
        });
        self.said.clear();
        let credit: Packet<FRAME_BYTES> = credit.frame(nonce).unwrap();
        self.session.receive(self.now, &credit, &Board);
        self.take_output();
        while self.session.has_bulk_frame() {
            self.session.say_bulk_frame(self.now);
            assert!(!self.session.has_bulk_frame(), "one at a time");
            self.take_output();
        }
        let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
        decoder.enter(Some(nonce));
        let mut chunks = Vec::new();
        for byte in std::mem::take(&mut self.said) {
            if let Step::Frame(frame) = decoder.push(Instant(0), byte)
                && let Some(StreamFrame::Chunk(chunk)) = StreamFrame::read(&frame)
            {
                chunks.push(chunk);
            }
        }
        chunks
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.session.receive(self.now, bytes, &Board);
        self.take_output();
        while let Some(job) = self.session.take_job() {
            self.asked.push(job.ask);
            let reply = Reply::Initiated(Initiated {
                operation: Operation::Reboot,
                backend: Backend::DryRun,
                id: job.assigned,
            });
            self.session
                .answered(self.now, job.id, &[reply], true, &Board);
            self.take_output();
        }
    }

    /// Takes what is said, turn after turn, until there is nothing more to do.
    fn take_output(&mut self) {
        loop {
            self.said.extend_from_slice(self.session.output().front());
            let count = self.session.output().len();
            self.session.wrote(self.now, count);
            if !self.session.has_work() {
                return;
            }
            self.session.work(self.now, &Board);
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now.after(Millis(millis));
        self.session.tick(self.now, &Board);
        self.take_output();
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }
}

fn request(nonce: Nonce, sequence: u16, request: &Request) -> Packet<FRAME_BYTES> {
    let header = Header::new(Class::Request, Sequence(sequence), request.opcode());
    frame::encode(header, nonce, |out| request.encode(out).ok()).unwrap()
}

fn ask_hello(client: ClientId, take_over: bool) -> Packet<FRAME_BYTES> {
    let hello = Hello {
        client,
        oldest: OLDEST,
        current: CURRENT,
        take_over,
        name: Text::new(),
    };
    hello::ask(Sequence(1), &hello).unwrap()
}

/// The nonce of a session that was welcomed among these bytes.
fn welcomed(bytes: &[u8]) -> Nonce {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    for byte in bytes {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte)
            && let Some(Welcome { nonce, .. }) = hello::decode::<Welcome>(&frame)
        {
            return nonce;
        }
    }
    panic!("no welcome in {bytes:02x?}");
}

/// The opcodes of the frames among these bytes.
fn opcodes(bytes: &[u8], nonce: Nonce) -> Vec<(Class, u8)> {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    decoder.enter(Some(nonce));
    let mut found = Vec::new();
    for byte in bytes {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte) {
            found.push((frame.header.class, frame.header.opcode));
        }
    }
    found
}

#[test]
fn a_script_gets_one_line_for_one_line() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"uptime\n@7 uptime\n");
    let lines: Vec<_> = bench.said.split(|byte| *byte == b'\n').collect();
    assert!(
        lines[0].starts_with(b"ok uptime_ms=12345"),
        "{}",
        bench.text()
    );
    assert!(
        lines[1].starts_with(b"ok @7 uptime_ms=12345"),
        "{}",
        bench.text()
    );
}

#[test]
fn nothing_is_sent_on_a_stream_before_the_first_line_ends() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"upti");
    assert_eq!(bench.text(), "");
}

#[test]
fn both_forms_of_reboot_take_the_same_path_in_every_dialect() {
    let plain = Ask::Stage(PowerRequest::plain(Operation::Reboot));
    for line in [
        "reboot\n",
        "power reboot\n",
        "power reboot\r\n",
        "reboot\r\0",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"power.reboot\"}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reboot\"}\n",
    ] {
        let mut bench = Bench::new(TCP);
        bench.receive(line.as_bytes());
        assert_eq!(
            bench.asked,
            std::slice::from_ref(&plain),
            "{line:?}: {}",
            bench.text()
        );
    }
}

#[test]
fn json_parameters_are_options() {
    let mut bench = Bench::new(TCP);
    bench.receive(
        br#"{"jsonrpc":"2.0","id":"a","method":"power.reboot","params":{"in":"30s","force":true,"reason":"say \"x\"","op":7}}"#,
    );
    bench.receive(b"\n");
    let [Ask::Stage(asked)] = bench.asked.as_slice() else {
        panic!("{}", bench.text())
    };
    assert_eq!((asked.delay, asked.force), (Millis(30_000), true));
    assert_eq!(asked.reason, "say \"x\"");
    assert_eq!(asked.id, Some(OperationId(7)));
    let answer: serde_json::Value = serde_json::from_str(&bench.text()).unwrap();
    assert_eq!(answer["id"], "a");
    assert_eq!(answer["result"]["operation"], "reboot");
}

#[test]
fn json_errors_carry_the_codes_of_the_standard_and_ours() {
    for (line, code, ours) in [
        ("{not json\n", -32_700, 400),
        ("{\"id\":1,\"method\":\"status\"}\n", -32_600, 400),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dance\"}\n",
            -32_601,
            404,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"power.reboot\",\"params\":{\"in\":\"soon\"}}\n",
            -32_602,
            422,
        ),
    ] {
        let mut bench = Bench::new(TCP);
        bench.receive(line.as_bytes());
        let answer: serde_json::Value = serde_json::from_str(&bench.text()).expect(line);
        assert_eq!(answer["error"]["code"], code, "{line}");
        assert_eq!(answer["error"]["data"]["code"], ours, "{line}");
        assert!(bench.asked.is_empty());
    }
}

#[test]
fn frames_are_answered_once_and_replayed_after() {
    for traits in [
        TCP,
        Traits {
            marked: false,
            ..UART
        },
    ] {
        let mut bench = Bench::new(traits);
        bench.receive(&ask_hello(CLIENT, false));
        let nonce = welcomed(&bench.said);
        assert_eq!(
            opcodes(&bench.said, nonce),
            [(Class::Hello, hello::opcode::WELCOME)]
        );
        bench.said.clear();

        let reboot = request(nonce, 1, &Request::Reboot);
        bench.receive(&reboot);
        let first = std::mem::take(&mut bench.said);
        bench.receive(&reboot);
        assert_eq!(bench.said, first, "replayed byte for byte");
        assert_eq!(bench.asked.len(), 1);
    }
}

#[test]
fn a_flipped_frame_that_holds_a_command_line_runs_nothing() {
    let mut first = Bench::new(TCP);
    first.receive(&ask_hello(CLIENT, false));
    // The same in every session of the same client that is the first of its agent.
    let nonce = welcomed(&first.said);
    let request = PowerRequest {
        reason: Text::try_from("x\npower reboot\ny").unwrap(),
        ..PowerRequest::plain(Operation::Reboot)
    };
    let whole = self::request(nonce, 1, &Request::Power(request));
    for traits in [
        TCP,
        Traits {
            marked: false,
            ..UART
        },
    ] {
        for bit in 8..(whole.len() - 1) * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut bench = Bench::new(traits);
            bench.receive(&ask_hello(CLIENT, false));
            bench.receive(&flipped);
            assert!(bench.asked.is_empty(), "bit {bit}");
        }
    }
}

#[test]
fn another_client_is_told_who_owns_the_line_unless_it_takes_over() {
    let other = ClientId(2);
    for (traits, take_over, expected) in [
        (UART, false, hello::opcode::BUSY),
        (UART, true, hello::opcode::WELCOME),
        (TCP, false, hello::opcode::WELCOME),
    ] {
        let mut bench = Bench::new(Traits {
            marked: false,
            ..traits
        });
        bench.receive(&ask_hello(CLIENT, false));
        bench.said.clear();
        bench.receive(&ask_hello(other, take_over));
        let said = opcodes(&bench.said, Nonce(0));
        assert_eq!(said, [(Class::Hello, expected)], "{traits:?} {take_over}");
    }
}

#[test]
fn a_goodbye_gives_the_line_free() {
    let mut bench = Bench::new(Traits {
        marked: false,
        ..UART
    });
    bench.receive(&ask_hello(CLIENT, false));
    bench.receive(&hello::goodbye::<FRAME_BYTES>(CLIENT).unwrap());
    bench.said.clear();
    bench.receive(&ask_hello(ClientId(2), false));
    assert_eq!(
        opcodes(&bench.said, Nonce(0)),
        [(Class::Hello, hello::opcode::WELCOME)]
    );
}

#[test]
fn behind_frames_a_line_is_taken_at_once_only_if_their_owner_has_said_goodbye() {
    for (leaving, taken) in [
        (Some(CLIENT), true),
        (Some(ClientId(2)), false),
        (None, false),
    ] {
        let mut bench = Bench::new(UART);
        bench.receive(&ask_hello(CLIENT, false));
        if let Some(client) = leaving {
            bench.receive(&hello::goodbye::<FRAME_BYTES>(client).unwrap());
        }
        bench.said.clear();
        bench.receive(b"uptime\n");
        let said = String::from_utf8_lossy(&bench.said);
        assert_eq!(said.contains("ok uptime_ms="), taken, "{leaving:?}: {said}");
    }
}

#[test]
fn a_break_drops_the_line_and_forgets_the_dialect() {
    let mut bench = Bench::new(UART);
    bench.receive(b"uptime\nreboo\xFF\x00\x00t\n");
    assert!(bench.asked.is_empty(), "{}", bench.text());
}

#[test]
fn a_person_gets_echo_and_prompt() {
    let mut bench = Bench::new(Traits {
        marked: false,
        ..UART
    });
    bench.receive(b"u");
    bench.wait(50);
    bench.receive(b"ptime\r");
    bench.wait(50);
    let text = bench.text();
    assert!(text.starts_with("uptime"), "{text:?}");
    assert!(
        text.contains("12.345") || text.contains("12345"),
        "{text:?}"
    );
    assert!(text.ends_with("board1> "), "{text:?}");
}

#[test]
fn a_person_edits_and_completes_and_lines_come_back_but_no_reboot_does() {
    let mut bench = Bench::new(Traits {
        marked: false,
        ..UART
    });
    bench.receive(b"uptime\r");
    bench.wait(50);
    for (keys, shown) in [
        (
            &b"po\tcax\x02\x1b[3~\t"[..],
            "\rboard1> power cancel \x1b[K",
        ),
        (b"\x15h\t\t", "\r\nhelp  hello\r\n\rboard1> hel\x1b[K"),
        (b"\x15\x1b[A", "\rboard1> uptime\x1b[K"),
        (b"\x15uptime; reboot\r\x1b[A", "\rboard1> uptime\x1b[K"),
    ] {
        bench.said.clear();
        bench.receive(keys);
        let text = bench.text();
        assert!(text.ends_with(shown), "{text:?}");
    }
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn what_is_typed_behind_a_power_command_is_not_lost() {
    let mut bench = Bench::new(Traits {
        marked: false,
        ..UART
    });
    bench.receive(b"reboot\rup");
    bench.receive(b"time\r");
    bench.wait(50);
    let text = bench.text();
    assert_eq!(bench.asked.len(), 1, "{text:?}");
    assert!(text.contains("uptime\r\n"), "{text:?}");
}

#[test]
fn an_unfinished_line_never_runs() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"uptime\nreboot");
    bench.session.end_of_input(&Board);
    bench.take_output();
    assert!(bench.asked.is_empty());
    assert!(bench.text().contains("err 400"), "{}", bench.text());
    assert_eq!(bench.session.end(), Some(End::Finished));
}

#[test]
fn an_unfinished_line_behind_a_power_command_is_refused_once_that_is_answered() {
    let mut bench = Bench::new(TCP);
    bench.session.receive(bench.now, b"reboot\nupti", &Board);
    bench.session.end_of_input(&Board);
    bench.receive(b"");
    let text = bench.text();
    assert!(text.starts_with("ok initiated"), "{text:?}");
    assert!(
        text.ends_with('\n') && text.contains("\nerr 400"),
        "{text:?}"
    );
}

#[test]
fn whoever_speaks_http_is_shown_the_door() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"POST / HTTP/1.1\r\nX: y\r\n\r\nreboot\n");
    assert_eq!(bench.session.end(), Some(End::Finished));
    assert!(bench.asked.is_empty());
    assert_eq!(bench.text(), "");
}

#[test]
fn the_silent_the_idle_and_the_stalled_are_dropped_in_time() {
    let limits = Limits::default();
    let mut silent = Bench::new(TCP);
    silent.wait(limits.silent.0 - 1);
    assert_eq!(silent.session.end(), None);
    silent.wait(1);
    assert_eq!(silent.session.end(), Some(End::Silent));

    let mut idle = Bench::new(TCP);
    idle.receive(b"uptime\n");
    idle.wait(limits.idle.0 - 1);
    assert_eq!(idle.session.end(), None);
    idle.wait(1);
    assert_eq!(idle.session.end(), Some(End::Idle));

    let mut stalled = Bench::new(TCP);
    stalled.session.receive(Instant(0), b"uptime\n", &Board);
    stalled.session.tick(Instant(limits.stall.0 - 1), &Board);
    assert_eq!(stalled.session.end(), None);
    stalled.session.tick(Instant(limits.stall.0), &Board);
    assert_eq!(stalled.session.end(), Some(End::Stalled));
}

#[test]
fn a_peer_that_waits_long_for_an_answer_has_its_time_to_take_it() {
    let limits = Limits::default();
    let mut waiting = Bench::new(TCP);
    waiting.session.receive(Instant(0), b"reboot\n", &Board);
    let job = waiting.session.take_job().unwrap();
    let reply = Reply::Initiated(Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id: job.assigned,
    });
    let late = Instant(0).after(limits.stall).after(limits.stall);
    waiting
        .session
        .answered(late, job.id, &[reply], true, &Board);
    waiting.session.tick(late, &Board);
    assert_eq!(waiting.session.end(), None);
    waiting.session.tick(late.after(limits.stall), &Board);
    assert_eq!(waiting.session.end(), Some(End::Stalled));
}

#[test]
fn behind_its_last_word_a_session_is_mute_and_what_arrives_waits() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"reboot\n");
    bench.session.mute();
    bench.said.clear();
    bench.receive(b"uptime\nupti");
    bench.session.end_of_input(&Board);
    assert_eq!(bench.text(), "");
    bench.session.unmute(bench.now, &Board);
    bench.take_output();
    let text = bench.text();
    assert!(text.starts_with("ok uptime_ms="), "{text}");
    assert!(text.contains("\nerr 400"), "{text}");
}

#[test]
fn an_answer_that_comes_behind_the_last_word_waits_too() {
    let busy = || Reply::Refused(Refusal::new(Code::Busy, ""));
    let mut script = Bench::new(TCP);
    script.session.receive(script.now, b"reboot\n", &Board);
    script.session.mute();
    let job = script.session.take_job().unwrap();
    script
        .session
        .answered(script.now, job.id, &[busy()], false, &Board);
    script.session.unmute(script.now, &Board);
    script.take_output();
    assert_eq!(script.text(), "err 409 busy\n");

    let mut client = Bench::new(TCP);
    client.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&client.said);
    client.said.clear();
    let reboot = request(nonce, 1, &Request::Reboot);
    client.session.receive(client.now, &reboot, &Board);
    client.session.mute();
    let job = client.session.take_job().unwrap();
    client
        .session
        .answered(client.now, job.id, &[busy()], false, &Board);
    assert!(client.session.output().is_empty());
    client.session.unmute(client.now, &Board);
    client.take_output();
    let refused = (Class::Reply, opcode::REFUSED);
    assert_eq!(opcodes(&client.said, nonce), [refused]);
}

/// Asks for a reboot on a link that goes, and again on the next.
#[track_caller]
fn check_asked_again(answer: &Reply, staged: bool, before_it_goes: bool, expected: Code) {
    let house = Bench::house();
    let mut bench = Bench::of(TCP, &house);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    let reboot = request(nonce, 1, &Request::Reboot);
    bench.session.receive(bench.now, &reboot, &Board);
    let job = bench.session.take_job().unwrap();
    let answer = std::slice::from_ref(answer);
    if before_it_goes {
        bench.session.mute();
        bench
            .session
            .answered(bench.now, job.id, answer, staged, &Board);
    }
    let unanswered = bench.session.abandon();
    assert_eq!(unanswered.is_empty(), before_it_goes);
    for unanswered in unanswered {
        assert_eq!(unanswered.id(), job.id);
        unanswered.keep(answer, staged);
    }

    let mut next = Bench::of(TCP, &house);
    next.receive(&ask_hello(CLIENT, false));
    next.said.clear();
    next.receive(&reboot);
    assert!(next.asked.is_empty(), "it runs once");
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    decoder.enter(Some(nonce));
    let told = next.said.iter().find_map(|byte| {
        let Step::Frame(frame) = decoder.push(Instant(0), *byte) else {
            return None;
        };
        Reply::decode(frame.header.opcode, frame.body).ok()
    });
    let Some(Reply::Refused(refusal)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(refusal.code, expected);
}

#[test]
fn a_request_whose_link_goes_before_its_answer_is_answered_on_the_next() {
    let busy = Reply::Refused(Refusal::new(Code::Busy, ""));
    let initiated = Reply::Initiated(Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id: OperationId(7),
    });
    check_asked_again(&busy, false, false, Code::Busy);
    check_asked_again(&busy, false, true, Code::Busy);
    // What was staged stands down, because nobody could be told.
    check_asked_again(&initiated, true, false, Code::Aborted);
}

#[test]
fn input_is_held_back_while_answers_pile_up() {
    let mut bench = Bench::new(TCP);
    let lines = b"help\n".repeat(WINDOW_BYTES / 5);
    while bench.session.output().len() < OUTPUT_BYTES {
        if bench.session.has_work() {
            bench.session.work(Instant(0), &Board);
        } else {
            assert!(bench.session.wants_input());
            bench.session.receive(Instant(0), &lines, &Board);
        }
    }
    assert!(!bench.session.wants_input());
    assert!(!bench.session.has_work());
}
