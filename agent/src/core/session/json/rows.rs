//! Results of many rows, written row by row: no more of an answer is held than the peer has room for.

use super::Call;
use super::services::{FieldSet, brief, stream_word, text};
use crate::core::log::Cursor;
use lastword_protocol::message::service::{Item, ServiceRequest};
use lastword_protocol::message::{Reply, Request};
use lastword_shell::{Action, Step, fields};
use serde_json::{Value, json};

/// The end of a list, behind its last row.
pub(in super::super) const END_OF_LIST: &str = "]}\n";

impl Call {
    /// Returns whether the result is a list that is written row by row.
    pub(in super::super) fn lists(&self, step: &Step, replies: &[Reply]) -> bool {
        let is_list = matches!(
            step.action,
            Action::Request(Request::Service(ServiceRequest::List))
        );
        let is_refused = replies.last().and_then(fields::refusal).is_some();
        is_list && self.has_answer() && !is_refused
    }

    /// Returns the answer up to the first row of a list.
    pub(in super::super) fn begin_list(&self) -> String {
        self.begin("[")
    }

    /// Returns the answer up to the first row of a log.
    pub(in super::super) fn begin_log(&self) -> String {
        self.begin("{\"lines\":[")
    }

    fn begin(&self, result: &str) -> String {
        let id = self.id.as_ref().unwrap_or(&Value::Null);
        format!("{{\"id\":{id},\"jsonrpc\":\"2.0\",\"result\":{result}")
    }
}

impl Call {
    /// Returns an item as a row, if it is one.
    pub(in super::super) fn row(&self, item: &Item<'_>) -> Option<Value> {
        row(item, self.fields)
    }
}

fn row(item: &Item<'_>, fields: FieldSet) -> Option<Value> {
    match item {
        Item::Line {
            at_unix_ms,
            stream,
            bytes,
            ..
        } => Some(json!({
            "stream": stream_word(*stream),
            "line": text(bytes),
            "ts_unix_ms": at_unix_ms,
        })),
        item => brief(item, fields),
    }
}

/// Returns the end of a log, behind its last row. With `trouble` it cannot be read any further now.
pub(in super::super) fn end_of_log(from: Cursor, missed: u64, trouble: Option<&str>) -> String {
    let error = trouble.map_or(String::new(), |why| format!(",\"error\":{}", json!(why)));
    format!("],\"missed\":{missed},\"next\":{}{error}}}}}\n", from.0)
}
