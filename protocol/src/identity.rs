//! Who a board is and which boot this is.

use crate::codec::{fields, words};
use crate::power::{Backend, LastOperation};
use crate::units::{BootId, Generation, Text};
use serde::{Deserialize, Serialize};

/// The oldest protocol version this crate speaks.
pub const OLDEST: u8 = 1;
/// The newest protocol version this crate speaks.
pub const CURRENT: u8 = 1;
const _: () = assert!(OLDEST <= CURRENT);
// The version is the high half of a frame's first byte.
const _: () = assert!(CURRENT < 16);

/// The longest board name, firmware version or build, in bytes.
pub const NAME_BYTES: usize = 32;

/// What kind of board answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoardKind {
    /// `lastwordd` on Linux.
    Linux,
    /// The responder on a microcontroller.
    Mcu,
    /// The responder as a process.
    Simulated,
}

/// Where a boot id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BootSource {
    /// The kernel draws it at random at each boot.
    Kernel,
    /// A counter in retained memory, mixed with a part unique to the board.
    RetainedCounter,
    /// Drawn when the process started: says nothing about the machine below it.
    Process,
}

/// Why the board booted, as far as it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// It cannot tell.
    Unknown,
    /// The last operation, released in the boot before this one.
    Requested,
    /// Something else: power came, a watchdog bit, somebody pressed reset.
    External,
    /// Power came: nothing of an earlier boot was kept.
    PowerOn,
    /// The watchdog bit.
    Watchdog,
}

/// What a board can do beyond the requests of version 1: bits, all reserved so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities(pub u32);

/// Who a board is, which boot this is, and what it remembers. `S` holds its names, of at most
/// [`NAME_BYTES`] each: a board may have them elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity<S = Text<NAME_BYTES>> {
    /// The oldest protocol version it speaks.
    pub oldest: u8,
    /// The newest protocol version it speaks.
    pub current: u8,
    /// This boot.
    pub boot: BootId,
    /// Where the boot id comes from.
    pub boot_source: BootSource,
    /// Why it booted.
    pub cause: Cause,
    /// What kind of board it is.
    pub kind: BoardKind,
    /// The board's name.
    pub name: S,
    /// The version of agent or firmware.
    pub firmware: S,
    /// The build of it; may be empty.
    pub build: S,
    /// What carries out power operations; tells a dry run.
    pub backend: Backend,
    /// The longest frame body it accepts, in bytes.
    pub mtu: u16,
    /// How many requests may be under way in one session.
    pub window: u8,
    /// What else it can do.
    pub capabilities: Capabilities,
    /// [`crate::message::SCHEMA_HASH`] of what it was built from.
    pub schema: u32,
    /// The last power operation and what became of it.
    pub last: Option<LastOperation>,
    /// The generation that runs.
    pub active: Option<Generation>,
    /// The generation that waits for a reboot or is soaking.
    pub pending: Option<Generation>,
}

words! {
    BoardKind {
        Linux = "linux",
        Mcu = "mcu",
        Simulated = "sim",
    }
    BootSource {
        Kernel = "kernel",
        RetainedCounter = "counter",
        Process = "process",
    }
    Cause {
        Unknown = "unknown",
        Requested = "requested",
        External = "external",
        PowerOn = "power_on",
        Watchdog = "watchdog",
    }
}
fields! {
    Identity<S> {
        oldest, current, boot, boot_source, cause, kind, name, firmware, build, backend, mtu,
        window, capabilities, schema, last, active, pending,
    }
}
