//! What a program is told of logs that it follows.

use super::super::follows::FollowId;
use super::services::text;
use crate::core::log::{Line, Stream};
use serde_json::{Value, json};

/// A line.
pub(in super::super) fn log(id: FollowId, name: &str, line: &Line) -> String {
    let stream = match line.stream {
        Stream::Out => "stdout",
        Stream::Err => "stderr",
    };
    let mut params = json!({
        "subscription_id": id.0,
        "name": name,
        "stream": stream,
        "line": text(&line.bytes),
        "ts_unix_ms": line.unix_ms,
    });
    if line.continues {
        params["continues"] = Value::Bool(true);
    }
    notification("log", &params)
}

/// Lines that are gone: the program was too slow for what is kept.
pub(in super::super) fn log_missed(id: FollowId, name: &str, missed: u64) -> String {
    let params = json!({"subscription_id": id.0, "name": name, "missed": missed});
    notification("log_missed", &params)
}

/// Nothing more comes, and if that is not as it should be, why.
pub(in super::super) fn log_end(id: FollowId, trouble: Option<&str>) -> String {
    let mut params = json!({"subscription_id": id.0});
    if let Some(why) = trouble {
        params["error"] = json!(why);
    }
    notification("log_end", &params)
}

fn notification(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}
