//! The bus of events: whoever has something to report does so without waiting, and whoever has subscribed
//! reads when it can.

use super::clock::unix_ms;
use crate::core::events::SharedEvents;
use crate::core::service::Name;
use crate::core::service::answer::{cut_check, cut_detail, cut_peer, cut_reason};
use crate::core::service::machine::Transition;
use crate::core::session::End;
use lastword_protocol::message::event::{
    BoardEvent, CheckEvent, LinkKind, PowerEvent, PowerStep, RolloutEvent, ServiceEvent,
    SessionEnd, SessionEvent,
};
use lastword_protocol::power::Operation;
use lastword_protocol::rollout::RolloutStep;
use lastword_protocol::{Generation, OperationId};
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// The events of the board, and news of them. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct EventBus {
    events: SharedEvents,
    newest: Arc<watch::Sender<u64>>,
}

impl EventBus {
    /// Returns the events themselves.
    #[must_use]
    pub const fn events(&self) -> &SharedEvents {
        &self.events
    }

    /// Returns what changes with each event: the number of the newest.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Reports that a power operation has moved on.
    pub fn report_power(&self, id: OperationId, operation: Operation, step: PowerStep) {
        self.publish(&BoardEvent::Power(PowerEvent {
            at_unix_ms: unix_ms(),
            id,
            operation,
            step,
        }));
    }

    /// Reports that a service has changed its state.
    pub fn report_service(&self, name: &Name, transition: &Transition) {
        self.publish(&BoardEvent::Service(ServiceEvent {
            at_unix_ms: transition.at_unix_ms,
            name: name.as_str(),
            from: transition.from,
            to: transition.to,
            reason: &cut_reason(&transition.reason),
        }));
    }

    /// Reports that a session begins, or how it has ended.
    pub fn report_session(&self, number: u64, peer: (LinkKind, &str), end: Option<SessionEnd>) {
        let (link, peer) = peer;
        self.publish(&BoardEvent::Session(SessionEvent {
            at_unix_ms: unix_ms(),
            number,
            link,
            peer: &cut_peer(peer),
            end,
        }));
    }

    /// Reports that a rollout has moved on.
    pub fn report_rollout(&self, target: Generation, step: &RolloutStep<'_>) {
        let detail;
        let step = match step {
            RolloutStep::ActivationFailed { code, detail: why } => {
                detail = cut_detail(why);
                RolloutStep::ActivationFailed {
                    code: *code,
                    detail: &detail,
                }
            }
            other => *other,
        };
        self.publish(&BoardEvent::Rollout(RolloutEvent {
            at_unix_ms: unix_ms(),
            target,
            step,
        }));
    }

    /// Reports the result of a health check.
    pub fn report_check(&self, check: &CheckEvent<'_>) {
        let detail = cut_check(check.detail);
        self.publish(&BoardEvent::Check(CheckEvent {
            detail: &detail,
            ..*check
        }));
    }

    /// Takes an event, and wakes whoever waits for one.
    pub fn publish(&self, event: &BoardEvent<'_>) {
        let number = self.events.lock().push(event);
        self.newest.send_replace(number);
    }
}

/// Returns how a session has ended, as it is reported.
#[must_use]
pub const fn session_end(ended: &io::Result<End>) -> SessionEnd {
    match ended {
        Ok(End::Finished) => SessionEnd::Finished,
        Ok(End::Silent) => SessionEnd::Silent,
        Ok(End::Idle) => SessionEnd::Idle,
        Ok(End::Stalled) => SessionEnd::Stalled,
        Err(_) => SessionEnd::LinkFailed,
    }
}
