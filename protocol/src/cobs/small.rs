//! For boards: byte by byte, without moving blocks, whose routine alone is longer than all of this.

use super::{FULL, MAX_RUN};

/// Encodes what lies in `buffer` from 1 up to `end` and returns where it ends then; `None` if
/// that is beyond `buffer`. The first byte is room for the first code.
pub(crate) fn encode(buffer: &mut [u8], mut end: usize) -> Option<usize> {
    let mut code_at = 0;
    let mut code = 1;
    let mut at = 1;
    while at < end {
        if usize::from(code) > MAX_RUN {
            // A full run: its successor's code needs a place of its own.
            let mut carried = 0;
            for byte in buffer.get_mut(at..=end)? {
                core::mem::swap(byte, &mut carried);
            }
            end += 1;
        }
        let byte = *buffer.get(at)?;
        if byte == 0 {
            *buffer.get_mut(code_at)? = code;
            code_at = at;
            code = 0;
        }
        code += 1;
        at += 1;
    }
    *buffer.get_mut(code_at)? = code;
    Some(end)
}

/// Decodes in place and returns what `encoded` says; `None` if it ends within a run. A zero where
/// a code should be ends it.
pub(crate) fn decode(encoded: &mut [u8]) -> Option<&[u8]> {
    let mut code = *encoded.first().filter(|code| **code != 0)?;
    let mut left = code;
    let mut written = 0;
    for at in 1..encoded.len() {
        left -= 1;
        let mut byte = *encoded.get(at)?;
        if left == 0 {
            if byte == 0 {
                break;
            }
            left = byte;
            let full = core::mem::replace(&mut code, byte) == FULL;
            if full {
                continue;
            }
            byte = 0;
        }
        *encoded.get_mut(written)? = byte;
        written += 1;
    }
    (left <= 1).then(|| encoded.get(..written))?
}
