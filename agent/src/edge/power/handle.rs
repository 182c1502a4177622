//! The way of sessions to the power task.

use super::Ticket;
use lastword_protocol::OperationId;
use lastword_protocol::message::Reply;
use lastword_protocol::power::{Origin, PowerRequest};
use tokio::sync::{mpsc, oneshot, watch};

/// The sessions' end of the way to the power task.
#[derive(Clone, Debug)]
pub struct PowerHandle {
    pub(super) asks: mpsc::Sender<PowerMessage>,
    pub(super) news: watch::Receiver<()>,
}

/// The answer to a request for power, and the ticket of an operation that it staged.
pub type PowerAnswer = (Reply, Option<Ticket>);

#[derive(Debug)]
pub(super) enum PowerMessage {
    Stage {
        request: PowerRequest,
        origin: Origin,
        quiet_console: bool,
        answer: ReplySender,
    },
    Cancel {
        id: Option<OperationId>,
        answer: ReplySender,
    },
}

pub(super) type ReplySender = oneshot::Sender<PowerAnswer>;

impl PowerHandle {
    /// Changes whenever an operation is staged, moves on, or is over.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.clone()
    }

    /// Asks for an operation. `None` if the agent is ending.
    pub async fn stage(
        &self,
        request: PowerRequest,
        origin: Origin,
        quiet_console: bool,
    ) -> Option<PowerAnswer> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(PowerMessage::Stage {
                request,
                origin,
                quiet_console,
                answer,
            })
            .await
            .ok()?;
        answered.await.ok()
    }

    /// Asks to call an operation off. `None` if the agent is ending.
    pub async fn cancel(&self, id: Option<OperationId>) -> Option<PowerAnswer> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(PowerMessage::Cancel { id, answer })
            .await
            .ok()?;
        answered.await.ok()
    }
}
