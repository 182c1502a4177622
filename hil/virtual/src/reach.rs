//! How a Linux board is reached beyond its UART: its network and its console.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::board::VirtualBoard;
use crate::command_line::{AGENT_PORT, CONSOLE};
use crate::error::{self, BoardError};
use crate::linux::Linux;
use crate::namespace::{self, Namespace};

impl VirtualBoard<Linux> {
    /// Returns where the host reaches the agent, on the user network; `None` on a tap, which only
    /// [`Self::in_network`] reaches.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.kind.namespace.is_none().then(|| self.agent_address())
    }

    /// Connects to the agent's TCP port.
    ///
    /// On the user network QEMU accepts at once, and closes if nobody listens on the board.
    ///
    /// # Errors
    ///
    /// An I/O error if the board is off, or, on a tap, does not answer or does not listen.
    pub async fn connect_tcp(&self) -> io::Result<TcpStream> {
        let stream = self.in_network(connect).await?;
        TcpStream::from_std(stream)
    }

    /// Runs `work` on a thread of its own in the board's network and returns what it returns.
    ///
    /// `work` gets the agent's address there. Sockets stay in the network in which they were made,
    /// wherever they are used, so a test can make one with options of its own and take it along.
    ///
    /// # Errors
    ///
    /// The error of `work`, or of entering the network.
    pub async fn in_network<T, W>(&self, work: W) -> io::Result<T>
    where
        T: Send + 'static,
        W: FnOnce(SocketAddr) -> io::Result<T> + Send + 'static,
    {
        let namespace = self
            .kind
            .namespace
            .as_ref()
            .map(Namespace::open)
            .transpose()?;
        let address = self.agent_address();
        let (sender, result) = oneshot::channel();
        std::thread::Builder::new().spawn(move || {
            let entered = namespace.as_ref().map_or(Ok(()), namespace::enter);
            // Nobody waits for the result of a cancelled call.
            drop(sender.send(entered.and_then(|()| work(address))));
        })?;
        result
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the work in the network panicked")))
    }

    /// Returns the text of the board's console since it was switched on.
    ///
    /// # Errors
    ///
    /// An I/O error if the console file cannot be read.
    pub fn console_text(&self) -> io::Result<String> {
        fs::read(self.console_path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until the console has `text`; `within` bounds the wait.
    ///
    /// # Errors
    ///
    /// [`BoardError::Late`] if it does not appear, [`BoardError::Ended`] if the board goes off
    /// first.
    pub async fn wait_for_console(
        &mut self,
        text: &str,
        within: Duration,
    ) -> Result<(), BoardError> {
        let path = self.console_path();
        let deadline = Instant::now() + within;
        while !error::file(&path, "read", self.console_text())?.contains(text) {
            if self.machine.try_status().is_some() {
                return Err(self.machine.ended().await);
            }
            if Instant::now() >= deadline {
                let awaited = format!("{text:?} on the console");
                return Err(BoardError::Late {
                    awaited,
                    within_ms: within.as_millis(),
                    see: path,
                });
            }
            // QEMU tells nobody that it wrote to a file.
            sleep(Duration::from_millis(CONSOLE_POLL_MS)).await;
        }
        Ok(())
    }

    fn console_path(&self) -> PathBuf {
        self.directory().join(CONSOLE)
    }

    fn agent_address(&self) -> SocketAddr {
        match self.kind.namespace {
            None => SocketAddr::from((Ipv4Addr::LOCALHOST, self.kind.host_port)),
            Some(_) => SocketAddr::from((BOARD_ADDRESS, AGENT_PORT)),
        }
    }
}

fn connect(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    let attempt = || {
        let timeout = Duration::from_secs(CONNECT_TIMEOUT_SECONDS);
        std::net::TcpStream::connect_timeout(&address, timeout)
    };
    // On a tap, an attempt that comes upon an address resolution begun for an older connection,
    // before the board was up, fails with it. The second attempt's resolution is its own.
    let stream = attempt().or_else(|error| match error.kind() {
        io::ErrorKind::HostUnreachable => attempt(),
        _ => Err(error),
    })?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// The board's address in the network of a tap; `boards/linux/rc` sets it.
const BOARD_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

const CONNECT_TIMEOUT_SECONDS: u64 = 5;
const CONSOLE_POLL_MS: u64 = 20;
