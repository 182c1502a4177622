//! One process of this machine, as `/proc` shows it (proc(5)).

use super::{NONCE_VARIABLE, Nonce64};
use crate::edge::explained::is_exhausted;
use std::fs::File;
use std::io::{self, Read};
use std::thread;

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    state: u8,
    flags: u32,
    threads: u32,
    /// Whose child it is.
    pub(super) parent: i32,
    /// Its process group.
    pub(super) group: i32,
    /// Its session.
    pub(super) session: i32,
    /// When it was started, in ticks since boot.
    pub(super) start_time: u64,
    /// Where its code begins; 0 as long as execve(2) is not done.
    code: u64,
}

impl Stat {
    /// Reads it.
    pub(super) fn read(pid: i32) -> io::Result<Self> {
        Self::read_into(pid, &mut Vec::new())
    }

    pub(super) fn read_into(pid: i32, buffer: &mut Vec<u8>) -> io::Result<Self> {
        let path = format!("/proc/{pid}/stat");
        read(&path, buffer)?;
        let parsed = Self::parse(&String::from_utf8_lossy(buffer));
        parsed.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("cannot read {path}"))
        })
    }

    /// The second field is the name in parentheses, and may hold anything, more of them too.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        let flags = fields.nth(2)?.parse().ok()?;
        let threads = fields.nth(10)?.parse().ok()?;
        let start_time = fields.nth(1)?.parse().ok()?;
        let code = fields.nth(3)?.parse().ok()?;
        Some(Self {
            state,
            flags,
            threads,
            parent,
            group,
            session,
            start_time,
            code,
        })
    }

    /// Whether anything of it still runs. One whose first thread alone has ended is shown as a zombie.
    pub(super) const fn runs(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x') || self.threads > 1
    }

    /// Whether it is a program at all, and no thread of the kernel's own (`PF_KTHREAD`, linux/sched.h).
    pub(super) const fn is_program(&self) -> bool {
        const PF_KTHREAD: u32 = 0x0020_0000;
        self.flags & PF_KTHREAD == 0
    }
}

/// The nonce in the environment of a process; `None` too if this process may not read that.
pub(super) fn nonce_of(pid: i32) -> Option<Nonce64> {
    nonce_into(pid, &mut Vec::new()).ok().flatten()
}

/// Reads the nonce. Within execve(2) a process has for a moment no environment that could be read.
///
/// # Errors
///
/// If no descriptor is left to look with.
pub(super) fn nonce_into(pid: i32, buffer: &mut Vec<u8>) -> io::Result<Option<Nonce64>> {
    /// The moment is some 10 µs long on a processor of its own. Whoever needs 10 ms for it, because a disk
    /// has to be read, is missed.
    const LOOKS: usize = 1_000;
    /// Out of that moment as often it has none: one look can fall between two.
    const CERTAIN: usize = 3;
    let path = format!("/proc/{pid}/environ");
    let mut without = 0;
    for _ in 0..LOOKS {
        match read(&path, buffer) {
            Ok(()) if buffer.is_empty() => {}
            Ok(()) => return Ok(nonce_in(buffer)),
            Err(error) => return unless_exhausted(Err(error)),
        }
        match Stat::read_into(pid, buffer) {
            Ok(stat) => without += usize::from(stat.code != 0),
            Err(error) => return unless_exhausted(Err(error)),
        }
        if without == CERTAIN {
            return Ok(None);
        }
        thread::yield_now();
    }
    Ok(None)
}

/// Returns nothing for a process that has ended, or may not be looked at.
///
/// # Errors
///
/// If it is this process that cannot look, because descriptors or memory have run out.
pub(super) fn unless_exhausted<T>(looked: io::Result<Option<T>>) -> io::Result<Option<T>> {
    looked.or_else(|error| {
        if is_exhausted(&error) {
            Err(error)
        } else {
            Ok(None)
        }
    })
}

/// Returns variables from the environment of a process, those that can be read and are there.
///
/// # Errors
///
/// If no descriptor is left to look with.
pub(super) fn variables_of<const N: usize>(
    pid: i32,
    names: [&str; N],
) -> io::Result<[Option<Vec<u8>>; N]> {
    let mut environment = Vec::new();
    let read = read(&format!("/proc/{pid}/environ"), &mut environment);
    // It may have ended since.
    unless_exhausted(read.map(Some))?;
    Ok(names.map(|name| {
        let mut entries = environment.split(|byte| *byte == 0);
        entries.find_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(value.to_owned())
        })
    }))
}

fn nonce_in(environment: &[u8]) -> Option<Nonce64> {
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(NONCE_VARIABLE.as_bytes())?;
        let value = value.strip_prefix(b"=")?;
        str::from_utf8(value).ok()?.parse().ok()
    })
}

fn read(path: &str, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    File::open(path)?.read_to_end(buffer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything_and_a_torn_line_is_no_process() {
        let rest = "S 1 42 41 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 987654 10 11 12 13 14";
        let stat = Stat {
            state: b'S',
            flags: 4_194_304,
            threads: 3,
            parent: 1,
            group: 42,
            session: 41,
            start_time: 987_654,
            code: 13,
        };
        check(&format!("43 (sleep) {rest}"), Some(stat));
        check(&format!("43 (a) b (c) S 9 9) {rest}"), Some(stat));
        check(
            "43 (sleep) S 1 42 41 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 987654 10 11 12",
            None,
        );
        check("43 (sleep", None);
        check("", None);
    }

    #[track_caller]
    fn check(line: &str, stat: Option<Stat>) {
        assert_eq!(Stat::parse(line), stat, "{line}");
    }

    #[test]
    fn a_zombie_does_not_run_unless_other_threads_of_it_do() {
        for (state, threads, runs) in [
            (b'R', 1, true),
            (b'T', 1, true),
            (b'Z', 1, false),
            (b'Z', 0, false),
            (b'X', 1, false),
            (b'Z', 2, true),
        ] {
            let stat = Stat {
                state,
                flags: 0,
                threads,
                parent: 1,
                group: 1,
                session: 1,
                start_time: 1,
                code: 1,
            };
            assert_eq!(stat.runs(), runs, "{state} {threads}");
        }
    }

    #[test]
    fn a_nonce_is_one_whole_variable() {
        let nonce = Some(Nonce64(0x1f));
        for (environment, found) in [
            (&b"A=1\0LASTWORD_NONCE=000000000000001f\0B=2\0"[..], nonce),
            (b"LASTWORD_NONCE=000000000000001f", nonce),
            (b"XLASTWORD_NONCE=000000000000001f\0", None),
            (b"A=LASTWORD_NONCE=000000000000001f\0", None),
            (b"LASTWORD_NONCE=\0", None),
            (b"LASTWORD_NONCE=1f0000000000000000\0", None),
            (b"", None),
        ] {
            assert_eq!(
                nonce_in(environment),
                found,
                "{}",
                environment.escape_ascii()
            );
        }
    }
}
