//! What is wrong with a call, as JSON-RPC numbers it.

use super::line;
use lastword_protocol::refusal::Code;
use serde_json::{Value, json};

/// The line is no JSON.
pub(super) const PARSE_ERROR: i32 = -32_700;
/// It is JSON, but no request.
pub(super) const INVALID_REQUEST: i32 = -32_600;
/// No such method.
pub(super) const METHOD_NOT_FOUND: i32 = -32_601;
/// Its parameters are not as the method wants them.
pub(super) const INVALID_PARAMS: i32 = -32_602;
/// The board says no, for a reason that has no number of its own.
pub(super) const REFUSED: i32 = -32_000;

/// Why a call has no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number of the JSON-RPC error.
    pub(super) number: i32,
    pub(super) message: String,
    pub(super) code: Code,
    /// The parameter that is wrong, and what would be right.
    place: Option<Place>,
    /// The cause behind the message; may be empty.
    cause: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Place {
    param: String,
    want: String,
}

impl Fault {
    pub(super) fn new(number: i32, code: Code, message: impl Into<String>) -> Self {
        Self {
            number,
            message: message.into(),
            code,
            place: None,
            cause: String::new(),
        }
    }

    /// The same with what is behind it.
    pub(super) fn because(self, cause: &str) -> Self {
        let cause = cause.to_owned();
        Self { cause, ..self }
    }

    /// The line is JSON, but no request.
    pub(super) fn no_request(message: &str) -> Self {
        Self::new(INVALID_REQUEST, Code::Syntax, message)
    }

    /// A parameter is wrong in this way. `want` says what would be right.
    pub(super) fn of_param(code: Code, param: &str, wrong: &str, want: String) -> Self {
        let message = format!("{param}: {wrong}; wanted: {want}");
        let place = Place {
            param: param.to_owned(),
            want,
        };
        Self {
            place: Some(place),
            ..Self::new(INVALID_PARAMS, code, message)
        }
    }

    /// The answer to the call with this id.
    pub(super) fn answer(&self, id: &Value) -> String {
        let mut data = json!({"code": self.code.number(), "symbol": self.code.symbol()});
        if let Some(place) = &self.place {
            data["param"] = json!(place.param);
            data["want"] = json!(place.want);
        }
        if !self.cause.is_empty() {
            data["cause"] = json!(self.cause);
        }
        let error = json!({"code": self.number, "message": self.message, "data": data});
        line(&json!({"jsonrpc": "2.0", "id": id, "error": error}))
    }
}

/// The answer to a line that is not even fit to read.
pub(in super::super) fn unfit(code: Code, message: &str) -> String {
    Fault::new(PARSE_ERROR, code, message).answer(&Value::Null)
}
