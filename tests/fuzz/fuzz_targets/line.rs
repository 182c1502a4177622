//! See `lastword_fuzz::line`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::line::run(data));
