//! The progress of a transfer: a bar on a terminal, lines for a program.

use super::progress_object;
use crate::report::{self, Reader};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lastword_client::client::TransferProgress;
use lastword_client::clock::Clock;
use lastword_protocol::{Instant, Millis};
use std::io::{IsTerminal, stderr};

/// The time between two lines for a program.
const LINE_PAUSE: Millis = Millis(500);

/// The progress as it is shown.
pub(super) struct ShownProgress {
    bar: ProgressBar,
    has_lines: bool,
    clock: Clock,
    /// The time of the last line.
    said: Option<Instant>,
}

impl ShownProgress {
    /// A bar if standard error is a terminal and nobody wants quiet; lines on standard output for a program.
    pub(super) fn new(reader: Reader, is_quiet: bool) -> Self {
        let is_person = reader != Reader::Program && !is_quiet && stderr().is_terminal();
        let target = if is_person {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template(
            "{bytes}/{total_bytes} [{bar:30}] {binary_bytes_per_sec}, {eta} left",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            has_lines: reader == Reader::Program && !is_quiet,
            clock: Clock::start(),
            said: None,
        }
    }

    pub(super) fn note(&mut self, progress: TransferProgress) {
        if self.bar.length() != Some(progress.size) {
            self.bar.set_length(progress.size);
            // What was there before has no rate.
            self.bar.set_position(progress.from);
            self.bar.reset_eta();
        }
        self.bar.set_position(progress.done);
        let is_due = self
            .said
            .is_none_or(|said| LINE_PAUSE <= self.clock.now().since(said));
        if self.has_lines && is_due {
            self.said = Some(self.clock.now());
            report::object(progress_object(progress));
        }
    }

    /// Takes the bar away: the outcome is told next.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for ShownProgress {
    fn drop(&mut self) {
        if !self.bar.is_finished() {
            self.bar.abandon();
        }
    }
}
