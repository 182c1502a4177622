//! Services: what a board's supervisor is asked, and what it answers.
//!
//! An answer of any length is a row of items, cut into pages. A reply holds the first page, and names the
//! [stream](crate::stream) that holds the others.

mod page;

pub use super::service_state::{BRIEF_REASON_BYTES, ServiceState};
pub use page::{Items, Page};

use super::event::BoardEvent;
use super::generation::{
    CheckBrief, GenerationBrief, MissingContent, RolloutBrief, SignatureBrief,
};
use super::{BadRequest, opcode};
use crate::codec::{Field, Writer};
use crate::units::{Millis, Text};
use serde::{Deserialize, Serialize};

/// The longest name of a service, in bytes.
pub const SERVICE_BYTES: usize = 32;
/// The longest page, in bytes: what fits the smallest mtu of boards that have services, in a reply and in a
/// chunk of a stream.
pub const PAGE_BYTES: usize = 472;
/// The longest text of an item, in bytes. Longer ones are cut, and end in `…`.
pub const ITEM_TEXT_BYTES: usize = 320;

/// The longest grace that may be asked for: as long as a service's file may give it.
pub const MOST_GRACE: Millis = Millis(3_600_000);

/// A service's name.
pub type ServiceName = Text<SERVICE_BYTES>;

/// What a supervisor may be asked. Every answer is a page of items, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceRequest {
    /// Every service: [`Item::Service`] each.
    List,
    /// One service: [`Item::Service`], then each [`Item::Transition`] it remembers.
    Status(ServiceName),
    /// Start it, or all: [`Item::Changed`] for each.
    Start(Option<ServiceName>),
    /// Stop it, or all: [`Item::Changed`] for each.
    Stop(Option<ServiceName>),
    /// Stop it, or all, then start it: [`Item::Changed`] for each.
    Restart(Option<ServiceName>),
    /// Read the service files anew: [`Item::Changed`] for each service.
    Reload,
    /// Lines of its log: [`Item::Line`] each, then [`Item::Next`].
    Logs(Logs),
    /// As [`ServiceRequest::Stop`], with this grace in place of what its file says.
    StopWithin(Option<ServiceName>, Millis),
    /// As [`ServiceRequest::Restart`], with this grace in place of what its file says.
    RestartWithin(Option<ServiceName>, Millis),
}

/// Which lines of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// Of which service.
    pub name: ServiceName,
    /// The first line that is wanted, as [`Item::Next`] has named it; `None`: the last ones.
    pub from: Option<u64>,
    /// How many lines at most; of a log that is followed, how many of those that are there.
    pub lines: u16,
    /// True if lines that come later are wanted, too: the answer's stream goes on for as long as there is such a
    /// log, and each of its chunks ends with [`Item::Next`].
    pub follow: bool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceExit {
    /// With this code.
    Code(u8),
    /// Of this signal (signal(7)).
    Signal(u8),
    /// Nobody knows: the supervisor was not its parent.
    Unknown,
}

/// What became of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It was started.
    Started,
    /// It was running already.
    AlreadyRunning,
    /// It was stopped.
    Stopped,
    /// It was not running.
    NotRunning,
    /// It was restarted.
    Restarted,
    /// It could not be; the detail says why.
    Failed,
    /// Its file is new.
    Added,
    /// Its file is gone.
    Removed,
    /// Its file says something else.
    Changed,
    /// Its file says the same.
    Unchanged,
    /// Its file cannot be used; the detail says why. What runs goes on as it is.
    Broken,
    /// Its file is another than the one that was read; the detail says what to do.
    FileChanged,
}

impl Change {
    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::AlreadyRunning => "already_running",
            Self::Stopped => "stopped",
            Self::NotRunning => "not_running",
            Self::Restarted => "restarted",
            Self::Failed => "failed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Broken => "broken",
            Self::FileChanged => "file_changed",
        }
    }
}

/// Which of its two outputs a process wrote a line to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl LogStream {
    /// The word for it in text dialects.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}

/// One item of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item<'a> {
    /// How a service is.
    Service(#[serde(borrow)] Brief<'a>),
    /// How it came to that.
    Transition(#[serde(borrow)] Step<'a>),
    /// What became of it.
    Changed {
        /// Its name.
        name: &'a str,
        /// What.
        change: Change,
        /// Why, where that is not clear.
        detail: &'a str,
    },
    /// A line of its log.
    Line {
        /// When it was read, in milliseconds since 1970.
        at_unix_ms: u64,
        /// Where it was written to.
        stream: LogStream,
        /// The line goes on in the next item of the same stream.
        continues: bool,
        /// Its bytes: any but the line feed at its end.
        bytes: &'a [u8],
    },
    /// Where the log goes on.
    Next {
        /// What to ask for next.
        from: u64,
        /// How many lines are gone that should have stood before the first of these.
        missed: u64,
    },
    /// Something that has happened.
    Event {
        /// Its number in the sequence of all events of the board's agent.
        sequence: u64,
        /// The event.
        event: BoardEvent<'a>,
    },
    /// Events that should have stood here are gone: their reader was too slow.
    EventsDropped {
        /// The number of the last of them.
        sequence: u64,
        /// The number of those.
        count: u64,
    },
    /// A generation.
    Generation(#[serde(borrow)] GenerationBrief<'a>),
    /// A content that the board does not have.
    MissingContent(MissingContent),
    /// A rollout.
    Rollout(#[serde(borrow)] RolloutBrief<'a>),
    /// A health check of the generation that soaks.
    Check(#[serde(borrow)] CheckBrief<'a>),
    /// The signature of a generation.
    Signature(SignatureBrief),
}

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is doing.
    pub state: ServiceState,
    /// Its main process.
    pub pid: Option<u32>,
    /// Its TCP port; 0 if it has none.
    pub port: u16,
    /// How long that process runs.
    pub uptime: Option<Millis>,
    /// How often it was started again because it had ended unasked.
    pub restarts: u32,
    /// How it ended last.
    pub last_exit: Option<ServiceExit>,
    /// What its processes use, in KiB; 0 if unknown.
    pub memory_kib: u32,
    /// True if its log cannot be written.
    pub log_failing: bool,
    /// Whether its file is another than the one that was read, or that its process was started by.
    pub file_changed: bool,
    /// Why it does not run though it should; empty if it runs, or should not.
    pub reason: &'a str,
}

/// One step of a service's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step<'a> {
    /// What it did.
    pub from: ServiceState,
    /// What it does since.
    pub to: ServiceState,
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// Why.
    pub reason: &'a str,
}

impl ServiceRequest {
    /// Its opcode.
    #[must_use]
    pub const fn opcode(&self) -> u8 {
        match self {
            Self::List => opcode::SVC_LIST,
            Self::Status(_) => opcode::SVC_STATUS,
            Self::Start(_) => opcode::SVC_START,
            Self::Stop(_) => opcode::SVC_STOP,
            Self::Restart(_) => opcode::SVC_RESTART,
            Self::Reload => opcode::SVC_RELOAD,
            Self::Logs(_) => opcode::SVC_LOGS,
            Self::StopWithin(..) => opcode::SVC_STOP_WITHIN,
            Self::RestartWithin(..) => opcode::SVC_RESTART_WITHIN,
        }
    }

    /// Reads a request; `None` if the opcode is none of a supervisor's.
    pub(super) fn read(opcode: u8, body: &[u8]) -> Option<Result<Self, BadRequest>> {
        let request = match opcode {
            opcode::SVC_LIST => Ok(Self::List),
            opcode::SVC_STATUS => postcard::from_bytes(body).map(Self::Status),
            opcode::SVC_START => postcard::from_bytes(body).map(Self::Start),
            opcode::SVC_STOP => postcard::from_bytes(body).map(Self::Stop),
            opcode::SVC_RESTART => postcard::from_bytes(body).map(Self::Restart),
            opcode::SVC_RELOAD => Ok(Self::Reload),
            opcode::SVC_LOGS => postcard::from_bytes(body).map(Self::Logs),
            opcode::SVC_STOP_WITHIN => {
                postcard::from_bytes(body).map(|(name, grace)| Self::StopWithin(name, grace))
            }
            opcode::SVC_RESTART_WITHIN => {
                postcard::from_bytes(body).map(|(name, grace)| Self::RestartWithin(name, grace))
            }
            _ => return None,
        };
        Some(request.map_err(|_| BadRequest::Malformed(opcode)))
    }
}

impl Field for ServiceRequest {
    fn write(&self, out: &mut Writer<'_>) {
        match self {
            Self::List | Self::Reload => {}
            Self::Status(name) => name.write(out),
            Self::Start(name) | Self::Stop(name) | Self::Restart(name) => name.write(out),
            Self::StopWithin(name, grace) | Self::RestartWithin(name, grace) => {
                name.write(out);
                grace.write(out);
            }
            Self::Logs(Logs {
                name,
                from,
                lines,
                follow,
            }) => {
                name.write(out);
                from.write(out);
                lines.write(out);
                follow.write(out);
            }
        }
    }
}

#[cfg(test)]
mod tests;
