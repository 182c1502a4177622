//! A person at the other end: keys that edit, what is pasted, the row that shows it.

use super::editor::Asked;
use super::keys::Key;
use super::row::Row;
use super::{Carriage, Input, Received, Verdict};
use crate::complete::{self, Completion};
use crate::out::Out;
use crate::term;
use crate::vocabulary::Vocabulary;
use core::fmt;
use lastword_protocol::{Instant, Millis};

impl<const LINE: usize, const HISTORY: usize> Input<LINE, HISTORY> {
    /// Makes room for the prompt of the board `name`, which a person's lines are typed behind.
    pub fn set_name(&mut self, name: &str) {
        self.prompt = u8::try_from(term::prompt_width(name)).unwrap_or(u8::MAX);
    }

    /// Forgets the line that was received last, which otherwise comes back at a person's Up.
    ///
    /// To be called for a line that takes the board down, before the next byte is fed: on a noisy
    /// line, `^P` and Enter do come by chance.
    pub fn unkeep(&mut self) {
        if self.told {
            self.editor.unkeep();
        }
    }

    /// Completes the word before the cursor, behind [`Received::Complete`], from these words:
    /// as far as it is unique, with a blank behind it if it is whole.
    ///
    /// Returns [`Received::Redraw`], [`Received::Choices`], or `None` behind a bell.
    pub fn complete(
        &mut self,
        known: Vocabulary<'_>,
        echo: &mut dyn Out,
    ) -> Option<Received<'static>> {
        let completed = match complete::complete(known, self.editor.text_before()) {
            Completion::Choices => return Some(Received::Choices),
            Completion::Missing { text, is_whole } => self.editor.complete(text, is_whole),
            Completion::Nothing => false,
        };
        if !completed {
            // What a terminal does not take is lost.
            let _ = echo.text("\x07");
            return None;
        }
        Some(Received::Redraw)
    }

    /// Writes the words that may stand before the cursor, below the line, and then the line again.
    /// The same is written as often as it is asked for, until a byte is fed.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn choices(&self, known: Vocabulary<'_>, out: &mut dyn Out, name: &str) -> fmt::Result {
        complete::list(out, known, self.editor.text_before())?;
        self.redraw(out, name)
    }

    /// Writes the row that a person types in, prompt and all, and leaves the cursor where it
    /// belongs. The same is written as often as it is asked for, until a byte is fed.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn redraw(&self, out: &mut dyn Out, name: &str) -> fmt::Result {
        out.text("\r")?;
        if !self.is_term() {
            // A first line has no prompt.
            return out.text(self.typed());
        }
        term::prompt(out, name)?;
        if self.told || self.closed {
            return Ok(());
        }
        self.editor.redraw(out, Row::behind(self.prompt))
    }

    /// Where in [`Input::typed`] the cursor is, in bytes.
    #[must_use]
    pub fn cursor(&self) -> usize {
        if self.told {
            0
        } else {
            self.editor.text_before().len()
        }
    }

    /// Takes a key of a line that may turn out to be a person's.
    pub(super) fn edit_first(&mut self, key: Key, echo: &mut dyn Out) {
        let asked = self.editor.edit(key.of_first_line(), Row::ENDLESS, echo);
        if asked == Some(Asked::Redraw) {
            // The line was emptied, and there is no prompt.
            let _ = echo.text("\r\x1b[K");
        }
    }

    /// Takes a key of a person's line.
    pub(super) fn edit(&mut self, key: Key, echo: &mut dyn Out) -> Verdict {
        let asked = self.editor.edit(key, Row::behind(self.prompt), echo);
        asked.map_or(Verdict::More, Verdict::Ask)
    }

    /// What a key means, in a paste or out of it.
    pub(super) fn unless_pasted(&mut self, now: Instant, key: Key) -> Key {
        if key == Key::PasteBegins {
            self.pasted = Some(now);
        }
        if self.pasted.is_none() {
            return key;
        }
        if matches!(key, Key::PasteEnds | Key::Interrupt) {
            self.pasted = None;
        }
        key.of_paste()
    }

    /// Whether this byte is part of a paste.
    pub(super) fn is_pasted(&mut self, now: Instant) -> bool {
        self.pasted = match self.pasted {
            Some(before) if now.since(before) <= PASTE_GAP => Some(now),
            _ => None,
        };
        self.pasted.is_some()
    }

    /// Takes a line end that is pasted, and so is a blank: what was pasted waits for Enter.
    pub(super) fn pasted_line_end(&mut self, byte: u8, echo: &mut dyn Out) -> Verdict {
        self.finish_keys();
        if byte == b'\r' {
            self.carriage = Carriage::Returned;
        }
        self.edit(Key::Character(' '), echo)
    }
}

/// How long the bytes of a paste may be apart: then it is over, even if its end was lost.
const PASTE_GAP: Millis = Millis(1_000);
