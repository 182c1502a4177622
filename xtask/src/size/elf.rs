//! What a linked firmware takes: read from its ELF file.

use anyhow::{Context, Result, ensure};
use object::elf::{self, FileHeader32, SHF_ALLOC, SHF_WRITE, SHT_NOBITS, SectionType};
use object::read::elf::ElfFile;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};
use rustc_demangle::demangle;
use std::ops::Range;

/// A firmware, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// What is programmed into flash, without the vector table: code, constants, and what the
    /// variables start with.
    pub(crate) flash_bytes: u64,
    /// The vector table.
    pub(crate) vectors_bytes: u64,
    /// What variables take, initialised, zeroed or retained.
    pub(crate) static_bytes: u64,
    /// Where the stack is, if start-up paints it: addresses.
    pub(crate) stack: Option<Range<u64>>,
    /// Functions and data, largest first.
    pub(crate) symbols: Vec<Symbol>,
}

/// A function or a variable.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// Its path, as Rust spells it.
    pub(crate) name: String,
    /// How long it is.
    pub(crate) bytes: u64,
}

impl Image {
    /// Reads an ELF file for a 32-bit core.
    pub(crate) fn read(file: &[u8]) -> Result<Self> {
        let elf = ElfFile::<FileHeader32<Endianness>>::parse(file).context("not an ELF file")?;
        let mut image = Self {
            flash_bytes: 0,
            vectors_bytes: 0,
            static_bytes: 0,
            stack: stack(&elf),
            symbols: symbols(&elf),
        };
        // Without symbols nobody could tell whether it can panic.
        ensure!(!image.symbols.is_empty(), "it has no symbols");
        for section in elf.sections() {
            let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else {
                continue;
            };
            image.count(
                section.name().unwrap_or_default(),
                section.size(),
                Residence::of(sh_type, sh_flags),
            );
        }
        Ok(image)
    }

    /// What it takes beyond what `other` does.
    pub(crate) fn without(mut self, other: &Self) -> Self {
        self.flash_bytes = self.flash_bytes.saturating_sub(other.flash_bytes);
        self.static_bytes = self.static_bytes.saturating_sub(other.static_bytes);
        self
    }

    /// The functions that are there because something can panic.
    pub(crate) fn panics(&self) -> impl Iterator<Item = &str> {
        let names = self.symbols.iter().map(|symbol| symbol.name.as_str());
        names.filter(|name| is_panic(name))
    }

    fn count(&mut self, name: &str, bytes: u64, residence: Residence) {
        if name == VECTORS {
            self.vectors_bytes += bytes;
            return;
        }
        if residence.flash {
            self.flash_bytes += bytes;
        }
        if residence.memory {
            self.static_bytes += bytes;
        }
    }
}

/// Where a section is when the firmware runs. A variable with a first value is in both.
#[derive(Clone, Copy)]
struct Residence {
    flash: bool,
    memory: bool,
}

impl Residence {
    fn of(kind: SectionType, flags: elf::SectionFlags) -> Self {
        let is_loaded = flags.contains(SHF_ALLOC);
        Self {
            flash: is_loaded && kind != SHT_NOBITS,
            memory: is_loaded && flags.contains(SHF_WRITE),
        }
    }
}

/// The section of the vector table, as cortex-m-rt names it.
const VECTORS: &str = ".vector_table";

/// The stack's bounds, as cortex-m-rt names them.
fn stack(elf: &ElfFile<'_, FileHeader32<Endianness>>) -> Option<Range<u64>> {
    let address = |name| Some(elf.symbol_by_name(name)?.address());
    Some(address("_stack_end")?..address("_stack_start")?)
}

fn symbols(elf: &ElfFile<'_, FileHeader32<Endianness>>) -> Vec<Symbol> {
    let is_content = |kind| matches!(kind, SymbolKind::Text | SymbolKind::Data);
    let mut symbols: Vec<_> = elf
        .symbols()
        .filter(|symbol| symbol.is_definition() && is_content(symbol.kind()))
        .map(|symbol| Symbol {
            name: format!("{:#}", demangle(symbol.name().unwrap_or_default())),
            bytes: symbol.size(),
        })
        .collect();
    symbols.sort_by(|one, other| other.bytes.cmp(&one.bytes).then(one.name.cmp(&other.name)));
    symbols
}

/// Whether a function is there because something can panic: the panic machinery of `core`, its
/// callers that do nothing else, and the firmware's handler.
fn is_panic(name: &str) -> bool {
    let is_of_core = name.trim_start_matches('<').starts_with("core::");
    let mut parts = name.split("::");
    name.contains(HANDLER)
        || is_of_core
            && parts.any(|part| {
                part.contains("panic") || part.contains("_fail") || part == "unwrap_failed"
            })
}

/// What `#[panic_handler]` becomes.
const HANDLER: &str = "rust_begin_unwind";

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf::SHT_PROGBITS;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(
            is_panic(&format!("{:#}", demangle(name))),
            expected,
            "{name}"
        );
    }

    #[test]
    fn what_only_panics_is_recognised() {
        check("core::panicking::panic_fmt", true);
        check(
            "core::panicking::panic_const::panic_const_div_by_zero",
            true,
        );
        check("core::slice::index::slice_index_fail", true);
        check("core::slice::copy_from_slice_impl::len_mismatch_fail", true);
        check("core::option::unwrap_failed", true);
        check("core::option::expect_failed", true);
        check("core::result::unwrap_failed", true);
        check("core::str::slice_error_fail_rt", true);
        check("core::cell::panic_already_borrowed", true);
        check("__rustc::rust_begin_unwind", true);
    }

    #[test]
    fn mangled_names_are_recognised_in_both_ways_of_mangling() {
        check("_ZN4core9panicking9panic_fmt17h0123456789abcdefE", true);
        check("_RNvNtCs1234_4core9panicking9panic_fmt", true);
        check("_RNvCs1234_7___rustc17rust_begin_unwind", true);
        check("_RNvNtCs1234_4core3fmt5write", false);
    }

    #[test]
    fn other_functions_are_not() {
        check("core::fmt::write", false);
        check("lastword_shell::parse::fail", false);
        check("main", false);
        check("Reset", false);
    }

    #[track_caller]
    fn check_residence(kind: SectionType, flags: elf::SectionFlags, flash: bool, memory: bool) {
        let mut image = Image {
            flash_bytes: 0,
            vectors_bytes: 0,
            static_bytes: 0,
            stack: None,
            symbols: Vec::new(),
        };
        image.count(".any", 8, Residence::of(kind, flags));
        let expected = (8 * u64::from(flash), 8 * u64::from(memory));
        let counted = (image.flash_bytes, image.static_bytes);
        assert_eq!(counted, expected, "{kind:?} {flags:?}");
    }

    #[test]
    fn every_section_counts_where_it_is() {
        let variable = SHF_ALLOC | SHF_WRITE;
        check_residence(SHT_PROGBITS, SHF_ALLOC, true, false);
        check_residence(SHT_PROGBITS, variable, true, true);
        check_residence(SHT_NOBITS, variable, false, true);
        check_residence(SHT_PROGBITS, elf::SectionFlags(0), false, false);
    }
}
