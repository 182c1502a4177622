//! Serial ports: evidence is an empty queue and an empty shift register.

use super::{Drain, Link, kinds};
use crate::core::session::{LossWatch, Traits};
use crate::edge::kernel;
use crate::edge::threads::OneEach;
use lastword_protocol::Millis;
use lastword_protocol::message::event::LinkKind;
use lastword_protocol::power::Evidence;
use lastword_shell::Medium;
use nix::errno::Errno;
use nix::sys::termios::{self, FlushArg, InputFlags, SetArg};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_serial::{SerialPortBuilderExt, SerialStream};

/// What a USB adapter may sit on after its driver's queue is empty: its latency timer (16 ms on
/// common ones, FTDI AN232B-04) and a little.
const BRIDGE_MARGIN: Duration = Duration::from_millis(20);
/// Start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;

/// An open serial port.
#[derive(Debug)]
pub struct SerialLink {
    port: SerialStream,
    path: PathBuf,
    baud: u32,
    nature: Nature,
    drain: Progress,
    threads: OneEach,
    losses: LossWatch,
}

/// What is behind the device file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// A UART of this machine.
    Uart,
    /// A USB adapter: what happens behind the cable is not known.
    Bridge,
    /// The slave of a pseudo-terminal: nothing is known.
    Pseudo,
}

/// How far the drain under way has come.
#[derive(Debug)]
enum Progress {
    /// The driver's queue was not seen empty yet.
    Queue,
    /// The driver has no register to ask: tcdrain(3) waits on a thread of its own.
    Waiting(oneshot::Receiver<nix::Result<()>>),
    /// A bridge has the bytes until then.
    Bridge(Instant),
}

impl SerialLink {
    /// Opens a port, raw, with eight data bits and one stop bit. Bytes with framing errors and
    /// BREAKs are marked in the stream (`INPCK` and `PARMRK` set, `IGNPAR` clear).
    ///
    /// # Errors
    ///
    /// If the port cannot be opened or configured; [`io::ErrorKind::InvalidInput`], if what is there is no
    /// serial port, or has not that speed.
    pub fn open(path: &Path, baud: u32) -> io::Result<Self> {
        let port = tokio_serial::new(path.to_string_lossy(), baud)
            .open_native_async()
            .map_err(|error| match unfit(path) {
                Some(unfit) => unfit,
                // As nix and serialport have it; no other step fails so.
                None if error.description == Errno::EINVAL.desc() => {
                    let message = format!("it cannot do {baud} baud");
                    io::Error::new(io::ErrorKind::InvalidInput, message)
                }
                None => error.into(),
            })?;
        let tty = kernel::borrow(&port);
        let mut settings = termios::tcgetattr(tty)?;
        let flags = &mut settings.input_flags;
        flags.insert(InputFlags::INPCK | InputFlags::PARMRK);
        flags.remove(InputFlags::IGNPAR | InputFlags::IGNBRK | InputFlags::BRKINT);
        termios::tcsetattr(tty, SetArg::TCSANOW, &settings)?;
        let losses = losses(tty).inspect_err(|error| {
            tracing::debug!(port = %path.display(), %error, "the driver does not count what it loses");
        });
        // What arrived while nobody listened was meant for a boot loader or an earlier agent. What
        // follows on it may be half a line.
        let is_unsure = kernel::has_input(tty)?;
        termios::tcflush(tty, FlushArg::TCIFLUSH)?;
        let nature = Nature::of(path);
        Ok(Self {
            port,
            path: path.to_owned(),
            baud,
            nature,
            drain: Progress::Queue,
            threads: OneEach::default(),
            losses: LossWatch::new(losses.unwrap_or(0), is_unsure),
        })
    }

    /// Notes that the port had failed before it was opened: what was sent meanwhile is missing.
    pub const fn was_closed(&mut self) {
        self.losses.interrupt();
    }

    fn byte_time(&self, bytes: usize) -> Duration {
        let bits = (bytes as u64).saturating_mul(BITS_PER_BYTE);
        Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(self.baud.max(1)))
    }

    /// Ends a drain for which the driver has vouched.
    fn vouched(&mut self) -> Drain {
        if self.nature == Nature::Uart {
            self.drain = Progress::Queue;
            return Drain::Left(Evidence::UartEmpty);
        }
        // The adapter may hold a full buffer of its own, 64 bytes at least.
        let hold = self.byte_time(64) + BRIDGE_MARGIN;
        self.drain = Progress::Bridge(Instant::now() + hold);
        Drain::Pending(hold)
    }

    /// The driver's queue is empty: what of the hardware behind it?
    fn queue_is_empty(&mut self) -> io::Result<Drain> {
        match kernel::transmitter_is_empty(kernel::borrow(&self.port)) {
            Ok(true) => Ok(self.vouched()),
            Ok(false) => Ok(Drain::Pending(self.byte_time(1))),
            Err(error) if is_not_supported(&error) => {
                let tty = kernel::borrow(&self.port).try_clone_to_owned()?;
                let (done, drained) = oneshot::channel();
                let wait = move || {
                    // The link may be gone by then.
                    let _ = done.send(termios::tcdrain(tty.as_fd()));
                };
                // Never here: a peer that holds the line would hold the agent.
                if let Err(error) = self.threads.try_start(wait) {
                    tracing::debug!(%error, "no thread to wait for the drain; tried again");
                    return Ok(Drain::Pending(super::POLL));
                }
                self.drain = Progress::Waiting(drained);
                Ok(Drain::Pending(self.byte_time(1)))
            }
            Err(error) => Err(error),
        }
    }
}

kinds::delegate_io!(SerialLink, port);

impl Link for SerialLink {
    fn traits(&self) -> Traits {
        let medium = Medium::Serial { baud: self.baud };
        Traits {
            medium,
            marked: true,
            telnet: false,
        }
    }

    fn kind(&self) -> LinkKind {
        LinkKind::Serial
    }

    fn peer(&self) -> String {
        self.path.display().to_string()
    }

    fn wire_time(&self, bytes: usize) -> Millis {
        let queued = kernel::queued_bytes(kernel::borrow(&self.port)).unwrap_or(0);
        let time = self.byte_time(bytes.saturating_add(queued)).as_millis();
        Millis(u64::try_from(time).unwrap_or(u64::MAX))
    }

    fn is_console(&self) -> bool {
        let name = self
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let consoles = fs::read_to_string("/proc/consoles").unwrap_or_default();
        // Each line begins with the device's name (Documentation/filesystems/proc.rst).
        name.is_some_and(|name| {
            consoles
                .lines()
                .any(|line| line.split_whitespace().next() == Some(&name))
        })
    }

    fn may_have_lost_input(&mut self) -> bool {
        let tty = kernel::borrow(&self.port);
        // In this order: all that had arrived when it was counted is read if nothing is left.
        let losses = losses(tty).unwrap_or(0);
        let is_drained = kernel::has_input(tty).is_ok_and(|has_input| !has_input);
        let is_unsure = self.losses.has_read(losses, is_drained);
        if is_unsure {
            tracing::debug!(port = %self.path.display(), losses, "input was lost");
        }
        is_unsure
    }

    fn mark(&mut self) -> io::Result<()> {
        self.drain = Progress::Queue;
        Ok(())
    }

    fn drained(&mut self, _await_close: bool) -> io::Result<Drain> {
        if self.nature == Nature::Pseudo {
            return Ok(Drain::Left(Evidence::Unknowable));
        }
        match &mut self.drain {
            Progress::Queue => match kernel::queued_bytes(kernel::borrow(&self.port))? {
                0 => self.queue_is_empty(),
                queued => Ok(Drain::Pending(self.byte_time(queued).max(super::POLL))),
            },
            Progress::Waiting(drained) => match drained.try_recv() {
                Ok(result) => {
                    result?;
                    Ok(self.vouched())
                }
                Err(oneshot::error::TryRecvError::Empty) => Ok(Drain::Pending(super::POLL)),
                Err(oneshot::error::TryRecvError::Closed) => Err(io::Error::other(
                    "the thread that waits for the drain is gone",
                )),
            },
            Progress::Bridge(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left > Duration::ZERO {
                    return Ok(Drain::Pending(left));
                }
                Ok(Drain::Left(Evidence::HandedToBridge))
            }
        }
    }
}

impl Nature {
    fn of(path: &Path) -> Self {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if real.starts_with("/dev/pts") {
            return Self::Pseudo;
        }
        let name = real.file_name().unwrap_or_default();
        let device = fs::canonicalize(Path::new("/sys/class/tty").join(name).join("device"));
        let usb = device.is_ok_and(|device| {
            device
                .components()
                .any(|part| part.as_os_str().to_string_lossy().starts_with("usb"))
        });
        if usb { Self::Bridge } else { Self::Uart }
    }
}

/// Returns the number of bytes the driver has lost, whole buffers counted once; 0 if it does not count.
fn losses(tty: BorrowedFd<'_>) -> io::Result<u32> {
    match kernel::input_losses(tty) {
        Err(error) if !is_not_supported(&error) => {
            tracing::warn!(%error, "cannot ask for what was lost");
            Err(error)
        }
        losses => losses,
    }
}

/// Returns the reason why `path` can never be opened as a serial port; `None` if it may be, or is not there.
fn unfit(path: &Path) -> Option<io::Error> {
    let wrong = |message: String| Some(io::Error::new(io::ErrorKind::InvalidInput, message));
    if !fs::metadata(path).ok()?.file_type().is_char_device() {
        return wrong("it is no device".to_owned());
    }
    let no_controlling = libc::O_NOCTTY | libc::O_NONBLOCK;
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).write(true).custom_flags(no_controlling);
    let device = options.open(path).ok()?;
    match termios::tcgetattr(&device) {
        Err(Errno::ENOTTY) => wrong("it is no terminal device".to_owned()),
        _ => None,
    }
}

fn is_not_supported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOTTY | libc::EINVAL | libc::ENOSYS)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::threads::NO_ROOM;
    use nix::pty::openpty;
    use nix::unistd::ttyname;

    #[tokio::test]
    async fn without_a_thread_to_wait_on_the_drain_is_asked_for_again() {
        let pair = openpty(None, None).expect("a pseudo-terminal");
        let path = ttyname(&pair.slave).expect("its name");
        let mut link = SerialLink::open(&path, 115_200).expect("opens");
        // As on a UART whose driver has no register to ask: neither has a pseudo-terminal.
        link.nature = Nature::Uart;
        link.threads = NO_ROOM;
        for _ in 0..2 {
            let drain = link.drained(false).expect("no error");
            assert_eq!(drain, Drain::Pending(crate::edge::link::POLL));
        }
        link.threads = OneEach::default();
        assert_eq!(drained(&mut link).await, Evidence::UartEmpty);
    }

    async fn drained(link: &mut SerialLink) -> Evidence {
        loop {
            match link.drained(false).expect("no error") {
                Drain::Left(evidence) => return evidence,
                Drain::Pending(pause) => tokio::time::sleep(pause).await,
            }
        }
    }
}
