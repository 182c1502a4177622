//! The commands for services as they are designed, until the shell has them.
//!
//! There are no requests for them yet. What they build is a power request that carries the name
//! and the grace, so that building one copies as much as it will.

use lastword_protocol::Millis;
use lastword_protocol::message::Request;
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_shell::Action;
use lastword_shell::arguments::{Argument, Arguments, Kind};
use lastword_shell::fields::View;
use lastword_shell::table::{Command, Level, Positional, Switch};

/// `svc …`
pub(super) static ALL: &[&Command] = &[&LIST, &STATUS, &START, &STOP, &RESTART, &RELOAD, &LOGS];

static LIST: Command = Command {
    path: "svc list",
    ..ANY
};

static STATUS: Command = Command {
    path: "svc status",
    positionals: &[NAME],
    ..ANY
};

static START: Command = Command {
    path: "svc start",
    positionals: &[OPTIONAL_NAME],
    options: &[EVERY],
    ..ANY
};

static STOP: Command = Command {
    path: "svc stop",
    positionals: &[OPTIONAL_NAME],
    options: &[EVERY, GRACE],
    ..ANY
};

static RESTART: Command = Command {
    path: "svc restart",
    positionals: &[OPTIONAL_NAME],
    options: &[EVERY, GRACE],
    ..ANY
};

static RELOAD: Command = Command {
    path: "svc reload",
    ..ANY
};

static LOGS: Command = Command {
    path: "svc logs",
    positionals: &[NAME],
    options: &[
        switch(
            "--tail",
            Some(Kind::Integer {
                min: 0,
                max: 65_535,
            }),
        ),
        switch("--follow", None),
    ],
    ..ANY
};

const ANY: Command = Command {
    path: "",
    summary: "",
    details: "",
    positionals: &[],
    options: &[],
    level: Level::Operate,
    opcode: None,
    view: View::Whole,
    build,
};

const NAME: Positional = Positional {
    name: "NAME",
    kind: Kind::Text { max: 32 },
    required: true,
};
const OPTIONAL_NAME: Positional = Positional {
    required: false,
    ..NAME
};

const EVERY: Switch = switch("--all", None);
const GRACE: Switch = switch("--grace", Some(Kind::Duration));

const fn switch(name: &'static str, value: Option<Kind>) -> Switch {
    Switch {
        name,
        value,
        summary: "",
    }
}

fn build(arguments: &Arguments<'_>) -> Action {
    Action::Request(Request::Power(PowerRequest {
        operation: Operation::Reboot,
        delay: arguments.duration(1).unwrap_or(Millis(0)),
        force: arguments.flag(0),
        await_close: false,
        id: None,
        boot: None,
        reason: match arguments.positionals {
            [Some(Argument::Text(word)), _] => word.copy().unwrap_or_default(),
            _ => lastword_protocol::Text::new(),
        },
    }))
}
