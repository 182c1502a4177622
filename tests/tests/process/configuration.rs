//! What an agent says of a configuration that it cannot or will not run.

use lastword_tests::process::{Place, lastwordd};
use std::process::Command;

#[track_caller]
fn check(config: &str, subcommand: &str, parts: &[&str]) {
    let place = Place::new();
    place.write_config(config);
    let output = place.run_to_end(subcommand);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{config}: {said}");
    for part in parts {
        assert!(said.contains(part), "{config}: {said}");
    }
    assert!(!place.path("state").exists(), "nothing was touched");
}

#[test]
fn what_is_wrong_is_shown_with_file_line_and_column() {
    let broken = "name \"x\"\nlisten {\n  udp \"x\"\n}\n";
    for subcommand in ["check", "run"] {
        check(
            broken,
            subcommand,
            &[
                "agent.kdl:3:3: unknown key \"udp\"",
                "serial, pty, tcp, unix",
            ],
        );
    }
    check("name \"x\"\nlisten {\n", "check", &["agent.kdl:"]);
}

#[test]
fn a_listener_that_strangers_reach_is_refused() {
    for subcommand in ["check", "run"] {
        check(
            "listen { tcp \"0.0.0.0:7450\"; }",
            subcommand,
            &[
                "refusing to listen on tcp 0.0.0.0:7450",
                "allow-unauthenticated=#true",
            ],
        );
    }
}

#[test]
fn an_agent_that_nobody_could_reach_is_refused() {
    for subcommand in ["check", "run"] {
        check("listen {\n}\n", subcommand, &["names no listener"]);
    }
}

#[test]
fn a_good_configuration_passes_and_nothing_is_touched() {
    let place = Place::new();
    let output = place.run_to_end("check");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("ok: 3 listeners, power backend dry-run"),
        "{said}"
    );
    assert!(!place.path("state").exists());
}

#[test]
fn a_file_that_is_named_and_missing_is_an_error() {
    let place = Place::new();
    std::fs::remove_file(place.path("agent.kdl")).unwrap();
    let output = place.run_to_end("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("cannot read") && said.contains("agent.kdl"),
        "{said}"
    );
}

#[test]
fn a_command_line_that_makes_no_sense_is_an_error_and_help_is_none() {
    for (arguments, code) in [
        (&["walk"][..], 3),
        (&[], 3),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let output = Command::new(lastwordd()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn everything_wrong_with_service_files_is_told_by_one_check() {
    let place = Place::with_services();
    let write = |name: &str, text: &str| {
        let file = place.path("services").join(format!("{name}.kdl"));
        std::fs::write(file, text).unwrap();
    };
    write("a", "command \"true\"\nautostart true\nport 0\n");
    write("b", "command \"true\"\nport 80\nafter \"c\" \"d\"\n");
    write("c", "command \"true\"\nport 80\nafter \"b\"\n");
    let output = place.run_to_end("check");
    assert_eq!(output.status.code(), Some(3));
    let services = place.path("services").display().to_string();
    let said = String::from_utf8_lossy(&output.stderr).replace(&services, "");
    let told: Vec<_> = said.lines().collect();
    let circle = |one: &str, other: &str| {
        format!("after: no order would do: {one} starts after {other}, {other} after {one}")
    };
    assert_eq!(
        told,
        [
            "lastwordd: /a.kdl:2:11: write #true, or \"true\" if a text is meant",
            "lastwordd: /a.kdl:3:6: port: a whole number from 1 to 65535 is wanted here",
            "lastwordd: /b.kdl:2:6: port: 80 is wanted by /c.kdl:2:6, too; give one of them another",
            &format!("lastwordd: /b.kdl:3:7: {}", circle("b", "c")),
            "lastwordd: /b.kdl:3:11: after: no service is called d; a file d.kdl would make one",
            "lastwordd: /c.kdl:2:6: port: 80 is wanted by /b.kdl:2:6, too; give one of them another",
            &format!("lastwordd: /c.kdl:3:7: {}", circle("c", "b")),
        ]
    );
}

#[test]
fn a_program_that_is_not_there_yet_is_a_warning() {
    let place = Place::with_services();
    let file = place.path("services/a.kdl");
    std::fs::write(&file, "command \"/no/such/program\"\n").unwrap();
    let output = place.run_to_end("check");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let expected = format!(
        "lastwordd: warning: {}:1:9: command: there is no file /no/such/program",
        file.display()
    );
    assert_eq!(said, expected);
}
