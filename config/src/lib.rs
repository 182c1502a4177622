//! Configuration files in KDL, read to their end whatever is wrong with them: each error names line and
//! column, and one does not keep others from being found.
//!
//! A file has [`ERRORS_MAX`] errors at most, nests [`BLOCK_DEPTH_MAX`] blocks deep, and what is no KDL is put
//! right where that can be done, to read on.

mod error;
mod scanner;
mod syntax;
mod values;

pub use error::{ConfigError, ConfigErrors, Place};

pub use scanner::BLOCK_DEPTH_MAX;

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use lastword_shell::nearest;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::iter::once;
use std::ops::Range;
use std::path::Path;

/// A file's name and text, and what was found wrong so far.
pub struct Source<'a> {
    file: &'a str,
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    complaints: RefCell<Vec<ConfigError>>,
    /// What was put right to read on: nothing more is said of it.
    mended: Vec<Range<Place>>,
    /// The keys of the nodes that are being read, the outermost first.
    path: RefCell<Vec<String>>,
    /// The directory in which relative paths begin; `None`: there must be none.
    root: Option<&'a Path>,
}

impl<'a> Source<'a> {
    /// A file's text. `file` is the name to show in errors.
    #[must_use]
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            lines: once(0)
                .chain(text.match_indices('\n').map(|(at, _)| at + 1))
                .collect(),
            complaints: RefCell::default(),
            mended: Vec::new(),
            path: RefCell::default(),
            root: None,
        }
    }

    /// The same text, whose relative paths begin in a directory.
    #[must_use]
    pub fn with_root(self, root: Option<&'a Path>) -> Self {
        Self { root, ..self }
    }

    /// Parses the KDL itself; what is none is noted. `None` if nothing can be made of the rest.
    pub fn document(&mut self) -> Option<KdlDocument> {
        let reading = syntax::read(self.text);
        for slip in reading.slips {
            let Range { start, end } = slip.at;
            self.note(self.error(start, slip.message));
            self.mended.push(self.place(start)..self.place(end));
        }
        reading.document
    }

    /// The file's name.
    pub const fn file(&self) -> &'a str {
        self.file
    }

    /// Whether nothing had to be put right to read the KDL itself.
    pub fn is_kdl(&self) -> bool {
        self.complaints.borrow().is_empty()
    }

    /// What was made of the file, unless something is wrong with it.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`]: everything that was noted.
    pub fn verdict<T>(self, made: T) -> Result<T, ConfigErrors> {
        match ConfigErrors::new(self.complaints.into_inner()) {
            Some(errors) => Err(errors),
            None => Ok(made),
        }
    }

    /// Reads each node, also if something is wrong with one; that is noted. Returns whether nothing is.
    pub fn each<'n>(
        &self,
        nodes: &'n [KdlNode],
        mut read: impl FnMut(&'n KdlNode) -> Result<(), ConfigError>,
    ) -> bool {
        let mut sound = true;
        for node in nodes {
            if self.is_full() {
                return false;
            }
            self.path.borrow_mut().push(node.name().value().to_owned());
            if let Err(mut error) = read(node) {
                let path = self.path.borrow().join(".");
                // Who names the key does not say it twice.
                if !error.message.starts_with(UNKNOWN) {
                    error.message = format!("{path}: {}", error.message);
                }
                self.note(error);
                sound = false;
            }
            self.path.borrow_mut().pop();
        }
        sound
    }

    /// As [`Source::each`], of nodes that may not say again what another has said.
    pub fn each_once<'n>(
        &self,
        nodes: &'n [KdlNode],
        mut read: impl FnMut(&'n KdlNode) -> Result<(), ConfigError>,
    ) -> bool {
        let mut said: HashMap<&str, usize> = HashMap::new();
        self.each(nodes, |node| {
            let at = node.name().span().offset();
            let earlier = *said.entry(node.name().value()).or_insert(at);
            if earlier != at {
                let line = self.place(earlier).line;
                return Err(self.at_node(node, format!("was said before, in line {line}")));
            }
            read(node)
        })
    }

    /// What was read of each entry; what is wrong is noted.
    pub fn all<'n, T>(
        &self,
        entries: &'n [KdlEntry],
        read: impl FnMut(&'n KdlEntry) -> Result<T, ConfigError>,
    ) -> Vec<T> {
        let read = entries.iter().map(read).take_while(|_| !self.is_full());
        read.filter_map(|it| it.map_err(|error| self.note_here(error)).ok())
            .collect()
    }

    /// Notes that something is missing from the file.
    pub fn miss(&self, message: &str) {
        self.note(self.error(0, message));
    }

    /// Notes what is wrong with a part of the node that is being read.
    fn note_here(&self, mut error: ConfigError) {
        let path = self.path.borrow().join(".");
        error.message = format!("{path}: {}", error.message);
        self.note(error);
    }

    /// Whether so much is wrong that no more is told.
    fn is_full(&self) -> bool {
        self.complaints.borrow().len() > ERRORS_MAX
    }

    fn note(&self, mut error: ConfigError) {
        if self.is_full() {
            return;
        }
        if self.complaints.borrow().len() == ERRORS_MAX {
            error.message = format!("from here on nothing is told: {ERRORS_MAX} errors are enough");
        }
        if !self.mended.iter().any(|range| range.contains(&error.place)) {
            self.complaints.borrow_mut().push(error);
        }
    }

    /// Where a byte is.
    fn place(&self, offset: usize) -> Place {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line - 1).copied().unwrap_or_default();
        Place {
            line,
            column: self.text[start..offset].chars().count() + 1,
        }
    }

    /// Where an entry is.
    pub fn place_of(&self, entry: &KdlEntry) -> Place {
        self.place(entry.span().offset())
    }

    /// Returns the place of a node's name.
    pub fn place_of_node(&self, node: &KdlNode) -> Place {
        self.place(node.name().span().offset())
    }

    /// An error at a byte offset.
    pub fn error(&self, offset: usize, message: impl Display) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            place: self.place(offset),
            message: message.to_string(),
        }
    }

    /// An error at a node's name.
    pub fn at_node(&self, node: &KdlNode, message: impl Display) -> ConfigError {
        self.error(node.name().span().offset(), message)
    }

    /// An error at an argument or property.
    pub fn at_entry(&self, entry: &KdlEntry, message: impl Display) -> ConfigError {
        self.error(entry.span().offset(), message)
    }

    /// The error of a node nobody knows.
    pub fn unknown(&self, node: &KdlNode, known: &[&str]) -> ConfigError {
        let name = node.name().value();
        let meant = nearest(name, known.iter().copied());
        let meant = meant.map_or(String::new(), |meant| format!(" (did you mean {meant}?)"));
        let known = known.join(", ");
        self.at_node(
            node,
            format!("{UNKNOWN}{name:?}{meant}; known here: {known}"),
        )
    }

    /// The children of a node that takes nothing else.
    ///
    /// # Errors
    ///
    /// The node has arguments or properties.
    pub fn children<'n>(
        &self,
        node: &'n KdlNode,
        known: &[&str],
    ) -> Result<&'n [KdlNode], ConfigError> {
        if let Some(entry) = node.entries().first() {
            let key = node.name().value();
            let word = entry.value().as_string().unwrap_or_default();
            let shown = match (entry.name(), known.first()) {
                (Some(name), _) => format!("{} {}", name.value(), written(entry)),
                (None, _) if known.contains(&word) => word.to_owned(),
                (None, Some(first)) => format!("{first} …"),
                (None, None) => "…".to_owned(),
            };
            let message = format!("a block is wanted here, and nothing else: {key} {{ {shown} }}");
            return Err(self.at_entry(entry, message));
        }
        Ok(node.children().map_or(&[], KdlDocument::nodes))
    }

    /// All arguments of a node that takes no properties and no block.
    ///
    /// # Errors
    ///
    /// The node has properties or a block.
    pub fn arguments<'n>(&self, node: &'n KdlNode) -> Result<&'n [KdlEntry], ConfigError> {
        if let Some(property) = node.entries().iter().find(|entry| entry.name().is_some()) {
            let message = "no property is known here; a text that holds = stands in quotes";
            return Err(self.at_entry(property, message));
        }
        self.no_block(node)?;
        Ok(node.entries())
    }

    /// The one argument of a node that takes no properties and no block.
    ///
    /// # Errors
    ///
    /// There is none, or more than one; or the node has properties or a block.
    pub fn argument<'n>(&self, node: &'n KdlNode, what: &str) -> Result<&'n KdlEntry, ConfigError> {
        match self.arguments(node)? {
            [one] => Ok(one),
            [] => Err(self.at_node(node, format!("{what} is missing"))),
            [_, more, ..] => Err(self.at_entry(more, format!("only {what} belongs here"))),
        }
    }

    /// Complains about a block.
    ///
    /// # Errors
    ///
    /// There is one.
    pub fn no_block(&self, node: &KdlNode) -> Result<(), ConfigError> {
        match node.children() {
            Some(_) => Err(self.at_node(node, "no block { … } belongs here")),
            None => Ok(()),
        }
    }
}

/// The most errors of a file that are told.
pub const ERRORS_MAX: usize = 100;

/// How the message about an unknown key begins.
const UNKNOWN: &str = "unknown key ";

/// A value as it stands in the file, texts in quotes.
fn written(entry: &KdlEntry) -> String {
    match entry.value() {
        KdlValue::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
