//! The words of a command line as one line of the shell's grammar.

/// One line of the shell's grammar from the words of a command line.
///
/// A word with blanks stays one word; a single argument is taken for the line itself.
pub(crate) fn line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

/// The word as the grammar reads it back; of `--option=value` only the value is quoted.
fn quoted(word: &str) -> String {
    if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
        return format!("{option}={}", quoted(value));
    }
    let needs =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\' | '#');
    if !word.is_empty() && !word.contains(needs) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.extend(control.escape_unicode()),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use lastword_shell::{Dialect, Rules, commands, parse};

    #[track_caller]
    fn check(words: &[&str], expected: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let line = line(&words);
        assert_eq!(line, expected, "{words:?}");
        let rules = Rules::new(commands::ALL, Dialect::Plain);
        assert!(parse(&line, rules).is_ok(), "{line}");
    }

    #[test]
    fn a_word_with_blanks_stays_one_word() {
        check(
            &["reboot", "--reason", "too late"],
            r#"reboot --reason "too late""#,
        );
        check(
            &["reboot", r#"--reason=a "b" \"#],
            r#"reboot --reason="a \"b\" \\""#,
        );
        check(&["reboot", "--reason", ""], r#"reboot --reason """#);
        check(
            &["reboot", "--reason", "#1\n"],
            r##"reboot --reason "#1\u{a}""##,
        );
    }

    #[test]
    fn the_grammars_own_signs_keep_their_meaning() {
        check(&["status", ";", "uptime"], "status ; uptime");
    }

    #[test]
    fn a_single_argument_is_the_line_itself() {
        check(&["power reboot --in 5s"], "power reboot --in 5s");
    }
}
