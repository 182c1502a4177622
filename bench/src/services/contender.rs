//! The supervisors, and how each is told what to run. All get the same services, keep them running
//! whatever happens, and restart them as soon as they can.

use super::peers::Unpacked;
use crate::process::quoted;
use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A supervisor.
#[derive(Clone, Debug)]
pub(super) enum Contender {
    /// The agent, where it may create cgroups for its services or not.
    Agent { program: PathBuf, cgroups: bool },
    /// supervisord.
    Supervisord(Unpacked),
    /// runit.
    Runit(Unpacked),
}

/// What is to run.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// Its name.
    pub(super) name: String,
    /// The program and its arguments; none of them needs to be quoted.
    pub(super) words: Vec<String>,
    /// Whether its lines are kept in a file of their own. Those of the agent and supervisord always are.
    pub(super) logged: bool,
}

impl Contender {
    /// Its name and version.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Agent { cgroups: true, .. } => "`lastwordd`".to_owned(),
            Self::Agent { cgroups: false, .. } => "`lastwordd` without cgroups".to_owned(),
            Self::Supervisord(peer) => format!("supervisord {}", peer.version),
            Self::Runit(peer) => format!("runit {}", peer.version),
        }
    }

    /// How many of 500 services are killed one after the other: what takes a second is not asked for
    /// so often.
    pub(super) const fn kills(&self) -> usize {
        match self {
            Self::Supervisord(_) => 40,
            Self::Agent { .. } | Self::Runit(_) => 500,
        }
    }

    /// Which signal has it stop everything and end.
    pub(super) const fn end(&self) -> Signal {
        match self {
            // runsvdir(8): TERM would leave the services running.
            Self::Runit(_) => Signal::SIGHUP,
            Self::Agent { .. } | Self::Supervisord(_) => Signal::SIGTERM,
        }
    }

    /// Writes its configuration into an empty directory, and returns what starts it.
    pub(super) fn prepare(&self, place: &Path, orders: &[Order]) -> Result<Command> {
        match self {
            Self::Agent { program, cgroups } => {
                prepare_agent(place, orders)?;
                let mut command = if *cgroups {
                    Command::new(program)
                } else {
                    without_cgroups(program)?
                };
                command.arg("run").arg("--config");
                command.arg(place.join("agent.kdl"));
                Ok(command)
            }
            Self::Supervisord(peer) => prepare_supervisord(peer, place, orders),
            Self::Runit(peer) => prepare_runit(peer, place, orders),
        }
    }

    /// The files that hold a service's lines, the oldest first.
    pub(super) fn log_files(&self, place: &Path, name: &str) -> Vec<PathBuf> {
        let directory = match self {
            Self::Agent { .. } => place.join("state/logs"),
            Self::Supervisord(_) => place.join("logs"),
            Self::Runit(_) => return vec![place.join("logs").join(name).join("current")],
        };
        let current = directory.join(format!("{name}.log"));
        let older = |number| directory.join(format!("{name}.log.{number}"));
        let older = (1..).map(older).take_while(|path| path.exists());
        let mut files: Vec<PathBuf> = older.collect();
        files.reverse();
        files.push(current);
        files
    }
}

fn prepare_agent(place: &Path, orders: &[Order]) -> Result<()> {
    let services = place.join("services");
    fs::create_dir(&services)?;
    for order in orders {
        let (program, arguments) = order.words.split_first().context("no program")?;
        let mut text = format!("command {program:?}\nargs");
        for argument in arguments {
            write!(text, " {argument:?}")?;
        }
        text += "\nrestart { policy \"always\"; backoff-initial \"0s\"; \
                 max-retries-per-minute 60000; }\n";
        if order.logged {
            text += "log { max-size \"64MiB\"; keep 1000; }\n";
        }
        fs::write(services.join(format!("{}.kdl", order.name)), text)?;
    }
    let text = format!(
        "name \"board1\"\nstate {}\nservices {}\nlisten {{ unix {}; }}\n\
         power {{ backend \"dry-run\"; }}\n",
        quoted(&place.join("state")),
        quoted(&services),
        quoted(&place.join("agent.sock"))
    );
    Ok(fs::write(place.join("agent.kdl"), text)?)
}

/// The program where no cgroups of version 2 are mounted; its process id is that of the command.
fn without_cgroups(program: &Path) -> Result<Command> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mount = |line: &str| {
        let mut words = line.split_whitespace();
        let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
        (kind == "cgroup2").then(|| point.to_owned())
    };
    let points: Vec<String> = mounts.lines().filter_map(mount).collect();
    let mut script = String::new();
    for point in points {
        write!(script, "umount -l '{point}' && ")?;
    }
    script += "exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]);
    command.arg(program);
    Ok(command)
}

fn prepare_supervisord(peer: &Unpacked, place: &Path, orders: &[Order]) -> Result<Command> {
    let logs = place.join("logs");
    fs::create_dir(&logs)?;
    let mut text = format!(
        "[supervisord]\nnodaemon=true\nlogfile={0}/supervisord.log\npidfile={0}/supervisord.pid\n\
         childlogdir={0}\nminfds=8192\n",
        place.display()
    );
    for order in orders {
        let (name, logs) = (&order.name, logs.display());
        write!(
            text,
            "[program:{name}]\ncommand={}\nautorestart=true\nstartsecs=0\n\
             stdout_logfile={logs}/{name}.log\nstderr_logfile={logs}/{name}.err\n\
             stdout_logfile_maxbytes=0\n",
            order.words.join(" ")
        )?;
    }
    let configuration = place.join("supervisord.conf");
    fs::write(&configuration, text)?;
    let mut command = Command::new("python3");
    command.args(["-m", "supervisor.supervisord", "-c"]);
    command.arg(configuration);
    let packages = peer.root.join("usr/lib/python3/dist-packages");
    command.env("PYTHONPATH", packages);
    Ok(command)
}

fn prepare_runit(peer: &Unpacked, place: &Path, orders: &[Order]) -> Result<Command> {
    let programs = peer.root.join("usr/bin");
    let services = place.join("service");
    for order in orders {
        let service = services.join(&order.name);
        script(&service, &order.words.join(" "))?;
        if order.logged {
            let log = place.join("logs").join(&order.name);
            fs::create_dir_all(&log)?;
            // svlogd(8): one file, however large.
            fs::write(log.join("config"), "s0\n")?;
            let svlogd = programs.join("svlogd");
            let words = format!("{} {}", svlogd.display(), log.display());
            script(&service.join("log"), &words)?;
        }
    }
    let mut command = Command::new(programs.join("runsvdir"));
    command.arg("-P").arg(&services);
    // It starts runsv by name.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", programs.display()));
    Ok(command)
}

/// A `run` as people write them.
fn script(service: &Path, words: &str) -> Result<()> {
    fs::create_dir_all(service)?;
    let run = service.join("run");
    fs::write(&run, format!("#!/bin/sh\nexec {words}\n"))?;
    Ok(fs::set_permissions(&run, Permissions::from_mode(0o755))?)
}
