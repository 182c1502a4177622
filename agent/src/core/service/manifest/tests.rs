//! What a service file may say, and where its errors point.

use super::*;

#[track_caller]
fn check_error(text: &str, line: usize, column: usize, part: &str) {
    let error = Manifest::parse("camera.kdl", text).expect_err(text);
    assert_eq!(
        (error.line, error.column),
        (line, column),
        "{error}\n{text}"
    );
    assert!(error.message.contains(part), "{error}");
}

#[test]
fn a_command_is_enough() {
    let parsed = Manifest::parse("camera.kdl", "command \"camera\"");
    assert_eq!(parsed, Ok(Manifest::new("camera")));
}

#[test]
fn every_key_is_read() {
    let text = r#"
        command "/usr/bin/camera"
        args "--http" "" "8421"
        port 8421
        env { RUST_LOG "info"; EMPTY "" }
        working-dir "/srv/camera"
        user "camera"
        autostart #false
        after "network" "disk"
        ready { tcp 8422; timeout "2s" }
        restart { policy "always"; backoff-initial "0s"; backoff-max "5m"; max-retries-per-minute 9; stable-after "3s" }
        stop { hook "echo bye"; signal "SIGINT"; grace "1m" }
        on-agent-exit "adopt"
        log { max-size "64KiB"; keep 0; ring "1GiB" }
    "#;
    let manifest = Manifest::parse("camera.kdl", text).unwrap();
    assert_eq!(manifest.program.args, ["--http", "", "8421"]);
    assert_eq!(manifest.program.env.len(), 2);
    assert_eq!(manifest.after.len(), 2);
    assert_eq!(
        manifest.ready,
        Ready {
            probe: Probe::Tcp(8_422),
            timeout: Millis(2_000)
        }
    );
    assert_eq!(manifest.restart.policy, Policy::Always);
    assert_eq!(manifest.restart.backoff_initial, Millis(0));
    assert_eq!(manifest.restart.max_retries_per_minute, 9);
    assert_eq!(manifest.stop.signal, StopSignal::Int);
    assert_eq!(manifest.stop.grace, Millis(60_000));
    assert_eq!(manifest.on_agent_exit, OnAgentExit::Adopt);
    assert_eq!(manifest.log.max_size_bytes, 65_536);
    assert_eq!((manifest.log.keep, manifest.log.ring_bytes), (0, 1 << 30));
}

#[test]
fn a_port_is_probed_unless_the_file_says_otherwise() {
    let probe = |text: &str| Manifest::parse("a.kdl", text).unwrap().ready.probe;
    assert_eq!(probe("command \"a\"\nport 80"), Probe::Tcp(80));
    assert_eq!(probe("command \"a\"\nport 80\nready { none }"), Probe::None);
    assert_eq!(
        probe("command \"a\"\nready { exec \"true\" \"x\" }"),
        Probe::Exec(vec!["true".to_owned(), "x".to_owned()])
    );
}

#[test]
fn errors_name_the_place_and_what_would_be_right() {
    check_error("", 1, 1, "command is missing");
    check_error("comand \"a\"", 1, 1, "known here: command, args");
    check_error("command \"a\"\ncommand \"b\"", 2, 1, "was said before");
    check_error("command \"bin/a\"", 1, 9, "a path from the root");
    check_error("command \"a\" \"b\"", 1, 13, "only a program belongs here");
    check_error("command \"a\"\nport 0", 2, 6, "from 1 to 65535");
    check_error("command \"a\"\nenv { A 1 }", 2, 9, "a text in quotes");
    check_error("command \"a\"\nenv { LASTWORD_X \"\" }", 2, 7, "its own");
    check_error("command \"a\"\nafter \"B\"", 2, 7, "a-z 0-9");
    check_error("command \"a\"\nafter \"b\" \"b\"", 2, 11, "named before");
    check_error("command \"a\"\nready { tcp 1; notify }", 2, 16, "is enough");
    check_error(
        "command \"a\"\nready { timeout \"1s\" }",
        2,
        1,
        "is missing",
    );
    check_error(
        "command \"a\"\nrestart { polcy \"x\" }",
        2,
        11,
        "known here: policy",
    );
    check_error(
        "command \"a\"\nrestart { backoff-initial \"1m\" }",
        2,
        1,
        "less than",
    );
    check_error("command \"a\"\nstop { signal \"STOP\" }", 2, 15, "HUP, INT");
    check_error("command \"a\"\nlog { max-size 10 }", 2, 16, "10MiB");
    check_error("command \"a\"\nlog { ring \"1KiB\" }", 2, 12, "from 4096");
}
