//! What a process uses, as the kernel counts it.

use anyhow::{Context, Result};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

/// The memory of a process, in KiB (proc(5), `smaps_rollup`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// What is in memory, shared pages counted whole.
    pub resident: u64,
    /// What is in memory, shared pages divided among those who share them.
    pub proportional: u64,
    /// What nobody shares.
    pub private: u64,
    /// What no file stands behind: it cannot be dropped and read again.
    pub anonymous: u64,
}

impl Memory {
    /// Of the process `pid`.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Self::read(&text).context("smaps_rollup does not say")
    }

    fn read(text: &str) -> Option<Self> {
        Some(Self {
            resident: field(text, "Rss:")?,
            proportional: field(text, "Pss:")?,
            private: field(text, "Private_Clean:")? + field(text, "Private_Dirty:")?,
            anonymous: field(text, "Anonymous:")?,
        })
    }
}

/// What a process has used of the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Time on the CPU, of all its threads.
    pub time: Duration,
    /// How often a thread gave the CPU up to wait: each is a wake-up later.
    pub waits: u64,
}

impl Work {
    /// Of the process `pid`, since it began.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub fn of(pid: u32) -> Result<Self> {
        let process = Pid::from_raw(i32::try_from(pid)?);
        let time = Duration::from(clock_gettime(clock_getcpuclockid(process)?)?);
        let mut waits = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            waits += field(&status, "voluntary_ctxt_switches:").context("no count of waits")?;
        }
        Ok(Self { time, waits })
    }
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_rollup() {
        let text = "55-7f ---p 0 00:00 0 [rollup]\nRss:  5120 kB\nPss:  2048 kB\n\
                    Private_Clean:  8 kB\nPrivate_Dirty:  100 kB\nAnonymous:  96 kB\n";
        let expected = Memory {
            resident: 5_120,
            proportional: 2_048,
            private: 108,
            anonymous: 96,
        };
        assert_eq!(Memory::read(text), Some(expected));
        assert_eq!(Memory::read("Rss: 1 kB\n"), None);
    }

    #[test]
    fn a_name_within_a_line_is_another_name() {
        let text = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t5\n";
        assert_eq!(field(text, "voluntary_ctxt_switches:"), Some(5));
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let pid = std::process::id();
        assert!(Memory::of(pid).unwrap().resident > 0);
        assert!(Work::of(pid).unwrap().time > Duration::ZERO);
    }
}
