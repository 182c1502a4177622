//! What `WIRE.md` says of sessions, where no other test stands beside the sentence.

use super::*;
use lastword_protocol::hello::Busy;
use lastword_protocol::message::service::{Page, ServiceRequest};
use lastword_protocol::power::Phase;
use std::mem;

/// Another client than [`CLIENT`].
const OTHER: ClientId = ClientId(2);

/// Sends bytes, and returns the frames said since: those of hellos, and those summed with `nonce`.
fn exchange(bench: &mut Bench, bytes: &[u8], nonce: Nonce) -> Vec<(Header, Vec<u8>)> {
    bench.said.clear();
    bench.session.receive(bench.now, bytes, &Board);
    bench.take_output();
    frames(&mem::take(&mut bench.said), nonce)
}

fn frames(said: &[u8], nonce: Nonce) -> Vec<(Header, Vec<u8>)> {
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    decoder.enter(Some(nonce));
    let mut frames = Vec::new();
    for byte in said {
        if let Step::Frame(frame) = decoder.push(Instant(0), *byte) {
            frames.push((frame.header, frame.body.to_vec()));
        }
    }
    frames
}

/// Sends bytes, and returns the replies with their numbers.
fn replies(bench: &mut Bench, bytes: &[u8], nonce: Nonce) -> Vec<(u16, Reply)> {
    exchange(bench, bytes, nonce)
        .into_iter()
        .map(|(header, body)| {
            let reply = Reply::decode(header.opcode, &body).expect("a reply");
            (header.sequence.0, reply)
        })
        .collect()
}

fn welcome(bench: &mut Bench, client: ClientId, take_over: bool) -> Nonce {
    bench.said.clear();
    bench.receive(&ask_hello(client, take_over));
    welcomed(&mem::take(&mut bench.said))
}

/// Greets, and returns the nonce for a client whose hello is refused.
#[track_caller]
fn busy(bench: &mut Bench, client: ClientId) -> Nonce {
    bench.said.clear();
    bench.receive(&ask_hello(client, false));
    let mut decoder = Decoder::<FRAME_BYTES>::new(Manner::HOST);
    for byte in mem::take(&mut bench.said) {
        if let Step::Frame(frame) = decoder.push(Instant(0), byte) {
            let busy: Busy = hello::decode(&frame).expect("a refusal");
            return busy.nonce;
        }
    }
    panic!("no answer");
}

fn uptime() -> Reply {
    Board.look(Look::Uptime)
}

#[test]
fn what_is_answered_at_once_is_answered_on_the_link_it_came_on() {
    let house = Bench::house();
    let mut first = Bench::of(TCP, &house);
    let nonce = welcome(&mut first, CLIENT, false);
    let mut second = Bench::of(TCP, &house);
    assert_eq!(welcome(&mut second, CLIENT, false), nonce);
    let look = request(nonce, 1, &Request::Uptime);
    let expected = [(1, uptime())];
    assert_eq!(replies(&mut first, &look, nonce), expected, "the old link");
    assert_eq!(replies(&mut second, &look, nonce), expected, "a copy");
}

#[test]
fn a_hello_that_does_not_decode_has_no_answer() {
    for body in [&b""[..], b"\x07\x01\x01\x02\x00", b"\x07\x01\x01\x00\x21"] {
        let header = Header::new(Class::Hello, Sequence(1), hello::opcode::ASK);
        let packet: Packet<FRAME_BYTES> = frame::encode(header, frame::HELLO_NONCE, |out| {
            out.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        })
        .unwrap();
        for traits in [TCP, UART] {
            let mut bench = Bench::new(traits);
            bench.receive(&packet);
            assert!(bench.said.is_empty(), "{body:02x?}: {:02x?}", bench.said);
        }
    }
}

#[test]
fn a_request_is_known_by_its_number_alone() {
    let mut bench = Bench::new(TCP);
    let nonce = welcome(&mut bench, CLIENT, false);
    let first = replies(&mut bench, &request(nonce, 1, &Request::Uptime), nonce);
    let other = replies(&mut bench, &request(nonce, 1, &Request::Reboot), nonce);
    assert_eq!(first, other);
    assert_eq!(bench.session.take_job(), None);
}

#[test]
fn a_client_that_the_board_remembers_is_refused_like_any_other_where_there_is_no_place() {
    let house = Bench::house();
    let mut before = Bench::of(TCP, &house);
    welcome(&mut before, CLIENT, false);
    drop(before);
    let mut bench = Bench::of(TCP, &house);
    let refusal = Refusal::new(Code::SlowDown, "too many sessions: the limit is 1");
    bench.session = Session::new(TCP, &house, Nonce(2), Instant(0)).refusing(&refusal);
    let answers = exchange(&mut bench, &ask_hello(CLIENT, false), Nonce(0));
    let [(header, _)] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(header.opcode, hello::opcode::HELLO_REFUSED);
}

#[test]
fn a_refused_clients_nonce_lasts_until_another_is_refused_or_the_owner_is_another() {
    let status = |nonce| request(nonce, 1, &Request::PowerStatus);
    let mut bench = Bench::new(UART);
    welcome(&mut bench, CLIENT, false);
    let refused = busy(&mut bench, OTHER);
    welcome(&mut bench, CLIENT, false);
    let answers = replies(&mut bench, &status(refused), refused);
    assert_eq!(answers, [(1, uptime())], "the owner has greeted again");
    let third = busy(&mut bench, ClientId(3));
    assert_eq!(replies(&mut bench, &status(refused), refused), []);
    assert_eq!(replies(&mut bench, &status(third), third), [(1, uptime())]);
    welcome(&mut bench, OTHER, true);
    assert_eq!(replies(&mut bench, &status(third), third), []);
}

#[test]
fn a_stream_outlives_other_requests_of_its_client_and_nobody_else_reads_it() {
    let list = Request::Service(ServiceRequest::List);
    let pages = [
        Reply::Items(Page::default().and_more()),
        Reply::Items(Page::default()),
    ];
    let refused = [Reply::Refused(Refusal::new(Code::Unknown, "no service x"))];
    let mut bench = Bench::new(TCP);
    let nonce = welcome(&mut bench, CLIENT, false);
    for (number, said) in [(1, &pages[..]), (2, &pages[..]), (3, &refused[..])] {
        exchange(&mut bench, &request(nonce, number, &list), nonce);
        let job = bench.session.take_job().expect("others are asked");
        bench
            .session
            .answered(bench.now, job.id, said, false, &Board);
        bench.take_output();
    }
    let other = welcome(&mut bench, OTHER, false);
    let ends =
        |chunks: Vec<StreamChunk>| -> Vec<_> { chunks.into_iter().map(|it| it.end).collect() };
    let chunks = bench.read_on(other, StreamId(1), 0);
    assert_eq!(ends(chunks), [Some(StreamEnd::Unknown)]);
    assert_eq!(ends(bench.read_on(nonce, StreamId(1), 0)), []);
    assert_eq!(welcome(&mut bench, CLIENT, false), nonce);
    for stream in [1, 2] {
        let chunks = bench.read_on(nonce, StreamId(stream), 0);
        assert_eq!(ends(chunks), [Some(StreamEnd::Complete)]);
    }
}

#[test]
fn a_connection_is_its_last_welcomed_clients_and_behind_a_goodbye_nobodys() {
    let mut bench = Bench::new(TCP);
    let first = welcome(&mut bench, CLIENT, false);
    let second = welcome(&mut bench, OTHER, false);
    let look = |nonce| request(nonce, 1, &Request::Uptime);
    assert_eq!(replies(&mut bench, &look(first), first), []);
    assert_eq!(replies(&mut bench, &look(second), second), [(1, uptime())]);
    let goodbye: Packet<FRAME_BYTES> = hello::goodbye(OTHER).unwrap();
    exchange(&mut bench, &goodbye, second);
    let behind = request(second, 2, &Request::Uptime);
    assert_eq!(replies(&mut bench, &behind, second), []);
}

/// A board on which a reboot is scheduled.
struct Scheduled;

impl World for Scheduled {
    fn identity(&self) -> Identity {
        Board.identity()
    }

    fn pending(&self) -> Option<Pending> {
        Some(Pending {
            id: OperationId(7),
            operation: Operation::Reboot,
            phase: Phase::Scheduled,
            left: Some(Millis(10_000)),
        })
    }

    fn look(&self, look: Look) -> Reply {
        Board.look(look)
    }
}

#[test]
fn what_a_person_is_told_stands_between_frames_and_never_in_one() {
    let pty = Traits {
        marked: false,
        ..UART
    };
    let mut bench = Bench::new(pty);
    bench.receive(b"mode term\n");
    bench.wait(2_000);
    let nonce = welcome(&mut bench, CLIENT, false);
    bench.said.clear();
    let look = request(nonce, 1, &Request::Uptime);
    bench.session.receive(bench.now, &look, &Scheduled);
    bench.session.tick(bench.now, &Scheduled);
    let again = request(nonce, 2, &Request::Uptime);
    bench.session.receive(bench.now, &again, &Scheduled);
    bench.take_output();
    let numbers: Vec<_> = frames(&bench.said, nonce)
        .iter()
        .map(|(header, _)| header.sequence.0)
        .collect();
    assert_eq!(numbers, [1, 2]);
    let parts: Vec<_> = bench.said.split(|byte| *byte == frame::DELIMITER).collect();
    let text = String::from_utf8_lossy(parts[2]);
    assert!(text.contains("! reboot in 10 s"), "{text:?}");
}
