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
                "serial, pty, tcp, tls, unix",
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

/// A configuration whose line 2 names a directory that is not there; returns what is warned of.
fn with_services_absent(place: &Place) -> String {
    let absent = place.path("servces").display().to_string();
    let socket = place.path("agent.sock").display().to_string();
    place.write_config(&format!(
        "state \"{}\"\nservices \"{absent}\"\nlisten {{ unix \"{socket}\"; }}\n",
        place.path("state").display()
    ));
    format!(
        "{}:2:10: services: there is no directory {absent}, so there are no services",
        place.path("agent.kdl").display()
    )
}

#[test]
fn a_directory_of_services_that_is_named_and_not_there_is_warned_of() {
    let place = Place::new();
    let warning = with_services_absent(&place);
    let output = place.run_to_end("check");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said, format!("lastwordd: warning: {warning}"));
    let agent = place.start();
    assert!(agent.log().contains(&warning), "{}", agent.log());
}

#[test]
fn an_error_in_the_configuration_hides_none_in_service_files() {
    let place = Place::with_services();
    let services = place.path("services").display().to_string();
    std::fs::write(place.path("services/a.kdl"), "port 80\n").unwrap();
    let file = place.path("agent.kdl").display().to_string();
    let flaw = format!("lastwordd: {services}/a.kdl:1:1: ");
    for (first, told) in [
        ("nmae \"x\"", format!("lastwordd: {file}:1:1: unknown key")),
        (
            "listen",
            "lastwordd: the configuration names no listener".to_owned(),
        ),
    ] {
        place.write_config(&format!("{first}\nservices \"{services}\"\n"));
        let output = place.run_to_end("check");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        let lines: Vec<_> = said.lines().collect();
        let is_told =
            lines.len() == 2 && lines[0].starts_with(&told) && lines[1].starts_with(&flaw);
        assert!(is_told, "{said}");
        // Only a check looks at service files: an agent would not get so far.
        let output = place.run_to_end("run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(3), 1),
            "{said}"
        );
    }
}
