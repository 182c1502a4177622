//! What this board can do beyond what every board can. `led` and `tally` are those of the firmware
//! in `boards/firmware`; `hold` is for a simulated line only.

use crate::hardware::Hardware;
use crate::uart::RECEIVE_BYTES;
use core::fmt;
use lastword_protocol::message::{Application as Message, BadBody, Request};
use lastword_protocol::refusal::Code;
use lastword_responder::{Application, Said};
use lastword_shell::arguments::{Argument, Kind};
use lastword_shell::commands::{
    self, HELP, LOGOUT, MODE, POWER_CANCEL, POWER_REBOOT, POWER_SHUTDOWN, POWER_STATUS, REBOOT,
    SHUTDOWN, STATUS, UPTIME, VERSION,
};
use lastword_shell::fields::{Fields, Value, View};
use lastword_shell::table::Positional;
use lastword_shell::{Action, Command, Level, Table, Topic};
use std::time::Duration;

/// The longest line, in bytes.
pub(crate) const LINE_BYTES: usize = 128;

/// The commands of this board.
pub(crate) const COMMANDS: Table = Table(&[
    &HELP,
    &HELLO,
    &STATUS,
    &UPTIME,
    &VERSION,
    &MODE,
    &LOGOUT,
    &POWER_STATUS,
    &POWER_REBOOT,
    &POWER_SHUTDOWN,
    &POWER_CANCEL,
    &REBOOT,
    &SHUTDOWN,
    &LED,
    &TALLY,
    &HOLD,
]);

static HELLO: Command = commands::hello(LINE_BYTES, RECEIVE_BYTES);

/// Asks for the LED with `None`, switches it with `Some(lit)`. The reply tells whether it is lit.
const LED_OPCODE: u8 = 0x80;
/// A number to be counted, a `u32`. The reply is the number, and how many were counted in this
/// boot, this one among them; two `u32`.
const TALLY_OPCODE: u8 = 0xF0;
/// For how many milliseconds the far end is to hold the line once the answer has left, a `u64`.
const HOLD_OPCODE: u8 = 0xF3;

/// The longest hold, in milliseconds.
const HOLD_MS: u64 = 60_000;

/// A command that takes nothing; the others say how they differ.
const PLAIN: Command = Command {
    path: "",
    summary: "",
    details: "",
    positionals: &[],
    options: &[],
    level: Level::Operate,
    opcode: None,
    view: View::Whole,
    build: |_| Action::Help(Topic::all(COMMANDS)),
};

/// `led [on|off]`
static LED: Command = Command {
    path: "led",
    summary: "Switch the LED, or show how it is.",
    positionals: &[Positional {
        name: "STATE",
        kind: Kind::OneOf(&["off", "on"]),
        required: false,
    }],
    opcode: Some(LED_OPCODE),
    view: View::Application(show_led),
    build: |arguments| {
        let lit = match arguments.positionals {
            [Some(Argument::Choice(lit)), _] => Some(lit == 1),
            _ => None,
        };
        ask(Message::new(LED_OPCODE, &lit))
    },
    ..PLAIN
};

/// `tally NUMBER`
static TALLY: Command = Command {
    path: "tally",
    summary: "Say a number again, and how many were said.",
    positionals: &[Positional {
        name: "NUMBER",
        kind: Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        required: true,
    }],
    opcode: Some(TALLY_OPCODE),
    view: View::Application(show_tally),
    build: |arguments| {
        let number = match arguments.positionals {
            [Some(Argument::Integer(number)), _] => u32::try_from(number).unwrap_or(u32::MAX),
            _ => 0,
        };
        ask(Message::new(TALLY_OPCODE, &number))
    },
    ..PLAIN
};

/// `hold SPAN`
static HOLD: Command = Command {
    path: "hold",
    summary: "Have the far end take nothing for a while, as by flow control.",
    details: "It begins once this answer has left. At most 60s.",
    positionals: &[Positional {
        name: "SPAN",
        kind: Kind::Duration,
        required: true,
    }],
    opcode: Some(HOLD_OPCODE),
    build: |arguments| {
        let millis = match arguments.positionals {
            [Some(Argument::Duration(span)), _] => span.0,
            _ => 0,
        };
        ask(Message::new(HOLD_OPCODE, &millis))
    },
    ..PLAIN
};

fn show_led(body: &[u8], to: &mut dyn Fields) -> fmt::Result {
    let lit = body == [1];
    to.field("led", Value::Word(if lit { "on" } else { "off" }))
}

fn show_tally(body: &[u8], to: &mut dyn Fields) -> fmt::Result {
    let said = Message::from_bytes(TALLY_OPCODE, body).and_then(|said| said.body::<(u32, u32)>());
    let (number, ran) = said.map_err(|_| fmt::Error)?;
    to.field("number", Value::Number(number.into()))?;
    to.field("ran", Value::Number(ran.into()))
}

/// What asks the application. A message that does not fit would not be asked, but explained; all of
/// these fit.
fn ask(message: Result<Message, BadBody>) -> Action {
    message.map_or(Action::Help(Topic::all(COMMANDS)), |message| {
        Action::Request(Request::Application(message))
    })
}

impl Application for Hardware {
    fn ask(&mut self, request: &Message) -> Said {
        match request.opcode() {
            LED_OPCODE => match request.body::<Option<bool>>() {
                Ok(wanted) => {
                    self.led = wanted.unwrap_or(self.led);
                    reply(LED_OPCODE, &self.led)
                }
                Err(_) => Said::Refused(Code::BadValue, "on, off or nothing is wanted"),
            },
            TALLY_OPCODE => match request.body::<u32>() {
                Ok(number) => {
                    self.tally = self.tally.wrapping_add(1);
                    reply(TALLY_OPCODE, &(number, self.tally))
                }
                Err(_) => Said::Refused(Code::BadValue, "a number is wanted"),
            },
            HOLD_OPCODE => match request.body::<u64>() {
                Ok(millis) if millis <= HOLD_MS => {
                    self.hold = Some(Duration::from_millis(millis));
                    Said::Done
                }
                _ => Said::Refused(Code::BadValue, "60s at most are wanted"),
            },
            _ => Said::Unknown,
        }
    }
}

fn reply<T: serde::Serialize>(opcode: u8, body: &T) -> Said {
    Message::new(opcode, body).map_or(Said::Refused(Code::Internal, "no room"), Said::Reply)
}
