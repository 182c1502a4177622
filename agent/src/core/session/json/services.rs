//! Services, as clients of JSON-RPC process supervisors know them: their methods, results, numbers
//! of errors.

use super::fault::{Fault, REFUSED};
use lastword_protocol::message::Reply;
use lastword_protocol::message::service::{
    Brief, Change, Item, LogStream, Page, ServiceExit, ServiceRequest, ServiceState,
};
use lastword_protocol::refusal::Code;
use lastword_shell::fields::refusal;
use serde_json::{Map, Value, json};
use std::fmt::Write;

const SERVER_NOT_FOUND: i32 = -32_001;
const PORT_CONFLICT: i32 = -32_002;
const CONFIG_INVALID: i32 = -32_003;
const SPAWN_FAILED: i32 = -32_006;

/// The methods that such clients call, and those that they stand for.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("list", "svc.list"),
    (STATUS, "svc.status"),
    ("start", "svc.start"),
    ("stop", "svc.stop"),
    ("restart", "svc.restart"),
    ("reload", "svc.reload"),
    ("logs", "svc.logs"),
];

/// Without a name it is the board's own.
pub(super) const STATUS: &str = "status";

/// The method that stands for one that such clients call.
pub(super) fn alias<'m>(method: &'m str, params: Option<&Value>) -> &'m str {
    let has_name = match params {
        Some(Value::Array(values)) => !values.is_empty(),
        Some(params) => params.get("name").is_some_and(|name| !name.is_null()),
        None => false,
    };
    let alias = ALIASES.iter().find(|(alias, _)| *alias == method);
    match alias {
        Some((_, of)) if method != STATUS || has_name => of,
        _ => method,
    }
}

/// Whose fields an answer about services has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldSet {
    /// Those that clients of process supervisors know, in the words that they know, and no others.
    Compatible,
    /// All that there is to tell.
    Full,
}

impl FieldSet {
    /// Returns the fields that callers of this method know.
    pub(super) fn of(method: &str) -> Self {
        if ALIASES.iter().any(|(alias, _)| *alias == method) {
            Self::Compatible
        } else {
            Self::Full
        }
    }

    /// Returns the word for a state: clients of process supervisors know six.
    const fn state(self, state: ServiceState) -> &'static str {
        match (self, state) {
            (Self::Compatible, ServiceState::Backoff) => ServiceState::Restarting.word(),
            (Self::Compatible, ServiceState::Adopted) => ServiceState::Running.word(),
            (Self::Compatible | Self::Full, other) => other.word(),
        }
    }
}

/// The result of a request, from all pages of its answer.
pub(super) fn result(
    request: &ServiceRequest,
    fields: FieldSet,
    replies: &[Reply],
) -> Result<Value, Fault> {
    let pages = replies.iter().filter_map(|reply| match reply {
        Reply::Items(page) => Some(page),
        _ => None,
    });
    let items = || pages.clone().flat_map(Page::items);
    if let Some((code, detail)) = replies.last().and_then(refusal) {
        return Err(failure(request, code, detail, items()));
    }
    Ok(match request {
        ServiceRequest::List => items().filter_map(|item| brief(&item, fields)).collect(),
        ServiceRequest::Status(_) => status(items(), fields),
        ServiceRequest::Reload => changes(
            items(),
            fields,
            &[
                Change::Added,
                Change::Removed,
                Change::Changed,
                Change::Unchanged,
            ],
        ),
        ServiceRequest::Start(_) => {
            changes(items(), fields, &[Change::Started, Change::AlreadyRunning])
        }
        ServiceRequest::Stop(_) | ServiceRequest::StopWithin(..) => {
            changes(items(), fields, &[Change::Stopped, Change::NotRunning])
        }
        ServiceRequest::Restart(_) | ServiceRequest::RestartWithin(..) => {
            changes(items(), fields, &[Change::Restarted])
        }
        // Lines are rows.
        ServiceRequest::Logs(_) => Value::Null,
    })
}

/// What went wrong: named in full by the items, as far as they tell.
fn failure<'a>(
    request: &ServiceRequest,
    code: Code,
    detail: &str,
    items: impl Iterator<Item = Item<'a>>,
) -> Fault {
    let details: Vec<_> = items.filter_map(|item| trouble(&item)).collect();
    let message = if details.is_empty() {
        detail.to_owned()
    } else {
        details.join("; ")
    };
    let starts = matches!(
        request,
        ServiceRequest::Start(_) | ServiceRequest::Restart(_) | ServiceRequest::RestartWithin(..)
    );
    let number = match code {
        Code::Unknown => SERVER_NOT_FOUND,
        Code::Busy => PORT_CONFLICT,
        Code::BadValue => CONFIG_INVALID,
        Code::Internal if starts => SPAWN_FAILED,
        _ => REFUSED,
    };
    Fault::new(number, code, message)
}

fn trouble(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Changed {
            name,
            change: Change::Failed,
            detail,
        } => Some(format!("{name}: {detail}")),
        Item::Changed {
            change: Change::Broken,
            detail,
            ..
        } => Some((*detail).to_owned()),
        _ => None,
    }
}

/// Names by what became of them; a list for each of `wanted`, an empty one too, and one of those whose files
/// have changed, if there are any, for callers who know it.
fn changes<'a>(
    items: impl Iterator<Item = Item<'a>>,
    fields: FieldSet,
    wanted: &[Change],
) -> Value {
    let mut lists: Map<String, Value> = wanted
        .iter()
        .map(|change| (change.word().to_owned(), json!([])))
        .collect();
    for item in items {
        let Item::Changed { name, change, .. } = item else {
            continue;
        };
        if fields == FieldSet::Full
            && change == Change::FileChanged
            && !lists.contains_key(change.word())
        {
            lists.insert(change.word().to_owned(), json!([]));
        }
        if let Some(Value::Array(names)) = lists.get_mut(change.word()) {
            names.push(json!(name));
        }
    }
    Value::Object(lists)
}

pub(super) fn brief(item: &Item<'_>, fields: FieldSet) -> Option<Value> {
    let Item::Service(Brief {
        name,
        state,
        pid,
        port,
        uptime,
        restarts,
        last_exit,
        memory_kib,
        log_failing,
        file_changed,
        reason,
    }) = item
    else {
        return None;
    };
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    set("name", json!(name));
    set("state", json!(fields.state(*state)));
    if let Some(pid) = pid {
        set("pid", json!(pid));
    }
    set("port", json!(port));
    if let Some(uptime) = uptime {
        set("uptime_secs", json!(uptime.0 / 1_000));
    }
    set("restart_count", json!(restarts));
    match last_exit {
        Some(ServiceExit::Code(code)) => drop(set("last_exit", json!(code))),
        Some(ServiceExit::Signal(signal)) => drop(set("last_signal", json!(signal))),
        Some(ServiceExit::Unknown) | None => {}
    }
    if fields == FieldSet::Full {
        if *memory_kib != 0 {
            set("memory_kib", json!(memory_kib));
        }
        if *log_failing {
            set("log", json!("failing"));
        }
        if *file_changed {
            set("file", json!("changed"));
        }
        if !reason.is_empty() {
            set("reason", json!(reason));
        }
    }
    Some(Value::Object(object))
}

fn status<'a>(items: impl Iterator<Item = Item<'a>>, fields: FieldSet) -> Value {
    let mut object = Value::Null;
    let mut transitions = Vec::new();
    for item in items {
        match item {
            Item::Transition(step) => transitions.push(json!({
                "from": fields.state(step.from),
                "to": fields.state(step.to),
                "at_unix_ms": step.at_unix_ms,
                "reason": step.reason,
            })),
            item => object = brief(&item, fields).unwrap_or(object),
        }
    }
    if let Value::Object(object) = &mut object {
        object.insert("recent_transitions".to_owned(), json!(transitions));
    }
    object
}

pub(super) const fn stream_word(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Out => "stdout",
        LogStream::Err => "stderr",
    }
}

/// Bytes as text: those that are no UTF-8 as `\xHH`.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // A string takes everything.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}
