//! A thousand sessions at once.

use crate::clock;
use crate::figure::{Bar, Figure, Unit, number};
use crate::process::Agent;
use crate::samples::Samples;
use crate::setting::Setting;
use crate::usage::Memory;
use crate::wire::{Ask, FrameClient};
use anyhow::{Context, Result};
use lastword_protocol::ClientId;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How many sessions there are.
const SESSIONS: u32 = 1_000;
/// How many descriptors each end needs at most.
const DESCRIPTORS: u64 = 4_096;
/// How often each session asks.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Measures them.
///
/// # Errors
///
/// If the sessions cannot be opened; a request that fails later is counted.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    raise_descriptors()?;
    let agent = Agent::start(&setting.agent, false, "sessions 1100;")?;
    let span = Duration::from_secs(if setting.quick { 2 } else { 10 });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let alone = Memory::of(agent.pid())?;
        let clients = open(&agent).await?;
        let idle = Memory::of(agent.pid())?;
        let (clients, steady) = run(clients, span, Some(ASK_EVERY)).await?;
        let (clients, pressed) = run(clients, span, None).await?;
        let after = Memory::of(agent.pid())?;
        drop(clients);
        let mut figures = round_trips(&steady, &pressed, span);
        figures.extend(memory([alone, idle, after]));
        Ok(figures)
    })
}

/// A thousand connections are more descriptors than a process gets by default. The agent, started
/// from here, gets as many.
fn raise_descriptors() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = soft.max(DESCRIPTORS.min(hard));
    setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("cannot have more open files")
}

async fn open(agent: &Agent) -> Result<Vec<FrameClient>> {
    let mut clients = Vec::new();
    for number in 0..SESSIONS {
        let client = FrameClient::greet(agent.address(), ClientId(u64::from(number))).await;
        clients.push(client.with_context(|| format!("session {number}"))?);
    }
    Ok(clients)
}

/// What became of the requests.
#[derive(Debug, Default)]
struct Outcome {
    samples: Samples,
    failed: u32,
}

/// Every session asks for `span`: each `every` so often, or again at once.
async fn run(
    clients: Vec<FrameClient>,
    span: Duration,
    every: Option<Duration>,
) -> Result<(Vec<FrameClient>, Outcome)> {
    let begin = Instant::from_std(clock::now());
    let mut tasks = JoinSet::new();
    for (client, number) in clients.into_iter().zip(0..) {
        // Not all at the same moment.
        let first = begin + every.unwrap_or_default() * number / SESSIONS;
        tasks.spawn(ask_for(client, first, begin + span, every));
    }
    let (mut clients, mut all) = (Vec::new(), Outcome::default());
    while let Some(ended) = tasks.join_next().await {
        let (client, mut outcome) = ended?;
        clients.push(client);
        all.samples.append(&mut outcome.samples);
        all.failed += outcome.failed;
    }
    Ok((clients, all))
}

async fn ask_for(
    mut client: FrameClient,
    mut next: Instant,
    end: Instant,
    every: Option<Duration>,
) -> (FrameClient, Outcome) {
    let mut outcome = Outcome::default();
    loop {
        if let Some(every) = every {
            sleep_until(next).await;
            next += every;
        }
        let asked = clock::now();
        if asked >= end.into_std() {
            return (client, outcome);
        }
        if client.ask().await.is_err() {
            outcome.failed += 1;
            return (client, outcome);
        }
        outcome.samples.push(clock::now() - asked);
    }
}

fn round_trips(steady: &Outcome, pressed: &Outcome, span: Duration) -> Vec<Figure> {
    let micros = |hundredths| steady.samples.percentile(hundredths) / 1_000.0;
    let failed = Figure::new(
        "requests that failed",
        f64::from(steady.failed + pressed.failed),
        Unit::Count,
        "of all that are counted here: no answer, a wrong one, or a closed connection",
    );
    let rate = |outcome: &Outcome| number(outcome.samples.len() as u64) / span.as_secs_f64();
    vec![
        failed.with_bar(Bar::AtMost(0.0)),
        Figure::new(
            "round trip, p50",
            micros(50),
            Unit::Micros,
            "each session asks ten times a second, all are asked by one thread",
        ),
        Figure::new("round trip, p99", micros(99), Unit::Micros, "the same run"),
        Figure::new(
            "answers a second",
            rate(steady),
            Unit::Count,
            "the same run",
        ),
        Figure::new(
            "answers a second, pressed",
            rate(pressed),
            Unit::Count,
            "each session asks again as soon as it is answered; the asking thread works as hard",
        ),
    ]
}

fn memory([alone, idle, after]: [Memory; 3]) -> [Figure; 4] {
    let kibibytes =
        |name, kibibytes, measured| Figure::new(name, kibibytes, Unit::Kibibytes, measured);
    let per_session = number(idle.private.saturating_sub(alone.private)) / f64::from(SESSIONS);
    [
        kibibytes(
            "memory without a session",
            number(alone.private),
            "what the process shares with nobody (`smaps_rollup`)",
        ),
        kibibytes(
            "memory with 1,000 sessions that are greeted",
            number(idle.private),
            "the same",
        ),
        kibibytes("memory a session", per_session, "the difference, divided"),
        kibibytes(
            "memory after all that",
            number(after.private),
            "the same, all sessions still open",
        ),
    ]
}
