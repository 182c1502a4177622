//! What a person sees.

use super::conversation::Conversation;
use super::normal::Identity;
use super::{Board, Wire};

/// Keys that end with Enter, and all that is shown up to the next prompt: the echo first, then the
/// rows.
const KEYS: &[(&str, &[&str])] = &[
    (
        "power status\r",
        &["power status", "backend: *", "boot: *", "pending: none"],
    ),
    ("uptime\n", &["uptime", "uptime: *", "boot: *"]),
    ("uptime\r\n", &["uptime", "uptime: *", "boot: *"]),
    ("uptime\r\0", &["uptime", "uptime: *", "boot: *"]),
    ("\r", &[""]),
    // A unique beginning stands for a word, but not for a dangerous one.
    (
        "po st\r",
        &["po st", "backend: *", "boot: *", "pending: none"],
    ),
    (
        "rebo\r",
        &["rebo", "^~~~ unknown: rebo.  Did you mean: reboot?"],
    ),
    (
        "power restatus\r",
        &[
            "power restatus",
            "      ^~~~~~~~ unknown: restatus.  Did you mean: status?",
        ],
    ),
    (
        "uptime x\r",
        &["uptime x", "       ^ one argument too many: x."],
    ),
    ("mode term\r", &["mode term", "mode: term"]),
    // Second thoughts.
    (
        "up\x08\x7fuptime\r",
        &["up\x08 \x08\x08 \x08uptime", "uptime: *", "boot: *"],
    ),
    ("reboot\x03", &["reboot^C"]),
];

/// On a line nothing precedes the first key, and Enter opens the terminal's dialect; whoever logs
/// out leaves the line as it was.
pub(super) fn check_first_line(board: &mut dyn Board) {
    if !board.is_line() {
        return;
    }
    let mut wire = board.link();
    first_line(&mut wire);
    wire.send("logout\r");
    wire.until("logout\r\n");
    wire.until("ok\r\n");
    first_line(&mut wire);
    wire.send("mode plain\r");
    wire.until("mode: plain\r\n");
    let mut script = Conversation::on(wire);
    script.check("logout", "ok");
    first_line(&mut script.into_wire());
}

fn first_line(wire: &mut Wire) {
    // One key, and then the rest: what comes in one go is not echoed.
    wire.send("u");
    wire.until("u");
    wire.send("ptime\r");
    let shown = wire.until("> ");
    let rows: Vec<_> = shown.split("\r\n").collect();
    let [echo, uptime, boot, prompt] = rows[..] else {
        panic!("not an echo, two rows and a prompt: {shown:?}");
    };
    assert_eq!(echo, "ptime");
    assert!(uptime.starts_with("uptime: "), "{shown:?}");
    assert!(boot.starts_with("boot:   "), "{shown:?}");
    assert!(prompt.len() > "> ".len(), "{shown:?}");
}

pub(super) fn check(board: &mut dyn Board) {
    let mut person = Person::at(board);
    for (keys, expected) in KEYS {
        person.check(keys, expected);
    }
    person.check_each_echo("power status");
    person.check("\r", &["", "backend: *", "boot: *", "pending: none"]);
    leave(person);
}

/// Whoever leaves for another dialect has no prompt in front of its first answer.
fn leave(mut person: Person) {
    person.wire.send("mode plain\r");
    assert_eq!(
        person.wire.until("mode: plain\r\n"),
        "mode plain\r\nmode: plain\r\n"
    );
    person.wire.send("@back\n");
    assert_eq!(person.wire.line(), "ok @back");
}

/// Somebody at a terminal.
struct Person {
    wire: Wire,
    identity: Identity,
    prompt: String,
}

impl Person {
    /// Asks for the terminal's dialect and waits for its prompt.
    fn at(board: &mut dyn Board) -> Self {
        let mut script = Conversation::open(board);
        script.check("mode term", "ok mode=term");
        let identity = std::mem::take(&mut script.identity);
        let mut wire = script.into_wire();
        let prompt = format!("{}> ", identity.value("name"));
        assert_eq!(wire.until("> "), prompt);
        Self {
            wire,
            identity,
            prompt,
        }
    }

    /// Types, and compares what is shown.
    #[track_caller]
    fn check(&mut self, keys: &str, expected: &[&str]) {
        self.wire.send(keys);
        let shown = self.wire.until(&self.prompt);
        let shown = shown.strip_suffix(&self.prompt).unwrap_or_default();
        let rows: Vec<_> = shown.split("\r\n").collect();
        let Some((&"", rows)) = rows.split_last() else {
            panic!("{keys:?}: the prompt is not at the beginning of a row: {rows:?}");
        };
        let rows: Vec<_> = rows.iter().map(|row| self.normal(row)).collect();
        assert_eq!(rows, expected, "{keys:?}");
    }

    /// A row, with an error's pointer moved to where it is without the prompt.
    fn normal(&self, row: &str) -> String {
        let prompt = " ".repeat(self.prompt.len());
        match row.strip_prefix(&prompt) {
            Some(pointer) if row.contains('^') => pointer.to_owned(),
            _ => self.identity.normal_row(row),
        }
    }

    /// At the end of the line each key is one byte on the screen, at once.
    fn check_each_echo(&mut self, text: &str) {
        for letter in text.chars() {
            let key = letter.to_string();
            self.wire.send(&key);
            assert_eq!(self.wire.until(&key), key, "in {text:?}");
        }
    }
}
