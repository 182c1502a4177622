//! What `help` tells a program: the methods, from the table of commands, and what they take.

use super::aliases::EVENT_METHODS;
use super::services::{ALIASES, STATUS};
use super::spelling::{of_argument, of_option, wanted};
use super::subscriptions::{CANCEL, CANCEL_EVENTS, SUBSCRIBE, SUBSCRIPTION, WANTED};
use lastword_shell::commands::SVC_STATUS;
use lastword_shell::{Command, Topic};
use serde_json::{Value, json};

/// The methods here and below: by the names of their commands, then by the short ones that clients
/// of process supervisors know.
pub(super) fn help(topic: Topic) -> Value {
    let methods = topic.commands().map(method);
    let short = topic.commands().flat_map(short_forms);
    json!({"methods": methods.chain(short).collect::<Vec<_>>()})
}

fn method(command: &'static Command) -> Value {
    let name = method_of(command);
    let mut params = params(command);
    if name == STATUS {
        // With the name of a service it is about that.
        params.extend(self::params(&SVC_STATUS));
        for param in &mut params {
            param["required"] = json!(false);
        }
    }
    entry(command, &name, command.summary, &params)
}

/// What a command is called besides.
fn short_forms(command: &'static Command) -> Vec<Value> {
    let name = method_of(command);
    let cancel = |method| {
        let id = json!({"param": SUBSCRIPTION, "want": WANTED, "required": true});
        entry(command, method, "End a subscription.", &[id])
    };
    if let Some((method, of)) = EVENT_METHODS.iter().find(|(_, of)| *of == name) {
        let called = entry(command, method, command.summary, &params(command));
        let is_subscribed = *of == "sub";
        let ends = is_subscribed.then(|| cancel(CANCEL_EVENTS));
        return [called].into_iter().chain(ends).collect();
    }
    let short = ALIASES.iter().find(|(_, of)| *of == name);
    match short.map(|(short, _)| *short) {
        // It has its place among the others, as the board's own.
        None | Some(STATUS) => Vec::new(),
        Some(SUBSCRIBE) => {
            let subscribes = "Subscribe to a log: its lines come as notifications.";
            vec![
                entry(command, SUBSCRIBE, subscribes, &params(command)),
                cancel(CANCEL),
            ]
        }
        Some(short) => vec![entry(command, short, command.summary, &params(command))],
    }
}

/// What is told of a method that does what this command does, or is about the same.
fn entry(command: &Command, method: &str, summary: &str, params: &[Value]) -> Value {
    json!({
        "method": method,
        "summary": summary,
        "level": command.level.word(),
        "params": params,
    })
}

fn method_of(command: &Command) -> String {
    command.path.replace(' ', ".")
}

/// What a command takes: arguments, which may be given by position, then options.
fn params(command: &'static Command) -> Vec<Value> {
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
