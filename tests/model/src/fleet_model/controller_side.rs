//! The controller: one life of it; its disk is the account.

use super::{
    AgentMessage, ControllerMessage, FIRST_TARGET, FleetAction, FleetState, MESSAGES_MAX,
    PlantedDefect, SECOND_TARGET,
};
use lastword_fleet::{BoardAccount, NumberedReport, ReportOutcome};

/// One life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ControllerLife {
    pub(super) is_connected: bool,
    /// The agent has reported itself on this connection: it does so once.
    pub(super) is_greeted: bool,
    /// The change that is to be committed, and what depends on it.
    pub(super) commit: Option<PendingCommit>,
}

/// A change on its way to the disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PendingCommit {
    account: BoardAccount,
    pub(super) messages: Vec<ControllerMessage>,
}

impl FleetState {
    pub(super) fn controller_actions(&self, actions: &mut Vec<FleetAction>) {
        let Some(controller) = &self.controller else {
            actions.push(FleetAction::StartController);
            return;
        };
        if controller.commit.is_some() {
            actions.push(FleetAction::Commit);
            return;
        }
        if self.orders > 0 && self.next_order().is_some() {
            actions.push(FleetAction::Order);
        }
        if self.faults.cancellations > 0 && self.account.cancel().is_some() {
            actions.push(FleetAction::Cancel);
        }
        if controller.is_greeted && self.waits_for_answer() && self.has_no_order_on_its_way() {
            actions.push(FleetAction::Dispatch);
        }
        if !self.to_controller.is_empty() {
            actions.push(FleetAction::DeliverToController);
        }
    }

    /// Returns whether the board has not said to have the order.
    pub(super) fn waits_for_answer(&self) -> bool {
        self.account.order_to_send().is_some()
    }

    fn has_no_order_on_its_way(&self) -> bool {
        let is_order = |message: &ControllerMessage| matches!(message, ControllerMessage::Order(_));
        let is_answer = |message: &AgentMessage| matches!(message, AgentMessage::Taken(_));
        let is_greeting = |message: &AgentMessage| matches!(message, AgentMessage::Boot(_));
        !self.to_agent.iter().any(is_order)
            && !self
                .to_controller
                .iter()
                .any(|it| is_answer(it) || is_greeting(it))
            && self.to_agent.len() < MESSAGES_MAX
    }

    fn next_order(&self) -> Option<BoardAccount> {
        let target = if self.account.rollout().is_none() {
            FIRST_TARGET
        } else {
            SECOND_TARGET
        };
        self.account.order(target).map(|(account, _)| account)
    }

    pub(super) fn order(&mut self) -> Option<()> {
        let account = self.next_order()?;
        self.orders -= 1;
        self.controller.as_mut()?.commit = Some(PendingCommit {
            account,
            messages: Vec::new(),
        });
        Some(())
    }

    pub(super) fn cancel(&mut self) -> Option<()> {
        let account = self.account.cancel()?;
        self.faults.cancellations -= 1;
        self.controller.as_mut()?.commit = Some(PendingCommit {
            account,
            messages: Vec::new(),
        });
        Some(())
    }

    pub(super) fn dispatch(&mut self, planted: Option<PlantedDefect>) -> Option<()> {
        let (account, order) = self.account.order_to_send()?;
        let message = ControllerMessage::Order(order);
        if planted == Some(PlantedDefect::DispatchOutsideTransaction) {
            // It is noted with the answer, and not before.
            self.to_agent.push(message);
            return Some(());
        }
        if account == self.account {
            self.to_agent.push(message);
            return Some(());
        }
        self.controller.as_mut()?.commit = Some(PendingCommit {
            account,
            messages: vec![message],
        });
        Some(())
    }

    pub(super) fn commit(&mut self, planted: Option<PlantedDefect>) -> Option<()> {
        let controller = self.controller.as_mut()?;
        let PendingCommit { account, messages } = controller.commit.take()?;
        let is_early = planted == Some(PlantedDefect::AckBeforeCommit) && !messages.is_empty();
        if controller.is_connected {
            self.to_agent.extend(messages);
        }
        if is_early {
            // It is said; the disk follows.
            controller.commit = Some(PendingCommit {
                account,
                messages: Vec::new(),
            });
        } else {
            self.account = account;
        }
        Some(())
    }

    pub(super) fn controller_hears(
        &mut self,
        message: AgentMessage,
        planted: Option<PlantedDefect>,
    ) {
        let Some(controller) = self.controller.as_mut().filter(|it| it.is_connected) else {
            return;
        };
        let (account, messages) = match message {
            AgentMessage::Boot(_) if controller.is_greeted => return,
            AgentMessage::Boot(report) => {
                controller.is_greeted = true;
                let (account, reply) = self.account.boot_reported(&report);
                (account, vec![ControllerMessage::Reply(reply)])
            }
            AgentMessage::Taken(number) => (self.account.order_taken(number), Vec::new()),
            AgentMessage::Report(report) => {
                let is_planted = planted == Some(PlantedDefect::ReportWithoutDeduplication);
                let outcome = if is_planted && report.number <= self.account.acked() {
                    applied_again(&self.account, &report)
                } else {
                    self.account.reported(&report)
                };
                match outcome {
                    ReportOutcome::Applied(account) => {
                        let acknowledged = ControllerMessage::Acknowledged(account.acked());
                        (account, vec![acknowledged])
                    }
                    ReportOutcome::Duplicate => {
                        let acknowledged = ControllerMessage::Acknowledged(self.account.acked());
                        (self.account.clone(), vec![acknowledged])
                    }
                    ReportOutcome::Gap { expected } => {
                        let replay = ControllerMessage::Replay(expected);
                        (self.account.clone(), vec![replay])
                    }
                    ReportOutcome::Illegal(..) => {
                        return self.violate("the controller's rollout has no such step");
                    }
                }
            }
        };
        controller.commit = Some(PendingCommit { account, messages });
    }
}

/// Applies a report though its number was applied.
fn applied_again(account: &BoardAccount, report: &NumberedReport) -> ReportOutcome {
    let again = NumberedReport {
        number: account.acked() + 1,
        report: report.report.clone(),
    };
    account.reported(&again)
}
