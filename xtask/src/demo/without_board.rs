//! The demo where no virtual board can run: the agent on this machine, on a pseudo-terminal, with
//! the backend that does everything but the reset.

use super::{command, console, is_attended};
use crate::cargo::{cargo, run, target};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long the agent may take to start or to end.
const LIMIT: Duration = Duration::from_secs(10);

/// Shows hello, status and a reboot that is not fired.
pub(super) async fn show() -> Result<()> {
    println!("== No virtual board: lastwordd runs here, on a pseudo-terminal.");
    println!("   Its power backend is dry-run: everything is done but the reset. NOTHING REBOOTS.");
    run(&mut cargo(&[
        "build",
        "--quiet",
        "--package",
        "lastword-agent",
    ]))?;
    let lastword = command()?;
    let directory = target().join("boards/dry-run");
    std::fs::create_dir_all(&directory)?;
    let directory = directory.canonicalize()?;
    let mut agent = start(&directory).await?;

    let endpoint = format!("serial://{}", directory.join("tty").display());
    for line in ["hello", "status", "power reboot", "power status"] {
        println!("\n== lastword -u {endpoint} {line}");
        let mut asked = Command::new(&lastword);
        asked.args(["-u", &endpoint]).args(line.split(' '));
        let status = asked.status().await?;
        ensure!(status.success(), "{line}: {status}");
    }
    if is_attended() {
        console(&lastword, &endpoint).await?;
    }
    end(&mut agent).await?;
    println!("\n== Done. A dry run: no board was rebooted. Without --no-vm one is.");
    Ok(())
}

/// Starts an agent with its state in `directory`, and waits until it is ready.
async fn start(directory: &Path) -> Result<Child> {
    let config: PathBuf = directory.join("agent.kdl");
    let quoted = |name: &str| format!("{:?}", directory.join(name).display().to_string());
    let text = format!(
        "name \"dry-run\"\nstate {}\nlisten {{\n    pty {}\n    unix {}\n}}\n",
        quoted("state"),
        quoted("tty"),
        quoted("agent.sock")
    );
    std::fs::write(&config, text)?;
    let mut agent = Command::new(target().join("debug/lastwordd"))
        .args(["run", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start lastwordd")?;
    let log = agent.stderr.take().context("lastwordd has no log")?;
    let mut lines = BufReader::new(log).lines();
    timeout(LIMIT, async {
        while let Some(line) = lines.next_line().await? {
            if line.contains("ready") {
                return Ok(());
            }
            eprintln!("   {line}");
        }
        bail!("lastwordd ended")
    })
    .await
    .context("lastwordd is not ready")??;
    // Whoever writes a log needs a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(agent)
}

/// Ends the agent as a service manager would.
async fn end(agent: &mut Child) -> Result<()> {
    let id = agent
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .context("lastwordd has ended")?;
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(id),
        nix::sys::signal::Signal::SIGTERM,
    )?;
    let status = timeout(LIMIT, agent.wait())
        .await
        .context("lastwordd does not end")??;
    ensure!(status.success(), "lastwordd ended with {status}");
    Ok(())
}
