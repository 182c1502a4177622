//! Lines in, requests or faults out.

use super::*;
use crate::commands::ALL;
use crate::fault::Fault;
#[cfg(feature = "services")]
use lastword_protocol::message::generation::{ActivateRequest, GenerationName, GenerationRequest};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{BootId, Millis, OperationId};
use proptest::prelude::*;

const PLAIN: Rules = Rules::new(ALL, Dialect::Plain);
const TERM: Rules = Rules::new(ALL, Dialect::Term);

fn power(operation: Operation, change: impl FnOnce(&mut PowerRequest)) -> Action {
    let mut request = PowerRequest::plain(operation);
    change(&mut request);
    Action::Request(Request::Power(request))
}

#[track_caller]
fn check_with(rules: Rules, line: &str, expected: &[Action]) {
    let script = parse(line, rules);
    let script = script.unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let actions: std::vec::Vec<_> = script
        .steps
        .iter()
        .map(|step| step.action.clone())
        .collect();
    assert_eq!(actions, expected, "{line:?}");
}

#[track_caller]
fn check(line: &str, expected: Action) {
    check_with(PLAIN, line, &[expected]);
}

/// Compares code, place, what is wrong and what is wanted.
#[track_caller]
fn check_fault_with(rules: Rules, line: &str, at: usize, got: &str, message: &str, want: &str) {
    let error = parse(line, rules).unwrap_err();
    let mut wanted = String::new();
    error.fault.want.write(&mut wanted).unwrap();
    let found = (
        error.fault.at,
        error.got(),
        error.fault.message,
        wanted.as_str(),
    );
    assert_eq!(found, (at, got, message, want), "{line:?}");
    let coded = std::format!("{} {message}", error.fault.code.number());
    assert!(CODES.contains(&coded.as_str()), "{coded}");
}

#[track_caller]
fn check_fault(line: &str, at: usize, got: &str, message: &str, want: &str) {
    check_fault_with(PLAIN, line, at, got, message, want);
}

/// Every message with its code.
const CODES: &[&str] = &[
    "404 unknown",
    "404 ambiguous",
    "400 incomplete command",
    "400 missing command",
    "400 missing argument",
    "400 needs a value",
    "400 takes no value",
    "400 given twice",
    "400 one argument too many",
    "400 unterminated quote",
    "400 bad escape",
    "400 unexpected character",
    "400 a tag is @ and 1 to 8 letters, digits, - or _",
    "413 more than 4 commands",
    "422 bad value",
    "422 has to be the last command",
    "501 filters are not available",
];

#[test]
fn simple_commands_become_their_requests() {
    check("hello", Action::Request(Request::Identity));
    check(" status ", Action::Request(Request::Status));
    check("uptime # how long?", Action::Request(Request::Uptime));
    check("version", Action::Request(Request::Identity));
    check("'power' \"sta\"tus", Action::Request(Request::PowerStatus));
    check("power cancel", Action::Request(Request::PowerCancel(None)));
    let id = Some(OperationId(u64::MAX));
    check(
        "power cancel 0xffffffffffffffff",
        Action::Request(Request::PowerCancel(id)),
    );
    check("mode json", Action::Mode(Dialect::Json));
    check("logout", Action::Logout);
}

#[test]
fn flat_power_without_options_is_what_older_clients_send() {
    check("reboot", Action::Request(Request::Reboot));
    check("shutdown", Action::Request(Request::Shutdown));
    check("power reboot", power(Operation::Reboot, |_| {}));
    check("power shutdown", power(Operation::Shutdown, |_| {}));
    check(
        "reboot --force",
        power(Operation::Reboot, |request| request.force = true),
    );
    check(
        "shutdown --graceful",
        power(Operation::GracefulShutdown, |_| {}),
    );
}

#[test]
fn power_takes_every_option_in_any_order() {
    let boot = BootId([0x11; 16]);
    let line = "power reboot --boot 11111111-1111-1111-1111-111111111111 --op=0x10 \
                --reason='new \"kernel\"' --in 1m --await-close --force --graceful";
    let expected = power(Operation::GracefulReboot, |request| {
        request.delay = Millis(60_000);
        request.force = true;
        request.await_close = true;
        request.id = Some(OperationId(16));
        request.boot = Some(boot);
        request.reason = "new \"kernel\"".try_into().unwrap();
    });
    check(line, expected);
}

#[test]
fn lists_keep_their_order_and_tags_their_name() {
    let (status, uptime) = (Request::Status, Request::Uptime);
    let expected = [status, uptime.clone(), uptime, Request::Reboot].map(Action::Request);
    check_with(
        PLAIN,
        "@a-1 status;uptime && uptime; reboot # now",
        &expected,
    );
    assert_eq!(parse("@a-1 status", PLAIN).unwrap().tag, Tag::new("a-1"));
    let lone = parse("@7", PLAIN).unwrap();
    assert_eq!((lone.tag, lone.steps.len()), (Tag::new("7"), 0));
}

#[test]
fn a_blank_line_or_a_comment_asks_nothing() {
    for line in ["", " \t ", "#", "  # reboot", "#reboot"] {
        check_with(PLAIN, line, &[]);
    }
}

#[test]
fn a_mistyped_word_is_pointed_at_with_a_suggestion() {
    check_fault("@7 power rebot", 9, "rebot", "unknown", "reboot");
    check_fault("é", 0, "é", "unknown", "");
    check_fault("powr reboot", 0, "powr", "unknown", "power");
    check_fault("power status; powr reboot", 14, "powr", "unknown", "power");
    check_fault("reboot --focre", 7, "--focre", "unknown", "--force");
    check_fault("reboot --focre=1", 7, "--focre", "unknown", "--force");
    check_fault("status -v", 7, "-v", "unknown", "");
    check_fault("help power rebot", 11, "rebot", "unknown", "reboot");
    // Not at the level where it stands, and never run.
    check_fault("power hello", 6, "hello", "unknown", "");
    assert_eq!(parse("@7 rebot", PLAIN).unwrap_err().tag, Tag::new("7"));
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    let below = "one of status, reboot, shutdown, cancel";
    check_fault("power", 5, "", "incomplete command", below);
    check_fault("power ; status", 6, "", "incomplete command", below);
    check_fault(
        "mode",
        4,
        "",
        "missing argument",
        "one of plain, term, json",
    );
    check_fault("status now", 7, "now", "one argument too many", "");
    check_fault("power cancel 1 2", 15, "2", "one argument too many", "");
    check_fault("help power reboot x", 18, "x", "one argument too many", "");
    let duration = "a duration: 500ms, 30s, 5m, 2h";
    check_fault("reboot --in", 7, "--in", "needs a value", duration);
    check_fault("reboot --in --force", 7, "--in", "needs a value", duration);
    check_fault("reboot --force=1", 7, "--force", "takes no value", "");
    check_fault("reboot --force --force", 15, "--force", "given twice", "");
    for line in [
        "status;",
        "status &&",
        "; status",
        "status;; uptime",
        "@7 ;",
    ] {
        let error = parse(line, PLAIN).unwrap_err();
        assert_eq!(error.fault.message, "missing command", "{line:?}");
    }
}

#[test]
fn a_bad_value_is_told_what_would_be_good() {
    let duration = "a duration: 500ms, 30s, 5m, 2h";
    check_fault("reboot --in 30", 12, "30", "bad value", duration);
    check_fault("reboot --in=30", 12, "30", "bad value", duration);
    check_fault("reboot --in=", 12, "", "bad value", duration);
    let ids = "a whole number from 1 to 4294967295";
    check_fault("reboot --op 0", 12, "0", "bad value", ids);
    check_fault("reboot --op 4294967296", 12, "4294967296", "bad value", ids);
    let boot = "a boot id: 32 hexadecimal digits";
    check_fault("reboot --boot 1234", 14, "1234", "bad value", boot);
    let long = "x".repeat(65);
    let text = "text of at most 64 bytes";
    check_fault(
        &std::format!("reboot --reason {long}"),
        16,
        &long,
        "bad value",
        text,
    );
    check_fault(
        "mode plian",
        5,
        "plian",
        "bad value",
        "one of plain, term, json",
    );
}

#[cfg(feature = "services")]
#[test]
fn a_service_is_wanted_by_its_name_or_all_of_them() {
    let name = "the name of a service from svc list";
    let name_or_all = "the name of a service from svc list, or --all";
    check_fault("svc start", 9, "", "missing argument", name_or_all);
    check_fault("svc stop ", 9, "", "missing argument", name_or_all);
    check_fault("svc status", 10, "", "missing argument", name);
    check_fault("svc logs --follow", 17, "", "missing argument", name);
    let long = "x".repeat(33);
    let line = std::format!("svc restart {long}");
    check_fault(&line, 12, &long, "bad value", name_or_all);
    check_fault("svc start a --all", 17, "", "one argument too many", "");
}

#[cfg(feature = "services")]
#[test]
fn commands_about_generations_become_their_requests() {
    let generation = |request| Action::Request(Request::Generation(request));
    let name = |digits: &str| GenerationName::try_from(digits).unwrap();
    let activate = |name, reboot, allow_older| {
        generation(GenerationRequest::Activate(ActivateRequest {
            name,
            allow_older,
            reboot,
        }))
    };
    check("gen list", generation(GenerationRequest::List));
    check("gen current", generation(GenerationRequest::Current));
    check("gen status", generation(GenerationRequest::Status));
    check("gen confirm", generation(GenerationRequest::Confirm));
    for (line, allow_older) in [
        ("gen rollback", false),
        ("gen rollback --allow-older", true),
    ] {
        check(
            line,
            generation(GenerationRequest::Rollback { allow_older }),
        );
    }
    let show = generation(GenerationRequest::Show(name("00ff")));
    check("gen show 00ff", show.clone());
    check("gen show '00'\"ff\"", show);
    let whole = "aB".repeat(32);
    check(
        &std::format!("gen unquarantine {whole}"),
        generation(GenerationRequest::Unquarantine(name(&whole))),
    );
    check("gen activate 00ff", activate(name("00ff"), false, false));
    check(
        "gen activate 00ff --reboot",
        activate(name("00ff"), true, false),
    );
    check(
        "gen activate --allow-older 00ff",
        activate(name("00ff"), false, true),
    );
    check(
        "gen activate --allow-older 00ff --reboot",
        activate(name("00ff"), true, true),
    );
    for (line, keep) in [
        ("gen prune", 0),
        ("gen prune --keep 3", 3),
        ("gen prune --keep=0x3e8", 1_000),
    ] {
        check(line, generation(GenerationRequest::Prune { keep }));
    }
}

#[cfg(feature = "services")]
#[test]
fn a_generation_is_wanted_by_its_first_digits() {
    let wanted = "a generation from gen list, or its first digits: 4 at least";
    let refused = |line: &str, at, word: &str| {
        check_fault(
            &std::format!("{line} {word}"),
            at,
            word,
            "bad value",
            wanted,
        );
    };
    let long = "0".repeat(65);
    for word in ["00f", "00fg", "x", "00-ff", long.as_str()] {
        refused("gen show", 9, word);
        refused("gen activate", 13, word);
        refused("gen activate --reboot", 22, word);
        refused("@7 gen unquarantine", 20, word);
    }
    // The quotes count to what is wrong, and not to what is said.
    refused("gen show", 9, "'00f'");
    refused("gen show", 9, &std::format!("'{long}'"));
    check_fault("gen show 00f --reboot", 9, "00f", "bad value", wanted);
    check_fault("gen show", 8, "", "missing argument", wanted);
    check_fault("gen activate --reboot", 21, "", "missing argument", wanted);
    check_fault(
        "gen show 00ff 00ff",
        14,
        "00ff",
        "one argument too many",
        "",
    );
    check_fault("gen list 00ff", 9, "00ff", "one argument too many", "");
    check_fault("gen activate 00ff --keep 1", 18, "--keep", "unknown", "");
    let kept = "a whole number from 0 to 1000";
    check_fault("gen prune --keep 1001", 17, "1001", "bad value", kept);
    let below =
        "one of list, show, current, status, activate, confirm, rollback, unquarantine, prune";
    check_fault("gen", 3, "", "incomplete command", below);
    check_fault("gen actvate 00ff", 4, "actvate", "unknown", "activate");
}

#[test]
fn faults_of_the_grammar_point_too() {
    check_fault("reboot --reason \"x", 16, "\"x", "unterminated quote", "");
    check_fault("reboot --reason \"\\q\"", 17, "\\q", "bad escape", "");
    check_fault("status | grep up", 7, "|", "filters are not available", "");
    check_fault("status & uptime", 7, "&", "unexpected character", "");
    let tag = "a tag is @ and 1 to 8 letters, digits, - or _";
    check_fault("@123456789 status", 0, "@123456789", tag, "");
}

#[test]
fn nothing_follows_a_power_operation() {
    let last = "has to be the last command";
    check_fault("reboot; status", 0, "reboot", last, "");
    check_fault(
        "status; power reboot --force && uptime",
        8,
        "power reboot --force",
        last,
        "",
    );
    check_fault("reboot;", 0, "reboot", last, "");
}

#[test]
fn a_line_has_at_most_four_commands() {
    check_fault(
        "uptime;uptime;uptime;uptime; uptime",
        29,
        "uptime",
        "more than 4 commands",
        "",
    );
}

#[test]
fn a_person_may_abbreviate_and_ask() {
    let reboot = power(Operation::Reboot, |request| request.force = true);
    check_with(TERM, "po reboot --fo", &[reboot]);
    check_with(TERM, "po st", &[Action::Request(Request::PowerStatus)]);
    check_fault_with(TERM, "po r", 3, "r", "unknown", "reboot");
    check_fault_with(TERM, "reb", 0, "reb", "unknown", "reboot");
    check_with(
        TERM,
        "up; po c 7",
        &[
            Action::Request(Request::Uptime),
            Action::Request(Request::PowerCancel(Some(OperationId(7)))),
        ],
    );
    check_fault_with(TERM, "po s", 3, "s", "ambiguous", "");
    check_fault("po reboot", 0, "po", "unknown", "power");
    check_fault("?", 0, "?", "unknown", "");
    let topic = |path: &'static [&'static str]| {
        let all = Topic::all(ALL);
        let found = path.iter().fold(all, |topic, word| {
            topic.below(crate::Word::literal(word)).unwrap()
        });
        [Action::Help(found)]
    };
    check_with(TERM, "?", &topic(&[]));
    check_with(TERM, "power ?", &topic(&["power"]));
    check_with(TERM, "power reboot --force ?", &topic(&["power", "reboot"]));
    check_with(PLAIN, "help", &topic(&[]));
    check_with(PLAIN, "help power", &topic(&["power"]));
    check_with(PLAIN, "help power reboot", &topic(&["power", "reboot"]));
}

#[test]
fn a_board_knows_only_its_own_commands() {
    static SMALL: Table = Table(&[&crate::commands::HELP, &crate::commands::REBOOT]);
    let rules = Rules::new(SMALL, Dialect::Plain);
    check_with(rules, "help", &[Action::Help(Topic::all(SMALL))]);
    check_fault_with(rules, "status", 0, "status", "unknown", "");
}

/// Lines in which the words and marks of the grammar are frequent.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(&[
            "power", "reboot", "status", "help", "mode", "term", "--in", "--in=", "5s", "--op",
            "7", "--force", "--reason", "cancel", "@7", "?",
        ][..]).prop_map(String::from),
        4 => prop::sample::select(&[" ", " ", ";", "&&", "|", "#", "\"", "'", "\\", "="][..])
            .prop_map(String::from),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_line_panics_and_faults_lie_within_it(line in line(), person in any::<bool>()) {
        let rules = if person { TERM } else { PLAIN };
        if let Err(error) = parse(&line, rules) {
            let Fault { at, len, .. } = error.fault;
            prop_assert!(line.get(at..at + len).is_some(), "{at} {len}");
        }
    }

    #[test]
    fn any_line_read_step_by_step_is_the_same(line in line(), person in any::<bool>()) {
        check_steps(&line, if person { TERM } else { PLAIN });
    }

    #[test]
    fn power_is_last_wherever_it_runs(line in line()) {
        if let Ok(script) = parse(&line, PLAIN) {
            let before_last = script.steps.iter().rev().skip(1);
            prop_assert!(before_last.into_iter().all(|step| !step.action.is_power()));
        }
    }
}

/// Whatever a line comes to, it comes to the same read at once and read step by step.
#[track_caller]
fn check_steps(line: &str, rules: Rules) {
    match (parse(line, rules), super::check(line, rules)) {
        (Ok(script), Ok(outline)) => {
            assert_eq!(
                (outline.tag, outline.steps),
                (script.tag, script.steps.len())
            );
            for (index, known) in script.steps.iter().enumerate() {
                assert_eq!(step(line, index, rules).as_ref(), Some(known), "{line:?}");
            }
            assert_eq!(step(line, outline.steps, rules), None, "{line:?}");
        }
        (Err(at_once), Err(by_steps)) => assert_eq!(at_once, by_steps, "{line:?}"),
        (at_once, by_steps) => panic!("{line:?}: {at_once:?}, but {by_steps:?}"),
    }
}

#[test]
fn a_line_read_step_by_step_is_the_same() {
    for line in [
        "",
        "@7",
        "@7 # nothing",
        "hello; help power && power cancel 7; reboot --in 5s --reason 'new kernel'",
        "@7 reboot; status",
        "status;",
        "uptime;uptime;uptime;uptime;uptime",
        "po reb; help ?",
        "hello; power ?",
    ] {
        check_steps(line, PLAIN);
        check_steps(line, TERM);
    }
}
