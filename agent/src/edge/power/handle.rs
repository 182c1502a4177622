//! The way of sessions to the power task.

use super::Ticket;
use lastword_protocol::OperationId;
use lastword_protocol::message::Reply;
use lastword_protocol::power::{Origin, PowerRequest};
use tokio::sync::{mpsc, oneshot, watch};

/// How sessions reach the power task.
#[derive(Clone, Debug)]
pub struct PowerHandle {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) news: watch::Receiver<()>,
}

/// The answer to a request for power, and the ticket of an operation that it staged.
pub type Answer = (Reply, Option<Ticket>);

#[derive(Debug)]
pub(super) enum Ask {
    Stage {
        request: PowerRequest,
        origin: Origin,
        quiet_console: bool,
        answer: Answering,
    },
    Cancel {
        id: Option<OperationId>,
        answer: Answering,
    },
}

pub(super) type Answering = oneshot::Sender<Answer>;

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
    ) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(Ask::Stage {
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
    pub async fn cancel(&self, id: Option<OperationId>) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Cancel { id, answer }).await.ok()?;
        answered.await.ok()
    }
}
