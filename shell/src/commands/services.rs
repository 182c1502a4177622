//! The commands about services.

use super::{LOOK, details};
use crate::arguments::{Argument, Arguments, Kind};
use crate::parse::Action;
use crate::table::{Command, Level, Positional, Switch};
use lastword_protocol::message::service::{Logs, MOST_GRACE, ServiceName, ServiceRequest};
use lastword_protocol::message::{Request, opcode};

/// `svc list`
pub static SVC_LIST: Command = Command {
    path: "svc list",
    summary: "List the services and how they are.",
    opcode: Some(opcode::SVC_LIST),
    build: |_| ask(ServiceRequest::List),
    ..LOOK
};

/// `svc status NAME`
pub static SVC_STATUS: Command = Command {
    path: "svc status",
    summary: "Show a service and how it came to what it is.",
    positionals: NAME,
    opcode: Some(opcode::SVC_STATUS),
    build: |arguments| ask(ServiceRequest::Status(name(arguments).unwrap_or_default())),
    ..LOOK
};

/// `svc start NAME|--all`
pub static SVC_START: Command = Command {
    path: "svc start",
    summary: "Start a service, or all of them.",
    details: details(
        "Answered when its process is there. Services start after those they name in `after`.",
    ),
    positionals: NAME_OR_ALL,
    options: ALL,
    level: Level::Operate,
    opcode: Some(opcode::SVC_START),
    build: |arguments| ask(ServiceRequest::Start(name(arguments))),
    ..LOOK
};

/// `svc stop NAME|--all [--grace DURATION]`
pub static SVC_STOP: Command = Command {
    path: "svc stop",
    summary: "Stop a service, or all of them.",
    details: details("Answered when nothing of it is left: hook, signal, grace, kill."),
    positionals: NAME_OR_ALL,
    options: ALL_AND_GRACE,
    level: Level::Operate,
    opcode: Some(opcode::SVC_STOP),
    build: |arguments| {
        let name = name(arguments);
        ask(match arguments.duration(GRACE) {
            Some(grace) => ServiceRequest::StopWithin(name, grace),
            None => ServiceRequest::Stop(name),
        })
    },
    ..LOOK
};

/// `svc restart NAME|--all [--grace DURATION]`
pub static SVC_RESTART: Command = Command {
    path: "svc restart",
    summary: "Stop a service, or all of them, and start again.",
    details: details("Answered when its new process is there."),
    positionals: NAME_OR_ALL,
    options: ALL_AND_GRACE,
    level: Level::Operate,
    opcode: Some(opcode::SVC_RESTART),
    build: |arguments| {
        let name = name(arguments);
        ask(match arguments.duration(GRACE) {
            Some(grace) => ServiceRequest::RestartWithin(name, grace),
            None => ServiceRequest::Restart(name),
        })
    },
    ..LOOK
};

/// `svc reload`
pub static SVC_RELOAD: Command = Command {
    path: "svc reload",
    summary: "Read the service files anew.",
    details: details(
        "New services start, those without a file stop, those whose process is described otherwise \
         restart. A broken file is named and changes nothing.",
    ),
    level: Level::Operate,
    opcode: Some(opcode::SVC_RELOAD),
    build: |_| ask(ServiceRequest::Reload),
    ..LOOK
};

/// `svc logs NAME [--tail N] [--from LINE] [--follow]`
pub static SVC_LOGS: Command = Command {
    path: "svc logs",
    summary: "Show what a service has written.",
    details: details("The answer names the line to go on from: give it to --from."),
    positionals: NAME,
    options: &[
        Switch {
            name: "--tail",
            value: Some(Kind::Integer {
                min: 0,
                max: MOST_LINES,
            }),
            summary: "This many lines (100).",
        },
        Switch {
            name: "--from",
            value: Some(Kind::Integer {
                min: 0,
                max: u64::MAX,
            }),
            summary: "From this line on, not the last ones.",
        },
        Switch {
            name: "--follow",
            value: None,
            summary: "And what comes, until ^C.",
        },
    ],
    opcode: Some(opcode::SVC_LOGS),
    build: |arguments| {
        let lines = match arguments.options.first() {
            Some(Some(Argument::Integer(lines))) => u16::try_from(*lines).unwrap_or(u16::MAX),
            _ => LINES,
        };
        let from = match arguments.options.get(1) {
            Some(Some(Argument::Integer(from))) => Some(*from),
            _ => None,
        };
        let name = name(arguments).unwrap_or_default();
        let logs = Logs {
            name,
            from,
            lines,
            follow: false,
        };
        match arguments.options.get(2) {
            Some(Some(_)) => Action::Follow(logs),
            _ => ask(ServiceRequest::Logs(logs)),
        }
    },
    ..LOOK
};

const NAME: &[Positional] = &[Positional {
    name: "NAME",
    kind: Kind::Service { all: false },
    required: true,
}];

/// A name is required unless `--all` is there.
const NAME_OR_ALL: &[Positional] = &[Positional {
    name: "NAME",
    kind: Kind::Service { all: true },
    required: false,
}];

const ALL: &[Switch] = &[EVERY];

const ALL_AND_GRACE: &[Switch] = &[
    EVERY,
    Switch {
        name: "--grace",
        value: Some(Kind::DurationUpTo(MOST_GRACE)),
        summary: "Kill what is left after this, not after its file's grace.",
    },
];

/// The place of `--grace`.
const GRACE: usize = 1;

const EVERY: Switch = Switch {
    name: "--all",
    value: None,
    summary: "All services, in their order.",
};

/// How many lines of a log are shown if nobody says.
const LINES: u16 = 100;
/// How many lines of a log may be asked for at once.
const MOST_LINES: u64 = 10_000;

const fn ask(request: ServiceRequest) -> Action {
    Action::Request(Request::Service(request))
}

/// The name, unless all are meant.
fn name(arguments: &Arguments<'_>) -> Option<ServiceName> {
    match arguments.positionals {
        // The kind has seen to it that there is room.
        [Some(Argument::Text(word)), _] => word.copy(),
        _ => None,
    }
}
