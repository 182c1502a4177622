//! Many at once, and those who mean no good.

use lastword_tests::dice::Dice;
use lastword_tests::process::{Agent, Peer, Place, lastword};
use std::process::Command;

const SESSIONS: usize = 300;

#[test]
fn hundreds_talk_at_once_and_the_next_is_shown_the_door() {
    let place = Place::new();
    let limits = format!("limits {{ sessions {SESSIONS}; }}");
    // No tty: its session would be counted too.
    let listeners = format!(
        "tcp \"127.0.0.1:0\"; unix \"{}\";",
        place.path("agent.sock").display()
    );
    place.configure(&listeners, &limits);
    let agent = place.start();
    let mut crowd: Vec<Peer> = (0..SESSIONS)
        .map(|number| {
            if number % 2 == 0 {
                agent.tcp()
            } else {
                agent.unix()
            }
        })
        .collect();
    for peer in &mut crowd {
        peer.send("uptime\n");
    }
    for peer in &mut crowd {
        assert!(peer.line().starts_with("ok uptime_ms="));
    }
    for mut refused in [agent.tcp(), agent.unix()] {
        refused.send("@7 uptime\n");
        let told = refused.rest();
        assert!(told.starts_with("err @7 429 slow_down"), "{told}");
    }
    for peer in &mut crowd {
        assert!(peer.ask("uptime").starts_with("ok uptime_ms="));
    }
    // Who leaves makes room, as soon as the agent has noticed.
    let mut left = crowd.pop().expect("a crowd");
    assert!(left.ask("logout").starts_with("ok"));
    assert_eq!(left.rest(), "");
    assert!(agent.tcp().ask("uptime").starts_with("ok uptime_ms="));
}

/// An agent with a TCP port, a Unix socket and three places.
fn small() -> (Place, Agent) {
    let place = Place::new();
    let listeners = format!(
        "tcp \"127.0.0.1:0\"; unix \"{}\";",
        place.path("agent.sock").display()
    );
    place.configure(&listeners, "limits { sessions 3; }");
    let agent = place.start();
    (place, agent)
}

#[test]
fn whoever_fills_the_port_leaves_a_place_for_the_unix_socket() {
    let (_place, agent) = small();
    let mut crowd = [agent.tcp(), agent.tcp()];
    for peer in &mut crowd {
        assert!(peer.ask("uptime").starts_with("ok uptime_ms="));
    }
    let mut refused = agent.tcp();
    refused.send("uptime\n");
    let told = refused.rest();
    // Two are open, and the third place is kept.
    assert!(
        told.starts_with("err 429") && told.contains("the limit is 3"),
        "{told}"
    );
    // The command says it, too.
    let output = Command::new(lastword())
        .args(["-u", &format!("tcp://{}", agent.address()), "status"])
        .output()
        .expect("the command's binary");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        said.contains("429") && said.contains("too many sessions"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(1), "{said}");
    let mut on_the_board = agent.unix();
    assert!(on_the_board.ask("uptime").starts_with("ok uptime_ms="));
}

#[test]
fn who_finds_no_place_is_told_so_even_if_it_says_nothing_and_a_flood_is_just_closed() {
    let (_place, mut agent) = small();
    let mut crowd = [agent.tcp(), agent.tcp()];
    for peer in &mut crowd {
        assert!(peer.ask("uptime").starts_with("ok uptime_ms="));
    }
    let mut flood: Vec<Peer> = (0..40).map(|_| agent.tcp()).collect();
    let told: Vec<String> = flood.iter_mut().map(Peer::rest).collect();
    let count = told.iter().filter(|it| it.starts_with("err 429 ")).count();
    let silent = told.iter().filter(|it| it.is_empty()).count();
    assert_eq!(count + silent, 40, "{told:?}");
    assert!((16..40).contains(&count), "{count} were told");
    assert_eq!(agent.terminate(), Some(0));
    let logged = agent.log().matches("too many sessions").count();
    assert!((1..5).contains(&logged), "{}", agent.log());
}

#[test]
fn garbage_and_http_do_no_harm() {
    let place = Place::new();
    let agent = place.start();
    let mut dice = Dice::new(1);
    for number in 0..40 {
        let mut peer = if number % 2 == 0 {
            agent.tcp()
        } else {
            agent.unix()
        };
        let garbage: Vec<u8> = (0..2_000).map(|_| dice.byte()).collect();
        // The agent may hang up in the middle of it.
        peer.try_send(&garbage);
        peer.try_send(b"\n\0\n");
    }
    let mut browser = agent.tcp();
    browser.send("GET /reboot HTTP/1.1\r\nHost: board\r\n\r\nreboot\n");
    assert_eq!(browser.rest(), "");
    let mut tty = agent.pty();
    tty.send((0..1_000).map(|_| dice.byte() | 0x80).collect::<Vec<_>>());
    let status = agent.tcp().ask("power status");
    assert!(
        status.starts_with("ok ") && !status.contains("last_op"),
        "{status}"
    );
}

#[test]
fn a_line_over_the_limit_is_refused_whole() {
    let place = Place::new();
    let agent = place.start();
    let mut peer = agent.tcp();
    let long = format!("power reboot --reason {}", "x".repeat(300));
    let refused = peer.ask(&long);
    assert!(
        refused.starts_with("err 413 too_long got=322 max=256"),
        "{refused}"
    );
    let status = peer.ask("power status");
    assert!(!status.contains("last_op"), "{status}");
}
