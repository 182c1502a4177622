//! A board's own words that come back: from a tty that echoes, a plug that ties TX to RX, or
//! another board wired crosswise. To answer them would never end.

use super::keys::Keys;
use super::{Input, Medium};
use lastword_protocol::{Instant, Millis};

/// The number of board lines without a pause ([`Medium::echo_pause`]) in a person's dialect that show an
/// echo. In the dialects of scripts, where none is ever answered, no number does.
const LINES: u8 = 3;
/// The silence on the line after which a person's input is read again.
const QUIET: Millis = Millis(1_000);

/// The signs of an echo on a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct EchoDetector {
    /// When the last byte arrived.
    last: Instant,
    lines: u8,
    /// Nothing is read or written until the line is quiet.
    silent: bool,
    told: bool,
    medium: Medium,
}

/// The supposed origin of a line that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineOrigin {
    /// Somebody's who is to be answered.
    Peer,
    /// A board's. It is not answered; the first one is told of.
    Board { first: bool },
}

impl EchoDetector {
    pub(super) const fn new(medium: Medium) -> Self {
        Self {
            medium,
            last: Instant(0),
            lines: 0,
            silent: false,
            told: false,
        }
    }

    /// Returns whether a byte that arrives at `now` is dropped, because the line was not quiet yet.
    pub(super) fn drops(&mut self, now: Instant) -> bool {
        let pause = now.since(self.last);
        self.last = now;
        self.silent &= pause < QUIET;
        if self.medium.echo_pause() < pause {
            self.lines = 0;
        }
        self.silent
    }

    /// Returns whether nothing is read or written.
    pub(super) const fn is_silent(self) -> bool {
        self.silent
    }

    /// Takes a line that has ended; `is_term`: in the dialect of people, where its echo mixes
    /// with prompts and what is typed.
    pub(super) fn line(&mut self, line: &str, is_term: bool) -> LineOrigin {
        if !is_term {
            return if is_answer(line) {
                self.board()
            } else {
                LineOrigin::Peer
            };
        }
        if !is_on_screen(line) {
            return LineOrigin::Peer;
        }
        self.lines += 1;
        if self.lines < LINES {
            return LineOrigin::Peer;
        }
        self.silence()
    }

    /// Takes a person's line that is over the limit; whether it began as one of a board's does.
    pub(super) fn overflow(&mut self, line: &str) -> bool {
        let is_boards = is_on_screen(line);
        if is_boards {
            self.silence();
        }
        is_boards
    }

    fn silence(&mut self) -> LineOrigin {
        self.silent = true;
        self.lines = 0;
        self.board()
    }

    const fn board(&mut self) -> LineOrigin {
        let first = !self.told;
        self.told = true;
        LineOrigin::Board { first }
    }
}

impl<const LINE: usize, const HISTORY: usize> Input<LINE, HISTORY> {
    /// Tells a board's own line that came back from others, and hears nothing more for a while where a
    /// person's dialect would go on for ever.
    pub(super) fn origin(&mut self) -> LineOrigin {
        let is_term = self.is_term();
        let origin = self.echo.line(self.editor.text(), is_term);
        if let LineOrigin::Board { .. } = origin {
            self.drop_line();
        }
        origin
    }

    /// Returns whether the line under way is over the limit, and began as one of a board's.
    pub(super) fn overflows_with_echo(&mut self) -> bool {
        let overflows = self.editor.is_over() && self.echo.overflow(self.editor.text());
        if overflows {
            self.drop_line();
        }
        overflows
    }

    fn drop_line(&mut self) {
        self.editor.clear();
        self.keys = Keys::new();
        self.pasted = None;
    }
}

/// Returns whether a board answers, or tells something, with this line. No command begins so.
fn is_answer(line: &str) -> bool {
    let word = first_word(line);
    matches!(word, b"ok" | b"err" | b"|" | b"!") || is_json_answer(line)
}

/// Returns whether a board shows a person this line: an answer to a script, the place of an error, a
/// refusal, or a prompt. No command begins so.
fn is_on_screen(line: &str) -> bool {
    let word = first_word(line);
    let is_refusal = line.trim_ascii_start().starts_with("not run:");
    is_answer(line) || word.starts_with(b"^") || word.ends_with(b">") || is_refusal
}

/// Returns whether this is a response of JSON-RPC, which is never a request.
fn is_json_answer(line: &str) -> bool {
    let holds = |part: &[u8]| line.as_bytes().windows(part.len()).any(|it| it == part);
    line.starts_with('{')
        && !holds(b"\"method\":")
        && (holds(b"\"error\":") || holds(b"\"result\":"))
}

/// The first word of a line, and blanks before it passed over.
fn first_word(line: &str) -> &[u8] {
    let mut words = line.as_bytes().split(|byte| *byte == b' ');
    words.find(|word| !word.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_board_says_is_told_from_commands() {
        for line in [
            "ok",
            "ok @7 done=2",
            "err 404 unknown at=0",
            "| 1 ok uptime_ms=1",
            "! 0 board state=up name=lab7",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600}}"#,
            r#"{"id":7,"jsonrpc":"2.0","result":{}}"#,
            r#"{"error":{"code":-32600,"message":"#,
        ] {
            assert!(is_answer(line), "{line}");
        }
        for line in [
            "",
            "okay",
            "error",
            "@7 ok",
            "uptime",
            "!help",
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"power.reboot","params":{"error":1}}"#,
            r#"{"id":1,"error" 1}"#,
        ] {
            assert!(!is_answer(line), "{line}");
        }
        let refused = "not run: input was lost; send t";
        for line in [
            "lab7> ",
            "lab7> uptime",
            "     ^~~~ unknown: x",
            "^C",
            "ok",
            refused,
        ] {
            assert!(is_on_screen(line), "{line}");
        }
        assert!(!is_on_screen("power status"));
    }
}
