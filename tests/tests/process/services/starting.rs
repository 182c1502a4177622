//! Starts that come to nothing: those that nobody asked for are tried again, and say so.

use lastword_tests::process::{Deadline, Place};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Describes a service whose program is there only later, as behind a mount.
fn describe_absent(place: &Place, name: &str, rest: &str) {
    let program = place.path("mount/program");
    let text = format!("command \"{}\"\n{rest}", program.display());
    fs::write(place.path("services").join(format!("{name}.kdl")), text)
        .expect("a temporary directory");
}

fn mount(place: &Place) {
    let program = place.path("mount/program");
    fs::create_dir(place.path("mount")).expect("a temporary directory");
    fs::write(place.path("mount/new"), "#!/bin/sh\nexec sleep 1000\n")
        .expect("a temporary directory");
    fs::set_permissions(place.path("mount/new"), fs::Permissions::from_mode(0o755))
        .expect("a temporary directory");
    fs::rename(place.path("mount/new"), program).expect("a temporary directory");
}

const PATIENT: &str = "restart { backoff-initial \"100ms\"; backoff-max \"100ms\"; \
                       max-retries-per-minute 60000 }";

#[test]
fn an_automatic_start_is_tried_again_until_the_program_is_there() {
    let place = Place::with_services();
    for (name, rest) in [
        ("late", PATIENT.to_owned()),
        (
            "homeless",
            format!(
                "{PATIENT}\nworking-dir \"{}\"",
                place.path("mount").display()
            ),
        ),
        ("never", "restart { policy \"never\" }".to_owned()),
        (
            "impatient",
            "restart { max-retries-per-minute 1 }".to_owned(),
        ),
    ] {
        describe_absent(&place, name, &rest);
    }
    let mut agent = place.start();
    let late = agent.wait_for_state("late", "restarting");
    assert_eq!((late.pid, late.restarts), (0, 0));
    // It says what it waits for, in each place where somebody may look.
    let mut console = agent.unix();
    console.send("svc list\n");
    let row = console.until("\nok\n");
    let why = "reason=\"cannot start late: there is no program";
    assert!(row.contains("name=late state=backoff"), "{row}");
    assert!(row.contains(why), "{row}");
    console.send("svc status late\n");
    let status = console.until("\nok\n");
    assert!(status.contains(why), "{status}");
    let log = agent.wait_for("there is no program");
    assert!(log.contains("not started"), "{log}");
    for name in ["never", "impatient"] {
        agent.wait_for_state(name, "failed");
    }
    mount(&place);
    for name in ["late", "homeless"] {
        let late = agent.wait_for_state(name, "running");
        assert_eq!(late.restarts, 0, "{name}: a first start is no restart");
    }
}

#[test]
fn a_start_that_a_reload_brings_follows_its_policy_and_an_edit_tries_at_once() {
    let place = Place::with_services();
    let agent = place.start();
    describe_absent(
        &place,
        "late",
        "restart { backoff-initial \"1h\"; backoff-max \"1h\" }",
    );
    let reloaded = agent.call("reload", &json!({}));
    assert_eq!(reloaded["added"], json!(["late"]));
    agent.wait_for_state("late", "restarting");
    place.shell("late", "exec sleep 1000", "");
    let _ = agent.call("reload", &json!({}));
    agent.wait_for_state("late", "running");
}

#[test]
fn a_start_that_somebody_asks_for_fails_at_once_and_ends_no_series_of_attempts() {
    let place = Place::with_services();
    describe_absent(&place, "late", PATIENT);
    describe_absent(&place, "asked", &format!("{PATIENT}\nautostart #false"));
    let agent = place.start();
    agent.wait_for_state("late", "restarting");
    let mut console = agent.unix();
    for name in ["asked", "late"] {
        let answer = console.ask(&format!("svc start {name}"));
        assert!(console.line().starts_with("err"), "{answer}");
        assert!(
            answer.contains(&format!("cannot start {name}: there is no program")),
            "{answer}"
        );
    }
    assert_eq!(agent.service("asked").state, "failed");
    mount(&place);
    agent.wait_for_state("late", "running");
    assert_eq!(agent.service("asked").state, "failed");
    let deadline = Deadline::start();
    while console.ask("svc start asked") != "| name=asked change=started" {
        deadline.check("start", &agent.service("asked"));
    }
}
