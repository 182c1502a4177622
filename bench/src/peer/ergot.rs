//! ergot: two network stacks over its TCP interface, one endpoint. The board is the edge, the
//! desk the router, as in ergot's own examples.

use super::{ANSWER, Uptime};
use crate::wire::{Ask, connect};
use anyhow::{Result, anyhow, ensure};
use ergot::Address;
use ergot::toolkits::tokio_tcp::{
    EdgeStack, RouterStack, new_std_queue, new_target_stack, register_edge_interface,
    register_router_interface,
};
use std::net::SocketAddr;
use std::pin::pin;
use tokio::net::TcpStream;

ergot::endpoint!(UptimeEndpoint, (), Uptime, "uptime");

/// The longest packet, in bytes.
const PACKET_BYTES: u16 = 512;
/// How much may wait to be sent, in bytes.
const QUEUE_BYTES: usize = 4_096;
/// The edge, seen from the router: its first network, the second node. Port 0: whoever serves.
const BOARD: Address = Address {
    network_id: 1,
    node_id: 2,
    port_id: 0,
};

/// Answers until the process ends.
///
/// # Errors
///
/// If the stack refuses the connection.
pub async fn serve(stream: TcpStream) -> Result<()> {
    let queue = new_std_queue(QUEUE_BYTES);
    let stack: EdgeStack = new_target_stack(&queue, PACKET_BYTES);
    let registered = register_edge_interface(&stack, stream, &queue).await;
    registered.map_err(|error| anyhow!("ergot: {error:?}"))?;
    let endpoints = stack.endpoints();
    let server = pin!(endpoints.bounded_server::<UptimeEndpoint, 4>(None));
    let mut server = server.attach();
    loop {
        let done = server.serve(async |()| ANSWER).await;
        done.map_err(|error| anyhow!("ergot: {error:?}"))?;
    }
}

/// A client.
pub struct Client {
    stack: RouterStack,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens, or the stack refuses the connection.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = connect(address).await?;
        let stack = RouterStack::new();
        let registered = register_router_interface(&stack, stream, PACKET_BYTES, QUEUE_BYTES).await;
        registered.map_err(|error| anyhow!("ergot: {error:?}"))?;
        Ok(Self { stack })
    }
}

impl Ask for Client {
    async fn ask(&mut self) -> Result<()> {
        let endpoints = self.stack.endpoints();
        let answer = endpoints.request::<UptimeEndpoint>(BOARD, &(), None).await;
        let answer = answer.map_err(|error| anyhow!("ergot: {error:?}"))?;
        ensure!(answer == ANSWER, "ergot answered {answer:?}");
        Ok(())
    }
}
