//! Whom a service runs as, and what it gets of the agent's environment.

use lastword_tests::process::Place;
use std::fs;
use std::process::Command;

/// `lastwordd SUBCOMMAND` as a user who may do nothing else.
fn as_nobody(place: &Place, subcommand: &str) -> Command {
    let owned = Command::new("chown")
        .args(["-R", "nobody"])
        .arg(place.path(""))
        .status();
    assert!(owned.expect("chown").success());
    let run = place.command(subcommand);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "65534", "--clear-groups"]);
    command
        .arg(run.get_program())
        .args(run.get_args())
        .env_clear();
    command.envs(
        run.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command
}

#[test]
fn a_user_that_cannot_be_had_is_told_at_the_start_and_by_check() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT SHOWN: to run an agent as another user takes root");
        return;
    }
    let place = Place::with_services();
    place.shell("other", "exec sleep 1000", "user \"daemon\"");
    place.shell("none", "exec sleep 1000", "user \"nobody-of-that-name\"");
    place.shell("own", "exec sleep 1000", "user \"nobody\"");
    let uid = nix::unistd::User::from_name("nobody")
        .expect("there is one")
        .expect("every machine has one")
        .uid;
    let refused = format!("user {uid} may not become daemon (CAP_SETUID, CAP_SETGID)");
    let unknown = "no such user: nobody-of-that-name";
    let checked = as_nobody(&place, "check").output().expect("setpriv");
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        told.contains(&format!("other.kdl:4:6: user: {refused}")),
        "{told}"
    );
    assert!(
        told.contains(&format!("none.kdl:4:6: user: {unknown}")),
        "{told}"
    );
    assert!(!told.contains("own.kdl"), "{told}");
    assert!(checked.status.success(), "they are warnings");

    let mut agent = place.started_by(&mut as_nobody(&place, "run"));
    agent.wait_for(" ready ");
    agent.wait_for_state("own", "running");
    for (name, why) in [("other", &*refused), ("none", unknown)] {
        agent.wait_for_state(name, "restarting");
        let mut console = agent.unix();
        let row = console.ask(&format!("svc status {name}"));
        assert!(row.contains(why), "{row}");
        let answer = console.ask_until(&format!("svc start {name}"), "change=failed");
        assert!(answer.contains(why), "{answer}");
        assert!(agent.wait_for(why).contains("not started"));
    }
}

#[test]
fn a_service_has_what_its_file_lets_pass_of_the_agents_environment() {
    let place = Place::with_services();
    // By HOME the processes of a place are found.
    for (name, rest) in [
        ("all", ""),
        ("some", "env-allow \"HOME\" \"TZ\""),
        ("none", "env-clear #true\nenv { HOME \"/own\" }"),
    ] {
        let script = format!("env > {name}.env; exec sleep 1000");
        place.shell(name, &script, rest);
    }
    let agent = place.start_with(&[("SECRET", "s"), ("TZ", "UTC")]);
    for (name, secret, zone) in [
        ("all", true, true),
        ("some", false, true),
        ("none", false, false),
    ] {
        agent.wait_for_state(name, "running");
        let deadline = lastword_tests::process::Deadline::start();
        let mut found = String::new();
        while !found.contains("LASTWORD_NONCE=") || !found.contains("PWD=") {
            found = fs::read_to_string(place.path(&format!("{name}.env"))).unwrap_or_default();
            deadline.check("environment", &found);
        }
        let has = |wanted: &str| found.lines().any(|line| line == wanted);
        assert_eq!(
            (has("SECRET=s"), has("TZ=UTC")),
            (secret, zone),
            "{name}: {found}"
        );
        let has_path = found
            .lines()
            .any(|line| line.starts_with("PATH=/usr/local/sbin:"));
        assert_eq!(has_path, name != "all", "{name}: {found}");
    }
    let _ = agent.call("stop", &serde_json::json!({"all": true}));
}

#[test]
fn roots_environment_for_another_user_is_warned_of() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT SHOWN: this agent's environment is not root's");
        return;
    }
    let place = Place::with_services();
    place.shell(
        "exposed",
        "exec sleep 1000",
        "user \"nobody\"\nautostart #false",
    );
    place.shell(
        "closed",
        "exec sleep 1000",
        "user \"nobody\"\nenv-clear #true\nautostart #false",
    );
    let warning = "user: nobody gets the whole environment of the agent, which is root's";
    let checked = place.run_to_end("check");
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        told.contains(&format!("exposed.kdl:4:6: {warning}")),
        "{told}"
    );
    assert!(!told.contains("closed.kdl"), "{told}");
    let agent = place.start();
    let log = agent.log();
    assert_eq!(log.matches(warning).count(), 1, "{log}");
}
