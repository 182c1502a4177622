//! What of a service is found, and that it is ended.

use super::super::testing::{Service, own_cgroup, shell, soon};
use super::super::{Exit, strays};
use super::*;

/// A shell of its own session, which a test's service leaves behind.
const LEAVE: &str = "setsid sh -c 'echo $$; exec sleep 1000' &";

#[tokio::test]
async fn a_main_process_is_no_stray_and_what_it_starts_is() {
    let mut service = Service::shell("sleep 1000 & echo $!; wait");
    let (main, started) = (service.process.pid, service.number().await);
    let found = Census::take_strays().expect("/proc").entries;
    let is_found = |pid| found.iter().any(|entry| entry.pid == pid);
    assert_eq!((is_found(main), is_found(started)), (false, true));
    service.process.signal(Signal::SIGKILL).expect("ours");
    soon(service.process.exited()).await;
    assert!(!service.group.is_empty().expect("/proc"));
}

#[tokio::test]
async fn what_left_the_session_is_found_and_killed() {
    check_killed(&format!("{LEAVE} wait"), 1).await;
}

#[tokio::test]
async fn a_daemon_that_forked_twice_is_found_and_killed_after_its_parents_are_gone() {
    check_killed(&format!("({LEAVE})"), 1).await;
}

#[tokio::test]
async fn what_ignores_term_is_killed() {
    check_killed("trap '' TERM; echo $$; while :; do sleep 1000; done", 1).await;
}

#[tokio::test]
async fn what_wiped_its_environment_in_the_session_is_killed() {
    check_killed(
        "env -i sh -c 'echo $$; exec sleep 1000' & exec sleep 1000",
        1,
    )
    .await;
}

#[tokio::test]
async fn what_wiped_its_environment_and_changed_its_group_is_killed_by_its_session() {
    // `timeout` of the GNU tools leads a group of its own.
    let script = "env -i timeout 1000 sh -c 'echo $$; exec sleep 1000' & sleep 1000; true";
    check_killed(script, 1).await;
}

#[tokio::test]
async fn what_starts_sessions_all_the_time_is_killed() {
    check_killed("while :; do setsid sh -c 'echo $$; sleep 1000' & done", 5).await;
}

/// A service whose first lines are the ids of processes that must be gone once it is killed.
async fn check_killed(script: &str, ids: usize) {
    let mut service = Service::shell(script);
    let mut pids = Vec::new();
    for _ in 0..ids {
        pids.push(service.number().await);
    }
    assert!(!service.group.is_empty().expect("readable"), "{script}");
    assert!(
        pids.iter().all(|pid| service.group.contains(*pid)),
        "{script}"
    );
    let group = Some(Arc::new(service.group.clone()));
    assert!(
        Group::memory_bytes(vec![group, None]).await[0] > 0,
        "{script}"
    );
    soon(service.group.kill()).await.expect("killed");
    soon(service.group.emptied()).await.expect("readable");
    assert!(service.group.is_empty().expect("readable"), "{script}");
    assert!(
        strays(service.nonce).expect("readable").is_empty(),
        "{script}"
    );
    assert!(
        !pids.iter().any(|pid| service.group.contains(*pid)),
        "{script}"
    );
}

#[tokio::test]
async fn what_is_left_of_an_unwatched_service_is_found_by_the_nonce_alone() {
    let mut service = Service::shell(&format!("{LEAVE} wait"));
    let stray = service.number().await;
    service.process.signal(Signal::SIGKILL).expect("ours");
    soon(service.process.exited()).await;
    let left = Group::left_behind(service.nonce, None);
    // It may be executing its program just now, and has no environment for a moment.
    soon(async {
        while !left.contains(stray) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(!left.is_empty().expect("readable"));
    left.signal(Signal::SIGTERM).expect("ours");
    soon(left.emptied()).await.expect("readable");
    left.kill().await.expect("nothing is left, which is fine");
}

#[tokio::test]
async fn a_signal_reaches_the_group_and_nobody_else() {
    let other = Service::shell("exec sleep 1000");
    let mut service = Service::shell(&format!("{LEAVE} sleep 1000 & echo $!; wait"));
    let (one, another) = (service.number().await, service.number().await);
    service.group.signal(Signal::SIGTERM).expect("ours");
    assert_eq!(
        soon(service.process.exited()).await,
        Exit::Signal(Signal::SIGTERM as i32)
    );
    // One of the two is in the group, the other has left it.
    let left = || strays(service.nonce).expect("readable");
    let left = soon(async {
        while left().len() != 1 {
            tokio::task::yield_now().await;
        }
        left()[0].pid
    });
    let left = left.await;
    assert!(left == one || left == another, "{left}");
    let session = Stat::read(left).expect("it runs").session;
    assert_eq!(session, left, "the one that has left");
    assert!(!other.process.has_ended());
}

/// Says `up`, then `told` whenever it is asked to end, which it does not.
const DEAF: &str = "trap \"echo told\" TERM; echo up; while :; do sleep 0.02; done";

/// Starts a service of a deaf main process, a member of its group and a stray, has `prepare` do something to it,
/// asks it to end, and holds against it what was said.
async fn check_told(cgroup: Option<Cgroup>, prepare: impl Fn(&Service)) {
    let mut launch = shell(&format!("setsid sh -c '{DEAF}' & sh -c '{DEAF}' & {DEAF}"));
    launch.cgroup = cgroup;
    let mut service = Service::start(launch);
    for _ in 0..3 {
        assert_eq!(service.line().await, "up");
    }
    prepare(&service);
    let asked = service.group.terminate(Signal::SIGTERM);
    soon(asked).await.expect("ours");
    for _ in 0..3 {
        let mut line = service.line().await;
        // What each shell may say of the `sleep` that it waited for.
        while line == "Terminated" {
            line = service.line().await;
        }
        assert_eq!(line, "told");
    }
    soon(service.group.kill()).await.expect("ours");
    soon(service.group.emptied()).await.expect("readable");
    assert!(!service.rest().contains("told"), "somebody was told twice");
}

fn stop_each(service: &Service) {
    let members = strays(service.nonce).expect("readable");
    for process in members {
        process.signal(Signal::SIGSTOP).expect("ours");
    }
}

#[tokio::test]
async fn everybody_is_told_to_end_once_whatever_group_it_is_in_and_though_it_was_stopped() {
    for prepare in [|_: &Service| {}, stop_each] {
        check_told(None, prepare).await;
        let Some(own) = own_cgroup() else { continue };
        check_told(Some(own.cgroup.clone()), prepare).await;
    }
}

#[tokio::test]
async fn a_frozen_cgroup_is_thawed_so_that_it_hears_the_stop_signal() {
    let Some(own) = own_cgroup() else { return };
    check_told(Some(own.cgroup.clone()), |_| own.cgroup.freeze()).await;
}

#[tokio::test]
async fn a_number_is_used_while_it_is_the_leaders_and_its_members_are_told_one_by_one_after() {
    let mut service = Service::shell(&format!("sleep 1000 & echo $!; {LEAVE} wait"));
    let numbers = (service.number().await, service.number().await);
    let leader = &service.process;
    let sent = leader.signal_group_by_number(Signal::SIGURG);
    assert!(sent.expect("ignored by default"));
    leader.signal(Signal::SIGKILL).expect("ours");
    soon(leader.exited()).await;
    let (member, strayed) = (Process::open(numbers.0), Process::open(numbers.1));
    let sent = leader.signal_group_by_number(Signal::SIGTERM);
    assert!(!sent.expect("not tried"));
    let each = || {
        let is_in_it = |entry: &Entry| entry.stat.group == leader.pid;
        service.group.signal_each(Signal::SIGTERM, is_in_it)
    };
    each().expect("ours");
    soon(member.expect("it ran").ended()).await;
    assert!(!strayed.expect("it ran").has_ended());
    each().expect("nobody is fine");
}

#[tokio::test]
async fn a_group_that_is_gone_hears_signals_without_complaint_and_nobody_else_does() {
    let service = Service::shell("exit 3");
    soon(service.process.exited()).await;
    soon(service.group.emptied()).await.expect("readable");
    service.group.signal(Signal::SIGTERM).expect("fine");
    soon(service.group.kill()).await.expect("fine");
}

#[tokio::test]
async fn an_ended_leader_that_nobody_waited_for_does_not_run() {
    let service = Service::shell("exit 3");
    soon(service.process.ended()).await;
    assert!(service.group.is_empty().expect("readable"));
    assert_eq!(soon(service.process.exited()).await, Exit::Code(3));
}

#[tokio::test]
async fn many_that_wait_share_few_looks_at_the_machine() {
    let services: Vec<_> = (0..40).map(|_| Service::shell("exit 0")).collect();
    let before = Census::taken();
    let waits = services.iter().map(|service| {
        let group = service.group.clone();
        tokio::spawn(async move { group.emptied().await })
    });
    for wait in waits.collect::<Vec<_>>() {
        soon(wait).await.expect("no panic").expect("readable");
    }
    let taken = Census::taken() - before;
    assert!(taken <= 40, "{taken} for 40 services that ended together");
}
