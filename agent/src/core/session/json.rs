//! The JSON dialect: JSON-RPC 2.0, one object a line. Methods and parameters mirror the command
//! table: a call is turned into the shell line that means the same.

mod aliases;
mod fault;
mod generations;
mod methods;
pub(super) mod notifications;
mod rows;
mod services;
mod spelling;
mod subscriptions;
mod unique;

pub(super) use fault::unfit;
pub(super) use rows::{END_OF_LIST, end_of_log};

use super::follows::FollowId;
use fault::{Fault, INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, REFUSED};
use lastword_protocol::message::service::ServiceRequest;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_shell::escape::JsonSafe;
use lastword_shell::events::NumberedEvent;
use lastword_shell::fields::{self, Fields, Value as Field};
use lastword_shell::{Action, ParseError, Step, Table};
use serde_json::{Map, Value, json};
use services::FieldSet;
use spelling::Spelling;
use std::fmt::{self, Write};
use unique::UniqueValue;

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// What the answer must repeat; `None`: a notification, which has no answer.
    id: Option<Value>,
    /// The shell line that means the same; `None` if none does.
    spelling: Option<Spelling>,
    purpose: Purpose,
    /// Whose fields its answer has.
    fields: FieldSet,
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
    /// The whole answer, if the line is no call of a known method with its parameters; none if it
    /// would be the answer to a notification.
    pub(super) fn read(text: &str, table: Table) -> Result<Self, Option<String>> {
        let (object, repeated) = object(text).map_err(|fault| Some(fault.answer(&Value::Null)))?;
        let id = object.get("id");
        // Of what is no request, not even whether it is a notification is sure.
        let is_sure = |id: &&Value| is_id(id) && repeated.as_deref() != Some("id");
        let shown = id.filter(is_sure).unwrap_or(&Value::Null);
        let (method, params) =
            request(&object, repeated.as_deref()).map_err(|fault| Some(fault.answer(shown)))?;
        let (spelling, purpose) = Self::understand(method, params, table)
            .map_err(|fault| id.map(|id| fault.answer(id)))?;
        Ok(Self {
            id: id.cloned(),
            spelling,
            purpose,
            fields: FieldSet::of(method),
        })
    }

    fn understand(
        method: &str,
        params: Option<&Value>,
        table: Table,
    ) -> Result<(Option<Spelling>, Purpose), Fault> {
        if subscriptions::CANCELS.contains(&method) {
            let of = subscriptions::wanted(params)?;
            return Ok((None, Purpose::Cancel(of)));
        }
        let purpose = subscriptions::purpose(method);
        let Some(command) = table.by_method(aliases::alias(method, params)) else {
            let message = format!("unknown method {method}; `help` lists them");
            return Err(Fault::new(METHOD_NOT_FOUND, Code::Unknown, message));
        };
        Ok((Some(Spelling::of(command, params)?), purpose))
    }

    /// The shell line that means the same; empty if none does.
    pub(super) fn line(&self) -> &str {
        self.spelling.as_ref().map_or("", |it| &it.line)
    }

    /// The answer to a line that the grammar refuses.
    pub(super) fn misread(&self, error: &ParseError<'_>) -> Option<String> {
        let id = self.id.as_ref()?;
        let fault = match &self.spelling {
            Some(spelling) => spelling.fault(error),
            None => Fault::new(INVALID_PARAMS, error.fault.code, error.to_string()),
        };
        Some(fault.answer(id))
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
            return Some(match services::result(&request, self.fields, replies) {
                Ok(result) => done(id, &result),
                Err(fault) => fault.answer(id),
            });
        }
        if let Action::Request(Request::Generation(request)) = &step.action {
            return Some(match generations::result(request, replies) {
                Ok(result) => done(id, &result),
                Err(fault) => fault.answer(id),
            });
        }
        if let Action::Help(topic) = step.action {
            return Some(done(id, &methods::help(topic)));
        }
        let reply = replies.first()?;
        if let Some((code, detail)) = fields::refusal(reply) {
            let fault = Fault::new(REFUSED, code, detail).because(fields::cause(reply));
            return Some(fault.answer(id));
        }
        let mut object = Object::default();
        if let Some(word) = fields::outcome(reply) {
            object.0.insert("outcome".to_owned(), json!(word));
        }
        // An object takes every field.
        let _ = fields::visit(step, reply, &mut object);
        Some(done(id, &Value::Object(object.0)))
    }
}

/// Returns an event as an object.
pub(super) fn event_row(event: &NumberedEvent<'_>) -> Value {
    let mut object = Object::default();
    // An object takes every field.
    let _ = event.visit(&mut object);
    object.0.insert("seq".to_owned(), json!(event.sequence));
    object.0.insert("topic".to_owned(), json!(event.topic()));
    Value::Object(object.0)
}

/// The answer to the call with this id.
fn done(id: &Value, result: &Value) -> String {
    line(&json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// An object as a line that is safe to show.
fn line(object: &Value) -> String {
    JsonSafe(&object.to_string()).to_string()
}

/// The object that a line is, and the path of the first name that stands twice in it.
fn object(text: &str) -> Result<(Map<String, Value>, Option<String>), Fault> {
    let UniqueValue { value, repeated } = UniqueValue::read(text)
        .map_err(|error| Fault::new(PARSE_ERROR, Code::Syntax, error.to_string()))?;
    match value {
        Value::Object(object) => Ok((object, repeated)),
        Value::Array(_) => Err(Fault::no_request(
            "no batches here: send one request a line, without waiting if you like",
        )),
        _ => Err(Fault::no_request("a request is one JSON object")),
    }
}

/// Method and parameters of a request in which no name, `repeated`, stands twice.
fn request<'o>(
    object: &'o Map<String, Value>,
    repeated: Option<&str>,
) -> Result<(&'o str, Option<&'o Value>), Fault> {
    if let Some(path) = repeated {
        let message = format!("{path:?} is given twice; give it once");
        return Err(Fault::no_request(&message));
    }
    // A misspelled "params" must not run the method without them.
    if let Some(name) = object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let message = format!(
            "unknown member {name:?}; a request has {}",
            MEMBERS.join(", ")
        );
        return Err(Fault::no_request(&message));
    }
    if object.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(Fault::no_request("\"jsonrpc\": \"2.0\" is missing"));
    }
    if !object.get("id").is_none_or(is_id) {
        return Err(Fault::no_request("\"id\" must be a text or a number"));
    }
    let Some(method) = object.get("method").and_then(Value::as_str) else {
        return Err(Fault::no_request("\"method\" must be there, as a text"));
    };
    let params = object.get("params");
    match params {
        None | Some(Value::Null | Value::Object(_) | Value::Array(_)) => Ok((method, params)),
        Some(_) => Err(Fault::no_request(
            "\"params\" must be an object or an array",
        )),
    }
}

/// The members of a request object (JSON-RPC 2.0, section 4).
const MEMBERS: [&str; 4] = ["jsonrpc", "id", "method", "params"];

/// Whether an answer may repeat it.
const fn is_id(id: &Value) -> bool {
    matches!(id, Value::String(_) | Value::Number(_) | Value::Null)
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
            Field::Signed(number) => json!(number),
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
