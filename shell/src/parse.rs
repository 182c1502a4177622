//! From a line to what it asks for. The whole line is read before anything of it runs.

#[cfg(test)]
mod tests;

use crate::arguments::Arguments;
use crate::bind;
use crate::dialect::{Dialect, HAS_TERM};
use crate::fault::{Blame, Failed, Flaw, ParseError};
use crate::grammar::{Cursor, Separator};
use crate::table::{Command, Level, Table};
use crate::tag::Tag;
use crate::topic::Topic;
use core::cell::Cell;
use heapless::Vec;
use lastword_protocol::message::Request;
#[cfg(feature = "services")]
use lastword_protocol::message::{event::EventTopics, service::Logs};

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
    /// Show lines of a log and go on with what comes, until told to end.
    #[cfg(feature = "services")]
    Follow(Logs),
    /// Tell events of these topics from now on.
    #[cfg(feature = "services")]
    Subscribe(EventTopics),
    /// Tell no more events of these topics.
    #[cfg(feature = "services")]
    Unsubscribe(EventTopics),
    /// List events that are kept.
    #[cfg(feature = "services")]
    Events(WantedEvents),
    /// Explain this; the shell has the text.
    Help(Topic),
    /// Change the session's dialect.
    Mode(Dialect),
    /// End the session.
    Logout,
}

/// The events that a list is to hold.
#[cfg(feature = "services")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedEvents {
    /// Their topics.
    pub topics: EventTopics,
    /// The most of them, the latest.
    pub tail: u16,
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
            abbreviate: dialect.is_term(),
        }
    }

    /// Whether it does: nobody is a person where people are not served.
    pub(crate) const fn abbreviates(&self) -> bool {
        HAS_TERM && self.abbreviate
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
#[inline(never)]
pub fn check(line: &str, rules: Rules) -> Result<Outline, ParseError<'_>> {
    let (mut tag, fault) = (None, Cell::new(None));
    let mut reader = Reader::new(line, &rules, &mut tag, Blame(&fault));
    while let Ok(Some(_)) = reader.next(&mut Arguments::default()) {}
    let steps = reader.steps;
    match fault.take() {
        Some(fault) => Err(ParseError { line, tag, fault }),
        None => Ok(Outline { tag, steps }),
    }
}

/// The command at `index`, counted from 0, of a line that passed [`check`] under the same rules;
/// `None` behind the last.
#[must_use]
#[inline(never)]
pub fn step(line: &str, index: usize, rules: Rules) -> Option<Step> {
    let (mut tag, fault) = (None, Cell::new(None));
    let mut reader = Reader::new(line, &rules, &mut tag, Blame(&fault));
    loop {
        let mut arguments = Arguments::default();
        let command = reader.next(&mut arguments).ok()??;
        if reader.steps > index {
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
        let Self { tag, steps } = self;
        steps.clear();
        *tag = None;
        let fault = Cell::new(None);
        let mut reader = Reader::new(line, &rules, tag, Blame(&fault));
        loop {
            let mut arguments = Arguments::default();
            match reader.next(&mut arguments) {
                // The reader has seen to it that there is room. Having asked first, nothing has to
                // be ready to come back, and the step is built in its place.
                Ok(Some(command)) if !steps.is_full() => {
                    let _ = steps.push(Step {
                        command,
                        action: (command.build)(&arguments),
                    });
                }
                Ok(_) => return Ok(()),
                Err(Failed) => break,
            }
        }
        let tag = self.tag.clone();
        let fault = fault.take();
        fault.map_or(Ok(()), |fault| Err(ParseError { line, tag, fault }))
    }
}

/// Reads a line command by command.
struct Reader<'a> {
    cursor: Cursor<'a>,
    rules: &'a Rules,
    blame: Blame<'a>,
    tag: &'a mut Option<Tag>,
    /// How many commands are read.
    steps: usize,
    /// Whether the line is read.
    ended: bool,
}

impl<'a> Reader<'a> {
    const fn new(
        line: &'a str,
        rules: &'a Rules,
        tag: &'a mut Option<Tag>,
        blame: Blame<'a>,
    ) -> Self {
        Self {
            cursor: Cursor::new(line, blame),
            rules,
            blame,
            tag,
            steps: 0,
            ended: false,
        }
    }

    /// Reads the next command and what ends it; `None` at the end of the line.
    #[inline]
    fn next(&mut self, arguments: &mut Arguments<'a>) -> Result<Option<&'static Command>, Failed> {
        if self.ended {
            return Ok(None);
        }
        let is_first = self.steps == 0;
        if is_first {
            *self.tag = self.cursor.tag()?;
        }
        let begin = self.cursor.next();
        let Some(command) = bind::command(&mut self.cursor, begin, self.rules, arguments)? else {
            if is_first && self.cursor.separator()? == Separator::End {
                return Ok(None);
            }
            return Err(self.blame.flaw(Flaw::MissingCommand, self.cursor.at(), 0));
        };
        let len = self.cursor.taken() - begin;
        if self.steps == MAX_STEPS {
            return Err(self.blame.flaw(Flaw::TooManyCommands, begin, len));
        }
        self.steps += 1;
        self.ended = self.cursor.separator()? == Separator::End;
        if !self.ended && command.level == Level::Danger {
            // Its acknowledgement has to be the last word.
            return Err(self.blame.flaw(Flaw::NotLast, begin, len));
        }
        Ok(Some(command))
    }
}

const _: () = assert!(MAX_STEPS == 4, "the message of `Flaw` names the number");
