//! Four million random bytes give no request and no command, with one exception that cannot be
//! had away: what a person says with a single key.
//!
//! Random bytes are no frame (a checksum of 32 bits stands before that), they are nothing that
//! takes words to say, and nothing dangerous, which is never abbreviated. But where they are heard
//! as text, and the first line of them was ended by a CR, they come from a person as far as anybody
//! can know; and then `u`, `v`, `l` and `?` in front of Enter are `uptime`, `version`, `logout` and
//! `help`, whatever control characters stand around them. A line is one of these with a probability
//! of about 1 in 6,000, and every 128th byte ends one. Most random bytes are not heard as text: the
//! first NUL opens a candidate, and then frames flow. Measured over 25 seeds of 4,000,000 bytes
//! each, commands per four million bytes:
//!
//! | | serial line | TCP |
//! | --- | --- | --- |
//! | one long stream | 0 | 0 |
//! | a new session every thousand bytes | 1.7 | 1.7 |
//! | a pause of up to three seconds every thousand bytes | 0.3 | 0 |
//! | a BREAK every thousand bytes | 1.7 | |
//!
//! [`check`] returns that count: run it over more seeds to measure anew.

use super::commands::{COUNTED, understood, worst};
use super::{ask_hello, request};
use lastword_agent::core::clients::FRAME_BYTES;
use lastword_agent::core::session::Traits;
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::Class;
use lastword_protocol::hello::{self, Welcome};
use lastword_protocol::message::Request;
use lastword_protocol::{Instant, Millis};
use lastword_shell::{Level, commands};
use lastword_tests::bench::{Bench, SERIAL, TCP};
use lastword_tests::dice::Dice;

/// How many bytes each kind of noise has.
const BYTES: usize = 4_000_000;
/// How many random bytes are sent at most until something else happens; half of it on average.
const CHUNK_BYTES: u64 = 2_000;
/// More single-key commands than this are no chance: some twelve times what was measured.
const CHANCE: usize = 20;

/// What happens between two chunks of noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    Nothing,
    NewSession,
    Pause,
    Break,
}

/// A board under fire.
struct Target {
    bench: Bench,
    now: Instant,
    ears: Decoder<FRAME_BYTES>,
    /// Its last welcome.
    welcome: Option<Welcome>,
    /// Frames it said.
    frames: usize,
    /// Lines that it took for commands.
    commands: usize,
}

impl Target {
    fn new(traits: Traits) -> Self {
        Self {
            bench: Bench::with_table(traits, COUNTED),
            now: Instant(0),
            ears: Decoder::new(Manner::HOST),
            welcome: None,
            frames: 0,
            commands: 0,
        }
    }

    fn wait(&mut self, span: Millis) {
        self.now = self.bench.wait(self.now, self.now.after(span));
    }

    fn send(&mut self, bytes: &[u8]) -> String {
        let before = understood();
        self.bench.receive(self.now, bytes);
        let said = self.bench.take_said();
        for byte in &said {
            if let Step::Frame(frame) = self.ears.push(self.now, *byte) {
                let kind = (frame.header.class, frame.header.opcode);
                self.frames += 1;
                if kind == (Class::Hello, hello::opcode::WELCOME) {
                    self.welcome = hello::decode(&frame);
                }
            }
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        // A question mark is help without being that command.
        let explains = |summary: &str| text.contains(&summary[..12]);
        let helped = commands::ALL
            .iter()
            .any(|command| explains(command.summary));
        self.commands += (understood() - before).max(usize::from(helped));
        if self.bench.end().is_some() {
            self.bench.reconnect(self.now);
        }
        text
    }

    fn noise(&mut self, dice: &mut Dice) {
        let length = usize::try_from(1 + dice.below(CHUNK_BYTES)).expect("small");
        let bytes: Vec<_> = (0..length).map(|_| dice.byte()).collect();
        // As long as the line at its speed takes.
        self.wait(Millis(length as u64 * 10 * 1_000 / 115_200));
        self.send(&bytes);
    }

    fn happens(&mut self, between: Between, dice: &mut Dice) {
        match between {
            Between::Nothing => {}
            Between::NewSession => self.bench.reconnect(self.now),
            Between::Pause => self.wait(Millis(dice.below(3_000))),
            Between::Break => self.bench.receive_break(self.now),
        }
    }

    /// Whoever speaks next is understood.
    #[track_caller]
    fn hears_the_next(&mut self) {
        self.send(&ask_hello());
        let nonce = self.welcome.take().expect("no welcome").nonce;
        let before = self.bench.ledger().runs().len();
        self.send(&request(nonce, 1, &Request::Reboot));
        assert_eq!(self.bench.ledger().asked(), 1);
        self.wait(Millis(1_000));
        let text = self.send(b"\nuptime\n");
        assert!(text.contains("uptime"), "{text:?}");
        assert_eq!(self.bench.ledger().runs().len(), before + 2, "{text:?}");
    }
}

/// Sends noise, and returns how many commands of a single key a person is taken to have typed.
#[track_caller]
fn check(traits: Traits, between: Between, seed: u64) -> usize {
    let mut target = Target::new(traits);
    let mut dice = Dice::new(seed);
    let chunks = 2 * BYTES as u64 / CHUNK_BYTES;
    for _ in 0..chunks {
        target.noise(&mut dice);
        target.happens(between, &mut dice);
    }
    let context = format!("{between:?} on {:?}, seed {seed}", traits.medium);
    let ledger = target.bench.ledger();
    assert_eq!(ledger.asked(), 0, "{context}: {:?}", ledger.runs());
    drop(ledger);
    assert_eq!((target.frames, worst()), (0, Level::View), "{context}");
    let typed = target.commands;
    let looked = target.bench.ledger().runs().len();
    assert!(looked <= typed, "{context}: more ran than was understood");
    target.hears_the_next();
    typed
}

#[test]
fn four_million_random_bytes_in_one_stream_are_no_request_and_no_command() {
    for traits in [SERIAL, TCP] {
        for seed in 0..4 {
            assert_eq!(check(traits, Between::Nothing, seed), 0, "seed {seed}");
        }
    }
}

#[test]
fn four_million_random_bytes_in_many_sessions_are_nothing_but_now_and_then_a_persons_key() {
    for traits in [SERIAL, TCP] {
        let typed = check(traits, Between::NewSession, 1);
        assert!(typed <= CHANCE, "{typed} commands on {:?}", traits.medium);
    }
}

#[test]
fn four_million_random_bytes_with_pauses_are_nothing_but_now_and_then_a_persons_key() {
    for (traits, between) in [
        (SERIAL, Between::Pause),
        (TCP, Between::Pause),
        (SERIAL, Between::Break),
    ] {
        let typed = check(traits, between, 1);
        assert!(typed <= CHANCE, "{typed} commands after {between:?}");
    }
}
