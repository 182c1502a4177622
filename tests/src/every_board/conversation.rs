//! A script's conversation with a board, in plain lines.

use super::normal::Identity;
use super::{Board, Wire};

/// A link in the plain dialect, and who is at its other end.
#[derive(Debug)]
pub(super) struct Conversation {
    wire: Wire,
    pub(super) identity: Identity,
}

impl Conversation {
    /// Opens a link and says hello, as a script does.
    pub(super) fn open(board: &mut dyn Board) -> Self {
        Self::on(board.link())
    }

    /// Says hello on a link on which nobody has spoken.
    pub(super) fn on(mut wire: Wire) -> Self {
        wire.send("\nhello\n");
        let identity = Identity::of(&wire.line());
        Self { wire, identity }
    }

    /// Sends a line as it stands, and returns the answer: rows and final.
    #[track_caller]
    pub(super) fn ask(&mut self, line: &str) -> String {
        self.send(line.as_bytes());
        self.answer()
    }

    /// Sends a line of any bytes.
    pub(super) fn send(&mut self, line: &[u8]) {
        self.send_piece(&[line, b"\n"].concat());
    }

    /// Sends bytes that need not be a line.
    pub(super) fn send_piece(&mut self, bytes: &[u8]) {
        self.wire.send(bytes);
    }

    /// The next answer, normalised.
    #[track_caller]
    pub(super) fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let line = self.wire.line();
            answer += &self.identity.normal(&line);
            if !line.starts_with("| ") {
                return answer;
            }
            answer.push('\n');
        }
    }

    /// Asks again and again until the answer holds `part`.
    #[track_caller]
    pub(super) fn ask_until(&mut self, line: &str, part: &str) -> String {
        let mut answer = String::new();
        for _ in 0..ASK_LIMIT {
            answer = self.ask(line);
            if answer.contains(part) {
                return answer;
            }
        }
        panic!("never {part:?}, at last {answer:?}");
    }

    /// A line and its answer.
    #[track_caller]
    pub(super) fn check(&mut self, line: &str, expected: &str) {
        let answer = self.ask(line);
        assert_eq!(answer, expected, "{line:?}");
    }

    /// Lets go of the link.
    pub(super) fn into_wire(self) -> Wire {
        self.wire
    }
}

/// How often to ask for what must come to pass: each time waits for an answer.
const ASK_LIMIT: usize = 20_000;
