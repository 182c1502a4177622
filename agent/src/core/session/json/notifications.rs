//! What a program is told of logs that it follows.

use super::super::follows::FollowId;
use super::services::text;
use super::{event_row, line};
use crate::core::log::{Line, Stream};
use lastword_shell::events::NumberedEvent;
use serde_json::{Value, json};

/// A line, and behind it, if it goes on in the next, that it does.
pub(in super::super) fn log(id: FollowId, name: &str, said: &Line) -> String {
    let stream = match said.stream {
        Stream::Out => "stdout",
        Stream::Err => "stderr",
    };
    let params = json!({
        "subscription_id": id.0,
        "name": name,
        "stream": stream,
        "line": text(&said.bytes),
        "ts_unix_ms": said.unix_ms,
    });
    let whole = notification("log", &params);
    if !said.continues {
        return whole;
    }
    let params = json!({"subscription_id": id.0, "name": name, "stream": stream});
    whole + "\n" + &notification("log_continues", &params)
}

/// Lines that are gone: the program was too slow for what is kept.
pub(in super::super) fn log_missed(id: FollowId, name: &str, missed: u64) -> String {
    let params = json!({"subscription_id": id.0, "name": name, "missed": missed});
    notification("log_missed", &params)
}

/// Nothing more comes, and before it, if that is not as it should be, why.
pub(in super::super) fn log_end(id: FollowId, trouble: Option<&str>) -> String {
    let end = notification("log_end", &json!({"subscription_id": id.0}));
    let Some(why) = trouble else {
        return end;
    };
    let params = json!({"subscription_id": id.0, "error": why});
    notification("log_failed", &params) + "\n" + &end
}

/// An event, with the number of those before it that are gone, if any are.
pub(in super::super) fn event(id: FollowId, event: &NumberedEvent<'_>, dropped: u64) -> String {
    let mut params = event_row(event);
    params["subscription_id"] = json!(id.0);
    if dropped > 0 {
        params["dropped"] = json!(dropped);
    }
    notification("event", &params)
}

fn notification(method: &str, params: &Value) -> String {
    line(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
}
