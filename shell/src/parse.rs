//! From a line to what it asks for. The whole line is read before anything of it runs.

#[cfg(test)]
mod tests;

use crate::arguments::Arguments;
use crate::bind;
use crate::dialect::Dialect;
use crate::fault::{Fault, ParseError};
use crate::grammar::{Cursor, Separator};
use crate::table::{Command, Level, Table};
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

/// What a line has come to, apart from what it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Its tag, to be repeated in the answer.
    pub tag: Option<Tag>,
    /// How many commands it has; none if it is blank or a comment.
    pub steps: usize,
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

/// Reads the whole line as [`parse`] does, but keeps none of its commands: for a board without
/// room for a [`Script`], which goes on with [`step`].
///
/// # Errors
///
/// What is wrong, and where; nothing of the line may run then.
pub fn check(line: &str, rules: Rules) -> Result<Outline, ParseError<'_>> {
    let mut reader = Reader::new(line, rules);
    loop {
        match reader.next(&mut Arguments::default()) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(reader.outline),
            Err(fault) => {
                let tag = reader.outline.tag;
                return Err(ParseError { line, tag, fault });
            }
        }
    }
}

/// The command at `index`, counted from 0, of a line that passed [`check`] under the same rules;
/// `None` behind the last.
#[must_use]
pub fn step(line: &str, index: usize, rules: Rules) -> Option<Step> {
    let mut reader = Reader::new(line, rules);
    loop {
        let mut arguments = Arguments::default();
        let command = reader.next(&mut arguments).ok()??;
        if reader.outline.steps > index {
            return Some(Step {
                command,
                action: (command.build)(&arguments),
            });
        }
    }
}

impl Script {
    /// As [`parse`], but over what the script holds, and without moving one.
    ///
    /// # Errors
    ///
    /// What is wrong, and where; nothing of the line may run then.
    pub fn read<'a>(&mut self, line: &'a str, rules: Rules) -> Result<(), ParseError<'a>> {
        self.steps.clear();
        let mut reader = Reader::new(line, rules);
        let read = self.read_steps(&mut reader);
        self.tag = reader.outline.tag;
        read.map_err(|fault| ParseError {
            line,
            tag: self.tag.clone(),
            fault,
        })
    }

    #[inline]
    fn read_steps(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        loop {
            let mut arguments = Arguments::default();
            let Some(command) = reader.next(&mut arguments)? else {
                return Ok(());
            };
            // The reader has seen to it that there is room.
            let _ = self.steps.push(Step {
                command,
                action: (command.build)(&arguments),
            });
        }
    }
}

/// Reads a line command by command.
struct Reader<'a> {
    cursor: Cursor<'a>,
    rules: Rules,
    outline: Outline,
    /// Whether another command may come.
    more: bool,
}

impl<'a> Reader<'a> {
    const fn new(line: &'a str, rules: Rules) -> Self {
        Self {
            cursor: Cursor::new(line),
            rules,
            outline: Outline {
                tag: None,
                steps: 0,
            },
            more: true,
        }
    }

    /// Reads the next command and what ends it; `None` at the end of the line.
    #[inline]
    fn next(&mut self, arguments: &mut Arguments<'a>) -> Result<Option<&'static Command>, Fault> {
        if !self.more {
            return Ok(None);
        }
        let is_first = self.outline.steps == 0;
        if is_first && self.cursor.is_at_tag() {
            self.outline.tag = Some(self.cursor.tag()?);
        }
        let begin = self.cursor.next();
        let Some(command) = bind::command(&mut self.cursor, begin, self.rules, arguments)? else {
            let is_blank = is_first && self.cursor.separator()? == Separator::End;
            return if is_blank {
                Ok(None)
            } else {
                Err(missing_command(&self.cursor))
            };
        };
        let len = self.cursor.taken() - begin;
        if self.outline.steps == MAX_STEPS {
            let message = "more than 4 commands";
            return Err(Fault::new(Code::TooLong, begin, len, message));
        }
        self.outline.steps += 1;
        self.more = self.cursor.separator()? == Separator::Next;
        if self.more && command.level == Level::Danger {
            // Its acknowledgement has to be the last word.
            let message = "has to be the last command";
            return Err(Fault::new(Code::BadValue, begin, len, message));
        }
        Ok(Some(command))
    }
}

const _: () = assert!(MAX_STEPS == 4, "a message above names the number");

fn missing_command(cursor: &Cursor<'_>) -> Fault {
    Fault::new(Code::Syntax, cursor.at(), 0, "missing command")
}
