//! The responder itself: bytes in, bytes out, and now and then an order to the board.

use crate::about::About;
use crate::boot::Boot;
use crate::frames::{Frames, Letter};
use crate::hardware::Board;
use crate::house::House;
use crate::text::Text;
use crate::window::Window;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::wire_bytes;
use lastword_protocol::{BootId, Instant, Millis};

/// A line on which nothing was heard for this long forgets its dialect.
const IDLE: Millis = Millis(300_000);
/// At most one announcement in this time.
const ANNOUNCE_EVERY: Millis = Millis(1_000);
/// How long after the start the board says again that it is there, unless it has heard something.
const AGAIN: [Millis; 2] = [Millis(1_000), Millis(3_000)];

/// A board's side of one line. `T` says what text is to it; `FRAME` bounds a frame on the wire, in
/// bytes; `REPLIES` is how many replies are kept, and so how many requests may be under way: a
/// power of two.
///
/// It does no I/O: a driver ([`crate::io`]) moves the bytes and tells the time.
#[derive(Debug)]
#[repr(C)]
pub struct Responder<T, const FRAME: usize, const REPLIES: usize> {
    letter: Option<Letter>,
    /// How much of what is being said has been sent, in bytes.
    sent: usize,
    /// How often the start was told again.
    again: usize,
    heard: Option<Instant>,
    announced: Instant,
    /// The decoder holds bytes that may turn out to be no frame.
    holds: bool,
    /// Bytes were lost where is not known: somewhere from here on, as long as the driver has more
    /// to be read.
    unsure: bool,
    house: House,
    decoder: Decoder<FRAME>,
    frames: Frames<FRAME, REPLIES>,
    text: T,
}

impl<T: Text, const FRAME: usize, const REPLIES: usize> Responder<T, FRAME, REPLIES> {
    /// Every acknowledgement and refusal fits: the longest has a detail of 96 bytes.
    const FITS: () = assert!(
        FRAME >= wire_bytes(4 + 96) && FRAME <= 4096,
        "FRAME has to hold a refusal"
    );

    /// Begins a boot: counts it, concludes what became of the last operation, and says that the
    /// board is there.
    #[inline(never)]
    pub fn start(about: &'static About, text: T, board: &mut impl Board) -> Self {
        let () = Self::FITS;
        let boot = Boot::begin(board);
        let mtu = u16::try_from(Decoder::<FRAME>::BODY_BYTES).unwrap_or(u16::MAX);
        let window = u8::try_from(REPLIES).unwrap_or(u8::MAX);
        Self {
            house: House::new(about, &boot, mtu, window),
            decoder: const { Decoder::new(Manner::DEVICE_SERIAL) },
            frames: const { Frames::new() },
            text,
            letter: Some(Letter::Announcement),
            sent: 0,
            heard: None,
            announced: board.now(),
            holds: false,
            unsure: false,
            again: 0,
        }
    }

    /// Which boot this is.
    #[must_use]
    pub const fn boot(&self) -> BootId {
        self.house.boot()
    }

    /// Whether the next byte may be handed in: nothing is being said, and no acknowledgement is
    /// being watched.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.letter.is_none() && !self.text.speaks() && !self.house.awaits_drain()
    }

    /// Takes the byte that arrived at `now`. Only while [`Responder::wants_input`].
    pub fn receive(&mut self, now: Instant, byte: u8, board: &mut impl Board) {
        self.house.at(now);
        self.heard = Some(now);
        match self.decoder.push(now, byte) {
            Step::Frame(frame) => {
                self.letter = self.frames.receive(&frame, &mut self.house, board);
                self.decoder.enter(self.frames.nonce());
                self.decoder.admit(self.frames.refused());
                if self.letter.is_none() {
                    self.house.unsaid(board);
                }
            }
            Step::Text(byte) => {
                if core::mem::take(&mut self.holds) {
                    self.text.dropped();
                }
                self.text.feed(now, byte, &mut self.house, board);
            }
            Step::Invalid => self.announce(now),
            Step::Held => self.holds = true,
            Step::Dropped => self.text.dropped(),
        }
        if self.unsure {
            self.lost_input(now);
        }
    }

    /// Puts what is to be sent next into `room`, and returns how many bytes that is; 0 if there is
    /// nothing. Say with [`Responder::sent`] how many of them were taken.
    pub fn output(&mut self, now: Instant, room: &mut [u8], board: &mut impl Board) -> usize {
        self.house.at(now);
        while self.letter.is_some() || self.text.speaks() {
            let mut window = Window::new(self.sent, room);
            match self.letter {
                Some(letter) => self.frames.write(letter, &self.house, &mut window),
                // A window that is full has what it needs.
                None => drop(self.text.write(&self.house, &mut window)),
            }
            if window.taken() > 0 {
                return window.taken();
            }
            self.sent = 0;
            match self.letter.take() {
                None => self.text.said(now, &mut self.house, board),
                Some(Letter::Announcement) => self.text.disturbed(),
                Some(_) => {}
            }
            if self.letter.is_none() && !self.text.speaks() {
                self.house.written(board);
            }
        }
        0
    }

    /// The line's driver took this many bytes of the output.
    pub const fn sent(&mut self, count: usize) {
        self.sent = self.sent.saturating_add(count);
    }

    /// Whether an acknowledgement is written and has to be seen to leave. Then, once every byte
    /// has left the shift register, call [`Responder::drained`].
    #[must_use]
    pub fn awaits_drain(&self) -> bool {
        self.house.awaits_drain()
    }

    /// Everything written has left the shift register. May not return: the board resets.
    pub fn drained(&mut self, now: Instant, board: &mut impl Board) {
        self.house.at(now);
        self.house.drained(board);
    }

    /// The line is gone for good: what is staged stands down.
    pub fn link_lost(&mut self, now: Instant, board: &mut impl Board) {
        self.house.at(now);
        self.house.link_lost(board);
    }

    /// The line was broken (BREAK) here, behind the byte that was handed in last: forgets the
    /// candidate, the dialect and the line under way. Only while [`Responder::wants_input`].
    pub fn broken(&mut self) {
        self.decoder.reset();
        self.holds = false;
        self.text.forget();
    }

    /// Bytes are missing here, between the one that was handed in last and the next: neither line
    /// nor frame runs without them. Only while [`Responder::wants_input`].
    pub fn lost_input(&mut self, now: Instant) {
        self.decoder.lost(now);
        self.text.lost();
    }

    /// Bytes are missing somewhere between the one that was handed in last and those that the driver
    /// has not got yet.
    pub(crate) fn lost_input_somewhere(&mut self, now: Instant) {
        self.lost_input(now);
        self.unsure = true;
    }

    /// The driver has handed in all that it had.
    pub(crate) const fn caught_up(&mut self) {
        self.unsure = false;
    }

    /// When to call [`Responder::tick`] at the latest; `None` if nothing waits for a time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let again = AGAIN.get(self.again).map(|after| Instant(after.0));
        let idle = self.heard.map(|heard| heard.after(IDLE));
        [
            self.house.deadline(),
            self.decoder.deadline(),
            self.text.deadline(),
            again.filter(|_| self.heard.is_none()),
            idle,
            #[cfg(feature = "transfer")]
            self.frames.transfer_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets time pass; late and repeated ticks are harmless. May not return: the board resets.
    #[inline(never)]
    pub fn tick(&mut self, now: Instant, board: &mut impl Board) {
        self.house.at(now);
        self.house.tick(board);
        self.decoder.tick(now);
        if !self.wants_input() {
            return;
        }
        self.text.tick(now, &mut self.house, board);
        if let Some(after) = AGAIN.get(self.again)
            && after.0 <= now.0
        {
            self.again += 1;
            if self.heard.is_none() {
                self.announce(now);
            }
        }
        #[cfg(feature = "transfer")]
        if self.wants_input() {
            self.letter = self.frames.next_transfer(now, board);
        }
        if self.heard.is_some_and(|heard| heard.after(IDLE) <= now) {
            self.heard = None;
            self.text.forget();
        }
    }

    /// Announces that the board is up, at most once a second and never within an answer.
    fn announce(&mut self, now: Instant) {
        let due = ANNOUNCE_EVERY <= now.since(self.announced);
        if due && self.letter.is_none() && !self.text.speaks() {
            self.announced = now;
            self.letter = Some(Letter::Announcement);
        }
    }
}
