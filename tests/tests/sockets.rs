//! Evidence on connections: the peer's acknowledgement, and nothing that merely looks like it.

use crate::QUIET;
use lastword_protocol::Millis;
use lastword_protocol::power::{Evidence, Phase, Standdown};
use lastword_tests::board::{Board, Options};
use lastword_tests::socket::{HostSocket, Socket};
use lastword_tests::terminal::Terminal;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::yield_now;
use tokio::time::sleep;

async fn bench() -> (Socket, Board, Terminal<HostSocket>) {
    let options = Options {
        drain_cap: Millis(2_000),
        ..QUIET
    };
    let board = Board::without_ports(options, || {});
    let socket = Socket::default();
    board.accept(socket.agent_end());
    let terminal = Terminal::plain(socket.host_end()).await;
    (socket, board, terminal)
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_reply_fires() {
    let (_socket, board, mut terminal) = bench().await;
    let reply = terminal.ask("reboot").await;
    assert!(reply.starts_with("ok initiated"), "{reply}");
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::PeerAcked);
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_stands_down() {
    let (socket, board, mut terminal) = bench().await;
    socket.close_window(true);
    terminal.send("reboot\n").await;
    assert_eq!(board.stood_down().await, Standdown::NotDrained);
    socket.close_window(false);
    assert!(terminal.line().await.starts_with("ok initiated"));
    sleep(Duration::from_mins(10)).await;
    assert!(board.reset.fires().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_fires_by_force() {
    let (socket, board, mut terminal) = bench().await;
    socket.close_window(true);
    terminal.send("power reboot --force\n").await;
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::Forced);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_resets_before_the_drain_stands_down_even_by_force() {
    for line in ["reboot\n", "power reboot --force\n"] {
        let (socket, board, mut terminal) = bench().await;
        socket.close_window(true);
        terminal.send(line).await;
        board.reach(Phase::Draining).await;
        socket.reset();
        assert_eq!(board.stood_down().await, Standdown::LinkLost, "{line}");
        sleep(Duration::from_mins(10)).await;
        assert!(board.reset.fires().is_empty(), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_resets_behind_the_drain_does_not_cancel() {
    let (socket, board, mut terminal) = bench().await;
    terminal.ask("power reboot --in 30s").await;
    board.reach(Phase::Scheduled).await;
    socket.reset();
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::PeerAcked);
}

/// `printf 'reboot\n' | nc -N …`
#[tokio::test(start_paused = true)]
async fn a_half_close_behind_the_request_neither_cancels_nor_proves() {
    for (line, closed) in [
        ("reboot\n", false),
        ("reboot\n", true),
        // It shows nothing about what the client does once it has the answer.
        ("reboot --await-close\n", true),
        ("reboot --await-close\n", false),
    ] {
        let (socket, board, mut terminal) = bench().await;
        socket.close_window(closed);
        terminal.send(line).await;
        terminal.stream().shutdown().await.unwrap();
        if closed || line.contains("await") {
            assert_eq!(board.stood_down().await, Standdown::NotDrained);
        } else {
            assert_eq!(board.reset.fired(1).await.evidence, Evidence::PeerAcked);
            assert!(terminal.line().await.starts_with("ok initiated"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_it_is_waited_for_until_they_close() {
    let (_socket, board, mut terminal) = bench().await;
    terminal.ask("power reboot --await-close").await;
    sleep(Duration::from_millis(100)).await;
    assert!(board.reset.fires().is_empty(), "nobody has closed yet");
    terminal.stream().shutdown().await.unwrap();
    assert_eq!(board.reset.fired(1).await.evidence, Evidence::PeerClosed);
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_it_and_never_closes_stands_the_board_down() {
    let (_socket, board, mut terminal) = bench().await;
    terminal.ask("power reboot --await-close").await;
    assert_eq!(board.stood_down().await, Standdown::NotDrained);
}

#[tokio::test(start_paused = true)]
async fn a_line_sent_behind_a_power_line_has_its_answer_though_the_board_stays_up() {
    let options = Options {
        fire_fails: Some(5),
        ..QUIET
    };
    let board = Board::without_ports(options, || {});
    let socket = Socket::default();
    board.accept(socket.agent_end());
    let mut terminal = Terminal::plain(socket.host_end()).await;
    board.disk.hold("Released");
    terminal.send("reboot\nreboot\nuptime\n").await;
    assert!(terminal.line().await.starts_with("ok initiated"));
    board.disk.caught().await;
    // The desk hears of the second behind the last word of the first.
    for _ in 0..100 {
        yield_now().await;
    }
    board.disk.let_go();
    let second = terminal.line().await;
    assert!(second.starts_with("err 409 busy"), "{second}");
    assert!(terminal.line().await.starts_with("ok uptime_ms="));
}
