//! Matches the words of one command with its entry in the table.

use crate::arguments::{Argument, Arguments, Kind};
use crate::commands;
use crate::fault::{Blame, Failed, Flaw, Want};
use crate::grammar::Cursor;
use crate::parse::Rules;
use crate::suggest::{Candidates, Likeness};
use crate::table::Command;
use crate::topic::Topic;
use crate::word::Word;

/// What the words of a command read so far have come to.
///
/// It takes them one by one, so that a single loop reads them all.
struct Binder<'a> {
    rules: &'a Rules,
    blame: Blame<'a>,
    /// Where in the tree of commands they have led.
    topic: Topic,
    /// The command that they name.
    command: Option<&'static Command>,
    /// How many arguments are taken by position.
    positionals: usize,
    /// The option whose value has to come next.
    open: Option<Open>,
    /// A person asked what may stand here: nothing that follows matters.
    asked: bool,
}

/// The option that stands in a name's place: one of the two has to be there, and not both.
#[cfg(feature = "services")]
const ALL: &str = "--all";

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
    rules: &'a Rules,
    arguments: &mut Arguments<'a>,
) -> Result<Option<&'static Command>, Failed> {
    let mut binder = Binder {
        rules,
        blame: cursor.blame(),
        topic: Topic::all(rules.table),
        command: None,
        positionals: 0,
        open: None,
        asked: false,
    };
    let mut here = *cursor;
    while let Some(word) = here.word()? {
        match binder.command {
            _ if binder.asked => {}
            _ if binder.is_question(word) => {
                binder.asked = true;
                binder.command = Some(help(binder.topic, arguments));
            }
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

impl<'a> Binder<'a> {
    /// Whether a person asks what may stand here.
    #[inline]
    fn is_question(&self, word: Word<'_>) -> bool {
        self.rules.abbreviates() && self.open.is_none() && word.raw == "?"
    }

    /// Goes one word further in the tree of commands.
    #[inline]
    fn name(&mut self, word: Word<'_>) -> Result<(), Failed> {
        if !self.topic.descend(word) {
            self.topic = abbreviated(self.topic, &word, self.rules, self.blame)?;
        }
        self.command = self.topic.command();
        Ok(())
    }

    /// Takes a word behind the command's name.
    #[inline]
    fn argument(
        &mut self,
        command: &'static Command,
        arguments: &mut Arguments<'a>,
        mut word: Word<'a>,
    ) -> Result<(), Failed> {
        if let Some((name, value)) = word.as_option() {
            self.option(command, arguments, name, value.is_some())?;
            match value {
                Some(value) => word = value,
                None => return Ok(()),
            }
        }
        let (kind, slot) = if let Some(open) = self.open.take() {
            (open.kind, arguments.options.get_mut(open.index))
        } else {
            let index = self.positionals;
            let Some(positional) = command.positionals.get(index) else {
                return Err(self.blame.word(Flaw::OneTooMany, word, Want::Nothing));
            };
            if matches!(positional.kind, Kind::Topic) {
                let names_command = topic(arguments, &word, self.rules, self.blame)?;
                self.positionals += usize::from(names_command);
                return Ok(());
            }
            self.positionals += usize::from(!positional.kind.takes_more());
            (&positional.kind, arguments.positionals.get_mut(index))
        };
        let Some(slot) = slot else {
            return Ok(());
        };
        #[cfg(feature = "services")]
        let before = *slot;
        *slot = kind.read(word);
        #[cfg(feature = "services")]
        Arguments::and_chosen(slot, before);
        match slot {
            Some(_) => Ok(()),
            None => Err(self.blame.word(Flaw::BadValue, word, Want::Value(kind))),
        }
    }

    /// Takes the name of an option, whose value is there already or comes next, if it takes one.
    #[inline]
    fn option(
        &mut self,
        command: &'static Command,
        arguments: &mut Arguments<'a>,
        name: Word<'a>,
        has_value: bool,
    ) -> Result<(), Failed> {
        if let Some(open) = self.open {
            return Err(open.fail(self.blame));
        }
        let index = match place(command, name.raw) {
            Some(exact) => exact,
            None => abbreviated_option(command, &name, self.rules, self.blame)?,
        };
        let (Some(option), Some(slot)) =
            (command.options.get(index), arguments.options.get_mut(index))
        else {
            return Ok(());
        };
        let flaw = match &option.value {
            _ if slot.is_some() => Flaw::GivenTwice,
            Some(kind) => {
                let (at, len) = (name.at(), name.raw.len());
                self.open = Some(Open {
                    index,
                    kind,
                    at,
                    len,
                });
                return Ok(());
            }
            None if has_value => Flaw::TakesNoValue,
            None => {
                *slot = Some(Argument::Flag);
                return Ok(());
            }
        };
        Err(self.blame.word(flaw, name, Want::Nothing))
    }

    /// Checks that the command, which ends at `end`, is whole, and returns it.
    #[inline]
    fn finish(
        &self,
        arguments: &mut Arguments<'a>,
        end: usize,
    ) -> Result<&'static Command, Failed> {
        if let Some(open) = self.open {
            return Err(open.fail(self.blame));
        }
        let missing = |flaw, want| Err(self.blame.flaw_wanting(flaw, end, 0, want));
        let Some(command) = self.command else {
            return missing(Flaw::IncompleteCommand, Want::Below(self.topic));
        };
        let slots = arguments.positionals.iter_mut();
        for (positional, slot) in command.positionals.iter().zip(slots) {
            let kind = &positional.kind;
            if matches!(kind, Kind::Topic) {
                slot.get_or_insert(Argument::Topic(Topic::all(self.rules.table)));
            } else if positional.required && slot.is_none() {
                return missing(Flaw::MissingArgument, Want::Value(kind));
            }
        }
        #[cfg(feature = "services")]
        if let Some(all) = place(command, ALL) {
            let is_all = arguments.options.get(all).is_some_and(Option::is_some);
            match (command.positionals.first(), arguments.positionals.first()) {
                (Some(name), Some(None)) if !is_all => {
                    return missing(Flaw::MissingArgument, Want::Value(&name.kind));
                }
                (_, Some(Some(_))) if is_all => return missing(Flaw::OneTooMany, Want::Nothing),
                _ => {}
            }
        }
        Ok(command)
    }
}

impl Open {
    /// Says that the value is missing.
    #[cold]
    fn fail(self, blame: Blame<'_>) -> Failed {
        let want = Want::Value(self.kind);
        blame.flaw_wanting(Flaw::NeedsValue, self.at, self.len, want)
    }
}

/// Asks for help on a topic instead: all that is looked at then.
#[cold]
fn help(topic: Topic, arguments: &mut Arguments<'_>) -> &'static Command {
    arguments.positionals[0] = Some(Argument::Topic(topic));
    &commands::HELP
}

/// Takes one more word of a topic; whether that names a command now.
#[cold]
#[inline(never)]
fn topic(
    arguments: &mut Arguments<'_>,
    word: &Word<'_>,
    rules: &Rules,
    blame: Blame<'_>,
) -> Result<bool, Failed> {
    let slot = &mut arguments.positionals[0];
    let above = match slot {
        Some(Argument::Topic(topic)) => *topic,
        _ => Topic::all(rules.table),
    };
    let topic = match above.below(*word) {
        Some(exact) => exact,
        None => abbreviated(above, word, rules, blame)?,
    };
    *slot = Some(Argument::Topic(topic));
    Ok(topic.command().is_some())
}

/// The place of the option with this name.
#[inline]
fn place(command: &'static Command, name: &str) -> Option<usize> {
    let mut options = command.options.iter();
    options.position(|option| option.name == name)
}

/// The place of an option, found by the beginning of its name, if a person typed it.
#[cold]
#[inline(never)]
fn abbreviated_option(
    command: &'static Command,
    name: &Word<'_>,
    rules: &Rules,
    blame: Blame<'_>,
) -> Result<usize, Failed> {
    let likeness = Likeness::of(*name, Candidates::Options(command.options.iter()));
    let only = likeness.only().filter(|_| rules.abbreviates());
    only.and_then(|only| place(command, only))
        .ok_or_else(|| unknown(name, rules, &likeness, blame))
}

/// Goes down by the beginning of a word, if a person typed it.
///
/// A dangerous command has to be named in full: on a noisy line, `r` and Enter do come by chance.
#[cold]
#[inline(never)]
fn abbreviated(
    topic: Topic,
    word: &Word<'_>,
    rules: &Rules,
    blame: Blame<'_>,
) -> Result<Topic, Failed> {
    let likeness = Likeness::of(*word, Candidates::Words(topic.words()));
    let only = likeness.only().filter(|_| rules.abbreviates());
    only.and_then(|only| topic.below(Word::literal(only)))
        .filter(|below| !below.is_dangerous())
        .ok_or_else(|| unknown(word, rules, &likeness, blame))
}

/// Says that `word` is none of those that may stand here, and which is near.
#[cold]
fn unknown(
    word: &Word<'_>,
    rules: &Rules,
    likeness: &Likeness<'static>,
    blame: Blame<'_>,
) -> Failed {
    let flaw = if rules.abbreviates() && likeness.begun > 1 {
        Flaw::Ambiguous
    } else {
        Flaw::Unknown
    };
    let want = likeness.nearest().map_or(Want::Nothing, Want::Word);
    blame.word(flaw, *word, want)
}
