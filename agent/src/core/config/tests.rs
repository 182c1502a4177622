//! What a configuration may say, and where its errors point.

use super::*;

#[track_caller]
fn check_error(text: &str, line: usize, column: usize, part: &str) {
    let errors = Config::parse("agent.kdl", text).expect_err(text);
    let error = errors.into_iter().next().expect("there is one");
    assert_eq!(error.place, Place { line, column }, "{error}\n{text}");
    assert!(error.message.contains(part), "{error}");
}

#[test]
fn an_empty_file_means_the_defaults() {
    assert_eq!(Config::parse("agent.kdl", ""), Ok(Config::default()));
    assert_eq!(Config::default().power.backend, PowerBackend::DryRun);
    assert!(
        !Config::default()
            .listen
            .iter()
            .any(|it| it.listener.is_open_to_strangers())
    );
}

#[test]
fn every_key_is_read() {
    let text = r#"
        name "board1"
        state "/var/lib/lastword"
        credentials "/etc/lastword/tls"
        listen {
            serial "/dev/ttyS1" baud=921600
            pty "/run/lastword/tty"
            tcp "0.0.0.0:7450" { allow-unauthenticated #true }
            tcp "::1"
            tls "0.0.0.0"
            unix
            unix "/run/other.sock"
        }
        power {
            backend "linux"
            drain-cap "3s"
            reboot-program "/sbin/reboot" "-f"
            poweroff-program "/sbin/poweroff"
        }
        limits { sessions 4; silent "30s"; idle "5m"; stall "2s"; }
    "#;
    let config = Config::parse("agent.kdl", text).unwrap();
    assert_eq!(config.name.as_deref(), Some("board1"));
    assert_eq!(config.listen.len(), 7);
    assert_eq!(config.listen[4].listener.to_string(), "tls 0.0.0.0:7451");
    assert!(!config.listen[4].listener.is_open_to_strangers());
    assert_eq!(config.credentials, Some("/etc/lastword/tls".into()));
    assert_eq!(
        config.listen[2].listener,
        Listener::Tcp {
            address: "0.0.0.0:7450".parse().unwrap(),
            allow_unauthenticated: true
        }
    );
    assert!(config.listen[2].listener.is_open_to_strangers());
    assert!(!config.listen[3].listener.is_open_to_strangers());
    assert_eq!(config.power.backend, PowerBackend::Linux);
    assert_eq!(config.power.reboot_program, ["/sbin/reboot", "-f"]);
    assert_eq!(config.limits.idle, Millis(300_000));
}

#[test]
fn errors_name_line_and_column() {
    check_error(
        "nmae \"x\"",
        1,
        1,
        "unknown key \"nmae\" (did you mean name?); known here: name",
    );
    check_error("name \"x\"\nname \"y\"", 2, 1, "said before");
    check_error("name", 1, 1, "a name is missing");
    check_error("name \"a b\"", 1, 6, "1 to 32");
    check_error("name \"x\" \"y\"", 1, 10, "only a name");
    check_error("state \"relative\"", 1, 7, "from the root");
    check_error("listen {\n  tcp \"localhost\"\n}", 2, 7, "127.0.0.1:7450");
    check_error(
        "listen {\n  tcp \"0.0.0.0:1\" open=#true\n}",
        2,
        19,
        "allow-unauthenticated",
    );
    check_error(
        "listen {\n  serial \"/dev/ttyS1\" baud=49\n}",
        2,
        23,
        "from 50 to 4000000",
    );
    check_error(
        "listen {\n  udp \"x\"\n}",
        2,
        3,
        "serial, pty, tcp, tls, unix",
    );
    check_error("power { backend \"real\"; }", 1, 17, "dry-run");
    check_error("power { drain-cap 2; }", 1, 19, "\"250ms\"");
    check_error("power { drain-cap \"249ms\"; }", 1, 19, "from 250ms to 1m");
    check_error("limits { sessions 0; }", 1, 19, "from 1 to 4096");
    check_error("limits 4", 1, 8, "limits { sessions … }");
}

#[test]
fn a_file_that_is_not_kdl_is_an_error_with_a_place() {
    check_error("name \"x\"\nlisten {\n", 2, 8, "never closed");
}

/// `services`: where they are, if that is certain; the default place is `""`.
#[track_caller]
fn check_services(text: &str, is_wrong: bool, services: Option<&str>) {
    let reading = Config::read("agent.kdl", text);
    assert_eq!(reading.errors.is_some(), is_wrong, "{text}: {reading:?}");
    let named = reading.config.services.as_ref();
    let shown = named.map_or(String::new(), |it| {
        format!("{}:{}:{}", it.file, it.place, it.path.display())
    });
    let known = reading.knows_services.then_some(shown.as_str());
    assert_eq!(known, services, "{text}");
}

#[test]
fn where_services_are_is_known_though_something_else_is_wrong() {
    let named = Some("agent.kdl:1:10:/s");
    check_services("", false, Some(""));
    check_services("services \"/s\"", false, named);
    check_services("nmae \"x\"", true, Some(""));
    check_services("services \"/s\"\nlimits 4", true, named);
    check_services("services \"/s\"\nlisten {", true, named);
    check_services("services \"s\"", true, None);
    check_services("listen {", true, None);
}
