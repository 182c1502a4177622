//! A line that no typed request spells, such as a command that only this board has: sent as text,
//! answered in plain.

use crate::Exit;
use crate::arguments::Order;
use crate::console::taking_over;
use crate::notes::Notes;
use crate::report::{self, Reader, Report};
use crate::signals;
use lastword_client::client::{Link, LinkError, TextSink};
use lastword_client::clock::Clock;
use lastword_client::dial::Dial;
use lastword_protocol::refusal::Code;
use lastword_shell::parse::Script;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::time::timeout;

/// Sends the line once, and reports the board's answer.
pub(crate) async fn run(order: &Order, line: &str) -> Exit {
    let (reader, notes) = (Reader::of(order.json), Notes::default());
    let asked = tokio::select! {
        asked = ask(order, line) => asked,
        exit = signals::end() => return exit,
    };
    match asked {
        Ok(answer) => {
            report::text(reader, &answer.rows, answer.is_done);
            if answer.is_done { Exit::Done } else { Exit::No }
        }
        Err(failure) => {
            let mut report = Report::new(reader, &Script::default(), notes);
            report.trouble(failure.code, &failure.detail);
            Exit::Unreachable
        }
    }
}

/// A board's answer to one line.
struct TextAnswer {
    /// All of it, the final line among them.
    rows: Vec<String>,
    /// The final line is a yes.
    is_done: bool,
}

/// The reason why there is no answer.
struct LineFailure {
    code: Code,
    detail: String,
}

async fn ask(order: &Order, line: &str) -> Result<TextAnswer, LineFailure> {
    let endpoint = &order.endpoint;
    let unreachable = |error: &dyn std::error::Error| LineFailure {
        code: Code::Offline,
        detail: format!("cannot reach {endpoint}: {error}"),
    };
    let dialled = timeout(order.client.connect, endpoint.dial()).await;
    let stream = dialled
        .map_err(|_| unreachable(&LinkError::NotMade))?
        .map_err(|error| unreachable(&error))?;
    let mut session = TextSession::over(Link::new(stream, endpoint.baud()));
    let patience = order.client.patience;
    let wait = Duration::from_millis(patience.reply.0.saturating_mul(patience.attempts.into()));
    match timeout(wait, session.open(order.take_over)).await {
        Ok(opened) => opened.map_err(|error| unreachable(&error))?,
        Err(_) => return Err(silent(format!("no answer from {endpoint}"))),
    }
    let answered = timeout(wait, session.ask(line)).await;
    if endpoint.baud().is_some() {
        // The next client chooses its own dialect; there is nothing to do where that is not heard.
        let _ = timeout(LOGOUT_TIMEOUT, session.ask("logout")).await;
    }
    match answered {
        Ok(answer) => answer.map_err(|error| LineFailure {
            code: Code::Offline,
            detail: format!("{error}; whether the board ran the line is not known"),
        }),
        Err(_) => Err(silent(format!(
            "no answer from {endpoint} in {} s; whether the board ran the line is not known",
            wait.as_secs_f64()
        ))),
    }
}

const fn silent(detail: String) -> LineFailure {
    LineFailure {
        code: Code::Timeout,
        detail,
    }
}

/// A session in plain over one link.
struct TextSession {
    link: Link,
    clock: Clock,
    sink: TextSink,
    /// Text as the link gives it.
    text: Receiver<Vec<u8>>,
    /// Text that is no whole line yet.
    begun: Vec<u8>,
}

impl TextSession {
    fn over(link: Link) -> Self {
        let (given, text) = channel();
        Self {
            link,
            clock: Clock::start(),
            sink: Box::new(move |piece| {
                // The other end lives as long as this one.
                let _ = given.send(piece.to_vec());
            }),
            text,
            begun: Vec::new(),
        }
    }

    /// Chooses plain, behind whatever others have typed and been told before.
    async fn open(&mut self, take_over: bool) -> Result<(), LinkError> {
        if take_over {
            self.link.send(&taking_over()).await?;
        }
        let tag = format!("@{:08x}", rand::random::<u32>());
        let tag = &tag[..=TAG_DIGITS];
        let opening = format!("\nmode plain\n{tag}\n");
        self.link.send(opening.as_bytes()).await?;
        let opened = format!("ok {tag}");
        while self.row().await? != opened {}
        Ok(())
    }

    /// Sends a line and collects its answer.
    async fn ask(&mut self, line: &str) -> Result<TextAnswer, LinkError> {
        self.link.send(format!("{line}\n").as_bytes()).await?;
        let mut rows = Vec::new();
        loop {
            let row = self.row().await?;
            let first = row.split(' ').next().unwrap_or_default().to_owned();
            match first.as_str() {
                "" | "!" => {}
                "ok" | "err" => {
                    rows.push(row);
                    return Ok(TextAnswer {
                        rows,
                        is_done: first == "ok",
                    });
                }
                _ => rows.push(row),
            }
        }
    }

    /// Reads a line, its end left out.
    async fn row(&mut self) -> Result<String, LinkError> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let row: Vec<_> = self.begun.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&row).trim_end().to_owned());
            }
            let now = self.clock.now();
            while self
                .link
                .decode(now, &mut self.sink, |_| Some(()))
                .is_some()
            {}
            let before = self.begun.len();
            self.begun.extend(self.text.try_iter().flatten());
            if self.begun.len() == before {
                let wake = self.link.deadline();
                self.link.fill(self.clock, wake).await?;
            } else if self.begun.len() > ROW_BYTES && !self.begun.contains(&b'\n') {
                // No line of an answer is as long.
                self.begun.clear();
            }
        }
    }
}

/// The digits of the tag that tells the session's own beginning from what was said before.
const TAG_DIGITS: usize = 7;
/// The longest line that is waited for, in bytes.
const ROW_BYTES: usize = 65_536;
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(1);
