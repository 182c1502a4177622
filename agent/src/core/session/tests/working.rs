//! What a session does while others work on its requests.

use super::*;
use lastword_protocol::message::Working;
use lastword_protocol::message::service::{Page, ServiceRequest};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// A request that takes as long as its services need.
fn stop_all() -> Request {
    Request::Service(ServiceRequest::Stop(None))
}

/// A line whose bytes come as they were sent.
const UNMARKED_UART: Traits = Traits {
    marked: false,
    ..UART
};

impl Bench {
    /// Hears bytes, and answers nothing by itself.
    fn hear(&mut self, bytes: &[u8]) {
        self.session.receive(self.now, bytes, &Board);
    }

    /// Greets, and returns the session's nonce.
    fn greet(&mut self, client: ClientId, take_over: bool) -> Nonce {
        self.said.clear();
        self.hear(&ask_hello(client, take_over));
        self.take_output();
        welcomed(&mem::take(&mut self.said))
    }

    /// The next question to others.
    #[track_caller]
    fn job(&mut self) -> Job {
        self.session.take_job().expect("others are asked")
    }

    /// What is said since the last time, as text.
    fn says(&mut self) -> String {
        self.take_output();
        let said = self.text();
        self.said.clear();
        said
    }

    /// The replies that are said since the last time, with their numbers.
    fn replies(&mut self, nonce: Nonce) -> Vec<(u16, Reply)> {
        self.said.clear();
        self.take_output();
        let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
        decoder.enter(Some(nonce));
        let mut replies = Vec::new();
        for byte in mem::take(&mut self.said) {
            if let Step::Frame(frame) = decoder.push(Instant(0), byte)
                && frame.header.class == Class::Reply
            {
                let reply = Reply::decode(frame.header.opcode, frame.body).unwrap();
                replies.push((frame.header.sequence.0, reply));
            }
        }
        replies
    }

    fn answer(&mut self, id: RequestId, reply: Reply) -> Option<u64> {
        self.session.answered(self.now, id, &[reply], false, &Board)
    }
}

fn uptime() -> Reply {
    Board.look(Look::Uptime)
}

#[test]
fn while_a_service_request_runs_hello_status_and_power_are_answered_at_once() {
    for traits in [TCP, UART] {
        let mut bench = Bench::new(traits);
        let nonce = bench.greet(CLIENT, false);
        bench.hear(&request(nonce, 1, &stop_all()));
        let stop = bench.job();
        bench.hear(&request(nonce, 2, &Request::Status));
        assert_eq!(bench.replies(nonce), [(2, uptime())]);
        assert_eq!(bench.greet(CLIENT, false), nonce);
        bench.hear(&request(nonce, 3, &Request::Reboot));
        let reboot = bench.job();
        assert!(matches!(reboot.ask, Ask::Stage(_)), "{reboot:?}");
        assert!(bench.answer(reboot.id, Reply::Done).is_some());
        assert!(bench.answer(stop.id, Reply::Done).is_some());
        assert_eq!(
            bench.replies(nonce),
            [(3, Reply::Done), (1, Reply::Done)],
            "each has its own, in any order"
        );
    }
}

#[test]
fn a_copy_of_a_request_that_still_runs_is_told_so_and_later_has_the_reply() {
    let mut bench = Bench::new(UART);
    let nonce = bench.greet(CLIENT, false);
    let stop = request(nonce, 1, &stop_all());
    bench.hear(&stop);
    let job = bench.job();
    bench.wait(1_500);
    assert_eq!(bench.greet(CLIENT, false), nonce);
    bench.hear(&stop);
    assert_eq!(bench.session.take_job(), None, "it runs once");
    let working = Working {
        elapsed: Millis(1_500),
        left: Some(Millis(28_500)),
    };
    assert_eq!(bench.replies(nonce), [(1, Reply::Working(working))]);
    bench.answer(job.id, Reply::Done);
    bench.hear(&stop);
    let done = [(1, Reply::Done), (1, Reply::Done)];
    assert_eq!(bench.replies(nonce), done);
}

#[test]
fn more_than_the_window_is_refused_and_may_come_again() {
    let mut bench = Bench::new(TCP);
    let nonce = bench.greet(CLIENT, false);
    let window = u16::try_from(crate::core::clients::WINDOW).unwrap();
    let ids: Vec<_> = (1..=window)
        .map(|number| {
            bench.hear(&request(nonce, number, &stop_all()));
            bench.job().id
        })
        .collect();
    bench.hear(&request(nonce, window + 1, &Request::Uptime));
    let replies = bench.replies(nonce);
    let [(number, Reply::Refused(refusal))] = &replies[..] else {
        panic!("{replies:?}");
    };
    assert_eq!((*number, refusal.code), (window + 1, Code::SlowDown));
    bench.answer(ids[0], Reply::Done);
    bench.hear(&request(nonce, window + 1, &Request::Uptime));
    let expected = [(1, Reply::Done), (window + 1, uptime())];
    assert_eq!(bench.replies(nonce), expected);
}

#[test]
fn each_owner_of_a_line_has_its_window_and_owners_that_come_and_go_are_bounded() {
    let window = crate::core::clients::WINDOW;
    let mut bench = Bench::new(UNMARKED_UART);
    let mut jobs = Vec::new();
    for client in 0..8 {
        let nonce = bench.greet(ClientId(client), true);
        for number in 1..=8 {
            bench.hear(&request(nonce, number, &stop_all()));
            jobs.push(bench.job().id);
        }
        assert_eq!(
            bench.replies(nonce),
            [],
            "client {client} is within its window"
        );
    }
    assert_eq!(jobs.len(), 8 * window);
    let other = |bench: &mut Bench, take_over| {
        bench.said.clear();
        bench.hear(&ask_hello(ClientId(8), take_over));
        bench.take_output();
        opcodes(&bench.said, Nonce(0))
    };
    let told = |opcode| vec![(Class::Hello, opcode)];
    assert_eq!(other(&mut bench, false), told(hello::opcode::BUSY));
    assert_eq!(other(&mut bench, true), told(hello::opcode::HELLO_REFUSED));
    // One that has requests among them, and the owner, are not refused for their own.
    let earlier = bench.greet(ClientId(0), true);
    assert_eq!(bench.greet(ClientId(0), true), earlier);
    bench.answer(jobs[0], Reply::Done);
    assert_eq!(other(&mut bench, true), told(hello::opcode::WELCOME));
}

#[test]
fn what_refused_clients_ask_is_bounded_and_takes_nothing_from_the_owner() {
    let window = u16::try_from(crate::core::clients::WINDOW).unwrap();
    let mut bench = Bench::new(UNMARKED_UART);
    let nonce = bench.greet(CLIENT, false);
    bench.hear(&ask_hello(ClientId(2), false));
    bench.take_output();
    let aside = refused(&mem::take(&mut bench.said)).nonce;
    for number in 1..=window {
        bench.hear(&request(aside, number, &Request::PowerCancel(None)));
        bench.job();
    }
    bench.hear(&request(aside, window + 1, &Request::PowerCancel(None)));
    let told = bench.replies(aside);
    let [(_, Reply::Refused(refusal))] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(refusal.code, Code::SlowDown);
    for number in 1..=window {
        bench.hear(&request(nonce, number, &Request::PowerCancel(None)));
        bench.job();
    }
}

/// Remembers that it was woken.
#[derive(Default)]
struct WakeFlag(AtomicBool);

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_reply_goes_to_the_link_that_the_session_is_on_then() {
    for old_link_ends in [false, true] {
        let house = Bench::house();
        let mut first = Bench::of(TCP, &house);
        let nonce = first.greet(CLIENT, false);
        first.hear(&request(nonce, 1, &stop_all()));
        let job = first.job();
        let mut second = Bench::of(TCP, &house);
        assert_eq!(second.greet(CLIENT, false), nonce);
        let bell = Arc::new(WakeFlag::default());
        let waker = Waker::from(bell.clone());
        assert!(!second.session.has_mail(&waker));
        if old_link_ends {
            for unanswered in first.session.abandon() {
                assert_eq!(unanswered.id(), job.id);
                unanswered.keep(&[Reply::Done], false);
            }
        } else {
            assert_eq!(first.answer(job.id, Reply::Done), None);
            assert!(first.session.output().is_empty());
            assert!(!first.session.has_mail(&waker));
        }
        assert!(bell.0.load(Ordering::Relaxed));
        assert!(second.session.has_mail(&waker));
        second.session.say_mail(second.now);
        assert_eq!(second.replies(nonce), [(1, Reply::Done)]);
        assert!(!second.session.has_mail(&waker));
    }
}

#[test]
fn what_is_staged_on_a_link_that_lost_the_session_stands_down() {
    let house = Bench::house();
    let mut first = Bench::of(TCP, &house);
    let nonce = first.greet(CLIENT, false);
    first.hear(&request(nonce, 1, &Request::Reboot));
    let job = first.job();
    let mut second = Bench::of(TCP, &house);
    second.greet(CLIENT, false);
    let initiated = Reply::Initiated(Initiated {
        operation: Operation::Reboot,
        backend: Backend::DryRun,
        id: job.assigned,
    });
    let said = first
        .session
        .answered(first.now, job.id, &[initiated], true, &Board);
    assert_eq!(said, None, "its ticket is to be dropped");
    second.session.say_mail(second.now);
    let replies = second.replies(nonce);
    let [(1, Reply::Refused(refusal))] = &replies[..] else {
        panic!("{replies:?}");
    };
    assert_eq!(refusal.code, Code::Aborted);
}

#[test]
fn streams_belong_to_the_session_and_not_to_its_link() {
    let house = Bench::house();
    let mut first = Bench::of(TCP, &house);
    let nonce = first.greet(CLIENT, false);
    let list = Request::Service(ServiceRequest::List);
    first.hear(&request(nonce, 1, &list));
    let job = first.job();
    let pages = [
        Reply::Items(Page::default().and_more()),
        Reply::Items(Page::default()),
    ];
    first
        .session
        .answered(first.now, job.id, &pages, false, &Board);
    drop(first);
    let mut second = Bench::of(TCP, &house);
    assert_eq!(second.greet(CLIENT, false), nonce);
    let chunks = second.read_on(nonce, StreamId(1), 0);
    let [chunk] = &chunks[..] else {
        panic!("{chunks:?}");
    };
    assert_eq!(Reply::Items(chunk.page.clone()), pages[1]);
}

#[test]
fn a_line_that_waits_does_not_keep_frames_from_being_answered() {
    let mut bench = Bench::new(UART);
    bench.hear(b"svc stop --all\nuptime\n");
    let stop = bench.job();
    let nonce = bench.greet(CLIENT, false);
    bench.hear(&request(nonce, 1, &Request::Reboot));
    let reboot = bench.job();
    assert!(matches!(reboot.ask, Ask::Stage(_)), "{reboot:?}");
    bench.answer(reboot.id, Reply::Done);
    assert_eq!(bench.replies(nonce), [(1, Reply::Done)]);
    bench.answer(stop.id, Reply::Items(Page::default()));
    let said = bench.says();
    assert!(said.starts_with("ok\nok uptime_ms="), "in order: {said}");
}

#[test]
fn who_takes_a_line_over_need_not_wait_for_what_its_owner_asked() {
    let mut bench = Bench::new(UART);
    let nonce = bench.greet(CLIENT, false);
    bench.hear(&request(nonce, 1, &stop_all()));
    let stop = bench.job();
    let other = bench.greet(ClientId(2), true);
    bench.hear(&request(other, 1, &Request::Reboot));
    let reboot = bench.job();
    bench.answer(reboot.id, Reply::Done);
    assert_eq!(bench.replies(other), [(1, Reply::Done)]);
    assert_eq!(bench.answer(stop.id, Reply::Done), None);
    assert!(bench.session.output().is_empty(), "it is for another");
    assert_eq!(bench.greet(CLIENT, true), nonce);
    bench.hear(&request(nonce, 1, &stop_all()));
    assert_eq!(bench.replies(nonce), [(1, Reply::Done)]);
}

/// Returns what a client was told whose hello was refused among these bytes.
fn refused(bytes: &[u8]) -> hello::Busy {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    for byte in bytes {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte)
            && let Some(busy) = hello::decode::<hello::Busy>(&frame)
        {
            return busy;
        }
    }
    panic!("not busy: {bytes:02x?}");
}

#[test]
fn who_is_refused_is_told_since_when_the_owner_has_the_line() {
    let mut bench = Bench::new(UART);
    let check = |bench: &mut Bench, refused_one, owner, owned, idle| {
        bench.said.clear();
        bench.hear(&ask_hello(refused_one, false));
        bench.take_output();
        let busy = refused(&mem::take(&mut bench.said));
        let told = (busy.owner, busy.owned, busy.idle);
        assert_eq!(told, (owner, Millis(owned), Millis(idle)));
    };
    let (alice, bob) = (CLIENT, ClientId(2));
    bench.wait(5_000);
    let nonce = bench.greet(alice, false);
    bench.wait(60_000);
    // Neither a request nor another hello of hers makes her a new owner.
    bench.hear(&request(nonce, 1, &Request::Uptime));
    bench.greet(alice, false);
    bench.wait(1_000);
    check(&mut bench, bob, alice, 61_000, 1_000);
    bench.greet(bob, true);
    bench.wait(7);
    check(&mut bench, alice, bob, 7, 7);
    bench.hear(&hello::goodbye::<FRAME_BYTES>(bob).unwrap());
    bench.wait(1_000);
    bench.greet(bob, false);
    bench.wait(8);
    check(&mut bench, alice, bob, 8, 8);
}

#[test]
fn who_is_refused_may_see_and_cancel_what_is_staged_and_nothing_else() {
    let mut bench = Bench::new(UART);
    let nonce = bench.greet(CLIENT, false);
    let uptime_request = request(nonce, 1, &Request::Uptime);
    bench.hear(&uptime_request);
    bench.says();
    bench.hear(&ask_hello(ClientId(2), false));
    bench.take_output();
    let other = refused(&mem::take(&mut bench.said)).nonce;
    assert_ne!(other, nonce);
    bench.hear(&request(other, 1, &Request::PowerStatus));
    bench.hear(&request(other, 2, &Request::Reboot));
    bench.hear(&request(other, 3, &Request::Status));
    let replies = bench.replies(other);
    assert_eq!(replies[0], (1, uptime()), "what the board here looks like");
    for (number, reply) in &replies[1..] {
        let Reply::Refused(refusal) = reply else {
            panic!("{number}: {reply:?}");
        };
        assert_eq!(refusal.code, Code::Busy);
    }
    assert_eq!((replies.len(), bench.session.take_job()), (3, None));
    bench.hear(&request(other, 4, &Request::PowerCancel(None)));
    let cancel = bench.job();
    assert_eq!(cancel.ask, Ask::Cancel(None));
    bench.answer(cancel.id, Reply::Done);
    assert_eq!(bench.replies(other), [(4, Reply::Done)]);
    // Neither her replies nor her window know of it.
    bench.hear(&uptime_request);
    bench.hear(&request(nonce, 2, &Request::Uptime));
    assert_eq!(bench.replies(nonce), [(1, uptime()), (2, uptime())]);
    // It ends with her.
    bench.hear(&hello::goodbye::<FRAME_BYTES>(CLIENT).unwrap());
    bench.hear(&request(other, 5, &Request::PowerStatus));
    assert_eq!(bench.replies(other), []);
}

#[test]
fn a_person_takes_the_waiting_back_and_what_was_typed_behind_it() {
    let mut bench = Bench::new(Traits {
        marked: false,
        ..UART
    });
    bench.hear(b"svc stop --all\r");
    bench.wait(50);
    let stop = bench.job();
    bench.says();
    bench.hear(b"reboot\r\x03");
    let said = bench.says();
    assert!(said.contains("499") || said.contains("aborted"), "{said:?}");
    assert!(said.ends_with("board1> "), "{said:?}");
    bench.hear(b"uptime\r");
    bench.wait(50);
    assert_eq!(bench.session.take_job(), None, "reboot was taken back");
    let said = bench.says();
    assert!(said.contains("12.345"), "{said:?}");
    assert_eq!(bench.answer(stop.id, Reply::Done), None);
    assert_eq!(bench.says(), "");
}

#[test]
fn a_script_takes_the_waiting_back_only_at_a_lines_start_and_loses_no_line() {
    let mut bench = Bench::new(TCP);
    bench.hear(b"@1 svc stop --all\n@2 uptime\n\x03@3 upti");
    let said = bench.says();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("err @1 499 aborted"), "{said}");
    assert!(lines[1].starts_with("ok @2 uptime_ms="), "{said}");
    bench.hear(b"me\n");
    assert!(bench.says().starts_with("ok @3 uptime_ms="));

    bench.job();
    bench.hear(b"@4 svc stop --all\n@5 up\x03time\n");
    let stop = bench.job();
    assert_eq!(bench.says(), "");
    bench.answer(stop.id, Reply::Items(Page::default()));
    let said = bench.says();
    assert!(said.starts_with("ok @4\nerr"), "{said}");
}

#[test]
fn what_stages_an_operation_is_not_taken_back_by_a_key() {
    let mut bench = Bench::new(TCP);
    bench.hear(b"reboot\n\x03");
    let job = bench.job();
    assert!(bench.answer(job.id, Reply::Done).is_some());
    assert_eq!(bench.says(), "ok\n");
}

#[test]
fn a_break_ends_the_waiting_of_a_line_and_what_it_has_staged_stands_down() {
    for line in [&b"svc stop --all\nuptime\n"[..], b"reboot\nuptime\n"] {
        let mut bench = Bench::new(UART);
        bench.hear(line);
        let job = bench.job();
        // The echo.
        bench.says();
        bench.hear(b"\xFF\x00\x00");
        assert_eq!(bench.answer(job.id, Reply::Done), None);
        assert_eq!(bench.says(), "");
        bench.hear(b"uptime\n");
        let said = bench.says();
        assert!(
            said.ends_with('\n') && said.contains("ok uptime_ms="),
            "{said}"
        );
    }
}

#[test]
fn who_waits_for_an_answer_is_not_idle() {
    for traits in [TCP, UART] {
        let mut bench = Bench::new(traits);
        bench.hear(b"svc stop --all\n");
        let job = bench.job();
        bench.says();
        bench.wait(2 * Limits::default().idle.0);
        assert_eq!(bench.session.end(), None);
        bench.says();
        bench.answer(job.id, Reply::Items(Page::default()));
        assert_eq!(bench.says(), "ok\n");
    }
}

/// A session for which there is no place.
fn refusing() -> Bench {
    let full = Refusal::new(Code::SlowDown, "too many sessions: the limit is 3");
    let mut bench = Bench::new(TCP);
    bench.session = Session::new(TCP, &Bench::house(), Nonce(1), Instant(0)).refusing(&full);
    bench
}

#[test]
fn who_finds_no_place_is_told_so_in_the_dialect_of_its_first_line_or_frame() {
    let detail = "detail=\"too many sessions: the limit is 3\"\n";
    for (line, expected) in [
        (
            "@7 reboot; uptime\nreboot\n",
            format!("err @7 429 slow_down {detail}"),
        ),
        (
            "svc logs x --follow\n",
            format!("err 429 slow_down {detail}"),
        ),
        ("reboo\n", format!("err 429 slow_down {detail}")),
        // No answer is due to these, and yet the client is not closed without a word.
        ("\n", format!("err 429 slow_down {detail}")),
        ("  # comment\r\n", format!("err 429 slow_down {detail}")),
        ("@3\n", format!("err @3 429 slow_down {detail}")),
        ("mode plain\n", format!("err 429 slow_down {detail}")),
    ] {
        let mut bench = refusing();
        bench.hear(line.as_bytes());
        let said = bench.says();
        let said = said.replace(" step=1", "");
        assert_eq!(said, expected, "{line:?}");
        assert_eq!(bench.session.end(), Some(End::Finished));
        assert_eq!(bench.session.take_job(), None);
    }
    let mut json = refusing();
    json.hear(b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"power.reboot\"}\n");
    let said = json.says();
    assert!(said.contains("\"id\":5") && said.contains("429"), "{said}");
    let mut notification = refusing();
    notification.hear(b"{\"jsonrpc\":\"2.0\",\"method\":\"uptime\"}\n");
    let said = notification.says();
    assert!(said.contains("429"), "{said}");
    let mut enter = refusing();
    enter.hear(b"\r\0");
    let said = enter.says();
    assert!(said.contains("too many sessions"), "{said:?}");
    let mut person = refusing();
    person.hear(b"reboot\r\0");
    let said = person.says();
    assert!(said.contains("too many sessions"), "{said:?}");
    assert_eq!(person.session.end(), Some(End::Finished));
}

#[test]
fn who_finds_no_place_and_greets_or_says_nothing_is_told_so() {
    let detail = "detail=\"too many sessions: the limit is 3\"\n";
    let mut client = refusing();
    client.hear(&ask_hello(CLIENT, false));
    client.take_output();
    let refused = (Class::Hello, hello::opcode::HELLO_REFUSED);
    assert_eq!(opcodes(&client.said, Nonce(0)), [refused]);
    assert_eq!(client.session.end(), Some(End::Finished));

    let mut silent = refusing();
    silent.hear(b"upt");
    silent.wait(1_999);
    assert_eq!(silent.session.end(), None);
    silent.wait(1);
    let next = silent.session.deadline(silent.now, &Board);
    assert!(next.is_none_or(|next| silent.now < next), "due for ever");
    assert_eq!(silent.says(), format!("err 429 slow_down {detail}"));
    assert_eq!(silent.session.end(), Some(End::Finished));
}
