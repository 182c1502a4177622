//! Listeners: where links come from.

use super::facts::Sessions;
use super::failpoint::pass;
use super::link::{Link, PtyLink, SerialLink, TcpLink, UnixLink};
use super::session::{Room, resume, serve};
use super::tasks;
use crate::core::clients::Life;
use crate::core::config::Listener;
use crate::core::recovery::Recovered;
use crate::core::session::End;
use lastword_protocol::frame::session_nonce;
use lastword_protocol::{BootId, ClientId, Nonce};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long to wait before a port that failed is opened again.
const REOPEN: Duration = Duration::from_secs(1);
/// How long to wait after accept(2) failed, as it does when descriptors run out.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Why a listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {what}")]
pub struct ListenError {
    what: String,
    source: io::Error,
}

/// A listener that is open.
pub enum Open {
    /// A serial port.
    Serial(SerialLink, PathBuf, u32),
    /// A pseudo-terminal.
    Pty(PtyLink),
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket and its path.
    Unix(UnixListener, PathBuf),
}

/// Opens a listener. `socket` is where a Unix socket goes that names no path.
///
/// # Errors
///
/// [`ListenError`], which names the listener.
pub async fn open(listener: &Listener, socket: &Path) -> Result<Open, ListenError> {
    let (what, opened) = match listener {
        Listener::Serial { path, baud } => {
            let opened = SerialLink::open(path, *baud);
            let opened = opened.map(|link| Open::Serial(link, path.clone(), *baud));
            (format!("serial port {}", path.display()), opened)
        }
        Listener::Pty { path } => (
            format!("pty {}", path.display()),
            PtyLink::open(path).map(Open::Pty),
        ),
        Listener::Tcp { address, .. } => (
            format!("tcp {address}"),
            TcpListener::bind(address).await.map(Open::Tcp),
        ),
        Listener::Unix { path } => {
            let path = path.as_deref().unwrap_or(socket);
            (
                format!("unix socket {}", path.display()),
                bind_unix(path).await,
            )
        }
    };
    opened.map_err(|source| ListenError { what, source })
}

/// Binds a Unix socket of mode 0600. A socket that nobody answers on is a dead agent's and makes
/// room; one that somebody answers on does not.
async fn bind_unix(path: &Path) -> io::Result<Open> {
    if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
        if tokio::net::UnixStream::connect(path).await.is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another agent answers there",
            ));
        }
        fs::remove_file(path)?;
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Open::Unix(listener, path.to_owned()))
}

impl Open {
    /// Where clients connect, for the log and for whoever asked for any free port.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Serial(link, ..) => link.describe(),
            Self::Pty(link) => link.describe(),
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or("tcp".to_owned(), |address| format!("tcp {address}")),
            Self::Unix(_, path) => format!("unix {}", path.display()),
        }
    }
}

/// Serves listeners.
#[derive(Clone)]
pub struct Host {
    room: Room,
    sessions: Sessions,
    boot: BootId,
    life: Life,
    /// How many conversations there were.
    conversations: Arc<AtomicU32>,
}

impl Host {
    /// Serves sessions in `room`. Recovery must have its verdict first.
    #[must_use]
    pub fn new(recovered: &Recovered, room: Room, sessions: Sessions, life: Life) -> Self {
        let boot = recovered.record().boot;
        Self {
            room,
            sessions,
            boot,
            life,
            conversations: Arc::default(),
        }
    }

    /// Serves one listener until the agent ends.
    pub async fn serve(self, open: Open) {
        let mut stop = self.room.stop.clone();
        let mut conversations = JoinSet::new();
        tokio::select! {
            () = self.forever(open, &mut conversations) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        // They are told, too, and have a word to say at most.
        while conversations.join_next().await.is_some() {}
    }

    async fn forever(self, open: Open, conversations: &mut JoinSet<()>) {
        match open {
            Open::Serial(link, path, baud) => self.serial(link, &path, baud).await,
            Open::Pty(link) => self.pty(link).await,
            Open::Tcp(listener) => self.tcp(listener, conversations).await,
            Open::Unix(listener, path) => {
                let _remove = RemoveSocket(path);
                self.unix(listener, conversations).await;
            }
        }
    }

    /// A serial port is one link for ever: its sessions follow one another, and a port that fails
    /// (an adapter was unplugged) is opened again.
    async fn serial(&self, mut link: SerialLink, path: &Path, baud: u32) {
        loop {
            self.line(&mut link).await;
            loop {
                sleep(REOPEN).await;
                match SerialLink::reopen(path, baud) {
                    Ok(opened) => break link = opened,
                    Err(error) => tracing::debug!(port = %path.display(), %error, "still gone"),
                }
            }
            tracing::info!(port = %path.display(), "back");
        }
    }

    async fn pty(&self, mut link: PtyLink) {
        loop {
            self.line(&mut link).await;
            sleep(REOPEN).await;
        }
    }

    /// One session after the other, until the line fails or the agent ends.
    async fn line(&self, link: &mut dyn Link) {
        // A line is there whoever else is: it is counted and never refused.
        let _counted = self.sessions.enter(usize::MAX);
        let mut goes_on = self.conversation(link, Start::Announced).await;
        while goes_on && !*self.room.stop.borrow() {
            goes_on = self.conversation(link, Start::Resumed).await;
        }
    }

    async fn tcp(&self, listener: TcpListener, conversations: &mut JoinSet<()>) {
        loop {
            reap(conversations);
            match listener.accept().await {
                Ok((stream, peer)) => match TcpLink::new(stream, peer) {
                    Ok(link) => self.connection(conversations, link),
                    Err(error) => tracing::debug!(%peer, %error, "gone before it began"),
                },
                Err(error) => not_accepted(&error).await,
            }
        }
    }

    async fn unix(&self, listener: UnixListener, conversations: &mut JoinSet<()>) {
        loop {
            reap(conversations);
            match listener.accept().await {
                Ok((stream, _)) => self.connection(conversations, UnixLink::new(stream)),
                Err(error) => not_accepted(&error).await,
            }
        }
    }

    fn connection(&self, conversations: &mut JoinSet<()>, mut link: impl Link + 'static) {
        pass("in-listener");
        let host = self.clone();
        let conversation = async move {
            let most = host.room.house.limits.sessions;
            let Some(_counted) = host.sessions.enter(most) else {
                tracing::warn!(link = link.describe(), most, "refused: too many sessions");
                return;
            };
            host.conversation(&mut link, Start::Connected).await;
            // Whether the peer hears of the end is its own affair.
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut link).await;
        };
        conversations.spawn(tasks::named("session", conversation));
    }

    /// One session to its end. Returns whether the link still works.
    async fn conversation(&self, link: &mut dyn Link, start: Start) -> bool {
        let name = link.describe();
        tracing::debug!(link = name, "session begins");
        if matches!(start, Start::Connected) {
            pass("in-session");
        }
        let (room, nonce) = (self.room.clone(), self.nonce());
        let ended = match start {
            Start::Announced => serve(link, room, nonce, true).await,
            Start::Resumed => resume(link, room, nonce).await,
            Start::Connected => serve(link, room, nonce, false).await,
        };
        match ended {
            Ok(End::Finished) => tracing::debug!(link = name, "session ends"),
            Ok(end) => tracing::info!(link = name, ?end, "dropped by policy"),
            Err(error) => {
                tracing::debug!(link = name, %error, "link failed");
                return false;
            }
        }
        true
    }

    /// The nonce of a session's text lines: no two sessions of a boot have the same.
    fn nonce(&self) -> Nonce {
        let count = self.conversations.fetch_add(1, Ordering::Relaxed);
        let birth = self.life.birth(count);
        session_nonce(self.boot, ClientId(u64::from(birth)))
    }
}

/// How a conversation begins.
#[derive(Clone, Copy)]
enum Start {
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
    tracing::warn!(%error, "a connection was not accepted");
    sleep(ACCEPT_AGAIN).await;
}

/// Removes a socket's path when its listener ends.
struct RemoveSocket(PathBuf);

impl Drop for RemoveSocket {
    fn drop(&mut self) {
        // What is left behind makes room at the next start.
        let _ = fs::remove_file(&self.0);
    }
}
