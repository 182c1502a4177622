//! `cargo xtask size`: what firmware takes of a microcontroller, ours beside its peers.

mod elf;
mod firmware;
mod report;
mod session;
mod stack;

use crate::bare_metal::{CORTEX_M0, CORTEX_M3};
use crate::board;
use crate::cargo::root;
use anyhow::{Context, Result, ensure};
use elf::Image;
use firmware::{EMPTY, Firmware, OURS, PEERS, read};
use lastword_virtual::prerequisites::Wanted;
use report::Row;
use std::fs;

/// How many of the largest symbols are listed.
const LISTED: usize = 15;

/// What to do with the figures, besides printing them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Show {
    /// List the largest functions and constants of each firmware.
    pub(crate) verbose: bool,
    /// Put the table into `BENCHMARKS.md`.
    pub(crate) write: bool,
    /// Leave out what needs a virtual board: how deep the stack goes.
    pub(crate) no_vm: bool,
}

/// Builds everything, measures it, prints the table; fails over budget.
pub(crate) fn run(show: Show) -> Result<()> {
    if !show.no_vm {
        board::install(Wanted::Mcu)?;
    }
    let empty_m3 = measure(&EMPTY, CORTEX_M3, show)?;
    let empty_m0 = measure(&EMPTY, CORTEX_M0, show)?;
    let mut rows = Vec::new();
    for firmware in OURS.iter().chain(&PEERS) {
        let cortex_m3 = measure(firmware, CORTEX_M3, show)?;
        let session = firmware.session.filter(|_| !show.no_vm);
        let stack_bytes = session.map(|session| {
            let elf = firmware.elf(CORTEX_M3);
            stack::deepest(&elf, &cortex_m3, session)
        });
        rows.push(Row {
            firmware,
            title: firmware.title()?,
            stack_bytes: stack_bytes.transpose()?,
            cortex_m3: cortex_m3.without(&empty_m3),
            cortex_m0: measure(firmware, CORTEX_M0, show)?.without(&empty_m0),
        });
    }
    let table = report::table(&rows);
    print!("{table}");
    if show.write {
        write(&table)?;
    }
    let missed: Vec<_> = rows.iter().flat_map(report::missed).collect();
    ensure!(missed.is_empty(), "over budget: {}", missed.join("; "));
    Ok(())
}

/// Format and lints of the firmware that is measured.
pub(crate) fn check() -> Result<()> {
    firmware::check(CORTEX_M3)
}

fn measure(firmware: &Firmware, triple: &str, show: Show) -> Result<Image> {
    firmware.build(triple)?;
    let image = read(&firmware.elf(triple))?;
    if show.verbose {
        println!("{} on {triple}:", firmware.name);
        for symbol in image.symbols.iter().take(LISTED) {
            println!("{:>8} {}", symbol.bytes, symbol.name);
        }
        for name in image.panics() {
            println!("  panics {name}");
        }
    }
    Ok(image)
}

fn write(table: &str) -> Result<()> {
    let path = root().join("BENCHMARKS.md");
    let page = fs::read_to_string(&path).context("cannot read BENCHMARKS.md")?;
    fs::write(&path, report::put(&page, table)).context("cannot write BENCHMARKS.md")
}
