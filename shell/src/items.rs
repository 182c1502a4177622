//! What a supervisor answers, item by item.

use crate::fields::{Fields, Value};
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
    }
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

/// Writes a time as `2026-11-21 18:20:03` in UTC.
pub(crate) fn time(pen: &mut Pen<'_>, unix_ms: u64) {
    let seconds = unix_ms / 1_000;
    let (year, month, day) = date(seconds / 86_400);
    pen.number(year);
    for (between, number) in [
        ("-", month),
        ("-", day),
        (" ", seconds / 3_600 % 24),
        (":", seconds / 60 % 60),
        (":", seconds % 60),
    ] {
        pen.text(between);
        pen.text(if number < 10 { "0" } else { "" });
        pen.number(number);
    }
}

/// The date so many days after 1970-01-01: year, month and day, all counted as people do.
///
/// Years begin in March here, so that the day that comes and goes is their last; the lengths of
/// months then go in a row of five (153 days) that repeats.
fn date(days: u64) -> (u64, u64, u64) {
    /// From 0000-03-01 to 1970-01-01.
    const BEFORE: u64 = 719_468;
    const FOUR_CENTURIES: u64 = 146_097;
    let days = days + BEFORE;
    let in_era = days % FOUR_CENTURIES;
    let year_of_era = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    let year = days / FOUR_CENTURIES * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
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

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_778, (2026, 11, 21)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
