//! Connections over TLS: whose certificate lets them in, as long as there is a place.

use super::{Host, Open, SessionStart, not_accepted, reap};
use crate::core::world::SessionAccess;
use crate::edge::facts::SessionKind;
use crate::edge::file_limit::{self, CONSOLE_DESCRIPTORS};
use crate::edge::link::{Link, TlsLink};
use crate::edge::tasks;
use crate::edge::tls_credentials::{read_credentials, watch_credentials};
use lastword_tls::{TlsCredentials, WatchedCredentials};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};

/// Opens a port for TLS, if there are credentials for it.
pub(super) async fn open(address: SocketAddr, credentials: &Path) -> io::Result<Open> {
    let credentials = read_credentials(credentials).await?;
    let listener = TcpListener::bind(address).await?;
    Ok(Open::Tls(listener, credentials))
}

/// The most handshakes at once. Whoever has no certificate can begin as many as he likes: the oldest gives way, and those of
/// peers that have one are over in milliseconds.
const HANDSHAKES_MAX: usize = 64;

/// A connection whose peer is not known yet.
struct PendingHandshake {
    stream: TcpStream,
    peer: SocketAddr,
    /// Ends when there are too many others.
    crowded_out: oneshot::Receiver<()>,
}

/// The handshakes under way, the oldest first: each ends when its sender is dropped.
#[derive(Default)]
struct PendingHandshakes(VecDeque<oneshot::Sender<()>>);

impl PendingHandshakes {
    fn enter(&mut self) -> oneshot::Receiver<()> {
        self.0.retain(|handshake| !handshake.is_closed());
        while self.0.len() >= HANDSHAKES_MAX {
            self.0.pop_front();
        }
        let (holds, crowded_out) = oneshot::channel();
        self.0.push_back(holds);
        crowded_out
    }
}

impl Host {
    pub(super) async fn tls(
        &self,
        listener: TcpListener,
        credentials: &Arc<WatchedCredentials>,
        conversations: &mut JoinSet<()>,
    ) {
        let watching = watch_credentials(credentials.clone(), self.expiry.clone());
        let accepting = async {
            let mut handshakes = PendingHandshakes::default();
            loop {
                reap(conversations);
                match listener.accept().await {
                    Ok((_, peer)) if !file_limit::has_left(CONSOLE_DESCRIPTORS) => {
                        self.refusals.note_full(&peer);
                    }
                    Ok((stream, peer)) => {
                        let handshake = PendingHandshake {
                            stream,
                            peer,
                            crowded_out: handshakes.enter(),
                        };
                        let secured = self.clone().secured(handshake, credentials.current());
                        conversations.spawn(tasks::named("session", secured));
                    }
                    Err(error) => not_accepted(&error).await,
                }
                yield_now().await;
            }
        };
        tokio::select! {
            never = watching => match never {},
            () = accepting => {}
        }
    }

    /// Serves a connection whose peer has a certificate that lets it in, if there is a place for it.
    async fn secured(self, handshake: PendingHandshake, credentials: Arc<TlsCredentials>) {
        let PendingHandshake {
            stream,
            peer,
            crowded_out,
        } = handshake;
        let accepted = tokio::select! {
            accepted = TlsLink::accept(stream, peer, &credentials) => accepted,
            _ = crowded_out => Err(io::Error::other("too many handshakes at once")),
        };
        let mut link = match accepted {
            Ok(link) => link,
            Err(error) => return self.refusals.note_failed(&peer, &error),
        };
        let (room, nonce) = (self.room.clone(), self.nonce(self.next_number()));
        if link.access() == SessionAccess::None {
            return self.refusals.turn_role_away(&mut link, room, nonce).await;
        }
        let most = self.room.house.limits.sessions;
        let Some(_counted) = self.sessions.enter(SessionKind::Tcp, most) else {
            return self.refusals.turn_away(&mut link, room, nonce, most).await;
        };
        self.conversation(&mut link, SessionStart::Connected).await;
        // Whether the peer hears of the end is its own affair.
        let _ = link.shutdown().await;
    }
}
