//! Objects into and out of the board's store.

use crate::bench::Bench;
use crate::program::{Heard, PACKET_BYTES, Program, message_of};
use lastword_protocol::checksum;
use lastword_protocol::frame::Class;
use lastword_protocol::hello::Welcome;
use lastword_protocol::identity::CURRENT;
use lastword_protocol::message::{Reply, Request, TransferOpened, TransferRequest};
use lastword_protocol::refusal::Code;
use lastword_protocol::transfer::{
    ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit, PieceDecision, PieceOrder,
    TransferPatience, TransferReceiver, TransferSender, TransferStatus,
};
use lastword_protocol::{Instant, ObjectHash, Sequence, TransferId};
use lastword_responder::{CommitOutcome, ObjectStore, PutStart};
use std::collections::BTreeMap;
use std::num::NonZeroU16;

const ALICE: u64 = 0x0102_0304_0506_0708;
/// The longest object that the store takes, in bytes.
const OBJECT_BYTES: u64 = 8_192;

/// A store in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    kept: BTreeMap<[u8; 32], Vec<u8>>,
    begun: Vec<u8>,
    /// The bytes that are there of what is begun next.
    from: u64,
    /// Writes fail.
    fails: bool,
}

/// A digest that is good enough to tell the objects of a test apart.
fn name_of(bytes: &[u8]) -> ObjectHash {
    let mut name = [0; 32];
    for (number, word) in (0_u8..).zip(name.as_chunks_mut().0) {
        *word = checksum::of_parts(&[&[number], bytes]).to_le_bytes();
    }
    ObjectHash(name)
}

impl ObjectStore for MemoryStore {
    fn begin(&mut self, hash: &ObjectHash, size: u64) -> PutStart {
        if self.kept.contains_key(&hash.0) {
            return PutStart::Stored;
        }
        if OBJECT_BYTES < size {
            return PutStart::Refused(Code::TooLong, "the store has 8 KiB");
        }
        self.begun.resize(usize::try_from(size).expect("small"), 0);
        PutStart::From(self.from)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> bool {
        let at = usize::try_from(offset).expect("small");
        self.begun[at..at + bytes.len()].copy_from_slice(bytes);
        !self.fails
    }

    fn commit(&mut self, hash: &ObjectHash) -> CommitOutcome {
        let object = std::mem::take(&mut self.begun);
        if name_of(&object) != *hash {
            return CommitOutcome::WrongHash;
        }
        self.kept.insert(hash.0, object);
        CommitOutcome::Done
    }

    fn size_of(&mut self, hash: &ObjectHash) -> Option<u64> {
        self.kept.get(&hash.0).map(|object| object.len() as u64)
    }

    fn read(&mut self, hash: &ObjectHash, offset: u64, bytes: &mut [u8]) -> bool {
        let at = usize::try_from(offset).expect("small");
        let object = self.kept.get(&hash.0);
        let found = object.and_then(|object| object.get(at..at + bytes.len()));
        found.is_some_and(|found| {
            bytes.copy_from_slice(found);
            true
        })
    }
}

fn object() -> Vec<u8> {
    let bytes = (0..3_000_u32).map(|at| (at.wrapping_mul(at) >> 3).to_le_bytes()[0]);
    bytes.collect()
}

fn put(object: &[u8]) -> TransferRequest {
    TransferRequest::Put {
        hash: name_of(object),
        size: object.len() as u64,
        piece_max: NonZeroU16::MAX,
    }
}

fn get(object: &[u8], from: u64) -> TransferRequest {
    TransferRequest::Get {
        hash: name_of(object),
        from,
        piece_max: NonZeroU16::new(100).expect("a length"),
    }
}

fn credits(heard: &[Heard]) -> impl Iterator<Item = PieceCredit> {
    heard.iter().filter_map(|frame| {
        let header = frame.header;
        let is_credit = (header.class, header.opcode) == (Class::Credit, PIECE_CREDIT_OPCODE);
        is_credit.then(|| PieceCredit::read(&frame.body).expect("a credit"))
    })
}

/// Asks for a transfer; returns it, and what came besides the reply.
#[track_caller]
fn open(
    bench: &mut Bench,
    alice: &Program,
    number: u16,
    request: TransferRequest,
) -> (TransferOpened, Vec<Heard>) {
    let request = Request::Transfer(request);
    let mut heard = alice.exchange(bench, &alice.packet(number, &request));
    let Reply::TransferOpened(opened) = heard.remove(0).reply(number) else {
        panic!("a transfer is wanted");
    };
    (opened, heard)
}

/// Sends an object's pieces, of which every `lose`th does not arrive; returns the number sent.
fn send(
    bench: &mut Bench,
    alice: &Program,
    (object, lose): (&[u8], usize),
    (opened, first): (TransferOpened, Vec<Heard>),
) -> usize {
    let now = |bench: &Bench| Instant(bench.hardware.now.get());
    let patience = TransferPatience::default();
    let mut sender = TransferSender::<8>::new(now(bench), &opened, patience);
    let mut heard = first;
    let mut count = 0;
    while sender.status(now(bench)) == TransferStatus::UnderWay {
        for credit in credits(&heard) {
            sender.on_credit(now(bench), credit);
        }
        heard.clear();
        while let Some(range) = sender.next_piece(now(bench)) {
            let at = usize::try_from(range.offset).expect("small");
            let piece = ObjectPiece {
                transfer: opened.transfer(),
                offset: range.offset,
                bytes: &object[at..at + usize::from(range.length)],
            };
            let mut body = [0; PACKET_BYTES];
            let length = piece.write(&mut body).expect("room");
            count += 1;
            if count % lose != 0 {
                let packet = alice.raw(Class::Data, 0, PIECE_OPCODE, &body[..length]);
                heard.extend(alice.exchange(bench, &packet));
            }
        }
        bench.pass(5);
        heard.extend(alice.exchange(bench, &[]));
    }
    assert_eq!(sender.status(now(bench)), TransferStatus::Complete);
    count
}

#[test]
fn what_is_put_arrives_whole_and_is_there_once_it_is_committed() {
    let object = object();
    for lose in [usize::MAX, 3] {
        let mut bench = Bench::new();
        let alice = Program::welcomed(ALICE, &mut bench);
        let opened = open(&mut bench, &alice, 1, put(&object));
        assert_eq!((opened.0.offset(), opened.0.piece().get()), (0, 145));
        let commit = Request::Transfer(TransferRequest::Commit(opened.0.transfer()));
        let early = alice.ask(&mut bench, 2, &commit);
        assert!(matches!(&early, Reply::Refused(refusal) if refusal.code == Code::Busy));
        send(&mut bench, &alice, (&object, lose), opened);
        assert_eq!(alice.ask(&mut bench, 3, &commit), Reply::Done);
        assert_eq!(bench.hardware.objects.kept[&name_of(&object).0], object);
        let again = Request::Transfer(put(&object));
        assert_eq!(alice.ask(&mut bench, 4, &again), Reply::Done);
    }
}

#[test]
fn what_is_another_object_than_was_announced_is_not_kept() {
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let (announced, mut other) = (object(), object());
    other[1_234] ^= 1;
    let opened = open(&mut bench, &alice, 1, put(&announced));
    let commit = Request::Transfer(TransferRequest::Commit(opened.0.transfer()));
    send(&mut bench, &alice, (&other, usize::MAX), opened);
    let refused = alice.ask(&mut bench, 2, &commit);
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::BadValue));
    assert!(bench.hardware.objects.kept.is_empty());
    // And the transfer is over.
    let refused = alice.ask(&mut bench, 3, &commit);
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Unknown));
}

#[test]
fn an_object_of_which_a_part_is_there_goes_on_behind_it() {
    let object = object();
    let mut bench = Bench::new();
    bench.hardware.objects.begun = object[..2_900].to_vec();
    bench.hardware.objects.from = 2_900;
    let alice = Program::welcomed(ALICE, &mut bench);
    let opened = open(&mut bench, &alice, 1, put(&object));
    let commit = Request::Transfer(TransferRequest::Commit(opened.0.transfer()));
    assert_eq!(send(&mut bench, &alice, (&object, usize::MAX), opened), 1);
    assert_eq!(alice.ask(&mut bench, 2, &commit), Reply::Done);
}

#[test]
fn there_is_one_transfer_and_it_ends_with_its_session_its_cancel_or_a_store_that_fails() {
    let object = object();
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let (first, _) = open(&mut bench, &alice, 1, put(&object));
    let refused = alice.ask(&mut bench, 2, &Request::Transfer(put(&object)));
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Busy));
    let cancel = Request::Transfer(TransferRequest::Cancel(first.transfer()));
    assert_eq!(alice.ask(&mut bench, 3, &cancel), Reply::Done);
    let (second, credits) = open(&mut bench, &alice, 4, put(&object));
    assert_ne!(second.transfer(), first.transfer());
    // Another client's session has no part in it.
    let bob = Program::new(9);
    let taken = bob.hello(Sequence(7), CURRENT, true);
    let answer = &bob.exchange(&mut bench, &taken)[0];
    let welcome: Welcome = message_of(answer);
    let bob = Program {
        nonce: welcome.nonce,
        ..bob
    };
    let cancel = Request::Transfer(TransferRequest::Cancel(second.transfer()));
    let refused = bob.ask(&mut bench, 1, &cancel);
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Unknown));
    // A piece that cannot be written ends it.
    bench.hardware.objects.fails = true;
    let (third, _) = open(&mut bench, &bob, 2, put(&object));
    let head = [third.transfer().0.to_le_bytes()[0], 0];
    let body = [&head, &object[..145]].concat();
    bob.exchange(&mut bench, &bob.raw(Class::Data, 0, PIECE_OPCODE, &body));
    let cancel = Request::Transfer(TransferRequest::Cancel(third.transfer()));
    let refused = bob.ask(&mut bench, 3, &cancel);
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Unknown));
    assert_eq!(credits.len(), 1);
}

#[test]
fn what_is_got_arrives_whole_from_any_byte_on() {
    let object = object();
    for from in [0, 1_717, 3_000] {
        let mut bench = Bench::new();
        let alice = Program::welcomed(ALICE, &mut bench);
        let kept = &mut bench.hardware.objects.kept;
        kept.insert(name_of(&object).0, object.clone());
        let (opened, mut heard) = open(&mut bench, &alice, 1, get(&object, from));
        assert_eq!((opened.size(), opened.piece().get()), (3_000, 100));
        let mut store = object[..usize::try_from(from).expect("small")].to_vec();
        store.resize(object.len(), 0);
        let taking = (PieceOrder::Any, 8);
        let patience = TransferPatience::default();
        let start = Instant(bench.hardware.now.get());
        let mut receiver = TransferReceiver::new(start, &opened, taking, patience);
        let mut count = 0;
        loop {
            let now = Instant(bench.hardware.now.get());
            for frame in heard.drain(..) {
                count += 1;
                // Each tenth is lost.
                let piece = ObjectPiece::read(&frame.body).filter(|_| count % 10 != 0);
                let Some(piece) = piece else { continue };
                let decision = receiver.on_piece(now, piece.offset, piece.bytes.len());
                if let PieceDecision::WriteAt(at) = decision {
                    let at = usize::try_from(at).expect("small");
                    store[at..at + piece.bytes.len()].copy_from_slice(piece.bytes);
                }
            }
            if let Some(credit) = receiver.credit(now) {
                let mut body = [0; PieceCredit::BODY_BYTES];
                let length = credit.write(&mut body).expect("room");
                let packet = alice.raw(Class::Credit, 0, PIECE_CREDIT_OPCODE, &body[..length]);
                heard.extend(alice.exchange(&mut bench, &packet));
            }
            if receiver.status(now) != TransferStatus::UnderWay {
                break;
            }
            bench.pass(5);
            heard.extend(alice.exchange(&mut bench, &[]));
        }
        assert!(store == object, "{from}");
    }
}

#[test]
fn an_object_that_is_not_there_or_ends_before_is_not_sent() {
    let object = object();
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let refused = alice.ask(&mut bench, 1, &Request::Transfer(get(&object, 0)));
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Unknown));
    let kept = &mut bench.hardware.objects.kept;
    kept.insert(name_of(&object).0, object.clone());
    let refused = alice.ask(&mut bench, 2, &Request::Transfer(get(&object, 3_001)));
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::BadValue));
    let cancel = Request::Transfer(TransferRequest::Cancel(TransferId(0)));
    let refused = alice.ask(&mut bench, 3, &cancel);
    assert!(matches!(&refused, Reply::Refused(refusal) if refusal.code == Code::Unknown));
}

#[test]
fn the_next_get_may_come_right_behind_the_last_credit() {
    let object = object()[..50].to_vec();
    let mut bench = Bench::new();
    let alice = Program::welcomed(ALICE, &mut bench);
    let kept = &mut bench.hardware.objects.kept;
    kept.insert(name_of(&object).0, object.clone());
    let (opened, _) = open(&mut bench, &alice, 1, get(&object, 0));
    let credit = |acknowledged| {
        let credit = PieceCredit {
            transfer: opened.transfer(),
            acknowledged,
            limit: 50,
            received: 0,
        };
        let mut body = [0; PieceCredit::BODY_BYTES];
        let length = credit.write(&mut body).expect("room");
        alice.raw(Class::Credit, 0, PIECE_CREDIT_OPCODE, &body[..length])
    };
    assert_eq!(alice.exchange(&mut bench, &credit(0)).len(), 1);
    let next = alice.packet(2, &Request::Transfer(get(&object, 0)));
    let heard = alice.exchange(&mut bench, &[&credit(50)[..], &next[..]].concat());
    let reply = heard.into_iter().map(|it| it.reply(2)).next();
    assert!(matches!(reply, Some(Reply::TransferOpened(_))), "{reply:?}");
}
