//! The account, step by step.

use super::*;
use crate::report::RolloutReport;
use lastword_protocol::BootId;

const FIRST: Generation = Generation([1; 32]);
const SECOND: Generation = Generation([2; 32]);
const MEMORY: JournalName = JournalName([7; 16]);

fn boot_report(journal: JournalName, oldest: u64, last: u64) -> BootReport {
    BootReport {
        boot: BootId([1; 16]),
        journal,
        last,
        oldest,
        is_provisional: false,
        current: Some(FIRST),
        pending: None,
    }
}

fn report(number: u64, order: u64, step: ReportedStep) -> NumberedReport {
    NumberedReport {
        number,
        report: RolloutReport {
            order: Some(OrderNumber(order)),
            target: SECOND,
            step,
        },
    }
}

fn started() -> ReportedStep {
    ReportedStep::ActivationStarted {
        switch_method: "symlink".to_owned(),
    }
}

fn ordered() -> BoardAccount {
    let (account, _) = BoardAccount::default().boot_reported(&boot_report(MEMORY, 1, 0));
    let (account, order) = account.order(SECOND).unwrap();
    assert_eq!((order.number, order.target), (OrderNumber(1), SECOND));
    account
}

#[track_caller]
fn applied(account: &BoardAccount, numbered: &NumberedReport) -> BoardAccount {
    match account.reported(numbered) {
        ReportOutcome::Applied(account) => account,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_sent_until_the_board_has_it() {
    let (account, order) = ordered().order_to_send().unwrap();
    assert_eq!(account.order_to_send(), Some((account.clone(), order)));
    assert_eq!(account.order(FIRST), None, "another one is under way");
    let taken = account.order_taken(OrderNumber(1));
    assert_eq!(taken.order_to_send(), None);
    assert_eq!(account.order_taken(OrderNumber(9)), account);
    // A report says as much as an answer.
    let begun = applied(&account, &report(1, 1, started()));
    assert_eq!(begun.order_to_send(), None);
}

#[test]
fn reports_are_applied_once_and_in_their_order() {
    let account = ordered();
    let completed = ReportedStep::ActivationCompleted { observed: SECOND };
    let gap = account.reported(&report(2, 1, completed.clone()));
    assert_eq!(gap, ReportOutcome::Gap { expected: 1 });
    let account = applied(&account, &report(1, 1, started()));
    assert_eq!(
        account.reported(&report(1, 1, started())),
        ReportOutcome::Duplicate
    );
    let account = applied(&account, &report(2, 1, completed));
    assert_eq!(account.current(), Some(SECOND));
    let account = applied(&account, &report(3, 1, ReportedStep::SoakCompleted));
    assert_eq!(account.rollout().unwrap().state, RolloutState::Converged);
    let (_, next) = account.order(FIRST).unwrap();
    assert_eq!(next.number, OrderNumber(2));
}

#[test]
fn a_step_that_a_rollout_does_not_have_is_acknowledged_and_told() {
    let account = ordered();
    match account.reported(&report(1, 1, ReportedStep::SoakCompleted)) {
        ReportOutcome::Illegal(account, illegal) => {
            assert_eq!(account.acked(), 1);
            assert_eq!((illegal.from, illegal.step), ("pending", "soak-completed"));
            assert_eq!(account.rollout().unwrap().state, RolloutState::Pending);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_others_have_ordered_at_the_board_moves_nothing_but_what_it_runs() {
    let account = ordered();
    let mut local = report(1, 1, ReportedStep::ActivationCompleted { observed: FIRST });
    local.report.order = None;
    let account = applied(&account, &local);
    assert_eq!((account.acked(), account.current()), (1, Some(FIRST)));
    assert_eq!(account.rollout().unwrap().state, RolloutState::Pending);
    assert!(account.order_to_send().is_some());
}

#[test]
fn a_connection_begins_where_the_last_one_ended() {
    let account = applied(&ordered(), &report(1, 1, started()));
    let (account, reply) = account.boot_reported(&boot_report(MEMORY, 1, 3));
    assert_eq!((account.acked(), reply.acked), (1, 1));
    assert_eq!(reply.snapshots.len(), 1);
    assert_eq!(
        reply.snapshots[0].state,
        RolloutState::Activating { is_deferred: false }
    );
    // What the board has let go is not waited for.
    let (account, reply) = account.boot_reported(&boot_report(MEMORY, 3, 3));
    assert_eq!((account.acked(), reply.acked), (2, 2));
    // Its memory was put back to an earlier state: numbers begin behind that again.
    let (account, _) = account.boot_reported(&boot_report(MEMORY, 1, 1));
    assert_eq!(account.acked(), 1);
    // It has another memory, whose numbers begin anew, and is told what was under way.
    let (account, reply) = account.boot_reported(&boot_report(JournalName([8; 16]), 1, 0));
    assert_eq!((account.acked(), reply.acked), (0, 0));
    assert_eq!(reply.snapshots[0].target, SECOND);
}

#[test]
fn what_the_board_was_never_told_of_is_no_snapshot_and_can_be_cancelled() {
    let account = ordered();
    let (_, reply) = account.boot_reported(&boot_report(MEMORY, 1, 0));
    assert_eq!(reply.snapshots, []);
    let cancelled = account.cancel().unwrap();
    assert_eq!(cancelled.rollout().unwrap().state, RolloutState::Reverted);
    assert_eq!(cancelled.order_to_send(), None);
    let (sent, _) = account.order_to_send().unwrap();
    assert_eq!(sent.cancel(), None, "it may have been begun");
    let (_, reply) = sent.boot_reported(&boot_report(MEMORY, 1, 0));
    assert_eq!(reply.snapshots.len(), 1);
    assert!(cancelled.order(FIRST).is_some());
}
