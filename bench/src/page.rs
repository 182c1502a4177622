//! `BENCHMARKS.md`, written whole.

use crate::figure::Figure;
use crate::machine::{Machine, locked};
use crate::part::Part;
use anyhow::Result;
use std::fmt::Write;

/// What was measured, part by part.
pub type Measured = [(Part, Vec<Figure>)];

/// The page.
///
/// # Errors
///
/// If a peer is not locked.
pub fn page(machine: &Machine, measured: &Measured) -> Result<String> {
    let mut page = head(machine)?;
    for (part, figures) in measured {
        section(&mut page, *part, figures)?;
    }
    Ok(page)
}

fn head(machine: &Machine) -> Result<String> {
    let Machine {
        cpu,
        cores,
        kernel,
        rustc,
        date,
        commit,
    } = machine;
    Ok(format!(
        "<!-- Written by `cargo xtask bench`. Do not edit. -->\n\
         # Benchmarks\n\n\
         `cargo xtask bench` measures all of this in one run and writes this page. {MISSED}\n\n\
         | | |\n| --- | --- |\n\
         | machine | {cpu}, {cores} CPUs |\n\
         | kernel | Linux {kernel} |\n\
         | compiler | {rustc} |\n\
         | measured | {date}, at commit {commit} |\n\
         | postcard-rpc | {} |\n\
         | ergot | {} |\n",
        locked("postcard-rpc")?,
        locked("ergot")?
    ))
}

fn section(page: &mut String, part: Part, figures: &[Figure]) -> Result<()> {
    write!(page, "\n## {}\n\n", part.title())?;
    page.push_str("| | value | bar | | measured |\n| --- | ---: | --- | --- | --- |\n");
    for figure in figures {
        let (value, bar) = (figure.shown(), figure.shown_bar());
        let Figure { name, measured, .. } = figure;
        writeln!(
            page,
            "| {name} | {value} | {bar} | {} | {measured} |",
            figure.verdict()
        )?;
    }
    if let Some(remarks) = part.remarks() {
        write!(page, "\n{remarks}\n")?;
    }
    Ok(())
}

const MISSED: &str = "It fails if a bar is missed. `cargo xtask bench --quick`, which CI runs, \
                      takes shorter rounds; a bar on time that is missed there is shown as missed \
                      and does not fail, because CI's machines are shared.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::{Bar, Unit};

    #[test]
    fn a_missed_bar_is_on_the_page() {
        let figure = Figure::new("a thing", 26.0, Unit::Nanos, "somehow");
        let mut page = String::new();
        let figures = [figure.with_bar(Bar::AtMost(25.0))];
        section(&mut page, Part::Rest, &figures).unwrap();
        let row = "| a thing | 26.0 ns | at most 25.0 ns | missed | somehow |";
        assert!(page.contains(row), "{page}");
    }
}
