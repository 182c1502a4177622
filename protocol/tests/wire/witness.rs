//! Writes down which vectors were checked, for whoever checks them elsewhere, too:
//! `cargo xtask vectors` hands them to an emulated board.

use std::env;
use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;

/// What a vector is a vector of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// The body of a request.
    Request(u8),
    /// The body of a reply.
    Reply(u8),
    /// The body of a hello.
    Hello(u8),
    /// A whole frame without its delimiters, behind the nonce that it is summed with.
    Frame,
}

/// These bytes are read, and written again as they are.
pub(crate) fn saw(of: Of, bytes: &[u8]) {
    note(of, "good", bytes);
}

/// These bytes are refused.
pub(crate) fn saw_refused(of: Of, bytes: &[u8]) {
    note(of, "bad", bytes);
}

fn note(of: Of, verdict: &str, bytes: &[u8]) {
    let Some(path) = env::var_os("LASTWORD_VECTORS") else {
        return;
    };
    let (kind, opcode) = match of {
        Of::Request(opcode) => ("request", opcode),
        Of::Reply(opcode) => ("reply", opcode),
        Of::Hello(opcode) => ("hello", opcode),
        Of::Frame => ("frame", 0),
    };
    let mut line = format!("{verdict} {kind} {opcode} ");
    for byte in bytes {
        write!(line, "{byte:02x}").expect("a string takes everything");
    }
    line.push('\n');
    let file = OpenOptions::new().create(true).append(true).open(path);
    // In one write, because tests run side by side.
    let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
    written.expect("a place for the vectors");
}
