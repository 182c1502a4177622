//! What is to be told, in a form that is small: the rest is fetched from the house while it is
//! written, and nothing there changes meanwhile.

use crate::house::House;
use lastword_protocol::message::{Application, BadRequest, Reply, Status, Uptime};
use lastword_protocol::power::Answer;
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{Instant, Millis};

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Done; there is nothing to tell.
    Done,
    /// Who the board is.
    Identity,
    /// How it is, at this instant.
    Status(Instant),
    /// How long it was up at this instant.
    Uptime(Instant),
    /// What was staged at this instant and what was last.
    Power(Instant),
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
    /// Whether the answer is no.
    #[cfg(feature = "shell")]
    pub(crate) const fn is_no(&self) -> bool {
        match self {
            Self::Unsupported(_) | Self::Bad(_) | Self::Refused(..) => true,
            Self::Answer(answer) => answer.is_no(),
            _ => false,
        }
    }

    /// The whole reply.
    pub(crate) fn reply(&self, house: &House) -> Reply<&'static str> {
        match self {
            Self::Done => Reply::Done,
            Self::Identity => Reply::Identity(house.identity()),
            Self::Status(now) => Reply::Status(Status {
                boot: house.boot(),
                uptime: since_boot(*now),
                agent_uptime: since_boot(*now),
                sessions: 1,
                memory_available_kib: 0,
                load_hundredths: 0,
                pending: house.desk().pending(*now),
            }),
            Self::Uptime(now) => Reply::Uptime(Uptime {
                uptime: since_boot(*now),
                boot: house.boot(),
            }),
            Self::Power(now) => Reply::PowerStatus(house.desk().status(*now)),
            Self::Answer(answer) => house.desk().reply(*answer),
            Self::Application(message) => Reply::Application(message.clone()),
            Self::Unsupported(opcode) | Self::Bad(BadRequest::Unsupported(opcode)) => {
                Reply::Unsupported(*opcode)
            }
            Self::Bad(bad) => Reply::Refused(bad.refusal()),
            Self::Refused(code, detail) => Reply::Refused(Refusal::new(*code, detail)),
        }
    }
}

/// The clock begins at boot.
const fn since_boot(now: Instant) -> Millis {
    now.since(Instant(0))
}
