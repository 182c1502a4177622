//! Virtual boards of every kind run, reset and lose power.
//!
//! They need QEMU, and the first run downloads a kernel, so they are behind a feature:
//! `cargo test -p lastword-virtual --features virtual-board --test virtual_board`.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test, as its body does"
)]

mod linux;
mod mcu;
