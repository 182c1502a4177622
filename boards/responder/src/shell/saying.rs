//! What a shell is saying: written from its start as often as there is room for a piece of it.

use super::{NO_JSON, Shell};
use crate::house::House;
use crate::told::Told;
use crate::window::Window;
use core::fmt;
use lastword_shell::parse::{self, Step};
use lastword_shell::{Answer, HAS_TERM, Out, Vocabulary, plain, term};

/// What is being said.
#[derive(Clone, Copy, Debug)]
pub(super) enum Saying {
    Nothing,
    /// What the step under way has come to.
    Step,
    /// What is owed behind the last step.
    Final,
    /// Why the line was not understood: reading it again says it.
    Misread,
    /// Why the line was not fit to read.
    Unfit,
    /// To a program that has sent JSON.
    NoJson,
    /// That the line echoes.
    Echo,
    /// That a person may type.
    Prompt,
    /// What a person has typed.
    Redraw,
    /// What a person may type.
    Choices,
}

impl Saying {
    /// Whether it answers a line, and does not help with one.
    pub(super) const fn is_answer(self) -> bool {
        !matches!(
            self,
            Self::Nothing | Self::Echo | Self::Prompt | Self::Redraw | Self::Choices
        )
    }
}

/// Writes what is being said. Three functions, so that none has the room of all on the stack while it
/// reads a line.
pub(super) fn write<const LINE: usize, const HISTORY: usize>(
    shell: &Shell<LINE, HISTORY>,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    match shell.saying {
        Saying::Step => step(shell, house, out),
        Saying::Misread => misread(shell, house, out),
        _ => ready(shell, house, out),
    }
}

/// Writes what needs no line to be read.
#[inline(never)]
fn ready<const LINE: usize, const HISTORY: usize>(
    shell: &Shell<LINE, HISTORY>,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    let name = house.about().name;
    match shell.saying {
        Saying::Nothing | Saying::Step | Saying::Misread => Ok(()),
        // These are for a person.
        Saying::Prompt | Saying::Choices | Saying::Redraw if !HAS_TERM => Ok(()),
        Saying::Prompt => term::prompt(out, name),
        Saying::Choices => shell.input.choices(Vocabulary::of(shell.table), out, name),
        Saying::Redraw => shell.input.redraw(out, name),
        Saying::Echo => plain::echo(out),
        Saying::NoJson => no_json(out),
        Saying::Unfit if shell.is_answered_in_term() => term::line_error(out, shell.unfit),
        Saying::Unfit => plain::line_error(out, shell.answer.tag(), shell.unfit),
        Saying::Final => shell.answer.clone().finish(out),
    }
}

/// Writes why the line was not understood.
#[inline(never)]
fn misread<const LINE: usize, const HISTORY: usize>(
    shell: &Shell<LINE, HISTORY>,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    match &parse::check(shell.input.line(), shell.rules()) {
        Ok(_) => Ok(()),
        Err(error) if shell.is_answered_in_term() => {
            term::parse_error(out, house.about().name, error)
        }
        Err(error) => plain::parse_error(out, error),
    }
}

/// Writes what the step under way has come to.
#[inline(never)]
fn step<const LINE: usize, const HISTORY: usize>(
    shell: &Shell<LINE, HISTORY>,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    match &parse::step(shell.input.line(), shell.answer.done(), shell.rules()) {
        Some(step) => reply(&shell.answer, step, &shell.told, house, out),
        None => Ok(()),
    }
}

/// Writes a reply, which is long, and not made before the line is read.
#[inline(never)]
fn reply(
    answer: &Answer,
    step: &Step,
    told: &Told,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    answer.clone().step(out, step, &told.reply(house))
}

/// An answer that clients of JSON-RPC understand.
fn no_json(out: &mut Window<'_>) -> fmt::Result {
    out.text("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"")?;
    out.text(NO_JSON)?;
    out.text("\",\"data\":{\"code\":415,\"symbol\":\"mode\"}}}\n")
}
