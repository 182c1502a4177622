//! What `help` tells a program: the methods, from the table of commands, and what they take.

use super::services::ALIASES;
use super::spelling::{of_argument, of_option, wanted};
use super::subscriptions;
use lastword_shell::{Command, Topic};
use serde_json::{Value, json};

/// The methods here and below.
pub(super) fn help(topic: Topic) -> Value {
    let mut methods: Vec<_> = topic.commands().map(method).collect();
    let logs = topic.commands().find(|command| method_of(command) == LOGS);
    methods.extend(logs.map(subscriptions::help).into_iter().flatten());
    json!({"methods": methods})
}

fn method(command: &'static Command) -> Value {
    let name = method_of(command);
    let mut object = json!({
        "method": name,
        "summary": command.summary,
        "level": command.level.word(),
        "params": params(command),
    });
    // `logs` is more than another name for it: it subscribes.
    let also = ALIASES.iter().find(|(_, of)| *of == name && name != LOGS);
    if let Some((alias, _)) = also {
        object["also"] = json!(alias);
    }
    object
}

fn method_of(command: &Command) -> String {
    command.path.replace(' ', ".")
}

/// What a command takes: arguments, which may be given by position, then options.
pub(super) fn params(command: &'static Command) -> Vec<Value> {
    let arguments = command.positionals.iter().map(|argument| {
        json!({
            "param": of_argument(argument),
            "want": wanted(Some(&argument.kind)),
            "required": argument.required,
        })
    });
    let options = command.options.iter().map(|option| {
        json!({
            "param": of_option(option),
            "want": wanted(option.value.as_ref()),
            "required": false,
            "summary": option.summary,
        })
    });
    arguments.chain(options).collect()
}

/// The method that shows a log.
const LOGS: &str = "svc.logs";
