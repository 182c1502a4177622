//! From bytes to lines: which dialect they are in, where they end, whether they are fit to read.

mod bytes;
mod echo;
mod editor;
mod first_line;
mod history;
mod keys;
mod line_error;
mod loss;
mod medium;
mod person;
mod received;
mod row;
#[cfg(test)]
mod tests;

pub use line_error::LineError;
pub use medium::Medium;
pub use received::Received;

use crate::dialect::{Dialect, HAS_TERM};
use crate::grammar;
use crate::out::Out;
use core::fmt;
use echo::{EchoDetector, LineOrigin};
use editor::{Asked, Editor};
use first_line::FirstLine;
use keys::{ESCAPE, Keys};
use lastword_protocol::Instant;
use received::is_http;

/// The longest line, in bytes, its line end apart.
pub const LINE_BYTES: usize = 256;

/// How many bytes a client may send ahead of the answers.
pub const WINDOW_BYTES: usize = 2 * LINE_BYTES;

/// How many bytes of lines that a person typed are kept for later, where there is room.
pub const HISTORY_BYTES: usize = 1024;

/// The most bytes that are echoed at once for a byte of a person's line. What takes more is left
/// to [`Received::Redraw`].
pub const ECHO_BYTES: usize = 8;

/// Turns the bytes of one session into lines of at most `LINE` bytes, and keeps `HISTORY` bytes of
/// those that a person typed; none if that is 0.
#[derive(Debug)]
pub struct Input<const LINE: usize = LINE_BYTES, const HISTORY: usize = HISTORY_BYTES> {
    medium: Medium,
    /// The session's dialect; `None` within its first line.
    dialect: Option<Dialect>,
    keys: Keys,
    editor: Editor<LINE, HISTORY>,
    /// The columns that the prompt takes.
    prompt: u8,
    /// When the last byte of the paste under way arrived.
    pasted: Option<Instant>,
    carriage: Carriage,
    first_line: FirstLine,
    echo: EchoDetector,
    /// What the line under way came to is told: the next byte begins another.
    told: bool,
    /// Nothing is read any more until the session is forgotten.
    closed: bool,
}

/// What the last byte leaves open if it was a CR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carriage {
    /// Nothing.
    Home,
    /// It ended a line in term: an LF or NUL behind it belongs to it.
    Returned,
    /// It may be half of a CR LF. Alone, it opens term, and is so at the latest at this instant.
    Opening(Instant),
    /// It may be half of a CR LF. Alone, it is a control character.
    Waiting,
}

/// What a byte does to the line under way.
enum Verdict {
    /// The line goes on.
    More,
    /// The line ends here.
    End,
    /// The line ended before this byte, which belongs to the next.
    EndBefore,
    /// The session is asked something in mid-line.
    Ask(Asked),
    /// The line echoes: nothing is read until it is quiet.
    Echo,
}

impl<const LINE: usize, const HISTORY: usize> Input<LINE, HISTORY> {
    /// An input that has seen nothing.
    #[must_use]
    pub const fn new(medium: Medium) -> Self {
        Self {
            medium,
            dialect: None,
            keys: Keys::new(),
            editor: Editor::new(),
            prompt: 0,
            pasted: None,
            carriage: Carriage::Home,
            first_line: FirstLine::Empty,
            echo: EchoDetector::new(medium),
            told: false,
            closed: false,
        }
    }

    /// The dialect of the session, once it is decided.
    #[must_use]
    pub const fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// Overrides the dialect: what `mode` does. To be called between lines.
    pub const fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = Some(dialect);
    }

    /// Forgets dialect and line: after a BREAK, a logout, or five idle minutes.
    pub fn forget(&mut self) {
        self.dialect = None;
        self.keys = Keys::new();
        self.editor.forget();
        self.pasted = None;
        self.carriage = Carriage::Home;
        self.first_line = FirstLine::Empty;
        self.echo = EchoDetector::new(self.medium);
        self.told = false;
        self.closed = false;
    }

    /// What is typed of the line under way; [`Input::redraw`] shows it again.
    #[must_use]
    pub fn typed(&self) -> &str {
        if self.told || self.closed {
            return "";
        }
        self.editor.text()
    }

    /// The line that was received last, until the next byte is fed or lost.
    #[must_use]
    pub fn line(&self) -> &str {
        self.editor.text()
    }

    /// Takes bytes from the front of `bytes`, as they arrived at `now`, up to and including the
    /// one that completes something, and reports that; `None` once `bytes` is empty.
    ///
    /// What a terminal has to be sent back at once goes to `echo`, whose errors are ignored.
    pub fn feed(
        &mut self,
        now: Instant,
        bytes: &mut &[u8],
        echo: &mut dyn Out,
    ) -> Option<Received<'_>> {
        loop {
            let (byte, rest) = bytes.split_first()?;
            let verdict = self.take(now, *byte, echo);
            if !matches!(verdict, Verdict::EndBefore) {
                *bytes = rest;
            }
            match verdict {
                Verdict::More => {}
                Verdict::End | Verdict::EndBefore => match self.origin() {
                    LineOrigin::Peer => return Some(self.report()),
                    LineOrigin::Board { first: true } => return Some(Received::Echo),
                    LineOrigin::Board { first: false } => {}
                },
                Verdict::Ask(asked) => return Some(asked.into()),
                Verdict::Echo => return Some(Received::Echo),
            }
        }
    }

    /// When [`Input::tick`] has something to decide.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.carriage {
            Carriage::Opening(until) => Some(until),
            _ if self.dialect.is_none() => self.first_line.deadline(),
            Carriage::Home | Carriage::Returned | Carriage::Waiting => None,
        }
    }

    /// Decides what the passing of time decides. Late and repeated ticks are harmless.
    pub fn tick(&mut self, now: Instant, echo: &mut dyn Out) -> Option<Received<'_>> {
        if !HAS_TERM || self.deadline()? > now {
            return None;
        }
        if !matches!(self.carriage, Carriage::Opening(_)) {
            self.settle_first_line(now, echo);
            return None;
        }
        self.open_term(echo);
        match self.origin() {
            LineOrigin::Peer => Some(self.report()),
            LineOrigin::Board { first } => first.then_some(Received::Echo),
        }
    }

    /// Reports what the end of input leaves: an unterminated line is refused, never run.
    pub fn end(&mut self, echo: &mut dyn Out) -> Option<Received<'_>> {
        if matches!(self.carriage, Carriage::Opening(_)) {
            self.open_term(echo);
            return Some(self.report());
        }
        self.finish_keys();
        if self.closed || self.told || self.editor.is_untouched() {
            return None;
        }
        self.told = true;
        Some(self.refuse(LineError::Incomplete))
    }

    /// Takes one byte.
    fn take(&mut self, now: Instant, byte: u8, echo: &mut dyn Out) -> Verdict {
        if self.closed {
            return Verdict::More;
        }
        self.settle_first_line(now, echo);
        if let Carriage::Opening(until) = self.carriage
            && HAS_TERM
            && (byte != b'\n' || now >= until)
        {
            // That line ended before whatever pause there was.
            self.open_term(echo);
            return Verdict::EndBefore;
        }
        if self.echo.drops(now) {
            // What was lost of an echo spoils no line behind it.
            self.editor.clear();
            return Verdict::More;
        }
        if core::mem::take(&mut self.told) {
            self.editor.clear();
        }
        let carriage = core::mem::replace(&mut self.carriage, Carriage::Home);
        match carriage {
            Carriage::Returned if matches!(byte, b'\n' | 0) => return Verdict::More,
            Carriage::Waiting if byte != b'\n' => self.editor.spoil(),
            _ => {}
        }
        let is_pasted = HAS_TERM && self.is_pasted(now);
        match byte {
            b'\r' | b'\n' if is_pasted => self.pasted_line_end(byte, echo),
            b'\r' => self.carriage_return(now, carriage == Carriage::Waiting, echo),
            b'\n' => self.line_feed(echo),
            _ => self.key(now, byte, echo),
        }
    }

    fn carriage_return(&mut self, now: Instant, again: bool, echo: &mut dyn Out) -> Verdict {
        self.finish_keys();
        let opens = match (self.dialect, self.medium) {
            _ if self.is_term() => {
                self.open_term(echo);
                return Verdict::End;
            }
            (None, _) => true,
            // Somebody at a terminal presses Enter, once or on a line that did nothing again.
            (Some(_), Medium::Serial { .. }) => again || self.editor.is_untouched(),
            (Some(_), Medium::Stream) => false,
        };
        self.carriage = if opens && HAS_TERM {
            Carriage::Opening(now.after(self.medium.lone_cr()))
        } else {
            Carriage::Waiting
        };
        Verdict::More
    }

    /// Ends the line as a CR alone does.
    fn open_term(&mut self, echo: &mut dyn Out) {
        if !matches!(self.dialect, None | Some(Dialect::Term)) {
            // A script's line that no LF ended: it is not a person's.
            self.editor.clear();
        }
        self.close_if_http();
        self.dialect = Some(Dialect::Term);
        self.carriage = Carriage::Returned;
        // What a terminal does not take is lost; the line itself is not.
        let _ = echo.text("\r\n");
    }

    fn line_feed(&mut self, echo: &mut dyn Out) -> Verdict {
        self.finish_keys();
        self.close_if_http();
        let is_echoed = match self.dialect {
            None => self.first_line.is_typed() && !self.editor.text().is_empty(),
            Some(dialect) => dialect.is_term(),
        };
        if is_echoed {
            // A script that is sent no echo from here on, too: its answer begins a line.
            let _ = echo.text("\r\n");
        }
        if self.dialect.is_none() {
            self.dialect = Some(self.spelling());
        }
        Verdict::End
    }

    fn key(&mut self, now: Instant, byte: u8, echo: &mut dyn Out) -> Verdict {
        if byte == ESCAPE {
            // Whatever becomes of it, and however late: a script's line does not hold one.
            self.editor.spoil();
        }
        let Some(key) = self.keys.push(now, byte) else {
            return Verdict::More;
        };
        if self.is_term() {
            let key = self.unless_pasted(now, key);
            let verdict = self.edit(key, echo);
            return if self.overflows_with_echo() {
                Verdict::Echo
            } else {
                verdict
            };
        }
        match self.dialect {
            None if self.echoes_first() && self.first_line.key(now, self.medium) => {
                self.edit_first(key, echo);
            }
            None if HAS_TERM => self.edit_first(key, &mut Silence),
            _ => self.editor.record(key),
        }
        Verdict::More
    }

    /// Whatever key is under way ends with the line.
    fn finish_keys(&mut self) {
        if let Some(key) = self.keys.finish() {
            self.editor.record(key);
        }
    }

    fn close_if_http(&mut self) {
        let is_first = self.dialect.is_none() && !self.editor.is_lost();
        self.closed = is_first && is_http(self.editor.text());
    }

    /// Whether a person is at the other end.
    fn is_term(&self) -> bool {
        self.dialect.is_some_and(Dialect::is_term)
    }

    /// How the line under way is spelled.
    fn spelling(&self) -> Dialect {
        // What is left of a person's line may begin with any character.
        let is_remnant = self.is_term() && self.editor.is_lost();
        if !is_remnant && let Some(b'{' | b'[') = self.editor.text().as_bytes().first() {
            Dialect::Json
        } else if self.is_term() {
            Dialect::Term
        } else {
            Dialect::Plain
        }
    }

    /// Tells what the line that has ended came to.
    fn report(&mut self) -> Received<'_> {
        self.told = true;
        if self.closed {
            return Received::Http;
        }
        if let Some(error) = self.editor.error(self.is_term()) {
            return self.refuse(error);
        }
        let dialect = self.spelling();
        if dialect.is_term() {
            self.editor.keep();
        }
        let text = self.editor.text();
        Received::Line { dialect, text }
    }

    fn refuse(&self, error: LineError) -> Received<'_> {
        Received::Refused {
            dialect: self.spelling(),
            tag: grammar::leading_tag(self.editor.tagged()),
            error,
        }
    }
}

/// Takes the echo of a connection whose dialect is not decided.
struct Silence;

impl Out for Silence {
    fn text(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}
