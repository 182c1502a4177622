//! What is done to power: what is staged, refused, repeated and called off, and at last a reboot.

use super::Board;
use super::conversation::Conversation;

/// While an operation waits for its time, and behind it.
const LINES: &[(&str, &str)] = &[
    (
        "power cancel",
        "err 404 unknown detail=\"no power operation is staged\"",
    ),
    (
        "power reboot --boot 00112233445566778899aabbccddeeff",
        "ok already_done boot=* cause=*",
    ),
    (
        "power reboot --in 1h --op 7",
        "ok initiated operation=reboot backend=* op=7",
    ),
    // The same operation again is the same operation.
    (
        "@again power reboot --in 1h --op 7",
        "ok @again initiated operation=reboot backend=* op=7",
    ),
    ("power reboot --op 8", "err 409 busy detail=\"reboot op=7\""),
    ("reboot", "err 409 busy detail=\"reboot op=7\""),
    (
        "power cancel 8",
        "err 404 unknown detail=\"staged is op=7\"",
    ),
    (
        "reboot --op 9 --boot 00112233-4455-6677-8899-aabbccddeeff",
        "ok already_done boot=* cause=* last_op=7 last_operation=reboot last_outcome=staged \
         last_boot=*",
    ),
    (
        "power status",
        "ok backend=* boot=* pending=scheduled pending_op=7 pending_operation=reboot \
         pending_left_ms=* last_op=7 last_operation=reboot last_outcome=staged last_boot=*",
    ),
    ("power cancel 7", "ok cancelled operation=reboot op=7"),
    (
        "power reboot --op 7",
        "err 499 aborted detail=\"reboot op=7: cancelled\"",
    ),
    (
        "power status",
        "ok backend=* boot=* pending=none last_op=7 last_operation=reboot last_outcome=stood_down \
         last_why=cancelled last_boot=*",
    ),
];

/// The reboot at the end, and what is remembered of it.
const REBOOT: (&str, &str) = (
    "power reboot --op 9 --reason \"the end of the list\"",
    "ok initiated operation=reboot backend=* op=9",
);

pub(super) fn check(board: &mut dyn Board) {
    let mut script = Conversation::open(board);
    for (line, expected) in LINES {
        // A schedule begins once the answer has left, which the next line may overtake.
        if line.starts_with("power cancel 8") {
            script.ask_until("power status", "pending=scheduled");
        }
        script.check(line, expected);
    }
    power_off(&mut script);
    script.check(REBOOT.0, REBOOT.1);
    if script.identity.value("backend") == "dry-run" {
        in_a_dry_run(&mut script);
    } else {
        in_the_next_boot(board, script);
    }
}

/// A board can switch itself off, or says that it cannot, in the words that older clients know.
fn power_off(script: &mut Conversation) {
    let answer = script.ask("shutdown --in 1h --op 8");
    if answer.starts_with("err 501 not_here detail=\"invalid command\"") {
        return;
    }
    let initiated = "ok initiated operation=shutdown backend=* op=8";
    assert_eq!(answer, initiated);
    script.check("power cancel", "ok cancelled operation=shutdown op=8");
}

/// Everything was done but the reset.
fn in_a_dry_run(script: &mut Conversation) {
    let status = script.ask_until("power status", "last_outcome=dry_run");
    let expected = "ok backend=* boot=* pending=none last_op=9 last_operation=reboot \
                    last_outcome=dry_run last_evidence=";
    assert!(status.starts_with(expected), "{status}");
    script.check(REBOOT.0, REBOOT.1);
}

/// The board was reset, and knows by whom.
fn in_the_next_boot(board: &mut dyn Board, script: Conversation) {
    let before = script.identity.value("boot").to_owned();
    let mut script = Conversation::on(board.next_boot(script.into_wire()));
    let boot = script.identity.value("boot").to_owned();
    assert_ne!(boot, before, "a boot has an id of its own");
    assert_eq!(script.identity.value("cause"), "requested");
    let last = format!(
        "last_op=9 last_operation=reboot last_outcome=done last_evidence=uart_empty last_boot={before}"
    );
    let status = format!("ok backend=* boot=* pending=none {last}");
    script.check("power status", &status);
    let done = format!("ok already_done boot=* cause=* {last}");
    script.check(REBOOT.0, &done);
    script.check(&format!("reboot --op 10 --boot {before}"), &done);
}
