//! What one service does, event by event.

use super::*;
use crate::core::service::manifest::{Policy, Stop, StopSignal};

const CLEAR: Effect = Effect::Clear(StopSignal::Term);

fn rules(policy: Policy) -> Manifest {
    let mut rules = Manifest::new("camera");
    rules.restart.policy = policy;
    rules
}

/// A machine with what it is held against.
struct Life {
    machine: Machine,
    rules: Manifest,
}

impl Life {
    fn new(rules: Manifest) -> Self {
        let machine = Machine::new(7, 0);
        Self { machine, rules }
    }

    /// A service that runs and is ready, since the time 0.
    fn running(rules: Manifest) -> Self {
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
    let rules = Manifest {
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
fn a_start_that_fails_is_told_at_once_and_a_restart_that_fails_is_tried_again() {
    let why = || Event::SpawnFailed("no such file".to_owned());
    let mut life = Life::new(rules(Policy::Always));
    life.check(&[
        (0, Event::Start, &[Effect::Spawn], Shown::Starting),
        (0, why(), &[], Shown::Failed),
    ]);
    assert_eq!(
        life.machine.transitions().next_back().unwrap().reason,
        "no such file"
    );
    Life::running(rules(Policy::Always)).check(&[
        (5, Event::Exited(Exit::Code(0)), &[CLEAR], Shown::Restarting),
        (5, Event::Empty, &[], Shown::Backoff),
        (9_000, Event::Tick, &[Effect::Spawn], Shown::Starting),
        (9_000, why(), &[], Shown::Backoff),
    ]);
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
