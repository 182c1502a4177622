//! A terminal with a program in it: what a person would see, and keys that a person would press.
//!
//! The terminal is tmux, driven by its control mode (tmux(1), "CONTROL MODE"): it tells when the
//! program has written something, so that nobody has to guess when to look.

use super::BOUND;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// A terminal of 80 by 24; its program ends with it.
#[derive(Debug)]
pub struct Screen {
    tmux: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
}

impl Screen {
    /// Opens a terminal in which this command line runs. What is kept, is kept in `directory`.
    #[must_use]
    pub fn open(directory: &Path, command_line: &str) -> Self {
        let mut tmux = Command::new("tmux")
            .arg("-S")
            .arg(directory.join("tmux"))
            .args(["-f", "/dev/null", "-C", "new-session"])
            .args(["-x", "80", "-y", "24", command_line])
            .env("HOME", directory)
            .env("TERM", "xterm")
            .env_remove("TMUX")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tmux");
        let stdout = tmux.stdout.take().expect("a pipe");
        let (said, lines) = mpsc::channel();
        thread::spawn(move || {
            // A program may write what is no text.
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if said
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    return;
                }
            }
        });
        let commands = tmux.stdin.take().expect("a pipe");
        let mut screen = Self {
            tmux,
            commands,
            lines,
        };
        // Of the new session.
        screen.answer();
        screen.command("refresh-client -C 80x24");
        screen
    }

    /// Types text as it stands.
    pub fn write(&mut self, text: &str) {
        self.command(&format!("send-keys -l '{text}'"));
    }

    /// Presses keys, by tmux's names for them: `Enter`, `Up`, `C-c`.
    pub fn press(&mut self, keys: &str) {
        self.command(&format!("send-keys {keys}"));
    }

    /// Waits until a row of the screen is this, blanks at its end apart.
    #[track_caller]
    pub fn wait_for_row(&mut self, row: &str) {
        self.wait_for(|rows| rows.iter().any(|shown| shown == row), row);
    }

    /// Waits until a row of the screen ends so.
    #[track_caller]
    pub fn wait_for_end_of_row(&mut self, end: &str) {
        self.wait_for(|rows| rows.iter().any(|shown| shown.ends_with(end)), end);
    }

    /// Waits until a row of the screen begins so.
    #[track_caller]
    pub fn wait_for_start_of_row(&mut self, start: &str) {
        self.wait_for(
            |rows| rows.iter().any(|shown| shown.starts_with(start)),
            start,
        );
    }

    /// Waits until the last row that is not empty is this: where a prompt stands.
    #[track_caller]
    pub fn wait_for_last_row(&mut self, row: &str) {
        self.wait_for(|rows| rows.last().is_some_and(|last| last == row), row);
    }

    #[track_caller]
    fn wait_for(&mut self, is_there: impl Fn(&[String]) -> bool, what: &str) {
        loop {
            let rows = self.rows();
            if is_there(&rows) {
                return;
            }
            self.change(what, &rows);
        }
    }

    /// Waits until the program writes.
    #[track_caller]
    fn change(&mut self, what: &str, rows: &[String]) {
        loop {
            match self.lines.recv_timeout(BOUND) {
                Ok(line) if line.starts_with("%output ") => return,
                Ok(line) if line.starts_with("%exit") => panic!("the program has ended: {rows:#?}"),
                Ok(_) => {}
                Err(why) => panic!("waiting for {what:?}: {why}; the screen: {rows:#?}"),
            }
        }
    }

    /// Waits until the program has ended, and the terminal with it.
    #[track_caller]
    pub fn wait_for_end(&mut self) {
        while let Ok(line) = self.lines.recv_timeout(BOUND) {
            if line.starts_with("%exit") {
                return;
            }
        }
        panic!("the program stays");
    }

    /// What is on the screen, down to the last row that is not empty.
    pub fn rows(&mut self) -> Vec<String> {
        let mut rows = self.command("capture-pane -p");
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn command(&mut self, command: &str) -> Vec<String> {
        writeln!(self.commands, "{command}").expect("tmux listens");
        self.answer()
    }

    /// The answer to the next command. What the program writes meanwhile is no answer, and is on
    /// the screen when that is looked at next.
    fn answer(&mut self) -> Vec<String> {
        let mut answer = None;
        loop {
            let line = self.lines.recv_timeout(BOUND).expect("tmux answers");
            match &mut answer {
                None if line.starts_with("%begin ") => answer = Some(Vec::new()),
                None => {}
                Some(rows) if line.starts_with("%end ") => return std::mem::take(rows),
                Some(rows) if line.starts_with("%error ") => panic!("tmux: {rows:?}"),
                Some(rows) => rows.push(line.trim_end().to_owned()),
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended already. Its server ends with its only session.
        let _ = writeln!(self.commands, "kill-server");
        let _ = self.tmux.wait();
    }
}
