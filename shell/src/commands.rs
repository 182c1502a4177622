//! The commands themselves. A board takes [`ALL`], or names those it has.

#[cfg(feature = "services")]
mod events;
#[cfg(feature = "services")]
mod generations;
mod power;
#[cfg(feature = "services")]
mod services;

#[cfg(feature = "services")]
pub use events::{EVENTS, SUB, UNSUB};
#[cfg(feature = "services")]
pub use generations::{
    GEN_ACTIVATE, GEN_CONFIRM, GEN_CURRENT, GEN_LIST, GEN_PRUNE, GEN_ROLLBACK, GEN_SHOW,
    GEN_STATUS, GEN_UNQUARANTINE,
};
pub use power::{POWER_CANCEL, POWER_REBOOT, POWER_SHUTDOWN, POWER_STATUS, REBOOT, SHUTDOWN};
#[cfg(feature = "services")]
pub use services::{SVC_LIST, SVC_LOGS, SVC_RELOAD, SVC_RESTART, SVC_START, SVC_STATUS, SVC_STOP};

use crate::arguments::{Argument, Kind};
use crate::dialect::Dialect;
use crate::fields::View;
use crate::input::{LINE_BYTES, WINDOW_BYTES};
use crate::parse::Action;
use crate::table::{Command, Level, Positional, Table};
use crate::topic::Topic;
use lastword_protocol::message::{Request, opcode};

/// Every command there is.
pub const ALL: Table = Table(&[
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
    #[cfg(feature = "services")]
    &SVC_LIST,
    #[cfg(feature = "services")]
    &SVC_STATUS,
    #[cfg(feature = "services")]
    &SVC_START,
    #[cfg(feature = "services")]
    &SVC_STOP,
    #[cfg(feature = "services")]
    &SVC_RESTART,
    #[cfg(feature = "services")]
    &SVC_RELOAD,
    #[cfg(feature = "services")]
    &SVC_LOGS,
    #[cfg(feature = "services")]
    &GEN_LIST,
    #[cfg(feature = "services")]
    &GEN_SHOW,
    #[cfg(feature = "services")]
    &GEN_CURRENT,
    #[cfg(feature = "services")]
    &GEN_STATUS,
    #[cfg(feature = "services")]
    &GEN_ACTIVATE,
    #[cfg(feature = "services")]
    &GEN_CONFIRM,
    #[cfg(feature = "services")]
    &GEN_ROLLBACK,
    #[cfg(feature = "services")]
    &GEN_UNQUARANTINE,
    #[cfg(feature = "services")]
    &GEN_PRUNE,
    #[cfg(feature = "services")]
    &SUB,
    #[cfg(feature = "services")]
    &UNSUB,
    #[cfg(feature = "services")]
    &EVENTS,
]);

/// A command that takes nothing and looks at the board; the others say how they differ.
const LOOK: Command = Command {
    path: "",
    summary: "",
    details: "",
    positionals: &[],
    options: &[],
    level: Level::View,
    opcode: None,
    view: View::Whole,
    build: |_| Action::Logout,
};

/// More help, where there is room for it.
const fn details(text: &'static str) -> &'static str {
    if cfg!(feature = "details") { text } else { "" }
}

/// `help [COMMAND]`
pub static HELP: Command = Command {
    path: "help",
    summary: "List the commands, or explain one.",
    positionals: &[Positional {
        name: "COMMAND",
        kind: Kind::Topic,
        required: false,
    }],
    build: |arguments| match arguments.positionals {
        [Some(Argument::Topic(topic)), _] => Action::Help(topic),
        _ => Action::Help(Topic::all(Table(&[]))),
    },
    ..LOOK
};

/// `hello`
pub static HELLO: Command = hello(LINE_BYTES, WINDOW_BYTES);

/// `hello` on a board whose lines are at most `line_max` bytes long, and that takes `window` bytes
/// ahead of its answers.
#[must_use]
pub const fn hello(line_max: usize, window: usize) -> Command {
    Command {
        path: "hello",
        summary: "Say who the board is and which boot this is.",
        opcode: Some(opcode::IDENTITY),
        view: View::Hello { line_max, window },
        build: |_| Action::Request(Request::Identity),
        ..LOOK
    }
}

/// `status`
pub static STATUS: Command = Command {
    path: "status",
    summary: "Show uptime, sessions, memory, load, what is staged.",
    opcode: Some(opcode::STATUS),
    build: |_| Action::Request(Request::Status),
    ..LOOK
};

/// `uptime`
pub static UPTIME: Command = Command {
    path: "uptime",
    summary: "Show how long the board is up.",
    opcode: Some(opcode::UPTIME),
    build: |_| Action::Request(Request::Uptime),
    ..LOOK
};

/// `version`
pub static VERSION: Command = Command {
    path: "version",
    summary: "Show what runs on the board.",
    opcode: Some(opcode::IDENTITY),
    view: View::Version,
    build: |_| Action::Request(Request::Identity),
    ..LOOK
};

/// `mode plain|term|json`
pub static MODE: Command = Command {
    path: "mode",
    summary: "Choose the dialect of this session.",
    details: details(
        "plain is for scripts, term for a person, json for programs. The answer to this command \
         is the last in the old dialect.",
    ),
    positionals: &[Positional {
        name: "DIALECT",
        kind: Kind::OneOf(Dialect::WORDS),
        required: true,
    }],
    build: |arguments| {
        let chosen = match arguments.positionals {
            [Some(Argument::Choice(index)), _] => Dialect::ALL.get(index),
            _ => None,
        };
        Action::Mode(chosen.copied().unwrap_or(Dialect::Plain))
    },
    ..LOOK
};

/// `logout`
pub static LOGOUT: Command = Command {
    path: "logout",
    summary: "End this session.",
    details: details("The next line chooses its dialect anew."),
    build: |_| Action::Logout,
    ..LOOK
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{MAX_OPTIONS, MAX_POSITIONALS};
    use crate::dialect::Dialect;
    use crate::parse::{Rules, parse};
    use lastword_protocol::message::{Application, BadRequest};

    /// The command in its shortest form.
    fn shortest(command: &Command) -> String {
        let mut line = command.path.to_owned();
        for positional in command
            .positionals
            .iter()
            .filter(|positional| positional.required)
        {
            let word = match positional.kind {
                Kind::OneOf(words) => words[0],
                Kind::Text { .. } => "x",
                #[cfg(feature = "services")]
                Kind::Service { .. } => "x",
                #[cfg(feature = "services")]
                Kind::Generation => "00ff",
                #[cfg(feature = "services")]
                Kind::AnyOf(words) => words[0],
                _ => panic!("teach this test to fill in {positional:?}"),
            };
            line = format!("{line} {word}");
        }
        if command.options.iter().any(|option| option.name == "--all") {
            line.push_str(" --all");
        }
        line
    }

    #[test]
    fn every_command_parses_and_sends_its_opcode() {
        for command in ALL.iter() {
            let line = shortest(command);
            let script = parse(&line, Rules::new(ALL, Dialect::Plain)).unwrap();
            let [step] = &script.steps[..] else {
                panic!("{line}")
            };
            assert_eq!(step.command, command);
            let opcode = match &step.action {
                Action::Request(request) => Some(request.opcode()),
                _ => None,
            };
            assert_eq!(opcode, command.opcode, "{line}");
            let is_danger = command.level == Level::Danger;
            assert_eq!(step.action.is_power(), is_danger, "{line}");
        }
    }

    #[test]
    fn every_request_has_a_command() {
        let mut requests = 0;
        for opcode in 0..Application::FIRST {
            // The body of a power request is not empty, but then its opcode is still known.
            let known = Request::decode(opcode, &[0; 64]);
            // A transfer is for programs: its bytes come in frames, and so do those of what is offered and expanded. Events have words of the
            // session's. And with a grace the commands about a stop send other opcodes than without.
            let is_transfer = matches!(opcode, opcode::PUT..=opcode::TRANSFER_CANCEL);
            let has_grace = matches!(opcode, opcode::SVC_STOP_WITHIN | opcode::SVC_RESTART_WITHIN);
            let is_offer = matches!(opcode, opcode::GEN_OFFER | opcode::GEN_EXPAND);
            let is_line = !is_transfer && !has_grace && !is_offer && opcode != opcode::EVENTS;
            let is_known = is_line && !matches!(known, Err(BadRequest::Unsupported(_)));
            assert_eq!(ALL.by_opcode(opcode).is_some(), is_known, "{opcode:#04x}");
            requests += usize::from(is_known);
        }
        assert!(requests > 0);
    }

    #[test]
    fn entries_are_whole_and_have_names_of_their_own() {
        for (index, command) in ALL.iter().enumerate() {
            assert_eq!(
                ALL.by_method(&command.path.replace(' ', ".")),
                Some(command)
            );
            assert_eq!(ALL.find(command.path), Some(command));
            assert!(command.summary.ends_with('.'), "{command:?}");
            assert!(command.positionals.len() <= MAX_POSITIONALS, "{command:?}");
            assert!(command.options.len() <= MAX_OPTIONS, "{command:?}");
            for later in ALL.iter().skip(index + 1) {
                let prefix = later.path.starts_with(command.path);
                let reverse = command.path.starts_with(later.path);
                assert!(!prefix && !reverse, "{command:?} {later:?}");
            }
        }
    }

    #[test]
    fn commands_of_a_group_stand_together() {
        let words: Vec<_> = Topic::all(ALL).words().collect();
        for (index, word) in words.iter().enumerate() {
            assert!(!words[..index].contains(word), "{word} stands apart");
        }
    }

    #[test]
    fn the_manual_names_every_command_and_option() {
        let manual = include_str!("../SHELL.md");
        for command in ALL.iter() {
            let name = command.path;
            assert!(
                manual.contains(&format!("`{name}")),
                "SHELL.md lacks {name}"
            );
            for option in command.options {
                assert!(
                    manual.contains(option.name),
                    "SHELL.md lacks {}",
                    option.name
                );
            }
        }
    }
}
