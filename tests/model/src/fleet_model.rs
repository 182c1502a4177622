//! A model of the exchange between an agent and its controller, on the real machines of both: every effect is a step of its own,
//! and everything may die, be lost or come twice between any two.
//!
//! The agent's side is `RolloutRun`, `recover` and `RolloutLedger`, as the agent runs them; the controller's is
//! [`BoardAccount`]. What is modelled is around them: a disk whose writes are whole, a pointer, a connection that carries few messages
//! in their order, breaks at any moment, and may carry one twice. Operations that leave nothing behind are one step with the next
//! one that does.

mod agent_side;
mod controller_side;
mod fair_run;

use agent_side::{AgentDisk, AgentLife};
use controller_side::ControllerLife;
pub(crate) use fair_run::EndingStates;
use lastword_fleet::{
    BoardAccount, BootReport, BootReportReply, FleetOrder, NumberedReport, OrderNumber,
};
use lastword_protocol::Generation;
use stateright::{Model, Property};

/// Nothing has happened that must not.
pub(crate) const SAFE: &str = "safe";
/// A fair run without further faults ends, from any state.
pub(crate) const ENDS: &str = "ending";
/// Both sides can come to know the same.
pub(crate) const AGREES: &str = "agreeing";
/// The generation that the board runs at first.
const BEFORE: Generation = Generation([1; 32]);
/// The generation that is ordered first.
const FIRST_TARGET: Generation = Generation([2; 32]);
/// The generation that is ordered behind that.
const SECOND_TARGET: Generation = Generation([3; 32]);
/// The most messages on their way in one direction.
const MESSAGES_MAX: usize = 2;

/// The faults that may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FaultBudget {
    /// Deaths of the agent.
    pub(crate) agent_crashes: u8,
    /// Deaths of the controller.
    pub(crate) controller_crashes: u8,
    /// Losses of the agent's memory, while it is down.
    pub(crate) erasures: u8,
    /// Connections that break.
    pub(crate) losses: u8,
    /// Messages that come twice.
    pub(crate) duplicates: u8,
    /// Soaks that fail.
    pub(crate) failed_soaks: u8,
    /// Orders that somebody calls off.
    pub(crate) cancellations: u8,
}

impl FaultBudget {
    /// None.
    pub(crate) const NONE: Self = Self {
        agent_crashes: 0,
        controller_crashes: 0,
        erasures: 0,
        losses: 0,
        duplicates: 0,
        failed_soaks: 0,
        cancellations: 0,
    };
}

/// A defect that is planted, for the model to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlantedDefect {
    /// The controller acknowledges before it has committed.
    AckBeforeCommit,
    /// The agent takes an order again that it had taken.
    OrderWithoutDeduplication,
    /// The controller sends an order before it has committed that.
    DispatchOutsideTransaction,
    /// The controller applies a report again that it had applied.
    ReportWithoutDeduplication,
}

/// The model.
#[derive(Clone, Debug)]
pub(crate) struct FleetModel {
    /// The number of orders: one, or two behind one another.
    pub(crate) orders: u8,
    /// The faults.
    pub(crate) faults: FaultBudget,
    /// The defect, if one is planted.
    pub(crate) planted: Option<PlantedDefect>,
    /// The states from which all is known to end well.
    pub(crate) ending: EndingStates,
}

/// Both sides and the link between them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FleetState {
    agent_disk: AgentDisk,
    agent: Option<AgentLife>,
    account: BoardAccount,
    controller: Option<ControllerLife>,
    to_controller: Vec<AgentMessage>,
    to_agent: Vec<ControllerMessage>,
    /// The orders that are still to be given.
    orders: u8,
    faults: FaultBudget,
    /// The first thing that must not happen, if it has.
    violation: Option<&'static str>,
}

/// A message of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum AgentMessage {
    Boot(BootReport),
    Report(NumberedReport),
    /// It has the order.
    Taken(OrderNumber),
}

/// A message of the controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ControllerMessage {
    Reply(BootReportReply),
    Order(FleetOrder),
    Acknowledged(u64),
    /// Reports are wanted again from this number on.
    Replay(u64),
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FleetAction {
    /// The agent carries the next effect of its run out.
    CarryOut,
    /// The soak of its rollout is over, well or not.
    EndSoak(bool),
    /// The agent connects, and reports itself.
    Connect,
    /// The agent sends its next report.
    SendReport,
    /// A message arrives at the agent.
    DeliverToAgent,
    /// A message arrives at the controller.
    DeliverToController,
    /// The controller commits, and says what depends on that.
    Commit,
    /// Somebody orders the next generation.
    Order,
    /// Somebody calls the order off.
    Cancel,
    /// The controller sends the order.
    Dispatch,
    /// The agent dies.
    KillAgent,
    /// It starts again.
    StartAgent,
    /// Its memory is lost.
    EraseAgent,
    /// The controller dies.
    KillController,
    /// It starts again.
    StartController,
    /// The connection breaks.
    HangUp,
    /// The next message to the agent comes twice.
    RepeatToAgent,
    /// The next message to the controller comes twice.
    RepeatToController,
}

impl Model for FleetModel {
    type State = FleetState;
    type Action = FleetAction;

    fn init_states(&self) -> Vec<FleetState> {
        vec![FleetState {
            agent_disk: AgentDisk::new(),
            agent: Some(AgentLife::idle()),
            account: BoardAccount::default(),
            controller: Some(ControllerLife::default()),
            to_controller: Vec::new(),
            to_agent: Vec::new(),
            orders: self.orders,
            faults: self.faults,
            violation: None,
        }]
    }

    fn actions(&self, state: &FleetState, actions: &mut Vec<FleetAction>) {
        if state.violation.is_some() {
            return;
        }
        state.agent_actions(actions);
        state.controller_actions(actions);
        state.fault_actions(actions);
    }

    fn next_state(&self, state: &FleetState, action: FleetAction) -> Option<FleetState> {
        let mut next = state.clone();
        next.take(action, self.planted)?;
        next.check();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &FleetState| state.violation.is_none()),
            Property::always(ENDS, |model: &Self, state| fair_run::ends(model, state)),
            Property::sometimes(AGREES, |_, state: &FleetState| state.is_over()),
        ]
    }
}

impl FleetState {
    /// Returns what must not have happened, if it has.
    #[must_use]
    pub(crate) const fn violation(&self) -> Option<&'static str> {
        self.violation
    }

    fn fault_actions(&self, actions: &mut Vec<FleetAction>) {
        let faults = &self.faults;
        if faults.agent_crashes > 0 && self.agent.is_some() {
            actions.push(FleetAction::KillAgent);
        }
        if faults.erasures > 0 && self.agent.is_none() {
            actions.push(FleetAction::EraseAgent);
        }
        if faults.controller_crashes > 0 && self.controller.is_some() {
            actions.push(FleetAction::KillController);
        }
        let is_connected = (self.controller.as_ref()).is_some_and(|it| it.is_connected);
        if faults.losses > 0 && is_connected {
            actions.push(FleetAction::HangUp);
        }
        if faults.duplicates > 0 {
            if (1..MESSAGES_MAX).contains(&self.to_agent.len()) {
                actions.push(FleetAction::RepeatToAgent);
            }
            if (1..MESSAGES_MAX).contains(&self.to_controller.len()) {
                actions.push(FleetAction::RepeatToController);
            }
        }
    }

    /// Takes a step; `None` if it changes nothing.
    fn take(&mut self, action: FleetAction, planted: Option<PlantedDefect>) -> Option<()> {
        match action {
            FleetAction::CarryOut => self.carry_out()?,
            FleetAction::EndSoak(is_good) => self.end_soak(is_good)?,
            FleetAction::Connect => self.connect()?,
            FleetAction::SendReport => self.send_report()?,
            FleetAction::DeliverToAgent => {
                let message = self.to_agent.remove(0);
                self.agent_hears(message, planted);
            }
            FleetAction::DeliverToController => {
                let message = self.to_controller.remove(0);
                self.controller_hears(message, planted);
            }
            FleetAction::Commit => self.commit(planted)?,
            FleetAction::Order => self.order()?,
            FleetAction::Cancel => self.cancel()?,
            FleetAction::Dispatch => self.dispatch(planted)?,
            FleetAction::KillAgent => {
                self.faults.agent_crashes -= 1;
                self.agent = None;
                self.hang_up();
            }
            FleetAction::StartAgent => self.start_agent(),
            FleetAction::EraseAgent => {
                self.faults.erasures -= 1;
                self.agent_disk.erase();
            }
            FleetAction::KillController => {
                self.faults.controller_crashes -= 1;
                self.controller = None;
                self.hang_up();
            }
            FleetAction::StartController => self.controller = Some(ControllerLife::default()),
            FleetAction::HangUp => {
                self.faults.losses -= 1;
                self.hang_up();
            }
            FleetAction::RepeatToAgent => {
                self.faults.duplicates -= 1;
                self.to_agent.insert(0, self.to_agent[0].clone());
            }
            FleetAction::RepeatToController => {
                self.faults.duplicates -= 1;
                self.to_controller.insert(0, self.to_controller[0].clone());
            }
        }
        Some(())
    }

    /// Ends the connection on both sides: what was on its way is lost.
    fn hang_up(&mut self) {
        self.to_agent.clear();
        self.to_controller.clear();
        if let Some(agent) = &mut self.agent {
            agent.link = None;
        }
        if let Some(controller) = &mut self.controller {
            controller.is_connected = false;
            controller.is_greeted = false;
            if let Some(commit) = &mut controller.commit {
                commit.messages.clear();
            }
        }
    }

    /// Looks for what must not be.
    fn check(&mut self) {
        let outbox = self.agent_disk.ledger.outbox();
        if self.agent_disk.is_known_to(&self.account) && outbox.oldest() > self.account.acked() + 1
        {
            self.violate("the agent has let go of a report that the controller has not committed");
        }
    }

    fn violate(&mut self, what: &'static str) {
        self.violation.get_or_insert(what);
    }

    /// Returns whether all that was ordered is over, and both sides know.
    fn is_over(&self) -> bool {
        let is_closed = (self.account.rollout()).is_none_or(|rollout| rollout.state.is_terminal());
        let is_idle = self.agent.as_ref().is_some_and(AgentLife::is_idle);
        let is_told =
            self.agent_disk.ledger.outbox().oldest() > self.agent_disk.ledger.outbox().last();
        self.orders == 0 && is_closed && is_idle && is_told
    }
}
