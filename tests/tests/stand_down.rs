//! Where there is no evidence there is no reset: what stalls, vanishes or fails, and what force
//! changes about it.

use crate::QUIET;
use lastword_protocol::Millis;
use lastword_protocol::power::{Evidence, Outcome, Phase, Standdown};
use lastword_tests::board::{Board, Options};
use lastword_tests::terminal::Terminal;
use lastword_tests::uart::{HostEnd, Side, TTY_BYTES, Uart};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

/// Long enough for everything that is ever going to happen.
const FOREVER: Duration = Duration::from_mins(10);

/// As [`QUIET`], with the bounds that a board has unless its configuration says otherwise.
const ORDINARY: Options = Options {
    drain_cap: Millis(2_000),
    ..QUIET
};

struct Bench {
    uart: Uart,
    board: Board,
    terminal: Terminal<HostEnd>,
}

impl Bench {
    async fn new() -> Self {
        let uart = Uart::new(115_200);
        let board = Board::on_uart(&uart, ORDINARY);
        let terminal = Terminal::plain(uart.host_end()).await;
        Self {
            uart,
            board,
            terminal,
        }
    }

    /// A line whose far end takes nothing, and whose queue is full.
    async fn with_a_full_queue() -> Self {
        let mut bench = Self::new().await;
        bench.uart.stall(Side::Agent, true);
        bench.terminal.send(&"uptime\n".repeat(80)).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(bench.uart.queued(Side::Agent), TTY_BYTES);
        bench
    }

    async fn check_never_fires(&self) {
        self.uart.stall(Side::Agent, false);
        sleep(FOREVER).await;
        assert!(self.board.reset.fires().is_empty(), "{:?}", self.board);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_line_stands_down_at_its_deadline_and_never_fires() {
    let mut bench = Bench::new().await;
    bench.uart.stall(Side::Agent, true);
    bench.terminal.send("reboot\n").await;
    bench.board.reach(Phase::Draining).await;
    let staged = Instant::now();
    assert_eq!(bench.board.stood_down().await, Standdown::NotDrained);
    let waited = staged.elapsed();
    // What was seen may be a millisecond older than it is.
    assert!((249..=252).contains(&waited.as_millis()), "{waited:?}");
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_line_fires_by_force_at_its_deadline() {
    let mut bench = Bench::new().await;
    bench.uart.stall(Side::Agent, true);
    bench.terminal.send("power reboot --force\n").await;
    bench.board.reach(Phase::Draining).await;
    let staged = Instant::now();
    let fire = bench.board.reset.fired(1).await;
    assert_eq!(fire.evidence, Evidence::Forced);
    assert!(fire.at - staged >= Duration::from_millis(249));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_moves_again_in_time_fires_on_evidence() {
    let mut bench = Bench::new().await;
    bench.uart.stall(Side::Agent, true);
    bench.terminal.send("power reboot --force\n").await;
    bench.board.reach(Phase::Draining).await;
    sleep(Duration::from_millis(200)).await;
    bench.uart.stall(Side::Agent, false);
    let fire = bench.board.reset.fired(1).await;
    assert_eq!(fire.evidence, Evidence::UartEmpty);
    assert!(bench.terminal.line().await.starts_with("ok initiated"));
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_that_cannot_be_written_never_fires_not_even_by_force() {
    for line in ["reboot\n", "power reboot --force\n"] {
        let mut bench = Bench::with_a_full_queue().await;
        bench.terminal.send(line).await;
        assert_eq!(bench.board.stood_down().await, Standdown::AckFailed);
        bench.check_never_fires().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_behind_what_moves_a_little_is_not_written() {
    let mut bench = Bench::with_a_full_queue().await;
    bench.terminal.send("power reboot --force\n").await;
    bench.board.reach(Phase::Staged).await;
    bench.uart.stall(Side::Agent, false);
    sleep(Duration::from_millis(10)).await;
    bench.uart.stall(Side::Agent, true);
    assert_eq!(bench.board.stood_down().await, Standdown::AckFailed);
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_vanishes_before_the_acknowledgement_is_written_stands_down() {
    let mut bench = Bench::with_a_full_queue().await;
    bench.terminal.send("power reboot --force\n").await;
    bench.board.reach(Phase::Staged).await;
    bench.uart.vanish();
    assert_eq!(bench.board.stood_down().await, Standdown::AckFailed);
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_vanishes_while_it_drains_stands_down() {
    let mut bench = Bench::new().await;
    bench.uart.stall(Side::Agent, true);
    bench.terminal.send("power reboot --force\n").await;
    bench.board.reach(Phase::Draining).await;
    bench.uart.vanish();
    assert_eq!(bench.board.stood_down().await, Standdown::LinkLost);
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_vanishes_while_the_board_prepares_stands_down() {
    let mut bench = Bench::new().await;
    bench.board.disk.hold("Staged");
    bench.terminal.send("power reboot --force\n").await;
    bench.board.disk.caught().await;
    bench.uart.vanish();
    advance(Duration::from_millis(5)).await;
    bench.board.disk.let_go();
    assert_eq!(bench.board.stood_down().await, Standdown::AckFailed);
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_staging_that_cannot_be_recorded_is_refused() {
    let mut bench = Bench::new().await;
    bench.board.disk.refuse("Staged");
    let reply = bench.terminal.ask("reboot").await;
    let cause = "cause=\"no space left on device\"";
    let expected = format!("err 501 not_here detail=\"invalid command\" {cause}");
    assert_eq!(reply, expected);
    let reply = bench.terminal.ask("power reboot --graceful").await;
    assert_eq!(reply, format!("err 500 internal detail=\"fail\" {cause}"));
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_be_recorded_stands_down() {
    let mut bench = Bench::new().await;
    bench.board.disk.refuse("Released");
    let reply = bench.terminal.ask("reboot").await;
    assert!(reply.starts_with("ok initiated"), "{reply}");
    assert_eq!(bench.board.stood_down().await, Standdown::RecordFailed);
    // The session says nothing behind a release, and speaks again when it came to nothing.
    let status = bench.terminal.ask("power status").await;
    assert!(status.contains("last_why=record_failed"), "{status}");
    bench.check_never_fires().await;
}

#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_be_recorded_fires_by_force() {
    let mut bench = Bench::new().await;
    bench.board.disk.refuse("Released");
    bench.terminal.send("power reboot --force\n").await;
    let fire = bench.board.reset.fired(1).await;
    // What is forced is the record; the evidence was there.
    assert_eq!(fire.evidence, Evidence::UartEmpty);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_at_the_release_stands_down_after_its_limit() {
    let mut bench = Bench::new().await;
    bench.board.disk.hold("Released");
    bench.terminal.send("reboot\n").await;
    bench.board.disk.caught().await;
    let released = Instant::now();
    while bench.board.phase().is_some() {
        assert!(released.elapsed() < Duration::from_secs(3), "no limit");
        advance(Duration::from_millis(10)).await;
    }
    assert!(released.elapsed() >= Duration::from_secs(2));
    bench.board.disk.let_go();
    assert_eq!(bench.board.stood_down().await, Standdown::RecordFailed);
    bench.check_never_fires().await;
    // What hung is written when the disk moves again, and is not the last that is written.
    let record = bench.board.disk.text("power.json").unwrap();
    assert!(record.contains("StoodDown"), "{record}");
}

#[tokio::test(start_paused = true)]
async fn a_fire_that_fails_is_told_to_whoever_asks() {
    let uart = Uart::new(115_200);
    let options = Options {
        fire_fails: Some(1),
        ..ORDINARY
    };
    let board = Board::on_uart(&uart, options);
    let mut terminal = Terminal::plain(uart.host_end()).await;
    terminal.send("power reboot --op 7\n").await;
    board.came_to(Outcome::FireFailed(1)).await;
    assert!(terminal.line().await.starts_with("ok initiated"));
    let status = terminal.ask("power status").await;
    assert!(
        status.contains("last_op=7 last_operation=reboot last_outcome=fire_failed last_error=1"),
        "{status}"
    );
    // It fired, so that the same id does not fire again; another one does.
    assert!(
        terminal
            .ask("power reboot --op 7")
            .await
            .starts_with("ok initiated")
    );
    sleep(FOREVER).await;
    assert_eq!(board.reset.fires().len(), 1);
    terminal.send("power reboot --op 8\n").await;
    board.reset.fired(2).await;
}
