//! The commands that reboot, power off, and say how that goes.

use super::{LOOK, details};
use crate::arguments::{Argument, Arguments, Kind};
use crate::parse::Action;
use crate::table::{Command, Level, Positional, Switch};
use lastword_protocol::message::{Request, opcode};
use lastword_protocol::power::{Operation, PowerRequest, REASON_BYTES};
use lastword_protocol::{Millis, OperationId, Text};

/// `power status`
pub static POWER_STATUS: Command = Command {
    path: "power status",
    summary: "Show what is staged and what was last.",
    opcode: Some(opcode::POWER_STATUS),
    build: |_| Action::Request(Request::PowerStatus),
    ..LOOK
};

/// `power reboot [OPTIONS]`
pub static POWER_REBOOT: Command = Command {
    path: "power reboot",
    summary: "Reboot the board once its answer has left.",
    details: POWER_DETAILS,
    options: POWER_OPTIONS,
    level: Level::Danger,
    opcode: Some(opcode::POWER),
    build: |arguments| power(Operation::Reboot, arguments),
    ..LOOK
};

/// `power shutdown [OPTIONS]`
pub static POWER_SHUTDOWN: Command = Command {
    path: "power shutdown",
    summary: "Power the board off once its answer has left.",
    details: POWER_DETAILS,
    options: POWER_OPTIONS,
    level: Level::Danger,
    opcode: Some(opcode::POWER),
    build: |arguments| power(Operation::Shutdown, arguments),
    ..LOOK
};

/// `power cancel [ID]`
pub static POWER_CANCEL: Command = Command {
    path: "power cancel",
    summary: "Call off the staged operation.",
    details: details("With an ID only that one, otherwise whichever it is."),
    positionals: &[Positional {
        name: "ID",
        kind: Kind::Integer {
            min: 0,
            max: u64::MAX,
        },
        required: false,
    }],
    level: Level::Operate,
    opcode: Some(opcode::POWER_CANCEL),
    build: |arguments| {
        let id = match arguments.positionals {
            [Some(Argument::Integer(id)), _] => Some(OperationId(id)),
            _ => None,
        };
        Action::Request(Request::PowerCancel(id))
    },
    ..LOOK
};

/// `reboot [OPTIONS]`
pub static REBOOT: Command = Command {
    path: "reboot",
    summary: "Reboot: the same as power reboot.",
    details: POWER_DETAILS,
    options: POWER_OPTIONS,
    level: Level::Danger,
    opcode: Some(opcode::REBOOT),
    build: |arguments| flat(Request::Reboot, Operation::Reboot, arguments),
    ..LOOK
};

/// `shutdown [OPTIONS]`
pub static SHUTDOWN: Command = Command {
    path: "shutdown",
    summary: "Power off: the same as power shutdown.",
    details: POWER_DETAILS,
    options: POWER_OPTIONS,
    level: Level::Danger,
    opcode: Some(opcode::SHUTDOWN),
    build: |arguments| flat(Request::Shutdown, Operation::Shutdown, arguments),
    ..LOOK
};

const POWER_DETAILS: &str = details(
    "The board answers `initiated`, waits until that answer has left, and only then goes down. It \
     may become unreachable at any moment after the answer. Has to be the last command of its line.",
);

// The places of the options below.
const GRACEFUL: usize = 0;
const FORCE: usize = 1;
const IN: usize = 2;
const REASON: usize = 3;
const OP: usize = 4;
const BOOT: usize = 5;
const AWAIT_CLOSE: usize = 6;

const POWER_OPTIONS: &[Switch] = &[
    Switch {
        name: "--graceful",
        value: None,
        summary: "stop the services in order first",
    },
    Switch {
        name: "--force",
        value: None,
        summary: "go on without proof that the answer left",
    },
    Switch {
        name: "--in",
        value: Some(Kind::Duration),
        summary: "wait this long after the answer: 500ms, 30s, 5m, 2h",
    },
    Switch {
        name: "--reason",
        value: Some(Kind::Text { max: REASON_BYTES }),
        summary: "why, for the record: at most 64 bytes",
    },
    Switch {
        name: "--op",
        value: Some(Kind::Integer {
            min: 1,
            max: OperationId::CLIENT_MAX,
        }),
        summary: "your id for it: the same id again never runs twice",
    },
    Switch {
        name: "--boot",
        value: Some(Kind::Boot),
        summary: "the boot this is meant for; in any other it is done",
    },
    Switch {
        name: "--await-close",
        value: None,
        summary: "wait for you to close the connection",
    },
];

/// The grouped form.
fn power(operation: Operation, arguments: &Arguments<'_>) -> Action {
    let operation = if arguments.flag(GRACEFUL) {
        operation.gracefully()
    } else {
        operation
    };
    let mut action = Action::Request(Request::Power(PowerRequest {
        operation,
        delay: arguments.duration(IN).unwrap_or(Millis(0)),
        force: arguments.flag(FORCE),
        await_close: arguments.flag(AWAIT_CLOSE),
        id: arguments.integer(OP).map(OperationId),
        boot: arguments.boot(BOOT),
        reason: Text::new(),
    }));
    // Where it is: a small board has no room for a second one.
    if let Action::Request(Request::Power(request)) = &mut action {
        arguments.say(REASON, &mut request.reason);
    }
    action
}

/// The flat form: what older clients send, or the grouped form if there are options.
fn flat(bare: Request, operation: Operation, arguments: &Arguments<'_>) -> Action {
    if arguments.has_no_options() {
        Action::Request(bare)
    } else {
        power(operation, arguments)
    }
}
