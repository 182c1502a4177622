//! The proof: the host climbs its ladder against a board that really goes down and comes back,
//! in simulated time.

use lastword_client::dial::{Dial, Dialing};
use lastword_client::ladder::{Check, Proof, ProofOptions, Rung, Verdict, prove};
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{Evidence, Operation, Outcome, PowerRequest, Standdown};
use lastword_tests::board::{Board, Options};
use lastword_tests::socket::Socket;
use lastword_tests::uart::{Rates, Side, Uart};
use std::io;
use std::time::Duration;

/// A board that is back three seconds after its reset.
const REBOOTING: Options = Options {
    drain_cap: lastword_protocol::Millis(2_000),
    announce: true,
    boot_time: Some(Duration::from_secs(3)),
    fire_fails: None,
    at_once: false,
};

fn reboot() -> PowerRequest {
    PowerRequest::plain(Operation::Reboot)
}

#[track_caller]
fn check_rebooted(proof: &Proof, evidence: Evidence) {
    assert_eq!(proof.verdict, Verdict::Rebooted, "{proof:?}");
    assert!(proof.holds(), "{proof:?}");
    let checks = [proof.checks.uptime, proof.checks.cause, proof.checks.last];
    assert_eq!(checks, [Check::Matches; 3], "{proof:?}");
    let after = proof.after.as_ref().expect("a board that answers");
    assert_eq!(after.cause, Cause::Requested);
    assert_eq!(
        after.last.map(|last| last.outcome),
        Some(Outcome::Done(evidence))
    );
}

#[tokio::test(start_paused = true)]
async fn a_reboot_over_a_line_is_proven() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, REBOOTING);
    let proof = prove(&uart, &reboot(), ProofOptions::default())
        .await
        .unwrap();
    check_rebooted(&proof, Evidence::UartEmpty);
    assert!(proof.initiated.is_some());
    assert_eq!(proof.rungs[0].0, Rung::Accepted);
    assert_eq!(board.reset.fires().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_whose_acknowledgement_the_line_swallows_is_proven_all_the_same() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, REBOOTING);
    let swallow = async {
        while board.reset.prepared() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        uart.strike(Side::Agent, Rates::deaf(), 0);
        board.reset.fired(1).await;
        uart.strike(Side::Agent, Rates::default(), 0);
    };
    let request = reboot();
    let climb = prove(&uart, &request, ProofOptions::default());
    let (proof, ()) = tokio::join!(climb, swallow);
    let proof = proof.unwrap();
    check_rebooted(&proof, Evidence::UartEmpty);
    assert_eq!(proof.initiated, None, "{proof:?}");
    assert_eq!(board.reset.fires().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_over_a_lossy_line_is_proven_and_happens_once() {
    for seed in 0..20 {
        let uart = Uart::new(115_200);
        let board = Board::on_uart(&uart, REBOOTING);
        uart.strike(Side::Agent, Rates::one_in(2_000), seed);
        uart.strike(Side::Host, Rates::one_in(2_000), !seed);
        let proof = prove(&uart, &reboot(), ProofOptions::default()).await;
        let proof = proof.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(proof.verdict, Verdict::Rebooted, "seed {seed}: {proof:?}");
        assert_eq!(board.reset.fires().len(), 1, "seed {seed}");
    }
}

/// Connections to a board: refused while it is down, and silent when it goes down.
struct Network(Board);

impl Dial for Network {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            let socket = Socket::default();
            if !self.0.is_up() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            self.0.accept(socket.agent_end());
            Ok(Box::new(socket.host_end()) as _)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_reboot_over_connections_is_proven() {
    let board = Board::without_ports(REBOOTING, || {});
    let network = Network(board.clone());
    let proof = prove(&network, &reboot(), ProofOptions::default())
        .await
        .unwrap();
    check_rebooted(&proof, Evidence::PeerAcked);
    let rungs: Vec<_> = proof.rungs.iter().map(|(rung, _)| *rung).collect();
    assert_eq!(rungs, [Rung::Accepted, Rung::LinkQuiet, Rung::BootSeen]);
    assert_eq!(board.reset.fires().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_board_that_stands_down_is_not_rebooted_and_says_why() {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, REBOOTING);
    board.disk.refuse("Released");
    let proof = prove(&uart, &reboot(), ProofOptions::default())
        .await
        .unwrap();
    assert_eq!(proof.verdict, Verdict::NotRebooted, "{proof:?}");
    assert!(!proof.holds());
    let last = proof.explanation.and_then(|status| status.last).unwrap();
    assert_eq!(last.outcome, Outcome::StoodDown(Standdown::RecordFailed));
}

#[tokio::test(start_paused = true)]
async fn a_board_that_never_comes_back_is_unreachable() {
    let uart = Uart::new(115_200);
    let options = Options {
        boot_time: None,
        ..REBOOTING
    };
    let _board = Board::on_uart(&uart, options);
    let proof = prove(&uart, &reboot(), ProofOptions::default())
        .await
        .unwrap();
    assert_eq!(proof.verdict, Verdict::Unreachable, "{proof:?}");
}

#[tokio::test(start_paused = true)]
async fn a_power_off_ends_at_a_quiet_link() {
    let board = Board::without_ports(
        Options {
            boot_time: None,
            ..REBOOTING
        },
        || {},
    );
    let request = PowerRequest::plain(Operation::Shutdown);
    let proof = prove(&Network(board), &request, ProofOptions::default())
        .await
        .unwrap();
    assert_eq!(proof.verdict, Verdict::Quiet, "{proof:?}");
    assert!(proof.holds());
}
