//! The line parser, against a table as long as a board's.

use crate::figure::{Bar, Figure};
use crate::setting::Setting;
use crate::span::Rounds;
use anyhow::{Result, anyhow, ensure};
use lastword_shell::{Dialect, Rules, Script, commands, parse};
use std::hint::black_box;

/// The line that has a bar.
const LINE: &str = "svc restart camera --grace 5s";

/// Measures the reading of lines.
///
/// # Errors
///
/// If a line is not understood.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let rounds = Rounds::new(setting.quick);
    let rules = Rules::new(commands::ALL, Dialect::Plain);
    let mut figures = Vec::new();
    let bar = Some(Bar::Below(100.0));
    let measured = "into a script that is there, as the agent does, among 20 commands";
    for (line, bar) in [
        (LINE, bar),
        ("status", None),
        ("@7 power reboot --in=5s --reason \"new kernel\"", None),
    ] {
        let mut script = Script::default();
        let span = rounds.measure(|| {
            let _ = black_box(script.read(black_box(line), black_box(rules)));
            black_box(&script);
        });
        script
            .read(line, rules)
            .map_err(|error| anyhow!("{line}: {error}"))?;
        ensure!(script.steps.len() == 1, "{line}: {script:?}");
        figures.extend(span.figures(&format!("read `{line}`"), bar, measured));
    }
    let span = rounds.measure(|| {
        black_box(&parse(black_box(LINE), black_box(rules)));
    });
    let measured = "into a new script, which is moved";
    figures.extend(span.figures(&format!("parse `{LINE}`"), None, measured));
    Ok(figures)
}
