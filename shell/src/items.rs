//! What a supervisor answers, item by item.

use crate::date_time::time;
use crate::events::NumberedEvent;
use crate::fields::{Fields, Value};
use crate::generation_items;
use crate::pen::Pen;
use core::fmt;
use lastword_protocol::message::service::{Brief, Item, Page, ServiceExit, Step};

/// Hands the fields of an item to `to`, in their order.
///
/// # Errors
///
/// What `to` returns.
pub fn visit(item: &Item<'_>, to: &mut dyn Fields) -> fmt::Result {
    match item {
        Item::Service(brief) => visit_brief(brief, to),
        Item::Transition(step) => {
            to.field("from", Value::Word(step.from.word()))?;
            to.field("to", Value::Word(step.to.word()))?;
            to.field("at_unix_ms", Value::Number(step.at_unix_ms))?;
            to.field("reason", Value::Text(step.reason))
        }
        Item::Changed {
            name,
            change,
            detail,
        } => {
            to.field("name", Value::Text(name))?;
            to.field("change", Value::Word(change.word()))?;
            if detail.is_empty() {
                return Ok(());
            }
            to.field("detail", Value::Text(detail))
        }
        Item::Line {
            at_unix_ms,
            stream,
            continues,
            bytes,
        } => {
            to.field("at_unix_ms", Value::Number(*at_unix_ms))?;
            to.field("stream", Value::Word(stream.word()))?;
            if *continues {
                to.field("continues", Value::Word("yes"))?;
            }
            to.field("line", Value::Bytes(bytes))
        }
        Item::Next { from, missed } => {
            to.field("next", Value::Number(*from))?;
            to.field("missed", Value::Number(*missed))
        }
        Item::Event { .. } | Item::EventsDropped { .. } => match numbered_event(item) {
            Some(event) => event.visit_row(to),
            None => Ok(()),
        },
        Item::Generation(brief) => generation_items::visit_generation(brief, to),
        Item::MissingContent(content) => generation_items::visit_missing(content, to),
        Item::Rollout(rollout) => generation_items::visit_rollout(rollout, to),
        Item::Check(check) => generation_items::visit_check(check, to),
        Item::Signature(brief) => generation_items::visit_signature(brief, to),
    }
}

/// Returns the event that an item holds, or the place of those that are gone.
#[must_use]
pub const fn numbered_event<'a>(item: &Item<'a>) -> Option<NumberedEvent<'a>> {
    let (sequence, event) = match item {
        Item::Event { sequence, event } => (*sequence, Ok(*event)),
        Item::EventsDropped { sequence, count } => (*sequence, Err(*count)),
        _ => return None,
    };
    Some(NumberedEvent { sequence, event })
}

fn visit_brief(brief: &Brief<'_>, to: &mut dyn Fields) -> fmt::Result {
    to.field("name", Value::Text(brief.name))?;
    to.field("state", Value::Word(brief.state.word()))?;
    if let Some(pid) = brief.pid {
        to.field("pid", Value::Number(pid.into()))?;
    }
    if brief.port != 0 {
        to.field("port", Value::Number(brief.port.into()))?;
    }
    if let Some(uptime) = brief.uptime {
        to.field("uptime", Value::Span(uptime))?;
    }
    to.field("restarts", Value::Number(brief.restarts.into()))?;
    match brief.last_exit {
        None => {}
        Some(ServiceExit::Code(code)) => to.field("last_exit", Value::Number(code.into()))?,
        Some(ServiceExit::Signal(signal)) => {
            to.field("last_signal", Value::Number(signal.into()))?;
        }
        Some(ServiceExit::Unknown) => to.field("last_exit", Value::Word("unknown"))?,
    }
    if brief.memory_kib != 0 {
        to.field("memory", Value::Kibibytes(brief.memory_kib))?;
    }
    if brief.log_failing {
        to.field("log", Value::Word("failing"))?;
    }
    if brief.file_changed {
        to.field("file", Value::Word("changed"))?;
    }
    if brief.reason.is_empty() {
        return Ok(());
    }
    to.field("reason", Value::Text(brief.reason))
}

/// Writes a row of a script's answer for each item: `| key=value …`.
pub(crate) fn rows(pen: &mut Pen<'_>, page: &Page) {
    for item in page.items() {
        pen.text("|");
        let visited = visit(&item, &mut crate::plain::Pairs(pen));
        pen.keep(visited);
        pen.text("\n");
    }
}

/// Writes the items for a person.
pub(crate) fn lines(pen: &mut Pen<'_>, page: &Page) {
    for item in page.items() {
        match &item {
            Item::Service(brief) => service(pen, brief),
            Item::Transition(step) => transition(pen, step),
            Item::Changed {
                name,
                change,
                detail,
            } => {
                pen.shown(name);
                pen.text(" ");
                pen.spaced(change.word());
                if !detail.is_empty() {
                    pen.text(": ");
                    pen.flow(2, detail);
                }
            }
            Item::Line { stream, bytes, .. } => {
                pen.text("[");
                pen.text(stream.word());
                pen.text("] ");
                pen.bytes(bytes);
            }
            Item::Event { .. } | Item::EventsDropped { .. } => {
                if let Some(event) = numbered_event(&item) {
                    event.list(pen);
                }
            }
            Item::Generation(brief) => generation_items::generation(pen, brief),
            Item::MissingContent(content) => generation_items::missing(pen, content),
            Item::Rollout(rollout) => generation_items::rollout(pen, rollout),
            Item::Check(check) => generation_items::check(pen, check),
            Item::Signature(brief) => generation_items::signature(pen, brief),
            Item::Next { missed: 0, .. } => continue,
            Item::Next { missed, .. } => {
                pen.text("(");
                pen.number(*missed);
                pen.text(" lines are gone)");
            }
        }
        pen.newline(0);
    }
}

/// One row of the list.
fn service(pen: &mut Pen<'_>, brief: &Brief<'_>) {
    pen.shown(brief.name);
    pen.text(" ");
    pen.advance(NAME_COLUMNS);
    pen.text(brief.state.word());
    pen.advance(NAME_COLUMNS + STATE_COLUMNS);
    if let Some(pid) = brief.pid {
        pen.text(" pid ");
        pen.number(pid.into());
    }
    if brief.port != 0 {
        pen.text(" port ");
        pen.number(brief.port.into());
    }
    if let Some(uptime) = brief.uptime {
        pen.text(" up ");
        pen.span(uptime.0);
    }
    if brief.restarts > 0 {
        pen.count(" restarts ", brief.restarts as usize);
    }
    match brief.last_exit {
        None => {}
        Some(ServiceExit::Code(code)) => pen.count(" last exit ", code.into()),
        Some(ServiceExit::Signal(signal)) => pen.count(" last signal ", signal.into()),
        Some(ServiceExit::Unknown) => pen.text(" last exit unknown"),
    }
    if brief.memory_kib > 0 {
        pen.count(" ", brief.memory_kib as usize);
        pen.text(" KiB");
    }
    if brief.log_failing {
        pen.text(" log failing");
    }
    if brief.file_changed {
        pen.text(" file changed");
    }
    if !brief.reason.is_empty() {
        pen.newline(4);
        pen.flow(4, brief.reason);
    }
}

fn transition(pen: &mut Pen<'_>, step: &Step<'_>) {
    pen.text("  ");
    time(pen, step.at_unix_ms);
    pen.text("  ");
    pen.text(step.from.word());
    pen.text(" to ");
    pen.text(step.to.word());
    pen.text(": ");
    pen.flow(4, step.reason);
}

/// Where the state of a service stands.
const NAME_COLUMNS: usize = 17;
/// How much room that takes.
const STATE_COLUMNS: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_protocol::Millis;
    use lastword_protocol::message::service::{Change, LogStream, ServiceState};

    fn page(items: &[Item<'_>]) -> Page {
        let mut page = Page::default();
        assert!(items.iter().all(|item| page.push(item)));
        page
    }

    #[track_caller]
    fn check(items: &[Item<'_>], script: &str, person: &str) {
        let page = page(items);
        let mut out = String::new();
        rows(&mut Pen::on(&mut out), &page);
        assert_eq!(out, script);
        let mut out = String::new();
        lines(&mut Pen::on(&mut out), &page);
        assert_eq!(out, person);
    }

    #[test]
    fn services_are_rows() {
        let running = Brief {
            name: "camera",
            state: ServiceState::Running,
            pid: Some(812),
            port: 8_421,
            uptime: Some(Millis(125_000)),
            restarts: 2,
            last_exit: Some(ServiceExit::Signal(9)),
            memory_kib: 640,
            log_failing: true,
            file_changed: true,
            reason: "no such file",
        };
        check(
            &[Item::Service(running)],
            "| name=camera state=running pid=812 port=8421 uptime_ms=125000 restarts=2 last_signal=9 \
             memory_kib=640 log=failing file=changed reason=\"no such file\"\n",
            "camera           running     pid 812 port 8421 up 2m 5s restarts 2 last signal 9 640 KiB log failing \
             file changed\r\n    no such file\r\n",
        );
    }

    #[test]
    fn transitions_have_a_time_and_a_reason() {
        let step = Step {
            from: ServiceState::Running,
            to: ServiceState::Backoff,
            at_unix_ms: 951_782_399_000,
            reason: "it said so",
        };
        check(
            &[Item::Transition(step)],
            "| from=running to=backoff at_unix_ms=951782399000 reason=\"it said so\"\n",
            "  2000-02-28 23:59:59  running to backoff: it said so\r\n",
        );
    }

    #[test]
    fn changes_name_what_became_of_a_service() {
        let changed = |change, detail| Item::Changed {
            name: "a",
            change,
            detail,
        };
        check(
            &[
                changed(Change::AlreadyRunning, ""),
                changed(Change::Failed, "no such file"),
            ],
            "| name=a change=already_running\n| name=a change=failed detail=\"no such file\"\n",
            "a already running\r\na failed: no such file\r\n",
        );
    }

    #[test]
    fn lines_of_a_log_may_hold_anything() {
        let line = Item::Line {
            at_unix_ms: 5,
            stream: LogStream::Err,
            continues: false,
            bytes: b"a\x1b\xFFb\xC3\xA9\"",
        };
        let next = Item::Next { from: 9, missed: 3 };
        check(
            &[line, next],
            "| at_unix_ms=5 stream=err line=\"a\\x1b\\xffb\u{e9}\\\"\"\n| next=9 missed=3\n",
            "[err] a\\x1b\\xffb\u{e9}\"\r\n(3 lines are gone)\r\n",
        );
    }
}
