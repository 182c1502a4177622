//! Matches the words of one command with its entry in the table.

use crate::arguments::{Argument, Arguments, Kind};
use crate::commands;
use crate::fault::{Fault, Want};
use crate::grammar::Cursor;
use crate::parse::{Action, Rules, Step};
use crate::suggest;
use crate::table::Command;
use crate::topic::Topic;
use crate::word::Word;
use lastword_protocol::refusal::Code;

/// A command with the arguments read so far.
pub(crate) struct Binder<'a> {
    rules: Rules,
    command: &'static Command,
    arguments: Arguments<'a>,
    /// How many arguments are taken by position.
    positionals: usize,
    /// A person asked what may stand here.
    asked: Option<Topic>,
}

impl<'a> Binder<'a> {
    /// Finds the command that `first` and the words behind it name.
    pub(crate) fn find(
        cursor: &mut Cursor<'a>,
        rules: Rules,
        first: Word<'a>,
    ) -> Result<Self, Fault> {
        let mut topic = Topic::all(rules.table);
        let mut word = first;
        let mut asked = None;
        let command = loop {
            if rules.abbreviate && word.raw == "?" {
                asked = Some(topic);
                break &commands::HELP;
            }
            topic = narrow(topic, word, rules)?;
            if let Some(command) = topic.command() {
                break command;
            }
            word = cursor.word()?.ok_or_else(|| {
                Fault::new(Code::Syntax, cursor.at(), 0, "incomplete command")
                    .wanting(Want::Below(topic))
            })?;
        };
        Ok(Self {
            rules,
            command,
            arguments: Arguments::default(),
            positionals: 0,
            asked,
        })
    }

    /// Reads the arguments and builds the step.
    pub(crate) fn step(mut self, cursor: &mut Cursor<'a>) -> Result<Step, Fault> {
        while let Some(word) = cursor.word()? {
            if self.rules.abbreviate && word.raw == "?" {
                self.asked
                    .get_or_insert(Topic::of(self.rules.table, self.command));
            } else if let Some((name, value)) = word.as_option() {
                self.option(name, value, cursor)?;
            } else {
                self.positional(word)?;
            }
        }
        if let Some(topic) = self.asked {
            let command = &commands::HELP;
            let action = Action::Help(topic);
            return Ok(Step { command, action });
        }
        self.complete(cursor)?;
        Ok(Step {
            command: self.command,
            action: (self.command.build)(&self.arguments),
        })
    }

    /// Takes an option, with its value behind the equals sign or in the next word.
    fn option(
        &mut self,
        name: Word<'a>,
        value: Option<Word<'a>>,
        cursor: &mut Cursor<'a>,
    ) -> Result<(), Fault> {
        let index = self.find_option(name)?;
        let wrong = |code, message| Fault::new(code, name.at, name.raw.len(), message);
        let (Some(switch), Some(slot)) = (
            self.command.options.get(index),
            self.arguments.options.get_mut(index),
        ) else {
            return Err(wrong(Code::Internal, "no room for this option"));
        };
        if slot.is_some() {
            return Err(wrong(Code::Syntax, "given twice"));
        }
        let Some(kind) = switch.value else {
            if value.is_some() {
                return Err(wrong(Code::Syntax, "takes no value"));
            }
            *slot = Some(Argument::Flag);
            return Ok(());
        };
        let value = match value {
            Some(value) => Some(value),
            None => cursor.word()?.filter(|word| word.as_option().is_none()),
        };
        let missing = wrong(Code::Syntax, "needs a value").wanting(Want::Value(kind));
        *slot = Some(read(kind, value.ok_or(missing)?)?);
        Ok(())
    }

    /// Finds an option by its name, or by its unique beginning for a person.
    fn find_option(&self, name: Word<'_>) -> Result<usize, Fault> {
        let options = self.command.options.iter();
        let names = options.map(|switch| switch.name);
        let place = |wanted: &str| names.clone().position(|known| known == wanted);
        let abbreviated = || {
            let only = suggest::only_beginning_with(name, names.clone());
            only.filter(|_| self.rules.abbreviate)
        };
        place(name.raw)
            .or_else(|| place(abbreviated()?))
            .ok_or_else(|| unknown(name, self.rules, names.clone()))
    }

    /// Takes an argument by position. A topic takes words until they name a command.
    fn positional(&mut self, word: Word<'a>) -> Result<(), Fault> {
        let index = self.positionals;
        let message = "one argument too many";
        let extra = Fault::new(Code::Syntax, word.at, word.raw.len(), message);
        let kind = self.command.positionals.get(index).ok_or(extra)?.kind;
        let slot = self.arguments.positionals.get_mut(index).ok_or(extra)?;
        if kind != Kind::Topic {
            *slot = Some(read(kind, word)?);
            self.positionals += 1;
            return Ok(());
        }
        let above = match slot {
            Some(Argument::Topic(topic)) => *topic,
            _ => Topic::all(self.rules.table),
        };
        let topic = narrow(above, word, self.rules)?;
        *slot = Some(Argument::Topic(topic));
        self.positionals += usize::from(topic.command().is_some());
        Ok(())
    }

    /// Checks that nothing is missing.
    fn complete(&mut self, cursor: &Cursor<'a>) -> Result<(), Fault> {
        let slots = self.arguments.positionals.iter_mut();
        for (positional, slot) in self.command.positionals.iter().zip(slots) {
            if positional.kind == Kind::Topic {
                slot.get_or_insert(Argument::Topic(Topic::all(self.rules.table)));
            } else if positional.required && slot.is_none() {
                let fault = Fault::new(Code::Syntax, cursor.at(), 0, "missing argument");
                return Err(fault.wanting(Want::Value(positional.kind)));
            }
        }
        Ok(())
    }
}

/// Goes one word down in the tree of commands.
///
/// A dangerous command has to be named in full: on a noisy line, `r` and Enter do come by chance.
fn narrow(topic: Topic, word: Word<'_>, rules: Rules) -> Result<Topic, Fault> {
    if let Some(exact) = topic.below(word) {
        return Ok(exact);
    }
    if rules.abbreviate {
        let only = suggest::only_beginning_with(word, topic.words());
        let below = only.and_then(|only| topic.below(Word::literal(only)));
        if let Some(below) = below.filter(|below| !below.is_dangerous()) {
            return Ok(below);
        }
    }
    Err(unknown(word, rules, topic.words()))
}

/// Says that `word` is none of these, and which is near.
fn unknown(
    word: Word<'_>,
    rules: Rules,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Fault {
    let begun = names
        .clone()
        .filter(|name| name.starts_with(word.raw))
        .count();
    let message = if rules.abbreviate && begun > 1 {
        "ambiguous"
    } else {
        "unknown"
    };
    let nearest = suggest::nearest(word, names);
    Fault::new(Code::Unknown, word.at, word.raw.len(), message)
        .wanting(nearest.map_or(Want::Nothing, Want::Word))
}

/// Reads a value of this kind.
fn read(kind: Kind, word: Word<'_>) -> Result<Argument<'_>, Fault> {
    kind.read(word).ok_or_else(|| {
        Fault::new(Code::BadValue, word.at, word.raw.len(), "bad value").wanting(Want::Value(kind))
    })
}
