//! Replies in, answers out: exact text for both dialects.

use super::*;
use crate::commands::ALL;
use crate::input::LineError;
use crate::parse::{Rules, Script, parse};
use lastword_protocol::identity::{BoardKind, BootSource, Capabilities, Cause, Identity};
use lastword_protocol::message::{
    AlreadyDone, Cancelled, Initiated, Pending, PowerStatus, Status, Uptime,
};
use lastword_protocol::power::{Backend, Evidence, LastOperation, Operation, Outcome, Phase};
use lastword_protocol::{BootId, Generation, Millis, OperationId, Text};
use proptest::prelude::*;

const BOOT: BootId = BootId([0x11; 16]);
const UUID: &str = "11111111-1111-1111-1111-111111111111";

const LAST: LastOperation = LastOperation {
    id: OperationId(7),
    operation: Operation::Reboot,
    outcome: Outcome::Done(Evidence::UartEmpty),
    boot: BootId([0x22; 16]),
};

const PENDING: Pending = Pending {
    id: OperationId(9),
    operation: Operation::GracefulShutdown,
    phase: Phase::Scheduled,
    left: Some(Millis(29_500)),
};

fn identity() -> Reply {
    Reply::Identity(Identity {
        oldest: 1,
        current: 1,
        boot: BOOT,
        boot_source: BootSource::Kernel,
        cause: Cause::Requested,
        kind: BoardKind::Linux,
        name: "lab 7".try_into().unwrap(),
        firmware: "0.1.0".try_into().unwrap(),
        build: "".try_into().unwrap(),
        backend: Backend::DryRun,
        mtu: 1_024,
        window: 8,
        capabilities: Capabilities(0),
        schema: 0x00C0_FFEE,
        last: Some(LAST),
        active: Some(Generation([0xAB; 32])),
        pending: None,
    })
}

fn initiated() -> Reply {
    Reply::Initiated(Initiated {
        operation: Operation::Reboot,
        backend: Backend::Linux,
        id: OperationId(7),
    })
}

fn refused(code: Code, detail: &str) -> Reply {
    Reply::Refused(Refusal::new(code, detail))
}

/// Answers the line with these replies, as long as the answer is open.
fn answer(dialect: Dialect, line: &str, replies: &[Reply]) -> String {
    let mut out = String::new();
    let script = match parse(line, Rules::new(ALL, dialect)) {
        Ok(script) => script,
        Err(error) if dialect == Dialect::Term => {
            term::parse_error(&mut out, "lab7", &error).unwrap();
            return out;
        }
        Err(error) => {
            plain::parse_error(&mut out, &error).unwrap();
            return out;
        }
    };
    let mut answer = Answer::new(dialect, script.tag, script.steps.len());
    for (step, reply) in script.steps.iter().zip(replies) {
        answer.step(&mut out, step, reply).unwrap();
    }
    answer.finish(&mut out).unwrap();
    out
}

#[track_caller]
fn check(line: &str, replies: &[Reply], expected: &str) {
    assert_eq!(answer(Dialect::Plain, line, replies), expected, "{line:?}");
}

#[track_caller]
fn check_term(line: &str, replies: &[Reply], expected: &str) {
    let expected = expected.replace('\n', "\r\n");
    assert_eq!(answer(Dialect::Term, line, replies), expected, "{line:?}");
}

#[test]
fn hello_and_version_show_the_same_identity() {
    let hello = format!(
        "ok proto=1 name=\"lab 7\" kind=linux firmware=0.1.0 backend=dry-run boot={UUID} \
         boot_source=kernel cause=requested line_max=256 window=512 queue=8 mtu=1024 \
         active_generation={} last_op=7 last_operation=reboot last_outcome=done \
         last_evidence=uart_empty last_boot=22222222-2222-2222-2222-222222222222\n",
        "ab".repeat(32)
    );
    check("hello", &[identity()], &hello);
    check(
        "version",
        &[identity()],
        "ok firmware=0.1.0 proto=1 proto_oldest=1 schema=00c0ffee\n",
    );
}

#[test]
fn status_and_uptime_have_stable_keys() {
    let uptime = Uptime {
        uptime: Millis(12_345),
        boot: BOOT,
    };
    check(
        "@7 uptime",
        &[Reply::Uptime(uptime)],
        &format!("ok @7 uptime_ms=12345 boot={UUID}\n"),
    );
    let mut status = Status {
        boot: BOOT,
        uptime: Millis(12_345),
        agent_uptime: Millis(45),
        sessions: 2,
        memory_available_kib: 0,
        load_hundredths: 105,
        pending: None,
        waiting: Text::new(),
        failing_logs: 0,
        certificate_left: None,
    };
    let begin = format!("ok uptime_ms=12345 agent_uptime_ms=45 boot={UUID} sessions=2");
    check(
        "status",
        &[Reply::Status(status.clone())],
        &format!("{begin} load=1.05 pending=none\n"),
    );
    status.memory_available_kib = 4_096;
    status.pending = Some(PENDING);
    status.waiting = Text::try_from("tcp [::1]:7450").expect("it fits");
    status.failing_logs = 2;
    status.certificate_left = Some(Millis(86_400_000));
    let expected = format!(
        "{begin} memory_available_kib=4096 load=1.05 pending=scheduled pending_op=9 \
         pending_operation=graceful_shutdown pending_left_ms=29500 \
         waiting_for=\"tcp [::1]:7450\" failing_logs=2 certificate_left_ms=86400000\n"
    );
    check("status", &[Reply::Status(status)], &expected);
}

#[test]
fn power_answers_with_a_word_first() {
    let expected = "ok @a initiated operation=reboot backend=linux op=7\n";
    check("@a reboot", &[initiated()], expected);
    check("@a power reboot --force", &[initiated()], expected);
    let already = AlreadyDone {
        boot: BOOT,
        cause: Cause::External,
        last: None,
    };
    let expected = format!("ok already_done boot={UUID} cause=external\n");
    check("reboot", &[Reply::AlreadyDone(already)], &expected);
    let cancelled = Cancelled {
        id: OperationId(7),
        operation: Operation::Reboot,
    };
    let expected = "ok cancelled operation=reboot op=7\n";
    check("power cancel", &[Reply::Cancelled(cancelled)], expected);
    let mut status = PowerStatus {
        backend: Backend::Mcu,
        boot: BOOT,
        pending: None,
        last: None,
        refused: Text::new(),
    };
    let expected = format!("ok backend=mcu boot={UUID} pending=none\n");
    check(
        "power status",
        &[Reply::PowerStatus(status.clone())],
        &expected,
    );
    let why = lastword_protocol::power::Standdown::NotDrained;
    status.last = Some(LastOperation {
        outcome: Outcome::StoodDown(why),
        ..LAST
    });
    status.refused = Text::try_from("no program x").expect("it fits");
    let expected = format!(
        "ok backend=mcu boot={UUID} pending=none last_op=7 last_operation=reboot \
         last_outcome=stood_down last_why=not_drained \
         last_boot=22222222-2222-2222-2222-222222222222 last_refusal=\"no program x\"\n"
    );
    check("power status", &[Reply::PowerStatus(status)], &expected);
}

#[test]
fn a_refusal_has_number_symbol_and_detail() {
    let no = refused(Code::NotHere, "invalid command");
    check(
        "reboot",
        &[no],
        "err 501 not_here detail=\"invalid command\"\n",
    );
    check(
        "reboot",
        &[Reply::Unsupported(0x13)],
        "err 501 not_here detail=\"invalid command\"\n",
    );
    check("@1 reboot", &[refused(Code::Busy, "")], "err @1 409 busy\n");
    check(
        "reboot",
        &[refused(Code::Internal, "fail")],
        "err 500 internal detail=\"fail\"\n",
    );
}

#[test]
fn what_is_behind_a_fixed_detail_stands_beside_it() {
    let refusal = Refusal::new(Code::NotHere, "invalid command");
    let no = Reply::Refused(refusal.because("no space left on device"));
    check(
        "reboot",
        std::slice::from_ref(&no),
        "err 501 not_here detail=\"invalid command\" cause=\"no space left on device\"\n",
    );
    check_term(
        "reboot",
        &[no],
        "error 501 not_here: invalid command: no space left on device\n",
    );
}

#[test]
fn what_the_session_does_itself_is_answered_too() {
    check("mode json", &[Reply::Done], "ok mode=json\n");
    check("@7 logout", &[Reply::Done], "ok @7\n");
    check("", &[], "");
    check("# reboot", &[], "");
    check("@7 # nothing", &[], "ok @7\n");
}

#[test]
fn a_list_has_a_row_for_each_step_and_one_final() {
    let uptime = || {
        Reply::Uptime(Uptime {
            uptime: Millis(1),
            boot: BOOT,
        })
    };
    let row = |step| format!("| {step} ok uptime_ms=1 boot={UUID}\n");
    let (one, two) = (row(1), row(2));
    let expected = format!("{one}{two}ok @7 done=2\n");
    check("@7 uptime; uptime", &[uptime(), uptime()], &expected);
    let expected = format!("{one}err @7 409 busy detail=\"op 9\" step=2\n");
    let busy = refused(Code::Busy, "op 9");
    check("@7 uptime; reboot", &[uptime(), busy.clone()], &expected);
    check(
        "@7 uptime; uptime; reboot",
        &[uptime(), busy, initiated()],
        &expected,
    );
    let expected =
        format!("{one}| 2 ok initiated operation=reboot backend=linux op=7\nok done=2\n");
    check("uptime; reboot", &[uptime(), initiated()], &expected);
    check(
        "uptime; uptime",
        &[uptime()],
        &format!("{one}err 499 aborted step=2\n"),
    );
}

#[test]
fn errors_of_a_line_point() {
    let expected = "err @7 404 unknown at=9 len=5 got=\"rebot\" want=\"reboot\"\n";
    check("@7 power rebot", &[], expected);
    let expected = "err 422 bad_value at=12 len=2 got=\"30\" \
                    want=\"a duration: 500ms, 30s, 5m, 2h\" detail=\"bad value\"\n";
    check("reboot --in 30", &[], expected);
    check_term(
        "power restatus",
        &[],
        "            ^~~~~~~~ unknown: restatus.  Did you mean: status?\n",
    );
    check_term(
        "reboot --in 30",
        &[],
        "                  ^~ bad value: 30.  Expected: a duration: 500ms, 30s, 5m, 2h.\n",
    );
    let far = format!("reboot --reason '{}' x", "y".repeat(60));
    check_term(&far, &[], "one argument too many: x.\n");
    check_term(
        "power cancel 111111111111111111111111111111111111",
        &[],
        "                   ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n\
         bad value.  Expected: a whole number from 0 to 18446744073709551615.\n",
    );
}

#[test]
fn lines_not_fit_to_read_are_answered() {
    let mut out = String::new();
    let long = LineError::TooLong { got: 312, max: 256 };
    plain::line_error(&mut out, Tag::new("7").as_ref(), long).unwrap();
    plain::line_error(&mut out, None, LineError::Control).unwrap();
    term::line_error(&mut out, long).unwrap();
    let expected = "err @7 413 too_long got=312 max=256\n\
                    err 400 syntax detail=\"control characters in the line\"\n\
                    not run: line too long; at most 256 bytes\r\n";
    assert_eq!(out, expected);
}

#[test]
fn a_person_reads_a_table() {
    let uptime = Uptime {
        uptime: Millis(90_061_000),
        boot: BOOT,
    };
    let expected = format!("uptime: 1d 1h 1m 1s\nboot:   {UUID}\n");
    check_term("uptime", &[Reply::Uptime(uptime)], &expected);
    let expected = "initiated\noperation: reboot\nbackend:   linux\nop:        7\n";
    check_term("reboot", &[initiated()], expected);
    check_term("logout", &[Reply::Done], "ok\n");
    check_term("mode plain", &[Reply::Done], "mode: plain\n");
    let busy = refused(Code::Busy, "op 9 is staged");
    check_term(
        "reboot",
        std::slice::from_ref(&busy),
        "error 409 busy: op 9 is staged\n",
    );
    let second = [Reply::Done, busy];
    check_term(
        "logout; reboot",
        &second,
        "ok\nerror 409 busy at command 2: op 9 is staged\n",
    );
}

#[test]
fn help_comes_from_the_table() {
    let plain = answer(Dialect::Plain, "help", &[Reply::Done]);
    assert!(plain.contains("| command=\"power reboot\" level=danger summary=\"Reboot the board"));
    assert_eq!(plain.lines().count(), ALL.iter().count() + 1);
    assert!(plain.ends_with("\nok\n"));
    let one = answer(Dialect::Plain, "help power cancel", &[Reply::Done]);
    let expected = "| usage=\"power cancel [ID]\" level=operate summary=\"Call off the staged \
                    operation.\"\n| details=\"With an ID only that one, otherwise whichever it \
                    is.\"\nok\n";
    assert_eq!(one, expected);
    check_term(
        "help power cancel",
        &[Reply::Done],
        "power cancel [ID]\nCall off the staged operation.\n\
         With an ID only that one, otherwise whichever it is.\n",
    );
}

#[test]
fn a_persons_screen_is_80_columns_wide() {
    let mut topics: Vec<_> = ALL.iter().map(|command| command.path.to_owned()).collect();
    topics.extend([String::new(), "power".into()]);
    let mut screens: Vec<_> = topics
        .iter()
        .map(|topic| answer(Dialect::Term, &format!("help {topic}"), &[Reply::Done]))
        .collect();
    screens.push(answer(Dialect::Term, "hello", &[identity()]));
    let long = refused(Code::ConfirmNeeded, "word and more ".repeat(6).trim_end());
    screens.push(answer(Dialect::Term, "reboot", &[long]));
    for line in screens.iter().flat_map(|screen| screen.lines()) {
        assert!(line.chars().count() < 80, "{line:?}");
        assert_eq!(line, line.trim_end(), "{line:?}");
    }
}

#[test]
fn a_full_buffer_is_an_error_and_not_a_shorter_answer() {
    let script = parse("hello", Rules::new(ALL, Dialect::Plain)).unwrap();
    let mut out = heapless::String::<64>::new();
    let mut answer = Answer::new(Dialect::Plain, None, 1);
    assert!(
        answer
            .step(&mut out, &script.steps[0], &identity())
            .is_err()
    );
}

/// Replies with text from elsewhere in them.
fn reply() -> impl Strategy<Value = Reply> {
    let named = any::<String>().prop_map(|text| {
        let Reply::Identity(mut identity) = identity() else {
            unreachable!()
        };
        let end = text.floor_char_boundary(32);
        identity.name = text[..end].try_into().unwrap();
        identity.build = identity.name.clone();
        Reply::Identity(identity)
    });
    let refused = (prop::sample::select(Code::ALL), any::<String>())
        .prop_map(|(code, detail)| refused(code, &detail));
    prop_oneof![named, refused, Just(initiated()), Just(Reply::Done)]
}

proptest! {
    #[test]
    fn plain_output_is_clean_and_has_one_final_per_line(
        replies in prop::collection::vec(reply(), 0..5),
        line in prop_oneof![
            any::<String>().prop_filter("a blank line has no answer", |line| {
                !parse(line, Rules::new(ALL, Dialect::Plain)).is_ok_and(|script| script == Script::default())
            }),
            prop::sample::select(&["hello", "@7 hello; version; status; help", "@7"][..])
                .prop_map(String::from),
        ],
    ) {
        let out = answer(Dialect::Plain, &line, &replies);
        prop_assert!(out.ends_with('\n'));
        let lines: Vec<_> = out.strip_suffix('\n').unwrap().split('\n').collect();
        let (last, rows) = lines.split_last().unwrap();
        prop_assert!(*last == "ok" || last.starts_with("ok ") || last.starts_with("err "), "{out}");
        prop_assert!(rows.iter().all(|row| row.starts_with("| ")), "{out}");
        prop_assert!(!out.chars().any(|character| character.is_control() && character != '\n'));
    }

    #[test]
    fn a_persons_screen_holds_no_control_characters(reply in reply(), text in any::<String>()) {
        let mut out = answer(Dialect::Term, "hello", &[reply]);
        out += &answer(Dialect::Term, &text, &[]);
        term::prompt(&mut out, &text).unwrap();
        let shown = out.replace("\r\n", "");
        prop_assert!(!shown.chars().any(char::is_control), "{out:?}");
    }
}
