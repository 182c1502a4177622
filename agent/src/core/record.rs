//! What the agent remembers of power through a reboot: one small, readable file.

use super::storage::{self, BrokenFile, Storage};
use lastword_protocol::identity::Cause;
use lastword_protocol::power::{LastOperation, Operation};
use lastword_protocol::refusal::CAUSE_BYTES;
use lastword_protocol::{BootId, OperationId, Text};
use serde::{Deserialize, Serialize};
use std::io;

/// The file's name in the state directory.
pub const POWER_FILE: &str = "power.json";

/// The version of the file's format.
const FORMAT: u32 = 1;

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerRecord {
    format: u32,
    /// The boot that wrote this.
    pub boot: BootId,
    /// Why that boot came about.
    pub cause: Cause,
    /// The last operation.
    pub last: Option<LastOperation>,
    /// The last request, if it was refused because what it asked for could not be prepared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedOperation>,
}

/// An operation that was asked for and could not be prepared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedOperation {
    /// Its id.
    pub id: OperationId,
    /// The operation that was asked for.
    pub operation: Operation,
    /// The cause of the refusal.
    pub cause: Text<CAUSE_BYTES>,
}

/// What was found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a fresh board.
    Nothing,
    /// A record.
    Record(PowerRecord),
    /// A file that cannot be used; it was put aside.
    Broken(BrokenFile),
}

impl PowerRecord {
    /// A record of this format.
    #[must_use]
    pub fn new(boot: BootId, cause: Cause, last: Option<LastOperation>) -> Self {
        Self {
            format: FORMAT,
            boot,
            cause,
            last,
            refused: None,
        }
    }

    /// The same with the request that was refused last.
    #[must_use]
    pub fn and_refused(self, refused: Option<RefusedOperation>) -> Self {
        Self { refused, ..self }
    }

    /// Writes the record; on return it is durable.
    ///
    /// # Errors
    ///
    /// As [`storage::replace`].
    pub fn save<S: Storage + ?Sized>(&self, storage: &mut S) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        storage::replace(storage, POWER_FILE, &text)
    }

    /// Reads the record. A broken file is evidence of nothing: it is kept aside.
    pub fn load<S: Storage + ?Sized>(storage: &mut S) -> Found {
        let read = match storage::load(storage, POWER_FILE) {
            Ok(None) => return Found::Nothing,
            Ok(Some(content)) => Self::parse(&content),
            Err(error) => Err(error.to_string()),
        };
        match read {
            Ok(record) => Found::Record(record),
            Err(why) => Found::Broken(BrokenFile::keep_aside(storage, POWER_FILE, why)),
        }
    }

    fn parse(content: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice::<Self>(content) {
            Ok(record) if record.format == FORMAT => Ok(record),
            Ok(record) => Err(format!("format {} is not known", record.format)),
            Err(error) => Err(error.to_string()),
        }
    }
}
