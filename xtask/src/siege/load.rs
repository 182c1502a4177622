//! Those who besiege: floods of every kind at once, from a process that takes what is left of the processors.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, sink, split};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout_at};

/// How many connections are made beside those that have a place, in a minute.
const CONNECTIONS_PER_MINUTE: u32 = 10_000;
/// How many of them are made at once.
const CONNECTIONS_AT_ONCE: u32 = 100;
/// How long whoever was dropped or had no place waits.
const PAUSE: Duration = Duration::from_millis(100);
/// How much is sent at once, in bytes.
const SEND_BYTES: usize = 16 * 1024;
/// The send buffer of a connection, in bytes. The kernel gives it up to 4 MiB otherwise, all of which reaches
/// the agent when the load has ended: 20 floods of garbage then held their places for longer than 15 s.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// What a flood does with what it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// It takes all.
    All,
    /// It takes nothing.
    Nothing,
}

/// One kind of flood.
struct Flood {
    /// How many sessions do the same.
    sessions: usize,
    /// What is said first.
    opening: &'static str,
    /// What is said without end; nothing any more if this is empty.
    again: &'static str,
    reading: Reading,
}

const fn flood(sessions: usize, opening: &'static str, again: &'static str) -> Flood {
    Flood {
        sessions,
        opening,
        again,
        reading: Reading::All,
    }
}

const fn deaf(sessions: usize, again: &'static str) -> Flood {
    Flood {
        sessions,
        opening: again,
        again,
        reading: Reading::Nothing,
    }
}

/// Everything at once: with the probes' two as many as have a place, and some more.
const FLOODS: &[Flood] = &[
    // Valid requests.
    flood(5, "", "uptime\n"),
    flood(
        4,
        "",
        "status; status; status; status; status; status; status\n",
    ),
    flood(2, "", "svc list\n"),
    flood(2, "", "help\n"),
    // Garbage, in lines and without end.
    flood(4, "", "\u{1}\u{7f}x\u{ff}\u{80}y;&|\"\\\n"),
    flood(4, "x", "\u{1}\u{2}\u{3}garbage without an end"),
    // Keys of an editor.
    flood(8, "\r", "a"),
    flood(4, "\r\0", "ab\u{1b}[D\u{1b}[Cc\u{2}\u{8}\t"),
    flood(2, "\r\0", "svc status c\t\t\u{15}"),
    // Blank lines.
    flood(3, "", "\n"),
    flood(2, "", "\r\n"),
    // JSON.
    flood(
        4,
        "",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\n",
    ),
    flood(
        2,
        "",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"list\"}\n",
    ),
    flood(2, "", "{\"jsonrpc\":[[[[[[[[[[[[[[[[\n"),
    // Half-open and silent.
    flood(2, "svc lo", ""),
    flood(2, "", ""),
    // Readers of logs, and those who read nothing.
    flood(3, "", "svc logs big --from 0 --tail 10000\n"),
    flood(2, "svc logs chatty --follow\n", ""),
    deaf(4, "svc logs big --from 0 --tail 10000\n"),
    deaf(
        2,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"svc.logs\",\"params\":{\"name\":\"big\",\"from\":0,\"tail\":10000}}\n",
    ),
    deaf(2, "help\n"),
];

/// Besieges the agent at `address` and `socket` for so long.
///
/// # Errors
///
/// If there is no runtime.
pub(crate) fn run(address: &str, socket: &Path, length: Duration) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async {
        let end = Instant::now() + length;
        for flood in FLOODS {
            for _ in 0..flood.sessions {
                tokio::spawn(repeat(address.to_owned(), flood));
            }
        }
        tokio::spawn(repeat_on_board(socket.to_owned()));
        tokio::spawn(knock(address.to_owned()));
        tokio::time::sleep_until(end).await;
    });
    Ok(())
}

/// Floods, and begins again when the agent has had enough of it.
async fn repeat(address: String, flood: &'static Flood) {
    loop {
        if let Ok(stream) = connect(&address).await {
            say(stream, flood).await;
        }
        sleep(PAUSE).await;
    }
}

async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let address = address.parse().map_err(std::io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.connect(address).await
}

/// The same over the Unix socket.
async fn repeat_on_board(socket: PathBuf) {
    const FLOOD: Flood = flood(1, "", "status\n");
    loop {
        if let Ok(stream) = UnixStream::connect(&socket).await {
            say(stream, &FLOOD).await;
        }
        sleep(PAUSE).await;
    }
}

/// Says what a flood says, until the agent ends the session.
async fn say(stream: impl AsyncRead + AsyncWrite, flood: &Flood) {
    let (mut from, mut to) = split(stream);
    let write = async {
        to.write_all(flood.opening.as_bytes()).await?;
        if !flood.again.is_empty() {
            let again = flood.again.repeat(SEND_BYTES / flood.again.len());
            while to.write_all(again.as_bytes()).await.is_ok() {}
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let read = async {
        match flood.reading {
            Reading::All => tokio::io::copy(&mut from, &mut sink()).await.map(drop),
            Reading::Nothing => std::future::pending().await,
        }
    };
    // Whoever is not read from is dropped some time: it notices at the next write.
    tokio::select! {
        _ = write => {}
        _ = read => {}
    }
}

/// Connects over and over, mostly where there is no place, and asks something.
async fn knock(address: String) {
    let pause = Duration::from_mins(1) * CONNECTIONS_AT_ONCE / CONNECTIONS_PER_MINUTE;
    loop {
        for _ in 0..CONNECTIONS_AT_ONCE {
            tokio::spawn(knock_once(address.clone()));
        }
        sleep(pause).await;
    }
}

async fn knock_once(address: String) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"uptime\n").await?;
    let mut answer = [0; 256];
    // What it is told, or that it is told nothing.
    let until = Instant::now() + Duration::from_secs(2);
    let _ = timeout_at(until, stream.read(&mut answer)).await;
    Ok(())
}
