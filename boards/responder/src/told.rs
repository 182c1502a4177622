//! What is to be told, in a form that is small: the rest is fetched from the house while it is
//! written, and nothing there changes meanwhile.

use crate::house::House;
#[cfg(feature = "shell")]
use lastword_protocol::Text;
#[cfg(feature = "transfer")]
use lastword_protocol::message::TransferOpened;
use lastword_protocol::message::{Application, BadRequest, Field, Writer, opcode};
#[cfg(feature = "shell")]
use lastword_protocol::message::{Reply, Status, Uptime};
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
    /// A transfer is open.
    #[cfg(feature = "transfer")]
    Opened(TransferOpened),
    /// Nobody knows this opcode, or its frame holds no such request.
    Bad(BadRequest),
    /// No.
    Refused(Code, &'static str),
}

impl Told {
    /// Whether the answer is no.
    #[cfg(feature = "shell")]
    pub(crate) const fn is_no(&self) -> bool {
        match self {
            Self::Bad(_) | Self::Refused(..) => true,
            Self::Answer(answer) => answer.is_no(),
            _ => false,
        }
    }

    /// Writes the body of the reply, without making the reply first, which is long; returns its
    /// opcode.
    #[inline(never)]
    pub(crate) fn write(&self, house: &House, out: &mut Writer<'_>) -> u8 {
        match self {
            Self::Done => opcode::DONE,
            Self::Identity => {
                house.write(out);
                opcode::IDENTITY
            }
            Self::Status(now) => {
                let uptime = since_boot(*now);
                house.desk().board().boot.write(out);
                uptime.write(out);
                uptime.write(out);
                SESSIONS.write(out);
                MEMORY_AVAILABLE_KIB.write(out);
                LOAD_HUNDREDTHS.write(out);
                house.desk().pending(*now).write(out);
                "".write(out);
                FAILING_LOGS.write(out);
                CERTIFICATE_LEFT.write(out);
                opcode::STATUS
            }
            Self::Uptime(now) => {
                since_boot(*now).write(out);
                house.desk().board().boot.write(out);
                opcode::UPTIME
            }
            Self::Power(now) => {
                house.desk().write_status(*now, out);
                opcode::POWER_STATUS
            }
            Self::Answer(answer) => house.desk().write(*answer, out),
            Self::Application(message) => {
                message.write(out);
                message.opcode()
            }
            #[cfg(feature = "transfer")]
            Self::Opened(opened) => {
                opened.write(out);
                opcode::TRANSFER_OPENED
            }
            Self::Bad(bad) => bad.write_reply(out),
            Self::Refused(code, detail) => Refusal::write_new(*code, detail, out),
        }
    }

    /// The whole reply.
    #[cfg(feature = "shell")]
    pub(crate) fn reply(&self, house: &House) -> Reply<&'static str> {
        match self {
            Self::Done => Reply::Done,
            Self::Identity => Reply::Identity(house.identity()),
            Self::Status(now) => Reply::Status(Status {
                boot: house.boot(),
                uptime: since_boot(*now),
                agent_uptime: since_boot(*now),
                sessions: SESSIONS,
                memory_available_kib: MEMORY_AVAILABLE_KIB,
                load_hundredths: LOAD_HUNDREDTHS,
                pending: house.desk().pending(*now),
                waiting: Text::new(),
                failing_logs: FAILING_LOGS,
                certificate_left: CERTIFICATE_LEFT,
            }),
            Self::Uptime(now) => Reply::Uptime(Uptime {
                uptime: since_boot(*now),
                boot: house.boot(),
            }),
            Self::Power(now) => Reply::PowerStatus(house.desk().status(*now)),
            Self::Answer(answer) => house.desk().reply(*answer),
            Self::Application(message) => Reply::Application(message.clone()),
            #[cfg(feature = "transfer")]
            Self::Opened(opened) => Reply::TransferOpened(*opened),
            Self::Bad(BadRequest::Unsupported(opcode)) => Reply::Unsupported(*opcode),
            Self::Bad(bad) => Reply::Refused(bad.refusal()),
            Self::Refused(code, detail) => Reply::Refused(Refusal::new(*code, detail)),
        }
    }
}

/// There is one line.
const SESSIONS: u16 = 1;
/// Nothing is supervised.
const FAILING_LOGS: u16 = 0;
/// It has no certificate.
const CERTIFICATE_LEFT: Option<Millis> = None;
/// Not known.
const MEMORY_AVAILABLE_KIB: u32 = 0;
/// There is none.
const LOAD_HUNDREDTHS: u32 = 0;

/// The clock begins at boot.
const fn since_boot(now: Instant) -> Millis {
    now.since(Instant(0))
}

#[cfg(all(test, feature = "shell"))]
mod tests {
    use super::*;
    use crate::about::About;
    use crate::boot::Boot;
    use lastword_protocol::OperationId;
    use lastword_protocol::identity::{BoardKind, Cause};
    use lastword_protocol::power::{
        Backend, LastOperation, Operation, Origin, Outcome, PowerRequest, Standdown,
    };

    const ABOUT: About = About {
        kind: BoardKind::Simulated,
        name: "a name that is longer than any name may be",
        firmware: "0.1.0",
        build: "",
        backend: Backend::Mcu,
        baud: 115_200,
        transmit_bytes: 16,
        drain_cap: Millis(2_000),
    };

    /// What is written field by field is the reply that the shell shows.
    #[track_caller]
    fn check(house: &House, told: &Told) {
        let (mut room, mut whole) = ([0; 200], [0; 200]);
        let mut out = Writer::new(&mut room);
        let opcode = told.write(house, &mut out);
        let written = out.finish().map(|length| &room[..length]);
        let reply = told.reply(house);
        let expected = reply.encode(&mut whole).ok().map(|length| &whole[..length]);
        assert_eq!((opcode, written), (reply.opcode(), expected), "{told:?}");
    }

    fn house(last: Option<LastOperation>) -> House {
        let boot = Boot {
            id: lastword_protocol::BootId([7; 16]),
            cause: Cause::Watchdog,
            last,
        };
        House::new(&ABOUT, &boot, 140, 2)
    }

    fn all() -> std::vec::Vec<Told> {
        let (operation, id) = (Operation::GracefulShutdown, OperationId(u64::MAX));
        let why = Standdown::RecordFailed;
        let answers = [
            Answer::Initiated { operation, id },
            Answer::AlreadyDone,
            Answer::Cancelled { operation, id },
            Answer::Busy { operation, id },
            Answer::StoodDown { operation, id, why },
            Answer::Cannot(operation),
            Answer::Cannot(Operation::Reboot),
            Answer::NotYourId,
            Answer::NothingStaged,
            Answer::StagedIs(id),
            Answer::NotNow,
        ];
        let now = Instant(1 << 33);
        let application = Application::new(0x80, &(7_u8, 300_u16)).expect("room");
        let mut all = std::vec![
            Told::Done,
            Told::Identity,
            Told::Status(now),
            Told::Uptime(now),
            Told::Power(now),
            Told::Application(application),
            Told::Bad(BadRequest::Unsupported(0x7D)),
            Told::Bad(BadRequest::Malformed(0x10)),
            Told::Refused(Code::Busy, ""),
            Told::Refused(Code::BadValue, "one flag is wanted"),
            Told::Refused(Code::Internal, LONG),
        ];
        all.extend(answers.map(Told::Answer));
        all
    }

    /// Longer than a detail may be, with a character where it is cut.
    const LONG: &str = "ééééééééééééééééééééééééééééééééééééééééééééééééx\u{1F600}";

    #[test]
    fn frames_and_lines_tell_the_same() {
        let last = LastOperation {
            id: OperationId(1 << 40),
            operation: Operation::Reboot,
            outcome: Outcome::FireFailed(300),
            boot: house(None).boot(),
        };
        for last in [None, Some(last)] {
            let idle = house(last);
            let mut busy = house(last);
            let origin = Origin {
                assigned: OperationId(1 << 48),
                wire_time: Millis(10),
                is_connection: false,
            };
            let reboot = PowerRequest::plain(Operation::Reboot);
            let _ = busy.desk_mut().ask(&reboot, origin);
            let _ = busy.desk_mut().prepared(Instant(1), true);
            for told in &all() {
                check(&idle, told);
                check(&busy, told);
            }
        }
    }
}
