//! The JSON dialect: JSON-RPC 2.0, one object a line. Methods and parameters mirror the command
//! table: a call is turned into the shell line that means the same.

pub(super) mod notifications;
mod services;
mod subscriptions;

use super::follows::FollowId;
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_shell::fields::{self, Fields, Value as Field};
use lastword_shell::{Action, ParseError, Step, Table};
use serde_json::{Map, Value, json};
use std::fmt::{self, Write};

const PARSE_ERROR: i32 = -32_700;
const INVALID_REQUEST: i32 = -32_600;
const METHOD_NOT_FOUND: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;
const REFUSED: i32 = -32_000;

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// What the answer must repeat; `None`: a notification, which has no answer.
    id: Option<Value>,
    /// The shell line that means the same.
    pub(super) line: String,
    purpose: Purpose,
}

/// What a call is for, apart from its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// An answer.
    Answer,
    /// Lines of a log as notifications.
    Subscribe,
    /// No more of those.
    Cancel(FollowId),
}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    ///
    /// The whole answer, if the line is no call of a known method.
    pub(super) fn read(text: &str, table: Table) -> Result<Self, String> {
        let object = match serde_json::from_str(text) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(no_call(&Value::Null, "a request is one JSON object")),
            Err(error) => {
                return Err(failed(
                    &Value::Null,
                    PARSE_ERROR,
                    &error.to_string(),
                    Code::Syntax,
                ));
            }
        };
        let id = object.get("id").cloned();
        let shown = id.clone().unwrap_or(Value::Null);
        if object.get("jsonrpc") != Some(&json!("2.0")) {
            return Err(no_call(&shown, "\"jsonrpc\": \"2.0\" is missing"));
        }
        let Some(method) = object.get("method").and_then(Value::as_str) else {
            return Err(no_call(&shown, "\"method\" is missing"));
        };
        let params = object.get("params");
        let failed_params =
            |message: String| failed(&shown, INVALID_PARAMS, &message, Code::BadValue);
        if method == subscriptions::CANCEL {
            let of = subscriptions::wanted(params).map_err(failed_params)?;
            return Ok(Self {
                id,
                line: String::new(),
                purpose: Purpose::Cancel(of),
            });
        }
        let purpose = subscriptions::purpose(method);
        let method = services::alias(method, params);
        let Some(command) = table.by_method(method) else {
            let message = format!("unknown method {method}");
            return Err(failed(&shown, METHOD_NOT_FOUND, &message, Code::Unknown));
        };
        let mut line = command.path.to_owned();
        let positionals: Vec<_> = command.positionals.iter().map(|one| one.name).collect();
        append_params(&mut line, params, &positionals).map_err(failed_params)?;
        Ok(Self { id, line, purpose })
    }

    /// The answer to a line that the grammar refuses.
    pub(super) fn misread(&self, error: &ParseError<'_>) -> Option<String> {
        let id = self.id.as_ref()?;
        Some(failed(
            id,
            INVALID_PARAMS,
            &error.to_string(),
            error.fault.code,
        ))
    }

    /// The answer of the board.
    pub(super) fn answer(&self, step: &Step, replies: &[Reply]) -> Option<String> {
        let id = self.id.as_ref()?;
        let request = match &step.action {
            Action::Request(Request::Service(request)) => Some(request.clone()),
            Action::Follow(logs) => Some(ServiceRequest::Logs(logs.clone())),
            _ => None,
        };
        if let Some(request) = request {
            return Some(match services::result(&request, replies) {
                Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string(),
                Err(error) => failed(id, error.number, &error.message, error.code),
            });
        }
        let reply = replies.first()?;
        if let Some((code, detail)) = fields::refusal(reply) {
            return Some(failed(id, REFUSED, detail, code));
        }
        let mut object = Object::default();
        if let Some(word) = fields::outcome(reply) {
            object.0.insert("outcome".to_owned(), json!(word));
        }
        // An object takes every field.
        let _ = fields::visit(step, reply, &mut object);
        Some(json!({"jsonrpc": "2.0", "id": id, "result": object.0}).to_string())
    }
}

/// The answer to a line that is not even fit to read.
pub(super) fn unfit(code: Code, message: &str) -> String {
    failed(&Value::Null, PARSE_ERROR, message, code)
}

fn no_call(id: &Value, message: &str) -> String {
    failed(id, INVALID_REQUEST, message, Code::Syntax)
}

fn failed(id: &Value, code: i32, message: &str, kind: Code) -> String {
    let data = json!({"code": kind.number(), "symbol": kind.symbol()});
    let error = json!({"code": code, "message": message, "data": data});
    json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
}

/// Appends named parameters as options, those named like a positional argument by position.
fn append_params(
    line: &mut String,
    params: Option<&Value>,
    positionals: &[&str],
) -> Result<(), String> {
    let params = match params {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(params)) => params,
        Some(_) => return Err("\"params\" must be an object".to_owned()),
    };
    let is_positional = |key: &str| {
        positionals
            .iter()
            .any(|name| name.eq_ignore_ascii_case(key))
    };
    let by_name = params.iter().filter(|(key, _)| !is_positional(key));
    for (key, value) in by_name {
        let name = key.replace('_', "-");
        if !name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        {
            return Err(format!("unknown parameter {key:?}"));
        }
        match value {
            Value::Bool(true) => line.extend([" --", &name]),
            Value::Bool(false) | Value::Null => {}
            value => line.extend([" --", &name, "=", &quoted(key, value)?]),
        }
    }
    for name in positionals {
        let given = params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((key, value)) = given {
            line.extend([" ", &quoted(key, value)?]);
        }
    }
    Ok(())
}

/// A value as a quoted word of the grammar.
fn quoted(key: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => {
            return Err(format!(
                "parameter {key:?} must be a text, a number or a truth value"
            ));
        }
    };
    let mut word = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => word.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(word, "\\u{{{:x}}}", u32::from(control));
            }
            other => word.push(other),
        }
    }
    word.push('"');
    Ok(word)
}

/// Collects fields into a JSON object.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Fields for Object {
    fn field(&mut self, key: &'static str, value: Field<'_>) -> fmt::Result {
        let unit = match value {
            Field::Span(_) => "_ms",
            Field::Kibibytes(_) => "_kib",
            _ => "",
        };
        let value = match value {
            Field::Word(word) => json!(word),
            Field::Text(text) => json!(text),
            Field::Bytes(bytes) => json!(services::text(bytes)),
            Field::Number(number) => json!(number),
            Field::Kibibytes(number) => json!(number),
            Field::Hex(number) => json!(format!("{number:#010x}")),
            Field::Hundredths(number) => json!(f64::from(number) / 100.0),
            Field::Span(span) => json!(span.0),
            Field::Boot(boot) => json!(boot.to_string()),
            Field::Generation(generation) => {
                json!(generation.0.iter().fold(String::new(), |mut hex, byte| {
                    let _ = write!(hex, "{byte:02x}");
                    hex
                }))
            }
        };
        self.0.insert(format!("{key}{unit}"), value);
        Ok(())
    }
}
