//! What a session and the edge tell each other of logs that are followed.

use super::follows::{FollowId, FollowOrder, News};
use super::{OUTPUT_BYTES, Session};
use crate::core::world::World;
use lastword_protocol::Instant;

/// Rows of a long answer are said only while less output than this waits, in bytes, so that there is room for
/// the answers to whatever arrives meanwhile.
pub(super) const ROWS_OUTPUT_BYTES: usize = OUTPUT_BYTES / 2;

impl Session {
    /// The next thing to do about logs that are followed; what comes of them goes to
    /// [`Session::followed`].
    pub fn take_follow(&mut self) -> Option<FollowOrder> {
        self.lines.take_follow()
    }

    /// Whether [`Session::followed`] may be called for this log now. If not, leave its lines where
    /// they are.
    #[must_use]
    pub fn wants_lines(&self, id: FollowId) -> bool {
        let room = self.output.len() < ROWS_OUTPUT_BYTES && !self.output.is_muted();
        room && self.end.is_none() && self.lines.wants_lines(id)
    }

    /// Takes what has come of a log, as [`Session::wants_lines`] allows. What is not followed any
    /// more is dropped.
    pub fn followed(&mut self, now: Instant, id: FollowId, news: News, world: &dyn World) {
        if self.output.is_empty() {
            self.progress = now;
        }
        let was_following = self.lines.is_following();
        let flow = self.lines.followed(id, news, &mut self.output, world);
        self.follow(flow);
        if was_following && !self.lines.is_following() {
            // It was listening, which is not idle, and has as long as any other to take the rest.
            self.heard = Some(now);
            self.progress = now;
        }
        self.work(now, world);
    }
}
