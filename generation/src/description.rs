//! The description of a generation that is to be built: `generation.kdl`.

use crate::TreePath;
use crate::health_check::{CHECK_FAILURES_MAX, CHECK_INTERVALS, CHECK_TIMEOUTS};
use crate::health_check::{HealthCheck, HealthProbe, HttpUrl};
use crate::manifest::{RebootComponent, SOAK_MAX, SoakEnd};
use kdl::{KdlDocument, KdlEntry, KdlNode};
use lastword_config::{ConfigError, ConfigErrors, Source};
use lastword_protocol::Millis;

/// The file in the directory of a generation that describes it. It is no part of the generation.
pub const DESCRIPTION_FILE: &str = "generation.kdl";

/// The time for which checks must hold, if the description does not say.
pub const SOAK_DEFAULT: Millis = Millis(60_000);
const CHECK_INTERVAL_DEFAULT: Millis = Millis(2_000);
const CHECK_TIMEOUT_DEFAULT: Millis = Millis(5_000);
const CHECK_FAILURES_DEFAULT: u32 = 3;

const TOP_KEYS: &[&str] = &[
    "name",
    "version",
    "compatible",
    "architecture",
    "security-version",
    "soak",
    "check",
    "reboot-component",
    "set-id",
];
const PROBE_KEYS: &[&str] = &["tcp", "http", "exec", "service"];
const CHECK_KEYS: &[&str] = &[
    "tcp", "http", "exec", "service", "interval", "timeout", "failures",
];

/// The properties of a generation that its files do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationDescription {
    /// The name of the product.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The kinds of board that it is for.
    pub compatible: Vec<String>,
    /// The machine that it runs on.
    pub architecture: String,
    /// The number that only grows.
    pub security_version: u32,
    /// The end of its soak.
    pub soak: SoakEnd,
    /// Its health checks.
    pub checks: Vec<HealthCheck>,
    /// Its parts that take effect at a reboot only.
    pub reboot_components: Vec<RebootComponent>,
    /// The files that may have set-user-ID, set-group-ID or sticky bits.
    pub set_id: Vec<TreePath>,
}

impl GenerationDescription {
    /// Reads a description. `file` is the name to show in errors.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`]: everything that is wrong, with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigErrors> {
        let mut source = Source::new(file, text);
        let document = source.document();
        let nodes = document.as_ref().map_or(&[][..], KdlDocument::nodes);
        let mut read = PartialDescription::default();
        let is_sound = source.each(nodes, |node| read.take(&source, node));
        // What is wrong may be what seems to be missing.
        if is_sound && source.is_kdl() {
            for (key, is_there) in read.required() {
                if !is_there {
                    source.miss(&format!("{key} is missing"));
                }
            }
        }
        source.verdict(read.finish())
    }
}

/// As much as was read.
#[derive(Default)]
struct PartialDescription {
    seen: Vec<String>,
    name: Option<String>,
    version: Option<String>,
    compatible: Vec<String>,
    architecture: Option<String>,
    security_version: Option<u32>,
    soak: Option<SoakEnd>,
    checks: Vec<HealthCheck>,
    reboot_components: Vec<RebootComponent>,
    set_id: Vec<TreePath>,
}

impl PartialDescription {
    fn take(&mut self, source: &Source<'_>, node: &KdlNode) -> Result<(), ConfigError> {
        let key = node.name().value();
        let may_repeat = matches!(key, "check" | "reboot-component");
        if !may_repeat && self.seen.iter().any(|seen| seen == key) {
            return Err(source.at_node(node, "was said before"));
        }
        self.seen.push(key.to_owned());
        match key {
            "name" => self.name = Some(one_text(source, node, "a name")?),
            "version" => self.version = Some(one_text(source, node, "a version")?),
            "compatible" => self.compatible = texts(source, node, "a kind of board")?,
            "architecture" => {
                let what = "a machine, as `uname -m` names it, or \"any\"";
                self.architecture = Some(one_text(source, node, what)?);
            }
            "security-version" => {
                let entry = source.argument(node, "a number")?;
                self.security_version = Some(source.integer(entry, 0, u32::MAX)?);
            }
            "soak" => self.soak = Some(soak(source, node)?),
            "check" => self.check(source, node)?,
            "reboot-component" => self.reboot_component(source, node)?,
            "set-id" => {
                self.set_id = paths(source, source.arguments(node)?)?;
                if self.set_id.is_empty() {
                    return Err(source.at_node(node, "a file is missing"));
                }
            }
            _ => return Err(source.unknown(node, TOP_KEYS)),
        }
        Ok(())
    }

    const fn required(&self) -> [(&'static str, bool); 5] {
        [
            ("name", self.name.is_some()),
            ("version", self.version.is_some()),
            ("compatible", !self.compatible.is_empty()),
            ("architecture", self.architecture.is_some()),
            ("security-version", self.security_version.is_some()),
        ]
    }

    /// Returns the description, with defaults for keys that were not there.
    fn finish(self) -> GenerationDescription {
        GenerationDescription {
            name: self.name.unwrap_or_default(),
            version: self.version.unwrap_or_default(),
            compatible: self.compatible,
            architecture: self.architecture.unwrap_or_default(),
            security_version: self.security_version.unwrap_or_default(),
            soak: self.soak.unwrap_or(SoakEnd::ForMs(SOAK_DEFAULT.0)),
            checks: self.checks,
            reboot_components: self.reboot_components,
            set_id: self.set_id,
        }
    }

    fn check(&mut self, source: &Source<'_>, node: &KdlNode) -> Result<(), ConfigError> {
        let check = check(source, node)?;
        if self.checks.iter().any(|it| it.name == check.name) {
            return Err(source.at_node(node, "a check of this name was there before"));
        }
        self.checks.push(check);
        Ok(())
    }

    fn reboot_component(&mut self, source: &Source<'_>, node: &KdlNode) -> Result<(), ConfigError> {
        let entries = source.arguments(node)?;
        let [name, rest @ ..] = entries else {
            return Err(source.at_node(node, "a name and its files or directories are missing"));
        };
        if rest.is_empty() {
            return Err(source.at_node(node, "its files or directories are missing"));
        }
        self.reboot_components.push(RebootComponent {
            name: source.text(name)?.to_owned(),
            paths: paths(source, rest)?,
        });
        Ok(())
    }
}

fn one_text(source: &Source<'_>, node: &KdlNode, what: &str) -> Result<String, ConfigError> {
    let entry = source.argument(node, what)?;
    Ok(source.text(entry)?.to_owned())
}

fn texts(source: &Source<'_>, node: &KdlNode, what: &str) -> Result<Vec<String>, ConfigError> {
    let entries = source.arguments(node)?;
    if entries.is_empty() {
        return Err(source.at_node(node, format!("{what} is missing")));
    }
    let text = |entry| source.text(entry).map(str::to_owned);
    entries.iter().map(text).collect()
}

fn paths(source: &Source<'_>, entries: &[KdlEntry]) -> Result<Vec<TreePath>, ConfigError> {
    let path = |entry: &KdlEntry| {
        let text = source.text(entry)?.trim_end_matches('/');
        TreePath::new(text).map_err(|error| source.at_entry(entry, error))
    };
    entries.iter().map(path).collect()
}

fn soak(source: &Source<'_>, node: &KdlNode) -> Result<SoakEnd, ConfigError> {
    let entry = source.argument(node, "a time, or \"manual\"")?;
    if entry.value().as_string() == Some("manual") {
        return Ok(SoakEnd::Manual);
    }
    Ok(SoakEnd::ForMs(source.span(entry, Millis(0), SOAK_MAX)?.0))
}

fn check(source: &Source<'_>, node: &KdlNode) -> Result<HealthCheck, ConfigError> {
    let [name] = node.entries() else {
        return Err(source.at_node(node, "one name is wanted: check \"web\" { … }"));
    };
    let name = source.text(name)?.to_owned();
    let (mut interval, mut timeout) = (CHECK_INTERVAL_DEFAULT, CHECK_TIMEOUT_DEFAULT);
    let mut failures = CHECK_FAILURES_DEFAULT;
    let mut probe = None;
    for child in node.children().map_or(&[][..], KdlDocument::nodes) {
        let key = child.name().value();
        if PROBE_KEYS.contains(&key) {
            let read = read_probe(source, child)?;
            if probe.replace(read).is_some() {
                return Err(source.at_node(child, "a check asks in one way only"));
            }
            continue;
        }
        let [interval_least, interval_most] = CHECK_INTERVALS;
        let [timeout_least, timeout_most] = CHECK_TIMEOUTS;
        let value = || source.argument(child, "a value");
        match key {
            "interval" => interval = source.span(value()?, interval_least, interval_most)?,
            "timeout" => timeout = source.span(value()?, timeout_least, timeout_most)?,
            "failures" => failures = source.integer(value()?, 1, CHECK_FAILURES_MAX)?,
            _ => return Err(source.unknown(child, CHECK_KEYS)),
        }
    }
    let probe = probe.ok_or_else(|| {
        let ways = PROBE_KEYS.join(", ");
        source.at_node(node, format!("how it asks is missing: one of {ways}"))
    })?;
    let check = HealthCheck {
        name,
        probe,
        interval_ms: interval.0,
        timeout_ms: timeout.0,
        failures,
    };
    match check.fault() {
        Some(fault) => Err(source.at_node(node, fault)),
        None => Ok(check),
    }
}

fn read_probe(source: &Source<'_>, node: &KdlNode) -> Result<HealthProbe, ConfigError> {
    if node.name().value() == "exec" {
        return texts(source, node, "a program").map(HealthProbe::Exec);
    }
    let entry = source.argument(node, "one value")?;
    let text = source.text(entry)?;
    match node.name().value() {
        "tcp" => text.parse().map(HealthProbe::Tcp).map_err(|_| {
            source.at_entry(
                entry,
                "an address and port is wanted here: \"127.0.0.1:8080\"",
            )
        }),
        "http" => HttpUrl::parse(text).map(HealthProbe::Http).ok_or_else(|| {
            let example = "\"http://127.0.0.1:8080/health\"";
            source.at_entry(
                entry,
                format!("a URL with a number for an address is wanted here: {example}"),
            )
        }),
        _ => Ok(HealthProbe::Service(text.to_owned())),
    }
}
