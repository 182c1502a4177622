//! The commands about generations.

use super::{LOOK, details};
use crate::arguments::{Argument, Arguments, Kind};
use crate::parse::Action;
use crate::table::{Command, Level, Positional, Switch};
use lastword_protocol::message::generation::{ActivateRequest, GenerationName, GenerationRequest};
use lastword_protocol::message::{Request, opcode};

/// `gen list`
pub static GEN_LIST: Command = Command {
    path: "gen list",
    summary: "List the generations on the board.",
    opcode: Some(opcode::GEN_LIST),
    build: |_| ask(GenerationRequest::List),
    ..LOOK
};

/// `gen show GENERATION`
pub static GEN_SHOW: Command = Command {
    path: "gen show",
    summary: "Show a generation.",
    positionals: GENERATION,
    opcode: Some(opcode::GEN_SHOW),
    build: |arguments| ask(GenerationRequest::Show(name(arguments))),
    ..LOOK
};

/// `gen current`
pub static GEN_CURRENT: Command = Command {
    path: "gen current",
    summary: "Show the generation that the board runs.",
    opcode: Some(opcode::GEN_CURRENT),
    build: |_| ask(GenerationRequest::Current),
    ..LOOK
};

/// `gen activate GENERATION [--reboot] [--allow-older]`
pub static GEN_ACTIVATE: Command = Command {
    path: "gen activate",
    summary: "Switch to a generation, and watch its health checks.",
    details: details(
        "Answered when its beginning is recorded; `gen status` and the events of topic rollouts tell \
         the rest. If a check fails, the generation before is put back.",
    ),
    positionals: GENERATION,
    options: &[
        Switch {
            name: "--reboot",
            value: None,
            summary: "Reboot, gracefully, if a component needs that.",
        },
        Switch {
            name: "--allow-older",
            value: None,
            summary: "Though its security version is lower, if the agent lets you.",
        },
    ],
    level: Level::Operate,
    opcode: Some(opcode::GEN_ACTIVATE),
    build: |arguments| {
        ask(GenerationRequest::Activate(ActivateRequest {
            name: name(arguments),
            reboot: arguments.flag(0),
            allow_older: arguments.flag(1),
        }))
    },
    ..LOOK
};

/// `gen confirm`
pub static GEN_CONFIRM: Command = Command {
    path: "gen confirm",
    summary: "Keep the generation that soaks, as soon as its checks hold.",
    level: Level::Operate,
    opcode: Some(opcode::GEN_CONFIRM),
    build: |_| ask(GenerationRequest::Confirm),
    ..LOOK
};

/// `gen rollback [--allow-older]`
pub static GEN_ROLLBACK: Command = Command {
    path: "gen rollback",
    summary: "Put the generation before back.",
    details: details(
        "What the board runs now is quarantined: `gen unquarantine` lets it in again.",
    ),
    options: &[Switch {
        name: "--allow-older",
        value: None,
        summary: "Though its security version is lower than one that was confirmed.",
    }],
    level: Level::Operate,
    opcode: Some(opcode::GEN_ROLLBACK),
    build: |arguments| {
        ask(GenerationRequest::Rollback {
            allow_older: arguments.flag(0),
        })
    },
    ..LOOK
};

/// `gen status`
pub static GEN_STATUS: Command = Command {
    path: "gen status",
    summary: "Show the last rollout and its health checks.",
    opcode: Some(opcode::GEN_STATUS),
    build: |_| ask(GenerationRequest::Status),
    ..LOOK
};

/// `gen unquarantine GENERATION`
pub static GEN_UNQUARANTINE: Command = Command {
    path: "gen unquarantine",
    summary: "Let a generation in again that was rolled back.",
    positionals: GENERATION,
    level: Level::Operate,
    opcode: Some(opcode::GEN_UNQUARANTINE),
    build: |arguments| ask(GenerationRequest::Unquarantine(name(arguments))),
    ..LOOK
};

/// `gen prune [--keep N]`
pub static GEN_PRUNE: Command = Command {
    path: "gen prune",
    summary: "Remove generations that nothing needs.",
    details: details("Never the current, the previous or the pending one."),
    options: &[Switch {
        name: "--keep",
        value: Some(Kind::Integer {
            min: 0,
            max: MOST_KEPT,
        }),
        summary: "But this many of the newest others (0).",
    }],
    level: Level::Operate,
    opcode: Some(opcode::GEN_PRUNE),
    build: |arguments| {
        let keep = arguments.integer(0).map(u16::try_from);
        ask(GenerationRequest::Prune {
            keep: keep.map_or(0, |keep| keep.unwrap_or(u16::MAX)),
        })
    },
    ..LOOK
};

const GENERATION: &[Positional] = &[Positional {
    name: "GENERATION",
    kind: Kind::Generation,
    required: true,
}];

/// The most generations that can be kept besides those that are needed.
const MOST_KEPT: u64 = 1_000;

const fn ask(request: GenerationRequest) -> Action {
    Action::Request(Request::Generation(request))
}

fn name(arguments: &Arguments<'_>) -> GenerationName {
    match arguments.positionals {
        // The kind has seen to it that there is room.
        [Some(Argument::Text(word)), _] => word.copy().unwrap_or_default(),
        _ => GenerationName::default(),
    }
}
