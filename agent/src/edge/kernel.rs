//! The few calls to the kernel that no safe crate offers: how much of what was written has left, how
//! a process is started and watched. The only `unsafe` of the agent.

#![expect(
    unsafe_code,
    reason = "ioctl, getsockopt and descriptors that no safe crate offers"
)]

mod spawn;

pub(super) use spawn::{Failure, Program, RUNNING, Refusal, spawn};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::PtyMaster;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio_serial::SerialStream;

/// How many written bytes have not left yet: the output queue of a tty (`tty_ioctl(4)`,
/// `TIOCOUTQ`), what the peer has not acknowledged of a TCP socket (tcp(7), `SIOCOUTQ`; a FIN
/// counts as one, and after a reset it never falls to 0), or what the other end of a Unix socket
/// has not read (unix(7)).
pub(super) fn queued_bytes(file: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: the request writes one int through the pointer, which is valid for the call.
    let result = unsafe { libc::ioctl(file.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    checked(result)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Whether a UART has sent its last bit: FIFO and shift register are empty (`TIOCSERGETLSR`,
/// linux/serial.h). Drivers without such a register answer `ENOTTY` or `EINVAL`.
pub(super) fn transmitter_is_empty(tty: impl AsFd) -> io::Result<bool> {
    const TIOCSERGETLSR: libc::Ioctl = 0x5459;
    const TIOCSER_TEMT: libc::c_uint = 0x01;
    let mut status: libc::c_uint = 0;
    // SAFETY: the request writes one unsigned int through the pointer, valid for the call.
    let result = unsafe { libc::ioctl(tty.as_fd().as_raw_fd(), TIOCSERGETLSR, &raw mut status) };
    checked(result)?;
    Ok(status & TIOCSER_TEMT != 0)
}

/// Returns the losses that a serial driver has counted, wrapping: the UART overran, or the
/// kernel's buffer was full (`tty_ioctl(4)`, `TIOCGICOUNT`). Neither is marked in the stream. Drivers
/// that do not count answer `ENOTTY` or `EINVAL`.
pub(super) fn input_losses(tty: impl AsFd) -> io::Result<u32> {
    /// `struct serial_icounter_struct` (linux/serial.h) is twenty ints.
    const INTS: usize = 20;
    const OVERRUN: usize = 7;
    const BUF_OVERRUN: usize = 10;
    const TIOCGICOUNT: libc::Ioctl = 0x545D;
    let mut counts: [libc::c_uint; INTS] = [0; INTS];
    let file = tty.as_fd().as_raw_fd();
    // SAFETY: the request writes as many ints as there are through the pointer, valid for the call.
    let result = unsafe { libc::ioctl(file, TIOCGICOUNT, counts.as_mut_ptr()) };
    checked(result)?;
    Ok(counts[OVERRUN].wrapping_add(counts[BUF_OVERRUN]))
}

/// Returns whether a read would find something, in the line discipline or in the buffer in front of it.
pub(super) fn has_input(tty: impl AsFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(tty.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::ZERO)?;
    let events = polled[0].revents().unwrap_or(PollFlags::empty());
    Ok(events.contains(PollFlags::POLLIN))
}

/// The directions that the peer of a socket has closed (poll(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerClosed {
    Nothing,
    /// It will send nothing more, and may still read.
    Sending,
    /// Both sides: it is gone for good.
    Both,
}

/// Returns what the peer has closed.
pub(super) fn peer_closed(socket: impl AsFd) -> io::Result<PeerClosed> {
    let mut polled = libc::pollfd {
        fd: socket.as_fd().as_raw_fd(),
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: it is one entry, and its descriptor is borrowed for the call, which does not wait.
    let ready = unsafe { libc::poll(&raw mut polled, 1, 0) };
    checked(ready.min(0))?;
    Ok(if polled.revents & libc::POLLHUP != 0 {
        PeerClosed::Both
    } else if polled.revents & libc::POLLRDHUP != 0 {
        PeerClosed::Sending
    } else {
        PeerClosed::Nothing
    })
}

/// What TCP knows of a connection (tcp(7), `TCP_INFO`).
#[derive(Clone, Copy, Debug)]
pub(super) struct TcpInfo {
    /// The state, numbered as in `include/net/tcp_states.h`.
    pub(super) state: u8,
    /// How many bytes the peer has acknowledged, ever.
    pub(super) bytes_acked: u64,
}

/// `TCP_CLOSE`: reset, or closed by both.
pub(super) const TCP_CLOSE: u8 = 7;
/// `TCP_CLOSE_WAIT`: the peer has closed its side.
pub(super) const TCP_CLOSE_WAIT: u8 = 8;

/// Asks what TCP knows of a connection.
pub(super) fn tcp_info(socket: impl AsFd) -> io::Result<TcpInfo> {
    /// `tcpi_bytes_acked` is the 16th quadword of `struct tcp_info` (linux/tcp.h, since 4.1).
    const BYTES_ACKED: usize = 15;
    /// That quadword and those before it.
    const INFO_BYTES: libc::socklen_t = 16 * 8;
    let mut info = [0_u64; BYTES_ACKED + 1];
    let mut length = INFO_BYTES;
    // SAFETY: the kernel writes at most `length` bytes, the size of `info`, which is valid for
    // the call and may hold any bit pattern.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    checked(result)?;
    if length < INFO_BYTES {
        return Err(io::Error::other(
            "this kernel does not count acknowledged bytes",
        ));
    }
    Ok(TcpInfo {
        state: info[0].to_ne_bytes()[0],
        bytes_acked: info[BYTES_ACKED],
    })
}

/// The file descriptor of a serial port, which its crate gives as a number only.
pub(super) fn borrow(port: &SerialStream) -> BorrowedFd<'_> {
    // SAFETY: the port owns the descriptor and keeps it open for as long as it is borrowed.
    unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }
}

/// Has tokio watch the master of a pseudo-terminal.
pub(super) fn watch(master: PtyMaster) -> io::Result<AsyncFd<PtyMaster>> {
    // SAFETY: the master owns its descriptor, gives the same one each time it is asked, and is
    // owned by the watcher, which lets go of it before it is closed.
    Ok(unsafe { AsyncFd::register(master) }?)
}

/// Has tokio watch a descriptor that several hold.
pub(super) fn watch_shared(
    file: Arc<OwnedFd>,
    interest: Interest,
) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: what is behind the `Arc` owns its descriptor, gives the same one each time it is asked,
    // and lives at least as long as the watcher, which holds it.
    Ok(unsafe { AsyncFd::register_with_interest(file, interest) }?)
}

/// Sends a signal to every process of the group that the watched process leads or led, and to no other:
/// the descriptor stands for the number as it was, never for one that has been given away again
/// (`pidfd_send_signal(2)`, `PIDFD_SIGNAL_PROCESS_GROUP`). Signal 0 only asks whether any is left.
///
/// # Errors
///
/// `ESRCH` if none is left, `EINVAL` if the kernel is older than 6.9.
pub(super) fn signal_group(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 1 << 2;
    // SAFETY: no memory is read or written, since there is no `siginfo_t`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            process.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            PIDFD_SIGNAL_PROCESS_GROUP,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// How a process ended that is not our child, as wait(2) would say; `None` if nobody has reaped it
/// yet (linux/pidfd.h, `PIDFD_GET_INFO`, the exit since 6.15).
///
/// # Errors
///
/// If the kernel does not keep it.
pub(super) fn exit_status(process: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    /// `PIDFD_INFO_EXIT`.
    const EXIT: u64 = 1 << 3;
    /// `struct pidfd_info` as first published: mask and cgroup of 8 bytes, eleven ids of 4, the exit.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit: i32,
    }
    const PIDFD_GET_INFO: libc::Ioctl = nix::request_code_readwrite!(0xFF, 11, size_of::<Info>());
    let mut info = Info {
        mask: EXIT,
        ..Info::default()
    };
    // SAFETY: the kernel reads and writes as many bytes as the request says, the size of `info`.
    let result = unsafe { libc::ioctl(process.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    checked(result)?;
    Ok((info.mask & EXIT != 0).then_some(info.exit))
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
