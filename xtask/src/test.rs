//! Everything that CI runs.

use crate::board::{linux, mcu};
use crate::cargo::{cargo, run};
use crate::{
    bench, check, demo, firmware, fuzz, last_word, lossy, model, outside_programs, power_cuts,
    rollout_cuts, siege, splice, vectors,
};
use anyhow::Result;
use std::process::Command;

/// How many reboots over each kind of link CI takes the time for; the command's own default is
/// more.
const REBOOTS: u32 = 5;
/// And on a microcontroller, where each takes milliseconds.
const MCU_REBOOTS: u32 = 40;

/// How many requests are asked over lossy lines, and what their dice fall by: the same every time.
const REQUESTS: u64 = 100_000;
const SEED: u64 = 1;
/// The number of objects that go over them.
const LOSSY_OBJECTS: u64 = 50;
/// And of real firmware, which answers in real time.
const MCU_REQUESTS: u64 = 1_000;
/// The number of power cuts.
const POWER_CUTS: u32 = 8;
/// The number of power cuts in the middle of rollouts.
const ROLLOUT_CUTS: u32 = 6;

/// Checks, tests, the campaign over lossy lines, a short run of the benchmarks, and on a virtual
/// board: its own tests, the demo, and a short campaign.
pub(crate) fn run_all(no_vm: bool) -> Result<()> {
    check::run_all()?;
    run(&mut tests(&[
        "--workspace",
        "--features",
        "lastword-responder/async,lastword-responder/transfer",
    ]))?;
    // And a board that has lines for scripts only, which the rest of the workspace would give more.
    run(&mut tests(&[
        "--package",
        "lastword-responder",
        "--no-default-features",
        "--features",
        "shell",
    ]))?;
    // Examples in documentation: nextest leaves them out.
    run(&mut cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    outside_programs::run_tests()?;
    firmware::run_tests()?;
    lossy::run(REQUESTS, Some(SEED))?;
    lossy::objects(LOSSY_OBJECTS, Some(SEED))?;
    splice::run_tests(&splice::WITHOUT_VM, SEED)?;
    siege::run_tests()?;
    model::run(true)?;
    bench::run_tests()?;
    bench::run(true, &[])?;
    fuzz_for_a_minute()?;
    if no_vm {
        demo::run(true)?;
        println!("test: passed, without what needs a virtual board");
        return Ok(());
    }
    demo::run(false)?;
    vectors::run()?;
    board_tests()?;
    last_word::run(REBOOTS)?;
    last_word::mcu::run(MCU_REBOOTS)?;
    lossy::mcu::run(MCU_REQUESTS, Some(SEED), None)?;
    power_cuts::run(POWER_CUTS, Some(SEED))?;
    rollout_cuts::run(ROLLOUT_CUTS, Some(SEED))?;
    splice::run_tests(&splice::WITH_VM, SEED)?;
    println!("test: passed");
    Ok(())
}

/// Runs each fuzz target for a minute. CI must be able to; a person without a nightly compiler is
/// told what was left out.
fn fuzz_for_a_minute() -> Result<()> {
    match fuzz::check_nightly() {
        Err(why) if !fuzz::is_ci() => {
            println!("NOT RUN: the fuzz targets: {why:#}");
            Ok(())
        }
        _ => fuzz::run(&fuzz::Options::default()),
    }
}

/// The virtual boards' own tests, and those of real firmware on one; each boots one.
fn board_tests() -> Result<()> {
    const SELECTION: [&str; 8] = [
        "--package",
        "lastword-virtual",
        "--package",
        "lastword-tests",
        "--features",
        "lastword-virtual/virtual-board,lastword-tests/virtual-board",
        "--test",
        "virtual_board",
    ];
    mcu::build()?;
    let firmware = std::path::absolute(mcu::image("responder")?)?;
    let agent = std::path::absolute(linux::static_agent()?)?;
    run(tests(&SELECTION)
        .env("LASTWORD_FIRMWARE", firmware)
        .env("LASTWORD_BOARD_AGENT", agent))
}

/// A run of the selected tests, by nextest where it is installed.
pub(crate) fn tests(selection: &[&str]) -> Command {
    let nextest = cargo(&["nextest", "--version"]).output();
    let has_nextest = nextest.is_ok_and(|answer| answer.status.success());
    let mut tests = if has_nextest {
        cargo(&["nextest", "run"])
    } else {
        cargo(&["test"])
    };
    tests.args(selection);
    tests
}

/// The agent's unit under a real systemd, in a virtual board: one of [`board_tests`].
pub(crate) fn run_systemd() -> Result<()> {
    let agent = std::path::absolute(linux::static_agent()?)?;
    run(cargo(&SYSTEMD).env("LASTWORD_BOARD_AGENT", agent))
}

const SYSTEMD: [&str; 8] = [
    "test",
    "--package",
    "lastword-tests",
    "--features",
    "virtual-board",
    "--test",
    "virtual_board",
    "systemd",
];
