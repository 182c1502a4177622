//! Events as every text dialect spells them.

use crate::date_time::time;
use crate::dialect::Dialect;
use crate::fields::{Fields, Value};
use crate::generation_items;
use crate::out::Out;
use crate::pen::Pen;
use crate::plain::Pairs;
use core::fmt;
use lastword_protocol::message::event::{
    BoardEvent, PowerEvent, PowerStep, ServiceEvent, SessionEvent,
};

/// The topic of what tells that events are missing.
pub const DROPPED_TOPIC: &str = "events";

/// An event with its place in the sequence, or the place where some are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedEvent<'a> {
    /// The sequence number: the event's, or that of the last one that is missing.
    pub sequence: u64,
    /// The event; `Err`: how many are missing.
    pub event: Result<BoardEvent<'a>, u64>,
}

impl NumberedEvent<'_> {
    /// Returns the word for its topic.
    #[must_use]
    pub const fn topic(&self) -> &'static str {
        match &self.event {
            Ok(event) => event.topic().word(),
            Err(_) => DROPPED_TOPIC,
        }
    }

    /// Hands the fields of its row in an answer to `to`, in their order.
    ///
    /// # Errors
    ///
    /// What `to` returns.
    pub fn visit_row(&self, to: &mut dyn Fields) -> fmt::Result {
        to.field("seq", Value::Number(self.sequence))?;
        to.field("topic", Value::Word(self.topic()))?;
        self.visit(to)
    }

    /// Hands the fields to `to`, in their order: those of the event, or how many are missing.
    ///
    /// # Errors
    ///
    /// What `to` returns.
    pub fn visit(&self, to: &mut dyn Fields) -> fmt::Result {
        match &self.event {
            Ok(event) => visit(event, to),
            Err(count) => to.field("dropped", Value::Number(*count)),
        }
    }

    /// Writes it as a script's event: `! 17 power op=7 …`.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn write_plain(&self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        pen.text("! ");
        pen.number(self.sequence);
        pen.text(" ");
        pen.text(self.topic());
        self.pairs(&mut pen);
        pen.text("\n");
        pen.written()
    }

    /// Writes it as a row of an answer.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn write_row(&self, dialect: Dialect, out: &mut dyn Out) -> fmt::Result {
        if dialect.is_term() {
            return self.write_listed(out);
        }
        let mut pen = Pen::on(out);
        pen.text("|");
        let visited = self.visit_row(&mut Pairs(&mut pen));
        pen.keep(visited);
        pen.text("\n");
        pen.written()
    }

    /// Writes it for a person, without a line end.
    ///
    /// # Errors
    ///
    /// If `out` takes no more.
    pub fn write_notice(&self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        self.tell(&mut pen);
        pen.written()
    }

    /// Writes it as a row of a list for a person.
    fn write_listed(&self, out: &mut dyn Out) -> fmt::Result {
        let mut pen = Pen::on(out);
        self.list(&mut pen);
        pen.newline(0);
        pen.written()
    }

    /// Writes a row of a list for a person, its end left out.
    pub(crate) fn list(&self, pen: &mut Pen<'_>) {
        pen.number(self.sequence);
        pen.advance(SEQUENCE_COLUMNS);
        if let Ok(event) = &self.event {
            pen.text(" ");
            time(pen, event.at_unix_ms());
        }
        pen.text(" ");
        self.tell(pen);
    }

    fn pairs(&self, pen: &mut Pen<'_>) {
        let visited = self.visit(&mut Pairs(pen));
        pen.keep(visited);
    }

    fn tell(&self, pen: &mut Pen<'_>) {
        match &self.event {
            Ok(BoardEvent::Power(event)) => tell_power(pen, event),
            Ok(BoardEvent::Service(event)) => tell_service(pen, event),
            Ok(BoardEvent::Session(event)) => tell_session(pen, event),
            Ok(BoardEvent::Rollout(event)) => generation_items::event(pen, event),
            Ok(BoardEvent::Check(event)) => generation_items::check_event(pen, event),
            Err(count) => {
                pen.number(*count);
                pen.text(" events are gone");
            }
        }
    }
}

fn visit(event: &BoardEvent<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("at_unix_ms", Value::Number(event.at_unix_ms()))?;
    match event {
        BoardEvent::Power(event) => visit_power(event, to),
        BoardEvent::Service(event) => visit_service(event, to),
        BoardEvent::Session(event) => visit_session(event, to),
        BoardEvent::Rollout(event) => generation_items::visit_event(event, to),
        BoardEvent::Check(event) => generation_items::visit_check_event(event, to),
    }
}

fn visit_power(event: &PowerEvent, to: &mut dyn Fields) -> fmt::Result {
    to.field("op", Value::Number(event.id.0))?;
    to.field("operation", Value::Word(event.operation.word()))?;
    to.field("step", Value::Word(event.step.word()))?;
    match event.step {
        PowerStep::Staged | PowerStep::Draining | PowerStep::Fired => Ok(()),
        PowerStep::Scheduled(left) => to.field("left", Value::Span(left)),
        PowerStep::Released(evidence) | PowerStep::DryRun(evidence) => {
            to.field("evidence", Value::Word(evidence.word()))
        }
        PowerStep::StoodDown(why) => to.field("why", Value::Word(why.word())),
        PowerStep::FireFailed(error) => to.field("error", Value::Number(error.into())),
    }
}

fn visit_service(event: &ServiceEvent<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("name", Value::Text(event.name))?;
    to.field("from", Value::Word(event.from.word()))?;
    to.field("to", Value::Word(event.to.word()))?;
    if event.reason.is_empty() {
        return Ok(());
    }
    to.field("reason", Value::Text(event.reason))
}

fn visit_session(event: &SessionEvent<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("number", Value::Number(event.number))?;
    let state = event.end.map_or("opened", |_| "closed");
    to.field("state", Value::Word(state))?;
    to.field("link", Value::Word(event.link.word()))?;
    if !event.peer.is_empty() {
        to.field("peer", Value::Text(event.peer))?;
    }
    match event.end {
        Some(end) => to.field("end", Value::Word(end.word())),
        None => Ok(()),
    }
}

fn tell_power(pen: &mut Pen<'_>, event: &PowerEvent) {
    pen.text(event.operation.word());
    pen.text(" ");
    pen.number(event.id.0);
    pen.text(" ");
    pen.spaced(event.step.word());
    match event.step {
        PowerStep::Staged | PowerStep::Draining | PowerStep::Fired => {}
        PowerStep::Scheduled(left) => {
            pen.text(" in ");
            pen.span(left.0);
        }
        PowerStep::Released(evidence) | PowerStep::DryRun(evidence) => {
            pen.text(": ");
            pen.spaced(evidence.word());
        }
        PowerStep::StoodDown(why) => {
            pen.text(": ");
            pen.spaced(why.word());
        }
        PowerStep::FireFailed(error) => pen.count(": error ", error.into()),
    }
}

fn tell_service(pen: &mut Pen<'_>, event: &ServiceEvent<'_>) {
    pen.shown(event.name);
    pen.text(" ");
    pen.text(event.from.word());
    pen.text(" to ");
    pen.text(event.to.word());
    if !event.reason.is_empty() {
        pen.text(": ");
        pen.shown(event.reason);
    }
}

fn tell_session(pen: &mut Pen<'_>, event: &SessionEvent<'_>) {
    pen.text("session ");
    pen.number(event.number);
    pen.text(event.end.map_or(" opened: ", |_| " closed: "));
    pen.text(event.link.word());
    if !event.peer.is_empty() {
        pen.text(" ");
        pen.shown(event.peer);
    }
    if let Some(end) = event.end {
        pen.text(", ");
        pen.spaced(end.word());
    }
}

/// The room for the number of an event.
const SEQUENCE_COLUMNS: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::message::event::{LinkKind, SessionEnd};
    use lastword_protocol::message::service::ServiceState;
    use lastword_protocol::power::{Evidence, Operation, Standdown};
    use lastword_protocol::{Millis, OperationId};

    #[track_caller]
    fn check(event: BoardEvent<'_>, script: &str, person: &str) {
        let numbered = NumberedEvent {
            sequence: 17,
            event: Ok(event),
        };
        let mut out = String::new();
        numbered.write_plain(&mut out).unwrap();
        assert_eq!(out, format!("! 17 {script}\n"));
        let mut out = String::new();
        numbered.write_notice(&mut out).unwrap();
        assert_eq!(out, person);
    }

    fn power(step: PowerStep) -> BoardEvent<'static> {
        BoardEvent::Power(PowerEvent {
            at_unix_ms: 5,
            id: OperationId(7),
            operation: Operation::GracefulReboot,
            step,
        })
    }

    #[test]
    fn each_step_of_an_operation_says_what_belongs_to_it() {
        let front = "power at_unix_ms=5 op=7 operation=graceful_reboot step=";
        for (step, script, person) in [
            (PowerStep::Staged, "staged", "staged"),
            (PowerStep::Draining, "draining", "draining"),
            (
                PowerStep::Scheduled(Millis(1_500)),
                "scheduled left_ms=1500",
                "scheduled in 1.500 s",
            ),
            (
                PowerStep::Released(Evidence::PeerAcked),
                "released evidence=peer_acked",
                "released: peer acked",
            ),
            (PowerStep::Fired, "fired", "fired"),
            (
                PowerStep::StoodDown(Standdown::LinkLost),
                "stood_down why=link_lost",
                "stood down: link lost",
            ),
            (
                PowerStep::FireFailed(1),
                "fire_failed error=1",
                "fire failed: error 1",
            ),
            (
                PowerStep::DryRun(Evidence::UartEmpty),
                "dry_run evidence=uart_empty",
                "dry run: uart empty",
            ),
        ] {
            let person = format!("graceful_reboot 7 {person}");
            check(power(step), &format!("{front}{script}"), &person);
        }
    }

    #[test]
    fn what_others_have_chosen_is_shown_escaped() {
        let event = ServiceEvent {
            at_unix_ms: 5,
            name: "camera",
            from: ServiceState::Running,
            to: ServiceState::Failed,
            reason: "a\x1b[2J\nb",
        };
        check(
            BoardEvent::Service(event),
            "services at_unix_ms=5 name=camera from=running to=failed reason=\"a\\x1b[2J\\nb\"",
            "camera running to failed: a\\x1b[2J\\nb",
        );
    }

    #[test]
    fn a_session_opens_and_closes() {
        let event = |end| {
            BoardEvent::Session(SessionEvent {
                at_unix_ms: 5,
                number: 3,
                link: LinkKind::Unix,
                peer: "pid 9",
                end,
            })
        };
        check(
            event(None),
            "sessions at_unix_ms=5 number=3 state=opened link=unix peer=\"pid 9\"",
            "session 3 opened: unix pid 9",
        );
        check(
            event(Some(SessionEnd::LinkFailed)),
            "sessions at_unix_ms=5 number=3 state=closed link=unix peer=\"pid 9\" end=link_failed",
            "session 3 closed: unix pid 9, link failed",
        );
    }

    #[test]
    fn what_is_gone_is_counted_at_its_place() {
        let gone = NumberedEvent {
            sequence: 9,
            event: Err(4),
        };
        let mut out = String::new();
        gone.write_plain(&mut out).unwrap();
        gone.write_row(Dialect::Plain, &mut out).unwrap();
        gone.write_row(Dialect::Term, &mut out).unwrap();
        assert_eq!(
            out,
            "! 9 events dropped=4\n| seq=9 topic=events dropped=4\n9       4 events are gone\r\n"
        );
    }

    #[test]
    fn a_list_has_the_time_of_each_event() {
        let numbered = NumberedEvent {
            sequence: 12,
            event: Ok(power(PowerStep::Staged)),
        };
        let mut out = String::new();
        numbered.write_row(Dialect::Plain, &mut out).unwrap();
        numbered.write_row(Dialect::Term, &mut out).unwrap();
        assert_eq!(
            out,
            "| seq=12 topic=power at_unix_ms=5 op=7 operation=graceful_reboot step=staged\n\
             12      1970-01-01 00:00:00 graceful_reboot 7 staged\r\n"
        );
    }
}
