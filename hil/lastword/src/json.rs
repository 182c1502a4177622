//! Replies as JSON: the keys of the plain dialect, one object a command.

use lastword_client::ladder::Proof;
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{Item, Page};
use lastword_protocol::refusal::Code;
use lastword_shell::fields::{self, Fields, Value};
use lastword_shell::parse::{Action, Step};
use lastword_shell::{Topic, commands};
use serde_json::{Map, Value as Json, json};
use std::fmt;

/// The object for a reply that is no refusal.
pub(crate) fn reply(step: &Step, reply: &Reply) -> Map<String, Json> {
    if let Action::Help(topic) = step.action {
        return Map::from_iter([("commands".to_owned(), help(topic))]);
    }
    if let Reply::Items(page) = reply {
        return Map::from_iter([("items".to_owned(), items(page).map(Json::Object).collect())]);
    }
    let mut object = Object(Map::new());
    if let Some(outcome) = fields::outcome(reply) {
        object.0.insert("outcome".to_owned(), outcome.into());
    }
    // The object takes every field.
    let _ = fields::visit(step, reply, &mut object);
    object.0
}

fn item(item: &Item<'_>) -> Map<String, Json> {
    let mut object = Object(Map::new());
    // The object takes every field.
    let _ = lastword_shell::items::visit(item, &mut object);
    object.0
}

/// An object for each item of a page.
pub(crate) fn items(page: &Page) -> impl Iterator<Item = Map<String, Json>> {
    page.items().map(|it| item(&it))
}

/// Appends what another page of the same answer says.
pub(crate) fn append(object: &mut Map<String, Json>, page: Map<String, Json>) {
    for (key, value) in page {
        match (object.get_mut(&key), value) {
            (Some(Json::Array(before)), Json::Array(mut more)) => before.append(&mut more),
            (_, value) => drop(object.insert(key, value)),
        }
    }
}

/// `{"error": {"code": 409, "symbol": "busy", "detail": "…"}}`
pub(crate) fn error(code: Code, detail: &str) -> Map<String, Json> {
    let error = json!({ "code": code.number(), "symbol": code.symbol(), "detail": detail });
    Map::from_iter([("error".to_owned(), error)])
}

/// The same with what is behind it, if that is told.
pub(crate) fn error_because(code: Code, detail: &str, cause: &str) -> Map<String, Json> {
    let mut object = error(code, detail);
    if let Some(error) = object.get_mut("error").filter(|_| !cause.is_empty()) {
        error["cause"] = cause.into();
    }
    object
}

/// What a climb has to show.
pub(crate) fn proof(proof: &Proof) -> Json {
    let rungs = proof.rungs.iter();
    let rungs = rungs.map(|(rung, at)| json!({ "rung": rung.word(), "at_ms": at.0 }));
    let explanation = proof.explanation.clone().map(|status| {
        let step = Step {
            command: &commands::POWER_STATUS,
            action: Action::Request(lastword_protocol::message::Request::PowerStatus),
        };
        reply(&step, &Reply::PowerStatus(status))
    });
    json!({
        "verdict": proof.verdict.word(),
        "holds": proof.holds(),
        "message": proof.to_string(),
        "rungs": rungs.collect::<Vec<_>>(),
        "before": proof.before.to_string(),
        "after": proof.after.as_ref().map(|after| after.boot.to_string()),
        "uptime_ms": proof.uptime.map(|uptime| uptime.0),
        "checks": {
            "uptime": proof.checks.uptime.word(),
            "cause": proof.checks.cause.word(),
            "last": proof.checks.last.word(),
        },
        "explanation": explanation,
    })
}

fn help(topic: Topic) -> Json {
    let commands = topic.commands().map(|command| {
        json!({
            "command": command.path,
            "level": command.level.word(),
            "summary": command.summary,
        })
    });
    commands.collect()
}

struct Object(Map<String, Json>);

impl Fields for Object {
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result {
        let unit = match value {
            Value::Span(_) => "_ms",
            Value::Kibibytes(_) => "_kib",
            _ => "",
        };
        let value = match value {
            Value::Word(word) => word.into(),
            Value::Text(text) => text.into(),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
            Value::Number(number) => number.into(),
            Value::Signed(number) => number.into(),
            Value::Hex(number) => format!("{number:08x}").into(),
            Value::Hundredths(number) => (f64::from(number) / 100.0).into(),
            Value::Kibibytes(number) => number.into(),
            Value::Span(span) => span.0.into(),
            Value::Boot(boot) => boot.to_string().into(),
            Value::Generation(generation) => hex(&generation.0).into(),
        };
        self.0.insert(format!("{key}{unit}"), value);
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A String takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::message::{Cancelled, Initiated, PowerStatus, Status};
    use lastword_protocol::power::{Backend, Evidence, LastOperation, Operation, Outcome};
    use lastword_protocol::{BootId, Millis, OperationId, Text};
    use lastword_shell::{Answer, Dialect, Rules, parse};

    const BOOT: BootId = BootId([0xA5; 16]);

    /// The keys of the object are those of the plain answer to the same line.
    #[track_caller]
    fn check(line: &str, said: &Reply) {
        let script = parse(line, Rules::new(commands::ALL, Dialect::Plain)).unwrap();
        let step = &script.steps[0];
        let mut plain = String::new();
        let mut answer = Answer::new(Dialect::Plain, None, 1);
        answer.step(&mut plain, step, said).unwrap();
        let mut expected: Vec<&str> = plain
            .split_whitespace()
            .filter_map(|pair| Some(pair.split_once('=')?.0))
            .collect();
        expected.sort_unstable();
        let mut object = reply(step, said);
        object.remove("outcome");
        let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, expected, "{plain}");
    }

    #[test]
    fn keys_are_those_of_the_plain_dialect() {
        let status = Status {
            boot: BOOT,
            uptime: Millis(1),
            agent_uptime: Millis(2),
            sessions: 3,
            memory_available_kib: 4,
            load_hundredths: 105,
            pending: None,
            waiting: Text::new(),
            failing_logs: 0,
            certificate_left: None,
        };
        check("status", &Reply::Status(status));
        let last = LastOperation {
            id: OperationId(7),
            operation: Operation::Reboot,
            outcome: Outcome::Done(Evidence::UartEmpty),
            boot: BOOT,
        };
        let power = PowerStatus {
            backend: Backend::Linux,
            boot: BOOT,
            pending: None,
            last: Some(last),
            refused: Text::new(),
        };
        check("power status", &Reply::PowerStatus(power));
    }

    #[test]
    fn what_kind_of_yes_it_is_has_a_key_of_its_own() {
        let id = OperationId(7);
        let operation = Operation::Reboot;
        let backend = Backend::Linux;
        let initiated = Initiated {
            operation,
            backend,
            id,
        };
        check("reboot", &Reply::Initiated(initiated));
        check(
            "power cancel",
            &Reply::Cancelled(Cancelled { id, operation }),
        );
        let script = parse("reboot", Rules::new(commands::ALL, Dialect::Plain)).unwrap();
        let object = reply(&script.steps[0], &Reply::Initiated(initiated));
        assert_eq!(object["outcome"], "initiated");
    }

    #[test]
    fn an_error_has_code_symbol_and_detail() {
        let object = Json::Object(error(Code::Busy, "x"));
        let expected = json!({ "error": { "code": 409, "symbol": "busy", "detail": "x" } });
        assert_eq!(object, expected);
    }
}
