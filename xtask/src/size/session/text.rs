//! What is typed.

use super::Exchange;

/// Lines of a script; the first chooses the dialect.
pub(crate) const LINES: &[&str] = &[
    "",
    "help",
    "help power reboot",
    "help power",
    "help powr",
    "hello",
    "@some-tag status; uptime && version ; power status # and that",
    "uptime;uptime;uptime;uptime;uptime;uptime;uptime;uptime",
    "@end",
    "staus",
    "power rebot --in 5s",
    "power reboot --gracful",
    "power reboot --in",
    "power reboot --in=5x",
    "power reboot --op 0",
    "power reboot --op 99999999999999999999",
    "power reboot --boot 12",
    "power reboot --graceful --graceful",
    "power reboot now please",
    "power cancel x",
    "power",
    "mode teletype",
    "mode json",
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"uptime\"}",
    "version \"unfinished",
    "power reboot --reason \"\\q\"",
    "uptime |",
    "up\u{1b}[Atime",
    TOO_LONG,
    "power cancel 5; uptime",
    "power reboot --boot 07070707-0707-0707-0707-070707070707",
    "@t power reboot --graceful --force --in 2h --op 77 --reason \"a \\x41\\u{e4}\\t'b' of some length\"",
    "power reboot --op 78",
    "power status",
    "status",
    "power cancel 78",
    "power cancel 77",
    "power shutdown",
    "shutdown --graceful",
    "power status",
];

/// Keys of a terminal.
pub(crate) const KEYS: &[&str] = &[
    "help\r",
    "help power reboot\r",
    "help p r\r",
    "?\r",
    "hello\r\n",
    "status\r\0",
    "sta; upt; ver\r",
    "power status\r",
    "power restrt\r",
    "power reboot --in 5x\r",
    "power reboot \"\r",
    "powr; reboot\r",
    "pow reb\r",
    "p r --op 5\r",
    "up\ttime\r",
    "po\tre\t --gr\t\u{15}uptime\r",
    "\t\t\r",
    "power \t\t\u{15}power reboot --\t\t\u{15}mode \t\tp\u{3}\r",
    "help \t\thelp p\t\u{15}x\t\u{8}\r",
    "\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[B\u{3}\r",
    "\u{1b}OA\u{1b}OA\u{10}\u{e}\u{1b}[A\u{15}\r",
    "ptime\u{1}u\u{5}\r",
    "xuptime\u{1b}[H\u{1b}[3~\u{1b}[F\r",
    "verzion\u{1b}[D\u{1b}[D\u{1b}[D\u{1b}[D\u{7f}\u{1b}[C\u{1b}[Cs\u{8}\r",
    "power status now\u{17}\u{1b}[1;5D\u{1b}b\u{1b}f\u{b}\u{c}\r",
    "äöü€漢字e\u{301}\u{1b}[D\u{1b}[D\u{8}\u{1b}[C\u{7f}\u{15}\r",
    "\u{1b}[200~uptime\rversion\t\u{1b}[201~\u{3}\r",
    LONG_KEYS,
    "\u{1b}[A\u{1b}[H1234567890\u{b}\r",
    "power reboot --in 1h --reason \"from a terminal\" --op 6\r",
    "power status\r",
    "power cancel\r",
    "shutdown\r",
];

/// A line of more than 128 bytes.
const TOO_LONG: &str = concat!(
    "power reboot --reason \"0123456789012345678901234567890123456789012345678901234567890123\" ",
    "--in 5s --op 77 --graceful --force --graceful --force"
);

/// As many keys as a line takes and some more, then one at its beginning.
const LONG_KEYS: &str = concat!(
    "power reboot --reason \"0123456789012345678901234567890123456789012345678901234567890123\" ",
    "--in 5s --op 77 --graceful --force --graceful --force\u{1b}[Hx\u{1b}[3~\u{1b}[F\u{15}\r"
);

/// What embedded-cli has.
pub(crate) const EMBEDDED_CLI: &[Exchange] = &[
    ("", CLI_PROMPT),
    ("help\r", CLI_END),
    ("help power\r", CLI_END),
    ("power reboot --help\r", CLI_END),
    ("hello\r", CLI_END),
    ("status\r", CLI_END),
    ("uptime\r", CLI_END),
    ("version\r", CLI_END),
    ("nothing\r", CLI_END),
    ("power reboot --in x\r", CLI_END),
    ("power reboot --nothing\r", CLI_END),
    (
        "power reboot --in 99999 --reason \"for a reason\" --op 7 --graceful --force --boot 1\r",
        CLI_END,
    ),
    ("power status\r", CLI_END),
    ("power cancel 7\r", CLI_END),
    ("upt\t\r", CLI_END),
    (
        "\u{1b}[A\u{1b}[A\u{1b}[B\u{1b}[D\u{1b}[D\u{8}e\u{1b}[C\r",
        CLI_END,
    ),
];

const CLI_PROMPT: &str = "board1> ";
const CLI_END: &str = "\nboard1> ";

/// What menu has.
pub(crate) const MENU: &[Exchange] = &[
    ("", "\n> "),
    ("help\r", "\n> "),
    ("help power\r", "\n> "),
    ("hello\r", "\n> "),
    ("status\r", "\n> "),
    ("uptime\r", "\n> "),
    ("version\r", "\n> "),
    ("nothing\r", "\n> "),
    ("power\r", "\npower> "),
    ("help reboot\r", "\npower> "),
    ("reboot --nothing\r", "\npower> "),
    ("reboot --in=x\r", "\npower> "),
    (
        "reboot --in=99999 --reason=none --op=7 --graceful --force --boot=1\r",
        "\npower> ",
    ),
    ("status\r", "\npower> "),
    ("cancel 7\r", "\npower> "),
    ("exit\r", "\n> "),
];

/// What menu has with noline, which asks the terminal for its size and its cursor before each line.
pub(crate) const NOLINE: &[Exchange] = &[
    ("", ASKS),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;3Rhelp\r", ASKS),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;3Rstatus\r", ASKS),
    (SIZE, "> \u{1b}[6n"),
    (
        "\u{1b}[1;3Ruptimes\u{1b}[D\u{1b}[D\u{1b}[C\u{1b}[3~\u{1}\u{5}\r",
        ASKS,
    ),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;3R\u{1b}[A\u{1b}[A\u{1b}[B\r", ASKS),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;3Rpower\r", ASKS),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;8Rhelp reboot\r", ASKS),
    (SIZE, "> \u{1b}[6n"),
    (
        "\u{1b}[1;8Rreboot --in=99999 --reason=none --op=7 --graceful --force --boot=1\r",
        ASKS,
    ),
    (SIZE, "> \u{1b}[6n"),
    ("\u{1b}[1;8Rcancel 7\r", ASKS),
];

const ASKS: &str = "\u{1b}[6n\u{1b}8";
const SIZE: &str = "\u{1b}[24;80R";
