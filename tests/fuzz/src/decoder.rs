//! Any bytes, at any times, in every [`Manner`].
//!
//! - It never panics, and ticking it in between, early, late or twice, changes nothing.
//! - A frame comes out only where one stood whole between two delimiters, and does come out where
//!   one did and no silence fell into it. Of what is over the bound not a byte does.
//! - Behind a candidate a device takes no text until the line was quiet.
//! - Whatever came before, a frame behind a delimiter is found.

use crate::input::Bytes;
use lastword_protocol::decoder::{Decoder, Manner, QUIET, REST_GAP, SERIAL_GAP, Step};
use lastword_protocol::frame::{self, Class, Frame, Header, Packet};
use lastword_protocol::{Instant, Millis, Nonce, Sequence};

/// The longest candidate, in bytes: small, so that many inputs are over it.
const ROOM: usize = 64;
/// Room for a frame that is over it.
const PACKET: usize = 128;
const NONCE: Nonce = Nonce(0x0BAD_CAFE);
const MANNERS: [Manner; 4] = [
    Manner::DEVICE_SERIAL,
    Manner::DEVICE_STREAM,
    Manner::HOST,
    Manner::HOST_STREAM,
];
/// Pauses around every limit there is, in milliseconds.
const PAUSES: [u64; 10] = [0, 1, 10, 49, 50, 51, 999, 1_000, 1_001, 60_000];
const CLASSES: [Class; 6] = [
    Class::Hello,
    Class::Request,
    Class::Reply,
    Class::Event,
    Class::Data,
    Class::Credit,
];

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Bytes::new(data);
    let mut bench = Bench::new(input.pick(&MANNERS));
    while !input.is_empty() {
        bench.act(&mut input);
    }
    bench.finds_a_frame();
}

/// Two decoders that must agree, and what can be said of the stream without one.
struct Bench {
    manner: Manner,
    /// Is only pushed.
    pushed: Decoder<ROOM>,
    /// Is ticked in between.
    ticked: Decoder<ROOM>,
    session: Option<Nonce>,
    now: Instant,
    last_byte: Instant,
    /// The byte before.
    before: u8,
    /// Everything since the last delimiter.
    segment: Vec<u8>,
    /// There was a delimiter, and no silence since that could have ended a candidate.
    is_whole: bool,
    /// A candidate has ended and the line was not quiet since.
    is_muted: bool,
}

impl Bench {
    fn new(manner: Manner) -> Self {
        Self {
            manner,
            pushed: Decoder::new(manner),
            ticked: Decoder::new(manner),
            session: None,
            now: Instant(0),
            last_byte: Instant(0),
            before: b' ',
            segment: Vec::with_capacity(2 * PACKET),
            is_whole: false,
            is_muted: false,
        }
    }

    fn act(&mut self, input: &mut Bytes<'_>) {
        match input.byte() % 9 {
            0 => self.send(input.some(32), input),
            1 => self.send(&[0], input),
            2 => {
                let packet = packet(input, NONCE);
                self.send(&packet, input);
            }
            3 => {
                let mut packet = packet(input, NONCE);
                let bit = usize::from(input.short()) % (packet.len() * 8);
                packet[bit / 8] ^= 1 << (bit % 8);
                self.send(&packet, input);
            }
            4 => {
                let packet = packet(input, Nonce(NONCE.0 ^ 1));
                self.send(&packet, input);
            }
            5 => self.now = self.now.after(Millis(input.pick(&PAUSES))),
            6 => self.enter([None, Some(NONCE)][usize::from(input.byte() & 1)]),
            8 => self.lose(),
            _ => self.reset(),
        }
    }

    fn enter(&mut self, session: Option<Nonce>) {
        let ends = self.session.is_some() && session.is_none();
        self.session = session;
        self.pushed.enter(session);
        self.ticked.enter(session);
        if ends && !self.manner.shows {
            self.begin_anew();
        }
    }

    fn reset(&mut self) {
        self.pushed.reset();
        self.ticked.reset();
        self.begin_anew();
    }

    /// Nothing is held, and nothing is muted.
    fn begin_anew(&mut self) {
        self.is_whole = false;
        self.is_muted = false;
    }

    /// Sends bytes, with a pause in the middle of some.
    fn send(&mut self, bytes: &[u8], input: &mut Bytes<'_>) {
        let cut = input.byte();
        for (index, byte) in bytes.iter().enumerate() {
            if cut >= 0xC0 && index == usize::from(cut & 0x3F) {
                self.now = self.now.after(Millis(input.pick(&PAUSES)));
            }
            self.push(*byte);
        }
    }

    /// Bytes are missing here: what is under way is no frame, and nothing muted is text.
    fn lose(&mut self) {
        self.pass_time();
        let invalid = self.ticked.invalid();
        self.ticked.lost(self.now);
        self.pushed.lost(self.now);
        self.is_muted |= self.ticked.invalid() != invalid;
        self.is_whole = false;
        self.segment.clear();
        self.before = b' ';
        self.last_byte = self.now;
    }

    /// Lets the time since the last byte pass, and takes what is text by that.
    fn pass_time(&mut self) {
        let silence = self.now.since(self.last_byte);
        let void = self.tick_between();
        self.is_muted = (self.is_muted || void) && silence < QUIET;
        self.is_whole &= !(QUIET <= silence || !self.manner.pauses && SERIAL_GAP <= silence);
        self.pushed.tick(self.now);
        let released =
            |it: &mut Decoder<ROOM>| -> Vec<u8> { std::iter::from_fn(|| it.released()).collect() };
        let text = released(&mut self.ticked);
        assert_eq!(text, released(&mut self.pushed), "a tick made a difference");
        assert!(
            text.is_empty() || self.segment.ends_with(&text),
            "what is released was not sent"
        );
        if !text.is_empty() {
            // There was a quiet second before it.
            self.is_muted = false;
        }
    }

    /// Returns whether this byte completed a frame.
    fn push(&mut self, byte: u8) -> bool {
        self.pass_time();
        let invalid = self.ticked.invalid();
        let step = self.ticked.push(self.now, byte);
        assert_eq!(
            step,
            self.pushed.push(self.now, byte),
            "a tick made a difference"
        );
        let (is_frame, is_text) = (
            matches!(step, Step::Frame(_)),
            matches!(step, Step::Text(_)),
        );
        if let Step::Text(text) = step {
            assert_eq!(text, byte);
            let mute = !self.manner.shows;
            assert!(!(mute && self.is_muted), "text behind a candidate");
            assert!(
                byte != 0 || mute && self.before == b'\r',
                "a delimiter is text"
            );
        }
        let segment = &mut self.segment;
        judge(&step, self.is_whole, self.session, segment, byte);
        if byte == 0 {
            segment.clear();
            self.is_whole = !is_text;
        } else {
            segment.push(byte);
        }
        self.is_muted |= is_frame || self.ticked.invalid() != invalid;
        self.before = byte;
        self.last_byte = self.now;
        is_frame
    }

    /// Ticks one of the two, and returns whether a candidate ended, which it must exactly at the
    /// deadline.
    fn tick_between(&mut self) -> bool {
        if self.now == self.last_byte {
            assert!(!self.ticked.tick(self.now), "void without a silence");
            return false;
        }
        let due = self.ticked.deadline();
        let due_by_now = due.is_some_and(|due| due <= self.now);
        let halfway = Instant(self.last_byte.0.midpoint(self.now.0));
        let mut void = false;
        for at in [halfway, self.now, self.last_byte] {
            let ends = self.ticked.tick(at);
            let is_due = !void && due.is_some_and(|due| due <= at);
            assert_eq!(ends, is_due, "at {at:?}, due {due:?}");
            void |= ends;
        }
        assert_eq!(void, due_by_now);
        void
    }

    /// Behind a delimiter a frame is found; behind a silence, too; and then a line takes text.
    fn finds_a_frame(&mut self) {
        self.enter(Some(NONCE));
        let packet = packet(&mut Bytes::new(b"\x01\x04last"), NONCE);
        self.push(0);
        for pause in [Millis(0), QUIET] {
            self.now = self.now.after(pause);
            let mut found = false;
            for byte in &packet {
                found = self.push(*byte);
            }
            assert!(found, "the frame behind a pause of {pause} is lost");
        }
        self.push(b'x');
        self.now = self.now.after(QUIET);
        let is_device = !self.manner.shows;
        if self.manner.pauses && is_device {
            // It may be the rest of a candidate.
            self.ticked.tick(self.now);
            self.ticked.push(self.now, b'y');
            self.now = self.now.after(REST_GAP);
            self.ticked.tick(self.now);
            assert_eq!(self.ticked.released(), Some(b'y'), "deaf to text");
        } else {
            assert!(self.ticked.takes_text(self.now), "deaf to text");
        }
    }
}

/// Checks what became of a byte behind a delimiter by all the bytes since. `is_whole`: nothing but
/// their number and content can matter.
fn judge(step: &Step<'_>, is_whole: bool, session: Option<Nonce>, segment: &mut [u8], byte: u8) {
    let is_long = segment.len() > ROOM;
    let fits = |frame: &Frame<'_>| !is_long && frame::wire_bytes(frame.body.len()) <= ROOM;
    let expected = match (byte, segment.len()) {
        (1.., ..ROOM) | (0, 0) => Step::Held,
        (1.., _) => Step::Dropped,
        (0, _) if is_long => Step::Held,
        (0, _) => frame::decode(segment, session)
            .filter(fits)
            .map_or(Step::Invalid, Step::Frame),
    };
    if is_whole || matches!(step, Step::Frame(_)) {
        assert_eq!(*step, expected);
    }
}

/// A frame of any class; its body may be longer than what a decoder takes.
fn packet(input: &mut Bytes<'_>, nonce: Nonce) -> Packet<PACKET> {
    let class = input.pick(&CLASSES);
    let body = input.some(96);
    let header = Header::new(class, Sequence(7), 3);
    let write = |out: &mut [u8]| {
        out.get_mut(..body.len())?.copy_from_slice(body);
        Some(body.len())
    };
    frame::encode(header, nonce, write).expect("room for the longest")
}
