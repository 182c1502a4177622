//! The methods that clients of JSON-RPC process supervisors know: their answers have exactly the fields and
//! types that such a client decodes.

use super::services::ask;
use super::*;
use crate::core::log::{Cursor, Line, Stream};
use crate::core::service::answer::Pages;
use crate::core::session::follows::FollowId;
use crate::core::session::json::notifications;
use lastword_protocol::message::service::{
    Brief, Change, Item, ServiceExit, ServiceState, Step as TransitionStep,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// An answer, or a notification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<T> {
    #[expect(dead_code, reason = "decoding is what is tested")]
    jsonrpc: String,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default)]
    method: Option<String>,
    #[serde(alias = "params")]
    result: T,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum State {
    Stopped,
    Starting,
    Running,
    Restarting,
    Failed,
    Stopping,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    state: State,
    #[serde(default)]
    pid: Option<u32>,
    port: u16,
    #[serde(default)]
    uptime_secs: Option<u64>,
    restart_count: u32,
    #[serde(default)]
    last_exit: Option<i32>,
    #[serde(default)]
    last_signal: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    name: String,
    state: State,
    #[serde(default)]
    pid: Option<u32>,
    port: u16,
    #[serde(default)]
    uptime_secs: Option<u64>,
    restart_count: u32,
    #[serde(default)]
    last_exit: Option<i32>,
    #[serde(default)]
    last_signal: Option<i32>,
    recent_transitions: Vec<Transition>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Transition {
    from: State,
    to: State,
    at_unix_ms: u64,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Started {
    started: Vec<String>,
    already_running: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Stopped {
    stopped: Vec<String>,
    not_running: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Restarted {
    restarted: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Reloaded {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    unchanged: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct LogParams {
    subscription_id: u64,
    name: String,
    stream: String,
    line: String,
    ts_unix_ms: u64,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct LogEnd {
    subscription_id: u64,
}

#[track_caller]
fn decoded<T: DeserializeOwned>(line: &str) -> Message<T> {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The result of a call that the supervisor answers with these pages.
#[track_caller]
fn result<T: DeserializeOwned>(method: &str, params: &str, pages: Pages) -> T {
    let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let (_, said) = ask(&format!("{call}\n"), &pages.done());
    let message = decoded::<T>(said.trim_end());
    assert_eq!(message.id, Some(1), "{said}");
    message.result
}

/// A service that has everything there is to tell.
fn brief(state: ServiceState, last_exit: Option<ServiceExit>) -> Item<'static> {
    Item::Service(Brief {
        name: "camera",
        state,
        pid: Some(7),
        port: 80,
        uptime: Some(Millis(2_500)),
        restarts: 3,
        last_exit,
        memory_kib: 4_096,
        log_failing: true,
        file_changed: true,
        reason: "spawn failed",
    })
}

const NAMED: &str = r#"{"name":"camera"}"#;

/// A service in this state, whose last process ended so, is shown so.
#[track_caller]
fn check_service(
    (state, expected): (ServiceState, &State),
    (exit, last_exit, last_signal): (Option<ServiceExit>, Option<i32>, Option<i32>),
) {
    let mut pages = Pages::default();
    pages.push(&brief(state, exit));
    let listed: Vec<Listed> = result("list", "{}", pages);
    let [one] = &listed[..] else {
        panic!("{listed:?}");
    };
    assert_eq!(
        (&one.state, one.last_exit, one.last_signal),
        (expected, last_exit, last_signal)
    );
    let numbers = (one.pid, one.port, one.uptime_secs, one.restart_count);
    assert_eq!(numbers, (Some(7), 80, Some(2), 3));
    let mut pages = Pages::default();
    pages.push(&brief(state, exit));
    pages.push(&Item::Transition(TransitionStep {
        from: ServiceState::Stopped,
        to: state,
        at_unix_ms: 5,
        reason: "asked for",
    }));
    let status: Status = result("status", NAMED, pages);
    let step = &status.recent_transitions[0];
    assert_eq!((&step.from, step.at_unix_ms), (&State::Stopped, 5));
    assert_eq!(step.reason.as_deref(), Some("asked for"));
    assert_eq!(&step.to, expected);
    let shown = Listed {
        name: status.name,
        state: status.state,
        pid: status.pid,
        port: status.port,
        uptime_secs: status.uptime_secs,
        restart_count: status.restart_count,
        last_exit: status.last_exit,
        last_signal: status.last_signal,
    };
    assert_eq!(&shown, one);
}

#[test]
fn a_service_has_exactly_the_fields_and_six_states_that_clients_know() {
    for (state, expected) in [
        (ServiceState::Stopped, State::Stopped),
        (ServiceState::Starting, State::Starting),
        (ServiceState::Running, State::Running),
        (ServiceState::Adopted, State::Running),
        (ServiceState::Restarting, State::Restarting),
        (ServiceState::Backoff, State::Restarting),
        (ServiceState::Stopping, State::Stopping),
        (ServiceState::Failed, State::Failed),
    ] {
        for exit in [
            (None, None, None),
            (Some(ServiceExit::Code(3)), Some(3), None),
            (Some(ServiceExit::Signal(9)), None, Some(9)),
            (Some(ServiceExit::Unknown), None, None),
        ] {
            check_service((state, &expected), exit);
        }
    }
}

/// A page in which each of these has become of a service.
fn changed(changes: &[Change]) -> Pages {
    let mut pages = Pages::default();
    for change in changes {
        pages.push(&Item::Changed {
            name: "camera",
            change: *change,
            detail: "",
        });
    }
    pages
}

#[test]
fn what_became_of_services_is_lists_of_names_and_nothing_else() {
    let one = || vec!["camera".to_owned()];
    let none = Vec::new;
    let started = result::<Started>("start", NAMED, changed(&[Change::AlreadyRunning]));
    assert_eq!(
        started,
        Started {
            started: none(),
            already_running: one()
        }
    );
    let stopped = result::<Stopped>("stop", r#"{"all":true}"#, changed(&[Change::Stopped]));
    assert_eq!(
        stopped,
        Stopped {
            stopped: one(),
            not_running: none()
        }
    );
    let restarted = result::<Restarted>("restart", NAMED, changed(&[Change::Restarted]));
    assert_eq!(restarted, Restarted { restarted: one() });
    let all = [
        Change::Added,
        Change::Removed,
        Change::Changed,
        Change::Unchanged,
    ];
    let reloaded = result::<Reloaded>("reload", "{}", changed(&all));
    let expected = Reloaded {
        added: one(),
        removed: one(),
        changed: one(),
        unchanged: one(),
    };
    assert_eq!(reloaded, expected);
}

#[test]
fn notifications_have_exactly_the_fields_that_clients_know() {
    let line = |continues| Line {
        cursor: Cursor(1),
        unix_ms: 5,
        stream: Stream::Err,
        continues,
        bytes: b"half".as_slice().into(),
    };
    for continues in [false, true] {
        let said = notifications::log(FollowId(2), "camera", &line(continues));
        let mut lines = said.lines();
        let message = decoded::<LogParams>(lines.next().expect("one"));
        assert_eq!((message.method.as_deref(), message.id), (Some("log"), None));
        let expected = LogParams {
            subscription_id: 2,
            name: "camera".to_owned(),
            stream: "stderr".to_owned(),
            line: "half".to_owned(),
            ts_unix_ms: 5,
        };
        assert_eq!(message.result, expected);
        // What such a client does not know has a method of its own.
        let more = lines
            .next()
            .map(|line| decoded::<serde_json::Value>(line).method);
        let own = continues.then(|| Some("log_continues".to_owned()));
        assert_eq!(more, own);
    }
    for (trouble, own) in [(None, None), (Some("disk on fire"), Some("log_failed"))] {
        let said = notifications::log_end(FollowId(2), trouble);
        let mut lines = said.lines().rev();
        let message = decoded::<LogEnd>(lines.next().expect("one"));
        assert_eq!(message.method.as_deref(), Some("log_end"));
        assert_eq!(message.result, LogEnd { subscription_id: 2 });
        let before = lines.next().map(|line| decoded::<serde_json::Value>(line));
        assert_eq!(before.as_ref().and_then(|it| it.method.as_deref()), own);
        let why = before.map(|it| it.result["error"].clone());
        assert_eq!(why, trouble.map(|why| json!(why)));
    }
}
