//! The loop: one thread that waits for bytes, signals, and the time.

use crate::clock::Clock;
use crate::machine::{Build, Machine};
use crate::memory::Memory;
use crate::options::Options;
use crate::port::{Port, PtyPort, TcpPort};
use crate::uart::Uart;
use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

/// Runs a board until it is switched off, or told to end.
pub(crate) fn run(options: Options) -> anyhow::Result<()> {
    let signals = watch_signals().context("cannot watch for signals")?;
    let clock = Clock::start();
    let memory = Memory::open(options.state.as_deref())?;
    let mut port = open(&options)?;
    let seed = options.seed.unwrap_or_else(rand::random);
    tracing::info!(
        line = port.describe(),
        baud = options.baud,
        seed,
        "listening"
    );
    let mut uart = Uart::new(options.baud, options.fault, seed);
    if options.ignore_marks {
        uart.ignore_marks();
    }
    let build = Build {
        baud: options.baud,
        dry_run: options.dry_run,
        reset: Duration::from_millis(options.reset_ms),
        // One name, for as long as the process lives.
        name: options.name.leak(),
    };
    let mut machine = Machine::on(clock.now(), build, memory, uart);
    let ended = serve(&mut machine, port.as_mut(), &signals, clock);
    let (to_host, from_host) = machine.uart.struck();
    tracing::info!(to_host, from_host, "bytes struck by faults");
    ended
}

fn open(options: &Options) -> anyhow::Result<Box<dyn Port>> {
    Ok(match (&options.line.pty, options.line.tcp) {
        (Some(path), _) => {
            let port = PtyPort::open(path);
            Box::new(port.with_context(|| format!("cannot put a pty at {}", path.display()))?)
        }
        (None, Some(address)) => Box::new(TcpPort::open(address, options.allow_unauthenticated)?),
        (None, None) => bail!("say --pty PATH or --tcp ADDRESS:PORT"),
    })
}

/// SIGINT and SIGTERM, as something to be polled.
fn watch_signals() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGINT);
    signals.add(Signal::SIGTERM);
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// Moves bytes between line and port.
fn serve(
    machine: &mut Machine,
    port: &mut dyn Port,
    signals: &SignalFd,
    clock: Clock,
) -> anyhow::Result<()> {
    let mut room = [0; 256];
    loop {
        let now = clock.now();
        // In this order: whoever is answered was seen to be there before, and nobody gets what had
        // left before he came.
        if port.refresh(now) {
            machine.uart.arrive_break();
        }
        machine.run(now);
        let blocked = !hand_over(machine, port, now)?;
        machine.uart.block(blocked);
        let wanted = machine.uart.room().min(room.len());
        let read = port.read(&mut room[..wanted])?;
        machine.uart.arrive(&room[..read]);
        if machine.is_off() {
            tracing::info!("switched off");
            return finish(machine, port, signals, clock);
        }
        let deadline = machine.deadline().into_iter().chain(port.deadline()).min();
        let timeout = deadline.map(|deadline| deadline.saturating_sub(now).max(QUANTUM));
        let reading = machine.uart.room() > 0;
        wait(port.polled(reading, blocked), signals, timeout)?;
        if let Some(signal) = signals.read_signal()? {
            tracing::info!(signal = signal.ssi_signo, "ending");
            return Ok(());
        }
    }
}

/// Hands over what has left, and returns whether all of it was taken.
fn hand_over(machine: &mut Machine, port: &mut dyn Port, now: Duration) -> io::Result<bool> {
    let left = machine.uart.left();
    if !left.is_empty() {
        let taken = port.write(now, left)?;
        left.drain(..taken);
    }
    Ok(left.is_empty())
}

/// Bytes come and go this far apart at least, so that a fast line does not cost a core.
const QUANTUM: Duration = Duration::from_micros(200);

/// Waits until what has left has also been read, for a while: the process takes its line along.
fn finish(
    machine: &mut Machine,
    port: &mut dyn Port,
    signals: &SignalFd,
    clock: Clock,
) -> anyhow::Result<()> {
    let until = clock.now() + LAST_READ;
    while clock.now() < until {
        if hand_over(machine, port, clock.now())? && port.is_read() {
            break;
        }
        wait(Vec::new(), signals, Some(LOOK_AGAIN))?;
        if signals.read_signal()?.is_some() {
            break;
        }
    }
    Ok(())
}

/// How long the last bytes wait for a reader.
const LAST_READ: Duration = Duration::from_secs(1);
/// Nothing tells when they are read.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

fn wait<'a>(
    mut polled: Vec<PollFd<'a>>,
    signals: &'a SignalFd,
    timeout: Option<Duration>,
) -> anyhow::Result<()> {
    polled.push(PollFd::new(signals.as_fd(), PollFlags::POLLIN));
    match ppoll(&mut polled, timeout.map(TimeSpec::from_duration), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error).context("cannot wait for the line"),
    }
}
