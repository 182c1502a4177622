//! What a line says, read a second time: no table, no nom, no positions.

use lastword_protocol::Millis;
use lastword_protocol::power::PowerRequest;
use lastword_shell::Dialect;
use std::iter::Peekable;
use std::str::Chars;

/// The words of the last command of a line, quotes and escapes undone. Only for lines that are
/// right.
pub(super) fn last_command(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '#' if word.is_none() => break,
            ';' | '&' => {
                word = None;
                words.clear();
            }
            '\'' => word
                .get_or_insert_default()
                .extend(rest.by_ref().take_while(|character| *character != '\'')),
            '"' => quoted(&mut rest, word.get_or_insert_default()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if words.first().is_some_and(|word| word.starts_with('@')) {
        words.remove(0);
    }
    words
}

fn quoted(rest: &mut Peekable<Chars<'_>>, word: &mut String) {
    while let Some(character) = rest.next() {
        match character {
            '"' => return,
            '\\' => word.extend(escaped(rest)),
            other => word.push(other),
        }
    }
}

fn escaped(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    let digits: String = match rest.next()? {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'x' => rest.by_ref().take(2).collect(),
        'u' => {
            let digits = rest.by_ref().skip(1);
            digits.take_while(|digit| *digit != '}').collect()
        }
        same => return Some(same),
    };
    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
}

/// Whether these words ask for that. In term a group and an option may be abbreviated; what takes
/// the board down never.
pub(super) fn asks_for(words: &[String], asked: &PowerRequest, dialect: Dialect) -> bool {
    let name = if asked.operation.is_reboot() {
        "reboot"
    } else {
        "shutdown"
    };
    let is = |word: &String, full: &str| {
        let begins =
            dialect == Dialect::Term && !word.is_empty() && full.starts_with(word.as_str());
        word == full || begins
    };
    let named = match words {
        [first, ..] if first == name => true,
        [first, second, ..] => is(first, "power") && second == name,
        _ => false,
    };
    // An option begins with what it takes to tell it from the others, and may hold its value.
    let has = |option: &str| {
        words.iter().any(|word| {
            let word = word.split('=').next().unwrap_or_default();
            word == option || dialect == Dialect::Term && word.len() > 2 && option.starts_with(word)
        })
    };
    named
        && (!asked.force || has("--force"))
        && (!asked.await_close || has("--await-close"))
        && (!asked.operation.is_graceful() || has("--graceful"))
        && (asked.delay == Millis(0) || has("--in"))
        && (asked.id.is_none() || has("--op"))
        && (asked.boot.is_none() || has("--boot"))
        && (asked.reason.is_empty() || has("--reason") && holds(words, &asked.reason))
}

/// Whether some word is that text, or ends with it behind an equals sign.
fn holds(words: &[String], text: &str) -> bool {
    let behind = |word: &String| word.strip_suffix(text).map(|rest| rest.ends_with('='));
    words
        .iter()
        .any(|word| word == text || behind(word) == Some(true))
}
