//! What a shell is saying: written from its start as often as there is room for a piece of it.

use super::{NO_JSON, Shell};
use crate::house::House;
use crate::told::Told;
use crate::window::Window;
use core::fmt;
use lastword_shell::parse::{self, Step};
use lastword_shell::{Answer, Dialect, LineError, Out, Tag, plain, term};

/// What is being said.
#[derive(Clone, Debug)]
pub(super) enum Saying {
    Nothing,
    /// The line was read, and its steps are run and answered one by one.
    Steps {
        answer: Answer,
        dialect: Dialect,
        index: usize,
        /// What the step under way has come to; `None` behind the last.
        told: Option<Told>,
    },
    /// The line was not understood: reading it again says why.
    Misread(Dialect),
    /// The line was not fit to read.
    Unfit {
        dialect: Dialect,
        tag: Option<Tag>,
        error: LineError,
    },
    /// A program has sent JSON.
    NoJson,
    /// A person may type.
    Prompt,
    /// A person may go on typing.
    Redraw,
    /// A person is shown what may be typed.
    Choices,
}

/// Writes what is being said.
pub(super) fn write<const LINE: usize, const HISTORY: usize>(
    shell: &Shell<LINE, HISTORY>,
    house: &House,
    out: &mut Window<'_>,
) -> fmt::Result {
    let name = house.about().name;
    let line = shell.input.line();
    match &shell.saying {
        Saying::Nothing => Ok(()),
        Saying::Prompt => term::prompt(out, name),
        Saying::Choices => shell.input.choices(shell.table, out, name),
        Saying::Redraw => shell.input.redraw(out, name),
        Saying::NoJson => no_json(out),
        Saying::Misread(dialect) => match parse::check(line, shell.rules(*dialect)) {
            Ok(_) => Ok(()),
            Err(error) if *dialect == Dialect::Term => term::parse_error(out, name, &error),
            Err(error) => plain::parse_error(out, &error),
        },
        Saying::Unfit {
            dialect: Dialect::Term,
            error,
            ..
        } => term::line_error(out, *error),
        Saying::Unfit { tag, error, .. } => plain::line_error(out, tag.as_ref(), *error),
        Saying::Steps {
            answer,
            dialect,
            index,
            told,
        } => {
            let mut answer = answer.clone();
            let step = parse::step(line, *index, shell.rules(*dialect));
            if let Some((step, told)) = step.zip(told.as_ref()) {
                answer.step(out, &step, &told.reply(house))?;
            }
            if answer.is_open() {
                return Ok(());
            }
            answer.finish(out)
        }
    }
}

/// Counts a step that is said.
pub(super) fn count(answer: &mut Answer, step: &Step, told: &Told, house: &House) {
    // It is counted before it is written, and it is written already.
    let _ = answer.step(&mut Window::new(0, &mut []), step, &told.reply(house));
}

/// An answer that clients of JSON-RPC understand.
fn no_json(out: &mut Window<'_>) -> fmt::Result {
    out.text("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"")?;
    out.text(NO_JSON)?;
    out.text("\",\"data\":{\"code\":415,\"symbol\":\"mode\"}}}\n")
}
