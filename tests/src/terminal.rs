//! Somebody who sends lines over a simulated link and reads what comes.

use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// A terminal on one end of a link.
#[derive(Debug)]
pub struct Terminal<S> {
    stream: S,
    seen: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Terminal<S> {
    /// A terminal that has said nothing yet.
    pub const fn new(stream: S) -> Self {
        Self {
            stream,
            seen: Vec::new(),
        }
    }

    /// A terminal that has chosen the plain dialect, which an empty line does.
    pub async fn plain(stream: S) -> Self {
        let mut terminal = Self::new(stream);
        terminal.send("\n").await;
        terminal
    }

    /// Sends text.
    pub async fn send(&mut self, text: &str) {
        let sent = timeout(PATIENCE, self.stream.write_all(text.as_bytes())).await;
        sent.expect("the link takes it in time").expect("a link");
    }

    /// Sends a line and returns the next one that comes.
    pub async fn ask(&mut self, line: &str) -> String {
        self.send(&format!("{line}\n")).await;
        self.line().await
    }

    /// The next line, without its end.
    pub async fn line(&mut self) -> String {
        self.until("\n").await.trim_end().to_owned()
    }

    /// Everything up to and including `end`.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = find(&self.seen, end) {
                let line = self.seen.drain(..at + end.len()).collect::<Vec<_>>();
                return String::from_utf8_lossy(&line).into_owned();
            }
            let mut buffer = [0; 256];
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
            let seen = String::from_utf8_lossy(&self.seen);
            match read {
                Ok(Ok(count @ 1..)) => self.seen.extend_from_slice(&buffer[..count]),
                other => panic!("waiting for {end:?}, seen {seen:?}: {other:?}"),
            }
        }
    }

    /// Everything that comes within a span.
    pub async fn listen(&mut self, span: Duration) -> String {
        let mut buffer = [0; 256];
        let reading = async {
            while let Ok(count @ 1..) = self.stream.read(&mut buffer).await {
                self.seen.extend_from_slice(&buffer[..count]);
            }
        };
        // How it ends does not matter.
        let _ = timeout(span, reading).await;
        String::from_utf8_lossy(&std::mem::take(&mut self.seen)).into_owned()
    }

    /// The link itself.
    pub const fn stream(&mut self) -> &mut S {
        &mut self.stream
    }
}

fn find(haystack: &[u8], needle: &str) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle.as_bytes())
}

/// How long to wait for an answer, in simulated time: at 1200 baud it takes a while.
const PATIENCE: Duration = Duration::from_mins(2);
