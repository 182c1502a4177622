//! What is no KDL 2, told in terms of what to write instead.
//!
//! The parser tells of the first slip, and then of whatever that makes of the rest. So it is shown one
//! statement at a time; one slip is taken at a time, put right by something as long that says nothing, and
//! the statement read anew: what is told is independent of each other, and the rest of the file can be
//! checked, too.

use super::scanner::next_statement;
use kdl::{KdlDiagnostic, KdlDocument, KdlNode};
use lastword_shell::escape::is_hidden;
use std::ops::Range;

/// How many slips of a file are told at most. Whoever makes more has another language in mind.
const MOST_SLIPS: usize = 50;
/// How many statements are looked at at most; of no file more than a dozen mean anything.
const STATEMENTS_MAX: usize = 1_000;
/// How many bytes are parsed at most before another slip ends it, for what has one is parsed again.
const PARSED_BYTES_MAX: usize = 128 << 10;

/// What was read of a text that may be no KDL.
pub(super) struct Reading {
    /// What it says apart from its slips; `None` if they are too many, or one cannot be put right.
    pub(super) document: Option<KdlDocument>,
    /// What is no KDL, in the order of finding.
    pub(super) slips: Vec<Slip>,
}

/// One place that is no KDL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slip {
    /// The bytes that are wrong.
    pub(super) at: Range<usize>,
    /// What to write instead.
    pub(super) message: String,
    /// What the bytes are replaced by, to read on.
    filler: Filler,
}

/// What says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filler {
    /// A value.
    Value,
    /// A blank, and a value if there is room.
    BlankAndValue,
    /// Blanks.
    Blanks,
    /// What is there stays; a block is closed at the end of the text.
    Closed,
    /// There is no reading on.
    Nothing,
}

/// Reads a text and what is wrong with it.
pub(super) fn read(text: &str) -> Reading {
    let mut mended = text.to_owned();
    let mut reading = Reading {
        document: Some(KdlDocument::new()),
        slips: Vec::new(),
    };
    let mut progress = Progress::default();
    while let Err(mut slip) = progress.read_on(&mended) {
        // It quotes the file, and may go to a terminal.
        slip.message = slip.message.replace(is_hidden, "?");
        let is_told = reading.slips.iter().any(|earlier| earlier.at == slip.at);
        let is_last = reading.slips.len() == MOST_SLIPS;
        let is_over = is_told || is_last || slip.filler == Filler::Nothing;
        if is_last {
            slip.message = format!("from here on nothing is told: {MOST_SLIPS} slips are enough");
        } else if progress.parsed > PARSED_BYTES_MAX {
            slip.message += "; the rest of the file is not checked";
        }
        let is_over = is_over || progress.parsed > PARSED_BYTES_MAX;
        if !is_over {
            slip.mend(&mut mended);
        }
        if is_last || !is_told {
            reading.slips.push(slip);
        }
        if is_over {
            reading.document = None;
            return reading;
        }
    }
    if let Some(document) = &mut reading.document {
        *document.nodes_mut() = progress.nodes;
    }
    reading
}

/// How far a text has been read.
#[derive(Default)]
struct Progress {
    nodes: Vec<KdlNode>,
    /// Where the first statement begins that has not been read.
    next: usize,
    /// How many statements were looked at, and how many bytes of them parsed; each time it is.
    statements: usize,
    parsed: usize,
}

impl Progress {
    /// Reads to the next slip, or to the end.
    fn read_on(&mut self, text: &str) -> Result<(), Slip> {
        while let Some(statement) = next_statement(text, self.next)? {
            self.statements += 1;
            if self.statements > STATEMENTS_MAX {
                let message =
                    format!("from here on nothing is read: {STATEMENTS_MAX} keys are enough");
                let at = statement.start..statement.start;
                return Err(Slip::new(at, message, Filler::Nothing));
            }
            self.parsed += statement.text.len();
            match KdlNode::parse(&statement.text) {
                Ok(mut node) => {
                    if !statement.is_out {
                        shift(&mut node, statement.start);
                        self.nodes.push(node);
                    }
                    self.next = statement.next;
                }
                Err(error) => {
                    let diagnostics = error.diagnostics.into_iter();
                    let diagnostics: Vec<_> =
                        diagnostics.map(|it| moved(it, statement.start)).collect();
                    return Err(slip(text, statement.start, &diagnostics));
                }
            }
        }
        Ok(())
    }
}

/// The diagnostic of a statement as one of the whole text.
fn moved(mut diagnostic: KdlDiagnostic, by: usize) -> KdlDiagnostic {
    // What follows the last that it understands, it tells as a whole.
    let is_rest = diagnostic.message.is_none();
    let length = if is_rest { 0 } else { diagnostic.span.len() };
    diagnostic.span = (diagnostic.span.offset() + by, length).into();
    diagnostic
}

/// Says of a statement's parts where they are in the whole.
fn shift(node: &mut KdlNode, by: usize) {
    let name = node.name().span();
    node.name_mut().set_span((name.offset() + by, name.len()));
    for entry in node.entries_mut() {
        let span = entry.span();
        entry.set_span((span.offset() + by, span.len()));
    }
    let children = node.children_mut().iter_mut();
    for child in children.flat_map(KdlDocument::nodes_mut) {
        shift(child, by);
    }
}

impl Slip {
    /// At these bytes.
    pub(super) fn new(at: Range<usize>, message: impl Into<String>, filler: Filler) -> Self {
        Self {
            at,
            message: message.into(),
            filler,
        }
    }

    /// Replaces what is wrong by as many bytes that are not.
    fn mend(&self, text: &mut String) {
        let length = self.at.len();
        let filling = match self.filler {
            Filler::Value => "_".repeat(length),
            Filler::BlankAndValue => format!(" {}", "_".repeat(length - 1)),
            Filler::Blanks => " ".repeat(length),
            Filler::Closed => return text.push_str("\n}"),
            Filler::Nothing => return,
        };
        text.replace_range(self.at.clone(), &filling);
    }
}

/// The slip behind what the parser says of the statement that begins there.
fn slip(text: &str, begun: usize, diagnostics: &[KdlDiagnostic]) -> Slip {
    let opens = |offset: usize| text.as_bytes().get(offset) == Some(&b'{');
    let starts: Vec<_> = diagnostics
        .iter()
        .map(|it| text.floor_char_boundary(it.span.offset()))
        .collect();
    // Behind a slip inside it a block is taken for unclosed, from its brace on and from what follows.
    let is_block = |start: usize| opens(start) || start.checked_sub(1).is_some_and(opens);
    let inside = starts
        .iter()
        .zip(diagnostics)
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
        (None, None) => Slip::new(
            begun..begun,
            "this is not KDL 2 (https://kdl.dev)",
            Filler::Nothing,
        ),
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
        return value(end, parsers_words(diagnostic));
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
