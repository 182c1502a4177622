//! A call spelled as the shell line that means the same, and what is wrong with that line said of
//! the call's parameters again.

use super::aliases;
use super::fault::{Fault, INVALID_PARAMS};
use lastword_protocol::refusal::Code;
use lastword_shell::arguments::Kind;
use lastword_shell::table::{Positional, Switch};
use lastword_shell::{Command, ParseError, Want};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

/// The line that means the same as a call.
#[derive(Debug)]
pub(super) struct Spelling {
    pub(super) line: String,
    command: &'static Command,
    /// The parameters given so far, spelled with `_`.
    given: BTreeSet<String>,
    /// Where in the line each parameter stands.
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    bytes: Range<usize>,
    param: String,
    value: Value,
}

impl Spelling {
    /// Spells a call of `command`: parameters by name become options, or arguments where the command
    /// takes them by position; parameters by position become arguments. `null` is as good as absent.
    pub(super) fn of(command: &'static Command, params: Option<&Value>) -> Result<Self, Fault> {
        let mut spelling = Self {
            line: command.path.to_owned(),
            command,
            given: BTreeSet::new(),
            places: Vec::new(),
        };
        match params {
            Some(Value::Object(params)) => {
                let present = params.iter().filter(|(_, value)| !value.is_null());
                let (arguments, options): (Vec<_>, Vec<_>) =
                    present.partition(|(param, _)| spelling.is_argument(param));
                for (param, value) in options.into_iter().chain(arguments) {
                    spelling.append(param, value)?;
                }
            }
            Some(Value::Array(values)) => spelling.append_arguments(values)?,
            _ => {}
        }
        Ok(spelling)
    }

    fn is_argument(&self, param: &str) -> bool {
        let mut arguments = self.command.positionals.iter();
        arguments.any(|argument| of_argument(argument) == param)
    }

    /// Appends parameters that are given by position.
    fn append_arguments(&mut self, values: &[Value]) -> Result<(), Fault> {
        let arguments = self.command.positionals;
        if values.len() > arguments.len() {
            let message = match arguments {
                [] => "takes no parameter by position".to_owned(),
                arguments => format!(
                    "takes {} by position, the others by name",
                    listed(arguments)
                ),
            };
            return Err(Fault::new(INVALID_PARAMS, Code::Syntax, message));
        }
        for (argument, value) in arguments.iter().zip(values) {
            if !value.is_null() {
                self.append(&of_argument(argument), value)?;
            }
        }
        Ok(())
    }

    fn append(&mut self, param: &str, value: &Value) -> Result<(), Fault> {
        let begin = self.line.len() + 1;
        let spelled = param.replace('-', "_");
        if !self.given.insert(spelled.clone()) {
            let wrong = "given twice, once with - and once with _";
            return Err(Fault::of_param(
                Code::Syntax,
                param,
                wrong,
                format!("{spelled}, once"),
            ));
        }
        if self.is_argument(param) {
            self.append_words(param, value)?;
        } else if let Some(option) = self.option(param) {
            match (&option.value, value) {
                (None, Value::Bool(false)) => return Ok(()),
                (None, Value::Bool(true)) => self.line.extend([" ", option.name]),
                (None, value) => return Err(bad_value(param, None, value)),
                (kind, value) => {
                    let word = word(param, kind.as_ref(), value)?;
                    self.line.extend([" ", option.name, "=", &word]);
                }
            }
        } else {
            let wrong = "unknown parameter";
            return Err(Fault::of_param(Code::Unknown, param, wrong, self.params()));
        }
        self.places.push(Place {
            bytes: begin..self.line.len(),
            param: param.to_owned(),
            value: value.clone(),
        });
        Ok(())
    }

    /// Appends an argument: one word, or as many as it takes to name a command.
    fn append_words(&mut self, param: &str, value: &Value) -> Result<(), Fault> {
        let mut arguments = self.command.positionals.iter();
        let argument = arguments.find(|argument| of_argument(argument) == param);
        let kind = argument.map(|argument| &argument.kind);
        match (kind, value) {
            (Some(Kind::Topic), Value::String(name)) => {
                for word in aliases::alias(name, None).split(['.', ' ']) {
                    self.line.extend([" ", &quoted(word)]);
                }
            }
            (Some(Kind::AnyOf(_)), Value::Array(values)) if !values.is_empty() => {
                for value in values {
                    self.line.extend([" ", &word(param, kind, value)?]);
                }
            }
            _ => self.line.extend([" ", &word(param, kind, value)?]),
        }
        Ok(())
    }

    /// Says of the parameters what the grammar says of the line.
    pub(super) fn fault(&self, error: &ParseError<'_>) -> Fault {
        let fault = &error.fault;
        let at = |place: &&Place| place.bytes.contains(&fault.at);
        if let Some(place) = self.places.iter().find(at) {
            let wrong = format!("{} {}", fault.message, place.value);
            return Fault::of_param(fault.code, &place.param, &wrong, self.wanted(&place.param));
        }
        // Something is missing, or there is one too many: a name and `all`.
        let arguments = self.command.positionals.iter();
        let is_given = |param: &str| self.places.iter().any(|place| place.param == param);
        let missing = arguments.map(of_argument).find(|param| !is_given(param));
        match (fault.want, missing) {
            (Want::Value(_), Some(param)) => {
                let want = self.wanted(&param);
                Fault::of_param(fault.code, &param, "missing", want)
            }
            _ if is_given(ALL) => {
                let want = "either it or a name".to_owned();
                Fault::of_param(fault.code, ALL, fault.message, want)
            }
            _ => Fault::new(INVALID_PARAMS, fault.code, error.to_string()),
        }
    }

    /// What is wanted of a parameter.
    fn wanted(&self, param: &str) -> String {
        let mut arguments = self.command.positionals.iter();
        if let Some(argument) = arguments.find(|it| of_argument(it) == param) {
            let or_all = self.option(ALL).map_or("", |_| ", or \"all\": true");
            return wanted(Some(&argument.kind)) + or_all;
        }
        wanted(self.option(param).and_then(|option| option.value.as_ref()))
    }

    fn option(&self, param: &str) -> Option<&'static Switch> {
        let mut options = self.command.options.iter();
        options.find(|option| of_option(option) == param.replace('-', "_"))
    }

    /// The names of all parameters.
    fn params(&self) -> String {
        let arguments = self.command.positionals.iter().map(of_argument);
        let options = self.command.options.iter().map(of_option);
        let names: Vec<_> = arguments.chain(options).collect();
        if names.is_empty() {
            return "no parameters".to_owned();
        }
        names.join(", ")
    }
}

/// The parameter that stands for an argument.
pub(super) fn of_argument(argument: &Positional) -> String {
    let name = argument.name.to_ascii_lowercase();
    if let Kind::AnyOf(_) = argument.kind {
        return name + "s";
    }
    name
}

/// The parameter that stands for an option.
pub(super) fn of_option(option: &Switch) -> String {
    option.name.trim_start_matches('-').replace('-', "_")
}

/// What a parameter of this kind holds; one without a kind is there or not.
pub(super) fn wanted(kind: Option<&Kind>) -> String {
    let Some(kind) = kind else {
        return "true or false".to_owned();
    };
    // The option that stands for all is spelled otherwise here.
    if let Kind::Service { .. } = kind {
        return "the name of a service from svc.list".to_owned();
    }
    let mut text = String::new();
    // A string takes everything.
    let _ = kind.describe(&mut text);
    text
}

fn listed(arguments: &[Positional]) -> String {
    let names: Vec<_> = arguments.iter().map(of_argument).collect();
    names.join(", ")
}

/// A value as a quoted word of the grammar.
fn word(param: &str, kind: Option<&Kind>, value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(quoted(text)),
        Value::Number(number) => Ok(quoted(&number.to_string())),
        _ => Err(bad_value(param, kind, value)),
    }
}

fn bad_value(param: &str, kind: Option<&Kind>, value: &Value) -> Fault {
    let wrong = format!("bad value {value}");
    Fault::of_param(Code::BadValue, param, &wrong, wanted(kind))
}

fn quoted(text: &str) -> String {
    let mut word = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => word.extend(['\\', character]),
            control if control.is_control() => {
                // A string takes everything.
                let _ = write!(word, "\\u{{{:x}}}", u32::from(control));
            }
            other => word.push(other),
        }
    }
    word.push('"');
    word
}

/// The parameter that stands in a name's place.
const ALL: &str = "all";
