//! Each request runs at most once, and every one that is accepted gets its own answer, whatever
//! the channel loses, repeats, delays or damages, and whatever the board forgets.

mod board;
mod channel;

use board::{Board, Trouble};
use channel::{Channel, Fate, Passage};
use lastword_protocol::announcement::AnnouncementReader;
use lastword_protocol::caller::{Caller, Effect, Patience};
use lastword_protocol::decoder::{Decoder, Manner, Step};
use lastword_protocol::frame::Packet;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::session::{Admission, Session};
use lastword_protocol::{BootId, ClientId, Instant, Millis, OperationId, Sequence, Text};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// Longer than any packet here, in bytes.
const ROOM: usize = 256;
const CLIENT: ClientId = ClientId(0xC11E);
/// More than a board needs, unless something hangs.
const MOMENTS: usize = 100_000;

/// A caller and a board with a channel between them.
struct World {
    now: Instant,
    caller: Caller<ROOM>,
    decoder: Decoder<ROOM>,
    announcements: AnnouncementReader,
    board: Board,
    channel: Channel,
    told: VecDeque<Effect<ROOM>>,
}

impl World {
    fn new(manner: Manner, attempts: u16, passages: Vec<Passage>) -> Self {
        let patience = Patience {
            reply: Millis(100),
            attempts,
            ..Patience::default()
        };
        Self {
            now: Instant(0),
            caller: Caller::new(CLIENT, Text::new(), patience),
            decoder: Decoder::new(Manner::HOST),
            announcements: AnnouncementReader::new(),
            board: Board::new(manner),
            channel: Channel::new(passages),
            told: VecDeque::new(),
        }
    }

    fn send(&mut self, packet: &Packet<ROOM>) {
        let trouble = self.channel.send_to_board(self.now, packet);
        self.befall(trouble);
    }

    fn befall(&mut self, trouble: Option<Trouble>) {
        if let Some(packet) = trouble.and_then(|trouble| self.board.befall(self.now, trouble)) {
            // A board that is starting is in no further trouble.
            self.channel.send_to_host(self.now, &packet);
        }
    }

    /// Lets the caller greet until it has a session, or has no patience left.
    fn greet(&mut self) -> bool {
        let packet = self.caller.greet(self.now, false).expect("room");
        self.send(&packet);
        matches!(self.run(), Effect::Welcomed(_))
    }

    /// Whether there is a session, greeting if need be. An announcement may end it again at once.
    fn has_session(&mut self) -> bool {
        if self.caller.nonce().is_none() {
            self.greet();
        }
        self.caller.nonce().is_some()
    }

    /// Asks for something that tells itself apart by `id`, and says how that ended.
    fn call(&mut self, id: u64) -> Effect<ROOM> {
        let request = Request::PowerCancel(Some(OperationId(id)));
        let packet = self.caller.call(self.now, &request).expect("a session");
        self.send(&packet);
        self.run()
    }

    /// Lets everything happen in its order until the caller has something to tell.
    fn run(&mut self) -> Effect<ROOM> {
        // What the caller told behind an answer shows in its nonce.
        self.told.clear();
        for _ in 0..MOMENTS {
            match self.told.pop_front() {
                Some(Effect::Send(packet)) => self.send(&packet),
                Some(effect) => return effect,
                None => self.moment(),
            }
        }
        panic!("nothing came of it");
    }

    /// The next thing that happens: something arrives, or the caller's time is up.
    fn moment(&mut self) {
        let deadline = self.caller.deadline().expect("the caller waits");
        if let Some(arrival) = self.channel.next_before(deadline) {
            self.now = arrival.at;
            if arrival.for_board {
                self.board_hears(&arrival.bytes);
            } else {
                self.host_hears(&arrival.bytes);
            }
        } else {
            self.now = deadline;
            self.told.extend(self.caller.tick(deadline));
        }
    }

    fn board_hears(&mut self, bytes: &[u8]) {
        for packet in self.board.hear(self.now, bytes) {
            let trouble = self.channel.send_to_host(self.now, &packet);
            self.befall(trouble);
        }
    }

    fn host_hears(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.decoder.enter(self.caller.nonce());
            let effect = match self.decoder.push(self.now, *byte) {
                Step::Frame(frame) => self.caller.receive(self.now, &frame),
                Step::Text(byte) => {
                    let announced = self.announcements.push(byte);
                    announced.and_then(|it| self.caller.announced(self.now, &it))
                }
                _ => None,
            };
            self.told.extend(effect);
        }
    }

    fn runs_of(&self, id: u64) -> u32 {
        self.board.runs.get(&id).copied().unwrap_or_default()
    }
}

/// `reply` answers the request for `id` and no other.
fn is_own_answer(reply: &Reply, id: u64) -> bool {
    matches!(reply, Reply::Cancelled(cancelled) if cancelled.id == OperationId(id))
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Arrives),
        3 => Just(Fate::Lost),
        2 => (0_u64..600).prop_map(Fate::Late),
        2 => (0_u64..600).prop_map(Fate::Twice),
        2 => (any::<prop::sample::Index>(), 1_u8..=255)
            .prop_map(|(place, mask)| Fate::Damaged(place, mask)),
        1 => any::<prop::sample::Index>().prop_map(Fate::Cut),
    ]
}

fn passage() -> impl Strategy<Value = Passage> {
    fate().prop_map(|fate| Passage {
        fate,
        trouble: None,
    })
}

fn troubled_passage() -> impl Strategy<Value = Passage> {
    let trouble = prop_oneof![
        6 => Just(None),
        1 => Just(Some(Trouble::Forgets)),
        1 => Just(Some(Trouble::Boots)),
    ];
    (fate(), trouble).prop_map(|(fate, trouble)| Passage { fate, trouble })
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![Just(Manner::DEVICE_SERIAL), Just(Manner::DEVICE_STREAM)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The channel misbehaves for a while and the caller outlasts it.
    #[test]
    fn with_patience_every_request_runs_once_and_gets_its_own_answer(
        manner in manner(),
        passages in vec(passage(), 0..60),
        calls in 1_u64..12,
    ) {
        let mut world = World::new(manner, 100, passages);
        prop_assert!(world.greet());
        for id in 1..=calls {
            let effect = world.call(id);
            let own = matches!(&effect, Effect::Answered(reply) if is_own_answer(reply, id));
            prop_assert!(own, "{id}: {effect:?}");
            prop_assert_eq!(world.runs_of(id), 1);
        }
    }

    /// Patience runs out and boards forget: what ran, and whether, may be unknown, but nothing
    /// runs twice and no answer goes to another request.
    #[test]
    fn whatever_happens_nothing_runs_twice_and_no_answer_is_wrong(
        manner in manner(),
        attempts in 1_u16..8,
        passages in vec(troubled_passage(), 0..80),
        calls in 1_u64..12,
    ) {
        let mut world = World::new(manner, attempts, passages);
        for id in 1..=calls {
            if !world.has_session() {
                continue;
            }
            match world.call(id) {
                Effect::Answered(reply) => {
                    prop_assert!(is_own_answer(&reply, id), "{}: {:?}", id, reply);
                    prop_assert_eq!(world.runs_of(id), 1);
                }
                Effect::GaveUp | Effect::Restarted(_) => {}
                other => prop_assert!(false, "{}: {:?}", id, other),
            }
            prop_assert!(world.board.runs.values().all(|runs| *runs == 1), "{:?}", world.board.runs);
        }
    }

    /// Several requests under way, in whatever order their copies arrive.
    #[test]
    fn no_order_of_arrival_runs_a_number_twice(
        first in any::<u16>(),
        arrivals in vec((0_u16..40, any::<bool>()), 0..200),
    ) {
        let mut session = Session::<64, 8>::new(BootId([1; 16]), CLIENT);
        let mut answers: BTreeMap<u16, Packet<64>> = BTreeMap::new();
        let mut ran = BTreeMap::new();
        for (ahead, answered_at_once) in arrivals {
            let sequence = Sequence(first.wrapping_add(ahead));
            match session.admit(sequence) {
                Admission::Run => {
                    *ran.entry(ahead).or_insert(0) += 1;
                    if answered_at_once {
                        let reply = Reply::Unsupported(u8::try_from(ahead).expect("small"));
                        answers.insert(ahead, session.answer(sequence, &reply).expect("room"));
                    }
                }
                Admission::Replay(packet) => prop_assert_eq!(Some(packet), answers.get(&ahead)),
                Admission::Running => prop_assert!(!answers.contains_key(&ahead)),
                Admission::Full => prop_assert!(!ran.contains_key(&ahead)),
                Admission::Stale => {}
            }
        }
        prop_assert!(ran.values().all(|runs| *runs == 1), "{:?}", ran);
    }
}

/// The board forgets, its next welcome is lost, and the one after must not look as if it knew.
#[test]
fn a_board_that_forgot_stays_forgetful_though_its_first_welcome_is_lost() {
    let fates = [
        (Fate::Arrives, None),                // hello
        (Fate::Arrives, None),                // welcome
        (Fate::Arrives, None),                // request
        (Fate::Lost, Some(Trouble::Forgets)), // its reply
        (Fate::Lost, None),                   // the announcement of the restart
        (Fate::Arrives, None),                // hello
        (Fate::Lost, None),                   // welcome: not resumed
        (Fate::Arrives, None),                // hello
        (Fate::Arrives, None),                // welcome: resumed
    ];
    let passages = fates.map(|(fate, trouble)| Passage { fate, trouble });
    let mut world = World::new(Manner::DEVICE_STREAM, 10, passages.to_vec());
    assert!(world.greet());
    assert!(matches!(world.call(1), Effect::Restarted(_)));
    assert_eq!(world.runs_of(1), 1);
}
