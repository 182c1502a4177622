//! Why a board could not be asked. That it said no is a reply and none of these.

use lastword_protocol::Millis;
use lastword_protocol::caller::CannotCall;
use lastword_protocol::frame::TooLong;
use lastword_protocol::hello::{Busy, VersionRefused};
use lastword_protocol::identity::Identity;
use lastword_protocol::message::Working;
use lastword_protocol::refusal::Refusal;
use std::fmt;
use std::io;

/// The link is not there, or broke.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It could not be opened in the time there was.
    #[error("the connection was not made in time")]
    NotMade,
    /// The other end closed it, or there never was one.
    #[error("the link was closed: has the agent ended?")]
    Closed,
    /// It takes no more bytes.
    #[error("the link is stalled: it takes no more bytes")]
    Stalled,
    /// The system reports an error.
    #[error("the link failed")]
    Io(#[source] io::Error),
}

impl From<io::Error> for LinkError {
    /// A system tells of a close by an error where bytes were on their way.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// The board answers, but opens no session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// Another client owns the line: wait, or take over.
    #[error("line owned by {} for {}, idle for {}", owner(.0), RoundedSpan(.0.owned), RoundedSpan(.0.idle))]
    Busy(Busy),
    /// The board opens no session, and says why.
    #[error("the board opens no session: {0}")]
    Refused(Refusal),
    /// There is no common version: use the client that came with the board's agent.
    #[error("the board speaks versions {} to {} of the protocol, this program does not", .0.oldest, .0.current)]
    Version(VersionRefused),
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum GreetError {
    /// The link is not there, or broke: connect again.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No attempt was answered.
    #[error("the board does not answer")]
    Silent,
    /// The board answers, but not with a session.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// The greeting does not fit a packet.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Why a request has no reply. Unless it is [`CallError::Cannot`], the request may have run.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It was not sent.
    #[error(transparent)]
    Cannot(#[from] CannotCall),
    /// The link broke: connect and greet, then find out.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No attempt was answered: greet, then find out.
    #[error("the board stopped answering; whether it did what was asked is not known")]
    Silent,
    /// The time is up, and the board is still at it: it goes on, and its reply can no longer be had.
    #[error("still running on the board after {}{}", RoundedSpan(.0.elapsed), left(.0))]
    StillWorking(Working),
    /// The board booted, or its agent restarted, in between.
    #[error("the board or its agent restarted; whether it did what was asked is not known")]
    Restarted(Box<Identity>),
    /// The session ended in between.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// The board does not know the stream any more in which the rest of an answer was to come.
    #[error("the board has forgotten the rest of its answer: ask again")]
    StreamLost,
    /// There is a reply, of a kind that this side does not know: its opcode.
    #[error("the board's reply is of a kind this program does not know ({0:#04x})")]
    Unreadable(u8),
}

/// A span that has passed, in a unit of which there are at least two, rounded down.
pub struct RoundedSpan(pub Millis);

impl fmt::Display for RoundedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.0 / 1_000;
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7_200 => write!(f, "{} min", seconds / 60),
            _ => write!(f, "{} h", seconds / 3_600),
        }
    }
}

/// A span in whole seconds, rounded up.
struct WholeSeconds(Millis);

impl fmt::Display for WholeSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.0.div_ceil(1_000))
    }
}

/// The time left, where the board knows.
fn left(working: &Working) -> String {
    let left = working
        .left
        .map(|left| format!(", {} left at most", WholeSeconds(left)));
    left.unwrap_or_default()
}

/// What the owner of a line calls itself, or its number.
fn owner(busy: &Busy) -> String {
    if busy.name.is_empty() {
        format!("client {}", busy.owner)
    } else {
        busy.name.escape_debug().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::identity::NAME_BYTES;
    use lastword_protocol::refusal::{Code, DETAIL_BYTES, Refusal};
    use lastword_protocol::{ClientId, Nonce, Text};

    fn busy(name: &str, owned: u64, idle: u64) -> String {
        let busy = Busy {
            owner: ClientId(7),
            idle: Millis(idle),
            name: Text::try_from(name).unwrap(),
            nonce: Nonce(1),
            owned: Millis(owned),
        };
        Unwelcome::Busy(busy).to_string()
    }

    #[test]
    fn an_owner_is_told_with_the_time_since_when_it_has_the_line() {
        for (owned, idle, expected) in [
            (0, 0, "for 0 s, idle for 0 s"),
            (119_999, 1_999, "for 119 s, idle for 1 s"),
            (120_000, 119_000, "for 2 min, idle for 119 s"),
            (7_199_999, 299_999, "for 119 min, idle for 4 min"),
            (7_200_000, 0, "for 2 h, idle for 0 s"),
        ] {
            let expected = format!("line owned by alice@desk {expected}");
            assert_eq!(busy("alice@desk", owned, idle), expected);
        }
        assert_eq!(
            busy("", 1_000, 0),
            "line owned by client 0000000000000007 for 1 s, idle for 0 s"
        );
    }

    #[test]
    fn what_to_do_is_not_cut_off_what_a_script_is_told() {
        let name = "n".repeat(NAME_BYTES);
        let busy = busy(&name, 7_199_999, 119_999) + "; --take-over takes it";
        let still = CallError::StillWorking(Working {
            elapsed: Millis(3_599_999),
            left: Some(Millis(3_601_000)),
        });
        let still = still.to_string() + "; raise --timeout to wait for it";
        for text in [busy, still] {
            let refusal: Refusal = Refusal::new(Code::Busy, &text);
            assert!(text.len() <= DETAIL_BYTES, "{} of {text}", text.len());
            assert_eq!(refusal.detail.as_str(), text);
        }
    }

    #[test]
    fn a_request_that_still_runs_is_told_with_what_is_known_of_its_end() {
        for (elapsed, left, expected) in [
            (2_000, None, "2 s"),
            (2_999, Some(1), "2 s, 1 s left at most"),
            (150_000, Some(1_001), "2 min, 2 s left at most"),
            (1_000, Some(30_000), "1 s, 30 s left at most"),
        ] {
            let working = Working {
                elapsed: Millis(elapsed),
                left: left.map(Millis),
            };
            let expected = format!("still running on the board after {expected}");
            assert_eq!(CallError::StillWorking(working).to_string(), expected);
        }
    }
}
