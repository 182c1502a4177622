//! What the agent is measured beside: each a process of its own with one endpoint over TCP, asked
//! for nothing and answering with an uptime and a boot id, as the agent does.

pub mod echo;
pub mod ergot;
pub mod hil;
pub mod postcard_rpc;

use anyhow::{Context, Result};
use clap::ValueEnum;
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};

/// A server to measure beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// Written by hand, with lastword's codec and nothing else.
    Echo,
    /// postcard-rpc.
    PostcardRpc,
    /// ergot.
    Ergot,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Uptime {
    /// Milliseconds.
    pub uptime: u64,
    /// The boot.
    pub boot: [u8; 16],
}

/// The one answer of all peers; an uptime of some hours, as boards have.
pub const ANSWER: Uptime = Uptime {
    uptime: 10_000_000,
    boot: *b"0123456789abcdef",
};

impl Peer {
    /// Its name on the command line of this program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::PostcardRpc => "postcard-rpc",
            Self::Ergot => "ergot",
        }
    }

    /// Listens on a free port, says where on standard output, and serves one client.
    ///
    /// # Errors
    ///
    /// If there is no port, or the client leaves.
    pub async fn serve(self) -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let (stream, _) = listener.accept().await.context("nobody came")?;
        stream.set_nodelay(true)?;
        self.serve_one(stream).await
    }

    async fn serve_one(self, stream: TcpStream) -> Result<()> {
        match self {
            Self::Echo => echo::serve(stream).await,
            Self::PostcardRpc => {
                postcard_rpc::serve(stream).await;
                Ok(())
            }
            Self::Ergot => ergot::serve(stream).await,
        }
    }
}
