//! What a session does before others have their turn, and what it holds meanwhile.

use super::*;
use crate::core::service::answer::{ANSWER_PAGES, Pages};
use crate::core::session::follow::ROWS_OUTPUT_BYTES;
use lastword_protocol::message::service::{Brief, Item, ServiceRequest, ServiceState};

fn finals(bench: &Bench) -> usize {
    let text = bench.text();
    text.lines().filter(|line| line.starts_with("ok")).count()
}

/// Gives the session turns until it has no more to do, and what each said.
fn turns(bench: &mut Bench, bytes: &[u8]) -> Vec<String> {
    bench.session.receive(bench.now, bytes, &Board);
    let mut said = Vec::new();
    loop {
        let output = bench.session.output();
        let count = output.len();
        said.push(String::from_utf8_lossy(output.front()).into_owned());
        bench.session.wrote(bench.now, count);
        if !bench.session.has_work() {
            return said;
        }
        bench.session.work(bench.now, &Board);
    }
}

#[test]
fn a_turn_ends_behind_a_step_of_a_line() {
    for lines in ["uptime\nuptime\nuptime\n", "uptime; uptime; uptime\n"] {
        let mut bench = Bench::new(TCP);
        let said = turns(&mut bench, lines.as_bytes());
        let rows = |said: &String| said.matches("uptime_ms=").count();
        let most = said.iter().map(rows).max();
        let all: usize = said.iter().map(rows).sum();
        assert_eq!((most, all), (Some(1), 3), "{lines:?}: {said:?}");
    }
}

#[test]
fn a_turn_ends_behind_a_frame() {
    let mut bench = Bench::new(TCP);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    let all: Vec<u8> = (1..=3)
        .flat_map(|number| request(nonce, number, &Request::Uptime))
        .collect();
    let said = turns(&mut bench, &all);
    let busy = said.iter().filter(|said| !said.is_empty()).count();
    assert_eq!(busy, 3, "{said:?}");
}

#[test]
fn a_turn_ends_behind_so_many_keys() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"\r\0");
    let said = turns(&mut bench, &[b'z'; 70]);
    assert_eq!(said[0].matches('z').count(), TURN_BYTES);
    assert!(said.len() > 1);
    assert_eq!(bench.session.held_bytes(), 0);
}

#[test]
fn blank_lines_are_no_steps() {
    let mut bench = Bench::new(TCP);
    let said = turns(&mut bench, &[b'\n'; TURN_BYTES]);
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn what_is_left_is_done_before_input_ends() {
    let mut bench = Bench::new(TCP);
    let lines = b"uptime\n".repeat(20);
    bench.session.receive(bench.now, &lines, &Board);
    bench.session.end_of_input(&Board);
    assert_eq!(bench.session.end(), None);
    bench.take_output();
    assert_eq!(finals(&bench), 20, "{}", bench.text());
    assert_eq!(bench.session.end(), Some(End::Finished));
}

fn services(count: u32) -> Vec<Reply> {
    let mut pages = Pages::default();
    for pid in 1..=count {
        pages.push(&Item::Service(Brief {
            name: "a-service-with-a-name-as-long-as",
            state: ServiceState::Running,
            pid: Some(pid),
            port: 8_080,
            uptime: Some(Millis(123_456_789)),
            restarts: 2,
            last_exit: None,
            memory_kib: 12_345,
            log_failing: false,
            file_changed: false,
            reason: "",
        }));
    }
    pages.done()
}

/// Sends `input` over and over to a session whose peer takes nothing, and answers what it asks.
/// Returns the most that the session ever held.
fn flood(input: &[u8]) -> usize {
    let mut bench = Bench::new(TCP);
    let mut most = 0;
    let answer = services(100_000);
    for _ in 0..2_000 {
        if bench.session.has_work() {
            bench.session.work(bench.now, &Board);
        } else if bench.session.wants_input() {
            bench.session.receive(bench.now, input, &Board);
        }
        while let Some(job) = bench.session.take_job() {
            assert_eq!(job.ask, Ask::Service(ServiceRequest::List));
            let now = bench.now;
            bench.session.answered(now, job.id, &answer, false, &Board);
        }
        most = most.max(bench.session.held_bytes());
    }
    most
}

#[test]
fn whatever_is_asked_a_session_holds_a_bounded_amount() {
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"svc.list"}"#;
    for line in [
        "help\n",
        "help; help; help; help; help; help; help\n",
        "svc list\n",
        "\x20svc list; svc list; svc list; svc list\r\0",
        "\rab\x02c\x02d\x02e\t\t\x15svc status \t\t",
        "\r\0\r\0\r\0\x03\x03\x03",
        list,
        "{}\n",
        "\x1b[A\x1b[A\x1b[B\n",
    ] {
        let line = if line == list {
            format!("{list}\n")
        } else {
            line.to_owned()
        };
        let input = line.repeat(512 / line.len());
        let most = flood(input.as_bytes());
        assert!(most <= SESSION_BYTES, "{line:?}: {most}");
    }
}

#[test]
fn pages_that_a_client_in_frames_has_not_asked_for_are_held() {
    let mut bench = Bench::new(TCP);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    let list = Request::Service(ServiceRequest::List);
    let list = request(nonce, 1, &list);
    bench.session.receive(bench.now, &list, &Board);
    let job = bench.session.take_job().expect("a question");
    let pages = services(1_000);
    bench
        .session
        .answered(bench.now, job.id, &pages, false, &Board);
    bench.take_output();
    let held = (pages.len() - 1) * size_of::<Reply>();
    assert_eq!(bench.session.held_bytes(), held);
    let sent = bench.read_on(nonce, StreamId(1), 0).len();
    assert_eq!(bench.session.held_bytes(), held, "what is sent is kept");
    let sent = sent + bench.read_on(nonce, StreamId(1), sent as u64).len();
    let acknowledged = sent - usize::try_from(STREAM_WINDOW).unwrap();
    assert_eq!(
        bench.session.held_bytes(),
        held - acknowledged * size_of::<Reply>()
    );
}

#[test]
fn an_answer_is_said_page_by_page_as_it_is_taken() {
    for (line, end) in [
        ("svc list\n", "ok\n"),
        ("svc list\r\0", "board1> "),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}\n",
            "]}\n",
        ),
    ] {
        let mut bench = Bench::new(TCP);
        bench.session.receive(bench.now, line.as_bytes(), &Board);
        let job = bench.session.take_job().expect(line);
        let pages = services(1_000);
        bench
            .session
            .answered(bench.now, job.id, &pages, false, &Board);
        while bench.session.has_work() {
            bench.session.work(bench.now, &Board);
        }
        let waits = bench.session.output().len();
        assert!(
            (ROWS_OUTPUT_BYTES..ROWS_OUTPUT_BYTES + 4_096).contains(&waits),
            "{line:?}: {waits}"
        );
        bench.take_output();
        let text = bench.text();
        assert_eq!(text.matches("a-service-with").count(), 1_000, "{line:?}");
        assert!(
            text.ends_with(end),
            "{line:?}: {}",
            &text[text.len() - 200..]
        );
        if line.starts_with('{') {
            let answer: serde_json::Value = serde_json::from_str(&text).expect("one answer");
            assert_eq!(answer["result"][999]["pid"], 1_000);
        }
    }
}

/// A session that has said the beginning of a long list. `takes`: its peer has taken that, or else takes
/// nothing for now.
fn listing(traits: Traits, line: &[u8], takes: bool) -> Bench {
    let mut bench = Bench::new(traits);
    bench.session.receive(bench.now, line, &Board);
    let job = bench.session.take_job().expect("a question");
    let pages = services(1_000);
    bench
        .session
        .answered(bench.now, job.id, &pages, false, &Board);
    while bench.session.has_work() {
        bench.session.work(bench.now, &Board);
    }
    if takes {
        bench.said.extend_from_slice(bench.session.output().front());
        let count = bench.session.output().len();
        bench.session.wrote(bench.now, count);
    }
    bench
}

fn rows(said: &[u8]) -> usize {
    let said = String::from_utf8_lossy(said);
    said.matches("a-service-with").count()
}

#[test]
fn frames_are_answered_in_the_middle_of_a_long_list() {
    for (traits, takes) in [(TCP, true), (UART, true), (TCP, false), (UART, false)] {
        let mut bench = listing(traits, b"svc list\n", takes);
        assert!(bench.session.wants_input());
        let hello = ask_hello(CLIENT, false);
        bench.session.receive(bench.now, &hello, &Board);
        bench.take_output();
        let frame = bench.said.iter().position(|byte| *byte == 0);
        let rows_before = rows(&bench.said[..frame.expect("an answer")]);
        assert!(rows_before < 200, "{rows_before} rows before it");
        welcomed(&bench.said);
        assert_eq!(rows(&bench.said), 1_000);
        assert!(bench.text().ends_with("ok\n"));
    }
}

#[test]
fn an_interrupt_ends_a_long_list() {
    for (line, end) in [
        (
            &b"svc list\n"[..],
            "err 499 aborted detail=\"interrupted\"\n",
        ),
        (b"svc list\r\0", "board1> "),
    ] {
        for (traits, takes) in [(TCP, true), (UART, true), (TCP, false), (UART, false)] {
            let mut bench = listing(traits, line, takes);
            bench.session.receive(bench.now, b"\x03", &Board);
            bench.take_output();
            let rows = rows(&bench.said);
            assert!(rows < 200, "{rows} rows");
            assert!(bench.text().ends_with(end), "{}", bench.text());
        }
    }
}

#[test]
fn a_list_goes_on_however_much_is_said_meanwhile() {
    let mut bench = listing(TCP, b"svc list\n", true);
    for _ in 0..5_000 {
        if bench.session.wants_input() {
            bench.session.receive(bench.now, b"uptime\n", &Board);
        }
        bench.session.work(bench.now, &Board);
        let count = bench.session.output().len().min(512);
        let said = &bench.session.output().front()[..count];
        bench.said.extend_from_slice(said);
        bench.session.wrote(bench.now, count);
    }
    let said = bench.text();
    let list = said.split("ok").next().unwrap_or_default();
    assert_eq!(rows(list.as_bytes()), 1_000);
    assert!(said.contains("ok uptime_ms"), "lines behind it, too");
}

#[test]
fn a_list_that_is_too_long_says_so() {
    let pages = services(100_000);
    assert_eq!(pages.len(), ANSWER_PAGES + 1);
    let Some(Reply::Refused(refusal)) = pages.last() else {
        panic!("it does not say so");
    };
    assert_eq!(refusal.code, Code::TooLong);
}
