//! The line as typed so far, and what the terminal is sent back for each key.
//!
//! What a key changes at the end of the line, or where the cursor goes, is echoed in a few bytes.
//! For everything else the row is to be written again: by [`Editor::redraw`], and when its owner
//! has room for that.

use super::LineError;
use super::bytes;
use super::history::History;
use super::keys::Key;
use super::row::{self, Row};
use crate::columns;
use crate::dialect::HAS_TERM;
use crate::out::Out;
use core::fmt;
use heapless::Vec;

/// The line under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editor<const LINE: usize, const HISTORY: usize> {
    /// The line as typed: always whole characters.
    line: Vec<u8, LINE>,
    /// Where in [`Editor::text`] the cursor is, in bytes: between two characters.
    cursor: usize,
    /// The lines before. One that is recalled is shown in place of the line as typed, and takes its
    /// place only when it is edited or run: so going up and down loses nothing and costs no room.
    history: History<HISTORY>,
    /// Bytes that did not fit.
    over: usize,
    /// Keys that have no place in a script's line were pressed.
    control: bool,
    invalid: bool,
    loss: LossPosition,
}

/// The place in the line at which bytes were lost first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LossPosition {
    /// Nowhere.
    #[default]
    None,
    /// In or in front of its first word, which may be a tag.
    FirstWord,
    /// Behind the blank that ends its first word.
    Behind,
}

/// What a key asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Interrupt,
    Redraw,
    Complete,
    Logout,
}

impl<const LINE: usize, const HISTORY: usize> Editor<LINE, HISTORY> {
    pub(crate) const fn new() -> Self {
        Self {
            line: Vec::new(),
            cursor: 0,
            history: History::new(),
            over: 0,
            control: false,
            invalid: false,
            loss: LossPosition::None,
        }
    }

    pub(crate) fn text(&self) -> &str {
        bytes::text(self.bytes())
    }

    fn bytes(&self) -> &[u8] {
        let recalled = self.history.recalled().filter(|_| HAS_TERM);
        recalled.unwrap_or(&self.line)
    }

    /// What stands before the cursor.
    pub(crate) fn text_before(&self) -> &str {
        self.text().get(..self.cursor).unwrap_or_default()
    }

    /// Whether nothing at all has been typed.
    pub(crate) fn is_untouched(&self) -> bool {
        let is_sound = self.over == 0 && !self.control && !self.invalid && !self.is_lost();
        is_sound && self.bytes().is_empty()
    }

    /// Returns whether the line is over the limit.
    pub(crate) const fn is_over(&self) -> bool {
        self.over > 0
    }

    /// Begins another line.
    pub(crate) fn clear(&mut self) {
        self.empty();
        self.control = false;
        self.loss = LossPosition::None;
    }

    /// Forgets the lines before, too.
    pub(crate) fn forget(&mut self) {
        self.history.clear();
        self.clear();
    }

    /// Marks the line as one with control characters.
    pub(crate) const fn spoil(&mut self) {
        self.control = true;
    }

    /// Marks the line as one in which bytes are missing here.
    pub(crate) fn lose(&mut self) {
        if !self.is_lost() {
            let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let has_word = self.bytes().iter().any(is_blank);
            self.loss = if has_word {
                LossPosition::Behind
            } else {
                LossPosition::FirstWord
            };
        }
    }

    /// Returns whether bytes are missing in the line.
    pub(crate) const fn is_lost(&self) -> bool {
        !matches!(self.loss, LossPosition::None)
    }

    /// The line as far as a tag at its beginning may be read: none of it if the tag may have been
    /// put together from two.
    pub(crate) fn tagged(&self) -> &str {
        // What was rubbed out may have been typed again behind the hole.
        match self.loss {
            LossPosition::None => self.text(),
            LossPosition::Behind if !self.control => self.text(),
            LossPosition::Behind | LossPosition::FirstWord => "",
        }
    }

    /// What is wrong with the line. A person may edit, a script may not.
    pub(crate) fn error(&self, edited: bool) -> Option<LineError> {
        if self.is_lost() {
            return Some(LineError::Lost);
        }
        if self.over > 0 {
            let got = self.line.len().saturating_add(self.over);
            return Some(LineError::TooLong { got, max: LINE });
        }
        if self.invalid {
            return Some(LineError::NotUtf8);
        }
        (self.control && !edited).then_some(LineError::Control)
    }

    /// Keeps the line, which is about to run, for later.
    pub(crate) fn keep(&mut self) {
        self.settle();
        self.history.keep(&self.line);
    }

    /// Forgets the line that was kept last, if it is this one.
    pub(crate) fn unkeep(&mut self) {
        self.history.drop(&self.line);
    }

    /// Takes a key of a script's line: no key edits it.
    pub(crate) fn record(&mut self, key: Key) {
        match key {
            Key::Character(character) => {
                self.insert(character);
            }
            Key::Tab => {
                self.insert('\t');
            }
            Key::Invalid => self.invalid = true,
            _ => self.control = true,
        }
    }

    /// Takes a key of a line that a person types, or may turn out to, in this row.
    pub(crate) fn edit(&mut self, key: Key, row: Row, echo: &mut dyn Out) -> Option<Asked> {
        self.control |= !matches!(key, Key::Character(_) | Key::Tab);
        let old = row.part(self.bytes(), self.cursor);
        let effect = self.take(key);
        let new = row.part(self.bytes(), self.cursor);
        let stays = old.from == new.from;
        // What a terminal does not take is lost; the line itself is not.
        let _ = match effect {
            Effect::Says(text, asked) => {
                let _ = echo.text(text);
                return asked;
            }
            Effect::Moved if stays => row.go(echo, new),
            Effect::Appended(character) if stays => {
                echo.text(row::shown(character.encode_utf8(&mut [0; 4]).as_bytes()))
            }
            Effect::Shortened if stays => {
                let mut columns = new.column..old.column;
                columns.try_for_each(|_| echo.text("\x08 \x08"))
            }
            Effect::Moved | Effect::Appended(_) | Effect::Shortened => return Some(Asked::Redraw),
        };
        None
    }

    /// Takes a key, whatever the terminal has to be told.
    fn take(&mut self, key: Key) -> Effect {
        match key {
            Key::Character(character) => return self.put(character),
            Key::Invalid => {
                let was_invalid = core::mem::replace(&mut self.invalid, true);
                return if was_invalid { NOTHING } else { BELL };
            }
            Key::Kill => {
                self.empty();
                return CHANGED;
            }
            Key::Interrupt => {
                self.empty();
                return Effect::Says("^C\r\n", Some(Asked::Interrupt));
            }
            Key::Clear => return Effect::Says("\x1b[H\x1b[2J", Some(Asked::Redraw)),
            // Something is missing in this line: nothing can mend it.
            _ if self.over > 0 || self.invalid || self.is_lost() => return NOTHING,
            Key::EndOfInput if self.bytes().is_empty() => {
                return Effect::Says("", Some(Asked::Logout));
            }
            Key::Older if self.history.older() => {}
            Key::Newer if self.history.newer() => {}
            Key::Older | Key::Newer => return BELL,
            Key::Tab => return Effect::Says("", Some(Asked::Complete)),
            _ => return self.act(key),
        }
        self.cursor = self.bytes().len();
        CHANGED
    }

    /// Takes a key that moves the cursor, or erases what lies between it and another place.
    fn act(&mut self, key: Key) -> Effect {
        let (text, at) = (self.bytes(), self.cursor);
        let to = match key {
            Key::Left | Key::Backspace => walk(text, at, true, false),
            Key::Right | Key::Delete | Key::EndOfInput => walk(text, at, false, false),
            Key::WordLeft | Key::KillWord => walk(text, at, true, true),
            Key::WordRight => walk(text, at, false, true),
            Key::Home => 0,
            Key::End | Key::KillEnd => text.len(),
            _ => at,
        };
        if to == at {
            return NOTHING;
        }
        match key {
            Key::Backspace | Key::KillWord => self.erase(to, at),
            Key::Delete | Key::EndOfInput | Key::KillEnd => self.erase(at, to),
            _ => {
                self.cursor = to;
                Effect::Moved
            }
        }
    }

    /// Erases what lies between two places, and leaves the cursor there.
    fn erase(&mut self, from: usize, to: usize) -> Effect {
        let text = self.bytes();
        let was_last = self.cursor == text.len();
        // One character with its marks, and not a mark that stands on what remains.
        let is_one = columns::first(text.get(from..).unwrap_or_default()).1 > 0
            && walk(text, from, false, false) == to;
        self.settle();
        bytes::remove(&mut self.line, from, to - from);
        self.cursor = from;
        if was_last && is_one {
            Effect::Shortened
        } else {
            CHANGED
        }
    }

    /// Inserts a character that is typed.
    fn put(&mut self, character: char) -> Effect {
        let was_over = self.is_over();
        if !self.insert(character) {
            // Once: a line that echoes turns a bell into two characters.
            if was_over { NOTHING } else { BELL }
        } else if self.cursor == self.line.len() {
            Effect::Appended(character)
        } else {
            CHANGED
        }
    }

    /// A line that is recalled takes the place of the one as typed.
    fn settle(&mut self) {
        if let Some(recalled) = self.history.recalled() {
            self.line.clear();
            // It was such a line before.
            let _ = self.line.extend_from_slice(recalled);
        }
        self.history.leave();
    }

    /// Starts the line again. That a control key was pressed stays known: for a script, what was
    /// wiped out before is part of the same line.
    fn empty(&mut self) {
        self.line.clear();
        self.history.leave();
        self.cursor = 0;
        self.over = 0;
        self.invalid = false;
    }

    /// Inserts a character; `false` if the line is over the limit.
    fn insert(&mut self, character: char) -> bool {
        // Once something is missing, nothing may follow: a shorter character could still fit.
        let taken = self.over == 0 && self.insert_text(character.encode_utf8(&mut [0; 4]));
        if !taken {
            self.over = self.over.saturating_add(character.len_utf8());
        }
        taken
    }

    /// Inserts text; `false`, and nothing of it is inserted, if there is no room.
    fn insert_text(&mut self, text: &str) -> bool {
        self.settle();
        let inserted = bytes::insert(&mut self.line, self.cursor, text.as_bytes());
        self.cursor += if inserted { text.len() } else { 0 };
        inserted
    }

    /// Inserts what completes a word, and a blank behind it if the word is whole and none is there;
    /// `false`, and nothing of it is inserted, if there is no room.
    pub(crate) fn complete(&mut self, missing: &str, is_whole: bool) -> bool {
        let behind = self.bytes().get(self.cursor);
        let blank = if is_whole && behind != Some(&b' ') {
            " "
        } else {
            ""
        };
        let fits = self.bytes().len() + missing.len() + blank.len() <= LINE;
        fits && self.insert_text(missing) && self.insert_text(blank)
    }

    /// Writes the line in its row, behind the prompt, and leaves the cursor where it belongs.
    pub(crate) fn redraw(&self, out: &mut dyn Out, row: Row) -> fmt::Result {
        row.write(out, self.bytes(), self.cursor)
    }
}

/// The place one character before or behind, with the marks on it, or else one word: some blanks,
/// and then what no blank divides.
fn walk(text: &[u8], from: usize, back: bool, by_word: bool) -> usize {
    let (mut at, mut is_inside) = (from, false);
    loop {
        let mut start = at;
        if back {
            start = start.saturating_sub(1);
            while text.get(start).is_some_and(|byte| byte & 0xC0 == 0x80) {
                start = start.saturating_sub(1);
            }
        }
        let rest = text.get(start..).unwrap_or_default();
        let (bytes, columns) = columns::first(rest);
        let is_edge = if by_word {
            matches!(rest.first(), Some(b' ' | b'\t'))
        } else {
            columns > 0
        };
        // Forward, the next character begins where this one and its marks end.
        let is_over = is_inside && is_edge && (by_word || !back);
        if is_over || bytes == 0 || back && at == 0 {
            return at;
        }
        is_inside |= !(by_word && is_edge);
        at = if back { start } else { start + bytes };
        if back && !by_word && is_edge {
            return at;
        }
    }
}

/// What a key has changed, as far as it can be shown in a few bytes.
enum Effect {
    /// This is to be sent, and that asked.
    Says(&'static str, Option<Asked>),
    /// The cursor has another place.
    Moved,
    /// There is one more character at the end, and the cursor behind it.
    Appended(char),
    /// There is one less.
    Shortened,
}

const NOTHING: Effect = Effect::Says("", None);
const CHANGED: Effect = Effect::Says("", Some(Asked::Redraw));
const BELL: Effect = Effect::Says("\x07", None);
