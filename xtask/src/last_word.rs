//! The campaign: a virtual board is rebooted over and over, and every acknowledgement is counted;
//! then everything that must not reboot it.

mod half_close;
pub(crate) mod mcu;
mod raw;
mod refusals;
mod services;
mod stood_down;
mod tampered;

use crate::board::linux::{Way, best_network, image, options, wait_until_up};
use crate::cycle::{Cycle, cycle};
use anyhow::{Context, Result, bail, ensure};
use lastword_client::client::{Client, Options};
use lastword_protocol::BootId;
use lastword_protocol::message::{PowerStatus, Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_virtual::{BoardEventKind, Image, LinuxBoard, Network};
use std::time::Duration;

/// A printk line and a userland line by turns, this far apart, on the agent's own UART.
const NOISE: Duration = Duration::from_millis(20);

/// Runs the campaign with so many reboots over each kind of link.
pub(crate) fn run(count: u32) -> Result<()> {
    let network = best_network();
    half_close::prepare()?;
    let mut files = refusals::guest_files();
    files.extend(services::guest_files());
    let image = image(network, files)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(campaign(&image, network, count))
}

async fn campaign(image: &Image, network: Network, count: u32) -> Result<()> {
    let mut options = options("last-word", network)?;
    options.noise = Some(NOISE);
    let board = LinuxBoard::start(image, options).await?;
    let up = wait_until_up(&board, Way::Tcp).await?;
    println!(
        "the board answers after {:.1} s, with console noise on its UART",
        up.as_secs_f64()
    );

    let serial_lost = reboots(&board, Way::Serial, count).await?;
    let tcp_lost = reboots(&board, Way::Tcp, count).await?;
    graceful(&board).await?;
    half_close::reboots(&board).await?;
    tampered::run_nothing(&board).await?;
    if network == Network::Tap {
        refusals::both_strings(&board).await?;
        stood_down::all(&board).await?;
    } else {
        println!("NOT SHOWN: refusals and operations that stand down need a tap, which needs root");
    }
    shutdown(board).await?;

    println!(
        "last-word: serial {count} rebooted {serial_lost} lost, tcp {count} rebooted {tcp_lost} lost"
    );
    ensure!(serial_lost + tcp_lost == 0, "acknowledgements were lost");
    Ok(())
}

/// Reboots the board so often, and returns how many acknowledgements were lost.
async fn reboots(board: &LinuxBoard, way: Way, count: u32) -> Result<u32> {
    let mut lost = 0;
    for number in 1..=count {
        let request = PowerRequest::plain(Operation::Reboot);
        let cycle = rebooted(board, way, &request).await?;
        println!("{} {number}/{count}: {cycle}", way.word());
        lost += u32::from(cycle.is_lost());
    }
    Ok(lost)
}

async fn rebooted(board: &LinuxBoard, way: Way, request: &PowerRequest) -> Result<Cycle> {
    let cycle = cycle(board.subscribe(), &way.to(board), request).await?;
    ensure!(
        cycle.down.kind == BoardEventKind::Reset,
        "not a reset: {:?}",
        cycle.down
    );
    ensure!(cycle.proof.holds(), "not proven: {cycle}");
    Ok(cycle)
}

/// A graceful reboot goes by way of the board's own init.
async fn graceful(board: &LinuxBoard) -> Result<()> {
    let request = PowerRequest::plain(Operation::GracefulReboot);
    let before = board.console_text()?.len();
    let cycle = rebooted(board, Way::Tcp, &request).await?;
    ensure!(!cycle.is_lost(), "the acknowledgement was lost: {cycle}");
    let console = board.console_text()?;
    services::check_order(console.get(before..).unwrap_or_default())?;
    println!("graceful, hooks, TERM, empty, in reverse order: {cycle}");
    Ok(())
}

/// The board powers off behind its acknowledgement, and QEMU ends.
async fn shutdown(mut board: LinuxBoard) -> Result<()> {
    let request = PowerRequest::plain(Operation::Shutdown);
    let cycle = cycle(board.subscribe(), &Way::Serial.to(&board), &request).await?;
    ensure!(
        cycle.down.kind == BoardEventKind::Shutdown,
        "not off: {:?}",
        cycle.down
    );
    ensure!(!cycle.is_lost(), "the acknowledgement was lost: {cycle}");
    let status = board.exited().await?;
    println!("shutdown: {cycle}; QEMU: {status}");
    Ok(())
}

/// Asks over TCP, by a connection of its own.
async fn ask(board: &LinuxBoard, request: &Request) -> Result<Reply> {
    let mut client = Client::connect(&Way::Tcp.to(board), &Options::default()).await?;
    client.greet(false).await?;
    let reply = client.call(request).await?;
    client.goodbye().await?;
    Ok(reply)
}

/// What the board says of its power, asked over TCP.
async fn power_status(board: &LinuxBoard) -> Result<PowerStatus> {
    match ask(board, &Request::PowerStatus).await? {
        Reply::PowerStatus(status) => Ok(status),
        other => bail!("not a power status: {other:?}"),
    }
}

/// The boot that the board is in.
async fn boot(board: &LinuxBoard) -> Result<BootId> {
    Ok(power_status(board)
        .await
        .context("the board does not answer")?
        .boot)
}
