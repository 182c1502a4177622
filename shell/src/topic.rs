//! Places in the tree of commands.

use crate::table::{Command, Level, Table};
use crate::word::Word;

/// A place in the tree of commands: what the words read so far have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The commands here and below. They stand together in their table.
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
        let found = place.and_then(|place| table.0.get(place..=place));
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
    pub fn commands(self) -> impl Iterator<Item = &'static Command> + Clone {
        self.commands.iter().copied()
    }

    /// The words that may follow, each once.
    pub fn words(self) -> impl Iterator<Item = &'static str> + Clone {
        let mut last = "";
        self.commands.iter().filter_map(move |command| {
            let word = command.path.get(self.depth).copied()?;
            (core::mem::replace(&mut last, word) != word).then_some(word)
        })
    }

    /// Whether a dangerous command is here, not only below.
    pub(crate) fn is_dangerous(self) -> bool {
        self.command()
            .is_some_and(|command| command.level == Level::Danger)
    }

    /// The place that `word` leads to from here.
    pub(crate) fn below(self, word: Word<'_>) -> Option<Self> {
        let leads = |command: &&Command| {
            command
                .path
                .get(self.depth)
                .is_some_and(|next| word.is(next))
        };
        let from = self.commands.iter().position(leads)?;
        let behind = self.commands.get(from..)?;
        let count = behind.iter().take_while(|command| leads(command)).count();
        Some(Self {
            commands: behind.get(..count)?,
            depth: self.depth + 1,
        })
    }
}
