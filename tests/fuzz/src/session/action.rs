//! What can happen, and how it is spelled in an input.

use super::client::ask;
use super::services::Deed;
use crate::input::Bytes;
use lastword_protocol::Millis;
use lastword_protocol::power::Evidence;

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Action<'a> {
    /// Bytes arrive, of whatever kind.
    Raw(usize, &'a [u8]),
    /// A line arrives, with its end.
    Line(usize, &'a [u8], &'static [u8]),
    /// A client greets on a link, and may want to take it over.
    Hello(Place, bool),
    /// A client leaves a link.
    Goodbye(Place),
    /// A client asks something, so far ahead of the number that is next.
    Ask(Place, i8, ask::Asked<'a>),
    /// A client sends an earlier request again, the so-manieth last.
    Resend(Place, u8, Mishap),
    /// Time passes.
    Wait(Millis),
    /// Time passes until something is due.
    WaitUntilDue,
    /// A link takes so many bytes.
    Write(usize, usize),
    /// The backend is ready, or is not.
    Prepared(bool),
    /// A link says that the acknowledgement has left.
    Drained(Evidence),
    /// The release is on disk, or is not.
    Recorded(bool),
    /// Firing returned.
    Returned(u16),
    /// The peer sends no more.
    End(usize),
    /// The link breaks.
    Break(usize),
    /// The agent is told to end.
    Stop,
    /// The agent is killed and starts again.
    Restart,
    /// The board boots.
    Boot,
    /// So many clients greet that the first are forgotten.
    Crowd,
    /// What is under way goes well, up to its firing.
    GoWell,
    /// Something happens to a service.
    Service(usize, Deed),
    /// Somebody edits the services' files.
    Edit(u8),
}

/// A client on a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) link: usize,
    pub(super) client: usize,
}

/// What befalls a packet on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mishap {
    None,
    Twice,
    /// This bit is flipped.
    Flipped(u16),
    /// Only so many bytes arrive.
    Cut(u8),
}

impl Place {
    fn of(byte: u8) -> Self {
        Self {
            link: usize::from(byte & 3),
            client: usize::from(byte >> 2 & 3) % super::bench::CLIENTS,
        }
    }
}

/// The ends of lines; the last is none.
const ENDS: [&[u8]; 4] = [b"\n", b"\r\n", b"\r", b""];
/// Spans around every limit there is, in milliseconds.
const SPANS: [u64; 16] = [
    1, 19, 20, 49, 50, 100, 250, 999, 1_000, 1_999, 2_000, 9_999, 10_000, 30_000, 60_000, 3_600_000,
];
/// Every kind of evidence that a link can tell of, the likely ones first.
const EVIDENCE: [Evidence; 5] = [
    Evidence::PeerAcked,
    Evidence::UartEmpty,
    Evidence::Unknowable,
    Evidence::PeerClosed,
    Evidence::HandedToBridge,
];

impl<'a> Action<'a> {
    /// Reads the next one.
    pub(super) fn read(input: &mut Bytes<'a>) -> Self {
        let kind = input.byte() % 28;
        match kind {
            0..=9 => Self::read_talk(kind, input),
            _ => Self::read_event(kind, input),
        }
    }

    fn read_talk(kind: u8, input: &mut Bytes<'a>) -> Self {
        let first = input.byte();
        let place = Place::of(first);
        match kind {
            0 => Self::Raw(place.link, input.some(64)),
            1 | 2 => {
                let end = ENDS[usize::from(first >> 2 & 3)];
                Self::Line(place.link, input.some(96), end)
            }
            3 => Self::Hello(place, first >> 4 & 1 == 1),
            4 => Self::Goodbye(place),
            5 => Self::Ask(place, 0, ask::Asked::read(input)),
            6 => Self::Ask(place, input.byte().cast_signed(), ask::Asked::read(input)),
            7 => Self::Resend(place, input.byte(), Mishap::None),
            8 => Self::Resend(place, first >> 4, Mishap::Flipped(input.short())),
            _ if first >> 7 == 0 => Self::Resend(place, first >> 4, Mishap::Twice),
            _ => Self::Resend(place, first >> 4 & 7, Mishap::Cut(input.byte())),
        }
    }

    fn read_event(kind: u8, input: &mut Bytes<'a>) -> Self {
        match kind {
            10 => Self::Wait(Millis(input.pick(&SPANS))),
            11 => Self::WaitUntilDue,
            12 => Self::Write(usize::from(input.byte() & 3), usize::MAX),
            13 => {
                let byte = input.byte();
                Self::Write(usize::from(byte & 3), usize::from(byte >> 2))
            }
            14 => Self::Prepared(input.byte() & 7 != 7),
            15 => Self::Drained(input.pick(&EVIDENCE)),
            16 => Self::Recorded(input.byte() & 7 != 7),
            17 => Self::Returned(input.byte().into()),
            18 => Self::End(usize::from(input.byte() & 3)),
            19 => Self::Break(usize::from(input.byte() & 3)),
            20 => Self::Stop,
            21 => input_of_a_life(input.byte()),
            24 => Self::Edit(input.byte()),
            25..=27 => {
                let byte = input.byte();
                Self::Service(usize::from(byte & 3), deed(byte >> 2))
            }
            _ => Self::GoWell,
        }
    }
}

const fn deed(byte: u8) -> Deed {
    match byte & 7 {
        0..=2 => Deed::Carry,
        3 => Deed::Die {
            well: byte & 8 != 0,
            strays: byte & 16 != 0,
        },
        4 if byte & 8 != 0 => Deed::Break,
        5 => Deed::Ready,
        6 => Deed::Vanish,
        _ => Deed::Say(byte >> 3),
    }
}

fn input_of_a_life<'a>(byte: u8) -> Action<'a> {
    match byte % 4 {
        0 => Action::Restart,
        1 => Action::Boot,
        2 => Action::Crowd,
        _ => Action::Stop,
    }
}
