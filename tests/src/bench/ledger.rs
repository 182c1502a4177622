//! An account of what ran, kept apart from what any session believes. No two replies in it are
//! alike, so that a reply tells which run it came from.

use lastword_agent::core::world::{Ask, Look};
use lastword_protocol::message::{Cancelled, Initiated, Reply, Uptime};
use lastword_protocol::power::{Backend, Operation};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{BootId, Millis, OperationId};

/// Everything that ran, in order.
#[derive(Debug, Default)]
pub struct Ledger {
    runs: Vec<Run>,
}

/// One run of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What ran.
    pub what: Ran,
    /// What it answered.
    pub reply: Reply,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Somebody looked at the board.
    Looked(Look),
    /// The power desk was asked.
    Asked(Ask),
}

impl Ran {
    /// The operation id in it.
    #[must_use]
    pub fn id(&self) -> Option<OperationId> {
        match self {
            Self::Looked(_)
            | Self::Asked(
                Ask::Service(_) | Ask::ReadLog(_) | Ask::Object(_) | Ask::Generation(_),
            ) => None,
            Self::Asked(Ask::Stage(request)) => request.id,
            Self::Asked(Ask::Cancel(id)) => *id,
        }
    }
}

impl Ledger {
    /// Everything that ran, in order.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How often the power desk was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        let asked = |run: &&Run| matches!(run.what, Ran::Asked(_));
        self.runs.iter().filter(asked).count()
    }

    /// Enters a run, and answers it as no other was or will be.
    pub(super) fn run(&mut self, what: Ran) -> Reply {
        let token = self.runs.len() as u64;
        let id = OperationId(token);
        let operation = Operation::Reboot;
        let reply = match (&what, token % 3) {
            (Ran::Looked(_), _) => Reply::Uptime(Uptime {
                uptime: Millis(token),
                boot: BootId([0; 16]),
            }),
            (Ran::Asked(_), 0) => Reply::Cancelled(Cancelled { id, operation }),
            (Ran::Asked(_), 1) => Reply::Initiated(Initiated {
                operation,
                backend: Backend::DryRun,
                id,
            }),
            (Ran::Asked(_), _) => Reply::Refused(Refusal::new(
                Code::Busy,
                &format!("this is what run {token} came to, and no other"),
            )),
        };
        let entered = reply.clone();
        self.runs.push(Run { what, reply });
        entered
    }
}
