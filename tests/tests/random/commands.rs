//! The board's own commands, with a count of how many lines came to one.

use lastword_shell::{Action, Command, Level, Table, commands};
use std::cell::Cell;

thread_local! {
    static UNDERSTOOD: Cell<usize> = const { Cell::new(0) };
    static WORST: Cell<Level> = const { Cell::new(Level::View) };
}

/// Every command of the board, each of which counts.
pub(super) static COUNTED: Table = counted![
    HELP,
    HELLO,
    STATUS,
    UPTIME,
    VERSION,
    MODE,
    LOGOUT,
    POWER_STATUS,
    POWER_REBOOT,
    POWER_SHUTDOWN,
    POWER_CANCEL,
    REBOOT,
    SHUTDOWN,
    SVC_LIST,
    SVC_STATUS,
    SVC_START,
    SVC_STOP,
    SVC_RESTART,
    SVC_RELOAD,
    SVC_LOGS,
    GEN_LIST,
    GEN_SHOW,
    GEN_CURRENT,
    GEN_STATUS,
    GEN_ACTIVATE,
    GEN_CONFIRM,
    GEN_ROLLBACK,
    GEN_UNQUARANTINE,
    GEN_PRUNE,
    SUB,
    UNSUB,
    EVENTS
];

/// How many commands of [`COUNTED`] were understood in this thread, run or not.
pub(super) fn understood() -> usize {
    UNDERSTOOD.get()
}

/// The most that anybody had to be allowed for them.
pub(super) fn worst() -> Level {
    WORST.get()
}

fn count(level: Level, action: Action) -> Action {
    UNDERSTOOD.set(UNDERSTOOD.get() + 1);
    WORST.set(WORST.get().max(level));
    action
}

/// The same commands under a build function that counts first.
macro_rules! counted {
    ($($name:ident),*) => {
        Table(&[$(&Command {
            build: |arguments| count(commands::$name.level, (commands::$name.build)(arguments)),
            ..commands::$name
        }),*])
    };
}
use counted;

#[test]
fn every_command_is_counted() {
    assert_eq!(COUNTED, commands::ALL);
    let before = understood();
    for (line, expected) in [
        ("uptime", 1),
        ("status; reboot", 3),
        ("sta", 3),
        ("# help", 3),
    ] {
        let rules = lastword_shell::Rules::new(COUNTED, lastword_shell::Dialect::Plain);
        let _ = lastword_shell::parse(line, rules);
        assert_eq!(understood() - before, expected, "{line}");
    }
    assert_eq!(worst(), Level::Danger);
}
