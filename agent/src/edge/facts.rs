//! What the kernel tells about this board.

use super::clock::{Clock, uptime};
use super::events::EventBus;
use super::generations::service::GenerationService;
use super::power::SharedDesk;
use super::services::Services;
use super::tls_credentials::CertificateExpiry;
use crate::core::clients::{MTU_BYTES, WINDOW};
use crate::core::events::SharedEvents;
use crate::core::service::Name;
use crate::core::world::{Ask, Look, World};
use lastword_protocol::identity::{
    BoardKind, BootSource, CURRENT, Capabilities, Identity, NAME_BYTES, OLDEST,
};
use lastword_protocol::message::{Pending, Reply, SCHEMA_HASH, Status, Uptime, WAITING_BYTES};
use lastword_protocol::{BootId, Instant, Millis, Text};
use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// This boot's id (random(4), `/proc/sys/kernel/random/boot_id`).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Reads this boot's id.
///
/// # Errors
///
/// If `/proc` is not mounted, or no Linux is below.
pub fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string(BOOT_ID)?;
    text.trim()
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// The host name, as far as it fits.
#[must_use]
pub fn host_name() -> Text<NAME_BYTES> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    Text::try_from(&name[..name.floor_char_boundary(NAME_BYTES)]).unwrap_or_default()
}

/// A decimal number with two places, in hundredths; zero if it is none.
fn hundredths(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let whole: u64 = whole.parse().unwrap_or(0);
    let part: u64 = format!("{part:0<2.2}").parse().unwrap_or(0);
    whole.saturating_mul(100).saturating_add(part)
}

/// The number of open sessions, and of the places kept for some.
#[derive(Clone, Debug, Default)]
pub struct SessionCounter(Arc<SessionCounts>);

#[derive(Debug, Default)]
struct SessionCounts {
    lines: AtomicUsize,
    tcp: AtomicUsize,
    unix: AtomicUsize,
    /// The places that TCP connections leave to others.
    kept: AtomicUsize,
}

/// The kind of link that a session came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// On a serial line or pseudo-terminal, which is there whoever else is.
    Line,
    /// On a TCP connection.
    Tcp,
    /// On a connection to the Unix socket.
    Unix,
}

/// One open session; counted until it is dropped.
#[derive(Debug)]
pub struct SessionSlot(SessionCounter, SessionKind);

/// A place that TCP connections leave to others, until it is dropped.
#[derive(Debug)]
pub struct ReservedSlot(SessionCounter);

impl SessionCounter {
    /// Counts one more, if there is a place for it: connections have `most`, of which those over TCP
    /// leave the kept ones to others, but one at least is for anybody. Lines need none.
    #[must_use]
    pub fn enter(&self, kind: SessionKind, most: usize) -> Option<SessionSlot> {
        let places = &*self.0;
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let mine = places.of(kind);
        let most = match kind {
            SessionKind::Line => usize::MAX,
            SessionKind::Tcp => {
                let share = most.saturating_sub(load(&places.kept)).max(1);
                share.min(most.saturating_sub(load(&places.unix)))
            }
            SessionKind::Unix => most.saturating_sub(load(&places.tcp)),
        };
        mine.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < most).then_some(open + 1)
        })
        .is_ok()
        .then(|| SessionSlot(self.clone(), kind))
    }

    /// Keeps one place from TCP connections.
    #[must_use]
    pub fn keep_place(&self) -> ReservedSlot {
        self.0.kept.fetch_add(1, Ordering::Relaxed);
        ReservedSlot(self.clone())
    }

    fn open(&self) -> usize {
        let kinds = [SessionKind::Line, SessionKind::Tcp, SessionKind::Unix];
        let open = kinds.map(|kind| self.0.of(kind).load(Ordering::Relaxed));
        open.into_iter().sum()
    }
}

impl SessionCounts {
    const fn of(&self, kind: SessionKind) -> &AtomicUsize {
        match kind {
            SessionKind::Line => &self.lines,
            SessionKind::Tcp => &self.tcp,
            SessionKind::Unix => &self.unix,
        }
    }
}

impl Drop for SessionSlot {
    fn drop(&mut self) {
        self.0.0.of(self.1).fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for ReservedSlot {
    fn drop(&mut self) {
        self.0.0.kept.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listeners that cannot be opened yet.
#[derive(Clone, Debug, Default)]
pub struct AwaitedListeners(Arc<Mutex<Vec<String>>>);

/// One listener that is waited for, until it is dropped.
#[derive(Debug)]
pub struct AwaitedListener {
    all: AwaitedListeners,
    name: String,
}

impl AwaitedListeners {
    /// Says that this one is waited for.
    #[must_use]
    pub fn enter(&self, name: String) -> AwaitedListener {
        self.lock().push(name.clone());
        let all = self.clone();
        AwaitedListener { all, name }
    }

    /// Their names, as far as they fit.
    fn names(&self) -> Text<WAITING_BYTES> {
        const CUT: &str = "…";
        let names = self.lock().join(", ");
        Text::try_from(names.as_str()).unwrap_or_else(|_| {
            let end = names.floor_char_boundary(WAITING_BYTES - CUT.len());
            Text::try_from(format!("{}{CUT}", &names[..end]).as_str()).unwrap_or_default()
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AwaitedListener {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(at) = all.iter().position(|name| *name == self.name) {
            all.remove(at);
        }
    }
}

/// This board.
#[derive(Clone, Debug)]
pub struct LinuxBoard {
    /// Its name.
    pub name: Text<NAME_BYTES>,
    /// What is staged and what was last.
    pub desk: SharedDesk,
    /// Who talks to it.
    pub sessions: SessionCounter,
    /// Listeners that are not open.
    pub waiting: AwaitedListeners,
    /// The time until which its certificate is valid.
    pub expiry: CertificateExpiry,
    /// What is supervised on it.
    pub services: Services,
    /// The generations on it.
    pub generations: GenerationService,
    /// The events on it.
    pub events: EventBus,
    /// The agent's clock: its origin is the agent's start.
    pub clock: Clock,
}

impl World for LinuxBoard {
    fn identity(&self) -> Identity {
        let generations = self.generations.active();
        let desk = self.desk.lock();
        let board = desk.board();
        Identity {
            oldest: OLDEST,
            current: CURRENT,
            boot: board.boot,
            boot_source: BootSource::Kernel,
            cause: board.cause,
            kind: BoardKind::Linux,
            name: self.name.clone(),
            firmware: Text::try_from(env!("CARGO_PKG_VERSION")).unwrap_or_default(),
            build: Text::try_from(option_env!("LASTWORD_BUILD").unwrap_or_default())
                .unwrap_or_default(),
            backend: board.backend,
            mtu: MTU_BYTES,
            window: u8::try_from(WINDOW).unwrap_or(u8::MAX),
            capabilities: Capabilities(0),
            schema: SCHEMA_HASH,
            last: desk.last(),
            active: generations.current,
            pending: generations.pending,
        }
    }

    fn pending(&self) -> Option<Pending> {
        self.desk.lock().status(self.clock.now()).pending
    }

    fn look(&self, look: Look) -> Reply {
        match look {
            Look::Identity => Reply::Identity(self.identity()),
            Look::Status => Reply::Status(self.status()),
            Look::Uptime => {
                let boot = self.desk.lock().board().boot;
                Reply::Uptime(Uptime {
                    uptime: uptime(),
                    boot,
                })
            }
            Look::Power => Reply::PowerStatus(self.desk.status(self.clock.now())),
        }
    }

    fn left(&self, now: Instant, ask: &Ask) -> Option<Millis> {
        match ask {
            Ask::Service(request) => self.services.left(now, request),
            // It is answered within seconds.
            Ask::Stage(_)
            | Ask::Cancel(_)
            | Ask::ReadLog(_)
            | Ask::Object(_)
            | Ask::Generation(_) => None,
        }
    }

    fn events(&self) -> Option<&SharedEvents> {
        Some(self.events.events())
    }

    fn services(&self) -> Arc<[Name]> {
        self.services.names()
    }
}

impl LinuxBoard {
    /// This boot.
    #[must_use]
    pub fn boot(&self) -> BootId {
        self.desk.lock().board().boot
    }

    fn status(&self) -> Status {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemAvailable:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = hundredths(load.split_whitespace().next().unwrap_or_default());
        let now = self.clock.now();
        let power = self.desk.lock().status(now);
        Status {
            boot: power.boot,
            uptime: uptime(),
            agent_uptime: Millis(now.0),
            sessions: u16::try_from(self.sessions.open()).unwrap_or(u16::MAX),
            memory_available_kib: available.unwrap_or(0),
            load_hundredths: u32::try_from(load).unwrap_or(u32::MAX),
            pending: power.pending,
            waiting: self.waiting.names(),
            certificate_left: self.expiry.left(),
            failing_logs: self.services.failing_logs(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_hundredths() {
        for (text, expected) in [
            ("0.00", 0),
            ("12.34", 1_234),
            ("7", 700),
            ("3.1", 310),
            ("x", 0),
        ] {
            assert_eq!(hundredths(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_waited_for_is_named_as_far_as_it_fits() {
        let waiting = AwaitedListeners::default();
        let first = waiting.enter("serial /dev/ttyUSB7".to_owned());
        let second = waiting.enter("tcp 127.0.0.1:7450".to_owned());
        assert_eq!(waiting.names(), "serial /dev/ttyUSB7, tcp 127.0.0.1:7450");
        drop(first);
        let long = waiting.enter(format!("pty /{}", "é".repeat(40)));
        let names = waiting.names();
        assert!(
            names.len() <= WAITING_BYTES && names.ends_with("é…"),
            "{names}"
        );
        drop((second, long));
        assert_eq!(waiting.names(), "");
    }

    #[test]
    fn sessions_are_counted_and_bounded() {
        let sessions = SessionCounter::default();
        let first = sessions.enter(SessionKind::Unix, 1);
        assert!(first.is_some());
        assert!(sessions.enter(SessionKind::Unix, 1).is_none());
        drop(first);
        assert!(sessions.enter(SessionKind::Unix, 1).is_some());
    }
}
