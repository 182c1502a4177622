//! How a service tells that it is ready: a port that answers, a word on a socket, a command that
//! succeeds. All of these wait as long as it takes, and can be dropped at any moment.

use super::group::Group;
use super::listeners::{PortOwner, PortWatch};
use super::watch::Process;
use super::{Exit, Launch, Nonce64, explain, launch};
use crate::edge::explained::is_exhausted;
use crate::edge::threads::{self, OneEach};
use nix::sys::signal::Signal;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg, setsockopt, sockopt::PassCred,
};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IoSliceMut};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{self, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixDatagram};
use tokio::time;

/// Waits until a process of a service listens on a port of the loopback address, in the network namespace of its
/// main process. Another's socket does not count: `note` is told of it, and of a port that nobody listens on.
/// Cancel-safe.
///
/// Where it cannot be told whose socket it is, one that takes connections counts: a service whose descriptors may
/// not be read, or a port that the firewall redirects.
pub async fn tcp_ready(port: u16, group: &Group, note: impl Fn(String) + Sync) {
    let mut pause = FIRST_PAUSE;
    let mut watch = PortWatch::new(port, group);
    let mut was_hidden = false;
    loop {
        let is_elsewhere = watch.is_elsewhere();
        let answered = !is_elsewhere
            && (answers(Ipv4Addr::LOCALHOST.into(), port).await
                || answers(Ipv6Addr::LOCALHOST.into(), port).await);
        let owner = if answered || is_elsewhere {
            watch.owner().await
        } else {
            PortOwner::Nobody
        };
        let is_hidden = answered && owner == PortOwner::Nobody;
        match owner {
            PortOwner::Service => return,
            PortOwner::Unknown if answered => return,
            // Whoever answered may have closed its socket since; not twice.
            PortOwner::Nobody if is_hidden && was_hidden => return,
            PortOwner::Nobody => note(format!("nothing listens on port {port}")),
            PortOwner::Unknown => note(format!("cannot tell who listens on port {port}")),
            PortOwner::Stranger(who) => {
                note(format!(
                    "port {port} is held by {who}, which is not of this service"
                ));
            }
        }
        was_hidden = is_hidden;
        time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn answers(address: IpAddr, port: u16) -> bool {
    /// Where packets get lost, the next one is sooner than TCP's own.
    const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
    let connected = time::timeout(ANSWERED_WITHIN, TcpStream::connect((address, port)));
    let Ok(Ok(stream)) = connected.await else {
        return false;
    };
    !is_its_own_peer(&stream)
}

/// A connection to a free port can meet itself: TCP allows both ends to open at once (RFC 9293, 3.5).
fn is_its_own_peer(stream: &TcpStream) -> bool {
    stream.local_addr().ok() == stream.peer_addr().ok()
}

/// Starts a command over and over until it exits with 0. Dropped, it kills the one that runs.
/// Cancel-safe.
///
/// # Errors
///
/// If the command cannot be started.
pub async fn exec_ready(command: Launch) -> io::Result<()> {
    let mut pause = FIRST_PAUSE;
    loop {
        let command = command.clone();
        let started = threads::run(&OneEach::default(), move || Attempt::start(&command)).await;
        match started.map_err(|error| io::Error::other(error.to_string()))? {
            Ok(attempt) if attempt.0.exited().await == Exit::Code(0) => return Ok(()),
            Err(error) if !is_exhausted(&error) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A command that nobody needs once this is dropped.
struct Attempt(Process);

impl Attempt {
    fn start(command: &Launch) -> io::Result<Self> {
        let nowhere: File = OpenOptions::new().write(true).open("/dev/null")?;
        launch(command, nowhere.as_fd(), nowhere.as_fd()).map(Self)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.signal_group(Signal::SIGKILL);
        let _ = self.0.signal(Signal::SIGKILL);
    }
}

/// Where a service says that it is ready, by the datagram `READY=1` (`sd_notify(3)`).
#[derive(Debug)]
pub struct NotifySocket(UnixDatagram);

impl NotifySocket {
    /// Listens at a path, in place of an earlier one. Anyone may write there, since a service may run as
    /// anyone: who is believed is decided by [`NotifySocket::ready`].
    ///
    /// # Errors
    ///
    /// If there can be no socket at that path (it may have 107 bytes).
    pub fn bind(path: &Path) -> io::Result<Self> {
        let failed = |error: io::Error| explain(format!("no socket at {}", path.display()), &error);
        remove_socket(path).map_err(failed)?;
        let socket = UnixDatagram::bind(path).map_err(failed)?;
        setsockopt(&socket, PassCred, &true).map_err(|error| failed(error.into()))?;
        fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
        Ok(Self(socket))
    }

    /// Listens at an abstract address (unix(7)), for a service of another user: the state directory, where
    /// the other sockets are, is closed to it. Returns the address as `NOTIFY_SOCKET` has it
    /// (`sd_notify(3)`). Nobody can know the name beforehand.
    ///
    /// # Errors
    ///
    /// If there is no room for it, or there are no random numbers.
    pub fn bind_abstract() -> io::Result<(Self, PathBuf)> {
        let name = format!("lastword-notify-{}", Nonce64::fresh()?);
        let failed = |error: io::Error| explain(format!("no socket at @{name}"), &error);
        let address = SocketAddr::from_abstract_name(&name).map_err(failed)?;
        let socket = net::UnixDatagram::bind_addr(&address).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let socket = UnixDatagram::from_std(socket).map_err(failed)?;
        setsockopt(&socket, PassCred, &true).map_err(|error| failed(error.into()))?;
        Ok((Self(socket), format!("@{name}").into()))
    }

    /// Waits until a process of the group says that it is ready. What others say is not heard, nor what a
    /// process says that has ended before it could be looked at. Cancel-safe.
    ///
    /// # Errors
    ///
    /// If the socket fails.
    pub async fn ready(&self, group: &Group) -> io::Result<()> {
        let mut warned = false;
        loop {
            let (sender, says_ready) = self
                .0
                .async_io(Interest::READABLE, || self.receive())
                .await?;
            if !says_ready {
                continue;
            }
            if group.contains(sender) {
                return Ok(());
            }
            if !mem::replace(&mut warned, true) {
                tracing::warn!(
                    sender,
                    "READY=1 from a process that is not the service's; ignored"
                );
            }
        }
    }

    /// Who sent the next datagram, and whether it says ready. Descriptors that come with it find no room
    /// and are closed by the kernel.
    fn receive(&self) -> io::Result<(i32, bool)> {
        let mut text = [0; MESSAGE_BYTES];
        let mut control = nix::cmsg_space!(UnixCredentials);
        let mut parts = [IoSliceMut::new(&mut text)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let socket = self.0.as_raw_fd();
        let received = recvmsg::<()>(socket, &mut parts, Some(&mut control), flags)?;
        let sender = received.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::ScmCredentials(credentials) => Some(credentials.pid()),
            _ => None,
        });
        let length = received.bytes;
        Ok((sender.unwrap_or(0), says_ready(&text[..length])))
    }
}

/// Removes a socket that an earlier start has left, and nothing else.
fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is no socket is there; remove it",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Longer messages are cut.
const MESSAGE_BYTES: usize = 4096;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

fn says_ready(message: &[u8]) -> bool {
    message
        .split(|byte| *byte == b'\n')
        .any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::super::strays;
    use super::super::testing::{Service, shell, soon};
    use super::*;
    use tokio::net::TcpSocket;

    #[tokio::test]
    async fn a_port_answers_once_someone_listens() {
        for address in [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            Ipv6Addr::LOCALHOST.into(),
        ] {
            let socket = match address {
                IpAddr::V4(_) => TcpSocket::new_v4(),
                IpAddr::V6(_) => TcpSocket::new_v6(),
            };
            let Ok(socket) =
                socket.and_then(|socket| socket.bind((address, 0).into()).map(|()| socket))
            else {
                eprintln!("NOT SHOWN: this machine has no {address}");
                continue;
            };
            let port = socket.local_addr().expect("bound").port();
            assert!(!answers(address, port).await, "taken, but nobody listens");
            let _listener = socket.listen(1).expect("bound");
            assert!(answers(address, port).await);
        }
    }

    #[tokio::test]
    async fn a_connection_that_met_itself_is_nobodys_answer() {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a free port");
        let address = socket.local_addr().expect("bound");
        let stream = soon(socket.connect(address)).await.expect("to itself");
        assert!(is_its_own_peer(&stream));
    }

    #[tokio::test]
    async fn a_command_is_asked_until_it_succeeds() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut command =
            shell("test -e third || { test -e second && : > third; : > second; exit 1; }");
        command.directory = Some(directory.path().into());
        soon(exec_ready(command.clone()))
            .await
            .expect("it can be started");
        assert!(directory.path().join("third").exists());
        command.program = "/no/such/program".into();
        soon(exec_ready(command)).await.expect_err("it never can");
    }

    #[tokio::test]
    async fn a_command_that_nobody_waits_for_is_killed() {
        let service = Service::shell("exec sleep 1000");
        let mut command = shell("sleep 1000 & sleep 1000; true");
        command.nonce = service.nonce;
        let count = || strays(service.nonce).expect("readable").len();
        let asking = tokio::spawn(exec_ready(command));
        soon(async {
            while count() < 4 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        asking.abort();
        soon(async {
            while count() > 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(!service.process.has_ended());
    }

    #[tokio::test]
    async fn a_service_is_believed_and_others_are_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        drop(NotifySocket::bind(&path).expect("room"));
        let socket = NotifySocket::bind(&path).expect("in place of the earlier one");
        let service = Service::shell("exec sleep 1000");
        // This test is no part of the service.
        let other = UnixDatagram::unbound().expect("a socket");
        for message in ["READY=1", "STATUS=READY=1", "READY=1\n"] {
            other
                .send_to(message.as_bytes(), &path)
                .await
                .expect("sent");
        }
        let heard = time::timeout(Duration::from_millis(50), socket.ready(&service.group)).await;
        heard.expect_err("not from this process");
        // The test below, as a service.
        let program = std::env::current_exe().expect("it runs");
        let mut what = shell("").by_name(program.to_str().expect("text"));
        let test = "edge::process::ready::tests::a_service_tells_on_its_socket";
        what.args = vec![test.into(), "--exact".into()];
        what.env = vec![(ROLE.into(), "1".into())];
        what.notify = Some(path);
        let service = Service::start(what);
        let ready = soon(socket.ready(&service.group)).await;
        ready.expect("from one of the group");
    }

    /// Set where the test binary is run as a service.
    const ROLE: &str = "TESTED_AS_SERVICE";

    #[test]
    fn a_service_tells_on_its_socket() {
        if std::env::var_os(ROLE).is_none() {
            return;
        }
        let socket = std::env::var_os("NOTIFY_SOCKET").expect("given");
        let told = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
        told.send_to(b"STATUS=nearly", &socket).expect("sent");
        told.send_to(b"STATUS=there\nREADY=1\n", &socket)
            .expect("sent");
        // Until it is killed: one that has ended is not believed.
        loop {
            std::thread::park();
        }
    }

    #[test]
    fn ready_is_a_line_of_its_own() {
        for (message, ready) in [
            ("READY=1", true),
            ("READY=1\n", true),
            ("STATUS=x\nREADY=1\nMAINPID=3", true),
            ("READY=0", false),
            ("XREADY=1", false),
            ("READY=12", false),
            ("", false),
        ] {
            assert_eq!(says_ready(message.as_bytes()), ready, "{message:?}");
        }
    }
}
