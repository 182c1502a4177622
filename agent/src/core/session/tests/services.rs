//! Questions about services, in every dialect: answers of several pages, and noes behind them.

use super::*;
use crate::core::service::answer::Pages;
use lastword_protocol::message::service::{Brief, Change, Item, ServiceRequest, ServiceState};
use serde_json::{Value, json};

/// What a session says to `line`, whose question is answered so; and the question.
#[track_caller]
pub(super) fn ask(line: &str, replies: &[Reply]) -> (ServiceRequest, String) {
    let mut bench = Bench::new(TCP);
    bench.session.receive(bench.now, line.as_bytes(), &Board);
    bench.take_output();
    let job = bench.session.take_job();
    let Some((id, Ask::Service(asked))) = job.map(|job| (job.id, job.ask)) else {
        panic!("{line:?}: {}", bench.text());
    };
    bench
        .session
        .answered(bench.now, id, replies, false, &Board);
    bench.take_output();
    (asked, bench.text())
}

/// So many services in as many pages as they take.
fn listed(count: u32) -> Vec<Reply> {
    let mut pages = Pages::default();
    for pid in 1..=count {
        pages.push(&Item::Service(Brief {
            name: "camera",
            state: ServiceState::Backoff,
            pid: Some(pid),
            port: 0,
            uptime: None,
            restarts: 2,
            last_exit: None,
            memory_kib: 0,
            log_failing: false,
            file_changed: false,
            reason: "",
        }));
    }
    pages.done()
}

fn changed(pages: &mut Pages, change: Change, detail: &str) {
    let name = "camera";
    pages.push(&Item::Changed {
        name,
        change,
        detail,
    });
}

#[test]
fn a_script_gets_a_row_an_item_and_one_final() {
    let (asked, said) = ask("@7 svc list\n", &listed(100));
    assert_eq!(asked, ServiceRequest::List);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[41], "| name=camera state=backoff pid=42 restarts=2");
    assert_eq!(lines[100], "ok @7");
}

#[test]
fn a_no_stands_behind_what_happened_all_the_same() {
    let mut pages = Pages::default();
    changed(&mut pages, Change::Failed, "no such file");
    let replies = pages.refused(Code::Internal, "failed: camera");
    let (_, said) = ask("svc start camera\n", &replies);
    let expected = "| name=camera change=failed detail=\"no such file\"\n\
                    err 500 internal detail=\"failed: camera\"\n";
    assert_eq!(said, expected);
}

#[test]
fn a_person_s_tab_completes_the_name_of_a_service() {
    let mut bench = Bench::new(TCP);
    bench.receive(b"\r\0svc status w\t");
    let said = bench.text();
    assert!(said.contains("board1> svc status web "), "{said:?}");
    bench.receive(b"\x15svc logs \t");
    let said = bench.text();
    assert!(said.contains("\r\ncam  camera  web\r\n"), "{said:?}");
    assert_eq!(bench.asked, []);
    bench.receive(b"\x15svc start came\t\r\0");
    let name = "camera".try_into().expect("a short name");
    let started = Ask::Service(ServiceRequest::Start(Some(name)));
    assert_eq!(bench.asked, [started]);
}

#[test]
fn a_person_is_shown_lines() {
    let (_, said) = ask("svc list\r\0", &listed(1));
    assert!(
        said.contains("camera           backoff     pid 1 restarts 2\r\n"),
        "{said}"
    );
    assert!(said.ends_with("board1> "), "{said}");
    let (_, said) = ask("svc list\r\0", &Pages::default().done());
    assert!(said.contains("none\r\n"), "{said}");
}

/// `method` with `params` asks this, and the answer becomes this result.
#[track_caller]
fn check_json(
    method: &str,
    params: &Value,
    asks: &ServiceRequest,
    replies: &[Reply],
    result: &Value,
) {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let (asked, said) = ask(&format!("{call}\n"), replies);
    let answer: Value = serde_json::from_str(&said).expect("one line");
    assert_eq!((&asked, &answer["result"]), (asks, result), "{said}");
}

#[test]
fn clients_of_process_supervisors_find_their_methods() {
    let camera = || Text::try_from("camera").unwrap();
    let brief =
        json!({"name": "camera", "state": "restarting", "pid": 1, "port": 0, "restart_count": 2});
    let one = listed(1);
    check_json(
        "list",
        &json!({}),
        &ServiceRequest::List,
        &one,
        &json!([brief]),
    );
    let mut full = brief.clone();
    full["state"] = json!("backoff");
    check_json(
        "svc.list",
        &json!({}),
        &ServiceRequest::List,
        &one,
        &json!([full]),
    );
    let mut status = brief;
    status["recent_transitions"] = json!([]);
    let named = json!({"name": "camera"});
    check_json(
        "status",
        &named,
        &ServiceRequest::Status(camera()),
        &one,
        &status,
    );
    let all = json!({"all": true});
    for (method, asks, change, result) in [
        (
            "start",
            ServiceRequest::Start(None),
            Change::Started,
            json!({"started": ["camera"], "already_running": []}),
        ),
        (
            "stop",
            ServiceRequest::Stop(None),
            Change::NotRunning,
            json!({"stopped": [], "not_running": ["camera"]}),
        ),
        (
            "restart",
            ServiceRequest::Restart(None),
            Change::Restarted,
            json!({"restarted": ["camera"]}),
        ),
    ] {
        let mut pages = Pages::default();
        changed(&mut pages, change, "");
        check_json(method, &all, &asks, &pages.done(), &result);
    }
}

#[test]
fn they_are_told_of_a_reload_in_lists() {
    let mut pages = Pages::default();
    changed(&mut pages, Change::Added, "");
    let result = json!({"added": ["camera"], "removed": [], "changed": [], "unchanged": []});
    check_json(
        "reload",
        &json!({}),
        &ServiceRequest::Reload,
        &pages.done(),
        &result,
    );
}

#[test]
fn their_errors_have_the_numbers_that_such_clients_know() {
    for (code, number) in [
        (Code::Unknown, -32_001),
        (Code::Busy, -32_002),
        (Code::BadValue, -32_003),
        (Code::Internal, -32_006),
    ] {
        let mut pages = Pages::default();
        changed(&mut pages, Change::Broken, "a.kdl:1:1: this");
        changed(&mut pages, Change::Broken, "b.kdl:2:2: that");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "start", "params": {"name": "x"}});
        let (_, said) = ask(&format!("{call}\n"), &pages.refused(code, "short"));
        let answer: Value = serde_json::from_str(&said).expect("one line");
        assert_eq!(answer["error"]["code"], number, "{said}");
        assert_eq!(
            answer["error"]["message"],
            "a.kdl:1:1: this; b.kdl:2:2: that"
        );
    }
}

#[test]
fn a_name_or_all_has_to_be_said() {
    for line in ["svc start\n", "svc stop x --all\n", "svc status\n"] {
        let mut bench = Bench::new(TCP);
        bench.receive(line.as_bytes());
        assert!(bench.text().starts_with("err 4"), "{}", bench.text());
        assert!(bench.asked.is_empty());
    }
}

#[test]
fn frames_get_a_page_and_a_stream_of_the_others() {
    let mut bench = Bench::new(TCP);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    bench.said.clear();
    let replies = listed(100);
    assert!(replies.len() > 2);
    let list = Request::Service(ServiceRequest::List);
    bench
        .session
        .receive(bench.now, &request(nonce, 1, &list), &Board);
    let job = bench.session.take_job().unwrap();
    bench
        .session
        .answered(bench.now, job.id, &replies, false, &Board);
    bench.take_output();
    assert_eq!(opcodes(&bench.said, nonce), [(Class::Reply, opcode::ITEMS)]);
    let (mut chunks, count) = (Vec::new(), replies.len() as u64 - 1);
    while (chunks.len() as u64) < count {
        chunks.extend(bench.read_on(nonce, StreamId(1), chunks.len() as u64));
    }
    let said = chunks.iter().map(|chunk| Reply::Items(chunk.page.clone()));
    let pages = replies[1..].iter().map(|reply| match reply {
        Reply::Items(page) => {
            let mut page = page.clone();
            page.stream = None;
            Reply::Items(page)
        }
        reply => reply.clone(),
    });
    assert!(said.eq(pages));
    assert!(bench.asked.is_empty(), "the session has the pages");
}
