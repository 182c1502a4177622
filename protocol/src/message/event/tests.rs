//! The longest events.

use super::*;
use crate::message::generation::ROLLOUT_DETAIL_BYTES;

#[track_caller]
fn check_room(event: BoardEvent<'_>) {
    let mut room = [0; EVENT_BYTES];
    let length = event.encode(&mut room).expect("room");
    assert_eq!(BoardEvent::decode(&room[..length]), Some(event));
}

#[test]
fn the_longest_event_of_each_topic_has_room() {
    let (name, reason) = ("n".repeat(32), "r".repeat(EVENT_REASON_BYTES));
    let peer = "p".repeat(EVENT_PEER_BYTES);
    let power = PowerEvent {
        at_unix_ms: u64::MAX,
        id: OperationId(u64::MAX),
        operation: Operation::GracefulShutdown,
        step: PowerStep::Scheduled(Millis(u64::MAX)),
    };
    let service = ServiceEvent {
        at_unix_ms: u64::MAX,
        name: &name,
        from: ServiceState::Failed,
        to: ServiceState::Starting,
        reason: &reason,
    };
    let session = SessionEvent {
        at_unix_ms: u64::MAX,
        number: u64::MAX,
        link: LinkKind::Pty,
        peer: &peer,
        end: Some(SessionEnd::LinkFailed),
    };
    let detail = "d".repeat(CHECK_DETAIL_BYTES);
    let check = CheckEvent {
        at_unix_ms: u64::MAX,
        target: Generation([0xFF; 32]),
        soak_left: Some(Millis(u64::MAX)),
        name: &name,
        has_passed: false,
        failures: u32::MAX,
        failures_max: u32::MAX,
        detail: &detail,
    };
    for event in [
        BoardEvent::Check(check),
        BoardEvent::Power(power),
        BoardEvent::Service(service),
        BoardEvent::Session(session),
    ] {
        check_room(event);
    }
}

#[test]
fn the_longest_event_of_each_step_of_a_rollout_has_room() {
    let detail = "d".repeat(ROLLOUT_DETAIL_BYTES);
    let (method, component) = ("m".repeat(32), "c".repeat(64));
    let target = Generation([0xFF; 32]);
    for step in [
        RolloutStep::ActivationStarted {
            switch_method: &method,
        },
        RolloutStep::ActivationCompleted { observed: target },
        RolloutStep::ActivationDeferred {
            component: &component,
        },
        RolloutStep::ActivationFailed {
            code: i32::MIN,
            detail: &detail,
        },
        RolloutStep::RollbackCompleted {
            reverted_to: Some(target),
        },
    ] {
        check_room(BoardEvent::Rollout(RolloutEvent {
            at_unix_ms: u64::MAX,
            target,
            step,
        }));
    }
}
