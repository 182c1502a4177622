//! Each kind of link, in each dialect it is used in.

use lastword_tests::process::{Agent, Peer, Place};
use serde_json::{Value, json};

/// What a script does, and the evidence that its link has to offer.
#[track_caller]
fn check_script(mut peer: Peer, agent: &Agent, operation: u32, evidence: &str) {
    let hello = peer.ask("hello");
    assert!(
        hello.starts_with("ok proto=1 name=board1 kind=linux "),
        "{hello}"
    );
    assert!(hello.contains(" backend=dry-run "), "{hello}");
    let status = peer.ask("@1 status");
    assert!(status.starts_with("ok @1 uptime_ms="), "{status}");
    let reply = peer.ask(&format!("power reboot --op {operation}"));
    assert_eq!(
        reply,
        format!("ok initiated operation=reboot backend=dry-run op={operation}")
    );
    let wanted = format!(
        "last_op={operation} last_operation=reboot last_outcome=dry_run last_evidence={evidence}"
    );
    agent.tcp().ask_until("power status", &wanted);
}

#[test]
fn a_script_reboots_over_every_link() {
    let place = Place::new();
    let agent = place.start();
    check_script(agent.tcp(), &agent, 1, "peer_acked");
    check_script(agent.unix(), &agent, 2, "peer_acked");
    let mut tty = agent.pty();
    tty.send("\n");
    check_script(tty, &agent, 3, "unknowable");
}

#[test]
fn a_person_on_a_tty_gets_echo_and_a_prompt() {
    let place = Place::new();
    let agent = place.start();
    let mut tty = agent.pty();
    // A first line is echoed to somebody who types it.
    tty.send("u");
    assert_eq!(tty.until("u"), "u");
    tty.send("ptime\r");
    let opened = tty.until("board1> ");
    assert!(opened.starts_with("ptime"), "{opened:?}");
    tty.send("power status\r");
    let answer = tty.until("board1> ");
    assert!(answer.contains("backend:"), "{answer:?}");
    tty.send("rebot\r");
    let wrong = tty.until("board1> ");
    assert!(wrong.contains("Did you mean: reboot?"), "{wrong:?}");
    tty.send("reboot\r");
    let answer = tty.until("board1> ");
    assert!(answer.contains("initiated"), "{answer:?}");
}

fn call(peer: &mut Peer, request: &Value) -> Value {
    serde_json::from_str(&peer.ask(&request.to_string())).expect("an answer in JSON")
}

#[test]
fn a_program_speaks_json_over_the_unix_socket() {
    let place = Place::new();
    let agent = place.start();
    let mut peer = agent.unix();
    let status = call(
        &mut peer,
        &json!({"jsonrpc": "2.0", "id": 1, "method": "status"}),
    );
    assert_eq!(status["id"], 1);
    assert!(status["result"]["uptime_ms"].is_u64(), "{status}");
    let params = json!({"op": 9, "reason": "say \"why\"", "in": "1h"});
    let reboot = json!({"jsonrpc": "2.0", "id": "a", "method": "power.reboot", "params": params});
    let reply = call(&mut peer, &reboot);
    assert_eq!(reply["result"]["outcome"], "initiated", "{reply}");
    assert_eq!(reply["result"]["op"], 9, "{reply}");
    let cancel = json!({"jsonrpc": "2.0", "id": 2, "method": "power.cancel", "params": {"id": 9}});
    let reply = call(&mut peer, &cancel);
    assert_eq!(reply["result"]["outcome"], "cancelled", "{reply}");
    let unknown = call(
        &mut peer,
        &json!({"jsonrpc": "2.0", "id": 3, "method": "fly"}),
    );
    assert_eq!(unknown["error"]["code"], -32_601, "{unknown}");
}

/// `printf 'reboot\n' | nc -N …`
#[test]
fn a_client_that_half_closes_gets_its_answer() {
    let place = Place::new();
    let agent = place.start();
    for mut peer in [agent.tcp(), agent.unix()] {
        peer.send("hello\npower reboot\n");
        peer.half_close();
        let answers = peer.rest();
        let lines: Vec<_> = answers.lines().collect();
        assert_eq!(lines.len(), 2, "{answers:?}");
        assert!(lines[1].starts_with("ok initiated "), "{answers:?}");
        // The next one must find nothing staged.
        agent
            .tcp()
            .ask_until("power status", "last_outcome=dry_run");
    }
}

#[test]
fn a_half_close_behind_the_answer_is_a_close_on_every_connection() {
    let place = Place::new();
    let agent = place.start();
    for mut peer in [agent.tcp(), agent.unix()] {
        peer.send("power reboot --await-close\n");
        assert!(peer.line().starts_with("ok initiated "));
        peer.half_close();
        assert_eq!(peer.rest(), "");
        agent
            .tcp()
            .ask_until("power status", "last_evidence=peer_closed");
    }
}

#[test]
fn a_half_close_behind_the_request_is_no_close_on_any_connection() {
    let place = Place::new();
    let agent = place.start();
    for (operation, mut peer) in [(1, agent.tcp()), (2, agent.unix())] {
        peer.send(format!("power reboot --await-close --op {operation}\n"));
        peer.half_close();
        assert!(peer.rest().starts_with("ok initiated "));
        let status = agent
            .tcp()
            .ask_until("power status", &format!("last_op={operation} "));
        assert!(status.contains("last_why=not_drained"), "{status}");
    }
}

#[test]
fn on_a_line_nobody_is_waited_for_to_close() {
    let place = Place::new();
    let agent = place.start();
    let mut peer = agent.pty();
    for (line, answer) in [
        (
            "\npower reboot --await-close\n",
            "err 422 bad_value detail=\"await_close needs a connection; this is a line\"",
        ),
        ("power status\n", "ok backend=dry-run"),
    ] {
        peer.send(line);
        let said = peer.line();
        assert!(said.starts_with(answer), "{said}");
        assert!(!said.contains("last_op"), "{said}");
    }
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"power.reboot","params":{"await-close":true}}"#;
    peer.send(format!("{call}\n"));
    let said = peer.line();
    assert!(
        said.contains("422") && said.contains("this is a line"),
        "{said}"
    );
}

#[test]
fn an_unfinished_line_never_runs() {
    let place = Place::new();
    let agent = place.start();
    let mut peer = agent.tcp();
    peer.send("\nreboot");
    peer.half_close();
    let answer = peer.rest();
    assert!(answer.starts_with("err 400 syntax"), "{answer:?}");
    assert!(!agent.tcp().ask("power status").contains("last_op"));
}

#[test]
fn what_is_typed_in_pieces_and_in_one_piece_is_answered_alike() {
    let place = Place::new();
    let agent = place.start();
    let mut whole = agent.tcp();
    whole.send("@1 version\n@2 version\n");
    let mut pieces = agent.tcp();
    for byte in b"@1 version\n@2 version\n" {
        pieces.send([*byte]);
    }
    for _ in 0..2 {
        assert_eq!(whole.line(), pieces.line());
    }
}
