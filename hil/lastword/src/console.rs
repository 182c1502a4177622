//! `lastword console`: a person, or a pipe, on the board's own shell.

use crate::Exit;
use crate::raw_terminal::RawTerminal;
use lastword_client::client::{Link, LinkError, TextSink};
use lastword_client::clock::Clock;
use lastword_client::dial::Dial;
use lastword_client::endpoint::Endpoint;
use lastword_client::escape::escape;
use lastword_protocol::frame::DELIMITER;
use lastword_protocol::hello::{self, Hello};
use lastword_protocol::identity::{CURRENT, OLDEST};
use lastword_protocol::{ClientId, Instant, Millis, Sequence, Text};
use std::io::{self, Read, Write};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

/// Attaches until `^]`, the end of a piped input, a signal, or the board's end of it.
/// `take_over`: whoever owns a serial line in frames loses it, and lines are taken at once.
pub(crate) async fn run(endpoint: &Endpoint, take_over: bool) -> Exit {
    let dialled = tokio::time::timeout(CONNECT_TIMEOUT, endpoint.dial()).await;
    let stream = match dialled {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return unreachable_board(endpoint, &error),
        Err(_) => return unreachable_board(endpoint, &LinkError::NotMade),
    };
    let mut attached = Attached {
        link: Link::new(stream, endpoint.baud()),
        take_over,
        clock: Clock::start(),
        sink: Box::new(show),
    };
    match attached.attend(endpoint).await {
        Ok(()) => Exit::Done,
        Err(error) => unreachable_board(endpoint, &error),
    }
}

fn unreachable_board(endpoint: &Endpoint, error: &dyn std::error::Error) -> Exit {
    let cause = error.source().map(|cause| format!(": {cause}"));
    let cause = cause.unwrap_or_default();
    tell(&format!("lastword: {endpoint}: {error}{cause}\n"));
    Exit::Unreachable
}

struct Attached {
    link: Link,
    take_over: bool,
    clock: Clock,
    sink: TextSink,
}

/// What ends a console.
enum Left {
    /// The person, or a signal.
    Here,
    /// The piped input is used up: what the board still says belongs to it.
    InputEnded,
    /// The board closed the connection.
    There,
}

impl Attached {
    async fn attend(&mut self, endpoint: &Endpoint) -> Result<(), LinkError> {
        let terminal = RawTerminal::enter()?;
        let person = terminal.is_some();
        if person {
            tell(&format!("{endpoint}: ^] leaves\r\n"));
        }
        if self.take_over {
            self.link.send(&taking_over()).await?;
        }
        self.link.send(OPENING).await?;
        let left = self.converse(person).await?;
        if matches!(left, Left::InputEnded) {
            self.hear_out().await?;
        }
        (self.sink)(&self.link.rest());
        drop(terminal);
        if person && matches!(left, Left::There) {
            tell("\nlastword: the board closed the connection\n");
        } else if person {
            tell("\n");
        }
        Ok(())
    }

    /// Passes bytes both ways.
    async fn converse(&mut self, person: bool) -> Result<Left, LinkError> {
        let mut input = read_input();
        let mut terminated = signal(SignalKind::terminate())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        let mut interrupted = signal(SignalKind::interrupt())?;
        loop {
            let wake = self.show_text();
            // Filling and receiving are cancel-safe.
            tokio::select! {
                filled = self.link.fill(self.clock, wake) => match filled {
                    Ok(()) => {}
                    Err(LinkError::Closed) => return Ok(Left::There),
                    Err(error) => return Err(error),
                },
                bytes = input.recv() => {
                    let Some(bytes) = bytes else { return Ok(Left::InputEnded) };
                    let (typed, leaves) = until_escape(&bytes, person);
                    self.link.send(typed).await?;
                    if leaves {
                        return Ok(Left::Here);
                    }
                }
                _ = terminated.recv() => return Ok(Left::Here),
                _ = hung_up.recv() => return Ok(Left::Here),
                _ = interrupted.recv() => return Ok(Left::Here),
            }
        }
    }

    /// Shows what comes until the board closes, or is quiet for a while.
    async fn hear_out(&mut self) -> Result<(), LinkError> {
        loop {
            let held_until = self.show_text();
            let quiet = self.clock.now().after(QUIET);
            let wake = held_until.unwrap_or(quiet);
            match self.link.fill(self.clock, Some(wake)).await {
                Ok(()) if held_until.is_none() && quiet <= self.clock.now() => return Ok(()),
                Ok(()) => {}
                Err(LinkError::Closed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Shows what was read, frames left out; returns when there is more to show by itself.
    fn show_text(&mut self) -> Option<Instant> {
        let now = self.clock.now();
        while self
            .link
            .decode(now, &mut self.sink, |_| Some(()))
            .is_some()
        {}
        self.link.deadline()
    }
}

/// Takes the line, and gives it free at once: behind a goodbye a board takes text for commands.
pub(crate) fn taking_over() -> Vec<u8> {
    let hello = Hello {
        client: ClientId(rand::random()),
        oldest: OLDEST,
        current: CURRENT,
        take_over: true,
        name: Text::new(),
    };
    let taken = hello::ask::<HELLO_BYTES>(Sequence(1), &hello);
    let freed = hello::goodbye::<HELLO_BYTES>(hello.client);
    // They fit.
    let packets = [taken, freed].into_iter().flatten();
    packets.fold(vec![DELIMITER], |all, packet| [&all[..], &packet].concat())
}

/// What was typed in front of `^]`, and whether that was there; a pipe may hold any byte.
fn until_escape(bytes: &[u8], person: bool) -> (&[u8], bool) {
    match bytes.iter().position(|byte| *byte == ESCAPE) {
        Some(at) if person => (&bytes[..at], true),
        _ => (bytes, false),
    }
}

/// Standard input, piece by piece. The thread ends with the process: a read cannot be cancelled.
fn read_input() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel(INPUT_PIECES);
    std::thread::spawn(move || {
        let mut buffer = [0; PIECE_BYTES];
        while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
            if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Says something on standard error, where what is not taken is not missed.
fn tell(text: &str) {
    // A terminal that is raw needs both at the end of a line.
    let shown = match text.strip_suffix("\r\n") {
        Some(line) => escape(line.as_bytes()) + "\r\n",
        None => escape(text.as_bytes()),
    };
    // There is nowhere else to say it.
    let _ = io::stderr().write_all(shown.as_bytes());
}

fn show(text: &[u8]) {
    let mut out = io::stdout();
    // A terminal that is gone sends SIGHUP.
    let _ = out.write_all(text);
    let _ = out.flush();
}

/// The longest hello of this side, in bytes.
const HELLO_BYTES: usize = 64;
/// Whatever was typed before, a line of its own, and the dialect of people.
const OPENING: &[u8] = b"\nmode term\n";
/// `^]`
const ESCAPE: u8 = 0x1d;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a board may be silent behind the end of a piped input.
const QUIET: Millis = Millis(1_000);
const PIECE_BYTES: usize = 1_024;
/// How many pieces of input wait at most.
const INPUT_PIECES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_leaves_by_the_escape_and_a_pipe_does_not() {
        assert_eq!(until_escape(b"ab\x1dcd", true), (&b"ab"[..], true));
        assert_eq!(until_escape(b"abcd", true), (&b"abcd"[..], false));
        assert_eq!(until_escape(b"ab\x1dcd", false), (&b"ab\x1dcd"[..], false));
    }
}
