//! The one line that a board says unasked on a line without connections: that it is up.

use super::Session;
use super::lines::Lines;
use super::output::Output;
use crate::core::world::World;
use lastword_protocol::announcement::Announcement;
use lastword_protocol::{Instant, Millis};

/// The least time between two announcements.
const ANNOUNCE_INTERVAL: Millis = Millis(1_000);
/// The times after its start at which a board announces itself again, unless it has received something:
/// whatever else starts on the line garbles it.
const REPEAT_AFTER: [Millis; 2] = [Millis(1_000), Millis(3_000)];

/// The announcements on one link.
#[derive(Debug)]
pub(super) struct AnnouncementSchedule {
    /// True if there are any: nobody connects to the link.
    enabled: bool,
    last: Option<Instant>,
    /// True if one is due as soon as the answer under way has been given.
    postponed: bool,
    /// The times of the repetitions still to come. The last is the next.
    repeat: Vec<Instant>,
}

impl AnnouncementSchedule {
    pub(super) const fn new(enabled: bool) -> Self {
        Self {
            enabled,
            last: None,
            postponed: false,
            repeat: Vec::new(),
        }
    }

    /// Returns when to call [`Session::tick`] at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.repeat.last().copied()
    }

    /// Schedules the repetitions of an announcement at the start.
    fn start(&mut self, now: Instant) {
        let repeat = REPEAT_AFTER.map(|later| now.after(later));
        self.repeat = repeat.into_iter().rev().collect();
    }

    /// Returns whether a repetition is due, and forgets it.
    fn take_due(&mut self, now: Instant) -> bool {
        let before = self.repeat.len();
        self.repeat.retain(|at| now < *at);
        self.repeat.len() < before
    }

    /// Returns whether an announcement may be made, and takes it for made.
    fn admit(&mut self, now: Instant) -> bool {
        let is_recent = self
            .last
            .is_some_and(|last| now.since(last) < ANNOUNCE_INTERVAL);
        let admitted = self.enabled && !is_recent;
        if admitted {
            self.last = Some(now);
        }
        admitted
    }
}

impl Session {
    /// Announces on a serial line that the board is up: a boot is over.
    pub fn announce(&mut self, now: Instant, world: &dyn World) {
        self.say_up(now, world);
        self.announcements.start(now);
    }

    /// Repeats the announcement of the start, unless something was received since.
    pub(super) fn repeat_announcement(&mut self, now: Instant, world: &dyn World) {
        if self.announcements.take_due(now) && self.heard.is_none() {
            self.say_up(now, world);
        }
    }

    /// Announces the board, at most once a second and never within an answer.
    pub(super) fn say_up(&mut self, now: Instant, world: &dyn World) {
        self.announcements.postponed = self.is_line_busy() || self.lines.is_answering();
        if !self.announcements.postponed && self.announcements.admit(now) {
            write(&self.lines, &mut self.output, world);
        }
    }

    /// Makes the announcement that an answer has put off.
    pub(super) fn say_postponed(&mut self, now: Instant, world: &dyn World) {
        if self.announcements.postponed {
            self.say_up(now, world);
        }
    }
}

fn write(lines: &Lines, out: &mut Output, world: &dyn World) {
    let identity = world.identity();
    let announcement = Announcement {
        name: identity.name,
        boot: identity.boot,
        cause: identity.cause,
    };
    announcement.write(&mut |text| out.push(text.as_bytes()));
    lines.redraw(out);
}
