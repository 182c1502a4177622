//! What a reply says, as pairs of key and value: the one place that every dialect renders from.

use crate::parse::{Action, Step};
use core::fmt;
use lastword_protocol::identity::Identity;
use lastword_protocol::message::{Pending, Reply, Status};
use lastword_protocol::power::{LastOperation, Outcome};
use lastword_protocol::refusal::Code;
use lastword_protocol::{BootId, Generation, Millis};

/// What of a reply is shown.
#[derive(Clone, Copy, Debug)]
pub enum View {
    /// Everything.
    Whole,
    /// Of an identity, everything, and what a client of these lines has to keep to.
    Hello {
        /// The longest line, in bytes.
        line_max: usize,
        /// How many bytes a client may send ahead of the answers.
        window: usize,
    },
    /// Of an identity, what tells the version.
    Version,
    /// Of an application's reply, what this makes of its body.
    Application(fn(&[u8], &mut dyn Fields) -> fmt::Result),
}

/// The value of a field. Each dialect spells it its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A word of ours: letters, digits, `_` and `-`.
    Word(&'static str),
    /// Text from elsewhere: may hold anything.
    Text(&'a str),
    /// A number.
    Number(u64),
    /// A number best read in hexadecimal.
    Hex(u32),
    /// A number in hundredths.
    Hundredths(u32),
    /// A number of KiB. Where it is written as a bare number its key ends in `_kib`.
    Kibibytes(u32),
    /// A span of time. Where it is written in milliseconds its key ends in `_ms`.
    Span(Millis),
    /// A boot id.
    Boot(BootId),
    /// A generation.
    Generation(Generation),
}

/// Takes the fields of a reply, one after the other.
pub trait Fields {
    /// Takes one field.
    ///
    /// # Errors
    ///
    /// If there is no room for it.
    fn field(&mut self, key: &'static str, value: Value<'_>) -> fmt::Result;
}

/// The word in front of the fields, where the reply to a command can be of more than one kind.
#[must_use]
pub const fn outcome(reply: &Reply) -> Option<&'static str> {
    match reply {
        Reply::Initiated(_) => Some("initiated"),
        Reply::AlreadyDone(_) => Some("already_done"),
        Reply::Cancelled(_) => Some("cancelled"),
        _ => None,
    }
}

/// The code and the detail, if the board said no.
#[must_use]
pub fn refusal(reply: &Reply) -> Option<(Code, &str)> {
    match reply {
        Reply::Refused(refusal) => Some((refusal.code, &refusal.detail)),
        Reply::Unsupported(_) => Some((Code::NotHere, "invalid command")),
        _ => None,
    }
}

/// Hands the fields of the reply to a command to `to`, in their order. A refusal has none.
///
/// # Errors
///
/// What `to` returns.
pub fn visit(step: &Step, reply: &Reply, to: &mut dyn Fields) -> fmt::Result {
    match reply {
        Reply::Done => match &step.action {
            Action::Mode(dialect) => to.field("mode", Value::Word(dialect.word())),
            Action::Request(_) | Action::Help(_) | Action::Logout => Ok(()),
        },
        Reply::Identity(identity) => match step.command.view {
            View::Version => version(identity, to),
            View::Hello { line_max, window } => hello(identity, Some((line_max, window)), to),
            View::Whole | View::Application(_) => hello(identity, None, to),
        },
        Reply::Status(report) => status(report, to),
        Reply::Uptime(report) => {
            to.field("uptime", Value::Span(report.uptime))?;
            to.field("boot", Value::Boot(report.boot))
        }
        Reply::Initiated(accepted) => {
            to.field("operation", Value::Word(accepted.operation.word()))?;
            to.field("backend", Value::Word(accepted.backend.word()))?;
            to.field("op", Value::Number(accepted.id.0))
        }
        Reply::AlreadyDone(already) => {
            to.field("boot", Value::Boot(already.boot))?;
            to.field("cause", Value::Word(already.cause.word()))?;
            last(already.last.as_ref(), to)
        }
        Reply::PowerStatus(report) => {
            to.field("backend", Value::Word(report.backend.word()))?;
            to.field("boot", Value::Boot(report.boot))?;
            pending(report.pending.as_ref(), to)?;
            last(report.last.as_ref(), to)
        }
        Reply::Cancelled(cancelled) => {
            to.field("operation", Value::Word(cancelled.operation.word()))?;
            to.field("op", Value::Number(cancelled.id.0))
        }
        Reply::Application(message) => match step.command.view {
            View::Application(show) => show(message.bytes(), to),
            View::Whole | View::Hello { .. } | View::Version => Ok(()),
        },
        Reply::Unsupported(_) | Reply::Refused(_) => Ok(()),
    }
}

/// Who the board is, and what a client has to keep to.
fn hello(identity: &Identity, line: Option<(usize, usize)>, to: &mut dyn Fields) -> fmt::Result {
    to.field("proto", Value::Number(identity.current.into()))?;
    to.field("name", Value::Text(&identity.name))?;
    to.field("kind", Value::Word(identity.kind.word()))?;
    to.field("firmware", Value::Text(&identity.firmware))?;
    build(identity, to)?;
    to.field("backend", Value::Word(identity.backend.word()))?;
    to.field("boot", Value::Boot(identity.boot))?;
    to.field("boot_source", Value::Word(identity.boot_source.word()))?;
    to.field("cause", Value::Word(identity.cause.word()))?;
    if let Some((line_max, window)) = line {
        to.field("line_max", Value::Number(line_max as u64))?;
        to.field("window", Value::Number(window as u64))?;
    }
    to.field("queue", Value::Number(identity.window.into()))?;
    to.field("mtu", Value::Number(identity.mtu.into()))?;
    if let Some(active) = identity.active {
        to.field("active_generation", Value::Generation(active))?;
    }
    if let Some(pending) = identity.pending {
        to.field("pending_generation", Value::Generation(pending))?;
    }
    last(identity.last.as_ref(), to)
}

/// What runs on the board.
fn version(identity: &Identity, to: &mut dyn Fields) -> fmt::Result {
    to.field("firmware", Value::Text(&identity.firmware))?;
    build(identity, to)?;
    to.field("proto", Value::Number(identity.current.into()))?;
    to.field("proto_oldest", Value::Number(identity.oldest.into()))?;
    to.field("schema", Value::Hex(identity.schema))
}

fn build(identity: &Identity, to: &mut dyn Fields) -> fmt::Result {
    if identity.build.is_empty() {
        return Ok(());
    }
    to.field("build", Value::Text(&identity.build))
}

/// How the board is.
fn status(status: &Status, to: &mut dyn Fields) -> fmt::Result {
    to.field("uptime", Value::Span(status.uptime))?;
    to.field("agent_uptime", Value::Span(status.agent_uptime))?;
    to.field("boot", Value::Boot(status.boot))?;
    to.field("sessions", Value::Number(status.sessions.into()))?;
    if status.memory_available_kib != 0 {
        let available = Value::Kibibytes(status.memory_available_kib);
        to.field("memory_available", available)?;
    }
    to.field("load", Value::Hundredths(status.load_hundredths))?;
    pending(status.pending.as_ref(), to)
}

/// What is staged: the phase, or `none`.
fn pending(pending: Option<&Pending>, to: &mut dyn Fields) -> fmt::Result {
    let Some(pending) = pending else {
        return to.field("pending", Value::Word("none"));
    };
    to.field("pending", Value::Word(pending.phase.word()))?;
    to.field("pending_op", Value::Number(pending.id.0))?;
    let operation = pending.operation.word();
    to.field("pending_operation", Value::Word(operation))?;
    match pending.left {
        Some(left) => to.field("pending_left", Value::Span(left)),
        None => Ok(()),
    }
}

/// The last operation, if one is remembered.
fn last(last: Option<&LastOperation>, to: &mut dyn Fields) -> fmt::Result {
    let Some(last) = last else {
        return Ok(());
    };
    to.field("last_op", Value::Number(last.id.0))?;
    to.field("last_operation", Value::Word(last.operation.word()))?;
    to.field("last_outcome", Value::Word(last.outcome.word()))?;
    if let Some(evidence) = last.outcome.evidence() {
        to.field("last_evidence", Value::Word(evidence.word()))?;
    }
    match last.outcome {
        Outcome::StoodDown(why) => to.field("last_why", Value::Word(why.word()))?,
        Outcome::FireFailed(error) => to.field("last_error", Value::Number(error.into()))?,
        _ => {}
    }
    to.field("last_boot", Value::Boot(last.boot))
}
