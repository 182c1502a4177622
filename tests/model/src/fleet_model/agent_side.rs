//! The agent: its disk, and one life of it.

use super::{
    AgentMessage, BEFORE, ControllerMessage, FleetAction, FleetState, MESSAGES_MAX, PlantedDefect,
};
use lastword_agent::core::generation::activation::ActivationInput;
use lastword_agent::core::generation::recovery::{
    JournalView, RecoveryVerdict, WorldView, recover,
};
use lastword_agent::core::generation::rollout_ledger::RolloutLedger;
use lastword_agent::core::generation::rollout_record::{
    RolloutOptions, RolloutOrder, RolloutRecord,
};
use lastword_agent::core::generation::rollout_run::{RolloutRun, RunEffect, RunEnd, RunOperation};
use lastword_fleet::{BoardAccount, BootReport, FleetOrder, JournalName};
use lastword_protocol::{BootId, Generation};

const BOOT: BootId = BootId([1; 16]);
const METHOD: &str = "symlink";

/// The part of the agent that outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AgentDisk {
    pub(super) ledger: RolloutLedger,
    pointer: Option<Generation>,
    /// The number of its memory.
    memory: u8,
}

/// One life.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AgentLife {
    activity: AgentActivity,
    pub(super) link: Option<AgentLink>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum AgentActivity {
    Idle,
    /// An order is to be recorded.
    Ordered(Box<RolloutRecord>),
    Running(Box<RolloutRun>, Box<RunEffect>),
    Soaking(Box<RolloutRecord>),
}

/// Its end of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AgentLink {
    is_answered: bool,
    /// The number of the next report to be sent.
    next: u64,
}

impl AgentDisk {
    pub(super) fn new() -> Self {
        Self {
            ledger: RolloutLedger::default(),
            pointer: Some(BEFORE),
            memory: 1,
        }
    }

    pub(super) fn erase(&mut self) {
        self.ledger = RolloutLedger::default();
        self.memory += 1;
    }

    /// Returns whether the account is of this memory.
    pub(super) fn is_known_to(&self, account: &BoardAccount) -> bool {
        account.journal() == Some(self.journal())
    }

    const fn journal(&self) -> JournalName {
        JournalName([self.memory; 16])
    }

    fn world(&self) -> WorldView {
        self.pointer.map_or(WorldView::Absent, WorldView::Current)
    }
}

impl AgentLife {
    pub(super) const fn idle() -> Self {
        Self {
            activity: AgentActivity::Idle,
            link: None,
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.activity, AgentActivity::Idle)
    }
}

impl FleetState {
    pub(super) fn agent_actions(&self, actions: &mut Vec<FleetAction>) {
        let Some(agent) = &self.agent else {
            actions.push(FleetAction::StartAgent);
            return;
        };
        match &agent.activity {
            AgentActivity::Idle => {}
            AgentActivity::Ordered(_) | AgentActivity::Running(..) => {
                actions.push(FleetAction::CarryOut);
            }
            AgentActivity::Soaking(_) => {
                actions.push(FleetAction::EndSoak(true));
                if self.faults.failed_soaks > 0 {
                    actions.push(FleetAction::EndSoak(false));
                }
            }
        }
        match &agent.link {
            None if self.controller.is_some() => actions.push(FleetAction::Connect),
            Some(link) => {
                let has_report = link.next <= self.agent_disk.ledger.outbox().last();
                if link.is_answered && has_report && self.to_controller.len() < MESSAGES_MAX {
                    actions.push(FleetAction::SendReport);
                }
                // What was lost is noticed when nothing comes any more.
                if self.is_stuck(link) {
                    actions.push(FleetAction::Connect);
                }
            }
            None => {}
        }
        if !self.to_agent.is_empty() {
            actions.push(FleetAction::DeliverToAgent);
        }
    }

    /// Returns whether one side waits for the other, and nothing is on its way.
    fn is_stuck(&self, link: &AgentLink) -> bool {
        let is_silent = self.to_agent.is_empty() && self.to_controller.is_empty();
        let outbox = self.agent_disk.ledger.outbox();
        let is_sent = link.next > outbox.last();
        let is_acknowledged = outbox.oldest() > outbox.last();
        let has_commit = (self.controller.as_ref()).is_some_and(|it| it.commit.is_some());
        let waits = !link.is_answered || is_sent && !is_acknowledged || self.waits_for_answer();
        is_silent && !has_commit && waits
    }

    pub(super) fn connect(&mut self) -> Option<()> {
        self.hang_up();
        let (disk, agent) = (&self.agent_disk, self.agent.as_mut()?);
        self.controller.as_mut()?.is_connected = true;
        let pending = match disk.ledger.view() {
            JournalView::Rollout(record) if !record.state.is_terminal() => Some(record.target),
            _ => None,
        };
        agent.link = Some(AgentLink {
            is_answered: false,
            next: u64::MAX,
        });
        self.to_controller.push(AgentMessage::Boot(BootReport {
            boot: BOOT,
            journal: disk.journal(),
            last: disk.ledger.outbox().last(),
            oldest: disk.ledger.outbox().oldest(),
            is_provisional: disk.ledger.view() == JournalView::Empty,
            current: disk.pointer,
            pending,
        }));
        Some(())
    }

    pub(super) fn send_report(&mut self) -> Option<()> {
        let link = self.agent.as_mut()?.link.as_mut()?;
        let report = self.agent_disk.ledger.outbox().since(link.next).next()?;
        link.next = report.number + 1;
        self.to_controller
            .push(AgentMessage::Report(report.clone()));
        Some(())
    }

    pub(super) fn carry_out(&mut self) -> Option<()> {
        let agent = self.agent.as_mut()?;
        if let AgentActivity::Ordered(record) = &agent.activity {
            let record = (**record).clone();
            self.agent_disk.ledger.take(record.clone());
            let taken = record.order?;
            let (run, effect) = RolloutRun::begin(record, BOOT, METHOD);
            agent.activity = AgentActivity::Running(Box::new(run), Box::new(effect));
            self.answer(taken);
            return Some(());
        }
        let AgentActivity::Running(run, effect) = &mut agent.activity else {
            return None;
        };
        let input = match (**effect).clone() {
            RunEffect::Append { record, step } => {
                let ledger = &mut self.agent_disk.ledger;
                ledger.take_reported(*record, step.reported());
                ActivationInput::Recorded
            }
            RunEffect::Operation(operation) => match operation {
                RunOperation::Realise(_) | RunOperation::Set(_) => ActivationInput::Done,
                RunOperation::AskGate | RunOperation::AskGateIn(_) => ActivationInput::GateOpen,
                RunOperation::Switch { to, .. } => {
                    self.agent_disk.pointer = to;
                    ActivationInput::Done
                }
                RunOperation::ReadBack(_) => ActivationInput::Observed(self.agent_disk.world()),
            },
            RunEffect::End(end) => {
                let record = Box::new(run.record().clone());
                agent.activity = match end {
                    RunEnd::Soaking => AgentActivity::Soaking(record),
                    _ => AgentActivity::Idle,
                };
                if matches!(end, RunEnd::Illegal(_)) {
                    self.violate("the agent's own rollout has no such step");
                }
                return Some(());
            }
        };
        match run.step(input) {
            Some(next) => **effect = next,
            None => self.violate("the agent's run has not waited for that"),
        }
        self.pass_over_traceless();
        Some(())
    }

    /// Carries operations out that leave nothing behind.
    fn pass_over_traceless(&mut self) {
        while let Some(AgentLife {
            activity: AgentActivity::Running(run, effect),
            ..
        }) = &mut self.agent
        {
            let input = match **effect {
                RunEffect::Operation(RunOperation::Realise(_) | RunOperation::Set(_)) => {
                    ActivationInput::Done
                }
                RunEffect::Operation(RunOperation::AskGate | RunOperation::AskGateIn(_)) => {
                    ActivationInput::GateOpen
                }
                RunEffect::Operation(RunOperation::ReadBack(_)) => {
                    ActivationInput::Observed(self.agent_disk.world())
                }
                _ => return,
            };
            match run.step(input) {
                Some(next) => **effect = next,
                None => return,
            }
        }
    }

    pub(super) fn end_soak(&mut self, is_good: bool) -> Option<()> {
        let agent = self.agent.as_mut()?;
        let AgentActivity::Soaking(record) = &agent.activity else {
            return None;
        };
        let record = (**record).clone();
        let (run, effect) = if is_good {
            RolloutRun::converge(record, BOOT)
        } else {
            self.faults.failed_soaks -= 1;
            RolloutRun::fail_soak(record, BOOT, "self")
        };
        agent.activity = AgentActivity::Running(Box::new(run), Box::new(effect));
        Some(())
    }

    pub(super) fn start_agent(&mut self) {
        let mut life = AgentLife::idle();
        if let JournalView::Rollout(record) = self.agent_disk.ledger.view() {
            life.activity = self.recovered(record);
        }
        self.agent = Some(life);
    }

    /// Returns what becomes of a rollout that an earlier life, or a snapshot, tells of.
    fn recovered(&self, record: RolloutRecord) -> AgentActivity {
        let view = JournalView::Rollout(record.clone());
        let verdict = recover(&view, self.agent_disk.world(), BOOT);
        if verdict == RecoveryVerdict::ResumeSoak {
            return AgentActivity::Soaking(Box::new(record));
        }
        match RolloutRun::recovered(record, BOOT, METHOD, verdict) {
            Some((run, effect)) => AgentActivity::Running(Box::new(run), Box::new(effect)),
            None => AgentActivity::Idle,
        }
    }

    pub(super) fn agent_hears(
        &mut self,
        message: ControllerMessage,
        planted: Option<PlantedDefect>,
    ) {
        let Some(link) = self.agent.as_mut().and_then(|agent| agent.link.as_mut()) else {
            return;
        };
        let ledger = &mut self.agent_disk.ledger;
        match message {
            ControllerMessage::Reply(reply) => {
                ledger.acknowledge(reply.acked);
                let (oldest, last) = (ledger.outbox().oldest(), ledger.outbox().last());
                link.is_answered = true;
                link.next = reply.first_wanted(oldest, last);
                let snapshot = reply.snapshots.first();
                if let Some(snapshot) = snapshot.filter(|_| ledger.view() == JournalView::Empty) {
                    let record = RolloutRecord::of_snapshot(snapshot, BOOT);
                    ledger.take(record.clone());
                    let activity = self.recovered(record);
                    if let Some(agent) = &mut self.agent {
                        agent.activity = activity;
                    }
                }
            }
            ControllerMessage::Acknowledged(number) => ledger.acknowledge(number),
            ControllerMessage::Replay(number) if link.is_answered => {
                link.next = number.max(ledger.outbox().oldest());
            }
            ControllerMessage::Replay(_) => {}
            ControllerMessage::Order(order) => self.take_order(order, planted),
        }
    }

    fn take_order(&mut self, order: FleetOrder, planted: Option<PlantedDefect>) {
        let has_it = self.agent_disk.ledger.last_order() >= Some(order.number);
        if has_it && planted != Some(PlantedDefect::OrderWithoutDeduplication) {
            return self.answer(order.number);
        }
        let Some(agent) = self.agent.as_mut().filter(|agent| agent.is_idle()) else {
            // It is refused, and comes again.
            return;
        };
        let record = RolloutRecord::ordered(
            RolloutOrder {
                target: order.target,
                security_version: 1,
                previous: self.agent_disk.pointer,
                deferred_component: None,
                options: RolloutOptions::default(),
                order: Some(order.number),
            },
            BOOT,
        );
        agent.activity = AgentActivity::Ordered(Box::new(record));
    }

    /// Answers an order, if there is room for that; it comes again otherwise.
    fn answer(&mut self, number: lastword_fleet::OrderNumber) {
        let is_linked = self.agent.as_ref().is_some_and(|it| it.link.is_some());
        if is_linked && self.to_controller.len() < MESSAGES_MAX {
            self.to_controller.push(AgentMessage::Taken(number));
        }
    }
}
