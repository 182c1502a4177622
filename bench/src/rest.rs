//! The agent at rest: what it costs a board to have it.

use crate::clock;
use crate::figure::{Figure, Unit, number};
use crate::process::{Agent, start_and_ask};
use crate::samples::Samples;
use crate::setting::Setting;
use crate::usage::{Memory, Work};
use crate::wire::FrameClient;
use anyhow::{Context, Result};
use lastword_protocol::ClientId;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How often the agent is started.
const STARTS: usize = 20;
/// How long it is left alone before anything is counted.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures it: the agent that a board gets.
///
/// # Errors
///
/// If the agent cannot be measured.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let mut figures = vec![size(&setting.board_agent)?, start_up(&setting.board_agent)?];
    let span = Duration::from_secs(if setting.quick { 5 } else { 60 });
    figures.extend(left_alone(&setting.board_agent, span)?);
    Ok(figures)
}

fn size(agent: &Path) -> Result<Figure> {
    let data = std::fs::metadata(agent).with_context(|| format!("no {}", agent.display()))?;
    Ok(Figure::new(
        "size of `lastwordd`",
        number(data.len()),
        Unit::Bytes,
        "the file that a board gets: profile `board`, linked statically, stripped",
    ))
}

fn start_up(agent: &Path) -> Result<Figure> {
    let mut samples = Samples::default();
    for _ in 0..STARTS {
        let [started, answered] = start_and_ask(agent, ask)?;
        samples.push(answered - started);
    }
    Ok(Figure::new(
        "start-up to the first answer",
        samples.percentile(50) / 1e6,
        Unit::Millis,
        "median of 20: from before fork(2), state directory empty, until a line asked over the \
         Unix socket is answered; tried every 0.1 ms",
    ))
}

/// Asks for the uptime; `None` if the agent is not there yet.
fn ask(socket: &Path) -> Option<()> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.write_all(b"uptime\n").ok()?;
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).ok()?;
    (answer == *b"ok ").then_some(())
}

/// An agent with a listener of each kind and one session that says nothing.
fn left_alone(agent: &Path, span: Duration) -> Result<[Figure; 5]> {
    let agent = Agent::start(agent, true, "")?;
    let tty = OpenOptions::new()
        .read(true)
        .write(true)
        .open(agent.tty())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = runtime.block_on(FrameClient::greet(agent.address(), ClientId(1)))?;
    clock::pause(SETTLE);
    let before = Work::of(agent.pid())?;
    clock::pause(span);
    let after = Work::of(agent.pid())?;
    let memory = Memory::of(agent.pid())?;
    drop((client, tty));
    Ok(figures(memory, before, after, span))
}

fn figures(memory: Memory, before: Work, after: Work, span: Duration) -> [Figure; 5] {
    let kibibytes =
        |name, kibibytes, measured| Figure::new(name, number(kibibytes), Unit::Kibibytes, measured);
    let minutes = span.as_secs_f64() / 60.0;
    let time = after.time.saturating_sub(before.time);
    let waits = after.waits.saturating_sub(before.waits);
    [
        kibibytes(
            "memory, resident",
            memory.resident,
            "with one TCP, one Unix and one PTY listener and one session that says nothing \
             (`smaps_rollup`)",
        ),
        kibibytes(
            "memory, proportional",
            memory.proportional,
            "the same, with its part of pages that processes share: linked statically, it shares \
             none",
        ),
        kibibytes(
            "memory, anonymous",
            memory.anonymous,
            "of it what no file stands behind; the rest is the program itself, as far as it was \
             used",
        ),
        Figure::new(
            "CPU time a minute",
            time.as_secs_f64() * 1e3 / minutes,
            Unit::Millis,
            "the process's CPU clock over 60 s, nobody asking (5 s if quick)",
        ),
        Figure::new(
            "wake-ups a minute",
            number(waits) / minutes,
            Unit::Count,
            "voluntary context switches in the same time",
        ),
    ]
}
