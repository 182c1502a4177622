//! Opening a link to a board: the one trait below the client.

use crate::endpoint::{Baud, Endpoint, TlsEndpoint};
use lastword_tls::{SecureStream, ServerName, TlsCredentials, connect};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_serial::{SerialPortBuilderExt, SerialStream};

/// A link to a board: moves bytes both ways.
///
/// What is written must be on its way without a flush: a serial line's flush would block.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A link being opened. Dropping it gives up.
pub type Dialing<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// Opens links to one board, as often as needed.
pub trait Dial: Send + Sync {
    /// Opens a link. May take for ever: whoever calls it sets a bound.
    fn dial(&self) -> Dialing<'_>;

    /// The speed of a serial line; `None`, the default, for anything that has connections.
    ///
    /// A serial line stays open while its board reboots, and silence on it proves nothing about
    /// the line; a silent connection is dropped and dialled again.
    fn baud(&self) -> Option<Baud> {
        None
    }
}

impl Dial for Endpoint {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move {
            Ok(match self {
                Self::Tcp { host, port } => {
                    Box::new(dial_tcp(host, *port).await?) as Box<dyn Stream>
                }
                Self::Tls(endpoint) => Box::new(endpoint.dial_secure().await?),
                Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
                Self::Serial { path, baud } => Box::new(open_serial(path, *baud)?),
            })
        })
    }

    fn baud(&self) -> Option<Baud> {
        match self {
            Self::Serial { baud, .. } => Some(*baud),
            Self::Tcp { .. } | Self::Tls(_) | Self::Unix(_) => None,
        }
    }
}

async fn dial_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl TlsEndpoint {
    /// Connects, with the credentials as their files are now.
    ///
    /// # Errors
    ///
    /// The reason, for the person who has to mend it.
    pub async fn dial_secure(&self) -> io::Result<SecureStream<TcpStream>> {
        let invalid = |detail: String| io::Error::new(io::ErrorKind::InvalidInput, detail);
        let directory = self.credentials.as_deref().ok_or_else(|| {
            invalid("no credentials: name their directory with --credentials".to_owned())
        })?;
        let credentials =
            TlsCredentials::read(directory).map_err(|error| invalid(error.to_string()))?;
        let name = self.name.as_ref().unwrap_or(&self.host);
        let name = ServerName::try_from(name.clone());
        let name = name.map_err(|_| invalid(format!("no certificate can be for {}", self.host)))?;
        let stream = dial_tcp(&self.host, self.port).await?;
        connect(stream, &credentials, name).await
    }
}

/// A serial line whose other end is a Unix socket: how QEMU offers a board's UART.
///
/// Unlike a plain Unix endpoint it outlives its board's reboots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSocket {
    /// The socket.
    pub path: PathBuf,
    /// The speed that the board believes in.
    pub baud: Baud,
}

impl Dial for LineSocket {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async move { Ok(Box::new(UnixStream::connect(&self.path).await?) as _) })
    }

    fn baud(&self) -> Option<Baud> {
        Some(self.baud)
    }
}

/// Opens the device raw: eight bits, no parity, no flow control, no echo. It is this program's alone
/// from then on: locked with flock(2), as terminal programs lock it, too, and with TIOCEXCL.
fn open_serial(path: &Path, baud: Baud) -> io::Result<SerialStream> {
    let name = path
        .to_str()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path is not UTF-8"))?;
    Ok(tokio_serial::new(name, baud.0.get()).open_native_async()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UnixListener};

    /// What is sent either way arrives as it is; the bytes are those that a terminal acts on.
    async fn check(dial: &dyn Dial, far: impl Future<Output = impl Stream>) {
        let (near, mut far) = tokio::join!(dial.dial(), far);
        let mut near = near.unwrap();
        let bytes = *b"\x00\x03\x11\x13\x1a\x7f\r\n\xff";
        let mut read = [0; 9];
        near.write_all(&bytes).await.unwrap();
        far.read_exact(&mut read).await.unwrap();
        assert_eq!(read, bytes);
        far.write_all(&bytes).await.unwrap();
        near.read_exact(&mut read).await.unwrap();
        assert_eq!(read, bytes);
    }

    #[tokio::test]
    async fn a_pty_is_as_good_as_a_serial_line() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&pty.slave);
        let path = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
        let endpoint: Endpoint = format!("serial://{}", path.display()).parse().unwrap();
        let far = tokio::fs::File::from_std(pty.master.into());
        check(&endpoint, async { far }).await;
    }

    #[tokio::test]
    async fn a_serial_port_is_had_by_one_program_at_a_time() {
        let pty = nix::pty::openpty(None, None).unwrap();
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&pty.slave);
        let path = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
        let endpoint: Endpoint = format!("serial://{}", path.display()).parse().unwrap();
        let first = endpoint.dial().await.unwrap();
        assert!(endpoint.dial().await.is_err());
        drop(first);
        assert!(endpoint.dial().await.is_ok());
    }

    #[tokio::test]
    async fn sockets_are_dialled() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint: Endpoint = format!("tcp://{address}").parse().unwrap();
        check(&endpoint, async { listener.accept().await.unwrap().0 }).await;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let endpoint = Endpoint::Unix(path.clone());
        check(&endpoint, async { listener.accept().await.unwrap().0 }).await;
        let line = LineSocket {
            path,
            baud: Baud::DEFAULT,
        };
        check(&line, async { listener.accept().await.unwrap().0 }).await;
    }
}
