//! The main job, shown: a board says who it is, and is rebooted over serial and over TCP; and a
//! microcontroller over its UART.

mod microcontroller;
mod without_board;

use crate::board::linux::{Way, image, options, wait_until_up};
use crate::board::mcu;
use crate::cargo::{cargo, run as run_command, target};
use crate::cycle::cycle;
use anyhow::{Context, Result, ensure};
use lastword_client::client::{Client, Options};
use lastword_client::dial::Dial;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_virtual::{Events, Image, LinuxBoard, Network};
use std::ffi::OsStr;
use std::io::{IsTerminal, stdin, stdout};
use std::path::PathBuf;
use tokio::process::Command;

/// Shows it on a virtual board, or on a pseudo-terminal where there is none.
pub(crate) fn run(no_vm: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if no_vm {
        return runtime.block_on(without_board::show());
    }
    println!("== A virtual Linux board: kernel and busybox from Debian, lastwordd inside");
    let image = image(Network::User, Vec::new())?;
    mcu::build()?;
    let lastword = command()?;
    runtime.block_on(show(&image, &lastword))
}

/// Builds `lastword` and says where it is.
fn command() -> Result<PathBuf> {
    run_command(&mut cargo(&["build", "--quiet", "--package", "lastword"]))?;
    Ok(target().join("debug/lastword"))
}

async fn show(image: &Image, lastword: &std::path::Path) -> Result<()> {
    let board = LinuxBoard::start(image, options("demo", Network::User)?).await?;
    let serial = Way::Serial.to(&board);
    let up = wait_until_up(&board, Way::Serial).await?;
    println!(
        "   up: its agent answers {:.1} s after power came",
        up.as_secs_f64()
    );

    introduce(&serial, "lastwordd").await?;
    for way in [Way::Serial, Way::Tcp] {
        reboot(board.subscribe(), &way.to(&board), way.word()).await?;
    }
    microcontroller::show().await?;
    leave_in_shell(&board, lastword).await?;
    Ok(board.stop().await?)
}

/// Asks a board who it is and how it is; `program` is what answers there.
async fn introduce(line: &dyn Dial, program: &str) -> Result<()> {
    println!("\n== Who is there? (frames over serial)");
    let mut client = Client::connect(line, &Options::default()).await?;
    let welcome = client.greet(true).await?;
    let identity = &welcome.identity;
    println!(
        "   {} ({}, {program} {}, power backend {}), boot {}",
        identity.name,
        identity.kind.word(),
        identity.firmware,
        identity.backend,
        identity.boot
    );
    let Reply::Status(status) = client.call(&Request::Status).await? else {
        anyhow::bail!("no status");
    };
    print!("   up for {} ms", status.uptime.0);
    match status.memory_available_kib {
        0 => println!(),
        free => println!(", {free} KiB free"),
    }
    Ok(client.goodbye().await?)
}

/// Reboots a board over this line and shows when what happened.
async fn reboot(events: Events, line: &dyn Dial, word: &str) -> Result<()> {
    println!("\n== power reboot, over {word}");
    let cycle = cycle(events, line, &PowerRequest::plain(Operation::Reboot)).await?;
    println!("{}", cycle.timeline());
    ensure!(
        !cycle.is_lost() && cycle.proof.holds(),
        "that was not the last word"
    );
    Ok(())
}

/// Leaves a person in the board's own shell; without a terminal there is nobody to leave.
async fn leave_in_shell(board: &LinuxBoard, lastword: &std::path::Path) -> Result<()> {
    if !is_attended() {
        println!("\n== Done. In a terminal, this would now leave you in the board's shell.");
        return Ok(());
    }
    let endpoint = format!(
        "unix://{}",
        std::path::absolute(board.serial_path())?.display()
    );
    println!("\n== You are on the board's serial line. Try: help, status, power reboot.");
    console(lastword, &endpoint).await
}

fn is_attended() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Runs `lastword console`.
async fn console(lastword: &std::path::Path, endpoint: &str) -> Result<()> {
    let words: [&OsStr; 3] = ["-u".as_ref(), endpoint.as_ref(), "console".as_ref()];
    let status = Command::new(lastword)
        .args(words)
        .status()
        .await
        .with_context(|| format!("cannot run {}", lastword.display()))?;
    ensure!(status.success(), "the console ended with {status}");
    Ok(())
}
