//! Listeners: where links come from.

mod tls;

use super::events::session_end;
use super::facts::{AwaitedListeners, SessionCounter, SessionKind};
use super::failpoint::{Fault, is_planted, pass};
use super::file_limit::{self, CONSOLE_DESCRIPTORS};
use super::link::{Link, PtyLink, SerialLink, TcpLink, UnixLink};
use super::ownership::exposed_parent;
use super::refused_connections::RefusedConnections;
use super::session::{Room, resume, serve};
use super::socket_path::{self, SocketPath};
use super::tasks;
use super::tls_credentials::CertificateExpiry;
use crate::core::clients::Life;
use crate::core::config::Listener;
use crate::core::recovery::Recovered;
use crate::core::session::End;
use lastword_daemon::CONNECTION_TARGET;
use lastword_protocol::frame::session_nonce;
use lastword_protocol::{BootId, ClientId, Nonce};
use lastword_tls::WatchedCredentials;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

/// The time after a failure until a listener is opened again: twice as long after each further one.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// The longest time between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(4);
/// How long to wait after accept(2) failed, as it does when descriptors run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listener}: {source}")]
pub struct ListenError {
    listener: String,
    source: io::Error,
    is_for_ever: bool,
}

impl ListenError {
    /// Returns whether waiting does not help: it is the configuration that is wrong. A device that is absent, a port
    /// that is taken, an address that is not assigned, a disk that is full may be otherwise soon.
    #[must_use]
    pub const fn is_for_ever(&self) -> bool {
        self.is_for_ever
    }
}

/// A listener that is open.
pub enum Open {
    /// A serial port.
    Serial(SerialLink),
    /// A pseudo-terminal.
    Pty(PtyLink),
    /// A TCP port.
    Tcp(TcpListener),
    /// A TCP port for TLS.
    Tls(TcpListener, Arc<WatchedCredentials>),
    /// A Unix socket.
    Unix(UnixListener, SocketPath),
}

/// Opens a listener. A Unix socket has to have a path, TLS its credentials.
///
/// # Errors
///
/// [`ListenError`], which names the listener.
pub async fn open(listener: &Listener) -> Result<Open, ListenError> {
    let opened = match listener {
        Listener::Serial { path, baud } => SerialLink::open(path, *baud).map(Open::Serial),
        Listener::Pty { path } => PtyLink::open(path).map(Open::Pty),
        Listener::Tcp { address, .. } => TcpListener::bind(address).await.map(Open::Tcp),
        Listener::Tls {
            address,
            credentials,
        } => {
            let credentials = credentials.as_deref().unwrap_or(Path::new(""));
            tls::open(*address, credentials).await
        }
        Listener::Unix { path } => {
            let bound = socket_path::bind(path.as_deref().unwrap_or(Path::new(""))).await;
            bound.map(|(listener, path)| Open::Unix(listener, path))
        }
    };
    if let (Ok(_), Listener::Unix { path: Some(path) } | Listener::Pty { path }) =
        (&opened, listener)
        && let Some((parent, why)) = exposed_parent(path)
    {
        tracing::warn!(%listener, directory = %parent.display(), "others could replace it: {why}");
    }
    opened.map_err(|source| ListenError {
        listener: listener.to_string(),
        is_for_ever: is_for_ever(listener, &source),
        source,
    })
}

fn is_for_ever(listener: &Listener, error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    if error.raw_os_error() == Some(libc::EAFNOSUPPORT) {
        return true;
    }
    match error.kind() {
        // The rights to a device come a moment after it, from udev.
        Kind::PermissionDenied => !matches!(listener, Listener::Serial { .. }),
        Kind::InvalidInput
        | Kind::InvalidFilename
        | Kind::AlreadyExists
        | Kind::NotADirectory
        | Kind::IsADirectory => true,
        _ => false,
    }
}

impl Open {
    /// Where clients connect, for the log and for whoever asked for any free port.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Serial(link) => link.describe(),
            Self::Pty(link) => link.describe(),
            Self::Tcp(listener) => described("tcp", listener),
            Self::Tls(listener, _) => described("tls", listener),
            Self::Unix(_, path) => format!("unix {}", path.path().display()),
        }
    }
}

fn described(kind: &str, listener: &TcpListener) -> String {
    listener
        .local_addr()
        .map_or(kind.to_owned(), |address| format!("{kind} {address}"))
}

/// Serves listeners.
#[derive(Clone)]
pub struct Host {
    room: Room,
    sessions: SessionCounter,
    waiting: AwaitedListeners,
    boot: BootId,
    life: Life,
    /// How many conversations there were.
    conversations: Arc<AtomicU32>,
    refusals: RefusedConnections,
    expiry: CertificateExpiry,
}

impl Host {
    /// Serves sessions in `room`. Recovery must have its verdict first.
    #[must_use]
    pub fn new(
        recovered: &Recovered,
        room: Room,
        (sessions, waiting, expiry): (SessionCounter, AwaitedListeners, CertificateExpiry),
        life: Life,
    ) -> Self {
        let boot = recovered.record().boot;
        Self {
            room,
            sessions,
            waiting,
            boot,
            life,
            conversations: Arc::default(),
            refusals: RefusedConnections::default(),
            expiry,
        }
    }

    /// Serves one listener until the agent ends, as soon as it can be opened, and again when it has failed.
    ///
    /// What a Unix socket keeps from the network is kept from this call on, before anybody is served.
    pub fn serve(self, listener: Listener, open: Option<Open>) -> impl Future<Output = ()> {
        let is_unix = matches!(listener, Listener::Unix { .. });
        let kept = is_unix.then(|| self.sessions.keep_place());
        async move {
            // However many come from the network, whoever is on the board gets in.
            let _kept = kept;
            Box::pin(self.until_stopped(listener, open)).await;
        }
    }

    async fn until_stopped(self, listener: Listener, open: Option<Open>) {
        let mut stop = self.room.stop.clone();
        let mut conversations = JoinSet::new();
        tokio::select! {
            () = self.forever(listener, open, &mut conversations) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        // They are told, too, and have a word to say at most.
        while conversations.join_next().await.is_some() {}
    }

    async fn forever(
        self,
        listener: Listener,
        mut opened: Option<Open>,
        conversations: &mut JoinSet<()>,
    ) {
        let mut has_failed = false;
        loop {
            let mut open = match opened.take() {
                Some(open) => open,
                None => self.awaited(&listener).await,
            };
            if has_failed && let Open::Serial(link) = &mut open {
                link.was_closed();
            }
            match open {
                // A serial port is one link for ever: its sessions follow one another, and a port that
                // fails (an adapter was unplugged) is opened again, once it is closed.
                Open::Serial(mut link) => self.line(&mut link).await,
                Open::Pty(mut link) => self.line(&mut link).await,
                Open::Tcp(listener) => self.tcp(listener, conversations).await,
                Open::Tls(listener, credentials) => {
                    self.tls(listener, &credentials, conversations).await;
                }
                Open::Unix(listener, _path) => self.unix(listener, conversations).await,
            }
            if *self.room.stop.borrow() {
                return;
            }
            has_failed = true;
            tracing::warn!(%listener, "failed; it is opened again as soon as that is possible");
        }
    }

    /// Waits until a listener can be opened, and says in `status` that it is waited for.
    async fn awaited(&self, listener: &Listener) -> Open {
        let _waiting = self.waiting.enter(listener.to_string());
        let mut pause = RETRY_MIN;
        loop {
            sleep(pause).await;
            match open(listener).await {
                Ok(open) => {
                    tracing::info!(listener = open.describe(), "listening");
                    return open;
                }
                Err(error) => tracing::debug!(%error, "waiting"),
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// One session after the other, until the line fails or the agent ends.
    async fn line(&self, link: &mut dyn Link) {
        // A line is there whoever else is: it is counted and never refused.
        let _counted = self.sessions.enter(SessionKind::Line, usize::MAX);
        let mut goes_on = self.conversation(link, SessionStart::Announced).await;
        while goes_on && !*self.room.stop.borrow() {
            goes_on = self.conversation(link, SessionStart::Resumed).await;
        }
    }

    async fn tcp(&self, listener: TcpListener, conversations: &mut JoinSet<()>) {
        loop {
            reap(conversations);
            match listener.accept().await {
                // A console gets in, however many come from the network.
                Ok((_, peer)) if !file_limit::has_left(CONSOLE_DESCRIPTORS) => {
                    self.refusals.note_full(&peer);
                }
                Ok((stream, peer)) => match TcpLink::new(stream, peer) {
                    Ok(link) => self.connection(conversations, link, SessionKind::Tcp),
                    Err(error) => tracing::debug!(%peer, %error, "gone before it began"),
                },
                Err(error) => not_accepted(&error).await,
            }
            // However many knock, those who are in have their turn.
            yield_now().await;
        }
    }

    async fn unix(&self, listener: UnixListener, conversations: &mut JoinSet<()>) {
        loop {
            reap(conversations);
            match listener.accept().await {
                Ok((stream, _)) => {
                    self.connection(conversations, UnixLink::new(stream), SessionKind::Unix);
                }
                Err(error) => not_accepted(&error).await,
            }
            yield_now().await;
        }
    }

    /// Serves a connection, if there is a place for it.
    fn connection(
        &self,
        conversations: &mut JoinSet<()>,
        mut link: impl Link + 'static,
        kind: SessionKind,
    ) {
        pass("in-listener");
        if is_planted(Fault::Leak) {
            std::mem::forget(std::fs::File::open("/dev/null"));
        }
        let host = self.clone();
        let conversation = async move {
            let most = host.room.house.limits.sessions;
            let Some(_counted) = host.sessions.enter(kind, most) else {
                let (room, nonce) = (host.room.clone(), host.nonce(host.next_number()));
                return host.refusals.turn_away(&mut link, room, nonce, most).await;
            };
            host.conversation(&mut link, SessionStart::Connected).await;
            // Whether the peer hears of the end is its own affair.
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut link).await;
        };
        conversations.spawn(tasks::named("session", conversation));
    }

    /// One session to its end. Returns whether the link still works.
    async fn conversation(&self, link: &mut dyn Link, start: SessionStart) -> bool {
        let name = link.describe();
        tracing::debug!(link = name, "session begins");
        if matches!(start, SessionStart::Connected) {
            pass("in-session");
        }
        let number = self.next_number();
        let (room, nonce) = (self.room.clone(), self.nonce(number));
        let (kind, peer) = (link.kind(), link.peer());
        let (events, number) = (&self.room.events, u64::from(number) + 1);
        let report = |end| events.report_session(number, (kind, &peer), end);
        report(None);
        let ended = match start {
            SessionStart::Announced => serve(link, room, nonce, true).await,
            SessionStart::Resumed => resume(link, room, nonce).await,
            SessionStart::Connected => serve(link, room, nonce, false).await,
        };
        report(Some(session_end(&ended)));
        match ended {
            Ok(End::Finished) => tracing::debug!(link = name, "session ends"),
            Ok(end) => {
                tracing::info!(target: CONNECTION_TARGET, link = name, ?end, "dropped by policy");
            }
            Err(error) => {
                tracing::debug!(link = name, %error, "link failed");
                return false;
            }
        }
        true
    }

    /// Returns a number that no other session of the agent has.
    fn next_number(&self) -> u32 {
        self.conversations.fetch_add(1, Ordering::Relaxed)
    }

    /// The nonce of the text lines of the session with this number: no two sessions of a boot have the same.
    fn nonce(&self, number: u32) -> Nonce {
        let birth = self.life.birth(number);
        session_nonce(self.boot, ClientId(u64::from(birth)))
    }
}

/// The beginning of a conversation.
#[derive(Clone, Copy)]
enum SessionStart {
    /// On a line that is told that the board is there.
    Announced,
    /// On a line, behind another.
    Resumed,
    /// With a peer that has connected.
    Connected,
}

/// Forgets the conversations that are over.
fn reap(conversations: &mut JoinSet<()>) {
    while conversations.try_join_next().is_some() {}
}

async fn not_accepted(error: &io::Error) {
    tracing::warn!(target: CONNECTION_TARGET, %error, "a connection was not accepted");
    sleep(ACCEPT_AGAIN).await;
}
