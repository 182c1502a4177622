//! Help, generated from the table.

use crate::arguments::Kind;
use crate::table::{Command, Positional, Switch};
use crate::term::{self, newline};
use crate::text;
use crate::topic::Topic;
use core::fmt::{self, Write};

/// Writes the rows of `help` for a script: one a command, or usage and options of one command.
///
/// # Errors
///
/// If `out` takes no more.
pub fn plain(out: &mut dyn Write, topic: Topic) -> fmt::Result {
    match topic.command() {
        Some(command) => plain_command(out, command),
        None => topic.commands().try_for_each(|command| {
            out.write_str("| command=\"")?;
            path(out, command)?;
            out.write_str("\"")?;
            plain_summary(out, command)
        }),
    }
}

/// Writes help for a person: a table of commands, or a page on one.
///
/// # Errors
///
/// If `out` takes no more.
pub fn term(out: &mut dyn Write, topic: Topic) -> fmt::Result {
    match topic.command() {
        Some(command) => page(out, command),
        None => list(out, topic),
    }
}

/// Writes the words that name a command.
fn path(out: &mut dyn Write, command: &Command) -> fmt::Result {
    command
        .path
        .iter()
        .enumerate()
        .try_for_each(|(index, word)| {
            out.write_str(if index == 0 { "" } else { " " })?;
            out.write_str(word)
        })
}

fn plain_command(out: &mut dyn Write, command: &Command) -> fmt::Result {
    out.write_str("| usage=\"")?;
    path(out, command)?;
    pieces(command).try_for_each(|piece| {
        out.write_str(" ")?;
        piece.write(out)
    })?;
    out.write_str("\"")?;
    plain_summary(out, command)?;
    if !command.details.is_empty() {
        out.write_str("| details=")?;
        text::quoted(out, command.details)?;
        out.write_str("\n")?;
    }
    command.options.iter().try_for_each(|option| {
        out.write_str("| option=")?;
        out.write_str(option.name)?;
        if let Some(kind) = option.value {
            out.write_str(" value=")?;
            out.write_str(kind.placeholder())?;
        }
        out.write_str(" summary=")?;
        text::quoted(out, option.summary)?;
        out.write_str("\n")
    })
}

fn plain_summary(out: &mut dyn Write, command: &Command) -> fmt::Result {
    out.write_str(" level=")?;
    out.write_str(command.level.word())?;
    out.write_str(" summary=")?;
    text::quoted(out, command.summary)?;
    out.write_str("\n")
}

/// A table of the commands, a blank line between groups.
fn list(out: &mut dyn Write, topic: Topic) -> fmt::Result {
    let widths = topic
        .commands()
        .map(|command| width(&|out| brief(out, command)));
    let indent = widths.max().unwrap_or(0) + 2;
    let mut group = None;
    for command in topic.commands() {
        let own = (command.path.len() > 1).then(|| command.path[0]);
        if group.is_some_and(|group| group != own) {
            newline(out, 0)?;
        }
        group = Some(own);
        entry(out, indent, &|out| brief(out, command), command.summary)?;
    }
    Ok(())
}

/// A page on one command.
fn page(out: &mut dyn Write, command: &Command) -> fmt::Result {
    path(out, command)?;
    let indent = width(&|out| path(out, command));
    let mut column = indent;
    for piece in pieces(command) {
        let wide = 1 + width(&|out| piece.write(out));
        if column + wide > term::COLUMNS {
            newline(out, indent)?;
            column = indent;
        }
        out.write_str(" ")?;
        piece.write(out)?;
        column += wide;
    }
    newline(out, 0)?;
    term::flow(out, 0, 0, command.summary)?;
    newline(out, 0)?;
    if !command.details.is_empty() {
        term::flow(out, 0, 0, command.details)?;
        newline(out, 0)?;
    }
    let widths = command
        .options
        .iter()
        .map(|option| width(&|out| named(out, option)));
    let indent = widths.max().unwrap_or(0) + 4;
    command.options.iter().try_for_each(|option| {
        out.write_str("  ")?;
        entry(out, indent - 2, &|out| named(out, option), option.summary)
    })
}

type Writes<'a> = &'a dyn Fn(&mut dyn Write) -> fmt::Result;

/// One row of a table of two columns.
fn entry(out: &mut dyn Write, indent: usize, left: Writes<'_>, right: &str) -> fmt::Result {
    left(out)?;
    term::spaces(out, indent.saturating_sub(width(left)))?;
    term::flow(out, indent, indent, right)?;
    newline(out, 0)
}

/// How many columns something takes.
fn width(writes: Writes<'_>) -> usize {
    let mut width = term::Width(0);
    // Counting does not fail.
    let _ = writes(&mut width);
    width.0
}

/// The command as the list shows it: `power reboot [OPTIONS]`.
fn brief(out: &mut dyn Write, command: &Command) -> fmt::Result {
    path(out, command)?;
    command.positionals.iter().try_for_each(|positional| {
        out.write_str(" ")?;
        Piece::Positional(positional).write(out)
    })?;
    out.write_str(if command.options.is_empty() {
        ""
    } else {
        " [OPTIONS]"
    })
}

/// An option with what its value is: `--in DURATION`.
fn named(out: &mut dyn Write, option: &Switch) -> fmt::Result {
    out.write_str(option.name)?;
    let Some(kind) = option.value else {
        return Ok(());
    };
    out.write_str(" ")?;
    out.write_str(kind.placeholder())
}

/// A part of a usage line that is not to be broken.
#[derive(Clone, Copy)]
enum Piece {
    Positional(&'static Positional),
    Option(&'static Switch),
}

/// What a command takes, piece by piece.
fn pieces(command: &Command) -> impl Iterator<Item = Piece> {
    let positionals = command.positionals.iter().map(Piece::Positional);
    positionals.chain(command.options.iter().map(Piece::Option))
}

impl Piece {
    fn write(self, out: &mut dyn Write) -> fmt::Result {
        match self {
            Self::Option(option) => {
                out.write_str("[")?;
                named(out, option)?;
                out.write_str("]")
            }
            Self::Positional(positional) => {
                out.write_str(if positional.required { "" } else { "[" })?;
                match positional.kind {
                    Kind::OneOf(words) => words.iter().enumerate().try_for_each(|(at, word)| {
                        out.write_str(if at == 0 { "" } else { "|" })?;
                        out.write_str(word)
                    })?,
                    _ => out.write_str(positional.name)?,
                }
                out.write_str(if positional.required { "" } else { "]" })
            }
        }
    }
}
