//! See `lastword_fuzz::messages`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::messages::run(data));
