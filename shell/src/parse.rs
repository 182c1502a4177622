//! From a line to what it asks for. The whole line is read before anything of it runs.

#[cfg(test)]
mod tests;

use crate::bind;
use crate::dialect::Dialect;
use crate::fault::{Fault, ParseError};
use crate::grammar::{Cursor, Separator};
use crate::table::{Command, Table};
use crate::tag::Tag;
use crate::topic::Topic;
use heapless::Vec;
use lastword_protocol::message::Request;
use lastword_protocol::refusal::Code;

/// The most commands in one line.
pub const MAX_STEPS: usize = 4;

/// What one line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its tag, to be repeated in the answer.
    pub tag: Option<Tag>,
    /// What to do, in order, until something fails. Empty for a blank line or a comment.
    pub steps: Vec<Step, MAX_STEPS>,
}

/// One command of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command's entry in the table.
    pub command: &'static Command,
    /// What it does with the arguments given.
    pub action: Action,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the board.
    Request(Request),
    /// Explain this; the shell has the text.
    Help(Topic),
    /// Change the session's dialect.
    Mode(Dialect),
    /// End the session.
    Logout,
}

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The commands that this board has.
    pub table: Table,
    /// Whether a unique beginning stands for a word, and `?` asks for help: for a person only.
    pub abbreviate: bool,
}

impl Rules {
    /// The rules for lines of this dialect on a board with these commands.
    #[must_use]
    pub const fn new(table: Table, dialect: Dialect) -> Self {
        Self {
            table,
            abbreviate: matches!(dialect, Dialect::Term),
        }
    }
}

impl Action {
    /// Whether this takes the board down.
    #[must_use]
    pub const fn is_power(&self) -> bool {
        matches!(
            self,
            Self::Request(Request::Power(_) | Request::Reboot | Request::Shutdown)
        )
    }
}

/// Reads a line, without its line end.
///
/// # Errors
///
/// What is wrong, and where; nothing of the line may run then.
pub fn parse(line: &str, rules: Rules) -> Result<Script, ParseError<'_>> {
    let mut script = Script::default();
    script.read(line, rules)?;
    Ok(script)
}

impl Script {
    /// As [`parse`], but over what the script holds, and without moving one.
    ///
    /// # Errors
    ///
    /// What is wrong, and where; nothing of the line may run then.
    pub fn read<'a>(&mut self, line: &'a str, rules: Rules) -> Result<(), ParseError<'a>> {
        self.tag = None;
        self.steps.clear();
        let mut cursor = Cursor::new(line);
        read(&mut cursor, rules, self).map_err(|fault| ParseError {
            line,
            tag: self.tag.clone(),
            fault,
        })
    }
}

/// Reads the whole line into `script`.
fn read(cursor: &mut Cursor<'_>, rules: Rules, script: &mut Script) -> Result<(), Fault> {
    if cursor.is_at_tag() {
        script.tag = Some(cursor.tag()?);
    }
    loop {
        let begin = cursor.next();
        if !bind::step(cursor, begin, rules, &mut script.steps)? {
            let is_blank = script.steps.is_empty() && cursor.separator()? == Separator::End;
            return if is_blank {
                Ok(())
            } else {
                Err(missing_command(cursor))
            };
        }
        let len = cursor.taken() - begin;
        if cursor.separator()? == Separator::End {
            return Ok(());
        }
        let step = script.steps.last();
        if step.is_some_and(|step| step.action.is_power()) {
            // Its acknowledgement has to be the last word.
            let message = "has to be the last command";
            return Err(Fault::new(Code::BadValue, begin, len, message));
        }
    }
}

fn missing_command(cursor: &Cursor<'_>) -> Fault {
    Fault::new(Code::Syntax, cursor.at(), 0, "missing command")
}
