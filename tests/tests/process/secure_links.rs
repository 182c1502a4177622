//! TLS: certificates that the real command issues, an agent that listens with them, and everybody who knocks.

use lastword_tests::process::{Agent, Deadline, Place, lastword};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A desk with an authority, and a board with credentials of it.
struct SecureBench {
    place: Place,
}

impl SecureBench {
    fn new() -> Self {
        let bench = Self {
            place: Place::new(),
        };
        bench.pki(&["init", "lab"]);
        bench.pki(&["issue", "board", "gw-17", "--host", "127.0.0.1"]);
        let credentials = bench.path("gw-17");
        let listeners = format!("{} tls \"127.0.0.1:0\";", bench.place.listeners());
        let rest = format!("credentials \"{}\"", credentials.display());
        bench.place.configure(&listeners, &rest);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    /// Runs the command with these credentials; the desk's own where there is no name.
    fn run(&self, credentials: &str, words: &[&str]) -> Output {
        let mut command = Command::new(lastword());
        command.env_clear().env("HOME", self.path("home"));
        command
            .env("USER", "alice")
            .env("LASTWORD_PKI", self.path("pki"));
        if !credentials.is_empty() {
            command.env("LASTWORD_CREDENTIALS", self.path(credentials));
        }
        command
            .args(words)
            .current_dir(self.path(""))
            .stdin(Stdio::null());
        command.output().expect("the command runs")
    }

    #[track_caller]
    fn pki(&self, words: &[&str]) -> String {
        let words = [&["pki"], words].concat();
        let output = self.run("", &words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Asks the board; returns the exit code, and what was said.
    fn ask(&self, agent: &SecureAgent, credentials: &str, words: &[&str]) -> (i32, String) {
        let words = [&["-u", &*agent.url], words].concat();
        let output = self.run(credentials, &words);
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    fn start(&self) -> SecureAgent {
        let mut agent = self.place.start();
        let url = listening_url(&mut agent);
        SecureAgent { agent, url }
    }
}

/// A board that listens on TLS.
struct SecureAgent {
    agent: Agent,
    url: String,
}

/// Returns where an agent listens on TLS, which it has said while it started.
fn listening_url(agent: &mut Agent) -> String {
    let address = agent.logged("listener=\"tls ");
    format!("tls://{address}")
}

#[test]
fn an_operator_does_everything_and_a_viewer_looks() {
    let bench = SecureBench::new();
    let agent = bench.start();
    // Made by `pki init`, for the desk itself.
    let (code, said) = bench.ask(&agent, "", &["status"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("certificate_left"), "{said}");
    let (code, said) = bench.ask(&agent, "", &["power", "reboot", "--force"]);
    assert_eq!(code, 0, "{said}");
    bench.pki(&["issue", "viewer", "bob"]);
    for looks in [
        &["status"][..],
        &["svc", "list"],
        &["power", "status"],
        &["gen", "status"],
        &["events"],
    ] {
        let (code, said) = bench.ask(&agent, "bob", looks);
        assert!(!said.contains("not_allowed"), "{looks:?}: {code} {said}");
    }
    for changes in [
        &["power", "reboot", "--force"][..],
        &["reboot"],
        &["power", "cancel"],
        &["svc", "reload"],
        &["svc", "stop", "--all"],
        &["gen", "prune"],
        &["gen", "confirm"],
        &["put", "pki/ca.pem"],
        &["--", "power", "reboot"],
    ] {
        let (code, said) = bench.ask(&agent, "bob", changes);
        assert_eq!(code, 1, "{changes:?}: {said}");
        assert!(
            said.contains("a viewer changes nothing"),
            "{changes:?}: {said}"
        );
    }
    // Who was there, and in which role.
    let (_, said) = bench.ask(&agent, "", &["events", "sessions"]);
    assert!(said.contains("viewer bob, 127.0.0.1:"), "{said}");
    assert!(said.contains("link=tls"), "{said}");
}

#[test]
fn whoever_is_not_let_in_is_told_why_on_both_sides() {
    let bench = SecureBench::new();
    bench.pki(&["issue", "board", "gw-18"]);
    bench.pki(&["issue", "operator", "late", "--days", "1"]);
    let mut agent = bench.start();
    let (code, said) = bench.ask(&agent, "gw-18", &["status"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("403 not_allowed"), "{said}");
    assert!(
        said.contains("a certificate of role board is not for asking boards"),
        "{said}"
    );
    agent.agent.wait_for("refused: a certificate of role board");
    // Nobody at all, and somebody without TLS.
    let (code, said) = bench.ask(&agent, "nobody", &["status"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("nobody/ca.pem: No such file"), "{said}");
    let plain = agent.url.replace("tls://", "tcp://");
    let output = bench.run("", &["--timeout", "2s", "-u", &plain, "status"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    // The wrong board: its certificate is for another name than was dialled.
    let wrong = format!("{}?name=gw-18", agent.url);
    let output = bench.run("", &["-u", &wrong, "status"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("is not for gw-18; it is for gw-17, 127.0.0.1"),
        "{said}"
    );
    let right = format!("{}?name=gw-17", agent.url);
    let output = bench.run("", &["-u", &right, "status"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_revoked_certificate_is_refused_without_a_restart() {
    let bench = SecureBench::new();
    bench.pki(&["issue", "operator", "mallory"]);
    let mut agent = bench.start();
    let (code, said) = bench.ask(&agent, "mallory", &["uptime"]);
    assert_eq!(code, 0, "{said}");
    let said = bench.pki(&["revoke", "mallory"]);
    assert!(said.contains("crl.pem: copy it"), "{said}");
    fs::copy(bench.path("pki/crl.pem"), bench.path("gw-17/crl.pem")).expect("a copy");
    agent
        .agent
        .wait_for("the credentials have changed, and are read anew");
    let (code, said) = bench.ask(&agent, "mallory", &["uptime"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("the other side refuses our certificate: it was revoked"),
        "{said}"
    );
    let (code, said) = bench.ask(&agent, "", &["uptime"]);
    assert_eq!(code, 0, "{said}");
    let listed = bench.pki(&["list"]);
    assert!(listed.contains("mallory  operator    revoked"), "{listed}");
    let listed: Value = serde_json::from_str(&bench.pki(&["list", "--json"])).expect("JSON");
    assert_eq!(listed["certificates"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_certificate_that_expires_soon_is_warned_of_and_rotated_without_a_restart() {
    let bench = SecureBench::new();
    fs::remove_dir_all(bench.path("gw-17")).expect("a directory");
    bench.pki(&[
        "issue",
        "board",
        "gw-17",
        "--host",
        "127.0.0.1",
        "--days",
        "12",
    ]);
    let mut agent = bench.start();
    let warning = "the certificate of this board: expires in 1";
    if !agent.agent.log().contains(warning) {
        agent.agent.wait_for(warning);
    }
    let (_, said) = bench.ask(&agent, "", &["status"]);
    assert!(said.contains("certificate_left_ms=10"), "{said}");
    let listed = bench.pki(&["list"]);
    assert!(listed.contains("expires in 1"), "{listed}");
    bench.pki(&["rotate", "gw-17"]);
    // It is as short-lived as the one before.
    agent
        .agent
        .wait_for("the credentials have changed, and are read anew");
    let serials = bench.pki(&["list", "--json"]);
    let serials: Value = serde_json::from_str(&serials).expect("JSON");
    assert_eq!(serials["certificates"].as_array().map(Vec::len), Some(4));
    let (code, said) = bench.ask(&agent, "", &["uptime"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn without_credentials_an_agent_starts_and_listens_as_soon_as_there_are_some() {
    let bench = SecureBench::new();
    fs::rename(bench.path("gw-17"), bench.path("away")).expect("a directory");
    let output = bench.place.run_to_end("check");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("gw-17/ca.pem: No such file or directory (os error 2); the agent waits"),
        "{said}"
    );
    let agent = bench.place.start();
    let mut console = agent.tcp();
    let status = console.ask_until("status", "waiting_for=\"tls 127.0.0.1:0\"");
    fs::rename(bench.path("away"), bench.path("gw-17")).expect("a directory");
    let deadline = Deadline::start();
    while console.ask("status").contains("waiting_for") {
        deadline.check("a listener", &status);
    }
}

#[test]
fn a_reboot_is_not_called_off_by_a_client_that_closes_without_a_word() {
    let bench = SecureBench::new();
    let agent = bench.start();
    for _ in 0..20 {
        let (code, said) = bench.ask(&agent, "", &["power", "reboot"]);
        assert_eq!(code, 0, "{said}");
        let mut console = agent.agent.tcp();
        let said = console.ask_until("power status", "pending=none");
        assert!(said.contains("last_outcome=dry_run"), "{said}");
    }
}

#[test]
fn who_has_no_certificate_does_not_keep_out_those_who_have() {
    let bench = SecureBench::new();
    let agent = bench.start();
    let address = agent.url.trim_start_matches("tls://");
    let held: Vec<_> = (0..150)
        .map(|_| TcpStream::connect(address).expect("a listener"))
        .collect();
    let (code, said) = bench.ask(&agent, "", &["uptime"]);
    assert_eq!(code, 0, "{said}");
    drop(held);
}

/// A person with a terminal and nothing but OpenSSL.
#[test]
fn an_ordinary_tls_client_talks_to_a_board() {
    let bench = SecureBench::new();
    let agent = bench.start();
    let address = agent.url.trim_start_matches("tls://");
    let credentials = bench.path("home/.config/lastword/credentials");
    let client = format!(
        "openssl s_client -quiet -no_ign_eof -verify_return_error -verify_hostname gw-17 -connect {address} \
         -CAfile ca.pem -cert cert.pem -key key.pem"
    );
    let output = Command::new("sh")
        .args(["-c", &format!("(echo uptime; sleep 2) | {client}")])
        .current_dir(credentials)
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("ok uptime_ms="), "{output:?}");
}
