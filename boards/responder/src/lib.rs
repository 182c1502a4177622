//! The board side of lastword, for microcontrollers: frames, lines for scripts and people, and a
//! power operation that never fires before its acknowledgement has left, over one UART. No
//! allocation, no operating system, no `unsafe`.
//!
//! A [`Responder`] does no I/O: bytes and the time go in, bytes come out. A driver of [`io`] moves
//! the bytes; the board's own type implements one small trait for each thing that is needed of the
//! hardware.
//!
//! # A whole board
//!
//! It takes this of its `Cargo.toml`, with paths to where lastword is:
//!
//! ```toml
//! [dependencies]
//! embedded-io = "0.7"
//! lastword-protocol = { path = "lastword/protocol" }
//! lastword-responder = { path = "lastword/boards/responder" }
//! lastword-shell = { path = "lastword/shell" }
//! ```
//!
//! What is named `registers` below is the chip's own, of its register crate or HAL: each of its
//! functions reads or writes one thing, and none of them waits.
//!
#![cfg_attr(feature = "shell", doc = "```")]
#![cfg_attr(not(feature = "shell"), doc = "```ignore")]
//! use core::{convert::Infallible, fmt};
//! use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
//! use lastword_protocol::identity::BoardKind;
//! use lastword_protocol::message::{Application as Message, Request};
//! use lastword_protocol::power::{Backend, Evidence, Operation};
//! use lastword_protocol::refusal::Code;
//! use lastword_protocol::{Instant, Millis};
//! use lastword_responder::io::{Drain, LineEvent, poll};
//! use lastword_responder::{
//!     About, Application, Birth, Clock, Power, RETAINED_BYTES, Responder, Retained, Said, Shell,
//!     Watchdog,
//! };
//! use lastword_shell::arguments::{Argument, Kind};
//! use lastword_shell::commands::{
//!     HELP, LOGOUT, MODE, POWER_CANCEL, POWER_REBOOT, POWER_STATUS, REBOOT, UPTIME, VERSION, hello,
//! };
//! use lastword_shell::fields::{Fields, Value, View};
//! use lastword_shell::table::Positional;
//! use lastword_shell::{Action, Command, Level, Table, Topic};
//!
//! // The knobs; see below.
//! const FRAME: usize = 160;
//! const REPLIES: usize = 1;
//! const LINE: usize = 128;
//! const HISTORY: usize = 96;
//! const BAUD: u32 = 115_200;
//!
//! const ABOUT: About = About {
//!     kind: BoardKind::Mcu,
//!     name: "lamp",
//!     firmware: env!("CARGO_PKG_VERSION"),
//!     build: "",
//!     backend: Backend::Mcu,
//!     baud: BAUD,
//!     // What the UART below takes ahead of the line.
//!     transmit_bytes: 1,
//!     drain_cap: Millis(2_000),
//! };
//!
//! const _: () = assert!(ABOUT.frame_bytes() <= FRAME);
//!
//! // The application's own request, asked by frames and by lines: opcodes from 0x80 on are its own.
//! const LED: u8 = 0x80;
//!
//! // The commands that this board has, in the order in which help lists them.
//! const COMMANDS: Table = Table(&[
//!     &HELP, &HELLO, &UPTIME, &VERSION, &MODE, &LOGOUT, &POWER_STATUS, &POWER_REBOOT,
//!     &POWER_CANCEL, &REBOOT, &LED_COMMAND,
//! ]);
//! static HELLO: Command = hello(LINE, LINE);
//! static LED_COMMAND: Command = Command {
//!     path: "led",
//!     summary: "Light the LED, or not.",
//!     details: "",
//!     positionals: &[Positional {
//!         name: "STATE",
//!         kind: Kind::OneOf(&["off", "on"]),
//!         required: true,
//!     }],
//!     options: &[],
//!     level: Level::Operate,
//!     opcode: Some(LED),
//!     view: View::Application(show_led),
//!     build: |arguments| {
//!         let lit = matches!(arguments.positionals, [Some(Argument::Choice(1)), ..]);
//!         // One byte always fits.
//!         Message::new(LED, &lit).map_or(Action::Help(Topic::all(COMMANDS)), |message| {
//!             Action::Request(Request::Application(message))
//!         })
//!     },
//! };
//!
//! fn show_led(body: &[u8], fields: &mut dyn Fields) -> fmt::Result {
//!     fields.field("led", Value::Word(if body == [1] { "on" } else { "off" }))
//! }
//!
//! /// The board: what the responder needs of its hardware, and its application.
//! struct Lamp;
//!
//! impl Application for Lamp {
//!     fn ask(&mut self, request: &Message) -> Said {
//!         match (request.opcode(), request.body()) {
//!             (LED, Ok(lit)) => {
//!                 registers::light(lit);
//!                 Message::new(LED, &lit).map_or(Said::Done, Said::Reply)
//!             }
//!             (LED, Err(_)) => Said::Refused(Code::BadValue, "one flag is wanted"),
//!             _ => Said::Unknown,
//!         }
//!     }
//! }
//!
//! impl Clock for Lamp {
//!     fn now(&mut self) -> Instant {
//!         Instant(registers::milliseconds())
//!     }
//! }
//!
//! impl Power for Lamp {
//!     // This board can reset itself; its supply is out of its reach.
//!     fn can(&mut self, operation: Operation) -> bool {
//!         operation == Operation::Reboot
//!     }
//!
//!     fn fire(&mut self, _: Operation, _: Evidence) -> u16 {
//!         registers::reset();
//!         0
//!     }
//! }
//!
//! impl Retained for Lamp {
//!     fn load(&mut self) -> [u8; RETAINED_BYTES] {
//!         registers::read_backup()
//!     }
//!
//!     fn store(&mut self, bytes: &[u8; RETAINED_BYTES]) -> bool {
//!         registers::write_backup(bytes);
//!         registers::read_backup() == *bytes
//!     }
//! }
//!
//! impl Birth for Lamp {
//!     fn unique(&mut self) -> [u8; 12] {
//!         registers::CHIP_ID
//!     }
//!
//!     fn chance(&mut self) -> u32 {
//!         registers::noise()
//!     }
//!
//!     fn watchdog_bit(&mut self) -> bool {
//!         registers::take_watchdog_flag()
//!     }
//! }
//!
//! impl Watchdog for Lamp {
//!     fn feed(&mut self) {
//!         registers::feed_watchdog();
//!     }
//! }
//!
//! /// A UART without interrupts: one byte each way. Better ones have rings, filled and emptied by
//! /// interrupts.
//! struct Uart {
//!     /// Bytes are missing behind the one that was read last.
//!     has_overrun: bool,
//! }
//!
//! impl ErrorType for Uart {
//!     type Error = Infallible;
//! }
//!
//! impl ReadReady for Uart {
//!     fn read_ready(&mut self) -> Result<bool, Infallible> {
//!         Ok(registers::receiver_is_full())
//!     }
//! }
//!
//! impl Read for Uart {
//!     fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
//!         let Some(place) = room.first_mut() else {
//!             return Ok(0);
//!         };
//!         while !registers::receiver_is_full() {}
//!         *place = registers::receive();
//!         // Behind the byte, which was there before the one that found no room.
//!         self.has_overrun |= registers::take_overrun_flag();
//!         Ok(1)
//!     }
//! }
//!
//! impl WriteReady for Uart {
//!     fn write_ready(&mut self) -> Result<bool, Infallible> {
//!         Ok(registers::transmitter_is_free())
//!     }
//! }
//!
//! impl Write for Uart {
//!     fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
//!         let Some(byte) = bytes.first() else {
//!             return Ok(0);
//!         };
//!         while !registers::transmitter_is_free() {}
//!         registers::transmit(*byte);
//!         Ok(1)
//!     }
//!
//!     fn flush(&mut self) -> Result<(), Infallible> {
//!         while !registers::transmission_is_complete() {}
//!         Ok(())
//!     }
//! }
//!
//! impl Drain for Uart {
//!     // "Transmission complete", and not "transmit buffer empty": the last byte has to be out.
//!     fn is_drained(&mut self) -> Result<bool, Infallible> {
//!         Ok(registers::transmission_is_complete())
//!     }
//!
//!     fn take_line_event(&mut self) -> Option<LineEvent> {
//!         core::mem::take(&mut self.has_overrun).then_some(LineEvent::InputLost)
//!     }
//! }
//!
//! fn main() {
//!     let (mut lamp, mut uart) = (Lamp, Uart { has_overrun: false });
//!     let mut responder = start(&mut lamp);
//!     loop {
//!         let Ok(()) = poll(&mut responder, &mut uart, &mut lamp);
//!         // Here is the place for whatever else the board does, a little each turn.
//! #       if registers::is_over() { break }
//!     }
//! #   registers::check();
//! }
//!
//! // Apart from `main`, which never gives back the stack on which the shell is made before it has
//! // its place.
//! #[inline(never)]
//! fn start(lamp: &mut Lamp) -> Responder<Shell<LINE, HISTORY>, FRAME, REPLIES> {
//!     Responder::start(&ABOUT, Shell::new(COMMANDS, BAUD), lamp)
//! }
//! # mod registers {
//! #     use std::sync::Mutex;
//! #     pub const CHIP_ID: [u8; 12] = *b"lamp 0000001";
//! #     struct Fake {
//! #         backup: [u8; 24], arrived: Vec<u8>, left: Vec<u8>, lit: bool, resets: u32,
//! #         left_at_reset: usize, shifting: Option<u8>, turns: u32, fed: u32,
//! #     }
//! #     static FAKE: Mutex<Fake> = Mutex::new(Fake {
//! #         backup: [0xA5; 24], arrived: Vec::new(), left: Vec::new(), lit: false, resets: 0,
//! #         left_at_reset: 0, shifting: None, turns: 0, fed: 0,
//! #     });
//! #     fn with<T>(act: impl FnOnce(&mut Fake) -> T) -> T { act(&mut FAKE.lock().unwrap()) }
//! #     pub fn light(lit: bool) { with(|fake| fake.lit = lit) }
//! #     pub fn milliseconds() -> u64 { 0 }
//! #     pub fn reset() {
//! #         with(|fake| { fake.resets += 1; fake.left_at_reset = fake.left.len() });
//! #     }
//! #     pub fn read_backup() -> [u8; 24] { with(|fake| fake.backup) }
//! #     pub fn write_backup(bytes: &[u8; 24]) { with(|fake| fake.backup = *bytes) }
//! #     pub fn noise() -> u32 { 1_000 }
//! #     pub fn take_watchdog_flag() -> bool { false }
//! #     pub fn feed_watchdog() { with(|fake| fake.fed += 1) }
//! #     pub fn receiver_is_full() -> bool { with(|fake| !fake.arrived.is_empty()) }
//! #     pub fn receive() -> u8 { with(|fake| fake.arrived.remove(0)) }
//! #     pub fn transmitter_is_free() -> bool { with(|fake| fake.shifting.is_none()) }
//! #     pub fn transmit(byte: u8) { with(|fake| fake.shifting = Some(byte)) }
//! #     pub fn transmission_is_complete() -> bool { transmitter_is_free() }
//! #     pub fn take_overrun_flag() -> bool { false }
//! #     pub fn is_over() -> bool {
//! #         with(|fake| {
//! #             if fake.turns == 400 {
//! #                 fake.arrived.extend(b"\nled on\nled dim\nreboot --op 7\n");
//! #             }
//! #             fake.turns += 1;
//! #             let out = fake.shifting.take();
//! #             fake.left.extend(out);
//! #             fake.turns > 4_000
//! #         })
//! #     }
//! #     pub fn check() {
//! #         with(|fake| {
//! #             let text = std::str::from_utf8(&fake.left).unwrap();
//! #             // Behind the announcement, and what ends its line.
//! #             let is_answer = |line: &&str| !line.is_empty() && !line.starts_with('!');
//! #             let lines: Vec<_> = text.lines().filter(is_answer).collect();
//! #             assert_eq!(lines[0], "ok led=on");
//! #             assert!(lines[1].starts_with("err 422 bad_value at=4 "), "{text}");
//! #             assert_eq!(lines[2], "ok initiated operation=reboot backend=mcu op=7");
//! #             assert!(fake.lit && fake.resets == 1 && fake.fed >= 4_000);
//! #             assert_eq!(fake.left_at_reset, fake.left.len(), "all of it had left");
//! #         });
//! #     }
//! # }
//! ```
//!
//! # What the hardware has to do
//!
//! | trait | is |
//! | --- | --- |
//! | [`Clock`] | milliseconds since boot, in 64 bits: the responder knows no wrap |
//! | [`Power`] | the reset, and the switch if there is one; asked first, ordered later |
//! | [`Retained`] | 24 bytes that outlive a reset, for the count of boots and the last operation |
//! | [`Birth`] | what tells one board and one power-on from another |
//! | [`Watchdog`] | fed each turn |
//! | [`Application`] | the board's own requests |
//!
//! A boot id is 12 bytes of the board's own and a count. What was retained carries a checksum:
//! after a loss of power the count begins at [`Birth::chance`], so that an old id does not come
//! back.
//!
//! # The drain
//!
//! A reset drops whatever is still in the transmitter. So the acknowledgement of a power operation
//! is written, watched until [`io::Drain::is_drained`] or `flush()` says that its last bit is on
//! the line, put on record, and only then [`Power::fire`] is called. Both have to look at the shift
//! register: ring empty, buffer empty, *and* transmission complete. Where the hardware has no flag
//! for that, wait for ten bit times more. If a peer holds the line for longer than four times what
//! the acknowledgement takes, and a quarter of a second at least, the board stays up and says why
//! in `power status`; `--force` fires nevertheless. [`About::drain_cap`] bounds both the writing
//! and the draining.
//!
//! # Which driver
//!
//! [`io::poll`] never waits, and suits a main loop with other work to do. [`io::turn`] waits for the
//! line while it writes; `io::run`, of the feature `async`, is for an executor. Nobody feeds the
//! watchdog while those two wait in `flush`: where a peer can hold the line for longer than the
//! watchdog waits, take [`io::poll`], or let somebody else feed.
//!
//! The receiver wants room for what comes while an answer is written: as many bytes as the
//! `window=` of the board's `hello` promises, which is the second number given to
//! `commands::hello`. Bytes that are lost all the same do no harm if the driver tells where
//! ([`io::Drain::take_line_event`], or an error of `read`): the line with the hole is refused, the
//! frame dropped.
//!
//! # Knobs
//!
//! | knob | costs RAM, in bytes | at least |
//! | --- | --- | --- |
//! | `FRAME` | itself, and once more for each of `REPLIES` | [`About::frame_bytes`]; 160 holds names of 66 bytes together |
//! | `REPLIES` | `FRAME` each | 1: one request under way at a time |
//! | `LINE` | itself | the longest line that anybody is to send |
//! | `HISTORY` | itself | 0: no history |
//!
//! Without the feature `term`, lines are for scripts: no prompt, no echo, no keys that edit, and no
//! history, so `HISTORY` is 0; that saves 7 KiB of flash. Without the feature `shell`, [`FramesOnly`]
//! takes the place of [`Shell`] and costs nothing. The table decides what commands take of flash:
//! leave out what the board cannot do. A line or frame that is too long is refused whole, never cut
//! and then run.
#![no_std]
// Two attributes are about size, here and in the crates that are called; `cargo xtask size` tells
// what they are worth. `inline(never)` keeps what is done on the side off the stack of what goes
// deeper, and a loop or a reply from being spread out again at each place. `repr(C)` puts what is
// short in front of what is long: a Thumb instruction of two bytes reaches no further.
#[cfg(test)]
extern crate std;

mod about;
mod application;
mod boot;
mod frames;
mod hardware;
mod house;
pub mod io;
mod responder;
#[cfg(feature = "shell")]
mod shell;
#[cfg(feature = "transfer")]
mod store;
mod text;
mod told;
#[cfg(feature = "transfer")]
mod transfer;
mod window;

pub use about::About;
pub use application::{Application, Said};
pub use hardware::{Birth, Board, Clock, Power, RETAINED_BYTES, Retained, Watchdog};
pub use responder::Responder;
#[cfg(feature = "shell")]
pub use shell::Shell;
#[cfg(feature = "transfer")]
pub use store::{CommitOutcome, ObjectStore, PutStart};
pub use text::{FramesOnly, Text};
