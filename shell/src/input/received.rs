//! What bytes come to.

use super::LineError;
use super::editor::Asked;
use crate::dialect::Dialect;
use crate::tag::Tag;

/// What the bytes came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A line, without its line end.
    Line {
        /// How it is spelled, and is to be answered.
        dialect: Dialect,
        /// What it says.
        text: &'a str,
    },
    /// A line that is not fit to read. It is consumed to its end; nothing of it may run.
    Refused {
        /// How to answer.
        dialect: Dialect,
        /// The tag at its beginning, for the answer.
        tag: Option<Tag>,
        /// Why.
        error: LineError,
    },
    /// `^C` in term: cancel what runs, then prompt again.
    Interrupt,
    /// In term, more is changed than is echoed at once: write what [`Input::redraw`](super::Input::redraw) writes.
    ///
    /// It may be left out where more bytes are there to be fed already, if it is made up for once
    /// none are: what is echoed meanwhile may land in the wrong column.
    Redraw,
    /// Tab in term: ask [`Input::complete`](super::Input::complete) what comes of it.
    Complete,
    /// There are several words that may stand here: write what
    /// [`Input::choices`](super::Input::choices) writes.
    Choices,
    /// `^D` on an empty line in term: end the session.
    Logout,
    /// A board's own words come back. They are not answered; [`plain::echo`](crate::plain::echo) tells
    /// of it, once for a session.
    Echo,
    /// The first line is an HTTP request: close the connection, answer nothing.
    Http,
}

impl From<Asked> for Received<'_> {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Interrupt => Self::Interrupt,
            Asked::Logout => Self::Logout,
            Asked::Redraw => Self::Redraw,
            Asked::Complete => Self::Complete,
        }
    }
}

/// Whether a line opens an HTTP request: no command of ours begins with a capital letter.
pub(super) fn is_http(line: &str) -> bool {
    const METHODS: [&str; 10] = [
        "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH ",
        "PRI ",
    ];
    METHODS.iter().any(|method| line.starts_with(method))
}
