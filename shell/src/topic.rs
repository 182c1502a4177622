//! Places in the tree of commands.

use crate::table::{Command, Level, Table};
use crate::word::Word;

/// A place in the tree of commands: what the words read so far have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// The table from the first command here or below on. All of them stand together, so that
    /// their end need not be known before someone asks for them.
    commands: &'static [&'static Command],
    /// How many bytes of their names lead here, with the blank behind them: where the next word
    /// begins. One more than the name of a command has if this is that.
    behind: usize,
}

impl Topic {
    /// All commands.
    #[must_use]
    pub const fn all(table: Table) -> Self {
        Self {
            commands: table.0,
            behind: 0,
        }
    }

    /// This command, or all of them if the table does not have it.
    #[must_use]
    pub fn of(table: Table, command: &'static Command) -> Self {
        let place = table.iter().position(|known| known == command);
        let found = place.and_then(|place| table.0.get(place..));
        found.map_or(Self::all(table), |commands| Self {
            commands,
            behind: command.path.len() + 1,
        })
    }

    /// The words that lead here; empty for all commands.
    #[must_use]
    pub fn path(self) -> &'static str {
        let path = self.commands.first().map_or("", |command| command.path);
        path.get(..self.behind.saturating_sub(1)).unwrap_or(path)
    }

    /// The command here, unless this is a group of them.
    #[must_use]
    pub fn command(self) -> Option<&'static Command> {
        let first = self.commands.first()?;
        (first.path.len() < self.behind).then_some(first)
    }

    /// The commands here and below.
    #[must_use]
    pub fn commands(self) -> Commands {
        Commands {
            left: self.commands,
            topic: self,
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
            Some(text) => self.first(|left| is_first(text, left)),
            None => self.first(|left| word.is(first_word(left))),
        };
        let Some(commands) = from.and_then(|from| self.commands.get(from..)) else {
            return false;
        };
        self.commands = commands;
        self.behind += word.len() + 1;
        true
    }

    /// The place of the first command below whose words left pass.
    #[inline]
    fn first(&self, passes: impl Fn(&str) -> bool) -> Option<usize> {
        self.commands.iter().position(|command| {
            let left = command.path.get(self.behind..);
            left.is_some_and(&passes) && self.has(command)
        })
    }

    /// Whether a command is here or below.
    fn has(&self, command: &Command) -> bool {
        is_first(self.path(), command.path)
    }
}

/// Whether `words` begin with these.
#[inline]
fn is_first(these: &str, words: &str) -> bool {
    let behind = words.as_bytes().get(these.len());
    matches!(behind, None | Some(b' ')) && words.starts_with(these) || these.is_empty()
}

/// The first of some words, a blank between two.
pub(crate) fn first_word(words: &str) -> &str {
    let end = words.bytes().position(|byte| byte == b' ');
    end.map_or(words, |end| words.get(..end).unwrap_or_default())
}

/// The commands at a place in the tree and below.
#[derive(Clone, Debug)]
pub struct Commands {
    left: &'static [&'static Command],
    topic: Topic,
}

impl Iterator for Commands {
    type Item = &'static Command;

    fn next(&mut self) -> Option<&'static Command> {
        let (command, left) = self.left.split_first()?;
        self.left = left;
        self.topic.has(command).then_some(command)
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
            let word = first_word(command.path.get(self.commands.topic.behind..)?);
            if word != self.last {
                self.last = word;
                return Some(word);
            }
        }
    }
}
