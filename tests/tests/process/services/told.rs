//! What an agent tells whoever started it, as systemd wants to be told.

use lastword_tests::process::{BOUND, Place, lastwordd};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// The next thing that it is told.
#[track_caller]
fn heard(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = socket.recv(&mut message).expect("a message in time");
    String::from_utf8_lossy(&message[..length])
        .trim_end()
        .to_owned()
}

#[test]
fn systemd_is_told_and_services_do_not_know_of_it() {
    let place = Place::with_services();
    let script = "echo \"it knows: $NOTIFY_SOCKET$WATCHDOG_USEC\"; exec sleep 1000";
    place.shell("curious", script, "");
    let path = place.path("notify").display().to_string();
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(BOUND)).unwrap();
    let mut agent = place.start_with(&[("NOTIFY_SOCKET", &path), ("WATCHDOG_USEC", "100000")]);
    assert_eq!(heard(&socket), "READY=1");
    for _ in 0..3 {
        assert_eq!(heard(&socket), "WATCHDOG=1");
    }
    agent.wait_for_line("curious", 1);
    assert_eq!(agent.lines("curious", 0, 1).texts, ["it knows: "]);
    assert_eq!(agent.terminate(), Some(0));
    let mut last = heard(&socket);
    while last == "WATCHDOG=1" {
        last = heard(&socket);
    }
    assert_eq!(last, "STOPPING=1");
}

#[test]
fn a_service_of_another_user_can_tell_that_it_is_ready() {
    const NOTIFY: &str = "/usr/bin/systemd-notify";
    if !nix::unistd::geteuid().is_root() || !fs::exists(NOTIFY).is_ok_and(|it| it) {
        eprintln!("NOT SHOWN: sd_notify by another user; this needs root and systemd-notify");
        return;
    }
    let place = Place::with_services();
    // Its working directory has to be open to it.
    fs::set_permissions(place.path(""), fs::Permissions::from_mode(0o711)).unwrap();
    let script = format!("{NOTIFY} --ready; exec sleep 1000");
    place.shell(
        "other",
        &script,
        "user \"nobody\"\nready { notify; timeout \"10s\" }",
    );
    let agent = place.start();
    agent.wait_for_state("other", "running");
    assert_eq!(agent.service("other").restarts, 0);
}

/// What a check says of a unit with a drop-in.
fn checked(unit: &str, drop_in: &str) -> String {
    let place = Place::with_services();
    let path = place.path("agent.service");
    fs::write(&path, unit).expect("a temporary directory");
    fs::create_dir(place.path("agent.service.d")).expect("a temporary directory");
    fs::write(place.path("agent.service.d/override.conf"), drop_in).expect("a temporary directory");
    let mut check = Command::new(lastwordd());
    check
        .arg("check")
        .arg("--config")
        .arg(place.path("agent.kdl"));
    let output = check.arg("--unit").arg(path).output().expect("an agent");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

#[test]
fn a_unit_that_would_end_the_services_is_warned_of() {
    let kills = "KillMode=control-group kills every service";
    let said = checked("[Service]\nDelegate=yes\n", "");
    assert!(said.contains(kills), "{said}");
    let fine = "[Service]\nDelegate=yes\nKillMode=process\n";
    assert_eq!(checked("[Service]\n", fine), "");
    let said = checked(fine, "[Service]\nKillMode=\n");
    assert!(said.contains(kills), "{said}");
}
