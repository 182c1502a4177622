//! The values of a configuration file: texts, paths, numbers, sizes and spans of time.

use super::{ConfigError, Source, written};
use kdl::{KdlEntry, KdlValue};
use lastword_protocol::Millis;
use std::path::{Path, PathBuf};

impl Source<'_> {
    /// A string.
    ///
    /// # Errors
    ///
    /// The value is no string, or an empty one.
    pub fn text<'n>(&self, entry: &'n KdlEntry) -> Result<&'n str, ConfigError> {
        match entry.value() {
            KdlValue::String(text) if !text.is_empty() => Ok(text),
            KdlValue::String(_) => Err(self.at_entry(entry, "an empty text means nothing here")),
            _ => Err(self.no_text(entry)),
        }
    }

    /// The error of a value that is to be a text.
    pub fn no_text(&self, entry: &KdlEntry) -> ConfigError {
        let text = written(entry).trim_matches('"').to_owned();
        let text = text.trim_start_matches('#');
        self.at_entry(
            entry,
            format!("a text in quotes is wanted here: \"{text}\""),
        )
    }

    /// A path from the root.
    ///
    /// # Errors
    ///
    /// The value is no string, or does not begin with `/` where there is no directory for relative paths.
    pub fn path(&self, entry: &KdlEntry) -> Result<PathBuf, ConfigError> {
        let path = self.rooted(self.text(entry)?);
        path.ok_or_else(|| self.at_entry(entry, "a path from the root (/…) is wanted here"))
    }

    /// Returns a path from the root; `None` if it is a relative one, and there is no directory for those.
    #[must_use]
    pub fn rooted(&self, path: &str) -> Option<PathBuf> {
        match self.root {
            Some(root) => Some(root.join(path)),
            None => Path::new(path).is_absolute().then(|| PathBuf::from(path)),
        }
    }

    /// `#true` or `#false`.
    ///
    /// # Errors
    ///
    /// The value is of another kind.
    pub fn boolean(&self, entry: &KdlEntry) -> Result<bool, ConfigError> {
        entry
            .value()
            .as_bool()
            .ok_or_else(|| self.at_entry(entry, "#true or #false, without quotes, is wanted here"))
    }

    /// A whole number within bounds, both included.
    ///
    /// # Errors
    ///
    /// The value is of another kind, or out of bounds.
    pub fn integer(&self, entry: &KdlEntry, least: u32, most: u32) -> Result<u32, ConfigError> {
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
    ///
    /// # Errors
    ///
    /// The value has no such unit, or is out of bounds.
    pub fn size(&self, entry: &KdlEntry, least: u64, most: u64) -> Result<u64, ConfigError> {
        let size = entry.value().as_string().and_then(parse_size);
        size.filter(|size| (least..=most).contains(size))
            .ok_or_else(|| {
                let example = "a size with its unit, such as \"64KiB\", \"10MiB\" or \"1GiB\"";
                let message = format!("{example}, from {least} to {most} bytes, is wanted here");
                self.at_entry(entry, message)
            })
    }

    /// A span of time with its unit, such as `"250ms"`, within bounds.
    ///
    /// # Errors
    ///
    /// The value has no such unit, or is out of bounds.
    pub fn span(
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
