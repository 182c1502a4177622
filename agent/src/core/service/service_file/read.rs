//! From KDL nodes to a [`ServiceFile`]: one function a block.

mod environment;

use super::{
    OnAgentExit, Places, Policy, Probe, Ready, Restart, ServiceFile, Sheet, Stop, StopSignal,
};
use crate::core::log::LogLimits;
use crate::core::service::Name;
use kdl::{KdlEntry, KdlNode};
use lastword_config::{ConfigError, ConfigErrors, Source};
use lastword_protocol::Millis;
use lastword_shell::nearest;
use std::collections::HashSet;

const TOP_KEYS: &[&str] = &[
    "command",
    "args",
    "port",
    "env",
    "env-clear",
    "env-allow",
    "working-dir",
    "user",
    "autostart",
    "after",
    "ready",
    "restart",
    "stop",
    "on-agent-exit",
    "log",
];
const READY_KEYS: &[&str] = &["tcp", "notify", "exec", "none", "timeout"];
const RESTART_KEYS: &[&str] = &[
    "policy",
    "backoff-initial",
    "backoff-max",
    "max-retries-per-minute",
    "stable-after",
];
const STOP_KEYS: &[&str] = &["hook", "signal", "grace"];
const LOG_KEYS: &[&str] = &["max-size", "keep", "ring"];

/// How many services another starts after at most.
const AFTER_MAX: usize = 64;

const HOUR: Millis = Millis(3_600_000);
const DAY: Millis = Millis(24 * HOUR.0);

/// Reads the whole file.
pub(super) fn sheet(mut source: Source<'_>) -> Result<Sheet, ConfigErrors> {
    let mut sheet = Sheet {
        service_file: ServiceFile::new(""),
        places: Places::default(),
    };
    let Some(document) = source.document() else {
        return source.verdict(sheet);
    };
    let mut ready = None;
    let nodes = document.nodes();
    source.each_once(nodes, |node| {
        let service_file = &mut sheet.service_file;
        match node.name().value() {
            "autostart" => {
                service_file.autostart = source.boolean(one(&source, node, "#true or #false")?)?;
            }
            "ready" => ready = Some(self::ready(&source, node)?),
            "restart" => service_file.restart = restart(&source, node)?,
            "stop" => service_file.stop = stop(&source, node)?,
            "on-agent-exit" => service_file.on_agent_exit = on_agent_exit(&source, node)?,
            "log" => service_file.log = log(&source, node)?,
            "port" | "after" => among_others(&source, node, &mut sheet)?,
            "env" | "env-clear" | "env-allow" => {
                environment::read(&source, node, nodes, &mut service_file.program)?;
            }
            _ => program(&source, node, &mut sheet)?,
        }
        Ok(())
    });
    // Whoever has mistyped it has been told so.
    let is_command =
        |node: &KdlNode| nearest(node.name().value(), TOP_KEYS.iter().copied()) == Some("command");
    if !nodes.iter().any(is_command) {
        source.miss("command is missing: it is all that a service has to say");
    }
    let service_file = &mut sheet.service_file;
    match (ready, service_file.port) {
        (Some(ready), _) => service_file.ready = ready,
        (None, Some(port)) => service_file.ready.probe = Probe::Tcp(port),
        (None, None) => {}
    }
    source.verdict(sheet)
}

/// What says how it stands among other services.
fn among_others(source: &Source<'_>, node: &KdlNode, sheet: &mut Sheet) -> Result<(), ConfigError> {
    if node.name().value() == "port" {
        sheet.service_file.port = Some(port(source, node)?);
        sheet.places.port = node.entries().first().map(|entry| source.place_of(entry));
    } else {
        let names = names(source, node)?;
        sheet.places.after = names
            .iter()
            .map(|(_, entry)| source.place_of(entry))
            .collect();
        sheet.service_file.after = names.into_iter().map(|(name, _)| name).collect();
    }
    Ok(())
}

/// What says how the process is started.
fn program(source: &Source<'_>, node: &KdlNode, sheet: &mut Sheet) -> Result<(), ConfigError> {
    let (program, places) = (&mut sheet.service_file.program, &mut sheet.places);
    let place = node.entries().first().map(|entry| source.place_of(entry));
    match node.name().value() {
        "command" => {
            program.command = command(source, one(source, node, "a program")?)?;
            places.command = place;
        }
        "args" => program.args = texts(source, source.arguments(node)?),
        "working-dir" => {
            program.working_dir = Some(source.path(one(source, node, "a directory")?)?);
            places.working_dir = place;
        }
        "user" => {
            let entry = one(source, node, "a user's name")?;
            program.user = Some(source.text(entry)?.to_owned());
            places.user = place;
        }
        _ => return Err(source.unknown(node, TOP_KEYS)),
    }
    Ok(())
}

/// A path from the root, or a name without any slash. In a generation a path may be relative: it begins in its tree.
fn command(source: &Source<'_>, entry: &KdlEntry) -> Result<String, ConfigError> {
    let text = no_nul(source, entry, source.text(entry)?)?;
    if !text.contains('/') {
        return Ok(text);
    }
    // Both parts of it are texts.
    let path = source
        .rooted(&text)
        .and_then(|path| path.into_os_string().into_string().ok());
    path.ok_or_else(|| {
        let message = "a program is a path from the root (/…), or a name to be found in PATH";
        source.at_entry(entry, message)
    })
}

/// A process cannot be given a NUL byte (execve(2)).
fn no_nul(source: &Source<'_>, entry: &KdlEntry, text: &str) -> Result<String, ConfigError> {
    if text.contains('\0') {
        return Err(source.at_entry(entry, "this holds a NUL, which no process can be given"));
    }
    Ok(text.to_owned())
}

/// Texts that go to a process; empty ones too.
fn texts(source: &Source<'_>, entries: &[KdlEntry]) -> Vec<String> {
    source.all(entries, |entry| {
        no_nul(source, entry, any_text(source, entry)?)
    })
}

fn any_text<'n>(source: &Source<'_>, entry: &'n KdlEntry) -> Result<&'n str, ConfigError> {
    entry
        .value()
        .as_string()
        .ok_or_else(|| source.no_text(entry))
}

fn port(source: &Source<'_>, node: &KdlNode) -> Result<u16, ConfigError> {
    let port = source.integer(one(source, node, "a port")?, 1, u16::MAX.into())?;
    Ok(u16::try_from(port).unwrap_or_default())
}

fn names<'n>(
    source: &Source<'_>,
    node: &'n KdlNode,
) -> Result<Vec<(Name, &'n KdlEntry)>, ConfigError> {
    let entries = source.arguments(node)?;
    if entries.is_empty() {
        return Err(source.at_node(node, "the name of a service is missing"));
    }
    if let Some(entry) = entries.get(AFTER_MAX) {
        let message = format!("a service starts after {AFTER_MAX} others at most");
        return Err(source.at_entry(entry, message));
    }
    let mut named = HashSet::new();
    Ok(source.all(entries, |entry| {
        let text = source.text(entry)?;
        if !named.insert(text) {
            return Err(source.at_entry(entry, format!("{text} was named before")));
        }
        let name = Name::try_from(text).map_err(|error| source.at_entry(entry, error))?;
        Ok((name, entry))
    }))
}

/// A program and its arguments.
fn program_words(source: &Source<'_>, node: &KdlNode) -> Result<Vec<String>, ConfigError> {
    let mut words = words(source, node)?;
    if let (Some(program), Some(entry)) = (words.first_mut(), node.entries().first()) {
        *program = command(source, entry)?;
    }
    Ok(words)
}

fn ready(source: &Source<'_>, node: &KdlNode) -> Result<Ready, ConfigError> {
    let mut ready = ServiceFile::new("").ready;
    let mut probe = None;
    let nodes = source.children(node, READY_KEYS)?;
    source.each_once(nodes, |node| {
        let found = match node.name().value() {
            "timeout" => {
                ready.timeout = span(source, node, Millis(1), HOUR)?;
                return Ok(());
            }
            "tcp" => Probe::Tcp(port(source, node)?),
            "exec" => Probe::Exec(program_words(source, node)?),
            "notify" => bare(source, node, Probe::Notify)?,
            "none" => bare(source, node, Probe::None)?,
            _ => return Err(source.unknown(node, READY_KEYS)),
        };
        if probe.replace(found).is_some() {
            return Err(source.at_node(node, "one of tcp, notify, exec or none is enough"));
        }
        Ok(())
    });
    if nodes.iter().all(|node| node.name().value() == "timeout") {
        return Err(source.at_node(node, "tcp, notify, exec or none is missing"));
    }
    ready.probe = probe.unwrap_or(ready.probe);
    Ok(ready)
}

/// A node that says all with its name.
fn bare(source: &Source<'_>, node: &KdlNode, probe: Probe) -> Result<Probe, ConfigError> {
    match source.arguments(node)? {
        [] => Ok(probe),
        [entry, ..] => Err(source.at_entry(entry, "nothing belongs here")),
    }
}

fn words(source: &Source<'_>, node: &KdlNode) -> Result<Vec<String>, ConfigError> {
    let entries = source.arguments(node)?;
    match entries.first().map(|entry| entry.value().as_string()) {
        None | Some(Some("")) => Err(source.at_node(node, "a program is missing")),
        Some(_) => Ok(texts(source, entries)),
    }
}

fn restart(source: &Source<'_>, node: &KdlNode) -> Result<Restart, ConfigError> {
    let mut restart = ServiceFile::new("").restart;
    let sound = source.each_once(source.children(node, RESTART_KEYS)?, |node| {
        match node.name().value() {
            "policy" => restart.policy = policy(source, one(source, node, "a policy")?)?,
            "backoff-initial" => restart.backoff_initial = span(source, node, Millis(0), HOUR)?,
            "backoff-max" => restart.backoff_max = span(source, node, Millis(0), DAY)?,
            "max-retries-per-minute" => {
                let entry = one(source, node, "a number")?;
                restart.max_retries_per_minute = source.integer(entry, 1, 60_000)?;
            }
            "stable-after" => restart.stable_after = span(source, node, Millis(0), DAY)?,
            _ => return Err(source.unknown(node, RESTART_KEYS)),
        }
        Ok(())
    });
    if sound && restart.backoff_max < restart.backoff_initial {
        let (most, first) = (restart.backoff_max, restart.backoff_initial);
        let message = format!("backoff-max, {most}, is less than backoff-initial, {first}");
        return Err(source.at_node(node, message));
    }
    Ok(restart)
}

fn policy(source: &Source<'_>, entry: &KdlEntry) -> Result<Policy, ConfigError> {
    match source.text(entry)? {
        "always" => Ok(Policy::Always),
        "on-failure" => Ok(Policy::OnFailure),
        "never" => Ok(Policy::Never),
        _ => Err(source.at_entry(entry, "a policy is \"always\", \"on-failure\" or \"never\"")),
    }
}

fn stop(source: &Source<'_>, node: &KdlNode) -> Result<Stop, ConfigError> {
    let mut stop = ServiceFile::new("").stop;
    source.each_once(source.children(node, STOP_KEYS)?, |node| {
        match node.name().value() {
            "hook" => {
                let entry = one(source, node, "a shell command")?;
                stop.hook = Some(no_nul(source, entry, source.text(entry)?)?);
            }
            "signal" => stop.signal = signal(source, one(source, node, "a signal")?)?,
            "grace" => stop.grace = span(source, node, Millis(0), HOUR)?,
            _ => return Err(source.unknown(node, STOP_KEYS)),
        }
        Ok(())
    });
    Ok(stop)
}

fn signal(source: &Source<'_>, entry: &KdlEntry) -> Result<StopSignal, ConfigError> {
    let text = source.text(entry)?;
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let known = StopSignal::ALL
        .into_iter()
        .find(|signal| signal.word() == name);
    known.ok_or_else(|| {
        let words = StopSignal::ALL.map(StopSignal::word).join(", ");
        source.at_entry(entry, format!("a signal is one of {words}"))
    })
}

fn on_agent_exit(source: &Source<'_>, node: &KdlNode) -> Result<OnAgentExit, ConfigError> {
    let entry = one(source, node, "\"stop\" or \"adopt\"")?;
    match source.text(entry)? {
        "stop" => Ok(OnAgentExit::Stop),
        "adopt" => Ok(OnAgentExit::Adopt),
        _ => Err(source.at_entry(entry, "\"stop\" or \"adopt\" is wanted here")),
    }
}

fn log(source: &Source<'_>, node: &KdlNode) -> Result<LogLimits, ConfigError> {
    let mut log = ServiceFile::new("").log;
    source.each_once(source.children(node, LOG_KEYS)?, |node| {
        let key = node.name().value();
        if !LOG_KEYS.contains(&key) {
            return Err(source.unknown(node, LOG_KEYS));
        }
        let entry = one(source, node, "a value")?;
        match key {
            "max-size" => log.max_size_bytes = source.size(entry, 4 << 10, 1 << 40)?,
            "keep" => log.keep = source.integer(entry, 0, 1_000)?,
            _ => {
                let bytes = source.size(entry, 4 << 10, 1 << 30)?;
                log.ring_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            }
        }
        Ok(())
    });
    Ok(log)
}

fn span(
    source: &Source<'_>,
    node: &KdlNode,
    least: Millis,
    most: Millis,
) -> Result<Millis, ConfigError> {
    source.span(one(source, node, "a time")?, least, most)
}

fn one<'n>(
    source: &Source<'_>,
    node: &'n KdlNode,
    what: &str,
) -> Result<&'n KdlEntry, ConfigError> {
    source.argument(node, what)
}
