//! A run on a board where everything works but what a test wants to fail, written down line by line.

use super::super::{ActivationInput, RolloutRecord, RolloutRun, RunEffect, RunEnd, RunOperation};
use super::{PREVIOUS, TARGET, THIRD};
use crate::core::generation::recorded_step::RecordedStep;
use crate::core::generation::recovery::WorldView;
use lastword_protocol::Generation;
use lastword_protocol::rollout::RolloutStep;

/// A run from its first effect to its end.
pub(super) struct RunTrace {
    /// Records, the events that each of them tells, and operations, in their order.
    pub(super) lines: Vec<String>,
    pub(super) end: RunEnd,
    pub(super) record: RolloutRecord,
    /// The pointer behind it.
    pub(super) pointer: Option<Generation>,
}

impl RunTrace {
    /// The steps that were recorded.
    pub(super) fn steps(&self) -> Vec<&str> {
        let steps = self.lines.iter().filter_map(|line| {
            let step = line.strip_prefix("event ").or(line.strip_prefix("record "));
            Some(step?.split(' ').next().unwrap_or_default())
        });
        steps.collect()
    }

    /// The events that were told, without the operations between them.
    pub(super) fn events(&self) -> Vec<&str> {
        let events = { &self.lines }.iter();
        events
            .filter_map(|line| line.strip_prefix("event "))
            .collect()
    }

    /// Checks all lines, their order, and the end.
    #[track_caller]
    pub(super) fn check(&self, lines: &[&str], end: RunEnd) {
        assert_eq!(self.lines, lines);
        assert_eq!(self.end, end);
    }
}

/// Carries a run out; where `fault` returns an input, that is the end of the effect.
pub(super) fn carry_out(
    (mut run, mut effect): (RolloutRun, RunEffect),
    mut pointer: Option<Generation>,
    fault: impl Fn(&RunEffect) -> Option<ActivationInput>,
) -> RunTrace {
    let mut lines = Vec::new();
    loop {
        let planned = fault(&effect);
        let input = match &effect {
            RunEffect::End(end) => {
                let (end, record) = (*end, run.record().clone());
                return RunTrace {
                    lines,
                    end,
                    record,
                    pointer,
                };
            }
            RunEffect::Append { step, .. } => {
                let is_recorded = planned != Some(ActivationInput::NotRecorded);
                lines.extend(lines_of(step, is_recorded));
                ActivationInput::Recorded
            }
            RunEffect::Operation(operation) => {
                lines.push(operation_line(operation));
                if let (RunOperation::Switch { to, .. }, None) = (operation, &planned) {
                    pointer = *to;
                }
                end_of(operation, pointer)
            }
        };
        effect = run
            .step(planned.unwrap_or(input))
            .expect("it was waited for");
    }
}

pub(super) fn nothing_fails(_: &RunEffect) -> Option<ActivationInput> {
    None
}

/// The end of an operation that works.
fn end_of(operation: &RunOperation, pointer: Option<Generation>) -> ActivationInput {
    match operation {
        RunOperation::ReadBack(_) => {
            ActivationInput::Observed(pointer.map_or(WorldView::Absent, WorldView::Current))
        }
        RunOperation::AskGate | RunOperation::AskGateIn(_) => ActivationInput::GateOpen,
        RunOperation::Realise(_) | RunOperation::Set(_) | RunOperation::Switch { .. } => {
            ActivationInput::Done
        }
    }
}

/// The steps of one record: those that are told, and what is told of them, as `event`. The task that owns a run tells
/// what was recorded, and of the rest what has happened all the same.
fn lines_of(step: &RecordedStep, is_recorded: bool) -> Vec<String> {
    if !is_recorded && !step.has_happened() {
        return vec!["not recorded".to_owned()];
    }
    if *step == RecordedStep::AttemptRepeated {
        return vec!["record attempt-repeated".to_owned()];
    }
    let steps = step.steps();
    let lines = steps.iter().map(|step| {
        let word = step.word();
        let rest = match step {
            RolloutStep::ActivationStarted { switch_method } => (*switch_method).to_owned(),
            RolloutStep::ActivationCompleted { observed } => name(Some(*observed)).to_owned(),
            RolloutStep::ActivationDeferred { component } => (*component).to_owned(),
            RolloutStep::ActivationFailed { code, detail } => format!("{code} {}", named(detail)),
            RolloutStep::RollbackCompleted { reverted_to } => name(*reverted_to).to_owned(),
            RolloutStep::RollbackStarted => return format!("record {word}"),
            RolloutStep::SoakCompleted | RolloutStep::Cancelled => String::new(),
        };
        format!("event {word} {rest}").trim_end().to_owned()
    });
    lines.collect()
}

fn operation_line(operation: &RunOperation) -> String {
    match operation {
        RunOperation::Realise(generation) => format!("realise {}", name(Some(*generation))),
        RunOperation::Set(generation) => format!("set {}", name(Some(*generation))),
        RunOperation::AskGate => "ask gate".to_owned(),
        RunOperation::AskGateIn(wait) => format!("ask gate in {} ms", wait.0),
        RunOperation::Switch { to, .. } => format!("switch {}", name(*to)),
        RunOperation::ReadBack(expected) => format!("read back {}", name(*expected)),
    }
}

/// The name of a generation in these tests.
fn name(generation: Option<Generation>) -> &'static str {
    match generation {
        None => "none",
        Some(TARGET) => "TARGET",
        Some(PREVIOUS) => "PREVIOUS",
        Some(THIRD) => "THIRD",
        Some(_) => "another",
    }
}

/// A detail with the names in place of the hashes.
fn named(detail: &str) -> String {
    [TARGET, PREVIOUS, THIRD]
        .iter()
        .fold(detail.to_owned(), |text, it| {
            text.replace(&it.to_string(), name(Some(*it)))
        })
}
