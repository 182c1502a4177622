//! A line under way, which is answered step by step.

use super::super::follows::Opening;
use super::super::json;
use super::super::output::Output;
use lastword_protocol::message::Request;
use lastword_protocol::message::service::ServiceRequest;
use lastword_shell::{Action, Answer, Level, Script, Step};
use std::fmt::Write;

/// A line under way.
#[derive(Debug)]
pub(super) struct RunningLine {
    pub(super) script: Script,
    pub(super) next: usize,
    pub(super) voice: AnswerFormat,
}

/// The form in which a line is answered.
#[derive(Debug)]
pub(super) enum AnswerFormat {
    Text(Answer),
    Json(json::Call),
}

impl RunningLine {
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

    /// Returns the log that the next step wants to follow, if that is its action.
    pub(super) fn opening(&self) -> Option<Opening> {
        let (logs, goes_on) = match (self.action()?, &self.voice) {
            (Action::Follow(logs), _) => (logs, true),
            (
                Action::Request(Request::Service(ServiceRequest::Logs(logs))),
                AnswerFormat::Json(call),
            ) if call.subscribes() => (logs, false),
            _ => return None,
        };
        Some(Opening { logs, goes_on })
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
