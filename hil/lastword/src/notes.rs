//! Asides on standard error: what else the board says, and the rungs of a proof.

use lastword_client::client::TextSink;
use lastword_client::escape::escape;
use lastword_client::ladder::RungSink;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// Standard error, shared by all who note something.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Aside>>);

#[derive(Default)]
struct Aside {
    /// The last piece of console text did not end its line.
    in_mid_line: bool,
}

impl Notes {
    /// Shows console text, made safe; or drops it, if that is wished.
    pub(crate) fn text_sink(&self, quiet: bool) -> TextSink {
        let notes = self.clone();
        Box::new(move |text| {
            if !quiet {
                notes.with(|aside| aside.text(text));
            }
        })
    }

    /// Shows each rung with its time.
    pub(crate) fn rung_sink(&self) -> RungSink {
        let notes = self.clone();
        Box::new(move |rung, at| {
            let word = rung.word().replace('_', " ");
            notes.line(&format!(
                "{:>4}.{:03} s  {word}",
                at.0 / 1_000,
                at.0 % 1_000
            ));
        })
    }

    /// Shows a line.
    pub(crate) fn line(&self, line: &str) {
        self.with(|aside| aside.line(line));
    }

    fn with(&self, write: impl FnOnce(&mut Aside)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Aside {
    fn text(&mut self, text: &[u8]) {
        print(&escape(text));
        self.in_mid_line = !text.ends_with(b"\n");
    }

    fn line(&mut self, line: &str) {
        if std::mem::take(&mut self.in_mid_line) {
            print("\n");
        }
        print(&(escape(line.as_bytes()) + "\n"));
    }
}

fn print(text: &str) {
    // If standard error is gone there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
