//! The device's side of a session: requests are admitted at most once, replies are kept and
//! replayed.
//!
//! One [`Session`] belongs to one client (not to one link), so that a client that reconnects and
//! repeats its last request gets the reply it missed.

use crate::frame::{self, Class, HELLO_NONCE, Header, Packet, TooLong};
use crate::message::Reply;
use crate::refusal::{Code, Refusal};
use crate::units::{BootId, ClientId, Nonce, Sequence};

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission<'a, const FRAME: usize> {
    /// Run it, and [`Session::answer`] it once.
    Run,
    /// It ran before: send these bytes again and run nothing.
    Replay(&'a Packet<FRAME>),
    /// It is running: say so ([`Reply::Working`], [`Session::say`]) and run nothing. Its answer will come.
    Running,
    /// It is a window or more ahead of one that still runs: refuse it (429) and run nothing. It was
    /// not admitted, so that the same number may be sent again later.
    Full,
    /// It is older than every reply that is kept. No client within its window sends this.
    Stale,
}

/// What a device remembers of one client. `FRAME` bounds a reply's packet in bytes, `REPLIES`
/// how many are kept: the window of requests under way.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Session<const FRAME: usize, const REPLIES: usize> {
    latest: Option<Sequence>,
    nonce: Nonce,
    client: ClientId,
    slots: [Slot<FRAME>; REPLIES],
}

/// The place of one request and its reply.
#[derive(Clone, Debug)]
struct Slot<const FRAME: usize> {
    /// The request; `None` if none had this place yet.
    sequence: Option<Sequence>,
    /// Its reply; empty while it runs.
    packet: Packet<FRAME>,
}

impl<const FRAME: usize> Slot<FRAME> {
    const EMPTY: Self = Self {
        sequence: None,
        packet: Packet::new(),
    };
}

impl<const FRAME: usize, const REPLIES: usize> Session<FRAME, REPLIES> {
    /// A power of two divides the wrap of the sequence number, so slots stay unambiguous.
    const FITS: () = assert!(REPLIES.is_power_of_two() && REPLIES <= 128);

    /// The first session of `client` in `boot`, in which nothing was asked yet.
    #[must_use]
    pub fn new(boot: BootId, client: ClientId) -> Self {
        Self::reborn(boot, client, 0)
    }

    /// A session of a client whose earlier ones in this boot may be forgotten: evicted, or lost
    /// with the process that kept them. `birth` must differ from theirs.
    ///
    /// `resumed` in the welcome does not say enough: if the first welcome of the new session is
    /// lost, the second says `resumed`, and only another nonce tells the client that what it
    /// asked before is forgotten and must not be sent again.
    #[must_use]
    pub fn reborn(boot: BootId, client: ClientId, birth: u32) -> Self {
        let mut session = Self::vacant();
        session.renew(boot, client, birth);
        session
    }

    /// A session that is nobody's: to be renewed where it is.
    #[must_use]
    pub const fn vacant() -> Self {
        let () = Self::FITS;
        Self {
            client: ClientId(0),
            nonce: HELLO_NONCE,
            latest: None,
            slots: [const { Slot::EMPTY }; REPLIES],
        }
    }

    /// Forgets what was asked, and becomes [`Session::reborn`].
    pub fn renew(&mut self, boot: BootId, client: ClientId, birth: u32) {
        self.client = client;
        self.nonce = frame::reborn_nonce(boot, client, birth);
        self.latest = None;
        for slot in &mut self.slots {
            slot.sequence = None;
        }
    }

    /// Whose session it is.
    #[must_use]
    pub const fn client(&self) -> ClientId {
        self.client
    }

    /// What its frames are summed with.
    #[must_use]
    pub const fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// Decides on the request numbered `sequence`, and remembers that it was admitted.
    pub fn admit(&mut self, sequence: Sequence) -> Admission<'_, FRAME> {
        let ahead = self.latest.map_or(1, |latest| sequence.ahead_of(latest));
        if i32::from(ahead) <= -Self::window() {
            return Admission::Stale;
        }
        let is_full = |slot: &Slot<FRAME>| {
            let running = slot.sequence.filter(|_| slot.packet.is_empty());
            running.is_some_and(|it| Self::window() <= i32::from(sequence.ahead_of(it)))
        };
        if self.slots.iter().any(is_full) {
            return Admission::Full;
        }
        let slot = &mut self.slots[Self::slot_of(sequence)];
        if slot.sequence != Some(sequence) {
            if ahead > 0 {
                self.latest = Some(sequence);
            }
            slot.sequence = Some(sequence);
            slot.packet.clear();
            return Admission::Run;
        }
        if slot.packet.is_empty() {
            Admission::Running
        } else {
            Admission::Replay(&slot.packet)
        }
    }

    /// Takes the admission of a request back: nothing of it has run, and the same number may be sent again
    /// ([`Session::say`] tells that, with 429). One that is answered stays so.
    pub fn retract(&mut self, sequence: Sequence) {
        let slot = &mut self.slots[Self::slot_of(sequence)];
        if slot.sequence == Some(sequence) && slot.packet.is_empty() {
            slot.sequence = None;
        }
    }

    /// Frames the reply to an admitted request and keeps it for replay; returns a copy to send.
    ///
    /// A reply that does not fit `FRAME` is answered as `500 internal`.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if `FRAME` cannot even hold that.
    pub fn answer(&mut self, sequence: Sequence, reply: &Reply) -> Result<Packet<FRAME>, TooLong> {
        if let Some(kept) = self.keep(sequence, reply)? {
            return Ok(kept.clone());
        }
        let mut packet = Packet::new();
        frame_reply(&mut packet, self.nonce, sequence, reply)?;
        Ok(packet)
    }

    /// Frames what is said to a request without being kept as its reply: that it still runs, or
    /// was not admitted.
    ///
    /// # Errors
    ///
    /// [`TooLong`] if `FRAME` cannot hold it.
    pub fn say(&self, sequence: Sequence, reply: &Reply) -> Result<Packet<FRAME>, TooLong> {
        let mut packet = Packet::new();
        frame_reply(&mut packet, self.nonce, sequence, reply)?;
        Ok(packet)
    }

    /// As [`Session::answer`], but the reply is framed where it is kept, and stays there. `None`:
    /// that many later requests were admitted that there is no place for it any more.
    fn keep(
        &mut self,
        sequence: Sequence,
        reply: &Reply,
    ) -> Result<Option<&Packet<FRAME>>, TooLong> {
        let nonce = self.nonce;
        let Some(packet) = self.place(sequence) else {
            return Ok(None);
        };
        frame_reply(packet, nonce, sequence, reply)?;
        Ok(Some(&*packet))
    }

    /// Where the reply to an admitted request is to be written, for a board that frames its
    /// replies itself: it counts as answered once there is something. `None`: that many later
    /// requests were admitted that there is no place for it any more.
    pub fn place(&mut self, sequence: Sequence) -> Option<&mut Packet<FRAME>> {
        let slot = &mut self.slots[Self::slot_of(sequence)];
        (slot.sequence == Some(sequence)).then_some(&mut slot.packet)
    }

    /// The reply to this request, if it is kept.
    #[must_use]
    pub fn kept(&self, sequence: Sequence) -> Option<&Packet<FRAME>> {
        let slot = &self.slots[Self::slot_of(sequence)];
        (slot.sequence == Some(sequence) && !slot.packet.is_empty()).then_some(&slot.packet)
    }

    fn slot_of(sequence: Sequence) -> usize {
        usize::from(sequence.0) % REPLIES
    }

    fn window() -> i32 {
        i32::try_from(REPLIES).unwrap_or(i32::MAX)
    }
}

/// Frames a reply, or `500 internal` if it does not fit.
fn frame_reply<const FRAME: usize>(
    packet: &mut Packet<FRAME>,
    nonce: Nonce,
    sequence: Sequence,
    reply: &Reply,
) -> Result<(), TooLong> {
    let mut frame = |reply: &Reply| {
        let header = Header::new(Class::Reply, sequence, reply.opcode());
        frame::encode_into(packet, header, nonce, |out| reply.encode(out).ok())
    };
    frame(reply).or_else(|TooLong| {
        let refusal = Refusal::new(Code::Internal, "the reply is too long for a frame");
        frame(&Reply::Refused(refusal))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Working;
    use crate::units::Millis;

    type Small = Session<64, 4>;

    fn session() -> Small {
        Small::new(BootId([1; 16]), ClientId(2))
    }

    /// Admits each number in turn and tells `r`un, `a`nswered before, `s`tale, `f`ull or under `w`ay;
    /// what runs is answered at once unless its number is in `open`.
    #[track_caller]
    fn check(numbers: &[u16], open: &[u16], expected: &str) {
        let mut session = session();
        let mut verdicts = String::new();
        for number in numbers {
            let sequence = Sequence(*number);
            let verdict = match session.admit(sequence) {
                Admission::Run => 'r',
                Admission::Replay(_) => 'a',
                Admission::Running => 'w',
                Admission::Stale => 's',
                Admission::Full => 'f',
            };
            if verdict == 'r' && !open.contains(number) {
                session.answer(sequence, &Reply::Done).unwrap();
            }
            verdicts.push(verdict);
        }
        assert_eq!(verdicts, expected, "{numbers:?}");
    }

    #[test]
    fn a_request_runs_once_and_is_replayed_after() {
        check(&[1, 1, 1, 2, 1, 2], &[], "raaraa");
    }

    #[test]
    fn a_request_that_still_runs_is_not_run_again() {
        check(&[1, 1, 2, 1], &[1], "rwrw");
    }

    #[test]
    fn that_a_request_still_runs_is_told_and_never_kept_as_its_reply() {
        let mut session = session();
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        let working = Working {
            elapsed: Millis(1_000),
            left: None,
        };
        assert!(session.say(Sequence(1), &Reply::Working(working)).is_ok());
        assert_eq!(session.admit(Sequence(1)), Admission::Running);
        assert_eq!(session.kept(Sequence(1)), None);
        let sent = session.answer(Sequence(1), &Reply::Done).unwrap();
        assert_eq!(session.admit(Sequence(1)), Admission::Replay(&sent));
    }

    #[test]
    fn a_request_overtaken_within_the_window_runs_when_it_arrives() {
        check(&[5, 3, 2, 3], &[], "rrra");
        check(&[0xFFFF, 1, 0, 0xFFFF], &[], "rrra");
    }

    #[test]
    fn a_request_older_than_the_window_is_stale() {
        check(&[5, 1, 2, 8, 4, 5], &[], "rsrrsa");
    }

    #[test]
    fn any_number_may_be_the_first_and_up_to_32767_ahead_is_newer() {
        check(&[0, 0x7FFF, 0x7FFF], &[], "rra");
        check(&[1, 0x8000, 1], &[], "rrs");
        check(&[1, 0x8001, 1], &[], "rsa");
        check(&[0xFFF0, 0x7FEF, 0x7FF0], &[], "rrr");
    }

    #[test]
    fn what_is_a_window_ahead_of_one_that_runs_is_refused_and_may_come_again() {
        check(&[1, 4, 5, 4, 5, 1], &[1], "rrfafw");
        check(&[1, 100, 1], &[1], "rfw");
        let mut session = session();
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        assert_eq!(session.admit(Sequence(5)), Admission::Full);
        session.answer(Sequence(1), &Reply::Done).unwrap();
        assert_eq!(session.admit(Sequence(5)), Admission::Run);
    }

    #[test]
    fn a_request_whose_admission_is_taken_back_may_come_again_and_an_answered_one_stays_answered() {
        let mut session = session();
        for number in [1, 2] {
            assert_eq!(session.admit(Sequence(number)), Admission::Run);
        }
        session.retract(Sequence(1));
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        session.retract(Sequence(1));
        // It takes no place in the window meanwhile.
        session.answer(Sequence(2), &Reply::Done).unwrap();
        assert_eq!(session.admit(Sequence(4)), Admission::Run);
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        let sent = session.answer(Sequence(1), &Reply::Done).unwrap();
        session.retract(Sequence(1));
        session.retract(Sequence(9));
        assert_eq!(session.admit(Sequence(1)), Admission::Replay(&sent));
    }

    #[test]
    fn a_reply_is_replayed_byte_for_byte() {
        let mut session = session();
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        let sent = session.answer(Sequence(1), &Reply::Done).unwrap();
        assert_eq!(session.admit(Sequence(1)), Admission::Replay(&sent));
    }

    #[test]
    fn a_session_opened_anew_never_has_the_nonce_of_one_that_was_forgotten() {
        let nonces: Vec<_> = [0, 1, 2, u32::MAX]
            .map(|birth| Small::reborn(BootId([1; 16]), ClientId(2), birth).nonce())
            .into();
        assert_eq!(nonces[0], session().nonce());
        for (index, nonce) in nonces.iter().enumerate() {
            assert!(!nonces[..index].contains(nonce), "{nonces:?}");
        }
    }

    #[test]
    fn a_reply_that_does_not_fit_is_answered_as_an_internal_error() {
        let mut session = Session::<64, 1>::new(BootId([1; 16]), ClientId(2));
        assert_eq!(session.admit(Sequence(1)), Admission::Run);
        let long = Reply::Refused(Refusal::new(Code::Busy, &"x".repeat(96)));
        let mut packet = session.answer(Sequence(1), &long).unwrap();
        let end = packet.len() - 1;
        let frame = frame::decode(&mut packet[1..end], Some(session.nonce())).unwrap();
        let reply = Reply::decode(frame.header.opcode, frame.body).unwrap();
        assert!(matches!(reply, Reply::Refused(refusal) if refusal.code == Code::Internal));
    }
}
