//! All processes of this machine, as `/proc` shows them (proc(5)).

use super::watch::Process;
use super::{NONCE_VARIABLE, Nonce64, explain, orphans};
use crate::edge::threads::{self, OneEach};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use tokio::sync::Mutex;

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

    fn read_into(pid: i32, buffer: &mut Vec<u8>) -> io::Result<Self> {
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
    const fn is_program(&self) -> bool {
        const PF_KTHREAD: u32 = 0x0020_0000;
        self.flags & PF_KTHREAD == 0
    }
}

/// The nonce in the environment of a process; `None` too if this process may not read that.
pub(super) fn nonce_of(pid: i32) -> Option<Nonce64> {
    nonce_into(pid, &mut Vec::new())
}

/// Within execve(2) a process has for a moment no environment that could be read.
fn nonce_into(pid: i32, buffer: &mut Vec<u8>) -> Option<Nonce64> {
    /// The moment is some 10 µs long on a processor of its own. Whoever needs 10 ms for it, because a disk
    /// has to be read, is missed.
    const LOOKS: usize = 1_000;
    /// Out of that moment as often it has none: one look can fall between two.
    const CERTAIN: usize = 3;
    let path = format!("/proc/{pid}/environ");
    let mut without = 0;
    for _ in 0..LOOKS {
        read(&path, buffer).ok()?;
        if !buffer.is_empty() {
            return nonce_in(buffer);
        }
        if Stat::read_into(pid, buffer).ok()?.code != 0 {
            without += 1;
        }
        if without == CERTAIN {
            return None;
        }
        thread::yield_now();
    }
    None
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

/// One process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its number.
    pub(super) pid: i32,
    /// What it is.
    pub(super) stat: Stat,
    /// Of which start of a service it is, as far as its environment says.
    pub(super) nonce: Option<Nonce64>,
}

impl Entry {
    /// Holds the process that this is, if it still runs and has not changed.
    pub(super) fn open(&self) -> Option<Process> {
        let process = Process::open(self.pid).ok()?;
        let stat = Stat::read(self.pid).ok()?;
        let is_it = stat.start_time == self.stat.start_time
            && (stat.group, stat.session) == (self.stat.group, self.stat.session)
            && nonce_of(self.pid) == self.nonce
            // Else what was read may have been another's.
            && !process.has_ended();
        is_it.then_some(process)
    }
}

/// All processes. It takes a while: one that is started, and whose parent ends, while the census is
/// taken can be missed; one that is there in all that time is in it.
#[derive(Debug)]
pub(super) struct Census {
    /// In no order.
    pub(super) entries: Vec<Entry>,
}

impl Census {
    /// Looks at all processes, about 10 µs each.
    pub(super) fn take() -> io::Result<Self> {
        Self::take_but(&BTreeSet::new())
    }

    /// Looks at all processes but the main ones of services: what they are is known, and where hundreds
    /// of services run, most processes are theirs.
    pub(super) fn take_strays() -> io::Result<Self> {
        // A number that is given away from here on may be that of a process which began from here on:
        // no census is certain to have such a one.
        Self::take_but(&orphans::leaders())
    }

    fn take_but(known: &BTreeSet<i32>) -> io::Result<Self> {
        let processes = fs::read_dir("/proc");
        let processes = processes.map_err(|error| explain("cannot list /proc", &error))?;
        let mut buffer = Vec::new();
        let mut entries = Vec::new();
        for process in processes {
            let name = process?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if known.contains(&pid) {
                continue;
            }
            // It may have ended since.
            let Ok(stat) = Stat::read_into(pid, &mut buffer) else {
                continue;
            };
            let has_environment = stat.is_program() && stat.runs();
            let nonce = has_environment
                .then(|| nonce_into(pid, &mut buffer))
                .flatten();
            entries.push(Entry { pid, stat, nonce });
        }
        Ok(Self { entries })
    }

    /// How many were taken for all so far.
    #[cfg(test)]
    pub(super) fn taken() -> u64 {
        BEGUN.load(Ordering::SeqCst)
    }

    /// One that begins after this is called, taken off the executor and shared by all who wait for one:
    /// however many services stop together, few are taken. Cancel-safe.
    pub(super) async fn soon() -> io::Result<Arc<Self>> {
        let asked = BEGUN.load(Ordering::SeqCst);
        let mut latest = LATEST.lock().await;
        if let Some((number, census)) = latest.as_ref()
            && *number > asked
        {
            return Ok(census.clone());
        }
        let number = BEGUN.fetch_add(1, Ordering::SeqCst) + 1;
        let taken = threads::run(&OneEach::default(), Self::take).await;
        let census = Arc::new(taken.map_err(|error| io::Error::other(error.to_string()))??);
        *latest = Some((number, census.clone()));
        Ok(census)
    }
}

/// How many censuses for all have begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// The last that was completed, and which it was.
static LATEST: Mutex<Option<(u64, Arc<Census>)>> = Mutex::const_new(None);

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

    #[test]
    fn this_process_is_in_the_census() {
        let this = nix::unistd::getpid().as_raw();
        let census = Census::take().expect("/proc");
        let entry = census.entries.iter().find(|entry| entry.pid == this);
        let entry = entry.expect("it runs");
        assert!(entry.stat.runs());
        assert_eq!(entry.stat.parent, nix::unistd::getppid().as_raw());
    }
}
