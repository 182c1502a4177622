//! See `lastword_fuzz::session`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lastword_fuzz::session::run(data));
