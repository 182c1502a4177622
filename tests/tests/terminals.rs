//! People's terminal programs on a board's line: what they show, and what their keys do.
//!
//! With the feature `terminal-programs`, because each of them has to be installed.

use lastword_tests::process::{Screen, Simulator};

/// A program, as it is started on a tty, and the keys that end it.
struct Program {
    start: fn(&str) -> String,
    /// What it says once keys are the board's.
    ready: &'static str,
    end: &'static str,
}

/// A person's session, from the first key to the last.
#[track_caller]
fn check(program: &Program) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tty = directory.path().join("tty");
    let mut board = Simulator::on_a_terminal(&tty, &["--name", "desk"]);
    let tty = tty.to_str().expect("a path of ours");
    let mut screen = Screen::open(directory.path(), &(program.start)(tty));
    screen.wait_for_end_of_row(program.ready);

    screen.press("Enter");
    screen.wait_for_last_row("desk>");
    asks(&mut screen);
    edits(&mut screen);
    completes(&mut screen);
    // A reboot is a person's, too.
    screen.write("reboot");
    screen.press("Enter");
    screen.wait_for_row("initiated");
    screen.wait_for_row("boot loader: starting the responder");
    assert!(board.wait_for("fired").contains("lost=0"));

    screen.press(program.end);
    screen.wait_for_end();
    board.wait_for("present=false");
    assert_eq!(board.terminate(), Some(0), "{}", board.log());
}

/// Help, an answer, an error that points: each line, and a row of what it comes to.
#[track_caller]
fn asks(screen: &mut Screen) {
    for (line, row) in [
        ("help power cancel", "Call off the staged operation."),
        ("led on", "led: on"),
        (
            "power statsu",
            "            ^~~~~~ unknown: statsu.  Did you mean: status?",
        ),
    ] {
        screen.write(line);
        screen.press("Enter");
        screen.wait_for_row(row);
        screen.wait_for_last_row("desk>");
    }
}

/// Arrows, in the line and through those before it; second thoughts.
#[track_caller]
fn edits(screen: &mut Screen) {
    screen.press("Up");
    screen.wait_for_last_row("desk> power statsu");
    screen.press("BSpace BSpace");
    screen.wait_for_last_row("desk> power stat");
    screen.write("us");
    screen.press("Home Delete Right");
    screen.wait_for_last_row("desk> ower status");
    screen.press("Home");
    screen.write("p");
    screen.wait_for_last_row("desk> power status");
    screen.press("End Enter");
    screen.wait_for_row("pending: none");
    screen.wait_for_last_row("desk>");
    screen.press("Up Up");
    screen.wait_for_last_row("desk> power statsu");
    screen.press("Down");
    screen.wait_for_last_row("desk> power status");
    screen.press("C-c");
    screen.wait_for_row("desk> power status^C");
    screen.wait_for_last_row("desk>");
}

/// Tab, as far as there is one way to go on.
#[track_caller]
fn completes(screen: &mut Screen) {
    screen.write("upt");
    screen.press("Tab");
    screen.wait_for_last_row("desk> uptime");
    screen.press("C-u");
    screen.wait_for_last_row("desk>");
    screen.write("po");
    screen.press("Tab");
    screen.wait_for_last_row("desk> power");
    screen.press("Tab");
    screen.wait_for_row("status  reboot  shutdown  cancel");
    screen.press("C-u");
    screen.wait_for_last_row("desk>");
}

#[test]
fn picocom_is_at_home_on_a_board() {
    check(&Program {
        start: |tty| format!("picocom --baud 115200 --nolock {tty}"),
        ready: "Terminal ready",
        end: "C-a C-x",
    });
}

#[test]
fn tio_is_at_home_on_a_board() {
    check(&Program {
        start: |tty| format!("tio --baudrate 115200 {tty}"),
        ready: " Connected",
        end: "C-t q",
    });
}
