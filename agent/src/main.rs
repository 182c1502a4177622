//! `lastwordd`: the command line of the agent.

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use etcetera::BaseStrategy;
use lastword_agent::core::config::{Config, ConfigError, Reading};
use lastword_agent::core::service::catalog::Catalog;
use lastword_agent::edge::down::{Down, down};
use lastword_agent::edge::ownership::exposed_files;
use lastword_agent::edge::parent::unit_warnings;
use lastword_agent::edge::run::{Places, refuse_unsafe, run, services_directory};
use lastword_agent::edge::services::{FILE_BYTES_MAX, FILE_LIMIT, STACK_BYTES, ServiceFiles};
use lastword_agent::edge::threads::within;
use lastword_agent::edge::tls_credentials::credentials_warning;
use lastword_agent::edge::{executors, surroundings, tasks};
use lastword_daemon::bounded_file::{FileError, read_text};
use lastword_daemon::output::{complain, complain_of_usage};
use lastword_daemon::panics::contained;
use lastword_daemon::{log, output, panics, signals};
use lastword_shell::escape::Shown;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    /// Stop all services, and the agent if one lives.
    ///
    /// A live agent is found by its Unix socket and told to end; without one, what it has left running
    /// is found by its state directory.
    Down {
        /// The configuration that the agent was started with.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Check a configuration and the service files, and say what is wrong, with line and column.
    ///
    /// Warns of programs, users and working directories that are not there yet, and of a systemd unit that
    /// would end the services with the agent.
    Check {
        /// The configuration.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The agent's systemd unit; without it the one that is installed. Drop-ins in UNIT.d count.
        #[arg(long, value_name = "FILE")]
        unit: Option<PathBuf>,
    },
}

/// The configuration or the command line is wrong.
const BAD_USAGE: u8 = 3;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            if !error.use_stderr() || !complain_of_usage(&error.render().to_string()) {
                // Printing can only fail if nobody reads.
                let _ = error.print();
            }
            return ExitCode::from(if error.use_stderr() { BAD_USAGE } else { 0 });
        }
    };
    if let Err(error) = signals::unblock_all().context("signals cannot be unblocked") {
        return fail(&error, 1);
    }
    let (Command::Run { config } | Command::Down { config } | Command::Check { config, .. }) =
        &arguments.command;
    let (path, reading) = match configuration(config.as_deref()) {
        Ok(read) => read,
        Err(error) => return fail(&error, BAD_USAGE),
    };
    let refused = |error: anyhow::Error| fail(&error, BAD_USAGE);
    match arguments.command {
        Command::Check { unit, .. } => check(&path, &reading, unit.as_deref()),
        Command::Down { .. } => refuse(&reading).map_or_else(refused, |()| end(reading.config)),
        Command::Run { .. } => {
            refuse(&reading).map_or_else(refused, |()| start(&path, reading.config))
        }
    }
}

/// Says what is wrong with the configuration and the service files, or that nothing is.
fn check(path: &Path, reading: &Reading, unit: Option<&Path>) -> ExitCode {
    let refused = refuse(reading).map_err(|error| fail(&error, BAD_USAGE));
    let can_listen = check_listeners(&reading.config);
    for exposed in exposed(path, &reading.config) {
        complain(format_args!("lastwordd: warning: {exposed}"));
    }
    for warning in surroundings::no_generations(&reading.config) {
        complain(format_args!("lastwordd: warning: {warning}"));
    }
    if let Some(warning) = check_credentials(&reading.config) {
        complain(format_args!("lastwordd: warning: {warning}"));
    }
    let catalog = match check_services(reading, unit) {
        Ok(catalog) => catalog,
        Err(error) => return fail(&error, BAD_USAGE),
    };
    if let Err(code) = refused {
        return code;
    }
    if !can_listen || !catalog.broken.is_empty() {
        return ExitCode::from(BAD_USAGE);
    }
    say(format_args!(
        "ok: {} listeners, power backend {}, {} services",
        reading.config.listen.len(),
        reading.config.power.backend.word(),
        catalog.services.len()
    ))
}

/// What others could have the agent run programs by, a line each; or why that is not known.
fn exposed(path: &Path, config: &Config) -> Vec<String> {
    let services = match places() {
        Ok(places) => services_directory(config, &places).to_owned(),
        Err(_) => return Vec::new(),
    };
    let path = path.to_owned();
    let looked = within(FILE_LIMIT, STACK_BYTES, move || {
        exposed_files(&path, &services)
    });
    looked.unwrap_or_else(|error| vec![format!("whether others may write to the files: {error}")])
}

/// Says for which reason nobody could connect over TLS, or could not for long; or why that is not known.
fn check_credentials(config: &Config) -> Option<String> {
    let directory = config.credentials.clone();
    let directory = directory.or_else(|| places().ok().map(|places| places.credentials))?;
    let config = config.clone();
    let looked = within(FILE_LIMIT, STACK_BYTES, move || {
        credentials_warning(&config, &directory)
    });
    looked.unwrap_or_else(|error| Some(format!("the credentials: {error}")))
}

/// Says which listeners will be waited for, and which would end the start; whether there are none of these.
fn check_listeners(config: &Config) -> bool {
    let (awaited, wrong) = surroundings::listeners(config);
    for warning in awaited {
        complain(format_args!("lastwordd: warning: {warning}"));
    }
    for error in &wrong {
        complain(format_args!("lastwordd: {error}"));
    }
    wrong.is_empty()
}

/// Says what is wrong with the unit and the service files, as far as it is known where they are.
fn check_services(reading: &Reading, unit: Option<&Path>) -> anyhow::Result<Catalog> {
    let unit = unit.map(Path::to_owned);
    let warnings = within(FILE_LIMIT, STACK_BYTES, move || {
        unit_warnings(unit.as_deref())
    });
    for warning in warnings.flatten().context("cannot read the unit")? {
        complain(format_args!("lastwordd: warning: {warning}"));
    }
    if !reading.knows_services {
        return Ok(Catalog::default());
    }
    let directory = services_directory(&reading.config, &places()?).to_owned();
    let read = ServiceFiles::new(directory).read();
    let absent = surroundings::no_services(&reading.config);
    for warning in absent
        .into_iter()
        .chain(surroundings::warnings(&read.files))
    {
        complain(format_args!("lastwordd: warning: {warning}"));
    }
    let catalog = read.catalog();
    for flaw in catalog.broken.iter().flat_map(|broken| &broken.flaws) {
        complain(format_args!("lastwordd: {flaw}"));
    }
    Ok(catalog)
}

/// Stops everything.
fn end(config: Config) -> ExitCode {
    let ended = logged(|| block_on(async { down(config, places()?).await }));
    match ended {
        Ok(Down::Agent(pid)) => say(format_args!(
            "ok: the agent, process {pid}, has ended with all of its services"
        )),
        Ok(Down::Killed(pid, count)) => say(format_args!(
            "ok: the agent, process {pid}, has ended without stopping its services; {count} that it had \
             left are stopped"
        )),
        Ok(Down::Left(0)) => say(format_args!(
            "ok: no agent lives, and nothing of one is left"
        )),
        Ok(Down::Left(count)) => say(format_args!(
            "ok: no agent lived; {count} services that it had left are stopped"
        )),
        Err(code) => code,
    }
}

fn start(path: &Path, config: Config) -> ExitCode {
    let ended = logged(|| {
        for exposed in exposed(path, &config) {
            tracing::warn!("{exposed}");
        }
        block_on(async { run(config, places()?).await })
    });
    ended.map_or_else(|code| code, |()| ExitCode::SUCCESS)
}

/// Does `work` with a log on standard error, and says there what has failed. A panic ends the process.
fn logged<T>(work: impl FnOnce() -> anyhow::Result<T>) -> Result<T, ExitCode> {
    let sink = log::start().context("standard error cannot be logged to");
    let sink = sink.map_err(|error| fail(&error, 1))?;
    panics::end_the_process("lastwordd", sink.clone(), tasks::current);
    let done = work();
    if let Err(error) = &done {
        // Not by `complain`: whoever reads the log may have stopped.
        sink.push(complaint(error).as_bytes());
    }
    sink.flush();
    done.map_err(|error| {
        let is_configuration = error.is::<ConfigError>();
        ExitCode::from(if is_configuration { BAD_USAGE } else { 1 })
    })
}

/// Says that it is done. What cannot be said is not done well.
fn say(line: fmt::Arguments<'_>) -> ExitCode {
    match output::say(line).context("standard output cannot be written") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = executors::runtime().context("no runtime")?;
    let done = runtime.block_on(work);
    // A thread that hangs in the kernel on a dying disk must not keep the process.
    runtime.shutdown_background();
    done
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    let complaint = complaint(error);
    complaint
        .lines()
        .for_each(|line| complain(format_args!("{line}")));
    ExitCode::from(code)
}

/// Returns the errors, a line each.
fn complaint(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let lines = text
        .lines()
        .map(|line| format!("lastwordd: {}\n", Shown(line)));
    lines.collect()
}

/// Refuses what no agent can run with.
fn refuse(reading: &Reading) -> anyhow::Result<()> {
    match &reading.errors {
        Some(errors) => Err(errors.clone().into()),
        None => refuse_unsafe(&reading.config),
    }
}

/// Reads the configuration; returns its path, too.
fn configuration(named: Option<&Path>) -> anyhow::Result<(PathBuf, Reading)> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => default_file()?,
    };
    let shown = path.display().to_string();
    let (source, file) = (path.clone(), shown.clone());
    let read = move || {
        let text = read_text(&source, FILE_BYTES_MAX)?;
        contained(|| Config::read(&file, &text)).map_err(|reason| {
            FileError::Io(io::Error::other(format!("the parser panicked: {reason}")))
        })
    };
    match within(FILE_LIMIT, STACK_BYTES, read) {
        Ok(Ok(reading)) => Ok((path, reading)),
        Ok(Err(error)) if error.is_absent() && named.is_none() => {
            Ok((path, Config::read(&shown, "")))
        }
        Ok(Err(error)) => bail!("cannot read {}", error.of(shown)),
        Err(error) => bail!("cannot read {shown}: {error}"),
    }
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
            generations: "/var/lib/lastword-generations".into(),
            credentials: "/etc/lastword/credentials".into(),
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
        credentials: user.config_dir().join("lastword/credentials"),
        // Not inside the state directory, which is nobody else's: services of other users run what is in there.
        generations: state.with_file_name("lastword-generations"),
        state,
        socket,
        services,
    })
}
