//! By what tests make the board misbehave, and see what it ran. Not for a board that is used.

use crate::application::{ask, reply};
use core::fmt;
use lastword_protocol::message::Application as Message;
use lastword_protocol::refusal::Code;
use lastword_responder::Said;
use lastword_shell::arguments::{Argument, Arguments, Kind};
use lastword_shell::fields::{Fields, Value, View};
use lastword_shell::table::Positional;
use lastword_shell::{Command, Level};
use mps2_an385::fill::fill;
use mps2_an385::overrun;
use mps2_an385::sleep::sleep_unless;
use mps2_an385::uart::Uart;
use mps2_an385::watchdog::Watchdog;

/// The opcode of a number to be counted, a `u32`. The reply has the same opcode: the number, and how
/// many numbers were counted in this boot, this one among them; two `u32`.
const TALLY_OPCODE: u8 = 0xF0;
const FILL_OPCODE: u8 = 0xF1;
const LOCKUP_OPCODE: u8 = 0xF2;
/// The opcodes of a number, a `u32`: input is lost in front of one byte in so many, none if 0, and
/// marked, or not.
const OVERRUN_OPCODE: u8 = 0xF3;
const UNMARKED_OPCODE: u8 = 0xF4;

const PLAIN: Command = Command {
    path: "",
    summary: "",
    details: "",
    positionals: &[],
    options: &[],
    level: Level::Operate,
    opcode: None,
    view: View::Whole,
    build: |_| ask(Message::new(FILL_OPCODE, &())),
};

/// `fill`
pub(crate) static FILL: Command = Command {
    path: "fill",
    summary: "Send dots until the line takes no more.",
    opcode: Some(FILL_OPCODE),
    ..PLAIN
};

/// `lockup`
pub(crate) static LOCKUP: Command = Command {
    path: "lockup",
    summary: "Hang, until the watchdog bites.",
    level: Level::Danger,
    opcode: Some(LOCKUP_OPCODE),
    build: |_| ask(Message::new(LOCKUP_OPCODE, &())),
    ..PLAIN
};

const NUMBERED: Command = Command {
    positionals: &[Positional {
        name: "NUMBER",
        kind: Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        required: true,
    }],
    ..PLAIN
};

/// `tally NUMBER`
pub(crate) static TALLY: Command = Command {
    path: "tally",
    summary: "Say a number again, and how many were said.",
    opcode: Some(TALLY_OPCODE),
    view: View::Application(show_tally),
    build: |arguments| ask(Message::new(TALLY_OPCODE, &number(arguments))),
    ..NUMBERED
};

/// `overrun NUMBER`
pub(crate) static OVERRUN: Command = Command {
    path: "overrun",
    summary: "Lose input in front of one byte in so many.",
    opcode: Some(OVERRUN_OPCODE),
    build: |arguments| ask(Message::new(OVERRUN_OPCODE, &number(arguments))),
    ..NUMBERED
};

/// `overrun-unmarked NUMBER`
pub(crate) static OVERRUN_UNMARKED: Command = Command {
    path: "overrun-unmarked",
    summary: "Lose input, and do not notice.",
    opcode: Some(UNMARKED_OPCODE),
    build: |arguments| ask(Message::new(UNMARKED_OPCODE, &number(arguments))),
    ..NUMBERED
};

fn number(arguments: &Arguments<'_>) -> u32 {
    match arguments.positionals {
        [Some(Argument::Integer(number)), _] => u32::try_from(number).unwrap_or(u32::MAX),
        _ => 0,
    }
}

fn show_tally(body: &[u8], to: &mut dyn Fields) -> fmt::Result {
    let said = Message::from_bytes(TALLY_OPCODE, body).and_then(|said| said.body::<(u32, u32)>());
    let (number, ran) = said.map_err(|_| fmt::Error)?;
    to.field("number", Value::Number(number.into()))?;
    to.field("ran", Value::Number(ran.into()))
}

/// What was asked for, and what was counted.
#[derive(Default)]
pub(crate) struct Mischief {
    ran: u32,
    is_to_fill: bool,
}

impl Mischief {
    pub(crate) fn ask(&mut self, opcode: u8, request: &Message) -> Said {
        match opcode {
            TALLY_OPCODE => {
                let Ok(number) = request.body::<u32>() else {
                    return Said::Refused(Code::BadValue, "a number is wanted");
                };
                self.ran = self.ran.wrapping_add(1);
                reply(TALLY_OPCODE, &(number, self.ran))
            }
            OVERRUN_OPCODE | UNMARKED_OPCODE => {
                let Ok(one_in) = request.body::<u32>() else {
                    return Said::Refused(Code::BadValue, "a number is wanted");
                };
                overrun::lose(one_in, opcode == OVERRUN_OPCODE);
                Said::Done
            }
            FILL_OPCODE => {
                self.is_to_fill = true;
                Said::Done
            }
            LOCKUP_OPCODE => loop {
                // Asleep between ticks, so that the machine that emulates this need not spin.
                sleep_unless(|| false);
            },
            _ => Said::Unknown,
        }
    }

    /// Does what has to wait for the answer: filling the line.
    pub(crate) fn carry_out(&mut self, uart: &mut Uart, watchdog: &mut Watchdog) {
        if core::mem::take(&mut self.is_to_fill) {
            fill(uart, || watchdog.feed());
        }
    }
}
