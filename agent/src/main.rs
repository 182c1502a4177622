//! `lastwordd`: the command line of the agent.

use anyhow::Context;
use clap::{Parser, Subcommand};
use etcetera::BaseStrategy;
use lastword_agent::core::config::Config;
use lastword_agent::edge::run::{Places, refuse_unsafe, run};
use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// The device-control agent of lastword: a board always gets its last word out.
#[derive(Parser)]
#[command(name = "lastwordd", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGINT or SIGTERM.
    Run {
        /// The configuration; without it /etc/lastword/agent.kdl (root) or the user's own, and
        /// the defaults if there is none.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Check a configuration and say what is wrong, with line and column.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// The configuration or the command line is wrong.
const BAD_USAGE: u8 = 3;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Printing can only fail if nobody reads.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { BAD_USAGE } else { 0 });
        }
    };
    let (Command::Run { config } | Command::Check { config }) = &arguments.command;
    let config = match configuration(config.as_deref()) {
        Ok(config) => config,
        Err(error) => return fail(&error, BAD_USAGE),
    };
    match arguments.command {
        Command::Check { .. } => {
            println!(
                "ok: {} listeners, power backend {}",
                config.listen.len(),
                config.power.backend.word()
            );
            ExitCode::SUCCESS
        }
        Command::Run { .. } => start(config),
    }
}

fn start(config: Config) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let served = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")
        .and_then(|runtime| {
            let served = runtime.block_on(run(config, places()?));
            // A thread that hangs in the kernel on a dying disk must not keep the process.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("lastwordd: {error:#}");
    ExitCode::from(code)
}

/// Reads the configuration and refuses what would be refused at the start.
fn configuration(named: Option<&Path>) -> anyhow::Result<Config> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => default_file()?,
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let config = Config::parse(&path.display().to_string(), &text)?;
    refuse_unsafe(&config)?;
    Ok(config)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn default_file() -> anyhow::Result<PathBuf> {
    if is_root() {
        return Ok("/etc/lastword/agent.kdl".into());
    }
    Ok(etcetera::choose_base_strategy()?
        .config_dir()
        .join("lastword/agent.kdl"))
}

/// As root the system's directories, as a user the XDG ones.
fn places() -> anyhow::Result<Places> {
    if is_root() {
        let socket = PathBuf::from("/run/lastword/agent.sock");
        return Ok(Places {
            state: "/var/lib/lastword".into(),
            socket,
            services: "/etc/lastword/services".into(),
        });
    }
    let user = etcetera::choose_base_strategy()?;
    let state = user
        .state_dir()
        .unwrap_or_else(|| user.data_dir())
        .join("lastword");
    let runtime = user.runtime_dir().map(|runtime| runtime.join("lastword"));
    let socket = runtime.unwrap_or_else(|| state.clone()).join("agent.sock");
    let services = user.config_dir().join("lastword/services");
    Ok(Places {
        state,
        socket,
        services,
    })
}
