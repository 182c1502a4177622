//! One boot of a board: the agent's tasks, running.

use super::{Board, Options};
use crate::agent::{Agent, Parts};
use lastword_agent::edge::link::Link;
use lastword_agent::edge::session::serve;
use lastword_agent::edge::threads::{RuntimeThreads, Threads};
use lastword_protocol::message::PowerStatus;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Ends when it is dropped, as a process does that loses its power.
pub(super) struct Life {
    agent: Agent,
    tasks: JoinSet<()>,
}

impl Life {
    pub(super) fn begin(number: u8, board: &Board) -> Self {
        let parts = Parts {
            options: board.options,
            disk: &board.disk,
            objects: &board.objects,
            reset: &board.reset,
            counts: &board.counts,
            threads: threads(board.options),
        };
        let (agent, task) = Agent::assemble(number, parts);
        let mut tasks = JoinSet::new();
        tasks.spawn(task);
        Self { agent, tasks }
    }

    /// Serves a link until it fails; on a line, one session after the other.
    pub(super) fn converse(&mut self, mut link: Box<dyn Link>, announce: bool) {
        let room = self.agent.room.clone();
        let nonce = self.agent.nonce();
        let is_line = matches!(link.traits().medium, lastword_shell::Medium::Serial { .. });
        let stop = self.agent.room.stop.clone();
        self.tasks.spawn(async move {
            let mut announce = announce;
            while serve(&mut *link, room.clone(), nonce, announce)
                .await
                .is_ok()
                && is_line
                && !*stop.borrow()
            {
                announce = false;
            }
        });
    }

    /// Tells the agent to end, as SIGTERM does.
    pub(super) fn stop(&self) {
        self.agent.stop();
    }

    pub(super) fn power_status(&self) -> PowerStatus {
        self.agent.power_status()
    }
}

fn threads(options: Options) -> Arc<dyn Threads> {
    if options.at_once {
        Arc::new(AtOnce)
    } else {
        Arc::new(RuntimeThreads)
    }
}

/// Work that never blocks needs no thread.
struct AtOnce;

impl Threads for AtOnce {
    fn start(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}
