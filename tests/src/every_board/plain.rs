//! What a script says and hears.

use super::Board;
use super::conversation::Conversation;

/// Each line and its whole answer.
const LINES: &[(&str, &str)] = &[
    (
        "hello",
        "ok proto=1 name=* kind=* firmware=* backend=* boot=* boot_source=* cause=* line_max=* \
         window=* queue=* mtu=*",
    ),
    ("uptime", "ok uptime_ms=* boot=*"),
    ("@7 uptime", "ok @7 uptime_ms=* boot=*"),
    ("  uptime  # and why", "ok uptime_ms=* boot=*"),
    ("@a", "ok @a"),
    (
        "status",
        "ok uptime_ms=* agent_uptime_ms=* boot=* sessions=* load=* pending=none",
    ),
    ("power status", "ok backend=* boot=* pending=none"),
    ("mode plain", "ok mode=plain"),
    (
        "help uptime",
        "| usage=\"uptime\" level=view summary=\"Show how long the board is up.\"\nok",
    ),
    // Errors, and where they are.
    ("nosuch", "err 404 unknown at=0 len=6 got=\"nosuch\""),
    (
        "power rebot",
        "err 404 unknown at=6 len=5 got=\"rebot\" want=\"reboot\"",
    ),
    (
        "@x   power rebot",
        "err @x 404 unknown at=11 len=5 got=\"rebot\" want=\"reboot\"",
    ),
    (
        "power reboot --in 30",
        "err 422 bad_value at=18 len=2 got=\"30\" want=\"a duration: 500ms, 30s, 5m, 2h\" \
         detail=\"bad value\"",
    ),
    (
        "power reboot --op 0",
        "err 422 bad_value at=18 len=1 got=\"0\" want=\"a whole number from 1 to 4294967295\" \
         detail=\"bad value\"",
    ),
    (
        "power reboot --now",
        "err 404 unknown at=13 len=5 got=\"--now\" want=\"--op\"",
    ),
    (
        "uptime x",
        "err 400 syntax at=7 len=1 got=\"x\" detail=\"one argument too many\"",
    ),
    (
        "uptime \"x",
        "err 400 syntax at=7 len=2 got=\"\\\"x\" detail=\"unterminated quote\"",
    ),
    (
        "@toolongtag1 uptime",
        "err 400 syntax at=0 len=12 got=\"@toolongtag1\" \
         detail=\"a tag is @ and 1 to 8 letters, digits, - or _\"",
    ),
    (
        "uptime | grep x",
        "err 501 not_here at=7 len=1 got=\"|\" detail=\"filters are not available\"",
    ),
    // Lists.
    (
        "uptime; power status",
        "| 1 ok uptime_ms=* boot=*\n| 2 ok backend=* boot=* pending=none\nok done=2",
    ),
    (
        "@l uptime && power cancel; version",
        "| 1 ok uptime_ms=* boot=*\n\
         err @l 404 unknown detail=\"no power operation is staged\" step=2",
    ),
    (
        "uptime; nosuch",
        "err 404 unknown at=8 len=6 got=\"nosuch\"",
    ),
    (
        "power reboot; uptime",
        "err 422 bad_value at=0 len=12 got=\"power reboot\" detail=\"has to be the last command\"",
    ),
    (
        "uptime;uptime;uptime;uptime;uptime",
        "err 413 too_long at=28 len=6 got=\"uptime\" detail=\"more than 4 commands\"",
    ),
];

/// Lines that are refused whole, whatever they hold.
const REFUSED: &[(&[u8], &str)] = &[
    (
        b"up\x01time",
        "err 400 syntax detail=\"control characters in the line\"",
    ),
    (
        b"uptime\x1b[A",
        "err 400 syntax detail=\"control characters in the line\"",
    ),
    (
        b"upt\xc3ime",
        "err 400 syntax detail=\"the line is not UTF-8\"",
    ),
];

/// What every board's help lists, among what else it has.
const HELP: [&str; 9] = [
    "hello",
    "status",
    "uptime",
    "version",
    "power status",
    "power reboot",
    "power cancel",
    "reboot",
    "shutdown",
];

pub(super) fn check(board: &mut dyn Board) {
    let mut script = Conversation::open(board);
    for (line, expected) in LINES {
        script.check(line, expected);
    }
    for (line, expected) in REFUSED {
        script.send(line);
        assert_eq!(script.answer(), *expected, "{line:?}");
    }
    version(&mut script);
    help(&mut script);
    silent_lines(&mut script);
    longest_line(&mut script);
    pieces(&mut script);
    script.check("power status", "ok backend=* boot=* pending=none");
}

/// The schema is the same wherever the protocol is.
fn version(script: &mut Conversation) {
    let schema = lastword_protocol::message::SCHEMA_HASH;
    let expected = format!("ok firmware=* proto=1 proto_oldest=1 schema={schema:08x}");
    script.check("version", &expected);
}

fn help(script: &mut Conversation) {
    let help = script.ask("help");
    for command in HELP {
        let quoted = format!("| command={command:?} level=");
        let listed = help.lines().any(|row| row.starts_with(&quoted));
        assert!(listed, "{command} is not in {help}");
    }
    assert!(help.ends_with("\nok"), "{help}");
}

/// Blank lines and comments have no answer: the next answer is the next line's.
fn silent_lines(script: &mut Conversation) {
    script.send(b"");
    script.send(b"  # nothing");
    script.send(b"\t");
    script.check("@next", "ok @next");
}

fn longest_line(script: &mut Conversation) {
    let longest: usize = script.identity.value("line_max").parse().expect("a number");
    let padded = |length| format!("{:length$}", "@max");
    script.check(&padded(longest - 1), "ok @max");
    script.check(&padded(longest), "ok @max");
    for length in [longest + 1, longest + 2, 4 * longest] {
        let expected = format!("err @max 413 too_long got={length} max={longest}");
        script.check(&padded(length), &expected);
    }
    script.check("@valid", "ok @valid");
}

/// However the bytes arrive, each line has its answer.
fn pieces(script: &mut Conversation) {
    script.send(b"@1 uptime\n@2 version\r\n@3 nosuch");
    let whole: Vec<_> = (0..3).map(|_| script.answer()).collect();
    let mut single = Vec::new();
    for line in ["@1 uptime\n", "@2 version\r\n", "@3 nosuch\n"] {
        for byte in line.bytes() {
            script.send_piece(&[byte]);
        }
        single.push(script.answer());
    }
    assert_eq!(whole, single);
    assert_eq!(whole[2], "err @3 404 unknown at=3 len=6 got=\"nosuch\"");
}
