//! A line under way, which is answered step by step.

use super::super::event_subscriptions::{EventListing, numbered};
use super::super::follows::Opening;
use super::super::json;
use super::super::output::Output;
use crate::core::events::SharedEvents;
use crate::core::session::EVENTS_PER_TURN;
use lastword_protocol::message::service::{Page, ServiceRequest};
use lastword_protocol::message::{Reply, Request};
use lastword_shell::escape::JsonSafe;
use lastword_shell::{Action, Answer, Level, Script, Step};
use std::collections::VecDeque;
use std::fmt::Write;

/// A line under way.
#[derive(Debug)]
pub(super) struct RunningLine {
    pub(super) script: Script,
    pub(super) next: usize,
    pub(super) voice: AnswerFormat,
    /// The pages of the answer to the step under way that are still to be said.
    pages: VecDeque<Reply>,
    /// The events of that answer that are still to be said.
    listing: Option<Box<EventListing>>,
    /// The number of rows of the answer that are said.
    rows: usize,
}

/// The form in which a line is answered.
#[derive(Debug)]
pub(super) enum AnswerFormat {
    Text(Answer),
    Json(json::Call),
}

impl RunningLine {
    pub(super) const fn new(script: Script, voice: AnswerFormat) -> Self {
        Self {
            script,
            next: 0,
            voice,
            pages: VecDeque::new(),
            listing: None,
            rows: 0,
        }
    }

    /// Returns the next step's action, unless the line is over.
    pub(super) fn action(&self) -> Option<Action> {
        let open = match &self.voice {
            AnswerFormat::Text(answer) => answer.is_open(),
            AnswerFormat::Json(_) => true,
        };
        self.script
            .steps
            .get(self.next)
            .filter(|_| open)
            .map(|step: &Step| step.action.clone())
    }

    /// The log that the next step wants read, if that is what it does.
    pub(super) fn opening(&self) -> Option<Opening> {
        let (logs, goes_on) = match self.action()? {
            Action::Follow(logs) => (logs, true),
            Action::Request(Request::Service(ServiceRequest::Logs(logs))) => (logs, false),
            _ => return None,
        };
        let notifies =
            matches!(&self.voice, AnswerFormat::Json(call) if goes_on || call.subscribes());
        Some(Opening {
            logs,
            goes_on,
            notifies,
        })
    }

    pub(super) const fn is_text(&self) -> bool {
        matches!(self.voice, AnswerFormat::Text(_))
    }

    /// Returns how many pages of the answer to the step under way are still to be said.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Returns whether there is more to say of the answer to the step under way.
    pub(super) fn has_page(&self) -> bool {
        !self.pages.is_empty() || self.lists_events()
    }

    /// Returns whether events are still to be said.
    pub(super) const fn lists_events(&self) -> bool {
        self.listing.is_some()
    }

    /// Begins a list of events as the answer to the step under way.
    pub(super) fn list_events(&mut self, listing: EventListing, out: &mut Output) {
        if let AnswerFormat::Json(call) = &self.voice {
            if !call.has_answer() {
                self.next += 1;
                return;
            }
            out.push(call.begin_list().as_bytes());
        }
        self.rows = 0;
        self.listing = Some(Box::new(listing));
    }

    /// Says the next rows of a list of events.
    pub(super) fn say_events(&mut self, events: &SharedEvents, out: &mut Output) {
        for _ in 0..EVENTS_PER_TURN {
            let Some(reading) = self.listing.as_mut().and_then(|it| it.read(events)) else {
                self.listing = None;
                return self.end_events(out);
            };
            let Some(numbered) = numbered(&reading) else {
                continue;
            };
            // Output takes everything.
            let _ = match &self.voice {
                AnswerFormat::Text(answer) => numbered.write_row(answer.dialect(), out),
                AnswerFormat::Json(_) => {
                    let between = if self.rows == 0 { "" } else { "," };
                    let row = json::event_row(&numbered);
                    write!(out, "{between}{}", JsonSafe(&row.to_string()))
                }
            };
            self.rows += 1;
        }
    }

    /// Ends a list of events.
    fn end_events(&mut self, out: &mut Output) {
        self.next += 1;
        let step = self.script.steps.get(self.next - 1);
        match (&mut self.voice, step) {
            (AnswerFormat::Json(_), _) => out.push(json::END_OF_LIST.as_bytes()),
            // The rows are all that a person is told.
            (AnswerFormat::Text(answer), _) if answer.dialect().is_term() && self.rows > 0 => {
                answer.pass(false);
            }
            (AnswerFormat::Text(answer), Some(step)) => {
                let none: Reply = Reply::Items(Page::default());
                // Output takes everything.
                let _ = answer.step(out, step, &none);
            }
            (AnswerFormat::Text(_), None) => {}
        }
    }

    /// Begins to answer the step under way.
    pub(super) fn answer(&mut self, replies: &[Reply], out: &mut Output) {
        let Some(step) = self.script.steps.get(self.next) else {
            return;
        };
        if let AnswerFormat::Json(call) = &self.voice {
            if !call.lists(step, replies) {
                say(out, call.answer(step, replies));
                self.next += 1;
                return;
            }
            out.push(call.begin_list().as_bytes());
        }
        self.rows = 0;
        self.pages.extend(replies.iter().cloned());
        self.say_page(out);
    }

    /// Says the next page of the answer to the step under way.
    pub(super) fn say_page(&mut self, out: &mut Output) {
        if let Some(page) = self.pages.pop_front() {
            self.say_some(&page, out);
        }
        if self.pages.is_empty() {
            self.next += 1;
            if !self.is_text() {
                out.push(json::END_OF_LIST.as_bytes());
            }
        }
    }

    /// Says the items of a page as rows of a program's answer.
    pub(super) fn say_rows(&mut self, page: &Page, out: &mut Output) {
        let AnswerFormat::Json(call) = &self.voice else {
            return;
        };
        for row in page.items().filter_map(|item| call.row(&item)) {
            let between = if self.rows == 0 { "" } else { "," };
            self.rows += 1;
            // Output takes everything.
            let _ = write!(out, "{between}{}", JsonSafe(&row.to_string()));
        }
    }

    /// Says a page of an answer that goes on.
    pub(super) fn say_some(&mut self, page: &Reply, out: &mut Output) {
        match (&mut self.voice, page) {
            (AnswerFormat::Text(answer), page) => {
                if let Some(step) = self.script.steps.get(self.next) {
                    // Output takes everything.
                    let _ = answer.step(out, step, page);
                }
            }
            (AnswerFormat::Json(_), Reply::Items(page)) => self.say_rows(page, out),
            (AnswerFormat::Json(_), _) => {}
        }
    }

    /// Begins a log as the answer to a program's call. Returns whether that has an answer.
    pub(super) fn begin_log(&mut self, out: &mut Output) -> bool {
        self.rows = 0;
        let AnswerFormat::Json(call) = &self.voice else {
            return true;
        };
        let is_answered = call.has_answer();
        if is_answered {
            out.push(call.begin_log().as_bytes());
        }
        self.next += usize::from(!is_answered);
        is_answered
    }

    /// Leaves the rest of the answer to the step under way unsaid. Returns whether there was any.
    pub(super) fn drop_pages(&mut self) -> bool {
        let had_pages = self.has_page();
        self.pages.clear();
        self.listing = None;
        had_pages
    }
}

/// Returns whether a step takes the board down.
pub(super) fn is_dangerous(step: &Step) -> bool {
    step.command.level == Level::Danger
}

/// Returns whether a line is owed an answer.
pub(super) fn is_due(script: &Script, voice: &AnswerFormat) -> bool {
    let is_call = match voice {
        AnswerFormat::Text(_) => true,
        AnswerFormat::Json(call) => call.has_answer(),
    };
    is_call && !script.steps.is_empty()
}

/// Writes the answer to a call, if it has one.
pub(super) fn say(out: &mut Output, answer: Option<String>) {
    if let Some(answer) = answer {
        let _ = writeln!(out, "{answer}");
    }
}
