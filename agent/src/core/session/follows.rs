//! Logs that a session follows: how far each has come, and where it ends. The edge reads them.

use crate::core::log::range::LogRange;
use crate::core::log::{Cursor, Line};
use lastword_protocol::message::service::{Logs, ServiceName};
use std::collections::VecDeque;

/// The most logs that a session follows at once.
pub const FOLLOWS: usize = 16;

/// Which of the logs that a session follows. No two of a session have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowId(pub u64);

/// What the edge is to do about the logs that a session follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowOrder {
    /// Read on from a line.
    Start {
        /// Name it so.
        id: FollowId,
        /// Of which service.
        name: ServiceName,
        /// The first line.
        from: Cursor,
    },
    /// Read no more.
    Stop(FollowId),
}

/// What has come of a log that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Its next lines.
    Lines {
        /// How many lines before them are gone.
        missed: u64,
        /// They follow each other.
        lines: Vec<Line>,
    },
    /// The service is gone, or the agent ends.
    End,
    /// It cannot be read, and why.
    Failed(String),
}

/// How a request to follow is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// Which lines to begin with.
    pub(super) logs: Logs,
    /// Whether to go on behind the log's end.
    pub(super) goes_on: bool,
    /// True if each line is a notification of its own.
    pub(super) notifies: bool,
}

impl Opening {
    /// Returns whether the lines are the answer itself, which ends.
    pub(super) const fn is_listing(&self) -> bool {
        !self.goes_on && !self.notifies
    }
}

/// A log that is followed.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) id: FollowId,
    pub(super) range: LogRange,
    /// Where the log ended when it began.
    known: Cursor,
}

/// The logs that a session follows.
#[derive(Debug, Default)]
pub(super) struct Follows {
    all: Vec<Subscription>,
    orders: VecDeque<FollowOrder>,
    last: u64,
}

impl Follows {
    /// Whether there is no room for one more.
    pub(super) const fn is_full(&self) -> bool {
        self.all.len() >= FOLLOWS
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) const fn count(&self) -> usize {
        self.all.len()
    }

    /// Returns a number that no other subscription of the session has.
    pub(super) const fn take_id(&mut self) -> FollowId {
        self.last += 1;
        FollowId(self.last)
    }

    /// Begins to follow a log that ends at `known` as of now.
    pub(super) fn start(&mut self, opening: &Opening, known: Cursor) -> FollowId {
        let id = self.take_id();
        let range = LogRange::new(&opening.logs, known, opening.goes_on);
        if !range.is_over() {
            self.orders.push_back(FollowOrder::Start {
                id,
                name: range.name.clone(),
                from: range.at,
            });
        }
        self.all.push(Subscription { id, range, known });
        id
    }

    pub(super) fn find(&mut self, id: FollowId) -> Option<&mut Subscription> {
        self.all.iter_mut().find(|it| it.id == id)
    }

    /// Follows a log no more; `None` if it was not followed.
    pub(super) fn stop(&mut self, id: FollowId) -> Option<Subscription> {
        let index = self.all.iter().position(|it| it.id == id)?;
        self.orders.push_back(FollowOrder::Stop(id));
        Some(self.all.remove(index))
    }

    /// Follows nothing any more.
    pub(super) fn stop_all(&mut self) {
        let stopped = self.all.drain(..).map(|it| FollowOrder::Stop(it.id));
        self.orders.extend(stopped);
    }

    /// Goes on no further than to the logs' ends when they began.
    pub(super) fn end_with_what_was_known(&mut self) {
        let all = self.all.iter_mut();
        all.for_each(|it| it.range.end_at(it.known));
    }

    /// One of which everything wanted was taken.
    pub(super) fn over(&self) -> Option<FollowId> {
        self.all
            .iter()
            .find(|it| it.range.is_over())
            .map(|it| it.id)
    }

    /// Whether there ever was one of that number.
    pub(super) const fn has_been(&self, id: FollowId) -> bool {
        0 < id.0 && id.0 <= self.last
    }

    pub(super) fn take_order(&mut self) -> Option<FollowOrder> {
        self.orders.pop_front()
    }
}
