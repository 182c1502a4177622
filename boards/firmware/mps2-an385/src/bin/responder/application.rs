//! What this board can do beyond what every board can: its LEDs.

use crate::hardware::Hardware;
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
use mps2_an385::leds::LEDS;
use mps2_an385::uart::RECEIVE_BYTES;

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
    #[cfg(feature = "test-commands")]
    &crate::mischief::FILL,
    #[cfg(feature = "test-commands")]
    &crate::mischief::LOCKUP,
    #[cfg(feature = "test-commands")]
    &crate::mischief::OVERRUN,
    #[cfg(feature = "test-commands")]
    &crate::mischief::OVERRUN_UNMARKED,
    #[cfg(feature = "test-commands")]
    &crate::mischief::TALLY,
]);

static HELLO: Command = commands::hello(crate::LINE_BYTES, RECEIVE_BYTES);

/// The opcode of a request for the LEDs: `None` asks, `Some(lit)` switches all of them. The reply has
/// the same opcode, and tells whether they are lit.
pub(crate) const LED_OPCODE: u8 = 0x80;

/// `led [on|off]`
static LED: Command = Command {
    path: "led",
    summary: "Switch the LEDs, or show how they are.",
    details: "",
    positionals: &[Positional {
        name: "STATE",
        kind: Kind::OneOf(&["off", "on"]),
        required: false,
    }],
    options: &[],
    level: Level::Operate,
    opcode: Some(LED_OPCODE),
    view: View::Application(show_led),
    build: |arguments| {
        let lit = match arguments.positionals {
            [Some(Argument::Choice(lit)), _] => Some(lit == 1),
            _ => None,
        };
        ask(Message::new(LED_OPCODE, &lit))
    },
};

fn show_led(body: &[u8], to: &mut dyn Fields) -> fmt::Result {
    let lit = body == [1];
    to.field("led", Value::Word(if lit { "on" } else { "off" }))
}

/// What asks the application. A message that does not fit would not be asked, but explained; all of
/// these fit.
pub(crate) fn ask(message: Result<Message, BadBody>) -> Action {
    message.map_or(Action::Help(Topic::all(COMMANDS)), |message| {
        Action::Request(Request::Application(message))
    })
}

impl Application for Hardware {
    fn ask(&mut self, request: &Message) -> Said {
        match request.opcode() {
            LED_OPCODE => match request.body::<Option<bool>>() {
                Ok(wanted) => {
                    if let Some(lit) = wanted {
                        self.leds.light(if lit { ALL_LEDS } else { 0 });
                    }
                    reply(LED_OPCODE, &(self.leds.lit() == ALL_LEDS))
                }
                Err(_) => Said::Refused(Code::BadValue, "on, off or nothing is wanted"),
            },
            #[cfg(feature = "test-commands")]
            opcode => self.mischief.ask(opcode, request),
            #[cfg(not(feature = "test-commands"))]
            _ => Said::Unknown,
        }
    }
}

pub(crate) fn reply<T: serde::Serialize>(opcode: u8, body: &T) -> Said {
    Message::new(opcode, body).map_or(Said::Refused(Code::Internal, "no room"), Said::Reply)
}

const ALL_LEDS: u8 = (1 << LEDS) - 1;
