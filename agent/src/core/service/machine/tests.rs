//! What one service does, event by event.

use super::*;
use crate::core::service::service_file::{Policy, Probe, Stop, StopSignal};

const CLEAR: Effect = Effect::Clear(StopSignal::Term);

fn rules(policy: Policy) -> ServiceFile {
    let mut rules = ServiceFile::new("camera");
    rules.restart.policy = policy;
    rules
}

/// A machine with what it is held against.
struct Life {
    machine: Machine,
    rules: ServiceFile,
}

impl Life {
    fn new(rules: ServiceFile) -> Self {
        let machine = Machine::new(7, 0);
        Self { machine, rules }
    }

    /// A service that runs and is ready, since the time 0.
    fn running(rules: ServiceFile) -> Self {
        let mut life = Self::new(rules);
        life.step(0, Event::Start);
        life.step(0, Event::Spawned);
        life.step(0, Event::Ready);
        assert_eq!(life.machine.shown(), Shown::Running);
        life
    }

    /// Steps at a time in milliseconds.
    fn step(&mut self, at: u64, event: Event) -> Vec<Effect> {
        let at = Moment {
            now: Instant(at),
            unix_ms: at,
        };
        self.machine.step(at, &self.rules, event)
    }

    /// `steps`: each a time in milliseconds, an event, the effects and the state that follow.
    #[track_caller]
    fn check(&mut self, steps: &[(u64, Event, &[Effect], Shown)]) {
        for (at, event, effects, shown) in steps {
            let done = self.step(*at, event.clone());
            let found = (&done[..], self.machine.shown());
            assert_eq!(found, (*effects, *shown), "{event:?} at {at}");
        }
    }
}

#[test]
fn a_service_starts_and_stops() {
    Life::new(rules(Policy::OnFailure)).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (0, Event::Spawned, &[], Shown::Running),
        (5, Event::Start, &[], Shown::Running),
        (5, Event::Stop, &[CLEAR], Shown::Stopping),
        (6, Event::Exited(Exit::Signal(15)), &[], Shown::Stopping),
        (7, Event::Empty, &[], Shown::Stopped),
        (7, Event::Stop, &[], Shown::Stopped),
    ]);
}

#[test]
fn a_service_that_is_not_ready_in_time_has_failed_to_start() {
    let mut rules = rules(Policy::OnFailure);
    rules.ready.probe = Probe::Notify;
    Life::new(rules).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (0, Event::Spawned, &[Effect::Probe], Shown::Starting),
        (9_999, Event::Tick, &[], Shown::Starting),
        (10_000, Event::Tick, &[CLEAR], Shown::Restarting),
        (10_001, Event::Ready, &[], Shown::Restarting),
        (10_002, Event::Empty, &[], Shown::Backoff),
    ]);
}

#[test]
fn the_hook_comes_first_and_its_time_counts_against_the_grace() {
    let stop = Stop {
        hook: Some("bye".to_owned()),
        signal: StopSignal::Int,
        grace: Millis(100),
    };
    let rules = ServiceFile {
        stop,
        ..rules(Policy::Always)
    };
    Life::running(rules.clone()).check(&[
        (10, Event::Stop, &[Effect::RunHook], Shown::Stopping),
        (50, Event::Empty, &[], Shown::Stopped),
    ]);
    Life::running(rules.clone()).check(&[
        (10, Event::Stop, &[Effect::RunHook], Shown::Stopping),
        (
            50,
            Event::HookEnded(None),
            &[Effect::Clear(StopSignal::Int)],
            Shown::Stopping,
        ),
        (109, Event::Tick, &[], Shown::Stopping),
        (110, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
    Life::running(rules).check(&[
        (10, Event::Stop, &[Effect::RunHook], Shown::Stopping),
        (110, Event::Tick, &[Effect::Kill], Shown::Stopping),
        (111, Event::HookEnded(None), &[], Shown::Stopping),
        (1_110, Event::Tick, &[Effect::Kill], Shown::Stopping),
        (1_111, Event::Empty, &[], Shown::Stopped),
    ]);
}

#[test]
fn the_policy_decides_what_follows_an_unasked_end() {
    let ends = |policy: Policy, exit: Exit| {
        let mut life = Life::running(rules(policy));
        life.step(5, Event::Exited(exit));
        life.step(5, Event::Empty);
        life.machine.shown()
    };
    for (policy, exit, shown) in [
        (Policy::Always, Exit::Code(0), Shown::Backoff),
        (Policy::OnFailure, Exit::Code(0), Shown::Stopped),
        (Policy::OnFailure, Exit::Code(1), Shown::Backoff),
        (Policy::OnFailure, Exit::Signal(9), Shown::Backoff),
        (Policy::OnFailure, Exit::Unknown, Shown::Backoff),
        (Policy::Never, Exit::Code(1), Shown::Stopped),
    ] {
        assert_eq!(ends(policy, exit), shown, "{policy:?} {exit:?}");
    }
}

#[test]
fn what_is_left_of_a_service_is_cleared_away_before_it_starts_again() {
    let mut rules = rules(Policy::Always);
    rules.restart.backoff_initial = Millis(0);
    Life::running(rules).check(&[
        (5, Event::Exited(Exit::Code(0)), &[CLEAR], Shown::Restarting),
        (10_005, Event::Tick, &[Effect::Kill], Shown::Restarting),
        (10_006, Event::Empty, &[Effect::Spawn], Shown::Starting),
    ]);
}

#[test]
fn a_stop_does_not_wait_for_a_backoff_sleep() {
    Life::running(rules(Policy::Always)).check(&[
        (5, Event::Exited(Exit::Code(0)), &[CLEAR], Shown::Restarting),
        (5, Event::Empty, &[], Shown::Backoff),
        (6, Event::Stop, &[], Shown::Stopped),
        (9_000, Event::Tick, &[], Shown::Stopped),
    ]);
}

#[test]
fn the_backoff_grows_although_every_spawn_succeeds() {
    let mut life = Life::running(rules(Policy::Always));
    let mut now = 0;
    let mut waits = Vec::new();
    for _ in 0..4 {
        life.step(now, Event::Exited(Exit::Code(1)));
        life.step(now, Event::Empty);
        let until = life.machine.deadline().unwrap().0;
        waits.push(until - now);
        now = until;
        life.step(now, Event::Tick);
        life.step(now, Event::Spawned);
    }
    let grows = |pair: &[u64]| pair[1] >= pair[0] * 3 / 2;
    assert!(waits.windows(2).all(grows), "{waits:?}");
}

#[test]
fn the_fifth_end_within_a_minute_is_the_last() {
    let mut rules = rules(Policy::Always);
    rules.restart.backoff_initial = Millis(0);
    let mut life = Life::running(rules);
    for end in 1..=5 {
        life.step(end, Event::Exited(Exit::Code(1)));
        life.step(end, Event::Empty);
        life.step(end, Event::Spawned);
    }
    assert_eq!(life.machine.shown(), Shown::Failed);
    assert_eq!(life.machine.restarts(), 4);
    life.check(&[(9, Event::Start, &[Effect::Spawn], Shown::Starting)]);
}

#[test]
fn a_first_start_is_no_restart() {
    let mut life = Life::running(rules(Policy::Always));
    assert_eq!(life.machine.restarts(), 0);
    life.step(1, Event::Stop);
    life.step(2, Event::Empty);
    life.step(3, Event::Start);
    life.step(3, Event::Spawned);
    assert_eq!((life.machine.restarts(), life.machine.runs()), (0, 2));
}

#[test]
fn a_start_that_was_asked_for_fails_at_once() {
    let why = || Event::SpawnFailed("no such file".to_owned());
    let mut life = Life::new(rules(Policy::Always));
    life.check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (0, why(), &[], Shown::Failed),
    ]);
    let machine = &life.machine;
    assert_eq!(machine.reason(), Some("no such file"));
    assert_eq!(machine.spawn_failures(), (1, "no such file"));
}

#[test]
fn a_start_that_nobody_asked_for_and_that_fails_follows_its_policy() {
    let why = || Event::SpawnFailed("no such file".to_owned());
    for (policy, shown, follows) in [
        (Policy::Always, Shown::Backoff, "the next start is in "),
        (Policy::OnFailure, Shown::Backoff, "the next start is in "),
        (
            Policy::Never,
            Shown::Failed,
            "its policy is not to try again",
        ),
    ] {
        let mut life = Life::new(rules(policy));
        life.check(&[
            (0, Event::Autostart, &[Effect::Spawn], Shown::Starting),
            (0, why(), &[], shown),
        ]);
        let reason = life.machine.reason().unwrap();
        let expected = format!("no such file; {follows}");
        assert!(reason.starts_with(&expected), "{policy:?}: {reason}");
    }
    Life::running(rules(Policy::Always)).check(&[
        (5, Event::Exited(Exit::Code(0)), &[CLEAR], Shown::Restarting),
        (5, Event::Empty, &[], Shown::Backoff),
        (9_000, Event::Tick, &[Effect::Spawn], Shown::Starting),
        (9_000, why(), &[], Shown::Backoff),
    ]);
}

/// Has the start fail whenever its wait is over, up to so many times; returns the waits.
fn failing(life: &mut Life, times: usize, failure: &Event) -> Vec<u64> {
    let (mut now, mut waits) = (0, Vec::new());
    for _ in 0..times {
        life.step(now, failure.clone());
        let Some(until) = life.machine.deadline() else {
            break;
        };
        waits.push(until.0 - now);
        now = until.0;
        life.step(now, Event::Tick);
    }
    waits
}

#[test]
fn failed_starts_count_as_ends_do_and_are_no_restarts() {
    let mut life = Life::new(rules(Policy::OnFailure));
    life.step(0, Event::Autostart);
    let waits = failing(&mut life, 10, &Event::SpawnFailed("no".to_owned()));
    assert_eq!((waits.len(), life.machine.shown()), (4, Shown::Failed));
    let reason = life.machine.reason();
    assert_eq!(reason, Some("no; given up: 5 failures within 60 s"));
    assert_eq!(life.machine.restarts(), 0);
    // A wait that is long enough leaves room for attempts without end.
    let mut rules = rules(Policy::OnFailure);
    rules.restart.backoff_initial = Millis(20_000);
    let mut life = Life::new(rules);
    life.step(0, Event::Autostart);
    let waits = failing(&mut life, 100, &Event::SpawnFailed("no".to_owned()));
    assert_eq!(waits.len(), 100);
    assert_eq!(life.machine.restarts(), 0);
}

#[test]
fn an_attempt_by_hand_never_ends_a_series_of_attempts() {
    let why = || Event::SpawnFailed("no such file".to_owned());
    let mut life = Life::new(rules(Policy::OnFailure));
    life.check(&[
        (0, Event::Autostart, &[Effect::Spawn], Shown::Starting),
        (1, Event::Start, &[], Shown::Starting),
        (2, why(), &[], Shown::Backoff),
        (3, Event::Start, &[Effect::Spawn], Shown::Starting),
        (4, why(), &[], Shown::Backoff),
    ]);
    assert_eq!(life.machine.spawn_failures().0, 2);
}

#[test]
fn a_start_without_room_is_tried_again_for_ever_whatever_the_policy() {
    let full = Event::Exhausted("no descriptor is left".to_owned());
    for policy in [Policy::Always, Policy::OnFailure, Policy::Never] {
        for start in [Event::Start, Event::Autostart] {
            let mut rules = rules(policy);
            rules.restart.backoff_initial = Millis(0);
            rules.restart.max_retries_per_minute = 1;
            let mut life = Life::new(rules);
            life.step(0, start);
            let waits = failing(&mut life, 100, &full);
            assert_eq!(waits.len(), 100, "{policy:?}");
            assert!(waits[0] >= 750 && waits[99] >= 7_500, "{waits:?}");
            assert!(waits.iter().all(|wait| *wait <= 10_000), "{waits:?}");
            life.step(2_000_000, Event::Spawned);
            assert_eq!(life.machine.shown(), Shown::Running);
            assert_eq!(life.machine.restarts(), 0);
        }
    }
}

#[test]
fn a_stop_ends_a_wait_for_room() {
    let full = || Event::Exhausted("no descriptor is left".to_owned());
    Life::new(rules(Policy::Always)).check(&[
        (0, Event::Autostart, &[Effect::Spawn], Shown::Starting),
        (1, full(), &[], Shown::Backoff),
        (2, Event::Stop, &[], Shown::Stopped),
        (3, Event::Start, &[Effect::Spawn], Shown::Starting),
        (4, Event::Stop, &[], Shown::Starting),
        (5, full(), &[], Shown::Stopped),
    ]);
}

#[test]
fn what_is_in_the_way_of_readiness_is_named_until_it_is_gone() {
    let taken = || Event::Obstructed("port 80 is taken".to_owned());
    let mut rules = rules(Policy::OnFailure);
    rules.ready.probe = Probe::Tcp(80);
    let obstructed = || {
        let mut life = Life::new(rules.clone());
        life.check(&[
            (0, Event::Autostart, &[Effect::Spawn], Shown::Starting),
            (0, Event::Spawned, &[Effect::Probe], Shown::Starting),
            (1, taken(), &[], Shown::Starting),
        ]);
        assert_eq!(life.machine.reason(), Some("port 80 is taken"));
        life
    };
    for (event, at, reason) in [
        (
            Event::Tick,
            10_000,
            "not ready within 10s; port 80 is taken",
        ),
        (
            Event::Exited(Exit::Code(1)),
            5,
            "ended by itself: exit 1; port 80 is taken",
        ),
    ] {
        let mut life = obstructed();
        life.check(&[(at, event, &[CLEAR], Shown::Restarting)]);
        let last = life.machine.transitions().next_back().unwrap();
        assert_eq!(last.reason, reason);
    }
    let mut life = obstructed();
    life.step(2, Event::Obstructed("nothing listens".to_owned()));
    assert_eq!(life.machine.reason(), Some("nothing listens"));
    life.step(3, Event::Ready);
    assert_eq!(life.machine.reason(), None);
}

#[test]
fn a_stop_while_it_is_being_started_stops_what_then_is_there() {
    Life::new(rules(Policy::Always)).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (1, Event::Stop, &[], Shown::Starting),
        (2, Event::Spawned, &[CLEAR], Shown::Stopping),
    ]);
}

#[test]
fn an_adopted_service_is_watched_like_any_other() {
    let mut life = Life::new(rules(Policy::Always));
    life.check(&[
        (0, Event::Adopted(Millis(60_000)), &[], Shown::Adopted),
        (1, Event::Exited(Exit::Unknown), &[CLEAR], Shown::Restarting),
        (1, Event::Empty, &[], Shown::Backoff),
    ]);
    assert_eq!(life.machine.last().unwrap().exit.to_string(), "unknown");
}

#[test]
fn what_is_found_to_run_while_its_start_waits_is_adopted_and_not_started() {
    let cannot_look = || Event::Exhausted("cannot look whether it still runs".to_owned());
    Life::new(rules(Policy::Never)).check(&[
        (0, Event::Autostart, &[Effect::Spawn], Shown::Starting),
        (0, cannot_look(), &[], Shown::Backoff),
        (500, Event::Adopted(Millis(60_000)), &[], Shown::Adopted),
        (20_000, Event::Tick, &[], Shown::Adopted),
    ]);
    Life::new(rules(Policy::Never)).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (1, Event::Adopted(Millis(60_000)), &[], Shown::Adopted),
        (2, cannot_look(), &[], Shown::Adopted),
    ]);
    Life::new(rules(Policy::Never)).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (1, Event::Stop, &[], Shown::Starting),
        (2, Event::Adopted(Millis(60_000)), &[CLEAR], Shown::Stopping),
    ]);
}

#[test]
fn a_kill_needs_no_grace() {
    Life::running(rules(Policy::Always)).check(&[
        (5, Event::Kill, &[Effect::Kill], Shown::Stopping),
        (6, Event::Empty, &[], Shown::Stopped),
    ]);
}

#[test]
fn a_stop_may_have_another_grace_than_its_file_s() {
    let within = |millis| Event::StopWithin(Millis(millis));
    let rules = || rules(Policy::Always);
    Life::running(rules()).check(&[
        (0, within(50), &[CLEAR], Shown::Stopping),
        (49, Event::Tick, &[], Shown::Stopping),
        (50, Event::Tick, &[Effect::Kill], Shown::Stopping),
        (51, Event::Empty, &[], Shown::Stopped),
        // The next has its file's again.
        (60, Event::Start, &[Effect::Spawn], Shown::Starting),
        (60, Event::Spawned, &[], Shown::Running),
        (60, Event::Stop, &[CLEAR], Shown::Stopping),
        (10_059, Event::Tick, &[], Shown::Stopping),
        (10_060, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
    Life::running(rules()).check(&[
        (0, within(20_000), &[CLEAR], Shown::Stopping),
        (19_999, Event::Tick, &[], Shown::Stopping),
        (20_000, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
    Life::new(rules()).check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (1, within(50), &[], Shown::Starting),
        (2, Event::Spawned, &[CLEAR], Shown::Stopping),
        (52, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
}

#[test]
fn without_a_grace_neither_hook_nor_signal_comes_first() {
    let mut rules = rules(Policy::Always);
    rules.stop.hook = Some("bye".to_owned());
    let at_once = Event::StopWithin(Millis(0));
    Life::running(rules).check(&[
        (5, at_once.clone(), &[Effect::Kill], Shown::Stopping),
        (6, at_once, &[], Shown::Stopping),
        (1_005, Event::Tick, &[Effect::Kill], Shown::Stopping),
        (1_006, Event::Empty, &[], Shown::Stopped),
    ]);
}

#[test]
fn another_grace_only_shortens_a_stop_that_is_under_way() {
    let within = |millis| Event::StopWithin(Millis(millis));
    Life::running(rules(Policy::Always)).check(&[
        (0, Event::Stop, &[CLEAR], Shown::Stopping),
        (1, within(60_000), &[], Shown::Stopping),
        (2, within(0), &[], Shown::Stopping),
        (2, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
    Life::running(rules(Policy::Always)).check(&[
        (0, Event::Stop, &[CLEAR], Shown::Stopping),
        (1, within(60_000), &[], Shown::Stopping),
        (10_000, Event::Tick, &[Effect::Kill], Shown::Stopping),
    ]);
}
