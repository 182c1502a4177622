//! `lastwordd down`: everything stops, whether an agent lives or not.

use super::clock::Clock;
use super::process::Process;
use super::run::{Places, recover_from};
use super::services;
use super::store::StateDirectory;
use super::{facts, run};
use crate::core::config::Config;
use anyhow::{Context, bail};
use nix::sys::signal::Signal;
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

/// How long an agent may take: 30 s for its services, and a little for itself.
const LIMIT: Duration = Duration::from_secs(40);

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// The agent that had this process id was told to end, with all of its services, and has.
    Agent(i32),
    /// The agent that had this process id has ended without stopping so many of its services; they were
    /// stopped.
    Killed(i32, usize),
    /// No agent lived; so many services that one had left were stopped.
    Left(usize),
}

/// Ends the live agent and all services; then, or if none lives, stops what one has left, and looks whether
/// anything is left.
///
/// # Errors
///
/// If an agent lives and cannot be told, or does not end; if what is left cannot be found out, or does not
/// end.
pub async fn down(config: Config, places: Places) -> anyhow::Result<Down> {
    // Hooks are waited for, whatever whoever started this has done about SIGCHLD.
    let _children = signal(SignalKind::child()).context("signals cannot be heard")?;
    let boot = facts::boot_id().context("this boot has no id: is /proc mounted?")?;
    let about = run::about(&config, &places, boot);
    let directory = config.state.as_ref().unwrap_or(&places.state);
    let agent = live_agent(&about.socket).await?;
    if let Some(agent) = &agent {
        end(agent).await?;
    } else if !directory.exists() && services::leaves_nothing(directory, &about).await? {
        tracing::info!(socket = %about.socket.display(), state = %directory.display(),
            "nobody listens, and nothing of an agent is there");
        return Ok(Down::Left(0));
    }
    let taken = match agent {
        None => "an agent lives, and is not reached on its Unix socket; send it SIGINT to end it",
        Some(_) => {
            "the agent has ended, and another has been started since: stop whatever starts it \
             (systemctl stop lastwordd)"
        }
    };
    let state = StateDirectory::take(directory).await.context(taken)?;
    let recovered = recover_from(&mut state.files(), boot);
    let clock = Clock::start();
    let torn_down = services::tear_down(&recovered, &state, about, clock).await?;
    if !torn_down.left.is_empty() {
        let left = torn_down.left.join(", ");
        bail!("still running, or may be of a service: {left}; end them");
    }
    Ok(match (agent, torn_down.stopped) {
        (Some(agent), 0) => Down::Agent(agent.pid),
        (Some(agent), stopped) => Down::Killed(agent.pid, stopped),
        (None, stopped) => Down::Left(stopped),
    })
}

/// Who listens on the socket.
async fn live_agent(socket: &Path) -> anyhow::Result<Option<Process>> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) => return not_there(socket, error),
    };
    let pid = stream.peer_cred()?.pid().context("the agent has no pid")?;
    // Whoever holds the other end of a connection still has its number.
    let process = Process::open(pid).context("the agent cannot be watched")?;
    drop(stream);
    Ok(Some(process))
}

fn not_there(socket: &Path, error: io::Error) -> anyhow::Result<Option<Process>> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
        io::ErrorKind::WouldBlock => bail!(
            "the agent on {} is too busy to take a connection; try again, or send it SIGINT",
            socket.display()
        ),
        _ => Err(error).with_context(|| format!("cannot reach {}", socket.display())),
    }
}

async fn end(agent: &Process) -> anyhow::Result<()> {
    agent
        .signal(Signal::SIGINT)
        .context("the agent cannot be told to end")?;
    // A stopped one obeys once it goes on. Whoever could be sent the first signal can be sent this one.
    let _ = agent.signal(Signal::SIGCONT);
    if timeout(LIMIT, agent.ended()).await.is_err() {
        bail!(
            "the agent, process {}, has not ended after {LIMIT:?}",
            agent.pid
        );
    }
    Ok(())
}
