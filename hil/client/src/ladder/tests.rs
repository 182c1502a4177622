//! The machine in tables, and the climb over boards in memory with paused time.

use super::*;
use crate::client::Options;
use crate::fake_board::{Back, FakeBoard, Fault, OnPower};
use lastword_protocol::identity::{BoardKind, BootSource, Capabilities, Cause, Identity};
use lastword_protocol::message::{AlreadyDone, Initiated, PowerStatus, Request};
use lastword_protocol::power::{
    Backend, Evidence, LastOperation, Operation, Outcome, PowerRequest, Standdown,
};
use lastword_protocol::refusal::Code;
use lastword_protocol::{BootId, Instant, Millis, OperationId, Text};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ID: OperationId = OperationId(7);
const TIMEOUT: Millis = Millis(10_000);

fn identity(boot: u8, outcome: Option<Outcome>) -> Identity {
    Identity {
        oldest: 1,
        current: 1,
        boot: BootId([boot; 16]),
        boot_source: BootSource::Kernel,
        cause: Cause::Requested,
        kind: BoardKind::Linux,
        name: Text::new(),
        firmware: Text::new(),
        build: Text::new(),
        backend: Backend::Linux,
        mtu: 256,
        window: 4,
        capabilities: Capabilities(0),
        schema: 0,
        last: outcome.map(last),
        active: None,
        pending: None,
    }
}

fn last(outcome: Outcome) -> LastOperation {
    LastOperation {
        id: ID,
        operation: Operation::Reboot,
        outcome,
        boot: BootId([1; 16]),
    }
}

fn seen(boot: u8, outcome: Option<Outcome>) -> Event {
    Event::Seen(Box::new(identity(boot, outcome)))
}

fn accepted(operation: Operation) -> Event {
    Event::Accepted(Initiated {
        operation,
        backend: Backend::Linux,
        id: ID,
    })
}

fn explained(outcome: Option<Outcome>) -> Event {
    Event::Explained(PowerStatus {
        backend: Backend::Linux,
        boot: BootId([1; 16]),
        pending: None,
        last: outcome.map(last),
        refused: Text::new(),
    })
}

/// Climbs from boot 1; returns the proof, whose verdict stands if the last action is to finish.
#[track_caller]
fn check(request: PowerRequest, steps: &[(u64, Event, Action)]) -> Proof {
    follow(plan(request), steps)
}

fn plan(request: PowerRequest) -> Plan {
    Plan {
        request,
        id: ID,
        timeout: TIMEOUT,
        is_line: false,
    }
}

#[track_caller]
fn follow(plan: Plan, steps: &[(u64, Event, Action)]) -> Proof {
    let mut ladder = Ladder::new(Instant(0), plan, identity(1, None));
    for (index, (at, event, expected)) in steps.iter().enumerate() {
        let action = ladder.step(Instant(*at), event.clone());
        assert_eq!(action, *expected, "step {index}: {event:?} at {at} ms");
    }
    ladder.proof()
}

fn reboot() -> PowerRequest {
    PowerRequest::plain(Operation::Reboot)
}

const DONE: Option<Outcome> = Some(Outcome::Done(Evidence::UartEmpty));
const STOOD_DOWN: Option<Outcome> = Some(Outcome::StoodDown(Standdown::NotDrained));

fn wait(until: u64) -> Action {
    Action::Wait(Instant(until))
}

#[test]
fn a_reboot_climbs_every_rung_and_each_has_its_time() {
    let proof = check(
        reboot(),
        &[
            (5, accepted(Operation::Reboot), wait(105)),
            (105, Event::Waited, Action::Probe),
            (355, Event::Unanswered, wait(455)),
            (455, Event::Waited, Action::Probe),
            (460, Event::Unanswered, wait(560)),
            (560, Event::Unanswered, wait(660)),
            (660, Event::Waited, Action::Probe),
            (2_000, seen(2, DONE), Action::AskUptime),
            (2_005, Event::Measured(Millis(1_500)), Action::Finish),
        ],
    );
    assert_eq!(
        proof.rungs,
        [
            (Rung::Accepted, Millis(5)),
            (Rung::LinkQuiet, Millis(355)),
            (Rung::BootSeen, Millis(2_000)),
        ]
    );
    assert_eq!(proof.verdict, Verdict::Rebooted);
    let all = Checks {
        uptime: Check::Matches,
        cause: Check::Matches,
        last: Check::Matches,
    };
    assert_eq!(proof.checks, all);
    assert!(proof.holds());
}

#[test]
fn the_request_carries_an_id_and_the_boot_it_is_meant_for() {
    let ladder = Ladder::new(Instant(0), plan(reboot()), identity(1, None));
    let Request::Power(sent) = ladder.request() else {
        panic!("no power request");
    };
    assert_eq!((sent.id, sent.boot), (Some(ID), Some(BootId([1; 16]))));
}

#[test]
fn an_uptime_longer_than_the_climb_is_no_reboot() {
    for (uptime, verdict) in [(1_999, Verdict::Rebooted), (2_000, Verdict::NotRebooted)] {
        let proof = check(
            reboot(),
            &[
                (5, accepted(Operation::Reboot), wait(105)),
                (1_000, seen(2, DONE), Action::AskUptime),
                (2_000, Event::Measured(Millis(uptime)), Action::Finish),
            ],
        );
        assert_eq!(proof.verdict, verdict, "{uptime}");
    }
}

#[test]
fn a_new_boot_with_another_cause_or_operation_is_a_reboot_but_proves_nothing() {
    let mut by_hand = identity(2, DONE);
    by_hand.cause = Cause::External;
    for identity in [by_hand, identity(2, Some(Outcome::Interrupted))] {
        let proof = check(
            reboot(),
            &[
                (5, accepted(Operation::Reboot), wait(105)),
                (1_000, Event::Seen(Box::new(identity)), Action::AskUptime),
                (1_001, Event::Measured(Millis(500)), Action::Finish),
            ],
        );
        assert_eq!(proof.verdict, Verdict::Rebooted);
        assert!(!proof.holds());
    }
}

#[test]
fn a_board_that_stood_down_is_asked_why_at_once() {
    let proof = check(
        reboot(),
        &[
            (5, accepted(Operation::Reboot), wait(105)),
            (105, Event::Waited, Action::Probe),
            (110, seen(1, STOOD_DOWN), Action::AskStatus),
            (115, explained(STOOD_DOWN), Action::Finish),
        ],
    );
    assert_eq!(proof.verdict, Verdict::NotRebooted);
    assert_eq!(
        proof.to_string(),
        "not rebooted: reboot stood_down not_drained; \
         the board is still in boot 01010101-0101-0101-0101-010101010101"
    );
}

#[test]
fn a_board_in_the_same_boot_past_the_deadline_is_asked_why() {
    let proof = check(
        reboot(),
        &[
            (5, accepted(Operation::Reboot), wait(105)),
            (9_950, seen(1, None), wait(10_000)),
            (10_000, Event::Waited, Action::Probe),
            (10_010, seen(1, None), Action::AskStatus),
            (10_020, Event::Unanswered, Action::Finish),
        ],
    );
    assert_eq!(proof.verdict, Verdict::NotRebooted);
    assert_eq!(proof.explanation, None);
}

#[test]
fn a_board_that_stays_away_is_unreachable() {
    let proof = check(
        reboot(),
        &[
            (5, accepted(Operation::Reboot), wait(105)),
            (9_999, Event::Unanswered, wait(10_000)),
            (10_000, Event::Waited, Action::Probe),
            (10_250, Event::Unanswered, Action::Finish),
        ],
    );
    assert_eq!(proof.verdict, Verdict::Unreachable);
}

#[test]
fn after_a_lost_reply_the_boot_id_is_asked_for_and_the_request_sent_only_if_it_never_came() {
    let lost = [
        (5_000, Event::Unanswered, Action::Probe),
        (5_010, seen(1, None), Action::AskStatus),
    ];
    let came = (5_020, explained(Some(Outcome::Staged)), wait(5_120));
    let never = (5_020, explained(None), Action::Ask);
    check(reboot(), &[lost[0].clone(), lost[1].clone(), came]);
    check(reboot(), &[lost[0].clone(), lost[1].clone(), never]);
    // It came, and was carried out before anybody could tell.
    let proof = check(
        reboot(),
        &[
            lost[0].clone(),
            (5_010, seen(2, DONE), Action::AskUptime),
            (5_020, Event::Measured(Millis(100)), Action::Finish),
        ],
    );
    assert!(proof.holds());
    assert_eq!(proof.initiated, None);
}

#[test]
fn a_request_that_never_arrives_is_not_sent_for_ever() {
    let round = |at, action| {
        [
            (at, Event::Unanswered, Action::Probe),
            (at, seen(1, None), Action::AskStatus),
            (at, explained(None), action),
        ]
    };
    let rounds = [
        round(100, Action::Ask),
        round(200, Action::Ask),
        round(300, Action::Finish),
    ];
    let proof = check(reboot(), &rounds.concat());
    assert_eq!(proof.verdict, Verdict::NotRebooted);
}

#[test]
fn on_a_line_a_board_that_may_be_booting_is_left_in_peace() {
    let plan = Plan {
        is_line: true,
        timeout: Millis(60_000),
        ..plan(reboot())
    };
    let proof = follow(
        plan,
        &[
            (5, accepted(Operation::Reboot), wait(105)),
            (105, Event::Waited, Action::Probe),
            (110, seen(1, None), wait(210)),
            (210, Event::Waited, Action::Probe),
            (460, Event::Unanswered, wait(10_560)),
            (10_560, Event::Waited, Action::Probe),
            (10_810, Event::Unanswered, wait(20_910)),
            (12_000, seen(2, DONE), Action::AskUptime),
        ],
    );
    assert_eq!(proof.rungs[1], (Rung::LinkQuiet, Millis(460)));
}

#[test]
fn a_power_off_ends_when_the_link_is_quiet_and_claims_no_more() {
    let proof = check(
        PowerRequest::plain(Operation::Shutdown),
        &[
            (5, accepted(Operation::Shutdown), wait(105)),
            (300, Event::Unanswered, wait(400)),
            (600, Event::Unanswered, wait(700)),
            (900, Event::Unanswered, Action::Finish),
        ],
    );
    assert_eq!(proof.verdict, Verdict::Quiet);
    assert_eq!(
        proof.rungs,
        [(Rung::Accepted, Millis(5)), (Rung::LinkQuiet, Millis(300))]
    );
    assert!(proof.to_string().ends_with("is not proven"));
    assert!(proof.holds());
}

#[test]
fn a_delay_is_waited_out_with_few_probes_and_moves_the_deadline() {
    let later = PowerRequest {
        delay: Millis(30_000),
        ..reboot()
    };
    check(
        later,
        &[
            (5, accepted(Operation::Reboot), wait(5_105)),
            (5_105, Event::Waited, Action::Probe),
            (5_110, seen(1, None), wait(10_210)),
            (29_999, seen(1, None), wait(30_105)),
            (39_950, Event::Unanswered, wait(40_000)),
        ],
    );
}

#[test]
fn a_link_that_is_quiet_while_the_delay_runs_tells_nothing_of_the_power() {
    let later = PowerRequest {
        delay: Millis(30_000),
        ..PowerRequest::plain(Operation::Shutdown)
    };
    check(
        later,
        &[
            (0, accepted(Operation::Shutdown), wait(5_100)),
            (5_350, Event::Unanswered, wait(10_450)),
            (10_700, Event::Unanswered, wait(15_800)),
            (16_050, Event::Unanswered, wait(21_150)),
            (21_150, seen(1, STOOD_DOWN), Action::AskStatus),
        ],
    );
}

#[test]
fn a_request_for_a_boot_that_is_over_is_proven_by_the_board_that_answers() {
    let earlier = PowerRequest {
        boot: Some(BootId([9; 16])),
        ..reboot()
    };
    let already = Event::AlreadyDone(AlreadyDone {
        boot: BootId([1; 16]),
        cause: Cause::Requested,
        last: None,
    });
    let proof = check(earlier, &[(5, already, Action::Finish)]);
    assert_eq!(proof.verdict, Verdict::Rebooted);
    assert_eq!(proof.before, BootId([9; 16]));
}

#[test]
fn a_boot_id_that_tells_of_the_agent_only_needs_the_uptime() {
    for (answer, verdict) in [
        (Event::Unanswered, Verdict::UnknownBefore),
        (Event::Measured(Millis(10)), Verdict::Rebooted),
    ] {
        let mut process = identity(2, DONE);
        process.boot_source = BootSource::Process;
        let proof = check(
            reboot(),
            &[
                (5, accepted(Operation::Reboot), wait(105)),
                (10_000, Event::Seen(Box::new(process)), Action::AskUptime),
                (10_100, answer, Action::Finish),
            ],
        );
        assert_eq!(proof.verdict, verdict);
    }
}

/// Climbs over `board`, and returns the proof with the rungs as they were told.
async fn climb(board: &FakeBoard, operation: Operation) -> Result<(Proof, Vec<Rung>), ProofError> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let options = ProofOptions {
        client: Options::default(),
        timeout: Duration::from_secs(20),
        on_rung: Box::new(move |rung, _| sink.lock().unwrap().push(rung)),
        ..ProofOptions::default()
    };
    let proof = prove(board, &PowerRequest::plain(operation), options).await?;
    let told = told.lock().unwrap().clone();
    let rungs: Vec<Rung> = proof.rungs.iter().map(|(rung, _)| *rung).collect();
    assert_eq!(told, rungs);
    Ok((proof, told))
}

fn power_requests(board: &FakeBoard) -> usize {
    let is_power = |request: &&Request| matches!(request, Request::Power(_));
    board.world().ran.iter().filter(is_power).count()
}

fn both_kinds() -> [FakeBoard; 2] {
    [FakeBoard::on_a_line(), FakeBoard::with_connections()]
}

#[tokio::test(start_paused = true)]
async fn a_reboot_is_proven_over_a_line_and_over_connections_that_die_in_silence() {
    for board in both_kinds() {
        let (proof, rungs) = climb(&board, Operation::Reboot).await.unwrap();
        assert!(proof.holds(), "{proof:?}");
        assert_eq!(rungs, [Rung::Accepted, Rung::LinkQuiet, Rung::BootSeen]);
        assert_eq!(proof.after.unwrap().boot, BootId([2; 16]));
        // Down after 20 ms, for 2 s; found within a probe and the wait between two.
        let (_, seen_at) = proof.rungs[2];
        assert!((2_020..2_400).contains(&seen_at.0), "{seen_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_announcement_proves_the_boot_at_once() {
    let board = FakeBoard::on_a_line();
    let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
    assert_eq!(proof.rungs[2], (Rung::BootSeen, Millis(2_020)));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_board_that_may_be_booting() {
    let board = FakeBoard::on_a_line();
    climb(&board, Operation::Reboot).await.unwrap();
    // The probe that found it silent.
    assert_eq!(board.world().unheard, 1);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_got_lost_is_made_up_for_by_a_probe() {
    let board = FakeBoard::on_a_line();
    board.world().announces = false;
    let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
    assert!(proof.holds(), "{proof:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reset_too_quick_to_be_missed_is_proven_without_the_quiet_rung() {
    let board = FakeBoard::on_a_line();
    board.world().on_power = OnPower::Goes(Back::After(Duration::from_millis(1)));
    let (proof, rungs) = climb(&board, Operation::Reboot).await.unwrap();
    assert!(proof.holds(), "{proof:?}");
    assert_eq!(rungs, [Rung::Accepted, Rung::BootSeen]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_got_lost_is_sent_again_and_runs_once() {
    for board in both_kinds() {
        board.world().on_power = OnPower::Unheard(Back::After(Duration::from_secs(2)));
        let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
        assert!(proof.holds(), "{proof:?}");
        assert_eq!(power_requests(&board), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_got_lost_is_made_up_for_by_the_boot() {
    for board in both_kinds() {
        // Greeted; then the acknowledgement is lost.
        board.world().faults.extend([Fault::Pass, Fault::Lose]);
        let (proof, rungs) = climb(&board, Operation::Reboot).await.unwrap();
        assert!(proof.holds(), "{proof:?}");
        assert_eq!(rungs.last(), Some(&Rung::BootSeen));
        assert_eq!(power_requests(&board), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_stands_down_is_not_rebooted_and_says_why() {
    for board in both_kinds() {
        board.world().on_power = OnPower::StandsDown;
        let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
        assert_eq!(proof.verdict, Verdict::NotRebooted);
        let last = proof.explanation.unwrap().last.unwrap();
        assert_eq!(last.outcome, Outcome::StoodDown(Standdown::NotDrained));
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_never_returns_is_unreachable_or_off() {
    for board in both_kinds() {
        board.world().on_power = OnPower::Goes(Back::Never);
        let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
        assert_eq!(proof.verdict, Verdict::Unreachable);
    }
    for board in both_kinds() {
        board.world().on_power = OnPower::Goes(Back::Never);
        let (proof, _) = climb(&board, Operation::Shutdown).await.unwrap();
        assert_eq!(proof.verdict, Verdict::Quiet);
    }
}

#[tokio::test(start_paused = true)]
async fn a_board_that_refuses_has_its_no_handed_on() {
    for board in both_kinds() {
        board.world().on_power = OnPower::Refused(Code::NotHere);
        let refused = climb(&board, Operation::Reboot).await;
        let Err(ProofError::Refused(refusal)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refusal.code, Code::NotHere);
    }
}

#[tokio::test(start_paused = true)]
async fn the_new_boot_is_checked_against_what_was_asked() {
    let board = FakeBoard::on_a_line();
    board.world().cause_after = Cause::External;
    let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
    assert_eq!((proof.verdict, proof.holds()), (Verdict::Rebooted, false));

    let board = FakeBoard::on_a_line();
    board.world().uptime_ahead = Duration::from_mins(1);
    let (proof, _) = climb(&board, Operation::Reboot).await.unwrap();
    assert_eq!(proof.verdict, Verdict::NotRebooted);
}
