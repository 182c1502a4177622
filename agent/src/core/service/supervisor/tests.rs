//! Services together: order, jobs, reloads, the end.

mod deadlines;
mod world;

use super::*;
use crate::core::service::catalog::{Catalog, File, SUFFIX};
use crate::core::service::machine::Exit;
use crate::core::service::service_file::{OnAgentExit, StopSignal};
use lastword_protocol::Millis;

fn name(text: &str) -> Name {
    Name::try_from(text).unwrap()
}

/// A catalog of files; each a name with its text.
fn catalog(files: &[(&str, &str)]) -> Catalog {
    let file = |(name, text): &(&str, &str)| File {
        path: format!("/s/{name}{SUFFIX}"),
        name: format!("{name}{SUFFIX}"),
        text: Ok((*text).to_owned()),
    };
    Catalog::read(&files.iter().map(file).collect::<Vec<_>>())
}

const fn at(now: u64) -> Moment {
    Moment {
        now: Instant(now),
        unix_ms: now,
    }
}

/// The services that these effects are for, in order.
fn told(effects: &[Effect], wanted: machine::Effect) -> Vec<&str> {
    let told = effects.iter().filter_map(|effect| match effect {
        Effect::Service(name, _, effect) if *effect == wanted => Some(name.as_str()),
        _ => None,
    });
    told.collect()
}

fn answers(effects: &[Effect]) -> Vec<&Answer> {
    let answers = effects.iter().filter_map(|effect| match effect {
        Effect::Answer(_, answer) => Some(answer),
        _ => None,
    });
    answers.collect()
}

const SPAWN: machine::Effect = machine::Effect::Spawn;
const CLEAR: machine::Effect = machine::Effect::Clear(StopSignal::Term);

/// Two services, the second after the first, both running.
fn pair() -> Supervisor {
    let mut supervisor = Supervisor::new(1);
    supervisor.reload(
        at(0),
        catalog(&[("a", "command \"a\""), ("b", "command \"b\"\nafter \"a\"")]),
    );
    supervisor.tell(at(0), &name("a"), Event::Spawned);
    supervisor.tell(at(0), &name("b"), Event::Spawned);
    supervisor
}

#[test]
fn a_service_starts_when_those_before_it_are_ready() {
    let mut supervisor = Supervisor::new(1);
    let files = [
        ("a", "command \"a\"\nready { notify }"),
        ("b", "command \"b\"\nafter \"a\""),
        ("c", "command \"c\"\nafter \"b\"\nautostart #false"),
    ];
    let (_, effects) = supervisor.reload(at(0), catalog(&files));
    assert_eq!(told(&effects, SPAWN), ["a"]);
    assert_eq!(
        told(&supervisor.tell(at(0), &name("a"), Event::Spawned), SPAWN),
        [""; 0]
    );
    assert_eq!(
        supervisor.unit(&name("b")).unwrap().shown(),
        Shown::Starting
    );
    assert_eq!(
        told(&supervisor.tell(at(5), &name("a"), Event::Ready), SPAWN),
        ["b"]
    );
}

#[test]
fn a_service_does_not_wait_for_ever_for_one_that_cannot_start() {
    let mut supervisor = Supervisor::new(1);
    let files = [("a", "command \"a\""), ("b", "command \"b\"\nafter \"a\"")];
    supervisor.reload(at(0), catalog(&files));
    let failed = Event::SpawnFailed("no".to_owned());
    assert_eq!(
        told(&supervisor.tell(at(0), &name("a"), failed), SPAWN),
        ["b"]
    );
}

#[test]
fn all_stop_in_reverse_order() {
    let mut supervisor = pair();
    let effects = supervisor.ask(at(1), JobId(1), &Ask::Stop(Target::All));
    assert_eq!(told(&effects, CLEAR), ["b"]);
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    assert_eq!(told(&effects, CLEAR), ["a"]);
    let effects = supervisor.tell(at(3), &name("a"), Event::Empty);
    let finished = Finished {
        done: vec![name("b"), name("a")],
        already: vec![],
    };
    assert_eq!(answers(&effects), [&Ok(finished)]);
}

#[test]
fn all_restart_in_order() {
    let mut supervisor = pair();
    let effects = supervisor.ask(at(1), JobId(1), &Ask::Restart(Target::All));
    assert_eq!(told(&effects, CLEAR), ["b"]);
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    assert_eq!(
        (told(&effects, CLEAR), told(&effects, SPAWN)),
        (vec!["a"], vec![])
    );
    let effects = supervisor.tell(at(3), &name("a"), Event::Empty);
    assert_eq!(told(&effects, SPAWN), ["a"]);
    let effects = supervisor.tell(at(3), &name("a"), Event::Spawned);
    assert_eq!(told(&effects, SPAWN), ["b"]);
    let effects = supervisor.tell(at(3), &name("b"), Event::Spawned);
    assert_eq!(answers(&effects).len(), 1);
}

#[test]
fn a_grace_that_was_asked_for_waits_its_turn_and_holds_once() {
    const KILL: machine::Effect = machine::Effect::Kill;
    let mut supervisor = pair();
    let restart = Ask::RestartWithin(Target::All, Millis(0));
    let effects = supervisor.ask(at(1), JobId(1), &restart);
    assert_eq!(told(&effects, KILL), ["b"]);
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    assert_eq!(told(&effects, KILL), ["a"]);
    supervisor.tell(at(3), &name("a"), Event::Empty);
    supervisor.tell(at(3), &name("a"), Event::Spawned);
    let effects = supervisor.tell(at(3), &name("b"), Event::Spawned);
    assert_eq!(answers(&effects).len(), 1);
    let effects = supervisor.ask(at(4), JobId(2), &Ask::Stop(Target::One(name("b"))));
    assert_eq!(told(&effects, CLEAR), ["b"]);
    supervisor.tell(at(5), &name("b"), Event::Empty);
    // Nothing was to be stopped, and so the grace is nobody's.
    let restart = Ask::RestartWithin(Target::One(name("b")), Millis(0));
    let effects = supervisor.ask(at(6), JobId(3), &restart);
    assert_eq!(told(&effects, SPAWN), ["b"]);
    supervisor.tell(at(6), &name("b"), Event::Spawned);
    let effects = supervisor.end(at(7), End::All);
    assert_eq!(told(&effects, CLEAR), ["b"]);
}

#[test]
fn started_is_not_said_when_the_spawn_failed() {
    let mut supervisor = pair();
    supervisor.ask(at(1), JobId(1), &Ask::Stop(Target::One(name("b"))));
    supervisor.tell(at(1), &name("b"), Event::Empty);
    let effects = supervisor.ask(at(2), JobId(2), &Ask::Start(Target::One(name("b"))));
    assert_eq!(told(&effects, SPAWN), ["b"]);
    assert!(answers(&effects).is_empty());
    let failed = Event::SpawnFailed("no such file".to_owned());
    let effects = supervisor.tell(at(2), &name("b"), failed);
    let trouble = Trouble::Failed {
        finished: Finished::default(),
        failed: vec![(name("b"), "no such file".to_owned())],
    };
    assert_eq!(answers(&effects), [&Err(trouble)]);
}

#[test]
fn what_is_so_already_is_said_at_once() {
    let mut supervisor = pair();
    let effects = supervisor.ask(at(1), JobId(1), &Ask::Start(Target::One(name("a"))));
    let finished = Finished {
        done: vec![],
        already: vec![name("a")],
    };
    assert_eq!(answers(&effects), [&Ok(finished)]);
    let effects = supervisor.ask(at(1), JobId(1), &Ask::Start(Target::One(name("x"))));
    assert_eq!(answers(&effects), [&Err(Trouble::Unknown(name("x")))]);
}

#[test]
fn a_start_that_is_overtaken_by_a_stop_is_answered() {
    let mut supervisor = pair();
    let restart = Ask::Restart(Target::One(name("a")));
    let stop = Ask::Stop(Target::One(name("a")));
    assert!(answers(&supervisor.ask(at(1), JobId(1), &restart)).is_empty());
    assert!(answers(&supervisor.ask(at(1), JobId(2), &stop)).is_empty());
    let effects = supervisor.tell(at(2), &name("a"), Event::Empty);
    let [Err(Trouble::Failed { .. }), Ok(_)] = answers(&effects)[..] else {
        panic!("{effects:?}");
    };
}

#[test]
fn a_stop_that_is_overtaken_by_a_start_without_room_is_answered() {
    let mut supervisor = pair();
    let stop = Ask::Stop(Target::One(name("b")));
    let start = Ask::Start(Target::One(name("b")));
    assert!(answers(&supervisor.ask(at(1), JobId(1), &stop)).is_empty());
    assert!(answers(&supervisor.ask(at(1), JobId(2), &start)).is_empty());
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    assert_eq!(told(&effects, SPAWN), ["b"]);
    let full = Event::Exhausted("no descriptor is left".to_owned());
    let effects = supervisor.tell(at(2), &name("b"), full);
    let [Ok(stopped), Err(Trouble::Failed { failed, .. })] = answers(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(stopped.done, [name("b")]);
    assert_eq!(failed[0].0, name("b"));
}

#[test]
fn a_reload_restarts_only_what_needs_it() {
    let mut supervisor = pair();
    let files = [
        ("a", "command \"a\"\nlog { keep 9 }"),
        ("b", "command \"b2\"\nafter \"a\""),
        ("c", "command \"c\""),
    ];
    let (plan, effects) = supervisor.reload(at(1), catalog(&files));
    assert_eq!((plan.changed.len(), plan.added.len()), (2, 1));
    assert_eq!(
        (told(&effects, CLEAR), told(&effects, SPAWN)),
        (vec!["b"], vec!["c"])
    );
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    let [Effect::Service(_, rules, SPAWN)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(rules.program.command, "b2");
}

#[test]
fn a_failed_service_starts_again_with_a_new_file() {
    let mut supervisor = Supervisor::new(1);
    supervisor.reload(at(0), catalog(&[("a", "command \"nosuch\"")]));
    let failed = Event::SpawnFailed("no such file".to_owned());
    supervisor.tell(at(0), &name("a"), failed);
    let (_, effects) = supervisor.reload(at(1), catalog(&[("a", "command \"nosuch\"")]));
    assert_eq!(told(&effects, SPAWN), [""; 0]);
    let (_, effects) = supervisor.reload(at(2), catalog(&[("a", "command \"sleep\"")]));
    assert_eq!(told(&effects, SPAWN), ["a"]);
}

#[test]
fn who_joins_a_start_that_nobody_asked_for_hears_of_its_failure_at_once() {
    for ask in [Ask::Start, Ask::Restart] {
        let mut supervisor = Supervisor::new(1);
        supervisor.reload(at(0), catalog(&[("a", "command \"nosuch\"")]));
        let failed = || Event::SpawnFailed("no such file".to_owned());
        supervisor.tell(at(0), &name("a"), failed());
        assert_eq!(supervisor.unit(&name("a")).unwrap().shown(), Shown::Backoff);
        let effects = supervisor.ask(at(1), JobId(1), &ask(Target::One(name("a"))));
        assert_eq!(
            (told(&effects, SPAWN), answers(&effects).len()),
            (vec!["a"], 0)
        );
        let effects = supervisor.tell(at(1), &name("a"), failed());
        let [Err(Trouble::Failed { failed, .. })] = answers(&effects)[..] else {
            panic!("{effects:?}");
        };
        assert!(
            failed[0]
                .1
                .starts_with("no such file; the next start is in ")
        );
        // It is as it was before.
        assert_eq!(supervisor.unit(&name("a")).unwrap().shown(), Shown::Backoff);
    }
}

#[test]
fn a_start_by_a_reload_or_a_board_that_stays_up_follows_its_policy_when_it_fails() {
    let failed = || Event::SpawnFailed("no such file".to_owned());
    let shown = |supervisor: &Supervisor| supervisor.unit(&name("a")).unwrap().shown();
    let mut supervisor = pair();
    let files = |command: &str| catalog(&[("a", &format!("command \"{command}\""))]);
    supervisor.reload(at(1), files("nosuch"));
    supervisor.tell(at(2), &name("b"), Event::Empty);
    supervisor.tell(at(2), &name("a"), Event::Empty);
    supervisor.tell(at(2), &name("a"), failed());
    assert_eq!(shown(&supervisor), Shown::Backoff);
    let mut supervisor = pair();
    supervisor.end(at(1), End::All);
    supervisor.tell(at(2), &name("b"), Event::Empty);
    supervisor.tell(at(2), &name("a"), Event::Empty);
    supervisor.reopen(at(3));
    supervisor.tell(at(3), &name("a"), failed());
    assert_eq!(shown(&supervisor), Shown::Backoff);
}

#[test]
fn a_removed_service_is_stopped_and_forgotten() {
    let mut supervisor = pair();
    let (plan, effects) = supervisor.reload(at(1), catalog(&[("a", "command \"a\"")]));
    assert_eq!(plan.removed, [name("b")]);
    assert_eq!(told(&effects, CLEAR), ["b"]);
    let effects = supervisor.tell(at(2), &name("b"), Event::Empty);
    assert_eq!(effects, [Effect::Forget(name("b"))]);
    assert!(supervisor.unit(&name("b")).is_none());
}

#[test]
fn a_broken_file_leaves_its_running_service_alone_and_starts_no_new_one() {
    let mut supervisor = pair();
    let files = [
        ("a", "command \"a\""),
        ("b", "comand \"b\""),
        ("c", "comand \"c\""),
    ];
    let (plan, effects) = supervisor.reload(at(1), catalog(&files));
    assert!(plan.removed.is_empty() && effects.is_empty());
    assert_eq!(supervisor.broken().len(), 2);
    let start = |name: &str| Ask::Start(Target::One(Name::try_from(name).unwrap()));
    let effects = supervisor.ask(at(1), JobId(1), &start("c"));
    assert!(matches!(answers(&effects)[..], [Err(Trouble::Broken(_))]));
    let effects = supervisor.ask(at(1), JobId(1), &Ask::Restart(Target::One(name("b"))));
    assert_eq!(told(&effects, CLEAR), ["b"]);
}

#[test]
fn files_that_make_a_circle_with_older_ones_do_not_stop_everything() {
    let mut supervisor = pair();
    // b goes on with its old file, which is after a.
    let files = [("a", "command \"a2\"\nafter \"b\""), ("b", "comand \"b\"")];
    let (_, effects) = supervisor.reload(at(1), catalog(&files));
    assert_eq!(told(&effects, CLEAR), ["a"]);
    supervisor.ask(at(2), JobId(1), &Ask::Restart(Target::All));
    let effects = supervisor.tell(at(3), &name("a"), Event::Empty);
    assert_eq!(told(&effects, CLEAR), ["b"]);
    let effects = supervisor.tell(at(3), &name("b"), Event::Empty);
    assert_eq!(told(&effects, SPAWN).len(), 1);
}

#[test]
fn nothing_starts_once_the_end_has_begun() {
    let mut supervisor = pair();
    let restart = Ask::Restart(Target::One(name("a")));
    supervisor.ask(at(1), JobId(1), &restart);
    supervisor.end(at(2), End::All);
    supervisor.tell(at(3), &name("b"), Event::Empty);
    let effects = supervisor.tell(at(3), &name("a"), Event::Empty);
    assert_eq!(told(&effects, SPAWN), [""; 0]);
    assert!(supervisor.is_quiet(End::All));
    let effects = supervisor.ask(at(4), JobId(2), &restart);
    assert_eq!(answers(&effects), [&Err(Trouble::Closed)]);
}

#[test]
fn a_board_that_stays_up_gets_its_services_back() {
    let mut supervisor = pair();
    supervisor.ask(at(1), JobId(1), &Ask::Stop(Target::One(name("a"))));
    supervisor.tell(at(1), &name("a"), Event::Empty);
    supervisor.end(at(2), End::All);
    supervisor.tell(at(3), &name("b"), Event::Empty);
    assert!(supervisor.is_quiet(End::All));
    assert_eq!(told(&supervisor.reopen(at(4)), SPAWN), ["b"]);
}

#[test]
fn what_is_to_be_adopted_runs_on_unless_everything_ends() {
    let file = [("a", "command \"a\"\non-agent-exit \"adopt\"")];
    for (end, stops) in [(End::KeepAdoptable, 0), (End::All, 1)] {
        let mut supervisor = Supervisor::new(1);
        supervisor.reload(at(0), catalog(&file));
        supervisor.tell(at(0), &name("a"), Event::Spawned);
        let effects = supervisor.end(at(1), end);
        assert_eq!(told(&effects, CLEAR).len(), stops);
        assert_eq!(supervisor.is_quiet(end), stops == 0);
    }
}

#[test]
fn an_adopted_service_is_not_started_again_by_its_file() {
    let mut supervisor = Supervisor::new(1);
    supervisor.recall(name("a"), 3, None);
    supervisor.tell(
        at(0),
        &name("a"),
        Event::Adopted(lastword_protocol::Millis(5)),
    );
    let (plan, effects) = supervisor.reload(at(0), catalog(&[("a", "command \"a\"")]));
    assert_eq!((plan.added.len(), effects.len()), (0, 0));
    let unit = supervisor.unit(&name("a")).unwrap();
    assert_eq!(
        (unit.shown(), unit.machine().restarts()),
        (Shown::Adopted, 3)
    );
    // Now that the file is known, its policy holds.
    supervisor.tell(at(1), &name("a"), Event::Exited(Exit::Unknown));
    supervisor.tell(at(1), &name("a"), Event::Empty);
    assert_eq!(supervisor.unit(&name("a")).unwrap().shown(), Shown::Backoff);
}

#[test]
fn a_recalled_service_that_is_gone_starts_with_the_agent() {
    let mut supervisor = Supervisor::new(1);
    supervisor.recall(name("a"), 3, None);
    let (plan, effects) = supervisor.reload(at(0), catalog(&[("a", "command \"a\"")]));
    assert_eq!(plan.unchanged, [name("a")]);
    assert_eq!(told(&effects, SPAWN), ["a"]);
    assert_eq!(supervisor.unit(&name("a")).unwrap().machine().restarts(), 3);
}

#[test]
fn what_ended_while_no_agent_was_there_follows_its_policy_and_is_a_restart() {
    for (rules, restarts) in [
        ("restart { policy \"always\" }", 4),
        ("autostart #false", 4),
        ("restart { policy \"never\" }", 3),
    ] {
        let mut supervisor = Supervisor::new(1);
        supervisor.recall(name("a"), 3, None);
        supervisor.recall_end(&name("a"));
        let file = format!("command \"a\"\n{rules}");
        let (_, effects) = supervisor.reload(at(0), catalog(&[("a", &file)]));
        assert_eq!(told(&effects, SPAWN).len(), restarts - 3, "{rules}");
        let machine = supervisor.unit(&name("a")).unwrap().machine();
        assert_eq!(machine.restarts() as usize, restarts, "{rules}");
        assert_eq!(machine.last().unwrap().exit, Exit::Unknown, "{rules}");
    }
}

/// `file`: what the process of an earlier agent was started by; `now`: what its file says when the next
/// agent starts; `later`: at the reload after. What that says has changed, and whether it restarts.
#[track_caller]
fn check_outdated(
    file: &str,
    now: &str,
    later: &str,
    remarked: bool,
    changed: bool,
    restarts: bool,
) {
    let digest = ServiceFile::parse("a.kdl", file).unwrap().digest();
    let mut supervisor = Supervisor::new(1);
    supervisor.recall(name("a"), 3, Some(digest));
    let adopted = Event::Adopted(lastword_protocol::Millis(5));
    supervisor.tell(at(0), &name("a"), adopted);
    let (_, effects) = supervisor.reload(at(0), catalog(&[("a", now)]));
    assert_eq!(effects, [], "an adopted service was not left alone: {now}");
    let unit = supervisor.unit(&name("a")).unwrap();
    let last = unit.machine().transitions().next_back().unwrap();
    assert_eq!(last.reason.contains("has changed since"), remarked, "{now}");
    assert_eq!(unit.is_outdated(), remarked, "{now}");
    assert_eq!(unit.digest(), Some(digest), "{now}");
    let (plan, effects) = supervisor.reload(at(1), catalog(&[("a", later)]));
    assert_eq!(plan.changed == [name("a")], changed, "{later}");
    assert_eq!(told(&effects, CLEAR) == ["a"], restarts, "{later}");
    if !restarts {
        return;
    }
    let again = supervisor.reload(at(1), catalog(&[("a", later)]));
    assert_eq!(again.1, [], "it is on its way");
    let effects = supervisor.tell(at(2), &name("a"), Event::Empty);
    assert_eq!(told(&effects, SPAWN), ["a"]);
    supervisor.tell(at(2), &name("a"), Event::Spawned);
    let unit = supervisor.unit(&name("a")).unwrap();
    let new = ServiceFile::parse("a.kdl", later).unwrap().digest();
    assert_eq!((unit.digest(), unit.is_outdated()), (Some(new), false));
    let (plan, effects) = supervisor.reload(at(3), catalog(&[("a", later)]));
    assert_eq!((plan.unchanged.len(), effects), (1, vec![]));
}

#[test]
fn a_file_that_changed_while_no_agent_lived_restarts_its_service_at_the_next_reload() {
    let (old, new) = ("command \"a\"", "command \"b\"");
    check_outdated(old, new, new, true, true, true);
    check_outdated(old, new, old, true, true, false);
    check_outdated(old, old, old, false, false, false);
    let gentle = "command \"a\"\nrestart { policy \"never\" }";
    check_outdated(old, gentle, gentle, false, false, false);
    // A broken file says nothing, until it is mended.
    check_outdated(old, "comand", new, false, true, true);
    check_outdated(old, "comand", old, false, false, false);
}
