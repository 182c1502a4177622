//! Rules of the sending end.

use super::*;
use crate::units::Millis;
use core::num::NonZeroU16;

/// An object of twenty pieces of 100 bytes and one of 50.
const SIZE: u64 = 2_050;

type SmallSender = TransferSender<8>;

fn opened() -> TransferOpened {
    let piece = NonZeroU16::new(100).unwrap();
    TransferOpened::new(TransferId(7), 0, SIZE, piece).unwrap()
}

/// A sender that has sent its first `count` pieces, a millisecond each, with room for 8.
fn sender(count: u64) -> SmallSender {
    let mut sender = SmallSender::new(Instant(0), &opened(), TransferPatience::default());
    assert_eq!(sender.next_piece(Instant(0)), None);
    assert_eq!(credit(&mut sender, 0, (0, 800, 0)), CreditOutcome::Taken);
    for number in 0..count {
        assert_eq!(next(&mut sender, number), Some(number * 100));
    }
    sender
}

fn next<const W: usize>(sender: &mut TransferSender<W>, now: u64) -> Option<u64> {
    let range = sender.next_piece(Instant(now))?;
    let expected = (SIZE - range.offset).min(100);
    assert_eq!(u64::from(range.length), expected);
    Some(range.offset)
}

/// All that goes at `now`.
fn all<const W: usize>(sender: &mut TransferSender<W>, now: u64) -> Vec<u64> {
    core::iter::from_fn(|| next(sender, now)).collect()
}

fn credit<const W: usize>(
    sender: &mut TransferSender<W>,
    now: u64,
    (acknowledged, limit, received): (u64, u64, u16),
) -> CreditOutcome {
    let transfer = TransferId(7);
    let credit = PieceCredit {
        transfer,
        acknowledged,
        limit,
        received,
    };
    sender.on_credit(Instant(now), credit)
}

#[test]
fn no_piece_goes_beyond_what_was_granted_or_the_window() {
    let mut sender = sender(0);
    assert_eq!(all(&mut sender, 0).len(), 8);
    credit(&mut sender, 5, (100, 5_000, 0));
    assert_eq!(all(&mut sender, 5), [800]);
    credit(&mut sender, 6, (900, 1_250, 0));
    assert_eq!(
        all(&mut sender, 6),
        [900, 1_000, 1_100, 1_200, 1_300, 1_400, 1_500, 1_600]
    );
}

#[test]
fn the_limit_holds_to_the_byte() {
    let mut sender = SmallSender::new(Instant(0), &opened(), TransferPatience::default());
    for (limit, sent) in [(99, 0), (100, 1), (199, 0), (200, 1), (150, 0)] {
        credit(&mut sender, 0, (0, limit, 0));
        assert_eq!(all(&mut sender, 0).len(), sent, "{limit}");
    }
}

#[test]
fn a_lost_piece_is_sent_again_once_pieces_behind_it_have_arrived() {
    let mut sender = sender(4);
    credit(&mut sender, 5, (100, 900, 0b10));
    assert_eq!(next(&mut sender, 5), Some(100));
    assert_eq!(next(&mut sender, 5), Some(200));
    assert_eq!(next(&mut sender, 5), Some(400));
    // And not because of the same again.
    credit(&mut sender, 6, (100, 900, 0b10));
    assert_eq!(next(&mut sender, 6), Some(500));
    // But when what went after it has arrived, and it has not.
    credit(&mut sender, 7, (100, 900, 0b110));
    assert_eq!(next(&mut sender, 7), Some(100));
    assert_eq!(next(&mut sender, 7), Some(200));
    assert_eq!(next(&mut sender, 7), Some(600));
    assert_eq!(sender.sent_again(), 4);
}

#[test]
fn the_end_of_a_window_is_sent_again_when_its_time_is_over_and_alone() {
    let mut sender = sender(8);
    credit(&mut sender, 10, (400, 800, 0));
    assert_eq!(all(&mut sender, 10), []);
    let timeout = sender.deadline().unwrap().0;
    // The last that is acknowledged was sent at 3: R = 7, and R + 4 * R/2 + 50 after the credit.
    assert_eq!(timeout, 10 + 7 + 14 + 50);
    assert_eq!(all(&mut sender, timeout - 1), []);
    assert_eq!(all(&mut sender, timeout), [400]);
    assert_eq!(sender.deadline(), Some(Instant(timeout + 2 * 71)));
    credit(&mut sender, timeout + 10, (500, 1_300, 0));
    assert_eq!(
        all(&mut sender, timeout + 10),
        [500, 600, 700, 800, 900, 1_000, 1_100, 1_200]
    );
}

#[test]
fn a_receiver_that_has_nothing_behind_a_gap_is_sent_all_of_it_again() {
    let mut sender = sender(4);
    credit(&mut sender, 6, (100, 900, 0));
    assert_eq!(all(&mut sender, 6), [400, 500, 600, 700, 800]);
    // Too early to be an answer to the piece at 100, which went at 1: the round trip is 6.
    credit(&mut sender, 6, (100, 900, 0));
    assert_eq!(all(&mut sender, 6), []);
    credit(&mut sender, 7, (100, 900, 0));
    assert_eq!(
        all(&mut sender, 7),
        [100, 200, 300, 400, 500, 600, 700, 800]
    );
    credit(&mut sender, 8, (100, 900, 0));
    assert_eq!(all(&mut sender, 8), []);
}

#[test]
fn more_room_alone_sends_nothing_again() {
    let mut sender = sender(4);
    credit(&mut sender, 6, (100, 800, 0));
    credit(&mut sender, 60, (100, 900, 0));
    assert_eq!(all(&mut sender, 60), [400, 500, 600, 700, 800]);
}

#[test]
fn a_credit_that_no_receiver_sends_changes_nothing() {
    let mut sender = sender(4);
    for bad in [
        (401, 800, 0),
        (150, 800, 0),
        (500, 800, 0),
        (SIZE, SIZE, 0),
        (u64::MAX, u64::MAX, 0),
        (200, 100, 0),
    ] {
        let outcome = credit(&mut sender, 5, bad);
        assert_eq!(outcome, CreditOutcome::Malformed, "{bad:?}");
    }
    assert_eq!(sender.acknowledged(), 0);
    assert_eq!(next(&mut sender, 5), Some(400));
}

#[test]
fn a_credit_that_comes_late_changes_nothing() {
    let mut sender = sender(4);
    credit(&mut sender, 5, (200, 800, 0b1));
    let before = all(&mut sender.clone(), 5);
    for old in [(100, 2_000, 0), (0, 800, 0xFFFF)] {
        assert_eq!(credit(&mut sender, 5, old), CreditOutcome::Ignored);
    }
    let other = PieceCredit {
        transfer: TransferId(8),
        acknowledged: 400,
        limit: 2_000,
        received: 0,
    };
    let outcome = sender.on_credit(Instant(5), other);
    assert_eq!(outcome, CreditOutcome::Ignored);
    assert_eq!(all(&mut sender, 5), before);
}

#[test]
fn what_was_sent_twice_is_not_measured() {
    let mut sender = sender(1);
    let first = sender.deadline().unwrap().0;
    assert_eq!(first, 1_000);
    assert_eq!(all(&mut sender, first)[0], 0);
    credit(&mut sender, first + 1, (100, 100, 0));
    assert_eq!(sender.round_trip.smoothed(), None);
}

#[test]
fn want_of_progress_ends_a_transfer_and_time_does_not() {
    let patience = TransferPatience {
        progress: Millis(10),
        closed: Millis(25),
    };
    let mut sender = TransferSender::<1>::new(Instant(0), &opened(), patience);
    credit(&mut sender, 0, (0, 100, 0));
    for step in 1..20 {
        let now = step * 9;
        assert_eq!(next(&mut sender, now), Some((step - 1) * 100));
        credit(&mut sender, now, (step * 100, step * 100 + 100, 0));
    }
    let last = 19 * 9;
    credit(&mut sender, last + 9, (1_900, 2_000, 0));
    assert_eq!(sender.status(Instant(last + 9)), TransferStatus::UnderWay);
    assert_eq!(sender.status(Instant(last + 10)), TransferStatus::Stalled);
    assert_eq!(sender.next_piece(Instant(last + 10)), None);
}

#[test]
fn the_last_piece_is_shorter_and_its_credit_ends_the_transfer() {
    let mut sender = TransferSender::<17>::new(Instant(0), &opened(), TransferPatience::default());
    credit(&mut sender, 0, (0, 1_700, 0));
    assert_eq!(all(&mut sender, 0).len(), 17);
    credit(&mut sender, 1, (1_700, SIZE, 0));
    assert_eq!(all(&mut sender, 1), [1_700, 1_800, 1_900, 2_000]);
    assert_eq!(
        credit(&mut sender, 2, (SIZE, SIZE, 0)),
        CreditOutcome::Taken
    );
    assert_eq!(sender.status(Instant(u64::MAX)), TransferStatus::Complete);
    assert_eq!(sender.deadline(), None);
    assert_eq!(sender.next_piece(Instant(3)), None);
}

#[test]
fn sendings_are_told_apart_across_the_wrap_of_their_numbers() {
    let mut sender = sender(0);
    sender.sending = u32::MAX - 1;
    sender.newest_received = u32::MAX - 1;
    assert_eq!(all(&mut sender, 0).len(), 8);
    credit(&mut sender, 5, (0, 800, 0b100));
    assert_eq!(all(&mut sender, 5), [0, 100, 200]);
}
