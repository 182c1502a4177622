//! Lines of a log as an answer: read as the peer takes them, in every dialect.

use super::*;
use crate::core::log::range::LogRange;
use crate::core::log::{Cursor, Line, Stream};
use crate::core::service::answer::{Pages, push_line};
use lastword_protocol::message::service::{Item, Logs, ServiceName, ServiceRequest};
use serde_json::Value;

/// Where the log ends.
const KNOWN: u64 = 1_000;

fn name() -> ServiceName {
    Text::try_from("camera").unwrap()
}

fn line(number: u64, text: &str) -> Line {
    Line {
        cursor: Cursor(number),
        unix_ms: 5,
        stream: Stream::Out,
        continues: false,
        bytes: format!("{text} {number}").into_bytes(),
    }
}

fn known() -> Reply {
    let mut pages = Pages::default();
    let (from, missed) = (KNOWN, 0);
    pages.push(&Item::Next { from, missed });
    pages.done().remove(0)
}

/// Says `text`, and answers where logs end.
fn ask(bench: &mut Bench, text: &str) {
    bench.session.receive(bench.now, text.as_bytes(), &Board);
    bench.take_output();
    answer(bench);
}

fn answer(bench: &mut Bench) {
    while let Some(job) = bench.session.take_job() {
        let where_it_ends = Logs {
            name: name(),
            from: None,
            lines: 0,
            follow: false,
        };
        assert_eq!(job.ask, Ask::Service(ServiceRequest::Logs(where_it_ends)));
        bench
            .session
            .answered(bench.now, job.id, &[known()], false, &Board);
    }
}

/// The reading that the session orders, and where it begins.
#[track_caller]
fn started(bench: &mut Bench) -> (FollowId, u64) {
    match bench.session.take_follow() {
        Some(FollowOrder::Start { id, from, .. }) => (id, from.0),
        other => panic!("{other:?}"),
    }
}

/// Hands over lines `from` to `to`.
fn hand(bench: &mut Bench, id: FollowId, lines: Vec<Line>, missed: u64) {
    assert!(bench.session.wants_lines(id));
    let news = News::Lines { missed, lines };
    bench.session.followed(bench.now, id, news, &Board);
}

#[test]
fn lines_are_read_while_there_is_room_and_the_answer_ends_where_the_log_did() {
    for (text, rows, end) in [
        (
            "@7 svc logs camera --tail 1000\n",
            "line=\"long",
            "| next=1000 missed=0\nok @7\n",
        ),
        ("svc logs camera --tail 1000\r\0", "long", "board1> "),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"svc.logs\",\"params\":{\"name\":\"camera\",\"tail\":1000}}\n",
            "\"line\":\"long",
            "],\"missed\":0,\"next\":1000}}\n",
        ),
    ] {
        let mut bench = Bench::new(TCP);
        ask(&mut bench, text);
        let (id, mut at) = started(&mut bench);
        assert_eq!(at, 0);
        let mut most = 0;
        while at < KNOWN {
            while bench.session.wants_lines(id) && at < KNOWN {
                // One more is there by now: it is not wanted.
                let lines = (at..at + 11).map(|number| line(number, "long")).collect();
                hand(&mut bench, id, lines, 0);
                at += 11;
            }
            most = most.max(bench.session.held_bytes());
            bench.take_output();
        }
        assert!(most < OUTPUT_BYTES, "{most}");
        let said = bench.text();
        assert_eq!(said.matches(rows).count(), 1_000, "{text}");
        assert!(said.ends_with(end), "{}", &said[said.len() - 200..]);
        assert_eq!(bench.session.take_follow(), Some(FollowOrder::Stop(id)));
        if text.starts_with('{') {
            let answer: Value = serde_json::from_str(&said).expect("one answer");
            assert_eq!(answer["id"], 7);
            assert_eq!(answer["result"]["lines"][999]["line"], "long 999");
        }
    }
}

#[test]
fn whatever_is_typed_meanwhile_waits_for_the_end_of_the_answer() {
    let mut bench = Bench::new(TCP);
    ask(&mut bench, "svc logs camera --tail 2; uptime\n@2 uptime\n");
    let (id, from) = started(&mut bench);
    assert_eq!(from, 998);
    hand(&mut bench, id, vec![line(998, "line")], 0);
    bench.take_output();
    assert!(!bench.text().contains("uptime"), "{}", bench.text());
    hand(&mut bench, id, vec![line(999, "line")], 0);
    bench.take_output();
    let said = bench.text();
    let rows: Vec<_> = said
        .lines()
        .map(|row| row.split('=').next().unwrap())
        .collect();
    let expected = [
        "| at_unix_ms",
        "| at_unix_ms",
        "| next",
        "| 1 ok",
        "| 2 ok uptime_ms",
        "ok done",
        "ok @2 uptime_ms",
    ];
    assert_eq!(rows, expected, "{said}");
}

#[test]
fn what_is_gone_is_counted_at_the_end_and_not_of_a_tail() {
    for (text, missed) in [
        (
            "svc logs camera --from 990 --tail 10\n",
            "| next=1000 missed=4\n",
        ),
        ("svc logs camera --tail 10\n", "| next=1000 missed=0\n"),
    ] {
        let mut bench = Bench::new(TCP);
        ask(&mut bench, text);
        let (id, from) = started(&mut bench);
        assert_eq!(from, 990);
        let lines = (994..1_000).map(|number| line(number, "line")).collect();
        hand(&mut bench, id, lines, 4);
        bench.take_output();
        let said = bench.text();
        assert!(said.contains(missed), "{text}: {said}");
    }
}

#[test]
fn a_log_that_fails_in_mid_answer_says_where_it_goes_on() {
    let call =
        "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"svc.logs\",\"params\":{\"name\":\"camera\"}}\n";
    for (text, end) in [
        (
            "svc logs camera\n",
            "err 500 internal detail=\"bad disk\"\n",
        ),
        (
            call,
            "],\"missed\":0,\"next\":991,\"error\":\"bad disk\"}}\n",
        ),
    ] {
        let mut bench = Bench::new(TCP);
        ask(&mut bench, text);
        let (id, from) = started(&mut bench);
        hand(&mut bench, id, vec![line(from, "line")], 0);
        let failed = News::Failed("bad disk".to_owned());
        bench.session.followed(bench.now, id, failed, &Board);
        bench.take_output();
        let said = bench
            .text()
            .replace(&format!("\"next\":{}", from + 1), "\"next\":991");
        assert!(said.ends_with(end), "{said}");
    }
}

#[test]
fn an_interrupt_ends_it_in_mid_way() {
    for (text, end) in [
        ("svc logs camera --tail 9\r\0", "board1> "),
        (
            "svc logs camera --tail 9\n",
            "err 499 aborted detail=\"interrupted\"\n",
        ),
    ] {
        let mut bench = Bench::new(TCP);
        ask(&mut bench, text);
        let (id, from) = started(&mut bench);
        hand(&mut bench, id, vec![line(from, "line")], 0);
        bench.receive(b"\x03");
        let said = bench.text();
        assert!(said.ends_with(end), "{said:?}");
        assert_eq!(bench.session.take_follow(), Some(FollowOrder::Stop(id)));
        bench.receive(b"uptime\n");
        assert!(bench.text().contains("12"), "{}", bench.text());
    }
}

#[test]
fn whoever_does_not_take_it_is_dropped_as_others_are() {
    let mut bench = Bench::new(TCP);
    ask(&mut bench, "svc logs camera\n");
    let (id, from) = started(&mut bench);
    hand(&mut bench, id, vec![line(from, "line")], 0);
    let stall = Limits::default().stall;
    bench.session.tick(bench.now.after(stall), &Board);
    assert_eq!(bench.session.end(), Some(End::Stalled));
}

/// A client in frames.
struct FramesClient {
    bench: Bench,
    nonce: Nonce,
}

impl FramesClient {
    fn new() -> Self {
        let mut bench = Bench::new(TCP);
        bench.receive(&ask_hello(CLIENT, false));
        let nonce = welcomed(&bench.said);
        bench.said.clear();
        Self { bench, nonce }
    }

    /// Sends a request. Returns what it has others asked.
    fn ask(&mut self, number: u16, asked: ServiceRequest) -> Option<Job> {
        let asked = request(self.nonce, number, &Request::Service(asked));
        self.bench.session.receive(self.bench.now, &asked, &Board);
        self.bench.take_output();
        self.bench.session.take_job()
    }

    /// Asks for lines, of which `pages` are read and `rest` is not.
    fn ask_for_lines(&mut self, wanted: &Logs, pages: &[Reply], rest: &LogRange) {
        let logs = ServiceRequest::Logs(wanted.clone());
        let job = self.ask(1, logs).expect("a question");
        self.bench.session.continues(job.id, rest.clone());
        self.answer(&job, pages);
    }

    fn read_on(&mut self, acknowledged: u64) -> Vec<StreamChunk> {
        let nonce = self.nonce;
        self.bench.read_on(nonce, StreamId(1), acknowledged)
    }

    fn answer(&mut self, job: &Job, pages: &[Reply]) {
        self.bench
            .session
            .answered(self.bench.now, job.id, pages, false, &Board);
        self.bench.take_output();
    }
}

/// Ten lines from the beginning, the first of them as two pages, and what is then to be read.
fn ten_lines() -> (Logs, Vec<Reply>, LogRange) {
    let wanted = Logs {
        name: name(),
        from: Some(0),
        lines: 10,
        follow: false,
    };
    let mut range = LogRange::new(&wanted, Cursor(KNOWN), false);
    let mut pages = Pages::default();
    let mut lines = vec![line(0, &"long".repeat(160))];
    range.take(0, &mut lines);
    push_line(&mut pages, &lines[0]);
    let pages: Vec<_> = pages.so_far().collect();
    assert_eq!(pages.len(), 2);
    (wanted, pages, range)
}

#[test]
fn a_client_in_frames_has_the_rest_read_once_it_gives_credit_for_it() {
    let (wanted, pages, range) = ten_lines();
    let mut client = FramesClient::new();
    client.ask_for_lines(&wanted, &pages, &range);
    assert!(client.bench.session.take_job().is_none());
    let chunks = client.read_on(0);
    assert_eq!(chunks.len(), 1, "the session has the page");
    let job = client.bench.session.take_job().expect("a question");
    assert_eq!(job.ask, Ask::ReadLog(range));
    assert!(client.read_on(1).is_empty());
    assert!(client.bench.session.take_job().is_none(), "one at a time");
    client.answer(&job, &[known()]);
    let chunks = client.read_on(1);
    assert_eq!(chunks.len(), 1);
    assert_eq!(chunks[0].end, Some(StreamEnd::Complete));
}

#[test]
fn a_request_for_which_there_is_no_room_may_be_sent_again() {
    let full = Reply::Refused(Refusal::new(Code::SlowDown, "ask again later"));
    let mut client = FramesClient::new();
    for _ in 0..2 {
        let list = client.ask(2, ServiceRequest::List).expect("a question");
        client.answer(&list, std::slice::from_ref(&full));
    }
    let list = client.ask(2, ServiceRequest::List).expect("a question");
    client.answer(&list, &[known()]);
    assert!(
        client.ask(2, ServiceRequest::List).is_none(),
        "and then it is kept"
    );
}
