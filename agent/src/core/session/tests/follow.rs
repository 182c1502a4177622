//! Logs that a session follows: what it says of them, when, and how that ends.

use super::*;
use crate::core::log::{Cursor, Line, Stream};
use lastword_protocol::message::service::{Item, Page, ServiceRequest};

/// How many lines the log has when somebody begins to follow it.
const KNOWN: u64 = 100;

fn line(number: u64) -> Line {
    Line {
        cursor: Cursor(number),
        unix_ms: 5,
        stream: Stream::Out,
        continues: false,
        bytes: format!("line {number}").into_bytes(),
    }
}

fn lines(numbers: std::ops::Range<u64>, missed: u64) -> News {
    News::Lines {
        missed,
        lines: numbers.map(line).collect(),
    }
}

/// A session beside a supervisor whose services all have the same log.
struct Beside {
    bench: Bench,
    orders: Vec<FollowOrder>,
}

impl Beside {
    fn new() -> Self {
        Self {
            bench: Bench::new(TCP),
            orders: Vec::new(),
        }
    }

    /// Says something, and what it asks is answered. Returns what the session says.
    fn say(&mut self, text: &str) -> String {
        let bench = &mut self.bench;
        bench.session.receive(bench.now, text.as_bytes(), &Board);
        bench.take_output();
        while let Some(job) = bench.session.take_job() {
            let reply = match job.ask {
                Ask::Service(ServiceRequest::Logs(logs)) if &*logs.name == "camera" => {
                    let mut page = Page::default();
                    page.push(&Item::Next {
                        from: KNOWN,
                        missed: 0,
                    });
                    Reply::Items(page)
                }
                _ => Reply::Refused(Refusal::new(Code::Unknown, "no such service")),
            };
            bench
                .session
                .answered(bench.now, job.id, &[reply], false, &Board);
        }
        self.said()
    }

    /// The edge has news of a log.
    fn hear(&mut self, id: u64, news: News) -> String {
        let id = FollowId(id);
        assert!(self.bench.session.wants_lines(id), "{news:?}");
        self.bench
            .session
            .followed(self.bench.now, id, news, &Board);
        self.said()
    }

    fn said(&mut self) -> String {
        let orders = std::iter::from_fn(|| self.bench.session.take_follow());
        self.orders.extend(orders);
        self.bench.take_output();
        String::from_utf8(std::mem::take(&mut self.bench.said)).unwrap()
    }

    fn is_started(&self, id: u64, from: u64) -> bool {
        self.orders.contains(&FollowOrder::Start {
            id: FollowId(id),
            name: Text::try_from("camera").unwrap(),
            from: Cursor(from),
        })
    }

    fn is_stopped(&self, id: u64) -> bool {
        self.orders.contains(&FollowOrder::Stop(FollowId(id)))
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"logs","params":{"name":"camera","#;

/// The lines of an answer as JSON: method or `result`, and the line, if there is one.
fn told(said: &str) -> Vec<(String, String)> {
    let one = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let method = value["method"].as_str().unwrap_or("answer").to_owned();
        let line = value["params"]["line"].as_str().unwrap_or_default();
        (method, line.to_owned())
    };
    said.lines().map(one).collect()
}

#[track_caller]
fn check_told(said: &str, expected: &[(&str, &str)]) {
    let told = told(said);
    let told: Vec<_> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(told, expected, "{said}");
}

#[test]
fn a_script_has_rows_until_it_interrupts_and_then_one_final() {
    for (end, rest) in [("\x03", ""), ("@2 help mode\n", "ok @2")] {
        let mut beside = Beside::new();
        assert_eq!(beside.say("@1 svc logs camera --tail 2 --follow\n"), "");
        assert!(beside.is_started(1, 98));
        let said = beside.hear(1, lines(98..100, 0));
        assert_eq!(
            said,
            "| at_unix_ms=5 stream=out line=\"line 98\"\n| at_unix_ms=5 stream=out line=\"line 99\"\n"
        );
        let said = beside.hear(1, lines(107..108, 7));
        assert!(
            said.starts_with("| next=107 missed=7\n| at_unix_ms"),
            "{said}"
        );
        let said = beside.say(end);
        assert!(said.starts_with("| next=108 missed=0\nok @1\n"), "{said:?}");
        assert!(said.contains(rest), "{said:?}");
        assert!(beside.is_stopped(1));
        assert!(beside.say("@3 logout\n").starts_with("ok @3"));
    }
}

#[test]
fn an_interrupt_in_the_middle_of_a_line_spoils_that_line_too() {
    let mut beside = Beside::new();
    beside.say("svc logs camera --follow\n");
    let said = beside.say("rebo\x03ot\n");
    let finals: Vec<_> = said.lines().filter(|it| !it.starts_with('|')).collect();
    assert_eq!(finals.len(), 2, "{said:?}");
    assert!(
        finals[0] == "ok" && finals[1].starts_with("err 400"),
        "{said:?}"
    );
}

#[test]
fn a_person_interrupts_and_has_a_prompt_again_and_what_is_typed_before_runs_nothing() {
    let mut beside = Beside::new();
    beside.say("\r\0");
    beside.say("svc logs camera --follow\r\n");
    assert_eq!(beside.hear(1, lines(0..1, 0)), "[out] line 0\r\n");
    assert_eq!(beside.say("reboot\r\n"), "");
    assert_eq!(beside.say("\x03"), "^C\r\nboard1> ");
    assert!(beside.is_stopped(1));
}

#[test]
fn behind_follow_nothing_else_stands_in_a_line() {
    let said = Beside::new().say("svc logs camera --follow; uptime\n");
    assert!(said.starts_with("err 422 bad_value"), "{said:?}");
    let said = Beside::new().say("svc logs nothing --follow\n");
    assert!(said.starts_with("err 404 unknown"), "{said:?}");
}

#[test]
fn a_program_has_its_answer_at_once_and_then_notifications() {
    let mut beside = Beside::new();
    let said = beside.say(&format!("{CALL}\"tail\":3,\"follow\":true}}}}\n"));
    assert_eq!(
        said,
        "{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":{\"subscription_id\":1}}\n"
    );
    assert!(beside.is_started(1, 97));
    let said = beside.hear(1, lines(99..100, 2));
    check_told(&said, &[("log", "line 99")]);
    let said = beside.hear(1, lines(104..105, 4));
    check_told(&said, &[("log_missed", ""), ("log", "line 104")]);
    assert!(said.contains("\"missed\":4"), "{said}");
    let said = beside.hear(1, News::End);
    check_told(&said, &[("log_end", "")]);
}

#[test]
fn without_follow_a_subscription_ends_where_the_log_did() {
    let mut beside = Beside::new();
    let said = beside.say(&format!("{CALL}\"tail\":2,\"follow\":false}}}}\n"));
    check_told(&said, &[("answer", "")]);
    let said = beside.hear(1, lines(98..120, 0));
    check_told(
        &said,
        &[("log", "line 98"), ("log", "line 99"), ("log_end", "")],
    );
    let said = beside.say(&format!("{CALL}\"tail\":0}}}}\n"));
    check_told(&said, &[("answer", ""), ("log_end", "")]);
}

#[test]
fn other_requests_are_answered_while_several_logs_are_followed() {
    let mut beside = Beside::new();
    for _ in 0..2 {
        beside.say(&format!("{CALL}\"tail\":0,\"follow\":true}}}}\n"));
    }
    check_told(&beside.hear(2, lines(100..101, 0)), &[("log", "line 100")]);
    let uptime = r#"{"jsonrpc":"2.0","id":7,"method":"uptime"}"#;
    assert!(beside.say(&format!("{uptime}\n")).contains("\"id\":7"));
    check_told(&beside.hear(1, lines(100..101, 0)), &[("log", "line 100")]);
    let cancel = |id: u64| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"logs_cancel\",\"params\":{{\"subscription_id\":{id}}}}}\n"
        )
    };
    for _again in 0..2 {
        assert!(beside.say(&cancel(1)).contains("\"result\":{}"));
    }
    assert!(beside.is_stopped(1) && !beside.is_stopped(2));
    assert_eq!(beside.hear(1, lines(101..102, 0)), "");
    assert!(beside.say(&cancel(9)).contains("-32602"));
}

#[test]
fn no_more_logs_are_followed_than_there_is_room_for() {
    let mut beside = Beside::new();
    let call = format!("{CALL}\"follow\":true}}}}\n");
    for _ in 0..FOLLOWS {
        assert!(beside.say(&call).contains("subscription_id"));
    }
    assert!(beside.say(&call).contains("slow_down"));
}

#[test]
fn lines_wait_while_output_does_and_between_the_rows_of_an_answer() {
    let mut beside = Beside::new();
    beside.say(&format!("{CALL}\"follow\":true}}}}\n"));
    let (session, id) = (&mut beside.bench.session, FollowId(1));
    let mut next = 0;
    while session.wants_lines(id) {
        session.followed(Instant(0), id, lines(next..next + 32, 0), &Board);
        next += 32;
    }
    assert!(session.wants_input(), "there is room for answers");
    beside.said();
    assert!(beside.bench.session.wants_lines(id));
    let session = &mut beside.bench.session;
    session.receive(Instant(0), b"svc stop camera\n", &Board);
    assert!(!session.wants_lines(id), "an answer is under way");
}

#[test]
fn whoever_listens_is_not_idle() {
    let mut beside = Beside::new();
    beside.say(&format!("{CALL}\"follow\":true}}}}\n"));
    beside.bench.wait(100_000_000);
    assert_eq!(beside.bench.session.end(), None);
    beside.hear(1, News::End);
    assert_eq!(beside.bench.session.end(), None);
    beside.bench.wait(100_000_000);
    assert_eq!(beside.bench.session.end(), Some(End::Idle));
}

#[test]
fn whoever_stops_reading_a_log_is_not_dropped_as_others_are() {
    let limits = Limits::default();
    let mut beside = Beside::new();
    beside.say(&format!("{CALL}\"follow\":true}}}}\n"));
    let session = &mut beside.bench.session;
    session.followed(Instant(0), FollowId(1), lines(0..1, 0), &Board);
    session.tick(Instant(0).after(limits.stall), &Board);
    assert_eq!(session.end(), None);
    session.tick(Instant(0).after(limits.idle), &Board);
    assert_eq!(session.end(), Some(End::Stalled));
}

#[test]
fn the_end_of_input_leaves_what_was_there_and_no_more() {
    let mut beside = Beside::new();
    beside.say("svc logs camera --tail 1 --follow\n");
    beside.bench.session.end_of_input(&Board);
    assert_eq!(beside.bench.session.end(), None);
    let said = beside.hear(1, lines(99..105, 0));
    assert_eq!(
        said,
        "| at_unix_ms=5 stream=out line=\"line 99\"\n| next=100 missed=0\nok\n"
    );
    assert_eq!(beside.bench.session.end(), Some(End::Finished));
}

#[test]
fn a_log_that_cannot_be_read_is_a_no() {
    let mut beside = Beside::new();
    beside.say("@1 svc logs camera --follow\n");
    let said = beside.hear(1, News::Failed("disk on fire".to_owned()));
    assert_eq!(said, "err @1 500 internal detail=\"disk on fire\"\n");
}

#[test]
fn a_break_ends_it_all() {
    let mut beside = Beside {
        bench: Bench::new(UART),
        orders: Vec::new(),
    };
    beside.say("\nmode plain\nsvc logs camera --follow\n");
    beside.bench.receive(b"\xFF\x00\x00");
    beside.said();
    assert!(beside.is_stopped(1));
}
