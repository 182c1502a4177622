//! Generations, rollouts and health checks, as rows and for a person.

use crate::fields::{Fields, Value};
use crate::pen::Pen;
use core::fmt;
use lastword_protocol::Generation;
use lastword_protocol::message::event::{CheckEvent, RolloutEvent};
use lastword_protocol::message::generation::{
    CheckBrief, GenerationBrief, MissingContent, RolloutBrief, SignatureBrief,
};
use lastword_protocol::rollout::RolloutStep;

/// The columns in front of a generation's place.
const GENERATION_COLUMNS: usize = 17;
/// The room for that.
const ROLE_COLUMNS: usize = 12;
/// The columns in front of a check's result.
const CHECK_COLUMNS: usize = 19;

pub(crate) fn visit_generation(brief: &GenerationBrief<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("generation", Value::Generation(&brief.generation))?;
    to.field("role", Value::Word(brief.role.word()))?;
    if brief.is_quarantined {
        to.field("quarantined", Value::Word("yes"))?;
    }
    to.field("name", Value::Text(brief.name))?;
    to.field("version", Value::Text(brief.version))?;
    to.field(
        "security_version",
        Value::Number(brief.security_version.into()),
    )?;
    to.field("files", Value::Number(brief.files.into()))?;
    to.field("bytes", Value::Number(brief.bytes))
}

pub(crate) fn visit_missing(content: &MissingContent, to: &mut dyn Fields) -> fmt::Result {
    to.field("content", Value::Generation(&Generation(content.content.0)))?;
    to.field("size", Value::Number(content.size))?;
    match content.base {
        Some(base) => to.field("base", Value::Generation(&Generation(base.0))),
        None => Ok(()),
    }
}

pub(crate) fn visit_signature(brief: &SignatureBrief, to: &mut dyn Fields) -> fmt::Result {
    to.field(
        "signature",
        Value::Generation(&Generation(brief.signature.0)),
    )
}

pub(crate) fn visit_rollout(rollout: &RolloutBrief<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("target", Value::Generation(&rollout.target))?;
    if let Some(previous) = &rollout.previous {
        to.field("previous", Value::Generation(previous))?;
    }
    to.field("state", Value::Word(rollout.state.word()))?;
    to.field("attempts", Value::Number(rollout.attempts.into()))?;
    if let Some(left) = rollout.soak_left {
        to.field("soak_left", Value::Span(left))?;
    }
    to.field("code", Value::Signed(rollout.code))?;
    if rollout.is_test {
        to.field("test", Value::Word("yes"))?;
    }
    if rollout.detail.is_empty() {
        return Ok(());
    }
    to.field("detail", Value::Text(rollout.detail))
}

pub(crate) fn visit_check(check: &CheckBrief<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("check", Value::Text(check.name))?;
    to.field("result", Value::Word(result_word(check)))?;
    to.field("runs", Value::Number(check.runs))?;
    to.field("failures", Value::Number(check.failures.into()))?;
    to.field("failures_max", Value::Number(check.failures_max.into()))?;
    if check.detail.is_empty() {
        return Ok(());
    }
    to.field("detail", Value::Text(check.detail))
}

pub(crate) fn visit_event(event: &RolloutEvent<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("target", Value::Generation(&event.target))?;
    to.field("step", Value::Word(event.step.word()))?;
    match &event.step {
        RolloutStep::ActivationStarted { switch_method } => {
            to.field("switch_method", Value::Text(switch_method))
        }
        RolloutStep::ActivationCompleted { observed } => {
            to.field("observed", Value::Generation(observed))?;
            to.field("code", Value::Signed(0))
        }
        RolloutStep::ActivationDeferred { component } => {
            to.field("component", Value::Text(component))
        }
        RolloutStep::ActivationFailed { code, detail } => {
            to.field("code", Value::Signed(*code))?;
            to.field("detail", Value::Text(detail))
        }
        RolloutStep::RollbackCompleted { reverted_to } => {
            match reverted_to {
                Some(generation) => to.field("reverted_to", Value::Generation(generation))?,
                None => to.field("reverted_to", Value::Word("none"))?,
            }
            to.field("code", Value::Signed(0))
        }
        RolloutStep::SoakCompleted | RolloutStep::RollbackStarted | RolloutStep::Cancelled => {
            Ok(())
        }
    }
}

pub(crate) fn visit_check_event(event: &CheckEvent<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("target", Value::Generation(&event.target))?;
    to.field("check", Value::Text(event.name))?;
    to.field("result", Value::Word(passed_word(event.has_passed)))?;
    if let Some(left) = event.soak_left {
        to.field("soak_left", Value::Span(left))?;
    }
    to.field("failures", Value::Number(event.failures.into()))?;
    to.field("failures_max", Value::Number(event.failures_max.into()))?;
    if event.detail.is_empty() {
        return Ok(());
    }
    to.field("detail", Value::Text(event.detail))
}

pub(crate) fn generation(pen: &mut Pen<'_>, brief: &GenerationBrief<'_>) {
    short(pen, &brief.generation);
    pen.text(" ");
    pen.advance(GENERATION_COLUMNS);
    pen.text(brief.role.word());
    pen.advance(GENERATION_COLUMNS + ROLE_COLUMNS);
    pen.shown(brief.name);
    pen.text(" ");
    pen.shown(brief.version);
    pen.count(", ", brief.files as usize);
    pen.text(" files, ");
    pen.number(brief.bytes);
    pen.text(" bytes");
    if brief.security_version > 0 {
        pen.count(", security version ", brief.security_version as usize);
    }
    if brief.is_quarantined {
        pen.text(", quarantined");
    }
}

pub(crate) fn missing(pen: &mut Pen<'_>, content: &MissingContent) {
    short(pen, &Generation(content.content.0));
    pen.text(" missing, ");
    pen.number(content.size);
    pen.text(" bytes");
}

pub(crate) fn signature(pen: &mut Pen<'_>, brief: &SignatureBrief) {
    pen.text("signature ");
    pen.value(Value::Generation(&Generation(brief.signature.0)), true);
}

pub(crate) fn rollout(pen: &mut Pen<'_>, rollout: &RolloutBrief<'_>) {
    short(pen, &rollout.target);
    pen.text(" ");
    pen.text(rollout.state.word());
    if let Some(left) = rollout.soak_left {
        pen.text(", ");
        pen.span(left.0);
        pen.text(" left");
    }
    if rollout.attempts > 1 {
        pen.count(", attempt ", rollout.attempts.into());
    }
    if let Some(previous) = &rollout.previous {
        pen.text(", previous ");
        short(pen, previous);
    }
    if rollout.is_test {
        pen.text(", test mode");
    }
    if !rollout.detail.is_empty() {
        pen.newline(4);
        if rollout.code != 0 {
            pen.value(Value::Signed(rollout.code), true);
            pen.text(": ");
        }
        pen.flow(4, rollout.detail);
    }
}

pub(crate) fn check(pen: &mut Pen<'_>, check: &CheckBrief<'_>) {
    pen.text("  ");
    pen.shown(check.name);
    pen.text(" ");
    pen.advance(CHECK_COLUMNS);
    pen.text(result_word(check));
    pen.text(", ");
    pen.number(check.runs);
    pen.text(" runs");
    if check.failures > 0 {
        pen.count(", failed ", check.failures as usize);
        pen.count(" of ", check.failures_max as usize);
        pen.text(" times in a row");
    }
    if !check.detail.is_empty() {
        pen.text(": ");
        pen.flow(4, check.detail);
    }
}

pub(crate) fn event(pen: &mut Pen<'_>, event: &RolloutEvent<'_>) {
    pen.text("generation ");
    short(pen, &event.target);
    pen.text(" ");
    pen.text(event.step.word());
    match &event.step {
        RolloutStep::ActivationStarted { .. }
        | RolloutStep::ActivationCompleted { .. }
        | RolloutStep::SoakCompleted
        | RolloutStep::RollbackStarted
        | RolloutStep::Cancelled => {}
        RolloutStep::ActivationDeferred { component } => {
            pen.text(": ");
            pen.shown(component);
            pen.text(" needs a reboot");
        }
        RolloutStep::ActivationFailed { code, detail } => {
            pen.text(" (");
            pen.value(Value::Signed(*code), true);
            pen.text("): ");
            pen.shown(detail);
        }
        RolloutStep::RollbackCompleted { reverted_to } => {
            pen.text(": to ");
            match reverted_to {
                Some(generation) => short(pen, generation),
                None => pen.text("none"),
            }
        }
    }
}

pub(crate) fn check_event(pen: &mut Pen<'_>, event: &CheckEvent<'_>) {
    pen.text("generation ");
    short(pen, &event.target);
    pen.text(" check ");
    pen.shown(event.name);
    pen.text(" ");
    pen.text(passed_word(event.has_passed));
    if event.failures > 0 {
        pen.count(" ", event.failures as usize);
        pen.count(" of ", event.failures_max as usize);
        pen.text(" times in a row");
    }
    if let Some(left) = event.soak_left {
        pen.text(", ");
        pen.span(left.0);
        pen.text(" left");
    }
    if !event.detail.is_empty() {
        pen.text(": ");
        pen.shown(event.detail);
    }
}

fn short(pen: &mut Pen<'_>, generation: &Generation) {
    pen.value(Value::Generation(generation), true);
}

const fn result_word(check: &CheckBrief<'_>) -> &'static str {
    match check.has_passed {
        None => "waiting",
        Some(has_passed) => passed_word(has_passed),
    }
}

const fn passed_word(has_passed: bool) -> &'static str {
    if has_passed { "passed" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::NumberedEvent;
    use crate::items::{lines, rows};
    use lastword_protocol::message::event::BoardEvent;
    use lastword_protocol::message::generation::GenerationRole;
    use lastword_protocol::message::service::{Item, Page};
    use lastword_protocol::rollout::RolloutState;
    use lastword_protocol::{Millis, ObjectHash};

    const TARGET: Generation = Generation([0xAB; 32]);

    #[track_caller]
    fn check_item(item: &Item<'_>, script: &str, person: &str) {
        let mut page = Page::default();
        assert!(page.push(item));
        let mut out = String::new();
        rows(&mut Pen::on(&mut out), &page);
        let script = script.replace("AB*", &"ab".repeat(32));
        assert_eq!(out, format!("| {script}\n"));
        let mut out = String::new();
        lines(&mut Pen::on(&mut out), &page);
        assert_eq!(out, format!("{person}\r\n"));
    }

    #[track_caller]
    fn check_event(step: RolloutStep<'_>, script: &str, person: &str) {
        let numbered = NumberedEvent {
            sequence: 17,
            event: Ok(BoardEvent::Rollout(RolloutEvent {
                at_unix_ms: 5,
                target: TARGET,
                step,
            })),
        };
        let mut out = String::new();
        numbered.write_plain(&mut out).unwrap();
        let script = script.replace("AB*", &"ab".repeat(32));
        let target = "ab".repeat(32);
        assert_eq!(
            out,
            format!("! 17 rollouts at_unix_ms=5 target={target} step={script}\n")
        );
        let mut out = String::new();
        numbered.write_notice(&mut out).unwrap();
        assert_eq!(out, format!("generation abababababababab {person}"));
    }

    #[test]
    fn the_result_of_a_check_is_an_event() {
        let check = |event, script: &str, person: &str| {
            let numbered = NumberedEvent {
                sequence: 17,
                event: Ok(BoardEvent::Check(event)),
            };
            let (mut row, mut notice) = (String::new(), String::new());
            numbered.write_plain(&mut row).unwrap();
            let target = "ab".repeat(32);
            assert_eq!(
                row,
                format!("! 17 checks at_unix_ms=5 target={target} check=web {script}\n")
            );
            numbered.write_notice(&mut notice).unwrap();
            assert_eq!(
                notice,
                format!("generation abababababababab check web {person}")
            );
        };
        let held = CheckEvent {
            at_unix_ms: 5,
            target: TARGET,
            soak_left: Some(Millis(2_500)),
            name: "web",
            has_passed: true,
            failures: 0,
            failures_max: 3,
            detail: "",
        };
        check(
            held,
            "result=passed soak_left_ms=2500 failures=0 failures_max=3",
            "passed, 2.500 s left",
        );
        let failed = CheckEvent {
            soak_left: None,
            has_passed: false,
            failures: 2,
            detail: "exit 1",
            ..held
        };
        check(
            failed,
            "result=failed failures=2 failures_max=3 detail=\"exit 1\"",
            "failed 2 of 3 times in a row: exit 1",
        );
    }

    #[test]
    fn a_generation_is_a_row() {
        let brief = GenerationBrief {
            generation: TARGET,
            role: GenerationRole::Previous,
            is_quarantined: true,
            name: "gateway",
            version: "1.4 rc",
            security_version: 3,
            files: 12,
            bytes: 4_096,
        };
        check_item(
            &Item::Generation(brief),
            "generation=AB* role=previous quarantined=yes name=gateway version=\"1.4 rc\" \
             security_version=3 files=12 bytes=4096",
            "abababababababab previous    gateway 1.4 rc, 12 files, 4096 bytes, security version 3, \
             quarantined",
        );
    }

    #[test]
    fn a_missing_content_names_what_it_may_be_compressed_against() {
        let missing = MissingContent {
            content: ObjectHash([0xAB; 32]),
            size: 300,
            base: Some(ObjectHash([0xAB; 32])),
        };
        check_item(
            &Item::MissingContent(missing),
            "content=AB* size=300 base=AB*",
            "abababababababab missing, 300 bytes",
        );
    }

    #[test]
    fn a_rollout_says_how_far_it_is_and_what_went_wrong() {
        let rollout = RolloutBrief {
            target: TARGET,
            previous: None,
            state: RolloutState::Soaking,
            attempts: 2,
            soak_left: Some(Millis(1_500)),
            code: 0,
            detail: "",
            is_test: false,
        };
        check_item(
            &Item::Rollout(rollout.clone()),
            "target=AB* state=soaking attempts=2 soak_left_ms=1500 code=0",
            "abababababababab soaking, 1.500 s left, attempt 2",
        );
        let failed = RolloutBrief {
            previous: Some(TARGET),
            state: RolloutState::Reverted,
            attempts: 1,
            soak_left: None,
            code: -4,
            detail: "soak failed: web",
            ..rollout
        };
        check_item(
            &Item::Rollout(failed),
            "target=AB* previous=AB* state=reverted attempts=1 code=-4 detail=\"soak failed: web\"",
            "abababababababab reverted, previous abababababababab\r\n    -4: soak failed: web",
        );
    }

    #[test]
    fn a_check_says_how_it_went() {
        let check = CheckBrief {
            name: "web",
            runs: 7,
            failures: 2,
            failures_max: 3,
            has_passed: Some(false),
            detail: "exit 1",
        };
        check_item(
            &Item::Check(check),
            "check=web result=failed runs=7 failures=2 failures_max=3 detail=\"exit 1\"",
            "  web              failed, 7 runs, failed 2 of 3 times in a row: exit 1",
        );
    }

    #[test]
    fn the_longest_word_for_a_place_stands_apart() {
        let brief = GenerationBrief {
            generation: TARGET,
            role: GenerationRole::Incomplete,
            is_quarantined: false,
            name: "gw",
            version: "1",
            security_version: 0,
            files: 0,
            bytes: 0,
        };
        check_item(
            &Item::Generation(brief),
            "generation=AB* role=incomplete name=gw version=1 security_version=0 files=0 bytes=0",
            "abababababababab incomplete  gw 1, 0 files, 0 bytes",
        );
    }

    #[test]
    fn a_missing_content_may_have_nothing_beside_it() {
        let missing = MissingContent {
            content: ObjectHash([0xAB; 32]),
            size: 0,
            base: None,
        };
        check_item(
            &Item::MissingContent(missing),
            "content=AB* size=0",
            "abababababababab missing, 0 bytes",
        );
    }

    #[test]
    fn a_rollout_of_a_test_says_so_and_what_it_waits_for() {
        let rollout = RolloutBrief {
            target: TARGET,
            previous: None,
            state: RolloutState::Soaking,
            attempts: 1,
            soak_left: None,
            code: 0,
            detail: "waits for gen confirm",
            is_test: true,
        };
        check_item(
            &Item::Rollout(rollout),
            "target=AB* state=soaking attempts=1 code=0 test=yes detail=\"waits for gen confirm\"",
            "abababababababab soaking, test mode\r\n    waits for gen confirm",
        );
    }

    #[test]
    fn a_check_waits_for_its_first_run() {
        let check = |runs, has_passed| {
            Item::Check(CheckBrief {
                name: "a b",
                runs,
                failures: 0,
                failures_max: 1,
                has_passed,
                detail: "",
            })
        };
        check_item(
            &check(0, None),
            "check=\"a b\" result=waiting runs=0 failures=0 failures_max=1",
            "  a b              waiting, 0 runs",
        );
        check_item(
            &check(1, Some(true)),
            "check=\"a b\" result=passed runs=1 failures=0 failures_max=1",
            "  a b              passed, 1 runs",
        );
    }

    #[test]
    fn each_step_of_a_rollout_says_what_belongs_to_it() {
        let started = RolloutStep::ActivationStarted {
            switch_method: "symlink",
        };
        let script = "activation-started switch_method=symlink";
        check_event(started, script, "activation-started");
        let completed = RolloutStep::ActivationCompleted { observed: TARGET };
        let script = "activation-completed observed=AB* code=0";
        check_event(completed, script, "activation-completed");
        check_event(
            RolloutStep::ActivationDeferred {
                component: "kernel\x1b",
            },
            "activation-deferred component=\"kernel\\x1b\"",
            "activation-deferred: kernel\\x1b needs a reboot",
        );
        check_event(
            RolloutStep::ActivationFailed {
                code: i32::MIN,
                detail: "soak failed: web",
            },
            "activation-failed code=-2147483648 detail=\"soak failed: web\"",
            "activation-failed (-2147483648): soak failed: web",
        );
        for (reverted_to, script, person) in [
            (Some(TARGET), "AB*", "abababababababab"),
            (None, "none", "none"),
        ] {
            check_event(
                RolloutStep::RollbackCompleted { reverted_to },
                &format!("rollback-completed reverted_to={script} code=0"),
                &format!("rollback-completed: to {person}"),
            );
        }
        for step in [
            RolloutStep::SoakCompleted,
            RolloutStep::RollbackStarted,
            RolloutStep::Cancelled,
        ] {
            check_event(step, step.word(), step.word());
        }
    }
}
