//! Matches the words of one command with its entry in the table.

use crate::arguments::{Argument, Arguments, Kind};
use crate::commands;
use crate::fault::{Fault, Want};
use crate::grammar::Cursor;
use crate::parse::Rules;
use crate::suggest;
use crate::table::{Command, Switch};
use crate::topic::Topic;
use crate::word::Word;
use lastword_protocol::refusal::Code;

/// What the words of a command read so far have come to.
///
/// It takes them one by one, so that a single loop reads them all.
struct Binder {
    rules: Rules,
    /// Where in the tree of commands they have led.
    topic: Topic,
    /// The command that they name.
    command: Option<&'static Command>,
    /// How many arguments are taken by position.
    positionals: usize,
    /// The option whose value has to come next.
    open: Option<Open>,
    /// A person asked what may stand here.
    asked: Option<Topic>,
}

/// An option whose value has not come yet.
#[derive(Clone, Copy)]
struct Open {
    index: usize,
    kind: &'static Kind,
    /// Where its name stands.
    at: usize,
    len: usize,
}

/// Reads the words of one command, which begins at `begin`, and its arguments; `None` if there is
/// no word.
#[inline]
pub(crate) fn command<'a>(
    cursor: &mut Cursor<'a>,
    begin: usize,
    rules: Rules,
    arguments: &mut Arguments<'a>,
) -> Result<Option<&'static Command>, Fault> {
    let mut binder = Binder {
        rules,
        topic: Topic::all(rules.table),
        command: None,
        positionals: 0,
        open: None,
        asked: None,
    };
    let mut here = *cursor;
    while let Some(word) = here.word()? {
        match binder.command {
            None => binder.name(word)?,
            Some(command) => binder.argument(command, arguments, word)?,
        }
    }
    *cursor = here;
    if cursor.taken() <= begin {
        return Ok(None);
    }
    binder.finish(arguments, cursor.at()).map(Some)
}

impl Binder {
    /// Goes one word further in the tree of commands.
    fn name(&mut self, word: Word<'_>) -> Result<(), Fault> {
        if self.is_question(word) {
            self.asked = Some(self.topic);
            self.command = Some(&commands::HELP);
            return Ok(());
        }
        if !self.topic.descend(word) {
            self.topic = abbreviated(self.topic, &word, self.rules)?;
        }
        self.command = self.topic.command();
        Ok(())
    }

    /// Takes a word behind the command's name.
    fn argument<'a>(
        &mut self,
        command: &'static Command,
        arguments: &mut Arguments<'a>,
        word: Word<'a>,
    ) -> Result<(), Fault> {
        let (kind, slot) = match (self.open.take(), word.as_option()) {
            (Some(open), Some(_)) => return Err(open.fault()),
            (Some(open), None) => match arguments.options.get_mut(open.index) {
                Some(slot) => (open.kind, slot),
                None => return Ok(()),
            },
            (None, Some((name, value))) => return self.option(command, arguments, name, value),
            (None, None) if self.is_question(word) => {
                self.asked
                    .get_or_insert(Topic::of(self.rules.table, command));
                return Ok(());
            }
            (None, None) => match self.positional(command, arguments, word)? {
                Some(place) => place,
                None => return Ok(()),
            },
        };
        keep(kind, slot, word)
    }

    /// Whether a person asks what may stand here.
    fn is_question(&self, word: Word<'_>) -> bool {
        self.rules.abbreviate && word.raw == "?"
    }

    /// Takes an option, with its value if that is behind an equals sign.
    fn option<'a>(
        &mut self,
        command: &'static Command,
        arguments: &mut Arguments<'a>,
        name: Word<'a>,
        value: Option<Word<'a>>,
    ) -> Result<(), Fault> {
        let (index, switch) = find_option(command, name, self.rules)?;
        let wrong = |code, message| Fault::new(code, name.at, name.raw.len(), message);
        let Some(slot) = arguments.options.get_mut(index) else {
            return Err(wrong(Code::Internal, "no room for this option"));
        };
        if slot.is_some() {
            return Err(wrong(Code::Syntax, "given twice"));
        }
        let (at, len) = (name.at, name.raw.len());
        match (&switch.value, value) {
            (Some(kind), Some(value)) => return keep(kind, slot, value),
            (Some(kind), None) => {
                self.open = Some(Open {
                    index,
                    kind,
                    at,
                    len,
                });
            }
            (None, Some(_)) => return Err(wrong(Code::Syntax, "takes no value")),
            (None, None) => *slot = Some(Argument::Flag),
        }
        Ok(())
    }

    /// Says what the next argument by position is read as, and where that is kept; `None` if it
    /// is a topic, which takes the word itself.
    fn positional<'s, 'a>(
        &mut self,
        command: &'static Command,
        arguments: &'s mut Arguments<'a>,
        word: Word<'a>,
    ) -> Result<Option<(&'static Kind, &'s mut Option<Argument<'a>>)>, Fault> {
        let index = self.positionals;
        let (Some(positional), Some(slot)) = (
            command.positionals.get(index),
            arguments.positionals.get_mut(index),
        ) else {
            let message = "one argument too many";
            let len = word.raw.len();
            return Err(Fault::new(Code::Syntax, word.at, len, message));
        };
        if matches!(positional.kind, Kind::Topic) {
            self.positionals += usize::from(topic(slot, &word, self.rules)?);
            return Ok(None);
        }
        self.positionals += 1;
        Ok(Some((&positional.kind, slot)))
    }

    /// Checks that the command, which ends at `end`, is whole, and returns what is to be done.
    fn finish(&self, arguments: &mut Arguments<'_>, end: usize) -> Result<&'static Command, Fault> {
        if let Some(open) = self.open {
            return Err(open.fault());
        }
        let Some(command) = self.command else {
            let fault = Fault::new(Code::Syntax, end, 0, "incomplete command");
            return Err(fault.wanting(Want::Below(self.topic)));
        };
        if let Some(topic) = self.asked {
            *arguments = Arguments::default();
            if let Some(slot) = arguments.positionals.first_mut() {
                *slot = Some(Argument::Topic(topic));
            }
            return Ok(&commands::HELP);
        }
        self.complete(command, arguments, end)?;
        Ok(command)
    }

    /// Checks that nothing is missing.
    fn complete(
        &self,
        command: &'static Command,
        arguments: &mut Arguments<'_>,
        end: usize,
    ) -> Result<(), Fault> {
        let slots = arguments.positionals.iter_mut();
        for (positional, slot) in command.positionals.iter().zip(slots) {
            if matches!(positional.kind, Kind::Topic) {
                slot.get_or_insert(Argument::Topic(Topic::all(self.rules.table)));
            } else if positional.required && slot.is_none() {
                let fault = Fault::new(Code::Syntax, end, 0, "missing argument");
                return Err(fault.wanting(Want::Value(positional.kind)));
            }
        }
        Ok(())
    }
}

impl Open {
    #[cold]
    fn fault(self) -> Fault {
        let fault = Fault::new(Code::Syntax, self.at, self.len, "needs a value");
        fault.wanting(Want::Value(*self.kind))
    }
}

/// Finds an option by its name, or by its unique beginning for a person.
fn find_option(
    command: &'static Command,
    name: Word<'_>,
    rules: Rules,
) -> Result<(usize, &'static Switch), Fault> {
    let mut options = command.options.iter().enumerate();
    if let Some(found) = options.find(|(_, switch)| switch.name == name.raw) {
        return Ok(found);
    }
    let names = command.options.iter().map(|switch| switch.name);
    let only = suggest::only_beginning_with(name, names.clone()).filter(|_| rules.abbreviate);
    let mut options = command.options.iter().enumerate();
    options
        .find(|(_, switch)| Some(switch.name) == only)
        .ok_or_else(|| unknown(name, rules, names))
}

/// Takes one more word of a topic; whether that names a command now.
#[cold]
fn topic<'a>(
    slot: &mut Option<Argument<'a>>,
    word: &Word<'a>,
    rules: Rules,
) -> Result<bool, Fault> {
    let above = match slot {
        Some(Argument::Topic(topic)) => *topic,
        _ => Topic::all(rules.table),
    };
    let topic = match above.below(*word) {
        Some(exact) => exact,
        None => abbreviated(above, word, rules)?,
    };
    *slot = Some(Argument::Topic(topic));
    Ok(topic.command().is_some())
}

/// Goes down by the beginning of a word, if a person typed it.
///
/// A dangerous command has to be named in full: on a noisy line, `r` and Enter do come by chance.
#[cold]
fn abbreviated(topic: Topic, word: &Word<'_>, rules: Rules) -> Result<Topic, Fault> {
    if rules.abbreviate {
        let only = suggest::only_beginning_with(*word, topic.words());
        let below = only.and_then(|only| topic.below(Word::literal(only)));
        if let Some(below) = below.filter(|below| !below.is_dangerous()) {
            return Ok(below);
        }
    }
    Err(unknown(*word, rules, topic.words()))
}

/// Says that `word` is none of these, and which is near.
#[cold]
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

/// Reads a value of this kind and keeps it.
#[inline]
fn keep<'a>(kind: &Kind, slot: &mut Option<Argument<'a>>, word: Word<'a>) -> Result<(), Fault> {
    *slot = kind.read(word);
    if slot.is_none() {
        return Err(bad_value(kind, word.at, word.raw.len()));
    }
    Ok(())
}

/// Says that a word is not of this kind.
#[cold]
fn bad_value(kind: &Kind, at: usize, len: usize) -> Fault {
    Fault::new(Code::BadValue, at, len, "bad value").wanting(Want::Value(*kind))
}
