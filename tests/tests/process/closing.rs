//! `await_close`: what counts as a close, on each kind of connection. The table of `WIRE.md`.

use lastword_tests::process::{Agent, Place};
use nix::sys::socket::{MsgFlags, Shutdown, recv, shutdown};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// What a client does.
#[derive(Clone, Copy, Debug)]
enum Close {
    /// Reads the reply, then closes its sending side.
    SendingBehindReply,
    /// Reads the reply, then closes all.
    AllBehindReply,
    /// Closes its sending side behind the request.
    SendingBehindRequest,
    /// The same, and all once it has read the reply.
    AllBehindHalf,
    /// Closes all, with the reply unread.
    AllUnread,
    /// Reads the reply and leaves the connection open.
    Nothing,
}

/// A client's end of a connection.
struct Client(File);

impl Client {
    fn new(socket: impl Into<OwnedFd>) -> Self {
        Self(File::from(socket.into()))
    }

    fn close_sending(&self) {
        shutdown(self.0.as_raw_fd(), Shutdown::Write).expect("a socket");
    }

    fn read_reply(&mut self) {
        let mut byte = [0];
        while byte != *b"\n" {
            self.0.read_exact(&mut byte).expect("a reply");
        }
    }

    /// Waits for the reply, and leaves it where it is.
    fn await_reply(&self) {
        let fd = self.0.as_raw_fd();
        assert_eq!(recv(fd, &mut [0], MsgFlags::MSG_PEEK), Ok(1));
    }

    /// Carries out `close`. What is returned is still open.
    fn carry_out(mut self, close: Close) -> Option<Self> {
        match close {
            Close::SendingBehindReply => {
                self.read_reply();
                self.close_sending();
                Some(self)
            }
            Close::AllBehindReply => {
                self.read_reply();
                None
            }
            Close::SendingBehindRequest => {
                self.close_sending();
                self.read_reply();
                Some(self)
            }
            Close::AllBehindHalf => {
                self.close_sending();
                self.read_reply();
                None
            }
            Close::AllUnread => {
                self.await_reply();
                None
            }
            Close::Nothing => {
                self.read_reply();
                Some(self)
            }
        }
    }
}

/// What a client does, whether it has said `--force`, and what comes of its reboot.
type Row = (Close, bool, &'static str);

#[track_caller]
fn check(connect: impl Fn(&Agent) -> Client, rows: &[Row]) {
    let place = Place::new();
    let mut agent = place.start();
    for (number, (close, force, expected)) in (1..).zip(rows) {
        let force = if *force { " --force" } else { "" };
        let line = format!("power reboot --await-close --op {number}{force}\n");
        let mut client = connect(&agent);
        client.0.write_all(line.as_bytes()).expect("a connection");
        let open = client.carry_out(*close);
        agent.wait_for_any(&["stood down", "dry run done"]);
        let status = agent.unix().ask("power status");
        assert!(status.contains(&format!("last_op={number} ")), "{status}");
        assert!(status.contains(expected), "{close:?}{force}: {status}");
        drop(open);
    }
}

const CLOSED: &str = "last_evidence=peer_closed";
const NOT_DRAINED: &str = "last_why=not_drained";
const LINK_LOST: &str = "last_why=link_lost";

#[test]
fn what_counts_as_a_close_on_a_unix_socket() {
    let connect =
        |agent: &Agent| Client::new(UnixStream::connect(agent.socket()).expect("an agent"));
    check(
        connect,
        &[
            (Close::SendingBehindReply, false, CLOSED),
            (Close::AllBehindReply, false, CLOSED),
            (Close::SendingBehindRequest, false, NOT_DRAINED),
            (Close::AllBehindHalf, false, CLOSED),
            (Close::AllUnread, false, LINK_LOST),
            (Close::AllUnread, true, LINK_LOST),
            (Close::Nothing, false, NOT_DRAINED),
            (Close::Nothing, true, "last_evidence=forced"),
        ],
    );
}

#[test]
fn what_counts_as_a_close_on_a_tcp_connection() {
    let connect =
        |agent: &Agent| Client::new(TcpStream::connect(agent.address()).expect("an agent"));
    check(
        connect,
        &[
            (Close::SendingBehindReply, false, CLOSED),
            (Close::AllBehindReply, false, CLOSED),
            (Close::SendingBehindRequest, false, NOT_DRAINED),
            (Close::AllBehindHalf, false, NOT_DRAINED),
            (Close::AllUnread, false, LINK_LOST),
            (Close::AllUnread, true, LINK_LOST),
            (Close::Nothing, false, NOT_DRAINED),
            (Close::Nothing, true, "last_evidence=forced"),
        ],
    );
}
