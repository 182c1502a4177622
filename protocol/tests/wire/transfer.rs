//! An object arrives whole or its transfer fails by name, whatever the line loses, damages, repeats
//! or delays, and whichever end forgets what it did.

mod bad_line;
mod transfer_world;

use bad_line::LineRates;
use lastword_protocol::message::TransferOpened;
use lastword_protocol::transfer::{
    PieceCredit, PieceOrder, TransferPatience, TransferReceiver, TransferSender, TransferStatus,
};
use lastword_protocol::{Instant, TransferId};
use proptest::collection::vec;
use proptest::prelude::*;
use transfer_world::{PIECE, TransferWorld, WorldPlan, WorldReset};

/// A line that does a little of everything.
const BAD: LineRates = LineRates {
    lost: 80,
    damaged: 80,
    twice: 40,
    late: 40,
};

fn plan(seed: u64) -> WorldPlan {
    WorldPlan {
        seed,
        pieces: 200,
        tail: 5,
        order: PieceOrder::Any,
        room: 17,
        rates: BAD,
        resets: Vec::new(),
        dies_at: None,
    }
}

/// Runs it; every byte is right if it is complete.
fn run(plan: WorldPlan) -> TransferWorld {
    let shown = format!("{plan:?}");
    let mut world = TransferWorld::new(plan);
    world.run();
    if world.status == TransferStatus::Complete {
        assert!(world.is_whole(), "{shown}");
    }
    world
}

#[test]
fn a_line_that_does_nothing_has_no_piece_sent_again() {
    for (order, room) in [
        (PieceOrder::Any, 17),
        (PieceOrder::Any, 1),
        (PieceOrder::InOrder, 4),
        (PieceOrder::InOrder, 100),
    ] {
        let world = run(WorldPlan {
            rates: LineRates::default(),
            order,
            room,
            ..plan(1)
        });
        assert_eq!(world.status, TransferStatus::Complete);
        assert_eq!(world.pieces_sent, 201, "{order:?} {room}");
    }
}

#[test]
fn a_lost_piece_costs_a_receiver_that_takes_any_one_piece() {
    for seed in 0..20 {
        let rates = LineRates {
            lost: 50,
            ..LineRates::default()
        };
        let world = run(WorldPlan {
            rates,
            ..plan(seed)
        });
        assert_eq!(world.status, TransferStatus::Complete);
        // A lost credit at the end has the last piece sent once more, too.
        let needed = 201 + world.pieces_lost;
        assert!(
            world.pieces_sent <= needed + 3,
            "{seed}: {}, {needed}",
            world.pieces_sent
        );
    }
}

#[test]
fn after_a_reset_of_either_end_less_than_a_window_is_written_again() {
    for seed in 0..40 {
        for reset in [WorldReset::Sender, WorldReset::Receiver] {
            let resets = vec![(100, reset), (350, reset), (351, reset), (800, reset)];
            let world = run(WorldPlan {
                resets,
                ..plan(seed)
            });
            assert_eq!(world.status, TransferStatus::Complete);
            for again in &world.written_again {
                assert!(*again < 17, "{seed} {reset:?}: {again} pieces");
            }
        }
    }
}

#[test]
fn a_line_that_dies_ends_both_ends_by_name_and_what_is_there_stays() {
    for seed in 0..20 {
        let dies_at = Some(100 + seed * 10);
        let world = run(WorldPlan {
            dies_at,
            ..plan(seed)
        });
        assert_eq!(world.status, TransferStatus::Stalled, "{seed}");
        assert!(world.prefix_is_right());
        let patience = TransferPatience::default().progress.0;
        assert!(world.now.0 <= 100 + seed * 10 + patience + 2_000);
    }
}

fn any_rates() -> impl Strategy<Value = LineRates> {
    (0..300_u32, 0..200_u32, 0..200_u32, 0..200_u32).prop_map(|(lost, damaged, twice, late)| {
        LineRates {
            lost,
            damaged,
            twice,
            late,
        }
    })
}

fn any_order() -> impl Strategy<Value = PieceOrder> {
    prop_oneof![Just(PieceOrder::Any), Just(PieceOrder::InOrder)]
}

fn any_reset() -> impl Strategy<Value = (u64, WorldReset)> {
    let end = prop_oneof![Just(WorldReset::Sender), Just(WorldReset::Receiver)];
    (0..3_000_u64, end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_object_arrives_whole_over_any_line_that_lets_something_through(
        seed: u64,
        pieces in 0..120_u64,
        tail in 0..PIECE,
        order in any_order(),
        room in 1..20_u16,
        rates in any_rates(),
        resets in vec(any_reset(), 0..4),
    ) {
        let plan = WorldPlan { seed, pieces, tail, order, room, rates, resets, dies_at: None };
        let world = run(plan);
        prop_assert_eq!(world.status, TransferStatus::Complete);
    }

    #[test]
    fn no_credit_has_a_sender_panic_or_send_what_was_not_granted(
        offset: u64,
        left: u32,
        piece: u16,
        credits in vec((any::<[u8; 4]>(), any::<u64>(), any::<u16>(), 0..2_000_u64), 1..60),
    ) {
        let size = offset.saturating_add(left.into());
        let piece = piece.try_into().unwrap_or(std::num::NonZeroU16::MIN);
        let opened = TransferOpened::new(TransferId(1), offset, size, piece).expect("a transfer");
        let mut sender = TransferSender::<5>::new(Instant(0), &opened, TransferPatience::default());
        let mut now = Instant(0);
        let mut limit = offset;
        for (steps, far, received, later) in credits {
            now.0 += later;
            // Mostly near what is true, or else nothing would be taken.
            let near = |step: u8| sender.acknowledged()
                .saturating_add(u64::from(step % 8) * u64::from(piece.get()));
            let [acknowledged, granted] = match steps {
                [0..10, ..] => [far, far],
                [_, acknowledged, granted, _] => [near(acknowledged).min(size), near(granted)],
            };
            limit = limit.max(granted);
            let transfer = TransferId(1);
            let credit = PieceCredit { transfer, acknowledged, limit: granted, received };
            sender.on_credit(now, credit);
            for _ in 0..10 {
                if let Some(range) = sender.next_piece(now) {
                    let end = range.offset + u64::from(range.length);
                    prop_assert!(sender.acknowledged() <= range.offset && end <= size);
                    prop_assert!(end <= limit);
                }
            }
            let _ = (sender.deadline(), sender.status(now));
        }
    }

    #[test]
    fn no_piece_has_a_receiver_panic_or_write_twice(
        offset: u64,
        left: u32,
        piece: u16,
        order in any_order(),
        room: u16,
        pieces in vec((any::<u8>(), any::<u64>(), any::<u16>(), 0..2_000_u64), 1..100),
    ) {
        let size = offset.saturating_add(left.into());
        let piece = piece.try_into().unwrap_or(std::num::NonZeroU16::MIN);
        let opened = TransferOpened::new(TransferId(1), offset, size, piece).expect("a transfer");
        let patience = TransferPatience::default();
        let mut receiver = TransferReceiver::new(Instant(0), &opened, (order, room), patience);
        let mut now = Instant(0);
        let mut written = std::collections::HashSet::new();
        for (step, far, length, later) in pieces {
            now.0 += later;
            let near = offset.saturating_add(u64::from(step % 32) * u64::from(piece.get()));
            let (at, length) = match step {
                0..8 => (far, length.into()),
                _ => (near, size.saturating_sub(near).min(piece.get().into())),
            };
            let decision = receiver.on_piece(now, at, usize::try_from(length).expect("16 bits"));
            if let lastword_protocol::transfer::PieceDecision::WriteAt(place) = decision {
                prop_assert_eq!(place, at);
                prop_assert!(offset <= at && at + length <= size);
                prop_assert!(written.insert(at));
            }
            if step % 5 == 0 {
                receiver.set_room(now, far.to_le_bytes()[0].into());
            }
            let before = receiver.acknowledged();
            if let Some(credit) = receiver.credit(now) {
                prop_assert!(credit.acknowledged == before && before <= credit.limit);
                prop_assert!(credit.limit <= size);
            }
            let _ = (receiver.deadline(), receiver.status(now));
        }
    }
}
