//! Places in the tree of commands.

use crate::table::{Command, Level, Table};
use crate::word::Word;

/// A place in the tree of commands: what the words read so far have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The table from the first command here or below on. All of them stand together, so that
    /// their end need not be known before someone asks for them.
    commands: &'static [&'static Command],
    /// How many words lead here; every command here has at least as many.
    depth: usize,
}

impl Topic {
    /// All commands.
    #[must_use]
    pub const fn all(table: Table) -> Self {
        Self {
            commands: table.0,
            depth: 0,
        }
    }

    /// This command, or all of them if the table does not have it.
    #[must_use]
    pub fn of(table: Table, command: &'static Command) -> Self {
        let place = table.iter().position(|known| known == command);
        let found = place.and_then(|place| table.0.get(place..));
        found.map_or(Self::all(table), |commands| Self {
            commands,
            depth: command.path.len(),
        })
    }

    /// The words that lead here; empty for all commands.
    #[must_use]
    pub fn path(self) -> &'static [&'static str] {
        let path = self.commands.first().map(|command| command.path);
        path.and_then(|path| path.get(..self.depth))
            .unwrap_or_default()
    }

    /// The command here, unless this is a group of them.
    #[must_use]
    pub fn command(self) -> Option<&'static Command> {
        let first = self.commands.first()?;
        (first.path.len() == self.depth).then_some(first)
    }

    /// The commands here and below.
    #[must_use]
    pub fn commands(self) -> Commands {
        Commands {
            left: self.commands,
            path: self.path(),
        }
    }

    /// The words that may follow, each once.
    #[must_use]
    pub fn words(self) -> Words {
        Words {
            commands: self.commands(),
            last: "",
        }
    }

    /// Whether a dangerous command is here, not only below.
    pub(crate) fn is_dangerous(self) -> bool {
        self.command()
            .is_some_and(|command| command.level == Level::Danger)
    }

    /// The place that `word` leads to from here.
    #[inline]
    pub(crate) fn below(mut self, word: Word<'_>) -> Option<Self> {
        self.descend(word).then_some(self)
    }

    /// Goes to the place that `word` leads to from here; whether there is one.
    #[inline]
    pub(crate) fn descend(&mut self, word: Word<'_>) -> bool {
        // Nearly every word: it says what it is.
        let from = match word.plain() {
            Some(text) => self.first(|next| next == text),
            None => self.first(|next| word.is(next)),
        };
        let Some(commands) = from.and_then(|from| self.commands.get(from..)) else {
            return false;
        };
        self.commands = commands;
        self.depth += 1;
        true
    }

    /// The place of the first command here or below whose next word passes.
    fn first(&self, passes: impl Fn(&str) -> bool) -> Option<usize> {
        self.commands.iter().position(|command| {
            let next = command.path.get(self.depth);
            next.is_some_and(|next| passes(next)) && command.path.starts_with(self.path())
        })
    }
}

/// The commands at a place in the tree and below.
#[derive(Clone, Debug)]
pub struct Commands {
    left: &'static [&'static Command],
    path: &'static [&'static str],
}

impl Iterator for Commands {
    type Item = &'static Command;

    fn next(&mut self) -> Option<&'static Command> {
        let (command, left) = self.left.split_first()?;
        self.left = left;
        command.path.starts_with(self.path).then_some(command)
    }
}

/// The words that may follow at a place in the tree, each once.
#[derive(Clone, Debug)]
pub struct Words {
    commands: Commands,
    last: &'static str,
}

impl Iterator for Words {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        loop {
            let command = self.commands.next()?;
            let word = command.path.get(self.commands.path.len())?;
            if *word != self.last {
                self.last = word;
                return Some(word);
            }
        }
    }
}
