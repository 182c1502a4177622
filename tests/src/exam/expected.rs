//! What a board has to answer, which is known because nobody else asks it anything.

use super::candidate::Candidate;
use crate::dice::Dice;
use lastword_protocol::message::{Application, Cancelled, Initiated, Reply, Request};
use lastword_protocol::power::{
    Backend, LastOperation, Operation, Outcome, PowerRequest, Standdown,
};
use lastword_protocol::refusal::{Code, Refusal};
use lastword_protocol::{BootId, Millis, OperationId};

/// The opcode by which a board's application counts numbers: it answers with the number, and how
/// many it has counted in this boot. The firmware for tests has it.
const COUNT: u8 = 0xF0;
/// Longer than any exam: nothing that is staged here fires.
const DELAY: Millis = Millis(24 * 3_600_000);

/// A verdict on an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the one.
    Right,
    /// The request ran, and so did this many that nobody waits for.
    RanMore(u32),
    /// It is the answer to something else, or to nothing: this was expected.
    Wrong(String),
}

/// What is known of the board.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    boot: BootId,
    backend: Backend,
    staged: Option<OperationId>,
    last: Option<LastOperation>,
    /// How many numbers the board has counted; `None` if it does not count.
    counted: Option<u32>,
    uptime: Millis,
    /// The question's number; also operations are named by it.
    number: u32,
}

impl Expected {
    /// Asks the board how it is. It is expected to have nothing staged.
    pub(super) async fn of(candidate: &mut Candidate) -> Result<Self, String> {
        let fresh = Self {
            boot: candidate.welcome.identity.boot,
            backend: candidate.welcome.identity.backend,
            staged: None,
            last: None,
            counted: None,
            uptime: Millis(0),
            number: 0,
        };
        let found = fresh.recovered(candidate).await?;
        match found.staged {
            Some(id) => Err(format!(
                "operation {id} is staged: nobody else may ask this board"
            )),
            None => Ok(found),
        }
    }

    /// The same board, when it is not known what became of a request.
    pub(super) async fn recovered(&self, candidate: &mut Candidate) -> Result<Self, String> {
        let mut found = Self {
            number: self.number.wrapping_add(1),
            ..self.clone()
        };
        let Reply::PowerStatus(status) = candidate.ask_until(&Request::PowerStatus).await? else {
            return Err("the board does not know of its power".to_owned());
        };
        found.staged = status.pending.map(|pending| pending.id);
        found.last = status.last;
        let reply = candidate.ask_until(&count(found.number)).await?;
        found.counted = counted(&reply).map(|(_, counted)| counted);
        Ok(found)
    }

    /// The next question, which no other is like.
    pub(super) fn question(&mut self, dice: &mut Dice) -> Request {
        self.number = self.number.wrapping_add(1);
        let own = OperationId(self.number.max(1).into());
        match dice.below(10) {
            0 => Request::Uptime,
            1 => Request::PowerStatus,
            2 | 3 => stage(own),
            // The staged one, mostly; else one that never was.
            4 | 5 => Request::PowerCancel(self.staged.or(Some(own))),
            6 => Request::PowerCancel(Some(own)),
            _ if self.counted.is_none() => stage(own),
            _ => count(scattered(self.number)),
        }
    }

    /// Holds a reply against the one there can be, and takes note of what the request did.
    pub(super) fn answer(&mut self, asked: &Request, reply: &Reply) -> Verdict {
        match asked {
            Request::Uptime => self.uptime(reply),
            Request::Application(number) => self.count(number, reply),
            Request::PowerStatus => self.status(reply),
            _ => {
                let expected = self.power(asked);
                verdict(&expected, reply)
            }
        }
    }

    /// What a request about power is answered, and what it does.
    fn power(&mut self, asked: &Request) -> Reply {
        match (asked, self.staged) {
            (Request::PowerCancel(Some(id)), Some(staged)) if *id == staged => {
                self.staged = None;
                self.remember(staged, Outcome::StoodDown(Standdown::Cancelled));
                Reply::Cancelled(Cancelled {
                    id: staged,
                    operation: Operation::Reboot,
                })
            }
            (Request::PowerCancel(_), Some(staged)) => {
                refused(Code::Unknown, &format!("staged is op={staged}"))
            }
            (Request::PowerCancel(_), None) => {
                refused(Code::Unknown, "no power operation is staged")
            }
            (_, Some(staged)) => refused(Code::Busy, &format!("reboot op={staged}")),
            (_, None) => {
                let id = OperationId(self.number.max(1).into());
                self.staged = Some(id);
                self.remember(id, Outcome::Staged);
                Reply::Initiated(Initiated {
                    operation: Operation::Reboot,
                    backend: self.backend,
                    id,
                })
            }
        }
    }

    /// Time only moves forward.
    fn uptime(&mut self, reply: &Reply) -> Verdict {
        match reply {
            Reply::Uptime(told) if told.boot == self.boot && told.uptime >= self.uptime => {
                self.uptime = told.uptime;
                Verdict::Right
            }
            _ => Verdict::Wrong(format!("an uptime of {} or more", self.uptime)),
        }
    }

    /// The same number, and one more than before.
    fn count(&mut self, asked: &Application, reply: &Reply) -> Verdict {
        let number = asked.body::<u32>().ok();
        let before = self.counted.unwrap_or(0);
        match counted(reply) {
            Some((told, now)) if Some(told) == number && now > before => {
                self.counted = Some(now);
                match now - before {
                    1 => Verdict::Right,
                    more => Verdict::RanMore(more - 1),
                }
            }
            _ => Verdict::Wrong(format!("{number:?}, as number {}", before + 1)),
        }
    }

    fn status(&self, reply: &Reply) -> Verdict {
        let is_right = match reply {
            Reply::PowerStatus(told) => {
                let pending = told.pending.map(|pending| (pending.id, pending.operation));
                let staged = self.staged.map(|id| (id, Operation::Reboot));
                (told.boot, told.backend, told.last) == (self.boot, self.backend, self.last)
                    && pending == staged
            }
            _ => false,
        };
        if is_right {
            Verdict::Right
        } else {
            Verdict::Wrong(format!(
                "{:?} staged, and last {:?}",
                self.staged, self.last
            ))
        }
    }

    fn remember(&mut self, id: OperationId, outcome: Outcome) {
        self.last = Some(LastOperation {
            id,
            operation: Operation::Reboot,
            outcome,
            boot: self.boot,
        });
    }
}

fn verdict(expected: &Reply, reply: &Reply) -> Verdict {
    if expected == reply {
        Verdict::Right
    } else {
        Verdict::Wrong(format!("{expected:?}"))
    }
}

fn refused(code: Code, detail: &str) -> Reply {
    Reply::Refused(Refusal::new(code, detail))
}

/// A reboot that waits for longer than any exam.
fn stage(id: OperationId) -> Request {
    Request::Power(PowerRequest {
        id: Some(id),
        delay: DELAY,
        ..PowerRequest::plain(Operation::Reboot)
    })
}

fn count(number: u32) -> Request {
    let message = Application::new(COUNT, &number).expect("a number fits");
    Request::Application(message)
}

/// The number that was counted, and how many were.
fn counted(reply: &Reply) -> Option<(u32, u32)> {
    match reply {
        Reply::Application(message) if message.opcode() == COUNT => message.body().ok(),
        _ => None,
    }
}

/// Numbers whose bytes differ in more than one place from one to the next.
const fn scattered(number: u32) -> u32 {
    number.wrapping_mul(0x9E37_79B1)
}
