//! The line as typed so far, and what the terminal is sent back for each key.
//!
//! The place for cursor movement, history and completion.

use super::LineError;
use super::keys::Key;
use crate::out::Out;
use heapless::String;

/// The line under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Editor<const LINE: usize> {
    line: String<LINE>,
    /// Bytes that did not fit.
    over: usize,
    /// Keys that have no place in a script's line were pressed.
    control: bool,
    invalid: bool,
    /// Bytes were lost on the way.
    lost: bool,
}

/// What a key asks of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Interrupt,
    Redraw,
    Logout,
}

impl<const LINE: usize> Editor<LINE> {
    pub(crate) const fn new() -> Self {
        Self {
            line: String::new(),
            over: 0,
            control: false,
            invalid: false,
            lost: false,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.line
    }

    /// Whether nothing at all has been typed.
    pub(crate) fn is_untouched(&self) -> bool {
        self.line.is_empty() && self.over == 0 && !self.control && !self.invalid && !self.lost
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Marks the line as one with control characters.
    pub(crate) const fn spoil(&mut self) {
        self.control = true;
    }

    /// Marks the line as one that is not whole.
    pub(crate) const fn lose(&mut self) {
        self.lost = true;
    }

    /// What is wrong with the line. A person may edit, a script may not.
    pub(crate) fn error(&self, edited: bool) -> Option<LineError> {
        if self.lost {
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
            Key::Backspace
            | Key::Interrupt
            | Key::EndOfInput
            | Key::Clear
            | Key::Kill
            | Key::Other => self.control = true,
        }
    }

    /// Takes a key of a line that a person types, or may turn out to.
    pub(crate) fn edit(&mut self, key: Key, echo: &mut dyn Out) -> Option<Asked> {
        self.control |= !matches!(key, Key::Character(_) | Key::Tab);
        match key {
            Key::Character(character) => {
                let mut bytes = [0; 4];
                let typed = if character == '\t' {
                    " "
                } else {
                    character.encode_utf8(&mut bytes)
                };
                send(echo, if self.insert(character) { typed } else { BELL });
            }
            Key::Invalid => {
                self.invalid = true;
                send(echo, BELL);
            }
            Key::Backspace if self.over == 0 => {
                if self.line.pop().is_some() {
                    send(echo, ERASE);
                }
            }
            Key::Kill => {
                self.line.chars().for_each(|_| send(echo, ERASE));
                self.empty();
            }
            Key::Interrupt => {
                send(echo, "^C\r\n");
                self.empty();
                return Some(Asked::Interrupt);
            }
            Key::Clear => {
                send(echo, "\x1b[H\x1b[2J");
                return Some(Asked::Redraw);
            }
            Key::EndOfInput if self.line.is_empty() => return Some(Asked::Logout),
            Key::Tab | Key::Backspace | Key::EndOfInput | Key::Other => {}
        }
        None
    }

    /// Starts the line again. That a control key was pressed stays known: for a script, what was
    /// wiped out before is part of the same line.
    fn empty(&mut self) {
        self.line.clear();
        self.over = 0;
        self.invalid = false;
    }

    /// Appends a character; `false` if the line is over the limit.
    fn insert(&mut self, character: char) -> bool {
        // Once something is missing, nothing may follow: a shorter character could still fit.
        let taken = self.over == 0 && self.line.push(character).is_ok();
        if !taken {
            self.over = self.over.saturating_add(character.len_utf8());
        }
        taken
    }
}

fn send(echo: &mut dyn Out, text: &str) {
    // What a terminal does not take is lost; the line itself is not.
    let _ = echo.text(text);
}

const BELL: &str = "\x07";
const ERASE: &str = "\x08 \x08";
