//! The parts of a run, each selectable by its name.

use crate::figure::Figure;
use crate::setting::Setting;
use crate::{codec, follower, objects, parse, push, rest, services, sessions, tcp, transfer};
use anyhow::Result;
use clap::ValueEnum;

/// What can be measured on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The round trip over TCP.
    Tcp,
    /// A thousand sessions at once.
    Sessions,
    /// The frame codec.
    Codec,
    /// The line parser.
    Parse,
    /// Transfers over a simulated UART.
    Transfer,
    /// Objects over TCP, beside a copy and rsync.
    Objects,
    /// Generations that differ little, beside rsync.
    Push,
    /// A follower that takes nothing, on a link that is used.
    Follower,
    /// The agent at rest: memory, CPU, start-up, size.
    Rest,
    /// Five hundred services, beside other supervisors.
    Services,
}

impl Part {
    /// The heading over its figures.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Tcp => "Round trip over TCP on loopback, one client, one request under way",
            Self::Sessions => "1,000 sessions at once over TCP",
            Self::Codec => "The frame codec",
            Self::Parse => "The line parser",
            Self::Transfer => {
                "Transfers over a UART of 921,600 bits a second, one byte in 10,000 damaged"
            }
            Self::Objects => "Objects of 100 MB over TCP on loopback",
            Self::Push => "A new version to a board that has the one before",
            Self::Follower => "A follower that takes nothing for a minute, under 100 MB/s of lines",
            Self::Rest => "The agent at rest",
            Self::Services => "Five hundred services",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    ///
    /// If something that is measured does not work.
    pub fn measure(self, setting: &Setting) -> Result<Vec<Figure>> {
        match self {
            Self::Tcp => tcp::measure(setting),
            Self::Sessions => sessions::measure(setting),
            Self::Codec => codec::measure(setting),
            Self::Parse => parse::measure(setting),
            Self::Transfer => transfer::measure(setting),
            Self::Objects => objects::measure(setting),
            Self::Push => push::measure(setting),
            Self::Follower => follower::measure(setting),
            Self::Rest => rest::measure(setting),
            Self::Services => services::measure(setting),
        }
    }

    /// What to know before comparing, for the page.
    #[must_use]
    pub const fn remarks(self) -> Option<&'static str> {
        match self {
            Self::Tcp => Some(TCP_REMARKS),
            Self::Services => Some(SERVICES_REMARKS),
            Self::Transfer => Some(TRANSFER_REMARKS),
            Self::Objects => Some(OBJECT_REMARKS),
            Self::Push => Some(PUSH_REMARKS),
            Self::Sessions | Self::Codec | Self::Parse | Self::Follower | Self::Rest => None,
        }
    }
}

const TCP_REMARKS: &str = "\
Each server is a process of its own, and all processes share one CPU: there the server's own work
shows whole, while wake-ups between two CPUs would cost more than what is measured. Everyone takes
turns, so that what else the machine does meets all alike. Every answer carries an uptime and 16
bytes of boot id, and TCP_NODELAY is set everywhere.

Not everything is alike:

- The echo knows one request, one nonce and one client. `lastwordd` besides keeps sessions, runs each
  request at most once and keeps its reply, tells frames from lines, and watches deadlines.
- postcard-rpc has no checksum and no retries, and its release brings no TCP: it was given a
  transport framed as its serial one. Its server and client are its own; the client works with
  three tasks, which is part of its figure.
- ergot has no checksum over TCP and no retries, but routes: every packet passes two network stacks
  that could have more nodes.
- The two are asked by their own clients, `lastwordd` and the echo by the same bare loop; the line
  with the client library is the one to hold beside them.";

const TRANSFER_REMARKS: &str = "\
In simulated time, so that every machine has the same figures: real frames of random bytes, ten bits
a byte, each byte with a flipped bit once in 10,000, in both directions. From the last bit of a frame
to its receiver it is a millisecond, and as long back. One frame waits behind the one under way. The
time ends when the sender has the last credit. The object has 16 MiB. Errors are drawn, so that a run
has a few more or fewer of them than the average that the ceiling is computed with.";

const OBJECT_REMARKS: &str = "\
The median of five rounds, in which everyone has a turn. Each round has an object that nobody has seen; its hash is
known to the client before. rsync (Debian's, if it is installed) computes checksums of its own.";

const PUSH_REMARKS: &str = "\
The bytes that went over a TCP connection on loopback in both directions, counted by a relay in the middle. The program is the agent
as a board gets it: with three runs of 14 KiB replaced by text of another program, and built from the commit before. `gen push` sends a
manifest, a signature and what differs; rsync (Debian's, if it is installed) is told to compress, and has the old file on the other side. `zstd --patch-from` is
the same library on the two files alone, at the same level, 3. Seconds are those of the packed file at 115,200 bits a second, ten bits a byte, at the share of
the line that a transfer of its length has with one byte in 10,000 damaged.";

const SERVICES_REMARKS: &str = "\
Every service is the same small program, linked statically, so that what it takes to begin is little.
All supervisors are told to restart it always and at once. The peers are Debian's packages, unpacked
and not installed.

Not everything is alike:

- `lastwordd` writes down which processes there are, holds every service in a cgroup of its own, and has
  made sure that nothing of the one before is left before it starts the next. Without cgroups it has to
  look through all processes for that.
- `lastwordd` and supervisord keep the lines of all 500 services, with two pipes each. runit has one more
  process for each service whose lines are kept: its 500 have none, only the one that writes lines has.
- runit starts a service with a shell script that ends in `exec`, as is usual. Its processes are `runsvdir`
  and 500 `runsv`.
- supervisord looks after its processes once a second, so it is asked for 40 restarts, not 500.";
