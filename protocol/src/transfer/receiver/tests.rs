//! Rules of the receiving end.

use super::*;
use core::num::NonZeroU16;

/// An object of ten pieces of 100 bytes and one of 50.
const SIZE: u64 = 1_050;
const PIECE: u16 = 100;

fn opened(offset: u64) -> TransferOpened {
    let piece = NonZeroU16::new(PIECE).unwrap();
    TransferOpened::new(TransferId(7), offset, SIZE, piece).unwrap()
}

fn receiver(order: PieceOrder, room: u16) -> TransferReceiver {
    let patience = TransferPatience::default();
    let mut receiver = TransferReceiver::new(Instant(0), &opened(0), (order, room), patience);
    let limit = SIZE.min(u64::from(room) * 100);
    assert_eq!(said(&mut receiver, 0), Some((0, limit, 0)));
    receiver
}

/// The next credit: acknowledged, limit, received.
fn said(receiver: &mut TransferReceiver, now: u64) -> Option<(u64, u64, u16)> {
    let credit = receiver.credit(Instant(now))?;
    assert_eq!(credit.transfer, TransferId(7));
    Some((credit.acknowledged, credit.limit, credit.received))
}

fn take(receiver: &mut TransferReceiver, now: u64, offset: u64) -> PieceDecision {
    let length = usize::try_from((SIZE - offset).min(100)).unwrap();
    receiver.on_piece(Instant(now), offset, length)
}

#[test]
fn a_copy_of_a_piece_is_taken_once() {
    let mut receiver = receiver(PieceOrder::Any, 4);
    for offset in [0, 200] {
        let decision = take(&mut receiver, 1, offset);
        assert_eq!(decision, PieceDecision::WriteAt(offset));
        assert_eq!(take(&mut receiver, 1, offset), PieceDecision::Copy);
    }
}

#[test]
fn a_piece_that_no_sender_sends_changes_nothing() {
    let mut receiver = receiver(PieceOrder::Any, 17);
    for (offset, length) in [
        (0, 99),
        (0, 101),
        (0, 0),
        (50, 100),
        (1_000, 100),
        (1_000, 49),
        (1_050, 0),
        (1_050, 100),
        (u64::MAX, 100),
    ] {
        let decision = receiver.on_piece(Instant(1), offset, length);
        assert_eq!(decision, PieceDecision::Malformed, "{offset} {length}");
    }
    assert_eq!(said(&mut receiver, 1), None);
    assert_eq!(take(&mut receiver, 1, 1_000), PieceDecision::WriteAt(1_000));
}

#[test]
fn a_piece_beyond_what_was_granted_is_dropped() {
    let mut receiver = receiver(PieceOrder::Any, 4);
    assert_eq!(take(&mut receiver, 1, 400), PieceDecision::OutOfWindow);
    assert_eq!(take(&mut receiver, 1, 300), PieceDecision::WriteAt(300));
}

#[test]
fn a_credit_is_owed_each_half_window_at_each_gap_and_at_the_end() {
    let mut receiver = receiver(PieceOrder::Any, 4);
    for (offset, credit) in [
        (0, None),
        (100, Some((200, 600, 0))),
        (300, Some((200, 600, 0b1))),
        (500, Some((200, 600, 0b101))),
        (200, Some((400, 800, 0b1))),
        (400, Some((600, 1_000, 0))),
        (600, None),
        (700, Some((800, 1_050, 0))),
        (1_000, Some((800, 1_050, 0b10))),
        (800, Some((900, 1_050, 0b1))),
        (900, Some((1_050, 1_050, 0))),
    ] {
        take(&mut receiver, 1, offset);
        assert_eq!(said(&mut receiver, 1), credit, "{offset}");
    }
    assert_eq!(receiver.status(Instant(1)), TransferStatus::Complete);
    assert_eq!(receiver.deadline(), None);
    // The last credit was lost, and the sender asks for it with a copy.
    assert_eq!(said(&mut receiver, 60_000), None);
    take(&mut receiver, 60_000, 1_000);
    assert_eq!(said(&mut receiver, 60_000), Some((1_050, 1_050, 0)));
}

#[test]
fn a_credit_is_kept_back_for_50_ms_at_most() {
    let mut receiver = receiver(PieceOrder::Any, 10);
    for now in [50, 150] {
        assert_eq!(said(&mut receiver, now), Some((0, 1_000, 0)));
    }
    // Without a piece the next would be at 350.
    for (now, offset) in [(200, 0), (230, 100), (249, 200)] {
        take(&mut receiver, now, offset);
        assert_eq!(said(&mut receiver, now), None);
    }
    assert_eq!(receiver.deadline(), Some(Instant(250)));
    assert_eq!(said(&mut receiver, 250), Some((300, 1_050, 0)));
    take(&mut receiver, 260, 300);
    assert_eq!(receiver.deadline(), Some(Instant(300)));
}

#[test]
fn credits_go_on_more_and_more_rarely_while_nothing_arrives() {
    let mut receiver = receiver(PieceOrder::Any, 4);
    let mut times = Vec::new();
    for _ in 0..100 {
        if receiver.status(receiver.deadline().unwrap()) != TransferStatus::UnderWay {
            break;
        }
        let now = receiver.deadline().unwrap().0;
        assert_eq!(said(&mut receiver, now), Some((0, 400, 0)));
        times.push(now);
    }
    assert_eq!(times[..6], [50, 150, 350, 750, 1_550, 2_550]);
    assert_eq!(times.len(), 13);
}

/// A credit that acknowledges something does not tell of the gap; the first that does not is enough,
/// until the sender has gone back.
#[test]
fn a_receiver_that_takes_pieces_in_order_tells_of_a_gap_once() {
    let mut receiver = receiver(PieceOrder::InOrder, 4);
    take(&mut receiver, 1, 0);
    for (offset, credit) in [
        (200, Some((100, 500, 0))),
        (300, Some((100, 500, 0))),
        (400, None),
        (200, Some((100, 500, 0))),
        (300, None),
    ] {
        assert_eq!(take(&mut receiver, 1, offset), PieceDecision::OutOfWindow);
        assert_eq!(said(&mut receiver, 1), credit, "{offset}");
    }
    for offset in [100, 200] {
        let decision = take(&mut receiver, 1, offset);
        assert_eq!(decision, PieceDecision::WriteAt(offset));
    }
    assert_eq!(said(&mut receiver, 1), Some((300, 700, 0)));
    take(&mut receiver, 1, 400);
    assert_eq!(said(&mut receiver, 1), Some((300, 700, 0)));
}

#[test]
fn a_receiver_without_room_says_so_and_grants_it_at_once_when_there_is_some() {
    let mut receiver = receiver(PieceOrder::Any, 2);
    receiver.set_room(Instant(1), 1);
    take(&mut receiver, 1, 0);
    assert_eq!(said(&mut receiver, 1), Some((100, 200, 0)));
    receiver.set_room(Instant(2), 0);
    take(&mut receiver, 2, 100);
    assert_eq!(said(&mut receiver, 2), Some((200, 200, 0)));
    assert_eq!(take(&mut receiver, 3, 200), PieceDecision::OutOfWindow);
    let closed = TransferPatience::default().closed.0;
    for now in (1_000..closed).step_by(1_000) {
        assert!(said(&mut receiver, now).is_some());
        let status = receiver.status(Instant(now));
        assert_eq!(status, TransferStatus::UnderWay, "{now}");
    }
    receiver.set_room(Instant(closed), 2);
    assert_eq!(said(&mut receiver, closed), Some((200, 400, 0)));
    let progress = TransferPatience::default().progress.0;
    let last = Instant(closed + progress - 1);
    assert_eq!(receiver.status(last), TransferStatus::UnderWay);
    let over = Instant(closed + progress);
    assert_eq!(receiver.status(over), TransferStatus::Stalled);
}

#[test]
fn a_transfer_goes_on_from_any_byte() {
    let patience = TransferPatience::default();
    let any = (PieceOrder::Any, 4);
    let mut receiver = TransferReceiver::new(Instant(0), &opened(333), any, patience);
    assert_eq!(said(&mut receiver, 0), Some((333, 733, 0)));
    assert_eq!(take(&mut receiver, 0, 433), PieceDecision::WriteAt(433));
    assert_eq!(take(&mut receiver, 0, 300), PieceDecision::Copy);
    assert_eq!(take(&mut receiver, 0, 400), PieceDecision::Malformed);
    assert_eq!(take(&mut receiver, 0, 333), PieceDecision::WriteAt(333));
    assert_eq!(receiver.acknowledged(), 533);
}

#[test]
fn an_object_without_bytes_is_complete_at_once() {
    let piece = NonZeroU16::MIN;
    let opened = TransferOpened::new(TransferId(1), 0, 0, piece).unwrap();
    let any = (PieceOrder::Any, 1);
    let receiver = TransferReceiver::new(Instant(0), &opened, any, TransferPatience::default());
    assert_eq!(receiver.status(Instant(u64::MAX)), TransferStatus::Complete);
}
