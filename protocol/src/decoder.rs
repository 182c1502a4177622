//! Bytes in, frames and text out: the decoder that both ends run on every link.
//!
//! Everything since the last delimiter is tried as a frame at the next one. Whatever is not a
//! valid frame is text or garbage, never an error reply, and a candidate that grows too long is
//! discarded up to and including the next delimiter: the decoder never resumes inside.

use crate::frame::{self, DELIMITER, Frame};
use crate::units::{Instant, Millis, Nonce};

/// On a serial line a silence of this length ends a candidate.
pub const SERIAL_GAP: Millis = Millis(50);
/// After a candidate a device takes nothing for text until the line was quiet for this long; on a
/// stream a silence of this length ends a candidate.
pub const QUIET: Millis = Millis(1_000);
/// The time for which a device on a stream waits for the rest of a candidate behind a silence of [`QUIET`] in it,
/// before it takes what came behind the silence for text.
pub const REST_GAP: Millis = Millis(50);

/// How a decoder treats what is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// True if the peer may pause in mid-frame, for up to [`QUIET`]. Otherwise a silence of
    /// [`SERIAL_GAP`] ends a candidate.
    pub pauses: bool,
    /// Whether text is only shown, as on a host. Otherwise it is dropped after a candidate until
    /// the line was quiet for [`QUIET`].
    pub shows: bool,
}

impl Manner {
    /// A device on a serial line.
    pub const DEVICE_SERIAL: Self = Self {
        pauses: false,
        shows: false,
    };
    /// A device on a stream with connections: TCP, TLS, Unix socket.
    pub const DEVICE_STREAM: Self = Self {
        pauses: true,
        shows: false,
    };
    /// A host on a serial line.
    pub const HOST: Self = Self {
        pauses: false,
        shows: true,
    };
    /// A host on a stream, where a frame may pause for a lost segment.
    pub const HOST_STREAM: Self = Self {
        pauses: true,
        shows: true,
    };
}

/// What became of a byte.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// It is text. On a device a NUL right after CR is (telnet sends it so); any other opens a
    /// candidate.
    Text(u8),
    /// It is held: part of a candidate, or a delimiter.
    Held,
    /// It completes a valid frame.
    Frame(Frame<'a>),
    /// It ends a candidate that is no frame; what was held since the last delimiter is void.
    Invalid,
    /// It belongs to a candidate that is too long, or is text while frames flow: dropped.
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Text, until a delimiter.
    Text,
    /// Behind a delimiter that opens a frame.
    Open,
    /// Behind the delimiter that closed a valid frame, and may open the next.
    Closed,
    /// In a candidate that is too long, until a delimiter.
    Discard,
    /// On a device's stream, behind a silence in a candidate: what comes now is the rest of it, if a
    /// delimiter follows, or else text.
    Doubt,
}

/// Splits a stream of bytes into frames and text. `N` bounds a candidate, in bytes, delimiters
/// not counted; and the body of a frame to what is sure to fit into a packet of `N` bytes.
#[derive(Debug)]
#[repr(C)]
pub struct Decoder<const N: usize> {
    state: State,
    after_return: bool,
    muted: bool,
    /// Bytes of the candidate were lost: it is no frame, whatever it looks like.
    void: bool,
    /// The candidate in doubt is too long to be a frame.
    torn: bool,
    manner: Manner,
    /// How many bytes of `buffer` are held: the candidate.
    held: usize,
    /// The number of those that came before the silence that puts them in doubt, or are released as text.
    mark: usize,
    invalid: u32,
    session: Option<Nonce>,
    refused: Option<Nonce>,
    last_byte: Instant,
    buffer: [u8; N],
}

impl<const N: usize> Decoder<N> {
    /// The longest body that is taken, in bytes.
    ///
    /// COBS takes zeros out at hardly any cost, so a body that is too long may come in a candidate
    /// that is not.
    pub const BODY_BYTES: usize = {
        let mut body_bytes = 0;
        while frame::wire_bytes(body_bytes + 1) <= N {
            body_bytes += 1;
        }
        body_bytes
    };

    /// A decoder at the start of a stream.
    #[must_use]
    pub const fn new(manner: Manner) -> Self {
        Self {
            manner,
            session: None,
            refused: None,
            state: State::Text,
            buffer: [0; N],
            held: 0,
            mark: 0,
            torn: false,
            last_byte: Instant(0),
            after_return: false,
            muted: false,
            void: false,
            invalid: 0,
        }
    }

    /// From here on, frames other than hellos must be summed with this nonce. On a device the end of
    /// a session ends the muting, too: no frame of its client's follows.
    pub const fn enter(&mut self, session: Option<Nonce>) {
        if self.is_device() && self.session.is_some() && session.is_none() {
            self.reset();
        }
        self.session = session;
    }

    /// From here on, frames of one client whose hello was refused are taken, too: those summed with
    /// this nonce. [`Frame::nonce`] tells them from the session's.
    pub const fn admit(&mut self, refused: Option<Nonce>) {
        self.refused = refused;
    }

    /// Whether a byte that came at `now` would be text, unless it is a delimiter.
    #[must_use]
    pub fn takes_text(&mut self, now: Instant) -> bool {
        self.tick(now);
        self.state == State::Text && !self.muted
    }

    /// How many candidates were no frame, since the start.
    #[must_use]
    pub const fn invalid(&self) -> u32 {
        self.invalid
    }

    /// Forgets candidate and muting: the line was broken (BREAK), is new, or was given free.
    pub const fn reset(&mut self) {
        self.held = 0;
        self.mark = 0;
        self.state = State::Text;
        self.after_return = false;
        self.muted = false;
        self.void = false;
    }

    /// Bytes are missing here, as was seen at `now`: a candidate under way is void, and ends where it
    /// would have ended.
    pub fn lost(&mut self, now: Instant) {
        self.tick(now);
        // There was no silence: something has arrived.
        self.last_byte = now;
        self.after_return = false;
        self.void = matches!(self.state, State::Open | State::Closed);
        if self.state == State::Doubt {
            self.reject(State::Discard);
        }
    }

    /// The stream has ended: what is in doubt is text.
    pub fn end(&mut self) {
        if self.state == State::Doubt {
            self.release();
        }
    }

    /// Returns the next byte of what was in doubt and is text. On a device's stream, to be asked until
    /// there is none before the next byte is pushed.
    pub fn released(&mut self) -> Option<u8> {
        if self.state != State::Text || self.mark >= self.held {
            return None;
        }
        let byte = self.buffer.get(self.mark).copied();
        self.mark += 1;
        if self.mark == self.held {
            self.held = 0;
        }
        byte
    }

    /// Takes one byte that arrived at `now`.
    #[inline(never)]
    pub fn push(&mut self, now: Instant, byte: u8) -> Step<'_> {
        self.tick(now);
        self.last_byte = now;
        if byte == DELIMITER {
            return self.delimiter();
        }
        match (self.state, self.buffer.get_mut(self.held)) {
            (State::Text, _) => {
                self.after_return = byte == b'\r';
                if self.muted {
                    Step::Dropped
                } else {
                    Step::Text(byte)
                }
            }
            (State::Open | State::Closed | State::Doubt, Some(free)) => {
                *free = byte;
                self.held += 1;
                Step::Held
            }
            (State::Open | State::Closed | State::Doubt, None) => {
                self.reject(State::Discard);
                Step::Dropped
            }
            (State::Discard, _) => Step::Dropped,
        }
    }

    /// Takes of these bytes, which arrived at `now`, as many as are held in any case: those before the delimiter of a
    /// candidate under way. Returns their number. Each of them could be pushed instead; this is faster.
    pub fn hold(&mut self, now: Instant, bytes: &[u8]) -> usize {
        self.tick(now);
        if !matches!(self.state, State::Open | State::Closed) {
            return 0;
        }
        let free = self.buffer.get_mut(self.held..).unwrap_or_default();
        let most = free.len().min(bytes.len());
        let fitting = &bytes[..most];
        let count = fitting.iter().position(|byte| *byte == DELIMITER);
        let count = count.unwrap_or(most);
        free[..count].copy_from_slice(&bytes[..count]);
        self.held += count;
        if count > 0 {
            self.last_byte = now;
        }
        count
    }

    /// Lets time pass. Returns whether a held candidate ended here, void. Late and repeated
    /// ticks are harmless; [`Decoder::push`] ticks by itself.
    pub fn tick(&mut self, now: Instant) -> bool {
        let silence = now.since(self.last_byte);
        let quiet = QUIET <= silence;
        let ends = match self.state {
            State::Open | State::Closed => self.gap() <= silence,
            // The delimiter may be lost for good.
            State::Discard => quiet,
            State::Doubt => self.mark < self.held && REST_GAP <= silence,
            State::Text => false,
        };
        let void = ends && self.held > 0;
        if ends && self.state == State::Doubt {
            self.release();
        } else if ends && self.may_go_on() {
            self.torn = self.state == State::Discard;
            self.mark = self.held;
            self.state = State::Doubt;
            self.muted = false;
            return false;
        } else if void {
            self.reject(State::Text);
        } else if ends {
            self.state = State::Text;
            self.void = false;
        }
        if quiet {
            self.muted = false;
        }
        void
    }

    /// Returns the time at which a held candidate would end by silence, or what is in doubt be text; `None` if nothing is
    /// held, or only what arrives can tell.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let gap = match self.state {
            State::Open | State::Closed if !self.may_go_on() => self.gap(),
            State::Doubt if self.mark < self.held => REST_GAP,
            _ => return None,
        };
        (self.held > 0).then(|| self.last_byte.after(gap))
    }

    /// The silence that ends a candidate.
    const fn gap(&self) -> Millis {
        if self.manner.pauses {
            QUIET
        } else {
            SERIAL_GAP
        }
    }

    /// Returns whether the rest of the candidate may come behind a silence, late: a TCP segment was lost. It
    /// must not be taken for text, which a device runs.
    fn may_go_on(&self) -> bool {
        let is_begun = self.held > 0 || self.state == State::Discard;
        self.manner.pauses && self.is_device() && is_begun
    }

    /// Takes the bytes behind the silence for text, and drops those before it.
    const fn release(&mut self) {
        self.invalid = self.invalid.saturating_add(1);
        self.state = State::Text;
        self.muted = false;
        self.void = false;
        self.after_return = false;
    }

    fn delimiter(&mut self) -> Step<'_> {
        match self.state {
            State::Text if self.after_return && self.is_device() && !self.muted => {
                self.after_return = false;
                Step::Text(DELIMITER)
            }
            State::Open | State::Closed if self.held > 0 || self.void => self.try_candidate(),
            State::Doubt if !self.torn => self.try_candidate(),
            State::Doubt => {
                self.reject(State::Open);
                Step::Held
            }
            State::Text | State::Discard | State::Open | State::Closed => {
                self.after_return = false;
                self.held = 0;
                self.state = State::Open;
                Step::Held
            }
        }
    }

    /// Only devices hear from telnet.
    const fn is_device(&self) -> bool {
        !self.manner.shows
    }

    fn try_candidate(&mut self) -> Step<'_> {
        let length = core::mem::take(&mut self.held);
        let is_whole = !core::mem::take(&mut self.void);
        self.muted = !self.manner.shows;
        let candidate = self.buffer.get_mut(..length).filter(|_| is_whole);
        let frame =
            candidate.and_then(|held| frame::decode_either(held, self.session, self.refused));
        if let Some(frame) = frame.filter(|frame| frame.body.len() <= Self::BODY_BYTES) {
            self.state = State::Closed;
            Step::Frame(frame)
        } else {
            self.state = State::Open;
            self.invalid = self.invalid.saturating_add(1);
            Step::Invalid
        }
    }

    fn reject(&mut self, next: State) {
        self.held = 0;
        self.void = false;
        self.invalid = self.invalid.saturating_add(1);
        self.muted = !self.manner.shows;
        self.state = next;
    }
}

#[cfg(test)]
mod tests;
