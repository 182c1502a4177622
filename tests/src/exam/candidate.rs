//! The one client, and through it the board.

use lastword_client::client::{CallError, Client, GreetError, Options};
use lastword_client::dial::Dial;
use lastword_protocol::caller::Patience;
use lastword_protocol::hello::Welcome;
use lastword_protocol::message::{Reply, Request};

/// A client with a session.
pub(super) struct Candidate {
    client: Client,
    pub(super) welcome: Welcome,
}

impl Candidate {
    /// Connects and greets. The line is taken: nobody else examines this board.
    pub(super) async fn greet(line: &dyn Dial, patience: Patience) -> Result<Self, String> {
        let options = Options {
            patience,
            ..Options::default()
        };
        let connected = Client::connect(line, &options).await;
        let mut client = connected.map_err(|error| error.to_string())?;
        let welcome = client
            .greet(true)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { client, welcome })
    }

    /// Asks. `None`: there was no answer, and the client says so.
    ///
    /// # Errors
    ///
    /// Nothing that a line can do to a board: it booted, or the line is gone.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Option<Reply>, String> {
        match self.client.call(request).await {
            Ok(reply) => Ok(Some(reply)),
            Err(CallError::Silent) => self.greet_again().await,
            Err(error) => Err(format!("{request:?}: {error}")),
        }
    }

    async fn greet_again(&mut self) -> Result<Option<Reply>, String> {
        match self.client.greet(true).await {
            Ok(welcome) if welcome.identity.boot == self.welcome.identity.boot => Ok(None),
            Ok(_) => Err("the board booted".to_owned()),
            Err(GreetError::Silent) => Err("the board fell silent".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Asks until there is an answer.
    pub(super) async fn ask_until(&mut self, request: &Request) -> Result<Reply, String> {
        loop {
            if let Some(reply) = self.ask(request).await? {
                return Ok(reply);
            }
        }
    }

    pub(super) async fn leave(self) {
        // A courtesy; the line may lose it.
        let _ = self.client.goodbye().await;
    }
}
