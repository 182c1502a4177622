//! What a delay, a second request and a change of mind do.

use crate::QUIET;
use lastword_protocol::power::{Evidence, Outcome, Phase, Standdown};
use lastword_tests::board::Board;
use lastword_tests::socket::Socket;
use lastword_tests::terminal::Terminal;
use lastword_tests::uart::{HostEnd, Side, Uart};
use std::time::Duration;
use tokio::time::{Instant, sleep};

async fn bench() -> (Uart, Board, Terminal<HostEnd>) {
    let uart = Uart::new(115_200);
    let board = Board::on_uart(&uart, QUIET);
    let terminal = Terminal::plain(uart.host_end()).await;
    (uart, board, terminal)
}

/// A terminal on a connection of its own.
async fn second(board: &Board) -> Terminal<lastword_tests::socket::HostSocket> {
    let socket = Socket::default();
    board.accept(socket.agent_end());
    Terminal::plain(socket.host_end()).await
}

#[tokio::test(start_paused = true)]
async fn a_delay_begins_when_the_acknowledgement_is_out() {
    let (uart, board, mut terminal) = bench().await;
    let reply = terminal.ask("power reboot --in 30s").await;
    assert!(reply.starts_with("ok initiated"), "{reply}");
    let last_bit = uart.heard(Side::Agent).last().unwrap().0;
    board.reach(Phase::Scheduled).await;
    assert!(last_bit.elapsed() < Duration::from_millis(5));
    let fire = board.reset.fired(1).await;
    assert_eq!(fire.evidence, Evidence::UartEmpty);
    let waited = fire.at - last_bit;
    assert!(
        waited >= Duration::from_secs(30) && waited <= Duration::from_millis(30_005),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_port_that_vanishes_behind_the_drain_does_not_cancel() {
    let (uart, board, mut terminal) = bench().await;
    terminal.ask("power reboot --in 30s").await;
    board.reach(Phase::Scheduled).await;
    uart.vanish();
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::UartEmpty);
}

#[tokio::test(start_paused = true)]
async fn a_break_logs_out_and_does_not_cancel() {
    let (uart, board, mut terminal) = bench().await;
    terminal.ask("power reboot --in 30s").await;
    board.reach(Phase::Scheduled).await;
    uart.send_break();
    // The dialect is forgotten: what is typed is echoed again.
    let heard = async {
        // A key that stands alone is somebody's who types.
        terminal.send("u").await;
        terminal.listen(Duration::from_millis(50)).await
    };
    assert_eq!(heard.await, "u");
    board.reset.fired(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_operation_is_called_off_from_anywhere() {
    let (_uart, board, mut terminal) = bench().await;
    terminal.ask("power reboot --op 7 --in 30s").await;
    board.reach(Phase::Scheduled).await;
    let mut other = second(&board).await;
    let wrong = other.ask("power cancel 8").await;
    assert!(wrong.starts_with("err 404 unknown"), "{wrong}");
    assert_eq!(
        other.ask("power cancel 7").await,
        "ok cancelled operation=reboot op=7"
    );
    assert_eq!(board.stood_down().await, Standdown::Cancelled);
    // An id that was called off stays so, however often it comes.
    let again = terminal.ask("power reboot --op 7").await;
    assert!(again.starts_with("err 499 aborted"), "{again}");
    sleep(Duration::from_mins(10)).await;
    assert!(board.reset.fires().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_released_is_not_called_off() {
    let (_uart, board, mut terminal) = bench().await;
    let mut other = second(&board).await;
    board.disk.hold("Released");
    terminal.send("power reboot --op 7\n").await;
    board.disk.caught().await;
    let refused = other.ask("power cancel 7").await;
    assert!(refused.starts_with("err 409 busy"), "{refused}");
    board.disk.let_go();
    board.reset.fired(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_request_is_told_who_came_first() {
    let (_uart, board, mut terminal) = bench().await;
    terminal.ask("power reboot --op 7 --in 30s").await;
    let mut other = second(&board).await;
    for line in ["reboot", "shutdown", "power shutdown --op 8 --force"] {
        assert_eq!(
            other.ask(line).await,
            "err 409 busy detail=\"reboot op=7\"",
            "{line}"
        );
    }
    board.reset.fired(1).await;
    assert_eq!(board.reset.prepared(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_gets_the_same_answer_and_fires_once() {
    let (_uart, board, mut terminal) = bench().await;
    let line = "power reboot --op 7 --in 5s";
    let first = terminal.ask(line).await;
    assert_eq!(first, "ok initiated operation=reboot backend=linux op=7");
    assert_eq!(terminal.ask(line).await, first);
    assert_eq!(second(&board).await.ask(line).await, first);
    board.reset.fired(1).await;
    sleep(Duration::from_mins(10)).await;
    assert_eq!((board.reset.prepared(), board.reset.fires().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_for_another_boot_is_already_done() {
    let (_uart, board, mut terminal) = bench().await;
    let reply = terminal
        .ask("power reboot --boot 00000000-0000-0000-0000-000000000000")
        .await;
    assert!(
        reply.starts_with("ok already_done boot=01010101-"),
        "{reply}"
    );
    assert_eq!(board.reset.prepared(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_power_cut_behind_the_staging_is_no_reboot_of_ours() {
    let (uart, board, mut terminal) = bench().await;
    terminal.ask("power reboot --op 7 --in 1h").await;
    board.reach(Phase::Scheduled).await;
    let started = Instant::now();
    board.cut_power();
    board.power_up(2);
    let mut terminal = {
        drop(terminal);
        Terminal::plain(uart.host_end()).await
    };
    let status = terminal.ask("power status").await;
    assert!(status.contains("last_op=7"), "{status}");
    assert_eq!(
        board.last().map(|last| last.outcome),
        Some(Outcome::Interrupted)
    );
    let hello = terminal.ask("hello").await;
    assert!(hello.contains("cause=external"), "{hello}");
    assert!(started.elapsed() < Duration::from_mins(1));
    sleep(Duration::from_hours(2)).await;
    assert!(board.reset.fires().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ends_stands_down_what_is_not_released() {
    for phase in [Phase::Draining, Phase::Scheduled] {
        let (uart, board, mut terminal) = bench().await;
        uart.stall(Side::Agent, phase == Phase::Draining);
        terminal.send("power reboot --force --in 1h\n").await;
        board.reach(phase).await;
        board.stop_agent();
        assert_eq!(
            board.stood_down().await,
            Standdown::AgentStopped,
            "{phase:?}"
        );
        uart.stall(Side::Agent, false);
        sleep(Duration::from_hours(2)).await;
        assert!(board.reset.fires().is_empty(), "{phase:?}");
        let record = board.disk.text("power.json").unwrap();
        assert!(record.contains("AgentStopped"), "{record}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_ends_sees_a_release_through() {
    let (_uart, board, mut terminal) = bench().await;
    board.disk.hold("Released");
    terminal.send("reboot\n").await;
    board.disk.caught().await;
    board.stop_agent();
    board.disk.let_go();
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::UartEmpty);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_behind_a_release_is_answered_only_if_the_board_stays_up() {
    let (uart, board, mut terminal) = bench().await;
    board.disk.hold("Released");
    board.disk.refuse("Released");
    terminal.send("reboot\n").await;
    board.disk.caught().await;
    terminal.send("uptime\n").await;
    for _ in 0..10 {
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    let heard = uart.heard(Side::Agent);
    let lines = heard.iter().filter(|(_, byte)| *byte == b'\n').count();
    assert_eq!(lines, 1, "the acknowledgement is the last word");
    board.disk.let_go();
    assert_eq!(board.stood_down().await, Standdown::RecordFailed);
    assert!(terminal.line().await.starts_with("ok initiated"));
    assert!(terminal.line().await.starts_with("ok uptime_ms="));
}
