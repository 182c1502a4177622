//! The row of the terminal that a line is typed in: which part of the line it shows, and where.
//!
//! A line that is too long for the row is shown in part, so that nothing ever wraps: what to do at
//! the edge is where terminals differ most, and only the column is needed to find the way back.
//! The part follows from line, cursor and row alone; nobody has to remember what the screen shows.

use super::bytes;
use crate::columns;
use crate::out::Out;
use crate::pen::COLUMNS;
use core::fmt;

/// The row that a line is typed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The columns that the prompt takes.
    prompt: usize,
    /// The columns behind it.
    room: usize,
}

/// The part of a line that a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where in the line it begins, in bytes.
    pub(super) from: usize,
    /// The column of the cursor, counted from the first of this part.
    pub(super) column: usize,
}

impl Row {
    /// The row of a first line: without a prompt, and the terminal breaks it as it likes.
    pub(super) const ENDLESS: Self = Self {
        prompt: 0,
        room: usize::MAX,
    };

    /// The row behind a prompt of so many columns.
    pub(super) const fn behind(prompt: u8) -> Self {
        let prompt = prompt as usize;
        // One column is left free, so that `^C` does not wrap either.
        let room = COLUMNS.saturating_sub(prompt + 1);
        // A prompt too long to type behind: the terminal will wrap, and still every edit is right.
        let room = if room < LEAST_ROOM { LEAST_ROOM } else { room };
        Self { prompt, room }
    }

    /// The part of `text` that shows the cursor, which is at this byte of it.
    ///
    /// It moves by half a row at once, so that at most edits it stays where it is.
    pub(super) fn part(self, text: &[u8], cursor: usize) -> Part {
        let before = text.get(..cursor).unwrap_or_default();
        let at = columns::width(before);
        let mut skipped = 0;
        while at - skipped >= self.room {
            skipped += self.room / 2;
        }
        if skipped == 0 || columns::is_plain(before) {
            // What is skipped ends in front of the cursor, so it is plain, too.
            let (from, column) = (skipped, at - skipped);
            return Part { from, column };
        }
        let (mut from, mut column) = (0, 0);
        loop {
            let (bytes, columns) = columns::first(text.get(from..).unwrap_or_default());
            // A mark stays with the character that it stands on.
            if bytes == 0 || column >= skipped && (columns > 0 || skipped == 0) {
                break;
            }
            column += columns;
            from += bytes;
        }
        let column = at.saturating_sub(column);
        Part { from, column }
    }

    /// Writes the row, behind its prompt, and leaves the cursor where it belongs.
    pub(super) fn write(self, out: &mut dyn Out, text: &[u8], cursor: usize) -> fmt::Result {
        let part = self.part(text, cursor);
        let (mut at, mut left) = (part.from, self.room);
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let (bytes, columns) = columns::first(rest);
            if bytes == 0 || columns > left {
                break;
            }
            out.text(shown(rest.get(..bytes).unwrap_or_default()))?;
            left -= columns;
            at += bytes;
        }
        out.text("\x1b[K")?;
        if cursor < text.len() {
            self.go(out, part)?;
        }
        Ok(())
    }

    /// Moves the cursor to its place: at most six bytes.
    pub(super) fn go(self, out: &mut dyn Out, part: Part) -> fmt::Result {
        out.text("\r")?;
        let column = self.prompt + part.column;
        if column == 0 {
            return Ok(());
        }
        out.text("\x1b[")?;
        crate::pen::decimal(out, column)?;
        out.text("C")
    }
}

/// The fewest columns for a line, however long the prompt.
const LEAST_ROOM: usize = 20;

/// A character as the terminal is sent it: a tab is one blank.
pub(super) fn shown(character: &[u8]) -> &str {
    match character {
        b"\t" => " ",
        _ => bytes::text(character),
    }
}
