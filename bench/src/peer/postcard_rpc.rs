//! postcard-rpc: its server and its client, with one endpoint.

mod transport;

use super::{ANSWER, Uptime};
use crate::wire::{Ask, READ_BYTES, connect};
use anyhow::{Result, anyhow, ensure};
use postcard_rpc::header::{VarHeader, VarSeqKind};
use postcard_rpc::host_client::HostClient;
use postcard_rpc::server::{Dispatch, Server};
use postcard_rpc::standard_icd::{ERROR_PATH, WireError};
use postcard_rpc::{TopicDirection, define_dispatch, endpoints, topics};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use transport::{ClientWrite, Read, ServerWrite, Spawn};

endpoints! {
    list = ENDPOINTS;
    | EndpointTy     | RequestTy | ResponseTy | Path     |
    | ----------     | --------- | ---------- | ----     |
    | UptimeEndpoint | ()        | Uptime     | "uptime" |
}

topics! {
    list = TOPICS_IN;
    direction = TopicDirection::ToServer;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

topics! {
    list = TOPICS_OUT;
    direction = TopicDirection::ToClient;
    | TopicTy | MessageTy | Path |
    | ------- | --------- | ---- |
}

define_dispatch! {
    app: Board;
    spawn_fn: spawn;
    tx_impl: ServerWrite;
    spawn_impl: Spawn;
    context: Nothing;
    endpoints: {
        list: ENDPOINTS;
        | EndpointTy     | kind     | handler |
        | ----------     | ----     | ------- |
        | UptimeEndpoint | blocking | uptime  |
    };
    topics_in: {
        list: TOPICS_IN;
        | TopicTy | kind | handler |
        | ------- | ---- | ------- |
    };
    topics_out: {
        list: TOPICS_OUT;
    };
}

/// What handlers are given.
pub struct Nothing;

fn uptime(_: &mut Nothing, _: VarHeader, (): ()) -> Uptime {
    ANSWER
}

/// Answers until the client leaves.
pub async fn serve(stream: TcpStream) {
    let (read, write) = stream.into_split();
    let board = Board::new(Nothing, Spawn);
    let key = board.min_key_len();
    let buffer = vec![0; READ_BYTES].into_boxed_slice();
    let mut server = Server::new(ServerWrite::new(write), Read::new(read), buffer, board, key);
    // Says why it has ended, which is that the client has left.
    let _ = server.run().await;
}

/// A client.
pub struct Client(HostClient<WireError>);

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let (read, write) = connect(address).await?.into_split();
        Ok(Self(HostClient::new_with_wire(
            ClientWrite(write),
            Read::new(read),
            Spawn,
            VarSeqKind::Seq2,
            ERROR_PATH,
            OUTGOING_FRAMES,
        )))
    }
}

impl Ask for Client {
    async fn ask(&mut self) -> Result<()> {
        let answer = self.0.send_resp::<UptimeEndpoint>(&()).await;
        let answer = answer.map_err(|error| anyhow!("postcard-rpc: {error:?}"))?;
        ensure!(answer == ANSWER, "postcard-rpc answered {answer:?}");
        Ok(())
    }
}

/// How many frames may wait to be sent.
const OUTGOING_FRAMES: usize = 8;
