//! QMP's lines as types. Text only.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::event::{BoardEventKind, QmpEvent};

/// A command, as it is sent.
#[derive(Debug, Serialize)]
pub(super) struct Command<'a> {
    /// The command's name.
    pub(super) execute: &'a str,
    /// An object; null stands for none.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(super) arguments: Value,
    /// Comes back in the answer.
    pub(super) id: u64,
}

/// What QEMU says in one line.
#[derive(Debug)]
pub(super) enum Message {
    /// The first line of a conversation.
    Greeting,
    /// Something happened.
    Event(RawEvent),
    /// A command's answer.
    Reply(Reply),
}

/// The answer to a command.
#[derive(Debug)]
pub(super) struct Reply {
    /// Which command's; none if QEMU could not read the command.
    pub(super) id: Option<u64>,
    /// The result, or QEMU's words for why there is none.
    pub(super) result: Result<Value, String>,
}

/// An event that lacks only the time of its arrival.
#[derive(Debug, Deserialize)]
pub(super) struct RawEvent {
    event: String,
    #[serde(default)]
    data: EventData,
    timestamp: Timestamp,
}

#[derive(Debug, Default, Deserialize)]
struct EventData {
    reason: Option<String>,
}

/// The host's wall clock. QEMU says -1 for both parts when it cannot read its clock.
#[derive(Debug, Deserialize)]
struct Timestamp {
    seconds: i64,
    microseconds: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Greeting {
        #[serde(rename = "QMP")]
        _greeting: Value,
    },
    Event(RawEvent),
    Return {
        #[serde(rename = "return")]
        value: Value,
        id: Option<u64>,
    },
    Error {
        error: Refusal,
        id: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Refusal {
    desc: String,
}

impl Command<'_> {
    /// Returns the command as the line that is sent.
    pub(super) fn to_line(&self) -> String {
        format!("{}\n", serde_json::json!(self))
    }
}

impl Message {
    /// Returns what `line` says.
    ///
    /// # Errors
    ///
    /// An error of the parser if it is not a line of the protocol.
    pub(super) fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match serde_json::from_slice(line)? {
            Line::Greeting { .. } => Self::Greeting,
            Line::Event(event) => Self::Event(event),
            Line::Return { value, id } => Self::Reply(Reply {
                id,
                result: Ok(value),
            }),
            Line::Error { error, id } => Self::Reply(Reply {
                id,
                result: Err(error.desc),
            }),
        })
    }
}

impl RawEvent {
    /// Returns the event, received at `at`.
    pub(super) fn received(self, at: Instant) -> QmpEvent {
        let seconds = u64::try_from(self.timestamp.seconds).unwrap_or(0);
        let microseconds = u64::try_from(self.timestamp.microseconds).unwrap_or(0);
        QmpEvent {
            kind: match self.event.as_str() {
                "RESET" => BoardEventKind::Reset,
                "SHUTDOWN" => BoardEventKind::Shutdown,
                _ => BoardEventKind::Other(self.event),
            },
            reason: self.data.reason,
            at,
            qemu_time: Duration::from_secs(seconds) + Duration::from_micros(microseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: impl FnOnce(&Message) -> bool) {
        let message = Message::parse(line.as_bytes()).unwrap();
        assert!(expected(&message), "{line} is {message:?}");
    }

    #[test]
    fn every_kind_of_line_is_told_apart() {
        check(
            r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#,
            |message| matches!(message, Message::Greeting),
        );
        check(r#"{"return": {}, "id": 3}"#, |message| {
            matches!(
                message,
                Message::Reply(Reply {
                    id: Some(3),
                    result: Ok(_)
                })
            )
        });
        check(r#"{"return": null, "id": 4}"#, |message| {
            matches!(
                message,
                Message::Reply(Reply {
                    id: Some(4),
                    result: Ok(Value::Null)
                })
            )
        });
        let refusal = r#"{"error": {"class": "GenericError", "desc": "no"}}"#;
        check(refusal, |message| {
            let Message::Reply(Reply { id: None, result }) = message else {
                return false;
            };
            result
                .as_ref()
                .is_err_and(|description| description == "no")
        });
    }

    #[test]
    fn an_event_without_a_reason_or_a_clock_is_still_an_event() {
        let line = r#"{"event": "STOP", "timestamp": {"seconds": -1, "microseconds": -1}}"#;
        check(line, |message| matches!(message, Message::Event(_)));
        let Ok(Message::Event(event)) = Message::parse(line.as_bytes()) else {
            panic!("{line}")
        };
        let event = event.received(Instant::now());
        assert_eq!(event.kind, BoardEventKind::Other("STOP".to_owned()));
        assert_eq!((event.reason, event.qemu_time), (None, Duration::ZERO));
    }

    #[test]
    fn what_is_not_the_protocol_is_an_error() {
        for line in ["", "{}", "[1]", r#"{"event": "RESET"}"#] {
            assert!(Message::parse(line.as_bytes()).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_command_without_arguments_says_nothing_of_them() {
        let command = Command {
            execute: "quit",
            arguments: Value::Null,
            id: 1,
        };
        assert_eq!(command.to_line(), "{\"execute\":\"quit\",\"id\":1}\n");
        let command = Command {
            execute: "cont",
            arguments: serde_json::json!({"a": 1}),
            id: 2,
        };
        assert!(command.to_line().contains(r#""arguments":{"a":1}"#));
    }
}
