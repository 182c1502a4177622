//! The table of sizes, and what of it is over budget.

use super::elf::Image;
use super::firmware::Firmware;

/// The line in front of the section.
pub(crate) const BEGIN: &str = "<!-- begin: cargo xtask size --write -->";
/// The line behind it.
pub(crate) const END: &str = "<!-- end: cargo xtask size -->";

/// One firmware, net of what every firmware has.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// Which.
    pub(crate) firmware: &'a Firmware,
    /// Its name, a peer's with its version.
    pub(crate) title: String,
    /// On the larger core, which budgets are for.
    pub(crate) cortex_m3: Image,
    /// On the smaller core.
    pub(crate) cortex_m0: Image,
}

/// The section, with its heading.
pub(crate) fn table(rows: &[Row<'_>]) -> String {
    let lines: String = rows.iter().map(line).collect();
    format!("{HEAD}{lines}{REMARKS}")
}

/// What a firmware misses, in words.
pub(crate) fn missed(row: &Row<'_>) -> Vec<String> {
    let Row {
        firmware,
        cortex_m3,
        ..
    } = row;
    let budget = firmware.budget;
    let name = firmware.name;
    let mut missed = Vec::new();
    if let Some(most) = budget
        .flash_bytes
        .filter(|most| cortex_m3.flash_bytes > *most)
    {
        let taken = cortex_m3.flash_bytes;
        missed.push(format!(
            "{name} takes {taken} bytes of flash, the most is {most}"
        ));
    }
    let both = [&row.cortex_m3, &row.cortex_m0];
    if let Some(panic) = both.iter().find_map(|image| image.panics().next())
        && !budget.may_panic
    {
        missed.push(format!("{name} can panic: it holds {panic}"));
    }
    missed
}

/// `page` with `section` between its two marks: in place of what is there, else at the end.
pub(crate) fn put(page: &str, section: &str) -> String {
    let (before, after) = match page.split_once(BEGIN) {
        Some((before, rest)) => {
            let after = rest.split_once(END).map_or("", |(_, after)| after);
            (before.to_owned(), after)
        }
        None => (format!("{page}\n"), "\n"),
    };
    format!("{before}{BEGIN}\n{section}{END}{after}")
}

fn line(row: &Row<'_>) -> String {
    let Row {
        firmware,
        title,
        cortex_m3,
        cortex_m0,
    } = row;
    let panics = if cortex_m3
        .panics()
        .chain(cortex_m0.panics())
        .next()
        .is_some()
    {
        "yes"
    } else {
        "no"
    };
    format!(
        "| {title} | {} | {} | {} | {} | {panics} | {} |\n",
        grouped(cortex_m3.flash_bytes),
        bar(firmware, cortex_m3.flash_bytes),
        grouped(cortex_m0.flash_bytes),
        grouped(cortex_m3.static_bytes),
        firmware.about,
    )
}

/// The budget for flash and how it was kept; empty without one.
fn bar(firmware: &Firmware, bytes: u64) -> String {
    let Some(most) = firmware.budget.flash_bytes else {
        return String::new();
    };
    let verdict = match firmware.budget.stretch_bytes {
        _ if bytes > most => "missed".to_owned(),
        Some(stretch) if bytes <= stretch => {
            format!("met, and the stretch of {}", grouped(stretch))
        }
        _ => "met".to_owned(),
    };
    format!("at most {}: {verdict}", grouped(most))
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(String::from_utf8_lossy);
    let head = (!head.is_empty()).then(|| head.into());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

const HEAD: &str = "\
## On a microcontroller

| | flash, bytes: Cortex-M3 | bar | Cortex-M0 | static RAM, bytes | can panic | |
| --- | ---: | --- | ---: | ---: | --- | --- |
";

const REMARKS: &str = "
Written by `cargo xtask size --write`, which fails over budget. Flash is code, constants and what
variables start with, net of the vector table and of a firmware that does nothing but start and echo.
Everyone stands on the same start-up and UART and takes the same ten commands with the same options,
built with `opt-level = \"z\"`, fat LTO and one codegen unit. `bench/size` says at the head of each
firmware what it does and what it does not.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::elf::Symbol;
    use crate::size::firmware::Budget;

    fn image(flash_bytes: u64, function: &str) -> Image {
        Image {
            flash_bytes,
            vectors_bytes: 0,
            static_bytes: 0,
            symbols: vec![Symbol {
                name: function.to_owned(),
                bytes: 2,
            }],
        }
    }

    /// `bytes` of at most 20, at best 10.
    #[track_caller]
    fn check(bytes: u64, function: &str, verdict: &str, expected: &[&str]) {
        let firmware = Firmware {
            name: "thing",
            peers: &[],
            about: "",
            budget: Budget {
                flash_bytes: Some(20),
                stretch_bytes: Some(10),
                may_panic: false,
            },
        };
        let row = Row {
            firmware: &firmware,
            title: String::new(),
            cortex_m3: image(bytes, "main"),
            cortex_m0: image(bytes, function),
        };
        let line = line(&row);
        assert!(line.contains(verdict), "{line}");
        let missed = missed(&row);
        assert_eq!(missed.len(), expected.len(), "{missed:?}");
        for (missed, expected) in missed.iter().zip(expected) {
            assert!(missed.contains(expected), "{missed}");
        }
    }

    #[test]
    fn a_budget_is_kept_up_to_its_last_byte() {
        check(10, "main", "at most 20: met, and the stretch of 10", &[]);
        check(11, "main", "at most 20: met |", &[]);
        check(20, "main", "at most 20: met |", &[]);
        check(21, "main", "at most 20: missed", &["takes 21 bytes"]);
    }

    #[test]
    fn one_function_that_panics_is_over_budget() {
        let panic = "core::panicking::panic_fmt";
        check(20, panic, "| yes |", &["holds core::panicking::panic_fmt"]);
        check(21, panic, "| yes |", &["takes 21 bytes", "can panic"]);
    }

    #[track_caller]
    fn check_put(page: &str, expected: &str) {
        assert_eq!(put(page, "new\n"), expected);
    }

    #[test]
    fn the_section_is_replaced_or_added() {
        let marked = |section: &str| format!("a\n\n{BEGIN}\n{section}{END}\nz\n");
        check_put(&marked("old\n"), &marked("new\n"));
        check_put("a\n", &format!("a\n\n{BEGIN}\nnew\n{END}\n"));
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        let numbers = [0, 999, 1_000, 21_084, 1_000_000].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "21,084", "1,000,000"]);
    }
}
