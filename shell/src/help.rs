//! Help, generated from the table.

use crate::arguments::Kind;
use crate::out::Out;
use crate::pen::{COLUMNS, Pen};
use crate::table::{Command, Positional, Switch};
use crate::topic::{Topic, first_word};
use core::fmt;

/// Writes the rows of `help` for a script: one a command, or usage and options of one command.
///
/// # Errors
///
/// If `out` takes no more.
pub fn plain(out: &mut dyn Out, topic: Topic) -> fmt::Result {
    let mut pen = Pen::on(out);
    for_script(&mut pen, topic);
    pen.written()
}

/// Writes help for a person: a table of commands, or a page on one.
///
/// # Errors
///
/// If `out` takes no more.
pub fn term(out: &mut dyn Out, topic: Topic) -> fmt::Result {
    let mut pen = Pen::on(out);
    for_person(&mut pen, topic);
    pen.written()
}

/// As [`plain`].
pub(crate) fn for_script(pen: &mut Pen<'_>, topic: Topic) {
    if let Some(command) = topic.command() {
        return rows(pen, command);
    }
    for command in topic.commands() {
        pen.text("| command=\"");
        pen.text(command.path);
        summary(pen, command);
    }
}

/// As [`term`].
pub(crate) fn for_person(pen: &mut Pen<'_>, topic: Topic) {
    match topic.command() {
        Some(command) => page(pen, command),
        None => list(pen, topic),
    }
}

/// Usage and options of one command.
fn rows(pen: &mut Pen<'_>, command: &Command) {
    pen.text("| usage=\"");
    usage(pen, command, false);
    summary(pen, command);
    if !command.details.is_empty() {
        pen.text("| details=");
        pen.quoted(command.details);
        pen.text("\n");
    }
    for option in command.options {
        pen.text("| option=");
        named(pen, option, " value=");
        pen.text(" summary=");
        pen.quoted(option.summary);
        pen.text("\n");
    }
}

/// The end of a row that says what a command is.
fn summary(pen: &mut Pen<'_>, command: &Command) {
    pen.text("\" level=");
    pen.text(command.level.word());
    pen.text(" summary=");
    pen.quoted(command.summary);
    pen.text("\n");
}

/// A table of the commands, a blank line between groups.
fn list(pen: &mut Pen<'_>, topic: Topic) {
    let mut indent = 0;
    for command in topic.commands() {
        indent = indent.max(width(|pen| brief(pen, command)));
    }
    let mut group = None;
    for command in topic.commands() {
        let own = Some(first_word(command.path)).filter(|own| *own != command.path);
        if group.is_some_and(|group| group != own) {
            pen.newline(0);
        }
        group = Some(own);
        brief(pen, command);
        entry(pen, indent + 2, command.summary);
    }
}

/// A page on one command.
fn page(pen: &mut Pen<'_>, command: &Command) {
    usage(pen, command, true);
    pen.newline(0);
    for text in [command.summary, command.details] {
        if !text.is_empty() {
            entry(pen, 0, text);
        }
    }
    let mut indent = 0;
    for option in command.options {
        indent = indent.max(width(|pen| named(pen, option, " ")));
    }
    for option in command.options {
        pen.text("  ");
        named(pen, option, " ");
        entry(pen, indent + 4, option.summary);
    }
}

/// The right column of a table, and the end of the row.
fn entry(pen: &mut Pen<'_>, indent: usize, text: &str) {
    pen.advance(indent);
    pen.flow(indent, text);
    pen.newline(0);
}

/// How many columns something takes.
fn width(write: impl FnOnce(&mut Pen<'_>)) -> usize {
    let mut pen = Pen::measuring();
    write(&mut pen);
    pen.column
}

/// The command as the list shows it: `power reboot [OPTIONS]`.
fn brief(pen: &mut Pen<'_>, command: &Command) {
    pen.text(command.path);
    for positional in command.positionals {
        pen.text(" ");
        Piece::Positional(positional).write(pen);
    }
    if !command.options.is_empty() {
        pen.text(" [OPTIONS]");
    }
}

/// The command with all that it takes, on a screen broken between one thing and the next.
fn usage(pen: &mut Pen<'_>, command: &Command, on_screen: bool) {
    pen.text(command.path);
    let indent = pen.column;
    let positionals = command.positionals.iter().map(Piece::Positional);
    for piece in positionals.chain(command.options.iter().map(Piece::Option)) {
        if on_screen && pen.column + 1 + width(|pen| piece.write(pen)) > COLUMNS {
            pen.newline(indent);
        }
        pen.text(" ");
        piece.write(pen);
    }
}

/// An option and, behind `mark`, what its value is: `--in DURATION`.
fn named(pen: &mut Pen<'_>, option: &Switch, mark: &str) {
    pen.text(option.name);
    if let Some(kind) = &option.value {
        pen.text(mark);
        pen.text(kind.placeholder());
    }
}

/// A part of a usage line that is not to be broken.
#[derive(Clone, Copy)]
enum Piece {
    Positional(&'static Positional),
    Option(&'static Switch),
}

impl Piece {
    fn write(self, pen: &mut Pen<'_>) {
        let is_required = matches!(self, Self::Positional(positional) if positional.required);
        pen.text(if is_required { "" } else { "[" });
        match self {
            Self::Option(option) => named(pen, option, " "),
            Self::Positional(positional) => match positional.kind {
                Kind::OneOf(words) => {
                    for (index, word) in words.iter().enumerate() {
                        pen.text(if index == 0 { "" } else { "|" });
                        pen.text(word);
                    }
                }
                kind => {
                    pen.text(positional.name);
                    pen.text(if kind.takes_more() { "..." } else { "" });
                }
            },
        }
        pen.text(if is_required { "" } else { "]" });
    }
}
