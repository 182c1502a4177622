//! A board whose hardware is memory, on a UART whose far end is the test.

use crate::application;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use lastword_protocol::identity::BoardKind;
use lastword_protocol::message::Application as Message;
use lastword_protocol::power::{Backend, Evidence, Operation};
use lastword_protocol::{Instant, Millis};
use lastword_responder::io::{Drain, LineEvent, poll};
use lastword_responder::{
    About, Application, Birth, Clock, Power, RETAINED_BYTES, Responder, Retained, Said, Shell,
    Watchdog,
};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

pub(crate) const ABOUT: About = About {
    kind: BoardKind::Mcu,
    name: "bench",
    firmware: "1.2.3",
    build: "",
    backend: Backend::Mcu,
    baud: 115_200,
    transmit_bytes: 64,
    drain_cap: Millis(2_000),
};

/// The board's hardware.
#[derive(Debug, Default)]
pub(crate) struct Hardware {
    /// Milliseconds since the boot.
    pub(crate) now: Rc<Cell<u64>>,
    pub(crate) fired: Vec<(Operation, Evidence)>,
    pub(crate) retained: Option<[u8; RETAINED_BYTES]>,
    pub(crate) keeps: bool,
    /// What was kept when it last fired.
    pub(crate) at_fire: Option<[u8; RETAINED_BYTES]>,
    pub(crate) watchdog_bit: bool,
    /// Which numbers the application was asked to double.
    pub(crate) asked: Vec<u32>,
    #[cfg(feature = "transfer")]
    pub(crate) objects: crate::transfer::MemoryStore,
}

impl Clock for Hardware {
    fn now(&mut self) -> Instant {
        Instant(self.now.get())
    }
}

impl Power for Hardware {
    fn can(&mut self, operation: Operation) -> bool {
        operation == Operation::Reboot
    }

    fn fire(&mut self, operation: Operation, evidence: Evidence) -> u16 {
        self.fired.push((operation, evidence));
        self.at_fire = self.retained;
        7
    }
}

impl Retained for Hardware {
    fn load(&mut self) -> [u8; RETAINED_BYTES] {
        self.retained.unwrap_or([0xA5; RETAINED_BYTES])
    }

    fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
        if self.keeps {
            self.retained = Some(*bytes);
        }
        self.keeps
    }
}

impl Birth for Hardware {
    fn unique(&mut self) -> [u8; 12] {
        [7; 12]
    }

    fn chance(&mut self) -> u32 {
        1_000
    }

    fn watchdog_bit(&mut self) -> bool {
        self.watchdog_bit
    }
}

impl Watchdog for Hardware {
    fn feed(&mut self) {}
}

impl Application for Hardware {
    fn ask(&mut self, request: &Message) -> Said {
        application::answer(request, &mut self.asked)
    }

    #[cfg(feature = "transfer")]
    fn object_store(&mut self) -> Option<&mut dyn lastword_responder::ObjectStore> {
        Some(&mut self.objects)
    }
}

/// A UART: what the far end sends, and what it has heard.
#[derive(Debug)]
pub(crate) struct Uart {
    pub(crate) arrived: VecDeque<u8>,
    /// What the transmitter holds.
    pub(crate) queue: VecDeque<u8>,
    pub(crate) heard: Vec<u8>,
    /// The far end holds the line: nothing leaves.
    pub(crate) held: bool,
    /// How many bytes were read.
    pub(crate) read: usize,
    /// What happened behind how many bytes.
    pub(crate) events: VecDeque<(usize, LineEvent)>,
    /// What is told instead of a byte, behind how many bytes.
    pub(crate) errors: VecDeque<(usize, ReadError)>,
    /// What the interrupt puts into the ring, bytes behind a loss, while the program looks: behind how
    /// many questions for events.
    pub(crate) interrupt: Option<(usize, Vec<u8>)>,
    /// How many bytes the transmitter holds at most.
    pub(crate) queue_bytes: usize,
    /// A write waits for the line, as with a driver that blocks.
    pub(crate) waits: bool,
}

impl Default for Uart {
    fn default() -> Self {
        Self {
            arrived: VecDeque::new(),
            queue: VecDeque::new(),
            heard: Vec::new(),
            held: false,
            read: 0,
            events: VecDeque::new(),
            errors: VecDeque::new(),
            interrupt: None,
            queue_bytes: ABOUT.transmit_bytes.into(),
            waits: false,
        }
    }
}

/// What a read comes to where a byte is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadError(pub(crate) ErrorKind);

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for ReadError {}

impl embedded_io::Error for ReadError {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

impl ErrorType for Uart {
    type Error = ReadError;
}

impl Read for Uart {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, ReadError> {
        if let Some((_, error)) = self.errors.pop_front_if(|(at, _)| *at == self.read) {
            return Err(error);
        }
        let (Some(place), Some(byte)) = (room.first_mut(), self.arrived.pop_front()) else {
            return Ok(0);
        };
        *place = byte;
        self.read += 1;
        Ok(1)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, ReadError> {
        Ok(self.can_be_read())
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ReadError> {
        if self.waits && self.queue.len() == self.queue_bytes {
            self.move_on();
        }
        let count = bytes.len().min(self.queue_bytes - self.queue.len());
        self.queue.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), ReadError> {
        self.move_on();
        Ok(())
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, ReadError> {
        Ok(self.queue.len() < self.queue_bytes)
    }
}

impl Drain for Uart {
    fn is_drained(&mut self) -> Result<bool, ReadError> {
        Ok(self.queue.is_empty())
    }

    fn take_line_event(&mut self) -> Option<LineEvent> {
        let due = self.events.front().is_some_and(|(at, _)| *at == self.read);
        let event = self.events.pop_front_if(|_| due);
        if let Some((questions, bytes)) = &mut self.interrupt {
            *questions -= 1;
            if *questions == 0 {
                let place = self.read + self.arrived.len();
                self.arrived.extend(&*bytes);
                self.events.push_back((place, LineEvent::InputLost));
                self.interrupt = None;
            }
        }
        event.map(|(_, event)| event)
    }
}

impl Uart {
    /// Whether there is a byte, or an error in place of one.
    pub(crate) fn can_be_read(&self) -> bool {
        let error = self.errors.front().is_some_and(|(at, _)| *at == self.read);
        error || !self.arrived.is_empty()
    }

    /// What the transmitter holds leaves, unless the far end holds the line.
    pub(crate) fn move_on(&mut self) {
        if !self.held {
            self.heard.extend(self.queue.drain(..));
        }
    }
}

pub(crate) type Side = Responder<Shell<128, 96>, 160, 1>;

/// A millisecond passes.
pub(crate) fn tick(now: &Cell<u64>) {
    now.set(now.get() + 1);
}

/// A board that runs.
pub(crate) struct Bench {
    pub(crate) hardware: Hardware,
    pub(crate) uart: Uart,
    pub(crate) responder: Side,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let hardware = Hardware {
            keeps: true,
            ..Hardware::default()
        };
        Self::boot(hardware)
    }

    /// As [`Bench::new`], with a transmitter of another size.
    pub(crate) fn with_queue(bytes: usize) -> Self {
        let mut bench = Self::new();
        bench.uart.queue_bytes = bytes;
        bench
    }

    /// Starts a boot on this hardware, and hears its announcement out.
    pub(crate) fn boot(mut hardware: Hardware) -> Self {
        hardware.now.set(0);
        hardware.fired.clear();
        let shell = Shell::new(application::COMMANDS, ABOUT.baud);
        let responder = Responder::start(&ABOUT, shell, &mut hardware);
        let uart = Uart::default();
        let mut bench = Self {
            hardware,
            uart,
            responder,
        };
        bench.turns(64);
        bench.uart.heard.clear();
        bench
    }

    /// Starts another boot on the same hardware, and leaves its announcement to be heard.
    pub(crate) fn boot_again(&mut self) {
        let shell = Shell::new(application::COMMANDS, ABOUT.baud);
        self.hardware.now.set(0);
        self.responder = Responder::start(&ABOUT, shell, &mut self.hardware);
        self.uart.heard.clear();
    }

    /// So many turns of the main loop, between which bytes leave.
    pub(crate) fn turns(&mut self, count: usize) {
        for _ in 0..count {
            poll(&mut self.responder, &mut self.uart, &mut self.hardware).expect("a line");
            self.uart.move_on();
        }
    }

    /// Lets time pass, in steps of a millisecond.
    pub(crate) fn pass(&mut self, millis: u64) {
        for _ in 0..millis {
            tick(&self.hardware.now);
            self.turns(1);
        }
    }

    /// Sends this, and returns what comes back.
    pub(crate) fn say(&mut self, text: &str) -> String {
        self.uart.arrived.extend(text.as_bytes());
        self.turns(200);
        self.heard()
    }

    /// Sends these bytes, and returns those that come back.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.uart.arrived.extend(bytes);
        self.turns(200);
        std::mem::take(&mut self.uart.heard)
    }

    /// Sends these bytes; what comes back stays to be heard.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.uart.arrived.extend(bytes);
        self.turns(200);
    }

    pub(crate) fn heard_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.uart.heard)
    }

    pub(crate) fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.uart.heard)).expect("text")
    }
}
