//! From KDL nodes to [`Config`]: one function a block.

use super::generations::generations;
use super::{
    Config, DEFAULT_PORT, DEFAULT_TLS_PORT, Limits, Listener, Named, NamedListener, Power,
    PowerBackend, Reading,
};
use kdl::{KdlDocument, KdlEntry, KdlNode};
use lastword_config::{ConfigError, Source};
use lastword_protocol::{Millis, Text};
use std::net::{AddrParseError, SocketAddr};

const TOP_KEYS: &[&str] = &[
    "name",
    "state",
    "services",
    "credentials",
    "listen",
    "power",
    "limits",
    "generations",
];
const LISTEN_KEYS: &[&str] = &["serial", "pty", "tcp", "tls", "unix"];
const POWER_KEYS: &[&str] = &["backend", "drain-cap", "reboot-program", "poweroff-program"];
const LIMIT_KEYS: &[&str] = &["sessions", "silent", "idle", "stall", "store"];

/// The largest store that can be configured, in bytes.
const STORE_MAX_BYTES: u64 = 1 << 40;

const MINUTE: Millis = Millis(60_000);
const DAY: Millis = Millis(24 * 3_600_000);

/// Reads the whole file.
pub(super) fn config(mut source: Source<'_>) -> Reading {
    let mut config = Config::default();
    let document = source.document();
    let nodes = document.as_ref().map_or(&[][..], KdlDocument::nodes);
    // What is no KDL may have hidden the key.
    let mut may_be_default = source.is_kdl();
    source.each_once(nodes, |node| {
        match node.name().value() {
            "name" => config.name = Some(name(&source, node)?),
            "state" => config.state = Some(source.path(source.argument(node, "a directory")?)?),
            "services" => {
                may_be_default = false;
                config.services = Some(named(&source, node)?);
            }
            "credentials" => {
                let entry = source.argument(node, "a directory")?;
                config.credentials = Some(source.path(entry)?);
            }
            "listen" => config.listen = listeners(&source, node)?,
            "power" => config.power = power(&source, node)?,
            "limits" => config.limits = limits(&source, node)?,
            "generations" => config.generations = Some(generations(&source, node)?),
            _ => return Err(source.unknown(node, TOP_KEYS)),
        }
        Ok(())
    });
    Reading {
        knows_services: may_be_default || config.services.is_some(),
        config,
        errors: source.verdict(()).err(),
    }
}

fn named(source: &Source<'_>, node: &KdlNode) -> Result<Named, ConfigError> {
    let entry = source.argument(node, "a directory")?;
    Ok(Named {
        path: source.path(entry)?,
        file: source.file().to_owned(),
        place: source.place_of(entry),
    })
}

fn name(
    source: &Source<'_>,
    node: &KdlNode,
) -> Result<Text<{ lastword_protocol::identity::NAME_BYTES }>, ConfigError> {
    let entry = source.argument(node, "a name")?;
    let name = source.text(entry)?;
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    Text::try_from(name)
        .ok()
        .filter(|_| plain)
        .ok_or_else(|| source.at_entry(entry, "a name is 1 to 32 of the letters a-z A-Z 0-9 - _ ."))
}

fn listeners(source: &Source<'_>, node: &KdlNode) -> Result<Vec<NamedListener>, ConfigError> {
    let mut listeners: Vec<NamedListener> = Vec::new();
    source.each(source.children(node, LISTEN_KEYS)?, |node| {
        let listener = match node.name().value() {
            "serial" => serial(source, node)?,
            "pty" => Listener::Pty {
                path: source.path(source.argument(node, "a path")?)?,
            },
            "tcp" => tcp(source, node)?,
            "tls" => Listener::Tls {
                address: address(
                    source,
                    source.argument(node, "an address")?,
                    DEFAULT_TLS_PORT,
                )?,
                credentials: None,
            },
            "unix" => unix(source, node)?,
            _ => return Err(source.unknown(node, LISTEN_KEYS)),
        };
        if listeners.iter().any(|it| it.listener == listener) {
            return Err(source.at_node(node, "this listener was named before"));
        }
        let named = Some((source.file().to_owned(), source.place_of_node(node)));
        listeners.push(NamedListener { listener, named });
        Ok(())
    });
    Ok(listeners)
}

fn serial(source: &Source<'_>, node: &KdlNode) -> Result<Listener, ConfigError> {
    let (first, properties) = argument_and_properties(source, node, "a device file", &["baud"])?;
    let mut baud = 115_200;
    for property in properties {
        baud = source.integer(property, 50, 4_000_000)?;
    }
    Ok(Listener::Serial {
        path: source.path(first)?,
        baud,
    })
}

fn tcp(source: &Source<'_>, node: &KdlNode) -> Result<Listener, ConfigError> {
    // As a child node it reads well on a line of its own; as a property it keeps to one line.
    let (first, properties) =
        argument_and_properties(source, node, "an address", &["allow-unauthenticated"])?;
    let mut allow_unauthenticated = false;
    for property in properties {
        allow_unauthenticated = source.boolean(property)?;
    }
    for child in node.children().map_or(&[][..], |block| block.nodes()) {
        match child.name().value() {
            "allow-unauthenticated" => {
                let value = source.argument(child, "#true or #false")?;
                allow_unauthenticated = source.boolean(value)?;
            }
            _ => return Err(source.unknown(child, &["allow-unauthenticated"])),
        }
    }
    let address = address(source, first, DEFAULT_PORT)?;
    Ok(Listener::Tcp {
        address,
        allow_unauthenticated,
    })
}

/// Reads an address, with a port or without.
fn address(
    source: &Source<'_>,
    entry: &KdlEntry,
    default_port: u16,
) -> Result<SocketAddr, ConfigError> {
    let text = source.text(entry)?;
    let address = text.parse::<SocketAddr>();
    let address = address.or_else(|error| {
        let host = text.parse().map_err(|_| error)?;
        Ok(SocketAddr::new(host, default_port))
    });
    address.map_err(|_: AddrParseError| {
        let wanted = format!(
            "an address such as \"127.0.0.1:{default_port}\" or \"[::1]:{default_port}\" is wanted"
        );
        source.at_entry(entry, wanted)
    })
}

fn unix(source: &Source<'_>, node: &KdlNode) -> Result<Listener, ConfigError> {
    if node.entries().is_empty() {
        source.no_block(node)?;
        return Ok(Listener::Unix { path: None });
    }
    Ok(Listener::Unix {
        path: Some(source.path(source.argument(node, "a path")?)?),
    })
}

/// A node of one argument and some properties, each at most once.
fn argument_and_properties<'n>(
    source: &Source<'_>,
    node: &'n KdlNode,
    what: &str,
    known: &[&str],
) -> Result<(&'n KdlEntry, Vec<&'n KdlEntry>), ConfigError> {
    let mut first = None;
    let mut properties: Vec<&KdlEntry> = Vec::new();
    for entry in node.entries() {
        match entry.name() {
            None if first.is_none() => first = Some(entry),
            None => return Err(source.at_entry(entry, format!("only {what} belongs here"))),
            Some(name) if !known.contains(&name.value()) => {
                let message = format!("unknown property; known here: {}", known.join(", "));
                return Err(source.at_entry(entry, message));
            }
            Some(name) if properties.iter().any(|known| known.name() == Some(name)) => {
                return Err(source.at_entry(entry, "this property was given before"));
            }
            Some(_) => properties.push(entry),
        }
    }
    let first = first.ok_or_else(|| source.at_node(node, format!("{what} is missing")))?;
    Ok((first, properties))
}

fn power(source: &Source<'_>, node: &KdlNode) -> Result<Power, ConfigError> {
    let mut power = Power::default();
    source.each_once(source.children(node, POWER_KEYS)?, |node| {
        match node.name().value() {
            "backend" => power.backend = backend(source, node)?,
            "drain-cap" => {
                let entry = source.argument(node, "a time")?;
                power.drain_cap = source.span(entry, Millis(250), MINUTE)?;
            }
            "reboot-program" => power.reboot_program = program(source, node)?,
            "poweroff-program" => power.poweroff_program = program(source, node)?,
            _ => return Err(source.unknown(node, POWER_KEYS)),
        }
        Ok(())
    });
    Ok(power)
}

fn backend(source: &Source<'_>, node: &KdlNode) -> Result<PowerBackend, ConfigError> {
    let entry = source.argument(node, "a backend")?;
    match source.text(entry)? {
        "dry-run" => Ok(PowerBackend::DryRun),
        "linux" => Ok(PowerBackend::Linux),
        "none" => Ok(PowerBackend::None),
        _ => Err(source.at_entry(entry, "a backend is \"dry-run\", \"linux\" or \"none\"")),
    }
}

fn program(source: &Source<'_>, node: &KdlNode) -> Result<Vec<String>, ConfigError> {
    let words: Result<Vec<_>, _> = source
        .arguments(node)?
        .iter()
        .map(|word| source.text(word).map(str::to_owned))
        .collect();
    let words = words?;
    if words.is_empty() {
        return Err(source.at_node(node, "a program is missing"));
    }
    Ok(words)
}

fn limits(source: &Source<'_>, node: &KdlNode) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    source.each_once(source.children(node, LIMIT_KEYS)?, |node| {
        let key = node.name().value();
        if !LIMIT_KEYS.contains(&key) {
            return Err(source.unknown(node, LIMIT_KEYS));
        }
        let entry = source.argument(node, "a value")?;
        match key {
            "sessions" => limits.sessions = source.integer(entry, 1, 4_096)? as usize,
            "silent" => limits.silent = source.span(entry, Millis(1_000), DAY)?,
            "store" => limits.store_bytes = source.size(entry, 0, STORE_MAX_BYTES)?,
            "idle" => limits.idle = source.span(entry, Millis(1_000), DAY)?,
            _ => limits.stall = source.span(entry, Millis(1_000), DAY)?,
        }
        Ok(())
    });
    Ok(limits)
}
