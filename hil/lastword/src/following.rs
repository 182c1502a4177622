//! A log that is followed over frames: asked for again and again, from where it went on.

use lastword_protocol::message::Request;
use lastword_protocol::message::service::{Item, Logs, Page, ServiceRequest};
use lastword_shell::parse::Step;
use std::time::Duration;

/// How long to wait where nothing came before asking again.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);
/// How many lines are asked for at once, behind the first.
const LINES: u16 = 1_000;

/// How far a log has come.
#[derive(Clone)]
pub(crate) struct Following {
    /// What asked for it.
    pub(crate) step: Step,
    next: Logs,
    has_begun: bool,
}

impl Following {
    pub(crate) fn begin(step: &Step, logs: &Logs) -> Self {
        Self {
            step: step.clone(),
            next: logs.clone(),
            has_begun: false,
        }
    }

    /// What to ask next.
    pub(crate) fn request(&self) -> Request {
        Request::Service(ServiceRequest::Logs(self.next.clone()))
    }

    /// Whether there was such a log.
    pub(crate) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Takes the pages of an answer: what of them is to be shown, first how many lines are gone.
    pub(crate) fn take(&mut self, pages: &[Page]) -> Vec<Page> {
        let mut gone = Page::default();
        for item in pages.iter().flat_map(Page::items) {
            if let Item::Next { from, missed } = item {
                self.has_begun = true;
                self.next.from = Some(from);
                self.next.lines = LINES;
                if missed > 0 {
                    gone.push(&item);
                }
            }
        }
        let lines = pages.iter().map(|page| {
            let mut lines = Page::default();
            for item in page.items() {
                if matches!(item, Item::Line { .. }) {
                    // There is room: the page had it.
                    lines.push(&item);
                }
            }
            lines
        });
        let shown = [gone].into_iter().chain(lines);
        shown.filter(|page| !page.is_empty()).collect()
    }

    /// What ends the answer: where the log goes on.
    pub(crate) fn last(&self) -> Page {
        let mut page = Page::default();
        if let Some(from) = self.next.from {
            page.push(&Item::Next { from, missed: 0 });
        }
        page
    }
}
