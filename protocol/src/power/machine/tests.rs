//! No order of events fires twice, before evidence, or after standing down.

mod every_order;

use super::*;

const ORDER: Order = Order {
    id: OperationId(7),
    operation: Operation::Reboot,
    delay: Millis(0),
    write: Millis(100),
    drain: Millis(250),
    force: false,
    dry_run: false,
};
const FORCED: Order = Order {
    force: true,
    ..ORDER
};
const DELAYED: Order = Order {
    delay: Millis(30_000),
    ..ORDER
};

#[track_caller]
fn check(order: Order, steps: &[(u64, Event, Option<Effect>)]) {
    let mut staged = Staged::new(order, Instant(0));
    for (index, (at, event, expected)) in steps.iter().enumerate() {
        let effect = staged.step(Instant(*at), *event);
        assert_eq!(effect, *expected, "step {index}: {event:?} at {at} ms");
    }
}

#[test]
fn a_drained_acknowledgement_is_recorded_and_then_fires() {
    check(
        ORDER,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (
                3,
                Event::Drained(Evidence::UartEmpty),
                Some(Effect::Release(Evidence::UartEmpty)),
            ),
            (
                4,
                Event::Recorded,
                Some(Effect::Fire(Operation::Reboot, Evidence::UartEmpty)),
            ),
            (5, Event::Recorded, None),
            (6, Event::FireFailed(1), Some(Effect::Failed(1))),
        ],
    );
}

#[test]
fn an_acknowledgement_that_cannot_be_written_never_fires_not_even_by_force() {
    for order in [ORDER, FORCED] {
        check(
            order,
            &[
                (
                    0,
                    Event::AckFailed,
                    Some(Effect::Stand(Standdown::AckFailed)),
                ),
                (1, Event::Drained(Evidence::UartEmpty), None),
                (2, Event::Recorded, None),
            ],
        );
    }
}

#[test]
fn a_write_that_hangs_stands_down_at_its_deadline() {
    check(
        ORDER,
        &[
            (99, Event::Tick, None),
            (100, Event::Tick, Some(Effect::Stand(Standdown::AckFailed))),
        ],
    );
}

#[test]
fn a_drain_that_is_late_stands_down_and_fires_only_by_force() {
    check(
        ORDER,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (250, Event::Tick, None),
            (251, Event::Tick, Some(Effect::Stand(Standdown::NotDrained))),
            (252, Event::Drained(Evidence::UartEmpty), None),
        ],
    );
    check(
        FORCED,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (251, Event::Tick, Some(Effect::Release(Evidence::Forced))),
        ],
    );
}

#[test]
fn a_lost_link_stands_down_before_the_drain_and_is_nothing_after_it() {
    check(
        FORCED,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (2, Event::LinkLost, Some(Effect::Stand(Standdown::LinkLost))),
        ],
    );
    check(
        DELAYED,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (
                2,
                Event::Drained(Evidence::PeerAcked),
                Some(Effect::AwaitDelay(Instant(30_002))),
            ),
            (3, Event::LinkLost, None),
            (30_001, Event::Tick, None),
            (
                30_002,
                Event::Tick,
                Some(Effect::Release(Evidence::PeerAcked)),
            ),
            (30_003, Event::Cancel(Standdown::Cancelled), None),
        ],
    );
}

#[test]
fn a_scheduled_operation_can_be_cancelled() {
    check(
        DELAYED,
        &[
            (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251)))),
            (
                2,
                Event::Drained(Evidence::PeerAcked),
                Some(Effect::AwaitDelay(Instant(30_002))),
            ),
            (
                9,
                Event::Cancel(Standdown::Cancelled),
                Some(Effect::Stand(Standdown::Cancelled)),
            ),
            (30_002, Event::Tick, None),
        ],
    );
}

#[test]
fn a_link_without_evidence_is_enough_for_a_dry_run_only() {
    let written = (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251))));
    let unknowable = Event::Drained(Evidence::Unknowable);
    check(
        ORDER,
        &[
            written,
            (2, unknowable, Some(Effect::Stand(Standdown::NotDrained))),
        ],
    );
    check(
        FORCED,
        &[
            written,
            (2, unknowable, Some(Effect::Release(Evidence::Forced))),
        ],
    );
    let dry = Order {
        dry_run: true,
        ..ORDER
    };
    check(
        dry,
        &[
            written,
            (2, unknowable, Some(Effect::Release(Evidence::Unknowable))),
        ],
    );
}

#[test]
fn a_release_that_cannot_be_recorded_stands_down_unless_forced() {
    let written = (1, Event::AckWritten, Some(Effect::AwaitDrain(Instant(251))));
    let drained = (
        2,
        Event::Drained(Evidence::UartEmpty),
        Some(Effect::Release(Evidence::UartEmpty)),
    );
    let stand = Effect::Stand(Standdown::RecordFailed);
    check(
        ORDER,
        &[written, drained, (3, Event::RecordFailed, Some(stand))],
    );
    let fire = Effect::Fire(Operation::Reboot, Evidence::UartEmpty);
    check(
        FORCED,
        &[written, drained, (3, Event::RecordFailed, Some(fire))],
    );
}
