//! What a reply says, as pairs of key and value: the one place that every dialect renders from.

use crate::parse::{Action, Step};
use core::fmt;
use lastword_protocol::identity::Identity;
use lastword_protocol::message::{Pending, Reply, Status};
use lastword_protocol::power::{LastOperation, Outcome};
use lastword_protocol::refusal::Code;
use lastword_protocol::{BootId, Generation, Millis, OperationId};

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
    /// Bytes from elsewhere: text, most likely.
    #[cfg(feature = "services")]
    Bytes(&'a [u8]),
    /// A number.
    Number(u64),
    /// A number that may be below zero.
    #[cfg(feature = "services")]
    Signed(i32),
    /// A number best read in hexadecimal.
    Hex(u32),
    /// A number in hundredths.
    Hundredths(u32),
    /// A number of KiB. Where it is written as a bare number its key ends in `_kib`.
    Kibibytes(u32),
    /// A span of time. Where it is written in milliseconds its key ends in `_ms`.
    Span(Millis),
    /// A boot id.
    Boot(&'a BootId),
    /// A generation.
    Generation(&'a Generation),
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
pub const fn outcome<S>(reply: &Reply<S>) -> Option<&'static str> {
    match reply {
        Reply::Initiated(_) => Some("initiated"),
        Reply::AlreadyDone(_) => Some("already_done"),
        Reply::Cancelled(_) => Some("cancelled"),
        _ => None,
    }
}

/// The code and the detail, if the board said no.
#[must_use]
pub fn refusal<S>(reply: &Reply<S>) -> Option<(Code, &str)> {
    match reply {
        Reply::Refused(refusal) => Some((refusal.code, &refusal.detail)),
        Reply::Unsupported(_) => Some((Code::NotHere, "invalid command")),
        _ => None,
    }
}

/// Returns the cause of a refusal whose detail is fixed; empty if that is all there is to say.
#[must_use]
pub fn cause<S>(reply: &Reply<S>) -> &str {
    match reply {
        Reply::Refused(refusal) => &refusal.cause,
        _ => "",
    }
}

/// Hands the fields of the reply to a command to `to`, in their order. A refusal has none.
///
/// # Errors
///
/// What `to` returns.
pub fn visit<S: AsRef<str>>(step: &Step, reply: &Reply<S>, to: &mut dyn Fields) -> fmt::Result {
    let mut form = Form { to, taken: Ok(()) };
    match reply {
        Reply::Done => {
            if let Action::Mode(dialect) = &step.action {
                form.word("mode", dialect.word());
            }
        }
        Reply::Identity(identity) => match step.command.view {
            View::Version => form.version(identity),
            View::Hello { line_max, window } => form.hello(identity, Some((line_max, window))),
            View::Whole | View::Application(_) => form.hello(identity, None),
        },
        Reply::Status(report) => form.status(report),
        Reply::Uptime(report) => {
            form.span("uptime", report.uptime);
            form.boot("boot", &report.boot);
        }
        Reply::Initiated(accepted) => {
            form.word("operation", accepted.operation.word());
            form.word("backend", accepted.backend.word());
            form.operation("op", accepted.id);
        }
        Reply::AlreadyDone(already) => {
            form.boot("boot", &already.boot);
            form.word("cause", already.cause.word());
            form.last(already.last.as_ref());
        }
        Reply::PowerStatus(report) => {
            form.word("backend", report.backend.word());
            form.boot("boot", &report.boot);
            form.pending(report.pending.as_ref());
            form.last(report.last.as_ref());
            if !report.refused.is_empty() {
                form.field("last_refusal", Value::Text(&report.refused));
            }
        }
        Reply::Cancelled(cancelled) => {
            form.word("operation", cancelled.operation.word());
            form.operation("op", cancelled.id);
        }
        Reply::Application(message) => {
            if let View::Application(show) = step.command.view {
                return show(message.bytes(), form.to);
            }
        }
        // They stand in rows of their own: see [`crate::items`].
        #[cfg(feature = "services")]
        Reply::Items(_) => {}
        // Only frames open transfers.
        #[cfg(feature = "transfer")]
        Reply::TransferOpened(_) => {}
        // A caller waits on; nobody is shown this.
        Reply::Working(_) => {}
        Reply::Unsupported(_) | Reply::Refused(_) => {}
    }
    form.taken
}

/// Fields on their way, until one is not taken.
struct Form<'a> {
    to: &'a mut dyn Fields,
    taken: fmt::Result,
}

impl Form<'_> {
    /// Who the board is, and what a client has to keep to.
    fn hello<S: AsRef<str>>(&mut self, identity: &Identity<S>, line: Option<(usize, usize)>) {
        self.number("proto", identity.current.into());
        self.field("name", Value::Text(identity.name.as_ref()));
        self.word("kind", identity.kind.word());
        self.firmware(identity);
        self.word("backend", identity.backend.word());
        self.boot("boot", &identity.boot);
        self.word("boot_source", identity.boot_source.word());
        self.word("cause", identity.cause.word());
        if let Some((line_max, window)) = line {
            self.number("line_max", line_max);
            self.number("window", window);
        }
        self.number("queue", identity.window.into());
        self.number("mtu", identity.mtu.into());
        if let Some(active) = &identity.active {
            self.field("active_generation", Value::Generation(active));
        }
        if let Some(pending) = &identity.pending {
            self.field("pending_generation", Value::Generation(pending));
        }
        self.last(identity.last.as_ref());
    }

    /// What runs on the board.
    fn version<S: AsRef<str>>(&mut self, identity: &Identity<S>) {
        self.firmware(identity);
        self.number("proto", identity.current.into());
        self.number("proto_oldest", identity.oldest.into());
        self.field("schema", Value::Hex(identity.schema));
    }

    fn firmware<S: AsRef<str>>(&mut self, identity: &Identity<S>) {
        self.field("firmware", Value::Text(identity.firmware.as_ref()));
        if !identity.build.as_ref().is_empty() {
            self.field("build", Value::Text(identity.build.as_ref()));
        }
    }

    /// How the board is.
    fn status(&mut self, status: &Status) {
        self.span("uptime", status.uptime);
        self.span("agent_uptime", status.agent_uptime);
        self.boot("boot", &status.boot);
        self.number("sessions", status.sessions.into());
        if status.memory_available_kib != 0 {
            let available = Value::Kibibytes(status.memory_available_kib);
            self.field("memory_available", available);
        }
        self.field("load", Value::Hundredths(status.load_hundredths));
        self.pending(status.pending.as_ref());
        if !status.waiting.is_empty() {
            self.field("waiting_for", Value::Text(&status.waiting));
        }
        if status.failing_logs != 0 {
            self.number("failing_logs", status.failing_logs.into());
        }
        if let Some(left) = status.certificate_left {
            self.span("certificate_left", left);
        }
    }

    /// What is staged: the phase, or `none`.
    fn pending(&mut self, pending: Option<&Pending>) {
        let Some(pending) = pending else {
            return self.word("pending", "none");
        };
        self.word("pending", pending.phase.word());
        self.operation("pending_op", pending.id);
        self.word("pending_operation", pending.operation.word());
        if let Some(left) = pending.left {
            self.span("pending_left", left);
        }
    }

    /// The last operation, if one is remembered.
    fn last(&mut self, last: Option<&LastOperation>) {
        let Some(last) = last else {
            return;
        };
        self.operation("last_op", last.id);
        self.word("last_operation", last.operation.word());
        self.word("last_outcome", last.outcome.word());
        if let Some(evidence) = last.outcome.evidence() {
            self.word("last_evidence", evidence.word());
        }
        match last.outcome {
            Outcome::StoodDown(why) => self.word("last_why", why.word()),
            Outcome::FireFailed(error) => {
                self.field("last_error", Value::Number(error.into()));
            }
            _ => {}
        }
        self.boot("last_boot", &last.boot);
    }

    fn word(&mut self, key: &'static str, word: &'static str) {
        self.field(key, Value::Word(word));
    }

    fn number(&mut self, key: &'static str, number: usize) {
        self.field(key, Value::Number(number as u64));
    }

    fn operation(&mut self, key: &'static str, id: OperationId) {
        self.field(key, Value::Number(id.0));
    }

    fn span(&mut self, key: &'static str, span: Millis) {
        self.field(key, Value::Span(span));
    }

    fn boot(&mut self, key: &'static str, boot: &BootId) {
        self.field(key, Value::Boot(boot));
    }

    fn field(&mut self, key: &'static str, value: Value<'_>) {
        if self.taken.is_ok() {
            self.taken = self.to.field(key, value);
        }
    }
}
