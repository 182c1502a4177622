//! Connections over TLS: whose certificate lets them in, as long as there is a place.

use super::{Host, Open, SessionStart, not_accepted, reap};
use crate::core::world::SessionAccess;
use crate::edge::facts::SessionKind;
use crate::edge::file_limit::{self, CONSOLE_DESCRIPTORS};
use crate::edge::link::{Link, TlsLink};
use crate::edge::tasks;
use crate::edge::tls_credentials::{read_credentials, watch_credentials};
use lastword_tls::{TlsCredentials, WatchedCredentials};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, yield_now};

/// Opens a port for TLS, if there are credentials for it.
pub(super) async fn open(address: SocketAddr, credentials: &Path) -> io::Result<Open> {
    let credentials = read_credentials(credentials).await?;
    let listener = TcpListener::bind(address).await?;
    Ok(Open::Tls(listener, credentials))
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
            loop {
                reap(conversations);
                match listener.accept().await {
                    Ok((_, peer)) if !file_limit::has_left(CONSOLE_DESCRIPTORS) => {
                        self.refusals.note_full(&peer);
                    }
                    Ok((stream, peer)) => {
                        let secured = self.clone().secured(stream, peer, credentials.current());
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
    async fn secured(self, stream: TcpStream, peer: SocketAddr, credentials: Arc<TlsCredentials>) {
        let most = self.room.house.limits.sessions;
        let counted = self.sessions.enter(SessionKind::Tcp, most);
        if counted.is_none() {
            // There is nobody yet to tell.
            return self.refusals.note_failed(&peer, &"too many sessions");
        }
        let mut link = match TlsLink::accept(stream, peer, &credentials).await {
            Ok(link) => link,
            Err(error) => return self.refusals.note_failed(&peer, &error),
        };
        if link.access() == SessionAccess::None {
            let (room, nonce) = (self.room.clone(), self.nonce(self.next_number()));
            return self.refusals.turn_role_away(&mut link, room, nonce).await;
        }
        self.conversation(&mut link, SessionStart::Connected).await;
        // Whether the peer hears of the end is its own affair.
        let _ = link.shutdown().await;
    }
}
