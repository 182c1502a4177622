//! A log that is followed over frames, in a stream; or in one more, from where that went on.

use lastword_protocol::message::Request;
use lastword_protocol::message::service::{Item, Logs, Page, ServiceRequest};
use lastword_shell::parse::Step;
use std::time::Duration;

/// The time to wait before an agent that is ending is asked again.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);
/// The most lines that are asked for of those which came while nobody listened.
const LINES: u16 = u16::MAX;

/// The progress of a log.
#[derive(Clone)]
pub(crate) struct Following {
    /// The step that asked for it.
    pub(crate) step: Step,
    logs: Logs,
    /// The lines of this stream that were missed and are told.
    dropped: u64,
    has_begun: bool,
}

impl Following {
    pub(crate) fn begin(step: &Step, logs: &Logs) -> Self {
        Self {
            step: step.clone(),
            logs: Logs {
                follow: true,
                ..logs.clone()
            },
            dropped: 0,
            has_begun: false,
        }
    }

    /// The request for the log from where it went on, in a stream of its own.
    pub(crate) fn request(&mut self) -> Request {
        self.dropped = 0;
        Request::Service(ServiceRequest::Logs(self.logs.clone()))
    }

    /// Returns whether there was such a log.
    pub(crate) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Takes a page, before which so many lines of this stream are gone. Returns what is to be shown: first how
    /// many more are gone, then the lines.
    pub(crate) fn take(&mut self, page: &Page, dropped: u64) -> Vec<Page> {
        self.has_begun = true;
        let (mut gone, mut lines) = (Page::default(), Page::default());
        for item in page.items() {
            match item {
                Item::Next { from, .. } => {
                    self.logs.from = Some(from);
                    self.logs.lines = LINES;
                }
                // There is room: the page had it.
                Item::Line { .. } => drop(lines.push(&item)),
                _ => {}
            }
        }
        if self.dropped < dropped {
            let missed = dropped - self.dropped;
            let from = self.logs.from.unwrap_or_default();
            gone.push(&Item::Next { from, missed });
            self.dropped = dropped;
        }
        let shown = [gone, lines].into_iter();
        shown.filter(|page| !page.is_empty()).collect()
    }

    /// The end of the answer: where the log goes on.
    pub(crate) fn last(&self) -> Page {
        let mut page = Page::default();
        if let Some(from) = self.logs.from {
            page.push(&Item::Next { from, missed: 0 });
        }
        page
    }
}
