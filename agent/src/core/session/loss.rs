//! Input that is missing: where a driver has lost it that only counts, and what a session does there.

use super::answers::TextInput;
use super::{Session, World};
use lastword_protocol::Instant;

/// Tells from a driver's counts what may have a hole in it.
///
/// What was read before two equal counts had arrived before the second of them, so nothing is missing
/// in it. From the first read on behind which the count has changed, anything may be, until all that had
/// arrived when it was seen is read.
#[derive(Debug, Default)]
pub struct LossWatch {
    losses: u32,
    is_unsure: bool,
}

impl LossWatch {
    /// A watch that begins when the driver has counted `losses`. `is_unsure`: something may be missing
    /// already.
    #[must_use]
    pub const fn new(losses: u32, is_unsure: bool) -> Self {
        Self { losses, is_unsure }
    }

    /// Something may be missing here.
    pub const fn interrupt(&mut self) {
        self.is_unsure = true;
    }

    /// Takes the count as it is behind a read, and whether nothing more was to be read after that.
    /// Returns whether input may be missing in what was read, in front of it, or behind it.
    pub const fn has_read(&mut self, losses: u32, is_drained: bool) -> bool {
        let is_unsure = self.is_unsure || losses != self.losses;
        self.losses = losses;
        self.is_unsure = is_unsure && !is_drained;
        is_unsure
    }
}

impl Session {
    /// Bytes may be missing here, behind those that were received last: the line that goes on or
    /// begins here is refused when it ends, and a frame is none.
    pub fn lose(&mut self, now: Instant, world: &dyn World) {
        self.backlog.push_loss();
        self.work(now, world);
    }

    /// Takes bytes in front of, between or behind which some may be missing.
    pub fn receive_unsure(&mut self, now: Instant, bytes: &[u8], world: &dyn World) {
        self.await_progress(now);
        self.heard = Some(now);
        for byte in bytes {
            self.backlog.push_loss();
            self.backlog.push(&[*byte]);
        }
        self.backlog.push_loss();
        self.work(now, world);
    }

    /// Bytes are missing here.
    pub(super) fn lost(&mut self, now: Instant, world: &dyn World) {
        self.decoder.lost(now);
        self.text(now, TextInput::Lost, world);
    }

    /// A BREAK drops the line and logs out; nobody waits for an answer any more.
    pub(super) fn broken(&mut self) {
        tracing::debug!(damaged = self.marks.damaged(), "break");
        self.decoder.reset();
        self.holds = false;
        self.forget_lines();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads: the count, whether all was read, whether input may be missing.
    #[track_caller]
    fn check(watch: &mut LossWatch, reads: &[(u32, bool, bool)]) {
        for (index, (losses, is_drained, expected)) in reads.iter().enumerate() {
            let is_unsure = watch.has_read(*losses, *is_drained);
            assert_eq!(is_unsure, *expected, "read {index} of {reads:?}");
        }
    }

    #[test]
    fn what_was_read_before_a_count_that_has_not_changed_is_whole() {
        let reads = [(7, true, false), (7, false, false), (7, true, false)];
        check(&mut LossWatch::new(7, false), &reads);
    }

    #[test]
    fn what_is_read_until_all_has_been_that_had_arrived_may_have_the_hole() {
        let reads = [
            (0, false, false),
            (1, false, true),
            (1, false, true),
            (1, true, true),
            (1, true, false),
            (2, true, true),
            (2, false, false),
        ];
        check(&mut LossWatch::new(0, false), &reads);
    }

    #[test]
    fn a_loss_while_another_is_looked_for_begins_the_search_again() {
        let reads = [
            (1, false, true),
            (2, false, true),
            (2, true, true),
            (2, true, false),
        ];
        check(&mut LossWatch::new(0, false), &reads);
    }

    #[test]
    fn what_comes_first_may_miss_its_beginning() {
        check(
            &mut LossWatch::new(5, true),
            &[(5, false, true), (5, true, true), (5, true, false)],
        );
        let mut watch = LossWatch::new(5, false);
        watch.interrupt();
        check(&mut watch, &[(5, true, true), (5, true, false)]);
    }
}
