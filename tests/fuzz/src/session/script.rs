//! A script on its link: it sends plain lines, and counts what it gets.

use lastword_shell::commands::ALL;
use lastword_shell::{Action, Dialect, LINE_BYTES, Rules, parse};

/// What a script has sent and heard.
pub(super) struct Script {
    least: u32,
    most: u32,
    finals: u32,
    line: Vec<u8>,
}

impl Script {
    pub(super) const fn new() -> Self {
        Self {
            least: 0,
            most: 0,
            finals: 0,
            line: Vec::new(),
        }
    }

    /// Makes a script's line of these bytes; `None` if it would end the script: by logging out,
    /// or by changing the dialect.
    pub(super) fn line(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let is_end = |byte: &u8| matches!(byte, 0 | b'\n' | b'\r');
        let mut line: Vec<_> = bytes.iter().copied().filter(|byte| !is_end(byte)).collect();
        if let Ok(text) = str::from_utf8(&line)
            && let Ok(script) = parse(text, Rules::new(ALL, Dialect::Plain))
            && script.steps.iter().any(|step| is_farewell(&step.action))
        {
            return None;
        }
        let (least, most) = finals_for(&line);
        self.least += least;
        self.most += most;
        line.push(b'\n');
        Some(line)
    }

    /// Hears a byte.
    pub(super) fn hear(&mut self, byte: u8) {
        if byte == b'\r' {
            // Around an event.
            return;
        }
        if byte != b'\n' {
            assert!(byte >= b' ' && byte != 0x7F, "{byte:#04x} in plain output");
            return self.line.push(byte);
        }
        let line = &self.line;
        if line.is_empty() || line.starts_with(b"! 0 ") {
            return self.line.clear();
        }
        let is_final = line == b"ok" || line.starts_with(b"ok ") || line.starts_with(b"err ");
        let is_json = line.starts_with(b"{");
        // A line of a log that is followed is no answer.
        let is_told = line.starts_with(b"{\"jsonrpc\":\"2.0\",\"method\":\"log");
        let text = String::from_utf8_lossy(line);
        assert!(
            is_final || is_json || line.starts_with(b"| "),
            "{text:?} in plain output"
        );
        self.finals += u32::from(is_final || is_json && !is_told);
        assert!(self.finals <= self.most, "one final too many: {text:?}");
        self.line.clear();
    }

    /// Everything sent is answered by now.
    pub(super) fn is_answered(&self) {
        assert!(self.line.is_empty(), "half a line");
        let range = self.least..=self.most;
        assert!(
            range.contains(&self.finals),
            "{} finals, not {range:?}",
            self.finals
        );
    }
}

const fn is_farewell(action: &Action) -> bool {
    matches!(action, Action::Mode(_) | Action::Logout)
}

/// How many finals a line is owed, at least and at most.
fn finals_for(line: &[u8]) -> (u32, u32) {
    if line.contains(&INTERRUPT) {
        // It may end a log that is followed, and is then no part of the line.
        return (0, 1);
    }
    // What is no text may be missing from what a line is taken for.
    let is_text = |byte: &u8| (b' '..0x7F).contains(byte);
    let said: Vec<_> = line.iter().copied().filter(is_text).collect();
    let said = said.trim_ascii_start();
    let holds = |part: &[u8]| said.windows(part.len()).any(|it| it == part);
    let is_json_answer = said.starts_with(b"{") && (holds(b"\"error\":") || holds(b"\"result\":"));
    let mut words = [&b"ok"[..], b"err", b"|", b"!"].into_iter();
    if is_json_answer || words.any(|word| said.starts_with(word)) {
        // What a board says is not answered.
        return (0, 1);
    }
    let text = match str::from_utf8(line) {
        Ok(text) if !line.contains(&ESCAPE) => text,
        _ => {
            // What is left of it, without a key's escape sequence, may be taken for a board's.
            let may_be_boards = [&b"ok"[..], b"err", b"|", b"!", b"{"]
                .iter()
                .any(|word| is_left_of(word, said));
            return (u32::from(!may_be_boards), 1);
        }
    };
    let is_control = |character: char| character.is_control() && character != '\t';
    if line.len() > LINE_BYTES || text.contains(is_control) {
        return (1, 1);
    }
    if text.starts_with('{') {
        // A notification has no answer.
        return (0, 1);
    }
    let blank = [' ', '\t'];
    let said = text.trim_matches(blank);
    // A tag is owed its final even if nothing follows.
    let owed = u32::from(!said.is_empty() && !said.starts_with('#'));
    (owed, owed)
}

/// Returns whether `word` is left if other bytes are taken out of `line`.
fn is_left_of(word: &[u8], line: &[u8]) -> bool {
    let mut bytes = line.iter();
    word.iter().all(|wanted| bytes.any(|byte| byte == wanted))
}

/// Control-C.
const INTERRUPT: u8 = 0x03;
/// Begins an escape sequence.
const ESCAPE: u8 = 0x1B;
