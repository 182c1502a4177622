//! Rules of the house that no lint knows: lengths, headers, what may not be in a core.

use crate::cargo::root;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a file, its tests apart.
const FILE_LINES: usize = 400;
/// The most lines of a function.
const FUNCTION_LINES: usize = 60;

/// Checks every source file that git knows, and the paths that `ARCHITECTURE.md` names.
pub(crate) fn run() -> Result<()> {
    let mut complaints = Vec::new();
    for file in tracked("*.rs")? {
        let text = fs::read_to_string(root().join(&file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        complaints.extend(source(&file, &text));
    }
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let named = paths_named(&architecture);
    let missing = named.filter(|path| !root().join(path).exists());
    complaints.extend(missing.map(|path| format!("ARCHITECTURE.md names {path}: not there")));
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    ensure!(
        complaints.is_empty(),
        "{} complaints by tidy",
        complaints.len()
    );
    Ok(())
}

/// The files that git has or would add.
fn tracked(pattern: &str) -> Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .current_dir(root())
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            pattern,
        ])
        .output()
        .context("cannot ask git for the files")?;
    let names = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
    let exists = |path: &PathBuf| root().join(path).exists();
    Ok(names.lines().map(PathBuf::from).filter(exists).collect())
}

fn source(file: &Path, text: &str) -> Vec<String> {
    let shown = file.display();
    let mut complaints = Vec::new();
    if !text.starts_with("//! ") {
        complaints.push(format!("{shown}: does not open with a `//!` line"));
    }
    let lines = text
        .lines()
        .take_while(|line| *line != "mod tests {")
        .count();
    if lines > FILE_LINES && !is_test(file) {
        complaints.push(format!(
            "{shown}: {lines} lines; think again at {FILE_LINES}"
        ));
    }
    if file.iter().any(|part| part == "core") && text.contains("tokio::") {
        complaints.push(format!("{shown}: a core knows no tokio"));
    }
    complaints.extend(long_functions(text).map(|(name, line, length)| {
        format!("{shown}:{line}: {name} has {length} lines; the most is {FUNCTION_LINES}")
    }));
    complaints
}

fn is_test(file: &Path) -> bool {
    file.iter()
        .any(|part| part == "tests" || part == "tests.rs")
}

/// The functions that are too long: name, line, length. Relies on the formatter's indentation.
fn long_functions(text: &str) -> impl Iterator<Item = (String, usize, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        // A declaration in a trait has no body.
        let head = lines[start..]
            .iter()
            .find(|line| line.ends_with(['{', '}', ';']));
        if head.is_some_and(|line| line.ends_with(';')) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{:indent$}}}", "");
        let end = lines[start..]
            .iter()
            .position(|line| *line == closing)
            .unwrap_or(0);
        if end + 1 > FUNCTION_LINES {
            found.push((name.to_owned(), start + 1, end + 1));
        }
    }
    found.into_iter()
}

/// The name of the function whose signature begins on this line.
fn function_name(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let (before, after) = code.split_once("fn ")?;
    let qualifiers = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "const",
        "async",
        "unsafe",
        "extern",
    ];
    if !before
        .split_whitespace()
        .all(|word| qualifiers.contains(&word))
    {
        return None;
    }
    let end = after.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    Some(&after[..end])
}

/// The paths in backquotes: whatever holds a slash and no blank.
fn paths_named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|quoted| quoted.contains('/') && !quoted.contains(char::is_whitespace))
        .filter(|quoted| !quoted.starts_with('/') && !quoted.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, text: &str, expected: &[&str]) {
        let complaints = source(Path::new(file), text);
        assert_eq!(complaints.len(), expected.len(), "{complaints:?}");
        for (complaint, part) in complaints.iter().zip(expected) {
            assert!(complaint.contains(part), "{complaint}");
        }
    }

    #[test]
    fn a_short_file_with_a_purpose_is_tidy() {
        check("a.rs", "//! Purpose.\nfn short() {\n}\n", &[]);
        check("a.rs", "fn short() {\n}\n", &["does not open"]);
    }

    #[test]
    fn length_counts_up_to_the_tests() {
        let body = "//! Purpose.\n".to_owned() + &"\n".repeat(FILE_LINES - 1);
        check("a.rs", &body, &[]);
        check("a.rs", &(body.clone() + "mod tests {\n}\n"), &[]);
        check("a.rs", &(body.clone() + "\n"), &["401 lines"]);
        check("tests/a.rs", &(body + "\n"), &[]);
    }

    #[test]
    fn a_declaration_without_a_body_has_no_length() {
        let between = "    /// Words.\n".repeat(FUNCTION_LINES);
        let text = format!(
            "//! Purpose.\ntrait T {{\n    fn a(\n        &self,\n    );\n{between}}}\nimpl T for X {{\n    fn a(&self) {{\n    }}\n}}\n"
        );
        check("a.rs", &text, &[]);
    }

    #[test]
    fn a_function_ends_where_its_indentation_does() {
        let long = |lines: usize| {
            format!(
                "//! P.\nimpl X {{\n    pub fn f() {{\n{}    }}\n}}\n",
                "\n".repeat(lines)
            )
        };
        check("a.rs", &long(FUNCTION_LINES - 2), &[]);
        check(
            "a.rs",
            &long(FUNCTION_LINES - 1),
            &["a.rs:3: f has 61 lines"],
        );
    }

    #[test]
    fn a_core_knows_no_tokio() {
        check(
            "agent/src/core/a.rs",
            "//! P.\nuse tokio::net;\n",
            &["no tokio"],
        );
        check("agent/src/edge/a.rs", "//! P.\nuse tokio::net;\n", &[]);
    }

    #[test]
    fn only_paths_are_looked_for() {
        let text = "`protocol/src` and `cargo xtask`, `/etc/x`, `tcp://host`, `no slash`";
        assert_eq!(paths_named(text).collect::<Vec<_>>(), ["protocol/src"]);
    }
}
