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
    /// How deep its stack went, where that was measured: on the larger core.
    pub(crate) stack_bytes: Option<u64>,
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

impl Row<'_> {
    /// Variables and deepest stack.
    fn memory_bytes(&self) -> Option<u64> {
        Some(self.cortex_m3.static_bytes + self.stack_bytes?)
    }
}

/// What a firmware misses, in words.
pub(crate) fn missed(row: &Row<'_>) -> Vec<String> {
    let Firmware { name, budget, .. } = row.firmware;
    let both = [&row.cortex_m3, &row.cortex_m0];
    let panics = both.iter().find_map(|image| image.panics().next());
    let over = |taken: Option<u64>, most: Option<u64>, what| {
        let (taken, most) = (taken?, most?);
        let words = || format!("{name} takes {taken} bytes of {what}, the most is {most}");
        (taken > most).then(words)
    };
    let missed = [
        over(Some(row.cortex_m3.flash_bytes), budget.flash_bytes, "flash"),
        over(row.memory_bytes(), budget.memory_bytes, "memory"),
        panics
            .filter(|_| !budget.may_panic)
            .map(|panic| format!("{name} can panic: it holds {panic}")),
    ];
    missed.into_iter().flatten().collect()
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
    let budget = row.firmware.budget;
    let mut panics = row.cortex_m3.panics().chain(row.cortex_m0.panics());
    let cells = [
        row.title.clone(),
        grouped(row.cortex_m3.flash_bytes),
        bar(
            Some(row.cortex_m3.flash_bytes),
            budget.flash_bytes,
            budget.stretch_bytes,
        ),
        grouped(row.cortex_m0.flash_bytes),
        grouped(row.cortex_m3.static_bytes),
        row.stack_bytes.map_or_else(String::new, grouped),
        bar(row.memory_bytes(), budget.memory_bytes, None),
        if panics.next().is_some() { "yes" } else { "no" }.to_owned(),
        row.firmware.about.to_owned(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// A budget and how it was kept; empty without one.
fn bar(bytes: Option<u64>, most: Option<u64>, stretch: Option<u64>) -> String {
    let Some(most) = most else {
        return String::new();
    };
    let verdict = match (bytes, stretch) {
        (None, _) => "not measured".to_owned(),
        (Some(bytes), _) if bytes > most => "missed".to_owned(),
        (Some(bytes), Some(stretch)) if bytes <= stretch => {
            format!("met, and the stretch of {}", grouped(stretch))
        }
        (Some(_), _) => "met".to_owned(),
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

| | flash: Cortex-M3 | bar | Cortex-M0 | variables | deepest stack | bar on both | can panic | |
| --- | ---: | --- | ---: | ---: | ---: | --- | --- | --- |
";

const REMARKS: &str = "
Bytes, written by `cargo xtask size --write`, which fails over budget. Flash is code, constants and what
variables start with, net of the vector table and of a firmware that does nothing but start and echo.
The stack is painted at start-up; how deep it went is read from an emulated Cortex-M3 after a session
with every command, every kind of error, every key, every request, noise and a reset.
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
            static_bytes: 3,
            stack: None,
            symbols: vec![Symbol {
                name: function.to_owned(),
                bytes: 2,
            }],
        }
    }

    /// So many bytes of at most 20, at best 10, and of memory at most 30.
    #[track_caller]
    fn check(bytes: [u64; 2], function: &str, verdict: &str, expected: &[&str]) {
        let [flash_bytes, stack_bytes] = bytes;
        let firmware = Firmware {
            name: "thing",
            peers: &[],
            about: "",
            session: None,
            budget: Budget {
                flash_bytes: Some(20),
                stretch_bytes: Some(10),
                memory_bytes: Some(30),
                may_panic: false,
            },
        };
        let row = Row {
            firmware: &firmware,
            title: String::new(),
            stack_bytes: Some(stack_bytes),
            cortex_m3: image(flash_bytes, "main"),
            cortex_m0: image(flash_bytes, function),
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
        let stretch = "at most 20: met, and the stretch of 10";
        check([10, 0], "main", stretch, &[]);
        check([11, 0], "main", "at most 20: met |", &[]);
        check([20, 0], "main", "at most 20: met |", &[]);
        let missed = "at most 20: missed";
        check([21, 0], "main", missed, &["21 bytes of flash"]);
    }

    #[test]
    fn variables_and_stack_share_a_budget() {
        check([20, 27], "main", "at most 30: met |", &[]);
        let missed = "at most 30: missed";
        check([20, 28], "main", missed, &["31 bytes of memory"]);
    }

    #[test]
    fn one_function_that_panics_is_over_budget() {
        let panic = "core::panicking::panic_fmt";
        check([20, 0], panic, "| yes |", &["holds core::panicking"]);
        let both = &["21 bytes of flash", "can panic"];
        check([21, 0], panic, "| yes |", both);
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
