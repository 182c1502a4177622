//! lastword's own client library, as a rig or the `lastword` command uses it.

use crate::wire::Ask;
use anyhow::{Result, ensure};
use lastword_client::client::{Client, Options};
use lastword_client::endpoint::Endpoint;
use lastword_protocol::message::{Reply, Request};
use std::net::SocketAddr;

/// Connects and greets.
///
/// # Errors
///
/// If there is no session to be had.
pub async fn connect(address: SocketAddr) -> Result<Client> {
    let endpoint: Endpoint = format!("tcp://{address}").parse()?;
    let mut client = Client::connect(&endpoint, &Options::default()).await?;
    client.greet(false).await?;
    Ok(client)
}

impl Ask for Client {
    async fn ask(&mut self) -> Result<()> {
        let reply = self.call(&Request::Uptime).await?;
        ensure!(matches!(reply, Reply::Uptime(_)), "not an uptime");
        Ok(())
    }
}
