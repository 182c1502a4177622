//! What the board of these tests can do beyond what every board can: it doubles numbers.

use core::fmt;
use lastword_protocol::message::{Application as Message, Request};
use lastword_protocol::refusal::Code;
use lastword_responder::Said;
use lastword_shell::arguments::{Argument, Kind};
use lastword_shell::commands::{
    HELLO, HELP, LOGOUT, MODE, POWER_CANCEL, POWER_REBOOT, POWER_SHUTDOWN, POWER_STATUS, REBOOT,
    SHUTDOWN, STATUS, UPTIME, VERSION,
};
use lastword_shell::fields::{Fields, Value, View};
use lastword_shell::table::Positional;
use lastword_shell::{Action, Command, Level, Table, Topic};

/// Doubles a number.
pub(crate) const DOUBLE: u8 = 0x80;
/// Does nothing, and has nothing to tell.
pub(crate) const NOTHING: u8 = 0x81;

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
    &DOUBLE_COMMAND,
]);

static DOUBLE_COMMAND: Command = Command {
    path: "double",
    summary: "Double a number.",
    details: "",
    positionals: &[Positional {
        name: "NUMBER",
        kind: Kind::Integer {
            min: 0,
            max: u32::MAX as u64,
        },
        required: true,
    }],
    options: &[],
    level: Level::Operate,
    opcode: Some(DOUBLE),
    view: View::Application(show),
    build: |arguments| {
        let number = match arguments.positionals {
            [Some(Argument::Integer(number)), ..] => u32::try_from(number).unwrap_or(u32::MAX),
            _ => 0,
        };
        Message::new(DOUBLE, &number).map_or(Action::Help(Topic::all(COMMANDS)), |message| {
            Action::Request(Request::Application(message))
        })
    },
};

fn show(body: &[u8], fields: &mut dyn Fields) -> fmt::Result {
    let doubled: u32 = postcard::from_bytes(body).map_err(|_| fmt::Error)?;
    fields.field("doubled", Value::Number(doubled.into()))
}

/// The answer to a request, and a note of what was asked.
pub(crate) fn answer(request: &Message, asked: &mut Vec<u32>) -> Said {
    match (request.opcode(), request.body::<u32>()) {
        (NOTHING, _) => Said::Done,
        (DOUBLE, Ok(number)) => {
            asked.push(number);
            match number.checked_mul(2) {
                Some(doubled) => Message::new(DOUBLE, &doubled).map_or(Said::Done, Said::Reply),
                None => Said::Refused(Code::BadValue, "its double is too large"),
            }
        }
        (DOUBLE, Err(_)) => Said::Refused(Code::BadValue, "a number is wanted"),
        _ => Said::Unknown,
    }
}
