//! What libFuzzer says of a run, line by line.

use anyhow::{Result, ensure};
use std::fmt;

/// What came of a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    runs: Option<u64>,
    /// How many edges of the code were reached.
    coverage: u64,
    /// The input that failed.
    artifact: Option<String>,
    /// What it said.
    message: String,
    /// How many more lines belong to that.
    more: u8,
}

impl Report {
    /// Hears a line.
    pub(super) fn hear(&mut self, line: &str) {
        if let Some(runs) = line.strip_prefix("stat::number_of_executed_units:") {
            self.runs = runs.trim().parse().ok();
        } else if let Some((_, artifact)) = line.split_once("Test unit written to ") {
            self.artifact = Some(artifact.trim().to_owned());
        } else if let Some(coverage) = line
            .split(" cov: ")
            .nth(1)
            .filter(|_| line.starts_with('#'))
        {
            let number = coverage
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok());
            self.coverage = number.unwrap_or(self.coverage);
        }
        if line.contains("panicked at ") || line.starts_with("SUMMARY: ") && self.message.is_empty()
        {
            self.more = MESSAGE_LINES;
        }
        if self.more > 0 && !line.starts_with("stack backtrace") {
            self.more -= 1;
            self.message += line;
            self.message.push('\n');
        } else {
            self.more = 0;
        }
    }

    /// The process ended, well or not.
    ///
    /// # Errors
    ///
    /// If nothing was run: the target could not be built or started.
    pub(super) fn ended(&mut self, well: bool) -> Result<()> {
        ensure!(
            self.runs.is_some(),
            "libFuzzer has not run:\n{}",
            self.message
        );
        ensure!(
            well || self.artifact.is_some(),
            "libFuzzer failed:\n{}",
            self.message
        );
        Ok(())
    }

    /// Whether an input failed.
    pub(super) const fn has_crashed(&self) -> bool {
        self.artifact.is_some()
    }

    /// The file with the input that failed.
    pub(super) fn artifact(&self) -> Option<&str> {
        self.artifact.as_deref()
    }

    /// What it said.
    pub(super) fn message(&self) -> &str {
        self.message.trim_end()
    }
}

impl fmt::Display for Report {
    /// `12345678 runs, 0 crashes, cov 1234`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let crashes = u8::from(self.has_crashed());
        let runs = self.runs.unwrap_or_default();
        write!(f, "{runs} runs, {crashes} crashes, cov {}", self.coverage)
    }
}

/// A panic says where, and then what: that is enough of it.
const MESSAGE_LINES: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &[&str], well: bool, shown: Option<&str>, artifact: Option<&str>) {
        let mut report = Report::default();
        for line in lines {
            report.hear(line);
        }
        let ended = report.ended(well);
        assert_eq!(ended.is_ok(), shown.is_some(), "{lines:?}: {ended:?}");
        if let Some(shown) = shown {
            assert_eq!(report.to_string(), shown, "{lines:?}");
        }
        assert_eq!(report.artifact(), artifact, "{lines:?}");
    }

    #[test]
    fn a_run_is_told_by_what_libfuzzer_says_itself() {
        let lines = [
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#8192\tpulse  cov: 345 ft: 999 corp: 9/9b lim: 4 exec/s: 4096 rss: 30Mb",
            "stat::number_of_executed_units: 8192",
        ];
        check(&lines, true, Some("8192 runs, 0 crashes, cov 345"), None);
    }

    #[test]
    fn a_crash_is_told_with_its_input() {
        let lines = [
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 30Mb",
            "thread '<unnamed>' panicked at src/decoder.rs:1:1:",
            "a delimiter is text",
            "artifact_prefix='x/'; Test unit written to x/crash-1",
            "stat::number_of_executed_units: 77",
        ];
        let shown = Some("77 runs, 1 crashes, cov 12");
        check(&lines, false, shown, Some("x/crash-1"));
    }

    #[test]
    fn a_run_that_never_was_is_an_error() {
        check(&["error: could not compile"], false, None, None);
        check(&[], true, None, None);
        check(&["stat::number_of_executed_units: 7"], false, None, None);
    }
}
