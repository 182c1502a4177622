//! Transcripts of the README: typed into a shell, line by line, against a real board.

use std::path::Path;
use std::process::Command;

/// One command of a transcript, and the lines that it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptCommand {
    /// The command, as a person types it.
    pub line: String,
    /// The lines that are printed under it.
    pub printed: Vec<String>,
}

/// The place in which a transcript is typed.
#[derive(Clone, Copy, Debug)]
pub struct TranscriptDesk<'d> {
    /// The working directory, and the home of what it keeps.
    pub directory: &'d Path,
    /// The directory of the project's programs.
    pub programs: &'d Path,
    /// The board's address.
    pub url: &'d str,
}

/// Returns the commands of one section of the README, by its heading, `## Ship a new version`.
#[must_use]
pub fn commands_of(section: &str) -> Vec<TranscriptCommand> {
    let readme = include_str!("../../README.md");
    let section = readme.split(section).nth(1).expect("the section");
    let section = section.split("\n## ").next().expect("the section");
    let mut commands: Vec<TranscriptCommand> = Vec::new();
    let mut is_transcript = false;
    for line in section.lines() {
        match line.strip_prefix("    ") {
            Some(line) if line.starts_with("$ ") => {
                is_transcript = true;
                commands.push(TranscriptCommand {
                    line: line[2..].to_owned(),
                    printed: Vec::new(),
                });
            }
            Some(line) if is_transcript => {
                let command = commands.last_mut().expect("a command");
                command.printed.push(line.to_owned());
            }
            _ => is_transcript = false,
        }
    }
    commands
}

impl TranscriptDesk<'_> {
    /// Types a command and checks each line that it prints, apart from the program's own notes.
    ///
    /// # Panics
    ///
    /// If something else is printed.
    pub fn check(&self, command: &TranscriptCommand) {
        let output = Command::new("sh")
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.programs.display()))
            .env("HOME", self.directory.join("home"))
            .env("LASTWORD_URL", self.url)
            .current_dir(self.directory)
            .args(["-c", &format!("{} 2>&1", command.line)])
            .output()
            .expect("sh");
        let printed = String::from_utf8(output.stdout).expect("text");
        let printed: Vec<_> = printed
            .lines()
            .filter(|it| !it.starts_with("lastword: "))
            .collect();
        assert_eq!(printed, command.printed, "{}", command.line);
    }
}

/// The section about generations: every line but the one that makes a key, which the board trusts already.
///
/// # Panics
///
/// If something else is printed.
pub fn ship_a_version(desk: TranscriptDesk<'_>) {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../generation");
    std::os::unix::fs::symlink(examples, desk.directory.join("generation")).expect("a link");
    let commands = commands_of("## Ship a new version");
    assert!(commands.len() > 12, "{commands:?}");
    for command in commands {
        if command.line.contains("keygen") {
            // No two keys are the same.
            assert_eq!(command.printed.len(), 3, "{}", command.line);
        } else {
            desk.check(&command);
        }
    }
}
