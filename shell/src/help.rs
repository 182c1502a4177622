//! Help, generated from the table.

use crate::arguments::Kind;
use crate::out::Out;
use crate::table::{Command, Positional, Switch};
use crate::term::{self, newline};
use crate::text;
use crate::topic::Topic;
use core::fmt;

/// Writes the rows of `help` for a script: one a command, or usage and options of one command.
///
/// # Errors
///
/// If `out` takes no more.
pub fn plain(out: &mut dyn Out, topic: Topic) -> fmt::Result {
    match topic.command() {
        Some(command) => plain_command(out, command),
        None => topic.commands().try_for_each(|command| {
            out.text("| command=\"")?;
            path(out, command)?;
            out.text("\"")?;
            plain_summary(out, command)
        }),
    }
}

/// Writes help for a person: a table of commands, or a page on one.
///
/// # Errors
///
/// If `out` takes no more.
pub fn term(out: &mut dyn Out, topic: Topic) -> fmt::Result {
    match topic.command() {
        Some(command) => page(out, command),
        None => list(out, topic),
    }
}

/// Writes the words that name a command.
fn path(out: &mut dyn Out, command: &Command) -> fmt::Result {
    command
        .path
        .iter()
        .enumerate()
        .try_for_each(|(index, word)| {
            out.text(if index == 0 { "" } else { " " })?;
            out.text(word)
        })
}

fn plain_command(out: &mut dyn Out, command: &Command) -> fmt::Result {
    out.text("| usage=\"")?;
    path(out, command)?;
    pieces(command).try_for_each(|piece| {
        out.text(" ")?;
        piece.write(out)
    })?;
    out.text("\"")?;
    plain_summary(out, command)?;
    if !command.details.is_empty() {
        out.text("| details=")?;
        text::quoted(out, command.details)?;
        out.text("\n")?;
    }
    command.options.iter().try_for_each(|option| {
        out.text("| option=")?;
        out.text(option.name)?;
        if let Some(kind) = option.value {
            out.text(" value=")?;
            out.text(kind.placeholder())?;
        }
        out.text(" summary=")?;
        text::quoted(out, option.summary)?;
        out.text("\n")
    })
}

fn plain_summary(out: &mut dyn Out, command: &Command) -> fmt::Result {
    out.text(" level=")?;
    out.text(command.level.word())?;
    out.text(" summary=")?;
    text::quoted(out, command.summary)?;
    out.text("\n")
}

/// A table of the commands, a blank line between groups.
fn list(out: &mut dyn Out, topic: Topic) -> fmt::Result {
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
fn page(out: &mut dyn Out, command: &Command) -> fmt::Result {
    path(out, command)?;
    let indent = width(&|out| path(out, command));
    let mut column = indent;
    for piece in pieces(command) {
        let wide = 1 + width(&|out| piece.write(out));
        if column + wide > term::COLUMNS {
            newline(out, indent)?;
            column = indent;
        }
        out.text(" ")?;
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
        out.text("  ")?;
        entry(out, indent - 2, &|out| named(out, option), option.summary)
    })
}

type Writes<'a> = &'a dyn Fn(&mut dyn Out) -> fmt::Result;

/// One row of a table of two columns.
fn entry(out: &mut dyn Out, indent: usize, left: Writes<'_>, right: &str) -> fmt::Result {
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
fn brief(out: &mut dyn Out, command: &Command) -> fmt::Result {
    path(out, command)?;
    command.positionals.iter().try_for_each(|positional| {
        out.text(" ")?;
        Piece::Positional(positional).write(out)
    })?;
    out.text(if command.options.is_empty() {
        ""
    } else {
        " [OPTIONS]"
    })
}

/// An option with what its value is: `--in DURATION`.
fn named(out: &mut dyn Out, option: &Switch) -> fmt::Result {
    out.text(option.name)?;
    let Some(kind) = option.value else {
        return Ok(());
    };
    out.text(" ")?;
    out.text(kind.placeholder())
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
    fn write(self, out: &mut dyn Out) -> fmt::Result {
        match self {
            Self::Option(option) => {
                out.text("[")?;
                named(out, option)?;
                out.text("]")
            }
            Self::Positional(positional) => {
                out.text(if positional.required { "" } else { "[" })?;
                match positional.kind {
                    Kind::OneOf(words) => words.iter().enumerate().try_for_each(|(at, word)| {
                        out.text(if at == 0 { "" } else { "|" })?;
                        out.text(word)
                    })?,
                    _ => out.text(positional.name)?,
                }
                out.text(if positional.required { "" } else { "]" })
            }
        }
    }
}
