//! The agent that is besieged: a process of its own, a dry run on loopback, with services of every kind.

use super::report::Usage;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;

/// How many services end at once, over and over.
const CRASH_LOOPS: usize = 8;
/// How often the agent is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// An agent under siege; killed when it is dropped.
pub(super) struct Besieged {
    process: Child,
    directory: TempDir,
    address: String,
}

impl Drop for Besieged {
    fn drop(&mut self) {
        // It has ended already, if it could.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Besieged {
    /// Starts it with `fault` planted, and waits until it is ready and the big log is written.
    pub(super) async fn start(program: &Path, fault: Option<&str>) -> Result<Self> {
        let directory = tempfile::tempdir().context("no temporary directory")?;
        let at = |name: &str| directory.path().join(name);
        write_services(&at("services"))?;
        let config = format!(
            "name \"siege\"\nstate \"{}\"\nservices \"{}\"\n\
             listen {{ tcp \"127.0.0.1:0\"; unix \"{}\"; pty \"{}\"; }}\npower {{ backend \"dry-run\"; }}\n",
            at("state").display(),
            at("services").display(),
            at("agent.sock").display(),
            at("tty").display()
        );
        fs::write(at("agent.kdl"), config)?;
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(at("agent.kdl"));
        command
            .env_clear()
            .env("RUST_LOG", "info")
            .env("HOME", directory.path());
        command.env("PATH", "/usr/bin:/bin");
        if let Some(fault) = fault {
            command.env("LASTWORD_FAILPOINT", format!("plant@{fault}"));
        }
        let mut process = command
            .stderr(Stdio::piped())
            .spawn()
            .context("the agent cannot be started")?;
        let log = process.stderr.take().context("the agent has no log")?;
        let address = wait_until_ready(BufReader::new(log))?;
        let agent = Self {
            process,
            directory,
            address,
        };
        agent.wait_for_log().await?;
        Ok(agent)
    }

    /// Where its TCP listener is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Where its Unix socket is.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    /// Where its pseudo-terminal is.
    pub(super) fn tty(&self) -> PathBuf {
        self.directory.path().join("tty")
    }

    /// What it uses now, which serves so many sessions.
    pub(super) fn usage(&self, sessions: usize) -> Result<Usage> {
        let status = fs::read_to_string(self.proc("status")).context("the agent is gone")?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        Ok(Usage {
            memory_kib: memory.context("the agent's memory is unknown")?,
            descriptors: fs::read_dir(self.proc("fd"))?.count(),
            sessions,
        })
    }

    /// The most that it uses within `length`.
    pub(super) async fn watch(&self, length: Duration) -> Result<Usage> {
        let mut peak = Usage::default();
        for _ in 0..length.as_millis() / WATCH_INTERVAL.as_millis() {
            sleep(WATCH_INTERVAL).await;
            let usage = self.usage(0)?;
            peak.memory_kib = peak.memory_kib.max(usage.memory_kib);
            peak.descriptors = peak.descriptors.max(usage.descriptors);
        }
        Ok(peak)
    }

    /// The processor time that it has taken (proc(5), `stat`, fields 14 and 15).
    pub(super) fn work(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat")).context("the agent is gone")?;
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: Vec<u64> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse().ok())
            .collect();
        let [user, system] = ticks[..] else {
            bail!("{stat:?} is no process's state");
        };
        let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100).cast_unsigned();
        Ok(Duration::from_millis((user + system) * 1_000 / per_second))
    }

    /// The connections to its port, as the kernel tells of them: state, bytes to send and bytes not read
    /// (proc(5), `/proc/net/tcp`).
    pub(super) fn connections(&self) -> Result<Vec<String>> {
        let port = self.address.rsplit_once(':').map_or("", |(_, port)| port);
        let local = format!(":{:04X}", port.parse::<u16>()?);
        let table = fs::read_to_string("/proc/net/tcp").context("no table of connections")?;
        let rows = table.lines().map(|line| line.split_whitespace().collect());
        let is_its = |row: &Vec<&str>| row.get(1).is_some_and(|it| it.ends_with(&local));
        let ours = rows.filter(is_its);
        let text = |row: Vec<&str>| format!("state {} queues {} timer {}", row[3], row[4], row[5]);
        Ok(ours.filter(|row| row.len() > 5).map(text).collect())
    }

    /// Has it end, with its services.
    pub(super) fn stop(mut self) -> Result<()> {
        kill(
            Pid::from_raw(self.process.id().cast_signed()),
            Signal::SIGTERM,
        )?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the agent ended with {status}");
        }
        Ok(())
    }

    fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc")
            .join(self.process.id().to_string())
            .join(name)
    }

    /// Waits until the big log is as big as it gets.
    async fn wait_for_log(&self) -> Result<()> {
        let done = self.directory.path().join("services/big.done");
        for _ in 0..LOG_TRIES {
            if done.exists() {
                return Ok(());
            }
            sleep(WATCH_INTERVAL).await;
        }
        bail!("the big log was not written in time");
    }
}

/// Reads the log until the agent is ready, and forgets what comes behind that. Returns its TCP address.
fn wait_until_ready(mut log: impl BufRead + Send + 'static) -> Result<String> {
    let mut address = None;
    let mut said = String::new();
    loop {
        let mut line = String::new();
        if log.read_line(&mut line)? == 0 {
            bail!("the agent has not started:\n{said}");
        }
        if let Some((_, rest)) = line.split_once("listener=\"tcp ") {
            address = rest.split('"').next().map(str::to_owned);
        }
        if line.contains(" ready ") {
            break;
        }
        said.push_str(&line);
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    address.context("the agent has no TCP listener")
}

/// Services that end at once, one with a log of 6,000 lines of 16 KB, and one that writes and writes.
fn write_services(directory: &Path) -> Result<()> {
    fs::create_dir(directory)?;
    for number in 0..CRASH_LOOPS {
        let text = "command \"/bin/false\"\nrestart { policy \"always\"; backoff-initial \"50ms\"; backoff-max \"100ms\"; max-retries-per-minute 10000; }\n";
        fs::write(directory.join(format!("crash{number}.kdl")), text)?;
    }
    let line = "x".repeat(1_000);
    let big = format!(
        "i=0; while [ $i -lt 6000 ]; do for j in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do \
         printf %s {line}; done; echo; i=$((i+1)); done; touch {}; exec sleep 1000000",
        directory.join("big.done").display()
    );
    let chatty = "while :; do echo a line of a service that writes; sleep 0.01; done";
    for (name, script) in [("big", big.as_str()), ("chatty", chatty)] {
        let text = format!(
            "command \"/bin/sh\"\nargs \"-c\" {script:?}\nlog {{ max-size \"128MiB\"; }}\n"
        );
        fs::write(directory.join(format!("{name}.kdl")), text)?;
    }
    Ok(())
}

const LOG_TRIES: u32 = 600;
