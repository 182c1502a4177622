//! A look at a text before it is parsed: one pass that takes it apart into statements, blanks its comments,
//! and refuses what the parser takes very long for.
//!
//! The parser (kdl 6.7.1) calls itself for each `*` and `/` of a block comment, each block within a block and
//! each error of a document, and reads again, up to four times each, what `/-` comments out, within what
//! another `/-` comments out. It is never shown more of any of these than is named here.

use super::syntax::{Filler, Slip};
use std::mem;

/// How deep blocks may lie within blocks.
pub const BLOCK_DEPTH_MAX: usize = 16;
/// How deep `/-` may lie within what `/-` comments out.
pub(super) const SLASHDASH_DEPTH_MAX: usize = 2;

/// What ends a line (KDL 2, section 3.18).
const LINE_ENDS: [char; 7] = [
    '\r', '\n', '\u{85}', '\u{b}', '\u{c}', '\u{2028}', '\u{2029}',
];

/// A node of the document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Where it begins, without `/-`.
    pub(super) start: usize,
    /// What it says, with blanks for comments, byte for byte.
    pub(super) text: String,
    /// Where the next begins.
    pub(super) next: usize,
    /// Whether `/-` comments it out.
    pub(super) is_out: bool,
}

/// Returns the next statement of a text, from the beginning of one on; `None` if there is none.
///
/// # Errors
///
/// A slip that no parser has to see.
pub(super) fn next_statement(text: &str, from: usize) -> Result<Option<Statement>, Slip> {
    let mut scanner = Scanner {
        text,
        at: from,
        start: from,
        shown: String::new(),
        is_out: false,
        blocks: vec![false],
        before: Before::Other,
    };
    while let Some(next) = scanner.rest().chars().next() {
        let ended = scanner.token(next)?;
        if ended.is_some() {
            return Ok(ended);
        }
    }
    Ok(scanner.end_statement("", 0))
}

/// What stands before, blanks and comments apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// `\`, behind which a line goes on in the next, and what stands before that does.
    Backslash { is_behind_slashdash: bool },
    /// `/-`, behind which line ends do not count.
    Slashdash,
    /// Anything else.
    Other,
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Where the statement begins.
    start: usize,
    /// What of it was gone over.
    shown: String,
    /// Whether `/-` comments the statement out.
    is_out: bool,
    /// For each block that is open, and first for the document, whether its node has a `/-`.
    blocks: Vec<bool>,
    before: Before,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes over so many bytes, which stay as they are.
    fn keep(&mut self, bytes: usize) {
        let end = self.at + bytes;
        self.shown += self.text.get(self.at..end).unwrap_or_default();
        self.at = end;
    }

    /// Goes over so many bytes, which become blanks.
    fn blank(&mut self, bytes: usize) {
        self.shown.extend(std::iter::repeat_n(' ', bytes));
        self.at += bytes;
    }

    /// Goes over what begins with `next`. Returns the statement, if that ends it.
    fn token(&mut self, next: char) -> Result<Option<Statement>, Slip> {
        let rest = self.rest();
        if rest.starts_with("//") {
            let length = line_length(rest);
            self.blank(length);
        } else if rest.starts_with("/*") {
            let length = comment_length(rest).ok_or_else(|| self.open_comment())?;
            self.blank(length);
        } else if rest.starts_with("/-") {
            self.slashdash()?;
        } else if LINE_ENDS.contains(&next) || next == ';' {
            return Ok(self.end(next));
        } else if next == '\u{feff}' && self.at == 0 {
            self.blank(next.len_utf8());
        } else if next.is_whitespace() {
            self.keep(next.len_utf8());
        } else {
            let before = mem::replace(&mut self.before, Before::Other);
            match next {
                '{' => self.open_block()?,
                '}' => self.close_block(),
                '"' | '#' => self.text_in_quotes()?,
                '\\' => {
                    let is_behind_slashdash = before == Before::Slashdash;
                    self.before = Before::Backslash {
                        is_behind_slashdash,
                    };
                    self.keep(1);
                }
                _ => self.keep(next.len_utf8()),
            }
        }
        Ok(None)
    }

    fn end(&mut self, next: char) -> Option<Statement> {
        let goes_on = next != ';' && self.before != Before::Other;
        if goes_on {
            if let Before::Backslash {
                is_behind_slashdash,
            } = self.before
            {
                self.before = if is_behind_slashdash {
                    Before::Slashdash
                } else {
                    Before::Other
                };
            }
            // Of `\r\n` the second belongs to the first.
            let length = if self.rest().starts_with("\r\n") {
                2
            } else {
                next.len_utf8()
            };
            self.keep(length);
            return None;
        }
        self.before = Before::Other;
        if let Some(has_slashdash) = self.blocks.last_mut() {
            *has_slashdash = false;
        }
        let ended = match (self.blocks.len(), next) {
            (1, ';') => self.end_statement(";", 1),
            (1, end) => self.end_statement("", end.len_utf8()),
            _ => None,
        };
        self.keep(next.len_utf8());
        if self.blocks.len() == 1 {
            self.start = self.at;
            self.shown.clear();
        }
        ended
    }

    /// Returns what was gone over, unless it is nothing. `by`: what ends it, if that means something where
    /// nothing is before it; `length`: its bytes.
    fn end_statement(&mut self, by: &str, length: usize) -> Option<Statement> {
        let mut text = mem::take(&mut self.shown);
        let is_out = mem::take(&mut self.is_out);
        if is_blank(&text) {
            if by.is_empty() && !is_out {
                return None;
            }
            text += by;
        }
        Some(Statement {
            start: self.start,
            text,
            next: self.at + length,
            is_out,
        })
    }

    fn slashdash(&mut self) -> Result<(), Slip> {
        let at = self.at..self.at + 2;
        if self.before == Before::Slashdash {
            let message =
                "a /- comments out what follows it, and another /- is nothing to comment out";
            return Err(Slip::new(at, message, Filler::Nothing));
        }
        self.before = Before::Slashdash;
        if let Some(has_slashdash) = self.blocks.last_mut() {
            *has_slashdash = true;
        }
        let depth = self.blocks.iter().filter(|has| **has).count();
        if depth > SLASHDASH_DEPTH_MAX {
            let message = format!(
                "/- lies more than {SLASHDASH_DEPTH_MAX} deep in what /- comments out; the outermost is enough"
            );
            return Err(Slip::new(at, message, Filler::Nothing));
        }
        let is_first = is_blank(&self.shown);
        if self.blocks.len() == 1 && is_first {
            self.is_out = true;
            self.blank(2);
            self.start = self.at;
            self.shown.clear();
        } else {
            self.keep(2);
        }
        Ok(())
    }

    fn open_block(&mut self) -> Result<(), Slip> {
        if self.blocks.len() > BLOCK_DEPTH_MAX {
            let message = format!(
                "blocks lie more than {BLOCK_DEPTH_MAX} deep here; the rest of the file is not read"
            );
            return Err(Slip::new(self.at..self.at + 1, message, Filler::Nothing));
        }
        self.blocks.push(false);
        self.keep(1);
        Ok(())
    }

    fn close_block(&mut self) {
        // One that closes nothing is the parser's affair.
        if self.blocks.len() > 1 {
            self.blocks.pop();
        }
        self.keep(1);
    }

    /// Goes over a text in quotes, raw or not, or over a `#` that begins none.
    fn text_in_quotes(&mut self) -> Result<(), Slip> {
        let rest = self.rest();
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let (marks, quoted) = rest.split_at(hashes);
        if !quoted.starts_with('"') {
            self.keep(hashes);
            return Ok(());
        }
        let is_raw = hashes > 0;
        let over_lines = quoted
            .strip_prefix("\"\"\"")
            .filter(|it| it.starts_with(LINE_ENDS));
        let length = if let Some(body) = over_lines {
            let Some(end) = closing(body, &format!("\"\"\"{marks}"), is_raw, true) else {
                let message = "this text is never closed: behind its last line comes \"\"\"";
                let whole = self.at..self.text.len();
                return Err(Slip::new(
                    whole,
                    format!("{message}{marks}"),
                    Filler::Blanks,
                ));
            };
            hashes + 3 + end
        } else {
            let body = quoted.get(1..).unwrap_or_default();
            let end = closing(body, &format!("\"{marks}"), is_raw, false);
            // One that is not closed on its line is the parser's affair.
            hashes + 1 + end.unwrap_or_else(|| line_length(body))
        };
        self.keep(length);
        Ok(())
    }

    fn open_comment(&self) -> Slip {
        let whole = self.at..self.text.len();
        Slip::new(whole, "this comment is never closed", Filler::Blanks)
    }
}

/// How long a block comment is, with those within it; `None` if it is never closed.
fn comment_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at..)? {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            [] => return None,
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Whether there is nothing but blanks, and lines that go on in others where nothing is.
fn is_blank(text: &str) -> bool {
    text.chars().all(|it| it.is_whitespace() || it == '\\')
}

/// How many bytes are before the line's end.
fn line_length(text: &str) -> usize {
    text.find(LINE_ENDS).unwrap_or(text.len())
}

/// How far the closing quotes reach; `None` if there are none, or none on this line.
fn closing(text: &str, quotes: &str, is_raw: bool, over_lines: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let next = rest.chars().next()?;
        if rest.starts_with(quotes) {
            return Some(at + quotes.len());
        }
        if LINE_ENDS.contains(&next) && !over_lines {
            return None;
        }
        at += next.len_utf8();
        if next == '\\' && !is_raw {
            let behind = text.get(at..)?;
            // Blanks and line ends behind it are left out of the text.
            let blanks = behind.len() - behind.trim_start().len();
            at += match behind.chars().next()? {
                escaped if blanks == 0 => escaped.len_utf8(),
                _ => blanks,
            };
        }
    }
}

#[cfg(test)]
mod tests;
