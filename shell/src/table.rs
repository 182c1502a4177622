//! The table of commands: what grammar, help, JSON methods and opcodes are generated from.

use crate::arguments::{Arguments, Kind};
use crate::fields::View;
use crate::parse::Action;
use core::fmt;

/// One command: how it is typed, what it takes, who may run it, what it does.
pub struct Command {
    /// The words that name it, a blank between two, such as `power reboot`.
    pub path: &'static str,
    /// One line of help.
    pub summary: &'static str,
    /// More help; may be empty.
    pub details: &'static str,
    /// What it takes by position.
    pub positionals: &'static [Positional],
    /// What it takes by name.
    pub options: &'static [Switch],
    /// Who may run it.
    pub level: Level,
    /// The opcode of its request, if it asks the board anything. The flat `reboot` and `shutdown`
    /// send the opcode of `power reboot` once they carry an option.
    pub opcode: Option<u8>,
    /// What of the reply is shown.
    pub view: View,
    /// Builds what it does from arguments that were checked against this entry.
    pub build: fn(&Arguments<'_>) -> Action,
}

/// An argument taken by position.
#[derive(Clone, Copy, Debug)]
pub struct Positional {
    /// Its name, as help shows it.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
}

/// An option, taken by name.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its name with the dashes, such as `--in`.
    pub name: &'static str,
    /// What its value holds; `None` if it takes none.
    pub value: Option<Kind>,
    /// One line of help.
    pub summary: &'static str,
}

/// Who may run a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It only looks.
    View,
    /// It changes something that can be changed back.
    Operate,
    /// It can take the board away. Has to be the last command of its line.
    Danger,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Operate => "operate",
            Self::Danger => "danger",
        }
    }
}

/// The commands that a board has, in the order in which help lists them.
///
/// Commands that begin with the same word have to stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(pub &'static [&'static Command]);

impl Table {
    /// The commands.
    pub fn iter(self) -> impl Iterator<Item = &'static Command> + Clone {
        self.0.iter().copied()
    }

    /// The command that these words name.
    #[must_use]
    pub fn find(self, path: &str) -> Option<&'static Command> {
        self.iter().find(|command| command.path == path)
    }

    /// The command behind a JSON-RPC method: its words with dots between, as in `power.reboot`.
    #[must_use]
    pub fn by_method(self, method: &str) -> Option<&'static Command> {
        let is_method = |command: &&Command| method.split('.').eq(command.path.split(' '));
        self.iter().find(is_method)
    }

    /// The first command that sends this opcode.
    #[must_use]
    pub fn by_opcode(self, opcode: u8) -> Option<&'static Command> {
        self.iter().find(|command| command.opcode == Some(opcode))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.path).finish()
    }
}

/// Two commands are the same if the same words name them.
impl PartialEq for Command {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Command {}
