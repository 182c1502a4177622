//! A client of QEMU's machine protocol: commands with their answers, and the machine's events.
//!
//! One JSON object a line in both directions; QEMU answers in order. The protocol is QEMU's
//! `docs/interop/qmp-spec`.

mod event;
mod message;

pub use event::{BoardEventKind, Events, QmpEvent};

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use message::{Command, Message, Reply};

/// A conversation with one QEMU. Dropping it ends the conversation, not QEMU.
#[derive(Debug)]
pub struct Qmp {
    orders: Mutex<Orders>,
    events: Events,
    listener: JoinHandle<()>,
}

/// Why a QMP command has no result.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// QEMU has ended, or closed the conversation.
    #[error("QEMU has closed the conversation; the virtual board is off")]
    Closed,
    /// QEMU does not answer.
    #[error("QEMU did not answer `{command}` within {ANSWER_TIMEOUT_SECONDS} s")]
    Silent {
        /// The command's name.
        command: String,
    },
    /// QEMU answered that it will not.
    #[error("QEMU refused `{command}`: {description}")]
    Refused {
        /// The command's name.
        command: String,
        /// QEMU's words.
        description: String,
    },
    /// Nobody read the events for so long that the oldest were overwritten.
    #[error("{count} events of the virtual board were not read in time and are lost")]
    EventsLost {
        /// How many.
        count: u64,
    },
}

/// The sending half, and the answers to what it sent.
#[derive(Debug)]
struct Orders {
    stream: OwnedWriteHalf,
    replies: mpsc::Receiver<Reply>,
    last_id: u64,
}

impl Qmp {
    /// Waits for QEMU's greeting on `stream` and takes up the conversation.
    ///
    /// # Errors
    ///
    /// [`QmpError`] if QEMU does not answer or goes.
    pub async fn negotiate(stream: UnixStream) -> Result<Self, QmpError> {
        let (read, write) = stream.into_split();
        let (reply_sender, replies) = mpsc::channel(REPLY_CAPACITY);
        let (event_sender, events) = broadcast::channel(EVENT_CAPACITY);
        let orders = Orders {
            stream: write,
            replies,
            last_id: 0,
        };
        let qmp = Self {
            orders: Mutex::new(orders),
            events: Events::new(events),
            listener: tokio::spawn(listen(read, reply_sender, event_sender)),
        };
        qmp.execute("qmp_capabilities", Value::Null).await?;
        Ok(qmp)
    }

    /// Sends `command` and returns its result; `arguments` is an object, or null for none.
    ///
    /// Cancelling it leaves the command sent and its result unread, which harms no later command,
    /// unless the cancellation falls into the sending itself.
    ///
    /// # Errors
    ///
    /// [`QmpError`] if QEMU refuses, is silent, or has gone.
    pub async fn execute(&self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        let answer = async { self.orders.lock().await.execute(command, arguments).await };
        timeout(Duration::from_secs(ANSWER_TIMEOUT_SECONDS), answer)
            .await
            .unwrap_or_else(|_| {
                Err(QmpError::Silent {
                    command: command.to_owned(),
                })
            })
    }

    /// Returns a reader of the events from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events.subscribe()
    }
}

impl Drop for Qmp {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Orders {
    async fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        self.last_id += 1;
        let line = Command {
            execute: command,
            arguments,
            id: self.last_id,
        }
        .to_line();
        self.stream
            .write_all(line.as_bytes())
            .await
            .map_err(|_| QmpError::Closed)?;
        while let Some(reply) = self.replies.recv().await {
            // An earlier id answers a command whose caller gave up.
            if reply.id == Some(self.last_id) {
                return reply.result.map_err(|description| QmpError::Refused {
                    command: command.to_owned(),
                    description,
                });
            }
        }
        Err(QmpError::Closed)
    }
}

/// Reads QEMU's lines until it closes, and hands each to whom it is for.
async fn listen(
    stream: OwnedReadHalf,
    replies: mpsc::Sender<Reply>,
    events: broadcast::Sender<QmpEvent>,
) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(line)) = read_line(&mut stream).await {
        let at = Instant::now();
        match Message::parse(&line) {
            Ok(Message::Greeting) => {}
            // Nobody listening is not an error: events are for those who want them.
            Ok(Message::Event(event)) => drop(events.send(event.received(at))),
            Ok(Message::Reply(reply)) => {
                if replies.send(reply).await.is_err() {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "QEMU said what is not its protocol"),
        }
    }
}

/// Returns the next line; `None` at the end of the stream.
async fn read_line(stream: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.take(LINE_BYTES).read_until(b'\n', &mut line).await?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// Longer lines end the conversation; QEMU's longest answers to what we ask have some kilobytes.
const LINE_BYTES: u64 = 1 << 20;

/// Events kept for a reader that is slow; a reset makes one or two.
const EVENT_CAPACITY: usize = 256;

/// Answers kept for callers that gave up; the next caller throws them away.
const REPLY_CAPACITY: usize = 16;

const ANSWER_TIMEOUT_SECONDS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A client, and a stand-in for QEMU that says `lines` one for each line it hears.
    async fn client(lines: &'static [&'static str]) -> Result<Qmp, QmpError> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(async move {
            let (read, mut write) = theirs.into_split();
            let mut read = BufReader::new(read);
            write
                .write_all(b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n")
                .await
                .unwrap();
            for line in lines {
                if read_line(&mut read).await.unwrap().is_none() {
                    return;
                }
                write.write_all(line.as_bytes()).await.unwrap();
            }
        });
        Qmp::negotiate(ours).await
    }

    const READY: &str = "{\"return\": {}, \"id\": 1}\r\n";

    #[tokio::test]
    async fn a_result_belongs_to_the_command_with_its_id() {
        let answers =
            "{\"return\": \"stale\", \"id\": 1}\r\n{\"return\": \"fresh\", \"id\": 2}\r\n";
        let qmp = client(Box::leak(Box::new([READY, answers]))).await.unwrap();
        assert_eq!(
            qmp.execute("query-status", Value::Null).await.unwrap(),
            "fresh"
        );
    }

    #[tokio::test]
    async fn a_refusal_has_qemus_words() {
        let refusal =
            "{\"id\": 2, \"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n";
        let qmp = client(Box::leak(Box::new([READY, refusal]))).await.unwrap();
        let error = qmp.execute("dance", Value::Null).await.unwrap_err();
        assert_eq!(error.to_string(), "QEMU refused `dance`: no");
    }

    #[tokio::test]
    async fn a_qemu_that_goes_closes_the_conversation() {
        let qmp = client(&[READY]).await.unwrap();
        let error = qmp.execute("quit", Value::Null).await.unwrap_err();
        assert!(matches!(error, QmpError::Closed), "{error}");
        assert!(matches!(client(&[]).await, Err(QmpError::Closed)));
    }

    #[tokio::test]
    async fn events_are_kept_in_order_and_do_not_disturb_answers() {
        let line = "{\"timestamp\": {\"seconds\": 5, \"microseconds\": 6}, \"event\": \"RESET\", \
                    \"data\": {\"guest\": true, \"reason\": \"guest-reset\"}}\r\n\
                    nonsense\r\n\
                    {\"return\": 1, \"id\": 2}\r\n\
                    {\"timestamp\": {\"seconds\": 7, \"microseconds\": 8}, \"event\": \"SHUTDOWN\"}\r\n";
        let qmp = client(Box::leak(Box::new([READY, line]))).await.unwrap();
        let mut events = qmp.events();
        assert_eq!(qmp.execute("query-status", Value::Null).await.unwrap(), 1);
        let reset = events.next().await.unwrap();
        assert_eq!(reset.kind, BoardEventKind::Reset);
        assert_eq!(reset.reason.as_deref(), Some("guest-reset"));
        assert_eq!(reset.qemu_time, Duration::new(5, 6_000));
        assert_eq!(events.next().await.unwrap().kind, BoardEventKind::Shutdown);
        assert!(matches!(events.next().await, Err(QmpError::Closed)));
    }
}
