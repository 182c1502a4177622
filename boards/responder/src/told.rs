//! What is to be told, in a form that is small and does not change while it is on its way.

use crate::house::House;
use lastword_protocol::message::{
    Application, BadRequest, Pending, PowerStatus, Reply, Status, Uptime,
};
use lastword_protocol::power::{Answer, LastOperation};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Instant, Millis};

/// What is to be told. A third of the [`Reply`] that it becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Done; there is nothing to tell.
    Done,
    /// Who the board is, with what it remembers.
    Identity(Option<LastOperation>),
    /// How it is, at this instant.
    Status(Instant, Option<Pending>),
    /// How long it was up at this instant.
    Uptime(Instant),
    /// What is staged and what was last.
    Power(Option<Pending>, Option<LastOperation>),
    /// What the power desk says.
    Answer(Answer),
    /// What the application says.
    Application(Application),
    /// Nobody knows this opcode.
    Unsupported(u8),
    /// The frame holds no request.
    Bad(BadRequest),
    /// No.
    Refused(Code, &'static str),
}

impl Told {
    /// The whole reply.
    pub(crate) fn reply(&self, house: &House) -> Reply {
        match self {
            Self::Done => Reply::Done,
            Self::Identity(last) => Reply::Identity(house.identity(*last)),
            Self::Status(now, pending) => Reply::Status(Status {
                boot: house.boot(),
                uptime: uptime(*now),
                agent_uptime: uptime(*now),
                sessions: 1,
                memory_available_kib: 0,
                load_hundredths: 0,
                pending: *pending,
            }),
            Self::Uptime(now) => Reply::Uptime(Uptime {
                uptime: uptime(*now),
                boot: house.boot(),
            }),
            Self::Power(pending, last) => Reply::PowerStatus(PowerStatus {
                backend: house.about().backend,
                boot: house.boot(),
                pending: *pending,
                last: *last,
            }),
            Self::Answer(answer) => (*answer).into(),
            Self::Application(message) => Reply::Application(message.clone()),
            Self::Unsupported(opcode) => Reply::Unsupported(*opcode),
            Self::Bad(bad) => bad.reply(),
            Self::Refused(code, detail) => Reply::Refused(Refusal::new(*code, detail)),
        }
    }
}

/// The clock begins at boot.
const fn uptime(now: Instant) -> Millis {
    now.since(Instant(0))
}
