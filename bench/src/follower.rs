//! A follower of a log that takes nothing for a minute, on the link on which something else is asked.

use crate::clock;
use crate::figure::{Bar, Figure, Unit, number};
use crate::process::Agent;
use crate::samples::Samples;
use crate::setting::Setting;
use anyhow::{Context, Result, bail, ensure};
use lastword_client::client::{Client, Options};
use lastword_client::endpoint::Endpoint;
use lastword_protocol::Text;
use lastword_protocol::message::service::{Item, Logs, Page, ServiceRequest};
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::stream::StreamReader;
use std::fs;
use std::time::Duration;

/// The name of the service that writes.
const WRITER: &str = "writer";
/// The length of a line in bytes.
const LINE_BYTES: u64 = 100;
/// The lines that are written at once.
const BLOCK_LINES: &str = "600";
/// The speed of the service, in bytes in a second.
const BYTES_PER_SECOND: &str = "100000000";
/// The time for which the follower takes nothing.
const STOPPED: Duration = Duration::from_mins(1);
const QUICK_STOPPED: Duration = Duration::from_secs(5);
/// The time for which it takes lines before and after that.
const FOLLOWED: Duration = Duration::from_secs(1);
/// The pause between two questions.
const ASK_PAUSE: Duration = Duration::from_millis(5);

/// Measures the answers to `power status` while the follower on the same link takes nothing, and counts what it has
/// missed.
///
/// # Errors
///
/// If something that is measured does not work.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let stopped = if setting.quick {
        QUICK_STOPPED
    } else {
        STOPPED
    };
    let services = tempfile::tempdir()?;
    let words = [
        "write",
        WRITER,
        "/dev/null",
        "3600",
        BLOCK_LINES,
        BYTES_PER_SECOND,
    ];
    let words = words.map(|word| format!("{word:?}")).join(" ");
    let program = setting.service.display().to_string();
    let file = format!("command {program:?}\nargs {words}\n");
    fs::write(services.path().join(format!("{WRITER}.kdl")), file)?;
    let agent = Agent::start_with_services(&setting.agent, services.path())?;
    let endpoint = format!("tcp://{}", agent.address()).parse();
    let endpoint: Endpoint = endpoint.ok().context("no endpoint")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let follower = runtime.block_on(follow(&endpoint, stopped))?;
    Ok(figures(&follower))
}

fn figures(follower: &StoppedFollower) -> Vec<Figure> {
    let millis = |hundredths| follower.answers.percentile(hundredths) / 1e6;
    let figure = |name, value, unit, measured| Figure::new(name, value, unit, measured);
    let written = number((follower.next - follower.stopped_at) * LINE_BYTES) / 1e6;
    let speed = written / follower.stopped.as_secs_f64();
    vec![
        figure(
            "`power status`, p50",
            millis(50),
            Unit::Millis,
            "asked every 5 ms on the follower's own connection, while it gives its stream no credit",
        ),
        figure("`power status`, p99", millis(99), Unit::Millis, "the same")
            .with_bar(Bar::Below(20.0)),
        figure(
            "lines meanwhile",
            speed,
            Unit::MegabytesPerSecond,
            "of one service, in blocks of 60 kB",
        )
        .with_bar(Bar::AtLeast(90.0)),
        figure(
            "lines that were dropped",
            number(follower.dropped),
            Unit::Count,
            "as the board counts them",
        ),
        figure(
            "lines miscounted",
            number(follower.miscounted),
            Unit::Count,
            "gaps in the numbers of the lines that the board does not tell, and the reverse",
        )
        .with_bar(Bar::AtMost(0.0)),
    ]
}

/// A follower, as far as it has read.
#[derive(Default)]
struct StoppedFollower {
    /// The number of the line that should come next, if none is dropped.
    next: u64,
    has_begun: bool,
    /// The lines that were dropped, as told.
    dropped: u64,
    miscounted: u64,
    /// The next line when it stopped.
    stopped_at: u64,
    stopped: Duration,
    answers: Samples,
}

impl StoppedFollower {
    /// Takes a page, before which so many lines of the stream are gone in all.
    fn take(&mut self, page: &Page, dropped: u64) -> Result<()> {
        let told = dropped - self.dropped;
        self.dropped = dropped;
        self.next += told;
        for item in page.items() {
            let Item::Line { bytes, .. } = item else {
                continue;
            };
            let digits = bytes.get(..10).and_then(|it| std::str::from_utf8(it).ok());
            let line: u64 = digits.context("a line without a number")?.parse()?;
            if !self.has_begun {
                (self.next, self.has_begun) = (line, true);
            }
            self.miscounted += line.abs_diff(self.next);
            self.next = line + 1;
        }
        Ok(())
    }

    async fn read(&mut self, client: &mut Client, reader: &mut Option<StreamReader>) -> Result<()> {
        let begun = clock::now();
        while begun.elapsed() < FOLLOWED {
            let replies = client.read_on(reader).await?;
            let dropped = reader.as_ref().map_or(0, StreamReader::dropped);
            for reply in replies {
                match reply {
                    Reply::Items(page) => self.take(&page, dropped)?,
                    other => bail!("the log ended: {other:?}"),
                }
            }
        }
        Ok(())
    }
}

async fn follow(endpoint: &Endpoint, stopped: Duration) -> Result<StoppedFollower> {
    let mut client = Client::connect(endpoint, &Options::default()).await?;
    client.greet(false).await?;
    let logs = Logs {
        name: Text::try_from(WRITER).ok().context("a long name")?,
        from: None,
        lines: 0,
        follow: true,
    };
    let request = Request::Service(ServiceRequest::Logs(logs));
    let reply = client.call(&request).await?;
    let mut reader = client.rest_of(&reply);
    ensure!(reader.is_some(), "no log: {reply:?}");
    let mut follower = StoppedFollower::default();
    follower.read(&mut client, &mut reader).await?;
    ensure!(follower.has_begun, "no line has come");
    follower.stopped_at = follower.next;
    let begun = clock::now();
    while begun.elapsed() < stopped {
        let asked = clock::now();
        let reply = client.call(&Request::PowerStatus).await?;
        ensure!(matches!(reply, Reply::PowerStatus(_)), "{reply:?}");
        follower.answers.push(asked.elapsed());
        tokio::time::sleep(ASK_PAUSE).await;
    }
    follower.stopped = begun.elapsed();
    follower.read(&mut client, &mut reader).await?;
    ensure!(
        follower.dropped > 0,
        "nothing was dropped: it did not stop for long enough"
    );
    Ok(follower)
}
