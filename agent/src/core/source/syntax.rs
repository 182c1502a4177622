//! What is no KDL 2, told in terms of what to write instead.
//!
//! The parser tells of the first slip, and then of whatever that makes of the rest. So one slip is
//! taken at a time, put right by something as long that says nothing, and the text read anew: what
//! is told is independent of each other, and the rest of the file can be checked, too.

use kdl::{KdlDiagnostic, KdlDocument, KdlError};
use std::ops::Range;

/// How many slips of a file are told at most. Whoever makes more has another language in mind.
const MOST_SLIPS: usize = 50;

/// What was read of a text that may be no KDL.
pub(super) struct Reading {
    /// What it says apart from its slips; `None` if they are too many, or one cannot be put right.
    pub(super) document: Option<KdlDocument>,
    /// What is no KDL, in the order of finding.
    pub(super) slips: Vec<Slip>,
}

/// One place that is no KDL.
pub(super) struct Slip {
    /// The bytes that are wrong.
    pub(super) at: Range<usize>,
    /// What to write instead.
    pub(super) message: String,
    /// What the bytes are replaced by, to read on.
    filler: Filler,
}

/// What says nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filler {
    /// A value.
    Value,
    /// A blank, and a value if there is room.
    BlankAndValue,
    /// Blanks.
    Blanks,
    /// What is there stays; a block is closed at the end of the text.
    Closed,
}

/// Reads a text and what is wrong with it.
pub(super) fn read(text: &str) -> Reading {
    let mut mended = text.to_owned();
    let mut slips: Vec<Slip> = Vec::new();
    loop {
        let error = match KdlDocument::parse_v2(&mended) {
            Ok(document) => {
                let document = Some(document);
                return Reading { document, slips };
            }
            Err(error) => error,
        };
        let mut slip = slip(&mended, &error);
        // It quotes the file, and may go to a terminal.
        slip.message = slip.message.replace(char::is_control, "?");
        let is_told = slips.iter().any(|earlier| earlier.at == slip.at);
        let is_last = slips.len() == MOST_SLIPS;
        if is_told || is_last {
            if is_last {
                slip.message =
                    format!("from here on nothing is told: {MOST_SLIPS} slips are enough");
                slips.push(slip);
            }
            let document = None;
            return Reading { document, slips };
        }
        slip.mend(&mut mended);
        slips.push(slip);
    }
}

impl Slip {
    /// Replaces what is wrong by as many bytes that are not.
    fn mend(&self, text: &mut String) {
        let length = self.at.len();
        let filling = match self.filler {
            Filler::Value => "_".repeat(length),
            Filler::BlankAndValue => format!(" {}", "_".repeat(length - 1)),
            Filler::Blanks => " ".repeat(length),
            Filler::Closed => return text.push_str("\n}"),
        };
        text.replace_range(self.at.clone(), &filling);
    }
}

/// The slip behind what the parser says.
fn slip(text: &str, error: &KdlError) -> Slip {
    let opens = |offset: usize| text.as_bytes().get(offset) == Some(&b'{');
    let starts: Vec<_> = error
        .diagnostics
        .iter()
        .map(|it| text.floor_char_boundary(it.span.offset()))
        .collect();
    // Behind a slip inside it a block is taken for unclosed, from its brace on and from what follows.
    let is_block = |start: usize| opens(start) || start.checked_sub(1).is_some_and(opens);
    let inside = starts
        .iter()
        .zip(&error.diagnostics)
        .filter(|(start, _)| !is_block(**start));
    let first = inside.min_by_key(|(start, _)| **start);
    let block = starts.iter().copied().filter(|start| opens(*start)).min();
    match (first, block) {
        (Some((start, diagnostic)), _) => at(text, *start, diagnostic),
        (None, Some(brace)) => Slip {
            at: brace..brace + 1,
            message: "this { is never closed".to_owned(),
            filler: Filler::Closed,
        },
        (None, None) => Slip {
            at: 0..0,
            message: "this is not KDL 2 (https://kdl.dev)".to_owned(),
            filler: Filler::Blanks,
        },
    }
}

/// The slip at a byte.
fn at(text: &str, start: usize, diagnostic: &KdlDiagnostic) -> Slip {
    let blanks = text[start..].len() - text[start..].trim_start().len();
    let start = start + blanks;
    let spanned = diagnostic.span.offset() + diagnostic.span.len();
    let end = end_of_word(text, start).max(text.floor_char_boundary(spanned));
    let word = &text[start..end];
    let value = |end: usize, message: String| Slip {
        at: start..end,
        message,
        filler: Filler::Value,
    };
    if word.contains('\n') && !word.starts_with('"') {
        return over_lines(text, start..end, diagnostic);
    }
    match text[start..].chars().next() {
        Some('=') => assignment(text, start),
        Some('#') if is_comment(text, start) => Slip {
            at: start..end_of_line(text, start),
            message: "a comment begins with //".to_owned(),
            filler: Filler::Blanks,
        },
        Some('#') => {
            let message =
                format!("{word} is no value; there are #true and #false, in small letters");
            value(end, message)
        }
        Some('}') => Slip {
            at: start..start + 1,
            message: "this } closes nothing".to_owned(),
            filler: Filler::Blanks,
        },
        Some('[') => {
            let line = &text[start..end_of_line(text, start)];
            let end = line.find(']').map_or(end, |closing| start + closing + 1);
            let message = "a list has blanks between its values, no brackets and no commas";
            value(end, message.to_owned())
        }
        Some('"') => value(end, quoted(word, diagnostic)),
        Some('r') if word.starts_with("r\"") || word.starts_with("r#") => {
            let message = format!("write it as in KDL 2, without the r: #{}#", raw(word));
            value(end, message)
        }
        Some(_) if !word.is_empty() => value(end, bare(text, start, word)),
        _ => value(end, parsers_words(diagnostic)),
    }
}

/// The slip in what the parser gives up as a whole.
fn over_lines(text: &str, whole: Range<usize>, diagnostic: &KdlDiagnostic) -> Slip {
    let opened = text[whole.clone()].rfind("/*").map(|at| whole.start + at);
    match opened.filter(|opened| !text[*opened..whole.end].contains("*/")) {
        Some(opened) => Slip {
            at: opened..text.len(),
            message: "this comment is never closed".to_owned(),
            filler: Filler::Blanks,
        },
        None => Slip {
            at: whole,
            message: parsers_words(diagnostic),
            filler: Filler::Value,
        },
    }
}

/// `KEY=VALUE` where a node is meant.
fn assignment(text: &str, start: usize) -> Slip {
    let key = text[..start].trim_end_matches(' ');
    let key = key.rsplit(|it: char| it.is_whitespace() || "{};".contains(it));
    let key = key.into_iter().next().unwrap_or_default();
    let rest = &text[start + 1..];
    let begin = start + 1 + (rest.len() - rest.trim_start_matches(' ').len());
    let end = end_of_word(text, begin);
    let value = spelled(text, start, &text[begin..end]);
    let message = if value.is_empty() {
        "a key and its value have a blank between, no =".to_owned()
    } else {
        format!("a key and its value have a blank between, no =: write {key} {value}")
    };
    Slip {
        at: start..end.max(start + 1),
        message,
        filler: Filler::BlankAndValue,
    }
}

/// A value as it has to be written.
fn spelled(text: &str, start: usize, value: &str) -> String {
    let plain = value.starts_with('"') || value.starts_with('#') || value.is_empty();
    match value {
        _ if plain => value.to_owned(),
        "true" | "false" if !is_environment(text, start) => format!("#{value}"),
        number if number.parse::<u32>().is_ok() && !is_environment(text, start) => {
            number.to_owned()
        }
        other => format!("\"{other}\""),
    }
}

/// What to write for a word that needs quotes, or is of KDL 1.
fn bare(text: &str, start: usize, word: &str) -> String {
    let before = text[..start].trim_end_matches([' ', '\t']);
    let is_key = before.is_empty() || before.ends_with(['\n', '{', ';']);
    let text_of = word.trim_end_matches(',');
    match word {
        "true" | "false" if !is_environment(text, start) => {
            format!("write #{word}, or \"{word}\" if a text is meant")
        }
        _ if is_key => format!("a line begins with a key, and {word} is none"),
        _ if text_of.is_empty() => "values have blanks between, no commas".to_owned(),
        _ => format!("write it in quotes: \"{text_of}\""),
    }
}

/// What is wrong with a word that begins with a quote.
fn quoted(word: &str, diagnostic: &KdlDiagnostic) -> String {
    let inner = word.get(1..).unwrap_or_default();
    if inner.contains('\\') {
        return "in quotes \\ is written \\\\ unless it begins an escape such as \\n".to_owned();
    }
    match inner.find('"') {
        None => "this text has no closing \" on its line".to_owned(),
        Some(closing) if inner[closing + 1..].starts_with(',') => {
            "values have blanks between, no commas".to_owned()
        }
        Some(closing) if closing + 1 < inner.len() => {
            "a blank is missing behind the closing \"".to_owned()
        }
        Some(_) => parsers_words(diagnostic),
    }
}

/// The quoted part of a raw text of KDL 1.
fn raw(word: &str) -> &str {
    word.trim_start_matches('r').trim_matches('#')
}

fn parsers_words(diagnostic: &KdlDiagnostic) -> String {
    let message = diagnostic.message.as_deref();
    let help = diagnostic.help.as_deref().map(|help| format!(" ({help})"));
    let message = message.unwrap_or("this is not KDL 2");
    format!("{message}{}", help.unwrap_or_default())
}

/// Whether a byte is in a block whose values are all texts.
fn is_environment(text: &str, start: usize) -> bool {
    let block = text[..start].rfind('{').map(|brace| &text[..brace]);
    let closed = text[..start].rfind('}') > text[..start].rfind('{');
    !closed && block.is_some_and(|before| before.trim_end().ends_with("env"))
}

/// Whether `#` begins what is a comment elsewhere: at the beginning of a line, or with a blank behind.
fn is_comment(text: &str, start: usize) -> bool {
    let line = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let is_first = text[line..start].trim().is_empty();
    is_first || text[start + 1..].starts_with([' ', '\t', '#'])
}

fn end_of_line(text: &str, start: usize) -> usize {
    text[start..]
        .find('\n')
        .map_or(text.len(), |end| start + end)
}

/// Where a word ends, its quotes included.
fn end_of_word(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let quoted = rest
        .strip_prefix('"')
        .and_then(|rest| rest.find(['"', '\n']));
    let from = quoted.map_or(0, |closing| closing + 1);
    let is_end = |it: char| it.is_whitespace() || "{};".contains(it);
    let end = rest[from..]
        .find(is_end)
        .map_or(rest.len(), |end| from + end);
    start + end
}
