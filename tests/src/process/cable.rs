//! Cables between ttys: a null modem with a tty at either end, and wirings that return what boards say.

use super::peer::open_tty;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{self, SetArg};
use nix::unistd::ttyname;
use std::fs::File;
use std::io::{ErrorKind, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A null modem: what is written at either end comes out of the other.
#[derive(Debug)]
pub struct NullModem {
    ends: [Tty; 2],
    /// Ends the relay when it is dropped.
    _relay: PipeWriter,
}

/// A pseudo-terminal's slave, held open so that its master lives on while nobody else has it.
#[derive(Debug)]
struct Tty {
    path: PathBuf,
    _slave: OwnedFd,
}

impl Default for NullModem {
    fn default() -> Self {
        Self::new()
    }
}

impl NullModem {
    /// Makes two raw ttys that are connected.
    #[must_use]
    pub fn new() -> Self {
        let [(near, near_tty), (far, far_tty)] = [raw_tty(), raw_tty()];
        let (stop, relay) = pipe().expect("a pipe");
        thread::spawn(move || {
            let mut masters = [near, far];
            loop {
                let ready = ready(
                    &[masters[0].as_fd(), masters[1].as_fd(), stop.as_fd()],
                    None,
                );
                if ready[2] {
                    return;
                }
                let [near, far] = &mut masters;
                relay_once(near, far, ready[0]);
                relay_once(far, near, ready[1]);
            }
        });
        Self {
            ends: [near_tty, far_tty],
            _relay: relay,
        }
    }

    /// The board's end.
    #[must_use]
    pub fn board_end(&self) -> &Path {
        &self.ends[0].path
    }

    /// The end of whoever talks to the board.
    #[must_use]
    pub fn host_end(&self) -> &Path {
        &self.ends[1].path
    }
}

/// A wiring in which boards hear what boards say.
#[derive(Debug)]
pub struct Feedback {
    ends: Vec<File>,
    wiring: Wiring,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wiring {
    /// The tty returns what is sent to it, and is only read.
    EchoingTty,
    /// The output of each line goes into the next one, that of the last into the first.
    Ring,
}

impl Feedback {
    /// Reads a tty that has been told to echo, as `cat` does.
    #[must_use]
    pub fn echoing_tty(tty: &Path) -> Self {
        Self::new(&[tty], Wiring::EchoingTty)
    }

    /// Ties TX to RX.
    #[must_use]
    pub fn loopback(tty: &Path) -> Self {
        Self::new(&[tty], Wiring::Ring)
    }

    /// Ties TX to RX of two lines crosswise.
    #[must_use]
    pub fn crosswise(near: &Path, far: &Path) -> Self {
        Self::new(&[near, far], Wiring::Ring)
    }

    fn new(ttys: &[&Path], wiring: Wiring) -> Self {
        let ends = ttys.iter().map(|tty| open_tty(tty)).collect();
        Self { ends, wiring }
    }

    /// Sends bytes to the first board, and returns what each board says until 1.2 seconds have passed
    /// without any more.
    ///
    /// # Panics
    ///
    /// If they still talk after two seconds.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "how long real processes talk is what is measured"
    )]
    pub fn exchange(&mut self, bytes: &[u8]) -> Vec<String> {
        let start = std::time::Instant::now();
        self.ends[0].write_all(bytes).expect("a line");
        let mut said = vec![Vec::new(); self.ends.len()];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        loop {
            let ends: Vec<_> = self.ends.iter().map(AsFd::as_fd).collect();
            let ready = ready(&ends, Some(QUIET));
            if !ready.contains(&true) {
                return said.iter().map(|said| text(said)).collect();
            }
            let talked = start.elapsed();
            assert!(
                talked < LONGEST_TALK,
                "{} bytes in {talked:?}, and no end: {}…",
                said.iter().map(Vec::len).sum::<usize>(),
                text(&said[0][..said[0].len().min(400)])
            );
            for (from, is_ready) in ready.into_iter().enumerate() {
                if is_ready {
                    said[from].extend(self.carry(from));
                }
            }
        }
    }

    /// Carries what one board has said to where the wiring leads.
    fn carry(&mut self, from: usize) -> Vec<u8> {
        let mut buffer = [0; CHUNK_BYTES];
        let count = self.ends[from].read(&mut buffer).expect("a line");
        let said = &buffer[..count];
        if self.wiring == Wiring::Ring {
            let to = (from + 1) % self.ends.len();
            self.ends[to].write_all(said).expect("a line");
        }
        said.to_owned()
    }
}

fn raw_tty() -> (File, Tty) {
    let pair = openpty(None, None).expect("a pseudo-terminal");
    let mut settings = termios::tcgetattr(&pair.slave).expect("a tty");
    termios::cfmakeraw(&mut settings);
    termios::tcsetattr(&pair.slave, SetArg::TCSANOW, &settings).expect("a tty");
    let tty = Tty {
        path: ttyname(&pair.slave).expect("a tty's name"),
        _slave: pair.slave,
    };
    (File::from(pair.master), tty)
}

/// Moves what has come. What the far end has no room for is lost, as on a real line.
fn relay_once(from: &mut File, to: &mut File, is_ready: bool) {
    let mut buffer = [0; CHUNK_BYTES];
    if !is_ready {
        return;
    }
    match from.read(&mut buffer) {
        Ok(count) => {
            let has_room = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
            if poll(&mut { has_room }, PollTimeout::ZERO) == Ok(1) {
                to.write_all(&buffer[..count]).expect("a pseudo-terminal");
            }
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => panic!("a null modem's end: {error}"),
    }
}

/// Waits until any can be read, and returns which.
fn ready(files: &[std::os::fd::BorrowedFd<'_>], bound: Option<Duration>) -> Vec<bool> {
    let bound = bound.map_or(PollTimeout::NONE, |bound| {
        PollTimeout::try_from(bound).expect("a bound that fits")
    });
    let mut polled: Vec<_> = files
        .iter()
        .map(|file| PollFd::new(*file, PollFlags::POLLIN))
        .collect();
    poll(&mut polled, bound).expect("open files");
    let is_ready = |polled: &PollFd<'_>| polled.any().unwrap_or_default();
    polled.iter().map(is_ready).collect()
}

/// The longest that boards may go on by themselves.
pub(super) const LONGEST_TALK: Duration = Duration::from_secs(2);
/// The silence after which a line is quiet: longer than boards keep silent because of an echo.
pub(super) const QUIET: Duration = Duration::from_millis(1_200);
/// The most bytes that are moved at once.
const CHUNK_BYTES: usize = 1_024;
