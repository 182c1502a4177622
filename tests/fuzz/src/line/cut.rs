//! The same stream in one piece and byte by byte.

use super::check_line;
use lastword_protocol::{Instant, Millis};
use lastword_shell::{Dialect, Input, LineError, Medium, Received};

/// The longest line, in bytes: short, so that many are over it.
const LINE: usize = 64;
/// These bytes, which no text has, stand for a pause of so many milliseconds.
const PAUSES: [(u8, u64); 4] = [(0xF8, 10), (0xF9, 20), (0xFA, 101), (0xFB, 5_000)];

/// Checks that `stream` gives the same however it is cut, and that a line works behind it.
pub(super) fn check(medium: Medium, stream: &[u8], over: u8) {
    let mut whole = Listener::new(medium);
    let mut apart = Listener::new(medium);
    let mut now = Instant(0);
    let is_pause = |byte: &u8| (0xF8..=0xFB).contains(byte);
    for piece in stream.split_inclusive(is_pause) {
        let (text, pause) = match piece.split_last() {
            Some((last, text)) if is_pause(last) => (text, pause(*last)),
            _ => (piece, Millis(0)),
        };
        whole.feed(now, text);
        apart.tick(now);
        for byte in text {
            apart.feed_byte(now, *byte);
        }
        now = now.after(pause);
        apart.tick(now);
    }
    whole.tick(now);
    assert_eq!(whole.told, apart.told, "cut another way");
    assert_eq!(whole.echo, apart.echo, "cut another way");
    apart.feed(now, b"\n");
    if !apart.is_closed {
        apart.takes_the_next_line(now, usize::from(over % 4));
    }
}

fn pause(byte: u8) -> Millis {
    let found = PAUSES.iter().find(|(code, _)| *code == byte);
    Millis(found.map_or(0, |(_, millis)| *millis))
}

/// An input and all that came of it.
struct Listener {
    input: Input<LINE>,
    told: Vec<u8>,
    echo: String,
    /// What was sent since the last line end, if it is fed byte by byte.
    raw: Vec<u8>,
    is_closed: bool,
}

impl Listener {
    fn new(medium: Medium) -> Self {
        Self {
            input: Input::new(medium),
            told: Vec::with_capacity(256),
            echo: String::with_capacity(256),
            raw: Vec::new(),
            is_closed: false,
        }
    }

    fn feed(&mut self, now: Instant, mut bytes: &[u8]) {
        while let Some(received) = self.input.feed(now, &mut bytes, &mut self.echo) {
            let is_redraw = matches!(received, Received::Redraw);
            self.is_closed |= write_down(&mut self.told, &received);
            if is_redraw {
                self.redraw();
            }
        }
        assert!(bytes.is_empty());
    }

    fn feed_byte(&mut self, now: Instant, byte: u8) {
        let one = [byte];
        let mut left = &one[..];
        while !left.is_empty() {
            let is_person = self.input.dialect() == Some(Dialect::Term);
            let received = self.input.feed(now, &mut left, &mut self.echo);
            if left.is_empty() {
                self.raw.push(byte);
            }
            let Some(received) = received else {
                continue;
            };
            self.is_closed |= write_down(&mut self.told, &received);
            if let Received::Line { dialect, text } = received {
                check_received(dialect, text, &self.raw, is_person);
            }
            if matches!(received, Received::Redraw) {
                self.redraw();
            }
            self.raw.clear();
        }
    }

    /// What is shown has to say where the cursor is, too.
    fn redraw(&mut self) {
        let shown = self.input.redraw(&mut self.echo, "board1");
        assert!(shown.is_ok(), "a string takes everything");
        assert!(self.input.typed().is_char_boundary(self.input.cursor()));
    }

    fn tick(&mut self, now: Instant) {
        let due = self.input.deadline().is_some_and(|due| due <= now);
        let received = self.input.tick(now, &mut self.echo);
        // Or it has shown a first line to whoever types it.
        assert!(due || received.is_none(), "{received:?}");
        if let Some(received) = received {
            self.is_closed |= write_down(&mut self.told, &received);
            self.raw.clear();
        }
        assert!(self.input.tick(now, &mut self.echo).is_none(), "told twice");
        assert_eq!(self.input.deadline().filter(|due| *due <= now), None);
    }

    /// Whatever came before: a line over the limit is refused whole, and the one behind it works.
    fn takes_the_next_line(&mut self, now: Instant, over: usize) {
        let long = [b'x'; LINE + 3];
        // A line that echoes is heard again once it is quiet.
        let now = now.after(Millis(1_000));
        let length = LINE - 1 + over;
        self.told.clear();
        self.feed(now, &long[..length]);
        assert!(self.told.is_empty(), "a line without an end");
        let mut end: &[u8] = b"\n";
        let received = self.input.feed(now, &mut end, &mut self.echo);
        let fits = length <= LINE;
        match received {
            Some(Received::Line { text, .. }) => {
                assert!(fits && text.as_bytes() == &long[..length]);
            }
            Some(Received::Refused { error, .. }) => {
                let (got, max) = (length, LINE);
                assert_eq!(error, LineError::TooLong { got, max });
                assert!(!fits);
            }
            other => panic!("{other:?}"),
        }
        let mut next: &[u8] = b"status\n";
        match self.input.feed(now, &mut next, &mut self.echo) {
            Some(Received::Line { text, .. }) => assert_eq!(text, "status"),
            other => panic!("{other:?}"),
        }
    }
}

/// Checks a line as it was received.
fn check_received(dialect: Dialect, text: &str, raw: &[u8], is_person: bool) {
    assert!(text.len() <= LINE);
    let is_control = |character: char| character.is_control() && character != '\t';
    assert!(!text.contains(is_control), "{text:?}");
    // A lone CR makes a person of whoever sent it.
    if let Some(ended) = raw.strip_suffix(b"\n")
        && dialect != Dialect::Term
        && !is_person
    {
        let bare = ended.strip_suffix(b"\r").unwrap_or(ended);
        // What a board says is passed over.
        let bare = bare.rsplit(|byte| *byte == b'\n').next().unwrap_or(bare);
        assert_eq!(text.as_bytes(), bare, "not what was sent");
    } else if dialect == Dialect::Plain {
        panic!("a script's line without its LF: {text:?}");
    }
    check_line(text, dialect);
}

/// Notes what was received, and returns whether the session is closed with it.
fn write_down(told: &mut Vec<u8>, received: &Received<'_>) -> bool {
    match received {
        Received::Line { dialect, text } => {
            told.extend([b'L', *dialect as u8]);
            told.extend(text.as_bytes());
        }
        Received::Refused {
            dialect,
            tag,
            error,
        } => {
            told.extend([b'R', *dialect as u8]);
            told.extend(tag.iter().flat_map(|tag| tag.as_str().bytes()));
            let got = match error {
                LineError::TooLong { got, .. } => *got,
                _ => 0,
            };
            told.extend(error.code().number().to_le_bytes());
            told.extend(error.message().bytes());
            told.extend(got.to_le_bytes());
        }
        Received::Interrupt => told.push(b'I'),
        Received::Redraw => told.push(b'D'),
        Received::Complete => told.push(b'C'),
        Received::Choices => told.push(b'M'),
        Received::Echo => told.push(b'E'),
        Received::Logout => told.push(b'O'),
        Received::Http => told.push(b'H'),
    }
    told.push(0xFF);
    matches!(received, Received::Http)
}
