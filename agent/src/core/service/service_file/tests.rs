//! What a service file may say, and where its errors point.

use super::*;

/// `told`: all that is told of a file that begins with a command, as `LINE:COLUMN: MESSAGE`.
#[track_caller]
fn check(text: &str, told: &[&str]) {
    check_whole(&format!("command \"a\"\n{text}"), told);
}

#[track_caller]
fn check_whole(text: &str, told: &[&str]) {
    let errors = ServiceFile::parse("camera.kdl", text).expect_err(text);
    let shown = errors.to_string();
    let shown: Vec<_> = shown
        .lines()
        .map(|line| line.strip_prefix("camera.kdl:").unwrap_or(line))
        .collect();
    assert_eq!(shown, told, "of {text}");
}

#[test]
fn a_command_is_enough() {
    let parsed = ServiceFile::parse("camera.kdl", "command \"camera\"");
    assert_eq!(parsed, Ok(ServiceFile::new("camera")));
}

/// `says`: what is said of the environment; `has`: which of some variables of the agent's pass.
#[track_caller]
fn check_inherited(says: &str, has: &[&str]) {
    let text = format!("command \"a\"\n{says}");
    let service_file = ServiceFile::parse("camera.kdl", &text).expect(says);
    let inherited = &service_file.program.inherited;
    let mut names = vec![
        "PATH",
        "LANG",
        "SECRET",
        "NOTIFY_SOCKET",
        "WATCHDOG_PID",
        "LISTEN_FDS",
        "LASTWORD_NONCE",
    ];
    names.retain(|name| inherited.has(name.as_bytes()));
    assert_eq!(names, has, "{says}");
}

#[test]
fn the_agents_environment_passes_as_far_as_the_file_says_and_what_is_its_own_never() {
    check_inherited("", &["PATH", "LANG", "SECRET"]);
    check_inherited("env-clear #false", &["PATH", "LANG", "SECRET"]);
    check_inherited("env-clear #true", &[]);
    check_inherited("env-allow \"LANG\" \"TZ\"", &["LANG"]);
    check_inherited("env-clear #true\nenv-allow \"LANG\"", &["LANG"]);
    check_inherited("env-allow \"LANG\"\nenv-clear #true", &["LANG"]);
    check(
        "env-clear \"yes\"",
        &["2:11: env-clear: #true or #false, without quotes, is wanted here"],
    );
    check(
        "env-clear #false\nenv-allow \"LANG\"",
        &["2:1: env-clear: env-allow lets nothing else pass; remove one of the two"],
    );
    check(
        "env-allow",
        &["2:1: env-allow: the name of a variable is missing; env-clear #true lets none pass"],
    );
    check(
        "env-allow \"A\" \"A\" \"B=c\" \"LISTEN_FDS\"",
        &[
            "2:15: env-allow: A was named before",
            "2:19: env-allow: this is no variable's name; env sets a variable to a value",
            "2:25: env-allow: LISTEN_FDS is the agent's alone",
        ],
    );
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
    let service_file = ServiceFile::parse("camera.kdl", text).unwrap();
    assert_eq!(service_file.program.args, ["--http", "", "8421"]);
    assert_eq!(service_file.program.env.len(), 2);
    assert_eq!(service_file.after.len(), 2);
    assert_eq!(
        service_file.ready,
        Ready {
            probe: Probe::Tcp(8_422),
            timeout: Millis(2_000)
        }
    );
    assert_eq!(service_file.restart.policy, Policy::Always);
    assert_eq!(service_file.restart.backoff_initial, Millis(0));
    assert_eq!(service_file.restart.max_retries_per_minute, 9);
    assert_eq!(service_file.stop.signal, StopSignal::Int);
    assert_eq!(service_file.stop.grace, Millis(60_000));
    assert_eq!(service_file.on_agent_exit, OnAgentExit::Adopt);
    assert_eq!(service_file.log.max_size_bytes, 65_536);
    assert_eq!(
        (service_file.log.keep, service_file.log.ring_bytes),
        (0, 1 << 30)
    );
}

#[test]
fn a_port_is_probed_unless_the_file_says_otherwise() {
    let probe = |text: &str| ServiceFile::parse("a.kdl", text).unwrap().ready.probe;
    assert_eq!(probe("command \"a\"\nport 80"), Probe::Tcp(80));
    assert_eq!(probe("command \"a\"\nport 80\nready { none }"), Probe::None);
    assert_eq!(
        probe("command \"a\"\nready { exec \"true\" \"x\" }"),
        Probe::Exec(vec!["true".to_owned(), "x".to_owned()])
    );
}

#[test]
fn errors_name_the_place_the_key_and_what_would_be_right() {
    check_whole(
        "",
        &["1:1: command is missing: it is all that a service has to say"],
    );
    check(
        "command \"b\"",
        &["2:1: command: was said before, in line 1"],
    );
    check_whole(
        "command \"bin/a\"",
        &["1:9: command: a program is a path from the root (/…), or a name to be found in PATH"],
    );
    check_whole(
        "command \"a\" \"b\"",
        &["1:13: command: only a program belongs here"],
    );
    check(
        "port 0",
        &["2:6: port: a whole number from 1 to 65535 is wanted here"],
    );
    check("port", &["2:1: port: a port is missing"]);
    check(
        "env { A 1 }",
        &["2:9: env.A: a text in quotes is wanted here: \"1\""],
    );
    check(
        "env { LASTWORD_X \"\" }",
        &["2:7: env.LASTWORD_X: LASTWORD_… is how the agent knows its own"],
    );
    check(
        "after \"B\"",
        &["2:7: after: a service's name is 1 to 32 of the letters a-z 0-9 - _, and \"B\" is not"],
    );
    check("after \"b\" \"b\"", &["2:11: after: b was named before"]);
}

#[test]
fn errors_of_blocks_name_the_way_to_their_key() {
    check(
        "ready { tcp 1; notify }",
        &["2:16: ready.notify: one of tcp, notify, exec or none is enough"],
    );
    check(
        "ready { timeout \"1s\" }",
        &["2:1: ready: tcp, notify, exec or none is missing"],
    );
    check(
        "restart { backoff-initial \"1m\" }",
        &["2:1: restart: backoff-max, 30s, is less than backoff-initial, 1m"],
    );
    check(
        "stop { signal \"STOP\" }",
        &["2:15: stop.signal: a signal is one of HUP, INT, QUIT, KILL, USR1, USR2, TERM"],
    );
    check(
        "log { max-size 10 }",
        &[
            "2:16: log.max-size: a size with its unit, such as \"64KiB\", \"10MiB\" or \"1GiB\", \
             from 4096 to 1099511627776 bytes, is wanted here",
        ],
    );
    check(
        "autostart \"true\"",
        &["2:11: autostart: #true or #false, without quotes, is wanted here"],
    );
}

#[test]
fn an_unknown_key_is_told_with_the_one_that_it_may_mean() {
    let known =
        "known here: policy, backoff-initial, backoff-max, max-retries-per-minute, stable-after";
    check(
        "restart { polcy \"x\" }",
        &[&format!(
            "2:11: unknown key \"polcy\" (did you mean policy?); {known}"
        )],
    );
    check(
        "restart { zzz \"x\" }",
        &[&format!("2:11: unknown key \"zzz\"; {known}")],
    );
    // That command is missing is not said as well.
    check_whole(
        "comand \"a\"",
        &[
            "1:1: unknown key \"comand\" (did you mean command?); known here: command, args, port, env, \
             env-clear, env-allow, working-dir, user, autostart, after, ready, restart, stop, on-agent-exit, log",
        ],
    );
}

#[test]
fn everything_wrong_with_a_file_is_told_in_the_order_of_its_lines() {
    check(
        "log { keep -1; ring \"1KiB\" }\nargs \"a\" 2 3\nrestart { backoff-initial \"1m\"; backoff-max 5 }\n\
         port 80\nport 81",
        &[
            "2:12: log.keep: a whole number from 0 to 1000 is wanted here",
            "2:21: log.ring: a size with its unit, such as \"64KiB\", \"10MiB\" or \"1GiB\", \
             from 4096 to 1073741824 bytes, is wanted here",
            "3:10: args: a text in quotes is wanted here: \"2\"",
            "3:12: args: a text in quotes is wanted here: \"3\"",
            "4:45: restart.backoff-max: a time with its unit, such as \"250ms\", \"2s\" or \"5m\", \
             from 0ms to 24h, is wanted here",
            "6:1: port: was said before, in line 5",
        ],
    );
    // Also where something is no KDL.
    check(
        "autostart true\nport 0\nargs \"a\", \"b\"\nuser 5",
        &[
            "2:11: write #true, or \"true\" if a text is meant",
            "3:6: port: a whole number from 1 to 65535 is wanted here",
            "4:6: values have blanks between, no commas",
            "5:6: user: a text in quotes is wanted here: \"5\"",
        ],
    );
}

#[test]
fn what_is_no_kdl_is_told_by_what_to_write_instead() {
    check(
        "autostart false",
        &["2:11: write #false, or \"false\" if a text is meant"],
    );
    check(
        "autostart=true",
        &["2:10: a key and its value have a blank between, no =: write autostart #true"],
    );
    check(
        "port = 80",
        &["2:6: a key and its value have a blank between, no =: write port 80"],
    );
    check(
        "autostart #True",
        &["2:11: #True is no value; there are #true and #false, in small letters"],
    );
    check(
        "working-dir /srv/camera",
        &["2:13: write it in quotes: \"/srv/camera\""],
    );
    check_whole("command /bin/a", &["1:9: write it in quotes: \"/bin/a\""]);
    check("stop { grace 5s }", &["2:14: write it in quotes: \"5s\""]);
    check(
        "log { max-size 10MiB; keep 5 }",
        &["2:16: write it in quotes: \"10MiB\""],
    );
    check(
        "env RUST_LOG=info",
        &["2:5: env: a block is wanted here, and nothing else: env { RUST_LOG \"info\" }"],
    );
    check(
        "env { RUST_LOG=info; PORT=80; X true }",
        &[
            "2:15: a key and its value have a blank between, no =: write RUST_LOG \"info\"",
            "2:26: a key and its value have a blank between, no =: write PORT \"80\"",
            "2:33: write it in quotes: \"true\"",
        ],
    );
    check(
        "env {\n  A=\"b c\"\n  PATH /bin:/usr/bin\n}",
        &[
            "3:4: a key and its value have a blank between, no =: write A \"b c\"",
            "4:8: write it in quotes: \"/bin:/usr/bin\"",
        ],
    );
}

#[test]
fn texts_lists_comments_and_braces_of_other_languages_are_told_as_kdl_has_them() {
    check(
        "args [\"a\", \"b\"]",
        &["2:6: a list has blanks between its values, no brackets and no commas"],
    );
    check(
        "args r\"a\" r#\"b\"#",
        &[
            "2:6: write it as in KDL 2, without the r: #\"a\"#",
            "2:11: write it as in KDL 2, without the r: #\"b\"#",
        ],
    );
    check(
        "args \"C:\\x\"",
        &["2:6: in quotes \\ is written \\\\ unless it begins an escape such as \\n"],
    );
    check(
        "args \"open\nuser \"b\"",
        &["2:6: this text has no closing \" on its line"],
    );
    check(
        "args \"a\"\"b\"",
        &["2:6: a blank is missing behind the closing \""],
    );
    check("# a comment", &["2:1: a comment begins with //"]);
    check("port 80 # a comment", &["2:9: a comment begins with //"]);
    check("}\nport 80", &["2:1: this } closes nothing"]);
    check("env {\n  A \"b\"", &["2:5: this { is never closed"]);
    check(
        "env {\n  A=b",
        &[
            "2:5: this { is never closed",
            "3:4: a key and its value have a blank between, no =: write A \"b\"",
        ],
    );
    check("/srv", &["2:1: a line begins with a key, and /srv is none"]);
}

#[test]
fn a_file_of_which_nothing_can_be_made_is_told_as_far_as_it_goes() {
    check(
        "port 0\n/* open",
        &[
            "2:6: port: a whole number from 1 to 65535 is wanted here",
            "3:1: this comment is never closed",
        ],
    );
    let many = "port =\n".repeat(60);
    let errors = ServiceFile::parse("a.kdl", &many)
        .expect_err("no KDL")
        .to_string();
    assert_eq!(errors.lines().count(), 51);
    assert!(errors.ends_with("a.kdl:51:6: from here on nothing is told: 50 slips are enough"));
}

#[test]
fn ready_and_others_say_that_they_are_blocks() {
    check(
        "ready none",
        &["2:7: ready: a block is wanted here, and nothing else: ready { none }"],
    );
    check(
        "restart \"always\"",
        &["2:9: restart: a block is wanted here, and nothing else: restart { policy … }"],
    );
}

/// Pieces of service files, good and bad, to be put together in any order.
const PIECES: [&str; 24] = [
    "command \"a\"",
    "\n",
    " ",
    ";",
    "port 80",
    "=",
    "true",
    "#true",
    "{",
    "}",
    "\"",
    "\\",
    "/*",
    "*/",
    "//",
    "env ",
    "r#",
    "[",
    ",",
    "é",
    "#",
    "\u{1b}",
    "(t)",
    "/-",
];

proptest::proptest! {
    #[test]
    fn whatever_a_file_holds_errors_have_their_place_in_it_and_are_sorted(
        picks in proptest::collection::vec(0..PIECES.len(), 0..40)
    ) {
        let text: String = picks.into_iter().map(|pick| PIECES[pick]).collect();
        let errors = ServiceFile::parse("a.kdl", &text).err().into_iter().flatten();
        let places: Vec<_> = errors.map(|error| error.place).collect();
        assert!(places.is_sorted(), "{text:?}: {places:?}");
        for place in places {
            let line = text.split('\n').nth(place.line - 1).expect("a line of it");
            assert!(place.column <= line.chars().count() + 1, "{text:?}: {place}");
        }
    }
}
