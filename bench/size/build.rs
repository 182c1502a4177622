//! Hands the linker cortex-m-rt's script, which asks for the board's `memory.x`.

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
