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

/// The number of resets that each program sees; 20 is the long form.
const RESETS: u32 = 3;

/// Where the number of resets is asked for otherwise.
const RESETS_VARIABLE: &str = "LASTWORD_RESETS";

/// Resets a board under a program started with its defaults. After each reset the board still answers on the
/// screen what is typed, and nothing on the screen is garbage. `ready`: how a row begins that it shows once
/// keys are the board's; `end`: the keys that end it.
#[track_caller]
fn survives_resets(start: &str, ready: &str, end: &[&str]) {
    let resets = std::env::var(RESETS_VARIABLE).map_or(RESETS, |it| it.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let tty = directory.path().join("tty");
    let mut board = Simulator::on_a_terminal(&tty, &["--name", "desk"]);
    let path = directory.path().to_str().expect("a path of ours");
    let start = start.replace("{directory}", path);
    let mut screen = Screen::open(directory.path(), &start);
    board.wait_for("present=true");
    screen.wait_for_start_of_row(ready);
    for reset in 1..=resets {
        answers(&mut screen, 2 * reset);
        screen.write("power reboot");
        screen.press("Enter");
        assert!(board.wait_for("fired").contains("lost=0"));
        screen.wait_for_start_of_row("! 0 board state=up name=desk boot=");
        answers(&mut screen, 2 * reset + 1);
    }
    for keys in end {
        screen.press(keys);
    }
    screen.wait_for_end();
    assert_eq!(board.terminate(), Some(0), "{}", board.log());
}

/// A command is answered on the screen, and there is nothing else than text.
#[track_caller]
fn answers(screen: &mut Screen, number: u32) {
    screen.press("Enter");
    screen.wait_for_end_of_row("desk>");
    screen.write(&format!("tally {number}"));
    screen.press("Enter");
    screen.wait_for_end_of_row(&format!("number: {number}"));
    for row in screen.rows() {
        assert!(row.chars().all(|it| matches!(it, ' '..='~')), "{row:?}");
    }
    screen.press("C-l");
}

#[test]
fn picocom_survives_resets() {
    survives_resets(
        "picocom --nolock {directory}/tty",
        "Terminal ready",
        &["C-a C-x"],
    );
}

#[test]
fn tio_survives_resets() {
    survives_resets("tio {directory}/tty", "[", &["C-t q"]);
}

#[test]
fn minicom_survives_resets() {
    survives_resets(
        "minicom -o -D {directory}/tty",
        "Press CTRL-A Z",
        &["C-a", "x", "Enter"],
    );
}

#[test]
fn gnu_screen_survives_resets() {
    let screen = "mkdir -m 700 {directory}/screen; SCREENDIR={directory}/screen screen {directory}/tty 115200";
    survives_resets(screen, "", &["C-a", "k", "y"]);
}
