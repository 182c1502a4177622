//! When a stop is over at the latest.

use super::*;
use lastword_protocol::message::service::{ServiceName, ServiceRequest};

/// The longest time that a kill takes, in milliseconds.
const KILL_MS: u64 = 1_000;

/// Two services, the second after the first, both running, with graces of 30 and 5 seconds.
fn patient_pair() -> Supervisor {
    let mut supervisor = Supervisor::new(1);
    let files = [
        ("a", "command \"a\"\nstop { grace \"30s\"; hook \"h\" }"),
        ("b", "command \"b\"\nafter \"a\"\nstop { grace \"5s\" }"),
    ];
    supervisor.reload(at(0), catalog(&files));
    supervisor.tell(at(0), &name("a"), Event::Spawned);
    supervisor.tell(at(0), &name("b"), Event::Spawned);
    supervisor
}

fn service(text: &str) -> ServiceName {
    text.try_into().unwrap()
}

fn ask(supervisor: &mut Supervisor, now: u64, request: &ServiceRequest) {
    let ask = Ask::of(request).unwrap().unwrap();
    supervisor.ask(at(now), JobId(now), &ask);
}

#[track_caller]
fn check(supervisor: &Supervisor, request: &ServiceRequest, expected: Option<u64>) {
    let deadline = supervisor.stop_deadlines().of(request);
    assert_eq!(deadline, expected.map(Instant), "{request:?}");
}

#[test]
fn a_stop_is_over_when_hook_and_grace_and_kill_are() {
    let mut supervisor = patient_pair();
    let stop = ServiceRequest::Stop(Some(service("a")));
    check(&supervisor, &stop, None);
    ask(&mut supervisor, 7, &stop);
    check(&supervisor, &stop, Some(7 + 30_000 + KILL_MS));
    supervisor.tell(at(900), &name("a"), Event::HookEnded(None));
    check(&supervisor, &stop, Some(7 + 30_000 + KILL_MS));
    supervisor.tick(at(30_007));
    check(&supervisor, &stop, Some(30_007 + KILL_MS));
    // What the kernel holds is killed again.
    supervisor.tick(at(31_007));
    check(&supervisor, &stop, Some(31_007 + KILL_MS));
    supervisor.tell(at(31_010), &name("a"), Event::Empty);
    check(&supervisor, &stop, None);
}

#[test]
fn a_stop_of_all_is_over_when_each_has_had_its_turn() {
    let mut supervisor = patient_pair();
    let stop = ServiceRequest::Stop(None);
    ask(&mut supervisor, 1, &stop);
    check(
        &supervisor,
        &stop,
        Some(1 + 5_000 + KILL_MS + 30_000 + KILL_MS),
    );
    supervisor.tell(at(100), &name("b"), Event::Empty);
    check(&supervisor, &stop, Some(100 + 30_000 + KILL_MS));
}

#[test]
fn a_grace_that_was_asked_for_counts_in_place_of_the_file_s() {
    let mut supervisor = patient_pair();
    let within = |name, grace| ServiceRequest::StopWithin(name, Millis(grace));
    ask(&mut supervisor, 1, &within(None, 100));
    let all = 1 + 2 * (100 + KILL_MS);
    check(&supervisor, &within(None, 100), Some(all));
    check(&supervisor, &within(None, 200), None);
    ask(&mut supervisor, 2, &within(Some(service("b")), 0));
    check(
        &supervisor,
        &within(Some(service("b")), 0),
        Some(2 + KILL_MS),
    );
}

#[test]
fn what_has_no_bound_is_not_told_one() {
    let mut supervisor = patient_pair();
    let restart = ServiceRequest::Restart(Some(service("b")));
    ask(&mut supervisor, 1, &restart);
    for request in [restart, ServiceRequest::List] {
        check(&supervisor, &request, None);
    }
    supervisor.tell(at(2), &name("b"), Event::Empty);
    // Its process is not there yet, so that its grace has not begun.
    let stop = ServiceRequest::Stop(Some(service("b")));
    ask(&mut supervisor, 3, &stop);
    check(&supervisor, &stop, None);
    let all = ServiceRequest::Stop(None);
    ask(&mut supervisor, 4, &all);
    check(&supervisor, &all, None);
    supervisor.tell(at(5), &name("b"), Event::Spawned);
    check(&supervisor, &stop, Some(5 + 5_000 + KILL_MS));
}

#[test]
fn what_is_told_is_kept_by_services_that_are_deaf_to_everything_but_a_kill() {
    let mut supervisor = patient_pair();
    let stop = ServiceRequest::Stop(None);
    ask(&mut supervisor, 1, &stop);
    let mut told = supervisor.stop_deadlines().of(&stop).unwrap();
    let first = told;
    let ended = loop {
        let mut now = supervisor.deadline().unwrap().0;
        let mut effects = supervisor.tick(at(now));
        for killed in [name("a"), name("b")] {
            if self::told(&effects, machine::Effect::Kill) == [killed.as_str()] {
                now += KILL_MS - 1;
                effects.extend(supervisor.tell(at(now), &killed, Event::Empty));
            }
        }
        assert!(Instant(now) <= told, "{now}");
        if !answers(&effects).is_empty() {
            break Instant(now);
        }
        let next = supervisor.stop_deadlines().of(&stop).unwrap();
        assert!(next <= told, "it is never put off");
        told = next;
    };
    assert!(
        first.since(ended) <= Millis(2 * KILL_MS),
        "nor is it far off"
    );
}
