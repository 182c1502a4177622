//! A configuration file as its errors need it: every complaint names line and column.

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use lastword_protocol::Millis;
use std::fmt::Display;
use std::path::PathBuf;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong there and what would be right.
    pub message: String,
}

/// A file's name and text.
pub(super) struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// The nodes, if none says again what another has said.
    pub(super) fn once_each<'n>(&self, nodes: &'n [KdlNode]) -> Result<&'n [KdlNode], ConfigError> {
        for (index, node) in nodes.iter().enumerate() {
            let name = node.name().value();
            let is_said = |earlier: &KdlNode| earlier.name().value() == name;
            if nodes[..index].iter().any(is_said) {
                return Err(self.at_node(node, format!("{name:?} was said before")));
            }
        }
        Ok(nodes)
    }

    /// Parses the KDL itself.
    pub(super) fn document(&self) -> Result<KdlDocument, ConfigError> {
        KdlDocument::parse_v2(self.text).map_err(|error| {
            let Some(first) = error.diagnostics.first() else {
                return self.error(0, "this is not KDL");
            };
            let message = first.message.as_deref().unwrap_or("this is not KDL 2");
            let help = first
                .help
                .as_deref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            self.error(first.span.offset(), format!("{message}{help}"))
        })
    }

    /// An error at a byte offset.
    pub(super) fn error(&self, offset: usize, message: impl Display) -> ConfigError {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ConfigError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.to_string(),
        }
    }

    /// An error at a node's name.
    pub(super) fn at_node(&self, node: &KdlNode, message: impl Display) -> ConfigError {
        self.error(node.name().span().offset(), message)
    }

    /// An error at an argument or property.
    pub(super) fn at_entry(&self, entry: &KdlEntry, message: impl Display) -> ConfigError {
        self.error(entry.span().offset(), message)
    }

    /// The error of a node nobody knows.
    pub(super) fn unknown(&self, node: &KdlNode, known: &[&str]) -> ConfigError {
        let name = node.name().value();
        self.at_node(
            node,
            format!("unknown key {name:?}; known here: {}", known.join(", ")),
        )
    }

    /// The children of a node that takes nothing else.
    pub(super) fn children<'n>(&self, node: &'n KdlNode) -> Result<&'n [KdlNode], ConfigError> {
        if let Some(entry) = node.entries().first() {
            let name = node.name().value();
            return Err(self.at_entry(entry, format!("{name} takes a block {{ … }} and no value")));
        }
        Ok(node.children().map_or(&[], KdlDocument::nodes))
    }

    /// All arguments of a node that takes no properties and no block.
    pub(super) fn arguments<'n>(&self, node: &'n KdlNode) -> Result<&'n [KdlEntry], ConfigError> {
        if let Some(property) = node.entries().iter().find(|entry| entry.name().is_some()) {
            return Err(self.at_entry(property, "no property is known here"));
        }
        self.no_block(node)?;
        Ok(node.entries())
    }

    /// The one argument of a node that takes no properties and no block.
    pub(super) fn argument<'n>(
        &self,
        node: &'n KdlNode,
        what: &str,
    ) -> Result<&'n KdlEntry, ConfigError> {
        match self.arguments(node)? {
            [one] => Ok(one),
            [] => Err(self.at_node(node, format!("{what} is missing"))),
            [_, more, ..] => Err(self.at_entry(more, format!("only {what} belongs here"))),
        }
    }

    /// Complains about a block.
    pub(super) fn no_block(&self, node: &KdlNode) -> Result<(), ConfigError> {
        match node.children() {
            Some(_) => Err(self.at_node(node, format!("{} takes no block", node.name().value()))),
            None => Ok(()),
        }
    }

    /// A string.
    pub(super) fn text<'n>(&self, entry: &'n KdlEntry) -> Result<&'n str, ConfigError> {
        match entry.value() {
            KdlValue::String(text) if !text.is_empty() => Ok(text),
            _ => Err(self.at_entry(
                entry,
                "a text in quotes is wanted here, and not an empty one",
            )),
        }
    }

    /// A path from the root.
    pub(super) fn path(&self, entry: &KdlEntry) -> Result<PathBuf, ConfigError> {
        let path = PathBuf::from(self.text(entry)?);
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(self.at_entry(entry, "a path from the root (/…) is wanted here"))
        }
    }

    /// `#true` or `#false`.
    pub(super) fn boolean(&self, entry: &KdlEntry) -> Result<bool, ConfigError> {
        entry
            .value()
            .as_bool()
            .ok_or_else(|| self.at_entry(entry, "#true or #false is wanted here"))
    }

    /// A whole number within bounds, both included.
    pub(super) fn integer(
        &self,
        entry: &KdlEntry,
        least: u32,
        most: u32,
    ) -> Result<u32, ConfigError> {
        entry
            .value()
            .as_integer()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                self.at_entry(
                    entry,
                    format!("a whole number from {least} to {most} is wanted here"),
                )
            })
    }

    /// A number of bytes, such as `"10MiB"`, within bounds.
    pub(super) fn size(&self, entry: &KdlEntry, least: u64, most: u64) -> Result<u64, ConfigError> {
        let size = entry.value().as_string().and_then(parse_size);
        size.filter(|size| (least..=most).contains(size))
            .ok_or_else(|| {
                let example = "a size with its unit, such as \"64KiB\", \"10MiB\" or \"1GiB\"";
                let message = format!("{example}, from {least} to {most} bytes, is wanted here");
                self.at_entry(entry, message)
            })
    }

    /// A span of time with its unit, such as `"250ms"`, within bounds.
    pub(super) fn span(
        &self,
        entry: &KdlEntry,
        least: Millis,
        most: Millis,
    ) -> Result<Millis, ConfigError> {
        entry
            .value()
            .as_string()
            .and_then(parse_span)
            .filter(|span| (least..=most).contains(span))
            .ok_or_else(|| {
                let example = "a time with its unit, such as \"250ms\", \"2s\" or \"5m\"";
                self.at_entry(
                    entry,
                    format!("{example}, from {least} to {most}, is wanted here"),
                )
            })
    }
}

/// Reads digits followed by `ms`, `s`, `m` or `h`.
fn parse_span(text: &str) -> Option<Millis> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    with_unit(text, &units).map(Millis)
}

/// Reads digits followed by `B`, `KiB`, `MiB` or `GiB`.
fn parse_size(text: &str) -> Option<u64> {
    let units = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    with_unit(text, &units)
}

/// Digits, directly followed by a unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(known, _)| *known == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}
