//! What a session's input has come to, free of the input's buffer.

use super::super::json;
use super::{AnswerFormat, FollowId};
use lastword_daemon::CONNECTION_TARGET;
use lastword_shell::{
    Answer, Dialect, LineError, Received, Rules, Script, Table, Tag, plain, term,
};
use std::fmt::Write;

/// What was received.
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
pub(super) enum Heard {
    Run(Script, AnswerFormat),
    /// A program wants no more of a log.
    Cancel(json::Call, FollowId),
    Say(String),
    Show(Shown),
    End,
}

/// What a person is shown of the line being typed.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    Line,
    Completed,
    Choices,
}

impl Heard {
    /// `is_program`: the session's dialect was JSON before.
    pub(super) fn of(received: Received<'_>, is_program: bool, table: Table, name: &str) -> Self {
        match received {
            Received::Line {
                dialect: Dialect::Json,
                text,
            } => Self::call(text, table),
            Received::Line { dialect, text } => {
                match Self::line(dialect, text, table, name) {
                    // A program has no use for what a script is told.
                    Self::Say(_) if is_program && dialect == Dialect::Plain => {
                        Self::call(text, table)
                    }
                    heard => heard,
                }
            }
            Received::Refused {
                dialect: Dialect::Plain,
                error,
                ..
            } if is_program => Self::Say(refusal(Dialect::Json, None, error, name)),
            Received::Refused {
                dialect,
                tag,
                error,
            } => Self::Say(refusal(dialect, tag.as_ref(), error, name)),
            Received::Interrupt => Self::Say(prompt(name)),
            Received::Echo => {
                tracing::warn!(target: CONNECTION_TARGET, "the line echoes: what is sent comes back, and is not answered");
                let mut said = String::new();
                let _ = plain::echo(&mut said);
                Self::Say(said)
            }
            Received::Redraw => Self::Show(Shown::Line),
            Received::Complete => Self::Show(Shown::Completed),
            Received::Choices => Self::Show(Shown::Choices),
            Received::Logout | Received::Http => Self::End,
        }
    }

    fn line(dialect: Dialect, text: &str, table: Table, name: &str) -> Self {
        let mut script = Script::default();
        match script.read(text, Rules::new(table, dialect)) {
            Ok(()) => {
                let answer = Answer::new(dialect, script.tag.clone(), script.steps.len());
                Self::Run(script, AnswerFormat::Text(answer))
            }
            Err(error) => {
                let mut said = String::new();
                let _ = if dialect == Dialect::Term {
                    term::parse_error(&mut said, name, &error)
                        .and_then(|()| term::prompt(&mut said, name))
                } else {
                    plain::parse_error(&mut said, &error)
                };
                Self::Say(said)
            }
        }
    }

    fn call(text: &str, table: Table) -> Self {
        let call = match json::Call::read(text, table) {
            Ok(call) => call,
            Err(answer) => return Self::answer(answer),
        };
        if let Some(id) = call.cancels() {
            return Self::Cancel(call, id);
        }
        let mut script = Script::default();
        match script.read(call.line(), Rules::new(table, Dialect::Json)) {
            Ok(()) => Self::Run(script, AnswerFormat::Json(call)),
            Err(error) => Self::answer(call.misread(&error)),
        }
    }

    fn answer(answer: Option<String>) -> Self {
        Self::Say(answer.map_or(String::new(), |it| it + "\n"))
    }
}

fn prompt(name: &str) -> String {
    let mut said = String::new();
    let _ = term::prompt(&mut said, name);
    said
}

/// The answer to a line that is not fit to read.
fn refusal(dialect: Dialect, tag: Option<&Tag>, error: LineError, name: &str) -> String {
    let mut said = String::new();
    let _ = match dialect {
        Dialect::Plain => plain::line_error(&mut said, tag, error),
        Dialect::Term => {
            term::line_error(&mut said, error).and_then(|()| term::prompt(&mut said, name))
        }
        Dialect::Json => writeln!(said, "{}", unfit(error)),
    };
    said
}

/// The answer to a program's line that is not fit to read.
fn unfit(error: LineError) -> String {
    let message = match error {
        LineError::TooLong { got, max } => format!("a line of {got} bytes; at most {max} are read"),
        error => error.message().to_owned(),
    };
    json::unfit(error.code(), &message)
}
