//! See `lastword_fuzz::decoder`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::decoder::run(data));
