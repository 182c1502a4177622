//! A channel that does to packets what a script says, and nothing once the script is over.

use super::ROOM;
use super::board::Trouble;
use lastword_protocol::frame::Packet;
use lastword_protocol::{Instant, Millis};
use proptest::sample::Index;
use std::collections::{BTreeMap, VecDeque};

/// How long a packet takes that nothing happens to.
const LATENCY: Millis = Millis(5);

/// What becomes of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Arrives,
    Lost,
    /// It arrives this much later, in milliseconds, perhaps behind its own retry.
    Late(u64),
    /// It arrives, and once more this much later.
    Twice(u64),
    /// One of its bytes is changed.
    Damaged(Index, u8),
    /// Its end is missing.
    Cut(Index),
}

/// What happens as a packet sets out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) fate: Fate,
    /// What befalls the board at that moment.
    pub(super) trouble: Option<Trouble>,
}

/// Bytes that arrive.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    pub(super) for_board: bool,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Channel {
    script: VecDeque<Passage>,
    /// By time of arrival, and by departure where that is the same.
    under_way: BTreeMap<(Instant, u64), Arrival>,
    departures: u64,
}

impl Channel {
    pub(super) fn new(script: Vec<Passage>) -> Self {
        Self {
            script: script.into(),
            under_way: BTreeMap::new(),
            departures: 0,
        }
    }

    pub(super) fn send_to_board(&mut self, now: Instant, packet: &Packet<ROOM>) -> Option<Trouble> {
        self.send(now, true, packet)
    }

    pub(super) fn send_to_host(&mut self, now: Instant, packet: &[u8]) -> Option<Trouble> {
        self.send(now, false, packet)
    }

    /// The next arrival, unless `deadline` comes first.
    pub(super) fn next_before(&mut self, deadline: Instant) -> Option<Arrival> {
        let first = self.under_way.first_entry()?;
        (first.key().0 < deadline).then(|| first.remove())
    }

    fn send(&mut self, now: Instant, for_board: bool, packet: &[u8]) -> Option<Trouble> {
        let passage = self.script.pop_front().unwrap_or(Passage {
            fate: Fate::Arrives,
            trouble: None,
        });
        let soon = now.after(LATENCY);
        let mut bytes = packet.to_vec();
        match passage.fate {
            Fate::Arrives => self.carry(soon, for_board, bytes),
            Fate::Lost => {}
            Fate::Late(late) => self.carry(soon.after(Millis(late)), for_board, bytes),
            Fate::Twice(later) => {
                self.carry(soon, for_board, bytes.clone());
                self.carry(soon.after(Millis(later)), for_board, bytes);
            }
            Fate::Damaged(place, mask) => {
                let place = place.index(bytes.len());
                bytes[place] ^= mask;
                self.carry(soon, for_board, bytes);
            }
            Fate::Cut(place) => {
                bytes.truncate(place.index(bytes.len()));
                self.carry(soon, for_board, bytes);
            }
        }
        passage.trouble
    }

    fn carry(&mut self, at: Instant, for_board: bool, bytes: Vec<u8>) {
        self.departures += 1;
        let arrival = Arrival {
            at,
            for_board,
            bytes,
        };
        self.under_way.insert((at, self.departures), arrival);
    }
}
