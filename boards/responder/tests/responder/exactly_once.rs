//! A host's caller and a board, on a line that loses: each request runs at most once, and each
//! answer is its own.

use crate::bench::Bench;
use crate::program::{PACKET_BYTES, double};
use lastword_protocol::caller::{Caller, Effect, Patience};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::message::{Application, Reply};
use lastword_protocol::{ClientId, Instant, Millis, Text};
use proptest::prelude::*;

/// How often each fault strikes a byte, in a thousand.
#[derive(Clone, Copy, Debug)]
struct Rates {
    lost: u64,
    flipped: u64,
    doubled: u64,
    garbage: u64,
}

/// Numbers that the same seed repeats (an LCG: Knuth, MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// What becomes of bytes on their way.
    fn carry(&mut self, rates: Rates, bytes: &[u8]) -> Vec<u8> {
        let mut arrive = Vec::new();
        for byte in bytes {
            if self.below(1_000) >= rates.lost {
                arrive.push(*byte);
            }
            if self.below(1_000) < rates.flipped {
                arrive.push(byte ^ 1 << self.below(8));
            }
            if self.below(1_000) < rates.doubled {
                arrive.push(*byte);
            }
            if self.below(1_000) < rates.garbage {
                let burst = 1 + self.below(16);
                arrive.extend((0..burst).map(|_| self.below(256).to_le_bytes()[0]));
            }
        }
        arrive
    }
}

/// A caller, a board, and the line between them.
struct World {
    bench: Bench,
    caller: Caller<PACKET_BYTES>,
    decoder: Decoder<PACKET_BYTES>,
    rates: Rates,
    dice: Dice,
    /// The number that is asked to be doubled, and those before it that were answered.
    asking: u32,
    answered: Vec<u32>,
    gave_up: u32,
}

impl World {
    fn new(rates: Rates, seed: u64) -> Self {
        let patience = Patience {
            reply: Millis(60),
            attempts: 100,
            ..Patience::default()
        };
        let mut world = Self {
            bench: Bench::new(),
            caller: Caller::new(ClientId(7), Text::new(), patience),
            decoder: Decoder::new(Manner::HOST),
            rates,
            dice: Dice(seed),
            asking: 0,
            answered: Vec::new(),
            gave_up: 0,
        };
        let hello = world.caller.greet(world.now(), false).expect("room");
        world.send(&hello);
        world
    }

    fn now(&self) -> Instant {
        Instant(self.bench.hardware.now.get())
    }

    fn send(&mut self, bytes: &[u8]) {
        let arrive = self.dice.carry(self.rates, bytes);
        self.bench.uart.arrived.extend(arrive);
    }

    /// A millisecond passes.
    fn pass(&mut self) {
        self.bench.pass(1);
        let now = self.now();
        let left = std::mem::take(&mut self.bench.uart.heard);
        for byte in self.dice.carry(self.rates, &left) {
            let effect = match self.decoder.push(now, byte) {
                Step::Frame(frame) => self.caller.receive(now, &frame),
                _ => None,
            };
            self.decoder.enter(self.caller.nonce());
            self.follow(effect);
        }
        let effect = self.caller.tick(now);
        self.follow(effect);
    }

    fn follow(&mut self, effect: Option<Effect<PACKET_BYTES>>) {
        match effect {
            None => {}
            Some(Effect::Send(packet)) => self.send(&packet),
            Some(Effect::Welcomed(_)) => self.ask_next(),
            Some(Effect::Answered(reply)) => {
                let doubled = Application::new(crate::application::DOUBLE, &(2 * self.asking));
                assert_eq!(reply, Reply::Application(doubled.expect("room")));
                self.answered.push(self.asking);
                self.ask_next();
            }
            Some(Effect::GaveUp) => {
                self.gave_up += 1;
                let hello = self.caller.greet(self.now(), false).expect("room");
                self.send(&hello);
            }
            Some(effect) => panic!("nobody has restarted or taken the line: {effect:?}"),
        }
    }

    fn ask_next(&mut self) {
        self.asking += 1;
        let request = double(self.asking);
        let packet = self.caller.call(self.now(), &request).expect("a session");
        self.send(&packet);
    }
}

/// So many requests, one after the other.
const REQUESTS: usize = 20;
/// How long they may take, in milliseconds.
const LIMIT_MS: u64 = 200_000;

fn check(rates: Rates, seed: u64) -> World {
    let mut world = World::new(rates, seed);
    while world.answered.len() < REQUESTS && world.now().0 < LIMIT_MS {
        world.pass();
    }
    let mut ran = world.bench.hardware.asked.clone();
    let runs = ran.len();
    ran.dedup();
    assert_eq!(runs, ran.len(), "one ran twice: {ran:?}");
    assert!(ran.is_sorted(), "{ran:?}");
    let unanswered = |number: &u32| !ran.contains(number);
    let unheard_of: Vec<_> = world.answered.iter().filter(|it| unanswered(it)).collect();
    assert!(
        unheard_of.is_empty(),
        "answered and never ran: {unheard_of:?}"
    );
    assert_eq!(world.answered.len(), REQUESTS, "after {} ms", world.now().0);
    world
}

#[test]
fn a_line_without_faults_answers_each_request_at_once() {
    let rates = Rates {
        lost: 0,
        flipped: 0,
        doubled: 0,
        garbage: 0,
    };
    let world = check(rates, 0);
    assert!(world.now().0 < 60, "nothing was sent twice");
    assert_eq!(world.gave_up, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_request_runs_once_however_much_the_line_loses(
        seed: u64,
        lost in 0_u64..6,
        flipped in 0_u64..6,
        doubled in 0_u64..6,
        garbage in 0_u64..3,
    ) {
        check(Rates { lost, flipped, doubled, garbage }, seed);
    }
}
