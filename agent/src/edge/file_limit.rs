//! How many descriptors are left (getrlimit(2), `RLIMIT_NOFILE`), and for whom: services leave some for
//! sessions, power and the agent's own files, and TCP connections leave some for consoles.

use super::explained::explain;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many descriptors services leave for everything else.
pub(super) const RESERVED_DESCRIPTORS: u64 = 16;
/// How many descriptors TCP connections leave for consoles, the Unix socket and power.
pub(super) const CONSOLE_DESCRIPTORS: u64 = 8;

/// Descriptors that something is about to open; given back, or counted as open, once it has.
#[derive(Debug)]
pub(super) struct Claim(u64);

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// What all claims hold together: a fact of the whole process, like the limit.
static CLAIMED: AtomicU64 = AtomicU64::new(0);

/// Claims so many descriptors for services.
///
/// # Errors
///
/// `EMFILE`, and where the limit is, if fewer than [`RESERVED_DESCRIPTORS`] would be left.
pub(super) fn claim(count: u64) -> io::Result<Claim> {
    let claimed = CLAIMED.fetch_add(count, Ordering::Relaxed);
    let claim = Claim(count);
    let (open, limit) = usage()?;
    let wanted = open.saturating_add(claimed).saturating_add(count);
    if wanted.saturating_add(RESERVED_DESCRIPTORS) <= limit {
        return Ok(claim);
    }
    let what = format!(
        "{open} of {limit} descriptors are open, and {RESERVED_DESCRIPTORS} are kept; raise the limit on open files"
    );
    Err(explain(what, &Errno::EMFILE.into()))
}

/// Whether so many descriptors are left. Where that cannot be told they are.
pub(super) fn has_left(count: u64) -> bool {
    usage().is_ok_and(|(open, limit)| open.saturating_add(count) <= limit)
}

/// How many descriptors are open, and how many may be.
fn usage() -> io::Result<(u64, u64)> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok((open_count(limit)?, limit))
}

fn open_count(limit: u64) -> io::Result<u64> {
    const DESCRIPTORS: &str = "/proc/self/fd";
    let failed = |error: io::Error| explain("cannot count descriptors", &error);
    // Their number, since Linux 6.2; 0 before.
    let size = fs::metadata(DESCRIPTORS).map_err(failed)?.len();
    if size > 0 {
        return Ok(size);
    }
    // A new descriptor has the lowest number that is free. To count thousands for each start takes too long.
    let lowest = File::open("/dev/null").map_err(failed)?.as_raw_fd();
    let lowest = u64::from(lowest.unsigned_abs());
    if lowest < limit / 2 {
        return Ok(lowest);
    }
    Ok(fs::read_dir(DESCRIPTORS).map_err(failed)?.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_claimed_counts_until_it_is_given_back() {
        let (open, limit) = usage().expect("/proc");
        let most = limit - open - RESERVED_DESCRIPTORS;
        // Other tests of this process open files meanwhile.
        let some = most / 2;
        let claimed = claim(some).expect("room");
        let error = claim(most).expect_err("some of it is claimed");
        assert_eq!(super::super::explained::errno(&error), Some(Errno::EMFILE));
        drop(claimed);
        drop(claim(some).expect("room again"));
        assert!(has_left(1) && !has_left(limit));
    }
}
