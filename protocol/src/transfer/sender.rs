//! The sending end of a transfer: decides which piece goes next.

use super::patience::{ProgressClock, TransferPatience, TransferStatus};
use super::piece::{PieceCredit, PieceRange};
use super::receiver::CREDIT_DELAY;
use super::round_trip::RoundTrip;
use super::window::WINDOW_PIECES;
use crate::message::TransferOpened;
use crate::units::{Instant, TransferId};
use core::num::{NonZeroU16, NonZeroU32};

/// The most pieces that a sender may have under way. More than [`WINDOW_PIECES`] are of use on a link
/// that loses nothing, to a receiver that takes them in order.
pub const SENDER_WINDOW_MAX: usize = 1_024;

/// The effect of a credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditOutcome {
    /// It told something.
    Taken,
    /// It is of another transfer, or older than one that was taken.
    Ignored,
    /// No receiver within the protocol sends this: nothing of it was taken.
    Malformed,
}

/// The sending end of one transfer, with at most `W` pieces under way: 1 (stop and wait) to
/// [`SENDER_WINDOW_MAX`].
#[derive(Clone, Debug)]
pub struct TransferSender<const W: usize> {
    transfer: TransferId,
    size: u64,
    piece: NonZeroU16,
    /// The receiver has everything below.
    acknowledged: u64,
    /// The receiver has room up to here.
    limit: u64,
    /// The pieces from `acknowledged` on that were sent: a ring that begins at `head`.
    slots: [SentPiece; W],
    head: usize,
    sent: usize,
    /// The number of the last sending.
    sending: u32,
    /// The number of the latest sending of which the receiver has the piece.
    newest_received: u32,
    round_trip: RoundTrip,
    /// The time at which the oldest piece is given up for lost.
    timeout: Option<Instant>,
    /// False if no piece is lost: there is none to be looked for.
    may_have_lost: bool,
    clock: ProgressClock,
    sent_again: u64,
}

/// A piece that was sent.
#[derive(Clone, Copy, Debug)]
struct SentPiece {
    /// The number of its last sending, which orders them.
    sending: u32,
    at: Instant,
    state: SentState,
    is_sent_again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SentState {
    UnderWay,
    Lost,
    Received,
}

/// The pieces of which a credit tells for the first time.
#[derive(Clone, Copy, Debug, Default)]
struct CreditNews {
    has_any: bool,
    /// The latest sending among the pieces that are new at the receiver.
    newest: Option<SentPiece>,
}

impl<const W: usize> TransferSender<W> {
    const FITS: () = assert!(1 <= W && W <= SENDER_WINDOW_MAX);

    /// A sender that waits for its first credit.
    #[must_use]
    pub fn new(now: Instant, opened: &TransferOpened, patience: TransferPatience) -> Self {
        let () = Self::FITS;
        let unsent = SentPiece {
            sending: 0,
            at: now,
            state: SentState::Received,
            is_sent_again: false,
        };
        Self {
            transfer: opened.transfer(),
            size: opened.size(),
            piece: opened.piece(),
            acknowledged: opened.offset(),
            limit: opened.offset(),
            slots: [unsent; W],
            head: 0,
            sent: 0,
            sending: 0,
            newest_received: 0,
            round_trip: RoundTrip::default(),
            timeout: None,
            may_have_lost: false,
            clock: ProgressClock::new(now, patience),
            sent_again: 0,
        }
    }

    /// The offset below which the receiver has every byte.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The length of the object in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The number of times that a piece was sent again.
    #[must_use]
    pub const fn sent_again(&self) -> u64 {
        self.sent_again
    }

    /// The offset of the first byte that was never sent: the bytes from there on are needed next.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        let sent_bytes = self.sent as u64 * self.piece_bytes();
        self.acknowledged.saturating_add(sent_bytes).min(self.size)
    }

    /// Returns the piece to be sent now, which counts as sent: a lost one, or else the next; `None`
    /// if there is none, or no room for it. To be asked whenever the line takes a frame: what waits
    /// in a queue makes the round trip longer.
    pub fn next_piece(&mut self, now: Instant) -> Option<PieceRange> {
        if self.status(now) != TransferStatus::UnderWay {
            return None;
        }
        self.expire(now);
        let lost = self.first_lost();
        let index = lost.unwrap_or(self.sent);
        let range = self.range(index)?;
        if lost.is_none() {
            if self.sent == W || self.limit < range.offset + u64::from(range.length) {
                return None;
            }
            self.sent += 1;
        }
        self.sent_again += u64::from(lost.is_some());
        self.sending = self.sending.wrapping_add(1);
        *self.slot_mut(index) = SentPiece {
            sending: self.sending,
            at: now,
            state: SentState::UnderWay,
            is_sent_again: lost.is_some(),
        };
        // RFC 6298, 5.1; and the timer is that of the oldest piece.
        if self.timeout.is_none() || index == 0 {
            self.restart_timer(now);
        }
        Some(range)
    }

    fn first_lost(&mut self) -> Option<usize> {
        let mut sent = 0..if self.may_have_lost { self.sent } else { 0 };
        let lost = sent.find(|index| self.slot(*index).state == SentState::Lost);
        self.may_have_lost = lost.is_some();
        lost
    }

    /// Takes a credit.
    pub fn on_credit(&mut self, now: Instant, credit: PieceCredit) -> CreditOutcome {
        if credit.transfer != self.transfer || credit.acknowledged < self.acknowledged {
            return CreditOutcome::Ignored;
        }
        let Some(count) = self.pieces_acknowledged(credit) else {
            return CreditOutcome::Malformed;
        };
        let has_progress = count > 0;
        let is_same_limit = credit.limit <= self.limit;
        let mut news = CreditNews::default();
        self.acknowledge(count, &mut news);
        self.acknowledged = credit.acknowledged;
        self.limit = self.limit.max(credit.limit);
        self.mark_received(credit.received, &mut news);
        if let Some(newest) = news.newest {
            self.find_lost(newest);
            if !newest.is_sent_again {
                self.round_trip.measure(now.since(newest.at));
            }
        }
        if news.has_any {
            self.round_trip.answered();
            self.restart_timer(now);
        } else if is_same_limit && credit.received == 0 {
            self.go_back(now);
        }
        self.clock.note(now, has_progress, self.is_closed());
        CreditOutcome::Taken
    }

    /// Returns the state at `now`.
    #[must_use]
    pub fn status(&self, now: Instant) -> TransferStatus {
        if self.acknowledged == self.size {
            TransferStatus::Complete
        } else if self.clock.end() <= now {
            TransferStatus::Stalled
        } else {
            TransferStatus::UnderWay
        }
    }

    /// Returns the time at which to ask for [`TransferSender::next_piece`] and
    /// [`TransferSender::status`] if no credit arrives; `None` once all is acknowledged. Early and
    /// late is harmless.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.acknowledged == self.size {
            return None;
        }
        let end = self.clock.end();
        Some(self.timeout.map_or(end, |timeout| timeout.min(end)))
    }

    /// Returns the number of pieces that a credit acknowledges anew; `None` if it acknowledges what
    /// was not sent, or no whole pieces.
    fn pieces_acknowledged(&self, credit: PieceCredit) -> Option<usize> {
        let grown = credit.acknowledged - self.acknowledged;
        let sent_bytes = (self.sent as u64 * self.piece_bytes()).min(self.size - self.acknowledged);
        if sent_bytes < grown || credit.limit < credit.acknowledged {
            return None;
        }
        if credit.acknowledged == self.size {
            return Some(self.sent);
        }
        // A window of pieces fits 32 bits, which spares a small board a division of 64.
        let grown = u32::try_from(grown).ok()?;
        let piece = NonZeroU32::from(self.piece);
        let count = usize::try_from(grown / piece).ok()?;
        (grown % piece == 0).then_some(count)
    }

    /// Drops the first pieces, which the receiver has.
    fn acknowledge(&mut self, count: usize, news: &mut CreditNews) {
        for _ in 0..count {
            news.note(self.slot(0));
            self.head = (self.head + 1) % W;
            self.sent -= 1;
        }
    }

    /// Marks pieces behind the first missing one. Bits of pieces that were not sent mean nothing.
    fn mark_received(&mut self, received: u16, news: &mut CreditNews) {
        // The first missing piece has no bit.
        for index in 1..self.sent.min(WINDOW_PIECES.into()) {
            if received >> (index - 1) & 1 == 1 {
                news.note(self.slot(index));
                self.slot_mut(index).state = SentState::Received;
            }
        }
    }

    /// Gives up for lost what was sent before a piece that has arrived, and has not arrived itself. A
    /// line that reorders costs copies.
    fn find_lost(&mut self, newest: SentPiece) {
        if is_before(self.newest_received, newest.sending) {
            self.newest_received = newest.sending;
        }
        let newest = self.newest_received;
        self.give_up(|piece| is_before(piece.sending, newest));
    }

    /// Gives up all that is under way if a receiver that has none of it says so, and the oldest was
    /// sent more than a round trip ago: a receiver that takes pieces in order drops what is behind a
    /// lost one, and has no other way to say so.
    fn go_back(&mut self, now: Instant) {
        let age = now.since(self.slot(0).at);
        let is_over = |round_trip| round_trip <= age;
        if self.sent > 0 && self.round_trip.smoothed().is_some_and(is_over) {
            self.give_up(|_| true);
        }
    }

    fn give_up(&mut self, is_lost: impl Fn(&SentPiece) -> bool) {
        for index in 0..self.sent {
            let slot = self.slot_mut(index);
            if slot.state == SentState::UnderWay && is_lost(slot) {
                slot.state = SentState::Lost;
                self.may_have_lost = true;
            }
        }
    }

    /// Gives up the oldest piece if its time is over (RFC 6298, 5.4 to 5.6). What comes of that tells of the others.
    fn expire(&mut self, now: Instant) {
        if self.timeout.is_none_or(|timeout| now < timeout) {
            return;
        }
        self.round_trip.back_off();
        self.restart_timer(now);
        let mut under_way =
            (0..self.sent).filter(|index| self.slot(*index).state == SentState::UnderWay);
        if let Some(oldest) = under_way.next() {
            self.slot_mut(oldest).state = SentState::Lost;
            self.may_have_lost = true;
        }
    }

    /// Starts the timer anew, or stops it if nothing is under way (RFC 6298, 5.2 and 5.3).
    fn restart_timer(&mut self, now: Instant) {
        let timeout = self.round_trip.timeout(CREDIT_DELAY);
        self.timeout = (self.sent > 0).then(|| now.after(timeout));
    }

    /// Returns the range of the piece `index` places behind `acknowledged`; `None` behind the end.
    fn range(&self, index: usize) -> Option<PieceRange> {
        let ahead = index as u64 * self.piece_bytes();
        let left = (self.size - self.acknowledged).checked_sub(ahead)?;
        // Shorter than a piece, if not as long.
        let length =
            u16::try_from(left).map_or(self.piece.get(), |left| left.min(self.piece.get()));
        (length > 0).then_some(PieceRange {
            offset: self.acknowledged + ahead,
            length,
        })
    }

    /// Returns whether the receiver has no room for the first missing piece.
    fn is_closed(&self) -> bool {
        let missing = self.size - self.acknowledged;
        self.limit - self.acknowledged < missing.min(self.piece_bytes())
    }

    fn piece_bytes(&self) -> u64 {
        self.piece.get().into()
    }

    const fn slot(&self, index: usize) -> SentPiece {
        self.slots[(self.head + index) % W]
    }

    const fn slot_mut(&mut self, index: usize) -> &mut SentPiece {
        &mut self.slots[(self.head + index) % W]
    }
}

impl CreditNews {
    /// Notes a piece that the receiver has.
    fn note(&mut self, piece: SentPiece) {
        if piece.state == SentState::Received {
            return;
        }
        self.has_any = true;
        let is_newer = |newest: SentPiece| is_before(newest.sending, piece.sending);
        if self.newest.is_none_or(is_newer) {
            self.newest = Some(piece);
        }
    }
}

/// Returns whether one sending was before another, across the wrap of their numbers.
const fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

#[cfg(test)]
mod tests;
