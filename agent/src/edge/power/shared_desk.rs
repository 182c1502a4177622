//! The power desk as everybody sees it: stepped by the power task, looked at by the others.

use crate::core::record::RefusedOperation;
use lastword_protocol::Instant;
use lastword_protocol::message::PowerStatus;
use lastword_protocol::power::Desk;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The desk, for whoever only wants to look at it.
#[derive(Clone, Debug)]
pub struct SharedDesk {
    desk: Arc<Mutex<Desk>>,
    /// The last request, if it could not be prepared.
    refused: Arc<Mutex<Option<RefusedOperation>>>,
}

impl SharedDesk {
    /// A desk to look at and, in the power task only, to step.
    #[must_use]
    pub fn new(desk: Desk, refused: Option<RefusedOperation>) -> Self {
        Self {
            desk: Arc::new(Mutex::new(desk)),
            refused: Arc::new(Mutex::new(refused)),
        }
    }

    /// Returns the staged operation, the last one, and the cause of the last refusal, if there is any.
    #[must_use]
    pub fn status(&self, now: Instant) -> PowerStatus {
        let refused = self.refused().as_ref().map(|it| it.cause.clone());
        PowerStatus {
            refused: refused.unwrap_or_default(),
            ..self.lock().status(now)
        }
    }

    pub(super) fn refused(&self) -> MutexGuard<'_, Option<RefusedOperation>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The desk itself. Nothing waits while it is held.
    pub fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
