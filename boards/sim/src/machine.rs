//! The machine: a board that runs, resets, and is switched off, in steps of what happens next.

use crate::application::{COMMANDS, LINE_BYTES};
use crate::hardware::Hardware;
use crate::memory::Memory;
use crate::uart::{TRANSMIT_BYTES, Uart};
use lastword_protocol::identity::BoardKind;
use lastword_protocol::power::{Backend, Operation};
use lastword_protocol::{Instant, Millis};
use lastword_responder::io::poll;
use lastword_responder::{About, Responder, Shell};
use std::time::Duration;

/// The room for lines typed before, in bytes.
const HISTORY_BYTES: usize = 128;
/// The longest frame on the wire, in bytes.
const FRAME_BYTES: usize = 192;
/// How many replies are kept.
const REPLIES: usize = 2;

type Side = Responder<Shell<LINE_BYTES, HISTORY_BYTES>, FRAME_BYTES, REPLIES>;

/// What a machine is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) name: &'static str,
    pub(crate) baud: u32,
    pub(crate) dry_run: bool,
    /// How long a reset takes.
    pub(crate) reset: Duration,
}

/// A board on its line.
pub(crate) struct Machine {
    about: &'static About,
    reset: Duration,
    hardware: Option<Hardware>,
    pub(crate) uart: Uart,
    state: State,
    /// How far the simulation has come.
    now: Duration,
}

enum State {
    /// It runs.
    Up(Box<Up>),
    /// It resets, until then.
    Down(Duration),
    /// It is switched off.
    Off,
}

/// A boot.
struct Up {
    responder: Side,
    since: Duration,
    /// Whether it has said that it is there.
    ready: bool,
}

impl Machine {
    /// A board that is switched on at `now`.
    pub(crate) fn on(now: Duration, build: Build, memory: Memory, uart: Uart) -> Self {
        let backend = if build.dry_run {
            Backend::DryRun
        } else {
            Backend::Mcu
        };
        // One board, for as long as the process lives.
        let about = Box::leak(Box::new(About {
            kind: BoardKind::Simulated,
            name: build.name,
            firmware: env!("CARGO_PKG_VERSION"),
            build: "",
            backend,
            baud: build.baud,
            transmit_bytes: TRANSMIT_BYTES,
            drain_cap: Millis(2_000),
        }));
        let mut machine = Self {
            about,
            reset: build.reset,
            hardware: Some(Hardware::new(memory)),
            uart,
            state: State::Off,
            now,
        };
        machine.boot(now);
        machine
    }

    /// Whether it is switched off.
    pub(crate) const fn is_off(&self) -> bool {
        matches!(self.state, State::Off)
    }

    /// When something happens next, unless something arrives.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let own = match &self.state {
            State::Up(up) => {
                let due = up.responder.deadline();
                due.map(|due| up.since + Duration::from_millis(due.0))
            }
            State::Down(until) => Some(*until),
            State::Off => None,
        };
        // What is overdue waits for something else.
        let own = own.filter(|own| self.now < *own);
        own.into_iter().chain(self.uart.deadline()).min()
    }

    /// Runs until `now`: each thing at its own time.
    pub(crate) fn run(&mut self, now: Duration) {
        while let Some(next) = self.deadline().filter(|next| *next <= now) {
            self.step(next);
        }
        self.step(now);
    }

    fn step(&mut self, now: Duration) {
        self.now = now;
        self.uart.advance(now);
        match &self.state {
            State::Up(..) => self.turn(now),
            State::Down(until) if *until <= now => self.boot(now),
            State::Down(_) | State::Off => {}
        }
    }

    /// One turn of the main loop, and what comes of it.
    fn turn(&mut self, now: Duration) {
        let (State::Up(up), Some(hardware)) = (&mut self.state, &mut self.hardware) else {
            return;
        };
        hardware.now = instant(now.saturating_sub(up.since));
        if let Err(error) = poll(&mut up.responder, &mut self.uart, hardware) {
            tracing::error!(%error, "the responder did not ask first");
        }
        if let Some((operation, evidence)) = hardware.fired {
            return self.go_down(now, operation, evidence.word());
        }
        if !up.responder.wants_input() || !self.uart.is_idle() {
            return;
        }
        if !std::mem::replace(&mut up.ready, true) {
            tracing::info!("ready");
        }
        if let Some(span) = hardware.hold.take() {
            tracing::info!(millis = span.as_millis(), "the line is held");
            self.uart.hold(span);
        }
    }

    fn go_down(&mut self, now: Duration, operation: Operation, evidence: &str) {
        let lost = self.uart.reset();
        tracing::info!(operation = operation.word(), evidence, lost, "fired");
        self.state = if operation.is_reboot() {
            State::Down(now + self.reset)
        } else {
            State::Off
        };
    }

    fn boot(&mut self, now: Duration) {
        let Some(mut hardware) = self.hardware.take().map(Hardware::reset) else {
            return;
        };
        self.uart.start();
        self.uart.say(BOOT_TEXT);
        let shell = Shell::new(COMMANDS, self.about.baud);
        let responder: Side = Responder::start(self.about, shell, &mut hardware);
        tracing::info!(boot = %responder.boot(), name = self.about.name, "booted");
        self.hardware = Some(hardware);
        self.state = State::Up(Box::new(Up {
            responder,
            since: now,
            ready: false,
        }));
        self.turn(now);
    }
}

/// What a boot loader says in front of everything else; short enough for the transmitter.
const BOOT_TEXT: &[u8] = b"\r\nboot loader: starting the responder\r\n";
const _: () = assert!(BOOT_TEXT.len() < TRANSMIT_BYTES as usize);

fn instant(span: Duration) -> Instant {
    Instant(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
