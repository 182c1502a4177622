//! Many at once, and those who mean no good.

use lastword_tests::dice::Dice;
use lastword_tests::process::{Peer, Place};

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
        assert_eq!(refused.rest(), "");
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
